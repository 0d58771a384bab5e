"""What is kept of groups, as plain data: what a store writes down, and what groups are taken up again from.

Times are seconds of the time of day, None for never: the clock of the groups begins anew with each process. What
changed is taken together, as one `Changes`: written one after the other they are a consistent prefix of what happened.
"""

from __future__ import annotations

from attrs import define, field, frozen

from proxy.campaign.life import State
from proxy.campaign.observation import Request, Word
from proxy.campaign.records import KeptRecord
from proxy.kvlist import Pair

NEVER = float("-inf")


JUMPED = 1.0
"""By how many seconds the time of day must have been set for what is kept from then on to follow it."""


class Times:
    """Between the clock of the groups and the time of day. What came later is later in both, to the microsecond."""

    def __init__(self, now: float, wall: float) -> None:
        self._now = now
        self._apart = wall - now

    def it_is(self, now: float, wall: float) -> None:
        """What both clocks show."""
        self._now = now
        if abs(wall - now - self._apart) > JUMPED:
            self._apart = wall - now

    def kept(self, when: float) -> float:
        """A moment of the groups, as it is kept."""
        return when + self._apart

    def kept_if(self, when: float | None) -> float | None:
        """The same of what may never have been."""
        return None if when is None or when == NEVER else when + self._apart

    def past(self, kept: float) -> float:
        """A moment that is over, as the groups have it; not in the future, whatever was done to the time of day."""
        return min(self._now, kept - self._apart)

    def past_if(self, kept: float | None) -> float | None:
        """The same of what may never have been."""
        return None if kept is None else self.past(kept)


@frozen
class KeptNames:
    """See GroupNames."""

    dbid: int | None
    campaign_id: int | None
    group_id: int | None
    name: str | None
    campaign: str | None


@frozen
class KeptSession:
    """A session of a group, but for its records and agents.

    `evidence` is who said that there are no more records, and when: for explanation only (R14).
    """

    number: int
    armed: bool
    decided_by: int
    mode: str | None
    delivered: int
    touched: bool
    evidence: dict[str, float]


@frozen
class KeptRequest:
    """What a client asked of a group and OCS has not answered; `is_ours` where it is a request of our own."""

    number: int
    is_ours: bool
    request: Request
    armed: bool
    mode: str | None
    reference: str | None
    doubted: bool
    taken: bool
    sessions: int
    runs: int


@frozen
class KeptCompletion:
    """How far a completion is: its step by name, and the requests that were meant to be sent for that step."""

    title: str
    rule: str
    step: str
    attempts: int
    reference: int | None
    references: list[str]
    taken: bool
    unloads: bool
    came_back: bool


@frozen
class KeptHearing:
    """What was heard on one session of an agent, when the proxy said it, and what is still to be heard."""

    heard: list[Word]
    told: dict[Word, float]
    waiting: list[Word]


@frozen
class KeptNotices:
    """Who has heard what of a completion, by DN; `let_go`: who is told nothing any more (R27)."""

    agents: dict[str, list[KeptHearing]]
    let_go: list[str]


@frozen
class KeptGroup:
    """A group, but for the records and agents of its sessions."""

    names: KeptNames
    state: State
    run: int
    in_run: bool
    in_trouble: bool
    completions: int
    would_complete: int | None
    session: KeptSession
    former: KeptSession | None
    upcoming: KeptSession | None
    requests: list[KeptRequest]
    completion: KeptCompletion | None
    notices: KeptNotices | None


GroupSessionKey = tuple[int, int]
"""The number of a group, and that of one of its sessions."""


@define
class Changes:
    """What changed: what there is now, or None where there is nothing any more.

    Groups by their number; records by the numbers of group and session and their own; agents by those and their DN.
    `over` are sessions of which nothing is kept any more; what else is there of them
    came later. `in_trouble`: see Surroundings; None where that is as it was.
    """

    groups: dict[int, KeptGroup | None] = field(factory=dict)
    over: set[GroupSessionKey] = field(factory=set)
    records: dict[tuple[int, int, int], KeptRecord | None] = field(factory=dict)
    agents: dict[tuple[int, int, str], tuple[Pair, ...] | None] = field(factory=dict)
    in_trouble: bool | None = None

    def __bool__(self) -> bool:
        return self.in_trouble is not None or any((self.groups, self.over, self.records, self.agents))

    def add(self, later: Changes) -> None:
        """What changed after that, too."""
        gone = {number for number, group in later.groups.items() if group is None}
        if later.over or gone:
            self.records = {
                key: kept for key, kept in self.records.items() if key[:2] not in later.over and key[0] not in gone
            }
            self.agents = {
                key: kept for key, kept in self.agents.items() if key[:2] not in later.over and key[0] not in gone
            }
        self.over |= later.over
        self.groups.update(later.groups)
        self.records.update(later.records)
        self.agents.update(later.agents)
        if later.in_trouble is not None:
            self.in_trouble = later.in_trouble
