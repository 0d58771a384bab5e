"""Witnesses who know the calling lists: records for later, and the last check before a Stop (R12, R13, R17)."""

from __future__ import annotations

import pytest

from proxy.campaign.observation import AskWitness, GroupNames, News, Stop, Unload
from proxy.campaign.policy import By, Policy
from tests.campaign.desk import COMPLETES, Agent, Desk, Witness, group
from tests.campaign.scenes import SETTLE, TIMEOUT, runs_dry

NAME = "calling-list Customers"


def scene(policy: Policy = COMPLETES, confirms: bool = True, found: bool = True) -> tuple[Desk, Agent, Witness]:
    """A group that runs; its agent heard that there are no records; a witness knows its list, and says nothing."""
    desk = Desk(group(policy=policy))
    anna, witness = desk.agent(), desk.witness(NAME, found)
    if confirms:
        witness.confirms()
    desk.runs()
    runs_dry(desk, anna)
    return desk, anna, witness


def asked(policy: Policy = COMPLETES) -> tuple[Desk, Agent, Witness, AskWitness]:
    """Everything has held for long enough: the witness has just been asked."""
    desk, anna, witness = scene(policy)
    desk.passes(SETTLE)
    [question] = desk.sent(AskWitness)
    return desk, anna, witness, question


def nothing(witness: Witness, question: AskWitness | None = None) -> None:
    """The witness counts nothing; to a question, if there is one."""
    witness.counts(ready=0, retrieved=0, scheduled=0, answers=question and question.question)


# ------------------------------------------------------------------------------------------------ records for later


def test_records_for_later_hold_their_group() -> None:
    """Agents hear that there are no records, and three are scheduled for this afternoon: not completed."""
    desk, _, witness = scene(confirms=False)
    witness.counts(ready=0, retrieved=0, scheduled=3)
    desk.passes(20 * SETTLE)
    assert desk.sent(Stop) == []
    assert desk["waiting_for"] == f"3 records scheduled for later ({NAME})"


def test_one_record_for_later() -> None:
    """An operator reads how many it waits for."""
    desk, _, witness = scene(confirms=False)
    witness.counts(ready=0, retrieved=0, scheduled=1)
    assert desk["waiting_for"] == f"1 record scheduled for later ({NAME})"


def test_when_they_are_done_the_group_is_completed() -> None:
    """The time to settle begins when the last of them is done."""
    desk, _, witness = scene(confirms=False)
    witness.counts(ready=0, retrieved=0, scheduled=3)
    desk.passes(1000)
    nothing(witness)
    desk.passes(SETTLE - 1)
    assert desk.sent(Stop) == []
    desk.passes(1)
    assert len(desk.sent(Stop)) == 1


def test_a_site_that_does_not_wait_for_callbacks() -> None:
    """With hold_for_callbacks = no records for later hold nothing."""
    desk, _, witness = scene(Policy(by=By.PROXY, hold_for_callbacks=False), confirms=False)
    witness.counts(ready=0, retrieved=0, scheduled=3)
    desk.passes(SETTLE)
    assert len(desk.sent(Stop)) == 1


def test_records_for_later_of_the_run_before() -> None:
    """What was counted in an earlier run is not believed in the next (R14)."""
    desk, anna, witness = scene(confirms=False)
    witness.counts(ready=0, retrieved=0, scheduled=3)
    desk.ocs.stopped()
    desk.ocs.started("Preview")
    runs_dry(desk, anna, "78")
    desk.passes(SETTLE)
    assert len(desk.sent(Stop)) == 1


def test_records_for_later_that_show_after_stop() -> None:
    """Once it is stopped a group with records for later stays loaded: no Unload (R23)."""
    desk, _, witness = scene(confirms=False)
    desk.passes(SETTLE)
    desk.ocs.stopped()
    witness.counts(ready=0, retrieved=0, scheduled=1)
    desk.passes(SETTLE)
    assert desk.sent(Unload) == []
    assert News.STOPPED_WITH_RECORDS in desk.news()


# ------------------------------------------------------------------------------------------------ witnesses that differ


def test_the_one_that_says_there_are_records_wins() -> None:
    """One witness says again and again that nothing is there, the other said once that five records are ready."""
    desk, _, witness = scene(confirms=False)
    other = desk.witness("other")
    witness.counts(ready=5, retrieved=0, scheduled=0)
    for _ in range(20):
        other.counts(ready=0, retrieved=0)
        desk.passes(SETTLE)
    assert desk.sent(Stop) == []
    assert desk["waiting_for"] == f"5 records ready ({NAME})"


def test_a_difference_is_told_and_counted_once() -> None:
    """Operators read who says what when they begin to differ, not every 30 seconds; and anew the next time."""
    desk, _, witness = scene(confirms=False)
    other = desk.witness("other")
    for _ in range(3):
        other.counts(ready=0, retrieved=0)
        witness.counts(ready=5)
    [told] = [said.text for said in desk.announced() if said.news is News.WITNESSES_DIFFER]
    assert told == f"{NAME}: 5 ready, other: none"
    assert desk.counted("witnesses_differ") == 1
    nothing(witness)
    witness.counts(ready=1)
    assert desk.counted("witnesses_differ") == 2


def test_a_witness_that_speaks_of_one_retrieval_differs_too() -> None:
    """The log says that a retrieval brought nothing, the table has records ready."""
    desk, _, witness = scene(confirms=False)
    log = desk.witness("log")
    witness.counts(ready=2)
    log.retrieved(0, 10)
    assert desk.counted("witnesses_differ") == 1


def test_records_for_later_are_no_difference() -> None:
    """Nothing to retrieve now, and three for later: both can be right."""
    desk, _, witness = scene(confirms=False)
    other = desk.witness("other")
    witness.counts(ready=0, retrieved=0, scheduled=3)
    other.counts(ready=0, retrieved=0)
    assert desk.counted("witnesses_differ") == 0


# ------------------------------------------------------------------------------------------------ the last check


def test_nothing_is_stopped_before_the_answer() -> None:
    """Everything has held: the witness is asked, by the group's names, and Stop waits."""
    desk, _, _, question = asked()
    assert (question.witness, question.names, question.group) == (
        NAME,
        desk.names._replace(campaign="Sales"),
        "Sales@Agents",
    )
    assert desk.sent(Stop) == []
    assert desk["waiting_for"] == f"the answer of {NAME}"


def test_the_answer_that_nothing_is_left() -> None:
    """Then Stop is sent, once, at once."""
    desk, _, witness, question = asked()
    nothing(witness, question)
    assert len(desk.sent(Stop)) == 1
    assert desk.times(Stop) == [SETTLE]


@pytest.mark.parametrize("left", [{"ready": 1}, {"retrieved": 1}, {"scheduled": 1}])
def test_the_answer_that_something_is_left(left: dict[str, int]) -> None:
    """A record that is ready, out, or for later: no Stop."""
    desk, _, witness, question = asked()
    witness.counts(**{"ready": 0, "retrieved": 0, "scheduled": 0, **left}, answers=question.question)
    desk.passes(TIMEOUT)
    assert desk.sent(Stop) == []
    assert len(desk.sent(AskWitness)) == 1


def test_after_records_it_is_asked_anew() -> None:
    """What was there is done: all must hold anew, and the witness is asked a second time."""
    desk, anna, witness, question = asked()
    witness.counts(ready=1, retrieved=0, scheduled=0, answers=question.question)
    nothing(witness)
    runs_dry(desk, anna, "78")
    desk.passes(SETTLE)
    assert desk.sent(Stop) == []
    nothing(witness, desk.sent(AskWitness)[-1])
    assert len(desk.sent(Stop)) == 1


def test_counts_that_nobody_asked_for_are_no_answer() -> None:
    """What was being counted when the question came says nothing of the time after it."""
    desk, _, witness, _ = asked()
    nothing(witness)
    assert desk.sent(Stop) == []


def test_a_record_shows_before_the_answer() -> None:
    """Evidence has gone when the answer is there: all conditions are looked at again, and it is asked anew later."""
    desk, anna, witness, question = asked()
    anna.gets("78")
    anna.processes("78")
    anna.acknowledged()
    nothing(witness, question)
    desk.passes(SETTLE - 1)
    assert desk.sent(Stop) == []
    desk.passes(1)
    assert len(desk.sent(AskWitness)) == 2
    nothing(witness, question)
    assert desk.sent(Stop) == []
    nothing(witness, desk.sent(AskWitness)[-1])
    assert len(desk.sent(Stop)) == 1


def test_a_sign_of_a_record_before_the_answer() -> None:
    """A sign begins the time to settle anew: the answer to the question before it does not count."""
    desk, anna, witness, question = asked()
    anna.shows_a_sign()
    nothing(witness, question)
    assert desk.sent(Stop) == []
    assert desk["waiting_for"] == f"{SETTLE:.0f} s of quiet"


def test_without_a_time_to_settle() -> None:
    """With settle = 0, too, an answer does not outlive the moment when something was in between."""
    desk, _, witness = scene(Policy(by=By.PROXY, settle=0))
    [question] = desk.sent(AskWitness)
    desk.ocs.lost()
    nothing(witness, question)
    desk.ocs.connected()
    assert desk.sent(Stop) == []
    nothing(witness, desk.sent(AskWitness)[-1])
    assert len(desk.sent(Stop)) == 1


def test_an_agent_asks_for_a_record_before_the_answer() -> None:
    """Nothing may be unanswered at the moment of Stop; the question is asked anew after it."""
    desk, anna, witness, question = asked()
    anna.asks()
    nothing(witness, question)
    assert desk.sent(Stop) == []
    anna.hears_no_records()
    assert desk.sent(Stop) == []
    assert len(desk.sent(AskWitness)) == 2
    nothing(witness, desk.sent(AskWitness)[-1])
    assert len(desk.sent(Stop)) == 1


def test_no_answer_in_time() -> None:
    """No Stop; it is asked again each time, and an answer to an earlier question is none."""
    desk, _, witness, question = asked()
    desk.passes(3 * TIMEOUT)
    assert desk.sent(Stop) == []
    assert desk.times(AskWitness) == [SETTLE + n * TIMEOUT for n in range(4)]
    assert desk.counted("confirmations_overdue") == 3
    nothing(witness, question)
    assert desk.sent(Stop) == []
    nothing(witness, desk.sent(AskWitness)[-1])
    assert len(desk.sent(Stop)) == 1


def test_every_witness_must_answer() -> None:
    """A group with two lists, each with its witness: both are asked, both must say so."""
    desk, _, witness = scene()
    other = desk.witness("calling-list Others")
    other.confirms()
    desk.passes(SETTLE)
    first, second = desk.sent(AskWitness)
    assert (first.witness, second.witness) == (NAME, other.name)
    nothing(witness, first)
    assert desk.sent(Stop) == []
    assert desk["waiting_for"] == f"the answer of {other.name}"
    desk.passes(TIMEOUT)
    assert [asked.witness for asked in desk.sent(AskWitness)[2:]] == [other.name]
    nothing(other, desk.sent(AskWitness)[-1])
    assert len(desk.sent(Stop)) == 1


def test_it_is_lost_before_it_answers() -> None:
    """No Stop, and it is said why; when it is found, everything must hold anew, and it is asked."""
    desk, _, witness, question = asked()
    witness.lost()
    assert desk["waiting_for"] == f"witness {NAME}, which is lost"
    nothing(witness, question)
    desk.passes(20 * SETTLE)
    assert desk.sent(Stop) == []
    witness.found()
    nothing(witness)
    desk.passes(SETTLE)
    assert desk.sent(Stop) == []
    nothing(witness, desk.sent(AskWitness)[-1])
    assert len(desk.sent(Stop)) == 1


def test_it_was_never_there() -> None:
    """A database that is down from the start: nothing is completed, and it is said why."""
    desk, _, _ = scene(found=False)
    desk.passes(20 * SETTLE)
    assert desk.sent(Stop) == []
    assert desk["waiting_for"] == f"witness {NAME}, which is lost"


def test_it_confirms_its_own_group_only() -> None:
    """The database of one campaign is down: the others are completed."""
    other = group(GroupNames(dbid=102, name="Other@Agents"))
    desk = Desk(group(), other)
    desk.witness(NAME, found=False).confirms(other.names)
    anna = desk.agent()
    desk.runs()
    runs_dry(desk, anna)
    desk.passes(SETTLE)
    assert len(desk.sent(Stop)) == 1


def test_it_names_the_group_by_a_name_that_is_learned_later() -> None:
    """Before OCS is heard nobody knows that the witness's group is that DBID; then it confirms it all the same."""
    desk = Desk(group(GroupNames(dbid=101)))
    witness = desk.witness(NAME, found=False)
    witness.confirms(GroupNames(name="Sales@Agents"))
    desk.runs()
    desk.ocs.started("Preview", names=GroupNames(dbid=101, name="Sales@Agents"))
    assert desk.group("Sales@Agents")["waiting_for"] != "dialing"
    anna = desk.agent()
    runs_dry(desk, anna)
    desk.passes(20 * SETTLE)
    assert desk.sent(Stop) == []
    assert desk.group("Sales@Agents")["waiting_for"] == f"witness {NAME}, which is lost"


@pytest.mark.parametrize("by", [By.NOBODY, By.DIALER])
def test_who_only_watches_asks_too(by: By) -> None:
    """What would have been completed is told after the last check, once; and then nobody is asked any more."""
    desk, _, witness, question = asked(Policy(by=by))
    assert News.WOULD_COMPLETE not in desk.news()
    nothing(witness, question)
    assert desk.news().count(News.WOULD_COMPLETE) == 1
    nothing(witness)
    desk.passes(20 * SETTLE)
    assert len(desk.sent(AskWitness)) == 1
    assert desk.news().count(News.WOULD_COMPLETE) == 1
    assert desk["waiting_for"] == f"nothing: by = {by.value}"


def test_ocs_is_in_trouble_when_the_answer_is_there() -> None:
    """Between SystemError start and over no answer counts (R14)."""
    desk, _, witness, question = asked()
    desk.ocs.has_trouble()
    nothing(witness, question)
    desk.ocs.has_trouble_no_more()
    desk.passes(20 * SETTLE)
    assert desk.sent(Stop) == []


def test_a_client_stops_the_group_before_the_answer() -> None:
    """Then there is nothing to stop: the answer is not acted upon, nor in the next run."""
    desk, anna, witness, question = asked()
    desk.ocs.stopped()
    desk.ocs.started("Preview")
    nothing(witness, question)
    runs_dry(desk, anna, "78")
    desk.passes(SETTLE - 1)
    nothing(witness, question)
    assert desk.sent(Stop) == []
    desk.passes(1)
    assert len(desk.sent(AskWitness)) == 2
