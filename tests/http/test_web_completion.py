"""A group that the proxy completes, worked on by a web desktop: what the groups make of it, and who is told what."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.campaign.observation import ControlRequested, Request, Word
from proxy.http.desktops.sessions import WEB_IDLE
from tests.http.test_web_sessions import TAKEN, asks_for_record, on_dn, said
from tests.http.web_desk import Desk, FakeTurn, events, polled, told
from tests.switchboard.desk import SALES
from tests.switchboard.desk import Desk as Board


class Site:
    """One web desktop on DN 3001, a control session, and the group Sales@Agents, running and armed."""

    def __init__(self) -> None:
        self.board = Board()
        self.desk = Desk(self.board.board, clock=self.board.clock)
        self.desk.shakes_hands()
        on_dn(self.desk)
        for request, word in ((Request.LOAD, Word.LOADED), (Request.START, Word.STARTED)):
            self.board.board.observe(ControlRequested(1, SALES, request, (1,)))
            self.board.word(word)
        self.brings(told("CampaignStarted", GSW_CAMPAIGN_MODE="Preview"))

    def brings(self, *messages: Any) -> FakeTurn:
        """The desktop polls, and the server has something for it."""
        turn = self.desk.polls()
        self.desk.upstream().answer([*messages, polled()])
        return turn

    def asks(self, **data: Any) -> None:
        self.desk.asks("/voice/send-user-event", said(**data))
        self.desk.last.answer(TAKEN)

    def works(self) -> None:
        """A record comes and is processed; then there are no more."""
        asks_for_record(self.desk)
        self.desk.last.answer(TAKEN)
        self.brings(told("PreviewRecord", GSW_RECORD_HANDLE=12))
        self.asks(GSW_AGENT_REQ_TYPE="RecordProcessed", GSW_RECORD_HANDLE=12, GSW_REFERENCE_ID=5)
        self.brings(told("RecordProcessedAcknowledge", GSW_REFERENCE_ID=5))
        asks_for_record(self.desk)
        self.desk.last.answer(TAKEN)
        error = {"messageType": "EventUserEvent", "userData": {"GSW_ERROR": "No Records Available"}}
        self.brings({"channel": "/workspace/v3/voice", "data": error})

    def settles(self) -> None:
        """Time goes by; the desktop polls, as desktops do."""
        turn = self.desk.polls("idle")
        self.board.clock.pump([10] * 8)
        assert turn.waiting
        self.desk.upstream().answer([polled("idle")])


@pytest.fixture
def site() -> Site:
    return Site()


def test_a_web_desktop_counts_like_any_other(site: Site) -> None:
    """Records by user events and CometD: one delivered, one finalized; then the group is stopped."""
    site.works()
    group = site.board.group
    assert (group["delivered"], group["finalized"], group["outstanding"]) == (1, 1, 0)
    assert group["agents"] == ["3001"]
    site.settles()
    assert site.board.control.steps == ["stop"]


def test_the_agent_is_told_once_and_in_order(site: Site) -> None:
    """OCS says nothing: a poll that waits is answered with Stopped, the next one with Unloaded, and none is doubled."""
    site.works()
    site.settles()
    first = site.desk.polls("8")
    upstream = site.desk.upstream()
    site.board.word(Word.STOPPED)
    site.board.clock.advance(3)
    assert events(first) == ["CampaignStopped"]
    assert first.json[0]["data"]["userData"] == {"GSW_USER_EVENT": "CampaignStopped", "GSW_CAMPAIGN_NAME": "Sales"}
    second = site.desk.polls("9")
    assert site.board.control.steps == ["stop", "unload"]
    site.board.word(Word.UNLOADED)
    site.board.clock.advance(3)
    assert events(second) == ["CampaignUnloaded"]
    assert site.desk.exchanges.open_polls == [upstream]
    late = site.desk.polls("10")
    upstream.answer([told("CampaignStopped"), told("CampaignUnloaded"), polled("8")])
    assert late.json == [polled("10")]
    assert site.desk.counts.swallowed == 2


def test_what_ocs_says_in_time_is_all_that_is_said(site: Site) -> None:
    """OCS tells the agent by itself: nothing is added, nothing taken away."""
    site.works()
    site.settles()
    site.board.word(Word.STOPPED)
    assert events(site.brings(told("CampaignStopped"))) == ["CampaignStopped"]
    site.board.clock.advance(3)
    site.board.word(Word.UNLOADED)
    assert events(site.brings(told("CampaignUnloaded"))) == ["CampaignUnloaded"]
    site.board.clock.advance(3)
    assert events(site.brings()) == []


def test_unloaded_comes_first(site: Site) -> None:
    """Stopped goes in just before it, in the same reply (R25)."""
    site.works()
    site.settles()
    site.board.word(Word.STOPPED)
    assert events(site.brings(told("CampaignUnloaded"))) == ["CampaignStopped", "CampaignUnloaded"]


def test_an_agent_who_was_away_is_told_when_he_comes_back(site: Site) -> None:
    """His computer slept while the group was completed: he is told with his first reply, in order (R27)."""
    site.works()
    site.settles()
    site.board.clock.pump([WEB_IDLE, 5])
    site.board.word(Word.STOPPED)
    site.board.clock.advance(3)
    site.board.word(Word.UNLOADED)
    site.board.clock.advance(3)
    assert events(site.desk.polls("11")) == ["CampaignStopped", "CampaignUnloaded"]


def test_a_record_that_was_refused_is_no_record(site: Site) -> None:
    """GWS refuses what the agent did: the record stays in his hands, and the group goes on."""
    asks_for_record(site.desk)
    site.desk.last.answer(TAKEN)
    site.brings(told("PreviewRecord", GSW_RECORD_HANDLE=12))
    site.desk.asks("/voice/send-user-event", said(GSW_AGENT_REQ_TYPE="RecordProcessed", GSW_RECORD_HANDLE=12))
    site.desk.last.answer(b"", status=500)
    site.board.clock.advance(20)
    assert site.board.group["outstanding"] == 1


def test_a_desktop_that_cannot_be_read(site: Site) -> None:
    """One of its replies was compressed: the group is not completed, and says so (R16)."""
    site.works()
    site.desk.polls("8")
    site.desk.upstream().answer(b"\x1f", why="encoded")
    site.settles()
    assert site.board.control.steps == []
    assert "read" in str(site.board.group["waiting_for"])
