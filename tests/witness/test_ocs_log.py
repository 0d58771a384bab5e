"""The witness that follows OCS's log: when it counts, when it is lost, and what it reports."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from proxy.campaign.observation import (
    GroupNames,
    ListStatistics,
    Observation,
    Retrieved,
    SessionWitnessed,
    WitnessFound,
    WitnessLost,
)
from proxy.interfaces import IRecordWitness, IWitnessKind
from proxy.witness.follow import Reading, Tail
from proxy.witness.ocs_log import OcsLog, ocs_log

FOUND, LOST = WitnessFound("log"), WitnessLost("log")
SALES = GroupNames(name="Sales@Agents")
LOADED = "14:20:55.847 Trc 52000 Campaign Group Sales@Agents has been loaded\n"
STARTED = "14:20:56.847 Trc 52001 Campaign Group Sales@Agents has been started\n"
UNLOADED = "14:20:57.847 Trc 52004 Campaign Group Sales@Agents has been unloaded\n"
RESTARTED = "14:20:57.847 Std 05060 Application started\n"


def brings(number: int) -> str:
    """A line that says so."""
    return f"16:19:06.052 CM_DBCallList(201-101-732): SP return value (ReadyCount):{number}\n"


def retrieved(number: int) -> Retrieved:
    """What that line says."""
    return Retrieved("log", GroupNames(campaign_id=101, group_id=732), "201", "untold", number)


class Scene:
    """A log, and a witness that follows it."""

    def __init__(self, folder: Path, late: float = 10, stale: float = 0, look_back: int = 0) -> None:
        self.path = folder / "ocs.log"
        self.clock = Clock()
        self.said: list[Observation] = []
        self.hangs = False
        tail = Tail(str(self.path), look_back=look_back)
        self.witness = OcsLog("log", tail, self.clock, 1, late, stale, self._in_thread)

    def _in_thread(self, read: Callable[[], Reading]) -> Deferred[Reading]:
        return Deferred() if self.hangs else succeed(read())

    def watch(self) -> Scene:
        """The witness begins."""
        self.witness.watch(self.said.append)
        self.clock.advance(0)
        return self

    def writes(self, *lines: str) -> list[Observation]:
        """OCS writes; what is said within a second."""
        with self.path.open("a") as file:
            file.writelines(lines)
        return self.passes(1)

    def passes(self, seconds: int) -> list[Observation]:
        """Time passes; what is said meanwhile."""
        self.said.clear()
        self.clock.pump([0.5] * (2 * seconds))
        self.clock.advance(0)
        return list(self.said)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """OCS has a log in which nothing stands."""
    scene = Scene(tmp_path)
    scene.path.touch()
    return scene.watch()


def test_it_is_a_witness(scene: Scene) -> None:
    """It keeps the interfaces that plug-ins keep."""
    assert verifyObject(IRecordWitness, scene.witness)
    assert verifyObject(IWitnessKind, ocs_log)


def test_it_counts_from_the_end_of_the_file(scene: Scene) -> None:
    """Once everything was read it is found; what comes then is reported as it comes."""
    assert (scene.said, scene.witness.problem) == ([FOUND], None)
    assert scene.writes(brings(4)) == [retrieved(4)]
    assert scene.passes(3600) == [], "a quiet log is in order"


def test_what_was_written_before_is_told_before_it_is_found(tmp_path: Path) -> None:
    """r14: it counts, and is no evidence. Older files come first."""
    scene = Scene(tmp_path, look_back=1)
    scene.path.write_text(brings(2))
    (tmp_path / "ocs.log.1.gz").write_bytes(gzip.compress((LOADED + STARTED + brings(1)).encode()))
    assert scene.watch().said == [SessionWitnessed("log", SALES, True), retrieved(1), retrieved(2), FOUND]


def test_a_groups_life_only_tells_where_sessions_begin_and_end(scene: Scene) -> None:
    """r1: it may lag behind; OCS's word is heard elsewhere."""
    assert scene.writes(LOADED, STARTED, UNLOADED) == [
        SessionWitnessed("log", SALES, True),
        SessionWitnessed("log", SALES, False),
    ]


def test_statistics_are_reported(scene: Scene) -> None:
    """What a list holds."""
    line = "CM_DBCallList(201-101-732): SR return value ({}):{}\n"
    names = ("ReadyCount", "RetrievedCount", "FinalCount", "TotalCount")
    said = scene.writes(*(line.format(name, number) for number, name in enumerate(names)))
    assert said == [ListStatistics("log", GroupNames(campaign_id=101, group_id=732), "201", 0, 1, 2, 3)]


def test_a_log_that_is_renamed_away_is_lost(scene: Scene) -> None:
    """Not at once: a rotation takes its time. Then what it said no longer holds, and it says why."""
    scene.path.rename(scene.path.with_name("elsewhere"))
    assert scene.passes(9) == []
    assert scene.witness.problem is None
    assert scene.passes(3) == [LOST]
    assert scene.witness.problem == "is not there"
    assert scene.passes(100) == []
    assert scene.writes(brings(7)) == [retrieved(7), FOUND], "what came meanwhile is of the past"
    assert scene.witness.problem is None
    assert scene.witness.counts["lost"] == 1


def test_a_rotation_loses_nothing(scene: Scene) -> None:
    """Renamed, and there again within the time it may be late."""
    scene.writes(brings(1))
    scene.path.rename(scene.path.with_name("ocs.log.1"))
    scene.passes(5)
    assert scene.writes(brings(2)) == [retrieved(2)]
    assert scene.witness.counts["lost"] == 0


def test_a_log_that_is_not_there_at_the_start(tmp_path: Path) -> None:
    """The groups are told that there is a witness that does not count; it is found when the log comes."""
    scene = Scene(tmp_path).watch()
    assert scene.witness.problem == "has not been read to its end yet"
    assert scene.passes(20) == [LOST]
    assert scene.witness.problem == "is not there"
    assert scene.witness.counts["lost"] == 0, "it never counted"
    assert scene.writes(brings(1)) == [retrieved(1), FOUND]


def test_a_disk_that_does_not_answer(scene: Scene) -> None:
    """r18: rule A is never looked at with a reading that is too old."""
    scene.hangs = True
    assert scene.passes(12) == [LOST]
    assert scene.witness.problem == "has not been read to its end in time"


def test_a_reading_is_as_old_as_its_beginning(scene: Scene) -> None:
    """r18: a disk that takes its time: what was written since it was asked was not read."""
    answers = list[tuple[Deferred[Reading], Reading]]()

    def slowly(read: Callable[[], Reading]) -> Deferred[Reading]:
        answers.append((Deferred(), read()))
        return answers[-1][0]

    scene.witness._follower._in_thread = slowly
    assert scene.passes(8) == []
    ((answer, reading),) = answers
    answer.callback(reading)
    assert scene.passes(3) == []
    assert scene.passes(2) == [LOST]


def test_a_truncated_log_is_lost_and_found(scene: Scene) -> None:
    """Lines may be missing: what was said is taken back, and what stands there now is of the past."""
    scene.writes(brings(1))
    scene.path.write_text("")
    assert scene.passes(1) == [LOST, FOUND]
    assert scene.writes(brings(2)) == [retrieved(2)]
    scene.path.write_text("x\n" + brings(3) + brings(4))
    assert scene.passes(1) == [LOST, retrieved(3), retrieved(4), FOUND]
    assert (scene.witness.counts["gaps"], scene.witness.counts["lost"]) == (2, 2)


def test_what_was_under_way_at_a_gap_is_forgotten(scene: Scene) -> None:
    """The count after it is not taken for the answer to the request before it."""
    request = "CM_DBCallList(201-101-732): DBServer 'x' SQL: sp201101732 @RecType = 2, @NumRec = 9 [ReqID=1]\n"
    scene.writes(request)
    scene.path.write_text(brings(3))
    assert retrieved(3) in scene.passes(1)


def test_ocs_that_is_started_anew(scene: Scene) -> None:
    """Everything it said is taken back; it counts again from the end of the file."""
    assert scene.writes(brings(1), RESTARTED, brings(2)) == [retrieved(1), LOST, retrieved(2), FOUND]


def test_a_gap_of_the_past_takes_back_what_was_told_of_it(tmp_path: Path) -> None:
    """Of older files that are not whole no session is known from its beginning."""
    scene = Scene(tmp_path, look_back=2)
    scene.path.write_text(brings(2))
    (tmp_path / "ocs.log.1.gz").write_bytes(gzip.compress((LOADED * 1000 + brings(1)).encode())[:-20])
    said = scene.watch().said
    assert said[-3:] == [LOST, retrieved(2), FOUND]


def test_stale(tmp_path: Path) -> None:
    """Where OCS writes day and night, silence is a sign that this is not its log any more."""
    scene = Scene(tmp_path, stale=60)
    scene.path.touch()
    scene.watch()
    scene.passes(50)
    scene.writes("anything\n")
    assert scene.passes(60) == []
    assert scene.passes(2) == [LOST]
    assert scene.witness.problem == "no line came for 60 s"
    assert scene.writes("anything\n") == [FOUND]


def test_what_is_counted(scene: Scene) -> None:
    """Lines read, understood, not understood, too long."""
    scene.writes(brings(1), "anything\n", "CM_DBCallList(1-2): SP return value (ReadyCount):1\n", "x" * 100_000 + "\n")
    assert scene.witness.counts == {
        "lines": 4,
        "lines_understood": 1,
        "lines_not_understood": 1,
        "lines_too_long": 1,
        "gaps": 0,
        "lost": 0,
    }


def test_after_its_end_it_says_nothing(scene: Scene) -> None:
    """Nothing is left on the clock, and nothing is reported."""
    scene.witness.stop()
    assert scene.writes(brings(1)) == []
    assert scene.clock.getDelayedCalls() == []
    scene.witness.stop()
