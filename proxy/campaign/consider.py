"""What is to be done with a group now: it is looked at after anything happened to it, and when something falls due."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.campaign.completion import Completion
from proxy.campaign.conditions import next_stale, obstacle, quiet_at, rule, settle_time, unanswered
from proxy.campaign.group import Group
from proxy.campaign.life import State
from proxy.campaign.notices import Notices
from proxy.campaign.observation import News, NotifyAgent, Word
from proxy.campaign.policy import By, Notify


def consider(group: Group, now: float) -> None:
    """Take every step that is due, and note when the next will be."""
    group.ask_about_silence(now)
    if group.notices is not None:
        group.notices.fall_due(now)
    if group.completion is not None:
        group.completion.proceed(now)
    else:
        _consider_completing(group, now)
    group.due = min((when for when in _times(group, now) if when > now), default=None)


def _consider_completing(group: Group, now: float) -> None:
    if group.state is not State.RUNNING or obstacle(group, now) is not None:
        group.held_since = None
        return
    if group.held_since is None:
        group.held_since = now
        group.announce(News.NO_MORE_RECORDS, f"rule {rule(group)}, quiet for {settle_time(group):g} s to go")
    if now >= quiet_at(group) and unanswered(group, now) is None:
        _complete(group, now)


def _complete(group: Group, now: float) -> None:
    """Everything has held for long enough: whoever is to complete the group does so (R29)."""
    if group.policy.by is By.PROXY:
        if group.policy.notify is Notify.MISSING:
            group.notices = _notices(group)
        completion = Completion(group)
        group.completion = completion
        completion.begin(now)
    elif group.would_complete != group.run:
        group.would_complete = group.run
        who = "left to the dialer" if group.policy.by is By.DIALER else "by = nobody"
        group.announce(News.WOULD_COMPLETE, f"rule {rule(group)}; {who}")
        group.around.add("completions_would")


def _notices(group: Group) -> Notices:
    def tell(session: int, dn: str, word: Word) -> None:
        """In the words of the last campaign event that the agent got, else another agent of the group (R28)."""
        agents = group.session.agents
        like = agents.get(dn) or next((pairs for pairs in agents.values() if pairs), ())
        group.around.tell(NotifyAgent(session, dn, word, group.names, like))
        group.around.add("notifications_sent")

    return Notices(group.around.registrations, tell, group.policy.notify_wait)


def _times(group: Group, now: float) -> Iterator[float]:
    """When something of the group falls due."""
    for asked in group.requests:
        yield asked.due_at
    if group.notices is not None and group.notices.next_due is not None:
        yield group.notices.next_due
    if group.completion is not None:
        if group.completion.due_at is not None:
            yield group.completion.due_at
    elif group.held_since is not None:
        until = unanswered(group, now) if now >= quiet_at(group) else quiet_at(group)
        if until is not None:
            yield until
    elif group.state is State.RUNNING and group.session.evidence.newest is not None:
        stale = next_stale(group, now)
        if stale is not None:
            yield stale
