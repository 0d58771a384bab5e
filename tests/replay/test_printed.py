"""The printed form, written and read again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.kvlist import Pair, pack, pair, size_and_start
from proxy.tevents.message import (
    CONN_ID,
    ERROR_MESSAGE,
    EVENT_USER_EVENT,
    OTHER_DN,
    REFERENCE_ID,
    THIS_DN,
    TIME_IN_SECS,
    USER_DATA,
    Attribute,
    Message,
)
from proxy.tevents.printed import AS_IT_STANDS, EVERYTHING, UNKNOWN, Family, printed, read

_TEXT = st.text(
    st.characters(exclude_characters="'\n\r\x85\u2028\u2029\t", exclude_categories=("Cc", "Cs", "Zl", "Zp"))
)
_KEY = st.text("abcGSW_ -:?>@.", min_size=1)
_VALUE = _TEXT | st.integers(-0x80000000, 0x7FFFFFFF)
_PAIRS = st.lists(st.builds(pair, _KEY, _VALUE | st.lists(st.builds(pair, _KEY, _VALUE), max_size=4)), max_size=8)


def event(pairs: list[Pair], *attributes: Attribute) -> Message:
    return Message(EVENT_USER_EVENT, [Attribute(USER_DATA, 3, pairs), *attributes])


def lines(message: Message) -> list[str]:
    return list(printed(message, EVERYTHING, EVERYTHING))


@given(_PAIRS)
def test_user_data_is_read_as_it_was_printed(pairs: list[Pair]) -> None:
    """What the proxy prints of user data with nothing masked is read again as it was, lists in it too."""
    form = read("EventUserEvent", lines(event(pairs)))
    assert form.message.user_data == pairs
    assert form.unread == 0
    assert list(form.lines()) == lines(event(pairs))


def test_attributes_are_read_as_they_were_printed() -> None:
    """Strings, numbers, unsigned references, connection ids, times, unknown numbers: all come out as they went in."""
    message = Message(
        EVENT_USER_EVENT,
        [
            Attribute(THIS_DN, 0, "3001"),
            Attribute(REFERENCE_ID, 1, 4294967295),
            Attribute(CONN_ID, 2, bytes.fromhex("006c029a6685d004")),
            Attribute(TIME_IN_SECS, 1, 1393849485),
            Attribute(333, 0, "it's"),
            Attribute(USER_DATA, 3, []),
        ],
    )
    assert lines(message) == [
        "\tAttributeThisDN\t'3001'",
        "\tAttributeReferenceID\t4294967295",
        "\tAttributeConnID\t006c029a6685d004",
        "\tAttributeTimeinSecs\t1393849485 (12:24:45)",
        "\tattr_#333\t'it's'",
        "\tAttributeUserData\t[2] 00 00..",
    ]
    assert read("EventUserEvent", lines(message)).message == message


def test_a_line_feed_in_a_value_makes_no_line_of_its_own() -> None:
    """What a client sends cannot forge lines of the proxy's log."""
    forged = "x'\n12:00:00.000 received from 3(a) message RequestStop"
    shown = lines(event([pair("GSW_CAMPAIGN_NAME", forged)]))
    assert len(shown) == 2
    assert "\\x0a12:00:00.000" in shown[1]


def test_personal_data_is_masked() -> None:
    """Of user data the listed keys are shown, of attributes DNs and numbers; what may be a customer's is not."""
    message = event(
        [pair("GSW_PHONE", "5551234"), pair("GSW_RECORD_HANDLE", 7), pair("name", "Smith")],
        Attribute(OTHER_DN, 0, "5551234"),
        Attribute(THIS_DN, 0, "3001"),
        Attribute(ERROR_MESSAGE, 0, "no"),
    )
    shown = list(printed(message, {"GSW_RECORD_HANDLE"}))
    assert shown == [
        f"\tAttributeUserData\t{size_and_start(pack(message.user_data or []))}",
        "\t\t'GSW_PHONE'\t'****'",
        "\t\t'GSW_RECORD_HANDLE'\t7",
        "\t\t'name'\t'****'",
        "\tAttributeOtherDN\t'****'",
        "\tAttributeThisDN\t'3001'",
        "\tAttributeErrorMessage\t'no'",
    ]


def test_lost_indentation() -> None:
    """Where a log lost its indentation, the first bytes it prints tell how many pairs are outside of a list."""
    inner = [pair("Session", "00PN8M303SBR7E9P04000VTAES000001+"), pair("Node", "272"), pair("Url", "http://h:7005/s")]
    pairs = [pair("ORSI", inner), pair("after", "1")]
    flat = [line.strip("\t") for line in lines(event(pairs))]
    assert read("EventUserEvent", flat).message.user_data == pairs


def test_blanks_for_tabs() -> None:
    """Where a log has blanks for tabs it is read, and printed again, with blanks."""
    blank = [line.replace("\t", "    ") for line in lines(event([pair("a b", "c d"), pair("n", 5)]))]
    form = read("EventUserEvent", blank)
    assert form.message.user_data == [pair("a b", "c d"), pair("n", 5)]
    assert list(form.lines()) == blank


def test_what_a_log_left_out_stays_left_out() -> None:
    """A dump cut by `...` is printed with `...` in the same place, at its end too."""
    cut = ["\t(a note)", "\tAttributeErrorCode\t59", "\t...", "\tAttributeThisDN\t'1'", "\t..."]
    form = read("EventError", cut)
    assert (form.note, form.cuts, form.unread) == ("a note", [1, 2], 0)
    assert list(form.lines()) == cut


def test_a_dump_without_its_pairs() -> None:
    """A list of which the log shows only the size stands as it is: it is not an empty one."""
    form = read("EventUserEvent", ["\tAttributeUserData\t[34] 00 01 00 00..", "\tAttributeThisDN\t'1'"])
    assert form.message.user_data is None
    assert form.message.attributes[0] == Attribute(USER_DATA, AS_IT_STANDS, "[34] 00 01 00 00..")


def test_values_over_several_lines() -> None:
    """A value with line feeds in it is one value."""
    form = read("EventUserEvent", ["\tAttributeUserData\t[9] 00 01 00 00..", "\t\t'xml'\t'<a>", "</a>'", "\t\t'n'\t1"])
    assert form.message.user_data == [pair("xml", "<a>\n</a>"), pair("n", 1)]
    assert form.unread == 0


def test_names_of_newer_releases() -> None:
    """Attributes and messages whose names are not in the tables are kept by their names."""
    form = read("EventSomethingNew", ["\tAttributePropagatedCallType\t2", "\tAttributeOther\t'x'"])
    assert form.message.number == UNKNOWN
    assert list(form.lines()) == ["\tAttributePropagatedCallType\t2", "\tAttributeOther\t'x'"]


def test_platform_sdk() -> None:
    """A desktop's log: types in brackets, double quotes, lists in lists by indentation."""
    text = [
        'AttributeThisDN [str] = "2214"',
        "AttributeUserData [bstr] = KVList: ",
        "\t\t'a' [int] = -5",
        "\t\t'l' [bstr] = KVList: ",
        "\t\t\t'b' [str] = \"x\"",
        "\t\t'c' [str] = \"y\"",
    ]
    form = read("EventUserEvent", text, Family.PSDK)
    assert form.message.user_data == [pair("a", -5), pair("l", [pair("b", "x")]), pair("c", "y")]
    assert list(form.lines()) == text


@pytest.mark.parametrize("family", Family)
@given(text=st.text())
def test_garbage_is_counted_not_raised(family: Family, text: str) -> None:
    """Whatever stands in a log, reading it raises nothing."""
    form = read(
        "EventUserEvent", ["\tAttributeUserData\t[2] 00 00..", *text.splitlines(), f"\t\t'{text}'\t{text}"], family
    )
    assert form.unread >= 0
    list(form.lines())
