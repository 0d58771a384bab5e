"""What OCS and its clients say in user data, whatever carries it, turned into observations.

Pure. The tables are the only place for these names and numbers: a site corrects them here. Marks: D documented,
C seen in real installations, I inferred, A assumed. Values are read leniently: integers may come as strings (C).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from proxy.campaign.observation import (
    Action,
    ActionAcknowledged,
    ActionRequested,
    AgentHeard,
    CallReleased,
    ControlRequested,
    DesktopError,
    GroupNames,
    Observation,
    RecordAdded,
    RecordCancelled,
    RecordDelivered,
    RecordRequested,
    Sign,
    StatusAsked,
    SystemTrouble,
    WaitingRecords,
    Word,
    WordHeard,
)
from proxy.gsw import control
from proxy.gsw.attribute import attribute_values
from proxy.gsw.reading import Data, gsw, number, text
from proxy.kvlist import Pair, Value

# --------------------------------------------------------------------------------------------- keys of the desktops

AGENT_REQUEST = "GSW_AGENT_REQ_TYPE"
USER_EVENT = "GSW_USER_EVENT"
CAMPAIGN_MODE = "GSW_CAMPAIGN_MODE"
CAMPAIGN_NAME = "GSW_CAMPAIGN_NAME"
GROUP_DBID = "GSW_CAMPAIGN_GROUP_DBID"
GROUP_NAME = "GSW_CAMPAIGN_GROUP_NAME"
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
CALLS_THAT_DELIVER = frozenset({"EventRinging", "EventDialing", "EventEstablished"})
CALL_RELEASED = "EventReleased"
"""Telephony events that bring a record to an agent, and the one after which its call is over (D)."""

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


def desktop_names(data: Data) -> GroupNames:
    """The group that an event or a request of the desktop protocol speaks of (C)."""
    return GroupNames(dbid=number(data, GROUP_DBID), name=text(data, GROUP_NAME), campaign=text(data, CAMPAIGN_NAME))


def control_names(data: Data) -> GroupNames:
    """The group that a message on the Communication DN speaks of: by its DBID, else by what else there is (A)."""
    names, ids = desktop_names(data), control.names(data)
    return ids._replace(
        dbid=names.dbid if names.dbid is not None else ids.dbid, name=names.name, campaign=names.campaign
    )


def mode(data: Data) -> str | None:
    """The dial mode, by name."""
    return text(data, CAMPAIGN_MODE) or control.mode(data)


def is_request(data: Data) -> bool:
    """Whether it is what a client asks; from the server that is an echo (M8)."""
    return AGENT_REQUEST in data or control.is_request(data)


# ----------------------------------------------------------------------------------------------- to observations


def from_client(pairs: list[Pair], session: int, dn: str | None, message_reference: int | None) -> Observation | None:
    """What a client says in a user event. `dn` is its own, None where it has none that is known."""
    data = gsw(pairs)
    asked = control.request(data)
    if asked is not None:
        return ControlRequested(
            session,
            control_names(data),
            asked,
            tuple(attribute_values(pairs)),
            mode(data),
            text(data, control.REFERENCE),
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


def of_call(event: str, pairs: list[Pair], session: int, dn: str) -> Observation | None:
    """What a telephony event says that carries a record's keys in its user data (D). `event` is its name."""
    data = gsw(pairs)
    handle = text(data, RECORD_HANDLE)
    if handle is not None and event in CALLS_THAT_DELIVER:
        return _delivered(data, session, dn, event, handle, telephony=True)
    names = desktop_names(data)
    if handle is not None and event == CALL_RELEASED:
        return CallReleased(session, dn, names, handle)
    return Sign(session, dn, names, handle) if handle is not None or names != GroupNames() else None


def from_ocs(pairs: list[Pair], session: int, source: str) -> Observation | None:
    """What OCS says on the Communication DN. `session` is 0 for the proxy's own."""
    data = gsw(pairs)
    if number(data, control.MESSAGE_TYPE) is not None:
        return control.heard(data, control_names(data), mode(data), session, source)
    statistic = number(data, STATISTICS)
    return _STATISTICS[statistic](control_names(data), source, mode(data)) if statistic in _STATISTICS else None


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
    asked = [
        (control.MESSAGE_TYPE, kind),
        (control.SESSION_ID, names.dbid),
        (control.APPLICATION_ID, application_dbid),
        (control.REFERENCE, reference),
    ]
    return [Pair(key, value, 1) for key, value in asked if value is not None]
