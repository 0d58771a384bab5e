"""User data as the Agent API writes it in JSON, and reads it: flat objects, and lists of key, type and value (C)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from proxy.kvlist import Pair, Value, pair


class BadUserData(Exception):
    """It is no list of objects with key, type and value."""


def flat(pairs: Sequence[Pair]) -> dict[str, Any]:
    """As an object: user events. Of a repeated key the last value stands."""
    return {each.key: _plain(each.value) for each in pairs}


def _plain(value: Value) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return flat(value) if isinstance(value, list) else value


def listed(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """As a list: calls."""
    return [{"key": each.key, **_typed(each.value)} for each in pairs]


def _typed(value: Value) -> dict[str, Any]:
    if isinstance(value, list):
        return {"type": "kvlist", "value": listed(value)}
    if isinstance(value, bytes):
        return {"type": "str", "value": value.hex()}
    return {"type": "int" if isinstance(value, int) else "str", "value": value}


def read(content: Any) -> list[Pair]:
    """The pairs of a list. Raises BadUserData.

    The type decides: an `int` may be written as a string, a `str` as a number.
    """
    if not isinstance(content, list):
        raise BadUserData("userData is no list")
    return [_read_pair(each) for each in content]


def _read_pair(content: Any) -> Pair:
    if not isinstance(content, dict) or not isinstance(content.get("key"), str) or "value" not in content:
        raise BadUserData("userData is no list of key, type and value")
    key, type, value = content["key"], content.get("type"), content["value"]
    if type == "kvlist" or (type is None and isinstance(value, list)):
        return pair(key, read(value))
    if not isinstance(value, (str, int, float)):
        raise BadUserData(f"{key} has no value")
    if type == "int" or (type is None and isinstance(value, int)):
        try:
            return pair(key, int(value))
        except ValueError:
            raise BadUserData(f"{key} is no int") from None
    return pair(key, str(value))
