"""The witness `[witness ocs-log]`: follows OCS's log, and reports what its lines say about records."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping
from typing import Any

from attrs import NOTHING
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from zope.interface import implementer

from proxy.campaign.observation import Observation, SessionWitnessed, WitnessFound, WitnessLost, Word, WordHeard
from proxy.interfaces import IRecordWitness, IWitnessKind
from proxy.values import one_line, seconds, some_seconds
from proxy.witness.follow import Follower, Reading, Tail
from proxy.witness.oclog_lines import OcsLogLines


@implementer(IRecordWitness)
class OcsLog:
    """Follows OCS's log.

    It counts while the file is read to its end, again and again. What is read before that, and what was written while
    it was lost, is of the past: it counts what was retrieved, and is no evidence (R14).

    `late`: how many seconds the end may not have been reached (the file is not there, cannot be read, is written faster
    than it is read, or the disk does not answer) before the witness is lost. `stale`: how many seconds no line may have
    come; 0: any number.
    """

    log = Logger()

    def __init__(
        self,
        name: str,
        tail: Tail,
        clock: IReactorTime,
        interval: float,
        late: float,
        stale: float,
        in_thread: Callable[[Callable[[], Reading]], Deferred[Reading]],
    ) -> None:
        self.name = name
        self.problem: str | None = "has not been read to its end yet"
        self._is_told_lost = False
        self._lines = OcsLogLines(name)
        self._clock = clock
        self._interval = interval
        self._late = late
        self._stale = stale
        self._follower = Follower(tail, clock, interval, in_thread, self._took)
        self._observe: Callable[[Observation], object] = lambda observation: None
        self._watch: IDelayedCall | None = None
        self._why_late: str | None = None
        self._reached_end_at = self._grew_at = clock.seconds()
        self._read = self._too_long = self._gaps = self._lost = 0

    @property
    def counts(self) -> Mapping[str, int]:
        """What was counted, by name, since the witness began."""
        return {
            "lines": self._read,
            "lines_understood": self._lines.understood,
            "lines_not_understood": self._lines.not_understood,
            "lines_too_long": self._too_long,
            "gaps": self._gaps,
            "lost": self._lost,
        }

    def watch(self, observe: Callable[[Observation], object]) -> None:
        """See IRecordWitness."""
        self._observe = observe
        self._reached_end_at = self._grew_at = self._clock.seconds()
        self._watch = self._clock.callLater(self._interval, self._look)
        self._follower.start()

    def stop(self) -> None:
        """See IRecordWitness."""
        self._follower.stop()
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    # ------------------------------------------------------------------------------------------------ what was read

    def _took(self, reading: Reading, began: float) -> None:
        """What was read up to the time when the reading began."""
        self._read += len(reading.lines) + reading.too_long
        self._too_long += reading.too_long
        if reading.lines:
            self._grew_at = began
        for line in reading.lines:
            for observation in self._lines.read(line):
                self._report(observation)
        if reading.gap is not None:
            self._gaps += 1
            self._lines.forget()
            self._lose(reading.gap)
        self._why_late = reading.problem
        if reading.at_end:
            self._reached_end_at = began
        if not self._is_out_of_date() and reading.at_end and self.problem is not None:
            self.problem, self._is_told_lost = None, False
            self.log.info("witness {name}: counts from here on", name=self.name)
            self._observe(WitnessFound(self.name))

    def _report(self, observation: Observation) -> None:
        """The log lags behind what OCS says over its protocols: its words on a group's life only tell of which session
        its counts are."""
        if isinstance(observation, WitnessLost):
            self._lose("OCS was started anew")
        elif not isinstance(observation, WordHeard):
            self._observe(observation)
        elif observation.word in (Word.LOADED, Word.UNLOADED):
            self._observe(SessionWitnessed(self.name, observation.names, observation.word is Word.LOADED))

    # ------------------------------------------------------------------------------------------------ lost and found

    def _look(self) -> None:
        self._watch = self._clock.callLater(self._interval, self._look)
        self._is_out_of_date()

    def _is_out_of_date(self) -> bool:
        """Whether it cannot be relied on that all that was written was read; then it is lost."""
        now = self._clock.seconds()
        if now - self._reached_end_at > self._late:
            why = self._why_late or "has not been read to its end in time"
        elif self._stale and now - self._grew_at > self._stale:
            why = f"no line came for {self._stale:g} s"
        else:
            return False
        if self._is_told_lost:
            self.problem = why
        else:
            self._lose(why)
        return True

    def _lose(self, why: str) -> None:
        """What was said so far no longer holds, also where it is of the past."""
        self._lost += self.problem is None
        self.problem, self._is_told_lost = why, True
        self.log.warn("witness {name}: does not count: {why}", name=self.name, why=why)
        self._observe(WitnessLost(self.name))


def _encoding(text: str) -> str:
    try:
        codecs.getincrementaldecoder(text)
        "".encode(text)
    except (LookupError, UnicodeError):
        raise ValueError(f"not an encoding that is known: {text!r}") from None
    return text


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) > 1000:
        raise ValueError(f"not a whole number from 0 to 1000: {text!r}")
    return int(text)


@implementer(IWitnessKind)
class OcsLogKind:
    """`[witness ocs-log]`."""

    name = "ocs-log"
    options: Mapping[str, tuple[Callable[[str], object], object]] = {
        "file": (one_line, NOTHING),
        "encoding": (_encoding, "utf-8"),
        "interval": (some_seconds, 1.0),
        "late": (some_seconds, 10.0),
        "stale": (seconds, 0.0),
        "look_back": (_number, 2),
    }

    def witness(self, name: str, values: Mapping[str, Any], reactor: Any) -> IRecordWitness:
        """See IWitnessKind."""
        return OcsLog(
            name,
            Tail(values["file"], values["encoding"], values["look_back"]),
            reactor,
            values["interval"],
            values["late"],
            values["stale"],
            deferToThread,
        )


ocs_log = OcsLogKind()
