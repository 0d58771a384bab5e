"""The proxy as a process of its own: how it starts, how it ends, and what signals do to it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.tevents.desk import event, frame

ROOT = Path(__file__).parents[2]
BOUND = 300
"""Seconds after which a process is ended, whatever it does."""

RUN = ("-m", "proxy", "run", "--config")
TWISTD = ("-c", "from twisted.scripts.twistd import run; run()", "-n", "--pidfile=", "tevent-proxy", "--config")

CONF = """
[tevents]
listen = {listen}
upstream = tcp:127.0.0.1:{upstream}
communication_dn = OCS_CommDN
application = tevent-proxy
application_dbid = 4114
[admin]
listen = {admin}
"""
FREE = "tcp:0:interface=127.0.0.1"


class Proxy:
    """A running proxy."""

    def __init__(self, how: tuple[str, ...], conf: Path, paths: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *how, str(conf)],
            cwd=conf.parent,
            env={**os.environ, "PYTHONPATH": paths},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._bound = threading.Timer(BOUND, self.process.kill)
        self._bound.start()
        self.log: list[str] = []

    def says(self, pattern: str) -> re.Match[str]:
        """The first line of its log, from here on, in which a pattern is found."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.log.append(line)
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"{pattern} is not in {self.log} {self.process.communicate()}")

    def listens(self, name: str) -> int:
        """The port that a channel, or the pages, listen on."""
        return int(self.says(rf"{name}: listening on .*:(\d+)")[1])

    def ends(self) -> tuple[int, str, str]:
        """Its exit status, the rest of its log, and what it said on stderr."""
        out, err = self.process.communicate(timeout=BOUND)
        return self.process.returncode, out, err

    def clean_up(self) -> None:
        """Nothing is left of it."""
        self._bound.cancel()
        self.process.kill()
        self.process.communicate()


class Stage:
    """A folder, a T-Server's listening socket, and proxies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(BOUND)
        self._proxies: list[Proxy] = []
        plugins = folder / "path" / "twisted" / "plugins"
        plugins.mkdir(parents=True)
        (plugins / "tevent_proxy.py").symlink_to(ROOT / "plugins" / "tevent_proxy.py")

    def start(self, how: tuple[str, ...] = RUN, listen: str = FREE, admin: str = FREE, text: str = CONF) -> Proxy:
        """A proxy; twistd finds it as a plug-in, as it does when it is installed."""
        conf = self.folder / "proxy.conf"
        conf.write_text(text.format(listen=listen, admin=admin, upstream=self.server.getsockname()[1]))
        paths = os.pathsep.join([str(ROOT), str(self.folder / "path")])
        self._proxies.append(Proxy(how, conf, paths))
        return self._proxies[-1]

    def accept(self) -> socket.socket:
        """The next connection that comes to the T-Server."""
        connection, _ = self.server.accept()
        connection.settimeout(BOUND)
        return connection

    def clean_up(self) -> None:
        for proxy in self._proxies:
            proxy.clean_up()
        self.server.close()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A stage that is empty again after the test."""
    stage = Stage(tmp_path)
    yield stage
    stage.clean_up()


def connect(port: int) -> socket.socket:
    """A desktop that reads little at a time."""
    desktop = socket.socket()
    desktop.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    desktop.settimeout(BOUND)
    desktop.connect(("127.0.0.1", port))
    return desktop


def read(connection: socket.socket, size: int) -> bytes:
    """So many bytes."""
    got = b""
    while len(got) < size:
        more = connection.recv(size - len(got))
        assert more, got
        got += more
    return got


def read_to_the_end(connection: socket.socket) -> bytes:
    """All there is."""
    parts = []
    while more := connection.recv(65536):
        parts.append(more)
    return b"".join(parts)


def page(port: int, path: str) -> str:
    """A page of [admin] of a healthy proxy."""
    with urlopen(f"http://127.0.0.1:{port}{path}", timeout=BOUND) as answer:
        return answer.read().decode()


def relayed_upstream_bytes(admin: int) -> float:
    """How many bytes of T-Servers the proxy has read."""
    found = re.search(r'tevent_proxy_bytes_total\{channel="tevents",sender="upstream"\} (\S+)', page(admin, "/metrics"))
    assert found is not None
    return float(found[1])


@pytest.mark.parametrize("how", [RUN, TWISTD], ids=["run", "twistd"])
@pytest.mark.parametrize("which", ["listen", "admin"])
def test_a_port_in_use(stage: Stage, how: tuple[str, ...], which: str) -> None:
    """On a port that somebody else has, the process ends at once, with one clear line and status 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        proxy = stage.start(how, **{which: f"tcp:{port}:interface=127.0.0.1"})
        status, out, err = proxy.ends()
    assert status == 1
    line = rf"tevent-proxy: cannot listen on 127\.0\.0\.1:{port}: .+\n"
    assert re.fullmatch(line, err) if how is RUN else re.search(line + r"\Z", out)
    assert "Traceback" not in out + err


def test_a_port_in_use_when_it_is_to_be_a_daemon(stage: Stage) -> None:
    """Who starts twistd as a daemon is told at once, and by the status; the log has the line; no pid file is left."""
    daemon = ("-c", "from twisted.scripts.twistd import run; run()", "--logfile=twistd.log", "tevent-proxy", "--config")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, _, err = stage.start(daemon, listen=f"tcp:{port}:interface=127.0.0.1").ends()
    assert status == 1
    assert f"cannot listen on 127.0.0.1:{port}" in err
    log = stage.folder / "twistd.log"
    bound = time.monotonic() + BOUND
    while f"tevent-proxy: cannot listen on 127.0.0.1:{port}: " not in log.read_text():
        assert time.monotonic() < bound
    assert "Traceback" not in log.read_text()
    assert not (stage.folder / "twistd.pid").exists()


def test_a_mistake_of_a_plug_in(stage: Stage) -> None:
    """A witness or a wire format of a site that fails at once: the proxy does not run in part, it ends with 1."""
    code = """if True:
        import sys
        from proxy.cli import main
        from proxy.tevents.channel import TEvents
        TEvents.start = lambda channel: {}["mistake"]
        sys.exit(main(["run", "--config", sys.argv[1]]))
    """
    status, out, err = stage.start(("-c", code)).ends()
    assert status == 1
    assert err == "tevent-proxy: cannot begin: KeyError('mistake'), see the log\n"
    assert "KeyError" in out


@pytest.mark.parametrize("how", [RUN, TWISTD], ids=["run", "twistd"])
def test_a_bad_conf_file(stage: Stage, how: tuple[str, ...]) -> None:
    """Every problem is a line on stderr, and the status is 1."""
    proxy = stage.start(how, text="[tevents]\nwire = morse\n[limits]\nmax_sessions = few\n")
    status, _, err = proxy.ends()
    assert status == 1
    for problem in ("no wire format", "max_sessions: not a whole number", "upstream: missing"):
        assert problem in err


@pytest.mark.parametrize("how", [RUN, TWISTD], ids=["run", "twistd"])
def test_it_relays_and_shows_its_pages(stage: Stage, how: tuple[str, ...]) -> None:
    """Started either way, it relays, connects its control session, and shows its pages; SIGHUP does not end it."""
    proxy = stage.start(how)
    admin, tevents = proxy.listens("admin"), proxy.listens("tevents")
    control = stage.accept()
    assert read(control, 6)[4:] == b"\0\0"
    desktop = connect(tevents)
    upstream = stage.accept()
    for _ in range(2):
        desktop.sendall(frame(8, {20: "3001"}))
        assert read(upstream, len(frame(8, {20: "3001"}))) == frame(8, {20: "3001"})
        upstream.sendall(event(GSW_USER_EVENT="CampaignStarted"))
        assert read(desktop, len(event(GSW_USER_EVENT="CampaignStarted"))) == event(GSW_USER_EVENT="CampaignStarted")
        assert '"groups"' in page(admin, "/groups")
        proxy.process.send_signal(signal.SIGHUP)
        proxy.says("conf file: read again, and applied")
    for connection in (desktop, upstream, control):
        connection.close()


@pytest.mark.parametrize("how", [RUN, TWISTD], ids=["run", "twistd"])
def test_sigterm(stage: Stage, how: tuple[str, ...]) -> None:
    """SIGTERM: what was read from the T-Server for a desktop is delivered, however slow it reads; then status 0."""
    proxy = stage.start(how, text=CONF + "[limits]\ndrain = 0\n")
    admin, tevents = proxy.listens("admin"), proxy.listens("tevents")
    control = stage.accept()
    desktop = connect(tevents)
    upstream = stage.accept()
    stream = b"".join(frame(64, {20: "3001", 700: bytes(4000), 2: number}) for number in range(5000))
    upstream.setblocking(False)
    sent = before = 0
    while True:
        try:
            sent += upstream.send(stream[sent : sent + 65536])
        except BlockingIOError:
            now = relayed_upstream_bytes(admin)
            if now == before > 0:
                break
            before = now
    proxy.process.send_signal(signal.SIGTERM)
    upstream.setblocking(True)
    proxy.says("told to stop")
    got = read_to_the_end(desktop)
    assert len(got) >= before
    assert got == stream[: len(got)]
    for connection in (desktop, upstream, control):
        connection.close()
    ended, out, err = proxy.ends()
    assert (ended, err) == (0, "")
    assert "session 1 ended: shutdown" in "".join(proxy.log) + out


@pytest.mark.parametrize("how", [RUN, TWISTD], ids=["run", "twistd"])
def test_sighup(stage: Stage, how: tuple[str, ...]) -> None:
    """A bad conf file is refused whole, each problem in the log; a good one holds; the desktop stays connected."""
    proxy = stage.start(how)
    tevents = proxy.listens("tevents")
    control = stage.accept()
    desktop = connect(tevents)
    upstream = stage.accept()
    conf = stage.folder / "proxy.conf"
    good = conf.read_text()
    conf.write_text(good + "[limits]\nmax_sessions = many\nmax_frames = 1\n")
    proxy.process.send_signal(signal.SIGHUP)
    proxy.says(r"proxy\.conf:\d+: \[limits\] max_sessions: ")
    proxy.says(r"proxy\.conf:\d+: \[limits\] max_frames: unknown key")
    proxy.says("refused; what held before holds on")
    conf.write_text(good + "[limits]\nmax_sessions = 1\n")
    proxy.process.send_signal(signal.SIGHUP)
    proxy.says("conf file: read again, and applied")
    assert read_to_the_end(connect(tevents)) == b""
    desktop.sendall(frame(8, {20: "3001"}))
    assert read(upstream, len(frame(8, {20: "3001"}))) == frame(8, {20: "3001"})
    for connection in (desktop, upstream, control):
        connection.close()


def until_it_is_refused(port: int) -> None:
    """It is told to listen no more: until it has come to that, connections are taken."""
    while True:
        try:
            connect(port).close()
        except ConnectionRefusedError:
            return
        except ConnectionResetError:
            continue  # it came as the port was closed


@pytest.mark.parametrize(("how", "first"), [(RUN, signal.SIGTERM), (RUN, signal.SIGINT), (TWISTD, signal.SIGTERM)])
def test_a_second_signal(stage: Stage, how: tuple[str, ...], first: signal.Signals) -> None:
    """Told to stop, the proxy takes no more desktops and relays for those it has; told so again, it ends at once."""
    proxy = stage.start(how, text=CONF + "[limits]\ndrain = 1000\n")
    tevents = proxy.listens("tevents")
    control = stage.accept()
    desktop = connect(tevents)
    upstream = stage.accept()
    proxy.process.send_signal(first)
    proxy.says("told to stop: sessions may go on for 1000 s")
    until_it_is_refused(tevents)
    desktop.sendall(frame(8, {20: "3001"}))
    assert read(upstream, len(frame(8, {20: "3001"}))) == frame(8, {20: "3001"})
    proxy.process.send_signal(signal.SIGTERM)
    with pytest.raises(ConnectionResetError):
        read_to_the_end(desktop)
    ended, out, err = proxy.ends()
    assert (ended, err) == (0, "")
    assert "told to stop again" in "".join(proxy.log) + out
    for connection in (desktop, upstream, control):
        connection.close()


def test_sigterm_with_nothing_to_do(stage: Stage) -> None:
    """A proxy without desktops ends at once, with status 0, though the T-Server was never there."""
    proxy = stage.start(text=CONF.replace("{upstream}", "1"))
    proxy.listens("tevents")
    proxy.says("control session.*refused")
    proxy.process.send_signal(signal.SIGTERM)
    status, _, err = proxy.ends()
    assert (status, err) == (0, "")
