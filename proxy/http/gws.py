"""GWS: what clients ask of campaign groups through it, and what it answers.

Pure. `POST /ocs/v3/servers/<OCS DBID>/<action>` (D). The tables are the only place for the spellings: a site
corrects them here. Marks: D documented, C seen in real installations, I inferred, A assumed.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from proxy.campaign.observation import GroupNames, Request
from proxy.http import json_values
from proxy.http.attribute import DATA
from proxy.http.desktops.agent_api import ACCEPTED
from proxy.http.json_text import JsonText, NotJson
from proxy.http.target import target
from proxy.http.turns import RequestHead

SERVERS: tuple[str, ...] = ("ocs", "v3", "servers")
"""How the paths begin (D); read in any case (A)."""

REQUESTS: Mapping[str, Request] = {
    "load-campaign": Request.LOAD,
    "start-dialing": Request.START,
    "set-dialing-mode": Request.SET_MODE,
    "stop-dialing": Request.STOP,
    "unload-campaign": Request.UNLOAD,
    "force-unload-campaign": Request.UNLOAD,
}
"""The actions: `load-campaign` is D, the others A, and that they are read in any case."""

CAMPAIGN_ID, GROUP_ID = "campaignId", "groupId"
"""The keys of `data` that name a group: the DBIDs of its campaign and of its agent group (D)."""

DIAL_MODES = ("dialMode", "dialingMode", "mode")
"""The keys of `data` that may bear the dial mode (A), the surest first."""


@frozen
class Asked:
    """What a request asks of an OCS. `request` is None for an action that is none of the table's.

    `server` is the DBID of the OCS, and `action` the action, as the client spelled them.
    """

    server: str
    request: Request | None
    action: str


def asked(head: RequestHead) -> Asked | None:
    """What a request asks of an OCS; None where it is another resource or method."""
    segments = target(head.target).segments
    if head.method != b"POST" or len(segments) != 5 or tuple(map(str.lower, segments[:3])) != SERVERS:
        return None
    return Asked(segments[3], REQUESTS.get(segments[4].lower()), segments[4])


def names(value: object) -> GroupNames:
    """The group that the JSON value of a body speaks of."""
    data = _data(value)
    return GroupNames(
        campaign_id=json_values.number(data.get(CAMPAIGN_ID)),
        group_id=json_values.number(data.get(GROUP_ID)),
    )


def mode(value: object) -> str | None:
    """The dial mode that the JSON value of a body asks for, by name."""
    return json_values.first_mode(_data(value), DIAL_MODES)


def accepted(status: int, body: bytes) -> bool:
    """Whether a reply is acceptance: a success, and where its body has a `status.code`, one that is no error."""
    if not 200 <= status <= 299:
        return False
    try:
        said = JsonText(body).root.value
    except NotJson:
        return True
    state = json_values.members(json_values.members(said).get("status"))
    return "code" not in state or json_values.number(state["code"]) in ACCEPTED


def _data(value: object) -> Mapping[str, object]:
    return json_values.members(json_values.members(value).get(DATA))
