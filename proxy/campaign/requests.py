"""What desktops asked OCS and have no answer to yet, and which answer belongs to which request (R7, R8)."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from attrs import define, field

from proxy.campaign.group_session import GroupSession
from proxy.campaign.numbers import Numbers
from proxy.campaign.observation import Action
from proxy.campaign.plain import APART, ASIDE

G = TypeVar("G")
"""A group: whose request it is, and nothing else of it, is of interest here."""

MAX_UNANSWERED = 256
"""How many requests of one session are remembered; the oldest are given up first."""


@define(eq=False)
class DesktopRequest(Generic[G]):
    """A request of a desktop on one session; `action` is None for a PreviewRecordRequest.

    `records_of` is the session of the group that the record belongs to, `deliveries` how often the record had been
    given to an agent when the request was made. `by_phone` where the record was named by its phone alone. `due_at`:
    when the answer is overdue. `number` grows in the order in which requests pass.
    """

    session: int
    dn: str
    group: G
    records_of: GroupSession
    action: Action | None
    handle: str | None
    reference: str | None
    message_reference: int | None
    sent_at: float
    due_at: float
    deliveries: int = 0
    by_phone: bool = False
    callback: str | None = None
    number: int = 0
    answered: bool = field(default=False, metadata=ASIDE)


@define(eq=False)
class DesktopRequests(Generic[G]):
    """The unanswered requests of all desktops, by session, oldest first."""

    _by_session: dict[int, list[DesktopRequest[G]]] = field(factory=dict, metadata=APART)
    _due: list[tuple[float, int, DesktopRequest[G]]] = field(factory=list, metadata=ASIDE)
    _numbers: Numbers = field(factory=Numbers)

    def __iter__(self) -> Iterator[DesktopRequest[G]]:
        """All of them, session by session."""
        return (request for session in sorted(self._by_session) for request in self._by_session[session])

    def add(self, request: DesktopRequest[G]) -> DesktopRequest[G] | None:
        """Remember a request. The oldest one of the session where there are too many, given up now."""
        request.number = self._numbers.take()
        waiting = self.put_back(request)
        return self._answer(waiting[0]) if len(waiting) > MAX_UNANSWERED else None

    def put_back(self, request: DesktopRequest[G]) -> list[DesktopRequest[G]]:
        """A request with its number; those of its session that were made before are there. All of its session."""
        waiting = self._by_session.setdefault(request.session, [])
        waiting.append(request)
        if request.action is not None:
            heapq.heappush(self._due, (request.due_at, request.number, request))
        return waiting

    def acknowledged(
        self, session: int, action: Action, handle: str | None, reference: str | None
    ) -> DesktopRequest[G] | None:
        """The request that an acknowledgement answers (R8), None where it answers none."""
        return self._first(session, lambda r: r.action is action and _belongs(r, handle, reference))

    def delivered(self, session: int, group: G, reference: str | None) -> DesktopRequest[G] | None:
        """The PreviewRecordRequest that a PreviewRecord answers: with the same reference, else the oldest."""
        named = reference is not None and self._first(session, lambda r: r.action is None and r.reference == reference)
        return named or self._first(
            session, lambda r: r.action is None and r.group is group and None in (reference, r.reference)
        )

    def refused(
        self,
        session: int,
        meant: Callable[[G], bool] | None,
        no_records: bool,
        handle: str | None,
        reference: str | None,
    ) -> DesktopRequest[G] | None:
        """The request that a GSW_ERROR answers; `meant` tells whether it can be about a group, None if it names none.

        With a reference or a handle, the one that has the same. That there are no records, or an error that names
        no group, answers the oldest PreviewRecordRequest. Any other error the oldest request of its group.
        """
        if reference is not None or handle is not None:
            found = self._first(session, lambda r: _belongs(r, handle, reference))
            if found is not None or not no_records:
                return found
        for_record = no_records or meant is None
        return self._first(
            session,
            lambda r: (
                (r.action is None or not for_record)
                and (meant is None or meant(r.group))
                and None in (reference, r.reference)
            ),
        )

    def message_refused(self, session: int, message_reference: int) -> DesktopRequest[G] | None:
        """The request that the T-Server refused."""
        return self._first(session, lambda r: r.message_reference == message_reference)

    def message_taken(self, session: int, message_reference: int) -> None:
        """The T-Server took the request: no later EventError is about it, though its reference may come again."""
        for request in self._by_session.get(session, ()):
            if request.message_reference == message_reference:
                request.message_reference = None
                return

    def end(self, session: int) -> Iterator[DesktopRequest[G]]:
        """The session is over: nobody is there to get a record. Actions went upstream and stay."""
        for request in list(self._by_session.get(session, ())):
            if request.action is None:
                yield self._answer(request)

    def move(self, other: G, group: G, records_of: GroupSession) -> Iterator[DesktopRequest[G]]:
        """One group turned out to be another: so are the groups of its requests.

        Those of them that ask for a record.
        """
        for waiting in self._by_session.values():
            for request in waiting:
                if request.group is other:
                    request.group, request.records_of = group, records_of
                    if request.action is None:
                        yield request

    def overdue(self, now: float) -> Iterator[DesktopRequest[G]]:
        """The actions whose acknowledgement has not come in time; they are forgotten."""
        while self._due and (self._due[0][0] <= now or self._due[0][2].answered):
            request = heapq.heappop(self._due)[2]
            if not request.answered:
                yield self._answer(request)

    @property
    def next_due(self) -> float | None:
        """When the next action will be overdue."""
        while self._due and self._due[0][2].answered:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    @property
    def sessions(self) -> set[int]:
        """The sessions that wait for an answer."""
        return set(self._by_session)

    def _first(self, session: int, wanted: Callable[[DesktopRequest[G]], bool]) -> DesktopRequest[G] | None:
        for request in self._by_session.get(session, ()):
            if wanted(request):
                return self._answer(request)
        return None

    def _answer(self, request: DesktopRequest[G]) -> DesktopRequest[G]:
        request.answered = True
        waiting = self._by_session[request.session]
        waiting.remove(request)
        if not waiting:
            del self._by_session[request.session]
        return request


def _belongs(request: DesktopRequest[G], handle: str | None, reference: str | None) -> bool:
    """Whether an answer with this handle and reference can be the request's.

    What both have must be the same, and they must have one of the two in common, if the answer has any. A reference
    answers a request that had one: another desktop of the agent may have asked with it.
    """
    if reference is None and handle is None:
        return True
    if reference is not None and request.reference is None:
        return False
    shared = [
        (ours, theirs)
        for ours, theirs in ((request.reference, reference), (request.handle, handle))
        if ours is not None and theirs is not None
    ]
    return bool(shared) and all(ours == theirs for ours, theirs in shared)
