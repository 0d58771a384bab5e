"""The witness as the service has it: on the real reactor, with its real threads, on real files."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from proxy.campaign.observation import Observation, Retrieved, WitnessFound, WitnessLost
from proxy.witness.ocs_log import ocs_log

LINE = "16:19:06.052 CM_DBCallList(201-101-732): SP return value (ReadyCount):{}\n"


class TestThreads(TestCase):
    """A log that grows while it is read."""

    timeout = 300

    def setUp(self) -> None:
        """A log of 20000 lines, most of them about something else."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "ocs.log")
        self.path.write_text("".join(LINE.format(n) + "16:19:06.053 anything\n" * 9 for n in range(2000)))
        self.said: list[Observation] = []
        self.wanted: tuple[Observation, Deferred[None]] | None = None
        values = {option: default for option, (_, default) in ocs_log.options.items()}
        values |= {"file": str(self.path), "interval": 0.01, "late": 50.0}
        self.witness = ocs_log.witness("log", values, reactor)
        self.addCleanup(self.witness.stop)

    def observe(self, observation: Observation) -> None:
        """What it says."""
        self.said.append(observation)
        if self.wanted is not None and self.wanted[0] == observation:
            self.wanted[1].callback(None)

    def until(self, observation: Observation) -> Deferred[None]:
        """Fires when this is said."""
        said: Deferred[None] = Deferred()
        self.wanted = (observation, said)
        return said

    async def test_all_is_read_in_order(self) -> None:
        """What was there, what comes, and what comes in a new file; then a truncation."""
        found = self.until(WitnessFound("log"))
        self.witness.watch(self.observe)
        await found
        counts = [said.brought for said in self.said if isinstance(said, Retrieved)]
        self.assertEqual(counts, list(range(2000)))
        self.assertEqual(self.witness.counts["lines"], 20000)

        last = Retrieved("log", self.said[0].names, "201", "untold", 5001)  # type: ignore[union-attr]
        rotated = self.until(last)
        with self.path.open("a") as file:
            file.write(LINE.format(5000))
        self.path.rename(self.path.with_name("ocs.log.1"))
        self.path.write_text(LINE.format(5001))
        await rotated
        self.assertEqual([said.brought for said in self.said[-2:] if isinstance(said, Retrieved)], [5000, 5001])

        lost = self.until(WitnessLost("log"))
        os.truncate(self.path, 0)
        await lost
        self.assertIsNotNone(self.witness.problem)
