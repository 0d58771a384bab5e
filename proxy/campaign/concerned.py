"""Whom it concerns: groups by the DNs of their agents, and by who gave them evidence. So not all have to be asked."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter

from attrs import define, field

from proxy.campaign.group import Group

in_order = attrgetter("number")
"""By what groups are sorted: whoever holds the same groups has them in the same order."""


@define(eq=False)
class Concerned:
    """Groups by a text that concerns them: a DN, a source of evidence.

    What is known here follows from the groups, and may be out of date: some may have nothing to do with it any more.
    But nobody who has is missing.
    """

    _groups: dict[str, dict[Group, None]] = field(factory=dict)

    def note(self, what: str, group: Group) -> None:
        """It concerns the group."""
        self._groups.setdefault(what, {})[group] = None

    def by(self, what: str, still: Callable[[Group], bool]) -> list[Group]:
        """Whom it still concerns, in order; the others are forgotten."""
        noted = self._groups.get(what)
        if noted is None:
            return []
        groups = sorted(filter(still, noted), key=in_order)
        if not groups:
            del self._groups[what]
        elif len(groups) < len(noted):
            self._groups[what] = dict.fromkeys(groups)
        return groups

    def take(self, what: str) -> list[Group]:
        """Whom it concerned, or may have concerned, in order; it will concern nobody any more."""
        return sorted(self._groups.pop(what, ()), key=in_order)

    def drop(self, what: str, group: Group) -> None:
        """It does not concern this group any more."""
        self.by(what, lambda other: other is not group)
