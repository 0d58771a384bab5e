"""A pair of T-Servers with OCS: the one in charge is killed at each step of a completion, and the other goes on.

OCS is both simulators together: what one accepted, the other one knows. Between the two stands nothing but their own
shared state; the proxy sees connections that end, and a backup that takes it.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from random import Random

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from proxy.config import parse
from proxy.ownsession import RETURN_AFTER
from proxy.service import ProxyService
from proxy.simulator import vocabulary as word
from proxy.simulator.conf import as_backup, read_conf
from proxy.simulator.pair import Role
from proxy.simulator.service import Simulator
from proxy.simulator.switch import SwitchClient
from proxy.simulator.vocabulary import Control
from proxy.tevents.message import Message
from tests.e2e.stage import SIMULATOR, Client, Stage, StageReactor
from tests.ports import kept, number_of

PAIR = """
[pair]
state = {folder}/state
listen = tcp:0:interface=127.0.0.1
"""

SETTLES = 60
STOPPED, UNLOADED = "CampaignStopped", "CampaignUnloaded"


class PairStage(Stage):
    """A stage with a primary and its backup; `simulator` is the one in charge."""

    until_nobody_asks = 120
    """Seconds after the end of a completion, until nothing more would come of it."""

    primary_port = 0
    """Where the primary is to listen."""

    def simulators(self, stage: StageReactor, records: int, ocs: str) -> tuple[Simulator, Simulator]:
        """The pair."""
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        listed = f"{records}\nfile = {temporary.name}/lists.db"
        text = SIMULATOR.format(records=listed, ocs=ocs, batch="20", tserver="") + PAIR.format(folder=temporary.name)
        conf = read_conf(text.replace("tcp:0", f"tcp:{self.primary_port}", 1))
        pair = Simulator(conf, stage), Simulator(as_backup(conf), stage, role=Role.BACKUP)
        for simulator in pair:
            self.addCleanup(lambda simulator=simulator: Deferred.fromCoroutine(simulator.stop()))
        return pair

    async def raise_pair(self, records: int = 2, ocs: str = "", tevents: str = "", completion: str = "") -> None:
        """Both begin, and the proxy before them; the control session is registered with the primary."""
        self.clock = Clock()
        self.clients, self._looks = [], {}
        stage = StageReactor(self.clock)
        self.primary, self.backup = self.simulators(stage, records, ocs)
        self.simulator = self.primary
        ports = [await self.primary.start(), await self.backup.start()]
        await self.raise_proxy(stage, ports, tevents, completion)
        self.addresses = [f"tcp:127.0.0.1:{port}" for port in ports]

    async def raise_proxy(self, stage: StageReactor, ports: list[int], tevents: str, completion: str) -> None:
        """The proxy before the pair."""
        upstreams = "\n    tcp:127.0.0.1:".join(map(str, ports))
        conf = self.proxy_conf(port=upstreams, completion=completion, more=self.more(), tevents=tevents)
        self.proxy = ProxyService(parse(conf), stage, self.clock.seconds, self.clock.seconds, Random(1))
        await self.proxy.begin()
        self.proxy.running = True
        self.addCleanup(self._end)
        await self.until(lambda: self.control_is_there)

    def more(self) -> str:
        """Further lines of the proxy's conf file; the pair listens already."""
        return ""

    def kill(self) -> None:
        """The one in charge is gone, without a word, and nothing that it has not sent yet is."""
        gone = self.simulator
        self.simulator = self.backup if gone is self.primary else self.primary
        Deferred.fromCoroutine(gone.stop())

    async def taken_over(self) -> None:
        """Wait until the other one is in charge, and the proxy's session registered there."""
        await self.in_time(lambda: self.simulator.in_charge and self.control_is_there)

    @property
    def control_is_there(self) -> bool:
        """Whether the proxy's own sessions are registered."""
        return all(channel.registered for channel in self.proxy.channels)

    def kill_at(self, request: Control, accepted: bool) -> None:
        """Kill the one in charge when it gets the proxy's request: once it is accepted, or before it is read."""
        tserver, asked = self.primary.tserver, self.primary.tserver.request

        def take(session: SwitchClient, message: Message) -> None:
            if session.name != "tevent-proxy" or word.number(message.user_data or [], word.CM_TYPE) != request:
                asked(session, message)
                return
            if accepted:
                asked(session, message)
                self.primary._hand_over()
            self.kill()

        tserver.request = take

    async def worked(self) -> Client:
        """The group is running, all its records are finished, and the agent is told that there are no more."""
        agent = await self.client("3001")
        await self.start_group()
        await self.finish_records(agent, 2)
        agent.ask("PreviewRecordRequest")
        await self.until(lambda: "No Records Available" in agent.heard("GSW_ERROR"))
        return agent

    async def completes(self, agent: Client) -> None:
        """The pair changes over, the agent comes again, and the group is completed: each step once."""
        await self.in_time(lambda: self.simulator is self.backup)
        await self.until(lambda: agent.gone)
        await self.taken_over()
        again = await self.client("3001")
        await self.ends_at([agent, again])

    async def ends_at(self, desktops: list[Client]) -> None:
        """The group is completed at the one in charge; these desktops, one after the other, were the agent's."""
        await self.in_time(lambda: self.group()["state"] == "unloaded")
        await self.passes(self.until_nobody_asks, step=1)
        truth = self.ocs()
        assert truth["state"] == "not_loaded"
        assert [(truth["accepted"][step], truth["refused"].get(step, 0)) for step in ("stop", "unload")] == [
            (1, 0),
            (1, 0),
        ]
        assert truth["left"] == 0
        assert self.group()["completions"] == 1
        heard = [word for desktop in desktops for word in desktop.heard()]
        assert Counter(heard)[STOPPED] == Counter(heard)[UNLOADED] == 1, heard
        assert heard.index(STOPPED) < heard.index(UNLOADED)
        assert not [each for each in self.proxy.board.timeline if each["loud"]]


class StepTests(PairStage):
    """The primary is killed in the middle of a completion."""

    async def begun(self, request: Control, accepted: bool, ocs: str = "") -> Client:
        await self.raise_pair(ocs=ocs)
        agent = await self.worked()
        self.kill_at(request, accepted)
        return agent

    async def test_stop_is_lost(self) -> None:
        """Stop never reached OCS: the backup is asked for the status first, which is Running, and then to stop."""
        await self.completes(await self.begun(Control.STOP, accepted=False))

    async def test_the_answer_to_stop_is_lost(self) -> None:
        """OCS accepted Stop, and nobody heard it: the backup says so, and is not asked to stop again."""
        await self.completes(await self.begun(Control.STOP, accepted=True))

    async def test_unload_is_lost(self) -> None:
        """Unload never reached OCS: it is asked for once, at the backup."""
        await self.completes(await self.begun(Control.UNLOAD, accepted=False))

    async def test_the_answer_to_unload_is_lost(self) -> None:
        """OCS accepted Unload, and nobody heard it: the backup unloads the group, and is not asked to."""
        await self.completes(await self.begun(Control.UNLOAD, accepted=True))

    async def test_unload_takes_its_time_and_ends_at_the_backup(self) -> None:
        """OCS has begun to unload when it is killed: the backup ends it, and is not asked to unload again."""
        await self.raise_pair(ocs="unload_time = 5")
        agent = await self.worked()
        await self.in_time(lambda: self.ocs()["state"] == "unload_in_progress")
        self.kill()
        await self.completes(agent)

    async def test_between_stop_and_unload(self) -> None:
        """OCS has stopped and the agents wait to be told: the rest is done at the backup."""
        await self.raise_pair(ocs="notify_agents = no")
        agent = await self.worked()
        await self.in_time(lambda: self.group()["state"] == "loaded")
        assert self.ocs()["accepted"].get("unload") is None
        self.kill()
        await self.completes(agent)

    async def test_the_answer_to_stop_is_lost_and_ocs_tells_no_agent(self) -> None:
        """The proxy tells the agents, and none twice, although all of them came again in the middle."""
        await self.completes(await self.begun(Control.STOP, accepted=True, ocs="notify_agents = no"))

    async def test_the_answer_to_unload_is_lost_and_ocs_tells_no_agent(self) -> None:
        """Who was told that it has stopped before the switch-over is not told so again after it."""
        await self.completes(await self.begun(Control.UNLOAD, accepted=True, ocs="notify_agents = no"))

    async def test_status_requests_are_answered_by_the_backup(self) -> None:
        """R2: the status of the group is asked as soon as the control session is registered with the backup."""
        await self.raise_pair()
        await self.worked()
        asked = self.proxy.board.sent["ask_status"]
        self.kill()
        await self.taken_over()
        await self.until(lambda: self.ocs()["accepted"].get("status") == asked + 1)
        assert (self.group()["state"], self.group()["armed"]) == ("running", True)


class SideTests(PairStage):
    """All sessions are on the same side."""

    async def test_a_record_in_hand_stays_in_hand(self) -> None:
        """An agent finishes at the backup what the primary gave: it is counted once, by OCS and by the proxy."""
        await self.raise_pair()
        agent = await self.client("3001")
        await self.start_group()
        agent.ask("PreviewRecordRequest")
        await self.until(lambda: "PreviewRecord" in agent.heard())
        (record,) = [data for data in agent.data if data.get("GSW_USER_EVENT") == "PreviewRecord"]
        self.kill()
        await self.taken_over()
        again = await self.client("3001")
        assert (self.group()["outstanding"], self.ocs()["out"], self.ocs()["at_hand"]) == (1, 1, 1)
        again.ask(
            "RecordProcessed",
            GSW_RECORD_HANDLE=record["GSW_RECORD_HANDLE"],
            GSW_CALLING_LIST=record["GSW_CALLING_LIST"],
            GSW_REFERENCE_ID=7,
        )
        await self.until(lambda: self.group()["finalized"] == 1)
        assert (self.group()["outstanding"], self.ocs()["finalized"], self.ocs()["left"]) == (0, 1, 1)
        await self.finish_records(again, 1)
        assert (self.ocs()["finalized"], self.ocs()["left"], self.ocs()["retrieved"]) == (2, 0, 2)

    async def test_new_sessions_go_to_the_backup_that_took_over(self) -> None:
        """failback = no: the primary is there again, as the backup's backup; everybody stays where OCS is."""
        await self.raise_pair()
        await self.worked()
        self.kill()
        await self.taken_over()
        upstreams = self.proxy.channels[0].upstreams
        assert upstreams.in_charge == self.addresses[1]
        tried = upstreams.reached[self.addresses[0]]
        await self.client("3002")
        await self.passes(120, step=1)
        assert self.proxy.channels[0].control.registrations == 2
        assert (tried, upstreams.reached) == (False, {self.addresses[0]: False, self.addresses[1]: True})
        sessions = self.proxy.channels[0].relay.sessions.values()
        assert {session.reached for session in sessions} == {self.addresses[1]}


class HomeTests(PairStage):
    """failback = yes: everybody goes back to the primary when it serves again."""

    async def raise_pair(self, *args, **options) -> None:
        """The pair, with a primary that can be found again where it was."""
        port = kept()
        self.addCleanup(port.close)
        self.primary_port = number_of(port)
        await super().raise_pair(*args, tevents="failback = yes", **options)

    async def primary_is_there_again(self) -> None:
        """It is started anew, and stands by."""
        self.primary = Simulator(self.primary.conf, StageReactor(self.clock))
        again = self.primary
        self.addCleanup(lambda: Deferred.fromCoroutine(again.stop()))
        await self.primary.start()

    def switch_over(self) -> None:
        """By hand: the backup serves no more, and the primary does. Nobody's connection breaks."""
        self.backup.stand_down()
        self.simulator = self.primary

    def sides(self) -> set[str | None]:
        """Where the sessions of desktops are."""
        return {session.reached for session in self.proxy.channels[0].relay.sessions.values()}

    async def test_everybody_goes_home(self) -> None:
        """The primary stands by, and nobody moves; it serves again, and control session and desktops are back there.

        An agent has a record in hand through all of it; it is finished at home, where the group is completed: each
        step once.
        """
        await self.raise_pair()
        agent = await self.client("3001")
        await self.start_group()
        await self.finish_records(agent, 1)
        agent.ask("PreviewRecordRequest")
        await self.until(lambda: agent.heard().count("PreviewRecord") == 2)
        self.kill()
        await self.until(lambda: agent.gone)
        await self.taken_over()
        away = await self.client("3001")
        await self.primary_is_there_again()
        control = self.proxy.channels[0].control
        await self.passes(3 * RETURN_AFTER, step=1)
        assert (control.registrations, control.registered) == (2, True)
        assert (away.gone, self.sides()) == (False, {self.addresses[1]})

        self.switch_over()
        await self.in_time(lambda: control.registrations == 3)
        await self.until(lambda: away.gone)
        home = await self.client("3001")
        assert (control.registered, self.sides()) == (True, {self.addresses[0]})
        assert list(self.proxy.channels[0].reasons()) == []
        assert (self.group()["state"], self.group()["armed"], self.group()["outstanding"]) == ("running", True, 1)

        record = [data for data in agent.data if data.get("GSW_USER_EVENT") == "PreviewRecord"][-1]
        home.ask(
            "RecordProcessed",
            GSW_RECORD_HANDLE=record["GSW_RECORD_HANDLE"],
            GSW_CALLING_LIST=record["GSW_CALLING_LIST"],
        )
        await self.until(lambda: self.group()["finalized"] == 2)
        home.ask("PreviewRecordRequest")
        await self.ends_at([agent, away, home])

    async def test_not_in_a_completion(self) -> None:
        """While the backup unloads the group, which takes a minute, nobody goes home; afterwards they do."""
        await self.raise_pair(ocs="unload_time = 60")
        agent = await self.worked()
        self.kill_at(Control.STOP, accepted=True)
        await self.in_time(lambda: self.simulator is self.backup)
        await self.until(lambda: agent.gone)
        await self.taken_over()
        away = await self.client("3001")
        await self.primary_is_there_again()
        await self.in_time(lambda: self.ocs()["state"] == "unload_in_progress")
        sent = self.proxy.channels[0].upstreams.reached[self.addresses[0]]
        await self.passes(2 * RETURN_AFTER - 5, step=1)
        assert self.proxy.board.is_completing
        assert (sent, self.proxy.channels[0].upstreams.reached[self.addresses[0]]) == (False, False)
        await self.ends_at([agent, away])

        self.switch_over()
        await self.in_time(lambda: self.proxy.channels[0].control.registrations == 3)
        await self.until(lambda: away.gone)
        await self.client("3001")
        assert self.sides() == {self.addresses[0]}
        assert self.group()["state"] == "unloaded"
