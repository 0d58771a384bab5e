"""When a group has no more records: what holds it, and which rule says so (R11, R17 to R19)."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.campaign.group import Group
from proxy.campaign.observation import News
from proxy.campaign.records import Record
from proxy.campaign.which_session import agents_among

Obstacle = str
"""Why a group is not completed, in an operator's words."""

PREVIEWED = frozenset({"preview", "pushpreview"})
"""Dial modes in which an agent sees a record before its call (C); all others, and an unknown one, are dialled."""


UNCONFIRMED = "OCS's word on it: the proxy was started anew"
"""What a group waits for whose life is only remembered."""

NO_STORE = "the store, which cannot be written"
"""What keeps a group from being completed while no intention can be written down (R20)."""

UNCOUNTED = "the group to be loaded anew: its records were lost track of, see the log"
"""What a group waits for whose counters are unknown."""


def settle_time(group: Group) -> float:
    """For how many seconds everything must have held."""
    mode = group.session.mode
    previewed = mode is not None and mode.replace(" ", "").lower() in PREVIEWED
    return group.policy.settle if previewed else group.policy.settle_dialed


def obstacle(group: Group, now: float) -> Obstacle | None:
    """What keeps a running group from being complete; None where only time is left (R17 to R19)."""
    session, policy = group.session, group.policy
    records = session.records
    if not session.armed:
        return "a request with GSW_AUTO_COMPLETION 1"
    if not policy.complete:
        return "nothing: complete = no"
    if group.around.retiring:
        return "the proxy, which is about to stop"
    if group.reach.missing_ids:
        return f"its {', '.join(group.reach.missing_ids)}, for control = {group.reach.control}"
    if away := group.reach.away:
        return away
    if group.unconfirmed:
        return UNCONFIRMED
    if group.around.store_problem is not None:
        return NO_STORE
    if group.is_blind:
        return "an agent's session that can be read"
    if group.uncounted:
        return UNCOUNTED
    if unaccounted_until(group, now) is not None:
        return "agents whose proxy was lost, until they register again"
    if held := holding(group, now):
        return held
    if records.returned:
        return _counted(records.returned, "record", "returned")
    if records.scheduled and policy.hold_for_callbacks:
        return _counted(records.scheduled, "callback", "scheduled")
    if left := left_in_lists(group):
        return left
    if group.in_trouble:
        return "the end of SystemError"
    if missing := sorted(group.confirmers - group.around.witnesses):
        return f"witness {missing[0]}, which is lost"
    if not rule_a(group) and session.evidence.newest is None:
        lost = ", ".join(sorted(group.around.lost_witnesses))
        return f"no more records (lost: {lost})" if lost else "no more records"
    return None


def unaccounted_until(group: Group, now: float) -> float | None:
    """Until when agents of a proxy that was lost hold the group, for it may still relay; None where they do not."""
    instances, sessions = group.around.instances, group.around.registrations.sessions
    if not instances.gone:
        return None
    nowhere = (dn for dn in agents_among(group, instances.gone.keys()) if not sessions(dn))
    return instances.unaccounted_until(nowhere, group.policy.stale_after, now)


def left_in_lists(group: Group) -> Obstacle | None:
    """What a witness says is left in the calling lists, now or for later; where several differ, the most wins."""
    tallies = group.session.tallies
    for state in ("ready", "scheduled") if group.policy.hold_for_callbacks else ("ready",):
        told = {name: getattr(tally, state) for name, tally in tallies.items()}
        witness = max(told, key=lambda name: (told[name], name), default="")
        if witness and told[witness]:
            return _counted(told[witness], "record", f"{state}{' for later' * (state == 'scheduled')} ({witness})")
    return None


def _counted(number: int, noun: str, state: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'} {state}"


def rule_a(group: Group) -> bool:
    """All that was retrieved in this session is finalized, and no list has more (R18).

    A witness must know what was retrieved from the session's beginning; where witnesses differ, one that says
    there is more wins. Records that were never seen delivered may be of an earlier session and are not counted.
    """
    session = group.session
    retrieved = session.retrieved
    return (
        bool(retrieved)
        and retrieved is not None
        and session.records.finalized_of_delivered >= retrieved
        and not any(tally.has_more for tally in session.tallies.values())
    )


def holding(group: Group, now: float) -> Obstacle | None:
    """The outstanding records that hold the group (R11)."""
    records = group.session.records
    number = records.outstanding - records.stale
    if number:
        number -= len(_left_behind(group, now))
    return _counted(number, "record", "outstanding") if number else None


def let_go(group: Group, now: float) -> None:
    """The outstanding records that no longer hold the group are let go (R11)."""
    for record in _left_behind(group, now):
        group.session.records.let_go(record)
        group.around.add("records_stale")
        group.announce(News.RECORD_STALE, f"handle {record.handle}, agent {record.dn}")


def _left_behind(group: Group, now: float) -> list[Record]:
    newest = group.session.evidence.newest
    if newest is None:
        return []
    return [record for record in _old(group, now) if _is_left_behind(group, record, newest)]


def _old(group: Group, now: float) -> Iterator[Record]:
    """The records that hold the group, and have been outstanding for `stale_after`."""
    for record in group.session.records.in_hand():
        if record.delivered_at is None or now < record.delivered_at + group.policy.stale_after:
            return
        if not record.stale:
            yield record


def _is_left_behind(group: Group, record: Record, newest: float) -> bool:
    """Whether its agent has gone, or its call was released, before the newest evidence."""
    gone = group.around.registrations.gone_since(record.dn)
    return any(since is not None and newest > since for since in (record.released_at, gone))


def next_stale(group: Group, now: float) -> float | None:
    """When the next outstanding record may stop holding the group."""
    times = (
        record.delivered_at + group.policy.stale_after
        for record in group.session.records.in_hand()
        if record.delivered_at is not None
    )
    return next((when for when in times if when > now), None)


def rule(group: Group) -> str:
    """The rule by which there are no more records: A or B."""
    return "A" if group.session.evidence.newest is None else "B"


def quiet_at(group: Group) -> float:
    """When everything has held for long enough (R17)."""
    return max(group.held_since or 0.0, group.last_sign) + settle_time(group)


def unanswered(group: Group, now: float) -> float | None:
    """Until when an unanswered request holds a Stop back (R17, R22); None where there is none."""
    if group.requests:
        return min(asked.due_at for asked in group.requests)
    until = [asked.due_at for asked in group.awaiting if asked.due_at > now]
    return max(until) if until else None
