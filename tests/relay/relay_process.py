"""A relay in a process of its own: `python -m tests.relay.relay_process UPSTREAM`, prints its port, ends with stdin."""

from __future__ import annotations

import itertools
import sys

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.internet.stdio import StandardIO
from twisted.internet.task import react

from proxy.relay.listener import Limits, Relay
from proxy.relay.upstreams import Upstreams
from proxy.tevents.openwire import open_wire
from tests.relay.net import Unchanged
from tests.relay.test_frames import WANTED


class Silent(Unchanged):
    """Looks that keep nothing."""

    def held(self, number: int, frame: bytes) -> bytes | None:
        return frame

    def looked(self, number: int, frame: bytes) -> None:
        pass


class UntilStdinEnds(Protocol):
    """Fires when whoever started the process is gone, or wants it to end."""

    def __init__(self) -> None:
        self.over: Deferred[None] = Deferred()

    def connectionLost(self, reason) -> None:
        self.over.callback(None)


async def main(_reactor, upstream: str) -> None:
    """Relay until stdin is closed."""
    relay = Relay(
        reactor,
        ["tcp:0:interface=127.0.0.1"],
        Upstreams(reactor, [upstream], 5),
        open_wire,
        WANTED,
        WANTED,
        Limits(deadline=3600),
        itertools.count(1),
        lambda session: (Silent(), Silent()),
        lambda session, cause: None,
    )
    await relay.start()
    until = UntilStdinEnds()
    StandardIO(until)
    sys.stdout.write(f"{relay.ports[0].getHost().port}\n")
    sys.stdout.flush()
    await until.over


if __name__ == "__main__":
    react(main, sys.argv[1:])
