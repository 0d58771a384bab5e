"""The service put together from a Config, for twistd and for `tevent-proxy run`."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from itertools import count
from typing import Any

from twisted.application.service import Service
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.error import CannotListenError
from twisted.logger import Logger, globalLogBeginner, textFileLogObserver
from twisted.python.failure import Failure
from twisted.python.usage import Options as TwistdOptions
from twisted.python.usage import UsageError

from proxy.admin.site import site
from proxy.campaign.groups import Groups
from proxy.campaign.policy import Control
from proxy.channel import Channel
from proxy.config import Config, ConfigError, WitnessSection, load
from proxy.direct.channel import Direct
from proxy.drain import Drain
from proxy.errors import OurError
from proxy.http.gws_channel import Gws
from proxy.http.ocs_channel import OcsHttp
from proxy.interfaces import IRecordWitness
from proxy.relay.causes import Cause
from proxy.relay.ports import Ports
from proxy.reload import Reload
from proxy.shared.board import SharedSwitchboard
from proxy.shared.member import Member
from proxy.shared.stream import Stream
from proxy.status import Status
from proxy.store.unusable import Unusable
from proxy.store.urls import redis_url, store_of
from proxy.switchboard import Switchboard
from proxy.tevents.channel import TEvents
from proxy.tracefile import TraceFile
from proxy.witness.kinds import witness_kind


class CannotStart(OurError):
    """The service cannot begin; one line says why."""


class ProxyService(Service):
    """Everything a conf file asks for. `forget`: what the store has kept is set aside when it begins.

    `now` is a clock that never jumps, `wall` the time of day, both in seconds; `chance` picks the part of the
    range of references that is this instance's (R24), and when to try again what failed.
    """

    log = Logger()

    def __init__(
        self,
        config: Config,
        reactor: Any,
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        chance: random.Random | None = None,
    ) -> None:
        chance = chance or random.SystemRandom()
        self.config = config
        self.forget = False
        self._reactor = reactor
        self.board = _board(config, reactor, now, wall, chance)
        self.channels: list[Channel] = []
        self._wall = wall
        self._traces: dict[str, TraceFile] = {}
        limits, timeout, numbers = config.limits, config.policy.answer_timeout, count(1)
        if config.tevents is not None:
            trace = self._trace("tevents", config.tevents.trace)
            self.channels.append(
                TEvents(reactor, config.tevents, limits, timeout, self.board, numbers, chance.random, trace)
            )
        if config.direct is not None:
            trace = self._trace("direct", config.direct.trace)
            self.channels.append(
                Direct(
                    reactor,
                    config.direct,
                    limits,
                    timeout,
                    self.board,
                    numbers,
                    chance.random,
                    self._direct_completes,
                    trace,
                )
            )
        if config.ocs_http is not None:
            self.channels.append(OcsHttp(reactor, config.ocs_http, limits, self.board, numbers, chance.random))
        if config.gws is not None:
            self.channels.append(Gws(reactor, config.gws, limits, self.board, numbers))
        self.witnesses = self.board.witnessed_by([self._witness_of(section) for section in config.witnesses])
        sharing = self.board.member if isinstance(self.board, SharedSwitchboard) else None
        self.status = Status(self.board, self.channels, self.witnesses, sharing)
        self.admin = Ports(reactor, config.admin.listen if config.admin is not None else (), site(self.status))
        self.drain = Drain(reactor, limits.drain, self._is_left)
        self.reload = Reload(config, self.board, self.channels, self.admin, self.drain)

    def _witness_of(self, section: WitnessSection) -> Callable[[], IRecordWitness]:
        return lambda: witness_kind(section.kind).witness(section.name, section.options, self._reactor)

    def _trace(self, section: str, path: str | None) -> TraceFile | None:
        """Where a channel is traced to. Channels that name the same file share it, in the order of what happens."""
        if path is None:
            return None
        shared = (file for file in self._traces.values() if os.path.realpath(file.path) == os.path.realpath(path))
        self._traces[section] = next(shared, None) or TraceFile(path, self._wall)
        return self._traces[section]

    def _direct_completes(self) -> bool:
        """Whether the control of some group is direct."""
        config = self.reload.config
        policies = (config.policy, *(group.policy for group in config.groups))
        return any(policy.control is Control.DIRECT for policy in policies)

    def _is_left(self) -> bool:
        """Whether nobody is there any more, and nothing that was begun has yet to be finished."""
        return not self.board.is_completing and not any(each.connections.sessions for each in self.channels)

    def begin(self) -> Deferred[None]:
        """Listen everywhere, and connect to the dialer. Fails with CannotStart."""
        return Deferred.fromCoroutine(self._begin())

    async def _begin(self) -> None:
        self._begin_traces()
        try:
            self.board.take_up(self.forget)
            await self.admin.start()
            for channel in self.channels:
                await channel.start()
            self.board.watch()
        except Unusable as problem:
            raise CannotStart(f"[store] {problem}") from problem
        except CannotListenError as problem:
            where = f"{problem.interface or '*'}:{problem.port}"
            raise CannotStart(f"cannot listen on {where}: {problem.socketError}") from problem
        except OSError as problem:
            raise CannotStart(f"cannot listen: {problem}") from problem
        self._say_where()

    def _begin_traces(self) -> None:
        for section, file in self._traces.items():
            try:
                file.open()
            except OSError as problem:
                raise CannotStart(f"[{section}] trace: {problem}") from problem
            self.log.info("{name}: traced to {path}", name=section, path=file.path)

    def _say_where(self) -> None:
        ports = [("admin", port) for port in self.admin.ports]
        ports += [named for channel in self.channels for named in channel.ports()]
        for name, port in ports:
            host = port.getHost()
            where = f"{host.host}:{host.port}" if isinstance(host, (IPv4Address, IPv6Address)) else host
            self.log.info("{name}: listening on {where}", name=name, where=where)

    def startService(self) -> None:
        """See IService. Raises CannotStart where something cannot listen: then stop what listens already."""
        problems: list[Failure] = []

        def failed(problem: Failure) -> None:
            if self.running:
                # An endpoint that took its time: the rest goes on, and /health says what does not listen.
                self.log.failure("cannot begin", problem)
            else:
                problems.append(problem)

        self.begin().addErrback(failed)
        for problem in problems:
            problem.raiseException()
        Service.startService(self)

    def stopService(self) -> Deferred[None]:
        """See IService: takes no more clients, and lets sessions go on until they end, for `drain` seconds at most.

        What is on its way in them is delivered then. A completion that has begun is finished in that time, and none
        begins.
        """
        Service.stopService(self)
        return Deferred.fromCoroutine(self._end())

    def hurry(self) -> None:
        """The service is stopping, and shall stop now."""
        self.drain.hurry()
        for channel in self.channels:
            channel.connections.cut_off_all(Cause.SHUTDOWN)

    async def _end(self) -> None:
        self.board.retire()
        await DeferredList([channel.connections.stop_listening() for channel in self.channels])
        await self.drain.wait()
        self.board.watch_no_more()
        await DeferredList([self.admin.stop(), *(channel.stop() for channel in self.channels)])
        self.board.close()
        await self.board.leave()
        for file in self._traces.values():
            file.close()


def _board(
    config: Config, reactor: Any, now: Callable[[], float], wall: Callable[[], float], chance: random.Random
) -> Switchboard:
    """Where groups are this proxy's own, or shared with others."""

    def fresh() -> Groups:
        return Groups(config.policy, config.groups, chance.getrandbits(14))

    store, redis = config.store, redis_url(config.store.url)
    if redis is None:
        return Switchboard(fresh(), store_of(store.url, reactor), reactor, now, wall)
    stream = Stream(reactor, redis, store.prefix)
    member = Member(reactor, stream, fresh, store.lease, lambda: f"{wall():.0f}-{chance.getrandbits(32):08x}")
    return SharedSwitchboard(fresh(), member, (config.policy, config.groups), reactor, now, wall)


# ---------------------------------------------------------------------------------------------------------- twistd


class Options(TwistdOptions):
    """The options of `twistd tevent-proxy`."""

    optParameters = [["config", "c", None, "The conf file."]]
    optFlags = [["forget", None, "Set aside what the store has kept of groups, and begin anew."]]

    def postOptions(self) -> None:
        """A conf file is needed."""
        if self["config"] is None:
            raise UsageError("--config FILE is needed")


class _Ends(SystemExit, Exception):
    """Ends twistd: as a SystemExit with one line and status 1, as an Exception so that it tells whoever waits for the
    daemon to begin, and removes its pid file."""


class _TwistdService(ProxyService):
    """The service for twistd: what keeps it from beginning ends the process."""

    def __init__(self, config: Config, reactor: Any, path: str) -> None:
        super().__init__(config, reactor)
        self._path = path

    def privilegedStartService(self) -> None:
        """See IService."""
        try:
            self.startService()
        except CannotStart as problem:
            raise _Ends(f"tevent-proxy: {problem}") from None
        heed_signals(self, self._reactor, self._path)

    def startService(self) -> None:
        """See IService: twistd calls it after the privileged start, which did all there is to do."""
        if not self.running:
            ProxyService.startService(self)


def makeService(options: Options) -> Service:
    """What twistd runs. Ends the process with every problem of the conf file where there is one."""
    from twisted.internet import reactor

    try:
        config = load(options["config"])
    except ConfigError as error:
        raise SystemExit("\n".join(error.lines(options["config"]))) from None
    service = _TwistdService(config, reactor, os.path.abspath(options["config"]))
    service.forget = bool(options["forget"])
    return service


# --------------------------------------------------------------------------------------------------- tevent-proxy run


def heed_signals(service: ProxyService, reactor: Any, path: str) -> None:
    """SIGTERM and SIGINT let the service drain, and a second one ends it now; the process ends with status 0.

    With SIGHUP the conf file at `path` is read again.
    """
    log = Logger(namespace="proxy.service")

    def hang_up() -> None:
        service.reload.read(path).addErrback(lambda problem: log.failure("SIGHUP: the conf file", problem))

    def stop() -> None:
        if service.drain.begun:
            log.info("told to stop again: all sessions end now")
            service.hurry()
        else:
            log.info("told to stop: sessions may go on for {seconds:g} s", seconds=service.drain.seconds)
            reactor.stop()

    def heed(number: int, call: Callable[[], None]) -> None:
        signal.signal(number, lambda *_: reactor.callFromThread(call))

    heed(signal.SIGHUP, hang_up)
    # The reactor sets its own when it starts to run.
    reactor.callWhenRunning(heed, signal.SIGTERM, stop)
    reactor.callWhenRunning(heed, signal.SIGINT, stop)


def run(config: Config, path: str, forget: bool = False) -> int:
    """Run the proxy of the conf file at `path` until SIGTERM or SIGINT; the exit status of the process.

    `forget`: see ProxyService.
    """
    from twisted.internet import reactor

    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)], redirectStandardIO=False)
    service = ProxyService(config, reactor)
    service.forget = forget
    problems: list[str] = []

    def begin() -> None:
        try:
            service.startService()
        except CannotStart as problem:
            problems.append(str(problem))
        except Exception as problem:  # noqa: BLE001 (a plug-in's mistake, say; a proxy begins as a whole or not at all)
            service.log.failure("cannot begin")
            problems.append(f"cannot begin: {problem!r}, see the log")
        if problems:
            reactor.stop()

    heed_signals(service, reactor, path)
    reactor.callWhenRunning(begin)
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    reactor.run()
    for problem in problems:
        print(f"tevent-proxy: {problem}", file=sys.stderr)  # noqa: T201 (what a command has to say)
    return 1 if problems else 0
