"""A session of a group: what is counted from OCS's loaded to its unloaded."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define, field

from proxy.campaign.evidence import Evidence, Tally
from proxy.campaign.plain import APART, MANY
from proxy.campaign.records import Records
from proxy.kvlist import Pair


class Agents(dict[str, tuple[Pair, ...]]):
    """The agents of a session by DN, and the pairs of the last campaign event that each of them got."""

    def __init__(self) -> None:
        super().__init__()
        self._changed: set[str] = set()

    def __setitem__(self, dn: str, pairs: tuple[Pair, ...]) -> None:
        if self.get(dn) != pairs:
            super().__setitem__(dn, pairs)
            self._changed.add(dn)

    def setdefault(self, dn: str, pairs: tuple[Pair, ...] = ()) -> tuple[Pair, ...]:
        """See dict."""
        if dn not in self:
            self[dn] = pairs
        return self[dn]

    def note_all(self) -> None:
        """All of them count as new."""
        self._changed.update(self)

    def take_changes(self) -> set[str]:
        """Those who are new, or got something else, since this was asked last."""
        changed, self._changed = self._changed, set()
        return changed


@define(eq=False)
class GroupSession:
    """What is counted from OCS's loaded to its unloaded; it stays readable after that.

    `decided_by` is the number of the client's request that decided last whether it is armed (R3).
    """

    number: int
    armed: bool = False
    decided_by: int = 0
    mode: str | None = None
    records: Records = field(factory=Records, metadata=APART)
    evidence: Evidence = field(factory=Evidence)
    tallies: dict[str, Tally] = field(factory=dict, metadata=APART)
    agents: Agents = field(factory=Agents, metadata=MANY)
    witnesses_differ: bool = False

    @property
    def retrieved(self) -> int | None:
        """How many records were retrieved, None where no witness knows (R10)."""
        if not self.tallies:
            return None
        told = [tally.retrieved for tally in self.tallies.values() if tally.whole]
        return max((number for number in told if number is not None), default=None)

    def seen_from_its_beginning(self, witnesses: Iterable[str], was_known: bool) -> None:
        """OCS loads the group now: a witness that is there knows all that will be retrieved.

        Where nothing was known of the group before (`was_known`), what a witness has told may be of an earlier session.
        """
        for witness in sorted(witnesses):
            tally = self.tallies.setdefault(witness, Tally())
            tally.whole = was_known or tally.begun or tally.retrieved is None

    def note_all(self) -> None:
        """All records and agents count as others than they were when what changed was asked last."""
        self.records.note_all()
        self.agents.note_all()

    def begin_anew(self) -> None:
        """Whatever said that there are no more records does not say it any more (R14)."""
        self.evidence.new_run()
        for tally in self.tallies.values():
            tally.begin_anew()
