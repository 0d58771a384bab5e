"""Who completes a group: the proxy, the dialer, or nobody (R29)."""

from __future__ import annotations

import pytest

from proxy.campaign.attribute import Edit
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
from proxy.campaign.policy import Attribute, By, Policy
from tests.campaign.desk import Desk, group
from tests.campaign.scenes import SETTLE, TIMEOUT, WAIT, ready, runs_dry

OTHERS = [By.DIALER, By.NOBODY]
TOUCHES = (Stop, Unload, NotifyAgent, Swallow, Settled)


@pytest.mark.parametrize("by", OTHERS)
def test_r29_where_the_proxy_does_not_complete_it_sends_tells_and_swallows_nothing(by: By) -> None:
    """The group runs dry, the dialer stops and unloads it, or does not: not a word of ours."""
    desk, [anna] = ready(policy=Policy(by=by))
    desk.passes(3600)
    desk.ocs.stopped()
    anna.hears(Word.UNLOADED)
    anna.hears(Word.STOPPED)
    desk.ocs.unloaded()
    desk.passes(3600)
    assert not [command for kind in TOUCHES for command in desk.sent(kind)]
    assert desk["completions"] == 0


@pytest.mark.parametrize("by", OTHERS)
def test_r29_it_says_what_it_would_have_done(by: By) -> None:
    """Once for a run, when the time to settle is over, in the log and in the status."""
    desk, [anna] = ready(policy=Policy(by=by))
    desk.passes(SETTLE - 0.1)
    assert News.WOULD_COMPLETE not in desk.news()
    desk.passes(0.1)
    for _ in range(10):
        anna.asks()
        anna.hears_no_records()
        desk.passes(360)
    [would] = [said for said in desk.sent(Announce) if said.news is News.WOULD_COMPLETE]
    assert would.text.startswith("rule B")
    assert desk["waiting_for"] == f"nothing: by = {by.value}"
    assert desk["state"] == "running"
    assert desk["exhausted"] is True


def test_r29_it_says_so_again_in_the_next_run() -> None:
    """A run is what would have been completed; the next one is another."""
    desk, [anna] = ready(policy=Policy())
    desk.passes(SETTLE)
    desk.ocs.stopped()
    desk.ocs.started("Preview")
    runs_dry(desk, anna, "78")
    desk.passes(SETTLE)
    assert desk.news().count(News.WOULD_COMPLETE) == 2


@pytest.mark.parametrize("by", OTHERS)
def test_r29_it_counts_all_the_same(by: By) -> None:
    """Records, life and evidence are watched whoever completes."""
    desk, _ = ready(policy=Policy(by=by))
    assert (desk["delivered"], desk["finalized"], desk["outstanding"]) == (1, 1, 0)
    assert desk["armed"] is True


@pytest.mark.parametrize("by", list(By))
def test_r29_the_status_is_asked_whoever_completes(by: By) -> None:
    """The control session asks for the status of every known group when it connects, whatever `by` is."""
    desk = Desk(group(policy=Policy(by=by)))
    desk.ocs.connected()
    assert [asked.group for asked in desk.sent(AskStatus)] == ["Sales@Agents"]


def test_r29_nobody_is_the_default() -> None:
    """A group that no section speaks of, without [completion]: watched only."""
    desk, _ = ready(policy=Policy())
    assert Policy().by is By.NOBODY
    desk.passes(3600)
    assert not desk.sent(Stop)


def test_r29_nobody_changes_not_a_byte() -> None:
    """Even where the attribute's policy is force, or where a client sends it in the wrong request."""
    desk = Desk(group(policy=Policy(by=By.NOBODY, attribute=Attribute.FORCE)))
    assert desk.groups.edit(GroupNames(dbid=101), Request.LOAD, ()) is Edit.LEAVE
    assert desk.groups.edit(GroupNames(dbid=101), None, (1,)) is Edit.LEAVE


@pytest.mark.parametrize("by", [By.PROXY, By.DIALER])
def test_r29_the_dialer_gets_its_attribute(by: By) -> None:
    """by = dialer: only the attribute is written, and OCS completes."""
    desk = Desk(group(policy=Policy(by=by, attribute=Attribute.ADD)))
    assert desk.groups.edit(GroupNames(dbid=101), Request.LOAD, ()) is Edit.APPEND
    assert desk.groups.edit(GroupNames(dbid=101), Request.STOP, (1,)) is Edit.REMOVE


def test_r29_each_group_has_its_own() -> None:
    """One group completed by the proxy, one by the dialer: only the first gets a Stop."""
    support = GroupNames(dbid=202, name="Support@Agents")
    desk = Desk(group(), group(support, Policy(by=By.DIALER)))
    anna = desk.agent()
    ben = desk.agent("3002", campaign="Support")
    desk.runs()
    client = desk.client(support)
    desk.ocs.loaded(support, client.loads(1))
    desk.ocs.started("Preview", support, client.starts(1))
    runs_dry(desk, anna)
    runs_dry(desk, ben, "5")
    desk.passes(SETTLE)
    assert [stop.group for stop in desk.sent(Stop)] == ["Sales@Agents"]
    assert News.WOULD_COMPLETE in desk.news("Support@Agents")


@pytest.mark.parametrize("by", OTHERS)
def test_r29_a_clients_silence_is_asked_about_whoever_completes(by: By) -> None:
    """The questions of R4 are no completion: they are asked to know, and change nothing."""
    desk = Desk(group(policy=Policy(by=by)))
    desk.ocs.connected()
    desk.ocs.answers(Status.NOT_LOADED)
    desk.forgets()
    desk.client().loads(1)
    desk.passes(TIMEOUT + WAIT)
    assert len(desk.sent(AskStatus)) == 1
