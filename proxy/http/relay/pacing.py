"""Back-pressure: a connection is read at the pace of whoever takes what it says (M5)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure

from proxy.relay.outlet import Outlet, Source, outlet


class Way:
    """The way out over a connection; holds back whoever's bytes are on it while the other side does not keep up."""

    __slots__ = ("_outlet", "_source", "_transport", "behind")

    def __init__(self, transport: Any) -> None:
        self.behind = False
        self._source: Source | None = None
        self._transport = transport
        self._outlet: Outlet | None = None
        self._outlet = outlet(transport, self)

    def taken_by(self, source: Source | None) -> None:
        """From now on it is this one's bytes that go out."""
        last, self._source = self._source, source
        if self.behind and last is not source:
            if source is not None:
                source.pause()
            if last is not None:
                last.resume()

    def send(self, data: bytes) -> None:
        """Send bytes, in order. What is sent after the end goes nowhere."""
        if self._outlet is not None:
            self._outlet.send(data)

    def end(self) -> None:
        """Send what was sent before, then end the sending; a connection that cannot end by half ends as a whole."""
        way, self._outlet = self._outlet, None
        if way is not None:
            way.end()

    def close(self) -> None:
        """Send what was sent before, then close the connection."""
        if self._outlet is not None:
            self._outlet = None
            self._transport.unregisterProducer()
        self._transport.loseConnection()

    def pause(self) -> None:
        """See Source: nothing goes out for now."""
        if not self.behind:
            self.behind = True
            if self._source is not None:
                self._source.pause()

    def resume(self) -> None:
        """See Source: what was sent has gone out."""
        if self.behind:
            self.behind = False
            if self._source is not None:
                self._source.resume()


class PacedProtocol(Protocol, ABC):
    """One end of a connection: is read while nobody holds it. Every `pause` is followed by one `resume`."""

    transport: Any
    way: Way

    def __init__(self) -> None:
        self.lost: Failure | None = None
        self._holds = 0
        self._going_on = False

    def connectionMade(self) -> None:
        """See IProtocol."""
        transport = self.transport
        if hasattr(transport, "setTcpNoDelay"):
            transport.setTcpNoDelay(True)
            transport.setTcpKeepAlive(True)
        self.way = Way(transport)

    def connectionLost(self, reason: Failure = Failure(ConnectionError())) -> None:  # noqa: B008 (as Protocol's)
        """See IProtocol."""
        self.lost = reason

    @property
    def is_held(self) -> bool:
        """Whether somebody wants nothing more to be taken for now."""
        return self._holds > 0

    def pause(self) -> None:
        """See Source."""
        self._holds += 1
        if self._holds == 1 and self.lost is None:
            self.transport.pauseProducing()

    def resume(self) -> None:
        """See Source."""
        self._holds -= 1
        if not self._holds:
            if self.lost is None:
                self.transport.resumeProducing()
            self.go_on()

    def go_on(self) -> None:
        """Take what was read and not taken yet; inside `take`: it goes on there."""
        if not self._going_on:
            self._going_on = True
            try:
                self.take()
            finally:
                self._going_on = False

    @abstractmethod
    def take(self) -> None:
        """Take what was read and not taken yet, until there is nothing, or somebody holds it."""

    def cut_off(self) -> None:
        """Break the connection, whatever is on its way."""
        if self.lost is None:
            self.transport.abortConnection()
