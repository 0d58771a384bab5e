"""The leader says once that something falls due, and when; calls; and when an image is kept."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from proxy.campaign.groups import Groups
from proxy.campaign.policy import Policy
from proxy.shared import keeping
from proxy.shared.calls import Calls, pause
from proxy.shared.keeping import KEEP_EVERY, Keeping
from proxy.shared.replica import Replica
from proxy.shared.waking import A_TICK, APART, Waking


class Woken:
    """What is said, by the clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.times: list[float] = []
        self.waking = Waking(self.clock, lambda: self.times.append(round(self.clock.seconds() - 1000, 3)))


def test_it_is_said_once_until_it_is_heard() -> None:
    """While what was said is on its way to the stream it is not said again, whatever falls due meanwhile."""
    woken = Woken()
    woken.waking.look(2.0)
    woken.waking.look(1.0)
    woken.clock.advance(1.0)
    assert woken.times == []
    woken.clock.advance(A_TICK)
    assert woken.times == [1.001]
    woken.waking.look(0.0)
    woken.clock.advance(10)
    assert woken.times == [1.001]
    woken.waking.heard()
    woken.waking.look(1.0)
    woken.clock.advance(1 + A_TICK)
    assert woken.times == [1.001, 12.002]


def test_nothing_is_said_where_nothing_falls_due_or_another_leads() -> None:
    """What was to be said is not, and after a break it can be said again though it never arrived."""
    woken = Woken()
    woken.waking.look(1.0)
    woken.waking.look(None)
    woken.clock.advance(5)
    assert woken.times == []
    woken.waking.look(0.0)
    woken.clock.advance(1)
    woken.waking.stop()
    woken.waking.look(0.0)
    woken.clock.advance(1)
    assert len(woken.times) == 2
    woken.waking.heard()
    woken.waking.look(0.0)
    woken.waking.stop()
    woken.clock.advance(1)
    assert len(woken.times) == 2


def test_a_clock_that_stands_still_makes_no_storm() -> None:
    """Redis's clock was put back: what falls due does not come, however often it is said; so it is said seldom."""
    woken = Woken()
    woken.waking.look(0.0)
    for _ in range(1000):
        woken.clock.advance(0.001)
        woken.waking.heard()
        woken.waking.look(0.0)
    assert 1 < len(woken.times) <= 1 / APART + 1


def test_a_call_is_made_once_and_the_later_one_counts() -> None:
    """One of the same name takes the place of the one before; none is made after all were cancelled."""
    clock, made = Clock(), []
    calls = Calls(clock)
    calls.make("one", 1, lambda: made.append("never"))
    calls.make("one", 2, lambda: made.append("one"))
    calls.make("other", -5, lambda: made.append("other"))
    clock.advance(0)
    assert (made, "one" in calls, "other" in calls) == (["other"], True, False)
    clock.advance(2)
    assert (made, "one" in calls) == (["other", "one"], False)
    calls.make("one", 1, lambda: made.append("never"))
    calls.cancel_all()
    calls.cancel("one")
    clock.advance(5)
    assert made == ["other", "one"]


class Noted:
    """A stream that notes what is kept."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.done: Deferred[bool] = Deferred()

    async def keep(self, epoch: str, position: str, lines: list[str]) -> bool:
        self.kept.append(position)
        return await self.done


def kept_by(stream: Any) -> tuple[Clock, Keeping, Replica]:
    clock = Clock()
    clock.advance(5)
    keeps = Keeping(clock, stream)
    keeps.begin()
    return clock, keeps, Replica(Groups(Policy()))


def test_an_image_is_due_after_so_many_batches_or_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not where nothing happened at all."""
    monkeypatch.setattr(keeping, "KEEP_AFTER", 3)
    clock, keeps, _ = kept_by(Noted())
    clock.advance(KEEP_EVERY * 2)
    assert not keeps.is_due
    keeps.applied()
    assert keeps.is_due
    keeps.begin()
    assert not keeps.is_due
    for _ in range(3):
        keeps.applied()
    assert keeps.is_due


def test_images_are_kept_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that grows faster than an image is written does not make the leader write several at a time."""
    monkeypatch.setattr(keeping, "KEEP_AFTER", 0)
    stream = Noted()
    clock, keeps, replica = kept_by(stream)
    keeps.applied()
    making = Deferred.fromCoroutine(keeps.lines_of(replica))
    assert not making.called, "the relay has a turn after each line"
    clock.advance(0)
    assert making.result == list(replica.lines())
    Deferred.fromCoroutine(keeps.keep("e", "1-0", ["one"]))
    keeps.applied()
    assert not keeps.is_due
    stream.done.callback(True)
    assert (keeps.is_due, stream.kept) == (True, ["1-0"])
    Deferred.fromCoroutine(keeps.lines_of(replica)).addErrback(lambda _: None)
    keeps.begin()
    assert keeps.is_due, "one that was broken off is made again"


def test_a_pause_can_be_broken_off() -> None:
    """Whoever waits when the proxy ends leaves no call behind."""
    clock = Clock()
    waiting = Deferred.fromCoroutine(pause(clock, 5))
    waiting.addErrback(lambda _: None)
    waiting.cancel()
    assert clock.getDelayedCalls() == []
