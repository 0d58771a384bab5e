"""Between T-Server and OCS: what each of the two asks of the other. Nothing else crosses.

OCS is a client of T-Server like any desktop, registered on the DNs of its agents and on its Communication DN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from proxy.kvlist import Pair


@dataclass(frozen=True, slots=True)
class UserEvent:
    """A user event that a client had distributed to `dn`.

    `sender` is the application name of the client, `agent` the DN it spoke for: ThisDN of the request, else the
    only DN the client is registered on, else None.
    """

    dn: str
    pairs: Sequence[Pair]
    sender: str
    agent: str | None


class Switch(Protocol):
    """What OCS asks of T-Server."""

    def user_event(self, dn: str, pairs: list[Pair]) -> int:
        """Distribute a user event to all clients of `dn`; says how many there are."""

    def call_event(self, number: int, dn: str, connection: int, customer: str, pairs: list[Pair]) -> None:
        """A call's event for all clients of `dn`: message number, ConnID, the customer's phone, UserData."""

    def attended(self, dn: str) -> bool:
        """Whether any client is registered on `dn`."""

    def ready(self, dn: str) -> bool:
        """Whether the agent at `dn` is logged in and ready for calls."""


class DialerClient(Protocol):
    """What T-Server tells OCS."""

    def hear(self, event: UserEvent) -> None:
        """A user event was distributed to a DN that OCS is registered on."""

    def agent_changed(self, dn: str) -> None:
        """A client came to `dn` or left it, or its agent logged in or out, or is ready or no more."""

    def release_asked(self, dn: str, connection: int) -> bool:
        """The agent at `dn` hangs up; False where there is no such call."""


class SwitchClient(Protocol):
    """What T-Server has to know of a client: whoever is connected to it, or sits beside it as the Agent API does."""

    number: int
    name: str | None
    """The application's, once its session is open."""
    dns: dict[str, None]
    """The DNs it is registered on."""

    def send(self, frame: bytes) -> None:
        """Give it a message."""
