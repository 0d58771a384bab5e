"""A PostgreSQL server of the tests' own, from Debian's packages: in a folder of its own, reached by a Unix socket."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
import unittest
from functools import cache
from pathlib import Path

MISSING = "no PostgreSQL server is installed (Debian: apt-get install postgresql)"

COLUMNS = (
    "record_id integer PRIMARY KEY, chain_id integer, record_type integer, record_status integer, "
    "dial_sched_time integer"
)
"""Those of a calling list that matter here."""


def binaries() -> Path | None:
    """Where its programs are; the newest, if there are several."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).resolve().parent if on_path else None


class PostgreSQL:
    """A server. As root it is run as the user `postgres`, for it refuses root."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._user = "postgres" if os.getuid() == 0 else None
        self.folder = tempfile.mkdtemp(prefix="tevent-proxy-pg")
        if self._user is not None:
            shutil.chown(self.folder, self._user)
        self._run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions")

    @property
    def url(self) -> str:
        """As it stands in a conf file."""
        return f"postgresql://postgres@/postgres?host={self.folder}"

    def start(self) -> None:
        """It answers when this returns."""
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off -c max_connections=20"
        self._run("pg_ctl", "-w", "-t", "300", "-l", f"{self.folder}/log", "-o", options, "start")

    def stop(self) -> None:
        """All connections are cut."""
        self._run("pg_ctl", "-w", "-t", "300", "-m", "immediate", "stop")

    @property
    def is_running(self) -> bool:
        """Whether there is a server."""
        return Path(self.folder, "data", "postmaster.pid").exists()

    def remove(self) -> None:
        """Nothing of it is left."""
        if self.is_running:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def do(self, *statements: str) -> None:
        """Say something to the database."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), "-D", f"{self.folder}/data", *arguments]
        with open(f"{self.folder}.out", "w") as out:
            done = subprocess.run(
                command,
                user=self._user,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=400,
                check=False,
            )
        said = Path(out.name).read_text()
        os.unlink(out.name)
        if done.returncode:
            raise AssertionError(f"{program}: {said}")


@cache
def _server(programs: Path) -> PostgreSQL:
    server = PostgreSQL(programs)
    atexit.register(server.remove)
    return server


def postgresql() -> PostgreSQL:
    """The server of this test run, running; the test is skipped where there is none."""
    programs = binaries()
    if programs is None:
        raise unittest.SkipTest(MISSING)
    server = _server(programs)
    if not server.is_running:
        server.start()
    return server
