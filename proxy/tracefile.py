"""A trace: what a channel looks into, printed to a file that is bounded.

    2026-11-22T09:30:42.123456Z what happened
    <further lines of it>

Times are UTC. How a message is printed is the affair of its channel. While a trace is off nothing here is on the way
of a message.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from typing import TextIO

from twisted.logger import Logger

from proxy.errors import Malformed
from proxy.relay.frames import Looks

LARGEST = 256 * 1024 * 1024
"""At how many bytes the file becomes FILE.1, in the place of an older one, and is begun anew."""


class TraceFile:
    """The file. `wall` is the time of day in seconds. It is `largest` bytes at most, and so is FILE.1 beside it.

    A file that cannot be written any more ends the trace, loudly, and nothing else.
    """

    log = Logger()

    def __init__(self, path: str, wall: Callable[[], float], largest: int = LARGEST) -> None:
        self.path = path
        self._wall = wall
        self._largest = largest
        self._file: TextIO | None = None
        self._size = 0

    def open(self) -> None:
        """Begin, or go on with the file that is there; once is enough. Raises OSError."""
        if self._file is not None:
            return
        # Whole messages are written at once, and are in the file then: line by line would be a call each.
        self._file = open(self.path, "a", buffering=1, encoding="utf-8", errors="surrogateescape", newline="\n")  # noqa: SIM115
        self._size = os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        """No more is written."""
        if self._file is not None:
            file, self._file = self._file, None
            file.close()

    def note(self, text: str) -> None:
        """Something that is no message: one line."""
        self.write([text])

    def write(self, lines: Iterable[str]) -> None:
        """Something that happened now, in these lines."""
        if self._file is None:
            return
        stamp = datetime.fromtimestamp(self._wall(), timezone.utc)
        text = f"{stamp:%Y-%m-%dT%H:%M:%S.%f}Z {chr(10).join(lines)}\n"
        try:
            if self._size > self._largest:
                self._turn()
            self._size += self._file.write(text)
        except OSError as problem:
            self.log.error("trace: {path} is given up: {why}", path=self.path, why=problem.strerror)
            self._file = None

    def _turn(self) -> None:
        self.close()
        os.replace(self.path, f"{self.path}.1")
        self.open()


class Traced:
    """Looks that trace a frame before they look at it.

    `printed` are the lines of a frame; it raises Malformed where it cannot be decoded: then, and where nothing can be
    framed any more, `unreadable` is noted.
    """

    __slots__ = ("_file", "_looks", "_printed", "_unreadable")

    def __init__(self, looks: Looks, file: TraceFile, printed: Callable[[bytes], list[str]], unreadable: str) -> None:
        self._looks = looks
        self._file = file
        self._printed = printed
        self._unreadable = unreadable

    def _look(self, frame: bytes) -> None:
        try:
            lines = self._printed(frame)
        except Malformed:
            self._file.note(self._unreadable)
        else:
            self._file.write(lines)

    def held(self, number: int, frame: bytes) -> bytes | None:
        """See Looks."""
        self._look(frame)
        return self._looks.held(number, frame)

    def looked(self, number: int, frame: bytes) -> None:
        """See Looks."""
        self._look(frame)
        self._looks.looked(number, frame)

    def opaque(self, reason: str) -> None:
        """See Looks."""
        self._file.note(self._unreadable)
        self._looks.opaque(reason)
