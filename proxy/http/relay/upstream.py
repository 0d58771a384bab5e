"""The upstreams of an HTTP channel, and a connection to one of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from socket import MSG_PEEK
from typing import Any, Protocol

import h11
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress, IProtocol, IProtocolFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from proxy.http.relay.address import HttpUpstream
from proxy.http.relay.counts import HttpCounts
from proxy.http.relay.heads import listed, trailing, value
from proxy.http.relay.pacing import PacedProtocol, Way
from proxy.http.relay.patience import Patience
from proxy.http.relay.reading import MessageReader, Unreadable
from proxy.http.turns import Headers
from proxy.relay.outlet import is_plain
from proxy.relay.upstreams import Unreachable, Upstreams

RETURN_AFTER = 30.0
"""For so many seconds after a failure the next upstream is tried first; then the first one again."""

KEPT_FOR = 4.0
"""So many seconds an unused connection is kept where the upstream does not say how long it keeps it (A)."""

_TOLD = re.compile(rb"\btimeout=([0-9]{1,6})\b")


class Asker(Protocol):
    """Whoever asked an upstream something: what comes of it. `over` or `broken` is called, once, at the end."""

    def informed(self, event: h11.InformationalResponse) -> None:
        """An interim reply."""
        ...

    def began(self, event: h11.Response) -> None:
        """The reply begins."""
        ...

    def came(self, data: bytes) -> None:
        """More of its body."""
        ...

    def rests(self) -> None:
        """Nothing more came for now, or somebody holds it."""
        ...

    def over(self, trailers: Headers) -> None:
        """The reply is whole. The connection has no asker any more."""
        ...

    def broken(self, why: str) -> None:
        """The reply will never be whole. The connection is of no use any more."""
        ...


class UpstreamConnection(PacedProtocol):
    """A connection to `upstream`: one request at a time. `used`: it has brought a reply before."""

    def __init__(self, upstream: HttpUpstream, clock: Any, counts: HttpCounts) -> None:
        super().__init__()
        self.upstream = upstream
        self.used = False
        self._counts = counts
        self._asker: Asker | None = None
        self._reader: MessageReader | None = None
        self._tunnel: Way | None = None
        self._keepable = False
        self._began = False
        self._keep_for = KEPT_FOR
        self._patience = Patience(clock, self._out_of_time)

    def ask(self, text: bytes, reader: MessageReader, asker: Asker) -> None:
        """Send a request, or the beginning of one; the reply is read by `reader`."""
        self._patience.lift()
        self._asker = asker
        self._reader = reader
        self._began = False
        self.way.send(text)

    # ----------------------------------------------------------------------------------------------------- the reply

    def dataReceived(self, data: bytes) -> None:
        """See IProtocol."""
        self._counts.upstream_bytes += len(data)
        if self._tunnel is not None:
            self._tunnel.send(data)
        elif self._reader is None:
            # Nothing was asked: whatever it is, the next reply would be taken for another one.
            self._leave()
        else:
            self._reader.feed(data)
            self.go_on()

    def take(self) -> None:
        """See PacedProtocol."""
        try:
            while self._reader is not None and not self._holds:
                event = self._reader.next()
                if event is None:
                    break
                self._took(event)
        except Unreadable:
            self._break_off()
        if self._asker is not None:
            self._asker.rests()

    def _took(self, event: object) -> None:
        asker = self._asker
        assert asker is not None
        if type(event) is h11.Data:
            asker.came(bytes(event.data))
        elif type(event) is h11.EndOfMessage:
            reader, self._reader, self._asker = self._reader, None, None
            self.used = True
            if reader is not None and reader.rest:
                self._keepable = False
            asker.over(trailing(tuple(event.headers.raw_items())))
        elif type(event) is h11.Response:
            self._began = True
            headers = tuple(event.headers)
            self._keepable = event.http_version >= b"1.1" and b"close" not in listed(headers, b"connection")
            self._keep_for = _kept_for(headers)
            asker.began(event)
        elif type(event) is h11.InformationalResponse:
            asker.informed(event)

    def _break_off(self) -> None:
        asker, self._asker, self._reader = self._asker, None, None
        if asker is None:
            return
        if self._began:
            why = "broke off"
        elif self.lost is not None:
            why = "closed without an answer"
        else:
            why = "unreadable answer"
        self.cut_off()
        asker.broken(why)

    def connectionLost(self, reason: Failure = Failure(ConnectionError())) -> None:  # noqa: B008 (as Protocol's)
        """See IProtocol."""
        super().connectionLost(reason)
        self._patience.drop()
        if self._tunnel is not None:
            self._tunnel.close()
        elif self._reader is not None and reason.check(ConnectionDone):
            # The end of the stream is the end of some replies.
            self._reader.feed(b"")
            self.go_on()
        else:
            self._break_off()

    # ------------------------------------------------------------------------------------------------- between replies

    def keep(self) -> bool:
        """The reply is whole: wait for the next request, for a while. False: that cannot be."""
        if not self._keepable or self.lost is not None or self._keep_for <= 0:
            return False
        self._patience.set(self._keep_for)
        return True

    @property
    def is_usable(self) -> bool:
        """Whether it is there still: nothing came, and no end of it."""
        if self.lost is not None or not self._keepable:
            return False
        return not is_plain(self.transport) or _is_silent(self.transport.getHandle())

    def _out_of_time(self) -> None:
        if self._tunnel is not None:
            self.cut_off()
        else:
            self._leave()

    def _leave(self) -> None:
        self._keepable = False
        if self.lost is None:
            self.way.close()

    def leave(self) -> None:
        """Nothing more is asked: close the connection, or break it off where it still brings a reply."""
        busy, self._asker, self._reader = self._asker is not None, None, None
        if busy:
            self.cut_off()
        else:
            self._leave()

    # ------------------------------------------------------------------------------------------------------ the tunnel

    def open_tunnel(self, to: Way) -> None:
        """After a 101: all that comes goes this way, the rest of what was read first."""
        reader, self._reader, self._asker, self._tunnel = self._reader, None, None, to
        if reader is not None and reader.rest:
            to.send(reader.rest)

    def close_tunnel(self, within: float) -> None:
        """Send what is on its way, and close; after so many seconds break it off."""
        if self.lost is None:
            self.way.close()
            self._patience.set(within)


def _kept_for(headers: Headers) -> float:
    """How long a connection is kept: a second less than the upstream says it keeps it."""
    told = _TOLD.search(value(headers, b"keep-alive") or b"")
    return float(told[1]) - 1 if told else KEPT_FOR


def _is_silent(socket: Any) -> bool:
    """Whether nothing was sent on a socket that was not read yet, not even its end."""
    try:
        socket.recv(1, MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@implementer(IProtocolFactory)
class _Connections:
    """Builds a connection to one upstream."""

    def __init__(self, upstream: HttpUpstream, clock: Any, counts: HttpCounts) -> None:
        self._upstream = upstream
        self._clock = clock
        self._counts = counts

    def buildProtocol(self, addr: IAddress | None) -> IProtocol:
        """See IProtocolFactory."""
        return UpstreamConnection(self._upstream, self._clock, self._counts)

    def doStart(self) -> None:
        """See IProtocolFactory."""

    def doStop(self) -> None:
        """See IProtocolFactory."""


class HttpUpstreams:
    """The upstreams of a channel, tried in order; after a failure the next one comes first for a while.

    `connect_timeout` is seconds for each.
    """

    def __init__(
        self, reactor: Any, upstreams: Sequence[HttpUpstream], connect_timeout: float, counts: HttpCounts
    ) -> None:
        self._clock = reactor
        self._upstreams = tuple(upstreams)
        self._doors = {
            upstream: (
                Upstreams(reactor, [upstream.endpoint], connect_timeout),
                _Connections(upstream, reactor, counts),
            )
            for upstream in self._upstreams
        }
        self._first = 0
        self._return_at = 0.0

    @property
    def reached(self) -> dict[str, bool | None]:
        """Of each endpoint, whether the last attempt that came to an end succeeded; None: there was none yet."""
        return {endpoint: said for door, _ in self._doors.values() for endpoint, said in door.reached.items()}

    @property
    def unreached(self) -> dict[str, float]:
        """The endpoints whose last attempt failed, and how many seconds ago that was."""
        return {endpoint: ago for door, _ in self._doors.values() for endpoint, ago in door.unreached.items()}

    def be_patient(self, connect_timeout: float) -> None:
        """So many seconds for each from now on."""
        for door, _ in self._doors.values():
            door.connect_timeout = connect_timeout

    @property
    def order(self) -> tuple[HttpUpstream, ...]:
        """In which order they are tried now."""
        if self._clock.seconds() >= self._return_at:
            self._first = 0
        return self._upstreams[self._first :] + self._upstreams[: self._first]

    def failed(self, upstream: HttpUpstream) -> None:
        """This one failed: the one after it comes first, for a while."""
        if self.order[0] is upstream:
            self._first = (self._upstreams.index(upstream) + 1) % len(self._upstreams)
            self._return_at = self._clock.seconds() + RETURN_AFTER

    def connect(self) -> Deferred[UpstreamConnection]:
        """Connect to the first one that can be reached. Fails with Unreachable. Can be cancelled at any moment."""
        return Deferred.fromCoroutine(self._connect())

    async def _connect(self) -> UpstreamConnection:
        problems = []
        for upstream in self.order:
            door, connections = self._doors[upstream]
            try:
                connection = await door.connect(connections)
            except Unreachable as problem:
                problems.append(str(problem))
                self.failed(upstream)
            else:
                assert isinstance(connection, UpstreamConnection)
                return connection
        raise Unreachable("; ".join(problems) or "there is no upstream")
