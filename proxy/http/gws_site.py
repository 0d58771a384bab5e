"""What the GWS channel looks into: requests about campaign groups, and web desktops."""

from __future__ import annotations

from collections.abc import Iterator

from twisted.internet.interfaces import IReactorTime

from proxy.campaign.observation import GroupNames, SessionEnded
from proxy.http import gws
from proxy.http.attribute import in_properties
from proxy.http.campaign_requests import CampaignRequests, Counts
from proxy.http.desktops.desktops import WebDesktops
from proxy.http.desktops.polls import Counts as WebCounts
from proxy.http.turns import Exchanges, Replies, RequestHead, Turn
from proxy.switchboard import Switchboard


class GwsSite:
    """See Site. `begin` comes before the first request."""

    desktops: WebDesktops
    _exchanges: Exchanges

    def __init__(self, board: Switchboard) -> None:
        self.counts = Counts()
        self._board = board
        self._requests = CampaignRequests(board, self.counts)

    def begin(self, exchanges: Exchanges, numbers: Iterator[int], clock: IReactorTime) -> None:
        """Requests are forwarded by `exchanges` from now on; `numbers` gives web desktops' sessions theirs."""
        self._exchanges = exchanges
        self.desktops = WebDesktops(self._board, numbers, clock, exchanges, WebCounts())

    def wants(self, head: RequestHead) -> bool:
        """See Site."""
        return gws.asked(head) is not None or self.desktops.wants(head)

    def passing(self, turn: Turn, why: str | None) -> Replies | None:
        """See Site."""
        asked = gws.asked(turn.head)
        if asked is None:
            return self.desktops.passing(turn, why)
        # Which group it is about stands in the body alone.
        return self._requests.pass_unread(turn, GroupNames(), asked.request, gws.accepted)

    def whole(self, turn: Turn, body: bytes) -> None:
        """See Site."""
        asked = gws.asked(turn.head)
        if asked is None:
            self.desktops.whole(turn, body)
            return
        bearer = in_properties(body)
        names, mode = gws.names(bearer.value), gws.mode(bearer.value)
        self._requests.relay(turn, self._exchanges, body, bearer, names, asked.request, mode, gws.accepted)

    def tunnelled(self, turn: Turn) -> None:
        """See Site."""
        self.desktops.tunnelled(turn)

    def gone(self, connection: int) -> None:
        """See Site."""
        self.desktops.gone(connection)
        self._board.observe(SessionEnded(connection))
