"""Delayed calls that belong together, so that they can be cancelled together."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

from twisted.internet.interfaces import IDelayedCall, IReactorTime

_P = ParamSpec("_P")


class Timers:
    """The delayed calls of one owner on one clock."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._calls: set[IDelayedCall] = set()

    @property
    def now(self) -> float:
        """Seconds since the epoch, by the clock."""
        return float(self._clock.seconds())

    def later(self, delay: float, call: Callable[_P, object], *args: _P.args, **kwargs: _P.kwargs) -> IDelayedCall:
        """Have `call` called `delay` seconds from now, unless cancelled before."""

        def due() -> None:
            self._calls.discard(delayed)
            call(*args, **kwargs)

        delayed: IDelayedCall = self._clock.callLater(delay, due)
        self._calls.add(delayed)
        return delayed

    def cancel(self, delayed: IDelayedCall | None) -> None:
        """Cancel one call, if it is still to come."""
        if delayed is not None and delayed in self._calls:
            self._calls.discard(delayed)
            delayed.cancel()

    def cancel_all(self) -> None:
        """Cancel every call that is still to come."""
        for delayed in self._calls:
            delayed.cancel()
        self._calls.clear()
