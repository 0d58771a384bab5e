"""A T-Server: sessions of clients, their DNs, and the distribution of events to every client of a DN."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from twisted.internet.interfaces import IAddress, IPushProducer, IReactorTime, ITransport
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from proxy.errors import Malformed, Unframable
from proxy.interfaces import ITEventWire
from proxy.kvlist import Pair
from proxy.simulator.frames import FrameCutter
from proxy.simulator.switch import DialerClient, SwitchClient, UserEvent
from proxy.simulator.tlog import MessageLog
from proxy.simulator.vocabulary import (
    AGENT_ID,
    AGENT_LOGIN,
    AGENT_LOGOUT,
    AGENT_NOT_READY,
    AGENT_READY,
    EVENT_AGENT_LOGIN,
    EVENT_AGENT_LOGOUT,
    EVENT_AGENT_NOT_READY,
    EVENT_AGENT_READY,
    RELEASE_CALL,
)
from proxy.tevents.message import (
    ANI,
    APPLICATION_NAME,
    COMMUNICATION_DN,
    CONN_ID,
    DISTRIBUTE_EVENT,
    DISTRIBUTE_USER_EVENT,
    ERROR_CODE,
    ERROR_MESSAGE,
    EVENT_ACK,
    EVENT_ERROR,
    EVENT_LINK_CONNECTED,
    EVENT_REGISTERED,
    EVENT_SEQUENCE_NUMBER,
    EVENT_UNREGISTERED,
    EVENT_USER_EVENT,
    NO_ANSWER,
    OTHER_DN,
    REFERENCE_ID,
    REGISTER_ADDRESS,
    REGISTER_CLIENT,
    THIS_DN,
    TIME_IN_SECS,
    TIME_IN_USECS,
    UNREGISTER_ADDRESS,
    USER_DATA,
    AttributeValue,
    Message,
)

# Codes of EventError (C).
NOT_REGISTERED, UNSUPPORTED, INVALID_ATTRIBUTE, NOT_CONFIGURED, WRONG_STATE = 41, 51, 53, 59, 185
ERRORS = {
    NOT_REGISTERED: "DN is not registered by the client",
    UNSUPPORTED: "Unsupported operation",
    INVALID_ATTRIBUTE: "Invalid attribute value",
    NOT_CONFIGURED: "DN is not configured",
    WRONG_STATE: "Set in wrong state",
}


class TEventError(Exception):
    """A request is answered with EventError."""

    def __init__(self, code: int) -> None:
        super().__init__(ERRORS[code])
        self.code = code


@dataclass(slots=True)
class Agent:
    """The agent at a DN, for the switch: it stays logged in when the desktop loses its connection."""

    logged_in: bool = False
    ready: bool = False


@implementer(IPushProducer)
class Session(Protocol):
    """One client. While it does not read, nothing is read from it; if too much waits for it, it is disconnected."""

    transport: ITransport

    def __init__(self, server: TServer, number: int) -> None:
        self.name: str | None = None
        self.number = number
        self.dns: dict[str, None] = {}
        self._server = server
        self._cutter = FrameCutter(server.wire)
        self._paused = False
        self._unread = 0
        self._given_up = False

    def __str__(self) -> str:
        return f"{self.number}({self.name})"

    def connectionMade(self) -> None:
        self.transport.registerProducer(self, True)  # type: ignore[attr-defined]

    def dataReceived(self, data: bytes) -> None:
        try:
            for frame in self._cutter.cut(data):
                self._server.request(self, self._server.wire.decode(frame))
        except (Malformed, Unframable):
            self.transport.abortConnection()  # type: ignore[attr-defined]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._server.sessions.discard(self)
        self._server.left(self)

    def send(self, frame: bytes) -> None:
        """Send a frame, unless the client has stopped reading for too long."""
        if self._given_up:
            return
        if self._paused:
            self._unread += len(frame)
            if self._unread > self._server.max_unread:
                self._given_up = True
                self._server.too_slow += 1
                self.transport.abortConnection()  # type: ignore[attr-defined]
                return
        self.transport.write(frame)

    def pauseProducing(self) -> None:
        """The client does not read: it may not ask for more either. Called again with every write until it does."""
        self._paused = True
        self.transport.pauseProducing()  # type: ignore[attr-defined]

    def resumeProducing(self) -> None:
        """The client reads again."""
        self._paused, self._unread = False, 0
        self.transport.resumeProducing()  # type: ignore[attr-defined]

    def stopProducing(self) -> None:
        """The connection is gone."""
        self._paused = False


class TServer(ServerFactory):
    """The switch's server. `dns` are those configured; the dialer is told what its DNs hear. Provides Switch."""

    noisy = False
    dialer: DialerClient

    def __init__(
        self,
        dns: tuple[str, ...],
        wire: ITEventWire,
        clock: IReactorTime,
        max_unread: int,
        log: MessageLog | None = None,
    ) -> None:
        self.wire = wire
        self.max_unread = max_unread
        self.too_slow = 0
        """How many clients were disconnected because they did not read."""
        self.sessions: set[Session] = set()
        self._clock = clock
        self._log = log
        self._clients: dict[str, dict[SwitchClient, None]] = {dn: {} for dn in dns}
        self._agents: dict[str, Agent] = {dn: Agent() for dn in dns}
        self._numbered = 0
        self._sequence = 0

    def buildProtocol(self, addr: IAddress | None) -> Session:
        session = Session(self, self.next_number())
        self.sessions.add(session)
        return session

    def next_number(self) -> int:
        """The number of a new client."""
        self._numbered += 1
        return self._numbered

    def left(self, session: SwitchClient) -> None:
        """A client is gone, and with it its registrations."""
        if self._log is not None:
            self._log.left(str(session))
        for dn in list(session.dns):
            self._forget(session, dn)

    def as_json(self) -> dict[str, Any]:
        """What the switch knows of its agents, for the other one of a pair."""
        return {dn: [agent.logged_in, agent.ready] for dn, agent in self._agents.items()}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on where another T-Server was. Clients connect anew."""
        for dn, (logged_in, ready) in state.items():
            self._agents[dn] = Agent(logged_in, ready)

    # ------------------------------------------------------------------------------------------ requests

    def request(self, session: SwitchClient, message: Message) -> None:
        """Do what a client asks, and answer it, with EventError where it cannot be done."""
        if self._log is not None:
            self._log.received(str(session), message)
        try:
            if message.number == REGISTER_CLIENT:
                session.name = message.text(APPLICATION_NAME) or f"client {session.number}"
                self._answer(session, message, EVENT_LINK_CONNECTED, {})
                return
            if session.name is None:
                raise TEventError(WRONG_STATE)
            do = _REQUESTS.get(message.number)
            if do is None:
                raise TEventError(UNSUPPORTED)
            do(self, session, message)
        except TEventError as problem:
            about = message.text(THIS_DN) or message.text(COMMUNICATION_DN)
            self._answer(
                session,
                message,
                EVENT_ERROR,
                {ERROR_CODE: problem.code, ERROR_MESSAGE: str(problem), **({THIS_DN: about} if about else {})},
            )

    def _register(self, session: SwitchClient, message: Message) -> None:
        dn = self._configured(message.text(THIS_DN))
        session.dns[dn] = None
        self._clients[dn][session] = None
        self._answer(session, message, EVENT_REGISTERED, {THIS_DN: dn})
        self.dialer.agent_changed(dn)

    def _unregister(self, session: SwitchClient, message: Message) -> None:
        dn = self._registered(session, message)
        self._answer(session, message, EVENT_UNREGISTERED, {THIS_DN: dn})
        self._forget(session, dn)

    def _forget(self, session: SwitchClient, dn: str) -> None:
        del session.dns[dn]
        del self._clients[dn][session]
        self.dialer.agent_changed(dn)

    def _distribute(self, session: SwitchClient, message: Message) -> None:
        """The answer to the sender, the event for all clients of the DN, the dialer last."""
        dn = self._configured(message.text(COMMUNICATION_DN) or message.text(THIS_DN))
        pairs = message.user_data or []
        if message.reference != NO_ANSWER:
            self._answer(session, message, EVENT_ACK, {})
        self.user_event(dn, pairs)
        agent = message.text(THIS_DN) or (next(iter(session.dns)) if len(session.dns) == 1 else None)
        self.dialer.hear(UserEvent(dn, pairs, session.name or "", agent))

    def _change_agent(self, session: SwitchClient, message: Message) -> None:
        dn = self._registered(session, message)
        agent = self._agents[dn]
        if message.number != AGENT_LOGIN and not agent.logged_in:
            raise TEventError(WRONG_STATE)
        event, agent.logged_in, agent.ready = _AGENT_STATES[message.number]
        said = {THIS_DN: dn}
        if (agent_id := message.text(AGENT_ID)) is not None:
            said[AGENT_ID] = agent_id
        self._event(dn, event, said, message.reference)
        self.dialer.agent_changed(dn)

    def _release_call(self, session: SwitchClient, message: Message) -> None:
        dn = self._registered(session, message)
        connection = message.get(CONN_ID)
        if not isinstance(connection, bytes) or not self.dialer.release_asked(dn, int.from_bytes(connection, "big")):
            raise TEventError(INVALID_ATTRIBUTE)

    def _configured(self, dn: str | None) -> str:
        if dn is None:
            raise TEventError(INVALID_ATTRIBUTE)
        if dn not in self._clients:
            raise TEventError(NOT_CONFIGURED)
        return dn

    def _registered(self, session: SwitchClient, message: Message) -> str:
        dn = self._configured(message.text(THIS_DN))
        if dn not in session.dns:
            raise TEventError(NOT_REGISTERED)
        return dn

    # ------------------------------------------------------------------------------------------ as a Switch

    def user_event(self, dn: str, pairs: list[Pair]) -> int:
        """See Switch."""
        return self._event(dn, EVENT_USER_EVENT, {THIS_DN: dn, USER_DATA: pairs})

    def call_event(self, number: int, dn: str, connection: int, customer: str, pairs: list[Pair]) -> None:
        """See Switch."""
        attributes: dict[int, AttributeValue] = {
            THIS_DN: dn,
            CONN_ID: connection.to_bytes(8, "big"),
            OTHER_DN: customer,
            ANI: customer,
            USER_DATA: pairs,
        }
        self._event(dn, number, attributes)

    def attended(self, dn: str) -> bool:
        """See Switch."""
        return bool(self._clients[dn])

    def ready(self, dn: str) -> bool:
        """See Switch."""
        return self._agents[dn].ready

    # ------------------------------------------------------------------------------------------ events

    def _answer(
        self, session: SwitchClient, request: Message, number: int, attributes: Mapping[int, AttributeValue]
    ) -> None:
        """An event for the sender of a request alone, with its ReferenceID; unless it wants no answer."""
        if request.reference != NO_ANSWER:
            self._send([session], number, attributes, request.reference)

    def _event(
        self, dn: str, number: int, attributes: Mapping[int, AttributeValue], reference: int | None = None
    ) -> int:
        """An event for every client of a DN; says how many there are."""
        clients = list(self._clients[dn])
        if clients:
            self._send(clients, number, attributes, reference)
        return len(clients)

    def _send(
        self, clients: list[SwitchClient], number: int, attributes: Mapping[int, AttributeValue], reference: int | None
    ) -> None:
        """One message, stamped with its number and time, to some clients."""
        self._sequence += 1
        now = self._clock.seconds()
        stamped: dict[int, AttributeValue] = {
            **({} if reference is None else {REFERENCE_ID: reference}),
            **attributes,
            EVENT_SEQUENCE_NUMBER: self._sequence,
            TIME_IN_SECS: int(now),
            TIME_IN_USECS: int(now % 1 * 1_000_000),
        }
        attribute = self.wire.attribute
        message = Message(number, [attribute(id, value) for id, value in stamped.items()])
        if self._log is not None:
            self._log.sent(", ".join(map(str, clients)), message)
        frame = self.wire.encode(message)
        for session in clients:
            session.send(frame)


_REQUESTS: dict[int, Callable[[TServer, SwitchClient, Message], None]] = {
    REGISTER_ADDRESS: TServer._register,
    UNREGISTER_ADDRESS: TServer._unregister,
    DISTRIBUTE_USER_EVENT: TServer._distribute,
    DISTRIBUTE_EVENT: TServer._distribute,
    AGENT_LOGIN: TServer._change_agent,
    AGENT_LOGOUT: TServer._change_agent,
    AGENT_READY: TServer._change_agent,
    AGENT_NOT_READY: TServer._change_agent,
    RELEASE_CALL: TServer._release_call,
}

_AGENT_STATES = {
    AGENT_LOGIN: (EVENT_AGENT_LOGIN, True, False),
    AGENT_LOGOUT: (EVENT_AGENT_LOGOUT, False, False),
    AGENT_READY: (EVENT_AGENT_READY, True, True),
    AGENT_NOT_READY: (EVENT_AGENT_NOT_READY, True, False),
}
"""The event, and whether the agent is logged in and ready after it."""
