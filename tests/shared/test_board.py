"""What one of several proxies does by itself: to whom it relays what, and what it sends while it leads."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from proxy.campaign.groups import Groups
from proxy.campaign.instances import shared
from proxy.campaign.observation import (
    Action,
    ActionAcknowledged,
    ActionRequested,
    AgentHeard,
    ControlRequested,
    DesktopError,
    DnRegistered,
    GroupNames,
    InstanceHeard,
    NotifyAgent,
    Observation,
    RecordDelivered,
    RecordRequested,
    Request,
    SessionEnded,
    SourceConnected,
    StatusAsked,
    Word,
    WordHeard,
)
from proxy.campaign.policy import By, ConfiguredGroup, Policy
from proxy.shared.board import OUT_OF_TOUCH, SharedSwitchboard
from proxy.shared.entries import Batch, Configured, Led, Seen, Woken, text_of
from proxy.shared.here import Here
from proxy.shared.outbox import Outbox
from proxy.shared.replica import Replica
from proxy.shared.stream import Unreachable
from tests.switchboard.desk import NotedControl

SALES = GroupNames(dbid=101, name="Sales@Agents", campaign="Sales")
OTHER = GroupNames(dbid=102, name="Other@Agents", campaign="Other")
COMPLETES = Policy(by=By.PROXY, settle=1.0, settle_dialed=1.0, answer_timeout=10.0, notify_wait=2.0)
GROUPS = (ConfiguredGroup(SALES, COMPLETES), ConfiguredGroup(OTHER, COMPLETES))


class NotedLead:
    """Of which the test says whether it lasts."""

    def __init__(self) -> None:
        self.fence = 0
        self.holds = False


class NotedMember:
    """A member whose stream is the test: what it says goes in when the test lets it."""

    def __init__(self) -> None:
        self.number = 1
        self.problem: str | None = None
        self.replica: Replica | None = Replica(Groups(COMPLETES, GROUPS))
        self.is_leading = False
        self.lead = NotedLead()
        self.outbox = Outbox()
        self.outbox.is_late = False
        self.here = Here()
        self.late = 0.0
        self.intended: list[tuple[str, str]] = []
        self.answers: list[Deferred[bool]] = []
        self.is_settled: list[str] = []
        self.configured = 0

    @property
    def now(self) -> float:
        assert self.replica is not None
        return self.replica.now + self.late

    def observe(self, observation: Observation, is_exclusive: bool, is_answer: bool = False) -> None:
        if is_exclusive and not self.is_leading:
            return
        if not is_exclusive:
            self.here.note(observation)
        self.outbox.put(Seen(observation), self.lead.fence if is_exclusive else 0, is_answer)

    def sessions_here(self, dn: str) -> list[int]:
        return self.here.sessions(dn)

    async def intend(self, group: str, step: str) -> bool:
        self.intended.append((group, step))
        self.answers.append(Deferred())
        return await self.answers[-1]

    def settled(self, group: str) -> None:
        self.is_settled.append(group)

    def configure(self) -> None:
        self.configured += 1

    def hand_over(self) -> None:
        pass


class Desktop:
    """A session of an agent's."""

    def __init__(self) -> None:
        self.told: list[Word] = []

    def tell(self, command: NotifyAgent) -> bool:
        self.told.append(command.word)
        return True


class Board(SynchronousTestCase):
    """Proxy 1, agent 3001 in its session 5, and proxy 2; one group is armed, runs, and has no more records."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(100)
        self.member = NotedMember()
        member: Any = self.member
        self.board = SharedSwitchboard(
            Groups(COMPLETES, GROUPS), member, (COMPLETES, GROUPS), self.clock, self.clock.seconds, self.clock.seconds
        )
        self.control = NotedControl()
        self.board.controls["tevents"] = self.control
        self.milliseconds = 1_000_000
        self.sequences: dict[int, int] = {}
        replica = self.member.replica
        assert replica is not None
        self.replica = replica
        self.board.joined(replica)
        for instance in (1, 2):
            self.said(instance, InstanceHeard(instance, True))
        self.desktop = self.connects(5)

    # ------------------------------------------------------------------------------------------------- the stream

    def applied(self, batch: Batch, after: float = 0.0) -> None:
        """The stream has a batch, so many seconds later."""
        self.milliseconds += round(after * 1000)
        self.clock.advance(after)
        for done in self.replica.apply(f"{self.milliseconds}-1", text_of(batch)):
            self.board.applied(done)

    def said(self, instance: int, *what: Observation | Woken | Configured, fence: int = 0, after: float = 0.0) -> None:
        """By an instance."""
        entries: Any = (each if isinstance(each, Woken | Configured) else Seen(each) for each in what)
        sequence = self.sequences[instance] = self.sequences.get(instance, 0) + 1
        self.applied(Batch(instance, sequence, fence, False, tuple(entries)), after)

    def goes_in(self) -> None:
        """What this instance has said is in the stream."""
        while (batch := self.member.outbox.next_batch(1)) is not None:
            self.sequences[1] = max(self.sequences[1] + 1, batch.sequence)
            self.applied(Batch(1, self.sequences[1], batch.fence, batch.late, batch.entries))
            self.member.outbox.seen(batch.sequence)

    def time_passes(self, seconds: float) -> None:
        """All instances are there, and what falls due does."""
        for _ in range(round(seconds * 2)):
            for instance in (1, 2):
                self.said(instance, InstanceHeard(instance, True), after=0.25)
            self.said(self.replica.leader or 2, Woken(), fence=self.replica.fence)

    def leads(self, instance: int = 1, fence: int = 3) -> None:
        """The lead is an instance's, whose control session is registered."""
        self.applied(Batch(instance, 0, fence, False, (Led(instance, fence),)))
        self.member.is_leading = self.member.lead.holds = instance == 1
        self.member.lead.fence = fence if instance == 1 else 0
        if instance == 1:
            self.board.leads()
            self.goes_in()
        else:
            self.said(2, SourceConnected("tevents"), fence=fence)

    def word(self, word: Word) -> None:
        """OCS's word, as the leader heard it."""
        self.said(self.replica.leader, WordHeard(SALES, word, "tevents", "Preview"), fence=self.replica.fence)

    # --------------------------------------------------------------------------------------------------- the agents

    def connects(self, session: int) -> Desktop:
        """The agent, with a desktop here."""
        desktop = Desktop()
        self.board.sessions[session] = desktop
        self.board.observe(DnRegistered(session, "3001"))
        self.goes_in()
        return desktop

    def hears(self, word: Word, session: int = 5, names: GroupNames = SALES) -> bool:
        """OCS's own event reaches the agent here; whether it is swallowed. The stream does not have it yet."""
        return self.board.observe(AgentHeard(session, "3001", names, word, "Preview"))

    def exhausted(self, leader: int = 1) -> None:
        """The group runs, is armed, and has no more records; so for long enough."""
        self.runs_out(leader)
        self.time_passes(2)

    def runs_out(self, leader: int) -> None:
        """The group runs, is armed, and has no more records since now."""
        self.leads(leader)
        self.said(
            2, *(ControlRequested(1 << 33, SALES, each, (1,), "Preview") for each in (Request.LOAD, Request.START))
        )
        self.word(Word.LOADED)
        self.word(Word.STARTED)
        self.hears(Word.STARTED)
        for seen in (
            RecordDelivered(5, "3001", SALES, "PreviewRecord", "1"),
            ActionRequested(5, "3001", SALES, Action.PROCESS, "1"),
            ActionAcknowledged(5, "3001", SALES, Action.PROCESS, "1"),
            RecordRequested(5, "3001", SALES),
            DesktopError(5, "3001", SALES, no_records=True),
        ):
            self.board.observe(seen)
        self.goes_in()

    def stopped(self, leader: int = 2) -> None:
        """Stop was sent, and OCS has stopped."""
        self.exhausted(leader)
        if leader == 1:
            self.member.answers[0].callback(True)
        self.word(Word.STOPPED)

    def told(self) -> None:
        """The agent was told Stopped, for OCS has not."""
        self.stopped()
        self.time_passes(3)
        assert self.desktop.told == [Word.STOPPED]

    @property
    def sent(self) -> list[str]:
        return self.control.steps


class ToAgents(Board):
    """What an agent of this proxy hears, and does not."""

    def test_who_has_heard_nothing_is_told(self) -> None:
        """R25: by the proxy of his session; another's session is not told here."""
        self.stopped()
        self.assertEqual(self.desktop.told, [])
        self.time_passes(3)
        self.assertEqual(self.desktop.told, [Word.STOPPED])
        foreign = NotifyAgent(shared(5, 2), "3001", SALES, Word.UNLOADED, ())
        self.board._notify(foreign)
        self.assertEqual(self.desktop.told, [Word.STOPPED])

    def test_who_has_just_heard_it_is_not_told_again(self) -> None:
        """R25: OCS's word passed here, and the stream does not know of it yet."""
        self.stopped()
        self.assertFalse(self.hears(Word.STOPPED))
        self.time_passes(3)
        self.assertEqual(self.desktop.told, [])

    def test_another_groups_word_covers_nothing(self) -> None:
        """OCS has stopped another group at this agent: he is told of his own."""
        self.stopped()
        self.hears(Word.STOPPED, names=OTHER)
        self.hears(Word.STARTED, names=OTHER)
        self.time_passes(3)
        self.assertEqual(self.desktop.told, [Word.STOPPED])

    def test_another_desktop_of_his_that_has_heard_it_covers_nothing(self) -> None:
        """R25: each session of each agent is told."""
        self.connects(6)
        self.stopped()
        self.hears(Word.STOPPED, session=6)
        self.time_passes(3)
        self.assertEqual(self.desktop.told, [Word.STOPPED])

    def test_who_is_wanted_again_is_told_nothing(self) -> None:
        """R27: he has heard CampaignStarted as news on another desktop, and the stream does not know of it yet."""
        self.connects(6)
        self.stopped()
        self.hears(Word.STARTED, session=6)
        self.time_passes(3)
        self.assertEqual(self.desktop.told, [])

    def test_an_answer_to_his_question_is_no_news(self) -> None:
        """R27: his desktop asked which campaigns there are; that it hears of this one changes nothing."""
        self.stopped()
        self.board.observe(StatusAsked(5, "3001"))
        self.clock.advance(1)
        self.hears(Word.STARTED)
        self.time_passes(3)
        self.assertEqual(self.desktop.told, [Word.STOPPED])

    def test_much_later_it_is_news(self) -> None:
        """The question was answered long ago."""
        self.stopped()
        self.board.observe(StatusAsked(5, "3001"))
        self.clock.advance(COMPLETES.answer_timeout + 1)
        self.hears(Word.STARTED)
        self.time_passes(3)
        self.assertEqual(self.desktop.told, [])

    def test_stopped_goes_first(self) -> None:
        """R25: OCS's CampaignUnloaded comes first: Stopped goes in just before it, once, and not again later."""
        self.stopped()
        self.assertFalse(self.hears(Word.UNLOADED))
        self.assertEqual(self.desktop.told, [Word.STOPPED])
        self.assertFalse(self.hears(Word.UNLOADED))
        self.assertEqual(self.desktop.told, [Word.STOPPED])
        self.goes_in()
        self.time_passes(3)
        self.assertEqual(self.desktop.told, [Word.STOPPED])

    def test_who_was_told_does_not_hear_it_from_ocs(self) -> None:
        """R26: within 60 seconds, and no longer."""
        self.told()
        self.member.late = 50.0
        self.assertTrue(self.hears(Word.STOPPED))
        self.member.late = 61.0
        self.assertFalse(self.hears(Word.STOPPED))

    def test_nothing_else_is_swallowed(self) -> None:
        """R26: he has heard since that the group was started again; the stream does not know of it yet."""
        self.told()
        self.assertFalse(self.hears(Word.STARTED))
        self.assertFalse(self.hears(Word.STOPPED))
        self.assertFalse(self.hears(Word.UNLOADED))
        self.assertEqual(self.desktop.told, [Word.STOPPED])

    def test_whose_session_has_just_ended_is_told_in_the_next(self) -> None:
        """R27: he came back, and the stream does not know of it yet: he counts as told, so he must be."""
        self.stopped()
        del self.board.sessions[5]
        self.board.observe(SessionEnded(5))
        desktop = self.board.sessions[6] = Desktop()
        self.board.observe(DnRegistered(6, "3001"))
        self.time_passes(3)
        self.assertEqual((desktop.told, self.board.undeliverable), ([Word.STOPPED], 0))
        self.goes_in()
        self.time_passes(3)
        self.assertEqual(desktop.told, [Word.STOPPED])

    def test_whose_other_desktop_is_known_is_not_told_twice_there(self) -> None:
        """The one that ended is told nowhere: the other one is told for itself."""
        other = self.connects(6)
        self.stopped()
        del self.board.sessions[5]
        self.board.observe(SessionEnded(5))
        self.time_passes(3)
        self.assertEqual((other.told, self.board.undeliverable), ([Word.STOPPED], 1))

    def test_a_mistake_of_ours_costs_no_relay(self) -> None:
        """Whatever is wrong with the groups, an event goes on, and it is counted."""

        def fails(*_: object) -> Any:
            raise ZeroDivisionError

        self.patch(self.board.groups, "passing", fails)
        self.assertFalse(self.hears(Word.STOPPED))
        self.assertEqual(self.board.failed, 1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class ToTheDialer(Board):
    """What the leader sends, and when it does not."""

    def test_what_is_written_down_is_sent(self) -> None:
        """R20: the intention first, then Stop."""
        self.exhausted()
        self.assertEqual((self.member.intended, self.sent), ([("Sales@Agents", "stop")], []))
        self.member.answers[0].callback(True)
        self.assertEqual(self.sent, ["stop"])

    def test_what_is_not_written_down_is_not_sent(self) -> None:
        """The step is another's to be sent, or was sent."""
        self.exhausted()
        self.member.answers[0].callback(False)
        self.assertEqual(self.sent, [])

    def test_what_cannot_be_written_down_is_not_sent(self) -> None:
        """Redis failed."""
        self.exhausted()
        self.member.answers[0].errback(Unreachable("gone"))
        self.assertEqual((self.sent, self.board.failed), ([], 0))

    def test_a_lease_that_is_over_sends_nothing(self) -> None:
        """It was paused between the writing and the sending."""
        self.exhausted()
        self.member.lead.holds = False
        self.member.answers[0].callback(True)
        self.assertEqual(self.sent, [])

    def test_another_lead_of_its_own_sends_nothing_of_the_one_before(self) -> None:
        """The lead was lost and taken again while the step was written: what was wanted then may be done already."""
        self.exhausted()
        self.member.lead.fence = 4
        self.member.answers[0].callback(True)
        self.assertEqual(self.sent, [])

    def test_what_is_wanted_no_more_is_not_sent(self) -> None:
        """R22: a client asked for something while the step was written."""
        self.exhausted()
        self.said(2, ControlRequested(1 << 33, SALES, Request.START, (1,), "Preview"))
        self.member.answers[0].callback(True)
        self.assertEqual(self.sent, [])

    def test_who_does_not_lead_sends_nothing(self) -> None:
        """All know of the commands; the leader carries them out."""
        self.exhausted(leader=2)
        self.assertEqual((self.member.intended, self.control.sent), ([], []))

    def test_commands_of_another_lead_are_not_its_own(self) -> None:
        """It has been given a lead that the stream does not show yet: what others want done is not its business."""
        self.runs_out(leader=2)
        self.member.is_leading = self.member.lead.holds = True
        self.member.lead.fence = 4
        self.time_passes(2)
        self.assertEqual((self.board.status()[0]["state"], self.member.intended), ("stopping", []))

    def test_it_asks_for_every_status_when_it_begins_to_lead(self) -> None:
        """R2: and is heard from then on."""
        self.leads()
        self.assertEqual([step for step, _, _ in self.control.sent], ["ask_status", "ask_status"])

    def test_what_was_sent_must_not_arrive_when_another_leads(self) -> None:
        """The lead is lost with a Stop on its way: the session over which it went is cut."""
        self.exhausted()
        self.member.answers[0].callback(True)
        self.board.leads_no_more()
        self.assertEqual(self.sent, ["stop", "cut off"])
        self.board.leads_no_more()
        self.assertEqual(self.sent, ["stop", "cut off"])

    def test_what_is_over_is_cut_by_nobody(self) -> None:
        """Nothing was sent, or all that was is done; and a proxy that ends leaves its session in order."""
        self.leads()
        self.board.leads_no_more()
        self.assertEqual(self.sent, [])
        self.exhausted()
        self.member.answers[-1].callback(True)
        self.board.retire()
        self.board.leads_no_more()
        self.assertEqual(self.sent, ["stop"])

    def test_a_settled_completion_is_forgotten(self) -> None:
        """By the leader, in Redis; then nothing is on its way."""
        self.stopped(leader=1)
        self.time_passes(3)
        self.member.answers[-1].callback(True)
        self.assertEqual(self.sent, ["stop", "unload"])
        self.word(Word.UNLOADED)
        self.time_passes(3)
        self.assertEqual(self.member.is_settled, ["Sales@Agents"])
        self.board.leads_no_more()
        self.assertEqual(self.sent, ["stop", "unload"])


class Shown(Board):
    """What it shows."""

    def test_what_another_did_is_announced_as_such(self) -> None:
        """Nobody is to look for a Stop in the log of a proxy that sent none."""
        self.exhausted(leader=2)
        self.assertTrue(any("by proxy 2" in str(each["text"]) for each in self.board.timeline))

    def test_out_of_touch_all_groups_wait_for_redis(self) -> None:
        """What is shown may have changed since."""
        self.member.problem = "gone"
        self.assertEqual({each["waiting_for"] for each in self.board.status()}, {OUT_OF_TOUCH})

    def test_the_leaders_conf_file_holds(self) -> None:
        """Another one reads its own: nothing changes here until the leader says so."""
        never = Policy(by=By.NOBODY)
        self.board.reconfigure(never, ())
        self.assertEqual(self.member.configured, 1)
        self.leads(2)
        self.said(2, Configured(never, tuple(ConfiguredGroup(each.names, never) for each in GROUPS)), fence=3)
        self.exhausted()
        self.assertEqual(self.member.intended, [])
