"""What says that a group has no more records (R12 to R15), and what a witness counts (R10, R18)."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field

from proxy.campaign.observation import ListStatistics, Retrieved
from proxy.campaign.plain import MANY

_SESSION = "session "


def session_source(session: int) -> str:
    """As whom a session of a desktop gives evidence."""
    return f"{_SESSION}{session}"


def session_of(source: str) -> int | None:
    """The session of a desktop that gives evidence as this source; None where that is none."""
    before, _, number = source.partition(_SESSION)
    return int(number) if not before and number.isdecimal() else None


@define
class Evidence:
    """Who says that there are no more records, in one run of a group, and since when.

    A source is whoever gave it: a session of a desktop, the control session, a witness. Evidence is taken back by
    any sign of a record (R13), and by the loss of its source (R14).
    """

    _says: dict[str, float] = field(factory=dict)
    touched: bool = False

    def says(self, source: str, now: float, counts_records: bool, untouched_counts: bool) -> bool:
        """A source says that there are no more records; whether that counts.

        Before a record was delivered or retrieved in this run only a witness that counts records is believed,
        unless the site wants it otherwise (R15).
        """
        counts = self.touched or counts_records or untouched_counts
        if counts:
            self._says[source] = now
        return counts

    def take_back(self) -> bool:
        """Something shows a record: nothing said before holds. Whether anything did."""
        stood = bool(self._says)
        self._says.clear()
        return stood

    def lose(self, source: str) -> bool:
        """The source is lost, and what it said. Whether it had said anything."""
        return self._says.pop(source, None) is not None

    @property
    def given(self) -> Mapping[str, float]:
        """Who says that there are no more records, and since when."""
        return self._says

    def new_run(self) -> None:
        """Evidence belongs to one run: the next begins with none."""
        self._says.clear()
        self.touched = False

    @property
    def newest(self) -> float | None:
        """When the newest evidence that stands was given; None where none stands."""
        return max(self._says.values()) if self._says else None


@define
class _Retrieval:
    """What one request to the database brought. `counts`: as evidence; not any more in another run (R14)."""

    brought: int
    asked: int | None
    counts: bool = True

    @property
    def is_short(self) -> bool:
        return self.brought == 0 or (self.asked is not None and self.brought < self.asked)


@define
class _List:
    """One calling list, as one witness last told it: retrievals by record type, and statistics newer than those."""

    retrievals: dict[str, _Retrieval] = field(factory=dict)
    ready: int | None = None
    retrieved: int | None = None
    scheduled: int | None = None

    def forget_statistics(self) -> None:
        """What was counted is out of date."""
        self.ready = self.retrieved = self.scheduled = None

    @property
    def drained(self) -> bool:
        """The last retrieval of each record type brought fewer than it asked for, or newer statistics say ready 0."""
        if self.ready is not None:
            return self.ready == 0
        return bool(self.retrievals) and all(retrieval.is_short for retrieval in self.retrievals.values())

    @property
    def empty(self) -> bool:
        """Nothing came with the last retrieval of any record type, or the statistics say that nothing is left."""
        if self.ready == 0 and self.retrieved == 0:
            return True
        if self.ready or self.retrieved:
            return False
        return bool(self.retrievals) and all(
            retrieval.counts and retrieval.brought == 0 for retrieval in self.retrievals.values()
        )


@define
class Tally:
    """What one witness knows of one session of a group.

    `whole`: it was there from the session's beginning. `begun`, `over`: it told itself that the session began, and that
    it is over; what it tells after that belongs to the next one.
    """

    whole: bool = False
    begun: bool = False
    over: bool = False
    _lists: dict[str, _List] = field(factory=dict)
    _counted: int = 0
    _known: set[str] = field(factory=set, metadata=MANY)

    @property
    def retrieved(self) -> int | None:
        """How many records were retrieved, None where that was never told; one whose identity is known counts once."""
        if not any(entry.retrievals for entry in self._lists.values()):
            return None
        return self._counted + len(self._known)

    def retrieve(self, seen: Retrieved) -> None:
        """A request to the database brought records, or none."""
        entry = self._lists.setdefault(seen.calling_list, _List())
        entry.retrievals[seen.record_type] = _Retrieval(seen.brought, seen.asked)
        entry.forget_statistics()
        if seen.records is not None:
            self._known |= seen.records
        else:
            self._counted += seen.brought

    def count(self, seen: ListStatistics) -> None:
        """A list was counted."""
        entry = self._lists.setdefault(seen.calling_list, _List())
        entry.ready, entry.retrieved, entry.scheduled = seen.ready, seen.retrieved, seen.scheduled

    def begin_anew(self) -> None:
        """What was told so far is no evidence any more (R14); what was retrieved was retrieved."""
        for entry in self._lists.values():
            entry.forget_statistics()
            for retrieval in entry.retrievals.values():
                retrieval.counts = False

    @property
    def ready(self) -> int:
        """How many records the newest statistics say can be retrieved now."""
        return sum(entry.ready or 0 for entry in self._lists.values())

    @property
    def scheduled(self) -> int:
        """How many records the newest statistics say are scheduled for later."""
        return sum(entry.scheduled or 0 for entry in self._lists.values())

    @property
    def has_more(self) -> bool:
        """Whether a list may have more to retrieve (R18)."""
        return not all(entry.drained for entry in self._lists.values())

    @property
    def empty(self) -> bool:
        """Whether the last word on every list is that nothing is there (R12)."""
        return bool(self._lists) and all(entry.empty for entry in self._lists.values())
