"""The groups, played to in the time of the logs, and what they would have done.

Nothing is sent in a replay, so nothing is waited for: whatever `by` says, groups are completed by nobody, and say what
would have been done (R29).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from attrs import evolve

from proxy.campaign.groups import Groups
from proxy.campaign.names import compatible, own
from proxy.campaign.observation import (
    Announce,
    Command,
    GroupNames,
    Observation,
    StatusHeard,
    WakeAt,
    WitnessFound,
    WordHeard,
)
from proxy.campaign.policy import By, ConfiguredGroup, Control, Policy
from proxy.campaign.sources import TELL_STATES
from proxy.config import Config
from proxy.replay.clients import Clients
from proxy.replay.entries import OF_DIRECT, Controlled, Entry, Teller, Witnessed
from proxy.replay.reader import WITNESS
from proxy.replay.report import Report


class Play:
    """Entries in, in the order of their times; a report grows. `config` is that of the proxy that is thought of.

    `tellers` are those of the logs, of T-Events; `direct_is_traced`: one of them is the proxy's of the direct protocol.
    """

    def __init__(self, config: Config | None, tellers: Iterable[Teller], direct_is_traced: bool = False) -> None:
        policy = config.policy if config is not None else Policy()
        configured = config.groups if config is not None else ()
        self.groups = Groups(
            evolve(policy, by=By.NOBODY),
            [ConfiguredGroup(group.names, evolve(group.policy, by=By.NOBODY)) for group in configured],
        )
        self.report = Report()
        self.left_out = 0
        """How many messages were left out, because somebody who knows more logged them, too."""
        self._best = min(tellers, default=Teller.NOBODY_KNOWS)
        self._best_of_direct = Teller.PROXY if direct_is_traced else Teller.NOBODY_KNOWS
        self._begun = False
        self._now: float | None = None
        self._wake_at: float | None = None
        dn = config.tevents.communication_dn if config is not None and config.tevents is not None else None
        self._control = policy.control
        self._controls = [(group.names, group.policy.control) for group in configured]
        every = (policy.control, *(control for _, control in self._controls))
        controls = {each.value for each in every} | {_tells_of(each) for each in every}
        self._traced: set[str] = set()
        self._clients = Clients(self._observe, dn, policy.answer_timeout, controls)
        self._witness_is_there = False

    def tell(self, entry: Entry) -> None:
        """The next entry. What lies behind the one before happens now."""
        if self._is_known_better(entry):
            self.left_out += 1
            return
        now = entry.when if self._now is None else max(self._now, entry.when)
        self._wake_until(now)
        self._now = now
        self.report.span(now)
        if not self._begun:
            self._begun = True
            best = {Control.TEVENTS: self._best, Control.DIRECT: self._best_of_direct}
            self._traced = {each.value for each, teller in best.items() if teller is Teller.PROXY}
            self._clients.begin(self._traced)
        if isinstance(entry.what, Witnessed) and not self._witness_is_there:
            self._witness_is_there = True
            self._observe(WitnessFound(WITNESS))
        self._clients.tell(entry, now)

    def _is_known_better(self, entry: Entry) -> bool:
        """Whether somebody who knows more logged it, too."""
        if isinstance(entry.what, (Witnessed, Controlled)):
            return False
        if isinstance(entry.what, OF_DIRECT):
            self._best_of_direct = min(self._best_of_direct, entry.teller)
            return entry.teller > self._best_of_direct
        self._best = min(self._best, entry.teller)
        return entry.teller > self._best

    def end(self) -> Report:
        """There are no more entries."""
        now = self._now or 0.0
        self.report.end(now, self.groups.status(now), self.groups.counts)
        return self.report

    def _observe(self, seen: Observation) -> None:
        assert self._now is not None
        if isinstance(seen, (WordHeard, StatusHeard)):
            seen = self._as_its_control_says(seen)
        self._carry_out(self.groups.observe(seen, self._now), self._now)

    def _as_its_control_says(self, seen: WordHeard | StatusHeard) -> Observation:
        """A group follows its control (R1). Where no trace tells what that said, whoever tells it says it instead."""
        control = next((control for names, control in self._controls if _share(names, seen.names)), self._control)
        source = _tells_of(control)
        return seen if source in self._traced else replace(seen, source=source)

    def _wake_until(self, now: float) -> None:
        while self._wake_at is not None and self._wake_at <= now:
            at, self._wake_at = self._wake_at, None
            self._carry_out(self.groups.wake(at), at)
            if self._wake_at is not None and self._wake_at <= at:
                self._wake_at = None

    def _carry_out(self, commands: Iterable[Command], now: float) -> None:
        for command in commands:
            if isinstance(command, WakeAt):
                self._wake_at = command.when
            elif isinstance(command, Announce):
                self.report.announced(now, command, lambda: self.groups.status(now))


def _tells_of(control: Control) -> str:
    """The source whose words a group with this control follows: HTTP tells no states, T-Events does."""
    return control.value if control.value in TELL_STATES else Control.TEVENTS.value


def _share(known: GroupNames, names: GroupNames) -> bool:
    """Whether these are names of the same group, for certain."""
    return compatible(known, names) and not set(own(known)).isdisjoint(own(names))
