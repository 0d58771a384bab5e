"""Whether this instance leads: it takes the lead where it is free, keeps it, and leaves it to who can do better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from twisted.logger import Logger

from proxy.shared.lead import Lead
from proxy.shared.replica import Replica
from proxy.shared.stream import Stream

BEAT = 1.0
"""Seconds between two signs of life of an instance; so often it sees to the lead, too."""


class Leader(Protocol):
    """The instance that may lead."""

    number: int

    @property
    def epoch(self) -> str:
        """The set of groups it takes part in."""
        ...

    @property
    def replica(self) -> Replica | None:
        """All groups."""
        ...

    @property
    def can_control(self) -> bool:
        """Whether there is a control session with the dialer."""
        ...

    def begins_to_lead(self) -> None:
        """The lead has been given to it, and the stream says so."""

    def leads_no_more(self) -> None:
        """It has ended."""


class Leading:
    """`is_leading`: whether commands are this instance's to carry out; look at `holds` right before one is.

    `lease`, in seconds: so long after an instance has died another leads. `led`: how often this one began to.
    """

    log = Logger()

    def __init__(self, stream: Stream, leader: Leader, lease: float, lead: Lead | None = None) -> None:
        self.is_leading = False
        self.hands_over = False
        self.led = 0
        self._stream = stream
        self._leader = leader
        self._lease = lease
        self._lasts = lease - BEAT  # another looks for the lead once a beat
        self._lead = lead or Lead(self._lasts)
        self._began = 0.0
        self._is_busy = False

    @property
    def fence(self) -> int:
        """The number of the lead that this instance has, 0 where it has none."""
        return self._lead.fence

    @property
    def holds(self) -> bool:
        """Whether the lead surely lasts for long enough to send something under it."""
        return self.is_leading and self._lead.holds

    @property
    def others(self) -> Sequence[int]:
        """The other instances that are there: who was silent for too long is not, whether or not it was said."""
        replica = self._leader.replica
        if replica is None:
            return []
        silent = self._silent(replica)
        return [each for each in replica.groups.instances.heard if each != self._leader.number and each not in silent]

    async def see_to_it(self) -> None:
        """Keep the lead, take it, or leave it. Raises Unreachable, Replaced."""
        if self._is_busy:
            return
        self._is_busy = True
        try:
            if not self.fence:
                await self._take()
            elif self._is_wanted_elsewhere:
                await self.give_up()
            else:
                await self._renew()
        finally:
            self._is_busy = False

    async def _take(self) -> None:
        if self._is_wanted_elsewhere:
            return
        asked = self._lead.asked()
        fence = await self._stream.take_lead(self._leader.epoch, self._leader.number, self._lasts)
        if fence is not None:
            self._lead.taken(fence, asked)
            self.look()

    async def _renew(self) -> None:
        asked = self._lead.asked()
        if await self._stream.renew(self._leader.epoch, self._leader.number, self.fence, self._lasts):
            self._lead.renewed(asked)
        else:
            self.stop()

    async def give_up(self) -> None:
        """Leave the lead to others, if this instance has it. Raises Unreachable, Replaced."""
        fence = self.fence
        self.stop()
        if fence:
            await self._stream.give_up(self._leader.epoch, self._leader.number, fence)

    def look(self) -> None:
        """See who leads as the stream has it: this instance does once Redis and the stream have said so."""
        replica = self._leader.replica
        assert replica is not None
        leads = self.fence > 0 and (replica.leader, replica.fence) == (self._leader.number, self.fence)
        if leads and not self.is_leading:
            self.is_leading = True
            self.led += 1
            self._began = replica.now
            self.log.info("proxy {number} leads (lead {fence})", number=self._leader.number, fence=self.fence)
            self._leader.begins_to_lead()
        elif self.is_leading and replica.fence > self.fence:
            self.stop()

    def stop(self) -> None:
        """The lead is over, or must not be relied on any more."""
        self._lead.lost()
        if self.is_leading:
            self.is_leading = False
            self.log.info("proxy {number} leads no more", number=self._leader.number)
            self._leader.leads_no_more()

    def broke_off(self) -> None:
        """The touch with Redis is lost."""
        self._is_busy = False
        self.stop()

    def lost(self) -> Sequence[int]:
        """The other instances that were silent for too long, for as long as this one leads."""
        replica = self._leader.replica
        assert replica is not None
        if not self.is_leading or replica.now - self._began <= self._lease:
            return []
        return [each for each in self._silent(replica) if each != self._leader.number]

    def _silent(self, replica: Replica) -> Sequence[int]:
        """Of whom nothing was heard for so long that another leads in their place."""
        return replica.groups.instances.unheard_since(replica.now - self._lease)

    @property
    def _is_wanted_elsewhere(self) -> bool:
        """Whether another leads better: one that has a control session, and goes on."""
        replica, others = self._leader.replica, self.others
        if replica is None or not others:
            return False
        if not self._leader.can_control and self.hands_over:
            return True
        controls = replica.groups.instances.controls
        return (self.hands_over or not self._leader.can_control) and any(controls[other] for other in others)
