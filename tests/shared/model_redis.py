"""A small Redis with faults, in memory: one set of groups, as the scripts keep it, and the ways of instances to it.

It stands where Stream stands. What is sent over a way arrives late, in order, and once; a way breaks, and nobody knows
then what of it arrived, nor is any answer heard; or it stalls, and nobody notices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

from twisted.internet.defer import Deferred

from proxy.shared.entries import Batch, Led, text_of
from proxy.shared.stream import Epoch, Replaced, Unreachable, Where
from tests.campaign.model_ocs import Line, Play

T = TypeVar("T")

BLOCK = 1.0
"""How long who reads waits for an entry, in seconds."""

AT_MOST = 1000
"""How many entries are read at once."""

FIRST = 1_700_000_000_000
"""What the clock of this Redis shows at first, in milliseconds."""


class Redis:
    """What is in it. `added` is called with each entry of the stream."""

    def __init__(self, play: Play, added: Callable[[str, str], None]) -> None:
        self._play = play
        self._added = added
        self._epoch: Epoch | None = None
        self._image: tuple[str, list[str]] = ("0-0", [])
        self._entries: list[tuple[str, str]] = []
        self._waiting: list[Callable[[], None]] = []
        self._lease: tuple[int, int] | None = None
        self._lease_ends = 0.0
        self._fences = self._instances = 0
        self._steps: dict[str, tuple[int, tuple[int, int]]] = {}

    @property
    def holder(self) -> tuple[int, int] | None:
        """Who has the lease: instance and fence."""
        return self._lease if self._play.now < self._lease_ends else None

    def epoch(self) -> Epoch | None:
        return self._epoch

    def found(self, instead_of: str | None, epoch: str, format: int, lines: Sequence[str], position: str) -> bool:
        if (None if self._epoch is None else self._epoch.name) != instead_of:
            return False
        assert self._epoch is None, "in these plays Redis forgets nothing"
        self._epoch, self._image = Epoch(epoch, format), (position, list(lines))
        return True

    def image(self, epoch: str) -> Sequence[str]:
        self._has(epoch)
        return self._image[1]

    def keep(self, epoch: str, position: str, lines: list[str]) -> bool:
        self._has(epoch)
        if _place(position) <= _place(self._image[0]):
            return False
        self._image = position, lines
        self._entries = [entry for entry in self._entries if _place(entry[0]) >= _place(position)]
        return True

    def tail(self, epoch: str, after: str) -> Sequence[tuple[str, str]]:
        """Whoever is behind what was trimmed is told so: reading on there, it would hold something else for ever."""
        self._has(epoch)
        if self.has(epoch, after) is not Where.THERE:
            raise Unreachable("what came after this position is not there in full")
        behind = 0
        while behind < len(self._entries) and _place(self._entries[-1 - behind][0]) > _place(after):
            behind += 1
        return self._entries[len(self._entries) - behind :][:AT_MOST]

    def is_behind(self, position: str) -> bool:
        return bool(self._entries) and _place(self._entries[-1][0]) > _place(position)

    def has(self, epoch: str, position: str) -> Where:
        self._has(epoch)
        if self._image[0] == position or any(id == position for id, _ in self._entries):
            return Where.THERE
        return Where.TRIMMED if _place(position) < _place(self._image[0]) else Where.MISSING

    def new_instance(self, epoch: str) -> int:
        self._has(epoch)
        self._instances += 1
        return self._instances

    def append(self, epoch: str, text: str) -> str:
        self._has(epoch)
        at = FIRST + int(self._play.now * 1000)
        last = _place(self._entries[-1][0]) if self._entries else (0, 0)
        id = f"{at}-0" if at > last[0] else f"{last[0]}-{last[1] + 1}"
        self._entries.append((id, text))
        self._added(id, text)
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each()
        return id

    def when_there_is_more(self, then: Callable[[], None]) -> None:
        """Call `then` when an entry is added, or when that took too long; once."""
        is_over: list[bool] = []

        def once() -> None:
            if not is_over:
                is_over.append(True)
                then()

        self._waiting.append(once)
        self._play.after(BLOCK, once)

    def take_lead(self, epoch: str, instance: int, lease: float) -> int | None:
        self._has(epoch)
        if self.holder is not None and self.holder[0] != instance:
            return None
        self._fences += 1
        self._lease, self._lease_ends = (instance, self._fences), self._play.now + lease
        self.append(epoch, text_of(Batch(instance, 0, self._fences, False, (Led(instance, self._fences),))))
        return self._fences

    def renew(self, epoch: str, instance: int, fence: int, lease: float) -> bool:
        self._has(epoch)
        if self.holder != (instance, fence):
            return False
        self._lease_ends = self._play.now + lease
        return True

    def give_up(self, epoch: str, instance: int, fence: int) -> None:
        self._has(epoch)
        if self.holder == (instance, fence):
            self._lease = None
            self._lease_ends = 0.0

    def intend(self, epoch: str, instance: int, fence: int, group: str, at: str) -> bool:
        self._has(epoch)
        if self.holder != (instance, fence) or self._steps.get(group, (0, (0, 0))) >= (fence, _place(at)):
            return False
        self._steps[group] = fence, _place(at)
        return True

    def settled(self, epoch: str, instance: int, fence: int, group: str) -> None:
        self._has(epoch)
        if self.holder == (instance, fence):
            self._steps.pop(group, None)

    def _has(self, epoch: str) -> None:
        if self._epoch is None or self._epoch.name != epoch:
            raise Replaced("these groups are not there any more")


def _place(id: str) -> tuple[int, int]:
    at, _, number = id.partition("-")
    return int(at), int(number)


class Way:
    """A way to Redis, as an instance has it: see Stream. `is_cut`: it cannot be connected to."""

    where = "a model of Redis"

    def __init__(self, play: Play, redis: Redis, slowest: float) -> None:
        self._play = play
        self._redis = redis
        self._slowest = slowest
        self._stalls_until = 0.0
        self._up = self._down = self._read_down = Line(play)
        self._pending: list[Deferred[object]] = []
        self._lost: Callable[[str], object] | None = None
        self.is_cut = False

    # ------------------------------------------------------------------------------------------------------- faults

    def breaks(self) -> None:
        """It is lost; what is on its way to Redis may arrive, or not."""
        lost, self._lost = self._lost, None
        if lost is not None:
            if self._play.chance(0.5):
                self._up.drain()
            self._cut()
            lost("the connection is lost")

    def stalls(self, seconds: float) -> None:
        """Nothing arrives for some time, either way; then all does."""
        self._stalls_until = self._play.now + seconds

    # --------------------------------------------------------------------------------------------------- see Stream

    async def connect(self, lost: Callable[[str], object]) -> None:
        self.close()
        waited: Deferred[None] = Deferred()
        self._play.after(self._play.delay(self._slowest), partial(waited.callback, None))
        await waited
        if self.is_cut:
            raise Unreachable("there is no way to Redis")
        self._lost = lost
        self._up, self._down, self._read_down = (Line(self._play, self._slowest) for _ in range(3))

    def close(self) -> None:
        self._lost = None
        self._cut()

    async def epoch(self) -> Epoch | None:
        return await self._asks(self._redis.epoch)

    async def found(self, instead_of: str | None, epoch: str, format: int, lines: Sequence[str], position: str) -> bool:
        return await self._asks(partial(self._redis.found, instead_of, epoch, format, lines, position))

    async def image(self, epoch: str) -> Sequence[str]:
        return await self._asks(partial(self._redis.image, epoch))

    async def keep(self, epoch: str, position: str, lines: Iterable[str]) -> bool:
        return await self._asks(partial(self._redis.keep, epoch, position, list(lines)))

    async def tail(self, epoch: str, after: str) -> Sequence[tuple[str, str]]:
        return await self._asks(partial(self._redis.tail, epoch, after))

    async def has(self, epoch: str, position: str) -> Where:
        return await self._asks(partial(self._redis.has, epoch, position))

    async def read(self, epoch: str, after: str) -> Sequence[tuple[str, str]]:
        reply: Deferred[Sequence[tuple[str, str]]] = Deferred()
        self._waits(reply)
        over = self._read_down

        def answers() -> None:
            try:
                answer = self._redis.tail(epoch, after)
            except Unreachable as problem:
                self._send(over, partial(self._fails, reply, problem))
            else:
                self._send(over, partial(self._hears, reply, answer))

        if self._redis.is_behind(after):
            answers()
        else:
            self._redis.when_there_is_more(answers)
        return await reply

    async def append(self, epoch: str, text: str) -> str:
        return await self._asks(partial(self._redis.append, epoch, text))

    async def new_instance(self, epoch: str) -> int:
        return await self._asks(partial(self._redis.new_instance, epoch))

    async def take_lead(self, epoch: str, instance: int, lease: float) -> int | None:
        return await self._asks(partial(self._redis.take_lead, epoch, instance, lease))

    async def renew(self, epoch: str, instance: int, fence: int, lease: float) -> bool:
        return await self._asks(partial(self._redis.renew, epoch, instance, fence, lease))

    async def give_up(self, epoch: str, instance: int, fence: int) -> None:
        return await self._asks(partial(self._redis.give_up, epoch, instance, fence))

    async def intend(self, epoch: str, instance: int, fence: int, group: str, at: str, step: str) -> bool:
        return await self._asks(partial(self._redis.intend, epoch, instance, fence, group, at))

    async def settled(self, epoch: str, instance: int, fence: int, group: str) -> None:
        return await self._asks(partial(self._redis.settled, epoch, instance, fence, group))

    # ------------------------------------------------------------------------------------------------------ inwards

    async def _asks(self, does: Callable[[], T]) -> T:
        reply: Deferred[T] = Deferred()
        self._waits(reply)
        back = self._down

        def arrives() -> None:
            try:
                answer = does()
            except Unreachable as problem:
                self._send(back, partial(self._fails, reply, problem))
            else:
                self._send(back, partial(self._hears, reply, answer))

        self._send(self._up, arrives)
        return await reply

    def _waits(self, reply: Deferred[T]) -> None:
        if self._lost is None:
            raise Unreachable("there is no connection")
        self._pending.append(reply)  # type: ignore[arg-type]

    def _send(self, over: Line, arrives: Callable[[], object]) -> None:
        stalled = self._stalls_until - self._play.now
        if stalled > 0:
            self._play.after(stalled, partial(over.send, arrives))
        else:
            over.send(arrives)

    def _hears(self, reply: Deferred[T], answer: T) -> None:
        if reply in self._pending:
            self._pending.remove(reply)  # type: ignore[arg-type]
            reply.callback(answer)

    def _fails(self, reply: Deferred[T], problem: Unreachable) -> None:
        if reply in self._pending:
            self._pending.remove(reply)  # type: ignore[arg-type]
            reply.errback(problem)

    def _cut(self) -> None:
        for line in (self._up, self._down, self._read_down):
            line.cut()
        pending, self._pending = self._pending, []
        for reply in pending:
            reply.errback(Unreachable("the connection is lost"))
