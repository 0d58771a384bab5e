"""What it costs that groups survive: the SQLite store, and Redis, against memory, in one run.

    python bench/store.py [--rounds N] [--seconds N] [--handles N]

*Observations*: in one process, groups and a switchboard with each store; every observation moves a record of its own.
Counted until all of them are written; through Redis, until each of one or three instances, which are processes of their
own and observe a share each, has applied all of them. *Relay*: a server, `tevent-proxy run` with each store, and a
client are processes of their own; the client sends user events of desktops (RecordProcessed, acknowledged), so many a
second, evenly, each about a record of its connection; the time there and back is measured. *Start*: a proxy is given a
file, or a Redis, with so many open records, and is ready when its [admin] shows them. Without redis-server there is no
line about Redis.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
# This folder last: there is an http.py in it, which is not the one that urllib wants.
sys.path[:] = [str(HERE.parent), *(each for each in sys.path if Path(each).resolve() != HERE), str(HERE)]

from urllib.error import URLError  # noqa: E402
from urllib.request import urlopen  # noqa: E402

import relay  # noqa: E402

from proxy.campaign.groups import Groups  # noqa: E402
from proxy.campaign.observation import GroupNames, RecordDelivered, SourceConnected, Word, WordHeard  # noqa: E402
from proxy.campaign.policy import By, ConfiguredGroup, Policy  # noqa: E402
from proxy.config import parse  # noqa: E402
from proxy.demo import free_ports  # noqa: E402
from proxy.service import ProxyService  # noqa: E402
from proxy.shared.board import SharedSwitchboard  # noqa: E402
from proxy.store.urls import store_of  # noqa: E402
from proxy.switchboard import Switchboard  # noqa: E402
from tests.shared.redis import RedisServer  # noqa: E402

SALES = GroupNames(dbid=101, name="Sales@Agents")
REDIS = "redis:"
STORES = ("memory:", "sqlite:", REDIS) if shutil.which("redis-server") else ("memory:", "sqlite:")
INSTANCES = (1, 3)
CONNECTIONS = 50
PLACE = next(place for place, traffic in enumerate(relay.TRAFFIC) if traffic.request is relay.processed)
"""Of the user events of desktops, in what relay.py sends."""

TURN = 500
"""How many observations one turn of the reactor brings in the first part."""

ON_WAY = 5000
"""How many observations wait for Redis at most in the first part: no traffic runs away from it for ever."""

SHARED = """
[tevents]
listen = tcp:0:interface=127.0.0.1
upstream = tcp:127.0.0.1:1
communication_dn = OCS_CommDN
application = tevent-proxy
application_dbid = 4114
[completion]
by = proxy
[group Sales@Agents]
dbid = 101
[store]
url = {url}
"""


# --------------------------------------------------------------------------------------------------- observations


def observing(url: str, number: int) -> None:
    """In a process of its own: print how long so many observations took, and how long until they were written."""
    from twisted.internet import reactor

    policy = Policy(by=By.PROXY)
    groups = Groups(policy, [ConfiguredGroup(SALES, policy)])
    store = store_of(url, reactor)
    board = Switchboard(groups, store, reactor, time.monotonic, time.time)
    board.take_up()
    board.observe(SourceConnected("tevents"))
    board.observe(WordHeard(SALES, Word.STARTED, "tevents", "Preview"))
    begin = 0.0

    def turn(first: int) -> None:
        for handle in range(first, min(first + TURN, number)):
            board.observe(
                RecordDelivered(1, "3001", SALES, "PreviewRecord", str(handle), calling_list="List", chain=str(handle))
            )
        if first + TURN < number:
            reactor.callLater(0, turn, first + TURN)
        else:
            observed = time.perf_counter() - begin
            store.keep().addCallback(written, observed)

    def written(_: None, observed: float) -> None:
        print(json.dumps([observed, time.perf_counter() - begin]))
        store.close().addBoth(lambda _: reactor.stop())

    def start() -> None:
        nonlocal begin
        begin = time.perf_counter()
        turn(0)

    reactor.callWhenRunning(start)
    reactor.run()


def _records(number: int, first: int, last: int) -> Iterator[RecordDelivered]:
    """What the instance of a number sees of some records, each with an agent of its own."""
    for handle in range(first, last):
        chain = f"{number}-{handle}"
        yield RecordDelivered(1, "3001", SALES, "PreviewRecord", chain, calling_list="List", chain=chain)


def sharing(url: str, number: int, instances: int) -> None:
    """In a process of its own, one of several: print how long its observations took, and how long until all of all
    instances were applied here."""
    from twisted.internet import reactor
    from twisted.internet.defer import Deferred

    board = ProxyService(parse(SHARED.format(url=url)), reactor).board
    assert isinstance(board, SharedSwitchboard)
    member = board.member
    begin = observing = 0.0
    seen = 0

    def delivered() -> int:
        shown = board.status()[0]["delivered"]
        assert isinstance(shown, int)
        return shown

    def wait() -> None:
        """Begin when all are there, and one of them leads."""
        nonlocal begin
        replica = member.replica
        if replica is None or len(replica.groups.instances.heard) < instances or not replica.leader:
            reactor.callLater(0.01, wait)
            return
        if member.is_leading:
            board.observe(SourceConnected("tevents"))
            board.observe(WordHeard(SALES, Word.STARTED, "tevents", "Preview"))
        begin = time.perf_counter()
        turn()

    def turn() -> None:
        nonlocal seen, observing
        if seen < number and len(member.outbox) < ON_WAY:
            last = min(seen + TURN, number)
            observations = list(_records(member.number, seen, last))
            since = time.perf_counter()
            for each in observations:
                board.observe(each)
            observing += time.perf_counter() - since
            seen = last
        if seen == number and not len(member.outbox) and delivered() == number * instances:
            print(json.dumps([observing, time.perf_counter() - begin]))
            Deferred.fromCoroutine(board.leave()).addBoth(lambda _: reactor.stop())
        else:
            reactor.callLater(0, turn)

    board.take_up()
    reactor.callWhenRunning(wait)
    reactor.run()


def _asked(number: int, instances: int) -> list[str]:
    return ["--handles", str(number), "--instances", str(instances)]


def shared_observations(rounds: int, number: int, instances: int) -> None:
    """A line of the first table: so many observations, a share of them through each of some instances."""
    results = []
    share = number // instances
    for _ in range(rounds):
        with RedisServer() as server:
            processes = [
                subprocess.Popen(
                    [sys.executable, __file__, "--sharing", server.url, *_asked(share, instances)],
                    stdout=subprocess.PIPE,
                    text=True,
                )
                for _ in range(instances)
            ]
            told = [json.loads(process.communicate()[0].splitlines()[-1]) for process in processes]
        results.append((share / max(each for each, _ in told), share * instances / max(each for _, each in told)))
    observed, written = (statistics.median(column) for column in zip(*results, strict=True))
    print(f"redis, {instances} {observed:>10.0f}  {written:>10.0f}")


def observations(rounds: int, number: int) -> None:
    """The first table."""
    print(f"\n{number} observations, each of a record of its own\n{'':<9} observed/s   written/s")
    for url in STORES:
        if url == REDIS:
            for instances in INSTANCES:
                shared_observations(rounds, number, instances)
            continue
        results = []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                place = url if url == "memory:" else f"{url}{folder}/groups.db"
                done = subprocess.run(
                    [sys.executable, __file__, "--observing", place, "--handles", str(number)],
                    capture_output=True,
                    text=True,
                    check=True,
                )
                results.append([number / seconds for seconds in json.loads(done.stdout)])
        observed, written = (statistics.median(column) for column in zip(*results, strict=True))
        print(f"{url:<9} {observed:>10.0f}  {written:>10.0f}")


# ---------------------------------------------------------------------------------------------------------- relay


@contextmanager
def proxy_with(store: str, upstream: int) -> Iterator[int]:
    """`tevent-proxy run` with a store, before an upstream; the port of its desktops."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        if store == REDIS:
            place = stack.enter_context(RedisServer()).url
        else:
            place = store if store == "memory:" else f"{store}{folder}/groups.db"
        kept, relay.CONF = relay.CONF, f"{relay.CONF}\n[store]\nurl = {place}\n"
        try:
            with relay.proxy_started(upstream) as (_process, (port,)):
                yield port
        finally:
            relay.CONF = kept


def paced(port: int, rate: int, seconds: float) -> list[float]:
    """Times there and back, in milliseconds, sorted, of so many messages a second."""
    connections = [relay.Connection(port, relay.TRAFFIC[PLACE], number) for number in range(CONNECTIONS)]
    by_descriptor = {each.socket.fileno(): each for each in connections}
    poll = select.epoll()
    for descriptor in by_descriptor:
        poll.register(descriptor, select.EPOLLIN)
    times: list[float] = []
    begin = time.perf_counter()
    warm = begin + seconds / 3
    until, sent = warm + seconds, 0
    while (now := time.perf_counter()) < until:
        while begin + sent / rate <= now:
            connections[sent % CONNECTIONS].send(1)
            sent += 1
        for descriptor, _event in poll.poll(max(0.0, begin + sent / rate - time.perf_counter())):
            connection = by_descriptor[descriptor]
            data = connection.socket.recv(1 << 16)
            replies, connection.partial = divmod(connection.partial + len(data), connection.size)
            now = time.perf_counter()
            for _ in range(replies):
                since = connection.since.popleft()
                if since >= warm:
                    times.append(1000 * (now - since))
    for connection in connections:
        connection.take_all()
        connection.socket.close()
    return sorted(times)


def latencies(rounds: int, seconds: float) -> None:
    """The second table."""
    print(f"\nuser events of desktops, {CONNECTIONS} connections: there and back\n{'':<9} messages/s   p50 ms   p99 ms")
    for rate in (200, 1000, 2000):
        results: dict[str, list[tuple[float, float]]] = {store: [] for store in STORES}
        for number in range(rounds):
            for store in STORES if number % 2 else reversed(STORES):
                with relay.started("server") as (_server, ports), proxy_with(store, ports[PLACE]) as port:
                    times = paced(port, rate, seconds)
                    results[store].append((times[len(times) // 2], times[len(times) * 99 // 100]))
        for store, each in results.items():
            p50, p99 = (statistics.median(column) for column in zip(*each, strict=True))
            print(f"{store:<9} {rate:>10} {p50:>8.2f} {p99:>8.2f}")


# ---------------------------------------------------------------------------------------------------------- start


def starting(handles: int) -> None:
    """The third part: memory, and seconds to start again."""
    with tempfile.TemporaryDirectory() as folder:
        empty = _ready(Path(folder), f"sqlite:{folder}/empty.db", 0)
        subprocess.run(
            [sys.executable, __file__, "--observing", f"sqlite:{folder}/full.db", "--handles", str(handles)],
            capture_output=True,
            check=True,
        )
        size = os.path.getsize(f"{folder}/full.db") / 1e6
        full = _ready(Path(folder), f"sqlite:{folder}/full.db", handles)
    print(f"\n{handles} open records: a file of {size:.1f} MB")
    _say(handles, "file", empty, full)


def _starting_with_redis(handles: int) -> None:
    """The same with Redis: what is there is an image, and the stream after it."""
    with tempfile.TemporaryDirectory() as folder, RedisServer() as server:
        empty = _ready(Path(folder), server.url, 0)
        server.wipe()
        before = _used(server)
        subprocess.run(
            [sys.executable, __file__, "--sharing", server.url, *_asked(handles, 1)],
            stdout=subprocess.DEVNULL,
            check=True,
        )
        used = _used(server) - before
        full = _ready(Path(folder), server.url, handles)
    print(f"\n{handles} open records: {used:.1f} MB in Redis")
    _say(handles, "Redis", empty, full)


def _used(server: RedisServer) -> float:
    """MB that a Redis uses."""
    lines = str(server.ask("INFO", "memory")).splitlines()
    return next(int(line.partition(":")[2]) / 1e6 for line in lines if line.startswith("used_memory:"))


def _say(handles: int, what: str, empty: tuple[float, float, float], full: tuple[float, float, float]) -> None:
    each = (full[1] - empty[1]) * 1e6 / handles
    print(f"ready in {full[0]:.2f} s, with an empty {what} in {empty[0]:.2f} s")
    print(f"memory {full[1]:.1f} MB, with an empty {what} {empty[1]:.1f} MB: {each:.0f} bytes for each; ", end="")
    print(f"at its most {full[2]:.1f} MB")


def _ready(folder: Path, url: str, handles: int) -> tuple[float, float, float]:
    """Seconds until a proxy shows so many records, and its memory in MB, then and at its most."""
    desktops, admin = free_ports(2)
    conf = folder / "proxy.conf"
    conf.write_text(
        relay.CONF.format(upstream=1).replace("tcp:0:", f"tcp:{desktops}:")
        + f"[admin]\nlisten = tcp:{admin}:interface=127.0.0.1\n[store]\nurl = {url}\n"
    )
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "proxy", "run", "--config", str(conf)], stdout=subprocess.DEVNULL, cwd=HERE.parent
    )
    try:
        while True:
            try:
                if _shown(admin) >= handles and not _page(admin, "instances")["problem"]:
                    break
            except URLError:
                assert process.poll() is None, "the proxy did not start"
            select.select((), (), (), 0.01)
        ready = time.perf_counter() - begin
        status = dict(line.split(":", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines())
        return ready, *(int(status[key].split()[0]) / 1000 for key in ("VmRSS", "VmHWM"))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _page(admin: int, name: str) -> dict[str, Any]:
    """A page of [admin]."""
    with urlopen(f"http://127.0.0.1:{admin}/{name}", timeout=60) as answer:
        page: dict[str, Any] = json.load(answer)
    return page


def _shown(admin: int) -> int:
    """How many records a proxy shows."""
    return sum(group["outstanding"] or 0 for group in _page(admin, "groups")["groups"])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--handles", type=int, default=100_000)
    parser.add_argument("--observing", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--sharing", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--instances", type=int, default=1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.sharing:
        sharing(options.sharing, options.handles, options.instances)
        return
    if options.observing:
        observing(options.observing, options.handles)
        return
    observations(options.rounds, options.handles)
    latencies(options.rounds, options.seconds)
    starting(options.handles)
    if REDIS in STORES:
        _starting_with_redis(options.handles)


if __name__ == "__main__":
    main()
