"""Two groups turn out to be one (N1): the one of which more is known takes in the other."""

from __future__ import annotations

from proxy.campaign.arming import arm
from proxy.campaign.group import Group


def rank(group: Group) -> tuple[bool, bool, bool]:
    """How much there is to lose of it, if it turns out to be another group."""
    return (group.completion is not None or group.notices is not None, group.is_alive, group.is_known)


def take_in(group: Group, other: Group) -> None:
    """A group turned out to be this one: its agents and records are ours, its evidence is not."""
    if other.completion is not None:
        other.completion.abandon("the group turned out to be another one")
    theirs, ours = other.current, group.current
    ours.records.take_in(theirs.records)
    for dn, pairs in theirs.agents.items():
        ours.agents.setdefault(dn, pairs)
    ours.mode = ours.mode or theirs.mode
    for tally in ours.tallies.values():
        tally.whole = False  # what was retrieved in the other's name is missing
    group.in_trouble = group.in_trouble or other.in_trouble
    group.uncounted = group.uncounted or other.uncounted
    group.confirmers |= other.confirmers
    for asked in other.requests:
        other.requests.forget(asked)
        asked.sessions, asked.runs = group.session.number, group.run
        group.requests.add(asked)
    latest = max(ours, theirs, key=lambda session: session.decided_by)
    arm(group, latest.armed if latest.decided_by else ours.armed or theirs.armed)
    ours.decided_by = latest.decided_by
    group.completions += other.completions
    group.last_sign = max(group.last_sign, other.last_sign)
    group.touched_at = max(group.touched_at, other.touched_at)
