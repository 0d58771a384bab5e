"""Several proxies that share the groups: who has been heard, who is lost, what came late, and counts that are lost."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from math import inf

import pytest
from attrs import evolve

from proxy.campaign.instances import instance_of, own, shared
from proxy.campaign.observation import (
    Action,
    AgentHeard,
    AskStatus,
    Command,
    CountLost,
    GroupNames,
    InstanceHeard,
    InstanceLeft,
    InstanceLost,
    News,
    NotifyAgent,
    Observation,
    Status,
    Stop,
    Swallow,
    Unload,
    Word,
)
from proxy.campaign.policy import By, Control, Policy
from proxy.campaign.sources import REPORTS
from proxy.campaign.whole import lines
from proxy.kvlist import STRING, Pair
from tests.campaign.desk import COMPLETES, Agent, Client, Desk, group
from tests.campaign.model_ocs import KILLED, WILD, Line, Odds, Play, Truth
from tests.campaign.scenes import SETTLE, TIMEOUT, UNTOLD, WAIT, runs_dry

MISSING = "agents whose proxy was lost, until they register again"
UNCOUNTED = "the group to be loaded anew: its records were lost track of, see the log"
COUNTERS = ("retrieved", "delivered", "outstanding", "finalized", "returned", "scheduled")
STALE = 200.0
SOON_STALE = evolve(COMPLETES, stale_after=STALE)


class Proxy:
    """One of the proxies that share the groups of a desk. What its channels see has session numbers of its own."""

    def __init__(self, desk: Desk, number: int) -> None:
        self._desk = desk
        self.number = number
        self._sessions = count(1)
        self.is_heard()

    def session(self) -> int:
        """The number by which all know its next session."""
        return shared(next(self._sessions), self.number)

    def is_heard(self, applied: float = inf) -> list[Command]:
        """It says that it is there, and that it knew by then what all had said up to a moment."""
        return self._desk.sees(InstanceHeard(self.number, True, applied))

    def leaves(self) -> list[Command]:
        """It ends in order."""
        return self._desk.sees(InstanceLeft(self.number))

    def is_lost(self) -> list[Command]:
        """Nothing was heard of it for too long."""
        return self._desk.sees(InstanceLost(self.number))

    def agent(self, dn: str = "3001", registered: bool = True) -> Agent:
        """A session of an agent's desktop with this proxy."""
        agent = Agent(self._desk, self.session(), dn, GroupNames(campaign="Sales"))
        if registered:
            agent.registers()
        return agent

    def client(self) -> Client:
        """A session of a client with this proxy."""
        return Client(self._desk, self.session(), GroupNames(dbid=self._desk.names.dbid))


@contextmanager
def seen_late(desk: Desk) -> Iterator[None]:
    """What happens here was seen while its proxy was out of touch with the others."""
    desk.late = True
    yield
    desk.late = False


def two_proxies(policy: Policy = COMPLETES) -> tuple[Desk, Proxy, Proxy]:
    """A group that runs, and two proxies that share it."""
    desk = Desk(group(policy=policy))
    first, second = Proxy(desk, 1), Proxy(desk, 2)
    desk.runs()
    return desk, first, second


def ready(policy: Policy = COMPLETES) -> tuple[Desk, Proxy, Proxy, Agent, Agent]:
    """An agent at each proxy; the first one has said that there are no more records, and only time is left."""
    desk, first, second = two_proxies(policy)
    anna, ben = first.agent("3001"), second.agent("3002")
    ben.hears(Word.STARTED, "Preview")
    runs_dry(desk, anna)
    return desk, first, second, anna, ben


def stop_sent(policy: Policy = COMPLETES) -> tuple[Desk, Proxy, Proxy, Agent, Agent]:
    """The same; Stop has just been sent."""
    desk, first, second, anna, ben = ready(policy)
    desk.passes(SETTLE)
    first.is_heard()
    second.is_heard()
    assert len(desk.sent(Stop)) == 1
    desk.forgets()
    return desk, first, second, anna, ben


def told(desk: Desk, session: int) -> list[Word]:
    """What a session was told by the proxies, in order."""
    return [command.word for command in desk.sent(NotifyAgent) if command.session == session]


# ----------------------------------------------------------------------------------------------------- who was heard


def test_sessions_have_numbers_that_tell_whose_they_are() -> None:
    """Two proxies may both have a session 7; nobody's session stays nobody's."""
    assert shared(7, 1) != shared(7, 2)
    assert (instance_of(shared(7, 2)), own(shared(7, 2))) == (2, 7)
    assert shared(0, 2) == 0
    assert instance_of(7) == 0


def test_r17_a_group_is_not_stopped_before_every_proxy_was_heard_since_all_held() -> None:
    """A slow proxy may know of a record; when the last one is heard, Stop goes at once."""
    desk, first, second, *_ = ready()
    desk.passes(SETTLE)
    assert desk["waiting_for"] == "a sign of proxy 1, 2, which shares the groups"
    first.is_heard()
    assert not desk.sent(Stop)
    assert desk["waiting_for"] == "a sign of proxy 2, which shares the groups"
    assert [command for command in second.is_heard() if isinstance(command, Stop)]
    assert desk["state"] == "stopping"


def test_r17_who_was_heard_before_all_had_held_has_to_be_heard_again() -> None:
    """A sign a moment too early says nothing of the last moment."""
    desk, first, second, *_ = ready()
    desk.passes(SETTLE - 0.1)
    first.is_heard()
    second.is_heard()
    desk.passes(0.1)
    assert not desk.sent(Stop)
    first.is_heard()
    second.is_heard()
    assert desk.times(Stop) == [SETTLE]


def test_r17_a_sign_that_was_long_on_its_way_says_nothing_of_now() -> None:
    """A proxy whose way to the others was blocked said so before; the record that it saw since comes after it."""
    desk, first, second, _, ben = ready()
    said_at = desk.now + SETTLE - 5
    desk.passes(SETTLE)
    first.is_heard()
    second.is_heard(applied=said_at)
    assert desk["waiting_for"] == "a sign of proxy 2, which shares the groups"
    ben.gets("88")
    second.is_heard(applied=desk.now)
    desk.passes(SETTLE)
    first.is_heard()
    second.is_heard()
    assert not desk.sent(Stop)


def test_nobody_is_further_than_the_others() -> None:
    """A proxy that claims to know of the future has been heard now, and no later."""
    desk, first, second, *_ = ready()
    desk.passes(SETTLE - 1)
    second.is_heard(applied=desk.now + 1000)
    desk.passes(1)
    first.is_heard()
    assert not desk.sent(Stop)


def test_proxies_that_are_heard_every_second_delay_nothing() -> None:
    """As they are on a good day."""
    desk, first, second, *_ = ready()
    for _ in range(int(SETTLE) + 1):
        desk.passes(1)
        first.is_heard()
        second.is_heard()
    assert desk.times(Stop) == [SETTLE]


def test_a_group_that_would_be_completed_by_others_waits_for_every_sign_too() -> None:
    """by = nobody says what would have happened, and that would have waited."""
    desk, first, second, *_ = ready(evolve(COMPLETES, by=By.NOBODY))
    desk.passes(SETTLE)
    assert News.WOULD_COMPLETE not in desk.news()
    first.is_heard()
    second.is_heard()
    assert desk.news().count(News.WOULD_COMPLETE) == 1


def test_a_witness_is_asked_when_everybody_was_heard() -> None:
    """Its answer would be older than what a slow proxy has yet to say."""
    desk, first, second, *_ = ready()
    log = desk.witness()
    log.confirms()
    desk.passes(SETTLE)
    assert desk["waiting_for"] == "a sign of proxy 1, 2, which shares the groups"
    first.is_heard()
    second.is_heard()
    assert desk["waiting_for"] == "the answer of log"


def test_a_proxy_that_is_alone_waits_for_nobody() -> None:
    """Without several proxies nothing is different."""
    desk = Desk()
    desk.runs()
    runs_dry(desk, desk.agent())
    desk.passes(SETTLE)
    assert desk.times(Stop) == [SETTLE]


# ------------------------------------------------------------------------------------------------------ who is gone


def test_a_proxy_that_is_lost_is_waited_for_no_more() -> None:
    """None of its agents is in this group: Stop goes as soon as it is known to be lost."""
    desk, first, second = two_proxies()
    runs_dry(desk, first.agent())
    second.agent("4711")
    desk.passes(SETTLE)
    first.is_heard()
    assert not desk.sent(Stop)
    assert [command for command in second.is_lost() if isinstance(command, Stop)]
    assert desk.counted("instances_lost") == 1


def test_a_proxy_that_ended_in_order_holds_nothing() -> None:
    """Its sessions ended, agents or not; nobody is missed."""
    desk, first, second, *_ = ready()
    second.leaves()
    assert desk["waiting_for"] == f"{SETTLE:.0f} s of quiet"
    desk.passes(SETTLE)
    first.is_heard()
    assert desk.times(Stop) == [SETTLE]


@pytest.mark.parametrize("goes", [Proxy.is_lost, Proxy.leaves])
def test_r14_what_its_sessions_said_is_gone_with_it(goes: Callable[[Proxy], object]) -> None:
    """That there are no more records was said at a proxy that is gone; it has to be said again."""
    desk, first, second, _, _ = ready()
    assert desk["exhausted"]
    goes(first)
    assert not desk["exhausted"]
    second.agent("3001")
    assert desk["waiting_for"] == "no more records"
    assert News.EVIDENCE_GONE in desk.news()


def test_r14_also_of_a_session_that_had_not_registered() -> None:
    """Evidence is looked for, not registrations."""
    desk, _, second, anna, _ = ready()
    unseen = second.agent("3003", registered=False)
    unseen.asks()
    unseen.hears_no_records()
    anna.leaves()
    assert desk["exhausted"]
    second.is_lost()
    assert not desk["exhausted"]


def test_r14_what_others_said_stands() -> None:
    """The lost proxy had said nothing; whoever has, is still there."""
    desk, _, second, _, ben = ready()
    second.is_lost()
    assert desk["exhausted"]
    ben.comes_back()
    assert desk["waiting_for"] == f"{SETTLE:.0f} s of quiet"


def test_r16_a_blind_session_of_a_lost_proxy_makes_nobody_blind_any_more() -> None:
    """The agent is missed instead, until he registers where he can be read."""
    desk, first, second, _, ben = ready()
    ben.turns_blind()
    assert desk["waiting_for"] == "an agent's session that can be read"
    second.is_lost()
    assert desk["waiting_for"] == MISSING
    first.agent("3002")
    assert desk["waiting_for"] == f"{SETTLE:.0f} s of quiet"


# ------------------------------------------------------------------------------------------------ who is missed


def test_agents_of_a_lost_proxy_hold_their_group_until_they_register_anywhere() -> None:
    """It may be cut off and relay on: an agent whom nobody sees may have a record."""
    desk, first, second, *_ = ready()
    second.is_lost()
    assert desk["waiting_for"] == MISSING
    desk.passes(SETTLE)
    first.is_heard()
    assert not desk.sent(Stop)
    first.agent("3002")
    desk.passes(SETTLE)
    first.is_heard()
    assert desk.times(Stop) == [2 * SETTLE]


@pytest.mark.parametrize("shows", ["hears", "gets"])
def test_an_event_at_an_agent_says_where_he_is_as_well(shows: str) -> None:
    """Not every channel sees a registration."""
    desk, first, second, *_ = ready()
    second.is_lost()
    ben = first.agent("3002", registered=False)
    if shows == "hears":
        ben.hears(Word.STARTED)
        assert desk["waiting_for"] == f"{SETTLE:.0f} s of quiet"
    else:
        ben.gets("88")
        assert desk["waiting_for"] == "1 record outstanding"


def rule_b(desk: Desk, anna: Agent) -> None:
    """An agent says that there are no more records."""
    desk.runs()
    runs_dry(desk, anna)


def rule_a(desk: Desk, anna: Agent) -> None:
    """All that the witness saw retrieved is finalized; nobody said anything."""
    log = desk.witness()
    desk.runs()
    log.retrieved(1, asked=100)
    anna.gets("77")
    anna.processes("77")
    anna.acknowledged()


@pytest.mark.parametrize("there_are_none", [rule_a, rule_b])
def test_agents_who_never_come_back_hold_their_group_for_stale_after(
    there_are_none: Callable[[Desk, Agent], object],
) -> None:
    """Then it goes on by itself, whoever it was that said that there are no more records: no group runs all night."""
    desk = Desk(group(policy=SOON_STALE))
    first, second = Proxy(desk, 1), Proxy(desk, 2)
    anna, ben = first.agent("3001"), second.agent("3002")
    ben.hears(Word.STARTED)
    there_are_none(desk, anna)
    ben.hears(Word.STARTED)
    desk.passes(10)
    second.is_lost()
    desk.passes(STALE - 0.1)
    assert desk["waiting_for"] == MISSING
    desk.forgets()
    desk.passes(0.1)
    assert desk.news() == [News.NO_MORE_RECORDS]
    desk.passes(SETTLE)
    first.is_heard()
    assert desk.times(Stop) == [10 + STALE + SETTLE]


def test_an_agent_who_was_with_two_proxies_is_missed_when_the_other_session_ends() -> None:
    """He is seen at the second proxy; after that only the lost one could see him."""
    desk, first, second, _, _ = ready()
    elsewhere = first.agent("3002")
    second.is_lost()
    assert desk["waiting_for"] == f"{SETTLE:.0f} s of quiet"
    elsewhere.leaves()
    assert desk["waiting_for"] == MISSING
    first.agent("3002").leaves()
    assert desk["waiting_for"] == f"{SETTLE:.0f} s of quiet"


def test_an_agent_who_is_lost_twice_is_missed_from_the_second_time_on() -> None:
    """He came back in between."""
    desk, _, second, *_ = ready(SOON_STALE)
    second.is_lost()
    desk.passes(STALE / 2)
    third = Proxy(desk, 3)
    third.agent("3002")
    third.is_lost()
    desk.passes(STALE - 1)
    assert desk["waiting_for"] == MISSING
    desk.passes(1)
    assert desk["waiting_for"] == f"{SETTLE:.0f} s of quiet"


def test_an_agent_whose_two_proxies_are_lost_is_missed_from_the_second_loss_on() -> None:
    """Until then he was seen."""
    desk, first, second, *_ = ready(SOON_STALE)
    third = Proxy(desk, 3)
    third.agent("3002")
    second.is_lost()
    desk.passes(STALE / 2)
    third.is_lost()
    desk.passes(STALE - 1)
    first.is_heard()
    assert desk["waiting_for"] == MISSING
    desk.passes(1)
    assert desk["waiting_for"] == f"{SETTLE:.0f} s of quiet"


def test_agents_are_missed_in_the_next_session_as_well() -> None:
    """A proxy that is cut off brings them the events of the next session, and nobody else sees that they are in it."""
    desk, first, second, anna, _ = ready()
    second.is_lost()
    desk.ocs.stopped()
    desk.ocs.unloaded()
    client = first.client()
    desk.ocs.loaded(reference=client.loads(1))
    desk.ocs.started("Preview", reference=client.starts(1))
    anna.hears(Word.STARTED)
    runs_dry(desk, anna, "78")
    assert desk["agents"] == ["3001"]
    assert desk["waiting_for"] == MISSING
    desk.passes(SETTLE)
    first.agent("3002")
    assert desk["waiting_for"] == f"{SETTLE:.0f} s of quiet"
    desk.passes(SETTLE)
    first.is_heard()
    assert desk.times(Stop) == [2 * SETTLE]


def test_agents_of_another_group_hold_theirs_only() -> None:
    """Who is missed elsewhere is not missed here."""
    desk, first, second = two_proxies()
    runs_dry(desk, first.agent())
    other = second.agent("5001")
    other.names = GroupNames(campaign="Support")
    other.hears(Word.STARTED)
    second.is_lost()
    assert desk["waiting_for"] == f"{SETTLE:.0f} s of quiet"


def test_r11_a_record_of_a_missed_agent_holds_until_it_is_stale() -> None:
    """It is outstanding for stale_after, its agent is gone, and evidence came after that."""
    desk, _, second, anna, ben = ready(SOON_STALE)
    ben.gets("88")
    desk.passes(10)
    second.is_lost()
    desk.passes(10)
    anna.asks()
    anna.hears_no_records()
    assert desk["outstanding"] == 1
    desk.passes(STALE - 10 - 0.1)
    assert desk["waiting_for"] == MISSING
    desk.passes(0.1)
    assert News.RECORD_STALE in desk.news()
    assert desk["waiting_for"] == f"{SETTLE:.0f} s of quiet"


def test_r11_it_holds_where_nothing_was_said_since_he_is_gone() -> None:
    """Evidence of before the loss does not know of his record."""
    desk, _, second, anna, ben = ready(SOON_STALE)
    ben.gets("88")
    anna.asks()
    anna.hears_no_records()
    desk.passes(10)
    second.is_lost()
    desk.passes(2 * STALE)
    assert desk["waiting_for"] == "1 record outstanding"


def test_n2_an_agent_who_comes_back_has_his_record_still() -> None:
    """The same agent, the same DN, another proxy: he finishes what he got at the one that is lost."""
    desk, first, second, _, ben = ready()
    ben.gets("88")
    second.is_lost()
    back = first.agent("3002")
    assert (desk["outstanding"], desk["agents"]) == (1, ["3001", "3002"])
    back.processes("88")
    back.acknowledged()
    assert (desk["outstanding"], desk["finalized"]) == (0, 2)


def test_r11_what_a_lost_proxy_alone_saw_does_not_hold_for_ever() -> None:
    """It died with the word that the record is done with: its agent is back, and says nothing of that record again."""
    desk, first, second, anna, ben = ready(SOON_STALE)
    ben.gets("88")
    desk.passes(10)
    second.is_lost()
    first.agent("3002")
    desk.passes(10)
    anna.asks()
    anna.hears_no_records()
    desk.passes(STALE - 20 - 0.1)
    assert desk["waiting_for"] == "1 record outstanding"
    desk.passes(0.2)
    assert News.RECORD_STALE in desk.news()


def test_r6_a_record_is_counted_once_when_a_lost_proxy_is_back_under_another_number() -> None:
    """Its desktops are registered anew: what one of them brings is a copy of what another has brought since."""
    desk, first, second = two_proxies()
    anna, at_second = first.agent("3001"), second.agent("3001")
    anna.gets("77")
    at_second.gets("77")
    second.is_lost()
    back = Proxy(desk, 3).agent("3001")
    for agent in (anna, back):
        agent.gets("78")
    anna.processes("78")
    anna.acknowledged()
    assert (desk["delivered"], desk["outstanding"], desk["finalized"]) == (2, 1, 1)


# ------------------------------------------------------------------------------------- completions that have begun


def test_a_completion_that_has_begun_goes_on_to_its_end() -> None:
    """Stop was sent when everybody had been heard; the loss of a proxy after that changes nothing of it."""
    desk, _, second, anna, _ = stop_sent()
    second.is_lost()
    assert desk["waiting_for"] == "OCS: Stop is sent"
    desk.ocs.stopped()
    desk.passes(WAIT)
    assert told(desk, anna.session) == [Word.STOPPED]
    assert len(desk.sent(Unload)) == 1
    desk.ocs.unloaded()
    assert News.COMPLETED in desk.news()


def test_r27_an_agent_of_the_lost_proxy_is_told_in_order_where_he_comes_back() -> None:
    """And nobody tries to tell him where he is not."""
    desk, first, second, _, ben = stop_sent()
    second.is_lost()
    desk.ocs.stopped()
    desk.passes(WAIT)
    desk.ocs.unloaded()
    desk.passes(WAIT)
    assert not told(desk, ben.session)
    back = first.agent("3002")
    assert told(desk, back.session) == [Word.STOPPED, Word.UNLOADED]


def test_r22_a_stop_without_an_answer_is_repeated_though_a_proxy_was_lost() -> None:
    """OCS still shows the old state."""
    desk, _, second, *_ = stop_sent()
    second.is_lost()
    desk.passes(TIMEOUT)
    [asked] = desk.sent(AskStatus)
    desk.ocs.answers(Status.RUNNING, reference=asked.reference)
    assert len(desk.sent(Stop)) == 1


def test_r23_unload_waits_for_the_record_of_a_missed_agent() -> None:
    """He got it before Stop was accepted."""
    desk, first, second, _, ben = stop_sent()
    desk.ocs.stopped()
    ben.gets("88")
    second.is_lost()
    desk.passes(WAIT)
    assert not desk.sent(Unload)
    back = first.agent("3002")
    desk.passes(WAIT)
    back.processes("88")
    back.acknowledged()
    assert len(desk.sent(Unload)) == 1


# -------------------------------------------------------------------------- requests that passed at a lost proxy


def test_r17_nobody_waits_for_the_answer_to_a_request_at_a_lost_proxy() -> None:
    """Its session is over: nobody is there to get a record."""
    desk, first, second, _, _ = ready(evolve(COMPLETES, settle=TIMEOUT / 2))
    ben = first.agent("3002")
    asks = second.agent("3001")
    desk.passes(TIMEOUT / 4)
    asks.asks()
    desk.passes(TIMEOUT / 4)
    first.is_heard()
    assert desk["waiting_for"] == "the answer to a request"
    second.is_lost()
    assert ben.dn in desk["agents"]
    assert desk.times(Stop) == [TIMEOUT / 2]


def test_r17_nor_where_the_session_had_not_registered() -> None:
    """Requests are looked for, not registrations."""
    desk, first, second, *_ = ready(evolve(COMPLETES, settle=TIMEOUT / 2))
    first.agent("3002")
    second.agent("3001", registered=False).asks()
    desk.passes(TIMEOUT / 2)
    first.is_heard()
    assert desk["waiting_for"] == "the answer to a request"
    second.is_lost()
    assert len(desk.sent(Stop)) == 1


def test_r7_what_an_agent_did_at_a_lost_proxy_takes_effect_without_its_acknowledgement() -> None:
    """The request went upstream; that is counted."""
    desk, _, second, _, ben = ready()
    ben.gets("88")
    ben.processes("88")
    second.is_lost()
    assert desk["outstanding"] == 1
    desk.passes(TIMEOUT)
    assert (desk["outstanding"], desk["finalized"]) == (0, 2)
    assert desk.counted("actions_unacknowledged") == 1


def test_r8_an_acknowledgement_that_comes_under_another_number_answers_nothing() -> None:
    """The proxy is back, and says late what it saw; the action has taken effect, once."""
    desk, _, second, _, ben = ready()
    ben.gets("88")
    ben.rejects("88")
    second.is_lost()
    desk.passes(TIMEOUT)
    back = Proxy(desk, 3).agent("3002")
    with seen_late(desk):
        back.acknowledged(Action.REJECT, "88")
    assert desk["returned"] == 1
    assert desk.counted("acknowledgements_unmatched") == 1


def test_r22_a_clients_stop_at_a_lost_proxy_is_asked_about_before_ours() -> None:
    """OCS may have got it. It shows no sign of it when it is asked: ours goes."""
    desk, first, second = two_proxies()
    anna = first.agent()
    runs_dry(desk, anna)
    desk.passes(SETTLE - 1)
    second.client().stops()
    second.is_lost()
    desk.forgets()
    desk.passes(1)
    first.is_heard()
    assert desk["waiting_for"] == "the answer to a request"
    desk.passes(TIMEOUT - 1)
    [asked] = desk.sent(AskStatus)
    assert not desk.sent(Stop)
    desk.ocs.answers(Status.RUNNING, reference=asked.reference)
    assert len(desk.sent(Stop)) == 1


def test_r4_a_clients_start_at_a_lost_proxy_arms_when_ocs_shows_it() -> None:
    """Whoever asked, OCS's word accepts it."""
    desk = Desk()
    second = Proxy(desk, 2)
    desk.ocs.connected()
    desk.ocs.loaded()
    start = second.client().starts(1)
    second.is_lost()
    assert not desk["armed"]
    desk.ocs.started("Preview", reference=start)
    assert desk["armed"]


def test_r22_a_clients_start_at_a_lost_proxy_ends_the_completion_when_it_is_accepted() -> None:
    """He wanted the group to go on."""
    desk, _, second, *_ = stop_sent()
    start = second.client().starts(1)
    second.is_lost()
    assert desk["waiting_for"] == "the answer to a client's request"
    desk.ocs.started("Preview", reference=start)
    assert News.ABANDONED in desk.news()
    assert desk["state"] == "running"


# ----------------------------------------------------------------------------------------------------- what is late


def test_r14_no_records_available_that_was_heard_long_ago_is_no_evidence() -> None:
    """It answers its request all the same; heard now, the same words are evidence."""
    desk, first, _ = two_proxies(UNTOLD)
    anna = first.agent()
    anna.asks()
    with seen_late(desk):
        anna.hears_no_records()
    assert not desk["exhausted"]
    anna.hears_no_records()
    assert desk.counted("errors_unmatched") == 1
    anna.asks()
    anna.hears_no_records()
    assert desk["exhausted"]


def test_late_is_only_what_was_said_to_be() -> None:
    """The next observation is of now again."""
    desk, first, _ = two_proxies(UNTOLD)
    anna, ben = first.agent("3001"), first.agent("3002")
    anna.asks()
    ben.asks()
    with seen_late(desk):
        anna.hears_no_records()
    ben.hears_no_records()
    assert desk["exhausted"]


def test_r13_a_late_delivery_takes_back_what_was_said_before() -> None:
    """Somebody said that there are none; the record that shows now may have been there, or not: it counts."""
    desk, first, second, _, ben = ready()
    desk.passes(SETTLE / 2)
    with seen_late(desk):
        ben.gets("88")
    assert not desk["exhausted"]
    assert (desk["delivered"], desk["outstanding"]) == (2, 1)
    with seen_late(desk):
        ben.processes("88")
        ben.acknowledged()
    assert (desk["outstanding"], desk["finalized"]) == (0, 2)
    desk.passes(SETTLE)
    first.is_heard()
    second.is_heard()
    assert desk["waiting_for"] == "no more records"


def test_r23_a_late_delivery_ends_a_completion_whose_stop_is_not_accepted() -> None:
    """As one of now would."""
    desk, _, _, _, ben = stop_sent()
    with seen_late(desk):
        ben.gets("88")
    assert News.ABANDONED in desk.news()


def test_r17_a_late_sign_of_a_call_begins_the_quiet_time_anew() -> None:
    """Nobody knows when it was."""
    desk, _, _, _, ben = ready()
    desk.passes(SETTLE / 2)
    with seen_late(desk):
        ben.shows_a_sign()
    assert desk["waiting_for"] == f"{SETTLE:.0f} s of quiet"


def test_r3_a_late_request_arms_where_nobody_has_decided_since() -> None:
    """Its proxy was out of touch; the leader heard OCS's word, and of no request. OCS shows it when it is asked."""
    desk = Desk()
    client = Proxy(desk, 1).client()
    desk.ocs.connected()
    desk.ocs.loaded()
    desk.ocs.started("Preview")
    with seen_late(desk):
        client.starts(1)
    desk.passes(TIMEOUT)
    desk.ocs.answers(Status.RUNNING, "Preview", reference=desk.sent(AskStatus)[-1].reference)
    assert desk["armed"]


def test_r3_a_late_request_does_not_arm_what_a_client_has_disarmed_elsewhere() -> None:
    """It may have passed before that: a group is not completed that somebody wants to run on without records."""
    desk = Desk()
    first, second = Proxy(desk, 1).client(), Proxy(desk, 2).client()
    desk.ocs.connected()
    desk.ocs.loaded(reference=second.loads())
    desk.ocs.started("Preview", reference=second.starts(0))
    with seen_late(desk):
        first.loads(1)
    desk.passes(TIMEOUT)
    desk.ocs.answers(Status.RUNNING, "Preview", reference=desk.sent(AskStatus)[-1].reference)
    assert not desk["armed"]
    desk.ocs.started("Preview", reference=first.starts(1))
    assert desk["armed"]


def test_r3_a_late_request_disarms() -> None:
    """It may be the latest."""
    desk, first, *_ = two_proxies()
    with seen_late(desk):
        mode = first.client().sets_mode("Preview", 0)
    desk.ocs.changes_mode("Preview", reference=mode)
    assert not desk["armed"]


def test_late_words_of_reports_are_ocs_words() -> None:
    """Nobody else gets them: they move the group, in their order."""
    desk = Desk(group(policy=evolve(COMPLETES, control=Control.OCS_HTTP)))
    reports = desk.ocs.at(REPORTS)
    reports.connected()
    with seen_late(desk):
        reports.answers(Status.RUNNING)
        reports.answers(Status.ACTIVE)
    assert desk["state"] == "loaded"


# ------------------------------------------------------------------------------------------------- counts are lost


def test_lost_counts_are_unknown_and_complete_nothing() -> None:
    """Not 0, and not what they were; it says so, loudly, once."""
    desk, first, second, anna, _ = ready()
    desk.sees(CountLost())
    desk.sees(CountLost())
    assert [desk[name] for name in COUNTERS] == [None] * len(COUNTERS)
    assert not desk["exhausted"]
    assert desk["waiting_for"] == UNCOUNTED
    [said] = [each for each in desk.announced() if each.news is News.COUNT_LOST]
    assert said.news.loud
    anna.asks()
    anna.hears_no_records()
    desk.passes(2 * SETTLE)
    first.is_heard()
    second.is_heard()
    assert not desk.sent(Stop)
    assert desk["delivered"] is None


def test_r23_a_stop_that_is_not_accepted_is_not_meant_any_more() -> None:
    """It may arrive: if OCS takes it, that is reported loudly, and the group stays loaded."""
    desk, *_ = stop_sent()
    desk.sees(CountLost())
    assert News.ABANDONED in desk.news()
    assert desk["state"] == "running"
    desk.ocs.stopped()
    assert News.STOPPED_WITH_RECORDS in desk.news()
    desk.passes(10 * SETTLE)
    assert desk["state"] == "loaded"
    assert not desk.sent(Unload)
    assert not desk.sent(NotifyAgent)


def test_r23_a_stop_that_ocs_took_goes_on_but_no_unload() -> None:
    """The reply over HTTP said that it is taken; what is stopped stays loaded."""
    http = evolve(COMPLETES, control=Control.OCS_HTTP)
    desk = Desk(group(policy=http))
    first = Proxy(desk, 1)
    desk.ocs.at("ocs-http").connected()
    desk.runs()
    runs_dry(desk, first.agent())
    desk.passes(SETTLE)
    first.is_heard()
    [stop] = desk.sent(Stop)
    desk.ocs.takes(stop.reference)
    desk.sees(CountLost())
    assert News.ABANDONED not in desk.news()
    desk.ocs.stopped()
    desk.passes(10 * SETTLE)
    assert not desk.sent(Unload)
    assert (desk["state"], desk["waiting_for"]) == ("loaded", UNCOUNTED)


def test_r23_after_stop_no_unload_is_sent_and_the_group_says_why() -> None:
    """Agents are told that it is stopped; it stays loaded until somebody loads it anew, or unloads it."""
    desk, _, _, anna, ben = stop_sent()
    desk.ocs.stopped()
    desk.sees(CountLost())
    desk.passes(10 * SETTLE)
    assert told(desk, anna.session) == told(desk, ben.session) == [Word.STOPPED]
    assert not desk.sent(Unload)
    assert (desk["state"], desk["waiting_for"]) == ("loaded", UNCOUNTED)
    desk.ocs.unloaded()
    desk.passes(WAIT)
    assert told(desk, anna.session) == [Word.STOPPED, Word.UNLOADED]


def test_r21_an_unload_that_ocs_has_not_taken_is_not_repeated() -> None:
    """It was sent when the records were known; they are not any more."""
    desk, *_ = stop_sent()
    desk.ocs.stopped()
    desk.passes(WAIT)
    assert len(desk.sent(Unload)) == 1
    desk.sees(CountLost())
    desk.passes(TIMEOUT)
    desk.ocs.answers(Status.ACTIVE, reference=desk.sent(AskStatus)[-1].reference)
    desk.passes(TIMEOUT)
    assert len(desk.sent(Unload)) == 1
    assert desk["waiting_for"] == UNCOUNTED


def test_counts_are_known_again_when_ocs_loads_the_group_anew() -> None:
    """Not when it is unloaded, nor by a copy of the word."""
    desk, first, *_ = ready()
    desk.sees(CountLost())
    desk.ocs.loaded()
    assert desk["delivered"] is None
    desk.ocs.stopped()
    desk.ocs.unloaded()
    assert desk["delivered"] is None
    client = first.client()
    desk.ocs.loaded(reference=client.loads(1))
    assert (desk["delivered"], desk["outstanding"]) == (0, 0)
    desk.ocs.started("Preview", reference=client.starts(1))
    runs_dry(desk, first.agent(), "78")
    assert desk["waiting_for"] == f"{SETTLE:.0f} s of quiet"


def test_counts_are_known_again_though_an_agent_was_ahead_of_ocs_word() -> None:
    """What he got belongs to the session that OCS then says has begun."""
    desk, first, *_ = two_proxies()
    anna = first.agent()
    desk.ocs.stopped()
    desk.ocs.unloaded()
    anna.hears(Word.LOADED)
    anna.gets("78")
    desk.sees(CountLost())
    assert desk["delivered"] is None
    desk.ocs.loaded()
    assert (desk["delivered"], desk["outstanding"]) == (1, 1)


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.RUNNING])
def test_r2_a_session_that_is_found_after_the_loss_has_unknown_counts(status: Status) -> None:
    """Nobody saw it begin: it may have had records, and a client who arms it does not make them known."""
    desk, first, second = two_proxies(UNTOLD)
    desk.ocs.stopped()
    desk.ocs.unloaded()
    desk.sees(CountLost())
    desk.ocs.lost()
    desk.ocs.connected()
    desk.ocs.answers(status, "Preview")
    assert desk["delivered"] is None
    desk.ocs.started("Preview", reference=first.client().starts(1))
    assert desk["armed"]
    anna = first.agent()
    anna.asks()
    anna.hears_no_records()
    desk.passes(2 * SETTLE)
    first.is_heard()
    second.is_heard()
    assert desk["waiting_for"] == UNCOUNTED
    assert not desk.sent(Stop)


def test_r2_ocs_says_how_the_group_is_and_not_what_became_of_its_records() -> None:
    """The status is asked by whoever leads then: it is believed, and the counts stay unknown."""
    desk, *_ = ready()
    desk.sees(CountLost())
    desk.ocs.lost()
    desk.ocs.connected()
    desk.ocs.answers(Status.RUNNING, "Preview")
    assert (desk["state"], desk["delivered"], desk["waiting_for"]) == ("running", None, UNCOUNTED)
    desk.ocs.answers(Status.NOT_LOADED)
    assert (desk["state"], desk["delivered"]) == ("unloaded", None)


def test_r20_a_status_that_shows_the_goal_completes_though_the_counts_are_lost() -> None:
    """Unload was sent before; OCS has unloaded the group."""
    desk, _, _, _, _ = stop_sent()
    desk.ocs.stopped()
    desk.passes(WAIT)
    desk.sees(CountLost())
    desk.ocs.answers(Status.NOT_LOADED)
    assert News.COMPLETED in desk.news()
    assert desk["completions"] == 1


def test_a_late_loaded_does_not_make_counts_known() -> None:
    """It was said before the counts were lost, perhaps; what was lost may be of that session."""
    desk = Desk(group(policy=evolve(COMPLETES, control=Control.OCS_HTTP)))
    reports = desk.ocs.at(REPORTS)
    reports.connected()
    reports.unloaded()
    desk.sees(CountLost())
    with seen_late(desk):
        reports.loaded()
    assert (desk["state"], desk["delivered"]) == ("loaded", None)
    reports.unloaded()
    reports.loaded()
    assert desk["delivered"] == 0


def test_a_group_that_turns_out_to_be_another_whose_counts_are_lost_has_none_either() -> None:
    """Records of both are those of one."""
    desk = Desk(group(GroupNames(dbid=101), UNTOLD))
    anna = Proxy(desk, 1).agent()
    desk.ocs.connected()
    desk.ocs.loaded()
    desk.sees(CountLost())
    anna.gets("77")
    desk.ocs.started("Preview", names=GroupNames(dbid=101, campaign="Sales"))
    [only] = desk.groups.status(desk.now)
    assert (only["delivered"], only["state"]) == (None, "running")


def test_a_group_in_which_lost_counts_turn_out_to_belong_has_none() -> None:
    """The other way round: it was loaded since, but what was lost may be its."""
    desk = Desk(group(GroupNames(dbid=101), UNTOLD))
    desk.ocs.connected()
    desk.sees(CountLost())
    desk.ocs.loaded(names=GroupNames(campaign="Sales"))
    desk.ocs.started("Preview", names=GroupNames(dbid=101, campaign="Sales"))
    [only] = desk.groups.status(desk.now)
    assert (only["delivered"], only["state"]) == (None, "running")


def test_a_group_that_is_not_loaded_says_nothing_when_counts_are_lost() -> None:
    """Nothing of it was going on; no session begins either."""
    desk = Desk()
    desk.ocs.connected()
    desk.ocs.answers(Status.NOT_LOADED)
    desk.sees(CountLost())
    assert News.COUNT_LOST not in desk.news()
    assert (desk["state"], desk["waiting_for"]) == ("unloaded", "nothing: it is not loaded")


# ------------------------------------------------------------------------------------- what passes an agent just now


def said_first(commands: Sequence[Command], heard: AgentHeard) -> NotifyAgent | None:
    """The CampaignStopped that goes to the session before the event."""
    first = [
        command
        for command in commands
        if isinstance(command, NotifyAgent)
        and (command.session, command.dn, command.word) == (heard.session, heard.dn, Word.STOPPED)
    ]
    assert len(first) < 2
    return first[0] if first else None


def same_as_asked(desk: Desk, heard: AgentHeard) -> tuple[bool, NotifyAgent | None]:
    """An event is about to pass: what is said of it before it is observed, which is what observing it says."""
    before = list(lines(desk.groups)), desk.groups.status(desk.now)
    said = desk.groups.passing(heard, desk.now)
    assert (list(lines(desk.groups)), desk.groups.status(desk.now)) == before
    commands = desk.sees(heard)
    if heard.word in (Word.STOPPED, Word.UNLOADED):
        assert said == (Swallow() in commands, said_first(commands, heard))
    else:
        assert said == (False, None)
    return said


def word(agent: Agent, word: Word, *pairs: Pair) -> AgentHeard:
    """OCS's campaign event is about to reach an agent."""
    return AgentHeard(agent.session, agent.dn, agent.names, word, None, pairs)


def test_r26_what_passes_is_swallowed_where_the_agent_was_told() -> None:
    """For sixty seconds, and for his session only."""
    desk, _, _, anna, ben = stop_sent()
    desk.ocs.stopped()
    assert same_as_asked(desk, word(ben, Word.STOPPED)) == (False, None)
    desk.passes(WAIT)
    assert same_as_asked(desk, word(anna, Word.STOPPED)) == (True, None)
    assert same_as_asked(desk, word(ben, Word.STOPPED)) == (False, None)
    desk.passes(60.1)
    assert same_as_asked(desk, word(anna, Word.STOPPED)) == (False, None)


def test_r25_stopped_goes_before_an_unloaded_that_passes_first() -> None:
    """In the words of the very event that passes (R28); also at an agent who is in no session of the group yet."""
    desk, first, _, anna, _ = stop_sent()
    mine = Pair("GSW_CAMPAIGN_NAME", "Sales", STRING)
    swallowed, before = same_as_asked(desk, word(anna, Word.UNLOADED, mine))
    assert not swallowed
    assert before is not None
    assert before.like == (mine,)
    _, before = same_as_asked(desk, word(first.agent("3003"), Word.UNLOADED))
    assert before is not None
    assert same_as_asked(desk, word(anna, Word.STOPPED)) == (True, None)


def test_r27_an_agent_who_comes_with_the_event_itself_is_told_what_he_is_owed() -> None:
    """He had no session, and this one did not register: he hears each word once, in order."""
    desk, first, _, _, ben = stop_sent()
    ben.leaves()
    desk.ocs.stopped()
    desk.passes(WAIT)
    back = first.agent("3002", registered=False)
    swallowed, before = same_as_asked(desk, word(back, Word.STOPPED))
    assert swallowed
    assert before is not None
    desk.ocs.unloaded()
    assert same_as_asked(desk, word(back, Word.UNLOADED)) == (False, None)


def test_r27_who_heard_that_the_group_is_wanted_is_told_nothing() -> None:
    """Nothing is swallowed for him, nor put in."""
    desk, _, _, anna, _ = stop_sent()
    desk.ocs.stopped()
    assert same_as_asked(desk, word(anna, Word.STARTED)) == (False, None)
    assert same_as_asked(desk, word(anna, Word.UNLOADED)) == (False, None)


def test_what_passes_of_a_group_that_nobody_completes_passes() -> None:
    """An operator stops it; or nobody knows which group is meant."""
    desk, _, _, anna, _ = ready()
    assert same_as_asked(desk, word(anna, Word.STOPPED)) == (False, None)
    stranger = replace(word(anna, Word.STOPPED), names=GroupNames(dbid=4711))
    assert desk.groups.passing(stranger, desk.now) == (False, None)
    assert len(desk.groups.status(desk.now)) == 1


def comes_and_goes(seed: int) -> Iterator[tuple[bool, NotifyAgent | None]]:
    """Desktops that come and go, registered or not, while a group is completed; what was said of each event."""
    chance = random.Random(seed)
    desk, first, second, *agents = stop_sent()
    waits = [desk.ocs.stopped, desk.ocs.unloaded]
    for _ in range(60):
        happens = chance.randrange(6)
        if happens == 0:
            proxy = chance.choice((first, second))
            agents.append(proxy.agent(chance.choice(("3001", "3002", "3003")), registered=chance.random() < 0.5))
        elif happens == 1 and agents:
            agents.pop(chance.randrange(len(agents))).leaves()
        elif happens == 2 and waits and chance.random() < 0.5:
            waits.pop(0)()
        elif happens == 3:
            desk.passes(chance.choice((0.5, WAIT, 30.0)))
        elif agents:
            what = chance.choice((Word.STOPPED, Word.UNLOADED, Word.STOPPED, Word.UNLOADED, Word.MODE_CHANGED))
            pairs = [Pair("GSW_CAMPAIGN_NAME", f"Sales{chance.random()}", STRING)] * chance.randrange(2)
            yield same_as_asked(desk, word(chance.choice(agents), what, *pairs))


def test_what_is_said_of_an_event_that_passes_is_what_observing_it_says() -> None:
    """In every order in which things can happen."""
    said = Counter((swallowed, first is not None) for seed in range(12) for swallowed, first in comes_and_goes(seed))
    assert min(said[swallowed, first] for swallowed in (True, False) for first in (True, False)) > 0


class AskedFirst(Play):
    """A play in which the groups are asked of every campaign event before it is observed; the proxy waits for none."""

    def _group(self, by: By, number: int) -> Truth:
        truth = super()._group(by, number)
        truth.policy = evolve(truth.policy, notify_wait=0.1)
        return truth

    def sees(self, observation: Observation) -> Sequence[Command]:
        if not isinstance(observation, AgentHeard) or observation.word not in (Word.STOPPED, Word.UNLOADED):
            return super().sees(observation)
        before = list(lines(self.groups))
        said = self.groups.passing(observation, self._clock)
        if list(lines(self.groups)) != before:
            raise self.broken("to be asked has changed something")
        commands = super().sees(observation)
        if said != (Swallow() in commands, said_first(commands, observation)):
            raise self.broken(f"{said} was said of {observation}")
        self.counts("swallowed, as was said" if said[0] else "relayed, as was said")
        return commands


@pytest.mark.parametrize("odds", [WILD, KILLED], ids=["wild", "killed"])
def test_in_whole_plays_what_is_said_of_an_event_is_what_observing_it_says(odds: Odds) -> None:
    """The plays against the model of OCS (see test_against_model), and nothing is changed by asking."""
    did: Counter[str] = Counter()
    for seed in range(6):
        play = AskedFirst(seed, odds=odds)
        play.runs(1200)
        play.ends_well()
        did.update(play.did)
    for what in ("swallowed, as was said", "relayed, as was said"):
        assert did[what], f"no event was {what}"


class Several(Play):
    """A play with three proxies, of which one dies now and then; desktops come back through any other.

    What it had seen has been said, and has reached OCS; that it is dead is known some seconds later.
    """

    def __init__(self, seed: int) -> None:
        self.chances = random.Random(seed)
        self.alive = [1, 2, 3]
        self.places: dict[int, int] = {}
        super().__init__(seed, odds=WILD)
        self._beat()
        self._may_die()

    def _beat(self) -> None:
        self.after(1.0, self._beat)
        for number in self.alive:
            self._carry_out(self.groups.observe(InstanceHeard(number, True, self._clock), self._clock))

    def _may_die(self) -> None:
        self.after(self.chances.uniform(5, 120), self._may_die)
        if len(self.alive) == 3 and not self.is_calm:
            self._dies(self.alive.pop(self.chances.randrange(3)))

    def _dies(self, number: int) -> None:
        self.counts("deaths")
        for agent in self.agents:
            for desktop in [each for each in agent.desktops if self.places.get(each.number) == number]:
                for line in (desktop.up, agent.line, desktop.down):
                    line.drain()
                desktop.up.cut()
                desktop.down.cut()
                agent.desktops.remove(desktop)
        if self.places.get(self.client) == number:
            self._client_up.drain()
            self._client_down.drain()
            self.client, self._client_up, self._client_down = next(self.numbers), Line(self), Line(self)
        self.after(self.chances.uniform(3, 8), lambda: self.sees(InstanceLost(number)))
        self.after(self.chances.uniform(1, 60), lambda: self.alive.append(number + 3))

    def sees(self, observation: Observation) -> Sequence[Command]:
        session = getattr(observation, "session", 0)
        if session:
            place = self.places.setdefault(session, self.chances.choice(self.alive))
            observation = replace(observation, session=shared(session, place))
        return super().sees(observation)

    def _carry_out(self, commands: Sequence[Command], written: bool = False) -> Sequence[Command]:
        return super()._carry_out([each for each in map(self._carried_out, commands) if each is not None], written)

    def _carried_out(self, command: Command) -> Command | None:
        """The command as the proxy carries it out whose it is; None where that one is dead."""
        if not isinstance(command, NotifyAgent):
            return command
        if instance_of(command.session) in self.alive:
            return replace(command, session=own(command.session))
        for agent in self.agents:
            agent.is_unsure = agent.is_unsure or agent.dn == command.dn
        return None


def test_whatever_happens_when_proxies_die_nobody_is_harmed_and_all_is_completed() -> None:
    """The plays against the model of OCS, through three proxies: no Stop too early, and none that never comes."""
    did: Counter[str] = Counter()
    for seed in range(20):
        play = Several(seed)
        play.runs(1200)
        play.ends_well()
        did.update(play.did)
    for what in ("deaths", "stop accepted", "unload accepted", "NotifyAgent", "desktops that heard both"):
        assert did[what], f"no play had any {what}: they show nothing"
