"""GSW_AUTO_COMPLETION in JSON bodies: changed by policy, and nothing else with it (M4, R5)."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.campaign.attribute import GSW_AUTO_COMPLETION as KEY
from proxy.campaign.attribute import Edit, edit
from proxy.campaign.policy import Attribute, By
from proxy.http.attribute import Bearer, at_top, in_properties, in_user_data
from tests.http.test_json_text import bodies, the_same

ITEM = {"key": KEY, "value": 1}
LOAD = (
    b'{"data": {"campaignId": 101, "requestProperties": [{"key": "GSW_AUTO_COMPLETION", "value": 1}], "groupId": 732}}'
)
"""The vendor's sample."""

PLAIN_LOAD = b'{"data": {"campaignId": 101, "requestProperties": [], "groupId": 732}}'
CHANGES = (Edit.APPEND, Edit.SET, Edit.REMOVE)


def test_the_vendors_sample_of_gws() -> None:
    """The documented request is what a client without the attribute comes to, byte for byte, and back."""
    assert in_properties(LOAD).values == (1,)
    assert in_properties(PLAIN_LOAD).edited(Edit.APPEND) == LOAD
    assert in_properties(LOAD).edited(Edit.REMOVE) == PLAIN_LOAD
    assert in_properties(LOAD).edited(Edit.SET) == LOAD


def test_the_vendors_sample_of_ocs_http() -> None:
    """The documented attribute is a key at the top of the body."""
    body = b'{"GSW_AUTO_COMPLETION": 1}'
    assert at_top(body).values == (1,)
    assert at_top(b"").edited(Edit.APPEND) == at_top(b"{}").edited(Edit.APPEND) == body
    assert at_top(body).edited(Edit.REMOVE) == b"{}"


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        (b"", b'{"GSW_AUTO_COMPLETION": 1}'),
        (b"\r\n", b'{"GSW_AUTO_COMPLETION": 1}\r\n'),
        (b"{}", b'{"GSW_AUTO_COMPLETION": 1}'),
        (b'{"a":1.50}', b'{"a":1.50,"GSW_AUTO_COMPLETION":1}'),
        (b'{"a": 1, "a": 2}', b'{"a": 1, "a": 2, "GSW_AUTO_COMPLETION": 1}'),
    ],
)
def test_added_at_the_top(sent: bytes, arrives: bytes) -> None:
    """At the end of the object; a body that is empty becomes one."""
    bearer = at_top(sent)
    assert bearer.editable
    assert bearer.values == ()
    assert bearer.edited(Edit.APPEND) == arrives
    assert bearer.edited(Edit.SET) == bearer.edited(Edit.REMOVE) == sent


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        (b"", b'{"data": {"requestProperties": [{"key": "GSW_AUTO_COMPLETION", "value": 1}]}}'),
        (b"{}", b'{"data": {"requestProperties": [{"key": "GSW_AUTO_COMPLETION", "value": 1}]}}'),
        (b'{"x":0}', b'{"x":0,"data":{"requestProperties":[{"key":"GSW_AUTO_COMPLETION","value":1}]}}'),
        (b'{"data":{}}', b'{"data":{"requestProperties":[{"key":"GSW_AUTO_COMPLETION","value":1}]}}'),
        (
            b'{"data": {"groupId": 7}}',
            b'{"data": {"groupId": 7, "requestProperties": [{"key": "GSW_AUTO_COMPLETION", "value": 1}]}}',
        ),
        (
            b'{"data":{"requestProperties":[{"key":"k","value":"v"}],"x":1}}',
            b'{"data":{"requestProperties":[{"key":"k","value":"v"},{"key":"GSW_AUTO_COMPLETION","value":1}],"x":1}}',
        ),
        (
            b'{"data":0,"data":{"requestProperties":0,"requestProperties":[5]}}',
            b'{"data":0,"data":{"requestProperties":0,"requestProperties":[5,{"key":"GSW_AUTO_COMPLETION","value":1}]}}',
        ),
    ],
)
def test_added_to_the_properties(sent: bytes, arrives: bytes) -> None:
    """At the end of the list; what is missing of the way to it is created. Of a repeated key the last one counts."""
    bearer = in_properties(sent)
    assert bearer.editable
    assert bearer.values == ()
    assert bearer.edited(Edit.APPEND) == arrives
    assert bearer.edited(Edit.SET) == bearer.edited(Edit.REMOVE) == sent
    assert in_properties(arrives).values == (1,)


@pytest.mark.parametrize("look", [at_top, in_properties, in_user_data])
@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"1",
        b"null",
        b'"{}"',
        b"{",
        b"\xff",
        b"GSW_AUTO_COMPLETION=1",
        b"[" * 5000,
        b"\x1f\x8b\x08",
        b"\x0b\x0c",
    ],
)
def test_what_is_no_object_is_left(look: Callable[[bytes], Bearer], body: bytes) -> None:
    """A body that cannot bear the attribute goes on as it is, whatever the policy; the caller can tell."""
    bearer = look(body)
    assert not bearer.editable
    assert bearer.values == ()
    assert [bearer.edited(change) for change in Edit] == [body] * len(Edit)


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": []}',
        b'{"data": null}',
        b'{"data": "requestProperties"}',
        b'{"data": {"requestProperties": {"GSW_AUTO_COMPLETION": 1}}}',
        b'{"data": {"requestProperties": null}}',
        b'{"data": {"requestProperties": "GSW_AUTO_COMPLETION"}}',
        b'{"data": {"requestProperties": [{"key": "GSW_AUTO_COMPLETION", "value": 1}]}, "data": 5}',
    ],
)
def test_properties_that_are_no_list_are_left(body: bytes) -> None:
    """Where something else is in the attribute's place, nothing is put beside it."""
    bearer = in_properties(body)
    assert not bearer.editable
    assert bearer.values == ()
    assert [bearer.edited(change) for change in Edit] == [body] * len(Edit)


@pytest.mark.parametrize(
    ("sent", "values", "forced", "removed"),
    [
        (b'{"GSW_AUTO_COMPLETION":"1"}', ("1",), b'{"GSW_AUTO_COMPLETION":1}', b"{}"),
        (b'{"GSW_AUTO_COMPLETION": null, "a": 1}', (None,), b'{"GSW_AUTO_COMPLETION": 1, "a": 1}', b'{"a": 1}'),
        (
            b'{"a": 0, "GSW_AUTO_COMPLETION": 0, "b": {"GSW_AUTO_COMPLETION": 7}, "GSW_AUTO_COMPLETION" : "1"  }',
            (0, "1"),
            b'{"a": 0, "GSW_AUTO_COMPLETION": 1, "b": {"GSW_AUTO_COMPLETION": 7}  }',
            b'{"a": 0, "b": {"GSW_AUTO_COMPLETION": 7}  }',
        ),
        (b'{"GSW\\u005fAUTO_COMPLETION": [1]}', ([1],), b'{"GSW\\u005fAUTO_COMPLETION": 1}', b"{}"),
        (b'{"gsw_auto_completion": 1}', (), b'{"gsw_auto_completion": 1}', b'{"gsw_auto_completion": 1}'),
    ],
)
def test_forced_and_removed_at_the_top(sent: bytes, values: tuple[object, ...], forced: bytes, removed: bytes) -> None:
    """The first place is kept, written exactly; the others are dropped; what is deeper is something else."""
    bearer = at_top(sent)
    assert bearer.values == values
    assert bearer.edited(Edit.SET) == forced
    assert bearer.edited(Edit.REMOVE) == removed
    assert bearer.edited(Edit.LEAVE) == sent


def properties(*items: str) -> bytes:
    """A GWS body with these items."""
    return f'{{"data": {{"requestProperties": [{", ".join(items)}], "n": 1.0}}}}'.encode()


ONE = '{"key": "GSW_AUTO_COMPLETION", "value": 1}'
OTHER = '{"key": "x", "value": "GSW_AUTO_COMPLETION"}'


@pytest.mark.parametrize(
    ("sent", "values", "forced", "removed"),
    [
        (properties('{"value":"1","key":"GSW_AUTO_COMPLETION"}'), ("1",),
         '{"value":1,"key":"GSW_AUTO_COMPLETION"}', ()),
        (
            properties(OTHER, '{"key": "GSW_AUTO_COMPLETION", "value": 0, "note": [1e3], "type": "str"}', OTHER, ONE),
            (0, 1),
            ", ".join((OTHER, '{"key": "GSW_AUTO_COMPLETION", "value": 1, "note": [1e3], "type": "str"}', OTHER)),
            (OTHER, OTHER),
        ),
        (properties('{"key": "GSW_AUTO_COMPLETION"}', OTHER, "5", "null"), (None,), f"{ONE}, {OTHER}, 5, null",
         (OTHER, "5", "null")),
        (
            properties('{"value": 3, "key": "y", "value": 4, "key": "GSW_AUTO_COMPLETION", "value": 5}', ONE),
            (5, 1),
            '{"value": 1, "key": "y", "key": "GSW_AUTO_COMPLETION"}',
            (),
        ),
        (properties('{"key": "GSW_AUTO_COMPLETION", "key": "y", "value": 4}', "[]"), (),
         '{"key": "GSW_AUTO_COMPLETION", "key": "y", "value": 4}, []',
         ('{"key": "GSW_AUTO_COMPLETION", "key": "y", "value": 4}', "[]")),
    ],
)  # fmt: skip
def test_forced_and_removed_in_the_properties(
    sent: bytes, values: tuple[object, ...], forced: str, removed: tuple[str, ...]
) -> None:
    """Replaced in place if it is there twice; the rest of an item stays; a list that becomes empty stays a list."""
    bearer = in_properties(sent)
    assert bearer.values == values
    assert bearer.edited(Edit.SET) == properties(forced)
    assert bearer.edited(Edit.REMOVE) == properties(*removed)


def test_of_repeated_lists_the_last_counts() -> None:
    """The attribute is where GWS looks for it, and nowhere else."""
    twice = b'{"data":{"requestProperties":[%s,1]},"data":{"requestProperties":[%s],"requestProperties":[%s]}}'
    item, one = b'{"key":"GSW_AUTO_COMPLETION","value":0}', b'{"key":"GSW_AUTO_COMPLETION","value":1}'
    assert in_properties(twice % (item, item, item)).values == (0, 0, 0)
    assert in_properties(twice % (item, item, item)).edited(Edit.SET) == (twice % (b"", b"", one)).replace(
        b",1]", b"1]"
    )
    assert in_properties(twice % (item, item, b"2")).edited(Edit.SET) == (twice % (b"", b"", b"2," + one)).replace(
        b"[,1]", b"[1]"
    )
    assert in_properties(twice % (item, item, b"")).edited(Edit.REMOVE) == (twice % (b"", b"", b"")).replace(
        b",1]", b"1]"
    )
    elsewhere = b'{"data":{"requestProperties":[%s]},"data":{}}'
    assert in_properties(elsewhere % item).edited(Edit.SET) == (
        b'{"data":{"requestProperties":[]},"data":{"requestProperties":[%s]}}' % one
    )
    beside = b'{"data":{"requestProperties":[%s]},"data":{"GSW_AUTO_COMPLETION":0}}'
    assert in_properties(beside % item).edited(Edit.SET) == (
        b'{"data":{"requestProperties":[]},"data":{"GSW_AUTO_COMPLETION":0,"requestProperties":[%s]}}' % one
    )


def test_user_data_of_web_desktops() -> None:
    """Lists with types and flat objects; what is written is an int."""
    sent = b'{"data":{"userData":[{"key":"GSW_CM_MessageType","type":"int","value":7}]}}'
    added = sent[:-3] + b',{"key":"GSW_AUTO_COMPLETION","type":"int","value":1}]}}'
    assert in_user_data(sent).edited(Edit.APPEND) == added
    assert in_user_data(added).values == (1,)
    assert in_user_data(added).edited(Edit.REMOVE) == sent
    texts = added.replace(b'"type":"int","value":1', b'"type":"str","value":"1","type":"x"')
    assert in_user_data(texts).values == ("1",)
    assert in_user_data(texts).edited(Edit.SET) == added
    untyped = added.replace(b'"type":"int","value":1', b'"value":"1"')
    assert in_user_data(untyped).edited(Edit.SET) == added.replace(b'"type":"int","value":1', b'"value":1')


def test_user_data_that_is_a_flat_object() -> None:
    """The attribute is a key like the others."""
    flat = b'{"data": {"userData": {"GSW_CM_MessageType": "7"}}}'
    longer = b'{"data": {"userData": {"GSW_CM_MessageType": "7", "GSW_AUTO_COMPLETION": 1}}}'
    assert in_user_data(flat).edited(Edit.APPEND) == longer
    assert in_user_data(longer).edited(Edit.REMOVE) == flat
    assert in_user_data(longer.replace(b": 1}", b': "0"}')).edited(Edit.SET) == longer
    assert in_user_data(b'{"data": {}}').edited(Edit.APPEND) == (
        b'{"data": {"userData": [{"key": "GSW_AUTO_COMPLETION", "type": "int", "value": 1}]}}'
    )
    assert not in_user_data(b'{"data": {"userData": "x"}}').editable


# ------------------------------------------------------------------------------------------------------- whatever comes

VALUES = st.sampled_from([0, 1, "1", "0", 2, True, None, 1.0, [], {}])
OTHERS = st.sampled_from([{"key": "x", "value": 1}, {"key": 1}, 5, "GSW_AUTO_COMPLETION", [], {"value": KEY}])
ITEMS = st.lists(VALUES.map(lambda value: {"key": KEY, "value": value}) | OTHERS, max_size=5)
DENSE = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t:")])


@given(ITEMS, DENSE, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32-be"]))
def test_edits_of_properties_are_those_of_lists(items: list[object], dense: tuple[str, str], encoding: str) -> None:
    """Whatever the items, their spacing and encoding: the others stay in order, the attribute is as the edit says."""
    value = {"data": {"a": 1, "requestProperties": items, "b": 2}}
    body = json.dumps(value, separators=dense).encode(encoding)
    ours = [item for item in items if isinstance(item, dict) and item.get("key") == KEY]
    first = items.index(ours[0]) if ours else 0
    expected = {
        Edit.LEAVE: items,
        Edit.APPEND: [*items, ITEM],
        Edit.SET: [
            ITEM if at == first and ours else item for at, item in enumerate(items) if item not in ours or at == first
        ],
        Edit.REMOVE: [item for item in items if item not in ours],
    }
    bearer = in_properties(body)
    assert bearer.editable
    assert the_same(list(bearer.values), [item["value"] for item in ours])
    for change, after in expected.items():
        value["data"]["requestProperties"] = after
        assert the_same(json.loads(bearer.edited(change)), value)
    added = in_properties(bearer.edited(Edit.APPEND))
    if not ours:
        assert added.edited(Edit.REMOVE) == body


@given(
    st.lists(st.tuples(st.sampled_from(["a", KEY, "b"]), VALUES.filter(lambda value: value != {})), max_size=5), DENSE
)
def test_edits_at_the_top_are_those_of_pairs(pairs: list[tuple[str, object]], dense: tuple[str, str]) -> None:
    """Whatever the keys, repeated ones too: the others stay in order, the attribute is as the edit says."""
    body = ("{" + dense[0].join(json.dumps(key) + dense[1] + json.dumps(value) for key, value in pairs) + "}").encode()
    others = [pair for pair in pairs if pair[0] != KEY]
    first = next((at for at, pair in enumerate(pairs) if pair[0] == KEY), None)
    expected = {
        Edit.LEAVE: pairs,
        Edit.APPEND: [*pairs, (KEY, 1)],
        Edit.SET: [(KEY, 1) if at == first else pair for at, pair in enumerate(pairs) if pair[0] != KEY or at == first],
        Edit.REMOVE: others,
    }
    bearer = at_top(body)
    assert the_same(list(bearer.values), [value for key, value in pairs if key == KEY])
    for change, after in expected.items():
        assert the_same(json.loads(bearer.edited(change), object_pairs_hook=list), after)
    if first is None:
        assert at_top(bearer.edited(Edit.APPEND)).edited(Edit.REMOVE) == body


class Pairs(list[tuple[str, object]]):
    """An object with its keys in order, repeated ones too."""


def written(value: object, dense: tuple[str, str]) -> str:
    """JSON text of a value in which objects are Pairs."""
    if isinstance(value, Pairs):
        return "{" + dense[0].join(json.dumps(key) + dense[1] + written(each, dense) for key, each in value) + "}"
    if isinstance(value, list):
        return "[" + dense[0].join(written(each, dense) for each in value) + "]"
    return json.dumps(value)


def pairs_of(keys: list[str], values: st.SearchStrategy[object]) -> st.SearchStrategy[Pairs]:
    """Objects with a few of these keys, in any order."""
    return st.lists(st.tuples(st.sampled_from(keys), values), max_size=4).map(Pairs)


SCALARS = st.sampled_from([0, 1, "1", None, KEY])
BEARING = pairs_of(["key", "value", "type", "note"], SCALARS | st.just(KEY))
PLACES = st.lists(BEARING | SCALARS, max_size=4) | pairs_of([KEY, "a"], SCALARS) | SCALARS
NESTED = pairs_of(["data", KEY], pairs_of(["requestProperties", "userData", KEY], PLACES) | SCALARS)


PATHS: dict[Callable[[bytes], Bearer], tuple[str, ...]] = {
    at_top: (),
    in_properties: ("data", "requestProperties"),
    in_user_data: ("data", "userData"),
}


def others(value: object, look: Callable[[bytes], Bearer], path: tuple[str, ...]) -> object:
    """A value without the attributes at the end of the path."""
    if isinstance(value, Pairs):
        if path:
            return [(key, others(each, look, path[1:]) if key == path[0] else each) for key, each in value]
        return value if look is in_properties else [pair for pair in value if pair[0] != KEY]
    if isinstance(value, list) and not path and look is not at_top:
        return [each for each in value if not isinstance(each, Pairs) or dict(each).get("key") != KEY]
    return value


def found(value: object, look: Callable[[bytes], Bearer]) -> list[object] | None:
    """The attributes that a reader of JSON finds; None where their place is missing."""
    for key in PATHS[look]:
        if key not in value:
            return None
        value = value[key]
    if isinstance(value, dict):
        return [value[KEY]] if KEY in value else []
    return [item.get("value") for item in value if isinstance(item, dict) and item.get("key") == KEY]


@given(NESTED, DENSE, st.sampled_from([at_top, in_properties, in_user_data]))
def test_wherever_it_stands(body: Pairs, dense: tuple[str, str], look: Callable[[bytes], Bearer]) -> None:
    """Keys repeated on every level: force is one where a reader looks for it, remove is none, all others stay."""
    sent = written(body, dense).encode()
    bearer = look(sent)
    forced, removed, added = (look(bearer.edited(change)) for change in (Edit.SET, Edit.REMOVE, Edit.APPEND))
    if not bearer.editable:
        assert bearer.edited(Edit.SET) == bearer.edited(Edit.REMOVE) == bearer.edited(Edit.APPEND) == sent
        return
    assert forced.values == ((1,) if bearer.values else ())
    assert removed.values == ()
    assert added.values == (*bearer.values, 1)
    assert (found(added.value, look) or [])[-1] == 1
    assert found(forced.value, look) == ([1] if bearer.values else found(bearer.value, look))
    assert others(reread(removed), look, PATHS[look]) == others(body, look, PATHS[look])
    if found(bearer.value, look) is not None:
        assert others(reread(forced), look, PATHS[look]) == others(body, look, PATHS[look])
        assert others(reread(added), look, PATHS[look]) == others(body, look, PATHS[look])


def reread(bearer: Bearer) -> object:
    """All that a body holds, repeated keys too."""
    return json.loads(bearer.edited(Edit.LEAVE), object_pairs_hook=Pairs)


@given(bodies() | st.binary(max_size=60), st.sampled_from([at_top, in_properties, in_user_data]))
def test_whatever_the_body(body: bytes, look: Callable[[bytes], Bearer]) -> None:
    """Nothing raises; what is added can be taken out again; what bears no attribute is not changed by removing."""
    bearer = look(body)
    assert bearer.edited(Edit.LEAVE) == body
    if not bearer.values:
        assert bearer.edited(Edit.REMOVE) == bearer.edited(Edit.SET) == body
    assert look(bearer.edited(Edit.REMOVE)).values == ()
    added = look(bearer.edited(Edit.APPEND))
    assert added.values == ((*bearer.values, 1) if bearer.editable else ())


@pytest.mark.parametrize("look", [at_top, in_properties])
@pytest.mark.parametrize("policy", list(Attribute))
@pytest.mark.parametrize("value", ["0", "1", '"1"', "2", "true", "1.0", None])
def test_by_policy(look: Callable[[bytes], Bearer], policy: Attribute, value: str | None) -> None:
    """What arrives after each policy: force: one integer 1; remove: none; add: the client's, or 1; keep: his."""
    key = "GSW_AUTO_COMPLETION"
    top = f'{{"{key}": {value}}}' if value else "{}"
    item = f'{{"key": "{key}", "value": {value}}}' if value else ""
    body = (top if look is at_top else f'{{"data": {{"requestProperties": [{item}]}}}}').encode()
    bearer = look(body)
    sent = bearer.values
    arrives = look(bearer.edited(edit(policy, By.PROXY, True, sent))).values
    expected = {
        Attribute.KEEP: sent,
        Attribute.ADD: sent or (1,),
        Attribute.FORCE: (1,),
        Attribute.REMOVE: (),
    }
    assert the_same(arrives, expected[policy])
    assert look(bearer.edited(edit(policy, By.PROXY, False, sent))).values == ()
    assert bearer.edited(edit(policy, By.NOBODY, True, sent)) == body
