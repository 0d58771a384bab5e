"""What Redis's clock shows, as far as an instance can tell: by it the observations of all stand in one order.

Whoever appends to the stream is told when it was done. That was between the question and the answer: so the clocks
differ by what lies between two numbers, and the closer they are to each other, the better it is known.
"""

from __future__ import annotations

from collections.abc import Callable


def milliseconds_of(position: str) -> int:
    """When what stands at a position of the stream was appended, by Redis's clock."""
    return int(position.partition("-")[0])


DRIFT = 0.001
"""By how many seconds a second two clocks may run apart, generously: what was known gets that much less certain."""

ROUNDED = 0.001
"""Seconds: Redis's clock is read in whole milliseconds."""


class SharedClock:
    """`own`: a clock of this instance, in seconds."""

    def __init__(self, own: Callable[[], float]) -> None:
        self.own = own
        self._ahead: float | None = None
        self._uncertain = 0.0
        self._known_at = 0.0

    @property
    def is_set(self) -> bool:
        """Whether anything is known of Redis's clock."""
        return self._ahead is not None

    def shown(self, moment: float) -> int:
        """What Redis's clock showed at a moment of the own one, in milliseconds. It must be set."""
        assert self._ahead is not None
        return max(0, round(1000 * (moment + self._ahead)))

    def answered(self, asked: float, milliseconds: int) -> None:
        """Redis has done right now what it was `asked` then, and its clock showed this when it did."""
        answered, then = self.own(), milliseconds / 1000
        least, most = then - answered, then + ROUNDED - asked
        uncertain = (most - least) / 2
        if self._ahead is not None:
            grown = self._uncertain + DRIFT * (answered - self._known_at)
            if uncertain >= grown and least - grown <= self._ahead <= most + grown:
                return
        self._ahead, self._uncertain, self._known_at = (least + most) / 2, uncertain, answered
