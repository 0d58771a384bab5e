"""The tables of the SQLite store, version by version. A file of an older version is brought up to date at the start.

What is kept is JSON text (see proxy.store.text), one row each: groups by their number, records and agents by the
numbers of group and session and their own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

OURS = 0x74657670
"""The application id in the file's head: "tevp"."""

STEPS: Mapping[int, Sequence[str]] = {
    1: (
        "CREATE TABLE groups (number INTEGER PRIMARY KEY, kept TEXT NOT NULL)",
        "CREATE TABLE records (grp INTEGER, session INTEGER, number INTEGER, kept TEXT NOT NULL,"
        " PRIMARY KEY (grp, session, number)) WITHOUT ROWID",
        "CREATE TABLE agents (grp INTEGER, session INTEGER, dn TEXT, kept TEXT NOT NULL,"
        " PRIMARY KEY (grp, session, dn)) WITHOUT ROWID",
        "CREATE TABLE whole (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    ),
    # Whether a record's handle is its own: all claim that, as they did. Records.take_up tells who of them is right.
    2: ("UPDATE records SET kept = substr(kept, 1, length(kept) - 1) || ',true]'",),
}
"""What leads from each version to the next; 0 is an empty file. What is here is in use: add, and change nothing."""


def newest() -> int:
    """The version that this program writes."""
    return max(STEPS)


def version(connection: sqlite3.Connection) -> int:
    """That of a file; 0 where it is new."""
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    assert isinstance(number, int)
    return number


def is_foreign(connection: sqlite3.Connection) -> bool:
    """Whether the file is another program's."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return bool(application != OURS and (tables or application))


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the file up to date, within the transaction of the caller."""
    for number in range(version(connection) + 1, newest() + 1):
        for step in STEPS[number]:
            connection.execute(step)
        connection.execute(f"PRAGMA user_version = {number}")
    connection.execute(f"PRAGMA application_id = {OURS}")
