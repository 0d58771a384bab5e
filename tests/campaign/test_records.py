"""Where every record of a group is, as the events of agents tell it (R6 to R9)."""

from __future__ import annotations

import pytest

from proxy.campaign.observation import Action, AgentHeard, GroupNames, News, Status, Stop, Word
from proxy.campaign.policy import By, Policy
from proxy.campaign.registrations import MAX_BEHIND, Registrations
from proxy.campaign.requests import MAX_UNANSWERED
from tests.campaign.desk import COMPLETES, SALES, Agent, Desk, group
from tests.campaign.scenes import SETTLE, TIMEOUT

Counts = tuple[int, int, int, int, int]


def counts(desk: Desk, name: str | None = None) -> Counts:
    """How many records a group has: delivered, outstanding, finalized, returned, scheduled."""
    status = desk.group(name)
    return (
        status["delivered"],
        status["outstanding"],
        status["finalized"],
        status["returned"],
        status["scheduled"],
    )


NONE: Counts = (0, 0, 0, 0, 0)
OUTSTANDING: Counts = (1, 1, 0, 0, 0)
FINALIZED: Counts = (1, 0, 1, 0, 0)
RETURNED: Counts = (1, 0, 0, 1, 0)
SCHEDULED: Counts = (1, 0, 0, 0, 1)


def running(policy: Policy = COMPLETES) -> tuple[Desk, Agent]:
    """A group that runs, and an agent who works in it."""
    desk = Desk(group(policy=policy))
    anna = desk.agent("3001")
    desk.runs()
    return desk, anna


# ---------------------------------------------------------------------------------------------------- R6: delivering


@pytest.mark.parametrize(
    ("event", "telephony"),
    [
        ("PreviewRecord", False),
        ("ScheduledCall", False),
        ("EventRinging", True),
        ("EventDialing", True),
        ("EventEstablished", True),
    ],
)
def test_r6_whatever_brings_a_record_makes_it_outstanding(event: str, telephony: bool) -> None:
    """A record that reaches an agent, in whichever event, is with that agent from now on."""
    desk, anna = running()
    anna.gets("77", event, telephony=telephony)
    assert counts(desk) == OUTSTANDING
    assert desk["agents"] == ["3001"]


def test_r6_a_record_counts_once_through_all_the_events_of_its_call() -> None:
    """Previewed, dialled, answered: it is one record all the time."""
    desk, anna = running()
    anna.gets("77")
    anna.rings("77", "EventDialing")
    anna.rings("77", "EventEstablished")
    assert counts(desk) == OUTSTANDING


def test_r6_the_other_records_of_a_chain_are_not_delivered() -> None:
    """ChainedRecord tells of siblings: nobody has to finish them."""
    desk, anna = running()
    anna.gets("77")
    anna.shows_a_sign("78")
    anna.shows_a_sign("79")
    assert counts(desk) == OUTSTANDING


def test_r6_the_end_of_a_call_delivers_nothing() -> None:
    """A call of a record that was never seen delivered ends: there is no record to finish."""
    desk, anna = running()
    anna.hangs_up("77")
    assert counts(desk) == NONE


@pytest.mark.parametrize("event", ["EventRinging", "EventDialing", "EventEstablished"])
def test_r6_a_late_event_of_the_call_does_not_reopen_a_finalized_record(event: str) -> None:
    """The agent finished the record; an event of its call comes on a slower connection."""
    desk, anna = running()
    anna.gets("77")
    anna.processes("77")
    anna.acknowledged()
    anna.rings("77", event)
    assert counts(desk) == FINALIZED


@pytest.mark.parametrize("event", ["EventRinging", "EventDialing", "EventEstablished"])
def test_r6_a_late_event_of_the_call_does_not_deliver_a_scheduled_record(event: str) -> None:
    """The agent promised to call again; an event of the first call comes on a slower connection."""
    desk, anna = running()
    anna.gets("77")
    anna.reschedules("77", due="11/23/2026 14:00")
    anna.acknowledged()
    anna.rings("77", event)
    assert counts(desk) == SCHEDULED


def test_r6_a_late_event_of_the_call_does_not_count_in_the_next_session() -> None:
    """The group is unloaded while a call goes on: its record is the ended session's, and not in the way of the next."""
    desk, anna = running()
    anna.rings("77")
    desk.ocs.unloaded()
    anna.rings("77", "EventEstablished")
    anna.processes("77")
    anna.acknowledged()
    assert counts(desk) == FINALIZED
    anna.rings("77", "EventEstablished")
    desk.ocs.loaded()
    assert counts(desk) == NONE


def test_r6_a_callback_that_is_due_is_outstanding_again() -> None:
    """ScheduledCall brings the scheduled record itself: it has to be finished once more, and counts once."""
    desk, anna = running()
    anna.gets("77")
    anna.reschedules("77")
    anna.acknowledged()
    anna.gets("77", "ScheduledCall")
    assert counts(desk) == OUTSTANDING


@pytest.mark.parametrize("dn", ["3001", "3002"])
@pytest.mark.parametrize("telephony", [False, True])
def test_r6_a_returned_record_delivered_again_to_whomever_is_outstanding(dn: str, telephony: bool) -> None:
    """A rejected record comes back, to the same agent or another, as a preview or as a call."""
    desk, anna = running()
    other = anna if dn == "3001" else desk.agent(dn)
    anna.gets("77")
    anna.rejects("77")
    anna.acknowledged()
    assert counts(desk) == RETURNED
    other.gets("77", "EventRinging" if telephony else "PreviewRecord", telephony=telephony)
    assert counts(desk) == OUTSTANDING


def test_r6_a_record_seen_delivered_after_it_was_rejected_counts_as_delivered() -> None:
    """The proxy came while the agent had the record; the next who gets it is the first it saw."""
    desk, anna = running()
    anna.rejects("77")
    anna.acknowledged()
    assert counts(desk) == (0, 0, 0, 1, 0)
    desk.agent("3002").gets("77")
    assert counts(desk) == OUTSTANDING


def test_r6_records_begin_anew_with_a_session_and_stay_readable_after_it() -> None:
    """After unloaded one can still read what was done; the next Load begins at nought."""
    desk, anna = running()
    anna.gets("77")
    anna.processes("77")
    anna.acknowledged()
    desk.ocs.stopped()
    desk.ocs.unloaded()
    assert counts(desk) == FINALIZED
    desk.ocs.loaded()
    assert counts(desk) == NONE


def test_r6_a_record_that_is_ahead_of_ocs_word_counts_in_the_session_that_begins() -> None:
    """The agent's connection is faster than the one that says the group is loaded and started."""
    desk = Desk()
    anna = desk.agent()
    desk.ocs.connected()
    desk.ocs.answers(Status.NOT_LOADED)
    anna.gets("77")
    desk.ocs.loaded()
    desk.ocs.started()
    assert counts(desk) == OUTSTANDING


# -------------------------------------------------------------------------------------------------------- R6: copies


def test_r6_two_desktops_on_one_dn_see_one_record() -> None:
    """Both connections bring the same events; each record counts once."""
    desk, anna = running()
    second = desk.agent("3001")
    for handle in ("77", "78"):
        anna.gets(handle)
        second.gets(handle)
    assert counts(desk) == (2, 2, 0, 0, 0)
    assert desk.counted("copies") == 2


def test_r6_a_late_copy_does_not_reopen_a_finished_record() -> None:
    """The slower connection brings the PreviewRecord when the faster one has finished the record."""
    desk, anna = running()
    slow = desk.agent("3001")
    anna.gets("77")
    anna.processes("77")
    anna.acknowledged()
    slow.gets("77")
    assert counts(desk) == FINALIZED


def test_r6_a_late_copy_is_one_though_the_faster_connection_has_ended() -> None:
    """The desktop that finished the record disconnects; the other connection of the DN is still behind."""
    desk, anna = running()
    slow = desk.agent("3001")
    anna.gets("77")
    anna.processes("77")
    anna.acknowledged()
    anna.leaves()
    slow.gets("77")
    assert counts(desk) == FINALIZED
    slow.gets("77")
    assert counts(desk) == OUTSTANDING, "the second time on it is news"


def test_r6_the_second_time_on_one_connection_is_news_whichever_it_is() -> None:
    """Rejected and delivered again: each connection brings the record twice, in any order."""
    desk, anna = running()
    second = desk.agent("3001")
    second.gets("77")
    anna.gets("77")
    anna.rejects("77")
    anna.acknowledged()
    second.gets("77")
    assert counts(desk) == OUTSTANDING
    anna.processes("77")
    anna.acknowledged()
    anna.gets("77")
    assert counts(desk) == FINALIZED, "its second time is the copy of the other's second"


def test_r6_a_session_that_registers_later_starts_from_the_count_of_then() -> None:
    """A desktop that joins hears nothing of what was; its first time is the other's second."""
    desk, anna = running()
    anna.gets("77")
    anna.rejects("77")
    anna.acknowledged()
    joined = desk.agent("3001")
    joined.gets("77")
    assert counts(desk) == OUTSTANDING
    anna.processes("77")
    anna.acknowledged()
    anna.gets("77")
    assert counts(desk) == FINALIZED


def test_r6_a_session_that_registers_again_starts_from_the_count_of_then() -> None:
    """What a session missed while it was not registered is not waited for."""
    desk, anna = running()
    second = desk.agent("3001")
    anna.gets("77")
    second.unregisters()
    second.registers()
    second.gets("77")
    assert desk.counted("copies") == 0


def test_r6_events_are_copies_of_events_of_the_same_name_and_handle_only() -> None:
    """EventRinging on one connection says nothing of EventEstablished on another, nor of another record."""
    desk, anna = running()
    second = desk.agent("3001")
    anna.rings("77")
    second.rings("77", "EventEstablished")
    second.rings("78")
    assert desk.counted("copies") == 0
    second.rings("77")
    assert desk.counted("copies") == 1


def test_r6_another_dns_event_is_no_copy() -> None:
    """The same record at two agents, one after the other, is with the second."""
    desk, anna = running()
    bert = desk.agent("3002")
    anna.rings("77")
    bert.rings("77")
    assert desk.counted("copies") == 0
    assert counts(desk) == OUTSTANDING


def test_r6_copies_waited_for_are_bounded() -> None:
    """A connection that never brings its copies costs no memory without end; what is newest is still known."""
    registrations = Registrations()
    registrations.register(1, "3001")
    registrations.register(2, "3001")
    for handle in range(MAX_BEHIND + 1):
        assert not registrations.is_copy(1, "3001", "PreviewRecord", str(handle))
    assert not registrations.is_copy(2, "3001", "PreviewRecord", "0"), "the oldest is forgotten"
    assert registrations.is_copy(2, "3001", "PreviewRecord", str(MAX_BEHIND))


def test_r6_a_session_that_has_ended_leaves_nothing_behind() -> None:
    """Neither what it was behind by, nor that it could not be read; only when the DN lost its last session."""
    registrations = Registrations()
    registrations.register(1, "3001")
    registrations.register(2, "3001")
    registrations.is_copy(1, "3001", "PreviewRecord", "77")
    registrations.blind(2)
    for session in (1, 2):
        registrations.end(session, 5.0)
    assert registrations.gone_since("3001") == 5.0
    registrations.register(3, "3001")
    fresh = Registrations()
    fresh.register(3, "3001")
    assert registrations == fresh


def test_r6_a_copy_of_a_cancel_does_not_end_the_record_that_came_back() -> None:
    """The slower connection brings OCS's RecordCancel after the record was delivered anew."""
    desk, anna = running()
    slow = desk.agent("3001")
    anna.gets("77")
    slow.gets("77")
    anna.loses("77")
    anna.gets("77")
    slow.loses("77")
    assert counts(desk) == OUTSTANDING


# -------------------------------------------------------------------------------------------------- R7: transitions


@pytest.mark.parametrize(
    ("action", "after"),
    [
        (Action.PROCESS, FINALIZED),
        (Action.CANCEL, FINALIZED),
        (Action.DO_NOT_CALL, FINALIZED),
        (Action.REJECT, RETURNED),
        (Action.RESCHEDULE, SCHEDULED),
        (Action.RESCHEDULE_CALLBACK, SCHEDULED),
        (Action.UPDATE, OUTSTANDING),
    ],
)
def test_r7_the_acknowledgement_makes_the_transition(action: Action, after: Counts) -> None:
    """What the agent asks for changes nothing until OCS says yes."""
    desk, anna = running()
    anna.gets("77")
    anna.does(action, "77")
    assert counts(desk) == OUTSTANDING
    anna.acknowledged()
    assert counts(desk) == after
    assert desk.counted("actions_unacknowledged") == 0


def test_r7_a_record_cancelled_elsewhere_is_finalized() -> None:
    """OCS takes the record from the agent's desktop, unasked."""
    desk, anna = running()
    anna.gets("77")
    anna.loses("77")
    assert counts(desk) == FINALIZED


def test_r7_record_processed_leaves_a_scheduled_record_scheduled() -> None:
    """Desktops reschedule a record and then close it: it is still a callback."""
    desk, anna = running()
    anna.gets("77")
    anna.reschedules("77")
    anna.acknowledged()
    anna.processes("77")
    anna.acknowledged()
    assert counts(desk) == SCHEDULED


@pytest.mark.parametrize("action", [Action.CANCEL, Action.DO_NOT_CALL])
def test_r7_a_scheduled_record_can_be_cancelled(action: Action) -> None:
    """The customer calls in before the callback: nobody has to call him any more."""
    desk, anna = running()
    anna.gets("77")
    anna.reschedules("77")
    anna.acknowledged()
    anna.does(action, "77")
    anna.acknowledged()
    assert counts(desk) == FINALIZED


def test_r7_a_scheduled_record_keeps_its_time() -> None:
    """The time of a callback is the one the agent wrote, the last one that counts."""
    desk, anna = running()
    anna.gets("77")
    anna.reschedules("77", due="11/23/2026 14:00")
    anna.acknowledged()
    [group_of_it] = desk.groups._which.groups
    record = group_of_it.session.records.get("77")
    assert record is not None
    assert record.due == "11/23/2026 14:00"
    anna.does(Action.RESCHEDULE_CALLBACK, "77", due="11/24/2026 09:00")
    anna.acknowledged()
    assert record.due == "11/24/2026 09:00"
    anna.gets("77", "ScheduledCall")
    assert record.due is None


def test_r7_without_an_acknowledgement_the_transition_is_made_when_it_is_overdue() -> None:
    """OCS's answer is lost: after answer_timeout the record is where the agent put it, and that is counted."""
    desk, anna = running()
    anna.gets("77")
    anna.processes("77")
    desk.passes(TIMEOUT - 0.1)
    assert counts(desk) == OUTSTANDING
    desk.passes(0.1)
    assert counts(desk) == FINALIZED
    assert desk.counted("actions_unacknowledged") == 1


def test_r7_the_time_of_the_group_counts() -> None:
    """answer_timeout may be set for a group."""
    desk, anna = running(Policy(by=By.PROXY, answer_timeout=3))
    anna.gets("77")
    anna.rejects("77")
    desk.passes(3)
    assert counts(desk) == RETURNED


def test_r7_the_transition_is_made_though_the_desktop_has_gone() -> None:
    """The agent finished the record and closed the desktop: the request went upstream all the same."""
    desk, anna = running()
    anna.gets("77")
    anna.processes("77")
    anna.leaves()
    desk.passes(TIMEOUT)
    assert counts(desk) == FINALIZED


def test_r7_a_late_acknowledgement_changes_nothing() -> None:
    """The record was taken for returned, came again, and only then the acknowledgement is seen."""
    desk, anna = running()
    anna.gets("77")
    anna.rejects("77")
    desk.passes(TIMEOUT)
    anna.gets("77")
    anna.acknowledged(Action.REJECT, "77")
    assert counts(desk) == OUTSTANDING
    assert desk.counted("acknowledgements_unmatched") == 1


def test_r7_the_t_servers_refusal_cancels_the_transition() -> None:
    """EventError: the request never reached OCS, the agent still has the record."""
    desk, anna = running()
    anna.gets("77")
    anna.processes("77", message_reference=5)
    anna.refused(5)
    desk.passes(TIMEOUT)
    assert counts(desk) == OUTSTANDING
    assert desk.counted("actions_unacknowledged") == 0


def test_r7_an_error_that_answers_another_request_cancels_nothing() -> None:
    """EventError to something else the desktop asked, or to another desktop."""
    desk, anna = running()
    bert = desk.agent("3002")
    anna.gets("77")
    anna.processes("77", message_reference=5)
    anna.refused(6)
    bert.refused(5)
    desk.passes(TIMEOUT)
    assert counts(desk) == FINALIZED


def test_r7_an_error_after_the_t_server_took_the_request_is_about_another_one() -> None:
    """EventACK came: the desktop may use the reference again, and fail with it."""
    desk, anna = running()
    anna.gets("77")
    anna.processes("77", message_reference=5)
    anna.taken(5)
    anna.refused(5)
    desk.passes(TIMEOUT)
    assert counts(desk) == FINALIZED


@pytest.mark.parametrize("told", [{"handle": "77"}, {"reference": "5"}, {"handle": "77", "reference": "5"}, {}])
def test_r7_ocs_error_cancels_the_transition(told: dict[str, str]) -> None:
    """GSW_ERROR, by whatever it tells which request it answers: the agent still has the record."""
    desk, anna = running()
    anna.gets("77")
    anna.processes("77", "5")
    anna.hears_error(**told)
    desk.passes(TIMEOUT)
    assert counts(desk) == OUTSTANDING
    assert (desk.counted("actions_refused"), desk.counted("actions_unacknowledged")) == (1, 0)


@pytest.mark.parametrize("told", [{"handle": "78"}, {"reference": "6"}, {"handle": "78", "reference": "5"}])
def test_r7_an_error_with_another_handle_or_reference_cancels_nothing(told: dict[str, str]) -> None:
    """It answers another request."""
    desk, anna = running()
    anna.gets("77")
    anna.processes("77", "5")
    anna.hears_error(**told)
    desk.passes(TIMEOUT)
    assert counts(desk) == FINALIZED


@pytest.mark.parametrize("action", [Action.CANCEL, Action.DO_NOT_CALL])
def test_r7_by_phone_it_is_that_agents_record_with_that_phone(action: Action) -> None:
    """DoNotCall or cancel by a number: of the agent's own open record, not of a colleague's with the same number."""
    desk, anna = running()
    bert = desk.agent("3002")
    bert.gets("78", phone="555")
    anna.gets("76", phone="444")
    anna.gets("77", phone="555")
    anna.does(action, phone="555")
    anna.acknowledged()
    assert counts(desk) == (3, 2, 1, 0, 0)
    bert.processes("78")
    bert.acknowledged()
    anna.processes("76")
    anna.acknowledged()
    assert counts(desk) == (3, 0, 3, 0, 0)


@pytest.mark.parametrize("acknowledged_with", [None, "99"])
def test_r7_by_a_phone_that_no_open_record_has_it_is_of_none(acknowledged_with: str | None) -> None:
    """The number of another agent's record, or of a finished one: no record is touched, whatever OCS calls it."""
    desk, anna = running()
    bert = desk.agent("3002")
    bert.gets("78", phone="555")
    anna.gets("77", phone="444")
    anna.processes("77")
    anna.acknowledged()
    anna.wants_no_call(phone="555", reference="5")
    anna.wants_no_call(phone="444", reference="6")
    anna.acknowledged(Action.DO_NOT_CALL, acknowledged_with, "5")
    anna.acknowledged(Action.DO_NOT_CALL, acknowledged_with, "6")
    assert desk.counted("acknowledgements_unmatched") == 0
    assert counts(desk) == (2, 1, 1, 0, 0)


def test_r7_only_cancel_and_do_not_call_go_by_phone() -> None:
    """RecordProcessed with a number but no handle is of the record that its acknowledgement names."""
    desk, anna = running()
    anna.gets("77", phone="555")
    anna.gets("78", phone="666")
    anna.processes(phone="555", reference="5")
    anna.acknowledged(Action.PROCESS, "78", "5")
    assert counts(desk) == (2, 1, 1, 0, 0)
    anna.processes("77")
    anna.acknowledged()
    assert counts(desk) == (2, 0, 2, 0, 0)


def test_r7_a_record_finished_after_the_group_is_unloaded_is_the_ended_sessions() -> None:
    """The agent still has the record open when the group is unloaded, and loaded again afterwards."""
    desk, anna = running()
    anna.gets("77")
    desk.ocs.stopped()
    desk.ocs.unloaded()
    anna.processes("77")
    anna.acknowledged()
    assert counts(desk) == FINALIZED
    anna.processes("76")
    anna.acknowledged()
    desk.ocs.loaded()
    assert counts(desk) == NONE


def test_r7_what_agents_do_before_anything_is_known_is_of_the_session_that_is_found() -> None:
    """The proxy has just started; a rejected record is in OCS's hands whoever saw its delivery."""
    desk = Desk()
    anna = desk.agent()
    anna.rejects("77")
    anna.acknowledged()
    desk.ocs.connected()
    desk.ocs.answers(Status.RUNNING)
    assert desk["returned"] == 1


def test_r7_a_handle_of_two_sessions_is_the_latest_record() -> None:
    """It was open when the group was unloaded; OCS gives it out again, ahead of its word that the group is loaded."""
    desk, anna = running()
    anna.gets("77")
    desk.ocs.unloaded()
    anna.gets("77")
    anna.processes("77")
    anna.acknowledged()
    desk.ocs.loaded()
    assert counts(desk) == FINALIZED


def test_r7_more_unanswered_requests_than_can_be_remembered_give_up_the_oldest() -> None:
    """A desktop that floods OCS costs bounded memory; the record of the oldest request goes where it was put."""
    desk, anna = running()
    anna.gets("77")
    anna.processes("77")
    for _ in range(MAX_UNANSWERED - 1):
        anna.asks()
    assert counts(desk) == OUTSTANDING
    anna.asks()
    assert counts(desk) == FINALIZED
    assert desk.counted("actions_unacknowledged") == 1


# ------------------------------------------------------------------- R6, R7: connections in no order with one another


def test_r6_a_reject_acknowledged_after_the_record_is_with_another_does_not_take_it_back() -> None:
    """OCS gave the rejected record to a colleague, whose connection is faster than the acknowledgement's."""
    desk, anna = running()
    bert = desk.agent("3002")
    anna.gets("77")
    anna.rejects("77")
    bert.gets("77")
    anna.acknowledged()
    assert counts(desk) == OUTSTANDING
    bert.processes("77")
    bert.acknowledged()
    assert counts(desk) == FINALIZED


@pytest.mark.parametrize("dn", ["3001", "3002"])
def test_r7_silence_does_not_take_back_a_record_that_came_again(dn: str) -> None:
    """The acknowledgement of a reject is lost, but the record is delivered again: whoever has it now has it."""
    desk, anna = running()
    other = anna if dn == "3001" else desk.agent(dn)
    anna.gets("77")
    anna.rejects("77")
    desk.passes(1)
    other.gets("77")
    desk.passes(TIMEOUT)
    assert counts(desk) == OUTSTANDING
    assert desk.counted("actions_overtaken") == 1


def test_r7_silence_on_a_reschedule_does_not_take_back_the_callback_that_is_due() -> None:
    """The acknowledgement is lost and the callback is due at once."""
    desk, anna = running()
    anna.gets("77")
    anna.reschedules("77")
    desk.passes(1)
    anna.gets("77", "ScheduledCall")
    desk.passes(TIMEOUT)
    assert counts(desk) == OUTSTANDING


def test_r7_events_of_the_same_call_do_not_overtake_its_disposition() -> None:
    """The agent finishes the record before the last event of its call is seen."""
    desk, anna = running()
    anna.rings("77")
    anna.processes("77")
    anna.rings("77", "EventEstablished")
    desk.passes(TIMEOUT)
    assert counts(desk) == FINALIZED


def test_r7_an_acknowledged_reject_of_the_only_agent_returns_the_record_he_got_twice() -> None:
    """On one connection all is in order: delivered, delivered again, then the reject is acknowledged."""
    desk, anna = running()
    anna.gets("77")
    anna.rejects("77")
    anna.gets("77")
    anna.acknowledged()
    assert counts(desk) == RETURNED


def test_r7_a_record_that_is_finalized_is_so_though_its_call_was_transferred() -> None:
    """The first agent finishes the record while the second has the call."""
    desk, anna = running()
    bert = desk.agent("3002")
    anna.rings("77")
    anna.processes("77")
    bert.rings("77")
    anna.acknowledged()
    assert counts(desk) == FINALIZED


# ------------------------------------------------------------- R8: which acknowledgement belongs to which request


def test_r8_a_bare_acknowledgement_goes_by_its_reference() -> None:
    """An acknowledgement that carries nothing but GSW_REFERENCE_ID: record and campaign are those of the request."""
    desk, anna = running()
    anna.gets("77")
    anna.gets("78")
    anna.processes("77", "5")
    anna.rejects("78", "6")
    anna.acknowledged_barely("6", Action.REJECT)
    assert counts(desk) == (2, 1, 0, 1, 0)
    anna.acknowledged_barely("5", Action.PROCESS)
    assert counts(desk) == (2, 0, 1, 1, 0)


def test_r8_with_a_reference_it_belongs_to_no_request_without_or_with_another() -> None:
    """Nor to the oldest: unmatched, it changes nothing, and is counted."""
    desk, anna = running()
    anna.gets("77")
    anna.gets("78")
    anna.processes("77")
    anna.processes("78", "6")
    anna.acknowledged_barely("5")
    assert counts(desk) == (2, 2, 0, 0, 0)
    assert desk.counted("acknowledgements_unmatched") == 1


def test_r8_with_a_handle_it_belongs_to_the_request_with_that_handle() -> None:
    """Whichever was asked first."""
    desk, anna = running()
    anna.gets("77")
    anna.gets("78")
    anna.processes("77")
    anna.rejects("78")
    anna.processes("78")
    anna.acknowledged(Action.PROCESS, "78")
    assert counts(desk) == (2, 1, 1, 0, 0)
    anna.acknowledged(Action.PROCESS, "79")
    assert counts(desk) == (2, 1, 1, 0, 0)


def test_r8_a_reference_and_a_handle_must_both_be_right() -> None:
    """The reference was used before, for another record."""
    desk, anna = running()
    anna.gets("77")
    anna.processes("77", "5")
    anna.acknowledged(Action.PROCESS, "78", "5")
    anna.acknowledged(Action.PROCESS, "77", "6")
    assert counts(desk) == OUTSTANDING
    anna.acknowledged(Action.PROCESS, "77", "5")
    assert counts(desk) == FINALIZED


def test_r8_it_belongs_to_a_request_of_its_kind_only() -> None:
    """RecordRejectAcknowledge with the reference of a RecordProcessed answers nothing."""
    desk, anna = running()
    anna.gets("77")
    anna.processes("77", "5")
    anna.acknowledged_barely("5", Action.REJECT)
    anna.acknowledged_barely(None, Action.REJECT)
    anna.acknowledged(Action.REJECT, "77")
    assert counts(desk) == OUTSTANDING


def test_r8_with_neither_it_belongs_to_the_oldest_of_its_kind_on_that_connection() -> None:
    """One after the other, whatever references the requests had; and each request is answered once."""
    desk, anna = running()
    bert = desk.agent("3002")
    bert.gets("76")
    bert.processes("76")
    for handle in ("77", "78"):
        anna.gets(handle)
    anna.rejects("77")
    anna.reschedules("78", "6")
    anna.processes("78")
    anna.processes("77")
    anna.acknowledged_barely()
    assert counts(desk) == (3, 2, 1, 0, 0)
    anna.processes("99")
    anna.acknowledged_barely()
    assert counts(desk) == (3, 1, 2, 0, 0)


def test_r8_a_reference_counts_on_its_connection_only() -> None:
    """Two desktops use the same references."""
    desk, anna = running()
    bert = desk.agent("3002")
    anna.gets("77")
    bert.gets("78")
    anna.processes("77", "5")
    bert.rejects("78", "5")
    bert.processes("78", "6")
    bert.acknowledged_barely("5", Action.PROCESS)
    assert counts(desk) == (2, 2, 0, 0, 0)


def test_r8_attribute_2_is_not_the_reference_of_an_acknowledgement() -> None:
    """The reference of the T-Server's message is another number than GSW_REFERENCE_ID."""
    desk, anna = running()
    anna.gets("77")
    anna.processes("77", message_reference=5)
    anna.acknowledged_barely("5")
    assert counts(desk) == OUTSTANDING


def test_r8_an_acknowledgement_nobody_asked_for_changes_nothing() -> None:
    """It is of a request that did not pass the proxy."""
    desk, anna = running()
    anna.gets("77")
    anna.acknowledged(Action.PROCESS, "77")
    assert counts(desk) == OUTSTANDING
    assert desk.counted("acknowledgements_unmatched") == 1


def test_r8_the_copy_of_an_acknowledgement_changes_nothing() -> None:
    """The other desktop of the DN sees it too; the same desktop sees it twice."""
    desk, anna = running()
    second = desk.agent("3001")
    anna.gets("77")
    second.gets("77")
    anna.rejects("77")
    second.acknowledged(Action.REJECT, "77")
    assert counts(desk) == OUTSTANDING
    anna.acknowledged()
    anna.gets("77")
    anna.acknowledged()
    assert counts(desk) == OUTSTANDING


def test_r8_an_error_without_campaign_belongs_to_the_oldest_request_for_a_record() -> None:
    """Not to the RecordProcessed before it, nor to the younger request."""
    desk = Desk(group(), group(GroupNames(dbid=102, name="Dunning@Agents"), COMPLETES))
    anna = desk.agent("3001")
    desk.runs()
    dunning = GroupNames(campaign="Dunning")
    desk.ocs.started(names=GroupNames(dbid=102))
    anna.gets("77")
    anna.gets("88", names=dunning)
    anna.processes("77")
    anna.asks(names=dunning)
    anna.asks()
    anna.hears_no_records(names=GroupNames())
    assert (desk.group("Dunning@Agents")["exhausted"], desk["exhausted"]) == (True, False)
    anna.hears_no_records(names=GroupNames())
    assert desk["exhausted"]
    desk.passes(TIMEOUT)
    assert counts(desk) == FINALIZED


def test_r8_an_error_that_says_neither_what_nor_whom_ends_a_request_and_is_no_evidence() -> None:
    """GSW_ERROR with any other text: the request is answered, nothing is known of records."""
    desk, anna = running()
    anna.gets("77")
    anna.processes("77")
    anna.acknowledged()
    anna.asks()
    anna.hears_error(names=GroupNames())
    assert not desk["exhausted"]
    anna.hears_no_records(names=GroupNames())
    assert not desk["exhausted"], "nothing was unanswered any more"


def test_r8_an_error_that_names_nobody_answers_no_action() -> None:
    """Any error without campaign is of the request for a record, though the agent processed one before."""
    desk, anna = running()
    anna.gets("77")
    anna.processes("77")
    anna.asks()
    anna.hears_error(names=GroupNames())
    desk.passes(TIMEOUT)
    assert counts(desk) == FINALIZED


def test_r8_no_records_available_answers_no_action() -> None:
    """It can only be said to who asked for one."""
    desk, anna = running()
    anna.gets("77")
    anna.processes("77")
    anna.asks()
    anna.hears_no_records()
    assert desk["exhausted"]
    desk.passes(TIMEOUT)
    assert counts(desk) == FINALIZED


def test_r8_an_error_without_campaign_is_of_the_request_and_not_of_the_agents_group() -> None:
    """The agent works for Sales and asked for a record of Dunning, where he has had none yet."""
    dunning = GroupNames(dbid=102, name="Dunning@Agents")
    desk = Desk(group(), group(dunning))
    anna, bert = desk.agent("3001"), desk.agent("3002")
    desk.runs()
    desk.ocs.started(names=dunning)
    anna.gets("77")
    bert.gets("88", names=dunning)
    anna.asks(names=dunning)
    anna.asks()
    anna.hears_no_records(names=GroupNames())
    assert (desk.group("Dunning@Agents")["exhausted"], desk["exhausted"]) == (True, False)


def test_r8_no_records_with_a_reference_of_its_own_answers_the_request_without_one() -> None:
    """Desktops may ask without a reference; a request with another reference is not meant."""
    desk, anna = running()
    anna.gets("77")
    anna.asks("6")
    anna.hears_no_records(reference="5")
    assert not desk["exhausted"]
    anna.asks()
    anna.hears_no_records(reference="5")
    assert desk["exhausted"]


def test_r8_an_error_of_another_campaign_answers_no_request_of_this_one() -> None:
    """The agent works for a campaign that does not pass the proxy as well."""
    desk, anna = running()
    anna.gets("77")
    anna.processes("77")
    anna.acknowledged()
    anna.asks()
    anna.hears_no_records(names=GroupNames(campaign="Elsewhere"))
    assert not desk["exhausted"]
    assert desk.counted("errors_unmatched") == 1


def test_r8_an_error_of_a_known_campaign_answers_no_request_of_a_group_whose_campaign_is_unknown() -> None:
    """The one is known by its DBID alone; the other is named for certain."""
    first, dunning = GroupNames(dbid=101), GroupNames(dbid=102, name="Dunning@Agents")
    desk = Desk(group(first), group(dunning))
    anna, bert = desk.agent("3001"), desk.agent("3002")
    desk.runs()
    desk.ocs.started(names=dunning)
    anna.gets("77", names=first)
    bert.gets("88", names=dunning)
    anna.asks(names=first)
    anna.asks(names=dunning)
    anna.hears_no_records(names=GroupNames(campaign="Dunning"))
    assert desk.group("Dunning@Agents")["exhausted"]
    assert not desk.group("group 101")["exhausted"]


def test_r8_an_error_that_names_a_shared_campaign_answers_the_request_that_passed() -> None:
    """Two groups dial the campaign and the agent is in both: the request on that connection tells which is meant."""
    north, south = GroupNames(dbid=1, name="Sales@North"), GroupNames(dbid=2, name="Sales@South")
    desk = Desk(group(north), group(south))
    anna = desk.agent()
    desk.runs()
    desk.ocs.started(names=south)
    anna.gets("77", names=north)
    anna.gets("88", names=south)
    anna.asks(names=south)
    anna.hears_no_records()
    assert desk.group("Sales@South")["exhausted"]
    assert not desk.group("Sales@North")["exhausted"]


@pytest.mark.parametrize(("asked", "answered"), [("5", "5"), ("5", None), (None, None), (None, "5")])
def test_r8_a_preview_record_answers_the_request_for_it(asked: str | None, answered: str | None) -> None:
    """With the request's reference, or with none: after it, `No Records Available` answers nothing any more."""
    desk, anna = running()
    anna.asks(asked)
    anna.gets("77", reference=answered)
    anna.processes("77")
    anna.acknowledged()
    anna.hears_no_records()
    assert not desk["exhausted"]


def test_r8_a_preview_record_answers_the_request_with_its_reference_first() -> None:
    """Two requests are unanswered; the older one stays so."""
    desk, anna = running()
    anna.asks("5")
    anna.asks("6")
    anna.gets("77", reference="6")
    anna.hears_no_records(reference="6")
    assert not desk["exhausted"]
    anna.hears_no_records(reference="5")
    assert desk["exhausted"]


def test_r8_a_preview_record_answers_requests_for_one_only() -> None:
    """Not the RecordProcessed that has the same reference."""
    desk, anna = running()
    anna.gets("77")
    anna.processes("77", "5")
    anna.asks("5")
    anna.gets("78", reference="5")
    desk.passes(TIMEOUT)
    assert counts(desk) == (2, 1, 1, 0, 0)


def test_r8_a_preview_record_with_another_reference_leaves_the_request_unanswered() -> None:
    """It is an answer to somebody else, or was pushed."""
    desk, anna = running()
    anna.asks("5")
    anna.gets("77", reference="6")
    anna.hears_no_records()
    assert desk["exhausted"]


def test_r8_a_preview_record_of_another_group_leaves_the_request_unanswered() -> None:
    """The agent works for two."""
    desk = Desk(group(), group(GroupNames(dbid=102, name="Dunning@Agents")))
    anna = desk.agent("3001")
    desk.runs()
    anna.gets("77")
    anna.asks()
    anna.gets("88", names=GroupNames(campaign="Dunning"))
    anna.hears_no_records()
    assert desk["exhausted"]


def test_r8_a_copy_answers_the_request_of_its_own_connection() -> None:
    """The desktop that asked has the slower connection."""
    desk, anna = running()
    slow = desk.agent("3001")
    slow.asks()
    anna.gets("77")
    slow.gets("77")
    anna.processes("77")
    anna.acknowledged()
    slow.hears_no_records()
    assert not desk["exhausted"]


def test_r8_a_callback_or_a_call_answers_no_request_for_a_record() -> None:
    """ScheduledCall and EventRinging come unasked: OCS still owes the answer."""
    desk, anna = running()
    anna.asks()
    anna.gets("77", "ScheduledCall")
    anna.rings("78")
    anna.hears_no_records()
    assert desk["exhausted"]


# ------------------------------------------------------------------------------------------------------ R9: chains


def test_r9_a_returned_record_may_come_again_under_another_handle() -> None:
    """The calling list and the chain tell that it is the same record."""
    desk, anna = running()
    bert = desk.agent("3002")
    anna.gets("77", calling_list="List", chain="9")
    anna.rejects("77")
    anna.acknowledged()
    bert.gets("1077", calling_list="List", chain="9")
    assert counts(desk) == OUTSTANDING
    bert.processes("1077")
    bert.acknowledged()
    assert counts(desk) == FINALIZED


@pytest.mark.parametrize("telephony", [False, True])
def test_r9_a_callback_may_come_under_another_handle(telephony: bool) -> None:
    """It is dialled, or shown to the agent, as the record it is; the rule on late events is about its old handle."""
    desk, anna = running()
    anna.gets("77", calling_list="List", chain="9")
    anna.reschedules("77")
    anna.acknowledged()
    anna.rings("77", "EventEstablished", calling_list="List", chain="9")
    assert counts(desk) == SCHEDULED
    event = "EventRinging" if telephony else "ScheduledCall"
    anna.gets("1077", event, calling_list="List", chain="9", telephony=telephony)
    assert counts(desk) == OUTSTANDING


@pytest.mark.parametrize(
    ("calling_list", "chain"), [("Other", "9"), ("List", "10"), (None, "9"), ("List", None), (None, None)]
)
def test_r9_a_record_of_another_list_or_chain_is_another_record(calling_list: str | None, chain: str | None) -> None:
    """A chain id counts within its list, and only where both are told."""
    desk, anna = running()
    anna.gets("77", calling_list="List", chain="9")
    anna.rejects("77")
    anna.acknowledged()
    anna.gets("1077", calling_list=calling_list, chain=chain)
    assert counts(desk) == (2, 1, 0, 1, 0)


@pytest.mark.parametrize("finished", [False, True])
def test_r9_only_a_returned_or_scheduled_record_comes_under_another_handle(finished: bool) -> None:
    """While the agent has it, or after it is finished, another handle of its chain is another record."""
    desk, anna = running()
    anna.gets("77", calling_list="List", chain="9")
    if finished:
        anna.processes("77")
        anna.acknowledged()
    anna.gets("78", calling_list="List", chain="9")
    assert counts(desk)[:2] == (2, 1 if finished else 2)


def test_r9_of_two_waiting_records_of_a_chain_the_one_with_the_handle_is_meant() -> None:
    """And then the other one, whatever its handle."""
    desk, anna = running()
    for handle in ("77", "78"):
        anna.gets(handle, calling_list="List", chain="9")
    for handle in ("78", "77"):
        anna.rejects(handle)
        anna.acknowledged()
    anna.gets("77", calling_list="List", chain="9")
    assert counts(desk) == (2, 1, 0, 1, 0)
    anna.gets("1078", calling_list="List", chain="9")
    assert counts(desk) == (2, 2, 0, 0, 0)


def test_r9_a_finished_record_stays_counted_when_its_handle_comes_to_mean_another() -> None:
    """OCS uses handles again."""
    desk, anna = running()
    anna.gets("77", calling_list="List", chain="9")
    anna.processes("77")
    anna.acknowledged()
    anna.gets("78", calling_list="List", chain="10")
    anna.rejects("78")
    anna.acknowledged()
    anna.gets("77", calling_list="List", chain="10")
    assert counts(desk) == (2, 1, 1, 0, 0)


def test_r9_an_open_record_whose_handle_comes_to_mean_another_is_no_more() -> None:
    """Nobody can finish it by that handle now: it must not hold the group for ever."""
    desk, anna = running()
    anna.gets("77", calling_list="List", chain="9")
    anna.gets("78", calling_list="List", chain="10")
    anna.rejects("77")
    anna.acknowledged()
    anna.gets("78", calling_list="List", chain="9")
    assert counts(desk)[1:] == (1, 0, 0, 0)


def test_r9_a_reject_seen_after_the_record_went_on_under_another_handle_returns_nothing() -> None:
    """The colleague's connection is faster than the acknowledgement's: there is one record, and he has it."""
    desk, anna = running()
    bert = desk.agent("3002")
    anna.gets("77", calling_list="List", chain="9")
    anna.rejects("77")
    desk.passes(1)
    bert.gets("1077", calling_list="List", chain="9")
    anna.acknowledged()
    assert counts(desk) == OUTSTANDING


@pytest.mark.parametrize(
    ("mine", "his"),
    [
        (("List", "9"), ("List", "10")),
        (("List", "9"), ("Other", "9")),
        (("List", "9"), (None, "9")),
        ((None, "9"), (None, "9")),
        (("List", None), ("List", None)),
    ],
)
def test_r9_a_reject_is_not_mixed_up_with_what_a_colleague_got(
    mine: tuple[str | None, str | None], his: tuple[str | None, str | None]
) -> None:
    """He has a record of another chain, or nothing tells that it is of this one."""
    desk, anna = running()
    bert = desk.agent("3002")
    anna.gets("77", calling_list=mine[0], chain=mine[1])
    anna.rejects("77")
    bert.gets("78", calling_list=his[0], chain=his[1])
    anna.acknowledged()
    assert counts(desk) == (2, 1, 0, 1, 0)


def test_r9_a_record_is_finished_though_a_colleague_has_another_of_its_chain() -> None:
    """Only what is given back can be with him."""
    desk, anna = running()
    bert = desk.agent("3002")
    anna.gets("77", calling_list="List", chain="9")
    anna.processes("77")
    bert.gets("78", calling_list="List", chain="9")
    anna.acknowledged()
    assert counts(desk) == (2, 1, 1, 0, 0)


def test_r9_a_reject_takes_nothing_from_a_colleague_who_had_another_of_the_chain_before() -> None:
    """Only who got a record of the chain later can have got this one."""
    desk, anna = running()
    bert = desk.agent("3002")
    bert.gets("1077", calling_list="List", chain="9")
    desk.passes(1)
    anna.gets("77", calling_list="List", chain="9")
    anna.rejects("77")
    anna.acknowledged()
    assert counts(desk) == (2, 1, 0, 1, 0)


# ------------------------------------------------------------------------- several groups of one campaign (N1 and R6)


def test_r6_groups_of_one_campaign_keep_their_records_apart() -> None:
    """Events that name the campaign only are of the group that has the record, else of the agent's only group."""
    north, south = GroupNames(dbid=1, name="Sales@North"), GroupNames(dbid=2, name="Sales@South")
    desk = Desk(group(north), group(south))
    anna, bert = desk.agent("3001"), desk.agent("3002")
    desk.runs()
    desk.ocs.started(names=south)
    anna.hears(Word.STARTED, names=north)
    bert.hears(Word.STARTED, names=south)
    anna.gets("77")
    bert.gets("88")
    bert.processes("88")
    bert.acknowledged_barely()
    assert counts(desk, "Sales@North") == OUTSTANDING
    assert counts(desk, "Sales@South") == FINALIZED
    carl = desk.agent("3003")
    carl.gets("99")
    assert desk.counted("unattributed") == 1
    carl.hangs_up("77")
    assert desk.counted("unattributed") == 1, "whose record it is tells the handle"


def test_r6_records_of_a_group_known_by_two_names_are_joined_when_one_message_has_both() -> None:
    """Until then it looked like two groups; each record still counts once."""
    desk = Desk(group(GroupNames(dbid=101)))
    anna, bert = desk.agent("3001", campaign="Sales"), desk.agent("3002", campaign="Sales")
    desk.ocs.connected()
    desk.ocs.loaded()
    desk.ocs.started()
    anna.gets("77")
    bert.gets("78", names=GroupNames(dbid=101))
    bert.gets("79", names=GroupNames(dbid=101))
    anna.rejects("77", "5")
    desk.sees(AgentHeard(bert.session, "3002", GroupNames(dbid=101, campaign="Sales"), Word.STARTED))
    assert len(desk.groups.status(desk.now)) == 1
    assert counts(desk, "Sales") == (3, 3, 0, 0, 0)
    anna.acknowledged_barely("5")
    assert counts(desk, "Sales") == (3, 2, 0, 1, 0)


# ------------------------------------------------------------------------------------------------ what it must show


def test_preview_trap_a_list_of_500_is_stopped_after_the_500th_and_not_before() -> None:
    """Agents finish one record, then ten: nothing says that there are no more, and the group runs on."""
    desk = Desk()
    agents = [desk.agent(f"30{number:02}") for number in range(10)]
    desk.runs()
    handles = iter(range(500))

    def works(agent: Agent) -> None:
        handle = str(next(handles))
        agent.asks()
        agent.gets(handle)
        desk.passes(20)
        agent.processes(handle)
        agent.acknowledged()

    works(agents[0])
    assert (desk["delivered"], desk["finalized"]) == (1, 1)
    desk.passes(10 * SETTLE)
    for agent in agents:
        works(agent)
    desk.passes(10 * SETTLE)
    assert not desk.sent(Stop), "delivered is not retrieved"
    for _ in range(48):
        for agent in agents:
            works(agent)
    for agent in agents[:9]:
        works(agent)
    assert desk["finalized"] == 500
    for agent in agents:
        agent.asks()
        agent.hears_no_records()
    assert (desk["state"], desk["waiting_for"]) == ("running", f"{SETTLE:.0f} s of quiet")
    desk.passes(SETTLE - 1)
    assert not desk.sent(Stop)
    desk.passes(1)
    assert len(desk.sent(Stop)) == 1
    assert desk["retrieved"] is None
    assert News.FAILED not in desk.news()


def test_sales_is_the_group_of_a_desk() -> None:
    """The desk's agents name the campaign only, and mean its group."""
    desk, anna = running()
    anna.gets("77")
    assert desk.group()["dbid"] == SALES.dbid


def test_r9_a_silent_reject_returns_nothing_when_the_record_came_again_under_another_handle() -> None:
    """OCS forgot to acknowledge, gave the same record to the same agent, and he has finished it since."""
    desk, anna = running()
    anna.gets("77", calling_list="List", chain="9")
    anna.rejects("77")
    desk.passes(1)
    anna.gets("1077", calling_list="List", chain="9")
    anna.processes("1077")
    anna.acknowledged()
    desk.passes(60)
    assert counts(desk) == FINALIZED


def test_r7_a_silent_reject_returns_nothing_when_a_later_action_took_effect() -> None:
    """The call reached the same agent again, with the same handle, and he finished it."""
    desk, anna = running()
    anna.rings("77")
    anna.rejects("77")
    desk.passes(1)
    anna.rings("77")
    anna.processes("77")
    anna.acknowledged(Action.PROCESS, "77")
    desk.passes(60)
    assert counts(desk) == FINALIZED


def test_r7_a_silent_reject_is_not_of_a_record_that_has_another_handle_by_now() -> None:
    """Rejected in silence, rejected again, given under a new handle and finished: there is one record."""
    desk, anna = running()
    anna.gets("77", calling_list="List", chain="9")
    anna.rejects("77", reference=1)
    desk.passes(1)
    anna.rejects("77", reference=2)
    anna.acknowledged(Action.REJECT, reference=2)
    anna.gets("1077", calling_list="List", chain="9")
    anna.processes("1077", reference=3)
    anna.acknowledged(Action.PROCESS, reference=3)
    desk.passes(60)
    assert counts(desk) == FINALIZED


def test_r7_a_reject_that_crosses_recordcancel_returns_nothing() -> None:
    """OCS takes the record from the agent while his reject is on its way, and leaves that unanswered."""
    desk, anna = running()
    anna.gets("77")
    anna.rejects("77")
    desk.passes(1)
    anna.loses("77")
    desk.passes(60)
    assert counts(desk) == FINALIZED


def test_r7_a_record_of_the_former_session_is_not_in_the_way_of_the_next() -> None:
    """The group was loaded anew while the agent had the record open; whatever he does with it is that session's."""
    desk, anna = running()
    anna.gets("77")
    desk.ocs.unloaded()
    desk.ocs.loaded()
    desk.ocs.started("Preview")
    anna.rejects("77")
    anna.acknowledged()
    assert counts(desk) == (0, 0, 0, 0, 0)


def test_r8_an_answer_to_the_agents_other_desktop_is_no_answer_here() -> None:
    """Two desktops on one DN: the error to the one's cancel, with its reference, leaves the other's action alone."""
    desk, anna = running()
    other = desk.agent("3001")
    anna.gets("77")
    other.cancels("77", reference=5)
    other.hears_error(handle="77", reference=5)
    anna.processes("77")
    anna.hears_error(handle="77", reference=5)
    anna.acknowledged(Action.PROCESS, "77")
    assert counts(desk) == FINALIZED
