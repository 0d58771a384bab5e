"""Who asked OCS for what it does: an application on the Communication DN, or a client of the direct door."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from proxy.kvlist import Pair


class DirectClient(Protocol):
    """A campaign manager that is registered at the direct door."""

    def tell(self, pairs: list[Pair]) -> None:
        """Send it a message."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: the reference to answer with, and the client of the direct door, None on the Communication DN."""

    reference: Pair | None = None
    client: DirectClient | None = None


UNASKED = Asked()
"""What OCS does of itself."""
