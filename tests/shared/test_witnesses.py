"""Witnesses of a proxy that leads, leads no longer, and leads again: real ones, and such as make mistakes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import TestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from proxy.campaign.observation import (
    GroupNames,
    ListStatistics,
    Observation,
    Retrieved,
    SessionWitnessed,
    WitnessConfirms,
    WitnessFound,
    WitnessLost,
)
from proxy.interfaces import IConfirmingWitness, IRecordWitness
from proxy.shared.witnesses import AT_REST, WhileLeading
from proxy.witness.calling_list import calling_list
from proxy.witness.census import read_url
from proxy.witness.follow import Reading, Tail
from proxy.witness.ocs_log import OcsLog
from tests.campaign.desk import SALES, Desk
from tests.witness.postgresql import COLUMNS, PostgreSQL, postgresql

LOADED = "14:20:55.847 Trc 52000 Campaign Group Sales@Agents has been loaded\n"
LIST = GroupNames(campaign_id=SALES.campaign_id, group_id=SALES.group_id)
NAME = "calling-list Customers"


def brings(number: int) -> str:
    """A line of OCS's log that says so."""
    return (
        f"16:19:06.052 CM_DBCallList(201-{LIST.campaign_id}-{LIST.group_id}): SP return value (ReadyCount):{number}\n"
    )


def retrieved(number: int) -> Retrieved:
    """What that line says."""
    return Retrieved("log", LIST, "201", "untold", number)


# --------------------------------------------------------------------------------------------------------- OCS's log


class Scene:
    """OCS's log, and a witness that follows it while the proxy leads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = Clock()
        self.said: list[Observation] = []
        self.reading: list[Callable[[], None]] = []
        self.hangs = False
        path.touch()
        self.witness = WhileLeading(self.new)

    def new(self) -> OcsLog:
        """One as the conf file would make it."""
        return OcsLog("log", Tail(str(self.path), look_back=2), self.clock, 1, 10, 0, self._in_thread)

    def _in_thread(self, read: Callable[[], Reading]) -> Deferred[Reading]:
        if not self.hangs:
            return succeed(read())
        answer: Deferred[Reading] = Deferred()
        self.reading.append(lambda: answer.callback(read()))
        return answer

    def leads(self) -> list[Observation]:
        """The proxy begins to lead; what is said within a second."""
        self.witness.watch(self.said.append)
        return self.passes(0)

    def writes(self, *lines: str) -> list[Observation]:
        """OCS writes; what is said within a second."""
        with self.path.open("a") as file:
            file.writelines(lines)
        return self.passes(1)

    def passes(self, seconds: int) -> list[Observation]:
        """Time passes; what has been said since it was last asked."""
        self.clock.pump([0.5] * (2 * seconds) or [0])
        self.clock.advance(0)
        said, self.said[:] = list(self.said), []
        return said


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """OCS has a log in which nothing stands."""
    return Scene(tmp_path / "ocs.log")


def test_it_is_a_witness(scene: Scene) -> None:
    """Whoever has a witness can have this one instead."""
    assert verifyObject(IConfirmingWitness, scene.witness)


def test_it_is_at_rest_where_the_proxy_does_not_lead(scene: Scene) -> None:
    """Before the first lead and after each nothing is read, and it says why it does not count."""
    assert scene.writes(brings(4)) == []
    assert (scene.witness.watches, scene.witness.problem) == (False, AT_REST)
    assert scene.leads() == [retrieved(4), WitnessFound("log")]
    assert (scene.witness.watches, scene.witness.problem) == (True, None)
    scene.witness.stop()
    assert scene.writes(brings(5)) == []
    assert (scene.witness.watches, scene.witness.problem) == (False, AT_REST)
    assert not scene.clock.getDelayedCalls()


def test_a_second_lead_begins_as_a_new_proxy_does(scene: Scene) -> None:
    """All that the log tells of the past is told again, also what was written meanwhile, and only then it is found."""
    scene.leads()
    scene.writes(LOADED, brings(4))
    scene.witness.stop()
    scene.path.rename(scene.path.with_suffix(".log.1"))
    scene.writes(brings(2))
    again = scene.leads()
    assert again == [
        SessionWitnessed("log", GroupNames(name="Sales@Agents"), True),
        *map(retrieved, (4, 2)),
        WitnessFound("log"),
    ]
    fresh: list[Observation] = []
    other = scene.new()
    other.watch(fresh.append)
    scene.clock.advance(0)
    other.stop()
    assert again == fresh
    assert scene.writes(brings(1)) == [retrieved(1)]


def test_counts_go_on_over_all_leads(scene: Scene) -> None:
    """For Prometheus they never go back; while the proxy does not lead they stay."""
    assert scene.witness.counts["lines"] == 0
    scene.leads()
    scene.writes(brings(4), brings(3))
    scene.witness.stop()
    assert scene.witness.counts["lines"] == 2
    scene.leads()
    assert scene.witness.counts["lines"] == 4
    assert scene.witness.counts["lost"] == 0


def test_what_was_being_read_when_the_lead_was_lost_is_not_told_in_the_next(scene: Scene) -> None:
    """A disk that hangs over both leads: the old reading is nobody's, the new one tells each line once."""
    scene.leads()
    scene.hangs = True
    scene.writes(brings(4))
    scene.witness.stop()
    assert scene.leads() == []
    assert len(scene.reading) == 2
    scene.hangs = False
    for answers in scene.reading:
        answers()
    assert scene.passes(1) == [retrieved(4), WitnessFound("log")]


def test_stopped_twice(scene: Scene) -> None:
    """A lead may end before it began, and end again."""
    scene.witness.stop()
    scene.leads()
    scene.witness.stop()
    scene.witness.stop()
    assert scene.leads() == [WitnessFound("log")]


def test_a_lead_after_a_lead_that_nobody_ended(scene: Scene) -> None:
    """The first witness is stopped all the same: nothing is told twice, and nothing is left behind."""
    scene.leads()
    scene.leads()
    assert scene.writes(brings(4)) == [retrieved(4)]
    scene.witness.stop()
    assert not scene.clock.getDelayedCalls()


def test_what_it_tells_of_the_past_is_counted_and_no_evidence(scene: Scene) -> None:
    """R14: after a take-over the last retrieval, which brought none, says nothing until one brings none anew."""
    desk = Desk()
    desk.runs()
    scene.witness.watch(desk.sees)
    scene.passes(0)
    scene.writes(LOADED, brings(4), brings(0))
    assert (desk["retrieved"], desk["exhausted"]) == (4, True)
    scene.witness.stop()
    desk.sees(WitnessLost("log"))  # as the groups have it when the lead passes to another instance
    assert (desk["retrieved"], desk["exhausted"]) == (None, False)
    scene.witness.watch(desk.sees)
    scene.passes(0)
    assert (desk["retrieved"], desk["exhausted"]) == (4, False)
    scene.writes(brings(0))
    assert (desk["retrieved"], desk["exhausted"]) == (4, True)


# --------------------------------------------------------------------------------------------------------- mistakes


@implementer(IRecordWitness)
class Careless:
    """A witness of a plug-in that fails when it begins, or when it stops, or goes on reporting then."""

    name = "careless"
    problem = None

    def __init__(self, begins: bool = True, stops: bool = True) -> None:
        self._begins, self._stops = begins, stops
        self.counts = {"reports": 0}

    def watch(self, observe: Callable[[Observation], object]) -> None:
        self.observe = observe
        self.reports()
        if not self._begins:
            raise LookupError("no key")

    def stop(self) -> None:
        if not self._stops:
            raise LookupError("no lock")

    def reports(self) -> None:
        """It has something to say."""
        self.counts["reports"] += 1
        self.observe(WitnessFound(self.name))


class Careful(WhileLeading):
    """One lead after another, each with the next of these witnesses."""

    def __init__(self, *lives: Careless) -> None:
        self.said: list[Observation] = []
        super().__init__(iter(lives).__next__)

    def leads(self) -> None:
        """The proxy leads."""
        self.watch(self.said.append)


class MistakesTests(TestCase):
    """Witnesses that do not keep to their interface."""

    def test_one_that_reports_after_it_was_stopped(self) -> None:
        """Nobody hears it, neither at rest nor in the next lead."""
        first, second = Careless(), Careless()
        witness = Careful(first, second)
        witness.leads()
        witness.stop()
        first.reports()
        witness.leads()
        first.reports()
        self.assertEqual(witness.said, [WitnessFound("careless")] * 2)

    def test_one_that_cannot_begin(self) -> None:
        """The proxy leads without it, and it says so; the next lead tries anew."""
        witness = Careful(Careless(begins=False), Careless())
        witness.leads()
        self.assertEqual(len(self.flushLoggedErrors(LookupError)), 1)
        self.assertEqual((witness.watches, witness.problem), (True, "could not begin, see the log"))
        witness.stop()
        self.assertEqual((witness.watches, witness.problem), (False, AT_REST))
        witness.leads()
        self.assertEqual((witness.watches, witness.problem), (True, None))

    def test_one_that_cannot_be_made_again(self) -> None:
        """As one that cannot begin."""
        witness = Careful(Careless())
        witness.leads()
        witness.stop()
        witness.leads()
        self.assertEqual(len(self.flushLoggedErrors(StopIteration)), 1)
        self.assertEqual((witness.problem, witness.counts), ("could not begin, see the log", {"reports": 1}))

    def test_one_that_does_not_stop_in_order(self) -> None:
        """The lead ends all the same."""
        witness = Careful(Careless(stops=False), Careless())
        witness.leads()
        witness.stop()
        self.assertEqual(len(self.flushLoggedErrors(LookupError)), 1)
        self.assertEqual(witness.problem, AT_REST)

    def test_one_that_cannot_be_asked(self) -> None:
        """It is logged, each time: the group waits for an answer that will not come."""
        logged: list[str] = []
        observer = lambda event: logged.append(str(event["log_format"]))  # noqa: E731
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        witness = Careful(Careless())
        witness.ask(SALES, 1)
        witness.leads()
        witness.ask(SALES, 2)
        self.assertEqual(
            logged,
            ["witness {name}: is asked, and does not watch now", "witness {name}: confirms, and cannot be asked"],
        )


# ---------------------------------------------------------------------------------------------------- a calling list


class CallingListTests(TestCase):
    """A table of a real PostgreSQL, asked on real threads."""

    timeout = 300

    def setUp(self) -> None:
        """A list with one record that can be called."""
        self.server: PostgreSQL = postgresql()
        self.server.do(
            "DROP SCHEMA public CASCADE",
            "CREATE SCHEMA public",
            f"CREATE TABLE customers ({COLUMNS})",
            "INSERT INTO customers VALUES (1, 1, 2, 1, 0)",
        )
        self.said: list[Observation] = []
        self.wanted: tuple[Observation, Deferred[None]] | None = None
        values = {option: default for option, (_, default) in calling_list.options.items()}
        values |= {"url": read_url(self.server.url), "table": "customers", "group": "Sales@Agents", "timeout": 250.0}
        self.witness = WhileLeading(lambda: calling_list.witness(NAME, values, reactor))
        self.addCleanup(self.witness.stop)

    def observe(self, observation: Observation) -> None:
        """What it says."""
        self.said.append(observation)
        if self.wanted is not None and self.wanted[0] == observation:
            self.wanted[1].callback(None)

    def until(self, observation: Observation) -> Deferred[None]:
        """Fires when this is said."""
        said: Deferred[None] = Deferred()
        self.wanted = (observation, said)
        return said

    async def leads(self, ready: int) -> None:
        """The proxy leads; from its first word on the witness says that so many records are ready."""
        told = self.until(self.statistics(ready))
        self.witness.watch(self.observe)
        await told

    def statistics(self, ready: int, answers: int | None = None) -> ListStatistics:
        """What it tells."""
        names = GroupNames(name="Sales@Agents")
        return ListStatistics(NAME, names, "Customers", ready, 0, scheduled=0, answers=answers)

    async def test_each_lead_asks_anew(self) -> None:
        """That it confirms is said in each lead, then what the table holds now; who watches gets the questions."""
        confirms = WitnessConfirms(NAME, GroupNames(name="Sales@Agents"))
        await self.leads(1)
        self.witness.stop()
        self.server.do("DELETE FROM customers")
        self.witness.ask(GroupNames(name="Sales@Agents"), 6)
        await self.leads(0)
        first, second = ([confirms, WitnessFound(NAME), self.statistics(ready)] for ready in (1, 0))
        self.assertEqual(self.said, [*first, *second])
        answered = self.until(self.statistics(0, answers=7))
        self.witness.ask(GroupNames(name="Sales@Agents"), 7)
        await answered
        self.assertEqual(self.witness.counts, {"asked": 3, "answered": 3, "failed": 0, "lost": 0})

    async def test_a_question_that_hangs_when_the_lead_is_lost(self) -> None:
        """Its answer is nobody's; the next lead has its own, though the first one's thread was still waiting."""
        import psycopg

        with psycopg.connect(self.server.url) as locks:
            locks.execute("LOCK TABLE customers")
            self.witness.watch(self.observe)
            self.witness.stop()
            told = self.until(self.statistics(1))
            self.witness.watch(self.observe)
            locks.rollback()
            await told
        confirms = WitnessConfirms(NAME, GroupNames(name="Sales@Agents"))
        self.assertEqual(self.said, [confirms, confirms, WitnessFound(NAME), self.statistics(1)])
        self.assertEqual(self.witness.counts, {"asked": 2, "answered": 1, "failed": 0, "lost": 0})
