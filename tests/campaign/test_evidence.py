"""What says that a group has no more records, and what takes that back (R10, R12 to R15)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from proxy.campaign.observation import GroupNames, News, Status, Stop, SystemTrouble, Word
from proxy.campaign.policy import By, Policy
from tests.campaign.desk import COMPLETES, Agent, Desk, Witness, group
from tests.campaign.scenes import SETTLE, TIMEOUT, UNTOLD, ready, runs_dry


def touched(policy: Policy = COMPLETES) -> tuple[Desk, Agent]:
    """A group that runs and whose first record is finished: from now on evidence counts."""
    desk = Desk(group(policy=policy))
    anna = desk.agent("3001")
    desk.runs()
    anna.gets("77")
    anna.processes("77")
    anna.acknowledged()
    return desk, anna


def witnessed(policy: Policy = COMPLETES) -> tuple[Desk, Agent, Witness]:
    """A group that runs from its beginning before the eyes of a witness."""
    desk = Desk(group(policy=policy))
    anna, witness = desk.agent("3001"), desk.witness()
    desk.runs()
    return desk, anna, witness


def finishes(agent: Agent, *handles: str) -> None:
    """The agent gets records and finishes them."""
    for handle in handles:
        agent.gets(handle)
        agent.processes(handle)
        agent.acknowledged()


# ------------------------------------------------------------------------------------------------ R10: what is known


def test_r10_without_a_witness_what_was_retrieved_is_unknown() -> None:
    """However many records agents finish: null, never 0."""
    desk, anna = touched()
    assert desk["retrieved"] is None
    finishes(anna, "78", "79")
    assert desk["retrieved"] is None


def test_r10_a_witness_that_has_not_spoken_of_the_group_knows_nothing_of_it() -> None:
    """It may be a log in which this group does not appear."""
    desk, _, witness = witnessed()
    assert desk["retrieved"] is None
    witness.retrieved(0)
    assert desk["retrieved"] == 0


def test_r10_a_witness_counts_what_was_retrieved() -> None:
    """All lists and record types together."""
    desk, _, witness = witnessed()
    witness.retrieved(10, 10)
    witness.retrieved(3, 10)
    witness.retrieved(4, 10, "Other")
    witness.retrieved(1, 10, record_type="CampaignCallBack")
    assert desk["retrieved"] == 18


def test_r10_a_record_retrieved_again_counts_once_where_it_is_known() -> None:
    """Busy numbers are retrieved again and again."""
    desk, _, witness = witnessed()
    witness.retrieved(2, 10, records=frozenset({"1", "2"}))
    witness.retrieved(2, 10, records=frozenset({"2", "3"}))
    assert desk["retrieved"] == 3


def test_r10_of_two_witnesses_the_one_that_saw_more_is_believed() -> None:
    """One of them may have missed a line."""
    desk = Desk()
    first, second = desk.witness("log"), desk.witness("database")
    desk.runs()
    first.retrieved(10)
    second.retrieved(12)
    first.retrieved(1)
    assert desk["retrieved"] == 12


def test_r10_statistics_are_no_retrieval_and_move_no_record() -> None:
    """What a list holds tells of no record of an agent."""
    desk, anna, witness = witnessed()
    anna.gets("77")
    witness.counts(ready=0, retrieved=0, final=10, total=10)
    assert (desk["retrieved"], desk["outstanding"], desk["finalized"]) == (None, 1, 0)


def test_r10_lead_processed_moves_no_record() -> None:
    """Statistics say that a chain is final; the agent still has the record."""
    desk, anna = touched()
    anna.gets("78")
    anna.shows_a_sign("78")
    assert (desk["outstanding"], desk["finalized"]) == (1, 1)


def test_r10_a_witness_that_comes_later_does_not_know() -> None:
    """What was retrieved before it came is missing for good in this session, not in the next."""
    desk = Desk()
    desk.runs()
    witness = desk.witness()
    witness.retrieved(5)
    assert desk["retrieved"] is None
    desk.ocs.unloaded()
    desk.ocs.loaded()
    witness.retrieved(5)
    assert desk["retrieved"] == 5


def test_r10_a_witness_that_was_lost_for_a_while_does_not_know() -> None:
    """Retrievals may have been missed."""
    desk, _, witness = witnessed()
    witness.retrieved(5)
    witness.lost()
    assert desk["retrieved"] is None
    witness.found()
    witness.retrieved(5)
    assert desk["retrieved"] is None


def test_r10_a_witness_that_is_lost_and_found_between_two_sessions_knows_the_second() -> None:
    """Nothing is retrieved while a group is not loaded."""
    desk, anna, witness = witnessed()
    desk.ocs.unloaded()
    anna.shows_a_sign()
    witness.lost()
    witness.found()
    desk.ocs.loaded()
    witness.retrieved(5)
    assert desk["retrieved"] == 5


def test_r10_what_a_witness_sees_before_ocs_word_is_of_the_session_that_begins() -> None:
    """The witness is faster than the control session."""
    desk, _, witness = witnessed()
    desk.ocs.unloaded()
    witness.retrieved(5)
    desk.ocs.loaded()
    witness.retrieved(3)
    assert desk["retrieved"] == 8


@pytest.mark.parametrize("status", [4, 5])
def test_r10_nobody_knows_the_session_that_the_proxy_found_going_on(status: int) -> None:
    """The proxy starts while the group is loaded: a witness that starts with it has missed retrievals."""
    desk = Desk()
    witness = desk.witness()
    desk.ocs.connected()
    desk.ocs.answers(Status(status))
    witness.retrieved(5)
    assert desk["retrieved"] is None


def test_r10_nobody_knows_a_session_of_which_only_the_start_was_heard() -> None:
    """It may have been loaded, started and stopped before."""
    desk = Desk()
    witness = desk.witness()
    desk.ocs.connected()
    desk.ocs.started()
    witness.retrieved(5)
    assert desk["retrieved"] is None


def test_r10_a_copy_of_loaded_is_no_beginning() -> None:
    """The witness came when the group was running; then OCS's loaded is heard once more, somewhere else."""
    desk = Desk()
    desk.runs()
    witness = desk.witness()
    desk.ocs.at("statistics").loaded()
    witness.retrieved(5)
    assert desk["retrieved"] is None


def test_r10_what_was_retrieved_before_anything_was_known_is_no_count_of_a_session() -> None:
    """The proxy hears a retrieval of it knows not which session, and then that the group is loaded."""
    desk = Desk()
    witness = desk.witness()
    witness.retrieved(5)
    desk.ocs.connected()
    desk.ocs.loaded()
    witness.retrieved(5)
    assert desk["retrieved"] is None


def test_r10_what_was_retrieved_in_another_name_is_not_forgotten_silently() -> None:
    """The witness names the group, OCS its DBID; nobody knew that they are one. Then the count is unknown."""
    desk = Desk(group(GroupNames(dbid=101)))
    witness = desk.witness()
    client = desk.client(GroupNames(dbid=101))
    desk.ocs.connected()
    desk.ocs.loaded(reference=client.loads(1))
    witness.retrieved(100, names=GroupNames(name="Sales@Agents"))
    desk.ocs.started(names=GroupNames(dbid=101, name="Sales@Agents"))
    witness.retrieved(5)
    assert desk.group("Sales@Agents")["retrieved"] is None


# --------------------------------------------------------------------------------------------- R12: what is evidence


def test_r12_no_records_available_is_evidence() -> None:
    """An agent asked for a record, and OCS has none."""
    desk, anna = touched()
    anna.asks()
    assert not desk["exhausted"]
    anna.hears_no_records()
    assert desk["exhausted"]


def test_r12_no_records_available_that_nobody_asked_for_is_none() -> None:
    """Not on this connection: the copy on another one, or the copy of an answer that was heard."""
    desk, anna = touched()
    second, bert = desk.agent("3001"), desk.agent("3002")
    anna.asks()
    second.hears_no_records()
    bert.hears_no_records()
    assert not desk["exhausted"]
    anna.hears_no_records()
    anna.gets("78")
    anna.hears_no_records()
    assert not desk["exhausted"]


def test_r12_any_other_error_is_no_evidence() -> None:
    """OCS has a reason not to give a record; that says nothing of how many there are."""
    desk, anna = touched()
    anna.asks()
    anna.hears_error()
    assert not desk["exhausted"]


def test_r12_a_request_that_the_t_server_refused_has_no_answer() -> None:
    """EventError: OCS was never asked."""
    desk, anna = touched()
    anna.asks(message_reference=5)
    anna.refused(5)
    anna.hears_no_records()
    assert not desk["exhausted"]


def test_r12_waiting_records_is_evidence() -> None:
    """OCS's statistics say that the group waits for records."""
    desk, _ = touched()
    desk.ocs.waits_for_records()
    assert desk["exhausted"]


def test_r12_a_retrieval_that_brings_nothing_is_evidence() -> None:
    """There is one list and one record type."""
    desk, _, witness = witnessed()
    witness.retrieved(0, 10)
    assert desk["exhausted"]


def test_r12_every_list_and_record_type_seen_must_have_brought_nothing_last() -> None:
    """A retrieval is of one list and one record type; the others may have more."""
    desk, _, witness = witnessed()
    witness.retrieved(5, 10, "One", "General")
    witness.retrieved(5, 10, "One", "CampaignCallBack")
    witness.retrieved(5, 10, "Two", "General")
    witness.retrieved(0, 10, "One", "General")
    witness.retrieved(0, 10, "One", "CampaignCallBack")
    assert not desk["exhausted"]
    witness.retrieved(0, 10, "Two", "General")
    assert desk["exhausted"]
    witness.retrieved(1, 10, "One", "CampaignCallBack")
    witness.retrieved(0, 10, "Two", "General")
    assert not desk["exhausted"]


def test_r12_a_list_that_was_empty_from_the_first_is_seen_as_well() -> None:
    """Another list that has more is not hidden by it."""
    desk, _, witness = witnessed()
    witness.retrieved(5, 10, "One")
    witness.retrieved(0, 10, "Two")
    assert not desk["exhausted"]


def test_r12_statistics_of_every_list_without_a_record_are_evidence() -> None:
    """Neither ready nor retrieved, in no list."""
    desk, _, witness = witnessed()
    witness.counts("One", ready=3, retrieved=0)
    witness.counts("Two", ready=0, retrieved=0)
    assert not desk["exhausted"]
    witness.counts("One", ready=0, retrieved=0, final=3, total=3)
    assert desk["exhausted"]


@pytest.mark.parametrize(("ready", "retrieved"), [(0, 1), (1, 0), (None, 0), (0, None), (None, None), (None, 1)])
def test_r12_statistics_that_show_a_record_or_do_not_know_are_none(ready: int | None, retrieved: int | None) -> None:
    """Unknown is not 0."""
    desk, _, witness = witnessed()
    witness.counts(ready=ready, retrieved=retrieved)
    assert not desk["exhausted"]


def test_r12_statistics_that_do_not_know_hide_no_retrieval() -> None:
    """The last retrieval of the list brought nothing; how many it holds is not told."""
    desk, _, witness = witnessed()
    witness.retrieved(0, 10, "One")
    witness.retrieved(5, 10, "Two")
    witness.counts("One", total=100)
    witness.retrieved(0, 10, "Two")
    assert desk["exhausted"]


def test_r12_newer_statistics_that_show_a_record_outdate_a_retrieval_that_brought_nothing() -> None:
    """Records were added to the list since."""
    desk, _, witness = witnessed()
    witness.retrieved(0, 10, "One")
    witness.counts("One", ready=3)
    witness.retrieved(0, 10, "Two")
    assert not desk["exhausted"]


def test_r12_a_retrieval_is_newer_than_the_statistics_before_it() -> None:
    """What the list held then is no word on what came out of it now."""
    desk, _, witness = witnessed()
    witness.counts("One", ready=0, retrieved=0)
    witness.retrieved(5, 10, "One")
    witness.retrieved(0, 10, "Two")
    assert not desk["exhausted"]
    witness.retrieved(0, 10, "One")
    assert desk["exhausted"]


def test_r12_each_witness_speaks_for_the_lists_it_sees() -> None:
    """A list of which only another witness knows is no business of this one."""
    desk = Desk()
    log, base = desk.witness("log"), desk.witness("database")
    desk.runs()
    log.retrieved(5, 10, "One")
    base.retrieved(0, 10, "Two")
    assert desk["exhausted"]


def test_r12_only_a_group_that_runs_can_have_no_more_records() -> None:
    """Loaded and stopped groups retrieve nothing."""
    desk = Desk()
    witness = desk.witness()
    desk.ocs.connected()
    desk.ocs.loaded()
    witness.retrieved(0, 10)
    desk.ocs.waits_for_records()
    assert not desk["exhausted"]


# ------------------------------------------------------------------------------------------ R13: what takes it back


def _rejects(desk: Desk, anna: Agent) -> None:
    anna.rejects("66")


def _adds(desk: Desk, anna: Agent) -> None:
    anna.adds_a_record()


def _is_given_a_record(desk: Desk, anna: Agent) -> None:
    anna.gets("78")


def _is_called(desk: Desk, anna: Agent) -> None:
    anna.rings("78")


def _callback_is_due(desk: Desk, anna: Agent) -> None:
    anna.gets("78", "ScheduledCall")


def _waits_no_more(desk: Desk, anna: Agent) -> None:
    desk.ocs.has_records_again()


def _retrieves(desk: Desk, anna: Agent) -> None:
    desk.witness().retrieved(1, 10)


def _counts_ready(desk: Desk, anna: Agent) -> None:
    desk.witness().counts(ready=1, retrieved=0)


def _counts_retrieved(desk: Desk, anna: Agent) -> None:
    desk.witness().counts(ready=0, retrieved=1)


SHOWS = [
    _rejects,
    _adds,
    _is_given_a_record,
    _is_called,
    _callback_is_due,
    _waits_no_more,
    _retrieves,
    _counts_ready,
    _counts_retrieved,
]


@pytest.mark.parametrize("shows", SHOWS)
def test_r13_whatever_shows_a_record_takes_evidence_back(shows: Callable[[Desk, Agent], None]) -> None:
    """Retrieved, delivered, rejected, added, or OCS waits no more: what was said before is stale."""
    desk, [anna] = ready()
    desk.ocs.waits_for_records()
    assert desk["exhausted"]
    shows(desk, anna)
    assert not desk["exhausted"]
    assert desk.news().count(News.EVIDENCE_GONE) == 1


def test_r13_a_rejected_record_takes_evidence_back_when_it_is_acknowledged_too() -> None:
    """Between request and acknowledgement somebody heard that there are none: OCS did not have it back yet."""
    desk, [anna] = ready()
    bert = desk.agent("3002")
    anna.gets("78")
    anna.rejects("78")
    bert.asks()
    bert.hears_no_records()
    assert desk["exhausted"]
    anna.acknowledged()
    assert not desk["exhausted"]


@pytest.mark.parametrize("again", ["asks", "no records", "waiting"])
def test_r13_evidence_can_be_given_again(again: str) -> None:
    """After the record that showed is done with, whoever says so says so again."""
    desk, [anna] = ready()
    finishes(anna, "78")
    if again == "waiting":
        desk.ocs.waits_for_records()
    else:
        anna.asks()
        if again == "no records":
            anna.hears_no_records()
    assert desk["exhausted"] == (again != "asks")


def test_r13_copies_and_late_events_take_nothing_back() -> None:
    """They show no record that was not known."""
    desk = Desk()
    anna, second = desk.agent("3001"), desk.agent("3001")
    desk.runs()
    runs_dry(desk, anna)
    second.gets("77")
    anna.rings("77", "EventEstablished")
    anna.shows_a_sign("77")
    anna.hangs_up("77")
    assert desk["exhausted"]


def test_r13_evidence_of_one_group_is_not_taken_back_by_another() -> None:
    """Two groups, one with records."""
    desk = Desk(group(), group(GroupNames(dbid=102, name="Dunning@Agents")))
    anna = desk.agent()
    desk.runs()
    runs_dry(desk, anna)
    anna.gets("88", names=GroupNames(campaign="Dunning"))
    assert desk["exhausted"]
    assert not desk.group("Dunning@Agents")["exhausted"]


# ------------------------------------------------------------------------------------------------ R14: for good


def test_r14_loaded_takes_it_back() -> None:
    """A client loads the group anew while it runs: that is another session."""
    desk, _ = ready()
    client = desk.client()
    desk.ocs.loaded(reference=client.loads(1))
    desk.ocs.started("Preview")
    assert not desk["exhausted"]


def test_r14_started_takes_it_back() -> None:
    """A client starts it anew: another run."""
    desk, _ = ready()
    desk.ocs.started("Preview", reference=desk.client().starts(1))
    assert not desk["exhausted"]


def test_r14_stopped_takes_it_back_for_good() -> None:
    """It is started again, and what was said in the run before is not said in this one."""
    desk, _ = ready()
    desk.ocs.stopped()
    assert not desk["exhausted"]
    desk.ocs.started("Preview")
    assert not desk["exhausted"]


def test_r14_a_copy_of_started_takes_nothing_back() -> None:
    """OCS's word comes on several ways."""
    desk, _ = ready()
    desk.ocs.at("statistics").started("Preview")
    desk.ocs.loaded()
    assert desk["exhausted"]


def test_r14_the_loss_of_the_desktop_that_heard_it_takes_it_back() -> None:
    """Whatever that desktop would have heard next is not heard now."""
    desk, [anna, bert] = ready("3001", "3002")
    bert.leaves()
    assert desk["exhausted"]
    anna.leaves()
    assert not desk["exhausted"]
    anna.comes_back()
    assert not desk["exhausted"]


def test_r14_what_another_said_stands_when_one_is_lost() -> None:
    """Two agents have heard that there are none."""
    desk, [anna, bert] = ready("3001", "3002")
    bert.asks()
    bert.hears_no_records()
    anna.leaves()
    assert desk["exhausted"]
    bert.leaves()
    assert not desk["exhausted"]


def test_r14_the_loss_of_the_control_session_takes_waiting_records_back() -> None:
    """And only that."""
    desk, _ = touched()
    desk.ocs.waits_for_records()
    desk.ocs.lost()
    assert not desk["exhausted"]
    desk.ocs.connected()
    assert not desk["exhausted"]
    desk, _ = ready()
    desk.ocs.lost()
    assert desk["exhausted"]


def test_r14_the_loss_of_a_witness_takes_back_what_it_said() -> None:
    """For good, though it comes back; it has to say it anew, of all it knows."""
    desk, _, witness = witnessed()
    witness.retrieved(5, 10, "One")
    witness.retrieved(0, 10, "One")
    witness.lost()
    assert not desk["exhausted"]
    witness.found()
    assert not desk["exhausted"]
    witness.retrieved(0, 10, "One")
    assert desk["exhausted"]


def test_r14_system_error_takes_it_back_and_nothing_counts_until_it_is_over() -> None:
    """A lost database looks like a list without records."""
    desk, anna = touched()
    witness = desk.witness()
    anna.asks()
    anna.hears_no_records()
    desk.ocs.has_trouble()
    assert not desk["exhausted"]
    anna.asks()
    anna.hears_no_records()
    desk.ocs.waits_for_records()
    witness.retrieved(0, 10)
    witness.counts(ready=0, retrieved=0)
    assert not desk["exhausted"]
    assert desk["waiting_for"] == "the end of SystemError"
    desk.passes(10 * SETTLE)
    desk.ocs.has_trouble_no_more()
    assert not desk["exhausted"]
    assert desk["waiting_for"] == "no more records"
    anna.asks()
    anna.hears_no_records()
    assert desk["exhausted"]


def test_r14_what_a_witness_told_before_or_during_system_error_is_no_part_of_evidence_after_it() -> None:
    """Two lists: the second must be seen empty after it, too."""
    desk, _, witness = witnessed()
    witness.retrieved(0, 10, "One")
    witness.retrieved(0, 10, "Two")
    desk.ocs.has_trouble()
    witness.retrieved(0, 10, "Two")
    witness.counts("Two", ready=0, retrieved=0)
    desk.ocs.has_trouble_no_more()
    witness.retrieved(0, 10, "One")
    assert not desk["exhausted"]
    witness.retrieved(0, 10, "Two")
    assert desk["exhausted"]


def test_r14_records_that_are_retrieved_during_system_error_are_counted() -> None:
    """They are there, whatever else fails."""
    desk, _, witness = witnessed()
    desk.ocs.has_trouble()
    witness.retrieved(5, 10)
    assert desk["retrieved"] == 5


def test_r14_a_witness_speaks_of_every_list_in_every_run() -> None:
    """What a list brought in the run before is no evidence in this one."""
    desk, _, witness = witnessed()
    witness.retrieved(0, 10, "One")
    witness.counts("Two", ready=0, retrieved=0)
    desk.ocs.stopped()
    desk.ocs.started("Preview")
    witness.retrieved(0, 10, "One")
    assert not desk["exhausted"]
    witness.counts("Two", ready=0, retrieved=0)
    assert desk["exhausted"]


def test_r14_system_error_without_names_is_every_groups() -> None:
    """Also of a group that is seen for the first time meanwhile, and in its next session."""
    desk, anna = touched()
    dunning = GroupNames(dbid=102, name="Dunning@Agents")
    desk.sees(SystemTrouble(GroupNames(), over=False))
    desk.ocs.loaded(names=dunning, reference=desk.client().loads(1, names=dunning))
    desk.ocs.started("Preview", names=dunning)
    anna.gets("88", names=dunning)
    anna.processes("88", names=dunning)
    anna.acknowledged()
    anna.asks(names=dunning)
    anna.hears_no_records(names=dunning)
    assert not desk.group("Dunning@Agents")["exhausted"]
    desk.ocs.unloaded()
    desk.ocs.loaded(reference=desk.client().loads(1))
    desk.ocs.started("Preview")
    finishes(anna, "77")
    assert desk["waiting_for"] == "the end of SystemError"
    desk.sees(SystemTrouble(GroupNames(), over=True))
    assert desk["waiting_for"] == desk.group("Dunning@Agents")["waiting_for"] == "no more records"


def test_r14_system_error_of_one_group_is_not_anothers() -> None:
    """Its database is another one."""
    desk, _ = ready()
    desk.ocs.has_trouble(GroupNames(dbid=102))
    assert desk["exhausted"]
    desk.ocs.has_trouble()
    desk.ocs.has_trouble_no_more(GroupNames(dbid=102))
    assert desk["waiting_for"] == "the end of SystemError"


def test_r14_a_group_is_in_trouble_by_whichever_of_its_names_ocs_says_so() -> None:
    """Statistics name it, control its DBID; that they are one is learned later."""
    desk = Desk(group(GroupNames(dbid=101)))
    client = desk.client(GroupNames(dbid=101))
    desk.ocs.connected()
    desk.ocs.loaded(reference=client.loads(1))
    desk.ocs.has_trouble(GroupNames(name="Sales@Agents"))
    desk.ocs.started("Preview", names=GroupNames(dbid=101, name="Sales@Agents"))
    assert desk.group("Sales@Agents")["waiting_for"] == "the end of SystemError"


def test_r14_the_end_of_a_system_error_that_cannot_be_attributed_ends_none() -> None:
    """It names a campaign that two groups share: it changes nothing, and is counted."""
    north, south = GroupNames(dbid=1, name="Sales@North"), GroupNames(dbid=2, name="Sales@South")
    desk = Desk(group(north), group(south))
    desk.runs()
    desk.ocs.has_trouble()
    desk.ocs.has_trouble_no_more(GroupNames(campaign="Sales"))
    assert desk.group("Sales@North")["waiting_for"] == "the end of SystemError"
    assert desk.counted("unattributed") == 1


def test_r14_after_a_restart_nothing_was_said() -> None:
    """A proxy that starts anew finds the group running, and knows of no evidence."""
    desk = Desk(group(policy=UNTOLD))
    desk.ocs.connected()
    desk.ocs.answers(Status.RUNNING, "Preview")
    assert not desk["exhausted"]


# ------------------------------------------------------------------------------------- R15: a group nobody touched


def test_r15_an_untouched_group_is_not_completed_because_it_waits_for_records() -> None:
    """Its list may be loaded in an hour, or be callable at nine: the agents ask and ask, and it runs on."""
    desk = Desk()
    anna = desk.agent()
    desk.runs()
    for _ in range(20):
        anna.asks()
        anna.hears_no_records()
        desk.ocs.waits_for_records()
        desk.passes(SETTLE / 2)
    assert not desk["exhausted"]
    assert not desk.sent(Stop)


def test_r15_what_was_said_before_the_first_record_does_not_count_after_it() -> None:
    """It has to be said again."""
    desk = Desk()
    anna = desk.agent()
    desk.runs()
    desk.ocs.waits_for_records()
    finishes(anna, "77")
    assert not desk["exhausted"]


@pytest.mark.parametrize("touch", ["PreviewRecord", "EventRinging", "retrieved"])
def test_r15_the_first_record_delivered_or_retrieved_makes_evidence_count(touch: str) -> None:
    """In this run."""
    desk = Desk()
    anna = desk.agent()
    desk.runs()
    if touch == "retrieved":
        desk.witness().retrieved(1)
    else:
        anna.gets("77", touch, telephony=touch != "PreviewRecord")
    desk.ocs.waits_for_records()
    assert desk["exhausted"]


def test_r15_every_run_has_to_be_touched_anew() -> None:
    """The second run has seen no record, though it follows the first at once."""
    desk, _ = touched()
    desk.ocs.stopped()
    desk.ocs.started("Preview")
    desk.ocs.waits_for_records()
    assert not desk["exhausted"]


def test_r15_a_record_that_is_ahead_of_started_touches_the_run_it_belongs_to() -> None:
    """The agent's connection is faster than OCS's word; a record of long ago is not of this run."""
    desk = Desk()
    anna = desk.agent()
    client = desk.client()
    desk.ocs.connected()
    desk.ocs.loaded(reference=client.loads(1))
    anna.gets("77")
    desk.passes(1)
    desk.ocs.started("Preview", reference=client.starts(1))
    desk.ocs.waits_for_records()
    assert desk["exhausted"]
    desk.ocs.stopped()
    anna.gets("78")
    desk.passes(TIMEOUT)
    desk.ocs.started("Preview")
    desk.ocs.waits_for_records()
    assert not desk["exhausted"]


def test_r15_a_call_that_goes_on_from_the_session_before_touches_no_run() -> None:
    """Its record was delivered then."""
    desk = Desk()
    anna = desk.agent()
    desk.runs()
    anna.rings("77")
    desk.ocs.unloaded()
    anna.rings("77", "EventEstablished")
    desk.ocs.loaded()
    desk.ocs.started("Preview")
    desk.ocs.waits_for_records()
    assert not desk["exhausted"]


def test_r15_a_witness_that_counts_records_is_believed_before() -> None:
    """It knows what the database gave."""
    desk, _, witness = witnessed()
    witness.counts(ready=0, retrieved=0)
    assert desk["exhausted"]


def test_r15_a_site_may_want_untouched_groups_completed() -> None:
    """complete_untouched = yes."""
    desk = Desk(group(policy=Policy(by=By.PROXY, complete_untouched=True)))
    anna = desk.agent()
    desk.runs()
    anna.asks()
    anna.hears_no_records()
    assert desk["exhausted"]
    desk.passes(SETTLE)
    assert len(desk.sent(Stop)) == 1


def test_evidence_is_of_ocs_words_on_the_group_only() -> None:
    """What agents hear of the group's life is neither evidence nor takes it back."""
    desk, [anna] = ready()
    anna.hears(Word.STARTED, "Preview")
    anna.hears(Word.MODE_CHANGED, "Preview")
    assert desk["exhausted"]
