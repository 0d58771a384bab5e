"""The command line."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from proxy import __version__
from proxy.cli import main

ROOT = Path(__file__).parents[2]


def tevent_proxy(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A run of the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "proxy", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )


def test_check_of_a_good_file(tmp_path: Path) -> None:
    """`check` of the shipped example, with the folder of its store there, ends with 0 and says what would be done."""
    example = (ROOT / "conf" / "tevent-proxy.conf").read_text("utf-8")
    conf = tmp_path / "tevent-proxy.conf"
    conf.write_text(example.replace("/var/lib/tevent-proxy", str(tmp_path)))
    done = tevent_proxy("check", str(conf))
    assert (done.returncode, done.stderr) == (0, "")
    assert "by nobody: only watched, not a byte is changed" in done.stdout


def test_check_looks_for_folders_that_the_proxy_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What would keep the proxy from starting on this machine is told by `check`, with all else that is wrong."""
    conf = tmp_path / "elsewhere.conf"
    conf.write_text(
        "[tevents]\nlisten = tcp:7001\nupstream = tcp:tserver1:7000\ncommunication_dn = OCS_CommDN\n"
        f"application = tevent-proxy\napplication_dbid = 4114\ntrace = {tmp_path}/no/trace\n"
        f"[store]\nurl = sqlite:{tmp_path}/none/groups.db\n[limits]\nattempts = 1\n"
    )
    assert main(["check", str(conf)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        f"{conf}:7: [tevents] trace: there is no folder {tmp_path}/no",
        f"{conf}:9: [store] url: there is no folder {tmp_path}/none",
        f"{conf}:11: [limits] attempts: unknown here; it is an option of [completion] and [group ...]",
    ]


def test_check_of_a_bad_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`check` prints every problem, one line each with file and line, and ends with 1."""
    conf = tmp_path / "bad.conf"
    conf.write_text("[completion]\nsettle = soon\nsetle_dialed = 1\n")
    assert main(["check", str(conf)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        f"{conf}: [tevents]: missing, and there is no other channel: nothing would be relayed",
        f"{conf}:2: [completion] settle: not a number of seconds: 'soon'",
        f"{conf}:3: [completion] setle_dialed: unknown key; is settle_dialed meant?",
    ]


def test_run_with_a_bad_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`run` says what is wrong with its conf file as `check` does, and starts nothing."""
    assert main(["run", "--config", str(tmp_path / "none.conf")]) == 1
    assert capsys.readouterr().err == f"{tmp_path}/none.conf: cannot be read: No such file or directory\n"


@pytest.mark.parametrize("arguments", [[], ["chek"], ["check"], ["run"], ["run", "some.conf"], ["--nope"]])
def test_a_wrong_command_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong command line ends with 2 and a usage."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: tevent-proxy" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """--version names the version that is installed."""
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"tevent-proxy {__version__}\n"


def test_help_that_nobody_reads() -> None:
    """Who looks at the beginning of the help only gets no traceback for the rest."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as nobody:
        done = subprocess.run(
            [sys.executable, "-m", "proxy", "--help"],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": ""},
            stdout=nobody,
            stderr=subprocess.PIPE,
            timeout=300,
            check=False,
        )
    assert (done.returncode, done.stderr) == (141, b"")


def test_check_imports_no_service() -> None:
    """What one command needs is not loaded by the others: `check` starts fast and binds nothing."""
    code = "import sys; from proxy.cli import main; main(['check', 'conf/tevent-proxy.conf']); " + (
        "sys.exit('proxy.service' in sys.modules or 'proxy.simulator' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=300, check=False).returncode == 0


def test_a_port_in_use(tmp_path: Path) -> None:
    """`run` on a port that somebody else has says so in one line, and ends with 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        conf = tmp_path / "taken.conf"
        conf.write_text(
            f"[tevents]\nlisten = tcp:{port}:interface=127.0.0.1\nupstream = tcp:tserver1:7000\n"
            "communication_dn = OCS_CommDN\napplication = tevent-proxy\napplication_dbid = 4114\n"
        )
        done = tevent_proxy("run", "--config", str(conf))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"127.0.0.1:{port}" in line
