"""Numbers that are given out in order."""

from __future__ import annotations

from attrs import define


@define
class Numbers:
    """Numbers in order, each given out once. `next` comes next."""

    next: int = 1

    def take(self) -> int:
        """One that was not given out before."""
        number, self.next = self.next, self.next + 1
        return number
