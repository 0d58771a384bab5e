"""Writing behind the relay: what changed is taken on the reactor's thread, and written down on another.

Nothing on the way of a message waits for a disk. At most one batch is on its way; what changes meanwhile goes with the
next one: memory is bounded by what there is to know of groups, not by what happens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

from proxy.campaign.kept import Changes
from proxy.interfaces import IGroupStore

PAUSE = 0.01
"""Seconds between two batches: what the proxy has seen for so long may be forgotten when it is killed."""

SLOW = 5.0
"""Seconds after which a write that is not through is a problem: nothing can be completed without it."""

TRY_AGAIN = 1.0
"""Seconds until what could not be written is tried again."""


class File(Protocol):
    """Where changes are written; its methods wait for the disk."""

    def open(self, forget: bool = False) -> Changes:
        """All that is kept. Raises Unusable."""
        ...

    def write(self, changes: Changes, durable: bool) -> None:
        """Write down what changed; what could not be written is written with the next changes."""

    def close(self) -> None:
        """Nothing is written any more."""


@implementer(IGroupStore)
class WriteBehind:
    """A store that keeps groups in a file, with a thread of its own."""

    log = Logger()

    def __init__(self, file: File, reactor: Any) -> None:
        self.problem: str | None = None
        self.batches = 0
        self._file = file
        self._reactor = reactor
        self._pool = ThreadPool(minthreads=0, maxthreads=1, name="store")
        self._take: Callable[[], Changes] = Changes
        self._tell: Callable[[str | None], object] = lambda problem: None
        self._call: IDelayedCall | None = None
        self._writing = 0
        self._is_behind = False
        self._is_open = False
        self._mistake: str | None = None
        self._slow: IDelayedCall | None = None

    def open(self, forget: bool) -> Changes:
        """See IGroupStore."""
        kept = self._file.open(forget)
        self._pool.start()
        self._is_open = True
        return kept

    def watch(self, take: Callable[[], Changes], tell: Callable[[str | None], object]) -> None:
        """See IGroupStore."""
        self._take, self._tell = take, tell

    # ----------------------------------------------------------------------------------------------------- in batches

    def changed(self) -> None:
        """See IGroupStore."""
        if not self._is_behind and self._is_open:
            self._is_behind = True
            if self._call is None and not self._writing:
                self._write_in(PAUSE)

    def _write_in(self, seconds: float) -> None:
        if self._is_open:
            self._call = self._reactor.callLater(seconds, self._write_batch)

    def _write_batch(self) -> None:
        self._call = None
        self._write(durable=False).addErrback(self._said)

    def _said(self, _: Failure) -> None:
        """Whoever waits for a write is told of its failure; for a batch nobody waits."""

    # ----------------------------------------------------------------------------------------------------------- now

    def intend(self, group: str, step: str) -> Deferred[None]:
        """See IGroupStore."""
        return self._write(durable=True)

    def keep(self) -> Deferred[None]:
        """See IGroupStore."""
        return self._write(durable=True)

    def settled(self, group: str) -> None:
        """See IGroupStore: that is in what is taken of the group."""
        self.changed()

    def _write(self, durable: bool) -> Deferred[None]:
        """Take what changed, and have it written: in the order in which it was taken, for there is one thread."""
        self._is_behind = False
        try:
            changes = self._taken()
        except Exception:  # noqa: BLE001 (whatever it is: telephony goes on, nothing is completed, and it is shown)
            return fail(Failure())
        if not (changes or durable or self.problem):
            return succeed(None)
        self._writing += 1
        self.batches += 1
        if self._slow is None:
            self._slow = self._reactor.callLater(SLOW, self._is_slow)
        written: Deferred[None] = deferToThreadPool(self._reactor, self._pool, self._file.write, changes, durable)
        written.addCallbacks(self._written, self._not_written)
        return written

    def _taken(self) -> Changes:
        """What changed. Once some of that is lost by a mistake of ours, what is written would be no state that was."""
        if self._mistake is not None:
            raise RuntimeError(self._mistake)
        try:
            return self._take()
        except Exception as problem:
            self.log.failure("a mistake of ours in what is to be written")
            self._mistake = f"a mistake of ours, see the log: {problem!r}"
            self._is(self._mistake)
            raise

    def _is_slow(self) -> None:
        self._slow = None
        self._is(f"the disk takes more than {SLOW:g} s")

    def _through(self) -> None:
        """One write is through, well or not."""
        self._writing -= 1
        if self._slow is not None:
            self._slow.cancel()
            self._slow = self._reactor.callLater(SLOW, self._is_slow) if self._writing else None

    def _written(self, _: None) -> None:
        self._through()
        self._is(self._mistake)
        if self._is_behind and self._call is None and not self._writing:
            self._write_in(PAUSE)

    def _not_written(self, failure: Failure) -> Failure:
        self._through()
        self._is(failure.getErrorMessage())
        if self._call is None and not self._writing:
            self._write_in(TRY_AGAIN)
        return failure

    def _is(self, problem: str | None) -> None:
        if problem == self.problem:
            return
        self.problem = problem
        if problem is not None:
            self.log.error("the store cannot be written, and nothing is completed until it can: {why}", why=problem)
        else:
            self.log.info("the store is written again")
        self._tell(problem)

    # -------------------------------------------------------------------------------------------------------- the end

    def close(self) -> Deferred[None]:
        """See IGroupStore."""
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        if self._call is not None:
            self._call.cancel()
            self._call = None
        try:
            await self._write(durable=True)
        except Exception as problem:  # noqa: BLE001 (whatever it was: the process ends)
            self.log.error("the store could not be written at the end: {why}", why=problem)
        self._pool.stop()
        self._file.close()
