"""Several instances at one Redis: what each method does, and who wins where two want the same."""

from __future__ import annotations

from twisted.internet.defer import gatherResults

from proxy.shared.stream import AT_MOST, Epoch, Replaced, Where
from tests.shared.at_redis import IMAGE, AtRedis, all_of, under_way


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
