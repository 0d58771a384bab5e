"""The relay of an HTTP channel: listens, brings clients' requests to upstreams, and counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IProtocol, IProtocolFactory
from twisted.logger import Logger
from zope.interface import implementer

from proxy.http.relay.address import HttpUpstream
from proxy.http.relay.asked import Asked
from proxy.http.relay.bodies import Framing
from proxy.http.relay.client import ClientConnection
from proxy.http.relay.counts import HttpCounts, add
from proxy.http.relay.exchange import UNREACHABLE, Exchange, mended
from proxy.http.relay.limits import HttpLimits
from proxy.http.relay.patience import Patience
from proxy.http.relay.upstream import HttpUpstreams
from proxy.http.relay.watched import Watch, WatchedSite
from proxy.http.target import target
from proxy.http.turns import Fetch, Replies, RequestHead, Site, Turn
from proxy.relay.causes import Cause
from proxy.relay.listener import Refusal
from proxy.relay.ports import Listens, Ports
from proxy.relay.session import host


@implementer(IProtocolFactory)
class HttpRelay(Listens):
    """See Exchanges. Relays clients' requests to the upstreams, and lets a channel, `site`, look.

    `listen` are endpoint strings; `numbers` gives connections and requests their numbers; `name` is the channel's.
    `tunnels`: requests for WebSockets are relayed, instead of refused. `plain`: replies that are looked into are asked
    for without compression.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        listen: Sequence[str],
        upstreams: Sequence[HttpUpstream],
        limits: HttpLimits,
        numbers: Iterator[int],
        site: Site,
        name: str,
        tunnels: bool = False,
        plain: bool = False,
    ) -> None:
        self.name = name
        self.limits = limits
        self.tunnels = tunnels
        self.plain = plain
        self.counts = HttpCounts()
        self.upstreams = HttpUpstreams(reactor, upstreams, limits.connect_timeout, self.counts)
        self.site = WatchedSite(site, Watch(self.log, name, self.counts))
        self.connections: dict[int, ClientConnection] = {}
        self.exchanges: set[Exchange] = set()
        self._reactor = reactor
        self.listening = Ports(reactor, listen, self)
        self._numbers = numbers
        self._empty: list[Deferred[None]] = []

    # ------------------------------------------------------------------------------------------------------- all of it

    @property
    def open_now(self) -> int:
        """How many connections of clients there are."""
        return len(self.connections)

    def end_all(self, cause: Cause) -> Deferred[None]:
        """End every connection; requests that have begun first get their reply, within the deadline.

        Fires when none is left. Replies for which no client waits are cut off then.
        """
        for connection in list(self.connections.values()):
            connection.finish(cause)
        late = self._reactor.callLater(self.limits.deadline, self.cut_off_all, Cause.DEADLINE)
        empty = self._when_empty()
        empty.addCallback(lambda _: self._end_exchanges(late))
        return empty

    def _end_exchanges(self, late: Any) -> None:
        if late.active():
            late.cancel()
        for exchange in list(self.exchanges):
            exchange.shut_down()

    def cut_off_all(self, cause: Cause) -> Deferred[None]:
        """End every connection now. Fires when none is left."""
        for connection in list(self.connections.values()):
            connection.break_off(cause)
        for exchange in list(self.exchanges):
            exchange.shut_down()
        return self._when_empty()

    def _when_empty(self) -> Deferred[None]:
        if not self.connections:
            return succeed(None)
        empty: Deferred[None] = Deferred()
        self._empty.append(empty)
        return empty

    # --------------------------------------------------------------------------------------------- see IProtocolFactory

    def buildProtocol(self, addr: IAddress | None) -> IProtocol:
        """See IProtocolFactory."""
        self.counts.begun += 1
        if len(self.connections) >= self.limits.max_sessions:
            self.counts.causes[Cause.REFUSED_MAX_SESSIONS] += 1
            self.log.warn("{name}: a connection from {peer} was refused: max_sessions", name=self.name, peer=host(addr))
            return Refusal()
        connection = ClientConnection(self, next(self._numbers))
        self.connections[connection.number] = connection
        return connection

    def doStart(self) -> None:
        """See IProtocolFactory."""

    def doStop(self) -> None:
        """See IProtocolFactory."""

    # ---------------------------------------------------------------------------------------------------- see Exchanges

    def forward(self, turn: Turn, body: bytes, replies: Replies | None = None) -> None:
        """See Exchanges. A client that has left meanwhile is no mistake: nothing is sent then."""
        assert isinstance(turn, Asked)
        watched = self.site.replies(replies)
        if not turn.waiting:
            if watched is not None:
                watched.failed("the client left")
            return
        head, framing = mended(turn.head, turn.framing, len(body))
        exchange = Exchange(self, head, framing, watched, turn, self.connections.get(turn.connection))
        exchange.goes_to(turn)
        exchange.begin(body, turn.trailers)

    def fetch(self, head: RequestHead, body: bytes, replies: Replies, turn: Turn | None = None) -> Fetch:
        """See Exchanges."""
        assert turn is None or isinstance(turn, Asked)
        head, framing = mended(head, Framing.LENGTH if body else Framing.NONE, len(body))
        origin = None if turn is None else self.connections.get(turn.connection)
        exchange = Exchange(self, head, framing, self.site.replies(replies), turn, origin)
        exchange.begin(body)
        return exchange

    # ----------------------------------------------------------------------------------------- asked by its connections

    def patience(self, over: Callable[[], None]) -> Patience:
        """A time limit."""
        return Patience(self._reactor, over)

    def next_number(self) -> int:
        """The number of a request."""
        return next(self._numbers)

    def stream(self, turn: Asked, origin: ClientConnection, why: str | None) -> Exchange:
        """A request streams by."""
        if why is not None:
            add(self.counts.unread_requests, why)
        replies = self.site.passing(turn, why)
        exchange = Exchange(self, turn.head, turn.framing, replies, turn, origin)
        exchange.goes_to(turn)
        exchange.begin(None)
        return exchange

    def whole(self, turn: Asked, body: bytes) -> None:
        """A wanted body is there. Where looking at it fails, it is forwarded as it came."""
        if not self.site.whole(turn, body) and turn.waiting and turn.exchange is None:
            self.forward(turn, body)

    def failed_upstream(self, exchange: Exchange, why: str, problem: str) -> None:
        """A request failed upstream."""
        add(self.counts.upstream_failures, why)
        self.log.warn(
            "{name}: {method} {path}: {why} {problem}",
            name=self.name,
            method=exchange.head.method.decode("ascii"),
            path=_resource(exchange.head),
            why="no upstream could be reached:" if why == UNREACHABLE else f"the upstream's answer: {why}",
            problem=problem,
        )

    def tunnelled(self, turn: Asked) -> None:
        """A request became a tunnel."""
        self.counts.tunnels += 1
        self.site.tunnelled(turn)

    def over(self, connection: ClientConnection, cause: Cause) -> None:
        """A client's connection is gone."""
        del self.connections[connection.number]
        self.counts.causes[cause] += 1
        self.site.gone(connection.number)
        if not self.connections:
            waiting, self._empty = self._empty, []
            for empty in waiting:
                empty.callback(None)


def _resource(head: RequestHead) -> str:
    """What kind of resource a request is for. Behind that there may be a customer's number, which no log shows."""
    kind, *more = target(head.target).segments or ("",)
    return f"/{kind}/..." if more else f"/{kind}"
