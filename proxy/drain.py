"""The time between the wish to stop and the stop: sessions go on until they end, and what was begun is finished."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime

LOOKS_EVERY = 0.25
"""Seconds between two looks at whether anything is left."""


class Drain:
    """Waits until `is_over`, for `seconds` at most, or until it is told to hurry. `begun`: whether it waits, or did."""

    def __init__(self, clock: IReactorTime, seconds: float, is_over: Callable[[], bool]) -> None:
        self.seconds = seconds
        self.begun = False
        self._hurried = False
        self._clock = clock
        self._until = 0.0
        self._is_over = is_over
        self._done: Deferred[None] | None = None
        self._call: IDelayedCall | None = None

    def wait(self) -> Deferred[None]:
        """Fires when the wait is over."""
        self.begun = True
        self._until = self._clock.seconds() + self.seconds
        if self._over:
            return succeed(None)
        self._done = Deferred()
        self._look()
        return self._done

    def hurry(self) -> None:
        """Wait no longer."""
        self._hurried = True
        if self._call is not None:
            self._call.cancel()
            self._look()

    @property
    def _over(self) -> bool:
        return self._hurried or self._is_over() or self._clock.seconds() >= self._until

    def _look(self) -> None:
        self._call = None
        assert self._done is not None
        if self._over:
            self._done.callback(None)
        else:
            self._call = self._clock.callLater(LOOKS_EVERY, self._look)
