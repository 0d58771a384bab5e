"""Which session of a group is meant: the one that knows the record, or has the agent (N1, N2)."""

from __future__ import annotations

from collections.abc import KeysView, Set

from proxy.campaign.group import Group
from proxy.campaign.group_session import GroupSession


def knowing(group: Group, handle: str | None) -> GroupSession | None:
    """The session that knows the record, the latest if there are two; None where none does."""
    return next((session for session in reversed(group.sessions) if handle in session.records), None)


def acted_on(group: Group, handle: str | None) -> GroupSession:
    """The session whose record an agent acts on.

    He keeps an open one after the group is unloaded, and loaded anew.
    """
    known = knowing(group, handle)
    if known is None and group.former is not None and handle in group.former.records:
        known = group.former
    return known or (group.session if group.is_known else group.current)


def knows(group: Group, handle: str, dn: str | None = None) -> bool:
    """Whether it has the record, with that agent where one is given."""
    for session in group.sessions:
        record = session.records.get(handle)
        if record is not None and (dn is None or record.dn == dn):
            return True
    return False


def has_agent(group: Group, dn: str) -> bool:
    """Whether the agent on this DN is one of its agents: those of its current session (N2)."""
    session = group.session if group.is_alive else group.upcoming
    return session is not None and dn in session.agents


def had_agent(group: Group, dn: str) -> bool:
    """Whether the agent on this DN was one of its agents when it was last loaded."""
    return dn in group.session.agents


def agents_among(group: Group, dns: KeysView[str]) -> Set[str]:
    """Those of the DNs that are of its agents: who is known by now, or was in the session before, and may come."""
    former = group.former.agents if group.former is not None else {}
    return (dns & group.session.agents.keys()) | (dns & former.keys())
