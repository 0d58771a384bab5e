"""OCS's status reports: taken, told to the groups, and passed on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import ClientCreator, Protocol, connectionDone
from twisted.internet.task import Clock, deferLater
from twisted.logger import LogEvent, LogLevel, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from proxy.campaign.groups import Groups
from proxy.campaign.observation import (
    GroupNames,
    GroupReported,
    Observation,
    SourceConnected,
    SourceLost,
    Status,
    StatusHeard,
)
from proxy.campaign.policy import Policy
from proxy.http.reports import MAX_GROUPS, MAX_WAITING, SILENCE, Reports
from proxy.store.memory import MemoryStore
from proxy.switchboard import Switchboard
from tests.ports import kept, number_of
from tests.quiet import quiet

SALES = GroupNames(name="Sales@Agents", campaign="Sales")
CONNECTED = SourceConnected("reports")
LOST = SourceLost("reports")


def report(state: object = None, **more: object) -> bytes:
    """A report of Sales@Agents."""
    said: dict[str, object] = {
        "GSW_CAMPAIGN_GROUP_NAME": "Sales@Agents",
        "GSW_CAMPAIGN_NAME": "Sales",
        "GSW_GROUP_NAME": "Agents",
        "GSW_DIAL_MODE": "Preview",
        **more,
    }
    if state is not None:
        said["GSW_CAMPAIGN_GROUP_STATE"] = state
    return json.dumps(said).encode()


RUNNING = StatusHeard(SALES, Status.RUNNING, "reports", "Preview")
REPORTED = GroupReported(SALES, "Preview")


class Desk:
    """What takes reports, on a clock; what the groups would see is noted."""

    def __init__(self, clock: Any = None, forward: str | None = None, listen: tuple[str, ...] = ()) -> None:
        self.clock = clock or Clock()
        self.seen: list[Observation] = []
        board = Switchboard(Groups(Policy()), MemoryStore(), self.clock, lambda: 0.0, lambda: 0.0)
        board.observe = self._note  # type: ignore[method-assign]
        self.reports = Reports(self.clock, listen, 1000, board, forward)

    def _note(self, observation: Observation) -> bool:
        self.seen.append(observation)
        return False


# -------------------------------------------------------------------------------------------------- what they say


def test_r1_the_first_state_makes_them_ocss_word() -> None:
    """A report that tells a state is OCS's word, and from then on reports are a source of it."""
    desk = Desk()
    assert desk.reports.take(report("Running"), None)
    assert desk.reports.take(report("Running"), None)
    assert desk.seen == [CONNECTED, RUNNING, RUNNING]


def test_r1_reports_that_never_tell_a_state_are_no_source() -> None:
    """Statistics teach names and mode; while nobody tells states, what agents are told is OCS's word still."""
    desk = Desk()
    for _ in range(5):
        assert desk.reports.take(report(), None)
        desk.clock.advance(10)
    assert desk.seen == [REPORTED] * 5


def test_r1_silence_ends_it_and_statistics_do_not_begin_it_again() -> None:
    """States are told when they change, statistics every 10 s: as long as these come nothing was missed."""
    desk = Desk()
    desk.reports.take(report("Running"), None)
    for _ in range(10):
        desk.clock.advance(SILENCE - 1)
        desk.reports.take(report(), None)
    assert LOST not in desk.seen
    desk.clock.advance(SILENCE - 1)
    assert LOST not in desk.seen
    desk.clock.advance(1)
    assert desk.seen[-1] == LOST
    desk.seen.clear()
    desk.reports.take(report(), None)
    assert desk.seen == [REPORTED], "what changed meanwhile is not known"
    desk.reports.take(report("Running"), None)
    assert desk.seen[1:] == [CONNECTED, RUNNING]


def test_several_groups_in_one_post() -> None:
    """A list tells of each of its groups, in order."""
    desk = Desk()
    desk.reports.take(b"[" + report() + b"," + report("Active", GSW_CAMPAIGN_GROUP_NAME="B@C") + b"]", None)
    assert desk.seen == [
        REPORTED,
        CONNECTED,
        StatusHeard(GroupNames(name="B@C", campaign="Sales"), Status.ACTIVE, "reports", "Preview"),
    ]


@pytest.mark.parametrize(("body", "counted"), [(b"{", "not json"), (b"", "not json"), (b"[1]", "nothing known")])
def test_what_is_no_report(body: bytes, counted: str) -> None:
    """What is no JSON is refused; JSON of which nothing is known is not, it may be news of another version."""
    desk = Desk()
    assert desk.reports.take(body, None) is (counted != "not json")
    assert (desk.reports.counts[counted], desk.seen) == (1, [])


def test_statistics_are_kept() -> None:
    """The latest of each group, for as many groups as there may be."""
    desk = Desk()
    desk.reports.take(report(GSW_STAT_HIT_RATIO=40, GSW_STAT_TIME_TO_COMPLETE=None), None)
    desk.reports.take(report(GSW_STAT_HIT_RATIO=41), None)
    desk.reports.take(report(), None)
    assert desk.reports.statistics == {"Sales@Agents": {"GSW_STAT_HIT_RATIO": 41.0}}
    for number in range(1, MAX_GROUPS + 5):
        desk.reports.take(b'{"GSW_CAMPAIGN_GROUP_DBID": %d, "GSW_STAT_HIT_RATIO": 1}' % number, None)
    assert len(desk.reports.statistics) == MAX_GROUPS


# ------------------------------------------------------------------------------------------------------ over sockets


class End(Protocol):
    """A client's connection: what comes until it ends."""

    def __init__(self) -> None:
        self.received = b""
        self.ended: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ended.callback(self.received)


class OverSockets(TestCase):
    """OCS posts over a connection of its own."""

    def desk(self, forward: str | None = None) -> Desk:
        """One that listens."""
        self.listening = Desk(reactor, forward, ("tcp:0:interface=127.0.0.1",))
        self.addCleanup(self.listening.reports.stop)
        return self.listening

    async def sends(self, text: bytes) -> bytes:
        """Sends a request as it stands, and gets all that comes until the connection ends."""
        (port,) = self.listening.reports.ports
        creator = ClientCreator(reactor, End)
        end = await creator.connectTCP("127.0.0.1", port.getHost().port)
        end.transport.write(text)
        received: bytes = await end.ended
        return received

    async def posts(self, body: bytes, path: bytes = b"/", method: bytes = b"POST") -> int:
        """Posts a body, and gets the status."""
        head = b"%s %s HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\nContent-Type: application/json\r\n" % (
            method,
            path,
        )
        reply = await self.sends(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        return int(reply.split(b" ")[1])

    async def test_posts_are_answered(self) -> None:
        """200 for a report on any path, 400 for what is no JSON, 405 for what is no post."""
        desk = self.desk()
        await desk.reports.start()
        self.assertTrue(desk.reports.is_listening)
        self.assertEqual(await self.posts(report("Running")), 200)
        self.assertEqual(await self.posts(report("Running"), b"/states/of?groups=1"), 200)
        self.assertEqual(desk.seen, [CONNECTED, RUNNING, RUNNING])
        self.assertEqual(await self.posts(b"GSW_DIAL_MODE=Preview"), 400)
        self.assertEqual(await self.posts(b"", method=b"GET"), 405)
        self.assertEqual(await self.posts(report(), method=b"PUT"), 405)
        self.assertEqual(len(desk.seen), 3)

    async def test_chunks(self) -> None:
        """A chunked body, cut anywhere, is a report like any other."""
        desk = self.desk()
        await desk.reports.start()
        body = report("Running")
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:]))
        head = b"POST / HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.assertIn(b" 200 ", await self.sends(head + chunks + b"0\r\n\r\n"))
        self.assertEqual(desk.seen, [CONNECTED, RUNNING])

    async def test_a_body_that_is_too_large(self) -> None:
        """It is refused, whether its length is told before or not, and not held; one that just fits is taken."""
        desk = self.desk()
        await desk.reports.start()
        just = report()[:-1] + b', "x": "'
        just += b"x" * (1000 - len(just) - 2) + b'"}'
        self.assertEqual(await self.posts(just), 200)
        self.assertEqual(await self.posts(just[:-2] + b'x"}'), 413)
        head = b"POST / HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.assertIn(
            b" 413 ", await self.sends(head + b"5\r\n{   x\r\n" + b"400\r\n" + b"x" * 1024 + b"\r\n0\r\n\r\n")
        )
        parts = b"".join(b"258\r\n" + b" " * 600 + b"\r\n" for _ in range(2))
        self.assertIn(b" 413 ", await self.sends(head + parts + b"2\r\n{}\r\n0\r\n\r\n"))
        self.assertEqual(desk.reports.counts["too large"], 3)

    async def test_a_port_that_is_taken(self) -> None:
        """It says so; and stopped, it listens no more."""
        desk = self.desk()
        await desk.reports.start()
        (port,) = desk.reports.ports
        other = Desk(reactor, None, ("tcp:0:interface=127.0.0.1", f"tcp:{port.getHost().port}:interface=127.0.0.1"))
        with self.assertRaises(CannotListenError):
            await other.reports.start()
        self.assertEqual(other.reports.ports, [])
        await desk.reports.stop()
        self.assertFalse(desk.reports.is_listening)


class Else(Resource):
    """Whoever else wants reports: notes what comes, and answers when the test says so, or at once."""

    isLeaf = True

    def __init__(self) -> None:
        Resource.__init__(self)
        self.came: list[tuple[str, bytes]] = []
        self.code = 200
        self.holds = False
        self.held: list[Request] = []
        self._waiting: list[tuple[int, Deferred[None]]] = []

    def render_POST(self, request: Request) -> Any:
        self.came.append((request.getHeader("content-type"), request.content.read()))
        request.setResponseCode(self.code)
        for number, fires in list(self._waiting):
            if len(self.came) >= number:
                self._waiting.remove((number, fires))
                reactor.callLater(0, fires.callback, None)  # type: ignore[attr-defined]
        if self.holds:
            self.held.append(request)
            return NOT_DONE_YET
        return b"thanks"

    def when(self, number: int) -> Deferred[None]:
        """Fires when so many have come."""
        fires: Deferred[None] = Deferred()
        if len(self.came) >= number:
            fires.callback(None)
        else:
            self._waiting.append((number, fires))
        return fires


async def until(holds: Callable[[], bool]) -> None:
    """What holds soon, and nobody tells when: the trial's own time-out bounds it."""
    while not holds():
        await deferLater(reactor, 0, lambda: None)


class PassedOn(TestCase):
    """forward_reports."""

    timeout = 300

    def setUp(self) -> None:
        self.other = Else()
        self.port = reactor.listenTCP(0, Site(self.other), interface="127.0.0.1")  # type: ignore[attr-defined]
        self.addCleanup(self._close)
        self.desk = Desk(reactor, f"http://127.0.0.1:{self.port.getHost().port}/states?of=groups")
        assert self.desk.reports.onward is not None
        self.onward = self.desk.reports.onward
        self.logged: list[LogEvent] = []
        globalLogPublisher.addObserver(self.logged.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.logged.append)

    async def _close(self) -> None:
        await self.desk.reports.stop()
        for request in self.other.held:
            request.loseConnection()
        await quiet()
        await self.port.stopListening()

    async def test_as_they_came(self) -> None:
        """Every report, also one of which nothing is known, byte for byte, in order, and the groups hear them, too."""
        bodies = [report("Running"), b"[ 1 ]", report()]
        for body in bodies:
            self.desk.reports.take(body, "application/json; charset=utf-8")
        self.desk.reports.take(b"{", None)
        await self.other.when(3)
        self.assertEqual(self.other.came, [("application/json; charset=utf-8", body) for body in bodies])
        await until(lambda: self.onward.counts["passed on"] == 3)
        self.assertEqual(self.onward.counts, {"passed on": 3, "failed": 0, "dropped": 0})
        self.assertEqual(self.desk.seen, [CONNECTED, RUNNING, REPORTED])

    async def test_nobody_waits_for_who_is_slow(self) -> None:
        """One waits for its reply; so many wait behind it, and the oldest of more are lost, and counted."""
        self.other.holds = True
        for number in range(MAX_WAITING + 4):
            self.desk.reports.take(b"[%d]" % number, None)
        await self.other.when(1)
        self.assertEqual(self.onward.counts["dropped"], 3)
        self.other.holds = False
        self.other.held.pop().finish()
        await self.other.when(MAX_WAITING + 1)
        self.assertEqual(
            [body for _, body in self.other.came],
            [b"[0]", *(b"[%d]" % number for number in range(4, MAX_WAITING + 4))],
        )

    async def test_what_fails_is_lost_and_said_once(self) -> None:
        """An error: none is sent twice, the next ones go on, and the log tells it once."""
        self.other.code = 503
        for _ in range(3):
            self.desk.reports.take(b"[]", None)
        await until(lambda: self.onward.counts["failed"] == 3)
        self.assertEqual(len(self.other.came), 3)
        self.other.code = 200
        self.desk.reports.take(b"[4]", None)
        await until(lambda: self.onward.counts["passed on"] == 1)
        self.assertEqual(self.onward.counts, {"passed on": 1, "failed": 3, "dropped": 0})
        warned = [event for event in self.logged if event["log_level"] is LogLevel.warn]
        self.assertEqual(len(warned), 1)


class ToNobody(TestCase):
    """forward_reports where nobody listens."""

    async def test_it_is_counted(self) -> None:
        """Nobody is there: each report is lost, and the groups hear it all the same."""
        nobody = kept()
        self.addCleanup(nobody.close)
        desk = Desk(reactor, f"http://127.0.0.1:{number_of(nobody)}/")
        self.addCleanup(desk.reports.stop)
        onward = desk.reports.onward
        assert onward is not None
        for _ in range(3):
            desk.reports.take(report(), None)
        await until(lambda: onward.counts["failed"] == 3)
        self.assertEqual(desk.seen, [REPORTED] * 3)
