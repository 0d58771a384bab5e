"""Two simulators as a pair, a primary and its backup: one is in charge, the other stands by until that one is gone.

What they share is a file with the state of the one in charge, and a lock beside it, which whoever is in charge holds
until it ends, however it ends. The state is written at the end of each turn of work, before a word of it can leave:
what a client has heard, the other one knows.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any

from twisted.internet.interfaces import IAddress, IDelayedCall, IProtocolFactory, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure

LOOK_AGAIN = 0.05
"""Seconds after which the one that stands by looks again whether the other is gone."""


class Role(Enum):
    """Which of the two a simulator is when it starts. Once one has taken over they are equal."""

    PRIMARY = "primary"
    BACKUP = "backup"


class SharedState:
    """The file at `path` and the lock beside it. Raises OSError where they cannot be used."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._lock: int | None = None
        self._written = ""

    @property
    def is_there(self) -> bool:
        """Whether anybody was ever in charge."""
        return self._path.exists()

    def take(self) -> bool:
        """Be in charge; False where the other one is."""
        lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        self._lock = lock
        return True

    def leave(self) -> None:
        """Be in charge no more."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def read(self) -> Any:
        """The state that was written last."""
        return json.loads(self._path.read_text(encoding="utf-8"))

    def write(self, state: object) -> None:
        """Put a state in the place of the last one, in one step; it outlives the process."""
        text = json.dumps(state)
        if text != self._written:
            fresh = Path(f"{self._path}.new")
            fresh.write_text(text, encoding="utf-8")
            os.replace(fresh, self._path)
            self._written = text


class Turns:
    """The reactor, with `over` called after each of the calls that it was told to make later."""

    def __init__(self, reactor: IReactorTime, over: Callable[[], object]) -> None:
        self._reactor = reactor
        self._over = over

    def callLater(self, delay: float, call: Callable[..., object], *args: object, **kwargs: object) -> IDelayedCall:
        """See IReactorTime."""

        def turn() -> None:
            call(*args, **kwargs)
            self._over()

        delayed: IDelayedCall = self._reactor.callLater(delay, turn)
        return delayed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)


class _Turned(ProtocolWrapper):
    """A client's connection; `over` of its factory is called after each turn of it. Who stood down hears nobody."""

    factory: PairDoor

    def dataReceived(self, data: bytes) -> None:
        if self.factory.in_charge:
            super().dataReceived(data)  # type: ignore[no-untyped-call]
            self.factory.over()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)  # type: ignore[no-untyped-call]
        self.factory.over()


class _SentAway(Protocol):
    """A client of the one that stands by: it is there, and it serves nobody."""

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.loseConnection()


class PairDoor(WrappingFactory):
    """What clients of one of a pair find: the `door` of the one in charge; the other one closes at once."""

    protocol = _Turned
    noisy = False

    def __init__(self, door: IProtocolFactory, over: Callable[[], object]) -> None:
        super().__init__(door)  # type: ignore[no-untyped-call]
        self.over = over
        self.in_charge = False

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """See IProtocolFactory."""
        if not self.in_charge:
            return _SentAway()
        return super().buildProtocol(addr)
