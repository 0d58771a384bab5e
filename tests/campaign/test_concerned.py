"""Whom it concerns is found without asking every group: and whoever has to do with it is found."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from proxy.campaign.attribution import Attribution
from proxy.campaign.concerned import Concerned
from proxy.campaign.consider import consider
from proxy.campaign.evidence import session_of
from proxy.campaign.group import Group
from proxy.campaign.groups import Groups
from proxy.campaign.kept import Changes
from proxy.campaign.observation import (
    AgentHeard,
    ControlRequested,
    GroupNames,
    Request,
    SessionEnded,
    Sign,
    WakeAt,
    Word,
    WordHeard,
)
from proxy.campaign.policy import Policy
from proxy.campaign.whole import lines, of_lines
from tests.campaign.desk import COMPLETES, Desk
from tests.campaign.noise import Noise


def _which(groups: Groups) -> Attribution:
    return groups._which


def _agents(group: Group) -> Iterator[str]:
    return (dn for session in group.sessions for dn in session.agents)


def _missing(groups: Groups) -> list[tuple[str, Group]]:
    """What a group has to do with, and is not found by."""
    which = _which(groups)
    by_dn = [(dn, group) for group in which.groups for dn in _agents(group)]
    by_source = [(source, group) for group in which.groups for source in group.session.evidence.given]
    gave = [(source, group) for source, group in by_source if session_of(source) is not None]
    return [(dn, group) for dn, group in by_dn if group not in which._agents._groups.get(dn, ())] + [
        (source, group) for source, group in gave if group not in which._evidence._groups.get(source, ())
    ]


def test_nobody_is_missing() -> None:
    """Whatever happens: every agent's groups, and those to which a desktop's session gave evidence, are found."""
    agents = evidence = 0
    for seed in range(12):
        noise = Noise(seed)
        for number, step in enumerate(noise.steps(250)):
            step(noise.groups)
            assert not _missing(noise.groups), f"seed {seed}, step {number}"
            agents += len(_which(noise.groups)._agents._groups)
            evidence += len(_which(noise.groups)._evidence._groups)
    assert agents > 1000
    assert evidence > 100


def test_nobody_is_missing_after_a_restart() -> None:
    """Neither where the groups come from the lines of others, nor where they were kept in a file."""
    found = 0
    for seed in range(12):
        noise = Noise(seed)
        disk = Changes()
        for step in noise.steps(250):
            step(noise.groups)
            disk.add(noise.groups.take_changes(noise.now, noise.now))
        restored, kept = of_lines(lines(noise.groups)), Groups(Policy())
        kept.take_up(disk, noise.now, noise.now)
        for groups in (restored, kept):
            assert not _missing(groups), f"seed {seed}"
            found += sum(len(list(_agents(group))) for group in _which(groups).groups)
    assert found > 50


def test_a_group_that_is_another_is_not_found() -> None:
    """Its agents are the other's, and nothing holds it any more."""
    desk = Desk()
    by_dbid, by_name = GroupNames(dbid=7), GroupNames(name="Late@Night")
    for names, dn in ((by_dbid, "3001"), (by_name, "3002")):
        desk.sees(AgentHeard(1, dn, names, Word.LOADED))
        desk.sees(WordHeard(names, Word.LOADED, "tevents"))
    which = _which(desk.groups)
    there = len(which.groups)
    desk.sees(WordHeard(GroupNames(dbid=7, name="Late@Night"), Word.LOADED, "tevents"))
    assert len(which.groups) == there - 1
    for dn in ("3001", "3002"):
        [group] = which._agents._groups[dn]
        assert which.has(group)
        assert which.with_agent(dn) == [group]


def test_a_session_that_is_over_leaves_nothing() -> None:
    """Sessions come and go for months: those that gave evidence are not remembered."""
    for seed in range(12):
        noise = Noise(seed)
        for step in noise.steps(250):
            step(noise.groups)
        given = _which(noise.groups)._evidence._groups
        for source in list(given):
            session = session_of(source)
            assert session is not None
            noise.groups.observe(SessionEnded(session), noise.now)
        assert not given


def test_in_order() -> None:
    """Whom it concerns is told in the order in which the groups came; whom it concerns no more is forgotten."""
    groups = Desk().groups.whole
    first, second, third = (Group(GroupNames(dbid=number), Policy(), groups.around) for number in (1, 2, 3))
    concerned = Concerned()
    for group in (third, first, second):
        concerned.note("3001", group)
    assert concerned.by("3001", lambda group: group is not second) == [first, third]
    assert concerned.by("3001", lambda group: True) == [first, third]
    concerned.drop("3001", first)
    assert concerned.take("3001") == [third]
    assert concerned.take("3001") == []


def test_a_mistake_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fell due when a mistake of ours came in between is not missed: whatever is seen next has all looked at."""
    desk = Desk()
    names = GroupNames(dbid=7), GroupNames(dbid=8)
    for each in names:
        assert not desk.sees(Sign(1, "3001", each))

    def mistaken(group: Group, now: float) -> None:
        consider(group, now)
        raise RuntimeError("a mistake of ours")

    with monkeypatch.context() as patched:
        patched.setattr("proxy.campaign.groups.consider", mistaken)
        with pytest.raises(RuntimeError):
            desk.sees(ControlRequested(1, names[0], Request.START))
    assert desk.sees(Sign(1, "3001", names[1])) == [WakeAt(desk.now + COMPLETES.answer_timeout)]
    assert not desk.sees(Sign(1, "3001", names[1]))
