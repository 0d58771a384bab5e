"""The records that OCS has in its hands for a group: those at hand, and those out with agents or in calls."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from proxy.simulator.calling_list import CallingList, Record
from proxy.simulator.vocabulary import RecordType


class Handles:
    """The handles of records, each new; `last` is the one given out last."""

    def __init__(self) -> None:
        self.last = 0

    def next(self) -> int:
        """A new handle."""
        self.last += 1
        return self.last


@dataclass(eq=False, slots=True)
class Held:
    """A retrieved record. Its handle is new with each retrieval; `agent` is the DN that has it, or empty."""

    handle: int
    calling_list: CallingList
    record: Record
    attempt: int
    agent: str = ""
    since: float = 0.0
    refused_by: set[str] = field(default_factory=set)

    @property
    def is_callback(self) -> bool:
        """Whether the customer was promised a call at this time."""
        return self.record.type in (RecordType.PERSONAL_CALLBACK, RecordType.CAMPAIGN_CALLBACK)


def held_as_json(held: Held) -> dict[str, Any]:
    """A record in OCS's hands, for the other one of a pair."""
    return {
        "handle": held.handle,
        "list": held.calling_list.name,
        "record": asdict(held.record),
        "attempt": held.attempt,
        "agent": held.agent,
        "since": held.since,
        "refused_by": sorted(held.refused_by),
    }


def held_from_json(state: Mapping[str, Any], lists: Mapping[str, CallingList]) -> Held:
    """The record again, of one of these lists, by name."""
    record = Record(**{**state["record"], "type": RecordType(state["record"]["type"])})
    refused_by = set(state["refused_by"])
    calling_list = lists[state["list"]]
    return Held(state["handle"], calling_list, record, state["attempt"], state["agent"], state["since"], refused_by)


class Pool:
    """The records in OCS's hands. `engaged` counts the records out with each DN, over all groups."""

    def __init__(self, handles: Handles, engaged: Counter[str]) -> None:
        self.at_hand: deque[Held] = deque()
        self.out: dict[int, Held] = {}
        self._handles = handles
        self._engaged = engaged

    def add(self, calling_list: CallingList, record: Record) -> None:
        """A record was retrieved: it is at hand, under a handle of its own."""
        self.at_hand.append(Held(self._handles.next(), calling_list, record, record.attempt))

    def take(self, wanted: Callable[[Held], bool], now: float) -> Held | None:
        """The first record at hand that is wanted; it is out from now on. None where there is none."""
        for held in self.at_hand:
            if wanted(held):
                self.take_out(held, now)
                return held
        return None

    def take_out(self, held: Held, now: float) -> None:
        """A record at hand is out from now on."""
        self.at_hand.remove(held)
        self.out[held.handle] = held
        held.since = now

    def assign(self, held: Held, agent: str, now: float) -> None:
        """A record that is out is with this agent."""
        held.agent = agent
        held.since = now
        self._engaged[agent] += 1

    def put_back(self, held: Held) -> None:
        """A record that was out is at hand again, the next to go."""
        self.drop(held)
        self.at_hand.appendleft(held)

    def drop(self, held: Held) -> None:
        """A record leaves OCS's hands."""
        if self.out.pop(held.handle, None) is None:
            self.at_hand.remove(held)
        if held.agent:
            self._engaged[held.agent] -= 1
            held.agent = ""

    def resume(self, at_hand: list[Held], out: list[Held]) -> None:
        """What another OCS had in its hands is in these."""
        self.at_hand.extend(at_hand)
        for held in out:
            self.out[held.handle] = held
            if held.agent:
                self._engaged[held.agent] += 1

    def all(self) -> list[Held]:
        """Every record in OCS's hands."""
        return [*self.at_hand, *self.out.values()]
