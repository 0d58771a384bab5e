"""What an instance knows of Redis's clock."""

from __future__ import annotations

from twisted.internet.task import Clock

from proxy.shared.clock import SharedClock

AHEAD = 1_000_000
"""By how many milliseconds Redis's clock is ahead."""


def asked(clock: Clock, shared: SharedClock, there: float, back: float, ahead: int = AHEAD) -> None:
    """Redis is asked something; so many seconds the question and the answer take."""
    begun = clock.seconds()
    clock.advance(there)
    milliseconds = int(1000 * clock.seconds()) + ahead
    clock.advance(back)
    shared.answered(begun, milliseconds)


def test_nothing_is_known_at_first() -> None:
    """Who has never heard of Redis cannot say what its clock shows."""
    assert not SharedClock(Clock().seconds).is_set


def test_it_is_in_the_middle_between_question_and_answer() -> None:
    """A quick answer tells what the clock shows, and showed before."""
    clock = Clock()
    shared = SharedClock(clock.seconds)
    clock.advance(50)
    asked(clock, shared, 0.001, 0.001)
    assert shared.is_set
    assert abs(shared.shown(clock.seconds()) - 1000 * clock.seconds() - AHEAD) <= 1
    assert abs(shared.shown(10.0) - 10_000 - AHEAD) <= 1


def test_a_slow_answer_is_not_believed() -> None:
    """What a quick one told is better, for a while; two clocks do not go alike for ever."""
    clock = Clock()
    shared = SharedClock(clock.seconds)
    asked(clock, shared, 0.001, 0.001)
    asked(clock, shared, 0.4, 0.0)
    assert abs(shared.shown(0.0) - AHEAD) <= 1
    clock.advance(3600)
    asked(clock, shared, 0.4, 0.0)
    assert abs(shared.shown(0.0) - AHEAD) > 100


def test_a_clock_that_was_set_is_noticed() -> None:
    """Redis is on another machine now, or its clock was set: the new one counts, however slow the answer is."""
    clock = Clock()
    shared = SharedClock(clock.seconds)
    asked(clock, shared, 0.001, 0.001)
    asked(clock, shared, 0.1, 0.1, ahead=AHEAD - 5000)
    assert abs(shared.shown(0.0) - AHEAD + 5000) <= 1
