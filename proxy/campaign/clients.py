"""What clients asked of one group, and OCS has not answered (R3, R4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from attrs import define

from proxy.campaign.observation import Request, Status, Word

ASKED_FOR: dict[Word, Request] = {
    Word.LOADED: Request.LOAD,
    Word.STARTED: Request.START,
    Word.STOPPED: Request.STOP,
    Word.UNLOADED: Request.UNLOAD,
    Word.MODE_CHANGED: Request.SET_MODE,
}
"""Which request a word of OCS shows to be accepted (R4)."""

DECIDES = frozenset({Request.LOAD, Request.START, Request.SET_MODE})
"""The requests that arm or disarm, once they are accepted (R3)."""

FOR_ONE_SESSION = frozenset({Request.START, Request.SET_MODE})
"""The requests that can only be meant for a session that is there, or that another request begins before."""

OURS = 0
"""The session of our own requests: no client has it."""

NOBODY = -1
"""The session of requests that passed before the proxy was started anew: no client has it any more."""

MAX_UNANSWERED = 64
"""How many requests of one group are remembered; the oldest are forgotten first."""


@define(eq=False)
class ClientRequest:
    """A client's Load, Start, SetDialingMode, Stop or Unload that OCS has not answered.

    So is a Stop or an Unload of our own that is no longer wanted, from the session OURS. `number` grows in the order
    in which requests pass. `asked` is the reference of the status request that asks what became of it; `doubted`
    where OCS answered that it shows nothing of it: it holds nothing back any more, but it may still be slow. `taken`
    where OCS said that it takes it, and has yet to show that. `sessions`, `runs`: how many of the group had begun when
    it passed.
    """

    number: int
    session: int
    request: Request
    armed: bool
    mode: str | None
    reference: str | None
    message_reference: int | None
    due_at: float
    asked: int | None = None
    times_asked: int = 0
    doubted: bool = False
    taken: bool = False
    sessions: int = 0
    runs: int = 0


class ClientRequests:
    """The unanswered requests for one group, the oldest first. True where one of them holds our own back.

    `waiting` counts those of all groups by session.
    """

    def __init__(self, waiting: Counter[int]) -> None:
        self._unanswered: list[ClientRequest] = []
        self._waiting = waiting

    def __iter__(self) -> Iterator[ClientRequest]:
        return iter(list(self._unanswered))

    def __bool__(self) -> bool:
        return any(not asked.doubted for asked in self._unanswered)

    @property
    def has_any(self) -> bool:
        """Whether there is any, also such as hold nothing back."""
        return bool(self._unanswered)

    def add(self, request: ClientRequest) -> None:
        """A request passes."""
        self._waiting[request.session] += 1
        self._unanswered.append(request)
        self._unanswered.sort(key=lambda asked: asked.number)
        for oldest in self._unanswered[:-MAX_UNANSWERED]:
            self.forget(oldest)

    def forget(self, request: ClientRequest) -> None:
        """It is answered, or given up."""
        self._unanswered.remove(request)
        self._waiting[request.session] -= 1
        if not self._waiting[request.session]:
            del self._waiting[request.session]

    def is_for_next(self, asked: ClientRequest) -> bool:
        """Whether a Load came before it, and OCS has not shown what became of that: it is for another session."""
        loads = [other for other in self if other.request is Request.LOAD and not other.doubted]
        return any(load.number < asked.number for load in loads)

    def session_over(self) -> None:
        """A Stop of ours that nobody wants any more has lost its object, as has what OCS took for this session."""
        for asked in self:
            is_our_stop = (asked.session, asked.request) == (OURS, Request.STOP)
            if is_our_stop or (asked.taken and asked.request in FOR_ONE_SESSION and not self.is_for_next(asked)):
                self.forget(asked)

    def answered_by(self, word: Word, mode: str | None, reference: str | None) -> ClientRequest | None:
        """The request that a word of OCS accepts.

        The one with the word's reference; else the oldest that asks for what the word shows, but not one with
        another reference than the word's, unless OCS took it: over HTTP no word carries the reference of a request.
        """
        waiting = [asked for asked in self._unanswered if asked.request is ASKED_FOR[word]]
        named = [asked for asked in waiting if reference is not None and asked.reference == reference]
        alike = [
            asked
            for asked in waiting
            if (asked.taken or None in (reference, asked.reference))
            and (word is not Word.MODE_CHANGED or _same(asked.mode, mode))
        ]
        return next(iter(named + alike), None)

    def answered_by_status(
        self, status: Status, mode: str | None, reference: str | None, moved: Collection[Request]
    ) -> Sequence[ClientRequest]:
        """The requests that a status accepts: those it was asked about, and the oldest that explain that it moved.

        `moved`: the requests of which one may do so. `mode` is that of the group. What OCS does not show, though asked
        about it, is doubted where it may still decide, waited for where OCS took it, else forgotten.
        """
        accepted, unexplained = [], set(moved)
        for asked in self:
            about = asked.asked is not None and reference in (None, str(asked.asked))
            if _shows(status, mode, asked):
                if about or asked.request in unexplained:
                    accepted.append(asked)
                    unexplained.discard(asked.request)
            elif about and asked.request in DECIDES:
                asked.doubted = True
            elif about and not asked.taken:
                self.forget(asked)
        return accepted


def _same(asked: str | None, mode: str | None) -> bool:
    return None in (asked, mode) or asked == mode


def _shows(status: Status, mode: str | None, asked: ClientRequest) -> bool:
    """Whether a status shows the state that a request asks for."""
    if asked.request is Request.LOAD:
        return status in (Status.ACTIVE, Status.RUNNING)
    if asked.request is Request.START:
        return status is Status.RUNNING
    if asked.request is Request.STOP:
        return status is not Status.RUNNING
    if asked.request is Request.UNLOAD:
        return status in (Status.NOT_LOADED, Status.WAITING_UNLOAD, Status.UNLOAD_IN_PROGRESS)
    return status is Status.RUNNING and asked.mode in (None, mode)
