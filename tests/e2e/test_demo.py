"""The demo, as a newcomer runs it: real processes, real sockets, real time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.config import load
from proxy.demo import TOLD, Failed, Outcome, Play, conf_folder, main
from proxy.simulator.conf import read_conf

ROOT = Path(__file__).parent.parent.parent


def demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A demo, to its end; what it leaves, it leaves in the folder."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder), "COLUMNS": "120"}
    return subprocess.run(
        [sys.executable, "-m", "proxy", "demo", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_it_ends_by_itself_with_nothing_left(tmp_path: Path) -> None:
    """The demo ends with its table, nothing left in the lists of the completed groups, and exit status 0.

    Nor is anything left of its files.
    """
    played = demo(tmp_path)
    assert played.returncode == 0, played.stdout + played.stderr
    rows = [line.split() for line in played.stdout.splitlines() if line.lstrip().startswith(("Sales@", "Winback@"))]
    table = [row for row in rows if row[-1] == "0" and row[1] == "60"]
    assert [row[0] for row in table] == ["Sales@Agents", "Winback@Dialers"]
    assert all(row[4:6] == ["1", "1"] for row in table), "one Stop and one Unload each"
    assert played.stdout.endswith("Conf files and logs are removed; with --keep they stay.\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "fault", "kept"),
    [
        ([], None, False),
        (["--keep"], None, True),
        ([], Failed("proxy ended: see proxy.log"), True),
        ([], KeyboardInterrupt(), True),
    ],
    ids=["well", "well, --keep", "failed", "interrupted"],
)
def test_what_is_kept_of_its_files(
    arguments: list[str],
    fault: BaseException | None,
    kept: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Conf files and logs are kept, and it is said where, if something went wrong or one wants them; else removed."""

    def run(play: Play) -> None:
        if fault is not None:
            raise fault

    monkeypatch.setattr(Play, "run", run)
    monkeypatch.setattr("proxy.demo.outcomes", lambda place: [outcome()])
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert main(arguments) == (fault is not None)
    folders = list(tmp_path.iterdir())
    assert len(folders) == kept
    said = capsys.readouterr().out.splitlines()[-1]
    if kept:
        (folder,) = folders
        assert {each.name for each in folder.iterdir()} == {"demo-proxy.conf", "demo-simulator.conf"}
        assert said.startswith(f"Conf files and logs are in {folder}; ")
    else:
        assert said == "Conf files and logs are removed; with --keep they stay."


def outcome(**changes: object) -> Outcome:
    """A group that was completed as it should be, but for the changes."""
    whole = {"name": "Sales@Agents", "records": 60, "delivered": 60, "finalized": 60, "stops": 1, "unloads": 1}
    return Outcome(**{**whole, "left": 0, "told": {"3001": list(TOLD)}, **changes})  # type: ignore[arg-type]


def test_nothing_is_off_where_all_is_well() -> None:
    """A completed group with nothing left and everybody told has no faults."""
    assert list(outcome().faults()) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"left": 3}, "3 records left"),
        ({"stops": 2}, "2 Stops and 1 Unloads"),
        ({"unloads": 0}, "1 Stops and 0 Unloads"),
        ({"told": {"3001": []}}, "agent 3001 heard nothing"),
        ({"told": {"3001": [TOLD[1], TOLD[0]]}}, "agent 3001 heard CampaignUnloaded, CampaignStopped"),
        ({"told": {"3001": [TOLD[0], *TOLD]}}, "agent 3001 heard CampaignStopped, CampaignStopped, CampaignUnloaded"),
    ],
)
def test_whatever_is_off_is_said(changes: dict[str, object], said: str) -> None:
    """Records left, a request too many, an agent not told or told out of order: the demo says so, and exits 1."""
    assert [fault for fault in outcome(**changes).faults() if said in fault]


def test_the_shipped_conf_files_are_in_order() -> None:
    """What the demo and the simulator use can be read, and the demo says that its settle times are short."""
    config = load(conf_folder() / "demo-proxy.conf")
    assert config.policy.settle < 60
    assert "far too short" in (conf_folder() / "demo-proxy.conf").read_text("utf-8")
    for name in ("demo-simulator.conf", "simulator.conf"):
        assert read_conf((conf_folder() / name).read_text("utf-8")).groups


def environments() -> Iterator[bytes]:
    """The environments of all processes that are ours to look at."""
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            yield path.read_bytes()
        except OSError:  # another user's, or gone meanwhile
            continue


def test_a_demo_that_is_ended_leaves_no_processes(tmp_path: Path) -> None:
    """SIGTERM, as Ctrl-C or a closed terminal, ends the demo and all that it started; it says so, without a trace."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "proxy", "demo"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        said = demo.stdout.readline()
        while " started " not in said:
            said = demo.stdout.readline()
            assert said, "the demo ended before its groups were started"
        demo.send_signal(signal.SIGTERM)
        rest = demo.communicate(timeout=300)[0]
    assert demo.returncode == 1
    assert "interrupted" in rest
    (kept,) = tmp_path.glob("tevent-proxy-demo-*")
    assert f"Conf files and logs are in {kept}; " in rest
    assert "Traceback" not in rest
    assert not [each for each in environments() if os.fsencode(f"TMPDIR={tmp_path}") in each]
