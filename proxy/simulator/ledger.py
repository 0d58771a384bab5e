"""What OCS really did, kept for whoever checks afterwards: the truth that no client is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class GroupPage:
    """The page of one group in the ledger: plain numbers.

    `accepted` and `refused` count control requests by name; `told` counts campaign events by agent DN and name,
    those that reached at least one client; `life` is what happened to the group, in order, and on whose word.
    """

    accepted: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    told: dict[str, Counter[str]] = field(default_factory=dict)
    life: list[dict[str, object]] = field(default_factory=list)
    statistics: Counter[str] = field(default_factory=Counter)
    retrievals: int = 0
    empty_retrievals: int = 0
    retrieved: int = 0
    delivered: int = 0
    finalized: int = 0
    rejected: int = 0
    rescheduled: int = 0
    retried: int = 0
    native_completions: int = 0


class Ledger:
    """A page for each group, and all control requests in order. `changed` is called after every entry."""

    def __init__(self, groups: list[str], changed: Callable[[], object]) -> None:
        self.pages = {name: GroupPage() for name in groups}
        self.requests: list[dict[str, object]] = []
        self.ignored = 0
        self._changed = changed

    def request(self, when: float, sender: str, request: str, group: str | None, refusal: str | None) -> None:
        """A control request was accepted, or refused with an error."""
        self.requests.append({"time": when, "sender": sender, "request": request, "group": group, "refused": refusal})
        if group is not None:
            page = self.pages[group]
            (page.accepted if refusal is None else page.refused)[request] += 1
        self._changed()

    def ignore(self) -> None:
        """A request that is not for this OCS, or of an application that is not linked to it."""
        self.ignored += 1
        self._changed()

    def tell(self, group: str, dn: str, event: str, clients: int) -> None:
        """A campaign event went to an agent, and reached so many clients."""
        if clients:
            self.pages[group].told.setdefault(dn, Counter())[event] += 1
            self._changed()

    def live(self, group: str, when: float, what: str) -> None:
        """A group was loaded, started, stopped, unloaded."""
        self.pages[group].life.append({"time": when, "what": what})
        self._changed()

    def count(self, group: str, field: str, number: int = 1) -> None:
        """Add to one of the plain numbers of a page."""
        page = self.pages[group]
        setattr(page, field, getattr(page, field) + number)
        self._changed()

    def as_json(self) -> dict[str, Any]:
        """The whole ledger, for the other one of a pair."""
        pages = {name: as_json(page) for name, page in self.pages.items()}
        return {"pages": pages, "requests": self.requests, "ignored": self.ignored}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on with the ledger of another OCS."""
        self.pages.update({name: page_from_json(page) for name, page in state["pages"].items()})
        self.requests.extend(state["requests"])
        self.ignored = state["ignored"]

    def statistic(self, group: str, name: str) -> None:
        """A statistics event was sent."""
        self.pages[group].statistics[name] += 1
        self._changed()


def page_from_json(state: Mapping[str, Any]) -> GroupPage:
    """The page again that `as_json` made."""
    counters = {name: Counter(state[name]) for name in ("accepted", "refused", "statistics")}
    told = {dn: Counter(events) for dn, events in state["told"].items()}
    return GroupPage(**{**state, **counters, "told": told})


def as_json(page: GroupPage) -> dict[str, Any]:
    """A page as JSON has it."""
    numbers = ("retrievals", "empty_retrievals", "retrieved", "delivered", "finalized", "rejected", "rescheduled")
    return {
        "accepted": dict(page.accepted),
        "refused": dict(page.refused),
        "told": {dn: dict(events) for dn, events in sorted(page.told.items())},
        "life": page.life,
        "statistics": dict(page.statistics),
        **{name: getattr(page, name) for name in (*numbers, "retried", "native_completions")},
    }
