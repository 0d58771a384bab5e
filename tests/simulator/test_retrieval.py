"""Retrievals: batches, WaitingRecords, the log, and completion by an OCS that has the function itself."""

from __future__ import annotations

import re
from typing import Any

import attrs

from proxy.simulator.vocabulary import Control, Stat, Status
from tests.simulator.desk import Desk, conf

WAITING = (Stat.WAITING_RECORDS, Stat.WAITING_RECORDS_OVER)


def running(**options: Any) -> Desk:
    desk = Desk(conf(**options))
    desk.run()
    return desk


def waiting(desk: Desk) -> list[Stat]:
    return [stat for stat in desk.statistics() if stat in WAITING]


def test_records_come_in_batches() -> None:
    """Of a list of 500 only a batch is in OCS's hands, however many agents have seen of it."""
    desk = running(records=500, batch=10, minimum=3)
    for _ in range(8):
        desk.done("3001", desk.preview("3001"))
    desk.wait()
    assert desk.truth()["retrieved"] == 20
    assert desk.truth()["left"] == 492
    assert waiting(desk) == []


def test_every_empty_retrieval_is_waiting_records() -> None:
    """Each time anew while the list is empty, though a record is still out; over when records come again."""
    desk = running(records=1)
    desk.preview("3001")
    assert waiting(desk) == [Stat.WAITING_RECORDS]
    desk.wait(10)
    assert waiting(desk) == [Stat.WAITING_RECORDS] * 3
    assert desk.truth()["empty_retrievals"] == 3
    desk.ask("3001", "AddRecord", CALLING_LIST="Customers", PHONE="5551234", CAMPAIGN_NAME="Sales")
    desk.wait(5)
    assert waiting(desk)[3:] == [Stat.WAITING_RECORDS_OVER, Stat.WAITING_RECORDS]
    desk.order("stop")
    before = len(waiting(desk))
    desk.wait(20)
    assert len(waiting(desk)) == before


def test_waiting_records_while_callbacks_are_pending() -> None:
    """A callback this afternoon does not keep OCS from saying that there are no records."""
    desk = running(records=1, ocs="callback_delay = 3600")
    desk.ask("3001", "RecordReschedule", RECORD_HANDLE=desk.preview("3001")["GSW_RECORD_HANDLE"])
    desk.wait(20)
    assert desk.preview("3001")["GSW_ERROR"] == "No Records Available"
    assert len(waiting(desk)) > 2
    assert desk.truth()["left"] == 1


def test_a_slow_database_shows_between_two_batches() -> None:
    """`retrieval_time`: an agent can hear `No Records Available` though the list is long."""
    desk = running(records=100, batch=1, minimum=1, ocs="retrieval_time = 1")
    desk.wait(2)
    desk.done("3001", desk.preview("3001"))
    assert desk.preview("3001")["GSW_ERROR"] == "No Records Available"
    assert waiting(desk) == []
    desk.wait(2)
    assert desk.preview("3001")["GSW_USER_EVENT"] == "PreviewRecord"


def test_a_lost_database_looks_like_waiting_records() -> None:
    """Nothing is retrieved, WaitingRecords; the log says why and has no count; afterwards all goes on."""
    desk = running(records=50, batch=2, minimum=1)
    desk.ocs.lose_database(True)
    counted = sum("ReadyCount" in line for line in desk.log)
    while "GSW_ERROR" not in (record := desk.preview("3001")):
        desk.done("3001", record)
    assert record["GSW_ERROR"] == "No Records Available"
    assert waiting(desk) == [Stat.WAITING_RECORDS]
    assert sum("ReadyCount" in line for line in desk.log) == counted
    desk.ocs.lose_database(False)
    desk.wait(6)
    assert waiting(desk)[-1] == Stat.WAITING_RECORDS_OVER
    assert Stat.SYSTEM_ERROR not in desk.statistics()
    assert desk.preview("3001")["GSW_USER_EVENT"] == "PreviewRecord"


def test_a_lost_database_can_be_reported() -> None:
    """SystemError while it lasts, and its end."""
    desk = running(records=1)
    for lost, stat in ((True, Stat.SYSTEM_ERROR), (False, Stat.SYSTEM_ERROR_OVER)):
        desk.ocs.lose_database(lost, reported=True)
        assert desk.statistics()[-1] == stat


def test_the_log_has_the_lines_of_a_real_one() -> None:
    """Life of the group by standard messages; retrievals with what was asked for and what was brought."""
    desk = running(records=7, batch=5, minimum=6, ocs="statistics_interval = 1")
    desk.wait(1)
    text = "\n".join(desk.log)
    assert re.search(r"^\d\d:\d\d:\d\d\.\d{3} Trc 52000 Campaign Group Sales@Agents has been loaded$", text, re.M)
    assert re.search(r"Trc 52001 Campaign Group Sales@Agents has been started$", text, re.M)
    asked = re.findall(r"CM_DBCallList\(201-101-732\): .* SQL: sp201101732 .*@RecType = 2, @NumRec = (\d+),", text)
    brought = re.findall(r"RecType = 2.*\n.*SP return value \(ReadyCount\):(\d+)", text)
    assert (asked, brought) == (["5", "5"], ["5", "2"])
    assert re.search(r"SelectEnd:0  SelectedRecords:5 RequestID:\d+ ReadyRecords:5 ", text)
    assert re.findall(r"SR return value \((\w+)\):(\d+)", text)[:4] == [
        ("ReadyCount", "0"),
        ("RetrievedCount", "7"),
        ("FinalCount", "0"),
        ("TotalCount", "7"),
    ]


def test_a_list_is_not_asked_for_nothing() -> None:
    """When the first list fills the batch the second is not asked: no line says that it had nothing."""
    made = conf(records=5, batch=5)
    (group,), (customers,) = made.groups, made.lists
    more = attrs.evolve(customers, name="More", dbid=202)
    desk = Desk(attrs.evolve(made, groups=(attrs.evolve(group, lists=("Customers", "More")),), lists=(customers, more)))
    desk.run()
    assert not any("(202-101-732)" in line for line in desk.log)
    finish(desk)
    assert sum("(202-101-732): SP return value (ReadyCount):5" in line for line in desk.log) == 1
    assert desk.truth()["lists"] == {"Customers": 5, "More": 5}
    assert desk.truth()["left"] == 0


def test_no_customer_is_in_the_log() -> None:
    """No phone number is ever logged."""
    desk = running(records=3)
    desk.done("3001", desk.preview("3001"))
    assert not any("555" in line for line in desk.log)


def finish(desk: Desk) -> None:
    """All records that can be had are processed."""
    while "GSW_ERROR" not in (record := desk.preview("3001")):
        desk.done("3001", record)


def test_native_completion() -> None:
    """`native = yes`: an armed group is stopped, then unloaded, when its list is done; agents are told once each."""
    desk = Desk(conf(records=12, ocs="native = yes"))
    desk.order("load", GSW_AUTO_COMPLETION="1")
    desk.order("start", GSW_AUTO_COMPLETION=1)
    desk.done("3001", desk.preview("3001"))
    desk.wait(30)
    assert desk.group.status is Status.RUNNING
    finish(desk)
    desk.wait(20)
    truth = desk.truth()
    assert (truth["state"], truth["left"], truth["native_completions"]) == ("not_loaded", 0, 1)
    assert desk.events("3002")[-2:] == ["CampaignStopped", "CampaignUnloaded"]
    assert desk.control()[-2:] == [Control.STOPPED, Control.UNLOADED]
    assert "stop" not in truth["accepted"]


def test_native_completion_waits_for_what_is_out_and_for_callbacks() -> None:
    """An open record, or a promise to call, holds an OCS that completes groups itself."""
    desk = Desk(conf(records=2, ocs="native = yes\ncallback_delay = 60"))
    desk.order("load")
    desk.order("start", GSW_AUTO_COMPLETION=1)
    promised, still_open = desk.preview("3001"), desk.preview("3002")
    desk.ask("3001", "RecordReschedule", RECORD_HANDLE=promised["GSW_RECORD_HANDLE"])
    desk.wait(20)
    assert desk.group.status is Status.RUNNING
    desk.done("3002", still_open)
    desk.wait(20)
    assert desk.group.status is Status.RUNNING
    desk.until(lambda: any("ScheduledCall" in desk.events(dn) for dn in ("3001", "3002", "3003")))
    dn = next(dn for dn in ("3001", "3002", "3003") if "ScheduledCall" in desk.events(dn))
    desk.done(dn, desk.last(dn, "ScheduledCall"))
    desk.until(lambda: desk.truth()["state"] == "not_loaded", 20)


def test_the_latest_request_arms() -> None:
    """Start without the attribute, or with 0, takes it back; a mode change with it sets it again."""
    for start in ({}, {"GSW_AUTO_COMPLETION": 0}):
        desk = Desk(conf(records=1, ocs="native = yes"))
        desk.order("load", GSW_AUTO_COMPLETION=1)
        desk.order("start", **start)
        finish(desk)
        desk.wait(20)
        assert desk.group.status is Status.RUNNING
        desk.order("mode", GSW_AUTO_COMPLETION=1)
        desk.until(lambda desk=desk: desk.group.status is Status.NOT_LOADED, 20)  # type: ignore[misc]


def test_without_the_function_nothing_completes() -> None:
    """`native = no`: the attribute means nothing to an OCS that does not know it, and the group runs all night."""
    desk = Desk(conf(records=1))
    desk.order("load", GSW_AUTO_COMPLETION=1)
    desk.order("start", GSW_AUTO_COMPLETION=1)
    finish(desk)
    desk.wait(60)
    assert desk.group.status is Status.RUNNING
