"""The agent of a web desktop: a client of T-Server, inside the simulator, that speaks JSON to the Agent API."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from proxy.kvlist import Pair
from proxy.simulator import vocabulary as word
from proxy.simulator.vocabulary import (
    AGENT_ID,
    AGENT_LOGIN,
    AGENT_READY,
    EVENT_AGENT_LOGIN,
    EVENT_AGENT_LOGOUT,
    EVENT_AGENT_NOT_READY,
    EVENT_AGENT_READY,
    RELEASE_CALL,
)
from proxy.simulator.web_data import flat, listed
from proxy.tevents.message import (
    ANI,
    APPLICATION_NAME,
    COMMUNICATION_DN,
    CONN_ID,
    DISTRIBUTE_USER_EVENT,
    ERROR_MESSAGE,
    EVENT_ERROR,
    EVENT_ESTABLISHED,
    EVENT_RELEASED,
    EVENT_RINGING,
    EVENT_USER_EVENT,
    REFERENCE_ID,
    REGISTER_ADDRESS,
    REGISTER_CLIENT,
    THIS_DN,
    TIME_IN_SECS,
    TIME_IN_USECS,
    USER_DATA,
    AttributeValue,
    Message,
)

if TYPE_CHECKING:
    from proxy.simulator.tserver import TServer

AGENT_STATES = {
    EVENT_AGENT_LOGIN: "NotReady",
    EVENT_AGENT_NOT_READY: "NotReady",
    EVENT_AGENT_READY: "Ready",
    EVENT_AGENT_LOGOUT: "LoggedOut",
}
CALL_STATES = {EVENT_RINGING: "Ringing", EVENT_ESTABLISHED: "Established", EVENT_RELEASED: "Released"}
"""How the Agent API names them (C)."""

SWITCH = "SIP_Switch"


class RequestFailed(Exception):
    """T-Server refused: the text of its EventError."""


class WebAgent:
    """An agent at `dn`. `tell` gets every event as the Agent API words it. Provides SwitchClient.

    Requests raise RequestFailed.
    """

    def __init__(self, server: TServer, user: str, dn: str, agent_id: str, tell: Callable[[dict[str, Any]], object]):
        self.number = server.next_number()
        self.name: str | None = None
        self.dns: dict[str, None] = {}
        self.dn = dn
        self.agent_id = agent_id
        self.calls: dict[str, dict[str, Any]] = {}
        """The calls at the DN, by id, as the Agent API shows them."""
        self._user = user
        self._server = server
        self._tell = tell
        self._references = 0
        self._refusal: str | None = None

    def __str__(self) -> str:
        return f"{self.number}({self.name})"

    # ------------------------------------------------------------------------------------------ requests

    def come(self) -> None:
        """Open the session, register on the DN, log in, be ready."""
        self._ask(REGISTER_CLIENT, {APPLICATION_NAME: f"Agent API: {self._user}"})
        self._ask(REGISTER_ADDRESS, {THIS_DN: self.dn})
        self.change(AGENT_LOGIN)
        self.change(AGENT_READY)

    def leave(self) -> None:
        """The session is over, as when a desktop's connection breaks: the agent stays logged in at the switch."""
        self._server.left(self)

    def change(self, request: int) -> None:
        """Log in or out, be ready or not."""
        self._ask(request, {THIS_DN: self.dn, AGENT_ID: self.agent_id})

    def say(self, pairs: list[Pair]) -> None:
        """A user event on the agent's own DN, as desktops send them to OCS."""
        self._ask(DISTRIBUTE_USER_EVENT, {COMMUNICATION_DN: self.dn, THIS_DN: self.dn, USER_DATA: pairs})

    def release(self, call: str) -> None:
        """Hang up."""
        self._ask(RELEASE_CALL, {THIS_DN: self.dn, CONN_ID: bytes.fromhex(call)})

    def attach(self, call: str, more: list[Pair]) -> None:
        """User data is added to a call. It is known to this desktop only: the simulated T-Server keeps none."""
        self._change_data(call, [*self.calls[call]["userData"], *listed(more)])

    def update(self, call: str, more: list[Pair]) -> None:
        """Values are replaced, or added where they are not there."""
        self.delete(call, {each.key for each in more}, silently=True)
        self.attach(call, more)

    def delete(self, call: str, keys: set[str], silently: bool = False) -> None:
        """Pairs are taken away."""
        left = [each for each in self.calls[call]["userData"] if each["key"] not in keys]
        if silently:
            self.calls[call]["userData"] = left
        else:
            self._change_data(call, left)

    def _change_data(self, call: str, data: list[dict[str, Any]]) -> None:
        self.calls[call]["userData"] = data
        self._tell_call(self.calls[call], "AttachedDataChanged")

    def _ask(self, number: int, attributes: dict[int, AttributeValue]) -> None:
        """T-Server answers, and OCS too where it has an answer at hand, before this returns."""
        self._references += 1
        self._refusal = None
        whole = {**attributes, REFERENCE_ID: self._references}
        attribute = self._server.wire.attribute
        request = Message(number, [attribute(id, value) for id, value in whole.items()])
        wire = self._server.wire
        self._server.request(self, wire.decode(wire.encode(request)))
        if self._refusal is not None:
            raise RequestFailed(self._refusal)

    # ------------------------------------------------------------------------------------------ events

    def send(self, frame: bytes) -> None:
        """See SwitchClient."""
        message = self._server.wire.decode(frame)
        if message.number == EVENT_ERROR and message.reference == self._references:
            self._refusal = message.text(ERROR_MESSAGE) or "refused"
        elif message.number == EVENT_USER_EVENT:
            self._user_event(message.user_data or [])
        elif message.number in AGENT_STATES:
            self._agent_state(message)
        elif message.number in CALL_STATES:
            self._call_state(message)

    def _user_event(self, pairs: list[Pair]) -> None:
        """T-Server gives a request to all clients of the DN, its sender too: desktops are not shown those (C)."""
        if word.raw(pairs, word.REQUEST) is None:
            self._tell({"userData": flat(pairs), "messageType": "EventUserEvent"})

    def _agent_state(self, message: Message) -> None:
        state = AGENT_STATES[message.number]
        dn = {
            "number": self.dn,
            "switchName": SWITCH,
            "agentId": self.agent_id,
            "capabilities": ["not-ready" if state == "Ready" else "ready", "logout"],
            "available": True,
            "agentState": state,
            "agentWorkMode": "Unknown",
            "timestamp": _milliseconds(message),
        }
        self._tell({"dn": dn, "messageType": "DnStateChanged"})

    def _call_state(self, message: Message) -> None:
        connection = message.get(CONN_ID)
        id = connection.hex() if isinstance(connection, bytes) else ""
        call = self.calls.setdefault(
            id,
            {
                "id": id,
                "connId": id,
                "callUuid": id,
                "callType": "Outbound",
                "phoneNumber": message.text(ANI),
                "dnis": self.dn,
                "userData": listed(message.user_data or []),
            },
        )
        call["state"] = CALL_STATES[message.number]
        if message.number == EVENT_RELEASED:
            del self.calls[id]
        self._tell_call(call, "StatusChange")

    def _tell_call(self, call: dict[str, Any], why: str) -> None:
        self._tell({"call": dict(call), "notificationType": why, "messageType": "CallStateChanged"})


def _milliseconds(message: Message) -> int:
    """Since the epoch."""
    return (message.unsigned(TIME_IN_SECS) or 0) * 1000 + (message.unsigned(TIME_IN_USECS) or 0) // 1000
