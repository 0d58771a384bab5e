"""Packed lists (TKVList): the user data of T-Events and the messages of the direct protocol.

A list is an ordered sequence of pairs; keys may repeat. The bytes are those of wire.md, whose sizes and
first bytes are what logs of real installations show (C)::

    list := count:u16  pair * count
    pair := kind:u8  keylen:u16  key  length:u16  value

Pure: bytes in, pairs out, and back. Packing what was unpacked gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from struct import Struct
from struct import error as StructError
from typing import NamedTuple, Union

from proxy.errors import DoesNotFit, Malformed

STRING, INTEGER, BINARY, LIST = 0, 1, 2, 3

MAX_DEPTH = 16
"""How deep lists may nest; deeper ones are taken for garbage."""

MASK = "'****'"

Value = Union[str, int, bytes, "list[Pair]"]


class Pair(NamedTuple):
    """One key and its value.

    `value` is a str for kind 0, a signed int for kind 1, a list of pairs for kind 3, and the bytes as they
    are for every other kind. Strings that are not UTF-8 hold their odd bytes as surrogate escapes.
    """

    key: str
    value: Value
    kind: int


def pair(key: str, value: Value) -> Pair:
    """A pair of the kind that goes with the type of `value`."""
    if isinstance(value, str):
        return Pair(key, value, STRING)
    if isinstance(value, int):
        return Pair(key, int(value), INTEGER)
    if isinstance(value, bytes):
        return Pair(key, value, BINARY)
    return Pair(key, value, LIST)


_COUNT = Struct(">H")
_KEY = Struct(">BH")
_INTEGER = Struct(">i")

_new_pair = tuple.__new__  # a Pair made without the call of its own constructor: this is on the message path
_read_count = _COUNT.unpack_from
_read_key = _KEY.unpack_from
_read_integer = _INTEGER.unpack_from


def unpack(data: bytes, start: int = 0, end: int | None = None, _depth: int = 0) -> list[Pair]:
    """The pairs packed in `data[start:end]`, which must hold one list and nothing else.

    Raises Malformed where the lengths do not add up, an integer has not 4 bytes, or lists nest too deep.
    """
    if end is None:
        end = len(data)
    pairs: list[Pair] = []
    try:
        (count,) = _read_count(data, start)
        at = start + 2
        for _ in range(count):
            kind, key_size = _read_key(data, at)
            at += 3
            key_end = at + key_size
            (size,) = _read_count(data, key_end)
            first = key_end + 2
            key = str(data[at:key_end], "utf-8", "surrogateescape")
            at = first + size
            if at > end:
                raise Malformed("a pair ends after its list")
            value: Value
            if kind == STRING:
                value = str(data[first:at], "utf-8", "surrogateescape")
            elif kind == INTEGER:
                if size != 4:
                    raise Malformed(f"an integer of {size} bytes")
                (value,) = _read_integer(data, first)
            elif kind == LIST:
                value = _unpack_inner(data, first, at, _depth + 1)
            else:
                value = bytes(data[first:at])
            pairs.append(_new_pair(Pair, (key, value, kind)))
    except StructError as problem:
        raise Malformed("a list is cut short") from problem
    if at != end:
        raise Malformed(f"{end - at} bytes after the last pair")
    return pairs


def _unpack_inner(data: bytes, start: int, end: int, depth: int) -> list[Pair]:
    """The pairs of a list value: its own size comes first."""
    if depth > MAX_DEPTH:
        raise Malformed("lists nest too deep")
    if end - start < 2 or _read_count(data, start)[0] != end - start - 2:
        raise Malformed("an inner list is not as long as it says")
    return unpack(data, start + 2, end, depth)


def pack(pairs: Sequence[Pair]) -> bytes:
    """The bytes of a list. Raises DoesNotFit where a count, a length or an integer is too large."""
    if len(pairs) > 0xFFFF:
        raise DoesNotFit(f"{len(pairs)} pairs in one list")
    parts = [_COUNT.pack(len(pairs))]
    for key, value, kind in pairs:
        packed_key = key.encode("utf-8", "surrogateescape")
        packed = _pack_value(value)
        if len(packed_key) > 0xFFFF or len(packed) > 0xFFFF:
            raise DoesNotFit(f"a pair of {len(packed_key)} + {len(packed)} bytes")
        parts += (_KEY.pack(kind, len(packed_key)), packed_key, _COUNT.pack(len(packed)), packed)
    return b"".join(parts)


def _pack_value(value: Value) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, int):
        if not -0x80000000 <= value <= 0x7FFFFFFF:
            raise DoesNotFit(f"{value} in 32 bits")
        return _INTEGER.pack(value)
    if isinstance(value, bytes):
        return value
    inner = pack(value)
    if len(inner) > 0xFFFD:
        raise DoesNotFit(f"an inner list of {len(inner)} bytes")
    return _COUNT.pack(len(inner)) + inner


def size_and_start(packed: bytes) -> str:
    """How T-Library logs print the size and first bytes of a packed list: `[34] 00 01 00 00..` (C)."""
    return f"[{len(packed)}] {packed[:4].hex(' ')}.."


def printed(pairs: Iterable[Pair], shown: Container[str], indent: str = "\t\t") -> Iterator[str]:
    """The lines in which T-Library logs print pairs (C).

    Values of keys that are not in `shown` are printed as `'****'`: user data is personal data.
    """
    for key, value, _kind in pairs:
        if isinstance(value, list):
            inner = list(printed(value, shown, ""))
            yield f"{indent}'{key}'(list) {inner[0] if inner else ''}"
            yield from (f"{indent}\t{line}" for line in inner[1:])
        elif key not in shown:
            yield f"{indent}'{key}'\t{MASK}"
        elif isinstance(value, int):
            yield f"{indent}'{key}'\t{value & 0xFFFFFFFF}"
        elif isinstance(value, bytes):
            yield f"{indent}'{key}'\t[{len(value)}] {value[:4].hex(' ')}.."
        else:
            yield f"{indent}'{key}'\t'{value}'"
