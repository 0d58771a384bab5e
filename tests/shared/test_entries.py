"""The text of what stands in the stream: there and back, and nothing else is taken for it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.campaign.instances import instance_of, own
from proxy.campaign.observation import (
    Action,
    AgentHeard,
    ControlAccepted,
    ControlRefused,
    ControlRequested,
    CountLost,
    DnRegistered,
    GroupNames,
    GroupReported,
    InstanceHeard,
    InstanceLeft,
    InstanceLost,
    ListStatistics,
    Observation,
    RecordDelivered,
    Request,
    Retrieved,
    SessionWitnessed,
    Sign,
    SourceConnected,
    SourceLost,
    Status,
    StatusHeard,
    SystemTrouble,
    WaitingRecords,
    WitnessConfirms,
    WitnessFound,
    WitnessLost,
    Word,
    WordHeard,
)
from proxy.campaign.policy import Attribute, By, ConfiguredGroup, Control, Notify, Policy
from proxy.campaign.sources import REPORTS
from proxy.kvlist import Pair, pair
from proxy.shared.entries import (
    Batch,
    Configured,
    Garbled,
    Led,
    Seen,
    Woken,
    batch_of,
    is_exclusive,
    shared_by,
    text_of,
)

UNHURRIED = settings(deadline=None)
"""However slow the machine is."""

NAMES = GroupNames(101, 11, 732, "Sales@Agents", "Sales")

# --------------------------------------------------------------------------------------------- everything there can be

_WHOLE = st.integers(-(2**40), 2**63)
_TEXT = st.binary(max_size=12).map(lambda odd: odd.decode("utf-8", "surrogateescape")) | st.text(max_size=8)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    _TEXT | _WHOLE | st.binary(max_size=8),
    lambda inner: st.lists(st.builds(pair, _TEXT, inner), max_size=3),
    max_leaves=8,
)
_PAIRS = st.builds(pair, _TEXT, _VALUES) | st.builds(Pair, _TEXT, st.binary(max_size=8), st.integers(4, 255))
_OF_BODIES: st.SearchStrategy[Any] = st.recursive(
    _VALUES | st.none() | st.booleans() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)
_SECONDS = st.floats(0, 1e6) | st.integers(0, 9999)
_OF_TYPE: dict[object, st.SearchStrategy[Any]] = {
    int: _WHOLE,
    str: _TEXT,
    bool: st.booleans(),
    float: _SECONDS,
    int | None: st.none() | _WHOLE,
    str | None: st.none() | _TEXT,
    GroupNames: st.builds(
        GroupNames, st.none() | _WHOLE, st.none() | _WHOLE, st.none() | _WHOLE, st.none() | _TEXT, st.none() | _TEXT
    ),
    tuple[Pair, ...]: st.lists(_PAIRS, max_size=4).map(tuple),
    tuple[object, ...]: st.lists(_OF_BODIES, max_size=3).map(tuple),
    frozenset[str] | None: st.none() | st.frozensets(_TEXT, max_size=4),
    **{enum: st.sampled_from(enum) for enum in (Word, Status, Request, Action, By, Attribute, Control, Notify)},
}


def any_of(kind: type) -> st.SearchStrategy[Any]:
    """Any object of a class."""
    return st.builds(kind, **{name: _OF_TYPE[hint] for name, hint in get_type_hints(kind).items()})


_OF_TYPE[Policy] = any_of(Policy)
_OF_TYPE[tuple[ConfiguredGroup, ...]] = st.lists(any_of(ConfiguredGroup), max_size=3).map(tuple)


@pytest.mark.parametrize("kind", get_args(Observation), ids=lambda kind: kind.__name__)
@UNHURRIED
@given(data=st.data())
def test_all_instances_read_what_one_observed(kind: type, data: st.DataObject) -> None:
    """Whatever a channel can see, with odd bytes, lists in lists, and unknown values: the others see the same."""
    seen = data.draw(any_of(kind))
    text = text_of(Batch(3, 7, 0, False, (Seen(seen),)))
    assert batch_of(text).entries == (Seen(seen),)
    assert text_of(batch_of(text)) == text, "1, 1.0 and true are equal, and not the same"


@UNHURRIED
@given(any_of(Configured), any_of(Led))
def test_all_instances_read_what_the_leader_says(configured: Configured, led: Led) -> None:
    """Its policies, each option of each group; that it is time; and who leads."""
    text = text_of(Batch(3, 7, 0, False, (configured, Woken())))
    assert batch_of(text).entries == (configured, Woken())
    assert text_of(batch_of(text)) == text
    assert batch_of(text_of(Batch(3, 0, 5, False, (led,)))).entries == (led,)


@UNHURRIED
@given(_WHOLE.map(abs), st.integers(1, 99), _WHOLE.map(abs), st.booleans(), st.lists(any_of(DnRegistered).map(Seen)))
def test_a_batch_says_whose_it_is(instance: int, sequence: int, fence: int, late: bool, entries: list[Seen]) -> None:
    """Of which instance, the how manyth, under which lead, and whether it is late; and its entries in order."""
    batch = Batch(instance, sequence, fence, late, tuple(entries))
    assert batch_of(text_of(batch)) == batch


def test_the_text_is_as_it_was_agreed() -> None:
    """Its form is that of all instances, and of Redis's own script: changed, it would need another number."""
    seen = Seen(DnRegistered(3 << 32 | 1, "30\udcff01"))
    text = text_of(Batch(3, 17, 0, True, (seen, Woken())))
    assert json.loads(text) == {
        "m": 3,
        "s": 17,
        "f": 0,
        "l": 1,
        "e": [["DnRegistered", 12884901889, "30\udcff01"], ["Woken"]],
    }
    assert text.isascii()
    assert "l" not in json.loads(text_of(Batch(3, 17, 0, False, (seen,))))
    assert batch_of('{"m": 2, "s": 0, "f": 5, "e": [["Led", 2, 5]]}') == Batch(2, 0, 5, False, (Led(2, 5),))


def test_a_batch_may_say_when_its_entries_were_seen() -> None:
    """In milliseconds, one for each entry; else nothing stands there."""
    batch = Batch(3, 17, 0, True, (Seen(DnRegistered(9, "3001")), Woken()), (1000, 1001))
    text = text_of(batch)
    assert json.loads(text)["t"] == [1000, 1001]
    assert batch_of(text) == batch


@pytest.mark.parametrize("times", ["[1]", "[1, -2]", '[1, "2"]', "[1, 2.0]", "[true, 2]", "[1, 2, 3]", "7"])
def test_times_are_those_of_the_entries(times: str) -> None:
    """One for each of them, whole milliseconds."""
    with pytest.raises(Garbled):
        batch_of(f'{{"m": 3, "s": 1, "f": 0, "e": [["Woken"], ["Woken"]], "t": {times}}}')


# ------------------------------------------------------------------------------------------------- what is none of ours

_GOOD = Batch(
    3,
    17,
    4,
    True,
    (
        Seen(AgentHeard(9, "3001", NAMES, Word.STOPPED, "Preview", (pair("a", b"\0"), pair("b", [pair("c", 1)])))),
        Seen(ControlRequested(9, NAMES, Request.LOAD, (1, b"x", {"a": None}))),
        Seen(Retrieved("log", NAMES, "List", "General", 3, records=frozenset({"1", "2"}))),
        Configured(Policy(), (ConfiguredGroup(NAMES, Policy(by=By.PROXY)),)),
    ),
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        "null",
        '{"m": 1, "s": 1, "f": 0}',
        '{"m": 1, "s": 1, "f": 0, "e": [], "x": 1}',
        '{"m": "1", "s": 1, "f": 0, "e": []}',
        '{"m": 1, "s": true, "f": 0, "e": []}',
        '{"m": 1, "s": -1, "f": 0, "e": []}',
        '{"m": 1, "s": 1, "f": 0, "l": 2, "e": []}',
        '{"m": 1, "s": 1, "f": 0, "e": [7]}',
        '{"m": 1, "s": 1, "f": 0, "e": [[]]}',
        '{"m": 1, "s": 1, "f": 0, "e": [["Nobody"]]}',
        '{"m": 1, "s": 1, "f": 0, "e": [[[]]]}',
        '{"m": 1, "s": 1, "f": 0, "e": [["DnRegistered", 1]]}',
        '{"m": 1, "s": 1, "f": 0, "e": [["DnRegistered", 1, "3001", null]]}',
        '{"m": 1, "s": 1, "f": 0, "e": [["DnRegistered", "1", "3001"]]}',
        '{"m": 1, "s": 1, "f": 0, "e": [["DnRegistered", true, "3001"]]}',
        '{"m": 1, "s": 1, "f": 0, "e": [["DnRegistered", 1, null]]}',
        '{"m": 1, "s": 1, "f": 0, "e": [["Sign", 1, "3001", [1, 2], null]]}',
        '{"m": 1, "s": 1, "f": 0, "e": [["StatusHeard", [1,2,3,"",""], 9, "tevents", null, null]]}',
        '{"m": 1, "s": 1, "f": 0, "e": [["Retrieved", "log", [1,2,3,"",""], "", "", 1, null, [1]]]}',
        '{"m": 1, "s": 1, "f": 0, "e": [["Led", 1, 1]]}',
        '{"m": 1, "s": 0, "f": 0, "e": [["Woken"]]}',
        '{"m": 1, "s": 1, "f": 0, "e": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"m": 1, "s": ' + "9" * 10_000 + ', "f": 0, "e": []}',
    ],
)
def test_what_is_no_batch_is_garbled(text: str) -> None:
    """A text of another version, or of somebody else: one mistake is known, Garbled, and nothing is guessed."""
    with pytest.raises(Garbled):
        batch_of(text)


@UNHURRIED
@given(st.data())
def test_a_batch_that_was_changed_is_garbled_or_a_batch(data: st.DataObject) -> None:
    """Any value in it replaced by any other: no other exception comes of it, and what is read can be written."""
    told = json.loads(text_of(_GOOD))
    place: Any = told
    while isinstance(place, dict | list) and place:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            place[key] = data.draw(st.none() | st.integers() | st.text(max_size=3) | st.just([]) | st.just({}))
            break
        place = place[key]
    try:
        batch = batch_of(json.dumps(told))
    except Garbled:
        return
    assert batch_of(text_of(batch)) == batch


# --------------------------------------------------------------------------------------------------------- sessions


def test_a_session_is_known_to_all_by_one_number() -> None:
    """No two instances share one; the proxy's own is nobody's, and everything else stays."""
    seen = RecordDelivered(5, "3001", NAMES, "PreviewRecord", "77", chain="c")
    shared = shared_by(seen, 3)
    assert isinstance(shared, RecordDelivered)
    assert (instance_of(shared.session), own(shared.session)) == (3, 5)
    assert (shared.dn, shared.names, shared.handle, shared.chain) == ("3001", NAMES, "77", "c")
    assert shared_by(ControlRefused(0, NAMES, "1"), 3) == ControlRefused(0, NAMES, "1")
    assert shared_by(InstanceHeard(5, True), 3) == InstanceHeard(5, True)
    assert shared_by(CountLost(), 3) == CountLost()


_OF_SESSIONS = [kind for kind in get_args(Observation) if "session" in get_type_hints(kind)]


@pytest.mark.parametrize("kind", _OF_SESSIONS, ids=lambda kind: kind.__name__)
@UNHURRIED
@given(data=st.data())
def test_no_observation_keeps_the_number_of_its_channel(kind: type, data: st.DataObject) -> None:
    """Whatever has a session is told with the number that all know it by, and is the same else."""
    seen = data.draw(any_of(kind).map(lambda seen: replace(seen, session=5)))
    assert shared_by(seen, 2) == replace(seen, session=2 << 32 | 5)


# -------------------------------------------------------------------------------------------------- who says it at all

EXCLUSIVE: list[Observation] = [
    SourceConnected("tevents"),
    SourceLost("ocs-http"),
    WordHeard(NAMES, Word.LOADED, "direct"),
    StatusHeard(NAMES, Status.ACTIVE, "tevents"),
    WaitingRecords(NAMES, "tevents", over=False),
    SystemTrouble(NAMES, over=False),
    ControlAccepted(0, NAMES, "1"),
    ControlRefused(0, NAMES, "1"),
    Sign(0, "", NAMES),
    WitnessFound("log"),
    WitnessLost("log"),
    WitnessConfirms("log", NAMES),
    SessionWitnessed("log", NAMES, began=True),
    Retrieved("log", NAMES, "List", "General", 0),
    ListStatistics("log", NAMES, "List", 0),
    InstanceLost(3),
]

SAID_BY_EACH: list[Observation] = [
    SourceConnected(REPORTS),
    SourceLost(REPORTS),
    StatusHeard(NAMES, Status.ACTIVE, REPORTS),
    GroupReported(NAMES),
    ControlAccepted(5, NAMES, "1"),
    ControlRefused(5, NAMES, "1"),
    Sign(5, "3001", NAMES),
    DnRegistered(5, "3001"),
    RecordDelivered(5, "3001", NAMES, "PreviewRecord", "77"),
    AgentHeard(5, "3001", NAMES, Word.STOPPED),
    ControlRequested(5, NAMES, Request.LOAD),
    InstanceHeard(3, True),
    InstanceLeft(3),
    CountLost(),
]


@pytest.mark.parametrize("seen", EXCLUSIVE, ids=repr)
def test_what_all_instances_hear_is_said_by_the_leader_only(seen: Observation) -> None:
    """OCS's words come to the control session of each, witnesses tell each: else everything would count many times."""
    assert is_exclusive(seen)


@pytest.mark.parametrize("seen", SAID_BY_EACH, ids=repr)
def test_what_one_instance_sees_is_said_by_that_one(seen: Observation) -> None:
    """Desktops and clients have a connection to one; OCS posts its reports to one."""
    assert not is_exclusive(seen)


@pytest.mark.parametrize(
    "entry",
    [
        ["Smith5550000050", 1],
        ["RecordAdded", "Smith5550000050", "Smith5550000050"],
        ["AgentHeard", 1, "3001", ["Smith5550000050"], "loaded", None, []],
        ["RecordDelivered", {"Smith5550000050": 1}, "3001", [None] * 5, "PreviewRecord", "1", False, None, None, None],
    ],
)
def test_what_cannot_be_read_is_not_shown(entry: list[object]) -> None:
    """Why a batch is none of ours stands in the log: nothing of what stands in it does."""
    with pytest.raises(Garbled) as refused:
        batch_of(json.dumps({"m": 1, "s": 1, "f": 0, "e": [entry]}))
    assert "Smith" not in str(refused.value)
