"""What OCS and its clients say in the user data of T-Events, turned into observations.

Pure. The tables are the only place for these names and numbers: a site corrects them here. Marks: D documented,
C seen in real installations, I inferred, A assumed. Values are read leniently: integers may come as strings (C).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from proxy.campaign.attribute import GSW_AUTO_COMPLETION
from proxy.campaign.observation import (
    Action,
    ActionAcknowledged,
    ActionRequested,
    AgentHeard,
    CallReleased,
    ControlRefused,
    ControlRequested,
    DesktopError,
    GroupNames,
    Observation,
    RecordAdded,
    RecordCancelled,
    RecordDelivered,
    RecordRequested,
    Request,
    Sign,
    Status,
    StatusAsked,
    StatusHeard,
    SystemTrouble,
    WaitingRecords,
    Word,
    WordHeard,
)
from proxy.kvlist import Pair, Value
from proxy.tevents.message import EVENT_DIALING, EVENT_ESTABLISHED, EVENT_RELEASED, EVENT_RINGING
from proxy.tevents.names import MESSAGES

# --------------------------------------------------------------------------------------------- keys of the desktops

AGENT_REQUEST = "GSW_AGENT_REQ_TYPE"
USER_EVENT = "GSW_USER_EVENT"
CAMPAIGN_MODE = "GSW_CAMPAIGN_MODE"
CAMPAIGN_NAME = "GSW_CAMPAIGN_NAME"
GROUP_DBID = "GSW_CAMPAIGN_GROUP_DBID"
GROUP_NAME = "GSW_CAMPAIGN_GROUP_NAME"
APPLICATION_ID = "GSW_APPLICATION_ID"
RECORD_HANDLE = "GSW_RECORD_HANDLE"
CALLING_LIST = "GSW_CALLING_LIST"
CHAIN_ID = "GSW_CHAIN_ID"
PHONE = "GSW_PHONE"
REFERENCE = "GSW_REFERENCE_ID"
DATE_TIME = "GSW_DATE_TIME"
ERROR = "GSW_ERROR"

NO_RECORDS = "No Records Available"
"""The value of GSW_ERROR that says so (C)."""

STATUS_REQUEST = "CampaignStatusRequest"
RECORD_REQUEST = "PreviewRecordRequest"
ADD_RECORD = "AddRecord"

ACTIONS: Mapping[str, Action] = {
    "RecordProcessed": Action.PROCESS,
    "RecordReject": Action.REJECT,
    "RequestRecordCancel": Action.CANCEL,
    "RecordReschedule": Action.RESCHEDULE,
    "ScheduledRecordReschedule": Action.RESCHEDULE_CALLBACK,
    "DoNotCall": Action.DO_NOT_CALL,
    "UpdateCallCompletionStats": Action.UPDATE,
}
"""What desktops ask, in GSW_AGENT_REQ_TYPE (C)."""

ACKNOWLEDGEMENTS: Mapping[str, Action] = {
    "RecordProcessedAcknowledge": Action.PROCESS,
    "RecordRejectAcknowledge": Action.REJECT,
    "RecordCancelAcknowledge": Action.CANCEL,
    "RecordRescheduleAcknowledge": Action.RESCHEDULE,
    "ScheduledRecordRescheduleAcknowledge": Action.RESCHEDULE_CALLBACK,
    "DoNotCallAcknowledge": Action.DO_NOT_CALL,
    "UpdateCallCompletionStatsAcknowledge": Action.UPDATE,
}
"""How OCS acknowledges, in GSW_USER_EVENT (C)."""

RECORD_ADDED = "AddRecordAcknowledge"
RECORD_CANCELLED = "RecordCancel"
DELIVERIES = frozenset({"PreviewRecord", "ScheduledCall"})
SIBLINGS = "ChainedRecord"
"""How the names of events begin that bring the siblings of a record; they deliver nothing (C)."""

CAMPAIGN_EVENTS: Mapping[str, Word] = {
    "CampaignLoaded": Word.LOADED,
    "CampaignStarted": Word.STARTED,
    "CampaignModeChanged": Word.MODE_CHANGED,
    "CampaignStopped": Word.STOPPED,
    "CampaignUnloaded": Word.UNLOADED,
}
"""OCS's campaign events to the agents of a group, in GSW_USER_EVENT (C)."""

# ----------------------------------------------------------------------------------------- keys of campaign control

MESSAGE_TYPE = "GSW_CM_MessageType"
CM_REFERENCE = "GSW_CM_AttrReferenceID"
CM_SESSION_ID = "GSW_CM_AttrSessionID"
CM_CAMPAIGN_ID = "GSW_CM_AttrCampaignID"
CM_GROUP_ID = "GSW_CM_AttrGroupID"
CM_STATUS = "GSW_CM_AttrGroupCampStatus"
CM_DIAL_MODE = "GSW_CM_AttrDialMode"
"""D in the vendor's samples: message type, reference, session, campaign and group id. I: that they are the keys on
the Communication DN. A: the status' and the dial mode's, and the reference's in answers."""

REQUEST_STATUS = 12
REQUEST_STOP = 10
REQUEST_UNLOAD = 8

REQUESTS: Mapping[int, Request] = {
    7: Request.LOAD,
    REQUEST_UNLOAD: Request.UNLOAD,
    9: Request.START,
    REQUEST_STOP: Request.STOP,
    11: Request.SET_MODE,
    29: Request.UNLOAD,
}
"""What clients ask of a group (C); 29 is ForceUnload."""

ALL_REQUESTS = frozenset({6, 7, 8, 9, 10, 11, 12, 13, 14, 28, 29, 30, 32})
"""Message types that are requests (C): from the server they are echoes, and never observed (M8)."""

WORDS: Mapping[int, Word] = {
    19: Word.LOADED,
    20: Word.UNLOADED,
    21: Word.STARTED,
    22: Word.STOPPED,
    23: Word.MODE_CHANGED,
}
"""OCS's events on a group's life (C)."""

EVENT_STATUS = 24
EVENT_REFUSED = 27
"""EvCampaignStatus and EvError (C). A: that the error bears the reference of the request."""

DIAL_MODES: Mapping[int, str] = {
    1: "Predictive",
    2: "Progressive",
    3: "Preview",
    4: "ProgressiveAndSeize",
    5: "PredictiveAndSeize",
    6: "Power",
    7: "PowerAndSeize",
    8: "PushPreview",
    9: "ProgressiveGVP",
    10: "PredictiveGVP",
    11: "PowerGVP",
}
"""Dial modes by number (C), by the names that GSW_CAMPAIGN_MODE has for them (C for the first three and 8, else A)."""

# --------------------------------------------------------------------------------------------- keys of the statistics

STATISTICS = "GSW_STAT_EVENT"

STATISTIC_WORDS: Mapping[int, Word] = {
    1: Word.LOADED,
    2: Word.UNLOADED,
    3: Word.STARTED,
    4: Word.MODE_CHANGED,
    5: Word.STOPPED,
}
WAITING_RECORDS, WAITING_RECORDS_OVER = 10, 11
SYSTEM_ERROR, SYSTEM_ERROR_OVER = 12, 13
STATISTIC_SIGNS = frozenset({14, 15, 16, 17, 18, 20})
"""Calls completed, chains final, callbacks scheduled, completed and missed, records scheduled (C): signs, no states."""

# ------------------------------------------------------------------------------------------------ reading user data

Data = Mapping[str, Value]


def gsw(pairs: Iterable[Pair]) -> Data:
    """The pairs of OCS's vocabulary, by key; the last of a repeated key counts."""
    return {pair[0]: pair[1] for pair in pairs if pair[0].startswith("GSW_")}


_INTEGER = re.compile(r"\s*[+-]?[0-9]{1,10}\s*")


def number(data: Data, key: str) -> int | None:
    """The 32-bit integer under a key, also where it came as a string (C); None where there is none."""
    value = data.get(key)
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    return value if isinstance(value, int) and -0x80000000 <= value <= 0x7FFFFFFF else None


def text(data: Data, key: str) -> str | None:
    """The value under a key as text, None where there is none or it is empty."""
    value = data.get(key)
    if isinstance(value, int):
        return str(value)
    return value if isinstance(value, str) and value else None


def desktop_names(data: Data) -> GroupNames:
    """The group that an event or a request of the desktop protocol speaks of (C)."""
    return GroupNames(dbid=number(data, GROUP_DBID), name=text(data, GROUP_NAME), campaign=text(data, CAMPAIGN_NAME))


def control_names(data: Data) -> GroupNames:
    """The group that a message on the Communication DN speaks of: by its DBID, else by what else there is (A)."""
    names = desktop_names(data)
    return names._replace(
        dbid=names.dbid if names.dbid is not None else number(data, CM_SESSION_ID),
        campaign_id=number(data, CM_CAMPAIGN_ID),
        group_id=number(data, CM_GROUP_ID),
    )


def mode(data: Data) -> str | None:
    """The dial mode, by name."""
    by_number = number(data, CM_DIAL_MODE)
    return text(data, CAMPAIGN_MODE) or (DIAL_MODES.get(by_number) if by_number is not None else None)


def is_request(data: Data) -> bool:
    """Whether it is what a client asks; from the server that is an echo (M8)."""
    return AGENT_REQUEST in data or number(data, MESSAGE_TYPE) in ALL_REQUESTS


def control_request(data: Data) -> Request | None:
    """What a client asks of a group; None where it is nothing of the kind, or a status."""
    kind = number(data, MESSAGE_TYPE)
    return REQUESTS.get(kind) if kind is not None else None


# ----------------------------------------------------------------------------------------------- to observations


def from_client(pairs: list[Pair], session: int, dn: str | None, message_reference: int | None) -> Observation | None:
    """What a client says in a user event. `dn` is its own, None where it has none that is known."""
    data = gsw(pairs)
    asked = control_request(data)
    if asked is not None:
        return ControlRequested(
            session,
            control_names(data),
            asked,
            tuple(pair.value for pair in pairs if pair.key == GSW_AUTO_COMPLETION),
            mode(data),
            text(data, CM_REFERENCE),
            message_reference,
        )
    return from_desktop(data, session, dn, message_reference) if dn is not None else None


def from_desktop(data: Data, session: int, dn: str, message_reference: int | None) -> Observation | None:
    """What a desktop asks OCS."""
    request = data.get(AGENT_REQUEST)
    if not isinstance(request, str):
        return None
    if request == STATUS_REQUEST:
        return StatusAsked(session, dn)
    names, reference = desktop_names(data), text(data, REFERENCE)
    if request == RECORD_REQUEST:
        return RecordRequested(session, dn, names, reference, message_reference)
    if request == ADD_RECORD:
        return RecordAdded(session, dn, names)
    action = ACTIONS.get(request)
    if action is None:
        return None
    return ActionRequested(
        session,
        dn,
        names,
        action,
        text(data, RECORD_HANDLE),
        text(data, PHONE),
        reference,
        message_reference,
        text(data, DATE_TIME),
    )


def to_desktop(pairs: list[Pair], session: int, dn: str) -> Observation | None:
    """What OCS says to a desktop in a user event on its DN."""
    data = gsw(pairs)
    if is_request(data):
        return None
    names, handle, reference = desktop_names(data), text(data, RECORD_HANDLE), text(data, REFERENCE)
    if ERROR in data:
        return DesktopError(session, dn, names, data[ERROR] == NO_RECORDS, handle, reference)
    event = data.get(USER_EVENT)
    if not isinstance(event, str):
        return None
    if event in CAMPAIGN_EVENTS:
        return AgentHeard(session, dn, names, CAMPAIGN_EVENTS[event], mode(data), tuple(pairs))
    if event in ACKNOWLEDGEMENTS:
        return ActionAcknowledged(session, dn, names, ACKNOWLEDGEMENTS[event], handle, reference)
    if event in DELIVERIES and handle is not None:
        return _delivered(data, session, dn, event, handle)
    if event == RECORD_CANCELLED and handle is not None:
        return RecordCancelled(session, dn, names, handle)
    if event == RECORD_ADDED:
        return RecordAdded(session, dn, names)
    of_a_record = event in DELIVERIES or event == RECORD_CANCELLED or event.startswith(SIBLINGS)
    return Sign(session, dn, names, handle) if of_a_record else None


def _delivered(data: Data, session: int, dn: str, event: str, handle: str, telephony: bool = False) -> RecordDelivered:
    return RecordDelivered(
        session,
        dn,
        desktop_names(data),
        event,
        handle,
        telephony,
        text(data, CALLING_LIST),
        text(data, CHAIN_ID),
        text(data, PHONE),
        text(data, REFERENCE),
    )


def of_call(message_number: int, pairs: list[Pair], session: int, dn: str) -> Observation | None:
    """What a telephony event says that carries a record's keys in its user data (D)."""
    data = gsw(pairs)
    handle = text(data, RECORD_HANDLE)
    if handle is not None and message_number in (EVENT_RINGING, EVENT_DIALING, EVENT_ESTABLISHED):
        return _delivered(data, session, dn, MESSAGES[message_number], handle, telephony=True)
    names = desktop_names(data)
    if handle is not None and message_number == EVENT_RELEASED:
        return CallReleased(session, dn, names, handle)
    return Sign(session, dn, names, handle) if handle is not None or names != GroupNames() else None


def from_ocs(pairs: list[Pair], session: int, source: str) -> Observation | None:
    """What OCS says on the Communication DN. `session` is 0 for the proxy's own."""
    data = gsw(pairs)
    kind = number(data, MESSAGE_TYPE)
    if kind is not None:
        return _control_event(data, kind, session, source)
    statistic = number(data, STATISTICS)
    return _STATISTICS[statistic](control_names(data), source, mode(data)) if statistic in _STATISTICS else None


def _control_event(data: Data, kind: int, session: int, source: str) -> Observation | None:
    names, reference = control_names(data), text(data, CM_REFERENCE)
    if kind in WORDS:
        return WordHeard(names, WORDS[kind], source, mode(data), reference)
    if kind == EVENT_REFUSED:
        return ControlRefused(session, names, reference)
    status = number(data, CM_STATUS)
    if kind == EVENT_STATUS and status is not None and status in Status.__members__.values():
        return StatusHeard(names, Status(status), source, mode(data), reference)
    return None


def _word_of(word: Word) -> Callable[[GroupNames, str, str | None], Observation]:
    return lambda names, source, mode: WordHeard(names, word, source, mode)


_STATISTICS: Mapping[int | None, Callable[[GroupNames, str, str | None], Observation]] = {
    **{statistic: _word_of(word) for statistic, word in STATISTIC_WORDS.items()},
    **dict.fromkeys(STATISTIC_SIGNS, lambda names, source, mode: Sign(0, "", names)),
    WAITING_RECORDS: lambda names, source, mode: WaitingRecords(names, source, over=False),
    WAITING_RECORDS_OVER: lambda names, source, mode: WaitingRecords(names, source, over=True),
    SYSTEM_ERROR: lambda names, source, mode: SystemTrouble(names, over=False),
    SYSTEM_ERROR_OVER: lambda names, source, mode: SystemTrouble(names, over=True),
}


# ----------------------------------------------------------------------------------------------- to user data

_EVENT_NAMES: Mapping[Word, str] = {word: name for name, word in CAMPAIGN_EVENTS.items()}


def campaign_event(word: Word, like: Iterable[Pair], names: GroupNames) -> list[Pair]:
    """The user data by which an agent is told (R28).

    Keys and values are those of the campaign event `like`, with the event replaced and the mode left out; without
    one, the names that are known, in the kinds that OCS uses (C).
    """
    event = Pair(USER_EVENT, _EVENT_NAMES[word], 0)
    pairs = [event if pair.key == USER_EVENT else pair for pair in like if pair.key != CAMPAIGN_MODE]
    if pairs:
        return pairs
    known: list[tuple[str, Value | None]] = [
        (CAMPAIGN_NAME, names.campaign),
        (GROUP_DBID, names.dbid),
        (GROUP_NAME, names.name),
    ]
    return [event, *(Pair(key, value, int(isinstance(value, int))) for key, value in known if value is not None)]


def request(kind: int, names: GroupNames, application_dbid: int, reference: int) -> list[Pair]:
    """The user data of a campaign control request of the proxy's own (I: the keys; R24: the reference)."""
    asked = [(MESSAGE_TYPE, kind), (CM_SESSION_ID, names.dbid), (APPLICATION_ID, application_dbid)]
    return [Pair(key, value, 1) for key, value in [*asked, (CM_REFERENCE, reference)] if value is not None]


# ------------------------------------------------------------------------------------------------- the attribute


def attribute_values(pairs: Iterable[Pair]) -> list[Value]:
    """The values of GSW_AUTO_COMPLETION, a top-level key, in order."""
    return [pair[1] for pair in pairs if pair[0] == GSW_AUTO_COMPLETION]
