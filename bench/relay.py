"""How fast the relay is: direct, Twisted's portforward and this proxy side by side, in one run.

    python bench/relay.py [--quick] [--seconds N] [--rounds N] [--memory-only]

A server, each proxy, and the client are processes of their own; the client is this one. Each load runs against all
three in turn, several rounds; what is printed is the median of the rounds, and the ratios are of one round each. The
server and the client do as little as they can, with raw sockets, so that the proxy is what is measured.

Three kinds of traffic. *Nobody wants*: a frame that no rule wants, echoed. *User events of desktops*: every frame a
RequestDistributeUserEvent (a record is processed), answered by an EventUserEvent (acknowledged). *Campaign control*:
the same with requests to load a campaign group and their copies, thousands a second, as no contact centre has them.
The proxy is `tevent-proxy run` as it is shipped: it holds, decodes and observes every user event.
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
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # not this folder: its http.py is not the http that others import

from proxy.kvlist import pair  # noqa: E402
from proxy.tevents.message import (  # noqa: E402
    COMMUNICATION_DN,
    DISTRIBUTE_USER_EVENT,
    EVENT_LINK_CONNECTED,
    EVENT_REGISTERED,
    EVENT_USER_EVENT,
    REFERENCE_ID,
    REGISTER_ADDRESS,
    REGISTER_CLIENT,
    THIS_DN,
    USER_DATA,
    Message,
)
from proxy.tevents.openwire import open_wire  # noqa: E402

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

COMMUNICATION = "OCS_CommDN"
HEADING = " " * 19 + " messages/s   p50 ms   p99 ms  CPU us/msg  ratio   aim"
LOADS = [(1, 1), (50, 1), (50, 32)]


def frame(number: int, *attributes: tuple[int, object]) -> bytes:
    """A frame of the open format."""
    return open_wire.encode(Message(number, [open_wire.attribute(id, value) for id, value in attributes]))


def registration(number: int) -> bytes:
    """What the client of the connection with this number says first."""
    return frame(REGISTER_ADDRESS, (THIS_DN, str(3000 + number)), (REFERENCE_ID, 1))


def plain(dn: str) -> bytes:
    """RequestAgentReady: no rule wants it."""
    return frame(10, (THIS_DN, dn), (14, "agent-" + dn), (REFERENCE_ID, 7), (16, 0))


def processed(dn: str) -> bytes:
    """An agent has finished a record."""
    data = [
        pair("GSW_AGENT_REQ_TYPE", "RecordProcessed"),
        pair("GSW_APPLICATION_ID", 4114),
        pair("GSW_CAMPAIGN_NAME", "Sales"),
        pair("GSW_RECORD_HANDLE", int(dn)),
        pair("GSW_CALLING_LIST", "Customers"),
    ]
    return frame(DISTRIBUTE_USER_EVENT, (COMMUNICATION_DN, dn), (REFERENCE_ID, 7), (USER_DATA, data))


def acknowledged(dn: str) -> bytes:
    """OCS has noted it."""
    data = [
        pair("GSW_USER_EVENT", "RecordProcessedAcknowledge"),
        pair("GSW_APPLICATION_ID", 4114),
        pair("GSW_CAMPAIGN_NAME", "Sales"),
        pair("GSW_RECORD_HANDLE", int(dn)),
    ]
    return frame(EVENT_USER_EVENT, (THIS_DN, dn), (REFERENCE_ID, 7), (USER_DATA, data))


OTHERS = [
    pair("CustomerSegment", "default"),
    pair("ServiceType", "callback"),
    pair("Position", 4),
    pair("Queue", "VQ_Sales"),
]


def asked_others(dn: str) -> bytes:
    """A user event of other applications: no business of OCS's."""
    return frame(DISTRIBUTE_USER_EVENT, (COMMUNICATION_DN, dn), (REFERENCE_ID, 7), (USER_DATA, OTHERS))


def told_others(dn: str) -> bytes:
    """Its copy for the clients of the DN."""
    return frame(EVENT_USER_EVENT, (THIS_DN, dn), (REFERENCE_ID, 7), (USER_DATA, OTHERS))


CONTROL = [
    pair("GSW_CM_MessageType", 7),
    pair("GSW_CM_AttrSessionID", 101),
    pair("GSW_APPLICATION_ID", 4114),
    pair("GSW_AUTO_COMPLETION", 1),
]


def load_request(dn: str) -> bytes:
    """A campaign group is to be loaded: the vector of the wire format."""
    return frame(DISTRIBUTE_USER_EVENT, (COMMUNICATION_DN, COMMUNICATION), (REFERENCE_ID, 7), (USER_DATA, CONTROL))


def load_echo(dn: str) -> bytes:
    """The copy of it that every client of the Communication DN gets."""
    return frame(EVENT_USER_EVENT, (THIS_DN, COMMUNICATION), (REFERENCE_ID, 7), (USER_DATA, CONTROL))


@dataclass
class Traffic:
    """What the client of a DN sends, what it gets back for it, and the aims for the loads, of portforward's rate."""

    name: str
    request: Callable[[str], bytes]
    reply: Callable[[str], bytes]
    aims: Sequence[float | None]


TRAFFIC = [
    Traffic("nobody wants", plain, plain, (0.9, 0.9, 0.5)),
    Traffic("user events of other applications", asked_others, told_others, (0.8, 0.8, None)),
    Traffic("user events of desktops to OCS", processed, acknowledged, (0.8, 0.8, None)),
    Traffic("campaign control", load_request, load_echo, (None, None, None)),
]


# ------------------------------------------------------------------------------------------------------ the processes


def serve() -> None:
    """A server that answers on one port for each kind of traffic."""
    poll = select.epoll()
    listeners = {}
    for traffic in TRAFFIC:
        listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        listeners[listener.fileno()] = (listener, traffic)
        poll.register(listener, select.EPOLLIN)
    say(*(listener.getsockname()[1] for listener, _ in listeners.values()))
    connections: dict[int, Served] = {}
    while True:
        for descriptor, _event in poll.poll():
            if descriptor in listeners:
                listener, traffic = listeners[descriptor]
                served = Served(listener.accept()[0], traffic)
                connections[served.socket.fileno()] = served
                poll.register(served.socket, select.EPOLLIN)
            elif not connections[descriptor].answer():
                poll.unregister(descriptor)
                connections.pop(descriptor).socket.close()


class Served:
    """One connection of the server. First comes a registration for a DN; every message after it gets its reply."""

    def __init__(self, accepted: socket.socket, traffic: Traffic) -> None:
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = accepted
        self.traffic = traffic
        self.size = 0
        self.reply = b""
        self.partial = 0

    def answer(self) -> bool:
        """Answer what has come; False at the end."""
        try:
            data = self.socket.recv(1 << 18)
            if not data:
                return False
            if self.size:
                replies, self.partial = divmod(self.partial + len(data), self.size)
                self.socket.sendall(self.reply * replies)
            else:
                self.begin(open_wire.decode(data))
        except ConnectionError:
            return False
        return True

    def begin(self, message: Message) -> None:
        """The proxy's own session registers as a client, then for its DN, and is left alone; others for their DN."""
        if message.number == REGISTER_CLIENT:
            self.socket.sendall(frame(EVENT_LINK_CONNECTED, (REFERENCE_ID, message.reference)))
        elif message.number == REGISTER_ADDRESS:
            dn = message.text(THIS_DN)
            if dn != COMMUNICATION:
                self.size, self.reply = len(self.traffic.request(dn)), self.traffic.reply(dn)
            self.socket.sendall(frame(EVENT_REGISTERED, (THIS_DN, dn), (REFERENCE_ID, message.reference)))


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
                if found := re.search(r"tevents: listening .*:(\d+)", line):
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
    """One connection of the client, for a DN of its own: what is in flight, since when."""

    def __init__(self, port: int, traffic: Traffic, number: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        dn = str(3000 + number)
        self.request, self.size = traffic.request(dn), len(traffic.reply(dn))
        self.partial = 0
        self.since: deque[float] = deque()
        self.socket.sendall(registration(number))
        self.take(len(frame(EVENT_REGISTERED, (THIS_DN, dn), (REFERENCE_ID, 1))))

    def take(self, left: int) -> None:
        """Take so many bytes."""
        while left:
            left -= len(self.socket.recv(left))

    def send(self, count: int) -> None:
        """Send so many messages."""
        self.since.extend([time.perf_counter()] * count)
        self.socket.sendall(self.request * count)

    def take_all(self) -> None:
        """Take what is in flight."""
        self.take(len(self.since) * self.size - self.partial)

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
    for number in range(shape[0]):
        connection = Connection(port, traffic, number)
        connections[connection.socket.fileno()] = connection
        poll.register(connection.socket, select.EPOLLIN)
    for connection in connections.values():
        connection.send(shape[1])
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
    """Bytes of memory for each idle session: those that have registered a DN and processed one record."""

    def open_some(numbers: range) -> list[Connection]:
        connections = [Connection(port, TRAFFIC[1], number) for number in numbers]
        for connection in connections:
            connection.send(1)
            connection.take_all()
        return connections

    first = open_some(range(100))
    before = resident(process)
    connections = open_some(range(100, 100 + sessions))
    grown = resident(process) - before
    for connection in first + connections:
        connection.socket.close()
    return grown / sessions


# --------------------------------------------------------------------------------------------------------- the report


def compare(seconds: float, rounds: int) -> None:
    """Run all loads, and print the tables."""
    targets = ["direct", "portforward", "proxy"]
    for place, traffic in enumerate(TRAFFIC):
        print(f"\n{traffic.name}: {len(traffic.request('3000'))} bytes there, {len(traffic.reply('3000'))} back")
        print(HEADING)
        with ExitStack() as stack:
            _server, ports = stack.enter_context(started("server"))
            forwarding = stack.enter_context(started("portforward", ports[place]))
            proxying = stack.enter_context(started("proxy", ports[place]))
            where = {
                "direct": (ports[place], None),
                "portforward": (forwarding[1][0], forwarding[0]),
                "proxy": (proxying[1][0], proxying[0]),
            }
            for shape, aim in zip(LOADS, traffic.aims, strict=True):
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

    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, Twisted {twisted.__version__}")
    print(f"{options.rounds} rounds of {options.seconds:g} s")
    if not options.memory_only:
        compare(options.seconds, options.rounds)
    memory(options.sessions)


if __name__ == "__main__":
    main()
