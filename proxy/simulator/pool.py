"""The records that OCS has in its hands for a group: those at hand, and those out with agents or in calls."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from proxy.simulator.calling_list import CallingList, Record
from proxy.simulator.vocabulary import RecordType


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


class Pool:
    """The records in OCS's hands. `engaged` counts the records out with each DN, over all groups."""

    def __init__(self, handles: Iterator[int], engaged: Counter[str]) -> None:
        self.at_hand: deque[Held] = deque()
        self.out: dict[int, Held] = {}
        self._handles = handles
        self._engaged = engaged

    def add(self, calling_list: CallingList, record: Record) -> None:
        """A record was retrieved: it is at hand, under a handle of its own."""
        self.at_hand.append(Held(next(self._handles), calling_list, record, record.attempt))

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

    def all(self) -> list[Held]:
        """Every record in OCS's hands."""
        return [*self.at_hand, *self.out.values()]
