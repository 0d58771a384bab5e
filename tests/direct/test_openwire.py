"""The open direct frame, and the kit for formats of other sites."""

from __future__ import annotations

import unittest

import pytest
from hypothesis import given

from proxy.direct.message import ANY
from proxy.direct.openwire import OpenDirectWire, open_wire
from proxy.direct.wires import direct_wire
from proxy.errors import DoesNotFit, Malformed, OurError, Unframable
from proxy.kvlist import Pair, pack, pair
from proxy.relay.frames import FrameWalk
from proxy.wirekit import DirectWireChecks
from tests.direct.messages import SAMPLE, frame, message
from tests.wire.lists import lists

FRAMES = [
    frame(SAMPLE),
    frame(message(12)),
    frame([Pair("opaque", b"\0\1", 9), pair("GSW_CM_MessageType", "19"), pair("again", -1), pair("again", [])]),
]


class TestOpenWire(DirectWireChecks, unittest.TestCase):
    """The open format, as a site would check its own."""

    wire = open_wire
    frames = FRAMES


def test_the_bytes_of_a_request() -> None:
    """wire.md: a length, and one packed list, byte by byte."""
    assert frame([pair("GSW_CM_MessageType", 7)]).hex() == (
        "0000001d0001010012" + b"GSW_CM_MessageType".hex() + "000400000007"
    )


@given(lists.filter(bool))
def test_whatever_list_comes_back(pairs: list[Pair]) -> None:
    """Every list, with lists in it, repeated keys and odd bytes, comes back as it went."""
    encoded = open_wire.encode(pairs)
    assert open_wire.read_header(encoded, 0) == (len(encoded), ANY)
    assert open_wire.decode(encoded) == pairs
    assert encoded[4:] == pack(pairs)


@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_lengths_that_no_frame_has(length: int) -> None:
    """M3: a length under 4 cannot be framed."""
    with pytest.raises(Unframable):
        open_wire.read_header(length.to_bytes(4, "big") + b"\0" * 4, 0)


def test_a_message_of_nothing() -> None:
    """An empty list is no message: it is neither read nor written."""
    with pytest.raises(DoesNotFit):
        open_wire.encode([])
    with pytest.raises(Malformed):
        open_wire.decode(b"\0\0\0\2\0\0")


@pytest.mark.parametrize("cut", [b"", b"\0\0", FRAMES[0][:-1], FRAMES[0] + b"\0"])
def test_frames_that_are_not_whole(cut: bytes) -> None:
    """What is not exactly one frame is malformed."""
    with pytest.raises(Malformed):
        open_wire.decode(cut)


class Seen:
    """Takes note of what is held."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    def held(self, number: int, frame: bytes) -> bytes:
        self.frames.append(frame)
        return frame


@pytest.mark.parametrize("step", [1, 3, 7, 1000])
def test_a_stream_is_cut_however_it_comes(step: int) -> None:
    """Frames are found whether the stream comes whole or byte by byte, and nothing of it is lost."""
    from proxy.direct.session import WANTED_OF_CLIENTS

    seen, out, stream = Seen(), [], b"".join(FRAMES)
    walk = FrameWalk(open_wire, WANTED_OF_CLIENTS, 1024, seen, out.append)  # type: ignore[arg-type]
    for at in range(0, len(stream), step):
        walk.receive(stream[at : at + step])
    assert seen.frames == FRAMES
    assert b"".join(out) == stream


class Numbered(OpenDirectWire):
    """Tells the size as the message number."""

    def read_header(self, data: bytes, offset: int) -> tuple[int, int]:
        size, _ = super().read_header(data, offset)
        return size, size


class Flat(OpenDirectWire):
    """Forgets what is in lists."""

    def encode(self, message: list[Pair]) -> bytes:
        return super().encode([each._replace(value=[]) if isinstance(each.value, list) else each for each in message])


class OtherChannel(OpenDirectWire):
    """Is meant for another protocol."""

    channel = "tevents"


class Signless(OpenDirectWire):
    """Takes large references for small ones."""

    def decode(self, frame: bytes) -> list[Pair]:
        return [p._replace(value=p.value & 0xFFFF) if isinstance(p.value, int) else p for p in super().decode(frame)]


class Utf8Only(OpenDirectWire):
    """Replaces what is not UTF-8."""

    def encode(self, message: list[Pair]) -> bytes:
        replaced = [
            p._replace(value=p.value.encode("utf-8", "replace").decode()) if isinstance(p.value, str) else p
            for p in message
        ]
        return super().encode(replaced)


class Cuts(OpenDirectWire):
    """Cuts what does not fit."""

    def encode(self, message: list[Pair]) -> bytes:
        short = [p._replace(key=p.key[:100]) for p in message]
        short = [p._replace(value=p.value[:100]) if isinstance(p.value, str) else p for p in short]
        return super().encode([p._replace(value=1) if p.value == 1 << 80 else p for p in short])


@pytest.mark.parametrize(
    ("wire", "check"),
    [
        (OtherChannel, "test_it_is_a_wire_format"),
        (Numbered, "test_a_header_tells_no_message_number"),
        (Flat, "test_what_is_decoded_encodes_to_the_same_bytes"),
        (Flat, "test_a_list_can_be_added_and_taken_out"),
        (Signless, "test_messages_can_be_made"),
        (Utf8Only, "test_strings_that_are_not_utf_8"),
        (Cuts, "test_what_does_not_fit_is_refused"),
    ],
)
def test_broken_formats_are_found(wire: type[OpenDirectWire], check: str) -> None:
    """A format with a mistake fails the check that is for it."""
    assert failed(wire(), FRAMES, check) == 1


@pytest.mark.parametrize("frames", [[], FRAMES[1:2]])
def test_too_few_frames_are_not_enough(frames: list[bytes]) -> None:
    """Without frames, or without a list in any, the kit does not pass for nothing."""
    assert failed(open_wire, frames, "test_there_is_something_to_check") == 1


def failed(of: OpenDirectWire, some: list[bytes], check: str) -> int:
    """How many checks fail where a site runs this one."""

    class SiteTests(DirectWireChecks, unittest.TestCase):
        wire = of
        frames = some

    result = SiteTests(check).run()
    assert result is not None
    return len(result.failures + result.errors)


def test_the_open_format_is_built_in() -> None:
    """`wire = open` works without plug-in discovery; the open T-Events format is no format of this channel."""
    assert direct_wire("open") is open_wire
    with pytest.raises(OurError, match=r"'other' \(there are: open\)"):
        direct_wire("other")
