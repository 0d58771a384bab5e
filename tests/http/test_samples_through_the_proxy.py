"""The exchanges recorded at the vendor's simulator of the Agent API, over real sockets, through the whole service.

The server replies what was recorded, the browser sends what was recorded; between them is a proxy as a conf file makes
it. A poll is sent on a connection of its own, as browsers do, and is answered when the next one is due.
"""

from __future__ import annotations

import json
from random import Random

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from proxy.config import parse
from proxy.service import ProxyService
from tests.http.net import Door, End, HttpTestCase, body_of, whole_messages
from tests.http.test_web_samples import Exchange, recorded

CONF = """
[gws]
listen = tcp:0:interface=127.0.0.1
upstream = http://{authority}
[completion]
by = {by}
attribute = force
"""


def on_the_wire(exchange: Exchange) -> bytes:
    """The request as a client sends it."""
    head = f"{exchange.method} {exchange.path} HTTP/1.1\r\nHost: gws.example\r\nCookie: {exchange.cookie}\r\n"
    return f"{head}Content-Length: {len(exchange.asked)}\r\n\r\n".encode() + exchange.asked


def recorded_reply(exchange: Exchange) -> bytes:
    """The reply as the server sends it: the recorded headers, the length that of the compact body."""
    kept = [
        b"%b: %b\r\n" % (name, value)
        for name, value in exchange.headers
        if name.lower() not in (b"content-length", b"connection", b"keep-alive", b"transfer-encoding")
    ]
    head = b"HTTP/1.1 %d Recorded\r\n%bContent-Length: %d\r\n\r\n"
    return head % (exchange.status, b"".join(kept), len(exchange.replied)) + exchange.replied


class SamplesTests(HttpTestCase):
    """A browser, the proxy, and a server that has been recorded."""

    async def raise_proxy(self, by: str) -> None:
        """The service, before a server."""
        self.server: Door
        self.server, at = await self.door()
        self.service = ProxyService(parse(CONF.format(authority=at.authority, by=by)), reactor, chance=Random(1))
        await self.service.begin()
        self.service.running = True
        self.addCleanup(self._stop)
        self.asked_of: dict[End, int] = {}

    def _stop(self) -> Deferred[None]:
        stopped = self.service.stopService()
        self.service.hurry()
        return stopped

    async def browser(self) -> End:
        """A connection to the proxy."""
        return await self.client(self.service.channels[0].relay)

    async def arrives(self) -> tuple[End, bytes]:
        """The request that has come whole to the server, and its connection."""

        def news() -> list[End]:
            return [end for end in self.server.ends if whole_messages(bytes(end.received)) > 0]

        await self.until(lambda: bool(news()))
        [end] = news()
        received = bytes(end.received)
        end.received.clear()
        return end, received

    async def takes(self, browser: End, exchange: Exchange) -> None:
        """The reply reaches the browser: its body is the recorded one."""
        await browser.when(lambda: whole_messages(bytes(browser.received)) > 0)
        received = bytes(browser.received)
        browser.received.clear()
        assert received.startswith(b"HTTP/1.1 %d " % exchange.status), exchange.name
        assert body_of(received) == exchange.replied, exchange.name
        for name, value in exchange.headers:
            if name.lower() in (b"set-cookie", b"content-type", b"x-powered-by"):
                assert b"\r\n%b: %b\r\n" % (name, value) in received, exchange.name

    async def play(self, by: str) -> dict[str, dict]:
        """All exchanges; what the groups say then, by name."""
        await self.raise_proxy(by)
        ordinary, polls = await self.browser(), await self.browser()
        waiting: tuple[Exchange, End] | None = None
        for exchange in recorded():
            if exchange.is_poll and waiting is not None:
                await self.answer(*waiting, polls)
                waiting = None
            browser = polls if exchange.is_poll else ordinary
            browser.write(on_the_wire(exchange))
            upstream, request = await self.arrives()
            assert body_of(request) == exchange.asked, exchange.name
            assert b"\r\nHost: gws.example\r\n" in request, exchange.name
            if exchange.is_poll:
                waiting = exchange, upstream
            else:
                await self.answer(exchange, upstream, ordinary)
                if waiting is not None:
                    await self.answer(*waiting, polls)
                    waiting = None
        if waiting is not None:
            await self.answer(*waiting, polls)
        return {str(group["name"]): group for group in self.service.board.status()}

    async def answer(self, exchange: Exchange, upstream: End, browser: End) -> None:
        """The server replies; the browser gets it."""
        upstream.write(recorded_reply(exchange))
        await self.takes(browser, exchange)

    async def counted(self, by: str) -> None:
        groups = await self.play(by)
        pull = groups["Pull Preview Campaign"]
        self.assertEqual(
            {key: pull[key] for key in ("state", "delivered", "outstanding", "finalized", "returned", "scheduled")},
            {"state": "unloaded", "delivered": 1, "outstanding": 0, "finalized": 1, "returned": 0, "scheduled": 0},
        )
        self.assertEqual(groups["Push Preview Campaign"]["state"], "loaded")
        self.assertEqual(self.service.board.failed, 0)
        self.assertEqual(self.service.channels[0].looked()["rewritten"], 0)

    async def test_watched(self) -> None:
        """`by = nobody`: every body is identical in both directions, and the counters are what the exchanges say."""
        await self.counted("nobody")

    async def test_with_the_attribute_forced(self) -> None:
        """`by = dialer`, `attribute = force`: none of these requests may bear it, so none of them is changed."""
        await self.counted("dialer")


def test_what_is_played() -> None:
    """The recording holds what the plays rely on: polls, requests of a desktop, and a record that is delivered."""
    exchanges = recorded()
    assert sum(each.is_poll for each in exchanges) >= 10
    assert any("RecordProcessed" in json.dumps(json.loads(each.asked)) for each in exchanges if each.asked[:1] == b"{")
