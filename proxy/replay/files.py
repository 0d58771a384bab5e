"""Log files: opened, plain or compressed, and merged by their times in bounded memory.

A file's first lines say when it begins; it is opened when the others have come that far, so that of a week of rotated
files one or two are open at a time.
"""

from __future__ import annotations

import gzip
import heapq
import io
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TextIO

from attrs import define, evolve, frozen

from proxy.errors import OurError
from proxy.gsw import userdata
from proxy.gsw.reading import gsw
from proxy.replay.entries import Controlled, Entry, Heard, HeardDirectly, Teller, Witnessed
from proxy.replay.reader import LogReader
from proxy.replay.stamps import NO_DAY, LogClock, day_in_line, day_in_name

HEAD = 20_000
"""How many lines of a file are looked at to know on which day it begins, and who wrote it."""

CHUNK = 1 << 18
"""How many characters are read at once."""

LONGEST_LINE = 1 << 20
"""Of a line that is longer, the rest is not read: it is no log."""

_OF_A_FILE = re.compile(r"(\.gz|\.log|\.txt|[._-]?20\d{6}_\d{6}(_\d+)?|\.\d{1,3})+$")
"""What the files of one log have in their names, each another: rotation, compression (C)."""


class CannotRead(OurError):
    """A file that cannot be read; one line says why."""


@frozen
class LogFile:
    """A file of a log, as its first lines have it: on which `day` it begins, when, and who wrote it.

    `owner` is the log that it is one file of. `teller` is of T-Events; `traces_direct`: it is the proxy's trace of the
    direct protocol.
    """

    path: Path
    size: int
    owner: str
    day: date | None
    begins: float
    teller: Teller
    traces_direct: bool = False


@define
class Totals:
    """What was read of all files; see LogReader."""

    bytes: int = 0
    lines: int = 0
    messages: int = 0
    skipped: int = 0
    not_understood: int = 0
    assumed: int = 0

    def add(self, reader: LogReader) -> None:
        """A file has been read."""
        self.lines += reader.lines
        self.messages += reader.messages
        self.skipped += reader.skipped
        self.not_understood += reader.not_understood
        self.assumed += reader.assumed


def look_at(path: str, day: date | None = None) -> LogFile:
    """What the first lines of a file say of it. `day` is when it begins if it does not say. Raises CannotRead."""
    file = Path(path)
    with _reading(file) as raw:
        lines = list(islice(_lines(raw, lambda _: None), HEAD))
    found = day_in_name(file.name) or next(filter(None, map(day_in_line, lines)), None)
    reader = LogReader("", LogClock(found or day or NO_DAY))
    entries = list(reader.read(iter(lines)))
    teller = Teller.OCS if reader.teller is Teller.CLIENT and any(map(_is_of_ocs, entries)) else reader.teller
    begins = entries[0].when if entries else 0.0
    owner = _OF_A_FILE.sub("", file.name)
    return LogFile(file, file.stat().st_size, owner, found, begins, teller, reader.traces_direct)


def _is_of_ocs(entry: Entry) -> bool:
    """Whether only OCS's own log tells this: what it read of lists, its clients, and what it says to desktops."""
    what = entry.what
    if isinstance(what, (Witnessed, Controlled)) or (isinstance(what, HeardDirectly) and entry.teller is Teller.OCS):
        return True
    if not isinstance(what, Heard) or not what.is_request:
        return False
    data = gsw(what.message.user_data or ())
    return any(key in data for key in (userdata.USER_EVENT, userdata.ERROR, userdata.STATISTICS))


def look_at_all(paths: Sequence[str]) -> list[LogFile]:
    """All files, in the order in which they begin. Raises CannotRead.

    A file that does not say its day is of the first day that another one says. All files of one log were written by
    whoever wrote one of them.
    """
    files = [look_at(path) for path in dict.fromkeys(paths)]
    first = min((file.day for file in files if file.day is not None), default=None)
    if first is not None:
        files = [file if file.day is not None else look_at(str(file.path), first) for file in files]
    tellers: dict[str, Teller] = {}
    for file in files:
        tellers[file.owner] = min(file.teller, tellers.get(file.owner, file.teller))
    files = [evolve(file, day=file.day or first, teller=tellers[file.owner]) for file in files]
    return sorted(files, key=lambda file: file.begins)


def entries(files: Sequence[LogFile], totals: Totals, advanced: Callable[[int], None]) -> Iterator[Entry]:
    """The entries of all files, merged by their times; each file in its own order.

    `advanced` is told how many more bytes were read. Raises CannotRead.
    """
    streams = [_stream(place, file, totals, advanced) for place, file in enumerate(files)]
    for _, _, entry in heapq.merge(*streams, key=lambda item: item[:2]):
        if entry is not None:
            yield entry


def _stream(
    place: int, file: LogFile, totals: Totals, advanced: Callable[[int], None]
) -> Iterator[tuple[float, int, Entry | None]]:
    yield file.begins, place, None  # so the file is opened only when it is its turn
    reader = LogReader(file.owner, LogClock(file.day or NO_DAY))
    try:
        with _reading(file.path) as raw:
            for entry in reader.read(_lines(raw, advanced)):
                if entry.teller is Teller.CLIENT:
                    entry.teller = file.teller
                yield entry.when, place, entry
    finally:
        totals.bytes += file.size
        totals.add(reader)


@contextmanager
def _reading(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as raw:
            yield raw
    except (OSError, EOFError, zlib.error) as problem:
        raise CannotRead(f"{path}: {getattr(problem, 'strerror', None) or problem}") from problem


def _lines(raw: BinaryIO, advanced: Callable[[int], None]) -> Iterator[str]:
    """The lines of a file, without their ends."""
    rest, at = "", 0
    text = _text(raw)
    while chunk := text.read(CHUNK):
        now = raw.tell()
        advanced(now - at)
        at = now
        lines = (rest + chunk).split("\n")
        rest = lines.pop()[:LONGEST_LINE]
        yield from lines
    if rest:
        yield rest


def _text(raw: BinaryIO) -> TextIO:
    magic = raw.read(2)
    raw.seek(0)
    plain: BinaryIO = gzip.GzipFile(fileobj=raw) if magic == b"\x1f\x8b" else raw  # type: ignore[assignment]
    return io.TextIOWrapper(plain, encoding="utf-8", errors="surrogateescape", newline="\n")
