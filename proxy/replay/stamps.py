"""Times in logs: what stands at the beginning of a line, as seconds since 1970.

Pure. Genesys logs know three kinds of stamps (C): the time of day, with or without `@` before it; a date with it; and
log4j's, with a comma. A stamp without a zone is local time of the machine that replays, which matters only where logs
with and without zones come together.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache

_STAMP = re.compile(
    r"@?(?:(?P<year>\d{4})[-/](?P<month>\d\d)[-/](?P<day>\d\d)[T ]"
    r"|(?P<us_month>\d\d)/(?P<us_day>\d\d)/(?P<us_year>\d{4}|\d\d)[T ])?"
    r"(?P<hours>[01]\d|2[0-3]):(?P<minutes>[0-5]\d):(?P<seconds>[0-5]\d)(?:[.,](?P<fraction>\d{1,9}))?"
    r"(?P<zone>Z|[+-]\d\d:?\d\d)?"
)
_DATE_IN_NAME = re.compile(r"(?<!\d)(20\d\d)(\d\d)(\d\d)_\d{6}")
_TODAY = re.compile(r"(?:Local time:\s*|Check point )(\d{4})-(\d\d)-(\d\d)T")
"""How Genesys logs say which day it is: in their first lines, and every hour (C)."""

NEXT_DAY = 7200.0
"""How far a time of day must lie back to be one of the next day: clocks that are set, also for winter, go back less."""

LATE = 300.0
"""How late after midnight a line of the day before may come."""

NO_DAY = date(1970, 1, 1)
"""The day of logs that never say which it is."""


def has_day(when: float) -> bool:
    """Whether a time is of a log that says which day it is."""
    return when > 365 * 86400


@lru_cache(maxsize=4096)
def _hour(day: date, hour: int, zone: str | None) -> float:
    """When an hour of a day begins."""
    moment = datetime(day.year, day.month, day.day, hour, tzinfo=timezone.utc)
    if zone is not None:
        return moment.timestamp() - _seconds_east(zone)
    return moment.replace(tzinfo=None).timestamp() if has_day(moment.timestamp()) else moment.timestamp()


def _seconds_east(zone: str) -> int:
    if zone == "Z":
        return 0
    east = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
    return east if zone[0] == "+" else -east


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day))
    except ValueError:
        return None


def day_in_name(name: str) -> date | None:
    """The day on which a log file was begun, by its name: `ocs.20151223_145909_388.log` (C)."""
    found = _DATE_IN_NAME.search(name)
    return _day(*found.groups()) if found is not None else None


def day_in_line(line: str) -> date | None:
    """The day that a line says it is: by its stamp, or in Genesys' words."""
    stamp = _STAMP.match(line)
    if stamp is not None and (day := _day_of(stamp)) is not None:
        return day
    found = _TODAY.search(line)
    return _day(*found.groups()) if found is not None else None


def _day_of(stamp: re.Match[str]) -> date | None:
    if stamp["year"] is not None:
        return _day(stamp["year"], stamp["month"], stamp["day"])
    if stamp["us_year"] is not None:
        return _day(stamp["us_year"], stamp["us_month"], stamp["us_day"])
    return None


class LogClock:
    """The time in one log. It begins on `day`; a time of day that lies far back is one of the next day.

    `now` is the latest time that was read, None before the first. It never goes back: the order of lines is the truth.
    """

    def __init__(self, day: date = NO_DAY) -> None:
        self.now: float | None = None
        self._day = day
        self._time_of_day = 0.0

    def read(self, line: str) -> bool:
        """Read the time at the beginning of a line. False where there is none."""
        stamp = _STAMP.match(line)
        if stamp is None:
            return False
        hours, minutes, seconds, fraction, zone = stamp.group("hours", "minutes", "seconds", "fraction", "zone")
        within = int(minutes) * 60 + int(seconds) + (float(f"0.{fraction}") if fraction is not None else 0.0)
        time_of_day = int(hours) * 3600 + within
        day = _day_of(stamp)
        if day is not None:
            self._day = day if zone is None else self._day
        else:
            day = self._day_of(time_of_day)
        if zone is None and day == self._day:
            self._time_of_day = time_of_day
        when = _hour(day, int(hours), zone) + within
        if self.now is None or when > self.now:
            self.now = when
        return True

    def _day_of(self, time_of_day: float) -> date:
        if time_of_day < self._time_of_day - NEXT_DAY:
            self._day += timedelta(days=1)
        elif self.now is not None and self._time_of_day < LATE and time_of_day > 86400 - LATE:
            return self._day - timedelta(days=1)
        return self._day
