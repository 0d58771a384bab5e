"""What the OCS HTTP channel looks into: requests about campaign groups, and nothing else."""

from __future__ import annotations

from proxy.campaign.observation import SessionEnded
from proxy.http import ocs
from proxy.http.attribute import at_top
from proxy.http.campaign_requests import CampaignRequests, Counts
from proxy.http.turns import Exchanges, Replies, RequestHead, Turn
from proxy.switchboard import Switchboard


class OcsHttpSite:
    """See Site. `exchanges` is set before the first request comes."""

    exchanges: Exchanges

    def __init__(self, board: Switchboard) -> None:
        self.counts = Counts()
        self._board = board
        self._requests = CampaignRequests(board, self.counts)

    def wants(self, head: RequestHead) -> bool:
        """See Site."""
        return ocs.asked(head) is not None

    def passing(self, turn: Turn, why: str | None) -> Replies | None:
        """See Site."""
        asked = ocs.asked(turn.head) if why is not None else None
        if asked is None:
            return None
        return self._requests.pass_unread(turn, asked.names, asked.request, ocs.accepted)

    def whole(self, turn: Turn, body: bytes) -> None:
        """See Site."""
        asked = ocs.asked(turn.head)
        assert asked is not None
        bearer = at_top(body)
        mode = ocs.mode(bearer.value)
        self._requests.relay(turn, self.exchanges, body, bearer, asked.names, asked.request, mode, ocs.accepted)

    def tunnelled(self, turn: Turn) -> None:
        """See Site: there is nobody to be blind to."""

    def gone(self, connection: int) -> None:
        """See Site."""
        self._board.observe(SessionEnded(connection))
