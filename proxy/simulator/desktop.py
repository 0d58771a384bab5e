"""What agents' desktops ask of OCS: user events with GSW_AGENT_REQ_TYPE, and the answers to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from proxy.kvlist import Pair, pair
from proxy.simulator import vocabulary as word
from proxy.simulator.pool import Held, held_as_json, held_from_json
from proxy.simulator.vocabulary import DIALED_MODES, CallResult, RecordType, Status

if TYPE_CHECKING:
    from proxy.simulator.group import CampaignGroup
    from proxy.simulator.voice import Voice


class DesktopError(Exception):
    """The request cannot be done: the text of GSW_ERROR."""


class Request:
    """One request of the desktop at `dn`. `pairs` is its user data."""

    def __init__(self, dn: str, pairs: Sequence[Pair]) -> None:
        self.dn = dn
        self.pairs = pairs
        self.name = word.text(pairs, word.REQUEST) or ""
        self.handle = word.number(pairs, word.HANDLE)
        self.phone = word.text(pairs, word.PHONE)

    @property
    def reference(self) -> Pair | None:
        """GSW_REFERENCE_ID as the desktop sent it: the answer brings it back."""
        return next((each for each in reversed(self.pairs) if each.key == word.REFERENCE), None)


class Desktops:
    """Answers desktops. `answer` is all there is; the table of requests is `_ANSWERS`."""

    def __init__(self, groups: Sequence[CampaignGroup], voice: Voice) -> None:
        self._groups = groups
        self._voice = voice
        self._closed: dict[int, tuple[CampaignGroup, Held]] = {}
        """Records that were rescheduled or finished: desktops may still send their last words about them."""

    def answer(self, dn: str, pairs: Sequence[Pair]) -> bool:
        """Do what the desktop at `dn` asks, and answer it; False where OCS does not know the request."""
        request = Request(dn, pairs)
        answer = _ANSWERS.get(request.name)
        if answer is None:
            return False
        try:
            answer(self, request)
        except DesktopError as problem:
            self._voice.error(self._group_named_by(request), dn, str(problem), request.reference)
        return True

    def as_json(self) -> list[dict[str, Any]]:
        """The latest of the records that were rescheduled or finished, for the other one of a pair."""
        closed = list(self._closed.values())[-_CLOSED_HANDED_OVER:]
        return [{"group": group.conf.name, "held": held_as_json(held)} for group, held in closed]

    def resume(self, state: Sequence[Mapping[str, Any]]) -> None:
        """Go on where another OCS was."""
        groups = {group.conf.name: group for group in self._groups}
        for each in state:
            group = groups[each["group"]]
            self._close(group, held_from_json(each["held"], group.lists_by_name))

    # ------------------------------------------------------------------------------------------ requests

    def _status(self, request: Request) -> None:
        for group in self._groups_of(request.dn):
            if group.status is Status.RUNNING:
                self._voice.answer_status(group, request.dn, "CampaignStarted", request.reference)
            elif group.status is Status.ACTIVE:
                self._voice.answer_status(group, request.dn, "CampaignLoaded", request.reference)

    def _preview(self, request: Request) -> None:
        group = self._group_named_by(request)
        if group is None:
            raise DesktopError(word.UNKNOWN_CAMPAIGN)
        if group.status is not Status.RUNNING:
            raise DesktopError(word.NOT_RUNNING)
        if group.mode in DIALED_MODES:
            raise DesktopError(word.WRONG_MODE)
        if not group.delivery.preview(request.dn, request.reference):
            raise DesktopError(word.NO_RECORDS)

    def _processed(self, request: Request) -> None:
        group, held = self._record_of(request, closed_too=True)
        if held.handle in group.pool.out:
            result = word.number(request.pairs, word.CALL_RESULT)
            self._close(group, held)
            group.disposition.processed(held, int(CallResult.ANSWER) if result is None else result)
        self._acknowledge(request, group, held, "RecordProcessedAcknowledge")

    def _reject(self, request: Request) -> None:
        group, held = self._record_of(request)
        group.disposition.rejected(held, request.dn)
        self._acknowledge(request, group, held, "RecordRejectAcknowledge")

    def _update(self, request: Request) -> None:
        group, held = self._record_of(request, closed_too=True)
        held.since = group.timers.now
        self._acknowledge(request, group, held, "UpdateCallCompletionStatsAcknowledge")

    def _cancel(self, request: Request) -> None:
        self._withdraw(request, "RecordCancelAcknowledge", lambda group, held: group.disposition.cancelled(held))

    def _do_not_call(self, request: Request) -> None:
        self._withdraw(request, "DoNotCallAcknowledge", lambda group, held: group.disposition.forbidden(held))

    def _reschedule(self, request: Request) -> None:
        self._set_callback(request, "RecordRescheduleAcknowledge")

    def _reschedule_callback(self, request: Request) -> None:
        self._set_callback(request, "ScheduledRecordRescheduleAcknowledge")

    def _add(self, request: Request) -> None:
        group = self._group_named_by(request)
        if group is None:
            raise DesktopError(word.UNKNOWN_CAMPAIGN)
        name = word.text(request.pairs, word.CALLING_LIST)
        calling_list = next((each for each in group.lists if each.name == name), None)
        if calling_list is None:
            raise DesktopError(word.UNKNOWN_LIST)
        if not request.phone:
            raise DesktopError(word.INVALID_REQUEST)
        chain = calling_list.add(request.phone)
        keys = [pair(word.CALLING_LIST, calling_list.name), pair(word.CHAIN, chain)]
        self._voice.acknowledge(group, request.dn, "AddRecordAcknowledge", keys, request.reference)
        group.work_soon()

    # ------------------------------------------------------------------------------------------ steps of them

    def _set_callback(self, request: Request, acknowledgement: str) -> None:
        group, held = self._record_of(request)
        personal = word.text(request.pairs, word.CALLBACK_TYPE) == "Personal"
        when = group.timers.now + group.ocs.callback_delay if group.ocs.callback_delay is not None else _due(request)
        type = RecordType.PERSONAL_CALLBACK if personal else RecordType.CAMPAIGN_CALLBACK
        self._close(group, held)
        group.disposition.rescheduled(held, type, when, request.dn if personal else "")
        self._acknowledge(request, group, held, acknowledgement)

    def _withdraw(self, request: Request, acknowledgement: str, dispose: Callable[[CampaignGroup, Held], None]) -> None:
        """Cancel, or never call again: by handle the record itself, by phone every record with that number."""
        if request.handle is not None:
            group, held = self._record_of(request)
            self._close(group, held)
            dispose(group, held)
            self._acknowledge(request, group, held, acknowledgement)
            return
        named = self._group_named_by(request)
        if named is None or not request.phone:
            raise DesktopError(word.UNKNOWN_RECORD if named else word.UNKNOWN_CAMPAIGN)
        keys = [pair(word.PHONE, request.phone)]
        for held in [held for held in named.pool.all() if held.record.phone == request.phone]:
            agent = held.agent
            self._close(named, held)
            dispose(named, held)
            if agent == request.dn:
                keys = self._voice.record_keys(named, held)
            elif agent:
                self._voice.record(named, agent, held, "RecordCancel")
        for calling_list in named.lists:
            for record in calling_list.ready_with_phone(request.phone):
                named.pool.add(calling_list, record)
                dispose(named, named.pool.at_hand[-1])
        self._voice.acknowledge(named, request.dn, acknowledgement, keys, request.reference)

    def _acknowledge(self, request: Request, group: CampaignGroup, held: Held, event: str) -> None:
        keys = [
            pair(word.HANDLE, held.handle),
            pair(word.CALLING_LIST, held.calling_list.name),
            pair(word.CHAIN, held.record.chain_id),
        ]
        self._voice.acknowledge(group, request.dn, event, keys, request.reference)

    def _close(self, group: CampaignGroup, held: Held) -> None:
        self._closed[held.handle] = (group, held)
        while len(self._closed) > _CLOSED_KEPT:
            del self._closed[next(iter(self._closed))]

    # ------------------------------------------------------------------------------------------ what they speak of

    def _record_of(self, request: Request, closed_too: bool = False) -> tuple[CampaignGroup, Held]:
        """The record with the request's handle. Raises DesktopError where it is not with this agent."""
        for group in self._groups:
            held = group.pool.out.get(request.handle or 0)
            if held is not None and held.agent == request.dn:
                return group, held
        if closed_too and request.handle in self._closed:
            return self._closed[request.handle]
        raise DesktopError(word.UNKNOWN_RECORD)

    def _group_named_by(self, request: Request) -> CampaignGroup | None:
        """The group a request speaks of: by DBID, by campaign, or the only one of the agent that runs."""
        dbid = word.number(request.pairs, word.GROUP_DBID)
        campaign = word.text(request.pairs, word.CAMPAIGN)
        groups = self._groups_of(request.dn)
        if dbid is not None:
            groups = [group for group in groups if group.conf.dbid == dbid]
        elif campaign is not None:
            groups = [group for group in groups if group.conf.campaign == campaign]
        running = [group for group in groups if group.status is Status.RUNNING]
        return next(iter(running or groups), None)

    def _groups_of(self, dn: str) -> list[CampaignGroup]:
        return [group for group in self._groups if dn in group.conf.agents]


_CLOSED_KEPT = 10_000
_CLOSED_HANDED_OVER = 200

_ANSWERS: dict[str, Callable[[Desktops, Request], None]] = {
    "CampaignStatusRequest": Desktops._status,
    "PreviewRecordRequest": Desktops._preview,
    "RecordProcessed": Desktops._processed,
    "RecordReject": Desktops._reject,
    "RequestRecordCancel": Desktops._cancel,
    "RecordReschedule": Desktops._reschedule,
    "ScheduledRecordReschedule": Desktops._reschedule_callback,
    "UpdateCallCompletionStats": Desktops._update,
    "DoNotCall": Desktops._do_not_call,
    "AddRecord": Desktops._add,
}


def _due(request: Request) -> float:
    """The time a callback is asked for, in seconds since the epoch. Raises DesktopError where it is none."""
    written = word.text(request.pairs, word.DATE_TIME)
    try:
        return datetime.strptime(written or "", word.DATE_TIME_FORMAT).replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        raise DesktopError(word.INVALID_REQUEST) from None
