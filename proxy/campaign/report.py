"""What is shown of a group."""

from __future__ import annotations

from proxy.campaign.conditions import UNCONFIRMED, obstacle, quiet_at, unanswered
from proxy.campaign.group import Group
from proxy.campaign.group_session import GroupSession
from proxy.campaign.life import State

_NOT_RUNNING = {
    State.NULL: "OCS's word on it",
    State.UNLOADED: "nothing: it is not loaded",
    State.FAILED: "a failed completion: see the log",
}
"""What a group waits for that does not run; one that is loaded, for dialing."""


def waiting_for(group: Group, now: float) -> str:
    """Why the group is not completed, in an operator's words."""
    if group.completion is not None:
        return group.completion.waiting_for(now)
    if group.unconfirmed and group.reach.away is None:
        return UNCONFIRMED
    if group.state is not State.RUNNING:
        return _NOT_RUNNING.get(group.state, "dialing")
    blocked = obstacle(group, now)
    if blocked is not None:
        return blocked
    if now < quiet_at(group):
        return f"{quiet_at(group) - now:.0f} s of quiet"
    if unanswered(group, now) is not None:
        return "the answer to a request"
    if unheard := group.around.instances.behind(quiet_at(group)):
        return f"a sign of proxy {', '.join(map(str, unheard))}, which shares the groups"
    if group.confirmation is not None:
        return f"the answer of {', '.join(group.confirmation.unanswered(group.confirmers))}"
    return f"nothing: by = {group.policy.by.value}"


def _counters(session: GroupSession, uncounted: bool) -> dict[str, int | None]:
    records = session.records
    counted = {
        "retrieved": session.retrieved,
        "delivered": records.delivered,
        "outstanding": records.outstanding,
        "finalized": records.finalized,
        "returned": records.returned,
        "scheduled": records.scheduled,
    }
    return dict.fromkeys(counted) if uncounted else counted


def status(group: Group, now: float) -> dict[str, object]:
    """What GET /groups shows of it (design: status); unknown numbers are None."""
    session = group.session if group.session.number else group.sessions[-1]
    return {
        "name": group.title,
        "dbid": group.names.dbid,
        "campaign_id": group.names.campaign_id,
        "group_id": group.names.group_id,
        "state": group.state.value,
        "armed": session.armed,
        **_counters(session, group.uncounted),
        "exhausted": session.evidence.newest is not None,
        "waiting_for": waiting_for(group, now),
        "agents": sorted(session.agents),
        "completions": group.completions,
    }
