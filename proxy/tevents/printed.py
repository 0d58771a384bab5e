"""The printed form of T-Events: how T-Library logs show a message (C), written and read.

Pure. What is written here is in the form of wire.md; what is read comes in two families, and in them as logs have it:
blanks for tabs, indentation lost, values masked, dumps shortened by `...`::

    <TAB>AttributeReferenceID<TAB>13                        AttributeReferenceID [int] = 13
    <TAB>AttributeUserData<TAB>[34] 00 01 00 00..           AttributeUserData [bstr] = KVList:
    <TAB><TAB>'RTargetAgentGroup'<TAB>'VAG_Skill1'          <TAB><TAB>'RTargetAgentGroup' [str] = "VAG_Skill1"

A value of no form that is known here is kept as it stands, with the kind AS_IT_STANDS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from enum import Enum

from attrs import define, field

from proxy import kvlist
from proxy.errors import DoesNotFit
from proxy.kvlist import MASK, Pair, Value, pack, size_and_start
from proxy.tevents.message import (
    APPLICATION_NAME,
    COMMUNICATION_DN,
    ERROR_MESSAGE,
    THIS_DN,
    TIME_IN_SECS,
    TIME_IN_USECS,
    Attribute,
    Message,
)
from proxy.tevents.names import ATTRIBUTES, MESSAGES

AS_IT_STANDS = -1
"""The kind of a value that is kept as the log has it, without quotes."""

STRING, INTEGER, BINARY, LIST, LONG = 0, 1, 2, 3, 6

OPAQUE = 255
"""The kind of a pair whose value is kept as the log has it."""

UNKNOWN = -1
"""The number of a message whose name is not in the table. Attributes of unknown names have numbers below 0, too."""

_USER_EVENT = 58
"""AttributeUserEvent: the number of a message, printed by its name (C)."""

NUMBERS = {name: number for number, name in MESSAGES.items()}
_ATTRIBUTE_NUMBERS = {name: number for number, name in ATTRIBUTES.items()}

SHOWN_STRINGS = frozenset({ERROR_MESSAGE, THIS_DN, COMMUNICATION_DN, APPLICATION_NAME})
"""Attributes whose strings are no personal data; all other strings are masked where user data is."""


class Everything:
    """A container that everything is in: nothing is masked."""

    def __contains__(self, key: object) -> bool:
        """It is."""
        return True


EVERYTHING = Everything()


class Family(Enum):
    """Who printed it."""

    TLIB = "T-Library"
    PSDK = "Platform SDK"


@define
class Printed:
    """A message as a log shows it.

    `note` is the remark under the header of a SIP Server's, `cuts` the places in the attributes where the log left
    something out (`...`), `names` the names of attributes that have no number, `offset` the log's seconds east of
    UTC. `unread` counts lines that mean nothing here, `assumed` the values of GSW_AUTO_COMPLETION that are masked.
    """

    message: Message
    name: str = ""
    family: Family = Family.TLIB
    indent: str = "\t"
    gap: str = "\t"
    note: str | None = None
    cuts: list[int] = field(factory=list)
    names: dict[int, str] = field(factory=dict)
    offset: int = 0
    unread: int = 0

    def lines(self) -> Iterator[str]:
        """The lines again, without the header."""
        show = _tlib_lines if self.family is Family.TLIB else _psdk_lines
        if self.note is not None:
            yield f"{self.indent}({self.note})"
        for place, attribute in enumerate(self.message.attributes):
            if place in self.cuts:
                yield f"{self.indent}..."
            yield from show(self, attribute)
        if len(self.message.attributes) in self.cuts:
            yield f"{self.indent}..."


# ------------------------------------------------------------------------------------------------------ writing


def name_of(number: int) -> str:
    """How a message is called in logs."""
    return MESSAGES.get(number, f"message_#{number}")


def printed(message: Message, shown: Container[str], strings: Container[int] = SHOWN_STRINGS) -> Iterator[str]:
    """The lines of a message, without its header, in the form of T-Library logs; times are UTC.

    Of user data the values of the keys in `shown` are shown, of attributes the strings of those in `strings`; all
    others are masked. A control character in a value would be a line of somebody else's making: it is written `\\xNN`.
    """
    form = Printed(message)
    for attribute in message.attributes:
        for line in _tlib_lines(form, attribute, shown, strings):
            yield _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", line)


_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")


def _tlib_lines(
    form: Printed, attribute: Attribute, shown: Container[str] = EVERYTHING, strings: Container[int] = EVERYTHING
) -> Iterator[str]:
    head = f"{form.indent}{_attribute_name(form, attribute.id)}{form.gap}"
    value = attribute.value
    if not isinstance(value, list):
        yield head + (_tlib_value(form, attribute) if _is_shown(attribute, strings) else MASK)
        return
    yield head + size_and_start(_packed(value))
    for line in kvlist.printed(value, shown, form.indent * 2):
        yield line if form.gap == "\t" else line.replace("\t", form.gap)


def _is_shown(attribute: Attribute, strings: Container[int]) -> bool:
    return attribute.id in strings or not (isinstance(attribute.value, str) and attribute.kind == STRING)


def _packed(pairs: Sequence[Pair]) -> bytes:
    try:
        return pack(pairs)
    except DoesNotFit:
        return b""


def _attribute_name(form: Printed, id: int) -> str:
    return ATTRIBUTES.get(id) or form.names.get(id) or f"attr_#{id}"


def _tlib_value(form: Printed, attribute: Attribute) -> str:
    id, kind, value = attribute
    if isinstance(value, str):
        return value if kind == AS_IT_STANDS else f"'{value}'"
    if isinstance(value, bytes):
        return value.hex() if len(value) == 8 else size_and_start(value)
    assert isinstance(value, int)
    if id == TIME_IN_SECS:
        return f"{value & 0xFFFFFFFF} ({_time_of_day(value & 0xFFFFFFFF, form.offset)})"
    if id == _USER_EVENT and value in MESSAGES:
        return MESSAGES[value]
    return f"{value & 0xFFFFFFFFFFFFFFFF:016x}" if kind == LONG else str(value & 0xFFFFFFFF)


def _time_of_day(seconds: int, offset: int) -> str:
    return f"{datetime.fromtimestamp(seconds, timezone.utc) + timedelta(seconds=offset):%H:%M:%S}"


_TIME = frozenset({TIME_IN_SECS, TIME_IN_USECS})
_PSDK_KINDS = {STRING: "str", INTEGER: "int", LONG: "long", LIST: "bstr", AS_IT_STANDS: "long", OPAQUE: "long"}


def _psdk_lines(form: Printed, attribute: Attribute) -> Iterator[str]:
    id, kind, value = attribute
    indent = ""
    if id in _TIME:
        indent = "\t"
        if attribute is next(each for each in form.message.attributes if each.id in _TIME):
            yield "Time            = ComplexClass(TimeStamp):"
    head = f"{indent}{_attribute_name(form, id)} [{_PSDK_KINDS.get(kind, 'bstr')}] = "
    if isinstance(value, list):
        yield head + "KVList: "
        yield from _psdk_pairs(value, "\t\t")
    else:
        yield head + _psdk_value(value, kind)


def _psdk_pairs(pairs: Iterable[Pair], indent: str) -> Iterator[str]:
    for key, value, kind in pairs:
        head = f"{indent}'{key}' [{_PSDK_KINDS.get(kind, 'bstr')}] = "
        if isinstance(value, list):
            yield head + "KVList: "
            yield from _psdk_pairs(value, indent + "\t")
        else:
            yield head + _psdk_value(value, kind)


def _psdk_value(value: object, kind: int) -> str:
    return f'"{value}"' if isinstance(value, str) and kind == STRING else str(value)


# ------------------------------------------------------------------------------------------------------ reading


def number_of(name: str) -> int:
    """The number of a message by its name; UNKNOWN where it is not in the table."""
    if name.startswith("message_#") and name[9:].isdecimal():
        return int(name[9:])
    return NUMBERS.get(name, UNKNOWN)


def read(name: str, lines: Iterable[str], family: Family = Family.TLIB) -> Printed:
    """The message of that name whose lines these are, without its header.

    Nothing is raised for garbage: what means nothing is counted in `unread`.
    """
    reading = _Reading(Printed(Message(number_of(name), []), name, family))
    for line in lines:
        reading.take(line)
    reading.end()
    return reading.form


_TLIB_LINE = re.compile(
    r"(?P<indent>[ \t]*)"
    r"(?:(?P<attribute>Attribute\w+|attr_#\d+)(?P<gap>[ \t]+|$)(?P<value>.*)"
    r"|'(?P<key>.*?)'(?:\(list\)[ ]?(?P<first>.*)|[ \t]+(?P<text>.*)))",
    re.DOTALL,
)
_PSDK_LINE = re.compile(
    r"(?P<indent>[ \t]*)"
    r"(?:(?P<attribute>Attribute\w+|attr_#\d+)|'(?P<key>.*?)') \[(?P<kind>\w+)\] = (?P<value>.*)",
    re.DOTALL,
)
_SIZE = re.compile(r"\[(\d+)\](?: ([\da-f]{2}) ([\da-f]{2}))?(?: ?[\da-f]{2})*(?: ?\.\.)?")
"""The size of a packed list, and its first bytes, which say how many pairs it has."""

_HEX = re.compile(r"[\da-f]{16}")
_STAMP = re.compile(r"(\d+) \((\d\d):(\d\d):(\d\d)\)")
_NOTE = re.compile(r"[ \t]*\((.*)\)")
_new_pair = tuple.__new__  # a Pair made without the call of its own constructor, as in kvlist
_NOTHING = re.compile(r"message attributes:|Time\s*= ComplexClass\(TimeStamp\):|\. Processing .*|")


@define
class _OpenList:
    """A list whose pairs are being read: those of lines indented deeper than `indent`."""

    indent: int
    pairs: list[Pair]


class _Reading:
    """Lines in, one by one; a form grows."""

    def __init__(self, form: Printed) -> None:
        self.form = form
        self._open: list[_OpenList] = []
        self._size = 0
        self._count = 0
        self._held = ""
        self._deepest: list[Pair] | None = None
        self._unfinished: str | None = None
        self._take: Callable[[str], bool] = self._tlib if form.family is Family.TLIB else self._psdk

    def take(self, line: str) -> None:
        if len(self._open) == 1 and self._takes_plain_pair(line):
            return
        line = line.rstrip("\r\n")
        if self._unfinished is not None:
            line = f"{self._unfinished}\n{line}"
            self._unfinished = None
        if not self._take(line) and not self._remark(line):
            self.form.unread += 1

    def _takes_plain_pair(self, line: str) -> bool:
        """Most lines of a log are pairs of the plainest form: that is seen without a pattern, which is faster."""
        parts = line.split("'")
        if parts[0] != "\t\t" or self._unfinished is not None:
            return False
        if len(parts) == 5 and parts[2] == "\t" and not parts[4]:
            self._open[0].pairs.append(_new_pair(Pair, (parts[1], parts[3], STRING)))
            return True
        if len(parts) == 3 and (text := parts[2])[:1] == "\t" and text[1:].isdecimal() and len(text) < 11:
            self._open[0].pairs.append(_new_pair(Pair, (parts[1], int(text), INTEGER)))
            return True
        return False

    def end(self) -> None:
        if self._unfinished is not None:
            self.form.unread += 1
        self._end_list()

    def _remark(self, line: str) -> bool:
        text = line.strip()
        if text == "...":
            self.form.cuts.append(len(self.form.message.attributes))
            return True
        if (note := _NOTE.fullmatch(line)) is not None and not self.form.message.attributes:
            self.form.note = note[1]
            return True
        return _NOTHING.fullmatch(text) is not None

    # ---------------------------------------------------------------------------------------------- T-Library

    def _tlib(self, line: str) -> bool:
        found = _TLIB_LINE.match(line)
        if found is None:
            return False
        indent, name, gap, value, key, first, text = found.groups()
        if name is None:
            return self._tlib_pair(line, len(indent), key, first, text)
        value = value.rstrip(" \t") if not value.startswith("'") else value
        if value.startswith("'") and not _is_whole(value):
            self._unfinished = line
            return True
        self._end_list()
        attributes = self.form.message.attributes
        if not attributes:
            self.form.indent, self.form.gap = indent, gap or "\t"
        if (size := _SIZE.fullmatch(value)) is not None:
            pairs: list[Pair] = []
            attributes.append(Attribute(self._number(name), LIST, pairs))
            self._open = [_OpenList(-1, pairs)]
            self._size, self._held = int(size[1]), value
            self._count = int(size[2] + size[3], 16) if size[2] is not None else 0xFFFF
        else:
            attributes.append(self._attribute(self._number(name), value))
        return True

    def _tlib_pair(self, line: str, indent: int, key: str, first: str | None, text: str | None) -> bool:
        if not self._open:
            return False
        while len(self._open) > 1 and indent <= self._open[-1].indent:
            self._open.pop()
        pairs = self._open[-1].pairs
        if first is not None:
            inner: list[Pair] = []
            self._open.append(_OpenList(indent, inner))
            self._deepest = inner
            pairs.append(Pair(key, inner, LIST))
            if first.strip():
                found = _TLIB_LINE.match(first)
                return found is not None and found["key"] is not None and self._first(indent, found)
            return True
        assert text is not None
        if text.startswith("'") and not _is_whole(text):
            self._unfinished = line
            return True
        pairs.append(_pair(key, text))
        return True

    def _first(self, indent: int, found: re.Match[str]) -> bool:
        """The first pair of a list stands on the list's own line."""
        pairs = self._open[-1].pairs
        if found["first"] is None:
            pairs.append(_pair(found["key"], found["text"]))
            return True
        inner: list[Pair] = []
        pairs.append(Pair(found["key"], inner, LIST))
        self._open.append(_OpenList(indent + 1, inner))
        more = _TLIB_LINE.match(found["first"])
        return not found["first"].strip() or (
            more is not None and more["key"] is not None and self._first(indent + 1, more)
        )

    def _number(self, name: str) -> int:
        if name.startswith("attr_#"):
            return int(name[6:])
        known = _ATTRIBUTE_NUMBERS.get(name)
        if known is None:
            known = UNKNOWN - len(self.form.names)
            self.form.names[known] = name
        return known

    def _attribute(self, id: int, value: str) -> Attribute:
        if value.startswith("'"):
            return Attribute(id, STRING, value[1:-1])
        if value.isdecimal() and (value[0] != "0" or value == "0") and len(value) < 16:
            number = int(value)
            return Attribute(id, INTEGER if number <= 0xFFFFFFFF else AS_IT_STANDS, _narrow(number, value))
        if _HEX.fullmatch(value) is not None:
            return Attribute(id, BINARY, bytes.fromhex(value))
        if id == TIME_IN_SECS and (stamp := _STAMP.fullmatch(value)) is not None:
            seconds, hours, minutes, rest = map(int, stamp.groups())
            self.form.offset = _offset(hours * 3600 + minutes * 60 + rest - seconds % 86400)
            return Attribute(id, INTEGER, seconds)
        if id == _USER_EVENT and value in NUMBERS:
            return Attribute(id, INTEGER, NUMBERS[value])
        return Attribute(id, AS_IT_STANDS, value)

    def _end_list(self) -> None:
        """A list is at its end: dumped without its pairs it stands as it is; what lost its indentation is mended."""
        if not self._open:
            return
        pairs = self._open[0].pairs
        attributes = self.form.message.attributes
        if not pairs and self._size != 2 and self.form.family is Family.TLIB:
            attributes[-1] = Attribute(attributes[-1].id, AS_IT_STANDS, self._held)
        elif self._deepest is not None:
            self._indent_again(pairs, self._deepest)
        self._open, self._deepest = [], None

    def _indent_again(self, pairs: list[Pair], inner: list[Pair]) -> None:
        """Without indentation nobody can see where an inner list ends; but the first bytes tell how many pairs there
        are outside of it."""
        place = next((n for n, each in enumerate(pairs) if each.value is inner), None)
        too_many = len(pairs) - self._count
        if place is not None and too_many > 0:
            first = place + 1
            inner += pairs[first : first + too_many]
            del pairs[first : first + too_many]

    # ------------------------------------------------------------------------------------------------- Platform SDK

    def _psdk(self, line: str) -> bool:
        found = _PSDK_LINE.match(line)
        if found is None:
            return False
        indent, name, key, kind, value = found.groups()
        if value.startswith('"') and not (len(value) > 1 and value.rstrip().endswith('"')):
            self._unfinished = line
            return True
        if name is not None:
            self._end_list()
        elif not self._open:
            return False
        else:
            while len(self._open) > 1 and len(indent) <= self._open[-1].indent:
                self._open.pop()
        read: Value
        if value.startswith("KVList:"):
            read, number = [], LIST
        elif value.startswith('"'):
            read, number = value.rstrip()[1:-1], STRING
        elif value.lstrip("-").isdecimal() and (value[0] != "0" or value == "0"):
            read, number = int(value), LONG if kind == "long" else INTEGER
        else:
            read, number = value, AS_IT_STANDS if name is not None else OPAQUE
        if name is not None:
            self.form.message.attributes.append(Attribute(self._number(name), number, read))
            if isinstance(read, list):
                self._open = [_OpenList(-1, read)]
        else:
            self._open[-1].pairs.append(Pair(key, read, number))
            if isinstance(read, list):
                self._open.append(_OpenList(len(indent), read))
        return True


def _is_whole(text: str) -> bool:
    return len(text) > 1 and text.rstrip(" \t").endswith("'")


def _pair(key: str, text: str) -> Pair:
    if text.startswith("'"):
        return Pair(key, text.rstrip(" \t")[1:-1], STRING)
    text = text.rstrip(" \t")
    if text.isdecimal() and int(text) <= 0xFFFFFFFF:
        number = int(text)
        return Pair(key, number if number <= 0x7FFFFFFF else number - 0x100000000, INTEGER)
    return Pair(key, text, OPAQUE)


def _narrow(number: int, text: str) -> int | str:
    return number if number <= 0xFFFFFFFF else text


def _offset(seconds: int) -> int:
    """Seconds east of UTC, from the difference of two times of day, to the quarter of an hour."""
    return round(((seconds + 43200) % 86400 - 43200) / 900) * 900
