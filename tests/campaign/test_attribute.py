"""What becomes of GSW_AUTO_COMPLETION in a client's message (R5, and what of it R3 and R29 say)."""

from __future__ import annotations

import pytest

from proxy.campaign.attribute import Edit, arms, edit
from proxy.campaign.observation import GroupNames, Request
from proxy.campaign.policy import Attribute, By, Policy
from tests.campaign.desk import SALES, Desk, group

KEEP, ADD, FORCE, REMOVE = Attribute.KEEP, Attribute.ADD, Attribute.FORCE, Attribute.REMOVE
ONE_BUT_NOT_EXACTLY = ("1", " 1 ", True, 1.0, [1], b"1")
NEITHER = (2, -1, 11, "11", "", "yes", "true", True, b"1", None, (), 1.5)


def asked(policy: Attribute, *values: object) -> Edit:
    return edit(policy, By.PROXY, True, values)


# ---------------------------------------------------------------------------------------------- which request is edited


@pytest.mark.parametrize("values", [(), (1,), ("1",), (0,), ("x",), (0, 1)])
def test_r5_keep_leaves_everything_as_the_client_sent_it(values: tuple[object, ...]) -> None:
    """A site that keeps the attribute relays what the client wrote, be it nonsense."""
    assert asked(KEEP, *values) is Edit.LEAVE


def test_r5_add_appends_the_attribute_where_there_is_none() -> None:
    """With `add`, a Load that does not speak of it asks for completion."""
    assert asked(ADD) is Edit.APPEND


@pytest.mark.parametrize("values", [(1,), ("1",), (0,), ("0",), ("x",), (2,), (0, 1)])
def test_r5_add_leaves_an_attribute_that_is_there(values: tuple[object, ...]) -> None:
    """With `add`, a client that says 0, or anything else, is taken at its word."""
    assert asked(ADD, *values) is Edit.LEAVE


def test_r5_force_appends_the_attribute_where_there_is_none() -> None:
    """With `force`, every Load asks for completion."""
    assert asked(FORCE) is Edit.APPEND


@pytest.mark.parametrize("value", [0, "0", *NEITHER, *ONE_BUT_NOT_EXACTLY])
def test_r5_force_writes_exactly_the_integer_one(value: object) -> None:
    """OCS documents an integer: what only looks like 1 is replaced as well."""
    assert asked(FORCE, value) is Edit.SET


def test_r5_force_leaves_what_is_exactly_one() -> None:
    """Nothing to mend, nothing is rewritten."""
    assert asked(FORCE, 1) is Edit.LEAVE


@pytest.mark.parametrize("values", [(1, 1), (1, 0), (0, 1), ("x", 1, 1)])
def test_r5_force_keeps_one_place_of_repeated_keys(values: tuple[object, ...]) -> None:
    """A key that is there twice is there once afterwards, even if both say 1."""
    assert asked(FORCE, *values) is Edit.SET


@pytest.mark.parametrize("values", [(1,), (0,), ("x",), (1, 0)])
def test_r5_remove_takes_every_one_out(values: tuple[object, ...]) -> None:
    """An OCS that must not see the attribute does not see it."""
    assert asked(REMOVE, *values) is Edit.REMOVE


def test_r5_remove_leaves_a_request_without_it() -> None:
    """Where nothing is to be removed, nothing is rewritten."""
    assert asked(REMOVE) is Edit.LEAVE


@pytest.mark.parametrize("policy", list(Attribute))
def test_r5_every_other_request_loses_the_attribute(policy: Attribute) -> None:
    """Stop, Unload, a desktop's user event: whatever the policy, the attribute has no business there."""
    assert edit(policy, By.PROXY, False, (1,)) is Edit.REMOVE
    assert edit(policy, By.DIALER, False, (1, 0)) is Edit.REMOVE
    assert edit(policy, By.PROXY, False, ()) is Edit.LEAVE


@pytest.mark.parametrize("policy", list(Attribute))
@pytest.mark.parametrize("asks", [True, False])
@pytest.mark.parametrize("values", [(), (0,), ("1",), (1, 0)])
def test_r29_by_nobody_changes_no_byte(policy: Attribute, asks: bool, values: tuple[object, ...]) -> None:
    """A site that only watches finds its messages as they were."""
    assert edit(policy, By.NOBODY, asks, values) is Edit.LEAVE


def test_r29_by_dialer_writes_the_attribute() -> None:
    """Where OCS completes, the attribute is all that the proxy writes."""
    assert edit(ADD, By.DIALER, True, ()) is Edit.APPEND


# -------------------------------------------------------------------------------------------------- what arms a group


@pytest.mark.parametrize("policy", [KEEP, ADD, REMOVE])
@pytest.mark.parametrize("value", [1, "1", " 1 "])
def test_r5_one_is_read_leniently(policy: Attribute, value: object) -> None:
    """Clients send integer keys as strings, too."""
    assert arms(policy, (value,))


@pytest.mark.parametrize("policy", [KEEP, ADD, REMOVE])
@pytest.mark.parametrize("value", [0, "0", *NEITHER])
def test_r5_what_is_not_one_never_arms(policy: Attribute, value: object) -> None:
    """0 disarms, and so does what is neither 0 nor 1."""
    assert not arms(policy, (value,))


@pytest.mark.parametrize("policy", [KEEP, REMOVE])
def test_r3_an_absent_attribute_does_not_arm(policy: Attribute) -> None:
    """Nobody asked for completion."""
    assert not arms(policy, ())


def test_r3_what_counts_is_the_value_after_add_or_force() -> None:
    """`add` and `force` ask for completion in the client's name."""
    assert arms(ADD, ())
    assert all(arms(FORCE, values) for values in [(), (0,), ("x",), (1, 0)])


@pytest.mark.parametrize("policy", [KEEP, ADD, REMOVE])
def test_r5_the_last_of_repeated_keys_counts(policy: Attribute) -> None:
    """Two values: the later one is meant."""
    assert arms(policy, (0, 1))
    assert not arms(policy, (1, 0))
    assert not arms(policy, (1, "x"))


# ------------------------------------------------------------------------------------------- the policy of which group


def test_r5_each_group_has_its_own_policy() -> None:
    """A [group] may add what the others keep."""
    desk = Desk(group(SALES, Policy(by=By.PROXY, attribute=ADD)))
    assert desk.groups.edit(GroupNames(dbid=101), Request.LOAD, ()) is Edit.APPEND
    assert desk.groups.edit(GroupNames(campaign_id=11, group_id=732), Request.LOAD, ()) is Edit.APPEND
    assert desk.groups.edit(GroupNames(name="Sales@Agents"), Request.LOAD, ()) is Edit.APPEND
    assert desk.groups.edit(GroupNames(campaign="Sales"), Request.LOAD, ()) is Edit.APPEND
    assert desk.groups.edit(GroupNames(dbid=102), Request.LOAD, ()) is Edit.LEAVE


@pytest.mark.parametrize("request_", [Request.LOAD, Request.START, Request.SET_MODE])
def test_r5_load_start_and_set_mode_may_bear_it(request_: Request) -> None:
    """The three requests of the documentation."""
    desk = Desk(default=Policy(by=By.PROXY, attribute=ADD))
    assert desk.groups.edit(GroupNames(dbid=5), request_, ()) is Edit.APPEND


@pytest.mark.parametrize("request_", [Request.STOP, Request.UNLOAD, None])
def test_r5_no_other_request_may_bear_it(request_: Request | None) -> None:
    """Not in Stop, not in Unload, not in what is no campaign control at all."""
    desk = Desk(default=Policy(by=By.PROXY, attribute=FORCE))
    assert desk.groups.edit(GroupNames(dbid=5), request_, ()) is Edit.LEAVE
    assert desk.groups.edit(GroupNames(dbid=5), request_, (1,)) is Edit.REMOVE


def test_r5_a_group_that_is_not_configured_takes_the_policy_of_all() -> None:
    """Learned groups are treated like [completion] says."""
    desk = Desk(group(SALES, Policy(by=By.PROXY)), default=Policy(by=By.PROXY, attribute=FORCE))
    desk.client(GroupNames(dbid=777)).loads(0)
    assert desk.groups.edit(GroupNames(dbid=777), Request.START, (0,)) is Edit.SET
    assert desk.groups.edit(GroupNames(dbid=101), Request.START, (0,)) is Edit.LEAVE


def test_r5_the_policy_is_found_by_a_name_that_tells_only_the_campaign() -> None:
    """Edited and counted is by the same policy: the only group of the campaign is meant, for both."""
    desk = Desk(group(GroupNames(dbid=101, campaign="Sales"), Policy(by=By.PROXY, attribute=ADD)))
    assert desk.groups.edit(GroupNames(name="Sales@Agents"), Request.LOAD, ()) is Edit.APPEND


def test_r5_looking_up_a_policy_makes_no_group() -> None:
    """A message that is only edited leaves nothing behind."""
    desk = Desk()
    desk.groups.edit(GroupNames(dbid=777, name="X@Y"), Request.LOAD, (1,))
    assert len(desk.groups.status(desk.now)) == 1
    assert desk.groups.counts == {}
