"""Which request arms a group, and what becomes of clients' requests (R3, R4)."""

from __future__ import annotations

import pytest

from proxy.campaign.observation import AskStatus, ControlRequested, GroupNames, News, Request, Status, Stop, Word
from proxy.campaign.policy import Attribute, By, Policy
from tests.campaign.desk import SALES, Desk, group
from tests.campaign.scenes import stop_sent, unload_sent

ADD = Policy(by=By.PROXY, attribute=Attribute.ADD)
FORCE = Policy(by=By.PROXY, attribute=Attribute.FORCE)
REMOVE = Policy(by=By.PROXY, attribute=Attribute.REMOVE)
SUPPORT = GroupNames(dbid=202, campaign_id=22, group_id=732, name="Support@Agents")


def connected(policy: Policy | None = None) -> Desk:
    """A desk whose control session is registered, and whose group is not loaded."""
    desk = Desk(group(SALES, policy)) if policy is not None else Desk()
    desk.ocs.connected()
    desk.ocs.answers(Status.NOT_LOADED)
    desk.forgets()
    return desk


# ------------------------------------------------------------------------------------------------ R3: what decides


@pytest.mark.parametrize("value", [1, "1"])
def test_r3_one_arms(value: object) -> None:
    """A client asks for completion."""
    desk = connected()
    desk.ocs.loaded(reference=desk.client().loads(value))
    assert desk["armed"]


@pytest.mark.parametrize("values", [(), (0,), ("0",), (2,), ("yes",), (1, 0)])
def test_r3_anything_else_disarms(values: tuple[object, ...]) -> None:
    """The later request decides: 0, absent, or nonsense takes completion back."""
    desk = connected()
    client = desk.client()
    desk.ocs.loaded(reference=client.loads(1))
    desk.ocs.started(reference=client.starts(*values))
    assert not desk["armed"]
    announced = {said.news: said.text for said in desk.announced()}
    assert list(announced) == [News.LOADED, News.ARMED, News.STARTED, News.DISARMED]
    assert announced[News.ARMED] == "a client's load with it"
    assert announced[News.DISARMED] == "a client's start without it"


def test_r3_a_start_arms_what_was_loaded_without() -> None:
    """The client thinks of it only when it starts."""
    desk = connected()
    client = desk.client()
    desk.ocs.loaded(reference=client.loads())
    desk.ocs.started(reference=client.starts(1))
    assert desk["armed"]


@pytest.mark.parametrize(("value", "armed"), [(1, True), (0, False)])
def test_r3_a_change_of_mode_decides_too(value: int, armed: bool) -> None:
    """SetDialingMode is the third request that may bear the attribute."""
    desk = connected()
    client = desk.client()
    desk.ocs.loaded(reference=client.loads(1 - value))
    desk.ocs.started("Predictive", reference=client.starts(1 - value))
    desk.ocs.changes_mode("Progressive", reference=client.sets_mode("Progressive", value))
    assert desk["armed"] is armed


def test_r3_stop_and_unload_decide_nothing() -> None:
    """Stopped and started by hand, without the attribute in Stop: armed stays what it was."""
    desk = connected()
    client = desk.client()
    desk.ocs.loaded(reference=client.loads(1))
    desk.ocs.started(reference=client.starts(1))
    desk.ocs.stopped(reference=client.stops())
    assert desk["armed"]


def test_r3_what_counts_is_the_value_after_add() -> None:
    """The client says nothing, the proxy adds 1."""
    desk = connected(ADD)
    desk.ocs.loaded(reference=desk.client().loads())
    assert desk["armed"]


def test_r3_add_leaves_a_client_that_says_0_unarmed() -> None:
    """What is there is not added to."""
    desk = connected(ADD)
    desk.ocs.loaded(reference=desk.client().loads(0))
    assert not desk["armed"]


def test_r3_what_counts_is_the_value_after_force() -> None:
    """The client says 0, the proxy makes it 1."""
    desk = connected(FORCE)
    desk.ocs.loaded(reference=desk.client().loads(0))
    assert desk["armed"]


@pytest.mark.parametrize(("values", "armed"), [((1,), True), ((0,), False), ((), False)])
def test_r3_remove_keeps_it_from_ocs_only(values: tuple[object, ...], armed: bool) -> None:
    """An old OCS must not see the attribute; the client's wish is the proxy's to fulfil."""
    desk = connected(REMOVE)
    desk.ocs.loaded(reference=desk.client().loads(*values))
    assert desk["armed"] is armed


def test_r3_the_load_that_begins_a_session_arms_that_session() -> None:
    """Not the one before, which is over."""
    desk = connected()
    client = desk.client()
    desk.ocs.loaded(reference=client.loads(0))
    desk.ocs.unloaded(reference=client.unloads())
    reference = client.loads(1)
    assert not desk["armed"]
    desk.ocs.loaded(reference=reference)
    assert desk["armed"]


def test_r3_armed_ends_with_its_session() -> None:
    """Tomorrow's session is not armed by today's Load."""
    desk = connected()
    desk.ocs.loaded(reference=desk.client().loads(1))
    desk.ocs.unloaded()
    desk.ocs.loaded()
    assert not desk["armed"]


def test_r3_the_latest_request_decides_though_its_answer_was_the_only_one() -> None:
    """Load 1, Start 0; OCS's loaded is lost: what the Load asked for does not come back to life later."""
    desk = connected()
    client = desk.client()
    client.loads(1)
    start = client.starts(0)
    desk.ocs.started(reference=start)
    assert not desk["armed"]
    desk.passes(10)
    for asked in desk.sent(AskStatus):
        desk.ocs.answers(Status.RUNNING, "Preview", reference=asked.reference)
    assert not desk["armed"]


def test_r3_a_request_for_one_group_arms_no_other() -> None:
    """Sales is not Support, whatever their references."""
    desk = Desk(group(SALES), group(SUPPORT))
    desk.ocs.connected()
    desk.client().loads(1, reference="5")
    desk.ocs.loaded(SUPPORT, reference="5")
    desk.ocs.loaded(SALES)
    assert desk.group("Sales@Agents")["armed"]
    assert not desk.group("Support@Agents")["armed"]


def test_r3_a_request_by_other_names_of_the_group_counts() -> None:
    """The direct protocol says campaign and agent group, OCS's word the group's DBID."""
    desk = connected()
    reference = desk.client(GroupNames(campaign_id=11, group_id=732)).loads(1)
    desk.ocs.loaded(GroupNames(dbid=101), reference=reference)
    assert desk["armed"]


# ---------------------------------------------------------------------------------------------- R4: what is accepted


@pytest.mark.parametrize("reference", [None, "5"])
def test_r4_a_request_counts_when_ocs_shows_it_and_not_before(reference: str | None) -> None:
    """The word may carry the request's reference, or be a statistics event without one."""
    desk = connected()
    desk.client().loads(1, reference="5")
    assert not desk["armed"]
    desk.ocs.loaded(reference=reference)
    assert desk["armed"]


def test_r4_a_word_accepts_only_the_request_that_asks_for_its_state() -> None:
    """Loaded does not accept a Start."""
    desk = connected()
    client = desk.client()
    load, start = client.loads(0), client.starts(1)
    desk.ocs.loaded(reference=load)
    assert not desk["armed"]
    desk.ocs.started(reference=start)
    assert desk["armed"]


def test_r4_loaded_does_not_accept_a_start_that_came_alone() -> None:
    """A schedule loads the group while a client's Start is on its way, to be refused."""
    desk = connected()
    desk.client().starts(1)
    desk.ocs.loaded()
    assert not desk["armed"]


def test_r4_a_start_is_accepted_in_whichever_mode() -> None:
    """OCS may start in another mode than the client asked for."""
    desk = connected()
    client = desk.client()
    desk.ocs.loaded(reference=client.loads())
    client.starts(1, mode="Preview")
    desk.ocs.started("Predictive")
    assert desk["armed"]


def test_r4_a_set_mode_that_names_no_mode_is_accepted_by_any_change() -> None:
    """What was asked for is not known."""
    desk = connected()
    desk.ocs.started("Predictive")
    desk.client().requests(Request.SET_MODE, 1)
    desk.ocs.changes_mode("Progressive")
    assert desk["armed"]


def test_r4_a_request_without_a_reference_is_accepted_by_any_word_for_it() -> None:
    """Unless another one has the word's reference."""
    desk = connected()
    desk.sees(ControlRequested(9, GroupNames(dbid=101), Request.LOAD, (0,)))
    desk.client().loads(1, reference="6")
    desk.ocs.loaded(reference="6")
    assert desk["armed"]
    desk.ocs.loaded(reference="7")
    assert not desk["armed"]


def test_r4_an_error_without_a_reference_refuses_nothing() -> None:
    """Nor a request without one: whose it is cannot be told."""
    desk = connected()
    desk.sees(ControlRequested(9, GroupNames(dbid=101), Request.LOAD, (1,)))
    desk.ocs.refuses(None)
    desk.ocs.loaded()
    assert desk["armed"]


def test_r4_another_sessions_eventack_says_nothing_of_this_ones_request() -> None:
    """The T-Server took something of another client with the same number; this client's is refused."""
    desk = connected()
    client, other = desk.client(), desk.client()
    client.loads(1, message_reference=7)
    other.taken(7)
    client.refused(7)
    desk.ocs.loaded()
    assert not desk["armed"]


def test_r4_a_word_accepts_one_request_only() -> None:
    """Two clients load; one is accepted; the other is refused, and does not count."""
    desk = connected()
    desk.client().loads(1, reference="5")
    desk.client().loads(0, reference="6")
    desk.ocs.loaded(reference="5")
    desk.ocs.refuses("6")
    assert desk["armed"]
    desk.ocs.loaded()
    assert News.UNLOADED not in desk.news()


def test_r4_the_reference_tells_which_of_two_requests_was_accepted() -> None:
    """Not the oldest, but the one that is meant."""
    desk = connected()
    desk.client().loads(0, reference="5")
    desk.client().loads(1, reference="6")
    desk.ocs.loaded(reference="6")
    assert desk["armed"]


def test_r4_without_a_reference_the_oldest_is_accepted() -> None:
    """OCS answers in order."""
    desk = connected()
    client = desk.client()
    client.loads(1, reference="5")
    client.loads(0, reference="6")
    desk.ocs.loaded()
    assert desk["armed"]


def test_r4_a_change_to_another_mode_accepts_no_set_mode() -> None:
    """Another console changed the mode; this client's request is still open."""
    desk = connected()
    client = desk.client()
    desk.ocs.loaded(reference=client.loads())
    desk.ocs.started("Predictive", reference=client.starts())
    client.sets_mode("Power", 1)
    desk.ocs.changes_mode("Progressive")
    assert not desk["armed"]
    desk.ocs.changes_mode("Power")
    assert desk["armed"]


@pytest.mark.parametrize("request_", [Request.LOAD, Request.START, Request.SET_MODE])
def test_r4_refused_by_everror(request_: Request) -> None:
    """EvError with the reference of the request, on the proxy's own session."""
    desk = connected()
    desk.ocs.loaded()
    desk.ocs.started("Predictive")
    reference = desk.client().requests(request_, 1, mode="Progressive")
    desk.ocs.refuses(reference)
    for word in (Word.MODE_CHANGED, Word.STOPPED, Word.STARTED, Word.UNLOADED, Word.LOADED):
        desk.ocs.says(word, "Progressive")
        assert not desk["armed"]


def test_r4_refused_on_the_clients_own_session() -> None:
    """EvError on a direct connection."""
    desk = connected()
    client = desk.client()
    client.hears_refusal(client.loads(1))
    desk.ocs.loaded()
    assert not desk["armed"]


def test_r4_refused_by_the_t_server() -> None:
    """EventError by the reference of the message: the Communication DN is not configured."""
    desk = connected()
    client = desk.client()
    client.loads(1, message_reference=7)
    client.refused(7)
    desk.ocs.loaded()
    assert not desk["armed"]


def test_r4_an_eventerror_after_the_eventack_is_about_another_message() -> None:
    """The T-Server took the request; the client uses the reference again for something else."""
    desk = connected()
    client = desk.client()
    client.loads(1, message_reference=7)
    client.taken(7)
    client.refused(7)
    desk.ocs.loaded()
    assert desk["armed"]


def test_r4_the_t_servers_refusal_of_another_session_is_not_this_ones() -> None:
    """References are each session's own."""
    desk = connected()
    client, other = desk.client(), desk.client()
    client.loads(1, message_reference=7)
    other.refused(7)
    other.taken(7)
    desk.ocs.loaded()
    assert desk["armed"]


def test_r4_a_refusal_that_reaches_another_client_is_about_his_requests() -> None:
    """Every client of the Communication DN gets OCS's error: the same reference there is not the same request."""
    desk = connected()
    client, other = desk.client(), desk.client()
    client.loads(1, reference="5")
    other.hears_refusal("5")
    desk.ocs.loaded()
    assert desk["armed"]


def test_r4_a_refusal_is_heard_twice_and_refuses_once() -> None:
    """The client's own session hears it, and the proxy's; meanwhile the client has sent it again."""
    desk = connected()
    client = desk.client()
    client.loads(0, reference="5")
    client.hears_refusal("5")
    desk.ocs.refuses("5")
    client.loads(1, reference="6")
    desk.ocs.refuses("5")
    desk.ocs.loaded()
    assert desk["armed"]


def test_r4_a_refusal_names_the_group_where_two_have_the_reference() -> None:
    """Two clients count their references alike."""
    desk = Desk(group(SALES), group(SUPPORT))
    desk.ocs.connected()
    desk.client(SALES).loads(1, reference="5")
    desk.client(SUPPORT).loads(1, reference="5")
    desk.ocs.refuses("5", SUPPORT)
    desk.ocs.loaded(SALES)
    desk.ocs.loaded(SUPPORT)
    assert desk.group("Sales@Agents")["armed"]
    assert not desk.group("Support@Agents")["armed"]


def test_r4_a_refusal_with_an_unknown_reference_refuses_nothing() -> None:
    """Somebody who does not pass the proxy was refused."""
    desk = connected()
    desk.client().loads(1, reference="5")
    desk.ocs.refuses("55")
    desk.ocs.refuses(None)
    desk.ocs.loaded()
    assert desk["armed"]


def test_r4_a_client_that_leaves_has_asked_all_the_same() -> None:
    """Some clients open a connection for each command."""
    desk = connected()
    client = desk.client()
    client.loads(1)
    client.leaves()
    desk.ocs.loaded()
    assert desk["armed"]


# -------------------------------------------------------------------------------------------------- R4: silence


def test_r4_silence_is_asked_about_after_answer_timeout() -> None:
    """Not before, and once."""
    desk = connected()
    desk.client().loads(1)
    desk.passes(9.9)
    assert desk.sent(AskStatus) == []
    desk.passes(0.1)
    assert [(asked.names.dbid, asked.control) for asked in desk.sent(AskStatus)] == [(101, "tevents")]


@pytest.mark.parametrize(
    ("request_", "status"),
    [(Request.LOAD, Status.ACTIVE), (Request.LOAD, Status.RUNNING), (Request.START, Status.RUNNING)],
)
def test_r4_the_status_accepts_what_it_shows(request_: Request, status: Status) -> None:
    """OCS's event was lost; its answer shows that the request had its effect."""
    desk = connected()
    if request_ is Request.START:
        desk.ocs.loaded()
    desk.client().requests(request_, 1)
    desk.passes(10)
    desk.ocs.answers(status, reference=desk.sent(AskStatus)[-1].reference)
    assert desk["armed"]


@pytest.mark.parametrize(
    ("request_", "status"),
    [(Request.LOAD, Status.NOT_LOADED), (Request.START, Status.ACTIVE), (Request.START, Status.NOT_LOADED)],
)
def test_r4_the_status_accepts_nothing_that_it_does_not_show(request_: Request, status: Status) -> None:
    """OCS ignored the request; much later a schedule does what it asked for."""
    desk = connected()
    if status is Status.ACTIVE:
        desk.ocs.loaded()
    desk.client().requests(request_, 1)
    for _ in range(10):
        desk.passes(10)
        for asked in desk.sent(AskStatus)[-1:]:
            desk.ocs.answers(status, reference=asked.reference)
    assert not desk["armed"]
    desk.ocs.loaded()
    desk.ocs.started()
    assert not desk["armed"]
    desk.forgets()
    desk.passes(100)
    assert desk.sent(AskStatus) == [], "the request is forgotten"


def test_r4_a_load_that_takes_long_still_counts() -> None:
    """OCS needs 15 s to load; asked at 10 s, it says NotLoaded; its loaded answers the Load all the same."""
    desk = connected()
    reference = desk.client().loads(1)
    desk.passes(10)
    desk.ocs.answers(Status.NOT_LOADED, reference=desk.sent(AskStatus)[-1].reference)
    desk.passes(5)
    desk.ocs.loaded(reference=reference)
    assert desk["armed"]


def test_r4_a_change_of_mode_is_shown_by_a_status_with_that_mode() -> None:
    """SetDialingMode met with silence."""
    desk = connected()
    desk.ocs.loaded()
    desk.ocs.started("Predictive")
    desk.client().sets_mode("Progressive", 1)
    desk.passes(10)
    desk.ocs.answers(Status.RUNNING, "Progressive", reference=desk.sent(AskStatus)[-1].reference)
    assert desk["armed"]


def test_r4_a_change_of_mode_is_not_shown_by_a_group_that_does_not_run() -> None:
    """Stopped meanwhile: whether the mode was set cannot be seen."""
    desk = connected()
    desk.ocs.loaded()
    desk.ocs.started("Predictive")
    desk.client().sets_mode("Predictive", 1)
    desk.ocs.stopped()
    desk.passes(10)
    desk.ocs.answers(Status.ACTIVE, "Predictive", reference=desk.sent(AskStatus)[-1].reference)
    assert not desk["armed"]


@pytest.mark.parametrize("request_", [Request.STOP, Request.UNLOAD])
def test_r4_a_stop_or_unload_without_effect_is_forgotten_once_the_status_shows_it(request_: Request) -> None:
    """It decides nothing, so nobody has to wait for it."""
    desk = connected()
    desk.ocs.started()
    desk.client().requests(request_)
    desk.passes(10)
    (asked,) = desk.sent(AskStatus)
    desk.ocs.answers(Status.RUNNING, reference=asked.reference)
    desk.passes(100)
    assert len(desk.sent(AskStatus)) == 1


def test_r4_a_request_that_ocs_shows_nothing_of_holds_no_completion_back() -> None:
    """A SetDialingMode is met with silence, and the status shows the old mode: Stop goes out, though it may be slow."""
    desk = connected()
    client = desk.client()
    desk.ocs.loaded(reference=client.loads(1))
    desk.ocs.started("Preview", reference=client.starts(1))
    anna = desk.agent()
    anna.gets("77")
    anna.processes("77")
    anna.acknowledged()
    desk.ocs.waits_for_records()
    desk.passes(55)
    client.sets_mode("Power", 1)
    desk.passes(10)
    assert desk.sent(Stop) == []
    desk.ocs.answers(Status.RUNNING, "Preview", reference=desk.sent(AskStatus)[-1].reference)
    assert len(desk.sent(Stop)) == 1


def test_r4_only_the_answer_to_the_question_about_it_answers_a_request() -> None:
    """A console's status answer, with another reference, is not about the second Start; one without any may be."""
    desk = connected()
    desk.ocs.started()
    desk.client().starts(1)
    desk.passes(10)
    desk.ocs.answers(Status.RUNNING, reference="4711")
    assert not desk["armed"]
    desk.ocs.answers(Status.RUNNING)
    assert desk["armed"]


def test_r4_our_own_stop_that_is_no_longer_wanted_is_asked_about_like_any_other() -> None:
    """A record shows after Stop was sent. Silence, and the status shows running: nothing came of it."""
    desk, (anna,), _ = stop_sent()
    anna.gets("78")
    desk.passes(10)
    desk.ocs.answers(Status.RUNNING, reference=desk.sent(AskStatus)[-1].reference)
    assert News.STOPPED_WITH_RECORDS not in desk.news()


@pytest.mark.parametrize("status", [Status.WAITING_UNLOAD, Status.UNLOAD_IN_PROGRESS, Status.NOT_LOADED])
def test_r4_our_own_unload_that_is_no_longer_wanted_may_have_been_accepted(status: Status) -> None:
    """A client loads after Unload was sent. The status shows that OCS took the Unload: that is said loudly."""
    desk, _, _ = unload_sent()
    desk.client().loads(1)
    desk.ocs.loaded()
    assert News.ABANDONED in desk.news()
    desk.passes(10)
    desk.ocs.answers(status, reference=desk.sent(AskStatus)[-1].reference)
    assert News.STOPPED_WITH_RECORDS in desk.news()


def test_r4_after_a_gap_the_answer_accepts_a_start_of_a_group_that_runs() -> None:
    """Nothing moved, and yet the request was asked about: by the question of the reconnect."""
    desk = connected()
    desk.ocs.started()
    desk.ocs.lost()
    desk.client().starts(1)
    desk.ocs.connected()
    desk.ocs.answers(Status.RUNNING, reference=desk.sent(AskStatus)[-1].reference)
    assert desk["armed"]


def test_r4_while_nobody_answers_for_a_day_few_requests_are_kept() -> None:
    """The control session is away, and a client tries again and again."""
    desk = connected()
    desk.ocs.lost()
    client = desk.client()
    for _ in range(1000):
        client.starts(1)
    desk.ocs.connected()
    desk.passes(1000)
    assert 0 < desk.counted("client_requests_never_answered") <= 64


def test_r4_a_change_of_mode_is_not_shown_by_a_status_with_another() -> None:
    """SetDialingMode without effect."""
    desk = connected()
    desk.ocs.loaded()
    desk.ocs.started("Predictive")
    desk.client().sets_mode("Progressive", 1)
    desk.passes(10)
    desk.ocs.answers(Status.RUNNING, "Predictive", reference=desk.sent(AskStatus)[-1].reference)
    assert not desk["armed"]


def test_r4_a_set_mode_to_the_mode_that_is_shows_in_any_status() -> None:
    """Sent for the attribute's sake: OCS has nothing to tell, and its status no mode."""
    desk = connected()
    desk.ocs.loaded()
    desk.ocs.started("Predictive")
    desk.client().sets_mode("Predictive", 1)
    desk.passes(10)
    desk.ocs.answers(Status.RUNNING, reference=desk.sent(AskStatus)[-1].reference)
    assert desk["armed"]


def test_r4_an_answer_to_another_question_accepts_nothing() -> None:
    """OCS answers a console's status request while a second Start is on its way: that it runs is nothing new."""
    desk = connected()
    desk.ocs.loaded()
    desk.ocs.started()
    desk.client().starts(1)
    desk.ocs.answers(Status.RUNNING)
    desk.ocs.answers(Status.RUNNING, reference="4711")
    assert not desk["armed"]


def test_r4_a_status_report_that_comes_first_accepts_what_it_shows() -> None:
    """OCS tells somebody the new status before its event for the same Load arrives: one session, armed."""
    desk = connected()
    desk.client().loads(1)
    desk.ocs.answers(Status.ACTIVE)
    assert desk["armed"]
    desk.ocs.loaded()
    assert desk.news().count(News.LOADED) == 1


def test_r4_after_a_gap_the_answer_shows_what_was_accepted() -> None:
    """The control session was away when OCS loaded the group."""
    desk = connected()
    desk.ocs.lost()
    desk.client().loads(1)
    desk.passes(100)
    assert desk.sent(AskStatus) == []
    desk.ocs.connected()
    desk.ocs.answers(Status.ACTIVE, reference=desk.sent(AskStatus)[-1].reference)
    assert desk["armed"]


def test_r4_silence_to_every_question_ends_the_asking() -> None:
    """OCS answers nothing at all: after `attempts` questions the request is given up, and counted."""
    desk = connected()
    desk.client().loads(1)
    desk.passes(1000)
    assert len(desk.sent(AskStatus)) == 3
    assert desk.counted("client_requests_never_answered") == 1
    desk.ocs.loaded()
    assert not desk["armed"]


def test_r4_a_group_that_cannot_be_asked_about_keeps_few_requests() -> None:
    """Its DBID is not known, and nobody answers: what is remembered is bounded."""
    desk = Desk(group(GroupNames(name="Sales@Agents")))
    desk.ocs.connected()
    client = desk.client(GroupNames(name="Sales@Agents"))
    for _ in range(1000):
        client.starts(1)
        desk.passes(60)
    desk.forgets()
    desk.passes(1000)
    assert len(desk.said) < 10


# ------------------------------------------------------------------------------- R4: without a request of a client


def test_r4_a_schedules_load_begins_a_session_unarmed() -> None:
    """Nobody asked the proxy for completion."""
    desk = connected()
    desk.ocs.loaded()
    desk.ocs.started()
    assert not desk["armed"]


@pytest.mark.parametrize("policy", [ADD, FORCE])
def test_r4_a_schedules_load_arms_where_the_site_wants_it(policy: Policy) -> None:
    """With `add` and `force`, whoever loads."""
    desk = connected(policy)
    desk.ocs.loaded()
    assert desk["armed"]


@pytest.mark.parametrize("policy", [ADD, FORCE])
def test_r4_a_schedules_start_arms_where_the_site_wants_it(policy: Policy) -> None:
    """Also a group that a client loaded, explicitly without."""
    desk = connected(policy)
    desk.ocs.answers(Status.ACTIVE)
    assert not desk["armed"]
    desk.ocs.started()
    assert desk["armed"]


@pytest.mark.parametrize("value", [0, 1])
def test_r4_a_schedules_start_leaves_armed_as_it_is(value: int) -> None:
    """A client loaded, a schedule starts."""
    desk = connected()
    desk.ocs.loaded(reference=desk.client().loads(value))
    desk.ocs.started()
    assert desk["armed"] is bool(value)


@pytest.mark.parametrize("policy", [ADD, FORCE])
def test_r4_a_copy_arms_nothing(policy: Policy) -> None:
    """Loaded and started, heard again: no new decision."""
    desk = connected(policy)
    client = desk.client()
    desk.ocs.loaded(reference=client.loads("never"))
    desk.ocs.started(reference=client.starts("never"))
    armed = desk["armed"]
    desk.ocs.loaded()
    desk.ocs.started()
    assert desk["armed"] is armed is (policy is FORCE)


@pytest.mark.parametrize("policy", [ADD, FORCE])
def test_r4_an_unasked_change_of_mode_arms_nothing(policy: Policy) -> None:
    """Only loaded and started do."""
    desk = connected(policy)
    desk.ocs.answers(Status.RUNNING)
    desk.ocs.changes_mode("Progressive")
    assert not desk["armed"]


@pytest.mark.parametrize("policy", [ADD, FORCE])
@pytest.mark.parametrize("status", list(Status))
def test_r4_a_status_answer_arms_nothing(policy: Policy, status: Status) -> None:
    """The proxy came late: it was not there when somebody decided."""
    desk = connected(policy)
    desk.ocs.answers(status)
    assert not desk["armed"]


def test_r4_another_consoles_words_leave_an_open_request_open() -> None:
    """A Load is refused after a schedule has started the group: it is not what was loaded."""
    desk = connected()
    reference = desk.client().loads(1)
    desk.ocs.loaded(reference="4711")
    assert not desk["armed"]
    desk.ocs.refuses(reference)
    assert not desk["armed"]


def test_r3_what_was_decided_before_anything_was_known_is_not_lost() -> None:
    """The proxy is new here; a SetDialingMode with 1 is accepted before the first status answer comes."""
    desk = Desk()
    desk.ocs.connected()
    desk.ocs.changes_mode("Progressive", reference=desk.client().sets_mode("Progressive", 1))
    desk.ocs.answers(Status.RUNNING)
    assert (desk["state"], desk["armed"]) == ("running", True)


def test_r3_what_was_decided_before_a_not_loaded_is_over_with_it() -> None:
    """The same, but the group is not loaded: the next session begins unarmed."""
    desk = Desk()
    desk.ocs.connected()
    desk.ocs.changes_mode("Progressive", reference=desk.client().sets_mode("Progressive", 1))
    desk.ocs.answers(Status.NOT_LOADED)
    desk.ocs.loaded()
    assert not desk["armed"]


def test_r3_what_is_accepted_after_the_end_arms_nothing() -> None:
    """The answer to a SetDialingMode comes when the group is unloaded: the next session is a schedule's, unarmed."""
    desk = connected()
    desk.ocs.started("Predictive")
    desk.client().sets_mode("Progressive", 1)
    desk.ocs.unloaded()
    desk.ocs.changes_mode("Progressive")
    desk.ocs.loaded()
    assert not desk["armed"]


@pytest.mark.parametrize("policy", [ADD, FORCE])
def test_r4_stopped_is_no_schedules_load(policy: Policy) -> None:
    """The first that is heard of a group is that it was stopped: who loaded it, and how, nobody knows."""
    desk = Desk(group(SALES, policy))
    desk.ocs.stopped()
    assert (desk["state"], desk["armed"]) == ("loaded", False)


def test_r4_loaded_by_agents_events_accepts_too() -> None:
    """Without control session, what agents hear is OCS's word."""
    desk = Desk()
    anna = desk.agent()
    desk.client().loads(1)
    anna.hears(Word.LOADED)
    assert (desk["state"], desk["armed"]) == ("loaded", True)


def test_r4_a_status_that_shows_the_stop_is_no_answer_to_a_load_that_has_just_passed() -> None:
    """A client's Stop goes unanswered; the status asked for shows it, and arms nothing in the name of a later Load."""
    desk = Desk()
    client = desk.runs(0)
    client.stops()
    desk.passes(9)
    load = client.loads(1)
    desk.passes(1)
    desk.ocs.answers(Status.ACTIVE, reference=desk.sent(AskStatus)[-1].reference)
    assert desk["armed"] is False
    client.hears_refusal(load)
    desk.ocs.started("Preview")
    assert desk["armed"] is False
