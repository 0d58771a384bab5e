"""A way to a Redis server on which the test stands: it can be closed, and what comes back on it can be held.

Its work is done in threads: it needs no reactor, and goes on while the test looks elsewhere.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import NamedTuple

AT_ONCE = 1 << 16
"""Bytes that are carried at once."""

MISTAKES = (OSError, ValueError)
"""What a socket that is closed meanwhile raises."""


class _Way(NamedTuple):
    """A connection of a client, and the one from here on. Nothing comes back while `held` is not set."""

    client: socket.socket
    server: socket.socket
    open: threading.Event


class Gate:
    """Carries what comes at `port` to the server at another port of 127.0.0.1, and back; to be ended by `remove`."""

    def __init__(self, server: int) -> None:
        self.caught = threading.Event()
        """Set when what was waited for (`hold_after`) has come."""
        self._server = server
        self._ways: list[_Way] = []
        self._wanted: bytes | None = None
        self._is_open = True
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        """Nobody gets through any more: all connections are lost, and new ones end at once."""
        self._is_open = False
        self._lose_all()

    def open(self) -> None:
        """New connections get through again."""
        self._is_open = True

    def hold_after(self, request: bytes) -> None:
        """From the next request with these bytes in it on, nothing comes back on its connection; it itself goes on."""
        self.caught.clear()
        self._wanted = request

    def release(self) -> None:
        """What was held comes back."""
        for way in self._ways:
            way.open.set()

    def remove(self) -> None:
        """Nothing is left of it."""
        self._is_open = False
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.release()
        self._lose_all()

    def _lose_all(self) -> None:
        ways, self._ways = self._ways, []
        for way in ways:
            _lose(way)

    def _listen(self) -> None:
        with suppress(*MISTAKES):
            while True:
                client, _ = self._listening.accept()
                self._begin(client)

    def _begin(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self._server)) if self._is_open else None
        except OSError:
            server = None
        if server is None:
            client.close()
            return
        way = _Way(client, server, threading.Event())
        way.open.set()
        self._ways.append(way)
        for carry in (self._to, self._back):
            threading.Thread(target=carry, args=(way,), daemon=True).start()

    def _to(self, way: _Way) -> None:
        before = b""
        with suppress(*MISTAKES):
            while data := way.client.recv(AT_ONCE):
                before = before[-AT_ONCE:] + data
                if self._wanted is not None and self._wanted in before:
                    self._wanted = None
                    way.open.clear()
                    self.caught.set()
                way.server.sendall(data)
        _lose(way)

    def _back(self, way: _Way) -> None:
        with suppress(*MISTAKES):
            while data := way.server.recv(AT_ONCE):
                way.open.wait()
                way.client.sendall(data)
        _lose(way)


def _lose(way: _Way) -> None:
    for side in (way.client, way.server):
        with suppress(OSError):
            side.shutdown(socket.SHUT_RDWR)
        side.close()
