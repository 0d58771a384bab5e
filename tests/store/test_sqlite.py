"""The SQLite store: what is written is read again, and what cannot be used is refused in one line."""

from __future__ import annotations

import resource
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.campaign.kept import (
    Changes,
    KeptCompletion,
    KeptGroup,
    KeptHearing,
    KeptNames,
    KeptNotices,
    KeptRequest,
    KeptSession,
)
from proxy.campaign.life import State as Life
from proxy.campaign.observation import Request, Word
from proxy.campaign.records import KeptRecord, State
from proxy.kvlist import Pair, pair
from proxy.store import schema
from proxy.store.sqlite import SqliteFile
from proxy.store.unusable import Unusable

SESSION = KeptSession(3, True, 7, "Preview", 12, True, {"session 5": 1.5})
GROUP = KeptGroup(
    KeptNames(101, None, 732, "Sales@Agents", "Sales\udcff"),
    Life.STOPPING,
    4,
    True,
    False,
    2,
    None,
    SESSION,
    None,
    KeptSession(4, False, 0, None, 0, False, {}),
    [KeptRequest(9, False, Request.START, True, None, "5", True, False, 3, 4)],
    KeptCompletion("Sales@Agents", "B", "STOP", 1, 1610612737, ["1610612737"], False, False, True),
    KeptNotices({"3001": [KeptHearing([Word.STOPPED], {Word.STOPPED: 2.5}, [Word.UNLOADED])]}, ["3002"]),
)
NULL = KeptGroup(KeptNames(None, None, None, None, "W"), Life.NULL, 0, False, False, 0, 3, SESSION, SESSION, None, [],
                 None, None)  # fmt: skip
RECORD = KeptRecord("77", State.OUTSTANDING, "3001", "List", "12", "555", None, 1.25, None, 1, None, False, 5, True)
PAIRS = (pair("GSW_APPLICATION_ID", 4113), Pair("odd\udc80", [pair("a", b"\x00\xff"), pair("b", "c")], 3))


def everything() -> Changes:
    """One of each."""
    return Changes(
        groups={1: GROUP, 2: NULL},
        records={(1, 3, 1): RECORD, (1, 3, 2): RECORD._replace(handle="\udc81"), (2, 3, 1): RECORD},
        agents={(1, 3, "3001"): PAIRS, (1, 4, "\udc82"): (), (2, 3, "3001"): PAIRS},
        in_trouble=True,
    )


def reopened(file: SqliteFile) -> Changes:
    """What the next proxy finds."""
    file.close()
    next_one = SqliteFile(file.path)
    try:
        return next_one.open()
    finally:
        next_one.close()


def opened(tmp_path: Path) -> SqliteFile:
    """A new file."""
    file = SqliteFile(str(tmp_path / "groups.db"))
    assert not any((kept := file.open()).groups), kept
    return file


def refused(path: Path) -> str:
    """Why a file cannot be used; and after that it can be tried again."""
    file = SqliteFile(str(path))
    for _ in range(2):
        with pytest.raises(Unusable) as problem:
            file.open()
    text = str(problem.value)
    assert "\n" not in text
    assert text.startswith(str(path))
    return text.removeprefix(str(path))


@pytest.mark.parametrize("durable", [True, False])
def test_what_is_written_is_read_again(tmp_path: Path, durable: bool) -> None:
    """Groups, records, agents, odd bytes and all: as they were."""
    file = opened(tmp_path)
    file.write(everything(), durable)
    assert reopened(file) == everything()


def test_changes_one_after_the_other(tmp_path: Path) -> None:
    """What is another is replaced; what is gone goes: records, sessions, whole groups."""
    file = opened(tmp_path)
    file.write(everything(), durable=False)
    file.write(Changes(records={(1, 3, 1): None, (1, 3, 2): RECORD}, in_trouble=False), durable=False)
    file.write(Changes(groups={2: None}), durable=False)
    assert reopened(file) == Changes(
        groups={1: GROUP},
        records={(1, 3, 2): RECORD},
        agents={(1, 3, "3001"): PAIRS, (1, 4, "\udc82"): ()},
        in_trouble=False,
    )
    file = SqliteFile(file.path)
    file.open()
    file.write(Changes(over={(1, 3)}, records={(1, 4, 1): RECORD}), durable=True)
    kept = reopened(file)
    assert set(kept.records) == {(1, 4, 1)}
    assert set(kept.agents) == {(1, 4, "\udc82")}


_KEYS = st.tuples(st.integers(1, 2), st.integers(1, 2), st.integers(1, 3))
_STEPS = st.builds(
    Changes,
    groups=st.dictionaries(st.integers(1, 2), st.sampled_from([GROUP, None]), max_size=2),
    over=st.sets(st.tuples(st.integers(1, 2), st.integers(1, 2)), max_size=1),
    records=st.dictionaries(_KEYS, st.sampled_from([RECORD, RECORD._replace(deliveries=2), None]), max_size=4),
    in_trouble=st.sampled_from([None, True, False]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_STEPS, max_size=5), st.integers(0, 4))
def test_written_together_or_one_by_one(steps: list[Changes], together: int) -> None:
    """What could not be written is written with what comes next: the same is there as if each had been written."""

    def kept(parts: list[list[Changes]]) -> Changes:
        connection = SqliteFile(":memory:")
        connection._connection = sqlite3.connect(":memory:", isolation_level=None)
        schema.migrate(connection._connection)
        for part in parts:
            batch = Changes()
            for changes in part:
                batch.add(changes)
            connection.write(batch, durable=False)
        found = connection._everything(connection._connection)
        connection._connection.close()
        return found

    assert kept([[step] for step in steps]) == kept([steps[:together], steps[together:]])


def test_the_file_is_its_users_alone(tmp_path: Path) -> None:
    """There are phones in it."""
    file = opened(tmp_path)
    file.write(everything(), durable=True)
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    file.close()


def test_a_second_proxy_is_refused(tmp_path: Path) -> None:
    """WAL alone would let it in. When the first is gone, it may."""
    file = opened(tmp_path)
    path = tmp_path / "groups.db"
    assert refused(path) == f": another proxy has it ({path}.lock is locked)"
    file.write(everything(), durable=True)
    assert reopened(file) == everything()


def test_a_file_by_another_name(tmp_path: Path) -> None:
    """A link leads to the same file: it is refused as well."""
    file = opened(tmp_path)
    (tmp_path / "link.db").symlink_to(tmp_path / "groups.db")
    assert refused(tmp_path / "link.db") == f": another proxy has it ({tmp_path / 'groups.db'}.lock is locked)"
    file.close()


def test_a_file_that_is_corrupt(tmp_path: Path) -> None:
    """No database, a page that was overwritten, a row that is none of ours: each is one line at the start."""
    path = tmp_path / "groups.db"
    path.write_bytes(b"no database at all, but long enough to have a head" * 100)
    assert refused(path).startswith(": file is not a database; ")
    path.unlink()
    file = SqliteFile(str(path))
    file.open()
    file.write(Changes(records={(1, 1, number): RECORD for number in range(2000)}), durable=True)
    file.close()
    whole = path.read_bytes()
    torn = bytearray(whole)
    torn[8192:16384] = b"\xa5" * 8192
    path.write_bytes(torn)
    assert "tevent-proxy run --forget sets it aside" in refused(path)
    path.write_bytes(whole)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE records SET kept = '[1, 2]' WHERE number = 7")
    connection.close()
    assert refused(path).startswith(": corrupt (a record that cannot be read: ")


@pytest.mark.parametrize("table", ["groups", "agents"])
def test_a_row_that_cannot_be_read(tmp_path: Path, table: str) -> None:
    """Whatever stands where we wrote something else: corrupt, and nothing is guessed."""
    file = opened(tmp_path)
    file.write(everything(), durable=True)
    file.close()
    with sqlite3.connect(file.path) as connection:
        connection.execute(f"UPDATE {table} SET kept = '{{\"names\": 5}}'")
    connection.close()
    assert refused(Path(file.path)).startswith(": corrupt (")


def test_a_file_of_a_newer_version(tmp_path: Path) -> None:
    """A proxy that was set back to an older version does not touch what it does not know."""
    file = opened(tmp_path)
    file.close()
    with sqlite3.connect(file.path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert refused(Path(file.path)).startswith(": written by a newer version of this program (schema 99, known up to ")


def test_a_file_of_another_program(tmp_path: Path) -> None:
    """A wrong path must not cost somebody his data."""
    path = tmp_path / "groups.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE precious (data TEXT)")
    connection.close()
    assert refused(path).startswith(": the file of another program; ")


def test_no_folder(tmp_path: Path) -> None:
    """The folder of the file is the operator's to make."""
    assert refused(tmp_path / "none" / "groups.db") == ".lock: No such file or directory"


def test_an_older_file_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later version of the program adds a table, and changes one: what was kept is there."""
    file = opened(tmp_path)
    file.write(everything(), durable=True)
    file.close()
    later = (
        "CREATE TABLE leases (grp INTEGER PRIMARY KEY, holder TEXT)",
        "ALTER TABLE agents ADD COLUMN since REAL",
        "ALTER TABLE agents DROP COLUMN since",
    )
    monkeypatch.setattr(schema, "STEPS", {**schema.STEPS, schema.newest() + 1: later})
    for _ in range(2):
        file = SqliteFile(file.path)
        assert file.open() == everything()
        assert file._connection is not None
        assert schema.version(file._connection) == schema.newest()
        assert file._connection.execute("SELECT count(*) FROM leases").fetchone() == (0,)
        file.close()


def test_a_file_of_the_first_version(tmp_path: Path) -> None:
    """Records were kept without whether their handles are their own: each claims that it is, and all else is there."""
    path = tmp_path / "groups.db"
    with closing(sqlite3.connect(path)) as connection:
        for step in schema.STEPS[1]:
            connection.execute(step)
        connection.execute(f"PRAGMA application_id = {schema.OURS}")
        connection.execute("PRAGMA user_version = 1")
        row = '["77","outstanding","3001","List","12","555",null,1.25,null,1,null,false,5]'
        other = '["\\udc81\\u00e9]","finalized","",null,null,null,null,null,null,0,null,false,6]'
        connection.executemany("INSERT INTO records VALUES (1, 3, ?, ?)", [(1, row), (2, other)])
        connection.commit()
    for _ in range(2):
        file = SqliteFile(str(path))
        assert file.open().records == {
            (1, 3, 1): RECORD,
            (1, 3, 2): KeptRecord("\udc81\u00e9]", State.FINALIZED, "", *[None] * 6, 0, None, False, 6, True),
        }
        file.close()


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a step is none: the older program can still use the file."""
    file = opened(tmp_path)
    file.write(everything(), durable=True)
    file.close()
    steps = {**schema.STEPS, schema.newest() + 1: ("CREATE TABLE leases (grp INTEGER)", "DROP TABLE nobody_has_it")}
    with monkeypatch.context() as patched:
        patched.setattr(schema, "STEPS", steps)
        assert "no such table: nobody_has_it" in refused(Path(file.path))
    assert reopened(file) == everything()


def test_set_aside(tmp_path: Path) -> None:
    """--forget: what was there is renamed, and can be looked at; the proxy begins with nothing."""
    path = tmp_path / "groups.db"
    path.write_bytes(b"garbage" * 1000)
    file = SqliteFile(str(path))
    assert not file.open(forget=True).groups
    file.write(everything(), durable=True)
    assert reopened(file) == everything()
    (aside,) = (each for each in tmp_path.iterdir() if each.name.startswith("groups.db.2"))
    assert aside.read_bytes() == b"garbage" * 1000


def test_a_full_disk(tmp_path: Path) -> None:
    """What could not be written is owed: it is there with the next changes that fit, and no sooner."""
    file = opened(tmp_path)
    file.write(everything(), durable=True)
    connection = file._connection
    assert connection is not None
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    many = Changes(records={(1, 3, number): RECORD for number in range(1000)})
    for durable in (False, True):
        with pytest.raises(sqlite3.OperationalError, match="full"):
            file.write(many if not durable else Changes(), durable)
    connection.execute("PRAGMA max_page_count = 100000")
    file.write(Changes(records={(1, 3, 1): None}), durable=True)
    kept = reopened(file)
    assert len([key for key in kept.records if key[:2] == (1, 3)]) == 999


def test_a_file_that_cannot_be_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is deleted, whatever happens."""
    file = opened(tmp_path)
    file.write(everything(), durable=True)
    file.close()

    def rename(*_: str) -> None:
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as patched:
        patched.setattr("os.rename", rename)
        with pytest.raises(Unusable, match="cannot be set aside: Operation not permitted"):
            SqliteFile(file.path).open(forget=True)
    assert reopened(file) == everything()


def test_a_full_disk_at_the_start(tmp_path: Path) -> None:
    """It is said at once, not when the first group should be completed."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))
    try:
        assert "; tevent-proxy run --forget sets it aside" in refused(tmp_path / "groups.db")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
