"""A log is followed whatever happens to its file: no line twice, none silently lost. Real files."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from proxy.witness import follow
from proxy.witness.follow import CHUNK, MAX_LINE, Follower, Reading, Tail


class Log:
    """A log in a folder, as somebody writes it."""

    def __init__(self, folder: Path, name: str = "ocs.log") -> None:
        self.path = folder / name
        self._age = 1_000_000_000

    def write(self, data: str | bytes, encoding: str = "utf-8") -> None:
        """More of it."""
        with self.path.open("ab") as file:
            file.write(data if isinstance(data, bytes) else data.encode(encoding))
        self.aged(self.path)

    def rotate(self, to: str) -> Path:
        """It gets another name."""
        return self.path.rename(self.path.with_name(to))

    def older(self, name: str, text: str) -> Path:
        """A file from before, packed where its name says so; each is younger than the one before."""
        path = self.path.with_name(name)
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        self.aged(path)
        return path

    def aged(self, path: Path) -> None:
        """Files are as old as the order in which they were written says."""
        self._age += 10
        os.utime(path, (self._age, self._age))


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """A log that is not there yet."""
    return Log(tmp_path)


def read(tail: Tail, times: int = 40) -> Reading:
    """All there is to be read: until the end, or a problem."""
    lines: list[str] = []
    gap, too_long = None, 0
    for _ in range(times):
        reading = tail.read()
        lines += reading.lines
        gap, too_long = gap or reading.gap, too_long + reading.too_long
        if reading.at_end or reading.problem:
            return Reading(lines, reading.at_end, reading.problem, gap, too_long)
    raise AssertionError("its end was not reached")


def tail_of(log: Log, look_back: int = 0, encoding: str = "utf-8") -> Tail:
    """A tail of the log."""
    return Tail(str(log.path), encoding, look_back)


# ---------------------------------------------------------------------------------------------------- growing


def test_what_is_written_is_read_once(log: Log) -> None:
    """From the first line on; then what is new."""
    log.write("one\ntwo\n")
    tail = tail_of(log)
    assert read(tail) == Reading(["one", "two"], at_end=True)
    assert read(tail) == Reading([], at_end=True)
    log.write("three\r\n\n")
    assert read(tail) == Reading(["three"], at_end=True)


def test_a_line_is_read_when_it_is_whole(log: Log) -> None:
    """What is written in parts, also within a character, comes as one line."""
    tail = tail_of(log)
    data = "zwölf\n".encode()
    log.write(data[:3])
    assert read(tail).lines == []
    log.write(data[3:5])
    assert read(tail).lines == []
    log.write(data[5:])
    assert read(tail).lines == ["zwölf"]


def test_a_file_that_is_not_there_yet(log: Log) -> None:
    """It says so, and is read from its beginning when it comes."""
    tail = tail_of(log)
    assert read(tail) == Reading([], problem="is not there")
    log.write("one\n")
    assert read(tail) == Reading(["one"], at_end=True)


def test_a_folder_in_its_place_cannot_be_read(log: Log) -> None:
    """Whatever the system says is said."""
    log.path.mkdir()
    assert (read(tail_of(log)).problem or "").startswith("cannot be read: ")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "cp1251", "shift_jis"])
def test_other_encodings(log: Log, encoding: str) -> None:
    """Also those in which a newline is two bytes, across chunks."""
    text = "Кампания Продажи" if encoding != "shift_jis" else "キャンペーン"
    lines = [f"{number} {text}" for number in range(5000)]
    log.write("".join(f"{line}\n" for line in lines), encoding)
    assert read(tail_of(log, encoding=encoding)).lines == lines


def test_bytes_that_are_not_of_the_encoding_harm_nothing(log: Log) -> None:
    """They are replaced; the lines around them, and the rest of theirs, are read. A byte order mark is no text."""
    log.write(b"\xef\xbb\xbfone\n\xff\xfe two\nthree\n")
    assert read(tail_of(log)).lines == ["one", "\ufffd\ufffd two", "three"]


@pytest.mark.parametrize("size", [MAX_LINE + 1, CHUNK * 3])
def test_a_line_of_absurd_length_is_left_out(log: Log, size: int) -> None:
    """Counted once, in bounded memory, and the lines around it are read."""
    log.write("one\n" + "x" * size + "\ntwo\n" + "y" * MAX_LINE + "\n")
    tail = tail_of(log)
    assert read(tail) == Reading(["one", "two", "y" * MAX_LINE], at_end=True, too_long=1)


def test_a_line_of_absurd_length_that_grows(log: Log) -> None:
    """It comes bit by bit: not even its end is taken for a line."""
    tail = tail_of(log)
    log.write("x" * (MAX_LINE + 1))
    assert read(tail).too_long == 1
    log.write("x" * 10)
    assert read(tail).too_long == 0
    log.write("end\ntwo\n")
    assert read(tail) == Reading(["two"], at_end=True)


def test_much_at_once_comes_in_bounded_parts(log: Log) -> None:
    """No reading is longer than a chunk, and no line is lost between two of them."""
    lines = [f"line {number}" for number in range(50_000)]
    log.write("".join(f"{line}\n" for line in lines))
    tail, got = tail_of(log), []
    while not (reading := tail.read()).at_end:
        assert sum(len(line) + 1 for line in reading.lines) <= CHUNK + 20
        got += reading.lines
    assert got == lines


# ---------------------------------------------------------------------------------------------------- rotation


def test_renamed_and_begun_anew(log: Log) -> None:
    """The rest of the old file first, its last line even without a newline; then all of the new one."""
    tail = tail_of(log)
    log.write("one\n")
    assert read(tail).lines == ["one"]
    log.write("two\nthree")
    log.rotate("ocs.log.1")
    log.write("four\n")
    assert read(tail) == Reading(["two", "three", "four"], at_end=True)


def test_the_old_file_is_written_until_the_new_one_is_there(log: Log) -> None:
    """What comes between the look at its end and the look at the new file is not lost."""
    tail = tail_of(log)
    log.write("one\n")
    read(tail)
    old = log.rotate("ocs.log.1")
    log.write("three\n")
    assert not tail.read().at_end, "the new file was seen"
    with old.open("a") as late:
        late.write("two\n")
    assert read(tail).lines == ["two", "three"]


def test_renamed_and_nothing_in_its_place(log: Log) -> None:
    """What is still written to the old file is read; but the end of the log is not there any more."""
    tail = tail_of(log)
    log.write("one\n")
    read(tail)
    old = log.rotate("elsewhere")
    with old.open("a") as late:
        late.write("two\n")
    assert read(tail) == Reading(["two"], problem="is not there")
    log.write("three\n")
    assert read(tail) == Reading(["three"], at_end=True)


def test_renamed_and_renamed_back(log: Log) -> None:
    """The same file again: nothing is read twice."""
    tail = tail_of(log)
    log.write("one\n")
    read(tail)
    old = log.rotate("elsewhere")
    assert read(tail).problem == "is not there"
    old.rename(log.path)
    log.write("two\n")
    assert read(tail) == Reading(["two"], at_end=True)


def test_removed_and_begun_anew(log: Log) -> None:
    """Another file by the same name is read from its beginning."""
    tail = tail_of(log)
    log.write("one\n")
    read(tail)
    log.path.unlink()
    log.write("two\n")
    assert read(tail).lines == ["two"]


@pytest.mark.parametrize("after", ["", "new\n", "one\nnow longer than it was\n", "x" * 5000 + "\n"])
def test_copied_and_truncated(log: Log, after: str) -> None:
    """What was written between the last look and the copy is missing: that is said, however long it is by now."""
    log.write("one one one\ntwo\n")
    tail = tail_of(log)
    read(tail)
    with log.path.open("r+b") as file:
        file.truncate()
    log.write(after)
    reading = read(tail)
    assert reading.gap == f"{log.path} was truncated"
    assert reading.lines == after.splitlines()


def test_truncated_by_a_writer_that_keeps_its_place(log: Log) -> None:
    """The hole it leaves at the beginning is no line."""
    log.write("one\n" * 50_000)
    tail = tail_of(log)
    read(tail)
    with log.path.open("r+b") as writer:
        writer.truncate(0)
        writer.seek(200_000)
        writer.write(b"lost with the hole\ntwo\n")
    reading = read(tail)
    assert reading.gap is not None
    assert reading.lines == ["two"]


def test_every_file_has_a_name_of_its_own(log: Log, tmp_path: Path) -> None:
    """A pattern: the newest is followed; when a newer one comes, the rest of the old one is read first."""
    tail = Tail(str(tmp_path / "ocs.*.log"))
    assert read(tail).problem == "is not there"
    log.older("ocs.20240501_1.log", "old\n")
    first, second = Log(tmp_path, "ocs.20240502_1.log"), Log(tmp_path, "ocs.20240503_1.log")
    first._age, second._age = 1_100_000_000, 1_200_000_000
    first.write("one\n")
    assert read(tail) == Reading(["one"], at_end=True)
    first.write("two\n")
    second.write("three\n")
    assert read(tail) == Reading(["two", "three"], at_end=True)
    log.older("ocs.20240501_1.log.gz", "packed\n")
    assert read(tail) == Reading([], at_end=True)
    second.rotate("moved")
    assert read(tail).problem == "is not there"


def test_a_file_that_is_being_packed_is_not_the_log(log: Log, tmp_path: Path) -> None:
    """Older files are packed while the log is followed; a pattern may be of those, too."""
    log.path = tmp_path / "ocs.2.log"
    log.write("one\n")
    tail = Tail(str(tmp_path / "ocs.*"))
    assert read(tail).lines == ["one"]
    log.older("ocs.1.log.gz", "packed\n")
    log.write("")
    log.older("ocs.0.log.gz", "packed\n")
    assert read(tail) == Reading([], at_end=True)
    assert read(Tail(str(tmp_path / "ocs.*"))).lines == ["one"]


# ---------------------------------------------------------------------------------------------------- looking back


def test_older_files_are_read_first(log: Log) -> None:
    """As many as is said, the oldest first, plain or packed; each once, also while it is being packed."""
    log.older("ocs.log.4.gz", "zero\n")
    log.older("ocs.log.3.gz", "one\n")
    log.older("ocs.log.2", "two\n")
    log.older("ocs.log.1", "three\nfo")
    log.older("ocs.log.1.gz", "three\nfo")
    log.write("five\n")
    assert read(tail_of(log, look_back=3)) == Reading(["one", "two", "three", "fo", "five"], at_end=True)
    assert read(tail_of(log, look_back=100)).lines[0] == "zero"
    assert read(tail_of(log)).lines == ["five"]


def test_older_files_are_followed_by_what_comes(log: Log) -> None:
    """After looking back the log is followed as ever."""
    log.older("ocs.log.1.gz", "one\n")
    log.write("two\n")
    tail = tail_of(log, look_back=1)
    assert read(tail).lines == ["one", "two"]
    log.rotate("ocs.log.1")
    log.write("three\n")
    assert read(tail).lines == ["three"]


@pytest.mark.parametrize("broken", [b"not gzip at all", gzip.compress(b"one\n" * 1000)[:30], b""])
def test_an_older_file_that_is_broken_is_a_gap(log: Log, broken: bytes) -> None:
    """It is said that lines may be missing, and the rest is read."""
    path = log.older("ocs.log.1.gz", "")
    path.write_bytes(broken)
    log.write("two\n")
    reading = read(tail_of(log, look_back=1))
    assert reading.lines[-1] == "two"
    assert reading.at_end
    assert (reading.gap is not None) == bool(broken)


def test_rotation_while_older_files_are_read_is_a_gap(log: Log) -> None:
    """A file that was to be read is not found under its name: that is said, and the log is followed."""
    log.older("ocs.log.1", "one\n")
    log.write("two\n")
    tail = tail_of(log, look_back=1)
    tail.read()
    log.rotate("ocs.log.2")
    log.write("three\n")
    reading = read(tail)
    assert reading.gap == f"{log.path} was rotated while older files were read"
    assert reading.lines == ["one", "three"]


def test_an_older_file_that_vanishes_is_a_gap(log: Log) -> None:
    """Somebody clears up in the same moment."""
    log.older("ocs.log.2", "one\n")
    log.older("ocs.log.1", "two\n")
    log.write("three\n")
    tail = tail_of(log, look_back=2)
    tail.read()
    log.path.with_name("ocs.log.1").unlink()
    reading = read(tail)
    assert (reading.lines, reading.at_end) == (["one", "three"], True)
    assert "ocs.log.1 cannot be read" in (reading.gap or "")


# ---------------------------------------------------------------------------------------------------- the reactor


class Threads:
    """Threads that work when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Callable[[], Reading], Deferred[Reading]]] = []

    def call(self, function: Callable[[], Reading]) -> Deferred[Reading]:
        """See deferToThread."""
        done: Deferred[Reading] = Deferred()
        self.waiting.append((function, done))
        return done

    def work(self) -> None:
        """What waits is done."""
        (function, done) = self.waiting.pop()
        done.callback(function())


def test_others_have_their_turn_between_two_chunks(log: Log) -> None:
    """One chunk a turn of the reactor, without a pause while there is more; then a look every interval."""
    log.write("x\n" * CHUNK)
    clock, threads, got = Clock(), Threads(), list[int]()
    follower = Follower(tail_of(log), clock, 5, threads.call, lambda reading, at: got.append(len(reading.lines)))
    follower.start()
    for _ in range(3):
        threads.work()
        assert not threads.waiting, "the rest of the reactor first"
        clock.advance(0)
    assert got == [0, CHUNK // 2, CHUNK // 2]
    threads.work()
    clock.advance(4.9)
    assert not threads.waiting, "its end was reached"
    clock.advance(0.1)
    threads.work()
    follower.stop()
    assert clock.getDelayedCalls() == []


def test_a_disk_that_does_not_answer_is_asked_once(log: Log) -> None:
    """One reading at a time, however long it takes; what it brings after the end is thrown away."""
    log.write("one\n")
    clock, threads, got = Clock(), Threads(), list[Reading]()
    follower = Follower(tail_of(log), clock, 1, threads.call, lambda reading, at: got.append(reading))
    follower.start()
    clock.advance(100)
    assert len(threads.waiting) == 1
    threads.work()
    clock.advance(0)
    follower.stop()
    threads.work()
    assert [reading.lines for reading in got] == [()]
    assert (clock.getDelayedCalls(), threads.waiting) == ([], [])


def test_the_file_is_closed_at_the_end(log: Log) -> None:
    """Also where a reading was under way."""
    log.write("one\n")
    for late in (False, True):
        tail, threads = tail_of(log), Threads()
        follower = Follower(tail, Clock(), 1, threads.call, lambda reading, at: None)
        follower.start()
        threads.work()
        clock = follower._clock
        assert isinstance(clock, Clock)
        clock.advance(0)
        if not late:
            threads.work()
        follower.stop()
        if late:
            threads.work()
        assert tail._file is None


def test_a_mistake_of_ours_does_not_end_it(log: Log) -> None:
    """It is logged, lines may be missing, and reading goes on."""
    log.write("one\n")
    tail, clock, got, failing = tail_of(log), Clock(), list[Reading](), [True]
    mistakes: list[object] = []
    follower = Follower(
        tail,
        clock,
        1,
        lambda read: fail(ZeroDivisionError()) if failing else succeed(read()),
        lambda reading, at: got.append(reading),
    )
    follower.log = type("Quiet", (), {"failure": lambda self, *said: mistakes.append(said)})()  # type: ignore[assignment]
    follower.start()
    failing.clear()
    clock.pump([1, 0, 0])
    follower.stop()
    assert mistakes
    assert got[0].gap is not None
    assert ["one"] in [list(reading.lines) for reading in got]


def test_what_is_looked_at_again_is_bounded() -> None:
    """A few bytes tell whether a file is still the one it was."""
    assert follow.REMEMBERED < 1000
