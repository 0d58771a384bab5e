"""The words of OCS: keys of user data, numbers, names. The simulator's own tables, nobody else's.

Marks as everywhere: D documented, C seen, I inferred, A assumed. Each assumption stands here and nowhere else
in the simulator.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from proxy.kvlist import Pair, Value

# ------------------------------------------------------------------------------------------------ keys (C)

REQUEST = "GSW_AGENT_REQ_TYPE"
EVENT = "GSW_USER_EVENT"
ERROR = "GSW_ERROR"
APPLICATION = "GSW_APPLICATION_ID"
CAMPAIGN = "GSW_CAMPAIGN_NAME"
GROUP_DBID = "GSW_CAMPAIGN_GROUP_DBID"
GROUP_NAME = "GSW_CAMPAIGN_GROUP_NAME"
MODE = "GSW_CAMPAIGN_MODE"
REFERENCE = "GSW_REFERENCE_ID"
HANDLE = "GSW_RECORD_HANDLE"
CALLING_LIST = "GSW_CALLING_LIST"
CHAIN = "GSW_CHAIN_ID"
PHONE = "GSW_PHONE"
CALL_RESULT = "GSW_CALL_RESULT"
ATTEMPTS = "GSW_ATTEMPTS"
CALLBACK_TYPE = "GSW_CALLBACK_TYPE"
DATE_TIME = "GSW_DATE_TIME"
STATISTIC = "GSW_STAT_EVENT"

# Keys of campaign control, by their names in logs. The first three: D; the others: A.
CM_TYPE = "GSW_CM_MessageType"
CM_SESSION = "GSW_CM_AttrSessionID"
AUTO_COMPLETION = "GSW_AUTO_COMPLETION"
CM_REFERENCE = "GSW_CM_AttrReferenceID"
CM_CAMPAIGN = "GSW_CM_AttrCampaignID"
CM_GROUP = "GSW_CM_AttrGroupID"
CM_STATUS = "GSW_CM_AttrGroupCampStatus"
CM_PROPERTIES = "GSW_CM_AttrProperties"
CM_CLIENT_NAME = "GSW_CM_AttrClientName"
CM_DIAL_MODE = "GSW_CM_AttrDialMode"
CM_ERROR_CODE = "GSW_CM_AttrErrorCode"
CM_ERROR_MESSAGE = "GSW_CM_AttrErrorMessage"

# T-Event numbers that concern the switch only (C): requests, events, an attribute.
AGENT_LOGIN, AGENT_LOGOUT, AGENT_READY, AGENT_NOT_READY, RELEASE_CALL = 8, 9, 10, 11, 17
EVENT_AGENT_LOGIN, EVENT_AGENT_LOGOUT, EVENT_AGENT_READY, EVENT_AGENT_NOT_READY = 73, 74, 75, 76
AGENT_ID = 14

DATE_TIME_FORMAT = "%m/%d/%Y %H:%M"
"""How GSW_DATE_TIME is written (C); read as UTC (A)."""

NO_RECORDS = "No Records Available"
"""GSW_ERROR of a PreviewRecordRequest when OCS has no record at hand (C)."""

# Further texts of GSW_ERROR: A.
UNKNOWN_RECORD = "Record not found"
UNKNOWN_CAMPAIGN = "Campaign not found"
UNKNOWN_LIST = "Calling list not found"
NOT_RUNNING = "Campaign is not running"
WRONG_MODE = "Campaign does not run in Preview mode"
INVALID_REQUEST = "Invalid request"


class Control(IntEnum):
    """Messages of campaign control (C)."""

    REGISTER_CLIENT = 6
    LOAD = 7
    UNLOAD = 8
    START = 9
    STOP = 10
    SET_MODE = 11
    STATUS = 12
    CLIENT_REGISTERED = 18
    LOADED = 19
    UNLOADED = 20
    STARTED = 21
    STOPPED = 22
    MODE_CHANGED = 23
    STATUS_IS = 24
    REFUSED = 27
    FORCE_UNLOAD = 29


class Refusal(IntEnum):
    """GSW_CM_AttrErrorCode (A)."""

    UNKNOWN_GROUP = 1
    WRONG_STATE = 2
    WRONG_MODE = 3
    NOT_REGISTERED = 4
    NOT_LINKED = 5
    NOT_READABLE = 6
    NO_SUCH_RESOURCE = 7


HTTP_ERRORS: dict[Refusal, int] = {
    Refusal.UNKNOWN_GROUP: 404,
    Refusal.WRONG_STATE: 409,
    Refusal.WRONG_MODE: 409,
    Refusal.NOT_REGISTERED: 403,
    Refusal.NOT_LINKED: 403,
    Refusal.NOT_READABLE: 400,
    Refusal.NO_SUCH_RESOURCE: 404,
}
"""With which HTTP status OCS and GWS refuse (A)."""

HTTP_GROUPS = "campaigngroups"
"""The resource type of OCS HTTP that control requests go to (D)."""

HTTP_RESOURCES = frozenset({HTTP_GROUPS, "records", "phones", "customerids", "callinglists"})
"""Resource types of OCS HTTP (D); A: how the last two are spelled."""

HTTP_REQUESTS: dict[str, Control] = {
    "load": Control.LOAD,
    "loadcampaign": Control.LOAD,
    "start": Control.START,
    "startdialing": Control.START,
    "stop": Control.STOP,
    "stopdialing": Control.STOP,
    "unload": Control.UNLOAD,
    "unloadcampaign": Control.UNLOAD,
    "forceunload": Control.FORCE_UNLOAD,
    "forceunloadcampaign": Control.FORCE_UNLOAD,
    "setdialingmode": Control.SET_MODE,
}
"""`req=` of OCS HTTP, in any case: Load D, the others A."""

GWS_REQUESTS: dict[str, Control] = {
    "load-campaign": Control.LOAD,
    "start-dialing": Control.START,
    "stop-dialing": Control.STOP,
    "set-dialing-mode": Control.SET_MODE,
    "unload-campaign": Control.UNLOAD,
    "force-unload-campaign": Control.FORCE_UNLOAD,
}
"""What clients ask of GWS: the first D, the others A."""

GWS_CAMPAIGN, GWS_GROUP, GWS_PROPERTIES = "campaignId", "groupId", "requestProperties"
"""Keys of a request to GWS (D)."""

GWS_DIAL_MODE = "dialMode"
"""Its dial mode, by name or number (A)."""

GWS_REFUSED = 2
"""`status.code` of a refusal (A); 0 is done, and 1, in the Agent API, that it will be (C)."""

# Keys of campaign group status reporting: D, but for that of the state, which is not known: A.
REPORT_STATE = "GSW_CAMPAIGN_GROUP_STATE"
REPORT_AGENT_GROUP = "GSW_GROUP_NAME"
REPORT_MODE = "GSW_DIAL_MODE"
REPORT_TIME_TO_COMPLETE = "GSW_STAT_TIME_TO_COMPLETE"
REPORT_HIT_RATIO = "GSW_STAT_HIT_RATIO"


class Status(IntEnum):
    """GSW_CM_AttrGroupCampStatus (C)."""

    NOT_LOADED = 0
    WAITING_UNLOAD = 1
    UNLOAD_IN_PROGRESS = 2
    ACTIVE = 4
    RUNNING = 5


STATES: dict[Status, str] = {
    Status.NOT_LOADED: "NotLoaded",
    Status.WAITING_UNLOAD: "WaitingUnload",
    Status.UNLOAD_IN_PROGRESS: "UnloadInProgress",
    Status.ACTIVE: "Active",
    Status.RUNNING: "Running",
}
"""Values of the state in status reports: the names of the group's status (A)."""


class Stat(IntEnum):
    """GSW_STAT_EVENT (C)."""

    CAMPAIGN_ACTIVATED = 1
    CAMPAIGN_DEACTIVATED = 2
    DIALING_STARTED = 3
    DIAL_MODE_CHANGED = 4
    DIALING_STOPPED = 5
    WAITING_RECORDS = 10
    WAITING_RECORDS_OVER = 11
    SYSTEM_ERROR = 12
    SYSTEM_ERROR_OVER = 13
    CALL_COMPLETED = 14
    LEAD_PROCESSED = 15
    CALLBACK_SCHEDULED = 16
    CALLBACK_COMPLETED = 17
    CALLBACK_MISSED = 18
    RECORD_SCHEDULED = 20


class RecordStatus(IntEnum):
    """The column record_status (C)."""

    READY = 1
    RETRIEVED = 2
    UPDATED = 3
    STALE = 4
    CANCELLED = 5


class RecordType(IntEnum):
    """The column record_type (C)."""

    GENERAL = 2
    CAMPAIGN_RESCHEDULED = 3
    PERSONAL_RESCHEDULED = 4
    PERSONAL_CALLBACK = 5
    CAMPAIGN_CALLBACK = 6
    NO_CALL = 7


class CallResult(IntEnum):
    """The column call_result and GSW_CALL_RESULT (C)."""

    OK = 0
    BUSY = 6
    NO_ANSWER = 7
    ABANDONED = 21
    UNKNOWN = 28
    ANSWER = 33
    DO_NOT_CALL = 51
    CANCEL_RECORD = 52


DIAL_MODES: dict[int, str] = {1: "Predictive", 2: "Progressive", 3: "Preview", 8: "PushPreview"}
"""GSW_CM_AttrDialMode and GSW_CAMPAIGN_MODE (C): the modes that this OCS knows."""

DIALED_MODES = frozenset({"Predictive", "Progressive"})
"""OCS dials; a running group can change only between these (D)."""

LIFE_MESSAGES: dict[str, int] = {"loaded": 52000, "started": 52001, "stopped": 52002, "unloaded": 52004}
"""Standard trace messages (C)."""

FORCE_UNLOADED = 52003


def text(pairs: Sequence[Pair], key: str) -> str | None:
    """The last value of `key` as text, None where there is none: integers and strings read the same (C)."""
    for pair in reversed(pairs):
        if pair.key == key and isinstance(pair.value, (str, int)):
            return str(pair.value)
    return None


def number(pairs: Sequence[Pair], key: str) -> int | None:
    """The last value of `key` as an integer, sent as one or as a string (C); None where it is neither."""
    found = text(pairs, key)
    if found is None:
        return None
    try:
        return int(found)
    except ValueError:
        return None


def raw(pairs: Sequence[Pair], key: str) -> Value | None:
    """The last value of `key` as it was sent, None where there is none."""
    for pair in reversed(pairs):
        if pair.key == key:
            return pair.value
    return None
