"""OCS's reports on campaign groups: what is learned of them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.campaign.observation import GroupNames, Status
from proxy.http import reporting
from proxy.http.reporting import GroupReport, reports
from tests.http.test_json_text import bodies

NAMES = GroupNames(name="Sales@Agents", campaign="Sales")


def said(**more: object) -> list[GroupReport]:
    """What is learned from a report on Sales@Agents."""
    named = {"GSW_CAMPAIGN_GROUP_NAME": "Sales@Agents", "GSW_CAMPAIGN_NAME": "Sales", "GSW_GROUP_NAME": "Agents"}
    return reports(json.dumps(named | more).encode())


def test_the_documented_keys() -> None:
    """Names, dial mode and statistics; a null is one; what is unknown is ignored."""
    assert said(
        GSW_DIAL_MODE="Progressive",
        GSW_STAT_TIME_TO_COMPLETE=None,
        GSW_STAT_HIT_RATIO=12.5,
        GSW_STAT_DIALED="40",
        GSW_STAT_NOTE="many",
        GSW_STAT_FLAG=True,
        GSW_STAT_INFINITE="1e999",
        NEW_KEY={"a": [1]},
    ) == [
        GroupReport(
            NAMES,
            "Progressive",
            None,
            {"GSW_STAT_TIME_TO_COMPLETE": None, "GSW_STAT_HIT_RATIO": 12.5, "GSW_STAT_DIALED": 40.0},
        )
    ]


def test_several_groups_in_one_report() -> None:
    """A list of objects; what names no group, and what is no object, says nothing."""
    body = b'[{"GSW_CAMPAIGN_NAME": "A"}, {"GSW_DIAL_MODE": 1}, 5, null, [], {"GSW_CAMPAIGN_GROUP_DBID": "101"}]'
    assert reports(body) == [GroupReport(GroupNames(campaign="A")), GroupReport(GroupNames(dbid=101))]


def test_names_and_ids() -> None:
    """All names that are there, ids as strings too; a group's own name is made of campaign's and agent group's."""
    body = {"GSW_CAMPAIGN_NAME": "Sales", "GSW_GROUP_NAME": "Agents", "GSW_CM_AttrSessionID": "101"}
    ids = {"GSW_CM_AttrCampaignID": 7, "GSW_CM_AttrGroupID": 732}
    assert reports(json.dumps(body | ids).encode()) == [GroupReport(GroupNames(101, 7, 732, "Sales@Agents", "Sales"))]
    both = {"GSW_CAMPAIGN_GROUP_DBID": 5, "GSW_CM_AttrSessionID": 101}
    assert reports(json.dumps(both).encode())[0].names.dbid == 5
    assert reports(b'{"GSW_GROUP_NAME": "Agents"}') == []
    assert reports('{"GSW_CAMPAIGN_NAME": "Größe \\ud800"}'.encode())[0].names.campaign == "Größe ?"


@pytest.mark.parametrize("key", reporting.STATES)
def test_the_state_under_any_of_the_keys(key: str) -> None:
    """The key is not known: each of the table's will do."""
    assert said(**{key: "Running"})[0].status is Status.RUNNING


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (0, Status.NOT_LOADED),
        (1, Status.WAITING_UNLOAD),
        (2, Status.UNLOAD_IN_PROGRESS),
        ("3", Status.INACTIVE),
        (4, Status.ACTIVE),
        (" 5 ", Status.RUNNING),
        ("Unloaded", Status.NOT_LOADED),
        ("NotLoaded", Status.NOT_LOADED),
        ("Not Loaded", Status.NOT_LOADED),
        ("WAITING_UNLOAD", Status.WAITING_UNLOAD),
        ("Unload in progress", Status.UNLOAD_IN_PROGRESS),
        ("Unloading", Status.UNLOAD_IN_PROGRESS),
        ("Inactive", Status.INACTIVE),
        ("Loaded", Status.ACTIVE),
        ("active", Status.ACTIVE),
        ("Stopped", Status.ACTIVE),
        ("Running", Status.RUNNING),
        ("Started", Status.RUNNING),
        (6, None),
        (-1, None),
        (True, None),
        (4.0, None),
        (None, None),
        ("", None),
        ("Melancholy", None),
        (["Running"], None),
    ],
)
def test_states(state: object, status: Status | None) -> None:
    """By number or by name, in any spelling; what nobody knows is no state, and never the one before."""
    assert said(GSW_CAMPAIGN_GROUP_STATE=state)[0].status is status


def test_the_surest_key_counts() -> None:
    """Where several keys bear a state, the first of the table; one without a state is passed over."""
    assert said(GSW_STATUS=0, GSW_CAMPAIGN_GROUP_STATE=5)[0].status is Status.RUNNING
    assert said(GSW_STATUS=0, GSW_CAMPAIGN_GROUP_STATE="?")[0].status is Status.NOT_LOADED


@pytest.mark.parametrize(
    ("mode", "name"), [(3, "Preview"), ("PUSH PREVIEW", "PushPreview"), ("Quiet", "Quiet"), (None, None), ({}, None)]
)
def test_the_dial_mode(mode: object, name: str | None) -> None:
    """By number or by name."""
    assert said(GSW_DIAL_MODE=mode)[0].mode == name


NAMING = ["GSW_CAMPAIGN_GROUP_NAME", "GSW_CAMPAIGN_NAME", "GSW_GROUP_NAME", "GSW_CAMPAIGN_GROUP_DBID"]
KEYS = st.sampled_from([*NAMING, "GSW_CM_AttrGroupID", "GSW_DIAL_MODE", "GSW_STAT_X", "GSW_STATUS"])
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inside: st.lists(inside, max_size=2) | st.dictionaries(KEYS, inside, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(KEYS, ANY) | st.lists(st.dictionaries(KEYS, ANY), max_size=3))
def test_any_values(value: object) -> None:
    """Whatever the values: each report names a group, in text that can be written, and has numbers for statistics."""
    for each in reports(json.dumps(value).encode()):
        assert any(name is not None for name in each.names)
        "".join(str(name) for name in (*each.names, each.mode)).encode()
        assert all(number is None or isinstance(number, float) for number in each.statistics.values())


@given(bodies() | st.binary(max_size=60))
def test_any_body(body: bytes) -> None:
    """Whatever is posted, nothing raises."""
    assert isinstance(reports(body), list)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"GSW_CAMPAIGN_NAME=Sales", b"[" * 5000])
def test_what_is_no_report(body: bytes) -> None:
    """Nothing is learned from it."""
    assert reports(body) == []
