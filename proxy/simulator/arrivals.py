"""What arrived over HTTP, as it was on the wire, for whoever wants to compare; and answers in JSON."""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from attrs import frozen
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.http import Request as HTTPRequest
from twisted.web.resource import IResource
from twisted.web.server import Request, Site

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

KEPT = 1000
"""How many arrivals are kept, the latest ones."""


@frozen
class Arrival:
    """A request as it arrived, headers in their order and case. `target` is the path with its query."""

    method: bytes
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def values(self, name: bytes) -> list[bytes]:
        """The values of a header, by its name in any case."""
        return [value for each, value in self.headers if each.lower() == name.lower()]


class NotingChannel(HTTPChannel):
    """A client's connection, which keeps the header lines of the request it is at."""

    site: NotingSite

    def __init__(self) -> None:
        HTTPChannel.__init__(self)
        self.lines: list[bytes] = []
        self.number = 0
        """Of the connection."""
        self.begun = 0
        """How many requests came on it."""

    def headerReceived(self, line: bytes) -> bool:
        self.lines.append(line)
        return bool(HTTPChannel.headerReceived(self, line))

    def requestDone(self, request: HTTPRequest) -> None:
        self.lines = []
        HTTPChannel.requestDone(self, request)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.site.channels.pop(self, None)
        HTTPChannel.connectionLost(self, reason)


class NotingSite(Site):
    """A site that keeps what arrived (`arrived`) and who is connected (`channels`).

    A connection on which nothing comes for `keep_alive` seconds is closed; 0: none is.
    """

    noisy = False
    protocol = NotingChannel  # type: ignore[assignment]

    def __init__(self, root: IResource, reactor: IReactorTime, keep_alive: float) -> None:
        Site.__init__(self, root, timeout=keep_alive or None, reactor=reactor)
        self.arrived: deque[Arrival] = deque(maxlen=KEPT)
        self.channels: dict[NotingChannel, None] = {}
        self._numbered = 0

    def buildProtocol(self, addr: IAddress | None) -> Any:
        channel = Site.buildProtocol(self, addr)
        self._numbered += 1
        channel.number = self._numbered
        self.channels[channel] = None
        return channel

    def getResourceFor(self, request: Request) -> IResource:
        channel = channel_of(request)
        channel.begun += 1
        headers = tuple((name, value.strip(b" \t")) for name, value in (line.split(b":", 1) for line in channel.lines))
        self.arrived.append(Arrival(request.method, request.uri, headers, body_of(request)))
        resource: IResource = Site.getResourceFor(self, request)
        return resource

    def log(self, request: HTTPRequest) -> None:
        """There is no access log."""


def channel_of(request: Request) -> NotingChannel:
    """The connection of a request to a NotingSite."""
    return cast(NotingChannel, request.channel)


def body_of(request: Request) -> bytes:
    """The body of a request that is whole, as it came."""
    content = cast(BinaryIO, request.content)
    content.seek(0)
    return content.read()


class Answering:
    """A request that is answered later, unless its client has left by then."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._is_there = True
        request.notifyFinish().addErrback(self._leave)

    def _leave(self, _: Failure) -> None:
        self._is_there = False

    def json(self, content: object, code: int = 200) -> None:
        """Reply with JSON."""
        if self._is_there:
            self._request.write(answer_json(self._request, content, code))
            self._request.finish()


def answer_json(request: Request, content: object, code: int = 200) -> bytes:
    """Make JSON the reply of a request; for `render`, what to return."""
    body = json.dumps(content).encode("utf-8")
    request.setResponseCode(code)
    request.setHeader("content-type", "application/json;charset=UTF-8")
    request.setHeader("content-length", str(len(body)))
    return body
