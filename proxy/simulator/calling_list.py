"""Calling lists: tables of SQLite with the standard columns, out of which OCS retrieves records in batches.

A record goes from Ready (1) to Retrieved (2) when OCS takes it, then to Updated (3) when it is final, or back to
Ready with a time at which it may be called again. Times are seconds since the epoch.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from proxy.simulator.vocabulary import CallResult, RecordStatus, RecordType

COLUMNS = {
    "record_id": "INTEGER PRIMARY KEY",
    "contact_info": "TEXT NOT NULL",
    "contact_info_type": "INTEGER NOT NULL DEFAULT 1",
    "record_type": "INTEGER NOT NULL DEFAULT 2",
    "record_status": "INTEGER NOT NULL DEFAULT 1",
    "call_result": "INTEGER NOT NULL DEFAULT 28",
    "attempt": "INTEGER NOT NULL DEFAULT 0",
    "dial_sched_time": "NUMERIC",
    "call_time": "NUMERIC",
    "daily_from": "INTEGER NOT NULL DEFAULT 0",
    "daily_till": "INTEGER NOT NULL DEFAULT 86400",
    "tz_dbid": "INTEGER NOT NULL DEFAULT 0",
    "campaign_id": "INTEGER NOT NULL DEFAULT 0",
    "agent_id": "TEXT NOT NULL DEFAULT ''",
    "chain_id": "INTEGER NOT NULL",
    "chain_n": "INTEGER NOT NULL DEFAULT 0",
    "group_id": "INTEGER NOT NULL DEFAULT 0",
    "app_id": "INTEGER NOT NULL DEFAULT 0",
    "treatments": "TEXT",
    "media_ref": "INTEGER NOT NULL DEFAULT 0",
    "email_subject": "TEXT",
    "email_template_id": "INTEGER NOT NULL DEFAULT 0",
    "switch_id": "INTEGER NOT NULL DEFAULT 0",
}
"""The standard columns (D)."""

RETRIEVED_TYPES = (
    RecordType.PERSONAL_CALLBACK,
    RecordType.CAMPAIGN_CALLBACK,
    RecordType.CAMPAIGN_RESCHEDULED,
    RecordType.GENERAL,
)
"""A retrieval runs per record type, in this order: what was promised goes before what is fresh."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The campaign group on whose behalf records are taken: DBIDs of the campaign and of the agent group."""

    campaign_id: int
    group_id: int


@dataclass(frozen=True, slots=True)
class Record:
    """A row as OCS holds it. `agent` is the DN a personal callback is for, else empty."""

    record_id: int
    chain_id: int
    phone: str
    type: RecordType
    attempt: int
    agent: str


@dataclass(frozen=True, slots=True)
class Census:
    """How many records of a list there are, and in which state; `left` are those that are not final."""

    total: int
    ready: int
    retrieved: int
    stale: int
    by_status: dict[int, int]

    @property
    def left(self) -> int:
        """Records that are not final: Ready, Retrieved or Stale."""
        return self.ready + self.retrieved + self.stale

    @property
    def final(self) -> int:
        """Records nobody will call again."""
        return self.total - self.left


class CallingList:
    """One calling list. `dbid` and `name` are those of its configuration, `table` stands in `database`.

    The table is made where it does not exist, and filled with `generate` chains where it is empty.
    """

    def __init__(
        self, name: str, dbid: int, database: sqlite3.Connection, table: str, generate: int = 0, phones: int = 1
    ) -> None:
        self.name = name
        self.dbid = dbid
        self._database = database
        self._table = _quoted(table)
        self._prepare(table)
        if generate and not self.census().total:
            self._generate(generate, phones)

    def _prepare(self, table: str) -> None:
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        self._database.execute(f"CREATE TABLE IF NOT EXISTS {self._table} ({columns})")
        for column in ("chain_id", "record_status"):
            index = _quoted(f"{table}_{column}")
            self._database.execute(f"CREATE INDEX IF NOT EXISTS {index} ON {self._table} ({column})")

    def _generate(self, chains: int, phones: int) -> None:
        rows = [
            (f"{5550000000 + chain * 10 + n}", chain, n, 1 if n == 0 else 2)
            for chain in range(1, chains + 1)
            for n in range(phones)
        ]
        self._database.execute("BEGIN IMMEDIATE")
        if self.census().total:  # the other one of a pair was faster
            rows = []
        self._database.executemany(
            f"INSERT INTO {self._table} (contact_info, chain_id, chain_n, contact_info_type) VALUES (?, ?, ?, ?)", rows
        )
        self._database.execute("COMMIT")

    def retrieve(self, owner: Owner, type: RecordType, limit: int, now: float) -> list[Record]:
        """Take up to `limit` records of one type that may be called now: Ready becomes Retrieved.

        Of a chain only the first number that is not final, and only while no other number of it is out.
        Records that wait for a time are taken by the group that scheduled them.
        """
        rows = self._database.execute(
            f"""SELECT record_id, chain_id, contact_info, record_type, attempt, agent_id FROM {self._table} AS r
                WHERE record_status = ? AND record_type = ? AND (dial_sched_time IS NULL OR dial_sched_time <= ?)
                AND daily_from <= ? AND daily_till > ?
                AND (record_type = ? OR (campaign_id = ? AND group_id = ?))
                AND NOT EXISTS (SELECT 1 FROM {self._table} AS s WHERE s.chain_id = r.chain_id
                    AND (s.record_status = ? OR (s.record_status = ? AND s.chain_n < r.chain_n)))
                ORDER BY dial_sched_time, record_id LIMIT ?""",
            (
                *(RecordStatus.READY, type, now, now % 86400, now % 86400),
                *(RecordType.GENERAL, owner.campaign_id, owner.group_id),
                *(RecordStatus.RETRIEVED, RecordStatus.READY, limit),
            ),
        ).fetchall()
        self._database.executemany(
            f"UPDATE {self._table} SET record_status = ?, campaign_id = ?, group_id = ? WHERE record_id = ?",
            [(RecordStatus.RETRIEVED, owner.campaign_id, owner.group_id, row[0]) for row in rows],
        )
        return [Record(row[0], row[1], row[2], RecordType(row[3]), row[4], row[5]) for row in rows]

    def finalize(self, record: Record, status: RecordStatus, result: int, attempt: int, now: float) -> None:
        """A record is final (or stale): nobody will call it again."""
        self._update(record.record_id, status, record.type, result, attempt, None, "", now)

    def finalize_siblings(self, record: Record) -> None:
        """The customer was reached: the other numbers of the chain need no call."""
        self._database.execute(
            f"UPDATE {self._table} SET record_status = ? WHERE chain_id = ? AND record_id != ? AND record_status = ?",
            (RecordStatus.UPDATED, record.chain_id, record.record_id, RecordStatus.READY),
        )

    def forbid(self, record: Record, attempt: int, now: float) -> None:
        """Do not call: the record is final and becomes one of type NoCall."""
        self._update(
            record.record_id,
            RecordStatus.UPDATED,
            RecordType.NO_CALL,
            CallResult.DO_NOT_CALL,
            attempt,
            None,
            "",
            now,
        )

    def schedule(
        self, record: Record, type: RecordType, when: float, agent: str, result: int, attempt: int, now: float
    ) -> None:
        """A record is back in the list, to be called again at `when`."""
        self._update(record.record_id, RecordStatus.READY, type, result, attempt, when, agent, now)

    def give_back(self, record: Record) -> None:
        """A record that was taken and not called is Ready again, as it was."""
        self._database.execute(
            f"UPDATE {self._table} SET record_status = ? WHERE record_id = ?", (RecordStatus.READY, record.record_id)
        )

    def recover(self, owner: Owner) -> None:
        """What a group had taken before OCS was ended is Ready again."""
        self._database.execute(
            f"UPDATE {self._table} SET record_status = ? WHERE record_status = ? AND campaign_id = ? AND group_id = ?",
            (RecordStatus.READY, RecordStatus.RETRIEVED, owner.campaign_id, owner.group_id),
        )

    def taken(self, owner: Owner) -> dict[int, Record]:
        """The records that a group has taken, by their ids."""
        rows = self._database.execute(
            f"""SELECT record_id, chain_id, contact_info, record_type, attempt, agent_id FROM {self._table}
                WHERE record_status = ? AND campaign_id = ? AND group_id = ?""",
            (RecordStatus.RETRIEVED, owner.campaign_id, owner.group_id),
        )
        return {row[0]: Record(row[0], row[1], row[2], RecordType(row[3]), row[4], row[5]) for row in rows}

    def add(self, phone: str) -> int:
        """A new record, Ready at once; returns its chain."""
        (chain,) = self._database.execute(f"SELECT COALESCE(MAX(chain_id), 0) + 1 FROM {self._table}").fetchone()
        self._database.execute(f"INSERT INTO {self._table} (contact_info, chain_id) VALUES (?, ?)", (phone, chain))
        return int(chain)

    def ready_with_phone(self, phone: str) -> list[Record]:
        """The records with a phone number that are Ready, whenever they may be called."""
        rows = self._database.execute(
            f"""SELECT record_id, chain_id, contact_info, record_type, attempt, agent_id FROM {self._table}
                WHERE contact_info = ? AND record_status = ?""",
            (phone, RecordStatus.READY),
        ).fetchall()
        return [Record(row[0], row[1], row[2], RecordType(row[3]), row[4], row[5]) for row in rows]

    def chain_is_final(self, chain: int) -> bool:
        """Whether no number of a chain will be called again."""
        row = self._database.execute(
            f"SELECT 1 FROM {self._table} WHERE chain_id = ? AND record_status IN (?, ?, ?) LIMIT 1",
            (chain, RecordStatus.READY, RecordStatus.RETRIEVED, RecordStatus.STALE),
        ).fetchone()
        return row is None

    def waiting(self, owner: Owner) -> int:
        """How many Ready records OCS will still call for a group: fresh ones, retries and callbacks."""
        (count,) = self._database.execute(
            f"""SELECT COUNT(*) FROM {self._table} WHERE record_status = ?
                AND (record_type = ? OR (campaign_id = ? AND group_id = ?))""",
            (RecordStatus.READY, RecordType.GENERAL, owner.campaign_id, owner.group_id),
        ).fetchone()
        return int(count)

    def census(self) -> Census:
        """The numbers of the list as they are now."""
        by_status = {
            int(status): int(count)
            for status, count in self._database.execute(
                f"SELECT record_status, COUNT(*) FROM {self._table} GROUP BY record_status ORDER BY record_status"
            )
        }
        return Census(
            total=sum(by_status.values()),
            ready=by_status.get(RecordStatus.READY, 0),
            retrieved=by_status.get(RecordStatus.RETRIEVED, 0),
            stale=by_status.get(RecordStatus.STALE, 0),
            by_status=by_status,
        )

    def _update(
        self,
        record_id: int,
        status: RecordStatus,
        type: RecordType,
        result: int,
        attempt: int,
        when: float | None,
        agent: str,
        now: float,
    ) -> None:
        self._database.execute(
            f"""UPDATE {self._table} SET record_status = ?, record_type = ?, call_result = ?, attempt = ?,
                dial_sched_time = ?, agent_id = ?, call_time = ? WHERE record_id = ?""",
            (status, type, result, attempt, when, agent, now, record_id),
        )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def left_in(lists: Iterable[CallingList]) -> int:
    """How many records of all these lists are not final."""
    return sum(calling_list.census().left for calling_list in lists)


def open_database(path: str) -> sqlite3.Connection:
    """The database file of calling lists (`:memory:` for none). Raises sqlite3.Error where it cannot be opened."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA synchronous = OFF")
    return database
