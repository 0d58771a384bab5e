"""Logs of real installations are read whole, and printed again line by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.replay import headers
from proxy.replay.command import replay
from proxy.replay.headers import Header
from proxy.replay.reader import LogReader
from proxy.replay.stamps import LogClock
from proxy.tevents.printed import Family, read
from tests.wire.test_samples import SAMPLES

FILES = sorted((SAMPLES / "tlog").glob("*.txt"))

needs_samples = pytest.mark.skipif(not FILES, reason=f"there are no samples in {SAMPLES}")

_AROUND = ("# ", "2015-", "message attributes:", ". Processing")


def message_of(file: Path) -> tuple[Header, list[str]]:
    """The header of the only message of a sample, and the lines that are its own."""
    lines = file.read_text("utf-8").splitlines()
    found = [header for line in lines if (header := headers.tlib(line) or headers.psdk(line)) and header.name]
    first = next(n for n, line in enumerate(lines) if headers.tlib(line) or ((h := headers.psdk(line)) and h.name))
    return found[0], [line for line in lines[first + 1 :] if not line.startswith(_AROUND)]


@needs_samples
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_sample_is_printed_again_line_by_line(file: Path) -> None:
    """Reading a message of a real log and printing it again gives the lines of the log, whichever family it is."""
    header, lines = message_of(file)
    assert header.name is not None
    form = read(header.name, lines, header.family)
    assert form.unread == 0
    assert list(form.lines()) == lines
    assert form.message.number >= 0


@needs_samples
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_sample_is_read_whole(file: Path) -> None:
    """As a log, each sample is one message, and no line of it is left that means nothing."""
    reader = LogReader("log", LogClock())
    list(reader.read(iter(file.read_text("utf-8").split("\n"))))
    assert (reader.messages, reader.not_understood) == (1, 0)


@needs_samples
def test_all_samples_together() -> None:
    """All samples in one replay: six messages, and no group."""
    report = replay([str(file) for file in FILES], None)
    assert (report.totals.messages, report.totals.not_understood, report.groups) == (6, 0, {})


@needs_samples
def test_families() -> None:
    """Both families are there: T-Library, and Platform SDK."""
    assert {message_of(file)[0].family for file in FILES} == set(Family)
