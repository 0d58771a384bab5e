"""What is kept of groups as text, and back: JSON in ASCII, so that odd bytes of names and handles survive, too."""

from __future__ import annotations

import json
from typing import Any

from cattrs.preconf.json import make_converter

from proxy.campaign.kept import KeptGroup
from proxy.campaign.records import KeptRecord, State
from proxy.kvlist import Pair

_converter = make_converter()
_encode = json.JSONEncoder(separators=(",", ":")).encode


class Garbled(ValueError):
    """A text that is not one of ours."""


def group_text(kept: KeptGroup) -> str:
    """A group as text."""
    return _encode(_converter.unstructure(kept))


def group_of(text: str) -> KeptGroup:
    """The group of a text. Raises Garbled."""
    try:
        return _converter.structure(json.loads(text), KeptGroup)
    except Exception as problem:  # cattrs raises whatever went wrong, in groups of exceptions
        raise Garbled(f"a group that cannot be read: {problem}") from problem


def record_text(kept: KeptRecord) -> str:
    """A record as text."""
    return _encode((kept[0], kept[1].value, *kept[2:]))


def record_of(text: str) -> KeptRecord:
    """The record of a text. Raises Garbled."""
    try:
        handle, state, *others = json.loads(text)
        return KeptRecord(handle, State(state), *others)
    except (ValueError, TypeError) as problem:
        raise Garbled(f"a record that cannot be read: {problem}") from problem


def pairs_text(pairs: tuple[Pair, ...]) -> str:
    """The pairs of an event as text."""
    return _encode([_plain(each) for each in pairs])


def pairs_of(text: str) -> tuple[Pair, ...]:
    """The pairs of a text. Raises Garbled."""
    try:
        return tuple(_pair(each) for each in json.loads(text))
    except (ValueError, TypeError, KeyError) as problem:
        raise Garbled(f"an event that cannot be read: {problem}") from problem


def name_text(name: str) -> str:
    """A DN as text."""
    return _encode(name)


def name_of(text: str) -> str:
    """The DN of a text. Raises Garbled."""
    name = json.loads(text)
    if not isinstance(name, str):
        raise Garbled(f"a DN that cannot be read: {text}")
    return name


def _plain(each: Pair) -> list[Any]:
    value: Any = each.value
    if isinstance(value, bytes):
        value = {"bytes": value.hex()}
    elif isinstance(value, list):
        value = [_plain(inner) for inner in value]
    return [each.key, value, each.kind]


def _pair(plain: list[Any]) -> Pair:
    key, value, kind = plain
    if isinstance(value, dict):
        value = bytes.fromhex(value["bytes"])
    elif isinstance(value, list):
        value = [_pair(inner) for inner in value]
    return Pair(key, value, kind)
