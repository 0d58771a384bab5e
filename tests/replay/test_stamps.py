"""Times at the beginning of lines."""

from __future__ import annotations

from datetime import date, datetime, timezone

import pytest

from proxy.replay.stamps import LogClock, day_in_line, day_in_name

NOON = datetime(2026, 3, 1, 12, 30, 15).timestamp()


@pytest.mark.parametrize(
    "line",
    [
        "2026-03-01T12:30:15.250 x",
        "2026-03-01 12:30:15,250 TEST DEBUG",
        "2026/03/01 12:30:15.250 x",
        "2026/03/01T12:30:15.250 x",
        "03/01/2026 12:30:15.250 x",
        "03/01/26 12:30:15.250 x",
        "@12:30:15.2500 [0] 8.1",
        "12:30:15.250_I_I_01d9027e17ef8b38 [09:05]",
    ],
)
def test_stamps(line: str) -> None:
    """All stamps of Genesys logs are read; those without a date are of the day the log begins on."""
    clock = LogClock(date(2026, 3, 1))
    assert clock.read(line)
    assert clock.now == NOON + 0.25


def test_zones() -> None:
    """A stamp with a zone is exact, whatever the zone of the machine."""
    clock = LogClock()
    assert clock.read("2026-03-01T12:30:15.000001Z x")
    assert clock.now == datetime(2026, 3, 1, 12, 30, 15, 1, timezone.utc).timestamp()
    clock = LogClock()
    assert clock.read("2026-03-01T12:30:15+01:30 x")
    assert clock.now == datetime(2026, 3, 1, 11, 0, 15, tzinfo=timezone.utc).timestamp()


@pytest.mark.parametrize("line", ["", "no time", "25:00:00.000 x", "\t12:00:00.000", "2026-13-41 something", "12:3"])
def test_no_stamps(line: str) -> None:
    """What is no time is not taken for one."""
    clock = LogClock()
    assert not clock.read(line)
    assert clock.now is None


def told(*times: str) -> list[float]:
    clock = LogClock()
    found = []
    for each in times:
        assert clock.read(f"{each}:00.000 x")
        assert clock.now is not None
        found.append(clock.now / 3600)
    return found


def test_days_go_by() -> None:
    """A time of day that lies hours back is of the next day."""
    assert told("20:00", "23:59", "00:01", "09:00", "06:00", "07:00") == pytest.approx(
        [20, 23 + 59 / 60, 24 + 1 / 60, 33, 54, 55]
    )


def test_time_never_goes_back() -> None:
    """A clock that is set back, or a line that comes late, also over midnight, does not turn time back."""
    assert told("12:00", "11:30", "12:30") == [12, 12, 12.5]
    minute = 1 / 60
    late = told("23:59", "00:01", "23:58", "00:02")
    assert late == pytest.approx([24 - minute, 24 + minute, 24 + minute, 24 + 2 * minute])


def test_which_day_it_is() -> None:
    """The day is in the name of the file, in stamps, or in Genesys' own words."""
    assert day_in_name("ocs.20151223_145909_388.log") == date(2015, 12, 23)
    assert day_in_name("ocs.log") is None
    assert day_in_line("2015-08-17T23:16:17.458 x") == date(2015, 8, 17)
    assert day_in_line("Local time:       2014-09-16T13:14:58.465") == date(2014, 9, 16)
    assert day_in_line("13:16:54.058 Trc 04120 Check point 2014-09-16T13:16:54") == date(2014, 9, 16)
    assert day_in_line("2015-99-17T23:16:17.458 x") is None
