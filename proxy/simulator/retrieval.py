"""Keeping a group's pool filled: requests to the database, in batches, per list and record type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IDelayedCall

from proxy.simulator.calling_list import RETRIEVED_TYPES
from proxy.simulator.vocabulary import RecordType, Stat

if TYPE_CHECKING:
    from proxy.simulator.group import CampaignGroup


class Retrieval:
    """The retrievals of one run of a group.

    A retrieval that brings nothing is WaitingRecords, each time anew, whatever is still out, and whatever retries
    and callbacks are pending; the next one that brings something ends it. A lost database looks the same (D).
    """

    def __init__(self, group: CampaignGroup) -> None:
        self._group = group
        self._pending: IDelayedCall | None = None
        self._waiting = False
        self._last_brought: int | None = None
        self.database_is_lost = False

    @property
    def exhausted(self) -> bool:
        """Whether the last retrieval brought nothing, nothing is in OCS's hands, and nothing is still to be called."""
        group = self._group
        return (
            self._last_brought == 0
            and not self.database_is_lost
            and not group.pool.all()
            and not any(calling_list.waiting(group.owner) for calling_list in group.lists)
        )

    def start(self) -> None:
        """A run begins: what was known of the last one is forgotten."""
        self._waiting = False
        self._last_brought = None
        self.replenish()

    def stop(self) -> None:
        """The run is over."""
        self._group.timers.cancel(self._pending)
        self._pending = None

    def as_json(self) -> dict[str, Any]:
        """What is known of this run, for the other one of a pair."""
        return {"waiting": self._waiting, "last_brought": self._last_brought}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on with the run of another OCS; where that waited for records, the database is asked in a while."""
        self._waiting = state["waiting"]
        self._last_brought = state["last_brought"]
        if self._waiting:
            self._pending = self._group.timers.later(self._group.ocs.retrieval_interval, self._again)

    def replenish(self) -> None:
        """Ask the database for more, if few records are at hand, and it was not asked in vain just now."""
        group = self._group
        promised = RecordType.PERSONAL_CALLBACK
        for_anybody = sum(held.record.type is not promised for held in group.pool.at_hand)
        if self._pending is not None or for_anybody >= group.conf.minimum:
            return
        if group.ocs.retrieval_time:
            self._pending = group.timers.later(group.ocs.retrieval_time, self._retrieve)
        else:
            self._retrieve()

    def _retrieve(self) -> None:
        self._pending = None
        group = self._group
        brought = self._ask_for(group.conf.batch)
        self._last_brought = brought
        ledger = group.voice.ledger
        ledger.count(group.conf.name, "retrievals")
        if brought:
            ledger.count(group.conf.name, "retrieved", brought)
            if self._waiting:
                self._waiting = False
                group.voice.statistic(group, Stat.WAITING_RECORDS_OVER)
        else:
            ledger.count(group.conf.name, "empty_retrievals")
            self._waiting = True
            group.voice.statistic(group, Stat.WAITING_RECORDS)
            self._pending = group.timers.later(group.ocs.retrieval_interval, self._again)
        group.work_soon()

    def _again(self) -> None:
        self._pending = None
        self.replenish()

    def _ask_for(self, batch: int) -> int:
        """One request for each list and record type, until the batch is full. Returns what they brought in all."""
        group, now = self._group, self._group.timers.now
        brought = 0
        for calling_list in group.lists:
            if self.database_is_lost:
                group.voice.log.database_lost(calling_list, group.owner)
                continue
            for type in RETRIEVED_TYPES:
                room = batch - brought
                if not room:
                    return brought
                records = calling_list.retrieve(group.owner, type, room, now)
                group.voice.log.retrieval(calling_list, group.owner, type, room, len(records))
                for record in records:
                    group.pool.add(calling_list, record)
                brought += len(records)
        return brought
