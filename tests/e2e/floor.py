"""A floor of a contact centre, of real processes: the simulator with its calling lists in a file, agents, and several
proxies before it, which share their groups where their conf files say so.

What really happened is kept by others than the proxies: OCS's ledger, the calling lists' table, the agents' diaries.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from attrs import frozen

from proxy.simulator.frames import FrameCutter
from proxy.simulator.operator import Order, as_json
from proxy.simulator.vocabulary import CM_REFERENCE
from proxy.tevents.message import (
    APPLICATION_NAME,
    COMMUNICATION_DN,
    DISTRIBUTE_USER_EVENT,
    EVENT_LINK_CONNECTED,
    EVENT_REGISTERED,
    EVENT_USER_EVENT,
    REGISTER_ADDRESS,
    REGISTER_CLIENT,
    THIS_DN,
    USER_DATA,
    AttributeValue,
    Message,
)
from proxy.tevents.openwire import open_wire
from tests import ports

ROOT = Path(__file__).parents[2]

TOLD = ["CampaignStopped", "CampaignUnloaded"]

COUNTERS = ("delivered", "outstanding", "finalized", "returned", "scheduled")
"""What /groups says of records that agents had."""

NOT_FINAL = (1, 2, 4)
"""Statuses of records that will be called again, or are out: Ready, Retrieved, Stale."""

LOOKS = 3
"""So many times in a row all must be still until it is: what a process has read, it has not yet sent on."""

TURN = 0.01
"""Seconds between two looks."""

LISTENS = "0A"
"""The state of a socket that listens, in /proc/net/tcp."""

PATIENCE = 240.0
"""Seconds until a play is given up: what is waited for takes a few."""

SIMULATOR = """
[tserver]
listen = tcp:{tserver}:interface=127.0.0.1
communication_dn = OCS_CommDN
[ocs]
dbid = 4113
applications = 4114 4115
seed = {seed}
retrieval_interval = 0.3
callback_delay = 0.5
{ocs}
"""

GROUP = """
[campaign group {name}]
dbid = {dbid}
campaign_id = {dbid}
group_id = 7{dbid}
mode = Preview
agents = {dns}
lists = List {dbid}
batch = 100
[calling list List {dbid}]
dbid = 2{dbid}
file = {folder}/lists.db
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
answer_timeout = 1
{completion}
{groups}
[store]
{store}
[limits]
drain = 2
[admin]
listen = tcp:{admin}:interface=127.0.0.1
"""


@frozen
class Cast:
    """A group of the play. `armed`: its operator asks for completion; else the proxies add it."""

    name: str
    dbid: int
    first_dn: int
    agents: int
    records: int
    armed: bool = True

    @property
    def dns(self) -> str:
        """Its agents' DNs."""
        return f"{self.first_dn}-{self.first_dn + self.agents - 1}"


class Proxy:
    """One of the proxies: its conf file, its process, its pages. Its ports are the same each time it is started."""

    def __init__(self, floor: Floor, name: str, completion: str, store: str, casts: Sequence[Cast]) -> None:
        self.name = name
        self._floor = floor
        self._process: subprocess.Popen[bytes] | None = None
        self.desktops, self._admin = floor.port(), floor.port()
        groups = [f"[group {cast.name}]\ndbid = {cast.dbid}\nattribute = {_attribute(cast)}" for cast in casts]
        (floor.folder / f"{name}.conf").write_text(
            PROXY.format(
                desktops=self.desktops,
                admin=self._admin,
                tserver=floor.tserver,
                completion=completion,
                groups="\n".join(groups),
                store=store,
            ),
            "utf-8",
        )

    def start(self) -> None:
        """It begins; see `is_well`."""
        self._process = self._floor.start(self.name, "run", "--config", f"{self.name}.conf")

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """It is gone at once, with all that it knew (kill -9)."""
        self.signal(signal.SIGKILL)
        self.end()

    def end(self) -> int:
        """Wait for its end; its exit status."""
        assert self._process is not None
        self._floor.over.append(self._process)
        return self._process.wait(PATIENCE)

    @property
    def is_running(self) -> bool:
        """Whether there is a process."""
        return self._process is not None and self._process.poll() is None

    def ask(self, page: str) -> Any:
        """What a page of its [admin] says, None while it does not answer."""
        try:
            with urlopen(f"http://127.0.0.1:{self._admin}/{page}", timeout=PATIENCE) as answer:
                return json.load(answer)
        except HTTPError as answer:
            return json.load(answer)
        except (URLError, OSError):
            return None

    @property
    def reasons(self) -> list[str] | None:
        """Why it is not healthy; empty where it is, None while it does not answer."""
        health = self.ask("health")
        return None if health is None else list(health["reasons"])

    @property
    def is_well(self) -> bool:
        """Whether it is healthy."""
        return self.reasons == []

    def groups(self) -> dict[str, dict[str, Any]]:
        """What it knows of each group."""
        return {group["name"]: group for group in (self.ask("groups") or {"groups": []})["groups"]}

    def counters(self) -> dict[str, dict[str, Any]]:
        """What it has counted of each group."""
        return {name: {each: group[each] for each in COUNTERS} for name, group in self.groups().items()}

    @property
    def leads(self) -> bool:
        """Whether it leads, as far as it knows."""
        shown = self.ask("instances") or {}
        return shown.get("instance") is not None and shown["instance"] == shown["leader"]

    def sent(self, step: str) -> int:
        """How many requests of this kind it has sent in this life."""
        with urlopen(f"http://127.0.0.1:{self._admin}/metrics", timeout=PATIENCE) as answer:
            lines = answer.read().decode().splitlines()
        of_step = [line for line in lines if line.startswith(f'tevent_proxy_requests_sent_total{{request="{step}"}}')]
        return sum(int(float(line.rpartition(" ")[2])) for line in of_step)

    @property
    def log(self) -> str:
        """All that it has said, in all its lives."""
        return (self._floor.folder / f"{self.name}.log").read_text("utf-8")


def _connections() -> Iterator[tuple[int, int, int, int]]:
    """Of each end of each connection: its port, that of the other end, the bytes that are unsent and unread here."""
    lines = Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]
    for here, there, state, queues in (line.split()[1:5] for line in lines):
        if state != LISTENS:
            unsent, unread = (int(each, 16) for each in queues.split(":"))
            yield int(here.rpartition(":")[2], 16), int(there.rpartition(":")[2], 16), unsent, unread


def _attribute(cast: Cast) -> str:
    return "keep" if cast.armed else "add"


def ordered(port: int, order: Order) -> dict[str, Any]:
    """What OCS answers to an operator who is connected to this port; he waits for it, and leaves."""

    def heard(number: int) -> Iterator[Message]:
        while data := connection.recv(1 << 16):
            yield from (each for each in map(open_wire.decode, cutter.cut(data)) if each.number == number)
        raise AssertionError(f"{order.request}: no answer")

    def say(number: int, *attributes: tuple[int, AttributeValue]) -> None:
        connection.sendall(open_wire.encode(Message(number, [open_wire.attribute(*each) for each in attributes])))

    cutter = FrameCutter(open_wire)
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        say(REGISTER_CLIENT, (APPLICATION_NAME, "operator"))
        next(heard(EVENT_LINK_CONNECTED))
        say(REGISTER_ADDRESS, (THIS_DN, order.communication_dn))
        next(heard(EVENT_REGISTERED))
        say(DISTRIBUTE_USER_EVENT, (COMMUNICATION_DN, order.communication_dn), (USER_DATA, order.pairs()))
        for event in heard(EVENT_USER_EVENT):
            answer = as_json(event.user_data or [])
            if answer["answer"] is not None and answer.get(CM_REFERENCE) == order.reference:
                return answer
    raise AssertionError("unreachable")


class Floor:
    """The stage of one test, in a folder of its own; to be ended by `end`."""

    def __init__(self, folder: Path, casts: Sequence[Cast], seed: int = 1, ocs: str = "notify_agents = no") -> None:
        self.folder = folder
        self.casts = casts
        self.proxies: list[Proxy] = []
        self.over: list[subprocess.Popen[bytes]] = []
        """Processes that may be gone."""
        self._seed = seed
        self._kept: list[socket.socket] = []
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._until = monotonic() + PATIENCE
        self.tserver = self.port()
        conf = SIMULATOR.format(tserver=self.tserver, seed=seed, ocs=ocs)
        for cast in casts:
            conf += GROUP.format(name=cast.name, dbid=cast.dbid, dns=cast.dns, records=cast.records, folder=self.folder)
        (folder / "simulator.conf").write_text(conf, "utf-8")

    # --------------------------------------------------------------------------------------------------- processes

    def port(self) -> int:
        """A port that is free until the end."""
        self._kept.append(ports.kept())
        return ports.number_of(self._kept[-1])

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        """A process of the project; what it says goes to NAME.log."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", "proxy", *arguments],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
        return self._processes[name]

    def end(self) -> None:
        """Nothing is left of it."""
        for process in self._processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()
        for kept in self._kept:
            kept.close()

    def until(self, holds: Callable[[], object], what: str) -> None:
        """Look until something holds. Raises AssertionError where a process ended by itself, or patience does."""
        while not holds():
            assert monotonic() < self._until, f"seed {self._seed}: {what}; see {self.folder}\n{self._shown()}"
            for name, process in self._processes.items():
                failed = process.poll() is not None and process not in self.over
                assert not failed, f"{name}: {self._said(name)}"
            self.passes(TURN)

    def passes(self, seconds: float) -> None:
        """Time goes by, unless OCS is gone."""
        try:
            self._processes["simulator"].wait(seconds)
        except subprocess.TimeoutExpired:
            return
        raise AssertionError(self._said("simulator"))

    def _shown(self) -> str:
        """What the proxies show, for whoever wants to know why nothing happens."""
        lines = [f"{proxy.name}: {proxy.reasons} {proxy.ask('instances')}" for proxy in self.running]
        for proxy in self.running:
            for name, group in proxy.groups().items():
                lines.append(f"{proxy.name}: {name} {group['state']}: {group['waiting_for']} {proxy.counters()[name]}")
        return "\n".join(lines)

    def _said(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text("utf-8")[-3000:]

    # ------------------------------------------------------------------------------------------------------ the cast

    def open(self, stores: Sequence[str], completion: str = "notify_wait = 1") -> None:
        """The simulator and, one after the other, a proxy for each [store] section; all are well."""
        self.start_simulator()
        for store in stores:
            self.open_proxy(store, completion)
        for proxy in self.proxies:
            self.until(lambda: proxy.is_well, f"{proxy.name} is not well")  # noqa: B023

    def start_simulator(self) -> None:
        """OCS is there."""
        self.start("simulator", "simulate", "--config", "simulator.conf", "--status-file", "ocs.json")

    def open_proxy(self, store: str, completion: str = "notify_wait = 1", casts: Sequence[Cast] | None = None) -> Proxy:
        """One more proxy begins."""
        proxy = Proxy(self, f"proxy-{len(self.proxies) + 1}", completion, store, casts or self.casts)
        self.proxies.append(proxy)
        proxy.start()
        return proxy

    def come(self, *habits: str, name: str = "agents", proxies: Sequence[Proxy] = (), dns: str = "") -> None:
        """The agents come to work, spread over the proxies; each knows all of them."""
        connect = [f"--connect=tcp:127.0.0.1:{proxy.desktops}" for proxy in proxies or self.proxies]
        dns = dns or " ".join(cast.dns for cast in self.casts)
        self.start(
            name, "simulate", "--agents", *connect, "--spread", "--dns", dns, "--away", "0.05", "--answer-timeout", "1",
            "--seed", str(self._seed), "--report", f"{name}.json", *habits,
        )  # fmt: skip

    def order(self, request: str, *casts: Cast) -> None:
        """An operator has OCS load or start these groups, each through another proxy."""
        running = self.running
        for place, cast in enumerate(casts):
            wish = 1 if cast.armed else None
            order = Order(request, dbid=cast.dbid, auto_completion=wish, reference=10 * cast.dbid + len(request))
            answer = ordered(running[place % len(running)].desktops, order)
            assert answer["answer"] != "refused", answer

    def begin(self) -> None:
        """All groups are loaded and started."""
        for request in ("load", "start"):
            self.order(request, *self.casts)

    @property
    def running(self) -> list[Proxy]:
        """The proxies that run."""
        return [proxy for proxy in self.proxies if proxy.is_running]

    def leader(self) -> Proxy:
        """The proxy that leads, as soon as there is one, and one only."""
        leaders: list[Proxy] = []

        def is_there() -> bool:
            leaders[:] = [proxy for proxy in self.running if proxy.leads]
            return len(leaders) == 1

        self.until(is_there, "nobody leads")
        return leaders[0]

    def freeze(self, is_frozen: bool = True, name: str = "agents") -> None:
        """The agents stand still, or go on."""
        self._processes[name].send_signal(signal.SIGSTOP if is_frozen else signal.SIGCONT)

    # -------------------------------------------------------------------------------------------- what really happened

    def _report(self, name: str) -> Any:
        try:
            return json.loads((self.folder / name).read_text("utf-8"))
        except FileNotFoundError:
            return None

    def truth(self) -> dict[str, dict[str, Any]]:
        """What OCS knows of each group."""
        return {group["name"]: group for group in (self._report("ocs.json") or {"groups": []})["groups"]}

    def diaries(self) -> dict[str, dict[str, Any]]:
        """What each agent heard and did."""
        return dict((self._report("agents.json") or {"agents": {}})["agents"])

    def accepted(self, name: str) -> tuple[int, int]:
        """How many Stops and Unloads of a group OCS has accepted."""
        accepted = self.truth()[name]["accepted"]
        return accepted.get("stop", 0), accepted.get("unload", 0)

    def requests(self) -> list[tuple[str, str]]:
        """All that OCS was asked for since the groups were started, accepted or not: what, and for which group."""
        asked = [
            (each["request"], each["group"]) for each in (self._report("ocs.json") or {"requests": []})["requests"]
        ]
        return [each for each in asked if each[0] in ("stop", "unload")]

    def left(self, name: str) -> int:
        """How many records of a group are not final."""
        return int(self.truth()[name]["left"])

    @property
    def finalized(self) -> int:
        """How many records OCS knows to be done with."""
        return sum(group["finalized"] for group in self.truth().values())

    def final(self, cast: Cast) -> int:
        """How many records of a group's calling list are final, as its table has it."""
        with sqlite3.connect(f"file:{self.folder}/lists.db?mode=ro", uri=True, timeout=PATIENCE) as database:
            marks = ", ".join("?" * len(NOT_FINAL))
            (number,) = database.execute(
                f'SELECT COUNT(*) FROM "List {cast.dbid}" WHERE record_status NOT IN ({marks})', NOT_FINAL
            ).fetchone()
        database.close()
        return int(number)

    def unlike(self, proxies: Sequence[Proxy] = ()) -> list[str]:
        """How the counters of each proxy differ from the calling lists' table, and from those of the others."""
        found = []
        truth = self.truth()
        for proxy in proxies or self.running:
            counters = proxy.counters()
            for cast in self.casts:
                counted, final, out = counters.get(cast.name), self.final(cast), truth[cast.name]["out"]
                if counted is None or (counted["finalized"], counted["outstanding"]) != (final, out):
                    found.append(f"{proxy.name}: {cast.name} has {final} final, {out} out, and not {counted}")
                elif counted["delivered"] != sum(counted[each] for each in COUNTERS[1:]):
                    found.append(f"{proxy.name}: {cast.name} does not add up: {counted}")
        kinds = {json.dumps(proxy.counters()) for proxy in proxies or self.running}
        return found + ([f"they differ: {sorted(kinds)}"] if len(kinds) > 1 else [])

    def is_busy(self) -> bool:
        """Whether anything is on its way to OCS, to a proxy or into the stream. What agents have yet to read is not."""
        doors = {proxy.desktops for proxy in self.proxies}
        for here, there, unsent, unread in _connections():
            is_read_by_others = here in doors or self.tserver in (here, there)
            if (unsent and not doors.isdisjoint({here, there})) or (is_read_by_others and unsent + unread):
                return True
        return any((proxy.ask("instances") or {}).get("waiting") for proxy in self.running)

    def agree(self, proxies: Sequence[Proxy] = ()) -> None:
        """While the agents stand still: all proxies come to count alike, and as the calling lists' table has it."""
        unlike: list[str] = []
        looks = 0

        def do_agree() -> bool:
            nonlocal looks
            unlike[:] = ["something is on its way"] if self.is_busy() else self.unlike(proxies)
            looks = 0 if unlike else looks + 1
            return looks == LOOKS

        try:
            self.until(do_agree, "they do not agree")
        except AssertionError as problem:
            raise AssertionError(f"{problem}: {unlike}") from None

    def in_the_middle(self) -> None:
        """The agents stand still for as long as it takes until all proxies are seen to count alike, and right."""
        self.freeze()
        self.agree()
        self.freeze(False)

    def is_over(self) -> bool:
        """Whether every group was completed, and every agent has heard so."""
        truth, diaries = self.truth(), self.diaries()
        unloaded = all(each["state"] == "not_loaded" and each["accepted"].get("unload") for each in truth.values())
        return unloaded and all(
            any(event["event"] == TOLD[-1] for event in diary["heard"]) for diary in diaries.values()
        )

    def faults(self) -> list[str]:
        """What is not as it should be when all is over: every record final and counted once, every step taken once.

        Nothing where nothing is.
        """
        found = self.unlike()
        for cast in self.casts:
            accepted = self.accepted(cast.name)
            if accepted != (1, 1):
                found.append(f"{cast.name}: OCS accepted {accepted} Stops and Unloads")
            final = self.final(cast)
            if final != cast.records:
                found.append(f"{cast.name}: {final} of {cast.records} records are final")
            for proxy in self.running:
                group = proxy.groups()[cast.name]
                counted = (group["delivered"], group["finalized"], group["state"], group["completions"])
                if counted != (cast.records, cast.records, "unloaded", 1):
                    found.append(f"{proxy.name}: {cast.name} is {group}")
        for dn, diary in self.diaries().items():
            heard = [event["event"] for event in diary["heard"] if event["event"] in TOLD]
            if heard != TOLD:
                found.append(f"agent {dn} heard {heard}")
        return found
