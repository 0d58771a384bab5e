"""A small client over HTTP: one POST, one reply, on a connection of its own."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import h11
from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, connectProtocol, quoteStringArgument
from twisted.internet.error import ConnectError, ConnectingCancelledError
from twisted.internet.interfaces import ITransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from proxy.errors import OurError, PeerError
from proxy.simulator.timers import Timers

_LATE = "no reply in time"


class NoReply(PeerError):
    """Nobody is there, or there is no whole reply in time."""


class NoUri(OurError):
    """That is no URI that can be posted to."""


@frozen
class HttpReply:
    """What came back."""

    status: int
    body: bytes


@frozen
class HttpUri:
    """Where to post: `http://host:port/path`, or https. `read` raises NoUri."""

    endpoint: str
    authority: str
    target: str

    @classmethod
    def read(cls, uri: str) -> HttpUri:
        """Of its text."""
        try:
            parts = urlsplit(uri)
            kind, usual = {"http": ("tcp", 80), "https": ("tls", 443)}[parts.scheme]
            host, port = parts.hostname or "", parts.port or usual
        except (ValueError, KeyError):
            raise NoUri(f"{uri!r} is no URI: http://127.0.0.1:8080/ is one") from None
        if not host or not uri.isascii() or " " in uri:
            raise NoUri(f"{uri!r} is no URI: http://127.0.0.1:8080/ is one")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(f"{kind}:host={quoteStringArgument(host)}:port={port}", parts.netloc.rpartition("@")[2], target)


class _Posting(Protocol):
    """Posts, and has `reply` fire when the reply is whole, or fail with NoReply."""

    transport: ITransport

    def __init__(self, uri: HttpUri, body: bytes, name: str) -> None:
        self.reply: Deferred[HttpReply] = Deferred()
        self._http = h11.Connection(h11.CLIENT)
        self._status = 0
        self._received = b""
        headers = {
            "Host": uri.authority,
            "User-Agent": name,
            "Connection": "close",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
        }
        events = (
            h11.Request(method="POST", target=uri.target, headers=list(headers.items())),
            h11.Data(data=body),
            h11.EndOfMessage(),
        )
        self._sent = b"".join(self._http.send(event) or b"" for event in events)

    def connectionMade(self) -> None:
        self.transport.write(self._sent)

    def dataReceived(self, data: bytes) -> None:
        try:
            self._http.receive_data(data)
            while not self.reply.called:
                event = self._http.next_event()
                if isinstance(event, h11.Response):
                    self._status = event.status_code
                elif isinstance(event, h11.Data):
                    self._received += event.data
                elif isinstance(event, h11.EndOfMessage):
                    self.reply.callback(HttpReply(self._status, self._received))
                elif event in (h11.NEED_DATA, h11.PAUSED) or isinstance(event, h11.ConnectionClosed):
                    return
        except h11.RemoteProtocolError as problem:
            self.fail(f"the reply cannot be read: {problem}")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.reply.called:
            self.dataReceived(b"")
        self.fail("the connection was lost")

    def fail(self, why: str) -> None:
        """There is no reply."""
        if self.connected and not self.reply.called:
            self.reply.errback(NoReply(why))

    def end(self) -> None:
        """End the connection, if it ever was."""
        if self.connected:
            self.transport.abortConnection()  # type: ignore[attr-defined]


async def post(reactor: Any, uri: HttpUri, body: bytes, name: str, timeout: float) -> HttpReply:
    """Post JSON, as the client `name`. Raises NoReply."""
    posting, timers = _Posting(uri, body, name), Timers(reactor)
    connecting = connectProtocol(clientFromString(reactor, uri.endpoint), posting)

    def give_up() -> None:
        connecting.cancel()
        posting.fail(_LATE)

    timers.later(timeout, give_up)
    try:
        await connecting
        return await posting.reply
    except ConnectingCancelledError:
        raise NoReply(_LATE) from None
    except (ConnectError, OSError) as problem:
        raise NoReply(f"cannot connect to {uri.endpoint}: {problem}") from problem
    finally:
        timers.cancel_all()
        posting.end()
