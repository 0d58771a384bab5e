"""Simulated agents against the simulator, in one process, over real sockets: nothing between them."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from proxy.simulator.agent import Habits
from proxy.simulator.crew import Crew
from tests.simulator.test_tserver import Case

FAST = "retrieval_interval = 0.1\nretry_delay = 0.1\ndial_time = 0.02\nring_time = 0.01\ncallback_delay = 0.1\n"


class Work(Case):
    async def crew(self, dns: str, **habits: float) -> Crew:
        """Agents at these DNs who talk briefly and come back quickly; they are there."""
        quick = {"talk": 0.01, "ask_again": 0.1, "away": 0.05, "answer_timeout": 2.0}
        crew = Crew(dns.split(), f"tcp:127.0.0.1:{self.port}", Habits(**{**quick, **habits}), 1, reactor)
        self.addCleanup(crew.end)
        crew.begin()
        while not all(map(self.simulator.tserver.attended, dns.split())):
            await self.turn()
        return crew

    async def begin(self) -> None:
        """An operator loads and starts the group, and asks for its completion."""
        await self.order("load", auto_completion=1)
        await self.order("start", auto_completion=1)

    def group(self) -> dict[str, Any]:
        group: dict[str, Any] = self.simulator.truth()["groups"][0]
        return group

    async def completed(self, crew: Crew) -> tuple[dict[str, Any], dict[str, Any]]:
        """When every agent has heard that the group is unloaded: OCS's truth, and the agents' diaries added up."""
        await crew.everything_unloaded
        diaries = crew.report()["agents"].values()
        return self.group(), {key: sum(diary[key] for diary in diaries) for key in ("processed", "delivered", "drops")}

    async def test_a_preview_list_to_its_end(self) -> None:
        """Rejects, callbacks, cancels, lost connections: an OCS that completes groups itself ends with nothing left."""
        await self.started(
            records=60,
            ocs=FAST + "native = yes",
        )
        habits = {"reject": 0.15, "reschedule": 0.15, "cancel": 0.05, "do_not_call": 0.05, "drop": 0.2}
        crew = await self.crew("3001 3002 3003", **habits)
        await self.begin()
        truth, done = await self.completed(crew)
        assert (truth["left"], truth["native_completions"], truth["out"]) == (0, 1, 0)
        assert truth["delivered"] == done["delivered"]
        assert done["drops"] > 0
        assert truth["rejected"] > 0
        assert truth["rescheduled"] > 0
        for diary in crew.report()["agents"].values():
            events = [each["event"] for each in diary["heard"]]
            assert events[0] == "CampaignLoaded"
            assert "CampaignStarted" in events
            assert events[-2:] == ["CampaignStopped", "CampaignUnloaded"]
            assert diary["still_open"] == 0

    async def test_a_predictive_list_to_its_end(self) -> None:
        """Busy, no answer, abandoned, and agents who lose their connection in a call."""
        await self.started(
            records=60,
            mode="Predictive",
            ocs=FAST + "native = yes\nbusy = 0.2\nno_answer = 0.2\npatience = 0.1\noverdial = 2\ncall_time = 1",
        )
        crew = await self.crew("3001 3002 3003", drop=0.1, reschedule=0.1)
        await self.begin()
        truth, done = await self.completed(crew)
        assert (truth["left"], truth["native_completions"]) == (0, 1)
        assert truth["retried"] > 0
        assert truth["delivered"] == done["delivered"]

    async def test_bare_acknowledgements_are_enough(self) -> None:
        """A desktop that hears only its own reference knows what was acknowledged."""
        await self.started(records=10, ocs=FAST + "acks = bare\ngroup_keys = no")
        crew = await self.crew("3001 3002 3003", reject=0.2)
        await self.begin()
        while self.group()["left"]:
            await self.turn()
        await self.order("unload")
        truth, done = await self.completed(crew)
        assert (truth["finalized"], done["processed"]) == (10, 10)

    async def test_agents_come_back_to_a_server_that_was_away(self) -> None:
        """They try again and again, finish what was on the desktop, and pull on."""
        await self.started(records=20, ocs=FAST)
        crew = await self.crew("3001 3002 3003", talk=0.05)
        await self.begin()
        while self.group()["finalized"] < 5:
            await self.turn()
        for session in list(self.simulator.tserver.sessions):
            session.transport.abortConnection()  # type: ignore[attr-defined]
        while self.group()["finalized"] < 15:
            await self.turn()
        assert all(diary["connections"] >= 2 for diary in crew.report()["agents"].values())

    async def turn(self) -> None:
        """A turn of the reactor."""
        turned: Deferred[None] = Deferred()
        reactor.callLater(0.01, turned.callback, None)  # type: ignore[attr-defined]
        await turned
