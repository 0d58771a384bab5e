"""Long polls: what goes upstream, what is answered with what, and in which order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.campaign.observation import AgentHeard, GroupNames, NotifyAgent, Observation, SessionBlind, Word
from proxy.http.desktops.polls import MAX_NOTICES
from tests.http.web_desk import JSON, Desk, dn_state, events, poll, polled, subscribed, subscription, told

NAMES = GroupNames(campaign="Sales")


def stopped(word: Word = Word.STOPPED) -> NotifyAgent:
    return NotifyAgent(17, "3001", word, NAMES, ())


@pytest.fixture
def desk() -> Desk:
    """A desktop that has loaded its page, and whose DN is known."""
    desk = Desk()
    desk.shakes_hands()
    desk.polls("4")
    desk.upstream().answer([dn_state(), polled("4")])
    return desk


def tell(desk: Desk, *words: Word) -> None:
    """The groups tell the agent."""
    [session] = desk.board.sessions.values()
    for word in words:
        assert session.tell(stopped(word))


# ------------------------------------------------------------------------------------------------ one poll, one reply


def test_a_poll_goes_upstream_as_it_came_and_its_reply_comes_back_as_it_came(desk: Desk) -> None:
    """Byte for byte, in both directions, with the headers of the reply."""
    body = b'[ {"clientId":"tab","channel":"/meta/connect", "id":"7" } ]'
    turn = desk.asks("/notifications/connect", body)
    assert desk.upstream().body == body
    reply = b'[ {"channel":"/workspace/v3/voice","data":{"n":1.50}}, {"id":"7","channel":"/meta/connect"} ]'
    desk.upstream().answer(reply, headers=(*JSON, (b"X-Odd", b"1"), (b"Set-Cookie", b"a=b")))
    [(head, relayed)] = turn.replies
    assert relayed == reply
    assert head.headers == (*JSON, (b"X-Odd", b"1"), (b"Set-Cookie", b"a=b"))


def test_the_first_poll_after_a_handshake_wants_to_be_answered_at_once(desk: Desk) -> None:
    """It goes upstream like any other, where none is there."""
    turn = desk.polls("4", advice={"timeout": 0})
    desk.upstream().answer([polled("4", advice={"reconnect": "retry", "timeout": 30000})])
    assert turn.json[0]["advice"]["timeout"] == 30000


def test_two_desktops_have_their_own_polls() -> None:
    """Each its own, though they are on the same connection."""
    one = Desk()
    one.shakes_hands("a")
    one.asks("/notifications/handshake", [{"id": "1", "channel": "/meta/handshake"}], cookie="WORKSPACE_SESSIONID=two")
    one.last.answer([{"channel": "/meta/handshake", "successful": True, "clientId": "b"}])
    of_a, of_b = (
        one.polls("1", "a"),
        one.polls(
            "1",
            "b",
        ),
    )
    first, second = one.exchanges.open_polls
    second.answer([polled("1", b="b")])
    first.answer([polled("1", a="a")])
    assert of_a.json == [polled("1", a="a")]
    assert of_b.json == [polled("1", b="b")]


# ------------------------------------------------------------------------------------------------------- notifications


def test_a_poll_that_waits_is_answered_at_once_with_what_the_agent_is_told(desk: Desk) -> None:
    """With its own id; the upstream poll stays open, and the next poll gets its reply with the id of that one."""
    first = desk.polls("7")
    upstream = desk.upstream()
    tell(desk, Word.STOPPED)
    assert events(first) == ["CampaignStopped"]
    assert first.json[-1] == polled("7")
    second = desk.polls(8)
    assert desk.exchanges.open_polls == [upstream]
    upstream.answer([told("CampaignStarted"), polled("7")])
    assert events(second) == ["CampaignStarted"]
    assert second.json[-1] == polled(8)


def test_a_reply_of_our_own_has_the_headers_of_the_servers(desk: Desk) -> None:
    """So that a browser takes it (CORS); what belongs to one reply only is not repeated."""
    fields = (b"Date", b"now"), (b"Set-Cookie", b"a=b"), (b"Content-Length", b"9"), (b"ETag", b"x")
    desk.polls("5")
    desk.upstream().answer([polled("5")], headers=(*JSON, (b"X-Odd", b"1"), *fields))
    turn = desk.polls("6")
    tell(desk, Word.STOPPED)
    [(head, _)] = turn.replies
    assert (head.status, head.headers) == (200, (*JSON, (b"X-Odd", b"1")))


def test_stopped_then_unloaded_in_two_polls_or_in_one(desk: Desk) -> None:
    """Whether a poll waits or not: each once, Stopped first."""
    first = desk.polls("5")
    tell(desk, Word.STOPPED, Word.UNLOADED)
    second = desk.polls("6")
    assert (events(first), events(second)) == (["CampaignStopped"], ["CampaignUnloaded"])
    tell(desk, Word.STOPPED, Word.UNLOADED)
    third = desk.polls("7")
    assert events(third) == ["CampaignStopped", "CampaignUnloaded"]
    assert len(desk.exchanges.open_polls) == 1


def test_what_is_told_before_a_reply_comes_goes_before_its_events(desk: Desk) -> None:
    """Nobody polled when the agent was told, and when the server's reply came: the order is that of the events."""
    desk.polls("5").leave()
    tell(desk, Word.STOPPED)
    desk.upstream().answer([told("CampaignUnloaded"), polled("5")])
    tell(desk, Word.UNLOADED)
    turn = desk.polls("6")
    assert events(turn) == ["CampaignStopped", "CampaignUnloaded", "CampaignUnloaded"]
    assert turn.json[-1] == polled("6")
    assert len(turn.json) == 4


def test_what_is_told_because_of_an_event_goes_in_just_before_it(desk: Desk) -> None:
    """R25: OCS's Unloaded comes first, so the proxy's Stopped goes in before it, in the same reply."""

    def telling(seen: Observation) -> Any:
        if isinstance(seen, AgentHeard) and seen.word is Word.UNLOADED:
            yield stopped()

    desk.board.telling = telling
    turn = desk.polls("5")
    desk.upstream().answer([told("CampaignModeChanged"), told("CampaignUnloaded"), polled("5")])
    assert events(turn) == ["CampaignModeChanged", "CampaignStopped", "CampaignUnloaded"]


def test_an_event_that_is_swallowed_is_taken_out(desk: Desk) -> None:
    """R26: the agent was told already; all else in the reply stays byte for byte."""
    desk.board.swallows = lambda seen: isinstance(seen, AgentHeard) and seen.word is Word.STOPPED
    turn = desk.polls("5")
    event = json.dumps(told("CampaignStopped"))
    desk.upstream().answer(f'[{event} , {{"id":"5", "channel":"/meta/connect"}} ]'.encode())
    assert turn.body == b'[{"id":"5", "channel":"/meta/connect"} ]'
    assert desk.counts.swallowed == 1


def test_a_client_that_has_not_subscribed_yet_is_told_later() -> None:
    """It would not listen. What waits for it comes with the reply to its subscription."""
    desk = Desk()
    desk.shakes_hands(listens=False)
    desk.asks("/activate-channels", {"data": {"dn": "3001"}})
    desk.last.answer({"status": {"code": 0}})
    turn = desk.polls("2")
    tell(desk, Word.STOPPED, Word.UNLOADED)
    assert turn.waiting
    turn = desk.polls("3")
    assert turn.waiting
    other = desk.asks("/notifications", [subscription(channel="/workspace/v3/initialization")])
    desk.last.answer([subscribed("/workspace/v3/initialization")])
    assert len(other.json) == 1
    assert events(desk.subscribes()) == ["CampaignStopped", "CampaignUnloaded"]
    assert turn.waiting


def test_notifications_that_nobody_fetches_are_bounded(desk: Desk) -> None:
    """The oldest are dropped, and counted."""
    tell(desk, *[Word.STOPPED] * (MAX_NOTICES + 3), Word.UNLOADED)
    assert events(desk.polls("5")) == ["CampaignStopped"] * (MAX_NOTICES - 1) + ["CampaignUnloaded"]
    assert desk.counts.dropped == 4


# ----------------------------------------------------------------------------------------------- the upstream poll


def test_a_client_that_leaves_in_a_poll(desk: Desk) -> None:
    """The upstream poll stays in custody: its reply waits, and no second poll is opened for the next one."""
    desk.polls("5").leave()
    upstream = desk.upstream()
    later = desk.polls("6")
    assert desk.exchanges.open_polls == [upstream]
    upstream.answer([told(), polled("5")])
    assert events(later) == ["CampaignStarted"]
    assert later.json[-1] == polled("6")


def test_a_reply_that_comes_while_nobody_polls_is_kept(desk: Desk) -> None:
    """The next poll gets it at once, and nothing goes upstream for it."""
    desk.polls("5").leave()
    desk.upstream().answer([told(), polled("5")])
    sent = len(desk.exchanges.sent)
    turn = desk.polls("6")
    assert events(turn) == ["CampaignStarted"]
    assert len(desk.exchanges.sent) == sent
    desk.polls("7")
    assert len(desk.exchanges.open_polls) == 1


def test_events_of_a_kept_reply_go_out_with_what_goes_out_first(desk: Desk) -> None:
    """A subscription is answered before the client polls again: no event of the earlier reply comes after its own."""
    desk.polls("5").leave()
    desk.upstream().answer([told("CampaignLoaded"), polled("5")])
    tell(desk, Word.STOPPED)
    turn = desk.subscribes(events=[told("CampaignUnloaded")])
    assert events(turn) == ["CampaignLoaded", "CampaignStopped", "CampaignUnloaded"]
    assert desk.polls("6").json == [polled("6")]


def test_a_second_poll_while_the_first_waits(desk: Desk) -> None:
    """The first is answered with nothing, as servers do; the second takes its place."""
    first, second = desk.polls("5"), desk.polls("6")
    assert first.json == [polled("5")]
    assert len(desk.exchanges.open_polls) == 1
    desk.upstream().answer([told(), polled("5")])
    assert events(second) == ["CampaignStarted"]
    assert second.json[-1] == polled("6")


def test_an_impatient_poll_while_one_is_upstream(desk: Desk) -> None:
    """It is not sent after the other one: it is answered at once with what there is, and that is nothing."""
    desk.polls("5").leave()
    turn = desk.polls("6", advice={"timeout": 0})
    assert turn.json == [polled("6")]
    assert len(desk.exchanges.open_polls) == 1


def test_a_poll_among_other_messages(desk: Desk) -> None:
    """It goes upstream with them; another poll waits until it is back, and goes then."""
    together = desk.asks("/notifications", [subscription(), poll("5")])
    assert len(desk.last.json) == 2
    turn = desk.polls("6")
    assert desk.exchanges.open_polls == []
    desk.last.answer([subscribed(), told(), polled("5")])
    assert events(together) == ["CampaignStarted"]
    desk.upstream().answer([polled("6")])
    assert turn.json == [polled("6")]


@pytest.mark.parametrize("end", ["error", "nothing", "not json"])
def test_a_poll_among_other_messages_that_goes_wrong(desk: Desk, end: str) -> None:
    """However it ends, the next poll goes upstream."""
    desk.asks("/notifications", [subscription(), poll("5")])
    desk.polls("6")
    if end == "nothing":
        desk.last.fail()
    else:
        desk.last.answer(b"<html>", status=503 if end == "error" else 200)
    assert desk.upstream().json == [poll("6")]


def test_a_poll_among_other_messages_while_one_is_upstream(desk: Desk) -> None:
    """It is taken out, so that no poll is doubled, and answered with the others."""
    waiting = desk.polls("5")
    together = desk.asks("/notifications", [subscription(), poll("6")])
    assert waiting.json == [polled("5")]
    assert desk.last.json == [subscription()]
    desk.last.answer([subscribed()])
    assert together.json == [subscribed(), polled("6")]
    assert len(desk.exchanges.open_polls) == 1


def test_nothing_but_polls_in_one_request_while_one_is_upstream(desk: Desk) -> None:
    """Nothing is left to be sent: it is answered at once."""
    desk.polls("5").leave()
    sent = len(desk.exchanges.sent)
    tell(desk, Word.STOPPED)
    turn = desk.asks("/notifications", [poll("6"), poll("7")])
    assert turn.json[1:] == [polled("6"), polled("7")]
    assert events(turn) == ["CampaignStopped"]
    assert len(desk.exchanges.sent) == sent


# ------------------------------------------------------------------------------------------------------------- faults


def test_the_upstream_breaks_off(desk: Desk) -> None:
    """The client gets 502 with JSON; its next poll is a new one."""
    turn = desk.polls("5")
    desk.upstream().fail()
    assert turn.status == 502
    assert "error" in turn.json
    desk.polls("6")
    assert desk.upstream().json == [poll("6")]


def test_the_upstream_breaks_off_while_nobody_polls(desk: Desk) -> None:
    """Nobody has to be told; the next poll is a new one."""
    desk.polls("5").leave()
    desk.upstream().fail()
    desk.polls("6")
    assert desk.upstream().json == [poll("6")]


@pytest.mark.parametrize("status", [302, 401, 500, 503])
def test_an_error_on_a_poll(desk: Desk, status: int) -> None:
    """It goes to the client as it comes; the next poll is a new one."""
    turn = desk.polls("5")
    desk.upstream().answer(b"<html>", status=status, headers=((b"Location", b"/login"),))
    [(head, body)] = turn.replies
    assert (head.status, body, head.headers) == (status, b"<html>", ((b"Location", b"/login"),))
    desk.polls("6")
    assert desk.upstream().json == [poll("6")]
    assert not desk.board.of(SessionBlind)


def test_an_error_that_comes_while_nobody_polls(desk: Desk) -> None:
    """It is for nobody: the next poll is a new one."""
    desk.polls("5").leave()
    upstream = desk.upstream()
    upstream.answer(b"<html>", status=500)
    assert upstream.abandoned
    turn = desk.polls("6")
    desk.upstream().answer([polled("6")])
    assert turn.json == [polled("6")]


@pytest.mark.parametrize("why", ["encoded", "too large"])
def test_a_reply_that_cannot_be_held(desk: Desk, why: str) -> None:
    """It goes to the client unread, and the session is blind (R16)."""
    turn = desk.polls("5")
    desk.upstream().answer(b"\x1f\x8b...", why=why)
    assert turn.body == b"\x1f\x8b..."
    assert desk.board.of(SessionBlind) == [SessionBlind(17)]
    assert desk.counts.unreadable == 1


def test_a_reply_that_cannot_be_held_waits_for_the_next_poll(desk: Desk) -> None:
    """Nobody polls: it waits where it is, and nothing of it is lost."""
    desk.polls("5").leave()
    upstream = desk.upstream()
    upstream.answer(b"huge", why="too large")
    assert not upstream.abandoned
    sent = len(desk.exchanges.sent)
    assert desk.polls("6").body == b"huge"
    assert len(desk.exchanges.sent) == sent
    desk.polls("7")
    assert desk.upstream().json == [poll("7")]


def test_a_reply_that_cannot_be_held_and_breaks_off_before_it_is_fetched(desk: Desk) -> None:
    """Nobody had anything of it: the client's next poll is a new one, and gets its reply."""
    desk.polls("5").leave()
    upstream = desk.upstream()
    upstream.answer(b"huge", why="too large")
    upstream.broken = True
    turn = desk.polls("6")
    assert turn.waiting
    desk.upstream().answer([polled("6")])
    assert turn.json == [polled("6")]


@pytest.mark.parametrize("body", [b"<html>", b"", b"7", b"[{", b'"x"'])
def test_a_reply_that_is_no_messages(desk: Desk, body: bytes) -> None:
    """It goes to the client as it is, and the session is blind (R16)."""
    turn = desk.polls("5")
    desk.upstream().answer(body)
    assert turn.body == body
    assert desk.board.of(SessionBlind) == [SessionBlind(17)]


@pytest.mark.parametrize(
    "odd",
    [
        [1, None, "x", [], {}],
        [{"channel": 7, "data": {}}],
        [{"channel": "/workspace/v3/voice", "data": data} for data in (None, "x", 7, [], {"messageType": []})],
        [{"channel": "/workspace/v3/voice", "data": {"messageType": "EventUserEvent", "userData": "GSW_"}}],
        [{"channel": "/meta/subscribe", "successful": True, "subscription": 7}],
        {"channel": "/meta/connect", "id": "5"},
        [],
    ],
)
def test_replies_of_odd_shapes(desk: Desk, odd: Any) -> None:
    """What is no event is none, and the client gets it as it is."""
    turn = desk.polls("5")
    body = json.dumps(odd).encode()
    desk.upstream().answer(body)
    assert turn.body == body
    assert not desk.board.of(SessionBlind)


@pytest.mark.parametrize("body", [b"{", b"", b"<xml>", b"7", b'["x", 1]', b"[]", b'[{"channel":"/meta/connect"}]'])
def test_requests_that_are_no_messages(desk: Desk, body: bytes) -> None:
    """They go upstream as they are; the server says what it thinks of them."""
    turn = desk.asks("/notifications/connect", body)
    assert desk.last.body == body
    desk.last.answer(b"no", status=400)
    assert (turn.status, turn.body) == (400, b"no")


def test_a_poll_without_an_id(desk: Desk) -> None:
    """The reply of another poll keeps the id it has."""
    desk.polls("5").leave()
    turn = desk.asks("/notifications/connect", [{"channel": "/meta/connect", "clientId": "tab"}])
    desk.upstream().answer([polled("5")])
    assert turn.json == [polled("5")]


def test_a_client_that_is_gone_while_it_is_told(desk: Desk) -> None:
    """Its connection is lost, and nobody said so yet: what it is told waits for its next poll."""
    turn = desk.polls("5")
    turn.gone = True
    tell(desk, Word.STOPPED)
    assert turn.replies == []
    assert events(desk.polls("6")) == ["CampaignStopped"]


def mistaken(seen: Observation) -> bool:
    """A mistake of ours."""
    if isinstance(seen, AgentHeard):
        raise ZeroDivisionError
    return False


def test_a_mistake_of_ours_costs_nobody_a_reply(desk: Desk) -> None:
    """The poll that waits gets the reply as it came, though it is not the one that went upstream; the session is
    blind."""
    desk.board.swallows = mistaken
    desk.polls("5").leave()
    turn = desk.polls("6")
    with pytest.raises(ZeroDivisionError):
        desk.upstream().answer([told(), polled("5")])
    assert turn.json == [told(), polled("6")]
    assert desk.board.of(SessionBlind) == [SessionBlind(17)]


def test_a_mistake_of_ours_among_other_messages(desk: Desk) -> None:
    """The next poll goes upstream all the same."""
    desk.board.swallows = mistaken
    desk.asks("/notifications", [subscription(), poll("5")])
    desk.polls("6")
    with pytest.raises(ZeroDivisionError):
        desk.last.answer([told(), subscribed(), polled("5")])
    assert desk.upstream().json == [poll("6")]
