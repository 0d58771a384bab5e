"""The Redis server that the tests use does as it is told."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shared.redis import BOUND, MISSING, RedisServer, Refused

pytestmark = pytest.mark.skipif(shutil.which("redis-server") is None, reason=MISSING)


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


def test_what_it_holds_survives_a_stop(server: RedisServer) -> None:
    """A Redis that was stopped and started again holds what it held."""
    server.ask("SET", "key", "value")
    server.stop()
    assert not server.is_running
    server.start()
    assert server.ask("GET", "key") == "value"


def test_a_killed_one_is_as_old_as_its_file(server: RedisServer) -> None:
    """A Redis that was killed comes back older: with what it held when it last saved."""
    server.ask("SET", "key", "saved")
    server.ask("SAVE")
    server.ask("SET", "key", "lost")
    server.kill()
    server.start()
    assert server.ask("GET", "key") == "saved"


def test_with_appendonly_nothing_that_was_answered_is_lost() -> None:
    """A Redis that appends each command to a file loses none when it is killed."""
    with RedisServer(appendonly=True) as server:
        server.ask("SET", "key", "value")
        server.kill()
        server.start()
        assert server.ask("GET", "key") == "value"


@pytest.mark.parametrize("appendonly", [False, True])
def test_a_wiped_one_is_empty(appendonly: bool) -> None:
    """A Redis comes back empty, whether it was wiped while it ran or while it did not."""
    with RedisServer(appendonly=appendonly) as server:
        server.ask("SET", "key", "value")
        server.wipe()
        assert server.ask("DBSIZE") == 0
        server.ask("SET", "key", "value")
        server.stop()
        server.wipe()
        server.start()
        assert server.ask("DBSIZE") == 0


def test_a_paused_one_goes_on(server: RedisServer) -> None:
    """A Redis that was paused has forgotten nothing, and can be stopped or removed while it stands still."""
    server.ask("SET", "key", "value")
    server.pause()
    server.resume()
    assert server.ask("GET", "key") == "value"
    server.pause()
    server.stop()
    assert not server.is_running
    server.start()
    server.pause()
    server.remove()
    assert not server.is_running
    assert not Path(server.folder).exists()


def test_one_that_cannot_start_says_why() -> None:
    """A Redis that cannot start fails the test that wants it, with what it says."""
    server = RedisServer("--maxmemory", "lots")
    with pytest.raises(AssertionError, match="maxmemory"):
        server.start()
    server.remove()


def test_an_error_is_raised(server: RedisServer) -> None:
    """A command that Redis refuses is not taken for an answer."""
    with pytest.raises(Refused, match="unknown command"):
        server.ask("NONSENSE")


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="no setpriv is installed (Debian: util-linux)")
def test_it_does_not_outlive_a_killed_program() -> None:
    """Tests that are killed leave no Redis running behind."""
    program = "import os; from tests.shared.redis import RedisServer; server = RedisServer(); server.start(); "
    program += "print(server.folder, flush=True); os.kill(os.getpid(), 9)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=BOUND, check=False)
    assert done.returncode == -9
    folder = done.stdout.strip()
    deadline = time.monotonic() + BOUND
    while is_reached(f"{folder}/redis.sock"):
        assert time.monotonic() < deadline
    shutil.rmtree(folder)


def is_reached(path: str) -> bool:
    """Whether anybody listens at a Unix socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(path)
        except OSError:
            return False
        return True
