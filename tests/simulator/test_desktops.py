"""What agents' desktops ask of OCS, and what they hear."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.simulator.vocabulary import Stat
from tests.simulator.desk import Desk, conf


def running(**options: Any) -> Desk:
    desk = Desk(conf(**options))
    desk.run()
    return desk


def test_an_agent_asks_what_there_is() -> None:
    """CampaignStatusRequest: nothing before Load, CampaignLoaded, CampaignStarted; and it counts as no news."""
    desk = Desk(conf())
    assert desk.ask("3001", "CampaignStatusRequest") == []
    desk.order("load")
    assert desk.ask("3001", "CampaignStatusRequest")[0]["GSW_USER_EVENT"] == "CampaignLoaded"
    desk.order("start")
    (answer,) = desk.ask("3001", "CampaignStatusRequest", REFERENCE_ID="x7")
    assert answer["GSW_USER_EVENT"] == "CampaignStarted"
    assert answer["GSW_REFERENCE_ID"] == "x7"
    assert desk.truth()["told"]["3001"] == {"CampaignLoaded": 1, "CampaignStarted": 1}


def test_a_record_on_request() -> None:
    """PreviewRecordRequest brings a record with its keys, and the request's reference as it was sent."""
    desk = running()
    record = desk.preview("3001", REFERENCE_ID="12")
    assert record == {
        "GSW_USER_EVENT": "PreviewRecord",
        "GSW_APPLICATION_ID": 4113,
        "GSW_CAMPAIGN_NAME": "Sales",
        "GSW_CAMPAIGN_GROUP_DBID": 101,
        "GSW_CAMPAIGN_GROUP_NAME": "Sales@Agents",
        "GSW_RECORD_HANDLE": 1,
        "GSW_CALLING_LIST": "Customers",
        "GSW_CHAIN_ID": 1,
        "GSW_PHONE": "5550000010",
        "GSW_ATTEMPTS": 0,
        "GSW_REFERENCE_ID": "12",
    }


def test_a_processed_record_is_final() -> None:
    """RecordProcessed is acknowledged, the record is Updated, its lead is processed; nobody gets it again."""
    desk = running(records=1)
    record = desk.preview("3001")
    answer = desk.done("3001", record, REFERENCE_ID=5, CALL_RESULT="33")
    assert answer == {
        "GSW_USER_EVENT": "RecordProcessedAcknowledge",
        "GSW_APPLICATION_ID": 4113,
        "GSW_CAMPAIGN_NAME": "Sales",
        "GSW_CAMPAIGN_GROUP_DBID": 101,
        "GSW_CAMPAIGN_GROUP_NAME": "Sales@Agents",
        "GSW_RECORD_HANDLE": 1,
        "GSW_CALLING_LIST": "Customers",
        "GSW_CHAIN_ID": 1,
        "GSW_REFERENCE_ID": 5,
    }
    assert desk.truth()["record_status"] == {"3": 1}
    assert Stat.LEAD_PROCESSED in desk.statistics()
    assert desk.preview("3002")["GSW_ERROR"] == "No Records Available"


def test_bare_acknowledgements() -> None:
    """`acks = bare`: the name and the reference only, or just the name; errors likewise."""
    desk = running(ocs="acks = bare", records=2)
    assert desk.done("3001", desk.preview("3001"), REFERENCE_ID=5) == {
        "GSW_USER_EVENT": "RecordProcessedAcknowledge",
        "GSW_REFERENCE_ID": 5,
    }
    assert desk.done("3001", desk.preview("3001")) == {"GSW_USER_EVENT": "RecordProcessedAcknowledge"}
    assert desk.preview("3001", REFERENCE_ID=6) == {"GSW_ERROR": "No Records Available", "GSW_REFERENCE_ID": 6}


def test_processed_twice_is_acknowledged_twice_and_counted_once() -> None:
    """A desktop that repeats itself after a lost acknowledgement gets another; the record was final already."""
    desk = running(records=1)
    record = desk.preview("3001")
    assert desk.done("3001", record) == desk.done("3001", record)
    assert desk.truth()["finalized"] == 1


def test_a_rejected_record_goes_to_somebody_else() -> None:
    """Not to the agent who rejected it, while there is anybody else; under the same handle; still in OCS's hands."""
    desk = running(records=1)
    record = desk.preview("3001")
    handle = record["GSW_RECORD_HANDLE"]
    assert desk.ask("3001", "RecordReject", RECORD_HANDLE=handle)[0]["GSW_USER_EVENT"] == "RecordRejectAcknowledge"
    assert desk.truth()["record_status"] == {"2": 1}
    assert desk.preview("3001")["GSW_ERROR"] == "No Records Available"
    again = desk.preview("3002")
    assert again["GSW_RECORD_HANDLE"] == handle
    assert desk.truth()["rejected"] == 1


def test_a_record_that_everybody_rejected_comes_round_again() -> None:
    """When all agents who are there refused it, or there is only one, it is given to who asks."""
    desk = running(records=1, agents="3001 3002")
    for dn in ("3001", "3002"):
        desk.ask(dn, "RecordReject", RECORD_HANDLE=desk.preview(dn)["GSW_RECORD_HANDLE"])
    assert desk.preview("3001")["GSW_USER_EVENT"] == "PreviewRecord"
    alone = running(records=1, agents="3001")
    alone.ask("3001", "RecordReject", RECORD_HANDLE=alone.preview("3001")["GSW_RECORD_HANDLE"])
    assert alone.preview("3001")["GSW_USER_EVENT"] == "PreviewRecord"


@pytest.mark.parametrize(
    ("request_", "acknowledgement", "status"),
    [
        ("RequestRecordCancel", "RecordCancelAcknowledge", {"5": 1}),
        ("DoNotCall", "DoNotCallAcknowledge", {"3": 1}),
    ],
)
def test_a_record_is_withdrawn(request_: str, acknowledgement: str, status: dict[str, int]) -> None:
    """Cancelled, or never to be called: final either way."""
    desk = running(records=1)
    handle = desk.preview("3001")["GSW_RECORD_HANDLE"]
    assert desk.ask("3001", request_, RECORD_HANDLE=str(handle))[0]["GSW_USER_EVENT"] == acknowledgement
    assert desk.truth()["record_status"] == status
    assert desk.truth()["left"] == 0


def test_cancel_by_phone_reaches_every_record_of_that_phone() -> None:
    """In the list, at hand, or with another agent, who is told RecordCancel unasked."""
    desk = running(records=6, batch=2, minimum=1)
    mine, theirs = desk.preview("3001"), desk.preview("3002")
    desk.wait()
    (answer, *_more) = desk.ask("3001", "RequestRecordCancel", PHONE=theirs["GSW_PHONE"], CAMPAIGN_NAME="Sales")
    assert answer["GSW_USER_EVENT"] == "RecordCancelAcknowledge"
    taken_away = desk.last("3002", "RecordCancel")
    assert taken_away["GSW_RECORD_HANDLE"] == theirs["GSW_RECORD_HANDLE"]
    assert "GSW_ERROR" not in desk.done("3001", mine)
    for phone in ("5550000030", "5550000060"):
        desk.ask("3001", "DoNotCall", PHONE=phone, CAMPAIGN_NAME="Sales")
    assert desk.truth()["record_status"] == {"1": 1, "2": 1, "3": 3, "5": 1}
    assert desk.truth()["delivered"] == 2


def test_a_callback_comes_back_when_it_is_due() -> None:
    """A rescheduled record is Ready, is not retrieved before its time, then is a ScheduledCall under a new handle."""
    desk = running(records=1, agents="3001")
    record = desk.preview("3001")
    (answer,) = desk.ask(
        "3001",
        "RecordReschedule",
        RECORD_HANDLE=record["GSW_RECORD_HANDLE"],
        CALLBACK_TYPE="Campaign",
        DATE_TIME="11/14/2023 22:15",
    )
    assert answer["GSW_USER_EVENT"] == "RecordRescheduleAcknowledge"
    assert desk.truth()["record_status"] == {"1": 1}
    assert desk.done("3001", record)["GSW_USER_EVENT"] == "RecordProcessedAcknowledge"
    assert desk.truth()["record_status"] == {"1": 1}
    desk.wait(95)
    assert "ScheduledCall" not in desk.events("3001")
    desk.wait(15)
    callback = desk.last("3001", "ScheduledCall")
    assert callback["GSW_CHAIN_ID"] == record["GSW_CHAIN_ID"]
    assert callback["GSW_RECORD_HANDLE"] != record["GSW_RECORD_HANDLE"]
    desk.done("3001", callback)
    assert desk.truth()["left"] == 0
    assert Stat.CALLBACK_SCHEDULED in desk.statistics()
    assert Stat.CALLBACK_COMPLETED in desk.statistics()


def test_a_callback_can_be_put_off_again() -> None:
    """ScheduledRecordReschedule, with a delay of the conf file that is shorter than what was asked for."""
    desk = running(records=1, agents="3001", ocs="callback_delay = 1")
    record = desk.preview("3001")
    keys = {"CALLBACK_TYPE": "Personal", "DATE_TIME": "11/14/2033 22:15"}
    desk.ask("3001", "RecordReschedule", RECORD_HANDLE=record["GSW_RECORD_HANDLE"], **keys)
    desk.wait(10)
    handle = desk.last("3001", "ScheduledCall")["GSW_RECORD_HANDLE"]
    (answer,) = desk.ask("3001", "ScheduledRecordReschedule", RECORD_HANDLE=handle, **keys)
    assert answer["GSW_USER_EVENT"] == "ScheduledRecordRescheduleAcknowledge"
    desk.wait(10)
    assert desk.events("3001").count("ScheduledCall") == 2


def test_a_personal_callback_waits_for_its_agent() -> None:
    """It goes to the agent who promised it, when that agent has nothing else on the desktop."""
    desk = running(records=2, ocs="callback_delay = 1")
    record, other = desk.preview("3002"), desk.preview("3002")
    desk.ask(
        "3002",
        "RecordReschedule",
        RECORD_HANDLE=record["GSW_RECORD_HANDLE"],
        CALLBACK_TYPE="Personal",
        DATE_TIME="01/01/2030 00:00",
    )
    desk.wait(20)
    assert not any("ScheduledCall" in desk.events(dn) for dn in ("3001", "3002", "3003"))
    desk.done("3002", other)
    desk.wait()
    assert desk.last("3002", "ScheduledCall")["GSW_CHAIN_ID"] == record["GSW_CHAIN_ID"]


def test_a_missed_callback_is_anybodys() -> None:
    """When the agent who promised it is not there, CallbackMissed, and somebody else calls."""
    desk = running(records=1, agents="3001 3002", ocs="callback_delay = 1")
    record = desk.preview("3001")
    desk.ask(
        "3001",
        "RecordReschedule",
        RECORD_HANDLE=record["GSW_RECORD_HANDLE"],
        CALLBACK_TYPE="Personal",
        DATE_TIME="01/01/2030 00:00",
    )
    desk.switch.here.discard("3001")
    desk.wait(20)
    assert Stat.CALLBACK_MISSED in desk.statistics()
    assert desk.last("3002", "ScheduledCall")["GSW_CHAIN_ID"] == record["GSW_CHAIN_ID"]


def test_a_record_can_be_added() -> None:
    """AddRecord: the new record is retrieved with the next batch."""
    desk = running(records=0)
    assert desk.preview("3001")["GSW_ERROR"] == "No Records Available"
    (answer,) = desk.ask("3001", "AddRecord", CALLING_LIST="Customers", PHONE="5551234", CAMPAIGN_NAME="Sales")
    assert answer["GSW_USER_EVENT"] == "AddRecordAcknowledge"
    desk.wait(6)
    assert desk.preview("3001")["GSW_PHONE"] == "5551234"


def test_statistics_of_a_call_are_taken() -> None:
    """UpdateCallCompletionStats is acknowledged, also for a record that is final."""
    desk = running()
    record = desk.preview("3001")
    for _ in range(2):
        (answer,) = desk.ask("3001", "UpdateCallCompletionStats", RECORD_HANDLE=record["GSW_RECORD_HANDLE"])
        assert answer["GSW_USER_EVENT"] == "UpdateCallCompletionStatsAcknowledge"
        desk.done("3001", record)


@pytest.mark.parametrize(
    "request_",
    ["RecordProcessed", "RecordReject", "RequestRecordCancel", "RecordReschedule", "UpdateCallCompletionStats"],
)
def test_an_unknown_record_is_an_error(request_: str) -> None:
    """GSW_ERROR with the reference: no such handle, or a record that is with somebody else."""
    desk = running()
    theirs = desk.preview("3002")["GSW_RECORD_HANDLE"]
    for handle in (999, theirs):
        (answer,) = desk.ask("3001", request_, RECORD_HANDLE=handle, REFERENCE_ID=3)
        assert answer["GSW_ERROR"] == "Record not found"
        assert answer["GSW_REFERENCE_ID"] == 3


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"CAMPAIGN_NAME": "Nonsense"}, "Campaign not found"),
        ({"CAMPAIGN_GROUP_DBID": 999}, "Campaign not found"),
    ],
)
def test_an_unknown_campaign_is_an_error(keys: dict[str, Any], text: str) -> None:
    """GSW_ERROR, not silence."""
    (answer,) = running().ask("3001", "PreviewRecordRequest", **keys)
    assert answer["GSW_ERROR"] == text


def test_no_record_before_start_or_in_a_dialed_mode() -> None:
    """The error is another one than `No Records Available`, which would say something about the list."""
    desk = Desk(conf())
    desk.order("load")
    assert desk.preview("3001")["GSW_ERROR"] == "Campaign is not running"
    assert running(mode="Predictive").preview("3001")["GSW_ERROR"] == "Campaign does not run in Preview mode"


def test_bad_requests_are_errors() -> None:
    """A callback for no time, a record for no list, a cancel of nothing."""
    desk = running()
    handle = desk.preview("3001")["GSW_RECORD_HANDLE"]
    for request, keys, text in [
        ("RecordReschedule", {"RECORD_HANDLE": handle, "DATE_TIME": "tomorrow"}, "Invalid request"),
        ("AddRecord", {"CALLING_LIST": "Nobody", "PHONE": "1"}, "Calling list not found"),
        ("AddRecord", {"CALLING_LIST": "Customers"}, "Invalid request"),
        ("DoNotCall", {}, "Record not found"),
    ]:
        assert desk.ask("3001", request, **keys)[0]["GSW_ERROR"] == text
    assert desk.truth()["out"] == 1


def test_a_desktop_may_speak_on_the_communication_dn() -> None:
    """The answer comes to the agent's own DN all the same."""
    desk = running()
    (answer,) = desk.ask("3001", "PreviewRecordRequest", to="OCS_CommDN", CAMPAIGN_NAME="Sales")
    assert answer["GSW_USER_EVENT"] == "PreviewRecord"


def test_what_is_for_another_ocs_is_ignored() -> None:
    """A request with another application's DBID, or an unknown one, is not answered."""
    desk = running()
    assert desk.ask("3001", "PreviewRecordRequest", APPLICATION_ID=9) == []
    assert desk.ask("3001", "MakeCoffee") == []
    assert desk.ask("3001", "PreviewRecordRequest", APPLICATION_ID="4113") != []
    assert desk.ocs.truth()["ignored"] == 2


def test_pushed_records() -> None:
    """PushPreview: every agent who is there and free gets a record unasked, one at a time."""
    desk = running(mode="PushPreview", records=5, agents="3001 3002")
    assert [desk.events(dn).count("PreviewRecord") for dn in ("3001", "3002")] == [1, 1]
    desk.done("3001", desk.last("3001", "PreviewRecord"))
    desk.wait()
    assert [desk.events(dn).count("PreviewRecord") for dn in ("3001", "3002")] == [2, 1]


def test_stop_leaves_records_open() -> None:
    """After Stop no record is given out, but an open one can still be finished."""
    desk = running()
    record = desk.preview("3001")
    desk.order("stop")
    assert desk.preview("3002")["GSW_ERROR"] == "Campaign is not running"
    assert desk.done("3001", record)["GSW_USER_EVENT"] == "RecordProcessedAcknowledge"


def test_a_forgotten_record_becomes_stale() -> None:
    """A record out without a word for `stale_clean_timeout` is Stale: not final, and no longer in the way of Unload."""
    desk = running(records=1, ocs="stale_clean_timeout = 30")
    desk.preview("3001")
    desk.wait(40)
    assert desk.truth()["record_status"] == {"4": 1}
    assert desk.truth()["left"] == 1
    desk.order("unload")
    desk.wait(1)
    assert desk.truth()["state"] == "not_loaded"


def test_records_of_an_agent_who_left_can_go_to_others() -> None:
    """`take_back`: after that long without a desktop; not if the agent was back in time."""
    desk = running(records=1, ocs="take_back = 2")
    record = desk.preview("3001")
    for back_in_time in (True, False):
        desk.switch.here.discard("3001")
        desk.ocs.agent_changed("3001")
        if back_in_time:
            desk.wait(1)
            desk.switch.here.add("3001")
        desk.wait(3)
        again = desk.preview("3002")
        assert ("GSW_ERROR" in again) is back_in_time
    assert again["GSW_RECORD_HANDLE"] == record["GSW_RECORD_HANDLE"]
