"""OCS's status reports: taken, understood, and passed on to whoever else wants them.

OCS is answered at once, whatever becomes of a report: it repeats none (D), and must not wait for anybody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from io import BytesIO
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer, IDelayedCall
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool, ResponseDone
from twisted.web.http import BAD_REQUEST, NOT_ALLOWED, OK, REQUEST_ENTITY_TOO_LARGE, PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer, IResponse
from twisted.web.resource import Resource
from twisted.web.server import Request, Site
from zope.interface import implementer

from proxy.campaign.observation import GroupNames, GroupReported, SourceConnected, SourceLost, StatusHeard
from proxy.campaign.sources import REPORTS
from proxy.http.json_text import JsonText, NotJson
from proxy.http.reporting import GroupReport, reports
from proxy.relay.ports import Listens, Ports
from proxy.switchboard import Switchboard

SILENCE = 30.0
"""Seconds without a report after which OCS's states are not known any more: three of its intervals (A)."""

MAX_GROUPS = 10_000
"""Of how many groups the latest statistics are kept."""

MAX_WAITING = 100
"""How many reports wait to be passed on; the oldest are lost first."""

PATIENCE = 10.0
"""Seconds for one to be passed on."""


class Reports(Listens):
    """Listens for OCS's reports, at endpoint strings, on any path: it is an option of OCS's.

    They are OCS's word (R1) from the first that tells a state until none has come for SILENCE; reports without one
    teach names and modes. `max_body` is bytes. `statistics`: the latest of each group, by the group's name. `counts`:
    what came, by name.
    """

    log = Logger()

    def __init__(
        self, reactor: Any, listen: Sequence[str], max_body: int, board: Switchboard, forward: str | None = None
    ) -> None:
        self.statistics: dict[str, Mapping[str, float | None]] = {}
        self.counts = {"reports": 0, "groups": 0, "states": 0, "nothing known": 0, "not json": 0, "too large": 0}
        self.onward = None if forward is None else Onward(reactor, forward)
        self._board = board
        self._clock = reactor
        self._silence: IDelayedCall | None = None
        self.listening = Ports(reactor, listen, _QuietSite(_Page(self, max_body), partial(_Post, max_body), reactor))

    def stop(self) -> Deferred[None]:
        """Take no more reports. Fires when nothing listens any more."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None
        await self.stop_listening()
        if self.onward is not None:
            await self.onward.stop()

    def take(self, body: bytes, content_type: str | None) -> bool:
        """A report came. False: it is no JSON."""
        self.counts["reports"] += 1
        try:
            JsonText(body)
        except NotJson:
            self.counts["not json"] += 1
            return False
        if self.onward is not None:
            self.onward.send(body, content_type)
        said = reports(body)
        if not said:
            self.counts["nothing known"] += 1
        for each in said:
            self._observe(each)
        return True

    def refuse(self) -> None:
        """A report was larger than may be held."""
        self.counts["too large"] += 1

    # ------------------------------------------------------------------------------------------------- what they say

    def _observe(self, said: GroupReport) -> None:
        self.counts["groups"] += 1
        self._keep_statistics(said)
        if said.status is None:
            self._put_off_silence()
            self._board.observe(GroupReported(said.names, said.mode))
            return
        self.counts["states"] += 1
        if self._silence is None:
            self._silence = self._clock.callLater(SILENCE, self._is_silent)
            self.log.info("reports: OCS tells states")
            self._board.observe(SourceConnected(REPORTS))
        self._put_off_silence()
        self._board.observe(StatusHeard(said.names, said.status, REPORTS, said.mode))

    def _put_off_silence(self) -> None:
        if self._silence is not None:
            self._silence.reset(SILENCE)

    def _is_silent(self) -> None:
        self._silence = None
        self.log.info("reports: none for {seconds:g} s; how OCS's groups are is not known from them", seconds=SILENCE)
        self._board.observe(SourceLost(REPORTS))

    def _keep_statistics(self, said: GroupReport) -> None:
        group = _title(said.names)
        if said.statistics and (group in self.statistics or len(self.statistics) < MAX_GROUPS):
            self.statistics[group] = said.statistics


def _title(names: GroupNames) -> str:
    """What a group is called in its statistics: the surest name it has."""
    if names.name is not None:
        return names.name
    return str(
        next(name for name in (names.campaign, names.dbid, names.campaign_id, names.group_id) if name is not None)
    )


# -------------------------------------------------------------------------------------------------------- being posted


class _Post(Request):
    """A request of whose body no more is held than may be; the rest is read to nowhere."""

    def __init__(self, max_body: int, *of_twisted: Any) -> None:
        Request.__init__(self, *of_twisted)
        self.body = BytesIO()
        self.too_large = False
        self._max_body = max_body

    def gotLength(self, length: int | None) -> None:
        """The body begins."""
        self.content = self.body

    def handleContentChunk(self, data: bytes) -> None:
        """More of the body."""
        self.too_large = self.too_large or self.body.tell() + len(data) > self._max_body
        if not self.too_large:
            self.body.write(data)


class _QuietSite(Site):
    """A site without an access log: reports come every few seconds."""

    noisy = False

    def __init__(self, page: Resource, posts: Callable[..., Request], reactor: Any) -> None:
        Site.__init__(self, page, posts, reactor=reactor)

    def log(self, request: object) -> None:
        """Nothing is logged."""


class _Page(Resource):
    """Every path."""

    isLeaf = True

    def __init__(self, taken_by: Reports, max_body: int) -> None:
        Resource.__init__(self)
        self._reports = taken_by
        self._max_body = max_body

    def render(self, request: Request) -> bytes:
        """Takes posts, and refuses everything else."""
        assert isinstance(request, _Post)
        request.responseHeaders.setRawHeaders("Content-Type", ["text/plain"])
        if request.method != b"POST":
            request.responseHeaders.setRawHeaders("Allow", ["POST"])
            return _say(request, NOT_ALLOWED, b"reports are posted\n")
        if request.too_large:
            self._reports.refuse()
            return _say(request, REQUEST_ENTITY_TOO_LARGE, b"larger than %d bytes\n" % self._max_body)
        if self._reports.take(request.body.getvalue(), request.getHeader("content-type")):
            return _say(request, OK, b"")
        return _say(request, BAD_REQUEST, b"not JSON\n")


def _say(request: Request, code: int, text: bytes) -> bytes:
    request.setResponseCode(code)
    return text


# ------------------------------------------------------------------------------------------------------ being passed on


class Onward:
    """Passes reports on to a URI, in order, one at a time. None is sent twice; what fails is lost, and counted.

    `counts`: `passed on`, `failed` (no success), `dropped` (too many waited).
    """

    log = Logger()

    def __init__(self, reactor: Any, uri: str) -> None:
        self.counts = {"passed on": 0, "failed": 0, "dropped": 0}
        self._uri = uri.encode()
        self._clock = reactor
        self._pool = HTTPConnectionPool(reactor)
        self._pool.retryAutomatically = False
        self._agent = Agent(reactor, connectTimeout=PATIENCE, pool=self._pool)
        self._waiting: deque[tuple[bytes, str]] = deque()
        self._under_way: Deferred[None] | None = None
        self._fails = False
        self._stopped = False

    def send(self, body: bytes, content_type: str | None) -> None:
        """Pass a report on, after those that wait."""
        self._waiting.append((body, content_type or "application/json"))
        if len(self._waiting) > MAX_WAITING:
            self._waiting.popleft()
            self.counts["dropped"] += 1
        if self._under_way is None:
            self._under_way = Deferred.fromCoroutine(self._pass_on())

    def stop(self) -> Deferred[None]:
        """Pass nothing more on. Fires when no connection is left."""
        self._stopped = True
        self._waiting.clear()
        if self._under_way is not None:
            self._under_way.cancel()
        closed: Deferred[None] = self._pool.closeCachedConnections()
        return closed

    async def _pass_on(self) -> None:
        while self._waiting:
            try:
                code = await self._post(*self._waiting.popleft())
            except Exception as problem:  # noqa: BLE001 (whatever it was: OCS's next report is not to blame)
                self._failed(str(problem) or type(problem).__name__)
            else:
                self._replied(code)
        self._under_way = None

    def _post(self, body: bytes, content_type: str) -> Deferred[int]:
        asked = self._agent.request(b"POST", self._uri, Headers({"Content-Type": [content_type]}), _Body(body))
        replied: Deferred[int] = asked.addCallback(_whole)
        return replied.addTimeout(PATIENCE, self._clock)

    def _replied(self, code: int) -> None:
        if not 200 <= code <= 299:
            self._failed(f"status {code}")
            return
        self.counts["passed on"] += 1
        if self._fails:
            self._fails = False
            self.log.info("reports are passed on again")

    def _failed(self, why: str) -> None:
        if self._stopped:
            return
        self.counts["failed"] += 1
        if not self._fails:
            self._fails = True
            self.log.warn("reports cannot be passed on: {why}; from here on they are counted only", why=why)


@implementer(IBodyProducer)
class _Body:
    """A body that is there."""

    def __init__(self, body: bytes) -> None:
        self.length = len(body)
        self._body = body

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See IBodyProducer."""
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:
        """See IPushProducer: it is all written."""

    def resumeProducing(self) -> None:
        """See IPushProducer."""

    def stopProducing(self) -> None:
        """See IProducer."""


def _whole(reply: IResponse) -> Deferred[int]:
    """The status of a reply, once it is whole: so that its connection can be used again."""
    unread = _Unread(reply.code)
    reply.deliverBody(unread)
    return unread.over


class _Unread(Protocol):
    """The body of a reply that nobody reads."""

    def __init__(self, code: int) -> None:
        self.over: Deferred[int] = Deferred(self._cut)
        self._code = code

    def _cut(self, _: Deferred[int]) -> None:
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See IProtocol: nothing more of it comes."""
        if self.over.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            self.over.callback(self._code)
        else:
            self.over.errback(reason)
