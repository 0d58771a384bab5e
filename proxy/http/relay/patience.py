"""A time limit that is set and lifted for every message, at hardly any cost."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Patience:
    """Calls `over` when a limit passes that was neither lifted nor set anew.

    One delayed call serves many limits: where it comes before the limit, it is put off to it.
    """

    __slots__ = ("_call", "_clock", "_limit", "_over")

    def __init__(self, clock: IReactorTime, over: Callable[[], None]) -> None:
        self._clock = clock
        self._over = over
        self._limit: float | None = None
        self._call: IDelayedCall | None = None

    def set(self, seconds: float) -> None:
        """So long from now, instead of what was set before."""
        self._limit = limit = self._clock.seconds() + seconds
        if self._call is None:
            self._call = self._clock.callLater(seconds, self._look)
        elif limit < self._call.getTime():
            self._call.reset(seconds)

    def lift(self) -> None:
        """There is no limit now."""
        self._limit = None

    def drop(self) -> None:
        """There will be no limit again."""
        self._limit = None
        call, self._call = self._call, None
        if call is not None:
            call.cancel()

    def _look(self) -> None:
        self._call = None
        if self._limit is None:
            return
        left = self._limit - self._clock.seconds()
        if left > 0:
            self._call = self._clock.callLater(left, self._look)
        else:
            self._limit = None
            self._over()
