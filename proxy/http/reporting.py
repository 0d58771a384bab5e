"""Campaign group status reporting: what OCS posts of its groups' states and statistics.

Pure. A body is an object for one group, or a list of them (A). The tables are the only place for the keys and the names
of states: a site corrects them here. Marks: D documented, C seen in real installations, I inferred, A assumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite

from proxy.campaign.observation import GroupNames, Status
from proxy.gsw import control, userdata
from proxy.http.json_text import JsonText, NotJson
from proxy.http.json_values import first_mode, number, plain, text

AGENT_GROUP_NAME = "GSW_GROUP_NAME"
"""The name of the agent group (D). With the campaign's it makes the campaign group's own, where that is missing (C)."""

DBIDS = (userdata.GROUP_DBID, control.SESSION_ID)
CAMPAIGN_IDS = (control.CAMPAIGN_ID, "GSW_CAMPAIGN_DBID")
GROUP_IDS = (control.GROUP_ID, "GSW_GROUP_DBID")
"""The keys that may bear DBIDs: of the campaign group, the campaign and the agent group (A), the surest first."""

DIAL_MODES = ("GSW_DIAL_MODE", userdata.CAMPAIGN_MODE)
"""The keys of the dial mode: the first is D, the other A."""

STATES = (
    "GSW_CAMPAIGN_GROUP_STATE",
    "GSW_CAMPAIGN_GROUP_STATUS",
    "GSW_GROUP_STATE",
    "GSW_GROUP_STATUS",
    "GSW_CAMPAIGN_STATE",
    "GSW_CAMPAIGN_STATUS",
    "GSW_STATE",
    "GSW_STATUS",
    control.STATUS,
)
"""The keys that may bear the state (A): the first that has one counts."""

STATE_NAMES: Mapping[str, Status] = {
    "notloaded": Status.NOT_LOADED,
    "unloaded": Status.NOT_LOADED,
    "deactivated": Status.NOT_LOADED,
    "waitingunload": Status.WAITING_UNLOAD,
    "waitingforunload": Status.WAITING_UNLOAD,
    "unloadinprogress": Status.UNLOAD_IN_PROGRESS,
    "unloading": Status.UNLOAD_IN_PROGRESS,
    "inactive": Status.INACTIVE,
    "active": Status.ACTIVE,
    "activated": Status.ACTIVE,
    "loaded": Status.ACTIVE,
    "stopped": Status.ACTIVE,
    "running": Status.RUNNING,
    "started": Status.RUNNING,
    "dialing": Status.RUNNING,
}
"""States by name, in any spelling (A); as numbers they are those of group status (A). A stopped group is loaded."""

STATISTICS = "GSW_STAT_"
"""How the keys of statistics begin (D)."""


@dataclass(frozen=True, slots=True)
class GroupReport:
    """What a report says of one group: mode and status are None where it says nothing of them.

    `statistics` are numbers by key, as OCS has them (GSW_STAT_TIME_TO_COMPLETE in seconds), None for its null.
    """

    names: GroupNames
    mode: str | None = None
    status: Status | None = None
    statistics: Mapping[str, float | None] = field(default_factory=dict)


def reports(body: bytes) -> list[GroupReport]:
    """What a body says of groups; what names none, and what is no report at all, says nothing."""
    try:
        said = JsonText(body).root.value
    except NotJson:
        return []
    each = (report(item) for item in (said if isinstance(said, list) else [said]) if isinstance(item, dict))
    return [of_group for of_group in each if any(name is not None for name in of_group.names)]


def report(said: Mapping[str, object]) -> GroupReport:
    """What an object says of a group; unknown keys are ignored."""
    return GroupReport(_names(said), first_mode(said, DIAL_MODES), _status(said), _statistics(said))


def _names(said: Mapping[str, object]) -> GroupNames:
    campaign, agents = text(said.get(userdata.CAMPAIGN_NAME)), text(said.get(AGENT_GROUP_NAME))
    name = text(said.get(userdata.GROUP_NAME))
    if name is None and campaign is not None and agents is not None:
        name = f"{campaign}@{agents}"
    return GroupNames(
        _first_number(said, DBIDS), _first_number(said, CAMPAIGN_IDS), _first_number(said, GROUP_IDS), name, campaign
    )


def _first_number(said: Mapping[str, object], keys: tuple[str, ...]) -> int | None:
    found = (number(said.get(key)) for key in keys)
    return next((each for each in found if each is not None), None)


def _status(said: Mapping[str, object]) -> Status | None:
    found = (status(said.get(key)) for key in STATES)
    return next((each for each in found if each is not None), None)


def status(value: object) -> Status | None:
    """A state from its number or its name; None for anything else."""
    by_number = number(value)
    if by_number is not None:
        return Status(by_number) if by_number in Status.__members__.values() else None
    return STATE_NAMES.get(plain(value)) if isinstance(value, str) else None


def _statistics(said: Mapping[str, object]) -> dict[str, float | None]:
    return {
        key: _measured(value)
        for key, value in said.items()
        if key.startswith(STATISTICS) and (value is None or _measured(value) is not None)
    }


def _measured(value: object) -> float | None:
    """A number, also one that came as a string; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        measured = float(value)
    except (ValueError, OverflowError):
        return None
    return measured if isfinite(measured) else None
