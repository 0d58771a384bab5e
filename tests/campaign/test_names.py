"""Which group is meant, whose agents they are, and which ids are needed (N1, N2, N3)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from proxy.campaign import attribution
from proxy.campaign import names as all_names
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
    Unload,
    Word,
)
from proxy.campaign.policy import Attribute, By, Control, Policy
from tests.campaign.desk import COMPLETES, SALES, Agent, Desk, group

EAST = GroupNames(dbid=101, campaign_id=11, group_id=1, name="Sales@East")
WEST = GroupNames(dbid=102, campaign_id=11, group_id=2, name="Sales@West")
SUPPORT = GroupNames(dbid=202, campaign_id=22, group_id=1, name="Support@East")


def sharing() -> Desk:
    """Two groups dial the campaign Sales, a third one something else; all run."""
    desk = Desk(group(EAST), group(WEST), group(SUPPORT))
    desk.ocs.connected()
    for names in (EAST, WEST, SUPPORT):
        desk.ocs.loaded(names)
        desk.ocs.started("Preview", names)
    desk.forgets()
    return desk


def outstanding(desk: Desk) -> list[int]:
    """How many records are outstanding in Sales@East, Sales@West and Support@East."""
    return [desk.group(name)["outstanding"] for name in ("Sales@East", "Sales@West", "Support@East")]


def numbers(desk: Desk) -> dict[str, object]:
    """All that the groups show."""
    return {str(status["name"]): status for status in desk.groups.status(desk.now)}


# ---------------------------------------------------------------------------------------------------- one group, named


@pytest.mark.parametrize(
    "names",
    [
        GroupNames(dbid=101),
        GroupNames(campaign_id=11, group_id=1),
        GroupNames(name="Sales@East"),
        EAST,
        GroupNames(name="Sales@East", campaign="Sales"),
    ],
)
def test_n1_a_group_is_known_by_each_of_its_names(names: GroupNames) -> None:
    """DBID, campaign and agent group, or its name: one group."""
    desk = sharing()
    desk.agent().gets("77", names=names)
    assert outstanding(desk) == [1, 0, 0]
    assert len(numbers(desk)) == 3


def test_n1_the_campaign_alone_means_its_only_group() -> None:
    """Desktops often hear no more than the campaign's name."""
    desk = sharing()
    desk.agent(campaign="Support").gets("77")
    assert outstanding(desk) == [0, 0, 1]


def test_n1_a_campaign_that_is_not_known_yet_is_a_new_group() -> None:
    """A group that is not configured is learned."""
    desk = Desk()
    desk.agent(campaign="Other").gets("77")
    assert desk.group("Other")["outstanding"] == 1


def test_n1_a_campaign_is_not_a_group_of_another_campaign_with_a_like_name() -> None:
    """Sales is not Sales2, and names are compared as they stand."""
    desk = Desk()
    desk.agent(campaign="Sales2").gets("77")
    desk.agent(campaign="sales").gets("78")
    assert desk["outstanding"] == 0


def test_n1_an_agent_group_may_have_an_at_sign_in_its_campaign() -> None:
    """What stands before the last @ is the campaign."""
    desk = Desk(group(GroupNames(dbid=1, name="me@home@Agents")))
    desk.agent(campaign="me@home").gets("77")
    assert desk["outstanding"] == 1


# ------------------------------------------------------------------------------------------------ a shared campaign


def test_n1_a_shared_campaign_is_attributed_by_the_records_handle() -> None:
    """The record was delivered to West by its full name; what follows says Sales only."""
    desk = sharing()
    anna = desk.agent()
    anna.gets("77", names=WEST)
    anna.processes("77")
    anna.acknowledged()
    assert desk.group("Sales@West")["finalized"] == 1
    assert desk.group("Sales@East")["finalized"] == 0


def test_n1_the_handle_counts_more_than_the_agent() -> None:
    """The agent is in East; the record is West's."""
    desk = sharing()
    anna, bert = desk.agent("3001"), desk.agent("3002")
    anna.hears(Word.STARTED, names=EAST)
    bert.gets("77", names=WEST)
    anna.gets("77")
    assert outstanding(desk) == [0, 1, 0]


def test_n1_a_handle_that_two_groups_know_is_told_by_the_agent() -> None:
    """Handles of two dialers may be alike."""
    desk = sharing()
    anna, bert = desk.agent("3001"), desk.agent("3002")
    bert.hears(Word.STARTED, names=EAST)
    anna.gets("77", names=EAST)
    bert.gets("77", names=WEST)
    bert.processes("77")
    bert.acknowledged()
    assert outstanding(desk) == [1, 0, 0]


def test_n1_a_shared_campaign_is_attributed_by_the_agent_else() -> None:
    """The agent is in one of them only."""
    desk = sharing()
    anna = desk.agent()
    anna.hears(Word.STARTED, names=WEST)
    anna.gets("77")
    assert outstanding(desk) == [0, 1, 0]


def test_n1_an_agent_of_another_campaign_is_not_an_agent_of_this_one() -> None:
    """In one of *them* only: that he is in Support, too, does not matter."""
    desk = sharing()
    anna = desk.agent()
    anna.hears(Word.STARTED, names=SUPPORT)
    anna.hears(Word.STARTED, names=WEST)
    anna.gets("77")
    assert outstanding(desk) == [0, 1, 0]


EVENTS: list[Callable[[Agent], object]] = [
    lambda anna: anna.asks(),
    lambda anna: anna.gets("77"),
    lambda anna: anna.rings("77"),
    lambda anna: anna.processes("77"),
    lambda anna: anna.rejects("77"),
    lambda anna: anna.loses("77"),
    lambda anna: anna.hangs_up("77"),
    lambda anna: anna.adds_a_record(),
    lambda anna: anna.shows_a_sign(),
    lambda anna: anna.hears(Word.LOADED),
    lambda anna: anna.hears(Word.STARTED, "Predictive"),
    lambda anna: anna.hears(Word.STOPPED),
    lambda anna: anna.hears(Word.UNLOADED),
]


@pytest.mark.parametrize("in_both", [True, False])
@pytest.mark.parametrize("event", EVENTS)
def test_n1_what_cannot_be_told_is_counted_and_changes_nothing(event: Callable[[Agent], object], in_both: bool) -> None:
    """An agent of both groups, or of none: no group is guessed."""
    desk = sharing()
    anna = desk.agent()
    if in_both:
        anna.hears(Word.STARTED, names=EAST)
        anna.hears(Word.STARTED, names=WEST)
    before = numbers(desk)
    desk.forgets()
    event(anna)
    assert numbers(desk) == before
    assert desk.counted("unattributed") == 1
    assert desk.sent(Announce) == []


def test_n1_what_cannot_be_told_delays_no_completion() -> None:
    """Nor does it hasten one: a sign that cannot be attributed is a sign of no group."""
    desk = sharing()
    desk.client(GroupNames(dbid=101)).sets_mode("Preview", 1)
    desk.ocs.changes_mode("Preview", EAST)
    anna = desk.agent()
    anna.gets("77", names=EAST)
    anna.processes("77", names=EAST)
    anna.acknowledged()
    desk.ocs.waits_for_records(EAST)
    desk.passes(30)
    desk.agent("3002").shows_a_sign()
    desk.passes(30)
    assert [stop.names.dbid for stop in desk.sent(Stop)] == [101]


def test_n1_the_agents_of_now_count_more_than_those_of_yesterday() -> None:
    """East is unloaded; its agents work for West today."""
    desk = sharing()
    anna = desk.agent()
    anna.hears(Word.STARTED, names=EAST)
    desk.ocs.unloaded(EAST)
    anna.hears(Word.STARTED, names=WEST)
    anna.gets("77")
    assert outstanding(desk) == [0, 1, 0]


def test_n1_an_agent_of_a_group_that_is_over_still_means_it() -> None:
    """The copy of CampaignUnloaded on the agent's connection comes after OCS's word."""
    desk = sharing()
    anna = desk.agent()
    anna.hears(Word.STARTED, names=EAST)
    desk.ocs.unloaded(EAST)
    anna.hears(Word.UNLOADED)
    assert desk.counted("unattributed") == 0


def test_n1_a_call_that_names_no_campaign_is_known_by_its_handle_or_agent() -> None:
    """EventReleased may carry the handle only."""
    desk = sharing()
    anna = desk.agent()
    anna.gets("77", names=SUPPORT)
    anna.rings("78", names=GroupNames())
    assert outstanding(desk) == [0, 0, 2]
    desk.agent("3009").rings("79", names=GroupNames())
    assert outstanding(desk) == [0, 0, 2]
    assert desk.counted("unattributed") == 1


@pytest.mark.parametrize("half", [GroupNames(campaign_id=11), GroupNames(group_id=1)])
def test_n1_half_a_pair_of_ids_is_no_name(half: GroupNames) -> None:
    """A campaign's DBID without an agent group's names no group, and makes none."""
    desk = Desk()
    for _ in range(3):
        desk.client(half).loads(1)
    assert len(numbers(desk)) == 1
    assert desk.counted("unattributed") == 3


def test_n1_names_beyond_the_limit_are_not_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Garbage names cannot fill the memory."""
    monkeypatch.setattr(attribution, "MAX_GROUPS", 3)
    desk = Desk()
    for number in range(10):
        desk.client(GroupNames(dbid=1000 + number)).loads(1)
    assert len(numbers(desk)) == 3
    assert desk.counted("unattributed") == 8


# -------------------------------------------------------------------------------------------------- names are learned


def test_names_that_come_together_belong_to_one_group() -> None:
    """An event with the DBID and the campaign: from now on the campaign is enough."""
    desk = Desk(group(GroupNames(dbid=101)))
    anna = desk.agent()
    anna.hears(Word.STARTED, names=GroupNames(dbid=101, campaign="Sales"))
    anna.gets("77")
    assert len(numbers(desk)) == 1
    assert desk.groups.status(desk.now)[0]["outstanding"] == 1


def test_names_are_learned_one_by_one() -> None:
    """Campaign DBID from here, agent group DBID from there: together they are a name."""
    desk = Desk(group(GroupNames(dbid=101)))
    desk.ocs.loaded(GroupNames(dbid=101, campaign_id=11))
    desk.ocs.loaded(GroupNames(dbid=101, group_id=1))
    desk.ocs.started("Preview", GroupNames(campaign_id=11, group_id=1))
    (status,) = desk.groups.status(desk.now)
    assert (status["state"], status["campaign_id"], status["group_id"]) == ("running", 11, 1)


def test_names_learned_show_in_the_status_and_in_commands() -> None:
    """The group was configured by its name; OCS tells its DBID."""
    desk = Desk(group(GroupNames(name="Sales@Agents")))
    desk.agent().hears(Word.STARTED, names=GroupNames(dbid=101, name="Sales@Agents"))
    desk.ocs.connected()
    assert desk["dbid"] == 101
    assert desk.sent(AskStatus)[0].names.dbid == 101


def test_the_campaigns_only_group_is_the_one_whose_dbid_comes_with_the_campaign() -> None:
    """Agents' events made a group of the campaign's name; the control session knows it by its DBID."""
    desk = Desk(group(SUPPORT))
    desk.agent().gets("77")
    desk.ocs.loaded(GroupNames(dbid=101, campaign="Sales"))
    assert desk.group("Sales")["dbid"] == 101
    assert desk.group("Sales")["outstanding"] == 1


def test_names_of_two_groups_of_a_campaign_are_kept_apart() -> None:
    """The second DBID with the same campaign is a second group."""
    desk = Desk(group(SUPPORT))
    desk.ocs.loaded(GroupNames(dbid=101, campaign="Sales"))
    desk.ocs.loaded(GroupNames(dbid=102, campaign="Sales"))
    assert sorted(str(status["dbid"]) for status in desk.groups.status(desk.now)) == ["101", "102", "202"]
    desk.agent().gets("77")
    assert desk.counted("unattributed") == 1


# ------------------------------------------------------------------------------------------ two that turn out to be one


def two_halves(agents_first: bool = False) -> tuple[Desk, Agent]:
    """One group, known to clients by its DBID and to agents by its campaign, and nobody has said that it is one.

    `agents_first`: what the agents heard was OCS's word, since there was no other.
    """
    desk = Desk(group(SUPPORT))
    anna = desk.agent()
    if not agents_first:
        desk.ocs.connected()
    anna.hears(Word.STARTED, "Preview")
    anna.gets("77")
    desk.ocs.connected()
    desk.ocs.loaded(GroupNames(dbid=101), desk.client(GroupNames(dbid=101)).loads(1))
    desk.ocs.started("Preview", GroupNames(dbid=101))
    assert len(numbers(desk)) == 3
    return desk, anna


def the_one(desk: Desk) -> dict[str, object]:
    (found,) = [status for status in desk.groups.status(desk.now) if status["dbid"] == 101]
    return found


BOTH = GroupNames(dbid=101, campaign="Sales")
JOINS: list[Callable[[Desk, Agent], object]] = [
    lambda desk, anna: anna.hears(Word.STARTED, names=BOTH),
    lambda desk, anna: desk.ocs.started("Preview", BOTH),
    lambda desk, anna: desk.ocs.answers(Status.RUNNING, "Preview", BOTH),
]


@pytest.mark.parametrize("agents_first", [False, True])
@pytest.mark.parametrize("join", JOINS)
def test_two_groups_that_turn_out_to_be_one_are_joined(
    join: Callable[[Desk, Agent], object], agents_first: bool
) -> None:
    """Its life is known by the DBID, its records and agents by the campaign: both are kept."""
    desk, anna = two_halves(agents_first)
    join(desk, anna)
    assert len(numbers(desk)) == 2
    one = the_one(desk)
    assert (one["name"], one["state"], one["armed"]) == ("Sales", "running", True)
    assert (one["outstanding"], one["delivered"], one["agents"]) == (1, 1, ["3001"])
    assert News.NAMES_CONFLICT not in desk.news()


def test_the_joined_group_goes_by_all_names_of_both() -> None:
    """Also by those that the message which joined them did not carry."""
    desk = Desk(group(SUPPORT))
    desk.ocs.loaded(GroupNames(dbid=101))
    desk.ocs.loaded(GroupNames(campaign_id=11, group_id=1, name="Sales@East"))
    desk.ocs.loaded(GroupNames(dbid=101, name="Sales@East"))
    assert len(numbers(desk)) == 2
    for names in (GroupNames(dbid=101), GroupNames(campaign_id=11, group_id=1), GroupNames(name="Sales@East")):
        desk.ocs.started("Preview", names)
        assert the_one(desk)["state"] == "running"
        desk.ocs.stopped(names)
        assert the_one(desk)["state"] == "loaded"
    assert the_one(desk)["campaign_id"] == 11
    assert News.NAMES_CONFLICT not in desk.news()


def test_a_pair_of_ids_that_becomes_whole_joins_its_group() -> None:
    """The campaign's DBID was known, the agent group's comes now: the pair is a name that another half goes by."""
    desk = Desk(group(SUPPORT))
    desk.ocs.loaded(GroupNames(dbid=101, campaign_id=11))
    desk.ocs.loaded(GroupNames(campaign_id=11, group_id=1))
    desk.ocs.loaded(GroupNames(dbid=101, group_id=1))
    assert len(numbers(desk)) == 2


def test_a_group_of_the_campaign_with_a_name_of_its_own_is_another() -> None:
    """Sales@West, DBID unknown, is not what a message about DBID 101 of Sales is about."""
    desk = Desk(group(SUPPORT))
    desk.ocs.loaded(GroupNames(dbid=101))
    desk.ocs.loaded(GroupNames(name="Sales@West"))
    desk.ocs.started("Preview", GroupNames(dbid=101, campaign="Sales"))
    assert desk.group("Sales@West")["state"] == "loaded"
    assert the_one(desk)["state"] == "running"


def test_the_half_that_is_loaded_goes_on() -> None:
    """A client's request made a group of the DBID; the one that OCS spoke of, by its name, is alive."""
    desk = Desk(group(SUPPORT))
    desk.ocs.connected()
    desk.ocs.loaded(GroupNames(name="Sales@East"))
    desk.ocs.started("Preview", GroupNames(name="Sales@East"))
    desk.client(GroupNames(dbid=101)).stops()
    desk.agent().hears(Word.STARTED, names=GroupNames(dbid=101, name="Sales@East"))
    assert the_one(desk)["state"] == "running"


def dried_up(desk: Desk, names: GroupNames, source: str, dn: str) -> None:
    """A group that runs and has no more records, under the names by which one source speaks of it."""
    ocs, client, anna = desk.ocs.at(source), desk.client(names), desk.agent(dn)
    ocs.connected()
    ocs.loaded(names, client.loads(1))
    ocs.started("Preview", names, client.starts(1))
    anna.gets(dn, names=names)
    anna.processes(dn, names=names)
    anna.acknowledged()
    ocs.waits_for_records(names)


def test_the_half_that_is_being_completed_goes_on() -> None:
    """Our Stop is out for the group that is known by its ids; the other half is only loaded."""
    desk = Desk(group(SUPPORT), default=Policy(by=By.PROXY, control=Control.DIRECT))
    dried_up(desk, GroupNames(campaign_id=11, group_id=1), "direct", "3001")
    desk.ocs.loaded(GroupNames(dbid=101))
    desk.passes(60)
    assert len(desk.sent(Stop)) == 1
    desk.agent().hears(Word.STARTED, names=GroupNames(dbid=101, campaign_id=11, group_id=1))
    assert the_one(desk)["state"] == "stopping"


def test_of_two_completions_of_one_group_one_goes_on() -> None:
    """By DBID over T-Events, by its ids over the direct protocol; then it turns out to be one: one completion ends."""
    policy = Policy(by=By.PROXY, control=Control.DIRECT)
    desk = Desk(group(GroupNames(campaign_id=11, group_id=1, name="Sales@East"), policy))
    dried_up(desk, GroupNames(dbid=101), "tevents", "3001")
    dried_up(desk, GroupNames(campaign_id=11, group_id=1), "direct", "3002")
    desk.passes(60)
    assert {stop.group for stop in desk.sent(Stop)} == {"group 101", "Sales@East"}
    desk.agent("3003").hears(Word.STARTED, names=GroupNames(dbid=101, campaign_id=11, group_id=1))
    assert the_one(desk)["state"] == "stopping"
    assert len(desk.sent(Settled)) == 1


def test_what_is_intended_is_settled_under_the_name_that_it_was_intended_under() -> None:
    """The group's name is learned between Stop and the end: what was written down is found again."""
    desk = Desk(group(SUPPORT))
    dried_up(desk, GroupNames(dbid=101), "tevents", "3001")
    desk.passes(60)
    desk.ocs.stopped(GroupNames(dbid=101, name="Sales@East"))
    desk.passes(2)
    desk.ocs.unloaded(GroupNames(dbid=101))
    intended = {command.group for command in [*desk.sent(Stop), *desk.sent(Unload)]}
    assert intended == {settled.group for settled in desk.sent(Settled)}


def test_completions_of_both_halves_are_counted() -> None:
    """What was completed under one name was completed."""
    desk, anna = two_halves()
    anna.names = BOTH
    anna.gets("78")
    for handle in ("77", "78"):
        anna.processes(handle)
        anna.acknowledged()
    desk.ocs.waits_for_records(BOTH)
    desk.passes(60)
    desk.ocs.stopped(BOTH)
    desk.passes(2)
    desk.ocs.unloaded(BOTH)
    desk.passes(100)
    assert the_one(desk)["completions"] == 1
    desk.ocs.loaded(BOTH)
    desk.ocs.unloaded(BOTH)
    desk.ocs.loaded(GroupNames(campaign_id=11, group_id=1))
    assert len(numbers(desk)) == 3
    desk.ocs.loaded(BOTH._replace(campaign_id=11, group_id=1))
    assert len(numbers(desk)) == 2
    assert the_one(desk)["completions"] == 1


def test_the_mode_is_kept_when_groups_are_joined() -> None:
    """Agents heard that it is Preview; OCS's words did not say: the settle time is Preview's."""
    desk = Desk(group(SUPPORT))
    desk.ocs.connected()
    anna = desk.agent()
    anna.hears(Word.STARTED, "Preview")
    client = desk.client(GroupNames(dbid=101))
    desk.ocs.loaded(GroupNames(dbid=101), client.loads(1))
    desk.ocs.started(None, GroupNames(dbid=101), client.starts(1))
    desk.ocs.started(None, BOTH)
    anna.gets("77")
    anna.processes("77")
    anna.acknowledged()
    desk.ocs.waits_for_records(BOTH)
    desk.passes(60)
    assert desk.sent(Stop)


def test_the_oldest_request_of_a_joined_group_is_answered_first() -> None:
    """Whichever half it was sent to."""
    desk = Desk(group(SUPPORT))
    desk.ocs.connected()
    desk.client(GroupNames(name="Sales@East")).loads(0)
    desk.client(GroupNames(dbid=101)).loads(1)
    desk.ocs.loaded(GroupNames(dbid=101, name="Sales@East"))
    assert not the_one(desk)["armed"]


def test_a_site_that_arms_everything_arms_the_joined_group() -> None:
    """Where no client decided, one half that is armed is enough: the site's policy armed it."""
    desk = Desk(group(SUPPORT), default=Policy(by=By.PROXY, attribute=Attribute.ADD))
    desk.ocs.answers(Status.ACTIVE, names=GroupNames(dbid=101))
    desk.ocs.loaded(GroupNames(name="Sales@East"))
    desk.agent().hears(Word.LOADED, names=GroupNames(dbid=101, name="Sales@East"))
    assert the_one(desk)["armed"]


def test_an_older_request_does_not_overrule_what_the_other_half_decided() -> None:
    """Start 0 by DBID, then Load 1 by name, accepted; the Start's answer comes last, and is the older wish."""
    desk = Desk(group(SUPPORT))
    desk.ocs.connected()
    desk.ocs.loaded(GroupNames(dbid=101))
    start = desk.client(GroupNames(dbid=101)).starts(0)
    load = desk.client(GroupNames(name="Sales@East")).loads(1)
    desk.ocs.loaded(GroupNames(name="Sales@East"), load)
    desk.ocs.started("Preview", GroupNames(dbid=101, name="Sales@East"), start)
    assert (the_one(desk)["state"], the_one(desk)["armed"]) == ("running", True)


def test_the_requests_of_a_joined_group_are_still_open() -> None:
    """An agent's action and a client's request, on their way while the two are joined."""
    desk, anna = two_halves()
    anna.processes("77")
    client = desk.client(GroupNames(name="Sales@Agents"))
    client.sets_mode("Power", 0)
    desk.ocs.started("Preview", BOTH._replace(name="Sales@Agents"))
    anna.acknowledged_barely()
    desk.ocs.changes_mode("Power", GroupNames(dbid=101))
    one = the_one(desk)
    assert (one["outstanding"], one["finalized"], one["armed"]) == (0, 1, False)


def test_what_was_decided_last_is_kept_when_groups_are_joined() -> None:
    """Armed by the ids of the direct protocol, while other words know the group by its DBID."""
    desk = Desk(group(SUPPORT))
    desk.ocs.connected()
    pair = GroupNames(campaign_id=11, group_id=1)
    load = desk.client(pair).loads(1)
    desk.ocs.loaded(GroupNames(dbid=101))
    desk.ocs.loaded(pair, reference=load)
    desk.ocs.started("Preview", GroupNames(dbid=101))
    desk.ocs.started("Preview", GroupNames(dbid=101, campaign_id=11, group_id=1))
    assert (the_one(desk)["armed"], the_one(desk)["state"]) == (True, "running")


def test_what_was_decided_later_wins_when_groups_are_joined() -> None:
    """The Start by DBID said 0, after the Load by the other ids had said 1."""
    desk = Desk(group(SUPPORT))
    desk.ocs.connected()
    pair = GroupNames(campaign_id=11, group_id=1)
    desk.ocs.loaded(pair, reference=desk.client(pair).loads(1))
    desk.ocs.loaded(GroupNames(dbid=101))
    desk.ocs.started("Preview", GroupNames(dbid=101), reference=desk.client(GroupNames(dbid=101)).starts(0))
    desk.ocs.started("Preview", GroupNames(dbid=101, campaign_id=11, group_id=1))
    assert not the_one(desk)["armed"]


def test_the_configured_policy_is_kept_when_groups_are_joined() -> None:
    """The section names the DBID; agents' events made another group of the campaign's name."""
    policy = Policy(by=By.PROXY, attribute=Attribute.FORCE)
    desk = Desk(group(GroupNames(dbid=101), policy), default=Policy(by=By.PROXY))
    desk.agent().gets("77")
    desk.agent().hears(Word.STARTED, names=BOTH)
    assert len(numbers(desk)) == 1
    assert desk.groups.edit(GroupNames(campaign="Sales"), Request.LOAD, (0,)) is Edit.SET


def test_the_configured_policy_is_kept_whichever_half_is_found_first() -> None:
    """The section has the name only; the DBID, the surer name, was learned."""
    policy = Policy(by=By.PROXY, attribute=Attribute.FORCE)
    desk = Desk(group(GroupNames(name="Sales@East"), policy), default=Policy(by=By.PROXY))
    desk.ocs.loaded(GroupNames(dbid=101))
    desk.ocs.loaded(GroupNames(dbid=101, name="Sales@East"))
    assert len(numbers(desk)) == 1
    assert desk.groups.edit(GroupNames(dbid=101), Request.LOAD, (0,)) is Edit.SET


def test_a_record_that_both_halves_knew_counts_once() -> None:
    """Delivered by campaign on one connection, by DBID on another."""
    desk, anna = two_halves()
    bert = desk.agent("3002")
    bert.gets("77", names=GroupNames(dbid=101), calling_list="L", chain="1")
    anna.gets("78", calling_list="L", chain="2")
    anna.hears(Word.STARTED, names=BOTH)
    one = the_one(desk)
    assert (one["outstanding"], one["delivered"]) == (2, 2)


def test_a_chain_that_both_halves_knew_is_one_record() -> None:
    """A returned record is known in both halves, under one handle; its chain comes again under another."""
    desk, anna = two_halves()
    for names in (GroupNames(campaign="Sales"), GroupNames(dbid=101)):
        anna.gets("90", names=names, calling_list="L", chain="9")
        anna.rejects("90", names=names)
        anna.acknowledged()
    anna.hears(Word.STARTED, names=BOTH)
    assert the_one(desk)["returned"] == 1
    anna.gets("91", calling_list="L", chain="9")
    assert (the_one(desk)["returned"], the_one(desk)["outstanding"]) == (0, 2)


def test_a_joined_group_is_completed_once_and_its_agents_are_told() -> None:
    """From two halves to the end."""
    desk, anna = two_halves()
    anna.hears(Word.STARTED, "Preview", names=BOTH)
    anna.gets("78")
    for handle in ("77", "78"):
        anna.processes(handle)
        anna.acknowledged()
    anna.asks()
    anna.hears_no_records()
    desk.passes(60)
    assert [stop.names.dbid for stop in desk.sent(Stop)] == [101]
    desk.ocs.stopped(GroupNames(dbid=101))
    desk.passes(2)
    desk.ocs.unloaded(GroupNames(dbid=101))
    desk.passes(2)
    assert [told.word for told in desk.sent(NotifyAgent)] == [Word.STOPPED, Word.UNLOADED]


# -------------------------------------------------------------------------------------------------------- conflicts


def test_a_name_of_another_group_is_not_taken_over() -> None:
    """A message mixes two groups' names: the surest is believed, nobody loses a name, and it is said loudly."""
    desk = Desk(group(GroupNames(dbid=101)), group(WEST))
    desk.ocs.loaded(GroupNames(dbid=101, name="Sales@West"))
    desk.agent().gets("77", names=GroupNames(name="Sales@West"))
    assert desk.group("Sales@West")["dbid"] == 102
    assert desk.group("Sales@West")["outstanding"] == 1
    assert desk.group("group 101")["state"] == "loaded"
    assert desk.news().count(News.NAMES_CONFLICT) == 1
    assert News.NAMES_CONFLICT.loud


def test_names_of_two_learned_groups_are_not_mixed() -> None:
    """The same with groups that are not configured: two DBIDs are two groups."""
    desk = Desk(group(SUPPORT))
    desk.ocs.loaded(GroupNames(dbid=101))
    desk.ocs.loaded(WEST)
    desk.ocs.unloaded(GroupNames(dbid=101, name="Sales@West"))
    assert the_one(desk)["state"] == "unloaded"
    assert desk.group("Sales@West")["state"] == "loaded"
    assert News.NAMES_CONFLICT in desk.news()


def test_half_a_pair_that_would_make_anothers_pair_is_a_conflict() -> None:
    """The campaign's DBID is right, the agent group's is West's."""
    desk = Desk(group(GroupNames(dbid=101, campaign_id=11, name="Sales@East")), group(WEST))
    desk.ocs.loaded(GroupNames(dbid=101, group_id=2))
    assert desk["group_id"] is None
    assert News.NAMES_CONFLICT in desk.news()


def test_two_sections_with_one_name_the_first_is_meant() -> None:
    """`check` says it; a proxy that runs all the same keeps to one."""
    desk = Desk(group(GroupNames(dbid=101, name="First@A")), group(GroupNames(dbid=101, name="Second@A")))
    desk.ocs.loaded(GroupNames(dbid=101))
    assert desk.group("First@A")["state"] == "loaded"


def test_conflicts_without_end_are_not_reported_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that makes up names fills neither the memory nor the log."""
    monkeypatch.setattr(all_names, "MAX_CONFLICTS", 5)
    desk = Desk()
    for number in range(20):
        desk.ocs.loaded(GroupNames(dbid=101, name=f"Made up {number}"))
    assert desk.news().count(News.NAMES_CONFLICT) == 5
    assert desk.counted("names_in_conflict") == 20


def test_a_name_with_another_dbid_is_not_that_group() -> None:
    """The DBID is the surer name: OCS speaks of group 999, whatever the conf file calls 101."""
    desk = Desk()
    desk.ocs.connected()
    desk.ocs.answers(Status.RUNNING)
    desk.ocs.unloaded(GroupNames(dbid=999, name="Sales@Agents"))
    assert desk["state"] == "running"
    assert News.NAMES_CONFLICT in desk.news()


def test_a_dbid_with_another_name_is_that_group() -> None:
    """The group was renamed: its DBID is its DBID. The names known stay, and it is said loudly, once."""
    desk = Desk()
    desk.ocs.connected()
    for _ in range(3):
        desk.ocs.loaded(GroupNames(dbid=101, name="Renamed@Agents"))
    assert desk["state"] == "loaded"
    assert desk.news().count(News.NAMES_CONFLICT) == 1


def test_two_sections_are_never_joined() -> None:
    """The conf file names one group twice: each keeps its options, and it is said loudly."""
    desk = Desk(group(GroupNames(dbid=101)), group(GroupNames(name="Sales@Agents")))
    desk.ocs.loaded(GroupNames(dbid=101, name="Sales@Agents"))
    assert len(numbers(desk)) == 2
    assert News.NAMES_CONFLICT in desk.news()


# ------------------------------------------------------------------------------------------------------- N2: agents


def test_n2_agents_are_learned_from_campaign_events_and_records() -> None:
    """On the DN of the event."""
    desk = Desk()
    desk.runs()
    desk.agent("3001").hears(Word.STARTED)
    desk.agent("3002").gets("77")
    desk.agent("3003").rings("78")
    desk.agent("3004").hears(Word.LOADED)
    assert desk["agents"] == ["3001", "3002", "3003", "3004"]


def test_n2_asking_does_not_make_an_agent() -> None:
    """Nor does being registered, nor looking at the statistics."""
    desk = Desk()
    desk.runs()
    anna = desk.agent("3001")
    anna.asks()
    anna.asks_status()
    anna.hears_no_records()
    anna.shows_a_sign()
    assert desk["agents"] == []


def test_n2_a_session_with_several_dns_has_several_agents() -> None:
    """The DN of the event counts, not the connection."""
    desk = Desk()
    desk.runs()
    switchboard = desk.agent("3001")
    switchboard.registers("3002")
    switchboard.dn = "3002"
    switchboard.hears(Word.STARTED)
    assert desk["agents"] == ["3002"]


def test_n2_agents_are_those_of_the_current_session() -> None:
    """Tomorrow others may work for the group."""
    desk = Desk()
    desk.runs()
    desk.agent("3001").hears(Word.STARTED)
    desk.ocs.unloaded()
    assert desk["agents"] == ["3001"]
    desk.ocs.loaded()
    assert desk["agents"] == []
    desk.agent("3002").hears(Word.LOADED)
    assert desk["agents"] == ["3002"]


def test_n2_an_agent_with_two_desktops_is_one_agent() -> None:
    """Both hear everything; the record is outstanding once."""
    desk = Desk()
    desk.runs()
    left, right = desk.agent("3001"), desk.agent("3001")
    for session in (left, right):
        session.hears(Word.STARTED)
        session.gets("77")
    assert (desk["agents"], desk["delivered"]) == (["3001"], 1)


def test_n2_an_agent_may_reconnect() -> None:
    """He is still the group's, and his record is still his."""
    desk = Desk()
    desk.runs()
    anna = desk.agent("3001")
    anna.gets("77")
    anna.leaves()
    assert (desk["agents"], desk["outstanding"]) == (["3001"], 1)
    back = anna.comes_back()
    back.processes("77")
    back.acknowledged()
    assert (desk["outstanding"], desk["finalized"]) == (0, 1)


def test_n2_an_agent_may_work_for_two_groups() -> None:
    """Of different campaigns."""
    desk = sharing()
    anna = desk.agent()
    anna.hears(Word.STARTED, names=EAST)
    anna.hears(Word.STARTED, names=SUPPORT)
    assert desk.group("Sales@East")["agents"] == desk.group("Support@East")["agents"] == ["3001"]


# ---------------------------------------------------------------------------------------------------------- N3: ids

NEEDED = {
    Control.TEVENTS: GroupNames(dbid=101),
    Control.DIRECT: GroupNames(campaign_id=11, group_id=732),
    Control.OCS_HTTP: GroupNames(dbid=101),
}
LACKING = [
    (Control.TEVENTS, SALES._replace(dbid=None), "dbid"),
    (Control.OCS_HTTP, SALES._replace(dbid=None), "dbid"),
    (Control.DIRECT, SALES._replace(campaign_id=None), "campaign_id"),
    (Control.DIRECT, SALES._replace(group_id=None), "group_id"),
]


def done(control: Control, names: GroupNames) -> tuple[Desk, Agent]:
    """A group without records, but for the settle time."""
    desk = Desk(group(names._replace(name="Sales@Agents"), Policy(by=By.PROXY, control=control)))
    desk.ocs.at(control.value).connected()
    told = desk.ocs.at("reports" if control is Control.OCS_HTTP else control.value)
    told.connected()
    client = desk.client(GroupNames(name="Sales@Agents"))
    told.loaded(reference=client.loads(1))
    told.started("Preview", reference=client.starts(1))
    anna = desk.agent()
    anna.gets("77")
    anna.processes("77")
    anna.acknowledged()
    anna.asks()
    anna.hears_no_records()
    return desk, anna


@pytest.mark.parametrize("control", list(Control))
def test_n3_the_ids_of_the_control_protocol_suffice(control: Control) -> None:
    """T-Events and HTTP name a group by its DBID, the direct protocol by campaign and agent group."""
    desk, _ = done(control, NEEDED[control])
    desk.passes(60)
    (stop,) = desk.sent(Stop)
    assert stop.control == control.value


@pytest.mark.parametrize(("control", "names", "missing"), LACKING)
def test_n3_without_them_the_group_is_not_completed_and_says_so(
    control: Control, names: GroupNames, missing: str
) -> None:
    """The status tells the operator what to write into the conf file; nothing is asked of OCS, either."""
    desk, _ = done(control, names)
    desk.passes(1000)
    assert desk.sent(Stop) == []
    assert desk.sent(AskStatus) == []
    assert missing in desk["waiting_for"]
    assert control.value in desk["waiting_for"]


def test_n3_ids_that_are_learned_suffice() -> None:
    """An agent's event tells the DBID: from now on the group can be completed."""
    desk, anna = done(Control.TEVENTS, GroupNames(name="Sales@Agents"))
    desk.passes(100)
    assert desk.sent(Stop) == []
    anna.hears(Word.STARTED, "Preview", GroupNames(dbid=101, campaign="Sales"))
    desk.passes(60)
    assert [stop.names.dbid for stop in desk.sent(Stop)] == [101]


def test_n3_the_policy_of_all_is_no_less_strict() -> None:
    """A group that was only learned, by its campaign's name, is not completed."""
    desk = Desk(group(SUPPORT), default=COMPLETES)
    desk.ocs.connected()
    names = GroupNames(campaign="Sales")
    client = desk.client(names)
    desk.ocs.loaded(names, client.loads(1))
    desk.ocs.started("Preview", names, client.starts(1))
    anna = desk.agent()
    anna.gets("77")
    anna.processes("77")
    anna.acknowledged()
    desk.ocs.waits_for_records(names)
    desk.passes(1000)
    assert desk.sent(Stop) == []
    assert "dbid" in desk.group("Sales")["waiting_for"]
