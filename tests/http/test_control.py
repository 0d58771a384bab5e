"""`control = ocs-http`: Stop and Unload of the proxy's own over OCS's HTTP interface."""

from __future__ import annotations

from itertools import count, pairwise
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from proxy.campaign.groups import Groups
from proxy.campaign.observation import (
    Action,
    ActionAcknowledged,
    ActionRequested,
    ControlAccepted,
    ControlRefused,
    DesktopError,
    DnRegistered,
    GroupNames,
    Observation,
    RecordDelivered,
    RecordRequested,
    SourceConnected,
    SourceLost,
    Status,
    StatusHeard,
    Word,
    WordHeard,
)
from proxy.campaign.policy import Attribute, By, ConfiguredGroup, Control, Policy
from proxy.errors import OurError
from proxy.http.control import GIVES_UP, OcsHttpControl
from proxy.http.relay.address import HttpUpstream
from proxy.http.relay.limits import HttpLimits
from proxy.http.relay.listener import HttpRelay
from proxy.http.turns import Fetch, Replies, ReplyHead, RequestHead, Turn
from proxy.relay.upstreams import Unreachable
from proxy.store.memory import MemoryStore
from proxy.switchboard import Switchboard
from tests.switchboard.desk import NotedControl

SALES = GroupNames(dbid=101, name="Sales@Agents", campaign="Sales")
OK = ReplyHead(200)


class Fetched:
    """A request that went to OCS."""

    def __init__(self, head: RequestHead, body: bytes, replies: Replies) -> None:
        self.head = head
        self.body = body
        self.replies = replies
        self.abandoned = False

    @property
    def target(self) -> str:
        return self.head.target.decode()

    def couple(self, turn: Turn) -> None:
        raise AssertionError("nobody waits for a reply of the proxy's own")

    def abandon(self) -> None:
        self.abandoned = True

    def answered(self, status: int = 200, body: bytes = b"{}") -> None:
        """OCS replies."""
        assert not self.abandoned
        assert self.replies.wants(ReplyHead(status))
        self.replies.whole(ReplyHead(status), body)


class Door:
    """A connection to OCS in which nothing is asked."""

    left = False

    def leave(self) -> None:
        self.left = True


class Desk:
    """A control, and everything around it: OCS's HTTP interface, played by the test, and the groups, or a note pad."""

    def __init__(self, groups: Groups | None = None) -> None:
        self.clock = Clock()
        self.fetched: list[Fetched] = []
        self.attempts: list[Deferred[Any]] = []
        self.seen: list[Observation] = []
        self.fails_at_once = False
        self.groups = groups or Groups(Policy())
        self.board = Switchboard(self.groups, MemoryStore(), self.clock, self.clock.seconds, self.clock.seconds)
        if groups is None:
            self.board.observe = self._note  # type: ignore[method-assign]
        self.control = OcsHttpControl(self, self.board, self.clock, self._connect, lambda: 0.5)
        self.board.controls[self.control.name] = self.control
        self.control.start()

    def _note(self, observation: Observation) -> bool:
        self.seen.append(observation)
        return False

    def _connect(self) -> Deferred[Any]:
        self.attempts.append(Deferred())
        return self.attempts[-1]

    def forward(self, turn: Turn, body: bytes, replies: Replies | None = None) -> None:
        raise AssertionError("nobody's request")

    def fetch(self, head: RequestHead, body: bytes, replies: Replies, turn: Turn | None = None) -> Fetch:
        self.fetched.append(Fetched(head, body, replies))
        if self.fails_at_once:
            replies.failed("unreachable")
        return self.fetched[-1]

    def knock(self) -> None:
        """Time goes by until OCS is tried again."""
        before = len(self.attempts)
        while len(self.attempts) == before:
            self.clock.advance(0.25)


def test_how_they_are_spelled() -> None:
    """POST to the campaign group's DBID, the action in the query, an empty object as the body."""
    desk = Desk()
    desk.control.stop(SALES, 7)
    desk.control.unload(SALES, 8)
    assert [(each.head.method, each.target, each.body) for each in desk.fetched] == [
        (b"POST", "/campaigngroups/101?req=Stop", b"{}"),
        (b"POST", "/campaigngroups/101?req=Unload", b"{}"),
    ]


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (200, b"{}", ControlAccepted),
        (204, b"", ControlAccepted),
        (200, b'{"GSW_ERROR": "not running"}', ControlRefused),
        (404, b"", ControlRefused),
        (500, b"{}", ControlRefused),
        (302, b"", ControlRefused),
    ],
)
def test_r4_what_a_reply_says(status: int, body: bytes, told: type[Observation]) -> None:
    """A success without an error in its body is acceptance, everything else is a refusal; of our own request."""
    desk = Desk()
    desk.control.stop(SALES, 0x60000007)
    desk.fetched[0].answered(status, body)
    assert desk.seen[1:] == [told(0, SALES, str(0x60000007))]
    assert desk.control.registered
    desk.clock.advance(GIVES_UP)
    assert not desk.fetched[0].abandoned


@pytest.mark.parametrize(
    ("status", "why", "seen"),
    [
        (200, "encoded", []),
        (200, "too large", []),
        (500, "encoded", [ControlRefused(0, SALES, "7")]),
    ],
)
def test_r4_a_reply_that_cannot_be_read(status: int, why: str, seen: list[Observation]) -> None:
    """Whether it is a success is not known: silence, and the groups ask. An error is one without its body."""
    desk = Desk()
    desk.control.stop(SALES, 7)
    desk.fetched[0].replies.unread(ReplyHead(status), why)
    assert desk.seen[1:] == seen
    assert desk.fetched[0].abandoned
    assert desk.control.counts["unclear"] == (not seen)


def test_r21_no_reply_is_nothing() -> None:
    """OCS never answers: nothing is said, nothing is sent again, and in the end nobody waits for it."""
    desk = Desk()
    desk.control.stop(SALES, 7)
    desk.clock.advance(GIVES_UP - 1)
    assert not desk.fetched[0].abandoned
    desk.clock.advance(1)
    assert desk.fetched[0].abandoned
    assert (len(desk.fetched), desk.seen[1:]) == (1, [])
    assert desk.control.counts["unanswered"] == 1


@pytest.mark.parametrize("at_once", [True, False])
def test_r17_what_failed_is_tried_first(at_once: bool) -> None:
    """OCS could not be reached: that is told, and it is tried again and again, without a request, until it is."""
    desk = Desk()
    desk.fails_at_once = at_once
    desk.control.stop(SALES, 7)
    if not at_once:
        desk.fetched[0].replies.failed("broke off")
    assert not desk.control.registered
    assert desk.seen == [SourceConnected("ocs-http"), SourceLost("ocs-http")]
    times = [desk.clock.seconds()]
    for _ in range(3):
        desk.knock()
        times.append(desk.clock.seconds())
        desk.attempts[-1].errback(Unreachable("refused"))
        assert not desk.control.registered
    waited = [after - before for before, after in pairwise(times)]
    assert waited == sorted(set(waited)), "each time it waits longer"
    desk.knock()
    door = Door()
    desk.attempts[-1].callback(door)
    assert desk.control.registered
    assert door.left
    assert desk.seen[2:] == [SourceConnected("ocs-http")]
    assert len(desk.fetched) == 1, "no request is ever sent twice"
    desk.clock.advance(1000)
    assert len(desk.attempts) == 4, "while nothing fails nothing is tried"


def test_r17_two_that_fail_are_one_loss() -> None:
    """Requests for several groups fail: OCS is tried once at a time."""
    desk = Desk()
    desk.control.stop(SALES, 7)
    desk.control.stop(SALES._replace(dbid=102), 8)
    for each in desk.fetched:
        each.replies.failed("unreachable")
    desk.knock()
    desk.clock.advance(100)
    assert len(desk.attempts) == 1
    assert desk.seen.count(SourceLost("ocs-http")) == 1


def test_it_ends_whatever_it_does() -> None:
    """Closed, it waits for no reply, and tries nothing more."""
    desk = Desk()
    desk.control.stop(SALES, 7)
    desk.control.close()
    assert desk.fetched[0].abandoned
    assert not desk.control.registered
    assert desk.clock.getDelayedCalls() == []
    for moment in ("waits", "tries"):
        desk = Desk()
        desk.control.stop(SALES, 7)
        desk.fetched[0].replies.failed("unreachable")
        if moment == "tries":
            desk.knock()
        desk.control.close()
        assert desk.clock.getDelayedCalls() == []


def test_n3_what_it_cannot_do() -> None:
    """Over HTTP a group goes by its DBID, and nobody tells its status."""
    desk = Desk()
    with pytest.raises(OurError, match="DBID"):
        desk.control.stop(GroupNames(name="Sales@Agents"), 7)
    with pytest.raises(OurError, match="status"):
        desk.control.ask_status(SALES, 7)
    assert desk.fetched == []


# ------------------------------------------------------------------------------------------------ with the groups


def completing() -> tuple[Desk, NotedControl]:
    """Sales@Agents runs and has no more records: Stop is on its way over HTTP; T-Events tells and is asked."""
    policy = Policy(By.PROXY, Control.OCS_HTTP, Attribute.ADD)
    desk, tevents = Desk(Groups(policy, [ConfiguredGroup(SALES, policy)], 1)), NotedControl()
    desk.board.controls["tevents"] = tevents
    observe = desk.board.observe
    for seen in (
        SourceConnected("tevents"),
        WordHeard(SALES, Word.LOADED, "tevents"),
        WordHeard(SALES, Word.STARTED, "tevents", "Preview"),
        DnRegistered(7, "3001"),
        RecordDelivered(7, "3001", SALES, "PreviewRecord", "12"),
        ActionRequested(7, "3001", SALES, Action.PROCESS, "12"),
        ActionAcknowledged(7, "3001", SALES, Action.PROCESS, "12"),
        RecordRequested(7, "3001", SALES),
        DesktopError(7, "3001", SALES, no_records=True),
    ):
        observe(seen)
    tevents.sent.clear()
    desk.clock.pump([1] * 60)
    return desk, tevents


def test_r20_a_group_is_completed() -> None:
    """Stop and Unload once each, over HTTP; T-Events tells what became of them, and needs not be asked."""
    desk, tevents = completing()
    (stop,) = desk.fetched
    stop.answered()
    desk.board.observe(WordHeard(SALES, Word.STOPPED, "tevents"))
    desk.clock.pump([1] * 3)
    _, unload = desk.fetched
    unload.answered()
    desk.board.observe(WordHeard(SALES, Word.UNLOADED, "tevents"))
    desk.clock.pump([1] * 100)
    assert [each.target for each in desk.fetched] == ["/campaigngroups/101?req=Stop", "/campaigngroups/101?req=Unload"]
    assert (desk.board.status()[0]["completions"], tevents.sent) == (1, [])


def test_r21_silence_is_asked_about_over_t_events() -> None:
    """No reply to Stop: the status is asked over T-Events; as it still shows Running, Stop is sent once more."""
    desk, tevents = completing()
    desk.clock.pump([1] * 10)
    ((step, dbid, reference),) = tevents.sent
    assert (step, dbid, len(desk.fetched)) == ("ask_status", 101, 1)
    desk.board.observe(StatusHeard(SALES, Status.RUNNING, "tevents", None, str(reference)))
    assert [each.target for each in desk.fetched] == ["/campaigngroups/101?req=Stop"] * 2


def test_r22_ocs_comes_back() -> None:
    """OCS cannot be reached when Stop is due: the group waits; when it is back, its status is asked first."""
    desk, tevents = completing()
    desk.fetched[0].replies.failed("unreachable")
    desk.knock()
    desk.clock.pump([1] * 100)
    assert desk.board.status()[0]["waiting_for"] == "OCS's HTTP interface"
    assert tevents.sent == []
    desk.attempts[-1].callback(Door())
    ((step, _, reference),) = tevents.sent
    assert (step, len(desk.fetched)) == ("ask_status", 1)
    desk.board.observe(StatusHeard(SALES, Status.RUNNING, "tevents", None, str(reference)))
    assert len(desk.fetched) == 2


# --------------------------------------------------------------------------------------------------- on the wire


class Unseen:
    """A site that looks at nothing."""

    def wants(self, head: RequestHead) -> bool:
        return False

    def passing(self, turn: Turn, why: str | None) -> None:
        return None

    def whole(self, turn: Turn, body: bytes) -> None:
        raise AssertionError("not wanted")

    def tunnelled(self, turn: Turn) -> None:
        raise AssertionError("no tunnel")

    def gone(self, connection: int) -> None:
        pass


class OverSockets(TestCase):
    """The control, the relay, and an OCS that listens."""

    def setUp(self) -> None:
        self.received = b""
        self.came: Deferred[None] = Deferred()
        self.told: Deferred[Observation] = Deferred()
        test = self

        class Ocs(Protocol):
            def dataReceived(self, data: bytes) -> None:
                test.received += data
                if test.received.endswith(b"{}"):
                    self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
                    self.transport.loseConnection()

        port = reactor.listenTCP(0, Factory.forProtocol(Ocs), interface="127.0.0.1")  # type: ignore[attr-defined]
        self.addCleanup(port.stopListening)
        self.authority = f"127.0.0.1:{port.getHost().port}"
        upstream = HttpUpstream(f"tcp:{self.authority}", "http", self.authority)
        relay = HttpRelay(reactor, [], [upstream], HttpLimits(), count(1), Unseen(), "ocs-http")
        board = Switchboard(Groups(Policy()), MemoryStore(), reactor, lambda: 0.0, lambda: 0.0)
        board.observe = self._note  # type: ignore[method-assign]
        self.control = OcsHttpControl(relay, board, reactor, relay.upstreams.connect, lambda: 0.5)
        self.addCleanup(self.control.close)

    def _note(self, observation: Observation) -> bool:
        if isinstance(observation, ControlAccepted):
            self.told.callback(observation)
        return False

    async def test_a_stop(self) -> None:
        """What OCS gets is a request like any other client's, and nothing of it is forwarded for anybody."""
        self.control.start()
        self.control.stop(SALES, 7)
        self.assertEqual(await self.told, ControlAccepted(0, SALES, "7"))
        head, _, body = self.received.partition(b"\r\n\r\n")
        first, *headers = head.decode().split("\r\n")
        self.assertEqual(first, "POST /campaigngroups/101?req=Stop HTTP/1.1")
        self.assertEqual(body, b"{}")
        self.assertEqual(
            sorted(headers), ["Content-Length: 2", "Content-Type: application/json", f"Host: {self.authority}"]
        )
        self.assertTrue(self.control.registered)
