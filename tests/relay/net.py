"""Real sockets for the tests of the relay: an upstream, clients, and a relay between them."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from proxy.relay.causes import Cause
from proxy.relay.frames import Want
from proxy.relay.listener import Limits, Relay
from proxy.relay.session import Session
from proxy.relay.upstreams import Upstreams
from proxy.tevents.openwire import open_wire


@implementer(IHalfCloseableProtocol)
class End(Protocol):
    """One end of a connection: notes what comes, and lets a test wait for it."""

    def __init__(self, connected: Callable[[End], None] = lambda end: None) -> None:
        self.received = bytearray()
        self.told_end = False
        self.lost: Exception | None = None
        self._connected = connected
        self._waiting: list[tuple[Callable[[], bool], Deferred[End]]] = []

    def when(self, condition: Callable[[], bool]) -> Deferred[End]:
        """Fires when the condition holds."""
        waiting: Deferred[End] = Deferred()
        self._waiting.append((condition, waiting))
        self._look()
        return waiting

    def when_received(self, size: int) -> Deferred[End]:
        """Fires when so many bytes have come."""
        return self.when(lambda: len(self.received) >= size)

    def when_told_end(self) -> Deferred[End]:
        """Fires when the other side sends no more."""
        return self.when(lambda: self.told_end or self.lost is not None)

    def when_lost(self) -> Deferred[End]:
        """Fires when the connection is gone."""
        return self.when(lambda: self.lost is not None)

    def _look(self) -> None:
        waiting, self._waiting = self._waiting, []
        for condition, fires in waiting:
            if condition():
                fires.callback(self)
            else:
                self._waiting.append((condition, fires))

    def connectionMade(self) -> None:
        self._connected(self)

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        self._look()

    def readConnectionLost(self) -> None:
        self.told_end = True
        self._look()

    def writeConnectionLost(self) -> None:
        pass

    def connectionLost(self, reason) -> None:
        self.lost = reason.value
        self._look()

    def write(self, data: bytes) -> None:
        """Send bytes to the other end."""
        self.transport.write(data)

    def close(self) -> None:
        """Close the connection both ways."""
        self.transport.loseConnection()

    def close_sending(self) -> None:
        """Send no more, but go on reading."""
        self.transport.loseWriteConnection()

    def reset(self) -> None:
        """Break the connection."""
        self.transport.abortConnection()


class Ends(Factory):
    """Accepts connections and keeps them, in order."""

    def __init__(self) -> None:
        self.ends: list[End] = []
        self._waiting: list[tuple[int, Deferred[End]]] = []

    def buildProtocol(self, addr) -> End:
        return End(self._connected)

    def _connected(self, end: End) -> None:
        self.ends.append(end)
        for count, fires in self._waiting:
            if count == len(self.ends):
                fires.callback(end)

    def when_connected(self, count: int = 1) -> Deferred[End]:
        """Fires with the `count`-th connection."""
        fires: Deferred[End] = Deferred()
        if len(self.ends) >= count:
            fires.callback(self.ends[count - 1])
        else:
            self._waiting.append((count, fires))
        return fires


class Unchanged:
    """Looks that leave everything as it is."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.reasons: list[str] = []

    def held(self, number: int, frame: bytes) -> bytes | None:
        self.frames.append(frame)
        return frame

    def looked(self, number: int, frame: bytes) -> None:
        self.frames.append(frame)

    def opaque(self, reason: str) -> None:
        self.reasons.append(reason)


class Channel:
    """A channel that attaches looks and notes sessions and their ends."""

    def __init__(self, looks: Callable[[], Unchanged] = Unchanged) -> None:
        self.attached: list[Session] = []
        self.looks: list[tuple[Unchanged, Unchanged]] = []
        self.ended: list[tuple[int, Cause]] = []
        self._make = looks
        self._waiting: list[tuple[int, Deferred[None]]] = []

    def when_attached(self, count: int = 1) -> Deferred[None]:
        """Fires when so many sessions have been joined to their upstream."""
        fires: Deferred[None] = Deferred()
        if len(self.attached) >= count:
            fires.callback(None)
        else:
            self._waiting.append((count, fires))
        return fires

    def attach(self, session: Session) -> tuple[Unchanged, Unchanged]:
        self.attached.append(session)
        self.looks.append((self._make(), self._make()))
        for count, fires in self._waiting:
            if count == len(self.attached):
                reactor.callLater(0, fires.callback, None)
        return self.looks[-1]

    def end(self, session: Session, cause: Cause) -> None:
        self.ended.append((session.number, cause))


class RelayTestCase(TestCase):
    """A relay on a free port, before an upstream on a free port."""

    timeout = 300

    async def listen(self) -> tuple[Ends, int]:
        """A server on a free port, which accepts what comes."""
        ends = Ends()
        port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(ends)
        self.addCleanup(port.stopListening)
        self.addCleanup(lambda: [end.reset() for end in ends.ends if end.lost is None])
        return ends, port.getHost().port

    async def relay(
        self,
        *upstreams: str,
        clock=reactor,
        channel: Channel | None = None,
        wanted: dict[int, Want] | None = None,
        connect_timeout: float = 30,
        listen: str | list[str] = "tcp:0:interface=127.0.0.1",
        **limits,
    ) -> Relay:
        """A relay that listens; its sessions are cut off at the end of the test."""
        self.channel = channel or Channel()
        relay = Relay(
            clock,
            [listen] if isinstance(listen, str) else listen,
            Upstreams(clock, upstreams, connect_timeout),
            open_wire,
            wanted or {},
            wanted or {},
            Limits(**limits),
            itertools.count(1),
            self.channel.attach,
            self.channel.end,
        )
        self.last_relay = relay
        await relay.start()
        self.addCleanup(relay.cut_off_all, Cause.SHUTDOWN)
        self.addCleanup(relay.stop_listening)
        return relay

    async def connect(self, relay: Relay) -> End:
        """A client of the relay."""
        ends = Ends()
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", relay.ports[0].getHost().port)
        client = await endpoint.connect(ends)
        self.addCleanup(lambda: client.lost is None and client.reset())
        return client

    async def through(self, **options) -> tuple[Relay, End, End]:
        """A relay, and a client and the upstream joined by it."""
        self.upstreams, port = await self.listen()
        relay = await self.relay(f"tcp:127.0.0.1:{port}", **options)
        client = await self.connect(relay)
        upstream = await self.upstreams.when_connected()
        await self.channel.when_attached()
        return relay, client, upstream
