"""One set of groups in one Redis: the stream of what all observe, its image, the lead, the steps of completions.

Everything that must be one step is a script (see scripts.py). Whoever works on a set of groups that is not the current
one any more is told so. A Redis that refuses what it is asked (no memory left, a replica, no permission) is as good as
lost: both connections are cut.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as NoAnswer

from proxy.errors import OurError
from proxy.shared import scripts
from proxy.shared.connection import CONNECT_TIMEOUT, Connection, Refused, Reply, Unreachable, connect, meaning
from proxy.shared.scripts import Keys
from proxy.shared.url import RedisUrl

__all__ = ["Behind", "Epoch", "Replaced", "Stream", "Unreachable", "Where"]

AT_MOST = 1000
"""How many entries are read at a time."""

BLOCK = 1.0
"""Seconds for which Redis keeps who reads the stream waiting for a new entry."""

SILENCE = 10.0
"""Seconds that it may take longer than that. Then it is lost, even where the network has not noticed."""

PORTION = 256 * 1024
"""Characters of an image that are sent and read at a time, or one line: Redis does nothing else meanwhile."""

PORTIONS_LAST = 600.0
"""Seconds from one portion of an image to the next, or to the switch to it: then what is there of it expires."""

ORDER_LASTS = 600.0
"""Seconds from one batch to the next over one connection; a later one is refused. There is one each second (BEAT)."""


class Replaced(OurError):
    """The set of groups is not the current one in Redis: another was founded in its place, or Redis came back empty."""


class Behind(Replaced):
    """The stream no longer holds what came after a position: whoever is there has to begin with the newest image."""


@frozen
class Epoch:
    """Which set of groups is the current one, and the number of the format its entries and image are written in."""

    name: str
    format: int


class Where(Enum):
    """What became of a position in the stream."""

    THERE = "there"
    """It is there, and so is all that came after it."""
    TRIMMED = "trimmed"
    """It is before the newest image: what came after it may not be there in full."""
    MISSING = "missing"
    """There should be an entry: this Redis is older than who has seen it."""


class Stream:
    """See each method; all but `close` are coroutine functions. Positions are Redis's ids; "0-0" is before the first.

    What a method sends is on its way when it first waits: methods whose Deferreds are made one after the other, without
    waiting, take effect in that order.
    """

    def __init__(self, reactor: Any, url: RedisUrl, prefix: str) -> None:
        self._reactor = reactor
        self._url = url
        self._prefix = prefix
        self._commands: Connection | None = None
        self._reading: Connection | None = None
        self._lost: Callable[[str], object] = _nobody
        self._token = ""
        self._appended = 0

    @property
    def where(self) -> str:
        """Which Redis, and which set of groups there, in an operator's words; no password."""
        return f"{self._url}, {self._prefix}"

    # -------------------------------------------------------------------------------------------------- in touch or not

    async def connect(self, lost: Callable[[str], object]) -> None:
        """Get into touch with Redis; one that does not answer within CONNECT_TIMEOUT seconds is not reached.

        `lost` is called once, with why in one line, when the touch is lost otherwise than by `close`; all that waits
        fails then. Nothing connects again but another call of this. Raises Unreachable.
        """
        self.close()
        connecting = Deferred.fromCoroutine(self._connected()).addTimeout(CONNECT_TIMEOUT, self._reactor)
        try:
            commands, reading = await connecting
        except NoAnswer:
            raise Unreachable(f"Redis at {self._url} does not answer within {CONNECT_TIMEOUT:g} s") from None
        self._commands, self._reading, self._lost = commands, reading, lost
        self._token, self._appended = secrets.token_hex(8), 0

    def close(self) -> None:
        """Be out of touch; whatever waits fails with Unreachable, and `lost` is not called."""
        self._cut("is not wanted any more")

    # ------------------------------------------------------------------------------------------------ the set of groups

    async def epoch(self) -> Epoch | None:
        """The current set of groups; None: there is none under this prefix. Raises Unreachable."""
        name, format = _list(await self._ask("HMGET", self._keys("").current, "name", "format"))
        return None if name is None else Epoch(_text(name), int(_text(format)))

    async def found(self, instead_of: str | None, epoch: str, format: int, lines: Sequence[str], position: str) -> bool:
        """A new set of groups, with its image; that in whose place it comes is deleted.

        False, and nothing is done: the current set is not the one named `instead_of` (None: there is none). `epoch`
        must never have been the name of one. `lines` are the image, `position` that of the stream it was made at; all
        that is appended comes after it. Raises Unreachable.
        """
        new, old = self._keys(epoch), self._keys(instead_of or "")
        portions = await self._send_portions(new, lines)
        keys = [new.current, new.stream, new.image, portions, *old]
        done = bool(await self._run(scripts.FOUND, keys, instead_of or "", epoch, format, position))
        if not done:
            await self._ask("DEL", portions)
        return done

    async def image(self, epoch: str) -> Sequence[str]:
        """The lines of the newest image. Raises Replaced, Unreachable."""
        keys = self._keys(epoch)
        while True:
            portions = _text(await self._run(scripts.IMAGE, [keys.current, keys.image], epoch))
            lines = await self._read_portions(portions)
            if portions == await self._run(scripts.IMAGE, [keys.current, keys.image], epoch):
                return lines

    async def keep(self, epoch: str, position: str, lines: Iterable[str]) -> bool:
        """A new image, made at `position`; what came before it is taken out of the stream.

        All `lines` are taken at the call. False, and nothing is done: there is an image that is as new. Raises
        Replaced, Unreachable.
        """
        keys = self._keys(epoch)
        portions = await self._send_portions(keys, lines)
        used = [keys.current, keys.stream, keys.image, portions]
        return bool(await self._run(scripts.KEEP, used, epoch, position))

    # ------------------------------------------------------------------------------------------------------- the stream

    async def tail(self, epoch: str, after: str) -> Sequence[tuple[str, str]]:
        """Up to AT_MOST entries after a position: id and text of each. Raises Replaced, Unreachable."""
        return await self._tail(self._commands, epoch, after)

    async def has(self, epoch: str, position: str) -> Where:
        """What became of a position. Raises Replaced, Unreachable."""
        keys = self._keys(epoch)
        return Where(await self._run(scripts.HAS, [keys.current, keys.stream, keys.image], epoch, position))

    async def read(self, epoch: str, after: str) -> Sequence[tuple[str, str]]:
        """As `tail`, but waits up to BLOCK seconds for an entry; one call at a time. Raises Replaced, Unreachable."""
        entries = await self._tail(self._reading, epoch, after)
        if entries:
            return entries
        # Only whether there is one: how the entries come is a matter of TAIL.
        words = ("XREAD", "BLOCK", _milliseconds(BLOCK), "COUNT", 1, "STREAMS", self._keys(epoch).stream, after)
        if await self._ask(*words, over=self._reading) is None:
            return []
        return await self._tail(self._reading, epoch, after)

    async def append(self, epoch: str, text: str) -> str:
        """One more entry, a line of text; its id. May be called many times without waiting.

        Where one is refused, so are all that follow until `connect` is called again: none is ever in the stream without
        those that were appended before it over the same connections. One that fails may be in the stream all the same.
        Raises Replaced, Unreachable.
        """
        if "\n" in text:
            raise ValueError("an entry is one line")
        self._appended += 1
        keys, number = self._keys(epoch), self._appended
        used = [keys.current, keys.stream, keys.order(self._token)]
        return _text(await self._run(scripts.APPEND, used, epoch, text, number, number - 1, _milliseconds(ORDER_LASTS)))

    # ------------------------------------------------------------------------------------------- instances and the lead

    async def new_instance(self, epoch: str) -> int:
        """The number of a new instance: 1, 2, ...; never given twice in an epoch. Raises Replaced, Unreachable."""
        keys = self._keys(epoch)
        return _number(await self._run(scripts.INSTANCE, [keys.current, keys.instances], epoch))

    async def take_lead(self, epoch: str, instance: int, lease: float) -> int | None:
        """The lead for `lease` seconds: its fencing number, greater than any before; None: another instance has it.

        An instance that has it gets it again, under a new number. The stream says so: a batch with the entry Led.
        Raises Replaced, Unreachable.
        """
        keys = self._keys(epoch)
        used = [keys.current, keys.lease, keys.fence, keys.stream]
        return _number(await self._run(scripts.TAKE_LEAD, used, epoch, instance, _milliseconds(lease))) or None

    async def renew(self, epoch: str, instance: int, fence: int, lease: float) -> bool:
        """Whether this is the lead still; then for `lease` seconds more. Raises Replaced, Unreachable."""
        keys = self._keys(epoch)
        words = (f"{instance}:{fence}", _milliseconds(lease))
        return bool(await self._run(scripts.RENEW, [keys.current, keys.lease], epoch, *words))

    async def give_up(self, epoch: str, instance: int, fence: int) -> None:
        """The lead is nobody's, if this was it still. Raises Replaced, Unreachable."""
        keys = self._keys(epoch)
        await self._run(scripts.GIVE_UP, [keys.current, keys.lease], epoch, f"{instance}:{fence}")

    async def intend(self, epoch: str, instance: int, fence: int, group: str, at: str, step: str) -> bool:
        """Write down the next step of a group's completion, wanted by the entry at the position `at`.

        False, and nothing is written: the lead is not this one any more, or what stands there was wanted under a later
        lead, or under this one by this entry or a later one. Raises Replaced, Unreachable.
        """
        keys = self._keys(epoch)
        used = [keys.current, keys.lease, keys.steps]
        return bool(await self._run(scripts.INTEND, used, epoch, f"{instance}:{fence}", group, fence, at, step))

    async def settled(self, epoch: str, instance: int, fence: int, group: str) -> None:
        """A group's completion is over: nothing stands there, if this leads still. Raises Replaced, Unreachable."""
        keys = self._keys(epoch)
        used = [keys.current, keys.lease, keys.steps]
        await self._run(scripts.SETTLED, used, epoch, f"{instance}:{fence}", group)

    # ---------------------------------------------------------------------------------------------------------- inwards

    async def _connected(self) -> tuple[Connection, Connection]:
        made: list[Connection] = []
        try:
            for _ in range(2):
                made.append(await connect(self._reactor, self._url))
                await made[-1].ask("EVAL", scripts.PROBE, 1, f"{self._prefix}:probe")
            for connection in made:
                connection.when_lost(self._is_lost)
            commands, reading = made
        except BaseException as problem:
            for connection in made:
                connection.close()
            if isinstance(problem, Refused):
                raise Unreachable(f"Redis at {self._url} {meaning(problem)}") from None
            raise
        return commands, reading

    def _is_lost(self, why: str) -> None:
        lost, self._lost = self._lost, _nobody
        self._cut("is lost")
        lost(why)

    def _cut(self, why: str) -> None:
        commands, reading = self._commands, self._reading
        self._commands = self._reading = None
        self._lost = _nobody
        for connection in (commands, reading):
            if connection is not None:
                connection.close(why)

    def _keys(self, epoch: str) -> Keys:
        return Keys(self._prefix, epoch)

    async def _run(self, script: str, keys: Sequence[str], *words: str | int, over: Connection | None = None) -> Reply:
        return await self._ask("EVAL", script, len(keys), *keys, *words, over=over)

    async def _ask(self, *words: str | int, over: Connection | None = None) -> Reply:
        connection = over or self._commands
        if connection is None:
            raise Unreachable(f"there is no connection to Redis at {self._url}")
        answered = connection.ask(*words)
        answered.addTimeout(BLOCK + SILENCE, self._reactor)
        try:
            return await answered
        except NoAnswer:
            why = f"Redis at {self._url} has not answered for {BLOCK + SILENCE:g} s"
        except Refused as refusal:
            if str(refusal).startswith(scripts.REPLACED):
                raise Replaced("the groups in Redis were replaced by others, or are not there any more") from None
            if str(refusal).startswith(scripts.BEHIND):
                raise Behind("this proxy was away for too long to go on where it was") from None
            why = f"Redis at {self._url} {meaning(refusal)}"
        if connection in (self._commands, self._reading):
            self._is_lost(why)
        raise Unreachable(why)

    async def _tail(self, over: Connection | None, epoch: str, after: str) -> Sequence[tuple[str, str]]:
        keys = self._keys(epoch)
        first = _next(after)
        lines = _text(
            await self._run(scripts.TAIL, [keys.current, keys.stream, keys.image], epoch, first, AT_MOST, over=over)
        )
        return [(id, text) for id, _, text in (line.partition(" ") for line in lines.split("\n") if line)]

    async def _send_portions(self, keys: Keys, lines: Iterable[str]) -> str:
        portions = keys.portions(secrets.token_hex(8))
        for portion in list(_portions(lines)):
            await self._run(scripts.PORTION, [portions], portion, _milliseconds(PORTIONS_LAST))
        return portions

    async def _read_portions(self, portions: str) -> Sequence[str]:
        """The lines; fewer where the image is replaced meanwhile."""
        lines: list[str] = []
        for number in range(_number(await self._ask("LLEN", portions))):
            portion = await self._ask("LINDEX", portions, number)
            if portion is None:
                break
            lines += _text(portion).split("\n")[:-1]
        return lines


def _nobody(why: str) -> None:
    """Hears of a loss when nobody is in touch."""


def _portions(lines: Iterable[str]) -> Iterator[str]:
    """Whole lines, together at most PORTION characters long where more than one; each ends in a newline."""
    portion: list[str] = []
    size = 0
    for line in lines:
        if "\n" in line:
            raise ValueError("a line of an image is one line")
        if portion and size + len(line) >= PORTION:
            yield "".join(portion)
            portion, size = [], 0
        portion.append(f"{line}\n")
        size += len(line) + 1
    yield "".join(portion)


def _next(position: str) -> str:
    """The first id after a position."""
    milliseconds, _, number = position.partition("-")
    return f"{milliseconds}-{int(number) + 1}"


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _text(reply: Reply) -> str:
    assert isinstance(reply, str)
    return reply


def _number(reply: Reply) -> int:
    assert isinstance(reply, int)
    return reply


def _list(reply: Reply) -> list[Reply]:
    assert isinstance(reply, list)
    return reply
