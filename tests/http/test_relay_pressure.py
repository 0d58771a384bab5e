"""Who does not read costs no memory and no time of others (M5); TLS on both sides; requests in any form."""

from __future__ import annotations

import hashlib

from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, clientFromString
from twisted.internet.interfaces import IPullProducer
from zope.interface import implementer

from proxy.http.relay.address import HttpUpstream
from tests.http.net import ClockedReactor, HttpTestCase, Noted, body_of, reply
from tests.relay import test_upstreams
from tests.relay.net import End, Ends

MIB = 1 << 20
HELD_BACK = 24 * MIB
"""More than sockets and the relay may hold of a flood, far less than the flood."""


@implementer(IPullProducer)
class Flood:
    """Sends `size` bytes through one end of a connection, as fast as they are taken."""

    def __init__(self, end: End, size: int) -> None:
        self.block = bytes(range(256)) * 255
        self.left = size
        self.hash = hashlib.sha256()
        self._end = end
        end.transport.registerProducer(self, False)

    def resumeProducing(self) -> None:
        """See IPullProducer."""
        if self.left:
            block = self.block[: self.left]
            self.left -= len(block)
            self.hash.update(block)
            self._end.transport.write(block)
        else:
            self._end.transport.unregisterProducer()

    def stopProducing(self) -> None:
        """See IPullProducer."""


class PressureTests(HttpTestCase):
    """A flood at somebody who does not read."""

    timeout = 300

    async def others(self) -> None:
        """Somebody else is served meanwhile."""
        client = await self.client()
        client.write(b"GET /other HTTP/1.1\r\nHost: p\r\n\r\n")
        upstream = await self.upstream.when_connected(len(self.upstream.ends) + 1)
        await upstream.when(lambda: upstream.received.endswith(b"\r\n\r\n"))
        upstream.write(reply(b"other"))
        assert await self.replied(client) == reply(b"other")
        client.close()

    async def test_client_that_does_not_read(self):
        """256 MiB for a client that does not read are not taken from the upstream, and arrive when it does."""
        relay, client = await self.between()
        client.write(b"GET /x HTTP/1.1\r\nHost: p\r\n\r\n")
        upstream = await self.asked()
        upstream.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (256 * MIB))
        await client.when(lambda: client.received.endswith(b"\r\n\r\n"))
        digest = hashlib.sha256()
        taken = [0]

        def take(data: bytes) -> None:
            digest.update(data)
            taken[0] += len(data)
            client._look()

        client.dataReceived = take
        client.transport.pauseProducing()
        flood = Flood(upstream, 256 * MIB)
        await self.still(lambda: relay.counts.upstream_bytes)
        assert relay.counts.upstream_bytes < HELD_BACK
        await self.others()
        client.transport.resumeProducing()
        await client.when(lambda: taken[0] == 256 * MIB)
        assert digest.digest() == flood.hash.digest()

    async def test_upstream_that_does_not_read(self):
        """A body for an upstream that does not read is not taken from the client, and arrives when it does."""
        relay, client = await self.between()
        client.write(b"PUT /x HTTP/1.1\r\nHost: p\r\nContent-Length: %d\r\n\r\n" % (64 * MIB))
        upstream = await self.upstream.when_connected()
        await upstream.when(lambda: b"\r\n\r\n" in upstream.received)
        upstream.received.clear()
        upstream.transport.pauseProducing()
        flood = Flood(client, 64 * MIB)
        await self.still(lambda: relay.counts.client_bytes)
        assert relay.counts.client_bytes < HELD_BACK
        await self.others()
        upstream.transport.resumeProducing()
        await upstream.when_received(64 * MIB)
        assert hashlib.sha256(upstream.received).digest() == flood.hash.digest()

    async def test_early_answer_to_a_flood(self):
        """An upstream that reads no more, and answers, frees the client: it gets the answer, the rest is dropped."""
        _relay, client = await self.between(clock=ClockedReactor())
        client.write(b"PUT /x HTTP/1.1\r\nHost: p\r\nContent-Length: %d\r\n\r\n" % (16 * MIB))
        upstream = await self.upstream.when_connected()
        await upstream.when(lambda: b"\r\n\r\n" in upstream.received)
        upstream.transport.pauseProducing()
        flood = Flood(client, 16 * MIB)
        await self.still(lambda: flood.left)
        upstream.write(reply(b"no", "413 Too Large"))
        await client.when_told_end()
        assert body_of(client.received) == b"no"
        await self.until(lambda: flood.left == 0)
        client.close()
        await self.site.when(lambda: self.site.ended == [1])

    async def test_slow_upstream_is_not_the_clients_fault(self):
        """A client whose body is not taken for long is not told that it is late."""
        clock = ClockedReactor()
        _relay, client = await self.between(clock=clock)
        client.write(b"PUT /x HTTP/1.1\r\nHost: p\r\nContent-Length: %d\r\n\r\n" % (32 * MIB))
        upstream = await self.upstream.when_connected()
        await upstream.when(lambda: b"\r\n\r\n" in upstream.received)
        upstream.received.clear()
        upstream.transport.pauseProducing()
        flood = Flood(client, 32 * MIB)
        await self.still(lambda: flood.left)
        clock.pump([70] * 10)
        upstream.transport.resumeProducing()
        await upstream.when_received(32 * MIB)
        assert client.received == b""

    async def test_pipelining_client_that_does_not_read(self):
        """A client that asks and asks, and reads no reply, is not read from: replies do not pile up."""
        await self.pipeline(100, 1_000_000)

    async def test_pipelining_client_that_does_not_read_short_replies(self):
        """The same where replies are short enough to be whole before the client is seen not to read."""
        await self.pipeline(2000, 20_000)

    async def pipeline(self, count: int, size: int) -> None:
        """Requests that are answered with so many bytes each, for a client that reads only later."""
        _relay, client = await self.between()
        self.site.act = lambda turn, body: self.site.exchanges.forward(turn, body)
        client.transport.pauseProducing()
        answer = reply(b"r" * size)
        asked = b"POST /x HTTP/1.1\r\nHost: p\r\nContent-Length: 1\r\n\r\n."
        client.write(asked * count)
        upstream = await self.upstream.when_connected()
        answered = 0

        def answers() -> int:
            nonlocal answered
            while answered < upstream.received.count(b"POST"):
                answered += 1
                upstream.write(answer)
            return answered

        await self.still(answers)
        assert answered * size < HELD_BACK
        client.transport.resumeProducing()
        while answered < count:
            answers()
            await self.turns()
        await client.when_received(count * len(answer))
        assert bytes(client.received) == answer * count

    async def test_flood_behind_a_request(self):
        """What a client sends behind a request that waits for its reply is read in part only."""
        relay, client = await self.between()
        client.write(b"GET /x HTTP/1.1\r\nHost: p\r\n\r\n")
        upstream = await self.asked()
        client.write(b"PUT /y HTTP/1.1\r\nHost: p\r\nContent-Length: %d\r\n\r\n" % (16 * MIB))
        Flood(client, 16 * MIB)
        await self.still(lambda: relay.counts.client_bytes)
        assert relay.counts.client_bytes < MIB
        upstream.write(reply())
        await upstream.when(lambda: len(upstream.received) > 16 * MIB)

    async def test_held_reply_for_a_client_that_does_not_read(self):
        """Replies that are held are held up to max_body only."""
        relay, client = await self.between()
        self.site.replies = Noted()
        client.transport.pauseProducing()
        client.write(b"GET /x HTTP/1.1\r\nHost: p\r\n\r\n")
        upstream = await self.asked()
        upstream.write(b"HTTP/1.1 200 OK\r\n\r\n")
        Flood(upstream, 64 * MIB)
        await self.site.replies.when_told()
        await self.still(lambda: relay.counts.upstream_bytes)
        assert self.site.replies.said == [("unread", 200, "too large")]
        assert relay.counts.upstream_bytes < HELD_BACK


class TlsTests(HttpTestCase):
    """TLS on both sides."""

    certify = test_upstreams.TlsTests.certify

    async def test_both_sides(self):
        """Over TLS everything arrives as it does without; the server is told that the client came over TLS."""
        both, roots = self.certify()
        listen = [f"ssl:0:privateKey={both}:interface=127.0.0.1"]
        self.upstream, at = await self.door()
        inner = await self.http(at, listen=listen)
        inner_site = self.site
        secure = inner.ports[0].getHost().port
        to_inner = HttpUpstream(f"tls:localhost:{secure}:trustRoots={roots}", "https", f"localhost:{secure}")
        outer = await self.http(to_inner, listen=listen)
        endpoint = clientFromString(reactor, f"tls:localhost:{outer.ports[0].getHost().port}:trustRoots={roots}")
        client = await endpoint.connect(Ends())
        self.addCleanup(lambda: client.lost is None and client.reset())
        body = bytes(range(256)) * 1000
        for count in (1, 2):
            client.received.clear()
            client.write(b"POST /x HTTP/1.1\r\nHost: p\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            upstream = await self.asked(count)
            assert upstream.received.endswith(body)
            text = reply(body, "200 OK", f"Location: https://localhost:{secure}/x")
            upstream.write(text)
            expected = reply(body, "200 OK", "Location: https://p/x")
            await client.when_received(len(expected))
            assert bytes(client.received) == expected
        assert b"\r\nX-Forwarded-For: 127.0.0.1, 127.0.0.1\r\nX-Forwarded-Proto: https, https\r\n" in upstream.received
        assert inner_site.turns[0].secure
        assert len(self.upstream.ends) == inner.counts.begun == 1
        client.close()
        await self.site.when(lambda: self.site.ended == [1])
        await inner_site.when(lambda: inner_site.ended == [1])

    async def test_streams(self):
        """Over TLS long bodies stream both ways at the pace of who reads them."""
        both, roots = self.certify()
        self.upstream, at = await self.door()
        relay = await self.http(at, listen=[f"ssl:0:privateKey={both}:interface=127.0.0.1"])
        endpoint = clientFromString(reactor, f"tls:localhost:{relay.ports[0].getHost().port}:trustRoots={roots}")
        client = await endpoint.connect(Ends())
        self.addCleanup(lambda: client.lost is None and client.reset())
        client.write(b"GET /x HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n")
        upstream = await self.asked()
        upstream.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (16 * MIB))
        client.transport.pauseProducing()
        flood = Flood(upstream, 16 * MIB)
        await self.turns(300)
        client.transport.resumeProducing()
        await client.when(lambda: client.lost is not None)
        assert hashlib.sha256(body_of(client.received)).digest() == flood.hash.digest()


class ManyPollsTests(HttpTestCase):
    """Many long polls."""

    async def test_many_wait(self):
        """Two hundred polls wait, each over its own connections; each gets its own reply, whichever comes first."""
        relay, _client = await self.between()
        clients: list[End] = []
        port = relay.ports[0].getHost().port
        for place in range(200):
            client = await TCP4ClientEndpoint(reactor, "127.0.0.1", port).connect(Ends())
            self.addCleanup(lambda client=client: client.lost is None and client.reset())
            client.write(b"POST /%03d HTTP/1.1\r\nHost: p\r\nContent-Length: 0\r\n\r\n" % place)
            clients.append(client)
        ends = [await self.upstream.when_connected(count) for count in range(1, 201)]
        await gatherResults([end.when(lambda end=end: end.received.endswith(b"\r\n\r\n")) for end in ends])
        assert len(relay.exchanges) == 200
        for end in reversed(ends):
            end.write(reply(bytes(end.received[6:9])))
        for place, client in enumerate(clients):
            assert await self.replied(client) == reply(b"%03d" % place)
        assert relay.exchanges == set()
