"""Signs of calls and records of a group, and evidence that there are no more (R12 to R15)."""

from __future__ import annotations

from proxy.campaign.group import Group
from proxy.campaign.life import State
from proxy.campaign.observation import News


def sign(group: Group, now: float) -> None:
    """A sign of a call or a record: the time to settle begins anew."""
    group.last_sign = now


def touch(group: Group, now: float) -> None:
    """A record was delivered or retrieved: from now on this run's evidence counts (R15)."""
    if not group.in_run:
        group.touched_at = now
    group.current.evidence.touched = True


def record_shows(group: Group, now: float, in_hand: bool = False) -> None:
    """Something shows a record: evidence is taken back (R13), a Stop not yet accepted is not meant (R23).

    `in_hand` where OCS has it in hand again: it was returned or retrieved.
    """
    sign(group, now)
    if group.current.evidence.take_back() and group.held_since is not None:
        group.announce(News.EVIDENCE_GONE, "a record shows")
    if group.completion is not None:
        group.completion.record_shows(in_hand)


def says_no_more(group: Group, source: str, now: float, counts_records: bool = False) -> None:
    """A source says that there are no more records (R12, R15). Only a run can give evidence."""
    if group.state is State.RUNNING and not group.in_trouble and not group.unconfirmed and not group.around.late:
        group.session.evidence.says(source, now, counts_records, group.policy.complete_untouched)


def trouble(group: Group, over: bool) -> None:
    """SystemError starts or is over: until then nothing is evidence, and what was so far never will be (R14)."""
    group.in_trouble = not over
    if group.in_trouble:
        if group.current.evidence.take_back():
            group.announce(News.EVIDENCE_GONE, "SystemError")
        for tally in group.current.tallies.values():
            tally.begin_anew()


def lose_evidence(group: Group, source: str) -> bool:
    """A source is lost, and what it said (R14). Whether it had said anything."""
    lost = group.session.evidence.lose(source)
    if lost:
        group.announce(News.EVIDENCE_GONE, "whoever gave it is gone")
    return lost


def lose_count(group: Group) -> None:
    """Nobody knows any more what became of its records, until OCS loads it anew.

    A session that is found by a status may have begun before, with records that nobody saw.
    """
    group.session.evidence.take_back()
    if group.is_alive and not group.uncounted:
        group.announce(News.COUNT_LOST, "it is not completed until it is loaded anew")
    group.uncounted = True
    if group.completion is not None:
        group.completion.count_lost()
