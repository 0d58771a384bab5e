"""The switchboard of a proxy that shares its groups: what it observes goes into a stream, and commands come out of it.

Every instance hears of every command. It carries out what is its own: it tells the agents of its own sessions; while
it leads, it speaks to the dialer. What must be decided before an event is relayed is decided at once, by what is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from proxy.campaign.groups import Groups
from proxy.campaign.instances import instance_of, own, shared
from proxy.campaign.names import compatible, with_campaign
from proxy.campaign.observation import (
    AgentHeard,
    Announce,
    AskStatus,
    AskWitness,
    Command,
    News,
    NotifyAgent,
    Observation,
    Settled,
    SourceConnected,
    StatusAsked,
    Stop,
    Unload,
)
from proxy.campaign.policy import ConfiguredGroup, Policy
from proxy.interfaces import IRecordWitness
from proxy.shared.entries import is_exclusive
from proxy.shared.member import Member
from proxy.shared.outbox import WANTED_AGAIN, covers
from proxy.shared.replica import Done, Replica
from proxy.shared.witnesses import WhileLeading
from proxy.store.memory import MemoryStore
from proxy.switchboard import Switchboard, step_of

TO_THE_DIALER = (Stop, Unload, AskStatus, AskWitness, Settled)
"""The commands that are the leader's to carry out."""

DEEDS = (News.STOP_SENT, News.UNLOAD_SENT)
"""What only the leader does, and all announce."""

OUT_OF_TOUCH = "Redis, which is out of reach: see /health"
"""What all groups wait for while nobody knows what other proxies see."""


class SharedSwitchboard(Switchboard):
    """See Switchboard."""

    def __init__(
        self,
        groups: Groups,
        member: Member,
        policies: tuple[Policy, tuple[ConfiguredGroup, ...]],
        clock: IReactorTime,
        now: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        super().__init__(groups, MemoryStore(), clock, now, wall)
        self.member = member
        self._policies = policies
        self._has_asked: set[str] = set()
        self._asked_status: dict[str, float] = {}
        self._retires = False

    # ------------------------------------------------------------------------------------------------ for channels

    def observe(self, observation: Observation) -> bool:
        """See Switchboard. Whether an event is swallowed is decided by what is known of it now (R26)."""
        try:
            is_answer = self._is_answer(observation)
            swallowed = isinstance(observation, AgentHeard) and self._relays(observation)
            self.member.observe(observation, is_exclusive(observation), is_answer)
        except Exception:  # noqa: BLE001 (whatever it is, telephony goes on; it is logged and counted)
            self._mistaken(Failure())
            return False
        return swallowed

    def _is_answer(self, observation: Observation) -> bool:
        """Whether an agent hears only what he has asked for, which is no news to him."""
        if isinstance(observation, StatusAsked):
            self._asked_status[observation.dn] = self._now()
        if not isinstance(observation, AgentHeard) or observation.word not in WANTED_AGAIN:
            return False
        asked = self._asked_status.get(observation.dn)
        return asked is not None and self._now() - asked <= self._policies[0].answer_timeout

    def _relays(self, heard: AgentHeard) -> bool:
        """An event is about to reach an agent; what is to go before it goes now (R25)."""
        on_way = self._on_their_way(heard)
        if self.member.replica is None or any(each.word in WANTED_AGAIN for each in on_way):
            return False  # what he was told is of the past (R27)
        known = replace(heard, session=shared(heard.session, self.member.number))
        swallowed, first = self.groups.passing(known, self.member.now)
        if first is not None and not any(covers(each.word, first.word) for each in on_way):
            self._say(replace(first, session=own(first.session)))
        return swallowed

    def take_up(self, forget: bool = False) -> None:
        """See Switchboard: what Redis has is taken up when it is reached; until then the proxy relays."""
        self.member.start(self, forget)

    def status(self) -> list[dict[str, object]]:
        """See Groups.status."""
        shown = self.groups.status(self._now() if self.member.replica is None else self.member.now)
        return shown if self.member.problem is None else [{**each, "waiting_for": OUT_OF_TOUCH} for each in shown]

    def retire(self) -> None:
        """The proxy is about to stop: where there is another, that one leads from now on."""
        self._retires = True
        self.member.hand_over()

    @property
    def is_retiring(self) -> bool:
        """Whether the proxy is about to stop."""
        return self._retires

    @property
    def is_completing(self) -> bool:
        """Whether a completion has begun, and is this instance's to be finished."""
        return self.member.is_leading and self.groups.is_completing

    def reconfigure(self, default: Policy, configured: Iterable[ConfiguredGroup]) -> None:
        """See Groups.reconfigure: what the leader's conf file wants holds for all."""
        self._policies = default, tuple(configured)
        if self.member.replica is None:
            super().reconfigure(*self._policies)
        self.member.configure()

    def _witness(self, make: Callable[[], IRecordWitness]) -> IRecordWitness:
        return WhileLeading(make)

    def watch(self) -> None:
        """See Switchboard: they report while this instance leads."""

    async def leave(self) -> None:
        """See Switchboard: the other instances are told that this one ends in order."""
        await self.member.close()

    # --------------------------------------------------------------------------------------------- told by its member

    @property
    def can_control(self) -> bool:
        """See Told: by the protocol that groups are controlled with, where there is a session of it."""
        control = self.controls.get(self._policies[0].control.value)
        if control is not None:
            return control.registered
        return any(each.registered for each in self.controls.values())

    @property
    def policies(self) -> tuple[Policy, tuple[ConfiguredGroup, ...]]:
        """See Told."""
        return self._policies

    def joined(self, replica: Replica) -> None:
        """See Told."""
        self.groups = replica.groups

    def applied(self, done: Done) -> None:
        """See Told: carry out what is to be done here."""
        if done.problem is not None:
            self._mistaken(done.problem)
        leads = self.member.is_leading and done.fence == self.member.lead.fence
        for command in done.commands:
            try:
                self._carry_out_shared(command, leads)
            except Exception:  # noqa: BLE001 (the other commands are not to blame)
                self._mistaken(Failure())

    def _carry_out_shared(self, command: Command, leads: bool) -> None:
        if isinstance(command, Announce):
            self._announce(command if leads else self._as_another_did(command))
        elif isinstance(command, NotifyAgent):
            self._notify(command)
        elif leads and isinstance(command, TO_THE_DIALER):
            self._ways[type(command)](command)

    def _as_another_did(self, command: Announce) -> Announce:
        """What is done by the proxy that leads is not to be looked for in what this one sent."""
        if command.news not in DEEDS or self.member.replica is None:
            return command
        return replace(command, text=f"{command.text}; by proxy {self.member.replica.leader}")

    def leads(self) -> None:
        """See Told: OCS is heard over this instance's sessions from now on, and asked for every status (R2)."""
        for name, control in self.controls.items():
            if control.registered:
                self.member.observe(SourceConnected(name), is_exclusive=True)
        super().watch()

    def leads_no_more(self) -> None:
        """See Told. What was sent and may still be on its way must not arrive when another leads."""
        self.watch_no_more()
        if self._has_asked and not self._retires:
            for control in self.controls.values():
                control.cut_off()
        self._has_asked.clear()

    def out_of_touch(self, problem: str | None) -> None:
        """See Told."""
        self.store_problem = problem

    # ---------------------------------------------------------------------------------------------------- commands

    def _intend(self, command: Stop | Unload) -> None:
        """The step is written down, if it is still this instance's to be taken, before the request leaves (R20)."""
        fence = self.member.lead.fence
        intended = Deferred.fromCoroutine(self.member.intend(command.group, step_of(command)))
        intended.addCallbacks(self._intended_by, self._not_written, (command, fence), {}, (command,))
        intended.addErrback(self._mistaken)

    def _intended_by(self, is_ours: bool, command: Stop | Unload, fence: int) -> None:
        lead = self.member.lead
        if is_ours and lead.fence == fence and self.groups.still_wants(command, self.member.now) and lead.holds:
            self._send(command)
        else:
            self.log.info("{group}: {step} is not sent now", group=command.group, step=step_of(command))

    def _send(self, command: Stop | Unload | AskStatus) -> None:
        if not isinstance(command, AskStatus):
            self._has_asked.add(command.group)
        super()._send(command)

    def _not_written(self, problem: Failure, command: Stop | Unload) -> None:
        self.log.error(
            "{group}: nothing is sent, Redis failed: {why}", group=command.group, why=problem.getErrorMessage()
        )

    def _settled(self, command: Settled) -> None:
        self._has_asked.discard(command.group)
        self.member.settled(command.group)

    def _notify(self, command: NotifyAgent) -> None:
        """An agent of a session here is told, unless OCS's own word has just passed there (R25, R27)."""
        if instance_of(command.session) != self.member.number:
            return
        here = replace(command, session=self._session_of(own(command.session), command.dn))
        if not any(covers(each.word, here.word) for each in self._on_their_way(here)):
            self._say(here)

    def _session_of(self, session: int, dn: str) -> int:
        """Where an agent is found whose session has just ended: in a later one, of which the groups do not know yet."""
        if self.sessions.get(session) is not None:
            return session
        known = self.groups.whole.around.registrations.sessions(dn)
        later = [each for each in self.member.sessions_here(dn) if shared(each, self.member.number) not in known]
        return later[-1] if later else session

    def _on_their_way(self, told: NotifyAgent | AgentHeard) -> list[AgentHeard]:
        """OCS's words of the same group that were relayed to this session of a channel here, or say to this agent that
        he is wanted again, and that the groups do not know of yet."""
        heard = self.member.outbox.heard_by(told.dn)
        if not heard:
            return []
        names = with_campaign(told.names)
        concern = [each for each in heard if each.session == told.session or each.word in WANTED_AGAIN]
        return [each for each in concern if compatible(with_campaign(each.names), names)]
