"""The way out to a transport: order, back-pressure, ends (M2, M5, M6), over real sockets."""

from __future__ import annotations

import random
import select
import socket

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.task import deferLater
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from proxy.relay.outlet import BufferedOutlet, DirectOutlet, outlet
from tests.relay.net import End, Ends, RelayTestCase


class Source:
    """A source that notes whether it is paused."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def pause(self) -> None:
        self.calls.append("pause")

    def resume(self) -> None:
        self.calls.append("resume")

    @property
    def is_paused(self) -> bool:
        return self.calls[-1] == "pause"


class DirectTests(RelayTestCase):
    """Sending at once over a plain TCP connection."""

    async def connected(self) -> tuple[DirectOutlet, Source, End, End]:
        """An outlet into a connection with small buffers, its source, and both ends."""
        ends, port = await self.listen()
        near = await TCP4ClientEndpoint(reactor, "127.0.0.1", port).connect(Ends())
        self.addCleanup(lambda: near.lost is None and near.reset())
        far = await ends.when_connected()
        far.transport.pauseProducing()
        near.transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        source = Source()
        way = outlet(near.transport, source)
        assert isinstance(way, DirectOutlet)
        assert source.calls == ["resume"]
        return way, source, near, far

    async def test_sent_at_once(self):
        """What the socket takes has left before `send` returns: nothing waits for the reactor."""
        way, source, near, far = await self.connected()
        way.send(b"at once")
        assert near.transport not in reactor.getWriters()
        far_socket = far.transport.getHandle()
        select.select([far_socket], [], [], 300)  # the reactor does not turn meanwhile
        assert far_socket.recv(100) == b"at once"
        assert not source.is_paused

    async def test_order_is_kept_however_much_the_socket_takes(self):
        """M2: pieces of any size arrive in order, whether they were sent at once, in part, or had to wait."""
        way, source, _near, far = await self.connected()
        rng = random.Random(1)
        sent = bytearray()
        paused = 0
        while len(sent) < 8_000_000:
            piece = rng.randbytes(rng.choice([1, 100, 5_000, 300_000]))
            sent += piece
            way.send(piece)
            if source.is_paused:
                paused += 1
                if paused == 3:
                    far.transport.resumeProducing()
                if paused > 2 and rng.random() < 0.5:
                    await far.when_received(len(sent))
        await far.when_received(len(sent))
        assert far.received == sent
        assert paused > 3

    async def test_source_is_paused_while_the_socket_takes_no_more(self):
        """M5: the source is paused as soon as something is left over, and resumed when all of it has left."""
        way, source, near, far = await self.connected()
        sent = 0
        while not source.is_paused:
            way.send(b"x" * 10_000)
            sent += 10_000
        assert source.calls == ["resume", "pause"]
        way.send(b"y")
        assert source.calls == ["resume", "pause"]
        far.transport.resumeProducing()
        await far.when_received(sent + 1)
        while near.transport in reactor.getWriters():
            await deferLater(reactor, 0)
        assert source.calls == ["resume", "pause", "resume"]
        far.transport.pauseProducing()
        while not source.is_paused:
            way.send(b"x" * 10_000)
        assert source.calls == ["resume", "pause", "resume", "pause"]

    async def test_end_comes_after_what_was_sent(self):
        """M6: the end of sending comes after all that was sent; the other direction goes on."""
        way, source, near, far = await self.connected()
        sent = 0
        while not source.is_paused:
            way.send(b"x" * 100_000)
            sent += 100_000
        way.end()
        far.transport.resumeProducing()
        await far.when_told_end()
        assert len(far.received) == sent
        far.write(b"still heard")
        await near.when_received(11)
        assert near.received == b"still heard"

    async def test_connection_that_is_lost_is_reported_by_the_reactor(self):
        """M6: sending into a lost connection raises nothing; the loss is reported to the protocol, later, once."""
        way, _source, near, far = await self.connected()
        far.reset()
        await far.when_lost()
        near.transport.pauseProducing()
        way.send(b"x")
        way.send(b"x" * 1_000_000)
        assert near.lost is None
        await near.when_lost()
        way.send(b"nobody there")
        way.stopProducing()


class BufferedTests(SynchronousTestCase):
    """Every other transport."""

    def test_through_the_transport(self):
        """TLS and wrapped connections: what is sent goes through the transport's own write, with its own producer."""
        transport, source = StringTransport(), Source()
        way = outlet(transport, source)
        assert isinstance(way, BufferedOutlet)
        assert source.calls == ["resume"]
        way.send(b"1")
        way.send(b"2")
        assert transport.value() == b"12"
        assert transport.producer is way
        assert transport.streaming
        transport.producer.pauseProducing()
        assert source.is_paused
        transport.producer.resumeProducing()
        assert not source.is_paused
        way.end()
        assert transport.producer is None
        assert transport.disconnecting
