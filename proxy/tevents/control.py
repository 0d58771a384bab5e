"""The proxy's own session with the T-Server, registered for the Communication DN.

It hears OCS's word there, sends Stop, Unload and status requests, and comes back with back-off when it is lost.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.application.internet import backoffPolicy
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IAddress, IDelayedCall, IProtocol, IReactorTime
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure
from zope.interface import implementer

from proxy.campaign.observation import ControlRefused, GroupNames, SourceConnected, SourceLost
from proxy.campaign.policy import Control
from proxy.errors import Malformed
from proxy.gsw import control
from proxy.gsw.reading import gsw
from proxy.interfaces import IDialerControl, ITEventWire
from proxy.kvlist import Pair
from proxy.relay.frames import FrameWalk, Want
from proxy.relay.upstreams import Upstreams
from proxy.switchboard import Switchboard
from proxy.tevents import vocabulary
from proxy.tevents.message import (
    APPLICATION_NAME,
    COMMUNICATION_DN,
    DISTRIBUTE_USER_EVENT,
    ERROR_CODE,
    EVENT_ERROR,
    EVENT_LINK_CONNECTED,
    EVENT_REGISTERED,
    EVENT_USER_EVENT,
    REFERENCE_ID,
    REGISTER_ADDRESS,
    REGISTER_CLIENT,
    THIS_DN,
    USER_DATA,
    AttributeValue,
    Message,
)

SILENCE = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
"""A dead T-Server is noticed within a minute: the control session is quiet for long, and nobody else would."""

_CLIENT, _ADDRESS = 0, 1
"""The references of the two registrations; they are below the range of requests (R24)."""

_WANTED = dict.fromkeys((EVENT_LINK_CONNECTED, EVENT_REGISTERED, EVENT_ERROR, EVENT_USER_EVENT), Want.HOLD)


@implementer(IDialerControl)
class ControlSession:
    """One session at a time, with the first upstream that takes it.

    `answer_timeout` seconds are given to the T-Server to register it; `jitter` returns a random number from 0 to 1.
    """

    log = Logger()
    name = Control.TEVENTS.value

    def __init__(
        self,
        clock: IReactorTime,
        upstreams: Upstreams,
        wire: ITEventWire,
        board: Switchboard,
        communication_dn: str,
        application: str,
        application_dbid: int,
        max_frame: int,
        answer_timeout: float,
        jitter: Callable[[], float],
    ) -> None:
        self.wire = wire
        self.board = board
        self.communication_dn = communication_dn
        self.application = application
        self.max_frame = max_frame
        self.registered = False
        self.registrations = 0
        self.malformed = 0
        self._application_dbid = application_dbid
        self._clock = clock
        self._upstreams = upstreams
        self._answer_timeout = answer_timeout
        self._delay = backoffPolicy(initialDelay=0.5, maxDelay=30.0, factor=2.0, jitter=jitter)
        self._failures = 0
        self._running = False
        self._attempt: Deferred[IProtocol] | None = None
        self._connection: _Connection | None = None
        self._call: IDelayedCall | None = None
        self._gone: Deferred[None] | None = None

    # ------------------------------------------------------------------------------------------------ its connection

    def start(self) -> None:
        """Connect, and stay connected."""
        self._running = True
        self._connect()

    def close(self) -> Deferred[None]:
        """Leave, what was sent first, and do not come back. Fires when the connection is gone."""
        self._running = False
        self._cancel_call()
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
        self._attempt = self._upstreams.connect(_ConnectionFactory(self))
        self._attempt.addCallbacks(self._connected, self._unreachable)

    def _connected(self, protocol: IProtocol) -> None:
        assert isinstance(protocol, _Connection)
        self._attempt = None
        self._connection = protocol
        self._call = self._clock.callLater(self._answer_timeout, self._not_registered)

    def _unreachable(self, problem: Failure) -> None:
        self._attempt = None
        if not problem.check(CancelledError):
            self.log.warn("control session: {why}", why=problem.getErrorMessage())
            self._again()

    def _again(self) -> None:
        if self._running:
            self._failures += 1
            self._call = self._clock.callLater(self._delay(self._failures), self._connect)

    def _not_registered(self) -> None:
        self.log.warn("control session: not registered within {seconds} s", seconds=self._answer_timeout)
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

    def is_registered(self) -> None:
        """The T-Server sends us the events of the Communication DN from now on."""
        self._cancel_call()
        self._failures = 0
        self.registered = True
        self.registrations += 1
        self.log.info("control session: registered as {name} for {dn}", name=self.application, dn=self.communication_dn)
        self.board.observe(SourceConnected(self.name))

    def is_lost(self, why: str) -> None:
        """The connection is gone: it is made anew."""
        self._cancel_call()
        self._connection = None
        if self.registered:
            self.registered = False
            self.board.observe(SourceLost(self.name))
        if self._running:
            self.log.warn("control session: lost ({why})", why=why)
            self._again()
        if self._gone is not None:
            self._gone.callback(None)

    # ---------------------------------------------------------------------------------------------------- requests

    def stop(self, names: GroupNames, reference: int) -> None:
        """See IDialerControl."""
        self._request(control.REQUEST_STOP, names, reference)

    def unload(self, names: GroupNames, reference: int) -> None:
        """See IDialerControl."""
        self._request(control.REQUEST_UNLOAD, names, reference)

    def ask_status(self, names: GroupNames, reference: int) -> None:
        """See IDialerControl."""
        self._request(control.REQUEST_STATUS, names, reference)

    def _request(self, kind: int, names: GroupNames, reference: int) -> None:
        assert self._connection is not None
        pairs = vocabulary.request(kind, names, self._application_dbid, reference)
        self._connection.send(
            DISTRIBUTE_USER_EVENT,
            (COMMUNICATION_DN, self.communication_dn),
            (REFERENCE_ID, reference),
            (USER_DATA, pairs),
        )


class _ConnectionFactory(Factory):
    """Builds the protocol of one connection."""

    noisy = False

    def __init__(self, control: ControlSession) -> None:
        self._control = control

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """See IProtocolFactory."""
        return _Connection(self._control)


class _Connection(Protocol):
    """One connection of the control session: registers the client, then the Communication DN, then listens."""

    def __init__(self, control: ControlSession) -> None:
        self._control = control
        self._walk = FrameWalk(control.wire, _WANTED, control.max_frame, self, _read_and_done)
        self._why = ""

    def connectionMade(self) -> None:
        """See IProtocol."""
        assert self.transport is not None
        _keep_alive(self.transport)
        self.send(REGISTER_CLIENT, (APPLICATION_NAME, self._control.application), (REFERENCE_ID, _CLIENT))

    def dataReceived(self, data: bytes) -> None:
        """See IProtocol."""
        self._walk.receive(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See IProtocol."""
        self._control.is_lost(self._why or reason.getErrorMessage())

    def send(self, number: int, *attributes: tuple[int, AttributeValue]) -> None:
        """Send a message."""
        wire = self._control.wire
        message = Message(number, [wire.attribute(id, value) for id, value in attributes])
        assert self.transport is not None
        self.transport.write(wire.encode(message))

    def close(self) -> None:
        """End the connection, what is on its way first."""
        assert self.transport is not None
        self.transport.loseConnection()

    def abort(self) -> None:
        """End the connection now."""
        assert self.transport is not None
        self.transport.abortConnection()  # type: ignore[attr-defined]

    # ------------------------------------------------------------------------------------------------------- Looks

    def held(self, number: int, frame: bytes) -> bytes | None:
        """See Looks: what the T-Server says."""
        try:
            message = self._control.wire.decode(frame)
        except Malformed:
            self._control.malformed += 1
            return None
        if number == EVENT_ERROR:
            self._refused(message)
        elif self._control.registered:
            if number == EVENT_USER_EVENT:
                self._heard(message.user_data)
        elif number == EVENT_LINK_CONNECTED:
            self.send(REGISTER_ADDRESS, (THIS_DN, self._control.communication_dn), (REFERENCE_ID, _ADDRESS))
        elif number == EVENT_REGISTERED and not self._why:
            self._control.is_registered()
        return None

    def _refused(self, message: Message) -> None:
        if self._control.registered:
            self._control.board.observe(ControlRefused(0, GroupNames(), str(message.reference)))
        else:
            self._why = f"EventError {message.unsigned(ERROR_CODE)}"
            self.close()

    def _heard(self, pairs: list[Pair] | None) -> None:
        if pairs is None or vocabulary.is_request(gsw(pairs)):
            return
        seen = vocabulary.from_ocs(pairs, 0, self._control.name)
        if seen is not None:
            self._control.board.observe(seen)

    def looked(self, number: int, frame: bytes) -> None:
        """See Looks: nothing is wanted from a copy."""

    def opaque(self, reason: str) -> None:
        """See Looks: what cannot be framed cannot be heard, so a new connection is made."""
        self._why = reason
        self.abort()


def _read_and_done(_data: bytes) -> None:
    """What was read goes nowhere."""


def _keep_alive(transport: Any) -> None:
    """Have the system ask a silent T-Server whether it is there, over TLS too."""
    while isinstance(transport, ProtocolWrapper):
        transport = transport.transport
    handle = getattr(transport, "getHandle", lambda: None)()
    if isinstance(handle, socket.socket) and handle.family in (socket.AF_INET, socket.AF_INET6):
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in SILENCE:
            if hasattr(socket, name):
                handle.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
