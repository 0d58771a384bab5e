"""A switchboard between groups and a control session and a store that note what they are asked."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface import implementer

from proxy.campaign.groups import Groups
from proxy.campaign.observation import (
    Action,
    ActionAcknowledged,
    ActionRequested,
    ControlRequested,
    DesktopError,
    DnRegistered,
    GroupNames,
    RecordDelivered,
    RecordRequested,
    Request,
    SourceConnected,
    Status,
    StatusHeard,
    Word,
    WordHeard,
)
from proxy.campaign.policy import By, ConfiguredGroup, Policy
from proxy.interfaces import IDialerControl, IGroupStore
from proxy.store.memory import MemoryStore
from proxy.switchboard import Switchboard

SALES = GroupNames(dbid=101, name="Sales@Agents", campaign="Sales")


@implementer(IDialerControl)
class NotedControl:
    """A control session that is registered, and notes what it is to send."""

    name = "tevents"

    def __init__(self) -> None:
        self.registered = True
        self.sent: list[tuple[str, int | None, int]] = []

    def stop(self, names: GroupNames, reference: int) -> None:
        self.sent.append(("stop", names.dbid, reference))

    def unload(self, names: GroupNames, reference: int) -> None:
        self.sent.append(("unload", names.dbid, reference))

    def ask_status(self, names: GroupNames, reference: int) -> None:
        self.sent.append(("ask_status", names.dbid, reference))

    def cut_off(self) -> None:
        self.sent.append(("cut off", None, 0))

    @property
    def steps(self) -> list[str]:
        """What was sent, without status requests."""
        return [step for step, _, _ in self.sent if step != "ask_status"]


class SlowStore(MemoryStore):
    """A store that writes down what is intended when a test says so."""

    def __init__(self) -> None:
        self.intended: list[tuple[str, str]] = []  # type: ignore[assignment]
        self.over: list[str] = []
        self.writing: list[Deferred[None]] = []

    def intend(self, group: str, step: str) -> Deferred[None]:
        self.intended.append((group, step))
        self.writing.append(Deferred())
        return self.writing[-1]

    def settled(self, group: str) -> None:
        self.over.append(group)


class Desk:
    """A switchboard on a clock, with one group, Sales@Agents."""

    def __init__(
        self,
        groups: Groups | None = None,
        store: IGroupStore | None = None,
        clock: Clock | None = None,
        **policy: object,
    ) -> None:
        self.clock = clock or Clock()
        self.clock.advance(1000)
        options = Policy(by=By.PROXY, **policy)  # type: ignore[arg-type]
        self.groups = groups or Groups(options, [ConfiguredGroup(SALES, options)], 1)
        self.control = NotedControl()
        self.board = Switchboard(
            self.groups, store or MemoryStore(), self.clock, self.clock.seconds, lambda: self.clock.seconds() + 1e9
        )
        self.board.controls["tevents"] = self.control
        self.board.observe(SourceConnected("tevents"))

    @property
    def group(self) -> dict[str, object]:
        """The status of the group."""
        return self.board.status()[0]

    @property
    def news(self) -> list[object]:
        """The time line."""
        return [entry["news"] for entry in self.board.timeline]

    def word(self, word: Word) -> None:
        """OCS's word on the group's life."""
        self.board.observe(WordHeard(SALES, word, "tevents", "Preview"))

    def status(self, status: Status) -> None:
        """OCS's answer to the latest status request."""
        reference = next(number for step, _, number in reversed(self.control.sent) if step == "ask_status")
        self.board.observe(StatusHeard(SALES, status, "tevents", None, str(reference)))

    def exhaust(self) -> None:
        """A client loads and starts the group; its only record is processed; there are no more."""
        observe = self.board.observe
        observe(ControlRequested(1, SALES, Request.LOAD, (1,)))
        self.word(Word.LOADED)
        observe(ControlRequested(1, SALES, Request.START, (1,)))
        self.word(Word.STARTED)
        observe(DnRegistered(7, "3001"))
        observe(RecordRequested(7, "3001", SALES))
        observe(RecordDelivered(7, "3001", SALES, "PreviewRecord", "12"))
        observe(ActionRequested(7, "3001", SALES, Action.PROCESS, "12"))
        observe(ActionAcknowledged(7, "3001", SALES, Action.PROCESS, "12"))
        observe(RecordRequested(7, "3001", SALES))
        observe(DesktopError(7, "3001", SALES, no_records=True))
