"""The shift of model_ocs with several proxies that share the groups: real members and boards, and a Redis with faults.

Desktops and the client are spread over the proxies; each proxy has a session with OCS of its own, and hears all of
OCS's words. Proxies die, and others come; ways to Redis are slow, stall, and break; the lead goes from one to another.
An `auditor` applies the stream as it is written: what it holds, every proxy must hold at the same position.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any, cast

from twisted.internet.defer import Deferred

from proxy.campaign.groups import Groups
from proxy.campaign.observation import (
    Announce,
    AskStatus,
    Command,
    GroupNames,
    NotifyAgent,
    Observation,
    Stop,
    Swallow,
    Unload,
)
from proxy.campaign.policy import ConfiguredGroup, Policy
from proxy.campaign.records import State
from proxy.shared.board import SharedSwitchboard
from proxy.shared.entries import Led, Seen
from proxy.shared.lead import Lead
from proxy.shared.member import BEAT, Member
from proxy.shared.replica import Done, Replica
from tests.campaign.model_ocs import (
    CALM,
    LATEST,
    WILD,
    Agent,
    At,
    Life,
    Line,
    Odds,
    Play,
    Session,
)
from tests.shared.model_redis import Redis, Way

LEASE = 12.0
"""After so many seconds of silence a proxy is lost; longer than OCS's slowest line."""

COMPARED_EVERY = 400
"""At every so many positions all that a proxy holds is compared; it takes long."""


@dataclass(frozen=True)
class Faults:
    """How likely what goes wrong with proxies, for each of them and for each second."""

    dies: float = 0.0
    cuts: float = 0.0
    stalls: float = 0.0
    leaves: float = 0.0
    slowest: float = 1.0


FAULTS = Faults(dies=0.001, cuts=0.003, stalls=0.002, leaves=0.001)
NO_FAULTS = Faults(slowest=0.1)


class Clock:
    """The play's time, as proxies ask for it."""

    def __init__(self, play: Play) -> None:
        self._play = play

    def seconds(self) -> float:
        """By no clock in particular, but all proxies' is the same."""
        return self._play.now

    def callLater(self, seconds: float, what: Callable[..., object], *others: object) -> Call:
        """See IReactorTime."""
        call = Call(partial(what, *others))
        self._play.after(seconds, call.happens)
        return call


class Call:
    """What happens later, unless it is cancelled."""

    def __init__(self, what: Callable[[], object]) -> None:
        self._what: Callable[[], object] | None = what

    def happens(self) -> None:
        """It is time."""
        what, self._what = self._what, None
        if what is not None:
            what()

    def cancel(self) -> None:
        """It does not happen."""
        self._what = None

    def active(self) -> bool:
        """Whether it will."""
        return self._what is not None


class Control(Session):
    """A proxy's own session with OCS, as its board sees it (IDialerControl), and as OCS does."""

    def __init__(self, proxy: Proxy, play: Several) -> None:
        self._several = play
        self._proxy = proxy
        super().__init__(cast(Play, _Side(proxy, play)), play.told_by)
        self.name = play.told_by

    @property
    def registered(self) -> bool:
        """See IDialerControl."""
        return self.is_connected

    def hears(self, observation: Observation, then: Callable[[], object] | None = None) -> None:
        """OCS says something; `then` when it stands in the stream."""

        def arrives() -> None:
            if then is not None and self._proxy.member.is_leading:
                self._several.expected.setdefault(observation, []).append(then)
            self._proxy.board.observe(observation)

        if self.is_connected:
            self._down.send(arrives)

    def stop(self, names: GroupNames, reference: int) -> None:
        """See IDialerControl."""
        self._asks(Stop, names, reference)

    def unload(self, names: GroupNames, reference: int) -> None:
        """See IDialerControl."""
        self._asks(Unload, names, reference)

    def ask_status(self, names: GroupNames, reference: int) -> None:
        """See IDialerControl."""
        self._asks(AskStatus, names, reference)

    def cut_off(self) -> None:
        """See IDialerControl."""
        self.drops()

    def _asks(self, kind: type[Stop] | type[Unload] | type[AskStatus], names: GroupNames, reference: int) -> None:
        play = self._several
        truth = next(truth for truth in play.truths if truth.names.dbid == names.dbid)
        assert truth.names.name is not None
        command = kind(truth.names.name, self.name, names, reference)
        play.does(command)
        self.sends(partial(play.ocs.is_asked_by_proxy, truth, command))


class _Side:
    """The play, as one proxy's session sees it: what it hears, that proxy hears."""

    def __init__(self, proxy: Proxy, play: Several) -> None:
        self._proxy = proxy
        self._play = play

    def __getattr__(self, name: str) -> Any:
        return getattr(self._play, name)

    def sees(self, observation: Observation) -> None:
        if self._proxy.lives:
            self._proxy.board.observe(observation)


class Sessions:
    """The sessions of a proxy that agents can be told over."""

    def __init__(self, proxy: Proxy, play: Several) -> None:
        self._proxy = proxy
        self._play = play

    def get(self, number: int) -> _Told | None:
        """A session that is there."""
        there = any(desktop.number == number for agent in self._play.agents for desktop in agent.desktops)
        return _Told(self._play) if there and self._play.homes.get(number) is self._proxy else None


class _Told:
    def __init__(self, play: Several) -> None:
        self._play = play

    def tell(self, command: NotifyAgent) -> bool:
        self._play.does(command)
        return True


class Board(SharedSwitchboard):
    """A proxy's board, looked at."""

    play: Several

    def applied(self, done: Done) -> None:
        super().applied(done)
        self.play.compares(self)


class Proxy:
    """One proxy: what its channels see goes to `board`."""

    def __init__(self, play: Several, name: str) -> None:
        self.name = name
        self.lives = True
        self.ends = False
        self._play = play
        self.way = Way(play, play.redis, play.faults.slowest)
        clock: Any = Clock(play)
        stream: Any = self.way
        names = (f"{name} {number}" for number in count())
        lead = Lead(LEASE - BEAT, clock.seconds)
        self.member = Member(clock, stream, play.fresh, LEASE, lambda: next(names), lead)
        self.board = Board(play.fresh(), self.member, play.policies, clock, clock.seconds, clock.seconds)
        self.board.play = play
        self.control = Control(self, play)
        sessions: Any = Sessions(self, play)
        control: Any = self.control
        self.board.sessions = sessions
        self.board.controls[play.told_by] = control
        self.board.take_up()
        self.control.connects()

    def is_killed(self) -> None:
        """It is gone at once."""
        self.lives = False
        if self._play.chance(0.5):
            self.control._up.drain()
        self.control._up.cut()
        self.control._down.cut()
        self.control.is_connected = False
        self.member._running = False
        self.way.is_cut = True
        self.way.breaks()
        if self.member._life is not None:
            self.member._life.cancel()


class Controls:
    """All proxies' sessions with OCS, as it speaks to them."""

    def __init__(self, play: Several) -> None:
        self._play = play

    @property
    def is_connected(self) -> bool:
        """Whether what OCS says now can become known."""
        return any(proxy.member.is_leading and proxy.control.is_connected for proxy in self._play.living)

    def hears(self, observation: Observation, then: Callable[[], object] | None = None) -> None:
        """OCS says something to all who are registered."""
        for proxy in self._play.living:
            proxy.control.hears(observation, then)

    def connects(self) -> None:
        """All are registered."""
        for proxy in self._play.living:
            proxy.control.connects()

    def drops(self) -> None:
        """One breaks."""
        if self._play.living:
            self._play.random.choice(self._play.living).control.drops()


class Several(Play):
    """See the module. The truth and the judge are those of Play; proxies are `proxies`."""

    def __init__(self, seed: int, odds: Odds = WILD, faults: Faults = FAULTS, number: int = 3) -> None:
        self.faults = faults
        self.number_of_proxies = number
        self.first_broken: Exception | None = None
        self.proxies: list[Proxy] = []
        self.homes: dict[int, Proxy] = {}
        self.expected: dict[Observation, list[Callable[[], object]]] = {}
        self.held: dict[str, list[str]] = {}
        self.applied = 0
        self.written: list[tuple[str, str]] = []
        super().__init__(seed, odds=odds)
        self.control = Controls(self)  # type: ignore[assignment]
        for proxy in self.proxies:
            self._goes_wrong(proxy)

    # ------------------------------------------------------------------------------------------------- the proxies

    def _proxy(self, instance: int) -> Groups:
        """See Play: it makes all proxies here."""
        self.policies = Policy(), tuple(ConfiguredGroup(truth.names, truth.policy) for truth in self.truths)
        self.redis = Redis(self, self._is_added)
        self.auditor = Replica(self.fresh())
        self._names = count(1)
        self.proxies = [Proxy(self, f"proxy {next(self._names)}") for _ in range(self.number_of_proxies)]
        return self.auditor.groups

    def fresh(self) -> Groups:
        """Groups of which nothing is known."""
        return Groups(*self.policies)

    @property
    def living(self) -> list[Proxy]:
        """Those who live."""
        return [proxy for proxy in self.proxies if proxy.lives]

    @property
    def open(self) -> list[Proxy]:
        """Those to whom desktops connect."""
        return [proxy for proxy in self.living if not proxy.ends]

    def _is_added(self, id: str, text: str) -> None:
        """Something stands in the stream: the auditor knows first what comes of it."""
        self.tell(f"stream: {id} {text}")
        self.written.append((id, text))
        dones = self.auditor.apply(id, text)
        for done in dones:
            self.applied += 1
            if done.problem is not None:
                raise self.broken(f"a mistake: {done.problem.getTraceback()}")
            if isinstance(done.entry, Led):
                self._is_led_anew()
            if isinstance(done.entry, Seen):
                for then in self.expected.pop(done.entry.observation, ()):
                    then()
            for command in done.commands:
                self.tell(f"    {command}")
                if isinstance(command, Announce):
                    self.does(command)
        if len(self.written) // COMPARED_EVERY > len(self.held) and len(dones) == 1:
            self.held[id] = list(self.auditor.lines())

    def _is_led_anew(self) -> None:
        """What OCS said of late, the one before may have heard, and not written: nobody is to blame."""
        self.counts("leads")
        for truth in self.truths:
            truth.untold = True
            if self.now - truth.changed < LATEST + LEASE:
                truth.secret_run = truth.run
            truth.doubted = True

    def compares(self, board: Board) -> None:
        """Whether a proxy holds what all hold at this position."""
        replica = board.member.replica
        assert replica is not None
        expected = self.held.get(replica.position)
        if expected is not None:
            self.counts("comparisons")
            for known, held in zip(expected, replica.lines(), strict=True):
                if known != held:
                    number = board.member.number
                    raise self.broken(f"proxy {number} holds something else at {replica.position}: {held}, not {known}")

    # ------------------------------------------------------------------------------------------- what is seen and done

    def sees(self, observation: Observation) -> Sequence[Command]:
        """The proxy sees it that has the session."""
        session = getattr(observation, "session", 0)
        if not session:
            return ()  # said to the session that Play made for its one proxy, before there were several
        home = self._home(session)
        self.tell(f"seen by {home.name}: {observation}")
        if not home.board.observe(observation):
            return ()
        self.counts("Swallow")
        return (Swallow(),)

    def _home(self, session: int) -> Proxy:
        if session not in self.homes:
            self.homes[session] = self.random.choice(self.open)
        return self.homes[session]

    def does(self, command: Command) -> None:
        """A proxy does something."""
        self.tell(f"  > {command}")
        self.counts(type(command).__name__)
        self.judge.sees(command)

    def broken(self, what: str) -> Any:
        """See Play. Proxies go on whatever happens; the play does not."""
        broken = super().broken(what)
        self.first_broken = self.first_broken or broken
        return broken

    def runs(self, seconds: float) -> None:
        """See Play."""
        until = self.now + seconds
        while self.now < until:
            super().runs(min(1.0, until - self.now))
            if self.first_broken is not None:
                raise self.first_broken
            if self.is_calm and self._is_all_done():
                until = min(until, self.now + 2 * LATEST)

    def _is_all_done(self) -> bool:
        """Whether all groups are completed, and nothing is expected any more."""
        done = self.judge.completed.keys() | self.judge.crossed
        return all(truth.names in done and truth.life is Life.UNLOADED for truth in self.truths)

    def is_over(self) -> None:
        """Nothing happens any more, and nobody waits for anything."""
        self.is_calm = True
        for proxy in self.living:
            proxy.is_killed()

    # ------------------------------------------------------------------------------------------------- what goes wrong

    def _goes_wrong(self, proxy: Proxy) -> None:
        """With a proxy, again and again."""
        seconds = self.random.uniform(1, 10)
        self.after(seconds, partial(self._goes_wrong, proxy))
        if self.is_calm or not proxy.lives or proxy.ends:
            return
        if self.chance(self.faults.cuts * 5):
            self.counts("cuts")
            self.tell(f"{proxy.name} is cut off from Redis")
            proxy.way.is_cut = True
            proxy.way.breaks()
            self.after(self.random.choice((0.1, 3.0, 30.0)), partial(setattr, proxy.way, "is_cut", False))
        if self.chance(self.faults.stalls * 5):
            self.counts("stalls")
            self.tell(f"the way of {proxy.name} to Redis stalls")
            proxy.way.stalls(self.random.choice((3.0, 10.0, 20.0)))
        if len(self.open) < 2:
            return
        if self.chance(self.faults.dies * 5):
            self.dies(proxy)
        elif self.chance(self.faults.leaves * 5):
            self.leaves(proxy)

    def dies(self, proxy: Proxy) -> None:
        """A proxy is killed; another comes in its place, some time later."""
        self.tell(f"{proxy.name} is killed")
        self.counts("kills")
        had_something_to_say = len(proxy.member.outbox) > 0
        proxy.is_killed()
        cut_off = []
        for agent in self.agents:
            for desktop in list(agent.desktops):
                if self.homes.get(desktop.number) is proxy:
                    desktop.up.drain() if self.chance(0.5) else None
                    desktop.up.cut()
                    desktop.down.cut()
                    agent.desktops.remove(desktop)
                    cut_off.append(agent)
        if self.homes.get(self.client) is proxy:
            self._client_up.cut()
            self._client_down.cut()
            self.client, self._client_up, self._client_down = next(self.numbers), Line(self), Line(self)
        if had_something_to_say:
            self._is_forgotten(cut_off)
        self.after(self.random.uniform(1, 60), self._comes)

    def leaves(self, proxy: Proxy) -> None:
        """A proxy ends in order, as for an update: its desktops are let go first; another comes in its place."""
        self.tell(f"{proxy.name} ends")
        self.counts("ends")
        proxy.ends = True
        proxy.board.retire()
        for agent in self.agents:
            for desktop in list(agent.desktops):
                if self.homes.get(desktop.number) is proxy:
                    self.drops(agent, desktop)
        if self.homes.get(self.client) is proxy:
            self._client_up.drain()
            self._client_down.drain()
            self.client, self._client_up, self._client_down = next(self.numbers), Line(self), Line(self)
        self.after(self.random.uniform(0, 5), partial(self._has_left, proxy))
        self.after(self.random.uniform(1, 60), self._comes)

    def _has_left(self, proxy: Proxy) -> None:
        proxy.board.close()
        left = Deferred.fromCoroutine(proxy.board.leave())
        left.addBoth(lambda _: proxy.is_killed())

    def _comes(self) -> None:
        proxy = Proxy(self, f"proxy {next(self._names)}")
        self.tell(f"{proxy.name} comes")
        self.proxies.append(proxy)
        self._goes_wrong(proxy)

    def _is_forgotten(self, agents: list[Agent]) -> None:
        """What only the one knew that was killed nobody can know any more."""
        for truth in self.truths:
            truth.untold = truth.doubted = True
            truth.secret_run = truth.run
            for entry in truth.entries:
                state = self._state(entry.handle)
                if entry.at is not At.LIST and state is None:
                    entry.is_hidden = truth.is_late = True
                elif entry.at is At.AGENT:  # what is done with it may be on its way to OCS, and nobody knows
                    truth.is_late = True
        shown = self.auditor.groups.status(self.auditor.now)
        known = {dn for status in shown for dn in cast("list[str]", status["agents"])}
        for agent in agents:
            agent.is_unsure = True
            if agent.dn not in known:
                agent.known = (0, 0.0)

    def _state(self, handle: str) -> State | None:
        sessions = [session for group in self.auditor.groups._which.groups for session in group.sessions]
        records = [session.records.get(handle) for session in sessions]
        return next((record.state for record in records if record is not None), None)

    # --------------------------------------------------------------------------------------------- a calm day

    def ends_well(self) -> None:
        """See Play. All proxies are there, and have a way to Redis."""
        self.is_calm, self.odds = True, CALM
        self.runs(2 * LEASE + 60)
        self.groups = self.auditor.groups
        super().ends_well()
        for proxy in self.living:
            if proxy.board.failed:
                raise self.broken(f"{proxy.name} made mistakes")
            self.compares(proxy.board)
