"""What all groups share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count

from attrs import define, field

from proxy.campaign.instances import Instances
from proxy.campaign.observation import Command
from proxy.campaign.registrations import Registrations
from proxy.campaign.sources import TELL_STATES


class References:
    """References of the proxy's own requests (R24): a range of their own, a part of it for each instance.

    `instance` is any number; 14 bits of it count. References are positive 32-bit integers.
    """

    FIRST = 0x60000000

    def __init__(self, instance: int) -> None:
        self._base = self.FIRST | (instance & 0x3FFF) << 14
        self._next = count()

    def take(self) -> int:
        """A reference that was not given out for a long time."""
        return self._base | next(self._next) & 0x3FFF


@define
class Surroundings:
    """What all groups share: what is connected, whether OCS is in trouble (SystemError), and where commands go.

    `retiring`: the proxy is about to stop. `waiting_clients`: how many requests for groups a session of a client has
    without an answer. `store_problem`: why nothing can be written down. `forgotten_groups`: the numbers of those that
    turned out to be others. `late`: what is observed now was seen long ago, and is no evidence (R14).
    """

    registrations: Registrations
    references: References
    tell: Callable[[Command], None]
    connected: set[str] = field(factory=set)
    in_trouble: bool = False
    retiring: bool = False
    witnesses: set[str] = field(factory=set)
    lost_witnesses: set[str] = field(factory=set)
    counts: dict[str, int] = field(factory=dict)
    waiting_clients: Counter[int] = field(factory=Counter)
    numbers: Iterator[int] = field(factory=lambda: count(1))
    group_numbers: Iterator[int] = field(factory=lambda: count(1))
    forgotten_groups: set[int] = field(factory=set)
    store_problem: str | None = None
    instances: Instances = field(factory=Instances)
    late: bool = False

    @property
    def hears_words(self) -> bool:
        """Whether a source of OCS's words is connected (R1)."""
        return not self.connected.isdisjoint(TELL_STATES)

    def add(self, name: str) -> None:
        """Count one of `name`."""
        self.counts[name] = self.counts.get(name, 0) + 1
