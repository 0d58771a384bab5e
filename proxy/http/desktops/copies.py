"""Events that come to several CometD clients of one web desktop: to each tab of its browser. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

MAX_BEHIND = 256
"""For how many different events copies are waited for, for each client; the oldest are forgotten first."""


class Copies:
    """The first client that is brought an event decides what becomes of it, also for the others.

    The n-th time that a client is brought an event is a copy of the n-th time on any other; a client that comes later
    starts from the count of then. So only what a client is behind of is kept: a single client costs nothing.
    """

    def __init__(self) -> None:
        self._behind: dict[str, dict[str, deque[bool]]] = {}

    def decided(self, client: str, event: str) -> bool | None:
        """Whether this copy is swallowed, as the first of its kind was; None where it is the first."""
        events = self._behind.get(client, {})
        verdicts = events.get(event)
        if verdicts is None:
            return None
        swallowed = verdicts.popleft()
        if not verdicts:
            del events[event]
        return swallowed

    def decide(self, event: str, swallowed: bool, others: Iterable[str]) -> None:
        """The first of its kind was dealt with; the other clients will be brought it, too."""
        for client in others:
            events = self._behind.setdefault(client, {})
            events.setdefault(event, deque()).append(swallowed)
            if len(events) > MAX_BEHIND:
                del events[next(iter(events))]

    def forget(self, client: str) -> None:
        """A client is gone."""
        self._behind.pop(client, None)
