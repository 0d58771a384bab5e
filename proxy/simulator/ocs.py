"""OCS: campaign groups, their agents' desktops, campaign control, and a schedule of its own.

Pure of sockets: a clock, a seeded random, a Switch to speak through. It is told by `hear` what its clients say.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from twisted.internet.interfaces import IReactorTime

from proxy.kvlist import Pair, pair
from proxy.simulator import vocabulary as word
from proxy.simulator.asked import DirectClient
from proxy.simulator.calling_list import CallingList
from proxy.simulator.conf import Autostart, Conf
from proxy.simulator.control import CampaignControl
from proxy.simulator.desktop import Desktops
from proxy.simulator.group import CampaignGroup
from proxy.simulator.ledger import Ledger, as_json
from proxy.simulator.oclog import OcsLog
from proxy.simulator.pool import Handles
from proxy.simulator.switch import Switch, UserEvent
from proxy.simulator.timers import Timers
from proxy.simulator.vocabulary import Control, Refusal, Stat, Status
from proxy.simulator.voice import Voice


class Ocs:
    """A dialer with its campaign groups. Provides DialerClient to the T-Server it is a client of."""

    def __init__(
        self, conf: Conf, lists: Sequence[CallingList], switch: Switch, clock: IReactorTime, log: OcsLog, ledger: Ledger
    ) -> None:
        self.ledger = ledger
        self._conf = conf
        self._switch = switch
        self._timers = Timers(clock)
        self._unheard: deque[Callable[[], None]] = deque()
        voice = Voice(conf.ocs, conf.tserver.communication_dn, switch, log, ledger)
        random, engaged = Random(conf.ocs.seed), Counter[str]()
        self._handles = Handles()
        by_name = {calling_list.name: calling_list for calling_list in lists}
        self.groups = [
            CampaignGroup(
                group, conf.ocs, [by_name[name] for name in group.lists], voice, clock, random, self._handles, engaged
            )
            for group in conf.groups
        ]
        self._desktops = Desktops(self.groups, voice)
        self.voice = voice
        self._control = CampaignControl(self.groups, conf.ocs.applications, voice, lambda: self._timers.now)

    def start(self) -> None:
        """OCS is up: groups that need not wait for their agents are loaded and started."""
        for group in self.groups:
            if group.conf.autostart is Autostart.NOW:
                self._schedule(group)

    def as_json(self) -> dict[str, Any]:
        """All that another OCS needs to go on where this one is. What it has not heard yet is lost with it."""
        return {
            "handle": self._handles.last,
            "groups": {group.conf.name: group.as_json() for group in self.groups},
            "closed": self._desktops.as_json(),
            "ledger": self.ledger.as_json(),
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on where another OCS was."""
        self._handles.last = state["handle"]
        self.ledger.resume(state["ledger"])
        self._desktops.resume(state["closed"])
        for group in self.groups:
            group.resume(state["groups"][group.conf.name])
            self._go_on_with_schedule(group)

    def _go_on_with_schedule(self, group: CampaignGroup) -> None:
        """The Start that was to come after the schedule's Load."""
        life = self.ledger.pages[group.conf.name].life
        if group.conf.autostart is not Autostart.NO and [each["what"] for each in life] == ["loaded"]:
            self._timers.later(self._conf.ocs.autostart_delay, self._start_scheduled, group)

    def end(self) -> None:
        """OCS ends: nothing more happens."""
        self._timers.cancel_all()
        for group in self.groups:
            group.end()

    def lose_database(self, lost: bool, reported: bool = False) -> None:
        """The calling lists cannot be reached any more, or again.

        For OCS's clients it looks like WaitingRecords; where it is `reported`, SystemError too.
        """
        for group in self.groups:
            group.retrieval.database_is_lost = lost
            if reported:
                group.voice.statistic(group, Stat.SYSTEM_ERROR if lost else Stat.SYSTEM_ERROR_OVER)

    # ------------------------------------------------------------------------------------------ as T-Server's client

    def hear(self, event: UserEvent) -> None:
        """See DialerClient. What is heard is answered in order, at once or after `answer_delay`."""
        self._in_order(lambda: self._answer(event))

    def _in_order(self, answer: Callable[[], None]) -> None:
        if not self._conf.ocs.answer_delay:
            answer()
            return
        self._unheard.append(answer)
        self._timers.later(self._conf.ocs.answer_delay, lambda: self._unheard.popleft()())

    # ------------------------------------------------------------------------------------------ at the direct door

    def register(self, client: DirectClient, pairs: Sequence[Pair]) -> bool:
        """A campaign manager registers; False, and it is told so, where its application is not linked to OCS."""
        application = word.number(pairs, word.APPLICATION)
        if application is not None and not self._control.is_linked(application):
            self._control.refuse(client, pairs, Refusal.NOT_LINKED, "The application is not linked")
            return False
        reference = [each for each in pairs if each.key == word.CM_REFERENCE]
        client.tell([pair(word.CM_TYPE, int(Control.CLIENT_REGISTERED)), *reference])
        return True

    def hear_direct(
        self, client: DirectClient, sender: str, pairs: Sequence[Pair], looked_at: Callable[[], object] = lambda: None
    ) -> None:
        """What a registered client asks; answered in order with all else.

        `looked_at` is called when OCS has refused it, or begun to do it.
        """

        def answer() -> None:
            if not self._control.answer_direct(client, sender, pairs):
                self.ledger.ignore()
            looked_at()

        self._in_order(answer)

    def refuse_direct(self, client: DirectClient, pairs: Sequence[Pair]) -> None:
        """Who has not registered is refused everything."""
        self._control.refuse(client, pairs, Refusal.NOT_REGISTERED, "The client is not registered")

    # ------------------------------------------------------------------------------------------ at the HTTP door

    def hear_http(
        self, client: DirectClient, sender: str, pairs: Sequence[Pair], looked_at: Callable[[], object]
    ) -> None:
        """What is asked over HTTP; answered in order with all else. `looked_at`: see hear_direct."""

        def answer() -> None:
            self._control.answer_http(client, sender, pairs)
            looked_at()

        self._in_order(answer)

    # ------------------------------------------------------------------------------------------ as T-Server's client

    def agent_changed(self, dn: str) -> None:
        """See DialerClient."""
        for group in self.groups:
            if dn not in group.conf.agents:
                continue
            if not self._switch.attended(dn):
                group.delivery.agent_left(dn)
            group.work_soon()
            if group.conf.autostart is Autostart.AGENTS and group.status is Status.NOT_LOADED:
                self._start_if_complete(group)

    def release_asked(self, dn: str, connection: int) -> bool:
        """See DialerClient."""
        return any(group.dialing.release(dn, connection) for group in self.groups)

    def _answer(self, event: UserEvent) -> None:
        if word.raw(event.pairs, word.CM_TYPE) is not None:
            known = self._control.answer(event.sender, event.pairs)
        elif word.raw(event.pairs, word.REQUEST) is not None:
            known = self._is_meant(event) and self._desktops.answer(self._agent_of(event), event.pairs)
        else:
            return
        if not known:
            self.ledger.ignore()

    def _is_meant(self, event: UserEvent) -> bool:
        """Whether a desktop speaks to this OCS: GSW_APPLICATION_ID is OCS's own, or not there."""
        return word.number(event.pairs, word.APPLICATION) in (None, self._conf.ocs.dbid)

    def _agent_of(self, event: UserEvent) -> str:
        """A desktop speaks to OCS on its own DN, or on the Communication DN in the name of its own."""
        return event.dn if event.dn != self._conf.tserver.communication_dn else event.agent or event.dn

    # ------------------------------------------------------------------------------------------ the schedule

    def _start_if_complete(self, group: CampaignGroup) -> None:
        if all(self._switch.ready(dn) for dn in group.conf.agents) and not self.ledger.pages[group.conf.name].life:
            self._schedule(group)

    def _schedule(self, group: CampaignGroup) -> None:
        group.load()
        self._timers.later(self._conf.ocs.autostart_delay, self._start_scheduled, group)

    def _start_scheduled(self, group: CampaignGroup) -> None:
        if group.status is Status.ACTIVE:
            group.start()

    # ------------------------------------------------------------------------------------------ the truth

    def truth(self) -> dict[str, Any]:
        """What really is and was, as JSON has it: for tests and demos, not for clients."""
        return {
            "groups": [self._truth_of(group) for group in self.groups],
            "requests": self.ledger.requests,
            "ignored": self.ledger.ignored,
        }

    def _truth_of(self, group: CampaignGroup) -> dict[str, Any]:
        censuses = {calling_list.name: calling_list.census() for calling_list in group.lists}
        by_status = sum((Counter(census.by_status) for census in censuses.values()), Counter[int]())
        return {
            "name": group.conf.name,
            "dbid": group.conf.dbid,
            "state": group.status.name.lower(),
            "mode": group.mode,
            "records": sum(census.total for census in censuses.values()),
            "left": sum(census.left for census in censuses.values()),
            "record_status": {str(int(status)): number for status, number in sorted(by_status.items())},
            "lists": {name: census.total for name, census in censuses.items()},
            "out": len(group.pool.out),
            "at_hand": len(group.pool.at_hand),
            **as_json(self.ledger.pages[group.conf.name]),
        }
