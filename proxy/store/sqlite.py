"""Groups in a SQLite file: read as a whole at the start, then written change by change, by one thread.

WAL: a commit survives the death of the process at any moment; a durable one (synchronous = FULL) that of the system.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterable

from twisted.logger import Logger

from proxy.campaign.kept import Changes
from proxy.store import schema, text
from proxy.store.unusable import Unusable

BUSY = 5.0
"""For how many seconds a lock of somebody who reads the file is waited for."""

PARTS = ("", "-wal", "-shm")
"""What a SQLite file consists of, by the ends of the names."""

SET_ASIDE = "tevent-proxy run --forget sets it aside"


_log = Logger()


class SqliteFile:
    """The file at `path`, from `open` to `close`. While it is open no other proxy can open it.

    Changes that could not be written are owed, and written before later ones: what is there is always a state that was.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock: int | None = None
        self._connection: sqlite3.Connection | None = None
        self._owed = Changes()

    # -------------------------------------------------------------------------------------------------- at the start

    def open(self, forget: bool = False) -> Changes:
        """All that is kept. Raises Unusable.

        `forget`: set the file aside under another name before, and begin with an empty one.
        """
        try:
            self._take_lock()
            if forget:
                self._set_aside()
            return self._opened()
        except Unusable:
            self.close()
            raise

    def _take_lock(self) -> None:
        """WAL alone would let a second proxy in. By whatever name it goes, a file has one lock."""
        path = f"{os.path.realpath(self.path)}.lock"
        try:
            self._lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unusable(f"{self.path}: another proxy has it ({path} is locked)") from None
        except OSError as problem:
            raise Unusable(f"{path}: {problem.strerror}") from problem

    def _set_aside(self) -> None:
        aside = f"{self.path}.{time.strftime('%Y%m%dT%H%M%S')}"
        while os.path.exists(aside):
            aside += "-"
        try:
            for part in PARTS:
                if os.path.exists(self.path + part):
                    os.rename(self.path + part, aside + part)
                    _log.info("store: {path} was set aside as {aside}", path=self.path + part, aside=aside + part)
        except OSError as problem:
            raise Unusable(f"{self.path}: cannot be set aside: {problem.strerror}") from problem

    def _opened(self) -> Changes:
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # phones are personal data
            self._connection = connection = sqlite3.connect(
                self.path, timeout=BUSY, isolation_level=None, check_same_thread=False
            )
            if schema.is_foreign(connection):
                raise Unusable(f"{self.path}: the file of another program; {SET_ASIDE}")
            if schema.version(connection) > schema.newest():
                raise Unusable(
                    f"{self.path}: written by a newer version of this program (schema {schema.version(connection)}, "
                    f"known up to {schema.newest()}); {SET_ASIDE}"
                )
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise Unusable(f"{self.path}: corrupt ({' '.join(str(verdict).split())}); {SET_ASIDE}")
            connection.execute("PRAGMA journal_mode = WAL")
            self._within_transaction(durable=True, write=self._begin)
            return self._everything(connection)
        except OSError as problem:
            raise Unusable(f"{self.path}: {problem.strerror}") from problem
        except sqlite3.Error as problem:
            raise Unusable(f"{self.path}: {problem}; {SET_ASIDE}") from problem
        except ValueError as problem:
            raise Unusable(f"{self.path}: corrupt ({' '.join(str(problem).split())}); {SET_ASIDE}") from problem

    def _begin(self, connection: sqlite3.Connection) -> None:
        """Bring the tables up to date; and show that the file can be written, while there is an operator to be told."""
        schema.migrate(connection)
        connection.execute("REPLACE INTO whole VALUES ('began', ?)", (int(time.time()),))

    def _everything(self, connection: sqlite3.Connection) -> Changes:
        kept = Changes()
        for number, row in connection.execute("SELECT number, kept FROM groups ORDER BY number"):
            kept.groups[number] = text.group_of(row)
        for group, session, number, row in connection.execute("SELECT grp, session, number, kept FROM records"):
            kept.records[group, session, number] = text.record_of(row)
        for group, session, dn, row in connection.execute("SELECT grp, session, dn, kept FROM agents"):
            kept.agents[group, session, text.name_of(dn)] = text.pairs_of(row)
        trouble = connection.execute("SELECT value FROM whole WHERE name = 'in_trouble'").fetchone()
        kept.in_trouble = bool(trouble and trouble[0])
        return kept

    # ---------------------------------------------------------------------------------------------------- afterwards

    def write(self, changes: Changes, durable: bool) -> None:
        """Write down what changed, and what is owed, in one transaction. Raises sqlite3.Error: then it is owed."""
        self._owed.add(changes)
        if self._owed or durable:
            self._within_transaction(durable, self._write_durably if durable else self._write)
            self._owed = Changes()

    def _within_transaction(self, durable: bool, write: Callable[[sqlite3.Connection], None]) -> None:
        connection = self._connection
        assert connection is not None
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        connection.execute("BEGIN IMMEDIATE")
        try:
            write(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _write_durably(self, connection: sqlite3.Connection) -> None:
        """Something is written in any case: a commit of nothing would not wait for what was committed before."""
        self._write(connection)
        connection.execute("REPLACE INTO whole VALUES ('durable', ?)", (int(time.time()),))

    def _write(self, connection: sqlite3.Connection) -> None:
        owed = self._owed
        gone = [(number,) for number, group in owed.groups.items() if group is None]
        for table, key in (("groups", "number"), ("records", "grp"), ("agents", "grp")):
            connection.executemany(f"DELETE FROM {table} WHERE {key} = ?", gone)
        for table in ("records", "agents"):
            connection.executemany(f"DELETE FROM {table} WHERE grp = ? AND session = ?", owed.over)
        connection.executemany(
            "REPLACE INTO groups VALUES (?, ?)",
            ((number, text.group_text(kept)) for number, kept in owed.groups.items() if kept is not None),
        )
        _put(connection, "records", "grp = ? AND session = ? AND number = ?", (
            (key, text.record_text(kept) if kept is not None else None) for key, kept in owed.records.items()
        ))  # fmt: skip
        _put(connection, "agents", "grp = ? AND session = ? AND dn = ?", (
            ((*key[:2], text.name_text(key[2])), text.pairs_text(pairs) if pairs is not None else None)
            for key, pairs in owed.agents.items()
        ))  # fmt: skip
        if owed.in_trouble is not None:
            connection.execute("REPLACE INTO whole VALUES ('in_trouble', ?)", (int(owed.in_trouble),))

    def close(self) -> None:
        """Nothing is written any more; another proxy may have the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _put(
    connection: sqlite3.Connection,
    table: str,
    where: str,
    rows: Iterable[tuple[tuple[int | str, ...], str | None]],
) -> None:
    """Rows of three keys and what is kept; those of which nothing is kept go."""
    there, gone = [], []
    for key, kept in rows:
        if kept is None:
            gone.append(key)
        else:
            there.append((*key, kept))
    connection.executemany(f"DELETE FROM {table} WHERE {where}", gone)
    connection.executemany(f"REPLACE INTO {table} VALUES (?, ?, ?, ?)", there)
