"""Instances that share groups through a real Redis: members with their boards, a control session each, and agents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import count
from random import Random
from time import monotonic, time
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred

from proxy.campaign.groups import Groups
from proxy.campaign.instances import own
from proxy.campaign.observation import (
    Action,
    ActionAcknowledged,
    ActionRequested,
    AgentHeard,
    ControlRequested,
    DesktopError,
    DnRegistered,
    GroupNames,
    NotifyAgent,
    Observation,
    RecordDelivered,
    RecordRequested,
    Request,
    SourceConnected,
    Status,
    StatusHeard,
    Word,
    WordHeard,
)
from proxy.campaign.policy import By, ConfiguredGroup, Policy
from proxy.shared.board import SharedSwitchboard
from proxy.shared.member import Member
from proxy.shared.stream import Stream
from proxy.shared.url import RedisUrl
from tests.switchboard.desk import NotedControl

SALES = GroupNames(101, 101, 732, "Sales@Agents", "Sales")

COMPLETES = Policy(by=By.PROXY, settle=0.2, settle_dialed=0.2, answer_timeout=2.0, notify_wait=0.1)

PATIENCE = 60.0
"""Seconds until what is waited for will not come any more; it takes a few."""

LEASE = 3.0


class Instance:
    """One proxy, but for its channels: they are the test."""

    def __init__(self, reactor: Any, url: str, prefix: str = "tests", policy: Policy = COMPLETES) -> None:
        chance = Random(len(url))
        self.reactor = reactor
        self.policies = (policy, (ConfiguredGroup(SALES, policy),))

        def fresh() -> Groups:
            return Groups(*self.policies)

        self.stream = Stream(reactor, RedisUrl.parse(url), prefix)
        names = (f"{monotonic()}-{chance.random()}-{number}" for number in count())
        self.member = Member(reactor, self.stream, fresh, LEASE, lambda: next(names))
        self.board = SharedSwitchboard(fresh(), self.member, self.policies, reactor, monotonic, time)
        self.control = NotedControl()
        self.board.controls["tevents"] = self.control
        self.agents: dict[str, Agent] = {}
        self._sessions = count(1)

    def starts(self) -> Instance:
        """It takes part, as soon as it can."""
        self.board.take_up()
        return self

    def dies(self) -> None:
        """It is gone, and says nothing any more."""
        member = self.member
        member._running = False
        self.board.controls.clear()
        self.stream.close()
        member._break("killed")
        if member._life is not None:
            member._life.cancel()

    async def ends(self) -> None:
        """It leaves in order."""
        self.board.retire()
        self.board.close()
        await self.board.leave()

    def agent(self, dn: str) -> Agent:
        """An agent whose desktop is connected here."""
        agent = self.agents[dn] = Agent(self.board, next(self._sessions), dn)
        self.board.sessions[agent.session] = agent
        self.board.observe(DnRegistered(agent.session, dn))
        return agent

    def hears(self, observation: Observation) -> None:
        """Its own session with the dialer hears something; so does that of every other instance."""
        self.board.observe(observation)

    def shown(self) -> dict[str, Any]:
        """The one group, as GET /groups shows it here."""
        (group,) = self.board.status()
        return group


class Agent:
    """An agent's session of one instance, and what the proxy told it."""

    def __init__(self, board: SharedSwitchboard, session: int, dn: str) -> None:
        self.board = board
        self.session = session
        self.dn = dn
        self.told: list[Word] = []

    def tell(self, command: NotifyAgent) -> bool:
        assert (own(command.session), command.dn) == (self.session, self.dn)
        self.told.append(command.word)
        return True

    def hears(self, word: Word) -> bool:
        """OCS's own campaign event; whether it was swallowed."""
        return self.board.observe(AgentHeard(self.session, self.dn, SALES, word, "Preview"))

    def gets(self, handle: str) -> None:
        self.board.observe(RecordDelivered(self.session, self.dn, SALES, "PreviewRecord", handle))

    def processes(self, handle: str) -> None:
        """He is done with a record, and OCS says so."""
        self.board.observe(ActionRequested(self.session, self.dn, SALES, Action.PROCESS, handle))
        self.board.observe(ActionAcknowledged(self.session, self.dn, SALES, Action.PROCESS, handle))

    def hears_no_records(self) -> None:
        self.board.observe(RecordRequested(self.session, self.dn, SALES))
        self.board.observe(DesktopError(self.session, self.dn, SALES, no_records=True))


class Dialer:
    """OCS, as far as its words go: every instance that lives hears them; its status requests are answered."""

    def __init__(self, *instances: Instance) -> None:
        self.instances = list(instances)
        self.status = Status.NOT_LOADED
        self.accepted: Counter[str] = Counter()
        self._answered: dict[int, int] = {}

    def says(self, word: Word) -> None:
        """OCS's word on the Communication DN."""
        for instance in self.instances:
            instance.hears(WordHeard(SALES, word, "tevents", "Preview"))

    def loads_and_starts(self, client: Instance) -> None:
        """As a client asked, with GSW_AUTO_COMPLETION."""
        for request in (Request.LOAD, Request.START):
            client.board.observe(ControlRequested(1 << 20, SALES, request, (1,), "Preview"))

    def looks(self) -> None:
        """What was asked by now is answered, and done, once each."""
        for instance in self.instances:
            sent = instance.control.sent
            for step, _, reference in sent[self._answered.get(id(instance), 0) :]:
                self._does(step, reference)
            self._answered[id(instance)] = len(sent)

    def _does(self, step: str, reference: int) -> None:
        if step == "ask_status":
            for instance in self.instances:
                instance.hears(StatusHeard(SALES, self.status, "tevents", "Preview", str(reference)))
        elif step == "stop" and self.status is Status.RUNNING:
            self.accepted[step] += 1
            self.status = Status.ACTIVE
            self.says(Word.STOPPED)
        elif step == "unload" and self.status is Status.ACTIVE:
            self.accepted[step] += 1
            self.status = Status.NOT_LOADED
            self.says(Word.UNLOADED)


async def until(reactor: Any, holds: Callable[[], object], looks: Callable[[], object] = lambda: None) -> None:
    """Wait until something holds; AssertionError where it does not for too long. `looks` is called all the while."""
    deadline = monotonic() + PATIENCE
    while not holds():
        assert monotonic() < deadline, "what was waited for did not come"
        looks()
        turn: Deferred[None] = Deferred()
        reactor.callLater(0.01, turn.callback, None)
        await turn
    looks()


def connected(*instances: Instance) -> None:
    """Each instance's own session with the dialer is registered."""
    for instance in instances:
        instance.hears(SourceConnected("tevents"))


__all__ = ["COMPLETES", "LEASE", "SALES", "Agent", "Dialer", "Instance", "connected", "evolve", "until"]
