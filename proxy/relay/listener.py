"""The relay of one channel: listens, makes a session of each client's connection, and counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IProtocol,
    IProtocolFactory,
    ITransport,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from proxy.interfaces import IWireFormat
from proxy.relay.causes import Cause
from proxy.relay.frames import FrameWalk, Looks, Want
from proxy.relay.ports import Listens, Ports
from proxy.relay.session import Session, host
from proxy.relay.upstreams import Upstreams


@frozen
class Limits:
    """What bounds a relay. Times are seconds, sizes bytes.

    `max_frame` bounds what a frame's own length field counts; `close_malformed` ends a session whose bytes cannot
    be cut into frames, instead of relaying them unseen (M3); `deadline` is the time for a session to end (M6).
    """

    max_sessions: int = 20000
    max_frame: int = 1048576
    close_malformed: bool = False
    deadline: float = 10.0


class Direction:
    """One direction of all sessions of a relay: what is wanted of it, and its counts.

    `frames` counts frames by message number; `opaque` counts sessions whose bytes could not be cut into frames
    any more, `failed` those where looking failed by a mistake of ours; `ended_bytes` those of sessions that ended.
    """

    def __init__(self, name: str, wanted: Mapping[int, Want]) -> None:
        self.name = name
        self.wanted = wanted
        self.frames: dict[int, int] = {}
        self.opaque = 0
        self.failed = 0
        self.ended_bytes = 0


@implementer(IProtocolFactory)
class Relay(Listens):
    """Relays each client's connection to an upstream connection of its own, and lets a channel look.

    `listen` are endpoint strings; `to_upstream` and `to_client` say which message numbers are wanted of what
    clients and upstreams send. `attach` is called when a session's upstream is there, and returns what looks at
    the frames of clients and of upstreams; `ended` is called once for every session that was attached. `numbers`
    gives the sessions their numbers.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        listen: Sequence[str],
        upstreams: Upstreams,
        wire: IWireFormat,
        to_upstream: Mapping[int, Want],
        to_client: Mapping[int, Want],
        limits: Limits,
        numbers: Iterator[int],
        attach: Callable[[Session], tuple[Looks, Looks]],
        ended: Callable[[Session, Cause], None],
    ) -> None:
        self.upstreams = upstreams
        self.limits = limits
        self.to_upstream = Direction("client", to_upstream)
        self.to_client = Direction("upstream", to_client)
        self.sessions: dict[int, Session] = {}
        self.begun = 0
        self.causes: dict[Cause, int] = dict.fromkeys(Cause, 0)
        self._reactor = reactor
        self.listening = Ports(reactor, listen, self)
        self._wire = wire
        self._numbers = numbers
        self._attach = attach
        self._ended = ended
        self._attached: set[int] = set()
        self._empty: list[Deferred[None]] = []

    # ----------------------------------------------------------------------------------------------------- the count

    @property
    def refused(self) -> int:
        """How many connections were over max_sessions."""
        return self.causes[Cause.REFUSED_MAX_SESSIONS]

    @property
    def client_bytes(self) -> int:
        """How many bytes came from clients."""
        return self.to_upstream.ended_bytes + sum(session.client_bytes for session in self.sessions.values())

    @property
    def upstream_bytes(self) -> int:
        """How many bytes came from upstreams."""
        return self.to_client.ended_bytes + sum(session.upstream_bytes for session in self.sessions.values())

    # ---------------------------------------------------------------------------------------------------- all sessions

    def end_all(self, cause: Cause) -> Deferred[None]:
        """End every session, what is on its way first. Fires when none is left, within the deadline."""
        for session in list(self.sessions.values()):
            session.end(cause)
        return self._when_empty()

    def cut_off_all(self, cause: Cause) -> Deferred[None]:
        """End every session now. Fires when none is left."""
        for session in list(self.sessions.values()):
            session.cut_off(cause)
        return self._when_empty()

    def _when_empty(self) -> Deferred[None]:
        if not self.sessions:
            return succeed(None)
        empty: Deferred[None] = Deferred()
        self._empty.append(empty)
        return empty

    # ------------------------------------------------------------------------------------------- a session of a client

    def buildProtocol(self, addr: IAddress | None) -> IProtocol:
        """See IProtocolFactory."""
        self.begun += 1
        if len(self.sessions) >= self.limits.max_sessions:
            self.causes[Cause.REFUSED_MAX_SESSIONS] += 1
            self.log.warn("a connection from {peer} was refused: max_sessions", peer=host(addr))
            return Refusal()
        session = Session(self, next(self._numbers))
        self.sessions[session.number] = session
        return session.client

    def doStart(self) -> None:
        """See IProtocolFactory."""

    def doStop(self) -> None:
        """See IProtocolFactory."""

    # -------------------------------------------------------------------------------------------- asked by its sessions

    def walks(
        self, session: Session, to_upstream: Callable[[bytes], None], to_client: Callable[[bytes], None]
    ) -> tuple[FrameWalk, FrameWalk]:
        """The walks over what the client sends and over what the upstream sends; the channel is attached to them."""
        self.log.info(
            "session {session}: {client} to {upstream}",
            session=session.number,
            client=session.client_host,
            upstream=session.upstream_host,
        )
        of_client: Looks | None = None
        of_upstream: Looks | None = None
        try:
            of_client, of_upstream = self._attach(session)
            self._attached.add(session.number)
        except Exception:  # noqa: BLE001 (whatever it is, the relay goes on; it is logged and counted)
            self.to_upstream.failed += 1
            self.to_client.failed += 1
            self.log.failure("session {session} is relayed unseen", session=session.number)
        return (
            self._walk(session, self.to_upstream, of_client, to_upstream),
            self._walk(session, self.to_client, of_upstream, to_client),
        )

    def _walk(
        self, session: Session, direction: Direction, looks: Looks | None, send: Callable[[bytes], None]
    ) -> FrameWalk:
        watched = _Watched(self, session, direction, looks)
        return FrameWalk(self._wire, direction.wanted, self.limits.max_frame, watched, send, direction.frames)

    def call_at_deadline(self, late: Callable[[], None]) -> IDelayedCall:
        """Call `late` when the time for a session to end is over."""
        call: IDelayedCall = self._reactor.callLater(self.limits.deadline, late)
        return call

    def unreachable(self, session: Session, problem: Failure) -> None:
        """No upstream could be reached for a session."""
        self.log.warn("session {session}: {problem}", session=session.number, problem=problem.getErrorMessage())

    def session_over(self, session: Session, cause: Cause) -> None:
        """Both connections of a session are gone."""
        del self.sessions[session.number]
        self.causes[cause] += 1
        self.to_upstream.ended_bytes += session.client_bytes
        self.to_client.ended_bytes += session.upstream_bytes
        self.log.info(
            "session {session} ended: {cause}; {client_bytes} bytes from the client, {upstream_bytes} from upstream",
            session=session.number,
            cause=cause.value,
            client_bytes=session.client_bytes,
            upstream_bytes=session.upstream_bytes,
        )
        try:
            if session.number in self._attached:
                self._attached.remove(session.number)
                self._ended(session, cause)
        finally:
            self._tell_if_empty()

    def _tell_if_empty(self) -> None:
        if not self.sessions:
            waiting, self._empty = self._empty, []
            for empty in waiting:
                empty.callback(None)


class _Watched:
    """A channel's looks at one direction of a session, watched by the relay.

    A mistake of ours in looking must not cost a desktop its connection: the frame goes on as it came, the failure
    is logged with its traceback, and from there on the direction counts as opaque to its channel.
    """

    __slots__ = ("_direction", "_looks", "_relay", "_session")

    def __init__(self, relay: Relay, session: Session, direction: Direction, looks: Looks | None) -> None:
        self._relay = relay
        self._session = session
        self._direction = direction
        self._looks = looks

    def held(self, number: int, frame: bytes) -> bytes | None:
        """See Looks."""
        if self._looks is None:
            return frame
        try:
            return self._looks.held(number, frame)
        except Exception:  # noqa: BLE001 (whatever it is, the relay goes on; it is logged, counted and told)
            self._failed(number)
            return frame

    def looked(self, number: int, frame: bytes) -> None:
        """See Looks."""
        if self._looks is None:
            return
        try:
            self._looks.looked(number, frame)
        except Exception:  # noqa: BLE001 (as above)
            self._failed(number)

    def opaque(self, reason: str) -> None:
        """See Looks."""
        self._direction.opaque += 1
        self._relay.log.warn(
            "session {session}: what the {side} sends cannot be cut into frames: {reason}",
            session=self._session.number,
            side=self._direction.name,
            reason=reason,
        )
        looks, self._looks = self._looks, None
        if looks is not None:
            looks.opaque(reason)
        if self._relay.limits.close_malformed:
            self._session.end(Cause.MALFORMED)

    def _failed(self, number: int) -> None:
        self._direction.failed += 1
        self._relay.log.failure(
            "session {session}: looking into message {number} of the {side} failed; it is relayed unseen from now on",
            session=self._session.number,
            number=number,
            side=self._direction.name,
        )
        looks, self._looks = self._looks, None
        assert looks is not None
        looks.opaque("looking into it failed")


@implementer(IProtocol)
class Refusal:
    """What a connection over max_sessions gets: its end, at once."""

    def makeConnection(self, transport: ITransport) -> None:
        """See IProtocol."""
        transport.loseConnection()

    def connectionMade(self) -> None:
        """See IProtocol; `makeConnection` has done it all."""

    def dataReceived(self, data: bytes) -> None:
        """See IProtocol: nobody takes it."""

    def connectionLost(self, reason: Failure) -> None:
        """See IProtocol."""
