"""A replay whose report is read by another tool, in part."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.replay.logs import TServerLog, write

ROOT = Path(__file__).parents[2]
BOUND = 300
"""Seconds after which a process is ended, whatever it does."""

A_PIPE_HOLDS = 65536
"""Bytes; who writes more waits for a reader."""

LOTS = 1000
"""Groups."""


def many_groups(number: int) -> str:
    """A log of as many groups, each of which was loaded."""
    log = TServerLog()
    for dbid in range(1, number + 1):
        log.tells(36000 + dbid, "3", "3001", GSW_USER_EVENT="CampaignLoaded", GSW_CAMPAIGN_GROUP_DBID=dbid)
    return log.text


def replays(*arguments: str, stdout: int) -> subprocess.Popen[str]:
    """`tevent-proxy replay` as a process of its own."""
    command = [sys.executable, "-m", "proxy", "replay", *arguments]
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}
    return subprocess.Popen(command, cwd=ROOT, env=buffered, stdout=stdout, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_a_reader_that_has_enough(tmp_path: Path, form: list[str]) -> None:
    """`tevent-proxy replay LOG | head -n 1` shows one line and says nothing else, however much there is to read."""
    log = write(tmp_path, "some.log", many_groups(LOTS))
    with replays(*form, log, stdout=subprocess.PIPE) as told:
        assert told.stdout is not None
        head = subprocess.run(
            ["head", "-n", "1"], stdin=told.stdout, capture_output=True, text=True, timeout=BOUND, check=True
        )
        told.stdout.close()  # head was the last to read
        assert told.stderr is not None
        said = told.stderr.read()
        status = told.wait(BOUND)
    assert head.stdout.count("\n") == 1
    assert (status, said) == (141, "")


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_so_much_does_no_pipe_hold(tmp_path: Path, form: list[str]) -> None:
    """A report is read to its end by who wants all of it; that of the test above is longer than what a pipe holds."""
    with replays(*form, write(tmp_path, "some.log", many_groups(LOTS)), stdout=subprocess.PIPE) as told:
        out, said = told.communicate(timeout=BOUND)
    assert len(out) > 2 * A_PIPE_HOLDS
    assert (told.returncode, said) == (0, "")


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_nobody_reads_at_all(tmp_path: Path, form: list[str]) -> None:
    """A report that is short enough to be written in one go at the end, to a pipe that nobody reads, is no mistake."""
    reading, writing = os.pipe()
    os.close(reading)
    with replays(*form, write(tmp_path, "some.log", many_groups(1)), stdout=writing) as told:
        os.close(writing)
        _, said = told.communicate(timeout=BOUND)
    assert (told.returncode, said) == (141, "")
