"""The simulator put together: a T-Server that listens, OCS behind it, its other doors, its lists, its log, its truth.

simulator = Simulator(read_conf(text), reactor)
port = await simulator.start()
...
await simulator.stop()
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, ITransport

from proxy.direct.openwire import open_wire as open_direct
from proxy.errors import OurError
from proxy.simulator.agent_api import AgentApi
from proxy.simulator.calling_list import CallingList, open_database
from proxy.simulator.conf import Conf
from proxy.simulator.direct import DirectDoor, DirectSession
from proxy.simulator.directlog import DirectLog
from proxy.simulator.gws import GwsSite
from proxy.simulator.ledger import Ledger
from proxy.simulator.oclog import OcsLog
from proxy.simulator.ocs import Ocs
from proxy.simulator.ocs_http import ocs_http_site
from proxy.simulator.pair import LOOK_AGAIN, PairDoor, Role, SharedState, Turns
from proxy.simulator.reporting import StatusReports
from proxy.simulator.timers import Timers
from proxy.simulator.tlog import MessageLog
from proxy.simulator.tserver import Session, TServer
from proxy.tevents.openwire import open_wire

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

STATUS_INTERVAL = 0.05
"""Seconds at least between two writings of the status file."""


class CannotStart(OurError):
    """A file of the simulator cannot be opened, or its port is taken."""


class Simulator:
    """A T-Server with OCS. `truth` is what really happened; with `status_file` it is written there on change.

    With [pair] in its conf it is one of two, in its `role`; `in_charge` tells whether it is the one that serves.
    """

    def __init__(
        self, conf: Conf, reactor: IReactorTime, status_file: str | None = None, role: Role = Role.PRIMARY
    ) -> None:
        self.conf = conf
        self.in_charge = conf.pair is None
        self._role = role
        self._shared = None if conf.pair is None else SharedState(conf.pair.state)
        self._doors: list[PairDoor] = []
        if self._shared is not None:
            reactor = cast("IReactorTime", Turns(reactor, self._hand_over))
        self._reactor = reactor
        self._timers = Timers(reactor)
        self._status_file = status_file
        self._status_is_due = False
        self._log_files: list[TextIO] = []
        self._databases: dict[str, sqlite3.Connection] = {}
        self._last_truth: dict[str, Any] | None = None
        lists = self._open_lists()
        self.log_lines: list[str] = []
        """The lines of OCS's log, where it is written to no file."""
        dns = (conf.tserver.communication_dn, *conf.agent_dns, *conf.tserver.dns)
        messages = None
        if conf.tserver.log is not None:
            messages = MessageLog(self._open_log("tserver", conf.tserver.log), self._seconds)
        self.tserver = TServer(dns, open_wire, reactor, conf.tserver.max_unread, messages)
        write = self.log_lines.append if conf.ocs.log is None else self._open_log("ocs", conf.ocs.log)
        log = OcsLog(write, self._seconds)
        ledger = Ledger([group.name for group in conf.groups], self._changed)
        self.ocs = Ocs(conf, lists, self.tserver, reactor, log, ledger)
        self.tserver.dialer = self.ocs
        direct_messages = None
        if conf.ocs.direct_log is not None:
            direct_messages = DirectLog(self._open_log("ocs", conf.ocs.direct_log, "direct_log"), self._seconds)
        self.door = DirectDoor(self.ocs, open_direct, direct_messages)
        self.ocs_http = None if conf.ocs_http is None else ocs_http_site(self.ocs, conf.ocs_http, reactor)
        self.gws = None if conf.gws is None else GwsSite(self.ocs, conf.ocs.dbid, conf.gws, reactor, direct_messages)
        self.agent_api = None
        if conf.gws is not None and self.gws is not None:
            self.agent_api = AgentApi(self.tserver, dns, conf.gws, Timers(reactor))
            self.agent_api.hang_on(self.gws.root)
        self.reports: StatusReports | None = None
        if conf.ocs.campaigngroup_states_uri is not None:
            interval = conf.ocs.campaigngroup_states_interval
            self.reports = StatusReports(self.ocs.groups, conf.ocs.campaigngroup_states_uri, interval, reactor)
            self.ocs.voice.report = self.reports.report
        self._ports: dict[str, IListeningPort] = {}

    async def start(self) -> int:
        """Listen and begin; returns T-Server's port number (0: none). Raises CannotStart where a port is taken.

        One of a pair that is not in charge listens, and closes what comes, until it takes over.
        """
        await self._listen("tserver", self.conf.tserver.listen, self.tserver)
        if self.conf.ocs.listen is not None:
            await self._listen("direct", self.conf.ocs.listen, self.door)
        if self.conf.ocs_http is not None and self.ocs_http is not None:
            await self._listen("ocs-http", self.conf.ocs_http.listen, self.ocs_http)
        if self.conf.gws is not None and self.gws is not None:
            await self._listen("gws", self.conf.gws.listen, self.gws)
        if self.reports is not None:
            self.reports.start()
        self._begin()
        return _number(self._ports["tserver"])

    def _begin(self) -> None:
        """Be in charge, if that may be; else look again soon."""
        if self._shared is None:
            self.ocs.start()
            self._write_status()
            return
        try:
            if (self._role is Role.PRIMARY or self._shared.is_there) and self._shared.take():
                self._take_over(self._shared)
                return
        except (OSError, ValueError, KeyError) as problem:
            raise CannotStart(f"[pair] state: {problem!r}") from problem
        self._role = Role.BACKUP  # the other one is there: its state counts
        self._timers.later(LOOK_AGAIN, self._begin)

    def _take_over(self, shared: SharedState) -> None:
        self.in_charge = True
        if self._role is Role.PRIMARY:
            self.ocs.start()
        else:
            state = shared.read()
            self.tserver.resume(state["agents"])
            self.ocs.resume(state["ocs"])
        self._hand_over()
        for door in self._doors:
            door.in_charge = True
        self._write_status()

    def stand_down(self) -> None:
        """Be in charge no more, of a pair that is switched over by hand: the other one takes over.

        Connections stay, and nothing is heard or said on them any more. It serves again when it is started anew.
        """
        self.in_charge = False
        for door in self._doors:
            door.in_charge = False
        self.ocs.end()
        self._timers.cancel_all()
        if self._shared is not None:
            self._shared.leave()

    def _hand_over(self) -> None:
        """A turn of work is over: what it changed is there for the other one, before anybody hears of it."""
        if self._shared is not None and self.in_charge:
            self._shared.write({"agents": self.tserver.as_json(), "ocs": self.ocs.as_json()})

    @property
    def ports(self) -> dict[str, int]:
        """The port numbers of what listens: `tserver`, `direct`, `ocs-http`, `gws`."""
        return {name: _number(port) for name, port in self._ports.items()}

    @property
    def direct_port(self) -> int:
        """The port number of the direct door; 0 where there is none."""
        return self.ports.get("direct", 0)

    async def _listen(self, name: str, listen: str, factory: IProtocolFactory) -> None:
        if self._shared is not None:
            factory = PairDoor(factory, self._hand_over)
            self._doors.append(factory)
        try:
            self._ports[name] = await serverFromString(self._reactor, listen).listen(factory)
        except (CannotListenError, OSError, ValueError) as problem:
            raise CannotStart(f"cannot listen on {listen}: {problem}") from problem

    async def stop(self) -> None:
        """Close every connection and file; the status file has the last word. The other one of a pair goes on."""
        was_in_charge, self.in_charge = self.in_charge, False
        if self.agent_api is not None:
            self.agent_api.end()
        self.ocs.end()
        if self.reports is not None:
            self.reports.end()
        self._timers.cancel_all()
        if was_in_charge:
            self._write_status()
        self._last_truth = self._last_truth or self.truth()
        for database in self._databases.values():
            database.close()
        ports, self._ports = self._ports, {}
        for port in ports.values():
            stopped = port.stopListening()
            if isinstance(stopped, Deferred):
                await stopped
        sessions: list[Session | DirectSession] = [*self.tserver.sessions, *self.door.sessions]
        transports: list[ITransport | None] = [session.transport for session in sessions]
        transports += [channel.transport for site in (self.ocs_http, self.gws) if site for channel in site.channels]
        for transport in transports:
            transport.abortConnection()  # type: ignore[union-attr]
        for file in self._log_files:
            file.close()
        if self._shared is not None:
            self._shared.leave()

    def truth(self) -> dict[str, Any]:
        """See Ocs.truth; `too_slow` counts clients that were disconnected because they did not read."""
        if self._last_truth is not None:
            return self._last_truth
        return {**self.ocs.truth(), "too_slow": self.tserver.too_slow}

    # ------------------------------------------------------------------------------------------ files

    def _open_lists(self) -> list[CallingList]:
        lists = []
        for each in self.conf.lists:
            try:
                if each.file not in self._databases:
                    self._databases[each.file] = open_database(each.file)
                database = self._databases[each.file]
                lists.append(
                    CallingList(each.name, each.dbid, database, each.table or each.name, each.records, each.phones)
                )
            except sqlite3.Error as problem:
                raise CannotStart(f"[calling list {each.name}] {each.file}: {problem}") from problem
        return lists

    def _open_log(self, section: str, path: str, option: str = "log") -> Callable[[str], object]:
        """Where lines of a log go."""
        try:
            file = Path(path).open("a", encoding="utf-8", buffering=1)  # noqa: SIM115
        except OSError as problem:
            raise CannotStart(f"[{section}] {option}: {problem}") from problem
        self._log_files.append(file)

        def write(line: str) -> None:
            if not file.closed:  # clients are still leaving when the simulator has come to its end
                file.write(line + "\n")

        return write

    def _seconds(self) -> float:
        return float(self._reactor.seconds())

    def _changed(self) -> None:
        if self._status_file is not None and not self._status_is_due:
            self._status_is_due = True
            self._timers.later(STATUS_INTERVAL, self._write_status)

    def _write_status(self) -> None:
        """Whole or not at all: whoever reads sees the old file or the new one."""
        self._status_is_due = False
        if self._status_file is not None:
            write_json(self._status_file, self.truth())


def _number(port: IListeningPort) -> int:
    address = port.getHost()
    return address.port if isinstance(address, (IPv4Address, IPv6Address)) else 0


def write_json(path: str, content: object) -> None:
    """Put JSON in the place of a file, in one step."""
    fresh = f"{path}.new"
    Path(fresh).write_text(json.dumps(content, indent=1), encoding="utf-8")
    os.replace(fresh, path)
