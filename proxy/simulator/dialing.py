"""Calls that OCS dials itself (Predictive, Progressive): busy, not answered, or connected to a ready agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IDelayedCall

from proxy.kvlist import pair
from proxy.simulator import vocabulary as word
from proxy.simulator.pool import Held
from proxy.simulator.vocabulary import CallResult, RecordType, Stat
from proxy.tevents.message import EVENT_ESTABLISHED, EVENT_RELEASED, EVENT_RINGING

if TYPE_CHECKING:
    from proxy.simulator.group import CampaignGroup


@dataclass(eq=False, slots=True)
class Call:
    """A call of a record. `agent` is the DN it is connected to, empty before; the next step is `timer`'s."""

    connection: int
    held: Held
    agent: str = ""
    timer: IDelayedCall | None = None
    is_established: bool = False


class Dialing:
    """The calls of one group."""

    def __init__(self, group: CampaignGroup) -> None:
        self._group = group
        self._dialled: set[Call] = set()
        self._answered: list[Call] = []
        self._connected: dict[int, Call] = {}

    def dial(self) -> None:
        """Dial as many records as ready agents allow: one each, in Predictive mode some more."""
        group = self._group
        each = group.ocs.overdial if group.mode == "Predictive" else 1.0
        room = ceil(len(self._ready_agents()) * each) - len(self._dialled) - len(self._answered)
        for _ in range(room):
            held = group.pool.take(_is_dialled, group.timers.now)
            if held is None:
                return
            call = Call(group.random.getrandbits(63), held)
            self._dialled.add(call)
            call.timer = group.timers.later(group.ocs.dial_time * (0.5 + group.random.random()), self._outcome, call)

    def connect(self) -> None:
        """Answered calls go to agents who are ready."""
        for dn in self._ready_agents():
            while self._answered and not self._is_wanted(self._answered[0]):
                self._drop(self._answered.pop(0))
            if not self._answered:
                return
            call = self._answered.pop(0)
            self._group.timers.cancel(call.timer)
            call.agent = dn
            self._connected[call.connection] = call
            self._group.pool.assign(call.held, dn, self._group.timers.now)
            self._group.voice.ledger.count(self._group.conf.name, "delivered")
            self._event(EVENT_RINGING, call)
            call.timer = self._group.timers.later(self._group.ocs.ring_time, self._establish, call)

    def release(self, dn: str, connection: int) -> bool:
        """The agent hangs up; False where no such call is at this DN."""
        call = self._connected.get(connection)
        if call is None or call.agent != dn:
            return False
        self._release(call)
        return True

    def as_json(self) -> list[dict[str, Any]]:
        """The calls that are with agents, for the other one of a pair; those that are not yet are the dialer's own."""
        return [
            {"connection": call.connection, "handle": call.held.handle, "established": call.is_established}
            for call in self._connected.values()
        ]

    def resume(self, calls: Sequence[Mapping[str, Any]]) -> None:
        """The switch kept the calls that were with agents; their records are out."""
        ocs, out = self._group.ocs, self._group.pool.out
        for each in calls:
            if each["handle"] in out:
                held = out[each["handle"]]
                call = Call(each["connection"], held, held.agent, is_established=each["established"])
                self._connected[call.connection] = call
                step = (ocs.call_time, self._release) if call.is_established else (ocs.ring_time, self._establish)
                call.timer = self._group.timers.later(*step, call)

    @property
    def is_talking(self) -> bool:
        """Whether any agent is in a call of this group."""
        return bool(self._connected)

    def forget(self) -> None:
        """The group is unloaded by force: its calls are no longer OCS's."""
        for call in list(self._connected.values()):
            self._release(call)
        self._dialled.clear()
        self._answered.clear()

    # ------------------------------------------------------------------------------------------ steps of a call

    def _outcome(self, call: Call) -> None:
        """Nobody is there, or somebody answers."""
        self._dialled.discard(call)
        if not self._is_wanted(call):
            self._drop(call)
            return
        ocs = self._group.ocs
        chance = self._group.random.random()
        if chance < ocs.busy:
            self._fail(call, CallResult.BUSY)
        elif chance < ocs.busy + ocs.no_answer:
            self._fail(call, CallResult.NO_ANSWER)
        else:
            self._answered.append(call)
            call.timer = self._group.timers.later(ocs.patience, self._abandon, call)
            self._group.work_soon()

    def _abandon(self, call: Call) -> None:
        self._answered.remove(call)
        if self._is_wanted(call):
            self._fail(call, CallResult.ABANDONED)

    def _fail(self, call: Call, result: CallResult) -> None:
        self._completed(call, result)
        self._group.disposition.not_reached(call.held, result)

    def _establish(self, call: Call) -> None:
        call.is_established = True
        self._event(EVENT_ESTABLISHED, call)
        call.timer = self._group.timers.later(self._group.ocs.call_time, self._release, call)

    def _release(self, call: Call) -> None:
        """The call is over; the record stays with the agent until the agent is done with it."""
        self._group.timers.cancel(call.timer)
        del self._connected[call.connection]
        self._event(EVENT_RELEASED, call)
        self._completed(call, CallResult.ANSWER)
        self._group.work_soon()

    def _drop(self, call: Call) -> None:
        """The record was cancelled elsewhere while it was called: nobody hears of this call."""
        self._group.timers.cancel(call.timer)
        self._completed(call, CallResult.CANCEL_RECORD)

    # ------------------------------------------------------------------------------------------ inside

    def _is_wanted(self, call: Call) -> bool:
        return self._group.pool.out.get(call.held.handle) is call.held

    def _ready_agents(self) -> list[str]:
        in_call = {call.agent for call in self._connected.values()}
        ready = self._group.voice.switch.ready
        return [dn for dn in self._group.delivery.free_agents() if ready(dn) and dn not in in_call]

    def _event(self, number: int, call: Call) -> None:
        keys = self._group.voice.record_keys(self._group, call.held)
        self._group.voice.switch.call_event(number, call.agent, call.connection, call.held.record.phone, keys)

    def _completed(self, call: Call, result: CallResult) -> None:
        self._group.voice.statistic(
            self._group,
            Stat.CALL_COMPLETED,
            pair(word.CALLING_LIST, call.held.calling_list.name),
            pair(word.HANDLE, call.held.handle),
            pair(word.CALL_RESULT, int(result)),
        )


def _is_dialled(held: Held) -> bool:
    return held.record.type is not RecordType.PERSONAL_CALLBACK
