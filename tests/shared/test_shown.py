"""What an operator sees of proxies that share their groups: pages, health, metrics; and which metrics the docs name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from twisted.internet.task import Clock

from proxy.admin.watched import Kind
from proxy.campaign.groups import Groups
from proxy.campaign.policy import Policy
from proxy.shared.shown import metrics, page
from proxy.status import Status
from proxy.store.memory import MemoryStore
from proxy.switchboard import Switchboard
from tests.shared.test_trouble import NEEDED

OPERATORS = Path(__file__).parents[2] / "docs" / "several-proxies.md"


@define
class Replica:
    """Groups that others share, as far as they are shown."""

    groups: Groups = field(factory=lambda: Groups(Policy(), ()))
    position: str = "1700000000000-0"
    leader: int = 2
    fence: int = 17


@define
class Member:
    """A proxy that takes part, number 3 of three."""

    number: int = 3
    problem: str | None = None
    is_leading: bool = False
    replica: Replica | None = field(factory=Replica)
    now: float = 1000.0
    outbox: list[object] = field(factory=list)
    applied: int = 41

    def hears(self, instance: int, ago: float, controls: bool = True) -> None:
        """An instance said that it is there."""
        assert self.replica is not None
        self.replica.groups.instances.hear(instance, controls, self.now - ago)


@define
class Witness:
    """One that does not count."""

    name: str = "ocs-log"
    problem: str | None = "is not there"
    counts: Mapping[str, int] = field(factory=dict)


@pytest.fixture
def member() -> Member:
    """Number 3, which has heard of itself and the two others."""
    member = Member()
    member.hears(3, ago=0)
    member.hears(1, ago=0.44, controls=False)
    member.hears(2, ago=7.6)
    return member


def status(member: Member | None, store_problem: str | None = None) -> Status:
    """The pages of a proxy."""
    clock = Clock()
    board = Switchboard(Groups(Policy(), ()), MemoryStore(), clock, clock.seconds, clock.seconds)
    board.store_problem = store_problem
    return Status(board, [], [Witness()], member)


def numbers(member: Member | None) -> dict[str, float]:
    """The metrics without labels, by name."""
    return {metric.name: metric.values[()] for metric in metrics(member)}


def test_who_shares_the_groups(member: Member) -> None:
    """/instances names this proxy, the one that leads, and all there are, with how long ago each was heard."""
    member.outbox += [1, 2]
    assert page(member) == {
        "instance": 3,
        "leader": 2,
        "fence": 17,
        "instances": [
            {"instance": 1, "heard": 0.4, "controls": False},
            {"instance": 2, "heard": 7.6, "controls": True},
            {"instance": 3, "heard": 0.0, "controls": True},
        ],
        "applied": "1700000000000-0",
        "waiting": 2,
        "problem": None,
    }
    assert status(member).instances() == page(member)


@pytest.mark.parametrize("leader", [0, 4])
def test_nobody_leads(member: Member, leader: int) -> None:
    """At first nobody has led, and later the last leader may have gone: null until another takes over."""
    assert member.replica is not None
    member.replica.leader = leader
    assert page(member)["leader"] is None


def test_before_redis_was_reached() -> None:
    """Nothing is known yet, and the page says why."""
    member = Member(number=0, problem="Redis has not been reached yet", replica=None, outbox=[1])
    assert page(member) == {
        "instance": None,
        "leader": None,
        "fence": None,
        "instances": [],
        "applied": None,
        "waiting": 1,
        "problem": "Redis has not been reached yet",
    }


def test_a_proxy_that_shares_with_nobody() -> None:
    """The page is there, and everything is null; there are no metrics of it."""
    shown = page(None)
    assert shown.pop("instances") == []  # type: ignore[attr-defined]
    assert set(shown.values()) == {None}
    assert set(shown) == set(page(Member())) - {"instances"}
    assert numbers(None) == {}
    assert status(None).instances() == page(None)


def test_metrics(member: Member) -> None:
    """Whether this proxy leads, how many share, what waits, what was applied: the latter only ever grows."""
    assert numbers(member) == {
        "tevent_proxy_leads": 0,
        "tevent_proxy_instances": 3,
        "tevent_proxy_shared_waiting": 0,
        "tevent_proxy_shared_applied": 41,
    }
    member.is_leading = True
    member.outbox.append(1)
    assert (numbers(member)["tevent_proxy_leads"], numbers(member)["tevent_proxy_shared_waiting"]) == (1, 1)
    assert [metric.name for metric in metrics(member) if metric.kind is Kind.COUNTER] == ["tevent_proxy_shared_applied"]
    assert set(numbers(member)) <= {metric.name for metric in status(member).metrics()}


def test_the_docs_name_the_metrics(member: Member) -> None:
    """docs/several-proxies.md has every metric of shared groups, as Prometheus shows it, and no other."""
    shown = {f"{each.name}_total" if each.kind is Kind.COUNTER else each.name for each in metrics(member)}
    assert set(re.findall(r"^\| `(tevent_proxy_\w+)`", OPERATORS.read_text("utf-8"), re.MULTILINE)) == shown


def test_the_docs_show_the_page(member: Member) -> None:
    """The page in docs/several-proxies.md has all that the real one has."""
    (example,) = re.findall(r"^    (\{\"instance\": .*?\})$", OPERATORS.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    named: list[Any] = re.findall(r'"(\w+)":', example)
    assert set(named) == {*page(member), "heard", "controls"}


def test_redis_is_lost(member: Member) -> None:
    """/health says so, once, and what follows from it."""
    member.problem, member.is_leading = "Redis has not answered for 3 s.", True
    reasons = status(member, store_problem=member.problem).health()
    assert reasons == [
        "witness ocs-log: does not count: is not there",
        "store: Redis has not answered for 3 s: nothing is completed",
    ]


def test_a_store_of_its_own_that_fails() -> None:
    """Where groups are shared with nobody, the store's own problem is told."""
    assert "store: the disk is full" in status(None, store_problem="the disk is full").health()


def test_witnesses_watch_at_the_leader_only(member: Member) -> None:
    """A proxy that does not lead is well, whatever its witnesses are; one that leads is not."""
    assert status(member).health() == []
    member.is_leading = True
    assert status(member).health() == ["witness ocs-log: does not count: is not there"]


def test_the_docs_permit_what_is_needed() -> None:
    """The user that docs/several-proxies.md has for Redis may do what the tests with a real one find to be needed."""
    permitted = set(re.findall(r"\+\w+", OPERATORS.read_text("utf-8").partition("ACL SETUSER")[2].partition("\n\n")[0]))
    assert permitted == {*NEEDED, "+select"}
