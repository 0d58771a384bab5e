"""What channels ask of the relay: answers of their own, requests apart from clients, mistakes that cost nobody."""

from __future__ import annotations

import pytest

from proxy.errors import OurError
from proxy.http.relay.asked import NotWaiting
from proxy.http.turns import ReplyHead, RequestHead
from proxy.relay.causes import Cause
from tests.http.net import HttpTestCase, Noted, NotingSite, body_of, reply

GET = b"GET /x HTTP/1.1\r\nHost: p\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: p\r\nContent-Length: 2\r\n\r\n{}"
POLL = RequestHead(b"POST", b"/cometd", ((b"Host", b"p"), (b"Cookie", b"a=b")))


class AnswersTests(HttpTestCase):
    """A turn that the channel keeps, and answers by itself."""

    async def test_answer_later(self):
        """A turn may wait, without anything asked upstream, and be answered at any time; the next request goes on."""
        relay, client = await self.between()
        self.site.act = lambda turn, body: None
        client.write(POST)
        await self.site.when(lambda: self.site.bodies == [b"{}"])
        turn = self.site.turns[0]
        assert turn.waiting
        head = ReplyHead(200, b"OK", ((b"Connection", b"keep-alive"), (b"A", b"b"), (b"Content-Length", b"77")))
        turn.answer(head, b"[]")
        assert not turn.waiting
        assert await self.replied(client) == b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\n\r\n[]"
        self.site.act = None
        client.write(POST)
        await self.asked()
        assert relay.counts.requests == {("POST", "2xx"): 1}

    async def test_answered_twice(self):
        """A turn that has its reply, or whose client has left, cannot be answered: whoever tries is told."""
        _relay, client = await self.between()
        self.site.act = lambda turn, body: turn.answer(ReplyHead(200), b"")
        client.write(POST)
        await self.replied(client)
        with pytest.raises(NotWaiting):
            self.site.turns[0].answer(ReplyHead(200), b"")
        self.site.act = lambda turn, body: None
        client.write(POST)
        client.close()
        await self.site.when(lambda: self.site.ended == [1])
        assert not self.site.turns[1].waiting
        with pytest.raises(NotWaiting):
            self.site.turns[1].answer(ReplyHead(200), b"")

    async def test_answered_meanwhile(self):
        """A turn that was forwarded, and is answered before its reply began, gets that; the upstream is not heard."""
        _relay, client = await self.between()
        self.site.replies = Noted()
        client.write(POST)
        upstream = await self.asked()
        self.site.turns[0].answer(ReplyHead(200, b"OK"), b"mine")
        assert await self.replied(client) == reply(b"mine")
        await upstream.when_lost()
        assert self.site.replies.said == []

    async def test_answer_without_a_body(self):
        """204 has no body and no length."""
        _relay, client = await self.between()
        self.site.act = lambda turn, body: turn.answer(ReplyHead(204, b"No Content"), b"")
        client.write(POST)
        await client.when(lambda: bytes(client.received) == b"HTTP/1.1 204 No Content\r\n\r\n")

    async def test_told_when_gone(self):
        """The last one who asked is told once that the client left; nobody, where the reply was whole."""
        _relay, client = await self.between()
        told: list[int] = []
        self.site.act = lambda turn, body: (
            turn.when_gone(lambda: told.append(1)) or turn.when_gone(lambda: told.append(2))
        )
        client.write(POST)
        await self.site.when(lambda: len(self.site.bodies) == 1)
        self.site.turns[0].answer(ReplyHead(200), b"")
        client.write(POST)
        await self.site.when(lambda: len(self.site.bodies) == 2)
        client.close()
        await self.site.when(lambda: self.site.ended == [1])
        assert told == [2]

    async def test_forwarded_after_the_client_left(self):
        """A turn whose client left is not sent upstream any more."""
        relay, client = await self.between()
        self.site.act = lambda turn, body: None
        client.write(POST)
        client.close()
        await self.site.when(lambda: self.site.ended == [1])
        replies = Noted()
        relay.forward(self.site.turns[0], b"{}", replies)
        assert replies.said == [("failed", "the client left")]
        assert relay.exchanges == set()
        assert self.upstream.ends == []


class FetchTests(HttpTestCase):
    """Requests that are sent apart from any client's connection."""

    async def test_fetch(self):
        """A request of the proxy's own: its reply is brought whole."""
        relay, _client = await self.between()
        replies = Noted()
        relay.fetch(POLL, b"[]", replies)
        upstream = await self.asked()
        assert bytes(upstream.received) == (
            b"POST /cometd HTTP/1.1\r\nHost: p\r\nCookie: a=b\r\nContent-Length: 2\r\n\r\n[]"
        )
        upstream.write(reply(b"[1]"))
        await replies.when_told()
        assert replies.said == [("whole", 200, b"[1]")]
        await upstream.when_told_end()
        assert relay.exchanges == set()

    async def kept(self, **options):
        """A client's poll that is sent apart from its connection; the client waits."""
        relay, client = await self.between(**options)
        self.fetches = []
        self.noted = Noted()
        self.site.act = lambda turn, body: self.fetches.append(relay.fetch(turn.head, body, self.noted, turn))
        client.write(POST)
        upstream = await self.asked()
        return relay, client, upstream

    async def test_for_a_client(self):
        """It is told for whom it is, and outlives the client; its connection is kept for the client's next request."""
        relay, client, upstream = await self.kept()
        assert b"\r\nX-Forwarded-For: 127.0.0.1\r\n" in upstream.received
        upstream.write(reply(b"[1]"))
        await self.noted.when_told()
        assert client.received == b""
        self.site.turns[0].answer(ReplyHead(200, b"OK"), b"[2]")
        assert await self.replied(client) == reply(b"[2]")
        client.write(POST)
        assert await self.asked(2) is upstream
        client.close()
        await self.site.when(lambda: self.site.ended == [1])
        assert len(relay.exchanges) == 1
        upstream.write(reply(b"[3]"))
        await self.until(lambda: len(self.noted.said) == 2)
        assert self.noted.said == [("whole", 200, b"[1]"), ("whole", 200, b"[3]")]
        await upstream.when_told_end()

    async def test_abandoned(self):
        """A request that nobody wants any more is cut, whether it is connected or not, and nothing is said of it."""
        relay, _client, upstream = await self.kept()
        self.fetches[0].abandon()
        self.fetches[0].abandon()
        await upstream.when_lost()
        relay.fetch(POLL, b"", self.noted).abandon()
        assert relay.exchanges == set()
        assert self.noted.said == []

    async def test_failed(self):
        """One that fails is told so; the client it stands for still waits for what its channel says."""
        relay, client, upstream = await self.kept()
        upstream.close()
        await self.noted.when_told()
        assert self.noted.said == [("failed", "closed without an answer")]
        assert self.site.turns[0].waiting
        assert client.received == b""
        with pytest.raises(OurError):
            self.fetches[0].couple(self.site.turns[0])
        assert relay.counts.upstream_failures == {"closed without an answer": 1}

    async def test_coupled_before_the_reply(self):
        """Coupled to a client before its reply, it goes there as it comes."""
        _relay, client, upstream = await self.kept()
        self.fetches[0].couple(self.site.turns[0])
        upstream.write(reply(b"[123]")[:-2])
        await client.when(lambda: client.received.endswith(b"[12"))
        upstream.write(b"3]")
        assert await self.replied(client) == reply(b"[123]")
        assert self.noted.said == [("unread", 200, None)]

    async def test_coupled_while_held(self):
        """Coupled while its reply is held: what is held goes first, the rest as it comes."""
        _relay, client, upstream = await self.kept()
        upstream.write(reply(b"[123]")[:-2])
        await self.until(lambda: self.fetches[0]._held == b"[12")
        self.fetches[0].couple(self.site.turns[0])
        await client.when(lambda: client.received.endswith(b"[12"))
        upstream.write(b"3]")
        assert await self.replied(client) == reply(b"[123]")
        assert self.noted.said == [("unread", 200, None)]

    async def test_unread_waits(self):
        """A reply that cannot be held waits, and is not read from the upstream, until a client is there for it."""
        relay, client, upstream = await self.kept(max_body=1000)
        client.close()
        await self.site.when(lambda: self.site.ended == [1])
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        block = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
        upstream.write(head + block * 500 + b"0\r\n\r\n")
        await self.noted.when_told()
        assert self.noted.said == [("unread", 200, "too large")]
        await self.turns(200)
        read = relay.counts.upstream_bytes
        assert read < 8 * len(block)
        self.site.act = lambda turn, body: self.fetches[0].couple(turn)
        second = await self.client()
        second.write(POST)
        await second.when(lambda: second.received.endswith(b"\r\n0\r\n\r\n"))
        assert second.received.count(b"x") == 500 * 0x8000
        assert self.noted.said == [("unread", 200, "too large")]

    async def test_coupled_when_told(self):
        """Whoever is told that a reply is unread may couple a client at once."""
        _relay, client, upstream = await self.kept()
        self.noted.unread = lambda head, why: self.fetches[0].couple(self.site.turns[0])
        text = reply(b"\x1f\x8b", "200 OK", "Content-Encoding: gzip")
        upstream.write(text)
        assert await self.replied(client) == text

    async def test_coupled_client_leaves(self):
        """A client that leaves while its coupled reply comes: the rest is cut."""
        relay, client, upstream = await self.kept()
        self.fetches[0].couple(self.site.turns[0])
        upstream.write(reply(b"[123]")[:-2])
        await client.when(lambda: client.received.endswith(b"[12"))
        client.close()
        await upstream.when_lost()
        assert relay.exchanges == set()

    async def test_coupled_to_one_that_left(self):
        """Coupling a client that has left changes nothing: the reply may still be had by another."""
        _relay, client, upstream = await self.kept()
        client.close()
        await self.site.when(lambda: self.site.ended == [1])
        self.fetches[0].couple(self.site.turns[0])
        upstream.write(reply(b"[1]"))
        await self.noted.when_told()
        assert self.noted.said == [("whole", 200, b"[1]")]

    async def test_broken_while_coupled(self):
        """A coupled reply that breaks off is not passed off as whole."""
        _relay, client, upstream = await self.kept()
        self.fetches[0].couple(self.site.turns[0])
        upstream.write(reply(b"[123]")[:-2])
        await client.when(lambda: client.received.endswith(b"[12"))
        upstream.close()
        await client.when_told_end()
        assert client.received.endswith(b"[12")

    async def test_nobody_there(self):
        """Where no upstream is there, the channel is told."""
        relay = await self.http(self.nobody())
        replies = Noted()
        relay.fetch(POLL, b"", replies)
        await replies.when_told()
        assert replies.said == [("failed", "unreachable")]

    async def test_end(self):
        """At the end a request that nobody waits for is cut, and its channel told."""
        relay, client, upstream = await self.kept()
        client.close()
        await self.site.when(lambda: self.site.ended == [1])
        await relay.end_all(Cause.SHUTDOWN)
        await upstream.when_lost()
        assert self.noted.said == [("failed", "shutdown")]


class Mistaken(NotingSite):
    """A site that makes mistakes."""

    def __init__(self, *where: str) -> None:
        super().__init__()
        self.where = where

    def fail(self, where: str) -> None:
        if where in self.where:
            raise LookupError(where)

    def wants(self, head: RequestHead) -> bool:
        self.fail("wants")
        return super().wants(head)

    def passing(self, turn, why):
        self.fail("passing")
        return super().passing(turn, why)

    def whole(self, turn, body) -> None:
        self.fail("whole")
        super().whole(turn, body)
        self.fail("whole, later")

    def gone(self, connection: int) -> None:
        super().gone(connection)
        self.fail("gone")


class MistakenReplies(Noted):
    """What is to be done with a reply, done wrong."""

    def __init__(self, *where: str) -> None:
        super().__init__()
        self.where = where

    def wants(self, head: ReplyHead) -> bool:
        if "wants" in self.where:
            raise LookupError
        return super().wants(head)

    def whole(self, head: ReplyHead, body: bytes) -> bytes:
        super().whole(head, body)
        raise LookupError


class MistakesTests(HttpTestCase):
    """A mistake of ours in looking costs no client its reply."""

    async def served(self, client, asked: bytes, count: int = 1) -> None:
        """The client gets its reply."""
        client.received.clear()
        client.write(asked)
        upstream = await self.asked(count)
        upstream.write(reply(b"[1]"))
        assert await self.replied(client) == reply(b"[1]")
        assert upstream.received.endswith(b"{}" if asked is POST else b"\r\n\r\n")

    async def test_each(self):
        """Wherever the site fails, requests pass unread, and it is counted."""
        for where in ("wants", "passing", "whole", "whole, later", "gone"):
            relay, client = await self.between(site=Mistaken(where))
            await self.served(client, POST)
            await self.served(client, GET, 2)
            client.close()
            await self.site.when(lambda: self.site.ended == [1])
            assert relay.counts.failed == (2 if where == "wants" else 1)
            assert len(self.flushLoggedErrors(LookupError)) == 1

    async def test_logged_once(self):
        """A mistake that is made again and again is logged with its traceback the first time, and counted."""
        relay, client = await self.between(site=Mistaken("whole"))
        for count in range(1, 6):
            await self.served(client, POST, count)
        assert relay.counts.failed == 5
        assert len(self.flushLoggedErrors(LookupError)) == 1

    async def test_replies(self):
        """Wherever it fails with a reply, the client gets the reply as it came."""
        for where in ("wants", "whole"):
            relay, client = await self.between()
            self.site.replies = MistakenReplies(where)
            await self.served(client, POST)
            assert relay.counts.failed == 1
            assert len(self.flushLoggedErrors(LookupError)) == 1

    async def test_fetched(self):
        """A reply to a poll in custody that the channel fails to take goes to the client it was asked for."""
        relay, client = await self.between()
        self.site.act = lambda turn, body: relay.fetch(turn.head, body, MistakenReplies("whole"), turn)
        await self.served(client, POST)
        assert len(self.flushLoggedErrors(LookupError)) == 1


class TunnelTests(HttpTestCase):
    """WebSockets."""

    ASKED = (
        b"GET /ws HTTP/1.1\r\nHost: p\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
        b"Sec-WebSocket-Key: x\r\n\r\n"
    )
    AGREED = (
        b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: y\r\n"
        b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    )

    async def test_refused(self):
        """A WebSocket is refused with 400 and a JSON error; the client goes on over the same connection."""
        relay, client = await self.between()
        self.site.replies = Noted()
        client.write(self.ASKED)
        text = await self.replied(client)
        assert text.startswith(b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n")
        assert self.site.passed == [(b"/ws", None)]
        assert self.site.replies.said == [("failed", "refused")]
        assert self.upstream.ends == []
        client.write(GET)
        await self.asked()
        assert relay.counts.tunnels == 0

    async def tunnel(self):
        """A client and its upstream that agreed about a WebSocket."""
        relay, client = await self.between(tunnels=True)
        client.write(self.ASKED)
        upstream = await self.asked()
        return relay, client, upstream

    async def test_tunnel(self):
        """With `tunnel` it goes up as it is; after the 101 bytes go both ways, and the channel knows."""
        relay, client, upstream = await self.tunnel()
        assert b"\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n" in upstream.received
        assert b"\r\nSec-WebSocket-Key: x\r\n" in upstream.received
        upstream.received.clear()
        client.write(b"early")
        await self.until(lambda: relay.counts.client_bytes == len(self.ASKED) + 5)
        upstream.write(self.AGREED + b"hello")
        await client.when_received(len(self.AGREED) + 5)
        assert bytes(client.received) == self.AGREED + b"hello"
        await upstream.when(lambda: bytes(upstream.received) == b"early")
        client.write(b"\x81\x00GET / HTTP/1.1\r\n\r\n")
        await upstream.when(lambda: upstream.received.endswith(b"\r\n\r\n"))
        assert bytes(upstream.received) == b"early\x81\x00GET / HTTP/1.1\r\n\r\n"
        upstream.write(b"z" * 300_000)
        await client.when(lambda: client.received.endswith(b"z" * 300_000))
        assert self.site.tunnels == [1]
        assert relay.counts.tunnels == 1
        client.close()
        await upstream.when_told_end()
        await self.site.when(lambda: self.site.ended == [1])

    async def test_upstream_ends_it(self):
        """An upstream that ends the tunnel ends it for the client, behind what it said."""
        _relay, client, upstream = await self.tunnel()
        upstream.write(self.AGREED + b"bye")
        upstream.close()
        await client.when_told_end()
        assert client.received.endswith(b"bye")

    async def test_not_agreed(self):
        """An upstream that wants no WebSocket says so, and the connection goes on."""
        _relay, client, upstream = await self.tunnel()
        upstream.write(reply(b"no", "403 Forbidden"))
        assert await self.replied(client) == reply(b"no", "403 Forbidden")
        client.write(GET)
        assert await self.asked(2) is upstream
        assert self.site.tunnels == []

    async def test_shut_down(self):
        """The end of the relay is the end of tunnels."""
        relay, client, upstream = await self.tunnel()
        upstream.write(self.AGREED)
        await client.when_received(len(self.AGREED))
        ended = relay.end_all(Cause.SHUTDOWN)
        await client.when_told_end()
        await upstream.when_told_end()
        await ended

    async def test_back_pressure(self):
        """Who does not read his end of a tunnel holds the other one back."""
        relay, client, upstream = await self.tunnel()
        upstream.write(self.AGREED)
        await client.when_received(len(self.AGREED))
        client.transport.pauseProducing()
        upstream.write(b"z" * 50_000_000)
        await self.still(lambda: relay.counts.upstream_bytes)
        assert relay.counts.upstream_bytes < 20_000_000
        client.transport.resumeProducing()
        await client.when_received(len(self.AGREED) + 50_000_000)


def test_body_of():
    """The tests' own eye."""
    assert body_of(b"a\r\n\r\nb\r\n\r\nc") == b"b\r\n\r\nc"
