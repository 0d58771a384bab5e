"""Ports that are known before anybody listens on them, or after."""

from __future__ import annotations

import socket


def kept(number: int = 0) -> socket.socket:
    """Keep a port of 127.0.0.1, a free one where none is named, at which nobody listens, and nobody will by chance.

    Who is told to listen there still can: a server does not mind those who are bound to its port and do not listen.
    Raises OSError where somebody listens. To be closed after the test.
    """
    keeper = socket.socket()
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        keeper.bind(("127.0.0.1", number))
    except OSError:
        keeper.close()
        raise
    return keeper


def number_of(kept: socket.socket) -> int:
    """The port of a socket."""
    number: int = kept.getsockname()[1]
    return number
