"""Who is connected to this instance: others who have lost it, or never knew it, are told."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.campaign.observation import (
    AgentHeard,
    DnRegistered,
    DnUnregistered,
    Observation,
    RecordDelivered,
    SessionBlind,
    SessionEnded,
    SourceConnected,
    SourceLost,
)
from proxy.campaign.registrations import Registrations


class Here:
    """The sessions of this instance's own channels, by the numbers that those gave them; and who reports to it."""

    def __init__(self) -> None:
        self._registrations = Registrations()
        self._blind: set[int] = set()
        self._sources: set[str] = set()

    def note(self, observation: Observation) -> None:
        """Something was observed here."""
        if isinstance(observation, (DnRegistered, AgentHeard, RecordDelivered)):
            self._registrations.register(observation.session, observation.dn)
        elif isinstance(observation, DnUnregistered):
            self._registrations.unregister(observation.session, observation.dn, 0.0)
        elif isinstance(observation, SessionBlind):
            self._blind.add(observation.session)
        elif isinstance(observation, SessionEnded):
            self._registrations.end(observation.session, 0.0)
            self._blind.discard(observation.session)
        elif isinstance(observation, SourceConnected):
            self._sources.add(observation.source)
        elif isinstance(observation, SourceLost):
            self._sources.discard(observation.source)

    def sessions(self, dn: str) -> list[int]:
        """Those that get the events of a DN."""
        return sorted(self._registrations.sessions(dn))

    def told(self) -> Iterator[Observation]:
        """What somebody has to be told who knows of none of them."""
        for session in sorted(self._registrations.all_sessions):
            for dn in sorted(self._registrations.dns(session)):
                yield DnRegistered(session, dn)
        for session in sorted(self._blind):
            yield SessionBlind(session)
        for source in sorted(self._sources):
            yield SourceConnected(source)
