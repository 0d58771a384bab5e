"""One campaign group: its life, and the parts that do its work.

    Not loaded --Load--> Active --Start--> Running --Stop--> Active --Unload--> Waiting Unload, while records are
    out --> Unload In Progress --> Not loaded

Unload straight from Running is allowed and stops first; ForceUnload does not wait for records that are out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Any

from twisted.internet.interfaces import IReactorTime

from proxy.kvlist import pair
from proxy.simulator.asked import UNASKED, Asked
from proxy.simulator.calling_list import CallingList, Owner
from proxy.simulator.conf import GroupConf, OcsConf
from proxy.simulator.delivery import Delivery
from proxy.simulator.dialing import Dialing
from proxy.simulator.disposition import Disposition
from proxy.simulator.pool import Handles, Held, Pool, held_as_json, held_from_json
from proxy.simulator.retrieval import Retrieval
from proxy.simulator.timers import Timers
from proxy.simulator.vocabulary import DIALED_MODES, Control, Refusal, Stat, Status
from proxy.simulator.voice import Voice


class Refused(Exception):
    """A control request cannot be done: its code, and why."""

    def __init__(self, code: Refusal, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class CampaignGroup:
    """The state of one group. Requests change it or raise Refused; `work` does what there is to do."""

    def __init__(
        self,
        conf: GroupConf,
        ocs: OcsConf,
        lists: list[CallingList],
        voice: Voice,
        clock: IReactorTime,
        random: Random,
        handles: Handles,
        engaged: Counter[str],
    ) -> None:
        self.conf = conf
        self.ocs = ocs
        self.lists = lists
        self.voice = voice
        self.random = random
        self.engaged = engaged
        self.timers = Timers(clock)
        self.owner = Owner(conf.campaign_id, conf.group_id)
        self.status = Status.NOT_LOADED
        self.mode = conf.mode
        self.armed = False
        """Whether the latest Load, Start or SetDialingMode had GSW_AUTO_COMPLETION 1; for native completion."""
        self.pool = Pool(handles, engaged)
        self.retrieval = Retrieval(self)
        self.disposition = Disposition(self)
        self.delivery = Delivery(self)
        self.dialing = Dialing(self)
        self._unload_asked = UNASKED
        self._work_is_due = False

    # ------------------------------------------------------------------------------------------ requests

    def load(self, asked: Asked = UNASKED) -> None:
        """Not loaded becomes Active."""
        if self.status is not Status.NOT_LOADED:
            raise Refused(Refusal.WRONG_STATE, "Campaign group is already loaded")
        for calling_list in self.lists:
            calling_list.recover(self.owner)
        self.mode = self.conf.mode
        self.status = Status.ACTIVE
        self._announce("loaded", Control.LOADED, Stat.CAMPAIGN_ACTIVATED, asked)
        self._later_statistics()
        self._later_sweep()

    def start(self, mode: str | None = None, asked: Asked = UNASKED) -> None:
        """Active becomes Running, in `mode` if one is given."""
        if self.status is not Status.ACTIVE:
            raise Refused(Refusal.WRONG_STATE, "Campaign group is not loaded, or runs already")
        self.mode = mode or self.mode
        self.status = Status.RUNNING
        self._announce("started", Control.STARTED, Stat.DIALING_STARTED, asked)
        self.retrieval.start()
        self.work_soon()

    def set_mode(self, mode: str | None = None, asked: Asked = UNASKED) -> None:
        """Another dial mode; without one only the attributes of the request are taken."""
        if self.status not in (Status.ACTIVE, Status.RUNNING):
            raise Refused(Refusal.WRONG_STATE, "Campaign group is not loaded")
        changed = mode is not None and mode != self.mode
        if changed and self.status is Status.RUNNING and not {mode, self.mode} <= DIALED_MODES:
            raise Refused(Refusal.WRONG_MODE, "Dialing mode cannot be changed while running")
        self.mode = mode or self.mode
        self.voice.control(Control.MODE_CHANGED, self, asked)
        if changed:
            self.voice.statistic(self, Stat.DIAL_MODE_CHANGED)
            self.voice.tell_agents(self, "CampaignModeChanged")
            self.voice.report(self)
        self.work_soon()

    def stop(self, asked: Asked = UNASKED) -> None:
        """Running becomes Active: no more retrievals and calls; what is out stays with its agents."""
        if self.status is not Status.RUNNING:
            raise Refused(Refusal.WRONG_STATE, "Campaign group is not running")
        self.status = Status.ACTIVE
        self.retrieval.stop()
        self._announce("stopped", Control.STOPPED, Stat.DIALING_STOPPED, asked)

    def unload(self, asked: Asked = UNASKED) -> None:
        """Not loaded again, as soon as no record is out."""
        if self.status not in (Status.ACTIVE, Status.RUNNING):
            raise Refused(Refusal.WRONG_STATE, "Campaign group is not loaded, or is being unloaded")
        if self.status is Status.RUNNING:
            self.stop()
        self._unload_asked = asked
        self.status = Status.WAITING_UNLOAD
        self.voice.report(self)
        self.work_soon()

    def force_unload(self, asked: Asked = UNASKED) -> None:
        """Not loaded again, whatever is out."""
        if self.status is Status.NOT_LOADED:
            raise Refused(Refusal.WRONG_STATE, "Campaign group is not loaded")
        if self.status is Status.RUNNING:
            self.stop()
        self._unload_asked = asked
        self._unloaded("force unloaded")

    # ------------------------------------------------------------------------------------------ work

    def work_soon(self) -> None:
        """Something changed: there may be something to do. It is done in a turn of its own, once."""
        if not self._work_is_due:
            self._work_is_due = True
            self.timers.later(0, self._work)

    def _work(self) -> None:
        self._work_is_due = False
        if self.status is Status.RUNNING:
            self.retrieval.replenish()
            self.delivery.push()
            if self.mode in DIALED_MODES:
                self.dialing.dial()
        self.dialing.connect()
        if self.status is Status.RUNNING and self.ocs.native and self.armed and self.retrieval.exhausted:
            self.voice.ledger.count(self.conf.name, "native_completions")
            self.stop()
            self.unload()
        if self.status is Status.WAITING_UNLOAD and not self.pool.out and not self.dialing.is_talking:
            self.status = Status.UNLOAD_IN_PROGRESS
            self.voice.report(self)
            self.timers.later(self.ocs.unload_time, self._unloaded, "unloaded")

    def end(self) -> None:
        """OCS ends: nothing more happens here."""
        self.timers.cancel_all()

    # ------------------------------------------------------------------------------------------ one of a pair

    @property
    def lists_by_name(self) -> dict[str, CallingList]:
        """The calling lists by their names."""
        return {calling_list.name: calling_list for calling_list in self.lists}

    def as_json(self) -> dict[str, Any]:
        """All that another OCS needs to go on. Who asked for Unload at the direct door has gone with this one."""
        reference = self._unload_asked.reference
        return {
            "status": int(self.status),
            "mode": self.mode,
            "armed": self.armed,
            "unload_reference": None if reference is None else [reference.key, reference.value],
            "at_hand": [held_as_json(held) for held in self.pool.at_hand],
            "out": [held_as_json(held) for held in self.pool.out.values()],
            "retrieval": self.retrieval.as_json(),
            "calls": self.dialing.as_json(),
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on where another OCS was: records that were out with agents are; what it was calling is at hand again."""
        self.status = Status(state["status"])
        self.mode = state["mode"]
        self.armed = state["armed"]
        if state["unload_reference"] is not None:
            self._unload_asked = Asked(pair(*state["unload_reference"]))
        at_hand = [held_from_json(each, self.lists_by_name) for each in state["at_hand"]]
        out = [held_from_json(each, self.lists_by_name) for each in state["out"]]
        self._reconcile([*at_hand, *out], at_hand, out)
        self.pool.resume([*at_hand, *(held for held in out if not held.agent)], [held for held in out if held.agent])
        if self.status is Status.NOT_LOADED:
            return
        self._later_statistics()
        self._later_sweep()
        self.dialing.resume(state["calls"])
        if self.status is Status.RUNNING:
            self.retrieval.resume(state["retrieval"])
        if self.status is Status.UNLOAD_IN_PROGRESS:
            self.timers.later(self.ocs.unload_time, self._unloaded, "unloaded")
        self.work_soon()

    def _reconcile(self, every: list[Held], *held_in: list[Held]) -> None:
        """The lists are right: the last turn of another OCS may be in them, and not in its state."""
        for calling_list in self.lists:
            taken = calling_list.taken(self.owner)
            for records in held_in:
                records[:] = [
                    held for held in records if held.calling_list is not calling_list or held.record.record_id in taken
                ]
            known = {held.record.record_id for held in every if held.calling_list is calling_list}
            for record_id, record in taken.items():
                if record_id not in known:
                    calling_list.give_back(record)

    # ------------------------------------------------------------------------------------------ inside

    def _unloaded(self, what: str) -> None:
        self.timers.cancel_all()
        self._work_is_due = False
        self.dialing.forget()
        for held in self.pool.all():
            self.pool.drop(held)
            held.calling_list.give_back(held.record)
        self.status = Status.NOT_LOADED
        self.armed = False
        self._announce(what, Control.UNLOADED, Stat.CAMPAIGN_DEACTIVATED, self._unload_asked)

    def _announce(self, what: str, message: Control, stat: Stat, asked: Asked) -> None:
        """To the log, to the Communication DN, to the agents: in this order."""
        name = "unloaded" if message is Control.UNLOADED else what
        self.voice.log.life(self.conf.name, what)
        self.voice.ledger.live(self.conf.name, self.timers.now, what)
        self.voice.control(message, self, asked)
        self.voice.statistic(self, stat)
        self.voice.tell_agents(self, f"Campaign{name.capitalize()}")
        self.voice.report(self)

    def _later_statistics(self) -> None:
        if self.ocs.statistics_interval:
            self.timers.later(self.ocs.statistics_interval, self._statistics)

    def _statistics(self) -> None:
        for calling_list in self.lists:
            self.voice.log.statistics(calling_list, self.owner)
        self._later_statistics()

    def _later_sweep(self) -> None:
        self.timers.later(max(0.1, self.ocs.stale_clean_timeout / 10), self._sweep)

    def _sweep(self) -> None:
        for held in list(self.pool.out.values()):
            if self.timers.now - held.since >= self.ocs.stale_clean_timeout:
                self.disposition.stale(held)
        self._later_sweep()
