"""What web desktops ask of GWS and are told by it, as user data."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.http.desktops.agent_api import (
    DATA_CHANGED,
    VOICE,
    Ask,
    Event,
    asked,
    carries_notifications,
    dn_of,
    event,
    notification,
    pairs,
    status_code,
    user_data_of,
)
from proxy.kvlist import BINARY, INTEGER, LIST, STRING, Pair, pair


@pytest.mark.parametrize(
    ("target", "ask"),
    [
        (b"/workspace/v3/notifications", Ask.NOTIFICATIONS),
        (b"/workspace/v3/notifications/", Ask.NOTIFICATIONS),
        (b"/workspace/v3/notifications/connect", Ask.NOTIFICATIONS),
        (b"/workspace/v3/notifications/handshake?x=1", Ask.NOTIFICATIONS),
        (b"/workspace/v3/voice/send-user-event", Ask.USER_EVENT),
        (b"/workspace/v3/voice/send-user-event/?a=b", Ask.USER_EVENT),
        (b"/workspace/v3/voice/calls/00AB/attach-user-data", Ask.CALL_DATA),
        (b"/workspace/v3/voice/calls/00AB/update-user-data", Ask.CALL_DATA),
        (b"/workspace/v3/voice/calls/00AB/delete-user-data-pair", Ask.CALL_DATA),
        (b"/workspace/v3/activate-channels", Ask.ACTIVATE),
        (b"/workspace/v3/logout", Ask.LOGOUT),
        (b"/workspace/v3/voice/logout", None),
        (b"/workspace/v3/voice/calls/00AB/answer", None),
        (b"/workspace/v3/voice/calls/a/b/attach-user-data", None),
        (b"/workspace/v3/notificationsettings", None),
        (b"/workspace/v3/voice/send-user-events", None),
        (b"/other/workspace/v3/logout", None),
        (b"/ocs/v3/servers/156/load-campaign", None),
    ],
)
def test_only_these_requests_are_looked_into(target: bytes, ask: Ask | None) -> None:
    """A user event, call data, the channels, the logout and CometD; everything else of the API streams by."""
    assert asked(b"POST", target) is ask


def test_other_methods_are_not_looked_into() -> None:
    """A preflight of a browser is nobody's business; a logout may be a GET, as the vendor's client has it."""
    assert asked(b"OPTIONS", b"/workspace/v3/voice/send-user-event") is None
    assert asked(b"GET", b"/workspace/v3/notifications") is None
    assert asked(b"GET", b"/workspace/v3/logout") is Ask.LOGOUT


def test_where_notifications_come_by_other_ways() -> None:
    """Whatever the method, below this path come notifications: callback polling, or a WebSocket."""
    assert carries_notifications(b"/workspace/v3/notifications?jsonp=_1&message=x")
    assert carries_notifications(b"/workspace/v3/notifications/connect")
    assert not carries_notifications(b"/workspace/v3/notificationsettings")
    assert not carries_notifications(b"/workspace/v3/voice")


def test_user_data_as_a_list_and_as_an_object() -> None:
    """Strings stay strings, also those that are numbers; integers are integers."""
    listed = [
        {"key": "GSW_RECORD_HANDLE", "type": "int", "value": 1},
        {"key": "GSW_CHAIN_ID", "type": "str", "value": "7"},
    ]
    expected = [Pair("GSW_RECORD_HANDLE", 1, INTEGER), Pair("GSW_CHAIN_ID", "7", STRING)]
    assert pairs(listed) == expected
    assert pairs({"GSW_RECORD_HANDLE": 1, "GSW_CHAIN_ID": "7"}) == expected


def test_lists_within_user_data() -> None:
    """A kvlist within is a list of pairs, in both forms; a repeated key of a list is there twice."""
    inner = [Pair("a", 1, INTEGER), Pair("a", "x", STRING)]
    listed = [{"key": "a", "type": "int", "value": 1}, {"key": "a", "type": "str", "value": "x"}]
    assert pairs([{"key": "L", "type": "kvlist", "value": listed}]) == [Pair("L", inner, LIST)]
    assert pairs({"L": {"a": 1}}) == [Pair("L", inner[:1], LIST)]


def test_other_values_of_json_are_opaque() -> None:
    """What user data of T-Events cannot hold is neither lost nor taken for something else: true is not 1."""
    odd: dict[str, Any] = {"f": 2.5, "t": True, "n": None, "a": [1, 2], "half": "\ud800"}
    found = pairs(odd)
    assert [each.kind for each in found] == [BINARY] * 5
    assert json.loads(notification(found, VOICE, listed=False))["data"]["userData"] == odd


@pytest.mark.parametrize("content", ["text", 7, None, True, [1, None, {"key": 7, "value": 1}, {"key": "k"}]])
def test_what_is_no_user_data_is_none(content: Any) -> None:
    """Wrong types are left out, and never a failure."""
    assert pairs(content) == []
    assert user_data_of({"data": {"userData": content}}) == []
    assert user_data_of(content) == []


def test_user_data_that_nests_without_end() -> None:
    """Lists in lists in lists: at some depth nobody looks any more."""
    content: Any = {"GSW_X": 1}
    for _ in range(90):
        content = {"in": content}
    assert len(pairs(content)) == 1


CALL = {"id": "00AB", "state": "Established", "userData": [{"key": "GSW_RECORD_HANDLE", "type": "int", "value": 5}]}
HANDLE = (Pair("GSW_RECORD_HANDLE", 5, INTEGER),)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"messageType": "EventUserEvent", "userData": {"A": 1}}, Event("EventUserEvent", (pair("A", 1),))),
        (
            {"messageType": "EventUserEvent", "userData": [{"key": "A", "value": 1}]},
            Event("EventUserEvent", (pair("A", 1),), listed=True),
        ),
        ({"messageType": "DnStateChanged", "dn": {"number": "3001"}}, Event("DnStateChanged", dn="3001")),
        ({"messageType": "DnStateChanged", "dn": {"number": 3001}}, None),
        ({"messageType": "DnStateChanged", "dn": "3001"}, None),
        ({"messageType": "CallStateChanged", "call": CALL}, Event("EventEstablished", HANDLE, listed=True)),
        (
            {"messageType": "CallStateChanged", "call": CALL, "notificationType": "StatusChange"},
            Event("EventEstablished", HANDLE, listed=True),
        ),
        (
            {"messageType": "CallStateChanged", "call": CALL, "notificationType": "AttachedDataChanged"},
            Event(DATA_CHANGED, HANDLE, listed=True),
        ),
        (
            {"messageType": "CallStateChanged", "call": {**CALL, "state": "Held"}},
            Event(DATA_CHANGED, HANDLE, listed=True),
        ),
        (
            {"messageType": "CallStateChanged", "call": {**CALL, "state": ["x"]}, "notificationType": {}},
            Event(DATA_CHANGED, HANDLE, listed=True),
        ),
        ({"messageType": "CallStateChanged", "call": None}, Event(DATA_CHANGED)),
        ({"messageType": "EventReleased", "userData": {"A": 1}}, Event("EventReleased", (pair("A", 1),))),
        ({"messageType": 7}, None),
        ({}, None),
        ("text", None),
        ([1], None),
    ],
)
def test_what_notifications_say(data: Any, expected: Event | None) -> None:
    """User events, states of the DN and of calls; what has an odd shape is no event, and never a failure."""
    assert event(data) == expected


@pytest.mark.parametrize(("state", "name"), [("Ringing", "EventRinging"), ("Dialing", "EventDialing")])
def test_states_of_calls_are_t_events(state: str, name: str) -> None:
    """A call's states stand for the T-Events of the same meaning."""
    told = event({"messageType": "CallStateChanged", "call": {**CALL, "state": state}})
    assert told is not None
    assert told.name == name


def test_a_notification_in_the_shape_of_ocs_own() -> None:
    """The same user data as a flat object, or as a list of key, type and value."""
    told = [pair("GSW_USER_EVENT", "CampaignStopped"), pair("GSW_APPLICATION_ID", 1), pair("L", [pair("a", "b")])]
    flat, listed = (json.loads(notification(told, VOICE, listed)) for listed in (False, True))
    assert flat == {
        "channel": "/workspace/v3/voice",
        "data": {
            "userData": {"GSW_USER_EVENT": "CampaignStopped", "GSW_APPLICATION_ID": 1, "L": {"a": "b"}},
            "messageType": "EventUserEvent",
        },
    }
    assert listed["data"]["userData"] == [
        {"key": "GSW_USER_EVENT", "type": "str", "value": "CampaignStopped"},
        {"key": "GSW_APPLICATION_ID", "type": "int", "value": 1},
        {"key": "L", "type": "kvlist", "value": [{"key": "a", "type": "str", "value": "b"}]},
    ]
    assert pairs(flat["data"]["userData"]) == pairs(listed["data"]["userData"]) == told


def test_bytes_of_another_wire_are_left_out() -> None:
    """What a T-Events desktop was told as bytes cannot be said in JSON."""
    told = json.loads(notification([Pair("b", b"\xff\x00", BINARY), pair("k", "v")], VOICE, listed=False))
    assert told["data"]["userData"] == {"k": "v"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"status": {"code": 0}}', 0),
        (b'{"status":{"code":1},"operationId":"x"}', 1),
        (b'{"status":{"code":"1"}}', None),
        (b'{"status":1}', None),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_the_code_of_a_reply(body: bytes, code: int | None) -> None:
    """The code says whether a request was taken; a reply that has none says nothing."""
    assert status_code(body) == code


def test_the_dn_of_an_agent() -> None:
    """The DN is named, or it is not: a login id and a place are no DN."""
    assert dn_of({"data": {"agentId": "5003", "dn": "3001"}}) == "3001"
    assert dn_of({"data": {"agentId": "5003", "placeName": "Place"}}) is None
    assert dn_of({"data": {"dn": 3001}}) is None
    assert dn_of([]) is None
