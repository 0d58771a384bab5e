"""The endpoints at which somebody listens: all of them, or none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint

from proxy.endpoints import listening


class Ports:
    """Listens with `factory` at endpoint strings; one that stands there twice (a free port) listens twice."""

    def __init__(self, reactor: Any, descriptions: Sequence[str], factory: IProtocolFactory) -> None:
        self._reactor = reactor
        self._descriptions = tuple(descriptions)
        self._factory = factory
        self._open: list[_Open] = []

    @property
    def ports(self) -> list[IListeningPort]:
        """Those that are open."""
        return [port for _, port in self._open]

    @property
    def are_open(self) -> bool:
        """Whether every endpoint listens."""
        return len(self._open) == len(self._descriptions)

    def start(self) -> Deferred[None]:
        """Listen. Fails with CannotListenError where one endpoint cannot; then none listens."""
        return Deferred.fromCoroutine(self._start())

    async def _start(self) -> None:
        self._open = await self._opened(self._descriptions)

    def stop(self) -> Deferred[None]:
        """Listen no more. Fires when it is so."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        there, self._open = self._open, []
        await _close(there)

    def change(self, descriptions: Sequence[str]) -> Deferred[Decide]:
        """Listen at those endpoints that are new. Fails with CannotListenError where one cannot; then nothing changed.

        Fires with what is to be called next, once: with True to listen at these endpoints from now on, and at no
        other, with False to leave it as it was. That fires when it is so.
        """
        return Deferred.fromCoroutine(self._change(tuple(descriptions)))

    async def _change(self, descriptions: tuple[str, ...]) -> Decide:
        goes = list(self._open)
        stays = [each for each in (_taken(goes, description) for description in descriptions) if each is not None]
        wanted = Counter(descriptions) - Counter(description for description, _ in stays)
        comes = await self._opened(list(wanted.elements()))

        async def decide(apply: bool) -> None:
            if apply:
                self._descriptions, self._open = descriptions, [*stays, *comes]
            await _close(goes if apply else comes)

        return lambda apply: Deferred.fromCoroutine(decide(apply))

    async def _opened(self, descriptions: Sequence[str]) -> list[_Open]:
        """The ports of these endpoints, all of them or none."""
        ports: list[_Open] = []
        try:
            for description in descriptions:
                ports.append((description, await _endpoint(self._reactor, description).listen(self._factory)))
        except BaseException:
            await _close(ports)
            raise
        return ports


class Listens:
    """What takes clients at endpoints of its own: `listening`."""

    listening: Ports

    def start(self) -> Deferred[None]:
        """Listen. Fails with CannotListenError where one endpoint cannot; then none listens."""
        return self.listening.start()

    def stop_listening(self) -> Deferred[None]:
        """Take no more clients; those that are there go on."""
        return self.listening.stop()

    @property
    def ports(self) -> list[IListeningPort]:
        """Where it listens."""
        return self.listening.ports

    @property
    def is_listening(self) -> bool:
        """Whether every endpoint listens."""
        return self.listening.are_open


_Open = tuple[str, IListeningPort]
"""An endpoint string, and the port that it became."""

Decide = Callable[[bool], "Deferred[None]"]
"""See Ports.change."""


def _taken(there: list[_Open], description: str) -> _Open | None:
    """Take one of them out, where there is one."""
    found = next((each for each in there if each[0] == description), None)
    if found is not None:
        there.remove(found)
    return found


async def _close(ports: Sequence[_Open]) -> None:
    for _, port in ports:
        await maybeDeferred(port.stopListening)


def _endpoint(reactor: Any, description: str) -> IStreamServerEndpoint:
    endpoint: IStreamServerEndpoint = serverFromString(reactor, listening(description))
    return endpoint
