"""One client connection and its own upstream connection (M1, M2, M5, M6).

How a session ends. Either side may end its sending, as TCP allows: what it sent before is delivered, then the
end of sending is passed on, and the other direction goes on until it ends, too. A side that is lost, or that can
only end as a whole (TLS), ends both directions: what it sent before is delivered, then the other side is told
the end and only its own end is waited for. Whatever begins it, a session whose first end was seen is over within
`deadline` seconds: then what is left is cut off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress, IDelayedCall, IHalfCloseableProtocol, IProtocol, IProtocolFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from proxy.relay.causes import Cause
from proxy.relay.frames import FrameWalk
from proxy.relay.outlet import Outlet, outlet
from proxy.relay.upstreams import Upstreams


def host(address: IAddress | None) -> str:
    """How an address is written in logs."""
    if isinstance(address, (IPv4Address, IPv6Address)):
        return f"{address.host}:{address.port}"
    return str(address)


class Listens(Protocol):
    """What a session asks of the relay that made it."""

    upstreams: Upstreams

    def walks(
        self, session: Session, to_upstream: Callable[[bytes], None], to_client: Callable[[bytes], None]
    ) -> tuple[FrameWalk, FrameWalk]:
        """The walks over what the client sends and over what the upstream sends."""
        ...

    def call_at_deadline(self, late: Callable[[], None]) -> IDelayedCall:
        """Call `late` when the time for a session to end is over."""
        ...

    def unreachable(self, session: Session, problem: Failure) -> None:
        """No upstream could be reached for a session."""

    def session_over(self, session: Session, cause: Cause) -> None:
        """Both connections of a session are gone."""


def _discard(_data: bytes) -> None:
    """For what comes when nobody is left to take it: read only to see the end."""


@implementer(IProtocol, IHalfCloseableProtocol)
class Side:
    """One of the two connections of a session.

    `walk` is the way of what this side sends; `outlet` the way of what is sent to it; `received` counts bytes.
    """

    __slots__ = ("drained", "gone", "outlet", "receive", "received", "sending_over", "session", "transport", "walk")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.transport: Any = None
        self.walk: FrameWalk | None = None
        self.outlet: Outlet | None = None
        self.receive: Callable[[bytes], None] = session._keep
        self.received = 0
        self.sending_over = False
        self.drained = False
        self.gone = False

    def makeConnection(self, transport: Any) -> None:
        """See IProtocol."""
        self.transport = transport
        if isinstance(transport.getPeer(), (IPv4Address, IPv6Address)):
            transport.setTcpNoDelay(True)
            transport.setTcpKeepAlive(True)
        self.session._side_made(self)

    def connectionMade(self) -> None:
        """See IProtocol; `makeConnection` has done it all."""

    def dataReceived(self, data: bytes) -> None:
        """See IProtocol."""
        self.received += len(data)
        self.receive(data)

    def readConnectionLost(self) -> None:
        """See IHalfCloseableProtocol: this side sends no more."""
        self.sending_over = True
        self.session._sending_over(self)

    def writeConnectionLost(self) -> None:
        """See IHalfCloseableProtocol: all that was sent to this side has left, the end of sending, too."""
        self.drained = True

    def connectionLost(self, reason: Failure) -> None:
        """See IProtocol."""
        self.gone = self.sending_over = True
        self.session._side_lost(self, reason)

    def pause(self) -> None:
        """See Source."""
        self.transport.pauseProducing()

    def resume(self) -> None:
        """See Source."""
        if not self.sending_over:
            self.transport.resumeProducing()

    def end_sending(self) -> None:
        """What this side sent goes on to its end; what it may still send goes nowhere, but is read to see its end."""
        if self.walk is not None:
            self.walk.finish()
        self.receive = _discard
        if not self.gone:
            self.resume()

    def end_receiving(self) -> None:
        """Nothing more is sent to this side: it is told so, after what was sent to it before."""
        if self.gone:
            return
        way, self.outlet = self.outlet, None
        if way is not None:
            way.end()
        self.leave()

    def leave(self) -> None:
        """Close the connection, once nothing goes either way any more."""
        if self.sending_over and self.outlet is None and not self.gone:
            self.transport.loseConnection()

    def cut_off(self) -> None:
        """Close the connection now. Where all that was sent has left, the other side still gets it."""
        self.receive = _discard
        if self.gone:
            return
        if self.drained:
            self.transport.loseConnection()
        else:
            self.transport.abortConnection()


@implementer(IProtocolFactory)
class _UpstreamFactory:
    """Builds the upstream side of one session."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    def buildProtocol(self, addr: IAddress | None) -> IProtocol:
        """See IProtocolFactory."""
        return Side(self._session)

    def doStart(self) -> None:
        """See IProtocolFactory."""

    def doStop(self) -> None:
        """See IProtocolFactory."""


class Session:
    """A session of a channel: `number` is unique in the process, `reached` the upstream it has; None: none yet."""

    __slots__ = ("_attempt", "_cause", "_client", "_deadline", "_kept", "_relay", "_upstream", "number", "reached")

    def __init__(self, relay: Listens, number: int) -> None:
        self.number = number
        self.reached: str | None = None
        self._relay = relay
        self._client = Side(self)
        self._upstream: Side | None = None
        self._attempt: Deferred[IProtocol] | None = None
        self._kept = b""
        self._cause: Cause | None = None
        self._deadline: IDelayedCall | None = None

    @property
    def client(self) -> IProtocol:
        """The protocol of the client's connection."""
        return self._client

    @property
    def client_host(self) -> str:
        """Where the client is; behind a balancer that says it with a PROXY header: where it really is."""
        return host(self._client.transport.getPeer())

    @property
    def upstream_host(self) -> str:
        """Which upstream it was that could be reached."""
        return "nobody" if self._upstream is None else host(self._upstream.transport.getPeer())

    @property
    def client_bytes(self) -> int:
        """How many bytes came from the client."""
        return self._client.received

    @property
    def upstream_bytes(self) -> int:
        """How many bytes came from the upstream."""
        return 0 if self._upstream is None else self._upstream.received

    @property
    def is_ending(self) -> bool:
        """Whether its end has begun."""
        return self._cause is not None

    def inject_to_client(self, frame: bytes) -> bool:
        """Send a whole frame to the client, at a frame boundary. False: not sent, there is none to come."""
        return self._inject(self._upstream, frame)

    def inject_to_upstream(self, frame: bytes) -> bool:
        """Send a whole frame upstream, at a frame boundary. False: not sent, there is none to come."""
        return self._inject(self._client, frame)

    def _inject(self, source: Side | None, frame: bytes) -> bool:
        return source is not None and source.walk is not None and source.walk.inject(frame)

    def end(self, cause: Cause) -> None:
        """End the session: what is on its way to either side is delivered first, within the deadline."""
        self._begin_end(cause)
        if self._upstream is None:
            self._client.transport.loseConnection()
            return
        for side in self._sides():
            side.end_sending()
        for side in self._sides():
            side.end_receiving()

    def cut_off(self, cause: Cause) -> None:
        """End the session now, whatever is on its way."""
        self._begin_end(cause)
        for side in self._sides():
            side.cut_off()

    def lose_upstream(self) -> None:
        """The upstream is lost, whatever its connection says: what came from it is delivered, then the client hears the
        end, so that it connects anew."""
        if self._upstream is not None:
            self._begin_end(Cause.UPSTREAM_LOST)
            self._upstream.cut_off()

    # ------------------------------------------------------------------------------------------------- its beginning

    def _side_made(self, side: Side) -> None:
        if side is not self._client:
            return
        self._attempt = self._relay.upstreams.connect(_UpstreamFactory(self), self._found)
        self._attempt.addCallbacks(self._reached, self._unreachable)

    def _found(self, upstream: str) -> None:
        self.reached = upstream

    def _keep(self, data: bytes) -> None:
        """What the client sends before its upstream is there: the first read is kept, and no more is read (M2).

        Until then it is read from, so that one that comes and goes at once is seen to go.
        """
        self._kept += data
        self._client.pause()

    def _reached(self, upstream: IProtocol) -> None:
        """The upstream is there: join the sides, and let what was kept go first."""
        assert isinstance(upstream, Side)
        self._attempt = None
        client, self._upstream = self._client, upstream
        client.outlet = outlet(client.transport, upstream)
        upstream.outlet = outlet(upstream.transport, client)
        client.walk, upstream.walk = self._relay.walks(self, upstream.outlet.send, client.outlet.send)
        if self._cause is not None:
            return
        client.receive, upstream.receive = client.walk.receive, upstream.walk.receive
        kept, self._kept = self._kept, b""
        if kept:
            client.receive(kept)

    def _unreachable(self, problem: Failure) -> None:
        self._attempt = None
        if self._cause is None:
            self._relay.unreachable(self, problem)
            self.end(Cause.UPSTREAM_UNREACHABLE)

    # ------------------------------------------------------------------------------------------------------- its end

    def _sides(self) -> tuple[Side, ...]:
        return (self._client,) if self._upstream is None else (self._client, self._upstream)

    def _other(self, side: Side) -> Side | None:
        return self._upstream if side is self._client else self._client

    def _sending_over(self, side: Side) -> None:
        """A side sends no more; the other direction goes on."""
        self._begin_end(Cause.CLIENT_CLOSED if side is self._client else Cause.UPSTREAM_CLOSED)
        side.end_sending()
        other = self._other(side)
        if other is not None:
            other.end_receiving()
        side.leave()

    def _side_lost(self, side: Side, reason: Failure) -> None:
        """A side is gone; what the other may still send goes nowhere."""
        if isinstance(reason.value, ConnectionDone):
            cause = Cause.CLIENT_CLOSED if side is self._client else Cause.UPSTREAM_CLOSED
        else:
            cause = Cause.CLIENT_LOST if side is self._client else Cause.UPSTREAM_LOST
        self._begin_end(cause)
        side.end_sending()
        other = self._other(side)
        if other is not None:
            other.end_sending()
            other.end_receiving()
        self._over_if_gone()

    def _begin_end(self, cause: Cause) -> None:
        """The first end that is seen names the cause, and sets the deadline for the rest."""
        if self._cause is not None:
            return
        self._cause = cause
        self._deadline = self._relay.call_at_deadline(self._cut_off_late)
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.cancel()

    def _cut_off_late(self) -> None:
        self._deadline = None
        self._cause = Cause.DEADLINE
        for side in self._sides():
            side.cut_off()

    def _over_if_gone(self) -> None:
        if not all(side.gone for side in self._sides()):
            return
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        assert self._cause is not None
        self._relay.session_over(self, self._cause)
