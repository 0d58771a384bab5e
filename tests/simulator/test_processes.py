"""The simulator and its agents as what they are: separate processes, nothing between them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN = "import sys; from proxy.simulator.command import main; sys.exit(main(sys.argv[1:]))"
BOUND = 300
"""Seconds after which a process is given up: no more than that a hang ends."""

CONF = """
[tserver]
listen = tcp:0:interface=127.0.0.1
[ocs]
applications = 4114
native = yes
retrieval_interval = 0.2
dial_time = 0.05
ring_time = 0.02
patience = 0.5
call_time = 2
retry_delay = 0.3
callback_delay = 0.3
[campaign group Sales@Agents]
dbid = 101
campaign_id = 101
group_id = 732
agents = 3001-3003
lists = Customers
[campaign group Winback@Dialers]
dbid = 102
campaign_id = 102
group_id = 733
mode = Predictive
agents = 3101-3103
lists = Former customers
[calling list Customers]
dbid = 201
records = 40
[calling list Former customers]
dbid = 202
records = 40
"""


class Processes:
    """Processes of a test; all of them are ended after it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._running.append(process)
        return process

    def run(self, *arguments: str) -> tuple[int, str, str]:
        patience = ("--timeout", str(BOUND)) if "--operator" in arguments else ()
        process = self.start(*arguments, *patience)
        out, err = process.communicate(timeout=BOUND)
        return process.returncode, out, err

    def simulator(self, conf: str = CONF) -> tuple[subprocess.Popen[str], str]:
        """A simulator that listens; the process, and where."""
        file = self.folder / "simulator.conf"
        file.write_text(conf)
        process = self.start(
            "--config", str(file), "--port-file", str(self.folder / "port"), "--status-file", str(self.status)
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on tcp:127.0.0.1:"), line
        assert line.strip().endswith(":" + (self.folder / "port").read_text().strip())
        return process, line.removeprefix("listening on ").strip()

    @property
    def status(self) -> Path:
        return self.folder / "status.json"

    def end(self) -> None:
        for process in self._running:
            if process.poll() is None:
                process.kill()
            process.communicate()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    started = Processes(tmp_path)
    yield started
    started.end()


def test_every_record_ends_final(processes: Processes) -> None:
    """Two groups, six agents who do all that agents do; an OCS with the function ends both with nothing left."""
    simulator, address = processes.simulator()
    crews = []
    for dns in ("3001-3003", "3101-3103"):
        report = processes.folder / f"{dns}.json"
        habits = [
            "--talk",
            "0.02",
            "--ask-again",
            "0.2",
            "--reject",
            "0.1",
            "--reschedule",
            "0.1",
            "--drop",
            "0.05",
            "--away",
            "0.1",
        ]
        process = processes.start(
            "--agents", "--connect", address, "--dns", dns, *habits, "--report", str(report), "--until-unloaded"
        )
        crews.append((process, report))
    for group in ("101", "102"):
        for request in ("load", "start"):
            status, out, err = processes.run(
                "--operator", request, "--connect", address, "--group", group, "--auto-completion", "1"
            )
            assert (status, err) == (0, "")
            assert json.loads(out)["GSW_CM_AttrReferenceID"] == 1
    for process, _report in crews:
        process.communicate(timeout=BOUND)
        assert process.returncode == 0
    simulator.send_signal(signal.SIGTERM)
    simulator.communicate(timeout=BOUND)
    assert simulator.returncode == 0
    for group in json.loads(processes.status.read_text())["groups"]:
        assert (group["state"], group["left"], group["records"], group["finalized"]) == ("not_loaded", 0, 40, 40)
        assert group["native_completions"] == 1
        assert all(events["CampaignUnloaded"] == 1 for events in group["told"].values())
    for _process, report in crews:
        for diary in json.loads(report.read_text())["agents"].values():
            assert [each["event"] for each in diary["heard"]][-2:] == ["CampaignStopped", "CampaignUnloaded"]
            assert diary["still_open"] == 0


def test_agents_end_on_sigterm_with_a_report(processes: Processes) -> None:
    """They go home at once, wherever they are, and what they heard and did is written."""
    _simulator, address = processes.simulator()
    report = processes.folder / "report.json"
    agents = processes.start("--agents", "--connect", address, "--dns", "3001", "--talk", "30", "--report", str(report))
    assert processes.run("--operator", "load", "--connect", address, "--group", "101")[0] == 0
    assert processes.run("--operator", "start", "--connect", address, "--group", "101")[0] == 0
    while not report.exists():  # until they have come to work
        assert agents.poll() is None
    agents.send_signal(signal.SIGTERM)
    _out, err = agents.communicate(timeout=BOUND)
    assert (agents.returncode, err) == (0, "")
    assert set(json.loads(report.read_text())["agents"]) == {"3001"}


def test_an_operator_over_http(processes: Processes) -> None:
    """Orders at OCS's HTTP port and through GWS, at the ports that the simulator says it listens on."""
    file, ports = processes.folder / "doors.conf", processes.folder / "ports.json"
    listen = "\nlisten = tcp:0:interface=127.0.0.1\n"
    file.write_text(CONF + f"[ocs-http]{listen}[gws]{listen}")
    simulator = processes.start("--config", str(file), "--ports-file", str(ports))
    assert simulator.stdout is not None
    said = [simulator.stdout.readline().split()[2:] for _ in range(3)]
    numbers = json.loads(ports.read_text())
    assert set(numbers) == {"tserver", "ocs-http", "gws"}
    assert said[1:] == [
        [f"tcp:127.0.0.1:{numbers['ocs-http']}", "for", "OCS", "HTTP"],
        [f"tcp:127.0.0.1:{numbers['gws']}", "for", "clients", "of", "GWS"],
    ]
    http = ["--http", "--connect", f"http://127.0.0.1:{numbers['ocs-http']}", "--group", "101"]
    gws = ["--gws", "--connect", f"http://127.0.0.1:{numbers['gws']}", "--campaign-id", "101", "--group-id", "732"]
    status, out, err = processes.run("--operator", "load", *http)
    assert (status, json.loads(out), err) == (
        0,
        {"answer": "accepted", "status": 200, "GSW_CM_AttrSessionID": 101},
        "",
    )
    assert json.loads(processes.run("--operator", "start", "--auto-completion", "1", *gws)[1])["answer"] == "accepted"
    status, out, err = processes.run("--operator", "start", *gws)
    assert (status, json.loads(out)["answer"], json.loads(out)["status"], err) == (1, "refused", 409, "refused\n")
    status, out, err = processes.run("--operator", "status", *http)
    assert (status, out, err) == (1, "", "over HTTP nobody can ask for status\n")


def test_a_refusal_is_an_exit_status(processes: Processes) -> None:
    """An operator's order that is refused prints OCS's answer, and ends with 1."""
    _simulator, address = processes.simulator()
    status, out, err = processes.run("--operator", "stop", "--connect", address, "--group", "101")
    assert (status, json.loads(out)["answer"], err) == (1, "refused", "refused\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--config", "/nonexistent/simulator.conf"], "/nonexistent/simulator.conf"),
        (["--operator", "load", "--connect", "tcp:127.0.0.1:1", "--group", "1"], "cannot connect to tcp:127.0.0.1:1"),
    ],
)
def test_what_cannot_be_done_is_one_line(processes: Processes, arguments: list[str], said: str) -> None:
    """Exit status 1, and one line that says what."""
    status, out, err = processes.run(*arguments)
    assert (status, out) == (1, "")
    assert said in err
    assert len(err.splitlines()) == 1


def test_a_bad_conf_file_is_told_whole(processes: Processes) -> None:
    """Each problem on a line of its own, and exit status 1."""
    file = processes.folder / "bad.conf"
    file.write_text("[ocs]\ncolour = red\nnative = perhaps\n")
    status, _out, err = processes.run("--config", str(file))
    assert status == 1
    assert err.splitlines() == [
        "[ocs] colour: unknown option",
        "[ocs] native: 'perhaps' is neither yes nor no",
        "there is no [campaign group ...]",
    ]


@pytest.mark.parametrize("arguments", [[], ["--agents", "--dns", "3001"], ["--agents", "--connect", "tcp:x:1"]])
def test_what_is_missing_is_told(processes: Processes, arguments: list[str]) -> None:
    """Without what it needs the command says so, and ends with 2."""
    status, _out, err = processes.run(*arguments)
    assert status == 2
    assert "needed" in err


def test_an_address_without_its_kind_is_one_clear_line() -> None:
    """What a newcomer types first, host:port, is refused with an example of what is meant."""
    command = [sys.executable, "-m", "proxy", "simulate", "--connect", "127.0.0.1:7000", "--agents", "--dns", "3001"]
    asked = subprocess.run(command, capture_output=True, text=True, timeout=BOUND, check=False)
    assert asked.returncode == 2
    assert asked.stderr.splitlines()[-1].endswith("'127.0.0.1:7000' is no endpoint: tcp:127.0.0.1:7000 is one")


def test_an_operator_has_one_address() -> None:
    """Backups are for agents: an operator with two addresses is refused."""
    command = [sys.executable, "-m", "proxy", "simulate", "--operator", "load", "--group", "101"]
    for port in (7000, 7001):
        command += ["--connect", f"tcp:127.0.0.1:{port}"]
    asked = subprocess.run(command, capture_output=True, text=True, timeout=BOUND, check=False)
    assert asked.returncode == 2
    assert asked.stderr.splitlines()[-1].endswith("an operator has one --connect")
