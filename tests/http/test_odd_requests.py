"""Requests as no browser sends them: what reaches the upstream means there what it means here, or does not reach it."""

from __future__ import annotations

import pytest
from twisted.logger import LogLevel, capturedLogs, formatEvent

from proxy.http.relay.client import READ_AHEAD
from proxy.http.target import target
from tests.http.net import HttpTestCase, body_of, reply

HOST = b"Host: x\r\n"
TO = b"POST /a HTTP/1.1\r\n" + HOST
CHUNKED = b"Transfer-Encoding: chunked\r\n"

REFUSED = {
    "two lengths": (400, TO + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x"),
    "a length with a sign": (400, TO + b"Content-Length: +2\r\n\r\n{}"),
    "a length below zero": (400, TO + b"Content-Length: -2\r\n\r\n{}"),
    "a length beyond all bounds": (400, TO + b"Content-Length: 99999999999999999999999\r\n\r\n{}"),
    "a blank before the colon": (400, TO + b"Content-Length : 2\r\n\r\n{}"),
    "an encoding with a blank before the colon": (400, TO + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
    "an encoding that nobody knows": (501, TO + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    "two encodings": (501, TO + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    "chunked twice": (501, TO + CHUNKED + CHUNKED + b"\r\n0\r\n\r\n"),
    "an encoding behind a control character": (400, TO + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    "a chunk's size in another notation": (400, TO + CHUNKED + b"\r\n0x2\r\n{}\r\n0\r\n\r\n"),
    "a chunk's size below zero": (400, TO + CHUNKED + b"\r\n-2\r\n{}\r\n0\r\n\r\n"),
    "a chunk's size beyond all bounds": (400, TO + CHUNKED + b"\r\nFFFFFFFFFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n"),
    "a chunk that is longer than told": (400, TO + CHUNKED + b"\r\n2\r\n{}XX0\r\n\r\n"),
    "no host": (400, b"GET /a HTTP/1.1\r\n\r\n"),
    "two hosts": (400, b"GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    "a carriage return in a field": (400, b"GET /a HTTP/1.1\r\n" + HOST + b"X: a\rContent-Length: 5\r\n\r\n"),
    "a zero byte in a field": (400, b"GET /a HTTP/1.1\r\n" + HOST + b"X: a\x00b\r\n\r\n"),
    "a zero byte in a name": (400, b"GET /a HTTP/1.1\r\n" + HOST + b"X\x00: b\r\n\r\n"),
    "a zero byte in the target": (400, b"GET /a\x00b HTTP/1.1\r\n" + HOST + b"\r\n"),
    "a blank in the target": (400, b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n"),
    "tabs between the words": (400, b"GET\t/a\tHTTP/1.1\r\n" + HOST + b"\r\n"),
    "another protocol": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
    "HTTP/2": (505, b"GET /a HTTP/2.0\r\n" + HOST + b"\r\n"),
    "the preface of HTTP/2": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "a tunnel to anywhere": (405, b"CONNECT a:1 HTTP/1.1\r\n" + HOST + b"\r\n"),
}

FORWARDED = b"X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: x\r\n\r\n"
GET = b"GET /a HTTP/1.1\r\n" + HOST

PASSED = {
    "a length beside chunks": (
        TO + b"Content-Length: 6\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
        TO + CHUNKED + FORWARDED + b"0\r\n\r\n",
    ),
    "the same length twice": (
        TO + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        TO + b"Content-Length: 2\r\n" + FORWARDED + b"{}",
    ),
    "extensions of chunks": (
        TO + CHUNKED + b'\r\n2;a=b;c="d"\r\n{}\r\n0;x\r\n\r\n',
        TO + CHUNKED + FORWARDED + b"2\r\n{}\r\n0\r\n\r\n",
    ),
    "fields behind a body that come too late": (
        TO + CHUNKED + b"\r\n0\r\nContent-Length: 5\r\nA: 1\r\nHost: evil\r\nTransfer-Encoding: chunked\r\n\r\n",
        TO + CHUNKED + FORWARDED + b"0\r\nA: 1\r\n\r\n",
    ),
    "a field over two lines": (
        GET + b"X-A: 1\r\n  Content-Length: 5\r\n\r\n",
        GET + b"X-A: 1 Content-Length: 5\r\n" + FORWARDED,
    ),
    "an encoding on a line of its own": (
        TO + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        TO + CHUNKED + FORWARDED + b"0\r\n\r\n",
    ),
    "lines that end with a line feed": (
        b"GET /a HTTP/1.1\nHost: x\nX: y\n\n",
        GET + b"X: y\r\n" + FORWARDED,
    ),
    "empty lines before it": (b"\r\n\r\n" + GET + b"\r\n", GET + FORWARDED),
    "names, order and repeats": (
        b"GET /a HTTP/1.1\r\nhOsT: x\r\nX-b: 1\r\nx-B:2\r\nX-b: 1\r\nZ:\r\nA: ,,\r\n\r\n",
        b"GET /a HTTP/1.1\r\nhOsT: x\r\nX-b: 1\r\nx-B: 2\r\nX-b: 1\r\nZ: \r\nA: ,,\r\n" + FORWARDED,
    ),
    "what Connection must not take away": (
        TO + b"Connection: Host, Content-Length, Content-Type, X-Hop\r\nX-Hop: 1\r\nContent-Length: 2\r\n"
        b"Content-Type: a/b\r\n\r\n{}",
        TO + b"Content-Length: 2\r\nContent-Type: a/b\r\n" + FORWARDED + b"{}",
    ),
}


class OddRequestTests(HttpTestCase):
    """Sent over real sockets."""

    async def test_refused(self) -> None:
        """What two servers could read in two ways is refused with the right status, and its connection ends."""
        for name, (status, sent) in REFUSED.items():
            _, client = await self.between()
            client.write(sent)
            await client.when_told_end()
            assert bytes(client.received).startswith(b"HTTP/1.1 %d " % status), (name, client.received)
            assert b"\r\nConnection: close\r\n" in client.received, name
            # A body that comes in chunks is on its way before the wrong one comes: then it never becomes whole.
            assert b"\r\n0\r\n\r\n" not in self.upstream.requests, name

    async def test_passed(self) -> None:
        """What is unusual, and has one meaning, arrives in the one way that everybody understands."""
        for name, (sent, arrives) in PASSED.items():
            _, client = await self.between()
            self.site.wants = lambda head: False
            client.write(sent)
            end = await self.upstream.when_connected()
            await end.when_received(len(arrives))
            end.write(reply())
            await self.replied(client)
            assert bytes(end.received) == arrives, name

    async def test_thousands_behind_one_another(self) -> None:
        """M5: of requests that a client sends without waiting no more are read ahead, however many were answered."""
        relay, client = await self.between()
        self.site.wants = lambda head: False
        client.write((GET + b"\r\n") * 100_000)
        for count in range(1, 101):
            end = await self.asked(count)
            end.write(reply())
            await self.replied(client, count)
        assert relay.counts.client_bytes <= 4 * READ_AHEAD

    async def test_a_post_is_no_websocket(self) -> None:
        """WebSockets begin with GET (RFC 6455): no other request passes unread for asking for one."""
        for tunnels in (False, True):
            _, client = await self.between(tunnels=tunnels)
            client.write(TO + b"Upgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\n{}")
            end = await self.asked()
            end.write(reply())
            await self.replied(client)
            assert self.site.bodies == [b"{}"]
            assert b"pgrade" not in end.received

    async def test_lines_behind_a_body(self) -> None:
        """An empty line behind a body, as some clients send it, is no request, whenever it comes."""
        _, client = await self.between()
        client.write(TO + b"Content-Length: 2\r\n\r\n{}\r\n")
        end = await self.asked()
        end.write(reply(b"1"))
        await self.replied(client)
        client.write(b"\r\n")
        client.write(GET + b"\r\n")
        await self.asked(2)
        end.write(reply(b"2"))
        assert (await self.replied(client, 2)).endswith(reply(b"2"))

    async def test_late_fields_of_a_reply(self) -> None:
        """Fields behind a reply's body that say how to read it are not passed on either."""
        _, client = await self.between()
        client.write(GET + b"\r\n")
        end = await self.asked()
        end.write(b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n2\r\n{}\r\n0\r\nA: b\r\nContent-Length: 9\r\n\r\n")
        await client.when(lambda: client.received.endswith(b"\r\n\r\n") and b"A: b" in client.received)
        assert body_of(client.received) == b"2\r\n{}\r\n0\r\nA: b\r\n\r\n"

    async def test_no_number_of_a_customer_in_logs(self) -> None:
        """What stands behind the kind of a resource may be a phone number: logs do not show it."""
        await self.http(self.nobody())
        client = await self.client()
        with capturedLogs() as events:
            client.write(
                b"GET http://u:hidden@h/phones/5551234?req=hidden HTTP/1.1\r\n" + HOST + b"Cookie: hidden\r\n\r\n"
            )
            await self.replied(client)
        [said] = [formatEvent(event) for event in events if event["log_level"] is LogLevel.warn]
        assert "GET /phones/...: " in said
        assert not any(word in formatEvent(event) for event in events for word in ("5551234", "hidden"))


@pytest.mark.parametrize(
    ("sent", "segments", "parameters"),
    [
        (b"/a/b?c=d#e", ("a", "b"), (("c", "d"),)),
        (b"/a#b?c=d", ("a",), ()),
        (b"/x/../a/./b", ("a", "b"), ()),
        (b"/../a/%2e%2E/b", ("b",), ()),
        (b"http://h/../a", ("a",), ()),
    ],
)
def test_targets_as_servers_read_them(sent: bytes, segments: tuple[str, ...], parameters: object) -> None:
    """A fragment is no part of a target, and `.` and `..` lead where they lead everywhere."""
    read = target(sent)
    assert (read.segments, read.parameters) == (segments, parameters)
