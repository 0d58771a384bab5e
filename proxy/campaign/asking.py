"""OCS is asked for the status of a group: when its source connects, and after a silence (R2, R4)."""

from __future__ import annotations

from collections.abc import Sequence

from proxy.campaign.clients import ClientRequest
from proxy.campaign.group import Group
from proxy.campaign.observation import AskStatus
from proxy.campaign.sources import REPORTS


def ask_status(group: Group) -> int:
    """Ask OCS for the status; where that cannot be done, the question will be met with silence.

    The reference of the request: an answer has the same, or none, as a report has, which comes by itself.
    """
    reference, source = group.around.references.take(), group.reach.asked_over
    if source not in (None, REPORTS):
        group.around.tell(AskStatus(group.title, source, group.names, reference))
    return reference


def ask_as_connected(group: Group, source: str, now: float) -> None:
    """A source of OCS's words is there: the status is asked, whatever was known (R2)."""
    if source != group.reach.asked_over:
        return
    reference = ask_status(group)
    for asked in group.requests:
        asked.asked, asked.due_at = reference, now + group.policy.answer_timeout
    if group.completion is not None:
        group.completion.asked_again(reference, now)


def ask_about_silence(group: Group, now: float) -> None:
    """Ask for the status where a client's request has been met with silence (R4).

    While the control session is away they wait for it; where the group's ids do not suffice to ask, and where
    OCS leaves the questions unanswered, they are given up.
    """
    if not group.requests.has_any:
        return
    silent = [asked for asked in group.requests if asked.due_at <= now]
    reach = group.reach
    for asked in silent:
        asked.due_at = now + group.policy.answer_timeout
        if asked.times_asked >= group.policy.attempts:
            group.requests.forget(asked)
            group.around.add("client_requests_never_answered")
        elif reach.can_ask or reach.missing_ids or reach.away is None:
            asked.times_asked += 1
    if reach.can_ask:
        _ask_about(group, [asked for asked in silent if asked in group.requests])


def _ask_about(group: Group, requests: Sequence[ClientRequest]) -> None:
    if requests:
        reference = ask_status(group)
        for asked in requests:
            asked.asked = reference
