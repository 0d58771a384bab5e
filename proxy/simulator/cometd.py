"""Bayeux over long polling, as a CometD server speaks it: clients, their subscriptions, what waits for them.

Pure of HTTP: a request's messages come in with a function for its reply, which is called once, at once or later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any, Generic, TypeAlias, TypeVar

from twisted.internet.interfaces import IDelayedCall

from proxy.simulator.timers import Timers

BayeuxMessage: TypeAlias = "dict[str, Any]"
Reply: TypeAlias = Callable[[list[BayeuxMessage]], object]
Owner = TypeVar("Owner")
"""Whose client it is: a session of the Agent API. A clientId is worth nothing to another."""

META_HANDSHAKE, META_CONNECT, META_DISCONNECT = "/meta/handshake", "/meta/connect", "/meta/disconnect"
META_SUBSCRIBE, META_UNSUBSCRIBE = "/meta/subscribe", "/meta/unsubscribe"

UNKNOWN_CLIENT = "402::Unknown client"
NO_CHANNEL = "400::channel missing"
NO_SUBSCRIPTION = "403::subscription missing"
NO_CONNECTION_TYPE = "400::unsupported connection type"
DENIED = "403::publish denied"


@dataclass(eq=False)
class Poll:
    """A reply that is not given yet: to /meta/connect, until there is something to say or its time is over."""

    replies: list[BayeuxMessage]
    reply: Reply
    timer: IDelayedCall


@dataclass(eq=False)
class Client(Generic[Owner]):
    """One clientId: a page of a browser. While no poll waits, events do, until `expiry`."""

    id: str
    owner: Owner
    channels: dict[str, None] = field(default_factory=dict)
    queue: list[BayeuxMessage] = field(default_factory=list)
    poll: Poll | None = None
    expiry: IDelayedCall | None = None

    def hears(self, channel: str) -> bool:
        """Whether it is subscribed to `channel`, by its name or a pattern: `/a/*` one level deeper, `/a/**` all."""
        return any(_matches(pattern, channel) for pattern in self.channels)


class Bayeux(Generic[Owner]):
    """The server's side.

    `poll_timeout` is how long a poll waits, `max_interval` how long a client may be without one; in seconds.
    `subscribed` is asked for the first event of a channel that a client subscribed to; `left` is told of the end of a
    client.
    """

    def __init__(
        self,
        timers: Timers,
        poll_timeout: float,
        max_interval: float,
        subscribed: Callable[[Owner, str], Any | None] = lambda owner, channel: None,
        left: Callable[[Owner], object] = lambda owner: None,
    ) -> None:
        self._timers = timers
        self._poll_timeout = poll_timeout
        self._max_interval = max_interval
        self._subscribed = subscribed
        self._left = left
        self._clients: dict[str, Client[Owner]] = {}
        self.doubled = 0
        """How many polls had to give way to another one of their client."""

    # ------------------------------------------------------------------------------------------ requests

    def hear(self, owner: Owner, messages: Sequence[BayeuxMessage], reply: Reply) -> Poll | None:
        """Answer the messages of one request; returns the poll, where the answer is to wait.

        Events for its client ride on every reply, in front.
        """
        replies: list[BayeuxMessage] = []
        spoke: dict[Client[Owner], None] = {}
        wait = 0.0
        for message in messages:
            client = self._client_of(owner, message)
            channel = message.get("channel")
            if channel == META_HANDSHAKE:
                answer = self._handshake(owner)
            elif client is None:
                answer = _refusal(UNKNOWN_CLIENT, {"reconnect": "handshake", "interval": 0})
            else:
                spoke[client] = None
                answer = self._answer(client, channel, message)
                if channel == META_CONNECT and answer["successful"]:
                    self._give_way(client)
                    wait = self._patience(message)
            replies.append({**_echo(message), **answer})
        last = next(reversed(spoke), None)
        if last is not None and last.id in self._clients and wait and not any(client.queue for client in spoke):
            return self._wait(last, replies, reply, wait)
        self._say(spoke, replies, reply)
        return None

    def hung_up(self, poll: Poll) -> None:
        """Whoever waited for this poll's answer is gone; what comes waits for the next one."""
        for client in self._clients.values():
            if client.poll is poll:
                self._timers.cancel(poll.timer)
                client.poll = None
                self._expect(client)

    @property
    def waiting(self) -> int:
        """How many polls wait."""
        return sum(client.poll is not None for client in self._clients.values())

    def clients_of(self, owner: Owner) -> int:
        """How many clients an owner has."""
        return sum(client.owner is owner for client in self._clients.values())

    # ------------------------------------------------------------------------------------------ events

    def publish(self, owner: Owner, channel: str, data: Any) -> None:
        """An event for every client of an owner that is subscribed: the waiting poll is answered at once."""
        for client in list(self._clients.values()):
            if client.owner is owner and client.hears(channel):
                client.queue.append({"channel": channel, "data": data})
                if client.poll is not None:
                    self._answer_poll(client)

    def forget(self, owner: Owner) -> None:
        """An owner ends, and its clients with it; who polls is told not to come again."""
        for client in [client for client in self._clients.values() if client.owner is owner]:
            self._end(client)

    def end(self) -> None:
        """The server ends: every poll is answered."""
        for client in list(self._clients.values()):
            self._end(client)

    # ------------------------------------------------------------------------------------------ meta messages

    def _answer(self, client: Client[Owner], channel: object, message: BayeuxMessage) -> BayeuxMessage:
        if channel == META_CONNECT:
            return self._connect(message)
        if channel == META_SUBSCRIBE:
            return self._subscribe(client, message)
        if channel == META_UNSUBSCRIBE:
            return self._unsubscribe(client, message)
        if channel == META_DISCONNECT:
            self._end(client)
            return {"successful": True}
        return _refusal(DENIED if isinstance(channel, str) else NO_CHANNEL)

    def _handshake(self, owner: Owner) -> BayeuxMessage:
        client = Client(token_hex(20), owner)
        self._clients[client.id] = client
        self._expect(client)
        return {
            "successful": True,
            "clientId": client.id,
            "version": "1.0",
            "supportedConnectionTypes": ["long-polling"],
            "advice": self._advice(),
        }

    def _connect(self, message: BayeuxMessage) -> BayeuxMessage:
        """With the server's advice where the client says how long it would wait (C: then only)."""
        if message.get("connectionType") != "long-polling":
            return _refusal(NO_CONNECTION_TYPE, {"reconnect": "handshake", "interval": 0})
        return {"successful": True, **({"advice": self._advice()} if "advice" in message else {})}

    def _subscribe(self, client: Client[Owner], message: BayeuxMessage) -> BayeuxMessage:
        """What there is to say first on a channel rides on this very reply."""
        channels = _channels(message)
        if channels is None:
            return _refusal(NO_SUBSCRIPTION)
        for channel in channels:
            client.channels[channel] = None
            first = self._subscribed(client.owner, channel)
            if first is not None:
                client.queue.append({"channel": channel, "data": first})
        return {"subscription": message["subscription"], "successful": True}

    def _unsubscribe(self, client: Client[Owner], message: BayeuxMessage) -> BayeuxMessage:
        channels = _channels(message)
        if channels is None:
            return _refusal(NO_SUBSCRIPTION)
        for channel in channels:
            client.channels.pop(channel, None)
        return {"subscription": message["subscription"], "successful": True}

    def _client_of(self, owner: Owner, message: BayeuxMessage) -> Client[Owner] | None:
        id = message.get("clientId")
        client = self._clients.get(id) if isinstance(id, str) else None
        return client if client is not None and client.owner is owner else None

    def _advice(self) -> BayeuxMessage:
        return {"reconnect": "retry", "timeout": round(self._poll_timeout * 1000), "interval": 0}

    # ------------------------------------------------------------------------------------------ polls

    def _patience(self, message: BayeuxMessage) -> float:
        """How long this /meta/connect is to wait, in seconds."""
        advice = message.get("advice")
        timeout = advice.get("timeout") if isinstance(advice, dict) else None
        if not isinstance(timeout, (int, float)):
            return self._poll_timeout
        return max(0.0, min(self._poll_timeout, timeout / 1000))

    def _wait(self, client: Client[Owner], replies: list[BayeuxMessage], reply: Reply, seconds: float) -> Poll:
        self._timers.cancel(client.expiry)
        poll = Poll(replies, reply, self._timers.later(seconds, self._answer_poll, client))
        client.poll = poll
        return poll

    def _give_way(self, client: Client[Owner]) -> None:
        """A second poll while one waits: the first is answered."""
        if client.poll is not None:
            self.doubled += 1
            self._answer_poll(client)

    def _answer_poll(self, client: Client[Owner]) -> None:
        poll, client.poll = client.poll, None
        if poll is not None:
            self._timers.cancel(poll.timer)
            self._say([client], poll.replies, poll.reply)

    def _say(self, clients: Iterable[Client[Owner]], replies: list[BayeuxMessage], reply: Reply) -> None:
        """The events that wait, then the replies."""
        events: list[BayeuxMessage] = []
        for client in clients:
            events += client.queue
            client.queue = []
            self._expect(client)
        reply([*events, *replies])

    def _expect(self, client: Client[Owner]) -> None:
        """A client that does not come back in time is forgotten."""
        self._timers.cancel(client.expiry)
        if client.poll is None and client.id in self._clients:
            client.expiry = self._timers.later(self._max_interval, self._end, client)

    def _end(self, client: Client[Owner]) -> None:
        if self._clients.pop(client.id, None) is None:
            return
        self._timers.cancel(client.expiry)
        if client.poll is not None:
            for reply in client.poll.replies:
                if reply["channel"] == META_CONNECT:
                    reply["advice"] = {"reconnect": "none", "interval": 0}
            self._answer_poll(client)
        self._left(client.owner)


def _echo(message: BayeuxMessage) -> BayeuxMessage:
    """What a reply brings back: the message's id as it came, and its channel."""
    return {key: message[key] for key in ("id", "channel") if key in message}


def _refusal(error: str, advice: BayeuxMessage | None = None) -> BayeuxMessage:
    return {"successful": False, "error": error, **({} if advice is None else {"advice": advice})}


def _channels(message: BayeuxMessage) -> list[str] | None:
    """One channel or several; None where it is neither."""
    subscription = message.get("subscription")
    channels: list[Any] = subscription if isinstance(subscription, list) else [subscription]
    return channels if channels and all(isinstance(channel, str) for channel in channels) else None


def _matches(pattern: str, channel: str) -> bool:
    base, _slash, last = pattern.rpartition("/")
    if last == "**":
        return channel.startswith(f"{base}/")
    if last == "*":
        return channel.rpartition("/")[0] == base
    return pattern == channel
