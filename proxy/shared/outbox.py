"""What this instance has to say, and the stream has not shown yet: said again until it has, and counted once.

What is observed goes out in batches, in order. A batch that was sent may or may not have arrived when a connection
breaks; it is sent again under the same number, and who has seen the number ignores it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from time import monotonic

from attrs import frozen

from proxy.campaign.observation import AgentHeard, InstanceHeard, InstanceLeft, Word
from proxy.shared.clock import SharedClock
from proxy.shared.entries import Batch, Entry, Seen, shared_by

LONGEST = 200
"""How many entries a batch has at most."""

MOST = 100_000
"""How many entries wait at most; what is observed then is lost."""

WANTED_AGAIN = (Word.LOADED, Word.STARTED)
"""What tells an agent that the group is wanted."""

_IN_ORDER = (Word.STOPPED, Word.UNLOADED)


@frozen
class _Waiting:
    """An entry with the session numbers of this instance's own channels; `since` when, by its own clock."""

    entry: Entry
    fence: int
    late: bool
    since: float


@frozen
class _Sent:
    sequence: int
    waiting: Sequence[_Waiting]


class Outbox:
    """Entries on their way into the stream. `is_late`: what is put in now is observed while nobody can be told.

    `is_incomplete`: more was to be said than will ever be. By `clock` is said when something was observed that waited;
    where it is not set, nothing of it is.
    """

    def __init__(self, clock: SharedClock | None = None) -> None:
        self._clock = clock or SharedClock(monotonic)
        self.is_late = True
        self.is_incomplete = False
        self._waiting: deque[_Waiting] = deque()
        self._sent: deque[_Sent] = deque()
        self._sequence = 0
        self._heard: dict[str, list[AgentHeard]] = {}

    def __len__(self) -> int:
        """How many entries the stream has not shown."""
        return len(self._waiting) + sum(len(sent.waiting) for sent in self._sent)

    @property
    def unseen(self) -> int:
        """How many batches were sent, and have not been seen in the stream."""
        return len(self._sent)

    def put(self, entry: Entry, fence: int = 0, is_answer: bool = False) -> None:
        """An entry more. `fence`: the lead under which it holds, 0 where it holds under any.

        `is_answer`: what an agent heard answers his question, and is no news.
        """
        if len(self._waiting) >= MOST:
            self.is_incomplete = True
            return
        self._waiting.append(_Waiting(entry, fence, self.is_late, self._clock.own()))
        if not is_answer and (heard := _heard_in(entry)) is not None:
            self._heard.setdefault(heard.dn, []).append(heard)

    def next_batch(self, instance: int) -> Batch | None:
        """The next batch to be sent, None where nothing waits."""
        if not self._waiting:
            return None
        first = self._waiting[0]
        taken: list[_Waiting] = []
        while self._waiting and len(taken) < LONGEST and _alike(self._waiting[0], first):
            taken.append(self._waiting.popleft())
        self._sequence += 1
        self._sent.append(_Sent(self._sequence, taken))
        return self._batch(instance, self._sent[-1])

    def unconfirmed(self, instance: int) -> Iterator[Batch]:
        """What was sent, and may not have arrived: to be sent again. What held under a lead holds no more."""
        self._drop_fenced()
        yield from [self._batch(instance, sent) for sent in self._sent]

    def seen(self, sequence: int) -> None:
        """The stream has shown a batch of ours, and all that was sent before it."""
        while self._sent and self._sent[0].sequence <= sequence:
            self._forget(self._sent.popleft().waiting)

    def drop(self, sequence: int) -> None:
        """A batch that was to be sent cannot be."""
        self.is_incomplete = True
        for sent in [each for each in self._sent if each.sequence == sequence]:
            self._sent.remove(sent)
            self._forget(sent.waiting)

    def begin_anew(self, first: Iterable[Entry]) -> None:
        """Under a new number, `first` is said first. What nobody has taken from the old one is said again, as late.

        Where that is not all that there was, none of it is: of sessions that began, the end may be missing.
        """
        self._drop_fenced()
        unsaid = [*chain.from_iterable(sent.waiting for sent in self._sent), *self._waiting]
        again = [each for each in unsaid if not _is_of_number(each.entry)]
        if self.is_incomplete:
            self.is_incomplete = False
            again.clear()
            self._heard.clear()
        self._sent.clear()
        self._sequence = 0
        now = self._clock.own()
        self._waiting = deque(_Waiting(entry, 0, False, now) for entry in first)
        self._waiting.extend(_Waiting(each.entry, 0, True, each.since) for each in again)

    def heard_by(self, dn: str) -> Sequence[AgentHeard]:
        """OCS's words to an agent that have been relayed, are news to him, and that the stream has not shown."""
        return self._heard.get(dn, ())

    def _drop_fenced(self) -> None:
        self._waiting = deque(each for each in self._waiting if not each.fence)
        self._sent = deque(sent for sent in self._sent if not sent.waiting[0].fence)

    def _batch(self, instance: int, sent: _Sent) -> Batch:
        first = sent.waiting[0]
        entries = tuple(
            Seen(shared_by(each.entry.observation, instance)) if isinstance(each.entry, Seen) else each.entry
            for each in sent.waiting
        )
        return Batch(instance, sent.sequence, first.fence, first.late, entries, tuple(self._times(sent.waiting)))

    def _times(self, waiting: Sequence[_Waiting]) -> Iterator[int]:
        """When each was observed, by Redis's clock; nothing where nobody knows.

        Also where that was just now: what is sent to a Redis that hangs is appended when it goes on.
        """
        if self._clock.is_set:
            yield from (self._clock.shown(each.since) for each in waiting)

    def _forget(self, said: Iterable[_Waiting]) -> None:
        for each in said:
            if (heard := _heard_in(each.entry)) is not None:
                words = [other for other in self._heard.pop(heard.dn, ()) if other is not heard]
                if words:
                    self._heard[heard.dn] = words


def _heard_in(entry: Entry) -> AgentHeard | None:
    observation = entry.observation if isinstance(entry, Seen) else None
    return observation if isinstance(observation, AgentHeard) else None


def _is_of_number(entry: Entry) -> bool:
    """Whether an entry says something of the number that the instance had."""
    return isinstance(entry, Seen) and isinstance(entry.observation, (InstanceHeard, InstanceLeft))


def _alike(one: _Waiting, other: _Waiting) -> bool:
    return (one.fence, one.late) == (other.fence, other.late)


def covers(heard: Word, said: Word) -> bool:
    """Whether an agent who has heard the one from OCS need not, or must not, be told the other any more (R25, R27)."""
    if heard not in _IN_ORDER:
        return heard in WANTED_AGAIN
    return _IN_ORDER.index(heard) >= _IN_ORDER.index(said)
