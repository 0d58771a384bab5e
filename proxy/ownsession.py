"""A session of the proxy's own with OCS's side: one at a time, with the first upstream that takes it.

It connects, registers, hears OCS's word, and comes back with back-off when it is lost. Where it is registered all
sessions of its channel belong (see `proxy.relay.sides`). What is said in it is the affair of the channel whose session
it is.
"""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from twisted.application.internet import backoffPolicy
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IAddress, IDelayedCall, IProtocol, IReactorTime
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure
from zope.interface import implementer

from proxy.campaign.observation import GroupNames, SourceConnected, SourceLost
from proxy.gsw import control
from proxy.interfaces import IDialerControl, IWireFormat
from proxy.relay.frames import FrameWalk, Want
from proxy.relay.sides import Sides
from proxy.relay.upstreams import Upstreams
from proxy.switchboard import Switchboard

SILENCE = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
"""A dead upstream is noticed within a minute: our own session is quiet for long, and nobody else would notice."""

RETURN_AFTER = 30.0
"""Seconds between two attempts to come home to the primary, from another upstream that is well."""


@implementer(IDialerControl)
class OwnSession(ABC):
    """Stays connected and registered, from `start` to `close`.

    `answer_timeout` seconds are given to the other side to register it; `jitter` returns a random number from 0 to 1.
    `sides` knows where it belongs. It comes home from elsewhere between completions only, and the connection that it
    has is left when the one at home is registered, not before.
    """

    log = Logger()
    name: str

    def __init__(
        self,
        clock: IReactorTime,
        upstreams: Upstreams,
        board: Switchboard,
        answer_timeout: float,
        jitter: Callable[[], float],
    ) -> None:
        self.board = board
        self.registered = False
        self.registrations = 0
        self.malformed = 0
        self.sides = Sides(self.name, upstreams, {})
        self._clock = clock
        self._upstreams = upstreams
        self._answer_timeout = answer_timeout
        self._delay = backoffPolicy(initialDelay=0.5, maxDelay=30.0, factor=2.0, jitter=jitter)
        self._failures = 0
        self._running = False
        self._attempt: Deferred[IProtocol] | None = None
        self._connection: OwnConnection | None = None
        self._call: IDelayedCall | None = None
        self._gone: Deferred[None] | None = None
        self._at = ""
        self._mute: str | None = None
        self._way_home = _WayHome(self, clock, upstreams, answer_timeout)

    @abstractmethod
    def build(self) -> OwnConnection:
        """The protocol of one connection."""

    @abstractmethod
    def request(self, kind: int, names: GroupNames, reference: int) -> None:
        """Send a request about a group; `kind` is its message type. Only while registered."""

    def stop(self, names: GroupNames, reference: int) -> None:
        """See IDialerControl."""
        self.request(control.REQUEST_STOP, names, reference)

    def unload(self, names: GroupNames, reference: int) -> None:
        """See IDialerControl."""
        self.request(control.REQUEST_UNLOAD, names, reference)

    def ask_status(self, names: GroupNames, reference: int) -> None:
        """See IDialerControl."""
        self.request(control.REQUEST_STATUS, names, reference)

    def cut_off(self) -> None:
        """See IDialerControl."""
        if self.registered and self._connection is not None:
            self._connection.abort()

    # ------------------------------------------------------------------------------------------------ its connection

    def start(self) -> None:
        """Connect, and stay connected."""
        self._running = True
        self._connect()

    def close(self) -> Deferred[None]:
        """Leave, what was sent first, and do not come back. Fires when the connection is gone."""
        self._running = False
        self._cancel_call()
        self._way_home.leave()
        if self._attempt is not None:
            self._attempt.cancel()
        if self._connection is None:
            return succeed(None)
        self._connection.close()
        self._call = self._clock.callLater(self._answer_timeout, self._cut_off)
        self._gone = Deferred()
        return self._gone

    def _connect(self) -> None:
        self._call = None
        self._attempt = self._upstreams.connect(_ConnectionFactory(self), self._found, self.sides.order(self._mute))
        self._attempt.addCallbacks(self._connected, self._unreachable)

    def _found(self, upstream: str) -> None:
        self._at = upstream

    def _connected(self, protocol: IProtocol) -> None:
        assert isinstance(protocol, OwnConnection)
        self._attempt = None
        self._connection = protocol
        self._call = self._clock.callLater(self._answer_timeout, self._not_registered)

    def _unreachable(self, problem: Failure) -> None:
        self._attempt = None
        if not problem.check(CancelledError):
            self.log.warn("control session ({name}): {why}", name=self.name, why=problem.getErrorMessage())
            self._again()

    def _again(self) -> None:
        if self._running:
            self._failures += 1
            self._call = self._clock.callLater(self._delay(self._failures), self._connect)

    def _not_registered(self) -> None:
        self.log.warn(
            "control session ({name}): not registered within {seconds} s",
            name=self.name,
            seconds=self._answer_timeout,
        )
        self._cut_off()

    def _cut_off(self) -> None:
        self._call = None
        assert self._connection is not None
        self._connection.abort()

    def _cancel_call(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None

    # ------------------------------------------------------------------------------------ told by its connection

    def is_registered(self, connection: OwnConnection) -> None:
        """The other side has registered us, on this connection: OCS's word is heard there from now on."""
        if connection is not self._connection:
            if self.board.is_completing:
                connection.refuse("a completion has begun meanwhile")
                return
            self._move(connection)
        connection.registered = True
        self._cancel_call()
        self._failures = 0
        self._mute = None
        self.registrations += 1
        self.log.info("control session ({name}): registered with {upstream}", name=self.name, upstream=self._at)
        self.sides.registered(self._at)
        self.is_heard()
        if self._at != self.sides.home:
            self._way_home.later()

    def _move(self, home: OwnConnection) -> None:
        left, self._connection, self._at = self._connection, home, self._way_home.arrived()
        assert left is not None
        left.registered = False
        left.refuse("left")
        self.is_not_heard()

    def is_heard(self) -> None:
        """OCS's word is heard from now on."""
        self.registered = True
        self.board.observe(SourceConnected(self.name))

    def is_not_heard(self) -> None:
        """OCS's word is heard no more."""
        self.registered = False
        self.board.observe(SourceLost(self.name))

    def is_lost(self, connection: OwnConnection, why: str) -> None:
        """A connection is gone: it is made anew."""
        if connection is not self._connection:
            self._way_home.is_lost(connection, why)
            return
        self._cancel_call()
        self._way_home.leave()
        self._connection = None
        self._mute = None if connection.has_heard else self._at
        if self.registered:
            self.is_not_heard()
            self.sides.lost()
        if self._running:
            self.log.warn("control session ({name}): lost ({why})", name=self.name, why=why)
            self._again()
        if self._gone is not None:
            self._gone.callback(None)

    def write(self, frame: bytes) -> None:
        """Send a frame; only while registered."""
        assert self._connection is not None
        self._connection.write(frame)


class _WayHome:
    """From another upstream that is well back to where a session belongs."""

    log = Logger()

    def __init__(self, session: OwnSession, clock: IReactorTime, upstreams: Upstreams, answer_timeout: float) -> None:
        self._session = session
        self._clock = clock
        self._upstreams = upstreams
        self._answer_timeout = answer_timeout
        self._to = ""
        self._call: IDelayedCall | None = None
        self._attempt: Deferred[IProtocol] | None = None
        self._connection: OwnConnection | None = None

    def later(self) -> None:
        """Try it, after a while."""
        self._call = self._clock.callLater(RETURN_AFTER, self._try)

    def leave(self) -> None:
        """Do not try it any more."""
        self._cancel_call()
        if self._attempt is not None:
            self._attempt.cancel()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()

    def arrived(self) -> str:
        """The connection at home is registered; where that is."""
        self._cancel_call()
        self._connection = None
        return self._to

    def is_lost(self, connection: OwnConnection, why: str) -> None:
        """A connection is gone; where it is that on the way home, it is tried again later."""
        if connection is self._connection:
            self._connection = None
            self._cancel_call()
            self.log.info("{upstream} does not take the control session back: {why}", upstream=self._to, why=why)
            self.later()

    def _try(self) -> None:
        self._call = None
        if self._session.board.is_completing:
            self.later()
            return
        self._to = self._session.sides.home
        self._attempt = self._upstreams.connect(_ConnectionFactory(self._session), order=[self._to])
        self._attempt.addCallbacks(self._connected, self._unreachable)

    def _connected(self, protocol: IProtocol) -> None:
        assert isinstance(protocol, OwnConnection)
        self._attempt = None
        self._connection = protocol
        self._call = self._clock.callLater(self._answer_timeout, self._cut_off)

    def _cut_off(self) -> None:
        self._call = None
        assert self._connection is not None
        self._connection.abort()

    def _unreachable(self, problem: Failure) -> None:
        self._attempt = None
        if not problem.check(CancelledError):
            self.later()

    def _cancel_call(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None


class _ConnectionFactory(Factory):
    """Builds the protocol of one connection."""

    noisy = False

    def __init__(self, session: OwnSession) -> None:
        self._session = session

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """See IProtocolFactory."""
        return self._session.build()


class OwnConnection(Protocol, ABC):
    """One connection of a session of our own; what comes is cut into frames, the wanted ones are held.

    `registered`: the other side took us on it, and it is the one that counts. `has_heard`: anything came at all.
    """

    def __init__(self, session: OwnSession, wire: IWireFormat, wanted: Mapping[int, Want], max_frame: int) -> None:
        self._session = session
        self._walk = FrameWalk(wire, wanted, max_frame, self, _read_and_done)
        self.refused = ""
        self.registered = False
        self.has_heard = False

    def connectionMade(self) -> None:
        """See IProtocol."""
        assert self.transport is not None
        keep_alive(self.transport)
        self.begin()

    @abstractmethod
    def begin(self) -> None:
        """Ask to be registered."""

    def dataReceived(self, data: bytes) -> None:
        """See IProtocol."""
        self.has_heard = True
        self._walk.receive(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See IProtocol."""
        self._session.is_lost(self, self.refused or reason.getErrorMessage())

    def write(self, frame: bytes) -> None:
        """Send a frame."""
        assert self.transport is not None
        self.transport.write(frame)

    def close(self) -> None:
        """End the connection, what is on its way first."""
        assert self.transport is not None
        self.transport.loseConnection()

    def abort(self) -> None:
        """End the connection now."""
        assert self.transport is not None
        self.transport.abortConnection()  # type: ignore[attr-defined]

    def refuse(self, why: str) -> None:
        """The other side does not register us: try again on another connection."""
        self.refused = why
        self.close()

    # ------------------------------------------------------------------------------------------------------- Looks

    @abstractmethod
    def held(self, number: int, frame: bytes) -> bytes | None:
        """See Looks: what the other side says."""

    def looked(self, number: int, frame: bytes) -> None:
        """See Looks: nothing is wanted from a copy."""

    def opaque(self, reason: str) -> None:
        """See Looks: what cannot be framed cannot be heard, so a new connection is made."""
        self.refused = reason
        self.abort()


def _read_and_done(_data: bytes) -> None:
    """What was read goes nowhere."""


def keep_alive(transport: Any) -> None:
    """Have the system ask a silent upstream whether it is there, over TLS too."""
    while isinstance(transport, ProtocolWrapper):
        transport = transport.transport
    handle = getattr(transport, "getHandle", lambda: None)()
    if isinstance(handle, socket.socket) and handle.family in (socket.AF_INET, socket.AF_INET6):
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in SILENCE:
            if hasattr(socket, name):
                handle.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
