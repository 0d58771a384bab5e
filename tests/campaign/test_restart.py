"""A restart of the proxy: what it knew it knows again, and OCS has to confirm it before anything is done."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from proxy.campaign.groups import Groups
from proxy.campaign.kept import Changes
from proxy.campaign.observation import (
    AskStatus,
    GroupNames,
    News,
    NotifyAgent,
    SessionWitnessed,
    Settled,
    Status,
    Stop,
    Unload,
    Word,
)
from proxy.campaign.policy import Attribute, By, ConfiguredGroup, Policy
from tests.campaign.desk import BEGINNING, COMPLETES, SALES, Agent, Desk, group

WALL = 1_700_000_000.0
"""The time of day at the beginning of every desk."""


class Surviving(Desk):
    """A desk whose proxy can be killed: everything is written down at once, and lives on."""

    def __init__(self, *configured: ConfiguredGroup, default: Policy = COMPLETES) -> None:
        super().__init__(*configured, default=default)
        self.sections = configured or (group(),)
        self.default = default
        self.disk = Changes()
        self.written: list[Changes] = []
        self._apart = WALL - BEGINNING
        self._lives = 1

    def writes(self) -> Changes:
        """What changed is written down."""
        changes = self.groups.take_changes(self.now, self.now + self._apart)
        self.written.append(changes)
        self.disk.add(changes)
        return changes

    def restarts(self, after: float = 1.0, *configured: ConfiguredGroup) -> None:
        """The proxy is killed, and begins anew; its clock shows another time than it did."""
        self.writes()
        self.wakes_anew(after, configured or self.sections)

    def wakes_anew(self, after: float, sections: tuple[ConfiguredGroup, ...]) -> None:
        """From what was written."""
        self._lives += 1
        wall = self.now + self._apart + after
        self.now = 50.0 * self._lives
        self._apart = wall - self.now
        self._due = None
        self.groups = Groups(self.default, sections, self._lives)
        self._keep(self.groups.take_up(self.disk, self.now, wall))


def exhausted(desk: Surviving, *agents: Agent) -> None:
    """The group runs; its records are done with, and the first agent hears that there are no more."""
    desk.runs()
    for number, agent in enumerate(agents):
        agent.hears(Word.STARTED, mode="Preview")
        agent.asks()
        agent.gets(str(77 + number))
        agent.processes(str(77 + number))
        agent.acknowledged()
    agents[0].asks()
    agents[0].hears_no_records()


def test_a_group_is_as_it_was() -> None:
    """Counters, names, state and armed are there after a restart, as they were before."""
    desk = Surviving()
    anna, bert = desk.agent(), desk.agent("3002")
    desk.runs()
    for agent, handle in ((anna, "77"), (bert, "78")):
        agent.asks()
        agent.gets(handle)
    anna.processes("77")
    anna.acknowledged()
    before = desk.group()
    desk.restarts()
    after = desk.group()
    changed = {key for key, value in after.items() if before[key] != value}
    assert changed == {"waiting_for"}
    assert (after["delivered"], after["outstanding"], after["finalized"], after["armed"]) == (2, 1, 1, True)
    bert = bert.comes_back()
    bert.processes("78")
    bert.acknowledged()
    assert (desk["outstanding"], desk["finalized"]) == (0, 2)


def test_every_kind_of_record_is_there() -> None:
    """Finalized, returned and scheduled records are what they were, chains and all, and none counts twice."""
    desk = Surviving()
    anna = desk.agent()
    desk.runs()
    for handle in ("1", "2", "3", "4"):
        anna.asks()
        anna.gets(handle, chain=f"chain {handle}", calling_list="List")
    anna.processes("1")
    anna.acknowledged()
    anna.rejects("2")
    anna.acknowledged()
    anna.reschedules("3")
    anna.acknowledged()
    desk.restarts()
    numbers = ("delivered", "outstanding", "finalized", "returned", "scheduled")
    assert [desk[name] for name in numbers] == [4, 1, 1, 1, 1]
    desk.ocs.connected()
    desk.ocs.answers(Status.RUNNING)
    anna = anna.comes_back()
    anna.gets("22", chain="chain 2", calling_list="List")  # R9: the returned one, under another handle
    anna.gets("33", chain="chain 3", calling_list="List")
    anna.processes("1")
    anna.acknowledged()
    assert [desk[name] for name in numbers] == [4, 3, 1, 0, 0]
    desk.restarts()
    assert [desk[name] for name in numbers] == [4, 3, 1, 0, 0]


def test_a_handle_that_is_another_records_now() -> None:
    """R9: a finalized record stays counted when its handle is given to another one, after a restart, too."""
    desk = Surviving()
    anna = desk.agent()
    desk.runs()
    anna.gets("1", chain="chain 1", calling_list="List")
    anna.processes("1")
    anna.acknowledged()
    anna.gets("2", chain="chain 2", calling_list="List")
    anna.rejects("2")
    anna.acknowledged()
    anna.gets("1", chain="chain 2", calling_list="List")
    numbers = ("delivered", "outstanding", "finalized", "returned")
    assert [desk[name] for name in numbers] == [2, 1, 1, 0]
    desk.restarts()
    assert [desk[name] for name in numbers] == [2, 1, 1, 0]
    anna = anna.comes_back()
    anna.processes("1")
    anna.acknowledged()
    desk.restarts()
    assert [desk[name] for name in numbers] == [2, 0, 2, 0]


def test_records_in_the_order_of_their_delivery() -> None:
    """R11: after a restart the oldest outstanding record is still looked at first."""
    desk = Surviving(group(policy=Policy(by=By.PROXY, stale_after=600)))
    anna = desk.agent()
    desk.runs()
    for handle in ("3", "1", "2"):
        anna.gets(handle)
        desk.passes(100)
        desk.writes()
    anna.gets("3")  # again
    desk.restarts()
    desk.ocs.connected()
    desk.ocs.answers(Status.RUNNING)
    desk.passes(1)
    anna = anna.comes_back()
    anna.asks()
    anna.hears_no_records()
    for seconds, left in ((390, 3), (20, 2), (100, 1), (100, 0)):
        desk.passes(seconds)
        held = f"{left} record{'s' * (left > 1)} outstanding"
        assert (desk["waiting_for"] == held) is bool(left), (seconds, desk["waiting_for"])


def test_ocs_is_asked_before_anything_is_trusted() -> None:
    """R2: when the control session is registered every known group's status is asked; until then it says so."""
    desk = Surviving()
    exhausted(desk, desk.agent())
    desk.restarts()
    assert desk["state"] == "running"
    assert desk["waiting_for"] == "the control session"
    desk.forgets()
    desk.ocs.connected()
    assert len(desk.sent(AskStatus)) == 1
    assert desk["waiting_for"] == "OCS's word on it: the proxy was started anew"
    anna = desk.agent()
    anna.asks()
    anna.hears_no_records()
    desk.passes(600)
    assert not desk.sent(Stop)
    desk.ocs.answers(Status.RUNNING)
    assert desk["waiting_for"] == "no more records"


def test_restored_evidence_never_counts() -> None:
    """R14: that there were no more records before the restart completes nothing; said again, it does, in time."""
    desk = Surviving()
    anna = desk.agent()
    exhausted(desk, anna)
    desk.passes(59)
    desk.restarts()
    assert News.EVIDENCE_GONE in desk.news()
    desk.ocs.connected()
    desk.ocs.answers(Status.RUNNING)
    desk.passes(3600)
    assert not desk.sent(Stop)
    anna = anna.comes_back()
    anna.asks()
    anna.hears_no_records()
    desk.passes(59)
    assert not desk.sent(Stop)
    desk.passes(1)
    assert len(desk.sent(Stop)) == 1


def test_a_witness_counts_anew() -> None:
    """R18: what a witness had counted before the restart is not whole: rule A waits for the next session."""
    desk = Surviving()
    log = desk.witness()
    anna = desk.agent()
    desk.runs()
    log.retrieved(1, asked=10)
    assert desk["retrieved"] == 1
    anna.asks()
    anna.gets("77")
    desk.restarts()
    assert desk["retrieved"] is None
    desk.ocs.connected()
    desk.ocs.answers(Status.RUNNING)
    log.found()
    log.retrieved(0, asked=10)
    anna = anna.comes_back()
    anna.processes("77")
    anna.acknowledged()
    assert desk["retrieved"] is None
    assert desk["exhausted"]


@pytest.mark.parametrize("is_over", [True, False])
def test_a_witness_that_reads_the_past_after_a_restart(is_over: bool) -> None:
    """R18: of several sessions in an old log the last is the one that runs: its count is whole."""
    desk = Surviving()
    desk.runs()
    desk.restarts()
    log = desk.witness(found=False)
    desk.sees(SessionWitnessed("log", SALES, began=True))
    log.retrieved(5, asked=10)
    desk.sees(SessionWitnessed("log", SALES, began=False))
    desk.sees(SessionWitnessed("log", SALES, began=True))
    log.retrieved(3, asked=10)
    if is_over:
        desk.sees(SessionWitnessed("log", SALES, began=False))
    log.found()
    assert desk["retrieved"] == (None if is_over else 3)


# ------------------------------------------------------------------------------------------------ steps of a completion


def test_killed_after_the_intention_before_ocs_got_it() -> None:
    """R21: the Stop of which nobody knows whether it arrived is repeated when OCS still shows that it dials, once."""
    desk = Surviving()
    anna = desk.agent()
    exhausted(desk, anna)
    desk.passes(60)
    (stop,) = desk.sent(Stop)
    desk.restarts()
    assert desk["state"] == "stopping"
    desk.forgets()
    desk.ocs.connected()
    desk.passes(5)
    assert not desk.sent(Stop)
    desk.ocs.answers(Status.RUNNING)
    (again,) = desk.sent(Stop)
    assert again.reference != stop.reference
    desk.ocs.stopped()
    desk.passes(2)
    desk.ocs.unloaded()
    assert (desk["completions"], len(desk.sent(Unload))) == (1, 1)


def test_killed_after_ocs_took_the_stop() -> None:
    """R20: OCS shows that it has stopped: no second Stop; the completion goes on with Unload."""
    desk = Surviving()
    anna = desk.agent()
    exhausted(desk, anna)
    desk.passes(60)
    desk.restarts()
    desk.forgets()
    desk.ocs.connected()
    desk.ocs.answers(Status.ACTIVE)
    desk.passes(30)
    assert not desk.sent(Stop)
    assert len(desk.sent(Unload)) == 1
    desk.ocs.unloaded()
    assert desk["completions"] == 1


@pytest.mark.parametrize("status", [Status.NOT_LOADED, Status.WAITING_UNLOAD, Status.UNLOAD_IN_PROGRESS])
def test_killed_after_ocs_took_the_unload(status: Status) -> None:
    """R21: OCS unloads, or has: no second Unload for the session."""
    desk = Surviving()
    anna = desk.agent()
    exhausted(desk, anna)
    desk.passes(60)
    desk.ocs.stopped()
    desk.passes(2)
    assert len(desk.sent(Unload)) == 1
    desk.restarts()
    assert desk["state"] == "unloading"
    desk.forgets()
    desk.ocs.connected()
    desk.ocs.answers(status)
    desk.passes(9)
    desk.ocs.answers(Status.NOT_LOADED)
    assert not desk.sent(Unload)
    assert (desk["state"], desk["completions"]) == ("unloaded", 1)
    assert len(desk.sent(Settled)) == 1


def test_killed_when_the_unload_was_not_sent() -> None:
    """R21: OCS still has the group loaded: Unload is repeated, and the attempts of before count."""
    desk = Surviving(group(policy=Policy(by=By.PROXY, attempts=2)))
    anna = desk.agent()
    exhausted(desk, anna)
    desk.passes(60)
    desk.ocs.stopped()
    desk.passes(2)
    for sent in (1, 0):
        desk.restarts()
        desk.forgets()
        desk.ocs.connected()
        desk.ocs.answers(Status.ACTIVE)
        assert len(desk.sent(Unload)) == sent
    assert desk["state"] == "failed"


@pytest.mark.parametrize("word", [Word.LOADED, Word.STARTED])
def test_the_group_is_wanted_again_meanwhile(word: Word) -> None:
    """R22: OCS's loaded or started, heard before it has answered, is news: the completion of before ends."""
    desk = Surviving()
    anna = desk.agent()
    exhausted(desk, anna)
    desk.passes(60)
    desk.restarts()
    desk.ocs.connected()
    desk.ocs.says(word)
    assert News.ABANDONED in desk.news()
    desk.forgets()
    desk.ocs.answers(Status.RUNNING if word is Word.STARTED else Status.ACTIVE)
    desk.passes(600)
    assert not desk.sent(Stop)
    assert not desk.sent(Unload)


@pytest.mark.parametrize("word", [Word.LOADED, Word.STARTED])
def test_news_before_ocs_has_answered(word: Word) -> None:
    """R2: loaded or started, heard after a restart, just happened, though the group was known to dial."""
    desk = Surviving()
    desk.runs()
    desk.agent().gets("77")
    desk.restarts()
    desk.ocs.connected()
    desk.forgets()
    desk.ocs.says(word, "Preview" if word is Word.STARTED else None)
    assert (News.LOADED if word is Word.LOADED else News.STARTED) in desk.news()
    assert desk["delivered"] == (0 if word is Word.LOADED else 1)
    assert "the proxy was started anew" not in desk["waiting_for"]
    desk.forgets()
    desk.ocs.says(word)  # a copy
    assert desk.news() == []


def test_a_client_asked_before_the_restart() -> None:
    """R22: a client's Start that OCS had not answered suspends the completion after the restart, too."""
    desk = Surviving()
    anna = desk.agent()
    exhausted(desk, anna)
    desk.passes(60)
    desk.client().starts(1)
    desk.restarts()
    desk.forgets()
    desk.ocs.connected()
    assert desk["waiting_for"] == "OCS's word on it: the proxy was started anew"
    desk.ocs.answers(Status.RUNNING)
    assert News.ABANDONED in desk.news()
    assert not desk.sent(Stop)


def test_a_record_shows_before_ocs_has_answered() -> None:
    """R23: a record that an agent gets ends a completion whose Stop was not accepted, restart or not."""
    desk = Surviving()
    anna = desk.agent()
    exhausted(desk, anna)
    desk.passes(60)
    desk.restarts()
    anna = anna.comes_back()
    anna.gets("99")
    desk.ocs.connected()
    desk.ocs.answers(Status.RUNNING)
    desk.passes(30)
    assert len(desk.sent(Stop)) == 1  # that of before
    assert News.ABANDONED in desk.news()


# -------------------------------------------------------------------------------------------------------- who was told


def told(desk: Desk) -> list[tuple[str, Word]]:
    """Who was told what, in order."""
    return [(command.dn, command.word) for command in desk.sent(NotifyAgent)]


def test_nobody_is_told_twice() -> None:
    """R25, R27: who was told Stopped before the restart hears Unloaded after it, in the words of his last event."""
    desk = Surviving()
    anna, bert = desk.agent(), desk.agent("3002")
    exhausted(desk, anna, bert)
    bert.leaves()
    desk.passes(60)
    desk.ocs.stopped()
    desk.passes(2)
    assert told(desk) == [("3001", Word.STOPPED)]
    desk.restarts()
    desk.forgets()
    anna = anna.comes_back()
    assert not told(desk)
    desk.ocs.connected()
    desk.ocs.answers(Status.NOT_LOADED)
    desk.passes(2)
    assert told(desk) == [("3001", Word.UNLOADED)]
    bert.comes_back()
    assert told(desk) == [("3001", Word.UNLOADED), ("3002", Word.STOPPED), ("3002", Word.UNLOADED)]
    desk.restarts()
    desk.forgets()
    desk.ocs.connected()
    desk.ocs.answers(Status.NOT_LOADED)
    anna.comes_back()
    bert.comes_back()
    desk.passes(60)
    assert not told(desk)


def test_nobody_is_told_before_ocs_has_answered() -> None:
    """R27: while the proxy was away the group may have been started again; nothing is said before that is known."""
    desk = Surviving()
    anna = desk.agent()
    exhausted(desk, anna)
    desk.passes(60)
    anna.leaves()
    desk.ocs.stopped()
    desk.restarts()
    desk.forgets()
    anna.comes_back()
    desk.passes(30)
    desk.ocs.connected()
    desk.passes(5)
    assert not told(desk)
    desk.ocs.answers(Status.RUNNING)
    desk.passes(30)
    assert not told(desk)


def test_two_desktops_of_an_agent() -> None:
    """Both had heard Stopped, both come back: each hears Unloaded, and neither Stopped again."""
    desk = Surviving()
    anna, other = desk.agent(), desk.agent()
    exhausted(desk, anna)
    desk.passes(60)
    desk.ocs.stopped()
    desk.passes(2)
    assert told(desk) == [("3001", Word.STOPPED)] * 2
    desk.restarts()
    desk.forgets()
    anna.comes_back()
    other.comes_back()
    desk.ocs.connected()
    desk.ocs.answers(Status.NOT_LOADED)
    desk.passes(2)
    assert told(desk) == [("3001", Word.UNLOADED)] * 2


def test_the_word_of_ocs_after_ours() -> None:
    """R26: OCS's own word within a minute after ours is swallowed, though the proxy was started anew in between."""
    desk = Surviving()
    anna = desk.agent()
    exhausted(desk, anna)
    desk.passes(60)
    desk.ocs.stopped()
    desk.passes(2)
    desk.restarts(after=10)
    desk.ocs.connected()
    desk.ocs.answers(Status.ACTIVE)
    anna = anna.comes_back()
    desk.forgets()
    anna.hears(Word.STOPPED)
    assert desk.counted("swallowed") == 1


# ------------------------------------------------------------------------------------------- records of agents who left


def test_a_record_whose_end_was_not_seen() -> None:
    """R11: a record outstanding at the restart holds no longer after `stale_after` and new evidence, agent or not."""
    desk = Surviving(group(policy=Policy(by=By.PROXY, stale_after=600)))
    anna, bert = desk.agent(), desk.agent("3002")
    exhausted(desk, anna, bert)
    bert.asks()
    bert.gets("99")
    desk.restarts(after=60)
    desk.ocs.connected()
    desk.ocs.answers(Status.RUNNING)
    anna, bert = anna.comes_back(), bert.comes_back()
    desk.passes(1)
    anna.asks()
    anna.hears_no_records()
    desk.passes(530)
    assert desk["waiting_for"] == "1 record outstanding"
    desk.passes(20)
    assert News.RECORD_STALE in desk.news()
    desk.passes(60)
    assert len(desk.sent(Stop)) == 1


def test_a_clock_that_was_set_back() -> None:
    """Nothing that was kept lies in the future, whatever was done to the time of day meanwhile."""
    desk = Surviving(group(policy=Policy(by=By.PROXY, stale_after=600)))
    anna = desk.agent()
    exhausted(desk, anna)
    anna.asks()
    anna.gets("99")
    desk.restarts(after=-86400)
    desk.ocs.connected()
    desk.ocs.answers(Status.RUNNING)
    anna = anna.comes_back()
    desk.passes(1)
    anna.asks()
    anna.hears_no_records()
    desk.passes(600)
    assert News.RECORD_STALE in desk.news()


# --------------------------------------------------------------------------------------------------- what is written


def test_only_what_changed_is_written() -> None:
    """Of 1,000 open records one that is processed is one row, and the group another."""
    desk = Surviving()
    anna = desk.agent()
    desk.runs()
    for number in range(1000):
        anna.gets(str(number))
    assert len(desk.writes().records) == 1000
    anna.processes("500")
    anna.acknowledged()
    changes = desk.writes()
    assert (len(changes.records), len(changes.groups), len(changes.agents)) == (1, 1, 0)
    assert not desk.writes()
    desk.restarts()
    assert (desk["outstanding"], desk["finalized"]) == (999, 1)


def test_sessions_of_long_ago_are_not_kept() -> None:
    """Of a group the session that is, or was last, is kept, and the one before, whose records agents may still have."""
    desk = Surviving()
    for session in range(4):
        anna = desk.agent()
        desk.ocs.connected()
        desk.ocs.loaded()
        desk.ocs.started()
        anna.gets(f"7{session}")
        desk.ocs.stopped()
        desk.ocs.unloaded()
        desk.writes()
    assert {session for _, session, _ in desk.disk.records} == {3, 4}
    desk.restarts()
    assert desk["delivered"] == 1


def test_groups_that_turn_out_to_be_one() -> None:
    """Two groups that are one are kept as one, with the records of both."""
    desk = Surviving(default=Policy(by=By.PROXY))
    desk.ocs.connected()
    desk.ocs.loaded(GroupNames(dbid=500))
    desk.agent("4001", campaign="Winback").gets("1")
    desk.writes()
    assert len(desk.groups.status(desk.now)) == 3
    desk.ocs.started("Preview", GroupNames(dbid=500, campaign="Winback"))
    desk.restarts()
    assert [status["dbid"] for status in desk.groups.status(desk.now)] == [101, 500]
    assert desk.group("Winback")["delivered"] == 1


def test_the_conf_file_says_otherwise_now() -> None:
    """A group that the conf file now gives another id begins anew, and that is said loudly."""
    desk = Surviving()
    desk.agent().gets("1")
    desk.runs()
    desk.restarts(1.0, group(SALES._replace(dbid=999)))
    assert News.NAMES_CONFLICT in desk.news()
    assert (desk["dbid"], desk["state"], desk["delivered"]) == (999, None, 0)
    desk.restarts(1.0, group(SALES._replace(dbid=999)))
    assert not any(desk.disk.groups.values())
    assert not desk.disk.records


def test_a_group_without_a_section() -> None:
    """A group that no section names survives, too, under the names that it was known by."""
    desk = Surviving(default=Policy(by=By.PROXY, attribute=Attribute.ADD))
    desk.ocs.connected()
    desk.ocs.loaded(GroupNames(dbid=500, campaign="Winback"))
    desk.restarts()
    winback = desk.group("Winback")
    assert (winback["dbid"], winback["state"], winback["armed"]) == (500, "loaded", True)


def test_trouble_is_not_forgotten() -> None:
    """R14: SystemError of before the restart is not over because the proxy was started anew."""
    desk = Surviving()
    exhausted(desk, desk.agent())
    desk.ocs.has_trouble(GroupNames())
    desk.restarts()
    desk.ocs.connected()
    desk.ocs.answers(Status.RUNNING)
    assert desk["waiting_for"] == "the end of SystemError"


def test_requests_are_told_apart_after_a_restart() -> None:
    """R3: the latest accepted request decides, though the one before passed before the restart."""
    desk = Surviving()
    client = desk.client()
    desk.ocs.connected()
    for _ in range(5):
        client.loads(1)
        desk.ocs.loaded()
        desk.ocs.unloaded()
    desk.ocs.loaded(reference=client.loads(1))
    assert desk["armed"]
    desk.restarts()
    desk.ocs.connected()
    desk.ocs.answers(Status.ACTIVE)
    desk.ocs.started(reference=desk.client().starts(0))
    assert not desk["armed"]


def test_the_store_fails() -> None:
    """While nothing can be written nothing is completed, and what it waits for is said; then it goes on."""
    desk = Surviving()
    anna = desk.agent()
    exhausted(desk, anna)
    desk._keep(desk.groups.stored("disk full", desk.now))
    assert desk["waiting_for"] == "the store, which cannot be written"
    desk.passes(600)
    assert not desk.sent(Stop)
    desk._keep(desk.groups.stored(None, desk.now))
    desk.passes(60)
    (stop,) = desk.sent(Stop)
    desk._keep(desk.groups.stored("disk full", desk.now))
    assert not desk.groups.still_wants(stop, desk.now)
    for _ in range(5):
        desk.passes(10)
        desk.ocs.answers(Status.RUNNING)
    assert len(desk.sent(Stop)) == 1
    desk._keep(desk.groups.stored(None, desk.now))
    desk.passes(10)
    desk.ocs.answers(Status.RUNNING)
    assert len(desk.sent(Stop)) == 2


Meanwhile = Callable[[Surviving, Agent], object]


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda desk, anna: desk.client().starts(1),
        lambda desk, anna: anna.turns_blind(),
        lambda desk, anna: desk.ocs.lost(),
        lambda desk, anna: anna.gets("99"),
    ],
)
def test_the_mind_changes_while_it_is_written(meanwhile: Meanwhile) -> None:
    """R22: what comes up while the intention is written keeps the Stop from leaving."""
    desk = Surviving()
    anna = desk.agent()
    exhausted(desk, anna)
    desk.passes(60)
    (stop,) = desk.sent(Stop)
    assert desk.groups.still_wants(stop, desk.now)
    meanwhile(desk, anna)
    assert not desk.groups.still_wants(stop, desk.now)


def _handle_is_lost(desk: Surviving) -> Agent:
    """A record is finalized; its handle comes to another one, which OCS gave out under another handle before (R9)."""
    anna = desk.agent()
    desk.runs()
    anna.gets("77")
    anna.processes("77")
    anna.acknowledged()
    desk.writes()
    anna.gets("78", chain="1", calling_list="List")
    _goes_round(anna, "78", "77")
    assert (desk["delivered"], desk["outstanding"], desk["finalized"]) == (2, 1, 1)
    return anna


def _goes_round(agent: Agent, handle: str, next_handle: str) -> None:
    """A record is rejected, and comes back under another handle."""
    agent.rejects(handle)
    agent.acknowledged()
    agent.gets(next_handle, chain="1", calling_list="List")


@pytest.mark.parametrize("restarts_between", [False, True])
@pytest.mark.parametrize("shows", [Agent.gets, Agent.rings])
def test_a_handle_that_is_nobodys(restarts_between: bool, shows: Callable[[Agent, str], object]) -> None:
    """A finalized record has lost its handle to one that has left it since: after a restart, too, what comes under that
    handle is another record, which is outstanding."""
    desk = Surviving()
    anna = _handle_is_lost(desk)
    if restarts_between:
        desk.restarts()
        anna = anna.comes_back()
    _goes_round(anna, "77", "79")
    desk.restarts()
    anna = anna.comes_back()
    shows(anna, "77")
    assert (desk["delivered"], desk["outstanding"], desk["finalized"]) == (3, 2, 1)


def test_a_handle_that_is_nobodys_by_a_file_of_the_first_version() -> None:
    """It did not say whose a handle is: the later record has it, and the earlier one does not get it back later."""
    desk = Surviving()
    anna = _handle_is_lost(desk)
    desk.writes()
    for key, record in desk.disk.records.items():
        assert record is not None
        desk.disk.records[key] = record._replace(has_handle=True)
    desk.restarts()
    anna = anna.comes_back()
    _goes_round(anna, "77", "79")
    desk.restarts()
    anna = anna.comes_back()
    anna.gets("77")
    assert (desk["delivered"], desk["outstanding"], desk["finalized"]) == (3, 2, 1)
