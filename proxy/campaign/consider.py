"""What is to be done with a group now: it is looked at after anything happened to it, and when something falls due."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from proxy.campaign.asking import ask_about_silence
from proxy.campaign.completion import Completion
from proxy.campaign.conditions import (
    let_go,
    next_stale,
    obstacle,
    quiet_at,
    rule,
    settle_time,
    unaccounted_until,
    unanswered,
)
from proxy.campaign.confirmation import Confirmation
from proxy.campaign.doubt import ask_in_doubt
from proxy.campaign.group import Group
from proxy.campaign.life import State
from proxy.campaign.notices import Notices
from proxy.campaign.observation import News, NotifyAgent, Word
from proxy.campaign.policy import By, Notify
from proxy.kvlist import Pair


def consider(group: Group, now: float) -> None:
    """Take every step that is due, and note when the next will be."""
    ask_about_silence(group, now)
    ask_in_doubt(group, now)
    if group.session.armed or group.completion is not None:
        let_go(group, now)
    if group.notices is not None and not group.notices.held:
        group.notices.fall_due(now)
    if group.completion is not None:
        group.completion.proceed(now)
    else:
        _consider_completing(group, now)
    group.due = min((when for when in _times(group, now) if when > now), default=None)


def _consider_completing(group: Group, now: float) -> None:
    if group.state is not State.RUNNING or obstacle(group, now) is not None:
        group.held_since = group.confirmation = None
        return
    if group.held_since is None:
        group.held_since = now
        group.announce(News.NO_MORE_RECORDS, f"rule {rule(group)}, quiet for {settle_time(group):g} s to go")
    quiet = quiet_at(group)
    if now < quiet or unanswered(group, now) is not None or _is_reported(group) or _unheard(group, quiet):
        group.confirmation = None
    elif _is_confirmed(group, now):
        group.confirmation = None
        _complete(group, now)


def _unheard(group: Group, since: float) -> bool:
    """Whether a proxy that shares the groups has yet to say that it is there: it may know of a record."""
    return bool(group.around.instances.behind(since))


def _is_reported(group: Group) -> bool:
    """Whether it has been said of this run that it would have been completed."""
    return group.policy.by is not By.PROXY and group.would_complete == group.run


def _is_confirmed(group: Group, now: float) -> bool:
    """Whether those who know the lists have said so since everything has held; they are asked until they do."""
    if group.confirmation is None:
        group.confirmation = Confirmation(group.around, group.title, group.names)
    confirmation = group.confirmation
    asked = confirmation.unasked(group.confirmers)
    if now >= confirmation.due_at:
        asked = confirmation.unanswered(group.confirmers)
    for witness in asked:
        confirmation.ask(witness, now + group.policy.answer_timeout)
    return not confirmation.unanswered(group.confirmers)


def _complete(group: Group, now: float) -> None:
    """Everything has held for long enough: whoever is to complete the group does so (R29)."""
    if group.policy.by is By.PROXY:
        if group.policy.notify is Notify.MISSING:
            group.notices = notices_of(group)
        completion = Completion.of(group)
        group.completion = completion
        completion.begin(now)
    else:
        group.would_complete = group.run
        who = "left to the dialer" if group.policy.by is By.DIALER else "by = nobody"
        group.announce(News.WOULD_COMPLETE, f"rule {rule(group)}; {who}")
        group.around.add("completions_would")


def notification(
    group: Group, agents: Mapping[str, tuple[Pair, ...]], session: int, dn: str, word: Word
) -> NotifyAgent:
    """In the words of the last campaign event that the agent got, else another of the group's agents (R28)."""
    like = agents.get(dn) or next((pairs for pairs in agents.values() if pairs), ())
    return NotifyAgent(session, dn, word, group.names, like)


def notices_of(group: Group) -> Notices:
    """Who has heard what of a completion: nobody anything."""
    return Notices(group.around.registrations, telling(group), group.policy.notify_wait)


def telling(group: Group) -> Callable[[int, str, Word], None]:
    """How a session of an agent of the group is told a word."""

    def tell(session: int, dn: str, word: Word) -> None:
        group.around.tell(notification(group, group.session.agents, session, dn, word))
        group.around.add("notifications_sent")

    return tell


def _times(group: Group, now: float) -> Iterator[float]:
    """When something of the group falls due."""
    for asked in group.requests:
        yield asked.due_at
    if group.doubt_due_at is not None:
        yield group.doubt_due_at
    if group.notices is not None and not group.notices.held and group.notices.next_due is not None:
        yield group.notices.next_due
    if group.completion is not None:
        if group.completion.due_at is not None:
            yield group.completion.due_at
    elif group.held_since is not None:
        until = unanswered(group, now) if now >= quiet_at(group) else quiet_at(group)
        if until is not None:
            yield until
        if group.confirmation is not None:
            yield group.confirmation.due_at
    elif group.state is State.RUNNING:
        stale = next_stale(group, now) if group.session.evidence.newest is not None else None
        for when in (stale, unaccounted_until(group, now)):
            if when is not None:
                yield when
