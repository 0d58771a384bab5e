"""Several proxies, one of which is in trouble: what was seen counts once, and nobody does anything late."""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import deferLater

from proxy.campaign.attribute import Edit
from proxy.campaign.observation import (
    ControlRequested,
    CountLost,
    InstanceHeard,
    InstanceLost,
    RecordDelivered,
    Request,
    SourceConnected,
    Word,
)
from proxy.campaign.policy import Attribute, ConfiguredGroup
from proxy.shared import keeping, outbox, stream
from proxy.shared.entries import FORMAT, Batch, Seen, batch_of
from proxy.shared.stream import Stream, Unreachable
from proxy.shared.url import RedisUrl
from tests.shared.gate import Gate
from tests.shared.instances import SALES, Instance, evolve
from tests.shared.test_member import Sharing

NOT_WRITABLE: Any = object()


class Trouble(Sharing):
    """Instances, some of which have a way of their own to Redis."""

    def gate(self) -> Gate:
        gate = Gate(self.redis.port)
        self.addCleanup(gate.remove)
        return gate

    def behind(self, gate: Gate) -> Instance:
        """An instance that comes to Redis by a gate; it has begun."""
        instance = Instance(reactor, f"redis://127.0.0.1:{gate.port}/0")
        self.instances.append(instance)
        self.dialer.instances.append(instance)
        return instance.starts()

    async def there(self, *instances: Instance) -> None:
        """They take part."""
        await self.until(lambda: all(each.member.problem is None for each in instances or self.instances))

    def group_runs(self) -> None:
        """A client of the leader has the group loaded and started: the stream hears of that before OCS's word."""
        assert self.leader is not None
        self.runs(self.leader)

    async def turn(self) -> None:
        """Let the reactor do what it has to."""
        await deferLater(reactor, 0)

    def said(self) -> list[Batch]:
        """All that stands in the stream."""
        epoch = self.redis.ask("HGET", "tests:epoch", "name")
        found: Any = self.redis.ask("XRANGE", f"tests:{epoch}:stream", "-", "+")
        return [batch_of(fields[1]) for _, fields in found]

    async def cut(self, number: int) -> None:
        """The leader keeps images until the stream holds nothing any more that an instance of this number said."""
        often = self.patch(keeping, "KEEP_AFTER", 0)
        await self.until(lambda: not any(batch.instance == number for batch in self.said()))
        often.restore()

    async def ended(self, instance: Instance) -> None:
        """It has left in order."""
        self.instances.remove(instance)
        self.dialer.instances.remove(instance)
        await instance.ends()


class Broken(Trouble):
    """Connections break."""

    async def test_connections_that_break_at_any_moment_cost_nothing(self) -> None:
        """Redis cuts all connections again and again while agents are at work: every record counts, once."""
        instances = await self.taking_part(2)
        agents = [each.agent(f"300{number}") for number, each in enumerate(instances)]
        self.group_runs()
        for agent in agents:
            agent.hears(Word.STARTED)
        await self.alike()
        chance = Random(7)
        for number in range(80):
            for agent in agents:
                agent.gets(f"{agent.dn}-{number}")
                agent.processes(f"{agent.dn}-{number}")
            for _ in range(chance.randrange(4)):
                await self.turn()
            if chance.random() < 0.08:
                self.redis.ask("CLIENT", "KILL", "TYPE", "normal")
            if chance.random() < 0.08:
                await self.there(chance.choice(instances))
        await self.there()
        shown = await self.alike()
        self.assertEqual((shown["delivered"], shown["finalized"], shown["outstanding"]), (160, 160, 0))
        self.assertEqual(sorted(each.member.number for each in instances), [1, 2], "nobody was taken for lost")

    async def test_an_answer_that_is_lost_is_not_an_entry_that_is_lost(self) -> None:
        """A batch arrives, the answer does not: it is sent again, and counts once."""
        gate = self.gate()
        one, other = self.behind(gate), self.instance()
        await self.there()
        await self.until(lambda: self.leader is not None)
        agent = one.agent("3001")
        self.group_runs()
        agent.hears(Word.STARTED)
        await self.alike()
        for number in range(3):
            gate.hold_after(b"RecordDelivered")
            agent.gets(str(number))
            await self.until(gate.caught.is_set)
            await self.until(lambda seen=number + 1: other.shown()["delivered"] == seen)
            agent.processes(str(number))
            gate.close()
            gate.open()
            await self.until(lambda seen=number + 1: other.shown()["finalized"] == seen)
        shown = await self.alike()
        self.assertEqual((shown["delivered"], shown["finalized"]), (3, 3))

    async def test_one_that_is_cut_off_as_it_joins_is_there_once(self) -> None:
        """Its introduction arrives, and it does not hear so: it goes on under the same number."""
        gate = self.gate()
        gate.hold_after(b"InstanceHeard")
        one = self.behind(gate)
        agent = one.agent("3001")
        agent.hears(Word.STARTED)
        agent.gets("1")
        await self.until(gate.caught.is_set)
        gate.close()
        gate.open()
        await self.until(lambda: one.member.problem is not None)
        await self.there(one)
        await self.until(lambda: not len(one.member.outbox))
        self.assertEqual((one.member.number, one.shown()["delivered"]), (1, 1))
        self.assertEqual({batch.instance for batch in self.said()}, {1})

    async def test_one_whose_introduction_never_arrives(self) -> None:
        """It says it again under the same number: the first one may arrive yet."""
        one = self.instance()
        append, broken = one.stream.append, []

        async def breaks(*what: str) -> str:
            if not broken:
                broken.append(what)
                raise Unreachable("cut")
            return await append(*what)

        self.patch(one.stream, "append", breaks)
        agent = one.agent("3001")
        agent.hears(Word.STARTED)
        agent.gets("1")
        await self.until(lambda: broken and one.member.problem is None and not len(one.member.outbox))
        self.assertEqual((one.member.number, one.shown()["delivered"]), (1, 1))

    async def test_one_that_was_away_while_the_stream_was_cut_knows_all_the_same(self) -> None:
        """What it missed is not in the stream any more: it begins with the image, and says what it saw, once."""
        gate = self.gate()
        other, one = self.instance(), self.behind(gate)
        await self.there()
        await self.until(lambda: self.leader is not None)
        here, there = one.agent("3001"), other.agent("3002")
        self.group_runs()
        for agent in (here, there):
            agent.hears(Word.STARTED)
        await self.alike()
        gate.hold_after(b"RecordDelivered")
        here.gets("1")
        await self.until(lambda: other.shown()["delivered"] == 1)
        gate.close()
        await self.until(lambda: self.leader is other)
        here.gets("2")
        there.gets("3")
        await self.cut(one.member.number)
        gate.open()
        await self.there()
        shown = await self.alike()
        self.assertEqual((shown["delivered"], shown["outstanding"]), (3, 3))
        here.processes("1")
        await self.until(lambda: other.shown()["finalized"] == 1)

    async def test_one_that_was_taken_for_lost_while_it_was_away(self) -> None:
        """And the stream does not say so any more: what was taken from it before, it does not say again."""
        gate = self.gate()
        other, one = self.instance(), self.behind(gate)
        await self.there()
        await self.until(lambda: self.leader is not None)
        here = one.agent("3001")
        self.group_runs()
        here.hears(Word.STARTED)
        await self.alike()
        gate.hold_after(b"XREAD")
        await self.until(gate.caught.is_set)
        here.gets("1")
        await self.until(lambda: other.shown()["delivered"] == 1)
        gate.close()
        here.gets("2")
        replica, number = other.member.replica, one.member.number
        assert replica is not None
        await self.until(lambda: replica.is_gone(number))
        await self.cut(number)
        gate.open()
        await self.there()
        self.assertEqual((await self.alike())["delivered"], 2)
        seen = [entry.observation for batch in self.said() for entry in batch.entries if isinstance(entry, Seen)]
        self.assertEqual([each.handle for each in seen if isinstance(each, RecordDelivered)], ["2"])

    async def test_a_redis_that_falls_silent_while_one_catches_up(self) -> None:
        """Its host is gone, and nobody said so: it is tried again."""
        self.patch(stream, "SILENCE", 0.5)
        gate = self.gate()
        gate.hold_after(b"HMGET")
        one = self.behind(gate)
        await self.until(gate.caught.is_set)
        await self.until(lambda: "has not answered" in str(one.member.problem))
        await self.there()

    async def test_a_mistake_of_ours_does_not_end_its_life(self) -> None:
        """Whatever the board does when it hears of a loss, the instance comes back."""
        (one,) = await self.taking_part(1)

        def fails(*_: object) -> None:
            raise ZeroDivisionError

        for name in ("leads_no_more", "out_of_touch", "applied"):
            self.patch(one.board, name, fails)
        self.redis.ask("CLIENT", "KILL", "TYPE", "normal")
        await self.until(lambda: one.member.problem is not None)
        await self.there()
        await self.until(lambda: one.member.is_leading)
        self.assertTrue(self.flushLoggedErrors(ZeroDivisionError))


class TakenForLost(Trouble):
    """Others say of one that it is lost, and it is not."""

    async def lost(self, leader: Instance, other: Instance) -> None:
        """The leader takes the other for lost; that has come back under another number when this is done."""
        number = other.member.number
        leader.member._saying.put(Seen(InstanceLost(number)), leader.member.lead.fence)
        await self.until(lambda: other.member.number != number and other.member.problem is None)

    async def test_it_comes_back_and_says_what_was_ignored(self) -> None:
        """Under another number, with its sessions, and what it saw meanwhile, once."""
        leader = (await self.taking_part(1))[0]
        other = self.instance()
        await self.there()
        agent = other.agent("3001")
        self.group_runs()
        agent.hears(Word.STARTED)
        agent.gets("1")
        await self.alike()
        other.hears(SourceConnected("reports"))
        agent.gets("2")
        agent.processes("1")
        await self.lost(leader, other)
        shown = await self.alike()
        self.assertEqual((shown["delivered"], shown["finalized"]), (2, 1))
        replica = leader.member.replica
        assert replica is not None
        await self.until(lambda: sorted(replica.groups.instances.heard) == [1, 3])
        self.assertIn("reports", replica.groups.sources)
        agent.hears_no_records()
        agent.processes("2")
        await self.alike()

    async def test_it_knows_nothing_until_it_has_said_all(self) -> None:
        """Nobody completes a group because it is there again: what it has yet to say comes first."""
        leader = (await self.taking_part(1))[0]
        other = self.instance()
        await self.there()
        await self.lost(leader, other)
        await self.alike()
        first = next(batch for batch in self.said() if batch.instance == other.member.number)
        self.assertEqual(first.entries[0], Seen(InstanceHeard(other.member.number, True, 0.0)))


class Lost(Trouble):
    """More was seen than the others will ever hear."""

    async def test_more_than_can_wait(self) -> None:
        """Redis is away for so long that what is seen has no place: the others are told that counters are unknown."""
        self.patch(outbox, "MOST", 20)
        instances = await self.taking_part(2)
        agent = instances[0].agent("3001")
        self.group_runs()
        agent.hears(Word.STARTED)
        agent.gets("1")
        await self.alike()
        self.redis.stop()
        await self.until(lambda: all(each.member.problem is not None for each in instances))
        for number in range(30):
            agent.gets(f"1{number}")
        self.assertEqual(len(instances[0].member.outbox), 20)
        self.redis.start()
        await self.there()
        shown = await self.alike()
        self.assertIsNone(shown["delivered"])
        self.assertIn("loaded anew", shown["waiting_for"])
        self.assertEqual(shown["agents"], ["3001"])
        replica = instances[0].member.replica
        assert replica is not None
        self.assertNotIn("instances_lost", replica.groups.counts)

    async def test_what_cannot_be_written(self) -> None:
        """By a mistake of ours: the others are told so, and all that comes after is said."""
        instances = await self.taking_part(2)
        agent = instances[0].agent("3001")
        self.group_runs()
        agent.hears(Word.STARTED)
        await self.alike()
        instances[0].board.observe(ControlRequested(9, SALES, Request.LOAD, (NOT_WRITABLE,)))
        await self.until(lambda: instances[1].shown()["delivered"] is None)
        await self.there()
        agent.hears(Word.STARTED)
        await self.alike()
        self.assertTrue(self.flushLoggedErrors(TypeError))

    async def test_forgetting_while_others_take_part(self) -> None:
        """One is started with --forget: all share what it founds, and the others say that they had seen more."""
        instances = await self.taking_part(2)
        agent = instances[0].agent("3001")
        self.group_runs()
        agent.hears(Word.STARTED)
        agent.gets("1")
        await self.alike()
        third = Instance(reactor, self.redis.url)
        self.instances.append(third)
        self.dialer.instances.append(third)
        third.board.take_up(forget=True)
        await self.until(lambda: len({each.member.epoch for each in self.instances}) == 1)
        await self.there()
        await self.until(lambda: len(third.member.lead.others) == 2)
        shown = await self.alike()
        self.assertIsNone(shown["delivered"])
        lost = [entry for batch in self.said() for entry in batch.entries if entry == Seen(CountLost())]
        self.assertEqual(len(lost), 2)


class Ends(Trouble):
    """A proxy ends, whatever it is doing."""

    async def test_while_redis_stands_still(self) -> None:
        """It waits for no longer than the lease, and ends."""
        (one,) = await self.taking_part(1)
        one.agent("3001")
        self.redis.pause()
        self.addCleanup(self.redis.resume)
        await self.ended(one)

    async def test_before_it_was_ever_there(self) -> None:
        """It waits for nothing, and leaves nothing behind: while it tries, and between two attempts."""
        self.redis.stop()
        one, other = self.instance(), self.instance()
        await self.until(lambda: "reached yet" not in str(one.member.problem))
        await self.ended(one)
        await self.ended(other)
        third = self.instance()
        await self.ended(third)
        self.assertTrue(all(each.member._life is None for each in (one, other, third)))

    async def test_while_it_catches_up(self) -> None:
        """What Redis answers then is heard by nobody."""
        gate = self.gate()
        await self.taking_part(1)
        gate.hold_after(b"XRANGE")
        one = self.behind(gate)
        await self.until(gate.caught.is_set)
        await self.ended(one)
        gate.release()
        await self.turn()
        self.assertIsNone(one.member._life)

    async def test_all_that_it_saw_is_said_before_it_leaves(self) -> None:
        """With what waits, and what is on its way; and nothing is ignored because it has left."""
        leader, one = await self.taking_part(2)
        if leader is not self.leader:
            leader, one = one, leader
        agent = one.agent("3001")
        self.group_runs()
        agent.hears(Word.STARTED)
        await self.alike()
        for number in range(900):
            agent.gets(str(number))
        await self.ended(one)
        await self.until(lambda: leader.shown()["delivered"] == 900)
        await self.until(lambda: list(leader.member.replica.sequences) == [leader.member.number])  # type: ignore[union-attr]


class Begins(Trouble):
    """Instances that begin, at the same time or with another idea of what is there."""

    async def test_several_found_at_the_same_time(self) -> None:
        """Redis is empty, and they all share one set of groups."""
        instances = [self.instance() for _ in range(4)]
        await self.there()
        self.assertEqual(len({each.member.epoch for each in instances}), 1)
        self.assertEqual(sorted(each.member.number for each in instances), [1, 2, 3, 4])

    async def test_another_version_shares_groups_there(self) -> None:
        """It stays away, says why, and relays; the others are not disturbed, and it joins when they are gone."""
        self.redis.ask("HSET", "tests:epoch", "name", "e", "format", FORMAT + 1)
        one = self.instance()
        await self.until(lambda: "another version" in str(one.member.problem))
        agent = one.agent("3001")
        self.assertFalse(agent.hears(Word.STARTED))
        self.redis.wipe()
        await self.there()

    async def test_an_image_that_cannot_be_read(self) -> None:
        """An operator is told what helps, and it helps."""
        founder = Stream(reactor, RedisUrl.parse(self.redis.url), "tests")
        self.addCleanup(founder.close)
        await founder.connect(lambda _: None)
        await founder.found(None, "e", FORMAT, ["no image"], "0-0")
        one, other = self.instance(), Instance(reactor, self.redis.url)
        await self.until(lambda: "--forget" in str(one.member.problem))
        self.instances.append(other)
        other.board.take_up(forget=True)
        await self.there()

    async def test_the_leaders_conf_file_holds_for_all(self) -> None:
        """Two have different ones: the same attribute is written everywhere, and another when another leads."""
        adds = self.instance()
        adds.board._policies = self.with_attribute(adds, Attribute.FORCE)
        await self.there()
        await self.until(lambda: adds.member.is_leading)
        other = self.instance()
        await self.there()

        def edits() -> list[Edit]:
            return [each.board.edit(SALES, Request.LOAD, ()) for each in self.instances]

        adding = edits()[0]
        await self.until(lambda: edits() == [adding, adding])
        await self.ended(adds)
        await self.until(lambda: other.member.is_leading)
        await self.until(lambda: edits() != [adding])

    def with_attribute(self, instance: Instance, attribute: Attribute) -> Any:
        default = evolve(instance.policies[0], attribute=attribute)
        return default, (ConfiguredGroup(SALES, default),)
