"""How OCS speaks: the user data of its events, and to whom they go."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from proxy.kvlist import Pair, pair
from proxy.simulator import vocabulary as word
from proxy.simulator.conf import Acks, OcsConf, Tells
from proxy.simulator.ledger import Ledger
from proxy.simulator.oclog import OcsLog
from proxy.simulator.pool import Held
from proxy.simulator.switch import Switch
from proxy.simulator.vocabulary import DIAL_MODES, Control, Refusal, Stat

if TYPE_CHECKING:
    from proxy.simulator.group import CampaignGroup

_UNTOLD = {
    Tells.YES: frozenset[str](),
    Tells.NO: frozenset({"CampaignStopped", "CampaignUnloaded"}),
    Tells.STOPPED: frozenset({"CampaignUnloaded"}),
    Tells.UNLOADED: frozenset({"CampaignStopped"}),
}


class Voice:
    """OCS's side of every conversation. Log and ledger hear what the clients hear."""

    def __init__(self, conf: OcsConf, communication_dn: str, switch: Switch, log: OcsLog, ledger: Ledger) -> None:
        self.log = log
        self.ledger = ledger
        self.switch = switch
        self._conf = conf
        self._communication_dn = communication_dn

    # ------------------------------------------------------------------------------------------ to agents

    def tell_agents(self, group: CampaignGroup, event: str) -> None:
        """A campaign event for each agent of a group, as far as this OCS tells them at all."""
        if event in _UNTOLD[self._conf.notify_agents]:
            return
        for dn in group.conf.agents:
            self.ledger.tell(group.conf.name, dn, event, self._campaign_event(group, dn, event))

    def answer_status(self, group: CampaignGroup, dn: str, event: str, reference: Pair | None) -> None:
        """The same event as an answer to a CampaignStatusRequest: no news."""
        self._campaign_event(group, dn, event, reference)

    def _campaign_event(self, group: CampaignGroup, dn: str, event: str, reference: Pair | None = None) -> int:
        """CampaignStarted and CampaignModeChanged carry the mode. Says how many clients there are."""
        pairs = [pair(word.EVENT, event), *self._campaign(group)]
        if event in ("CampaignStarted", "CampaignModeChanged"):
            pairs.append(pair(word.MODE, group.mode))
        return self.switch.user_event(dn, pairs + _given(reference))

    def record(self, group: CampaignGroup, dn: str, held: Held, event: str, reference: Pair | None = None) -> None:
        """An event that brings a record to an agent, or takes one away."""
        pairs = [pair(word.EVENT, event), *self.record_keys(group, held)]
        self.switch.user_event(dn, pairs + _given(reference))

    def record_keys(self, group: CampaignGroup, held: Held) -> list[Pair]:
        """The keys of a record, as agents' events and calls carry them."""
        return [
            *self._campaign(group),
            pair(word.HANDLE, held.handle),
            pair(word.CALLING_LIST, held.calling_list.name),
            pair(word.CHAIN, held.record.chain_id),
            pair(word.PHONE, held.record.phone),
            pair(word.ATTEMPTS, held.attempt),
        ]

    def acknowledge(
        self, group: CampaignGroup, dn: str, event: str, keys: Iterable[Pair], reference: Pair | None
    ) -> None:
        """An acknowledgement with all its keys, or with its name and reference only."""
        pairs = [pair(word.EVENT, event)]
        if self._conf.acks is Acks.FULL:
            pairs += [*self._campaign(group), *keys]
        self.switch.user_event(dn, pairs + _given(reference))

    def error(self, group: CampaignGroup | None, dn: str, text: str, reference: Pair | None) -> None:
        """GSW_ERROR: a desktop's request failed."""
        pairs = [pair(word.ERROR, text)]
        if self._conf.acks is Acks.FULL and group is not None:
            pairs = [*self._campaign(group), *pairs]
        self.switch.user_event(dn, pairs + _given(reference))

    def _campaign(self, group: CampaignGroup) -> list[Pair]:
        pairs = [pair(word.APPLICATION, self._conf.dbid), pair(word.CAMPAIGN, group.conf.campaign)]
        if self._conf.group_keys:
            pairs += [pair(word.GROUP_DBID, group.conf.dbid), pair(word.GROUP_NAME, group.conf.name)]
        return pairs

    # ------------------------------------------------------------------------------------------ on the Communication DN

    def control(self, message: Control, group: CampaignGroup, reference: Pair | None) -> None:
        """OCS's word on a group's life, or its status; with the reference of the request that it answers."""
        pairs = [pair(word.CM_TYPE, int(message)), *_given(reference), *self._group(group)]
        pairs.append(pair(word.CM_STATUS, int(group.status)))
        if message in (Control.STARTED, Control.MODE_CHANGED, Control.STATUS_IS):
            pairs.append(pair(word.CM_DIAL_MODE, _mode_number(group.mode)))
        self.switch.user_event(self._communication_dn, pairs)

    def refuse(self, group: CampaignGroup | None, reference: Pair | None, code: Refusal, text: str) -> None:
        """EvError: a control request failed."""
        pairs = [pair(word.CM_TYPE, int(Control.REFUSED)), *_given(reference)]
        if group is not None:
            pairs += [*self._group(group), pair(word.CM_STATUS, int(group.status))]
        pairs += [pair(word.CM_ERROR_CODE, int(code)), pair(word.CM_ERROR_MESSAGE, text)]
        self.switch.user_event(self._communication_dn, pairs)

    def statistic(self, group: CampaignGroup, stat: Stat, *more: Pair) -> None:
        """A statistics event."""
        self.ledger.statistic(group.conf.name, stat.name)
        named = [
            pair(word.APPLICATION, self._conf.dbid),
            pair(word.GROUP_DBID, group.conf.dbid),
            pair(word.CAMPAIGN, group.conf.campaign),
            pair(word.GROUP_NAME, group.conf.name),
        ]
        self.switch.user_event(self._communication_dn, [pair(word.STATISTIC, int(stat)), *named, *more])

    def _group(self, group: CampaignGroup) -> list[Pair]:
        return [
            pair(word.APPLICATION, self._conf.dbid),
            pair(word.CM_SESSION, group.conf.dbid),
            pair(word.CM_CAMPAIGN, group.conf.campaign_id),
            pair(word.CM_GROUP, group.conf.group_id),
            pair(word.GROUP_DBID, group.conf.dbid),
            pair(word.CAMPAIGN, group.conf.campaign),
            pair(word.GROUP_NAME, group.conf.name),
        ]


def _given(reference: Pair | None) -> list[Pair]:
    return [] if reference is None else [reference]


def _mode_number(mode: str) -> int:
    return next(number for number, name in DIAL_MODES.items() if name == mode)
