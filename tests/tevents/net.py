"""The channel on real sockets, before a T-Server that says what a test has it say, in a time that a test lets pass."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.interfaces import IListeningPort
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import TestCase

from proxy.config import Limits, TEventsChannel
from proxy.relay.causes import Cause
from proxy.simulator.frames import FrameCutter
from proxy.store.memory import MemoryStore
from proxy.switchboard import Switchboard
from proxy.tevents.channel import TEvents
from proxy.tevents.message import (
    EVENT_LINK_CONNECTED,
    EVENT_REGISTERED,
    REFERENCE_ID,
    REGISTER_ADDRESS,
    REGISTER_CLIENT,
    THIS_DN,
    Message,
)
from proxy.tevents.openwire import open_wire
from tests.relay.net import End, Ends
from tests.tevents.desk import COMM_DN, NotedGroups, frame


class SocketsAndClock:
    """The reactor for sockets, a clock for time."""

    def __init__(self, clock: Clock) -> None:
        self.callLater = clock.callLater
        self.seconds = clock.seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(reactor, name)


def messages(end: End) -> list[Message]:
    """The whole messages that have come to an end of a connection."""
    return [open_wire.decode(each) for each in FrameCutter(open_wire).cut(bytes(end.received))]


class ChannelTestCase(TestCase):
    """A T-Events channel on a free port, before T-Servers on free ports."""

    timeout = 300

    def setUp(self) -> None:
        self.clock = Clock()
        self.reactor = SocketsAndClock(self.clock)
        self.groups = NotedGroups()
        self.board = Switchboard(self.groups, MemoryStore(), self.reactor, self.clock.seconds, self.clock.seconds)
        self.addCleanup(self.board.close)

    async def until(self, holds: Callable[[], object]) -> None:
        """Let the reactor turn until something holds; the test's own time limit is the only one."""
        while not holds():
            await deferLater(reactor, 0)

    async def in_time(self, holds: Callable[[], object]) -> None:
        """Let time pass, half a second at every turn of the reactor, until something holds."""
        while not holds():
            self.clock.advance(0.5)
            await deferLater(reactor, 0)

    async def listen(self) -> tuple[Ends, IListeningPort]:
        """A T-Server: accepts what comes, says nothing by itself."""
        ends = Ends()
        port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(ends)
        self.addCleanup(port.stopListening)
        self.addCleanup(lambda: [end.reset() for end in ends.ends if end.lost is None])
        return ends, port

    async def channel(
        self, *upstream: str, limits: Limits | None = None, answer_timeout: float = 10.0, control: bool = True
    ) -> TEvents:
        """The channel, begun; without `control` only its relay. Its first T-Server is `self.server`."""
        if not upstream:
            self.server, port = await self.listen()
            upstream = (f"tcp:127.0.0.1:{port.getHost().port}",)
        options = TEventsChannel(
            listen=("tcp:0:interface=127.0.0.1",),
            upstream=upstream,
            communication_dn=COMM_DN,
            application="tevent-proxy",
            application_dbid=4114,
        )
        self.tevents = TEvents(
            self.reactor,
            options,
            limits or Limits(),
            answer_timeout,
            self.board,
            itertools.count(1),
            lambda: 0.5,
        )
        self.addCleanup(self._leave)
        await (self.tevents.start() if control else self.tevents.relay.start())
        return self.tevents

    def _leave(self) -> Deferred[None]:
        async def leave() -> None:
            left = self.tevents.control.close()
            await self.tevents.relay.stop_listening()
            await self.tevents.relay.cut_off_all(Cause.SHUTDOWN)
            await left

        return Deferred.fromCoroutine(leave())

    async def connect(self) -> End:
        """A client of the channel."""
        client = await TCP4ClientEndpoint(reactor, "127.0.0.1", self.tevents.relay.ports[0].getHost().port).connect(
            Ends()
        )
        self.addCleanup(lambda: client.lost is None and client.reset())
        return client

    async def desktop(self) -> tuple[End, End]:
        """A client of the channel, and its connection at the T-Server."""
        count = len(self.server.ends)
        client = await self.connect()
        return client, await self.at_server(count)

    async def at_server(self, number: int) -> End:
        """The T-Server's end of a connection, by the order in which it was made, from 0 on."""
        end = await self.server.when_connected(number + 1)
        await self.until(lambda: end.transport is not None)
        return end

    async def asked(self, end: End, count: int) -> Message:
        """The `count`-th message that a client sends the T-Server."""
        await end.when(lambda: len(messages(end)) >= count)
        return messages(end)[count - 1]

    async def register(self, end: End, dn: str = COMM_DN) -> None:
        """The T-Server takes a client's session and its registration for a DN, as it should."""
        asked = await self.asked(end, 1)
        assert asked.number == REGISTER_CLIENT
        end.write(frame(EVENT_LINK_CONNECTED, {REFERENCE_ID: asked.reference or 0}))
        asked = await self.asked(end, 2)
        assert (asked.number, asked.text(THIS_DN)) == (REGISTER_ADDRESS, dn)
        end.write(frame(EVENT_REGISTERED, {REFERENCE_ID: asked.reference or 0, THIS_DN: dn}))

    async def controlled(self, **options: Any) -> End:
        """A channel whose control session is registered; its connection at the T-Server."""
        await self.channel(**options)
        end = await self.at_server(0)
        await self.register(end)
        await self.until(lambda: self.tevents.control.registered)
        return end
