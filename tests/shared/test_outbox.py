"""What an instance has to say goes out in order, is said until it was seen, and counts once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from proxy.campaign.instances import shared
from proxy.campaign.observation import (
    AgentHeard,
    CountLost,
    DnRegistered,
    GroupNames,
    InstanceHeard,
    InstanceLeft,
    SourceConnected,
    Word,
)
from proxy.shared import outbox as room
from proxy.shared.entries import Batch, Entry, Seen, Woken
from proxy.shared.outbox import LONGEST, Outbox, covers

SALES = GroupNames(campaign="Sales")


def dn(number: int) -> Entry:
    return Seen(DnRegistered(1, str(number)))


def heard(word: Word, session: int = 1, dn: str = "3001") -> AgentHeard:
    return AgentHeard(session, dn, SALES, word)


def dns(*batches: Batch) -> list[str]:
    """The DNs of all entries."""
    seen = [entry.observation for batch in batches for entry in batch.entries if isinstance(entry, Seen)]
    return [observation.dn for observation in seen if isinstance(observation, DnRegistered)]


@pytest.fixture
def outbox() -> Outbox:
    made = Outbox()
    made.is_late = False
    return made


def all_of(outbox: Outbox, instance: int = 7) -> Sequence[Batch]:
    """All that waits goes out."""
    return list(iter(lambda: outbox.next_batch(instance), None))  # type: ignore[arg-type]


def test_what_waits_goes_out_in_order_in_as_few_batches_as_can_be(outbox: Outbox) -> None:
    """Many observations are one batch, up to a number; each has the next sequence, and numbers of sessions for all."""
    for number in range(LONGEST + 1):
        outbox.put(dn(number))
    first, second = all_of(outbox)
    assert dns(first, second) == [str(number) for number in range(LONGEST + 1)]
    assert (first.sequence, second.sequence, len(second.entries)) == (1, 2, 1)
    assert first.entries[0] == Seen(DnRegistered(shared(1, 7), "0"))


def test_a_batch_is_of_one_lead_and_late_or_not_as_a_whole(outbox: Outbox) -> None:
    """The order is kept between what holds under a lead and what does not, and between late and not late."""
    outbox.put(dn(1))
    outbox.put(Woken(), 5)
    outbox.put(dn(2))
    outbox.is_late = True
    outbox.put(dn(3))
    assert [(batch.fence, batch.late) for batch in all_of(outbox)] == [(0, False), (5, False), (0, False), (0, True)]


def test_what_was_not_seen_is_sent_again_under_its_number(outbox: Outbox) -> None:
    """A connection broke: batches that the stream has shown are not sent again; the others are, as they were."""
    for number in range(3):
        outbox.put(dn(number))
        all_of(outbox)
    outbox.seen(1)
    again = list(outbox.unconfirmed(7))
    assert [(batch.sequence, dns(batch)) for batch in again] == [(2, ["1"]), (3, ["2"])]
    assert (len(outbox), outbox.unseen) == (2, 2)
    outbox.seen(3)
    assert (len(outbox), outbox.unseen, list(outbox.unconfirmed(7))) == (0, 0, [])


def test_what_held_under_a_lead_is_not_said_under_none(outbox: Outbox) -> None:
    """After a break the lead is over: what OCS said under it, sent or not, is not said again."""
    outbox.put(Woken(), 5)
    outbox.put(dn(1))
    all_of(outbox)
    outbox.put(Seen(SourceConnected("tevents")), 5)
    outbox.put(dn(2))
    assert [(batch.sequence, dns(batch)) for batch in outbox.unconfirmed(7)] == [(2, ["1"])]
    assert [(batch.sequence, dns(batch)) for batch in all_of(outbox)] == [(3, ["2"])]


def test_under_a_new_number_the_old_ones_rest_is_said_as_late(outbox: Outbox) -> None:
    """What nobody took from the old number is said after the introduction, in order, and is no evidence (R14).

    What was said of the old number itself is not: nobody is to hear of it again.
    """
    outbox.put(dn(1))
    all_of(outbox)
    outbox.put(Seen(InstanceHeard(7, True)))
    outbox.put(Seen(InstanceLeft(6)))
    outbox.put(Woken(), 5)
    outbox.put(dn(2))
    outbox.begin_anew([Seen(InstanceHeard(8, True, 0.0)), dn(9)])
    first, rest = all_of(outbox, 8)
    assert (first.sequence, first.late, first.entries[0]) == (1, False, Seen(InstanceHeard(8, True, 0.0)))
    assert (rest.sequence, rest.late, len(rest.entries)) == (2, True, 2)
    assert dns(first, rest) == ["9", "1", "2"]


def test_more_than_can_wait_is_lost_and_known_to_be(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded. What waited is not said either then: of a session whose end was lost nobody is to hear."""
    monkeypatch.setattr(room, "MOST", 10)
    outbox.put(Seen(heard(Word.STOPPED)))
    for number in range(9):
        outbox.put(dn(number))
    assert not outbox.is_incomplete
    outbox.put(Seen(heard(Word.STARTED)))
    assert (len(outbox), outbox.is_incomplete) == (10, True)
    assert [each.word for each in outbox.heard_by("3001")] == [Word.STOPPED]
    outbox.begin_anew([Seen(CountLost())])
    assert ([batch.entries for batch in all_of(outbox)], outbox.is_incomplete) == ([(Seen(CountLost()),)], False)
    assert not outbox.heard_by("3001")


def test_what_cannot_be_written_is_known_to_be_lost(outbox: Outbox) -> None:
    """Nothing that comes after it is held up, and it does not count as said."""
    outbox.put(Seen(heard(Word.STOPPED)))
    outbox.put(dn(1), 5)
    first, second = all_of(outbox)
    outbox.drop(first.sequence)
    assert (outbox.is_incomplete, outbox.unseen, len(outbox)) == (True, 1, 1)
    assert not outbox.heard_by("3001")
    outbox.seen(second.sequence)
    assert not len(outbox)


def test_what_an_agent_heard_is_known_until_all_know_it(outbox: Outbox) -> None:
    """OCS's words that were relayed to an agent, on any of his sessions; not what only answers his question."""
    for session, word in ((1, Word.STOPPED), (2, Word.STOPPED), (1, Word.UNLOADED)):
        outbox.put(Seen(heard(word, session)))
        all_of(outbox)
    outbox.put(Seen(heard(Word.STARTED)), is_answer=True)
    outbox.put(Seen(heard(Word.STARTED, dn="3002")))

    def known() -> list[tuple[int, Word]]:
        return [(each.session, each.word) for each in outbox.heard_by("3001")]

    assert known() == [(1, Word.STOPPED), (2, Word.STOPPED), (1, Word.UNLOADED)]
    outbox.seen(1)
    assert known() == [(2, Word.STOPPED), (1, Word.UNLOADED)]
    outbox.begin_anew([])
    assert known() == [(2, Word.STOPPED), (1, Word.UNLOADED)]
    all_of(outbox)
    outbox.seen(1)
    assert (known(), list(outbox.heard_by("3002"))) == ([], [])
    assert not outbox._heard, "nothing is kept of agents of whom all is known"


@pytest.mark.parametrize(
    ("relayed", "said", "enough"),
    [
        (Word.STOPPED, Word.STOPPED, True),
        (Word.STOPPED, Word.UNLOADED, False),
        (Word.UNLOADED, Word.STOPPED, True),
        (Word.UNLOADED, Word.UNLOADED, True),
        (Word.STARTED, Word.STOPPED, True),
        (Word.LOADED, Word.UNLOADED, True),
        (Word.MODE_CHANGED, Word.STOPPED, False),
    ],
)
def test_who_need_not_be_told(relayed: Word, said: Word, enough: bool) -> None:
    """R25, R27: who has heard it from OCS, or what comes after it, or that he is wanted again."""
    assert covers(relayed, said) is enough
