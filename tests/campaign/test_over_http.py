"""Campaign control over HTTP: a success says that OCS takes a request; what it does, others tell (R1-4, R17-23)."""

from __future__ import annotations

import pytest

from proxy.campaign.observation import AskStatus, GroupNames, News, Request, Status, Stop, Unload, Word
from proxy.campaign.policy import Attribute, By, Control, Policy
from tests.campaign.desk import SALES, Agent, Client, Desk, group

TIMEOUT = 10.0
SETTLE = 60.0
WAIT = 2.0
OVER_HTTP = Policy(by=By.PROXY, control=Control.OCS_HTTP)


def over_http(*sources: str, policy: Policy = OVER_HTTP, names: GroupNames = SALES) -> Desk:
    """A group that is controlled over HTTP, not loaded; OCS's HTTP interface and these sources of words are there."""
    desk = Desk(group(names, policy))
    for source in ("ocs-http", *sources):
        desk.ocs.at(source).connected()
    if sources:
        desk.ocs.at(sources[0]).answers(Status.NOT_LOADED)
    desk.forgets()
    return desk


def running(desk: Desk, source: str = "tevents") -> Client:
    """A client loads and starts the group over HTTP: OCS takes that, and says so where it is heard."""
    client, ocs = desk.client(), desk.ocs.at(source)
    client.hears_success(client.loads(1))
    ocs.loaded()
    client.hears_success(client.starts(1))
    ocs.started("Preview")
    assert (desk["state"], desk["armed"]) == ("running", True)
    return client


def without_records(desk: Desk) -> Agent:
    """The only record is finalized, and there are no more."""
    anna = desk.agent()
    anna.gets("77")
    anna.processes("77")
    anna.acknowledged()
    anna.asks()
    anna.hears_no_records()
    return anna


def stop_sent(*sources: str) -> tuple[Desk, Stop]:
    """Everything has held for long enough: Stop is on its way."""
    desk = over_http(*(sources or ("tevents",)))
    running(desk, sources[0] if sources else "tevents")
    without_records(desk)
    desk.passes(SETTLE)
    (stop,) = desk.sent(Stop)
    desk.forgets()
    return desk, stop


def stop_taken(*sources: str) -> Desk:
    """OCS took Stop."""
    desk, stop = stop_sent(*sources)
    desk.ocs.takes(stop.reference)
    desk.forgets()
    return desk


# ---------------------------------------------------------------------------------- R1: who moves the life of a group


@pytest.mark.parametrize("control", [Control.TEVENTS, Control.OCS_HTTP])
def test_r1_a_success_moves_a_group_where_no_word_is_heard(control: Control) -> None:
    """Neither T-Events nor direct nor reports: a success is all that OCS says, and so it is its word."""
    desk = over_http(policy=Policy(control=control))
    client = desk.client()
    states = []
    for ask in (client.loads, client.starts, client.stops, client.unloads):
        client.hears_success(ask())
        states.append(desk["state"])
    assert states == ["loaded", "running", "loaded", "unloaded"]
    assert desk.news() == [News.LOADED, News.STARTED, News.STOPPED, News.UNLOADED]


def test_r1_a_success_of_set_dialing_mode_tells_the_mode() -> None:
    """Preview settles in a minute, and everything else in five: the mode asked for counts once OCS takes it."""
    desk = over_http()
    client = desk.client()
    client.hears_success(client.loads(1))
    client.hears_success(client.starts(1, mode="Predictive"))
    client.hears_success(client.sets_mode("Preview", 1))
    desk.ocs.connected()
    desk.ocs.answers(Status.RUNNING)
    without_records(desk)
    desk.passes(SETTLE)
    assert len(desk.sent(Stop)) == 1


@pytest.mark.parametrize("source", ["tevents", "direct", "reports"])
def test_r1_a_success_moves_nothing_where_words_are_heard(source: str) -> None:
    """OCS takes a request before it does it, and may never do it: with a source of its words, that is waited for."""
    desk = over_http(source)
    client, told = desk.client(), desk.ocs.at(source)
    client.hears_success(client.loads(1))
    assert desk["state"] == "unloaded"
    told.loaded()
    client.hears_success(client.starts(1))
    assert desk["state"] == "loaded"
    told.started("Preview")
    client.hears_success(client.stops())
    assert desk["state"] == "running"
    told.stopped()
    client.hears_success(client.unloads())
    assert desk["state"] == "loaded"
    told.unloaded()
    assert desk["state"] == "unloaded"
    assert desk.news() == [
        News.LOADED,
        News.ARMED,
        News.STARTED,
        News.STOPPED,
        News.UNLOADED,
    ]


def test_r1_agents_are_believed_though_http_is_there() -> None:
    """OCS's HTTP interface says nothing by itself: without a source of words, agents' events are OCS's word."""
    desk = over_http()
    anna = desk.agent()
    anna.hears(Word.LOADED)
    anna.hears(Word.STARTED, "Preview")
    assert desk["state"] == "running"


def test_r1_a_report_without_a_state_teaches_names_and_mode() -> None:
    """OCS's statistics tell the dial mode: the group settles as in Preview; it was not moved by them."""
    desk = over_http("reports")
    running(desk, "reports")
    desk.ocs.reports("Predictive", GroupNames(name="Sales@Agents"))
    desk.ocs.reports(None)
    without_records(desk)
    desk.passes(SETTLE)
    assert (desk.sent(Stop), desk["state"]) == ([], "running")
    desk.ocs.reports("Preview")
    desk.passes(1)
    assert len(desk.sent(Stop)) == 1


def test_r1_a_report_makes_a_group_known() -> None:
    """Names that only a report tells are those of a group from now on."""
    desk = over_http("reports")
    desk.ocs.reports("Preview", GroupNames(dbid=300, name="Support@Agents"))
    assert (desk.group("Support@Agents")["dbid"], desk.group("Support@Agents")["state"]) == (300, None)


# ------------------------------------------------------------------------------------------------ R2: who is asked


@pytest.mark.parametrize(
    ("sources", "asked"),
    [(["tevents", "direct"], ["tevents"]), (["direct", "tevents"], ["direct", "tevents"]), (["direct"], ["direct"])],
)
def test_r2_the_status_is_asked_over_what_can_tell_it(sources: list[str], asked: list[str]) -> None:
    """HTTP answers no questions: the status is asked over T-Events, else over the direct protocol."""
    desk = Desk(group(SALES, OVER_HTTP))
    desk.ocs.at("ocs-http").connected()
    assert desk.sent(AskStatus) == []
    for source in sources:
        desk.ocs.at(source).connected()
    assert [question.control for question in desk.sent(AskStatus)] == asked


def test_r2_what_ocs_answers_wins() -> None:
    """T-Events comes back, and OCS has unloaded the group meanwhile."""
    desk = over_http("tevents")
    running(desk)
    desk.ocs.lost()
    desk.ocs.connected()
    desk.ocs.answers(Status.NOT_LOADED, reference=desk.sent(AskStatus)[-1].reference)
    assert desk["state"] == "unloaded"


def test_n3_without_its_ids_the_direct_protocol_is_not_asked() -> None:
    """Over the direct protocol a group goes by campaign and agent group: without them its status cannot be asked."""
    desk = over_http("direct", names=GroupNames(dbid=101, name="Sales@Agents"))
    client = desk.client()
    client.loads(1)
    desk.passes(100)
    assert desk.sent(AskStatus) == []
    assert desk.counted("client_requests_never_answered") == 1, "a question nobody can answer is met with silence"


# -------------------------------------------------------------------------------- R3, R4: what arms, and what disarms


@pytest.mark.parametrize("values", [(1,), (0,), ()])
@pytest.mark.parametrize("reference", [None, 4711])
def test_r3_a_load_that_ocs_takes_arms_the_session_it_begins(values: tuple[int, ...], reference: int | None) -> None:
    """The success comes first, then OCS's loaded, with a reference that nobody knows, or none."""
    desk = over_http("tevents")
    client = desk.client()
    client.hears_success(client.loads(*values))
    assert not desk["armed"]
    desk.ocs.loaded(reference=reference)
    assert desk["armed"] is (values == (1,))


@pytest.mark.parametrize("values", [(1,), (0,)])
@pytest.mark.parametrize("reference", [None, 4711])
def test_r4_a_success_may_come_after_the_word(values: tuple[int, ...], reference: int | None) -> None:
    """OCS's words may come before its reply over HTTP: what it replies to decides all the same."""
    desk = over_http("tevents", policy=Policy(By.PROXY, Control.OCS_HTTP, Attribute.ADD))
    client = desk.client()
    load = client.loads(*values)
    desk.ocs.loaded(reference=reference)
    client.hears_success(load)
    assert desk["armed"] is (values == (1,))
    start = client.starts(1 - values[0])
    desk.ocs.started("Preview", reference=reference)
    client.hears_success(start)
    assert desk["armed"] is (values == (0,))
    desk.passes(100)
    assert desk.sent(AskStatus) == [], "nothing is left to be asked about"


def test_r3_a_load_does_not_arm_the_session_before_it() -> None:
    """OCS takes a Load; that the session before is over has not been heard yet: it is not completed for that."""
    desk = over_http("tevents")
    running_unarmed = desk.client()
    running_unarmed.hears_success(running_unarmed.loads(0))
    desk.ocs.loaded()
    running_unarmed.hears_success(running_unarmed.starts(0))
    desk.ocs.started("Preview")
    client = desk.client()
    client.hears_success(client.loads(1))
    assert not desk["armed"]
    client.hears_success(client.starts(1))
    client.hears_success(client.sets_mode("Preview", 1))
    assert not desk["armed"], "they are for the session that the Load begins"
    desk.ocs.stopped()
    desk.ocs.unloaded()
    assert not desk["armed"]
    desk.ocs.loaded()
    assert desk["armed"]


def test_r3_what_came_after_the_load_decides() -> None:
    """Load with 1 and Start with 0 are both taken before OCS's loaded is heard: the later one counts."""
    desk = over_http("tevents")
    client = desk.client()
    client.hears_success(client.loads(1))
    client.hears_success(client.starts(0))
    desk.ocs.loaded()
    assert not desk["armed"]
    desk.ocs.started("Preview")
    assert not desk["armed"]


def test_r3_a_start_that_ocs_takes_decides_at_once_and_its_word_is_no_news() -> None:
    """A client starts a group of policy `add` with 0: the started that follows is not a schedule's, it arms nothing."""
    desk = over_http("tevents", policy=Policy(By.PROXY, Control.OCS_HTTP, Attribute.ADD))
    client = desk.client()
    client.hears_success(client.loads(1))
    desk.ocs.loaded()
    client.hears_success(client.starts(0))
    assert not desk["armed"]
    desk.ocs.started("Preview", reference=4711)
    assert not desk["armed"]
    client.hears_success(client.sets_mode("Preview", 1))
    assert desk["armed"]


def test_r3_a_start_is_not_for_a_later_session() -> None:
    """OCS takes a Start and unloads the group before it dials: who loads the group next does not want it completed."""
    desk = over_http("tevents")
    client = desk.client()
    client.hears_success(client.loads(0))
    desk.ocs.loaded()
    client.hears_success(client.starts(1))
    assert desk["armed"]
    desk.ocs.unloaded()
    desk.ocs.loaded()
    assert not desk["armed"]


def test_r3_a_start_for_the_next_session_outlives_this_one() -> None:
    """A client loads the group anew and starts it, without waiting for the Load: OCS unloads it before, and the Start
    that it took arms the session that comes then."""
    desk = over_http("tevents")
    client = running(desk)
    client.hears_success(client.loads(0))
    client.hears_success(client.starts(1))
    desk.ocs.stopped()
    desk.ocs.unloaded()
    desk.ocs.loaded()
    assert desk["armed"] is True


def test_r3_a_load_for_a_group_that_turns_out_to_be_another() -> None:
    """A client asked for it by a name that nobody knew: it decides over the session that the Load begins, not over the
    one that the group is in."""
    desk = over_http("tevents", names=SALES._replace(campaign_id=None, group_id=None))
    running(desk)
    client = desk.client(GroupNames(campaign_id=SALES.campaign_id, group_id=SALES.group_id))
    reference = client.loads(0)
    assert len(desk.groups.status(desk.now)) == 2
    desk.ocs.reports(names=SALES)
    assert len(desk.groups.status(desk.now)) == 1
    client.hears_success(reference)
    assert desk["armed"] is True


def test_r4_what_is_refused_decides_nothing() -> None:
    """An error over HTTP is a refusal: all stays as it is."""
    desk = over_http("tevents")
    client = running(desk)
    refused = client.starts(0)
    client.hears_refusal(refused)
    assert desk["armed"]
    client.hears_success(refused)
    assert desk["armed"], "and nobody knows it any more"


def test_r4_a_success_is_that_clients() -> None:
    """Another client's request with the same reference is another request."""
    desk = over_http("tevents")
    running(desk)
    one, other = desk.client(), desk.client()
    one.starts(0, reference=5)
    other.hears_success(5)
    assert desk["armed"]


def test_r4_what_never_shows_is_asked_about() -> None:
    """OCS takes a Load, and never says that it loaded the group: after a while it is asked, and its answer counts."""
    desk = over_http("tevents")
    client = desk.client()
    client.hears_success(client.loads(1))
    desk.passes(TIMEOUT - 1)
    assert desk.sent(AskStatus) == []
    desk.passes(1)
    (asked,) = desk.sent(AskStatus)
    assert asked.control == "tevents"
    desk.ocs.answers(Status.ACTIVE, reference=asked.reference)
    assert (desk["state"], desk["armed"]) == ("loaded", True)


def test_r4_no_reply_is_silence() -> None:
    """The connection broke off: OCS may have taken the request or not, and is asked."""
    desk = over_http("direct")
    desk.client().loads(1)
    desk.passes(TIMEOUT)
    (asked,) = desk.sent(AskStatus)
    assert asked.control == "direct"
    desk.ocs.at("direct").answers(Status.ACTIVE, reference=asked.reference)
    assert (desk["state"], desk["armed"]) == ("loaded", True)


def test_r4_reports_answer_by_themselves() -> None:
    """Only reports tell states: nobody is asked, and the next report is the answer."""
    desk = over_http("reports")
    client = desk.client()
    client.hears_success(client.loads(1))
    desk.passes(TIMEOUT)
    assert desk.sent(AskStatus) == []
    desk.ocs.at("reports").answers(Status.ACTIVE)
    assert (desk["state"], desk["armed"]) == ("loaded", True)


@pytest.mark.parametrize("attribute", list(Attribute))
def test_r4_a_schedule_that_only_reports_tell_of(attribute: Attribute) -> None:
    """Nobody asked for the Load that a report shows: it is news, and arms a group whose policy is add or force."""
    desk = over_http("reports", policy=Policy(By.PROXY, Control.OCS_HTTP, attribute))
    desk.ocs.at("reports").answers(Status.ACTIVE)
    assert desk["armed"] is (attribute in (Attribute.ADD, Attribute.FORCE))


@pytest.mark.parametrize(("source", "known"), [("tevents", True), ("reports", False)])
def test_r4_what_an_answer_shows_arms_nothing(source: str, known: bool) -> None:
    """An answer over T-Events, and the first report of a group, tell how it is, and not what happened."""
    desk = Desk(group(SALES, Policy(By.PROXY, Control.OCS_HTTP, Attribute.ADD)))
    told = desk.ocs.at(source)
    told.connected()
    if known:
        told.answers(Status.NOT_LOADED)
    told.answers(Status.RUNNING)
    assert (desk["state"], desk["armed"]) == ("running", False)


def test_r4_one_report_is_the_answer_to_one_request() -> None:
    """Two clients start the group; a report shows that it runs, and OCS refuses the second: the first one counts."""
    desk = over_http("reports")
    client, told = desk.client(), desk.ocs.at("reports")
    client.hears_success(client.loads(1))
    told.answers(Status.ACTIVE)
    client.starts(0)
    second = client.starts(1)
    told.answers(Status.RUNNING, "Preview")
    client.hears_refusal(second)
    assert not desk["armed"]


def test_r4_a_report_arms_nothing_that_a_client_disarmed() -> None:
    """A client asked for the Load that a report shows, with 0: that counts, before OCS's reply and after it."""
    for replies_first in (True, False):
        desk = over_http("reports", policy=Policy(By.PROXY, Control.OCS_HTTP, Attribute.ADD))
        client, told = desk.client(), desk.ocs.at("reports")
        load = client.loads(0)
        if replies_first:
            client.hears_success(load)
        told.answers(Status.ACTIVE)
        assert not desk["armed"]
        client.hears_success(load)
        client.hears_success(client.starts(0))
        told.answers(Status.RUNNING, "Preview")
        assert (desk["state"], desk["armed"]) == ("running", False)


# ------------------------------------------------------------------------------------------ R17: what must be there


def test_r17_both_the_way_to_ocs_and_somebody_who_tells_must_be_there() -> None:
    """`waiting_for` says which is missing; once it is there, the group is completed."""
    desk = over_http("tevents")
    running(desk)
    without_records(desk)
    desk.ocs.at("ocs-http").lost()
    assert desk["waiting_for"] == "OCS's HTTP interface"
    desk.passes(600)
    desk.ocs.at("ocs-http").connected()
    desk.ocs.lost()
    assert desk["waiting_for"] == "one of tevents, direct, reports, to tell what OCS does"
    desk.passes(600)
    assert desk.sent(Stop) == []
    desk.ocs.at("reports").connected()
    assert "quiet" in desk["waiting_for"]
    desk.passes(SETTLE)
    (stop,) = desk.sent(Stop)
    assert stop.control == "ocs-http"


# --------------------------------------------------------------------------------------------- R20 to R22: completing


@pytest.mark.parametrize("source", ["tevents", "direct", "reports"])
def test_r20_a_completion_over_http(source: str) -> None:
    """Stop and Unload go over HTTP and are taken; stopped and unloaded are said elsewhere, and the agents are told."""
    desk, stop = stop_sent(source)
    told = desk.ocs.at(source)
    desk.ocs.takes(stop.reference)
    assert (desk["state"], desk.sent(Unload)) == ("stopping", [])
    told.stopped()
    desk.passes(WAIT)
    (unload,) = desk.sent(Unload)
    assert unload.control == "ocs-http"
    desk.ocs.takes(unload.reference)
    assert desk["state"] == "unloading"
    told.unloaded()
    assert (desk["state"], desk["completions"]) == ("unloaded", 1)
    assert News.COMPLETED in desk.news()


def test_r20_a_word_may_come_before_the_reply() -> None:
    """Stopped is heard before the reply to Stop, and so is unloaded: the replies are no news any more."""
    desk, stop = stop_sent()
    desk.ocs.stopped()
    desk.ocs.takes(stop.reference)
    desk.passes(WAIT)
    (unload,) = desk.sent(Unload)
    desk.ocs.unloaded()
    desk.ocs.takes(unload.reference)
    assert (desk["state"], desk["completions"]) == ("unloaded", 1)
    desk.passes(100)
    assert desk.sent(AskStatus) == []


def test_r21_what_ocs_took_is_not_repeated() -> None:
    """OCS took Stop and still runs: it is asked again and again, and never told twice; in the end that is a failure."""
    desk = stop_taken()
    for _ in range(3):
        desk.passes(TIMEOUT)
        desk.ocs.answers(Status.RUNNING, reference=desk.sent(AskStatus)[-1].reference)
    assert desk.sent(Stop) == []
    assert (desk["state"], len(desk.sent(AskStatus))) == ("failed", 3)


def test_r21_ocs_may_take_its_time() -> None:
    """OCS took Stop, says once that it still runs, and then that it has stopped: Unload follows."""
    desk = stop_taken()
    desk.passes(TIMEOUT)
    desk.ocs.answers(Status.RUNNING, reference=desk.sent(AskStatus)[-1].reference)
    desk.passes(TIMEOUT)
    desk.ocs.answers(Status.ACTIVE, reference=desk.sent(AskStatus)[-1].reference)
    desk.passes(WAIT)
    assert (len(desk.sent(Stop)), len(desk.sent(Unload))) == (0, 1)


def test_r21_a_late_reply_to_the_first_of_two_counts() -> None:
    """The first Stop was met with silence and sent again; then OCS takes the first, it says: no third one is sent."""
    desk, first = stop_sent()
    desk.passes(TIMEOUT)
    desk.ocs.answers(Status.RUNNING, reference=desk.sent(AskStatus)[-1].reference)
    assert len(desk.sent(Stop)) == 1
    desk.ocs.takes(first.reference)
    desk.passes(TIMEOUT)
    desk.ocs.answers(Status.RUNNING, reference=desk.sent(AskStatus)[-1].reference)
    desk.passes(TIMEOUT)
    assert len(desk.sent(Stop)) == 1


def test_r21_without_a_reply_it_is_asked_and_repeated() -> None:
    """No reply at all: the status is asked over T-Events, and only where it shows the old state is Stop repeated."""
    desk, _ = stop_sent()
    desk.passes(TIMEOUT)
    (asked,) = desk.sent(AskStatus)
    assert (asked.control, desk.sent(Stop)) == ("tevents", [])
    desk.ocs.answers(Status.RUNNING, reference=asked.reference)
    assert [stop.control for stop in desk.sent(Stop)] == ["ocs-http"]


def test_r21_a_refusal_is_a_silence_that_ends_at_once() -> None:
    """OCS answers Stop with an error: its status is asked at once."""
    desk, stop = stop_sent()
    desk.ocs.refuses(stop.reference)
    assert [asked.control for asked in desk.sent(AskStatus)] == ["tevents"]


def test_r21_reports_answer_what_cannot_be_asked() -> None:
    """Only reports tell states: the next one after the silence is the answer, and Stop is repeated."""
    desk, _ = stop_sent("reports")
    reports = desk.ocs.at("reports")
    desk.passes(TIMEOUT - 1)
    reports.answers(Status.RUNNING)
    assert desk.sent(Stop) == [], "it was on its way before"
    desk.passes(1)
    reports.answers(Status.RUNNING)
    assert (len(desk.sent(Stop)), desk.sent(AskStatus)) == (1, [])


def test_r21_reports_that_tell_nothing_of_it_are_silence() -> None:
    """Nobody tells how the group is: that fails, loudly, after as many questions as there are attempts."""
    desk, _ = stop_sent("reports")
    for _ in range(4):
        desk.passes(TIMEOUT)
        desk.ocs.reports("Preview")
    assert desk["state"] == "failed"


def test_r21_that_stop_was_taken_is_no_reply_to_unload() -> None:
    """OCS took Stop, and says nothing to Unload; its status still shows Active: Unload is sent once more."""
    desk = stop_taken()
    desk.ocs.stopped()
    desk.passes(WAIT)
    desk.passes(TIMEOUT)
    desk.ocs.answers(Status.ACTIVE, reference=desk.sent(AskStatus)[-1].reference)
    assert len(desk.sent(Unload)) == 2


def test_r21_an_unload_that_waits_is_waited_for() -> None:
    """OCS took Unload, and unloads for minutes: it says so each time, and Unload is sent once."""
    desk = stop_taken()
    desk.ocs.stopped()
    desk.passes(WAIT)
    desk.ocs.takes(desk.sent(Unload)[0].reference)
    for _ in range(20):
        desk.passes(TIMEOUT)
        desk.ocs.answers(Status.WAITING_UNLOAD, reference=desk.sent(AskStatus)[-1].reference)
    assert (len(desk.sent(Unload)), desk["state"]) == (1, "unloading")
    desk.ocs.unloaded()
    assert desk["completions"] == 1


def test_r22_while_ocs_cannot_be_reached_the_completion_waits() -> None:
    """Stop could not be sent: nothing is asked and nothing fails; once OCS is there, it is asked, and told again."""
    desk, _ = stop_sent()
    http = desk.ocs.at("ocs-http")
    http.lost()
    assert desk["waiting_for"] == "OCS's HTTP interface"
    desk.passes(1000)
    assert desk.sent(AskStatus) == desk.sent(Stop) == []
    http.connected()
    desk.ocs.answers(Status.RUNNING, reference=desk.sent(AskStatus)[-1].reference)
    assert len(desk.sent(Stop)) == 1


def test_r22_a_status_while_ocs_cannot_be_reached_repeats_nothing() -> None:
    """T-Events comes back and answers before OCS's HTTP interface does: Stop waits for that."""
    desk, _ = stop_sent()
    desk.passes(TIMEOUT)
    desk.ocs.at("ocs-http").lost()
    desk.ocs.answers(Status.RUNNING, reference=desk.sent(AskStatus)[-1].reference)
    assert desk.sent(Stop) == []
    desk.passes(100)
    desk.ocs.at("ocs-http").connected()
    desk.ocs.answers(Status.RUNNING, reference=desk.sent(AskStatus)[-1].reference)
    assert len(desk.sent(Stop)) == 1


@pytest.mark.parametrize("request_", [Request.LOAD, Request.START])
def test_r22_a_start_that_ocs_takes_ends_the_completion(request_: Request) -> None:
    """Stop is on its way when OCS takes a client's Load or Start: the group is wanted, and Stop is not repeated."""
    desk, _ = stop_sent()
    client = desk.client()
    client.hears_success(client.requests(request_, 1))
    assert News.ABANDONED in desk.news()
    for _ in range(int(SETTLE / TIMEOUT) - 1):
        desk.passes(TIMEOUT)
        if desk.sent(AskStatus):
            desk.ocs.answers(Status.RUNNING, reference=desk.sent(AskStatus)[-1].reference)
    assert desk.sent(Stop) == []


def test_r22_a_stop_that_ocs_took_is_remembered_when_no_longer_wanted() -> None:
    """OCS took Stop, then a client's Start: what OCS stopped is told, loudly, and nobody is told twice to stop."""
    desk = stop_taken()
    client = desk.client()
    client.hears_success(client.starts(1))
    assert News.ABANDONED in desk.news()
    desk.passes(TIMEOUT / 2)
    desk.ocs.stopped(reference=4711)
    assert News.STOPPED_WITH_RECORDS in desk.news()
    assert desk["state"] == "loaded"


def test_r22_a_clients_stop_that_ocs_took_holds_ours_back() -> None:
    """OCS takes a client's Stop, its word is on its way: none of ours is sent; no run is stopped twice."""
    desk = over_http("tevents")
    running(desk)
    without_records(desk)
    desk.passes(SETTLE - 5)
    client = desk.client()
    client.hears_success(client.stops())
    desk.passes(6)
    assert desk.sent(Stop) == []
    desk.ocs.stopped()
    desk.passes(1000)
    assert desk.sent(Stop) == []


def test_r22_a_clients_stop_that_ocs_took_may_take_its_time() -> None:
    """OCS took a client's Stop, and says once that the group still runs: none of ours is sent before it is given up."""
    desk = over_http("tevents")
    running(desk)
    without_records(desk)
    desk.passes(SETTLE - 5)
    client = desk.client()
    client.hears_success(client.stops())
    desk.passes(TIMEOUT)
    desk.ocs.answers(Status.RUNNING, reference=desk.sent(AskStatus)[-1].reference)
    desk.passes(TIMEOUT / 2)
    assert desk.sent(Stop) == []


def test_r22_a_stop_no_longer_wanted_moves_no_group_by_its_reply() -> None:
    """A client's Start came after our Stop, T-Events is gone, and OCS takes the Stop: nobody knows which comes last."""
    desk, stop = stop_sent()
    client = desk.client()
    client.hears_success(client.starts(1))
    desk.ocs.lost()
    desk.ocs.takes(stop.reference)
    assert desk["state"] == "running"


def test_r22_a_clients_stop_that_never_shows_is_given_up() -> None:
    """OCS took a client's Stop, and says whenever it is asked that the group runs: in the end it is ours to stop."""
    desk = over_http("tevents")
    running(desk)
    client = desk.client()
    client.hears_success(client.stops())
    without_records(desk)
    for _ in range(8):
        desk.passes(TIMEOUT)
        if desk.sent(AskStatus) and not desk.sent(Stop):
            desk.ocs.answers(Status.RUNNING, reference=desk.sent(AskStatus)[-1].reference)
    assert len(desk.sent(Stop)) == 1


def test_r23_a_record_after_stop_was_taken_does_not_end_the_completion() -> None:
    """Stop is accepted with the reply: a record that shows after it is waited for, before Unload."""
    desk = stop_taken()
    bob = desk.agent("3002")
    bob.gets("78")
    assert News.ABANDONED not in desk.news()
    desk.ocs.stopped()
    desk.passes(100)
    assert desk.sent(Unload) == []
    bob.processes("78")
    bob.acknowledged()
    assert len(desk.sent(Unload)) == 1


def test_r23_a_record_before_stop_was_taken_ends_it() -> None:
    """No reply yet: a record shows, and Stop is not meant any more."""
    desk, stop = stop_sent()
    desk.agent("3002").gets("78")
    assert News.ABANDONED in desk.news()
    desk.ocs.takes(stop.reference)
    desk.ocs.stopped()
    assert News.STOPPED_WITH_RECORDS in desk.news()
