"""Several simulated agents in one process, and the report of what they heard and did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from random import Random
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from proxy.simulator.agent import Habits, SimulatedAgent
from proxy.simulator.service import STATUS_INTERVAL, write_json
from proxy.simulator.timers import Timers

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime


class Crew:
    """The agents of some DNs. `everything_unloaded` fires when every campaign that any of them heard of is over.

    `addresses` are endpoint strings, primary first, then backups. Where agents are `spread`, each one's primary is the
    one after that of the agent before.
    """

    def __init__(
        self,
        dns: Sequence[str],
        addresses: Sequence[str],
        habits: Habits,
        seed: int,
        reactor: IReactorTime,
        report_file: str | None = None,
        spread: bool = False,
    ) -> None:
        self.everything_unloaded: Deferred[None] = Deferred()
        self._timers = Timers(reactor)
        self._report_file = report_file
        self._report_is_due = False
        self.agents = [
            SimulatedAgent(
                dn, _from(place if spread else 0, addresses), habits, reactor, Random(f"{seed} {dn}"), self._changed
            )
            for place, dn in enumerate(dns)
        ]

    def begin(self) -> None:
        """Everybody comes to work."""
        for agent in self.agents:
            agent.begin()

    def end(self) -> None:
        """Everybody goes home; the report has the last word."""
        for agent in self.agents:
            agent.end()
        self._timers.cancel_all()
        self._write_report()

    def report(self) -> dict[str, Any]:
        """The diaries, by DN."""
        return {"agents": {agent.dn: asdict(agent.diary) for agent in self.agents}}

    def _changed(self) -> None:
        if not self._report_is_due:
            self._report_is_due = True
            self._timers.later(STATUS_INTERVAL, self._look)

    def _look(self) -> None:
        self._write_report()
        if not self.everything_unloaded.called and all(agent.is_done for agent in self.agents):
            self.everything_unloaded.callback(None)

    def _write_report(self) -> None:
        self._report_is_due = False
        if self._report_file is not None:
            write_json(self._report_file, self.report())


def _from(place: int, addresses: Sequence[str]) -> Sequence[str]:
    """The addresses in turn, from that at a place on."""
    first = place % len(addresses)
    return [*addresses[first:], *addresses[:first]]
