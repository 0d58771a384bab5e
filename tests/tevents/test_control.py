"""The proxy's own session over real sockets: registered, heard, asked, refused, lost, back again (R2, R21, R24, M7)."""

from __future__ import annotations

import socket
import struct

import pytest
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory

from proxy.campaign.groups import Groups
from proxy.campaign.observation import (
    ControlRefused,
    GroupNames,
    Observation,
    Sign,
    SourceConnected,
    SourceLost,
    Status,
    StatusHeard,
    WaitingRecords,
    Word,
    WordHeard,
)
from proxy.campaign.policy import By, ConfiguredGroup, Policy
from proxy.ownsession import SILENCE, keep_alive
from proxy.tevents.message import (
    APPLICATION_NAME,
    COMMUNICATION_DN,
    ERROR_CODE,
    EVENT_ERROR,
    EVENT_LINK_CONNECTED,
    EVENT_REGISTERED,
    REFERENCE_ID,
    REGISTER_ADDRESS,
    REGISTER_CLIENT,
    THIS_DN,
    USER_DATA,
)
from tests.relay.net import End, Ends
from tests.tevents.desk import COMM_DN, event, frame, user_data
from tests.tevents.net import ChannelTestCase, messages

LINKED = frame(EVENT_LINK_CONNECTED, {REFERENCE_ID: 0})
REGISTERED = frame(EVENT_REGISTERED, {REFERENCE_ID: 1, THIS_DN: COMM_DN})
CONNECTED, LOST = SourceConnected("tevents"), SourceLost("tevents")

BACK_OFF = [1.5, 2.5, 4.5, 8.5, 16.5, 30.5, 30.5]
"""Seconds after the first failure, the second, ...: doubled up to 30, and half a second that is the tests' chance."""


def error(code: int, reference: int) -> bytes:
    """T-Server refuses a request."""
    return frame(EVENT_ERROR, {ERROR_CODE: code, REFERENCE_ID: reference})


class Wrapped(ProtocolWrapper):
    """A connection that is wrapped as TLS does it: its handle is no socket."""

    def getHandle(self) -> object:
        return self


class ControlTestCase(ChannelTestCase):
    """A channel whose clients do not matter."""

    @property
    def control_reason(self) -> bool:
        """Whether /health names the control session."""
        return "tevents: the control session is not registered" in self.tevents.reasons()

    async def lost(self, failures: int) -> End:
        """The control session waits for its time, not less and not more, and comes again: the T-Server's end of it."""
        count = len(self.server.ends)
        await self.until(lambda: self.tevents.control._failures == failures)
        (again,) = self.clock.getDelayedCalls()
        assert again.getTime() - self.clock.seconds() == pytest.approx(BACK_OFF[failures - 1])
        self.clock.advance(again.getTime() - self.clock.seconds())
        return await self.at_server(count)

    @property
    def sources(self) -> list[Observation]:
        """Whether OCS could be heard, as the groups were told."""
        return [seen for seen in self.groups.seen if isinstance(seen, (SourceConnected, SourceLost))]


class RegisteringTests(ControlTestCase):
    """How it becomes registered."""

    async def test_the_client_then_the_communication_dn(self) -> None:
        """It opens its session under the application's name, then registers for the Communication DN, then is heard."""
        await self.channel()
        server = await self.at_server(0)
        asked = await self.asked(server, 1)
        assert (asked.number, asked.text(APPLICATION_NAME), asked.reference) == (REGISTER_CLIENT, "tevent-proxy", 0)
        assert len(messages(server)) == 1
        assert self.control_reason
        server.write(LINKED)
        asked = await self.asked(server, 2)
        assert (asked.number, asked.text(THIS_DN), asked.reference) == (REGISTER_ADDRESS, COMM_DN, 1)
        assert self.groups.seen == []
        server.write(REGISTERED)
        await self.until(lambda: self.tevents.control.registered)
        assert self.groups.seen == [CONNECTED]
        assert list(self.tevents.reasons()) == []
        assert self.clock.getDelayedCalls() == []

    async def test_answers_byte_by_byte(self) -> None:
        """It takes the T-Server's words in any pieces, among others that mean nothing to it."""
        await self.channel()
        server = await self.at_server(0)
        heard = event(COMM_DN, GSW_CM_MessageType=21, GSW_CM_AttrSessionID=101)
        stream = frame(999, {700: b"x" * 50}) + LINKED + frame(8, {}) + REGISTERED + heard
        for at in range(len(stream)):
            server.write(stream[at : at + 1])
        await self.until(lambda: len(self.groups.seen) == 2)
        assert self.groups.seen == [CONNECTED, WordHeard(GroupNames(101), Word.STARTED, "tevents")]

    async def test_an_answer_without_reference(self) -> None:
        """The T-Server may confirm the registration by the DN only."""
        await self.channel()
        server = await self.at_server(0)
        server.write(LINKED + frame(EVENT_REGISTERED, {THIS_DN: COMM_DN}))
        await self.until(lambda: self.tevents.control.registered)

    async def test_the_link_that_comes_back(self) -> None:
        """The T-Server's link to the switch comes back: it says so to all its clients; nothing is asked anew."""
        server = await self.controlled()
        server.write(LINKED + REGISTERED + event(COMM_DN, GSW_STAT_EVENT=15, GSW_CAMPAIGN_GROUP_DBID=101))
        await self.until(lambda: len(self.groups.seen) == 2)
        assert self.groups.seen == [CONNECTED, Sign(0, "", GroupNames(101))]
        assert len(messages(server)) == 2
        assert self.tevents.control.registrations == 1

    async def test_a_dead_t_server_is_noticed(self) -> None:
        """The system asks a silent T-Server every now and then whether it is there."""
        await self.controlled()
        handle = self.tevents.control._connection.transport.getHandle()
        assert handle.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        for name, value in SILENCE:
            if hasattr(socket, name):
                assert handle.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) == value

    async def test_a_dead_t_server_is_noticed_over_tls(self) -> None:
        """The same where the connection is wrapped, as TLS wraps it."""
        await self.controlled()
        inner = self.tevents.control._connection.transport
        inner.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 0)
        wrapped = Wrapped(WrappingFactory(Factory()), Protocol())
        wrapped.transport = inner
        keep_alive(wrapped)
        assert inner.getHandle().getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


class RefusedTests(ControlTestCase):
    """A T-Server that does not take it."""

    async def test_the_communication_dn_is_not_configured(self) -> None:
        """EventError 59: the connection is given up, and made again, later each time, up to half a minute."""
        await self.channel()
        server = await self.at_server(0)
        for failures in range(1, 8):
            server.write(LINKED + error(59, 1) + REGISTERED)
            server = await self.lost(failures)
            assert self.control_reason
        assert self.groups.seen == []
        await self.register(server)
        await self.until(lambda: self.tevents.control.registered)
        assert self.groups.seen == [CONNECTED]

    async def test_back_off_begins_anew_after_a_registration(self) -> None:
        """Once it was registered, a loss is mended fast again."""
        await self.channel()
        server = await self.at_server(0)
        for failures in (1, 2, 3):
            server.write(error(50, 0))
            server = await self.lost(failures)
        await self.register(server)
        await self.until(lambda: self.tevents.control.registered)
        server.reset()
        await self.lost(1)

    async def test_silence(self) -> None:
        """A T-Server that answers nothing, or only half, is given up after answer_timeout, and tried again."""
        await self.channel(answer_timeout=3.0)
        server = await self.at_server(0)
        for failures, said in ((1, b""), (2, LINKED), (3, LINKED + frame(8, {}) + REGISTERED[:-1])):
            server.write(said)
            await self.asked(server, 2 if said else 1)
            self.clock.advance(2.99)
            assert server.lost is None
            assert self.tevents.control._connection is not None
            self.clock.advance(0.01)
            server = await self.lost(failures)
        assert self.groups.seen == []

    async def test_garbage(self) -> None:
        """What cannot be framed cannot be heard: a new connection is made. A body that cannot be read is counted."""
        server = await self.controlled()
        server.write(struct.pack(">IHI", 6, 96, 0xFFFFFFFF) + event(COMM_DN, GSW_STAT_EVENT=15))
        await self.until(lambda: len(self.groups.seen) == 2)
        assert self.tevents.control.malformed == 1
        server.write(b"GET / HTTP/1.1\r\n\r\n")
        server = await self.lost(1)
        assert self.sources == [CONNECTED, LOST]
        server.write(struct.pack(">IH", 1048577, 96))
        server = await self.lost(2)
        await self.register(server)
        await self.until(lambda: self.tevents.control.registered)
        assert self.sources == [CONNECTED, LOST, CONNECTED]

    async def test_a_server_that_only_ends_its_sending(self) -> None:
        """A T-Server that says its end is gone, even if it would still read."""
        server = await self.controlled()
        server.close_sending()
        await self.lost(1)
        assert self.sources == [CONNECTED, LOST]


class UpstreamTests(ControlTestCase):
    """M7: upstreams are tried in order."""

    async def test_the_backup(self) -> None:
        """The primary is not there: the backup is tried at once; /health names the primary."""
        _, dead = await self.listen()
        self.server, port = await self.listen()
        primary, backup = f"tcp:127.0.0.1:{dead.getHost().port}", f"tcp:127.0.0.1:{port.getHost().port}"
        await dead.stopListening()
        await self.channel(primary, backup)
        await self.register(await self.at_server(0))
        await self.until(lambda: self.tevents.control.registered)
        assert list(self.tevents.reasons()) == [f"tevents: {primary} could not be reached"]

    async def test_nobody_is_there_and_then_somebody(self) -> None:
        """No upstream at all: it is tried again and again, and found when it is back."""
        self.server = Ends()
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        port = await endpoint.listen(self.server)
        number = port.getHost().port
        await port.stopListening()
        await self.channel(f"tcp:127.0.0.1:{number}")
        for failures in (1, 2):
            await self.until(lambda: self.tevents.control._failures == failures)  # noqa: B023
            assert f"tevents: tcp:127.0.0.1:{number} could not be reached" in self.tevents.reasons()
            assert self.control_reason
            if failures == 2:
                port = await TCP4ServerEndpoint(reactor, number, interface="127.0.0.1").listen(self.server)
                self.addCleanup(port.stopListening)
            self.clock.advance(BACK_OFF[failures - 1])
        server = await self.at_server(0)
        self.addCleanup(lambda: server.lost is None and server.reset())
        await self.register(server)
        await self.until(lambda: self.tevents.control.registered)
        assert list(self.tevents.reasons()) == []


class SpeakingTests(ControlTestCase):
    """What it says, and what it hears."""

    async def test_stop_unload_and_status_requests(self) -> None:
        """R24: user events to the Communication DN with our application's DBID, the reference in both places."""
        server = await self.controlled()
        names = GroupNames(101, 55, 732, "Sales@Agents", "Sales")
        control = self.tevents.control
        control.stop(names, 0x60000001)
        control.unload(names, 0x60000002)
        control.ask_status(names, 0x60000003)
        for place, (kind, reference) in enumerate([(10, 0x60000001), (8, 0x60000002), (12, 0x60000003)]):
            asked = await self.asked(server, 3 + place)
            assert (asked.number, asked.text(COMMUNICATION_DN), asked.reference) == (48, COMM_DN, reference)
            assert [attribute.id for attribute in asked.attributes] == [COMMUNICATION_DN, REFERENCE_ID, USER_DATA]
            assert asked.user_data == user_data(
                {
                    "GSW_CM_MessageType": kind,
                    "GSW_CM_AttrSessionID": 101,
                    "GSW_APPLICATION_ID": 4114,
                    "GSW_CM_AttrReferenceID": reference,
                }
            )

    async def test_ocs_is_heard(self) -> None:
        """OCS's words, statuses, statistics and refusals; T-Server's refusals; echoes of requests are nobody's word."""
        server = await self.controlled()
        server.write(
            event(COMM_DN, GSW_CM_MessageType=7, GSW_CM_AttrSessionID=101)
            + event(COMM_DN, GSW_AGENT_REQ_TYPE="RecordProcessed", GSW_STAT_EVENT=3)
            + event(COMM_DN, GSW_CM_MessageType=22, GSW_CM_AttrSessionID=101, GSW_CM_AttrReferenceID=5)
            + frame(96, {THIS_DN: COMM_DN})
            + event(COMM_DN, GSW_CM_MessageType=24, GSW_CM_AttrSessionID=101, GSW_CM_AttrGroupCampStatus=4)
            + event(COMM_DN, GSW_STAT_EVENT=10, GSW_CAMPAIGN_GROUP_DBID=101)
            + event(COMM_DN, GSW_CM_MessageType=27, GSW_CM_AttrReferenceID=5)
            + error(51, 0x60000001)
        )
        await self.until(lambda: len(self.groups.seen) == 6)
        assert self.groups.seen[1:] == [
            WordHeard(GroupNames(101), Word.STOPPED, "tevents", None, "5"),
            StatusHeard(GroupNames(101), Status.ACTIVE, "tevents"),
            WaitingRecords(GroupNames(101), "tevents", over=False),
            ControlRefused(0, GroupNames(), "5"),
            ControlRefused(0, GroupNames(), str(0x60000001)),
        ]

    async def test_nothing_is_heard_before_it_is_registered(self) -> None:
        """What comes before the registration is confirmed is not for us."""
        await self.channel()
        server = await self.at_server(0)
        server.write(event(COMM_DN, GSW_STAT_EVENT=3, GSW_CAMPAIGN_GROUP_DBID=101) + LINKED + REGISTERED)
        await self.until(lambda: self.tevents.control.registered)
        assert self.groups.seen == [CONNECTED]

    async def test_the_status_is_asked_whenever_it_connects(self) -> None:
        """R2: after every registration the status of every known group is asked, with a new reference."""
        configured = [
            ConfiguredGroup(GroupNames(dbid=dbid, name=f"Sales@{dbid}"), Policy(by=By.NOBODY)) for dbid in (101, 102)
        ]
        self.board.groups = Groups(Policy(), configured, 5)
        server = await self.controlled()
        references = []
        for failures in range(2):
            for place, dbid in ((3, 101), (4, 102)):
                asked = await self.asked(server, place)
                assert asked.user_data[:2] == user_data({"GSW_CM_MessageType": 12, "GSW_CM_AttrSessionID": dbid})
                references.append(asked.reference)
            server.reset()
            server = await self.lost(1) if not failures else server
            if not failures:
                await self.register(server)
        assert len(set(references)) == 4

    async def test_a_mistake_about_what_is_heard_costs_no_connection(self) -> None:
        """Groups that fail do not cost the control session its connection: it is said in /health, and goes on."""
        server = await self.controlled()
        before = self.groups.answer

        def fail(seen: Observation) -> list:
            raise ZeroDivisionError

        self.groups.answer = fail
        server.write(event(COMM_DN, GSW_STAT_EVENT=3))
        await self.until(lambda: self.board.failed)
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1
        self.groups.answer = before
        server.write(event(COMM_DN, GSW_STAT_EVENT=5))
        await self.until(lambda: len(self.groups.seen) == 3)
        assert self.tevents.control.registered


class LeavingTests(ControlTestCase):
    """How it ends."""

    async def test_what_it_sent_arrives(self) -> None:
        """A Stop that was sent just before the end still leaves."""
        server = await self.controlled()
        self.tevents.control.stop(GroupNames(101), 0x60000001)
        closing = self.tevents.control.close()
        await server.when_told_end()
        assert [message.number for message in messages(server)] == [0, 3, 48]
        await closing
        assert self.sources == [CONNECTED, LOST]
        assert self.clock.getDelayedCalls() == []

    async def test_a_t_server_that_does_not_read(self) -> None:
        """What cannot be delivered does not hold up the end for longer than answer_timeout."""
        server = await self.controlled()
        server.transport.pauseProducing()
        self.tevents.control._connection.transport.write(bytes(20_000_000))
        closing = self.tevents.control.close()
        self.clock.advance(9.9)
        assert not closing.called
        self.clock.advance(0.1)
        await closing

    async def test_while_it_waits_to_try_again(self) -> None:
        """Nothing is tried after its end."""
        server = await self.controlled()
        server.reset()
        await self.until(lambda: not self.tevents.control.registered)
        await self.tevents.control.close()
        assert self.clock.getDelayedCalls() == []

    async def test_while_it_connects(self) -> None:
        """An attempt on its way is given up, and leaves no connection behind."""
        await self.channel()
        assert self.tevents.control._attempt is not None
        await self.tevents.control.close()
        assert self.clock.getDelayedCalls() == []
        await self.connect()
        await self.in_time(lambda: any(end.lost is None for end in self.server.ends))
        late = self.server.ends[:-1]
        await self.until(lambda: all(end.lost is not None for end in late))
        assert self.groups.seen == []
