"""One question to a database: how many records of a calling list are left, and how many of them for later.

Blocking: for threads. Reads only, and says so to the database. An engine keeps no connection between two questions: a
database that was restarted is found again, and one that is to be shut down is not held back.
"""

from __future__ import annotations

import math
import socket
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from sqlalchemy import BigInteger, Executable, case, column, create_engine, event, func, literal, or_, select, table
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from proxy.errors import OurError
from proxy.witness.columns import FOR_LATER, NO_CALL, READY, RETRIEVED, dial_sched_time


class NoAnswer(OurError):
    """The database did not answer; the text says why, in one line, without a password."""


class Census(NamedTuple):
    """How many records of a list can be called now, are for later, and are in OCS's hands."""

    ready: int
    scheduled: int
    retrieved: int


def read_url(text: str) -> URL:
    """The URL of a database. Raises ValueError, with a text that has no password in it, where it cannot be used."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ValueError("not the URL of a database, like postgresql://user@host/name or sqlite:////a/file") from None
    if url.drivername not in _ENGINES:
        raise ValueError(f"not a database that is known: {url.drivername!r} (there are: {', '.join(_ENGINES)})")
    url = url.set(database=_database(text))
    if not url.database:
        raise ValueError("the name of the database, or its file, is missing")
    if url.drivername == "postgresql":
        try:
            import psycopg  # noqa: F401 (only whether it is there)
        except ImportError as problem:
            text = f"the driver is not installed ({problem}): pip install 'tevent-proxy[postgresql]'"
            raise ValueError(text) from None
    return url


def _database(text: str) -> str:
    """The database of a URL, unquoted: SQLAlchemy 2.0 leaves it as it is written, 2.1 does not."""
    return unquote(text.partition("://")[2].partition("?")[0].partition("/")[2])


class CallingListTable:
    """A calling list's table: `name` as the database knows it, with its schema before a dot if need be.

    `timeout`: how many seconds the database may take for each step of an answer.
    """

    def __init__(self, url: URL, name: str, timeout: float) -> None:
        self.engine = _ENGINES[url.drivername](url, timeout)
        self._name = name
        self._open: sqlite3.Connection | socket.socket | None = None
        event.listen(self.engine, "connect", self._opened, insert=True)

    def _opened(self, connection: Any, _: object) -> None:
        """For giving up; a socket by a descriptor of our own: the driver may close its own at any time."""
        is_file = isinstance(connection, sqlite3.Connection)
        self._open = connection if is_file else socket.fromfd(connection.fileno(), socket.AF_UNSPEC, socket.SOCK_STREAM)

    def count(self, now: float) -> Census:
        """Ask; `now` is the time of day, in seconds since 1970. Raises NoAnswer."""
        try:
            with self.engine.connect() as connection:
                return Census(*connection.execute(_question(self._name, now)).one())
        except DBAPIError as problem:
            raise NoAnswer(_one_line(problem.orig)) from problem
        except SQLAlchemyError as problem:
            raise NoAnswer(_one_line(problem)) from problem
        finally:
            connection_was, self._open = self._open, None
            if connection_was is not None:
                connection_was.close()

    def give_up(self) -> None:
        """End a question that hangs; from any thread. Then `count` raises NoAnswer, if anything can make it.

        A server that does not answer may not read a Cancel either: the socket is shut down under the driver.
        """
        connection = self._open
        with suppress(OSError, sqlite3.ProgrammingError):  # it is closed already
            if isinstance(connection, sqlite3.Connection):
                connection.interrupt()
            elif connection is not None:
                connection.shutdown(socket.SHUT_RDWR)


def _question(name: str, now: float) -> Executable:
    schema, _, plain = name.rpartition(".")
    records = table(plain, column("record_status"), column("record_type"), column("dial_sched_time"))
    if schema:
        records.schema = schema
    status, type, when = records.c.record_status, records.c.record_type, records.c.dial_sched_time
    is_later = or_(type.in_(FOR_LATER), when > literal(dial_sched_time(now), BigInteger()))
    ready = func.count(case((status == READY, case((is_later, None), else_=1))))
    scheduled = func.count(case((status == READY, case((is_later, 1)))))
    retrieved = func.count(case((status == RETRIEVED, 1)))
    return (
        select(ready, scheduled, retrieved).select_from(records).where(status.in_((READY, RETRIEVED)), type != NO_CALL)
    )


def _one_line(problem: object) -> str:
    return " ".join(str(problem).split()) or type(problem).__name__


# ------------------------------------------------------------------------------------------------------- databases


def _postgresql(url: URL, timeout: float) -> Engine:
    limits = {
        "default_transaction_read_only": "on",
        "statement_timeout": f"{timeout * 1000:.0f}",
    }
    arguments = {
        "connect_timeout": max(2, math.ceil(timeout)),  # libpq knows no shorter one
        "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
        "application_name": "tevent-proxy",
    }
    return create_engine(
        url.set(drivername="postgresql+psycopg"), poolclass=NullPool, connect_args=arguments, use_native_hstore=False
    )


def _sqlite(url: URL, timeout: float) -> Engine:
    path = f"file:{quote(str(Path(url.database or '').absolute()))}?mode=ro"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(path, timeout=timeout, uri=True, check_same_thread=False)  # give_up: from elsewhere

    return create_engine("sqlite://", poolclass=NullPool, creator=connect)


_ENGINES: dict[str, Callable[[URL, float], Engine]] = {"postgresql": _postgresql, "sqlite": _sqlite}
"""How each kind of database is connected to."""
