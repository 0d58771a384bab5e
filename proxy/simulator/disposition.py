"""What becomes of a record: final, or back in the list, or with somebody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.kvlist import pair
from proxy.simulator import vocabulary as word
from proxy.simulator.pool import Held
from proxy.simulator.vocabulary import CallResult, RecordStatus, RecordType, Stat

if TYPE_CHECKING:
    from proxy.simulator.group import CampaignGroup

_NOT_REACHED = frozenset({CallResult.BUSY, CallResult.NO_ANSWER, CallResult.ABANDONED})


class Disposition:
    """The ends a record of one group can come to. Each takes it out of the agent's hands."""

    def __init__(self, group: CampaignGroup) -> None:
        self._group = group

    def processed(self, held: Held, result: int) -> None:
        """The agent is done with it: final, and with it the other numbers of the chain if somebody was reached."""
        if held.is_callback:
            self._statistic(Stat.CALLBACK_COMPLETED, held)
        self._finalize(held, RecordStatus.UPDATED, result)
        if result not in _NOT_REACHED:
            held.calling_list.finalize_siblings(held.record)
        self._processed_lead(held)

    def cancelled(self, held: Held) -> None:
        """Nobody is to call this record any more."""
        self._finalize(held, RecordStatus.CANCELLED, CallResult.CANCEL_RECORD)
        held.calling_list.finalize_siblings(held.record)
        self._processed_lead(held)

    def forbidden(self, held: Held) -> None:
        """Nobody is to call this customer any more."""
        self._let_go(held)
        held.calling_list.forbid(held.record, held.attempt, self._group.timers.now)
        held.calling_list.finalize_siblings(held.record)
        self._group.voice.ledger.count(self._group.conf.name, "finalized")
        self._processed_lead(held)

    def rejected(self, held: Held, agent: str) -> None:
        """The agent does not want it: at hand again, for somebody else."""
        held.refused_by.add(agent)
        self._group.pool.put_back(held)
        self._group.voice.ledger.count(self._group.conf.name, "rejected")
        self._group.work_soon()

    def rescheduled(self, held: Held, type: RecordType, when: float, agent: str) -> None:
        """The customer wants to be called at another time."""
        self._let_go(held)
        held.calling_list.schedule(
            held.record, type, when, agent, CallResult.ANSWER, held.attempt, self._group.timers.now
        )
        self._group.voice.ledger.count(self._group.conf.name, "rescheduled")
        self._statistic(Stat.CALLBACK_SCHEDULED, held)

    def not_reached(self, held: Held, result: CallResult) -> None:
        """A dialled call came to nothing: tried again later, or final when it was tried often enough."""
        held.attempt += 1
        ocs, now = self._group.ocs, self._group.timers.now
        if held.attempt >= ocs.attempts:
            self._finalize(held, RecordStatus.UPDATED, result)
            self._processed_lead(held)
            return
        self._let_go(held)
        retry_at = now + ocs.retry_delay
        type = held.record.type if held.is_callback else RecordType.CAMPAIGN_RESCHEDULED
        held.calling_list.schedule(held.record, type, retry_at, held.record.agent, result, held.attempt, now)
        self._group.voice.ledger.count(self._group.conf.name, "retried")
        self._statistic(Stat.RECORD_SCHEDULED, held)

    def stale(self, held: Held) -> None:
        """Nobody said a word about it for too long: OCS forgets it, and it is not called again."""
        self._let_go(held)
        held.calling_list.finalize(
            held.record, RecordStatus.STALE, CallResult.UNKNOWN, held.attempt, self._group.timers.now
        )

    def _finalize(self, held: Held, status: RecordStatus, result: int) -> None:
        self._let_go(held)
        held.calling_list.finalize(held.record, status, result, held.attempt, self._group.timers.now)
        self._group.voice.ledger.count(self._group.conf.name, "finalized")

    def _let_go(self, held: Held) -> None:
        self._group.pool.drop(held)
        self._group.work_soon()

    def _processed_lead(self, held: Held) -> None:
        if held.calling_list.chain_is_final(held.record.chain_id):
            self._statistic(Stat.LEAD_PROCESSED, held)

    def _statistic(self, stat: Stat, held: Held) -> None:
        self._group.voice.statistic(
            self._group,
            stat,
            pair(word.CALLING_LIST, held.calling_list.name),
            pair(word.HANDLE, held.handle),
            pair(word.CHAIN, held.record.chain_id),
        )
