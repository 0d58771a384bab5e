"""Clients' requests about campaign groups over HTTP: the attribute by policy, what is asked, and what the reply says.

The same for OCS HTTP and GWS; how they spell it is theirs (`ocs`, `gws`).
"""

from __future__ import annotations

from collections.abc import Callable

from proxy.campaign.attribute import Edit
from proxy.campaign.observation import ControlAccepted, ControlRefused, ControlRequested, GroupNames, Request
from proxy.http.attribute import Bearer
from proxy.http.turns import Exchanges, ReplyHead, Turn
from proxy.switchboard import Switchboard

Accepted = Callable[[int, bytes], bool]
"""Whether a reply with this status and body is acceptance."""

_UNREAD = (None,)
"""The values of an attribute that may be there, or not: neither 0 nor 1."""


class Counts:
    """What a channel counts of such requests: plain integers, read when somebody asks.

    `asked` counts requests by the action's name.
    """

    def __init__(self) -> None:
        self.rewritten = 0
        self.not_rewritten = 0
        self.unread = 0
        self.asked: dict[str, int] = {}

    def looked(self) -> dict[str, int]:
        """What was counted, by name."""
        counted = {"rewritten": self.rewritten, "not_rewritten": self.not_rewritten, "unread": self.unread}
        return {**counted, **{f"asked to {name}": number for name, number in self.asked.items()}}


class CampaignRequests:
    """Relays requests about groups."""

    def __init__(self, board: Switchboard, counts: Counts) -> None:
        self._board = board
        self._counts = counts

    def relay(
        self,
        turn: Turn,
        exchanges: Exchanges,
        body: bytes,
        bearer: Bearer,
        names: GroupNames,
        request: Request | None,
        mode: str | None,
        accepted: Accepted,
    ) -> None:
        """Forward a request whose body is there: the attribute edited, everything else as it came (M4, R5)."""
        relayed = self._edited(body, bearer, self._board.edit(names, request, bearer.values))
        if request is None:
            exchanges.forward(turn, relayed)
            return
        self._observe(turn, names, request, bearer.values, mode)
        exchanges.forward(turn, relayed, _Answer(self._board, turn, names, accepted))

    def pass_unread(self, turn: Turn, names: GroupNames, request: Request | None, accepted: Accepted) -> _Answer | None:
        """A request whose body is not read: what it asks is known, whether it bears the attribute is not.

        What may be there and what could not be added arm no group: only `force` does, whatever the client says (R5).
        """
        self._counts.unread += 1
        if request is None or names == GroupNames():
            return None
        self._observe(turn, names, request, _UNREAD, None)
        return _Answer(self._board, turn, names, accepted)

    def _edited(self, body: bytes, bearer: Bearer, edit: Edit) -> bytes:
        if edit is Edit.LEAVE:
            return body
        if not bearer.editable:
            self._counts.not_rewritten += 1
            return body
        self._counts.rewritten += 1
        return bearer.edited(edit)

    def _observe(
        self, turn: Turn, names: GroupNames, request: Request, values: tuple[object, ...], mode: str | None
    ) -> None:
        name = request.value
        self._counts.asked[name] = self._counts.asked.get(name, 0) + 1
        self._board.observe(ControlRequested(turn.connection, names, request, values, mode, _reference(turn)))


class _Answer:
    """What the reply to a request says (R4). One that cannot be read says nothing: the groups ask the status."""

    def __init__(self, board: Switchboard, turn: Turn, names: GroupNames, accepted: Accepted) -> None:
        self._board = board
        self._turn = turn
        self._names = names
        self._accepted = accepted

    def wants(self, head: ReplyHead) -> bool:
        """See Replies."""
        return True

    def whole(self, head: ReplyHead, body: bytes) -> bytes:
        """See Replies."""
        self._tell(self._accepted(head.status, body))
        return body

    def unread(self, head: ReplyHead, why: str | None) -> None:
        """See Replies."""
        if head.status >= 400:
            self._tell(False)

    def failed(self, why: str) -> None:
        """See Replies."""

    def _tell(self, accepted: bool) -> None:
        told = ControlAccepted if accepted else ControlRefused
        self._board.observe(told(self._turn.connection, self._names, _reference(self._turn)))


def _reference(turn: Turn) -> str:
    """By which a request and its reply are known to belong together: a text no other request has."""
    return f"http {turn.number}"
