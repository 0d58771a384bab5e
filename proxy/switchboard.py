"""Between channels and groups: observations go in with the time, commands come out and are carried out.

The groups are pure; this is where they meet a clock, a log, a store and the sessions that can tell an agent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from proxy.campaign.attribute import Edit
from proxy.campaign.groups import Groups
from proxy.campaign.observation import (
    Announce,
    AskStatus,
    Command,
    GroupNames,
    News,
    NotifyAgent,
    Observation,
    Request,
    Settled,
    Stop,
    Swallow,
    Unload,
    WakeAt,
)
from proxy.interfaces import IDialerControl, IGroupStore

TIMELINE = 1000
"""How many announcements are kept for the time line."""

TRY_AGAIN = 1.0
"""After how many seconds the groups are woken again where waking them failed by a mistake of ours."""


class AgentSession(Protocol):
    """A session of a channel that can tell an agent something."""

    def tell(self, command: NotifyAgent) -> bool:
        """Send the notification to the client. False where that cannot be done any more."""
        ...


class Switchboard:
    """Carries out what the groups want. `now` is a clock that never jumps, `wall` that of the log, in seconds."""

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
        self.sessions: dict[int, AgentSession] = {}
        self.timeline: deque[dict[str, object]] = deque(maxlen=TIMELINE)
        self.sent = {"stop": 0, "unload": 0, "ask_status": 0}
        self.undeliverable = 0
        self.failed = 0
        self.store_problem: str | None = None
        self._store = store
        self._clock = clock
        self._now = now
        self._wall = wall
        self._call: IDelayedCall | None = None

    # ------------------------------------------------------------------------------------------------ for channels

    def observe(self, observation: Observation) -> bool:
        """Hand an observation to the groups and do what they want; whether the event is to be swallowed (R26)."""
        return self._carry_out(self.groups.observe(observation, self._now()))

    def edit(self, names: GroupNames, request: Request | None, values: Sequence[object]) -> Edit:
        """See Groups.edit."""
        return self.groups.edit(names, request, values)

    def status(self) -> list[dict[str, object]]:
        """See Groups.status."""
        return self.groups.status(self._now())

    def close(self) -> None:
        """Nothing is woken any more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    # ---------------------------------------------------------------------------------------------------- commands

    def _carry_out(self, commands: Iterable[Command]) -> bool:
        swallow = False
        for command in commands:
            if isinstance(command, WakeAt):
                self._wake_at(command.when)
            elif isinstance(command, Announce):
                self._announce(command)
            elif isinstance(command, NotifyAgent):
                self._notify(command)
            elif isinstance(command, Swallow):
                swallow = True
            elif isinstance(command, Settled):
                self._store.settled(command.group)
            elif isinstance(command, AskStatus):
                self._send("ask_status", command)
            else:
                self._intend("stop" if isinstance(command, Stop) else "unload", command)
        return swallow

    def _intend(self, step: str, command: Stop | Unload) -> None:
        """The intention is written down before the request leaves (R20)."""
        written: Deferred[None] = self._store.intend(command.group, step)
        written.addCallbacks(lambda _: self._send(step, command), self._not_written, errbackArgs=(command.group,))

    def _not_written(self, problem: Failure, group: str) -> None:
        self.store_problem = problem.getErrorMessage()
        self.log.error("{group}: nothing is sent, the store failed: {why}", group=group, why=self.store_problem)

    def _send(self, step: str, command: Stop | Unload | AskStatus) -> None:
        control = self.controls.get(command.control)
        if control is None or not control.registered:
            self.log.warn("{group}: no control session to send {step}", group=command.group, step=step)
            return
        self.sent[step] += 1
        getattr(control, step)(command.names, command.reference)

    def _notify(self, command: NotifyAgent) -> None:
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
        news: News = command.news
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

    def _wake_at(self, when: float) -> None:
        if self._call is not None:
            self._call.cancel()
        self._call = self._clock.callLater(max(0.0, when - self._now()), self._wake)

    def _wake(self) -> None:
        self._call = None
        try:
            commands = self.groups.wake(self._now())
        except Exception:  # noqa: BLE001 (whatever it is, the groups must be woken again; it is logged and counted)
            self.failed += 1
            self.log.failure("waking the groups failed")
            self._call = self._clock.callLater(TRY_AGAIN, self._wake)
            return
        self._carry_out(commands)
