"""When something falls due in the groups, the leader says so: an entry, like all that is said."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from proxy.shared.calls import Calls

A_TICK = 0.001
"""Seconds: Redis's clock shows whole milliseconds."""

APART = 0.05
"""Seconds between two wakings at least: also where Redis's clock stands still, having been put back."""


class Waking:
    """Calls `wake` when it is time, once until what it says has been `heard`."""

    def __init__(self, clock: IReactorTime, wake: Callable[[], None]) -> None:
        self._clock = clock
        self._calls = Calls(clock)
        self._wake = wake
        self._woke = float("-inf")
        self._is_said = False

    def look(self, seconds: float | None) -> None:
        """In so many seconds something falls due; None: nothing does, or it is not this instance's to say so."""
        if seconds is None:
            self._calls.cancel("wake")
        elif not self._is_said:
            apart = min(APART, self._woke + APART - self._clock.seconds())
            self._calls.make("wake", max(seconds + A_TICK, apart), self._say)

    def heard(self) -> None:
        """The stream has shown that it was time, or that another leads from here on."""
        self._is_said = False

    def stop(self) -> None:
        """Nothing is said any more, and what was said may not have arrived."""
        self._calls.cancel_all()
        self._is_said = False

    def _say(self) -> None:
        self._woke = self._clock.seconds()
        self._is_said = True
        self._wake()
