"""What the relay of an HTTP channel counts."""

from __future__ import annotations

from typing import TypeVar

from proxy.relay.causes import Cause

Name = TypeVar("Name")

METHODS = frozenset(
    {b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE", b"CONNECT"},
)
"""Methods that are counted by their name."""


class HttpCounts:
    """Plain numbers, from the start on.

    `begun` are connections of clients, `causes` why they ended, `client_bytes` and `upstream_bytes` what came
    from each side. `requests` counts replies by the request's method (`other`: none of the known ones, `none`:
    there was no request that could be read) and the class of the status (`2xx`); `unanswered` requests whose
    client left before the reply began. `unread_requests` and `unread_replies` count wanted bodies that passed
    unread, by why; `upstream_failures` requests that failed upstream, by why; `tunnels` connections that became
    tunnels; `failed` mistakes of ours in looking.
    """

    def __init__(self) -> None:
        self.begun = 0
        self.causes: dict[Cause, int] = dict.fromkeys(Cause, 0)
        self.client_bytes = 0
        self.upstream_bytes = 0
        self.requests: dict[tuple[str, str], int] = {}
        self.unanswered = 0
        self.unread_requests: dict[str, int] = {}
        self.unread_replies: dict[str, int] = {}
        self.upstream_failures: dict[str, int] = {}
        self.tunnels = 0
        self.failed = 0

    def replied(self, method: bytes | None, status: int) -> None:
        """A reply to such a request began."""
        name = "none" if method is None else method.decode() if method in METHODS else "other"
        add(self.requests, (name, f"{status // 100}xx"))


def add(counts: dict[Name, int], name: Name) -> None:
    """One more of these."""
    counts[name] = counts.get(name, 0) + 1
