"""A web desktop and its GWS in memory: turns, an upstream that is played by the test, and what the groups see."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from twisted.internet.task import Clock

from proxy.campaign.attribute import Edit
from proxy.campaign.observation import NotifyAgent, Observation
from proxy.errors import OurError
from proxy.http.desktops.desktops import WebDesktops
from proxy.http.desktops.polls import Counts
from proxy.http.turns import Headers, Replies, ReplyHead, RequestHead

JSON: Headers = ((b"Content-Type", b"application/json"), (b"Access-Control-Allow-Origin", b"http://desk"))


class FakeTurn:
    """A client's request."""

    numbers = count(1)

    def __init__(self, head: RequestHead, connection: int = 900) -> None:
        self.connection = connection
        self.number = next(self.numbers)
        self.client = "10.0.0.7"
        self.secure = False
        self.head = head
        self.replies: list[tuple[ReplyHead, bytes]] = []
        self.gone = False
        self._call: Callable[[], None] | None = None

    @property
    def waiting(self) -> bool:
        return not self.replies and not self.gone

    def answer(self, head: ReplyHead, body: bytes) -> None:
        assert self.waiting
        self.replies.append((head, body))

    def when_gone(self, call: Callable[[], None] | None) -> None:
        self._call = call

    def leave(self) -> None:
        """The client goes away."""
        self.gone = True
        if self._call is not None:
            self._call()

    @property
    def status(self) -> int:
        [(head, _)] = self.replies
        return head.status

    @property
    def body(self) -> bytes:
        [(_, body)] = self.replies
        return body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Sent:
    """A request that went upstream, and is answered by the test."""

    def __init__(self, head: RequestHead, body: bytes, replies: Replies | None, turn: FakeTurn | None) -> None:
        self.head = head
        self.body = body
        self.abandoned = False
        self.answered = False
        self.broken = False
        self._replies = replies
        self._turn = turn
        self._held: tuple[ReplyHead, bytes] | None = None

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def answer(self, content: Any = b"", status: int = 200, headers: Headers = JSON, why: str | None = None) -> None:
        """The upstream replies. `why`: the relay cannot read the body."""
        assert not self.answered
        assert not self.abandoned
        self.answered = True
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        head = ReplyHead(status, b"Whatever", headers)
        wanted = self._replies is not None and self._replies.wants(head)
        if self._replies is not None and wanted and why is None:
            relayed = self._replies.whole(head, body)
            if self._turn is not None:
                self._pass(head, relayed)
            return
        self._held = (head, body)
        if self._replies is not None:
            self._replies.unread(head, why if wanted else None)
        if self._turn is not None:
            self._pass(head, body)

    def fail(self) -> None:
        """There is no reply."""
        assert not self.answered
        assert not self.abandoned
        self.answered = True
        if self._replies is not None:
            self._replies.failed("broke off")
        if self._turn is not None:
            self._pass(ReplyHead(502), b"{}")

    def _pass(self, head: ReplyHead, body: bytes) -> None:
        assert self._turn is not None
        if self._turn.waiting:
            self._turn.answer(head, body)

    def couple(self, turn: FakeTurn) -> None:
        if self.broken:
            raise OurError("the reply is over")
        self._turn = turn
        if self._held is not None:
            self._pass(*self._held)

    def abandon(self) -> None:
        self.abandoned = True


class FakeExchanges:
    """The relay: what was sent upstream, in order."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.fetched: list[Sent] = []

    def forward(self, turn: FakeTurn, body: bytes, replies: Replies | None = None) -> None:
        self.sent.append(Sent(turn.head, body, replies, turn))

    def fetch(self, head: RequestHead, body: bytes, replies: Replies, turn: FakeTurn | None = None) -> Sent:
        sent = Sent(head, body, replies, None)
        self.sent.append(sent)
        self.fetched.append(sent)
        return sent

    @property
    def open_polls(self) -> list[Sent]:
        """Polls that wait upstream."""
        return [sent for sent in self.fetched if not sent.answered and not sent.abandoned]


class FakeBoard:
    """Where observations go. `swallowed` and `telling` say what is to be done about an observation."""

    def __init__(self) -> None:
        self.seen: list[Observation] = []
        self.sessions: dict[int, Any] = {}
        self.telling: Callable[[Observation], Iterator[NotifyAgent]] = lambda seen: iter(())
        self.swallows: Callable[[Observation], bool] = lambda seen: False
        self.edits = Edit.LEAVE

    def observe(self, observation: Observation) -> bool:
        self.seen.append(observation)
        for command in self.telling(observation):
            self.sessions[command.session].tell(command)
        return self.swallows(observation)

    def edit(self, names: Any, request: Any, values: Any) -> Edit:
        return self.edits

    def of(self, *kinds: type) -> list[Any]:
        """What was seen of these kinds."""
        return [seen for seen in self.seen if isinstance(seen, kinds)]


class Desk:
    """A web desktop in front of the proxy: one browser with its cookies."""

    def __init__(self, board: Any = None, cookie: str = "WORKSPACE_SESSIONID=one", clock: Clock | None = None) -> None:
        self.board = board if board is not None else FakeBoard()
        self.exchanges = FakeExchanges()
        self.clock = clock or Clock()
        self.counts = Counts()
        self.cookie = cookie
        self.desktops = WebDesktops(self.board, count(17), self.clock, self.exchanges, self.counts)  # type: ignore[arg-type]

    def asks(
        self,
        path: str,
        content: Any = b"",
        method: str = "POST",
        cookie: str | None = None,
        connection: int = 900,
        headers: Headers = (),
    ) -> FakeTurn:
        """A request of the browser; its turn."""
        told = self.cookie if cookie is None else cookie
        fields = ((b"Cookie", told.encode()), *headers) if told else headers
        turn = FakeTurn(RequestHead(method.encode(), ("/workspace/v3" + path).encode(), fields), connection)
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        assert self.desktops.wants(turn.head)
        self.desktops.whole(turn, body)
        return turn

    @property
    def last(self) -> Sent:
        """What went upstream last."""
        return self.exchanges.sent[-1]

    def shakes_hands(self, client: str = "tab", headers: Headers = JSON, listens: bool = True) -> None:
        """The browser loads the page: it shakes hands, and subscribes to the voice channel."""
        self.asks("/notifications/handshake", [{"id": "1", "channel": "/meta/handshake"}])
        reply = {"id": "1", "channel": "/meta/handshake", "successful": True, "clientId": client}
        self.last.answer([reply], headers=headers)
        if listens:
            self.subscribes(client)

    def subscribes(self, client: str = "tab", events: Any = ()) -> FakeTurn:
        turn = self.asks("/notifications", [subscription(client)])
        self.last.answer([*events, subscribed()])
        return turn

    def polls(self, id_: Any = "7", client: str = "tab", **more: Any) -> FakeTurn:
        """The browser polls."""
        return self.asks("/notifications/connect", [poll(id_, client, **more)])

    def upstream(self) -> Sent:
        """The poll that waits upstream: there is never more than one here."""
        [sent] = self.exchanges.open_polls
        return sent


def poll(id_: Any = "7", client: str = "tab", **more: Any) -> dict[str, Any]:
    return {"id": id_, "channel": "/meta/connect", "clientId": client, "connectionType": "long-polling", **more}


def polled(id_: Any = "7", **more: Any) -> dict[str, Any]:
    return {"id": id_, "channel": "/meta/connect", "successful": True, **more}


def subscription(client: str = "tab", channel: str = "/workspace/v3/voice") -> dict[str, Any]:
    return {"id": "3", "channel": "/meta/subscribe", "subscription": channel, "clientId": client}


def subscribed(channel: str = "/workspace/v3/voice") -> dict[str, Any]:
    return {"id": "3", "channel": "/meta/subscribe", "subscription": channel, "successful": True}


def told(event: str = "CampaignStarted", **more: Any) -> dict[str, Any]:
    """What OCS says to the agent, as GWS brings it."""
    data = {"GSW_USER_EVENT": event, "GSW_CAMPAIGN_NAME": "Sales", **more}
    return {"channel": "/workspace/v3/voice", "data": {"userData": data, "messageType": "EventUserEvent"}}


def dn_state(dn: str = "3001") -> dict[str, Any]:
    return {"channel": "/workspace/v3/voice", "data": {"dn": {"number": dn}, "messageType": "DnStateChanged"}}


def events(turn: FakeTurn) -> list[str]:
    """The campaign events in a reply, by name, in order."""
    found = [message["data"] for message in turn.json if "data" in message]
    return [data["userData"]["GSW_USER_EVENT"] for data in found if "userData" in data]
