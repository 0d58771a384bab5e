"""Values of a conf file: text in, a value out, or a ValueError with a text for operators."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TypeVar

Choice = TypeVar("Choice", bound=Enum)
Value = TypeVar("Value")


def one_line(text: str) -> str:
    """A name, as it stands."""
    if not text or "\n" in text:
        raise ValueError("one line of text is wanted")
    return text


def file_or_none(text: str) -> str | None:
    """The path of a file that is to be written, or `none`."""
    return None if one_line(text) == "none" else text


def seconds(text: str) -> float:
    """A time in seconds, fractions allowed, from 0 on."""
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"not a number of seconds: {text!r}") from None
    if not 0 <= number < float("inf"):
        raise ValueError(f"seconds, from 0 on, are wanted: {text!r}")
    return number


def some_seconds(text: str) -> float:
    """A time in seconds that somebody else needs to do something: more than 0."""
    number = seconds(text)
    if not number:
        raise ValueError("more than 0 seconds are wanted: nothing can be answered at once")
    return number


def whole(text: str) -> int:
    """A whole number from 1 on; all fit the wire's signed 32 bits, as DBIDs must."""
    if not text.isdecimal() or not 1 <= int(text) <= 0x7FFFFFFF:
        raise ValueError(f"not a whole number from 1 to 2147483647: {text!r}")
    return int(text)


def yes_or_no(text: str) -> bool:
    """`yes` or `no`, and no other way to say it."""
    if text not in ("yes", "no"):
        raise ValueError(f"neither yes nor no: {text!r}")
    return text == "yes"


def one_of(choices: type[Choice]) -> Callable[[str], Choice]:
    """A reader for one of the values of an enum."""

    def read(text: str) -> Choice:
        try:
            return choices(text)
        except ValueError:
            known = ", ".join(choice.value for choice in choices)
            raise ValueError(f"not one of {known}: {text!r}") from None

    return read


def each_line(read_line: Callable[[str], Value]) -> Callable[[str], tuple[Value, ...]]:
    """A reader for one line or more, each read by `read_line`; what is wrong with any of them is said."""

    def read(text: str) -> tuple[Value, ...]:
        values, problems = [], []
        for line in text.splitlines() or [""]:
            try:
                values.append(read_line(line))
            except ValueError as problem:
                problems.append(str(problem))
        if problems:
            raise ValueError("; ".join(problems))
        return tuple(values)

    return read


def lines(check: Callable[[str], None]) -> Callable[[str], tuple[str, ...]]:
    """A reader for one line or more, as they stand, that each satisfy `check`."""

    def checked(line: str) -> str:
        check(line)
        return line

    return each_line(checked)
