"""Proxies that share the groups: each sees its own desktops only, and may know of a record that nobody else saw.

So a group is completed only when all of them were heard since everything has held; and where one is lost, not while
agents of its sessions, to whom it may still relay, are to be found nowhere. A proxy that is alone has no instances.
"""

from __future__ import annotations

from collections.abc import Iterable

SHIFT = 32
"""By how many bits the number of the instance stands above that of the session in its own channel."""

_OWN = (1 << SHIFT) - 1


def shared(session: int, instance: int) -> int:
    """The number by which all instances know a session of one of them; 0 is nobody's."""
    return instance << SHIFT | session if session else 0


def instance_of(session: int) -> int:
    """Whose session it is; 0 where the groups are not shared."""
    return session >> SHIFT


def own(session: int) -> int:
    """The number that its instance gave to a session."""
    return session & _OWN


class Instances:
    """When each instance was heard last, and whether it has a control session.

    `gone`: since when agents cannot be found, whose last session was one of an instance that was lost; by DN.
    """

    def __init__(self) -> None:
        self.heard: dict[int, float] = {}
        self.controls: dict[int, bool] = {}
        self.gone: dict[str, float] = {}

    def hear(self, instance: int, controls: bool, now: float) -> None:
        """It is there."""
        self.heard[instance] = now
        self.controls[instance] = controls

    def forget(self, instance: int) -> None:
        """It is there no more."""
        self.heard.pop(instance, None)
        self.controls.pop(instance, None)

    def unheard_since(self, moment: float) -> list[int]:
        """Those who have not said that they are there since a moment."""
        return [instance for instance, heard in self.heard.items() if heard < moment]

    def lose(self, dns: Iterable[str], now: float) -> None:
        """Agents on these DNs cannot be found any more."""
        for dn in dns:
            self.gone.setdefault(dn, now)

    def find(self, dn: str) -> None:
        """An agent is there again."""
        self.gone.pop(dn, None)

    def unaccounted_until(self, dns: Iterable[str], stale_after: float, now: float) -> float | None:
        """Until when a group with agents on these DNs waits for those who cannot be found; None where it does not."""
        if not self.gone:
            return None
        until = (self.gone[dn] + stale_after for dn in dns if dn in self.gone)
        return max((when for when in until if when > now), default=None)
