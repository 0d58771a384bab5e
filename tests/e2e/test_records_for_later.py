"""Agents hear that there are no records, and three are for later: no message tells, the list's table does."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

from proxy.witness.calling_list import calling_list
from tests.e2e.stage import Client, Stage
from tests.witness.postgresql import PostgreSQL, postgresql

WITNESS = """
[witness calling-list Customers]
url = {url}
table = {table}
group = Sales@Agents
"""

NAME = "calling-list Customers"
LATER = 4000
"""When three of the four records may be called."""

COPIED = ("record_id", "chain_id", "record_type", "record_status", "dial_sched_time")


class Play(Stage):
    """A list of four records, an agent, and a witness that asks the list's table in threads of its own."""

    async def play(self, url: str | None = None, table: str = "Customers") -> Client:
        """The one record that may be called now is done, and the agent heard that there are no more."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        file = Path(folder.name, "lists.db")
        self.patch(calling_list, "wall", lambda: self.clock.seconds())
        self.file = sqlite3.connect(file, isolation_level=None)
        self.addCleanup(self.file.close)
        more = WITNESS.format(url=url or f"sqlite:///{file}", table=table)
        await self.raise_curtain(f"4\nfile = {file}", more=more)
        self.witness = self.proxy.witnesses[0]
        self.file.execute(f"UPDATE Customers SET dial_sched_time = {LATER} WHERE record_id > 1")
        anna = await self.client("3001")
        await self.start_group()
        await self.until(lambda: "CampaignStarted" in anna.heard())
        await self.finish_records(anna, 1)
        await self.hears_no_records(anna)
        return anna

    async def hears_no_records(self, agent: Client) -> None:
        """The agent asks for a record in vain."""
        before = len(agent.heard("GSW_ERROR"))
        agent.ask("PreviewRecordRequest")
        await self.until(lambda: len(agent.heard("GSW_ERROR")) > before)
        await self.until(lambda: self.group()["exhausted"])

    def copy(self) -> None:
        """The table that is asked is the simulator's own."""

    async def looks_on(self, seconds: int) -> None:
        """Time passes; whenever the table is asked, the answer is waited for."""
        for _ in range(seconds // 5):
            self.copy()
            await self.passes(5)

    def is_idle(self) -> bool:
        """Whether the witness has asked all it wanted to know."""
        counts = self.witness.counts
        return counts["asked"] == counts["answered"] + counts["failed"]

    def runs_on(self, why: str) -> None:
        """Nothing was stopped, and the status says why."""
        self.assertEqual(self.group()["waiting_for"], why)
        self.assertEqual(self.group()["state"], "running")
        self.assertEqual(self.proxy.board.sent["stop"], 0)

    async def later(self, anna: Client) -> None:
        """The three are held for, until they are called and done."""
        await self.looks_on(3000)
        self.runs_on(f"3 records scheduled for later ({NAME})")
        await self.looks_on(LATER - int(self.clock.seconds()) + 40)
        self.assertIn(self.group()["waiting_for"], (f"3 records ready ({NAME})", "no more records"))
        await self.finish_records(anna, 3)
        await self.hears_no_records(anna)
        self.assertEqual(self.ocs()["left"], 0)

    async def is_completed(self) -> None:
        """Asked once more, then stopped, and unloaded."""
        for _ in range(20):
            if not self.proxy.board.sent["stop"]:
                await self.looks_on(5)
        self.assertEqual(self.proxy.board.sent["stop"], 1)
        await self.in_time(lambda: self.group()["state"] == "unloaded")
        self.assertEqual(self.group()["completions"], 1)


class TestInSqlite(Play):
    """The simulator's own file."""

    async def test_completed_when_they_are_done(self) -> None:
        """Not while three records are for later; when they are done it is, after a last look at the table."""
        anna = await self.play()
        await self.later(anna)
        await self.looks_on(30)
        self.assertEqual(self.proxy.board.sent["stop"], 0)
        await self.is_completed()

    async def test_a_record_comes_in_at_the_last_moment(self) -> None:
        """Between two looks at the table a record is appended: the last look before the Stop finds it."""
        anna = await self.play()
        await self.later(anna)
        await self.looks_on(30)
        await self.passes(28 - self.clock.seconds() % 30)
        self.file.execute("INSERT INTO Customers (contact_info, chain_id, daily_from) VALUES ('5', 9, 86399)")
        await self.looks_on(300)
        self.runs_on(f"1 record ready ({NAME})")


class TestInPostgreSQL(Play):
    """A real server; what the simulator has in its file is copied to a table there."""

    def setUp(self) -> None:
        self.server: PostgreSQL = postgresql()
        self.copied: list[tuple] = []
        columns = ", ".join(f"{name} integer" for name in COPIED)
        self.server.do("DROP SCHEMA public CASCADE", "CREATE SCHEMA public", f"CREATE TABLE customers ({columns})")

    def copy(self) -> None:
        rows = self.file.execute(f"SELECT {', '.join(COPIED)} FROM Customers").fetchall()
        if rows == self.copied:
            return
        self.copied = rows
        values = ", ".join(
            f"({', '.join('NULL' if value is None else str(int(value)) for value in row)})" for row in rows
        )
        self.server.do(f"BEGIN; DELETE FROM customers; INSERT INTO customers VALUES {values}; COMMIT")

    async def test_stopped_in_between(self) -> None:
        """While PostgreSQL is away nothing is completed, and it is said why; when it is back, the group is."""
        anna = await self.play(self.server.url, "customers")
        await self.later(anna)
        await self.looks_on(30)
        self.server.stop()
        self.addCleanup(lambda: self.server.is_running or self.server.start())
        await self.looks_on(2000)
        self.runs_on(f"witness {NAME}, which is lost")
        [reason] = self.proxy.status.health()
        self.assertIn(f"witness {NAME}: does not count: connection", reason)
        self.server.start()
        await self.looks_on(30)
        self.assertEqual(self.proxy.status.health(), [])
        await self.is_completed()
