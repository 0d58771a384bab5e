"""What is asked of a calling list's table, of SQLite and of a real PostgreSQL."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import unittest
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import text

from proxy.witness.census import CallingListTable, Census, NoAnswer, read_url
from tests.witness.postgresql import COLUMNS, PostgreSQL, postgresql

NOW = 1_700_000_000.4

Database = tuple[str, Callable[[str], object]]
"""Its URL, and a way to say something to it."""


@pytest.fixture
def server() -> PostgreSQL:
    """A PostgreSQL that runs, with no table."""
    try:
        server = postgresql()
    except unittest.SkipTest as missing:
        pytest.skip(str(missing))
    server.do("DROP SCHEMA public CASCADE", "CREATE SCHEMA public", "DROP SCHEMA IF EXISTS lists CASCADE")
    return server


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Database]:
    """An SQLite file, whose name needs quoting."""
    path = tmp_path / "lists ?100%#.db"
    with sqlite3.connect(path, isolation_level=None) as connection:
        yield f"sqlite:///{path}".replace("%", "%25").replace("?", "%3F").replace("#", "%23"), connection.execute
    connection.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """Each of them."""
    if request.param == "sqlite":
        return request.getfixturevalue("file")
    server = request.getfixturevalue("server")
    return server.url, server.do


def asked(url: str, table: str = "customers", timeout: float = 300) -> CallingListTable:
    """The table, as a witness asks it."""
    return CallingListTable(read_url(url), table, timeout)


def fill(database: Database, *records: tuple[int, int, int | None], table: str = "customers") -> None:
    """A calling list with records of this status, type and dial_sched_time."""
    database[1](f"CREATE TABLE {table} ({COLUMNS})")
    for number, (status, type, when) in enumerate(records, 1):
        time = "NULL" if when is None else str(when)
        database[1](f"INSERT INTO {table} VALUES ({number}, {number}, {type}, {status}, {time})")


# ------------------------------------------------------------------------------------------------- what is counted


def test_an_empty_list(database: Database) -> None:
    """Nothing is left: zeros, not nothing."""
    fill(database)
    assert asked(database[0]).count(NOW) == Census(0, 0, 0)


def test_each_record_counts_once(database: Database) -> None:
    """By its status, and by whether it can be called now."""
    ready = [(1, 2, None), (1, 2, 0), (1, 2, 1_600_000_000), (1, 2, 1_700_000_000)]
    retrieved = [(2, 2, None), (2, 6, 1_800_000_000), (2, 3, None)]
    later = [(1, 2, 1_700_000_001), (1, 3, None), (1, 4, 1_600_000_000), (1, 5, 1_800_000_000), (1, 6, None), (1, 3, 0)]
    final = [(status, 2, None) for status in (3, 4, 5, 6, 7, 8, 9)]
    fill(database, *ready, *retrieved, *later, *final)
    assert asked(database[0]).count(NOW) == Census(ready=4, scheduled=6, retrieved=3)


def test_nobody_will_call_those_of_type_no_call(database: Database) -> None:
    """Whatever their status is."""
    fill(database, (1, 7, None), (2, 7, None), (1, 7, 1_800_000_000))
    assert asked(database[0]).count(NOW) == Census(0, 0, 0)


def test_a_time_far_away(database: Database) -> None:
    """The clock of the proxy may run on beyond what 32 bits hold."""
    fill(database, (1, 2, 2_000_000_000))
    assert asked(database[0]).count(5e9) == Census(1, 0, 0)


def test_a_name_in_capitals(database: Database) -> None:
    """A table is found by its name as it is written, in capitals and all."""
    fill(database, (1, 2, None), table='"Customers"')
    assert asked(database[0], "Customers").count(NOW) == Census(1, 0, 0)


def test_a_table_in_a_schema(server: PostgreSQL) -> None:
    """`schema.table` is found, and is another one than that of the same name."""
    fill((server.url, server.do), (1, 2, None))
    server.do("CREATE SCHEMA lists", "CREATE TABLE lists.customers (LIKE customers)")
    assert asked(server.url, "lists.customers").count(NOW) == Census(0, 0, 0)


# ------------------------------------------------------------------------------------------------- no answer


def test_a_table_that_is_not_there(database: Database) -> None:
    """It is said which, in one line."""
    with pytest.raises(NoAnswer, match="customers") as refused:
        asked(database[0]).count(NOW)
    assert "\n" not in str(refused.value)


def test_nothing_is_ever_written(database: Database) -> None:
    """The database itself refuses to write what this connection might say."""
    fill(database, (1, 2, None))
    table = asked(database[0])
    with pytest.raises(Exception, match=r"read-?only"), table.engine.begin() as connection:
        connection.execute(text("UPDATE customers SET record_status = 3"))
    assert table.count(NOW) == Census(1, 0, 0)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It is not made."""
    with pytest.raises(NoAnswer, match="unable to open database file"):
        asked(f"sqlite:///{tmp_path}/lists.db").count(NOW)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_locked(file: Database) -> None:
    """It is waited for no longer than allowed, and asked again with success when it is free."""
    fill(file, (1, 2, None))
    table = asked(file[0], timeout=0.05)
    file[1]("BEGIN EXCLUSIVE")
    with pytest.raises(NoAnswer, match="locked"):
        table.count(NOW)
    file[1]("COMMIT")
    assert table.count(NOW) == Census(1, 0, 0)


def test_a_file_that_takes_for_ever(file: Database) -> None:
    """A question that is given up ends, and leaves its thread."""
    file[1](
        "CREATE VIEW customers AS WITH RECURSIVE t(record_status, record_type, dial_sched_time) AS "
        "(SELECT 1, 2, 3 UNION ALL SELECT 1, 2, dial_sched_time + 1 FROM t) SELECT * FROM t"
    )
    given_up(asked(file[0]))


def given_up(table: CallingListTable) -> None:
    """It is asked in a thread and given up until it ends."""
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(table.count, NOW)
        while not answer.done():
            table.give_up()
        assert isinstance(answer.exception(), NoAnswer)
    table.give_up()


@pytest.mark.parametrize(
    ("url", "database"),
    [
        ("sqlite:////var/lists%20%3F100%25%23.db", "/var/lists ?100%#.db"),
        ("sqlite:///lists.db?mode=rw", "lists.db"),
        ("postgresql://me:p%40ss%2F@host:5433/out%20bound?application_name=a/b", "out bound"),
        ("postgresql:///outbound?host=/run/postgresql", "outbound"),
    ],
)
def test_the_name_in_a_url(url: str, database: str) -> None:
    """The name of a database, or of its file, is unquoted, once, whichever SQLAlchemy is installed."""
    assert read_url(url).database == database


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "postgresql://me@host", "sqlite:///?mode=ro"])
def test_a_url_without_a_name(url: str) -> None:
    """Nobody's database is asked by mistake."""
    with pytest.raises(ValueError, match="is missing"):
        read_url(url)


def test_a_database_whose_name_needs_quoting(server: PostgreSQL) -> None:
    """It is found by its quoted name, as a file is."""
    name = "out bound 100%"
    server.do(f'DROP DATABASE IF EXISTS "{name}"', f'CREATE DATABASE "{name}"')
    with pytest.raises(NoAnswer, match="customers"):
        asked(server.url.replace("/postgres?", "/out%20bound%20100%25?")).count(NOW)


def test_a_table_that_is_locked(server: PostgreSQL) -> None:
    """The server itself ends the question."""
    import psycopg

    fill((server.url, server.do), (1, 2, None))
    with psycopg.connect(server.url) as other:
        other.execute("LOCK TABLE customers IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(NoAnswer, match="statement timeout"):
            asked(server.url, timeout=0.1).count(NOW)


def test_a_server_that_hangs(server: PostgreSQL) -> None:
    """One that reads nothing any more, neither the time-out nor a Cancel: giving up ends the question all the same."""
    import psycopg
    from sqlalchemy import event

    fill((server.url, server.do), (1, 2, None))
    table, stopped, connected = asked(server.url, timeout=300), Event(), []
    table.count(NOW)

    @event.listens_for(table.engine, "connect")
    def connects(connection: psycopg.Connection, _: object) -> None:
        connected.append(connection.info.backend_pid)
        os.kill(connected[0], signal.SIGSTOP)
        stopped.set()

    try:
        with ThreadPoolExecutor(1) as threads:
            answer = threads.submit(table.count, NOW)
            assert stopped.wait(300)
            assert not answer.done()
            table.give_up()
            assert isinstance(answer.exception(300), NoAnswer)
    finally:
        os.kill(connected[0], signal.SIGCONT)


def test_a_server_that_never_says_a_word() -> None:
    """A port that takes connections and answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        with pytest.raises(NoAnswer, match="time"):
            asked(f"postgresql://me:secret@127.0.0.1:{port}/lists", timeout=0.1).count(NOW)


def test_a_server_that_refuses(server: PostgreSQL) -> None:
    """What is said to operators has no password in it."""
    with pytest.raises(NoAnswer, match="nobody") as refused:
        asked(server.url.replace("postgres@", "nobody:secret@")).count(NOW)
    assert "secret" not in str(refused.value)


def test_a_server_that_was_stopped_is_found_again(server: PostgreSQL) -> None:
    """While it is away nothing is known; then the next question is answered."""
    fill((server.url, server.do), (1, 2, None))
    table = asked(server.url)
    assert table.count(NOW) == Census(1, 0, 0)
    server.stop()
    with pytest.raises(NoAnswer):
        table.count(NOW)
    server.start()
    assert table.count(NOW) == Census(1, 0, 0)


def test_no_connection_is_kept(server: PostgreSQL) -> None:
    """Between two questions the server has nobody of ours."""
    import psycopg

    fill((server.url, server.do), (1, 2, None))
    table = asked(server.url)
    table.count(NOW)
    with psycopg.connect(server.url) as other:
        others = (
            "SELECT pg_stat_clear_snapshot(), count(*) FROM pg_stat_activity WHERE application_name = 'tevent-proxy'"
        )
        looks = (other.execute(others).fetchone()[1] for _ in range(1_000_000))
        assert 0 in looks  # the server notices a moment later that we are gone
