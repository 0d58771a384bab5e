"""Cutting a stream of bytes into the frames of a wire format, at both ends of the simulator's connections."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.interfaces import IWireFormat


class FrameCutter:
    """Bytes in, in any pieces; whole frames out, in order. Raises Unframable where no frame can begin."""

    def __init__(self, wire: IWireFormat) -> None:
        self._wire = wire
        self._bytes = bytearray()

    def cut(self, data: bytes) -> Iterator[bytes]:
        """The frames that are whole now that `data` has come."""
        self._bytes += data
        held = bytes(self._bytes)
        start = 0
        try:
            while len(held) - start >= self._wire.header_size:
                size, _number = self._wire.read_header(held, start)
                if len(held) - start < size:
                    return
                start += size
                yield held[start - size : start]
        finally:
            del self._bytes[:start]
