"""The records of one session of a group: each in one state, each counted once (R6, R7, R9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from heapq import merge
from operator import attrgetter
from typing import NamedTuple

from attrs import define, field

from proxy.campaign.numbers import Numbers
from proxy.campaign.plain import APART, ASIDE


class State(Enum):
    """Where a record is, as far as the events of agents tell."""

    OUTSTANDING = "outstanding"
    FINALIZED = "finalized"
    RETURNED = "returned"
    SCHEDULED = "scheduled"


WAITING = (State.RETURNED, State.SCHEDULED)
"""Where a record waits to be delivered again, whatever its handle then (R9)."""


@define(eq=False)
class Record:
    """One record, known by its handle. Times are seconds of the caller's clock.

    `deliveries` is how often it was given to an agent: an action that came before the last one says nothing of it.
    `seen_at` and `acted_at`: when the last delivery was seen, and the last action on it that took effect was sent; on
    the clock that says what came first.
    `due` is the time of a callback as the agent wrote it. `stale`: it is outstanding, and holds its group no longer
    (R11).

    `number` is its own among the records of a session, whatever its handle; `place` grows in the order in which records
    came to the states they are in.
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
    deliveries: int = 0
    acted_at: float = float("-inf")
    stale: bool = False
    number: int = 0
    place: int = 0
    seen_at: float = 0.0

    def went_on_since(self, moment: float) -> bool:
        """Whether it was delivered or acted on after what was seen at a moment."""
        return moment < max(self.seen_at, self.acted_at)

    @property
    def in_chain(self) -> tuple[str, str] | None:
        """The calling list and the chain it belongs to, None where they are not known."""
        if self.calling_list is None or self.chain is None:
            return None
        return self.calling_list, self.chain


class KeptRecord(NamedTuple):
    """A record as it is kept: see Record. Times are seconds of the time of day.

    `has_handle`: whether its handle is still its own, see Records.has_handle.
    """

    handle: str
    state: State
    dn: str
    calling_list: str | None
    chain: str | None
    phone: str | None
    due: str | None
    delivered_at: float | None
    released_at: float | None
    deliveries: int
    acted_at: float | None
    stale: bool
    place: int
    has_handle: bool


Chain = tuple[str, str]
"""A calling list, and the id of one of its chains."""


def _no_records() -> dict[State, dict[Record, None]]:
    return {state: {} for state in State}


@define(eq=False)
class Records:
    """The records of one session of a group, by handle, and how many are in which state.

    `delivered` is how many were ever with an agent, and `finalized_of_delivered` how many of those are done with:
    the rest of the finalized were never seen delivered, and may be of an earlier session.
    """

    delivered: int = 0
    stale: int = field(default=0, metadata=ASIDE)
    finalized_of_delivered: int = field(default=0, metadata=ASIDE)
    _records: dict[str, Record] = field(factory=dict, metadata=APART)
    _states: dict[State, dict[Record, None]] = field(factory=_no_records, metadata=APART)
    _chains: dict[Chain, dict[Record, None]] = field(factory=dict, metadata=ASIDE)
    _latest: dict[Chain, Record] = field(factory=dict, metadata=APART)
    _former: set[str] = field(factory=set)
    _numbers: Numbers = field(factory=Numbers)
    _places: Numbers = field(factory=Numbers)
    _changed: dict[int, Record | None] = field(factory=dict, metadata=ASIDE)

    @property
    def outstanding(self) -> int:
        """How many are with an agent."""
        return len(self._states[State.OUTSTANDING])

    @property
    def finalized(self) -> int:
        """How many are done with."""
        return len(self._states[State.FINALIZED])

    @property
    def returned(self) -> int:
        """How many an agent gave back, so that OCS has them in hand."""
        return len(self._states[State.RETURNED])

    @property
    def scheduled(self) -> int:
        """How many are back in their list with a time."""
        return len(self._states[State.SCHEDULED])

    def had(self, handle: str) -> bool:
        """Whether a record had this handle, and has another by now."""
        return handle in self._former and handle not in self._records

    def __contains__(self, handle: str | None) -> bool:
        return handle in self._records

    def get(self, handle: str) -> Record | None:
        """The record with this handle."""
        return self._records.get(handle)

    def in_hand(self) -> Iterator[Record]:
        """The outstanding records, in the order in which they were delivered."""
        return iter(self._states[State.OUTSTANDING])

    def let_go(self, record: Record) -> None:
        """An outstanding record holds its group no longer (R11), until it is delivered again."""
        record.stale = True
        self.stale += 1
        self._note(record)

    def with_phone(self, dn: str, phone: str) -> Record | None:
        """The outstanding record of an agent that has this phone (R7)."""
        for record in self._states[State.OUTSTANDING]:
            if record.dn == dn and record.phone == phone:
                return record
        return None

    def is_final(self, handle: str) -> bool:
        """Whether the record of a handle is finalized."""
        record = self._records.get(handle)
        return record is not None and record.state is State.FINALIZED

    def deliver(
        self,
        handle: str,
        now: float,
        dn: str,
        calling_list: str | None = None,
        chain: str | None = None,
        phone: str | None = None,
        telephony: bool = False,
        seen_at: float | None = None,
        late: bool = False,
    ) -> bool:
        """An event brings a record to an agent, and it is outstanding (R6, R9). `seen_at` is `now` unless given.

        False where it does not: telephony events never deliver a handle that is finalized or scheduled, and what was
        seen before something that is known of the record already says only that it was delivered. What is told `late`
        was seen before the record was finalized.
        """
        seen_at = now if seen_at is None else seen_at
        known = self._records.get(handle)
        if known is not None and (known.went_on_since(seen_at) or (late and self.is_final(handle))):
            self._was_delivered(known, calling_list, chain, phone, seen_at)
            return False
        if telephony and known is not None and known.state in (State.FINALIZED, State.SCHEDULED):
            return False
        record = self._waiting_in_chain(handle, calling_list, chain, seen_at) or known
        if record is None:
            record = self._take(Record(handle, State.OUTSTANDING))
        if not record.deliveries:
            self.delivered += 1
        is_open = record.state is State.OUTSTANDING and record.dn == dn
        if record.stale or not (is_open and telephony):
            self._move(record, State.OUTSTANDING)
            record.deliveries += 1
            record.dn, record.delivered_at, record.seen_at, record.due = dn, now, seen_at, None
        record.released_at = None
        record.calling_list = calling_list or record.calling_list
        record.chain = chain or record.chain
        record.phone = phone or record.phone
        if record.in_chain is not None and not self._went_on_elsewhere(record, seen_at):
            self._latest[record.in_chain] = record
        self._note(record)
        return True

    def _was_delivered(
        self, record: Record, calling_list: str | None, chain: str | None, phone: str | None, seen_at: float
    ) -> None:
        """A record was delivered before what is known of it: it stays where it is, and what waited then is it (R9)."""
        waited = self._waiting(record.handle, calling_list, chain, seen_at)
        if waited is not None and waited is not record:
            self._forget(waited)
        is_stale = record.stale
        self._leave(record)
        self.delivered += not record.deliveries
        record.deliveries += 1
        record.calling_list = record.calling_list or calling_list
        record.chain = record.chain or chain
        record.phone = record.phone or phone
        record.stale = is_stale
        self._enter(record)
        if record.state in WAITING:
            self.went_on(record, record.acted_at)

    def _note(self, record: Record) -> None:
        """It is another one than was kept of it."""
        self._changed[record.number] = record

    def _take(self, record: Record) -> Record:
        record.number = self._numbers.take()
        self._records[record.handle] = record
        self._enter(record)
        return record

    def _enter(self, record: Record) -> None:
        record.place = self._places.take()
        self._note(record)
        self._put(record)

    def _put(self, record: Record) -> None:
        self._states[record.state][record] = None
        self.stale += record.stale
        if record.state is State.FINALIZED and record.deliveries:
            self.finalized_of_delivered += 1
        elif record.state in WAITING and record.in_chain is not None:
            self._chains.setdefault(record.in_chain, {})[record] = None

    def _leave(self, record: Record) -> None:
        del self._states[record.state][record]
        self.stale -= record.stale
        record.stale = False
        if record.state is State.FINALIZED and record.deliveries:
            self.finalized_of_delivered -= 1
        elif record.state in WAITING and record.in_chain is not None:
            waiting = self._chains[record.in_chain]
            del waiting[record]
            if not waiting:
                del self._chains[record.in_chain]

    def _waiting_in_chain(
        self, handle: str, calling_list: str | None, chain: str | None, seen_at: float
    ) -> Record | None:
        """The returned or scheduled record of this list and chain, from now on under this handle (R9)."""
        record = self._waiting(handle, calling_list, chain, seen_at)
        if record is not None and record.handle != handle:
            self._rename(record, handle)
        return record

    def _waiting(self, handle: str, calling_list: str | None, chain: str | None, seen_at: float) -> Record | None:
        """The record of this list and chain that was waiting when something was seen; the one of this handle first."""
        if calling_list is None or chain is None:
            return None
        waiting = self._chains.get((calling_list, chain))
        if waiting is None:
            return None
        known = self._records.get(handle)
        if known is not None and known in waiting:
            return known
        return next((record for record in waiting if not record.went_on_since(seen_at)), None)

    def _rename(self, record: Record, handle: str) -> None:
        former = self._records.get(handle)
        if former is not None and former.state is State.FINALIZED:
            self._note(former)  # it stays counted, though its handle is another record's now
        elif former is not None:
            self._drop(former)
        del self._records[record.handle]
        self._former.add(record.handle)
        record.handle = handle
        self._records[handle] = record
        self._note(record)

    def _forget(self, record: Record) -> None:
        """It turned out to be another one, which is counted."""
        self._drop(record)
        del self._records[record.handle]
        self._former.add(record.handle)
        self.delivered -= record.deliveries > 0

    def _drop(self, record: Record) -> None:
        self._leave(record)
        self._changed[record.number] = None

    def settle(self, handle: str, state: State, due: str | None = None, acted_at: float = float("-inf")) -> bool:
        """An action that was sent at `acted_at` moves a record to `state` (R7). Whether that changed anything.

        A handle that was never seen delivered is taken in: the action is real, whoever saw the delivery.
        """
        record = self._records.get(handle)
        if record is None:
            self._take(Record(handle, state, due=due, acted_at=acted_at))
            return True
        record.acted_at = max(record.acted_at, acted_at)
        self._note(record)
        if record.state is state:
            record.due = due or record.due
            return False
        record.due = due
        self._move(record, state)
        return True

    def release(self, handle: str, dn: str, now: float) -> None:
        """The call of a record is over at an agent (R11); of no interest where another one has it by now."""
        record = self._records.get(handle)
        if record is not None and record.dn == dn:
            record.released_at = now
            self._note(record)

    def went_on(self, record: Record, since: float) -> bool:
        """Whether a record that was given back at `since` has been delivered again, under another handle (R9).

        Then the two are one from now on, wherever the other is by now.
        """
        if not self._went_on_elsewhere(record, since):
            return False
        self._forget(record)
        return True

    def _went_on_elsewhere(self, record: Record, since: float) -> bool:
        """Whether the chain of a record was delivered under another handle after a moment."""
        other = self._latest.get(record.in_chain) if record.in_chain is not None else None
        return other is not None and other is not record and other.delivered_at is not None and other.seen_at > since

    def _move(self, record: Record, state: State) -> None:
        self._leave(record)
        record.state = state
        self._enter(record)

    def take_in(self, other: Records) -> None:
        """Take in the records of a group that turned out to be this one; what is known here stays."""
        theirs = [record for record in other.in_places() if other.has_handle(record)]
        for record in theirs:
            if record.handle not in self._records:
                self._take(record)
                self.delivered += record.deliveries > 0
        in_hand = sorted(self._states[State.OUTSTANDING], key=lambda record: record.delivered_at or 0.0)
        self._states[State.OUTSTANDING] = {}
        for record in in_hand:
            record.place = self._places.take()
            self._note(record)
            self._states[State.OUTSTANDING][record] = None
        self._latest = {**other._latest, **self._latest}

    # ------------------------------------------------------------------------------------------------------- all

    def in_places(self) -> Iterator[Record]:
        """All records, in the order in which they came to the states they are in."""
        return merge(*self._states.values(), key=attrgetter("place"))

    def has_handle(self, record: Record) -> bool:
        """Whether its handle is still its own: a finalized one may have lost it to a later one (R9)."""
        return self._records.get(record.handle) is record

    @property
    def latest(self) -> Mapping[Chain, Record]:
        """The record of each chain that was delivered last; of some that is all that is known any more."""
        return self._latest

    def is_of_these(self, record: Record) -> bool:
        """Whether it is one of the records, and was not dropped."""
        return record in self._states[record.state]

    def put_back(self, record: Record, has_handle: bool) -> None:
        """A record is as it was, with its number and place; the records before it are there again."""
        if has_handle:
            self._records[record.handle] = record
        self._put(record)

    def put_latest(self, chain: Chain, record: Record) -> None:
        """The record of a chain that was delivered last."""
        self._latest[chain] = record

    # ------------------------------------------------------------------------------------------------------- kept

    def note_all(self) -> None:
        """All of them count as others than they were."""
        self._changed = {record.number: record for record in self.in_places()}

    def take_changes(self) -> Mapping[int, Record | None]:
        """The records that are others than they were when this was asked last, by number; None where one is gone."""
        changed, self._changed = self._changed, {}
        return changed

    def take_up(self, kept: Iterable[tuple[Record, bool]]) -> None:
        """They are as they were kept, with their numbers and places, and each with whether its handle is its own.

        Where that was not kept, of each, they all claim theirs: the latest has it (R9).
        """
        in_places = sorted(kept, key=lambda each: each[0].place)
        records = [record for record, _ in in_places]
        for record, has_handle in in_places:
            former = self._records.get(record.handle) if has_handle else None
            if former is not None:
                self._note(former)
            self.put_back(record, has_handle)
        given = [record for record in records if record.in_chain is not None and record.delivered_at is not None]
        for record in sorted(given, key=lambda record: record.delivered_at or 0.0):
            assert record.in_chain is not None
            self._latest[record.in_chain] = record
        self._numbers = Numbers(max((record.number for record in records), default=0) + 1)
        self._places = Numbers(max((record.place for record in records), default=0) + 1)
