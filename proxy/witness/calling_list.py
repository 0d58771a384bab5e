"""The witness `[witness calling-list LIST]`: asks a calling list's table how many records of it are left."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from threading import Thread
from typing import TYPE_CHECKING, Any, Protocol

from attrs import NOTHING
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from proxy.campaign.observation import (
    GroupNames,
    ListStatistics,
    Observation,
    WitnessConfirms,
    WitnessFound,
    WitnessLost,
)
from proxy.errors import OurError
from proxy.interfaces import IConfirmingWitness, IRecordWitness, IWitnessKind
from proxy.values import one_line, some_seconds, yes_or_no

if TYPE_CHECKING:
    from proxy.witness.census import Census

InThread = Callable[[Callable[[], "Census"]], "Deferred[Census]"]
"""Runs something that blocks in a thread; the Deferred fires on the reactor's."""


class Table(Protocol):
    """What is asked: see CallingListTable."""

    def count(self, now: float) -> Census:
        """How many records there are; in a thread."""
        ...

    def give_up(self) -> None:
        """End a question that hangs."""


@implementer(IConfirmingWitness)
class CallingList:
    """Asks one table for one group, every `interval`, and before a Stop where it `confirms`.

    It counts while it has an answer to its last question. Questions are asked one at a time: one that the database
    leaves unanswered for `timeout` is given up, and until its thread is back none is asked. `wall`: the time of day.
    """

    log = Logger()

    def __init__(
        self,
        name: str,
        group: str,
        table: Table,
        clock: IReactorTime,
        wall: Callable[[], float],
        interval: float,
        timeout: float,
        confirms: bool,
        in_thread: InThread,
    ) -> None:
        self.name = name
        self.problem: str | None = "has not been asked yet"
        self._names = GroupNames(name=group)
        self._list = name.partition(" ")[2] or name
        self._table = table
        self._clock = clock
        self._wall = wall
        self._interval = interval
        self._timeout = timeout
        self._confirms = confirms
        self._in_thread = in_thread
        self._observe: Callable[[Observation], object] | None = None
        self._next: IDelayedCall | None = None
        self._deadline: IDelayedCall | None = None
        self._is_busy = False
        self._question: int | None = None
        self._asked = self._answered = self._failures = self._lost = 0

    @property
    def counts(self) -> Mapping[str, int]:
        """What was counted, by name, since the witness began."""
        return {
            "asked": self._asked,
            "answered": self._answered,
            "failed": self._failures,
            "lost": self._lost,
        }

    def watch(self, observe: Callable[[Observation], object]) -> None:
        """See IRecordWitness."""
        self._observe = observe
        if self._confirms:
            observe(WitnessConfirms(self.name, self._names))
        self._look()

    def stop(self) -> None:
        """See IRecordWitness."""
        self._observe = None
        for call in (self._next, self._deadline):
            if call is not None:
                call.cancel()
        self._next = self._deadline = None
        if self._is_busy:
            self._table.give_up()

    def ask(self, names: GroupNames, question: int) -> None:
        """See IConfirmingWitness. What is being counted already is older than the question: it is asked after that."""
        self._question = question
        self._begin()

    # ------------------------------------------------------------------------------------------------ asking

    def _look(self) -> None:
        self._next = self._clock.callLater(self._interval, self._look)
        self._begin()

    def _begin(self) -> None:
        if self._is_busy or self._observe is None:
            return
        self._is_busy = True
        self._asked += 1
        question, self._question = self._question, None
        self._deadline = self._clock.callLater(self._timeout, self._too_late)
        now = self._wall()
        answer = self._in_thread(lambda: self._table.count(now))
        answer.addCallback(self._took, question)
        answer.addErrback(self._failed)
        answer.addBoth(self._done)

    def _too_late(self) -> None:
        """The thread is busy until it notices: what it may still bring is too old."""
        self._deadline = None
        self._lose(f"no answer within {self._timeout:g} s")
        self._table.give_up()

    def _done(self, _: object) -> None:
        self._is_busy = False
        self._failures = self._asked - self._answered
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if self._question is not None:
            self._begin()

    # ------------------------------------------------------------------------------------------------ what came of it

    def _took(self, census: Census, question: int | None) -> None:
        if self._deadline is None or self._observe is None:
            return
        self._answered += 1
        if self.problem is not None:
            self.problem = None
            self.log.info("witness {name}: counts from here on", name=self.name)
            self._observe(WitnessFound(self.name))
        ready, scheduled, retrieved = census
        self._observe(
            ListStatistics(self.name, self._names, self._list, ready, retrieved, scheduled=scheduled, answers=question)
        )

    def _failed(self, problem: Failure) -> None:
        if not problem.check(OurError):
            self.log.failure("witness {name}: a mistake of ours", problem, name=self.name)
        if self._deadline is not None:
            self._lose(problem.getErrorMessage())

    def _lose(self, why: str) -> None:
        if self._observe is None:
            return
        if self.problem is None:
            self._lost += 1
            self.log.warn("witness {name}: lost: {why}", name=self.name, why=why)
        elif self.problem != why:
            self.log.warn("witness {name}: does not count: {why}", name=self.name, why=why)
        self.problem = why
        self._observe(WitnessLost(self.name))


# ------------------------------------------------------------------------------------------------------- the section


_TABLE = re.compile(r"(?:[^\W\d][\w$#]*\.)?[^\W\d][\w$#]*")


def _table(text: str) -> str:
    if not _TABLE.fullmatch(text):
        raise ValueError(f"not the name of a table, or of schema.table: {text!r}")
    return text


def _group(text: str) -> str:
    campaign, at, group = one_line(text).partition("@")
    if not (campaign and at and group):
        raise ValueError(f"not the name of a group, Campaign@Group: {text!r}")
    return text


def _url(text: str) -> object:
    from proxy.witness.census import read_url  # SQLAlchemy takes its time to come in

    return read_url(text)


@implementer(IWitnessKind)
class CallingListKind:
    """`[witness calling-list LIST]`. `wall` is the clock that the times in the table are compared with."""

    name = "calling-list"
    options: Mapping[str, tuple[Callable[[str], object], object]] = {
        "url": (_url, NOTHING),
        "table": (_table, NOTHING),
        "group": (_group, NOTHING),
        "interval": (some_seconds, 30.0),
        "confirm": (yes_or_no, True),
        "timeout": (some_seconds, 5.0),
    }

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self.wall = wall

    def witness(self, name: str, values: Mapping[str, Any], reactor: Any) -> IRecordWitness:
        """See IWitnessKind."""
        from proxy.witness.census import CallingListTable

        return CallingList(
            name,
            values["group"],
            CallingListTable(values["url"], values["table"], values["timeout"]),
            reactor,
            self.wall,
            values["interval"],
            values["timeout"],
            values["confirm"],
            lambda ask: _in_own_thread(reactor, name, ask),
        )


def _in_own_thread(reactor: Any, name: str, ask: Callable[[], Census]) -> Deferred[Census]:
    """A thread of its own, and no thread of a pool: one that a dead disk holds is missing nowhere, not even at exit."""
    answer: Deferred[Census] = Deferred()

    def run() -> None:
        try:
            result: Census | Failure = ask()
        except Exception:  # noqa: BLE001 (it is handed on)
            result = Failure()
        reactor.callFromThread(answer.callback, result)

    Thread(target=run, name=name, daemon=True).start()
    return answer


calling_list = CallingListKind()
