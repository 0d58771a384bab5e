"""What channels share: a relay of clients' connections; and, over T-Events and direct, a session of the proxy's own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence, Sized
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort

from proxy.config import Limits, OnMalformed
from proxy.ownsession import OwnSession
from proxy.relay.causes import Cause
from proxy.relay.listener import Limits as RelayLimits
from proxy.relay.listener import Relay
from proxy.relay.ports import Ports


class Connections(Protocol):
    """A relay of clients' connections: where it listens, and what it counts."""

    @property
    def listening(self) -> Ports:
        """Where it listens, and may listen instead."""
        ...

    @property
    def ports(self) -> Sequence[IListeningPort]:
        """What is open of it."""
        ...

    @property
    def is_listening(self) -> bool:
        """Whether every endpoint listens."""
        ...

    @property
    def sessions(self) -> Sized:
        """Those there are now."""
        ...

    @property
    def begun(self) -> int:
        """How many were taken."""
        ...

    @property
    def causes(self) -> Mapping[Cause, int]:
        """How many ended, by cause."""
        ...

    @property
    def client_bytes(self) -> int:
        """How many bytes came from clients."""
        ...

    @property
    def upstream_bytes(self) -> int:
        """How many bytes came from upstreams."""
        ...

    def start(self) -> Deferred[None]:
        """Listen. Fails with CannotListenError where one endpoint cannot; then none listens."""
        ...

    def stop_listening(self) -> Deferred[None]:
        """Take no more clients."""
        ...

    def end_all(self, cause: Cause) -> Deferred[None]:
        """End every connection, what is on its way first. Fires when none is left, within the deadline."""
        ...

    def cut_off_all(self, cause: Cause) -> Deferred[None]:
        """End every connection now. Fires when none is left."""
        ...


class Channel(ABC):
    """A channel that is configured; `name` is its section."""

    name: str

    @property
    @abstractmethod
    def connections(self) -> Connections:
        """The relay of its clients' connections."""

    @property
    @abstractmethod
    def unreached(self) -> Mapping[str, float]:
        """Its upstreams that the last attempt did not reach, and how many seconds ago that was."""

    def start(self) -> Deferred[None]:
        """Listen. Fails with CannotListenError."""
        return self.connections.start()

    def ports(self) -> Iterator[tuple[str, IListeningPort]]:
        """Where it listens, and for what."""
        for port in self.connections.ports:
            yield self.name, port

    def stop(self) -> Deferred[None]:
        """Take no more clients, and end all sessions, what is on its way first."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await self.connections.stop_listening()
        await self.connections.end_all(Cause.SHUTDOWN)

    def reasons(self) -> Iterator[str]:
        """Why the channel is not healthy."""
        if not self.connections.is_listening:
            yield f"{self.name}: not listening"
        for description, seconds in self.unreached.items():
            yield f"{self.name}: {description} could not be reached{_ago(seconds)}"
        if self.registered is False:
            yield f"{self.name}: the control session is not registered"
        for sender, failed in self.unseen().items():
            if failed:
                yield f"{self.name}: {failed} mistakes of ours about the {sender}, see the log"

    @abstractmethod
    def limit(self, limits: Limits) -> None:
        """These limits hold from now on; for sessions that are there, where that is possible."""

    @property
    def registered(self) -> bool | None:
        """Whether the session of the proxy's own is registered; None where the channel has none."""
        return None

    @abstractmethod
    def unseen(self) -> Mapping[str, int]:
        """How often looking failed by a mistake of ours, by sender."""

    def opaque(self) -> Mapping[str, int]:
        """How many sessions could no longer be read, by sender."""
        return {}

    def reported(self) -> Mapping[str, Mapping[str, float | None]]:
        """OCS's latest statistics of groups, by group and name; None where OCS says that it does not know."""
        return {}

    def web_desktops(self) -> Mapping[str, int]:
        """How many web desktops there are now, and what they wait for, by name."""
        return {}

    @abstractmethod
    def looked(self) -> Mapping[str, int]:
        """What became of the messages that were looked into, by name."""

    @abstractmethod
    def messages(self) -> Iterator[tuple[str, str, int]]:
        """How many messages came: the sender, `client` or `upstream`, the name of the message, and the number."""


class FramedChannel(Channel):
    """A channel whose sessions are long and made of frames; the proxy has a session of its own in it."""

    relay: Relay
    control: OwnSession

    @property
    def connections(self) -> Connections:
        """See Channel."""
        return self.relay

    @property
    def unreached(self) -> Mapping[str, float]:
        """See Channel."""
        return self.relay.upstreams.unreached

    def limit(self, limits: Limits) -> None:
        """See Channel: the largest frame is that of a session's beginning."""
        self.relay.limits = relay_limits(limits)
        self.relay.upstreams.connect_timeout = limits.connect_timeout

    @property
    def registered(self) -> bool:
        """See Channel."""
        return self.control.registered

    def start(self) -> Deferred[None]:
        """See Channel: and connect the control session."""
        listening = super().start()
        listening.addCallback(lambda _: self.control.start())
        return listening

    async def _stop(self) -> None:
        left = self.control.close()
        await super()._stop()
        await left

    def unseen(self) -> Mapping[str, int]:
        """See Channel."""
        return {way.name: way.failed for way in (self.relay.to_upstream, self.relay.to_client)}

    def opaque(self) -> Mapping[str, int]:
        """See Channel."""
        return {way.name: way.opaque for way in (self.relay.to_upstream, self.relay.to_client)}


def _ago(seconds: float) -> str:
    """How long ago something was, if that is worth to be said."""
    hours, minutes = divmod(int(seconds // 60), 60)
    parts = [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes)
    return f" {' '.join(parts)} ago, and nobody has tried since" if parts else ""


def relay_limits(limits: Limits) -> RelayLimits:
    """The limits of such a channel, of [limits]."""
    return RelayLimits(limits.max_sessions, limits.max_frame, limits.on_malformed is OnMalformed.CLOSE)
