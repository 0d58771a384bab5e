"""Simulated agents against the simulator, in one process, over real sockets: nothing between them."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import serverFromString
from twisted.protocols.portforward import ProxyFactory

from proxy.simulator.agent import Habits
from proxy.simulator.crew import Crew
from tests import ports
from tests.simulator.test_tserver import Case

FAST = "retrieval_interval = 0.1\nretry_delay = 0.1\ndial_time = 0.02\nring_time = 0.01\ncallback_delay = 0.1\n"


class Way(ProxyFactory):
    """An address from which everything goes on to the simulator, until it is closed. Counts who came."""

    def __init__(self, port: int) -> None:
        super().__init__("127.0.0.1", port)
        self.connections = 0
        self._open: list[Any] = []
        self._listening: Any = None

    async def open(self) -> None:
        self._listening = await serverFromString(reactor, "tcp:0:interface=127.0.0.1").listen(self)
        self.address = f"tcp:127.0.0.1:{self._listening.getHost().port}"

    def buildProtocol(self, address: object) -> Any:
        self.connections += 1
        self._open.append(super().buildProtocol(address))
        return self._open[-1]

    def close(self) -> Deferred[None]:
        """Nobody gets through any more."""
        for each in self._open:
            for side in (each, each.peer):
                if side is not None:
                    side.transport.abortConnection()
        self._open.clear()
        return self._listening.stopListening() or succeed(None)


class Work(Case):
    async def crew(self, dns: str, **habits: float) -> Crew:
        """Agents at these DNs who talk briefly and come back quickly; they are there."""
        quick = {"talk": 0.01, "ask_again": 0.1, "away": 0.05, "answer_timeout": 2.0}
        crew = Crew(dns.split(), [f"tcp:127.0.0.1:{self.port}"], Habits(**{**quick, **habits}), 1, reactor)
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

    async def test_a_backup_is_tried_when_an_address_is_lost(self) -> None:
        """Desktops go to the next address, in turn, and finish there what was on them; the list ends as it should."""
        await self.started(records=20, ocs=FAST + "native = yes")
        primary, backup = await self.way(), await self.way()
        crew = self.crew_at([primary.address, backup.address], "3001 3002 3003", talk=0.05)
        crew.begin()
        while primary.connections < 3:
            await self.turn()
        await self.begin()
        while self.group()["finalized"] < 5:
            await self.turn()
        await primary.close()
        truth, done = await self.completed(crew)
        assert (truth["left"], truth["finalized"], truth["delivered"]) == (0, 20, 20)
        assert done["delivered"] == 20
        assert (primary.connections, backup.connections) == (3, 3)

    async def test_nobody_at_the_primary(self) -> None:
        """Who cannot connect tries the backup; from there, when it is lost, the primary again."""
        await self.started(records=2, ocs=FAST)
        nobody = ports.kept()
        self.addCleanup(nobody.close)
        backup = await self.way()
        crew = self.crew_at([f"tcp:127.0.0.1:{ports.number_of(nobody)}", backup.address], "3001")
        crew.begin()
        diary = crew.agents[0].diary
        while diary.connections < 1:
            await self.turn()
        assert diary.failed_connections == 1
        await backup.close()
        while diary.failed_connections < 3:
            await self.turn()
        assert diary.connections == 1

    async def test_agents_are_spread(self) -> None:
        """Each agent begins at the address after that of the one before, and has all others as backups."""
        await self.started(records=2, ocs=FAST)
        ways = [await self.way() for _ in range(2)]
        crew = self.crew_at([way.address for way in ways], "3001 3002 3003", spread=True)
        crew.begin()
        while not all(map(self.simulator.tserver.attended, ("3001", "3002", "3003"))):
            await self.turn()
        assert [way.connections for way in ways] == [2, 1]
        await ways[0].close()
        while ways[1].connections < 3:
            await self.turn()

    def crew_at(self, addresses: list[str], dns: str, talk: float = 0.01, spread: bool = False) -> Crew:
        """Agents who know these addresses, and have not begun."""
        habits = Habits(talk=talk, ask_again=0.1, away=0.05, answer_timeout=2.0)
        crew = Crew(dns.split(), addresses, habits, 1, reactor, spread=spread)
        self.addCleanup(crew.end)
        return crew

    async def way(self) -> Way:
        """One more address of the simulator."""
        way = Way(self.port)
        self.addCleanup(way.close)
        await way.open()
        return way

    async def turn(self) -> None:
        """A turn of the reactor."""
        turned: Deferred[None] = Deferred()
        reactor.callLater(0.01, turned.callback, None)  # type: ignore[attr-defined]
        await turned
