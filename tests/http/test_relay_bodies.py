"""Requests and replies through the relay, byte for byte: bodies, heads, one connection for many requests."""

from __future__ import annotations

from proxy.http.turns import ReplyHead
from tests.http.net import HttpTestCase, Noted, body_of, reply

HEAD = b"Host: proxy:80\r\nX-Zeta: 1\r\naccept: */*\r\nX-ALPHA: 2\r\nX-Zeta: 3\r\n"
TOLD = b"X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: proxy:80\r\n"


class BodiesTests(HttpTestCase):
    """What a client sends arrives, and so does what it is told."""

    async def test_get(self):
        """A GET goes up with its fields in order and in their case, for whom it is; its reply comes back as it is."""
        relay, client = await self.between()
        client.write(b"GET /a?b=c%20d HTTP/1.1\r\n" + HEAD + b"\r\n")
        upstream = await self.asked()
        assert bytes(upstream.received) == b"GET /a?b=c%20d HTTP/1.1\r\n" + HEAD + TOLD + b"\r\n"
        text = reply(b'{"a": 1}', "200 Fine", "Server: x", "SET-cookie: a=b", "Set-Cookie: c=d", "x-last: y")
        upstream.write(text)
        assert await self.replied(client) == text
        assert self.site.passed == [(b"/a?b=c%20d", None)]
        assert relay.counts.requests == {("GET", "2xx"): 1}

    async def test_post(self):
        """A POST that is wanted is brought whole, and goes up unchanged where nothing is changed."""
        _relay, client = await self.between()
        text = b"POST /x HTTP/1.1\r\n" + HEAD + b"Content-Length: 5\r\n"
        client.write(text + b"\r\nhel")
        client.write(b"lo")
        upstream = await self.asked()
        assert bytes(upstream.received) == text + TOLD + b"\r\nhello"
        upstream.write(reply())
        assert await self.replied(client) == reply()
        assert self.site.bodies == [b"hello"]
        assert self.site.passed == []

    async def test_changed(self):
        """The length is mended where a body was changed, in its place."""
        _relay, client = await self.between()
        self.site.instead = lambda body: body + b", world"
        client.write(b"POST /x HTTP/1.1\r\nHost: p\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello")
        upstream = await self.asked()
        assert bytes(upstream.received).startswith(
            b"POST /x HTTP/1.1\r\nHost: p\r\nContent-Length: 12\r\nX-A: b\r\nX-Forw"
        )
        assert body_of(upstream.received) == b"hello, world"

    async def test_added_to_an_empty_body(self):
        """A body that is put into a request without one is told by its length."""
        _relay, client = await self.between()
        self.site.instead = lambda body: b"{}"
        client.write(b"POST /x HTTP/1.1\r\nHost: p\r\n\r\n")
        upstream = await self.asked()
        assert b"\r\nContent-Length: 2\r\n" in upstream.received
        assert body_of(upstream.received) == b"{}"

    async def test_reply_changed(self):
        """A reply that is wanted is brought whole, and may be changed; its length is mended."""
        _relay, client = await self.between()
        self.site.replies = Noted(instead=lambda body: body.upper())
        client.write(b"POST /x HTTP/1.1\r\nHost: p\r\nContent-Length: 0\r\n\r\n")
        upstream = await self.asked()
        upstream.write(reply(b"abc")[:-1])
        upstream.write(b"c")
        assert await self.replied(client) == reply(b"ABC")
        assert self.site.replies.said == [("whole", 200, b"abc")]

    async def test_chunked_request(self):
        """A chunked body of a request that nobody wants goes up in chunks, as it comes, with its trailers."""
        _relay, client = await self.between()
        client.write(b"PUT /x HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        upstream = await self.upstream.when_connected()
        await upstream.when(lambda: upstream.received.endswith(b"3\r\nabc\r\n"))
        assert b"\r\nTransfer-Encoding: chunked\r\n" in upstream.received
        client.write(b"4;ext=1\r\nde")
        await upstream.when(lambda: upstream.received.endswith(b"2\r\nde\r\n"))
        client.write(b"fg\r\n0\r\nX-Sum: 7\r\n\r\n")
        await upstream.when(lambda: upstream.received.endswith(b"2\r\nfg\r\n0\r\nX-Sum: 7\r\n\r\n"))
        upstream.write(reply())
        assert await self.replied(client) == reply()

    async def test_chunked_request_held(self):
        """A chunked body that is wanted is brought whole, and goes up in a chunk, with its trailers."""
        _relay, client = await self.between()
        self.site.instead = lambda body: body + b"!"
        client.write(b"POST /x HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: chunked\r\nContent-Length: 99\r\n\r\n")
        client.write(b"3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Sum: 7\r\n\r\n")
        upstream = await self.asked()
        await upstream.when(lambda: upstream.received.endswith(b"\r\n\r\n8\r\nabcdefg!\r\n0\r\nX-Sum: 7\r\n\r\n"))
        assert b"\r\nTransfer-Encoding: chunked\r\n" in upstream.received
        assert b"content-length" not in upstream.received.lower()

    async def test_chunked_reply(self):
        """A chunked reply comes back in chunks, as they come, with its trailers."""
        _relay, client = await self.between()
        client.write(b"GET /x HTTP/1.1\r\nHost: p\r\n\r\n")
        upstream = await self.asked()
        upstream.write(b"HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await client.when(lambda: client.received.endswith(b"3\r\nabc\r\n"))
        upstream.write(b"1\r\nd\r\n0\r\nX-Sum: 4\r\n\r\n")
        await client.when(lambda: client.received.endswith(b"1\r\nd\r\n0\r\nX-Sum: 4\r\n\r\n"))
        assert client.received.startswith(b"HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n")

    async def test_chunked_reply_held(self):
        """A chunked reply that is wanted is brought whole, and goes on in a chunk."""
        _relay, client = await self.between()
        self.site.replies = Noted(instead=lambda body: body + b"!")
        client.write(b"GET /x HTTP/1.1\r\nHost: p\r\n\r\n")
        upstream = await self.asked()
        upstream.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n")
        await client.when(lambda: client.received.endswith(b"5\r\nabcd!\r\n0\r\n\r\n"))

    async def test_reply_until_the_end(self):
        """A reply that ends with its connection is whole then; it goes in chunks, so that the client can go on."""
        relay, client = await self.between()
        client.write(b"GET /x HTTP/1.1\r\nHost: p\r\n\r\n")
        upstream = await self.asked()
        upstream.write(b"HTTP/1.0 200 OK\r\n\r\nabc")
        await client.when(lambda: client.received.endswith(b"3\r\nabc\r\n"))
        upstream.write(b"de")
        upstream.close()
        await client.when(lambda: client.received.endswith(b"2\r\nde\r\n0\r\n\r\n"))
        assert b"\r\nTransfer-Encoding: chunked\r\n" in client.received
        client.received.clear()
        client.write(b"GET /y HTTP/1.1\r\nHost: p\r\n\r\n")
        second = await self.asked(1, connection=2)
        second.write(reply())
        assert await self.replied(client) == reply()
        assert relay.counts.upstream_failures == {}

    async def test_reply_until_the_end_held(self):
        """The same where it is wanted: its length is known then."""
        _relay, client = await self.between()
        self.site.replies = Noted()
        client.write(b"GET /x HTTP/1.1\r\nHost: p\r\n\r\n")
        upstream = await self.asked()
        upstream.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc")
        upstream.close()
        assert await self.replied(client) == b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"

    async def test_old_client(self):
        """An HTTP/1.0 client gets no chunks, and its connection is closed behind the reply."""
        _relay, client = await self.between()
        client.write(b"GET /x HTTP/1.0\r\n\r\n")
        upstream = await self.asked()
        port = self.at.authority.encode()
        assert bytes(upstream.received).startswith(b"GET /x HTTP/1.1\r\nHost: " + port + b"\r\n")
        upstream.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n")
        await client.when_told_end()
        assert bytes(client.received) == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcd"

    async def test_old_client_gets_no_interim_reply(self):
        """An HTTP/1.0 client knows no interim replies."""
        _relay, client = await self.between()
        client.write(b"GET /x HTTP/1.0\r\nHost: p\r\n\r\n")
        upstream = await self.asked()
        upstream.write(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + reply())
        await client.when_told_end()
        assert client.received.startswith(b"HTTP/1.1 200 OK\r\n")

    async def test_replies_without_a_body(self):
        """HEAD, 204 and 304 have no body, whatever length they tell; the next reply is theirs who asked for it."""
        _relay, client = await self.between()
        for count, (asked, answer) in enumerate(
            (
                (b"HEAD /a", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"),
                (b"GET /b", b"HTTP/1.1 204 No Content\r\nA: b\r\n\r\n"),
                (b"GET /c", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nETag: x\r\n\r\n"),
                (b"GET /d", reply(b"d")),
            ),
            1,
        ):
            client.received.clear()
            client.write(asked + b" HTTP/1.1\r\nHost: p\r\n\r\n")
            upstream = await self.asked(count)
            upstream.write(answer)
            await client.when_received(len(answer))
            assert bytes(client.received) == answer
        assert len(self.upstream.ends) == 1

    async def test_wanted_replies_without_a_body(self):
        """The same where the replies are wanted: there is nothing to change."""
        _relay, client = await self.between()
        self.site.replies = Noted(instead=lambda body: b"more")
        for count, (asked, answer) in enumerate(
            (
                (b"HEAD /a", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"),
                (b"GET /b", b"HTTP/1.1 204 No Content\r\nA: b\r\n\r\n"),
            ),
            1,
        ):
            client.received.clear()
            client.write(asked + b" HTTP/1.1\r\nHost: p\r\n\r\n")
            upstream = await self.asked(count)
            upstream.write(answer)
            await client.when_received(len(answer))
            assert bytes(client.received) == answer
        assert self.site.replies.said == [("whole", 200, b""), ("whole", 204, b"")]

    async def test_interim_replies(self):
        """Interim replies go on to the client, in their order."""
        _relay, client = await self.between()
        client.write(b"GET /x HTTP/1.1\r\nHost: p\r\n\r\n")
        upstream = await self.asked()
        early = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
        upstream.write(early + reply())
        await client.when_received(len(early + reply()))
        assert bytes(client.received) == early + reply()

    async def test_expect_held(self):
        """A client that waits for 100 Continue before it sends a body that is wanted is told so at once, once."""
        _relay, client = await self.between()
        client.write(b"POST /x HTTP/1.1\r\nHost: p\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        await client.when(lambda: bytes(client.received) == b"HTTP/1.1 100 Continue\r\n\r\n")
        client.received.clear()
        client.write(b"abc")
        upstream = await self.asked()
        assert b"Expect" not in upstream.received
        assert body_of(upstream.received) == b"abc"
        upstream.write(reply())
        assert await self.replied(client) == reply()

    async def test_expect_streamed(self):
        """Where the body is not wanted, it is the upstream who tells the client to go on."""
        _relay, client = await self.between()
        client.write(b"PUT /x HTTP/1.1\r\nHost: p\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        upstream = await self.upstream.when_connected()
        await upstream.when(lambda: b"\r\n\r\n" in upstream.received)
        assert b"\r\nExpect: 100-continue\r\n" in upstream.received
        assert client.received == b""
        upstream.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await client.when(lambda: bytes(client.received) == b"HTTP/1.1 100 Continue\r\n\r\n")
        client.write(b"abc")
        await upstream.when(lambda: body_of(upstream.received) == b"abc")
        upstream.write(reply())
        await client.when(lambda: client.received.endswith(reply()))
        client.write(b"GET /y HTTP/1.1\r\nHost: p\r\n\r\n")
        await self.asked(2)

    async def test_expect_refused(self):
        """An upstream that does not want the body says so; the client gets that, and nothing is mixed up."""
        _relay, client = await self.between()
        client.write(b"PUT /x HTTP/1.1\r\nHost: p\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        upstream = await self.upstream.when_connected()
        await upstream.when(lambda: b"\r\n\r\n" in upstream.received)
        upstream.write(reply(b"no", "417 Expectation Failed"))
        await client.when_told_end()
        assert body_of(client.received) == b"no"
        assert b"\r\nConnection: close\r\n" in client.received
        await upstream.when_told_end()

    async def test_too_large_told(self):
        """A body that is told to be larger than is held streams by, unread, counted."""
        relay, client = await self.between(max_body=10)
        client.write(b"POST /x HTTP/1.1\r\nHost: p\r\nContent-Length: 11\r\n\r\nabc")
        upstream = await self.upstream.when_connected()
        await upstream.when(lambda: body_of(upstream.received) == b"abc")
        client.write(b"defghijk")
        await upstream.when(lambda: body_of(upstream.received) == b"abcdefghijk")
        assert self.site.passed == [(b"/x", "too large")]
        assert self.site.bodies == []
        assert relay.counts.unread_requests == {"too large": 1}

    async def test_as_large_as_may_be(self):
        """A body as large as is held is held."""
        relay, client = await self.between(max_body=10)
        client.write(b"POST /x HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: chunked\r\n\r\na\r\nabcdefghij\r\n0\r\n\r\n")
        await self.asked()
        assert self.site.bodies == [b"abcdefghij"]
        assert relay.counts.unread_requests == {}

    async def test_too_large_found(self):
        """A body that turns out to be larger than is held goes on with what was held, unread."""
        relay, client = await self.between(max_body=10)
        client.write(b"POST /x HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
        await client.when(lambda: bytes(client.received) == b"HTTP/1.1 100 Continue\r\n\r\n")
        client.received.clear()
        client.write(b"6\r\nabcdef\r\n5\r\nghijk\r\n")
        upstream = await self.upstream.when_connected()
        await upstream.when(lambda: body_of(upstream.received) == b"b\r\nabcdefghijk\r\n")
        upstream.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        client.write(b"1\r\nl\r\n0\r\n\r\n")
        await upstream.when(lambda: upstream.received.endswith(b"1\r\nl\r\n0\r\n\r\n"))
        upstream.write(reply())
        assert await self.replied(client) == reply()
        assert self.site.passed == [(b"/x", "too large")]
        assert relay.counts.unread_requests == {"too large": 1}

    async def test_encoded(self):
        """A gzip body passes unread, and so does a gzip reply; both are counted."""
        relay, client = await self.between()
        self.site.replies = Noted()
        client.write(b"POST /x HTTP/1.1\r\nHost: p\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8bx")
        upstream = await self.asked()
        assert body_of(upstream.received) == b"\x1f\x8bx"
        assert self.site.passed == [(b"/x", "encoded")]
        text = reply(b"\x1f\x8by", "200 OK", "Content-Encoding: gzip")
        upstream.write(text)
        assert await self.replied(client) == text
        assert self.site.replies.said == [("unread", 200, "encoded")]
        assert relay.counts.unread_requests == {"encoded": 1}
        assert relay.counts.unread_replies == {"encoded": 1}

    async def test_reply_too_large(self):
        """A reply larger than is held goes on, whether that is told or turns out; what was held goes first."""
        relay, client = await self.between(max_body=10)
        self.site.replies = Noted()
        client.write(b"GET /x HTTP/1.1\r\nHost: p\r\n\r\n")
        upstream = await self.asked()
        text = reply(b"abcdefghijk")
        upstream.write(text[:-3])
        await client.when(lambda: bytes(client.received) == text[:-3])
        upstream.write(text[-3:])
        assert await self.replied(client) == text
        assert self.site.replies.said == [("unread", 200, "too large")]

        self.site.replies = Noted()
        client.received.clear()
        client.write(b"GET /y HTTP/1.1\r\nHost: p\r\n\r\n")
        await self.asked(2)
        upstream.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n")
        upstream.write(b"5\r\nghijk\r\n0\r\n\r\n")
        await client.when(lambda: client.received.endswith(b"b\r\nabcdefghijk\r\n0\r\n\r\n"))
        assert self.site.replies.said == [("unread", 200, "too large")]
        assert relay.counts.unread_replies == {"too large": 2}

    async def test_location(self):
        """A redirect to the server itself leads to the proxy."""
        _relay, client = await self.between()
        client.write(b"GET /x HTTP/1.1\r\nHost: proxy:88\r\n\r\n")
        upstream = await self.asked()
        upstream.write(reply(b"", "302 Found", f"Location: http://{self.at.authority}/login?x", "A: b"))
        assert b"\r\nLocation: http://proxy:88/login?x\r\nA: b\r\n" in await self.replied(client)

    async def test_hop_by_hop(self):
        """What a client and an upstream agree about their own connections does not get through."""
        _relay, client = await self.between()
        client.write(
            b"GET /x HTTP/1.1\r\nHost: p\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n"
            b"Upgrade: h2c\r\nTE: gzip\r\n\r\n"
        )
        upstream = await self.asked()
        assert bytes(upstream.received).lower().startswith(b"get /x http/1.1\r\nhost: p\r\nx-forwarded-for:")
        upstream.write(reply(b"", "200 OK", "Connection: X-Hop", "X-Hop: 2", "Keep-Alive: timeout=9", "A: b"))
        assert await self.replied(client) == reply(b"", "200 OK", "A: b")

    async def test_many_requests_over_one_connection(self):
        """Requests of one client go one after the other over one connection to the upstream."""
        relay, client = await self.between()
        for count in range(1, 51):
            client.received.clear()
            client.write(b"POST /x HTTP/1.1\r\nHost: p\r\nContent-Length: 2\r\n\r\n%02d" % count)
            upstream = await self.asked(count)
            upstream.write(reply(b"%02d" % count))
            assert await self.replied(client) == reply(b"%02d" % count)
        assert len(self.upstream.ends) == 1
        assert relay.counts.requests == {("POST", "2xx"): 50}
        assert len({turn.number for turn in self.site.turns}) == 50
        assert {turn.connection for turn in self.site.turns} == {1}

    async def test_pipelined(self):
        """Requests that are sent without waiting are asked one after the other, and answered in their order."""
        _relay, client = await self.between()
        asked = b"".join(
            b"POST /%d HTTP/1.1\r\nHost: p\r\nContent-Length: 1\r\n\r\n%d" % (place, place) for place in range(5)
        )
        client.write(asked + b"GET /last HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n")
        for count in range(1, 6):
            upstream = await self.asked(count)
            assert upstream.received.count(b"HTTP/1.1") == count
            upstream.write(reply(b"%d" % count))
        await self.asked(6)
        upstream.write(reply(b"last"))
        await client.when_told_end()
        expected = b"".join(reply(b"%d" % count) for count in range(1, 6))
        assert bytes(client.received) == expected + reply(b"last").replace(
            b"Length: 4\r\n", b"Length: 4\r\nConnection: close\r\n"
        )

    async def test_pipelined_answers_of_our_own(self):
        """A thousand pipelined requests that the channel answers at once are all answered, in order."""
        _relay, client = await self.between()
        self.site.act = lambda turn, body: turn.answer(ReplyHead(200, b"OK"), body)
        client.write(
            b"".join(b"POST /x HTTP/1.1\r\nHost: p\r\nContent-Length: 4\r\n\r\n%04d" % place for place in range(1000))
        )
        await self.replied(client, 1000)
        assert bytes(client.received) == b"".join(reply(b"%04d" % place) for place in range(1000))
        assert self.upstream.ends == []

    async def test_byte_by_byte(self):
        """However the bytes are cut on either side, the same arrives."""
        _relay, client = await self.between()
        text = b"POST /x HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        await self.until(lambda: 1 in self.site.exchanges.connections)
        for place in range(len(text)):
            self.site.exchanges.connections[1].dataReceived(text[place : place + 1])
        upstream = await self.asked()
        await upstream.when(lambda: upstream.received.endswith(b"5\r\nabcde\r\n0\r\n\r\n"))
        answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        for place in range(len(answer)):
            upstream.write(answer[place : place + 1])
            if place % 7 == 0:
                await self.turns()
        await client.when(lambda: client.received.endswith(b"\r\n0\r\n\r\n"))
        body = bytes(client.received).partition(b"\r\n\r\n")[2]
        read = b"".join(line for place, line in enumerate(body.split(b"\r\n")) if place % 2)
        assert read == b"abcde"
