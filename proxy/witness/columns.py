"""What the columns of a calling list mean: the one place where it is assumed."""

from __future__ import annotations

from typing import Final

READY: Final = 1
"""record_status (C): waits to be retrieved."""

RETRIEVED: Final = 2
"""record_status (C): OCS has it in hand."""

FOR_LATER: Final = (3, 4, 5, 6)
"""record_type (C): CampaignRescheduled, PersonalRescheduled, PersonalCallBack, CampaignCallBack."""

NO_CALL: Final = 7
"""record_type (C): nobody will be called, whatever its status."""


def dial_sched_time(now: float) -> int:
    """A time, in seconds since 1970 UTC, in the form of the column dial_sched_time: the same as a whole number (I, A).

    NULL and 0 stand for no time.
    """
    return int(now)
