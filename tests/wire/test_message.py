"""A T-Event message: a number and attributes in order."""

from proxy.kvlist import pair
from proxy.tevents.message import (
    CONN_ID,
    NO_ANSWER,
    REFERENCE_ID,
    THIS_DN,
    USER_DATA,
    Attribute,
    Message,
)

REFERENCE = Attribute(REFERENCE_ID, 1, -1)
DN = Attribute(THIS_DN, 0, "3001")
DATA = Attribute(USER_DATA, 3, [pair("GSW_AUTO_COMPLETION", 1)])


def test_the_first_of_repeated_attributes_counts() -> None:
    """Where an attribute stands twice, the first one is read."""
    message = Message(96, [DN, Attribute(THIS_DN, 0, "3002")])
    assert message.get(THIS_DN) == message.text(THIS_DN) == "3001"


def test_attributes_that_are_not_there() -> None:
    """A message that lacks an attribute says None, and no error comes of it."""
    message = Message(96, [])
    assert message.get(THIS_DN) is message.text(THIS_DN) is message.unsigned(REFERENCE_ID) is None
    assert message.reference is message.user_data is None


def test_attributes_of_another_type() -> None:
    """An attribute of another type than it should have is none: it is never taken for what it is not."""
    message = Message(96, [Attribute(THIS_DN, 1, 3001), Attribute(REFERENCE_ID, 0, "7"), Attribute(USER_DATA, 2, b"")])
    assert message.text(THIS_DN) is message.reference is message.user_data is None


def test_references_are_unsigned() -> None:
    """A ReferenceID is chosen by the client, from all of 32 bits."""
    assert Message(48, [REFERENCE]).reference == NO_ANSWER == 4294967295
    assert Message(48, [Attribute(REFERENCE_ID, 1, 7)]).reference == 7


def test_other_user_data() -> None:
    """M4: with other user data everything else is as it was, order included; the first message is not touched."""
    second = Attribute(USER_DATA, 3, [pair("second", 1)])
    message = Message(48, [REFERENCE, DATA, DN, second])
    changed = message.with_user_data([])
    assert changed == Message(48, [REFERENCE, DATA._replace(value=[]), DN, second])
    assert message == Message(48, [REFERENCE, DATA, DN, second])


def test_other_user_data_where_there_is_none() -> None:
    """A message without user data gets none."""
    assert Message(48, [DN]).with_user_data([pair("k", 1)]) == Message(48, [DN])


def test_messages_compare_by_what_they_hold() -> None:
    """Two messages are the same when number and attributes are, in their order."""
    assert Message(48, [DN, DATA]) == Message(48, [DN, DATA])
    assert Message(48, [DN, DATA]) != Message(48, [DATA, DN])
    assert Message(48, [DN]) != Message(49, [DN])
    assert Message(48, []) != 48


def test_no_values_in_what_is_logged() -> None:
    """A message that gets into a log shows its number and its attributes' numbers: values are personal data."""
    shown = repr(Message(96, [DN, DATA, Attribute(CONN_ID, 2, b"secret")]))
    assert shown == "<Message 96 attributes=[20, 51, 9]>"
