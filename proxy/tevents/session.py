"""What the T-Events channel looks at in one desktop's session, and what it changes (M1, M3, M4, M8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from proxy.campaign.attribute import GSW_AUTO_COMPLETION, Edit
from proxy.campaign.observation import (
    ControlRefused,
    DnRegistered,
    DnUnregistered,
    GroupNames,
    MessageRefused,
    MessageTaken,
    NotifyAgent,
    Observation,
    Request,
    SessionBlind,
)
from proxy.errors import DoesNotFit, Malformed
from proxy.gsw import control, userdata
from proxy.gsw.attribute import attribute_values, edited
from proxy.gsw.reading import gsw, speaks
from proxy.interfaces import ITEventWire
from proxy.kvlist import Pair
from proxy.relay.frames import Want
from proxy.tevents.message import (
    COMMUNICATION_DN,
    DISTRIBUTE_EVENT,
    DISTRIBUTE_USER_EVENT,
    EVENT_ABANDONED,
    EVENT_ACK,
    EVENT_ATTACHED_DATA_CHANGED,
    EVENT_DIALING,
    EVENT_ERROR,
    EVENT_ESTABLISHED,
    EVENT_REGISTERED,
    EVENT_RELEASED,
    EVENT_RINGING,
    EVENT_UNREGISTERED,
    EVENT_USER_EVENT,
    NO_ANSWER,
    REGISTER_ADDRESS,
    THIS_DN,
    UNREGISTER_ADDRESS,
    USER_DATA,
    Message,
)
from proxy.tevents.names import MESSAGES

CALL_EVENTS = frozenset(
    {EVENT_ABANDONED, EVENT_RINGING, EVENT_DIALING, EVENT_ESTABLISHED, EVENT_RELEASED, EVENT_ATTACHED_DATA_CHANGED}
)
"""Telephony events in which a record's keys matter: deliveries, releases, and signs of a call (D)."""

WANTED_OF_CLIENTS = {
    DISTRIBUTE_USER_EVENT: Want.HOLD,
    DISTRIBUTE_EVENT: Want.HOLD,
    REGISTER_ADDRESS: Want.LOOK,
    UNREGISTER_ADDRESS: Want.LOOK,
}
WANTED_OF_SERVERS = {
    EVENT_USER_EVENT: Want.HOLD,
    EVENT_REGISTERED: Want.LOOK,
    EVENT_UNREGISTERED: Want.LOOK,
    EVENT_ERROR: Want.LOOK,
    EVENT_ACK: Want.LOOK,
    **dict.fromkeys(CALL_EVENTS, Want.LOOK),
}
"""Which frames are wanted (M1), by message number: this and the table above are the only place."""

MAX_REGISTERING = 256
"""How many unanswered DN registrations of one session are remembered; the oldest are forgotten first."""


class Board(Protocol):
    """Where a session's observations go. See Switchboard."""

    def observe(self, observation: Observation) -> bool:
        """See Switchboard."""
        ...

    def edit(self, names: GroupNames, request: Request | None, values: Sequence[object]) -> Edit:
        """See Switchboard."""
        ...


class Counts:
    """What the sessions of the channel count: plain integers, read when somebody asks."""

    def __init__(self) -> None:
        self.malformed = 0
        self.rewritten = 0
        self.not_rewritten = 0
        self.swallowed = 0
        self.notified = 0


class DesktopSession:
    """One desktop's session: the DNs it is registered for, and what of it cannot be read.

    `inject` puts a frame into the way to the client, False where that cannot be done any more.
    """

    __slots__ = ("_blind", "_dns", "_registering", "board", "communication_dn", "counts", "inject", "number", "wire")

    def __init__(
        self,
        number: int,
        wire: ITEventWire,
        board: Board,
        communication_dn: str,
        counts: Counts,
        inject: Callable[[bytes], bool],
    ) -> None:
        self.number = number
        self.wire = wire
        self.board = board
        self.communication_dn = communication_dn
        self.counts = counts
        self.inject = inject
        self._dns: dict[str, None] = {}
        self._registering: dict[int, str] = {}
        self._blind = False

    def decode(self, frame: bytes) -> Message | None:
        """The message of a frame; None, counted, where it cannot be decoded (M3)."""
        try:
            return self.wire.decode(frame)
        except Malformed:
            self.counts.malformed += 1
            self.go_blind()
            return None

    def go_blind(self) -> None:
        """The session cannot be read any more: the groups of its agents are not completed (R16)."""
        if not self._blind:
            self._blind = True
            self.board.observe(SessionBlind(self.number))

    def own_dn(self, message: Message) -> str | None:
        """The DN for which a client speaks: the one it names, where it is its own, else the first it has.

        Desktops send user events to OCS on their own DN, or on the Communication DN (I). A client need not wait for
        the answer to its registration before it speaks.
        """
        own = [dn for dn in (*self._dns, *self._registering.values()) if dn != self.communication_dn]
        for named in (message.text(THIS_DN), message.text(COMMUNICATION_DN)):
            if named in own:
                return named
        return own[0] if own else None

    # ------------------------------------------------------------------------------------------- what is seen

    def from_client(self, message: Message) -> None:
        """Observe what the client says: a user event, a registration for a DN, or its end."""
        if message.number in (REGISTER_ADDRESS, UNREGISTER_ADDRESS):
            self._asks_registration(message)
        elif (pairs := message.user_data) and speaks(pairs):
            reference = message.reference if message.reference != NO_ANSWER else None
            seen = userdata.from_client(pairs, self.number, self.own_dn(message), reference)
            if seen is not None:
                self.board.observe(seen)

    def from_server(self, message: Message, own_control_is_up: bool) -> bool:
        """Observe what the T-Server says; whether its event is to be swallowed (R26).

        `own_control_is_up`: whether the control session hears OCS's word.
        """
        if message.number == EVENT_USER_EVENT:
            seen = self._user_event(message, own_control_is_up)
            return seen is not None and self.board.observe(seen)
        if message.number in CALL_EVENTS:
            self._call(message)
        elif message.number == EVENT_REGISTERED:
            if (dn := self._answered(message)) is not None:
                self._registered(dn)
        elif message.number == EVENT_UNREGISTERED:
            if (dn := self._answered(message)) is not None:
                self._unregistered(dn)
        elif message.reference is not None:
            self._answered(message)
            answer = MessageRefused if message.number == EVENT_ERROR else MessageTaken
            self.board.observe(answer(self.number, message.reference))
        return False

    def _user_event(self, message: Message, own_control_is_up: bool) -> Observation | None:
        pairs = message.user_data
        if not pairs or not speaks(pairs):
            return None
        dn = message.text(THIS_DN) or self.own_dn(message)
        if dn is None:
            return None
        if dn != self.communication_dn:
            return userdata.to_desktop(pairs, self.number, dn)
        if userdata.is_request(gsw(pairs)):
            return None
        seen = userdata.from_ocs(pairs, self.number, f"session {self.number}")
        # What the control session hears, too, is left to it: one source, one order. A refusal is the client's own.
        return seen if isinstance(seen, ControlRefused) or not own_control_is_up else None

    def _call(self, message: Message) -> None:
        dn, pairs = message.text(THIS_DN), message.user_data
        if dn is None or not pairs:
            return
        seen = userdata.of_call(MESSAGES[message.number], pairs, self.number, dn)
        if seen is not None:
            self.board.observe(seen)

    def _asks_registration(self, message: Message) -> None:
        """A client registers for a DN, or no longer: the answer may bear its reference only."""
        dn, reference = message.text(THIS_DN), message.reference
        if dn is not None and reference is not None:
            self._registering[reference] = dn
            if len(self._registering) > MAX_REGISTERING:
                del self._registering[next(iter(self._registering))]

    def _answered(self, message: Message) -> str | None:
        """The DN of a registration that the T-Server answers."""
        named = self._registering.pop(message.reference, None) if message.reference is not None else None
        return message.text(THIS_DN) or named

    def _registered(self, dn: str) -> None:
        """The T-Server sends this client the events of a DN from now on."""
        self._dns[dn] = None
        if dn != self.communication_dn:
            self.board.observe(DnRegistered(self.number, dn))

    def _unregistered(self, dn: str) -> None:
        """The T-Server sends them no more."""
        self._dns.pop(dn, None)
        if dn != self.communication_dn:
            self.board.observe(DnUnregistered(self.number, dn))

    # ------------------------------------------------------------------------------------------- what is told

    def tell(self, command: NotifyAgent) -> bool:
        """See AgentSession: an EventUserEvent of our own, for the DN of the agent (R28)."""
        attribute = self.wire.attribute
        pairs = userdata.campaign_event(command.word, command.like, command.names)
        message = Message(EVENT_USER_EVENT, [attribute(THIS_DN, command.dn), attribute(USER_DATA, pairs)])
        try:
            told = self.inject(self.wire.encode(message))
        except DoesNotFit:
            return False
        self.counts.notified += told
        return told


class FromDesktop:
    """Looks at what the client sends."""

    __slots__ = ("_session",)

    def __init__(self, session: DesktopSession) -> None:
        self._session = session

    def held(self, number: int, frame: bytes) -> bytes | None:
        """A user event: the attribute is edited by policy, everything else stays (M4, R5)."""
        session = self._session
        message = session.decode(frame)
        pairs = message.user_data if message is not None else None
        if message is None or not pairs or not speaks(pairs):
            return frame
        relayed = self._edited(message, pairs, frame)
        session.from_client(message)
        return relayed

    def _edited(self, message: Message, pairs: list[Pair], frame: bytes) -> bytes:
        keys = [pair[0] for pair in pairs]
        if control.MESSAGE_TYPE not in keys and GSW_AUTO_COMPLETION not in keys:
            return frame
        session = self._session
        data = gsw(pairs)
        request = control.request(data)
        values = attribute_values(pairs)
        edit = session.board.edit(userdata.control_names(data), request, values)
        if edit is Edit.LEAVE:
            return frame
        try:
            relayed = session.wire.encode(message.with_user_data(edited(pairs, edit)))
        except DoesNotFit:
            session.counts.not_rewritten += 1
            return frame
        session.counts.rewritten += 1
        return relayed

    def looked(self, number: int, frame: bytes) -> None:
        """A registration for a DN, or its end."""
        message = self._session.decode(frame)
        if message is not None:
            self._session.from_client(message)

    def opaque(self, reason: str) -> None:
        """See Looks."""
        self._session.go_blind()


class FromServer:
    """Looks at what the T-Server sends. `own_control_is_up`: whether the control session hears OCS's word."""

    __slots__ = ("_own_control_is_up", "_session")

    def __init__(self, session: DesktopSession, own_control_is_up: Callable[[], bool]) -> None:
        self._session = session
        self._own_control_is_up = own_control_is_up

    def held(self, number: int, frame: bytes) -> bytes | None:
        """A user event: observed, and swallowed where the agent was told by the proxy (R26)."""
        session = self._session
        message = session.decode(frame)
        if message is not None and session.from_server(message, self._own_control_is_up()):
            session.counts.swallowed += 1
            return None
        return frame

    def looked(self, number: int, frame: bytes) -> None:
        """The answer to a request, or an event of a call."""
        message = self._session.decode(frame)
        if message is not None:
            self._session.from_server(message, self._own_control_is_up())

    def opaque(self, reason: str) -> None:
        """See Looks."""
        self._session.go_blind()
