"""Campaign groups over HTTP: what clients send with curl, and a group that lives on three channels at once."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from proxy.channel import Channel
from proxy.simulator.arrivals import Answering, Arrival, NotingSite
from proxy.simulator.group import CampaignGroup, Refused
from proxy.simulator.httpclient import HttpUri
from proxy.simulator.httpoperator import at_gws, at_ocs, give
from proxy.simulator.operator import Order
from proxy.simulator.reporting import StatusReports
from proxy.simulator.vocabulary import Refusal
from tests.e2e.stage import Client, Stage, StageReactor
from tests.ports import kept
from tests.simulator.web import curl
from tests.simulator.web_desktop import WebDesktop

LISTEN = "listen = tcp:0:interface=127.0.0.1\n"
DOORS = f"[ocs-http]\n{LISTEN}[gws]\n{LISTEN}"
CHANNELS = f"""
campaign_id = 101
group_id = 732
[ocs-http]
{LISTEN}
upstream = http://127.0.0.1:OCS_HTTP_PORT
[gws]
{LISTEN}
upstream = http://127.0.0.1:GWS_PORT
"""

OCS_LOAD, OCS_BARE = b'{"GSW_AUTO_COMPLETION": 1}', b"{}"
GWS_LOAD = (
    b'{"data": {"campaignId": 101, "requestProperties": [{"key": "GSW_AUTO_COMPLETION", "value": 1}], "groupId": 732}}'
)
GWS_BARE = GWS_LOAD.replace(b'{"key": "GSW_AUTO_COMPLETION", "value": 1}', b"")
"""The vendor's samples, and the same without the attribute."""

CARRIED = frozenset({b"content-length", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"})
"""Headers that a proxy may change, or add."""


class HttpStage(Stage):
    """A stage with the doors over HTTP, and the proxy before them."""

    async def raise_http(self, completion: str, records: int = 6, ocs: str = "") -> None:
        """Simulator and proxy begin. Further lines of [completion], and of [ocs]."""
        await self.raise_curtain(records, f"{ocs}\n{DOORS}", completion, CHANNELS)

    async def browser(self, dn: str) -> WebAgent:
        """An agent in a browser, through the proxy."""
        web = await WebAgent(self.port("gws")).come(dn)
        self.addCleanup(lambda: Deferred.fromCoroutine(web.leave()))
        return web

    async def order(self, request: str) -> None:
        """An order through GWS, and the proxy before it."""
        posted = at_gws(Order(request, campaign_id=101, group_id=732), 4113)
        answer = await give(posted, f"http://127.0.0.1:{self.port('gws')}", 10, StageReactor(self.clock))
        assert answer["answer"] == "accepted", answer

    def channel(self, name: str) -> Channel:
        """A channel of the proxy."""
        return next(each for each in self.proxy.channels if each.name == name)

    def port(self, name: str) -> int:
        """Where it listens."""
        port: int = self.channel(name).connections.ports[0].getHost().port
        return port


class TestWhatArrives(HttpStage):
    """Requests sent with curl, through the proxy: only the attribute differs."""

    async def sent(self, name: str, target: str, body: bytes, *more: str) -> tuple[Arrival, Any]:
        """What arrives of a request sent through the proxy, and its reply; and the proxy changes nothing else in it.

        That is: sent to the simulator itself it arrives with the same headers. (There its target has an x more: it is
        to be noted, not to be done again.)
        """
        site = self.site(name)
        arguments = ["-X", "POST", "-H", "Host: ocs.example", "-H", "x-Odd: 1", "-H", "X-odd:2", "-H", "Cookie: a=b"]
        arguments += ["--data-binary", body.decode("utf-8"), *more]
        reply = json.loads(await curl(*arguments, f"http://127.0.0.1:{self.port(name)}{target}"))
        through = site.arrived[-1]
        await curl(*arguments, f"http://127.0.0.1:{self.simulator.ports[name]}{target}x")
        straight = site.arrived[-1]
        assert straight.target == through.target + b"x"
        assert through.method == straight.method
        assert through.target == target.encode("ascii")
        assert own(through) == own(straight)
        assert straight.body == body
        return through, reply

    def site(self, name: str) -> NotingSite:
        """The simulator's door."""
        site = {"ocs-http": self.simulator.ocs_http, "gws": self.simulator.gws}[name]
        assert site is not None
        return site

    async def arrive(self, policy: str, *expected: bytes) -> None:
        """Of the vendor's two requests with and without the attribute these bodies arrive, and the group is loaded."""
        await self.raise_http(f"attribute = {policy}\ncontrol = ocs-http")
        load, unload = "/campaigngroups/101?req=Load", "/campaigngroups/101?req=ForceUnload"
        targets = {"ocs-http": load, "gws": "/ocs/v3/servers/4113/load-campaign"}
        sent = [("ocs-http", OCS_LOAD), ("ocs-http", OCS_BARE), ("gws", GWS_LOAD), ("gws", GWS_BARE)]
        for (name, body), arrives in zip(sent, expected, strict=True):
            arrived, reply = await self.sent(name, targets[name], body)
            assert arrived.body == arrives, (name, body)
            done = {"GSW_CM_AttrSessionID": 101} if name == "ocs-http" else {"status": {"code": 0}}
            assert reply == done
            armed = b'"GSW_AUTO_COMPLETION' in arrives
            assert self.simulator.ocs.groups[0].armed is armed
            await self.state("loaded")
            assert self.group()["armed"] is (armed or body in (OCS_LOAD, GWS_LOAD))
            # Load, Start and SetDialingMode alone may bear it, whatever the policy.
            arrived, _reply = await self.sent("ocs-http", unload, OCS_LOAD)
            assert arrived.body == OCS_BARE
            await self.state("unloaded")

    async def test_keep(self) -> None:
        """`attribute = keep`: as the client sent it."""
        await self.arrive("keep", OCS_LOAD, OCS_BARE, GWS_LOAD, GWS_BARE)

    async def test_add(self) -> None:
        """`attribute = add`: it is there, as the vendor writes it."""
        await self.arrive("add", OCS_LOAD, OCS_LOAD, GWS_LOAD, GWS_LOAD)

    async def test_force(self) -> None:
        """`attribute = force`: it is there."""
        await self.arrive("force", OCS_LOAD, OCS_LOAD, GWS_LOAD, GWS_LOAD)

    async def test_remove(self) -> None:
        """`attribute = remove`: OCS never sees it; the group is armed as its client asked."""
        await self.arrive("remove", OCS_BARE, OCS_BARE, GWS_BARE, GWS_BARE)

    async def test_values_that_are_not_one(self) -> None:
        """A 0 is left by keep and add, made 1 by force, taken out by remove; nothing else of the body changes."""
        zero = b'{"x":1.50,\t"GSW_AUTO_COMPLETION":0 , "x": "\\u00e4\xc3\xa4" }'
        await self.raise_http("attribute = force\ncontrol = ocs-http")
        arrived, _reply = await self.sent("ocs-http", "/campaigngroups/101?req=Load", zero)
        assert arrived.body == zero.replace(b":0 ", b":1 ")

    async def test_everything_else_is_left_alone(self) -> None:
        """Other resources, methods and parts of GWS: the attribute is no business of the proxy's there."""
        await self.raise_http("attribute = remove\ncontrol = ocs-http")
        for name, target in (
            ("ocs-http", "/records/5?req=Cancel"),
            ("ocs-http", "/campaigngroups/101"),
            ("ocs-http", "/elsewhere?req=Load"),
            ("gws", "/ocs/v3/other/4113/load-campaign"),
        ):
            for body in (OCS_LOAD, GWS_LOAD, b"not JSON"):
                arrived, _reply = await self.sent(name, target, body)
                assert arrived.body == body, target
        arrived, _reply = await self.sent("ocs-http", "/campaigngroups/101?req=Load", OCS_LOAD, "-X", "PUT")
        assert (arrived.method, arrived.body) == (b"PUT", OCS_LOAD)

    async def test_bodies_in_chunks(self) -> None:
        """curl sends chunks where it is told to: the body arrives, with the attribute."""
        await self.raise_http("attribute = add\ncontrol = ocs-http")
        url = f"http://127.0.0.1:{self.port('ocs-http')}/campaigngroups/101?req=Load"
        await curl("-H", "Transfer-Encoding: chunked", "-d", '{"x": 1}', url)
        assert self.site("ocs-http").arrived[-1].body == b'{"x": 1, "GSW_AUTO_COMPLETION": 1}'
        assert self.simulator.ocs.groups[0].armed

    async def refused(self, doors: str) -> None:
        """A Start that is refused reaches its client as OCS says it, and does not disarm the group (R3)."""
        await self.raise_curtain(6, doors, "attribute = keep\ncontrol = ocs-http", CHANNELS)
        for request, state in (("Load", "loaded"), ("Start", "running")):
            await self.sent("ocs-http", f"/campaigngroups/101?req={request}", OCS_LOAD)
            await self.state(state)
        assert self.group()["armed"]
        _arrived, reply = await self.sent("ocs-http", "/campaigngroups/101?req=Start", OCS_BARE)
        assert reply["GSW_ERROR"] == "Campaign group is not loaded, or runs already"
        assert self.group()["armed"]
        _arrived, reply = await self.sent("gws", "/ocs/v3/servers/4113/start-dialing", GWS_BARE)
        assert reply["status"]["code"] == 2
        await self.passes(30, 1)
        assert self.group()["armed"]
        await self.sent("ocs-http", "/campaigngroups/101?req=SetDialingMode", OCS_BARE)
        await self.in_time(lambda: not self.group()["armed"])

    async def test_an_ocs_that_refuses_by_status(self) -> None:
        """Refusals are HTTP errors."""
        await self.refused(DOORS)

    async def test_an_ocs_that_refuses_in_the_body(self) -> None:
        """Refusals are 200 with GSW_ERROR."""
        await self.refused(DOORS.replace("[gws]", "http_errors = body\n[gws]"))


def own(arrival: Arrival) -> list[tuple[bytes, bytes]]:
    """The headers that are the client's own."""
    return [(name, value) for name, value in arrival.headers if name.lower() not in CARRIED]


class WebAgent:
    """An agent in a browser, through the proxy: polls all the time, and keeps what came."""

    def __init__(self, port: int) -> None:
        self._desktop = WebDesktop(port)
        self._doing: set[Deferred[Any]] = set()
        self._is_leaving = False

    async def come(self, dn: str) -> WebAgent:
        """Sign in, and begin to poll."""
        await self._desktop.come(dn)
        self._do(Deferred.fromCoroutine(self._poll()))
        return self

    def _do(self, doing: Deferred[Any]) -> None:
        """What is still under way when the browser is closed is cut off, and that is no mistake."""

        def done(result: object) -> object:
            self._doing.discard(doing)
            return None if self._is_leaving else result

        self._doing.add(doing)
        doing.addBoth(done)

    async def _poll(self) -> None:
        while True:
            await self._desktop.connect()

    async def leave(self) -> None:
        """Close the browser."""
        self._is_leaving = True
        for each in list(self._doing):
            each.cancel()
        await self._desktop.close()

    @property
    def data(self) -> list[dict[str, Any]]:
        """The user data of all user events that came, in order."""
        said = [event["data"] for event in self._desktop.events]
        return [each["userData"] for each in said if each.get("messageType") == "EventUserEvent"]

    def heard(self, key: str = "GSW_USER_EVENT") -> list[Any]:
        """The values of a key in all user events that came, in order."""
        return [data[key] for data in self.data if key in data]

    def ask(self, request: str, **values: str | int) -> None:
        """A desktop's request to OCS."""
        keys = {key.removeprefix("GSW_"): value for key, value in values.items()}
        self._do(self._desktop.say(request, CAMPAIGN_NAME="Sales", **keys))


class TestThreeChannels(HttpStage):
    """Loaded over GWS, worked on over T-Events and in a browser, completed over OCS HTTP."""

    async def play(self, ocs: str) -> None:
        await self.raise_http("attribute = add\ncontrol = ocs-http", records=9, ocs=ocs)
        agents: list[Client | WebAgent] = [await self.client("3001"), await self.client("3002")]
        agents.append(await self.browser("3003"))
        await self.order("load")
        await self.state("loaded")
        assert self.simulator.ocs.groups[0].armed
        await self.order("start")
        await self.state("running")
        await self.until(lambda: all("CampaignStarted" in agent.heard() for agent in agents))
        assert self.group()["armed"]
        for agent in agents:
            await self.finish_records(agent, 3)  # type: ignore[arg-type]
        assert self.group()["agents"] == ["3001", "3002", "3003"]
        agents[0].ask("PreviewRecordRequest")
        await self.until(lambda: agents[0].heard("GSW_ERROR"))
        await self.in_time(lambda: "CampaignUnloaded" in agents[0].heard())
        # At once: the browser's poll is answered, it need not come to its end first.
        assert all("CampaignUnloaded" in agent.heard() for agent in agents)
        await self.passes(120, 5)
        for agent in agents:
            words = [word for word in agent.heard() if word.startswith("Campaign")]
            assert words == ["CampaignLoaded", "CampaignStarted", "CampaignStopped", "CampaignUnloaded"]
        truth = self.ocs()
        assert (truth["state"], truth["left"], truth["out"], truth["finalized"]) == ("not_loaded", 0, 0, 9)
        assert {name: truth["accepted"][name] for name in ("load", "start", "stop", "unload")} == dict.fromkeys(
            ("load", "start", "stop", "unload"), 1
        )
        assert self.simulator.ocs_http is not None
        own_requests = [(each.method, each.target) for each in self.simulator.ocs_http.arrived]
        assert own_requests == [
            (b"POST", b"/campaigngroups/101?req=Stop"),
            (b"POST", b"/campaigngroups/101?req=Unload"),
        ]
        assert self.group()["state"] == "unloaded"

    async def test_an_ocs_that_tells_no_agent(self) -> None:
        """OCS tells no agent that it is over: the proxy tells all three, once."""
        await self.play("notify_agents = no")
        assert self.channel("gws").looked()["injected"] == 2

    async def test_an_ocs_that_tells_its_agents(self) -> None:
        """OCS tells them itself: nobody hears anything twice."""
        await self.play("acks = bare")


class TestOperators(HttpStage):
    """The simulator's own operator, through the proxy."""

    async def test_an_operator_over_http(self) -> None:
        """Load, start, stop, unload over OCS HTTP, each seen, and none of them the proxy's."""
        await self.raise_http("attribute = add\ncontrol = ocs-http")
        for request, state in (("load", "loaded"), ("start", "running"), ("stop", "loaded"), ("unload", "unloaded")):
            uri = f"http://127.0.0.1:{self.port('ocs-http')}"
            answer = await give(at_ocs(Order(request, dbid=101)), uri, 10, StageReactor(self.clock))
            assert answer["answer"] == "accepted"
            await self.in_time(lambda: self.group()["state"] == state)  # noqa: B023
        assert self.group()["completions"] == 0


class TestCompletionOverHttp(HttpStage):
    """`control = ocs-http`, and all that can happen to a Stop and an Unload on their way."""

    async def nearly_done(self, ocs: str = "notify_agents = no") -> Client:
        """A group that has only to be completed; the agent who has heard that there are no more records."""
        await self.raise_http("attribute = add\ncontrol = ocs-http", records=2, ocs=ocs)
        agent = await self.client("3001")
        await self.start_group()
        await self.finish_records(agent, 2)
        agent.ask("PreviewRecordRequest")
        await self.until(lambda: agent.heard("GSW_ERROR"))
        return agent

    async def completed_once(self, agent: Client) -> None:
        """The group is completed: OCS accepted one Stop and one Unload, and the agent heard of both, once."""
        await self.in_time(lambda: "CampaignUnloaded" in agent.heard())
        await self.passes(120, 5)
        accepted = self.ocs()["accepted"]
        assert (accepted["stop"], accepted["unload"]) == (1, 1)
        assert [word for word in agent.heard() if word in ("CampaignStopped", "CampaignUnloaded")] == [
            "CampaignStopped",
            "CampaignUnloaded",
        ]
        assert (self.group()["state"], self.group()["completions"]) == ("unloaded", 1)

    async def test_ocs_does_not_listen(self) -> None:
        """OCS's HTTP port is closed when the group is to be completed: it is, once the port is there again."""
        agent = await self.nearly_done()
        site = self.simulator.ocs_http
        assert site is not None
        port = self.simulator._ports["ocs-http"]
        number = self.simulator.ports["ocs-http"]
        await port.stopListening()
        nobody = kept(number)
        self.addCleanup(nobody.close)
        await self.in_time(lambda: self.channel("ocs-http").looked()["own failed"])
        await self.passes(20, 1)
        assert self.group()["state"] != "unloaded"
        assert any("ocs-http" in reason for reason in self.proxy.status.health())
        again = reactor.listenTCP(number, site, interface="127.0.0.1")
        self.addCleanup(again.stopListening)
        await self.completed_once(agent)

    async def test_replies_that_break_off(self) -> None:
        """OCS does what it is asked, and every reply is lost: the status tells, and nothing is asked twice."""
        agent = await self.nearly_done()
        self.patch(Answering, "json", lambda answering, *_: answering._request.transport.abortConnection())
        await self.completed_once(agent)
        assert self.channel("ocs-http").looked()["own failed"] == 2

    async def test_replies_that_do_not_come(self) -> None:
        """OCS does what it is asked, and never replies."""
        agent = await self.nearly_done()
        self.patch(Answering, "json", lambda *_: None)
        await self.completed_once(agent)

    async def test_an_ocs_that_refuses(self) -> None:
        """OCS refuses every Stop: the proxy need not wait for an answer, gives up, and says so; the group goes on."""
        await self.nearly_done()
        self.patch(CampaignGroup, "stop", refuse)
        await self.in_time(lambda: self.ocs()["refused"])
        first = self.clock.seconds()
        await self.in_time(lambda: self.group()["state"] == "failed")
        assert self.clock.seconds() - first < 10
        assert self.ocs()["state"] == "running"
        assert self.ocs()["refused"]["stop"] == 3


def refuse(*_: object) -> None:
    """What nobody may do."""
    raise Refused(Refusal.WRONG_STATE, "Not now")


WITHOUT_T_EVENTS = f"""
[ocs-http]
{LISTEN}
upstream = http://127.0.0.1:OCS_HTTP_PORT
reports = tcp:0:interface=127.0.0.1
[gws]
{LISTEN}
upstream = http://127.0.0.1:GWS_PORT
[completion]
by = proxy
control = ocs-http
attribute = add
[group Sales@Agents]
dbid = 101
campaign_id = 101
group_id = 732
"""


class TestWithoutTEvents(HttpStage):
    """Nothing but HTTP: web desktops, OCS's HTTP interface, its status reports."""

    def proxy_conf(self, **_: object) -> str:
        """No [tevents] in it."""
        return WITHOUT_T_EVENTS

    async def test_reports_say_what_becomes_of_it(self) -> None:
        """Loaded and started by GWS, worked on in browsers, stopped and unloaded over OCS HTTP: the reports tell."""
        await self.raise_http("", records=4, ocs="notify_agents = no")
        (_own, reports) = self.channel("ocs-http").ports()
        uri = HttpUri.read(f"http://127.0.0.1:{reports[1].getHost().port}/states")
        reporting = StatusReports(self.simulator.ocs.groups, uri, 10, self.simulator._reactor)
        self.simulator.ocs.voice.report = reporting.report
        reporting.start()
        self.addCleanup(reporting.end)
        agents = [await self.browser(dn) for dn in ("3001", "3002")]
        for request, state in (("load", "loaded"), ("start", "running")):
            await self.order(request)
            await self.state(state)
        for agent in agents:
            await self.until(lambda: "CampaignStarted" in agent.heard())  # noqa: B023
            await self.finish_records(agent, 2)
        agents[1].ask("PreviewRecordRequest")
        await self.until(lambda: agents[1].heard("GSW_ERROR"))
        await self.in_time(lambda: self.group()["completions"])
        for agent in agents:
            await self.in_time(lambda: "CampaignUnloaded" in agent.heard())  # noqa: B023
            words = [word for word in agent.heard() if word.startswith("Campaign")]
            assert words == ["CampaignLoaded", "CampaignStarted", "CampaignStopped", "CampaignUnloaded"]
        assert (self.ocs()["accepted"]["stop"], self.ocs()["accepted"]["unload"]) == (1, 1)
        assert reporting.failed == 0
