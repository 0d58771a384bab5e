"""When an instance has seen what it says."""

from __future__ import annotations

from twisted.internet.task import Clock

from proxy.campaign.observation import DnRegistered, InstanceHeard
from proxy.shared.clock import SharedClock
from proxy.shared.entries import Seen
from proxy.shared.outbox import Outbox

REDIS = 7_000_000
"""Milliseconds by which Redis's clock is ahead."""


def begun(is_set: bool = True) -> tuple[Clock, Outbox]:
    clock = Clock()
    shared = SharedClock(clock.seconds)
    if is_set:
        shared.answered(0.0, REDIS)
    return clock, Outbox(shared)


def seen(outbox: Outbox, number: int) -> None:
    outbox.put(Seen(DnRegistered(number, "3001")))


def test_what_is_said_at_once_says_so() -> None:
    """Where Redis hangs, it is appended long after; the stream does not show when it was."""
    _, outbox = begun()
    seen(outbox, 1)
    batch = outbox.next_batch(1)
    assert batch is not None
    assert [each - REDIS for each in batch.seen_at] == [0]


def test_what_waited_says_when_it_was_seen() -> None:
    """Each observation by itself, by Redis's clock."""
    clock, outbox = begun()
    for number in (1, 2, 3):
        clock.advance(1)
        seen(outbox, number)
    clock.advance(5)
    batch = outbox.next_batch(1)
    assert batch is not None
    assert [each - REDIS for each in batch.seen_at] == [1000, 2000, 3000]


def test_what_is_said_again_was_seen_then() -> None:
    """Under the same number of the instance, and under another, where it has lost its own."""
    clock, outbox = begun()
    clock.advance(1)
    seen(outbox, 1)
    first = outbox.next_batch(1)
    assert first is not None
    assert [each - REDIS for each in first.seen_at] == [1000]
    clock.advance(4)
    (again,) = outbox.unconfirmed(1)
    assert (again.sequence, [each - REDIS for each in again.seen_at]) == (first.sequence, [1000])
    outbox.begin_anew([Seen(InstanceHeard(2, True))])
    joined, anew = outbox.next_batch(2), outbox.next_batch(2)
    assert joined is not None
    assert [each - REDIS for each in joined.seen_at] == [5000]
    assert anew is not None
    assert (anew.late, [each - REDIS for each in anew.seen_at]) == (True, [1000])


def test_nobody_knows_redis_clock_yet() -> None:
    """Then nothing is said of times."""
    clock, outbox = begun(is_set=False)
    seen(outbox, 1)
    clock.advance(5)
    batch = outbox.next_batch(1)
    assert batch is not None
    assert batch.seen_at == ()
