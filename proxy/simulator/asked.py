"""Who asked OCS for what it does: an application on the Communication DN, a client of the direct door, or over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from proxy.kvlist import Pair
from proxy.simulator import vocabulary as word
from proxy.simulator.vocabulary import Control


class DirectClient(Protocol):
    """Who hears the answer to what it asked: a campaign manager at the direct door, or who asks over HTTP."""

    def tell(self, pairs: list[Pair]) -> None:
        """Send it a message."""


class HttpClient:
    """Who asks one thing over HTTP: it waits for OCS to begin, not for the end. Provides DirectClient."""

    def __init__(self) -> None:
        self.refusal: list[Pair] | None = None
        """EvError, where OCS refused."""

    def tell(self, pairs: list[Pair]) -> None:
        """See DirectClient."""
        if word.number(pairs, word.CM_TYPE) == Control.REFUSED:
            self.refusal = pairs


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: the reference to answer with, and the client of the direct door, None on the Communication DN."""

    reference: Pair | None = None
    client: DirectClient | None = None


UNASKED = Asked()
"""What OCS does of itself."""
