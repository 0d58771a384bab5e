"""How fast the relay is: direct, Twisted's portforward and this proxy side by side, in one run.

    python bench/relay.py [--quick] [--seconds N] [--rounds N] [--memory-only]

A server, each proxy, and the client are processes of their own; the client is this one. Each load runs against all
three in turn, several rounds; what is printed is the median of the rounds, and the ratios are of one round each. The
server and the client do as little as they can, with raw sockets, so that the proxy is what is measured.

Two kinds of traffic. *Nobody wants*: a frame that no rule wants, echoed. *User events*: every frame a
RequestDistributeUserEvent, answered by an EventUserEvent with the same user data; the proxy holds and decodes each.
The proxy is `tevent-proxy run` as it is shipped.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import resource
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from proxy.kvlist import pair  # noqa: E402
from proxy.tevents.message import (  # noqa: E402
    COMMUNICATION_DN,
    DISTRIBUTE_USER_EVENT,
    EVENT_USER_EVENT,
    REFERENCE_ID,
    THIS_DN,
    USER_DATA,
    Message,
)
from proxy.tevents.openwire import open_wire  # noqa: E402

AGENT_READY = 10  # RequestAgentReady: no rule wants it
CONF = """
[tevents]
listen = tcp:0:interface=127.0.0.1
upstream = tcp:127.0.0.1:{upstream}
communication_dn = OCS_CommDN
application = tevent-proxy
application_dbid = 4114

[completion]
by = proxy

[group Sales@Agents]
dbid = 101
"""

LOADS = [(1, 1), (50, 1), (50, 32)]
HEADING = f"{'':<6} {'':<12} {'messages/s':>11} {'p50 ms':>8} {'p99 ms':>8} {'CPU us/msg':>11} {'ratio':>6} {'aim':>5}"
AIMS = {"nobody wants": [0.9, 0.9, 0.5], "user events": [0.8, 0.8, None]}


def frame(number: int, *attributes: tuple[int, object]) -> bytes:
    """A frame of the open format."""
    return open_wire.encode(Message(number, [open_wire.attribute(id, value) for id, value in attributes]))


DATA = [
    pair("GSW_CM_MessageType", 7),
    pair("GSW_CM_AttrSessionID", 101),
    pair("GSW_APPLICATION_ID", 4114),
    pair("GSW_AUTO_COMPLETION", 1),
]
PLAIN = frame(AGENT_READY, (THIS_DN, "3001"), (14, "agent-3001"), (REFERENCE_ID, 7), (16, 0))
REQUEST = frame(DISTRIBUTE_USER_EVENT, (COMMUNICATION_DN, "OCS_CommDN"), (REFERENCE_ID, 7), (USER_DATA, DATA))
EVENT = frame(EVENT_USER_EVENT, (THIS_DN, "OCS_CommDN"), (REFERENCE_ID, 7), (USER_DATA, DATA))


@dataclass
class Traffic:
    """What the client sends, and what it gets back for it."""

    name: str
    request: bytes
    reply: bytes


TRAFFIC = [Traffic("nobody wants", PLAIN, PLAIN), Traffic("user events", REQUEST, EVENT)]


# ------------------------------------------------------------------------------------------------------ the processes


def serve() -> None:
    """Answer on two ports, one for each kind of traffic."""
    poll = select.epoll()
    listeners = {}
    for traffic in TRAFFIC:
        listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        listeners[listener.fileno()] = (listener, len(traffic.request), traffic.reply)
        poll.register(listener, select.EPOLLIN)
    say(*(listener.getsockname()[1] for listener, _, _ in listeners.values()))
    connections: dict[int, list] = {}
    while True:
        for descriptor, _event in poll.poll():
            if descriptor in connections:
                connection = connections[descriptor]
                try:
                    data = connection[0].recv(1 << 18)
                except ConnectionResetError:
                    data = b""
                if not data:
                    poll.unregister(descriptor)
                    connections.pop(descriptor)[0].close()
                    continue
                replies, connection[3] = divmod(connection[3] + len(data), connection[1])
                connection[0].sendall(connection[2] * replies)
            else:
                listener, size, reply = listeners[descriptor]
                accepted, _ = listener.accept()
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connections[accepted.fileno()] = [accepted, size, reply, 0]
                poll.register(accepted, select.EPOLLIN)


def forward(upstream: int) -> None:
    """Twisted's own port forwarder."""
    from twisted.internet import reactor
    from twisted.protocols.portforward import ProxyFactory

    factory = ProxyFactory("127.0.0.1", upstream)
    factory.noisy = False
    port = reactor.listenTCP(0, factory, backlog=4096, interface="127.0.0.1")
    reactor.callWhenRunning(say, port.getHost().port)
    reactor.run()


def say(*ports: int) -> None:
    """Tell whoever started this where it listens."""
    print(*ports, flush=True)


@contextmanager
def started(role: str, *upstream: int) -> Iterator[tuple[subprocess.Popen, list[int]]]:
    """A process in a role, before an upstream, and the ports it listens on."""
    if role == "proxy":
        with proxy_started(*upstream) as found:
            yield found
        return
    command = [sys.executable, __file__, "--role", role, *map(str, upstream)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None
    try:
        yield process, [int(port) for port in process.stdout.readline().split()]
    finally:
        process.terminate()
        process.wait()


@contextmanager
def proxy_started(upstream: int) -> Iterator[tuple[subprocess.Popen, list[int]]]:
    """`tevent-proxy run` before an upstream."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as conf:
        conf.write(CONF.format(upstream=upstream))
        conf.flush()
        command = [sys.executable, "-m", "proxy", "run", "--config", conf.name]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT, text=True)
        assert process.stdout is not None
        log: list[str] = []
        try:
            for line in process.stdout:
                log.append(line)
                if found := re.search(r"tevents: listening .*port=(\d+)", line):
                    break
            else:
                raise RuntimeError("the proxy did not start:\n" + "".join(log))
            # Its log must not stop it: from here on it is read, and forgotten.
            threading.Thread(target=deque, args=(process.stdout, 0), daemon=True).start()
            yield process, [int(found[1])]
        finally:
            process.terminate()
            process.wait()


# --------------------------------------------------------------------------------------------------------- the client


@dataclass
class Result:
    """Messages (there and back) per second, latencies in milliseconds, the proxy's CPU in microseconds a message."""

    rate: float
    p50: float
    p99: float
    cpu: float


class Connection:
    """One connection of the client: what is in flight, since when."""

    def __init__(self, port: int, traffic: Traffic, in_flight: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request, self.size = traffic.request, len(traffic.reply)
        self.partial = 0
        self.since: deque[float] = deque()
        self.send(in_flight)

    def send(self, count: int) -> None:
        """Send so many messages."""
        self.since.extend([time.perf_counter()] * count)
        self.socket.sendall(self.request * count)

    def take_all(self) -> None:
        """Take what is in flight."""
        left = len(self.since) * self.size - self.partial
        while left:
            left -= len(self.socket.recv(left))

    def receive(self, latencies: list[float]) -> int:
        """Take what has come, and send as many messages again."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionError("the connection was closed")
        replies, self.partial = divmod(self.partial + len(data), self.size)
        if replies:
            now = time.perf_counter()
            latencies += [now - self.since.popleft() for _ in range(replies)]
            self.send(replies)
        return replies


def load(
    port: int, process: subprocess.Popen | None, traffic: Traffic, shape: tuple[int, int], seconds: float
) -> Result:
    """Run one load for some seconds, after a third of them for warming up."""
    connections = {}
    poll = select.epoll()
    for _ in range(shape[0]):
        connection = Connection(port, traffic, shape[1])
        connections[connection.socket.fileno()] = connection
        poll.register(connection.socket, select.EPOLLIN)
    latencies: list[float] = []

    def run(until: float) -> int:
        count = 0
        while time.perf_counter() < until:
            for descriptor, _event in poll.poll(5):
                count += connections[descriptor].receive(latencies)
        return count

    run(time.perf_counter() + seconds / 3)
    latencies.clear()
    cpu, begin = cpu_seconds(process), time.perf_counter()
    count = run(begin + seconds)
    elapsed, cpu = time.perf_counter() - begin, cpu_seconds(process) - cpu
    for connection in connections.values():
        connection.take_all()
        connection.socket.close()
    latencies.sort()
    return Result(
        count / elapsed,
        1000 * latencies[len(latencies) // 2],
        1000 * latencies[len(latencies) * 99 // 100],
        1e6 * cpu / count,
    )


def cpu_seconds(process: subprocess.Popen | None) -> float:
    """User and system time of a process."""
    if process is None:
        return 0.0
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(process: subprocess.Popen) -> int:
    """Resident memory of a process, in bytes."""
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def idle(process: subprocess.Popen, port: int, sessions: int) -> float:
    """Bytes of memory for each idle session: those that have said one thing each, and got one answer."""

    def open_some(count: int) -> list[Connection]:
        connections = [Connection(port, TRAFFIC[1], 1) for _ in range(count)]
        for connection in connections:
            connection.take_all()
        return connections

    first = open_some(100)
    before = resident(process)
    connections = open_some(sessions)
    grown = resident(process) - before
    for connection in first + connections:
        connection.socket.close()
    return grown / sessions


# --------------------------------------------------------------------------------------------------------- the report


def compare(seconds: float, rounds: int) -> None:
    """Run all loads, and print the tables."""
    targets = ["direct", "portforward", "proxy"]
    for place, traffic in enumerate(TRAFFIC):
        print(f"\n{traffic.name}: {len(traffic.request)} bytes there, {len(traffic.reply)} back")
        print(
            f"{'':>6} {'':<12} {'messages/s':>11} {'p50 ms':>8} {'p99 ms':>8} {'CPU us/msg':>11} {'ratio':>6} {'aim':>5}"
        )
        with ExitStack() as stack:
            _server, ports = stack.enter_context(started("server"))
            forwarding = stack.enter_context(started("portforward", ports[place]))
            proxying = stack.enter_context(started("proxy", ports[place]))
            where = {
                "direct": (ports[place], None),
                "portforward": (forwarding[1][0], forwarding[0]),
                "proxy": (proxying[1][0], proxying[0]),
            }
            for shape, aim in zip(LOADS, AIMS[traffic.name], strict=True):
                results: dict[str, list[Result]] = {target: [] for target in targets}
                for _ in range(rounds):
                    for target in targets:
                        results[target].append(load(*where[target], traffic, shape, seconds))
                for target in targets:
                    print_row(shape, target, results, aim)


def print_row(shape: tuple[int, int], target: str, results: dict[str, list[Result]], aim: float | None) -> None:
    """One line: the medians of the rounds, and the median of the rounds' ratios to portforward."""

    def median(field: str) -> float:
        return statistics.median(getattr(result, field) for result in results[target])

    pairs = zip(results[target], results["portforward"], strict=True)
    ratio = statistics.median(mine.rate / theirs.rate for mine, theirs in pairs)
    wanted = "" if target != "proxy" else "-" if aim is None else f"{aim:.1f}"
    print(
        f"{shape[0]:>3}x{shape[1]:<2} {target:<12} {median('rate'):>11,.0f} {median('p50'):>8.3f} {median('p99'):>8.3f}"
        f" {median('cpu'):>11.1f} {ratio:>6.2f} {wanted:>5}",
        flush=True,
    )


def memory(sessions: int) -> None:
    """Print what an idle session takes."""
    print(f"\nmemory for each of {sessions:,} idle sessions (aim: at most 8,000 bytes)")
    for role in ("portforward", "proxy"):
        with started("server") as (_server, ports), started(role, ports[1]) as (process, own):
            print(f"{role:<12} {idle(process, own[0], sessions):>8,.0f} bytes", flush=True)


def main() -> None:
    """Run as a process in some role, or as the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a short run: half a second, one round")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each load and round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sessions", type=int, default=2000, help="idle ones, for the memory")
    parser.add_argument("--memory-only", action="store_true")
    parser.add_argument("--role", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if options.role:
        {"server": serve, "portforward": forward}[options.role[0]](*map(int, options.role[1:]))
        return
    if options.quick:
        options.seconds, options.rounds = 0.5, 1
    import twisted

    print(
        f"{os.cpu_count()} cores, Python {platform.python_version()}, Twisted {twisted.__version__}, {platform.system()}"
    )
    print(f"{options.rounds} rounds of {options.seconds:g} s")
    if not options.memory_only:
        compare(options.seconds, options.rounds)
    memory(options.sessions)


if __name__ == "__main__":
    main()
