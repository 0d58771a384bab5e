"""The life of a group: what moves it, and what does not (R1, R2)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from proxy.campaign.observation import (
    AskStatus,
    GroupNames,
    News,
    Request,
    Status,
    Stop,
    Unload,
    Word,
)
from proxy.campaign.policy import Attribute, By, Control, Policy
from tests.campaign.desk import SALES, Agent, Desk, group

SUPPORT = GroupNames(dbid=202, campaign_id=22, group_id=732, name="Support@Agents")


def desk_in(state: str | None) -> Desk:
    """A desk whose group is in a state, by OCS's word."""
    desk = Desk()
    desk.ocs.connected()
    if state == "unloaded":
        desk.ocs.answers(Status.NOT_LOADED)
    if state in ("loaded", "running"):
        desk.ocs.loaded()
    if state == "running":
        desk.ocs.started()
    desk.forgets()
    assert desk["state"] == state
    return desk


def completing(desk: Desk) -> Agent:
    """The group runs, and has no more records: Stop is sent."""
    anna = desk.agent()
    desk.runs()
    anna.gets("77")
    anna.processes("77")
    anna.acknowledged()
    anna.asks()
    anna.hears_no_records()
    desk.passes(60)
    assert desk["state"] == "stopping"
    return anna


# ------------------------------------------------------------------------------------------------ R1: what moves it


def test_r1_the_state_is_null_until_ocs_speaks() -> None:
    """A group of the conf file is not guessed at."""
    desk = Desk()
    desk.ocs.connected()
    assert desk["state"] is None


def test_r1_the_state_follows_ocs_through_a_day() -> None:
    """Loaded, started, stopped, started again, stopped, unloaded."""
    desk = Desk()
    desk.ocs.connected()
    seen = []
    for word in (Word.LOADED, Word.STARTED, Word.STOPPED, Word.STARTED, Word.STOPPED, Word.UNLOADED, Word.LOADED):
        desk.ocs.says(word)
        seen.append(desk["state"])
    assert seen == ["loaded", "running", "loaded", "running", "loaded", "unloaded", "loaded"]
    assert desk.news() == [
        News.LOADED,
        News.STARTED,
        News.STOPPED,
        News.STARTED,
        News.STOPPED,
        News.UNLOADED,
        News.LOADED,
    ]


def test_r1_the_first_word_may_answer_a_start() -> None:
    """The proxy is new here, and a client's Start is accepted."""
    desk = desk_in(None)
    desk.ocs.started(reference=desk.client().starts(1))
    assert (desk["state"], desk["armed"]) == ("running", True)


def test_r1_a_group_that_was_never_loaded_is_not_unloaded() -> None:
    """NotLoaded is the first that is heard: no session ended."""
    desk = desk_in(None)
    desk.ocs.answers(Status.NOT_LOADED)
    assert desk.news() == []


def test_r1_a_group_may_be_unloaded_while_it_runs() -> None:
    """OCS takes an Unload of a running group; the run is over with it."""
    desk = desk_in("running")
    desk.ocs.unloaded()
    assert desk["state"] == "unloaded"
    assert desk.news() == [News.STOPPED, News.UNLOADED]


@pytest.mark.parametrize(
    ("word", "state"),
    [
        (Word.LOADED, "loaded"),
        (Word.STARTED, "running"),
        (Word.STOPPED, "loaded"),
        (Word.UNLOADED, "unloaded"),
        (Word.MODE_CHANGED, None),
    ],
)
def test_r1_the_first_word_may_be_any(word: Word, state: str | None) -> None:
    """The proxy was started in the middle of the day."""
    desk = desk_in(None)
    desk.ocs.says(word)
    assert desk["state"] == state


def test_r1_a_started_that_comes_before_any_loaded_begins_a_session_too() -> None:
    """OCS's loaded was lost: what is started is loaded."""
    desk = desk_in("unloaded")
    desk.ocs.started()
    assert desk["state"] == "running"
    assert desk.news() == [News.LOADED, News.STARTED]


@pytest.mark.parametrize("state", [None, "unloaded", "loaded", "running"])
@pytest.mark.parametrize("request_", list(Request))
def test_r1_a_clients_request_moves_nothing(state: str | None, request_: Request) -> None:
    """A client asks; OCS decides."""
    desk = desk_in(state)
    desk.client().requests(request_, 1)
    assert desk["state"] == state
    assert desk.news() == []


@pytest.mark.parametrize("request_", list(Request))
def test_r1_a_refused_request_moves_nothing(request_: Request) -> None:
    """What OCS refuses did not happen."""
    desk = desk_in("running")
    desk.ocs.refuses(desk.client().requests(request_, 1))
    assert desk["state"] == "running"
    assert desk.news() == []


# ------------------------------------------------------------------------------------------------ R1: copies


def test_r1_words_come_in_copies_and_count_once() -> None:
    """The same word as statistics, as an answer and from a direct connection."""
    desk = Desk()
    desk.ocs.connected()
    for word in (Word.LOADED, Word.STARTED, Word.STOPPED, Word.UNLOADED):
        desk.ocs.says(word)
        desk.ocs.says(word, reference=999)
        desk.ocs.at("direct").says(word)
    assert desk.news() == [News.LOADED, News.STARTED, News.STOPPED, News.UNLOADED]


def test_r1_a_copy_of_loaded_keeps_what_was_counted() -> None:
    """A late copy of loaded is no new session, in a loaded group or in a running one."""
    desk = desk_in("running")
    anna = desk.agent()
    anna.gets("77")
    desk.ocs.loaded()
    assert (desk["state"], desk["outstanding"]) == ("running", 1)
    desk.ocs.stopped()
    desk.ocs.loaded()
    assert (desk["state"], desk["outstanding"]) == ("loaded", 1)


def test_r1_a_copy_of_started_takes_no_evidence_back() -> None:
    """The run goes on, with what is known of it."""
    desk = desk_in("running")
    anna = desk.agent()
    anna.gets("77")
    anna.processes("77")
    anna.acknowledged()
    desk.ocs.waits_for_records()
    desk.ocs.started()
    assert desk["exhausted"]


def test_r1_started_that_answers_a_request_is_news_in_a_running_group() -> None:
    """Stopped was missed: a client's Start that is unanswered makes started the beginning of another run."""
    desk = desk_in("running")
    anna = desk.agent()
    anna.gets("77")
    anna.processes("77")
    anna.acknowledged()
    desk.ocs.waits_for_records()
    desk.client().starts(1)
    desk.ocs.started()
    assert not desk["exhausted"]
    assert News.STARTED in desk.news()
    desk.forgets()
    desk.ocs.started()
    assert desk.news() == []


@pytest.mark.parametrize("state", ["loaded", "running"])
def test_r1_loaded_that_answers_a_request_begins_a_session(state: str) -> None:
    """Unloaded was missed: a client's Load that is unanswered makes loaded the beginning of another session."""
    desk = desk_in(state)
    anna = desk.agent()
    anna.gets("77")
    reference = desk.client().loads(1)
    desk.ocs.loaded(reference=reference)
    assert (desk["state"], desk["outstanding"], desk["armed"]) == ("loaded", 0, True)
    anna.gets("78")
    desk.ocs.loaded(reference=reference)
    assert desk["outstanding"] == 1


def test_r1_a_word_with_another_reference_does_not_answer_a_request() -> None:
    """The answer to somebody else's Load is a copy here; the client's own is still to come."""
    desk = desk_in("loaded")
    desk.agent().gets("77")
    desk.client().loads(1, reference="5")
    desk.ocs.loaded(reference="6")
    assert desk["outstanding"] == 1
    assert not desk["armed"]


@pytest.mark.parametrize("word", [Word.STOPPED, Word.UNLOADED])
def test_r1_late_copies_find_an_unloaded_group_unloaded(word: Word) -> None:
    """Stopped and unloaded come again after the end: nothing begins."""
    desk = desk_in("unloaded")
    desk.ocs.says(word)
    assert desk["state"] == "unloaded"
    assert desk.news() == []


def test_r1_every_session_has_a_number() -> None:
    """Sessions are numbered by the proxy, in the time line."""
    desk = desk_in("unloaded")
    for _ in range(2):
        desk.ocs.loaded()
        desk.ocs.unloaded()
    texts = [said.text for said in desk.announced()]
    assert texts == ["session 1", "session 1", "session 2", "session 2"]


# ------------------------------------------------------------------------------------------------ R1: our own requests


def test_r1_stopping_and_unloading_last_until_ocs_accepts() -> None:
    """Ours is sent, not accepted yet."""
    desk = Desk()
    completing(desk)
    desk.ocs.stopped()
    assert desk["state"] == "loaded"
    desk.passes(2)
    assert desk["state"] == "unloading"
    desk.ocs.unloaded()
    assert desk["state"] == "unloaded"


def test_r1_failed_lasts_until_ocss_next_word() -> None:
    """A Stop without effect: failed; and then whatever OCS says."""
    desk = Desk()
    completing(desk)
    desk.passes(1000)
    assert desk["state"] == "failed"
    desk.ocs.stopped()
    assert desk["state"] == "loaded"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (Status.RUNNING, "running"),
        (Status.ACTIVE, "loaded"),
        (Status.NOT_LOADED, "unloaded"),
        (Status.INACTIVE, "failed"),
    ],
)
def test_r1_a_status_is_a_word_too_for_a_failed_group(status: Status, state: str) -> None:
    """The control session comes back: OCS's answer ends failed."""
    desk = Desk()
    completing(desk)
    desk.passes(1000)
    desk.ocs.answers(status)
    assert desk["state"] == state


def failed(desk: Desk) -> None:
    """A Stop had no effect."""
    completing(desk)
    desk.passes(1000)
    assert desk["state"] == "failed"


def stopping(desk: Desk) -> None:
    """Stop is sent."""
    completing(desk)


def unloading(desk: Desk) -> None:
    """Unload is sent."""
    completing(desk)
    desk.ocs.stopped()
    desk.passes(2)
    assert desk["state"] == "unloading"


@pytest.mark.parametrize("by_client", [True, False])
@pytest.mark.parametrize("scene", [stopping, unloading, failed])
def test_r1_loaded_is_news_whatever_became_of_our_own(scene: Callable[[Desk], None], by_client: bool) -> None:
    """Somebody wants the group again: a client that passed here, or another."""
    desk = Desk()
    scene(desk)
    desk.ocs.loaded(reference=desk.client().loads(0) if by_client else None)
    assert (desk["state"], desk["delivered"], desk["armed"]) == ("loaded", 0, False)


@pytest.mark.parametrize("by_client", [True, False])
@pytest.mark.parametrize("scene", [stopping, unloading, failed])
def test_r1_started_is_news_whatever_became_of_our_own(scene: Callable[[Desk], None], by_client: bool) -> None:
    """The session goes on, with another run."""
    desk = Desk()
    scene(desk)
    desk.forgets()
    desk.ocs.started(reference=desk.client().starts(1) if by_client else None)
    assert (desk["state"], desk["delivered"], desk["exhausted"]) == ("running", 1, False)
    assert News.STARTED in desk.news()


def test_r1_a_status_that_shows_running_is_a_new_run_of_a_group_that_we_unload() -> None:
    """Started meanwhile, and nobody told us."""
    desk = Desk()
    unloading(desk)
    desk.ocs.answers(Status.RUNNING)
    assert desk["state"] == "running"
    assert News.ABANDONED in desk.news()


# ------------------------------------------------------------------------------------------------ R1: InActive


@pytest.mark.parametrize("state", [None, "unloaded", "loaded", "running"])
def test_r1_inactive_changes_nothing(state: str | None) -> None:
    """InActive may mean several things: the group stays what it was."""
    desk = desk_in(state)
    before = desk.group()
    desk.ocs.answers(Status.INACTIVE)
    assert desk.group() == before
    assert desk.news() == []


def test_r1_inactive_answers_no_request() -> None:
    """InActive shows neither that a client's Stop was accepted nor that it was not."""
    desk = desk_in("running")
    desk.client().stops()
    desk.passes(10)
    asked = desk.sent(AskStatus)[-1]
    desk.ocs.answers(Status.INACTIVE, reference=asked.reference)
    desk.forgets()
    desk.passes(10)
    assert desk.sent(AskStatus)


# ------------------------------------------------------------------------------------------ agents' events as a word


def test_r1_agents_events_move_nothing_while_the_control_session_is_there() -> None:
    """They come in several copies and in no order with OCS's word."""
    desk = desk_in("unloaded")
    anna = desk.agent()
    for word in Word:
        anna.hears(word, "Preview")
        assert desk["state"] == "unloaded"
    assert desk.news() == []


def test_r1_agents_events_are_the_word_while_nothing_else_is_connected() -> None:
    """A site without control session still sees in the status what its groups do."""
    desk = Desk()
    anna, bert = desk.agent("3001"), desk.agent("3002")
    seen = []
    for word in (Word.LOADED, Word.STARTED, Word.STOPPED, Word.UNLOADED):
        for agent in (anna, bert):
            agent.hears(word)
        seen.append(desk["state"])
    assert seen == ["loaded", "running", "loaded", "unloaded"]
    assert desk.news() == [News.LOADED, News.STARTED, News.STOPPED, News.UNLOADED]


def test_r1_agents_events_are_the_word_again_once_the_last_source_is_lost() -> None:
    """Two sources: with one of them OCS's word is still heard."""
    desk = desk_in("unloaded")
    desk.ocs.at("reports").connected()
    anna = desk.agent()
    desk.ocs.lost()
    anna.hears(Word.LOADED)
    assert desk["state"] == "unloaded"
    desk.ocs.at("reports").lost()
    anna.hears(Word.LOADED)
    assert desk["state"] == "loaded"


def without_records(desk: Desk) -> None:
    """What a running group needs in order to be completed, but for the settle time."""
    desk.client().starts(1, reference="arms")
    desk.ocs.started(None, reference="arms")
    anna = desk.agent("3333")
    anna.gets("77")
    anna.processes("77")
    anna.acknowledged()
    desk.ocs.waits_for_records()


def test_r1_agents_events_teach_the_mode() -> None:
    """OCS's word on the Communication DN did not tell it."""
    desk = desk_in("loaded")
    desk.agent().hears(Word.STARTED, "Preview")
    without_records(desk)
    desk.passes(60)
    assert desk.sent(Stop)


def test_r1_a_start_teaches_the_mode_that_it_asked_for() -> None:
    """Once it is accepted; the word says nothing of it."""
    desk = desk_in("loaded")
    desk.ocs.started(None, reference=desk.client().starts(1, mode="Preview"))
    without_records(desk)
    desk.passes(60)
    assert desk.sent(Stop)


def test_r1_the_mode_is_learned_before_the_state() -> None:
    """A change of mode comes before the first status answer."""
    desk = desk_in(None)
    desk.ocs.changes_mode("Preview")
    desk.ocs.answers(Status.RUNNING)
    without_records(desk)
    desk.passes(60)
    assert desk.sent(Stop)


def test_r1_a_late_mode_is_not_the_next_sessions() -> None:
    """A report on an unloaded group still shows yesterday's mode: today's is unknown, the longer settle time holds."""
    desk = desk_in("unloaded")
    desk.ocs.answers(Status.NOT_LOADED, "Preview")
    desk.ocs.loaded()
    without_records(desk)
    desk.passes(299)
    assert desk.sent(Stop) == []
    desk.passes(1)
    assert desk.sent(Stop)


def test_r1_an_answer_to_a_desktop_is_no_news() -> None:
    """CampaignStarted within answer_timeout of CampaignStatusRequest, on any session of that DN, begins no run."""
    desk = Desk()
    anna, twin = desk.agent("3001"), desk.agent("3001")
    client = desk.client()
    anna.hears(Word.LOADED)
    client.starts(1)
    anna.asks_status()
    desk.passes(10)
    twin.hears(Word.STARTED)
    assert not desk["armed"], "an answer accepts no Start"


def test_r1_an_answer_tells_a_state_that_was_not_known() -> None:
    """Without control session it is the only word there is; like a status, it arms nothing."""
    desk = Desk(group(SALES, Policy(by=By.PROXY, attribute=Attribute.ADD)))
    anna = desk.agent()
    anna.asks_status()
    anna.hears(Word.STARTED, "Preview")
    assert (desk["state"], desk["armed"]) == ("running", False)


def test_r1_what_comes_later_than_answer_timeout_is_news() -> None:
    """The answer has long been there: this is OCS's own."""
    desk = Desk()
    anna = desk.agent()
    anna.hears(Word.LOADED)
    desk.client().starts(1)
    anna.asks_status()
    desk.passes(10.5)
    anna.hears(Word.STARTED)
    assert (desk["state"], desk["armed"]) == ("running", True)


def test_r1_another_agents_question_makes_no_answer_of_this_agents_news() -> None:
    """Answers are on the DN that asked."""
    desk = Desk()
    anna, bert = desk.agent("3001"), desk.agent("3002")
    anna.hears(Word.LOADED)
    desk.client().starts(1)
    anna.asks_status()
    bert.hears(Word.STARTED)
    assert (desk["state"], desk["armed"]) == ("running", True)


def test_r1_stopped_after_a_question_is_news() -> None:
    """OCS answers with loaded or started; stopped is never an answer."""
    desk = Desk()
    anna = desk.agent()
    anna.hears(Word.STARTED)
    anna.asks_status()
    anna.hears(Word.STOPPED)
    assert desk["state"] == "loaded"


# ------------------------------------------------------------------------------------------------ R2: status


def test_r2_every_known_group_is_asked_when_the_control_session_connects() -> None:
    """Configured or learned."""
    desk = Desk(group(SALES), group(SUPPORT))
    desk.client(GroupNames(dbid=303)).loads()
    desk.ocs.connected()
    assert [asked.names.dbid for asked in desk.sent(AskStatus)] == [101, 202, 303]
    assert {asked.control for asked in desk.sent(AskStatus)} == {"tevents"}


def test_r2_they_are_asked_at_each_connect() -> None:
    """After a gap anything may have happened."""
    desk = Desk()
    for _ in range(3):
        desk.ocs.connected()
        desk.ocs.lost()
    references = [asked.reference for asked in desk.sent(AskStatus)]
    assert len(set(references)) == 3


def test_r2_only_the_groups_own_control_asks() -> None:
    """A group controlled by the direct protocol is asked there."""
    desk = Desk(group(SALES), group(SUPPORT, Policy(by=By.PROXY, control=Control.DIRECT)))
    desk.ocs.connected()
    assert [asked.names.dbid for asked in desk.sent(AskStatus)] == [101]
    desk.ocs.at("direct").connected()
    assert [(asked.names.dbid, asked.control) for asked in desk.sent(AskStatus)[1:]] == [(202, "direct")]


@pytest.mark.parametrize("by", list(By))
def test_r2_status_is_asked_whoever_completes(by: By) -> None:
    """Also by = nobody wants to know what it watches."""
    desk = Desk(group(SALES, Policy(by=by)))
    desk.ocs.connected()
    assert len(desk.sent(AskStatus)) == 1


@pytest.mark.parametrize("state", [None, "unloaded", "loaded", "running"])
@pytest.mark.parametrize(
    ("status", "found"),
    [
        (Status.NOT_LOADED, "unloaded"),
        (Status.WAITING_UNLOAD, "loaded"),
        (Status.UNLOAD_IN_PROGRESS, "loaded"),
        (Status.ACTIVE, "loaded"),
        (Status.RUNNING, "running"),
    ],
)
def test_r2_what_ocs_answers_wins(state: str | None, status: Status, found: str) -> None:
    """Whatever was believed before."""
    desk = desk_in(state)
    desk.ocs.lost()
    desk.ocs.connected()
    desk.ocs.answers(status, reference=desk.sent(AskStatus)[-1].reference)
    assert desk["state"] == found


def test_r2_an_answer_that_shows_what_is_known_changes_nothing() -> None:
    """Running, and still running: records and evidence stay."""
    desk = desk_in("running")
    anna = desk.agent()
    anna.gets("77")
    anna.processes("77")
    anna.acknowledged()
    desk.ocs.at("log").waits_for_records()
    before = desk.group()
    desk.ocs.answers(Status.RUNNING)
    assert desk.group() == before
    assert before["exhausted"]
    assert News.STARTED not in desk.news()


def test_r2_not_loaded_ends_the_session_open_records_included() -> None:
    """Nobody will ever finish them; the next session waits for none of them."""
    desk = desk_in("running")
    anna = desk.agent()
    anna.gets("77")
    desk.ocs.lost()
    desk.ocs.connected()
    desk.ocs.answers(Status.NOT_LOADED)
    assert desk.news()[-2:] == [News.STOPPED, News.UNLOADED]
    desk.ocs.loaded()
    desk.ocs.started()
    assert (desk["outstanding"], desk["delivered"]) == (0, 0)


def test_r2_not_loaded_ends_what_was_seen_before_anything_was_known() -> None:
    """The proxy came late, and the session was over: what it saw of it is not the next session's."""
    desk = Desk()
    anna = desk.agent()
    anna.gets("77")
    anna.hears(Word.MODE_CHANGED, "Predictive")
    desk.ocs.connected()
    desk.ocs.answers(Status.NOT_LOADED)
    desk.ocs.loaded()
    assert (desk["outstanding"], desk["delivered"], desk["agents"]) == (0, 0, [])


def test_r2_not_loaded_is_the_goal_of_a_completion_that_waits_for_a_record() -> None:
    """An agent keeps a record open, and meanwhile the group was unloaded by hand."""
    desk = Desk()
    anna = completing(desk)
    desk.ocs.stopped()
    anna.gets("78")
    desk.passes(30)
    assert desk.sent(Unload) == []
    desk.ocs.lost()
    desk.ocs.connected()
    desk.ocs.answers(Status.NOT_LOADED)
    assert desk["state"] == "unloaded"
    desk.passes(100)
    assert desk.sent(Unload) == []


def test_r2_what_agents_saw_before_the_word_belongs_to_the_session() -> None:
    """A desktop's connection may be ahead of the one that brings OCS's word."""
    desk = desk_in("unloaded")
    anna = desk.agent()
    anna.hears(Word.LOADED)
    anna.gets("77")
    desk.ocs.loaded()
    desk.ocs.started()
    assert (desk["agents"], desk["outstanding"]) == (["3001"], 1)


def test_r2_an_agent_who_hears_loaded_before_the_word_is_the_new_sessions() -> None:
    """And one who hears of the end after it is the old one's."""
    desk = desk_in("unloaded")
    desk.agent("3001").hears(Word.LOADED)
    desk.ocs.loaded()
    assert desk["agents"] == ["3001"]
    desk.ocs.unloaded()
    desk.agent("3002").hears(Word.STOPPED)
    desk.agent("3003").hears(Word.UNLOADED)
    assert desk["agents"] == ["3001", "3002", "3003"]
    desk.ocs.loaded()
    assert desk["agents"] == []


def test_r2_what_was_ahead_of_one_session_is_not_the_next_ones() -> None:
    """An agent ahead of the word, today; tomorrow's session begins with nothing."""
    desk = desk_in("unloaded")
    desk.agent().gets("77")
    desk.ocs.loaded()
    desk.ocs.unloaded()
    assert desk["outstanding"] == 1
    desk.ocs.loaded()
    assert (desk["outstanding"], desk["delivered"]) == (0, 0)


@pytest.mark.parametrize("end", [lambda d: d.ocs.unloaded(), lambda d: d.ocs.answers(Status.NOT_LOADED)])
def test_r2_counters_stay_readable_after_the_session(end: Callable[[Desk], object]) -> None:
    """Operators look in the morning at what was done at night."""
    desk = Desk()
    desk.runs()
    anna = desk.agent()
    anna.gets("77")
    anna.processes("77")
    anna.acknowledged()
    end(desk)
    assert (desk["state"], desk["delivered"], desk["finalized"]) == ("unloaded", 1, 1)
    assert (desk["agents"], desk["armed"]) == (["3001"], True)


def test_r2_counters_begin_anew_with_a_session_and_go_on_with_a_run() -> None:
    """Stopped and started again is the same session."""
    desk = Desk()
    desk.runs()
    anna = desk.agent()
    anna.gets("77")
    desk.ocs.stopped()
    desk.ocs.started()
    assert (desk["outstanding"], desk["armed"]) == (1, True)
    desk.ocs.unloaded()
    desk.ocs.loaded()
    assert (desk["delivered"], desk["outstanding"], desk["agents"], desk["armed"]) == (0, 0, [], False)


def test_r2_nothing_is_sent_for_a_group_that_ocs_says_does_not_run() -> None:
    """The settle time was over while the control session was away, and so was the group."""
    desk = Desk()
    desk.runs()
    anna = desk.agent()
    anna.gets("77")
    anna.processes("77")
    anna.acknowledged()
    anna.asks()
    anna.hears_no_records()
    desk.ocs.lost()
    desk.passes(600)
    desk.ocs.connected()
    desk.ocs.answers(Status.ACTIVE)
    desk.passes(600)
    assert desk.sent(Stop) == []
