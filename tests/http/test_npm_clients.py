"""Software that none of us wrote: the vendor's JavaScript client, and CometD's, at the simulated Agent API; through the
proxy, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from proxy.config import parse
from proxy.service import ProxyService
from proxy.simulator.conf import GwsConf
from proxy.simulator.operator import Operator, Order
from proxy.simulator.service import Simulator
from tests.http.node import NodeDesk, installed
from tests.simulator.desk import conf

DIALED = {"records": 1, "mode": "Progressive", "ocs": "dial_time = 0.01\nring_time = 0.01"}

PROXY = """
[tevents]
listen = tcp:0:interface=127.0.0.1
upstream = tcp:127.0.0.1:{tserver}
communication_dn = OCS_CommDN
application = tevent-proxy
application_dbid = 4114
[gws]
listen = tcp:0:interface=127.0.0.1
upstream = http://127.0.0.1:{gws}
[completion]
by = proxy
settle = 0.5
settle_dialed = 0.5
[group Sales@Agents]
dbid = 101
"""

VENDORS, COMETDS = "workspace.mjs", "plain.mjs"
"""The scripts: the vendor's client, and CometD's."""

TRANSPORTS: dict[str, list[str]] = {VENDORS: [], COMETDS: ["websocket", "long-polling"]}
"""What each says of the transports it tried."""


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the scripts, and the clients they need."""
    return installed(tmp_path_factory.mktemp("npm"))


@pytest.fixture(scope="class")
def _with_clients(request: pytest.FixtureRequest, clients: Path) -> None:
    request.cls.folder = clients


@pytest.mark.usefixtures("_with_clients")
class Case(TestCase):
    """A simulator with a GWS door, and desktops at it."""

    timeout = 300
    folder: ClassVar[Path]

    async def opened(self, **options: Any) -> Simulator:
        """A simulator of desk.conf with these options."""
        door = GwsConf(listen="tcp:0:interface=127.0.0.1", poll_timeout=600)
        ocs = f"{options.pop('ocs', '')}\napplications = 4114 4115"
        self.simulator = Simulator(attrs.evolve(conf(ocs=ocs, **options), gws=door), reactor)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.simulator.stop()))
        await self.simulator.start()
        return self.simulator

    async def desk(self, script: str, dn: str, port: int) -> NodeDesk:
        """A desktop that has initialised, subscribed, and asked for the status."""
        base = f"http://127.0.0.1:{port}"
        desk = NodeDesk(self.folder, script, base, dn)
        self.addCleanup(lambda: Deferred.fromCoroutine(desk.end()))
        await desk.until("answered", "CampaignStatusRequest")
        self.assertEqual(desk.lines[0], {"did": "sign in", "status": 302, "to": base})
        self.assertEqual(desk.said("user"), [dn])
        return desk

    async def order(self, request: str, port: int, **more: Any) -> None:
        """An operator, an application of its own, asks something of the group, over T-Events."""
        order = Order(request, dbid=101, application_id=4115, timeout=300, **more)
        await Operator(order, reactor).connect(f"tcp:127.0.0.1:{port}")

    async def answer_a_call(self, script: str, port: int, gws: int) -> None:
        """OCS dials the only record, the agent talks to the customer."""
        desk = await self.desk(script, "3001", gws)
        await self.order("load", port)
        await self.order("start", port)
        await desk.until("heard", "RecordProcessedAcknowledge")
        calls = [(line["call"], line["why"]) for line in desk.lines if "call" in line]
        self.assertEqual(
            calls,
            [
                ("Ringing", "StatusChange"),
                ("Established", "StatusChange"),
                ("Established", "AttachedDataChanged"),
                ("Released", "StatusChange"),
            ],
        )
        [released] = [line for line in desk.lines if line.get("call") == "Released"]
        self.assertIn({"key": "Remark", "type": "str", "value": "friendly"}, released["data"])
        await desk.leave()


class AtTheSimulator(Case):
    """Directly, nothing between them."""

    async def work(self, script: str) -> NodeDesk:
        simulator = await self.opened(records=3)
        port = simulator.ports["tserver"]
        desk = await self.desk(script, "3001", simulator.ports["gws"])
        await self.order("load", port)
        await self.order("start", port)
        await desk.until("heard", "No Records Available")
        await self.order("stop", port)
        await self.order("unload", port)
        await desk.until("heard", "CampaignUnloaded")
        await desk.leave()
        self.assertEqual(desk.words(), ["CampaignLoaded", "CampaignStarted", "CampaignStopped", "CampaignUnloaded"])
        asked = [did for did in desk.said("did") if did in ("PreviewRecordRequest", "RecordProcessed")]
        self.assertEqual(asked[:7], ["PreviewRecordRequest", "RecordProcessed"] * 3 + ["PreviewRecordRequest"])
        self.assertEqual(simulator.truth()["groups"][0]["left"], 0)
        self.assertFalse(simulator.tserver.attended("3001"))
        return desk

    async def test_the_vendors_client(self) -> None:
        """It initialises, subscribes, sends user events and gets them, works until there are no records, logs out."""
        await self.work(VENDORS)

    async def test_the_cometd_client(self) -> None:
        """The same. It would rather have a WebSocket, and does with long polling where it gets none."""
        desk = await self.work(COMETDS)
        self.assertEqual(desk.said("transport"), TRANSPORTS[COMETDS])
        self.assertEqual(desk.said("successful"), [False, True])

    async def call(self, script: str) -> None:
        simulator = await self.opened(**DIALED)
        await self.answer_a_call(script, simulator.ports["tserver"], simulator.ports["gws"])

    async def test_calls_with_the_vendors_client(self) -> None:
        """A call that OCS dialled rings, is established, gets user data, is released, and its record is processed."""
        await self.call(VENDORS)

    async def test_calls_with_the_cometd_client(self) -> None:
        """The same."""
        await self.call(COMETDS)


class ThroughTheProxy(Case):
    """The proxy between them, which completes the group; OCS tells no agent that it is over."""

    async def proxied(self, **options: Any) -> tuple[int, int]:
        """Simulator and proxy; the proxy's ports for T-Events and for GWS."""
        ocs = f"{options.pop('ocs', '')}\nnotify_agents = no"
        simulator = await self.opened(ocs=ocs, **options)
        config = parse(PROXY.format(**{name: simulator.ports[name] for name in ("tserver", "gws")}))
        self.proxy = ProxyService(config, reactor)
        self.addCleanup(self._stop)
        await self.proxy.begin()
        self.proxy.running = True
        tevents, gws = (channel.connections.ports[0].getHost().port for channel in self.proxy.channels)
        return tevents, gws

    def _stop(self) -> Deferred[None]:
        stopped = self.proxy.stopService()
        self.proxy.hurry()
        return stopped

    async def work(self, *scripts: str) -> None:
        port, gws = await self.proxied(records=6)
        desks = [await self.desk(script, dn, gws) for script, dn in zip(scripts, ("3001", "3002"), strict=False)]
        await self.order("load", port, auto_completion=1)
        await self.order("start", port, auto_completion=1)
        for desk, script in zip(desks, scripts, strict=True):
            self.assertEqual(desk.said("transport"), TRANSPORTS[script])
            await desk.until("heard", "CampaignUnloaded")
        [group] = self.proxy.board.status()
        truth = self.simulator.truth()["groups"][0]
        self.assertEqual((truth["state"], truth["left"], truth["finalized"]), ("not_loaded", 0, 6))
        self.assertEqual((group["state"], group["completions"]), ("unloaded", 1))
        await self.order("load", port)
        for desk in desks:
            await desk.until("heard", "CampaignLoaded", 2)
            life = ["CampaignLoaded", "CampaignStarted", "CampaignStopped", "CampaignUnloaded", "CampaignLoaded"]
            self.assertEqual(desk.words(), life)
            self.assertEqual(desk.said("stray"), [])
            await desk.leave()
        assert self.simulator.agent_api is not None
        self.assertEqual(self.simulator.agent_api.bayeux.doubled, 0)

    async def test_the_vendors_client(self) -> None:
        """It hears that the campaign is stopped, then unloaded, once each, while its poll waits; none is doubled."""
        await self.work(VENDORS)

    async def test_the_cometd_client(self) -> None:
        """The same."""
        await self.work(COMETDS)

    async def test_both_at_once(self) -> None:
        """Two agents of a group, each with another client."""
        await self.work(VENDORS, COMETDS)

    async def test_calls(self) -> None:
        """A call passes, and what the vendor's client does with it."""
        port, gws = await self.proxied(**DIALED)
        await self.answer_a_call(VENDORS, port, gws)
