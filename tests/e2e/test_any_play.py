"""Any play over all doors: agents at desktops and in browsers, orders over OCS HTTP, GWS and T-Events, by chance."""

from __future__ import annotations

from collections.abc import Coroutine
from random import Random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from proxy.simulator.httpoperator import at_gws, at_ocs, give
from proxy.simulator.operator import Order
from tests.e2e.stage import Client, StageReactor
from tests.e2e.test_http import HttpStage, WebAgent

DESKTOPS, BROWSERS = ("3001", "3002"), ("3003", "3004")
OUTCOMES = ("RecordProcessed",) * 5 + ("RecordReject", "RequestRecordCancel", "DoNotCall")
ORDERS = ("load", "load", "start", "start", "start", "mode", "stop", "unload")
ENDS = ("CampaignStopped", "CampaignUnloaded")

ONCE_MORE = (("active", "unload"), ("running", "unload"), ("not_loaded", "load"), ("active", "start"))
"""What is ordered in which state, one after the other, for the group to begin anew."""

COMPLETION = "attribute = force\ncontrol = ocs-http\ncomplete_untouched = yes"


class TestAnyPlay(HttpStage):
    """What may never happen does not, whatever people do: no Stop while there are records, nothing told twice."""

    async def play(self, seed: int, steps: int = 80) -> None:
        """Chance has people do things; then they finish their work, and the group is completed."""
        self.chance = Random(seed)
        ocs = self.chance.choice(["", "acks = bare", "group_keys = no", "answer_delay = 0.3"])
        tells = self.chance.choice(["yes", "no", "stopped", "unloaded"])
        records = self.chance.choice((3, 8, 15))
        await self.raise_http(COMPLETION, records, f"{ocs}\nnotify_agents = {tells}")
        self.watch_own_requests()
        self.agents: dict[str, Client | WebAgent] = {}
        for dn in (*DESKTOPS, *BROWSERS):
            await self.come(dn)
        self.console = await self.client("OCS_CommDN", "console")
        await self.order_by("load")
        await self.order_by("start")
        acts = [self.ask] * 6 + [self.answer] * 8 + [self.reconnect] + [self.order_something] * 2 + [self.wait] * 2
        for _ in range(steps):
            await self.chance.choice(acts)()
        await self.finish()

    # ------------------------------------------------------------------------------------------ what people do

    async def come(self, dn: str) -> None:
        """An agent comes."""
        self.agents[dn] = await (self.browser if dn in BROWSERS else self.client)(dn)

    async def reconnect(self) -> None:
        """An agent leaves, and comes again, at once or after a while; a record may stay with him."""
        dn = self.chance.choice(sorted(self.agents))
        agent = self.agents.pop(dn)
        self.check_what_was_heard(agent)
        if isinstance(agent, WebAgent):
            await agent.leave()
        else:
            agent.close()
            await self.until(lambda: agent.gone)
        await self.pass_time(self.chance.choice((0.0, 1.0, 30.0)))
        await self.come(dn)

    async def ask(self) -> None:
        """An agent who knows of no record asks for one, and perhaps does not wait for the answer."""
        dn = self.chance.choice(sorted(self.agents))
        if self.open_record(dn) is None:
            self.agents[dn].ask("PreviewRecordRequest")
            await self.pass_time(self.chance.choice((0.0, 0.5)))

    async def answer(self) -> None:
        """An agent does something with a record."""
        dn = self.chance.choice(sorted(self.agents))
        record = self.open_record(dn)
        if record is not None:
            self.say_of(dn, self.chance.choice(OUTCOMES), record)
            await self.pass_time(self.chance.choice((0.0, 0.5)))

    async def order_something(self) -> None:
        """Somebody orders something, sensible or not."""
        await self.order_by(self.chance.choice(ORDERS))

    async def wait(self) -> None:
        """Nothing is done, but what desktops do by themselves."""
        await self.pass_time(self.chance.choice((1.0, 10.0, 70.0)))

    async def order_by(self, request: str) -> None:
        """An order at any of the three doors."""
        name = self.chance.choice(("ocs-http", "gws", "tevents"))
        attribute = self.chance.choice((None, 0, 1))
        order = Order(request, 101, 101, 732, attribute, reference=self.chance.randrange(1000), application_id=4115)
        if name == "tevents":
            self.console.say("OCS_CommDN", **{each.key: each.value for each in order.pairs()})
        else:
            posted = at_gws(order, 4113) if name == "gws" else at_ocs(order)
            giving = give(posted, f"http://127.0.0.1:{self.port(name)}", 10, StageReactor(self.clock))
            await self.in_its_time(giving)
        await self.pass_time(1)

    def say_of(self, dn: str, request: str, handle: int) -> None:
        """An agent's word on a record."""
        self.agents[dn].ask(request, GSW_RECORD_HANDLE=handle, GSW_CALLING_LIST="Customers")

    def given(self, dn: str) -> set[int]:
        """The handles of the records that an agent has, by OCS's own book."""
        return {each.handle for each in self.simulator.ocs.groups[0].pool.out.values() if each.agent == dn}

    def open_record(self, dn: str) -> int | None:
        """The handle of a record that an agent has, and has heard of."""
        heard = {data.get("GSW_RECORD_HANDLE") for data in self.agents[dn].data}
        return min(self.given(dn) & heard, default=None)

    # ------------------------------------------------------------------------------------------ time

    async def pass_time(self, seconds: float) -> None:
        """Time passes; desktops without a record ask for one on a timer."""
        await self.passes(0.1)
        for left in range(round(seconds), 0, -1):
            await self.passes(1)
            if left % 5 == 0:
                for dn, agent in self.agents.items():
                    if not self.given(dn):
                        agent.ask("PreviewRecordRequest")

    async def in_its_time(self, doing: Coroutine[Any, Any, object]) -> None:
        """Do something that takes its time, and let it pass."""
        done: list[object] = []
        Deferred.fromCoroutine(doing).addBoth(done.append)
        await self.in_time(lambda: done)
        if isinstance(done[0], Failure):
            done[0].raiseException()

    async def finish(self) -> None:
        """Everybody works until nothing is left to do; when somebody then starts the group, it is completed."""
        for state, request in (
            ("active", "unload"),
            ("running", "unload"),
            ("not_loaded", "load"),
            ("active", "start"),
        ):
            await self.work_until("not_loaded", "active", "running")
            if self.ocs()["state"] == state:
                await self.order_by(request)
        before = len(self.own)
        await self.work_until("not_loaded")
        await self.pass_time(30)
        assert [name for name, _left in self.own[before:]] == ["stop", "unload"]
        for agent in self.agents.values():
            self.check_what_was_heard(agent)
            assert [word for word in agent.heard() if word.startswith("Campaign")][-2:] == list(ENDS)
        assert [left for _name, left in self.own] == [0] * len(self.own)
        assert self.group()["state"] == "unloaded"
        assert not list(self.proxy.status.health())

    async def work_until(self, *states: str) -> None:
        """The agents finish what they have, until the group is in one of these states."""
        for _ in range(300):
            if self.ocs()["state"] in states:
                return
            for dn in self.agents:
                for handle in self.given(dn):
                    self.say_of(dn, "RecordProcessed", handle)
            await self.pass_time(6)
        self.fail(f"it never came: {self.ocs()} {self.group()}")

    async def _leave(self) -> None:
        for agent in self.agents.values():
            if isinstance(agent, WebAgent):
                await agent.leave()
        await super()._leave()

    # ------------------------------------------------------------------------------------------ what must hold

    def watch_own_requests(self) -> None:
        """Keep the Stops and Unloads of the proxy's own that OCS accepts, and how many records were left then."""
        self.own: list[tuple[str, int]] = []
        ledger = self.simulator.ocs.ledger
        enter = ledger.request

        def noted(when: float, sender: str, request: str, group: str | None, refusal: str | None) -> None:
            enter(when, sender, request, group, refusal)
            if sender == "http" and refusal is None:
                self.own.append((request, self.ocs()["left"]))

        ledger.request = noted  # type: ignore[method-assign]

    def check_what_was_heard(self, agent: Client | WebAgent) -> None:
        """Of each life of the group an agent heard each end once at most, and CampaignStopped first."""
        life: list[str] = []
        for word in [*agent.heard(), "CampaignLoaded"]:
            if word in ("CampaignLoaded", "CampaignStarted"):
                assert tuple(life) in ((), ENDS[:1], ENDS[1:], ENDS), agent.heard()
                life = []
            elif word in ENDS:
                life.append(word)

    # ------------------------------------------------------------------------------------------ plays

    async def test_a_play(self) -> None:
        """One of them."""
        await self.play(1)

    async def test_another_play(self) -> None:
        """Another one."""
        await self.play(2)

    async def test_a_third_play(self) -> None:
        """A third one."""
        await self.play(3)
