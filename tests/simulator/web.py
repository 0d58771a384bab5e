"""The simulator's doors over HTTP, over real sockets: a simulator that listens, and requests as bytes."""

from __future__ import annotations

import json
from shutil import which
from typing import Any

from attrs import frozen
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Clock, deferLater
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SkipTest, TestCase

from proxy.simulator.conf import read_conf
from proxy.simulator.service import Simulator
from tests.e2e.stage import StageReactor

CONF = """
[tserver]
listen = tcp:0:interface=127.0.0.1
[ocs]
listen = tcp:0:interface=127.0.0.1
applications = 4114
statistics_interval = 0
{ocs}
[ocs-http]
listen = tcp:0:interface=127.0.0.1
{ocs_http}
[gws]
listen = tcp:0:interface=127.0.0.1
[campaign group Sales@Agents]
dbid = 101
campaign_id = 101
group_id = 732
agents = 3001
lists = Customers
[calling list Customers]
dbid = 201
"""


@frozen
class Reply:
    """What came back: the status, and the body as JSON."""

    status: int
    content: Any


class _Connection(Protocol):
    """Sends bytes, and keeps what comes back until the other side ends."""

    def __init__(self, sent: bytes) -> None:
        self._sent = sent
        self.received = b""
        self.over: Deferred[bytes] = Deferred()

    def connectionMade(self) -> None:
        self.transport.write(self._sent)

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason=connectionDone) -> None:
        self.over.callback(self.received)


def reply_of(received: bytes) -> Reply:
    """A reply whose body is JSON, read."""
    head, _, body = received.partition(b"\r\n\r\n")
    return Reply(int(head.split(b" ")[1]), json.loads(body))


async def curl(*arguments: str) -> bytes:
    """What curl prints. Skips the test where there is none."""
    program = which("curl")
    if program is None:
        raise SkipTest("curl is not on this machine")
    printed, errors, status = await getProcessOutputAndValue(program, ["-sS", "--max-time", "300", *arguments])
    assert status == 0, errors
    return printed


class WebCase(TestCase):
    """A simulator with all its doors. `door` is where the requests of a test go."""

    timeout = 300
    door = "ocs-http"

    async def begin(self, ocs: str = "", ocs_http: str = "", clock: Clock | None = None) -> None:
        """It listens. Further lines of [ocs] and [ocs-http]; with a clock, time is the test's."""
        time = reactor if clock is None else StageReactor(clock)
        self.simulator = Simulator(read_conf(CONF.format(ocs=ocs, ocs_http=ocs_http)), time)
        await self.simulator.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(self._end()))

    async def _end(self) -> None:
        sites = [self.simulator.ocs_http, self.simulator.gws]
        await self.simulator.stop()
        await self.until(lambda: not any(site.channels for site in sites))

    async def until(self, holds) -> None:
        """Let the reactor turn until something holds."""
        while not holds():
            await deferLater(reactor, 0)

    async def connect(self, sent: bytes) -> _Connection:
        """A connection on which these bytes were sent."""
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self.simulator.ports[self.door])
        return await connectProtocol(endpoint, _Connection(sent))

    async def send(self, sent: bytes) -> bytes:
        """Send these bytes; all that comes back until the other side ends."""
        return await (await self.connect(sent)).over

    async def ask(self, target: str, body: object = None, *headers: str, method: str = "POST") -> Reply:
        """One request on a connection of its own; a body that is not bytes goes as JSON, None is none."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode("utf-8")
        lines = [f"{method} {target} HTTP/1.1", "Host: ocs", "Connection: close", f"Content-Length: {len(data)}"]
        return reply_of(await self.send("\r\n".join([*lines, *headers, "", ""]).encode("ascii") + data))

    def url(self, target: str) -> str:
        """A URL at the door."""
        return f"http://127.0.0.1:{self.simulator.ports[self.door]}{target}"

    @property
    def group(self) -> dict[str, Any]:
        """What really happened to the group."""
        truth: dict[str, Any] = self.simulator.truth()["groups"][0]
        return truth
