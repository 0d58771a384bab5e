"""A shift with real processes: the simulator, agents, and a proxy that is killed again and again (kill -9).

What the simulated OCS accepted and what the agents heard is kept by them, not by the proxy.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from proxy.demo import free_ports

RECORDS = 40
GROUPS = ("Sales@Agents", "Winback@Dialers")
TOLD = ("CampaignStopped", "CampaignUnloaded")
MOMENTS = ("Stop sent", "stopped (run", "Unload sent", "unloaded (session")
"""Lines of the proxy's log at which it is killed, each at one group, besides any time at all."""

LATE = 20.0
"""Seconds after the last Unload until who has heard nothing will not hear it any more."""

TURN = 0.005
PATIENCE = 600.0
"""Seconds until a shift is given up: what is waited for takes a few."""

SIMULATOR = """
[tserver]
listen = tcp:{tserver}:interface=127.0.0.1
communication_dn = OCS_CommDN
[ocs]
dbid = 4113
applications = 4114 4115
acks = bare
notify_agents = no
seed = {seed}
retrieval_interval = 0.3
stale_clean_timeout = 3
"""

GROUP = """
[campaign group {name}]
dbid = {dbid}
campaign_id = {dbid}
group_id = 7{dbid}
mode = Preview
agents = {dns}
lists = List {dbid}
batch = 15
[calling list List {dbid}]
dbid = 2{dbid}
records = {records}
"""

PROXY = """
[tevents]
listen = tcp:{desktops}:interface=127.0.0.1
upstream = tcp:127.0.0.1:{tserver}
communication_dn = OCS_CommDN
application = tevent-proxy
application_dbid = 4114
[completion]
by = proxy
settle = 1
notify_wait = 0.3
answer_timeout = 1
stale_after = 2
[group Sales@Agents]
dbid = 101
[group Winback@Dialers]
dbid = 102
attribute = add
[store]
url = sqlite:{folder}/groups.db
[admin]
listen = tcp:{admin}:interface=127.0.0.1
"""


class Shift:
    """One shift in a folder of its own; `kills` times the proxy is killed, at moments that `seed` decides."""

    def __init__(self, folder: Path, seed: int, kills: int) -> None:
        self.folder = folder
        self.kills: list[str] = []
        self.seed = seed
        self._wanted = kills
        self._random = Random(seed)
        self._tserver, self._desktops, self._admin = free_ports(3)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._until = monotonic() + PATIENCE
        self._read = 0
        self._unloaded_at = float("inf")

    # ------------------------------------------------------------------------------------------------- the processes

    def _start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            command = [sys.executable, "-m", "proxy", *arguments]
            root = Path(__file__).parents[2]
            self._processes[name] = subprocess.Popen(
                command, cwd=self.folder, stdout=log, stderr=log, env={"PYTHONPATH": str(root)}
            )
        return self._processes[name]

    def end(self) -> None:
        """End every process of the shift."""
        for process in reversed(self._processes.values()):
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _waits(self, what: str) -> None:
        assert monotonic() < self._until, f"seed {self.seed}, after {self.kills}: {what}; see {self.folder}"
        self._passes(TURN)

    def _passes(self, seconds: float) -> None:
        """Time goes by, unless OCS is gone."""
        try:
            self._processes["simulator"].wait(seconds)
        except subprocess.TimeoutExpired:
            return
        raise AssertionError((self.folder / "simulator.log").read_text("utf-8")[-2000:])

    def _start_proxy(self) -> None:
        proxy = self._start("proxy", "run", "--config", "proxy.conf")
        while not (self.ask("health") or {}).get("healthy"):
            assert proxy.poll() is None, (self.folder / "proxy.log").read_text("utf-8")[-2000:]
            self._waits("the proxy is not well")

    def _kill(self, why: str) -> None:
        proxy = self._processes["proxy"]
        proxy.send_signal(signal.SIGKILL)
        proxy.wait()
        self.kills.append(why)
        self._start_proxy()

    # ------------------------------------------------------------------------------------------------- what they say

    def ask(self, page: str) -> Any:
        """What a page of the proxy's [admin] says, None while it does not answer."""
        try:
            with urlopen(f"http://127.0.0.1:{self._admin}/{page}", timeout=300) as answer:
                return json.load(answer)
        except (URLError, OSError):
            return None

    def _report(self, name: str) -> Any:
        try:
            return json.loads((self.folder / name).read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return None

    def truth(self) -> dict[str, Any]:
        """What OCS knows of each group."""
        return {group["name"]: group for group in (self._report("ocs.json") or {"groups": []})["groups"]}

    def heard(self) -> dict[str, list[str]]:
        """What each agent heard of the end of his campaign."""
        return {
            dn: [event["event"] for event in agent["heard"] if event["event"] in TOLD]
            for dn, agent in (self._report("agents.json") or {"agents": {}})["agents"].items()
        }

    def groups(self) -> dict[str, Any]:
        """What the proxy knows of each group."""
        return {group["name"]: group for group in (self.ask("groups") or {"groups": []})["groups"]}

    # ------------------------------------------------------------------------------------------------------ the play

    def play(self) -> None:
        """From an empty house to completed groups."""
        places = {"tserver": self._tserver, "desktops": self._desktops, "admin": self._admin, "folder": self.folder}
        crews = (("3001-3003", 101), ("3101-3103", 102))
        groups = [
            GROUP.format(name=name, dbid=dbid, dns=dns, records=RECORDS)
            for name, (dns, dbid) in zip(GROUPS, crews, strict=True)
        ]
        simulator = SIMULATOR.format(seed=self.seed, **places) + "".join(groups)
        (self.folder / "simulator.conf").write_text(simulator, "utf-8")
        (self.folder / "proxy.conf").write_text(PROXY.format(**places), "utf-8")
        self._start("simulator", "simulate", "--config", "simulator.conf", "--status-file", "ocs.json")
        self._start_proxy()
        connect = ("--connect", f"tcp:127.0.0.1:{self._desktops}")
        self._start("agents", "simulate", "--agents", *connect, "--dns", "3001-3003 3101-3103", "--talk", "0.15",
                    "--ask-again", "0.3", "--away", "0.1", "--reject", "0.05", "--answer-timeout", "1",
                    "--seed", str(self.seed), "--report", "agents.json")  # fmt: skip
        self._operate(connect, "101", "--auto-completion", "1")
        self._operate(connect, "102")
        self._go_on()

    def _operate(self, connect: tuple[str, ...], dbid: str, *wish: str) -> None:
        for order in ("load", "start"):
            arguments = ("simulate", *connect, "--operator", order, "--group", dbid, *wish)
            assert self._start(f"operator {dbid} {order}", *arguments).wait(PATIENCE) == 0

    def _go_on(self) -> None:
        """Kill the proxy at any time, and at those moments of its log that come; until all is over."""
        moments = list(MOMENTS)
        self._random.shuffle(moments)
        due = monotonic() + self._random.uniform(0.1, 2.5)
        while not self._is_over():
            if len(self.kills) < self._wanted:
                lines = self._new_lines()
                found = next((moment for moment in moments if moment in lines), None)
                if found is not None:
                    moments.remove(found)
                    self._passes(self._random.uniform(0, 0.02))
                    self._kill(found)
                elif monotonic() >= due:
                    self._kill("at any time")
                    due = monotonic() + self._random.uniform(0.1, 2.5)
            self._waits("the groups are not completed")

    def _new_lines(self) -> str:
        """What the log of the proxy says that was not read before."""
        with (self.folder / "proxy.log").open(encoding="utf-8") as log:
            log.seek(self._read)
            lines = log.read()
            self._read = log.tell()
        return lines

    def _is_over(self) -> bool:
        truth, heard = self.truth(), self.heard()
        unloaded = len(truth) == len(GROUPS) and all(each["state"] == "not_loaded" for each in truth.values())
        if not unloaded or not all(each["accepted"].get("unload") for each in truth.values()) or len(heard) != 6:
            return False
        self._unloaded_at = min(self._unloaded_at, monotonic())
        have_heard = all(TOLD[-1] in words for words in heard.values())
        return have_heard or monotonic() > self._unloaded_at + LATE

    def faults(self) -> list[str]:
        """What is not as it should be."""
        found = []
        counted = self.groups()
        for name, ocs in self.truth().items():
            accepted = (ocs["accepted"].get("stop"), ocs["accepted"].get("unload"))
            if accepted != (1, 1):
                found.append(f"{name}: OCS accepted {accepted} Stops and Unloads")
            proxy = counted[name]
            known = sum(proxy[state] for state in ("outstanding", "finalized", "returned", "scheduled"))
            if known > RECORDS or proxy["delivered"] > RECORDS:
                found.append(f"{name}: of {RECORDS} records the proxy counts {known}, delivered {proxy['delivered']}")
            if (proxy["state"], proxy["completions"]) != ("unloaded", 1):
                found.append(f"{name}: {proxy['state']}, completed {proxy['completions']} times")
        found += self._unheard()
        return [f"seed {self.seed}, killed {self.kills}: {fault}" for fault in found]

    def _unheard(self) -> list[str]:
        """Who heard what twice, or in the wrong order, or not at all.

        Who is told is written down before he is. Where the proxy is killed in between, or while it tells one agent
        after another, some of a group miss that word: it is written that each of those was told. That is rare, and does
        not come with every end of a session.
        """
        heard, written = self.heard(), self._written()
        missed = {dn: [word for word in TOLD if word not in words] for dn, words in heard.items()}
        often = len({(dn[:2], word) for dn, words in missed.items() for word in words}) > len(GROUPS)
        return [
            f"agent {dn} heard {words}"
            for dn, words in heard.items()
            if words != [word for word in TOLD if word not in missed[dn]]
            or any(word not in written.get(dn, ()) for word in missed[dn])
            or (often and missed[dn])
        ]

    def _written(self) -> dict[str, set[str]]:
        """What it is written that each agent was told."""
        connection = sqlite3.connect(f"file:{self.folder}/groups.db?mode=ro", uri=True)
        rows = [json.loads(kept) for (kept,) in connection.execute("SELECT kept FROM groups")]
        connection.close()
        return {
            dn: {f"Campaign{word.capitalize()}" for hearing in hearings for word in hearing["told"]}
            for row in rows
            if row["notices"]
            for dn, hearings in row["notices"]["agents"].items()
        }
