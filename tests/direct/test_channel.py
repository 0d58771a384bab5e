"""The channel over real sockets: its clients' sessions, and the proxy's own."""

from __future__ import annotations

import random

from twisted.internet.defer import gatherResults

from proxy.campaign.observation import (
    ControlRefused,
    ControlRequested,
    GroupNames,
    SessionEnded,
    SourceConnected,
    SourceLost,
    Status,
    StatusHeard,
    Word,
    WordHeard,
)
from proxy.campaign.policy import Attribute, By, Policy
from proxy.config import Limits, OnMalformed
from proxy.kvlist import pair
from proxy.relay.causes import Cause
from tests.direct.messages import REFERENCE, SAMPLE, TYPE, frame, message
from tests.direct.net import REGISTERED, ChannelTestCase, OtherControl, messages
from tests.relay.net import End
from tests.tevents.desk import NotedGroups

GROUP = GroupNames(campaign_id=101, group_id=732)


class RelayingTests(ChannelTestCase):
    """Sessions of clients."""

    async def test_many_clients_at_once(self) -> None:
        """Twenty clients that talk at once, both ways, in pieces: each byte arrives, in order, with whom it was for."""
        await self.channel()
        await self.at_ocs(0)
        sessions = [await self.client() for _ in range(20)]
        sent: list[tuple[End, bytes]] = []
        for number, (client, upstream) in enumerate(sessions):
            for end, other, seed in ((client, upstream, number), (upstream, client, 100 + number)):
                rng = random.Random(seed)
                stream = b"".join(
                    frame(message(rng.choice((6, 8, 12, 19, 99)), rng.randrange(9), text="x" * rng.randrange(3000)))
                    for _ in range(30)
                )
                for at in range(0, len(stream), 1000):
                    end.write(stream[at : at + 1000])
                sent.append((other, stream))
        await gatherResults([end.when_received(len(stream)) for end, stream in sent])
        for end, stream in sent:
            assert end.received == stream

    async def test_a_connection_for_one_command(self) -> None:
        """A client that connects, registers, loads, hears it and leaves: relayed, seen in order, and over."""
        self.groups = self.board.groups = NotedGroups(Policy(by=By.PROXY, attribute=Attribute.ADD))
        await self.channel()
        await self.at_ocs(0)
        client, upstream = await self.client()
        client.write(frame(message(6)))
        await self.asked(upstream, 1)
        upstream.write(REGISTERED)
        await client.when(lambda: len(messages(client)) == 1)
        client.write(frame(message(7)))
        assert await self.asked(upstream, 2) == SAMPLE
        upstream.write(frame(message(19)))
        await client.when(lambda: len(messages(client)) == 2)
        client.close()
        await upstream.when_told_end()
        upstream.close()
        await self.until(lambda: not self.direct.relay.sessions)
        assert [type(each) for each in self.groups.seen] == [ControlRequested, WordHeard, SessionEnded]
        assert self.direct.relay.causes[Cause.CLIENT_CLOSED] == 1
        assert self.direct.looked() == {"malformed": 0, "rewritten": 1, "not_rewritten": 0}
        assert set(self.direct.messages()) == {
            ("client", "GSW_CM_ReqRegisterClient", 1),
            ("client", "GSW_CM_ReqLoadCampaign", 1),
            ("upstream", "GSW_CM_EvClientReqistred", 1),
            ("upstream", "GSW_CM_EvCampaignLoaded", 1),
        }

    async def test_a_client_that_cannot_be_framed_is_closed_where_the_site_says_so(self) -> None:
        """M3: `on_malformed = close` ends the session."""
        await self.channel(limits=Limits(on_malformed=OnMalformed.CLOSE))
        await self.at_ocs(0)
        client, upstream = await self.client()
        client.write(b"\0\0\0\1x")
        await client.when_told_end()
        client.close()
        await upstream.when_told_end()
        upstream.close()
        await self.until(lambda: not self.direct.relay.sessions)
        assert self.direct.relay.causes[Cause.MALFORMED] == 1

    async def test_what_ours_brings_is_for_us(self) -> None:
        """What OCS sends to the proxy's own session goes to no client."""
        own = await self.controlled()
        client, upstream = await self.client()
        self.direct.control.stop(GROUP, 1)
        await self.asked(own, 2)
        own.write(frame(message(22, 1)))
        await self.until(lambda: WordHeard(GROUP, Word.STOPPED, "direct", None, "1") in self.groups.seen)
        upstream.write(frame(message(24, GroupCampStatus=4)))
        await client.when(lambda: bool(messages(client)))
        assert messages(client) == [message(24, GroupCampStatus=4)]


class ControlTests(ChannelTestCase):
    """The proxy's own session with OCS."""

    async def test_it_registers(self) -> None:
        """It registers as a client, by its name, and with the DBID of its application where one is given."""
        await self.channel()
        end = await self.at_ocs(0)
        name = pair("GSW_CM_AttrClientName", "ocm-proxy")
        assert await self.asked(end, 1) == [pair(TYPE, 6), pair(REFERENCE, 0), name]
        assert "direct: the control session is not registered" in self.direct.reasons()
        assert self.groups.seen == []
        end.write(frame(message(19)) + REGISTERED)
        await self.until(lambda: self.direct.control.registered)
        assert self.groups.seen == [SourceConnected("direct")]
        assert list(self.direct.reasons()) == []
        assert self.board.controls["direct"] is self.direct.control

    async def test_it_registers_for_an_application(self) -> None:
        """The DBID of the application is in the registration where the site gives one."""
        await self.channel(application_dbid=4114)
        assert (await self.asked(await self.at_ocs(0), 1))[-1] == pair("GSW_APPLICATION_ID", 4114)

    async def test_what_it_asks(self) -> None:
        """Stop, Unload and status requests name the group by campaign and agent group, and carry their reference."""
        end = await self.controlled()
        names = GroupNames(5, 101, 732, "Sales@Agents", "Sales")
        self.direct.control.stop(names, 0x60000001)
        self.direct.control.unload(names, 0x60000002)
        self.direct.control.ask_status(names, 0x60000003)
        await self.asked(end, 4)
        assert messages(end)[1:] == [message(10, 0x60000001), message(8, 0x60000002), message(12, 0x60000003)]

    async def test_what_it_hears(self) -> None:
        """OCS's words, status and refusals, not echoes nor what cannot be read."""
        end = await self.controlled()
        self.groups.seen.clear()
        end.write(
            frame(message(21, None, DialMode=3))
            + frame(message(7))
            + (8).to_bytes(4, "big")
            + b"\0\7broken"
            + frame(message(24, 1, GroupCampStatus=5))
            + frame(message(27, 2, None, None))
        )
        await self.until(lambda: len(self.groups.seen) == 3)
        assert self.groups.seen == [
            WordHeard(GROUP, Word.STARTED, "direct", "Preview"),
            StatusHeard(GROUP, Status.RUNNING, "direct", None, "1"),
            ControlRefused(0, GroupNames(), "2"),
        ]
        assert self.direct.looked()["malformed"] == 1

    async def test_words_on_clients_sessions_are_left_to_it(self) -> None:
        """While it is registered, what clients hear are copies; once it is lost, they are OCS's word."""
        own = await self.controlled()
        client, upstream = await self.client()
        upstream.write(frame(message(19)) + frame(message(27, 3)))
        await self.until(lambda: ControlRefused(1, GROUP, "3") in self.groups.seen)
        assert not any(isinstance(each, WordHeard) for each in self.groups.seen)
        own.reset()
        await self.until(lambda: SourceLost("direct") in self.groups.seen)
        upstream.write(frame(message(20)))
        await self.until(lambda: WordHeard(GROUP, Word.UNLOADED, "direct", None, "10") in self.groups.seen)
        assert len(messages(client)) >= 2

    async def test_a_spare_is_quiet_while_another_is_registered(self) -> None:
        """Where no group is completed over it, another control session goes before it: two would be in no order."""
        own = await self.controlled(completes=False)
        self.board.controls["tevents"] = other = OtherControl()  # type: ignore[assignment]
        client, upstream = await self.client()
        self.direct.control.ask_status(GROUP, 99)
        await self.asked(own, 2)
        own.write(frame(message(19)) + frame(message(27, 99)))
        upstream.write(frame(message(19)) + frame(message(27, 4)))
        await client.when(lambda: len(messages(client)) == 2)
        await self.until(lambda: len(self.groups.seen) >= 3)
        assert set(self.groups.seen) == {
            SourceConnected("direct"),
            ControlRefused(0, GROUP, "99"),
            ControlRefused(1, GROUP, "4"),
        }
        other.registered = False
        own.write(frame(message(20, None)))
        await self.until(lambda: WordHeard(GROUP, Word.UNLOADED, "direct") in self.groups.seen)

    async def test_words_on_clients_sessions_are_left_to_another_too(self) -> None:
        """A spare that is not registered changes nothing: the other control session hears what clients hear."""
        await self.channel(completes=False)
        await self.at_ocs(0)
        self.board.controls["tevents"] = OtherControl()  # type: ignore[assignment]
        _, upstream = await self.client()
        upstream.write(frame(message(19)) + frame(message(27, 4)))
        await self.until(lambda: self.groups.seen)
        assert self.groups.seen == [ControlRefused(1, GROUP, "4")]

    async def test_answers_to_a_spare_are_its_own(self) -> None:
        """What answers a request of its own is heard whoever else is registered."""
        own = await self.controlled(completes=False)
        self.board.controls["tevents"] = OtherControl()  # type: ignore[assignment]
        self.direct.control.ask_status(GROUP, 99)
        await self.asked(own, 2)
        own.write(frame(message(24, 98, GroupCampStatus=4)) + frame(message(24, 99, GroupCampStatus=5)))
        await self.until(lambda: len(self.groups.seen) == 2)
        assert self.groups.seen[1] == StatusHeard(GROUP, Status.RUNNING, "direct", None, "99")

    async def test_one_that_completes_is_heard_beside_another(self) -> None:
        """Where a group is completed over it, its words count, whoever else is registered."""
        own = await self.controlled(completes=True)
        self.board.controls["tevents"] = OtherControl()  # type: ignore[assignment]
        own.write(frame(message(19, None)))
        await self.until(lambda: WordHeard(GROUP, Word.LOADED, "direct") in self.groups.seen)

    async def test_it_comes_back(self) -> None:
        """Lost, it is told, and made again after a while, later each time, until it is registered again."""
        end = await self.controlled()
        end.reset()
        await self.until(lambda: self.groups.seen == [SourceConnected("direct"), SourceLost("direct")])
        waited = []
        for number in (1, 2, 3):
            await self.until(lambda: self.clock.getDelayedCalls())
            (again,) = self.clock.getDelayedCalls()
            waited.append(again.getTime() - self.clock.seconds())
            self.clock.advance(waited[-1])
            end = await self.at_ocs(number)
            await self.asked(end, 1)
            if number < 3:
                end.write(frame(message(27, 0, None, None, ErrorCode=5)) + REGISTERED)
                await end.when_told_end()
                end.close()
                await self.until(lambda: self.direct.control._connection is None)
        assert waited == sorted(set(waited))
        end.write(REGISTERED)
        await self.until(lambda: self.direct.control.registered)
        assert self.groups.seen[2:] == [SourceConnected("direct")]

    async def test_an_ocs_that_does_not_answer(self) -> None:
        """Not registered within answer_timeout, the connection is given up."""
        await self.channel()
        end = await self.at_ocs(0)
        await self.asked(end, 1)
        await self.until(lambda: self.direct.control._connection is not None)
        self.clock.advance(10)
        await end.when_lost()
        assert not self.direct.control.registered

    async def test_garbage(self) -> None:
        """What cannot be framed ends the connection: it is made anew."""
        end = await self.controlled()
        end.write(b"\0\0\0\1x")
        await end.when_lost()
        await self.until(lambda: self.groups.seen[-1] == SourceLost("direct"))

    async def test_it_leaves(self) -> None:
        """When the service ends, what was sent arrives, and nobody comes back."""
        end = await self.controlled()
        self.direct.control.stop(GROUP, 7)
        stopped = self.direct.stop()
        await end.when_told_end()
        assert messages(end)[-1] == message(10, 7)
        end.close()
        await stopped
        assert self.clock.getDelayedCalls() == []
