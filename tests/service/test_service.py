"""The service put together from a conf file: channel, groups, pages, and what gets what."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from random import Random
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from proxy.config import parse
from proxy.relay import ports
from proxy.service import CannotStart, Options, ProxyService, makeService
from tests.relay.net import End, Ends
from tests.tevents.desk import COMM_DN, event, frame, request
from tests.tevents.net import messages

CONF = """
[tevents]
listen = {listen}
upstream = {upstream}
communication_dn = OCS_CommDN
application = tevent-proxy
application_dbid = 4114
[completion]
by = proxy
[group Sales@Agents]
dbid = 101
campaign_id = 55
group_id = 732
attribute = add
[admin]
listen = {admin}
[limits]
{limits}
"""
FREE = "tcp:0:interface=127.0.0.1"


class ServiceTestCase(TestCase):
    """A service on free ports, before a T-Server that accepts what comes."""

    timeout = 300

    async def server(self) -> str:
        """A T-Server, as an endpoint to connect to."""
        self.ends = Ends()
        port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(self.ends)
        self.addCleanup(port.stopListening)
        self.addCleanup(lambda: [end.reset() for end in self.ends.ends if end.lost is None])
        return f"tcp:127.0.0.1:{port.getHost().port}"

    def conf(self, upstream: str, listen: str = FREE, admin: str = FREE, limits: str = "") -> str:
        """A conf file's text."""
        return CONF.format(upstream=upstream, listen=listen, admin=admin, limits=limits)

    def make(self, conf: str) -> ProxyService:
        """A service that is ended after the test."""
        self.service = ProxyService(parse(conf), reactor, chance=Random(1))
        self.addCleanup(self._stop)
        return self.service

    async def start(self, conf: str) -> ProxyService:
        """A service that has started; its control session has connected."""
        self.make(conf).startService()
        return self.service

    def _stop(self) -> Deferred[None]:
        stopped = self.service.stopService()
        self.service.hurry()
        return stopped

    async def until(self, holds: Any) -> None:
        """Let the reactor turn until something holds."""
        while not holds():
            await deferLater(reactor, 0)

    async def connect(self) -> End:
        """A desktop of the service."""
        port = self.service.channels[0].relay.ports[0].getHost().port
        end = await TCP4ClientEndpoint(reactor, "127.0.0.1", port).connect(Ends())
        self.addCleanup(lambda: end.lost is None and end.reset())
        return end

    async def page(self, path: str) -> tuple[int, str]:
        """Status and body of a page of [admin]."""
        url = f"http://127.0.0.1:{self.service.admin.ports[0].getHost().port}{path}"

        def get() -> tuple[int, str]:
            try:
                with urlopen(url, timeout=300) as answer:
                    return answer.status, answer.read().decode()
            except HTTPError as error:
                return error.code, error.read().decode()

        return await deferToThread(get)

    async def reasons(self) -> tuple[int, list[str]]:
        """What /health says."""
        code, body = await self.page("/health")
        return code, json.loads(body)["reasons"]

    async def metric(self, name: str, **labels: str) -> float:
        """A number of /metrics."""
        _, body = await self.page("/metrics")
        for family in text_string_to_metric_families(body):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return sample.value
        raise AssertionError(f"no {name} {labels} in {body}")

    async def registered(self) -> End:
        """The control session's end at the T-Server, registered."""
        end = await self.ends.when_connected()
        await end.when(lambda: len(messages(end)) == 1)
        end.write(frame(95, {2: 0}))
        await end.when(lambda: len(messages(end)) == 2)
        end.write(frame(53, {2: 1, 20: COMM_DN}))
        await self.until(lambda: self.service.channels[0].control.registered)
        return end


class PagesTests(ServiceTestCase):
    """What the pages of [admin] say of a running proxy."""

    async def test_health_before_and_after_registration(self) -> None:
        """/health is 503 with the reason until the control session is registered, and again when it is lost."""
        await self.start(self.conf(await self.server()))
        reason = "tevents: the control session is not registered"
        assert await self.reasons() == (503, [reason])
        control = await self.registered()
        assert await self.reasons() == (200, [])
        assert await self.metric("tevent_proxy_control_registered", channel="tevents") == 1
        control.reset()
        await self.until(lambda: not self.service.channels[0].control.registered)
        assert await self.reasons() == (503, [reason])
        assert await self.metric("tevent_proxy_control_registered", channel="tevents") == 0

    async def test_groups_and_time_line(self) -> None:
        """/groups shows what OCS says of a configured group, /timeline when it was said."""
        await self.start(self.conf(await self.server()))
        control = await self.registered()
        control.write(event(COMM_DN, GSW_CM_MessageType=21, GSW_CM_AttrSessionID=101, GSW_CM_AttrDialMode=3))
        await self.until(lambda: len(self.service.board.timeline) == 3)
        _, body = await self.page("/groups")
        (group,) = json.loads(body)["groups"]
        assert {
            key: group[key] for key in ("name", "dbid", "campaign_id", "group_id", "state", "armed", "retrieved")
        } == {
            "name": "Sales@Agents",
            "dbid": 101,
            "campaign_id": 55,
            "group_id": 732,
            "state": "running",
            "armed": True,
            "retrieved": None,
        }
        _, body = await self.page("/timeline")
        assert [entry["news"] for entry in json.loads(body)] == ["loaded", "started", "armed"]
        assert await self.metric("tevent_proxy_group_state", group="Sales@Agents", state="running") == 1

    async def test_metrics_of_traffic(self) -> None:
        """/metrics counts sessions, bytes, messages by name, rewritten requests, broken bodies, requests of our own."""
        await self.start(self.conf(await self.server()))
        await self.registered()
        desktop = await self.connect()
        upstream = await self.ends.when_connected(2)
        load = request(GSW_CM_MessageType=7, GSW_CM_AttrSessionID=101)
        broken = b"\0\0\0\x04\0\x30\xff\xff"
        unknown = frame(31000, {})
        desktop.write(load + broken + unknown)
        changed = request(GSW_CM_MessageType=7, GSW_CM_AttrSessionID=101, GSW_AUTO_COMPLETION=1)
        await upstream.when_received(len(changed + broken + unknown))
        assert upstream.received == changed + broken + unknown
        assert await self.metric("tevent_proxy_sessions", channel="tevents") == 1
        assert await self.metric("tevent_proxy_sessions_begun_total", channel="tevents") == 1
        sent = {"channel": "tevents", "sender": "client"}
        assert await self.metric("tevent_proxy_bytes_total", **sent) == len(load + broken + unknown)
        assert await self.metric("tevent_proxy_frames_total", **sent, message="RequestDistributeUserEvent") == 2
        assert await self.metric("tevent_proxy_frames_total", **sent, message="unknown") == 1
        for what, number in (("rewritten", 1), ("malformed", 1), ("not_rewritten", 0), ("swallowed", 0)):
            assert await self.metric("tevent_proxy_looked_total", channel="tevents", what=what) == number
        assert await self.metric("tevent_proxy_requests_sent_total", request="ask_status") == 1
        assert await self.metric("tevent_proxy_mistakes_total") == 0
        assert await self.metric("tevent_proxy_unseen_total", **sent) == 0

    async def test_mistakes_of_ours(self) -> None:
        """A mistake in the groups, or in looking, is said in /health and counted in /metrics."""
        await self.start(self.conf(await self.server()))
        await self.registered()
        self.service.board.failed = 3
        self.service.channels[0].relay.to_client.failed = 1
        self.service.board.store_problem = "disk full"
        assert await self.reasons() == (
            503,
            [
                "tevents: 1 mistakes of ours about the upstream, see the log",
                "store: disk full",
                "groups: 3 mistakes of ours about them, see the log",
            ],
        )
        assert await self.metric("tevent_proxy_mistakes_total") == 3
        assert await self.metric("tevent_proxy_unseen_total", channel="tevents", sender="upstream") == 1


class LimitsTests(ServiceTestCase):
    """What gets what."""

    async def test_an_upstream_that_is_not_there(self) -> None:
        """The desktop's connection is closed, for that cause; /health names every upstream that was tried."""
        nobody_listens = [socket.socket(), socket.socket()]
        for each in nobody_listens:
            each.bind(("127.0.0.1", 0))  # nor will anybody else, by chance
            self.addCleanup(each.close)
        first, second = (f"tcp:127.0.0.1:{each.getsockname()[1]}" for each in nobody_listens)
        await self.start(self.conf(f"{first}\n  {second}"))
        desktop = await self.connect()
        desktop.write(request(GSW_CM_MessageType=7))
        await desktop.when_told_end()
        assert desktop.received == b""
        desktop.close()
        await self.until(lambda: not self.service.channels[0].relay.sessions)
        cause = {"channel": "tevents", "cause": "upstream_unreachable"}
        assert await self.metric("tevent_proxy_sessions_ended_total", **cause) == 1
        assert await self.reasons() == (
            503,
            [
                f"tevents: {first} could not be reached",
                f"tevents: {second} could not be reached",
                "tevents: the control session is not registered",
            ],
        )

    async def test_max_sessions(self) -> None:
        """One desktop more than there may be is refused, and counted; it leaves room for the next when one goes."""
        await self.start(self.conf(await self.server(), limits="max_sessions = 1"))
        await self.registered()
        first = await self.connect()
        upstream = await self.ends.when_connected(2)
        second = await self.connect()
        await second.when_told_end()
        cause = {"channel": "tevents", "cause": "refused_max_sessions"}
        assert await self.metric("tevent_proxy_sessions_ended_total", **cause) == 1
        first.write(frame(8, {}))
        await upstream.when_received(len(frame(8, {})))
        first.close()
        await upstream.when_told_end()
        upstream.close()
        await self.until(lambda: not self.service.channels[0].relay.sessions)
        third = await self.connect()
        await self.ends.when_connected(3)
        assert third.lost is None


class StartingTests(ServiceTestCase):
    """Where something cannot listen."""

    async def test_a_port_in_use(self) -> None:
        """Neither channel nor pages start on a port that is taken: one line says which, and all is left as it was."""
        upstream = await self.server()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            where = f"127.0.0.1:{taken.getsockname()[1]}"
            in_use = f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1"
            for conf in (self.conf(upstream, listen=in_use), self.conf(upstream, admin=in_use)):
                service = ProxyService(parse(conf), reactor)
                with self.assertRaises(CannotStart) as caught:
                    service.startService()
                assert str(caught.exception).startswith(f"cannot listen on {where}: ")
                assert len(str(caught.exception).splitlines()) == 1
                assert not service.running
                await service.stopService()
                assert service.admin.ports == []
                assert service.channels[0].relay.ports == []

    async def test_an_endpoint_that_takes_its_time_to_fail(self) -> None:
        """An endpoint that finds out late that it cannot listen: the proxy runs, and says so."""
        listening: Deferred[Any] = Deferred()

        class Slow:
            def listen(self, factory: object) -> Deferred[Any]:
                return listening

        self.patch(ports, "serverFromString", lambda reactor, description: Slow())
        service = self.make(self.conf(await self.server()))
        service.startService()
        assert service.running
        listening.errback(CannotListenError("127.0.0.1", 7001, OSError("in use")))
        assert [str(failure.value) for failure in self.flushLoggedErrors(CannotStart)] == [
            "cannot listen on 127.0.0.1:7001: in use"
        ]
        assert "tevents: not listening" in service.status.health()

    async def test_an_address_that_is_not_there(self) -> None:
        """Whatever the system says against an address is a line, too."""
        service = ProxyService(parse(self.conf(await self.server(), listen="tcp:0:interface=192.0.2.1")), reactor)
        with self.assertRaises(CannotStart) as caught:
            service.startService()
        assert str(caught.exception).startswith("cannot listen on 192.0.2.1:0: ")
        await service.stopService()

    async def test_whatever_the_system_says(self) -> None:
        """An error of the system's that is none of listening is a line, too."""

        class Failing:
            def listen(self, factory: object) -> Deferred[Any]:
                raise OSError("no more files")

        self.patch(ports, "serverFromString", lambda reactor, description: Failing())
        with self.assertRaises(CannotStart) as caught:
            self.make(self.conf(await self.server())).startService()
        assert str(caught.exception) == "cannot listen: no more files"

    def test_each_instance_has_references_of_its_own(self) -> None:
        """R24: two proxies before one T-Server do not use the same references; without a say it is by chance."""
        config = parse(self.conf("tcp:127.0.0.1:1"))
        taken = [ProxyService(config, reactor).board.groups._around.references.take() for _ in range(3)]
        assert len(set(taken)) == 3
        assert all(0x60000000 <= reference < 0x70000000 for reference in taken)


def test_a_bad_conf_file_has_all_its_problems_told(tmp_path: Path) -> None:
    """twistd with a bad conf file ends with every problem there is."""
    path = tmp_path / "bad.conf"
    path.write_text("[tevents]\nwire = morse\n[nonsense]\n")
    options = Options()
    options.parseOptions(["--config", str(path)])
    with pytest.raises(SystemExit) as caught:
        makeService(options)
    text = str(caught.value)
    for problem in ("no wire format", "[nonsense]", "listen: missing", "communication_dn: missing"):
        assert problem in text
    assert all(line.startswith(str(path)) for line in text.splitlines())
