"""Direct messages printed as campaign managers print them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.campaign.attribute import asks_for_completion
from proxy.direct.printed import heading, printed, read
from proxy.direct.rewrite import attribute_values
from proxy.gsw import control
from proxy.kvlist import Pair, pair
from tests.direct.messages import KEY, PROPERTIES, SAMPLE, message


def test_the_vendors_sample() -> None:
    """The vendor's sample (domain.md, section 1), line by line; the attribute's value is masked as there."""
    lines = [heading("23:57:57.891", "OCMClient[9]", received=True), *printed(SAMPLE)]
    assert lines == [
        "23:57:57.891 OCMClient[9]::message received",
        "GSW_CM_MessageType              7 [GSW_CM_ReqLoadCampaign]",
        "GSW_CM_AttrReferenceID          10",
        "GSW_CM_AttrCampaignID           101",
        "GSW_CM_AttrGroupID              732",
        "GSW_CM_AttrProperties",
        "                'GSW_AUTO_COMPLETION'   '****'",
    ]


def test_the_other_way() -> None:
    """What goes to a client says so."""
    assert heading("00:00:00.000", "OCMClient[1]", received=False) == "00:00:00.000 OCMClient[1]::message sent"


def test_personal_data_is_masked() -> None:
    """Numbers of the field are shown, also where they came as text; everything else is masked."""
    said = [
        pair("GSW_CM_MessageType", "24"),
        pair("GSW_CM_AttrGroupCampStatus", 5),
        pair("GSW_CM_AttrCampaignID", "call 555-0100"),
        pair("GSW_CM_AttrErrorMessage", "Jane Doe"),
        pair("GSW_CM_AttrSomethingRatherLongAndUnknown", 5550100),
        pair("bytes", b"Jane"),
        pair("GSW_CM_AttrProperties", [pair("phone", "555-0100"), pair("inner", [pair("name", "Jane")])]),
    ]
    assert list(printed(said)) == [
        "GSW_CM_MessageType              24 [GSW_CM_EvCampaignStatus]",
        "GSW_CM_AttrGroupCampStatus      5",
        "GSW_CM_AttrCampaignID           '****'",
        "GSW_CM_AttrErrorMessage         '****'",
        "GSW_CM_AttrSomethingRatherLongAndUnknown '****'",
        "bytes                           '****'",
        "GSW_CM_AttrProperties",
        "                'phone'                 '****'",
        "                'inner'(list)",
        "                \t'name'                  '****'",
    ]


def test_a_number_without_a_name() -> None:
    """A message that nobody has a name for is printed by its number."""
    assert next(printed(message(77))) == "GSW_CM_MessageType              77"


# --------------------------------------------------------------------------------------------------------- read again

KEYS = st.sampled_from([KEY, PROPERTIES, "GSW_CM_MessageType", "GSW_APPLICATION_ID", "phone", "'", ""]) | st.text()
VALUES = st.recursive(
    st.integers(-(2**31), 2**31 - 1) | st.sampled_from(["1", " 1 ", "0", "yes"]) | st.text() | st.binary(max_size=4),
    lambda inner: st.lists(st.tuples(KEYS, inner).map(lambda each: pair(*each)), max_size=3),
    max_leaves=6,
)
MESSAGES = st.lists(st.tuples(KEYS, VALUES).map(lambda each: pair(*each)), max_size=5)


@given(MESSAGES, st.booleans())
def test_what_is_printed_is_read_again(said: list[Pair], disarming: bool) -> None:
    """Whatever a client sends makes no line of its own, is understood, and printed again gives the same lines."""
    lines = list(printed(said, disarming))
    assert not any(len(line.splitlines()) != 1 for line in lines)
    again, unread = read(lines)
    assert unread == 0
    assert list(printed(again)) == list(printed(said))
    assert [each.key for each in again if each.key in control.SHOWN] == [
        each.key for each in said if each.key in control.SHOWN
    ]


@given(MESSAGES)
def test_who_disarms_is_told_from_who_arms(said: list[Pair]) -> None:
    """A masked GSW_AUTO_COMPLETION is one that asks for completion; any other is shown, and nothing else is."""
    before, (again, _) = attribute_values(said), read(printed(said, disarming=True))
    after = attribute_values(again)
    assert [each == "****" for each in after] == [asks_for_completion(each) for each in before]
    assert not any(asks_for_completion(each) for each in after)


def test_a_property_that_is_not_1() -> None:
    """0 and the like are shown as they are, what is no number as a question mark; other properties are masked."""
    said = message(9, properties=[pair(KEY, 0), pair(KEY, "7"), pair(KEY, "Jane"), pair(KEY, "1"), pair("n", 0)])
    values = [line.split()[-1] for line in list(printed(said, disarming=True))[-5:]]
    assert values == ["0", "7", "'?'", "'****'", "'****'"]
    assert [line.split()[-1] for line in list(printed(said))[-5:]] == ["'****'"] * 5


@pytest.mark.parametrize("indent", ["", " ", "\t", " " * 16])
def test_lost_indentation(indent: str) -> None:
    """Some logs have lost their indentation, or have other blanks."""
    lines = ["GSW_CM_MessageType 7 [GSW_CM_ReqLoadCampaign]", PROPERTIES, f"{indent}'{KEY}' '****'  "]
    assert read(lines) == ([pair("GSW_CM_MessageType", 7), pair(PROPERTIES, [pair(KEY, "****")])], 0)


def test_lists_in_lists() -> None:
    """A list ends where its indentation does: what comes after it is no part of it."""
    said = [pair("a", [pair("b", [pair("c", [])]), pair(KEY, 1)]), pair("d", 1)]
    again, unread = read(printed(said))
    assert (again, unread) == ([pair("a", [pair("b", [pair("c", [])]), pair(KEY, "****")]), pair("d", "****")], 0)


def test_lines_that_mean_nothing() -> None:
    """They are counted, and the rest is read; empty lines are nothing."""
    assert read(["\twhat is this", "", "GSW_CM_AttrGroupID  732"]) == ([pair("GSW_CM_AttrGroupID", 732)], 1)
