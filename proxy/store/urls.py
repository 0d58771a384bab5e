"""Which store the `url` of [store] means."""

from __future__ import annotations

from typing import Any

from proxy.interfaces import IGroupStore
from proxy.shared.url import RedisUrl
from proxy.store.behind import WriteBehind
from proxy.store.memory import MemoryStore
from proxy.store.sqlite import SqliteFile

SQLITE = "sqlite:"

REDIS = ("redis", "rediss", "redis+unix")
"""What stands before the colon where groups are shared through Redis."""


def store_url(text: str) -> str:
    """The same text. Raises ValueError, with what is wrong, and without a password, where it means no store."""
    if text == "memory:" or (text.startswith(SQLITE) and sqlite_path(text)) or redis_url(text):
        return text
    if text == SQLITE:
        raise ValueError("a path is missing: sqlite:/var/lib/tevent-proxy/groups.db")
    scheme, colon, _ = text.partition(":")
    meant = repr(f"{scheme}:...") if colon and scheme.isidentifier() else "the value given"
    raise ValueError(f"{meant} is no store that is known (there are: memory:, sqlite:PATH, redis://HOST)")


def sqlite_path(url: str) -> str | None:
    """Where the file of a `sqlite:` store is; None of another store."""
    return url.removeprefix(SQLITE) if url.startswith(SQLITE) else None


def redis_url(url: str) -> RedisUrl | None:
    """Where the Redis is through which groups are shared; None of a store that is this proxy's alone.

    Raises ValueError, as RedisUrl.parse, where that cannot be told: not of a url that store_url has let pass.
    """
    return RedisUrl.parse(url) if url.partition(":")[0] in REDIS else None


def shown_url(url: str) -> str:
    """A url that store_url has let pass, without a password."""
    return str(redis_url(url) or url)


def store_of(url: str, reactor: Any) -> IGroupStore:
    """The store of a url that store_url has let pass, and that is this proxy's alone: redis_url gives None."""
    assert redis_url(url) is None
    path = sqlite_path(url)
    return MemoryStore() if path is None else WriteBehind(SqliteFile(path), reactor)
