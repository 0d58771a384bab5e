"""The lead that this instance may have: which number it has, and until when.

By its own clock, which goes on while the machine sleeps, and counted from before it was asked for: where this instance
believes that it leads, Redis believes so, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable

MARGIN = 0.5
"""Seconds before its end from which on nothing is sent under a lead: what is sent has a way to go."""


def elapsed() -> float:
    """Seconds on a clock that never jumps, and does not stand still while the machine sleeps, where there is one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Lead:
    """`fence` is the number of the lead that was taken last, 0 where there is none. `lease` in seconds."""

    def __init__(self, lease: float, clock: Callable[[], float] = elapsed) -> None:
        self.fence = 0
        self._lease = lease
        self._clock = clock
        self._until = 0.0

    def asked(self) -> float:
        """When Redis is asked for the lead, or to renew it; for `taken` and `renewed`."""
        return self._clock()

    def taken(self, fence: int, asked: float) -> None:
        """It was given, under this number."""
        self.fence, self._until = fence, asked + self._lease

    def renewed(self, asked: float) -> None:
        """It was renewed."""
        self._until = asked + self._lease

    def lost(self) -> None:
        """It is given up, or another has it."""
        self.fence, self._until = 0, 0.0

    @property
    def holds(self) -> bool:
        """Whether it surely goes on for long enough to send something under it, looked at right now."""
        return self.fence > 0 and self._clock() < self._until - MARGIN
