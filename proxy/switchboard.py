"""Between channels and groups: observations go in with the time, commands come out and are carried out.

The groups are pure; this is where they meet a clock, a log, a store and the sessions that can tell an agent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from proxy.campaign.attribute import Edit
from proxy.campaign.groups import Groups
from proxy.campaign.observation import (
    AgentHeard,
    Announce,
    AskStatus,
    AskWitness,
    Command,
    GroupNames,
    NotifyAgent,
    Observation,
    Request,
    SessionBlind,
    Settled,
    Stop,
    Swallow,
    Unload,
    WakeAt,
)
from proxy.campaign.policy import ConfiguredGroup, Policy
from proxy.interfaces import IConfirmingWitness, IDialerControl, IGroupStore, IRecordWitness

TIMELINE = 1000
"""How many announcements are kept for the time line."""

TRY_AGAIN = 1.0
"""Seconds until the groups are woken again where they failed by a mistake of ours, and until one more is logged."""


class AgentSession(Protocol):
    """A session of a channel that can tell an agent something."""

    def tell(self, command: NotifyAgent) -> bool:
        """Send the notification to the client. False where that cannot be done any more."""
        ...


class Switchboard:
    """Carries out what the groups want. `now` is a clock that never jumps, `wall` that of the log, in seconds.

    A mistake of ours in the groups, or in what they want done, costs no connection and stops no timer: it is logged
    and counted in `failed`.
    """

    log = Logger()

    def __init__(
        self,
        groups: Groups,
        store: IGroupStore,
        clock: IReactorTime,
        now: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self.groups = groups
        self.controls: dict[str, IDialerControl] = {}
        self.witnesses: dict[str, IConfirmingWitness] = {}
        self.sessions: dict[int, AgentSession] = {}
        self.timeline: deque[dict[str, object]] = deque(maxlen=TIMELINE)
        self.sent = {"stop": 0, "unload": 0, "ask_status": 0}
        self.undeliverable = 0
        self.failed = 0
        self.store_problem: str | None = None
        self._watched: list[IRecordWitness] = []
        self._store = store
        self._clock = clock
        self._now = now
        self._wall = wall
        self._call: IDelayedCall | None = None
        self._closed = False
        self._silent_until = float("-inf")
        self._intended: dict[str, Stop | Unload] = {}
        self._kept: Deferred[None] = succeed(None)
        self._to_tell: dict[int, list[NotifyAgent]] = {}
        store.watch(lambda: groups.take_changes(now(), wall()), self._stored)
        self._ways: Mapping[type, Callable[[Any], None]] = {
            Stop: self._intend,
            Unload: self._intend,
            AskStatus: self._send,
            AskWitness: self._ask_witness,
            Settled: self._settled,
            NotifyAgent: self._notify,
            Announce: self._announce,
            WakeAt: self._wake_at,
        }

    # ------------------------------------------------------------------------------------------------ for channels

    def observe(self, observation: Observation) -> bool:
        """Hand an observation to the groups and do what they want; whether the event is to be swallowed (R26).

        A session of which something was lost by a mistake of ours is blind to the groups from then on (R16).
        """
        commands = self._asked(lambda now: self.groups.observe(observation, now))
        if commands is None:
            if session := getattr(observation, "session", 0):
                self._carry_out(self._asked(lambda now: self.groups.observe(SessionBlind(session), now)) or ())
            return False
        self._carry_out(commands)
        if self._to_tell and isinstance(observation, AgentHeard):
            self._tell_now(observation.session)
        return any(isinstance(command, Swallow) for command in commands)

    def edit(self, names: GroupNames, request: Request | None, values: Sequence[object]) -> Edit:
        """See Groups.edit."""
        return self.groups.edit(names, request, values)

    def take_up(self, forget: bool = False) -> None:
        """Before anything is observed: the groups are as the store has kept them. Raises Unusable.

        `forget`: what was kept is set aside.
        """
        kept = self._store.open(forget)
        self._carry_out(self.groups.take_up(kept, self._now(), self._wall()))
        if kept.groups:
            self.log.info("store: {number} groups are taken up as they were", number=len(kept.groups))

    def status(self) -> list[dict[str, object]]:
        """See Groups.status."""
        return self.groups.status(self._now())

    def retire(self) -> None:
        """The proxy is about to stop: completions that have begun are finished, and none begins."""
        self._carry_out(self._asked(self.groups.retire) or ())

    @property
    def is_retiring(self) -> bool:
        """Whether the proxy is about to stop."""
        return self.groups.is_retiring

    @property
    def is_completing(self) -> bool:
        """Whether a completion has begun, and is not over."""
        return self.groups.is_completing

    def reconfigure(self, default: Policy, configured: Iterable[ConfiguredGroup]) -> None:
        """See Groups.reconfigure."""
        self._carry_out(self._asked(lambda now: self.groups.reconfigure(default, configured, now)) or ())

    def witnessed_by(self, makers: Iterable[Callable[[], IRecordWitness]]) -> Sequence[IRecordWitness]:
        """Make the witnesses that are to be watched. Those who are asked before a Stop are found by their names."""
        self._watched = [self._witness(make) for make in makers]
        confirming = [witness for witness in self._watched if IConfirmingWitness.providedBy(witness)]
        self.witnesses.update({witness.name: witness for witness in confirming})
        return self._watched

    def _witness(self, make: Callable[[], IRecordWitness]) -> IRecordWitness:
        return make()

    def watch(self) -> None:
        """The witnesses begin to report."""
        for witness in self._watched:
            witness.watch(self.observe)

    def watch_no_more(self) -> None:
        """The witnesses report no more."""
        for witness in self._watched:
            witness.stop()

    def close(self) -> None:
        """Nothing is woken any more."""
        self._closed = True
        self._cancel_call()

    async def leave(self) -> None:
        """The proxy ends: all that was seen is kept, as far as it can be."""
        await self._store.close()

    # ---------------------------------------------------------------------------------------------------- commands

    def _asked(self, ask: Callable[[float], Sequence[Command]]) -> Sequence[Command] | None:
        """What the groups want done; None where they failed, and are woken soon, lest something that is due waits."""
        try:
            commands = ask(self._now())
            self._store.changed()
            return commands
        except Exception:  # noqa: BLE001 (whatever it is, telephony goes on; it is logged and counted)
            self._mistaken(Failure())
            self._call_in(TRY_AGAIN)
            return None

    def _carry_out(self, commands: Sequence[Command]) -> None:
        if any(isinstance(command, NotifyAgent) for command in commands):
            self._keep_what_is_told()
        for command in commands:
            if isinstance(command, Swallow):
                continue
            try:
                self._ways[type(command)](command)
            except Exception:  # noqa: BLE001 (as above; and the other commands are not to blame)
                self._mistaken(Failure())

    def _mistaken(self, problem: Failure) -> None:
        """Groups that fail at every message must not fill the disk with it as well."""
        self.failed += 1
        if self._now() >= self._silent_until:
            self._silent_until = self._now() + TRY_AGAIN
            self.log.failure("a mistake of ours about groups, the {count}. so far", problem, count=self.failed)

    def _intend(self, command: Stop | Unload) -> None:
        """The intention is written down before the request leaves (R20)."""
        self._intended[command.group] = command
        written = maybeDeferred(self._store.intend, command.group, step_of(command))
        written.addCallbacks(self._written, self._not_written, (command,), {}, (command,))
        written.addErrback(self._mistaken)

    def _written(self, _: None, command: Stop | Unload) -> None:
        """The request leaves now, unless the completion came to its end, or asked again, while it was written."""
        self.store_problem = None
        if self._intended.get(command.group) is not command:
            return
        if self.groups.still_wants(command, self._now()):
            self._send(command)
        else:
            self.log.info("{group}: {step} is not sent now", group=command.group, step=step_of(command))

    def _not_written(self, problem: Failure, command: Stop | Unload) -> None:
        self.store_problem = problem.getErrorMessage()
        self.log.error("{group}: nothing is sent, the store failed: {why}", group=command.group, why=self.store_problem)

    def _settled(self, command: Settled) -> None:
        self._intended.pop(command.group, None)
        self._store.settled(command.group)

    def _send(self, command: Stop | Unload | AskStatus) -> None:
        step = step_of(command)
        control = self.controls.get(command.control)
        if control is None or not control.registered:
            self.log.warn("{group}: no control session to send {step}", group=command.group, step=step)
            return
        self.sent[step] += 1
        getattr(control, step)(command.names, command.reference)

    def _ask_witness(self, command: AskWitness) -> None:
        witness = self.witnesses.get(command.witness)
        if witness is None:
            self.log.error("{group}: there is no witness {name} to ask", group=command.group, name=command.witness)
            return
        witness.ask(command.names, command.question)

    def _stored(self, problem: str | None) -> None:
        """The store can no longer be written, or (None) again."""
        self.store_problem = problem
        self._carry_out(self._asked(lambda now: self.groups.stored(problem, now)) or ())

    def _keep_what_is_told(self) -> None:
        """Who is told is written down before he is: told once at most, even where the proxy ends in between (R25)."""
        self._kept = maybeDeferred(self._store.keep).addErrback(self._not_kept)

    def _not_kept(self, problem: Failure) -> None:
        """An agent who is told twice, should the proxy die just now, is better off than one who is never told."""
        self.log.error("who is told could not be written down: {why}", why=problem.getErrorMessage())

    def _notify(self, command: NotifyAgent) -> None:
        if self._kept.called:
            self._say(command)
            return
        self._to_tell.setdefault(command.session, []).append(command)
        self._kept.addBoth(self._tell, command).addErrback(self._mistaken)

    def _tell(self, _: object, command: NotifyAgent) -> None:
        """It is written down, or could not be."""
        waiting = self._to_tell.get(command.session, [])
        if any(each is command for each in waiting):
            self._is_told(command, waiting)

    def _tell_now(self, session: int) -> None:
        """An event is about to reach this session: what it is to be told goes before, written down or not (R25)."""
        waiting = self._to_tell.get(session, [])
        for command in list(waiting):
            self._is_told(command, waiting)

    def _is_told(self, command: NotifyAgent, waiting: list[NotifyAgent]) -> None:
        waiting[:] = [each for each in waiting if each is not command]
        if not waiting:
            del self._to_tell[command.session]
        if self.groups.has_told(command):  # else he has heard meanwhile that the group is wanted (R27)
            self._say(command)

    def _say(self, command: NotifyAgent) -> None:
        session = self.sessions.get(command.session)
        if session is None or not session.tell(command):
            self.undeliverable += 1
            self.log.warn(
                "session {session}: the agent on {dn} could not be told {word}",
                session=command.session,
                dn=command.dn,
                word=command.word.value,
            )

    def _announce(self, command: Announce) -> None:
        news = command.news
        report = self.log.error if news.loud else self.log.info
        report(
            "{group}: {news}{text}", group=command.group, news=news.value, text=command.text and f" ({command.text})"
        )
        self.timeline.append(
            {
                "time": self._wall(),
                "group": command.group,
                "news": news.value,
                "text": command.text,
                "loud": news.loud,
            }
        )

    # ------------------------------------------------------------------------------------------------------- waking

    def _wake_at(self, command: WakeAt) -> None:
        self._call_in(max(0.0, command.when - self._now()))

    def _call_in(self, seconds: float) -> None:
        self._cancel_call()
        if not self._closed:
            self._call = self._clock.callLater(seconds, self._wake)

    def _cancel_call(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _wake(self) -> None:
        self._call = None
        self._carry_out(self._asked(self.groups.wake) or ())


_STEPS: Mapping[type, str] = {Stop: "stop", Unload: "unload", AskStatus: "ask_status"}
"""What a request of ours is called: in IDialerControl, in the store, and in the counts."""


def step_of(command: Stop | Unload | AskStatus) -> str:
    """What a request is called, see above."""
    return _STEPS[type(command)]
