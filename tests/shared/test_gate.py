"""The way to a Redis server on which a test stands."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.shared.gate import Gate
from tests.shared.redis import BOUND, MISSING, RedisServer

pytestmark = pytest.mark.skipif(shutil.which("redis-server") is None, reason=MISSING)


@pytest.fixture
def gate() -> Iterator[Gate]:
    with RedisServer() as server:
        gate = Gate(server.port)
        yield gate
        gate.remove()


def connected(gate: Gate, stack: ExitStack) -> socket.socket:
    return stack.enter_context(socket.create_connection(("127.0.0.1", gate.port), BOUND))


def asked(connection: socket.socket, words: bytes) -> bytes:
    connection.sendall(words + b"\r\n")
    return connection.recv(1000)


def test_what_is_asked_is_answered(gate: Gate) -> None:
    """Both ways are open."""
    with ExitStack() as stack:
        assert asked(connected(gate, stack), b"PING") == b"+PONG\r\n"


def test_a_closed_one_lets_nobody_through(gate: Gate) -> None:
    """Connections end, and new ones too, until it is opened."""
    with ExitStack() as stack:
        early = connected(gate, stack)
        assert asked(early, b"PING") == b"+PONG\r\n"
        gate.close()
        assert early.recv(1000) == b""
        late = connected(gate, stack)
        assert late.recv(1000) == b""
        gate.open()
        assert asked(connected(gate, stack), b"PING") == b"+PONG\r\n"


def test_an_answer_is_held(gate: Gate) -> None:
    """What is asked is done; the answer comes when it is released. Other connections notice nothing."""
    with ExitStack() as stack:
        held, other = connected(gate, stack), connected(gate, stack)
        gate.hold_after(b"wanted")
        assert asked(held, b"SET key value") == b"+OK\r\n"
        held.sendall(b"SET key wanted\r\n")
        assert gate.caught.wait(BOUND)
        while asked(other, b"GET key") != b"$6\r\nwanted\r\n":
            pass
        held.setblocking(False)
        with pytest.raises(BlockingIOError):
            held.recv(1000)
        held.setblocking(True)
        gate.release()
        assert held.recv(1000) == b"+OK\r\n"
