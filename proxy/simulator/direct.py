"""The direct door of OCS: campaign managers, and what they hear.

A client registers first; then it may ask. It hears the answers to what it asked, and of the lives of all groups, where
OCS tells those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.interfaces import IAddress, ITransport
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.python.failure import Failure

from proxy.errors import Malformed, Unframable
from proxy.kvlist import Pair
from proxy.simulator import vocabulary as word
from proxy.simulator.frames import FrameCutter
from proxy.simulator.vocabulary import Control

if TYPE_CHECKING:
    from proxy.interfaces import IDirectWire
    from proxy.simulator.directlog import DirectLog
    from proxy.simulator.ocs import Ocs


class DirectSession(Protocol):
    """One client. Provides DirectClient."""

    transport: ITransport

    def __init__(self, door: DirectDoor, number: int) -> None:
        self.number = number
        self.name = f"client {number}"
        self._door = door
        self._cutter = FrameCutter(door.wire)

    def dataReceived(self, data: bytes) -> None:
        try:
            for frame in self._cutter.cut(data):
                self._door.heard(self, self._door.wire.decode(frame))
        except (Malformed, Unframable):
            self.transport.abortConnection()  # type: ignore[attr-defined]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._door.left(self)

    def tell(self, pairs: list[Pair]) -> None:
        """See DirectClient. Who asked and left before the answer does not hear it."""
        self._door.told(self, pairs)
        self.transport.write(self._door.wire.encode(pairs))


class DirectDoor(ServerFactory):
    """Listens for campaign managers. `registered` are those that OCS tells what happens."""

    noisy = False

    def __init__(self, ocs: Ocs, wire: IDirectWire, log: DirectLog | None = None) -> None:
        self.wire = wire
        self.sessions: dict[DirectSession, None] = {}
        self.registered: dict[DirectSession, None] = {}
        self._ocs = ocs
        self._log = log
        self._numbered = 0
        ocs.voice.direct_clients = self.registered

    def buildProtocol(self, addr: IAddress | None) -> DirectSession:
        self._numbered += 1
        session = DirectSession(self, self._numbered)
        self.sessions[session] = None
        return session

    def heard(self, session: DirectSession, pairs: list[Pair]) -> None:
        """What a client says."""
        if self._log is not None:
            self._log.received(session.number, pairs)
        if word.number(pairs, word.CM_TYPE) == Control.REGISTER_CLIENT:
            session.name = word.text(pairs, word.CM_CLIENT_NAME) or session.name
            if self._ocs.register(session, pairs):
                self.registered[session] = None
        elif session in self.registered:
            self._ocs.hear_direct(session, session.name, pairs)
        else:
            self._ocs.refuse_direct(session, pairs)

    def told(self, session: DirectSession, pairs: list[Pair]) -> None:
        """What a client is told."""
        if self._log is not None:
            self._log.sent(session.number, pairs)

    def left(self, session: DirectSession) -> None:
        """A client is gone."""
        self.sessions.pop(session, None)
        self.registered.pop(session, None)
