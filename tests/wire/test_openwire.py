"""The open T-Event frame."""

from __future__ import annotations

from struct import pack as struct_pack

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from proxy.errors import DoesNotFit, Malformed, Unframable
from proxy.interfaces import ITEventWire
from proxy.kvlist import pack, pair
from proxy.tevents.message import COMMUNICATION_DN, REFERENCE_ID, USER_DATA, Attribute, AttributeValue, Message
from proxy.tevents.openwire import BINARY, INTEGER, LIST, LONG, STRING, open_wire
from tests.wire.lists import integers, lists, texts
from tests.wire.vector import VECTOR, VECTOR_MESSAGE

ids = st.sampled_from([COMMUNICATION_DN, REFERENCE_ID, USER_DATA]) | st.integers(0, 0xFFFF)
unknown_kinds = st.integers(0, 255).filter(lambda kind: kind not in (STRING, INTEGER, LIST, LONG))
attributes = (
    st.builds(Attribute, ids, st.just(STRING), texts)
    | st.builds(Attribute, ids, st.just(INTEGER), integers)
    | st.builds(Attribute, ids, st.just(LONG), st.integers(-(1 << 63), (1 << 63) - 1))
    | st.builds(Attribute, ids, st.just(LIST), lists)
    | st.builds(Attribute, ids, unknown_kinds, st.binary(max_size=20))
)
messages = st.builds(Message, st.integers(0, 0xFFFF), st.lists(attributes, max_size=6))


def test_it_is_a_wire_format() -> None:
    """The open format does what a wire format must."""
    assert verifyObject(ITEventWire, open_wire)


def test_the_vector_is_decoded() -> None:
    """The 156 bytes of wire.md are a LoadCampaign for the Communication DN, field by field."""
    assert len(VECTOR) == 156
    assert open_wire.read_header(VECTOR, 0) == (156, 48)
    message = open_wire.decode(VECTOR)
    assert message.number == 48
    assert [(attribute.id, attribute.kind) for attribute in message.attributes] == [(59, 0), (2, 1), (51, 3)]
    assert message.text(COMMUNICATION_DN) == "OCS_CommDN"
    assert message.reference == 7
    assert message.user_data == [
        ("GSW_CM_MessageType", 7, 1),
        ("GSW_CM_AttrSessionID", 101, 1),
        ("GSW_APPLICATION_ID", 4114, 1),
        ("GSW_AUTO_COMPLETION", 1, 1),
    ]
    assert message == VECTOR_MESSAGE


def test_the_vector_is_encoded() -> None:
    """The message of wire.md has these 156 bytes, and no others."""
    assert open_wire.encode(VECTOR_MESSAGE) == VECTOR


def test_the_vector_by_hand() -> None:
    """The bytes of wire.md are where its grammar says, put together without the code."""
    data = pack(VECTOR_MESSAGE.user_data or [])
    body = struct_pack(">HH", 48, 3)
    body += struct_pack(">HBI", 59, 0, 10) + b"OCS_CommDN"
    body += struct_pack(">HBIi", 2, 1, 4, 7)
    body += struct_pack(">HBI", 51, 3, len(data)) + data
    assert struct_pack(">I", len(body)) + body == VECTOR


@given(messages)
def test_what_is_encoded_is_decoded(message: Message) -> None:
    """Any message comes back as it was: unknown numbers and kinds, repeated attributes, odd bytes, any order."""
    frame = open_wire.encode(message)
    assert open_wire.decode(frame) == message
    assert open_wire.read_header(frame, 0) == (len(frame), message.number)


@given(st.lists(messages, min_size=1, max_size=4))
def test_a_stream_is_cut_into_its_frames(sent: list[Message]) -> None:
    """Frames one behind the other are found by their headers alone."""
    stream, at, received = b"".join(map(open_wire.encode, sent)), 0, []
    while at < len(stream):
        size, _ = open_wire.read_header(stream, at)
        received.append(open_wire.decode(stream[at : at + size]))
        at += size
    assert received == sent


@given(st.binary(max_size=80))
@example(b"")
@example(b"\0\0\0\x04\0\x30\0")
@example(struct_pack(">IHHHBI", 11, 48, 1, 51, LIST, 0))
@example(struct_pack(">IHHHBIHHBI", 20, 48, 2, 51, LIST, 2, 0, 2, 0, 0))
def test_any_bytes_are_a_message_or_malformed(data: bytes) -> None:
    """Whatever garbage comes, it is a message that encodes to the same bytes, or Malformed, and nothing else."""
    try:
        message = open_wire.decode(data)
    except Malformed:
        return
    assert open_wire.encode(message) == data


@given(st.integers(0, 0xFFFF), st.integers(0, 3), st.binary(max_size=60))
def test_any_body_is_a_message_or_malformed(number: int, count: int, rest: bytes) -> None:
    """Garbage behind a length that is right is told from a message, too."""
    frame = struct_pack(">IHH", 4 + len(rest), number, count) + rest
    try:
        message = open_wire.decode(frame)
    except Malformed:
        return
    assert open_wire.encode(message) == frame


@given(messages, st.data())
def test_any_damage_is_a_message_or_malformed(message: Message, data: st.DataObject) -> None:
    """A frame with a byte changed anywhere is another message that encodes to the same bytes, or Malformed."""
    damaged = bytearray(open_wire.encode(message))
    damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        again = open_wire.decode(bytes(damaged))
    except Malformed:
        return
    assert open_wire.encode(again) == damaged


@given(messages, st.data())
def test_a_frame_cut_short_is_malformed(message: Message, data: st.DataObject) -> None:
    """No part of a frame is taken for a whole one, with the length it says or with one that was mended."""
    frame = open_wire.encode(message)
    end = data.draw(st.integers(0, len(frame) - 1))
    with pytest.raises(Malformed):
        open_wire.decode(frame[:end])
    if end >= 4:
        with pytest.raises(Malformed):
            open_wire.decode(struct_pack(">I", end - 4) + frame[4:end])


@given(messages, st.binary(min_size=1, max_size=5))
def test_bytes_after_the_last_attribute_are_malformed(message: Message, more: bytes) -> None:
    """A body that is longer than its attributes does not add up."""
    frame = open_wire.encode(message) + more
    with pytest.raises(Malformed):
        open_wire.decode(frame)
    with pytest.raises(Malformed):
        open_wire.decode(struct_pack(">I", len(frame) - 4) + frame[4:])


def test_lists_that_nest_without_end_are_malformed() -> None:
    """A desktop cannot bring the proxy down with lists in lists in lists."""
    abyss = b"\0\0"
    while len(abyss) < 65000:
        abyss = struct_pack(">HBHHH", 1, LIST, 0, 2 + len(abyss), len(abyss)) + abyss
    body = struct_pack(">HHHBI", 48, 1, USER_DATA, LIST, len(abyss)) + abyss
    with pytest.raises(Malformed, match="too deep"):
        open_wire.decode(struct_pack(">I", len(body)) + body)


@pytest.mark.parametrize("length", range(4))
def test_lengths_no_frame_has(length: int) -> None:
    """A length under 4 leaves no room for a message number: the bytes cannot be framed."""
    with pytest.raises(Unframable):
        open_wire.read_header(struct_pack(">IH", length, 48), 0)


@pytest.mark.parametrize("length", [4, 5, 1 << 20, 0xFFFFFFFF])
def test_lengths_that_are_not_the_format_s_business(length: int) -> None:
    """How long a frame may be is for the conf file to say: every length from 4 on is one."""
    assert open_wire.read_header(b"xx" + struct_pack(">IH", length, 48), 2) == (length + 4, 48)


@pytest.mark.parametrize(("kind", "size"), [(INTEGER, 0), (INTEGER, 3), (INTEGER, 8), (LONG, 4), (LONG, 9)])
def test_integers_of_another_size_are_malformed(kind: int, size: int) -> None:
    """An int attribute has 4 bytes, a long one 8."""
    body = struct_pack(">HHHBI", 48, 1, REFERENCE_ID, kind, size) + bytes(size)
    with pytest.raises(Malformed, match=f"an integer attribute of {size} bytes"):
        open_wire.decode(struct_pack(">I", len(body)) + body)


@pytest.mark.parametrize(
    ("value", "kind", "same"),
    [
        ("3001", STRING, "3001"),
        (7, INTEGER, 7),
        (0xFFFFFFFF, INTEGER, -1),
        (-0x80000000, INTEGER, -0x80000000),
        (0x100000000, LONG, 0x100000000),
        (-0x80000001, LONG, -0x80000001),
        (b"\0", BINARY, b"\0"),
        ([], LIST, []),
    ],
)
def test_attributes_of_our_own(value: AttributeValue, kind: int, same: AttributeValue) -> None:
    """Values of the proxy's own requests get the kind that holds them; references may use all of 32 bits."""
    attribute = open_wire.attribute(9, value)
    assert attribute == (9, kind, value)
    assert open_wire.decode(open_wire.encode(Message(48, [attribute]))).get(9) == same


@pytest.mark.parametrize(
    "attribute",
    [
        Attribute(2, INTEGER, 0x100000000),
        Attribute(2, INTEGER, -0x80000001),
        Attribute(2, LONG, 1 << 63),
        Attribute(2, LONG, -(1 << 63) - 1),
        Attribute(51, LIST, [pair("k", "v" * 0x10000)]),
    ],
)
def test_what_does_not_fit_is_refused(attribute: Attribute) -> None:
    """M4: a value that its kind has no room for is refused; it is never cut or wrapped."""
    with pytest.raises(DoesNotFit):
        open_wire.encode(Message(48, [attribute]))


def test_too_many_attributes_are_refused() -> None:
    """A message has 65535 attributes at most."""
    few = Message(48, [Attribute(1, STRING, "")] * 0xFFFF)
    assert open_wire.decode(open_wire.encode(few)) == few
    with pytest.raises(DoesNotFit):
        open_wire.encode(Message(48, [Attribute(1, STRING, "")] * 0x10000))
