"""The T-Server: sessions, DNs, distribution; over real sockets."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import attrs
import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from proxy.kvlist import pair
from proxy.simulator.conf import TServerConf
from proxy.simulator.operator import NoAnswer, Operator, Order
from proxy.simulator.service import CannotStart, Simulator
from proxy.simulator.vocabulary import AGENT_LOGIN, AGENT_READY
from proxy.tevents.message import (
    COMMUNICATION_DN,
    ERROR_CODE,
    EVENT_ACK,
    EVENT_ERROR,
    EVENT_LINK_CONNECTED,
    EVENT_REGISTERED,
    EVENT_UNREGISTERED,
    EVENT_USER_EVENT,
    NO_ANSWER,
    REFERENCE_ID,
    REGISTER_ADDRESS,
    REGISTER_CLIENT,
    THIS_DN,
    TIME_IN_SECS,
    UNREGISTER_ADDRESS,
    USER_DATA,
)
from tests.simulator.desk import conf
from tests.simulator.net import Desktop, facts, frame

DISTRIBUTE = (48, 49)
RELEASE_CALL = 17


class Case(TestCase):
    """Starts simulators and desktops, and ends them after the test."""

    timeout = 300

    async def started(
        self, tserver: dict[str, Any] | None = None, status_file: str | None = None, **options: Any
    ) -> int:
        """A simulator of desk.conf with these options; returns its port."""
        made = conf(**options)
        made = attrs.evolve(made, tserver=attrs.evolve(made.tserver, **(tserver or {})))
        self.simulator = Simulator(made, reactor, status_file)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.simulator.stop()))
        self.port = await self.simulator.start()
        return self.port

    async def desktop(self, name: str | None = None, *dns: str) -> Desktop:
        """A connection to it."""
        desktop = Desktop()
        self.addCleanup(lambda: Deferred.fromCoroutine(desktop.close()))
        return await desktop.connect(self.port, name, *dns)

    async def order(self, request: str, **more: Any) -> dict[str, Any]:
        """What OCS answers to an operator."""
        order = Order(request, **{"dbid": 101, "timeout": 300, **more})
        pairs = await Operator(order, reactor).connect(f"tcp:127.0.0.1:{self.port}")
        return {each.key: each.value for each in pairs}


class Sessions(Case):
    async def test_a_session_is_opened(self) -> None:
        """RequestRegisterClient is answered with EventLinkConnected; before it, every request is refused."""
        await self.started()
        desktop = await self.desktop()
        desktop.send(REGISTER_ADDRESS, (THIS_DN, "3001"), (REFERENCE_ID, 1))
        refused = await desktop.next()
        assert (*facts(refused), refused.unsigned(ERROR_CODE)) == (EVENT_ERROR, 1, "3001", 185)
        desktop.send(REGISTER_CLIENT, (REFERENCE_ID, 2))
        assert facts(await desktop.next()) == (EVENT_LINK_CONNECTED, 2, None)

    async def test_dns_are_registered(self) -> None:
        """EventRegistered with the DN and the reference; 59 for a DN that is not configured, 53 without any."""
        await self.started()
        desktop = await self.desktop("desktop")
        desktop.send(REGISTER_ADDRESS, (REFERENCE_ID, 7), (THIS_DN, "3001"))
        assert facts(await desktop.next()) == (EVENT_REGISTERED, 7, "3001")
        desktop.send(REGISTER_ADDRESS, (REFERENCE_ID, 8), (THIS_DN, "9999"))
        refused = await desktop.next()
        assert (*facts(refused), refused.unsigned(ERROR_CODE)) == (EVENT_ERROR, 8, "9999", 59)
        desktop.send(REGISTER_ADDRESS, (REFERENCE_ID, 9))
        assert (await desktop.next()).unsigned(ERROR_CODE) == 53

    async def test_what_is_not_registered_cannot_be_used(self) -> None:
        """Requests about a DN that the client is not registered on are refused with 41, also after unregistering."""
        await self.started()
        desktop = await self.desktop("desktop", "3001")
        desktop.send(UNREGISTER_ADDRESS, (REFERENCE_ID, 5), (THIS_DN, "3001"))
        assert facts(await desktop.next()) == (EVENT_UNREGISTERED, 5, "3001")
        for number in (UNREGISTER_ADDRESS, AGENT_LOGIN, RELEASE_CALL):
            desktop.send(number, (REFERENCE_ID, 6), (THIS_DN, "3001"))
            assert (await desktop.next(EVENT_ERROR)).unsigned(ERROR_CODE) == 41

    async def test_an_unknown_request_is_refused(self) -> None:
        """51, for numbers of newer releases and for those that are not a T-Server's here."""
        await self.started()
        desktop = await self.desktop("desktop")
        for number in (14, 4711):
            desktop.send(number, (REFERENCE_ID, 3))
            refused = await desktop.next()
            assert (refused.number, refused.unsigned(ERROR_CODE)) == (EVENT_ERROR, 51)

    async def test_bytes_may_come_one_by_one(self) -> None:
        """How a request is cut into packets makes no difference."""
        await self.started()
        desktop = await self.desktop()
        desktop.client.transport.setTcpNoDelay(True)  # type: ignore[attr-defined]
        both = frame(REGISTER_CLIENT, (REFERENCE_ID, 1)) + frame(REGISTER_ADDRESS, (THIS_DN, "3001"))
        for place in range(len(both)):
            desktop.write(both[place : place + 1])
            await deferLater(reactor, 0)
        await desktop.next(EVENT_LINK_CONNECTED)
        await desktop.next(EVENT_REGISTERED)

    async def test_garbage_ends_the_session(self) -> None:
        """A T-Server does not talk to what is no client; others go on."""
        await self.started()
        other = await self.desktop("other", "3001")
        for garbage in (b"\0\0\0\1xyz", b"\0\0\0\6\0\0\0\1\0\0"):
            desktop = await self.desktop("desktop")
            desktop.write(garbage)
            await desktop.lost()
        other.ask("3001", "CampaignStatusRequest")
        await other.next(EVENT_ACK)

    async def test_who_does_not_read_is_disconnected(self) -> None:
        """A client that stops reading keeps nobody else waiting, and is ended when too much waits for it."""
        await self.started(tserver={"max_unread": 200_000})
        slow, sender = await self.desktop("slow", "3001"), await self.desktop("sender", "3001")
        slow.client.transport.pauseProducing()  # type: ignore[attr-defined]
        while not self.simulator.truth()["too_slow"]:
            sender.client.distribute("3001", [pair("text", "x" * 60_000)])
            await sender.next(EVENT_USER_EVENT)
        slow.client.transport.resumeProducing()  # type: ignore[attr-defined]
        await slow.lost()
        assert self.simulator.truth()["too_slow"] == 1
        sender.ask("3001", "CampaignStatusRequest")
        await sender.said(AGENT_REQ_TYPE="CampaignStatusRequest")

    async def test_the_port_is_taken(self) -> None:
        """One clear error, no trace."""
        port = await self.started()
        taken = attrs.evolve(conf(), tserver=TServerConf(listen=f"tcp:{port}:interface=127.0.0.1"))
        other = Simulator(taken, reactor)
        problem = await self.assertFailure(Deferred.fromCoroutine(other.start()), CannotStart)
        assert str(port) in str(problem)
        await other.stop()


class Distribution(Case):
    async def test_every_client_of_the_dn_gets_it(self) -> None:
        """Its sender first gets EventACK, then its own copy; other clients of the DN a copy; nobody else anything."""
        await self.started()
        sender = await self.desktop("sender", "3001")
        twin = await self.desktop("twin", "3001", "3002")
        stranger = await self.desktop("stranger", "3003")
        for number in DISTRIBUTE:
            data = [pair("Odd", "value"), pair("Odd", 7), pair("List", [pair("a", 1)])]
            sender.send(number, (COMMUNICATION_DN, "3001"), (REFERENCE_ID, 4_000_000_000), (USER_DATA, data))
            assert facts(await sender.next()) == (EVENT_ACK, 4000000000, None)
            for desktop in (sender, twin):
                event = await desktop.next()
                assert facts(event) == (EVENT_USER_EVENT, None, "3001")
                assert event.user_data == data
                assert (event.unsigned(TIME_IN_SECS) or 0) > 1600000000
        stranger.ask("3003", "CampaignStatusRequest")
        await stranger.next(EVENT_USER_EVENT)
        assert stranger.messages[-1].text(THIS_DN) == "3003"

    async def test_nobody_has_to_be_registered_to_send(self) -> None:
        """A client can have an event distributed to any DN that is configured; 59 for others."""
        await self.started()
        sender = await self.desktop("sender")
        receiver = await self.desktop("receiver", "3001")
        sender.client.distribute("3001", [pair("key", "value")])
        await sender.next(EVENT_ACK)
        await receiver.next(EVENT_USER_EVENT)
        sender.client.distribute("9999", [pair("key", "value")])
        refused = await sender.next()
        assert (refused.number, refused.unsigned(ERROR_CODE)) == (EVENT_ERROR, 59)

    async def test_no_answer_is_wanted(self) -> None:
        """ReferenceID 4294967295: no EventACK, no EventError."""
        await self.started()
        sender = await self.desktop("sender", "3001")
        for dn in ("9999", "3001"):
            sender.send(48, (COMMUNICATION_DN, dn), (REFERENCE_ID, NO_ANSWER), (USER_DATA, [pair("key", 1)]))
        assert facts(await sender.next()) == (EVENT_USER_EVENT, None, "3001")

    async def test_all_clients_of_an_agent_hear_ocs(self) -> None:
        """Two desktops on a DN: both hear the request of one of them and the answer to it."""
        await self.started()
        one, two = await self.desktop("one", "3001"), await self.desktop("two", "3001")
        await self.order("load")
        await self.order("start")
        one.ask("3001", "PreviewRecordRequest", CAMPAIGN_NAME="Sales")
        for desktop in (one, two):
            await desktop.said(AGENT_REQ_TYPE="PreviewRecordRequest")
            record = await desktop.said(USER_EVENT="PreviewRecord")
        two.ask("3001", "RecordProcessed", RECORD_HANDLE=record["GSW_RECORD_HANDLE"])
        for desktop in (one, two):
            await desktop.said(USER_EVENT="RecordProcessedAcknowledge")

    async def test_a_desktop_on_the_communication_dn(self) -> None:
        """OCS answers on the agent's DN: that of ThisDN, else the only one its client is registered on."""
        await self.started()
        await self.order("load")
        desktop = await self.desktop("desktop", "3001")
        desktop.client.distribute("OCS_CommDN", [pair("GSW_AGENT_REQ_TYPE", "CampaignStatusRequest")])
        await desktop.said(USER_EVENT="CampaignLoaded")
        both = await self.desktop("both", "3002", "3003")
        both.client.distribute("OCS_CommDN", [pair("GSW_AGENT_REQ_TYPE", "CampaignStatusRequest")], "3003")
        message = await both.next(EVENT_USER_EVENT)
        assert message.text(THIS_DN) == "3003"

    async def test_agents_log_in_for_every_client_of_their_dn(self) -> None:
        """EventAgentLogin and EventAgentReady, to all; ready before login is refused with 185."""
        await self.started()
        one, two = await self.desktop("one", "3001"), await self.desktop("two", "3001")
        one.send(AGENT_READY, (REFERENCE_ID, 1), (THIS_DN, "3001"))
        assert (await one.next()).unsigned(ERROR_CODE) == 185
        for number, event in ((AGENT_LOGIN, 73), (AGENT_READY, 75), (11, 76), (9, 74)):
            one.send(number, (REFERENCE_ID, number), (THIS_DN, "3001"))
            for desktop in (one, two):
                assert facts(await desktop.next()) == (event, number, "3001")

    async def test_a_call_at_an_agent(self) -> None:
        """Rings, is answered, and is released when the agent asks for it; a call that is none is refused with 53."""
        await self.started(mode="Predictive", records=1, agents="3001", ocs="dial_time = 0\nring_time = 0")
        agent = await self.desktop("agent", "3001")
        agent.send(AGENT_LOGIN, (THIS_DN, "3001"))
        agent.send(AGENT_READY, (THIS_DN, "3001"))
        await self.order("load")
        await self.order("start")
        ringing = await agent.next(60)
        established = await agent.next(64)
        connection = established.get(9)
        assert ringing.get(9) == connection
        assert isinstance(connection, bytes)
        agent.send(RELEASE_CALL, (REFERENCE_ID, 2), (THIS_DN, "3001"), (9, b"\0" * 8))
        assert (await agent.next(EVENT_ERROR)).unsigned(ERROR_CODE) == 53
        agent.send(RELEASE_CALL, (REFERENCE_ID, 3), (THIS_DN, "3001"), (9, connection))
        await agent.next(65)

    async def test_a_lost_connection_leaves_nothing_behind(self) -> None:
        """Its registrations are gone with it: others go on, and OCS counts the agent as not there."""
        await self.started()
        await (await self.desktop("gone", "3001", "3002")).close()
        watcher = await self.desktop("watcher", "3001")
        await watcher.close()
        other = await self.desktop("other", "3002")
        await self.order("load")
        await other.said(USER_EVENT="CampaignLoaded")
        assert set(self.simulator.truth()["groups"][0]["told"]) == {"3002"}


class Operators(Case):
    async def test_an_order_and_its_answer(self) -> None:
        """Load, start, mode, status, stop, unload: each brings OCS's answer with its reference."""
        await self.started(mode="Predictive")
        for request, number, more in [
            ("load", 19, {"auto_completion": 1}),
            ("start", 21, {"mode": "Progressive"}),
            ("mode", 23, {"mode": "Predictive"}),
            ("status", 24, {"dbid": None, "campaign_id": 101, "group_id": 732}),
            ("stop", 22, {}),
            ("unload", 20, {}),
            ("unload", 27, {}),
        ]:
            answer = await self.order(request, reference=9, **more)
            assert (answer["GSW_CM_MessageType"], answer["GSW_CM_AttrReferenceID"]) == (number, 9)

    async def test_no_answer(self) -> None:
        """An application that is not linked, a Communication DN that is none, nobody at the address."""
        await self.started()
        for order, port in [
            (Order("load", 101, application_id=1, timeout=0.2), self.port),
            (Order("load", 101, communication_dn="Nowhere"), self.port),
            (Order("load", 101), 1),
        ]:
            given = Deferred.fromCoroutine(Operator(order, reactor).connect(f"tcp:127.0.0.1:{port}"))
            await self.assertFailure(given, NoAnswer)


class Files(Case):
    async def test_status_and_logs(self) -> None:
        """The status file has the truth, the logs their lines, and no customer's number is in any of them."""
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        folder = Path(temporary.name)
        status, messages, lines = (folder / name for name in ("status.json", "tserver.log", "ocs.log"))
        await self.started({"log": str(messages)}, str(status), ocs=f"log = {lines}", records=3)
        assert json.loads(status.read_text())["groups"][0]["left"] == 3
        await self.order("load")
        await self.order("start")
        agent = await self.desktop("agent 3001", "3001")
        agent.ask("3001", "PreviewRecordRequest", CAMPAIGN_NAME="Sales")
        record = await agent.said(USER_EVENT="PreviewRecord")
        agent.ask("3001", "RecordProcessed", RECORD_HANDLE=record["GSW_RECORD_HANDLE"])
        await agent.said(USER_EVENT="RecordProcessedAcknowledge")
        await self.simulator.stop()
        group = json.loads(status.read_text())["groups"][0]
        assert (group["left"], group["accepted"]) == (2, {"load": 1, "start": 1})
        assert "Trc 52001 Campaign Group Sales@Agents has been started" in lines.read_text()
        log = messages.read_text()
        assert re.search(r"received from \d+\(agent 3001\) message RequestDistributeUserEvent\n\tAttribute", log)
        assert re.search(r"sent to \d+\(agent 3001\) message EventUserEvent\n\tAttributeThisDN\t'3001'", log)
        assert re.search(r"\tAttributeUserData\t\[\d+\] 00 .. .. ..\.\.\n\t\t'GSW_USER_EVENT'\t'PreviewRecord'", log)
        assert record["GSW_PHONE"] not in log + lines.read_text() + status.read_text()

    async def test_a_file_that_cannot_be_opened(self) -> None:
        """A log or a database in a folder that is not there: an error with the place in the conf file."""
        for options, place in [
            ({"ocs": "log = /nonexistent/ocs.log"}, "[ocs] log"),
            ({"calling_list": "file = /nonexistent/lists.db"}, "[calling list Customers]"),
        ]:
            with pytest.raises(CannotStart) as caught:
                Simulator(conf(**options), reactor)
            assert place in str(caught.value)
