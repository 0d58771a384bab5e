"""What the lines of OCS's log say: forms as public logs and code show them, with names of our own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.campaign.observation import (
    GroupNames,
    ListStatistics,
    Observation,
    Retrieved,
    WitnessLost,
    Word,
    WordHeard,
)
from proxy.witness import oclog_lines
from proxy.witness.oclog_lines import COUNTERS, UNTOLD, OcsLogLines

GROUP = GroupNames(campaign_id=136, group_id=336)
SERVER = "DBServer 'dbs_ocs for CL_WINBACK (1440)'"


def of_list(text: str, ids: str = "236-136-336", at: str = "16:19:06.050") -> str:
    """A line about a calling list of a group."""
    return f"{at} CM_DBCallList({ids}): {text}"


def asks(asked: int = 6, record_type: int = 2, request: int = 877866, ids: str = "236-136-336") -> str:
    """OCS asks the database for records."""
    return of_list(
        f"{SERVER} SQL: sp{ids.replace('-', '')}114 @CampID = '136', @GroupID = '336', @ListID = '236', "
        f"@RecType = {record_type}, @NumRec = {asked}, @CTime = '69546', @TTime = '1461957646', "
        f"@SPResult = @out [ReqID={request}]",
        ids,
    )


def answers(request: int = 877866, status: str = "DBM_SUCCESS") -> str:
    """The database has answered."""
    return of_list(f"{SERVER} MSG_RETRIEVED({status}) [ReqID={request}]")


def brings(number: int, ids: str = "236-136-336") -> str:
    """How many records came."""
    return of_list(f"SP return value (ReadyCount):{number}", ids)


def counter(name: str, number: int) -> str:
    """A counter of a statistic."""
    return of_list(f"SR return value ({name}):{number}")


def told(*lines: str) -> list[Observation]:
    """What the lines of one log say."""
    log = OcsLogLines("log")
    return [observation for line in lines for observation in log.read(line)]


def retrieved(brought: int, asked: int | None = 6, record_type: str = "2", group: GroupNames = GROUP) -> Retrieved:
    """A retrieval of list 236."""
    return Retrieved("log", group, "236", record_type, brought, asked)


# ----------------------------------------------------------------------------------------------------- retrievals


def test_a_retrieval_that_brings_nothing() -> None:
    """The list, campaign and agent group, the record type and how many were asked for are those of the request."""
    assert told(asks(), answers(), brings(0)) == [retrieved(0)]


def test_a_request_alone_says_nothing() -> None:
    """Only its answer tells how many came."""
    assert told(asks(), answers()) == []


def test_the_end_of_the_select_counts_nothing_twice() -> None:
    """The records are read after they were counted; what that line says was said."""
    select = of_list(f"{SERVER} SQL: select T.* from #ReadyRecord R, winback T [ReqID=877867]")
    end = of_list("SelectEnd:0  SelectedRecords:9 RequestID:877867 ReadyRecords:6 SelectTime:0")
    assert told(asks(), answers(), brings(6), select, answers(877867), end) == [retrieved(6)]


def test_the_end_of_the_select_is_not_the_answer_to_the_next_request() -> None:
    """The next request is under way before the records of the last one were read."""
    end = of_list("SelectEnd:0  SelectedRecords:6 RequestID:877867 ReadyRecords:6 SelectTime:0")
    lines = (asks(), brings(6), asks(10, request=877868), end, brings(2))
    assert told(*lines) == [retrieved(6), retrieved(2, 10)]


def test_where_only_the_end_of_the_select_is_printed_the_larger_number_counts() -> None:
    """No return value at all: neither number is taken for the smaller one."""
    end = of_list("SelectEnd:0  SelectedRecords:0 RequestID:15202300 ReadyRecords:9 SelectTime:0")
    assert told(asks(10), end) == [retrieved(9, 10)]
    assert told(asks(10), end.replace("SelectedRecords:0", "SelectedRecords:12")) == [retrieved(12, 10)]
    assert told(end) == []


def test_two_record_types_at_once() -> None:
    """The answer names the request; so the count that follows is that one's."""
    lines = (asks(6, 2, 1), asks(4, 3, 2), answers(2), brings(1), answers(1), brings(5))
    assert told(*lines) == [retrieved(1, 4, "3"), retrieved(5, 6, "2")]


def test_answers_without_a_name_come_in_order() -> None:
    """Where no line says which request was answered, it is the oldest."""
    assert told(asks(6, 2), asks(4, 3), brings(5), brings(1)) == [retrieved(5, 6, "2"), retrieved(1, 4, "3")]


def test_a_request_that_is_repeated_replaces_the_one_before() -> None:
    """A request that was never answered is not answered by the next one's count."""
    assert told(asks(6), asks(9), brings(8)) == [retrieved(8, 9)]


def test_a_failed_request_says_nothing() -> None:
    """The database refuses: nobody knows whether there are records."""
    assert told(asks(6, 2, 1), answers(1, "DBM_FAILED"), asks(4, 3, 2), brings(0)) == [retrieved(0, 4, "3")]
    assert told(asks(), brings(-1)) == []


def test_a_count_whose_request_was_not_seen() -> None:
    """The log begins between the two: the records count, for a type of which nothing else is known."""
    assert told(brings(3)) == [retrieved(3, None, UNTOLD)]


def test_lists_and_groups_are_kept_apart() -> None:
    """The same list for two groups, and two lists of one group, at the same time."""
    lines = (asks(6, ids="236-136-336"), asks(7, ids="236-136-400"), asks(8, ids="9-136-336"))
    counts = (brings(1, "9-136-336"), brings(2, "236-136-400"), brings(3, "236-136-336"))
    assert told(*lines, *counts) == [
        Retrieved("log", GROUP, "9", "2", 1, 8),
        Retrieved("log", GroupNames(campaign_id=136, group_id=400), "236", "2", 2, 7),
        Retrieved("log", GROUP, "236", "2", 3, 6),
    ]


@pytest.mark.parametrize(
    "header",
    ["", "16:19:06.052 ", "2016-04-29T16:19:06.052 ", "2016-04-29T16:19:06.052 Trace host1 ocs GCTI-00-00000 ", "  "],
)
def test_whatever_stands_before_does_not_matter(header: str) -> None:
    """Times in every format, and full headers."""
    line = "CM_DBCallList(236-136-336): SP return value (ReadyCount): 4 "
    assert told(header + line) == [retrieved(4, None, UNTOLD)]


# ----------------------------------------------------------------------------------------------------- statistics


def test_a_statistic_is_told_when_all_of_it_is_there() -> None:
    """One observation for its four counters; further counters of newer releases do not matter."""
    lines = [counter(name, number) for number, name in enumerate(COUNTERS, 1)]
    request = of_list(
        f"{SERVER} SQL: sr236136336114 @CTime = '1', @ReadyCount = @out, @RetrievedCount = @out [ReqID=2]"
    )
    expected = [ListStatistics("log", GROUP, "236", 1, 2, 3, 4)]
    assert told(request, *lines[:3]) == []
    assert told(request, *lines, counter("TotalRecsCount", 9)) == expected
    assert told(request, *lines, request, *lines) == expected * 2


def test_a_statistic_that_is_cut_short_is_told_when_something_else_begins() -> None:
    """Where only some counters are printed, those are what is known."""
    assert told(counter("ReadyCount", 780), asks(6)) == [ListStatistics("log", GROUP, "236", 780)]
    again = told(counter("ReadyCount", 780), counter("ReadyCount", 779), brings(1))
    assert again[:2] == [ListStatistics("log", GROUP, "236", 780), ListStatistics("log", GROUP, "236", 779)]
    assert isinstance(again[2], Retrieved)


def test_a_counter_that_is_none() -> None:
    """A statistic that failed is not one of a list with less than nothing."""
    assert told(counter("ReadyCount", -1), asks(6)) == []


# ----------------------------------------------------------------------------------------------------- life


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("14:20:55.847 Trc 52000 Campaign Group Sales@Agents has been loaded", Word.LOADED),
        ("2016-04-29T14:20:55.847 Trc 52001 Campaign Group Sales@Agents has been started", Word.STARTED),
        ("14:20:55.847 Trace host1 ocs GCTI-00-52002 Campaign Group Sales@Agents has been stopped", Word.STOPPED),
        ("14:20:55.847 Trc 52003 Campaign Group Sales@Agents has been force unloaded", Word.UNLOADED),
        ("14:20:55.847 Trc 52004 Campaign Group 'Sales@Agents' has been unloaded", Word.UNLOADED),
    ],
)
def test_the_life_of_a_group(line: str, word: Word) -> None:
    """The standard messages, in the short and the full format."""
    assert told(line) == [WordHeard(GroupNames(name="Sales@Agents"), word, "log")]


def test_names_with_blanks() -> None:
    """A campaign's name is whatever people call it."""
    said = told("14:20:55.847 Trc 52000 Campaign Group Win back 52004@All agents has been loaded")
    assert said == [WordHeard(GroupNames(name="Win back 52004@All agents"), Word.LOADED, "log")]


def test_ocs_is_started_anew() -> None:
    """What was under way is over: the next count is not taken for its answer."""
    said = told(asks(), "2002-05-07T18:15:33.952 Std 05060 Application started", brings(1))
    assert said == [WitnessLost("log"), retrieved(1, None, UNTOLD)]


# ----------------------------------------------------------------------------------------------------- what is not


@pytest.mark.parametrize(
    "line",
    [
        of_list("SP return value (ReadyCount):many"),
        of_list("SP return value (ReadyCount):99999999999"),
        of_list("SP return value (ReadyCount):\u0663"),
        of_list("SP return value (ReadyCount):1", ids="236-136"),
        of_list("SP return value (ReadyCount):1", ids="a-b-c"),
        of_list("SR return value ReadyCount"),
        of_list("SelectEnd:0"),
        of_list(f"{SERVER} SQL: sp236136336 @NumRec = 6"),
    ],
)
def test_a_line_that_cannot_be_told_is_counted_and_changes_nothing(line: str) -> None:
    """No group, no list, or no number."""
    log = OcsLogLines("log")
    assert (log.read(line), log.not_understood, log.understood) == ((), 1, 0)


@pytest.mark.parametrize(
    "line",
    [
        of_list("WeightInfo: RecordType:  2, Agents:  1, Share: 10, RecsNeededTotal:  4, SumShares: 10, Result:  4"),
        of_list("ExecuteSP:0"),
        "16:19:06.050 SetRecordStatus: record handle 18624",
        "16:19:06.050 Trc 52100 Campaign Group Sales@Agents has been renamed",
        "16:19:06.050 05060",
        "",
    ],
)
def test_what_has_nothing_to_say_is_no_problem(line: str) -> None:
    """Most of a log."""
    log = OcsLogLines("log")
    assert list(log.read(line)) == []
    assert log.not_understood == 0


@given(
    st.text(max_size=80), st.sampled_from([asks(), answers(), brings(1), counter("ReadyCount", 1)]), st.integers(0, 90)
)
def test_any_text_is_survived(garbage: str, line: str, at: int) -> None:
    """A log may hold anything, also in the middle of a line."""
    log = OcsLogLines("log")
    log.read(line[:at] + garbage + line[at:])
    log.read(garbage)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of very many lists the longest unheard is forgotten first: its answer is one to a request not seen."""
    monkeypatch.setattr(oclog_lines, "MAX_LISTS", 2)
    said = told(asks(ids="1-1-1"), asks(ids="2-1-1"), asks(ids="3-1-1"), brings(1, "3-1-1"), brings(1, "1-1-1"))
    assert [(each.calling_list, each.asked) for each in said if isinstance(each, Retrieved)] == [("3", 6), ("1", None)]


def test_a_list_that_is_heard_again_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest unheard goes, not the longest known."""
    monkeypatch.setattr(oclog_lines, "MAX_LISTS", 2)
    said = told(asks(ids="1-1-1"), asks(ids="2-1-1"), asks(7, ids="1-1-1"), asks(ids="3-1-1"), brings(1, "1-1-1"))
    assert [each.asked for each in said if isinstance(each, Retrieved)] == [7]


def test_requests_that_are_never_answered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest are given up."""
    monkeypatch.setattr(oclog_lines, "MAX_REQUESTS", 2)
    said = told(*(asks(record_type, record_type) for record_type in (1, 2, 3)), brings(0))
    assert said == [retrieved(0, 2, "2")]
