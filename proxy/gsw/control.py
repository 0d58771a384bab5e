"""Campaign control: what clients ask of groups, and what OCS answers.

The same messages go over the direct protocol, as they are, and over T-Events, as user data of user events. The tables
are the only place for their keys and numbers: a site corrects them here. Marks: D documented, C seen in real
installations, I inferred, A assumed.
"""

from __future__ import annotations

from collections.abc import Mapping

from proxy.campaign.observation import (
    ControlRefused,
    GroupNames,
    Request,
    Status,
    StatusHeard,
    Word,
    WordHeard,
)
from proxy.gsw.reading import Data, number, text

MESSAGE_TYPE = "GSW_CM_MessageType"
REFERENCE = "GSW_CM_AttrReferenceID"
SESSION_ID = "GSW_CM_AttrSessionID"
CAMPAIGN_ID = "GSW_CM_AttrCampaignID"
GROUP_ID = "GSW_CM_AttrGroupID"
PROPERTIES = "GSW_CM_AttrProperties"
STATUS = "GSW_CM_AttrGroupCampStatus"
DIAL_MODE = "GSW_CM_AttrDialMode"
OPTIMIZE_BY = "GSW_CM_AttrOptimizeBy"
OPTIMIZE_GOAL = "GSW_CM_AttrOptimizeGoal"
ERROR_CODE = "GSW_CM_AttrErrorCode"
ERROR_MESSAGE = "GSW_CM_AttrErrorMessage"
"""D in the vendor's samples: message type, reference, session, campaign and group id, properties; C: the status' name.
I: that they are the keys on the Communication DN, too. A: the session id in direct messages, the status and the
reference in answers, and those whose log names are not known: dial mode, optimization, error."""

APPLICATION_ID = "GSW_APPLICATION_ID"
"""D in the vendor's sample, on the Communication DN."""

MESSAGES: Mapping[int, str] = {
    5: "GSW_CM_UnknownMessage",
    6: "GSW_CM_ReqRegisterClient",
    7: "GSW_CM_ReqLoadCampaign",
    8: "GSW_CM_ReqUnloadCampaign",
    9: "GSW_CM_ReqStartDialing",
    10: "GSW_CM_ReqStopDialing",
    11: "GSW_CM_ReqSetDialingMode",
    12: "GSW_CM_ReqGetCampaignStatus",
    13: "GSW_CM_ReqCampaignRegistered",
    14: "GSW_CM_ReqCampaignUnregistered",
    15: "GSW_CM_EvServerConnected",
    16: "GSW_CM_EvServerDisconnected",
    17: "GSW_CM_EvClientDisconnected",
    18: "GSW_CM_EvClientReqistred",
    19: "GSW_CM_EvCampaignLoaded",
    20: "GSW_CM_EvCampaignUnloaded",
    21: "GSW_CM_EvDialingStarted",
    22: "GSW_CM_EvDialingStopped",
    23: "GSW_CM_EvDialingModeChanged",
    24: "GSW_CM_EvCampaignStatus",
    25: "GSW_CM_EvCampaignRegistered",
    26: "GSW_CM_EvCampaignUnregistered",
    27: "GSW_CM_EvError",
    28: "GSW_CM_ReqCommDNGetCampaignData",
    29: "GSW_CM_ReqForceUnloadCampaign",
    30: "GSW_CM_ReqCancelRecord",
    31: "GSW_CM_EvRecordCanceled",
    32: "GSW_CM_ReqDoNotCall",
    33: "GSW_CM_EvDoNotCallProcessed",
}
"""Names of messages as logs have them, 18 so spelled (C)."""

REGISTER_CLIENT = 6
CLIENT_REGISTERED = 18
REQUEST_UNLOAD = 8
REQUEST_STOP = 10
REQUEST_STATUS = 12

REQUESTS: Mapping[int, Request] = {
    7: Request.LOAD,
    REQUEST_UNLOAD: Request.UNLOAD,
    9: Request.START,
    REQUEST_STOP: Request.STOP,
    11: Request.SET_MODE,
    29: Request.UNLOAD,
}
"""What clients ask of a group (C); 29 is ForceUnload."""

ALL_REQUESTS = frozenset(number for number, name in MESSAGES.items() if name.startswith("GSW_CM_Req"))
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

SHOWN = frozenset(
    {
        MESSAGE_TYPE,
        REFERENCE,
        SESSION_ID,
        CAMPAIGN_ID,
        GROUP_ID,
        STATUS,
        DIAL_MODE,
        OPTIMIZE_BY,
        OPTIMIZE_GOAL,
        ERROR_CODE,
        APPLICATION_ID,
    }
)
"""The keys whose values are shown: numbers of the field, no names and no texts."""


def names(data: Data) -> GroupNames:
    """The group that a message speaks of by its ids: campaign group, campaign and agent group."""
    return GroupNames(
        dbid=number(data, SESSION_ID), campaign_id=number(data, CAMPAIGN_ID), group_id=number(data, GROUP_ID)
    )


def mode(data: Data) -> str | None:
    """The dial mode that a message bears, by name; None for none, or for one that nobody knows."""
    by_number = number(data, DIAL_MODE)
    return DIAL_MODES.get(by_number) if by_number is not None else None


def is_request(data: Data) -> bool:
    """Whether it is what a client asks; from the server that is an echo (M8)."""
    return number(data, MESSAGE_TYPE) in ALL_REQUESTS


def request(data: Data) -> Request | None:
    """What a client asks of a group; None where it is nothing of the kind, or a status."""
    kind = number(data, MESSAGE_TYPE)
    return REQUESTS.get(kind) if kind is not None else None


def heard(
    data: Data, group: GroupNames, dial_mode: str | None, session: int, source: str
) -> WordHeard | StatusHeard | ControlRefused | None:
    """What OCS says in a message of campaign control; None where it is nothing about a group's life.

    `session` is 0 for the proxy's own; `source` is where it was heard.
    """
    kind, reference = number(data, MESSAGE_TYPE), text(data, REFERENCE)
    if kind is not None and kind in WORDS:
        return WordHeard(group, WORDS[kind], source, dial_mode, reference)
    if kind == EVENT_REFUSED:
        return ControlRefused(session, group, reference)
    status = number(data, STATUS)
    if kind == EVENT_STATUS and status is not None and status in Status.__members__.values():
        return StatusHeard(group, Status(status), source, dial_mode, reference)
    return None
