"""The walk over the frames of one direction of a session (M1 to M3).

Pure: bytes in, bytes out through `send`, wanted frames to `looks`. What nobody wants goes on as it came: a
chunk in which nothing was held, changed or put in is sent on as the very object that was received.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Protocol

from proxy.errors import Unframable
from proxy.interfaces import IWireFormat


class Want(Enum):
    """What is wanted of a frame, by its message number."""

    HOLD = "held until whole"
    LOOK = "looked into from a copy while its bytes go on"


class Looks(Protocol):
    """What a channel does with the wanted frames of one direction of one session."""

    def held(self, number: int, frame: bytes) -> bytes | None:
        """What goes on instead of a held frame: the same object as it came, other bytes, or None for nothing."""
        ...

    def looked(self, number: int, frame: bytes) -> None:
        """A copy of a frame that is wanted to be looked into. Its bytes have gone on, or go on now."""
        ...

    def opaque(self, reason: str) -> None:
        """The bytes cannot be cut into frames any more (M3); what follows goes on unseen. Called once."""
        ...


_HOLD, _LOOK = Want.HOLD, Want.LOOK


class FrameWalk:
    """One direction of a session.

    `wanted` says what is wanted by message number; `max_frame` bounds what a frame's own length field counts;
    `send` takes what goes on, in order. `counts`, where given, counts frames by message number, and may be
    shared by many walks. What is kept of a frame that is not whole yet is never more than the frame.
    """

    __slots__ = (
        "_counts",
        "_cut",
        "_data",
        "_finished",
        "_injected",
        "_largest",
        "_left",
        "_looks",
        "_number",
        "_out",
        "_part",
        "_send",
        "_start",
        "_want",
        "_wanted",
        "_wire",
        "is_opaque",
    )

    def __init__(
        self,
        wire: IWireFormat,
        wanted: Mapping[int, Want],
        max_frame: int,
        looks: Looks,
        send: Callable[[bytes], None],
        counts: dict[int, int] | None = None,
    ) -> None:
        self._wire = wire
        self._wanted = wanted
        self._largest = max_frame + wire.prefix_size
        self._looks = looks
        self._send = send
        self._counts = {} if counts is None else counts
        self.is_opaque = False
        self._finished = False
        # The frame that is not whole yet: how many of its bytes are to come, what is wanted of it, and what is
        # kept of it. No bytes to come, but some kept: those of a header that is not whole yet.
        self._left = 0
        self._want: Want | None = None
        self._number = 0
        self._part: bytearray | None = None
        # What has waited for the end of a frame whose bytes are going on.
        self._injected: list[bytes] | None = None
        # While `looks` is asked: the chunk, how far it was passed on, and where an injected frame would go in.
        self._data: bytes | None = None
        self._start = 0
        self._cut = 0
        # What goes on of this chunk, where it is more than one piece.
        self._out: list[bytes] = []

    def receive(self, data: bytes) -> None:
        """Take the next bytes of the stream, however they were cut; everything that can go on is sent at once."""
        if self.is_opaque:
            self._send(data)
        elif self._left:
            self._go_on(data)
        elif self._part:
            data = bytes(self._part) + data
            self._part = None
            self._walk(data, 0, 0)
        else:
            self._walk(data, 0, 0)

    def inject(self, frame: bytes) -> bool:
        """Put a whole frame in at the next frame boundary.

        A held frame that has not gone on yet, and the bytes of a header that is not whole, come after it. Called
        inside `held` it goes in before that frame, inside `looked` after it. False, and nothing is sent, where
        there is no boundary to come: the stream is opaque or at its end.
        """
        if self.is_opaque or self._finished:
            return False
        if self._data is not None:
            self._pass(self._cut)
            self._out.append(frame)
        elif self._left and self._want is not _HOLD:
            if self._injected is None:
                self._injected = []
            self._injected.append(frame)
        else:
            self._send(frame)
        return True

    def finish(self) -> None:
        """The stream is at its end: what is held of a frame that never became whole goes on as it came."""
        if self._finished:
            return
        self._finished = True
        part, self._part, self._injected = self._part, None, None
        if part and (self._want is _HOLD or not self._left):
            self._send(bytes(part))

    def _walk(self, data: bytes, start: int, at: int) -> None:
        """Go from header to header; a frame begins at `at`, and nothing from `start` on has gone on yet."""
        read_header = self._wire.read_header
        wanted = self._wanted.get
        counts = self._counts
        smallest = self._wire.header_size
        largest = self._largest
        size = len(data)
        last = size - smallest
        while at <= last:
            try:
                length, number = read_header(data, at)
            except Unframable as problem:
                self._lose(data, start, at, str(problem))
                return
            if not smallest <= length <= largest:
                self._lose(data, start, at, f"a frame of {length - self._wire.prefix_size} bytes")
                return
            counts[number] = counts.get(number, 0) + 1
            want = wanted(number)
            end = at + length
            if want is not None:
                if end > size:
                    self._begin(want, number, data, start, at, end - size)
                    return
                self._start = start
                if want is _HOLD:
                    self._hold(number, data[at:end], data, at, end)
                else:
                    self._look(number, data[at:end], data, end)
                start = self._start
            at = end
        if at > size:
            self._left = at - size
            self._want = None
        elif at < size and not self._finished:
            self._part = bytearray(data[at:])
            data = data[:at]
        self._flush(data[start:])

    def _begin(self, want: Want, number: int, data: bytes, start: int, at: int, left: int) -> None:
        """A wanted frame begins at `at` and does not end in this chunk."""
        if not self._finished:
            self._want, self._number, self._left = want, number, left
            self._part = bytearray(data[at:])
            if want is _HOLD:
                data = data[:at]
        self._flush(data[start:])

    def _go_on(self, data: bytes) -> None:
        """More of a frame that was not whole."""
        left = self._left
        if len(data) < left:
            self._left = left - len(data)
            if self._part is not None:
                self._part += data
            if self._want is not _HOLD:
                self._send(data)
            return
        self._left = 0
        self._start = 0
        want, part = self._want, self._part
        self._want = self._part = None
        if self._injected is not None:
            self._data = data
            self._pass(left)
            self._data = None
            self._out += self._injected
            self._injected = None
        if part is not None:
            part += data[:left]
            if want is _HOLD:
                self._start = left
                self._hold_again(bytes(part), data, left)
            else:
                self._look(self._number, bytes(part), data, left)
        self._walk(data, self._start, left)

    def _hold(self, number: int, frame: bytes, data: bytes, at: int, end: int) -> None:
        """A held frame is whole, and stands in the chunk from `at` to `end`."""
        self._data, self._cut = data, at
        instead = self._looks.held(number, frame)
        if instead is not frame:
            self._pass(at)
            self._start = end
            if instead is not None:
                self._out.append(instead)
        self._data = None

    def _hold_again(self, frame: bytes, data: bytes, end: int) -> None:
        """A held frame that came in several chunks is whole."""
        self._data, self._cut = data, end
        instead = self._looks.held(self._number, frame)
        if instead is not None:
            self._out.append(instead)
        self._data = None

    def _look(self, number: int, frame: bytes, data: bytes, end: int) -> None:
        """A frame to be looked into is whole; its bytes go on up to `end` of the chunk."""
        self._data, self._cut = data, end
        self._looks.looked(number, frame)
        self._data = None

    def _pass(self, upto: int) -> None:
        """What has not gone on of the chunk, up to there, goes on before what comes next."""
        assert self._data is not None
        if upto > self._start:
            self._out.append(self._data[self._start : upto])
            self._start = upto

    def _flush(self, rest: bytes) -> None:
        """Send all that goes on of this chunk, at once."""
        out = self._out
        if out:
            out.append(rest)
            rest = b"".join(out)
            out.clear()
        if rest:
            self._send(rest)

    def _lose(self, data: bytes, start: int, at: int, reason: str) -> None:
        """What begins at `at` is no frame: from here on nothing is looked into (M3)."""
        self._flush(data[start:at])
        self.is_opaque = True
        self._looks.opaque(reason)
        if not self._finished:
            self._send(data[at:])
