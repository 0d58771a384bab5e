"""When the leader keeps an image of the groups, and how it is made."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

from proxy.shared.calls import pause
from proxy.shared.replica import Replica
from proxy.shared.stream import Stream

KEEP_AFTER = 20_000
"""After how many batches a new image is kept: so many a newcomer has to apply at most, and those of the making."""

KEEP_EVERY = 60.0
"""Seconds after which a new image is kept, too, where anything happened."""


class Keeping:
    """Counts what was `applied` since the last image; see `is_due`."""

    def __init__(self, clock: IReactorTime, stream: Stream) -> None:
        self._clock = clock
        self._stream = stream
        self._applied = 0
        self._kept_at = 0.0
        self._under_way = False

    def begin(self) -> None:
        """There is touch with Redis."""
        self._kept_at = self._clock.seconds()
        self._under_way = False

    def applied(self) -> None:
        """One batch more."""
        self._applied += 1

    @property
    def is_due(self) -> bool:
        """Whether a new image is to be kept, and the one before has been."""
        is_time = abs(self._clock.seconds() - self._kept_at) > KEEP_EVERY
        return not self._under_way and (self._applied > KEEP_AFTER or (is_time and self._applied > 0))

    async def lines_of(self, replica: Replica) -> list[str]:
        """The image. The replica must stand still until it is made; the relay need not."""
        lines = []
        for line in replica.lines():
            lines.append(line)
            await pause(self._clock, 0.0)
        self._applied, self._kept_at, self._under_way = 0, self._clock.seconds(), True
        return lines

    async def keep(self, epoch: str, position: str, lines: list[str]) -> None:
        """Write it down. Raises Unreachable, Replaced."""
        await self._stream.keep(epoch, position, lines)
        self._under_way = False
