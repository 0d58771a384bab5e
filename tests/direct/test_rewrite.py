"""GSW_AUTO_COMPLETION in direct messages: changed by policy, and nothing else with it (M4, R5)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.campaign.attribute import Edit
from proxy.direct.rewrite import attribute_values, edited
from proxy.kvlist import Pair, pair
from tests.direct.messages import KEY, PROPERTIES, SAMPLE, message
from tests.wire.lists import lists

ONE = pair(KEY, 1)
OTHER = pair("Größe", "\udcff")


def load(*properties: Pair) -> list[Pair]:
    """A LoadCampaign with these properties."""
    return message(7, properties=list(properties))


def test_a_client_without_properties_gets_them() -> None:
    """Public clients send no properties at all: the list is created, at the end of the message."""
    assert edited(message(7), Edit.APPEND) == SAMPLE


def test_a_list_that_is_there_is_added_to() -> None:
    """The attribute goes to the end of the client's own list, where that is; an empty one is filled."""
    sent = [*load(OTHER, pair("x", 1)), pair("after", 1)]
    assert edited(sent, Edit.APPEND) == [*load(OTHER, pair("x", 1), ONE), pair("after", 1)]
    assert edited(load(), Edit.APPEND) == SAMPLE


def test_of_several_lists_the_last_is_added_to() -> None:
    """The last of a repeated key counts: so the attribute is in the one that counts."""
    lists = [pair(PROPERTIES, [OTHER]), pair("between", 1), pair(PROPERTIES, [])]
    assert edited(lists, Edit.APPEND) == [*lists[:2], pair(PROPERTIES, [ONE])]


def test_properties_that_are_no_list() -> None:
    """A value of that name that is no list stays as it is; a list is created beside it."""
    sent = [pair(PROPERTIES, "text")]
    assert attribute_values(sent) == []
    assert edited(sent, Edit.APPEND) == [pair(PROPERTIES, "text"), pair(PROPERTIES, [ONE])]


def test_forced_in_the_first_place() -> None:
    """Repeated keys: the first place is kept, the others are dropped, in other lists and beside them, too."""
    sent = [
        pair(KEY, 5),
        pair(PROPERTIES, [OTHER, pair(KEY, "0"), OTHER, pair(KEY, 1)]),
        pair(PROPERTIES, [pair(KEY, 0), OTHER]),
        pair(PROPERTIES, [pair(KEY, 0)]),
    ]
    assert attribute_values(sent) == ["0", 1, 0, 0]
    assert edited(sent, Edit.SET) == [pair(PROPERTIES, [OTHER, ONE, OTHER]), pair(PROPERTIES, [OTHER])]


def test_removed_with_a_list_that_held_nothing_else() -> None:
    """A list that becomes empty goes: what is left is what a client without properties sends. Others stay."""
    assert edited(SAMPLE, Edit.REMOVE) == message(7)
    assert edited(load(OTHER, ONE, pair(KEY, "x")), Edit.REMOVE) == load(OTHER)


def test_a_list_that_the_client_sent_empty_stays() -> None:
    """Only a list of which something was removed can become empty."""
    sent = [pair(PROPERTIES, []), pair(PROPERTIES, [ONE]), pair("x", 1)]
    assert edited(sent, Edit.REMOVE) == [pair(PROPERTIES, []), pair("x", 1)]


def test_beside_the_properties() -> None:
    """Where a client puts it beside the list, it is read if the list has none; forced, it is put where it belongs."""
    sent = [*message(7), pair(KEY, 0)]
    assert attribute_values(sent) == [0]
    assert attribute_values([*sent, pair(PROPERTIES, [ONE])]) == [1]
    assert edited(sent, Edit.SET) == SAMPLE
    assert edited(sent, Edit.REMOVE) == message(7)


properties = st.lists(st.sampled_from([ONE, pair(KEY, "0"), OTHER, pair("x", 1)]), max_size=4)
messages = st.lists(
    properties.map(lambda inner: pair(PROPERTIES, inner)) | st.sampled_from([ONE, OTHER, pair(PROPERTIES, 1)]),
    max_size=4,
)


@given(messages | lists)
def test_nothing_else_changes(sent: list[Pair]) -> None:
    """Whatever is sent and done to it, other pairs stay, in order, in the lists where they were."""
    for edit in Edit:
        if edit is Edit.SET and not attribute_values(sent):
            continue  # is not asked for
        done = edited(sent, edit)
        assert others(done) == others(sent)
        if edit is Edit.SET:
            assert in_lists(done) == [1]
        elif edit is Edit.REMOVE:
            assert attribute_values(done) == []
        elif edit is Edit.APPEND:
            assert in_lists(done) == [*in_lists(sent), 1]


def others(pairs: list[Pair]) -> list[object]:
    """What is not the attribute; properties that hold nothing else do not count."""
    kept: list[object] = []
    for each in pairs:
        if each.key == PROPERTIES and isinstance(each.value, list):
            inner = [item for item in each.value if item.key != KEY]
            kept += [inner] if inner else []
        elif each.key != KEY:
            kept.append(each)
    return kept


def in_lists(pairs: list[Pair]) -> list[object]:
    """The values of the attribute in all properties."""
    lists = [each.value for each in pairs if each.key == PROPERTIES and isinstance(each.value, list)]
    return [item.value for inner in lists for item in inner if item.key == KEY]


@pytest.mark.parametrize("sent", [message(7), SAMPLE, load(OTHER)])
def test_left_alone(sent: list[Pair]) -> None:
    """What is to be left is the very same."""
    assert edited(sent, Edit.LEAVE) is sent
