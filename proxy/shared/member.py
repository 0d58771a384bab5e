"""This proxy as one of several: it says what it observes, hears what all have observed, and leads if it is to.

It comes into touch with Redis, catches up with what is kept there, and says that it is there; from then on everything
that stands in the stream is applied to the replica, in order. When the touch is lost it waits, and begins again.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import TimeoutError as NoAnswer
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from proxy.campaign.groups import Groups
from proxy.campaign.observation import CountLost, InstanceHeard, InstanceLeft, InstanceLost, Observation
from proxy.campaign.policy import ConfiguredGroup, Policy
from proxy.shared.entries import Configured, Entry, Garbled, Led, Seen, Woken, text_of
from proxy.shared.finding import Finding, Stays
from proxy.shared.here import Here
from proxy.shared.lead import Lead
from proxy.shared.leading import BEAT, Leading
from proxy.shared.outbox import Outbox
from proxy.shared.replica import Done, Replica
from proxy.shared.stream import Replaced, Stream, Unreachable

TRY_AGAIN = 0.5
"""Seconds until Redis is tried again."""

AT_ONCE = 100
"""How many entries are applied without letting anything else be done."""

KEEP_AFTER = 20_000
"""After how many batches a new image is kept: so many a newcomer has to apply at most."""

KEEP_EVERY = 60.0
"""Seconds after which a new image is kept, too, where anything happened."""

A_TICK = 0.001
"""Seconds: Redis's clock shows whole milliseconds."""


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
        """An entry was applied, after this instance caught up."""

    def leads(self) -> None:
        """This instance leads: what its own sessions and witnesses observe counts from now on."""

    def leads_no_more(self) -> None:
        """It does so no more."""

    def out_of_touch(self, problem: str | None) -> None:
        """Redis is lost, and why; None: this instance takes part again."""


class Member:
    """Takes part from `start` to `close`. `number`: of this instance, 0 while it has none.

    `fresh` gives the groups of somebody who knows nothing; `forget`: what Redis has kept is forgotten, once.
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
        self.outbox = Outbox()
        self.lead = Leading(stream, self, lease, lead)
        self.told: Told
        self._clock = clock
        self._stream = stream
        self._lease = lease
        self._here = Here()
        self._finding = Finding(stream, fresh, new_name)
        self._running = False
        self._in_touch = False
        self._life: Deferred[None] | None = None
        self._broken: Deferred[None] | None = None
        self._calls: dict[str, IDelayedCall] = {}
        self._on_way = 0
        self._waking = False
        self._was_seen = False
        self._leaves = False
        self._last_own = 0.0
        self._since_image = 0
        self._image_at = 0.0
        self._last_applied = 0.0

    # ------------------------------------------------------------------------------------------------- for its board

    def start(self, told: Told, forget: bool = False) -> None:
        """Take part as soon as that can be."""
        self.told, self._finding.forgets, self._running = told, forget, True
        self._life = Deferred.fromCoroutine(self._live())

    async def close(self) -> None:
        """Say all that is still to be said, where it can be said, and leave in order."""
        self._leaves = True
        if self._in_touch and self.number:
            self.outbox.put(Seen(InstanceLeft(self.number)))
            try:
                await Deferred.fromCoroutine(self._say_last()).addTimeout(self._lease, self._clock)
            except (Unreachable, Replaced, NoAnswer) as problem:
                self.log.warn("this proxy could not leave in order: {why}", why=str(problem))
        self._running = False
        self._break("it ends")
        life, self._life = self._life, None
        if life is not None:
            life.cancel()

    def observe(self, observation: Observation, is_exclusive: bool) -> None:
        """Say what was observed, with the session number of the channel; exclusive: only under this one's lead."""
        if is_exclusive:
            if self.is_leading:
                self._put(Seen(observation), self.lead.fence)
            return
        self._here.note(observation)
        self._put(Seen(observation))

    def configure(self) -> None:
        """The conf file is another one: what the leader's wants holds for all."""
        if self.is_leading:
            self._put(Configured(*self.told.policies), self.lead.fence)

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
        """What the replica's clock shows by now, in seconds."""
        assert self.replica is not None
        return self.replica.now + min(BEAT, max(0.0, self._clock.seconds() - self._last_applied))

    def hand_over(self) -> None:
        """Do not lead any more, where there is another."""
        self.lead.hands_over = True
        if self._in_touch:
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
        while self._running:
            self._broken = Deferred()
            try:
                await self._stream.connect(self._break)
                await self._take_part()
            except CancelledError:
                return
            except (Unreachable, Replaced, Stays) as problem:
                self._is_out(str(problem))
            except Exception:  # noqa: BLE001 (a mistake of ours must not end the life of an instance)
                self.log.failure("a mistake of ours among several proxies")
                self._is_out("a mistake of ours, see the log")
            finally:
                self._stream.close()
            if self._running:
                await self._pause(TRY_AGAIN)

    def _break(self, why: str) -> None:
        """The touch is lost: whoever waits for it begins again."""
        broken, self._broken = self._broken, None
        if broken is not None:
            self._is_out(why)

    def _is_out(self, why: str) -> None:
        was_in_touch, self._in_touch = self._in_touch, False
        self.outbox.is_late = True
        for call in self._calls.values():
            call.cancel()
        self._calls.clear()
        self.lead.broke_off()
        self._on_way = 0
        if (was_in_touch or self.problem != why) and self._running:
            self.problem = why
            self.log.error("the groups are out of reach, and nothing is completed until they are: {why}", why=why)
            self.told.out_of_touch(why)

    async def _pause(self, seconds: float) -> None:
        over: Deferred[None] = Deferred(lambda _: call.cancel())
        call = self._clock.callLater(seconds, over.callback, None)
        await over

    async def _take_part(self) -> None:
        replica, goes_on = await self._finding.find(self.replica)
        self.replica = replica
        await self._catch_up(goes_on)
        if goes_on and self.number in replica.sequences:
            for batch in self.outbox.unconfirmed(self.number):
                self._send(text_of(batch))
            self.outbox.put_first(*self._what_was_lost())
        else:
            await self._join()
        self._in_touch, self.problem, self.outbox.is_late = True, None, False
        self.told.out_of_touch(None)
        self._image_at = self._last_own = self._clock.seconds()
        self._beat()
        await self._follow()

    async def _catch_up(self, goes_on: bool) -> None:
        """Apply what is there. Where this instance goes on where it was, its agents are told what they missed."""
        assert self.replica is not None
        while batches := await self._stream.tail(self.epoch, self.replica.position):
            await self._apply_all(batches, tell=goes_on)

    async def _join(self) -> None:
        """Take a number that nobody had, and say who is here."""
        replica = self.replica
        assert replica is not None
        number = 0
        while number <= replica.highest:
            number = await self._stream.new_instance(self.epoch)
        self.number, self._was_seen = number, False
        self.outbox.begin_anew([self._sign(), *self._what_was_lost(), *map(Seen, self._here.told())])
        self.told.joined(replica)
        self.log.info("this is proxy {number} of those who share the groups", number=number)

    def _what_was_lost(self) -> Sequence[Entry]:
        """Where more was seen here than the others will ever hear of, they are told so."""
        is_lost = self._finding.distrusts or self.outbox.overflowed
        self._finding.distrusts = self.outbox.overflowed = False
        return [Seen(CountLost())] if is_lost else []

    def _sign(self) -> Entry:
        """That this instance is there, and up to which moment it knows what all have said."""
        assert self.replica is not None
        return Seen(InstanceHeard(self.number, self.told.can_control, self.replica.now))

    # ------------------------------------------------------------------------------------------------------- to say

    def _put(self, entry: Entry, fence: int = 0) -> None:
        self.outbox.put(entry, fence)
        self._flush_soon()

    def _flush_soon(self) -> None:
        if self._in_touch and "flush" not in self._calls:
            self._call("flush", 0.0, self._flush)

    def _flush(self) -> None:
        """Send what waits; what is observed while two batches are on their way goes with the next."""
        while self._on_way < 2 and (batch := self.outbox.next_batch(self.number)) is not None:
            self._send(text_of(batch))

    def _send(self, text: str) -> None:
        self._on_way += 1
        self._go(self._append(text))

    async def _append(self, text: str) -> None:
        await self._stream.append(self.epoch, text)
        self._on_way -= 1
        if self._in_touch and self.outbox.has_waiting:
            self._flush()

    async def _say_last(self) -> None:
        while (batch := self.outbox.next_batch(self.number)) is not None:
            await self._stream.append(self.epoch, text_of(batch))
        await self.lead.give_up()

    def _go(self, what: Coroutine[Any, Any, object]) -> None:
        """Do it meanwhile. Where Redis fails, whoever reads notices, too."""
        Deferred.fromCoroutine(what).addErrback(self._failed)

    def _failed(self, problem: Failure) -> None:
        if problem.check(Unreachable, Replaced):
            self._break(problem.getErrorMessage())
            self._stream.close()
        elif not problem.check(CancelledError):
            self.log.failure("a mistake of ours among several proxies", problem)

    def _call(self, name: str, seconds: float, what: Callable[[], None]) -> None:
        """Do it later; once, and not where the touch is lost before."""

        def do() -> None:
            del self._calls[name]
            what()

        if name in self._calls:
            self._calls[name].cancel()
        self._calls[name] = self._clock.callLater(seconds, do)

    # ------------------------------------------------------------------------------------------------------ to hear

    async def _follow(self) -> None:
        """Apply all that is said, as it is said, until the touch is lost: raises Unreachable then."""
        replica = self.replica
        assert replica is not None
        while self._running:
            await self._apply_all(await self._stream.read(self.epoch, replica.position), tell=True)
            if self._was_seen and self.number not in replica.sequences and not self._leaves:
                await self._come_back()
            if self.is_leading and self._image_is_due:
                await self._keep(replica)

    async def _come_back(self) -> None:
        """The others have lost this instance: it was paused, or cut off."""
        self.log.warn("proxy {number} was silent for too long, and begins anew", number=self.number)
        self.lead.stop()
        await self._join()
        self._flush_soon()

    async def _apply_all(self, batches: Sequence[tuple[str, str]], tell: bool) -> None:
        applied = 0
        for position, text in batches:
            applied += self._apply(position, text, tell)
            if applied >= AT_ONCE:
                applied = 0
                await self._pause(0.0)

    def _apply(self, position: str, text: str, tell: bool) -> int:
        """One batch; how many entries it had."""
        replica = self.replica
        assert replica is not None
        try:
            dones = replica.apply(position, text)
        except Garbled as problem:
            self.log.error("what stands in the stream at {position}: {why}", position=position, why=str(problem))
            return 1
        self.applied += 1
        self._since_image += 1
        self._last_applied = self._clock.seconds()
        for done in dones:
            if isinstance(done.entry, (Led, Woken)):
                self._waking = False
            if isinstance(done.entry, Led):
                self.lead.look()
            if tell:
                self.told.applied(done)
        if (sequence := replica.sequences.get(self.number)) is not None:
            self._was_seen = True
            self.outbox.seen(sequence)
        if any(done.instance == self.number for done in dones):
            self._last_own = self._last_applied
        self._look_at_waking()
        return len(dones)

    # --------------------------------------------------------------------------------------------------- its life

    def _beat(self) -> None:
        """Say that this instance is there; and see to the lead."""
        silent = self._clock.seconds() - self._last_own
        if self.outbox.unseen and silent > self._lease:
            self._break(f"Redis has not answered for {silent:.0f} s")
            self._stream.close()
            return
        if self._leaves:
            return
        self._call("beat", BEAT, self._beat)
        self._put(self._sign())
        self._go(self.lead.see_to_it())
        for other in self.lead.lost():
            self.log.warn("proxy {other} is lost: nothing was heard of it for too long", other=other)
            self._put(Seen(InstanceLost(other)), self.lead.fence)

    def begins_to_lead(self) -> None:
        """See Leader: what its conf file wants holds for all, and its own sessions and witnesses are heard."""
        self._waking = False
        self.configure()
        self.told.leads()

    def leads_no_more(self) -> None:
        """See Leader."""
        self.told.leads_no_more()

    def _look_at_waking(self) -> None:
        """Something falls due: the leader says so, when it is time."""
        replica = self.replica
        assert replica is not None
        if self.is_leading and not self._waking and replica.wake_at is not None and self._in_touch:
            self._call("wake", max(0.0, replica.wake_at - self.now) + A_TICK, self._wake)

    def _wake(self) -> None:
        self._waking = True
        self._put(Woken(), self.lead.fence)

    # ----------------------------------------------------------------------------------------------------- an image

    @property
    def _image_is_due(self) -> bool:
        is_time = self._clock.seconds() - self._image_at > KEEP_EVERY
        return self._since_image > KEEP_AFTER or (is_time and self._since_image > 0)

    async def _keep(self, replica: Replica) -> None:
        """Keep what the groups are. The replica stands still for as long as that is written; the relay does not."""
        lines, position = [], replica.position
        for line in replica.lines():
            lines.append(line)
            await self._pause(0.0)
        self._since_image, self._image_at = 0, self._clock.seconds()
        self._go(self._stream.keep(self.epoch, position, lines))
