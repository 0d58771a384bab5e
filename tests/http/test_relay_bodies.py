"""Requests and replies through the relay, byte for byte: bodies, heads, one connection for many requests."""

from __future__ import annotations

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
