"""Writing behind the relay: in order, in batches, and never on the reactor's thread."""

from __future__ import annotations

import sqlite3
import threading

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from proxy.campaign.kept import Changes
from proxy.campaign.records import KeptRecord, State
from proxy.interfaces import IGroupStore
from proxy.store import behind
from proxy.store.behind import WriteBehind
from proxy.store.memory import MemoryStore
from proxy.store.sqlite import SqliteFile
from proxy.store.urls import store_of, store_url

RECORD = KeptRecord("77", State.OUTSTANDING, "", None, None, None, None, None, None, 1, None, False, 1, True)


class NotedFile:
    """A file that notes what it is given, and fails while `problem` is set."""

    def __init__(self) -> None:
        self.written: list[tuple[list[int], bool]] = []
        self.threads: set[int] = set()
        self.problem: Exception | None = None
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.is_closed = False
        self._owed = Changes()

    def open(self, forget: bool = False) -> Changes:
        return Changes()

    def write(self, changes: Changes, durable: bool) -> None:
        self.threads.add(threading.get_ident())
        assert self.goes_on.wait(300)
        self._owed.add(changes)
        if self.problem is not None:
            raise self.problem
        self.written.append((sorted(number for _, _, number in self._owed.records), durable))
        self._owed = Changes()

    def close(self) -> None:
        self.is_closed = True


class BehindTests(TestCase):
    """A store on the real reactor, with a thread of its own."""

    timeout = 300

    def setUp(self) -> None:
        self.file = NotedFile()
        self.store = WriteBehind(self.file, reactor)
        self.store.open(False)
        self.told: list[str | None] = []
        self.next: list[int] = []
        self._waiting: list[Deferred[None]] = []
        self.store.watch(self._take, self._tell)
        self.addCleanup(self.store.close)

    def _take(self) -> Changes:
        taken, self.next = self.next, []
        return Changes(records={(1, 1, number): RECORD for number in taken})

    def _tell(self, problem: str | None) -> None:
        self.told.append(problem)
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)

    def changes(self, *numbers: int) -> None:
        """Something changed."""
        self.next += numbers
        self.store.changed()

    def is_told(self) -> Deferred[None]:
        """Fires when the store says how it is."""
        self._waiting.append(Deferred())
        return self._waiting[-1]

    async def test_what_changed_is_written_together(self) -> None:
        """Many changes are one batch, in a thread that is not the reactor's."""
        for number in range(5):
            self.changes(number)
        await self.store.keep()
        self.assertEqual(self.file.written, [([0, 1, 2, 3, 4], True)])
        self.assertNotIn(threading.get_ident(), self.file.threads)

    async def test_the_intention_takes_all_with_it(self) -> None:
        """R20: when the intention is durable, so is all that was seen before; what comes meanwhile goes next."""
        self.file.goes_on.clear()
        self.changes(1)
        first = self.store.keep()
        self.changes(2)
        intended = self.store.intend("Sales@Agents", "stop")
        self.changes(3)
        self.assertFalse(first.called or intended.called)
        self.file.goes_on.set()
        await intended
        self.assertEqual(self.file.written, [([1], True), ([2], True)])
        await self.store.close()
        self.assertEqual(self.file.written[-1], ([3], True))
        self.assertTrue(self.file.is_closed)

    async def test_a_batch_is_written_by_itself(self) -> None:
        """Nobody has to ask for it."""
        self.changes(1)
        while not self.file.written:
            await self._turn()
        self.changes(2)
        while len(self.file.written) < 2:
            await self._turn()
        self.assertEqual(self.file.written, [([1], False), ([2], False)])

    def _turn(self) -> Deferred[None]:
        turn: Deferred[None] = Deferred()
        reactor.callLater(0, turn.callback, None)  # type: ignore[attr-defined]
        return turn

    async def test_at_most_one_batch_is_on_its_way(self) -> None:
        """A disk that hangs does not fill the memory: what changes meanwhile waits to be taken."""
        self.file.goes_on.clear()
        self.changes(1)
        while not self.file.threads:
            await self._turn()
        for number in range(2, 100):
            self.changes(number)
            await self._turn()
        self.assertEqual(self.store.batches, 1)
        self.file.goes_on.set()
        await self.store.keep()
        self.assertEqual(self.file.written, [([1], False), (list(range(2, 100)), True)])

    async def test_a_disk_that_fails_and_comes_back(self) -> None:
        """It is said once, tried again, and nothing is left out."""
        self.file.problem = sqlite3.OperationalError("database or disk is full")
        told = self.is_told()
        self.changes(1)
        await told
        self.assertEqual(self.store.problem, "database or disk is full")
        self.changes(2)
        intended = self.store.intend("Sales@Agents", "stop")
        failure = await self.assertFailure(intended, sqlite3.OperationalError)
        self.assertIn("full", str(failure))
        self.changes(3)
        self.file.problem = None
        await self.is_told()
        self.assertEqual(self.told, ["database or disk is full", None])
        self.assertEqual(self.file.written, [([1, 2, 3], False)])
        self.flushLoggedErrors()

    async def test_a_disk_that_hangs(self) -> None:
        """It is said, and taken back when the disk goes on."""
        self.patch(behind, "SLOW", 0.05)
        self.file.goes_on.clear()
        told = self.is_told()
        intended = self.store.intend("Sales@Agents", "stop")
        await told
        self.assertEqual(self.store.problem, "the disk takes more than 0.05 s")
        self.file.goes_on.set()
        await intended
        self.assertEqual(self.told[-1], None)
        self.flushLoggedErrors()

    async def test_a_mistake_of_ours(self) -> None:
        """What cannot be taken leaves a hole: nothing is written any more, and nothing is completed."""

        def mistaken() -> Changes:
            raise ZeroDivisionError

        self.store.watch(mistaken, self._tell)
        for _ in range(2):
            await self.assertFailure(self.store.intend("Sales@Agents", "stop"), ZeroDivisionError, RuntimeError)
            self.store.watch(self._take, self._tell)
        self.assertEqual(self.told, ["a mistake of ours, see the log: ZeroDivisionError()"])
        self.assertEqual(self.file.written, [])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    async def test_a_real_file(self) -> None:
        """The same with SQLite."""
        path = self.mktemp()
        store = store_of(f"sqlite:{path}", reactor)
        self.assertTrue(IGroupStore.providedBy(store))
        store.open(False)
        store.watch(self._take, self._tell)
        self.next = [1, 2]
        await store.keep()
        self.next = [3]
        await store.close()
        file = SqliteFile(path)
        self.assertEqual(sorted(number for _, _, number in file.open().records), [1, 2, 3])
        file.close()


class UrlTests(TestCase):
    """What stands in the conf file."""

    def test_which_store_is_meant(self) -> None:
        """memory: and sqlite:PATH are for one proxy alone; what is no store is an error that names those there are."""
        self.assertIsInstance(store_of(store_url("memory:"), reactor), MemoryStore)
        self.assertIsInstance(store_of(store_url("sqlite:/var/lib/groups.db"), reactor), WriteBehind)
        for wrong, said in (("sqlite:", "path is missing"), ("memory", "there are:"), ("file:/x", "sqlite:PATH")):
            with self.assertRaises(ValueError) as problem:
                store_url(wrong)
            self.assertIn(said, str(problem.exception))
