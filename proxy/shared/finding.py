"""The groups that an instance begins with: those it had, those that Redis has, or its own, which Redis has lost."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from proxy.campaign.groups import Groups
from proxy.errors import OurError
from proxy.shared.entries import FORMAT, Garbled
from proxy.shared.replica import Replica
from proxy.shared.stream import Epoch, Stream, Where

BEGINNING = "0-0"
"""The position before the first batch of a stream."""


class Stays(OurError):
    """Why this instance does not take part, in an operator's words."""


class Finding:
    """`epoch`: the name of the set of groups that was found last.

    `forgets`: what Redis has is to be forgotten, once. `distrusts`: this instance has seen more than what it found.
    """

    log = Logger()

    def __init__(self, stream: Stream, fresh: Callable[[], Groups], new_name: Callable[[], str]) -> None:
        self.epoch = ""
        self.forgets = False
        self.distrusts = False
        self._stream = stream
        self._fresh = fresh
        self._new_name = new_name

    async def find(self, known: Replica | None) -> Replica:
        """The groups at some position of the stream: those that this instance has (`known`), where they go on there.

        Raises Stays, Unreachable, Replaced.
        """
        while True:
            replica = await self._look(known)
            if replica is not None:
                return replica
            # Another was faster to found a set of groups: it is there now.

    async def _look(self, known: Replica | None) -> Replica | None:
        epoch = await self._stream.epoch()
        if self.forgets:
            forgotten = await self._found(epoch, Replica(self._fresh()))
            self.forgets = forgotten is None
            return forgotten
        if epoch is not None and epoch.format != FORMAT:
            raise Stays(f"another version of this program shares groups there (format {epoch.format}, not {FORMAT})")
        if known is None:
            return await (self._load(epoch) if epoch is not None else self._found(None, Replica(self._fresh())))
        if epoch is not None and epoch.name != self.epoch:
            self.log.error("Redis holds other groups than it did: records are unknown until groups are loaded anew")
            self.distrusts = True
            return await self._load(epoch)
        return await self._return_to(epoch, known)

    async def _return_to(self, epoch: Epoch | None, known: Replica) -> Replica | None:
        """Redis is as it was, or has forgotten something: then this instance remembers it, but for the counts."""
        where = await self._where(known) if epoch is not None else Where.MISSING
        if where is Where.THERE:
            return known
        if epoch is not None and where is Where.TRIMMED:
            return await self._load(epoch)
        self.log.error(
            "Redis came back {how}: records of groups are unknown until they are loaded anew",
            how="empty" if epoch is None else "older than it was",
        )
        self.epoch = ""  # these are the groups at no position of what was there: nothing may be applied to them twice
        known.begin_anew()
        return await self._found(epoch, known)

    async def _where(self, known: Replica) -> Where:
        return Where.THERE if known.position == BEGINNING else await self._stream.has(self.epoch, known.position)

    async def _found(self, instead_of: Epoch | None, replica: Replica) -> Replica | None:
        """Redis is given what this instance knows; None where another was faster."""
        name, replica.position = self._new_name(), BEGINNING
        instead = None if instead_of is None else instead_of.name
        if not await self._stream.found(instead, name, FORMAT, list(replica.lines()), BEGINNING):
            return None
        self.epoch = name
        self.log.info("a new set of groups is shared: {where}", where=self._stream.where)
        return replica

    async def _load(self, epoch: Epoch) -> Replica:
        lines = await self._stream.image(epoch.name)
        try:
            replica: Replica = await deferToThread(Replica.of_lines, lines)
        except Garbled as problem:
            raise Stays(f"what Redis keeps of the groups cannot be read ({problem}); --forget sets it aside") from None
        self.epoch = epoch.name
        return replica
