"""Stop and Unload of the proxy's own, over OCS's HTTP interface (`control = ocs-http`).

A success says that OCS took the request, and no more (A); what it does is said elsewhere, and asked for elsewhere. No
request is ever sent twice: where there is no reply the groups find out what became of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.application.internet import backoffPolicy
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from proxy.campaign.observation import (
    ControlAccepted,
    ControlRefused,
    GroupNames,
    Request,
    SourceConnected,
    SourceLost,
)
from proxy.campaign.policy import Control
from proxy.errors import OurError
from proxy.http import ocs
from proxy.http.turns import Exchanges, Fetch, ReplyHead
from proxy.interfaces import IDialerControl
from proxy.switchboard import Switchboard

GIVES_UP = 60.0
"""Seconds after which no reply is expected any more; the groups have long asked what became of the request."""

OURS = 0
"""The session of the proxy's own requests."""


@implementer(IDialerControl)
class OcsHttpControl:
    """Asks OCS over HTTP, from `start` to `close`.

    `registered`: the last attempt to reach it did not fail. Where it did, `connect` is tried, with growing delays,
    until it succeeds: it connects to an upstream, nothing is asked, and what it fires with is told to `leave`. `jitter`
    returns random numbers from 0 to 1. `counts`: what became of the requests, by name.
    """

    log = Logger()
    name = Control.OCS_HTTP.value

    def __init__(
        self,
        exchanges: Exchanges,
        board: Switchboard,
        clock: IReactorTime,
        connect: Callable[[], Deferred[Any]],
        jitter: Callable[[], float],
    ) -> None:
        self.registered = False
        self.counts = {"taken": 0, "refused": 0, "unclear": 0, "failed": 0, "unanswered": 0}
        self._exchanges = exchanges
        self._board = board
        self._clock = clock
        self._connect = connect
        self._delay = backoffPolicy(initialDelay=0.5, maxDelay=30.0, factor=2.0, jitter=jitter)
        self._failures = 0
        self._running = False
        self._call: IDelayedCall | None = None
        self._attempt: Deferred[Any] | None = None
        self._waiting: set[_Reply] = set()

    def start(self) -> None:
        """From now on OCS can be asked: nobody knows better yet."""
        self._running = True
        self._is_reached()

    def close(self) -> None:
        """Ask nothing more, and wait for no reply."""
        self._running = False
        self.registered = False
        if self._call is not None:
            self._call.cancel()
            self._call = None
        if self._attempt is not None:
            self._attempt.cancel()
        for reply in list(self._waiting):
            reply.abandon()

    # ------------------------------------------------------------------------------------------- see IDialerControl

    def stop(self, names: GroupNames, reference: int) -> None:
        """See IDialerControl."""
        self._ask(Request.STOP, names, reference)

    def unload(self, names: GroupNames, reference: int) -> None:
        """See IDialerControl."""
        self._ask(Request.UNLOAD, names, reference)

    def ask_status(self, names: GroupNames, reference: int) -> None:
        """See IDialerControl. Raises OurError: over HTTP nothing tells a group's status, and it is asked elsewhere."""
        raise OurError("OCS's HTTP interface tells no status")

    def cut_off(self) -> None:
        """See IDialerControl."""
        for reply in list(self._waiting):
            reply.abandon()

    def _ask(self, request: Request, names: GroupNames, reference: int) -> None:
        if names.dbid is None:
            raise OurError("over HTTP a group goes by its DBID")
        head, body = ocs.ours(request, names.dbid)
        reply = _Reply(self, names, str(reference))
        self._waiting.add(reply)
        reply.comes_by(self._exchanges.fetch(head, body, reply), self._clock.callLater(GIVES_UP, reply.give_up))

    # -------------------------------------------------------------------------------------------- told by its replies

    def answered(self, names: GroupNames, reference: str, accepted: bool) -> None:
        """OCS replied."""
        self.counts["taken" if accepted else "refused"] += 1
        told = ControlAccepted if accepted else ControlRefused
        self._board.observe(told(OURS, names, reference))

    def failed(self, why: str) -> None:
        """There was no reply, or it broke off: before another request OCS must be reached again."""
        self.counts["failed"] += 1
        self._is_lost(why)

    def over(self, reply: _Reply) -> None:
        """Nothing more comes of a request."""
        self._waiting.discard(reply)

    # ------------------------------------------------------------------------------------------------ the way to OCS

    def _is_reached(self) -> None:
        self._failures = 0
        self.registered = True
        self._board.observe(SourceConnected(self.name))

    def _is_lost(self, why: str) -> None:
        if not self._running or not self.registered:
            return
        self.registered = False
        self.log.warn("control ({name}): no reply ({why}); OCS is to be reached first", name=self.name, why=why)
        self._board.observe(SourceLost(self.name))
        self._again()

    def _again(self) -> None:
        self._failures += 1
        self._call = self._clock.callLater(self._delay(self._failures), self._knock)

    def _knock(self) -> None:
        self._call = None
        self._attempt = self._connect()
        self._attempt.addCallbacks(self._opened, self._unreachable)

    def _opened(self, connection: Any) -> None:
        self._attempt = None
        connection.leave()
        self.log.info("control ({name}): OCS is reached", name=self.name)
        self._is_reached()

    def _unreachable(self, problem: Failure) -> None:
        self._attempt = None
        if self._running and not problem.check(CancelledError):
            self.log.warn("control ({name}): {why}", name=self.name, why=problem.getErrorMessage())
            self._again()


class _Reply:
    """See Replies: the reply to one request of the proxy's own."""

    def __init__(self, control: OcsHttpControl, names: GroupNames, reference: str) -> None:
        self._control = control
        self._names = names
        self._reference = reference
        self._fetch: Fetch | None = None
        self._patience: IDelayedCall | None = None
        self._is_over = False

    def comes_by(self, fetch: Fetch, patience: IDelayedCall) -> None:
        """Where the reply comes from, and what gives it up in time; it may be there already."""
        self._fetch, self._patience = fetch, patience
        if self._is_over:
            self._end()

    def wants(self, head: ReplyHead) -> bool:
        """See Replies."""
        return True

    def whole(self, head: ReplyHead, body: bytes) -> bytes:
        """See Replies."""
        self._end()
        self._control.answered(self._names, self._reference, ocs.accepted(head.status, body))
        return body

    def unread(self, head: ReplyHead, why: str | None) -> None:
        """See Replies: an error is a refusal without its body, too; whether a success is one is not known."""
        self.abandon()
        if head.status >= 300:
            self._control.answered(self._names, self._reference, False)
        else:
            self._control.counts["unclear"] += 1

    def failed(self, why: str) -> None:
        """See Replies."""
        self._end()
        self._control.failed(why)

    def give_up(self) -> None:
        """The time is over."""
        self._control.counts["unanswered"] += 1
        self.abandon()

    def abandon(self) -> None:
        """Whatever comes, nobody wants it."""
        self._end()
        if self._fetch is not None:
            self._fetch.abandon()

    def _end(self) -> None:
        self._is_over = True
        if self._patience is not None and self._patience.active():
            self._patience.cancel()
        self._control.over(self)
