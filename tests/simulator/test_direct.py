"""OCS's direct door, over real sockets: campaign managers register, ask, and hear what OCS sends them."""

from __future__ import annotations

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from proxy.simulator.conf import read_conf
from proxy.simulator.directclient import DirectConnection
from proxy.simulator.operator import DirectOperator, NoAnswer, Order, as_json
from proxy.simulator.service import Simulator
from tests.direct.messages import KEY, message
from tests.simulator.net import Desktop, as_dict

CONF = """
[tserver]
listen = tcp:0:interface=127.0.0.1
[ocs]
listen = tcp:0:interface=127.0.0.1
applications = 4114
unload_time = 0
statistics_interval = 0
{ocs}
[campaign group Sales@Agents]
dbid = 101
campaign_id = 101
group_id = 732
agents = 3001
lists = Customers
[calling list Customers]
dbid = 201
"""

REFERENCE = "GSW_CM_AttrReferenceID"


class Manager:
    """A campaign manager that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[dict] = []
        self.gone = False
        self.client = DirectConnection(lambda pairs: self.heard.append(as_dict(pairs)), self._lose)

    def _lose(self) -> None:
        self.gone = True

    @property
    def kinds(self) -> list[int]:
        """The message types that it heard, in order."""
        return [each["GSW_CM_MessageType"] for each in self.heard]


class DirectDoorTests(TestCase):
    """One OCS, some campaign managers."""

    timeout = 300

    async def begin(self, ocs: str = "") -> None:
        """OCS listens."""
        self.managers: list[Manager] = []
        self.simulator = Simulator(read_conf(CONF.format(ocs=ocs)), reactor)
        self.port = await self.simulator.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(self._end()))

    async def _end(self) -> None:
        for manager in self.managers:
            if not manager.gone:
                manager.client.abort()
        await self.until(lambda: all(manager.gone for manager in self.managers))
        await self.simulator.stop()

    async def until(self, holds) -> None:
        """Let the reactor turn until something holds."""
        while not holds():
            await deferLater(reactor, 0)

    async def manager(self, register: bool = True) -> Manager:
        """A campaign manager that has connected, and registered."""
        manager = Manager()
        self.managers.append(manager)
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self.simulator.direct_port)
        await connectProtocol(endpoint, manager.client)
        if register:
            manager.client.register_client("ocm", 5)
            await self.until(lambda: manager.heard)
        return manager

    async def ask(self, manager: Manager, kind: int, **more: object) -> dict:
        """Ask something of the group; the answer."""
        count = len(manager.heard)
        manager.client.send(message(kind, **more))
        await self.until(lambda: any(REFERENCE in each for each in manager.heard[count:]))
        return next(each for each in manager.heard[count:] if REFERENCE in each)

    async def test_registration(self) -> None:
        """EvClientRegistered answers, with the reference; who has not registered is refused everything."""
        await self.begin()
        manager = await self.manager(register=False)
        manager.client.send(message(12))
        manager.client.register_client("ocm", 5)
        await self.until(lambda: len(manager.heard) == 2)
        assert manager.heard[0]["GSW_CM_MessageType"] == 27
        assert manager.heard[1] == {"GSW_CM_MessageType": 18, REFERENCE: 5}

    async def test_an_application_that_is_not_linked(self) -> None:
        """Who names an application that OCS does not know is refused."""
        await self.begin()
        manager = await self.manager(register=False)
        for application in (4114, 9):
            manager.client.send([*message(6, 1, None, None), ("GSW_APPLICATION_ID", application, 1)])  # type: ignore[list-item]
        await self.until(lambda: len(manager.heard) == 2)
        assert manager.kinds == [18, 27]

    async def test_the_life_of_a_group(self) -> None:
        """Load, Start, SetDialingMode, status, Stop, Unload: each answered with event, reference and status."""
        await self.begin()
        manager = await self.manager()
        lives = [(7, 19, 4), (9, 21, 5), (11, 23, 5), (12, 24, 5), (10, 22, 4), (8, 20, 0), (12, 24, 0)]
        for kind, event, status in lives:
            answer = await self.ask(manager, kind, reference=kind)
            assert answer["GSW_CM_MessageType"] == event
            assert answer[REFERENCE] == kind
            assert (answer["GSW_CM_AttrCampaignID"], answer["GSW_CM_AttrGroupID"]) == (101, 732)
            assert answer["GSW_CM_AttrGroupCampStatus"] == status
        accepted = self.simulator.truth()["groups"][0]["accepted"]
        assert accepted == {"load": 1, "start": 1, "set_mode": 1, "status": 2, "stop": 1, "unload": 1}
        assert {each["sender"] for each in self.simulator.truth()["requests"]} == {"ocm"}

    async def test_force_unload(self) -> None:
        """ForceUnload works from Running."""
        await self.begin()
        manager = await self.manager()
        await self.ask(manager, 7)
        await self.ask(manager, 9)
        assert (await self.ask(manager, 29))["GSW_CM_MessageType"] == 20

    async def test_refusals(self) -> None:
        """What cannot be done is EvError with the reference, for who asked; what is unknown is ignored."""
        await self.begin()
        manager, other = await self.manager(), await self.manager()
        assert (await self.ask(manager, 9, reference=3))["GSW_CM_MessageType"] == 27
        answer = await self.ask(manager, 7, group=1, reference=4)
        assert (answer["GSW_CM_MessageType"], answer[REFERENCE]) == (27, 4)
        manager.client.send(message(32))
        await self.until(lambda: self.simulator.truth()["ignored"] == 1)
        assert other.kinds == [18]

    async def test_who_hears_what(self) -> None:
        """Who asked gets the reference; all who registered hear of the group's life; a status only who asked."""
        await self.begin()
        manager, other = await self.manager(), await self.manager()
        desktop = await Desktop().connect(self.port, "console", "OCS_CommDN")
        await self.ask(manager, 7)
        await self.ask(manager, 12)
        await self.ask(manager, 9)
        await self.until(lambda: len(other.heard) == 3)
        assert other.kinds == [18, 19, 21]
        assert all(REFERENCE not in each for each in other.heard[1:])
        assert REFERENCE not in await desktop.said(CM_MessageType=19)
        assert REFERENCE not in await desktop.said(CM_MessageType=21)
        told = [as_dict(each.user_data or []).get("GSW_CM_MessageType") for each in desktop.messages]
        assert [kind for kind in told if kind is not None] == [19, 21]
        await desktop.close()

    async def test_an_ocs_that_answers_only(self) -> None:
        """`direct_news = no`: a client hears the answers to what it asked, and nothing else."""
        await self.begin("direct_news = no")
        manager, other = await self.manager(), await self.manager()
        await self.ask(manager, 7)
        await self.ask(other, 9)
        assert (manager.kinds, other.kinds) == ([18, 19], [18, 21])

    async def test_the_attribute_is_a_property(self) -> None:
        """GSW_AUTO_COMPLETION counts in the properties of Load, Start and SetDialingMode, nowhere else (D)."""
        await self.begin()
        manager, group = await self.manager(), self.simulator.ocs.groups[0]
        one = [(KEY, 1, 1)]
        await self.ask(manager, 7, properties=one)
        assert group.armed
        await self.ask(manager, 9)
        assert not group.armed
        await self.ask(manager, 11, properties=one)
        assert group.armed
        manager.client.send([*message(11, 8), (KEY, 1, 1)])  # type: ignore[list-item]
        await self.until(lambda: not group.armed)

    async def test_who_leaves_before_the_answer(self) -> None:
        """An answer to somebody who has gone goes to nobody, and disturbs nothing."""
        await self.begin("answer_delay = 0.05")
        manager, other = await self.manager(), await self.manager()
        manager.client.send(message(7))
        await self.until(lambda: len(self.simulator.ocs._unheard) == 1)
        manager.client.abort()
        await self.until(lambda: 19 in other.kinds)
        assert len(self.simulator.door.registered) == 1

    async def test_garbage(self) -> None:
        """A client that cannot be read is cut off."""
        await self.begin()
        manager = await self.manager()
        manager.client.transport.write(b"\0\0\0\1x")
        await self.until(lambda: manager.gone)

    async def test_the_log(self) -> None:
        """Every message is printed as campaign managers print them, properties masked."""
        file = self.mktemp()
        await self.begin(f"direct_log = {file}")
        await self.ask(await self.manager(), 7, properties=[(KEY, 1, 1)])
        with open(file, encoding="utf-8") as log:
            text = log.read()
        assert " OCMClient[1]::message received\nGSW_CM_MessageType              7 [GSW_CM_ReqLoadCampaign]\n" in text
        assert "GSW_CM_AttrProperties\n                'GSW_AUTO_COMPLETION'   '****'\n\n" in text
        assert " OCMClient[1]::message sent\nGSW_CM_MessageType              19 [GSW_CM_EvCampaignLoaded]\n" in text

    async def test_the_operator(self) -> None:
        """`--operator ... --direct`: one connection, one command, one answer; no answer is told."""
        await self.begin()
        endpoint = f"tcp:127.0.0.1:{self.simulator.direct_port}"
        order = Order("load", campaign_id=101, group_id=732, auto_completion=1, mode="Preview", reference=9)
        answer = as_json(await DirectOperator(order, reactor).connect(endpoint))
        assert (answer["answer"], answer[REFERENCE]) == ("loaded", 9)
        assert self.simulator.ocs.groups[0].armed
        with self.assertRaises(NoAnswer):
            await DirectOperator(order, reactor).connect("tcp:127.0.0.1:1")
