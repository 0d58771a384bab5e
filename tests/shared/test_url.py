"""Which Redis a URL means, and what is said of one that means none."""

from __future__ import annotations

import re

import pytest

from proxy.shared.url import RedisUrl


@pytest.mark.parametrize(
    ("text", "means", "shown"),
    [
        ("redis://redis1", RedisUrl("redis1"), "redis://redis1:6379/0"),
        ("redis://redis1/", RedisUrl("redis1"), "redis://redis1:6379/0"),
        ("redis://redis1:7000/3", RedisUrl("redis1", 7000, db=3), "redis://redis1:7000/3"),
        ("rediss://redis1/15", RedisUrl("redis1", tls=True, db=15), "rediss://redis1:6379/15"),
        ("redis://[::1]:7000", RedisUrl("::1", 7000), "redis://[::1]:7000/0"),
        ("redis://:geheim@redis1", RedisUrl("redis1", password="geheim"), "redis://:***@redis1:6379/0"),
        ("redis://proxy:g%40h%2F@redis1", RedisUrl("redis1", user="proxy", password="g@h/"),
         "redis://proxy:***@redis1:6379/0"),
        ("redis://a@b:c:d@redis1", RedisUrl("redis1", user="a@b", password="c:d"), "redis://a@b:***@redis1:6379/0"),
        ("redis+unix:/run/redis.sock", RedisUrl(path="/run/redis.sock"), "redis+unix:/run/redis.sock"),
        ("redis+unix:///redis.sock?db=2", RedisUrl(path="/redis.sock", db=2), "redis+unix:/redis.sock?db=2"),
        ("redis+unix://me:geheim@/run/a%20b?db=2", RedisUrl(path="/run/a b", db=2, user="me", password="geheim"),
         "redis+unix://me:***@/run/a b?db=2"),
    ],
)  # fmt: skip
def test_means(text: str, means: RedisUrl, shown: str) -> None:
    """Host, port, database, user, TLS and socket are what the URL says; what is shown of it is no secret."""
    assert RedisUrl.parse(text) == means
    assert str(RedisUrl.parse(text)) == shown
    assert "geheim" not in repr(RedisUrl.parse(text))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "none of redis://"),
        ("memory:", "none of redis://"),
        ("http://redis1", "none of redis://"),
        ("redis:", "host is missing"),
        ("redis:redis1", "host is missing"),
        ("redis://:6379", "host is missing"),
        ("redis://redis1:0", "1 to 65535"),
        ("redis://redis1:65536", "1 to 65535"),
        ("redis://redis1:port", "1 to 65535"),
        ("redis://[::1", "1 to 65535"),
        ("redis://redis1/x", "database is a number"),
        ("redis://redis1/-1", "database is a number"),
        ("redis://redis1/1/2", "database is a number"),
        ("redis://redis1/²", "database is a number"),
        ("redis://redis1/0?x=1", "nothing may follow"),
        ("redis://redis1/0#x", "nothing may follow"),
        ("redis://geheim@redis1", "user:password"),
        ("redis://proxy:@redis1", "user:password"),
        ("redis://:ge/heim@redis1", "1 to 65535"),
        ("redis://proxy:ge#heim@redis1", "1 to 65535"),
        ("redis://redis 1", "no space"),
        ("redis://redis1\n", "no space"),
        ("redis+unix:", "whole path"),
        ("redis+unix:/", "whole path"),
        ("redis+unix:redis.sock", "whole path"),
        ("redis+unix://host/redis.sock", "whole path"),
        ("redis+unix:/redis.sock?db=x", "database is a number"),
        ("redis+unix:/redis.sock?db=", "only ?db=NUMBER"),
        ("redis+unix:/redis.sock?db=1&db=2", "only ?db=NUMBER"),
        ("redis+unix:/redis.sock?x=1", "only ?db=NUMBER"),
        ("redis+unix:/redis.sock#x", "nothing may follow"),
    ],
)
def test_means_none(text: str, why: str) -> None:
    """A URL that means no Redis is refused with what is wrong, in words that do not show the password."""
    with pytest.raises(ValueError, match=re.escape(why)) as refused:
        RedisUrl.parse(text)
    assert "heim" not in str(refused.value)
