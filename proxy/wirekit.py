"""Checks that a site can run against its own wire formats, for T-Events and for the direct protocol.

Mixed into a TestCase, with the format and some whole frames of it, recorded from real traffic::

    class SiteWireTests(TEventWireChecks, unittest.TestCase):
        wire = site_wire
        frames = [bytes.fromhex(line) for line in open("frames.hex")]

DirectWireChecks are those for the direct protocol.

What is random in them is seeded: they pass or fail the same way every time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from zope.interface.verify import verifyObject

from proxy.direct.message import ANY
from proxy.errors import DoesNotFit, Malformed, Unframable
from proxy.interfaces import IDirectWire, ITEventWire
from proxy.kvlist import Pair, pair
from proxy.tevents.message import (
    APPLICATION_NAME,
    COMMUNICATION_DN,
    CONN_ID,
    DISTRIBUTE_USER_EVENT,
    NO_ANSWER,
    REFERENCE_ID,
    USER_DATA,
    Message,
)

_ATTEMPTS = 300
"""How many damaged copies of each frame are tried."""


class _WireChecks:
    """What the proxy needs of every wire format: how a stream is cut into frames, and that nothing is lost."""

    wire: Any
    frames: Sequence[bytes]

    def _check_its_name(self, channel: str) -> None:
        assert self.wire.channel == channel, f"channel is {self.wire.channel!r}"
        assert re.fullmatch(r"[\w.-]+", self.wire.name), f"{self.wire.name!r} cannot be written in a conf file"

    # --------------------------------------------------------------------------------------- cutting into frames

    def test_a_header_tells_where_its_frame_ends(self) -> None:
        """The first `header_size` bytes are enough to tell the size of the whole frame: nothing is waited for."""
        for frame in self.frames:
            size, _ = self.wire.read_header(frame[: self.wire.header_size], 0)
            assert size == len(frame), f"a frame of {len(frame)} bytes is told as one of {size}"
            assert self.wire.header_size <= size, "a header is longer than its frame"
            assert 0 <= self.wire.prefix_size <= size, "prefix_size is more than the frame"

    def test_a_stream_is_cut_where_its_frames_end(self) -> None:
        """Frames one behind the other are cut apart again, whatever comes before and after them."""
        stream, at = b"".join(self.frames), 0
        for frame in self.frames:
            size, _ = self.wire.read_header(stream, at)
            assert stream[at : at + size] == frame, f"another frame is cut out at byte {at}"
            at += size

    def test_any_header_is_a_frame_or_is_refused(self) -> None:
        """Whatever bytes a header has, it tells a size that takes the stream on, or raises Unframable."""
        random = Random(1)
        for _ in range(_ATTEMPTS):
            header = random.randbytes(self.wire.header_size)
            try:
                size, number = self.wire.read_header(header, 0)
            except Unframable:
                continue
            assert size > 0, f"the header {header.hex()} tells a frame of {size} bytes"
            assert number >= 0, f"the header {header.hex()} tells message number {number}"

    # ------------------------------------------------------------------------------------ decoding and encoding

    def test_what_is_decoded_encodes_to_the_same_bytes(self) -> None:
        """A message that is decoded and not changed goes on bit for bit, unknown attributes and odd bytes included."""
        for frame in self.frames:
            encoded = self.wire.encode(self.wire.decode(frame))
            assert encoded == frame, f"{frame.hex()} comes out as {encoded.hex()}"

    def test_garbage_is_malformed_and_nothing_else(self) -> None:
        """A damaged frame raises Malformed, or is decoded and encodes to the same bytes: it goes on either way (M3)."""
        for damaged in self._damaged():
            try:
                message = self.wire.decode(damaged)
            except Malformed:
                continue
            encoded = self.wire.encode(message)
            assert encoded == damaged, f"{damaged.hex()} comes out as {encoded.hex()}"

    def test_a_frame_cut_short_is_never_taken_for_a_whole_one(self) -> None:
        """No part of a frame is decoded as if it were a frame."""
        for frame in self.frames:
            for end in range(len(frame)):
                try:
                    self.wire.decode(frame[:end])
                except Malformed:
                    continue
                raise AssertionError(f"{end} of {len(frame)} bytes are decoded: {frame[:end].hex()}")

    def _damaged(self) -> Iterator[bytes]:
        """Copies of the frames with bytes changed, taken out or put in."""
        random = Random(2)
        for frame in self.frames:
            for _ in range(_ATTEMPTS):
                damaged = bytearray(frame)
                for _ in range(random.randint(1, 4)):
                    place = random.randrange(len(damaged))
                    damaged[place : place + random.randint(0, 2)] = random.randbytes(random.randint(0, 2))
                yield bytes(damaged)


class TEventWireChecks(_WireChecks):
    """What the proxy needs of a wire format for T-Events; each check says what would go wrong without it.

    `wire` is the format; `frames` are whole frames as they were on the wire, one with UserData at least. The more
    kinds of messages, the better.
    """

    wire: ITEventWire

    def test_it_is_a_wire_format(self) -> None:
        """It has everything that ITEventWire asks for, with the right arguments, and can be named in a conf file."""
        verifyObject(ITEventWire, self.wire)
        self._check_its_name("tevents")

    def test_there_is_something_to_check(self) -> None:
        """There are frames to check it with, and one of them has UserData."""
        assert any(self.wire.decode(frame).user_data for frame in self.frames), "no frame with UserData"

    def test_a_header_tells_the_message_number(self) -> None:
        """The number in the header is that of the message, or 0 for all: only wanted frames are decoded."""
        numbers = [self.wire.read_header(frame, 0)[1] for frame in self.frames]
        decoded = [self.wire.decode(frame).number for frame in self.frames]
        assert numbers in (decoded, [0] * len(decoded)), f"headers say {numbers}, messages {decoded}"

    def test_user_data_can_be_changed(self) -> None:
        """A pair that is added to UserData is there on the other side, and nothing else has changed (M4)."""
        for frame in self.frames:
            message = self.wire.decode(frame)
            pairs = message.user_data
            if pairs is None:
                continue
            changed = message.with_user_data([*pairs, pair("GSW_AUTO_COMPLETION", 1)])
            again = self.wire.decode(self.wire.encode(changed))
            assert again == changed, f"{changed} comes back as {again}"
            assert self.wire.encode(again.with_user_data(pairs)) == frame, "taking the pair out again leaves a trace"

    def test_messages_can_be_made(self) -> None:
        """The proxy's own requests arrive as they were made: every type of value, references unsigned."""
        pairs = [pair("GSW_CM_MessageType", 15), pair("name", "Größe"), pair("bytes", b"\0\xff"), pair("list", [])]
        message = self._message(pairs)
        again = self.wire.decode(self.wire.encode(message))
        assert again.number == DISTRIBUTE_USER_EVENT, f"message number {again.number}"
        assert again.text(COMMUNICATION_DN) == "OCS_CommDN", "strings"
        assert again.reference == NO_ANSWER, "a reference of 4294967295"
        assert again.get(CONN_ID) == b"\0\x01\xfe\xff", "bytes"
        assert again.user_data is not None, "UserData"
        assert [(key, value) for key, value, _ in again.user_data] == [(key, value) for key, value, _ in pairs], "pairs"

    def test_strings_that_are_not_utf_8(self) -> None:
        """Bytes of a string that are not UTF-8 survive as surrogate escapes (wire.md)."""
        odd = b"Verk\xe4ufe\xff".decode("utf-8", "surrogateescape")
        message = self._message([pair(odd, odd)])
        message.attributes.append(self.wire.attribute(APPLICATION_NAME, odd))
        again = self.wire.decode(self.wire.encode(message))
        assert again.text(APPLICATION_NAME) == odd, "in an attribute"
        assert again.user_data is not None, "UserData"
        assert [item[:2] for item in again.user_data] == [(odd, odd)], "in UserData"

    def test_what_does_not_fit_is_refused(self) -> None:
        """A value too large for the format raises DoesNotFit, and the message goes on unchanged; it is never cut."""
        for pairs in ([pair("long", "x" * 100_000)], [pair("x" * 100_000, 1)], [pair("large", 1 << 80)]):
            message = self._message(pairs)
            try:
                again = self.wire.decode(self.wire.encode(message))
            except DoesNotFit:
                continue
            assert again.user_data == pairs, "a value too large comes back as another one"

    def _message(self, pairs: list[Pair]) -> Message:
        attribute = self.wire.attribute
        return Message(
            DISTRIBUTE_USER_EVENT,
            [
                attribute(COMMUNICATION_DN, "OCS_CommDN"),
                attribute(REFERENCE_ID, NO_ANSWER),
                attribute(CONN_ID, b"\0\x01\xfe\xff"),
                attribute(USER_DATA, pairs),
            ],
        )


class DirectWireChecks(_WireChecks):
    """What the proxy needs of a wire format for the direct protocol; each check says what would go wrong without it.

    `wire` is the format; `frames` are whole frames as they were on the wire, one at least with a list among its
    values. The more kinds of messages, the better.
    """

    wire: IDirectWire

    def test_it_is_a_wire_format(self) -> None:
        """It has everything that IDirectWire asks for, with the right arguments, and can be named in a conf file."""
        verifyObject(IDirectWire, self.wire)
        self._check_its_name("direct")

    def test_there_is_something_to_check(self) -> None:
        """There are frames to check it with, and one of them has a list among its values."""
        messages = [self.wire.decode(frame) for frame in self.frames]
        assert any(isinstance(item.value, list) for message in messages for item in message), "no frame with a list"

    def test_a_header_tells_no_message_number(self) -> None:
        """The number in the header is 0 for all: every message is looked into, whatever its number."""
        assert {self.wire.read_header(frame, 0)[1] for frame in self.frames} <= {ANY}, "a header tells a number"

    def test_a_list_can_be_added_and_taken_out(self) -> None:
        """Properties that are added are there on the other side, and nothing else has changed (M4)."""
        properties = pair("GSW_CM_AttrProperties", [pair("GSW_AUTO_COMPLETION", 1)])
        for frame in self.frames:
            message = self.wire.decode(frame)
            again = self.wire.decode(self.wire.encode([*message, properties]))
            assert again == [*message, properties], "properties that were added come back as others"
            assert self.wire.encode(again[:-1]) == frame, "taking the list out again leaves a trace"

    def test_messages_can_be_made(self) -> None:
        """The proxy's own requests arrive as they were made: every type of value, references of its own range."""
        message = [
            pair("GSW_CM_MessageType", 10),
            pair("GSW_CM_AttrReferenceID", 0x6FFFFFFF),
            pair("name", "Größe"),
            pair("bytes", b"\0\xff"),
            pair("list", [pair("inner", -1)]),
        ]
        again = self.wire.decode(self.wire.encode(message))
        assert [(key, value) for key, value, _ in again] == [(key, value) for key, value, _ in message], "pairs"

    def test_strings_that_are_not_utf_8(self) -> None:
        """Bytes of a string that are not UTF-8 survive as surrogate escapes (wire.md)."""
        odd = b"Verk\xe4ufe\xff".decode("utf-8", "surrogateescape")
        again = self.wire.decode(self.wire.encode([pair(odd, odd)]))
        assert [item[:2] for item in again] == [(odd, odd)], "odd bytes come back as others"

    def test_what_does_not_fit_is_refused(self) -> None:
        """A value too large for the format raises DoesNotFit, and the message goes on unchanged; it is never cut."""
        for message in ([pair("long", "x" * 100_000)], [pair("x" * 100_000, 1)], [pair("large", 1 << 80)]):
            try:
                again = self.wire.decode(self.wire.encode(message))
            except DoesNotFit:
                continue
            assert again == message, "a value too large comes back as another one"
