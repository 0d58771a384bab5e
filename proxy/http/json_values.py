"""Values of JSON read leniently: numbers may come as strings, names in any spelling, and anything may be anything.

Pure, and shared by the vocabularies of the HTTP channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from proxy.gsw import reading
from proxy.gsw.control import DIAL_MODES


def number(value: object) -> int | None:
    """A 32-bit integer, also one that came as a string; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    return reading.number({"": value}, "")


def text(value: object) -> str | None:
    """A text that is not empty, or an integer as text; None for anything else.

    Halves of characters, which JSON's escapes can spell, are replaced: no encoding holds them.
    """
    if isinstance(value, str) and value:
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    by_number = number(value)
    return str(by_number) if by_number is not None else None


def plain(name: str) -> str:
    """A name without case, blanks, hyphens and the like: `Push-Preview`, `PUSH_PREVIEW` and `PushPreview` are one."""
    return "".join(filter(str.isalnum, name)).lower()


_MODES: Mapping[str, str] = {plain(name): name for name in DIAL_MODES.values()}


def dial_mode(value: object) -> str | None:
    """A dial mode by name, from its number or its name in any spelling.

    A number that nobody knows is None; a name that nobody knows is a mode still, and not the one before.
    """
    by_number = number(value)
    if by_number is not None:
        return DIAL_MODES.get(by_number)
    name = text(value)
    return _MODES.get(plain(name), name) if name is not None else None


def first_mode(data: Mapping[str, object], keys: tuple[str, ...]) -> str | None:
    """The dial mode under the first of the keys that says one."""
    found = (dial_mode(data.get(key)) for key in keys)
    return next((mode for mode in found if mode is not None), None)


def members(value: object) -> Mapping[str, object]:
    """The members of an object; of anything else none."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> Iterator[dict[str, object]]:
    """All objects in a JSON value, however deep."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield each
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
