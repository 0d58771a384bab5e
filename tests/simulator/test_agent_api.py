"""The Agent API of the simulator, with a plain client over real sockets."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater

from proxy.simulator.agent_api import AgentApi
from proxy.simulator.conf import GwsConf
from proxy.simulator.service import Simulator
from proxy.simulator.timers import Timers
from proxy.tevents.message import EVENT_USER_EVENT
from tests.simulator.desk import conf
from tests.simulator.net import as_dict
from tests.simulator.test_tserver import Case as TServerCase
from tests.simulator.web_desktop import NOTIFICATIONS, VOICE, Reply, WebDesktop
from tests.wire.test_samples import SAMPLES

DIALED = {"mode": "Progressive", "ocs": "dial_time = 0.01\nring_time = 0.01"}

POLLED = {
    "10_connect": "12_activate-channels",
    "15_connect": "14_ue_CampaignStatusRequest",
    "16_connect": "17_ue_PreviewRecordRequest",
    "18_connect": "19_ue_RecordReject",
    "20_connect": "21_ue_RecordProcessed",
    "23_connect": "22_ue_RequestRecordCancel",
}
"""Recorded polls, and the requests whose events answered them."""

WATCHED = {"36_connect": "stop", "38_connect": "unload", "40_connect": "load", "34_connect": "start"}
"""Recorded polls, and what an operator did."""


class Case(TServerCase):
    """Starts simulators with a GWS door, web desktops and others, and ends them after the test."""

    async def opened(self, campaign: str = "Sales", **options: Any) -> Simulator:
        """A simulator of desk.conf with these options, those of [gws] too."""
        own = {name: options.pop(name) for name in ("poll_timeout", "max_interval", "reply_delay") if name in options}
        door = GwsConf(listen="tcp:0:interface=127.0.0.1", **{"poll_timeout": 600, "max_interval": 600, **own})
        made = conf(**options)
        group = attrs.evolve(made.groups[0], name=f"{campaign}@Agents")
        self.simulator = Simulator(attrs.evolve(made, groups=(group,), gws=door), reactor)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.simulator.stop()))
        self.port = await self.simulator.start()
        assert self.simulator.agent_api is not None
        self.api = self.simulator.agent_api
        return self.simulator

    def timed(self) -> Clock:
        """From now on the Agent API's time passes when the test says so; nobody may have signed in yet."""
        clock, made = Clock(), self.simulator.conf
        assert made.gws is not None
        assert self.simulator.gws is not None
        self.api = AgentApi(self.simulator.tserver, made.agent_dns, made.gws, Timers(clock))
        self.addCleanup(self.api.end)
        self.api.hang_on(self.simulator.gws.root)
        return clock

    async def polling(self, page: WebDesktop, timeout: int | None = None) -> Deferred[Reply]:
        """A poll that has come, and waits."""
        before = self.api.bayeux.waiting
        waiting = page.connect(timeout)
        await self.until(lambda: self.api.bayeux.waiting > before)
        return waiting

    async def until(self, holds: Callable[[], bool]) -> None:
        """Let the reactor turn until something holds."""
        while not holds():
            await deferLater(reactor, 0)

    def browser(self) -> WebDesktop:
        """A browser that has not signed in."""
        browser = WebDesktop(self.simulator.ports["gws"])
        self.addCleanup(lambda: Deferred.fromCoroutine(browser.close()))
        return browser

    async def running(self, **options: Any) -> WebDesktop:
        """A web desktop at 3001, and the group runs."""
        await self.opened(**options)
        page = await self.browser().come("3001")
        await self.order("load")
        await self.order("start")
        return page


class Sessions(Case):
    async def test_a_user_signs_in(self) -> None:
        """The form is answered with a redirect that carries a code; the code becomes a session's cookie."""
        await self.opened()
        page = self.browser()
        reply = await page.form("/auth/v3/sign-in", username="\\JohnSmith", password="JohnSmith", wweURI="http://d/cb")
        where = urlsplit(reply.header("location"))
        assert (reply.status, f"{where.scheme}://{where.netloc}", where.path) == (302, page.base, "/workspace/v3/start")
        asked = parse_qs(where.query)
        assert asked["redirect_uri"] == ["http://d/cb"]
        reply = await page.post(f"/workspace/v3/initialize-workspace?code={asked['code'][0]}&redirect_uri=http://d/cb")
        assert (reply.status, list(page.cookies)) == (200, ["WORKSPACE_SESSIONID"])
        session = await page.request("GET", "/workspace/v3/current-session")
        assert session.body["data"]["user"]["userName"] == "JohnSmith"

    async def test_the_code_may_be_a_token_or_a_cookie(self) -> None:
        """What other clients do: a bearer token, or WWE_CODE set by /workspace/v3/start or by themselves."""
        await self.opened()
        code = await self.browser().sign_in("3001")
        bearer, redirected = self.browser(), self.browser()
        reply = await bearer.request("POST", "/workspace/v3/initialize-workspace", Authorization=f"Bearer {code}")
        assert (reply.status, list(bearer.cookies)) == (200, ["WORKSPACE_SESSIONID"])
        reply = await redirected.request("GET", f"/workspace/v3/start?code={code}&redirect_uri=http://desk/cb")
        assert (reply.status, reply.header("location")) == (302, "http://desk/cb")
        assert redirected.cookies == {"WWE_CODE": code}
        assert (await redirected.request("GET", "/workspace/v3/current-session")).status == 200

    async def test_who_is_not_signed_in_gets_nothing(self) -> None:
        """401 in JSON, for requests and for CometD, before the sign-in and after the logout."""
        await self.opened()
        page, stranger = await self.browser().come("3001"), self.browser()
        assert (await stranger.post("/workspace/v3/initialize-workspace?code=nothing")).status == 401
        reply = await stranger.post(NOTIFICATIONS, [{"channel": "/meta/handshake"}])
        assert (reply.status, reply.body["status"]["code"]) == (401, 401)
        waiting = await self.polling(page)
        assert (await page.post("/workspace/v3/logout")).body == {"status": {"code": 0}}
        assert (await waiting).body[0]["data"]["dn"]["agentState"] == "LoggedOut"
        assert (await page.connect()).status == 401

    async def test_an_agent_is_at_a_dn(self) -> None:
        """By the DN, by the place, by the agent's id; not at DNs that there are not, nor before activate-channels."""
        await self.opened()
        page = self.browser()
        await page.sign_in("Ann")
        assert (await page.say("CampaignStatusRequest")).status == 400
        for data, status in [
            ({"agentId": "Ann", "dn": "3001"}, 200),
            ({"agentId": "Ann", "placeName": "Place_3002"}, 200),
            ({"agentId": "3003", "placeName": "Place_JohnSmith"}, 200),
            ({"agentId": "3003", "dn": "9999"}, 400),
            ({"agentId": "Ann"}, 400),
        ]:
            assert (await page.post("/workspace/v3/activate-channels", {"data": data})).status == status, data
        session = await page.request("GET", "/workspace/v3/current-session")
        assert session.body["data"]["user"]["activeSession"] == {"dn": "3003"}
        assert [self.simulator.tserver.attended(dn) for dn in ("3001", "3002", "3003")] == [False, False, True]

    async def test_an_agent_without_a_page_is_gone(self) -> None:
        """A browser that does not come back frees its DN; one that loads its page anew does not."""
        await self.opened(max_interval=10)
        clock = self.timed()
        page, gone = await self.browser().come("3001"), await self.browser().come("3002")
        clock.advance(9)
        await page.connect(0)
        clock.advance(2)
        assert (await gone.connect(0)).body[0]["error"] == "402::Unknown client"
        assert self.simulator.tserver.attended("3002")
        clock.advance(7)
        await page.bayeux({"channel": "/meta/disconnect"}, to="/disconnect")
        clock.advance(2)
        await page.handshake()
        clock.advance(8)
        assert (self.simulator.tserver.attended("3001"), self.simulator.tserver.attended("3002")) == (True, False)
        await page.bayeux({"channel": "/meta/disconnect"}, to="/disconnect")
        clock.advance(10)
        assert not self.simulator.tserver.attended("3001")

    async def test_a_page_that_polls_is_there(self) -> None:
        """However long its polls take."""
        await self.opened(poll_timeout=30, max_interval=10)
        clock = self.timed()
        page = await self.browser().come("3001")
        for _ in range(3):
            waiting = await self.polling(page)
            clock.advance(29)
            assert self.api.bayeux.waiting
            clock.advance(1)
            [reply] = (await waiting).body
            assert reply == {"id": reply["id"], "channel": "/meta/connect", "successful": True}
        waiting = await self.polling(page, 5000)
        clock.advance(5)
        await waiting


class CometD(Case):
    async def test_a_handshake(self) -> None:
        """A clientId, advice, and a cookie for the browser, once."""
        await self.opened(poll_timeout=30)
        page = self.browser()
        await page.sign_in("3001")
        [reply] = (await page.handshake()).body
        assert reply == {
            "id": "1",
            "channel": "/meta/handshake",
            "successful": True,
            "clientId": page.client_id,
            "version": "1.0",
            "supportedConnectionTypes": ["long-polling"],
            "advice": {"reconnect": "retry", "timeout": 30000, "interval": 0},
        }
        assert "BAYEUX_BROWSER" in page.cookies
        assert (await page.connect(0)).header("set-cookie") is None

    async def test_a_poll_that_would_not_wait_is_answered_at_once(self) -> None:
        """With advice, since the client gave some."""
        await self.opened()
        page = await self.browser().come("3001")
        [reply] = (await page.connect(0)).body
        assert (reply["successful"], reply["advice"]["reconnect"]) == (True, "retry")

    async def test_a_second_poll_answers_the_first(self) -> None:
        """A page that polls twice has lost the first one: it gets an empty answer, events go to the second."""
        page = await self.running()
        await page.next(USER_EVENT="CampaignStarted")
        first = await self.polling(page)
        second = page.connect()
        assert [message["channel"] for message in (await first).body] == ["/meta/connect"]
        await page.say("CampaignStatusRequest")
        assert [message["channel"] for message in (await second).body] == [VOICE, "/meta/connect"]
        assert self.api.bayeux.doubled == 1

    async def test_an_unknown_client_must_shake_hands(self) -> None:
        """A clientId nobody has, none, or that of another session: unsuccessful, with that advice."""
        await self.opened()
        page, other = await self.browser().come("3001"), await self.browser().come("3002")
        for id in ("nobody", 7, other.client_id):
            [reply] = (await page.bayeux({"channel": "/meta/connect", "clientId": id}, to="/connect")).body
            assert (reply["successful"], reply["error"]) == (False, "402::Unknown client")
            assert reply["advice"] == {"reconnect": "handshake", "interval": 0}

    async def test_messages_come_in_batches(self) -> None:
        """Several in one request, each answered with its id; the first word on a channel rides on the same reply."""
        await self.opened()
        page = self.browser()
        await page.sign_in("Ann")
        await page.handshake()
        reply = await page.bayeux(
            {"id": "a", "channel": "/meta/subscribe", "subscription": "/workspace/v3/initialization"},
            {"id": 2, "channel": "/meta/subscribe", "subscription": [VOICE, "/workspace/v3/media/*"]},
            {"id": "c", "channel": "/meta/subscribe"},
            {"id": "d", "channel": VOICE, "data": {"not": "allowed"}},
            {"id": "e", "channel": "/meta/unsubscribe", "subscription": VOICE},
            {"id": "f"},
        )
        first, *replies = reply.body
        assert (first["channel"], first["data"]["state"]) == ("/workspace/v3/initialization", "Complete")
        assert first["data"]["data"]["user"]["userName"] == "Ann"
        assert [(each["id"], each["successful"]) for each in replies] == [
            ("a", True),
            (2, True),
            ("c", False),
            ("d", False),
            ("e", True),
            ("f", False),
        ]

    async def test_events_ride_on_any_reply(self) -> None:
        """What happened between two polls comes with the reply to whatever the page asks next."""
        page = await self.running()
        reply = await page.subscribe("/workspace/v3/statistics")
        assert [message["channel"] for message in reply.body] == [VOICE, VOICE, "/meta/subscribe"]
        said = [message["data"]["userData"]["GSW_USER_EVENT"] for message in reply.body[:-1]]
        assert said == ["CampaignLoaded", "CampaignStarted"]

    async def test_who_is_not_subscribed_hears_nothing(self) -> None:
        """Before subscribing, and after unsubscribing; a pattern is a subscription too."""
        page = await self.running()
        await page.next(USER_EVENT="CampaignStarted")
        for channel, heard in [(VOICE, 0), ("/workspace/v3/*", 1), ("/workspace/**", 1), ("/workspace/*", 0)]:
            await page.bayeux(
                {"channel": "/meta/unsubscribe", "subscription": [VOICE, "/workspace/v3/*", "/workspace/**"]}
            )
            if channel != VOICE:
                await page.subscribe(channel)
            await page.say("CampaignStatusRequest")
            assert len((await page.connect(0)).body) == heard + 1, channel

    async def test_events_wait_for_a_page_that_lost_its_poll(self) -> None:
        """A poll whose connection broke takes no event with it."""
        page = await self.running()
        await page.next(USER_EVENT="CampaignStarted")
        waiting = await self.polling(page)
        waiting.addErrback(lambda failure: None)
        waiting.cancel()
        await self.until(lambda: not self.api.bayeux.waiting)
        await page.say("CampaignStatusRequest")
        assert (await page.next(USER_EVENT="CampaignStarted"))["GSW_CAMPAIGN_NAME"] == "Sales"

    async def test_two_pages_of_a_session_hear_the_same(self) -> None:
        """A browser with two pages has two clients."""
        page = await self.running()
        await page.next(USER_EVENT="CampaignStarted")
        other = self.browser()
        other.cookies = page.cookies
        await other.handshake()
        await other.subscribe(VOICE)
        polls = [await self.polling(each) for each in (page, other)]
        await page.say("CampaignStatusRequest")
        for poll in polls:
            assert (await poll).body[0]["data"]["userData"]["GSW_USER_EVENT"] == "CampaignStarted"

    async def test_what_is_no_bayeux_is_refused(self) -> None:
        """400 for what is not JSON or no messages, and for WebSockets; 404 for what is not there."""
        await self.opened()
        page = await self.browser().come("3001")
        for body in (b"", b"{", b"[]", b"[1]", b"[" * 100_000):
            assert (await page.request("POST", NOTIFICATIONS, body)).status == 400
        assert (await page.request("GET", NOTIFICATIONS, Upgrade="websocket")).status == 400
        for path in (NOTIFICATIONS, "/workspace/v3/nothing", "/workspace/v2/current-session", "/auth/v3/sign-in"):
            assert (await page.request("GET", path)).status == 404, path

    async def test_the_simulator_may_end_while_polls_wait(self) -> None:
        """Nobody waits for ever."""
        simulator = await self.opened()
        page = await self.browser().come("3001")
        waiting = await self.polling(page)
        await simulator.stop()
        [reply] = (await waiting).body
        assert reply["advice"] == {"reconnect": "none", "interval": 0}


class Work(Case):
    async def test_an_agent_works_on_records(self) -> None:
        """The whole dialogue with OCS, as user events; the agent's own requests are not shown to the page."""
        page = await self.running(records=1)
        await page.say("CampaignStatusRequest")
        assert (await page.next())["GSW_USER_EVENT"] == "CampaignLoaded"
        assert (await page.next(CAMPAIGN_MODE="Preview"))["GSW_USER_EVENT"] == "CampaignStarted"
        assert (await page.next())["GSW_USER_EVENT"] == "CampaignStarted"
        reply = await page.say("PreviewRecordRequest", APPLICATION_ID=4113, CAMPAIGN_NAME="Sales")
        assert (reply.status, reply.body["status"], len(reply.body["operationId"])) == (200, {"code": 1}, 16)
        record = await page.next()
        assert record["GSW_USER_EVENT"] == "PreviewRecord"
        await page.say("RecordProcessed", RECORD_HANDLE=record["GSW_RECORD_HANDLE"], REFERENCE_ID=12, CALL_RESULT=33)
        done = await page.next()
        assert (done["GSW_USER_EVENT"], done["GSW_REFERENCE_ID"]) == ("RecordProcessedAcknowledge", 12)
        await page.say("PreviewRecordRequest", CAMPAIGN_NAME="Sales")
        assert (await page.next())["GSW_ERROR"] == "No Records Available"
        assert self.simulator.truth()["groups"][0]["left"] == 0

    async def test_an_event_comes_before_the_reply_that_caused_it(self) -> None:
        """A page that polls has the acknowledgement while the reply to its request is on its way."""
        await self.opened(reply_delay=0.1)
        clock = self.timed()
        page = self.browser()
        await page.sign_in("3001")
        await page.handshake()
        await page.subscribe(VOICE)
        waiting = await self.polling(page)
        activated = page.post("/workspace/v3/activate-channels", {"data": {"agentId": "Ann", "dn": "3001"}})
        assert (await waiting).body[0]["data"]["dn"]["agentState"] == "NotReady"
        assert not activated.called
        clock.advance(0.1)
        assert (await activated).status == 200

    async def test_all_desktops_of_a_dn_hear_the_same(self) -> None:
        """One at T-Server and one on the web, of the same agent."""
        page = await self.running()
        desktop = await self.desktop("desktop", "3001")
        await page.say("PreviewRecordRequest", CAMPAIGN_NAME="Sales", REFERENCE_ID=5)
        there = await desktop.said(USER_EVENT="PreviewRecord")
        assert await page.next(USER_EVENT="PreviewRecord") == there
        desktop.ask("3001", "RecordReject", RECORD_HANDLE=there["GSW_RECORD_HANDLE"])
        assert (await page.next())["GSW_USER_EVENT"] == "RecordRejectAcknowledge"

    async def test_values_have_the_type_they_say(self) -> None:
        """An int may be written as a string, a string as a number; lists may nest."""
        await self.opened()
        page, desktop = await self.browser().come("3001"), await self.desktop("desktop", "3001")
        data = [
            {"key": "a", "type": "int", "value": "7"},
            {"key": "b", "type": "str", "value": 8},
            {"key": "c", "value": 9},
            {"key": "d", "type": "kvlist", "value": [{"key": "e", "type": "str", "value": "ä"}]},
        ]
        assert (await page.post("/workspace/v3/voice/send-user-event", {"data": {"userData": data}})).status == 200
        said = as_dict((await desktop.next(EVENT_USER_EVENT)).user_data or [])
        assert (said["a"], said["b"], said["c"], as_dict(said["d"])) == (7, "8", 9, {"e": "ä"})
        assert (await page.next())["d"] == {"e": "ä"}
        wrong: list[Any] = [
            None,
            {},
            [1],
            [{"key": "a"}],
            [{"key": 1, "value": 1}],
            [{"key": "a", "value": None}],
            [{"key": "a", "type": "int", "value": "x"}],
            [{"key": "a", "type": "int", "value": 1 << 40}],
        ]
        for each in wrong:
            reply = await page.post("/workspace/v3/voice/send-user-event", {"data": {"userData": each}})
            assert (reply.status, reply.body["status"]["code"]) == (400, 400), each
        assert (await page.post("/workspace/v3/voice/send-user-event", {"data": []})).status == 400

    async def test_a_call_is_shown_with_its_user_data(self) -> None:
        """CallStateChanged: user data as key, type and value, which the agent can add to, change and take away."""
        page = await self.running(**DIALED)
        states: list[str] = []
        while "Established" not in states:
            await page.connect()
            states = [event["data"]["call"]["state"] for event in page.events if "call" in event["data"]]
        assert states == ["Ringing", "Established"]
        call = page.events[-1]["data"]["call"]
        [handle] = [each for each in call["userData"] if each["key"] == "GSW_RECORD_HANDLE"]
        assert (handle["type"], handle["value"]) == ("int", 1)
        path = f"/workspace/v3/voice/calls/{call['id']}"
        [shown] = (await page.request("GET", "/workspace/v3/voice/calls")).body["data"]["calls"]
        assert shown["id"] == call["id"]
        pair = {"key": "Colour", "type": "str", "value": "red"}
        for operation, data, colours in [
            ("attach-user-data", {"userData": [pair]}, ["red"]),
            ("attach-user-data", {"userData": [{**pair, "value": "blue"}]}, ["red", "blue"]),
            ("update-user-data", {"userData": [{**pair, "value": "green"}]}, ["green"]),
            ("delete-user-data-pair", {"key": "Colour"}, []),
        ]:
            assert (await page.post(f"{path}/{operation}", {"data": data})).status == 200
            page.events.clear()
            await page.connect()
            told = page.events[-1]["data"]
            assert told["notificationType"] == "AttachedDataChanged"
            assert [each["value"] for each in told["call"]["userData"] if each["key"] == "Colour"] == colours
        assert (await page.post(f"{path}/delete-user-data-pair", {"data": {}})).status == 400
        assert (await page.post(f"{path}/release", {})).status == 200
        assert (await page.post(f"{path}/release", {})).status == 404
        await page.connect()
        assert page.events[-1]["data"]["call"]["state"] == "Released"

    async def test_an_agent_is_ready_or_not(self) -> None:
        """DnStateChanged; the switch refuses what cannot be, and the reply says so."""
        await self.opened()
        page = await self.browser().come("3001")
        for operation in ("not-ready", "ready", "logout"):
            assert (await page.post(f"/workspace/v3/voice/{operation}")).status == 200
        await page.connect(0)
        states = [event["data"]["dn"]["agentState"] for event in page.events]
        assert states == ["NotReady", "Ready", "NotReady", "Ready", "LoggedOut"]
        assert (await page.post("/workspace/v3/voice/ready")).body["status"]["message"] == "Set in wrong state"


class Samples(Case):
    async def test_recorded_requests_get_replies_of_the_recorded_shape(self) -> None:
        """The requests of real exchanges: status, content type and keys of each reply are those recorded."""
        self.recorded = {file.stem: json.loads(file.read_text("utf-8")) for file in (SAMPLES / "agent-api").glob("*")}
        if not self.recorded:
            pytest.skip(f"there are no samples in {SAMPLES}: TEVENT_PROXY_SAMPLES can say where they are")
        options = {"agents": "+33298025003", "ocs": "dbid = 1\nacks = bare", "poll_timeout": 30}
        await self.opened("Pull Preview Campaign", **options)
        self.page = self.browser()
        await self.order("load")
        await self.order("start")
        signed_in = await self.replayed("01_sign-in")
        code = parse_qs(urlsplit(signed_in.header("location")).query)["code"][0]
        self.page.cookies["WWE_CODE"] = code
        self.page.client_id = (await self.replayed("03_handshake")).body[0]["clientId"]
        await self.replayed("05_subscribe_voice")
        await self.replayed("09_connect")
        for poll, request in POLLED.items():
            handle = await self.record() if request in ("19_ue_RecordReject", "21_ue_RecordProcessed") else 1
            polled = await self.waiting(poll)
            await self.replayed(request, handle)
            await polled
            await self.page.connect(0)
        for poll, order in WATCHED.items():
            polled = await self.waiting(poll)
            await self.order(order)
            await polled

    async def record(self) -> int:
        """The agent gets one; its handle."""
        await self.page.say("PreviewRecordRequest")
        handle: int = (await self.page.next(USER_EVENT="PreviewRecord"))["GSW_RECORD_HANDLE"]
        return handle

    async def waiting(self, name: str) -> Deferred[Reply]:
        """A recorded poll that has come, and is to be answered later."""
        polled = Deferred.fromCoroutine(self.replayed(name))
        await self.until(lambda: self.api.bayeux.waiting == 1)
        return polled

    async def replayed(self, name: str, handle: int = 1) -> Reply:
        """One recorded request, with the cookies, clientId and handle of now; its reply is compared."""
        asked, recorded = self.recorded[name]["request"], self.recorded[name]["response"]
        body = asked["body"]
        if isinstance(body, dict) and "username" in body:
            reply = await self.page.form(asked["path"], **body)
        else:
            reply = await self.page.post(asked["path"], self.renamed(body, handle))
        assert (reply.status, envelope(reply.body)) == (recorded["status"], envelope(recorded["body"] or None)), name
        if recorded["body"]:
            types = reply.header("content-type"), dict(recorded["headers"])["Content-Type"]
            assert len({type.partition(";")[0] for type in types}) == 1, types
        return reply

    def renamed(self, body: Any, handle: int) -> Any:
        if isinstance(body, list):
            return [self.renamed(each, handle) for each in body]
        if not isinstance(body, dict):
            return body
        if body.get("key") == "GSW_RECORD_HANDLE":
            return {**body, "value": handle}
        whole = {key: self.renamed(value, handle) for key, value in body.items()}
        return {**whole, "clientId": self.page.client_id} if "clientId" in body else whole


def envelope(body: Any) -> Any:
    """All names and values, but for those that differ from day to day; of OCS's words the event and the reference."""
    if isinstance(body, list):
        return [envelope(each) for each in body]
    if not isinstance(body, dict):
        return body
    return {key: _OPAQUE[key](value) if key in _OPAQUE else envelope(value) for key, value in body.items()}


_OPAQUE: dict[str, Any] = {
    "userData": lambda said: {key: said[key] for key in ("GSW_USER_EVENT", "GSW_REFERENCE_ID") if key in said},
    "clientId": len,
    "operationId": len,
    "channels": type,
    "capabilities": type,
    "timestamp": type,
    "agentState": type,
}
