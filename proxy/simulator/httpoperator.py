"""An application that asks OCS one thing over HTTP: at its own port, or through GWS."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from proxy.errors import OurError
from proxy.simulator import vocabulary as word
from proxy.simulator.httpclient import HttpReply, HttpUri, NoReply, post
from proxy.simulator.operator import NoAnswer, Order

_OCS_NAMES = {
    "load": "Load",
    "start": "Start",
    "stop": "Stop",
    "unload": "Unload",
    "force-unload": "ForceUnload",
    "mode": "SetDialingMode",
}
_GWS_NAMES = {
    "load": "load-campaign",
    "start": "start-dialing",
    "stop": "stop-dialing",
    "unload": "unload-campaign",
    "force-unload": "force-unload-campaign",
    "mode": "set-dialing-mode",
}


@frozen
class Posted:
    """An order as it goes over HTTP. `accepts` says of a reply's JSON whether it is acceptance."""

    path: str
    body: Mapping[str, object]
    accepts: Callable[[Mapping[str, Any]], bool]


def at_ocs(order: Order) -> Posted:
    """An order for OCS's HTTP port. Raises OurError where it cannot be given there."""
    if order.dbid is None:
        raise OurError("over HTTP a group goes by its own DBID: --group")
    keys = {word.CM_DIAL_MODE: order.mode_number, word.AUTO_COMPLETION: order.auto_completion}
    path = f"/{word.HTTP_GROUPS}/{order.dbid}?req={_name(_OCS_NAMES, order)}"
    return Posted(path, _there(keys), lambda said: word.ERROR not in said)


def at_gws(order: Order, ocs: int) -> Posted:
    """An order for the OCS with this DBID, through GWS. Raises OurError where it cannot be given there."""
    if order.campaign_id is None or order.group_id is None:
        raise OurError("through GWS a group goes by campaign and agent group: --campaign-id, --group-id")
    properties = None
    if order.auto_completion is not None:
        properties = [{"key": word.AUTO_COMPLETION, "value": order.auto_completion}]
    data = {
        word.GWS_CAMPAIGN: order.campaign_id,
        word.GWS_GROUP: order.group_id,
        word.GWS_DIAL_MODE: order.mode_number,
        word.GWS_PROPERTIES: properties,
    }
    path = f"/ocs/v3/servers/{ocs}/{_name(_GWS_NAMES, order)}"
    return Posted(path, {"data": _there(data)}, _gws_accepts)


async def give(posted: Posted, uri: str, timeout: float, reactor: Any) -> dict[str, Any]:
    """Post it to the server at a URI.

    Returns what came back: `answer`, `accepted` or `refused`, the HTTP `status`, and the reply's keys. Raises NoAnswer
    where nothing did, or no JSON; NoUri where that is no URI.
    """
    where = HttpUri.read(uri.rstrip("/") + posted.path)
    try:
        reply = await post(reactor, where, json.dumps(posted.body).encode("utf-8"), "operator", timeout)
    except NoReply as problem:
        raise NoAnswer(str(problem)) from problem
    said = _object(reply)
    accepted = 200 <= reply.status < 300 and posted.accepts(said)
    return {"answer": "accepted" if accepted else "refused", **said, "status": reply.status}


def _object(reply: HttpReply) -> dict[str, Any]:
    try:
        said = json.loads(reply.body)
    except ValueError:
        raise NoAnswer(f"an answer that is no JSON, with HTTP status {reply.status}") from None
    return said if isinstance(said, dict) else {}


def _gws_accepts(said: Mapping[str, Any]) -> bool:
    state = said.get("status")
    return isinstance(state, dict) and state.get("code") == 0


def _name(names: Mapping[str, str], order: Order) -> str:
    if order.request not in names:
        raise OurError(f"over HTTP nobody can ask for {order.request}")
    return names[order.request]


def _there(keys: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in keys.items() if value is not None}
