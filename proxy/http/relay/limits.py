"""What bounds the relay of an HTTP channel."""

from __future__ import annotations

from attrs import frozen


@frozen
class HttpLimits:
    """Times are seconds, sizes bytes.

    `max_sessions` bounds the connections of clients; `max_body` a body that is brought whole, `max_head` a head.
    `header_timeout` is for a client to send a head, `idle_timeout` for it to go on with a body, or to ask again;
    for the reply there is no limit. `deadline` is the time for connections to end.
    """

    max_sessions: int = 20000
    max_body: int = 1048576
    max_head: int = 65536
    connect_timeout: float = 5.0
    deadline: float = 10.0
    header_timeout: float = 30.0
    idle_timeout: float = 75.0
