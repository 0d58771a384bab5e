"""What channels over TCP share: a relay of clients' sessions, and a session of the proxy's own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping

from twisted.internet.defer import Deferred

from proxy.ownsession import OwnSession
from proxy.relay.causes import Cause
from proxy.relay.listener import Relay
from proxy.relay.upstreams import Upstreams


class Channel(ABC):
    """A channel that is configured; `name` is its section."""

    name: str
    upstreams: Upstreams
    relay: Relay
    control: OwnSession

    def start(self) -> Deferred[None]:
        """Listen, and connect the control session. Fails with CannotListenError."""
        listening = self.relay.start()
        listening.addCallback(lambda _: self.control.start())
        return listening

    def stop(self) -> Deferred[None]:
        """Take no more clients, and end all sessions, what is on its way first."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        left = self.control.close()
        await self.relay.stop_listening()
        await self.relay.end_all(Cause.SHUTDOWN)
        await left

    def reasons(self) -> Iterator[str]:
        """Why the channel is not healthy."""
        if not self.relay.is_listening:
            yield f"{self.name}: not listening"
        for description, reached in self.upstreams.reached.items():
            if reached is False:
                yield f"{self.name}: {description} could not be reached"
        if not self.control.registered:
            yield f"{self.name}: the control session is not registered"
        for direction in (self.relay.to_upstream, self.relay.to_client):
            if direction.failed:
                yield f"{self.name}: {direction.failed} mistakes of ours about the {direction.name}, see the log"

    @abstractmethod
    def looked(self) -> Mapping[str, int]:
        """What became of the frames that were looked into, by name."""

    @abstractmethod
    def messages(self) -> Iterator[tuple[str, str, int]]:
        """How many messages came: the sender, `client` or `upstream`, the name of the message, and the number."""
