"""CometD messages in bodies: read, and changed at one place only."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.http.desktops.bayeux import Batch, NoMessages, connect_reply, reply
from proxy.http.json_text import NotJson

TWO = (
    b'[ {"channel":"/workspace/v3/voice", "data":{"n":1.50}} ,\n'
    b' {"id":"7", "channel":"/meta/connect","successful":true} ]'
)


def test_messages_are_read() -> None:
    """Channels, ids as they were written, and what is an event."""
    event, connect = Batch(TWO).messages
    assert (event.channel, event.id, event.is_event, event.is_meta) == ("/workspace/v3/voice", None, True, False)
    assert (connect.channel, connect.id, connect.is_event, connect.is_meta) == ("/meta/connect", '"7"', False, True)
    assert connect.successful


def test_a_single_message_needs_no_array() -> None:
    """Some clients send one message without brackets around it."""
    [message] = Batch(b'{"channel":"/meta/connect","id":7,"clientId":"tab"}').messages
    assert (message.id, message.client) == ("7", "tab")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[{}", b"\xff\xfe[", b'[{"id":1}] x'])
def test_what_is_no_json(body: bytes) -> None:
    """It says so, and is relayed unread."""
    with pytest.raises(NotJson):
        Batch(body)


@pytest.mark.parametrize("body", [b"7", b'"text"', b"null", b"true"])
def test_what_is_json_and_no_message(body: bytes) -> None:
    """It says so, and is relayed unread."""
    with pytest.raises(NoMessages):
        Batch(body)


def test_odd_items_keep_their_places() -> None:
    """Numbers among messages, channels and ids of wrong types: they are no messages, and stay where they are."""
    batch = Batch(b'[7, {"channel":7,"id":{"a":1},"clientId":[]}, null, {"channel":"/meta/connect"}]')
    assert [(message.channel, message.client) for message in batch.messages] == [
        ("", None),
        ("", None),
        ("", None),
        ("/meta/connect", None),
    ]
    assert batch.changed([1]) == b'[7, null, {"channel":"/meta/connect"}]'


def test_nothing_to_be_done_changes_nothing() -> None:
    """Byte for byte, white space too."""
    assert Batch(TWO).changed() == TWO
    assert Batch(TWO).changed(before={0: [], 2: []}) == TWO


def test_a_swallowed_event_is_gone_and_nothing_else() -> None:
    """The other messages stay as they were written."""
    assert Batch(TWO).changed([0]) == b'[ {"id":"7", "channel":"/meta/connect","successful":true} ]'
    assert Batch(TWO).changed([1]) == b'[ {"channel":"/workspace/v3/voice", "data":{"n":1.50}} ]'
    assert Batch(TWO).changed([0, 1]) == b"[  ]"
    assert Batch(b'{"channel":"/x","data":1}').changed([0]) == b"[]"


def test_a_message_goes_in_before_another() -> None:
    """Just before it, or at the end; an empty array and a single message take it, too."""
    assert Batch(TWO).changed(before={1: ['{"a":1}']}) == TWO.replace(b" ,\n ", b',{"a":1},')
    assert Batch(TWO).changed(before={2: ['{"a":1}']}) == TWO[:-2] + b',{"a":1} ]'
    assert Batch(b"[ ]").changed(before={0: ["1", "2"]}) == b"[1,2]"
    assert Batch(b'{"id":1}').changed(before={0: ["7"]}) == b'[7,{"id":1}]'


def test_a_message_takes_the_place_of_another() -> None:
    """In the place of one that is swallowed."""
    assert json.loads(Batch(b"[1,2,3]").changed([1], {1: ["9"]})) == [1, 9, 3]


@pytest.mark.parametrize(
    ("id_", "expected"),
    [
        ('"7"', b'"id":"7"'),
        ("8", b'"id":8'),
        ('"\\u0038"', b'"id":"\\u0038"'),
        (None, b'"id":"7"'),
    ],
)
def test_a_reply_gets_the_id_of_another_poll(id_: str | None, expected: bytes) -> None:
    """As the client wrote it; everything else stays, and so does all where the poll has none."""
    assert Batch(TWO).with_connect_id(id_) == TWO.replace(b'"id":"7"', expected)


def test_a_reply_without_an_id_gets_one() -> None:
    """The client knows its reply by it."""
    assert Batch(b'[{"channel":"/meta/connect"}]').with_connect_id("8") == b'[{"id":8,"channel":"/meta/connect"}]'


def test_ids_of_other_messages_stay() -> None:
    """Only the reply to the poll changes hands."""
    body = b'[{"id":"3","channel":"/meta/subscribe"},{"channel":"/meta/connect","id":"7"}]'
    assert Batch(body).with_connect_id('"8"') == body.replace(b'"7"', b'"8"')


def test_a_reply_of_our_own() -> None:
    """Events first, then the reply to the poll, with its id as the client wrote it."""
    assert json.loads(reply(['{"channel":"/x","data":1}', connect_reply("7")])) == [
        {"channel": "/x", "data": 1},
        {"id": 7, "channel": "/meta/connect", "successful": True},
    ]
    assert json.loads(connect_reply('"7"'))["id"] == "7"
    assert "id" not in json.loads(connect_reply(None))


@pytest.mark.parametrize(
    ("message", "unknown"),
    [
        ({"channel": "/meta/connect", "successful": False, "advice": {"reconnect": "handshake"}}, True),
        ({"channel": "/meta/connect", "successful": False, "advice": {"reconnect": "none"}}, True),
        ({"channel": "/meta/subscribe", "successful": False, "error": "402::Unknown client"}, True),
        (
            {"channel": "/meta/connect", "successful": False, "error": "500::later", "advice": {"reconnect": "retry"}},
            False,
        ),
        ({"channel": "/meta/connect", "successful": True, "advice": {"reconnect": "retry"}}, False),
        ({"channel": "/meta/handshake", "successful": False, "advice": {"reconnect": "none"}}, False),
        ({"channel": "/x", "data": 1, "advice": {"reconnect": "handshake"}}, False),
        ({"channel": "/meta/connect", "successful": False, "error": 402, "advice": 7}, False),
    ],
)
def test_a_client_that_the_server_does_not_know(message: Any, unknown: bool) -> None:
    """It has to shake hands anew, or not to come again."""
    assert Batch(json.dumps(message).encode()).messages[0].client_is_unknown is unknown


@pytest.mark.parametrize(
    ("subscription", "covers"),
    [
        ("/workspace/v3/voice", True),
        ("/workspace/v3/*", True),
        ("/workspace/**", True),
        ("/**", True),
        (["/workspace/v3/initialization", "/workspace/v3/voice"], True),
        ("/workspace/*", False),
        ("/workspace/v3/initialization", False),
        ("/workspace/v3/voice/*", False),
        (7, False),
        ([None], False),
    ],
)
def test_what_a_subscription_brings(subscription: Any, covers: bool) -> None:
    """The channel itself, one level of channels, or all below."""
    [message] = Batch(json.dumps({"channel": "/meta/subscribe", "subscription": subscription}).encode()).messages
    assert message.subscribes("/workspace/v3/voice") is covers


@pytest.mark.parametrize(
    ("advice", "impatient"), [({"timeout": 0}, True), ({"timeout": 30}, False), ({}, False), (7, False)]
)
def test_a_poll_that_wants_to_be_answered_at_once(advice: Any, impatient: bool) -> None:
    """The first one after a handshake."""
    assert (
        Batch(json.dumps({"channel": "/meta/connect", "advice": advice}).encode()).messages[0].is_impatient is impatient
    )


MESSAGES = st.lists(
    st.fixed_dictionaries({"channel": st.text(max_size=3), "data": st.floats(allow_nan=False)}), max_size=5
)


@given(
    MESSAGES,
    st.sets(st.integers(0, 5)),
    st.dictionaries(st.integers(0, 5), st.lists(st.sampled_from("123"))),
    st.booleans(),
)
def test_any_change_does_just_that(messages: Any, gone: set[int], before: dict[int, list[str]], wide: bool) -> None:
    """Whatever goes and comes: the result has these messages in this order, those that stay as they were written."""
    body = json.dumps(messages, indent=1 if wide else None).encode()
    expected: list[Any] = []
    for place in range(len(messages) + 1):
        expected += [int(new) for new in before.get(place, ())]
        expected += [messages[place]] if place < len(messages) and place not in gone else []
    assert json.loads(Batch(body).changed(gone, before)) == expected
