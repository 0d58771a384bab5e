"""Which groups are to be looked at, because something happened to them."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import Factory, define, field

from proxy.campaign.group import Group
from proxy.campaign.plain import ASIDE


@define(eq=False)
class Agenda:
    """The groups that the observation of the moment touches, each once, in order."""

    _groups: list[Group] = field(factory=list)
    _there: set[Group] = field(default=Factory(lambda agenda: set(agenda._groups), takes_self=True), metadata=ASIDE)

    def add(self, *groups: Group) -> None:
        """Something happened to these groups."""
        for group in groups:
            if group not in self._there:
                self._there.add(group)
                self._groups.append(group)

    def drop(self, group: Group) -> None:
        """There is no such group any more."""
        if group in self._there:
            self._there.discard(group)
            self._groups.remove(group)

    def take(self) -> Sequence[Group]:
        """All of them; the agenda is empty then."""
        groups, self._groups, self._there = self._groups, [], set()
        return groups
