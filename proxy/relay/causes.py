"""Why sessions end: each by exactly one cause, so that the causes add up to the sessions that ended (M6)."""

from __future__ import annotations

from enum import Enum


class Cause(Enum):
    """The cause by which a session ended; its value is the name in logs, status and metrics."""

    CLIENT_CLOSED = "client_closed"
    CLIENT_LOST = "client_lost"
    UPSTREAM_CLOSED = "upstream_closed"
    UPSTREAM_LOST = "upstream_lost"
    UPSTREAM_UNREACHABLE = "upstream_unreachable"
    REFUSED_MAX_SESSIONS = "refused_max_sessions"
    MALFORMED = "malformed"
    DEADLINE = "deadline"
    SHUTDOWN = "shutdown"
