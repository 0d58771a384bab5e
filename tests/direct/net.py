"""The channel on real sockets, before an OCS that says what a test has it say, in a time that a test lets pass."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import TestCase

from proxy.config import DirectChannel, Limits
from proxy.direct.channel import Direct
from proxy.direct.openwire import open_wire
from proxy.kvlist import Pair, pair
from proxy.relay.causes import Cause
from proxy.simulator.frames import FrameCutter
from proxy.store.memory import MemoryStore
from proxy.switchboard import Switchboard
from proxy.tracefile import TraceFile
from tests.direct.messages import REFERENCE, TYPE, frame
from tests.relay.net import End, Ends
from tests.tevents.desk import NotedGroups
from tests.tevents.net import SocketsAndClock

REGISTERED = frame([pair(TYPE, 18), pair(REFERENCE, 0)])


class OtherControl:
    """A control session of another channel."""

    name = "tevents"
    registered = True


def messages(end: End) -> list[list[Pair]]:
    """The whole messages that have come to an end of a connection."""
    return [open_wire.decode(each) for each in FrameCutter(open_wire).cut(bytes(end.received))]


class ChannelTestCase(TestCase):
    """A direct channel on a free port, before an OCS on a free port."""

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

    async def channel(
        self,
        application_dbid: int | None = None,
        completes: bool = True,
        limits: Limits | None = None,
        trace: TraceFile | None = None,
    ) -> Direct:
        """The channel, begun. Its OCS is `self.ocs`."""
        self.ocs = Ends()
        port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(self.ocs)
        self.addCleanup(port.stopListening)
        self.addCleanup(lambda: [end.reset() for end in self.ocs.ends if end.lost is None])
        options = DirectChannel(
            listen=("tcp:0:interface=127.0.0.1",),
            upstream=(f"tcp:127.0.0.1:{port.getHost().port}",),
            application="ocm-proxy",
            application_dbid=application_dbid,
        )
        limits = limits or Limits()
        numbers = itertools.count(1)
        self.direct = Direct(
            self.reactor, options, limits, 10.0, self.board, numbers, lambda: 0.5, lambda: completes, trace
        )
        self.addCleanup(self._leave)
        await self.direct.start()
        return self.direct

    def _leave(self) -> Deferred[None]:
        async def leave() -> None:
            left = self.direct.control.close()
            await self.direct.relay.stop_listening()
            await self.direct.relay.cut_off_all(Cause.SHUTDOWN)
            await left

        return Deferred.fromCoroutine(leave())

    async def at_ocs(self, number: int) -> End:
        """OCS's end of a connection, by the order in which it was made, from 0 on."""
        end = await self.ocs.when_connected(number + 1)
        await self.until(lambda: end.transport is not None)
        return end

    async def asked(self, end: End, count: int) -> list[Pair]:
        """The `count`-th message that a client sends OCS."""
        await end.when(lambda: len(messages(end)) >= count)
        return messages(end)[count - 1]

    async def controlled(self, **options: Any) -> End:
        """A channel whose control session is registered; its connection at OCS."""
        await self.channel(**options)
        end = await self.at_ocs(0)
        await self.asked(end, 1)
        end.write(REGISTERED)
        await self.until(lambda: self.direct.control.registered)
        return end

    async def client(self) -> tuple[End, End]:
        """A client of the channel, and its connection at OCS."""
        count = len(self.ocs.ends)
        port = self.direct.relay.ports[0].getHost().port
        client = await TCP4ClientEndpoint(reactor, "127.0.0.1", port).connect(Ends())
        self.addCleanup(lambda: client.lost is None and client.reset())
        return client, await self.at_ocs(count)
