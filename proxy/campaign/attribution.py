"""Which group an observation is about (N1), and which groups turn out to be one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from proxy.campaign.agenda import Agenda
from proxy.campaign.around import Surroundings
from proxy.campaign.clients import ClientRequest
from proxy.campaign.concerned import Concerned
from proxy.campaign.evidence import session_of
from proxy.campaign.group import Group
from proxy.campaign.joining import rank, take_in
from proxy.campaign.names import NOTHING, Names, compatible, joined, with_campaign
from proxy.campaign.observation import GroupNames, News
from proxy.campaign.policy import ConfiguredGroup, Policy
from proxy.campaign.requests import DesktopRequests
from proxy.campaign.which_session import had_agent, has_agent, knows

MAX_GROUPS = 10_000
"""How many groups there can be; names beyond that are counted as unattributed."""


class Attribution:
    """All groups, found by what an observation says of them. `default` is the policy of groups without a section."""

    def __init__(
        self,
        around: Surroundings,
        agenda: Agenda,
        requests: DesktopRequests[Group],
        names: Names,
        default: Policy,
    ) -> None:
        self.default = default
        self._around = around
        self._agenda = agenda
        self._requests = requests
        self._names = names
        self._agents, self._evidence = Concerned(), Concerned()
        for group in names.groups:
            self.note(group)

    @property
    def groups(self) -> list[Group]:
        """All of them."""
        return self._names.groups

    def configure(self, configured: Iterable[ConfiguredGroup]) -> None:
        """The sections that hold at first."""
        for section in configured:
            self._names.add(Group(with_campaign(section.names), section.policy, self._around, is_configured=True))

    def reconfigure(self, default: Policy, configured: Iterable[ConfiguredGroup]) -> None:
        """Other sections hold. A group that has none any more goes on as one that never had."""
        self.default = default
        for group in self.groups:
            group.policy, group.is_configured = default, False
        for section in configured:
            names = with_campaign(section.names)
            known = self.find(names)
            if known is None:
                self._names.add(Group(names, section.policy, self._around, is_configured=True))
            else:
                group = self._join(known, names)
                group.policy, group.is_configured = section.policy, True

    def has(self, group: Group) -> bool:
        """Whether it is one of them: it was not found to be another."""
        return self._names.has(group)

    def remembered(self, names: GroupNames) -> Group | None:
        """The group that went by these names when the proxy ended; None where the conf file now says otherwise."""
        group = self.find(names)
        if group is None and self._names.can_be_new(names):
            group = Group(names, self.default, self._around)
            self._names.add(group)
        if group is None or not self._names.learn(group, names):
            self._report_conflict(group or next(self._names.owners(names), None), names)
            return None
        return group

    def policy(self, names: GroupNames) -> Policy:
        """The policy of the group that is meant, the default where that cannot be told."""
        group = self.find(with_campaign(names))
        return group.policy if group is not None else self.default

    # ----------------------------------------------------------------------------------------------- whom it concerns

    def note(self, group: Group) -> None:
        """It has the agents and the evidence that it has, wherever they came from."""
        for dn in (dn for session in group.sessions for dn in session.agents):
            self._agents.note(dn, group)
        for source in group.session.evidence.given:
            self.note_evidence(group, source)

    def _forget(self, group: Group) -> None:
        """There is no such group any more."""
        for dn in (dn for session in group.sessions for dn in session.agents):
            self._agents.drop(dn, group)
        for source in group.session.evidence.given:
            self._evidence.drop(source, group)

    def note_agent(self, group: Group, dn: str) -> None:
        """The agent on this DN is one of its agents, of whichever session."""
        self._agents.note(dn, group)

    def note_evidence(self, group: Group, source: str) -> None:
        """Somebody gives it evidence; desktops' sessions end, and are to be found then."""
        if session_of(source) is not None:
            self._evidence.note(source, group)

    def with_agent(self, dn: str) -> list[Group]:
        """The groups with the agent on this DN: in the session that is or was, or in the one that is about to begin."""
        return self._agents.by(dn, lambda group: any(dn in session.agents for session in group.sessions))

    def had_evidence(self, source: str) -> list[Group]:
        """The groups that may have evidence of a desktop's session that is over: it gives no more."""
        return self._evidence.take(source)

    def client_requests(self, session: int | None = None) -> list[tuple[Group, ClientRequest]]:
        """What clients asked and OCS has not answered: all, or that of one session."""
        waiting = self._around.waiting_clients
        if not waiting or (session is not None and session not in waiting):
            return []
        every = [(group, asked) for group in self.groups for asked in group.requests]
        return [(group, asked) for group, asked in every if session in (None, asked.session)]

    def find(self, names: GroupNames, dn: str | None = None, handle: str | None = None) -> Group | None:
        """The group that is meant, None where that cannot be told (N1)."""
        group = self._names.plain(names) or self._names.certain(names)
        if group is not None:
            return group
        if names.campaign is not None:
            sharing = self._names.of_campaign(names.campaign)
            candidates = [group for group in sharing if compatible(group.names, names)]
            if len(candidates) == 1:
                return candidates[0]
            return _only(candidates, candidates, handle, dn)
        if names == NOTHING:
            return _only(self._names.groups, self.with_agent(dn) if dn is not None else (), handle, dn)
        return None

    def meant(self, names: GroupNames, dn: str | None = None, handle: str | None = None) -> Group | None:
        """The group that is meant: known, new, or (counted) none. Names that came together are joined."""
        plain = self._names.plain(names)
        if plain is not None:
            self._agenda.add(plain)
            return plain
        return self._meant(names, dn, handle)

    def _meant(self, told: GroupNames, dn: str | None, handle: str | None) -> Group | None:
        names = with_campaign(told)
        group = self.find(names, dn, handle)
        if group is None and self._names.can_be_new(names) and len(self._names.groups) < MAX_GROUPS:
            group = Group(names, self.default, self._around)
            self._names.add(group)
        if group is None:
            self._around.add("unattributed")
            self._report_conflict(next(self._names.owners(names), None), names)
            return None
        group = self._join(group, names)
        if names != NOTHING and self.find(names) is group and compatible(group.names, names):
            self._names.remember(told, group)
        self._agenda.add(group)
        return group

    def _report_conflict(self, group: Group | None, names: GroupNames) -> None:
        """A message contradicts what is known of a group: an operator has to look, once."""
        if group is not None:
            self._around.add("names_in_conflict")
            if self._names.is_new_conflict(names):
                known, told = (", ".join(f"{k} {v}" for k, v in n._asdict().items() if v) for n in (group.names, names))
                group.announce(News.NAMES_CONFLICT, f"known: {known}; told: {told}")

    def _join(self, group: Group, names: GroupNames) -> Group:
        for other in self._others(group, names):
            if compatible(other.names, group.names) and not (other.is_configured and group.is_configured):
                group = self._merge(group, other)
        if not self._names.learn(group, names):
            self._report_conflict(group, names)
        return group

    def _others(self, group: Group, names: GroupNames) -> list[Group]:
        """The groups that turn out to be this one: they go by one of its names, or by its campaign and nothing else."""
        others = list(self._names.owners(joined(group.names, names)))
        if names.campaign is not None:
            only_campaign = GroupNames(campaign=names.campaign)
            others += [other for other in self._names.of_campaign(names.campaign) if other.names == only_campaign]
        return [other for other in dict.fromkeys(others) if other is not group]

    def _merge(self, group: Group, other: Group) -> Group:
        """Two groups turn out to be one: the one of which more is known goes on."""
        if rank(other) > rank(group):
            group, other = other, group
        if other.is_configured:
            group.policy, group.is_configured = other.policy, True
        names = other.names
        self._names.remove(other)
        self._agenda.drop(other)
        self._around.forgotten_groups.add(other.number)
        self._names.learn(group, names)
        take_in(group, other)
        self.note(group)
        self._forget(other)
        group.awaiting.update(self._requests.move(other, group, group.current))
        return group


def _only(candidates: Sequence[Group], with_agent: Sequence[Group], handle: str | None, dn: str | None) -> Group | None:
    """The only candidate that knows the record, else the only one that has the agent (N1).

    Of several that know the record, the one where that agent has it; `with_agent` are those of whom that can be said.
    """
    if handle is not None:
        knowing = [group for group in with_agent if knows(group, handle, dn)] if dn is not None else []
        if len(knowing) != 1:
            knowing = [group for group in candidates if knows(group, handle)]
        if len(knowing) == 1:
            return knowing[0]
    if dn is not None:
        for has in (has_agent, had_agent):
            having = [group for group in with_agent if has(group, dn)]
            if having:
                return having[0] if len(having) == 1 else None
    return None
