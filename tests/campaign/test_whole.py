"""Groups as lines, and back: a proxy that joins others goes on exactly as those who were there all the time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from random import Random
from typing import Any
from zlib import crc32

import pytest
from attrs import fields, has

from proxy.campaign import whole
from proxy.campaign.around import Surroundings
from proxy.campaign.clients import ClientRequests
from proxy.campaign.concerned import Concerned
from proxy.campaign.group import Group
from proxy.campaign.group_session import Agents
from proxy.campaign.groups import Groups
from proxy.campaign.notices import Notices
from proxy.campaign.observation import (
    AgentHeard,
    Announce,
    AskStatus,
    AskWitness,
    Command,
    ControlRequested,
    DnRegistered,
    GroupNames,
    ListStatistics,
    Observation,
    RecordDelivered,
    Request,
    SessionBlind,
    SourceConnected,
    Stop,
    Unload,
    Word,
    WordHeard,
)
from proxy.campaign.plain import APART, ASIDE
from proxy.campaign.policy import ConfiguredGroup, Control, Policy
from proxy.campaign.records import Record, Records
from proxy.campaign.records import State as RecordState
from proxy.campaign.requests import DesktopRequests
from proxy.campaign.whole import Garbled, Torn, lines, of_lines
from tests.campaign.desk import COMPLETES, SALES, Desk
from tests.campaign.model_ocs import Play
from tests.campaign.noise import Noise
from tests.campaign.scenes import SETTLE, ready, stopped, unload_sent

# ------------------------------------------------------------------------------------------------------ it goes on


class Played(Play):
    """A play of which every command is remembered, and the state at the end."""

    def __init__(self, seed: int, speaks: Control) -> None:
        self.commands: list[tuple[float, Command]] = []
        super().__init__(seed, speaks=speaks)

    def _carry_out(self, commands: Any, written: bool = False) -> Any:
        self.commands += [(self.now, command) for command in commands]
        return super()._carry_out(commands, written)

    def is_over(self) -> tuple[list[tuple[float, Command]], list[str]]:
        """A wild shift, and a calm one after it."""
        self.runs(400)
        self.ends_well()
        return self.commands, list(lines(self.groups))


class Replaced(Played):
    """The same play; again and again other groups take over, which were made from the lines of those before."""

    replaced = 0

    def sees(self, observation: Observation) -> Any:
        self._replaces()
        return super().sees(observation)

    def _wakes(self, when: float) -> None:
        self._replaces()
        super()._wakes(when)

    def _replaces(self) -> None:
        if Random(f"{self.seed} {len(self.commands)} {self.now}").random() < 0.25:
            self.groups = of_lines(lines(self.groups))
            self.replaced += 1


@pytest.mark.parametrize("speaks", [Control.TEVENTS, Control.OCS_HTTP])
def test_a_play_goes_on_to_the_same_end(speaks: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups that are replaced by what their lines say, at any moment, do what they would have done, at the same
    times, and are the same at the end."""
    monkeypatch.setattr(whole, "PORTION", 3)
    kinds: set[type] = set()
    for seed in range(6):
        play = Replaced(seed, speaks)
        assert play.is_over() == Played(seed, speaks).is_over(), f"seed {seed}"
        assert play.replaced > 20
        kinds |= {type(command) for _, command in play.commands}
    assert {Stop, Unload} <= kinds


def test_whatever_is_observed_the_restored_go_on_as_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise of all kinds: those who were there from the beginning, and those who were restored at some moment, command
    the same in the same order, and have the same lines from then on."""
    monkeypatch.setattr(whole, "PORTION", 3)
    for seed in range(25):
        noise, chance = Noise(seed), Random(seed)
        restored = of_lines(lines(noise.groups))
        for number, step in enumerate(noise.steps(300)):
            assert step(noise.groups) == step(restored), f"seed {seed}, step {number}"
            if chance.random() < 0.1:
                now = list(lines(noise.groups))
                assert list(lines(restored)) == now, f"seed {seed}, step {number}"
                if chance.random() < 0.5:
                    restored = of_lines(now)


def test_another_process_comes_to_the_same() -> None:
    """With another PYTHONHASHSEED sets have another order: not one command or line is another for it."""
    told = []
    for hash_seed in ("0", "1", "2"):
        told.append(
            subprocess.run(
                [sys.executable, "-m", "tests.campaign.noise", "12", "300"],
                env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)},
                cwd=Path(__file__).parents[2],
                capture_output=True,
                text=True,
                timeout=300,
                check=True,
            ).stdout
        )
    assert len(told[0].split()) == 12
    assert told[0] == told[1] == told[2]


def test_who_only_asks_changes_nothing() -> None:
    """/groups is looked at in one proxy and not in another: both stay the same."""
    for seed in range(12):
        noise = Noise(seed)
        for number, step in enumerate(noise.steps(200)):
            step(noise.groups)
            if number % 7 == 0:
                before, groups, now = list(lines(noise.groups)), noise.groups, noise.now
                groups.status(now)
                groups.status(now + 10.0)
                for reference in range(0x60000000, 0x60000003):
                    groups.still_wants(Stop("Sales@Agents", "tevents", SALES, reference), now + 10.0)
                groups.edit(GroupNames(dbid=7), Request.LOAD, ())
                assert groups.is_completing in (True, False)
                assert list(lines(groups)) == before, f"seed {seed}, step {number}"


# ---------------------------------------------------------------------------------------------- nothing is left out

OF_THE_PROCESS: dict[type, set[str]] = {
    Surroundings: {"tell", "forgotten_groups"},
    Records: {"_changed"},
    Agents: {"_changed"},
    Notices: {"_tell"},
    Groups: {"_commands", "_conclusions", "_remembering", "_seen"},
    Group: {"life"},
    Concerned: {"_groups"},
    DesktopRequests: {"_due"},
}
"""What may be another in groups that were restored: it is of one process only, or (`life`, `_due`) follows from the
rest, and is seen by what they do."""

NO_STATE: dict[str, set[str]] = {
    "Groups": {
        "_whole",
        "_commands",
        "_conclusions",
        "_agenda",
        "_around",
        "_which",
        "_desktops",
        "_remembering",
        "_seen",
    },
    "Attribution": {"default", "_around", "_agenda", "_requests", "_names", "_agents", "_evidence"},
    "Desktops": {"requests", "_around", "_agenda", "_which"},
    "Deliveries": {"_around", "_which", "_desktops"},
    "Dialer": {"_around", "_agenda", "_which", "_desktops"},
    "Witnesses": {"_around", "_agenda", "_which"},
    "Sharing": {"_around", "_agenda", "_which", "_desktops"},
    "Remembering": {"_around", "_which", "_touched", "_sessions", "_in_trouble", "_times"},
}
"""The classes that only pass on what is seen, and all they have."""

OF_GROUP = {
    "_names": "names",
    "_policy": "policy",
    "_upcoming": "upcoming",
    "requests": None,
    "confirmation": None,
    "completion": None,
    "notices": None,
    "around": None,
    "awaiting": None,
    "life": None,
    "reach": None,
}
"""The attributes of a Group whose field in GroupState has another name; None: written beside it, or what follows."""


def _attributes(thing: object) -> dict[str, Any]:
    slots = (name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ()))
    found = {name: getattr(thing, name) for name in slots if name != "__weakref__" and hasattr(thing, name)}
    return {**found, **getattr(thing, "__dict__", {})}


class Walk:
    """All that can be reached from some groups, in an order that depends on their state only."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self.kept: list[object] = []

    def form(self, thing: Any) -> Any:
        """What it is: equal for what is the same. Values are themselves; of objects it matters which they are."""
        if isinstance(thing, list | tuple):
            return [self.form(each) for each in thing]
        if isinstance(thing, set | frozenset):
            return sorted((self.form(each) for each in sorted(thing, key=_by)), key=repr)
        is_dict = isinstance(thing, dict)
        if isinstance(thing, Enum | Policy) or not (is_dict or type(thing).__module__.startswith("proxy.")):
            return thing
        if id(thing) in self._numbers:
            return f"number {self._numbers[id(thing)]}"
        self._numbers[id(thing)] = len(self._numbers)
        self.kept.append(thing)
        aside = next((names for kind, names in OF_THE_PROCESS.items() if isinstance(thing, kind)), set())
        held = {name: value for name, value in _attributes(thing).items() if name not in aside}
        items = list(thing.items()) if is_dict else []
        if not isinstance(thing, Agents) and not any(isinstance(key, Record) for key, _ in items):
            items.sort(key=lambda item: repr(item[0]))
        forms = [(self.form(key), self.form(value)) for key, value in items]
        return type(thing).__name__, forms, [(name, self.form(held[name])) for name in sorted(held)]


def _by(thing: Any) -> Any:
    return repr(getattr(thing, "number", thing))


def test_all_that_can_be_reached_is_the_same() -> None:
    """Every attribute of everything that groups hold, whoever wrote it and whoever added it."""
    for seed in range(12):
        noise = Noise(seed)
        for number, step in enumerate(noise.steps(250)):
            step(noise.groups)
            if number % 25 == 24:
                restored = of_lines(lines(noise.groups))
                for request in [request for _, _, request in noise.groups.whole.requests._due]:
                    assert request.answered or request in list(noise.groups.whole.requests)
                assert Walk().form(restored) == Walk().form(noise.groups), f"seed {seed}, step {number}"


def _reached() -> Iterator[object]:
    """Something of every class that groups are made of."""
    walk = Walk()
    for seed in range(12):
        noise = Noise(seed)
        for step in noise.steps(250):
            step(noise.groups)
        walk.form(noise.groups)
    for desk in (ready()[0], stopped()[0], unload_sent()[0], confirming()):
        walk.form(desk.groups)
    return iter(walk.kept)


def confirming() -> Desk:
    """A group that has no more records; a witness is asked, who has not answered."""
    desk, _ = ready()
    desk.witness("lists").confirms()
    desk.passes(SETTLE)
    assert desk.sent(AskWitness)
    return desk


def test_whoever_adds_an_attribute_has_to_say_what_becomes_of_it() -> None:
    """Of an attrs class every field is written, unless it says otherwise; every other class is known here."""
    groups = [thing for thing in _reached() if type(thing).__module__.startswith("proxy.campaign")]
    known = {type(thing).__name__ for thing in groups}
    assert {"Tally", "Evidence", "Completion", "Confirmation", "Notices", "ClientRequest", "Instances"} <= known
    for thing in groups:
        kind = type(thing)
        if has(kind):
            assert _attributes(thing).keys() == {each.name for each in fields(kind)}
        elif kind is Group:
            told = {OF_GROUP.get(name, name) for name in vars(thing)} - {None}
            assert told == {each.name for each in fields(whole.GroupState)}
        elif kind is ClientRequests:
            assert vars(thing).keys() == {"_unanswered", "_waiting"}
        elif kind is Agents:
            assert vars(thing).keys() == {"_changed"}
        else:
            assert vars(thing).keys() == NO_STATE[kind.__name__], kind


def test_what_is_left_out_is_named() -> None:
    """The fields that are not written: all of them can be found again from the rest, or are of one process only."""
    kinds = {type(thing) for thing in _reached() if has(type(thing))}
    aside = {
        (kind.__name__, each.name)
        for kind in kinds
        for each in fields(kind)
        if not ASIDE.keys().isdisjoint(each.metadata)
    }
    assert aside == {
        ("Agenda", "_there"),
        ("Surroundings", "tell"),
        ("Surroundings", "waiting_clients"),
        ("Surroundings", "forgotten_groups"),
        ("Confirmation", "_around"),
        ("Completion", "_group"),
        ("Notices", "_registrations"),
        ("Notices", "_tell"),
        ("Records", "stale"),
        ("Records", "finalized_of_delivered"),
        ("Records", "_chains"),
        ("Records", "_changed"),
        ("Names", "_known"),
        ("DesktopRequest", "answered"),
        ("DesktopRequests", "_due"),
    }


def test_what_is_written_by_hand_is_named() -> None:
    """The fields whose objects stand on lines of their own; whoever adds one has to write those."""
    kinds = {type(thing) for thing in _reached() if has(type(thing))}
    every = ((kind, each) for kind in kinds for each in fields(kind))
    assert {(kind.__name__, each.name) for kind, each in every if not APART.keys().isdisjoint(each.metadata)} == {
        ("Surroundings", "registrations"),
        ("Surroundings", "instances"),
        ("GroupSession", "records"),
        ("GroupSession", "tallies"),
        ("Records", "_records"),
        ("Records", "_states"),
        ("Records", "_latest"),
        ("Names", "groups"),
        ("DesktopRequests", "_by_session"),
    }


def test_a_handle_that_was_lost_and_left() -> None:
    """A finalized record's handle came to another one, which has a third by now: the handle is nobody's (R9)."""
    desk = Desk()
    desk.runs()
    records = desk.groups.whole.names.groups[0].session.records
    records.deliver("H", 1.0, "3001")
    records.settle("H", RecordState.FINALIZED)
    records.deliver("Y", 1.0, "3001", "List", "1")
    for handle in ("H", "Z"):
        assert records.settle("Y" if handle == "H" else "H", RecordState.RETURNED)
        records.deliver(handle, 2.0, "3001", "List", "1")
    assert records.finalized == 1
    assert "H" not in records
    restored = of_lines(lines(desk.groups))
    assert "H" not in restored.whole.names.groups[0].session.records
    assert Walk().form(restored) == Walk().form(desk.groups)


def test_records_of_one_chain_wait_in_their_order() -> None:
    """One is scheduled, then another of its chain returned: what comes next of the chain is the first of them (R9)."""
    desk = Desk()
    desk.runs()
    records = desk.groups.whole.names.groups[0].session.records
    for handle in ("A", "B"):
        records.deliver(handle, 1.0, "3001", "List", "1")
    assert records.settle("A", RecordState.SCHEDULED)
    assert records.settle("B", RecordState.RETURNED)
    restored = of_lines(lines(desk.groups))
    assert Walk().form(restored) == Walk().form(desk.groups)
    for groups in (desk.groups, restored):
        theirs = groups.whole.names.groups[0].session.records
        theirs.deliver("C", 2.0, "3001", "List", "1")
        assert "A" not in theirs
        assert "B" in theirs


def test_witnesses_that_differ_are_named_in_order() -> None:
    """Whoever spoke first: the operator reads the same in every proxy's log."""
    desk = Desk()
    desk.runs()
    for name, ready_now in (("z", 2), ("a", 3)):
        desk.witness(name).counts(ready=ready_now)
    desk.witness("m")
    restored = of_lines(lines(desk.groups))
    none = ListStatistics("m", SALES, "List", 0, 0)
    told = list(desk.groups.observe(none, desk.now))
    assert told == list(restored.observe(none, desk.now))
    assert [each.text for each in told if isinstance(each, Announce)] == ["a: 3 ready, z: 2 ready, m: none"]


def test_groups_of_one_session_are_looked_at_in_order() -> None:
    """A session of many DNs turns blind when much is due: all proxies ask for the groups in the same order."""
    names = [GroupNames(dbid=number, name=f"Sales{number}@Agents") for number in range(1, 9)]
    groups = Groups(COMPLETES, [ConfiguredGroup(each, COMPLETES) for each in names])
    groups.observe(SourceConnected("tevents"), 1.0)
    for each in reversed(names):
        groups.observe(WordHeard(each, Word.LOADED, "tevents"), 1.0)
        groups.observe(AgentHeard(5, f"300{each.dbid}", each, Word.LOADED), 1.0)
        groups.observe(ControlRequested(6, each, Request.START), 1.0)
    asked = [each for each in groups.observe(SessionBlind(5), 100.0) if isinstance(each, AskStatus)]
    assert [each.names.dbid for each in asked] == list(range(1, 9))


def test_an_answer_to_who_asked_two_sessions_ago() -> None:
    """The group is loaded anew twice while an agent waits: the session that his record was of is among the lines."""
    desk = Desk()
    anna = desk.agent()
    desk.runs()
    anna.gets("77")
    anna.rejects("77")
    for _ in range(2):
        desk.ocs.unloaded()
        desk.ocs.loaded()
    restored = of_lines(lines(desk.groups))
    assert Walk().form(restored) == Walk().form(desk.groups)
    [request] = restored.whole.requests
    assert request.records_of.records.get("77") is not None


def test_the_same_state_has_the_same_lines() -> None:
    """Whatever was seen first, where that has no meaning."""
    found = []
    for order in (1, -1):
        desk = Desk()
        for session in (1, 9, 17, 1 << 32 | 1)[::order]:
            for dn in ("3001", "3002")[::order]:
                desk.sees(DnRegistered(session, dn))
        for witness in ("log", "lists", "third")[::order]:
            desk.witness(witness).confirms()
        found.append(list(lines(desk.groups)))
    assert found[0] == found[1]


def test_no_line_holds_more_than_a_portion() -> None:
    """However many records there are: making a line, and reading it, takes its time, and a relay waits for that."""
    desk = Desk()
    desk.runs()
    for number in range(2 * whole.PORTION + 1):
        desk.sees(RecordDelivered(1, "3001", GroupNames(campaign="Sales"), "PreviewRecord", str(number)))
    of_records = [json.loads(line)[1] for line in lines(desk.groups) if line.startswith('["Records.rows"')]
    assert list(map(len, of_records)) == [whole.PORTION, whole.PORTION, 1]
    assert of_lines(lines(desk.groups)).status(desk.now) == desk.groups.status(desk.now)


def test_the_lines_are_ascii() -> None:
    """Whatever is in names and events: Redis, and whoever looks into it, gets text."""
    noise = Noise(3)
    for step in noise.steps(200):
        step(noise.groups)
    assert all(line.isascii() and "\n" not in line for line in lines(noise.groups))
    assert any("\\udc" in line for line in lines(noise.groups))


# ------------------------------------------------------------------------------------------------------- not ours


def _some() -> list[str]:
    """Lines in which much is under way."""
    desk, other = confirming(), GroupNames(dbid=102, campaign="Other")
    bert = desk.agent("3002", campaign="Other")
    desk.client(other).loads(1)
    bert.asks()
    bert.gets("78")
    bert.processes("78")
    bert.rings("79")
    desk.witness().retrieved(2, names=other)
    return list(lines(desk.groups))


def _sealed(some: list[str]) -> list[str]:
    """With a last line as we would write it."""
    checksum = 0
    for line in some[:-1]:
        checksum = crc32(line.encode("ascii", "replace"), checksum)
    return [*some[:-1], json.dumps(["end", len(some) - 1, checksum])]


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", "[[]]", '["Groups"]', "nonsense", "[" * 100_000, '["end",0,0]', "ö"]
)
def test_one_line_of_something_else(text: str) -> None:
    """It is said that it cannot be read, and nothing else happens."""
    for others in ([text], [text, *_some()], [*_some(), text], [*_some()[:3], text]):
        with pytest.raises(Garbled):
            of_lines(others)


def test_no_lines_at_all() -> None:
    """An image that is empty is none."""
    with pytest.raises(Garbled, match="end is missing"):
        of_lines([])


def test_lines_that_are_damaged() -> None:
    """A line that is missing, comes twice, or in another place; a letter that is another one."""
    some, chance = _some(), Random(1)
    for number in range(len(some)):
        for damaged in (
            some[:number] + some[number + 1 :],
            some[: number + 1] + some[number:],
            some[:number],
        ):
            with pytest.raises(Garbled):
                of_lines(damaged)
        line = some[number]
        for _ in range(20):
            at = chance.randrange(len(line))
            other = chance.choice([letter for letter in '0a"]},: \\\udcffö' if letter != line[at]])
            with pytest.raises(Garbled):
                of_lines([*some[:number], line[:at] + other + line[at + 1 :], *some[number + 1 :]])


def test_lines_of_another_version() -> None:
    """They are not taken for ours, though all else is right."""
    first, *others = _some()
    with pytest.raises(Garbled, match="version"):
        of_lines(_sealed([first.replace(f'["Groups",{whole.FORMAT},', f'["Groups",{whole.FORMAT + 1},'), *others]))


def _changed(plain: Any, chance: Random) -> Any:
    """The same, but for one thing somewhere in it."""
    if isinstance(plain, list) and plain and chance.random() < 0.9:
        at = chance.randrange(len(plain))
        return [*plain[:at], _changed(plain[at], chance), *plain[at + 1 :]]
    if isinstance(plain, dict) and plain and chance.random() < 0.9:
        key = chance.choice(list(plain))
        rest = {each: value for each, value in plain.items() if each != key}
        return chance.choice([rest, {**plain, key: _changed(plain[key], chance)}, {**plain, "more": 1}])
    return chance.choice([None, True, -1, 10**30, 0.5, "", "Groups", [], [[]], {}, {"bytes": "0"}, [1, 2, 3], "inf"])


def test_lines_that_somebody_else_made() -> None:
    """With a checksum that is right: they are read, or it is said that they cannot be, and nothing else happens."""
    some, chance, refused = _some(), Random(2), 0
    for _ in range(1500):
        number = chance.randrange(len(some) - 1)
        line = json.dumps(_changed(json.loads(some[number]), chance))
        try:
            of_lines(_sealed([*some[:number], line, *some[number + 1 :]]))
        except Garbled:
            refused += 1
    assert refused > 1000


def test_nothing_may_happen_while_lines_are_taken() -> None:
    """Half of the lines of before and half of after are those of no groups that ever were: that is a mistake."""
    desk, _ = ready()
    taken = lines(desk.groups)
    next(taken)
    desk.ocs.stopped()
    with pytest.raises(Torn):
        list(taken)


PERSONAL = "Smith5550000050"
"""What stands in user data."""


@pytest.mark.parametrize("plain", [PERSONAL, [PERSONAL], [[PERSONAL, PERSONAL]], {PERSONAL: PERSONAL}])
def test_what_is_damaged_is_not_shown(plain: object) -> None:
    """Why an image cannot be read stands in logs and on pages: nothing of what stands in it does."""
    some = _some()
    for number, line in enumerate(some[:-1]):
        name, *values = json.loads(line)
        for at in range(len(values)):
            changed = json.dumps([name, *values[:at], plain, *values[at + 1 :]])
            try:
                of_lines(_sealed([*some[:number], changed, *some[number + 1 :]]))
            except Garbled as problem:
                assert PERSONAL not in str(problem)  # noqa: PT017 (some of them can be read, and are as good as any)
