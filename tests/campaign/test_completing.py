"""The steps of a completion: Stop, then Unload, and whatever may come in between (R20 to R24)."""

from __future__ import annotations

import pytest

from proxy.campaign.observation import (
    Announce,
    AskStatus,
    GroupNames,
    News,
    NotifyAgent,
    Request,
    Settled,
    Status,
    Stop,
    Swallow,
    Unload,
    Word,
)
from proxy.campaign.policy import By, Control, Notify, Policy
from tests.campaign.desk import SALES, Desk, group
from tests.campaign.scenes import SETTLE, TIMEOUT, WAIT, ready, runs_dry, stop_sent, stopped, unload_sent

# ---------------------------------------------------------------------------------------- R20: Stop, Unload, unloaded


def test_r20_stop_then_unload_then_unloaded() -> None:
    """A group without records is stopped, its agents are told, it is unloaded, and that is one completion."""
    desk, [_anna] = ready()
    desk.passes(SETTLE)
    [stop] = desk.sent(Stop)
    assert desk["state"] == "stopping"
    assert not desk.sent(Unload)

    desk.ocs.stopped()
    assert desk["state"] == "loaded"
    assert not desk.sent(Unload), "the agents have not been told yet"

    desk.passes(WAIT)
    [told] = desk.sent(NotifyAgent)
    [unload] = desk.sent(Unload)
    assert told.word is Word.STOPPED
    assert desk["state"] == "unloading"
    assert (stop.group, stop.control, stop.names) == ("Sales@Agents", "tevents", desk.sent(Unload)[0].names)
    assert unload.names.dbid == 101

    desk.ocs.unloaded()
    assert desk["state"] == "unloaded"
    assert desk["completions"] == 1
    assert desk.sent(Settled) == [Settled("Sales@Agents")]
    assert [news for news in desk.news() if news in (News.STOP_SENT, News.UNLOAD_SENT, News.COMPLETED)] == [
        News.STOP_SENT,
        News.UNLOAD_SENT,
        News.COMPLETED,
    ]


def test_r20_the_intention_is_known_until_the_completion_is_over() -> None:
    """Stop and Unload say that something is intended, Settled that nothing is any more: never one without the other."""
    desk, _, _ = unload_sent()
    assert not desk.sent(Settled)
    desk.ocs.unloaded()
    assert len(desk.sent(Settled)) == 1


def test_r20_unload_follows_at_once_when_ocs_tells_the_agents_itself() -> None:
    """Nobody waits longer than until the last agent has heard that the group is stopped."""
    desk, [anna, ben] = stopped("3001", "3002")
    anna.hears(Word.STOPPED)
    assert not desk.sent(Unload)
    ben.hears(Word.STOPPED)
    assert len(desk.sent(Unload)) == 1
    assert not desk.sent(NotifyAgent)


def test_r20_where_agents_are_left_to_ocs_unload_follows_the_stop() -> None:
    """With notify = never nobody is waited for."""
    desk, _, _ = stop_sent(policy=Policy(by=By.PROXY, notify=Notify.NEVER))
    desk.ocs.stopped()
    assert len(desk.sent(Unload)) == 1
    assert not desk.sent(NotifyAgent)


def test_r20_a_status_that_shows_the_goal_counts_like_a_word() -> None:
    """OCS leaves both requests unanswered, but its status shows them done: no repeat."""
    desk, _, _ = stop_sent()
    desk.passes(TIMEOUT)
    desk.ocs.answers(Status.ACTIVE, reference=desk.sent(AskStatus)[-1].reference)
    desk.passes(WAIT)
    assert len(desk.sent(Unload)) == 1
    desk.passes(TIMEOUT)
    desk.ocs.answers(Status.NOT_LOADED, reference=desk.sent(AskStatus)[-1].reference)
    assert desk["state"] == "unloaded"
    assert desk["completions"] == 1
    assert not desk.sent(Stop)
    assert len(desk.sent(Unload)) == 1


def test_r20_an_unasked_status_report_counts_too() -> None:
    """A status that the proxy did not ask for shows the group stopped."""
    desk, _, _ = stop_sent()
    desk.ocs.answers(Status.ACTIVE)
    desk.passes(WAIT)
    assert len(desk.sent(Unload)) == 1


def test_r20_an_operators_stop_reaches_the_goal_as_well() -> None:
    """An operator stops the group at the same moment: the proxy goes on with Unload, without a second Stop."""
    desk, _, _ = stop_sent()
    operator = desk.client()
    desk.ocs.stopped(reference=operator.stops())
    desk.passes(WAIT + TIMEOUT)
    assert not desk.sent(Stop)
    assert len(desk.sent(Unload)) == 1


def test_r20_unloaded_straight_from_running_is_a_completion_and_agents_hear_both_words() -> None:
    """Somebody unloads the group while our Stop is on its way: nothing more is sent, agents hear both words."""
    desk, [anna], _ = stop_sent()
    desk.ocs.unloaded()
    desk.passes(WAIT + 3 * TIMEOUT)
    assert not desk.sent(Stop)
    assert not desk.sent(Unload)
    assert [(told.session, told.word) for told in desk.sent(NotifyAgent)] == [
        (anna.session, Word.STOPPED),
        (anna.session, Word.UNLOADED),
    ]
    assert desk["completions"] == 1


def test_r20_unloaded_before_our_unload_needs_none() -> None:
    """The group is unloaded while agents are being told: Unload is not sent."""
    desk, _ = stopped()
    desk.ocs.unloaded()
    desk.passes(WAIT + 3 * TIMEOUT)
    assert not desk.sent(Unload)
    assert desk["completions"] == 1


def test_r20_copies_of_ocs_word_change_nothing() -> None:
    """Stopped and unloaded each heard three times: one Unload, one completion."""
    desk, _, _ = stop_sent()
    for _ in range(3):
        desk.ocs.stopped()
    desk.passes(WAIT)
    for _ in range(3):
        desk.ocs.unloaded()
        desk.ocs.at("direct").unloaded()
    assert len(desk.sent(Unload)) == 1
    assert desk["completions"] == 1


def test_r20_an_agent_without_a_session_does_not_hold_unload_back() -> None:
    """An agent who has left cannot be told now, and is not waited for."""
    desk, [anna, _ben], _ = stop_sent("3001", "3002")
    anna.leaves()
    desk.ocs.stopped()
    desk.passes(WAIT)
    assert len(desk.sent(Unload)) == 1


# ------------------------------------------------------------------------------------------- R21: silence and refusal


def test_r21_silence_is_met_with_a_question_not_with_a_repeat() -> None:
    """After answer_timeout the status is asked; Stop is repeated only when it still shows the group running."""
    desk, _, _ = stop_sent()
    desk.passes(TIMEOUT - 0.1)
    assert not desk.sent(AskStatus)
    desk.passes(0.1)
    [asked] = desk.sent(AskStatus)
    assert not desk.sent(Stop)
    desk.ocs.answers(Status.RUNNING, reference=asked.reference)
    assert len(desk.sent(Stop)) == 1


def test_r21_three_stops_in_all_then_failed_loudly() -> None:
    """OCS answers every question with Running: three Stops in all, then the completion has failed, for all to see."""
    desk, _, _ = stop_sent()
    for _ in range(3):
        desk.passes(TIMEOUT)
        desk.ocs.answers(Status.RUNNING, reference=desk.sent(AskStatus)[-1].reference)
    assert len(desk.sent(Stop)) == 2, "and the first"
    assert desk["state"] == "failed"
    assert News.FAILED in desk.news()
    assert News.FAILED.loud
    assert len(desk.sent(Settled)) == 1
    desk.passes(24 * 3600)
    assert len(desk.sent(Stop)) == 2
    assert desk["waiting_for"] == "a failed completion: see the log"


def test_r21_three_unloads_in_all_then_failed() -> None:
    """The same for Unload."""
    desk, _, _ = unload_sent()
    for _ in range(3):
        desk.passes(TIMEOUT)
        desk.ocs.answers(Status.ACTIVE, reference=desk.sent(AskStatus)[-1].reference)
    assert len(desk.sent(Unload)) == 2
    assert desk["state"] == "failed"


def test_r21_attempts_is_an_option() -> None:
    """With attempts = 1 nothing is ever repeated."""
    desk, _, _ = stop_sent(policy=Policy(by=By.PROXY, attempts=1))
    desk.passes(TIMEOUT)
    desk.ocs.answers(Status.RUNNING, reference=desk.sent(AskStatus)[-1].reference)
    assert not desk.sent(Stop)
    assert desk["state"] == "failed"


@pytest.mark.parametrize("kind", [Stop, Unload])
def test_r21_three_questions_without_an_answer_are_a_failure_too(kind: type[Stop] | type[Unload]) -> None:
    """OCS says nothing at all: the request is never repeated, three questions are asked, then it has failed."""
    desk = (stop_sent() if kind is Stop else unload_sent())[0]
    desk.passes(4 * TIMEOUT - 0.1)
    assert len(desk.sent(AskStatus)) == 3
    assert desk["state"] in ("stopping", "unloading")
    desk.passes(0.1)
    assert desk["state"] == "failed"
    assert not desk.sent(kind)
    desk.passes(3600)
    assert len(desk.sent(AskStatus)) == 3


def test_r21_a_refusal_is_a_silence_that_ends_at_once() -> None:
    """EvError to our Stop: the status is asked now, not in ten seconds; the repeat still depends on it."""
    desk, _, stop = stop_sent()
    desk.passes(1)
    desk.ocs.refuses(stop.reference)
    [asked] = desk.sent(AskStatus)
    desk.ocs.answers(Status.RUNNING, reference=asked.reference)
    assert len(desk.sent(Stop)) == 1


def test_r21_somebody_elses_refusal_is_not_ours() -> None:
    """EvError to another reference does not end our silence."""
    desk, _, stop = stop_sent()
    desk.ocs.refuses(stop.reference + 1)
    assert not desk.sent(AskStatus)


def test_r21_a_late_refusal_asks_no_second_question() -> None:
    """EvError comes while the question is out: its answer is waited for."""
    desk, _, stop = stop_sent()
    desk.passes(TIMEOUT)
    desk.ocs.refuses(stop.reference)
    assert len(desk.sent(AskStatus)) == 1


def test_r21_refused_because_it_is_stopped_already() -> None:
    """Our Stop is refused since the group is stopped: the status shows the goal, and Unload follows."""
    desk, _, stop = stop_sent()
    desk.ocs.refuses(stop.reference)
    desk.ocs.answers(Status.ACTIVE, reference=desk.sent(AskStatus)[-1].reference)
    desk.passes(WAIT)
    assert not desk.sent(Stop)
    assert len(desk.sent(Unload)) == 1


def test_r21_only_the_answer_to_our_own_question_repeats() -> None:
    """A status asked for by somebody else, or before, shows the group running: no repeat on that."""
    desk, _, _ = stop_sent()
    desk.ocs.answers(Status.RUNNING)
    desk.ocs.answers(Status.RUNNING, reference=5)
    desk.passes(TIMEOUT)
    desk.ocs.answers(Status.RUNNING, reference=5)
    assert not desk.sent(Stop)


def test_r21_an_answer_without_a_reference_answers_our_question() -> None:
    """An OCS that sends no references back is believed, once it was asked."""
    desk, _, _ = stop_sent()
    desk.passes(TIMEOUT)
    desk.ocs.answers(Status.RUNNING)
    assert len(desk.sent(Stop)) == 1


@pytest.mark.parametrize("status", [Status.WAITING_UNLOAD, Status.UNLOAD_IN_PROGRESS])
def test_r21_waiting_unload_is_acceptance_no_repeat_ask_again(status: Status) -> None:
    """OCS unloads, slowly: it is asked again and again, and never sent a second Unload."""
    desk, _, _ = unload_sent()
    for _ in range(10):
        desk.passes(TIMEOUT)
        desk.ocs.answers(status, reference=desk.sent(AskStatus)[-1].reference)
    assert len(desk.sent(AskStatus)) == 10
    assert not desk.sent(Unload)
    assert desk["state"] == "unloading"
    assert str(desk["waiting_for"]).startswith("OCS: it took the Unload")
    desk.ocs.unloaded()
    assert desk["completions"] == 1


def test_r21_an_unload_that_ocs_accepted_is_not_repeated_whatever_shows_later() -> None:
    """After WaitingUnload a status Active is no reason for a second Unload: it is asked again, then it has failed."""
    desk, _, _ = unload_sent()
    desk.passes(TIMEOUT)
    desk.ocs.answers(Status.WAITING_UNLOAD, reference=desk.sent(AskStatus)[-1].reference)
    for _ in range(3):
        desk.passes(TIMEOUT)
        desk.ocs.answers(Status.ACTIVE, reference=desk.sent(AskStatus)[-1].reference)
    desk.passes(TIMEOUT)
    assert not desk.sent(Unload)
    assert desk["state"] == "failed"


@pytest.mark.parametrize("status", [Status.WAITING_UNLOAD, Status.UNLOAD_IN_PROGRESS])
def test_r21_an_operators_unload_in_progress_needs_none_of_ours(status: Status) -> None:
    """The question after our Stop shows the group being unloaded already: no Unload of ours."""
    desk, _, _ = stop_sent()
    desk.passes(TIMEOUT)
    desk.ocs.answers(status, reference=desk.sent(AskStatus)[-1].reference)
    desk.passes(WAIT)
    assert desk["state"] == "unloading"
    desk.passes(TIMEOUT)
    desk.ocs.answers(Status.NOT_LOADED, reference=desk.sent(AskStatus)[-1].reference)
    assert not desk.sent(Unload)
    assert desk["completions"] == 1


def test_r21_failed_lasts_until_ocs_next_word() -> None:
    """The next word on the group's life ends the failure; what it needs for a completion, it needs anew."""
    desk, [anna], _ = stop_sent()
    desk.passes(4 * TIMEOUT)
    assert desk["state"] == "failed"
    desk.ocs.answers(Status.RUNNING)
    assert desk["state"] == "running"
    desk.passes(3600)
    assert not desk.sent(Stop)
    runs_dry(desk, anna, "78")
    desk.passes(SETTLE)
    assert len(desk.sent(Stop)) == 1


@pytest.mark.parametrize("word", [Word.STOPPED, Word.UNLOADED, Word.LOADED])
def test_r21_after_a_failure_a_word_leaves_the_group_where_it_says(word: Word) -> None:
    """A failed completion is not taken up again by itself: no Unload follows a late stopped."""
    desk, _, _ = stop_sent()
    desk.passes(4 * TIMEOUT)
    desk.ocs.says(word)
    desk.passes(3600)
    assert desk["state"] == ("unloaded" if word is Word.UNLOADED else "loaded")
    assert not desk.sent(Unload)
    assert not desk.sent(NotifyAgent)


def test_r21_inactive_is_no_answer() -> None:
    """Status InActive shows neither state: it is a silence."""
    desk, _, _ = stop_sent()
    for _ in range(3):
        desk.passes(TIMEOUT)
        desk.ocs.answers(Status.INACTIVE, reference=desk.sent(AskStatus)[-1].reference)
    desk.passes(TIMEOUT)
    assert not desk.sent(Stop)
    assert desk["state"] == "failed"


# -------------------------------------------------------------------------------------- R22: somebody is in between


@pytest.mark.parametrize("request_", [Request.LOAD, Request.START, Request.STOP, Request.UNLOAD])
def test_r22_an_unanswered_request_of_a_client_suspends_the_completion(request_: Request) -> None:
    """A client's request passes while our Stop is unanswered: Stop is not repeated before OCS has answered that."""
    desk, _, stop = stop_sent()
    client = desk.client()
    reference = client.requests(request_)
    desk.ocs.refuses(stop.reference)
    desk.ocs.answers(Status.RUNNING)
    assert not desk.sent(Stop)
    assert News.SUSPENDED in desk.news()
    assert desk["waiting_for"] == "the answer to a client's request"

    desk.ocs.refuses(reference)
    [asked] = desk.sent(AskStatus)
    desk.ocs.answers(Status.RUNNING, reference=asked.reference)
    assert len(desk.sent(Stop)) == 1, "a refused request lets it go on"


def test_r22_a_group_that_is_disarmed_before_stop_is_accepted_is_not_stopped_again() -> None:
    """A client takes GSW_AUTO_COMPLETION back while our Stop is unanswered: it is not repeated."""
    desk, _, stop = stop_sent()
    client = desk.client()
    desk.ocs.changes_mode("Preview", reference=client.sets_mode("Preview", 0))
    assert desk["state"] == "running"
    assert News.ABANDONED in desk.news()
    desk.ocs.refuses(stop.reference)
    desk.ocs.answers(Status.RUNNING)
    desk.passes(3600)
    assert not desk.sent(Stop)


def test_r22_a_group_that_is_stopped_is_unloaded_although_disarmed() -> None:
    """Once Stop is accepted the mode is of no interest: the group does not stay loaded, half completed."""
    desk, _ = stopped()
    client = desk.client()
    desk.ocs.changes_mode("Preview", reference=client.sets_mode("Preview", 0))
    desk.passes(WAIT)
    assert len(desk.sent(Unload)) == 1


@pytest.mark.parametrize("request_", [Request.LOAD, Request.START])
def test_r22_unload_is_not_sent_into_a_clients_request(request_: Request) -> None:
    """A client loads or starts the group while agents are being told: Unload waits; refused, it goes on."""
    desk, _ = stopped()
    client = desk.client()
    reference = client.requests(request_)
    desk.passes(WAIT + 1)
    assert not desk.sent(Unload)
    desk.ocs.refuses(reference)
    assert len(desk.sent(Unload)) == 1


def test_r22_a_request_that_is_answered_to_its_client_only_counts_too() -> None:
    """The refusal is heard on the client's own session."""
    desk, _ = stopped()
    client = desk.client()
    reference = client.starts()
    desk.passes(WAIT)
    client.hears_refusal(reference)
    assert len(desk.sent(Unload)) == 1


def test_r22_a_client_who_gets_no_answer_is_asked_about() -> None:
    """OCS leaves the client's Start unanswered, too: the status shows that it was not taken; Unload goes on."""
    desk, _ = stopped()
    desk.client().starts(1)
    desk.passes(TIMEOUT)
    assert not desk.sent(Unload)
    desk.ocs.answers(Status.ACTIVE, reference=desk.sent(AskStatus)[-1].reference)
    assert len(desk.sent(Unload)) == 1


def test_r22_an_accepted_start_ends_the_completion() -> None:
    """The client starts the group again: no Unload, and the group is what it was: running, and armed as asked."""
    desk, _ = stopped()
    client = desk.client()
    desk.ocs.started(reference=client.starts(1))
    desk.passes(3600)
    assert not desk.sent(Unload)
    assert desk["state"] == "running"
    assert News.ABANDONED in desk.news()
    assert len(desk.sent(Settled)) == 1


def test_r22_a_start_shown_accepted_by_the_status_ends_the_completion() -> None:
    """Stop and the client's Start both go unanswered, and the group runs: it is the client who wants that."""
    desk, _, _ = stop_sent()
    desk.client().starts(1)
    desk.passes(TIMEOUT)
    for asked in desk.sent(AskStatus):
        desk.ocs.answers(Status.RUNNING, reference=asked.reference)
    desk.passes(SETTLE - 1)
    assert not desk.sent(Stop)
    assert desk["state"] == "running"
    assert News.ABANDONED in desk.news()


def test_r22_a_load_shown_accepted_by_the_status_ends_the_completion() -> None:
    """Unload and the client's Load both go unanswered, and the group is loaded: no second Unload."""
    desk, _, _ = unload_sent()
    desk.client().loads(1)
    desk.passes(TIMEOUT)
    for asked in desk.sent(AskStatus):
        desk.ocs.answers(Status.ACTIVE, reference=asked.reference)
    desk.passes(3600)
    assert not desk.sent(Unload)
    assert desk["state"] == "loaded"


@pytest.mark.parametrize("word", [Word.LOADED, Word.STARTED])
@pytest.mark.parametrize("scene", [stop_sent, unload_sent])
def test_r22_a_schedule_that_loads_or_starts_ends_the_completion(scene: object, word: Word) -> None:
    """OCS's loaded or started without any request that passed the proxy: somebody wants the group."""
    desk = stop_sent()[0] if scene is stop_sent else unload_sent()[0]
    desk.ocs.says(word)
    desk.ocs.answers(Status.RUNNING if word is Word.STARTED else Status.ACTIVE)
    desk.passes(SETTLE - 1)
    assert not desk.sent(Stop)
    assert not desk.sent(Unload)
    assert News.ABANDONED in desk.news()
    assert desk["state"] == ("running" if word is Word.STARTED else "loaded")


def test_r22_started_again_while_the_agents_are_told_ends_the_completion() -> None:
    """A schedule starts the group between Stop and Unload."""
    desk, _ = stopped()
    desk.ocs.started()
    desk.passes(3600)
    assert not desk.sent(Unload)


def test_r22_after_a_reconnect_nothing_is_repeated_before_the_status_is_known() -> None:
    """The control session breaks while Stop is unanswered: when it is back the status is asked first."""
    desk, _, _ = stop_sent()
    desk.ocs.lost()
    desk.passes(5 * TIMEOUT)
    assert not desk.sent(AskStatus)
    desk.ocs.connected()
    [asked] = desk.sent(AskStatus)
    assert not desk.sent(Stop)
    desk.ocs.answers(Status.RUNNING, reference=asked.reference)
    assert len(desk.sent(Stop)) == 1


def test_r22_after_a_reconnect_unload_is_not_sent_before_the_status_is_known() -> None:
    """The control session breaks between Stop and Unload. Who knows whether somebody started the group meanwhile?"""
    desk, _ = stopped()
    desk.ocs.lost()
    desk.passes(WAIT + 1)
    desk.ocs.connected()
    assert not desk.sent(Unload)
    [asked] = desk.sent(AskStatus)
    desk.ocs.answers(Status.ACTIVE, reference=asked.reference)
    assert len(desk.sent(Unload)) == 1


def test_r22_after_a_reconnect_the_group_may_be_running_again() -> None:
    """The same, and somebody did: no Unload to a group that dials."""
    desk, _ = stopped()
    desk.ocs.lost()
    desk.passes(WAIT + 1)
    desk.ocs.connected()
    desk.ocs.answers(Status.RUNNING, reference=desk.sent(AskStatus)[-1].reference)
    desk.passes(SETTLE - 1)
    assert not desk.sent(Unload)
    assert desk["state"] == "running"


def test_r22_a_question_after_a_reconnect_that_goes_unanswered_is_asked_again_then_failed() -> None:
    """Between Stop and Unload, too, OCS's silence ends in a failure, not in an Unload."""
    desk, _ = stopped()
    desk.ocs.lost()
    desk.passes(WAIT)
    desk.ocs.connected()
    desk.passes(3 * TIMEOUT)
    assert len(desk.sent(AskStatus)) == 3
    assert not desk.sent(Unload)
    assert desk["state"] == "failed"


def test_r22_a_clients_request_during_the_outage_is_answered_by_the_same_status() -> None:
    """A client's Start passes while the control session is away: if the group runs, the Start was accepted."""
    desk, _ = stopped()
    desk.ocs.lost()
    desk.client().starts(1)
    desk.passes(WAIT)
    desk.ocs.connected()
    desk.ocs.answers(Status.RUNNING, reference=desk.sent(AskStatus)[-1].reference)
    desk.passes(SETTLE - 1)
    assert not desk.sent(Unload)
    assert desk["armed"] is True


def test_r22_while_the_control_session_is_away_nothing_is_sent() -> None:
    """Without the control session there is nobody to ask and nobody to tell."""
    desk, _, _ = unload_sent()
    desk.ocs.lost()
    desk.passes(3600)
    assert not desk.sent(AskStatus)
    assert not desk.sent(Unload)
    assert desk["state"] == "unloading"


def test_r22_what_agents_hear_while_the_control_session_is_away_counts() -> None:
    """Without any source of OCS's word the agents' own events tell that the group was started again."""
    desk, [anna] = stopped()
    desk.ocs.lost()
    anna.hears(Word.STARTED, "Preview")
    desk.ocs.connected()
    desk.ocs.answers(Status.RUNNING, reference=desk.sent(AskStatus)[-1].reference)
    desk.passes(SETTLE - 1)
    assert not desk.sent(Unload)


# ------------------------------------------------------------------------------------------------ R23: records show


def test_r23_a_record_that_shows_before_stop_is_accepted_ends_the_completion() -> None:
    """A record reaches an agent while Stop is on its way: it is not repeated, and the group runs on."""
    desk, [anna], stop = stop_sent()
    anna.gets("78")
    assert desk["state"] == "running"
    assert News.ABANDONED in desk.news()
    assert len(desk.sent(Settled)) == 1
    desk.ocs.refuses(stop.reference)
    desk.ocs.answers(Status.RUNNING)
    desk.passes(3600)
    assert not desk.sent(Stop)
    assert not desk.sent(Unload)


def test_r23_stop_was_accepted_all_the_same_and_that_is_said_loudly() -> None:
    """The Stop that is no longer wanted takes effect: stopped with records, no Unload, and the group stays loaded."""
    desk, [anna], _ = stop_sent()
    anna.gets("78")
    desk.ocs.stopped()
    assert desk["state"] == "loaded"
    assert News.STOPPED_WITH_RECORDS in desk.news()
    assert News.STOPPED_WITH_RECORDS.loud
    anna.processes("78")
    anna.acknowledged()
    desk.passes(24 * 3600)
    assert not desk.sent(Unload)


def test_r23_a_stop_no_longer_wanted_is_asked_about() -> None:
    """OCS's word on it is lost: the status shows that it was accepted. Nobody takes the stopped group for a dry one."""
    desk, [anna], _ = stop_sent()
    anna.gets("78")
    desk.passes(TIMEOUT)
    desk.ocs.answers(Status.ACTIVE, reference=desk.sent(AskStatus)[-1].reference)
    assert News.STOPPED_WITH_RECORDS in desk.news()
    anna.processes("78")
    anna.acknowledged()
    anna.asks()
    anna.hears_no_records()
    desk.passes(24 * 3600)
    assert not desk.sent(Stop)
    assert not desk.sent(Unload)


def test_r23_a_stop_no_longer_wanted_that_was_refused_is_forgotten() -> None:
    """It had no effect: when the records are gone, the group is completed like any other."""
    desk, [anna], stop = stop_sent()
    anna.gets("78")
    desk.ocs.refuses(stop.reference)
    anna.processes("78")
    anna.acknowledged()
    anna.asks()
    anna.hears_no_records()
    desk.passes(SETTLE)
    assert len(desk.sent(Stop)) == 1
    assert News.STOPPED_WITH_RECORDS not in desk.news()


def test_r23_a_stop_no_longer_wanted_has_no_object_once_the_group_is_unloaded() -> None:
    """An operator unloads the running group: that it is not dialing any more is not our Stop's doing, no alarm."""
    desk, [anna], _ = stop_sent()
    anna.gets("78")
    desk.ocs.unloaded()
    desk.passes(TIMEOUT)
    desk.ocs.answers(Status.NOT_LOADED)
    assert News.STOPPED_WITH_RECORDS not in desk.news()
    assert not desk.sent(AskStatus)


def test_r23_no_new_stop_while_an_old_one_is_unanswered() -> None:
    """The group runs dry again before OCS has said what became of the first Stop: the second waits for that."""
    desk, [anna], _ = stop_sent(policy=Policy(by=By.PROXY, settle=SETTLE, answer_timeout=2 * SETTLE))
    anna.gets("78")
    anna.processes("78")
    anna.acknowledged()
    anna.asks()
    anna.hears_no_records()
    desk.passes(2 * SETTLE - 1)
    assert not desk.sent(Stop)
    desk.passes(1)
    desk.ocs.answers(Status.RUNNING, reference=desk.sent(AskStatus)[-1].reference)
    assert len(desk.sent(Stop)) == 1


@pytest.mark.parametrize("shows", ["reject", "added", "statistics", "retrieved"])
def test_r23_any_sign_of_a_record_before_stop_is_accepted_ends_it(shows: str) -> None:
    """Rejected, added, waiting over, retrieved: a group that has records is not stopped again."""
    desk, [anna], _ = stop_sent()
    if shows == "reject":
        anna.rejects("77")
    elif shows == "added":
        anna.adds_a_record()
    elif shows == "statistics":
        desk.ocs.has_records_again()
    else:
        desk.witness().retrieved(3)
    desk.ocs.answers(Status.RUNNING)
    assert News.ABANDONED in desk.news()
    assert desk["state"] == "running"


def test_r23_unload_waits_for_the_outstanding_record() -> None:
    """A record reached an agent just before the dialer stopped: Unload waits until it is finished."""
    desk, [anna] = stopped()
    anna.gets("78")
    desk.passes(3600)
    assert not desk.sent(Unload)
    assert desk["waiting_for"] == "1 record outstanding"
    anna.processes("78")
    anna.acknowledged()
    assert len(desk.sent(Unload)) == 1


def test_r23_a_record_returned_after_stop_keeps_the_group_loaded() -> None:
    """The agent gives it back: OCS has a record, so the group is not unloaded, and operators are told loudly."""
    desk, [anna] = stopped()
    anna.gets("78")
    anna.rejects("78")
    anna.acknowledged()
    desk.passes(24 * 3600)
    assert not desk.sent(Unload)
    assert desk["state"] == "loaded"
    assert News.STOPPED_WITH_RECORDS in desk.news()
    assert len(desk.sent(Settled)) == 1


def test_r23_a_rejected_record_that_goes_to_somebody_else_counts_as_returned() -> None:
    """It was returned meanwhile; that another agent finishes it within the wait changes nothing."""
    desk, [anna, ben] = stopped("3001", "3002")
    anna.gets("78")
    anna.rejects("78")
    anna.acknowledged()
    ben.gets("78")
    ben.processes("78")
    ben.acknowledged()
    desk.passes(3600)
    assert not desk.sent(Unload)
    assert News.STOPPED_WITH_RECORDS in desk.news()


@pytest.mark.parametrize("whole", [True, False])
def test_r23_records_retrieved_after_stop_keep_the_group_loaded(whole: bool) -> None:
    """A witness, there from the beginning or not, sees a retrieval after Stop: no Unload."""
    desk, _ = stopped()
    witness = desk.witness(found=whole)
    witness.retrieved(1, records=frozenset({"r1"}))
    desk.passes(3600)
    assert not desk.sent(Unload)
    assert News.STOPPED_WITH_RECORDS in desk.news()


def test_r23_a_record_retrieved_again_after_stop_counts_too() -> None:
    """The same record once more is a record all the same."""
    desk = Desk()
    anna, witness = desk.agent(), desk.witness()
    desk.runs()
    witness.retrieved(1, asked=10, records=frozenset({"r1"}))
    runs_dry(desk, anna)
    desk.passes(SETTLE)
    desk.ocs.stopped()
    witness.retrieved(1, asked=10, records=frozenset({"r1"}))
    desk.passes(3600)
    assert not desk.sent(Unload)
    assert News.STOPPED_WITH_RECORDS in desk.news()


def test_r23_an_empty_retrieval_after_stop_is_no_record() -> None:
    """A witness sees a retrieval that brings nothing: Unload follows."""
    desk, _ = stopped()
    desk.witness().retrieved(0)
    desk.passes(WAIT)
    assert len(desk.sent(Unload)) == 1


def test_r23_statistics_after_stop_are_no_returned_record() -> None:
    """A dialer that has stopped waits for records no more, and says so: that is not a record."""
    desk, _ = stopped()
    desk.ocs.has_records_again()
    desk.passes(WAIT)
    assert len(desk.sent(Unload)) == 1


def test_r23_a_callback_made_after_stop_keeps_the_group_loaded() -> None:
    """The last agent reschedules the record he had: with hold_for_callbacks that is a record left."""
    desk, [anna] = stopped()
    anna.gets("78")
    anna.reschedules("78", due="01/01/2027 10:00")
    anna.acknowledged()
    desk.passes(3600)
    assert not desk.sent(Unload)
    assert News.STOPPED_WITH_RECORDS in desk.news()


def test_r23_where_callbacks_do_not_hold_they_do_not_hold_unload() -> None:
    """With hold_for_callbacks = no the callback waits for the next load."""
    desk, [anna] = stopped(policy=Policy(by=By.PROXY, hold_for_callbacks=False))
    anna.gets("78")
    anna.reschedules("78", due="01/01/2027 10:00")
    anna.acknowledged()
    desk.passes(WAIT)
    assert len(desk.sent(Unload)) == 1


def test_r23_unload_is_not_repeated_into_an_outstanding_record() -> None:
    """Unload is refused, and a late PreviewRecord shows why: it is repeated only when that record is finished."""
    desk, [anna], unload = unload_sent()
    anna.gets("78")
    desk.ocs.refuses(unload.reference)
    desk.ocs.answers(Status.ACTIVE, reference=desk.sent(AskStatus)[-1].reference)
    assert not desk.sent(Unload)
    assert len(desk.sent(AskStatus)) == 1, "and it is not asked about in a loop"
    anna.processes("78")
    anna.acknowledged()
    desk.passes(TIMEOUT)
    desk.ocs.answers(Status.ACTIVE, reference=desk.sent(AskStatus)[-1].reference)
    assert len(desk.sent(Unload)) == 1


def test_r23_unload_is_not_repeated_when_a_record_was_returned() -> None:
    """Unload is refused, and a record has been given back since: the group stays loaded."""
    desk, [anna], unload = unload_sent()
    anna.gets("78")
    anna.rejects("78")
    anna.acknowledged()
    desk.ocs.refuses(unload.reference)
    desk.ocs.answers(Status.ACTIVE, reference=desk.sent(AskStatus)[-1].reference)
    desk.passes(3600)
    assert not desk.sent(Unload)
    assert desk["state"] == "loaded"
    assert News.STOPPED_WITH_RECORDS in desk.news()


def test_r23_no_unload_while_an_agent_cannot_be_read() -> None:
    """A session turns blind after Stop (R16): who knows what that agent holds? Unload waits until it is gone."""
    desk, [anna] = stopped()
    anna.turns_blind()
    desk.passes(3600)
    assert not desk.sent(Unload)
    anna.leaves()
    assert len(desk.sent(Unload)) == 1


def test_r23_the_proxy_never_starts_a_group() -> None:
    """Whatever it did by mistake is reported, not undone: it has no words but Stop, Unload and the question."""
    desk, [anna] = stopped()
    anna.gets("78")
    anna.rejects("78")
    anna.acknowledged()
    desk.passes(24 * 3600)
    assert {type(command) for _, command in desk.said} <= {Announce, Settled, NotifyAgent, *desk_wakes(desk)}


def desk_wakes(desk: Desk) -> set[type]:
    """The command types that speak to nobody."""
    return {type(command) for _, command in desk.said if type(command).__name__ == "WakeAt"}


# ------------------------------------------------------------------------------------------------- R24: references


def test_r24_references_are_of_a_reserved_range_and_never_the_same() -> None:
    """Stop, Unload and status requests can be told from every client's by their reference."""
    desk, _, stop = stop_sent()
    desk.passes(TIMEOUT)
    desk.ocs.answers(Status.RUNNING, reference=desk.sent(AskStatus)[-1].reference)
    desk.ocs.stopped()
    desk.passes(WAIT)
    ours = [stop.reference, *(said.reference for kind in (Stop, Unload, AskStatus) for said in desk.sent(kind))]
    assert len(ours) == 4
    assert len(set(ours)) == len(ours)
    assert all(0x60000000 <= reference <= 0x6FFFFFFF for reference in ours)


def test_r24_two_instances_never_use_the_same_reference() -> None:
    """Two proxies at one OCS: an answer to the one is not taken for an answer to the other."""
    used = []
    for instance in (1, 2):
        desk = Desk(instance=instance)
        for _ in range(20_000):
            desk.ocs.connected()
            desk.ocs.lost()
        used.append({asked.reference for asked in desk.sent(AskStatus)})
    assert used[0].isdisjoint(used[1])


def test_r24_an_answer_to_the_other_instance_does_not_repeat_our_stop() -> None:
    """The other proxy's question is answered on the Communication DN, too."""
    desk, _, _ = stop_sent()
    desk.passes(TIMEOUT)
    [asked] = desk.sent(AskStatus)
    desk.ocs.answers(Status.RUNNING, reference=asked.reference ^ (1 << 14))
    assert not desk.sent(Stop)


def test_r24_references_are_compared_as_text() -> None:
    """OCS may send the reference back as text."""
    desk, _, _ = stop_sent()
    desk.passes(TIMEOUT)
    [asked] = desk.sent(AskStatus)
    desk.ocs.answers(Status.RUNNING, reference=str(asked.reference))
    assert len(desk.sent(Stop)) == 1


# ------------------------------------------------------------------------------------------------ several groups


def test_r20_two_groups_of_one_campaign_are_completed_each_for_itself() -> None:
    """One group of a campaign runs dry, the other dials on: only the first is stopped and unloaded."""
    sales, night = SALES, GroupNames(dbid=102, campaign_id=11, group_id=733, name="Sales@Night")
    desk = Desk(group(sales), group(night))
    anna = desk.agent("3001", campaign=None)
    anna.names = GroupNames(name="Sales@Agents")
    nora = desk.agent("4001", campaign=None)
    nora.names = GroupNames(name="Sales@Night")
    desk.ocs.connected()
    for names in (sales, night):
        client = desk.client(names)
        desk.ocs.loaded(names, client.loads(1))
        desk.ocs.started("Preview", names, client.starts(1))
    nora.gets("5")
    runs_dry(desk, anna)
    desk.passes(SETTLE)
    desk.ocs.stopped(sales)
    desk.passes(WAIT)
    desk.ocs.unloaded(sales)
    desk.passes(WAIT)
    assert [stop.names.dbid for stop in desk.sent(Stop)] == [101]
    assert [unload.names.dbid for unload in desk.sent(Unload)] == [101]
    assert {told.dn for told in desk.sent(NotifyAgent)} == {"3001"}
    assert desk.group("Sales@Night")["state"] == "running"
    assert not desk.sent(Swallow)


def test_r20_requests_go_out_by_the_groups_own_protocol() -> None:
    """`control` says by which protocol the proxy speaks, and its session is the one that has to be there."""
    policy = Policy(by=By.PROXY, control=Control.DIRECT)
    desk = Desk(group(policy=policy))
    anna = desk.agent()
    desk.runs()
    runs_dry(desk, anna)
    desk.passes(SETTLE)
    assert not desk.sent(Stop), "the direct session is not there"
    desk.ocs.at("direct").connected()
    desk.ocs.at("direct").answers(Status.RUNNING)
    desk.passes(SETTLE)
    assert [stop.control for stop in desk.sent(Stop)] == ["direct"]
