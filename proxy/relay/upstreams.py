"""The upstreams of a channel, tried in order: the one in charge first, which is the primary to begin with (M7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IReactorTime, IStreamClientEndpoint
from twisted.python.failure import Failure

from proxy.errors import PeerError
from proxy.relay.handshake import Greeting


class Unreachable(PeerError):
    """No upstream could be reached; its text says of each one why."""


class Upstreams:
    """Endpoint strings, the primary first.

    `reached` says of each whether the last attempt that came to an end succeeded; None: there was none yet.
    `in_charge` is the one that is tried first, then those after it, and round. It is the primary to begin with. While
    nobody has `settled` who it is, it is the one that was reached last; with `failback` it stays the primary.
    """

    def __init__(
        self, reactor: IReactorTime, descriptions: Sequence[str], connect_timeout: float, failback: bool = False
    ) -> None:
        self.reached: dict[str, bool | None] = dict.fromkeys(descriptions)
        self.connect_timeout = connect_timeout
        self.failback = failback
        self.in_charge = descriptions[0] if descriptions else ""
        self.settled = False
        self.is_serving: Callable[[str], bool] = lambda description: False
        """Whether sessions still hear something of an upstream: such a one is not given up for one failed attempt."""
        self.reached_again: Callable[[], object] = lambda: None
        """Called when the one in charge, which is settled, was reached."""
        self._clock = reactor
        self._failed_at: dict[str, float] = {}
        self._endpoints: dict[str, IStreamClientEndpoint] = {
            text: clientFromString(reactor, text) for text in self.reached
        }

    @property
    def primary(self) -> str:
        """The first of them all."""
        return next(iter(self.reached), "")

    @property
    def unreached(self) -> dict[str, float]:
        """Those whose last attempt failed, and how many seconds ago that was."""
        now = self._clock.seconds()
        return {text: now - self._failed_at[text] for text, reached in self.reached.items() if reached is False}

    def connect(
        self,
        factory: IProtocolFactory,
        at: Callable[[str], object] = lambda description: None,
        order: Sequence[str] | None = None,
    ) -> Deferred[IProtocol]:
        """Connect to the first upstream that can be reached, within `connect_timeout` seconds each.

        `at` is told which one it is, just before the Deferred fires with the protocol that `factory` built, once it is
        connected; over TLS, once the other side is verified. Fails with Unreachable. Can be cancelled at any moment;
        then no connection is left behind. With an `order` those are tried, and whoever is reached is not in charge
        for that.
        """
        tried = self.after(self.in_charge, itself=True) if order is None else order
        endpoints = [(description, self._endpoints[description]) for description in tried]
        return _Search(self, endpoints, self._clock, factory, at, order is None).found

    def after(self, description: str, itself: bool = False) -> list[str]:
        """All of them, those after this one first; or this one `itself` first."""
        every = list(self.reached)
        first = every.index(description) + (not itself) if description in self.reached else 0
        return every[first:] + every[:first]

    def missed(self, description: str) -> None:
        """This one could not be reached."""
        self.reached[description] = False
        self._failed_at[description] = self._clock.seconds()

    def found(self, description: str, counts: bool) -> None:
        """This one was reached, in the order that `in_charge` gives where it `counts`."""
        self.reached[description] = True
        if self.settled:
            if counts and description == self.in_charge:
                self.reached_again()
        elif counts and not self.failback and not self.is_serving(self.in_charge):
            self.in_charge = description


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
        at: Callable[[str], object],
        counts: bool,
    ) -> None:
        self.found: Deferred[IProtocol] = Deferred(self._cancel)
        self._upstreams = upstreams
        self._rest = iter(endpoints)
        self._clock = clock
        self._factory = factory
        self._at = at
        self._counts = counts
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
        self._upstreams.found(description, self._counts)
        self._at(description)
        self.found.callback(protocol)

    def _failed(self, problem: Failure, description: str) -> None:
        self._attempt = None
        if self._cancelled:
            return
        self._upstreams.missed(description)
        self._problems.append(f"{description}: {problem.getErrorMessage() or type(problem.value).__name__}")
        self._next()

    def _cancel(self, _found: Deferred[IProtocol]) -> None:
        self._cancelled = True
        if self._attempt is not None:
            self._attempt.cancel()
