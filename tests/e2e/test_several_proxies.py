"""Several proxies that share their groups through Redis, with real processes: nothing is counted twice or done twice,
whoever of them dies, stands still or comes later, and whatever becomes of Redis.

What is waited for is seen: in OCS's ledger, the calling lists' table, the agents' diaries, the proxies' pages.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.e2e.floor import COUNTERS, Cast, Floor, Proxy
from tests.shared.gate import Gate
from tests.shared.redis import MISSING, RedisServer

pytestmark = pytest.mark.skipif(shutil.which("redis-server") is None, reason=MISSING)

LEASE = 3
"""Seconds, in [store]."""

SMALL = (
    Cast("Sales@Agents", 101, 3001, 5, 120),
    Cast("Winback@Dialers", 102, 3101, 4, 60, armed=False),
)
"""The groups of most plays."""

MIXED = ("--reject", "0.05", "--reschedule", "0.05", "--cancel", "0.03", "--do-not-call", "0.02")
"""What agents do besides finishing their records."""

LOSING = ("--drop", "0.2")
"""They lose their connections, and finish what is on their desktops over another proxy.

OCS acknowledges that a record is finished as often as it is said, and nothing else: so they do nothing else.
"""


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """A Redis that loses nothing it has answered."""
    with RedisServer(appendonly=True) as server:
        yield server


@pytest.fixture
def floor_of(tmp_path: Path) -> Iterator[Callable[..., Floor]]:
    """Makes floors; nothing is left of them."""
    floors: list[Floor] = []

    def made(*casts: Cast, **options: str) -> Floor:
        folder = tmp_path / str(len(floors))
        folder.mkdir()
        floors.append(Floor(folder, casts or SMALL, **options))
        return floors[-1]

    yield made
    for floor in floors:
        floor.end()


def store(url: str, more: str = "") -> str:
    """A [store] section."""
    return f"url = {url}\nlease = {LEASE}\n{more}"


def play(
    floor: Floor,
    url: str,
    habits: Sequence[str] = MIXED,
    talk: float = 0.05,
    completion: str = "notify_wait = 1",
) -> None:
    """Three proxies, all groups running, the agents at work."""
    floor.open([store(url)] * 3, completion)
    floor.begin()
    floor.come("--talk", str(talk), "--ask-again", "0.3", *habits)


def half_done(floor: Floor, share: float = 0.5) -> None:
    """Go on until so much of all records is done with."""
    wanted = share * sum(cast.records for cast in floor.casts)
    floor.until(lambda: floor.finalized >= wanted, f"{wanted} records are not done with")


def come_to_an_end(floor: Floor) -> None:
    """Go on until all groups are completed; nothing was done twice, all is counted right, everybody was told once."""
    floor.until(floor.is_over, "the groups are not completed")
    floor.agree()
    assert floor.faults() == []


def is_out_of_touch(proxy: Proxy) -> bool:
    """Whether it says that it has lost Redis."""
    return any("store" in reason for reason in proxy.reasons or ())


# ----------------------------------------------------------------------------------------------------------- the shift

SHIFT = (
    Cast("Sales@Agents", 101, 3001, 10, 810),
    Cast("Winback@Dialers", 102, 3101, 10, 810, armed=False),
    Cast("Survey@Day", 103, 3201, 6, 300),
    Cast("Renewal@Day", 104, 3301, 4, 80, armed=False),
)


def test_a_shift_on_three_proxies(floor_of: Callable[..., Floor], redis: RedisServer) -> None:
    """2,000 records of four groups, thirty agents spread over three proxies: each record is counted once.

    The one that completes a group is killed between Stop and Unload, and another finishes. Redis is away for 5 s in
    the middle: agents work on, nothing is completed until it is back, and nothing is counted wrong.
    """
    floor = floor_of(*SHIFT)
    play(floor, redis.url, talk=0.15, completion="notify_wait = 3")
    half_done(floor, 0.1)
    floor.in_the_middle()
    floor.until(lambda: floor.accepted("Renewal@Day") == (1, 0), "Renewal@Day is not stopped")
    leader = floor.leader()
    floor.freeze()
    floor.agree()
    leader.kill()
    floor.freeze(False)
    assert floor.accepted("Renewal@Day") == (1, 0)
    floor.until(lambda: floor.accepted("Renewal@Day") == (1, 1), "nobody else unloads it")
    floor.until(lambda: floor.left("Survey@Day") < 20, "Survey@Day has records")
    before, requests = floor.finalized, floor.requests()
    redis.stop()
    floor.until(lambda: all(map(is_out_of_touch, floor.running)), "nobody says that Redis is lost")
    floor.until(lambda: not floor.left("Survey@Day"), "Survey@Day has records")
    floor.passes(5)
    assert floor.finalized > before + 50
    assert floor.requests() == requests
    assert all(map(is_out_of_touch, floor.running))
    redis.start()
    leader.start()
    come_to_an_end(floor)
    floor.until(lambda: all(proxy.is_well for proxy in floor.proxies), "they are not well")


# ---------------------------------------------------------------------------------------------------------- proxies


def test_the_leader_is_killed_between_stop_and_unload(floor_of: Callable[..., Floor], redis: RedisServer) -> None:
    """Another one finishes; the agents of the dead one come to the others, and hear it there."""
    floor = floor_of(ocs="notify_agents = unloaded")
    play(floor, redis.url)
    name = SMALL[1].name
    floor.until(lambda: floor.accepted(name) == (1, 0), f"{name} is not stopped")
    leader = floor.leader()
    floor.freeze()
    floor.agree()
    leader.kill()
    floor.freeze(False)
    come_to_an_end(floor)


def test_a_fourth_proxy_joins(floor_of: Callable[..., Floor], redis: RedisServer) -> None:
    """Who comes in the middle shows what the others show, and counts on with them when one of them is killed.

    Agents lose connections, and go on with the same records over other proxies.
    """
    floor = floor_of()
    play(floor, redis.url, LOSING)
    half_done(floor)
    fourth = floor.open_proxy(store(redis.url))
    floor.until(lambda: fourth.is_well, "the fourth is not well")
    floor.freeze()
    floor.agree()
    floor.proxies[0].kill()
    floor.freeze(False)
    come_to_an_end(floor)


def test_all_are_killed_and_started_anew(floor_of: Callable[..., Floor], redis: RedisServer) -> None:
    """What they had counted stands in Redis; they go on where they were."""
    floor = floor_of()
    play(floor, redis.url)
    half_done(floor)
    floor.freeze()
    floor.agree()
    for proxy in floor.proxies:
        proxy.kill()
    for proxy in floor.proxies:
        proxy.start()
    floor.until(lambda: all(proxy.is_well for proxy in floor.proxies), "they are not well")
    floor.agree()
    floor.freeze(False)
    come_to_an_end(floor)


def test_a_leader_that_is_told_to_stop_hands_over(floor_of: Callable[..., Floor], redis: RedisServer) -> None:
    """SIGTERM in the middle of a completion: another goes on with it at once, and the one that stops ends with 0."""
    floor = floor_of()
    play(floor, redis.url)
    name = SMALL[1].name
    floor.until(lambda: floor.accepted(name) == (1, 0), f"{name} is not stopped")
    leader = floor.leader()
    leader.signal(signal.SIGTERM)
    assert leader.end() == 0
    come_to_an_end(floor)


def test_a_leader_that_was_paused_sends_nothing_late(floor_of: Callable[..., Floor], redis: RedisServer) -> None:
    """It has decided on Stop, it may send it, and stands still until another has sent it: then it does not any more.

    It comes back as one of the others; its agents, who noticed nothing, hear everything once.
    """
    floor, gate = floor_of(), Gate(redis.port)
    try:
        floor.start_simulator()
        slow = floor.open_proxy(store(f"redis://127.0.0.1:{gate.port}/0"))
        floor.until(lambda: slow.is_well and slow.leads, "the first does not lead")
        for _ in range(2):
            floor.open_proxy(store(redis.url))
        floor.until(lambda: all(proxy.is_well for proxy in floor.proxies), "they are not well")
        floor.begin()
        gate.hold_after(b"\r\nstop\r\n")
        floor.come("--talk", "0.05", "--ask-again", "0.3", *MIXED)
        floor.until(gate.caught.is_set, "nobody wants to stop a group")
        slow.signal(signal.SIGSTOP)
        gate.release()
        others = [proxy for proxy in floor.proxies if proxy is not slow]
        floor.until(lambda: any(sum(floor.accepted(cast.name)) for cast in floor.casts), "nobody takes over")
        assert any(proxy.leads for proxy in others)
        slow.signal(signal.SIGCONT)
        come_to_an_end(floor)
        assert slow.sent("stop") == 0
    finally:
        gate.remove()


def test_a_leader_that_loses_redis_alone(floor_of: Callable[..., Floor], redis: RedisServer) -> None:
    """Another leads; what was seen where Redis is out of reach counts when it is back."""
    floor, gate = floor_of(), Gate(redis.port)
    try:
        floor.start_simulator()
        alone = floor.open_proxy(store(f"redis://127.0.0.1:{gate.port}/0"))
        floor.until(lambda: alone.is_well and alone.leads, "the first does not lead")
        for _ in range(2):
            floor.open_proxy(store(redis.url))
        floor.until(lambda: all(proxy.is_well for proxy in floor.proxies), "they are not well")
        floor.begin()
        floor.come("--talk", "0.05", "--ask-again", "0.3", *MIXED)
        half_done(floor, 0.3)
        gate.close()
        floor.until(lambda: is_out_of_touch(alone), "it does not notice")
        floor.until(lambda: any(proxy.leads for proxy in floor.proxies[1:]), "nobody takes over")
        half_done(floor, 0.7)
        gate.open()
        floor.until(lambda: alone.is_well, "it does not come back")
        floor.in_the_middle()
        come_to_an_end(floor)
    finally:
        gate.remove()


# ------------------------------------------------------------------------------------------------------------- Redis


def test_redis_stands_still(floor_of: Callable[..., Floor], redis: RedisServer) -> None:
    """It hangs, no connection breaks: the agents work on, nothing is completed, nothing is counted wrong."""
    floor = floor_of()
    play(floor, redis.url)
    half_done(floor, 0.3)
    redis.pause()
    before, requests = floor.finalized, floor.requests()
    floor.until(lambda: all(map(is_out_of_touch, floor.running)), "nobody says that Redis is lost")
    floor.until(lambda: floor.finalized > before, "the agents do not work on")
    assert floor.requests() == requests
    redis.resume()
    floor.until(lambda: all(proxy.is_well for proxy in floor.proxies), "they do not come back")
    come_to_an_end(floor)


def uncounted(proxy: Proxy) -> bool:
    """Whether all that it shows of records is that it does not know."""
    counters = proxy.counters()
    return bool(counters) and all(set(group.values()) == {None} for group in counters.values())


def loaded_anew(floor: Floor) -> None:
    """Nothing is known, and nothing is completed, whatever the agents say, until the groups are loaded anew."""
    floor.until(lambda: all(proxy.is_well for proxy in floor.proxies), "they do not come back")
    assert all(map(uncounted, floor.proxies))
    floor.until(lambda: all(group["left"] == 0 for group in floor.truth().values()), "records are left")
    floor.until(lambda: all(diary["no_records"] > 10 for diary in floor.diaries().values()), "nobody asks for more")
    assert all(map(uncounted, floor.proxies))
    assert [floor.accepted(cast.name) for cast in floor.casts] == [(0, 0)] * len(floor.casts)
    for request in ("stop", "unload", "load"):
        floor.order(request, *floor.casts)
    floor.until(lambda: not any(map(uncounted, floor.proxies)), "they do not count anew")
    assert {tuple(group.values()) for group in floor.proxies[0].counters().values()} == {(0,) * len(COUNTERS)}


def test_redis_is_wiped(floor_of: Callable[..., Floor], redis: RedisServer) -> None:
    """Counters are unknown from then on, and no group is completed, until it is loaded anew."""
    floor = floor_of()
    play(floor, redis.url)
    half_done(floor)
    redis.wipe()
    floor.until(lambda: all(map(uncounted, floor.proxies)), "they count on")
    loaded_anew(floor)


def test_redis_comes_back_older(floor_of: Callable[..., Floor]) -> None:
    """One that was killed, and holds what it last saved, is as good as empty."""
    with RedisServer() as redis:
        floor = floor_of()
        play(floor, redis.url)
        half_done(floor, 0.3)
        redis.ask("SAVE")
        half_done(floor, 0.6)
        redis.kill()
        redis.start()
        floor.until(lambda: all(map(uncounted, floor.proxies)), "they count on")
        loaded_anew(floor)


def test_two_sets_of_groups_in_one_redis(floor_of: Callable[..., Floor], redis: RedisServer) -> None:
    """Two sites with the same groups share a Redis under two prefixes, and know nothing of each other."""
    sites = [floor_of(SMALL[0]), floor_of(SMALL[0])]
    for site, prefix in zip(sites, ("north", "south"), strict=True):
        site.open([store(redis.url, f"prefix = {prefix}")] * 2)
        site.begin()
    for site in sites:
        site.come("--talk", "0.05", "--ask-again", "0.3", *MIXED)
    half_done(sites[0])
    sites[0].in_the_middle()
    for site in sites:
        come_to_an_end(site)
    for site in sites:
        assert site.proxies[0].log.count("Stop sent") == 1
