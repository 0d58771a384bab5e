"""Follows a log file: whole lines in order, over rotation and truncation, and says where lines may be missing.

`Tail` reads, and may block as long as a disk likes: it is called on another thread, one call at a time, a bounded chunk
each. `Follower` calls it, and hands on what it read on the reactor's thread, a chunk a turn.
"""

from __future__ import annotations

import codecs
import gzip
import os
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from glob import escape, glob, has_magic
from pathlib import Path
from typing import IO

from attrs import define, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

CHUNK = 64 * 1024
"""How many bytes are read at once; of a packed file, as they are unpacked."""

MAX_LINE = 16 * 1024
"""A line with more characters is left out, and counted: nothing that is looked for is that long."""

REMEMBERED = 64
"""How many of the last bytes read are looked at again, to see that the file is still the one it was."""

PACKED = ".gz"

_UNREADABLE = (OSError, EOFError, zlib.error)
"""What reading can raise: the file system's errors, and those of a packed file that is broken, or not all there."""


@frozen
class Reading:
    """What one look at the file brought: whole lines, without their ends.

    `at_end`: nothing was left to be read. `problem`: why nothing can be read now. `gap`: why lines before these may be
    missing. `too_long`: how many lines were left out.
    """

    lines: Sequence[str] = ()
    at_end: bool = False
    problem: str | None = None
    gap: str | None = None
    too_long: int = 0


_Identity = tuple[int, int]


@define
class _File:
    """A file that is being read, and what of it was read last."""

    path: str
    stream: IO[bytes]
    decoder: codecs.IncrementalDecoder
    is_packed: bool
    is_left: bool = False
    position: int = 0
    last: bytes = b""
    begun: str = ""
    skips: bool = False
    too_long: int = 0

    @property
    def identity(self) -> _Identity:
        return _identity(os.fstat(self.stream.fileno()))

    @property
    def is_rewritten(self) -> bool:
        """Whether it was truncated, whatever was written since: what was read last does not stand there any more."""
        if self.is_packed:
            return False
        return os.pread(self.stream.fileno(), len(self.last), self.position - len(self.last)) != self.last

    def chunk(self) -> bytes:
        data = self.stream.read(CHUNK)
        self.position += len(data)
        self.last = (self.last + data[-REMEMBERED:])[-REMEMBERED:]
        return data

    def lines(self, data: bytes, final: bool = False) -> list[str]:
        """The lines that `data` completes; `final` where nothing follows it."""
        *lines, self.begun = (self.begun + self.decoder.decode(data, final)).split("\n")
        if final and self.begun:
            lines, self.begun = [*lines, self.begun], ""
        if self.skips and lines:
            lines, self.skips = lines[1:], False
        kept = [line for line in lines if len(line) <= MAX_LINE]
        self.too_long += len(lines) - len(kept)
        if len(self.begun) > MAX_LINE:
            self.too_long += not self.skips
            self.begun, self.skips = "", True
        return [stripped for line in kept if (stripped := line.strip("\r\0\ufeff"))]


class Tail:
    """The lines of a log, from `look_back` older files on.

    `file` is the path of the log, which may be renamed and begun anew; its older files then are those whose names begin
    with its own. Or it is a pattern (`*`, `?`, `[...]`) for logs whose every file has a name of its own: the newest is
    the one that is written. Older files may be packed with gzip. What is older goes by the time of the last change.
    """

    def __init__(self, file: str, encoding: str = "utf-8", look_back: int = 0) -> None:
        self._path = file
        self._decoder = codecs.getincrementaldecoder(encoding)
        self._look_back = look_back
        self._file: _File | None = None
        self._older: deque[tuple[str, _Identity]] | None = None

    def read(self) -> Reading:
        """Read on: at most a chunk. Blocks as long as the disk does; raises nothing."""
        try:
            if self._older is None:
                self._older = deque(self._history())
            if self._older and (self._file is None or self._file.is_left):
                return self._open(*self._older.popleft())
            if self._file is None:
                return self._open(self._newest())
            return self._read_on(self._file)
        except FileNotFoundError:
            return Reading(problem="is not there")
        except OSError as problem:
            return Reading(problem=f"cannot be read: {problem.strerror or problem}")

    def close(self) -> None:
        """Read no more."""
        if self._file is not None:
            self._file.stream.close()
            self._file = None

    # ------------------------------------------------------------------------------------------------ which file

    def _all(self) -> list[str]:
        """The plain files there are, the one that is written last."""
        found = [name for name in glob(self._path) if not name.endswith(PACKED) and Path(name).is_file()]
        return sorted(found, key=_age)

    def _newest(self) -> str:
        if not has_magic(self._path):
            return self._path
        found = self._all()
        if not found:
            raise FileNotFoundError
        return found[-1]

    def _history(self) -> list[tuple[str, _Identity]]:
        """The older files to begin with, and the one that is written. Raises OSError where that is not there."""
        newest = self._newest()
        os.stat(newest)
        pattern = self._path if has_magic(self._path) else escape(self._path)
        names = {name for name in [*glob(f"{pattern}*"), newest] if Path(name).is_file()}
        older = [name for name in names if name != newest and name.removesuffix(PACKED) not in names - {name}]
        older.sort(key=_age)
        begin_with = older[len(older) - min(self._look_back, len(older)) :]
        return [(name, _identity(os.stat(name))) for name in [*begin_with, newest]]

    def _next(self, file: _File) -> str | None:
        """The file that comes after this one, None where it is still the one that is written.

        Raises FileNotFoundError where it was renamed and nothing has come in its place.
        """
        if not has_magic(self._path):
            return self._path if _identity(os.stat(self._path)) != file.identity else None
        changed = os.fstat(file.stream.fileno()).st_mtime_ns
        after = [name for name in self._all() if os.stat(name).st_mtime_ns > changed]
        if not after and not Path(file.path).is_file():
            raise FileNotFoundError
        return next((name for name in after if _identity(os.stat(name)) != file.identity), None)

    # ------------------------------------------------------------------------------------------------ reading

    def _open(self, path: str, expected: _Identity | None = None) -> Reading:
        """Begin another file. What the last one did not end with a newline ends there."""
        is_packed = path.endswith(PACKED)
        try:
            stream = gzip.open(path, "rb") if is_packed else open(path, "rb", buffering=0)  # noqa: SIM115
        except OSError as problem:
            if expected is None:
                raise
            return Reading(gap=f"{path} cannot be read: {problem.strerror}")
        rest, too_long = self._end_of_last()
        self._file = _File(path, stream, self._decoder("replace"), is_packed)  # type: ignore[arg-type]
        if expected in (None, self._file.identity):
            return Reading(rest, too_long=too_long)
        return Reading(rest, gap=f"{path} was rotated while older files were read", too_long=too_long)

    def _end_of_last(self) -> tuple[Sequence[str], int]:
        file, self._file = self._file, None
        if file is None:
            return (), 0
        file.stream.close()
        lines = file.lines(b"", final=True)
        return lines, _taken(file)

    def _read_on(self, file: _File) -> Reading:
        try:
            if file.is_rewritten:
                self.close()
                return Reading(gap=f"{file.path} was truncated")
            data = file.chunk()
        except _UNREADABLE as problem:
            self.close()
            return Reading(gap=f"{file.path} cannot be read: {problem}")
        if data:
            return Reading(file.lines(data), too_long=_taken(file))
        return self._at_end(file)

    def _at_end(self, file: _File) -> Reading:
        """Another file may have come; then this one is read to its end once more: it was written until then."""
        after = self._older[0][0] if self._older else self._next(file)
        if after is not None and file.is_left:
            return self._open(after)
        file.is_left = after is not None
        return Reading(at_end=not file.is_left)


def _taken(file: _File) -> int:
    too_long, file.too_long = file.too_long, 0
    return too_long


def _identity(status: os.stat_result) -> _Identity:
    return status.st_dev, status.st_ino


def _age(path: str) -> tuple[int, str]:
    return os.stat(path).st_mtime_ns, path


class Follower:
    """Has `tail` read on every `interval` seconds, without a pause while there is more.

    `in_thread` calls a function on another thread. `took` gets each reading, with the time at which it began, on the
    reactor's thread; between two of them everything else there has its turn.
    """

    log = Logger()

    def __init__(
        self,
        tail: Tail,
        clock: IReactorTime,
        interval: float,
        in_thread: Callable[[Callable[[], Reading]], Deferred[Reading]],
        took: Callable[[Reading, float], None],
    ) -> None:
        self._tail = tail
        self._clock = clock
        self._interval = interval
        self._in_thread = in_thread
        self._took = took
        self._call: IDelayedCall | None = None
        self._is_reading = False
        self._is_stopped = False

    def start(self) -> None:
        """Read on at once."""
        self._read_on()

    def stop(self) -> None:
        """Read no more. A reading that is under way is waited for by nobody, and thrown away."""
        self._is_stopped = True
        if self._call is not None:
            self._call.cancel()
            self._call = None
        if not self._is_reading:
            self._tail.close()

    def _read_on(self) -> None:
        self._call = None
        self._is_reading = True
        reading = self._in_thread(self._tail.read)
        reading.addCallback(self._read, self._clock.seconds())
        reading.addErrback(self._failed)

    def _read(self, reading: Reading, began: float) -> None:
        self._is_reading = False
        if self._is_stopped:
            self._tail.close()
            return
        has_more = not reading.at_end and reading.problem is None
        self._call = self._clock.callLater(0 if has_more else self._interval, self._read_on)
        self._took(reading, began)

    def _failed(self, problem: Failure) -> None:
        """A mistake of ours: what was read is lost, and reading goes on."""
        self.log.failure("a mistake of ours about a log that is followed", problem)
        self._is_reading = False
        if self._call is None and not self._is_stopped:
            self._call = self._clock.callLater(self._interval, self._read_on)
        if not self._is_stopped:
            self._took(Reading(gap="a mistake of ours, see the log"), self._clock.seconds())
