"""Published JavaScript clients, driven by the scripts in js/: installed once in a run, and spawned as processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

SCRIPTS = Path(__file__).parent / "js"

INSTALL_BOUND = 180
"""Seconds after which an installation is given up."""

OUT_OF_REACH = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH")
"""What npm says where it finds no registry. Whatever else it says is a failure of the tests."""


def installed(folder: Path) -> Path:
    """Install the clients, in the versions of js/package-lock.json, into a folder; the scripts are beside them.

    Skips the test where there is no Node, no npm, or no registry.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program}: the published JavaScript clients cannot be tried")
    for file in SCRIPTS.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_BOUND, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm found no registry in {INSTALL_BOUND} s: the published JavaScript clients cannot be tried")
    if done.returncode and any(f"code {word}" in done.stderr for word in OUT_OF_REACH):
        pytest.skip("npm finds no registry: the published JavaScript clients cannot be tried")
    assert done.returncode == 0, done.stderr
    return folder


class NodeDesk(ProcessProtocol):
    """A web desktop at a DN: a process that says in JSON lines what it does and hears."""

    def __init__(self, folder: Path, script: str, base: str, dn: str) -> None:
        self.lines: list[dict[str, Any]] = []
        self.log = ""
        """What its client logs, and why it failed."""
        self.status: int | None = None
        """How it ended."""
        self._rest = ""
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []
        node = shutil.which("node") or "node"
        reactor.spawnProcess(self, node, [node, script, base, dn], env=dict(os.environ), path=str(folder))

    # ------------------------------------------------------------------------------------------ what it says

    def said(self, key: str) -> list[Any]:
        """The values of a key in all lines, in order."""
        return [line[key] for line in self.lines if key in line]

    def words(self) -> list[str]:
        """What it heard of the campaign's life."""
        events = [line["data"].get("GSW_USER_EVENT", "") for line in self.lines if "heard" in line]
        return [event for event in events if event.startswith("Campaign")]

    async def until(self, key: str, value: Any, times: int = 1) -> None:
        """Until it has said something, so often. Raises AssertionError where it ends before."""
        await self._until(lambda: self.said(key).count(value) >= times or self.status is not None)
        assert self.said(key).count(value) >= times, f"ended with {self.status} before {value}:\n{self.log}{self.lines}"

    async def leave(self) -> None:
        """Have it leave, and wait for its end."""
        if self.status is None:
            self.transport.closeStdin()
        await self._until(lambda: self.status is not None)
        assert self.status == 0, self.log

    async def end(self) -> None:
        """Whatever it does, it ends now."""
        if self.status is None:
            with suppress(ProcessExitedAlready):
                self.transport.signalProcess("KILL")
            await self._until(lambda: self.status is not None)

    async def _until(self, holds: Callable[[], bool]) -> None:
        if not holds():
            done: Deferred[None] = Deferred()
            self._waiting.append((holds, done))
            await done

    # ------------------------------------------------------------------------------------------ the process

    def outReceived(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data.decode("utf-8")).split("\n")
        self.lines += [json.loads(line) for line in lines]
        self._look()

    def errReceived(self, data: bytes) -> None:
        self.log += data.decode("utf-8", "replace")

    def processEnded(self, reason: Failure) -> None:
        self.status = -1 if reason.value.exitCode is None else reason.value.exitCode
        self._look()

    def _look(self) -> None:
        due = [each for each in self._waiting if each[0]()]
        self._waiting = [each for each in self._waiting if each not in due]
        for _, done in due:
            done.callback(None)
