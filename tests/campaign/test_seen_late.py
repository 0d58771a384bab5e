"""What proxies that share the groups have seen at the same time, and tell one after the other: Redis was out of reach.

Whatever order they tell it in, a record is counted once, and is where it was left last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from proxy.campaign.groups import Groups
from proxy.campaign.observation import (
    Action,
    ActionAcknowledged,
    ActionRequested,
    DnRegistered,
    GroupNames,
    Observation,
    RecordDelivered,
    SourceConnected,
    Word,
    WordHeard,
)
from proxy.campaign.policy import By, ConfiguredGroup, Policy

SALES = GroupNames(dbid=101, name="Sales@Agents", campaign="Sales")
SEEN = 100.0
TOLD = 105.0

COUNTERS = ("delivered", "outstanding", "finalized", "returned", "scheduled")
DONE = {"delivered": 1, "outstanding": 0, "finalized": 1, "returned": 0, "scheduled": 0}

Moment = tuple[float, Observation]


class Desktop:
    """A session of an agent's desktop, over a proxy of its own. What it sees is noted, with the time."""

    def __init__(self, session: int, dn: str) -> None:
        self.moments: list[Moment] = []
        self._session = session << 32 | 1
        self._dn = dn
        self._references = 0

    def gets(self, when: float, handle: str, chain: str = "1") -> None:
        self._sees(
            when, RecordDelivered(self._session, self._dn, SALES, "PreviewRecord", handle, False, "List", chain, "555")
        )

    def does(self, when: float, action: Action, handle: str) -> None:
        self._references += 1
        reference = str(self._references)
        self._sees(when, ActionRequested(self._session, self._dn, SALES, action, handle, reference=reference))
        self._sees(when + 0.001, ActionAcknowledged(self._session, self._dn, SALES, action, None, reference))

    def _sees(self, when: float, what: Observation) -> None:
        self.moments.append((SEEN + when, what))


def in_every_order(*told: Sequence[Moment]) -> Iterator[list[Moment]]:
    """All ways in which the proxies can come one after the other, and between each other; each keeps its own order."""
    if not any(told):
        yield []
    for place, moments in enumerate(told):
        if moments:
            rest = [each[1:] if other == place else each for other, each in enumerate(told)]
            for others in in_every_order(*rest):
                yield [moments[0], *others]


def counted(told: Sequence[Moment], late: bool, before: Sequence[Moment] = ()) -> dict[str, object]:
    """The counters of the group after `before`, which was told at once, and what was `told` later."""
    policy = Policy(by=By.PROXY)
    groups = Groups(policy, [ConfiguredGroup(SALES, policy)])
    groups.observe(SourceConnected("tevents"), 0.0)
    groups.observe(WordHeard(SALES, Word.STARTED, "tevents", "Preview"), 0.0)
    for session, dn in ((1, "3001"), (2, "3002"), (3, "3001")):
        groups.observe(DnRegistered(session << 32 | 1, dn), 0.0)
    for seen_at, observation in before:
        groups.observe(observation, seen_at, False, seen_at)
    for seen_at, observation in told:
        groups.observe(observation, TOLD, late, seen_at)
    (status,) = groups.status(TOLD)
    return {name: status[name] for name in COUNTERS}


@pytest.mark.parametrize("late", [True, False])
def test_a_record_that_went_from_one_agent_to_another(late: bool) -> None:
    """Rejected over one proxy, rescheduled over the next, called back by another handle and finished over a third."""
    first, second, third = Desktop(1, "3001"), Desktop(2, "3002"), Desktop(3, "3001")
    first.gets(0.0, "7")
    first.does(1.0, Action.REJECT, "7")
    second.gets(2.0, "7")
    second.does(3.0, Action.RESCHEDULE, "7")
    third.gets(4.0, "9")
    third.does(5.0, Action.PROCESS, "9")
    for told in in_every_order(first.moments, second.moments, third.moments):
        assert counted(told, late) == DONE, told


def test_an_agent_who_goes_on_over_another_proxy() -> None:
    """He got the record over one, and rescheduled it over another, where its callback came and was finished."""
    first, second = Desktop(1, "3001"), Desktop(3, "3001")
    first.gets(0.0, "7")
    second.does(1.0, Action.RESCHEDULE, "7")
    second.gets(2.0, "9")
    second.does(3.0, Action.PROCESS, "9")
    for told in in_every_order(first.moments, second.moments):
        assert counted(told, late=True) == DONE, told


def test_a_callback_of_which_only_the_end_is_told_first() -> None:
    """It was rescheduled before the outage; whoever finished the callback tells of it before who got it."""
    before, first, second = Desktop(1, "3001"), Desktop(3, "3001"), Desktop(2, "3001")
    before.gets(0.0, "7")
    before.does(1.0, Action.RESCHEDULE, "7")
    first.gets(2.0, "9")
    second.does(3.0, Action.PROCESS, "9")
    for told in in_every_order(first.moments, second.moments):
        assert counted(told, late=True, before=before.moments) == DONE, told


@pytest.mark.parametrize("action", [Action.REJECT, Action.RESCHEDULE])
def test_a_record_that_an_agent_has_since(action: Action) -> None:
    """What another agent did with it before he got it is told while he has it: he has it still."""
    first, second = Desktop(1, "3001"), Desktop(2, "3002")
    first.gets(0.0, "7")
    first.does(1.0, action, "7")
    second.gets(2.0, "7")
    for told in in_every_order(first.moments, second.moments):
        assert counted(told, late=True) == {**DONE, "outstanding": 1, "finalized": 0}, told


def test_a_record_that_waits_again() -> None:
    """It was rejected twice; the first time is told last."""
    first, second = Desktop(1, "3001"), Desktop(2, "3002")
    first.gets(0.0, "7")
    first.does(1.0, Action.REJECT, "7")
    second.gets(2.0, "7")
    second.does(3.0, Action.REJECT, "7")
    for told in in_every_order(first.moments, second.moments):
        assert counted(told, late=True) == {**DONE, "returned": 1, "finalized": 0}, told


def test_two_records_of_a_chain() -> None:
    """Two phones of a customer, called one after the other over two proxies, are two records in every order."""
    first, second = Desktop(1, "3001"), Desktop(2, "3002")
    first.gets(0.0, "7")
    first.does(1.0, Action.PROCESS, "7")
    second.gets(2.0, "8")
    second.does(3.0, Action.PROCESS, "8")
    for told in in_every_order(first.moments, second.moments):
        assert counted(told, late=True) == {**DONE, "delivered": 2, "finalized": 2}, told
