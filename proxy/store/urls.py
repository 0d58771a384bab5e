"""Which store the `url` of [store] means."""

from __future__ import annotations

from typing import Any

from proxy.interfaces import IGroupStore
from proxy.store.behind import WriteBehind
from proxy.store.memory import MemoryStore
from proxy.store.sqlite import SqliteFile

SQLITE = "sqlite:"


def store_url(text: str) -> str:
    """The same text. Raises ValueError, with what is wrong, where it means no store."""
    if text == "memory:" or (text.startswith(SQLITE) and sqlite_path(text)):
        return text
    if text == SQLITE:
        raise ValueError("a path is missing: sqlite:/var/lib/tevent-proxy/groups.db")
    raise ValueError(f"not available in this version: {text!r} (there is: memory:, sqlite:PATH)")


def sqlite_path(url: str) -> str | None:
    """Where the file of a `sqlite:` store is; None of another store."""
    return url.removeprefix(SQLITE) if url.startswith(SQLITE) else None


def store_of(url: str, reactor: Any) -> IGroupStore:
    """The store of a url that store_url has let pass."""
    path = sqlite_path(url)
    return MemoryStore() if path is None else WriteBehind(SqliteFile(path), reactor)
