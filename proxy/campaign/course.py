"""A completion under way, as its group knows it: what `completion` does, the group only tells it what happens."""

from __future__ import annotations

from typing import Protocol

from proxy.campaign.kept import KeptCompletion
from proxy.campaign.observation import Status


class Course(Protocol):
    """A completion under way, as far as its group has to tell it what happens (R20 to R23)."""

    due_at: float | None

    def refused(self, reference: str, now: float) -> None:
        """OCS refuses a request with this reference."""

    def taken(self, reference: str, now: float) -> None:
        """OCS says that it takes a request with this reference."""

    def found(self, status: Status, now: float, reference: str | None) -> None:
        """OCS answers a status request."""

    def asked_again(self, reference: int, now: float) -> None:
        """The status is asked, as the control session is back."""

    def record_shows(self, in_hand: bool) -> None:
        """Something shows a record; `in_hand` where OCS has it in hand again."""

    def went_on(self, now: float) -> None:
        """OCS's word, or a status, may have moved the group."""

    def proceed(self, now: float) -> None:
        """Take the next step, if it is time."""

    def abandon(self, why: str) -> None:
        """The group is wanted again."""

    def disarmed(self) -> None:
        """The group is armed no more."""

    def count_lost(self) -> None:
        """Nobody knows any more what became of the group's records."""

    def waiting_for(self, now: float) -> str:
        """What it waits for, in an operator's words."""
        ...

    def kept(self) -> KeptCompletion:
        """How far it is, as it is kept."""
        ...

    def wants(self, reference: int, now: float) -> bool:
        """Whether a request that is written down now is still to be sent."""
        ...
