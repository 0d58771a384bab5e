"""Which group a message means (design: Groups and their names, N1).

A group goes by up to four names: DBID, campaign DBID + agent group DBID, `Campaign@Group`, and often just the
campaign's name. Names that come together in one message, or in the conf file, belong to one group.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define, field

from proxy.campaign.group import Group
from proxy.campaign.observation import GroupNames
from proxy.campaign.plain import APART, ASIDE, MANY

NOTHING = GroupNames()

MAX_CONFLICTS = 1000
"""How many conflicts are remembered, so that each is reported once."""

MAX_PLAIN = 10_000
"""For how many names, as messages have them, the group is remembered."""


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


def own(names: GroupNames) -> Iterator[GroupNames]:
    """Those of the names that belong to one group only, each for itself, the surest first. Half a pair is none."""
    if names.dbid is not None:
        yield GroupNames(dbid=names.dbid)
    if names.campaign_id is not None and names.group_id is not None:
        yield GroupNames(campaign_id=names.campaign_id, group_id=names.group_id)
    if names.name is not None:
        yield GroupNames(name=names.name)


@define(eq=False)
class Names:
    """All groups, by each of their names. Only a campaign's name may be shared by several."""

    groups: list[Group] = field(factory=list, metadata=APART)
    _known: set[Group] = field(factory=set, metadata=ASIDE)
    _owners: dict[GroupNames, Group] = field(factory=dict, metadata=MANY)
    _campaigns: dict[str, list[Group]] = field(factory=dict, metadata=MANY)
    _conflicts: set[GroupNames] = field(factory=set, metadata=MANY)
    _plain: dict[GroupNames, Group] = field(factory=dict, metadata=MANY)

    def plain(self, names: GroupNames) -> Group | None:
        """The group for which names were remembered: most messages speak of a group as the one before did."""
        return self._plain.get(names)

    def remember(self, names: GroupNames, group: Group) -> None:
        """The names alone say which group is meant, and tell nothing new of it: until any name changes."""
        if len(self._plain) < MAX_PLAIN:
            self._plain[names] = group

    def add(self, group: Group) -> None:
        """A new group, under the names it has."""
        self.groups.append(group)
        self._known.add(group)
        self._enter(group)

    def _enter(self, group: Group) -> None:
        self._plain.clear()
        for name in own(group.names):
            self._owners.setdefault(name, group)
        if group.names.campaign is not None:
            sharing = self._campaigns.setdefault(group.names.campaign, [])
            if group not in sharing:
                sharing.append(group)

    def remove(self, group: Group) -> None:
        """The group turned out to be another one."""
        self._plain.clear()
        self.groups.remove(group)
        self._known.discard(group)
        self._owners = {name: owner for name, owner in self._owners.items() if owner is not group}
        for campaign, sharing in list(self._campaigns.items()):
            if group in sharing:
                sharing.remove(group)
                if not sharing:
                    del self._campaigns[campaign]

    def put_back(self, group: Group) -> None:
        """A group that was there, but for the names it goes by."""
        self.groups.append(group)
        self._known.add(group)

    def has(self, group: Group) -> bool:
        """Whether it is one of them."""
        return group in self._known

    def owners(self, names: GroupNames) -> Iterator[Group]:
        """The groups that have one of the names for their own, the surest name first."""
        for name in own(names):
            if name in self._owners:
                yield self._owners[name]

    def certain(self, names: GroupNames) -> Group | None:
        """The group that the names say for certain: the owner of one of them whom no surer one contradicts."""
        surer = NOTHING
        for name in own(names):
            owner = self._owners.get(name)
            if owner is not None and compatible(owner.names, surer):
                return owner
            surer = joined(surer, name)
        return None

    def of_campaign(self, campaign: str) -> list[Group]:
        """The groups that dial a campaign."""
        return self._campaigns.get(campaign, [])

    def can_be_new(self, names: GroupNames) -> bool:
        """Whether the names are those of a group that nobody has spoken of yet."""
        if any(self.owners(names)):
            return False
        return any(own(names)) or (names.campaign is not None and not self.of_campaign(names.campaign))

    def learn(self, group: Group, names: GroupNames) -> bool:
        """A message speaks of the group by these names: those it lacked are its own now.

        False where one of them contradicts what is known, or is another group's; what is known stays.
        """
        known = joined(group.names, names)
        if not compatible(group.names, names) or any(owner is not group for owner in self.owners(known)):
            return False
        if known != group.names:
            group.names = known
            self._enter(group)
        return True

    def is_new_conflict(self, names: GroupNames) -> bool:
        """Whether this conflict was not reported yet."""
        if names in self._conflicts or len(self._conflicts) >= MAX_CONFLICTS:
            return False
        self._conflicts.add(names)
        return True
