"""`tevent-proxy demo`: simulator, proxy and agents as separate processes, from an empty house to a completed group.

It shows what the proxy does, holds it against what the simulated OCS really did, and ends by itself.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from time import localtime, monotonic, strftime
from typing import Any
from urllib.request import urlopen

from attrs import define, field, frozen
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from proxy.errors import OurError

TIME = 300.0
"""Seconds after which the demo gives up. It needs less than a minute, but for a machine that has much else to do."""

TURN = 0.2
"""How often it looks, in seconds."""

TOLD = ("CampaignStopped", "CampaignUnloaded")


@frozen
class Cast:
    """A group of the demo: who dials it, and what its operator sends."""

    name: str
    dbid: int
    dns: str
    operator: tuple[str, ...]
    habits: tuple[str, ...]


CASTS = (
    Cast("Sales@Agents", 101, "3001-3004", ("--auto-completion", "1"), ("--reject", "0.06", "--reschedule", "0.04")),
    Cast("Winback@Dialers", 102, "3101-3104", (), ("--drop", "0.03")),
)


class Failed(OurError):
    """The demo cannot go on; the text says why."""


# --------------------------------------------------------------------------------------------------------- the place


def conf_folder() -> Path:
    """Where the conf files are: installed with the package, or beside it in a checkout."""
    installed = Path(__file__).with_name("conf")
    return installed if installed.is_dir() else Path(__file__).parent.parent / "conf"


def free_ports(number: int) -> list[int]:
    """Ports of loopback on which nobody listens."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [taken.getsockname()[1] for taken in sockets]
    for taken in sockets:
        taken.close()
    return ports


@define
class Place:
    """The folder of one demo: conf files with free ports, logs, reports."""

    folder: Path
    tserver: int
    desktops: int
    admin: int

    @classmethod
    def made(cls) -> Place:
        """A new folder, with the conf files in it."""
        place = cls(Path(tempfile.mkdtemp(prefix="tevent-proxy-demo-")), *free_ports(3))
        for name in ("demo-proxy.conf", "demo-simulator.conf"):
            text = (conf_folder() / name).read_text("utf-8")
            for shipped, free in ((7000, place.tserver), (7001, place.desktops), (9101, place.admin)):
                text = text.replace(f"tcp:{shipped}:", f"tcp:{free}:").replace(
                    f"127.0.0.1:{shipped}", f"127.0.0.1:{free}"
                )
            (place.folder / name).write_text(text, "utf-8")
        return place

    def read(self, name: str) -> Any:
        """What a JSON file of the folder says, None where it is not there or not whole."""
        try:
            return json.loads((self.folder / name).read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return None

    def ask(self, page: str) -> Any:
        """What a page of the proxy's [admin] says, None while it does not answer."""
        try:
            with urlopen(f"http://127.0.0.1:{self.admin}/{page}", timeout=5) as answer:
                return json.load(answer)
        except OSError:
            return None


# ----------------------------------------------------------------------------------------------------- the processes


@define
class Processes:
    """The processes of one demo. Their output goes to logs in the folder; none outlives the demo."""

    folder: Path
    _running: dict[str, subprocess.Popen[bytes]] = field(factory=dict)

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start `tevent-proxy ARGUMENTS`, logged to NAME.log."""
        with (self.folder / f"{name}.log").open("ab") as log:
            command = [sys.executable, "-m", "proxy", *arguments]
            self._running[name] = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        return self._running[name]

    def ended(self) -> str | None:
        """The name of a process that has ended with a failure."""
        return next((name for name, process in self._running.items() if process.poll()), None)

    def end(self) -> None:
        """End them all, the last first."""
        for process in reversed(self._running.values()):
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


# ------------------------------------------------------------------------------------------------------ what happens


class Play:
    """One demo, from its first process to its last."""

    def __init__(self, place: Place, processes: Processes, console: Console) -> None:
        self._place = place
        self._processes = processes
        self._console = console
        self._until = monotonic() + TIME
        self._shown = 0

    def run(self) -> None:
        """Play it to the end. Raises Failed where it does not come to one."""
        place, start = self._place, self._processes.start
        start("simulator", "simulate", "--config", "demo-simulator.conf", "--status-file", "ocs.json")
        proxy = start("proxy", "run", "--config", "demo-proxy.conf")
        while (place.ask("health") or {"healthy": False})["healthy"] is not True:
            self._wait(proxy)
        connect = ("--connect", f"tcp:127.0.0.1:{place.desktops}")
        crews = [
            start(f"agents-{cast.dbid}", "simulate", "--agents", *connect, "--dns", cast.dns, "--until-unloaded",
                  "--report", f"agents-{cast.dbid}.json", *cast.habits)
            for cast in CASTS
        ]  # fmt: skip
        self._operate(connect)
        with _progress(self._console) as progress:
            bars = {cast.name: progress.add_task(cast.name, total=None, state="") for cast in CASTS}
            for crew in crews:
                while crew.poll() is None:
                    self._show(progress, bars)
                    self._wait(crew)
            self._show(progress, bars)

    def _operate(self, connect: Sequence[str]) -> None:
        """The operators load and start their groups, through the proxy, as any client would."""
        for cast in CASTS:
            for order in ("load", "start"):
                wishes = cast.operator if order == "load" or cast.operator else ()
                name = f"operator-{cast.dbid}-{order}"
                operator = self._processes.start(
                    name, "simulate", *connect, "--operator", order, "--group", str(cast.dbid), *wishes
                )
                while operator.poll() is None:
                    self._wait(operator)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        failed = self._processes.ended()
        if failed is not None:
            raise Failed(f"{failed} ended: see {failed}.log")
        if monotonic() > self._until:
            raise Failed(f"not over after {TIME:g} seconds")
        try:
            process.wait(TURN)
        except subprocess.TimeoutExpired:
            return

    def _show(self, progress: Progress, bars: Mapping[str, TaskID]) -> None:
        for group in (self._place.read("ocs.json") or {"groups": []})["groups"]:
            done = group["records"] - group["left"]
            progress.update(bars[group["name"]], total=group["records"], completed=done, state=group["state"])
        timeline = self._place.ask("timeline") or []
        for told in timeline[self._shown :]:
            text = f" ({told['text']})" if told["text"] else ""
            at = strftime("%H:%M:%S", localtime(told["time"]))
            progress.console.print(f"{at}  {told['group']:<16} {told['news']}{text}", highlight=False)
        self._shown = max(self._shown, len(timeline))


def _progress(console: Console) -> Progress:
    state = TextColumn("{task.fields[state]}")
    return Progress(TextColumn("{task.description:<16}"), BarColumn(), MofNCompleteColumn(), state, console=console)


# ------------------------------------------------------------------------------------------------------- how it ended


@define
class Outcome:
    """What became of a group: by the proxy's count, by the simulated OCS's, and by the agents' own."""

    name: str
    records: int
    delivered: int
    finalized: int
    stops: int
    unloads: int
    left: int
    told: dict[str, list[str]]

    def faults(self) -> Iterator[str]:
        """What is not as it should be."""
        if self.left:
            yield f"{self.name}: {self.left} records left"
        if (self.stops, self.unloads) != (1, 1):
            yield f"{self.name}: OCS accepted {self.stops} Stops and {self.unloads} Unloads"
        for dn, heard in self.told.items():
            if tuple(heard) != TOLD:
                yield f"{self.name}: agent {dn} heard {', '.join(heard) or 'nothing'}"


def outcomes(place: Place) -> list[Outcome]:
    """What became of the groups. Raises Failed where somebody left no report."""
    truth = {group["name"]: group for group in (place.read("ocs.json") or {"groups": []})["groups"]}
    counted = {group["name"]: group for group in (place.ask("groups") or {"groups": []})["groups"]}
    found = []
    for cast in CASTS:
        report = place.read(f"agents-{cast.dbid}.json")
        if report is None or cast.name not in truth or cast.name not in counted:
            raise Failed(f"{cast.name}: a report is missing")
        ocs, proxy = truth[cast.name], counted[cast.name]
        heard = {
            dn: [event["event"] for event in agent["heard"] if event["event"] in TOLD]
            for dn, agent in report["agents"].items()
        }
        accepted = ocs["accepted"]
        found.append(
            Outcome(
                cast.name,
                ocs["records"],
                proxy["delivered"],
                proxy["finalized"],
                accepted.get("stop", 0),
                accepted.get("unload", 0),
                ocs["left"],
                heard,
            )
        )
    return found


def table(found: Sequence[Outcome]) -> Table:
    """The table with which the demo ends."""
    shown = Table(title="What became of the groups", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    shown.add_column("group", no_wrap=True)
    for column in ("records", "delivered", "finalized", "Stop", "Unload"):
        shown.add_column(column, justify="right")
    shown.add_column("each agent heard")
    shown.add_column("left", justify="right")
    for group in found:
        numbers = (group.records, group.delivered, group.finalized, group.stops, group.unloads)
        shown.add_row(group.name, *map(str, numbers), _heard(group), str(group.left))
    shown.caption = (
        "records: in the calling list; left: of these, not final; a record whose calls all fail reaches no agent. "
        "Stop, Unload: as the simulated OCS accepted them"
    )
    return shown


def _heard(group: Outcome) -> str:
    """What each agent heard, in order; in one line where all heard the same."""
    agents = Counter(", ".join(word.removeprefix("Campaign") for word in heard) for heard in group.told.values())
    if len(agents) == 1:
        return next(iter(agents)) or "nothing"
    return "\n".join(f"{number} agents: {heard or 'nothing'}" for heard, number in agents.items())


def main(arguments: list[str]) -> int:
    """Play the demo; 0 where everything was as it should be, else 1.

    Conf files, logs and reports are kept where something was not, or the arguments ask for it.
    """
    parser = ArgumentParser("tevent-proxy demo", description="Simulator, agents and proxy together, in under a minute.")
    parser.add_argument("--keep", action="store_true", help="leave the conf files and logs, also where all went well")
    keep = parser.parse_args(arguments).keep
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)  # however it is ended, it ends its processes
    console = Console()
    place = Place.made()
    processes = Processes(place.folder)
    console.print(f"Conf files and logs: {place.folder}", highlight=False, soft_wrap=True)
    faults: list[str] = []
    try:
        Play(place, processes, console).run()
        found = outcomes(place)
        console.print(table(found))
        faults = [fault for group in found for fault in group.faults()]
    except Failed as problem:
        faults.append(str(problem))
    except KeyboardInterrupt:
        faults.append("interrupted")
    finally:
        processes.end()
    for fault in faults:
        console.print(fault, style="red", highlight=False)
    console.print(_left(place, keep or bool(faults)), highlight=False, soft_wrap=True)
    return 1 if faults else 0


def _left(place: Place, keep: bool) -> str:
    """What is left of a demo, or is not: whoever does not `keep` its folder has it removed."""
    if keep:
        return f"Conf files and logs are in {place.folder}; docs/simulator.md says how to run them by hand."
    shutil.rmtree(place.folder)
    return "Conf files and logs are removed; with --keep they stay."
