"""Software that none of us wrote: the vendor's JavaScript client, and CometD's, at the simulated Agent API."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from proxy.simulator.conf import GwsConf
from proxy.simulator.operator import Operator, Order
from proxy.simulator.service import Simulator
from tests.http.node import NodeDesk, installed
from tests.simulator.desk import conf

VENDORS, COMETDS = "workspace.mjs", "plain.mjs"
"""The scripts: the vendor's client, and CometD's."""


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

    timeout = 120
    folder: ClassVar[Path]

    async def opened(self, **options: Any) -> Simulator:
        """A simulator of desk.conf with these options."""
        door = GwsConf(listen="tcp:0:interface=127.0.0.1", poll_timeout=5)
        self.simulator = Simulator(attrs.evolve(conf(**options), gws=door), reactor)
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
        """An operator asks something of the group, over T-Events."""
        await Operator(Order(request, dbid=101, **more), reactor).connect(f"tcp:127.0.0.1:{port}")


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
        self.assertEqual(desk.said("transport"), ["websocket", "long-polling"])
        self.assertEqual(desk.said("successful"), [False, True])

    async def call(self, script: str) -> None:
        simulator = await self.opened(records=1, mode="Progressive", ocs="dial_time = 0.01\nring_time = 0.01")
        port = simulator.ports["tserver"]
        desk = await self.desk(script, "3001", simulator.ports["gws"])
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

    async def test_calls_with_the_vendors_client(self) -> None:
        """A call that OCS dialled rings, is established, gets user data, is released, and its record is processed."""
        await self.call(VENDORS)

    async def test_calls_with_the_cometd_client(self) -> None:
        """The same."""
        await self.call(COMETDS)
