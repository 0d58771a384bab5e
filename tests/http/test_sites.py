"""What the HTTP channels make of requests about campaign groups, and what status shows of them."""

from __future__ import annotations

import gzip
import json
import socket
from itertools import count
from urllib.error import HTTPError
from urllib.request import Request as Post
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.task import Clock, deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from proxy.campaign.observation import (
    ControlAccepted,
    ControlRefused,
    ControlRequested,
    GroupNames,
    Observation,
    Request,
    SessionBlind,
    SessionEnded,
)
from proxy.campaign.policy import Attribute, By, Policy
from proxy.config import parse
from proxy.http.gws_site import GwsSite
from proxy.http.ocs_site import OcsHttpSite
from proxy.http.turns import Exchanges, Headers, Replies, RequestHead
from proxy.service import ProxyService
from proxy.store.memory import MemoryStore
from proxy.switchboard import Switchboard
from tests.http.net import Door, End, Ends, reply, whole_messages
from tests.http.web_desk import FakeTurn, Sent
from tests.tevents.desk import NotedGroups

SALES = GroupNames(dbid=101)
BY_PARTS = GroupNames(campaign_id=101, group_id=732)
LOAD, STOP, OTHER = "/campaigngroups/101?req=Load", "/campaigngroups/101?req=Stop", "/campaigngroups/101?req=Jump"
GWS_LOAD = "/ocs/v3/servers/4113/load-campaign"
GWS_BODY = b'{"data": {"campaignId": 101, "groupId": 732}}'
ONE, BARE = b'{"GSW_AUTO_COMPLETION": 1}', b"{}"
COOKIE: Headers = ((b"Cookie", b"WORKSPACE_SESSIONID=a"),)


def head(target: str, method: bytes = b"POST", headers: Headers = ()) -> RequestHead:
    """What a client asks for."""
    return RequestHead(method, target.encode(), headers)


class Desk(Exchanges):
    """A site before groups that note what they are shown, and an upstream that is played by the test."""

    def __init__(self, attribute: Attribute = Attribute.KEEP, by: By = By.DIALER) -> None:
        self.clock = Clock()
        self.groups = NotedGroups(Policy(by=by, attribute=attribute))
        now = self.clock.seconds
        self.board = Switchboard(self.groups, MemoryStore(), self.clock, now, now)
        self.sent: list[Sent] = []

    def forward(self, turn, body, replies=None):
        self.sent.append(Sent(turn.head, body, replies, turn))

    def fetch(self, head, body, replies, turn=None):
        self.sent.append(Sent(head, body, replies, None))
        return self.sent[-1]

    def ocs(self) -> OcsHttpSite:
        site = OcsHttpSite(self.board)
        site.exchanges = self
        return site

    def gws(self) -> GwsSite:
        site = GwsSite(self.board)
        site.begin(self, count(5000), self.clock)
        return site

    @property
    def seen(self) -> list[Observation]:
        return self.groups.seen

    def comes(self, site, target: str, body: bytes, headers: Headers = ()) -> FakeTurn:
        """A client's request, whole, whose body is wanted."""
        turn = FakeTurn(head(target, headers=headers))
        assert site.wants(turn.head)
        site.whole(turn, body)
        return turn

    def passes(self, site, target: str, why: str | None, headers: Headers = ()) -> tuple[FakeTurn, Replies | None]:
        """A client's request whose body streams by."""
        turn = FakeTurn(head(target, headers=headers))
        return turn, site.passing(turn, why)


# ---------------------------------------------------------------------------------------------------------- attribute


@pytest.mark.parametrize(
    ("policy", "target", "sent", "arrives", "values"),
    [
        (Attribute.ADD, LOAD, BARE, ONE, ()),
        (Attribute.ADD, LOAD, b"", ONE, ()),
        (Attribute.FORCE, LOAD, b'{"GSW_AUTO_COMPLETION": 0}', ONE, (0,)),
        (Attribute.REMOVE, LOAD, ONE, BARE, (1,)),
        (Attribute.KEEP, LOAD, ONE, ONE, (1,)),
        (Attribute.KEEP, STOP, ONE, BARE, (1,)),
        (Attribute.ADD, STOP, BARE, BARE, ()),
    ],
)
def test_ocs_http_by_policy(policy, target, sent, arrives, values) -> None:
    """M4, R5: the attribute by policy in what may bear it, and in no other request; the groups hear what was sent."""
    desk = Desk(policy)
    site = desk.ocs()
    turn = desk.comes(site, target, sent)
    assert [each.body for each in desk.sent] == [arrives]
    asked = Request.LOAD if target == LOAD else Request.STOP
    assert desk.seen == [ControlRequested(turn.connection, SALES, asked, values, None, f"http {turn.number}")]
    assert site.counts.looked() == {
        "rewritten": int(arrives != sent),
        "not_rewritten": 0,
        "unread": 0,
        f"asked to {asked.value}": 1,
    }


def test_gws_by_policy() -> None:
    """M4: over GWS it stands in requestProperties, and the body names the group."""
    desk = Desk(Attribute.ADD)
    site = desk.gws()
    turn = desk.comes(site, GWS_LOAD, b'{"data": {"campaignId": 101, "groupId": 732, "dialMode": "Preview"}}')
    [sent] = desk.sent
    assert json.loads(sent.body)["data"]["requestProperties"] == [{"key": "GSW_AUTO_COMPLETION", "value": 1}]
    assert desk.seen == [
        ControlRequested(turn.connection, BY_PARTS, Request.LOAD, (), "Preview", f"http {turn.number}")
    ]


def test_the_mode_is_told() -> None:
    """The dial mode that a client of OCS asks for is known."""
    desk = Desk()
    desk.comes(desk.ocs(), "/campaigngroups/101?req=Start", b'{"GSW_DIAL_MODE": "Predictive"}')
    [seen] = desk.seen
    assert isinstance(seen, ControlRequested)
    assert seen.mode == "Predictive"


def test_nobody_changes_nothing() -> None:
    """R29: with `by = nobody` not a byte is changed; what is asked is seen all the same."""
    desk = Desk(Attribute.FORCE, By.NOBODY)
    site = desk.ocs()
    desk.comes(site, LOAD, BARE)
    assert [each.body for each in desk.sent] == [BARE]
    assert len(desk.seen) == 1
    assert site.counts.rewritten == 0


@pytest.mark.parametrize("body", [b"not JSON", b"[1]", b'"x"', b'{"a": 1', b"\xff\xfe\xfd", b"1"])
def test_what_cannot_bear_it(body: bytes) -> None:
    """M4: a body in which the attribute cannot stand goes on unchanged, counted."""
    desk = Desk(Attribute.FORCE)
    site = desk.ocs()
    desk.comes(site, LOAD, body)
    assert [each.body for each in desk.sent] == [body]
    assert (site.counts.not_rewritten, site.counts.rewritten) == (1, 0)


def test_another_action() -> None:
    """An action that nobody knows is relayed without the attribute, and asks nothing of a group."""
    desk = Desk(Attribute.FORCE)
    site = desk.ocs()
    turn = desk.comes(site, OTHER, ONE)
    [sent] = desk.sent
    sent.answer(b"{}")
    assert (sent.body, turn.body, desk.seen) == (BARE, b"{}", [])
    assert site.counts.asked == {}


@pytest.mark.parametrize(
    ("method", "target"),
    [
        (b"GET", LOAD),
        (b"PUT", LOAD),
        (b"POST", "/campaigngroups/101"),
        (b"POST", "/callinglists/101?req=Load"),
        (b"POST", "/campaigngroups/101/x?req=Load"),
    ],
)
def test_what_is_not_wanted(method: bytes, target: str) -> None:
    """Every other resource and method streams by untouched, and nobody looks at its reply."""
    desk = Desk(Attribute.FORCE)
    for site in (desk.ocs(), desk.gws()):
        assert not site.wants(head(target, method))
        assert site.passing(FakeTurn(head(target, method)), None) is None
    assert desk.seen == []


# -------------------------------------------------------------------------------------------------------------- replies


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (200, b"{}", ControlAccepted),
        (204, b"", ControlAccepted),
        (200, b"<html>", ControlAccepted),
        (200, b'{"GSW_ERROR": "no"}', ControlRefused),
        (404, b"{}", ControlRefused),
        (500, b"", ControlRefused),
        (302, b"", ControlRefused),
    ],
)
def test_what_a_reply_of_ocs_says(status: int, body: bytes, told: type) -> None:
    """R4: a success without GSW_ERROR accepts, everything else refuses; the reply goes on as it came."""
    desk = Desk()
    turn = desk.comes(desk.ocs(), LOAD, BARE)
    desk.sent[0].answer(body, status)
    assert desk.seen[1:] == [told(turn.connection, SALES, f"http {turn.number}")]
    assert (turn.status, turn.body) == (status, body)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"status": {"code": 0}}', ControlAccepted),
        (b'{"status": {"code": 7}}', ControlRefused),
        (b'{"GSW_ERROR": "of no meaning here"}', ControlAccepted),
    ],
)
def test_what_a_reply_of_gws_says(body: bytes, told: type) -> None:
    """R4: GWS says in its status whether it was taken."""
    desk = Desk()
    turn = desk.comes(desk.gws(), GWS_LOAD, GWS_BODY)
    desk.sent[0].answer(body)
    assert desk.seen[1:] == [told(turn.connection, BY_PARTS, f"http {turn.number}")]


@pytest.mark.parametrize(("status", "refused"), [(200, False), (399, False), (400, True), (503, True)])
def test_a_reply_that_cannot_be_read(status: int, refused: bool) -> None:
    """R4: a compressed error is a refusal; a compressed success says nothing, and the status is asked."""
    desk = Desk()
    turn = desk.comes(desk.ocs(), LOAD, BARE)
    desk.sent[0].answer(gzip.compress(b"{}"), status, why="encoded")
    refusal = ControlRefused(turn.connection, SALES, f"http {turn.number}")
    assert desk.seen[1:] == ([refusal] if refused else [])


def test_no_reply() -> None:
    """R4: where no reply comes nothing is said, and the status is asked."""
    desk = Desk()
    desk.comes(desk.ocs(), LOAD, BARE)
    desk.sent[0].fail()
    assert len(desk.seen) == 1


def test_two_requests_of_one_connection() -> None:
    """R4: the second reply belongs to the second request, whatever order they come in."""
    desk = Desk()
    site = desk.ocs()
    first, second = desk.comes(site, LOAD, BARE), desk.comes(site, STOP, BARE)
    desk.sent[1].answer(b"", 500)
    desk.sent[0].answer(b"{}")
    references = [(type(each), each.reference) for each in desk.seen[2:]]
    assert references == [(ControlRefused, f"http {second.number}"), (ControlAccepted, f"http {first.number}")]


# -------------------------------------------------------------------------------------------------------- unread bodies


@pytest.mark.parametrize("why", ["too large", "encoded"])
def test_an_unread_body_arms_nothing(why: str) -> None:
    """R3, R5: whether an unread Load bears the attribute is not known: it is neither 0, 1 nor absent."""
    desk = Desk(Attribute.ADD)
    site = desk.ocs()
    turn, replies = desk.passes(site, LOAD, why)
    reference = f"http {turn.number}"
    assert desk.seen == [ControlRequested(turn.connection, SALES, Request.LOAD, (None,), None, reference)]
    assert replies is not None
    Sent(turn.head, b"", replies, turn).answer(b"{}")
    assert desk.seen[1:] == [ControlAccepted(turn.connection, SALES, reference)]
    assert site.counts.looked() == {"rewritten": 0, "not_rewritten": 0, "unread": 1, "asked to load": 1}


def test_an_unread_body_of_an_action_that_nobody_knows() -> None:
    """It asks nothing of a group, and is counted."""
    desk = Desk()
    site = desk.ocs()
    assert desk.passes(site, OTHER, "encoded")[1] is None
    assert (desk.seen, site.counts.unread) == ([], 1)


def test_an_unread_body_of_a_group_without_number() -> None:
    """A group whose id is no number is nobody's: nothing is said of any group."""
    desk = Desk()
    assert desk.passes(desk.ocs(), "/campaigngroups/Sales?req=Load", "encoded")[1] is None
    assert desk.seen == []


def test_a_request_that_was_refused() -> None:
    """What the relay refuses by itself asks nothing of a group."""
    desk = Desk()
    assert desk.passes(desk.ocs(), LOAD, None)[1] is None
    assert desk.seen == []


def test_an_unread_body_over_gws() -> None:
    """The body alone names the group there: nothing is said of any, and it is counted."""
    desk = Desk()
    site = desk.gws()
    assert desk.passes(site, GWS_LOAD, "encoded")[1] is None
    assert (desk.seen, site.counts.unread) == ([], 1)


def test_an_unread_body_of_a_web_desktop() -> None:
    """R16: what a web desktop says in a body that cannot be read makes it blind."""
    desk = Desk()
    site = desk.gws()
    site.whole(FakeTurn(head("/workspace/v3/activate-channels", headers=COOKIE)), b'{"data": {"dn": "3001"}}')
    desk.sent[0].answer(b'{"status": {"code": 0}}')
    desk.passes(site, "/workspace/v3/voice/send-user-event", "encoded", COOKIE)
    assert [each for each in desk.seen if isinstance(each, SessionBlind)] == [SessionBlind(5000)]


def test_the_web_desktop_is_reached() -> None:
    """What is no request to an OCS goes to the web desktops: wanted, and forwarded."""
    desk = Desk()
    site = desk.gws()
    desk.comes(site, "/workspace/v3/voice/send-user-event", b'{"data": {}}', COOKIE)
    assert [each.body for each in desk.sent] == [b'{"data": {}}']


def test_tunnels_of_web_desktops() -> None:
    """R16: a tunnel makes its desktop blind; when its connection is gone it holds the session no longer."""
    desk = Desk()
    site = desk.gws()
    turn = FakeTurn(head("/workspace/v3/notifications", b"GET", COOKIE), 77)
    site.tunnelled(turn)
    session = site.desktops.sessions.known(COOKIE)
    assert session is not None
    assert session.waits
    site.gone(77)
    assert not session.waits
    desk.ocs().tunnelled(turn)


def test_a_connection_that_ends() -> None:
    """The groups hear that a client's connection is over, on both channels."""
    desk = Desk()
    desk.ocs().gone(7)
    desk.gws().gone(8)
    assert desk.seen == [SessionEnded(7), SessionEnded(8)]


# -------------------------------------------------------------------------------------------------------- the channels

CONF = """
[ocs-http]
listen = tcp:0:interface=127.0.0.1
upstream = http://127.0.0.1:{ocs}
reports = tcp:0:interface=127.0.0.1
forward_reports = http://127.0.0.1:{ocs}/reports
[gws]
listen = tcp:0:interface=127.0.0.1
upstream = http://127.0.0.1:{gws}
{gws_options}
[admin]
listen = tcp:0:interface=127.0.0.1
[completion]
by = dialer
attribute = add
[limits]
max_body = 1000
max_sessions = 3
{limits}
[group Sales@Agents]
dbid = 101
campaign_id = 101
group_id = 732
"""


class ChannelTests(TestCase):
    """The channels as they stand in the service, between clients and upstreams that are played."""

    timeout = 300

    async def begin(self, gws_options: str = "", limits: str = "", gws_is_there: bool = True) -> None:
        self.doors = {}
        for name in ("ocs", "gws"):
            self.doors[name] = door = Door()
            port = reactor.listenTCP(0, door, interface="127.0.0.1")
            self.addCleanup(port.stopListening)
            self.addCleanup(lambda door=door: [end.reset() for end in door.ends if end.lost is None])
            setattr(self, name, port.getHost().port)
        if not gws_is_there:
            taken = socket.socket()
            self.addCleanup(taken.close)
            taken.bind(("127.0.0.1", 0))
            self.gws = taken.getsockname()[1]
        conf = CONF.format(ocs=self.ocs, gws=self.gws, gws_options=gws_options, limits=limits)
        self.service = ProxyService(parse(conf), reactor)
        self.service.startService()
        self.addCleanup(self._end)
        await self._until_listening()

    def _end(self) -> Deferred[None]:
        stopped = self.service.stopService()
        self.service.hurry()
        return stopped

    async def _until_listening(self) -> None:
        while len(self.ports) < 3 or not self.service.admin.ports:
            await deferLater(reactor, 0)

    @property
    def ports(self) -> dict[str, int]:
        """Where the channels listen."""
        return {name: port.getHost().port for each in self.service.channels for name, port in each.ports()}

    async def ask(self, name: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """A client's request, in a thread of its own; its status and body."""

        def get() -> tuple[int, bytes]:
            try:
                with urlopen(Post(f"http://127.0.0.1:{port}{path}", body, headers), timeout=300) as answer:
                    return answer.status, answer.read()
            except HTTPError as error:
                return error.code, error.read()

        port = self.service.admin.ports[0].getHost().port if name == "admin" else self.ports[name]
        return await deferToThread(get)

    async def serve(self, name: str, answer: bytes, connection: int = 1) -> End:
        """The upstream gets one request whole, and says this."""
        end = await self.doors[name].when_connected(connection)
        await end.when(lambda: whole_messages(bytes(end.received)) >= 1)
        end.write(answer)
        return end

    async def metric(self, name: str, **labels: str) -> float | None:
        """A number of /metrics."""
        _, text = await self.ask("admin", "/metrics")
        for family in text_string_to_metric_families(text.decode()):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return sample.value
        return None

    async def looked(self, channel: str, what: str) -> float | None:
        return await self.metric("tevent_proxy_looked_total", channel=channel, what=what)

    async def test_what_metrics_show(self) -> None:
        """What a client asks is counted: its method, the reply, what was rewritten, what was asked for."""
        await self.begin()
        asked = self.ask("ocs-http", LOAD, BARE)
        waiting = Deferred.fromCoroutine(asked)
        end = await self.serve("ocs", reply())
        assert await waiting == (200, b"{}")
        assert bytes(end.received).endswith(ONE)
        for what in ("rewritten", "asked to load"):
            assert await self.looked("ocs-http", what) == 1, what
        for what in ("not_rewritten", "unread", "own taken", "reports: reports", "reports: passed on"):
            assert await self.looked("ocs-http", what) == 0, what
        for what in ("sessions", "polls_waiting"):
            assert await self.metric("tevent_proxy_web_desktops", channel="gws", what=what) == 0, what
        labels = {"channel": "ocs-http"}
        frames = "tevent_proxy_frames_total"
        assert await self.metric(frames, sender="client", message="POST", **labels) == 1
        assert await self.metric(frames, sender="upstream", message="2xx", **labels) == 1
        assert await self.metric("tevent_proxy_sessions_begun_total", **labels) == 1
        assert await self.metric("tevent_proxy_bytes_total", sender="upstream", **labels) == len(reply())
        assert await self.metric("tevent_proxy_bytes_total", sender="client", **labels) > len(BARE)

    async def test_what_passes_unread_is_shown(self) -> None:
        """Bodies over max_body, and compressed ones, are counted by why, and relayed as they came."""
        await self.begin()
        zipped = gzip.compress(ONE)
        for number, (body, headers) in enumerate([(b" " * 1001, {}), (zipped, {"Content-Encoding": "gzip"})], 1):
            waiting = Deferred.fromCoroutine(self.ask("gws", GWS_LOAD, body, **headers))
            end = await self.serve("gws", reply(b"[]", "200 OK", "Content-Encoding: gzip"), number)
            assert await waiting == (200, b"[]")
            assert bytes(end.received).endswith(body)
        for what in ("request too large", "request encoded"):
            assert await self.looked("gws", what) == 1, what
        assert await self.looked("gws", "unread") == 2

    async def test_a_reply_that_passes_unread_is_shown(self) -> None:
        """A compressed reply to a Load is counted, and goes on as it came."""
        await self.begin()
        waiting = Deferred.fromCoroutine(self.ask("ocs-http", LOAD, BARE))
        await self.serve("ocs", reply(b"zip", "200 OK", "Content-Encoding: gzip"))
        assert await waiting == (200, b"zip")
        assert await self.looked("ocs-http", "reply encoded") == 1

    async def test_an_upstream_that_fails(self) -> None:
        """It is counted by how, and the client gets 502."""
        await self.begin()
        waiting = Deferred.fromCoroutine(self.ask("gws", "/x"))
        end = await self.serve("gws", b"garbage\r\n\r\n")
        status, body = await waiting
        assert (status, list(json.loads(body))) == (502, ["error"])
        await end.when(lambda: end.lost is not None)
        assert await self.looked("gws", "upstream: unreadable answer") == 1

    async def test_all_of_them_are_counted(self) -> None:
        """Requests are counted by method, whatever the reply, and replies by status, whatever the method."""
        await self.begin()
        asked = [("/a", None, "200 OK"), ("/b", None, "404 Not Found"), ("/c", BARE, "200 OK"), ("/d", BARE, "201 OK")]
        for number, (path, body, status) in enumerate(asked, 1):
            waiting = Deferred.fromCoroutine(self.ask("gws", path, body))
            await self.serve("gws", reply(b"{}", status), number)
            await waiting
        for sender, message, number in (
            ("client", "GET", 2),
            ("client", "POST", 2),
            ("upstream", "2xx", 3),
            ("upstream", "4xx", 1),
        ):
            labels = {"channel": "gws", "sender": sender, "message": message}
            assert await self.metric("tevent_proxy_frames_total", **labels) == number, labels

    async def test_rewritten_by_either(self) -> None:
        """What is rewritten in requests of REST clients and of web desktops is one number."""
        await self.begin()
        event = b'{"data": {"userData": {"GSW_AUTO_COMPLETION": 1, "GSW_AGENT_REQ_TYPE": "x"}}}'
        for number, (path, body) in enumerate(
            [(GWS_LOAD, GWS_BODY), ("/workspace/v3/voice/send-user-event", event)], 1
        ):
            waiting = Deferred.fromCoroutine(self.ask("gws", path, body))
            await self.serve("gws", reply(), number)
            await waiting
        assert await self.looked("gws", "rewritten") == 2

    async def test_a_client_that_leaves(self) -> None:
        """A request whose client left before the reply began is counted."""
        await self.begin()
        client = await TCP4ClientEndpoint(reactor, "127.0.0.1", self.ports["gws"]).connect(Ends())
        client.write(b"GET /late HTTP/1.1\r\nHost: x\r\n\r\n")
        end = await self.doors["gws"].when_connected()
        await end.when_received(1)
        client.reset()
        await end.when_lost()
        assert await self.looked("gws", "unanswered") == 1

    async def test_an_upstream_that_is_not_there(self) -> None:
        """The client gets 502, and health says which upstream could not be reached."""
        await self.begin(gws_is_there=False)
        assert (await self.ask("gws", "/x"))[0] == 502
        status, body = await self.ask("admin", "/health")
        reason = f"gws: tcp:127.0.0.1:{self.gws} could not be reached"
        assert (status, json.loads(body)["reasons"]) == (503, [reason])

    async def test_health(self) -> None:
        """Healthy while all listen and reach their upstreams; else 503 says what is wrong."""
        await self.begin()
        status, body = await self.ask("admin", "/health")
        assert (status, json.loads(body)) == (200, {"healthy": True, "reasons": []})
        ocs = next(each for each in self.service.channels if each.name == "ocs-http")
        await ocs.reports.stop_listening()
        status, body = await self.ask("admin", "/health")
        assert (status, json.loads(body)["reasons"]) == (503, ["ocs-http reports: not listening"])
        await ocs.connections.stop_listening()
        ocs.control.close()
        ocs.relay.counts.failed = 2
        assert list(ocs.reasons()) == [
            "ocs-http: not listening",
            "ocs-http: the control session is not registered",
            "ocs-http: 2 mistakes of ours about the client, see the log",
            "ocs-http reports: not listening",
        ]

    async def test_reports_are_shown(self) -> None:
        """Reports of OCS are counted, shown with their statistics, and those passed on are counted, too."""
        await self.begin()
        report = b'{"GSW_CAMPAIGN_GROUP_NAME": "Sales@Agents", "GSW_STAT_HIT_RATIO": 0.5}'
        assert (await self.ask("ocs-http reports", "/", report))[0] == 200
        await self.serve("ocs", reply())
        while not await self.looked("ocs-http", "reports: passed on"):
            await deferLater(reactor, 0)
        assert await self.looked("ocs-http", "reports: reports") == 1
        labels = {"group": "Sales@Agents", "statistic": "GSW_STAT_HIT_RATIO"}
        assert await self.metric("tevent_proxy_group_reported", **labels) == 0.5

    async def test_compression(self) -> None:
        """R16: `refuse` takes Accept-Encoding out where the reply is looked into, and nowhere else; `keep` nowhere."""
        for options, target, offered in (
            ("compression = refuse", "/workspace/v3/notifications", False),
            ("compression = refuse", GWS_LOAD, False),
            ("compression = refuse", "/x", True),
            ("", "/workspace/v3/notifications", True),
        ):
            await self.begin(options)
            message = b'[{"channel": "/meta/connect", "clientId": "c"}]' if "notif" in target else GWS_BODY
            waiting = Deferred.fromCoroutine(self.ask("gws", target, message, **{"accept-encoding": "gzip, br"}))
            end = await self.serve("gws", reply(b"[]"))
            assert (b"gzip, br" in end.received) is offered, (options, target)
            await waiting
            await self._end()

    async def test_the_proxys_own_way_to_ocs(self) -> None:
        """`control = ocs-http` finds its way from the beginning, and when the proxy ends it is closed."""
        await self.begin()
        control = self.service.board.controls["ocs-http"]
        assert control.registered
        assert await self.metric("tevent_proxy_control_registered", channel="ocs-http") == 1
        await self._end()
        assert not control.registered
        assert self.ports == {}

    async def test_limits_from_the_conf_file(self) -> None:
        """[limits] hold for the HTTP channels: when a session too many comes it is refused, and counted."""
        await self.begin(limits="connect_timeout = 7")
        for each in self.service.channels:
            assert (each.relay.limits.max_body, each.relay.limits.max_sessions) == (1000, 3)
            assert each.relay.limits.connect_timeout == 7
            assert each.relay.tunnels is False
