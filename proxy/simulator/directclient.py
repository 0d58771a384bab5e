"""A client of OCS's direct door, as campaign managers are: one connection, requests, what OCS says."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import ITransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from proxy.direct.openwire import open_wire
from proxy.errors import Malformed, Unframable
from proxy.kvlist import Pair, pair
from proxy.simulator import vocabulary as word
from proxy.simulator.frames import FrameCutter
from proxy.simulator.vocabulary import Control


class DirectConnection(Protocol):
    """A connection to OCS. `heard` gets every message, `lost` is called when the connection is over."""

    transport: ITransport

    def __init__(self, heard: Callable[[list[Pair]], object], lost: Callable[[], object]) -> None:
        self._heard = heard
        self._lost = lost
        self._cutter = FrameCutter(open_wire)

    def dataReceived(self, data: bytes) -> None:
        try:
            for frame in self._cutter.cut(data):
                self._heard(open_wire.decode(frame))
        except (Malformed, Unframable):
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._lost()

    def send(self, pairs: list[Pair]) -> None:
        """Send a message."""
        self.transport.write(open_wire.encode(pairs))

    def register_client(self, name: str, reference: int = 0) -> None:
        """Register under a name."""
        self.send(
            [
                pair(word.CM_TYPE, int(Control.REGISTER_CLIENT)),
                pair(word.CM_REFERENCE, reference),
                pair(word.CM_CLIENT_NAME, name),
            ]
        )

    def close(self) -> None:
        """End the connection."""
        self.transport.loseConnection()

    def abort(self) -> None:
        """End the connection as a failing network does."""
        self.transport.abortConnection()  # type: ignore[attr-defined]
