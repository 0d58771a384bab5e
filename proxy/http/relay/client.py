"""A client's connection: its requests, one after the other, each with its reply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import h11
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import ISSLTransport
from twisted.python.failure import Failure

from proxy.http.relay.asked import CONTINUE, Asked, complaint
from proxy.http.relay.bodies import Framing
from proxy.http.relay.counts import HttpCounts
from proxy.http.relay.exchange import Exchange
from proxy.http.relay.heads import is_encoded, listed, reply_text, trailing, with_length
from proxy.http.relay.limits import HttpLimits
from proxy.http.relay.pacing import PacedProtocol
from proxy.http.relay.patience import Patience
from proxy.http.relay.reading import MessageReader, Unreadable, request_framing, request_head, request_reader
from proxy.http.relay.upstream import UpstreamConnection
from proxy.http.relay.watched import WatchedSite
from proxy.http.turns import ReplyHead
from proxy.relay.causes import Cause

READ_AHEAD = 65536
"""So many bytes behind a request whose reply is not whole are read: enough to see the client leave."""

SAID = {
    400: (b"Bad Request", "the request cannot be read"),
    405: (b"Method Not Allowed", "this is no forward proxy"),
    408: (b"Request Timeout", "the request was not sent in time"),
    431: (b"Request Header Fields Too Large", "the head of the request is too large"),
    501: (b"Not Implemented", "the transfer encoding of the request is not known"),
    505: (b"HTTP Version Not Supported", "HTTP/1.1 is spoken here"),
}
"""What a client is told whose request is not sent on."""

NO_TUNNEL = "WebSocket is refused here; use long polling"


class Serves(Protocol):
    """What a client's connection asks of the relay."""

    limits: HttpLimits
    counts: HttpCounts
    site: WatchedSite
    tunnels: bool

    def patience(self, over: Callable[[], None]) -> Patience:
        """A time limit."""
        ...

    def next_number(self) -> int:
        """The number of a request."""
        ...

    def stream(self, turn: Asked, origin: ClientConnection, why: str | None) -> Exchange:
        """A request streams by."""
        ...

    def whole(self, turn: Asked, body: bytes) -> None:
        """A wanted body is there."""

    def over(self, connection: ClientConnection, cause: Cause) -> None:
        """A client's connection is gone."""


class ClientConnection(PacedProtocol):
    """See Home and Origin. `closing`: it ends once the reply that is on its way, or waited for, is whole."""

    def __init__(self, relay: Serves, number: int) -> None:
        super().__init__()
        self.number = number
        self.closing = False
        self._relay = relay
        self._cause: Cause | None = None
        self._patience = relay.patience(self._out_of_time)
        self._client = ""
        self._secure = False
        self._turn: Asked | None = None
        # The request that is read: its reader, until it is whole; whether any of it came; what is held of its body,
        # and what takes that when it is whole, or the exchange to which it streams.
        self._reader: MessageReader | None = None
        self._touched = False
        self._held: bytearray | None = None
        self._takes: Callable[[Asked, bytes], None] = relay.whole
        self._exchange: Exchange | None = None
        # What came behind it, and whether that is enough.
        self._behind = b""
        self._enough = False
        self._kept: UpstreamConnection | None = None
        self._tunnel: UpstreamConnection | None = None

    # ------------------------------------------------------------------------------------------------------- its bytes

    def connectionMade(self) -> None:
        """See IProtocol."""
        super().connectionMade()
        peer = self.transport.getPeer()
        self._client = peer.host if isinstance(peer, (IPv4Address, IPv6Address)) else "unknown"
        self._secure = ISSLTransport.providedBy(self.transport)
        self._reader = request_reader(self._relay.limits.max_head)
        self._patience.set(self._relay.limits.header_timeout)

    def dataReceived(self, data: bytes) -> None:
        """See IProtocol."""
        self._relay.counts.client_bytes += len(data)
        if self._tunnel is not None:
            self._tunnel.way.send(data)
        elif self._reader is not None:
            self._feed(self._reader, data)
            self.go_on()
        elif self._turn is not None:
            self._behind += data
            self._bound()

    def _bound(self) -> None:
        """Of what comes behind a request no more is read than needed, however many requests it is."""
        if len(self._behind) > READ_AHEAD and not self._enough:
            self._enough = True
            self.pause()

    def _feed(self, reader: MessageReader, data: bytes) -> None:
        """Empty lines before a request are no part of it: some clients send one behind a body (RFC 9112, 2.2)."""
        if not self._touched:
            data = data.lstrip(b"\r\n")
        if data:
            reader.feed(data)
            self._touch()

    def _touch(self) -> None:
        """Something of a request came: its head is waited for no longer than this; its body, while it comes."""
        limits = self._relay.limits
        if self._turn is not None:
            self._patience.set(limits.idle_timeout)
        elif not self._touched:
            self._touched = True
            self._patience.set(limits.header_timeout)

    def take(self) -> None:
        """See PacedProtocol."""
        try:
            while self._reader is not None and not self._holds:
                event = self._reader.next()
                if event is None:
                    break
                self._took(event)
        except Unreadable as problem:
            self._refuse(problem.status, Cause.MALFORMED)

    def _took(self, event: object) -> None:
        if type(event) is h11.Data:
            self._body(bytes(event.data))
        elif type(event) is h11.EndOfMessage:
            self._whole(event)
        elif type(event) is h11.Request:
            self._begun(event)

    # ----------------------------------------------------------------------------------------------------- a request

    def _begun(self, event: h11.Request) -> None:
        head = request_head(event)
        is_old = event.http_version < b"1.1"
        turn = Asked(self, self._relay.next_number(), self._client, self._secure, head, is_old)
        turn.framing, length = request_framing(event)
        self._turn = turn
        self._patience.set(self._relay.limits.idle_timeout)
        if is_old or b"close" in listed(head.headers, b"connection"):
            self._close_because(Cause.CLIENT_CLOSED)
        if not event.http_version.startswith(b"1."):
            self._refuse(505, Cause.MALFORMED)
        elif head.method == b"CONNECT":
            self._refuse(405, Cause.MALFORMED)
        elif head.method == b"GET" and b"websocket" in listed(head.headers, b"upgrade"):
            self._upgrade(turn)
        else:
            self._choose(turn, length)

    def _choose(self, turn: Asked, length: int) -> None:
        """Hold the body, or let it stream."""
        relay = self._relay
        why = None
        if relay.site.wants(turn.head):
            why = (
                "encoded" if is_encoded(turn.head.headers) else "too large" if length > relay.limits.max_body else None
            )
            if why is None:
                self._held = bytearray()
                self._takes = relay.whole
                if turn.expects and turn.framing is not Framing.NONE:
                    turn.expects = False
                    self.way.send(CONTINUE)
                return
        self._stream(turn, why)

    def _stream(self, turn: Asked, why: str | None) -> None:
        held, self._held = self._held, None
        self._exchange = self._relay.stream(turn, self, why)
        if held:
            self._exchange.send(bytes(held))

    def _upgrade(self, turn: Asked) -> None:
        """A request for a WebSocket: refused, or what it becomes is up to the upstream."""
        if self._relay.tunnels:
            turn.upgrade = True
            self._stream(turn, None)
        else:
            self._held = bytearray()
            self._takes = self._refuse_tunnel

    def _refuse_tunnel(self, turn: Asked, body: bytes) -> None:
        replies = self._relay.site.passing(turn, None)
        if replies is not None:
            replies.failed("refused")
        if turn.waiting:
            turn.answer(*complaint(400, b"Bad Request", NO_TUNNEL))

    def _body(self, data: bytes) -> None:
        if self._held is not None:
            self._held += data
            if len(self._held) > self._relay.limits.max_body and self._turn is not None:
                self._stream(self._turn, "too large")
        elif self._exchange is not None:
            self._exchange.send(data)

    def _whole(self, event: h11.EndOfMessage) -> None:
        """The request is whole: what comes behind it waits until its reply is."""
        assert self._reader is not None
        self._behind = self._reader.rest
        self._reader = None
        self._bound()
        self._patience.lift()
        turn, held, self._held = self._turn, self._held, None
        exchange, self._exchange = self._exchange, None
        assert turn is not None
        trailers = trailing(tuple(event.headers.raw_items()))
        if held is not None:
            turn.trailers = trailers
            self._takes(turn, bytes(held))
        elif exchange is not None:
            exchange.finish(trailers)

    # ------------------------------------------------------------------------------------------------------- its reply

    @property
    def request_over(self) -> bool:
        """See Home."""
        return self._reader is None

    def replied(self, method: bytes, status: int) -> None:
        """See Home."""
        self._relay.counts.replied(method, status)

    def tell(self, call: Callable[[], None]) -> None:
        """See Home."""
        self._relay.site.told(call)

    def turn_over(self) -> None:
        """See Home."""
        self._turn = None
        self._exchange = None
        self.way.taken_by(self)
        if self.closing or not self.request_over:
            self._end()
            return
        behind, self._behind = self._behind, b""
        self._reader = reader = request_reader(self._relay.limits.max_head)
        self._touched = False
        self._patience.set(self._relay.limits.idle_timeout)
        self._feed(reader, behind)
        if self._enough:
            self._enough = False
            self.resume()
        self.go_on()

    def cut_short(self, cause: Cause, at_once: bool) -> None:
        """See Home."""
        self._because(cause)
        self._turn = self._exchange = self._reader = None
        if at_once:
            self.cut_off()
        else:
            self._patience.set(self._relay.limits.deadline)
            self.way.close()

    def _refuse(self, status: int, cause: Cause) -> None:
        """What the client sends is not taken any more: say why, if a reply can be given, and end."""
        self._because(cause)
        self.closing = True
        turn = self._turn
        reason, text = SAID[status]
        head, body = complaint(status, reason, text)
        if turn is None:
            headers = (*with_length(head.headers, len(body)), (b"Connection", b"close"))
            self._relay.counts.replied(None, status)
            self.way.send(reply_text(ReplyHead(status, reason, headers)) + body)
            self._end()
        elif turn.waiting:
            exchange, turn.exchange = turn.exchange, None
            if exchange is not None:
                exchange.client_left("the request broke off")
            turn.answer(head, body)
        else:
            turn.left("the request broke off")
            self.cut_off()

    # --------------------------------------------------------------------------------------- connections to an upstream

    def take_kept(self) -> UpstreamConnection | None:
        """See Origin."""
        kept, self._kept = self._kept, None
        if kept is None or kept.is_usable:
            return kept
        kept.leave()
        return None

    def keep(self, upstream: UpstreamConnection) -> None:
        """See Origin: one is kept."""
        if self.lost is not None or self._kept is not None or not upstream.keep():
            upstream.leave()
        else:
            self._kept = upstream

    def open_tunnel(self, upstream: UpstreamConnection) -> None:
        """See Origin."""
        rest = self._behind if self._reader is None else self._reader.rest
        self._turn = self._exchange = self._reader = None
        self._behind = b""
        self._patience.lift()
        self._tunnel = upstream
        self.way.taken_by(upstream)
        upstream.way.taken_by(self)
        upstream.open_tunnel(self.way)
        if rest:
            upstream.way.send(rest)
        if self._enough:
            self._enough = False
            self.resume()

    # --------------------------------------------------------------------------------------------------------- its end

    def finish(self, cause: Cause) -> None:
        """End, once the reply to the request that has begun is whole."""
        self._close_because(cause)
        if self._tunnel is not None:
            self._tunnel.close_tunnel(self._relay.limits.deadline)
            self.way.close()
        elif self._turn is None and not self._touched:
            self._end()

    def break_off(self, cause: Cause) -> None:
        """End now, whatever is on its way."""
        self._cause = cause
        self.cut_off()

    def _because(self, cause: Cause) -> None:
        if self._cause is None:
            self._cause = cause

    def _close_because(self, cause: Cause) -> None:
        self.closing = True
        self._because(cause)

    def _end(self) -> None:
        """Nothing more is said. What the client still sends is read, for a while, so that it gets what was said."""
        self._because(Cause.UPSTREAM_CLOSED)
        self._reader = None
        self._patience.set(self._relay.limits.deadline)
        if self._enough:
            self._enough = False
            self.resume()
        self.way.end()

    def _out_of_time(self) -> None:
        if self._reader is None:
            self.cut_off()
        elif self._turn is not None and self.is_held:
            # It is not the client who keeps the body waiting.
            self._patience.set(self._relay.limits.idle_timeout)
        elif self._turn is not None or self._touched:
            self._refuse(408, Cause.DEADLINE)
        else:
            self._because(Cause.DEADLINE)
            self._end()

    def connectionLost(self, reason: Failure = Failure(ConnectionError())) -> None:  # noqa: B008 (as Protocol's)
        """See IProtocol."""
        super().connectionLost(reason)
        self._patience.drop()
        self._because(Cause.CLIENT_CLOSED if reason.check(ConnectionDone) else Cause.CLIENT_LOST)
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.leave()
        if self._tunnel is not None:
            self._tunnel.close_tunnel(self._relay.limits.deadline)
        turn, self._turn, self._exchange, self._reader = self._turn, None, None, None
        if turn is not None:
            if turn.waiting:
                self._relay.counts.unanswered += 1
            turn.left("the client left")
            turn.tell_gone(self)
        assert self._cause is not None
        self._relay.over(self, self._cause)
