"""Which group a message means (design: Groups and their names, N1).

A group goes by up to four names: DBID, campaign DBID + agent group DBID, `Campaign@Group`, and often just the
campaign's name. Names that come together in one message, or in the conf file, belong to one group.
"""

from __future__ import annotations

from collections.abc import Iterator

from proxy.campaign.group import Group
from proxy.campaign.observation import GroupNames

NOTHING = GroupNames()


def with_campaign(names: GroupNames) -> GroupNames:
    """The names, with the campaign's own where only `Campaign@Group` tells it (C)."""
    if names.campaign is None and names.name is not None and "@" in names.name:
        return names._replace(campaign=names.name.rpartition("@")[0])
    return names


def compatible(known: GroupNames, names: GroupNames) -> bool:
    """Whether nothing in the one contradicts the other: both may be the names of one group."""
    return all(ours is None or theirs is None or ours == theirs for ours, theirs in zip(known, names, strict=True))


def joined(known: GroupNames, names: GroupNames) -> GroupNames:
    """What is known, with the names that were missing."""
    return known._replace(**{field: name for field, name in names._asdict().items() if getattr(known, field) is None})


class Names:
    """All groups, by each of their names. Only a campaign's name may be shared by several."""

    def __init__(self) -> None:
        self.groups: list[Group] = []
        self._dbids: dict[int, Group] = {}
        self._ids: dict[tuple[int, int], Group] = {}
        self._names: dict[str, Group] = {}
        self._campaigns: dict[str, list[Group]] = {}

    def add(self, group: Group) -> None:
        """A new group, under the names it has."""
        self.groups.append(group)
        self._enter(group, group.names)

    def _enter(self, group: Group, names: GroupNames) -> None:
        if names.dbid is not None:
            self._dbids[names.dbid] = group
        if names.campaign_id is not None and names.group_id is not None:
            self._ids[names.campaign_id, names.group_id] = group
        if names.name is not None:
            self._names[names.name] = group
        if names.campaign is not None:
            sharing = self._campaigns.setdefault(names.campaign, [])
            if group not in sharing:
                sharing.append(group)

    def remove(self, group: Group) -> None:
        """The group turned out to be another one."""
        self.groups.remove(group)
        self._dbids = {key: owner for key, owner in self._dbids.items() if owner is not group}
        self._ids = {key: owner for key, owner in self._ids.items() if owner is not group}
        self._names = {key: owner for key, owner in self._names.items() if owner is not group}
        for sharing in self._campaigns.values():
            if group in sharing:
                sharing.remove(group)

    def certain(self, names: GroupNames) -> Iterator[Group]:
        """The groups that the names say for certain, the surest name first."""
        if names.dbid is not None and names.dbid in self._dbids:
            yield self._dbids[names.dbid]
        if names.campaign_id is not None and names.group_id is not None:
            owner = self._ids.get((names.campaign_id, names.group_id))
            if owner is not None:
                yield owner
        if names.name is not None and names.name in self._names:
            yield self._names[names.name]

    def of_campaign(self, campaign: str) -> list[Group]:
        """The groups that dial a campaign."""
        return self._campaigns.get(campaign, [])

    def learn(self, group: Group, names: GroupNames) -> bool:
        """A message speaks of the group by these names: those it lacked are its own now.

        False where one of them contradicts what is known; what is known stays.
        """
        if not compatible(group.names, names):
            return False
        known = joined(group.names, names)
        if known != group.names:
            group.names = known
            self._enter(group, known)
        return True
