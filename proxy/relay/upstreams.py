"""The upstreams of a channel, tried in order: the primary first, then its backups (M7)."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IReactorTime, IStreamClientEndpoint
from twisted.python.failure import Failure

from proxy.errors import PeerError
from proxy.relay.handshake import Greeting


class Unreachable(PeerError):
    """No upstream could be reached; its text says of each one why."""


class Upstreams:
    """Endpoint strings in the order in which they are tried.

    `reached` says of each whether the last attempt that came to an end succeeded; None: there was none yet.
    """

    def __init__(self, reactor: IReactorTime, descriptions: Sequence[str], connect_timeout: float) -> None:
        self.reached: dict[str, bool | None] = dict.fromkeys(descriptions)
        self.connect_timeout = connect_timeout
        self._clock = reactor
        self._endpoints: list[tuple[str, IStreamClientEndpoint]] = [
            (text, clientFromString(reactor, text)) for text in self.reached
        ]

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect to the first upstream that can be reached, within `connect_timeout` seconds each.

        Fires with the protocol that `factory` built, once it is connected; over TLS, once the other side is
        verified. Fails with Unreachable. Can be cancelled at any moment; then no connection is left behind.
        """
        return _Search(self, self._endpoints, self._clock, factory).found


def _too_late(_result: object, seconds: float) -> Failure:
    return Failure(TimeoutError(f"no answer within {seconds:g} s"))


class _Search:
    """One session's way through the upstreams."""

    def __init__(
        self,
        upstreams: Upstreams,
        endpoints: Sequence[tuple[str, IStreamClientEndpoint]],
        clock: IReactorTime,
        factory: IProtocolFactory,
    ) -> None:
        self.found: Deferred[IProtocol] = Deferred(self._cancel)
        self._upstreams = upstreams
        self._rest = iter(endpoints)
        self._clock = clock
        self._factory = factory
        self._problems: list[str] = []
        self._cancelled = False
        self._attempt: Deferred[IProtocol] | None = None
        self._next()

    def _next(self) -> None:
        description, endpoint = next(self._rest, (None, None))
        if description is None or endpoint is None:
            self.found.errback(Unreachable("; ".join(self._problems) or "there is no upstream"))
            return
        greeting = Greeting(self._factory)
        attempt = greeting.through(endpoint)
        attempt.addTimeout(self._upstreams.connect_timeout, self._clock, _too_late)
        self._attempt = attempt
        attempt.addCallbacks(self._succeeded, self._failed, (description,), {}, (description,))

    def _succeeded(self, protocol: IProtocol, description: str) -> None:
        self._attempt = None
        self._upstreams.reached[description] = True
        self.found.callback(protocol)

    def _failed(self, problem: Failure, description: str) -> None:
        self._attempt = None
        if self._cancelled:
            return
        self._upstreams.reached[description] = False
        self._problems.append(f"{description}: {problem.getErrorMessage() or type(problem.value).__name__}")
        self._next()

    def _cancel(self, _found: Deferred[IProtocol]) -> None:
        self._cancelled = True
        if self._attempt is not None:
            self._attempt.cancel()
