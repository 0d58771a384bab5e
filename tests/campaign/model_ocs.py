"""A small OCS with faults, and everybody around it, to play the groups against.

It keeps its own truth: what is in the calling list, in OCS's hands, with which agent; which session and run of a group
it is; what each desktop has heard. It knows none of the proxy's rules. All that the proxy is told comes over lines that
are slow, each in its own order; answers get lost, connections break, operators and schedules interfere. Where the proxy
does what it must never do, `Broken` is raised, with the seed and the last things that happened.

The same seed plays the same.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial
from itertools import count
from random import Random

from proxy.campaign.groups import Groups
from proxy.campaign.kept import Changes
from proxy.campaign.observation import (
    Action,
    ActionAcknowledged,
    ActionRequested,
    AgentHeard,
    Announce,
    AskStatus,
    CallReleased,
    Command,
    ControlAccepted,
    ControlRefused,
    ControlRequested,
    DesktopError,
    DnRegistered,
    GroupNames,
    News,
    NotifyAgent,
    Observation,
    RecordAdded,
    RecordCancelled,
    RecordDelivered,
    RecordRequested,
    Request,
    SessionEnded,
    SourceConnected,
    SourceLost,
    Status,
    StatusAsked,
    StatusHeard,
    Stop,
    Swallow,
    Unload,
    WaitingRecords,
    WakeAt,
    Word,
    WordHeard,
)
from proxy.campaign.policy import By, ConfiguredGroup, Control, Notify, Policy
from proxy.campaign.records import State
from proxy.campaign.sources import REPORTS

INTERVAL = 10.0
"""So often groups are reported, where only OCS's reports tell of them."""

LIST = "List"

SLOW, SLOWEST = 3.0, 8.0
"""How slow a desktop's line ever is, and the control session's, in seconds."""

HESITATES = 5.0
"""How long OCS may wait before it does what it said over HTTP that it would."""

LATEST = 3 * SLOWEST
"""After this long all that OCS said has arrived, unless it was lost."""

GIVES_UP = 500.0
"""How long OCS waits for an agent who left with a record."""

Tag = tuple[int, int]
"""A session and a run of a group, as OCS counts them."""


class Broken(AssertionError):
    """The proxy did what it must never do, or did not do what it must."""


@dataclass(frozen=True)
class Odds:
    """How likely things go wrong, or their own way; `drops`, `meddles`, `adds`, `kills` for each second."""

    lost: float = 0.0
    copied: float = 0.0
    slow: float = 0.0
    untold: float = 0.5
    drops: float = 0.0
    meddles: float = 0.0
    adds: float = 0.0
    appends: float = 0.0
    leaves: float = 0.0
    refused: float = 0.0
    rejects: float = 0.0
    reschedules: float = 0.0
    hesitates: float = 0.0
    kills: float = 0.0
    unwritten: float = 0.3


CALM = Odds()
WILD = Odds(
    lost=0.2,
    copied=0.3,
    slow=0.15,
    drops=0.01,
    meddles=0.012,
    adds=0.002,
    appends=0.15,
    leaves=0.03,
    refused=0.03,
    rejects=0.15,
    reschedules=0.08,
    hesitates=0.3,
)

KILLED = replace(WILD, kills=0.004)
"""The proxy is killed, and started again, every few minutes as well."""

# ------------------------------------------------------------------------------------------------------- what there is


class At(Enum):
    """Where a record is."""

    LIST = "in the list"
    HAND = "in OCS's hands"
    AGENT = "at an agent"
    LATER = "scheduled"
    FINAL = "final"


@dataclass(eq=False)
class Entry:
    """A record of a calling list; hidden while nobody who is seen by the proxy has seen it."""

    handle: str
    chain: str
    session: int
    is_hidden: bool = False
    at: At = At.LIST
    agent: Agent | None = None
    since: float = 0.0


class Life(Enum):
    """Where a group is."""

    UNLOADED = Status.NOT_LOADED
    LOADED = Status.ACTIVE
    RUNNING = Status.RUNNING
    UNLOADING = Status.WAITING_UNLOAD


@dataclass(eq=False)
class Truth:
    """A campaign group as it really is.

    `ended` is the run that ended last, `meant` the one that the proxy's last Stop was for, sent at `meant_at`.
    `changed`: when its life changed last. The rest is what nobody could know, for the judge to be fair: `untold`, the
    proxy has not been told how it changed; `is_blurred`, nor that a session ended before this one; `secret_run` began
    without a word; `is_late`, a record of an ended session arrived after its end; `doubted`, a client's request was
    left unanswered, at `ignored_at`, so that it may have armed, or disarmed, or not.
    """

    names: GroupNames
    events: GroupNames
    policy: Policy
    previewed: bool
    life: Life = Life.UNLOADED
    session: int = 0
    run: int = 0
    ended: Tag = (0, 0)
    meant: Tag = (0, 0)
    stopped_at: float = 0.0
    armed: bool = False
    changed: float = 0.0
    untold: bool = False
    is_blurred: bool = False
    is_late: bool = False
    doubted: bool = False
    ignored_at: float = -60.0
    secret_run: int = 0
    meant_at: float = 0.0
    waits: bool = False
    entries: list[Entry] = field(default_factory=list)
    agents: list[Agent] = field(default_factory=list)
    accepted: list[tuple[Request, int]] = field(default_factory=list)

    @property
    def tag(self) -> Tag:
        return self.session, self.run

    @property
    def mode(self) -> str:
        return "Preview" if self.previewed else "Predictive"

    def where(self, *places: At) -> list[Entry]:
        """The records at these places."""
        return [entry for entry in self.entries if entry.at in places]


@dataclass(eq=False)
class Desktop:
    """A connection of an agent's desktop, and what was heard there, of which run.

    One that comes back after the proxy was killed goes on with what was heard; `is_mixed` where it could be another's.
    """

    number: int
    up: Line
    down: Line
    began: float
    heard: list[tuple[Word, Tag]] = field(default_factory=list)
    is_mixed: bool = False


@dataclass(eq=False)
class Agent:
    """An agent, his desktops, and the records on them.

    `line` is OCS's way to his DN, `told` what the proxy said to him, `known` the session in which he showed himself as
    one of the group's, and when. `is_unsure`: he heard what may be news, or the answer to what he asked at `asked_at`.
    """

    dn: str
    truth: Truth
    line: Line
    desktops: list[Desktop] = field(default_factory=list)
    has: list[Entry] = field(default_factory=list)
    told: dict[Word, Tag] = field(default_factory=dict)
    known: tuple[int, float] = (0, 0.0)
    asked_at: float = -60.0
    is_unsure: bool = False
    cut_off: list[Desktop] = field(default_factory=list)


class Line:
    """One direction of a connection: what is sent arrives late, but in order."""

    def __init__(self, play: Play, slowest: float = SLOW) -> None:
        self._play = play
        self._slowest = slowest
        self._on_its_way: deque[Callable[[], object]] = deque()
        self._last = 0.0
        self._is_cut = False

    def send(self, arrives: Callable[[], object]) -> None:
        """Something is sent; `arrives` happens at the other end, unless the line is cut before."""
        if not self._is_cut:
            self._on_its_way.append(arrives)
            self._last = max(self._last, self._play.now + self._play.delay(self._slowest))
            self._play.after(self._last - self._play.now, self._arrive)

    def _arrive(self) -> None:
        if self._on_its_way:
            self._on_its_way.popleft()()

    def drain(self) -> None:
        """What is on its way arrives now."""
        while self._on_its_way:
            self._arrive()

    def cut(self) -> None:
        """Nothing arrives any more."""
        self._is_cut = True
        self._on_its_way.clear()


# ------------------------------------------------------------------------------------------------------------ the play


class Play:
    """An OCS, its groups, agents, a client and a proxy that stands between them.

    `speaks` is how the proxy asks for Stop and Unload; where that is HTTP, so does the client, now and then. `told_by`
    is where OCS's words are heard: on the Communication DN, or in its reports, which tell states, and cannot be asked.
    """

    def __init__(
        self,
        seed: int,
        by: By = By.PROXY,
        odds: Odds = WILD,
        speaks: Control = Control.TEVENTS,
        told_by: str = "tevents",
    ) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.speaks = speaks
        self.told_by = told_by
        self.odds = odds
        self.now = 0.0
        self.tale: deque[str] = deque(maxlen=150)
        self.did: dict[str, int] = {}
        self._queue: list[tuple[float, int, Callable[[], object]]] = []
        self._order, self.numbers, self._handles = count(), count(1), count(1000)
        self.truths = [self._group(by, number) for number in range(self.random.choice((1, 1, 2)))]
        self.agents = [agent for truth in self.truths for agent in truth.agents]
        self._began, self.disk, self.unwritten = 0.0, Changes(), Changes()
        self.groups = self._proxy(seed)
        self.judge = Judge(self)
        self.control = Session(self, told_by)
        self.http = Session(self, Control.OCS_HTTP.value)
        self.ocs = Ocs(self)
        self.client, self._client_up, self._client_down = next(self.numbers), Line(self), Line(self)
        self._wakes_at: float | None = None
        self.is_calm = False
        self.control.connects()
        if speaks is Control.OCS_HTTP:
            self.http.connects()
        if odds.kills:
            self._is_killed()
        for agent in self.agents:
            self._lives(agent)
        for truth in self.truths:
            self._is_meddled_with(truth)
            self.ocs.dials(truth)
            if told_by == REPORTS:
                self.ocs.reports(truth)

    def _group(self, by: By, number: int) -> Truth:
        shared = self.random.random() < 0.3
        campaign = f"Sales{number}"
        names = GroupNames(dbid=101 + number, name=f"{campaign}@Agents")
        policy = Policy(
            by=by,
            control=self.speaks,
            settle=40.0,
            settle_dialed=60.0,
            stale_after=900.0,
            notify=self.random.choice((Notify.MISSING, Notify.MISSING, Notify.MISSING, Notify.NEVER)),
        )
        events = GroupNames(campaign=campaign, name=names.name if shared else None)
        truth = Truth(names, events, policy, previewed=self.random.random() < 0.6)
        for agent in range(self.random.randint(1, 3)):
            truth.agents.append(Agent(f"{truth.names.dbid}{agent}", truth, Line(self)))
        return truth

    # ------------------------------------------------------------------------------------------- time, and chance

    def after(self, seconds: float, happens: Callable[[], object]) -> None:
        """Something happens later."""
        heapq.heappush(self._queue, (self.now + seconds, next(self._order), happens))

    def chance(self, odds: float) -> bool:
        """Whether something of these odds happens."""
        return self.random.random() < odds

    def delay(self, slowest: float) -> float:
        """How long something is on its way."""
        return self.random.uniform(0.5, slowest) if self.chance(self.odds.slow) else self.random.uniform(0.01, 0.3)

    def runs(self, seconds: float) -> None:
        """The play goes on for some time."""
        until = self.now + seconds
        while self._queue and self._queue[0][0] <= until:
            when, _, happens = heapq.heappop(self._queue)
            self.now = max(self.now, when)
            happens()
        self.now = until

    def tell(self, what: object) -> None:
        """Remember what happened, for whoever has to find out why."""
        self.tale.append(f"{self.now:9.2f} {what}")

    def counts(self, what: str) -> None:
        """Something happened once more."""
        self.did[what] = self.did.get(what, 0) + 1

    def broken(self, what: str) -> Broken:
        """What must not be."""
        return Broken("\n".join((f"seed {self.seed}, at {self.now:.2f}: {what}", *self.tale)))

    # ------------------------------------------------------------------------------------------------ the proxy

    def sees(self, observation: Observation) -> Sequence[Command]:
        """The proxy sees something, and does what it wants done."""
        self.tell(f"seen: {observation}")
        commands = self.groups.observe(observation, self._clock)
        at_once = isinstance(observation, AgentHeard) and observation.word not in _ALIVE
        return self._carry_out(commands, at_once)

    def _wakes(self, when: float) -> None:
        if self._wakes_at == when:
            self._wakes_at = None
            self._carry_out(self.groups.wake(self._clock))

    def _carry_out(self, commands: Sequence[Command], written: bool = False) -> Sequence[Command]:
        self._writes(written or any(isinstance(command, Stop | Unload | NotifyAgent) for command in commands))
        for command in commands:
            if isinstance(command, WakeAt):
                if command.when <= self._clock:
                    raise self.broken("a wake in the past would never end")
                self._wakes_at = command.when
                self.after(max(1e-6, command.when - self._clock), partial(self._wakes, command.when))
                continue
            self.tell(f"    {command}")
            self.counts(type(command).__name__)
            self.judge.sees(command)
            if isinstance(command, Stop | Unload | AskStatus):
                self._sends(command)
        return commands

    def _sends(self, command: Stop | Unload | AskStatus) -> None:
        truth = self.truth(command.group)
        if command.control == self.told_by:
            self.control.sends(partial(self.ocs.is_asked_by_proxy, truth, command))
        else:
            assert not isinstance(command, AskStatus)
            self.http.sends(partial(self.ocs.is_asked_by_proxy_over_http, truth, command))

    # ---------------------------------------------------------------------------------------- the proxy is killed

    def _proxy(self, instance: int) -> Groups:
        return Groups(Policy(), [ConfiguredGroup(truth.names, truth.policy) for truth in self.truths], instance)

    @property
    def _clock(self) -> float:
        """The proxy's own clock: it begins anew with each proxy."""
        return self.now - self._began + 100.0

    def _writes(self, at_once: bool) -> None:
        """What changed is written down a little later, but for what has to be written before anything is done."""
        if self.odds.kills:
            self.unwritten.add(self.groups.take_changes(self._clock, self.now))
            if at_once or not self.chance(self.odds.unwritten):
                self.disk.add(self.unwritten)
                self.unwritten = Changes()

    def _is_killed(self) -> None:
        self.after(self.random.uniform(1, 10), self._is_killed)
        if self.chance(self.odds.kills * 5):
            self.kills()

    def kills(self) -> None:
        """The proxy is killed, and started again: what it had not written is lost, and so is every connection."""
        self.tell("the proxy is killed")
        self.counts("kills")
        for agent in self.agents:
            self._is_cut_off(agent)
        self._cuts(self._client_up, self._client_down)
        self.client, self._client_up, self._client_down = next(self.numbers), Line(self), Line(self)
        self.control.is_cut()
        self.http.is_cut()
        self._forgets()
        self.unwritten = Changes()
        self._began, self._wakes_at = self.now, None
        self.groups = self._proxy(self.random.getrandbits(14))
        self._carry_out(self.groups.take_up(self.disk, self._clock, self.now))

    def _forgets(self) -> None:
        """Nobody is to blame for what the proxy cannot know any more."""
        kept = {record.handle: record.state for record in self.disk.records.values() if record is not None}
        dns = {dn for _, _, dn in self.disk.agents}
        for truth in self.truths:
            truth.untold = True
            if self.unwritten:
                truth.doubted, truth.secret_run = True, truth.run
            for entry in truth.entries:
                if entry.at is not At.LIST and entry.handle not in kept:
                    entry.is_hidden = truth.is_late = True
                elif entry.at is At.AGENT and kept[entry.handle] is not State.OUTSTANDING:
                    truth.is_late = True
            for agent in truth.agents:
                agent.is_unsure = agent.is_unsure or bool(self.unwritten)
                if agent.dn not in dns:
                    agent.known = (0, 0.0)

    def _is_cut_off(self, agent: Agent) -> None:
        for desktop in agent.desktops:
            self._cuts(desktop.up, desktop.down)
            desktop.is_mixed = desktop.is_mixed or len(agent.desktops) > 1
        agent.cut_off, agent.desktops = agent.desktops, []

    def _cuts(self, up: Line, down: Line) -> None:
        if self.chance(0.5):
            up.drain()
        up.cut()
        down.cut()

    def truth(self, title: str) -> Truth:
        """The group of this name."""
        return next(truth for truth in self.truths if truth.names.name == title)

    # ---------------------------------------------------------------------------------------------- the agents

    def _lives(self, agent: Agent) -> None:
        """What an agent does, again and again."""
        self.after(self.random.uniform(2, 8), partial(self._lives, agent))
        if not agent.desktops:
            if self.is_calm or self.chance(0.1):
                self.logs_in(agent)
            return
        if self.chance(self.odds.drops * 5):
            self.drops(agent, self.random.choice(agent.desktops))
            return
        if self.chance(self.odds.drops * 5) and len(agent.desktops) < 2:
            self.logs_in(agent)
        if self.chance(self.odds.drops * 5):
            agent.asked_at = self.now
            self.sees(StatusAsked(agent.desktops[0].number, agent.dn))
            agent.desktops[0].up.send(partial(self.ocs.is_asked_for_campaigns, agent))
        if self.chance(self.odds.adds * 5):
            self.sees(RecordAdded(agent.desktops[0].number, agent.dn, agent.truth.events))
            agent.desktops[0].up.send(partial(self.ocs.adds, agent.truth))
        if agent.has:
            self._acts(agent, agent.has[0])
        elif agent.truth.previewed:
            self._asks(agent)

    def logs_in(self, agent: Agent) -> None:
        """A desktop of the agent more."""
        desktop = Desktop(next(self.numbers), Line(self), Line(self), self.now)
        if agent.cut_off:
            former = agent.cut_off.pop()
            desktop.began, desktop.heard, desktop.is_mixed = former.began, former.heard, former.is_mixed
        agent.desktops.append(desktop)
        self.sees(DnRegistered(desktop.number, agent.dn))

    def drops(self, agent: Agent, desktop: Desktop) -> None:
        """A desktop is gone; what is on its way to the other side is delivered first, as by any good relay."""
        desktop.up.drain()
        agent.line.drain()
        desktop.down.drain()
        desktop.up.cut()
        desktop.down.cut()
        agent.desktops.remove(desktop)
        self.sees(SessionEnded(desktop.number))

    def _asks(self, agent: Agent) -> None:
        desktop = self.random.choice(agent.desktops)
        reference = self._reference()
        self.sees(RecordRequested(desktop.number, agent.dn, agent.truth.events, reference))
        desktop.up.send(partial(self.ocs.is_asked_for_a_record, agent, reference))

    def _reference(self) -> str | None:
        return str(next(self.numbers)) if self.chance(0.7) else None

    def _acts(self, agent: Agent, entry: Entry) -> None:
        if self.chance(self.odds.leaves):
            for desktop in list(agent.desktops):
                self.drops(agent, desktop)
            return
        if self.chance(0.5) and not self.is_calm:
            return  # he talks
        if not agent.truth.previewed and self.chance(0.5):
            for desktop in agent.desktops:
                desktop.down.send(
                    partial(self.sees, CallReleased(desktop.number, agent.dn, GroupNames(), entry.handle))
                )
        agent.has.remove(entry)
        if agent.truth.session - entry.session > 1:
            return  # of long ago
        desktop, reference = self.random.choice(agent.desktops), self._reference()
        action = self._action() if entry.at is At.AGENT and entry.agent is agent else Action.PROCESS
        self.sees(
            ActionRequested(desktop.number, agent.dn, agent.truth.events, action, entry.handle, reference=reference)
        )
        desktop.up.send(partial(self.ocs.is_told_of_a_record, agent, entry, entry.handle, action, reference))

    def _action(self) -> Action:
        if self.chance(self.odds.rejects):
            return Action.REJECT
        if self.chance(self.odds.reschedules):
            return Action.RESCHEDULE
        return self.random.choice((Action.PROCESS, Action.PROCESS, Action.PROCESS, Action.CANCEL, Action.DO_NOT_CALL))

    def hears(self, agent: Agent, desktop: Desktop, word: Word, tag: Tag) -> None:
        """OCS's word on the group reaches a desktop, unless the proxy swallows it."""
        mode = agent.truth.mode if word is Word.STARTED else None
        if word in _ALIVE and self.now - agent.asked_at <= agent.truth.policy.answer_timeout:
            agent.is_unsure = True  # news, or the answer to his question: nobody can tell
        if agent.known[0] != tag[0]:
            agent.known = (tag[0], self.now)
        commands = self.sees(AgentHeard(desktop.number, agent.dn, agent.truth.events, word, mode))
        if Swallow() in commands:
            self.judge.sees_swallowed(agent, word, tag)
        else:
            desktop.heard.append((word, tag))

    # ----------------------------------------------------------------------------------- operators and schedules

    def _is_meddled_with(self, truth: Truth) -> None:
        self.after(self.random.uniform(1, 10), partial(self._is_meddled_with, truth))
        if self.is_calm:
            return
        if self.chance(self.odds.meddles * 5 * (1 if truth.life is Life.RUNNING else 4)):
            request, values = self._wish(truth), self.random.choice(((1,), (1,), (1,), ("1",), (0,), ()))
            if self.chance(0.15):
                self.ocs.follows_a_schedule(truth, request)
            else:
                self.asks_for(truth, request, *values)
        if self.chance(self.odds.drops):
            self.control.drops()
        if self.speaks is Control.OCS_HTTP and self.chance(self.odds.drops):
            self.http.drops()

    def _wish(self, truth: Truth) -> Request:
        sensible = {Life.UNLOADED: Request.LOAD, Life.LOADED: Request.START}.get(truth.life)
        return sensible if sensible is not None and self.chance(0.7) else self.random.choice(list(Request))

    def asks_for(self, truth: Truth, request: Request, *values: object) -> None:
        """A client's request passes."""
        reference = str(next(self.numbers))
        names = GroupNames(dbid=truth.names.dbid)
        self.sees(ControlRequested(self.client, names, request, values, truth.mode, reference))
        over_http = self.speaks is Control.OCS_HTTP and self.chance(0.7)
        self._client_up.send(partial(self.ocs.is_asked_by_client, truth, request, values, reference, over_http))

    def client_hears(self, observation: Observation) -> None:
        """OCS answers the client."""
        self._client_down.send(partial(self.sees, observation))

    # --------------------------------------------------------------------------------------------- a calm day

    def ends_well(self) -> None:
        """Faults cease, everybody does his work: the proxy completes every group within its time."""
        self.is_calm, self.odds = True, CALM
        self.runs(LATEST)
        self.control.connects()
        if self.speaks is Control.OCS_HTTP:
            self.http.connects()
        self.judge.completed.clear()
        self.judge.crossed.clear()
        for truth in self.truths:
            self._is_wanted(truth)
        bound = max(truth.policy.stale_after + 2 * truth.policy.settle_dialed for truth in self.truths) + GIVES_UP + 300
        self.runs(bound)
        for truth in self.truths:
            self.judge.sees_the_end(truth)

    def _is_wanted(self, truth: Truth) -> None:
        """An operator sees to it that the group runs, armed, and has at least one record."""
        self.runs(60)
        if truth.life is Life.RUNNING:
            self.asks_for(truth, Request.STOP)
            self.runs(15)
        if truth.life is Life.UNLOADED and truth.is_late:
            self.asks_for(truth, Request.LOAD)
            self.runs(15)
        if truth.life is Life.LOADED and (truth.is_blurred or truth.is_late or self.chance(0.5)):
            self.asks_for(truth, Request.UNLOAD)
            self.runs(60)
        if truth.life is Life.UNLOADED:
            self.asks_for(truth, Request.LOAD, 1)
            self.runs(15)
        self.ocs.adds(truth)
        self.asks_for(truth, Request.START, 1)
        self.runs(5)


class Session:
    """The proxy's own way to OCS and back: its control session, or HTTP."""

    def __init__(self, play: Play, name: str) -> None:
        self._play = play
        self._name = name
        self._up = self._down = Line(play)
        self.is_connected = False

    def connects(self) -> None:
        """It is registered."""
        if not self.is_connected:
            self.is_connected = True
            self._up, self._down = Line(self._play, SLOWEST), Line(self._play, SLOWEST)
            self._play.sees(SourceConnected(self._name))

    def drops(self) -> None:
        """It breaks; what is on its way may be lost, either way. It comes back."""
        if self.is_connected:
            if self._play.chance(0.5):
                self._up.drain()
            self._up.cut()
            self._down.cut()
            self.is_connected = False
            self._play.sees(SourceLost(self._name))
            self._play.after(self._play.random.uniform(0.5, 90), self.connects)

    def is_cut(self) -> None:
        """The proxy at its end is gone. It comes back."""
        if self.is_connected:
            if self._play.chance(0.5):
                self._up.drain()
            self._up.cut()
            self._down.cut()
            self.is_connected = False
            self._play.after(self._play.random.uniform(0.5, 60), self.connects)

    def sends(self, arrives: Callable[[], object]) -> None:
        """The proxy sends a request."""
        if not self.is_connected:
            raise self._play.broken("a request without a control session")
        self._up.send(arrives)

    def hears(self, observation: Observation, then: Callable[[], object] | None = None) -> None:
        """OCS says something to all who are registered; `then` when it has been heard."""

        def arrives() -> None:
            self._play.sees(observation)
            if then is not None:
                then()

        if self.is_connected:
            self._down.send(arrives)


# ------------------------------------------------------------------------------------------------------------- the OCS


class Ocs:
    """The dialer: it does what it is asked where its state allows, and says so, or forgets to."""

    def __init__(self, play: Play) -> None:
        self._play = play

    # ------------------------------------------------------------------------------------------ what it is asked

    def is_asked_by_client(
        self, truth: Truth, request: Request, values: tuple[object, ...], reference: str, over_http: bool
    ) -> None:
        """A client's request: done and told, done and not told, refused, or ignored.

        Over HTTP the client is told, and no word carries his reference.
        """
        play = self._play
        if play.chance(play.odds.lost / 2):
            truth.doubted = True
            truth.ignored_at = play.now
            play.tell(f"OCS ignores {request} of a client")
            return
        lost = play.chance(play.odds.lost / 2)
        if not self._does(truth, request, self._unknown() if over_http else reference, lost):
            self._refuses(truth, reference, play.client, over_http)
            truth.doubted = truth.doubted or not play.control.is_connected
            return
        if over_http:
            lost = play.chance(play.odds.lost / 2)
            if not lost:
                play.client_hears(ControlAccepted(play.client, GroupNames(dbid=truth.names.dbid), reference))
        if request in (Request.LOAD, Request.START, Request.SET_MODE):
            truth.armed = values[-1:] in ((1,), ("1",))
            play.tell(f"{truth.names.name} is {'armed' if truth.armed else 'not armed'}")
            truth.doubted = lost or not play.control.is_connected or play.now - truth.ignored_at < 60

    def follows_a_schedule(self, truth: Truth, request: Request) -> None:
        """A schedule, or another console."""
        if self._does(truth, request, None, lost=False) and request is Request.LOAD:
            truth.armed = False
            truth.doubted = True  # a client's Load that was ignored looks the same

    def is_asked_by_proxy(self, truth: Truth, command: Stop | Unload | AskStatus) -> None:
        """Stop, Unload or a status request of the proxy."""
        play = self._play
        reference = str(command.reference)
        if play.chance(play.odds.lost):
            play.tell(f"OCS ignores {command}")
            return
        if isinstance(command, AskStatus):
            self._answers(truth, reference)
            return
        if not self._does_for_proxy(truth, command, reference) and not play.chance(play.odds.lost):
            self._refuses(truth, reference)

    def is_asked_by_proxy_over_http(self, truth: Truth, command: Stop | Unload) -> None:
        """Stop or Unload over HTTP: taken and done at once or soon, refused, or lost; the reply may be lost as well."""
        play = self._play
        if play.chance(play.odds.lost):
            play.tell(f"OCS ignores {command}")
            return
        told = ControlAccepted
        if play.chance(play.odds.hesitates) and truth.life is (
            Life.RUNNING if isinstance(command, Stop) else Life.LOADED
        ):
            soon = play.random.uniform(0, HESITATES)
            play.after(soon, partial(self._does_for_proxy, truth, command, self._unknown()))
        elif not self._does_for_proxy(truth, command, self._unknown()):
            told = ControlRefused
        if not play.chance(play.odds.lost):
            play.counts(f"{told.__name__} over HTTP")
            play.http.hears(told(0, truth.names, str(command.reference)))

    def _does_for_proxy(self, truth: Truth, command: Stop | Unload, reference: str | None) -> bool:
        """Do what the proxy asked for, where that is possible; it must not be asked for twice."""
        play = self._play
        request = Request.STOP if isinstance(command, Stop) else Request.UNLOAD
        if play.chance(play.odds.appends):
            self._is_appended_to(truth)
        if truth.life is Life.UNLOADING and request is Request.UNLOAD and (request, truth.session) in truth.accepted:
            raise play.broken("a second Unload for a session")
        if not self._does(truth, request, reference, play.chance(play.odds.lost)):
            return False
        play.counts(f"{request.value} accepted")
        key = truth.run if request is Request.STOP else truth.session
        if (request, key) in truth.accepted:
            raise play.broken(f"a second {request.value} accepted")
        truth.accepted.append((request, key))
        return True

    def _unknown(self) -> str | None:
        """The reference of a word on what was asked for over HTTP: OCS's own, or none."""
        return self._play.random.choice((None, f"ocs {next(self._play.numbers)}"))

    def _answers(self, truth: Truth, reference: str) -> None:
        play = self._play
        if play.chance(play.odds.lost):
            return
        self._tells_status(truth, reference if play.chance(0.8) else None)

    def _tells_status(self, truth: Truth, reference: str | None) -> None:
        play = self._play
        mode = truth.mode if truth.life is Life.RUNNING else None
        heard = partial(self._is_told, truth, truth.changed)
        play.control.hears(StatusHeard(truth.names, truth.life.value, play.told_by, mode, reference), heard)

    def reports(self, truth: Truth) -> None:
        """A report, every now and then."""
        self._play.after(INTERVAL, partial(self.reports, truth))
        self._tells_status(truth, None)

    def _is_told(self, truth: Truth, changed: float) -> None:
        if truth.changed == changed:
            truth.untold = False

    def _refuses(self, truth: Truth, reference: str, client: int | None = None, over_http: bool = False) -> None:
        """All who are registered hear it, and so does the client; over HTTP he alone."""
        names = GroupNames(dbid=truth.names.dbid)
        self._play.tell(f"OCS refuses {reference}")
        if not over_http:
            self._play.control.hears(ControlRefused(0, names, reference))
        if client is not None:
            self._play.client_hears(ControlRefused(client, names, reference))

    # ------------------------------------------------------------------------------------------------ what it does

    def _does(self, truth: Truth, request: Request, reference: str | None, lost: bool) -> bool:
        """Do what is asked, and tell; False where the state of the group does not allow it."""
        self._play.tell(f"OCS: {request} while {truth.life}, {truth.tag}{', and nobody is told' if lost else ''}")
        if request is Request.LOAD and truth.life is Life.UNLOADED:
            truth.session += 1
            truth.is_blurred = truth.untold
            truth.entries = [self._entry(truth) for _ in range(self._play.random.randint(1, 6))]
            self._turns(truth, Life.LOADED, Word.LOADED, reference, lost)
        elif request is Request.START and truth.life is Life.LOADED:
            truth.run += 1
            if lost or not self._play.control.is_connected:
                truth.secret_run = truth.run
            self._turns(truth, Life.RUNNING, Word.STARTED, reference, lost)
        elif request is Request.SET_MODE and truth.life is Life.RUNNING:
            self._says(truth, Word.MODE_CHANGED, reference, lost)
        elif request is Request.STOP and truth.life is Life.RUNNING:
            self._stops(truth, reference, lost)
        elif request is Request.UNLOAD and truth.life in (Life.LOADED, Life.RUNNING):
            if truth.life is Life.RUNNING:
                self._stops(truth, None, lost)
            truth.life = Life.UNLOADING
            seconds = self._play.random.choice((0.1, 0.1, 5, 25))
            self._play.after(seconds, partial(self._unloads, truth, reference, lost))
        else:
            return False
        return True

    def _stops(self, truth: Truth, reference: str | None, lost: bool) -> None:
        truth.waits = False
        truth.ended = truth.tag
        truth.stopped_at = self._play.now
        self._turns(truth, Life.LOADED, Word.STOPPED, reference, lost)

    def _unloads(self, truth: Truth, reference: str | None, lost: bool) -> None:
        truth.ended = truth.tag
        truth.entries, truth.is_late = [], False
        self._turns(truth, Life.UNLOADED, Word.UNLOADED, reference, lost)

    def _turns(self, truth: Truth, life: Life, word: Word, reference: str | None, lost: bool) -> None:
        truth.life = life
        truth.changed = self._play.now
        truth.untold = True
        self._says(truth, word, reference, lost)
        for agent in truth.agents:
            forgotten = word in (Word.STOPPED, Word.UNLOADED) and self._play.chance(self._play.odds.untold)
            if not forgotten:
                self._to(agent, partial(self._play.hears, word=word, tag=truth.tag))

    def _says(self, truth: Truth, word: Word, reference: str | None, lost: bool) -> None:
        play = self._play
        if lost:
            return
        if play.told_by == REPORTS:
            self._tells_status(truth, None)
            return
        mode = truth.mode if word in (Word.STARTED, Word.MODE_CHANGED) else None
        said = reference if play.chance(0.8) else None
        heard = partial(self._is_told, truth, truth.changed)
        for _ in range(1 + play.chance(play.odds.copied)):
            play.control.hears(WordHeard(truth.names, word, play.told_by, mode, said), heard)

    def _to(self, agent: Agent, arrives: Callable[[Agent, Desktop], None]) -> None:
        """OCS's event goes to a DN, and from there to every desktop that is registered."""

        def is_distributed() -> None:
            for desktop in agent.desktops:
                desktop.down.send(partial(arrives, agent, desktop))

        agent.line.send(is_distributed)

    def is_asked_for_campaigns(self, agent: Agent) -> None:
        """CampaignStatusRequest."""
        truth = agent.truth
        word = {Life.LOADED: Word.LOADED, Life.RUNNING: Word.STARTED}.get(truth.life)
        if word is not None:
            self._to(agent, partial(self._play.hears, word=word, tag=truth.tag))

    # -------------------------------------------------------------------------------------------------- records

    def _entry(self, truth: Truth) -> Entry:
        handle = self._handle()
        return Entry(handle, f"chain {handle}", truth.session)

    def _handle(self) -> str:
        return str(next(self._play._handles))

    def adds(self, truth: Truth) -> None:
        """AddRecord."""
        if truth.life in (Life.LOADED, Life.RUNNING):
            truth.entries.append(self._entry(truth))

    def _is_appended_to(self, truth: Truth) -> None:
        """Somebody writes to the calling list, and an agent gets that record before the dialer stops."""
        idle = [agent for agent in truth.agents if agent.desktops and not agent.has]
        if truth.life is Life.RUNNING and idle:
            entry = self._entry(truth)
            entry.is_hidden = True
            truth.entries.append(entry)
            self._delivers(idle[0], entry, None, "PreviewRecord")

    def is_asked_for_a_record(self, agent: Agent, reference: str | None) -> None:
        """PreviewRecordRequest."""
        truth, play = agent.truth, self._play
        entry = next(iter(truth.where(At.HAND) or truth.where(At.LIST)), None)
        if truth.life is Life.RUNNING and entry is not None:
            self._delivers(agent, entry, reference, "PreviewRecord")
        elif not play.chance(play.odds.lost):
            no_records = truth.life is Life.RUNNING
            self._to(agent, partial(self._says_error, no_records=no_records, handle=None, reference=reference))

    def _says_error(
        self, agent: Agent, desktop: Desktop, no_records: bool, handle: str | None, reference: str | None
    ) -> None:
        names = agent.truth.events if no_records or handle is not None else GroupNames()
        self._play.sees(DesktopError(desktop.number, agent.dn, names, no_records, handle, reference))

    def _delivers(self, agent: Agent, entry: Entry, reference: str | None, *events: str) -> None:
        if entry.at in (At.HAND, At.LATER) and self._play.chance(0.3):
            entry.handle = self._handle()
        entry.at, entry.agent, entry.since = At.AGENT, agent, self._play.now
        handle = entry.handle
        for event in events:
            self._to(agent, partial(self._arrives, entry=entry, handle=handle, event=event, reference=reference))

    def _arrives(
        self, agent: Agent, desktop: Desktop, entry: Entry, handle: str, event: str, reference: str | None
    ) -> None:
        agent.truth.is_late = agent.truth.is_late or entry not in agent.truth.entries
        agent.known = (agent.truth.session, agent.known[1] if agent.known[0] == agent.truth.session else self._play.now)
        self._play.sees(
            RecordDelivered(
                desktop.number,
                agent.dn,
                agent.truth.events,
                event,
                handle,
                telephony=event.startswith("Event"),
                calling_list=LIST,
                chain=entry.chain,
                reference=reference,
            )
        )
        entry.is_hidden = False
        is_his = entry.at is At.AGENT and entry.agent is agent and entry.handle == handle
        if is_his and event != "EventEstablished" and entry not in agent.has and desktop is agent.desktops[0]:
            agent.has.append(entry)

    def is_told_of_a_record(
        self, agent: Agent, entry: Entry, handle: str, action: Action, reference: str | None
    ) -> None:
        """An agent is done with a record, one way or the other."""
        play = self._play
        is_his = entry.at is At.AGENT and entry.agent is agent
        if (is_his and play.chance(play.odds.refused)) or entry.at not in (At.AGENT, At.FINAL):
            if is_his:
                agent.has.append(entry)
            self._to(agent, partial(self._says_error, no_records=False, handle=handle, reference=reference))
            return
        if is_his:
            self._settles(entry, action)
        if not play.chance(play.odds.lost):
            bare = reference is not None and play.chance(0.5)
            self._to(agent, partial(self._acknowledges, action=action, handle=handle, reference=reference, bare=bare))

    def _settles(self, entry: Entry, action: Action) -> None:
        entry.at = {Action.REJECT: At.HAND, Action.RESCHEDULE: At.LATER}.get(action, At.FINAL)
        if entry.at is At.LATER:
            entry.since = self._play.now + self._play.random.uniform(20, 150)

    def _acknowledges(
        self, agent: Agent, desktop: Desktop, action: Action, handle: str, reference: str | None, bare: bool
    ) -> None:
        names = GroupNames() if bare else agent.truth.events
        said = None if bare else handle
        self._play.sees(ActionAcknowledged(desktop.number, agent.dn, names, action, said, reference))

    def dials(self, truth: Truth) -> None:
        """What OCS does by itself, again and again: callbacks, dialing, statistics, and records whose agent left."""
        play = self._play
        play.after(play.random.uniform(1, 4), partial(self.dials, truth))
        for entry in truth.where(At.AGENT):
            assert entry.agent is not None
            if not entry.agent.desktops and play.now - entry.since > GIVES_UP:
                entry.at = play.random.choice((At.FINAL, At.HAND))
            elif entry in entry.agent.has and entry.agent.desktops and play.chance(0.02) and not play.is_calm:
                self._cancels(entry.agent, entry)
        if truth.life is not Life.RUNNING:
            return
        idle = [agent for agent in truth.agents if agent.desktops and not agent.has]
        due = [entry for entry in truth.where(At.LATER) if entry.since <= play.now]
        if idle and due:
            self._delivers(idle[0], due[0], None, "ScheduledCall")
        elif idle and not truth.previewed:
            self._dials_next(truth, idle)
        if not truth.previewed:
            self._has_statistics(truth)

    def _dials_next(self, truth: Truth, idle: list[Agent]) -> None:
        entry = next(iter(truth.where(At.HAND) or truth.where(At.LIST)), None)
        if entry is not None:
            self._delivers(self._play.random.choice(idle), entry, None, "EventRinging", "EventEstablished")

    def _cancels(self, agent: Agent, entry: Entry) -> None:
        entry.at = At.FINAL
        agent.has.remove(entry)
        handle = entry.handle

        def arrives(agent: Agent, desktop: Desktop) -> None:
            self._play.sees(RecordCancelled(desktop.number, agent.dn, agent.truth.events, handle))

        self._to(agent, arrives)

    def _has_statistics(self, truth: Truth) -> None:
        """Each retrieval that brings nothing says so again."""
        waits = not truth.where(At.LIST, At.HAND)
        if waits != truth.waits or (waits and self._play.chance(0.1)):
            truth.waits = waits
            self._play.control.hears(WaitingRecords(truth.names, self._play.told_by, over=not waits))


# ------------------------------------------------------------------------------------------------------------ the judge


class Judge:
    """Looks at what the proxy does, and at the truth."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self.completed: dict[GroupNames, int] = {}
        self.crossed: set[GroupNames] = set()

    def sees(self, command: Command) -> None:
        """The proxy does something."""
        if isinstance(command, Stop):
            self._sees_stop(self._play.truth(command.group))
        elif isinstance(command, Unload):
            self._sees_unload(self._play.truth(command.group))
        elif isinstance(command, NotifyAgent):
            self._sees_notified(command)
        elif isinstance(command, Announce) and command.news is News.COMPLETED:
            self._sees_completed(self._play.truth(command.group))
        elif isinstance(command, Announce) and command.news is News.STOPPED_WITH_RECORDS:
            self.crossed.add(self._play.truth(command.group).names)

    def _could_be_known(self, truth: Truth) -> bool:
        """Whether the proxy could know how the group is: OCS has told, and that is no longer on its way."""
        return not truth.untold and self._play.now - truth.changed > LATEST

    def _sees_stop(self, truth: Truth) -> None:
        self._must_complete(truth)
        truth.meant, truth.meant_at = truth.tag, self._play.now
        if truth.life is not Life.RUNNING or not self._could_be_known(truth):
            return
        if not truth.armed and not truth.doubted:
            raise self._play.broken("Stop to a group that is not armed")
        left = self._left(truth, At.LIST, At.HAND, At.AGENT, At.LATER)
        if left:
            raise self._play.broken(f"Stop, and there are {[(entry.handle, entry.at.value) for entry in left]}")

    def _left(self, truth: Truth, *places: At) -> list[Entry]:
        """The records at these places, as far as they can be known and still hold the group."""

        def holds(entry: Entry) -> bool:
            is_stale = entry.at is At.AGENT and self._play.now - entry.since >= truth.policy.stale_after
            return not is_stale and not entry.is_hidden

        return [entry for entry in truth.where(*places) if holds(entry)]

    def _sees_unload(self, truth: Truth) -> None:
        self._must_complete(truth)
        if truth.life is Life.RUNNING and self._could_be_known(truth):
            raise self._play.broken("Unload to a group that runs")
        held = self._left(truth, At.AGENT, At.HAND, At.LATER)
        if truth.life is Life.LOADED and held and not truth.untold:
            raise self._play.broken(f"Unload, and there are {[(entry.handle, entry.at.value) for entry in held]}")

    def _must_complete(self, truth: Truth) -> None:
        if truth.policy.by is not By.PROXY:
            raise self._play.broken(f"by = {truth.policy.by.value}, and the proxy speaks")

    def _sees_notified(self, command: NotifyAgent) -> None:
        for agent in self._play.agents:
            for desktop in agent.desktops:
                if (desktop.number, agent.dn) == (command.session, command.dn):
                    self._must_complete(agent.truth)
                    if agent.truth.policy.notify is Notify.NEVER:
                        raise self._play.broken("notify = never, and an agent is told")
                    desktop.heard.append((command.word, agent.truth.ended))
                    agent.told[command.word] = agent.truth.ended
                    agent.is_unsure = False
                    return
        raise self._play.broken("a session that is gone is told")

    def sees_swallowed(self, agent: Agent, word: Word, tag: Tag) -> None:
        """OCS's own word did not pass: it must be one too many."""
        self._must_complete(agent.truth)
        if agent.told.get(word) != tag and not agent.is_unsure and agent.truth.secret_run != tag[1]:
            raise self._play.broken(f"{agent.dn} lost {word} of {tag}, and was told {agent.told}")

    def _sees_completed(self, truth: Truth) -> None:
        self._must_complete(truth)
        self.completed[truth.names] = self.completed.get(truth.names, 0) + 1
        if truth.policy.notify is Notify.MISSING:
            self._play.after(truth.policy.notify_wait + LATEST, partial(self._everybody_has_heard, truth, truth.ended))

    def _everybody_has_heard(self, truth: Truth, ended: Tag) -> None:
        """Each desktop that lived through it heard Stopped, then Unloaded, once each."""
        if truth.life is not Life.UNLOADED or truth.tag != ended or truth.meant != ended:
            return  # wanted again, meanwhile
        if truth.stopped_at < truth.meant_at:
            return  # it was stopped already, and the agents may have been told
        for agent in truth.agents:
            for desktop in agent.desktops:
                is_known = agent.known[0] == ended[0] and agent.known[1] < truth.stopped_at
                if is_known and desktop.began < truth.stopped_at - LATEST and not desktop.is_mixed:
                    self._play.counts("desktops that heard both")
                    words = [word for word, tag in desktop.heard if tag == ended and word not in _ALIVE]
                    if words != [Word.STOPPED, Word.UNLOADED]:
                        raise self._play.broken(f"{agent.dn} on {desktop.number} heard {words} of {ended}")

    def sees_the_end(self, truth: Truth) -> None:
        """A calm day is over: the group was completed."""
        self._play.tell(self._play.groups.status(self._play._clock))
        if truth.life is not Life.UNLOADED:
            raise self._play.broken(f"{truth.names.name} was never completed; it is {truth.life}")
        if not self.completed.get(truth.names) and truth.names not in self.crossed:  # a Start met our Unload halfway
            raise self._play.broken(f"{truth.names.name} was not completed by the proxy")


_ALIVE = (Word.LOADED, Word.STARTED, Word.MODE_CHANGED)
