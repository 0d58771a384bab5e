"""Witnesses of a proxy that shares its groups: they watch only while it leads, and it may lead several times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from twisted.logger import Logger
from zope.interface import implementer

from proxy.campaign.observation import GroupNames, Observation
from proxy.interfaces import IConfirmingWitness, IRecordWitness

AT_REST = "watches only where the proxy leads"
"""The problem of a witness that is not to watch now."""


@implementer(IConfirmingWitness)
class WhileLeading:
    """A witness that can be begun again: each time it is a new one, with a new one's knowledge of what is past (R14).

    `make` makes one, not yet watching; what it raises for the first one is raised here. Counts go on over all of them.
    """

    log = Logger()

    def __init__(self, make: Callable[[], IRecordWitness]) -> None:
        self._make = make
        self._new: IRecordWitness | None = make()
        self.name = self._new.name
        self._watching: IRecordWitness | None = None
        self._mistake: str | None = None
        self._before: Counter[str] = Counter(self._new.counts)

    @property
    def watches(self) -> bool:
        """Whether it is to watch now."""
        return self._watching is not None or self._mistake is not None

    @property
    def problem(self) -> str | None:
        """See IRecordWitness; AT_REST where it is not to watch."""
        return self._mistake or (AT_REST if self._watching is None else self._watching.problem)

    @property
    def counts(self) -> Mapping[str, int]:
        """What was counted, by name, in all its lives."""
        counted = Counter(self._before)
        if self._watching is not None:
            counted.update(self._watching.counts)
        return counted

    def watch(self, observe: Callable[[Observation], object]) -> None:
        """See IRecordWitness. Raises nothing: one that cannot begin has a problem, and the log says which.

        Nothing that it reports reaches `observe` once it was stopped.
        """
        self.stop()
        try:
            witness, self._new = self._new or self._make(), None
            self._watching = witness
            witness.watch(lambda seen: observe(seen) if self._watching is witness else None)
        except Exception:  # noqa: BLE001 (a plug-in's mistake, say: the proxy leads on without it)
            self.log.failure("witness {name}: cannot begin", name=self.name)
            self.stop()
            self._mistake = "could not begin, see the log"

    def stop(self) -> None:
        """See IRecordWitness."""
        witness, self._watching, self._mistake = self._watching, None, None
        if witness is None:
            return
        try:
            witness.stop()
        except Exception:  # noqa: BLE001 (as above: what it may still report is heard by nobody)
            self.log.failure("witness {name}: did not stop in order", name=self.name)
        self._before.update(witness.counts)

    def ask(self, names: GroupNames, question: int) -> None:
        """See IConfirmingWitness. One that is at rest, or cannot be asked, leaves the question without an answer."""
        if self._watching is None:
            self.log.info("witness {name}: is asked, and does not watch now", name=self.name)
        elif IConfirmingWitness.providedBy(self._watching):
            self._watching.ask(names, question)
        else:
            self.log.error("witness {name}: confirms, and cannot be asked", name=self.name)
