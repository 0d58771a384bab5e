"""The lead in Redis: one instance has it, for a time; and only who has it writes down a step of a completion."""

from __future__ import annotations

from proxy.shared.entries import Batch, Led, batch_of
from tests.shared.at_redis import AtRedis, all_of

LONG = 3600.0
"""Seconds; longer than any test."""


class Instances(AtRedis):
    """Each has a number of its own."""

    async def test_numbers(self) -> None:
        """No two instances get the same number, however many ask at once, and whatever became of Redis's memory."""
        one, other = await self.founded()
        numbers = await all_of(*(each.new_instance("first") for each in [one, other] * 10))
        self.assertEqual(sorted(numbers), list(range(1, 21)))
        self.assertTrue(await one.found("first", "second", 1, [], "0-0"))
        self.assertEqual(await other.new_instance("second"), 1)


class TheLead(AtRedis):
    """Who has it, and for how long."""

    async def test_one_has_it(self) -> None:
        """Of many instances that want the lead at the same time one gets it."""
        streams = [*await self.founded(), *[await self.in_touch() for _ in range(3)]]
        fences = await all_of(*(each.take_lead("first", number, LONG) for number, each in enumerate(streams, 1)))
        self.assertEqual(len([each for each in fences if each is not None]), 1)

    async def test_the_stream_says_so(self) -> None:
        """Every lead is in the stream, with its fencing number, as an entry that all can read."""
        one, other = await self.founded()
        self.assertEqual(await one.take_lead("first", 7, LONG), 1)
        await one.give_up("first", 7, 1)
        self.assertEqual(await other.take_lead("first", 8, LONG), 2)
        self.assertIsNone(await one.take_lead("first", 7, LONG))
        batches = [batch_of(text) for _, text in await other.tail("first", "0-0")]
        self.assertEqual(batches, [Batch(7, 0, 1, False, (Led(7, 1),)), Batch(8, 0, 2, False, (Led(8, 2),))])

    async def test_again(self) -> None:
        """An instance that has the lead gets it again under a new number, and the old one is worth nothing."""
        one, _ = await self.founded()
        first, second = await one.take_lead("first", 1, LONG), await one.take_lead("first", 1, LONG)
        assert first
        assert second
        self.assertGreater(second, first)
        self.assertFalse(await one.renew("first", 1, first, LONG))
        self.assertFalse(await one.intend("first", 1, first, "group", "1-1", "stop"))
        self.assertTrue(await one.renew("first", 1, second, LONG))

    async def test_numbers_that_begin_alike(self) -> None:
        """Instance 1 is not taken for instance 11."""
        one, other = await self.founded()
        fence = await one.take_lead("first", 11, LONG)
        assert fence == 1
        self.assertIsNone(await other.take_lead("first", 1, LONG))
        self.assertFalse(await other.renew("first", 1, 11, LONG))

    async def test_expires(self) -> None:
        """A lead that is not renewed is another's to take when its time is over, and not before."""
        one, other = await self.founded()
        first = await one.take_lead("first", 1, 0.2)
        assert first
        before = self.server.ask("PTTL", "test:first:lease")
        assert isinstance(before, int)
        self.assertTrue(0 < before <= 200 or before == -2, before)  # -2: its time is over already
        second = None
        while second is None:
            second = await other.take_lead("first", 2, LONG)
        self.assertEqual(second, first + 1)
        self.assertFalse(await one.renew("first", 1, first, LONG))
        self.assertFalse(await one.intend("first", 1, first, "group", "1-1", "stop"))
        await one.give_up("first", 1, first)
        self.assertTrue(await other.renew("first", 2, second, LONG))

    async def test_renewed(self) -> None:
        """A lead that is renewed lasts longer."""
        one, other = await self.founded()
        fence = await one.take_lead("first", 1, LONG)
        assert fence
        self.assertTrue(await one.renew("first", 1, fence, 2 * LONG))
        lasts = self.server.ask("PTTL", "test:first:lease")
        assert isinstance(lasts, int)
        self.assertTrue(LONG * 1000 < lasts <= 2 * LONG * 1000, lasts)
        self.assertFalse(await other.renew("first", 2, fence, LONG))

    async def test_expired_and_nobody_took_it(self) -> None:
        """A lead whose time is over is not renewed even if nobody else wanted it: who had it may have been paused."""
        one, _ = await self.founded()
        fence = await one.take_lead("first", 1, 0.05)
        assert fence
        while self.server.ask("EXISTS", "test:first:lease"):
            await one.epoch()
        self.assertFalse(await one.renew("first", 1, fence, LONG))
        self.assertFalse(await one.intend("first", 1, fence, "group", "1-1", "stop"))
        self.assertEqual(await one.take_lead("first", 1, LONG), fence + 1)

    async def test_given_up(self) -> None:
        """A lead that is given up is another's at once; nobody gives up another's."""
        one, other = await self.founded()
        fence = await one.take_lead("first", 1, LONG)
        assert fence
        await other.give_up("first", 2, fence)
        await other.give_up("first", 1, fence + 1)
        self.assertIsNone(await other.take_lead("first", 2, LONG))
        await one.give_up("first", 1, fence)
        self.assertEqual(await other.take_lead("first", 2, LONG), fence + 1)


class Steps(AtRedis):
    """What is written down before it is sent."""

    async def test_each_once(self) -> None:
        """What one entry wanted is intended once, what a later one wants again; what an older one wanted is not."""
        one, _ = await self.founded()
        fence = await one.take_lead("first", 1, LONG)
        assert fence
        wanted = ["9-9", "9-9", "9-10", "9-9", "10-0", "9-11"]
        done = [await one.intend("first", 1, fence, "group", at, f"step at {at}") for at in wanted]
        self.assertEqual(done, [True, False, True, False, True, False])
        self.assertEqual(self.steps(), {"group": f"{fence} 10-0 step at 10-0"})

    async def test_twice_at_once(self) -> None:
        """An intention that is asked for twice at the same time is granted once."""
        one, _ = await self.founded()
        fence = await one.take_lead("first", 1, LONG)
        assert fence
        done = await all_of(*(one.intend("first", 1, fence, "group", "1-1", "stop") for _ in range(5)))
        self.assertEqual(sorted(done), [False] * 4 + [True])

    async def test_each_group_for_itself(self) -> None:
        """What one group's completion has come to is nothing to another's; groups may be named anything."""
        one, _ = await self.founded()
        fence = await one.take_lead("first", 1, LONG)
        assert fence
        names = ["Sales@Agents", "", "Verkäufe 1-1", "portions"]
        self.assertEqual([await one.intend("first", 1, fence, name, "5-0", "stop") for name in names], [True] * 4)
        self.assertEqual(self.steps(), dict.fromkeys(names, f"{fence} 5-0 stop"))

    async def test_under_a_later_lead(self) -> None:
        """A new leader goes on from where the stream is; the old one, paused meanwhile, does nothing any more."""
        one, other = await self.founded()
        old = await one.take_lead("first", 1, LONG)
        assert old
        self.assertTrue(await one.intend("first", 1, old, "group", "8-0", "stop"))
        await one.give_up("first", 1, old)
        new = await other.take_lead("first", 2, LONG)
        assert new
        self.assertFalse(await one.intend("first", 1, old, "group", "9-0", "unload"))
        self.assertFalse(await one.intend("first", 1, new, "group", "9-0", "unload"))
        self.assertEqual(self.steps(), {"group": f"{old} 8-0 stop"})
        self.assertTrue(await other.intend("first", 2, new, "group", "7-0", "stop again"))
        self.assertEqual(self.steps(), {"group": f"{new} 7-0 stop again"})
        await one.settled("first", 1, old, "group")
        self.assertEqual(self.steps(), {"group": f"{new} 7-0 stop again"})

    async def test_what_a_later_lead_wrote_stands(self) -> None:
        """Under whatever lead it is asked for: what was written under a later one is not overwritten."""
        one, _ = await self.founded()
        for fence in (9, 10):
            self.server.ask("SET", "test:first:lease", f"1:{fence}")
            self.assertTrue(await one.intend("first", 1, fence, "group", "5-0", "stop"))
        self.server.ask("SET", "test:first:lease", "1:9")
        self.assertFalse(await one.intend("first", 1, 9, "group", "6-0", "stop"))
        self.assertEqual(self.steps(), {"group": "10 5-0 stop"})

    async def test_settled(self) -> None:
        """When a completion is over nothing is intended for its group any more; other groups' steps stay."""
        one, _ = await self.founded()
        fence = await one.take_lead("first", 1, LONG)
        assert fence
        for name in ("group", "other"):
            await one.intend("first", 1, fence, name, "5-0", "stop")
        await one.settled("first", 1, fence, "group")
        self.assertEqual(self.steps(), {"other": f"{fence} 5-0 stop"})
        await one.settled("first", 1, fence, "group")

    def steps(self) -> dict[str, str]:
        """What stands there for each group."""
        said = self.server.ask("HGETALL", "test:first:steps")
        assert isinstance(said, list)
        return dict(zip(map(str, said[::2]), map(str, said[1::2]), strict=True))
