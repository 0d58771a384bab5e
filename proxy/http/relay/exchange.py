"""One request on its way to an upstream, and its reply (see Fetch).

The request goes out whole, or as it comes from a client's connection. The reply goes to a client as it comes, or is
held for whoever wants it whole. An upstream is asked once; what breaks off is told, and never tried again.
"""

from __future__ import annotations

from typing import Protocol

import h11
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from proxy.errors import OurError
from proxy.http.relay import bodies
from proxy.http.relay.asked import Asked, complaint, host_of
from proxy.http.relay.bodies import Framing
from proxy.http.relay.counts import HttpCounts, add
from proxy.http.relay.heads import (
    chunked,
    end_to_end,
    forwarded,
    is_encoded,
    located,
    request_text,
    value,
    values,
    with_length,
    without,
)
from proxy.http.relay.limits import HttpLimits
from proxy.http.relay.reading import reply_framing, reply_head, reply_reader
from proxy.http.relay.upstream import HttpUpstreams, UpstreamConnection
from proxy.http.relay.watched import WatchedReplies
from proxy.http.turns import Headers, ReplyHead, RequestHead, Turn

UNREACHABLE = "unreachable"

SAID = {
    UNREACHABLE: "no upstream could be reached",
    "closed without an answer": "the upstream closed the connection without an answer",
    "broke off": "the upstream's answer broke off",
    "unreadable answer": "the upstream's answer could not be read",
}
"""What a client is told where the upstream failed."""


class Origin(Protocol):
    """The connection of a client for which something is asked: reads the request, and keeps a used connection."""

    def pause(self) -> None:
        """See Source."""

    def resume(self) -> None:
        """See Source."""

    def take_kept(self) -> UpstreamConnection | None:
        """A connection to an upstream that waits for a request."""
        ...

    def keep(self, upstream: UpstreamConnection) -> None:
        """A connection to an upstream whose reply is whole: keep it for the next request, or leave it."""

    def open_tunnel(self, upstream: UpstreamConnection) -> None:
        """From now on bytes go both ways."""


class Asks(Protocol):
    """What an exchange asks of the relay."""

    upstreams: HttpUpstreams
    limits: HttpLimits
    counts: HttpCounts
    exchanges: set[Exchange]
    plain: bool

    def failed_upstream(self, exchange: Exchange, why: str, problem: str) -> None:
        """A request failed upstream."""

    def tunnelled(self, turn: Asked) -> None:
        """A request became a tunnel."""


class Exchange:
    """See Fetch. `head` is the request as the client, or the channel, says it; `framing` that of its body.

    `stands_for` is the client's request it stands for, `origin` that client's connection. Its reply goes to nobody
    until a turn is coupled.
    """

    __slots__ = (
        "_attempt",
        "_client",
        "_coupled",
        "_framing",
        "_held",
        "_keeps_back",
        "_origin",
        "_over",
        "_relay",
        "_replies",
        "_reply",
        "_reply_framing",
        "_sent",
        "_stands_for",
        "_unsent",
        "_upstream",
        "_waits",
        "head",
    )

    def __init__(
        self,
        relay: Asks,
        head: RequestHead,
        framing: Framing,
        replies: WatchedReplies | None,
        stands_for: Asked | None,
        origin: Origin | None,
    ) -> None:
        self.head = head
        self._relay = relay
        self._framing = framing
        self._replies = replies
        self._stands_for = stands_for
        self._origin = origin
        self._client: Asked | None = None
        self._coupled = False
        self._upstream: UpstreamConnection | None = None
        self._attempt: Deferred[UpstreamConnection] | None = None
        # Of the request: what goes out once there is a connection, whether that is all, and whether the client is
        # not read from until then.
        self._unsent = b""
        self._sent = False
        self._keeps_back = False
        # Of the reply: its head, how its body comes, what is held of it, and whether it waits for a client.
        self._reply: ReplyHead | None = None
        self._reply_framing = Framing.NONE
        self._held: bytearray | None = None
        self._waits = False
        self._over = False

    # ----------------------------------------------------------------------------------------------------- the request

    def begin(self, body: bytes | None, trailers: Headers = ()) -> None:
        """Ask; with this body, or None: it comes by `send` and `finish`."""
        self._relay.exchanges.add(self)
        if body is not None:
            self._unsent = bodies.whole(self._framing, body, trailers)
            self._sent = True
        kept = None if self._origin is None else self._origin.take_kept()
        if kept is not None:
            self._connected(kept)
        else:
            self._attempt = self._relay.upstreams.connect()
            self._attempt.addCallbacks(self._connected, self._unreachable)

    def send(self, data: bytes) -> None:
        """More of the request's body. The client is not read from while it has nowhere to go."""
        data = bodies.part(self._framing, data)
        if self._upstream is not None:
            self._upstream.way.send(data)
        elif not self._over:
            self._unsent += data
            self._keep_back(True)

    def finish(self, trailers: Headers) -> None:
        """The request is whole."""
        self._sent = True
        data = bodies.end(self._framing, trailers)
        if self._upstream is None:
            self._unsent += data
            return
        if data:
            self._upstream.way.send(data)
        self._upstream.way.taken_by(None)

    def _keep_back(self, wanted: bool) -> None:
        if self._keeps_back is not wanted and self._origin is not None:
            self._keeps_back = wanted
            if wanted:
                self._origin.pause()
            else:
                self._origin.resume()

    def _connected(self, upstream: UpstreamConnection) -> None:
        self._attempt = None
        self._upstream = upstream
        text, self._unsent = self._head_text(upstream) + self._unsent, b""
        upgrade = self._stands_for is not None and self._stands_for.upgrade
        upstream.ask(text, reply_reader(self.head.method, upgrade, self._relay.limits.max_head), self)
        if not self._sent:
            upstream.way.taken_by(self._origin)
        self._keep_back(False)

    def _head_text(self, upstream: UpstreamConnection) -> bytes:
        """The request's head, as it goes to this upstream."""
        turn = self._stands_for
        headers = end_to_end(self.head.headers)
        if value(headers, b"host") is None:
            headers = ((b"Host", upstream.upstream.authority.encode()), *headers)
        if self._framing is Framing.CHUNKED:
            headers = chunked(headers)
        if self._sent and self._framing is not Framing.NONE:
            headers = without(headers, b"expect")
        if self._relay.plain and self._replies is not None:
            headers = without(headers, b"accept-encoding")
        if turn is not None:
            headers = forwarded(headers, turn.client, turn.secure)
            if turn.upgrade:
                headers = (*headers, *_upgrade(self.head.headers))
        return request_text(RequestHead(self.head.method, self.head.target, headers))

    def _unreachable(self, problem: Failure) -> None:
        self._attempt = None
        if not self._over:
            self._fail(UNREACHABLE, problem.getErrorMessage())

    # ------------------------------------------------------------------------------------------------------- the reply

    def informed(self, event: h11.InformationalResponse) -> None:
        """See Asker."""
        client = self._client
        if client is None:
            return
        head = reply_head(event)
        if event.status_code == 101:
            self._switch(client, head)
        elif event.status_code != 100 or client.expects:
            client.expects = client.expects and event.status_code != 100
            client.inform(ReplyHead(head.status, head.reason, end_to_end(head.headers)))

    def began(self, event: h11.Response) -> None:
        """See Asker."""
        self._reply = head = self._mended(reply_head(event))
        self._reply_framing, length = reply_framing(self.head.method, event)
        why = None
        if self._replies is not None and not self._coupled and self._replies.wants(head):
            why = "encoded" if is_encoded(head.headers) else "too large" if length > self._largest else None
            if why is None:
                self._held = bytearray()
                return
        self._stream(why)

    @property
    def _largest(self) -> int:
        return self._relay.limits.max_body

    def _mended(self, head: ReplyHead) -> ReplyHead:
        """The head as it is for the client."""
        headers = end_to_end(head.headers)
        turn = self._client or self._stands_for
        if turn is not None and self._upstream is not None:
            headers = located(headers, self._upstream.upstream, turn.secure, host_of(turn.head))
        return ReplyHead(head.status, head.reason, headers)

    def _stream(self, why: str | None) -> None:
        """The body goes on as it comes: what is held goes first, and where nobody is there to take it, it waits."""
        head = self._reply
        assert head is not None
        if why is not None:
            add(self._relay.counts.unread_replies, why)
        if self._client is None:
            self._wait(True)
        else:
            self._begin(self._client)
        if self._replies is not None:
            self._replies.unread(head, why)

    def _wait(self, wanted: bool) -> None:
        if self._waits is not wanted and self._upstream is not None:
            self._waits = wanted
            if wanted:
                self._upstream.pause()
            else:
                self._upstream.resume()

    def _begin(self, client: Asked) -> None:
        """The reply begins to go to the client; what was held goes first."""
        assert self._reply is not None
        assert self._upstream is not None
        client.begin(self._reply, self._reply_framing, self._upstream)
        held, self._held = self._held, None
        if held:
            client.go_on(bytes(held))

    def came(self, data: bytes) -> None:
        """See Asker."""
        if self._held is not None:
            self._held += data
            if len(self._held) > self._largest:
                self._stream("too large")
        elif self._client is not None:
            self._client.go_on(data)

    def rests(self) -> None:
        """See Asker."""
        if self._client is not None and self._held is None:
            self._client.flush()

    def over(self, trailers: Headers) -> None:
        """See Asker."""
        upstream, self._upstream = self._upstream, None
        client, held, head = self._client, self._held, self._reply
        assert upstream is not None
        assert head is not None
        upstream.way.taken_by(None)
        self._close()
        if self._sent and self._origin is not None:
            self._origin.keep(upstream)
        else:
            upstream.leave()
        if held is None:
            if client is not None:
                client.end(trailers)
            return
        body = bytes(held)
        assert self._replies is not None
        instead = self._replies.whole(head, body)
        if client is None and instead is None:
            # By a mistake of ours whoever wanted it did not take it: the client it stood for gets it.
            client = self._stands_for
        if client is not None and client.waiting:
            client.reply(head, self._reply_framing, body if instead is None else instead, trailers)

    def broken(self, why: str) -> None:
        """See Asker."""
        upstream = self._upstream
        if upstream is not None and not (upstream.used and why == "closed without an answer"):
            # One that was kept may have been closed just then; that says nothing about the upstream.
            self._relay.upstreams.failed(upstream.upstream)
        self._fail(why, "")

    def _fail(self, why: str, problem: str) -> None:
        client = self._client
        self._relay.failed_upstream(self, why, problem)
        self._close()
        if self._replies is not None:
            self._replies.failed(why)
        if client is None:
            return
        if client.waiting:
            client.exchange = None
            client.answer(*complaint(502, b"Bad Gateway", SAID[why]))
        else:
            client.cut_short()

    def _switch(self, client: Asked, head: ReplyHead) -> None:
        """The upstream agrees to a tunnel."""
        upstream, self._upstream = self._upstream, None
        assert upstream is not None
        assert self._origin is not None
        self._close()
        headers = (*end_to_end(head.headers), *_upgrade(head.headers))
        client.inform(ReplyHead(head.status, head.reason, headers))
        if self._replies is not None:
            self._replies.unread(head, None)
        self._relay.tunnelled(client)
        self._origin.open_tunnel(upstream)

    def goes_to(self, client: Asked) -> None:
        """The reply goes to this client."""
        self._client = client
        client.exchange = self

    # ---------------------------------------------------------------------------------------------------- see Fetch

    def couple(self, turn: Turn) -> None:
        """See Fetch. A reply that is being held to be brought whole is not held any more. Raises OurError."""
        assert isinstance(turn, Asked)
        if self._over:
            raise OurError("the reply is over")
        if not turn.waiting:
            return
        self._coupled = True
        self.goes_to(turn)
        if self._reply is None:
            return
        self._begin(turn)
        turn.flush()
        if self._replies is not None:
            self._replies.unread(self._reply, None)
        self._wait(False)

    def abandon(self) -> None:
        """See Fetch."""
        if not self._over:
            self._close()

    def client_left(self, why: str) -> None:
        """The client to whom the reply goes has left: nobody wants it any more."""
        if not self._over:
            self._close()
            if self._replies is not None:
                self._replies.failed(why)

    def shut_down(self) -> None:
        """The relay ends."""
        self.client_left("shutdown")

    def _close(self) -> None:
        """Nothing more is called; a connection that still brings something is cut."""
        self._over = True
        self._client = None
        self._held = None
        self._unsent = b""
        self._relay.exchanges.discard(self)
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.cancel()
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            upstream.way.taken_by(None)
            upstream.leave()
        self._keep_back(False)


def _upgrade(headers: Headers) -> Headers:
    """The fields by which two sides agree about a tunnel."""
    told = tuple((b"Upgrade", name) for name in values(headers, b"upgrade"))
    return (*told, (b"Connection", b"Upgrade"))


def mended(head: RequestHead, framing: Framing, length: int) -> tuple[RequestHead, Framing]:
    """A request's head whose body was brought whole, and has this length now."""
    if framing is Framing.CHUNKED or (framing is Framing.NONE and not length):
        return head, framing
    return RequestHead(head.method, head.target, with_length(head.headers, length)), Framing.LENGTH
