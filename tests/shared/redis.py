"""A Redis server of the tests' own: in a folder of its own, reached by a Unix socket and by a free port.

It needs no reactor: whoever uses it is blocked until the server has done as it was told.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path
from typing import BinaryIO

from tests import ports

MISSING = "no Redis server is installed (Debian: apt-get install redis-server)"

BOUND = 60.0
"""So many seconds it may take until it has started, ended or answered; much more than it ever needs."""

LOOK_AGAIN = 0.01
"""So many seconds between two looks at whether it answers yet."""

Reply = str | int | None | list["Reply"]


class Refused(Exception):
    """What it answered is an error."""


class RedisServer:
    """A server; begun by start(). Nothing of it is left after remove(), or at the program's end."""

    def __init__(self, *options: str, appendonly: bool = False) -> None:
        """`options` are further arguments of redis-server. With `appendonly`, what it has answered survives kill().

        Without, only what stop() or `ask("SAVE")` has written to its file does. Raises SkipTest where there is none.
        """
        program = shutil.which("redis-server")
        if program is None:
            raise unittest.SkipTest(MISSING)
        self.folder = tempfile.mkdtemp(prefix="tevent-proxy-redis")
        self._port = ports.kept()
        self._process: subprocess.Popen[bytes] | None = None
        self._command = [
            *_dying_with_us(),
            *(program, "--dir", self.folder, "--daemonize", "no"),
            *("--bind", "127.0.0.1", "--port", str(self.port), "--unixsocket", self.path),
            *("--save", "86400 1000000", "--appendonly", "yes" if appendonly else "no"),
            *options,
        ]
        atexit.register(self.remove)

    @property
    def port(self) -> int:
        """At 127.0.0.1; the same as long as this lives."""
        return ports.number_of(self._port)

    @property
    def path(self) -> str:
        """Of its Unix socket."""
        return f"{self.folder}/redis.sock"

    @property
    def url(self) -> str:
        """As it stands in a conf file; by its port."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def unix_url(self) -> str:
        """As it stands in a conf file; by its Unix socket."""
        return f"redis+unix:{self.path}"

    @property
    def is_running(self) -> bool:
        """Whether there is a process; one that is paused is."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """It answers when this returns. Raises AssertionError, with its log, where it does not."""
        assert not self.is_running
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + BOUND
        while not self._answers():
            if self._has_ended_within(LOOK_AGAIN) or time.monotonic() > deadline:
                raise AssertionError(f"redis-server: {self._log.read_text(errors='replace')}")

    def stop(self) -> None:
        """It ends by itself (SIGTERM), and saves what it holds."""
        self.resume()
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """It is gone at once (SIGKILL), paused or not."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """It stands still (SIGSTOP): whoever connects is connected, and hears nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def wipe(self) -> None:
        """It holds nothing; where it does not run, it will hold nothing when it starts."""
        if self.is_running:
            self.ask("FLUSHALL")
            return
        for kept in Path(self.folder).iterdir():
            if kept.is_dir():
                shutil.rmtree(kept)
            elif kept != self._log:
                kept.unlink()

    def ask(self, *words: str | int) -> Reply:
        """What it answers to a command, on a connection of its own. Raises Refused (an error), OSError (silence)."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(BOUND)
            connection.connect(self.path)
            encoded = [str(word).encode() for word in words]
            connection.sendall(b"*%d\r\n" % len(encoded))
            connection.sendall(b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded))
            with connection.makefile("rb") as lines:
                return _reply(lines)

    def remove(self) -> None:
        """Nothing of it is left."""
        if self.is_running:
            self.kill()
        self._port.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        atexit.unregister(self.remove)

    def __enter__(self) -> RedisServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    @property
    def _log(self) -> Path:
        return Path(self.folder, "log")

    def _answers(self) -> bool:
        try:
            self.ask("PING")
        except Refused as refusal:
            return not str(refusal).startswith("LOADING")
        except OSError:
            return False
        return True

    def _has_ended_within(self, seconds: float) -> bool:
        assert self._process is not None
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _end(self, number: signal.Signals) -> None:
        self._signal(number)
        if not self._has_ended_within(BOUND):
            raise AssertionError(f"redis-server did not end: {self._log.read_text(errors='replace')}")
        Path(self.path).unlink(missing_ok=True)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        if self.is_running:
            os.kill(self._process.pid, number)


def _dying_with_us() -> list[str]:
    """Where it can be had: what is run by this is killed when this program is, which then cannot do so itself."""
    setpriv = shutil.which("setpriv")
    return [] if setpriv is None else [setpriv, "--pdeathsig", "KILL"]


def _reply(lines: BinaryIO) -> Reply:
    line = lines.readline()
    kind, rest = line[:1], line[1:].strip().decode()
    if kind == b"+":
        return rest
    if kind == b"-":
        raise Refused(rest)
    if kind == b":":
        return int(rest)
    if kind == b"$":
        size = int(rest)
        return None if size < 0 else lines.read(size + 2)[:-2].decode()
    if kind == b"*":
        size = int(rest)
        return None if size < 0 else [_reply(lines) for _ in range(size)]
    raise ConnectionError(f"not a reply: {line!r}")
