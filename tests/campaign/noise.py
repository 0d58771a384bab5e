"""Noise: observations of every kind, in no order, of a few groups, agents, sessions, handles, witnesses and proxies.

Nothing that a real site shows; everything that groups can be told. `python -m tests.campaign.noise SEED NUMBER` prints
what came of it, and the state at the end, as one line: the same in every process.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from random import Random
from typing import Any, get_args, get_type_hints

from proxy.campaign.groups import Groups
from proxy.campaign.observation import (
    Action,
    ActionAcknowledged,
    ActionRequested,
    AgentHeard,
    CallReleased,
    ControlRequested,
    CountLost,
    DesktopError,
    GroupNames,
    InstanceHeard,
    InstanceLeft,
    InstanceLost,
    Observation,
    RecordAdded,
    RecordDelivered,
    RecordRequested,
    Request,
    Retrieved,
    SessionBlind,
    SessionEnded,
    Sign,
    SourceConnected,
    SourceLost,
    SystemTrouble,
    WaitingRecords,
    WitnessConfirms,
    WitnessLost,
    Word,
    WordHeard,
)
from proxy.campaign.policy import Attribute, By, ConfiguredGroup, Control, Policy
from proxy.campaign.whole import lines
from proxy.kvlist import pair

KINDS = get_args(Observation)

RARE = dict.fromkeys(
    (CountLost, InstanceLost, InstanceLeft, SystemTrouble, SourceLost, WitnessLost, SessionBlind, SessionEnded), 0.1
) | dict.fromkeys((Sign, RecordAdded, WaitingRecords, WitnessConfirms, ActionRequested, CallReleased, Retrieved), 0.4)
"""What would keep every group from being completed, if it came as often as the rest."""

POLICY = Policy(
    by=By.PROXY, settle=3.0, settle_dialed=4.0, answer_timeout=2.0, stale_after=9.0, complete_untouched=True
)
NAMES = [
    GroupNames(),
    GroupNames(dbid=101),
    GroupNames(dbid=102),
    GroupNames(dbid=103),
    GroupNames(campaign="Sales"),
    GroupNames(campaign="Service"),
    GroupNames(name="Sales@Agents"),
    GroupNames(dbid=101, name="Sales@Agents"),
    GroupNames(dbid=102, name="Service@\udcff"),
    GroupNames(dbid=102, name="Sales@Agents"),
    GroupNames(dbid=103, campaign_id=11, group_id=731),
    GroupNames(campaign_id=11, group_id=731),
    GroupNames(campaign_id=11, group_id=731, name="Service@Other"),
]
PAIRS = [(), (pair("GSW_APPLICATION_ID", 5), pair("odd", b"\xff\x00"), pair("more", [pair("\udcfe", "x")]))]
SECTIONS = [
    ConfiguredGroup(NAMES[7], POLICY),
    ConfiguredGroup(NAMES[8], Policy(by=By.PROXY, control=Control.OCS_HTTP, settle=2.0, attribute=Attribute.ADD)),
]


class Noise:
    """Noise of one seed, and groups that hear it. Time goes on by itself, and what falls due is done."""

    def __init__(self, seed: int) -> None:
        self.random = random = Random(seed)
        self.now = 100.0
        self.groups = Groups(POLICY, SECTIONS)
        self._last: list[Observation] = []
        self._meant: list[Observation] = []
        self._values: dict[str, Callable[[], Any]] = {
            "session": lambda: random.choice((0, 1, 2, 3, 1 << 32 | 1, 1 << 32 | 2, 2 << 32 | 1, 2 << 32 | 9)),
            "dn": lambda: random.choice(("3001", "3002", "3003", "3004", "3005", "")),
            "names": lambda: random.choice(NAMES),
            "handle": lambda: str(random.randint(1, 12)),
            "chain": lambda: random.choice((None, "1", "2", "3")),
            "calling_list": lambda: random.choice(("List 1", "List 2")),
            "record_type": lambda: random.choice(("2", "6")),
            "phone": lambda: random.choice((None, "49", "50")),
            "event": lambda: random.choice(("PreviewRecord", "EventRinging", "ScheduledCall")),
            "source": lambda: random.choice(("tevents", "tevents", "direct", "ocs-http", "reports")),
            "witness": lambda: random.choice(("log", "lists", "third")),
            "mode": lambda: random.choice((None, "Preview", "Predictive")),
            "due": lambda: random.choice((None, "11/22/2026 15:00")),
            "instance": lambda: random.randint(0, 2),
            "pairs": lambda: random.choice(PAIRS),
            "values": lambda: random.choice(((), (1,), ("1",), (0,))),
            "records": lambda: random.choice((None, frozenset(map(str, random.sample(range(40), 9))))),
            "asked": lambda: random.choice((None, 2, 9)),
            "answers": lambda: random.choice((None, *range(40))),
        }

    def observation(self) -> Observation:
        """The next of them; now and then the same as one before."""
        if self._last and self.random.random() < 0.15:
            return self.random.choice(self._last)
        kind = self.random.choice(KINDS)
        if self._meant:
            if self.random.random() < 0.8:
                return self._meant.pop(0)
        elif self.random.random() < 0.1:
            self._meant = self._story()
        while self.random.random() > RARE.get(kind, 1.0):
            kind = self.random.choice(KINDS)
        hints = get_type_hints(kind)
        made: Observation = kind(**{name: self._value(name, hint) for name, hint in hints.items()})
        self._last = [*self._last[-20:], made]
        return made

    def _story(self) -> list[Observation]:
        """A group that is loaded and started, and runs dry, or OCS's answer to what it was asked; noise in between."""
        names, dn, session = self.random.choice(NAMES[1:4]), self._values["dn"](), self._values["session"]()
        if self.random.random() < 0.3:
            word = self.random.choice((Word.STOPPED, Word.UNLOADED))
            told = AgentHeard(session, dn, names, word, pairs=self._values["pairs"]())
            return [WordHeard(names, Word.STOPPED, "tevents"), told, WordHeard(names, word, "tevents")]
        handle, beat = self._values["handle"](), [InstanceHeard(number, True) for number in range(3)]
        return [
            SourceConnected("tevents"),
            ControlRequested(session, names, Request.LOAD, (1,), reference="1"),
            WordHeard(names, Word.LOADED, "tevents", reference="1"),
            WordHeard(names, Word.STARTED, "tevents", "Preview"),
            *(AgentHeard(number, dn, names, Word.STARTED) for number in (session, 3)),
            RecordDelivered(session, dn, names, "PreviewRecord", handle),
            ActionRequested(session, dn, names, Action.PROCESS, handle),
            ActionAcknowledged(session, dn, names, Action.PROCESS, handle),
            RecordRequested(session, dn, names),
            DesktopError(session, dn, names, no_records=True),
            *beat * self.random.randint(1, 6),
        ]

    def _value(self, name: str, hint: Any) -> Any:
        if name in self._values:
            value = self._values[name]()
            is_optional = type(None) in get_args(hint)
            return None if is_optional and self.random.random() < 0.2 else value
        if isinstance(hint, type) and hasattr(hint, "__members__"):
            return self.random.choice(list(hint))
        if hint is bool:
            return self.random.random() < 0.5
        if str in (hint, *get_args(hint)):
            return (
                self.random.choice((None, *map(str, range(4)))) if hint is not str else str(self.random.randint(1, 4))
            )
        return self.random.choice((0, 0, 1, 2))

    def steps(self, number: int) -> Iterator[Callable[[Groups], object]]:
        """What is done to the groups, one step after the other; its result is to be the same for all of them."""
        for _ in range(number):
            self.now += self.random.choice((0.0, 0.0, 0.1, 0.3, 1.0))
            now = self.now
            if self.random.random() < 0.25:
                yield lambda groups, now=now: list(groups.wake(now))  # type: ignore[misc]
            else:
                seen, late = self.observation(), self.random.random() < 0.02
                yield lambda groups, now=now, seen=seen, late=late: list(groups.observe(seen, now, late))  # type: ignore[misc]
        sections = [*SECTIONS[1:], ConfiguredGroup(NAMES[3], POLICY)]
        yield lambda groups: list(groups.reconfigure(Policy(), sections, self.now))
        yield lambda groups: list(groups.retire(self.now))


def digest(seed: int, number: int) -> str:
    """What came of the noise of a seed, and the state at the end."""
    noise, told = Noise(seed), sha256()
    for step in noise.steps(number):
        told.update(repr(step(noise.groups)).encode())
    for line in lines(noise.groups):
        told.update(line.encode())
    return told.hexdigest()


if __name__ == "__main__":
    sys.stdout.write("\n".join(digest(seed, int(sys.argv[2])) for seed in range(int(sys.argv[1]))) + "\n")
