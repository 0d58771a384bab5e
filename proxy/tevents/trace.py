"""The trace of [tevents]: what of the sessions is looked into, printed as T-Library logs print it.

    2026-11-22T09:30:42.123456Z received from 7(proxy session) message RequestDistributeUserEvent
    <TAB>AttributeCommunicationDN<TAB>'3001'
    <TAB>AttributeUserData<TAB>[39] 00 01 00 00..
    <TAB><TAB>'GSW_AGENT_REQ_TYPE'<TAB>'PreviewRecordRequest'
    2026-11-22T09:31:10.000001Z session 7 ended

Sessions go by their numbers; 0 is the control session. Personal data is masked. `tevent-proxy replay` reads it.
"""

from __future__ import annotations

from proxy.campaign.attribute import GSW_AUTO_COMPLETION
from proxy.gsw import control, userdata
from proxy.interfaces import ITEventWire
from proxy.relay.frames import Looks
from proxy.tevents.message import Message
from proxy.tevents.printed import name_of, printed
from proxy.tracefile import Traced, TraceFile

SHOWN = control.SHOWN | frozenset(
    {
        GSW_AUTO_COMPLETION,
        userdata.AGENT_REQUEST,
        userdata.USER_EVENT,
        userdata.ERROR,
        userdata.STATISTICS,
        userdata.CAMPAIGN_NAME,
        userdata.CAMPAIGN_MODE,
        userdata.GROUP_DBID,
        userdata.GROUP_NAME,
        userdata.RECORD_HANDLE,
        userdata.CALLING_LIST,
        userdata.CHAIN_ID,
        userdata.REFERENCE,
    }
)
"""The keys whose values the trace shows: nothing of a customer, and all that is counted by."""

CONTROL = 0
"""The number of the control session."""

SESSION, CONTROL_SESSION = "proxy session", "proxy control"
"""What sessions are called: by this a trace is known from a T-Server's log."""


def received_from(session: int) -> str:
    """How a line begins with a client's message."""
    return f"received from {session}({SESSION}) message"


def sent_to(session: int) -> str:
    """How a line begins with the T-Server's message to a client."""
    return f"sent to {session}({CONTROL_SESSION if session == CONTROL else SESSION}) message"


ENDED = "session {} ended"
UNREADABLE = "session {} cannot be read"
REGISTERED = "control session registered"
LOST = "control session lost"
"""The other lines."""


def lines(head: str, message: Message) -> list[str]:
    """The lines of a message; `head` says whose."""
    return [f"{head} {name_of(message.number)}", *printed(message, SHOWN)]


def traced(looks: Looks, session: int, head: str, wire: ITEventWire, file: TraceFile) -> Traced:
    """Looks that trace what they look at. `session` is the number of it, `head` whose the messages are."""
    return Traced(looks, file, lambda frame: lines(head, wire.decode(frame)), UNREADABLE.format(session))
