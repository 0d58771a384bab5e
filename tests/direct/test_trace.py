"""The trace of [direct]: all that passes, printed as campaign managers print it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from proxy.campaign.observation import ControlRequested, GroupNames
from proxy.campaign.policy import Attribute, By, Policy
from proxy.config import DirectChannel, Limits
from proxy.kvlist import pair
from proxy.tracefile import TraceFile
from tests.direct.messages import KEY, REFERENCE, SAMPLE, TYPE, frame, message
from tests.direct.net import ChannelTestCase, messages
from tests.tevents.desk import NotedGroups

BROKEN, UNFRAMABLE = b"\0\0\0\x08\0\7broken", b"\0\0\0\1"

AT = "1970-01-01T00:00:00.000000Z "


class TraceTests(ChannelTestCase):
    """A channel on real sockets, with a trace."""

    def setUp(self) -> None:
        super().setUp()
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "direct.log")
        self.trace = TraceFile(str(self.path), self.clock.seconds)
        self.trace.open()
        self.addCleanup(self.trace.close)

    def lines(self) -> list[str]:
        """What is in the file, without the time where it is the beginning."""
        return [line.removeprefix(AT) for line in self.path.read_text().splitlines()]

    async def test_the_vendors_sample(self) -> None:
        """The sample of domain.md is in the file as it stands there, but for the time and whose it is."""
        await self.channel(trace=self.trace)
        await self.at_ocs(0)
        client, upstream = await self.client()
        self.path.write_text("")
        client.write(frame(SAMPLE))
        assert await self.asked(upstream, 1) == SAMPLE
        assert self.lines() == [
            "OCMClient[1]::message received (proxy session)",
            "GSW_CM_MessageType              7 [GSW_CM_ReqLoadCampaign]",
            "GSW_CM_AttrReferenceID          10",
            "GSW_CM_AttrCampaignID           101",
            "GSW_CM_AttrGroupID              732",
            "GSW_CM_AttrProperties",
            "                'GSW_AUTO_COMPLETION'   '****'",
        ]

    async def test_a_session_from_its_begin_to_its_end(self) -> None:
        """A client's message as it came, what OCS says to it, what cannot be read; and that it is over."""
        self.groups = self.board.groups = NotedGroups(Policy(by=By.PROXY, attribute=Attribute.ADD))
        await self.channel(trace=self.trace)
        await self.at_ocs(0)
        client, upstream = await self.client()
        self.path.write_text("")
        client.write(frame(message(7)) + BROKEN)
        await upstream.when_received(len(frame(SAMPLE) + BROKEN))
        upstream.write(frame(message(19, None)) + UNFRAMABLE)
        await client.when_received(len(frame(message(19, None)) + UNFRAMABLE))
        client.close()
        await upstream.when_told_end()
        upstream.close()
        await self.until(lambda: not self.direct.relay.sessions)
        told = [line for line in self.lines() if not line.startswith("GSW_")]
        assert told == [
            "OCMClient[1]::message received (proxy session)",
            "direct session 1 cannot be read",
            "OCMClient[1]::message sent (proxy session)",
            "direct session 1 cannot be read",
            "direct session 1 ended",
        ]
        assert "GSW_CM_AttrProperties" not in self.lines()
        assert any(isinstance(each, ControlRequested) for each in self.groups.seen)

    async def test_the_control_session(self) -> None:
        """Its requests and what OCS says to it are told from those of clients, and whether it is there."""
        own = await self.controlled(trace=self.trace)
        self.direct.control.stop(GroupNames(campaign_id=101, group_id=732), 0x60000001)
        await self.asked(own, 2)
        own.write(frame(message(22, 0x60000001)))
        await self.until(lambda: "GSW_CM_MessageType              22 [GSW_CM_EvDialingStopped]" in self.lines())
        own.reset()
        await self.until(lambda: not self.direct.control.registered)
        said = [line for line in self.lines() if not line.startswith("GSW_") or "Type" in line]
        assert [line.split("[", 1)[-1] for line in said] == [
            "0]::message received (proxy control)",
            "GSW_CM_ReqRegisterClient]",
            "0]::message sent (proxy control)",
            "GSW_CM_EvClientReqistred]",
            "direct control session registered",
            "0]::message received (proxy control)",
            "GSW_CM_ReqStopDialing]",
            "0]::message sent (proxy control)",
            "GSW_CM_EvDialingStopped]",
            "direct control session lost",
        ]

    async def test_a_registration_that_is_refused(self) -> None:
        """It is in the trace, and no control session is said to be lost that was never there."""
        await self.channel(trace=self.trace)
        end = await self.at_ocs(0)
        await self.asked(end, 1)
        end.write(frame([pair(TYPE, 27), pair(REFERENCE, 0), pair("GSW_CM_AttrErrorMessage", "Jane")]))
        await end.when_told_end()
        end.close()
        await self.until(lambda: end.lost is not None and self.direct.control._connection is None)
        assert "GSW_CM_MessageType              27 [GSW_CM_EvError]" in self.lines()
        assert "direct control session lost" not in self.lines()
        assert "Jane" not in self.path.read_text()

    async def test_no_personal_data(self) -> None:
        """What is no number of campaign control is masked, on every way; but not that completion is not asked for."""
        own = await self.controlled(trace=self.trace)
        client, upstream = await self.client()
        private = message(9, properties=[pair(KEY, 0), pair("phone", "555-0100")], ErrorMessage="555-0100")
        for end, other in ((client, upstream), (upstream, client)):
            end.write(frame([*private, pair("note", "555-0100")]))
            await other.when(lambda: bool(messages(other)))  # noqa: B023
        own.write(frame([*message(24, 5), pair("555-0100\n", "555-0100"), pair("note", "555-0100")]))
        await self.until(lambda: "GSW_CM_MessageType              24 [GSW_CM_EvCampaignStatus]" in self.lines())
        text = self.path.read_text()
        assert text.count("555-0100") == 1, "a key is shown"
        assert "\n555-0100\\x0a" in text
        assert text.count("'GSW_AUTO_COMPLETION'   0\n") == 2

    async def test_without_one(self) -> None:
        """Off is the default."""
        assert DirectChannel((), ()).trace is None
        await self.controlled(limits=Limits())
        client, upstream = await self.client()
        client.write(frame(SAMPLE))
        await self.asked(upstream, 1)
        assert self.lines() == []
