"""Which sessions get the events of which DN, and which events are copies of one another (R6)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from attrs import define, field

from proxy.campaign.plain import MANY, Ordered

MAX_BEHIND = 256
"""For how many events of one DN copies are waited for; the oldest are forgotten first."""


@define
class Registrations:
    """Sessions and the DNs they are registered for. A DN may have several sessions, a session several DNs."""

    _sessions: dict[str, set[int]] = field(factory=dict, metadata=MANY)
    _dns: dict[int, set[str]] = field(factory=dict, metadata=MANY)
    _blind: set[int] = field(factory=set)
    _gone: dict[str, float] = field(factory=dict, metadata=MANY)
    _behind: dict[str, Ordered[tuple[str, str], Counter[int]]] = field(factory=lambda: defaultdict(dict), metadata=MANY)

    def register(self, session: int, dn: str) -> bool:
        """The session gets the events of the DN. False where it did already."""
        sessions = self._sessions.setdefault(dn, set())
        if session in sessions:
            return False
        sessions.add(session)
        self._dns.setdefault(session, set()).add(dn)
        self._gone.pop(dn, None)
        return True

    def unregister(self, session: int, dn: str, now: float) -> None:
        """The session gets the events of the DN no more."""
        dns = self._dns.get(session, set())
        if dn not in dns:
            return
        dns.discard(dn)
        if not dns:
            del self._dns[session]
        sessions = self._sessions[dn]
        sessions.discard(session)
        if not sessions:
            del self._sessions[dn]
            self._gone[dn] = now
        self._wait_no_more(dn, session)

    def _wait_no_more(self, dn: str, session: int) -> None:
        """No copies come any more on a session that is gone; what it brought stays counted for the others."""
        for key, behind in list(self._behind.get(dn, {}).items()):
            del behind[session]
            self._drop_if_even(dn, key)

    def end(self, session: int, now: float) -> Sequence[str]:
        """The session is over. The DNs it was registered for, in order."""
        dns = sorted(self._dns.get(session, ()))
        for dn in dns:
            self.unregister(session, dn, now)
        self._blind.discard(session)
        return dns

    @property
    def all_sessions(self) -> set[int]:
        """All sessions that are registered for a DN, or cannot be read."""
        return self._dns.keys() | self._blind

    def sessions(self, dn: str) -> set[int]:
        """The sessions that get the events of a DN."""
        return self._sessions.get(dn, set())

    def dns(self, session: int) -> set[str]:
        """The DNs whose events a session gets."""
        return self._dns.get(session, set())

    def gone_since(self, dn: str) -> float | None:
        """When the DN lost its last session; None while it has one, or never had."""
        return self._gone.get(dn)

    def blind(self, session: int) -> None:
        """The session cannot be read any more (R16)."""
        self._blind.add(session)

    @property
    def has_blind(self) -> bool:
        """Whether any session cannot be read."""
        return bool(self._blind)

    def is_blind(self, dn: str) -> bool:
        """Whether one of the sessions of the DN cannot be read."""
        return bool(self._blind) and not self._blind.isdisjoint(self.sessions(dn))

    def is_copy(self, session: int, dn: str, event: str, handle: str) -> bool:
        """Count an event that a session brought for a handle on a DN; whether another session brought it before.

        The n-th time on one session is a copy of the n-th time on any other session of the DN, though that one may
        have ended since; a session that registers later starts from the count of then. So only by how much a
        session is behind the others is kept: a DN with one session costs nothing.
        """
        key = (event, handle)
        behind = self._behind.get(dn, {}).get(key)
        if behind is not None and session in behind:
            behind -= Counter((session,))
            self._drop_if_even(dn, key)
            return True
        others = self.sessions(dn) - {session}
        if others:
            events = self._behind[dn]
            events.setdefault(key, Counter()).update(others)
            if len(events) > MAX_BEHIND:
                del events[next(iter(events))]
        return False

    def _drop_if_even(self, dn: str, key: tuple[str, str]) -> None:
        if not self._behind[dn][key]:
            del self._behind[dn][key]
        if not self._behind[dn]:
            del self._behind[dn]
