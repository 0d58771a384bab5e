"""What a proxy saw live, and what a replay of the logs of that day says: the same."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from proxy.config import Config
from proxy.replay.command import replay
from proxy.replay.report import COUNTERS
from tests.e2e.stage import Client, Stage

RECORDS = 12

SAME = (*COUNTERS, "armed", "state", "exhausted", "dbid", "name")


class TestReplayOfADay(Stage):
    """A group of twelve records, played over real sockets in a time of the play's own."""

    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.trace = Path(folder.name, "trace.log")
        self.tserver_log = Path(folder.name, "tserver.log")
        self.ocs_log = Path(folder.name, "ocs.log")

    async def play(self, by: str, ocs: str = "notify_agents = yes") -> Client:
        """A day's work: records processed, one rejected and delivered again, and agents who hear there are no more."""
        await self.raise_curtain(
            RECORDS,
            f"log = {self.ocs_log}\n{ocs}",
            more=f"by = {by}",
            tserver=f"log = {self.tserver_log}",
            tevents=f"trace = {self.trace}",
        )
        await self.passes(36000)
        agents = [await self.client(dn) for dn in ("3001", "3002")]
        console = await self.start_group()
        for agent in agents:
            await self.until(lambda: "CampaignStarted" in agent.heard())  # noqa: B023
        await self.passes(30)
        await self.finish_records(agents[0], 5)
        await self.passes(45)
        await self.reject(agents[1])
        await self.passes(20)
        await self.finish_records(agents[1], RECORDS - 6)
        await self.finish_records(agents[0], 1)
        await self.passes(100)
        agents[0].ask("PreviewRecordRequest")
        await self.until(lambda: self.group()["exhausted"])
        await self.passes(59)
        return console

    async def reject(self, agent: Client) -> None:
        """The agent takes a record and gives it back."""
        agent.ask("PreviewRecordRequest")
        await self.until(lambda: "PreviewRecord" in agent.heard())
        record = [data for data in agent.data if data.get("GSW_USER_EVENT") == "PreviewRecord"][-1]
        agent.ask(
            "RecordReject",
            GSW_RECORD_HANDLE=record["GSW_RECORD_HANDLE"],
            GSW_CALLING_LIST=record["GSW_CALLING_LIST"],
        )
        await self.until(lambda: self.group()["returned"] == 1)

    def config(self) -> Config:
        """The conf file of the proxy."""
        return self.proxy.config

    def compare(self, paths: list[Path], live: dict[str, Any]) -> dict[str, Any]:
        """A replay has the same counters; its report on the group."""
        report = replay([str(path) for path in paths], self.config())
        self.assertEqual(report.totals.not_understood, 0)
        (group,) = report.json()["groups"]
        self.assertEqual({key: group["status"][key] for key in SAME}, {key: live[key] for key in SAME})
        return group

    def announced(self, *but: str) -> list[tuple[float, str]]:
        """The time line of the live proxy."""
        return [(each["time"], each["news"]) for each in self.proxy.board.timeline if each["news"] not in but]

    async def test_what_a_proxy_would_have_done(self) -> None:
        """by = nobody: trace, and T-Server's log, give the same counters, time line and completion as were live."""
        console = await self.play("nobody")
        await self.passes(2, 0.25)
        await self.passes(3600)
        await self.control(console, 10)
        await self.state("loaded")
        live = self.group()
        for paths in ([self.trace], [self.tserver_log]):
            group = self.compare(paths, live)
            said = [(round(each["time"], 3), each["news"]) for each in group["timeline"]]
            self.assertEqual(said, [(round(when, 3), news) for when, news in self.announced()])
        self.clients[0].close()
        await self.until(lambda: len(self.proxy.channels[0].relay.sessions) == 2)
        self.assertIn("session 1 ended", self.trace.read_text())

    async def test_what_a_proxy_did(self) -> None:
        """by = proxy: the trace says when Stop was sent, and has the counters of the end."""
        await self.play("proxy")
        await self.passes(1)
        stopped = self.clock.seconds()
        await self.until(lambda: self.group()["state"] in ("loaded", "unloading"))
        await self.passes(2.1)
        await self.until(lambda: self.proxy.board.sent["unload"])
        await self.until(lambda: self.ocs()["accepted"].get("unload"))
        await self.passes(2, 0.5)
        await self.state("unloaded")
        live = self.group()
        group = self.compare([self.trace], live)
        (session,) = group["sessions"]
        (would,) = session["would_complete"]
        self.assertEqual((would["time"], would["rule"], would["ended_by"]), (stopped, "B", "stopped"))

    async def test_with_ocs_log_there_is_rule_a(self) -> None:
        """What OCS's log says of retrievals counts, too: no agent has to be told that there are no records."""
        await self.play("nobody")
        report = replay([str(self.ocs_log), str(self.tserver_log)], self.proxy.config)
        (group,) = report.json()["groups"]
        (session,) = group["sessions"]
        self.assertEqual((session["retrieved"], session["finalized"]), (RECORDS, RECORDS))
        (would,) = session["would_complete"]
        finished = 36000 + 30 + 45 + 20
        self.assertEqual(would["time"], finished + 60)
