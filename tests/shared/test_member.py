"""Several proxies share one set of groups through a real Redis: what their users may rely on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from proxy.campaign.observation import Status, Word
from tests.shared.instances import Dialer, Instance, evolve, until
from tests.shared.redis import RedisServer


class Sharing(TestCase):
    """Instances, and OCS; everything ends with the test."""

    timeout = 120
    appendonly = True

    def setUp(self) -> None:
        self.redis = RedisServer(appendonly=self.appendonly)
        self.addCleanup(self.redis.remove)
        self.redis.start()
        self.instances: list[Instance] = []
        self.dialer = Dialer()

    async def tearDown(self) -> None:
        for instance in self.instances:
            instance.dies()

    def instance(self, **policy: Any) -> Instance:
        """One more proxy, with a control session."""
        instance = Instance(reactor, self.redis.url)
        if policy:
            instance.policies = evolve(instance.policies[0], **policy), instance.policies[1]
        self.instances.append(instance)
        self.dialer.instances.append(instance)
        return instance.starts()

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds; OCS does meanwhile what it is asked."""
        await until(reactor, holds, self.dialer.looks)

    async def taking_part(self, number: int) -> list[Instance]:
        """So many instances, one of which leads, and hears OCS."""
        instances = [self.instance() for _ in range(number)]
        await self.until(lambda: all(each.member.problem is None for each in instances))
        await self.until(lambda: self.leader is not None)
        await self.until(lambda: all(each.shown()["state"] == "unloaded" for each in instances))
        return instances

    @property
    def leader(self) -> Instance | None:
        leading = [each for each in self.instances if each.member.is_leading]
        assert len(leading) < 2
        return leading[0] if leading else None

    def runs(self, client: Instance) -> None:
        """A client has the group loaded and started, armed."""
        self.dialer.loads_and_starts(client)
        self.dialer.status = Status.RUNNING
        self.dialer.says(Word.LOADED)
        self.dialer.says(Word.STARTED)

    async def alike(self) -> dict[str, Any]:
        """The group, once all instances that live show the same of it."""
        living = [each for each in self.instances if each.member.problem is None]

        def same() -> bool:
            shown = [{**each.shown(), "waiting_for": ""} for each in living]
            return not any(map(len, (each.member.outbox for each in living))) and all(s == shown[0] for s in shown)

        await self.until(same)
        return living[0].shown()


class SharedGroups(Sharing):
    """What all of them know, and who does what."""

    async def test_records_count_once_however_their_events_are_spread(self) -> None:
        """One record is delivered here and rejected, delivered there and processed: one record, finalized."""
        one, two = await self.taking_part(2)
        here, there = one.agent("3001"), two.agent("3002")
        self.runs(one)
        await self.until(lambda: two.shown()["state"] == "running" and two.shown()["armed"])
        here.hears(Word.STARTED)
        there.hears(Word.STARTED)
        for number in range(50):
            here.gets(f"1{number}")
            there.gets(f"2{number}")
            here.processes(f"1{number}")
            there.processes(f"2{number}")
        here.gets("9")
        there.gets("8")
        shown = await self.alike()
        self.assertEqual((shown["delivered"], shown["finalized"], shown["outstanding"]), (102, 100, 2))
        self.assertEqual(shown["agents"], ["3001", "3002"])

    async def test_one_completes_and_each_tells_its_own_agents(self) -> None:
        """Stop and Unload go out once, from the leader; each agent hears both, from the proxy of its session."""
        instances = await self.taking_part(3)
        agents = [each.agent(f"300{number}") for number, each in enumerate(instances)]
        self.runs(instances[2])
        for agent in agents:
            agent.hears(Word.STARTED)
            agent.gets(agent.dn)
            agent.processes(agent.dn)
        await self.alike()
        agents[1].hears_no_records()
        await self.until(lambda: all(agent.told == [Word.STOPPED, Word.UNLOADED] for agent in agents))
        self.assertEqual(self.dialer.accepted, {"stop": 1, "unload": 1})
        self.assertEqual([each.control.steps for each in instances if each is not self.leader], [[], []])
        self.assertEqual((await self.alike())["completions"], 1)

    async def test_ocs_own_word_is_swallowed_where_the_agent_was_told(self) -> None:
        """R26: an agent who was told by his proxy does not hear it from OCS a second time; another does."""
        one, two = await self.taking_part(2)
        told, other = one.agent("3001"), two.agent("3002")
        self.runs(one)
        for agent in (told, other):
            agent.hears(Word.STARTED)
            agent.gets(agent.dn)
            agent.processes(agent.dn)
        await self.alike()
        told.hears_no_records()
        await self.until(lambda: told.told == [Word.STOPPED, Word.UNLOADED] == other.told)
        late = two.agent("3009")
        self.assertTrue(told.hears(Word.STOPPED))
        self.assertTrue(other.hears(Word.UNLOADED))
        self.assertFalse(late.hears(Word.UNLOADED))

    async def test_another_finishes_what_a_proxy_had_begun_that_died(self) -> None:
        """The leader is gone after OCS took its Stop: another sends Unload, once, and nobody sends a second Stop."""
        instances = await self.taking_part(3)
        self.runs(instances[0])
        for number, each in enumerate(instances):
            agent = each.agent(f"300{number}")
            agent.hears(Word.STARTED)
            agent.gets(agent.dn)
            agent.processes(agent.dn)
        leader = self.leader
        assert leader is not None
        left = [each for each in instances if each is not leader]
        await self.alike()
        next(iter(left[0].agents.values())).hears_no_records()
        await self.until(lambda: "stop" in leader.control.steps)
        leader.dies()
        self.instances.remove(leader)
        self.dialer.instances.remove(leader)
        self.dialer._does("stop", 0)
        await self.until(lambda: self.dialer.accepted["unload"])
        agents = [agent for each in left for agent in each.agents.values()]
        await self.until(lambda: all(agent.told == [Word.STOPPED, Word.UNLOADED] for agent in agents))
        self.assertEqual(self.dialer.accepted, {"stop": 1, "unload": 1})
        self.assertEqual((await self.alike())["completions"], 1)

    async def test_a_newcomer_knows_what_all_know(self) -> None:
        """A proxy that is started while the others are at work shows the same counters."""
        (one,) = await self.taking_part(1)
        agent = one.agent("3001")
        self.runs(one)
        agent.hears(Word.STARTED)
        for number in range(20):
            agent.gets(str(number))
        agent.processes("3")
        self.instance()
        await self.until(lambda: self.instances[1].member.problem is None)
        shown = await self.alike()
        self.assertEqual((shown["delivered"], shown["finalized"], shown["agents"]), (20, 1, ["3001"]))

    async def test_all_of_them_gone_and_one_started_anew(self) -> None:
        """Whatever was observed before all died is known to whoever is started next; nobody is told anything twice."""
        instances = await self.taking_part(2)
        agent = instances[0].agent("3001")
        self.runs(instances[1])
        agent.hears(Word.STARTED)
        for number in range(20):
            agent.gets(str(number))
        agent.processes("7")
        before = await self.alike()
        for each in instances:
            each.dies()
        self.instances.clear()
        self.dialer.instances.clear()
        later = self.instance()
        await self.until(lambda: later.member.problem is None)
        shown = {**later.shown(), "waiting_for": ""}
        self.assertEqual(shown, {**before, "waiting_for": ""})

    async def test_one_that_leaves_hands_the_lead_over_at_once(self) -> None:
        """A proxy that is stopped in order does not let the others wait for its lease to end."""
        instances = await self.taking_part(2)
        leader = self.leader
        assert leader is not None
        await leader.ends()
        self.instances.remove(leader)
        (other,) = self.instances
        await self.until(lambda: other.member.is_leading)
        await self.until(lambda: other.member.lead.others == [])
        self.assertEqual(len(instances), 2)


class WithoutRedis(Sharing):
    """Redis is away for a while, or comes back as another."""

    async def test_relaying_goes_on_and_what_was_seen_meanwhile_counts(self) -> None:
        """Redis is stopped: nothing is completed; when it is back every record that was seen meanwhile counts, once."""
        instances = await self.taking_part(2)
        agents = [each.agent(f"300{number}") for number, each in enumerate(instances)]
        self.runs(instances[0])
        for agent in agents:
            agent.hears(Word.STARTED)
            agent.gets(f"{agent.dn}-0")
        await self.alike()
        self.redis.stop()
        await self.until(lambda: all(each.member.problem is not None for each in instances))
        for agent in agents:
            agent.processes(f"{agent.dn}-0")
            for number in range(1, 30):
                agent.gets(f"{agent.dn}-{number}")
                agent.processes(f"{agent.dn}-{number}")
        agents[0].hears_no_records()
        self.redis.start()
        await self.until(lambda: all(each.member.problem is None for each in instances))
        await self.until(lambda: self.leader is not None)
        shown = await self.alike()
        self.assertEqual((shown["delivered"], shown["finalized"], shown["outstanding"]), (60, 60, 0))
        self.assertFalse(shown["exhausted"], "R14: what was said while Redis was away is no evidence")
        self.assertEqual(self.dialer.accepted, {})
        await self.alike()
        agents[1].hears_no_records()
        await self.until(lambda: self.dialer.accepted["unload"])

    async def test_a_paused_redis_costs_nothing_and_repeats_nothing(self) -> None:
        """Redis stands still for longer than the lease, and goes on: what it had taken is not counted twice."""
        instances = await self.taking_part(2)
        agents = [each.agent(f"300{number}") for number, each in enumerate(instances)]
        self.runs(instances[0])
        for agent in agents:
            agent.hears(Word.STARTED)
        await self.alike()
        self.redis.pause()
        for number in range(30):
            for agent in agents:
                agent.gets(f"{agent.dn}-{number}")
                agent.processes(f"{agent.dn}-{number}")
        await self.until(lambda: all(each.member.problem is not None for each in instances))
        self.redis.resume()
        await self.until(lambda: all(each.member.problem is None for each in instances))
        shown = await self.alike()
        self.assertEqual((shown["delivered"], shown["finalized"], shown["outstanding"]), (60, 60, 0))

    async def test_an_empty_redis_makes_counters_unknown(self) -> None:
        """Redis lost everything: no counter is shown, nothing is completed, until the group is loaded anew."""
        instances = await self.taking_part(2)
        agent = instances[0].agent("3001")
        self.runs(instances[0])
        agent.hears(Word.STARTED)
        agent.gets("1")
        await self.alike()
        self.redis.wipe()
        await self.until(lambda: all(each.shown()["delivered"] is None for each in instances))
        await self.until(lambda: all(each.member.problem is None for each in instances))
        await self.until(lambda: self.leader is not None)
        agent.processes("1")
        agent.hears_no_records()
        shown = await self.alike()
        self.assertIsNone(shown["finalized"])
        self.assertIn("loaded anew", shown["waiting_for"])
        self.assertTrue(shown["armed"])
        self.dialer.status = Status.NOT_LOADED
        self.dialer.says(Word.STOPPED)
        self.dialer.says(Word.UNLOADED)
        self.runs(instances[1])
        await self.until(lambda: all(each.shown()["delivered"] == 0 for each in instances))

    async def test_a_proxy_begins_without_redis(self) -> None:
        """Telephony does not wait for Redis: a proxy that cannot reach it relays, and shares what it saw later."""
        self.redis.stop()
        one = self.instance()
        agent = one.agent("3001")
        self.assertFalse(agent.hears(Word.STARTED))
        agent.gets("1")
        await self.until(lambda: one.member.problem is not None and "reached yet" not in one.member.problem)
        self.redis.start()
        await self.until(lambda: one.member.problem is None)
        await self.until(lambda: one.shown()["delivered"] == 1)


class AnOlderRedis(Sharing):
    """Redis that writes to its disk now and then only."""

    appendonly = False

    async def test_an_older_redis_is_not_believed(self) -> None:
        """Redis dies, and comes back with what it had saved before: no counter of that is shown."""
        instances = await self.taking_part(2)
        agent = instances[0].agent("3001")
        self.runs(instances[0])
        agent.hears(Word.STARTED)
        agent.gets("1")
        await self.alike()
        self.redis.ask("SAVE")
        agent.gets("2")
        self.assertEqual((await self.alike())["delivered"], 2)
        self.redis.kill()
        self.redis.start()
        await self.until(lambda: all(each.shown()["delivered"] is None for each in instances))
        await self.until(lambda: all(each.member.problem is None for each in instances))
        self.assertTrue((await self.alike())["armed"])
