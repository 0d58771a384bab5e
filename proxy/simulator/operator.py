"""An application that asks OCS one thing, and waits for the answer: through a T-Server, or as a campaign manager."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.error import ConnectError

from proxy.errors import PeerError
from proxy.kvlist import Pair, pair
from proxy.simulator import vocabulary as word
from proxy.simulator.client import TClient
from proxy.simulator.directclient import DirectConnection
from proxy.simulator.timers import Timers
from proxy.simulator.vocabulary import DIAL_MODES, Control
from proxy.tevents.message import (
    EVENT_ERROR,
    EVENT_LINK_CONNECTED,
    EVENT_REGISTERED,
    EVENT_USER_EVENT,
    Message,
)

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

REQUESTS = {
    "load": Control.LOAD,
    "start": Control.START,
    "stop": Control.STOP,
    "unload": Control.UNLOAD,
    "force-unload": Control.FORCE_UNLOAD,
    "mode": Control.SET_MODE,
    "status": Control.STATUS,
}

_ANSWERS = frozenset(
    {
        Control.LOADED,
        Control.UNLOADED,
        Control.STARTED,
        Control.STOPPED,
        Control.MODE_CHANGED,
        Control.STATUS_IS,
        Control.REFUSED,
    }
)


class NoAnswer(PeerError):
    """T-Server or OCS did not do their part: no connection, no answer, or EventError."""


@frozen
class Order:
    """One control request. The group is named by `dbid`, else by `campaign_id` and `group_id` together."""

    request: str
    dbid: int | None = None
    campaign_id: int | None = None
    group_id: int | None = None
    auto_completion: int | None = None
    mode: str | None = None
    application_id: int = 4114
    communication_dn: str = "OCS_CommDN"
    reference: int = 1
    timeout: float = 10.0

    @property
    def mode_number(self) -> int | None:
        """The number of its mode. Raises KeyError for a mode that there is not."""
        return None if self.mode is None else _MODES[self.mode]

    def pairs(self) -> list[Pair]:
        """Its user data. Raises KeyError for a request or mode that there is not."""
        keys: dict[str, int | None] = {
            word.CM_TYPE: int(REQUESTS[self.request]),
            word.CM_REFERENCE: self.reference,
            word.CM_SESSION: self.dbid,
            word.CM_CAMPAIGN: self.campaign_id,
            word.CM_GROUP: self.group_id,
            word.APPLICATION: self.application_id,
            word.CM_DIAL_MODE: self.mode_number,
            word.AUTO_COMPLETION: self.auto_completion,
        }
        return [pair(key, value) for key, value in keys.items() if value is not None]

    def direct_pairs(self) -> list[Pair]:
        """The same as a direct message: the group goes by campaign and agent group, the attribute is a property."""
        keys: dict[str, int | None] = {
            word.CM_TYPE: int(REQUESTS[self.request]),
            word.CM_REFERENCE: self.reference,
            word.CM_SESSION: self.dbid,
            word.CM_CAMPAIGN: self.campaign_id,
            word.CM_GROUP: self.group_id,
            word.CM_DIAL_MODE: self.mode_number,
        }
        pairs = [pair(key, value) for key, value in keys.items() if value is not None]
        if self.auto_completion is not None:
            pairs.append(pair(word.CM_PROPERTIES, [pair(word.AUTO_COMPLETION, self.auto_completion)]))
        return pairs


_MODES = {name: number for number, name in DIAL_MODES.items()}


class _Asking:
    """Gives one order, and has `answer` fire with the pairs of OCS's answer, or fail with NoAnswer."""

    def __init__(self, order: Order, reactor: IReactorTime) -> None:
        self.answer: Deferred[list[Pair]] = Deferred()
        self._order = order
        self._timers = Timers(reactor)
        self._reactor = reactor

    async def _connect(self, endpoint: str, client: TClient | DirectConnection) -> list[Pair]:
        self._timers.later(self._order.timeout, self._fail, "no answer in time")
        try:
            connecting = clientFromString(self._reactor, endpoint)
            await connectProtocol(connecting, client)
        except (ConnectError, OSError, ValueError) as problem:
            self._timers.cancel_all()
            raise NoAnswer(f"cannot connect to {endpoint}: {problem}") from problem
        client.register_client("operator")
        try:
            return await self.answer
        finally:
            self._timers.cancel_all()
            client.close()

    def _hear_answer(self, pairs: list[Pair]) -> None:
        mine = word.number(pairs, word.CM_REFERENCE) == self._order.reference
        if mine and word.number(pairs, word.CM_TYPE) in _ANSWERS and not self.answer.called:
            self.answer.callback(pairs)

    def _lose(self) -> None:
        self._fail("the connection was lost")

    def _fail(self, why: str) -> None:
        if not self.answer.called:
            self.answer.errback(NoAnswer(why))


class Operator(_Asking):
    """A third-party application: asks on the Communication DN."""

    def __init__(self, order: Order, reactor: IReactorTime) -> None:
        super().__init__(order, reactor)
        self._client = TClient(self._hear, self._lose)
        self._asked = False

    async def connect(self, endpoint: str) -> list[Pair]:
        """Give the order through the T-Server at an endpoint string; returns the answer's user data."""
        return await self._connect(endpoint, self._client)

    def _hear(self, message: Message) -> None:
        if message.number == EVENT_LINK_CONNECTED:
            self._client.register_dn(self._order.communication_dn)
        elif message.number == EVENT_REGISTERED:
            self._asked = True
            self._client.distribute(self._order.communication_dn, self._order.pairs())
        elif message.number == EVENT_ERROR:
            self._fail(f"EventError {message.unsigned(46)}: {message.text(1)}")
        elif message.number == EVENT_USER_EVENT and self._asked:
            self._hear_answer(message.user_data or [])


class DirectOperator(_Asking):
    """A campaign manager with a connection per command: registers, asks, hears, leaves."""

    def __init__(self, order: Order, reactor: IReactorTime) -> None:
        super().__init__(order, reactor)
        self._client = DirectConnection(self._hear, self._lose)
        self._asked = False

    async def connect(self, endpoint: str) -> list[Pair]:
        """Give the order to OCS at an endpoint string; returns the answer."""
        return await self._connect(endpoint, self._client)

    def _hear(self, pairs: list[Pair]) -> None:
        kind = word.number(pairs, word.CM_TYPE)
        if self._asked:
            self._hear_answer(pairs)
        elif kind == Control.CLIENT_REGISTERED:
            self._asked = True
            self._client.send(self._order.direct_pairs())
        elif kind == Control.REFUSED:
            self._fail(f"not registered: {word.text(pairs, word.CM_ERROR_MESSAGE)}")


def as_json(pairs: list[Pair]) -> dict[str, Any]:
    """The pairs of an answer as JSON has them, and its name."""
    number = word.number(pairs, word.CM_TYPE)
    name = Control(number).name.lower() if number in _ANSWERS else None
    return {"answer": name, **{each.key: each.value for each in pairs if isinstance(each.value, (int, str))}}
