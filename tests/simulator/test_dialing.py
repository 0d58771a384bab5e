"""Calls that OCS dials itself."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.simulator.vocabulary import Stat
from tests.simulator.desk import Desk, Said, conf

RINGING, ESTABLISHED, RELEASED = 60, 64, 65


def dialing(**options: Any) -> Desk:
    """A predictive group that runs, with agents who are ready."""
    desk = Desk(conf(mode="Predictive", **options))
    desk.switch.free = set(desk.conf.agent_dns)
    desk.run()
    return desk


def work(desk: Desk, seconds: float = 600) -> None:
    """Agents talk 1 s, hang up, and process what they had, until nothing is left."""
    done: set[int] = set()

    def finished() -> bool:
        for number, dn, connection, keys in list(desk.switch.calls):
            handle = keys["GSW_RECORD_HANDLE"]
            if number == ESTABLISHED and handle not in done:
                desk.ocs.release_asked(dn, connection)
                desk.done(dn, keys)
                done.add(handle)
        return bool(desk.truth()["left"] == 0)

    desk.until(finished, seconds)


def calls(desk: Desk, number: int) -> list[Said]:
    return [keys for each, _dn, _connection, keys in desk.switch.calls if each == number]


def test_an_answered_call_reaches_an_agent() -> None:
    """EventRinging, EventEstablished, EventReleased at one agent, with the record's keys and one connection."""
    desk = dialing(records=1, agents="3001")
    desk.wait(5)
    number, dn, connection, keys = desk.switch.calls[-1]
    assert (number, dn) == (ESTABLISHED, "3001")
    assert keys == {
        "GSW_APPLICATION_ID": 4113,
        "GSW_CAMPAIGN_NAME": "Sales",
        "GSW_CAMPAIGN_GROUP_DBID": 101,
        "GSW_CAMPAIGN_GROUP_NAME": "Sales@Agents",
        "GSW_RECORD_HANDLE": 1,
        "GSW_CALLING_LIST": "Customers",
        "GSW_CHAIN_ID": 1,
        "GSW_PHONE": "5550000010",
        "GSW_ATTEMPTS": 0,
    }
    assert desk.ocs.release_asked("3001", connection)
    assert [(number, where) for number, _dn, where, _keys in desk.switch.calls] == [
        (RINGING, connection),
        (ESTABLISHED, connection),
        (RELEASED, connection),
    ]
    assert desk.truth()["left"] == 1
    desk.done("3001", keys)
    assert desk.truth()["left"] == 0


def test_only_the_call_one_has_can_be_hung_up() -> None:
    """No other connection, no other agent's."""
    desk = dialing(records=1, agents="3001 3002")
    desk.wait(5)
    _number, dn, connection, _keys = desk.switch.calls[-1]
    other = {"3001": "3002", "3002": "3001"}[dn]
    assert not desk.ocs.release_asked(other, connection)
    assert not desk.ocs.release_asked(dn, connection + 1)
    assert calls(desk, RELEASED) == []


def test_nobody_is_dialled_without_a_ready_agent() -> None:
    """Progressive: as many calls as agents who are ready; Predictive: some more; none when nobody is."""
    desk = dialing(records=20, agents="3001-3004", batch=20, ocs="overdial = 2")
    assert desk.truth()["out"] == 8
    desk = Desk(conf(mode="Progressive", records=20, agents="3001-3004", batch=20))
    desk.run()
    assert desk.truth()["out"] == 0
    desk.switch.free = {"3001", "3003"}
    desk.ocs.agent_changed("3001")
    desk.wait()
    assert desk.truth()["out"] == 2


def test_the_customer_hangs_up_at_last() -> None:
    """`call_time`: the call ends, and the record stays with the agent until it is processed."""
    desk = dialing(records=1, agents="3001", ocs="call_time = 30")
    desk.wait(40)
    assert [number for number, *_rest in desk.switch.calls] == [RINGING, ESTABLISHED, RELEASED]
    assert desk.truth()["out"] == 1


def test_calls_that_come_to_nothing_are_retried() -> None:
    """Busy, not answered: again after `retry_delay`, up to `attempts`, then final; nobody at a desk hears of it."""
    desk = dialing(records=10, ocs="busy = 0.5\nno_answer = 0.5\nattempts = 3\nretry_delay = 20")
    desk.until(lambda: desk.truth()["left"] == 0)
    truth = desk.truth()
    assert desk.switch.calls == []
    assert (truth["record_status"], truth["retried"], truth["delivered"]) == ({"3": 10}, 20, 0)
    assert truth["statistics"]["CALL_COMPLETED"] == 30
    assert truth["statistics"]["RECORD_SCHEDULED"] == 20
    assert truth["statistics"]["LEAD_PROCESSED"] == 10
    assert Stat.WAITING_RECORDS in desk.statistics()


def test_while_retries_are_pending_ocs_waits_for_records() -> None:
    """WaitingRecords, though every record is still to be called again: the list is not done."""
    desk = dialing(records=3, ocs="busy = 1\nretry_delay = 3600")
    desk.wait(30)
    assert desk.truth()["left"] == 3
    assert desk.statistics()[-1] == Stat.WAITING_RECORDS


def test_every_record_ends_final() -> None:
    """Some busy, some not answered, some abandoned for want of an agent: each record is final in the end."""
    desk = dialing(records=30, ocs="busy = 0.2\nno_answer = 0.2\nretry_delay = 5\npatience = 2\noverdial = 4")
    work(desk)
    truth = desk.truth()
    assert truth["record_status"] == {"3": 30}
    assert truth["retried"] > 0
    assert truth["delivered"] == len(calls(desk, RINGING)) == len(calls(desk, RELEASED))
    desk.order("unload")
    desk.wait(1)
    assert desk.truth()["state"] == "not_loaded"


def test_the_same_seed_the_same_calls() -> None:
    """What happens by chance happens the same way again."""
    runs = []
    for _ in range(2):
        desk = dialing(records=12, ocs="busy = 0.3\nno_answer = 0.3\nseed = 7")
        work(desk)
        runs.append((desk.switch.said, desk.switch.calls))
    assert runs[0] == runs[1]


def test_stop_lets_calls_come_to_their_end() -> None:
    """What was dialled before Stop is still connected; nothing new is dialled; Unload waits for it."""
    desk = dialing(records=20, agents="3001", ocs="overdial = 1")
    desk.order("stop")
    desk.order("unload")
    desk.wait(5)
    assert len(calls(desk, ESTABLISHED)) == 1
    assert desk.truth()["state"] == "waiting_unload"
    _number, dn, connection, keys = desk.switch.calls[-1]
    desk.done(dn, keys)
    desk.wait(1)
    assert desk.truth()["state"] == "waiting_unload"
    desk.ocs.release_asked(dn, connection)
    desk.wait(1)
    assert desk.truth()["state"] == "not_loaded"
    assert desk.truth()["record_status"] == {"1": 19, "3": 1}


def test_force_unload_ends_calls() -> None:
    """The call of an agent is released, those still being dialled are heard of no more."""
    desk = dialing(records=20, agents="3001 3002", batch=9, ocs="overdial = 3")
    desk.wait(2.5)
    desk.order("force-unload")
    desk.wait(30)
    assert len(calls(desk, RINGING)) == len(calls(desk, RELEASED))
    assert desk.truth()["record_status"] == {"1": 20}


@pytest.mark.parametrize("busy", [0, 1])
def test_a_record_cancelled_while_it_is_dialled(busy: int) -> None:
    """Nobody gets the call, answered or busy, and the record stays cancelled."""
    desk = dialing(records=1, agents="3001", ocs=f"busy = {busy}")
    desk.ask("3001", "RequestRecordCancel", PHONE="5550000010", CAMPAIGN_NAME="Sales")
    desk.wait(30)
    assert desk.switch.calls == []
    assert desk.truth()["record_status"] == {"5": 1}


def test_a_personal_callback_is_not_dialled() -> None:
    """It comes as ScheduledCall; a callback of the campaign is dialled like any record."""
    for kind, event in (("Personal", "ScheduledCall"), ("Campaign", None)):
        desk = dialing(records=1, agents="3001", ocs="callback_delay = 1")
        desk.wait(5)
        _number, dn, connection, keys = desk.switch.calls[-1]
        desk.ocs.release_asked(dn, connection)
        desk.ask(
            dn,
            "RecordReschedule",
            RECORD_HANDLE=keys["GSW_RECORD_HANDLE"],
            CALLBACK_TYPE=kind,
            DATE_TIME="01/01/2030 00:00",
        )
        desk.wait(30)
        assert ("ScheduledCall" in desk.events("3001")) is (event is not None)
        assert len(calls(desk, RINGING)) == (1 if event else 2)
