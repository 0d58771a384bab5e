"""GWS: what is asked of campaign groups through it, and what is answered."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.campaign.observation import GroupNames, Request
from proxy.http import gws
from proxy.http.gws import Asked
from proxy.http.turns import RequestHead
from tests.http.test_json_text import bodies

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(st.sampled_from(["data", "status", "code", "campaignId", "groupId", "dialMode"]), inside)
    ),
    max_leaves=10,
)


def post(target: str) -> Asked | None:
    """What a POST to a target asks."""
    return gws.asked(RequestHead(b"POST", target.encode()))


@pytest.mark.parametrize(
    ("action", "request_"),
    [
        ("load-campaign", Request.LOAD),
        ("start-dialing", Request.START),
        ("set-dialing-mode", Request.SET_MODE),
        ("stop-dialing", Request.STOP),
        ("unload-campaign", Request.UNLOAD),
        ("force-unload-campaign", Request.UNLOAD),
        ("Load-Campaign", Request.LOAD),
        ("%6coad-campaign", Request.LOAD),
        ("load-campaign/", Request.LOAD),
        ("load-campaign?x=stop-dialing", Request.LOAD),
        ("get-status", None),
        ("loadcampaign", None),
    ],
)
def test_what_is_asked(action: str, request_: Request | None) -> None:
    """Every action, in any case, however the target is written; what nobody knows is none of the table."""
    for before in ("", "http://127.0.0.1:8098"):
        asked = post(f"{before}/ocs/v3/servers/156/{action}")
        assert asked is not None
        assert (asked.server, asked.request) == ("156", request_)


@pytest.mark.parametrize(
    "target",
    [
        "/ocs/v3/servers/156",
        "/ocs/v3/servers/156/load-campaign/x",
        "/ocs/v3/server/156/load-campaign",
        "/workspace/v3/voice/send-user-event",
        "/ocs/v2/servers/156/load-campaign",
        "/x/ocs/v3/servers/156/load-campaign",
        "/?/ocs/v3/servers/156/load-campaign",
        "*",
    ],
)
def test_what_is_nothing_of_the_kind(target: str) -> None:
    """Other resources are none of ours."""
    assert post(target) is None


def test_other_methods() -> None:
    """Only POST asks anything."""
    assert gws.asked(RequestHead(b"GET", b"/ocs/v3/servers/156/load-campaign")) is None
    assert gws.asked(RequestHead(b"POST", b"/ocs/v3/servers/156/load-campaign")) == Asked(
        "156", Request.LOAD, "load-campaign"
    )


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"data": {"campaignId": 101, "groupId": 732}}, GroupNames(campaign_id=101, group_id=732)),
        ({"data": {"campaignId": "101", "groupId": " 732"}}, GroupNames(campaign_id=101, group_id=732)),
        ({"data": {"campaignId": 101, "groupId": True}}, GroupNames(campaign_id=101)),
        ({"data": {"campaignId": 1e3, "groupId": 1 << 40}}, GroupNames()),
        ({"campaignId": 101}, GroupNames()),
        ({"data": [1]}, GroupNames()),
        (None, GroupNames()),
    ],
)
def test_the_group(body: object, names: GroupNames) -> None:
    """By the DBIDs of campaign and agent group, also where they came as strings; anything else names nothing."""
    assert gws.names(body) == names


@pytest.mark.parametrize(
    ("body", "mode"),
    [
        ({"data": {"dialMode": 1}}, "Predictive"),
        ({"data": {"dialingMode": "preview"}}, "Preview"),
        ({"data": {"mode": "PushPreview"}}, "PushPreview"),
        ({"data": {"dialMode": {}}}, None),
        ({"dialMode": 1}, None),
        ([], None),
    ],
)
def test_the_dial_mode_asked_for(body: object, mode: str | None) -> None:
    """By number or by name; where there is none, none."""
    assert gws.mode(body) == mode


@pytest.mark.parametrize(
    ("status", "body", "accepted"),
    [
        (200, b'{"status": {"code": 0}}', True),
        (200, b'{"status": {"code": 1}, "operationId": "fda0"}', True),
        (202, b'{"status": {"code": "0"}}', True),
        (200, b'{"status": {"code": 2}}', False),
        (200, b'{"status": {"code": null}}', False),
        (200, b'{"status": {"code": true}}', False),
        (200, b'{"status": {"code": 1.5}}', False),
        (200, b'{"status": {"message": "x"}}', True),
        (200, b'{"status": 7}', True),
        (200, b'[{"status": {"code": 7}}]', True),
        (200, b"", True),
        (200, b"OK", True),
        (404, b'{"status": {"code": 0}}', False),
        (500, b"", False),
        (302, b"", False),
    ],
)
def test_acceptance(status: int, body: bytes, accepted: bool) -> None:
    """A success is acceptance, unless its status code says otherwise."""
    assert gws.accepted(status, body) is accepted


@given(JSON, bodies() | st.binary(max_size=60))
def test_whatever_comes(value: object, body: bytes) -> None:
    """Nothing raises."""
    gws.names(value)
    gws.mode(value)
    gws.accepted(200, json.dumps(value).encode())
    gws.accepted(200, body)
    gws.asked(RequestHead(b"POST", body))
    gws.asked(RequestHead(b"POST", b"/ocs/v3/servers/" + body))
