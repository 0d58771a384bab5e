"""Every agent of a group the proxy completed hears CampaignStopped, then CampaignUnloaded, once each (R25 to R28)."""

from __future__ import annotations

import pytest

from proxy.campaign.observation import Command, GroupNames, NotifyAgent, Stop, Swallow, Unload, Word
from proxy.campaign.policy import By, Notify, Policy
from proxy.kvlist import pair
from tests.campaign.desk import SALES, Agent, Desk, group
from tests.campaign.scenes import SETTLE, TIMEOUT, WAIT, ready, runs_dry, stop_sent, stopped, unload_sent

SWALLOWED = [Swallow()]


def told(desk: Desk, agent: Agent | None = None) -> list[Word]:
    """What the proxy told one session, or all, so far."""
    return [said.word for said in desk.sent(NotifyAgent) if agent is None or said.session == agent.session]


def is_swallowed(commands: list[Command]) -> bool:
    return Swallow() in commands


# ------------------------------------------------------------------------------------------------ R25: who is told


def test_r25_an_agent_whom_ocs_leaves_untold_hears_both_words_from_the_proxy() -> None:
    """Stopped after the wait, Unloaded after the wait: once each, in this order, on the agent's DN."""
    desk, [anna] = stopped()
    desk.passes(WAIT - 0.1)
    assert not told(desk)
    desk.passes(0.1)
    assert told(desk) == [Word.STOPPED]
    desk.ocs.unloaded()
    desk.passes(WAIT - 0.1)
    assert told(desk) == [Word.STOPPED]
    desk.passes(0.1)
    assert told(desk) == [Word.STOPPED, Word.UNLOADED]
    assert {(said.session, said.dn) for said in desk.sent(NotifyAgent)} == {(anna.session, "3001")}
    desk.passes(3600)
    assert len(told(desk)) == 2


def test_r25_an_agent_whom_ocs_tells_hears_nothing_from_the_proxy() -> None:
    """OCS says both words itself, within the wait: they pass, and nothing is added."""
    desk, [anna] = stopped()
    assert not is_swallowed(anna.hears(Word.STOPPED))
    desk.passes(WAIT)
    desk.ocs.unloaded()
    desk.passes(WAIT / 2)
    assert not is_swallowed(anna.hears(Word.UNLOADED))
    desk.passes(3600)
    assert not told(desk)


def test_r25_ocs_own_word_may_pass_before_the_control_session_hears_of_it() -> None:
    """The agent's connection is ahead: OCS's Stopped has passed there since Stop was sent."""
    desk, [anna], _ = stop_sent()
    assert not is_swallowed(anna.hears(Word.STOPPED))
    desk.ocs.stopped()
    assert len(desk.sent(Unload)) == 1, "everybody has been told"
    desk.passes(WAIT)
    assert not told(desk)


def test_r25_a_stopped_from_before_our_stop_does_not_count() -> None:
    """What agents heard of an earlier run is not about this completion."""
    desk, [anna] = ready()
    anna.hears(Word.STOPPED)
    anna.hears(Word.STARTED, "Preview")
    desk.passes(SETTLE)
    desk.ocs.stopped()
    desk.passes(WAIT)
    assert told(desk) == [Word.STOPPED]


def test_r25_each_agent_is_told_for_himself() -> None:
    """OCS tells one agent and forgets the other."""
    desk, [anna, ben] = stopped("3001", "3002")
    anna.hears(Word.STOPPED)
    desk.passes(WAIT)
    assert told(desk, anna) == []
    assert told(desk, ben) == [Word.STOPPED]
    desk.ocs.unloaded()
    ben.hears(Word.UNLOADED)
    desk.passes(WAIT)
    assert told(desk, anna) == [Word.UNLOADED]
    assert told(desk, ben) == [Word.STOPPED]


def test_r25_every_session_of_an_agent_is_told() -> None:
    """Two desktops on one DN: OCS's event passes on one of them only."""
    desk, [anna] = ready()
    second = desk.agent("3001")
    desk.passes(SETTLE)
    desk.ocs.stopped()
    anna.hears(Word.STOPPED)
    desk.passes(WAIT)
    assert told(desk, anna) == []
    assert told(desk, second) == [Word.STOPPED]
    desk.ocs.unloaded()
    desk.passes(WAIT)
    assert told(desk, anna) == [Word.UNLOADED]
    assert told(desk, second) == [Word.STOPPED, Word.UNLOADED]


def test_r25_unloaded_first_gets_stopped_in_just_before_it() -> None:
    """OCS forgets Stopped and says Unloaded: Stopped goes in before it, on that session, and it passes."""
    desk, [anna] = stopped()
    commands = anna.hears(Word.UNLOADED)
    assert [(said.session, said.word) for said in commands if isinstance(said, NotifyAgent)] == [
        (anna.session, Word.STOPPED)
    ]
    assert not is_swallowed(commands)
    desk.passes(WAIT)
    desk.ocs.unloaded()
    desk.passes(3600)
    assert told(desk) == [Word.STOPPED]


def test_r25_unloaded_first_on_one_session_leaves_the_other_its_turn() -> None:
    """The second desktop of the agent has heard Stopped from OCS: it is not told again."""
    desk, [anna] = ready()
    second = desk.agent("3001")
    desk.passes(SETTLE)
    desk.ocs.stopped()
    second.hears(Word.STOPPED)
    anna.hears(Word.UNLOADED)
    assert told(desk, anna) == [Word.STOPPED]
    second.hears(Word.UNLOADED)
    desk.ocs.unloaded()
    desk.passes(WAIT)
    assert told(desk, second) == []


def test_r25_stopped_and_unloaded_at_once_are_told_in_order() -> None:
    """The group is unloaded straight away: both words wait, Stopped goes first on every session."""
    desk, agents, _ = stop_sent("3001", "3002", "3003")
    desk.ocs.unloaded()
    desk.passes(WAIT)
    for agent in agents:
        assert told(desk, agent) == [Word.STOPPED, Word.UNLOADED]


def test_r25_stopped_does_not_wait_longer_because_unloaded_came() -> None:
    """OCS unloads the group a second after it stopped: each word has its own wait."""
    desk, _ = stopped()
    desk.passes(WAIT / 2)
    desk.ocs.unloaded()
    desk.passes(WAIT / 2)
    assert told(desk) == [Word.STOPPED]
    desk.passes(WAIT / 2)
    assert told(desk) == [Word.STOPPED, Word.UNLOADED]


def test_r25_a_desktop_that_comes_between_the_two_hears_stopped_first_too() -> None:
    """A second desktop of the agent registers after Stopped was told: always Stopped first, there as well."""
    desk, [anna], _ = unload_sent()
    second = desk.agent("3001")
    desk.ocs.unloaded()
    desk.passes(WAIT)
    assert told(desk, second) == [Word.STOPPED, Word.UNLOADED]
    assert told(desk, anna) == [Word.UNLOADED]


def test_r25_a_desktop_that_comes_while_stopped_waits_is_told_with_the_other() -> None:
    """A second desktop of the agent registers within the wait."""
    desk, [anna] = stopped()
    desk.passes(WAIT / 2)
    second = desk.agent("3001")
    assert told(desk) == []
    anna.hears(Word.STOPPED)
    desk.passes(WAIT / 2)
    assert told(desk, second) == [Word.STOPPED]


def test_r25_a_desktop_that_comes_late_hears_both_in_order_too() -> None:
    """Of the agent's desktops one has heard Stopped from OCS, one has not; a third comes within the wait."""
    desk, [anna], _ = stop_sent()
    desk.agent("3001")
    anna.hears(Word.STOPPED)
    desk.ocs.unloaded()
    third = desk.agent("3001")
    desk.passes(WAIT)
    assert told(desk, third) == [Word.STOPPED, Word.UNLOADED]
    assert told(desk, anna) == [Word.UNLOADED]


def test_r25_an_agent_first_seen_between_the_two_hears_both() -> None:
    """His connection is slow: that he is of this group shows after Stopped."""
    desk, _ = stopped()
    zoe = desk.agent("3009")
    zoe.hears(Word.STARTED, "Preview")
    desk.passes(WAIT)
    assert told(desk, zoe) == []
    desk, _ = stopped()
    zoe = desk.agent("3009")
    zoe.asks_status()
    zoe.hears(Word.LOADED)
    desk.passes(WAIT)
    desk.ocs.unloaded()
    desk.passes(WAIT)
    assert told(desk, zoe) == [Word.STOPPED, Word.UNLOADED]


def test_r25_an_agent_known_by_a_record_only_is_told() -> None:
    """He never got a campaign event; a record made him an agent of the group."""
    desk, [_anna] = ready()
    ben = desk.agent("3002")
    ben.gets("78")
    ben.processes("78")
    ben.acknowledged()
    ben.asks()
    ben.hears_no_records()
    desk.passes(SETTLE)
    desk.ocs.stopped()
    desk.passes(WAIT)
    assert told(desk, ben) == [Word.STOPPED]


def test_r25_when_an_operator_stops_the_group_nobody_is_told_by_the_proxy() -> None:
    """Notifications are for the proxy's own completions: here OCS tells the agents, or does not."""
    desk, [anna] = ready()
    operator = desk.client()
    desk.ocs.stopped(reference=operator.stops())
    desk.passes(WAIT)
    assert not is_swallowed(anna.hears(Word.UNLOADED)), "and no Stopped goes in before it"
    desk.ocs.unloaded(reference=operator.unloads())
    desk.passes(3600)
    assert not told(desk)


def test_r25_a_completion_that_ended_before_stop_was_accepted_tells_nobody() -> None:
    """A record showed; hours later an operator unloads the running group: that is OCS's to tell, as it likes."""
    desk, [anna], stop = stop_sent()
    anna.gets("78")
    desk.ocs.refuses(stop.reference)
    desk.passes(3600)
    desk.ocs.unloaded()
    assert not is_swallowed(anna.hears(Word.UNLOADED))
    desk.passes(3600)
    assert not told(desk)


def test_r25_a_failed_completion_tells_nobody() -> None:
    """OCS never took the Stop: the agents work on, and later words are OCS's own."""
    desk, [anna], _ = stop_sent()
    desk.passes(4 * TIMEOUT)
    desk.ocs.unloaded()
    anna.hears(Word.UNLOADED)
    desk.passes(3600)
    assert not told(desk)


def test_r25_notify_wait_is_an_option() -> None:
    """With notify_wait = 5 OCS has five seconds; with 0, none."""
    desk, _ = stopped(policy=Policy(by=By.PROXY, notify_wait=5))
    desk.passes(4.9)
    assert not told(desk)
    desk.passes(0.1)
    assert told(desk) == [Word.STOPPED]

    desk, _, _ = stop_sent(policy=Policy(by=By.PROXY, notify_wait=0))
    desk.ocs.stopped()
    assert told(desk) == [Word.STOPPED]
    assert len(desk.sent(Unload)) == 1


def test_r25_agents_are_told_although_the_control_session_is_away() -> None:
    """It broke after OCS's stopped: the agents' own connections are there."""
    desk, _ = stopped()
    desk.ocs.lost()
    desk.passes(WAIT)
    assert told(desk) == [Word.STOPPED]


def test_r25_what_an_agent_hears_is_ocs_word_while_no_source_is_there() -> None:
    """The control session is away, and an agent hears Stopped: the other agents are told."""
    desk, [anna, ben], _ = stop_sent("3001", "3002")
    desk.ocs.lost()
    anna.hears(Word.STOPPED)
    desk.passes(WAIT)
    assert told(desk) == [Word.STOPPED]
    assert told(desk, ben) == [Word.STOPPED]


# ------------------------------------------------------------------------------------------------ R26: swallowing


def test_r26_ocs_late_word_to_an_agent_who_was_told_is_swallowed() -> None:
    """Nobody hears that a campaign is stopped twice."""
    desk, [anna], _ = unload_sent()
    assert is_swallowed(anna.hears(Word.STOPPED))
    desk.ocs.unloaded()
    desk.passes(WAIT)
    assert is_swallowed(anna.hears(Word.UNLOADED))
    assert desk.counted("swallowed") == 2


@pytest.mark.parametrize(("later", "swallowed"), [(59.9, True), (60.1, False)])
def test_r26_swallowed_for_sixty_seconds(later: float, swallowed: bool) -> None:
    """After that it is news of something else, and passes."""
    desk, [anna], _ = unload_sent()
    desk.passes(later)
    assert is_swallowed(anna.hears(Word.STOPPED)) is swallowed


def test_r26_a_word_the_proxy_did_not_say_is_not_swallowed() -> None:
    """OCS's Stopped was in time: a copy of it passes like any message, and so does Unloaded."""
    desk, [anna] = stopped()
    assert not is_swallowed(anna.hears(Word.STOPPED))
    desk.passes(WAIT)
    assert not is_swallowed(anna.hears(Word.STOPPED))
    assert not is_swallowed(anna.hears(Word.UNLOADED))


def test_r26_only_the_session_that_was_told_is_spared_the_second_time() -> None:
    """Two desktops of one agent: OCS's Stopped came in time on one, late on the other."""
    desk, [anna] = ready()
    second = desk.agent("3001")
    desk.passes(SETTLE)
    desk.ocs.stopped()
    anna.hears(Word.STOPPED)
    desk.passes(WAIT)
    assert is_swallowed(second.hears(Word.STOPPED))
    assert not is_swallowed(anna.hears(Word.STOPPED))


def test_r26_an_agent_who_was_told_and_reconnected_does_not_hear_it_again() -> None:
    """He was told on his former connection; OCS's own word reaches him on the new one."""
    desk, [anna], _ = unload_sent()
    anna.leaves()
    anna = anna.comes_back()
    assert is_swallowed(anna.hears(Word.STOPPED))
    assert told(desk) == []


def test_r26_loaded_started_and_mode_changes_are_never_swallowed() -> None:
    """Only Stopped and Unloaded are ever told, so only they can be too many."""
    _, [anna], _ = unload_sent()
    for word in (Word.LOADED, Word.STARTED, Word.MODE_CHANGED):
        assert not is_swallowed(anna.hears(word))


def test_r26_the_next_runs_words_are_not_swallowed() -> None:
    """The group is started again within the minute and stopped by an operator: the agent hears that."""
    desk, [anna], _ = unload_sent()
    desk.ocs.started()
    anna.hears(Word.STARTED, "Preview")
    desk.ocs.stopped()
    assert not is_swallowed(anna.hears(Word.STOPPED))


def test_r26_the_next_runs_words_pass_although_its_start_looked_like_an_answer() -> None:
    """The agent had just asked for the status: OCS's Started could be the answer. What follows is news all the same."""
    desk, [anna], _ = unload_sent()
    anna.asks_status()
    desk.ocs.started()
    anna.hears(Word.STARTED, "Preview")
    assert not is_swallowed(anna.hears(Word.STOPPED))


def test_r26_the_next_runs_words_pass_although_the_agent_heard_of_no_start() -> None:
    """OCS forgot to tell him that it started: that it stopped again is not ours to keep from him."""
    desk, [anna], _ = unload_sent()
    desk.ocs.started()
    desk.ocs.stopped()
    assert not is_swallowed(anna.hears(Word.STOPPED))


def test_r26_once_the_group_is_wanted_again_nothing_is_swallowed() -> None:
    """OCS's Stopped may be late, or of the new run: an agent may hear it twice, but never miss one."""
    desk, [anna], _ = unload_sent()
    desk.ocs.started()
    assert not is_swallowed(anna.hears(Word.STOPPED))


def test_r26_another_group_of_the_agent_is_not_swallowed() -> None:
    """The agent works for two groups: the word on the other one passes."""
    other = GroupNames(dbid=202, name="Support@Agents")
    desk = Desk(group(SALES), group(other))
    anna = desk.agent()
    desk.runs()
    runs_dry(desk, anna)
    anna.hears(Word.STARTED, names=GroupNames(campaign="Support"))
    desk.passes(SETTLE)
    desk.ocs.stopped()
    desk.passes(WAIT)
    assert told(desk) == [Word.STOPPED]
    assert not is_swallowed(anna.hears(Word.STOPPED, names=GroupNames(campaign="Support")))
    assert is_swallowed(anna.hears(Word.STOPPED))


# --------------------------------------------------------------------------------------- R27: news, and who is away


@pytest.mark.parametrize("word", [Word.STARTED, Word.LOADED])
def test_r27_a_word_that_waits_is_dropped_when_the_agent_hears_news(word: Word) -> None:
    """The group is wanted again, and the agent knows it already: he is not told that it is stopped."""
    desk, [anna, ben] = stopped("3001", "3002")
    desk.passes(WAIT / 2)
    anna.hears(word)
    desk.passes(WAIT)
    assert told(desk, anna) == []
    assert told(desk, ben) == [Word.STOPPED], "who has heard nothing"


@pytest.mark.parametrize("word", [Word.STARTED, Word.LOADED])
def test_r27_the_answer_to_a_status_request_is_no_news(word: Word) -> None:
    """The agent's desktop asks which campaigns there are: what it hears drops nothing."""
    desk, [anna] = stopped()
    anna.asks_status()
    anna.hears(word)
    desk.passes(WAIT)
    assert told(desk) == [Word.STOPPED]


def test_r27_after_answer_timeout_it_is_news_again() -> None:
    """An answer comes within answer_timeout, or it is none."""
    desk, [anna] = stopped(policy=Policy(by=By.PROXY, answer_timeout=1))
    anna.asks_status()
    desk.passes(1.1)
    anna.hears(Word.STARTED)
    desk.passes(WAIT)
    assert told(desk) == []


def test_r27_news_may_be_ahead_of_the_control_session() -> None:
    """The agent hears that the group is started again before OCS's stopped is heard here: he is told nothing."""
    desk, [anna], _ = stop_sent()
    anna.hears(Word.STOPPED)
    anna.hears(Word.STARTED, "Preview")
    desk.ocs.stopped()
    desk.passes(WAIT)
    assert told(desk) == []


def test_r27_after_the_news_ocs_own_words_pass_as_they_are() -> None:
    """What OCS says to him from then on is of another run: nothing goes in before it, nothing is swallowed."""
    desk, [anna], _ = unload_sent()
    anna.hears(Word.STARTED, "Preview")
    assert not is_swallowed(anna.hears(Word.UNLOADED))
    assert told(desk) == []


def test_r27_once_the_group_is_loaded_or_started_anew_nobody_is_told_what_is_no_longer_true() -> None:
    """OCS's word is started while Stopped still waits: the agents are not told."""
    desk, _ = stopped()
    desk.ocs.started()
    desk.passes(3600)
    assert told(desk) == []


def test_r27_an_agent_without_a_session_is_told_in_order_when_he_is_back() -> None:
    """He lost his connection before the completion and comes back after it: Stopped, Unloaded, at once."""
    desk, [anna], _ = stop_sent()
    anna.leaves()
    desk.ocs.stopped()
    desk.passes(WAIT)
    desk.ocs.unloaded()
    desk.passes(600)
    assert told(desk) == []
    anna = anna.comes_back()
    assert told(desk, anna) == [Word.STOPPED, Word.UNLOADED]
    desk.passes(3600)
    assert len(told(desk)) == 2


def test_r27_an_agent_who_left_between_the_two_hears_the_rest() -> None:
    """He was told Stopped, left, and comes back after Unloaded: he hears that, and not Stopped again."""
    desk, [anna], _ = unload_sent()
    anna.leaves()
    desk.ocs.unloaded()
    desk.passes(WAIT)
    anna = anna.comes_back()
    assert told(desk, anna) == [Word.UNLOADED]


def test_r27_an_agent_who_leaves_while_a_word_waits_is_owed_it() -> None:
    """He unregisters within the wait."""
    desk, [anna] = stopped()
    anna.unregisters()
    desk.passes(WAIT)
    assert told(desk) == []
    anna.registers()
    assert told(desk, anna) == [Word.STOPPED]


def test_r27_an_agent_who_heard_it_elsewhere_is_owed_nothing() -> None:
    """Two desktops: one has heard Stopped, both go; he who comes back has been told."""
    desk, [anna] = ready()
    second = desk.agent("3001")
    desk.passes(SETTLE)
    desk.ocs.stopped()
    anna.hears(Word.STOPPED)
    anna.leaves()
    second.leaves()
    back = anna.comes_back()
    assert told(desk, back) == []
    desk.passes(WAIT)
    desk.ocs.unloaded()
    desk.passes(WAIT)
    assert told(desk, back) == [Word.UNLOADED]


def test_r27_he_is_told_once_though_he_comes_back_twice() -> None:
    """Both words were told on his return; another connection later brings nothing more."""
    desk, [anna], _ = stop_sent()
    anna.leaves()
    desk.ocs.unloaded()
    anna = anna.comes_back()
    anna.leaves()
    anna = anna.comes_back()
    desk.agent("3001")
    desk.passes(3600)
    assert len(told(desk)) == 2


def test_r27_ocs_word_after_his_return_is_swallowed() -> None:
    """He was told when he came back; OCS's own, for the same completion, is one too many."""
    desk, [anna], _ = stop_sent()
    anna.leaves()
    desk.ocs.stopped()
    anna = anna.comes_back()
    assert told(desk, anna) == [Word.STOPPED]
    assert is_swallowed(anna.hears(Word.STOPPED))


@pytest.mark.parametrize("word", [Word.LOADED, Word.STARTED])
def test_r27_who_comes_back_when_the_group_is_wanted_anew_is_told_nothing(word: Word) -> None:
    """What is owed is owed until the group is loaded anew."""
    desk, [anna], _ = stop_sent()
    anna.leaves()
    desk.ocs.stopped()
    desk.passes(WAIT)
    desk.ocs.unloaded()
    desk.ocs.loaded()
    desk.ocs.says(word)
    anna.comes_back()
    desk.passes(3600)
    assert told(desk) == []


# ------------------------------------------------------------------------------------------------ R28: in which words

LOADED = (pair("GSW_USER_EVENT", "CampaignLoaded"), pair("GSW_CAMPAIGN_NAME", "Sales"), pair("X", "anna's"))
STARTED = (pair("GSW_USER_EVENT", "CampaignStarted"), pair("GSW_CAMPAIGN_NAME", "Sales"), pair("X", "later"))


def test_r28_in_the_words_of_the_last_campaign_event_he_got() -> None:
    """Keys and values of a notification are those OCS used to this agent last."""
    desk, [anna, ben] = ready("3001", "3002")
    ben.hears(Word.LOADED, pairs=(pair("GSW_USER_EVENT", "CampaignLoaded"), pair("X", "ben's")))
    anna.hears(Word.LOADED, pairs=LOADED)
    anna.hears(Word.STARTED, "Preview", pairs=STARTED)
    desk.passes(SETTLE)
    desk.ocs.stopped()
    desk.passes(WAIT)
    likes = {said.session: said.like for said in desk.sent(NotifyAgent)}
    assert likes[anna.session] == STARTED
    assert likes[ben.session][1] == pair("X", "ben's")


def test_r28_else_in_those_of_another_agent_of_the_group() -> None:
    """An agent known by a record only gets the words of a colleague."""
    desk, [anna] = ready()
    anna.hears(Word.STARTED, "Preview", pairs=STARTED)
    ben = desk.agent("3002")
    ben.gets("78")
    ben.processes("78")
    ben.acknowledged()
    ben.asks()
    ben.hears_no_records()
    desk.passes(SETTLE)
    desk.ocs.stopped()
    desk.passes(WAIT)
    assert [said.like for said in desk.sent(NotifyAgent) if said.session == ben.session] == [STARTED]


def test_r28_else_the_configured_name_and_dbid() -> None:
    """Nobody got a campaign event: the group's own names are all there is, and they go along."""
    desk = Desk()
    anna = desk.agent()
    desk.runs()
    runs_dry(desk, anna)
    desk.passes(SETTLE)
    desk.ocs.stopped()
    desk.passes(WAIT)
    [said] = desk.sent(NotifyAgent)
    assert said.like == ()
    assert (said.names.name, said.names.dbid, said.names.campaign) == ("Sales@Agents", 101, "Sales")
    assert said.dn == "3001"


def test_r28_unloaded_in_the_words_of_ocs_own_stopped() -> None:
    """OCS told Stopped itself: that is the last campaign event, and Unloaded follows its words."""
    words = (pair("GSW_USER_EVENT", "CampaignStopped"), pair("X", "stopped"))
    desk, [anna] = stopped()
    anna.hears(Word.STOPPED, pairs=words)
    desk.ocs.unloaded()
    desk.passes(WAIT)
    assert [said.like for said in desk.sent(NotifyAgent)] == [words]


def test_r28_notify_never_leaves_it_to_ocs() -> None:
    """Nothing is told, nothing is swallowed, whatever OCS does."""
    desk, [anna], _ = stop_sent(policy=Policy(by=By.PROXY, notify=Notify.NEVER))
    desk.ocs.stopped()
    desk.ocs.unloaded()
    desk.passes(WAIT)
    assert not is_swallowed(anna.hears(Word.UNLOADED))
    assert not is_swallowed(anna.hears(Word.STOPPED))
    desk.passes(3600)
    assert told(desk) == []
    assert desk["completions"] == 1


def test_r25_the_whole_dialogue_in_order() -> None:
    """Stop, Stopped to each agent, Unload, Unloaded to each agent: nothing is ahead of its time."""
    desk, _ = ready("3001", "3002")
    desk.passes(SETTLE)
    desk.ocs.stopped()
    desk.passes(WAIT)
    desk.ocs.unloaded()
    desk.passes(WAIT)
    kinds = [
        command.word if isinstance(command, NotifyAgent) else type(command)
        for _, command in desk.said
        if isinstance(command, Stop | Unload | NotifyAgent)
    ]
    assert kinds == [Stop, Word.STOPPED, Word.STOPPED, Unload, Word.UNLOADED, Word.UNLOADED]
