"""A simulated agent: a person with a desktop, who takes records, talks, finishes, and now and then does otherwise.

The person outlives the connection: what was on the desktop when it was lost is finished after it is back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from random import Random
from typing import TYPE_CHECKING, Any

from attrs import frozen
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from proxy.kvlist import Pair, pair
from proxy.simulator import vocabulary as word
from proxy.simulator.client import TClient
from proxy.simulator.timers import Timers
from proxy.simulator.vocabulary import AGENT_ID, AGENT_LOGIN, AGENT_READY, EVENT_AGENT_LOGIN, RELEASE_CALL, CallResult
from proxy.tevents.message import (
    CONN_ID,
    EVENT_ERROR,
    EVENT_ESTABLISHED,
    EVENT_LINK_CONNECTED,
    EVENT_REGISTERED,
    EVENT_RELEASED,
    EVENT_RINGING,
    EVENT_USER_EVENT,
    THIS_DN,
    Message,
)

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime


@frozen
class Habits:
    """What agents do. Times are seconds, the others shares of 0 to 1; talks last from half to twice `talk`."""

    talk: float = 0.1
    ask_again: float = 1.0
    """After `No Records Available`, and where no answer comes at all."""
    answer_timeout: float = 5.0
    """Without an acknowledgement the desktop says it again."""
    reject: float = 0.0
    reschedule: float = 0.0
    personal: float = 0.5
    """Of those rescheduled: for this agent, not for anybody of the campaign."""
    cancel: float = 0.0
    do_not_call: float = 0.0
    drop: float = 0.0
    """How often the connection is lost while there is a record on the desktop."""
    away: float = 0.3
    """How long the first attempt to come back takes; each further one twice as long, up to 5 s."""


@dataclass(slots=True)
class Diary:
    """What an agent heard and did. `heard` are campaign events in order: when, what, campaign, group DBID."""

    heard: list[dict[str, Any]] = field(default_factory=list)
    delivered: int = 0
    processed: int = 0
    rejected: int = 0
    rescheduled: int = 0
    cancelled: int = 0
    forbidden: int = 0
    taken_away: int = 0
    no_records: int = 0
    errors: int = 0
    refused_requests: int = 0
    drops: int = 0
    connections: int = 0
    failed_connections: int = 0
    still_open: int = 0


@dataclass(eq=False, slots=True)
class Work:
    """A record on the desktop. `said` is the last request about it, waiting for its acknowledgement."""

    keys: list[Pair]
    event: str
    connection: bytes | None = None
    said: list[Pair] | None = None
    reference: int = 0

    @property
    def handle(self) -> int | None:
        """The record's handle."""
        return word.number(self.keys, word.HANDLE)


_CAMPAIGN_EVENTS = frozenset(
    {"CampaignLoaded", "CampaignStarted", "CampaignModeChanged", "CampaignStopped", "CampaignUnloaded"}
)

_ACKNOWLEDGED = {
    "RecordProcessedAcknowledge": "processed",
    "RecordRejectAcknowledge": "rejected",
    "RecordRescheduleAcknowledge": "rescheduled",
    "ScheduledRecordRescheduleAcknowledge": "rescheduled",
    "RecordCancelAcknowledge": "cancelled",
    "DoNotCallAcknowledge": "forbidden",
}
"""Acknowledgements that end the agent's work with a record, and where the diary counts them."""


class SimulatedAgent:
    """The agent at one DN. `changed` is called whenever the diary has something new.

    `addresses` are endpoint strings: whenever a connection is lost, or cannot be made, the next one is tried, in turn.
    """

    def __init__(
        self,
        dn: str,
        addresses: Sequence[str],
        habits: Habits,
        reactor: IReactorTime,
        random: Random,
        changed: Callable[[], object],
    ) -> None:
        self.dn = dn
        self.diary = Diary()
        self.unloaded: dict[str, bool] = {}
        """Every campaign heard of, and whether it was unloaded since."""
        self._addresses = deque(addresses)
        self._habits = habits
        self._reactor = reactor
        self._timers = Timers(reactor)
        self._random = random
        self._changed = changed
        self._client: TClient | None = None
        self._works: list[Work] = []
        self._finished: set[int | None] = set()
        self._pulled: dict[str, list[Pair]] = {}
        """Campaigns in which records are asked for, and the keys that name them."""
        self._asking: int | None = None
        """The reference of the PreviewRecordRequest that is not answered yet."""
        self._next_pull: IDelayedCall | None = None
        self._references = 0
        self._away = habits.away
        self._gone = False

    # ------------------------------------------------------------------------------------------ the connection

    def begin(self) -> None:
        """Connect, and come back whenever the connection is lost, until `end`."""
        connecting = clientFromString(self._reactor, self._addresses[0])
        connection = connectProtocol(connecting, TClient(self._hear, self._lose))
        connection.addCallbacks(self._connected, self._cannot_connect)

    def end(self) -> None:
        """Go home."""
        self._gone = True
        self._timers.cancel_all()
        self.diary.still_open = len(self._works)
        if self._client is not None:
            self._client.close()

    def _connected(self, client: TClient) -> None:
        if self._gone:
            client.close()
            return
        self._client = client
        self.diary.connections += 1
        client.register_client(f"agent {self.dn}")
        self._changed()

    def _cannot_connect(self, problem: Failure) -> None:
        self.diary.failed_connections += 1
        self._come_back()

    def _lose(self) -> None:
        self._client = None
        self._asking = None
        self._come_back()

    def _come_back(self) -> None:
        if not self._gone:
            self._addresses.rotate(-1)
            self._timers.later(self._away, self.begin)
            self._away = min(5.0, self._away * 2)
            self._changed()

    # ------------------------------------------------------------------------------------------ events

    def _hear(self, message: Message) -> None:
        if self._gone:
            return
        if message.number == EVENT_LINK_CONNECTED:
            self._request().register_dn(self.dn)
        elif message.number == EVENT_REGISTERED:
            self._request().request(AGENT_LOGIN, {THIS_DN: self.dn, AGENT_ID: f"A{self.dn}"})
        elif message.number == EVENT_AGENT_LOGIN and message.reference is not None:
            self._log_in()
        elif message.number == EVENT_USER_EVENT:
            self._hear_user_event(message.user_data or [])
        elif message.number in (EVENT_RINGING, EVENT_ESTABLISHED, EVENT_RELEASED):
            self._hear_call(message)
        elif message.number == EVENT_ERROR:
            self.diary.refused_requests += 1
        self._changed()

    def _log_in(self) -> None:
        self._away = self._habits.away
        self._request().request(AGENT_READY, {THIS_DN: self.dn})
        self._say([pair(word.REQUEST, "CampaignStatusRequest")])
        for work in self._works:
            if work.said is not None:
                self._repeat(work)

    def _hear_user_event(self, pairs: list[Pair]) -> None:
        event = word.text(pairs, word.EVENT)
        if word.raw(pairs, word.REQUEST) is not None or word.raw(pairs, word.CM_TYPE) is not None:
            return  # a copy of what a desktop said
        if word.raw(pairs, word.ERROR) is not None:
            self._hear_error(pairs)
        elif event in _CAMPAIGN_EVENTS:
            self._hear_campaign(event, pairs)
        elif event in ("PreviewRecord", "ScheduledCall"):
            self._take(Work(pairs, event))
        elif event == "RecordCancel":
            self._lose_record(pairs)
        elif event in _ACKNOWLEDGED:
            self._finish(event, pairs)

    def _hear_campaign(self, event: str, pairs: list[Pair]) -> None:
        campaign = word.text(pairs, word.CAMPAIGN) or ""
        self.diary.heard.append(
            {
                "time": self._timers.now,
                "event": event,
                "campaign": campaign,
                "dbid": word.number(pairs, word.GROUP_DBID),
            }
        )
        self.unloaded[campaign] = event == "CampaignUnloaded"
        started = event in ("CampaignStarted", "CampaignModeChanged")
        if started and word.text(pairs, word.MODE) == "Preview":
            self._pulled[campaign] = [
                each for each in pairs if each.key in (word.APPLICATION, word.CAMPAIGN, word.GROUP_DBID)
            ]
            self._pull()
        else:
            self._pulled.pop(campaign, None)

    def _hear_error(self, pairs: list[Pair]) -> None:
        """No records, or a request that OCS cannot do: a record that it does not know is off the desktop."""
        if word.text(pairs, word.ERROR) == word.NO_RECORDS:
            self.diary.no_records += 1
        else:
            self.diary.errors += 1
        reference = word.number(pairs, word.REFERENCE)
        if reference is not None and reference == self._asking:
            self._asking = None
            self._timers.cancel(self._next_pull)
            self._next_pull = self._timers.later(self._habits.ask_again, self._pull)
        for work in [work for work in self._works if work.said is not None and work.reference == reference]:
            self._put_away(work)

    def _hear_call(self, message: Message) -> None:
        pairs = message.user_data or []
        connection = message.get(CONN_ID)
        if word.number(pairs, word.HANDLE) is None or not isinstance(connection, bytes):
            return
        work = next((work for work in self._works if work.connection == connection), None)
        if work is None and message.number != EVENT_RINGING and word.number(pairs, word.HANDLE) in self._finished:
            return  # the rest of a call whose record was finished while the desktop was away
        if work is None:  # of a call that rang while the desktop was away, any event is the first
            self.diary.delivered += 1
            work = Work(pairs, "Call", connection)
            self._works.append(work)
        if message.number == EVENT_ESTABLISHED:
            self._talk(work)
        elif message.number == EVENT_RELEASED:
            work.connection = None
            self._dispose(work)

    # ------------------------------------------------------------------------------------------ work

    def _pull(self) -> None:
        """Ask for a record, if the desktop is free and no answer is awaited."""
        if self._client is None or self._works or self._asking is not None or not self._pulled:
            return
        campaign = self._random.choice(sorted(self._pulled))
        self._asking = self._say([pair(word.REQUEST, "PreviewRecordRequest"), *self._pulled[campaign]])
        self._timers.later(self._habits.answer_timeout, self._ask_again, self._asking)

    def _ask_again(self, reference: int) -> None:
        """No answer at all to the request of this reference."""
        if self._asking == reference:
            self._asking = None
            self._pull()

    def _take(self, work: Work) -> None:
        """A record is on the desktop; one that came before is the same."""
        if work.event == "PreviewRecord":
            self._asking = None
        if any(work.handle == other.handle for other in self._works):
            return
        self.diary.delivered += 1
        self._works.append(work)
        if work.event == "PreviewRecord" and self._random.random() < self._habits.reject:
            self._speak_of(work, "RecordReject")
        else:
            self._talk(work)

    def _talk(self, work: Work) -> None:
        length = self._habits.talk * (0.5 + 1.5 * self._random.random())
        self._timers.later(length, self._end_talk, work)
        if self._random.random() < self._habits.drop:
            self._timers.later(length / 2, self._drop_connection)

    def _end_talk(self, work: Work) -> None:
        if work not in self._works or work.said is not None:
            return
        if work.connection is not None and self._client is not None:
            self._client.request(RELEASE_CALL, {THIS_DN: self.dn, CONN_ID: work.connection})
            self._timers.later(self._habits.answer_timeout, self._dispose, work)
        else:
            self._dispose(work)

    def _dispose(self, work: Work) -> None:
        """The talk is over: say what becomes of the record."""
        if work not in self._works or work.said is not None:
            return
        chance = self._random.random()
        habits = self._habits
        if chance < habits.reschedule:
            self._speak_of(work, *self._callback(work))
        elif chance < habits.reschedule + habits.cancel:
            self._speak_of(work, "RequestRecordCancel")
        elif chance < habits.reschedule + habits.cancel + habits.do_not_call:
            self._speak_of(work, "DoNotCall")
        else:
            self._speak_of(work, "RecordProcessed", pair(word.CALL_RESULT, int(CallResult.ANSWER)))

    def _callback(self, work: Work) -> tuple[str, Pair, Pair]:
        """A request for a callback in the next minute; GSW_DATE_TIME has no seconds."""
        when = datetime.fromtimestamp(self._timers.now + 60, timezone.utc)
        personal = self._random.random() < self._habits.personal
        request = "ScheduledRecordReschedule" if work.event == "ScheduledCall" else "RecordReschedule"
        return (
            request,
            pair(word.CALLBACK_TYPE, "Personal" if personal else "Campaign"),
            pair(word.DATE_TIME, f"{when:{word.DATE_TIME_FORMAT}}"),
        )

    def _speak_of(self, work: Work, request: str, *more: Pair) -> None:
        named = [
            each
            for each in work.keys
            if each.key in (word.APPLICATION, word.CAMPAIGN, word.GROUP_DBID, word.HANDLE, word.CALLING_LIST)
        ]
        work.said = [pair(word.REQUEST, request), *named, *more]
        self._repeat(work)

    def _repeat(self, work: Work) -> None:
        """Say it (again), and once more if it is not acknowledged; without a connection it waits for the next one."""
        if self._client is None or work not in self._works or work.said is None:
            return
        work.reference = self._say(work.said)
        self._timers.later(self._habits.answer_timeout, self._repeat_unanswered, work, work.reference)

    def _repeat_unanswered(self, work: Work, reference: int) -> None:
        if work.reference == reference:
            self._repeat(work)

    def _finish(self, event: str, pairs: list[Pair]) -> None:
        """An acknowledgement: of the request with its reference, which may be all that it carries."""
        reference = word.number(pairs, word.REFERENCE)
        for work in [work for work in self._works if work.said is not None and work.reference == reference]:
            count = _ACKNOWLEDGED[event]
            setattr(self.diary, count, getattr(self.diary, count) + 1)
            self._put_away(work)

    def _lose_record(self, pairs: list[Pair]) -> None:
        handle = word.number(pairs, word.HANDLE)
        for work in [work for work in self._works if work.handle == handle]:
            self.diary.taken_away += 1
            self._put_away(work)

    def _put_away(self, work: Work) -> None:
        self._works.remove(work)
        self._finished.add(work.handle)
        self._pull()

    def _drop_connection(self) -> None:
        """As a network fails: never between a request for a record and its answer, which would be nobody's then."""
        if self._client is not None and self._works and self._asking is None:
            self.diary.drops += 1
            self._client.abort()

    # ------------------------------------------------------------------------------------------ speaking

    def _request(self) -> TClient:
        if self._client is None:
            raise RuntimeError("an event without a connection")
        return self._client

    def _say(self, pairs: list[Pair]) -> int:
        """A request to OCS, on the agent's own DN; returns its GSW_REFERENCE_ID."""
        self._references += 1
        self._request().distribute(self.dn, [*pairs, pair(word.REFERENCE, self._references)])
        return self._references

    @property
    def is_done(self) -> bool:
        """Whether every campaign heard of was unloaded, and the desktop is empty."""
        return bool(self.unloaded) and all(self.unloaded.values()) and not self._works
