"""What OCS and desktops say in user data, as the groups get it: every row of the tables (M8, R5, R8, R28).

The names and numbers stand here once more, as the vendor and real installations have them: a slip in the proxy's
tables is seen.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from proxy.gsw import control, userdata
from proxy.gsw.userdata import from_client, from_ocs, of_call, to_desktop
from proxy.kvlist import Pair, pack, pair, unpack
from tests.wire.lists import lists

SALES = GroupNames(campaign="Sales")
GROUP = {"GSW_CAMPAIGN_NAME": "Sales", "GSW_CAMPAIGN_GROUP_DBID": 101, "GSW_CAMPAIGN_GROUP_NAME": "Sales@Agents"}
NAMES = GroupNames(dbid=101, name="Sales@Agents", campaign="Sales")


def pairs(**values: object) -> list[Pair]:
    """User data."""
    return [pair(key, value) for key, value in values.items()]  # type: ignore[arg-type]


def asked(**values: object) -> object:
    """What a desktop on 3001 asks, with session 7 and message reference 9."""
    return from_client(pairs(**values), 7, "3001", 9)


def told(**values: object) -> object:
    """What a desktop on 3001 is told."""
    return to_desktop(pairs(**values), 7, "3001")


def heard(**values: object) -> object:
    """What the proxy's own session hears on the Communication DN."""
    return from_ocs(pairs(**values), 0, "tevents")


# --------------------------------------------------------------------------------------------------- desktops' requests


@pytest.mark.parametrize(
    ("request_type", "action"),
    [
        ("RecordProcessed", Action.PROCESS),
        ("RecordReject", Action.REJECT),
        ("RequestRecordCancel", Action.CANCEL),
        ("RecordReschedule", Action.RESCHEDULE),
        ("ScheduledRecordReschedule", Action.RESCHEDULE_CALLBACK),
        ("UpdateCallCompletionStats", Action.UPDATE),
        ("DoNotCall", Action.DO_NOT_CALL),
    ],
)
def test_requests_about_a_record(request_type: str, action: Action) -> None:
    """What a desktop does with a record is understood, with handle, phone, reference and the time of a callback."""
    assert asked(
        GSW_AGENT_REQ_TYPE=request_type,
        GSW_APPLICATION_ID=4113,
        GSW_CAMPAIGN_NAME="Sales",
        GSW_RECORD_HANDLE=12,
        GSW_PHONE="5550100",
        GSW_REFERENCE_ID=3,
        GSW_CALLBACK_TYPE="Campaign",
        GSW_DATE_TIME="12/31/2030 17:30",
    ) == ActionRequested(7, "3001", SALES, action, "12", "5550100", "3", 9, "12/31/2030 17:30")
    assert asked(GSW_AGENT_REQ_TYPE=request_type) == ActionRequested(
        7, "3001", GroupNames(), action, message_reference=9
    )


def test_requests_for_and_about_records() -> None:
    """A desktop asks for a record, adds one, or asks which campaigns there are."""
    assert asked(GSW_AGENT_REQ_TYPE="PreviewRecordRequest", **GROUP) == RecordRequested(7, "3001", NAMES, None, 9)
    assert asked(GSW_AGENT_REQ_TYPE="PreviewRecordRequest", GSW_REFERENCE_ID="a-1") == RecordRequested(
        7, "3001", GroupNames(), "a-1", 9
    )
    assert asked(GSW_AGENT_REQ_TYPE="AddRecord", GSW_CAMPAIGN_NAME="Sales", GSW_PHONE="5550100") == RecordAdded(
        7, "3001", SALES
    )
    assert asked(GSW_AGENT_REQ_TYPE="CampaignStatusRequest") == StatusAsked(7, "3001")


def test_a_desktop_without_a_dn_says_nothing_of_records() -> None:
    """Whose record it is cannot be told of a client that has no DN; campaign control needs none."""
    for request_type in ("RecordProcessed", "PreviewRecordRequest", "AddRecord", "CampaignStatusRequest"):
        assert from_client(pairs(GSW_AGENT_REQ_TYPE=request_type), 7, None, 9) is None
    assert isinstance(from_client(pairs(GSW_CM_MessageType=7), 7, None, 9), ControlRequested)


@pytest.mark.parametrize(
    "values",
    [
        {"GSW_AGENT_REQ_TYPE": "RecordProcessedAcknowledge"},
        {"GSW_AGENT_REQ_TYPE": "recordprocessed"},
        {"GSW_AGENT_REQ_TYPE": "LogOn"},
        {"GSW_AGENT_REQ_TYPE": ""},
        {"GSW_AGENT_REQ_TYPE": 5},
        {"GSW_AGENT_REQ_TYPE": b"RecordProcessed"},
        {"GSW_AGENT_REQ_TYPE": [pair("GSW_AGENT_REQ_TYPE", "RecordProcessed")]},
        {"GSW_USER_EVENT": "CampaignStarted", "GSW_CAMPAIGN_NAME": "Sales"},
        {"AGENT_REQ_TYPE": "RecordProcessed"},
        {"anything": "else"},
        {},
    ],
)
def test_unknown_requests_mean_nothing(values: dict[str, object]) -> None:
    """Whatever else a client says is none of the groups' business."""
    assert asked(**values) is None


# ----------------------------------------------------------------------------------------------------- OCS to a desktop


@pytest.mark.parametrize(
    ("event", "action"),
    [
        ("RecordProcessedAcknowledge", Action.PROCESS),
        ("RecordRejectAcknowledge", Action.REJECT),
        ("RecordCancelAcknowledge", Action.CANCEL),
        ("RecordRescheduleAcknowledge", Action.RESCHEDULE),
        ("ScheduledRecordRescheduleAcknowledge", Action.RESCHEDULE_CALLBACK),
        ("UpdateCallCompletionStatsAcknowledge", Action.UPDATE),
        ("DoNotCallAcknowledge", Action.DO_NOT_CALL),
    ],
)
def test_acknowledgements(event: str, action: Action) -> None:
    """R8: an acknowledgement with all its keys, with its reference only, and with nothing but its name."""
    assert told(
        GSW_USER_EVENT=event, GSW_CAMPAIGN_NAME="Sales", GSW_RECORD_HANDLE=12, GSW_REFERENCE_ID=3
    ) == ActionAcknowledged(7, "3001", SALES, action, "12", "3")
    assert told(GSW_USER_EVENT=event, GSW_REFERENCE_ID=3) == ActionAcknowledged(
        7, "3001", GroupNames(), action, None, "3"
    )
    assert told(GSW_USER_EVENT=event) == ActionAcknowledged(7, "3001", GroupNames(), action)


@pytest.mark.parametrize(
    ("event", "word"),
    [
        ("CampaignLoaded", Word.LOADED),
        ("CampaignStarted", Word.STARTED),
        ("CampaignModeChanged", Word.MODE_CHANGED),
        ("CampaignStopped", Word.STOPPED),
        ("CampaignUnloaded", Word.UNLOADED),
    ],
)
def test_campaign_events(event: str, word: Word) -> None:
    """R28: an agent hears of the group's life; mode and all user data are kept, to speak in the same words later."""
    said = {"GSW_USER_EVENT": event, **GROUP, "GSW_CAMPAIGN_MODE": "Preview", "Own": "x"}
    assert told(**said) == AgentHeard(7, "3001", NAMES, word, "Preview", tuple(pairs(**said)))
    assert told(GSW_USER_EVENT=event) == AgentHeard(
        7, "3001", GroupNames(), word, None, (pair("GSW_USER_EVENT", event),)
    )


@pytest.mark.parametrize("event", ["PreviewRecord", "ScheduledCall"])
def test_deliveries(event: str) -> None:
    """A record reaches an agent, with what tells it from others; without a handle it is a sign of a record only."""
    record = {
        "GSW_RECORD_HANDLE": 12,
        "GSW_CALLING_LIST": "Customers",
        "GSW_CHAIN_ID": 5,
        "GSW_PHONE": "5550100",
        "GSW_REFERENCE_ID": 3,
    }
    assert told(GSW_USER_EVENT=event, **GROUP, **record) == RecordDelivered(
        7, "3001", NAMES, event, "12", False, "Customers", "5", "5550100", "3"
    )
    assert told(GSW_USER_EVENT=event, GSW_RECORD_HANDLE="12") == RecordDelivered(
        7, "3001", GroupNames(), event, "12", False
    )
    assert told(GSW_USER_EVENT=event, GSW_CAMPAIGN_NAME="Sales") == Sign(7, "3001", SALES)


def test_records_cancelled_added_and_chained() -> None:
    """OCS takes a record back, confirms a new one; siblings of a record deliver nothing."""
    assert told(GSW_USER_EVENT="RecordCancel", GSW_RECORD_HANDLE=12, **GROUP) == RecordCancelled(7, "3001", NAMES, "12")
    assert told(GSW_USER_EVENT="RecordCancel", **GROUP) == Sign(7, "3001", NAMES)
    assert told(GSW_USER_EVENT="AddRecordAcknowledge", **GROUP) == RecordAdded(7, "3001", NAMES)
    assert told(GSW_USER_EVENT="ChainedRecord", GSW_RECORD_HANDLE=13, **GROUP) == Sign(7, "3001", NAMES, "13")
    assert told(GSW_USER_EVENT="ChainedRecordsDataEnd", **GROUP) == Sign(7, "3001", NAMES)


def test_errors() -> None:
    """GSW_ERROR: that there are no records is told from every other error, whatever else the event says."""
    assert told(GSW_ERROR="No Records Available") == DesktopError(7, "3001", GroupNames(), True)
    assert told(GSW_ERROR="Record not found", GSW_RECORD_HANDLE=12, GSW_REFERENCE_ID=3, **GROUP) == DesktopError(
        7, "3001", NAMES, False, "12", "3"
    )
    assert told(GSW_ERROR="No Records Available", GSW_USER_EVENT="PreviewRecord", **GROUP) == DesktopError(
        7, "3001", NAMES, True
    )
    assert told(GSW_ERROR=5) == DesktopError(7, "3001", GroupNames(), False)


@pytest.mark.parametrize("event", ["CampaignPaused", "campaignstarted", "PreviewRecordRequest", "Chained", "", 5])
def test_unknown_events_mean_nothing(event: object) -> None:
    """OCS may say to desktops what it likes."""
    assert told(GSW_USER_EVENT=event, GSW_RECORD_HANDLE=12, **GROUP) is None
    assert told(USER_EVENT="CampaignStarted") is None


@pytest.mark.parametrize("number", [6, 7, 8, 9, 10, 11, 12, 13, 14, 28, 29, 30, 32])
def test_requests_from_the_server_are_echoes(number: int) -> None:
    """M8: T-Server gives requests to every client of the DN; such copies are no word of OCS's, as int or text."""
    for value in (number, str(number)):
        assert userdata.is_request(userdata.gsw(pairs(GSW_CM_MessageType=value)))
        assert told(GSW_CM_MessageType=value, GSW_USER_EVENT="CampaignStopped", **GROUP) is None


def test_desktops_requests_from_the_server_are_echoes() -> None:
    """M8: nor are copies of what another desktop of the DN asked."""
    for request_type in ("RecordProcessed", "something new"):
        assert told(GSW_AGENT_REQ_TYPE=request_type, GSW_USER_EVENT="CampaignStopped", GSW_RECORD_HANDLE=1) is None


@pytest.mark.parametrize("number", [5, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 31, 33])
def test_ocs_events_are_no_echoes(number: int) -> None:
    """M8: what only OCS says is not taken for a copy of a request."""
    assert not userdata.is_request(userdata.gsw(pairs(GSW_CM_MessageType=number)))


# ------------------------------------------------------------------------------------------------------------ telephony


@pytest.mark.parametrize("event", ["EventRinging", "EventDialing", "EventEstablished"])
def test_calls_bring_records(event: str) -> None:
    """R6: a call that carries a record's handle delivers it."""
    said = pairs(GSW_RECORD_HANDLE="12", GSW_CALLING_LIST="Customers", GSW_CHAIN_ID=5, GSW_PHONE="5550100", **GROUP)
    assert of_call(event, said, 7, "3001") == RecordDelivered(
        7, "3001", NAMES, event, "12", True, "Customers", "5", "5550100"
    )


def test_calls_that_end_and_other_events_of_a_call() -> None:
    """The end of a record's call is noted; every other event of such a call is a sign; other calls are nothing."""
    assert of_call("EventReleased", pairs(GSW_RECORD_HANDLE=12, **GROUP), 7, "3001") == CallReleased(
        7, "3001", NAMES, "12"
    )
    assert of_call("EventAbandoned", pairs(GSW_RECORD_HANDLE=12, **GROUP), 7, "3001") == Sign(7, "3001", NAMES, "12")
    assert of_call("EventAttachedDataChanged", pairs(GSW_RECORD_HANDLE=12), 7, "3001") == Sign(
        7, "3001", GroupNames(), "12"
    )
    for event in ("EventRinging", "EventEstablished", "EventReleased"):
        assert of_call(event, pairs(**GROUP), 7, "3001") == Sign(7, "3001", NAMES)
        assert of_call(event, pairs(GSW_PHONE="5550100", Customer="x"), 7, "3001") is None


# ----------------------------------------------------------------------------------------------------- campaign control


@pytest.mark.parametrize(
    ("number", "request_"),
    [
        (7, Request.LOAD),
        (8, Request.UNLOAD),
        (9, Request.START),
        (10, Request.STOP),
        (11, Request.SET_MODE),
        (29, Request.UNLOAD),
    ],
)
def test_control_requests(number: int, request_: Request) -> None:
    """What a client asks of a group, with numbers or with texts, whatever DN it has."""
    expected = ControlRequested(7, GroupNames(101, 55, 732), request_, (1,), "Predictive", "77", 9)
    said = {
        "GSW_CM_MessageType": number,
        "GSW_CM_AttrSessionID": 101,
        "GSW_CM_AttrCampaignID": 55,
        "GSW_CM_AttrGroupID": 732,
        "GSW_CM_AttrReferenceID": 77,
        "GSW_CM_AttrDialMode": 1,
    }
    assert asked(**said, GSW_AUTO_COMPLETION=1) == expected
    texts = {key: str(value) for key, value in said.items()}
    assert asked(**texts, GSW_AUTO_COMPLETION=1) == expected
    assert from_client(pairs(**said, GSW_AUTO_COMPLETION=1), 7, None, 9) == expected


@pytest.mark.parametrize("number", [5, 6, 12, 13, 14, 19, 24, 27, 28, 30, 32, 99, "x", b"7"])
def test_what_asks_nothing_of_a_group(number: object) -> None:
    """A status request, a registration, an unknown number: nothing that would change a group."""
    assert asked(GSW_CM_MessageType=number, GSW_CM_AttrSessionID=101) is None


def test_values_of_the_attribute_as_they_were_sent() -> None:
    """R5: every value of GSW_AUTO_COMPLETION, in order, as it was sent; a key in an inner list is another one."""
    said = [
        *pairs(GSW_CM_MessageType=7, GSW_AUTO_COMPLETION="1"),
        pair("inner", pairs(GSW_AUTO_COMPLETION=5)),
        pair("GSW_AUTO_COMPLETION", 0),
    ]
    seen = from_client(said, 7, None, None)
    assert isinstance(seen, ControlRequested)
    assert seen.values == ("1", 0)
    assert userdata.attribute_values(said) == ["1", 0]


@pytest.mark.parametrize(
    ("number", "word"),
    [(19, Word.LOADED), (20, Word.UNLOADED), (21, Word.STARTED), (22, Word.STOPPED), (23, Word.MODE_CHANGED)],
)
def test_ocs_word_on_the_communication_dn(number: int, word: Word) -> None:
    """OCS says what became of a group: by its DBID as session id or as group DBID, and in answer to whom."""
    assert heard(
        GSW_CM_MessageType=number, GSW_CM_AttrReferenceID=77, GSW_CM_AttrSessionID=101, GSW_CM_AttrDialMode=3
    ) == WordHeard(GroupNames(101), word, "tevents", "Preview", "77")
    assert heard(GSW_CM_MessageType=str(number), **GROUP) == WordHeard(NAMES, word, "tevents")


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (0, Status.NOT_LOADED),
        (1, Status.WAITING_UNLOAD),
        (2, Status.UNLOAD_IN_PROGRESS),
        (3, Status.INACTIVE),
        (4, Status.ACTIVE),
        (5, Status.RUNNING),
    ],
)
def test_statuses(number: int, status: Status) -> None:
    """An answer to a status request, with each status there is, as number or text."""
    for value in (number, str(number)):
        assert heard(
            GSW_CM_MessageType=24, GSW_CM_AttrSessionID=101, GSW_CM_AttrReferenceID=5, GSW_CM_AttrGroupCampStatus=value
        ) == StatusHeard(GroupNames(101), status, "tevents", None, "5")


def test_statuses_that_are_none() -> None:
    """A status that is missing, or that nobody knows, changes nothing."""
    assert heard(GSW_CM_MessageType=24, GSW_CM_AttrSessionID=101) is None
    for value in (6, -1, "running", b"\0"):
        assert heard(GSW_CM_MessageType=24, GSW_CM_AttrSessionID=101, GSW_CM_AttrGroupCampStatus=value) is None


def test_refusals() -> None:
    """EvError bears the reference of the request that it refuses, and says on whose session it was heard."""
    said = pairs(GSW_CM_MessageType=27, GSW_CM_AttrReferenceID="77", GSW_CM_AttrSessionID=101)
    assert from_ocs(said, 7, "session 7") == ControlRefused(7, GroupNames(101), "77")
    assert heard(GSW_CM_MessageType=27) == ControlRefused(0, GroupNames(), None)


@pytest.mark.parametrize("number", [5, 6, 7, 12, 15, 18, 25, 26, 28, 31, 33, 99])
def test_other_messages_of_ocs_mean_nothing(number: int) -> None:
    """Everything else that can stand in GSW_CM_MessageType says nothing of a group's life."""
    assert heard(GSW_CM_MessageType=number, GSW_CM_AttrSessionID=101, GSW_CM_AttrGroupCampStatus=5) is None


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (1, "Predictive"),
        (2, "Progressive"),
        (3, "Preview"),
        (4, "ProgressiveAndSeize"),
        (5, "PredictiveAndSeize"),
        (6, "Power"),
        (7, "PowerAndSeize"),
        (8, "PushPreview"),
        (9, "ProgressiveGVP"),
        (10, "PredictiveGVP"),
        (11, "PowerGVP"),
    ],
)
def test_dial_modes(number: int, name: str) -> None:
    """Dial modes by their numbers; where there is a name, it is the name that counts."""
    assert heard(GSW_CM_MessageType=21, GSW_CM_AttrDialMode=number) == WordHeard(
        GroupNames(), Word.STARTED, "tevents", name
    )
    assert heard(GSW_CM_MessageType=21, GSW_CM_AttrDialMode=number, GSW_CAMPAIGN_MODE="Own") == WordHeard(
        GroupNames(), Word.STARTED, "tevents", "Own"
    )


def test_unknown_dial_modes() -> None:
    """A mode that nobody knows is unknown, and the longer settle time holds."""
    for number in (0, 12, "Preview"):
        assert heard(GSW_CM_MessageType=21, GSW_CM_AttrDialMode=number) == WordHeard(
            GroupNames(), Word.STARTED, "tevents"
        )


# ----------------------------------------------------------------------------------------------------------- statistics


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1, WordHeard(NAMES, Word.LOADED, "tevents")),
        (2, WordHeard(NAMES, Word.UNLOADED, "tevents")),
        (3, WordHeard(NAMES, Word.STARTED, "tevents")),
        (4, WordHeard(NAMES, Word.MODE_CHANGED, "tevents")),
        (5, WordHeard(NAMES, Word.STOPPED, "tevents")),
        (6, None),
        (7, None),
        (8, None),
        (9, None),
        (10, WaitingRecords(NAMES, "tevents", over=False)),
        (11, WaitingRecords(NAMES, "tevents", over=True)),
        (12, SystemTrouble(NAMES, over=False)),
        (13, SystemTrouble(NAMES, over=True)),
        (14, Sign(0, "", NAMES)),
        (15, Sign(0, "", NAMES)),
        (16, Sign(0, "", NAMES)),
        (17, Sign(0, "", NAMES)),
        (18, Sign(0, "", NAMES)),
        (19, None),
        (20, Sign(0, "", NAMES)),
        (21, None),
        (0, None),
    ],
)
def test_statistics_events(number: int, expected: object) -> None:
    """Each GSW_STAT_EVENT there is, as number or text: words, waiting for records, system errors, signs."""
    assert heard(GSW_STAT_EVENT=number, **GROUP) == expected
    assert heard(GSW_STAT_EVENT=str(number), **GROUP) == expected


def test_by_which_name_statistics_speak_of_a_group() -> None:
    """By the group's DBID, else the session id, else whatever name there is; SystemError may name nobody."""
    both = heard(GSW_STAT_EVENT=10, GSW_CAMPAIGN_GROUP_DBID=101, GSW_CM_AttrSessionID=5)
    assert both == WaitingRecords(GroupNames(101), "tevents", over=False)
    assert heard(GSW_STAT_EVENT=10, GSW_CM_AttrSessionID="101") == both
    assert heard(GSW_STAT_EVENT=10, GSW_CAMPAIGN_GROUP_NAME="Sales@Agents") == WaitingRecords(
        GroupNames(name="Sales@Agents"), "tevents", over=False
    )
    assert heard(GSW_STAT_EVENT=12) == SystemTrouble(GroupNames(), over=False)
    assert heard(GSW_STAT_EVENT="many", **GROUP) is None


# ------------------------------------------------------------------------------------------------------ lenient reading


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (5, 5),
        ("5", 5),
        (" 5 ", 5),
        ("+5", 5),
        ("-5", -5),
        ("007", 7),
        ("2147483647", 2147483647),
        ("-2147483648", -2147483648),
        ("", None),
        ("five", None),
        ("5.0", None),
        ("5 6", None),
        ("+-5", None),
        ("--5", None),
        ("-", None),
        ("0x5", None),
        ("1_0", None),
        ("\uff15", None),
        ("2147483648", None),
        ("9" * 5000, None),
        (b"5", None),
        ([], None),
    ],
)
def test_integers_are_read_leniently(value: object, read: int | None) -> None:
    """Some clients send integers as texts, and OCS takes them; what is no 32-bit integer is none, and harms nobody."""
    assert userdata.number({"GSW_X": value}, "GSW_X") == read  # type: ignore[dict-item]
    assert userdata.number({}, "GSW_X") is None


@pytest.mark.parametrize(
    ("value", "read"), [(12, "12"), ("12", "12"), (-1, "-1"), ("", None), (b"12", None), ([], None)]
)
def test_handles_and_references_are_text(value: object, read: str | None) -> None:
    """R6: a handle that came as a number and as a text is one and the same."""
    assert userdata.text({"GSW_X": value}, "GSW_X") == read  # type: ignore[dict-item]


def test_repeated_keys() -> None:
    """R5: of a key that is repeated the last value counts; keys that are not OCS's are not looked at."""
    said = [*pairs(GSW_X=1, phone="5550100"), pair("GSW_X", "2")]
    assert userdata.gsw(said) == {"GSW_X": "2"}


# ---------------------------------------------------------------------------------------------------------- what we say


def test_an_agent_is_told_in_the_words_of_the_last_event() -> None:
    """R28: all is as in the last campaign event; only the event is replaced, and the mode left out."""
    like = [
        pair("GSW_APPLICATION_ID", "4113"),
        pair("GSW_CAMPAIGN_MODE", "Preview"),
        pair("GSW_USER_EVENT", "CampaignStarted"),
        Pair("GSW_CAMPAIGN_NAME", b"\xff\xfe", 4),
        pair("Own", pairs(GSW_CAMPAIGN_MODE="stays")),
    ]
    assert userdata.campaign_event(Word.STOPPED, like, NAMES) == [
        like[0],
        pair("GSW_USER_EVENT", "CampaignStopped"),
        *like[3:],
    ]
    assert userdata.campaign_event(Word.UNLOADED, like, NAMES)[1] == pair("GSW_USER_EVENT", "CampaignUnloaded")


def test_an_agent_is_told_by_the_names_that_are_known() -> None:
    """R28: without any campaign event to follow: the configured names and DBID."""
    assert userdata.campaign_event(Word.STOPPED, (), NAMES) == pairs(
        GSW_USER_EVENT="CampaignStopped",
        GSW_CAMPAIGN_NAME="Sales",
        GSW_CAMPAIGN_GROUP_DBID=101,
        GSW_CAMPAIGN_GROUP_NAME="Sales@Agents",
    )
    assert userdata.campaign_event(Word.STOPPED, (), SALES) == pairs(
        GSW_USER_EVENT="CampaignStopped", GSW_CAMPAIGN_NAME="Sales"
    )


def test_our_own_requests() -> None:
    """R24: Stop, Unload and status requests: number, the group's DBID, our application, our reference; all integers."""
    assert (control.REQUEST_STOP, control.REQUEST_UNLOAD, control.REQUEST_STATUS) == (10, 8, 12)
    assert userdata.request(10, NAMES, 4114, 1610612736) == pairs(
        GSW_CM_MessageType=10,
        GSW_CM_AttrSessionID=101,
        GSW_APPLICATION_ID=4114,
        GSW_CM_AttrReferenceID=1610612736,
    )


# ------------------------------------------------------------------------------------------------------------- anything

KEYS = st.sampled_from([key for key in vars(userdata).values() if isinstance(key, str) and key.startswith("GSW_")])
WORDS = st.sampled_from(
    [
        *("No Records Available", "ChainedRecordX", "RecordCancel", "AddRecordAcknowledge"),
        *(*userdata.ACTIONS, *userdata.ACKNOWLEDGEMENTS, *userdata.CAMPAIGN_EVENTS, *userdata.DELIVERIES),
    ]
)
VALUES = st.integers(-5, 40) | WORDS | st.integers(0, 40).map(str) | st.text(max_size=4) | st.binary(max_size=4)
OF_OCS = st.lists(st.builds(pair, KEYS, VALUES | lists), max_size=10)


@given(OF_OCS | lists, st.none() | st.just("3001"), st.sampled_from(["EventRinging", "EventReleased", "EventHeld"]))
def test_any_user_data_whatever(said: list[Pair], dn: str | None, event: str) -> None:
    """Whatever stands in user data is something or nothing, and never more than that; nothing of it is changed."""
    before = pack(said)
    seen = [
        from_client(said, 7, dn, None),
        to_desktop(said, 7, "3001"),
        of_call(event, said, 7, "3001"),
        from_ocs(said, 0, "tevents"),
    ]
    for each in seen:
        assert each is None or type(each).__module__ == "proxy.campaign.observation"
    assert pack(said) == before
    assert unpack(pack(userdata.campaign_event(Word.STOPPED, said, NAMES)))
