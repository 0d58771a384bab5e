"""Several instances at one Redis: what each method does, and who wins where two want the same."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from proxy.shared.stream import AT_MOST, Epoch, Replaced, Stream, Where
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

    timeout = 120
    options: tuple[str, ...] = ()
    appendonly = False

    def setUp(self) -> None:
        self.server = RedisServer(*self.options, appendonly=self.appendonly)
        self.addCleanup(self.server.remove)
        self.server.start()
        self.url = self.server.url
        self.lost: list[str] = []

    def stream(self, prefix: str = "test") -> Stream:
        stream = Stream(reactor, RedisUrl.parse(self.url), prefix)
        self.addCleanup(self.closed, stream)
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

    async def closed(self, stream: Stream) -> None:
        """Its connections are gone from the reactor, too."""
        stream.close()
        await until(
            lambda: not any("Redis" in repr(each) or "BaseClient" in repr(each) for each in reactor.getReaders())
        )

    async def raises(self, wanted: type[Exception], doing: Coroutine[Any, Any, object]) -> str:
        """What the error says."""
        try:
            await doing
        except wanted as problem:
            return str(problem)
        raise self.failureException(f"{wanted.__name__} is not raised")


class TheSetOfGroups(AtRedis):
    """Which one is the current one."""

    async def test_there_is_none_at_first(self) -> None:
        """An empty Redis knows no groups."""
        stream = await self.in_touch()
        self.assertIsNone(await stream.epoch())

    async def test_founded(self) -> None:
        """What one instance founds, all see, with its image; the next under the same prefix too."""
        _, other = await self.founded()
        self.assertEqual(await other.epoch(), Epoch("first", 1))
        self.assertEqual(await other.image("first"), IMAGE)
        self.assertIs(await other.has("first", "0-0"), Where.THERE)

    async def test_one_founds(self) -> None:
        """Of many instances that find Redis empty at the same time one founds the groups; no other image stays."""
        streams = [await self.in_touch() for _ in range(5)]
        done = await all_of(*(each.found(None, f"of-{n}", 1, [f"of {n}"], "0-0") for n, each in enumerate(streams)))
        self.assertEqual(sorted(done), [False] * 4 + [True])
        winner = f"of-{done.index(True)}"
        self.assertEqual(await streams[0].epoch(), Epoch(winner, 1))
        self.assertEqual(await streams[0].image(winner), [f"of {done.index(True)}"])
        self.assertEqual(len(self.keys()), 3)  # current, image, its portions

    async def test_founded_anew(self) -> None:
        """Groups that replace others leave nothing of these behind, and only who names them replaces them."""
        one, other = await self.founded()
        await one.append("first", "text")
        number = await one.new_instance("first")
        fence = await one.take_lead("first", number, 60)
        assert fence
        await one.intend("first", number, fence, "portions", "1-1", "stop")
        self.assertFalse(await other.found(None, "second", 2, [], "0-0"))
        self.assertFalse(await other.found("another", "second", 2, [], "0-0"))
        self.assertEqual(await one.epoch(), Epoch("first", 1))
        self.assertTrue(await other.found("first", "second", 2, ["new"], "0-0"))
        self.assertEqual(await one.epoch(), Epoch("second", 2))
        self.assertEqual(await one.image("second"), ["new"])
        self.assertEqual([each for each in self.keys() if "first" in each], [])

    async def test_replaced(self) -> None:
        """Whoever still works on groups that were replaced is told so, whatever it asks, and writes nothing."""
        one, other = await self.founded()
        number = await one.new_instance("first")
        fence = await one.take_lead("first", number, 60)
        assert fence
        await other.found("first", "second", 1, IMAGE, "0-0")
        before = self.keys()
        for doing in (
            one.append("first", "text"),
            one.image("first"),
            one.tail("first", "0-0"),
            one.read("first", "0-0"),
            one.has("first", "0-0"),
            one.new_instance("first"),
            one.take_lead("first", number, 60),
            one.renew("first", number, fence, 60),
            one.give_up("first", number, fence),
            one.intend("first", number, fence, "group", "1-1", "stop"),
            one.settled("first", number, fence, "group"),
        ):
            await self.raises(Replaced, doing)
        self.assertEqual(self.keys(), before)
        await self.raises(Replaced, one.keep("first", "1-1", IMAGE))
        self.assertEqual(await one.tail("second", "0-0"), [])
        self.assertEqual(self.lost, [])

    async def test_empty(self) -> None:
        """An instance hears that a Redis which was emptied has no groups any more."""
        one, _ = await self.founded()
        self.server.wipe()
        self.assertIsNone(await one.epoch())
        await self.raises(Replaced, one.append("first", "text"))

    async def test_prefixes(self) -> None:
        """Sets of groups under different prefixes know nothing of each other."""
        one, _ = await self.founded()
        stranger = await self.in_touch("others")
        self.assertIsNone(await stranger.epoch())
        self.assertTrue(await stranger.found(None, "first", 1, ["theirs"], "0-0"))
        await stranger.append("first", "theirs")
        self.assertEqual(await one.tail("first", "0-0"), [])
        self.assertEqual(await one.image("first"), IMAGE)

    def keys(self) -> Sequence[str]:
        """All in Redis, but those that expire with a connection."""
        found = self.server.ask("KEYS", "*")
        assert isinstance(found, list)
        return sorted(str(each) for each in found if ":order:" not in str(each))


class TheStream(AtRedis):
    """What is appended is read, in one order, by all."""

    async def test_appended_and_read(self) -> None:
        """What one instance says, the other hears, as it was said, non-ASCII and all that JSON may hold included."""
        one, other = await self.founded()
        texts = ['{"m": 1, "s": 1, "f": 0, "e": []}', "  \\u00e4 ä \udce4 \x00\r\t $5 *3 +QUEUED", "", "0", "-1.5"]
        ids = [await one.append("first", text) for text in texts]
        self.assertEqual(await other.tail("first", "0-0"), list(zip(ids, texts, strict=True)))
        self.assertEqual(await other.read("first", ids[2]), list(zip(ids, texts, strict=True))[3:])
        self.assertEqual(await other.tail("first", ids[-1]), [])

    async def test_in_order(self) -> None:
        """Thousands that two instances append without waiting are all there once, each instance's in its order."""
        one, other = await self.founded()
        appended = [
            under_way(each.append("first", f"{name} {n}"))
            for n in range(2500)
            for name, each in (("one", one), ("other", other))
        ]
        ids = await gatherResults(appended)
        read: list[tuple[str, str]] = []
        while more := await other.tail("first", read[-1][0] if read else "0-0"):
            self.assertLessEqual(len(more), AT_MOST)
            read += more
        self.assertEqual(
            dict(read), dict(zip(ids, (text for n in range(2500) for text in (f"one {n}", f"other {n}")), strict=True))
        )
        for name in ("one", "other"):
            self.assertEqual(
                [text for _, text in read if text.split()[0] == name], [f"{name} {n}" for n in range(2500)]
            )

    async def test_waits(self) -> None:
        """Who reads hears of a new entry while it waits, and of nothing when there is none."""
        one, other = await self.founded()
        self.assertEqual(await other.read("first", "0-0"), [])
        waiting = under_way(other.read("first", "0-0"))
        await one.epoch()
        id = await one.append("first", "text")
        self.assertEqual(await waiting, [(id, "text")])

    async def test_waiting_holds_nobody_up(self) -> None:
        """An instance that waits for an entry appends meanwhile."""
        one, _ = await self.founded()
        waiting = under_way(one.read("first", "0-0"))
        id = await one.append("first", "text")
        self.assertEqual(await waiting, [(id, "text")])

    async def test_large(self) -> None:
        """An entry of some megabytes comes as it was sent."""
        one, other = await self.founded()
        text = "".join(map(str, range(500_000)))
        id = await one.append("first", text)
        self.assertEqual(await other.read("first", "0-0"), [(id, text)])
