"""How what this instance has to say gets into the stream: in batches, in order, again where it may not have arrived."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from proxy.shared.calls import Calls
from proxy.shared.clock import SharedClock, milliseconds_of
from proxy.shared.entries import Batch, Entry, text_of
from proxy.shared.outbox import Outbox
from proxy.shared.stream import Stream

AT_A_TIME = 2
"""How many batches are on their way at a time; what is said meanwhile goes with the next."""


class Saying:
    """From `begin` to `stop` all that is put in is sent; before and after, it waits in `outbox`.

    `go` does something meanwhile, and hears of it where it fails.
    """

    log = Logger()

    def __init__(self, clock: IReactorTime, stream: Stream, go: Callable[[Coroutine[Any, Any, object]], None]) -> None:
        self._shared_clock = SharedClock(clock.seconds)
        self.outbox = Outbox(self._shared_clock)
        self._stream = stream
        self._go = go
        self._calls = Calls(clock)
        self._epoch = ""
        self._number = 0
        self._goes_out = False
        self._on_way = 0

    def begin(self, epoch: str, number: int) -> None:
        """There is touch with Redis: first, what was sent and has not been seen is sent again, under its numbers."""
        self._epoch, self._number = epoch, number
        self._goes_out, self.outbox.is_late = True, False
        for batch in self.outbox.unconfirmed(number):
            self._send(batch)
        self._flush_soon()

    def stop(self) -> None:
        """The touch is lost: what is put in from now on is late."""
        self._goes_out, self.outbox.is_late = False, True
        self._calls.cancel_all()
        self._on_way = 0

    def put(self, entry: Entry, fence: int = 0, is_answer: bool = False) -> None:
        """Say this; see Outbox.put."""
        self.outbox.put(entry, fence, is_answer)
        self._flush_soon()

    async def last(self) -> None:
        """Say all that waits, and nothing more. Raises Unreachable, Replaced."""
        self.stop()
        while (batch := self.outbox.next_batch(self._number)) is not None:
            if (text := self._text(batch)) is not None:
                await self._stream.append(self._epoch, text)

    def _flush_soon(self) -> None:
        if self._goes_out and "flush" not in self._calls:
            self._calls.make("flush", 0.0, self._flush)

    def _flush(self) -> None:
        at_a_time = AT_A_TIME if self._shared_clock.is_set else 1
        while self._on_way < at_a_time and (batch := self.outbox.next_batch(self._number)) is not None:
            self._send(batch)

    def _send(self, batch: Batch) -> None:
        if (text := self._text(batch)) is not None:
            self._on_way += 1
            self._go(self._append(text))

    async def _append(self, text: str) -> None:
        asked = self._shared_clock.own()
        position = await self._stream.append(self._epoch, text)
        self._shared_clock.answered(asked, milliseconds_of(position))
        if self._goes_out:
            self._on_way -= 1
            self._flush()

    def _text(self, batch: Batch) -> str | None:
        """None where it cannot be written, by a mistake of ours: the others are told that something is missing."""
        try:
            return text_of(batch)
        except Exception:  # noqa: BLE001 (whatever it is, what was observed before and after it is said)
            self.log.failure("what was observed here cannot be told to the other proxies")
            self.outbox.drop(batch.sequence)
            return None
