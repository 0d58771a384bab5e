"""Tests with a Redis, and instances that are in touch with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from twisted.internet import reactor, tcp, unix
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from proxy.shared.connection import Reply
from proxy.shared.stream import Stream
from proxy.shared.url import RedisUrl
from tests.shared.redis import RedisServer

T = TypeVar("T")

IMAGE = ["the groups", "as they are"]


def under_way(doing: Coroutine[Any, Any, T]) -> Deferred[T]:
    """It has begun, and what it sends first is on its way."""
    return Deferred.fromCoroutine(doing)


async def all_of(*doing: Coroutine[Any, Any, T]) -> list[T]:
    """What they give; all are under way at the same time, in this order."""
    return await gatherResults([under_way(each) for each in doing], consumeErrors=True)


async def until(holds: Callable[[], bool]) -> None:
    """Let the reactor turn until it does; the test's own timeout is the bound."""
    while not holds():
        await deferLater(reactor, 0.005)


class AtRedis(TestCase):
    """With a Redis of its own, and instances that are in touch with it."""

    timeout = 20
    options: tuple[str, ...] = ()
    appendonly = False

    def setUp(self) -> None:
        self.server = RedisServer(*self.options, appendonly=self.appendonly)
        self.addCleanup(self.server.remove)
        self.server.start()
        self.addCleanup(self.gone)
        self.url = self.server.url
        self.lost: list[str] = []

    def stream(self, prefix: str = "test") -> Stream:
        stream = Stream(reactor, RedisUrl.parse(self.url), prefix)
        self.addCleanup(stream.close)
        return stream

    async def in_touch(self, prefix: str = "test") -> Stream:
        stream = self.stream(prefix)
        await stream.connect(self.lost.append)
        return stream

    async def founded(self, position: str = "0-0") -> tuple[Stream, Stream]:
        """Two that share the set of groups `first`."""
        one, other = await self.in_touch(), await self.in_touch()
        assert await one.found(None, "first", 1, IMAGE, position)
        return one, other

    def keys(self) -> Sequence[str]:
        """All in Redis, but those that expire with a connection."""
        found = self.server.ask("KEYS", "*")
        assert isinstance(found, list)
        return sorted(str(each) for each in found if ":order:" not in str(each))

    async def gone(self) -> None:
        """No connection is left in the reactor."""
        await until(lambda: not any(isinstance(each, tcp.Client | unix.Client) for each in reactor.getReaders()))

    async def raises(self, wanted: type[Exception], doing: Awaitable[object]) -> str:
        """What the error says."""
        try:
            await doing
        except wanted as problem:
            return str(problem)
        raise self.failureException(f"{wanted.__name__} is not raised")


class Interrupted:
    """A stream stops before it asks once more than `after` times, until it is told to go on."""

    def __init__(self, stream: Stream, after: int) -> None:
        self.there: Deferred[None] = Deferred()
        self.go_on: Deferred[None] = Deferred()
        self._left = after
        self._asks = stream._ask
        stream._ask = self._ask  # type: ignore[method-assign]

    async def _ask(self, *words: Any, over: Any = None) -> Reply:
        self._left -= 1
        if self._left == -1:
            self.there.callback(None)
            await self.go_on
        return await self._asks(*words, over=over)
