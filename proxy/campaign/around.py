"""What all groups share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from attrs import define, field

from proxy.campaign.instances import Instances
from proxy.campaign.numbers import Numbers
from proxy.campaign.observation import Command
from proxy.campaign.plain import APART, ASIDE, MANY
from proxy.campaign.registrations import Registrations
from proxy.campaign.sources import TELL_STATES

FIRST_REFERENCE = 0x60000000
"""Where the range begins that is reserved for the proxy's own requests."""


@define
class References:
    """References of the proxy's own requests (R24): a range of their own, a part of it for each instance.

    `instance` is any number; 14 bits of it count. References are positive 32-bit integers.
    """

    instance: int
    _numbers: Numbers = field(factory=lambda: Numbers(0))

    def take(self) -> int:
        """A reference that was not given out for a long time."""
        return FIRST_REFERENCE | (self.instance & 0x3FFF) << 14 | self._numbers.take() & 0x3FFF


def _to_nobody(command: Command) -> None:
    raise RuntimeError(f"nobody is there to carry it out: {command}")


@define
class Surroundings:
    """What all groups share: what is connected, whether OCS is in trouble (SystemError), and where commands go.

    `retiring`: the proxy is about to stop. `waiting_clients`: how many requests for groups a session of a client has
    without an answer. `status_asked`: when a desktop on a DN asked last which campaigns there are. `store_problem`: why
    nothing can be written down. `forgotten_groups`: the numbers of those that turned out to be others. `late`: what is
    observed now was seen long ago, and is no evidence (R14). `seen_at`: when it was seen, perhaps before what was
    observed already; it says what came first.
    """

    references: References
    registrations: Registrations = field(factory=Registrations, metadata=APART)
    tell: Callable[[Command], None] = field(default=_to_nobody, metadata=ASIDE)
    connected: set[str] = field(factory=set)
    in_trouble: bool = False
    retiring: bool = False
    witnesses: set[str] = field(factory=set)
    lost_witnesses: set[str] = field(factory=set)
    counts: dict[str, int] = field(factory=dict)
    waiting_clients: Counter[int] = field(factory=Counter, metadata=ASIDE)
    status_asked: dict[str, float] = field(factory=dict, metadata=MANY)
    numbers: Numbers = field(factory=Numbers)
    group_numbers: Numbers = field(factory=Numbers)
    forgotten_groups: set[int] = field(factory=set, metadata=ASIDE)
    store_problem: str | None = None
    instances: Instances = field(factory=Instances, metadata=APART)
    late: bool = False
    seen_at: float = 0.0

    @property
    def hears_words(self) -> bool:
        """Whether a source of OCS's words is connected (R1)."""
        return not self.connected.isdisjoint(TELL_STATES)

    def add(self, name: str) -> None:
        """Count one of `name`."""
        self.counts[name] = self.counts.get(name, 0) + 1
