"""The open T-Event frame (wire.md): the wire format the project ships.

Pure: bytes in, messages out, and back; encoding what was decoded gives the same bytes::

    frame     := length:u32  body
    body      := type:u16  count:u16  attribute * count
    attribute := id:u16  kind:u8  length:u32  value
"""

from __future__ import annotations

from struct import Struct
from struct import error as StructError

from zope.interface import implementer

from proxy.errors import DoesNotFit, Malformed, Unframable
from proxy.interfaces import ITEventWire
from proxy.kvlist import pack, unpack
from proxy.tevents.message import Attribute, AttributeValue, Message

STRING, INTEGER, BINARY, LIST, LONG = 0, 1, 2, 3, 6
"""Kinds of attributes; every other kind is opaque bytes."""

_read_length_and_type = Struct(">IH").unpack_from
_BODY = Struct(">HH")
_read_body = _BODY.unpack_from
_ATTRIBUTE = Struct(">HBI")
_read_attribute = _ATTRIBUTE.unpack_from
_new_attribute = tuple.__new__  # as in kvlist: this is on the message path
_LENGTH = Struct(">I")
_INTEGER = Struct(">i")
_LONG = Struct(">q")

_PREFIX = 4
_SMALLEST_BODY = 4
_LARGEST_BODY = 0xFFFFFFFF


@implementer(ITEventWire)
class OpenTEventWire:
    """T-Event frames as wire.md has them."""

    name = "open"
    channel = "tevents"
    header_size = 6
    prefix_size = _PREFIX

    def read_header(self, data: bytes, offset: int) -> tuple[int, int]:
        """See IWireFormat."""
        length, number = _read_length_and_type(data, offset)
        if length < _SMALLEST_BODY:
            raise Unframable(f"a frame of {length} bytes")
        return length + _PREFIX, number

    def decode(self, frame: bytes) -> Message:
        """See ITEventWire."""
        end = len(frame)
        try:
            number, count = _read_body(frame, _PREFIX)
            at = _PREFIX + _BODY.size
            attributes: list[Attribute] = []
            for _ in range(count):
                id, kind, size = _read_attribute(frame, at)
                first = at + 7
                at = first + size
                if at > end:
                    raise Malformed("an attribute ends after its frame")
                value: AttributeValue
                if kind == STRING:
                    value = str(frame[first:at], "utf-8", "surrogateescape")
                elif kind == LIST:
                    value = unpack(frame, first, at)
                else:
                    value = _read_number_or_bytes(frame, kind, first, at)
                attributes.append(_new_attribute(Attribute, (id, kind, value)))
        except StructError as problem:
            raise Malformed("a frame is cut short") from problem
        if at != end or _LENGTH.unpack_from(frame)[0] != end - _PREFIX:
            raise Malformed("a frame is not as long as it says")
        return Message(number, attributes)

    def encode(self, message: Message) -> bytes:
        """See ITEventWire."""
        if len(message.attributes) > 0xFFFF:
            raise DoesNotFit(f"{len(message.attributes)} attributes in one message")
        parts = [_BODY.pack(message.number, len(message.attributes))]
        for id, kind, value in message.attributes:
            packed = _pack_value(kind, value)
            parts += (_ATTRIBUTE.pack(id, kind, len(packed)), packed)
        body = b"".join(parts)
        if len(body) > _LARGEST_BODY:
            raise DoesNotFit(f"a body of {len(body)} bytes")
        return _LENGTH.pack(len(body)) + body

    def attribute(self, id: int, value: AttributeValue) -> Attribute:
        """See ITEventWire."""
        if isinstance(value, str):
            return Attribute(id, STRING, value)
        if isinstance(value, int):
            return Attribute(id, INTEGER if -0x80000000 <= value <= 0xFFFFFFFF else LONG, value)
        if isinstance(value, bytes):
            return Attribute(id, BINARY, value)
        return Attribute(id, LIST, value)


def _read_number_or_bytes(frame: bytes, kind: int, first: int, end: int) -> int | bytes:
    value = frame[first:end]
    if kind != INTEGER and kind != LONG:
        return value
    if end - first != (4 if kind == INTEGER else 8):
        raise Malformed(f"an integer attribute of {end - first} bytes")
    return int.from_bytes(value, "big", signed=True)


def _pack_value(kind: int, value: AttributeValue) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, int):
        return _pack_integer(kind, value)
    if isinstance(value, bytes):
        return value
    return pack(value)


def _pack_integer(kind: int, value: int) -> bytes:
    """Integers go out signed; an unsigned 32-bit one (a ReferenceID) has the same four bytes."""
    if kind == LONG:
        if not -(1 << 63) <= value < (1 << 63):
            raise DoesNotFit(f"{value} in 64 bits")
        return _LONG.pack(value)
    if not -0x80000000 <= value <= 0xFFFFFFFF:
        raise DoesNotFit(f"{value} in 32 bits")
    return _INTEGER.pack(value if value <= 0x7FFFFFFF else value - 0x100000000)


open_wire = OpenTEventWire()
