"""A web desktop over real sockets: the relay, the custody of long polls, and an upstream that is scripted."""

from __future__ import annotations

import itertools
import json
from typing import Any

from twisted.internet import reactor

from proxy.campaign.observation import GroupNames, NotifyAgent, Word
from proxy.http.desktops.desktops import WebDesktops
from proxy.http.desktops.polls import Counts
from proxy.http.turns import Replies, RequestHead, Turn
from tests.http.net import End, HttpTestCase, body_of, reply, whole_messages
from tests.http.web_desk import FakeBoard, dn_state, poll, polled, subscribed, subscription, told

HANDSHAKE = {"id": "1", "channel": "/meta/handshake", "successful": True, "clientId": "tab"}


class DesktopsOnly:
    """A site that looks at web desktops and at nothing else."""

    def __init__(self, board: FakeBoard) -> None:
        self.board = board
        self.exchanges: Any = None
        self._desktops: WebDesktops | None = None

    @property
    def desktops(self) -> WebDesktops:
        if self._desktops is None:
            numbers = itertools.count(1001)
            self._desktops = WebDesktops(self.board, numbers, reactor, self.exchanges, Counts())
        return self._desktops

    def wants(self, head: RequestHead) -> bool:
        return self.desktops.wants(head)

    def passing(self, turn: Turn, why: str | None) -> Replies | None:
        return self.desktops.passing(turn, why)

    def whole(self, turn: Turn, body: bytes) -> None:
        self.desktops.whole(turn, body)

    def tunnelled(self, turn: Turn) -> None:
        self.desktops.tunnelled(turn)

    def gone(self, connection: int) -> None:
        self.desktops.gone(connection)


def request(content: Any, path: str = "") -> bytes:
    body = json.dumps(content).encode()
    head = f"POST /workspace/v3/notifications{path} HTTP/1.1\r\nHost: proxy\r\nCookie: WORKSPACE_SESSIONID=one\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body


def messages(*content: Any) -> bytes:
    return reply(
        json.dumps(content).encode(), "200 OK", "Content-Type: application/json", "Access-Control-Allow-Origin: x"
    )


class WebRelayTests(HttpTestCase):
    """A browser with keep-alive connections, the relay, and its upstream."""

    async def loaded(self) -> End:
        """A page that has shaken hands, subscribed, and been told its DN; the connection on which it polls."""
        self.board = FakeBoard()
        self.relay, browser = await self.between(site=DesktopsOnly(self.board))
        self.addCleanup(lambda: self.site.desktops.close())
        self.asked_of: dict[End, int] = {}
        await self.exchanged(
            browser, request([{"id": "1", "channel": "/meta/handshake"}], "/handshake"), messages(HANDSHAKE)
        )
        await self.exchanged(browser, request([subscription()]), messages(dn_state(), subscribed()))
        return browser

    async def exchanged(self, browser: End, asked: bytes, replied: bytes) -> bytes:
        browser.write(asked)
        upstream = await self.upstream_has()
        upstream.write(replied)
        return await self.answered(browser)

    async def upstream_has(self) -> End:
        """The connection over which one request more has come whole."""

        def asked_anew() -> list[End]:
            counts = ((end, whole_messages(bytes(end.received))) for end in self.upstream.ends)
            return [end for end, count in counts if count > self.asked_of.get(end, 0)]

        await self.until(lambda: bool(asked_anew()))
        [end] = asked_anew()
        self.asked_of[end] = whole_messages(bytes(end.received))
        return end

    async def answered(self, browser: End) -> bytes:
        """One more reply, which is taken from what was received."""
        await browser.when(lambda: whole_messages(bytes(browser.received)) >= 1)
        got = bytes(browser.received)
        del browser.received[:]
        return got

    def tell(self, word: Word) -> None:
        [session] = self.board.sessions.values()
        assert session.tell(NotifyAgent(1001, "3001", word, GroupNames(campaign="Sales"), ()))

    async def test_a_poll_is_answered_at_once_and_its_upstream_poll_handed_on(self) -> None:
        """The agent is told while the server has nothing to say; the server never sees a second poll."""
        browser = await self.loaded()
        browser.write(request([poll("5")], "/connect"))
        upstream = await self.upstream_has()
        assert b"X-Forwarded-For: 127.0.0.1\r\n" in upstream.received
        self.tell(Word.STOPPED)
        first = await self.answered(browser)
        assert b"\r\nAccess-Control-Allow-Origin: x\r\n" in first
        event, connect = json.loads(body_of(first))
        assert event["data"]["userData"]["GSW_USER_EVENT"] == "CampaignStopped"
        assert connect == polled("5")
        browser.write(request([poll("6")], "/connect"))
        await self.until(lambda: self.site.desktops.present()["polls_waiting"] == 1)
        upstream.write(messages(told(), polled("5")))
        assert json.loads(body_of(await self.answered(browser))) == [told(), polled("6")]
        assert sum(bytes(end.received).count(b"/connect HTTP/1.1") for end in self.upstream.ends) == 1

    async def test_a_browser_that_leaves_in_a_poll(self) -> None:
        """What the server says meanwhile waits for it, though it comes on another connection."""
        browser = await self.loaded()
        browser.write(request([poll("5")], "/connect"))
        upstream = await self.upstream_has()
        browser.reset()
        await self.until(lambda: self.site.desktops.present()["polls_waiting"] == 0)
        text = messages(told(), polled("5"))
        upstream.write(text)
        await self.until(lambda: self.site.desktops.counts.kept == 1)
        later = await self.client()
        later.write(request([poll("5")], "/connect"))
        assert await self.answered(later) == text

    async def test_an_upstream_that_dies_in_a_poll(self) -> None:
        """The browser gets 502 with JSON, and its next poll is a new one."""
        browser = await self.loaded()
        browser.write(request([poll("5")], "/connect"))
        upstream = await self.upstream_has()
        upstream.reset()
        got = await self.answered(browser)
        assert got.startswith(b"HTTP/1.1 502 ")
        assert "error" in json.loads(body_of(got))
        browser.write(request([poll("6")], "/connect"))
        again = await self.upstream_has()
        again.write(messages(polled("6")))
        assert json.loads(body_of(await self.answered(browser))) == [polled("6")]

    async def test_a_compressed_reply(self) -> None:
        """It goes to the browser as it comes, byte for byte."""
        browser = await self.loaded()
        browser.write(request([poll("5")], "/connect"))
        upstream = await self.upstream_has()
        text = reply(b"\x1f\x8b\x08...", "200 OK", "Content-Encoding: gzip")
        upstream.write(text)
        assert await self.answered(browser) == text
        assert self.site.desktops.counts.blind == 1

    async def test_a_compressed_reply_that_nobody_waits_for(self) -> None:
        """It waits upstream for the next poll, and none of it is lost."""
        browser = await self.loaded()
        browser.write(request([poll("5")], "/connect"))
        upstream = await self.upstream_has()
        browser.reset()
        await self.until(lambda: self.site.desktops.present()["polls_waiting"] == 0)
        text = reply(b"\x1f\x8b\x08...", "200 OK", "Content-Encoding: gzip")
        upstream.write(text)
        await self.until(lambda: self.site.desktops.counts.blind == 1)
        later = await self.client()
        later.write(request([poll("6")], "/connect"))
        assert await self.answered(later) == text

    async def test_a_redirect_on_a_poll(self) -> None:
        """It leads to the proxy, as the browser addressed it."""
        browser = await self.loaded()
        browser.write(request([poll("5")], "/connect"))
        upstream = await self.upstream_has()
        upstream.write(reply(b"", "302 Found", f"Location: http://{self.at.authority}/login"))
        got = await self.answered(browser)
        assert got.startswith(b"HTTP/1.1 302 ")
        assert b"\r\nLocation: http://proxy/login\r\n" in got
