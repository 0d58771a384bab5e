"""The OCS HTTP channel: clients' requests relayed, requests of the proxy's own, and OCS's status reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort

from proxy.config import Limits, OcsHttpChannel
from proxy.http.channel import HttpChannel, added, http_limits
from proxy.http.control import OcsHttpControl
from proxy.http.ocs_site import OcsHttpSite
from proxy.http.relay.listener import HttpRelay
from proxy.http.reports import Reports
from proxy.switchboard import Switchboard


class OcsHttp(HttpChannel):
    """The relay of [ocs-http], the proxy's own way to OCS, and the listener for reports.

    `numbers` gives connections and requests their numbers, `jitter` returns random numbers from 0 to 1.
    """

    name = "ocs-http"

    def __init__(
        self,
        reactor: Any,
        options: OcsHttpChannel,
        limits: Limits,
        board: Switchboard,
        numbers: Iterator[int],
        jitter: Callable[[], float],
    ) -> None:
        self.site = OcsHttpSite(board)
        self.relay = HttpRelay(
            reactor, options.listen, options.upstream, http_limits(limits), numbers, self.site, self.name
        )
        self.site.exchanges = self.relay
        self.control = OcsHttpControl(self.relay, board, reactor, self.relay.upstreams.connect, jitter)
        self.reports = Reports(reactor, options.reports, limits.max_body, board, options.forward_reports)
        board.controls[self.control.name] = self.control

    def start(self) -> Deferred[None]:
        """See Channel."""
        return Deferred.fromCoroutine(self._start())

    async def _start(self) -> None:
        await super().start()
        await self.reports.start()
        self.control.start()

    async def _stop(self) -> None:
        self.control.close()
        await self.reports.stop()
        await super()._stop()

    def ports(self) -> Iterator[tuple[str, IListeningPort]]:
        """See Channel."""
        yield from super().ports()
        for port in self.reports.ports:
            yield f"{self.name} reports", port

    def reasons(self) -> Iterator[str]:
        """See Channel."""
        yield from super().reasons()
        if not self.reports.is_listening:
            yield f"{self.name} reports: not listening"

    @property
    def registered(self) -> bool:
        """See Channel: whether OCS could be reached when it was last tried."""
        return self.control.registered

    def looked(self) -> Mapping[str, int]:
        """See Channel."""
        own = {f"own {name}": number for name, number in self.control.counts.items()}
        reports = {f"reports: {name}": number for name, number in self.reports.counts.items()}
        onward = self.reports.onward
        passed_on = {} if onward is None else {f"reports: {name}": number for name, number in onward.counts.items()}
        return added(self.passed(), self.site.counts.looked(), own, reports, passed_on)

    def reported(self) -> Mapping[str, Mapping[str, float | None]]:
        """See Channel."""
        return self.reports.statistics
