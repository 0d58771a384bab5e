"""What the direct channel looks at in one client's session, and what it changes (M1, M3, M4, M8)."""

from __future__ import annotations

from collections.abc import Callable

from proxy.campaign.attribute import Edit
from proxy.campaign.observation import ControlRefused
from proxy.direct import vocabulary
from proxy.direct.message import ANY, Message
from proxy.direct.rewrite import attribute_values, edited
from proxy.errors import DoesNotFit, Malformed
from proxy.gsw import control
from proxy.gsw.reading import gsw, number
from proxy.interfaces import IDirectWire
from proxy.relay.frames import Want
from proxy.switchboard import Switchboard

WANTED_OF_CLIENTS = {ANY: Want.HOLD}
WANTED_OF_OCS = {ANY: Want.LOOK}
"""Which frames are wanted (M1): no header tells a message number. Whatever a client sends may bear the attribute, so it
is held until whole; nothing of OCS's is ever changed or swallowed here."""


class Counts:
    """What the sessions of the channel count: plain integers, read when somebody asks.

    `of_clients` and `of_ocs` count messages by their number.
    """

    def __init__(self) -> None:
        self.malformed = 0
        self.rewritten = 0
        self.not_rewritten = 0
        self.of_clients: dict[int, int] = {}
        self.of_ocs: dict[int, int] = {}


class ClientSession:
    """One session of a client. It is no agent's: where it cannot be read, no group is blind (R16)."""

    __slots__ = ("board", "counts", "number", "wire")

    def __init__(self, number: int, wire: IDirectWire, board: Switchboard, counts: Counts) -> None:
        self.number = number
        self.wire = wire
        self.board = board
        self.counts = counts

    def decode(self, frame: bytes, counts: dict[int, int]) -> Message | None:
        """The message of a frame, counted in `counts`; None where it cannot be decoded (M3)."""
        try:
            message = self.wire.decode(frame)
        except Malformed:
            self.counts.malformed += 1
            return None
        kind = number(gsw(message), control.MESSAGE_TYPE)
        if kind is None or kind not in control.MESSAGES:
            kind = ANY  # numbers without a name together, lest a client invents labels
        counts[kind] = counts.get(kind, 0) + 1
        return message


class FromClient:
    """Looks at what the client sends."""

    __slots__ = ("_session",)

    def __init__(self, session: ClientSession) -> None:
        self._session = session

    def held(self, number: int, frame: bytes) -> bytes | None:
        """Any message: the attribute is edited by policy, everything else stays (M4, R5)."""
        session = self._session
        message = session.decode(frame, session.counts.of_clients)
        if message is None:
            return frame
        relayed = self._edited(message, frame)
        seen = vocabulary.from_client(message, session.number)
        if seen is not None:
            session.board.observe(seen)
        return relayed

    def _edited(self, message: Message, frame: bytes) -> bytes:
        session = self._session
        data = gsw(message)
        request = control.request(data)
        values = attribute_values(message)
        if request is None and not values:
            return frame
        edit = session.board.edit(control.names(data), request, values)
        if edit is Edit.LEAVE:
            return frame
        try:
            relayed = session.wire.encode(edited(message, edit))
        except DoesNotFit:
            session.counts.not_rewritten += 1
            return frame
        session.counts.rewritten += 1
        return relayed

    def looked(self, number: int, frame: bytes) -> None:
        """See Looks: nothing of a client's is only looked into."""

    def opaque(self, reason: str) -> None:
        """See Looks: there is nobody to be blind to."""


class FromOcs:
    """Looks at what OCS sends to the client. `words_are_heard`: whether a control session of our own hears OCS's words.

    What that one hears, too, is left to it: one source, one order. A refusal is the client's own.
    """

    __slots__ = ("_session", "_words_are_heard")

    def __init__(self, session: ClientSession, words_are_heard: Callable[[], bool]) -> None:
        self._session = session
        self._words_are_heard = words_are_heard

    def held(self, number: int, frame: bytes) -> bytes | None:
        """See Looks: nothing of OCS's is held."""
        return frame

    def looked(self, number: int, frame: bytes) -> None:
        """Any message: OCS's word on a group, its status, or the refusal of a request."""
        session = self._session
        message = session.decode(frame, session.counts.of_ocs)
        if message is None:
            return
        seen = vocabulary.from_ocs(message, session.number)
        if seen is not None and (isinstance(seen, ControlRefused) or not self._words_are_heard()):
            session.board.observe(seen)

    def opaque(self, reason: str) -> None:
        """See Looks: there is nobody to be blind to."""
