"""Between groups and the world: intentions, time, mistakes, the time line (R20 to R24)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import get_args

import pytest
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock
from twisted.logger import LogEvent, LogLevel, globalLogPublisher

from proxy.campaign.groups import Groups
from proxy.campaign.kept import Changes
from proxy.campaign.observation import (
    AgentHeard,
    Announce,
    AskStatus,
    Command,
    DesktopError,
    GroupNames,
    MessageTaken,
    News,
    NotifyAgent,
    Observation,
    RecordRequested,
    SessionBlind,
    Settled,
    SourceConnected,
    SourceLost,
    Status,
    Stop,
    Swallow,
    Unload,
    WakeAt,
    Word,
)
from proxy.campaign.policy import Policy
from proxy.errors import DoesNotFit
from proxy.store.memory import MemoryStore
from proxy.switchboard import TIMELINE, TRY_AGAIN
from tests.switchboard.desk import SALES, Desk, NotedControl, SlowStore

STOP = Stop("Sales@Agents", "tevents", SALES, 5)
STOP_AGAIN = Stop("Sales@Agents", "tevents", SALES, 6)
UNLOAD = Unload("Sales@Agents", "tevents", SALES, 7)
ASK = AskStatus("Sales@Agents", "tevents", SALES, 8)


class Script(Groups):
    """Groups that want done what stands in `wants`, once, and fail while `mistake` is set.

    `minded`: they still want it, when asked again.
    """

    def __init__(self) -> None:
        super().__init__(Policy())
        self.wants: list[Command] = []
        self.seen: list[Observation] = []
        self.woken: list[float] = []
        self.mistake: Exception | None = None
        self.minded = True

    def observe(self, observation: Observation, now: float) -> Sequence[Command]:
        self.seen.append(observation)
        return self._wanted()

    def wake(self, now: float) -> Sequence[Command]:
        self.woken.append(now)
        return self._wanted()

    def still_wants(self, request: Stop | Unload, now: float) -> bool:
        return self.minded

    def has_told(self, told: NotifyAgent) -> bool:
        return self.minded

    def _wanted(self) -> Sequence[Command]:
        if self.mistake is not None:
            raise self.mistake
        wants, self.wants = self.wants, []
        return wants


class FastClock(Clock):
    """Its alarms ring a tenth too early."""

    def callLater(self, delay: float, callable: Callable[..., object], *args: object, **kw: object) -> IDelayedCall:
        return super().callLater(delay * 0.9, callable, *args, **kw)


class Scripted(Desk):
    """A desk with groups that do as they are told."""

    groups: Script

    def __init__(self, store: SlowStore | MemoryStore | None = None, clock: Clock | None = None) -> None:
        super().__init__(Script(), store, clock)
        self.groups.seen.clear()

    def wants(self, *commands: Command) -> None:
        """Have something done."""
        self.groups.wants = list(commands)
        self.board.observe(MessageTaken(7, 1))


@contextmanager
def logged() -> Iterator[list[LogEvent]]:
    """What is logged meanwhile."""
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    try:
        yield events
    finally:
        globalLogPublisher.removeObserver(events.append)


# ------------------------------------------------------------------------------------- R20: intentions are written down


def test_a_request_leaves_when_it_is_written_down() -> None:
    """R20: Stop and Unload leave when the store says that they are written down; status requests at once."""
    store = SlowStore()
    desk = Scripted(store)
    desk.wants(ASK, STOP)
    assert desk.control.sent == [("ask_status", 101, 8)]
    assert store.intended == [("Sales@Agents", "stop")]
    store.writing[0].callback(None)
    assert desk.control.sent[1:] == [("stop", 101, 5)]
    desk.wants(UNLOAD)
    assert desk.control.sent[2:] == []
    store.writing[1].callback(None)
    assert desk.control.sent[2:] == [("unload", 101, 7)]
    assert store.intended == [("Sales@Agents", "stop"), ("Sales@Agents", "unload")]
    assert desk.board.sent == {"stop": 1, "unload": 1, "ask_status": 1}


def test_a_store_that_fails() -> None:
    """R20: what could not be written down does not leave; /health says why, until something can be written again."""
    store = SlowStore()
    desk = Scripted(store)
    desk.wants(STOP)
    with logged() as events:
        store.writing[0].errback(OSError("disk full"))
    assert desk.control.sent == []
    assert desk.board.store_problem == "disk full"
    assert [event["log_level"] for event in events] == [LogLevel.error]
    desk.wants(STOP_AGAIN)
    assert desk.board.store_problem == "disk full"
    store.writing[1].callback(None)
    assert desk.control.sent == [("stop", 101, 6)]
    assert desk.board.store_problem is None
    assert desk.board.failed == 0


def test_a_store_that_fails_at_once() -> None:
    """R20: whether the store's failure comes later, at once, or is a mistake of its own: nothing is sent."""

    class Failing(MemoryStore):
        def intend(self, group: str, step: str) -> Deferred[None]:
            return fail(OSError("disk full"))

    class Mistaken(MemoryStore):
        def intend(self, group: str, step: str) -> Deferred[None]:
            raise OSError("disk full")

    for store in (Failing(), Mistaken()):
        desk = Scripted(store)
        desk.wants(STOP, ASK)
        assert desk.control.sent == [("ask_status", 101, 8)]
        assert desk.board.store_problem == "disk full"


def test_a_completion_that_is_over_before_its_request_is_written() -> None:
    """R22: a Stop that is written down when nobody wants it any more does not leave."""
    store = SlowStore()
    desk = Scripted(store)
    desk.wants(STOP)
    desk.wants(Settled("Sales@Agents"))
    assert store.over == ["Sales@Agents"]
    store.writing[0].callback(None)
    assert desk.control.sent == []


def test_a_request_that_is_not_wanted_when_it_is_written() -> None:
    """R22: the groups are asked again; what they do not want just now does not leave, and is not forgotten either."""
    store = SlowStore()
    desk = Scripted(store)
    desk.groups.minded = False
    desk.wants(STOP)
    store.writing[0].callback(None)
    assert desk.control.sent == []
    desk.groups.minded = True
    desk.wants(STOP_AGAIN)
    store.writing[1].callback(None)
    assert desk.control.sent == [("stop", 101, 6)]


# ------------------------------------------------------------------------------------------ who is told is written down


class Told:
    """A session of an agent."""

    def __init__(self) -> None:
        self.words: list[Word] = []

    def tell(self, command: NotifyAgent) -> bool:
        self.words.append(command.word)
        return True


class SlowNotes(SlowStore):
    """A store that keeps what was told when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.keeping: list[Deferred[None]] = []

    def keep(self) -> Deferred[None]:
        self.keeping.append(Deferred())
        return self.keeping[-1]


def notified(*words: Word) -> list[NotifyAgent]:
    """What an agent on session 7 is to be told."""
    return [NotifyAgent(7, "3001", word, SALES, ()) for word in words]


def slow_notes() -> tuple[Scripted, SlowNotes, Told]:
    """A desk with an agent on session 7."""
    store, told = SlowNotes(), Told()
    desk = Scripted(store)
    desk.board.sessions[7] = told
    return desk, store, told


def test_a_store_that_says_how_it_is() -> None:
    """A store that fails between two completions is seen in /health and by the groups at once, and so is its return."""

    class Watched(MemoryStore):
        def watch(self, take: Callable[[], Changes], tell: Callable[[str | None], object]) -> None:
            self.tell = tell

    store = Watched()
    desk = Desk(store=store)
    desk.exhaust()
    store.tell("disk full")
    assert desk.board.store_problem == "disk full"
    assert desk.group["waiting_for"] == "the store, which cannot be written"
    pass_time(desk, 600)
    assert desk.control.steps == []
    store.tell(None)
    assert desk.board.store_problem is None
    pass_time(desk, 60)
    assert desk.control.steps == ["stop"]


def test_who_is_told_is_written_down_before() -> None:
    """R25: once for all that are told together; then each is told, in order, once."""
    desk, store, told = slow_notes()
    desk.wants(*notified(Word.STOPPED, Word.UNLOADED))
    assert (len(store.keeping), told.words) == (1, [])
    store.keeping[0].callback(None)
    assert told.words == [Word.STOPPED, Word.UNLOADED]


def test_who_is_told_though_it_cannot_be_written_down() -> None:
    """R25: better told twice, should the proxy die just then, than never."""
    desk, store, told = slow_notes()
    desk.wants(*notified(Word.STOPPED))
    store.keeping[0].errback(OSError("disk full"))
    assert told.words == [Word.STOPPED]
    assert desk.board.failed == 0


def test_the_word_of_ocs_is_not_overtaken() -> None:
    """R25: OCS's Unloaded comes while our Stopped is written down: Stopped goes before it, and not again after it."""
    desk, store, told = slow_notes()
    desk.wants(*notified(Word.STOPPED))
    desk.board.observe(AgentHeard(8, "3002", SALES, Word.UNLOADED))
    assert told.words == []
    desk.board.observe(AgentHeard(7, "3001", SALES, Word.UNLOADED))
    assert told.words == [Word.STOPPED]
    store.keeping[0].callback(None)
    assert told.words == [Word.STOPPED]


def test_what_must_not_be_said_any_more() -> None:
    """R27: the agent hears that the group is started while our Stopped is written down: it is not said."""
    desk, store, told = slow_notes()
    desk.wants(*notified(Word.STOPPED))
    desk.groups.minded = False
    desk.board.observe(AgentHeard(7, "3001", SALES, Word.STARTED))
    store.keeping[0].callback(None)
    assert told.words == []


def test_a_request_that_is_repeated_before_it_is_written() -> None:
    """R21: of a Stop and its repetition only the later one leaves, in whatever order they are written down."""
    for order in ([0, 1], [1, 0]):
        store = SlowStore()
        desk = Scripted(store)
        desk.wants(STOP)
        desk.wants(STOP_AGAIN)
        for place in order:
            store.writing[place].callback(None)
        assert desk.control.sent == [("stop", 101, 6)]


def test_what_the_memory_store_knows() -> None:
    """The memory store holds what is intended until the completion is over."""
    store = MemoryStore()
    desk = Scripted(store)
    desk.wants(STOP)
    assert store.intended == {"Sales@Agents": "stop"}
    desk.wants(UNLOAD)
    assert store.intended == {"Sales@Agents": "unload"}
    desk.wants(Settled("Sales@Agents"), Settled("Winback@Dialers"))
    assert store.intended == {}
    assert desk.board.failed == 0


def test_no_control_session() -> None:
    """While it is down nothing is sent, nor kept for later; a protocol that is not there is the same."""
    desk = Scripted()
    desk.control.registered = False
    with logged() as events:
        desk.wants(STOP, ASK)
    assert [event["log_level"] for event in events] == [LogLevel.warn] * 2
    desk.control.registered = True
    desk.wants(AskStatus("Sales@Agents", "direct", SALES, 9))
    assert desk.control.sent == []
    assert desk.board.sent == {"stop": 0, "unload": 0, "ask_status": 0}


# -------------------------------------------------------------------------------- the same, with the groups as they are


def pass_time(desk: Desk, seconds: float) -> None:
    """Time passes, in small steps."""
    desk.clock.pump([0.5] * round(seconds * 2))


def test_a_whole_completion() -> None:
    """Stop, then Unload, each written down before it leaves, and nothing is intended after the end."""
    store = SlowStore()
    desk = Desk(store=store)
    desk.exhaust()
    pass_time(desk, 59)
    assert store.intended == []
    pass_time(desk, 2)
    assert store.intended == [("Sales@Agents", "stop")]
    assert desk.control.steps == []
    store.writing[0].callback(None)
    assert desk.control.steps == ["stop"]
    desk.word(Word.STOPPED)
    pass_time(desk, 3)
    assert store.intended[1:] == [("Sales@Agents", "unload")]
    store.writing[1].callback(None)
    desk.word(Word.UNLOADED)
    assert desk.control.steps == ["stop", "unload"]
    assert store.over == ["Sales@Agents"]
    assert desk.group["completions"] == 1


@pytest.mark.parametrize("answers", [True, False])
def test_a_store_that_never_writes_does_not_hang_the_completion(answers: bool) -> None:
    """R20, R21: a Stop that cannot be written down is a silence: asked about, tried again, in the end failed."""

    class Failing(MemoryStore):
        def intend(self, group: str, step: str) -> Deferred[None]:
            return fail(OSError("disk full"))

    for store in (Failing(), SlowStore()):
        desk = Desk(store=store)
        desk.exhaust()
        answered = len(desk.control.sent)
        for _ in range(60):
            pass_time(desk, 2)
            if answers and len(desk.control.sent) > answered:
                answered = len(desk.control.sent)
                desk.status(Status.RUNNING)
        assert desk.control.steps == []
        assert desk.group["state"] == "failed"
        assert desk.board.timeline[-1]["loud"]
        if isinstance(store, SlowStore):
            assert store.over == ["Sales@Agents"]
            for writing in store.writing:
                writing.callback(None)
            assert desk.control.steps == []


def test_nothing_is_completed_while_the_control_session_is_down() -> None:
    """R17, R2: without a control session nothing is sent, however long it lasts; then the status is asked."""
    desk = Desk()
    desk.exhaust()
    desk.control.registered = False
    desk.board.observe(SourceLost("tevents"))
    pass_time(desk, 3600)
    assert desk.control.steps == []
    desk.control.registered = True
    asked = len(desk.control.sent)
    desk.board.observe(SourceConnected("tevents"))
    assert [step for step, _, _ in desk.control.sent[asked:]] == ["ask_status"]
    desk.status(Status.RUNNING)
    desk.board.observe(RecordRequested(7, "3001", SALES))
    desk.board.observe(DesktopError(7, "3001", SALES, no_records=True))
    pass_time(desk, 61)
    assert desk.control.steps == ["stop"]


def test_a_stop_written_after_the_group_is_wanted_again() -> None:
    """R22: OCS starts the group anew while our Stop is being written: the Stop never leaves."""
    store = SlowStore()
    desk = Desk(store=store)
    desk.exhaust()
    pass_time(desk, 61)
    desk.word(Word.STARTED)
    store.writing[0].callback(None)
    assert desk.control.steps == []
    assert store.over == ["Sales@Agents"]


# --------------------------------------------------------------------------------------------------------------- waking


def test_the_groups_are_woken_when_they_want() -> None:
    """What falls due is done at its time, by the clock that is passed in."""
    desk = Scripted()
    desk.wants(WakeAt(1010.0))
    desk.clock.advance(9.5)
    assert desk.groups.woken == []
    desk.clock.advance(0.5)
    assert desk.groups.woken == [1010.0]
    desk.clock.advance(100)
    assert desk.groups.woken == [1010.0]


def test_an_earlier_time_takes_the_place_of_a_later_one() -> None:
    """There is one alarm: the latest word on when to ring counts."""
    desk = Scripted()
    desk.wants(WakeAt(1010.0))
    desk.wants(WakeAt(1005.0))
    assert len(desk.clock.getDelayedCalls()) == 1
    desk.groups.wants = [WakeAt(1010.0)]
    desk.clock.advance(5)
    assert desk.groups.woken == [1005.0]
    desk.clock.advance(5)
    assert desk.groups.woken == [1005.0, 1010.0]


class StrictClock(Clock):
    """It sets no alarm for a time that has passed, as the reactor does not."""

    def callLater(self, delay: float, callable: Callable[..., object], *args: object, **kw: object) -> IDelayedCall:
        assert delay >= 0
        return super().callLater(delay, callable, *args, **kw)


def test_a_time_that_has_passed() -> None:
    """What was due before now is due now."""
    desk = Scripted(clock=StrictClock())
    desk.wants(WakeAt(900.0))
    desk.clock.advance(0)
    assert desk.groups.woken == [1000.0]


def test_an_alarm_that_rings_too_early() -> None:
    """A timer that is a little fast does no harm: what is due then is done then, once."""
    desk = Desk(clock=FastClock())
    desk.exhaust()
    pass_time(desk, 59)
    assert desk.control.steps == []
    pass_time(desk, 2)
    assert desk.control.steps == ["stop"]
    assert len(desk.clock.getDelayedCalls()) == 1


def test_nothing_is_woken_after_the_end() -> None:
    """A service that has ended leaves no timer behind, whatever is still seen while it ends."""
    desk = Scripted()
    desk.wants(WakeAt(1010.0))
    desk.board.close()
    assert desk.clock.getDelayedCalls() == []
    desk.wants(WakeAt(1020.0))
    desk.groups.mistake = ZeroDivisionError()
    desk.board.observe(MessageTaken(7, 1))
    assert desk.clock.getDelayedCalls() == []


# ------------------------------------------------------------------------------------------------------------- mistakes


@pytest.fixture
def mistakes() -> Iterator[list[LogEvent]]:
    """What is logged as failures."""
    with logged() as events:
        yield events


def failures(events: list[LogEvent]) -> list[str]:
    """The classes of exceptions that were logged."""
    return [event["log_failure"].type.__name__ for event in events if "log_failure" in event]


def test_groups_that_fail_when_woken(mistakes: list[LogEvent]) -> None:
    """A mistake of ours in waking is logged and counted, and the groups are woken again."""
    desk = Scripted()
    desk.wants(WakeAt(1010.0))
    desk.groups.mistake = ZeroDivisionError()
    desk.clock.advance(10)
    assert (desk.board.failed, failures(mistakes)) == (1, ["ZeroDivisionError"])
    desk.groups.mistake, desk.groups.wants = None, [ASK, WakeAt(1020.0)]
    desk.clock.advance(TRY_AGAIN)
    assert desk.control.sent == [("ask_status", 101, 8)]
    desk.clock.advance(10)
    assert desk.groups.woken == [1010.0, 1011.0, 1021.0]


def test_groups_that_fail_at_what_they_see(mistakes: list[LogEvent]) -> None:
    """R16: the session of which something was lost is blind from then on; nothing is swallowed; they are woken soon."""
    desk = Scripted()
    desk.groups.mistake = ZeroDivisionError()
    assert desk.board.observe(MessageTaken(7, 1)) is False
    assert desk.groups.seen == [MessageTaken(7, 1), SessionBlind(7)]
    assert desk.board.failed == 2
    desk.groups.mistake = None
    desk.clock.advance(TRY_AGAIN)
    assert desk.groups.woken == [1001.0]


def test_what_has_no_session_makes_none_blind(mistakes: list[LogEvent]) -> None:
    """A mistake about OCS's own word blinds nobody: the status will tell."""
    desk = Scripted()
    desk.groups.mistake = ZeroDivisionError()
    desk.word(Word.STARTED)
    assert len(desk.groups.seen) == 1
    assert desk.board.failed == 1


def test_one_mistake_is_logged_a_second(mistakes: list[LogEvent]) -> None:
    """Groups that fail at every message do not fill the disk with it; each one is counted."""
    desk = Scripted()
    desk.groups.mistake = ZeroDivisionError()
    for _ in range(100):
        desk.board.observe(MessageTaken(7, 1))
    assert (desk.board.failed, len(failures(mistakes))) == (200, 1)
    desk.clock.advance(TRY_AGAIN)
    desk.board.observe(MessageTaken(7, 1))
    assert len(failures(mistakes)) == 2


def test_a_command_that_fails_is_not_the_others_fault(mistakes: list[LogEvent]) -> None:
    """One request that cannot be made: counted; everything else is done, and the timer goes on."""

    class Failing(NotedControl):
        def stop(self, names: GroupNames, reference: int) -> None:
            raise DoesNotFit("a DBID too large")

    for store in (MemoryStore(), SlowStore()):
        desk = Scripted(store)
        desk.board.controls["tevents"] = control = Failing()
        desk.wants(STOP, ASK, WakeAt(1010.0))
        if isinstance(store, SlowStore):
            store.writing[0].callback(None)
        assert control.sent == [("ask_status", 101, 8)]
        assert desk.board.failed == 1
        assert desk.board.store_problem is None
        desk.clock.advance(10)
        assert desk.groups.woken == [1010.0]


def test_every_command_there_is_can_be_carried_out() -> None:
    """Nothing that the groups may want done is unknown to the switchboard."""
    assert set(Scripted().board._ways) | {Swallow} == set(get_args(Command))


def test_a_session_that_fails_to_tell(mistakes: list[LogEvent]) -> None:
    """An agent's session that makes a mistake keeps no other agent from being told."""

    class Telling:
        told = 0

        def tell(self, command: NotifyAgent) -> bool:
            self.told += 1
            if command.session == 7:
                raise ZeroDivisionError
            return True

    desk = Scripted()
    one, other = Telling(), Telling()
    desk.board.sessions.update({7: one, 8: other})
    desk.wants(*(NotifyAgent(number, "3001", Word.STOPPED, SALES, ()) for number in (7, 8, 9)))
    assert (one.told, other.told, desk.board.failed, desk.board.undeliverable) == (1, 1, 1, 1)


# ------------------------------------------------------------------------------------------------------------ time line


def test_the_time_line() -> None:
    """Each announcement with the time of day, the group, and whether somebody has to look at it."""
    desk = Scripted()
    with logged() as events:
        desk.wants(
            Announce(News.STARTED, "Sales@Agents", "run 1"),
            Announce(News.FAILED, "Sales@Agents"),
        )
    assert list(desk.board.timeline) == [
        {"time": 1e9 + 1000, "group": "Sales@Agents", "news": "started", "text": "run 1", "loud": False},
        {"time": 1e9 + 1000, "group": "Sales@Agents", "news": "completion failed", "text": "", "loud": True},
    ]
    assert [event["log_level"] for event in events] == [LogLevel.info, LogLevel.error]


def test_the_time_line_is_bounded() -> None:
    """The time line holds the latest thousand announcements, however long the proxy runs."""
    desk = Scripted()
    desk.wants(*(Announce(News.STARTED, "Sales@Agents", f"run {number}") for number in range(TIMELINE + 5)))
    assert len(desk.board.timeline) == TIMELINE == 1000
    assert desk.board.timeline[0]["text"] == "run 5"
