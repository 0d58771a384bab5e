"""Campaign group status reporting (D): OCS posts state changes, and every so often statistics, to a URI.

One post at a time, in order. What fails is not repeated.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError, Deferred, succeed

from proxy.simulator import vocabulary as word
from proxy.simulator.httpclient import HttpUri, NoReply, post
from proxy.simulator.timers import Timers
from proxy.simulator.vocabulary import STATES, Status

if TYPE_CHECKING:
    from proxy.simulator.group import CampaignGroup

TIMEOUT = 10.0
"""Seconds that a post may take."""

MOST_WAITING = 1000
"""How many reports wait for those before them; then the oldest are dropped."""


class StatusReports:
    """Reports on groups. `posted` and `failed` count posts; a status that is no success is a failure, too."""

    def __init__(self, groups: Sequence[CampaignGroup], uri: HttpUri, interval: float, reactor: Any) -> None:
        self.posted = 0
        self.failed = 0
        self._groups = groups
        self._uri = uri
        self._interval = interval
        self._reactor = reactor
        self._timers = Timers(reactor)
        self._waiting: deque[bytes] = deque(maxlen=MOST_WAITING)
        self._is_posting = False
        self._posting: Deferred[None] = succeed(None)

    def start(self) -> None:
        """Begin."""
        self._later()

    def end(self) -> None:
        """No more reports; what waits is dropped."""
        self._timers.cancel_all()
        self._waiting.clear()
        self._posting.cancel()

    def report(self, group: CampaignGroup) -> None:
        """Something about a group has changed."""
        self._waiting.append(json.dumps(report_of(group)).encode("utf-8"))
        if not self._is_posting:
            self._is_posting = True
            self._posting = Deferred.fromCoroutine(self._post())
            self._posting.addErrback(lambda failure: failure.trap(CancelledError))

    def _later(self) -> None:
        if self._interval:
            self._timers.later(self._interval, self._statistics)

    def _statistics(self) -> None:
        for group in self._groups:
            if group.status is not Status.NOT_LOADED:
                self.report(group)
        self._later()

    async def _post(self) -> None:
        try:
            while self._waiting:
                if await self._is_taken(self._waiting.popleft()):
                    self.posted += 1
                else:
                    self.failed += 1
        finally:
            self._is_posting = False

    async def _is_taken(self, body: bytes) -> bool:
        try:
            reply = await post(self._reactor, self._uri, body, "OCS", TIMEOUT)
        except NoReply:
            return False
        return 200 <= reply.status < 300


def report_of(group: CampaignGroup) -> dict[str, object]:
    """What is reported of a group. What is left to dial, nobody estimates here."""
    page = group.voice.ledger.pages[group.conf.name]
    return {
        word.GROUP_DBID: group.conf.dbid,
        word.GROUP_NAME: group.conf.name,
        word.CAMPAIGN: group.conf.campaign,
        word.REPORT_AGENT_GROUP: group.conf.name.partition("@")[2],
        word.REPORT_STATE: STATES[group.status],
        word.REPORT_MODE: group.mode,
        word.REPORT_TIME_TO_COMPLETE: None,
        word.REPORT_HIT_RATIO: round(100 * page.finalized / page.delivered, 1) if page.delivered else None,
    }
