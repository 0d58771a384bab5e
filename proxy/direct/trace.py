"""The trace of [direct]: all messages of the sessions, printed as campaign managers print them.

    2026-11-22T09:30:42.123456Z OCMClient[7]::message received (proxy session)
    GSW_CM_MessageType              7 [GSW_CM_ReqLoadCampaign]
    GSW_CM_AttrReferenceID          10
    2026-11-22T09:30:42.125000Z OCMClient[7]::message sent (proxy session)
    GSW_CM_MessageType              19 [GSW_CM_EvCampaignLoaded]
    2026-11-22T09:31:10.000001Z direct session 7 ended

Received is what a client sends, as it came; sent is what OCS says to it. Sessions go by their numbers; 0 is the control
session, whose requests are received, too. Personal data is masked. `tevent-proxy replay` reads it.
"""

from __future__ import annotations

from proxy.direct.message import Message
from proxy.direct.printed import printed, whose
from proxy.interfaces import IDirectWire
from proxy.relay.frames import Looks
from proxy.tracefile import Traced, TraceFile

CONTROL = 0
"""The number of the control session."""

SESSION, CONTROL_SESSION = "proxy session", "proxy control"
"""What sessions are called: by this a trace is known from OCS's log."""


def head(session: int, received: bool) -> str:
    """The first line of a message, without the time."""
    of = CONTROL_SESSION if session == CONTROL else SESSION
    return f"{whose(f'OCMClient[{session}]', received)} ({of})"


ENDED = "direct session {} ended"
UNREADABLE = "direct session {} cannot be read"
REGISTERED = "direct control session registered"
LOST = "direct control session lost"
"""The other lines."""


def lines(session: int, received: bool, message: Message) -> list[str]:
    """The lines of a message: one of a client's where it is received, else one of OCS's."""
    return [head(session, received), *printed(message, disarming=True)]


def traced(looks: Looks, session: int, received: bool, wire: IDirectWire, file: TraceFile) -> Traced:
    """Looks that trace what they look at. `session` is the number of it."""
    return Traced(looks, file, lambda frame: lines(session, received, wire.decode(frame)), UNREADABLE.format(session))
