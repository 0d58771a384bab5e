"""What a proxy saw live over two protocols, and what a replay of its traces says: the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from proxy.replay.command import replay
from proxy.replay.report import COUNTERS
from proxy.simulator.operator import DirectOperator, Order
from tests.e2e.stage import Stage, StageReactor

RECORDS = 6

SAME = (*COUNTERS, "armed", "state", "exhausted", "dbid", "name", "campaign_id", "group_id")

DIRECT = """
campaign_id = 101
group_id = 732
control = direct
{group}
[direct]
listen = tcp:0:interface=127.0.0.1
upstream = tcp:127.0.0.1:DIRECT_PORT
trace = {trace}
"""

DOOR = "listen = tcp:0:interface=127.0.0.1\nlog = {log}\n"


class TestReplayOfBothTraces(Stage):
    """A campaign manager with a connection for each command, and agents at desktops."""

    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tevents = Path(folder.name, "tevents.log")
        self.direct = Path(folder.name, "direct.log")
        self.ocs_log = Path(folder.name, "ocs.log")

    async def order(self, request: str, **more: object) -> None:
        """One command, through the proxy, over a connection of its own."""
        port = self.proxy.channels[1].relay.ports[0].getHost().port
        order = Order(request, campaign_id=101, group_id=732, **more)  # type: ignore[arg-type]
        await DirectOperator(order, StageReactor(self.clock)).connect(f"tcp:127.0.0.1:{port}")  # type: ignore[arg-type]

    async def little(self, holds: Callable[[], object]) -> None:
        """Let time pass, in steps that add up exactly, until something holds. It need not within an hour."""
        for _ in range(8 * 3600):
            await self.quiet()
            if holds():
                return
            self.clock.advance(0.125)
        self.fail(f"it never came: {self.group()}")

    async def play(self, group: str) -> None:
        """Loaded, started and disarmed and armed again over the direct protocol; the records done at desktops."""
        await self.raise_curtain(
            RECORDS,
            DOOR.format(log=self.ocs_log),
            more=DIRECT.format(trace=self.direct, group=group),
            tevents=f"trace = {self.tevents}",
        )
        await self.until(lambda: self.proxy.channels[1].control.registered)
        await self.passes(36000)
        agents = [await self.client(dn) for dn in ("3001", "3002")]
        await self.order("load", reference=10, auto_completion=1)
        await self.little(lambda: self.group()["state"] == "loaded")
        await self.order("start", reference=11, auto_completion=1)
        await self.little(lambda: self.group()["state"] == "running")
        await self.until(lambda: all("CampaignStarted" in agent.heard() for agent in agents))
        await self.passes(5)  # two files are merged by their times
        await self.finish_records(agents[0], 4)
        await self.finish_records(agents[1], 2)
        agents[0].ask("PreviewRecordRequest")
        await self.until(lambda: agents[0].heard("GSW_ERROR"))
        await self.until(lambda: self.group()["exhausted"])

    def compare(self, *paths: Path) -> dict[str, Any]:
        """A replay has the same counters; its report on the group."""
        report = replay([str(path) for path in paths], self.proxy.config)
        self.assertEqual((report.totals.not_understood, report.left_out), (0, 0))
        (group,) = report.json()["groups"]
        live = self.group()
        self.assertEqual({key: group["status"][key] for key in SAME}, {key: live[key] for key in SAME})
        return group

    async def test_what_a_proxy_would_have_done(self) -> None:
        """by = nobody: the traces give the same counters, time line and completion as were live."""
        await self.play("by = nobody")
        await self.little(lambda: self.clock.seconds() > 36100)
        await self.passes(3600)
        await self.order("stop", reference=12)
        await self.little(lambda: self.group()["state"] == "loaded")
        group = self.compare(self.tevents, self.direct)
        said = self.announced(group["timeline"])
        self.assertEqual(said, self.announced(self.proxy.board.timeline))
        self.assertIn("would have been completed", [news for _, news in said])

    def announced(self, timeline: Iterable[dict[str, Any]]) -> list[tuple[float, str]]:
        """What a time line says; not whether evidence was gone when the group was stopped, or went with its run.

        OCS says so over both protocols in one moment, and then either may be first: live, and in two files that are
        merged by their times.
        """
        said = [(round(each["time"], 3), each["news"]) for each in timeline]
        ((stopped, _),) = (each for each in said if each[1] == "stopped")
        return [each for each in said if each != (stopped, "evidence taken back")]

    async def test_what_a_proxy_did(self) -> None:
        """by = proxy, over the direct protocol: the traces have the counters of the end, and when Stop was sent."""
        await self.play("attribute = add")
        await self.little(lambda: self.group()["completions"])
        (session,) = self.compare(self.tevents, self.direct)["sessions"]
        (would,) = session["would_complete"]
        (stop,) = [each["time"] for each in self.proxy.board.timeline if each["news"] == "Stop sent"]
        self.assertEqual((would["time"], would["rule"], would["ended_by"]), (stop, "B", "stopped"))

    async def test_one_file_for_both(self) -> None:
        """Both channels name the same file: it is written and read as one."""
        self.direct = self.tevents
        await self.play("by = nobody")
        self.compare(self.tevents)
        text = self.tevents.read_text()
        self.assertIn("direct control session registered", text)
        self.assertIn("\nGSW_CM_MessageType              7 [GSW_CM_ReqLoadCampaign]\n", text)
        self.assertIn("(proxy session) message EventUserEvent", text)
