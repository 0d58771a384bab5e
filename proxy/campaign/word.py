"""OCS's word on the life of a group, and its answers to status requests: what they move (R1, R2, R4)."""

from __future__ import annotations

from proxy.campaign.arming import accept, arm_unasked, decide_by_taken
from proxy.campaign.group import Group
from proxy.campaign.observation import Request, Status, Word


def hear(group: Group, word: Word, now: float, mode: str | None = None, reference: str | None = None) -> None:
    """OCS's word on the life of the group (R1, R4). Loaded and started arm it: by the request that they accept."""
    answered = group.requests.answered_by(word, mode, reference)
    before, was_known = _begun(group), group.is_known
    happens_now = group.unconfirmed and group.around.hears_words  # who connects later hears no copies
    _live(group, word, is_news=answered is not None or happens_now)
    if word is Word.LOADED and group.session.number != before[0]:
        group.uncounted = group.uncounted and group.around.late
        group.session.seen_from_its_beginning(group.around.witnesses, was_known)
    group.learn_mode(mode or (answered.mode if answered else None))
    if answered is not None:
        accept(group, answered)
    elif _begun(group) != before:
        arm_unasked(group, word)
    if happens_now and word is not Word.MODE_CHANGED:
        _confirm(group)
    decide_by_taken(group)
    _went_on(group, before, now)


def _live(group: Group, word: Word, is_news: bool) -> None:
    """The word moves the group; where it is news, also to a state that it has reached already (R1)."""
    if word is Word.LOADED:
        (group.life.loaded_anew if is_news else group.life.loaded)()
    elif word is Word.STARTED:
        (group.life.started_anew if is_news else group.life.started)()
    elif word is Word.STOPPED:
        group.life.stopped()
    elif word is Word.UNLOADED:
        group.life.unloaded()


def hear_status(
    group: Group,
    status: Status,
    now: float,
    mode: str | None = None,
    reference: str | None = None,
    is_news: bool = False,
) -> None:
    """OCS's answer to a status request: what it says wins, and arms nothing (R2, R4).

    `is_news`: nobody asked. It is OCS's word on what happened since the last one.
    """
    if status is Status.INACTIVE:
        return
    before, state, is_news = _begun(group), group.state, is_news and group.is_known
    _follow(group, status, mode)
    moved = set(Request) if group.state is not state else set()
    if group.session.number == before[0]:
        moved.discard(Request.LOAD)  # it stops to dial; that is no answer to a Load
    shown = group.requests.answered_by_status(status, group.current.mode, reference, moved)
    for accepted in shown:
        accept(group, accepted)
    if is_news and not shown and _begun(group) != before:
        arm_unasked(group, Word.LOADED)
    decide_by_taken(group)
    _confirm(group)
    if group.completion is not None:
        group.completion.found(status, now, reference)
    _went_on(group, before, now)


def hear_through_agent(group: Group, status: Status, now: float, mode: str | None = None) -> None:
    """OCS's answer to a desktop's question, where no other word of OCS can be heard (R1)."""
    before = _begun(group)
    _follow(group, status, mode)
    _went_on(group, before, now)


def _follow(group: Group, status: Status, mode: str | None) -> None:
    if status is Status.NOT_LOADED:
        group.life.unloaded()
    elif status is Status.RUNNING:
        group.life.found_running()
    else:
        group.life.found_loaded()
    group.learn_mode(mode)


def _begun(group: Group) -> tuple[int, int]:
    """How many sessions, and how many runs of the group have begun."""
    return group.session.number, group.run


def _confirm(group: Group) -> None:
    """OCS has said how it is: what was remembered is so, or has been put right."""
    group.unconfirmed = False
    if group.notices is not None:
        group.notices.held = False


def _went_on(group: Group, before: tuple[int, int], now: float) -> None:
    if group.run != before[1] and now - group.touched_at < group.policy.answer_timeout:
        group.session.evidence.touched = True  # the agent's connection was ahead of OCS's word
    if group.completion is not None:
        group.completion.went_on(now)
