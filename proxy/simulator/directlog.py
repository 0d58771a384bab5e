"""The log of the direct door: every message, as campaign managers print them.

23:57:57.891 OCMClient[9]::message received
GSW_CM_MessageType              7 [GSW_CM_ReqLoadCampaign]
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone

from proxy.direct.printed import heading, printed
from proxy.kvlist import Pair


class DirectLog:
    """Lines of the log, by message. `write` takes a whole line; `seconds` gives the time."""

    def __init__(self, write: Callable[[str], object], seconds: Callable[[], float]) -> None:
        self._write = write
        self._seconds = seconds

    def received(self, client: int, pairs: list[Pair]) -> None:
        """A client's request."""
        self._print(client, pairs, received=True)

    def sent(self, client: int, pairs: list[Pair]) -> None:
        """A message for a client."""
        self._print(client, pairs, received=False)

    def _print(self, client: int, pairs: list[Pair], received: bool) -> None:
        stamp = datetime.fromtimestamp(self._seconds(), timezone.utc)
        time = f"{stamp:%H:%M:%S}.{stamp.microsecond // 1000:03d}"
        self._write(heading(time, f"OCMClient[{client}]", received))
        for line in printed(pairs):
            self._write(line)
        self._write("")
