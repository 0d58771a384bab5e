"""JSON text with the places of its parts: so it can be changed at one place, and nowhere else.

Pure. What is not changed stays as it was, bit for bit: number formats, the keys' order and repeats, white space,
escapes, the encoding and its mark. Read is whatever Python's `json.loads` reads, NaN too, but for what nests too deep.
"""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from collections.abc import Container, Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

from attrs import frozen

from proxy.errors import PeerError

MAX_DEPTH = 100
"""How deep objects and arrays may nest; what is deeper is taken for garbage."""

MAX_DIGITS = 640
"""Integers of more digits are read as floats: so many Python always converts, and soon."""


class NotJson(PeerError):
    """A body that is no JSON text, or one that nests too deep: it is relayed unread."""


@frozen
class Part:
    """A value, and where it stands in the text."""

    start: int
    end: int
    value: object


@frozen
class Member:
    """A key of an object with its value."""

    key: Part
    value: Part

    @property
    def start(self) -> int:
        """Where the key begins."""
        return self.key.start

    @property
    def end(self) -> int:
        """Where the value ends."""
        return self.value.end


class Change(NamedTuple):
    """What stands from `start` up to `end` becomes `text`."""

    start: int
    end: int
    text: str


Element = Member | Part

_SPACE = re.compile(r"[ \t\n\r]*")
_COLON = re.compile(r'"[ \t\n\r]*:([ \t\n\r]?)')
_NESTING = re.compile(r'\\.|["\[\]{}]', re.DOTALL)

_MARKS: Sequence[tuple[bytes, str]] = (
    (BOM_UTF32_BE, "utf-32-be"),
    (BOM_UTF32_LE, "utf-32-le"),
    (BOM_UTF16_BE, "utf-16-be"),
    (BOM_UTF16_LE, "utf-16-le"),
    (BOM_UTF8, "utf-8"),
)
"""Marks of encodings; that of UTF-16-LE begins that of UTF-32-LE."""


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_DIGITS else float(digits)


_DECODER = json.JSONDecoder(parse_int=_integer)


class JsonText:
    """A body that is JSON text. Raises NotJson where it is not.

    `root` is the whole value. Places are counted in characters; changes are made all at once, by `changed`.
    """

    def __init__(self, body: bytes) -> None:
        self._mark, self._encoding = _encoding(body)
        try:
            self.text = body[len(self._mark) :].decode(self._encoding, "surrogatepass")
        except UnicodeDecodeError as error:
            raise NotJson(f"no {self._encoding} text") from error
        if not _within_depth(self.text):
            raise NotJson("nests too deep")
        try:
            self.root = self._part(self._after_space(0))
        except ValueError as error:
            raise NotJson("no JSON") from error
        if self._after_space(self.root.end) != len(self.text):
            raise NotJson("no JSON at the end")

    # ---------------------------------------------------------------------------------------------------- reading

    def elements(self, whole: Part) -> Sequence[Element]:
        """The members of an object, the items of an array; of any other value none."""
        return self.members(whole) or self.items(whole)

    def members(self, whole: Part) -> list[Member]:
        """The members of an object in order, repeated ones too; of any other value none."""
        if not isinstance(whole.value, dict):
            return []
        found: list[Member] = []
        place = self._after_space(whole.start + 1)
        while self.text[place] != "}":
            key = self._part(place)
            value = self._part(self._after_space(self._after_space(key.end) + 1))
            found.append(Member(key, value))
            place = self._next(value.end)
        return found

    def items(self, whole: Part) -> list[Part]:
        """The items of an array; of any other value none."""
        if not isinstance(whole.value, list):
            return []
        found: list[Part] = []
        place = self._after_space(whole.start + 1)
        while self.text[place] != "]":
            item = self._part(place)
            found.append(item)
            place = self._next(item.end)
        return found

    def _part(self, start: int) -> Part:
        value, end = _DECODER.raw_decode(self.text, start)
        return Part(start, end, value)

    def _next(self, end: int) -> int:
        """Where the next element begins, or the closing bracket stands."""
        place = self._after_space(end)
        return self._after_space(place + 1) if self.text[place] == "," else place

    def _after_space(self, start: int) -> int:
        space = _SPACE.match(self.text, start)
        return space.end() if space is not None else start

    # --------------------------------------------------------------------------------------------------- changing

    def written(self, value: object) -> str:
        """A new value as text: in ASCII, and with blanks where this text has them."""
        return json.dumps(value, separators=(", ", ": ") if self._spaced else (",", ":"))

    def written_member(self, key: str, value: object) -> str:
        """A new member of an object as text."""
        return self.written({key: value})[1:-1]

    @cached_property
    def _spaced(self) -> bool:
        colon = _COLON.search(self.text)
        return colon is None or colon[1] != ""

    def appending(self, whole: Part, element: str) -> Change:
        """The text of a new element goes behind the last one, set off as that is from the one before it."""
        there = self.elements(whole)
        if not there:
            return Change(whole.start + 1, whole.start + 1, element)
        return Change(there[-1].end, there[-1].end, self._separator(whole, there) + element)

    def _separator(self, whole: Part, there: Sequence[Element]) -> str:
        if len(there) > 1:
            return self.text[there[-2].end : there[-1].start]
        indent = self.text[whole.start + 1 : there[0].start]
        return "," + (indent if "\n" in indent else " " if self._spaced else "")

    def removing(self, whole: Part, places: Container[int]) -> list[Change]:
        """The elements at these places go, each with the comma and the white space before it.

        Those at the front go with what is after them.
        """
        there = self.elements(whole)
        kept = next((place for place in range(len(there)) if place not in places), len(there))
        changes = [
            Change(there[place - 1].end, there[place].end, "") for place in range(kept, len(there)) if place in places
        ]
        if kept:
            end = there[kept].start if kept < len(there) else there[-1].end
            changes.append(Change(there[0].start, end, ""))
        return changes

    def changed(self, changes: Iterable[Change]) -> bytes:
        """The body after changes that do not overlap, in its encoding."""
        pieces: list[str] = []
        place = 0
        for start, end, text in sorted(changes):
            pieces += (self.text[place:start], text)
            place = end
        pieces.append(self.text[place:])
        return self._mark + "".join(pieces).encode(self._encoding, "surrogatepass")


def _encoding(body: bytes) -> tuple[bytes, str]:
    """The mark, if any, and the encoding, which without a mark the first bytes show (RFC 4627)."""
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return mark, encoding
    return b"", json.detect_encoding(body)


def _within_depth(text: str) -> bool:
    """Whether no bracket of a JSON text is deeper than MAX_DEPTH: so none exhausts the stack."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return True
    depth, in_string = 0, False
    for mark in _NESTING.finditer(text):
        character = mark[0]
        if character == '"':
            in_string = not in_string
        elif in_string or character[0] == "\\":
            continue
        else:
            depth += 1 if character in "[{" else -1
            if depth > MAX_DEPTH:
                return False
    return True
