"""What changed of groups is noted for whoever writes it down, and for nobody else."""

from __future__ import annotations

from typing import Any

from proxy.campaign.group_session import GroupSession
from proxy.campaign.groups import Groups
from proxy.campaign.kept import Changes
from tests.campaign.noise import Noise

WALL = 1_700_000_000.0
"""By how many seconds the time of day is ahead of the clock of the groups."""


def _sessions(groups: Groups) -> list[GroupSession]:
    every = groups.whole.names.groups
    return [session for group in every for session in (*group.sessions, group.former) if session is not None]


def _there(kept: Changes) -> list[dict[Any, Any]]:
    parts: list[dict[Any, Any]] = [kept.groups, kept.records, kept.agents]
    return [{key: value for key, value in part.items() if value is not None} for part in parts]


def _take(noise: Noise) -> Changes:
    return noise.groups.take_changes(noise.now, noise.now + WALL)


def test_what_nobody_asks_for_is_not_noted() -> None:
    """Groups that several proxies share are in Redis, not in a file: they hold nothing that waits to be written."""
    for seed in range(8):
        noise = Noise(seed)
        for step in noise.steps(250):
            step(noise.groups)
        noise.groups.stored(None, noise.now)
        assert not noise.groups.whole.around.forgotten_groups
        assert any(session.agents or session.records.delivered for session in _sessions(noise.groups))
        for session in _sessions(noise.groups):
            assert not session.records.take_changes()
            assert not session.agents.take_changes()


def test_who_asks_late_gets_all() -> None:
    """Whoever begins to write down in the middle has the same in the end as who did from the beginning."""
    for seed in range(8):
        early, late = Noise(seed), Noise(seed)
        disks = Changes(), Changes()
        for number, (one, other) in enumerate(zip(early.steps(250), late.steps(250), strict=True)):
            one(early.groups)
            other(late.groups)
            if number == 200:  # every group is looked at
                early.groups.stored(None, early.now)
                late.groups.stored(None, late.now)
            disks[0].add(_take(early))
            if number >= 200:
                disks[1].add(_take(late))
                assert _there(disks[0]) == _there(disks[1]), f"seed {seed}, step {number}"
        assert any(_there(disks[0]))


def test_what_is_asked_for_is_told_once() -> None:
    """After all was asked for, only what changed is told."""
    noise = Noise(0)
    for step in noise.steps(250):
        step(noise.groups)
    assert _take(noise).records
    assert not _take(noise)
