"""Which channel is traced to which file, and that it is said."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from proxy.service import CannotStart, ProxyService
from tests.service.test_service import FREE, ServiceTestCase

BOTH = """
[tevents]
listen = {free}
upstream = {upstream}
communication_dn = OCS_CommDN
application = tevent-proxy
application_dbid = 4114
trace = {tevents}
[direct]
listen = {free}
upstream = {upstream}
trace = {direct}
"""


class TraceTests(ServiceTestCase):
    """A service with two channels."""

    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.events: list[LogEvent] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)

    async def begun(self, tevents: object, direct: object) -> ProxyService:
        """The service, with these traces."""
        upstream = await self.server()
        return await self.start(BOTH.format(free=FREE, upstream=upstream, tevents=tevents, direct=direct))

    def said(self) -> list[str | None]:
        """The lines of the log on traces."""
        return [formatEvent(event) for event in self.events if "trace" in (formatEvent(event) or "")]

    async def test_each_its_own(self) -> None:
        """Two files; the log says what is written where. They are closed with the service."""
        files = {name: self.folder / f"{name}.log" for name in ("tevents", "direct")}
        service = await self.begun(**files)
        assert self.said() == [f"{name}: traced to {file}" for name, file in files.items()]
        await self.ends.when_connected(2)
        await self.until(lambda: "GSW_CM_ReqRegisterClient" in files["direct"].read_text())
        assert files["tevents"].read_text() == ""
        await service.stopService()
        assert not self.open(self.folder)

    async def test_one_for_both(self) -> None:
        """The same file by two names is one: the channels share it, so that it is turned once."""
        Path(self.folder, "link").symlink_to(self.folder)
        service = await self.begun(self.folder / "trace.log", self.folder / "link" / "trace.log")
        tevents, direct = service.channels
        assert tevents.control.trace is direct.control.trace
        assert len(self.open(self.folder)) == 1

    async def test_none(self) -> None:
        """Off is the default, and nothing is said of it."""
        service = await self.begun("none", "none")
        assert self.said() == []
        assert [channel.control.trace for channel in service.channels] == [None, None]

    async def test_a_file_that_cannot_be_written(self) -> None:
        """The proxy does not start, and says in which section."""
        upstream = await self.server()
        conf = BOTH.format(free=FREE, upstream=upstream, tevents="none", direct=self.folder)
        with self.assertRaisesRegex(CannotStart, r"^\[direct\] trace: .*[Ii]s a directory"):
            self.make(conf).startService()

    def open(self, folder: Path) -> list[str]:
        """The files of a folder that this process has open."""
        links = (os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd"))
        files = [os.path.realpath(link) for link in links if os.path.exists(link)]
        return [file for file in files if file.startswith(str(folder.resolve()))]
