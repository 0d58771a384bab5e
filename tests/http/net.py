"""Real sockets for the tests of the HTTP relay: scripted upstreams, clients that send bytes, a site that notes."""

from __future__ import annotations

import itertools
import re
import select
import socket
from collections.abc import Callable, Iterable

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.task import Clock, deferLater

from proxy.http.relay.address import HttpUpstream
from proxy.http.relay.limits import HttpLimits
from proxy.http.relay.listener import HttpRelay
from proxy.http.turns import Replies, ReplyHead, RequestHead, Turn
from proxy.relay.causes import Cause
from tests.quiet import quiet
from tests.relay.net import End, Ends, RelayTestCase

__all__ = ["Clock", "Door", "End", "Ends", "HttpTestCase", "Noted", "NotingSite", "body_of", "reply"]


class ClockedReactor(Clock):
    """The real reactor with a clock of the test's own."""

    def __getattr__(self, name):
        return getattr(reactor, name)


def reply(body: bytes = b"{}", status: str = "200 OK", *headers: str) -> bytes:
    """A reply with a length."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def body_of(message: bytes) -> bytes:
    """What stands behind the first head."""
    return bytes(message).partition(b"\r\n\r\n")[2]


class Noted:
    """Notes what becomes of a reply; wants it whole where `wanted`, and puts `instead` in its place."""

    def __init__(self, wanted: bool = True, instead: Callable[[bytes], bytes] = lambda body: body) -> None:
        self.wanted = wanted
        self.instead = instead
        self.said: list[tuple] = []
        self._waiting: list[Deferred[None]] = []

    def wants(self, head: ReplyHead) -> bool:
        return self.wanted

    def whole(self, head: ReplyHead, body: bytes) -> bytes:
        self.said.append(("whole", head.status, body))
        self._tell()
        return self.instead(body)

    def unread(self, head: ReplyHead, why: str | None) -> None:
        self.said.append(("unread", head.status, why))
        self._tell()

    def failed(self, why: str) -> None:
        self.said.append(("failed", why))
        self._tell()

    def when_told(self) -> Deferred[None]:
        """Fires with the end."""
        fires: Deferred[None] = Deferred()
        if self.said:
            fires.callback(None)
        else:
            self._waiting.append(fires)
        return fires

    def _tell(self) -> None:
        waiting, self._waiting = self._waiting, []
        for fires in waiting:
            fires.callback(None)


class NotingSite:
    """Wants the bodies of POST requests; forwards them with `instead` in their place, and notes what it sees.

    `whole` may be replaced by what a test wants to be done.
    """

    def __init__(self) -> None:
        self.exchanges: HttpRelay | None = None
        self.passed: list[tuple[bytes, str | None]] = []
        self.bodies: list[bytes] = []
        self.turns: list[Turn] = []
        self.ended: list[int] = []
        self.tunnels: list[int] = []
        self.replies: Replies | None = None
        self.instead: Callable[[bytes], bytes] = lambda body: body
        self.act: Callable[[Turn, bytes], object] | None = None
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []

    def wants(self, head: RequestHead) -> bool:
        return head.method == b"POST"

    def passing(self, turn: Turn, why: str | None) -> Replies | None:
        self.passed.append((turn.head.target, why))
        self.turns.append(turn)
        self._look()
        return self.replies

    def whole(self, turn: Turn, body: bytes) -> None:
        self.turns.append(turn)
        self.bodies.append(body)
        self._look()
        if self.act is not None:
            self.act(turn, body)
        else:
            self.exchanges.forward(turn, self.instead(body), self.replies)

    def tunnelled(self, turn: Turn) -> None:
        self.tunnels.append(turn.connection)

    def gone(self, connection: int) -> None:
        self.ended.append(connection)
        self._look()

    def when(self, condition: Callable[[], bool]) -> Deferred[None]:
        """Fires when the condition holds; looked at when the site hears something."""
        fires: Deferred[None] = Deferred()
        self._waiting.append((condition, fires))
        self._look()
        return fires

    def _look(self) -> None:
        waiting, self._waiting = self._waiting, []
        for condition, fires in waiting:
            if condition():
                reactor.callLater(0, fires.callback, None)
            else:
                self._waiting.append((condition, fires))


_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)


class Door(Ends):
    """An upstream whose connections are to be scripted."""

    @property
    def requests(self) -> bytes:
        """All that came, of every connection, in the order in which they were made."""
        return b"".join(bytes(end.received) for end in self.ends)


def whole_messages(received: bytes, heads_only: bool = False) -> int:
    """How many messages with a length, or without a body, stand there whole."""
    count = at = 0
    while (end := received.find(b"\r\n\r\n", at)) >= 0:
        length = None if heads_only else _LENGTH.search(received, at, end + 2)
        end += 4 + (int(length[1]) if length else 0)
        if end > len(received):
            break
        count, at = count + 1, end
    return count


class HttpTestCase(RelayTestCase):
    """An HTTP relay on a free port, before scripted upstreams on free ports."""

    timeout = 300

    def setUp(self) -> None:
        """The last of all that is to be done after a test: every end of a connection has heard of the other's end."""
        self.addCleanup(lambda: Deferred.fromCoroutine(quiet()))

    async def door(self) -> tuple[Door, HttpUpstream]:
        """An upstream."""
        ends = Door()
        port = reactor.listenTCP(0, ends, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.addCleanup(lambda: [end.reset() for end in ends.ends if end.lost is None])
        number = port.getHost().port
        return ends, HttpUpstream(f"tcp:127.0.0.1:{number}", "http", f"127.0.0.1:{number}")

    def nobody(self) -> HttpUpstream:
        """An upstream at which nobody listens, nor will by chance."""
        taken = socket.socket()
        self.addCleanup(taken.close)
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        return HttpUpstream(f"tcp:127.0.0.1:{port}", "http", f"127.0.0.1:{port}")

    async def http(
        self,
        *upstreams: HttpUpstream,
        clock=reactor,
        site: NotingSite | None = None,
        listen: Iterable[str] = ("tcp:0:interface=127.0.0.1",),
        tunnels: bool = False,
        **limits,
    ) -> HttpRelay:
        """A relay that listens; its connections are cut off at the end of the test."""
        self.site = site or NotingSite()
        relay = HttpRelay(
            clock, list(listen), upstreams, HttpLimits(**limits), itertools.count(1), self.site, "ocs-http", tunnels
        )
        self.site.exchanges = relay
        await relay.start()
        self.addCleanup(relay.cut_off_all, Cause.SHUTDOWN)
        self.addCleanup(relay.stop_listening)
        self.relayed = relay
        return relay

    async def client(self, relay: HttpRelay | None = None) -> End:
        """A client of the relay."""
        port = (relay or self.relayed).ports[0].getHost().port
        client = await TCP4ClientEndpoint(reactor, "127.0.0.1", port).connect(Ends())
        self.addCleanup(lambda: client.lost is None and client.reset())
        return client

    async def between(self, **options) -> tuple[HttpRelay, End]:
        """A relay before one upstream, and a client of it."""
        self.upstream, at = await self.door()
        self.at = at
        relay = await self.http(at, **options)
        return relay, await self.client(relay)

    async def asked(self, count: int = 1, connection: int = 1) -> End:
        """The upstream's connection, when so many requests have come whole over it."""
        end = await self.upstream.when_connected(connection)
        await end.when(lambda: whole_messages(bytes(end.received)) >= count)
        return end

    async def replied(self, client: End, count: int = 1) -> bytes:
        """What the client has got, when so many replies with a length are whole."""
        await client.when(lambda: whole_messages(bytes(client.received)) >= count or client.lost is not None)
        return bytes(client.received)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the reactor turn until a condition holds that nobody tells of."""
        while not condition():
            await deferLater(reactor, 0)

    async def turns(self, count: int = 1) -> None:
        """Let the reactor turn so often."""
        for _ in range(count):
            await deferLater(reactor, 0)

    async def still(self, moves: Callable[[], object]) -> None:
        """Let the reactor turn until something does not move any more, and nobody has anything to read or to write."""
        last: object = None
        turns = 0
        while turns < 100:
            await self.turns()
            turns = turns + 1 if last == (last := moves()) and not _anybody_can_go_on() else 0


def _anybody_can_go_on() -> bool:
    """Whether a reader of the reactor has something to read, or a writer can write."""
    poll = select.poll()
    writers = {each.fileno() for each in reactor.getWriters()}
    readers = {each.fileno() for each in reactor.getReaders()}
    for each in readers | writers:
        poll.register(each, (each in readers) * select.POLLIN | (each in writers) * select.POLLOUT)
    return bool(poll.poll(0))
