"""Records for agents: on request (Preview), pushed (PushPreview), and callbacks that are due, unasked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.kvlist import Pair, pair
from proxy.simulator import vocabulary as word
from proxy.simulator.pool import Held
from proxy.simulator.vocabulary import DIALED_MODES, RecordType, Stat

if TYPE_CHECKING:
    from proxy.simulator.group import CampaignGroup


class Delivery:
    """Hands the records of one group to its agents."""

    def __init__(self, group: CampaignGroup) -> None:
        self._group = group

    def preview(self, dn: str, reference: Pair | None) -> bool:
        """The answer to a PreviewRecordRequest; False where there is no record at hand for this agent."""
        self._group.retrieval.replenish()
        held = self._take_fresh(dn)
        if held is None:
            return False
        self._hand_over(held, dn, "PreviewRecord", reference)
        self._group.work_soon()
        return True

    def push(self) -> None:
        """Callbacks that are due go to agents who are free; in PushPreview every record does."""
        while (found := self._due_callback()) is not None:
            held, dn = found
            self._group.pool.take_out(held, self._group.timers.now)
            self._hand_over(held, dn, "ScheduledCall", None)
        if self._group.mode == "PushPreview":
            for dn in self.free_agents():
                pushed = self._take_fresh(dn)
                if pushed is not None:
                    self._hand_over(pushed, dn, "PreviewRecord", None)

    def agent_left(self, dn: str) -> None:
        """The last desktop of an agent is gone: after a while, if OCS is so configured, the others get the records."""
        if self._group.ocs.take_back:
            self._group.timers.later(self._group.ocs.take_back, self._take_back, dn)

    def _take_back(self, dn: str) -> None:
        if self._group.voice.switch.attended(dn):
            return
        for held in [held for held in self._group.pool.out.values() if held.agent == dn]:
            self._group.pool.put_back(held)
        self._group.work_soon()

    def free_agents(self) -> list[str]:
        """The agents of the group who have a desktop and nothing to do, in the order of the conf file."""
        switch, engaged = self._group.voice.switch, self._group.engaged
        return [dn for dn in self._group.conf.agents if switch.attended(dn) and not engaged[dn]]

    def _due_callback(self) -> tuple[Held, str] | None:
        """A callback at hand and the agent to give it to."""
        free = self.free_agents()
        dialled = self._group.mode in DIALED_MODES
        for held in self._group.pool.at_hand:
            if held.record.type is RecordType.PERSONAL_CALLBACK:
                self._miss(held)
            if held.record.type is RecordType.PERSONAL_CALLBACK and held.record.agent in free:
                return held, held.record.agent
            if held.record.type is RecordType.CAMPAIGN_CALLBACK and not dialled:
                willing = [dn for dn in free if dn not in held.refused_by] or free
                if willing:
                    return held, self._group.random.choice(willing)
        return None

    def _miss(self, held: Held) -> None:
        """A personal callback whose agent is not there is missed, and anybody's from now on."""
        if self._group.voice.switch.attended(held.record.agent) and held.record.agent in self._group.conf.agents:
            return
        held.record = replace(held.record, type=RecordType.CAMPAIGN_CALLBACK, agent="")
        self._group.voice.statistic(self._group, Stat.CALLBACK_MISSED, pair(word.HANDLE, held.handle))

    def _take_fresh(self, dn: str) -> Held | None:
        """A record at hand that is no callback; one that this agent refused only if all others who are there did."""
        attended = self._group.voice.switch.attended
        others = {other for other in self._group.conf.agents if other != dn and attended(other)}

        def wanted(held: Held) -> bool:
            return not held.is_callback and (dn not in held.refused_by or held.refused_by >= others)

        return self._group.pool.take(wanted, self._group.timers.now)

    def _hand_over(self, held: Held, dn: str, event: str, reference: Pair | None) -> None:
        self._group.pool.assign(held, dn, self._group.timers.now)
        self._group.voice.ledger.count(self._group.conf.name, "delivered")
        self._group.voice.record(self._group, dn, held, event, reference)
