"""Web desktops' sessions: what belongs together, what the groups see of it, and when it is over."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.campaign.attribute import Edit
from proxy.campaign.observation import (
    Action,
    ActionRequested,
    AgentHeard,
    CallReleased,
    ControlRequested,
    DesktopError,
    DnRegistered,
    DnUnregistered,
    GroupNames,
    MessageRefused,
    MessageTaken,
    NotifyAgent,
    RecordDelivered,
    RecordRequested,
    Request,
    SessionBlind,
    SessionEnded,
    StatusAsked,
    Word,
)
from proxy.http.desktops.sessions import WEB_IDLE
from proxy.http.turns import RequestHead
from tests.http.web_desk import JSON, Desk, FakeTurn, dn_state, events, poll, polled, subscribed, subscription, told

SALES = GroupNames(campaign="Sales")
USER_EVENT = "/voice/send-user-event"
TAKEN = {"status": {"code": 1}}


def on_dn(desk: Desk, dn: str = "3001", client: str = "tab") -> None:
    """GWS tells the desktop its DN."""
    desk.polls("4", client)
    desk.exchanges.open_polls[-1].answer([dn_state(dn), polled("4")])


def asks_for_record(desk: Desk, **more: Any) -> FakeTurn:
    return desk.asks(USER_EVENT, said(GSW_AGENT_REQ_TYPE="PreviewRecordRequest", GSW_CAMPAIGN_NAME="Sales"), **more)


def said(**data: Any) -> dict[str, Any]:
    """A user event as web desktops send it."""
    kinds = {int: "int", str: "str"}
    return {
        "data": {"userData": [{"key": key, "type": kinds[type(value)], "value": value} for key, value in data.items()]}
    }


@pytest.fixture
def desk() -> Desk:
    """A desktop that has loaded its page."""
    desk = Desk()
    desk.shakes_hands()
    return desk


# ---------------------------------------------------------------------------------------------------------------- DNs


def test_the_groups_see_a_session_once_its_dn_is_known(desk: Desk) -> None:
    """GWS says it by itself, in a state of the DN; that it says so again and again changes nothing."""
    assert desk.board.seen == []
    on_dn(desk)
    on_dn(desk)
    assert desk.board.seen == [DnRegistered(17, "3001")]
    assert list(desk.board.sessions) == [17]


@pytest.mark.parametrize(
    ("content", "status", "learned"),
    [
        ({"status": {"code": 0}}, 200, True),
        ({"status": {"code": 1}}, 200, True),
        (b"", 204, True),
        ({"status": {"code": 13}}, 200, False),
        ({"status": {"code": 0}}, 500, False),
        (b"", 302, False),
    ],
)
def test_an_agent_names_his_dn(desk: Desk, content: Any, status: int, learned: bool) -> None:
    """When the voice channel is activated on it, once GWS agrees."""
    desk.asks("/activate-channels", {"data": {"agentId": "5003", "dn": "3001"}})
    assert desk.board.seen == []
    desk.last.answer(content, status=status)
    assert desk.board.seen == ([DnRegistered(17, "3001")] if learned else [])


def test_a_login_id_is_no_dn(desk: Desk) -> None:
    """An agent who names a place has yet to be told on which DN he is."""
    desk.asks("/activate-channels", {"data": {"agentId": "3001", "placeName": "Place"}})
    desk.last.answer(TAKEN)
    assert desk.board.seen == []


def test_an_event_before_the_dn_is_known(desk: Desk) -> None:
    """The agent goes by a name that no DN can have; once his DN is told, he goes by that."""
    desk.polls()
    desk.upstream().answer([told(), dn_state(), told(), polled()])
    assert [(type(seen), getattr(seen, "dn", None)) for seen in desk.board.seen] == [
        (DnRegistered, "web session 17"),
        (AgentHeard, "web session 17"),
        (DnUnregistered, "web session 17"),
        (DnRegistered, "3001"),
        (AgentHeard, "3001"),
    ]


def test_events_in_the_reply_to_a_handshake(desk: Desk) -> None:
    """Some servers put them there already."""
    desk.asks("/notifications/handshake", [{"id": "1", "channel": "/meta/handshake"}])
    reply = {"id": "1", "channel": "/meta/handshake", "successful": True, "clientId": "eager"}
    desk.last.answer([reply, dn_state(), told()])
    assert [type(seen) for seen in desk.board.seen] == [DnRegistered, AgentHeard]


def test_an_agent_moves_to_another_dn(desk: Desk) -> None:
    """He is on the new one, and on the old one no more."""
    on_dn(desk, "3001")
    on_dn(desk, "3002")
    assert desk.board.seen == [DnRegistered(17, "3001"), DnUnregistered(17, "3001"), DnRegistered(17, "3002")]


# ------------------------------------------------------------------------------------------------ whose a request is


def test_the_session_is_that_of_the_cookie(desk: Desk) -> None:
    """Two browsers on one connection, a load balancer's, are two desktops; one browser on two is one."""
    on_dn(desk)
    asks_for_record(desk, connection=901)
    asks_for_record(desk, cookie="WORKSPACE_SESSIONID=two")
    asked = desk.board.of(RecordRequested)
    assert [(seen.session, seen.dn) for seen in asked] == [(17, "3001"), (18, "web session 18")]


def test_a_client_belongs_to_its_session_whatever_its_cookies(desk: Desk) -> None:
    """CometD's requests may bear other cookies than the REST requests of the same desktop."""
    on_dn(desk)
    desk.asks("/notifications/connect", [poll()], cookie="BAYEUX_BROWSER=b")
    desk.upstream().answer([told(), polled()])
    assert [(seen.session, seen.dn) for seen in desk.board.of(AgentHeard)] == [(17, "3001")]
    asks_for_record(desk, cookie="BAYEUX_BROWSER=b")
    assert [seen.session for seen in desk.board.of(RecordRequested)] == [17]


def test_cookies_of_the_handshakes_reply_are_the_sessions(desk: Desk) -> None:
    """The server sets one more; a request that bears only that belongs to the same desktop."""
    other = Desk(cookie="WWE_CODE=aba5")
    other.shakes_hands(headers=(*JSON, (b"Set-Cookie", b"BAYEUX_BROWSER=b; HttpOnly"), (b"set-cookie", b"x=y")))
    on_dn(other)
    asks_for_record(other, cookie="x=y; BAYEUX_BROWSER=b")
    assert [(seen.session, seen.dn) for seen in other.board.of(RecordRequested)] == [(17, "3001")]


def test_a_cookie_that_changes_under_way(desk: Desk) -> None:
    """The server gives the session another name: the next poll, whose clientId is known, tells whose that is."""
    on_dn(desk)
    asks_for_record(desk, cookie="WORKSPACE_SESSIONID=renamed")
    desk.cookie = "WORKSPACE_SESSIONID=renamed"
    desk.polls()
    asks_for_record(desk)
    assert [(seen.session, seen.dn) for seen in desk.board.of(RecordRequested)] == [
        (18, "web session 18"),
        (17, "3001"),
    ]


def test_a_cookie_of_another_desktop_is_not_taken_from_it(desk: Desk) -> None:
    """Two desktops, each with its page: a poll with the other one's cookie changes nothing."""
    on_dn(desk)
    desk.cookie = "WORKSPACE_SESSIONID=two"
    desk.shakes_hands("other")
    on_dn(desk, "3002", "other")
    desk.polls("9", "tab")
    asks_for_record(desk)
    assert [seen.dn for seen in desk.board.of(RecordRequested)] == ["3002"]


def test_the_most_trusted_cookie_counts(desk: Desk) -> None:
    """A new login in the same browser is a new session, though the browser's other cookies stay."""
    desk.cookie = "BAYEUX_BROWSER=b; WORKSPACE_SESSIONID=one"
    asks_for_record(desk)
    asks_for_record(desk, cookie="BAYEUX_BROWSER=b; WORKSPACE_SESSIONID=two")
    asks_for_record(desk, cookie="BAYEUX_BROWSER=b; WORKSPACE_SESSIONID=one")
    assert [seen.session for seen in desk.board.of(RecordRequested)] == [17, 18, 17]


def test_a_cookie_that_comes_later_joins_the_session() -> None:
    """First there was only the code of the sign-in; then the session's own cookie, too."""
    desk = Desk(cookie="WWE_CODE=aba5")
    asks_for_record(desk)
    asks_for_record(desk, cookie="WWE_CODE=aba5; WORKSPACE_SESSIONID=one")
    asks_for_record(desk, cookie="WORKSPACE_SESSIONID=one")
    assert [seen.session for seen in desk.board.of(RecordRequested)] == [17, 17, 17]


@pytest.mark.parametrize("cookie", ["", "theme=dark", "WORKSPACE_SESSIONID", "WORKSPACE_SESSIONID=; x=y", "; =;; a=b="])
def test_a_request_of_nobody(cookie: str) -> None:
    """Without a session an agent cannot be told; the request goes on, and is counted."""
    desk = Desk(cookie=cookie)
    turn = asks_for_record(desk)
    desk.last.answer(TAKEN)
    assert turn.json == TAKEN
    assert desk.board.seen == []
    assert desk.counts.unattributed == 1


def test_a_client_without_any_cookie() -> None:
    """Its clientId alone is a session, for what is told."""
    desk = Desk(cookie="")
    desk.shakes_hands()
    on_dn(desk)
    desk.polls()
    desk.upstream().answer([told(), polled()])
    assert [(seen.session, seen.dn) for seen in desk.board.of(AgentHeard)] == [(17, "3001")]


def test_a_client_whose_handshake_nobody_saw(desk: Desk) -> None:
    """The proxy was restarted while the desktop went on: its polls and events are as before."""
    later = Desk()
    turn = later.polls("9")
    later.upstream().answer([dn_state(), told(), polled("9")])
    assert events(turn) == ["CampaignStarted"]
    assert [(seen.session, seen.dn) for seen in later.board.of(AgentHeard)] == [(17, "3001")]


# ------------------------------------------------------------------------------------------------- what is asked


def test_what_desktops_ask_is_observed_when_it_goes_upstream(desk: Desk) -> None:
    """Byte for byte the same goes on; the groups see the request with its number."""
    on_dn(desk)
    body = b'{ "data": {"userData":[{"key":"GSW_AGENT_REQ_TYPE","type":"str","value":"CampaignStatusRequest"}]} }'
    turn = desk.asks(USER_EVENT, body)
    assert desk.last.body == body
    assert desk.board.seen[-1] == StatusAsked(17, "3001")
    turn = asks_for_record(desk)
    assert desk.board.seen[-1] == RecordRequested(17, "3001", SALES, None, turn.number)
    turn = desk.asks(USER_EVENT, said(GSW_AGENT_REQ_TYPE="RecordReject", GSW_RECORD_HANDLE=1, GSW_REFERENCE_ID="11"))
    assert desk.board.seen[-1] == ActionRequested(17, "3001", GroupNames(), Action.REJECT, "1", None, "11", turn.number)


@pytest.mark.parametrize("way", ["attach", "update"])
def test_user_data_of_a_call_may_say_the_same(desk: Desk, way: str) -> None:
    """Attached to a call, it is observed, and left alone, the attribute, too."""
    on_dn(desk)
    desk.board.edits = Edit.REMOVE
    content = said(GSW_AGENT_REQ_TYPE="RecordProcessed", GSW_RECORD_HANDLE=5, GSW_AUTO_COMPLETION=1)
    turn = desk.asks(f"/voice/calls/00AB/{way}-user-data", content)
    assert desk.last.json == content
    assert desk.board.seen[-1] == ActionRequested(
        17, "3001", GroupNames(), Action.PROCESS, "5", None, None, turn.number
    )


def test_campaign_control_in_call_data_is_none(desk: Desk) -> None:
    """Nobody controls a campaign by the data of a call."""
    desk.asks("/voice/calls/00AB/attach-user-data", said(GSW_CM_MessageType=7, GSW_CM_AttrSessionID=101))
    desk.asks("/voice/calls/00AB/delete-user-data-pair", {"data": {"key": "GSW_AGENT_REQ_TYPE"}})
    assert desk.board.of(ControlRequested, RecordRequested, ActionRequested) == []


@pytest.mark.parametrize(
    ("content", "status", "answer"),
    [
        (TAKEN, 200, MessageTaken),
        ({"status": {"code": 0}}, 200, MessageTaken),
        (b"", 200, MessageTaken),
        (b"<html>", 200, MessageTaken),
        ({"status": {"code": 13}}, 200, MessageRefused),
        (TAKEN, 400, MessageRefused),
        (b"", 302, MessageRefused),
        (TAKEN, 503, MessageRefused),
    ],
)
def test_a_refused_request_is_taken_back(desk: Desk, content: Any, status: int, answer: type) -> None:
    """By an error, or a code that says so: like an EventError."""
    on_dn(desk)
    turn = asks_for_record(desk)
    desk.last.answer(content, status=status)
    assert desk.board.seen[-1] == answer(17, turn.number)


def test_a_reply_that_cannot_be_read_is_judged_by_its_status(desk: Desk) -> None:
    """Compressed, and 200: it was taken."""
    turn = asks_for_record(desk)
    desk.last.answer(b"\x1f", why="encoded")
    assert desk.board.seen[-1] == MessageTaken(17, turn.number)


def test_no_reply_to_what_an_agent_does(desk: Desk) -> None:
    """The desktop has an error and does it again: till then it was not done."""
    turn = asks_for_record(desk)
    desk.last.fail()
    assert desk.board.seen[-1] == MessageRefused(17, turn.number)


def test_campaign_control_in_a_user_event(desk: Desk) -> None:
    """The attribute is edited by policy, and nothing else; what the client sent is observed."""
    on_dn(desk)
    desk.board.edits = Edit.APPEND
    turn = desk.asks(USER_EVENT, said(GSW_CM_MessageType=7, GSW_CM_AttrSessionID=101))
    item = {"key": "GSW_AUTO_COMPLETION", "type": "int", "value": 1}
    assert desk.last.json["data"]["userData"][2:] == [item]
    assert desk.board.seen[-1] == ControlRequested(
        17, GroupNames(dbid=101), Request.LOAD, (), message_reference=turn.number
    )
    assert desk.counts.rewritten == 1
    desk.last.fail()
    assert isinstance(desk.board.seen[-1], ControlRequested)


def test_every_value_of_a_repeated_attribute_is_observed(desk: Desk) -> None:
    """Also in an object, where JSON knows only the last."""
    body = b'{"data":{"userData":{"GSW_CM_MessageType":7,"GSW_AUTO_COMPLETION":1,"GSW_AUTO_COMPLETION":0}}}'
    desk.asks(USER_EVENT, body)
    [seen] = desk.board.of(ControlRequested)
    assert seen.values == (1, 0)


@pytest.mark.parametrize("cookie", [None, ""])
def test_the_attribute_is_taken_out_of_any_other_user_event(desk: Desk, cookie: str | None) -> None:
    """Whoever sends it."""
    desk.board.edits = Edit.REMOVE
    desk.asks(USER_EVENT, said(GSW_AGENT_REQ_TYPE="AddRecord", GSW_AUTO_COMPLETION=1), cookie=cookie)
    assert desk.last.json == said(GSW_AGENT_REQ_TYPE="AddRecord")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"7",
        b"[]",
        b'{"data":7}',
        b'{"data":{"userData":"GSW_"}}',
        b'{"data":{"userData":[1,{"key":1,"value":2}]}}',
        b'{"data":{"userData":{"Other":1}}}',
    ],
)
def test_user_events_of_odd_shapes(desk: Desk, body: bytes) -> None:
    """They go on as they are, and say nothing."""
    desk.board.edits = Edit.REMOVE
    desk.asks(USER_EVENT, body)
    assert desk.last.body == body
    desk.last.answer(TAKEN)
    assert desk.board.seen == []


@pytest.mark.parametrize(("status", "blind"), [(200, True), (400, False)])
def test_a_user_event_that_is_no_json(desk: Desk, status: int, blind: bool) -> None:
    """It goes on as it is. If GWS takes it all the same, it understands more than the proxy: the session is blind."""
    on_dn(desk)
    desk.asks(USER_EVENT, b"{'data': ...")
    desk.last.answer(b"", status=status)
    assert bool(desk.board.of(SessionBlind)) is blind


# -------------------------------------------------------------------------------------------------- what is told


def test_events_are_observed_like_t_events(desk: Desk) -> None:
    """Records, errors and calls, in long polls and in replies to subscriptions."""
    on_dn(desk)
    record = told("PreviewRecord", GSW_RECORD_HANDLE=5)
    error = {"messageType": "EventError", "userData": {"GSW_ERROR": "No Records Available"}}
    call = {"messageType": "CallStateChanged", "call": {"state": "Released", "userData": {"GSW_RECORD_HANDLE": 5}}}
    desk.subscribes(events=[record])
    desk.polls("5")
    desk.upstream().answer([{"channel": "/x", "data": error}, {"channel": "/x", "data": call}, polled("5")])
    assert desk.board.seen[1:] == [
        RecordDelivered(17, "3001", SALES, "PreviewRecord", "5"),
        DesktopError(17, "3001", GroupNames(), no_records=True),
        CallReleased(17, "3001", GroupNames(), "5"),
    ]


def test_a_notification_has_the_shape_of_the_sessions_own_events(desk: Desk) -> None:
    """A list of key, type and value where OCS's events came so, on the channel where they came (R28)."""
    on_dn(desk)
    heard = [{"key": "GSW_USER_EVENT", "type": "str", "value": "CampaignStarted"}]
    data = {"messageType": "EventUserEvent", "userData": heard}
    desk.polls("5")
    desk.upstream().answer([{"channel": "/workspace/v3/media", "data": data}, polled("5")])
    [seen] = desk.board.of(AgentHeard)
    turn = desk.polls("6")
    assert desk.board.sessions[17].tell(NotifyAgent(17, "3001", Word.STOPPED, SALES, seen.pairs))
    assert turn.json[0] == {
        "channel": "/workspace/v3/media",
        "data": {
            "userData": [{"key": "GSW_USER_EVENT", "type": "str", "value": "CampaignStopped"}],
            "messageType": "EventUserEvent",
        },
    }


def test_a_session_without_a_client_cannot_be_told(desk: Desk) -> None:
    """It has sent requests only: there is no way to it."""
    lonely = Desk()
    asks_for_record(lonely)
    assert not lonely.board.sessions[17].tell(NotifyAgent(17, "3001", Word.STOPPED, SALES, ()))


# ---------------------------------------------------------------------------------------------------------- two tabs


@pytest.fixture
def tabs(desk: Desk) -> Desk:
    """A desktop with two tabs, `tab` and `other`."""
    on_dn(desk)
    desk.shakes_hands("other")
    desk.board.seen.clear()
    return desk


def both(desk: Desk, *messages: Any) -> tuple[FakeTurn, FakeTurn]:
    """Both tabs poll, and are brought the same."""
    turns = desk.polls("5", "tab"), desk.polls("5", "other")
    for sent in desk.exchanges.open_polls:
        sent.answer([*messages, polled("5")])
    return turns


def test_two_tabs_hear_the_same_and_it_counts_once(tabs: Desk) -> None:
    """Each event is observed once, whichever tab is first; twice the same event is two events."""
    both(tabs, told(), told())
    both(tabs, told())
    assert len(tabs.board.of(AgentHeard)) == 3
    assert tabs.counts.copies == 3


def test_what_is_swallowed_is_swallowed_in_both_tabs(tabs: Desk) -> None:
    """R26 for each of them alike."""
    tabs.board.swallows = lambda seen: isinstance(seen, AgentHeard) and seen.word is Word.STOPPED
    one, other = both(tabs, told("CampaignStopped"), told("CampaignUnloaded"))
    assert events(one) == events(other) == ["CampaignUnloaded"]
    assert tabs.counts.swallowed == 2


def test_both_tabs_are_told_once_and_in_order(tabs: Desk) -> None:
    """Stopped goes in before OCS's Unloaded, in each (R25)."""

    def telling(seen: Any) -> Any:
        if isinstance(seen, AgentHeard) and seen.word is Word.UNLOADED:
            yield NotifyAgent(17, "3001", Word.STOPPED, SALES, ())

    tabs.board.telling = telling
    one, other = both(tabs, told("CampaignUnloaded"))
    assert events(one) == ["CampaignStopped", "CampaignUnloaded"]
    assert events(other) == ["CampaignStopped"]
    assert events(tabs.polls("6", "other")) == ["CampaignUnloaded"]
    assert tabs.counts.notified == 1


def test_a_tab_that_has_not_subscribed_is_no_copy(desk: Desk) -> None:
    """What one tab was brought before the other subscribed is not expected there: its first event is news."""
    on_dn(desk)
    desk.shakes_hands("other", listens=False)
    desk.polls("5", "tab")
    desk.upstream().answer([told(), polled("5")])
    desk.subscribes("other")
    desk.polls("5", "other")
    desk.upstream().answer([told(), polled("5")])
    assert len(desk.board.of(AgentHeard)) == 2


def test_whichever_tab_is_first(tabs: Desk) -> None:
    """Now the one, now the other; the same event comes again and again."""
    for first, second in (("tab", "other"), ("other", "tab"), ("other", "tab"), ("tab", "other")):
        for tab in (first, second):
            tabs.polls("5", tab)
            tabs.upstream().answer([told(), polled("5")])
    assert len(tabs.board.of(AgentHeard)) == 4
    assert tabs.counts.copies == 4


def test_a_page_that_was_loaded_anew(tabs: Desk) -> None:
    """The old tab says nothing more: after a while it is forgotten, and the session goes on."""
    for _ in range(5):
        tabs.clock.advance(WEB_IDLE / 2)
        tabs.polls("5", "other")
    assert list(tabs.desktops.sessions.clients) == ["other"]
    assert tabs.board.of(SessionEnded) == []


# ------------------------------------------------------------------------------------------------------------- its end


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_logout_ends_the_session(desk: Desk, method: str) -> None:
    """Whatever comes after it of the same browser says anew on which DN it is."""
    on_dn(desk)
    desk.asks("/logout", method=method)
    assert desk.board.of(SessionEnded) == []
    desk.last.answer({"status": {"code": 0}})
    assert desk.board.of(SessionEnded) == [SessionEnded(17)]
    assert desk.board.sessions == {}
    desk.polls("9")
    desk.upstream().answer([polled("9")])
    assert desk.board.of(DnRegistered) == [DnRegistered(17, "3001")]
    on_dn(desk, "3002")
    assert desk.board.of(DnRegistered)[1:] == [DnRegistered(18, "3002")]


@pytest.mark.parametrize(("content", "status"), [({"status": {"code": 7}}, 200), (b"", 500)])
def test_a_logout_that_fails(desk: Desk, content: Any, status: int) -> None:
    """The agent is still there."""
    on_dn(desk)
    desk.asks("/logout")
    desk.last.answer(content, status=status)
    assert desk.board.of(SessionEnded) == []


def disconnects(desk: Desk, client: str, successful: bool = True) -> FakeTurn:
    turn = desk.asks("/notifications/disconnect", [{"id": "9", "channel": "/meta/disconnect", "clientId": client}])
    desk.last.answer([{"id": "9", "channel": "/meta/disconnect", "successful": successful, "clientId": client}])
    return turn


def test_a_session_ends_with_its_last_client(tabs: Desk) -> None:
    """One tab is closed, and the other, too; polls of theirs that were upstream are given up."""
    tabs.polls("5", "tab").leave()
    waits = tabs.polls("5", "other")
    of_tab, of_other = tabs.exchanges.open_polls
    disconnects(tabs, "tab")
    assert of_tab.abandoned
    assert tabs.board.of(SessionEnded) == []
    disconnects(tabs, "other")
    assert tabs.board.of(SessionEnded) == [SessionEnded(17)]
    of_other.answer([polled("5")])
    assert waits.json == [polled("5")]


def test_what_comes_after_the_last_client_is_no_new_session(desk: Desk) -> None:
    """The page is closed; the browser still fetches something, and logs out."""
    on_dn(desk)
    disconnects(desk, "tab")
    unread(desk, b"GET", b"/current-session", None)
    desk.asks("/logout")
    desk.last.answer({"status": {"code": 0}})
    assert desk.board.seen == [DnRegistered(17, "3001"), SessionEnded(17)]


def test_a_goodbye_is_left_alone(desk: Desk) -> None:
    """What the agent was to be told is not put into the reply to it."""
    on_dn(desk)
    desk.board.sessions[17].tell(NotifyAgent(17, "3001", Word.STOPPED, SALES, ()))
    turn = disconnects(desk, "tab")
    assert events(turn) == []


def test_a_client_that_shakes_hands_again(desk: Desk) -> None:
    """The server gives it the same clientId: what was upstream for it before is given up."""
    on_dn(desk)
    desk.polls("5").leave()
    before = desk.upstream()
    desk.shakes_hands("tab")
    assert before.abandoned
    desk.polls("6")
    assert desk.upstream().json == [poll("6")]


def test_a_client_that_leaves_after_it_disconnected(desk: Desk) -> None:
    """Its poll was left to the server's answer, and is given up when the client does not wait for it either."""
    on_dn(desk)
    turn = desk.polls("5")
    disconnects(desk, "tab")
    upstream = desk.upstream()
    turn.leave()
    assert upstream.abandoned


def test_a_disconnect_that_fails(desk: Desk) -> None:
    """The client is still there."""
    on_dn(desk)
    disconnects(desk, "tab", successful=False)
    assert desk.board.of(SessionEnded) == []


def test_a_client_that_the_server_does_not_know(desk: Desk) -> None:
    """The session ends, the client gets the reply and shakes hands anew: its DN is known still."""
    on_dn(desk)
    turn = desk.polls("5")
    refusal = {
        "id": "5",
        "channel": "/meta/connect",
        "successful": False,
        "error": "402::Unknown client",
        "advice": {"reconnect": "handshake"},
    }
    desk.upstream().answer([refusal])
    assert turn.json == [refusal]
    assert desk.board.of(SessionEnded) == [SessionEnded(17)]
    desk.shakes_hands("anew")
    assert desk.board.seen[-1] == DnRegistered(18, "3001")


def test_silence_ends_a_session(desk: Desk) -> None:
    """No poll that waits and no request, for a minute; the upstream poll is given up."""
    on_dn(desk)
    desk.polls("5").leave()
    upstream = desk.upstream()
    desk.clock.advance(WEB_IDLE - 1)
    assert desk.board.of(SessionEnded) == []
    desk.clock.advance(5)
    assert desk.board.of(SessionEnded) == [SessionEnded(17)]
    assert upstream.abandoned
    assert desk.clock.getDelayedCalls() == []


def test_a_poll_that_waits_is_no_silence(desk: Desk) -> None:
    """However long the server takes; the minute begins when it is answered."""
    on_dn(desk)
    desk.polls("5")
    desk.clock.pump([30] * 20)
    assert desk.board.of(SessionEnded) == []
    desk.upstream().answer([polled("5")])
    desk.clock.advance(WEB_IDLE - 1)
    assert desk.board.of(SessionEnded) == []
    desk.clock.pump([5] * 2)
    assert desk.board.of(SessionEnded) == [SessionEnded(17)]


def test_a_poll_among_other_messages_is_no_silence(desk: Desk) -> None:
    """However long the server takes for it."""
    on_dn(desk)
    desk.asks("/notifications", [subscription(), poll("5")])
    desk.clock.pump([30] * 5)
    assert desk.board.of(SessionEnded) == []


def test_requests_are_signs_of_life(desk: Desk) -> None:
    """Also those that are not looked into."""
    on_dn(desk)
    for _ in range(5):
        desk.clock.advance(WEB_IDLE / 2)
        head = RequestHead(b"GET", b"/workspace/v3/current-session", ((b"Cookie", desk.cookie.encode()),))
        assert not desk.desktops.wants(head)
        assert desk.desktops.passing(FakeTurn(head), None) is None
    assert desk.board.of(SessionEnded) == []


def test_a_desktop_that_comes_back_after_silence(desk: Desk) -> None:
    """A computer that slept: its session is a new one, and its DN is known from the first poll on."""
    on_dn(desk)
    desk.clock.pump([WEB_IDLE, 5])
    desk.polls("5")
    assert desk.board.seen == [DnRegistered(17, "3001"), SessionEnded(17), DnRegistered(18, "3001")]


def test_the_end_of_the_channel(desk: Desk) -> None:
    """Polls that wait are answered, upstream polls are given up, and every session is over."""
    on_dn(desk)
    turn = desk.polls("5")
    upstream = desk.upstream()
    desk.desktops.close()
    assert turn.json == [polled("5")]
    assert upstream.abandoned
    assert desk.board.of(SessionEnded) == [SessionEnded(17)]
    assert desk.clock.getDelayedCalls() == []


# ----------------------------------------------------------------------------------------------------------- blindness


def unread(desk: Desk, method: bytes, target: bytes, why: str | None) -> None:
    head = RequestHead(method, b"/workspace/v3" + target, ((b"Cookie", desk.cookie.encode()),))
    desk.desktops.passing(FakeTurn(head), why)


@pytest.mark.parametrize(
    ("method", "target", "why"),
    [
        (b"POST", b"/voice/send-user-event", "encoded"),
        (b"POST", b"/voice/send-user-event", "too large"),
        (b"POST", b"/notifications/connect", "encoded"),
        (b"GET", b"/notifications?jsonp=_1&message=x", None),
    ],
)
def test_what_ought_to_be_read_and_is_not_makes_blind(desk: Desk, method: bytes, target: bytes, why: str) -> None:
    """A compressed or huge request, or notifications by another way (R16)."""
    on_dn(desk)
    unread(desk, method, target, why)
    unread(desk, method, target, why)
    assert desk.board.of(SessionBlind) == [SessionBlind(17)]
    assert (desk.counts.blind, desk.counts.unreadable) == (1, 2)


def test_a_websocket_that_is_refused_does_not_make_blind(desk: Desk) -> None:
    """The client falls back to long polls, which can be read."""
    on_dn(desk)
    fields = (b"Cookie", desk.cookie.encode()), (b"Upgrade", b"websocket")
    desk.desktops.passing(FakeTurn(RequestHead(b"GET", b"/workspace/v3/notifications", fields)), None)
    assert desk.board.of(SessionBlind) == []


def test_blind_before_the_groups_see_it() -> None:
    """The groups hear of it as soon as they see the session."""
    desk = Desk()
    unread(desk, b"POST", b"/notifications/connect", "encoded")
    assert desk.board.seen == []
    on_dn(desk)
    assert desk.board.seen == [DnRegistered(17, "3001"), SessionBlind(17)]


def test_a_reply_to_other_messages_that_cannot_be_read(desk: Desk) -> None:
    """It may bear events: the session is blind. An error bears none."""
    on_dn(desk)
    desk.asks("/notifications", [subscription()])
    desk.last.answer(b"", status=503)
    assert desk.board.of(SessionBlind) == []
    desk.asks("/notifications", [subscription()])
    desk.last.answer(b"\x1f", why="encoded")
    assert desk.board.of(SessionBlind) == [SessionBlind(17)]


def test_a_reply_to_a_request_that_cannot_be_read(desk: Desk) -> None:
    """Events in the reply of an unreadable request are not lost: the session is blind if they cannot be read."""
    on_dn(desk)
    desk.asks("/notifications", b"[{")
    desk.last.answer(b"[{")
    assert desk.board.of(SessionBlind) == [SessionBlind(17)]


def test_a_tunnel_makes_blind_as_long_as_it_is_there(desk: Desk) -> None:
    """A WebSocket is relayed unread; the desktop is there as long as the tunnel is."""
    on_dn(desk)
    head = RequestHead(b"GET", b"/workspace/v3/notifications", ((b"Cookie", desk.cookie.encode()),))
    desk.desktops.tunnelled(FakeTurn(head, connection=950))
    assert desk.board.of(SessionBlind) == [SessionBlind(17)]
    desk.clock.pump([WEB_IDLE] * 5)
    assert desk.board.of(SessionEnded) == []
    desk.desktops.gone(950)
    desk.desktops.gone(951)
    desk.clock.pump([WEB_IDLE, 5])
    assert desk.board.of(SessionEnded) == [SessionEnded(17)]


def test_what_is_counted(desk: Desk) -> None:
    """By name; what only grows is apart from polls that wait and sessions, which are those of now."""
    on_dn(desk)
    desk.polls("5")
    counted = desk.desktops.looked()
    assert counted["polls"] == 2
    assert json.dumps(dict(counted))
    assert desk.desktops.present() == {"sessions": 1, "polls_waiting": 1}
    assert not counted.keys() & desk.desktops.present().keys()


def test_a_reply_to_an_unknown_subscription_is_left_alone(desk: Desk) -> None:
    """Byte for byte."""
    turn = desk.asks("/notifications", [subscription(channel="/x")])
    desk.last.answer([subscribed("/x")])
    assert turn.json == [subscribed("/x")]
