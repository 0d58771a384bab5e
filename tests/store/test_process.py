"""The store of a proxy as a process: who may have the file, and what an operator is told who cannot use it."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.service.test_process import CONF, FREE, RUN, TWISTD, Proxy

ROOT = Path(__file__).parents[2]


class House:
    """A folder with a conf file, and the proxies that run with it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "groups.db"
        self._conf = folder / "proxy.conf"
        plugins = folder / "path" / "twisted" / "plugins"  # where twistd finds it, as it does when it is installed
        plugins.mkdir(parents=True)
        (plugins / "tevent_proxy.py").symlink_to(ROOT / "plugins" / "tevent_proxy.py")
        self._paths = os.pathsep.join([str(ROOT), str(folder / "path")])
        store = f"[store]\nurl = sqlite:{self.file}\n[group Sales@Agents]\ndbid = 101\n"
        self._conf.write_text(CONF.format(listen=FREE, upstream=1, admin=FREE) + store, "utf-8")
        self.proxies: list[Proxy] = []

    def proxy(self, how: tuple[str, ...] = RUN, *more: str) -> Proxy:
        """One more."""
        head, last = how[:-1], how[-1]
        self.proxies.append(Proxy((*head, *more, last), self._conf, self._paths))
        return self.proxies[-1]

    def refusal(self, how: tuple[str, ...] = RUN) -> str:
        """What a proxy says that does not start: one line, which twistd has in its log."""
        status, out, err = self.proxy(how).ends()
        assert status == 1
        (line,) = (line for line in (out + err).splitlines() if "tevent-proxy: [" in line)
        return line[line.index("tevent-proxy: [") :]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Nothing is left of its proxies."""
    house = House(tmp_path)
    yield house
    for proxy in house.proxies:
        proxy.clean_up()


@pytest.mark.parametrize("how", [RUN, TWISTD], ids=["run", "twistd"])
def test_a_second_proxy_on_the_same_file(house: House, how: tuple[str, ...]) -> None:
    """It says who has it, and ends with status 1; when the first is killed, it may."""
    first = house.proxy(how)
    first.listens("admin")
    assert house.refusal(how) == (
        f"tevent-proxy: [store] {house.file}: another proxy has it ({house.file}.lock is locked)"
    )
    first.process.kill()
    first.process.wait()
    house.proxy(how).listens("admin")


@pytest.mark.parametrize("how", [RUN, TWISTD], ids=["run", "twistd"])
def test_a_file_that_cannot_be_used(house: House, how: tuple[str, ...]) -> None:
    """One line says so; --forget sets the file aside, and the proxy starts."""
    house.file.write_bytes(b"garbage" * 1000)
    assert house.refusal(how) == (
        f"tevent-proxy: [store] {house.file}: file is not a database; tevent-proxy run --forget sets it aside"
    )
    house.proxy(how, "--forget").listens("admin")
    assert [path.read_bytes() for path in house.file.parent.glob("groups.db.2*")] == [b"garbage" * 1000]


def test_what_a_proxy_leaves_when_it_is_told_to_stop(house: House) -> None:
    """It writes what it knows, and lets the file go."""
    proxy = house.proxy()
    port = proxy.listens("admin")
    with urlopen(f"http://127.0.0.1:{port}/groups", timeout=300) as answer:
        assert [group["name"] for group in json.load(answer)["groups"]] == ["Sales@Agents"]
    proxy.process.terminate()
    assert proxy.ends()[0] == 0
    assert sorted(path.name for path in house.file.parent.glob("groups.db*")) == ["groups.db", "groups.db.lock"]
    connection = sqlite3.connect(house.file)
    assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
    connection.close()
