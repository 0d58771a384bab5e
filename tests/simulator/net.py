"""Clients of a real T-Server, over real sockets, for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol

from proxy.kvlist import Pair, pair
from proxy.simulator.client import TClient
from proxy.tevents.message import (
    EVENT_LINK_CONNECTED,
    EVENT_REGISTERED,
    EVENT_USER_EVENT,
    REFERENCE_ID,
    THIS_DN,
    AttributeValue,
    Message,
)
from proxy.tevents.openwire import open_wire


class Desktop:
    """A connection that keeps every message it gets, and can wait for one."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.is_lost = False
        self._seen = 0
        self._waiting: tuple[Callable[[Message], bool], Deferred[Message]] | None = None
        self._lost: Deferred[None] = Deferred()
        self.client = TClient(self._hear, self._lose)

    async def connect(self, port: int, name: str | None = None, *dns: str) -> Desktop:
        """Connect; with a name open the session, and register for DNs."""
        await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", port), self.client)
        if name is not None:
            self.client.register_client(name)
            await self.next(EVENT_LINK_CONNECTED)
        for dn in dns:
            self.client.register_dn(dn)
            await self.next(EVENT_REGISTERED)
        return self

    async def next(self, *numbers: int, where: Callable[[Message], bool] = lambda message: True) -> Message:
        """The next message with one of these numbers (any, if none is given) that was not waited for before."""

        def wanted(message: Message) -> bool:
            return (not numbers or message.number in numbers) and where(message)

        while self._seen < len(self.messages):
            message = self.messages[self._seen]
            self._seen += 1
            if wanted(message):
                return message
        found: Deferred[Message] = Deferred()
        self._waiting = (wanted, found)
        return await found

    async def said(self, **keys: object) -> dict[str, Any]:
        """The user data of the next user event with these GSW_ keys."""
        wanted = {f"GSW_{key}": value for key, value in keys.items()}.items()
        message = await self.next(
            EVENT_USER_EVENT, where=lambda message: wanted <= as_dict(message.user_data or []).items()
        )
        return as_dict(message.user_data or [])

    def send(self, number: int, *attributes: tuple[int, AttributeValue]) -> None:
        """A message as it stands, ReferenceID and all."""
        self.write(frame(number, *attributes))

    def write(self, data: bytes) -> None:
        """Bytes as they stand."""
        self.client.transport.write(data)

    def ask(self, dn: str, request: str, **keys: str | int) -> None:
        """A desktop's request to OCS on its own DN."""
        pairs = [pair("GSW_AGENT_REQ_TYPE", request), *(pair(f"GSW_{key}", value) for key, value in keys.items())]
        self.client.distribute(dn, pairs)

    async def close(self) -> None:
        """End the connection, and wait for its end."""
        if not self.is_lost:
            self.client.abort()
            await self.lost()

    async def lost(self) -> None:
        """Until the connection is over."""
        if not self.is_lost:
            await self._lost

    def _hear(self, message: Message) -> None:
        self.messages.append(message)
        if self._waiting is not None:
            wanted, found = self._waiting
            self._seen = len(self.messages)
            if wanted(message):
                self._waiting = None
                found.callback(message)

    def _lose(self) -> None:
        self.is_lost = True
        self._lost.callback(None)
        if self._waiting is not None:
            _wanted, found = self._waiting
            self._waiting = None
            found.errback(ConnectionError("the connection was lost"))


def frame(number: int, *attributes: tuple[int, AttributeValue]) -> bytes:
    """The bytes of a message."""
    return open_wire.encode(Message(number, [open_wire.attribute(id, value) for id, value in attributes]))


def as_dict(pairs: list[Pair]) -> dict[str, Any]:
    """Pairs by key."""
    return {each.key: each.value for each in pairs}


def facts(message: Message) -> tuple[int, int | None, str | None]:
    """Number, ReferenceID and ThisDN of a message."""
    reference = message.get(REFERENCE_ID)
    return message.number, None if reference is None else message.unsigned(REFERENCE_ID), message.text(THIS_DN)
