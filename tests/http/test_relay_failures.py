"""Upstreams that fail, clients that leave or send nonsense, limits, and the end."""

from __future__ import annotations

import json
import socket

from twisted.internet.defer import gatherResults
from twisted.logger import LogLevel, capturedLogs, formatEvent

from proxy.http.relay.address import HttpUpstream
from proxy.relay.causes import Cause
from tests.http.net import ClockedReactor, HttpTestCase, Noted, body_of, reply

GET = b"GET /x?secret=1 HTTP/1.1\r\nHost: p\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: p\r\nContent-Length: 2\r\n\r\n{}"


class UpstreamFailuresTests(HttpTestCase):
    """An upstream that fails costs nobody more than the one reply."""

    async def refused(self, client, why: str) -> None:
        """The client gets 502, says why, and may ask again."""
        text = await self.replied(client)
        assert text.startswith(b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: application/json\r\n")
        assert json.loads(body_of(text)) == {"error": why}
        client.received.clear()

    async def test_nobody_there(self):
        """Where no upstream can be reached the client gets 502 with a JSON error, and no names of ours."""
        relay = await self.http(self.nobody(), self.nobody())
        client = await self.client()
        self.site.replies = Noted()
        client.write(GET)
        await self.refused(client, "no upstream could be reached")
        client.write(POST)
        await self.refused(client, "no upstream could be reached")
        assert relay.counts.upstream_failures == {"unreachable": 2}
        assert relay.counts.requests == {("GET", "5xx"): 1, ("POST", "5xx"): 1}
        assert set(relay.upstreams.reached.values()) == {False}
        assert self.site.replies.said == [("failed", "unreachable")] * 2

    async def test_backup(self):
        """The next upstream takes what the first one cannot."""
        door, at = await self.door()
        first = self.nobody()
        relay = await self.http(first, at)
        client = await self.client()
        client.write(POST)
        upstream = await door.when_connected()
        await upstream.when(lambda: upstream.received.endswith(b"{}"))
        upstream.write(reply())
        assert await self.replied(client) == reply()
        assert relay.upstreams.reached == {first.endpoint: False, at.endpoint: True}

    async def test_next_for_the_next(self):
        """Where one fails after it was asked, its client gets 502, the next request goes to the next; later back."""
        clock = ClockedReactor()
        first, at_first = await self.door()
        second, at_second = await self.door()
        relay = await self.http(at_first, at_second, clock=clock)
        client = await self.client()
        client.write(POST)
        upstream = await first.when_connected()
        await upstream.when(lambda: upstream.received.endswith(b"{}"))
        upstream.close()
        await self.refused(client, "the upstream closed the connection without an answer")
        assert relay.upstreams.order == (at_second, at_first)
        client.write(POST)
        upstream = await second.when_connected()
        await upstream.when(lambda: upstream.received.endswith(b"{}"))
        upstream.write(reply(b"", "200 OK", "Connection: close"))
        await self.replied(client)
        client.received.clear()
        clock.advance(30)
        client.write(POST)
        upstream = await first.when_connected(2)
        await upstream.when(lambda: upstream.received.endswith(b"{}"))
        upstream.write(reply())
        assert await self.replied(client) == reply()
        assert first.requests.count(b"POST /x") == 2
        assert second.requests.count(b"POST /x") == 1

    async def test_all_fail_in_turn(self):
        """Upstreams that fail one after the other are tried in a circle."""
        clock = ClockedReactor()
        doors = [await self.door() for _ in range(3)]
        relay = await self.http(*(at for _, at in doors), clock=clock)
        client = await self.client()
        for _door, at in (*doors, doors[0]):
            assert relay.upstreams.order[0] is at
            relay.upstreams.failed(at)
        assert relay.upstreams.order[0] is doors[1][1]
        client.close()

    async def test_no_answer(self):
        """An upstream that closes without an answer: 502, and the request is not sent again."""
        relay, client = await self.between()
        self.site.replies = Noted()
        client.write(POST)
        upstream = await self.asked()
        upstream.close()
        await self.refused(client, "the upstream closed the connection without an answer")
        assert relay.counts.upstream_failures == {"closed without an answer": 1}
        assert self.upstream.requests.count(b"POST") == 1
        assert self.site.replies.said == [("failed", "closed without an answer")]

    async def test_reset(self):
        """The same where the connection is reset."""
        _relay, client = await self.between()
        client.write(GET)
        upstream = await self.asked()
        upstream.reset()
        await self.refused(client, "the upstream closed the connection without an answer")

    async def test_garbage(self):
        """An answer that is none: 502."""
        relay, client = await self.between()
        client.write(GET)
        upstream = await self.asked()
        upstream.write(b"220 smtp.example.com\r\n\r\n")
        await self.refused(client, "the upstream's answer could not be read")
        assert relay.counts.upstream_failures == {"unreadable answer": 1}
        await upstream.when_lost()

    async def test_endless_head(self):
        """An answer whose head does not end: 502, and it is not kept."""
        _relay, client = await self.between(max_head=10000)
        client.write(GET)
        upstream = await self.asked()
        upstream.write(b"HTTP/1.1 200 OK\r\nA: " + b"b" * 200000)
        await self.refused(client, "the upstream's answer could not be read")

    async def test_unasked_tunnel(self):
        """A 101 that nobody asked for is no answer."""
        _relay, client = await self.between()
        client.write(GET)
        upstream = await self.asked()
        upstream.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
        await self.refused(client, "the upstream's answer could not be read")

    async def broken(self, beginning: bytes) -> None:
        """A reply that breaks off ends the client's connection, behind what there was of it."""
        client = await self.client()
        client.write(GET)
        upstream = await self.upstream.when_connected(len(self.upstream.ends) + 1)
        upstream.write(beginning)
        await client.when(lambda: client.received.endswith(b"part"))
        upstream.close()
        await client.when_told_end()
        assert bytes(client.received) == beginning

    async def test_breaks_off(self):
        """A body with a length that breaks off is never passed off as whole."""
        relay, client = await self.between()
        client.close()
        await self.broken(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\npart")
        assert relay.counts.upstream_failures == {"broke off": 1}
        await self.site.when(lambda: len(self.site.ended) == 2)
        assert relay.counts.causes[Cause.UPSTREAM_LOST] == 1

    async def test_breaks_off_in_chunks(self):
        """Nor is one in chunks: the last chunk is missing."""
        relay, client = await self.between()
        client.write(GET)
        upstream = await self.asked()
        upstream.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\npart")
        await client.when(lambda: client.received.endswith(b"part\r\n"))
        upstream.close()
        await client.when_told_end()
        assert not client.received.endswith(b"0\r\n\r\n")
        assert relay.counts.upstream_failures == {"broke off": 1}

    async def test_breaks_off_for_an_old_client(self):
        """To an HTTP/1.0 client, which knows the end by the connection's, it is shown by a reset."""
        _relay, client = await self.between()
        client.write(b"GET /x HTTP/1.0\r\n\r\n")
        upstream = await self.asked()
        upstream.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\npart")
        await client.when(lambda: client.received.endswith(b"part"))
        upstream.close()
        await client.when_lost()
        assert type(client.lost).__name__ == "ConnectionLost"

    async def test_reset_at_the_end(self):
        """A reply that ends with its connection is not whole where that is reset."""
        relay, client = await self.between()
        client.write(GET)
        upstream = await self.asked()
        upstream.write(b"HTTP/1.1 200 OK\r\n\r\npart")
        await client.when(lambda: client.received.endswith(b"part\r\n"))
        upstream.reset()
        await client.when_told_end()
        assert not client.received.endswith(b"0\r\n\r\n")
        assert relay.counts.upstream_failures == {"broke off": 1}

    async def test_breaks_off_while_held(self):
        """A reply that is held, and breaks off, has not begun for the client: 502."""
        _relay, client = await self.between()
        self.site.replies = Noted()
        client.write(GET)
        upstream = await self.asked()
        upstream.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\npart")
        upstream.close()
        await self.refused(client, "the upstream's answer broke off")
        assert self.site.replies.said == [("failed", "broke off")]

    async def test_early_answer(self):
        """An upstream that answers before the request is whole: the client gets it, and the connection ends."""
        _relay, client = await self.between()
        client.write(b"PUT /x HTTP/1.1\r\nHost: p\r\nContent-Length: 1000\r\n\r\nabc")
        upstream = await self.upstream.when_connected()
        await upstream.when(lambda: body_of(upstream.received) == b"abc")
        upstream.write(reply(b"too much", "413 Too Large"))
        upstream.close()
        client.write(b"d" * 500)
        await client.when_told_end()
        assert body_of(client.received) == b"too much"
        assert b"\r\nConnection: close\r\n" in client.received
        client.close()
        await self.site.when(lambda: self.site.ended == [1])

    async def test_early_answer_and_late_body(self):
        """An upstream may begin its answer, and go on to read."""
        _relay, client = await self.between()
        client.write(b"PUT /x HTTP/1.1\r\nHost: p\r\nContent-Length: 6\r\n\r\nabc")
        upstream = await self.upstream.when_connected()
        await upstream.when(lambda: body_of(upstream.received) == b"abc")
        upstream.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na")
        await client.when(lambda: client.received.endswith(b"\r\n\r\na"))
        client.write(b"def")
        await upstream.when(lambda: body_of(upstream.received) == b"abcdef")
        upstream.write(b"b")
        await client.when_told_end()
        assert body_of(client.received) == b"ab"

    async def test_kept_connection_is_gone(self):
        """An upstream that closed its side between requests is asked over a new connection."""
        relay, client = await self.between()
        client.write(POST)
        upstream = await self.asked()
        upstream.write(reply())
        await self.replied(client)
        client.received.clear()
        upstream.close()
        await upstream.when_lost()
        client.write(POST)
        second = await self.asked(1, connection=2)
        second.write(reply())
        assert await self.replied(client) == reply()
        assert relay.counts.upstream_failures == {}

    async def test_kept_connection_ended_just_now(self):
        """So is one whose end is there, and was not read yet: nothing is sent into it."""
        relay, client = await self.between()
        client.write(POST)
        upstream = await self.asked()
        upstream.write(reply())
        await self.replied(client)
        upstream.transport.getHandle().shutdown(socket.SHUT_WR)
        relay.connections[1].dataReceived(POST)
        await self.asked(1, connection=2)
        assert upstream.received.count(b"POST") == 1

    async def test_kept_connection_dies(self):
        """A kept connection that dies under a request: 502, nothing is sent twice, and the upstream stays the first."""
        relay, client = await self.between()
        client.write(POST)
        upstream = await self.asked()
        upstream.write(reply())
        await self.replied(client)
        client.received.clear()
        client.write(POST)
        await self.asked(2)
        upstream.close()
        await self.refused(client, "the upstream closed the connection without an answer")
        assert self.upstream.requests.count(b"POST") == 2
        assert len(self.upstream.ends) == 1
        assert relay.upstreams._return_at == 0

    async def test_upstream_that_keeps_nothing(self):
        """An upstream that says it closes is not asked again over that connection."""
        _relay, client = await self.between()
        client.write(POST)
        upstream = await self.asked()
        upstream.write(reply(b"", "200 OK", "Connection: close"))
        await self.replied(client)
        await upstream.when_told_end()
        client.write(POST)
        await self.upstream.when_connected(2)

    async def test_kept_as_long_as_the_upstream_says(self):
        """A connection is kept a second less than the upstream keeps it."""
        clock = ClockedReactor()
        _relay, client = await self.between(clock=clock)
        client.write(POST)
        upstream = await self.asked()
        upstream.write(reply(b"", "200 OK", "Keep-Alive: max=100, timeout=9"))
        await self.replied(client)
        clock.advance(7.9)
        client.write(POST)
        await self.asked(2)
        client.received.clear()
        upstream.write(reply())
        await self.replied(client)
        clock.advance(4.1)
        await upstream.when_told_end()

    async def test_unasked_answer(self):
        """What an upstream says unasked is taken for no answer."""
        _relay, client = await self.between(clock=ClockedReactor())
        client.write(POST)
        upstream = await self.asked()
        upstream.write(reply(b"first") + reply(b"unasked"))
        assert await self.replied(client) == reply(b"first")
        await upstream.when_told_end()
        client.received.clear()
        client.write(POST)
        second = await self.asked(1, connection=2)
        second.write(reply(b"second"))
        assert await self.replied(client) == reply(b"second")

    async def test_connect_timeout(self):
        """An upstream that does not answer in time is given up."""
        clock = ClockedReactor()
        door, at = await self.door()
        silent = HttpUpstream("tls:" + at.endpoint.removeprefix("tcp:"), "https", at.authority)
        await self.http(silent, clock=clock, connect_timeout=5)
        client = await self.client()
        client.write(GET)
        upstream = await door.when_connected()
        await upstream.when_received(1)
        clock.advance(4.9)
        assert client.received == b""
        clock.advance(0.2)
        await self.refused(client, "no upstream could be reached")
        await upstream.when_lost()


class ClientsTests(HttpTestCase):
    """Clients that leave, that are slow, that send nonsense."""

    async def test_comes_and_goes(self):
        """A connection that comes and goes, with nothing or with half a head, opens nothing upstream."""
        relay, client = await self.between()
        client.close()
        second = await self.client()
        second.write(b"GET / HT")
        second.close()
        await self.site.when(lambda: len(self.site.ended) == 2)
        assert self.upstream.ends == []
        assert relay.counts.causes[Cause.CLIENT_CLOSED] == relay.counts.begun == 2
        assert relay.open_now == 0

    async def test_leaves_while_waiting(self):
        """A client that leaves while it waits for its reply: the upstream is told, by the connection's end."""
        relay, client = await self.between()
        self.site.replies = Noted()
        gone: list[bool] = []
        client.write(GET)
        upstream = await self.asked()
        self.site.turns[0].when_gone(lambda: gone.append(self.site.turns[0].waiting))
        client.close()
        await upstream.when_lost()
        assert gone == [False]
        assert self.site.replies.said == [("failed", "the client left")]
        assert relay.counts.unanswered == 1
        assert relay.exchanges == set()

    async def test_leaves_in_a_body(self):
        """A client that leaves in the middle of its body: so does the request."""
        relay, client = await self.between()
        client.write(b"PUT /x HTTP/1.1\r\nHost: p\r\nContent-Length: 5\r\n\r\nabc")
        upstream = await self.upstream.when_connected()
        await upstream.when(lambda: body_of(upstream.received) == b"abc")
        client.reset()
        await upstream.when_lost()
        await self.site.when(lambda: self.site.ended == [1])
        assert relay.counts.causes[Cause.CLIENT_LOST] == 1

    async def test_leaves_in_a_held_body(self):
        """Where the body is held, nothing has gone upstream, and nothing does."""
        _relay, client = await self.between()
        client.write(b"POST /x HTTP/1.1\r\nHost: p\r\nContent-Length: 5\r\n\r\nabc")
        client.close()
        await self.site.when(lambda: self.site.ended == [1])
        assert self.upstream.ends == []
        assert self.site.bodies == []

    async def test_leaves_in_a_reply(self):
        """A client that leaves in the middle of its reply: the rest is not asked for."""
        _relay, client = await self.between()
        client.write(GET)
        upstream = await self.asked()
        upstream.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\npart")
        await client.when(lambda: client.received.endswith(b"part"))
        client.close()
        await upstream.when_lost()

    async def test_leaves_while_upstreams_are_tried(self):
        """A client that leaves before an upstream is reached: nothing is sent when it is."""
        clock = ClockedReactor()
        door, at = await self.door()
        silent = HttpUpstream("tls:" + at.endpoint.removeprefix("tcp:"), "https", at.authority)
        relay = await self.http(silent, at, clock=clock, connect_timeout=5)
        client = await self.client()
        client.write(GET)
        upstream = await door.when_connected()
        await upstream.when_received(1)
        client.close()
        await self.site.when(lambda: self.site.ended == [1])
        await upstream.when_lost()
        assert len(door.ends) == 1
        assert relay.exchanges == set()

    async def test_nonsense(self):
        """What is no request gets 400 with a JSON error, and the connection ends."""
        for text, status in (
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nbad header\r\nHost: p\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nHost: p\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nHost: p\r\nContent-Length: -1\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
            (b"GET / HTTP/1.1\r\nHost: p\r\nA: " + b"b" * 200000, 431),
            (b"CONNECT p:80 HTTP/1.1\r\nHost: p\r\n\r\n", 405),
        ):
            relay, client = await self.between()
            client.write(text)
            await client.when_told_end()
            assert client.received.startswith(b"HTTP/1.1 %d " % status), text[:60]
            assert b"\r\nContent-Type: application/json\r\n" in client.received
            assert set(json.loads(body_of(client.received))) == {"error"}
            assert self.upstream.ends == []
            client.close()
            await self.site.when(lambda: self.site.ended == [1])
            assert relay.counts.causes[Cause.MALFORMED] == 1

    async def test_nonsense_in_a_held_body(self):
        """A body that is held and turns out to be nonsense: 400."""
        _relay, client = await self.between()
        client.write(b"POST /x HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        await client.when_told_end()
        assert client.received.startswith(b"HTTP/1.1 400 ")
        assert self.upstream.ends == []

    async def test_nonsense_in_a_streaming_body(self):
        """A body that streams and turns out to be nonsense: 400, and the upstream does not get it as whole."""
        _relay, client = await self.between()
        client.write(b"PUT /x HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        upstream = await self.upstream.when_connected()
        await upstream.when(lambda: upstream.received.endswith(b"abc\r\n"))
        client.write(b"zz\r\n")
        await client.when_told_end()
        assert client.received.startswith(b"HTTP/1.1 400 ")
        await upstream.when_lost()
        assert upstream.received.endswith(b"abc\r\n")

    async def test_nonsense_behind_a_request(self):
        """A request that is whole gets its reply, whatever comes behind it."""
        _relay, client = await self.between()
        client.write(GET + b"\x00\x00\r\n\r\n")
        upstream = await self.asked()
        upstream.write(reply(b"good"))
        await client.when_told_end()
        first, second = bytes(client.received).split(b"good")
        assert first + b"good" == reply(b"good")
        assert second.startswith(b"HTTP/1.1 400 ")

    async def test_slow_head(self):
        """A client that does not finish its head gets 408, one that says nothing is closed."""
        clock = ClockedReactor()
        _relay, client = await self.between(clock=clock)
        silent = await self.client()
        await self.until(lambda: self.relayed.counts.begun == 2)
        clock.advance(20)
        client.write(b"GET / HTTP/1.1\r\n")
        await self.until(lambda: self.relayed.counts.client_bytes == 16)
        clock.advance(9.9)
        assert self.relayed.open_now == 2
        clock.advance(0.2)
        await silent.when_told_end()
        assert silent.received == b""
        assert not client.told_end
        client.write(b"Host: p\r\n")
        await self.until(lambda: self.relayed.counts.client_bytes == 25)
        clock.advance(20)
        await client.when_told_end()
        assert client.received.startswith(b"HTTP/1.1 408 ")

    async def test_idle(self):
        """A connection over which nothing is asked for long is closed; nobody is closed while it waits for a reply."""
        clock = ClockedReactor()
        _relay, client = await self.between(clock=clock)
        client.write(GET)
        upstream = await self.asked()
        clock.advance(100000)
        upstream.write(reply())
        assert await self.replied(client) == reply()
        clock.advance(74)
        client.received.clear()
        client.write(GET)
        upstream = await self.asked(1, connection=2)
        upstream.write(reply())
        assert await self.replied(client) == reply()
        clock.advance(74)
        assert not client.told_end
        clock.advance(1.1)
        await client.when_told_end()
        assert bytes(client.received) == reply()

    async def test_body_that_does_not_come(self):
        """A client that stops in the middle of its body gets 408."""
        clock = ClockedReactor()
        _relay, client = await self.between(clock=clock)
        client.write(b"POST /x HTTP/1.1\r\nHost: p\r\nContent-Length: 5\r\n\r\nabc")
        await self.until(lambda: self.relayed.counts.client_bytes == 51)
        clock.advance(74)
        client.write(b"d")
        await self.until(lambda: self.relayed.counts.client_bytes == 52)
        clock.advance(74)
        assert client.received == b""
        clock.advance(2)
        await client.when_told_end()
        assert client.received.startswith(b"HTTP/1.1 408 ")

    async def test_does_not_close(self):
        """A client that was told the end, and does not close, is cut off at the deadline."""
        clock = ClockedReactor()
        relay, client = await self.between(clock=clock)
        client.write(b"nonsense\r\n\r\n")
        await client.when_told_end()
        assert relay.open_now == 1
        clock.advance(9.8)
        assert self.site.ended == []
        clock.advance(0.3)
        await self.site.when(lambda: self.site.ended == [1])

    async def test_max_sessions(self):
        """Connections over max_sessions are closed at once; others go on."""
        relay, client = await self.between(max_sessions=1)
        client.write(GET)
        upstream = await self.asked()
        second = await self.client()
        await second.when_told_end()
        assert relay.counts.causes[Cause.REFUSED_MAX_SESSIONS] == 1
        upstream.write(reply())
        assert await self.replied(client) == reply()

    async def test_many_at_once(self):
        """Fifty clients at once each get their own reply, and nobody waits for another."""
        await self.between()
        clients = [await self.client() for _ in range(50)]
        for place, client in enumerate(clients):
            client.write(b"GET /%02d HTTP/1.1\r\nHost: p\r\n\r\n" % place)
        ends = [await self.upstream.when_connected(count) for count in range(1, 51)]
        await gatherResults([end.when(lambda end=end: b"\r\n\r\n" in end.received) for end in ends])
        for end in reversed(ends):
            end.write(reply(bytes(end.received[5:7])))
        for place, client in enumerate(clients):
            assert await self.replied(client) == reply(b"%02d" % place)

    async def test_not_told_in_logs(self):
        """Logs say method and path of what failed, never the query."""
        await self.http(self.nobody())
        client = await self.client()
        with capturedLogs() as events:
            client.write(GET)
            await self.replied(client)
        said = [formatEvent(event) for event in events if event["log_level"] is LogLevel.warn]
        assert "GET /x: no upstream could be reached" in said[0]
        assert not any("secret" in formatEvent(event) for event in events)


class EndTests(HttpTestCase):
    """The end of the relay."""

    async def test_end(self):
        """The end lets requests that have begun get their reply; who asks nothing is closed at once."""
        clock = ClockedReactor()
        relay, client = await self.between(clock=clock)
        idle = await self.client()
        await self.until(lambda: relay.open_now == 2)
        client.write(GET)
        upstream = await self.asked()
        await relay.stop_listening()
        assert not relay.is_listening
        ended = relay.end_all(Cause.SHUTDOWN)
        await idle.when_told_end()
        idle.close()
        upstream.write(reply(b"last"))
        await client.when_told_end()
        assert body_of(client.received) == b"last"
        assert b"\r\nConnection: close\r\n" in client.received
        client.close()
        await ended
        assert relay.counts.causes[Cause.SHUTDOWN] == 2
        await self.until(lambda: clock.getDelayedCalls() == [])

    async def test_deadline(self):
        """Who gets no reply within the deadline is cut off."""
        clock = ClockedReactor()
        relay, client = await self.between(clock=clock)
        client.write(GET)
        upstream = await self.asked()
        ended = relay.end_all(Cause.SHUTDOWN)
        clock.advance(9.9)
        assert not ended.called
        clock.advance(0.2)
        await ended
        await client.when_lost()
        await upstream.when_lost()
        assert relay.counts.causes[Cause.DEADLINE] == 1

    async def test_kept_turn(self):
        """Who keeps a turn is told where its client is cut off at the end."""
        relay, client = await self.between()
        told: list[bool] = []
        self.site.act = lambda turn, body: turn.when_gone(lambda: told.append(turn.waiting))
        client.write(POST)
        await self.site.when(lambda: self.site.bodies == [b"{}"])
        await relay.cut_off_all(Cause.SHUTDOWN)
        assert told == [False]
        assert relay.counts.causes[Cause.SHUTDOWN] == 1

    async def test_counts(self):
        """Every connection ended by one cause; the bytes of both sides add up."""
        relay, client = await self.between()
        client.write(POST)
        upstream = await self.asked()
        upstream.write(reply())
        await self.replied(client)
        client.close()
        await self.site.when(lambda: self.site.ended == [1])
        assert sum(relay.counts.causes.values()) == relay.counts.begun == 1
        assert relay.counts.client_bytes == len(POST)
        assert relay.counts.upstream_bytes == len(reply())
