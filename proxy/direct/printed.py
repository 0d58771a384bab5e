"""Direct messages as OCS's clients print them in their logs (D), values of properties masked; and read again.

    23:57:57.891 OCMClient[9]::message received
    GSW_CM_MessageType              7 [GSW_CM_ReqLoadCampaign]
    GSW_CM_AttrReferenceID          10
    GSW_CM_AttrProperties
                    'GSW_AUTO_COMPLETION'   '****'

Pure. Values of keys that are not listed here are masked, too: they may be personal data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from proxy.campaign.attribute import GSW_AUTO_COMPLETION, asks_for_completion
from proxy.direct.message import Message
from proxy.gsw import control
from proxy.gsw.reading import number
from proxy.kvlist import MASK, Pair, Value, pair

_INDENT = " " * 16
_KEY_WIDTH = 31
_PROPERTY_WIDTH = 23

NOT_A_NUMBER = "'?'"
"""What is shown of a GSW_AUTO_COMPLETION that is no number."""

# ------------------------------------------------------------------------------------------------------ writing


def heading(time: str, who: str, received: bool) -> str:
    """The first line: when (as `23:57:57.891`), whose connection (as `OCMClient[9]`), which way."""
    return f"{time} {whose(who, received)}"


def whose(who: str, received: bool) -> str:
    """The first line without the time."""
    return f"{who}::message {'received' if received else 'sent'}"


def printed(message: Message, disarming: bool = False) -> Iterator[str]:
    """The lines of the pairs, in order.

    `disarming`: whether a GSW_AUTO_COMPLETION that does not ask for completion is shown. Who reads a masked one takes
    it for one that does. What in a key would end a line, or the key, is written `\\xNN`.
    """
    for each in message:
        key = _AT_THE_MARGIN.sub(_escaped, each.key) or "\\x"
        if isinstance(each.value, list):
            yield key
            yield from _properties(each.value, _INDENT, disarming)
        else:
            yield f"{key:<{_KEY_WIDTH}} {_value(each, disarming)}"


def _properties(pairs: list[Pair], indent: str, disarming: bool) -> Iterator[str]:
    for each in pairs:
        quoted = f"'{_IN_QUOTES.sub(_escaped, each.key)}'"
        if isinstance(each.value, list):
            yield f"{indent}{quoted}(list)"
            yield from _properties(each.value, indent + "\t", disarming)
        else:
            yield f"{indent}{quoted:<{_PROPERTY_WIDTH}} {_property(each, disarming)}"


_IN_QUOTES = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_AT_THE_MARGIN = re.compile(r"^'|[\s\x00-\x1f\x7f]")


def _escaped(found: re.Match[str]) -> str:
    return f"\\x{ord(found[0]):02x}"


def _value(each: Pair, disarming: bool) -> str:
    shown = number({each.key: each.value}, each.key) if each.key in control.SHOWN else None
    if shown is None:
        return _property(each, disarming)
    name = control.MESSAGES.get(shown) if each.key == control.MESSAGE_TYPE else None
    return f"{shown}" if name is None else f"{shown} [{name}]"


def _property(each: Pair, disarming: bool) -> str:
    if not disarming or each.key != GSW_AUTO_COMPLETION or asks_for_completion(each.value):
        return MASK
    shown = number({each.key: each.value}, each.key)
    return NOT_A_NUMBER if shown is None else str(shown)


# ------------------------------------------------------------------------------------------------------ reading

_PROPERTY = re.compile(r"([ \t]*)'(.*)'(?:(\(list\))|\s+(\S+))")
_LINE = re.compile(r"(\S+)(?:\s+(\S.*))?")
_NUMBER = re.compile(r"(-?\d+)(?: \[\w+\])?")


def read(lines: Iterable[str]) -> tuple[Message, int]:
    """The message of the lines after a heading, and how many of them meant nothing.

    Integers are integers; everything else is a string, masks as they stand. Properties may have lost their
    indentation.
    """
    message: Message = []
    unread = 0
    lists: list[tuple[int, list[Pair]]] = []
    for line in map(str.rstrip, lines):
        if lists and (found := _PROPERTY.fullmatch(line)) is not None:
            indent, key, is_list, text = found.groups()
            while len(lists) > 1 and len(indent) < lists[-1][0]:
                lists.pop()
            each = pair(key, [] if is_list else _read(text))
            lists[-1][1].append(each)
            if isinstance(each.value, list):
                lists.append((len(indent) + 1, each.value))
        elif (found := _LINE.fullmatch(line)) is not None:
            key, text = found.groups()
            each = pair(key, [] if text is None else _read(text))
            message.append(each)
            lists = [(0, each.value)] if isinstance(each.value, list) else []
        else:
            unread += bool(line)
    return message, unread


def _read(text: str) -> Value:
    if (found := _NUMBER.fullmatch(text)) is not None:
        return int(found[1])
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == "'" else text
