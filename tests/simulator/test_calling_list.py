"""The arithmetic of calling lists."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.simulator.calling_list import CallingList, Owner, Record, left_in, open_database
from proxy.simulator.vocabulary import CallResult, RecordStatus, RecordType

SALES, OTHERS = Owner(101, 732), Owner(102, 733)
NOON = 1_700_000_000.0 - 1_700_000_000 % 86400 + 43200


def made(records: int, phones: int = 1) -> CallingList:
    return CallingList("Customers", 201, open_database(":memory:"), "Customers", records, phones)


def fresh(calling_list: CallingList, limit: int = 100, now: float = NOON, owner: Owner = SALES) -> list[Record]:
    return calling_list.retrieve(owner, RecordType.GENERAL, limit, now)


def test_a_batch_is_taken_once() -> None:
    """Records come in batches, Ready becomes Retrieved, and no record comes twice."""
    calling_list = made(5)
    first, second, third = (fresh(calling_list, 2) for _ in range(3))
    assert [len(first), len(second), len(third)] == [2, 2, 1]
    assert len({record.record_id for record in [*first, *second, *third]}) == 5
    assert fresh(calling_list) == []
    assert calling_list.census().by_status == {RecordStatus.RETRIEVED: 5}


def test_a_final_record_is_not_left() -> None:
    """Ready, Retrieved and Stale records are left in the list; Updated and Cancelled ones are not."""
    calling_list = made(4)
    one, two, three, _four = fresh(calling_list)
    calling_list.finalize(one, RecordStatus.UPDATED, CallResult.ANSWER, 1, NOON)
    calling_list.finalize(two, RecordStatus.CANCELLED, CallResult.CANCEL_RECORD, 1, NOON)
    calling_list.finalize(three, RecordStatus.STALE, CallResult.UNKNOWN, 1, NOON)
    census = calling_list.census()
    assert (census.total, census.left, census.final, census.stale, census.retrieved) == (4, 2, 2, 1, 1)
    assert left_in([calling_list, made(3)]) == 5


def test_do_not_call_is_final_and_a_type_of_its_own() -> None:
    """A customer who is not to be called is final, of type NoCall, and never retrieved."""
    calling_list = made(1)
    (record,) = fresh(calling_list)
    calling_list.forbid(record, 1, NOON)
    assert calling_list.census().left == 0
    assert [calling_list.retrieve(SALES, type, 9, NOON + 9e6) for type in RecordType] == [[]] * len(RecordType)


def test_a_scheduled_record_waits_for_its_time_and_its_group() -> None:
    """A retry or callback is Ready at once, but retrieved only when it is due, and by the group that scheduled it."""
    calling_list = made(1)
    (record,) = fresh(calling_list)
    kind = RecordType.PERSONAL_CALLBACK
    calling_list.schedule(record, kind, NOON + 60, "3001", CallResult.ANSWER, 1, NOON)
    assert calling_list.census().ready == 1
    assert calling_list.waiting(SALES) == 1
    assert calling_list.waiting(OTHERS) == 0
    assert calling_list.retrieve(SALES, kind, 9, NOON + 59) == []
    assert calling_list.retrieve(OTHERS, kind, 9, NOON + 60) == []
    assert fresh(calling_list, now=NOON + 60) == []
    (again,) = calling_list.retrieve(SALES, kind, 9, NOON + 60)
    assert (again.record_id, again.agent, again.attempt) == (record.record_id, "3001", 1)


def test_what_is_given_back_is_as_it_was() -> None:
    """A record that was taken and not called can be taken again."""
    calling_list = made(2)
    record, _other = fresh(calling_list)
    calling_list.give_back(record)
    assert fresh(calling_list) == [record]


def test_a_new_start_finds_what_an_old_one_had_taken() -> None:
    """When OCS was ended with records in its hands, its next Load makes them Ready; other groups' stay."""
    calling_list = made(4)
    mine = fresh(calling_list, 2)
    fresh(calling_list, 2, owner=OTHERS)
    calling_list.recover(SALES)
    assert fresh(calling_list) == mine


def test_daily_hours_hold() -> None:
    """A customer is called within the daily hours of the record only: until then the list looks empty."""
    database = open_database(":memory:")
    calling_list = CallingList("Customers", 201, database, "Customers", 1)
    database.execute("UPDATE Customers SET daily_from = 46800, daily_till = 50400")
    assert fresh(calling_list, now=NOON) == []
    assert calling_list.waiting(SALES) == 1
    assert fresh(calling_list, now=NOON + 7200) == []
    assert len(fresh(calling_list, now=NOON + 3600)) == 1


def test_one_number_of_a_chain_at_a_time() -> None:
    """The second number of a customer is called only when the first is final, and not if the first was answered."""
    calling_list = made(2, phones=2)
    one, other = fresh(calling_list)
    assert one.chain_id != other.chain_id
    calling_list.finalize(one, RecordStatus.UPDATED, CallResult.NO_ANSWER, 3, NOON)
    assert not calling_list.chain_is_final(one.chain_id)
    (second,) = fresh(calling_list)
    assert second.chain_id == one.chain_id
    calling_list.finalize(other, RecordStatus.UPDATED, CallResult.ANSWER, 1, NOON)
    calling_list.finalize_siblings(other)
    assert calling_list.chain_is_final(other.chain_id)
    assert fresh(calling_list) == []


def test_an_added_record_is_ready() -> None:
    """A record that is added to a list is called like any other."""
    calling_list = made(1)
    fresh(calling_list)
    chain = calling_list.add("5551234")
    (record,) = fresh(calling_list)
    assert (record.phone, record.chain_id) == ("5551234", chain)


def test_the_file_outlives_the_simulator(tmp_path: Path) -> None:
    """A list in a file is filled once, and is as it was left the next time."""
    path = str(tmp_path / "lists.db")
    first = CallingList("Former customers", 202, open_database(path), "Former customers", 3)
    (record, *_rest) = fresh(first)
    first.finalize(record, RecordStatus.UPDATED, CallResult.ANSWER, 1, NOON)
    again = CallingList("Former customers", 202, open_database(path), "Former customers", 3)
    assert (again.census().total, again.census().left) == (3, 2)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 7)), max_size=40), st.integers(0, 15))
def test_nothing_is_ever_lost(steps: list[tuple[int, int]], records: int) -> None:
    """Whatever is done with records: left and final add up to what was there, and what is out is Retrieved."""
    calling_list = made(records)
    out: list[Record] = []
    now = NOON
    for step, number in steps:
        now += 1
        if step == 0:
            for type in (RecordType.GENERAL, RecordType.CAMPAIGN_RESCHEDULED):
                out += calling_list.retrieve(SALES, type, number, now)
        elif out:
            record = out.pop(number % len(out))
            if step == 1:
                calling_list.finalize(record, RecordStatus.UPDATED, CallResult.ANSWER, 1, now)
            elif step == 2:
                calling_list.give_back(record)
            elif step == 3:
                calling_list.forbid(record, 1, now)
            else:
                calling_list.schedule(
                    record, RecordType.CAMPAIGN_RESCHEDULED, now + number, "", CallResult.BUSY, record.attempt + 1, now
                )
        census = calling_list.census()
        assert census.total == records == census.left + census.final
        assert census.retrieved == len(out) == len({record.record_id for record in out})
