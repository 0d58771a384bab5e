"""The preview trap: a desktop sees one record at a time, and "delivered 1, finalized 1" says nothing."""

from __future__ import annotations

from tests.e2e.stage import Client, Stage

RECORDS = 500


class TestPreviewTrap(Stage):
    """A list of 500 records, three agents, over real sockets."""

    async def play(self, ocs: str) -> None:
        await self.raise_curtain(RECORDS, ocs)
        agents = [await self.client(dn) for dn in ("3001", "3002", "3003")]
        console = await self.start_group()
        for agent in agents:
            await self.until(lambda: "CampaignStarted" in agent.heard())  # noqa: B023

        await self.finish_records(agents[0], 1)
        await self.runs_on()
        await self.finish_records(agents[1], 9)
        await self.runs_on()
        for done in range(10, RECORDS):
            await self.finish_records(agents[done % 3], 1)
        self.assertEqual(self.ocs()["left"], 0)
        await self.runs_on()

        agents[0].ask("PreviewRecordRequest")
        await self.until(lambda: agents[0].heard("GSW_ERROR"))
        await self.until(lambda: self.group()["exhausted"])
        await self.passes(59)
        self.assertEqual(self.proxy.board.sent["stop"], 0)
        await self.passes(2)
        self.assertEqual(self.proxy.board.sent["stop"], 1)
        await self.until(lambda: self.happened("stopped"))
        await self.told(agents, "CampaignStopped")
        self.assertEqual(self.proxy.board.sent["unload"], 1)
        await self.until(lambda: self.ocs()["accepted"].get("unload"))
        await self.passes(2, 0.5)  # OCS takes its time
        await self.until(lambda: self.happened("completed"))
        await self.told(agents, "CampaignUnloaded")
        await self.passes(3600)

        for agent in agents:
            words = [word for word in agent.heard() if word.startswith("Campaign")]
            self.assertEqual(words, ["CampaignLoaded", "CampaignStarted", "CampaignStopped", "CampaignUnloaded"])
        accepted = self.ocs()["accepted"]
        self.assertEqual((accepted["stop"], accepted["unload"]), (1, 1))
        self.assertEqual(self.group()["completions"], 1)
        self.assertEqual([each["what"] for each in self.ocs()["life"]], ["loaded", "started", "stopped", "unloaded"])
        sent = [
            each["news"]
            for each in self.proxy.board.timeline
            if each["news"] in ("Stop sent", "stopped", "Unload sent")
        ]
        self.assertEqual(sent, ["Stop sent", "stopped", "Unload sent"])
        self.assertIn(20, console.heard("GSW_CM_MessageType"))

    async def runs_on(self) -> None:
        """However much time passes, nothing is stopped."""
        await self.passes(3000)
        self.assertEqual(self.group()["state"], "running")
        self.assertEqual(self.proxy.board.sent["stop"], 0)

    def happened(self, news: str) -> bool:
        """Whether the time line has it."""
        return any(each["news"] == news for each in self.proxy.board.timeline)

    async def told(self, agents: list[Client], word: str) -> None:
        """Every agent hears the word, from OCS, or from the proxy once notify_wait is over."""
        await self.passes(2.1)
        await self.until(lambda: all(word in agent.heard() for agent in agents))

    async def test_an_ocs_that_tells_nobody(self) -> None:
        """Stopped only after the 500th record, once; each agent hears it from the proxy, exactly once."""
        await self.play("notify_agents = no\nacks = bare")

    async def test_an_ocs_that_tells_everybody(self) -> None:
        """Each agent hears it exactly once, also when OCS says so itself."""
        await self.play("notify_agents = yes\nacks = full")

    async def test_an_ocs_that_tells_half(self) -> None:
        """Each agent hears both words, in order, when OCS tells only that the group was unloaded."""
        await self.play("notify_agents = unloaded\nacks = full\ngroup_keys = no")
