"""This proxy as one of several: it says what it observes, hears what all have observed, and leads if it is to.

It comes into touch with Redis, catches up with what is kept there, and says that it is there; from then on everything
that stands in the stream is applied to the replica, in order. When the touch is lost it waits, and begins again.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as NoAnswer
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from proxy.campaign.groups import Groups
from proxy.campaign.observation import CountLost, InstanceHeard, InstanceLeft, InstanceLost, Observation
from proxy.campaign.policy import ConfiguredGroup, Policy
from proxy.errors import OurError
from proxy.shared.calls import Calls, pause
from proxy.shared.entries import Configured, Entry, Garbled, Led, Seen, Woken
from proxy.shared.finding import Finding
from proxy.shared.here import Here
from proxy.shared.keeping import Keeping
from proxy.shared.lead import Lead
from proxy.shared.leading import BEAT, Leading
from proxy.shared.replica import Done, Replica
from proxy.shared.saying import Saying
from proxy.shared.stream import Stream
from proxy.shared.waking import Waking

TRY_AGAIN = 0.5
"""Seconds until Redis is tried again."""

AT_ONCE = 100
"""How many entries are applied without letting anything else be done."""


class TakenForLost(OurError):
    """The others have declared this instance lost: what it says under its number is ignored."""


class Told(Protocol):
    """Who carries out what is this instance's to be done."""

    @property
    def can_control(self) -> bool:
        """Whether there is a control session with the dialer."""
        ...

    @property
    def policies(self) -> tuple[Policy, tuple[ConfiguredGroup, ...]]:
        """What this instance's conf file wants."""
        ...

    def joined(self, replica: Replica) -> None:
        """These are the groups from now on."""

    def applied(self, done: Done) -> None:
        """An entry was applied to the groups of `joined`."""

    def leads(self) -> None:
        """This instance leads: what its own sessions and witnesses observe counts from now on."""

    def leads_no_more(self) -> None:
        """It does so no more."""

    def out_of_touch(self, problem: str | None) -> None:
        """Redis is lost, and why; None: this instance takes part again."""


class Member:
    """Takes part from `start` to `close`. `number`: of this instance, 0 while it has none.

    `problem`: why it does not take part now, in an operator's words; None while it does. `applied`: so many batches.
    `fresh` gives the groups of somebody who knows nothing.
    """

    log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        stream: Stream,
        fresh: Callable[[], Groups],
        lease: float,
        new_name: Callable[[], str],
        lead: Lead | None = None,
    ) -> None:
        self.number = 0
        self.replica: Replica | None = None
        self.problem: str | None = "Redis has not been reached yet"
        self.applied = 0
        self.lead = Leading(stream, self, lease, lead)
        self.told: Told
        self._clock = clock
        self._stream = stream
        self._lease = lease
        self._here = Here()
        self._finding = Finding(stream, fresh, new_name)
        self._saying = Saying(clock, stream, self._go)
        self.outbox = self._saying.outbox
        self._waking = Waking(clock, self._wake)
        self._keeping = Keeping(clock, stream)
        self._calls = Calls(clock)
        self._running = False
        self._leaves = False
        self._is_broken = True
        self._causes: set[str] = set()
        self._life: Deferred[None] | None = None
        self._shown: Replica | None = None
        self._is_numbered = False
        self._was_seen = False
        self._last_own = 0.0
        self._last_applied = 0.0

    # ------------------------------------------------------------------------------------------------- for its board

    def start(self, told: Told, forget: bool = False) -> None:
        """Take part as soon as that can be. `forget`: what Redis has kept is forgotten, once."""
        self.told, self._finding.forgets, self._running = told, forget, True
        self._life = Deferred.fromCoroutine(self._live())

    async def close(self) -> None:
        """Say all that is still to be said, where it can be said, and leave in order; within `lease` seconds."""
        self._leaves = True
        if self._is_in_touch:
            try:
                await Deferred.fromCoroutine(self._leave()).addTimeout(self._lease, self._clock)
            except (OurError, NoAnswer) as problem:
                self.log.warn("this proxy could not leave in order: {why}", why=str(problem))
        self._running = False
        self._break("it ends")
        life, self._life = self._life, None
        if life is not None:
            life.cancel()

    def observe(self, observation: Observation, is_exclusive: bool, is_answer: bool = False) -> None:
        """Say what was observed, with the session number of the channel; exclusive: only under this one's lead.

        `is_answer`: see Outbox.
        """
        if is_exclusive:
            if self.is_leading:
                self._saying.put(Seen(observation), self.lead.fence)
            return
        self._here.note(observation)
        self._saying.put(Seen(observation), is_answer=is_answer)

    def sessions_here(self, dn: str) -> Sequence[int]:
        """The sessions of this instance that get the events of a DN, by the numbers that the channels gave them."""
        return self._here.sessions(dn)

    def configure(self) -> None:
        """The conf file is another one: what the leader's wants holds for all."""
        if self.is_leading:
            self._saying.put(Configured(*self.told.policies), self.lead.fence)

    @property
    def is_leading(self) -> bool:
        """Whether commands are this instance's to carry out."""
        return self.lead.is_leading

    @property
    def epoch(self) -> str:
        """Which set of groups it takes part in."""
        return self._finding.epoch

    @property
    def can_control(self) -> bool:
        """Whether there is a control session with the dialer."""
        return self.told.can_control

    @property
    def now(self) -> float:
        """What the replica's clock shows by now, in seconds; out of touch, what it would show if it did not wait."""
        assert self.replica is not None
        since = max(0.0, self._clock.seconds() - self._last_applied)
        return self.replica.now + (min(BEAT, since) if self._is_in_touch else since)

    def hand_over(self) -> None:
        """Do not lead any more, where there is another who can do so as well."""
        self.lead.hands_over = True
        if self._is_in_touch:
            self._go(self.lead.see_to_it())

    async def intend(self, group: str, step: str) -> bool:
        """Write down that a step of a completion is about to be sent; False: it is another's to be sent.

        Raises Unreachable, Replaced.
        """
        assert self.replica is not None
        at = self.replica.position
        return await self._stream.intend(self.epoch, self.number, self.lead.fence, group, at, step)

    def settled(self, group: str) -> None:
        """A completion is over: nothing is intended any more."""
        self._go(self._stream.settled(self.epoch, self.number, self.lead.fence, group))

    # --------------------------------------------------------------------------------------------------- in and out

    async def _live(self) -> None:
        with suppress(CancelledError):
            await self._live_once()
            while self._running:
                await pause(self._clock, TRY_AGAIN)
                await self._live_once()

    async def _live_once(self) -> None:
        """As long as Redis is there."""
        self._is_broken = False
        try:
            await self._stream.connect(self._break)
            await self._take_part()
        except CancelledError:
            raise
        except OurError as problem:
            self._break(str(problem))
        except Exception as problem:  # noqa: BLE001 (a mistake of ours must not end the life of an instance)
            self._break(self._mistaken(Failure(), f"a mistake of ours ({type(problem).__name__}), see the log"))
        finally:
            self._stream.close()

    @property
    def _is_in_touch(self) -> bool:
        return self.problem is None

    def _break(self, why: str) -> None:
        """The touch is lost, or was not found: whatever waits for Redis fails, and all begins again."""
        if self._is_broken:
            return
        self._is_broken = True
        was_in_touch, had, self.problem = self._is_in_touch, self.problem, why
        self._saying.stop()
        self._waking.stop()
        self._calls.cancel_all()
        self.lead.broke_off()
        self._stream.close()
        if self._running and (was_in_touch or had != why):
            self._tell(self.told.out_of_touch, why)
            if why not in self._causes:
                self.log.error("the groups are out of reach, and nothing is completed until they are: {why}", why=why)
            self._causes.add(why)

    def _mistaken(self, problem: Failure, why: str = "a mistake of ours among several proxies") -> str:
        """It goes to the log; again and again, where it keeps this instance out, it does not."""
        if why not in self._causes:
            self.log.failure("a mistake of ours among several proxies", problem)
        return why

    async def _take_part(self) -> None:
        epoch = self.epoch
        self.replica = replica = await self._finding.find(self.replica)
        self._is_numbered = self._is_numbered and self.epoch == epoch
        self._last_applied = self._clock.seconds()
        await self._catch_up(replica)
        if not self._is_known_to(replica):
            await self._join(replica)
        if replica is not self._shown:
            self._shown = replica
            self._tell(self.told.joined, replica)
        self.problem = None
        self._causes.clear()
        self._last_own = self._clock.seconds()
        self._keeping.begin()
        self._saying.begin(self.epoch, self.number)
        self._tell(self.told.out_of_touch, None)
        self.log.info("this is proxy {number} of those who share the groups", number=self.number)
        self._beat()
        await self._follow(replica)

    async def _catch_up(self, replica: Replica) -> None:
        """Apply what is there. Where these groups are shown already, agents are told what they missed."""
        while batches := await self._stream.tail(self.epoch, replica.position):
            await self._apply_all(replica, batches)
        if self._is_numbered:
            self.outbox.seen(replica.said_by(self.number))

    def _is_known_to(self, replica: Replica) -> bool:
        """Whether all know this instance by its number, or will when they hear what is on its way."""
        if self.outbox.is_incomplete or not self._is_numbered:
            return False
        return self.number in replica.sequences or not (self._was_seen or replica.is_gone(self.number))

    async def _join(self, replica: Replica) -> None:
        """Take a number that nobody had, and say who is here."""
        number = 0
        while number <= replica.highest:
            number = await self._stream.new_instance(self.epoch)
        first = list(self._introduction(replica, number))
        self.outbox.begin_anew(first)
        self.number, self._is_numbered, self._was_seen = number, True, False

    def _introduction(self, replica: Replica, number: int) -> Iterator[Entry]:
        """What an instance says first. That it knows what all have said, it says after all that it has to say."""
        yield Seen(InstanceHeard(number, self.can_control, 0.0))
        if self._is_numbered and self.number in replica.sequences:
            yield Seen(InstanceLeft(self.number))
        if self._finding.distrusts or self.outbox.is_incomplete:
            self._finding.distrusts = False
            yield Seen(CountLost())
        yield from map(Seen, self._here.told())

    def _go(self, what: Coroutine[Any, Any, object]) -> None:
        """Do it meanwhile."""
        Deferred.fromCoroutine(what).addErrback(self._failed)

    def _failed(self, problem: Failure) -> None:
        if problem.check(OurError):
            self._break(problem.getErrorMessage())
        elif not problem.check(CancelledError):
            self._mistaken(problem)

    def _tell(self, tell: Callable[..., object], *what: object) -> None:
        """Whatever comes of it, this instance goes on."""
        try:
            tell(*what)
        except Exception:  # noqa: BLE001 (as above)
            self._mistaken(Failure())

    async def _leave(self) -> None:
        self._saying.put(Seen(InstanceLeft(self.number)))
        await self._saying.last()
        await self.lead.give_up()

    # ------------------------------------------------------------------------------------------------------ to hear

    async def _follow(self, replica: Replica) -> None:
        """Apply all that is said, as it is said, until the touch is lost: raises Unreachable, TakenForLost then."""
        while True:
            await self._apply_all(replica, await self._stream.read(self.epoch, replica.position))
            if replica.is_gone(self.number) and not self._leaves:
                raise TakenForLost("the other proxies took this one for lost: it was silent for too long")
            if self.is_leading and self._keeping.is_due:
                position, lines = replica.position, await self._keeping.lines_of(replica)
                self._go(self._keeping.keep(self.epoch, position, lines))

    async def _apply_all(self, replica: Replica, batches: Sequence[tuple[str, str]]) -> None:
        applied = 0
        for position, text in batches:
            applied += self._apply(replica, position, text)
            if applied >= AT_ONCE:
                applied = 0
                await pause(self._clock, 0.0)

    def _apply(self, replica: Replica, position: str, text: str) -> int:
        """One batch; how many entries it had."""
        try:
            dones = replica.apply(position, text)
        except Garbled as problem:
            self.log.error("what stands in the stream at {position}: {why}", position=position, why=str(problem))
            return 1
        self.applied += 1
        self._keeping.applied()
        self._last_applied = self._clock.seconds()
        for done in dones:
            if isinstance(done.entry, (Led, Woken)):
                self._waking.heard()
            if isinstance(done.entry, Led):
                self.lead.look()
            if replica is self._shown:
                self._say_who_leads(done)
                self._tell(self.told.applied, done)
        if self._is_numbered and any(done.instance == self.number for done in dones):
            self._last_own = self._last_applied
            self._was_seen = self._was_seen or self.number in replica.sequences
            self.outbox.seen(replica.said_by(self.number))
        self._look_at_waking(replica)
        return len(dones)

    def _say_who_leads(self, done: Done) -> None:
        """What others do with the lead stands in this one's log as well: whoever reads it at night has one log."""
        entry = done.entry
        if isinstance(entry, Led) and entry.instance != self.number:
            self.log.info("proxy {other} is to lead (lead {fence})", other=entry.instance, fence=entry.fence)
        elif isinstance(entry, Seen) and isinstance(lost := entry.observation, InstanceLost) and not self.is_leading:
            self.log.info("proxy {other} is lost to the others", other=lost.instance)

    # --------------------------------------------------------------------------------------------------- its life

    def _beat(self) -> None:
        """Say that this instance is there, and what it knows; and see to the lead."""
        if self._leaves:
            return
        silent = self._clock.seconds() - self._last_own
        if self.outbox.unseen and silent > self._lease:
            self._break(f"Redis has not answered for {silent:.0f} s")
        elif self.outbox.is_incomplete:
            self._break("more was observed here than could be said")
        else:
            self._calls.make("beat", BEAT, self._beat)
            self._saying.put(self._sign())
            self._go(self.lead.see_to_it())
            for other in self.lead.lost():
                self.log.warn("proxy {other} is lost: nothing was heard of it for too long", other=other)
                self._saying.put(Seen(InstanceLost(other)), self.lead.fence)

    def _sign(self) -> Entry:
        """That this instance is there, whether it can lead, and up to which moment it knows what all have said."""
        assert self.replica is not None
        controls = self.can_control and not self.lead.hands_over
        return Seen(InstanceHeard(self.number, controls, self.replica.now))

    def begins_to_lead(self) -> None:
        """See Leader: what its conf file wants holds for all, and its own sessions and witnesses are heard."""
        self.configure()
        self._tell(self.told.leads)

    def leads_no_more(self) -> None:
        """See Leader."""
        self._waking.stop()
        self._tell(self.told.leads_no_more)

    def _look_at_waking(self, replica: Replica) -> None:
        """Something falls due: the leader says so, when it is time."""
        due = replica.wake_at if self.is_leading else None
        self._waking.look(None if due is None else due - self.now)

    def _wake(self) -> None:
        self._saying.put(Woken(), self.lead.fence)
