"""Polls, replies, notifications and losses in any order: nothing is lost or doubled, and nobody hangs."""

from __future__ import annotations

from itertools import count
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from proxy.campaign.observation import AgentHeard, GroupNames, NotifyAgent, Word
from proxy.kvlist import pair
from tests.http.web_desk import Desk, FakeTurn, Sent, dn_state, poll, polled, subscribed, subscription

NAMES = GroupNames(campaign="Sales")


def numbered(number: int) -> dict[str, Any]:
    """An event of OCS's that is like no other."""
    data = {"GSW_USER_EVENT": "CampaignModeChanged", "GSW_CAMPAIGN_NAME": "Sales", "GSW_NUMBER": number}
    return {"channel": "/workspace/v3/voice", "data": {"userData": data, "messageType": "EventUserEvent"}}


class OneDesktop(RuleBasedStateMachine):
    """A browser with one page, a careful CometD server, and agents that are told something meanwhile.

    The browser polls again and again, leaves in a poll, polls twice, and subscribes meanwhile. `given` is what the
    server gave in its replies, `told` what the groups had it told; `got` what reached the browser.
    """

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.ids = count(10)
        self.numbers = count(1)
        self.turns: list[tuple[FakeTurn, list[int], bool]] = []
        self.subscriptions: list[Sent] = []
        self.given: list[int] = []
        self.told: list[str] = []
        self.got: list[int] = []
        self.heard: list[str] = []
        self.words = count()

    @initialize(handshake=st.booleans())
    def begins(self, handshake: bool) -> None:
        """The page is loaded; or it was before the proxy was there."""
        if handshake:
            self.desk.shakes_hands()
        self.desk.polls("4")
        self.desk.upstream().answer([dn_state(), polled("4")])

    # ------------------------------------------------------------------------------------------------- the browser

    @rule(impatient=st.booleans())
    def polls(self, impatient: bool) -> None:
        id_ = next(self.ids)
        more = {"advice": {"timeout": 0}} if impatient else {}
        self.watch(self.desk.polls(id_, **more), [id_], alone=True)

    @rule()
    def subscribes(self) -> None:
        turn = self.desk.asks("/notifications", [subscription()])
        self.subscriptions.append(self.desk.last)
        self.watch(turn, [])

    @rule()
    def subscribes_and_polls(self) -> None:
        id_ = next(self.ids)
        turn = self.desk.asks("/notifications", [subscription(), poll(id_)])
        self.subscriptions.append(self.desk.last)
        self.watch(turn, [id_])

    @precondition(lambda self: self.waiting_alone)
    @rule()
    def leaves(self) -> None:
        """In a single poll: the reply to other messages would be lost with it, proxy or not."""
        self.waiting_alone[0].leave()

    @property
    def waiting_alone(self) -> list[FakeTurn]:
        return [turn for turn, _, alone in self.turns if alone and turn.waiting]

    def watch(self, turn: FakeTurn, ids: list[int], alone: bool = False) -> None:
        self.turns.append((turn, ids, alone))
        self.look()

    def look(self) -> None:
        """Read the replies that came."""
        answered = [watched for watched in self.turns if watched[0].replies]
        self.turns = [watched for watched in self.turns if not watched[0].replies]
        for turn, ids, _ in answered:
            if turn.status != 200:
                continue
            assert [message["id"] for message in turn.json if message["channel"] == "/meta/connect"] == ids
            for message in turn.json:
                if "data" in message:
                    data = message["data"]["userData"]
                    if "GSW_NUMBER" in data:
                        self.got.append(data["GSW_NUMBER"])
                    else:
                        self.heard.append(data["GSW_MARK"])

    # -------------------------------------------------------------------------------------------------- the server

    def new_events(self, number: int) -> list[dict[str, Any]]:
        numbers = [next(self.numbers) for _ in range(number)]
        self.given += numbers
        return [numbered(each) for each in numbers]

    @precondition(lambda self: self.desk.exchanges.open_polls)
    @rule(number=st.integers(0, 3))
    def replies_to_the_poll(self, number: int) -> None:
        upstream = self.desk.upstream()
        upstream.answer([*self.new_events(number), polled(upstream.json[0]["id"])])
        self.look()

    @precondition(lambda self: self.desk.exchanges.open_polls)
    @rule(status=st.sampled_from([0, 302, 503]))
    def fails(self, status: int) -> None:
        upstream = self.desk.upstream()
        if status:
            upstream.answer(b"<html>", status=status)
        else:
            upstream.fail()
        self.look()

    @precondition(lambda self: any(not sent.answered for sent in self.subscriptions))
    @rule(number=st.integers(0, 2), status=st.sampled_from([200, 200, 503]))
    def replies_to_the_subscription(self, number: int, status: int) -> None:
        """The oldest one; with a poll in it, its reply has that, too."""
        sent = next(sent for sent in self.subscriptions if not sent.answered)
        polls = [polled(message["id"]) for message in sent.json if message["channel"] == "/meta/connect"]
        if status == 200:
            sent.answer([*self.new_events(number), subscribed(), *polls])
        else:
            sent.answer(b"<html>", status=status)
        self.look()

    # -------------------------------------------------------------------------------------------------- the groups

    @rule(word=st.sampled_from([Word.STOPPED, Word.UNLOADED]))
    def tells(self, word: Word) -> None:
        mark = f"mark {next(self.words)}"
        self.told.append(mark)
        like = pair("GSW_USER_EVENT", "CampaignStarted"), pair("GSW_MARK", mark)
        for session in list(self.desk.board.sessions.values()):
            assert session.tell(NotifyAgent(17, "3001", word, NAMES, like))
        self.look()

    # ------------------------------------------------------------------------------------------------ what holds

    @invariant()
    def no_poll_is_doubled(self) -> None:
        """However the browser polls, the server has one poll of it at most, alone or among other messages."""
        among = [sent for sent in self.subscriptions if not sent.answered and b"/meta/connect" in sent.body]
        assert len(self.desk.exchanges.open_polls) + len(among) <= 1

    @invariant()
    def nobody_hangs(self) -> None:
        """Every poll of the browser that waits has somebody who will answer it."""
        among = [sent for sent in self.subscriptions if not sent.answered]
        assert len(self.waiting_alone) <= 1
        if self.waiting_alone:
            assert self.desk.exchanges.open_polls or among

    @invariant()
    def events_come_once_and_in_order(self) -> None:
        assert self.got == self.given[: len(self.got)]
        assert self.heard == self.told[: len(self.heard)]
        assert [seen.word for seen in self.desk.board.of(AgentHeard)] == [Word.MODE_CHANGED] * len(self.given)

    def teardown(self) -> None:
        """In the end the browser polls in peace: then it has got everything."""
        while pending := [sent for sent in self.subscriptions if not sent.answered]:
            polls = [polled(each["id"]) for each in pending[0].json if each["channel"] == "/meta/connect"]
            pending[0].answer([subscribed(), *polls])
            self.look()
        for _ in range(3):
            self.polls(impatient=False)
            for upstream in self.desk.exchanges.open_polls:
                upstream.answer([polled(upstream.json[0]["id"])])
            self.look()
        assert self.got == self.given
        assert self.heard == self.told
        assert not any(turn.waiting for turn, _, _ in self.turns)
        self.desk.desktops.close()


OneDesktop.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None, derandomize=True)
TestAnyOrder = OneDesktop.TestCase
