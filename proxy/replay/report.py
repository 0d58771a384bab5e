"""What a replay has to say: for each group and each of its sessions what happened, and what would have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from attrs import define, field

from proxy.campaign.observation import Announce, News
from proxy.replay.files import Totals
from proxy.replay.stamps import has_day

LONGEST_TIMELINE = 1000
"""How many announcements of one group are kept, from the first; the others are counted."""

COUNTERS = ("retrieved", "delivered", "outstanding", "finalized", "returned", "scheduled")

_ENDS = {
    News.STOPPED: "stopped",
    News.UNLOADED: "unloaded",
}
"""What ends the time that a group runs on empty, besides a record."""

A_RECORD_SHOWED = "a record showed"

_A_RECORD = "a record shows"
"""Why evidence is gone, of all reasons, where there was a record; else nobody knows of any."""

LOG_ENDS = "the log ends"

Status = Mapping[str, Any]


@define
class WouldComplete:
    """When a group would have been completed, by which rule, and until when it ran on, for which reason."""

    at: float
    rule: str
    until: float | None = None
    why: str = LOG_ENDS
    records: object = None
    """How many records were known of then."""

    def end(self, now: float, said: Announce, statuses: Callable[[], Sequence[Status]]) -> None:
        """What its group announces after it: it ran on empty until it ended, or a record showed."""
        why = _ENDS.get(said.news)
        if said.news is News.EVIDENCE_GONE and said.text == _A_RECORD:
            why = A_RECORD_SHOWED
        elif said.news is News.NO_MORE_RECORDS and _records(_named(statuses(), said.group)) != self.records:
            why = A_RECORD_SHOWED  # by rule A nothing said that there are none, so nothing is taken back
        if why is not None:
            self.until, self.why = now, why

    def json(self, end: float) -> dict[str, object]:
        """See Report.json."""
        until = end if self.until is None else self.until
        return {
            "at": written(self.at),
            "time": self.at,
            "rule": self.rule,
            "ran_on_until": written(until),
            "ran_on_for": round(until - self.at, 6),
            "ended_by": self.why,
            "too_early": self.why == A_RECORD_SHOWED,
        }


@define
class SessionReport:
    """A session of a group. `counters` are those of its end, else of the end of the log."""

    begins: float
    counters: Status | None = None
    would: list[WouldComplete] = field(factory=list)


@define
class GroupReport:
    """A group under the name by which it was known at the end."""

    sessions: list[SessionReport] = field(factory=list)
    timeline: list[tuple[float, Announce]] = field(factory=list)
    not_kept: int = 0
    status: Status | None = None

    def take_in(self, other: GroupReport) -> None:
        """What was told of it under another name."""
        self.timeline = sorted([*other.timeline, *self.timeline], key=lambda item: item[0])
        self.sessions = sorted([*other.sessions, *self.sessions], key=lambda session: session.begins)
        self.not_kept += other.not_kept


@define
class Report:
    """See above. `left_out` messages were logged by somebody else, too, who knows more."""

    groups: dict[str, GroupReport] = field(factory=dict)
    counts: Mapping[str, int] = field(factory=dict)
    begins: float | None = None
    ends: float = 0.0
    totals: Totals = field(factory=Totals)
    left_out: int = 0

    # ---------------------------------------------------------------------------------------------------- it grows

    def span(self, now: float) -> None:
        """Something happened at that time."""
        if self.begins is None:
            self.begins = now
        self.ends = now

    def announced(self, now: float, said: Announce, statuses: Callable[[], Sequence[Status]]) -> None:
        """A group announces something. `statuses` tells how all groups are now."""
        group = self.groups.setdefault(said.group, GroupReport())
        if len(group.timeline) < LONGEST_TIMELINE:
            group.timeline.append((now, said))
        else:
            group.not_kept += 1
        if said.news is News.LOADED or not group.sessions:
            group.sessions.append(SessionReport(now))
        session = group.sessions[-1]
        if said.news is News.WOULD_COMPLETE:
            rule = said.text.partition(";")[0].removeprefix("rule ")
            session.would.append(WouldComplete(now, rule, records=_records(_named(statuses(), said.group))))
        elif session.would and session.would[-1].until is None:
            session.would[-1].end(now, said, statuses)
        if said.news is News.UNLOADED:
            session.counters = _named(statuses(), said.group)

    def end(self, now: float, statuses: Iterable[Status], counts: Mapping[str, int]) -> None:
        """The logs are at their end."""
        self.ends = now
        self.counts = dict(counts)
        statuses = list(statuses)
        for status in statuses:
            group = self.groups.setdefault(str(status["name"]), GroupReport())
            group.status = status
        for title in [title for title, group in self.groups.items() if group.status is None]:
            known = [status for status in statuses if title in _former_titles(status)]
            if len(known) == 1:
                self.groups[str(known[0]["name"])].take_in(self.groups.pop(title))
        for group in self.groups.values():
            if group.sessions and group.status is not None:
                group.sessions[-1].counters = group.status

    # ---------------------------------------------------------------------------------------------------- it is read

    def json(self) -> dict[str, object]:
        """The report for machines: times as text, and in seconds since 1970."""
        return {
            "groups": [self._group_json(name, group) for name, group in sorted(self.groups.items())],
            "counts": dict(self.counts),
            "summary": {
                "begins": written(self.begins) if self.begins is not None else None,
                "ends": written(self.ends) if self.begins is not None else None,
                "bytes": self.totals.bytes,
                "lines": self.totals.lines,
                "messages": self.totals.messages,
                "of_no_interest": self.totals.skipped,
                "left_out": self.left_out,
                "lines_not_understood": self.totals.not_understood,
                "auto_completion_assumed": self.totals.assumed,
            },
        }

    def _group_json(self, name: str, group: GroupReport) -> dict[str, object]:
        return {
            "name": name,
            "status": dict(group.status) if group.status is not None else None,
            "sessions": [
                {
                    "begins": written(session.begins),
                    **({key: session.counters[key] for key in COUNTERS} if session.counters is not None else {}),
                    "armed": session.counters["armed"] if session.counters is not None else None,
                    "would_complete": [would.json(self.ends) for would in session.would],
                }
                for session in group.sessions
            ],
            "timeline": [
                {"at": written(when), "time": when, "news": said.news.value, "text": said.text}
                for when, said in group.timeline
            ],
            "timeline_not_kept": group.not_kept,
        }

    def text(self) -> Iterator[str]:
        """The report for operators, line by line."""
        for name, group in sorted(self.groups.items()):
            yield from self._group_text(name, group)
            yield ""
        yield from self._hints()
        yield self._summary()

    def _group_text(self, name: str, group: GroupReport) -> Iterator[str]:
        yield name
        for when, said in group.timeline:
            yield f"  {written(when)}  {said.news.value}{said.text and f' ({said.text})'}"
        if group.not_kept:
            yield f"  ... and {group.not_kept} announcements more"
        for place, session in enumerate(group.sessions, 1):
            counted = _counted(session.counters)
            if counted:
                yield f"  session {place}: {counted}"
            for would in session.would:
                yield f"  session {place}: {_would(would, self.ends)}"
        if group.status is not None and not any(session.would for session in group.sessions):
            state = group.status["state"]
            waiting = f", waiting for {group.status['waiting_for']}" if state == "running" else ""
            yield f"  would not have been completed; at the end it is {state or 'in no known state'}{waiting}"

    def _hints(self) -> Iterator[str]:
        armed = [said.news is News.ARMED for group in self.groups.values() for _, said in group.timeline]
        if self.groups and not any(armed):
            yield (
                "No group was armed: no request with GSW_AUTO_COMPLETION 1 was accepted in these logs. "
                "A conf file with attribute = add shows what would be if the proxy added it."
            )
        if self.totals.assumed:
            yield f"{self.totals.assumed} masked GSW_AUTO_COMPLETION were taken for 1."

    def _summary(self) -> str:
        totals = self.totals
        span = f"{written(self.begins)} to {written(self.ends)}: " if self.begins is not None else ""
        left_out = f", {self.left_out} left out because others logged them, too" if self.left_out else ""
        return (
            f"{span}{totals.messages} messages read ({totals.skipped} of no interest{left_out}) "
            f"in {totals.lines} lines, {totals.not_understood} lines not understood"
        )


def _named(statuses: Iterable[Status], name: str) -> Status | None:
    return next((status for status in statuses if status["name"] == name), None)


def _records(status: Status | None) -> object:
    return None if status is None else (status["retrieved"], status["delivered"])


def _former_titles(status: Status) -> Iterator[str]:
    """The names by which a group may have gone before more of them were known."""
    yield str(status["name"]).partition("@")[0]
    yield f"group {status['dbid']}"
    yield f"campaign {status['campaign_id']}, group {status['group_id']}"


def _counted(counters: Status | None) -> str:
    if counters is None:
        return ""
    return ", ".join(f"{counters[key]} {key}" for key in COUNTERS if counters[key] is not None)


def _would(would: WouldComplete, end: float) -> str:
    until = end if would.until is None else would.until
    ran_on = f"it ran on for {duration(until - would.at)}, until {would.why}"
    too_early = ": TOO EARLY, look at it" if would.why == A_RECORD_SHOWED else ""
    return f"would have been completed at {written(would.at)} by rule {would.rule}; {ran_on}{too_early}"


def duration(seconds: float) -> str:
    """A time span, in words."""
    hours, rest = divmod(round(seconds), 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(hours or minutes) + [f"{seconds} s"]
    return " ".join(parts)


def written(when: float) -> str:
    """A time, to the millisecond, local; only time of day and day of the log where no log said which day it was."""
    if has_day(when):
        moment = datetime.fromtimestamp(when)
        return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}"
    moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=when)
    day = int(when // 86400)
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}" + (f" (day {day + 1})" if day else "")
