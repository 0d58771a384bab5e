"""One request over HTTP and its reply: the words between the relay of connections and the channels.

Pure. A channel (a `Site`) says of each request's head whether its body is wanted; the relay brings the body whole, or
says why it passes unread; the channel then forwards it, or answers it by itself. What nobody wants streams by.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import frozen

Headers = tuple[tuple[bytes, bytes], ...]
"""Names and values as they stand on the wire: the names' case, the order and repeats kept."""


@frozen
class RequestHead:
    """What a client asks for. `target` is the path with its query."""

    method: bytes
    target: bytes
    headers: Headers = ()


@frozen
class ReplyHead:
    """How a reply begins."""

    status: int
    reason: bytes = b""
    headers: Headers = ()


class Turn(Protocol):
    """A client's request that has no reply yet.

    `connection` is the number of the client's connection, `number` that of the request: no two requests of any
    connection share one. `client` is the client's host, `secure` whether it speaks TLS. `head` is as it was
    sent.
    """

    connection: int
    number: int
    client: str
    secure: bool
    head: RequestHead

    @property
    def waiting(self) -> bool:
        """Whether a reply can be given: none has begun, and the client is there."""
        ...

    def answer(self, head: ReplyHead, body: bytes) -> None:
        """Reply at once. The length of the body is added to the head. Only while waiting."""
        ...

    def when_gone(self, call: Callable[[], None] | None) -> None:
        """Call this where the client leaves before its reply is whole. The last one said counts; None: nobody."""
        ...


class Replies(Protocol):
    """What is to be done with the reply to one request. Of `whole`, `unread` and `failed` one is called, once."""

    def wants(self, head: ReplyHead) -> bool:
        """Whether the body is wanted whole, before any of it goes on. Asked once."""
        ...

    def whole(self, head: ReplyHead, body: bytes) -> bytes:
        """The body is there; what goes on to the client in its place (the same, where nothing changes)."""
        ...

    def unread(self, head: ReplyHead, why: str | None) -> None:
        """The body streams by: not wanted (None), or wanted and `too large`, or `encoded` (gzip and the like)."""
        ...

    def failed(self, why: str) -> None:
        """There is no reply, or it broke off."""
        ...


class Fetch(Protocol):
    """A request that is on its way to an upstream, or whose reply is, apart from any client's connection."""

    def couple(self, turn: Turn) -> None:
        """Let the reply go to this client as it comes; what came before goes first."""
        ...

    def abandon(self) -> None:
        """Nobody wants the reply any more: the connection is cut. Nothing is called after."""
        ...


class Exchanges(Protocol):
    """What the relay does for a channel. No request is ever sent twice."""

    def forward(self, turn: Turn, body: bytes, replies: Replies | None = None) -> None:
        """Send a request whose body was brought whole, with this body, and its reply to the client.

        The length in its head is mended. Where no upstream takes it, the client gets 502 with a JSON error.
        """
        ...

    def fetch(self, head: RequestHead, body: bytes, replies: Replies, turn: Turn | None = None) -> Fetch:
        """Send a request apart from any client's connection; its reply is brought whole to `replies`.

        `turn`, where there is one, is the client's request it stands for: forwarded headers are added for that
        client. Where a reply is not wanted, or cannot be held, it waits, unread, until a turn is
        coupled.
        What `replies.whole` returns is not used.
        """
        ...


class Site(Protocol):
    """What a channel sees of its clients' requests. Failing to look costs no client its reply."""

    def wants(self, head: RequestHead) -> bool:
        """Whether the body of this request is wanted whole, before any of it goes on."""
        ...

    def passing(self, turn: Turn, why: str | None) -> Replies | None:
        """The request streams by: not wanted (None), or wanted and `too large`, or `encoded`. Who wants its reply."""
        ...

    def whole(self, turn: Turn, body: bytes) -> None:
        """The wanted body is there. Now or later the turn is forwarded, or answered."""
        ...

    def tunnelled(self, turn: Turn) -> None:
        """The client and its upstream speak another protocol over this connection from now on (WebSocket), unseen."""
        ...

    def gone(self, connection: int) -> None:
        """A client's connection ended."""
        ...
