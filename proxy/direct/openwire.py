"""The open direct frame (wire.md): the wire format the project ships for campaign managers.

Pure: bytes in, pairs out, and back; encoding what was decoded gives the same bytes::

    frame := length:u32  packed list
"""

from __future__ import annotations

from struct import Struct

from zope.interface import implementer

from proxy.direct.message import ANY, Message
from proxy.errors import DoesNotFit, Malformed, Unframable
from proxy.interfaces import IDirectWire
from proxy.kvlist import pack, unpack

_LENGTH = Struct(">I")
_PREFIX = 4
_SMALLEST_BODY = 4


@implementer(IDirectWire)
class OpenDirectWire:
    """Direct frames as wire.md has them. A list of nothing, two bytes, is no frame (M3)."""

    name = "open"
    channel = "direct"
    header_size = 4
    prefix_size = _PREFIX

    def read_header(self, data: bytes, offset: int) -> tuple[int, int]:
        """See IWireFormat."""
        (length,) = _LENGTH.unpack_from(data, offset)
        if length < _SMALLEST_BODY:
            raise Unframable(f"a frame of {length} bytes")
        return length + _PREFIX, ANY

    def decode(self, frame: bytes) -> Message:
        """See IDirectWire."""
        if len(frame) < _PREFIX or _LENGTH.unpack_from(frame)[0] != len(frame) - _PREFIX:
            raise Malformed("a frame is not as long as it says")
        message = unpack(frame, _PREFIX)
        if not message:
            raise Malformed("a message of nothing")
        return message

    def encode(self, message: Message) -> bytes:
        """See IDirectWire."""
        if not message:
            raise DoesNotFit("a message of nothing")
        body = pack(message)
        if len(body) > 0xFFFFFFFF:
            raise DoesNotFit(f"a body of {len(body)} bytes")
        return _LENGTH.pack(len(body)) + body


open_wire = OpenDirectWire()
