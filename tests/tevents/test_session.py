"""One desktop's session: what is seen of it, and that all the rest goes on as it came (M1 to M4, M8, R16, R25, R26)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.campaign.observation import (
    Action,
    ActionAcknowledged,
    ActionRequested,
    AgentHeard,
    CallReleased,
    Command,
    ControlRefused,
    ControlRequested,
    DesktopError,
    DnRegistered,
    DnUnregistered,
    GroupNames,
    MessageRefused,
    MessageTaken,
    NotifyAgent,
    Observation,
    RecordDelivered,
    RecordRequested,
    Request,
    SessionBlind,
    StatusAsked,
    Swallow,
    Word,
    WordHeard,
)
from proxy.campaign.policy import Attribute, By, Policy
from proxy.kvlist import pair
from proxy.tevents.message import (
    COMMUNICATION_DN,
    ERROR_CODE,
    EVENT_ACK,
    EVENT_ERROR,
    EVENT_REGISTERED,
    EVENT_UNREGISTERED,
    NO_ANSWER,
    REFERENCE_ID,
    REGISTER_ADDRESS,
    THIS_DN,
    UNREGISTER_ADDRESS,
    USER_DATA,
)
from proxy.tevents.openwire import open_wire
from proxy.tevents.session import MAX_REGISTERING
from tests.tevents.desk import COMM_DN, Desk, event, frame, request
from tests.wire.lists import lists

PLAIN = frame(8, {THIS_DN: "3001"})
STARTED = {"GSW_USER_EVENT": "CampaignStarted", "GSW_CAMPAIGN_NAME": "Sales"}
STOPPED = {"GSW_USER_EVENT": "CampaignStopped", "GSW_CAMPAIGN_NAME": "Sales"}
UNLOADED = {"GSW_USER_EVENT": "CampaignUnloaded", "GSW_CAMPAIGN_NAME": "Sales"}
SALES = GroupNames(campaign="Sales")


def malformed(number: int, rest: bytes = b"\xff\xff\0\1") -> bytes:
    """A frame whose length is right and whose body is not."""
    return struct.pack(">IH", 2 + len(rest), number) + rest


def once(wanted: type[Observation], *commands: Command) -> Callable[[Observation], Sequence[Command]]:
    """Groups that want something done when they are shown one kind of observation."""
    return lambda seen: commands if isinstance(seen, wanted) else ()


# ----------------------------------------------------------------------------------------------- M1: what comes goes on

NUMBERS = st.sampled_from([3, 4, 14, 30, 48, 49, 52, 53, 54, 60, 64, 65, 85, 96, 138, 999])
NOT_OF_CAMPAIGNS = lists.map(lambda found: [each for each in found if not each.key.startswith("GSW_")])
BODIES = st.builds(
    lambda number, dn, pairs: frame(number, {THIS_DN: dn, COMMUNICATION_DN: COMM_DN, USER_DATA: pairs}),
    NUMBERS,
    st.sampled_from(["3001", "", "\udcff"]),
    NOT_OF_CAMPAIGNS,
)
BROKEN = st.builds(malformed, NUMBERS, st.binary(min_size=2, max_size=12))
STREAMS = st.lists(BODIES | BROKEN, max_size=8).map(b"".join)


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """The stream in pieces."""
    at = sorted({place % (len(stream) + 1) for place in places})
    return [stream[start:end] for start, end in zip([0, *at], [*at, len(stream)], strict=True)]


PLACES = st.lists(st.integers(0, 2000), max_size=12)


@settings(max_examples=200)
@given(STREAMS, st.binary(max_size=5), PLACES, st.sampled_from(Attribute))
def test_traffic_without_campaigns_bit_for_bit(
    stream: bytes, rest: bytes, places: list[int], attribute: Attribute
) -> None:
    """M1, M3: registrations, user events, calls, errors, broken bodies, a frame cut short: all goes on as it came."""
    desk = Desk(Policy(by=By.PROXY, attribute=attribute))
    session = desk.session()
    pieces = cut(stream + rest, places)
    sent, got = session.sends(*pieces), session.gets(*pieces)
    session.end()
    assert sent + session.sends() == stream + rest
    assert got + session.gets() == stream + rest
    assert desk.counts.rewritten == desk.counts.not_rewritten == desk.counts.swallowed == desk.board.failed == 0


@settings(max_examples=200)
@given(st.binary(max_size=80), PLACES)
def test_any_bytes_whatever(garbage: bytes, places: list[int]) -> None:
    """M3: what is no T-Event at all goes on as it came, both ways."""
    session = Desk(Policy(by=By.PROXY, attribute=Attribute.FORCE)).session()
    pieces = cut(PLAIN + garbage, places)
    sent, got = session.sends(*pieces), session.gets(*pieces)
    session.end()
    assert sent + session.sends() == PLAIN + garbage
    assert got + session.gets() == PLAIN + garbage


CAMPAIGNS = b"".join(
    [
        event(**STARTED),
        event(GSW_USER_EVENT="PreviewRecord", GSW_RECORD_HANDLE=12),
        PLAIN,
        frame(64, {THIS_DN: "3001", USER_DATA: [pair("GSW_RECORD_HANDLE", 12)]}),
        malformed(96),
        event(GSW_USER_EVENT="RecordProcessedAcknowledge", GSW_REFERENCE_ID=3),
        event(COMM_DN, GSW_STAT_EVENT=10),
        frame(EVENT_ACK, {REFERENCE_ID: 3}),
        event(**UNLOADED),
    ]
)


@settings(max_examples=100)
@given(PLACES)
def test_what_is_seen_does_not_depend_on_the_pieces(places: list[int]) -> None:
    """M1: however the network cuts the stream, the groups see the same, and the desktop gets the same."""
    whole, pieces = Desk(), Desk()
    assert whole.session().gets(CAMPAIGNS) == CAMPAIGNS
    assert pieces.session().gets(*cut(CAMPAIGNS, places)) == CAMPAIGNS
    assert pieces.seen == whole.seen
    assert [type(each).__name__ for each in whole.seen] == [
        "AgentHeard",
        "RecordDelivered",
        "RecordDelivered",
        "SessionBlind",
        "ActionAcknowledged",
        "MessageTaken",
        "AgentHeard",
    ]


def test_a_request_is_seen_before_it_goes_upstream_and_an_event_before_the_desktop_gets_it() -> None:
    """The groups know of a request before OCS can answer it, and of OCS's word before the agent can."""
    desk = Desk()
    session = desk.session()
    gone: list[bytes] = []
    desk.groups.answer = lambda _: gone.append(session.sends() + session.gets()) or ()  # type: ignore[func-returns-value]
    asked = request("3001", GSW_AGENT_REQ_TYPE="CampaignStatusRequest")
    assert session.sends(PLAIN + asked) == PLAIN + asked
    assert session.gets(PLAIN + event(**STARTED)) == PLAIN + event(**STARTED)
    assert gone == [b"", b""]


# -------------------------------------------------------------------------------------------------------- M3: malformed


@pytest.mark.parametrize("number", [3, 4, 48, 49])
def test_a_body_of_a_client_that_does_not_add_up(number: int) -> None:
    """M3, R16: it goes on unchanged, is counted, and makes the session blind, once; what follows is seen."""
    desk = Desk(Policy(by=By.PROXY, attribute=Attribute.FORCE))
    session = desk.session()
    stream = malformed(number) + malformed(number) + request("3001", GSW_AGENT_REQ_TYPE="CampaignStatusRequest")
    assert session.sends(stream) == stream
    assert desk.counts.malformed == 2
    assert desk.seen == [SessionBlind(7), StatusAsked(7, "3001")]


@pytest.mark.parametrize("number", [52, 53, 54, 60, 64, 65, 96, 138])
def test_a_body_of_the_server_that_does_not_add_up(number: int) -> None:
    """M3, R16: the same for what the T-Server sends."""
    desk = Desk()
    session = desk.session()
    stream = malformed(number) + malformed(number) + event(**STARTED)
    assert session.gets(stream) == stream
    assert desk.counts.malformed == 2
    assert [type(each) for each in desk.seen] == [SessionBlind, AgentHeard]


@pytest.mark.parametrize("number", [0, 8, 14, 57, 95, 999])
def test_bodies_nobody_wants_are_never_looked_at(number: int) -> None:
    """M1: what no rule wants may be broken as it likes."""
    desk = Desk()
    session = desk.session()
    assert session.sends(malformed(number)) == session.gets(malformed(number)) == malformed(number)
    assert desk.counts.malformed == 0
    assert desk.seen == []


@pytest.mark.parametrize("length", [0, 3, 1048577, 0xFFFFFFFF])
def test_a_length_no_frame_can_have(length: int) -> None:
    """M3, R16: from there on that direction is relayed unseen, the session is blind; the other one is still seen."""
    desk = Desk()
    session = desk.session()
    stream = struct.pack(">I", length) + b"\0\x60" + event(**STARTED)
    assert session.gets(PLAIN + stream, event(**STARTED)) == PLAIN + stream + event(**STARTED)
    assert desk.seen == [SessionBlind(7)]
    asked = request("3001", GSW_AGENT_REQ_TYPE="CampaignStatusRequest")
    assert session.sends(asked) == asked
    assert desk.seen == [SessionBlind(7), StatusAsked(7, "3001")]
    assert session.sends(stream) == stream
    assert desk.seen[2:] == []


# ------------------------------------------------------------------------------------------------------ DN registration


def test_registration_and_its_end() -> None:
    """N2: a session has a DN from T-Server's word that it is registered to its word that it is not."""
    desk = Desk()
    session = desk.session(dn=None)
    asks = frame(REGISTER_ADDRESS, {THIS_DN: "3001", REFERENCE_ID: 4})
    assert session.sends(asks) == asks
    assert desk.seen == []
    answer = frame(EVENT_REGISTERED, {THIS_DN: "3001", REFERENCE_ID: 4})
    assert session.gets(answer) == answer
    assert desk.seen == [DnRegistered(7, "3001")]
    session.sends(frame(UNREGISTER_ADDRESS, {THIS_DN: "3001", REFERENCE_ID: 5}))
    assert desk.seen[1:] == []
    session.gets(frame(EVENT_UNREGISTERED, {THIS_DN: "3001", REFERENCE_ID: 5}))
    assert desk.seen[1:] == [DnUnregistered(7, "3001")]


def test_answers_that_bear_the_reference_only() -> None:
    """The answer to a registration may name no DN: its reference says which one was asked for, in any order."""
    desk = Desk()
    session = desk.session(dn=None)
    for reference, dn in ((4, "3001"), (5, "4001")):
        session.sends(frame(REGISTER_ADDRESS, {THIS_DN: dn, REFERENCE_ID: reference}))
    session.gets(frame(EVENT_REGISTERED, {REFERENCE_ID: 5}), frame(EVENT_REGISTERED, {REFERENCE_ID: 4}))
    session.sends(frame(UNREGISTER_ADDRESS, {THIS_DN: "4001", REFERENCE_ID: 6}))
    session.gets(frame(EVENT_UNREGISTERED, {REFERENCE_ID: 6}))
    assert desk.seen == [DnRegistered(7, "4001"), DnRegistered(7, "3001"), DnUnregistered(7, "4001")]
    session.gets(frame(EVENT_REGISTERED, {REFERENCE_ID: 4}), frame(EVENT_REGISTERED, {}))
    assert desk.seen[3:] == []


def test_a_refused_registration() -> None:
    """EventError ends the question: a later answer with that reference is about something else."""
    desk = Desk()
    session = desk.session(dn=None)
    session.sends(frame(REGISTER_ADDRESS, {THIS_DN: "9999", REFERENCE_ID: 4}))
    session.gets(frame(EVENT_ERROR, {REFERENCE_ID: 4, ERROR_CODE: 59}), frame(EVENT_REGISTERED, {REFERENCE_ID: 4}))
    assert desk.seen == [MessageRefused(7, 4)]


def test_the_communication_dn_is_nobodys_agent() -> None:
    """A console on the Communication DN is no agent, and never told anything as one."""
    desk = Desk()
    session = desk.session(dn=None)
    session.sends(frame(REGISTER_ADDRESS, {THIS_DN: COMM_DN, REFERENCE_ID: 4}))
    session.gets(frame(EVENT_REGISTERED, {REFERENCE_ID: 4}), frame(EVENT_UNREGISTERED, {THIS_DN: COMM_DN}))
    assert desk.seen == []


def test_unanswered_registrations_are_forgotten_in_the_end() -> None:
    """Memory for a session is bounded (M5): the oldest questions are forgotten, the latest known."""
    desk = Desk()
    session = desk.session(dn=None)
    for reference in range(MAX_REGISTERING + 1):
        session.sends(frame(REGISTER_ADDRESS, {THIS_DN: f"dn {reference}", REFERENCE_ID: reference}))
    session.gets(frame(EVENT_REGISTERED, {REFERENCE_ID: 0}), frame(EVENT_REGISTERED, {REFERENCE_ID: MAX_REGISTERING}))
    assert desk.seen == [DnRegistered(7, f"dn {MAX_REGISTERING}")]


# ---------------------------------------------------------------------------------------------- for which DN one speaks


def speaking(session_dns: Sequence[str], attributes: dict[int, object]) -> list[Observation]:
    """What is seen of a status request with these attributes, by a session that has these DNs."""
    desk = Desk()
    session = desk.session(dn=None)
    for dn in session_dns:
        session.gets(frame(EVENT_REGISTERED, {THIS_DN: dn}))
    desk.seen.clear()
    data = [pair("GSW_AGENT_REQ_TYPE", "CampaignStatusRequest")]
    session.sends(frame(48, {**attributes, USER_DATA: data}))  # type: ignore[dict-item]
    return desk.seen


def test_a_desktop_speaks_on_its_own_dn_or_on_the_communication_dn() -> None:
    """Whichever of the two a desktop sends its requests to, they are those of its own DN."""
    assert speaking(["3001"], {COMMUNICATION_DN: "3001"}) == [StatusAsked(7, "3001")]
    assert speaking(["3001"], {COMMUNICATION_DN: COMM_DN}) == [StatusAsked(7, "3001")]
    assert speaking([COMM_DN, "3001"], {COMMUNICATION_DN: COMM_DN}) == [StatusAsked(7, "3001")]
    assert speaking(["3001"], {}) == [StatusAsked(7, "3001")]


def test_a_desktop_with_several_dns() -> None:
    """The DN it names is meant; where it names none of its own, the first it registered for: nothing is lost."""
    both = ["3001", "4001"]
    assert speaking(both, {COMMUNICATION_DN: "4001"}) == [StatusAsked(7, "4001")]
    assert speaking(both, {COMMUNICATION_DN: COMM_DN, THIS_DN: "4001"}) == [StatusAsked(7, "4001")]
    assert speaking(both, {COMMUNICATION_DN: "3001", THIS_DN: "4001"}) == [StatusAsked(7, "4001")]
    assert speaking(both, {COMMUNICATION_DN: COMM_DN}) == [StatusAsked(7, "3001")]
    assert speaking(both, {COMMUNICATION_DN: "9999"}) == [StatusAsked(7, "3001")]


def test_a_client_without_a_dn() -> None:
    """It is no agent: what it asks as one is nobody's."""
    assert speaking([], {COMMUNICATION_DN: "3001"}) == []
    assert speaking([COMM_DN], {COMMUNICATION_DN: COMM_DN}) == []


def test_a_desktop_whose_dn_was_taken() -> None:
    """A DN that the session is no longer registered for is not its own any more."""
    desk = Desk()
    session = desk.session()
    session.gets(frame(EVENT_REGISTERED, {THIS_DN: "4001"}), frame(EVENT_UNREGISTERED, {THIS_DN: "3001"}))
    desk.seen.clear()
    session.sends(request("3001", GSW_AGENT_REQ_TYPE="CampaignStatusRequest"))
    assert desk.seen == [StatusAsked(7, "4001")]


def test_a_desktop_that_does_not_wait_for_its_registration() -> None:
    """A desktop may ask at once after it has asked to be registered: T-Server takes the two in order."""
    desk = Desk()
    session = desk.session(dn=None)
    session.sends(
        frame(REGISTER_ADDRESS, {THIS_DN: "3001", REFERENCE_ID: 4}),
        request(GSW_AGENT_REQ_TYPE="PreviewRecordRequest", GSW_CAMPAIGN_NAME="Sales"),
    )
    assert desk.seen == [RecordRequested(7, "3001", SALES, None, 5)]


# --------------------------------------------------------------------------------------------------------- what is seen


def test_a_record_from_its_delivery_to_its_acknowledgement() -> None:
    """A whole dialogue over one record, as the groups see it, with session, DN and references."""
    desk = Desk()
    session = desk.session()
    session.sends(request("3001", 11, GSW_AGENT_REQ_TYPE="PreviewRecordRequest", GSW_CAMPAIGN_NAME="Sales"))
    session.gets(frame(EVENT_ACK, {REFERENCE_ID: 11}))
    session.gets(event(GSW_USER_EVENT="PreviewRecord", GSW_RECORD_HANDLE=12, GSW_CAMPAIGN_NAME="Sales"))
    session.gets(frame(60, {THIS_DN: "3001", USER_DATA: [pair("GSW_RECORD_HANDLE", "12")]}))
    session.gets(frame(65, {THIS_DN: "3001", USER_DATA: [pair("GSW_RECORD_HANDLE", "12")]}))
    session.sends(request("3001", 12, GSW_AGENT_REQ_TYPE="RecordProcessed", GSW_RECORD_HANDLE=12, GSW_REFERENCE_ID=3))
    session.gets(frame(EVENT_ERROR, {REFERENCE_ID: 12, ERROR_CODE: 41}))
    session.sends(request("3001", 13, GSW_AGENT_REQ_TYPE="RecordProcessed", GSW_RECORD_HANDLE=12, GSW_REFERENCE_ID=4))
    session.gets(event(GSW_USER_EVENT="RecordProcessedAcknowledge", GSW_REFERENCE_ID=4))
    session.sends(request("3001", 14, GSW_AGENT_REQ_TYPE="PreviewRecordRequest", GSW_CAMPAIGN_NAME="Sales"))
    session.gets(event(GSW_ERROR="No Records Available"))
    nameless = GroupNames()
    assert desk.seen == [
        RecordRequested(7, "3001", SALES, None, 11),
        MessageTaken(7, 11),
        RecordDelivered(7, "3001", SALES, "PreviewRecord", "12"),
        RecordDelivered(7, "3001", nameless, "EventRinging", "12", True),
        CallReleased(7, "3001", nameless, "12"),
        ActionRequested(7, "3001", nameless, Action.PROCESS, "12", None, "3", 12),
        MessageRefused(7, 12),
        ActionRequested(7, "3001", nameless, Action.PROCESS, "12", None, "4", 13),
        ActionAcknowledged(7, "3001", nameless, Action.PROCESS, None, "4"),
        RecordRequested(7, "3001", SALES, None, 14),
        DesktopError(7, "3001", nameless, True),
    ]


def test_requests_that_want_no_answer_have_no_reference() -> None:
    """ReferenceID 4294967295 means that no answer is wanted: none is waited for."""
    desk = Desk()
    session = desk.session()
    for reference in (NO_ANSWER, None):
        session.sends(request("3001", reference, GSW_AGENT_REQ_TYPE="PreviewRecordRequest"))
    session.sends(request(COMM_DN, 4294967294, GSW_CM_MessageType=7))
    assert desk.seen == [
        RecordRequested(7, "3001", GroupNames()),
        RecordRequested(7, "3001", GroupNames()),
        ControlRequested(7, GroupNames(), Request.LOAD, message_reference=4294967294),
    ]
    session.gets(frame(EVENT_ERROR, {ERROR_CODE: 59}), frame(EVENT_ACK, {}))
    assert desk.seen[3:] == []


def test_control_requests_to_any_dn() -> None:
    """Campaign control is user data with GSW_CM_MessageType in a user event to any DN, by either request."""
    desk = Desk()
    session = desk.session(dn=None)
    for to, number in ((COMM_DN, 48), ("3001", 48), ("9999", 49)):
        session.sends(request(to, number=number, GSW_CM_MessageType=9, GSW_CM_AttrSessionID=101))
    assert desk.seen == [ControlRequested(7, GroupNames(101), Request.START, message_reference=5)] * 3


def test_echoes_are_relayed_and_never_seen() -> None:
    """M8: copies of what other clients asked, on the own DN and on the Communication DN."""
    desk = Desk()
    desk.control_is_up = False
    session = desk.session()
    for dn in ("3001", COMM_DN):
        for values in (
            {"GSW_AGENT_REQ_TYPE": "RecordProcessed", "GSW_RECORD_HANDLE": 12},
            {"GSW_CM_MessageType": 7, "GSW_CM_AttrSessionID": 101, "GSW_AUTO_COMPLETION": 1},
            {"GSW_CM_MessageType": "10", "GSW_STAT_EVENT": 3},
            {"GSW_AGENT_REQ_TYPE": "RecordProcessed", "GSW_STAT_EVENT": 3},
            {"GSW_AGENT_REQ_TYPE": "RecordProcessed", "GSW_CM_MessageType": 27},
        ):
            assert session.gets(event(dn, **values)) == event(dn, **values)
    assert desk.seen == []


def test_ocs_word_on_the_communication_dn_has_one_source() -> None:
    """While the proxy's own session hears OCS, a console's copies say nothing; else the console's session is heard."""
    desk = Desk()
    session = desk.session(dn=COMM_DN)
    started = event(COMM_DN, GSW_CM_MessageType=21, GSW_CM_AttrSessionID=101)
    assert session.gets(started) == started
    assert desk.seen == []
    desk.control_is_up = False
    assert session.gets(started) == started
    assert desk.seen == [WordHeard(GroupNames(101), Word.STARTED, "session 7")]


def test_a_refusal_is_heard_on_the_session_of_who_asked() -> None:
    """R4: OCS's error is the console's own: it counts there, too, while the proxy's own session hears OCS."""
    desk = Desk()
    desk.session(dn=COMM_DN).gets(event(COMM_DN, GSW_CM_MessageType=27, GSW_CM_AttrReferenceID=77))
    assert desk.seen == [ControlRefused(7, GroupNames(), "77")]


def test_events_without_a_dn_are_those_of_the_session() -> None:
    """An event that names no DN is for the DN that the session has; without one it is nobody's."""
    nameless = frame(96, {USER_DATA: [pair("GSW_USER_EVENT", "RecordProcessedAcknowledge")]})
    desk = Desk()
    assert desk.session().gets(nameless) == nameless
    assert desk.seen == [ActionAcknowledged(7, "3001", GroupNames(), Action.PROCESS)]
    desk = Desk()
    assert desk.session(dn=None).gets(nameless) == nameless
    assert desk.seen == []


def test_every_event_of_a_records_call_is_seen() -> None:
    """Abandoned, ringing, dialing, established, released, data attached: whatever says something of a record's call."""
    desk = Desk()
    session = desk.session()
    for number in (59, 60, 61, 64, 65, 85):
        session.gets(frame(number, {THIS_DN: "3001", USER_DATA: [pair("GSW_RECORD_HANDLE", 12)]}))
    assert [type(each).__name__ for each in desk.seen] == [
        "Sign",
        "RecordDelivered",
        "RecordDelivered",
        "RecordDelivered",
        "CallReleased",
        "Sign",
    ]


def test_calls_that_have_nothing_to_do_with_campaigns() -> None:
    """Telephony events with no user data, none of OCS's, or no DN: seen by nobody."""
    desk = Desk()
    session = desk.session()
    for attributes in ({THIS_DN: "3001"}, {THIS_DN: "3001", USER_DATA: [pair("Customer", "x")]}):
        session.gets(frame(64, attributes))  # type: ignore[arg-type]
    session.gets(frame(64, {USER_DATA: [pair("GSW_RECORD_HANDLE", 1)]}))
    assert desk.seen == []


# ---------------------------------------------------------------------------------- R25, R26: notifications, swallowing


def notice(word: Word, session: int = 7, dn: str = "3001") -> NotifyAgent:
    """Groups that want an agent told in the words of CampaignStarted."""
    return NotifyAgent(session, dn, word, SALES, (pair("GSW_USER_EVENT", "CampaignStarted"), pair("Own", 1)))


def notified(event_name: str, dn: str = "3001") -> bytes:
    """The frame that this makes."""
    return event(dn, GSW_USER_EVENT=event_name, Own=1)


def test_stopped_goes_in_just_before_ocs_own_unloaded() -> None:
    """R25: OCS's CampaignUnloaded comes first: CampaignStopped goes in right before it, in the midst of a chunk."""
    desk = Desk()
    session = desk.session()
    desk.groups.answer = once(AgentHeard, notice(Word.STOPPED))
    assert session.gets(PLAIN + event(**UNLOADED) + PLAIN) == (
        PLAIN + notified("CampaignStopped") + event(**UNLOADED) + PLAIN
    )
    assert desk.counts.notified == 1


def test_stopped_goes_in_before_an_unloaded_that_comes_byte_by_byte() -> None:
    """R25: the same, when the event comes in pieces."""
    desk = Desk()
    session = desk.session()
    desk.groups.answer = once(AgentHeard, notice(Word.STOPPED))
    stream = PLAIN + event(**UNLOADED) + PLAIN
    assert session.gets(*(stream[at : at + 1] for at in range(len(stream)))) == (
        PLAIN + notified("CampaignStopped") + event(**UNLOADED) + PLAIN
    )


def test_many_notifications_at_once_keep_their_order() -> None:
    """R25: whatever number of notifications becomes due with one event, all go in, in order, at its boundary."""
    desk = Desk()
    session = desk.session()
    words = [Word.STOPPED, Word.UNLOADED] * 20
    desk.groups.answer = once(MessageTaken, *(notice(word) for word in words))
    ack = frame(EVENT_ACK, {REFERENCE_ID: 3})
    names = {Word.STOPPED: "CampaignStopped", Word.UNLOADED: "CampaignUnloaded"}
    assert session.gets(PLAIN + ack + PLAIN) == PLAIN + ack + b"".join(notified(names[word]) for word in words) + PLAIN


def test_a_notification_waits_for_the_end_of_a_frame() -> None:
    """M2: it goes in at a frame boundary: not into a frame that nobody wants and whose bytes are on their way."""
    desk = Desk()
    session = desk.session()
    long = frame(64, {700: b"x" * 100})
    got = session.gets(PLAIN + long[:50])
    desk.carry_out(notice(Word.STOPPED), notice(Word.UNLOADED))
    assert got + session.gets() == PLAIN + long[:50]
    assert session.gets(long[50:] + PLAIN) == (
        long[50:] + notified("CampaignStopped") + notified("CampaignUnloaded") + PLAIN
    )


def test_a_notification_passes_an_event_that_is_not_whole() -> None:
    """M2: what is held until it is whole, or whose header is not, comes after the notification; nothing is mixed."""
    for cut_at in (3, 30):
        desk = Desk()
        session = desk.session()
        stream = event(**STARTED)
        assert session.gets(PLAIN, stream[:cut_at]) == PLAIN
        desk.carry_out(notice(Word.STOPPED))
        assert session.gets() == notified("CampaignStopped")
        assert session.gets(stream[cut_at:]) == stream


def test_an_event_of_one_session_notifies_another() -> None:
    """R25: what OCS says on one connection may bring a notification on another, where a frame is half through."""
    desk = Desk()
    one, other = desk.session(7, "3001"), desk.session(8, "3002")
    desk.groups.answer = once(AgentHeard, notice(Word.STOPPED, 8, "3002"))
    assert other.gets(PLAIN[:8]) == PLAIN[:8]
    assert one.gets(event(**STARTED)) == event(**STARTED)
    assert other.gets(PLAIN[8:]) == PLAIN[8:] + notified("CampaignStopped", "3002")


def test_a_notification_without_any_event_to_follow() -> None:
    """R28: an agent who never got a campaign event is told by the names that are known."""
    desk = Desk()
    session = desk.session()
    desk.carry_out(NotifyAgent(7, "3001", Word.STOPPED, GroupNames(101, None, None, "Sales@Agents"), ()))
    told = {"GSW_CAMPAIGN_GROUP_DBID": 101, "GSW_CAMPAIGN_GROUP_NAME": "Sales@Agents"}
    assert session.gets() == event(GSW_USER_EVENT="CampaignStopped", **told)


def test_a_session_that_cannot_be_told() -> None:
    """An opaque session has no frame boundaries any more: it is not told, and that is counted."""
    desk = Desk()
    session = desk.session()
    session.gets(b"\0\0\0\0\0\0")
    desk.carry_out(notice(Word.STOPPED), notice(Word.STOPPED, 99))
    assert session.gets() == b""
    assert (desk.counts.notified, desk.board.undeliverable) == (0, 2)


def test_a_notification_too_large_for_the_format() -> None:
    """M4: words that do not fit the format are not said, and that is counted."""
    desk = Desk()
    session = desk.session()
    desk.carry_out(NotifyAgent(7, "3001", Word.STOPPED, SALES, (pair("x", "y" * 70000),)))
    assert session.gets() == b""
    assert (desk.counts.notified, desk.board.undeliverable) == (0, 1)


@pytest.mark.parametrize("place", range(5))
def test_the_event_that_is_swallowed_is_gone_and_no_other(place: int) -> None:
    """R26: of several events in one chunk the very one is swallowed; before and after it all is as it came."""
    frames = [event(**STOPPED, Own=number) for number in range(5)]
    for whole in (True, False):
        desk = Desk()
        session = desk.session()

        def answer(seen: Observation) -> Sequence[Command]:
            assert isinstance(seen, AgentHeard)
            return [Swallow()] if seen.pairs[-1].value == place else []

        desk.groups.answer = answer
        stream = PLAIN + PLAIN.join(frames) + PLAIN
        got = session.gets(stream) if whole else session.gets(*(stream[at : at + 1] for at in range(len(stream))))
        assert (
            got == PLAIN + PLAIN.join([b"" if number == place else each for number, each in enumerate(frames)]) + PLAIN
        )
        assert desk.counts.swallowed == 1


def test_only_what_was_just_seen_is_swallowed() -> None:
    """R26: nothing else is ever swallowed: not what a client sends, nor what is only looked into."""
    desk = Desk()
    session = desk.session()
    desk.groups.answer = lambda _: [Swallow()]
    asked = request("3001", GSW_AGENT_REQ_TYPE="CampaignStatusRequest")
    assert session.sends(asked) == asked
    for looked in (frame(EVENT_ACK, {REFERENCE_ID: 1}), frame(EVENT_REGISTERED, {THIS_DN: "3002"})):
        assert session.gets(looked) == looked
    assert desk.counts.swallowed == 0


def test_a_notification_decodes_as_what_it_is() -> None:
    """R28: an EventUserEvent for the agent's DN, with user data, as OCS's own."""
    desk = Desk()
    session = desk.session()
    desk.carry_out(notice(Word.UNLOADED))
    message = open_wire.decode(session.gets())
    assert (message.number, message.text(THIS_DN)) == (96, "3001")
    assert message.user_data == [pair("GSW_USER_EVENT", "CampaignUnloaded"), pair("Own", 1)]
