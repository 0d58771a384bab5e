"""The GWS channel: REST clients and web desktops."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from proxy.config import Compression, GwsChannel, Limits, WebSocket
from proxy.http.channel import HttpChannel, added, http_limits
from proxy.http.gws_site import GwsSite
from proxy.http.relay.listener import HttpRelay
from proxy.switchboard import Switchboard


class Gws(HttpChannel):
    """The relay of [gws]. `numbers` gives connections, requests and web desktops their numbers."""

    name = "gws"

    def __init__(
        self, reactor: Any, options: GwsChannel, limits: Limits, board: Switchboard, numbers: Iterator[int]
    ) -> None:
        self.site = GwsSite(board)
        self.relay = HttpRelay(
            reactor,
            options.listen,
            options.upstream,
            http_limits(limits),
            numbers,
            self.site,
            self.name,
            tunnels=options.websocket is WebSocket.TUNNEL,
            plain=options.compression is Compression.REFUSE,
        )
        self.site.begin(self.relay, numbers, reactor)

    async def _stop(self) -> None:
        self.site.desktops.close()
        await super()._stop()

    def web_desktops(self) -> Mapping[str, int]:
        """See Channel."""
        return self.site.desktops.present()

    def looked(self) -> Mapping[str, int]:
        """See Channel."""
        return added(self.passed(), self.site.counts.looked(), self.site.desktops.looked())
