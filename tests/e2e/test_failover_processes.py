"""A pair of T-Servers with OCS, the proxy and agents as processes of their own; the primary is killed with -9."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).parents[2]
BOUND = 300
"""Seconds after which a process is ended, whatever it does."""

SIMULATE = "import sys; from proxy.simulator.command import main; sys.exit(main(sys.argv[1:]))"

SIMULATOR = """
[tserver]
listen = tcp:0:interface=127.0.0.1
[ocs]
applications = 4114
retrieval_interval = 0.5
[campaign group Sales@Agents]
dbid = 101
campaign_id = 101
group_id = 732
agents = 3001-3003
lists = Customers
[calling list Customers]
dbid = 201
file = {folder}/lists.db
records = 30
[pair]
state = {folder}/state
"""

PROXY = """
[tevents]
listen = tcp:0:interface=127.0.0.1
upstream = tcp:127.0.0.1:{primary}
           tcp:127.0.0.1:{backup}
communication_dn = OCS_CommDN
application = tevent-proxy
application_dbid = 4114
[completion]
by = proxy
settle = {settle}
[group Sales@Agents]
dbid = 101
[admin]
listen = tcp:0:interface=127.0.0.1
"""


class Processes:
    """Processes of a test; all of them are ended after it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._all: list[tuple[subprocess.Popen[str], threading.Timer]] = []

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A Python process."""
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        bound = threading.Timer(BOUND, process.kill)
        bound.start()
        self._all.append((process, bound))
        return process

    def simulate(self, *arguments: str) -> subprocess.Popen[str]:
        """The simulator, agents, or an operator."""
        return self.start("-c", SIMULATE, *arguments)

    def says(self, process: subprocess.Popen[str], pattern: str) -> str:
        """What a process says, from here on, that fits a pattern: its first group."""
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(pattern, line):
                return found[1]
        raise AssertionError(f"{pattern} was never said")

    def end(self) -> None:
        """Nothing is left of them."""
        for process, bound in self._all:
            bound.cancel()
            process.kill()
            process.communicate()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Processes that are gone after the test."""
    started = Processes(tmp_path)
    yield started
    started.end()


def until(holds: Callable[[], object]) -> None:
    """Ask until something holds; what is asked is ended after BOUND seconds, and then cannot answer."""
    while not holds():
        pass


def test_the_primary_is_killed_while_it_is_asked_to_stop(processes: Processes) -> None:
    """Stop is on its way to a primary that is killed with -9: the completion ends through the backup, each step once.

    Three agents connect anew, finish nothing twice, and hear each word once.
    """
    folder = processes.folder
    conf, status, report = folder / "pair.conf", folder / "status.json", folder / "report.json"
    conf.write_text(SIMULATOR.format(folder=folder))
    pair, ports = [], []
    for role in ("primary", "backup"):
        pair.append(processes.simulate("--config", str(conf), "--role", role, "--status-file", str(status)))
        ports.append(processes.says(pair[-1], r"listening on tcp:127\.0\.0\.1:(\d+)"))
    primary, backup = pair
    pair_at = {"primary": ports[0], "backup": ports[1]}
    (folder / "proxy.conf").write_text(PROXY.format(settle=3600, **pair_at))
    proxy = processes.start("-m", "proxy", "run", "--config", str(folder / "proxy.conf"))
    admin = processes.says(proxy, r"admin: listening on .*:(\d+)")
    address = "tcp:127.0.0.1:" + processes.says(proxy, r"tevents: listening on .*:(\d+)")
    processes.says(proxy, "control session .* registered (.*)")
    threading.Thread(target=proxy.stdout.read, daemon=True).start()  # type: ignore[union-attr]

    def group() -> dict[str, object]:
        with urlopen(f"http://127.0.0.1:{admin}/groups", timeout=BOUND) as page:
            (only,) = json.load(page)["groups"]
        return only

    def diaries() -> dict[str, dict[str, Any]]:
        return json.loads(report.read_text())["agents"] if report.exists() else {}

    def nobody_asks() -> bool:
        """Whether every agent has heard that there are no records; a question without an answer would hold up Stop."""
        return all(diary["no_records"] for diary in json.loads(report.read_text())["agents"].values())

    agents = ["--agents", "--dns", "3001-3003", "--talk", "0.02", "--ask-again", "3600", "--away", "0.1"]
    crew = processes.simulate(*agents, "--connect", address, "--report", str(report), "--until-unloaded")
    for request in ("load", "start"):
        order = ["--operator", request, "--connect", address, "--group", "101", "--auto-completion", "1"]
        assert processes.simulate(*order).wait(BOUND) == 0
    until(lambda: str(group()["waiting_for"]).endswith("of quiet"))
    until(nobody_asks)
    primary.send_signal(signal.SIGSTOP)
    (folder / "proxy.conf").write_text(PROXY.format(settle=1, **pair_at))
    proxy.send_signal(signal.SIGHUP)  # now, when nobody can answer
    until(lambda: group()["state"] == "stopping")
    primary.send_signal(signal.SIGKILL)
    until(lambda: group()["state"] == "unloaded")
    assert crew.wait(BOUND) == 0
    backup.send_signal(signal.SIGTERM)
    assert backup.wait(BOUND) == 0
    (truth,) = json.loads(status.read_text())["groups"]
    assert (truth["state"], truth["left"], truth["finalized"], truth["retrieved"]) == ("not_loaded", 0, 30, 30)
    assert (truth["accepted"]["stop"], truth["accepted"]["unload"], truth["refused"]) == (1, 1, {})
    assert [each["what"] for each in truth["life"]] == ["loaded", "started", "stopped", "unloaded"]
    assert (group()["completions"], group()["finalized"]) == (1, 30)
    for diary in diaries().values():
        heard = [each["event"] for each in diary["heard"]]
        assert (heard.count("CampaignStopped"), heard.count("CampaignUnloaded")) == (1, 1), heard
        assert diary["still_open"] == 0
