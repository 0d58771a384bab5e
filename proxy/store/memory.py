"""Groups that survive nothing: what is intended is known for as long as the process lives."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from proxy.campaign.kept import Changes
from proxy.interfaces import IGroupStore


@implementer(IGroupStore)
class MemoryStore:
    """`memory:` — written down at once, gone with the process."""

    problem: str | None = None

    def __init__(self) -> None:
        self.intended: dict[str, str] = {}

    def open(self, forget: bool) -> Changes:
        """See IGroupStore."""
        return Changes()

    def watch(self, take: Callable[[], Changes], tell: Callable[[str | None], object]) -> None:
        """See IGroupStore: nothing is taken."""

    def changed(self) -> None:
        """See IGroupStore."""

    def intend(self, group: str, step: str) -> Deferred[None]:
        """See IGroupStore."""
        self.intended[group] = step
        return succeed(None)

    def keep(self) -> Deferred[None]:
        """See IGroupStore."""
        return succeed(None)

    def settled(self, group: str) -> None:
        """See IGroupStore."""
        self.intended.pop(group, None)

    def close(self) -> Deferred[None]:
        """See IGroupStore."""
        return succeed(None)
