"""JSON text changed at one place, and nowhere else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.http.json_text import MAX_DEPTH, Change, JsonText, NotJson, Part

TEXTS = st.text(st.characters(codec=None), max_size=8) | st.sampled_from(
    ["", '"', "\\", "GSW_\\u0041", "é", "\ud800", "😀"]
)
SPACE = st.text(" \t\n\r", max_size=3)
ENCODINGS = st.sampled_from(
    ["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-16", "utf-32"]
)


@st.composite
def written(draw: st.DrawFn, depth: int = 3) -> str:
    """JSON text as somebody may write it: numbers, escapes, repeated keys and white space of every kind."""
    kind = draw(st.integers(0, 7 if depth else 5))
    if kind == 0:
        return draw(st.sampled_from(["null", "true", "false", "NaN", "Infinity", "-Infinity", "-0", "1E+2", "1.50"]))
    if kind == 1:
        return draw(st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?", fullmatch=True))
    if kind <= 5:
        return json.dumps(draw(TEXTS), ensure_ascii=draw(st.booleans()))
    elements = []
    for _ in range(draw(st.integers(0, 3))):
        value = draw(SPACE) + draw(written(depth=depth - 1)) + draw(SPACE)
        key = draw(SPACE) + json.dumps(draw(TEXTS), ensure_ascii=draw(st.booleans())) + draw(SPACE) + ":"
        elements.append(key + value if kind == 6 else value)
    inside = ",".join(elements) or draw(SPACE)
    return "{" + inside + "}" if kind == 6 else "[" + inside + "]"


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """JSON text in white space, in any encoding that it can be told by."""
    text = draw(SPACE) + draw(written()) + draw(SPACE)
    encoding = draw(ENCODINGS)
    ascii_begins = len(text) > 1 and 0 < ord(text[0]) < 128 and 0 < ord(text[1]) < 128
    if encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be") and not ascii_begins:
        encoding = "utf-8"
    return text.encode(encoding, "surrogatepass")


def the_same(one: object, other: object) -> bool:
    """Whether two values are the same, kinds included, and NaN the same as NaN."""
    return repr(one) == repr(other)


def wholes(text: JsonText, part: Part) -> list[Part]:
    """A value and all that it holds which can hold something."""
    values = [member.value for member in text.members(part)] + text.items(part)
    inside = [whole for value in values for whole in wholes(text, value)]
    return [part, *inside] if isinstance(part.value, (dict, list)) else inside


@given(bodies())
def test_read_as_python_reads_it(body: bytes) -> None:
    """The value of the whole, and those of its parts, are what json.loads makes of the text."""
    text = JsonText(body)
    assert the_same(text.root.value, json.loads(body))
    assert the_same(json.loads(text.text), text.root.value)
    for whole in wholes(text, text.root):
        for part in [member.value for member in text.members(whole)] + text.items(whole):
            assert the_same(json.loads(text.text[part.start : part.end]), part.value)
        if isinstance(whole.value, dict):
            members = {member.key.value: member.value.value for member in text.members(whole)}
            assert the_same(members, whole.value)
        else:
            assert the_same([item.value for item in text.items(whole)], whole.value)


@given(bodies())
def test_nothing_changed_is_the_same_bytes(body: bytes) -> None:
    """Decoding and encoding, in every encoding, change no bit."""
    assert JsonText(body).changed([]) == body


@given(bodies(), st.data())
def test_what_is_appended_can_be_removed(body: bytes, data: st.DataObject) -> None:
    """An element is added behind the others; everything else stays; without it the body is as it was."""
    text = JsonText(body)
    places = wholes(text, text.root)
    if not places:
        return
    at = data.draw(st.integers(0, len(places) - 1))
    whole = places[at]
    new = text.written_member("new", [1]) if isinstance(whole.value, dict) else text.written({"new": 1})
    added = JsonText(text.changed([text.appending(whole, new)]))
    longer = wholes(added, added.root)[at]
    there = added.elements(longer)
    assert len(there) == len(text.elements(whole)) + 1
    assert added.text[there[-1].start : there[-1].end] == new
    assert added.changed(added.removing(longer, {len(there) - 1})) == body


@given(bodies(), st.data())
def test_what_is_removed_leaves_the_rest(body: bytes, data: st.DataObject) -> None:
    """Whichever elements are removed: the others are there in their order, each as it was written."""
    text = JsonText(body)
    places = wholes(text, text.root)
    if not places:
        return
    at = data.draw(st.integers(0, len(places) - 1))
    whole = places[at]
    there = text.elements(whole)
    doomed = data.draw(st.sets(st.integers(0, len(there) - 1))) if there else set()
    changes = text.removing(whole, doomed)
    left = JsonText(text.changed(changes))
    shorter = next(each for each in wholes(left, left.root) if each.start == whole.start)
    kept = [text.text[each.start : each.end] for place, each in enumerate(there) if place not in doomed]
    assert [left.text[each.start : each.end] for each in left.elements(shorter)] == kept
    assert left.text[: whole.start] == text.text[: whole.start]
    assert left.text[shorter.end :] == text.text[whole.end :]


@given(
    st.binary(max_size=40)
    | st.text('{}[]",:\\ \n019.eE-+ntf\ud800\ufeff', max_size=30).map(
        lambda text: text.encode("utf-8", "surrogatepass")
    )
)
def test_garbage_is_refused_by_one_error(body: bytes) -> None:
    """Whatever the bytes: they are read as Python reads them, or they are no JSON."""
    try:
        expected = json.loads(body)
    except (ValueError, RecursionError):
        with pytest.raises(NotJson):
            JsonText(body)
    else:
        assert the_same(JsonText(body).root.value, expected)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"\xff",
        b"\xef\xbb\xbf",
        b"{",
        b'{"a"}',
        b"[1,]",
        b"1 2",
        b"\xff\xfe{",
        b'"\x00"',
        b"{}\x00",
        b"\xc0\x80",
    ],
)
def test_no_json(body: bytes) -> None:
    """Half a text, two texts, and bytes that are no text."""
    with pytest.raises(NotJson):
        JsonText(body)


def nested(depth: int) -> bytes:
    """Objects in arrays in objects, an even number of them."""
    return b'[{"a":' * (depth // 2) + b"1" + b"}]" * (depth // 2)


def test_how_deep_it_nests() -> None:
    """As deep as any body that people write, and no deeper; a million brackets exhaust nothing."""
    deepest = JsonText(nested(MAX_DEPTH))
    assert len(wholes(deepest, deepest.root)) == MAX_DEPTH
    for body in (nested(MAX_DEPTH + 2), b"[" * 1_000_000, b'{"a":' * 200_000, b"[" * 999 + b"]" * 999):
        with pytest.raises(NotJson):
            JsonText(body)


def test_brackets_in_strings_nest_nothing() -> None:
    """A text of brackets is a text, whatever is escaped in it."""
    body = json.dumps(["[{" * MAX_DEPTH, '\\"[' * MAX_DEPTH, "\\", "[" * MAX_DEPTH]).encode()
    assert JsonText(body).root.value == json.loads(body)
    many = JsonText(b"[" + b"[]," * 1000 + b"[]]")
    assert len(many.items(many.root)) == 1001


def test_numbers_without_end() -> None:
    """An integer of a million digits is read as some number, and stays as it is."""
    body = b'{"n": -' + b"7" * 1_000_000 + b', "a": 1}'
    text = JsonText(body)
    assert text.root.value == {"n": float("-inf"), "a": 1}
    assert text.changed(text.removing(text.root, {1})) == body[:-9] + b"}"
    assert JsonText(b"7" * 640).root.value == int("7" * 640)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"{}", b'{"n": 1}'),
        (b"{\n}", b'{"n": 1\n}'),
        (b'{"a":2}', b'{"a":2,"n":1}'),
        (b'{"a": 2}', b'{"a": 2, "n": 1}'),
        (b'{ "a" : 2 }', b'{ "a" : 2, "n": 1 }'),
        (b'{"a":2,\n "b":3}\n', b'{"a":2,\n "b":3,\n "n":1}\n'),
        (b'{\n  "a": 2\n}', b'{\n  "a": 2,\n  "n": 1\n}'),
        (b'{\r\n  "a": 2,\r\n  "b": 3\r\n}', b'{\r\n  "a": 2,\r\n  "b": 3,\r\n  "n": 1\r\n}'),
        (b'{"a": 2\n,"b": 3\n}', b'{"a": 2\n,"b": 3\n,"n": 1\n}'),
    ],
)
def test_what_is_added_looks_like_what_is_there(before: bytes, after: bytes) -> None:
    """Blanks and lines as the sender writes them."""
    text = JsonText(before)
    assert text.changed([text.appending(text.root, text.written_member("n", 1))]) == after


@pytest.mark.parametrize(
    ("doomed", "left"),
    [
        (set(), b"[ 1 , 2,3 ,\n4 ]"),
        ({0}, b"[ 2,3 ,\n4 ]"),
        ({1}, b"[ 1,3 ,\n4 ]"),
        ({3}, b"[ 1 , 2,3 ]"),
        ({0, 1}, b"[ 3 ,\n4 ]"),
        ({0, 2}, b"[ 2 ,\n4 ]"),
        ({1, 2}, b"[ 1 ,\n4 ]"),
        ({0, 1, 2, 3}, b"[  ]"),
    ],
)
def test_commas_go_with_what_they_set_off(doomed: set[int], left: bytes) -> None:
    """No comma too many is left, and none too few."""
    text = JsonText(b"[ 1 , 2,3 ,\n4 ]")
    assert text.changed(text.removing(text.root, doomed)) == left


@given(ENCODINGS)
def test_the_encoding_stays(encoding: str) -> None:
    """What is added is written in the encoding of the body; a mark stays at its beginning."""
    body = '{"Größe": "\\u00e4😀", "x": 1.50}'.encode(encoding)
    text = JsonText(body)
    member = text.members(text.root)[1].value
    changed = text.changed([Change(member.start, member.end, "2")])
    assert changed == '{"Größe": "\\u00e4😀", "x": 2}'.encode(encoding)


def test_nothing_that_is_no_object_has_members() -> None:
    """Members and items of anything else are none."""
    text = JsonText(b'[{"a": []}, "{}", 1]')
    assert text.members(text.root) == []
    first, second, third = text.items(text.root)
    assert [text.items(each) for each in (first, second, third)] == [[], [], []]
    assert [len(text.members(each)) for each in (first, second, third)] == [1, 0, 0]
