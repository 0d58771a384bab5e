"""OCS's word from a source that a group does not follow: it moves nothing, and may raise a doubt (R1, R14)."""

from __future__ import annotations

from proxy.campaign.asking import ask_status
from proxy.campaign.group import Group
from proxy.campaign.observation import News, Status, Word
from proxy.campaign.sources import CONTRADICTED, LAST_WORD


def hear_elsewhere(group: Group, word: Word, now: float, mode: str | None = None) -> None:
    """OCS's word from a source that this group does not follow: late, early, or the only one that tells (R1).

    It moves nothing. Evidence that it contradicts is gone (R14); where it still contradicts the state after
    `answer_timeout`, the status is asked.
    """
    group.learn_mode(mode)
    group.told_elsewhere = word
    if group.state in CONTRADICTED[word]:
        if group.doubt_due_at is None:
            group.doubt_due_at = now + group.policy.answer_timeout
        if group.session.evidence.take_back() and group.held_since is not None:
            group.announce(News.EVIDENCE_GONE, f"{word.value}, as is heard elsewhere")


def hear_status_elsewhere(group: Group, status: Status, now: float, mode: str | None = None) -> None:
    """A status from a source that this group does not follow."""
    hear_elsewhere(group, LAST_WORD[status], now, mode)


def ask_in_doubt(group: Group, now: float) -> None:
    """Ask for the status where another source has said long ago what the state still contradicts."""
    if group.doubt_due_at is not None and group.doubt_due_at <= now:
        group.doubt_due_at = None
        if group.reach.can_ask and group.state in CONTRADICTED[group.told_elsewhere]:
            ask_status(group)
