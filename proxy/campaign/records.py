"""The records of one session of a group: each in one state, each counted once (R6, R7, R9)."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from attrs import define


class State(Enum):
    """Where a record is, as far as the events of agents tell."""

    OUTSTANDING = "outstanding"
    FINALIZED = "finalized"
    RETURNED = "returned"
    SCHEDULED = "scheduled"


@define(eq=False)
class Record:
    """One record, known by its handle. Times are seconds of the caller's clock.

    `due` is the time of a callback as the agent wrote it. `stale`: it no longer holds its group (R11).
    """

    handle: str
    state: State
    dn: str = ""
    calling_list: str | None = None
    chain: str | None = None
    phone: str | None = None
    due: str | None = None
    delivered_at: float | None = None
    released_at: float | None = None
    stale: bool = False


class Records:
    """The records of one session of a group, by handle, and how many are in which state."""

    def __init__(self) -> None:
        self.delivered = 0
        self._records: dict[str, Record] = {}
        self._states: dict[State, dict[str, Record]] = {state: {} for state in State}
        self._chains: dict[tuple[str, str], Record] = {}
        self._finalized_before = 0

    @property
    def outstanding(self) -> int:
        """How many are with an agent."""
        return len(self._states[State.OUTSTANDING])

    @property
    def finalized(self) -> int:
        """How many are done with."""
        return len(self._states[State.FINALIZED]) + self._finalized_before

    @property
    def returned(self) -> int:
        """How many an agent gave back, so that OCS has them in hand."""
        return len(self._states[State.RETURNED])

    @property
    def scheduled(self) -> int:
        """How many are back in their list with a time."""
        return len(self._states[State.SCHEDULED])

    def __contains__(self, handle: str) -> bool:
        return handle in self._records

    def get(self, handle: str) -> Record | None:
        """The record with this handle."""
        return self._records.get(handle)

    def in_hand(self) -> Iterator[Record]:
        """The outstanding records."""
        return iter(self._states[State.OUTSTANDING].values())

    def with_phone(self, dn: str, phone: str) -> Record | None:
        """The outstanding record of an agent that has this phone (R7)."""
        for record in self._states[State.OUTSTANDING].values():
            if record.dn == dn and record.phone == phone:
                return record
        return None

    def deliver(
        self,
        handle: str,
        now: float,
        dn: str,
        calling_list: str | None = None,
        chain: str | None = None,
        phone: str | None = None,
        telephony: bool = False,
    ) -> bool:
        """An event brings a record to an agent (R6, R9). Whether that made it outstanding, or gave it to another.

        Telephony events never deliver a record that is finalized or scheduled.
        """
        record = self._of_chain(handle, calling_list, chain) or self._records.get(handle)
        if record is None:
            record = self._take(Record(handle, State.OUTSTANDING))
            self.delivered += 1
        elif (telephony and record.state in (State.FINALIZED, State.SCHEDULED)) or (
            record.state is State.OUTSTANDING and record.dn == dn
        ):
            return False
        else:
            self._move(record, State.OUTSTANDING)
        record.dn, record.delivered_at, record.released_at, record.stale = dn, now, None, False
        record.calling_list = calling_list or record.calling_list
        record.chain = chain or record.chain
        record.phone = phone or record.phone
        return True

    def _take(self, record: Record) -> Record:
        self._records[record.handle] = record
        self._states[record.state][record.handle] = record
        return record

    def _of_chain(self, handle: str, calling_list: str | None, chain: str | None) -> Record | None:
        """The returned or scheduled record of this list and chain, from now on under this handle (R9)."""
        if calling_list is None or chain is None:
            return None
        record = self._chains.get((calling_list, chain))
        if record is not None and record.handle != handle:
            self._rename(record, handle)
        return record

    def _rename(self, record: Record, handle: str) -> None:
        former = self._records.get(handle)
        if former is not None:
            self._forget(former)
        del self._records[record.handle]
        del self._states[record.state][record.handle]
        record.handle = handle
        self._take(record)

    def _forget(self, record: Record) -> None:
        """Its handle is used for another record now; a finalized one stays counted."""
        if record.state is State.FINALIZED:
            self._finalized_before += 1
        del self._states[record.state][record.handle]
        del self._records[record.handle]
        if record.calling_list is not None and record.chain is not None:
            self._chains.pop((record.calling_list, record.chain), None)

    def settle(self, handle: str, state: State, due: str | None = None) -> bool:
        """An action moves a record to `state` (R7). Whether that changed anything.

        A handle that was never seen delivered is taken in: the action is real, whoever saw the delivery.
        """
        record = self._records.get(handle)
        if record is None:
            self._take(Record(handle, state, due=due))
            return True
        if record.state is state:
            record.due = due or record.due
            return False
        record.due = due
        self._move(record, state)
        return True

    def _move(self, record: Record, state: State) -> None:
        del self._states[record.state][record.handle]
        record.state = state
        self._states[state][record.handle] = record
        if record.calling_list is not None and record.chain is not None:
            key = (record.calling_list, record.chain)
            if state in (State.RETURNED, State.SCHEDULED):
                self._chains[key] = record
            elif self._chains.get(key) is record:
                del self._chains[key]

    def take_in(self, other: Records) -> None:
        """Take in the records of a group that turned out to be this one; what is known here stays."""
        for handle, record in other._records.items():
            if handle not in self._records:
                self._take(record)
                self.delivered += record.delivered_at is not None
        self._chains = {**other._chains, **self._chains}
        self._finalized_before += other._finalized_before
