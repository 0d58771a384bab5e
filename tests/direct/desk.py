"""A desk to try the channel at, without sockets: sessions cut, looked into and rewritten as in the relay."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.task import Clock

from proxy.campaign.observation import Observation
from proxy.campaign.policy import ConfiguredGroup, Policy
from proxy.direct.openwire import open_wire
from proxy.direct.session import WANTED_OF_CLIENTS, WANTED_OF_OCS, ClientSession, Counts, FromClient, FromOcs
from proxy.relay.frames import FrameWalk
from proxy.store.memory import MemoryStore
from proxy.switchboard import Switchboard
from tests.tevents.desk import NotedGroups


class DeskSession:
    """One session at the desk: `sends` and `gets` return what goes on of the bytes that come."""

    def __init__(self, desk: Desk, number: int) -> None:
        self._to_ocs: list[bytes] = []
        self._to_client: list[bytes] = []
        session = ClientSession(number, open_wire, desk.board, desk.counts)
        limit = 4096
        from_client, from_ocs = FromClient(session), FromOcs(session, lambda: desk.words_are_heard)
        self.of_client = FrameWalk(open_wire, WANTED_OF_CLIENTS, limit, from_client, self._to_ocs.append)
        self.of_ocs = FrameWalk(open_wire, WANTED_OF_OCS, limit, from_ocs, self._to_client.append)

    def sends(self, *chunks: bytes) -> bytes:
        """What goes to OCS of what the client sends."""
        for chunk in chunks:
            self.of_client.receive(chunk)
        sent = b"".join(self._to_ocs)
        self._to_ocs.clear()
        return sent

    def gets(self, *chunks: bytes) -> bytes:
        """What goes to the client of what OCS sends."""
        for chunk in chunks:
            self.of_ocs.receive(chunk)
        sent = b"".join(self._to_client)
        self._to_client.clear()
        return sent


class Desk:
    """A switchboard on a clock, with groups that note."""

    def __init__(self, default: Policy | None = None, configured: Sequence[ConfiguredGroup] = ()) -> None:
        self.clock = Clock()
        self.groups = NotedGroups(default, configured)
        self.board = Switchboard(self.groups, MemoryStore(), self.clock, self.clock.seconds, self.clock.seconds)
        self.counts = Counts()
        self.words_are_heard = False

    def session(self, number: int = 7) -> DeskSession:
        """A session of a client."""
        return DeskSession(self, number)

    @property
    def seen(self) -> list[Observation]:
        """What the groups were shown."""
        return self.groups.seen
