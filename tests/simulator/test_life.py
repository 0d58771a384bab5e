"""The life of a campaign group: control requests, their answers, and what agents are told."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.kvlist import pair
from proxy.simulator.switch import UserEvent
from proxy.simulator.vocabulary import Control, Stat, Status
from tests.simulator.desk import Desk, conf

CAMPAIGN_EVENTS = ["CampaignLoaded", "CampaignStarted", "CampaignStopped", "CampaignUnloaded"]


def test_load_start_stop_unload() -> None:
    """Each request is answered with the matching event, its reference, the group's names and its new status."""
    desk = Desk(conf())
    names = {
        "GSW_CM_AttrReferenceID": 77,
        "GSW_CM_AttrSessionID": 101,
        "GSW_CM_AttrCampaignID": 101,
        "GSW_CM_AttrGroupID": 732,
        "GSW_CAMPAIGN_GROUP_DBID": 101,
        "GSW_CAMPAIGN_NAME": "Sales",
        "GSW_CAMPAIGN_GROUP_NAME": "Sales@Agents",
    }
    for request, message, status in [
        ("load", Control.LOADED, Status.ACTIVE),
        ("start", Control.STARTED, Status.RUNNING),
        ("stop", Control.STOPPED, Status.ACTIVE),
    ]:
        answer = desk.order(request)
        assert answer["GSW_CM_MessageType"] == message
        assert answer["GSW_CM_AttrGroupCampStatus"] == status
        assert names.items() <= answer.items()
    assert desk.order("unload") == {}
    desk.wait(1)
    assert desk.control() == [Control.LOADED, Control.STARTED, Control.STOPPED, Control.UNLOADED]
    assert desk.switch.said[-5][0] == "OCS_CommDN"
    assert desk.switch.said[-5][1]["GSW_CM_AttrReferenceID"] == 77
    assert [stat for stat in desk.statistics() if stat < Stat.WAITING_RECORDS] == [
        Stat.CAMPAIGN_ACTIVATED,
        Stat.DIALING_STARTED,
        Stat.DIALING_STOPPED,
        Stat.CAMPAIGN_DEACTIVATED,
    ]


def test_every_agent_is_told_once() -> None:
    """Each agent of the group hears each step of its life, once, in order, with the mode when it starts."""
    desk = Desk(conf())
    desk.run()
    desk.order("stop")
    desk.order("unload")
    desk.wait(1)
    for dn in ("3001", "3002", "3003"):
        assert desk.events(dn) == CAMPAIGN_EVENTS
    started = desk.last("3001", "CampaignStarted")
    assert started == {
        "GSW_USER_EVENT": "CampaignStarted",
        "GSW_APPLICATION_ID": 4113,
        "GSW_CAMPAIGN_NAME": "Sales",
        "GSW_CAMPAIGN_GROUP_DBID": 101,
        "GSW_CAMPAIGN_GROUP_NAME": "Sales@Agents",
        "GSW_CAMPAIGN_MODE": "Preview",
    }
    assert desk.truth()["told"]["3002"] == dict.fromkeys(CAMPAIGN_EVENTS, 1)


@pytest.mark.parametrize(
    ("knob", "heard"),
    [
        ("no", CAMPAIGN_EVENTS[:2]),
        ("stopped", CAMPAIGN_EVENTS[:3]),
        ("unloaded", [*CAMPAIGN_EVENTS[:2], "CampaignUnloaded"]),
    ],
)
def test_older_releases_leave_agents_untold(knob: str, heard: list[str]) -> None:
    """`notify_agents` says which of CampaignStopped and CampaignUnloaded agents hear of OCS."""
    desk = Desk(conf(ocs=f"notify_agents = {knob}"))
    desk.run()
    desk.order("unload")
    desk.wait(1)
    assert desk.events("3001") == heard
    assert Control.UNLOADED in desk.control()


def test_older_releases_name_the_campaign_only() -> None:
    """Without `group_keys` agents' events and records have no campaign group in them."""
    desk = Desk(conf(ocs="group_keys = no"))
    desk.run()
    desk.preview("3001")
    assert not any("GROUP" in key for dn, said in desk.switch.said if dn == "3001" for key in said)


def test_nobody_is_told_who_is_not_there() -> None:
    """An agent without a desktop counts as not told."""
    desk = Desk(conf())
    desk.switch.here = {"3001"}
    desk.run()
    assert set(desk.truth()["told"]) == {"3001"}


@pytest.mark.parametrize(
    ("before", "request_"),
    [
        ([], "start"),
        ([], "stop"),
        ([], "unload"),
        ([], "force-unload"),
        ([], "mode"),
        (["load"], "load"),
        (["load"], "stop"),
        (["load", "start"], "load"),
        (["load", "start"], "start"),
        (["load", "start", "stop"], "stop"),
    ],
)
def test_a_request_in_the_wrong_state_is_refused(before: list[str], request_: str) -> None:
    """EvError with the reference, and nothing changes."""
    desk = Desk(conf())
    for each in before:
        desk.order(each)
    was, said = desk.group.status, len(desk.switch.said)
    answer = desk.order(request_)
    assert answer["GSW_CM_MessageType"] == Control.REFUSED
    assert answer["GSW_CM_AttrErrorCode"] == 2
    assert answer["GSW_CM_AttrErrorMessage"]
    assert desk.group.status is was
    assert len(desk.switch.said) == said + 1
    assert sum(desk.truth()["refused"].values()) == 1


def test_unload_waits_for_what_is_out() -> None:
    """While a record is with an agent the group is Waiting Unload, a second Unload is refused; then it goes."""
    desk = Desk(conf(ocs="unload_time = 1"))
    desk.run()
    record = desk.preview("3001")
    desk.order("stop")
    desk.order("unload")
    desk.wait(20)
    assert desk.order("status")["GSW_CM_AttrGroupCampStatus"] == Status.WAITING_UNLOAD
    assert desk.order("unload")["GSW_CM_MessageType"] == Control.REFUSED
    assert desk.order("load")["GSW_CM_MessageType"] == Control.REFUSED
    assert desk.done("3001", record)["GSW_USER_EVENT"] == "RecordProcessedAcknowledge"
    desk.wait()
    assert desk.order("status")["GSW_CM_AttrGroupCampStatus"] == Status.UNLOAD_IN_PROGRESS
    desk.wait(1)
    assert desk.order("status")["GSW_CM_AttrGroupCampStatus"] == Status.NOT_LOADED
    assert desk.truth()["accepted"]["unload"] == 1


def test_unload_straight_from_running_stops_first() -> None:
    """Agents hear CampaignStopped before CampaignUnloaded also when only Unload was asked for."""
    desk = Desk(conf())
    desk.run()
    desk.order("unload")
    desk.wait(1)
    assert desk.events("3001")[-2:] == ["CampaignStopped", "CampaignUnloaded"]
    assert desk.control()[-2:] == [Control.STOPPED, Control.UNLOADED]


def test_force_unload_does_not_wait() -> None:
    """Records that are out are Ready again, and their agents' last words about them come too late."""
    desk = Desk(conf(records=5))
    desk.run()
    record = desk.preview("3001")
    assert desk.order("force-unload")["GSW_CM_MessageType"] == Control.UNLOADED
    assert desk.truth()["record_status"] == {"1": 5}
    assert "GSW_ERROR" in desk.done("3001", record)
    assert any("52003" in line for line in desk.log)


def test_unload_gives_back_what_was_not_called() -> None:
    """Records at hand are Ready again after Unload, and another session calls them all."""
    desk = Desk(conf(records=5))
    desk.run()
    desk.done("3001", desk.preview("3001"))
    desk.order("unload")
    desk.wait(1)
    assert desk.truth()["record_status"] == {"1": 4, "3": 1}
    desk.run()
    for _ in range(4):
        desk.done("3002", desk.preview("3002"))
    assert desk.truth()["left"] == 0


def test_a_group_is_named_by_campaign_and_agent_group_too() -> None:
    """Without a session id, campaign and agent group name the group, as integers or as strings."""
    desk = Desk(conf())
    ids: dict[str, Any] = {"GSW_CM_AttrSessionID": None, "GSW_CM_AttrCampaignID": "101", "GSW_CM_AttrGroupID": 732}
    assert desk.order("load", **ids)["GSW_CM_MessageType"] == Control.LOADED
    ids["GSW_CM_AttrGroupID"] = 733
    assert desk.order("start", **ids)["GSW_CM_AttrErrorCode"] == 1


def test_integers_may_be_strings() -> None:
    """A console that sends every value as a string is understood, its reference comes back as it was."""
    desk = Desk(conf())
    pairs = [
        pair("GSW_CM_MessageType", "7"),
        pair("GSW_CM_AttrSessionID", "101"),
        pair("GSW_APPLICATION_ID", "4114"),
        pair("GSW_CM_AttrReferenceID", "0012"),
    ]
    desk.ocs.hear(UserEvent("OCS_CommDN", pairs, "console", None))
    assert desk.switch.said[0][1]["GSW_CM_AttrReferenceID"] == "0012"
    assert desk.group.status is Status.ACTIVE


def test_an_unknown_group_is_refused() -> None:
    """EvError, with the reference and no names."""
    answer = Desk(conf()).order("load", GSW_CM_AttrSessionID=999)
    assert answer["GSW_CM_MessageType"] == Control.REFUSED
    assert answer["GSW_CM_AttrErrorCode"] == 1
    assert "GSW_CAMPAIGN_NAME" not in answer


@pytest.mark.parametrize("application", [None, 4113, 9999])
def test_an_application_that_is_not_linked_is_ignored(application: int | None) -> None:
    """Without a word: no answer, no error, nothing done."""
    desk = Desk(conf())
    assert desk.order("load", GSW_APPLICATION_ID=application) == {}
    assert desk.switch.said == []
    assert desk.group.status is Status.NOT_LOADED
    assert desk.ocs.truth()["ignored"] == 1


def test_a_running_group_changes_only_between_dialed_modes() -> None:
    """Predictive to Progressive goes, to Preview does not; a loaded group takes any mode there is."""
    desk = Desk(conf(mode="Predictive"))
    desk.run()
    assert desk.order("mode", GSW_CM_AttrDialMode=2)["GSW_CM_AttrDialMode"] == 2
    assert desk.last("3001", "CampaignModeChanged")["GSW_CAMPAIGN_MODE"] == "Progressive"
    assert desk.order("mode", GSW_CM_AttrDialMode=3)["GSW_CM_AttrErrorCode"] == 3
    assert desk.order("mode", GSW_CM_AttrDialMode=99)["GSW_CM_AttrErrorCode"] == 3
    desk.order("stop")
    assert desk.order("mode", GSW_CM_AttrDialMode=3)["GSW_CM_MessageType"] == Control.MODE_CHANGED
    assert desk.statistics().count(Stat.DIAL_MODE_CHANGED) == 2


def test_the_mode_can_come_with_start() -> None:
    """StartDialing with a dial mode starts in that mode; the next session has that of the conf file again."""
    desk = Desk(conf())
    desk.order("load")
    desk.order("start", GSW_CM_AttrDialMode=2)
    assert desk.last("3001", "CampaignStarted")["GSW_CAMPAIGN_MODE"] == "Progressive"
    desk.order("force-unload")
    desk.run()
    assert desk.last("3001", "CampaignStarted")["GSW_CAMPAIGN_MODE"] == "Preview"


def test_the_ledger_knows_who_asked_what() -> None:
    """Every control request, in order, with its sender, and whether it was refused."""
    desk = Desk(conf())
    for request in ("load", "start", "stop", "stop", "unload"):
        desk.order(request)
    desk.wait(1)
    truth = desk.ocs.truth()
    assert [(each["sender"], each["request"], each["refused"] is None) for each in truth["requests"]] == [
        ("console", "load", True),
        ("console", "start", True),
        ("console", "stop", True),
        ("console", "stop", False),
        ("console", "unload", True),
    ]
    assert truth["groups"][0]["accepted"] == {"load": 1, "start": 1, "stop": 1, "unload": 1}
    assert truth["groups"][0]["refused"] == {"stop": 1}
    assert [each["what"] for each in truth["groups"][0]["life"]] == ["loaded", "started", "stopped", "unloaded"]


def test_a_schedule_needs_no_console() -> None:
    """`autostart = now`: OCS loads and starts the group itself, without a request, so without a reference."""
    desk = Desk(conf(group="autostart = now"))
    desk.wait(1)
    assert desk.group.status is Status.RUNNING
    assert desk.control() == [Control.LOADED, Control.STARTED]
    assert not any("GSW_CM_AttrReferenceID" in said for _dn, said in desk.switch.said)
    assert desk.truth()["accepted"] == {}


def test_a_schedule_can_wait_for_the_agents() -> None:
    """`autostart = agents`: when the last agent is ready, once; not again after the group was unloaded."""
    desk = Desk(conf(group="autostart = agents"))
    for dn in ("3001", "3002"):
        desk.switch.free.add(dn)
        desk.ocs.agent_changed(dn)
    desk.wait(1)
    assert desk.group.status is Status.NOT_LOADED
    desk.switch.free.add("3003")
    desk.ocs.agent_changed("3003")
    desk.wait(1)
    assert desk.group.status is Status.RUNNING
    desk.order("unload")
    desk.wait(1)
    desk.ocs.agent_changed("3003")
    desk.wait(1)
    assert desk.group.status is Status.NOT_LOADED


def test_an_ocs_that_takes_its_time_answers_in_order() -> None:
    """`answer_delay`: nothing is said at once, everything later, in the order it was asked."""
    desk = Desk(conf(ocs="answer_delay = 0.5"))
    for request in ("load", "start", "stop"):
        assert desk.order(request) == {}
    desk.wait(1)
    assert desk.control() == [Control.LOADED, Control.STARTED, Control.STOPPED]
