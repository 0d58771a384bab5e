"""Rule A alone: nobody says that there are no more records; OCS's log tells how many were retrieved."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.internet.defer import maybeDeferred

from proxy.witness import ocs_log
from tests.e2e.stage import Client, Stage

RETRIEVAL = 300
"""Seconds that the database takes for a request: so the one that would bring nothing has no time to do so."""


class TestRuleA(Stage):
    """A list of 40 records, which come in batches of 25 and 15, and two agents, over real sockets."""

    async def play(self, more: str = "") -> Client:
        """OCS has started the group, and has asked the database for the first batch."""
        self.patch(ocs_log, "deferToThread", maybeDeferred)
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.log = Path(folder.name, "ocs.log")
        await self.raise_curtain(
            40,
            f"log = {self.log}\nretrieval_time = {RETRIEVAL}\nstatistics_interval = 0",
            more=f"campaign_id = 101\ngroup_id = 732\n[witness ocs-log]\nfile = {self.log}\n{more}",
            batch="25\nminimum = 1",
        )
        self.witness = self.proxy.witnesses[0]
        self.agents = [await self.client(dn) for dn in ("3001", "3002")]
        console = await self.start_group()
        for agent in self.agents:
            await self.until(lambda: "CampaignStarted" in agent.heard())  # noqa: B023
        await self.reads_on(2)
        self.assertIsNone(self.witness.problem)
        self.assertIsNone(self.group()["retrieved"])
        return console

    async def reads_on(self, seconds: int) -> None:
        """Time passes, second by second: the log is read on."""
        await self.passes(seconds, 1)

    async def finish(self, number: int) -> None:
        """The agents share that many records."""
        for done in range(number):
            await self.finish_records(self.agents[done % 2], 1)

    def runs_on(self, why: str) -> None:
        """Nothing is completed, and the status says why."""
        self.assertEqual(self.group()["state"], "running")
        self.assertEqual(self.proxy.board.sent["stop"], 0)
        self.assertEqual(self.group()["waiting_for"], why)

    async def all_finalized(self) -> None:
        """Both batches were retrieved, and every record is finalized; between the two, nothing is completed."""
        await self.reads_on(RETRIEVAL)
        self.assertEqual(self.group()["retrieved"], 25)
        await self.finish(25)
        await self.reads_on(RETRIEVAL - 10)
        self.runs_on("no more records")
        await self.reads_on(12)
        self.assertEqual(self.group()["retrieved"], 40)
        await self.finish(15)
        self.assertEqual((self.group()["retrieved"], self.group()["finalized"]), (40, 40))

    async def test_completed_when_all_that_was_retrieved_is_finalized(self) -> None:
        """40 retrieved in two batches, 40 finalized: completed by rule A, while OCS asks the database once more."""
        await self.play()
        await self.all_finalized()
        self.assertFalse(self.group()["exhausted"])
        await self.reads_on(58)
        self.assertEqual(self.proxy.board.sent["stop"], 0)
        await self.reads_on(3)
        self.assertEqual(self.proxy.board.sent["stop"], 1)
        await self.in_time(lambda: self.group()["state"] == "unloaded")
        self.assertEqual(self.group()["completions"], 1)
        self.assertFalse(self.group()["exhausted"])
        self.assertEqual(self.ocs()["left"], 0)
        self.assertEqual(self.ocs()["empty_retrievals"], 0)
        sent = next(each for each in self.proxy.board.timeline if each["news"] == "Stop sent")
        self.assertEqual(sent["text"], "rule A")

    async def test_a_log_that_is_renamed_away(self) -> None:
        """Nothing is completed, and the status says why; not either when it is back: what came meanwhile is unknown."""
        await self.play()
        await self.all_finalized()
        elsewhere = self.log.rename(self.log.with_name(self.log.name + ".elsewhere"))
        await self.reads_on(200)
        self.runs_on("no more records (lost: ocs-log)")
        self.assertIsNone(self.group()["retrieved"])
        self.assertIn("witness ocs-log: does not count: is not there", self.proxy.status.health())
        elsewhere.rename(self.log)
        await self.reads_on(90)
        self.assertEqual([reason for reason in self.proxy.status.health() if "witness" in reason], [])
        self.runs_on("no more records")

    async def test_a_copy_of_the_log_that_is_truncated(self) -> None:
        """Lines may be missing after it: what was retrieved is unknown until the group is loaded again."""
        await self.play()
        await self.reads_on(RETRIEVAL)
        await self.finish(25)
        self.log.write_bytes(b"")
        await self.reads_on(RETRIEVAL + 2)
        await self.finish(15)
        await self.reads_on(200)
        self.assertIsNone(self.group()["retrieved"])
        self.runs_on("no more records")

    async def test_what_it_counts_is_in_the_metrics(self) -> None:
        """Lines read and not understood, and whether it counts."""
        await self.play()
        values = {metric.name: metric.values for metric in self.proxy.status.metrics()}
        self.assertEqual(values["tevent_proxy_witness_counts"], {("ocs-log",): True})
        self.assertGreater(values["tevent_proxy_witnessed"]["ocs-log", "lines"], 0)
        self.assertEqual(values["tevent_proxy_witnessed"]["ocs-log", "lines_not_understood"], 0)

        stopped = self.proxy.stopService()
        self.proxy.hurry()
        await stopped
        read = dict(self.witness.counts)
        with self.log.open("a") as file:
            file.write("one more\n")
        await self.reads_on(5)
        self.assertEqual(self.witness.counts, read)
