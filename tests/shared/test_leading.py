"""Who leads: one at a time, by clocks that cannot lie, and whoever can speak to the dialer."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from proxy.campaign.groups import Groups
from proxy.campaign.observation import InstanceHeard, InstanceLeft
from proxy.campaign.policy import Policy
from proxy.shared.entries import Batch, Led, Seen, text_of
from proxy.shared.lead import MARGIN, Lead
from proxy.shared.leading import BEAT, Leading
from proxy.shared.replica import Replica
from proxy.shared.stream import Unreachable

LEASE = 10.0
LASTS = LEASE - BEAT


class Time:
    """A clock that the test advances."""

    def __init__(self) -> None:
        self.now = 5000.0

    def __call__(self) -> float:
        return self.now


class Asked:
    """A stream that answers for the lead when the test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.answers: list[Deferred[Any]] = []

    async def take_lead(self, epoch: str, instance: int, lease: float) -> int | None:
        return await self._ask("take", instance, lease)

    async def renew(self, epoch: str, instance: int, fence: int, lease: float) -> bool:
        return bool(await self._ask("renew", instance, fence, lease))

    async def give_up(self, epoch: str, instance: int, fence: int) -> None:
        await self._ask("give up", instance, fence)

    async def _ask(self, *what: Any) -> Any:
        self.asked.append(what)
        self.answers.append(Deferred())
        return await self.answers[-1]


class One:
    """Instance 1, with a replica to which the test applies what it likes."""

    epoch = "e"

    def __init__(self) -> None:
        self.number = 1
        self.can_control = True
        self.replica: Replica | None = Replica(Groups(Policy()))
        self.began: list[bool] = []
        self.time = Time()
        self.stream = Asked()
        stream: Any = self.stream
        self.leading = Leading(stream, self, LEASE, Lead(LASTS, self.time))
        self._milliseconds = 1_000_000
        self._sequences: dict[int, int] = {}

    def begins_to_lead(self) -> None:
        self.began.append(True)

    def leads_no_more(self) -> None:
        self.began.append(False)

    def hears(self, instance: int, *observations: Any, after: float = 0.0) -> None:
        """An instance says this, so many seconds later; one that is new says first that it is there."""
        sequence = self._sequences[instance] = self._sequences.get(instance, 0) + 1
        self._applies(after, Batch(instance, sequence, 0, False, tuple(map(Seen, observations))))

    def hears_led(self, instance: int, fence: int) -> None:
        """The stream shows who leads."""
        self._applies(0.0, Batch(instance, 0, fence, False, (Led(instance, fence),)))
        self.leading.look()

    def _applies(self, after: float, batch: Batch) -> None:
        assert self.replica is not None
        self._milliseconds += round(after * 1000)
        self.replica.apply(f"{self._milliseconds}-1", text_of(batch))

    def sees_to_it(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.leading.see_to_it())

    def leads(self, fence: int = 4) -> None:
        """It is given the lead, and the stream says so."""
        self.sees_to_it()
        self.stream.answers[-1].callback(fence)
        self.hears_led(1, fence)
        assert self.leading.is_leading


@pytest.fixture
def one() -> One:
    made = One()
    made.hears(1, InstanceHeard(1, True))
    return made


# ------------------------------------------------------------------------------------------------------- the lease


def test_the_lease_is_counted_from_before_it_was_asked_for() -> None:
    """However long Redis takes to answer: where this instance believes that it leads, Redis does."""
    time = Time()
    lead = Lead(9.0, time)
    assert not lead.holds
    asked = lead.asked()
    time.now += 8
    lead.taken(3, asked)
    assert lead.holds
    time.now += 1 - MARGIN
    assert not lead.holds, "what is sent has a way to go"
    asked = lead.asked()
    lead.renewed(asked)
    assert lead.holds
    lead.lost()
    assert (lead.holds, lead.fence) == (False, 0)
    lead.renewed(lead.asked())
    assert not lead.holds, "an answer that comes too late gives nothing back"


def test_a_process_that_was_paused_does_not_hold_its_lead(one: One) -> None:
    """It still believes to lead, for it has heard of nothing; what it looks at before it sends says no."""
    one.leads()
    assert one.leading.holds
    one.time.now += LASTS
    assert (one.leading.is_leading, one.leading.holds) == (True, False)


def test_a_slow_redis_gives_less(one: One) -> None:
    """What it gave was counted by it from before it answered; so it is here."""
    one.sees_to_it()
    one.time.now += LASTS
    one.stream.answers[0].callback(4)
    one.hears_led(1, 4)
    assert (one.leading.is_leading, one.leading.holds) == (True, False)
    one.sees_to_it()
    one.time.now += LASTS / 2
    one.stream.answers[1].callback(True)
    assert one.leading.holds
    one.time.now += LASTS / 2
    assert not one.leading.holds


def test_it_is_asked_for_a_beat_less_than_the_lease(one: One) -> None:
    """Another looks for the lead once a beat: it takes over within the lease."""
    one.leads()
    one.sees_to_it()
    assert one.stream.asked == [("take", 1, LASTS), ("renew", 1, 4, LASTS)]


# -------------------------------------------------------------------------------------------- to lead, and no more


def test_it_leads_when_both_redis_and_the_stream_have_said_so(one: One) -> None:
    """Whichever comes first; and it begins once."""
    one.sees_to_it()
    one.hears_led(1, 4)
    assert not one.leading.is_leading, "Redis has not answered yet"
    one.stream.answers[0].callback(4)
    assert (one.leading.is_leading, one.leading.fence, one.leading.led) == (True, 4, 1)
    one.leading.look()
    assert one.began == [True]


def test_an_answer_before_the_stream(one: One) -> None:
    """The lead of somebody else that stands in the stream is not taken for its own."""
    one.sees_to_it()
    one.stream.answers[0].callback(4)
    one.hears_led(2, 3)
    assert not one.leading.is_leading
    one.hears_led(1, 4)
    assert one.began == [True]


def test_another_leads_by_a_later_number(one: One) -> None:
    """It stops at once, before Redis has told it so."""
    one.leads()
    one.hears_led(2, 5)
    assert (one.leading.is_leading, one.leading.fence, one.began) == (False, 0, [True, False])


def test_a_lease_that_is_not_renewed_is_over(one: One) -> None:
    """And is asked for again at the next beat."""
    one.leads()
    one.sees_to_it()
    one.stream.answers[-1].callback(False)
    assert (one.leading.is_leading, one.began) == (False, [True, False])
    one.sees_to_it()
    assert one.stream.asked[-1] == ("take", 1, LASTS)


def test_one_question_at_a_time(one: One) -> None:
    """Redis is slow: nothing is asked again before it has answered; a lost touch is another matter."""
    one.sees_to_it()
    one.sees_to_it()
    assert len(one.stream.asked) == 1
    failed = one.stream.answers[0]
    one.leading.broke_off()
    one.sees_to_it()
    assert len(one.stream.asked) == 2
    one.stream.answers[1].callback(None)
    failed.errback(Unreachable("gone"))


def test_a_touch_that_is_lost_ends_the_lead(one: One) -> None:
    """Whoever cannot renew it must not rely on it."""
    one.leads()
    one.leading.broke_off()
    one.leading.broke_off()
    assert (one.leading.is_leading, one.leading.holds, one.began) == (False, False, [True, False])


def test_it_gives_up_in_order(one: One) -> None:
    """Nothing is done under the lead from before it is given up."""
    one.leads()
    Deferred.fromCoroutine(one.leading.give_up())
    assert (one.leading.is_leading, one.stream.asked[-1]) == (False, ("give up", 1, 4))
    one.stream.answers[-1].callback(None)
    Deferred.fromCoroutine(one.leading.give_up())
    assert len(one.stream.asked) == 2, "there is nothing to be given up"


# ----------------------------------------------------------------------------------------------- who leads better


@pytest.mark.parametrize(
    ("controls", "hands_over", "others", "leads"),
    [
        (True, False, (), True),
        (True, False, (True,), True),
        (False, False, (), True),
        (False, False, (False,), True),
        (False, False, (False, True), False),
        (True, True, (), True),
        (True, True, (False,), True),
        (True, True, (True,), False),
        (False, True, (False,), False),
        (False, True, (), True),
    ],
)
def test_whoever_can_speak_to_the_dialer_leads(
    one: One, controls: bool, hands_over: bool, others: tuple[bool, ...], leads: bool
) -> None:
    """One that can not leaves the lead to one that can; one that ends to one that does not, unless that one can not.

    Where nobody can, or is there, it leads all the same.
    """
    for number, control in enumerate(others, 2):
        one.hears(number, InstanceHeard(number, control))
    one.can_control, one.leading.hands_over = controls, hands_over
    one.sees_to_it()
    assert bool(one.stream.asked) is leads
    if leads:
        one.stream.answers[0].callback(4)
        one.hears_led(1, 4)
        one.sees_to_it()
        assert one.stream.asked[-1][0] == "renew", "what it took it keeps"


def test_a_leader_that_loses_its_control_session_leaves_it_to_another(one: One) -> None:
    """Which is told by nobody: it takes the lead because it is free."""
    one.hears(2, InstanceHeard(2, True))
    one.leads()
    one.can_control = False
    one.sees_to_it()
    assert one.stream.asked[-1] == ("give up", 1, 4)
    assert not one.leading.is_leading


def test_the_dead_lead_no_better(one: One) -> None:
    """The only other one with a control session is dead, and nobody has said so, for nobody leads: this one does."""
    one.hears(2, InstanceHeard(2, True))
    one.can_control = False
    for _ in range(6):
        one.sees_to_it()
        assert one.stream.asked == []
        one.hears(1, InstanceHeard(1, False), after=1.7)
    assert list(one.leading.others) == []
    one.leads()
    one.sees_to_it()
    assert one.stream.asked[-1][0] == "renew"


def test_those_who_are_silent_are_lost_once_it_has_led_for_long_enough(one: One) -> None:
    """Whoever begins to lead gives the others time to be heard; itself, and those who left, it never takes for lost."""
    one.hears(2, InstanceHeard(2, True))
    one.hears(3, InstanceHeard(3, True))
    for _ in range(7):
        one.hears(3, InstanceHeard(3, True), after=1.5)
    one.leads()
    assert list(one.leading.lost()) == []
    for _ in range(6):
        one.hears(3, InstanceHeard(3, True), after=1.5)
        assert list(one.leading.lost()) == []
    one.hears(3, InstanceHeard(3, True), after=1.5)
    assert list(one.leading.lost()) == [2]
    one.hears(3, InstanceLeft(2))
    assert list(one.leading.lost()) == []
    one.leading.stop()
    one.hears(4, InstanceHeard(4, True))
    assert list(one.leading.lost()) == []
