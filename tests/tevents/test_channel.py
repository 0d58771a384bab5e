"""The channel over real sockets: nothing is lost, doubled or reordered; no mistake costs a connection (M1 to M8)."""

from __future__ import annotations

import random
import struct

from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.endpoints import clientFromString
from twisted.internet.error import ConnectionRefusedError
from twisted.logger import LogEvent, LogLevel, globalLogPublisher

from proxy.campaign.observation import (
    AgentHeard,
    DnRegistered,
    GroupNames,
    MessageTaken,
    NotifyAgent,
    Observation,
    SessionBlind,
    SessionEnded,
    StatusAsked,
    Swallow,
    Word,
    WordHeard,
)
from proxy.campaign.policy import Attribute, By, Policy
from proxy.config import Limits, OnMalformed
from proxy.gsw import userdata
from proxy.kvlist import pair
from proxy.relay.causes import Cause
from proxy.tevents import session as tevents_session
from proxy.tevents.message import EVENT_ACK, EVENT_REGISTERED, REFERENCE_ID, THIS_DN, USER_DATA
from tests.relay.net import End
from tests.tevents.desk import COMM_DN, NotedGroups, event, frame, request
from tests.tevents.net import ChannelTestCase

PLAIN = frame(8, {THIS_DN: "3001"})
STATUS_REQUEST = request("3001", GSW_AGENT_REQ_TYPE="CampaignStatusRequest")
NUMBERS = (3, 4, 8, 14, 30, 48, 49, 52, 53, 54, 57, 60, 64, 65, 85, 96, 138, 999)


def traffic(seed: int, size: int) -> bytes:
    """Messages that have nothing to do with campaigns, wanted ones and broken ones among them."""
    rng = random.Random(seed)
    out = bytearray()
    while len(out) < size:
        number = rng.choice(NUMBERS)
        if rng.random() < 0.1:
            body = rng.randbytes(rng.randrange(2, 40))
            out += struct.pack(">IH", 2 + len(body), number) + body
        else:
            data = [pair(rng.choice(["Customer", "x", ""]), rng.randbytes(rng.randrange(80))) for _ in range(3)]
            out += frame(number, {THIS_DN: "3001", 700: rng.randbytes(rng.randrange(200)), USER_DATA: data})
    return bytes(out)


class RelayingTests(ChannelTestCase):
    """M1: what has nothing to do with campaigns."""

    def setUp(self) -> None:
        super().setUp()
        self.groups = self.board.groups = NotedGroups(Policy(by=By.PROXY, attribute=Attribute.FORCE))

    async def test_fifty_desktops_at_once(self) -> None:
        """Fifty desktops that all talk at once, both ways: each byte arrives, once, in order, with whom it was for."""
        await self.channel(control=False)
        size = 60_000
        pairs = [await self.desktop() for _ in range(50)]
        sent: list[tuple[End, bytes]] = []
        for number, (client, upstream) in enumerate(pairs):
            for end, other, seed in ((client, upstream, number), (upstream, client, 1000 + number)):
                stream = traffic(seed, size)
                end.write(stream)
                sent.append((other, stream))
        await gatherResults([end.when_received(len(stream)) for end, stream in sent])
        for end, stream in sent:
            assert end.received == stream
        assert self.tevents.counts.malformed > 0

    async def test_one_byte_at_a_time(self) -> None:
        """The same where every byte comes in a packet of its own, in both directions."""
        await self.channel(control=False)
        client, upstream = await self.desktop()
        there, back = traffic(1, 900), traffic(2, 900)
        relay = self.tevents.relay
        for at in range(max(len(there), len(back))):
            client.write(there[at : at + 1])
            upstream.write(back[at : at + 1])
            so_far = (min(at + 1, len(there)), min(at + 1, len(back)))
            await self.until(lambda: (relay.client_bytes, relay.upstream_bytes) == so_far)  # noqa: B023
        await upstream.when_received(len(there))
        await client.when_received(len(back))
        assert (upstream.received, client.received) == (there, back)

    async def test_a_frame_cut_short_by_the_end_of_the_connection(self) -> None:
        """M6: what is held of a user event that never became whole is delivered, then the end."""
        await self.channel(control=False)
        client, upstream = await self.desktop()
        client.write(PLAIN + STATUS_REQUEST[:-3])
        client.close_sending()
        await upstream.when_told_end()
        assert upstream.received == PLAIN + STATUS_REQUEST[:-3]


class LookingTests(ChannelTestCase):
    """What the groups are shown, and what they have done, over real connections."""

    async def test_from_registration_to_the_end(self) -> None:
        """A desktop registers, asks, is answered, and leaves: the groups see all of it, in order, and then its end."""
        await self.channel(control=False)
        client, upstream = await self.desktop()
        client.write(frame(3, {THIS_DN: "3001", REFERENCE_ID: 1}))
        await self.asked(upstream, 1)
        upstream.write(frame(EVENT_REGISTERED, {REFERENCE_ID: 1}))
        await self.until(lambda: self.groups.seen)
        client.write(STATUS_REQUEST)
        await self.until(lambda: len(self.groups.seen) == 2)
        upstream.write(frame(EVENT_ACK, {REFERENCE_ID: 5}))
        await self.until(lambda: len(self.groups.seen) == 3)
        assert list(self.board.sessions) == [1]
        client.close()
        await upstream.when_told_end()
        upstream.close()
        await self.until(lambda: not self.tevents.relay.sessions)
        assert self.groups.seen == [
            DnRegistered(1, "3001"),
            StatusAsked(1, "3001"),
            MessageTaken(1, 5),
            SessionEnded(1),
        ]
        assert self.board.sessions == {}
        assert self.tevents.relay.causes[Cause.CLIENT_CLOSED] == 1

    async def test_one_that_comes_and_goes_leaves_nothing_behind(self) -> None:
        """M6: a connection that comes and goes at once is not known to anybody afterwards."""
        await self.channel(control=False)
        for _ in range(3):
            (await self.connect()).reset()
        await self.in_time(lambda: sum(self.tevents.relay.causes.values()) == 3)
        assert self.board.sessions == {}
        assert {type(each) for each in self.groups.seen} <= {SessionEnded}
        assert self.tevents.relay.sessions == {}

    async def test_a_word_goes_in_and_one_is_taken_out(self) -> None:
        """R25, R26: between the frames of one chunk: CampaignStopped goes in, OCS's third event is swallowed."""
        await self.channel(control=False)
        client, upstream = await self.desktop()
        events = [event(GSW_USER_EVENT="CampaignUnloaded", Own=number) for number in range(5)]

        def answer(seen: Observation) -> list[Swallow | NotifyAgent]:
            if not isinstance(seen, AgentHeard):
                return []
            if seen.pairs[-1].value == 1:
                return [NotifyAgent(1, "3001", Word.STOPPED, GroupNames(), seen.pairs)]
            return [Swallow()] if seen.pairs[-1].value == 3 else []

        self.groups.answer = answer
        upstream.write(b"".join(events) + PLAIN)
        stopped = event(GSW_USER_EVENT="CampaignStopped", Own=1)
        expected = events[0] + stopped + events[1] + events[2] + events[4] + PLAIN
        await client.when_received(len(expected))
        assert client.received == expected
        assert (self.tevents.counts.notified, self.tevents.counts.swallowed) == (1, 1)

    async def test_a_console_is_heard_only_while_the_control_session_is_not(self) -> None:
        """OCS's word has one source at a time: the proxy's own session while it is registered."""
        server = await self.controlled()
        console, upstream = await self.desktop()
        started = event(COMM_DN, GSW_CM_MessageType=21, GSW_CM_AttrSessionID=101)
        upstream.write(started)
        await console.when_received(len(started))
        assert WordHeard(GroupNames(101), Word.STARTED, "session 1") not in self.groups.seen
        server.reset()
        await self.until(lambda: not self.tevents.control.registered)
        upstream.write(started)
        await console.when_received(2 * len(started))
        assert WordHeard(GroupNames(101), Word.STARTED, "session 1") in self.groups.seen


class MalformedTests(ChannelTestCase):
    """M3: bytes that cannot be cut into frames."""

    BAD = b"\0\0\0\3\0\x60"

    async def test_relayed_unseen(self) -> None:
        """on_malformed = relay: all goes on, unseen in that direction only; counted, and logged once."""
        logged: list[LogEvent] = []
        globalLogPublisher.addObserver(logged.append)
        self.addCleanup(globalLogPublisher.removeObserver, logged.append)
        await self.channel(control=False)
        client, upstream = await self.desktop()
        upstream.write(PLAIN + self.BAD + event(GSW_USER_EVENT="CampaignStarted"))
        await client.when_received(len(PLAIN + self.BAD + event(GSW_USER_EVENT="CampaignStarted")))
        upstream.write(self.BAD)
        await client.when_received(len(PLAIN + self.BAD + event(GSW_USER_EVENT="CampaignStarted") + self.BAD))
        assert [each["session"] for each in logged if each["log_level"] is LogLevel.warn] == [1]
        client.write(request(GSW_CM_MessageType=7))
        await upstream.when_received(len(request(GSW_CM_MessageType=7)))
        assert [type(each).__name__ for each in self.groups.seen] == ["SessionBlind", "ControlRequested"]
        assert (self.tevents.relay.to_client.opaque, self.tevents.relay.to_upstream.opaque) == (1, 0)

    async def test_closed(self) -> None:
        """on_malformed = close: what came before is delivered, then the session ends for that cause."""
        await self.channel(control=False, limits=Limits(on_malformed=OnMalformed.CLOSE))
        client, upstream = await self.desktop()
        client.write(PLAIN + self.BAD)
        await upstream.when_told_end()
        assert upstream.received.startswith(PLAIN)
        upstream.close()
        await client.when_told_end()
        client.close()
        await self.until(lambda: not self.tevents.relay.sessions)
        assert self.tevents.relay.causes[Cause.MALFORMED] == 1
        assert self.groups.seen == [SessionBlind(1), SessionEnded(1)]

    async def test_a_frame_over_max_frame(self) -> None:
        """A frame of max_frame bytes is one; a larger one cannot be framed, and is relayed all the same."""
        await self.channel(control=False, limits=Limits(max_frame=len(STATUS_REQUEST) - 4))
        client, upstream = await self.desktop()
        client.write(frame(3, {THIS_DN: "3001", REFERENCE_ID: 1}) + STATUS_REQUEST)
        await self.until(lambda: self.groups.seen == [StatusAsked(1, "3001")])
        larger = request("3001", GSW_AGENT_REQ_TYPE="CampaignStatusRequest", x="")
        client.write(larger)
        await upstream.when_received(len(frame(3, {THIS_DN: "3001", REFERENCE_ID: 1}) + STATUS_REQUEST + larger))
        assert self.groups.seen[1:] == [SessionBlind(1)]


class MistakeTests(ChannelTestCase):
    """A mistake of ours never costs a desktop its connection."""

    async def _through(self) -> None:
        """Whatever is sent either way arrives."""
        client, upstream = await self.desktop()
        there = PLAIN + frame(3, {THIS_DN: "3001", REFERENCE_ID: 1}) + STATUS_REQUEST + request(GSW_CM_MessageType=7)
        back = event(GSW_USER_EVENT="CampaignStarted") + frame(EVENT_ACK, {REFERENCE_ID: 1}) + PLAIN
        for _ in range(3):
            client.write(there)
            upstream.write(back)
        await upstream.when_received(3 * len(there))
        await client.when_received(3 * len(back))
        assert upstream.received == 3 * there
        assert client.received == 3 * back
        assert client.lost is None

    async def test_groups_that_fail_at_everything(self) -> None:
        """Groups that fail whatever they are shown: all is relayed, the session is blind, /health says so."""

        def fail(seen: Observation) -> list[Swallow]:
            raise ZeroDivisionError

        self.groups.answer = fail
        await self.channel(control=False)
        await self._through()
        assert SessionBlind(1) in self.groups.seen
        assert self.board.failed >= 2
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1
        assert self.tevents.relay.to_client.failed == 0

    async def test_a_vocabulary_that_fails(self) -> None:
        """A mistake in the reading of user data: the frames go on, the direction is unseen, the session blind."""

        def fail(*_: object) -> None:
            raise ZeroDivisionError

        self.patch(userdata, "gsw", fail)
        await self.channel(control=False)
        await self._through()
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 2
        assert (self.tevents.relay.to_client.failed, self.tevents.relay.to_upstream.failed) == (1, 1)
        assert SessionBlind(1) in self.groups.seen
        assert [reason for reason in self.tevents.reasons() if "mistakes" in reason] == [
            "tevents: 1 mistakes of ours about the client, see the log",
            "tevents: 1 mistakes of ours about the upstream, see the log",
        ]

    async def test_a_session_that_cannot_be_made(self) -> None:
        """A mistake where a session begins: it is relayed unseen from its first byte."""

        def fail(*_: object) -> None:
            raise ZeroDivisionError

        self.patch(tevents_session.FromDesktop, "__init__", fail)
        await self.channel(control=False)
        await self._through()
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1
        assert self.groups.seen == []


class StoppingTests(ChannelTestCase):
    """The channel's own end."""

    async def test_what_is_on_its_way_is_delivered(self) -> None:
        """M6: sessions get what was sent before, then their end; the control session leaves; nothing listens."""
        control = await self.controlled()
        client, upstream = await self.desktop()
        stream = traffic(5, 3_000_000)
        upstream.write(stream)
        await client.when_received(1)
        await self.until(lambda: self.tevents.relay.upstream_bytes == len(stream))
        stopping = self.tevents.stop()
        await client.when_told_end()
        assert client.received == stream
        client.close()
        upstream.close()
        await control.when_told_end()
        await stopping
        assert self.tevents.relay.causes[Cause.SHUTDOWN] == 1
        assert not self.tevents.control.registered
        assert self.tevents.relay.ports == []

    async def test_what_we_sent_ourselves_is_delivered(self) -> None:
        """The channel's end is not before its own session has delivered what it sent, a Stop perhaps."""
        control = await self.controlled()
        control.transport.pauseProducing()
        before = len(control.received)
        self.tevents.control.write(bytes(20_000_000))
        stopping = self.tevents.stop()
        await self.until(lambda: not self.tevents.relay.is_listening)
        await self.connection_refused()
        assert not stopping.called
        control.transport.resumeProducing()
        await stopping
        await control.when_told_end()
        assert len(control.received) - before == 20_000_000

    async def connection_refused(self) -> None:
        """Some turns of the reactor, at the end of which nobody can connect."""
        ends, port = await self.listen()
        where = f"tcp:127.0.0.1:{port.getHost().port}"
        await port.stopListening()
        with self.assertRaises(ConnectionRefusedError):
            await clientFromString(reactor, where).connect(ends)

    async def test_one_that_does_not_end(self) -> None:
        """M6: who does not end is cut off at the deadline; the channel's end is bounded."""
        control = await self.controlled()
        client, upstream = await self.desktop()
        client.write(PLAIN)
        await upstream.when_received(len(PLAIN))
        client.transport.pauseProducing()
        upstream.write(traffic(6, 8_000_000))
        await self.until(lambda: self.tevents.relay.upstream_bytes > 100_000)
        stopping = self.tevents.stop()
        await control.when_told_end()
        await self.in_time(lambda: stopping.called)
        assert self.tevents.relay.causes[Cause.DEADLINE] == 1
