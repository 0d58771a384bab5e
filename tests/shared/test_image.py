"""The image of the groups that is kept in Redis: read whole, replaced in one step, and the stream trimmed with it."""

from __future__ import annotations

from itertools import count

from proxy.shared import stream as shared
from proxy.shared.stream import Behind, Replaced, Stream, Unreachable, Where
from tests.shared.at_redis import IMAGE, AtRedis, Interrupted, all_of, under_way


class TheImage(AtRedis):
    """What a newcomer loads."""

    async def test_kept(self) -> None:
        """A new image is what is read from then on; nothing of the old one stays."""
        one, other = await self.founded()
        id = await one.append("first", "text")
        before = self.keys()
        self.assertTrue(await one.keep("first", id, ["new", "", "ä"]))
        self.assertEqual(await other.image("first"), ["new", "", "ä"])
        self.assertEqual(len(self.keys()), len(before))
        self.assertEqual([key for key in self.keys() if self.server.ask("PTTL", key) != -1], [])

    async def test_only_a_later_one(self) -> None:
        """An image made at the same or an earlier position than the one there is thrown away, portions and all."""
        one, other = await self.founded()
        ids = [await one.append("first", str(n)) for n in range(11)]
        self.assertTrue(await one.keep("first", ids[10], ["tenth"]))
        before = self.keys()
        for position in (ids[10], ids[9], "9-9999999999"):
            self.assertFalse(await other.keep("first", position, ["old"]))
            self.assertEqual(await other.image("first"), ["tenth"])
        self.assertEqual(self.keys(), before)

    async def test_ids_are_numbers(self) -> None:
        """Of two positions within one millisecond the tenth is after the ninth."""
        one, _ = await self.founded("5-0")
        self.server.ask("XADD", "test:first:stream", "5-9", "b", "ninth")
        self.server.ask("XADD", "test:first:stream", "5-10", "b", "tenth")
        self.assertTrue(await one.keep("first", "5-9", ["ninth"]))
        self.assertTrue(await one.keep("first", "5-10", ["tenth"]))
        self.assertFalse(await one.keep("first", "5-9", ["ninth"]))
        self.assertTrue(await one.keep("first", "10-1", ["later"]))

    async def test_two_keep(self) -> None:
        """Of two that keep an image at the same time the later one stays, whoever is first."""
        one, other = await self.founded()
        early, late = await one.append("first", "early"), await one.append("first", "late")
        await all_of(one.keep("first", late, ["late"]), other.keep("first", early, ["early"]))
        self.assertEqual(await one.image("first"), ["late"])
        self.assertEqual([text for _, text in await one.tail("first", early)], ["late"])

    async def test_trimmed(self) -> None:
        """With an image the stream loses what came before the one before it; what that was made at stays."""
        one, other = await self.founded()
        ids = [await one.append("first", str(n)) for n in range(2000)]
        self.assertTrue(await one.keep("first", ids[1000], IMAGE))
        self.assertEqual([id for id, _ in await other.tail("first", "0-0")], ids[:1000])
        self.assertTrue(await one.keep("first", ids[1500], IMAGE))
        self.assertEqual(self.server.ask("XLEN", "test:first:stream"), 1000)
        self.assertEqual([id for id, _ in await other.tail("first", ids[1000])], ids[1001:])

    async def test_behind(self) -> None:
        """Who is so far behind that something he missed is gone is told so: he must not go on with what came later."""
        one, other = await self.founded()
        ids = [await one.append("first", str(n)) for n in range(5)]
        await one.keep("first", ids[2], IMAGE)
        self.assertEqual([id for id, _ in await other.read("first", ids[0])], ids[1:])
        await one.keep("first", ids[4], IMAGE)
        for position in ("0-0", ids[0]):
            await self.raises(Behind, other.tail("first", position))
            await self.raises(Behind, other.read("first", position))
        self.assertEqual([id for id, _ in await other.read("first", ids[2])], ids[3:])

    async def test_where(self) -> None:
        """A position is there, trimmed with an image, or missing: then this Redis is older than who knows it."""
        one, other = await self.founded()
        ids = [await one.append("first", str(n)) for n in range(5)]
        for id in ids:
            self.assertIs(await other.has("first", id), Where.THERE)
        await one.keep("first", ids[2], IMAGE)
        self.assertEqual([await other.has("first", id) for id in ["0-0", *ids]], [Where.THERE] * 6)
        await one.keep("first", ids[4], IMAGE)
        found = [await other.has("first", id) for id in ["0-0", *ids]]
        self.assertEqual(found, [Where.TRIMMED] * 3 + [Where.THERE] * 3)
        milliseconds = int(ids[-1].partition("-")[0])
        self.assertIs(await other.has("first", f"{milliseconds + 1}-0"), Where.MISSING)

    async def test_an_older_redis(self) -> None:
        """An instance notices that a Redis has lost what came last, even when something else came in its place."""
        one, _ = await self.founded()
        kept = await one.append("first", "kept")
        self.server.ask("SAVE")
        lost = await one.append("first", "lost")
        self.server.kill()
        self.server.start()
        again = await self.in_touch()
        self.assertIs(await again.has("first", kept), Where.THERE)
        self.assertIs(await again.has("first", lost), Where.MISSING)
        await again.append("first", "something else")
        self.assertIs(await again.has("first", lost), Where.MISSING)

    async def test_founded_from_an_image(self) -> None:
        """Groups that go on elsewhere begin after the position of their image, even where Redis's clock is behind."""
        future = "99999999999999-7"
        one, other = await self.founded(future)
        self.assertIs(await other.has("first", future), Where.THERE)
        self.assertIs(await other.has("first", "99999999999999-8"), Where.MISSING)
        self.assertIs(await other.has("first", "99999999999999-6"), Where.TRIMMED)
        self.assertEqual(await other.tail("first", "0-0"), [])
        id = await one.append("first", "text")
        self.assertEqual(id, "99999999999999-8")
        self.assertEqual(await other.read("first", future), [(id, "text")])

    async def test_large(self) -> None:
        """An image of 20 MB in lines short and long is read as it was written; meanwhile others get their turn."""
        one, other = await self.founded()
        lines = [f"{n} {'x' * (n % 200)}" for n in range(150_000)] + ["y" * 2_000_000] * 2 + ["", "last"]
        id = await one.append("first", "text")
        keeping = under_way(one.keep("first", id, lines))
        appended: list[str] = []
        while not keeping.called:
            appended.append(await other.append("first", "meanwhile"))
        self.assertTrue(await keeping)
        self.assertGreater(len(appended), 10)
        self.assertEqual(await other.image("first"), lines)
        self.assertEqual([each for each, _ in await other.tail("first", id)], appended[:1000])

    async def test_taken_at_the_call(self) -> None:
        """An image is of one moment: what happens to the groups while it is being sent is not in it."""
        one, _ = await self.founded()
        id = await one.append("first", "text")
        groups = ["x" * shared.PORTION] * 3
        keeping = under_way(one.keep("first", id, (line for line in groups)))
        groups[2] = "y"
        self.assertTrue(await keeping)
        self.assertEqual(await one.image("first"), ["x" * shared.PORTION] * 3)

    async def test_replaced_while_it_is_read(self) -> None:
        """Whoever reads an image while it is replaced gets the new one, whole."""
        one, other = await self.founded()
        ids = [await one.append("first", str(n)) for n in range(2)]
        await one.keep("first", ids[0], ["a" * shared.PORTION] * 20)
        stop = Interrupted(one, after=5)
        image = under_way(one.image("first"))
        await stop.there
        self.assertTrue(await other.keep("first", ids[1], ["b" * shared.PORTION] * 3))
        stop.go_on.callback(None)
        self.assertEqual(await image, ["b" * shared.PORTION] * 3)

    async def test_replaced_again_and_again(self) -> None:
        """While images are replaced all the time, each one that is read is one of them, whole."""
        one, other = await self.founded()

        seen: set[str] = set()

        async def keep() -> None:
            for n in count():
                if len(seen) > 5:
                    return
                id = await other.append("first", str(n))
                await other.keep("first", id, [str(n).ljust(shared.PORTION // 4)] * (4 + n % 5))
                for _ in range(n % 10):
                    await other.epoch()

        keeping = under_way(keep())
        while not keeping.called:
            lines = [line.strip() for line in await one.image("first")]
            if lines != IMAGE:
                self.assertEqual(lines, [lines[0]] * (4 + int(lines[0]) % 5))
                seen.add(lines[0])
        await keeping

    async def test_half_an_image(self) -> None:
        """What an instance that died left of an image expires, and the image that was there stays."""
        one, other = await self.founded()
        id = await one.append("first", "text")
        stop = Interrupted(one, after=3)
        keeping = under_way(one.keep("first", id, ["x" * shared.PORTION] * 9))
        await stop.there
        one.close()
        stop.go_on.callback(None)
        await self.raises(Unreachable, keeping)
        self.assertEqual(await other.image("first"), IMAGE)
        half = [key for key in self.keys() if self.server.ask("PTTL", key) != -1]
        self.assertEqual(len(half), 1)

    async def test_expired(self) -> None:
        """An image that took so long that it expired before it was there in full is not switched to."""
        self.patch(shared, "PORTIONS_LAST", 0.001)
        one, other = await self.founded_at_once()
        id = await one.append("first", "text")
        stop = Interrupted(one, after=1)
        keeping = under_way(one.keep("first", id, ["x"]))
        await stop.there
        while any(self.server.ask("PTTL", key) != -1 for key in self.keys()):
            await other.epoch()
        stop.go_on.callback(None)
        self.assertIn("expire", await self.raises(Unreachable, keeping))
        self.assertEqual(await other.image("first"), IMAGE)

    async def test_replaced_while_it_is_kept(self) -> None:
        """An image of groups that are replaced while it is being sent is kept nowhere."""
        one, other = await self.founded()
        id = await one.append("first", "text")
        stop = Interrupted(one, after=2)
        kept = under_way(one.keep("first", id, ["x" * shared.PORTION] * 5))
        await stop.there
        await other.found("first", "second", 1, ["second"], "0-0")
        stop.go_on.callback(None)
        await self.raises(Replaced, kept)
        self.assertEqual(await other.image("second"), ["second"])

    async def founded_at_once(self) -> tuple[Stream, Stream]:
        """As `founded`, whatever PORTIONS_LAST is by now."""
        lasts, shared.PORTIONS_LAST = shared.PORTIONS_LAST, 600.0
        founded = await self.founded()
        shared.PORTIONS_LAST = lasts
        return founded
