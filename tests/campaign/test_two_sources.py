"""OCS's words come from two sources, in no order with each other: a group follows one of them (R1)."""

from __future__ import annotations

from random import Random

import pytest

from proxy.campaign.observation import AskStatus, News, Status, Stop, Unload, Word
from proxy.campaign.policy import Attribute, By, Control, Policy
from tests.campaign.desk import SALES, Desk, group

TIMEOUT = 10
SETTLE = 60
WAIT = 2


def two(control: Control = Control.DIRECT, attribute: Attribute = Attribute.ADD) -> Desk:
    """A group whose control is one of two protocols; the proxy's sessions with both are registered."""
    desk = Desk(group(SALES, Policy(by=By.PROXY, control=control, attribute=attribute)))
    for source in ("tevents", "direct"):
        desk.ocs.at(source).connected()
        desk.ocs.at(source).answers(Status.NOT_LOADED)
    desk.forgets()
    return desk


def life(desk: Desk) -> list[News]:
    """What was announced of sessions and runs."""
    return [
        news for news in desk.news() if news in (News.LOADED, News.STARTED, News.STOPPED, News.UNLOADED, News.ABANDONED)
    ]


WHOLE = [Word.LOADED, Word.STARTED, Word.STOPPED, Word.UNLOADED]


def stop_sent() -> Desk:
    """A group that runs has no more records: Stop is on its way. T-Events has told nothing of all that yet."""
    desk = two()
    direct = desk.ocs.at("direct")
    direct.loaded()
    direct.started("Preview")
    anna = desk.agent()
    anna.gets("77")
    anna.processes("77")
    anna.acknowledged()
    anna.asks()
    anna.hears_no_records()
    desk.passes(SETTLE)
    assert len(desk.sent(Stop)) == 1
    return desk


@pytest.mark.parametrize("late", range(4))
def test_r22_a_late_copy_does_not_end_the_completion(late: int) -> None:
    """T-Events is slow, and tells of Load and Start when the proxy has sent Stop over the direct protocol, or later."""
    desk, steps = stop_sent(), list(WHOLE[2:])
    for moment in range(4):
        if moment == late:
            for word in WHOLE[:2]:
                desk.ocs.says(word)
        if steps and moment:
            desk.ocs.at("direct").says(steps.pop(0))
            desk.passes(WAIT)
    for word in WHOLE[2:]:
        desk.ocs.says(word)
    desk.passes(600)
    assert life(desk) == [News.LOADED, News.STARTED, News.STOPPED, News.UNLOADED]
    assert (len(desk.sent(Stop)), len(desk.sent(Unload)), desk["completions"], desk["state"]) == (1, 1, 1, "unloaded")


@pytest.mark.parametrize("control", [Control.TEVENTS, Control.DIRECT])
def test_r1_copies_from_elsewhere_change_nothing_however_late(control: Control) -> None:
    """A group is loaded, worked on and unloaded again and again: sessions and runs are those that its control tells."""
    random = Random(control.value)
    for _ in range(200):
        desk, other = two(control), "direct" if control is Control.TEVENTS else "tevents"
        told = {control.value: WHOLE * 3, other: WHOLE * 3}
        while any(told.values()):
            source = random.choice([source for source, words in told.items() if words])
            desk.ocs.at(source).says(told[source].pop(0))
            desk.passes(random.choice((0.01, 0.3)))
        assert life(desk) == [News.LOADED, News.STARTED, News.STOPPED, News.UNLOADED] * 3
        assert desk.news().count(News.ARMED) == 3
        assert not desk.sent(AskStatus), "nobody had any doubt for long"


@pytest.mark.parametrize("ahead", [True, False])
def test_r4_a_request_is_accepted_by_the_control(ahead: bool) -> None:
    """A console asks over T-Events; OCS's answer there and what direct clients hear come in any order."""
    desk = two(attribute=Attribute.KEEP)
    console = desk.client()
    load = console.loads(1)
    for source in ("tevents", "direct") if ahead else ("direct", "tevents"):
        desk.ocs.at(source).loaded(reference=load if source == "tevents" else None)
    assert (desk["state"], desk["armed"], life(desk)) == ("loaded", True, [News.LOADED])


def test_r1_where_only_the_other_tells_the_control_is_asked() -> None:
    """An OCS that answers its direct clients and tells them nothing unasked: what T-Events tells is asked about."""
    desk = two()
    for word, status, state in (
        (Word.LOADED, Status.ACTIVE, "loaded"),
        (Word.STARTED, Status.RUNNING, "running"),
        (Word.STOPPED, Status.ACTIVE, "loaded"),
        (Word.UNLOADED, Status.NOT_LOADED, "unloaded"),
    ):
        before = desk["state"]
        desk.forgets()
        desk.ocs.says(word)
        desk.ocs.says(word)
        desk.passes(TIMEOUT - 0.1)
        assert (desk["state"], desk.sent(AskStatus)) == (before, [])
        desk.passes(0.1)
        (asked,) = desk.sent(AskStatus)
        assert asked.control == "direct"
        desk.ocs.at("direct").answers(status, reference=asked.reference)
        assert desk["state"] == state
    desk.forgets()
    desk.passes(600)
    assert not desk.sent(AskStatus)


def test_r1_who_was_only_ahead_is_not_asked_about() -> None:
    """T-Events is ahead, the control comes after it, or T-Events takes it back: nobody need ask."""
    desk = two()
    desk.ocs.loaded()
    desk.passes(TIMEOUT / 2)
    desk.ocs.at("direct").loaded()
    desk.passes(TIMEOUT)
    desk.ocs.started("Preview")
    desk.ocs.stopped()
    desk.passes(TIMEOUT)
    assert not desk.sent(AskStatus)


def test_r1_doubts_do_not_put_off_the_question() -> None:
    """T-Events tells of Load, and before that is asked about, of Start: one question, for both."""
    desk = two()
    desk.ocs.loaded()
    desk.passes(TIMEOUT - 1)
    desk.ocs.started("Predictive")
    desk.passes(1)
    assert len(desk.sent(AskStatus)) == 1
    desk.passes(TIMEOUT)
    assert len(desk.sent(AskStatus)) == 1


def test_r1_the_mode_is_learned_from_everybody() -> None:
    """Only T-Events tells the mode: PushPreview settles in a minute, an unknown mode in five."""
    desk = two()
    desk.ocs.at("direct").loaded()
    desk.ocs.at("direct").started(None)
    desk.ocs.started("PushPreview")
    anna = desk.agent()
    anna.gets("77")
    anna.processes("77")
    anna.acknowledged()
    anna.asks()
    anna.hears_no_records()
    desk.passes(SETTLE)
    assert len(desk.sent(Stop)) == 1


def test_r1_a_status_from_elsewhere_is_asked_about_as_well() -> None:
    """The answer to a console on the Communication DN moves no group whose control is direct."""
    desk = two()
    desk.ocs.answers(Status.INACTIVE)
    desk.ocs.answers(Status.RUNNING)
    assert desk["state"] == "unloaded"
    desk.passes(TIMEOUT)
    assert len(desk.sent(AskStatus)) == 1


def test_r14_what_another_source_contradicts_is_no_evidence() -> None:
    """T-Events tells that the group was stopped: whatever that means, no Stop goes out on what was said before."""
    desk = two()
    desk.ocs.at("direct").loaded()
    desk.ocs.at("direct").started("Preview")
    anna = desk.agent()
    anna.gets("77")
    anna.processes("77")
    anna.acknowledged()
    anna.asks()
    anna.hears_no_records()
    assert desk["exhausted"]
    desk.ocs.stopped()
    assert not desk["exhausted"]
    desk.passes(600)
    assert not desk.sent(Stop)


def test_r1_the_control_that_is_lost_is_followed_no_more() -> None:
    """While the direct session is away, T-Events is followed; when it is back, its status wins."""
    desk = two()
    direct = desk.ocs.at("direct")
    direct.lost()
    desk.ocs.loaded()
    assert desk["state"] == "loaded"
    direct.connected()
    direct.answers(Status.NOT_LOADED)
    assert desk["state"] == "unloaded"


@pytest.mark.parametrize(
    ("connected", "followed"),
    [
        (["tevents", "direct", "reports"], "tevents"),
        (["direct", "reports"], "direct"),
        (["reports"], "reports"),
    ],
)
def test_r1_ocs_http_tells_no_states(connected: list[str], followed: str) -> None:
    """A group that is controlled over OCS HTTP follows the surest of those that tell states."""
    desk = Desk(group(SALES, Policy(by=By.PROXY, control=Control.OCS_HTTP)))
    for source in ["ocs-http", *connected]:
        desk.ocs.at(source).connected()
    for source in connected:
        if source != followed:
            desk.ocs.at(source).loaded()
            assert desk["state"] is None
    desk.ocs.at(followed).loaded()
    assert desk["state"] == "loaded"
    assert [asked.control for asked in desk.sent(AskStatus)] == [followed] * (followed != "reports")
    desk.ocs.at(followed).answers(Status.RUNNING)
    assert desk["state"] == "running"


def test_n3_without_the_ids_for_its_control_another_source_is_followed() -> None:
    """Of a group that was never named by campaign and agent group the direct session cannot ask."""
    desk = Desk(group(SALES._replace(campaign_id=None), Policy(control=Control.DIRECT)))
    desk.ocs.at("direct").connected()
    desk.ocs.connected()
    desk.ocs.loaded()
    assert desk["state"] == "loaded"
