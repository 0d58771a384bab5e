"""Whether anything is still on its way between the sockets of a test.

Where time is a test's own, it may pass only when nothing real is under way: on a busy machine the system takes long
to carry bytes from one socket to the other, and many a turn of the reactor goes by.
"""

from __future__ import annotations

import fcntl
import select
import socket
import sys
from collections.abc import Iterator
from termios import TIOCOUTQ

from twisted.internet import reactor
from twisted.internet.task import deferLater

TURNS = 3
"""How many turns of the reactor in a row nothing must be on its way: what a turn puts off happens in the next."""


class Quiet:
    """To be asked once a turn of the reactor: whether all that was sent has come, and has been read.

    Connections and their ends, too. Both ends of all connections of the reactor must be in this process, and be read
    from: else it is never quiet.
    """

    def __init__(self) -> None:
        self._turns = 0

    def __call__(self) -> bool:
        self._turns = self._turns + 1 if _nothing_is_under_way() else 0
        return self._turns >= TURNS


async def quiet() -> None:
    """Let the reactor turn until it is."""
    is_quiet = Quiet()
    while not is_quiet():
        await deferLater(reactor, 0)


def _nothing_is_under_way() -> bool:
    if any(isinstance(_socket(writer), socket.socket) for writer in reactor.getWriters()):
        return False
    there = list(_sockets())
    return not _readable(there) and _all_have_both_ends(there) and not any(map(_unacknowledged, there))


def _sockets() -> Iterator[socket.socket]:
    for each in reactor.getReaders():
        found = _socket(each)
        if isinstance(found, socket.socket) and found.family in (socket.AF_INET, socket.AF_INET6):
            yield found


def _socket(selectable: object) -> object:
    return getattr(selectable, "socket", None)


def _readable(there: list[socket.socket]) -> bool:
    """Whether bytes, the end of a connection, or a new one wait to be taken."""
    poll = select.poll()
    for each in there:
        poll.register(each, select.POLLIN)
    return bool(poll.poll(0))


def _all_have_both_ends(there: list[socket.socket]) -> bool:
    """Not where a connection is being made, or one end has gone and the other has yet to hear of it."""
    try:
        ends = {(each.getsockname(), each.getpeername()) for each in there if not _listens(each)}
    except OSError:
        return False
    return all((theirs, ours) in ends for ours, theirs in ends)


def _listens(each: socket.socket) -> bool:
    return bool(each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _unacknowledged(each: socket.socket) -> bool:
    """Whether the other end's system has yet to take bytes that were sent."""
    if _listens(each):
        return False
    return int.from_bytes(fcntl.ioctl(each, TIOCOUTQ, bytes(4)), sys.byteorder) > 0
