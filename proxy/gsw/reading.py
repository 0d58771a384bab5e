"""Reading lists of pairs leniently: the last of a repeated key counts, integers may come as strings (C)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from proxy.kvlist import Pair, Value

Data = Mapping[str, Value]

_INTEGER = re.compile(r"\s*[+-]?[0-9]{1,10}\s*")


def speaks(pairs: Iterable[Pair]) -> bool:
    """Whether any of the pairs is of OCS's vocabulary."""
    for pair in pairs:  # noqa: SIM110 (a generator costs more than all of it: this is on the message path)
        if pair[0].startswith("GSW_"):
            return True
    return False


def gsw(pairs: Iterable[Pair]) -> Data:
    """The pairs of OCS's vocabulary, by key; the last of a repeated key counts."""
    return {pair[0]: pair[1] for pair in pairs if pair[0].startswith("GSW_")}


def number(data: Data, key: str) -> int | None:
    """The 32-bit integer under a key, also where it came as a string (C); None where there is none."""
    value = data.get(key)
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    return value if isinstance(value, int) and -0x80000000 <= value <= 0x7FFFFFFF else None


def text(data: Data, key: str) -> str | None:
    """The value under a key as text, None where there is none or it is empty."""
    value = data.get(key)
    if isinstance(value, int):
        return str(value)
    return value if isinstance(value, str) and value else None
