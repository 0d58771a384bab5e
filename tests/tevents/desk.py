"""A desk to try the channel at, without sockets: sessions cut, looked into and rewritten as in the relay."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.task import Clock

from proxy.campaign.groups import Groups
from proxy.campaign.observation import Command, MessageTaken, Observation
from proxy.campaign.policy import ConfiguredGroup, Policy
from proxy.kvlist import pair
from proxy.relay.frames import FrameWalk
from proxy.store.memory import MemoryStore
from proxy.switchboard import Switchboard
from proxy.tevents.message import COMMUNICATION_DN, REFERENCE_ID, THIS_DN, USER_DATA, AttributeValue, Message
from proxy.tevents.openwire import open_wire
from proxy.tevents.session import (
    WANTED_OF_CLIENTS,
    WANTED_OF_SERVERS,
    Counts,
    DesktopSession,
    FromDesktop,
    FromServer,
)

COMM_DN = "OCS_CommDN"


def frame(number: int, attributes: dict[int, AttributeValue]) -> bytes:
    """A frame with these attributes, in this order."""
    return open_wire.encode(Message(number, [open_wire.attribute(id, value) for id, value in attributes.items()]))


def user_data(values: dict[str, object]) -> AttributeValue:
    """User data; the kinds are those of the values."""
    return [pair(key, value) for key, value in values.items()]  # type: ignore[arg-type]


def request(to: str = COMM_DN, reference: int | None = 5, number: int = 48, **values: object) -> bytes:
    """A client's user event to a DN."""
    given = {} if reference is None else {REFERENCE_ID: reference}
    return frame(number, {COMMUNICATION_DN: to, **given, USER_DATA: user_data(values)})


def event(dn: str = "3001", number: int = 96, **values: object) -> bytes:
    """A user event that T-Server gives to a client of the DN."""
    return frame(number, {THIS_DN: dn, USER_DATA: user_data(values)})


class NotedGroups(Groups):
    """Groups that note what they are shown, and want done what a test says; without a word of its: nothing."""

    def __init__(self, default: Policy | None = None, configured: Sequence[ConfiguredGroup] = ()) -> None:
        super().__init__(default or Policy(), configured)
        self.seen: list[Observation] = []
        self.answer: Callable[[Observation], Sequence[Command]] = lambda _: ()
        self.wakes: list[float] = []

    def observe(self, observation: Observation, now: float) -> Sequence[Command]:
        self.seen.append(observation)
        return self.answer(observation)

    def wake(self, now: float) -> Sequence[Command]:
        self.wakes.append(now)
        return ()


class DeskSession:
    """One session at the desk: `sends` and `gets` return what goes on of the bytes that come."""

    def __init__(self, desk: Desk, number: int) -> None:
        self._upstream: list[bytes] = []
        self._client: list[bytes] = []
        self.session = DesktopSession(number, open_wire, desk.board, COMM_DN, desk.counts, self._inject)
        from_desktop = FromDesktop(self.session)
        from_server = FromServer(self.session, lambda: desk.control_is_up)
        limit = 1048576
        self._of_client = FrameWalk(open_wire, WANTED_OF_CLIENTS, limit, from_desktop, self._upstream.append)
        self._of_server = FrameWalk(open_wire, WANTED_OF_SERVERS, limit, from_server, self._client.append)
        desk.board.sessions[number] = self.session

    def _inject(self, frame: bytes) -> bool:
        return self._of_server.inject(frame)

    def sends(self, *chunks: bytes) -> bytes:
        """What goes upstream of what the client sends."""
        for chunk in chunks:
            self._of_client.receive(chunk)
        sent = b"".join(self._upstream)
        self._upstream.clear()
        return sent

    def gets(self, *chunks: bytes) -> bytes:
        """What goes to the client of what the T-Server sends, with what was put in since."""
        for chunk in chunks:
            self._of_server.receive(chunk)
        sent = b"".join(self._client)
        self._client.clear()
        return sent

    def end(self) -> None:
        """Both streams are at their end."""
        self._of_client.finish()
        self._of_server.finish()


class Desk:
    """A switchboard on a clock, with groups that note."""

    def __init__(self, default: Policy | None = None, configured: Sequence[ConfiguredGroup] = ()) -> None:
        self.clock = Clock()
        self.groups = NotedGroups(default, configured)
        self.board = Switchboard(self.groups, MemoryStore(), self.clock, self.clock.seconds, self.clock.seconds)
        self.counts = Counts()
        self.control_is_up = True

    def session(self, number: int = 7, dn: str | None = "3001") -> DeskSession:
        """A session, registered for a DN; what was seen of that is not noted."""
        session = DeskSession(self, number)
        if dn is not None:
            session.sends(frame(3, {THIS_DN: dn, REFERENCE_ID: 1}))
            session.gets(frame(53, {THIS_DN: dn, REFERENCE_ID: 1}))
            self.groups.seen.clear()
        return session

    def carry_out(self, *commands: Command) -> None:
        """Have the groups want something done, as if something had been seen elsewhere."""
        before, self.groups.answer = self.groups.answer, lambda _: commands
        self.board.observe(MessageTaken(99, 1))
        self.groups.answer = before
        self.groups.seen.pop()

    @property
    def seen(self) -> list[Observation]:
        """What the groups were shown."""
        return self.groups.seen
