"""Which upstream of a channel is in charge: the one where the proxy's own session is registered.

The upstreams of a channel are a pair, of which one serves at a time, and only there OCS is heard. So all sessions of a
channel belong on the same side: where the session of our own was taken, new sessions go first, and those on another
side are at a lost one. They end, so that their clients connect anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from twisted.logger import Logger

from proxy.relay.upstreams import Upstreams


class Joined(Protocol):
    """A session of a client, see Session."""

    @property
    def reached(self) -> str | None:
        """The upstream it has."""
        ...

    @property
    def upstream_bytes(self) -> int:
        """How many bytes came from it."""
        ...

    @property
    def is_ending(self) -> bool:
        """Whether its end has begun."""
        ...

    def lose_upstream(self) -> None:
        """End the session: its upstream is lost."""


class Sides:
    """The sides of one channel; `sessions` are its clients' sessions, by their numbers, as they are at any moment."""

    log = Logger()

    def __init__(self, name: str, upstreams: Upstreams, sessions: Mapping[int, Joined]) -> None:
        self._name = name
        self._upstreams = upstreams
        self._sessions = sessions
        self._heard_before: dict[int, int] = {}
        upstreams.is_serving = self._is_serving
        upstreams.reached_again = self._gather

    @property
    def home(self) -> str:
        """Where the session of our own belongs: with the primary, if that takes over again by itself."""
        return self._upstreams.primary if self._upstreams.failback else self._upstreams.in_charge

    def order(self, mute: str | None) -> list[str]:
        """In which order the session of our own tries them; `mute` took it last time, and never said a word.

        As long as desktops hear something of the one in charge, the session of our own can only be there.
        """
        charge = self._upstreams.in_charge
        if self._is_serving(charge):
            return [charge]
        return self._upstreams.after(charge, itself=True) if mute is None else self._upstreams.after(mute)

    def registered(self, upstream: str) -> None:
        """The session of our own is registered there: it is in charge."""
        if upstream != self._upstreams.in_charge:
            self.log.warn("{name}: {upstream} is in charge now", name=self._name, upstream=upstream)
        self._upstreams.in_charge = upstream
        self._upstreams.settled = True
        self._gather()

    def lost(self) -> None:
        """The session of our own is registered nowhere."""
        self._upstreams.settled = False
        if self._upstreams.failback:
            self._upstreams.in_charge = self._upstreams.primary
        self._heard_before = {number: session.upstream_bytes for number, session in self._sessions.items()}

    def _is_serving(self, upstream: str) -> bool:
        """Whether a session has heard something of an upstream since the session of our own was lost there."""
        return any(
            session.reached == upstream
            and not session.is_ending
            and session.upstream_bytes > self._heard_before.get(number, 0)
            for number, session in self._sessions.items()
        )

    def _gather(self) -> None:
        """Sessions elsewhere end, so that all are on the side that is in charge."""
        elsewhere = [
            session
            for session in self._sessions.values()
            if session.reached not in (None, self._upstreams.in_charge) and not session.is_ending
        ]
        if elsewhere:
            self.log.warn("{name}: {number} sessions of a lost upstream end", name=self._name, number=len(elsewhere))
        for session in elsewhere:
            session.lose_upstream()
