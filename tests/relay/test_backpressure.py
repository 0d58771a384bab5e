"""M5 with a real proxy process: whoever does not read costs neither memory nor the time of others."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IPullProducer
from twisted.internet.protocol import ProcessProtocol
from zope.interface import implementer

from tests.relay.net import End, Ends, RelayTestCase
from tests.relay.test_frames import PLAIN, frame
from tests.relay.test_session import traffic

MIB = 1 << 20
ROOT = Path(__file__).parents[2]


class Proxy(ProcessProtocol):
    """The proxy's process; says its port when it listens."""

    def __init__(self) -> None:
        self.port: Deferred[int] = Deferred()
        self.ended: Deferred[None] = Deferred()
        self.errors = b""
        self._printed = b""

    def outReceived(self, data: bytes) -> None:
        self._printed += data
        if self._printed.endswith(b"\n") and not self.port.called:
            self.port.callback(int(self._printed))

    def errReceived(self, data: bytes) -> None:
        self.errors += data

    def processEnded(self, reason) -> None:
        if not self.port.called:
            self.port.errback(RuntimeError(self.errors.decode()))
        self.ended.callback(None)

    def stop(self) -> Deferred[None]:
        """End it; fires when it has ended."""
        if not self.ended.called:
            self.transport.closeStdin()
        return self.ended

    def resident(self) -> int:
        """Its resident memory, in bytes."""
        for line in Path(f"/proc/{self.transport.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")


@implementer(IPullProducer)
class Flood:
    """Sends `size` bytes of frames through one end of a connection, as fast as they are taken."""

    def __init__(self, end: End, size: int) -> None:
        self.block = traffic(9, 64 * 1024)
        self.left = -(-size // len(self.block))
        self.hash = hashlib.sha256()
        self.over = False
        self._end = end
        end.transport.registerProducer(self, False)

    def resumeProducing(self) -> None:
        """See IPullProducer."""
        if self.left:
            self.left -= 1
            self.hash.update(self.block)
            self._end.transport.write(self.block)
        elif not self.over:
            self.over = True
            self._end.transport.unregisterProducer()
            self._end.close_sending()

    def stopProducing(self) -> None:
        """See IPullProducer."""


class Hashing(End):
    """An end that keeps no bytes, but their hash."""

    def __init__(self) -> None:
        super().__init__()
        self.hash = hashlib.sha256()
        self.taken = 0
        self.resident: list[int] = []

    def listen_on(self, proxy: Proxy) -> None:
        """From now on hash what comes, and note what memory the proxy takes meanwhile."""
        self.received.clear()

        def dataReceived(data: bytes) -> None:
            self.hash.update(data)
            self.taken += len(data)
            self.resident.append(proxy.resident())
            self._look()

        self.dataReceived = dataReceived


class HashingEnds(Ends):
    """A server, or a client, whose ends can hash."""

    def buildProtocol(self, addr) -> End:
        end = Hashing()
        self.ends.append(end)
        for count, fires in self._waiting:
            if count == len(self.ends):
                fires.callback(end)
        return end


class BackPressureTests(RelayTestCase):
    """A flood at somebody who does not read."""

    timeout = 300
    if not os.path.exists("/proc/self/status"):
        skip = "memory is read from /proc, which is not here"

    async def start_proxy(self) -> Proxy:
        self.upstreams = HashingEnds()
        port = reactor.listenTCP(0, self.upstreams, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        proxy = Proxy()
        upstream = f"tcp:127.0.0.1:{port.getHost().port}"
        arguments = [sys.executable, "-m", "tests.relay.relay_process", upstream]
        reactor.spawnProcess(proxy, sys.executable, arguments, env=dict(os.environ), path=str(ROOT))
        self.addCleanup(proxy.stop)
        self.addCleanup(lambda: [end.reset() for end in self.upstreams.ends if end.lost is None])
        self.proxy_port = await proxy.port
        return proxy

    async def pair(self) -> tuple[Hashing, Hashing]:
        """A client and its upstream connection, which have spoken."""
        connected = self.upstreams.when_connected(len(self.upstreams.ends) + 1)
        client = await TCP4ClientEndpoint(reactor, "127.0.0.1", self.proxy_port).connect(HashingEnds())
        self.addCleanup(lambda: client.lost is None and client.reset())
        upstream = await connected
        await self.exchange(client, upstream, MIB // 2)
        return client, upstream

    async def exchange(self, client: End, upstream: End, size: int) -> None:
        """A frame there, and one back."""
        for source, target in ((client, upstream), (upstream, client)):
            target.received.clear()
            source.write(frame(PLAIN, b"x" * size))
            await target.when_received(size + 8)

    async def flood(self, flooding: End, flooded: Hashing, size: int, proxy: Proxy, others, then=lambda: None) -> None:
        """Flood somebody who twice reads nothing for a while; look at memory and at others; compare what came.

        `then` is called when the flood has been held back for a while.
        """
        flooded.listen_on(proxy)
        before = proxy.resident()
        flood = None
        for already in (0, size // 4):
            await flooded.when(lambda: flooded.taken >= already)  # noqa: B023
            flooded.transport.pauseProducing()
            flood = flood or Flood(flooding, size)
            for turn in range(200):
                await self.exchange(*others, 10_000)
                flooded.resident.append(proxy.resident())
                if turn == 100 and not already:
                    then()
            assert flood.left, "the flood was not held back"
            flooded.transport.resumeProducing()
        await flooded.when_told_end()
        assert flooded.hash.digest() == flood.hash.digest()
        assert flood.left == 0
        assert max(flooded.resident) - before < 8 * MIB

    async def test_upstream_floods_a_desktop_that_does_not_read(self):
        """M5: 256 MiB at a desktop that does not read: the proxy's memory stays, others go on, no byte is lost."""
        proxy = await self.start_proxy()
        client, upstream = await self.pair()
        others = await self.pair()
        await self.flood(upstream, client, 256 * MIB, proxy, others)

    async def test_desktop_floods_an_upstream_that_does_not_read(self):
        """M5: the same the other way: 64 MiB at an upstream that does not read."""
        proxy = await self.start_proxy()
        client, upstream = await self.pair()
        others = await self.pair()
        await self.flood(client, upstream, 64 * MIB, proxy, others)

    async def test_desktop_that_ends_its_sending_while_it_does_not_read(self):
        """M5, M6: a desktop that does not read, and then ends its sending, too, is no reason to buffer for it."""
        proxy = await self.start_proxy()
        client, upstream = await self.pair()
        others = await self.pair()
        await self.flood(upstream, client, 64 * MIB, proxy, others, client.close_sending)
        assert upstream.told_end
