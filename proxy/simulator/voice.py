"""How OCS speaks: the user data of its events, and to whom they go."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING

from proxy.kvlist import Pair, pair
from proxy.simulator import vocabulary as word
from proxy.simulator.asked import Asked, DirectClient
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
        self.direct_clients: Collection[DirectClient] = ()
        """The clients that are registered at the direct door."""
        self.report: Callable[[CampaignGroup], object] = lambda group: None
        """Hears of every change of a group's state or mode, when all others have been told."""
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

    # ------------------------------------------------------------------------------------------ to whoever controls

    def control(self, message: Control, group: CampaignGroup, asked: Asked) -> None:
        """OCS's word on a group's life, for all who control groups, or its status, for who asked for it.

        Only who asked gets the reference. On the Communication DN that cannot be told apart.
        """
        is_status = message is Control.STATUS_IS
        state = [pair(word.CM_STATUS, int(group.status))]
        if is_status or message in (Control.STARTED, Control.MODE_CHANGED):
            state.append(pair(word.CM_DIAL_MODE, _mode_number(group.mode)))
        if asked.client is None or not is_status:
            self._on_communication_dn(message, asked, [*self._group(group), *state])
        said = [*_ids(group), *state]
        for client in self.direct_clients if self._conf.direct_news and not is_status else ():
            if client is not asked.client:
                client.tell([pair(word.CM_TYPE, int(message)), *said])
        if asked.client is not None:
            asked.client.tell([pair(word.CM_TYPE, int(message)), *_given(asked.reference), *said])

    def refuse(self, group: CampaignGroup | None, asked: Asked, code: Refusal, text: str) -> None:
        """EvError: a control request failed. Only who asked hears it."""
        error = [pair(word.CM_ERROR_CODE, int(code)), pair(word.CM_ERROR_MESSAGE, text)]
        status = [] if group is None else [pair(word.CM_STATUS, int(group.status))]
        if asked.client is None:
            named = [] if group is None else self._group(group)
            self._on_communication_dn(Control.REFUSED, asked, [*named, *status, *error])
        else:
            named = [] if group is None else _ids(group)
            refused = [pair(word.CM_TYPE, int(Control.REFUSED)), *_given(asked.reference)]
            asked.client.tell([*refused, *named, *status, *error])

    def _on_communication_dn(self, message: Control, asked: Asked, said: list[Pair]) -> None:
        reference = _given(asked.reference) if asked.client is None else []
        self.switch.user_event(self._communication_dn, [pair(word.CM_TYPE, int(message)), *reference, *said])

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
            *_ids(group),
            pair(word.GROUP_DBID, group.conf.dbid),
            pair(word.CAMPAIGN, group.conf.campaign),
            pair(word.GROUP_NAME, group.conf.name),
        ]


def _ids(group: CampaignGroup) -> list[Pair]:
    """By what the direct protocol names a group (C)."""
    return [pair(word.CM_CAMPAIGN, group.conf.campaign_id), pair(word.CM_GROUP, group.conf.group_id)]


def _given(reference: Pair | None) -> list[Pair]:
    return [] if reference is None else [reference]


def _mode_number(mode: str) -> int:
    return next(number for number, name in DIAL_MODES.items() if name == mode)
