"""What a log has to tell, entry by entry, whoever wrote it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from attrs import define, frozen

from proxy.campaign.observation import Observation
from proxy.direct.message import Message as DirectMessage
from proxy.kvlist import Pair
from proxy.tevents.message import Message


class Teller(IntEnum):
    """Who wrote a log: the less, the more it knows of the messages that were exchanged.

    A T-Server's client logs what that client alone saw; for OCS that is what matters, seen from the other side.
    """

    PROXY = 0
    TSERVER = 1
    OCS = 2
    CLIENT = 3
    NOBODY_KNOWS = 4


@define
class Heard:
    """A message of T-Events. `clients` are those it came from, or went to; empty: the log's owner, or not told.

    `assumed` says that a masked GSW_AUTO_COMPLETION was taken for 1.
    """

    message: Message
    is_request: bool
    clients: tuple[str, ...] = ()
    assumed: bool = False


@frozen
class HeardDirectly:
    """A message of the direct protocol. `client` sent it where it `is_request`, and gets it where it is not."""

    message: DirectMessage
    is_request: bool
    client: str
    assumed: bool = False


@frozen
class LeftDirect:
    """A client of the direct channel is gone."""

    client: str


@frozen
class DirectControlIs:
    """The control session of the direct channel is registered, or lost."""

    registered: bool


OF_DIRECT = (HeardDirectly, LeftDirect, DirectControlIs)
"""What is told of the direct protocol; who logs that need not log T-Events."""


@frozen
class Controlled:
    """Campaign control over HTTP, or a desktop's, as OCS logs it; `client` sent or gets it."""

    pairs: list[Pair]
    client: str
    assumed: bool = False


@frozen
class Left:
    """A client is gone."""

    client: str


@frozen
class Unreadable:
    """What a client sends or gets can no longer be read."""

    client: str


@frozen
class ControlIs:
    """The control session of the proxy that wrote the log is registered, or lost."""

    registered: bool


@frozen
class Witnessed:
    """What OCS's log says of records."""

    observations: Sequence[Observation]


What = Heard | HeardDirectly | LeftDirect | DirectControlIs | Controlled | Left | Unreadable | ControlIs | Witnessed


@define
class Entry:
    """Something that a log tells, and when. `owner` is the name by which files of one log are known to be one."""

    when: float
    owner: str
    teller: Teller
    what: What
