"""The reading of one message of HTTP/1.1 from a stream, by h11. Pure."""

from __future__ import annotations

from typing import cast

import h11

from proxy.errors import PeerError
from proxy.http.relay.bodies import WITHOUT_BODY, Framing
from proxy.http.turns import ReplyHead, RequestHead

Event = h11.Request | h11.InformationalResponse | h11.Response | h11.Data | h11.EndOfMessage

_ASKED = h11.Request(method="GET", target="/", headers=[("Host", "")])
_ASKED_HEAD_ONLY = h11.Request(method="HEAD", target="/", headers=[("Host", "")])
_ASKED_UPGRADE = h11.Request(
    method="GET", target="/", headers=[("Host", ""), ("Upgrade", "websocket"), ("Connection", "Upgrade")]
)
_NO_BODY = h11.EndOfMessage()


class Unreadable(PeerError):
    """What came is no HTTP message. `status` is what a server says to that."""

    def __init__(self, status: int) -> None:
        super().__init__("the message cannot be read")
        self.status = status


class MessageReader:
    """Reads one message: feed it the stream, ask it for what stands there. `max_head` bounds heads and trailers."""

    __slots__ = ("_h11",)

    def __init__(self, reading: h11.Connection) -> None:
        self._h11 = reading

    def feed(self, data: bytes) -> None:
        """The next bytes of the stream; none: it is at its end."""
        self._h11.receive_data(data)

    def next(self) -> Event | None:
        """What stands next in the stream; None: not whole yet. Not asked after the end of the message.

        Raises Unreadable.
        """
        try:
            event = self._h11.next_event()
        except h11.RemoteProtocolError as problem:
            raise Unreadable(problem.error_status_hint) from None
        if event is h11.NEED_DATA:
            return None
        if type(event) is h11.ConnectionClosed:
            raise Unreadable(400)
        return cast(Event, event)

    @property
    def rest(self) -> bytes:
        """What was fed and does not belong to the message, or is not whole yet."""
        return bytes(self._h11.trailing_data[0])


def request_reader(max_head: int) -> MessageReader:
    """Reads a client's request."""
    return MessageReader(h11.Connection(h11.SERVER, max_head))


def reply_reader(method: bytes, upgrade: bool, max_head: int) -> MessageReader:
    """Reads the reply to a request: the interim ones, then the last."""
    reading = h11.Connection(h11.CLIENT, max_head)
    reading.send(_ASKED_UPGRADE if upgrade else _ASKED_HEAD_ONLY if method == b"HEAD" else _ASKED)
    reading.send(_NO_BODY)
    return MessageReader(reading)


def request_head(event: h11.Request) -> RequestHead:
    """A request's head as it was sent."""
    return RequestHead(bytes(event.method), bytes(event.target), tuple(event.headers.raw_items()))


def reply_head(event: h11.Response | h11.InformationalResponse) -> ReplyHead:
    """A reply's head as it was sent."""
    return ReplyHead(event.status_code, bytes(event.reason), tuple(event.headers.raw_items()))


def request_framing(event: h11.Request) -> tuple[Framing, int]:
    """How a request's body is framed, and its length, if that is told."""
    return _framing(event, Framing.NONE)


def reply_framing(method: bytes, event: h11.Response) -> tuple[Framing, int]:
    """How the body of a reply to such a request is framed, and its length, if that is told."""
    if method == b"HEAD" or event.status_code in WITHOUT_BODY:
        return Framing.NONE, 0
    return _framing(event, Framing.CLOSE)


def _framing(event: h11.Request | h11.Response, untold: Framing) -> tuple[Framing, int]:
    length: int | None = None
    for name, value in event.headers:
        if name == b"transfer-encoding":
            return Framing.CHUNKED, 0
        if name == b"content-length":
            length = int(value)
    return (untold, 0) if length is None else (Framing.LENGTH, length)
