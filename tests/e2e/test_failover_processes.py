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

from tests.ports import kept, number_of

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
{ocs}
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
listen = tcp:{port}:interface=127.0.0.1
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
[store]
url = {store}
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


class Play:
    """The pair, the proxy before it, and three agents who work until no record is left."""

    def __init__(self, processes: Processes, ocs: str = "", store: str = "memory:") -> None:
        self._processes = processes
        self._folder = folder = processes.folder
        self._status, self._report = folder / "status.json", folder / "report.json"
        self._store = store
        conf = folder / "pair.conf"
        conf.write_text(SIMULATOR.format(folder=folder, ocs=ocs))
        ports = []
        for role in ("primary", "backup"):
            one = processes.simulate("--config", str(conf), "--role", role, "--status-file", str(self._status))
            ports.append(processes.says(one, r"listening on tcp:127\.0\.0\.1:(\d+)"))
            setattr(self, role, one)
        self._pair_at = {"primary": ports[0], "backup": ports[1]}
        self.port = kept()
        self._address = f"tcp:127.0.0.1:{number_of(self.port)}"
        self.settles_in(3600)

    primary: subprocess.Popen[str]
    backup: subprocess.Popen[str]

    def settles_in(self, seconds: int) -> None:
        """Write the proxy's conf file."""
        text = PROXY.format(settle=seconds, port=number_of(self.port), store=self._store, **self._pair_at)
        (self._folder / "proxy.conf").write_text(text)

    def start_proxy(self) -> None:
        """Start it, for the first time or once more."""
        self.proxy = self._processes.start("-m", "proxy", "run", "--config", str(self._folder / "proxy.conf"))
        self._admin = self._processes.says(self.proxy, r"admin: listening on .*:(\d+)")
        threading.Thread(target=self.proxy.stdout.read, daemon=True).start()  # type: ignore[union-attr]

    def group(self) -> dict[str, Any]:
        """What the proxy says of the group."""
        with urlopen(f"http://127.0.0.1:{self._admin}/groups", timeout=BOUND) as page:
            (only,) = json.load(page)["groups"]
        return only

    def _diaries(self) -> list[dict[str, Any]]:
        return list(json.loads(self._report.read_text())["agents"].values()) if self._report.exists() else []

    def _nobody_asks(self) -> bool:
        """Whether every agent has heard that there are no records; a question without an answer would hold up Stop."""
        return bool(self._diaries()) and all(diary["no_records"] for diary in self._diaries())

    def works(self) -> None:
        """The group is loaded and started, and all its records are finished; it would be completed in an hour."""
        until(lambda: self._counts('control_registered{channel="tevents"} 1.0'))
        agents = ["--agents", "--dns", "3001-3003", "--talk", "0.02", "--ask-again", "3600", "--away", "0.1"]
        told = ["--connect", self._address, "--report", str(self._report), "--until-unloaded"]
        self._crew = self._processes.simulate(*agents, *told)
        for request in ("load", "start"):
            order = ["--operator", request, "--connect", self._address, "--group", "101", "--auto-completion", "1"]
            assert self._processes.simulate(*order).wait(BOUND) == 0
        until(lambda: str(self.group()["waiting_for"]).endswith("of quiet"))
        until(self._nobody_asks)

    def _counts(self, line: str) -> bool:
        """Whether the proxy's metrics have a line."""
        with urlopen(f"http://127.0.0.1:{self._admin}/metrics", timeout=BOUND) as page:
            return f"\ntevent_proxy_{line}\n" in page.read().decode()

    def stop_is_sent(self) -> None:
        """Nobody can answer while it is sent: the primary stands still."""
        self.primary.send_signal(signal.SIGSTOP)
        self.settles_in(1)
        self.proxy.send_signal(signal.SIGHUP)
        until(lambda: self._counts('requests_sent_total{request="stop"} 1.0'))

    def is_completed_once(self) -> None:
        """It is, through the backup, and every agent has heard so, once."""
        until(lambda: self.group()["state"] == "unloaded")
        assert self._crew.wait(BOUND) == 0
        self.backup.send_signal(signal.SIGTERM)
        assert self.backup.wait(BOUND) == 0
        (truth,) = json.loads(self._status.read_text())["groups"]
        assert (truth["state"], truth["left"], truth["finalized"], truth["retrieved"]) == ("not_loaded", 0, 30, 30)
        assert (truth["accepted"]["stop"], truth["accepted"]["unload"], truth["refused"]) == (1, 1, {})
        assert [each["what"] for each in truth["life"]] == ["loaded", "started", "stopped", "unloaded"]
        assert (self.group()["completions"], self.group()["finalized"]) == (1, 30)
        for diary in self._diaries():
            heard = [each["event"] for each in diary["heard"]]
            assert (heard.count("CampaignStopped"), heard.count("CampaignUnloaded")) == (1, 1), heard
            assert diary["still_open"] == 0


@pytest.fixture
def play(processes: Processes) -> Iterator[Callable[..., Play]]:
    """Plays that are over after the test."""
    plays: list[Play] = []

    def begun(*arguments: str) -> Play:
        plays.append(Play(processes, *arguments))
        plays[-1].start_proxy()
        return plays[-1]

    yield begun
    for each in plays:
        each.port.close()


def test_the_primary_is_killed_while_it_is_asked_to_stop(play: Callable[..., Play]) -> None:
    """Stop is on its way to a primary that is killed with -9: the completion ends through the backup, each step once.

    Three agents connect anew, finish nothing twice, and hear each word once.
    """
    night = play()
    night.works()
    night.stop_is_sent()
    night.primary.kill()
    night.is_completed_once()


@pytest.mark.parametrize("ocs", ["", "notify_agents = no"], ids=["ocs tells agents", "the proxy tells agents"])
def test_the_proxy_is_killed_before_the_backup_has_answered(
    play: Callable[..., Play], ocs: str, tmp_path: Path
) -> None:
    """The primary is killed with -9 while it is asked to stop, and the proxy, too, before the backup has said a word.

    What the proxy intended is in its store: started anew it asks the backup, and the completion ends there, each step
    once.
    """
    night = play(ocs, f"sqlite:{tmp_path}/groups.db")
    night.works()
    night.backup.send_signal(signal.SIGSTOP)
    night.stop_is_sent()
    night.primary.kill()
    night.proxy.kill()
    night.proxy.wait(BOUND)
    night.start_proxy()
    assert night.group()["state"] == "stopping"
    night.backup.send_signal(signal.SIGCONT)
    night.is_completed_once()
