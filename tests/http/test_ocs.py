"""OCS HTTP: what is asked of campaign groups, and what is answered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.campaign.observation import GroupNames, Request
from proxy.http import ocs
from proxy.http.ocs import Asked
from proxy.http.turns import RequestHead
from tests.http.test_json_text import bodies

GROUP = GroupNames(dbid=101)


def post(target: str) -> Asked | None:
    """What a POST to a target asks."""
    return ocs.asked(RequestHead(b"POST", target.encode()))


@pytest.mark.parametrize(
    ("target", "request_"),
    [
        ("/campaigngroups/101?req=Load", Request.LOAD),
        ("/campaigngroups/101?req=LoadCampaign", Request.LOAD),
        ("/campaigngroups/101?req=Start", Request.START),
        ("/campaigngroups/101?req=StartDialing", Request.START),
        ("/campaigngroups/101?req=SetDialingMode", Request.SET_MODE),
        ("/campaigngroups/101?req=Stop", Request.STOP),
        ("/campaigngroups/101?req=StopDialing", Request.STOP),
        ("/campaigngroups/101?req=Unload", Request.UNLOAD),
        ("/campaigngroups/101?req=UnloadCampaign", Request.UNLOAD),
        ("/campaigngroups/101?req=ForceUnload", Request.UNLOAD),
        ("/campaigngroups/101?req=lOAD", Request.LOAD),
        ("/CampaignGroups/101?Req=load", Request.LOAD),
        ("/campaigngroups/101/?req=Load", Request.LOAD),
        ("/campaigngroups/101?user=x&req=Load&y=%26req=Stop", Request.LOAD),
        ("/campaigngroups/%3101?r%65q=%4coad", Request.LOAD),
        ("http://ocs1:8080/campaigngroups/101?req=Load", Request.LOAD),
        ("HTTPS://[::1]:8080//campaigngroups//101?req=Load", Request.LOAD),
        ("/campaigngroups/101?req=Load&req=LoadCampaign", Request.LOAD),
        ("/campaigngroups/101?req=Stop&req=Load", None),
        ("/campaigngroups/101?req=Report", None),
        ("/campaigngroups/101?req=", None),
    ],
)
def test_what_is_asked_of_a_group(target: str, request_: Request | None) -> None:
    """Every spelling, in any case, however the target is written; an action that nobody knows is none of the table."""
    asked = post(target)
    assert asked is not None
    assert (asked.names, asked.request) == (GROUP, request_)


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "*",
        "",
        "/campaigngroups",
        "/campaigngroups/101",
        "/campaigngroups?req=Load",
        "/campaigngroups/101/x?req=Load",
        "/x/campaigngroups/101?req=Load",
        "/records/101?req=Load",
        "/campaigngroups%2F101?req=Load",
        "/campaigngroups/101?request=Load",
        "http://campaigngroups/101?req=Load",
        "http://[::1/?campaigngroups/101?req=Load",
    ],
)
def test_what_is_nothing_of_the_kind(target: str) -> None:
    """Other resources, and requests without an action, are none of ours."""
    assert post(target) is None


@pytest.mark.parametrize("method", [b"GET", b"PUT", b"DELETE", b"post", b""])
def test_other_methods(method: bytes) -> None:
    """Only POST asks anything."""
    assert ocs.asked(RequestHead(method, b"/campaigngroups/101?req=Load")) is None


@pytest.mark.parametrize("dbid", ["x", "Sales@Agents", "99999999999", "1.0", "%ff", "-"])
def test_an_id_that_is_no_number(dbid: str) -> None:
    """The group is not known; the request is one all the same. The action is as it was spelled."""
    assert post(f"/campaigngroups/{dbid}?req=loaD") == Asked(GroupNames(), Request.LOAD, "loaD")


@given(st.binary(max_size=40), st.binary(max_size=60))
def test_any_target(method: bytes, target: bytes) -> None:
    """Whatever is asked, nothing raises."""
    assert ocs.asked(RequestHead(method, target)) is None or method == b"POST"
    ocs.asked(RequestHead(b"POST", target))
    ocs.asked(RequestHead(b"POST", b"/campaigngroups/" + target))


@pytest.mark.parametrize(
    ("body", "mode"),
    [
        ({"GSW_CM_AttrDialMode": 3}, "Preview"),
        ({"GSW_CM_AttrDialMode": "8"}, "PushPreview"),
        ({"GSW_CM_AttrDialMode": None, "GSW_CAMPAIGN_MODE": "push preview"}, "PushPreview"),
        ({"GSW_DIAL_MODE": "PREDICTIVE_AND_SEIZE"}, "PredictiveAndSeize"),
        ({"GSW_CM_AttrDialMode": "Telepathic"}, "Telepathic"),
        ({"GSW_CM_AttrDialMode": 77}, None),
        ({"GSW_CM_AttrDialMode": True}, None),
        ({"GSW_CM_AttrDialMode": []}, None),
        ({"data": {"dialMode": 3}}, None),
        ([], None),
        (None, None),
    ],
)
def test_the_dial_mode_asked_for(body: object, mode: str | None) -> None:
    """By number or by name, in any spelling; what cannot be a mode is none."""
    assert ocs.mode(body) == mode


@pytest.mark.parametrize(
    ("status", "body", "accepted"),
    [
        (200, b'{"GSW_CM_MessageType": 19}', True),
        (200, b"", True),
        (204, b"", True),
        (202, b"<html>GSW_ERROR</html>", True),
        (200, b'"GSW_ERROR"', True),
        (200, b'{"x": "GSW_ERROR"}', True),
        (299, b"\xff", True),
        (200, b'{"GSW_ERROR": "Invalid Campaign Group"}', False),
        (200, b'[{"a": {"GSW_ERROR": 0}}]', False),
        (200, '\ufeff{"GSW_ERROR": ""}'.encode(), False),
        (199, b"{}", False),
        (302, b"", False),
        (404, b"{}", False),
        (500, b"", False),
    ],
)
def test_acceptance(status: int, body: bytes, accepted: bool) -> None:
    """A success without GSW_ERROR is acceptance, whatever else it says or does not say."""
    assert ocs.accepted(status, body) is accepted


@given(st.integers(), bodies() | st.binary())
def test_any_reply(status: int, body: bytes) -> None:
    """Whatever is answered, nothing raises; no failure is acceptance."""
    assert not ocs.accepted(status, body) or 200 <= status < 300


@pytest.mark.parametrize("request_", [Request.STOP, Request.UNLOAD])
def test_requests_of_the_proxys_own(request_: Request) -> None:
    """What the proxy asks is what it would understand."""
    head, body = ocs.ours(request_, 101)
    asked = ocs.asked(head)
    assert asked is not None
    assert (asked.names, asked.request) == (GROUP, request_)
    assert head.target == b"/campaigngroups/101?req=" + {Request.STOP: b"Stop", Request.UNLOAD: b"Unload"}[request_]
    assert (head.method, dict(head.headers), body) == (b"POST", {b"Content-Type": b"application/json"}, b"{}")
