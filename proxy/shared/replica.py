"""The groups as one instance knows them: what stands in the stream, applied in its order and with its time.

Two replicas at the same position hold the same, whoever they are: they know of nothing but the stream.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence

from attrs import frozen
from twisted.python.failure import Failure

from proxy.campaign import whole
from proxy.campaign.groups import Groups
from proxy.campaign.observation import (
    Command,
    CountLost,
    InstanceHeard,
    InstanceLeft,
    InstanceLost,
    Observation,
    SessionBlind,
    SourceConnected,
    SourceLost,
    WakeAt,
    WitnessLost,
)
from proxy.campaign.sources import REPORTS
from proxy.shared.clock import milliseconds_of
from proxy.shared.entries import Batch, Configured, Entry, Garbled, Led, Seen, batch_of

MOST = 2000
"""By how many milliseconds the time goes on at most from one batch to the next: an outage ages nothing."""

TRY_AGAIN = 1.0
"""Seconds until the groups are woken again where they failed by a mistake of ours."""

GONE = 1000
"""How many of the instances that are gone are remembered: what they said may stand in the stream twice."""


@frozen
class Done:
    """An entry was applied: what is to be done, and the lead in force then.

    `ignored`: the whole batch was, and `entry` is None. `problem`: a mistake of ours, in spite of which all goes on.
    """

    instance: int
    sequence: int
    fence: int
    entry: Entry | None
    commands: Sequence[Command]
    ignored: bool = False
    problem: Failure | None = None


class Replica:
    """All groups at one position of the stream. `now` is in seconds; `wake_at`: when the groups want to be woken.

    `leader` is the number of an instance, 0 for nobody; `fence` that of its lead; `sequences` those of the batches
    that were applied last, by instance. `highest` is the highest number that an instance ever had.
    """

    def __init__(self, groups: Groups) -> None:
        self.groups = groups
        self.position = "0-0"
        self.leader = 0
        self.fence = 0
        self.wake_at: float | None = None
        self.sequences: dict[int, int] = {}
        self.highest = 0
        self._milliseconds = 0
        self._seen_at = 0.0
        self._gone: dict[int, int] = {}
        self._reported_to: set[int] = set()
        self._problems: list[Failure] = []

    @property
    def now(self) -> float:
        """What the clock of all replicas shows at this position, in seconds."""
        return self._milliseconds / 1000

    def apply(self, id: str, text: str) -> Sequence[Done]:
        """One batch of the stream, and the id it has there: what came of each entry.

        Raises Garbled for a text that is none of ours; time and position have gone on then as well.
        """
        self._milliseconds += min(max(0, milliseconds_of(id) - milliseconds_of(self.position)), MOST)
        self.position = id
        batch = batch_of(text)
        if not self._counts(batch):
            return [Done(batch.instance, batch.sequence, self.fence, None, (), ignored=True)]
        if batch.sequence:
            self.sequences[batch.instance] = batch.sequence
            self.highest = max(self.highest, batch.instance)
        appended, done = milliseconds_of(id), []
        for place, entry in enumerate(batch.entries):
            self._seen_at = min(batch.seen_at[place], appended) / 1000 if batch.seen_at else appended / 1000
            done.append(self._done(batch, entry))
        return done

    def said_by(self, instance: int) -> int:
        """The sequence of the last batch of an instance that was applied; 0 where none is known of."""
        return self.sequences.get(instance, self._gone.get(instance, 0))

    def is_gone(self, instance: int) -> bool:
        """Whether nothing counts any more that an instance says."""
        return instance in self._gone

    def begin_anew(self) -> None:
        """Redis has lost what was there: nobody is known, OCS is not heard, and records were lost track of.

        What is known of the groups stays, for those who begin with it at the beginning of another stream.
        """
        self._led(Led(0, 0))
        for instance in sorted(self.sequences):
            self._seen(InstanceLost(instance), Batch(instance, 0, 0, False, ()))
        self._observe(CountLost())
        self.position = "0-0"

    def lines(self) -> Iterator[str]:
        """All that there is, as lines of text: the same at the same position, whoever writes them.

        Nothing may be applied until the last one is taken.
        """
        yield json.dumps(
            {
                "position": self.position,
                "milliseconds": self._milliseconds,
                "leader": self.leader,
                "fence": self.fence,
                "wake_at": self.wake_at,
                "highest": self.highest,
                "sequences": sorted(self.sequences.items()),
                "gone": list(self._gone.items()),
                "reported_to": sorted(self._reported_to),
            }
        )
        yield from whole.lines(self.groups)

    @classmethod
    def of_lines(cls, lines: Iterable[str]) -> Replica:
        """The replica of these lines; raises Garbled."""
        try:
            first, *others = lines
            replica = cls(whole.of_lines(others))
            replica._take_up(**json.loads(first))
        except whole.Garbled as problem:
            raise Garbled(f"no image of groups: {problem}") from problem
        except (RecursionError, TypeError, ValueError) as problem:
            raise Garbled(f"no image of groups ({type(problem).__name__})") from problem
        return replica

    def _take_up(
        self,
        position: str,
        milliseconds: int,
        leader: int,
        fence: int,
        wake_at: float | None,
        highest: int,
        sequences: list[tuple[int, int]],
        gone: list[tuple[int, int]],
        reported_to: list[int],
    ) -> None:
        self.position, self._milliseconds = position, milliseconds
        self.leader, self.fence, self.wake_at, self.highest = leader, fence, wake_at, highest
        self.sequences, self._gone, self._reported_to = dict(sequences), dict(gone), set(reported_to)

    def _counts(self, batch: Batch) -> bool:
        """Whether a batch is the next one of an instance that is known, or makes itself known, under the lead."""
        if not batch.sequence:
            return True
        if batch.fence and batch.fence != self.fence:
            return False
        last = self.sequences.get(batch.instance)
        return batch.sequence > last if last is not None else self._introduces(batch)

    def _introduces(self, batch: Batch) -> bool:
        """Whether an instance says first that it is there: it never was before."""
        first = batch.entries[0] if batch.entries else None
        is_heard = isinstance(first, Seen) and isinstance(first.observation, InstanceHeard)
        return is_heard and batch.sequence == 1 and batch.instance not in self._gone

    # ---------------------------------------------------------------------------------------------------- entries

    def _done(self, batch: Batch, entry: Entry) -> Done:
        self._problems.clear()
        commands = self._apply(batch, entry)
        problem = self._problems[0] if self._problems else None
        return Done(batch.instance, batch.sequence, self.fence, entry, commands, problem=problem)

    def _apply(self, batch: Batch, entry: Entry) -> Sequence[Command]:
        if isinstance(entry, Seen):
            return self._seen(entry.observation, batch)
        if isinstance(entry, Led):
            return self._led(entry)
        if isinstance(entry, Configured):
            return self._ask(lambda: self.groups.reconfigure(entry.default, entry.groups, self.now))
        return self._woken()

    def _seen(self, observation: Observation, batch: Batch) -> Sequence[Command]:
        if isinstance(observation, SourceConnected | SourceLost) and observation.source == REPORTS:
            return self._reported(observation, batch)
        commands = self._observe(observation, batch.late)
        if isinstance(observation, InstanceLeft | InstanceLost):
            return [*commands, *self._is_gone(observation.instance)]
        return commands

    def _reported(self, observation: SourceConnected | SourceLost, batch: Batch) -> Sequence[Command]:
        """OCS posts its reports to an instance, or does so no more: they are lost where none gets them."""
        if isinstance(observation, SourceConnected):
            self._reported_to.add(batch.instance)
            return self._observe(observation, batch.late)
        return self._reports_lost(batch.instance)

    def _reports_lost(self, instance: int) -> Sequence[Command]:
        if instance not in self._reported_to:
            return ()
        self._reported_to.discard(instance)
        return () if self._reported_to else self._observe(SourceLost(REPORTS))

    def _is_gone(self, instance: int) -> Sequence[Command]:
        """Nothing counts that it says from here on: it has to take another number."""
        self._gone[instance] = max(self.sequences.pop(instance, 0), self._gone.get(instance, 0))
        if len(self._gone) > GONE:
            del self._gone[next(iter(self._gone))]
        return self._reports_lost(instance)

    def _led(self, led: Led) -> Sequence[Command]:
        """Another lead: OCS's words and the witnesses are heard elsewhere from here on, and may have been missed."""
        self.leader, self.fence = led.instance, led.fence
        lost: list[Observation] = [SourceLost(source) for source in sorted(self.groups.sources - {REPORTS})]
        lost += [WitnessLost(witness) for witness in sorted(self.groups.present_witnesses)]
        return [command for each in lost for command in self._observe(each)]

    def _woken(self) -> Sequence[Command]:
        self.wake_at = None
        return self._ask(lambda: self.groups.wake(self.now))

    # ----------------------------------------------------------------------------------------------------- groups

    def _observe(self, observation: Observation, late: bool = False) -> Sequence[Command]:
        """A session of which something was lost by a mistake of ours is blind to the groups from then on (R16)."""
        problems = len(self._problems)
        commands = self._ask(lambda: self.groups.observe(observation, self.now, late, self._seen_at))
        if len(self._problems) > problems and (session := getattr(observation, "session", 0)):
            return self._ask(lambda: self.groups.observe(SessionBlind(session), self.now, late, self._seen_at))
        return commands

    def _ask(self, ask: Callable[[], Sequence[Command]]) -> Sequence[Command]:
        """What the groups want done; where they fail they are woken soon, lest something that is due waits."""
        try:
            return self._without_wakes(ask())
        except Exception:  # noqa: BLE001 (whatever it is, every replica goes on, and in the same way; it is told)
            self._problems.append(Failure())
            self.wake_at = self.now + TRY_AGAIN
            return ()

    def _without_wakes(self, commands: Sequence[Command]) -> Sequence[Command]:
        for command in commands:
            if isinstance(command, WakeAt):
                self.wake_at = command.when
        return [command for command in commands if not isinstance(command, WakeAt)]
