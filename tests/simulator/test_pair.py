"""Two simulators as a pair: what one did the other one knows, and only one of them serves."""

from __future__ import annotations

import tempfile

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from proxy.kvlist import pair
from proxy.simulator import vocabulary as word
from proxy.simulator.conf import BadConf, as_backup, read_conf
from proxy.simulator.pair import Role
from proxy.simulator.service import Simulator
from proxy.simulator.vocabulary import Control
from tests.simulator.net import Desktop

CONF = """
[tserver]
listen = tcp:0:interface=127.0.0.1
[ocs]
applications = 4114
{ocs}
[campaign group Sales@Agents]
dbid = 101
campaign_id = 101
group_id = 732
mode = {mode}
agents = 3001-3002
lists = Customers
batch = 5
[calling list Customers]
dbid = 201
records = 20
file = {folder}/lists.db
[pair]
state = {folder}/state
"""


class PairTestCase(TestCase):
    """A folder for the pair's files."""

    timeout = 300

    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name
        self.ocs, self.mode = "", "Preview"

    async def start(self, role: Role) -> Simulator:
        """One of the two."""
        conf = read_conf(CONF.format(folder=self.folder, ocs=self.ocs, mode=self.mode))
        simulator = Simulator(conf if role is Role.PRIMARY else as_backup(conf), reactor, role=role)
        await simulator.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(simulator.stop()))
        return simulator

    async def both(self) -> tuple[Simulator, Simulator]:
        """Both."""
        return await self.start(Role.PRIMARY), await self.start(Role.BACKUP)

    async def in_charge(self, simulator: Simulator) -> dict:
        """Wait until it is, and take its word for the truth of the group."""
        while not simulator.in_charge:
            await deferLater(reactor, 0)
        return self.truth(simulator)

    def truth(self, simulator: Simulator) -> dict:
        return simulator.truth()["groups"][0]

    async def desktop(self, simulator: Simulator, dn: str = "3001") -> Desktop:
        """A desktop on a DN."""
        desktop = await Desktop().connect(simulator.ports["tserver"], "desktop", dn)
        self.addCleanup(desktop.client.abort)
        return desktop

    async def ask_control(self, desktop: Desktop, *kinds: Control) -> None:
        """An application asks OCS something."""
        for kind in kinds:
            desktop.client.distribute(
                "OCS_CommDN",
                [pair(word.CM_TYPE, int(kind)), pair(word.CM_SESSION, 101), pair(word.APPLICATION, 4114)],
            )


class HandedOverTests(PairTestCase):
    """What is handed over."""

    async def running(self) -> tuple[Simulator, Simulator, Desktop]:
        primary, backup = await self.both()
        desktop = await self.desktop(primary)
        await self.ask_control(desktop, Control.LOAD, Control.START)
        await desktop.said(USER_EVENT="CampaignStarted")
        return primary, backup, desktop

    async def test_groups_records_and_counts(self) -> None:
        """The group runs on, with its records in hand; what comes after it is counted on, handles too."""
        primary, backup, desktop = await self.running()
        desktop.ask("3001", "PreviewRecordRequest", CAMPAIGN_NAME="Sales")
        record = await desktop.said(USER_EVENT="PreviewRecord")
        before = self.truth(primary)
        assert (before["state"], before["out"], before["at_hand"]) == ("running", 1, 4)
        await primary.stop()
        assert await self.in_charge(backup) == before
        again = await self.desktop(backup)
        again.ask("3001", "RecordProcessed", RECORD_HANDLE=record["GSW_RECORD_HANDLE"])
        await again.said(USER_EVENT="RecordProcessedAcknowledge")
        again.ask("3001", "PreviewRecordRequest", CAMPAIGN_NAME="Sales")
        other = await again.said(USER_EVENT="PreviewRecord")
        assert other["GSW_RECORD_HANDLE"] > record["GSW_RECORD_HANDLE"]
        truth = self.truth(backup)
        assert (truth["finalized"], truth["delivered"], truth["out"], truth["left"]) == (1, 2, 1, 19)
        await self.ask_control(again, Control.STOP, Control.STOP)
        await again.said(USER_EVENT="CampaignStopped")
        assert [each["what"] for each in self.truth(backup)["life"]] == ["loaded", "started", "stopped"]

    async def test_there_and_back_again(self) -> None:
        """The one that was lost comes back as the other's backup, whatever its role, and takes over from it."""
        primary, backup, _ = await self.running()
        await primary.stop()
        await self.in_charge(backup)
        again = await self.start(Role.PRIMARY)
        assert (again.in_charge, backup.in_charge) == (False, True)
        await backup.stop()
        assert (await self.in_charge(again))["state"] == "running"

    async def test_switched_over_by_hand(self) -> None:
        """Who stands down keeps its connections, and says nothing on them any more; the other one goes on."""
        primary, backup, desktop = await self.running()
        said = len(desktop.messages)
        primary.stand_down()
        desktop.ask("3001", "PreviewRecordRequest", CAMPAIGN_NAME="Sales")
        assert (await self.in_charge(backup))["state"] == "running"
        assert not primary.in_charge
        again = await self.desktop(backup)
        again.ask("3001", "PreviewRecordRequest", CAMPAIGN_NAME="Sales")
        await again.said(USER_EVENT="PreviewRecord")
        assert self.truth(backup)["delivered"] == 1
        assert (len(desktop.messages), desktop.is_lost) == (said, False)

    async def test_a_primary_that_finds_nobody_begins_anew(self) -> None:
        """Neither is there: what they left is what the lists say, and no group is loaded."""
        primary, backup, _ = await self.running()
        await backup.stop()
        await primary.stop()
        assert (await self.in_charge(await self.start(Role.PRIMARY)))["state"] == "not_loaded"

    async def test_a_turn_that_is_in_the_lists_and_not_in_the_state(self) -> None:
        """The primary is killed in the middle of a turn: no record is held for ever, none is called twice."""
        primary, backup, desktop = await self.running()
        desktop.ask("3001", "PreviewRecordRequest", CAMPAIGN_NAME="Sales")
        await desktop.said(USER_EVENT="PreviewRecord")
        (group,) = primary.ocs.groups
        out, at_hand = next(iter(group.pool.out.values())), group.pool.at_hand[0]
        out.calling_list.finalize(out.record, word.RecordStatus.UPDATED, 33, 0, 0.0)
        group.retrieval._ask_for(3)
        await primary.stop()
        truth = await self.in_charge(backup)
        assert (truth["out"], truth["at_hand"], truth["left"]) == (0, 4, 19)
        assert truth["record_status"] == {"1": 15, "2": 4, "3": 1}
        assert at_hand.handle in {held.handle for held in backup.ocs.groups[0].pool.at_hand}

    async def test_calls_that_agents_are_in(self) -> None:
        """The switch keeps calls: an agent hangs up at the backup; calls nobody has yet are dialled again."""
        self.mode = "Progressive"
        self.ocs = "dial_time = 0\nbusy = 0\nno_answer = 0\nring_time = 0"
        primary, backup, _ = await self.running()
        primary.tserver._agents["3001"].logged_in = primary.tserver._agents["3001"].ready = True
        primary.ocs.agent_changed("3001")
        while not any(call.is_established for call in primary.ocs.groups[0].dialing._connected.values()):
            await deferLater(reactor, 0)
        (connection,) = primary.ocs.groups[0].dialing._connected
        await deferLater(reactor, 0)
        await primary.stop()
        await self.in_charge(backup)
        assert backup.tserver.ready("3001")
        assert backup.ocs.release_asked("3001", connection)
        assert not backup.ocs.groups[0].dialing.is_talking


class StandingByTests(PairTestCase):
    """The one that is not in charge."""

    async def test_it_takes_connections_and_closes_them(self) -> None:
        """A client of the backup is told the end at once, and nothing else."""
        _primary, backup = await self.both()
        desktop = await Desktop().connect(backup.ports["tserver"])
        desktop.client.register_client("desktop")
        while not desktop.is_lost:
            await deferLater(reactor, 0)
        assert desktop.messages == []

    async def test_a_backup_that_comes_first_waits(self) -> None:
        """It has nobody to take over from, so the primary is in charge."""
        backup = await self.start(Role.BACKUP)
        primary = await self.start(Role.PRIMARY)
        await deferLater(reactor, 0.2)
        assert (primary.in_charge, backup.in_charge) == (True, False)


def test_a_pair_needs_files() -> None:
    """Lists in memory cannot be shared, and doors over HTTP are not handed over: both are said."""
    text = CONF.format(folder="/nowhere", ocs="", mode="Preview").replace("file = /nowhere/lists.db", "")
    with pytest.raises(BadConf) as error:
        read_conf(text + "[gws]\n")
    assert error.value.problems == [
        "[pair]: a pair has no [ocs-http] and no [gws]",
        "[calling list Customers] file: a pair shares its lists, so they need a file",
    ]
