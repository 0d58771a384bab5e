"""A client of a T-Server, as desktops and third-party applications are: one connection, requests, events.

It knows an address, and neither knows nor cares what stands behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twisted.internet.interfaces import ITransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from proxy.errors import Malformed, Unframable
from proxy.kvlist import Pair
from proxy.simulator.frames import FrameCutter
from proxy.tevents.message import (
    APPLICATION_NAME,
    COMMUNICATION_DN,
    DISTRIBUTE_USER_EVENT,
    REFERENCE_ID,
    REGISTER_ADDRESS,
    REGISTER_CLIENT,
    THIS_DN,
    USER_DATA,
    AttributeValue,
    Message,
)
from proxy.tevents.openwire import open_wire


class TClient(Protocol):
    """A connection to a T-Server. `heard` gets every event, `lost` is called when the connection is over."""

    transport: ITransport

    def __init__(self, heard: Callable[[Message], object], lost: Callable[[], object]) -> None:
        self._heard = heard
        self._lost = lost
        self._cutter = FrameCutter(open_wire)
        self._references = 0

    def dataReceived(self, data: bytes) -> None:
        try:
            for frame in self._cutter.cut(data):
                self._heard(open_wire.decode(frame))
        except (Malformed, Unframable):
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._lost()

    def request(self, number: int, attributes: Mapping[int, AttributeValue]) -> int:
        """Send a request; returns its ReferenceID."""
        self._references += 1
        whole = {**attributes, REFERENCE_ID: self._references}
        attribute = open_wire.attribute
        self.transport.write(open_wire.encode(Message(number, [attribute(id, value) for id, value in whole.items()])))
        return self._references

    def register_client(self, application: str) -> None:
        """Open the session under an application name."""
        self.request(REGISTER_CLIENT, {APPLICATION_NAME: application})

    def register_dn(self, dn: str) -> None:
        """Ask for the events of a DN."""
        self.request(REGISTER_ADDRESS, {THIS_DN: dn})

    def distribute(self, dn: str, pairs: list[Pair], this_dn: str | None = None) -> int:
        """A user event for all clients of `dn`; returns its ReferenceID."""
        spoken_for = {} if this_dn is None else {THIS_DN: this_dn}
        return self.request(DISTRIBUTE_USER_EVENT, {COMMUNICATION_DN: dn, **spoken_for, USER_DATA: pairs})

    def close(self) -> None:
        """End the connection."""
        self.transport.loseConnection()

    def abort(self) -> None:
        """End the connection as a failing network does."""
        self.transport.abortConnection()  # type: ignore[attr-defined]
