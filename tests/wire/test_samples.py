"""Logs of real installations: packing what they print gives the sizes and first bytes they print.

The samples are not part of the project. They are looked for where TEVENT_PROXY_SAMPLES says, else in
`shared/samples` beside the checkout.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from proxy.kvlist import Pair, pack, pair, printed, size_and_start

SAMPLES = Path(os.environ.get("TEVENT_PROXY_SAMPLES") or Path(__file__).parents[3] / "shared" / "samples")

_LIST = re.compile(r"\s+Attribute(\w+)\s+(\[\d+\] [\da-f ]+\.\.)\s*")
_PAIR = re.compile(r"\s+'(.*?)'(?:\(list\) ?|\s+'(.*)'|\s+(\d+))")


class PrintedList(NamedTuple):
    """A packed list as a log shows it."""

    attribute: str
    size_and_start: str
    lines: list[str]

    @property
    def pairs(self) -> list[Pair]:
        """What its lines say; in these logs lists inside are empty."""
        return [pair_of(line) for line in self.lines]


def pair_of(line: str) -> Pair:
    """A pair as a log shows it: `'key' 'text'`, `'key' 7` or `'key'(list) `."""
    found = _PAIR.fullmatch(line)
    assert found, line
    key, text, number = found.groups()
    return pair(key, text if text is not None else int(number) if number else [])


def printed_lists(log: str) -> Iterator[PrintedList]:
    """The packed lists of a log: a line with size and first bytes, then the lines of pairs."""
    found = None
    for line in log.splitlines():
        if header := _LIST.fullmatch(line):
            found = PrintedList(header[1], header[2], [])
            yield found
        elif found and line.lstrip().startswith("'"):
            found.lines.append(line)
        else:
            found = None


def sampled() -> list[tuple[str, PrintedList]]:
    """Every packed list of every sample, with its file."""
    files = sorted((SAMPLES / "tlog").glob("*.txt"))
    if not files:
        pytest.skip(f"there are no samples in {SAMPLES}: TEVENT_PROXY_SAMPLES can say where they are")
    return [(file.name, found) for file in files for found in list(printed_lists(file.read_text("utf-8")))]


def test_sizes_and_first_bytes_of_real_logs() -> None:
    """User data, extensions and reasons that real logs print pack to the very sizes and bytes printed there."""
    found = sampled()
    assert {item.attribute for _, item in found} == {"UserData", "Extensions", "Reason"}
    assert [size_and_start(pack(item.pairs)) for _, item in found] == [item.size_and_start for _, item in found]


def test_printed_as_in_real_logs() -> None:
    """What the proxy prints is what those logs print, line by line (but for the file whose tabs became blanks)."""
    for name, item in sampled():
        shown = list(printed(item.pairs, {pair.key for pair in item.pairs}))
        if all(line.startswith("\t\t") for line in item.lines):
            assert shown == item.lines, name
        else:
            assert [line.split() for line in shown] == [line.split() for line in item.lines], name


def test_the_parser_of_these_tests() -> None:
    """The tests read the printed form as it is in the logs."""
    pairs = "\t\t'a'\t'b'\n\t\t'c d'(list) \n    'e'  7\n"
    (found,) = printed_lists(f"request\n\tAttributeUserData\t[9] 00 01 00 00..\n{pairs}\tAttributeThisDN\t'1'\n")
    assert found.pairs == [pair("a", "b"), pair("c d", []), pair("e", 7)]
    assert found.size_and_start == "[9] 00 01 00 00.."
