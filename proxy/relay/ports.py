"""The endpoints at which a channel listens: all of them, or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint


class Ports:
    """Listens with `factory` at endpoint strings. `ports` are those that are open."""

    def __init__(self, reactor: Any, descriptions: Sequence[str], factory: IProtocolFactory) -> None:
        self.ports: list[IListeningPort] = []
        self._reactor = reactor
        self._descriptions = descriptions
        self._factory = factory

    def start(self) -> Deferred[None]:
        """Listen. Fails with CannotListenError where one endpoint cannot; then none listens."""
        return Deferred.fromCoroutine(self._start())

    async def _start(self) -> None:
        try:
            for description in self._descriptions:
                self.ports.append(await _endpoint(self._reactor, description).listen(self._factory))
        except BaseException:
            await self._stop()
            raise

    def stop(self) -> Deferred[None]:
        """Listen no more. Fires when it is so."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        ports, self.ports = self.ports, []
        for port in ports:
            await _stopped(port)

    @property
    def are_open(self) -> bool:
        """Whether every endpoint listens."""
        return len(self.ports) == len(self._descriptions)


def _endpoint(reactor: Any, description: str) -> IStreamServerEndpoint:
    endpoint: IStreamServerEndpoint = serverFromString(reactor, description)
    return endpoint


def _stopped(port: IListeningPort) -> Deferred[Any]:
    return maybeDeferred(port.stopListening)
