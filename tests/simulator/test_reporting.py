"""Campaign group status reporting of the simulated OCS, over real sockets: what it posts, and what becomes of it."""

from __future__ import annotations

import json
from collections.abc import Callable

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource

from proxy.simulator.arrivals import NotingSite
from proxy.simulator.conf import read_conf
from proxy.simulator.service import Simulator
from tests.e2e.stage import StageReactor
from tests.simulator.desk import START
from tests.simulator.web import CONF, WebCase

LIFE = ["Active", "Running", "Active", "WaitingUnload", "UnloadInProgress", "NotLoaded"]


class Taker(Resource):
    """Takes reports with a status of the test's."""

    isLeaf = True
    status = 204

    def render(self, request) -> bytes:
        request.setResponseCode(self.status)
        return b""


class ReportingTests(WebCase):
    """OCS, and somebody to report to."""

    async def report_to(self, more: str = "") -> None:
        """OCS begins; reports go to `self.site`."""
        self.taker = Taker()
        self.site = NotingSite(self.taker, reactor, 0)
        port = reactor.listenTCP(0, self.site, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        uri = f"http://127.0.0.1:{port.getHost().port}/ocs?x=1"
        await self.begin(f"campaigngroup_states_uri = {uri}\n{more}")

    @property
    def states(self) -> list[str]:
        """The states that were reported, in order."""
        return [json.loads(each.body)["GSW_CAMPAIGN_GROUP_STATE"] for each in self.site.arrived]

    async def live(self) -> None:
        """The group is loaded, started, stopped, unloaded."""
        for request in ("Load", "Start", "Stop", "Unload"):
            await self.ask(f"/campaigngroups/101?req={request}")

    async def test_state_changes(self) -> None:
        """Each change is a POST of its own, in order, with the keys that are known."""
        await self.report_to()
        await self.live()
        await self.until(lambda: len(self.site.arrived) == 6)
        assert self.states == LIFE
        first = self.site.arrived[0]
        assert (first.method, first.target) == (b"POST", b"/ocs?x=1")
        assert first.values(b"content-type") == [b"application/json"]
        assert json.loads(first.body) == {
            "GSW_CAMPAIGN_GROUP_DBID": 101,
            "GSW_CAMPAIGN_GROUP_NAME": "Sales@Agents",
            "GSW_CAMPAIGN_NAME": "Sales",
            "GSW_GROUP_NAME": "Agents",
            "GSW_CAMPAIGN_GROUP_STATE": "Active",
            "GSW_DIAL_MODE": "Preview",
            "GSW_STAT_TIME_TO_COMPLETE": None,
            "GSW_STAT_HIT_RATIO": None,
        }
        await self.until(lambda: self.simulator.reports.posted == 6)

    async def test_a_mode_that_changes(self) -> None:
        """Another dial mode is reported."""
        await self.report_to()
        await self.ask("/campaigngroups/101?req=Load")
        await self.ask("/campaigngroups/101?req=SetDialingMode", {"GSW_CM_AttrDialMode": 1})
        await self.until(lambda: len(self.site.arrived) == 2)
        assert json.loads(self.site.arrived[1].body)["GSW_DIAL_MODE"] == "Predictive"

    async def test_failures_are_not_repeated(self) -> None:
        """A report that is not taken is not sent again; those after it are sent."""
        await self.report_to()
        self.taker.status = 500
        await self.live()
        await self.until(lambda: self.simulator.reports.failed == 6)
        assert self.states == LIFE
        assert self.simulator.reports.posted == 0

    async def test_nobody_is_there(self) -> None:
        """Where nobody listens, OCS goes on, and what it could not report is counted."""
        await self.begin("campaigngroup_states_uri = http://127.0.0.1:1/")
        await self.live()
        await self.until(lambda: self.simulator.reports.failed == 6)

    async def test_the_end_comes_in_a_post(self) -> None:
        """OCS ends while a report waits for its reply: nothing is left behind."""
        await self.report_to()
        held = []

        def hold(request) -> int:
            held.append(request.notifyFinish().addErrback(lambda _: None))
            return 1  # NOT_DONE_YET

        self.taker.render = hold
        await self.live()
        await self.until(lambda: held)
        self.simulator.reports.end()
        await held[0]
        assert len(self.site.arrived) == 1


class StatisticsTests(TestCase):
    """On the real clock the interval would take its time."""

    timeout = 300

    async def until(self, holds: Callable[[], object]) -> None:
        """Let the reactor turn until something holds."""
        while not holds():
            await deferLater(reactor, 0)

    async def test_statistics(self) -> None:
        """Every interval there is a report on each group that is loaded, and on no other."""
        clock = Clock()
        clock.advance(START)
        taker = Taker()
        site = NotingSite(taker, reactor, 0)
        port = reactor.listenTCP(0, site, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        uri = f"http://127.0.0.1:{port.getHost().port}/"
        lines = f"campaigngroup_states_uri = {uri}\ncampaigngroup_states_interval = 7"
        simulator = Simulator(read_conf(CONF.format(ocs=lines, ocs_http="")), StageReactor(clock))
        await simulator.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(simulator.stop()))
        clock.advance(7)
        assert not site.arrived
        simulator.ocs.groups[0].load()
        await self.until(lambda: simulator.reports.posted == 1)
        clock.advance(7)
        await self.until(lambda: simulator.reports.posted == 2)
        clock.advance(7)
        await self.until(lambda: simulator.reports.posted == 3)
        bodies = [each.body for each in site.arrived]
        assert bodies[0] == bodies[1] == bodies[2]
