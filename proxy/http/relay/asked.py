"""A client's request, from its head on, and the reply on its way to the client."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Protocol

from proxy.errors import OurError
from proxy.http.relay import bodies
from proxy.http.relay.bodies import WITHOUT_BODY, Framing
from proxy.http.relay.heads import chunked, end_to_end, listed, reply_text, value, with_length, without
from proxy.http.relay.pacing import Way
from proxy.http.turns import Headers, ReplyHead, RequestHead
from proxy.relay.causes import Cause
from proxy.relay.outlet import Source

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


ENOUGH = 16384
"""So many bytes of a reply are sent at once; less waits until nothing more is there."""


class NotWaiting(OurError):
    """A reply was given where none can be: one has begun, or the client has left."""


def complaint(status: int, reason: bytes, text: str) -> tuple[ReplyHead, bytes]:
    """A reply of the proxy's own, with its body: JSON that says what is wrong."""
    return ReplyHead(status, reason, ((b"Content-Type", b"application/json"),)), json.dumps({"error": text}).encode()


class Coupled(Protocol):
    """Whatever brings the reply to a request."""

    def client_left(self, why: str) -> None:
        """The reply has nowhere to go."""
        ...

    def abandon(self) -> None:
        """The request was answered without it."""
        ...


class Home(Protocol):
    """The client's connection, as its request sees it."""

    number: int
    way: Way
    closing: bool

    @property
    def request_over(self) -> bool:
        """Whether all of the request was read."""
        ...

    def replied(self, method: bytes, status: int) -> None:
        """The reply has begun."""

    def turn_over(self) -> None:
        """The reply is whole."""

    def cut_short(self, cause: Cause, at_once: bool) -> None:
        """The reply will never be whole: close the connection, what was sent first, or break it off at once."""

    def tell(self, call: Callable[[], None]) -> None:
        """Call what the channel asked to be called."""


class Asked:
    """See Turn. `framing` and `trailers` are those of the request's body; `upgrade`: it asks for a tunnel.

    `expects`: the client waits to be told before it sends the body. `exchange` is what brings the reply.
    """

    __slots__ = (
        "_framing",
        "_gone",
        "_home",
        "_is_old",
        "_unsent",
        "begun",
        "client",
        "connection",
        "exchange",
        "expects",
        "framing",
        "head",
        "number",
        "secure",
        "trailers",
        "upgrade",
    )

    def __init__(self, home: Home, number: int, client: str, secure: bool, head: RequestHead, is_old: bool) -> None:
        self.connection = home.number
        self.number = number
        self.client = client
        self.secure = secure
        self.head = head
        self.framing = Framing.NONE
        self.trailers: Headers = ()
        self.upgrade = False
        self.expects = not is_old and b"100-continue" in listed(head.headers, b"expect")
        self.exchange: Coupled | None = None
        self.begun = False
        self._home: Home | None = home
        self._is_old = is_old
        self._framing = Framing.NONE
        self._gone: Callable[[], None] | None = None
        self._unsent = b""

    # ------------------------------------------------------------------------------------------------ asked by channels

    @property
    def waiting(self) -> bool:
        """See Turn."""
        return self._home is not None and not self.begun

    def answer(self, head: ReplyHead, body: bytes) -> None:
        """See Turn. Where the request is on its way already, the reply to it is not waited for.

        Raises NotWaiting.
        """
        if not self.waiting:
            raise NotWaiting(f"request {self.number} does not wait for a reply")
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.abandon()
        framing = Framing.NONE if head.status in WITHOUT_BODY else Framing.LENGTH
        self.reply(ReplyHead(head.status, head.reason, end_to_end(head.headers)), framing, body)

    def when_gone(self, call: Callable[[], None] | None) -> None:
        """See Turn."""
        self._gone = call

    # ------------------------------------------------------------------------------------------------------- the reply

    def inform(self, head: ReplyHead) -> None:
        """An interim reply."""
        if self.waiting and not self._is_old and self._home is not None:
            self._home.way.send(reply_text(head))

    def reply(self, head: ReplyHead, framing: Framing, body: bytes, trailers: Headers = ()) -> None:
        """The reply, whole. A length that was told is mended; one that is known now is told."""
        if framing in (Framing.LENGTH, Framing.CLOSE):
            framing = Framing.LENGTH
            head = ReplyHead(head.status, head.reason, with_length(head.headers, len(body)))
        text = self._begin(head, framing)
        home = self._home
        assert home is not None
        home.way.send(text + bodies.whole(self._framing, body, trailers))
        self._over()

    def begin(self, head: ReplyHead, framing: Framing, source: Source) -> None:
        """The reply begins; `source` brings the rest."""
        text = self._begin(head, framing)
        home = self._home
        assert home is not None
        home.way.taken_by(source)
        self._unsent = text

    def go_on(self, data: bytes) -> None:
        """More of the reply's body. What is little waits for `flush`, or for more."""
        if self._home is not None and self._framing is not Framing.NONE:
            self._unsent += bodies.part(self._framing, data)
            if len(self._unsent) >= ENOUGH:
                self.flush()

    def flush(self) -> None:
        """Nothing more is there for now: what waits goes out."""
        text, self._unsent = self._unsent, b""
        if text and self._home is not None:
            self._home.way.send(text)

    def end(self, trailers: Headers) -> None:
        """The reply is whole."""
        if self._home is not None:
            self._unsent += bodies.end(self._framing, trailers)
            self.flush()
            self._over()

    def cut_short(self) -> None:
        """The reply broke off: the client must not take it for whole."""
        self.flush()
        home, self._home, self.exchange = self._home, None, None
        if home is not None:
            home.cut_short(Cause.UPSTREAM_LOST, at_once=self._framing is Framing.CLOSE)

    def left(self, why: str) -> None:
        """The client has left, or is given up."""
        self._home = None
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.client_left(why)

    def tell_gone(self, home: Home) -> None:
        """Tell whoever asked for it that the client left."""
        call, self._gone = self._gone, None
        if call is not None:
            home.tell(call)

    def _begin(self, head: ReplyHead, framing: Framing) -> bytes:
        """The reply's head; from now on it is known how its body goes to the client."""
        home = self._home
        assert home is not None, "a reply to a client that has left"
        assert not self.begun, "a second reply"
        self.begun = True
        headers = head.headers
        if self.head.method == b"HEAD" or head.status in WITHOUT_BODY:
            framing = Framing.NONE
        elif framing is Framing.CHUNKED or framing is Framing.CLOSE:
            framing = Framing.CLOSE if self._is_old else Framing.CHUNKED
            headers = without(headers, b"content-length") if self._is_old else chunked(headers)
        self._framing = framing
        if self._is_old or not home.request_over or framing is Framing.CLOSE:
            home.closing = True
        if home.closing:
            headers = (*headers, (b"Connection", b"close"))
        home.replied(self.head.method, head.status)
        return reply_text(ReplyHead(head.status, head.reason, headers))

    def _over(self) -> None:
        home, self._home, self.exchange, self._gone = self._home, None, None, None
        assert home is not None
        home.turn_over()


def host_of(head: RequestHead) -> bytes | None:
    """As whom a client addresses the proxy."""
    return value(head.headers, b"host")
