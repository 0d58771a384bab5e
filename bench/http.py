"""How fast requests over HTTP are relayed: direct, nginx, mitmproxy and this proxy side by side, in one run.

    python bench/http.py [--quick] [--seconds N] [--rounds N] [--polls N] [--polls-only]

A server, each proxy, and the client are processes of their own; the client is this one. Each load runs against all of
them in turn, several rounds; what is printed is the median of the rounds, and the ratios are of one round each. Server
and client are raw sockets. nginx runs with one worker, and keeps its connections to the server; mitmproxy is
`mitmdump --mode reverse`, which decodes every request, as a proxy written in Python does. One that is not installed is
left out, and the table says so.

Two kinds of traffic. *Nobody wants*: a JSON request to a resource that no rule looks into. *User events of web
desktops*: send-user-event, held, read and counted. Then long polls: so many web desktops wait at once, and the memory
that this proxy's process takes for each of them is told.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

PROXY = """
[gws]
listen = tcp:0:interface=127.0.0.1
upstream = http://127.0.0.1:{upstream}
"""

NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    keepalive_requests 100000000;
    upstream server {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 100000000; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://server;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }}
    }}
}}
"""

EVENT = {
    "data": {
        "userData": [
            {"key": "GSW_AGENT_REQ_TYPE", "type": "str", "value": "RecordProcessed"},
            {"key": "GSW_APPLICATION_ID", "type": "int", "value": 4114},
            {"key": "GSW_CAMPAIGN_NAME", "type": "str", "value": "Sales"},
            {"key": "GSW_RECORD_HANDLE", "type": "int", "value": 12},
            {"key": "GSW_CALLING_LIST", "type": "str", "value": "Customers"},
        ]
    }
}
HEADING = " " * 14 + " requests/s   p50 ms   p99 ms  CPU us/req  of nginx"
LOADS = (1, 32)
PAUSE = threading.Event()
"""Never set: waits for as long as it is told."""
HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")
ACCEPTED = b'{"status":{"code":1},"operationId":"fda0a3a7b66e3a84"}'


def request(path: str, body: object, number: int) -> bytes:
    """A request with a JSON body, of the web desktop with this number."""
    text = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: gws:8098\r\nAccept: application/json\r\nContent-Type: application/json\r\n"
        f"Cookie: WORKSPACE_SESSIONID={number:032x}\r\nContent-Length: {len(text)}\r\n\r\n"
    )
    return head.encode() + text


def poll(number: int) -> bytes:
    """A long poll."""
    message = {"id": "7", "channel": "/meta/connect", "connectionType": "long-polling", "clientId": f"{number:040x}"}
    return request("/workspace/v3/notifications/connect", [message], number)


@dataclass
class Traffic:
    """What a client sends again and again."""

    name: str
    request: Callable[[int], bytes]


TRAFFIC = [
    Traffic("nobody wants", lambda number: request("/workspace/v3/targets", {"data": {"searchTerm": "Smith"}}, number)),
    Traffic(
        "user events of web desktops",
        lambda number: request("/workspace/v3/voice/send-user-event", EVENT, number),
    ),
]


def whole(data: bytes | bytearray) -> int:
    """How many bytes the first message takes, head and body; 0 while it is not whole."""
    end = data.find(HEAD_END)
    if end < 0:
        return 0
    length = LENGTH.search(data, 0, end + 2)
    size = end + len(HEAD_END) + (int(length[1]) if length else 0)
    return size if len(data) >= size else 0


# ------------------------------------------------------------------------------------------------------ the processes


def serve() -> None:
    """A server that answers every request at once; long polls when it gets SIGUSR1."""
    wakes, wake = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    signal.signal(signal.SIGUSR1, lambda *_: None)
    poller = select.epoll()
    listener = socket.create_server(("127.0.0.1", 0), backlog=8192)
    poller.register(listener, select.EPOLLIN)
    poller.register(wakes, select.EPOLLIN)
    print(listener.getsockname()[1], flush=True)
    connections: dict[int, tuple[socket.socket, bytearray]] = {}
    waiting: list[socket.socket] = []
    while True:
        for descriptor, _event in poller.poll():
            if descriptor == wakes.fileno():
                wakes.recv(64)
                for held in waiting:
                    held.sendall(reply(b'[{"id":"7","channel":"/meta/connect","successful":true}]'))
                waiting.clear()
            elif descriptor == listener.fileno():
                accepted = listener.accept()[0]
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connections[accepted.fileno()] = (accepted, bytearray())
                poller.register(accepted, select.EPOLLIN)
            elif not answered(*connections[descriptor], waiting):
                poller.unregister(descriptor)
                connections.pop(descriptor)[0].close()


def answered(connection: socket.socket, data: bytearray, waiting: list[socket.socket]) -> bool:
    """Answer what has come on a connection; False at its end."""
    try:
        if not (read := connection.recv(1 << 18)):
            return False
        data += read
        while size := whole(data):
            if b"/notifications/connect" in data[:size]:
                waiting.append(connection)
            else:
                connection.sendall(reply(ACCEPTED))
            del data[:size]
    except ConnectionError:
        return False
    return True


def reply(body: bytes) -> bytes:
    """A reply with a JSON body."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    return head + body


def mitmdump() -> str | None:
    """The command of mitmproxy, of this Python's environment or on the path."""
    own = Path(sys.executable).parent / "mitmdump"
    return str(own) if own.exists() else shutil.which("mitmdump")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def running(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """A process, until it is no longer wanted."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def listens(process: subprocess.Popen[str], pattern: str) -> int:
    """The port that a process says it listens on; from then on what it says is read, and forgotten."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if found := re.search(pattern, line):
            threading.Thread(target=deque, args=(process.stdout, 0), daemon=True).start()
            return int(found[1])
    raise RuntimeError("it did not start:\n" + "".join(said))


def wait_for(port: int) -> None:
    """Wait until somebody listens on a port."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionError:
            PAUSE.wait(0.05)
        else:
            return
    raise RuntimeError(f"nobody listens on port {port}")


@contextmanager
def server() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The server, and its port."""
    with running([sys.executable, __file__, "--serve"]) as process:
        yield process, listens(process, r"^(\d+)$")


@contextmanager
def proxy(upstream: int) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`tevent-proxy run` before the server, and its port."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as conf:
        conf.write(PROXY.format(upstream=upstream))
        conf.flush()
        with running([sys.executable, "-m", "proxy", "run", "--config", conf.name]) as process:
            yield process, listens(process, r"gws: listening .*:(\d+)")


@contextmanager
def nginx(upstream: int) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """nginx before the server, and its port."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        conf = Path(folder, "nginx.conf")
        conf.write_text(NGINX.format(folder=folder, upstream=upstream, port=port))
        with running(["nginx", "-e", "stderr", "-c", str(conf)]) as process:
            wait_for(port)
            yield process, port


@contextmanager
def mitmproxy(upstream: int) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """mitmproxy before the server, and its port."""
    port, command = free_port(), mitmdump()
    assert command is not None
    where = ["--mode", f"reverse:http://127.0.0.1:{upstream}", "--listen-host", "127.0.0.1", "--listen-port", str(port)]
    with (
        tempfile.TemporaryDirectory() as folder,
        running([command, "--quiet", "--set", f"confdir={folder}", *where]) as process,
    ):
        wait_for(port)
        yield process, port


def targets() -> Iterator[tuple[str, Callable[[int], object] | None]]:
    """What is compared, by name; None where it is not installed."""
    yield "nginx", nginx if shutil.which("nginx") else None
    yield "mitmproxy", mitmproxy if mitmdump() else None
    yield "proxy", proxy


# --------------------------------------------------------------------------------------------------------- the client


@dataclass
class Result:
    """Requests per second, latencies in milliseconds, the CPU of the proxy's process in microseconds a request."""

    rate: float
    p50: float
    p99: float
    cpu: float


class Connection:
    """A connection of the client, with one request in flight."""

    def __init__(self, port: int, sent: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent = sent
        self.data = bytearray()
        self.since = 0.0

    def send(self) -> None:
        """Send a request."""
        self.since = time.perf_counter()
        self.socket.sendall(self.sent)

    def receive(self) -> float | None:
        """Take what has come; after how many seconds the reply is whole, None while it is not."""
        read = self.socket.recv(1 << 18)
        if not read:
            raise ConnectionError("the connection was closed")
        self.data += read
        size = whole(self.data)
        if not size:
            return None
        if not self.data.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"a reply that nobody expected: {bytes(self.data[:200])!r}")
        del self.data[:size]
        return time.perf_counter() - self.since


def load(
    port: int, process: subprocess.Popen[str] | None, traffic: Traffic, connections: int, seconds: float
) -> Result:
    """Run one load for some seconds, after a third of them for warming up."""
    poller = select.epoll()
    clients = {}
    for number in range(connections):
        client = Connection(port, traffic.request(number))
        clients[client.socket.fileno()] = client
        poller.register(client.socket, select.EPOLLIN)
        client.send()
    latencies: list[float] = []

    def run(until: float) -> None:
        while time.perf_counter() < until:
            for descriptor, _event in poller.poll(5):
                if (latency := clients[descriptor].receive()) is not None:
                    latencies.append(latency)
                    clients[descriptor].send()

    run(time.perf_counter() + seconds / 3)
    latencies.clear()
    cpu, begin = cpu_seconds(process), time.perf_counter()
    run(begin + seconds)
    elapsed, cpu = time.perf_counter() - begin, cpu_seconds(process) - cpu
    for client in clients.values():
        client.socket.close()
    latencies.sort()
    number = len(latencies)
    p50, p99 = (1000 * latencies[number * part // 100] for part in (50, 99))
    return Result(number / elapsed, p50, p99, 1e6 * cpu / number)


def family(process: subprocess.Popen[str]) -> Iterator[int]:
    """The ids of a process and its children."""
    yield process.pid
    yield from map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())


def cpu_seconds(process: subprocess.Popen[str] | None) -> float:
    """User and system time of a process and its children."""
    ticks = 0
    for pid in family(process) if process is not None else ():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def resident(process: subprocess.Popen[str]) -> int:
    """Resident memory of a process, in bytes."""
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def hold(process: subprocess.Popen[str], port: int, held: subprocess.Popen[str], polls: int) -> tuple[float, int]:
    """Bytes of the proxy's memory for each of so many waiting polls, and how many were answered in the end."""
    first = [waiting(port, number) for number in range(100)]
    settle(process)
    before = resident(process)
    clients = first + [waiting(port, number) for number in range(100, 100 + polls)]
    settle(process)
    grown = resident(process) - before
    held.send_signal(signal.SIGUSR1)
    replies = 0
    for client in clients:
        client.socket.settimeout(30)
        while client.receive() is None:
            continue
        replies += 1
        client.socket.close()
    return grown / polls, replies - len(first)


def waiting(port: int, number: int) -> Connection:
    """A web desktop that waits."""
    client = Connection(port, poll(number))
    client.send()
    return client


def settle(process: subprocess.Popen[str]) -> None:
    """Wait until a process has done what it had to do."""
    busy = -1.0
    while (now := cpu_seconds(process)) > busy:
        busy = now
        PAUSE.wait(0.5)


# --------------------------------------------------------------------------------------------------------- the report


def compare(seconds: float, rounds: int) -> None:
    """Run all loads, and print the tables."""
    with ExitStack() as stack:
        _, direct = stack.enter_context(server())
        ports: dict[str, tuple[subprocess.Popen[str] | None, int]] = {"direct": (None, direct)}
        for name, start in targets():
            if start is None:
                print(f"{name} is left out: it is not installed")
            else:
                ports[name] = stack.enter_context(start(direct))  # type: ignore[arg-type]
        for traffic in TRAFFIC:
            print(f"\n{traffic.name}: {len(traffic.request(0))} bytes there, {len(reply(ACCEPTED))} back")
            print(HEADING)
            for connections in LOADS:
                results: dict[str, list[Result]] = {name: [] for name in ports}
                for _ in range(rounds):
                    for name, (process, port) in ports.items():
                        results[name].append(load(port, process, traffic, connections, seconds))
                for name, rows in results.items():
                    show(name, connections, rows, results.get("nginx"))


def show(name: str, connections: int, rows: Sequence[Result], nginx_rows: Sequence[Result] | None) -> None:
    """A line of a table: the medians of the rounds."""
    middle = [statistics.median(getattr(row, key) for row in rows) for key in ("rate", "p50", "p99", "cpu")]
    ratio = ""
    if nginx_rows and name != "nginx":
        ratios = (row.rate / other.rate for row, other in zip(rows, nginx_rows, strict=True))
        ratio = f"{statistics.median(ratios):9.2f}"
    rate, p50, p99, cpu = middle
    print(f"{connections:3} {name:<10} {rate:10,.0f} {p50:8.2f} {p99:8.2f} {cpu:11.0f} {ratio}", flush=True)


def report_polls(polls: int) -> None:
    """Hold many long polls, and say what each of them takes."""
    with server() as (held, upstream), proxy(upstream) as (process, port):
        each, ended = hold(process, port, held, polls)
        print(f"\n{polls} long polls held at once: {each / 1000:.1f} kB of memory each; {ended} answered in the end")


def main() -> None:
    """See the top of this file."""
    parser = argparse.ArgumentParser(description="How fast requests over HTTP are relayed.")
    parser.add_argument("--quick", action="store_true", help="a short look")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each load")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--polls", type=int, default=2000)
    parser.add_argument("--polls-only", action="store_true")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}")
    if not options.polls_only:
        compare(1.0 if options.quick else options.seconds, 1 if options.quick else options.rounds)
    report_polls(options.polls)


if __name__ == "__main__":
    main()
