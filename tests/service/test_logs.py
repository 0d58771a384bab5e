"""What the proxy writes down of people: nothing (no user data in logs, pages or metrics)."""

from __future__ import annotations

import json

from twisted.logger import LogEvent, eventAsText, globalLogPublisher

from proxy.admin.metrics import exposition, registry
from proxy.kvlist import pair
from proxy.tevents.message import ANI, THIS_DN, USER_DATA
from tests.e2e.stage import Client, Stage
from tests.tevents.desk import frame

NAME = "Eleonora Buchenfels"
ADDED = "+4915550199777"


class UserDataTests(Stage):
    """A whole session: a campaign is dialled to its end, with everything that may go wrong on the way."""

    async def raise_curtain(self, records: int, ocs: str = "", completion: str = "") -> None:
        self.events: list[LogEvent] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)
        await super().raise_curtain(records, ocs, completion)

    def phones(self, clients: list[Client]) -> set[str]:
        """Every phone number that a desktop got to see."""
        return {str(data["GSW_PHONE"]) for client in clients for data in client.data if "GSW_PHONE" in data}

    async def test_nobodys_phone_number_or_name_is_written_down(self) -> None:
        """Records, cancels by phone, calls, broken messages, refusals, notices, mistakes of ours: no user data."""
        await self.raise_curtain(4, "notify_agents = no\nacks = bare")
        agents = [await self.client(dn) for dn in ("3001", "3002")]
        console = await self.start_group()
        for agent in agents:
            await self.until(lambda: "CampaignStarted" in agent.heard())  # noqa: B023
            agent.ask("PreviewRecordRequest")
            await self.until(lambda: "PreviewRecord" in agent.heard())  # noqa: B023
        first, second = (
            next(data for data in agent.data if data.get("GSW_USER_EVENT") == "PreviewRecord") for agent in agents
        )

        agents[0].ask("RequestRecordCancel", GSW_PHONE=first["GSW_PHONE"])
        agents[0].ask("DoNotCall", GSW_PHONE="+4915550100", Customer=NAME)
        agents[1].ask("RecordProcessed", GSW_RECORD_HANDLE=second["GSW_RECORD_HANDLE"], Customer=NAME)
        await self.until(lambda: self.group()["finalized"] == 2)
        agents[1].say("9999", GSW_AGENT_REQ_TYPE="RecordProcessed", GSW_PHONE=ADDED, Customer=NAME)
        await self.finish_records(agents[1], 2)

        board = self.proxy.board
        named = [pair("GSW_USER_EVENT", "CampaignModeChanged"), pair("GSW_CAMPAIGN_NAME", "Sales")]
        self.simulator.tserver.user_event("3002", [*named, pair("Customer", NAME)])
        await self.until(lambda: "CampaignModeChanged" in agents[1].heard())
        of_people = [pair("GSW_RECORD_HANDLE", 77), pair("GSW_PHONE", ADDED), pair("Customer", NAME)]
        call = frame(64, {THIS_DN: "3001", ANI: ADDED, USER_DATA: of_people})
        looks = next(iter(board.sessions.values()))
        assert looks.decode(call[:-3]) is None
        before, board.groups.observe = board.groups.observe, lambda *_: {}["mistake"]
        looks.from_server(looks.wire.decode(call), own_control_is_up=True)
        board.groups.observe = before
        assert board.failed
        agents[0]._client.transport.write(b"\0\0\0\0" + NAME.encode() + ADDED.encode())
        await self.until(lambda: self.proxy.channels[0].relay.to_upstream.opaque)
        agents[0].close()
        await self.until(lambda: agents[0].gone)
        await self.until(lambda: len(board.sessions) == 2)

        agents[1].ask("PreviewRecordRequest")
        await self.until(lambda: agents[1].heard("GSW_ERROR"))
        self.clock.pump([1.0] * 70)
        await self.state("loaded")
        self.clock.pump([0.5] * 10)
        await self.until(lambda: self.ocs()["accepted"].get("unload"))
        self.clock.pump([0.5] * 10)
        await self.state("unloaded")
        self.clock.pump([0.5] * 6)
        await self.until(lambda: "CampaignUnloaded" in agents[1].heard())
        assert agents[1].data[-1]["Customer"] == NAME
        console.close()

        body, _ = exposition(registry(self.proxy.status.metrics), "")
        shown = json.dumps([self.proxy.status.groups(), self.proxy.status.timeline(), self.proxy.status.health()])
        written = "\n".join(filter(None, map(eventAsText, self.events))) + shown + body.decode()
        assert len(self.flushLoggedErrors(KeyError)) >= 1
        phones = self.phones(agents)
        assert len(phones) >= 4
        for private in (*phones, NAME, ADDED, "Buchenfels", "15550100"):
            assert private not in written
        for known in ("Sales@Agents", "Stop sent", "control session", "a mistake of ours"):
            assert known in written
