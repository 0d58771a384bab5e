"""OCS HTTP: what clients ask of campaign groups, what OCS answers, and requests of the proxy's own.

Pure. `POST /campaigngroups/<dbid>?req=<action>` (D). The tables are the only place for the spellings: a site corrects
them here. Marks: D documented, C seen in real installations, I inferred, A assumed.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from proxy.campaign.observation import GroupNames, Request
from proxy.gsw.control import DIAL_MODE
from proxy.gsw.userdata import CAMPAIGN_MODE, ERROR
from proxy.http import json_values
from proxy.http.json_text import JsonText, NotJson
from proxy.http.target import target
from proxy.http.turns import RequestHead

RESOURCE = "campaigngroups"
ACTION = "req"
"""The resource type and the query's key (D); read in any case (A)."""

REQUESTS: Mapping[str, Request] = {
    "load": Request.LOAD,
    "loadcampaign": Request.LOAD,
    "start": Request.START,
    "startdialing": Request.START,
    "setdialingmode": Request.SET_MODE,
    "stop": Request.STOP,
    "stopdialing": Request.STOP,
    "unload": Request.UNLOAD,
    "unloadcampaign": Request.UNLOAD,
    "forceunload": Request.UNLOAD,
    "forceunloadcampaign": Request.UNLOAD,
}
"""The actions: `Load` is D, the others A, and that they are read in any case."""

DIAL_MODES = (DIAL_MODE, CAMPAIGN_MODE, "GSW_DIAL_MODE")
"""The keys at the top of a body that may bear the dial mode (A), the surest first."""

OURS: Mapping[Request, str] = {Request.STOP: "Stop", Request.UNLOAD: "Unload"}
"""How the proxy itself spells what it asks (A)."""


@frozen
class Asked:
    """What a request asks of a campaign group. `request` is None for an action that is none of the table's.

    `action` is as the client spelled it.
    """

    names: GroupNames
    request: Request | None
    action: str


def asked(head: RequestHead) -> Asked | None:
    """What a request asks of a campaign group; None where it is another resource, another method, or has no action.

    Of a group whose id is no number the names are empty. Where there are two actions, and not the same, nobody knows
    which one counts: it is none of the table's.
    """
    if head.method != b"POST":
        return None
    sent = target(head.target)
    actions = [value for key, value in sent.parameters if key.lower() == ACTION]
    if len(sent.segments) != 2 or sent.segments[0].lower() != RESOURCE or not actions:
        return None
    requests = {REQUESTS.get(action.lower()) for action in actions}
    names = GroupNames(dbid=json_values.number(sent.segments[1]))
    return Asked(names, requests.pop() if len(requests) == 1 else None, actions[0])


def mode(value: object) -> str | None:
    """The dial mode that the JSON value of a body asks for, by name."""
    return json_values.first_mode(json_values.members(value), DIAL_MODES)


def accepted(status: int, body: bytes) -> bool:
    """Whether a reply is acceptance: a success without GSW_ERROR in its body, which may be empty or no JSON at all."""
    if not 200 <= status <= 299:
        return False
    try:
        said = JsonText(body).root.value
    except NotJson:
        return True
    return not any(ERROR in each for each in json_values.objects(said))


def ours(request: Request, dbid: int) -> tuple[RequestHead, bytes]:
    """A Stop or an Unload of the proxy's own, and its body."""
    path = f"/{RESOURCE}/{dbid}?{ACTION}={OURS[request]}"
    return RequestHead(b"POST", path.encode(), ((b"Content-Type", b"application/json"),)), b"{}"
