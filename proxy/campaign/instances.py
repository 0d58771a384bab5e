"""Proxies that share the groups: each sees its own desktops only, and may know of a record that nobody else saw.

So a group is completed only when each of them has said that it is there since everything has held; and where one is
lost, not while agents of its sessions, to whom it may still relay, are to be found nowhere. A proxy that is alone has
no instances.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from attrs import define, field

from proxy.campaign.plain import MANY

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


@define
class Instances:
    """When each instance was heard last, and whether it has a control session.

    `applied`: up to which moment it knew then what all had said; what it had seen itself by then was said before.
    `gone`: when the instance was lost that agents had a session of, by DN, until they register anew.
    """

    heard: dict[int, float] = field(factory=dict)
    controls: dict[int, bool] = field(factory=dict)
    applied: dict[int, float] = field(factory=dict)
    gone: dict[str, float] = field(factory=dict, metadata=MANY)

    def hear(self, instance: int, controls: bool, now: float, applied: float = inf) -> None:
        """It is there."""
        self.heard[instance] = now
        self.controls[instance] = controls
        self.applied[instance] = min(now, applied)

    def forget(self, instance: int) -> None:
        """It is there no more."""
        self.heard.pop(instance, None)
        self.controls.pop(instance, None)
        self.applied.pop(instance, None)

    def unheard_since(self, moment: float) -> list[int]:
        """Those of whom nothing was heard since a moment."""
        return sorted(instance for instance, heard in self.heard.items() if heard < moment)

    def behind(self, moment: float) -> list[int]:
        """Those who have not said that they are there when they knew of a moment: they may know of a record before."""
        return sorted(instance for instance, applied in self.applied.items() if applied < moment)

    def lose(self, dns: Iterable[str], now: float) -> None:
        """Agents on these DNs had a session that cannot be seen any more."""
        self.gone.update(dict.fromkeys(dns, now))

    def find(self, dn: str) -> bool:
        """An agent registers; whether he was missed."""
        return self.gone.pop(dn, None) is not None

    def unaccounted_until(self, dns: Iterable[str], stale_after: float, now: float) -> float | None:
        """Until when a group waits for those on these DNs who cannot be found; None where it does not."""
        until = (self.gone[dn] + stale_after for dn in dns if dn in self.gone)
        return max((when for when in until if when > now), default=None)
