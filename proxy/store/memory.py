"""Groups that survive nothing: what is intended is known for as long as the process lives."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from proxy.interfaces import IGroupStore


@implementer(IGroupStore)
class MemoryStore:
    """`memory:` — written down at once, gone with the process."""

    def __init__(self) -> None:
        self.intended: dict[str, str] = {}

    def intend(self, group: str, step: str) -> Deferred[None]:
        """See IGroupStore."""
        self.intended[group] = step
        return succeed(None)

    def settled(self, group: str) -> None:
        """See IGroupStore."""
        self.intended.pop(group, None)
