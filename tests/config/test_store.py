"""The section [store]: where groups survive, and who shares them."""

from __future__ import annotations

import pytest

from proxy.config import ConfigError, Store, parse
from proxy.shared.url import RedisUrl
from proxy.store.urls import redis_url, shown_url
from proxy.summary import summary, warnings
from tests.config.test_config import TEVENTS

SECRET = "Schl%C3%BCssel"
"""A password, as it is written in a URL."""


def store(*lines: str) -> Store:
    """What a section with these lines says."""
    return parse("\n".join([TEVENTS, "[store]", *lines])).store


def problems(*lines: str) -> list[str]:
    """What is wrong with a section with these lines."""
    with pytest.raises(ConfigError) as refused:
        store(*lines)
    return [str(problem) for problem in refused.value.problems]


@pytest.mark.parametrize("url", ["memory:", "sqlite:/var/groups.db"])
def test_a_store_of_one_proxy_is_shared_with_nobody(url: str) -> None:
    """It is no Redis, and is shown as it is written."""
    assert store(f"url = {url}").url == url
    assert (redis_url(url), shown_url(url)) == (None, url)


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("redis://redis1", RedisUrl(host="redis1")),
        (f"rediss://proxy:{SECRET}@redis1:6380/2", RedisUrl("redis1", 6380, "", True, 2, "proxy", "Schlüssel")),
        ("redis+unix:/run/redis.sock", RedisUrl(path="/run/redis.sock")),
    ],
)
def test_groups_are_shared_through_redis(url: str, meant: RedisUrl) -> None:
    """By host or socket, with TLS or without."""
    assert store(f"url = {url}") == Store(url, 10.0, "tevent-proxy")
    assert redis_url(url) == meant


def test_how_groups_are_shared() -> None:
    """After how long another proxy takes over, and which set of groups of a Redis is meant."""
    assert store("url = redis://redis1", "lease = 4.5", "prefix = site-2_a.b:c") == Store(
        "redis://redis1", 4.5, "site-2_a.b:c"
    )


@pytest.mark.parametrize("url", ["memory:", "sqlite:/var/groups.db", None])
@pytest.mark.parametrize("line", ["lease = 10", "prefix = tevent-proxy"])
def test_what_is_for_shared_groups_only(url: str | None, line: str) -> None:
    """Who gives a lease believes that another proxy takes over: where none does, it is an error."""
    key = line.partition(" ")[0]
    what = f"[store] {key}: is for groups that several proxies share: {url or 'memory:'} is one proxy's alone"
    assert problems(*([f"url = {url}"] if url else []), line) == [what]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("lease = 2.9", "lease: at least 3 s are wanted: proxies say once a second that they are there"),
        ("lease = ten", "lease: not a number of seconds: 'ten'"),
        ("prefix = a b", "prefix: letters, digits and - _ . : are wanted: 'a b'"),
        ("prefix = {a}", "prefix: letters, digits and - _ . : are wanted: '{a}'"),
        ("prefix = größe", "prefix: letters, digits and - _ . : are wanted: 'größe'"),
        ("prefix =", "prefix: letters, digits and - _ . : are wanted: ''"),
    ],
)
def test_every_mistake_is_told(line: str, problem: str) -> None:
    """In the words of the option."""
    assert problems("url = redis://redis1", line) == [f"[store] {problem}"]


@pytest.mark.parametrize(
    "line",
    [
        f"url = redsi://:{SECRET}@redis1",
        f"url = postgresql://proxy:{SECRET}@redis1/0",
        f"url = redis://:{SECRET}@redis1:port",
        f"url = redis://:{SECRET}@redis1/zero",
        f"url = redis://:{SECRET}@",
        f"url = redis://:{SECRET}#?/@redis1",
        f"url = redis://:{SECRET} x@redis1",
        f"url = rediss://{SECRET}@redis1",
        f"url = redis+unix://:{SECRET}@redis1",
        f"url = {SECRET}@redis1",
        f"url = {SECRET}:6379@redis1",
        f"url: redis://:{SECRET}@redis1",
        f"redis://:{SECRET}@redis1",
    ],
)
def test_no_problem_shows_a_password(line: str) -> None:
    """What is wrong with a URL is printed on screens and sent by mail: the password is not in it."""
    (problem,) = problems(line)
    assert SECRET not in problem
    assert "Schl" not in problem


def test_a_url_that_is_wrong_is_one_problem() -> None:
    """Whether a lease may stand with it cannot be told yet."""
    assert problems("url = redis://", "lease = 10") == [
        "[store] url: a host is missing: redis://[user:password@]host[:6379][/db], rediss://..., "
        "redis+unix:/path/to.sock"
    ]


def test_the_summary_says_who_shares_the_groups() -> None:
    """And after how long another takes over; the password is not in it, nor in any other text of the conf file."""
    config = parse(f"{TEVENTS}\n[store]\nurl = rediss://:{SECRET}@redis1/1\nlease = 4\n")
    line = "store       rediss://:***@redis1:6379/1, shared with all proxies there that say tevent-proxy; lease 4 s"
    assert line in summary(config).splitlines()
    assert warnings(config) == []
    assert "Schl" not in summary(config) + repr(config) + str(config.store)


@pytest.mark.parametrize(
    ("url", "keys"),
    [
        ("redis://redis1", ["is asked for no password", "is spoken to in plain text"]),
        (f"redis://:{SECRET}@redis1", ["is spoken to in plain text"]),
        ("rediss://redis1", ["is asked for no password"]),
        (f"rediss://:{SECRET}@redis1", []),
        ("redis://localhost", []),
        ("redis://127.0.0.1:6380", []),
        ("redis://[::1]", []),
        ("redis+unix:/run/redis.sock", []),
        ("sqlite:/var/groups.db", []),
    ],
)
def test_a_redis_that_others_can_read_is_warned_of(url: str, keys: list[str]) -> None:
    """Phones of open records stand in it: on another host it wants a password and TLS."""
    warned = warnings(parse(f"{TEVENTS}\n[store]\nurl = {url}\n"))
    assert len(warned) == len(keys)
    for warning, key in zip(warned, keys, strict=True):
        assert warning.startswith(f"[store] url: {shown_url(url)} {key}")
        assert "Schl" not in warning
