"""The kit of checks: the open format passes it, and formats that are broken do not."""

from __future__ import annotations

import unittest

import pytest
from zope.interface import implementer

from proxy.errors import Malformed
from proxy.interfaces import ITEventWire
from proxy.tevents.message import Attribute, AttributeValue, Message
from proxy.tevents.openwire import OpenTEventWire, open_wire
from proxy.wirekit import TEventWireChecks
from tests.wire.vector import FRAMES


class TestOpenWire(TEventWireChecks, unittest.TestCase):
    """The open format, as a site would check its own."""

    wire = open_wire
    frames = FRAMES


class OffByOne(OpenTEventWire):
    """Reads numbers one too high."""

    def read_header(self, data: bytes, offset: int) -> tuple[int, int]:
        size, number = super().read_header(data, offset)
        return size, number + 1


class Shorter(OpenTEventWire):
    """Forgets that the length does not count itself."""

    def read_header(self, data: bytes, offset: int) -> tuple[int, int]:
        size, number = super().read_header(data, offset)
        return size - 4, number


class FromTheStart(OpenTEventWire):
    """Always reads the first header of a chunk."""

    def read_header(self, data: bytes, offset: int) -> tuple[int, int]:
        return super().read_header(data, 0)


class Greedy(OpenTEventWire):
    """Needs more of a frame than it says."""

    def read_header(self, data: bytes, offset: int) -> tuple[int, int]:
        return super().read_header(data, offset)[0], self.decode(data[offset:]).number


class TakesAnyLength(OpenTEventWire):
    """Takes a length of 0 for a frame of nothing."""

    def read_header(self, data: bytes, offset: int) -> tuple[int, int]:
        return int.from_bytes(data[offset : offset + 4], "big") & 1, 0


class Lossy(OpenTEventWire):
    """Drops attributes it does not know."""

    def encode(self, message: Message) -> bytes:
        return super().encode(Message(message.number, [a for a in message.attributes if a.kind < 9]))


class Throws(OpenTEventWire):
    """Lets the errors of its own parsing out."""

    def decode(self, frame: bytes) -> Message:
        try:
            return super().decode(frame)
        except Malformed as problem:
            raise IndexError from problem


class Patient(OpenTEventWire):
    """Decodes as much of a frame as there is."""

    def decode(self, frame: bytes) -> Message:
        try:
            return super().decode(frame)
        except Malformed:
            return Message(0, [])


class Frozen(OpenTEventWire):
    """Encodes everything but what was changed."""

    def encode(self, message: Message) -> bytes:
        kept = [item for item in message.user_data or [] if item.key != "GSW_AUTO_COMPLETION" or item.kind != 1]
        return super().encode(message.with_user_data(kept))


class Texts(OpenTEventWire):
    """Makes a string of every value."""

    def attribute(self, id: int, value: AttributeValue) -> Attribute:
        return Attribute(id, 0, str(value)) if isinstance(value, int) else super().attribute(id, value)


class Utf8Only(OpenTEventWire):
    """Replaces what is not UTF-8."""

    def encode(self, message: Message) -> bytes:
        replaced = [
            a._replace(value=a.value.encode("utf-8", "replace").decode()) if isinstance(a.value, str) else a
            for a in message.attributes
        ]
        return super().encode(Message(message.number, replaced))


class Cuts(OpenTEventWire):
    """Cuts what does not fit."""

    def encode(self, message: Message) -> bytes:
        short = [item._replace(key=item.key[:100]) for item in message.user_data or []]
        short = [i._replace(value=i.value[:100]) if isinstance(i.value, str) else i for i in short]
        short = [i._replace(value=i.value & 0xFF) if isinstance(i.value, int) and i.value >> 64 else i for i in short]
        return super().encode(message.with_user_data(short))


class OtherChannel(OpenTEventWire):
    """Is meant for another protocol."""

    channel = "direct"


class Unwritable(OpenTEventWire):
    """Has a name that a conf file would cut."""

    name = "site ;1"


@implementer(ITEventWire)
class Nothing:
    """Has only promised to be a format."""


BROKEN = [
    (Nothing, "test_it_is_a_wire_format"),
    (OtherChannel, "test_it_is_a_wire_format"),
    (Unwritable, "test_it_is_a_wire_format"),
    (Shorter, "test_a_header_tells_where_its_frame_ends"),
    (Greedy, "test_a_header_tells_where_its_frame_ends"),
    (OffByOne, "test_a_header_tells_the_message_number"),
    (FromTheStart, "test_a_stream_is_cut_where_its_frames_end"),
    (TakesAnyLength, "test_any_header_is_a_frame_or_is_refused"),
    (Lossy, "test_what_is_decoded_encodes_to_the_same_bytes"),
    (Throws, "test_garbage_is_malformed_and_nothing_else"),
    (Patient, "test_garbage_is_malformed_and_nothing_else"),
    (Patient, "test_a_frame_cut_short_is_never_taken_for_a_whole_one"),
    (Frozen, "test_user_data_can_be_changed"),
    (Texts, "test_messages_can_be_made"),
    (Utf8Only, "test_strings_that_are_not_utf_8"),
    (Cuts, "test_what_does_not_fit_is_refused"),
]


@pytest.mark.parametrize(("wire", "check"), BROKEN)
def test_broken_formats_are_found(wire: type[OpenTEventWire], check: str) -> None:
    """A format with a mistake that would cost calls at night fails the check that is for it."""

    class SiteTests(TEventWireChecks, unittest.TestCase):
        frames = FRAMES

    SiteTests.wire = wire()
    result = SiteTests(check).run()
    assert result is not None
    assert len(result.failures + result.errors) == 1


def test_every_check_can_fail() -> None:
    """There is no check in the kit that no mistake would fail."""
    checks = {name for name in dir(TEventWireChecks) if name.startswith("test_")}
    assert checks - {check for _, check in BROKEN} == {"test_there_is_something_to_check"}


@pytest.mark.parametrize("frames", [[], [FRAMES[1]]])
def test_too_few_frames_are_not_enough(frames: list[bytes]) -> None:
    """Without frames, or without UserData in any, the kit does not pass for nothing."""

    class SiteTests(TEventWireChecks, unittest.TestCase):
        wire = open_wire

    SiteTests.frames = frames
    result = SiteTests("test_there_is_something_to_check").run()
    assert result is not None
    assert len(result.failures) == 1
