"""When a group has no more records and may be stopped (R11, R16 to R19), and the traps for whoever counts records."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from proxy.campaign.observation import Action, GroupNames, News, Status, Stop
from proxy.campaign.policy import By, Control, Policy
from tests.campaign.desk import COMPLETES, Agent, Desk, Witness, group
from tests.campaign.scenes import SETTLE, TIMEOUT, ready, runs_dry

SETTLE_DIALED = COMPLETES.settle_dialed
STALE = COMPLETES.stale_after


def finishes(agent: Agent, *handles: str) -> None:
    """The agent gets records and finishes them."""
    for handle in handles:
        agent.gets(handle)
        agent.processes(handle)
        agent.acknowledged()


def is_stopped(desk: Desk, after: float = SETTLE) -> bool:
    """Whether Stop is sent when so much time has passed."""
    desk.passes(after)
    return bool(desk.sent(Stop))


def witnessed(mode: str = "Preview") -> tuple[Desk, Agent, Witness]:
    """A group that runs from its beginning before the eyes of a witness."""
    desk = Desk()
    anna, witness = desk.agent(), desk.witness()
    desk.runs(mode=mode)
    return desk, anna, witness


# ---------------------------------------------------------------------------------------- R11: records that stay open


def left_open(hangs_up: bool = False) -> tuple[Desk, Agent, Agent]:
    """An agent has a record and leaves (or its call ends); a colleague works on. An hour less a second goes by."""
    desk = Desk()
    anna, bert = desk.agent("3001"), desk.agent("3002")
    desk.runs()
    anna.gets("66")
    desk.passes(1)
    if hangs_up:
        anna.hangs_up("66")
    else:
        anna.leaves()
    desk.passes(STALE - 2)
    return desk, anna, bert


@pytest.mark.parametrize("hangs_up", [False, True])
def test_r11_a_record_left_open_for_an_hour_holds_the_group_no_longer(hangs_up: bool) -> None:
    """Its agent has gone home, or its call is over; OCS has said since that there are no more: logged and counted."""
    desk, _, bert = left_open(hangs_up)
    runs_dry(desk, bert)
    assert desk["waiting_for"] == "1 record outstanding"
    desk.passes(1)
    assert desk.news().count(News.RECORD_STALE) == 1
    assert desk.counted("records_stale") == 1
    assert desk["outstanding"] == 1
    assert not is_stopped(desk, SETTLE - 1)
    assert is_stopped(desk, 1)
    assert desk.news().count(News.RECORD_STALE) == 1


def test_r11_an_hour_is_what_the_site_says() -> None:
    """stale_after."""
    desk = Desk(group(policy=Policy(by=By.PROXY, stale_after=100)))
    anna, bert = desk.agent("3001"), desk.agent("3002")
    desk.runs()
    anna.gets("66")
    anna.leaves()
    desk.passes(1)
    runs_dry(desk, bert)
    assert not is_stopped(desk, 100 - 1 + SETTLE - 1)
    assert is_stopped(desk, 1)


@pytest.mark.parametrize("offset", [0.1, 0.2, 0.3, 0.7, 1 / 3])
def test_r11_it_is_noticed_at_whatever_time_the_record_came(offset: float) -> None:
    """Nothing else has to happen: the clock alone brings it."""
    desk = Desk()
    anna, bert = desk.agent("3001"), desk.agent("3002")
    desk.runs()
    desk.passes(offset)
    anna.gets("66")
    anna.leaves()
    desk.passes(1)
    runs_dry(desk, bert)
    assert is_stopped(desk, STALE + SETTLE)


def test_r11_evidence_must_be_newer_than_the_loss() -> None:
    """What was said while the agent was there says nothing of what became of the record."""
    desk = Desk()
    anna, bert = desk.agent("3001"), desk.agent("3002")
    desk.runs()
    anna.gets("66")
    runs_dry(desk, bert)
    anna.leaves()
    assert not is_stopped(desk, STALE + SETTLE)
    assert desk["waiting_for"] == "1 record outstanding"
    bert.asks()
    bert.hears_no_records()
    assert is_stopped(desk)


def test_r11_evidence_must_be_newer_than_the_release() -> None:
    """And stand."""
    desk = Desk()
    anna, bert = desk.agent("3001"), desk.agent("3002")
    desk.runs()
    anna.rings("66")
    runs_dry(desk, bert)
    anna.hangs_up("66")
    assert not is_stopped(desk, STALE + SETTLE)
    desk.ocs.waits_for_records()
    assert is_stopped(desk)


def test_r11_a_record_with_an_agent_who_is_there_holds_the_group_for_ever() -> None:
    """He may talk for hours."""
    desk = Desk()
    anna, bert = desk.agent("3001"), desk.agent("3002")
    desk.runs()
    anna.rings("66")
    for _ in range(5):
        runs_dry(desk, bert, str(desk.reference()))
        assert not is_stopped(desk, STALE)
    assert desk["waiting_for"] == "1 record outstanding"


def test_r11_an_agent_who_came_back_holds_his_record() -> None:
    """Only the last of his sessions counts, and he has another one."""
    desk = Desk()
    anna, bert = desk.agent("3001"), desk.agent("3002")
    desk.runs()
    anna.gets("66")
    anna.leaves()
    anna.comes_back()
    desk.passes(1)
    runs_dry(desk, bert)
    assert not is_stopped(desk, STALE + SETTLE)


def test_r11_an_agent_with_another_session_is_there() -> None:
    """Two desktops on his DN; one is closed."""
    desk = Desk()
    anna, _, bert = desk.agent("3001"), desk.agent("3001"), desk.agent("3002")
    desk.runs()
    anna.gets("66")
    anna.leaves()
    desk.passes(1)
    runs_dry(desk, bert)
    assert not is_stopped(desk, STALE + SETTLE)


def test_r11_a_dn_that_is_unregistered_has_no_session() -> None:
    """The desktop is there, and no agent on that DN."""
    desk = Desk()
    anna, bert = desk.agent("3001"), desk.agent("3002")
    desk.runs()
    anna.gets("66")
    anna.unregisters()
    desk.passes(1)
    runs_dry(desk, bert)
    assert is_stopped(desk, STALE + SETTLE)


def test_r11_a_record_that_is_dialled_again_has_no_released_call() -> None:
    """The first call failed; the second goes on."""
    desk = Desk()
    anna, bert = desk.agent("3001"), desk.agent("3002")
    desk.runs()
    anna.gets("66")
    anna.rings("66", "EventDialing")
    anna.hangs_up("66")
    anna.rings("66", "EventDialing")
    desk.passes(1)
    runs_dry(desk, bert)
    assert not is_stopped(desk, STALE + SETTLE)


def test_r11_a_copy_of_the_release_does_not_end_the_next_call() -> None:
    """The slower connection brings the release when the record is dialled again."""
    desk = Desk()
    anna, slow, bert = desk.agent("3001"), desk.agent("3001"), desk.agent("3002")
    desk.runs()
    anna.rings("66")
    slow.rings("66")
    anna.hangs_up("66")
    anna.rings("66", "EventDialing")
    slow.hangs_up("66")
    desk.passes(1)
    runs_dry(desk, bert)
    assert not is_stopped(desk, STALE + SETTLE)


def test_r11_the_release_at_an_agent_who_transferred_the_call_is_not_the_end_of_it() -> None:
    """The record is with whom the call went to."""
    desk = Desk()
    anna, bert, carl = desk.agent("3001"), desk.agent("3002"), desk.agent("3003")
    desk.runs()
    anna.rings("66")
    bert.rings("66")
    anna.hangs_up("66")
    desk.passes(1)
    runs_dry(desk, carl)
    assert not is_stopped(desk, STALE + SETTLE)


def test_r11_a_record_given_anew_is_as_new() -> None:
    """It no longer held the group; then somebody gets it: now it does."""
    desk, _, bert = left_open()
    runs_dry(desk, bert)
    desk.passes(1)
    assert desk.counted("records_stale") == 1
    bert.gets("66")
    bert.asks()
    bert.hears_no_records()
    assert desk["waiting_for"] == "1 record outstanding"
    assert not is_stopped(desk, STALE + SETTLE)


def test_r11_a_call_of_a_record_that_no_longer_held_makes_it_hold_again() -> None:
    """The agent is there, and dials it once more."""
    desk, anna, bert = left_open(hangs_up=True)
    runs_dry(desk, bert)
    desk.passes(1)
    assert desk.counted("records_stale") == 1
    anna.rings("66", "EventDialing")
    bert.asks()
    bert.hears_no_records()
    assert desk["waiting_for"] == "1 record outstanding"


def test_r11_the_last_release_counts() -> None:
    """A second call of the record that was not seen to begin is over after the evidence came."""
    desk = Desk()
    anna, bert = desk.agent("3001"), desk.agent("3002")
    desk.runs()
    anna.rings("66")
    anna.hangs_up("66")
    desk.passes(1)
    runs_dry(desk, bert)
    desk.passes(1)
    anna.hangs_up("66")
    assert not is_stopped(desk, STALE + SETTLE)


def test_r11_the_hour_begins_when_the_record_is_given_to_somebody_else() -> None:
    """Not when the first agent got it."""
    desk = Desk()
    anna, bert, carl = desk.agent("3001"), desk.agent("3002"), desk.agent("3003")
    desk.runs()
    anna.gets("66")
    desk.passes(STALE / 2)
    anna.rejects("66")
    anna.acknowledged()
    bert.gets("66")
    bert.leaves()
    desk.passes(1)
    runs_dry(desk, carl)
    assert not is_stopped(desk, STALE / 2 + SETTLE)
    assert is_stopped(desk, STALE / 2)


# --------------------------------------------------------------------------------------------------- R16: blindness


def test_r16_a_group_with_an_agent_who_cannot_be_read_is_not_completed() -> None:
    """His records come and go unseen."""
    desk, [_, bert] = ready("3001", "3002")
    bert.turns_blind()
    assert not is_stopped(desk, 10 * SETTLE)
    assert desk["waiting_for"] == "an agent's session that can be read"
    bert.leaves()
    assert not is_stopped(desk, SETTLE - 1)
    assert is_stopped(desk, 1)


def test_r16_one_of_two_desktops_of_a_dn_is_enough_to_be_blind() -> None:
    """What the agent does there is not seen."""
    desk, [anna] = ready()
    second = anna.comes_back()
    second.turns_blind()
    assert not is_stopped(desk, 10 * SETTLE)
    second.leaves()
    assert is_stopped(desk)


def test_r16_a_session_on_another_dn_blinds_no_group() -> None:
    """Nobody of the group is there."""
    desk, _ = ready()
    desk.agent("4001").turns_blind()
    assert is_stopped(desk)


def test_r16_a_blind_session_blinds_the_group_that_its_agent_joins_later() -> None:
    """He is learned from another session of his DN."""
    desk, [anna] = ready()
    other = desk.agent("3002")
    other.turns_blind()
    assert desk["waiting_for"] != "an agent's session that can be read"
    finishes(desk.agent("3002"), "78")
    anna.asks()
    anna.hears_no_records()
    assert desk["waiting_for"] == "an agent's session that can be read"


# ------------------------------------------------------------------------------------------- R17: what must be so


@pytest.mark.parametrize("value", [0, 2, "no", None])
def test_r17_a_group_that_is_not_armed_is_not_completed(value: object) -> None:
    """Nobody asked for it."""
    desk = Desk()
    anna = desk.agent()
    desk.runs(value)
    runs_dry(desk, anna)
    assert not is_stopped(desk, 10 * SETTLE)
    assert desk["waiting_for"] == "a request with GSW_AUTO_COMPLETION 1"


def test_r17_a_group_that_is_disarmed_while_it_settles_is_not_completed() -> None:
    """The client thought better of it."""
    desk, _ = ready()
    desk.passes(SETTLE - 1)
    client = desk.client()
    desk.ocs.changes_mode("Preview", reference=client.sets_mode("Preview", 0))
    assert not is_stopped(desk, 10 * SETTLE)


def test_r17_trap_5_a_group_that_is_fed_live_can_be_excluded() -> None:
    """complete = no."""
    desk, _ = ready(policy=Policy(by=By.PROXY, complete=False))
    assert desk["exhausted"]
    assert not is_stopped(desk, 10 * SETTLE)
    assert desk["waiting_for"] == "nothing: complete = no"


def test_r17_trap_7_a_group_that_is_loaded_and_not_started_is_not_completed() -> None:
    """Load with the attribute, and nothing to do yet: the client's StartDialing is on its way."""
    desk = Desk(group(policy=Policy(by=By.PROXY, complete_untouched=True)))
    anna, client, witness = desk.agent(), desk.client(), desk.witness()
    desk.ocs.connected()
    desk.ocs.loaded(reference=client.loads(1))
    anna.asks()
    anna.hears_no_records()
    witness.retrieved(0, 10)
    desk.ocs.waits_for_records()
    assert not is_stopped(desk, 10 * SETTLE)


def test_r17_while_the_control_session_is_down_nothing_is_completed() -> None:
    """And when it is back everything has to hold for as long again."""
    desk, _ = ready()
    desk.passes(SETTLE - 1)
    desk.ocs.lost()
    assert not is_stopped(desk, 10 * SETTLE)
    assert desk["waiting_for"] == "the control session"
    desk.ocs.connected()
    assert not is_stopped(desk, SETTLE - 1)
    assert is_stopped(desk, 1)


def test_r17_another_source_of_ocs_word_is_no_control_session() -> None:
    """Stop goes by the protocol that the conf file names."""
    desk, _ = ready(policy=Policy(by=By.PROXY, control=Control.DIRECT))
    assert desk["waiting_for"] == "the control session"
    assert not is_stopped(desk, 10 * SETTLE)
    desk.ocs.at("direct").connected()
    desk.ocs.at("direct").answers(Status.RUNNING, "Preview")
    assert is_stopped(desk)


def test_r17_an_outstanding_record_holds_the_group() -> None:
    """However many others heard that there are none."""
    desk, [_, bert, carl] = ready("3001", "3002", "3003")
    bert.gets("78")
    carl.gets("79")
    carl.asks()
    carl.hears_no_records()
    assert desk["waiting_for"] == "2 records outstanding"
    finishes(carl, "79")
    assert desk["waiting_for"] == "1 record outstanding"
    desk.ocs.waits_for_records()
    assert not is_stopped(desk, 10 * SETTLE)
    bert.processes("78")
    bert.acknowledged()
    assert not is_stopped(desk, SETTLE - 1)
    assert is_stopped(desk, 1)


def test_r17_trap_3_a_rejected_record_holds_the_group() -> None:
    """It is still in OCS's hands, though it says that it waits for records."""
    desk, [anna] = ready()
    anna.gets("78")
    anna.rejects("78")
    anna.acknowledged()
    desk.ocs.waits_for_records()
    assert desk["waiting_for"] == "1 record returned"
    assert not is_stopped(desk, 10 * SETTLE)
    finishes(anna, "78")
    desk.ocs.waits_for_records()
    assert is_stopped(desk)


@pytest.mark.parametrize("holds", [True, False])
def test_r17_trap_3_a_callback_holds_the_group_if_the_site_wants_it(holds: bool) -> None:
    """hold_for_callbacks: yes by default."""
    desk, [anna] = ready(policy=Policy(by=By.PROXY, hold_for_callbacks=holds))
    anna.gets("78")
    anna.reschedules("78", due="11/23/2026 14:00")
    anna.acknowledged()
    desk.ocs.waits_for_records()
    assert is_stopped(desk, 10 * SETTLE) != holds
    if holds:
        assert desk["waiting_for"] == "1 callback scheduled"
        anna.gets("78", "ScheduledCall")
        anna.does(Action.PROCESS, "78")
        anna.acknowledged()
        desk.ocs.waits_for_records()
        assert is_stopped(desk)


def test_r17_a_request_for_a_record_that_is_unanswered_holds_the_stop_back() -> None:
    """At that moment OCS may be handing out a record. For answer_timeout, not longer."""
    desk, [anna] = ready()
    desk.passes(SETTLE - 1)
    anna.asks()
    assert not is_stopped(desk, TIMEOUT - 0.1)
    assert desk["waiting_for"] == "the answer to a request"
    assert is_stopped(desk, 0.1)


def test_r17_every_agent_has_his_request() -> None:
    """The Stop waits for all of them."""
    desk, [anna, bert] = ready("3001", "3002")
    desk.passes(SETTLE - 2)
    anna.asks()
    desk.passes(1)
    bert.asks()
    desk.passes(1)
    anna.hears_no_records()
    assert not desk.sent(Stop)
    bert.hears_no_records()
    assert desk.sent(Stop)


def test_r17_a_request_of_a_desktop_that_has_gone_holds_nothing_back() -> None:
    """Nobody is there to get a record."""
    desk, [_, bert] = ready("3001", "3002")
    desk.passes(SETTLE - 1)
    bert.asks()
    bert.leaves()
    assert is_stopped(desk, 1)


def test_r17_a_request_for_another_group_holds_nothing_back() -> None:
    """The agent works for two."""
    desk, [anna] = ready()
    desk.passes(SETTLE - 1)
    anna.asks(names=GroupNames(campaign="Dunning"))
    assert is_stopped(desk, 1)


# ----------------------------------------------------------------------------------------------- R17: time to settle


@pytest.mark.parametrize("mode", ["Preview", "PushPreview", "preview", "Push Preview"])
def test_r17_in_preview_it_settles_for_a_minute(mode: str) -> None:
    """Agents see every record before its call."""
    desk = Desk()
    anna = desk.agent()
    desk.runs(mode=mode)
    runs_dry(desk, anna)
    assert not is_stopped(desk, SETTLE - 0.1)
    assert is_stopped(desk, 0.1)


@pytest.mark.parametrize("mode", ["Predictive", "Progressive", "ProgressiveAndSeize", "Power", "Unheard-of", None])
def test_r17_in_every_other_mode_it_settles_for_five(mode: str | None) -> None:
    """OCS dials by itself, and nobody sees the calls that are not answered; an unknown mode may be such a one."""
    desk = Desk()
    anna, client = desk.agent(), desk.client()
    desk.ocs.connected()
    desk.ocs.loaded(reference=client.loads(1))
    desk.ocs.started(mode, reference=client.starts(1))
    runs_dry(desk, anna)
    assert not is_stopped(desk, SETTLE_DIALED - 0.1)
    assert is_stopped(desk, 0.1)


def test_r17_the_mode_of_now_counts() -> None:
    """It was changed while the group was settling."""
    desk, _ = ready()
    desk.passes(SETTLE - 1)
    desk.ocs.changes_mode("Predictive")
    assert not is_stopped(desk, SETTLE_DIALED - SETTLE)
    assert is_stopped(desk, 1)


def _record(desk: Desk, anna: Agent) -> None:
    finishes(anna, "78")
    desk.ocs.waits_for_records()


def _copy(desk: Desk, anna: Agent) -> None:
    second = anna.comes_back()
    anna.rings("77", "EventEstablished")
    desk.passes(1)
    second.rings("77", "EventEstablished")


SIGNS: list[Callable[[Desk, Agent], object]] = [
    _record,
    _copy,
    lambda desk, anna: anna.rings("77", "EventEstablished"),
    lambda desk, anna: anna.hangs_up("77"),
    lambda desk, anna: anna.hangs_up("99"),
    lambda desk, anna: anna.shows_a_sign("77"),
    lambda desk, anna: anna.shows_a_sign(),
    lambda desk, anna: anna.loses("77"),
    lambda desk, anna: anna.processes("77"),
    lambda desk, anna: anna.does(Action.UPDATE, "77"),
    lambda desk, anna: (desk.ocs.has_records_again(), desk.ocs.waits_for_records()),
]


@pytest.mark.parametrize("sign", SIGNS)
def test_r17_any_sign_of_a_call_or_record_begins_it_anew(sign: Callable[[Desk, Agent], object]) -> None:
    """The group is quiet only when nothing of it is heard."""
    desk, [anna] = ready()
    desk.passes(SETTLE - 2)
    sign(desk, anna)
    assert not is_stopped(desk, SETTLE - 0.1)
    assert is_stopped(desk, 0.1)


def test_r17_an_acknowledgement_is_a_sign() -> None:
    """It comes a while after the request."""
    desk, [anna] = ready()
    desk.passes(SETTLE - 9)
    anna.processes("77")
    desk.passes(8)
    anna.acknowledged()
    assert not is_stopped(desk, SETTLE - 0.1)
    assert is_stopped(desk, 0.1)


def test_r17_asking_and_hearing_that_there_are_none_is_no_sign() -> None:
    """Desktops ask again and again; the group would never settle."""
    desk, [anna] = ready()
    for _ in range(7):
        desk.passes(8)
        anna.asks()
        anna.hears_no_records()
    desk.ocs.waits_for_records()
    anna.asks_status()
    assert not is_stopped(desk, SETTLE - 7 * 8 - 0.1)
    assert is_stopped(desk, 0.1)


def test_r17_a_sign_of_another_group_is_none() -> None:
    """The same agent, another campaign."""
    desk, [anna] = ready()
    desk.passes(SETTLE - 1)
    anna.gets("88", names=GroupNames(campaign="Dunning"))
    assert is_stopped(desk, 1)


def test_r17_what_does_not_hold_for_a_moment_has_to_hold_for_the_whole_time_again() -> None:
    """A record shows and is finished; then it is said again that there are none."""
    desk, [anna, bert] = ready("3001", "3002")
    desk.passes(SETTLE - 1)
    bert.turns_blind()
    bert.leaves()
    assert not is_stopped(desk, SETTLE - 0.1)
    assert is_stopped(desk, 0.1)
    assert anna.dn in desk["agents"]


# --------------------------------------------------------------------------------------------------------- R18: rule A


def test_r18_when_all_that_was_retrieved_is_finalized_nobody_has_to_say_so() -> None:
    """The last retrieval brought fewer than it asked for, and all of them are done."""
    desk, anna, witness = witnessed()
    witness.retrieved(2, 10)
    finishes(anna, "77")
    assert desk["waiting_for"] == "no more records"
    finishes(anna, "78")
    assert not desk["exhausted"]
    assert not is_stopped(desk, SETTLE - 0.1)
    assert is_stopped(desk, 0.1)
    assert "rule A" in next(said.text for said in desk.announced() if said.news is News.STOP_SENT)


def test_r18_trap_1_delivered_is_not_retrieved() -> None:
    """One record delivered, one finalized: thousands may be left."""
    desk, anna, witness = witnessed()
    finishes(anna, "77")
    witness.counts(ready=0, retrieved=None)
    assert not is_stopped(desk, 10 * SETTLE)


def test_r18_between_two_batches_it_is_not_true() -> None:
    """A full batch is done, and the next one not yet retrieved."""
    desk, anna, witness = witnessed()
    witness.retrieved(2, 2)
    finishes(anna, "77", "78")
    assert not is_stopped(desk, 10 * SETTLE)
    witness.retrieved(1, 2)
    finishes(anna, "79")
    assert is_stopped(desk)


def test_r18_how_many_were_asked_for_must_be_known() -> None:
    """Two came; two may have been asked for."""
    desk, anna, witness = witnessed()
    witness.retrieved(2)
    finishes(anna, "77", "78")
    assert not is_stopped(desk, 10 * SETTLE)


def test_r18_a_retrieval_that_brings_nothing_is_short_whatever_it_asked_for() -> None:
    """A full batch is done, and nothing came after it."""
    desk, anna, witness = witnessed()
    witness.retrieved(2, 2)
    finishes(anna, "77", "78")
    witness.retrieved(0)
    anna.adds_a_record()
    assert not desk["exhausted"], "not rule B"
    assert is_stopped(desk)


def test_r18_a_list_of_which_nothing_is_known_may_have_more() -> None:
    """Its name was heard, and no number that says whether there is something ready."""
    desk, anna, witness = witnessed()
    witness.retrieved(1, 10)
    witness.counts("Other", total=100)
    finishes(anna, "77")
    assert not is_stopped(desk, 10 * SETTLE)
    witness.counts("Other", ready=0)
    assert is_stopped(desk)


def test_r18_a_record_that_is_added_begins_the_time_to_settle_anew() -> None:
    """OCS shall have time to retrieve it."""
    desk, anna, witness = witnessed()
    witness.retrieved(1, 10)
    finishes(anna, "77")
    desk.passes(SETTLE - 1)
    anna.adds_a_record()
    assert not is_stopped(desk, SETTLE - 0.1)
    assert is_stopped(desk, 0.1)


def test_r18_newer_statistics_that_say_ready_0_will_do() -> None:
    """A full batch, and the list has no more."""
    desk, anna, witness = witnessed()
    witness.counts(ready=0)
    witness.retrieved(2, 2)
    finishes(anna, "77", "78")
    assert not is_stopped(desk, SETTLE), "those statistics are older"
    witness.counts(ready=0)
    assert is_stopped(desk)


def test_r18_newer_statistics_that_say_there_are_more_will_not() -> None:
    """A short batch, and a list to which records were added since."""
    desk, anna, witness = witnessed()
    witness.retrieved(1, 10)
    finishes(anna, "77")
    witness.counts(ready=1)
    assert not is_stopped(desk, 10 * SETTLE)


def test_r18_it_must_be_so_for_every_list_and_record_type() -> None:
    """One of them brought all it was asked for."""
    desk, anna, witness = witnessed()
    witness.retrieved(1, 1, "One", "General")
    witness.retrieved(0, 1, "One", "CampaignCallBack")
    witness.retrieved(0, 1, "Two", "General")
    finishes(anna, "77")
    assert not is_stopped(desk, 10 * SETTLE)
    witness.retrieved(0, 1, "One", "General")
    assert desk["exhausted"]


def test_r18_nothing_retrieved_is_not_all_finalized() -> None:
    """More than 0 must have been retrieved: rule B is for the rest."""
    desk, anna, witness = witnessed()
    witness.retrieved(0, 10)
    anna.adds_a_record()
    assert not desk["exhausted"]
    assert not is_stopped(desk, 10 * SETTLE)


def test_r18_a_witness_that_does_not_know_the_whole_session_proves_nothing() -> None:
    """What was retrieved before it came is missing."""
    desk = Desk()
    anna = desk.agent()
    desk.runs()
    witness = desk.witness()
    witness.retrieved(1, 10)
    finishes(anna, "77")
    assert not is_stopped(desk, 10 * SETTLE)


def test_r18_a_record_retrieved_again_counts_once() -> None:
    """It was busy, and came again."""
    desk, anna, witness = witnessed()
    witness.retrieved(2, 10, records=frozenset({"a", "b"}))
    witness.retrieved(1, 10, records=frozenset({"b"}))
    finishes(anna, "77", "78")
    assert is_stopped(desk)


def test_r18_where_two_witnesses_differ_the_one_that_knows_of_more_wins() -> None:
    """The other one, that came later, saw a list with more."""
    desk, anna, witness = witnessed()
    witness.retrieved(1, 10)
    finishes(anna, "77")
    later = desk.witness("later")
    later.counts("Other", ready=5)
    assert not is_stopped(desk, 10 * SETTLE)
    later.lost()
    assert is_stopped(desk)


def test_r18_a_witness_that_is_silent_is_in_nobodys_way() -> None:
    """It is there from the beginning and never speaks of this group."""
    desk = Desk()
    anna, witness = desk.agent(), desk.witness("log")
    desk.witness("database")
    desk.runs()
    witness.retrieved(1, 10)
    finishes(anna, "77")
    assert is_stopped(desk)


def test_r18_a_record_that_was_not_seen_delivered_is_not_one_of_the_retrieved() -> None:
    """An agent finishes a record that he had open since the session before: one of this session is still out."""
    desk, anna, witness = witnessed()
    bert = desk.agent("3002")
    bert.gets("66")
    desk.ocs.unloaded()
    client = desk.client()
    desk.ocs.loaded(reference=client.loads(1))
    desk.ocs.started("Preview", reference=client.starts(1))
    witness.retrieved(2, 10)
    finishes(anna, "77")
    bert.processes("66")
    bert.acknowledged()
    assert desk["finalized"] == 1
    assert not is_stopped(desk, 10 * SETTLE)
    finishes(anna, "78")
    assert is_stopped(desk)


def test_r18_a_finalized_record_that_is_given_out_again_is_not_finalized() -> None:
    """It counts once, and only when it is done with."""
    desk, anna, witness = witnessed()
    witness.retrieved(2, 10)
    finishes(anna, "77")
    finishes(anna, "77")
    assert desk["finalized"] == 1
    assert not is_stopped(desk, 10 * SETTLE)


def test_r18_nothing_is_concluded_from_what_a_lost_database_brought() -> None:
    """Trap 6: a full batch is done; the next retrieval fails, and looks like one that brings nothing."""
    desk, anna, witness = witnessed()
    witness.retrieved(2, 2)
    finishes(anna, "77", "78")
    desk.ocs.has_trouble()
    witness.retrieved(0, 2)
    witness.counts(ready=0, retrieved=0)
    desk.ocs.has_trouble_no_more()
    assert not is_stopped(desk, 10 * SETTLE)
    assert desk["waiting_for"] == "no more records"


def test_r18_rule_a_waits_for_the_end_of_system_error() -> None:
    """Whatever was finalized: while the database is lost nobody knows."""
    desk, anna, witness = witnessed()
    witness.retrieved(1, 10)
    finishes(anna, "77")
    desk.ocs.has_trouble()
    assert not is_stopped(desk, 10 * SETTLE)
    desk.ocs.has_trouble_no_more()
    assert is_stopped(desk)


# --------------------------------------------------------------------------------------------------------- R19: rule B


def test_r19_evidence_that_stands_is_enough() -> None:
    """No witness at all: an agent heard that there are none."""
    desk, _ = ready()
    assert is_stopped(desk)
    assert "rule B" in next(said.text for said in desk.announced() if said.news is News.STOP_SENT)


def test_r19_trap_4_no_records_heard_before_the_last_record_came_is_stale() -> None:
    """One agent heard that there are none; then another got one."""
    desk, [_, bert] = ready("3001", "3002")
    finishes(bert, "78")
    assert not is_stopped(desk, 10 * SETTLE)
    assert desk["waiting_for"] == "no more records"


def test_r19_rule_b_needs_no_finalized_count() -> None:
    """Calls that nobody answered are OCS's own: no agent ever finalizes them."""
    desk, anna, witness = witnessed("Predictive")
    witness.retrieved(10, 10)
    anna.rings("77")
    anna.processes("77")
    anna.acknowledged()
    witness.retrieved(0, 10)
    assert not is_stopped(desk, SETTLE_DIALED - 0.1)
    assert is_stopped(desk, 0.1)


def test_a_group_without_obstacles_says_what_it_waits_for() -> None:
    """So that whoever looks at it sees how long it takes."""
    desk, _ = ready()
    desk.passes(18)
    assert desk["waiting_for"] == "42 s of quiet"
    assert desk.news().count(News.NO_MORE_RECORDS) == 1
