"""The witness that asks a calling list's table: when it asks, what it tells, and when it is lost."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from proxy.campaign.observation import GroupNames, ListStatistics, WitnessConfirms, WitnessFound, WitnessLost
from proxy.interfaces import IConfirmingWitness, IWitnessKind
from proxy.witness.calling_list import CallingList, CallingListKind, calling_list
from proxy.witness.census import Census, NoAnswer, read_url
from tests.witness.postgresql import COLUMNS

NAME = "calling-list Customers"
SALES = GroupNames(name="Sales@Agents")
WALL = 1_700_000_000.0


class Desk:
    """A witness on a clock, and threads that answer when the test says so."""

    def __init__(self, confirms: bool = True) -> None:
        self.clock = Clock()
        self.asking: list[Deferred[Census]] = []
        self.times: list[float] = []
        self.given_up = 0
        self.told: list[object] = []
        wall = lambda: WALL + self.clock.seconds()  # noqa: E731
        self.witness = CallingList(NAME, "Sales@Agents", self, self.clock, wall, 30, 5, confirms, self._in_thread)

    def _in_thread(self, ask) -> Deferred[Census]:
        ask()
        self.asking.append(Deferred())
        return self.asking[-1]

    def count(self, now: float) -> None:
        """The table is asked."""
        self.times.append(now - WALL)

    def give_up(self) -> None:
        """The question is given up."""
        self.given_up += 1

    def begin(self) -> Desk:
        """The witness begins, and has an answer."""
        self.witness.watch(self.told.append)
        self.answers(Census(1, 0, 0))
        self.told.clear()
        return self

    def answers(self, census: Census | None = None) -> None:
        """The database answers the oldest question; nothing is left, if nothing else is said."""
        self.asking.pop(0).callback(census or Census(0, 0, 0))

    def fails(self, why: str = "gone", problem: type[Exception] = NoAnswer) -> None:
        """The database does not answer."""
        self.asking.pop(0).errback(Failure(problem(why)))


def statistics(ready: int, retrieved: int = 0, scheduled: int = 0, answers: int | None = None) -> ListStatistics:
    """What the witness tells."""
    return ListStatistics(NAME, SALES, "Customers", ready, retrieved, scheduled=scheduled, answers=answers)


def test_it_is_what_it_says() -> None:
    """It can be asked, and its kind makes witnesses."""
    assert verifyObject(IConfirmingWitness, Desk().witness)
    assert verifyObject(IWitnessKind, calling_list)


def test_it_is_found_with_its_first_answer() -> None:
    """That it confirms is known before; what it counts is told after."""
    desk = Desk()
    desk.witness.watch(desk.told.append)
    assert desk.told == [WitnessConfirms(NAME, SALES)]
    assert desk.witness.problem == "has not been asked yet"
    desk.answers(Census(ready=5, scheduled=3, retrieved=2))
    assert desk.told[1:] == [WitnessFound(NAME), statistics(5, 2, 3)]
    assert desk.witness.problem is None


def test_one_that_need_not_confirm() -> None:
    """With confirm = no it tells what it counts, and that is all."""
    desk = Desk(confirms=False)
    desk.witness.watch(desk.told.append)
    assert desk.told == []


def test_it_asks_every_interval() -> None:
    """With the time of day of each question."""
    desk = Desk().begin()
    for _ in range(3):
        desk.clock.advance(30)
        desk.answers()
    assert desk.times == [0, 30, 60, 90]
    assert desk.told == [statistics(0)] * 3


def test_it_is_lost_with_the_first_failure_and_found_with_the_next_answer() -> None:
    """It is said why, once; what it said no longer holds."""
    desk = Desk().begin()
    for _ in range(3):
        desk.clock.advance(30)
        desk.fails("no such table")
        assert desk.witness.problem == "no such table"
    assert set(desk.told) == {WitnessLost(NAME)}
    desk.told.clear()
    desk.clock.advance(30)
    desk.answers()
    assert desk.told == [WitnessFound(NAME), statistics(0)]
    assert desk.witness.problem is None
    assert desk.witness.counts == {"asked": 5, "answered": 2, "failed": 3, "lost": 1}


def test_what_is_counted_while_an_answer_is_told() -> None:
    """Whoever looks in the middle of it sees no failure that was none, nor less than none."""
    desk = Desk()
    counted: list[int] = []
    desk.witness.watch(lambda _: counted.append(desk.witness.counts["failed"]))
    desk.answers()
    assert counted == [0, 0, 0]


def test_one_question_at_a_time() -> None:
    """A database that hangs: it is lost in time, the question is given up, and no thread is added to the first."""
    desk = Desk().begin()
    desk.clock.advance(30)
    desk.clock.advance(4.9)
    assert desk.told == []
    desk.clock.advance(0.1)
    assert desk.told == [WitnessLost(NAME)]
    assert desk.witness.problem == "no answer within 5 s"
    assert desk.given_up == 1
    desk.clock.pump([30] * 10)
    desk.witness.ask(SALES, 7)
    assert len(desk.asking) == 1


def test_what_comes_too_late_does_not_count() -> None:
    """It was given up; the next question is asked at its time, and finds the witness again."""
    desk = Desk().begin()
    desk.clock.advance(30)
    desk.clock.advance(6)
    desk.answers()
    assert desk.told == [WitnessLost(NAME)]
    desk.clock.advance(24)
    desk.answers()
    assert desk.told[1:] == [WitnessFound(NAME), statistics(0)]


def test_what_fails_too_late_is_not_told_twice() -> None:
    """That it was given up is why."""
    desk = Desk().begin()
    desk.clock.advance(30)
    desk.clock.advance(6)
    desk.fails("connection reset")
    assert desk.told == [WitnessLost(NAME)]
    assert desk.witness.problem == "no answer within 5 s"


def test_it_is_asked_before_a_stop() -> None:
    """At once, whatever the interval; the answer says which question it answers."""
    desk = Desk().begin()
    desk.clock.advance(10)
    desk.witness.ask(SALES, 7)
    assert desk.times == [0, 10]
    desk.answers()
    assert desk.told == [statistics(0, answers=7)]


def test_what_is_being_counted_already_is_no_answer() -> None:
    """It is older than the question: the table is asked again after it."""
    desk = Desk().begin()
    desk.clock.advance(30)
    desk.witness.ask(SALES, 7)
    desk.witness.ask(SALES, 8)
    assert len(desk.asking) == 1
    desk.answers()
    desk.answers()
    assert desk.told == [statistics(0), statistics(0, answers=8)]
    assert desk.asking == []


def test_a_question_after_one_that_was_given_up() -> None:
    """It waits for the thread to come back, and is asked then."""
    desk = Desk().begin()
    desk.clock.advance(30)
    desk.clock.advance(6)
    desk.witness.ask(SALES, 7)
    desk.fails()
    desk.answers()
    assert desk.told == [WitnessLost(NAME), WitnessFound(NAME), statistics(0, answers=7)]


def test_after_its_end_nothing_is_told_and_nothing_is_on_the_clock() -> None:
    """A question under way is given up."""
    desk = Desk().begin()
    desk.clock.advance(30)
    desk.witness.stop()
    assert desk.given_up == 1
    desk.answers()
    desk.witness.ask(SALES, 7)
    desk.clock.advance(100)
    assert desk.told == desk.asking == []
    assert desk.clock.getDelayedCalls() == []


class TestMistakes(TestCase):
    """Mistakes of ours."""

    def test_a_mistake_of_ours(self) -> None:
        """It is logged, and the witness is lost: nothing is completed on what it said before."""
        desk = Desk().begin()
        desk.clock.advance(30)
        desk.fails("oops", ZeroDivisionError)
        self.assertEqual(desk.told, [WitnessLost(NAME)])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class TestThreads(TestCase):
    """A real file, asked in a real thread."""

    timeout = 300

    async def test_the_reactor_never_waits(self) -> None:
        """The file is asked on another thread, and what comes of it is told on the reactor's."""
        path = Path(self.mktemp())
        with sqlite3.connect(path) as connection:
            connection.execute(f"CREATE TABLE customers ({COLUMNS})")
            connection.execute("INSERT INTO customers VALUES (1, 1, 2, 1, NULL)")
        connection.close()
        values = {key: default for key, (_, default) in CallingListKind.options.items()}
        values.update(url=read_url(f"sqlite:///{path.absolute()}"), table="customers", group="Sales@Agents")
        witness = calling_list.witness(NAME, values, reactor)
        threads: list[object] = []
        table = witness._table
        count = table.count
        self.patch(table, "count", lambda now: (threads.append(threading.current_thread()), count(now))[1])
        told: list[object] = []
        done: Deferred[None] = Deferred()

        def observe(observation: object) -> None:
            threads.append(threading.current_thread())
            told.append(observation)
            if isinstance(observation, ListStatistics):
                done.callback(None)

        witness.watch(observe)
        self.addCleanup(witness.stop)
        await done
        self.assertEqual(told, [WitnessConfirms(NAME, SALES), WitnessFound(NAME), statistics(1)])
        asked = [thread for thread in threads if thread is not threading.main_thread()]
        self.assertEqual([thread.daemon for thread in asked], [True])
        asked[0].join()
