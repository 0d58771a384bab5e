"""What is done later: by name, each once, and none of it any more once all are cancelled."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Calls:
    """Calls that are to be made, by name."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._calls: dict[str, IDelayedCall] = {}

    def __contains__(self, name: str) -> bool:
        """Whether it is still to be made."""
        return name in self._calls

    def make(self, name: str, seconds: float, what: Callable[[], None]) -> None:
        """Make it in so many seconds; in the place of one of that name that is still to be made."""

        def make() -> None:
            del self._calls[name]
            what()

        self.cancel(name)
        self._calls[name] = self._clock.callLater(max(0.0, seconds), make)

    def cancel(self, name: str) -> None:
        """Do not make it, if it is still to be made."""
        if name in self._calls:
            self._calls.pop(name).cancel()

    def cancel_all(self) -> None:
        """Make none of them."""
        for name in list(self._calls):
            self.cancel(name)


async def pause(clock: IReactorTime, seconds: float) -> None:
    """Let other things be done for so long; 0 is one turn of the reactor."""
    over: Deferred[None] = Deferred(lambda _: call.cancel())
    call = clock.callLater(seconds, over.callback, None)
    await over
