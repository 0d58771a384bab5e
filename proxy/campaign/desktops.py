"""Desktops: which sessions there are on which DN, what they ask OCS, and what they are answered (R7, R8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from proxy.campaign.agenda import Agenda
from proxy.campaign.arming import request_refused
from proxy.campaign.around import Surroundings
from proxy.campaign.attribution import Attribution
from proxy.campaign.concerned import in_order
from proxy.campaign.evidence import session_source
from proxy.campaign.group import Group
from proxy.campaign.group_session import GroupSession
from proxy.campaign.names import NOTHING, compatible, with_campaign
from proxy.campaign.observation import (
    Action,
    ActionAcknowledged,
    ActionRequested,
    DesktopError,
    DnRegistered,
    DnUnregistered,
    GroupNames,
    MessageRefused,
    MessageTaken,
    RecordRequested,
    SessionBlind,
    SessionEnded,
    StatusAsked,
)
from proxy.campaign.records import Record, State
from proxy.campaign.requests import DesktopRequest, DesktopRequests
from proxy.campaign.signs import lose_evidence, record_shows, says_no_more, sign
from proxy.campaign.which_session import acted_on

SETTLES: dict[Action, State] = {
    Action.PROCESS: State.FINALIZED,
    Action.CANCEL: State.FINALIZED,
    Action.DO_NOT_CALL: State.FINALIZED,
    Action.REJECT: State.RETURNED,
    Action.RESCHEDULE: State.SCHEDULED,
    Action.RESCHEDULE_CALLBACK: State.SCHEDULED,
}
"""Where an acknowledged action leaves its record (R7). Every other action leaves it where it is."""

BY_PHONE = (Action.CANCEL, Action.DO_NOT_CALL)
"""The actions that may name their record by its phone (C)."""


class Desktops:
    """What is seen of desktops, but for the records they get. `requests` are those without an answer."""

    def __init__(
        self, around: Surroundings, agenda: Agenda, which: Attribution, requests: DesktopRequests[Group]
    ) -> None:
        self.requests = requests
        self._around = around
        self._agenda = agenda
        self._which = which

    # ----------------------------------------------------------------------------------------------- sessions, DNs

    def dn_registered(self, seen: DnRegistered, now: float) -> None:
        self.register(seen.session, seen.dn, now)

    def register(self, session: int, dn: str, now: float) -> None:
        if self._around.registrations.register(session, dn):
            if self._around.instances.find(dn):
                self._agenda.add(*self._which.groups)
            for group in self._groups_of(dn):
                if group.notices is not None:
                    group.notices.registered(session, dn, now)
                self._agenda.add(group)

    def dn_unregistered(self, seen: DnUnregistered, now: float) -> None:
        self._around.registrations.unregister(seen.session, seen.dn, now)
        self._left([(seen.session, seen.dn)])

    def _left(self, left: Sequence[tuple[int, str]]) -> None:
        """These sessions get the events of these DNs no more."""
        left_by: dict[Group, list[tuple[int, str]]] = {}
        for session, dn in left:
            for group in self._groups_of(dn):
                left_by.setdefault(group, []).append((session, dn))
        for group in sorted(left_by, key=in_order):
            self._agenda.add(group)
            if group.notices is not None:
                for session, dn in left_by[group]:
                    group.notices.unregistered(session, dn)

    def _groups_of(self, dn: str) -> list[Group]:
        return [group for group in self._which.with_agent(dn) if dn in group.session.agents]

    def session_ended(self, seen: SessionEnded, now: float) -> None:
        self.end([seen.session], now)

    def end(self, sessions: Sequence[int], now: float) -> None:
        """These sessions are over. They may be all of a proxy: what they leave is looked for once."""
        self._left([(session, dn) for session in sessions for dn in self._around.registrations.end(session, now)])
        for request in [request for session in sessions for request in self.requests.end(session)]:
            self.forget(request)
        sources = set(map(session_source, sessions))
        told = {group for source in sources for group in self._which.had_evidence(source)}
        for group in sorted(told, key=in_order):
            for source in [source for source in group.session.evidence.given if source in sources]:
                lose_evidence(group, source)
                self._agenda.add(group)

    def session_blind(self, seen: SessionBlind, now: float) -> None:
        self._around.registrations.blind(seen.session)
        for dn in sorted(self._around.registrations.dns(seen.session)):
            self._agenda.add(*self._groups_of(dn))

    # ---------------------------------------------------------------------------------------------------- requests

    def status_was_asked(self, seen: StatusAsked, now: float) -> None:
        self._around.status_asked[seen.dn] = now

    def record_requested(self, seen: RecordRequested, now: float) -> None:
        group = self._which.meant(seen.names, seen.dn)
        if group is not None:
            group.awaiting.add(self._remember(group, seen, None, group.current, None, now))

    def action_requested(self, seen: ActionRequested, now: float) -> None:
        group = self._which.meant(seen.names, seen.dn, seen.handle)
        if group is None:
            return
        sign(group, now)
        handle = self._handle_of(group, seen)
        self._remember(group, seen, seen.action, acted_on(group, handle), handle, now)
        if seen.action is Action.REJECT:
            record_shows(group, now)

    def _handle_of(self, group: Group, seen: ActionRequested) -> str | None:
        """The record that an agent means; by its phone it is his own outstanding one, or none (R7)."""
        if seen.phone is None or not _is_by_phone(seen):
            return seen.handle
        records = [session.records.with_phone(seen.dn, seen.phone) for session in group.sessions]
        return next((record.handle for record in records if record is not None), None)

    def _remember(
        self,
        group: Group,
        seen: RecordRequested | ActionRequested,
        action: Action | None,
        session: GroupSession,
        handle: str | None,
        now: float,
    ) -> DesktopRequest[Group]:
        record = session.records.get(handle) if handle is not None else None
        request = DesktopRequest(
            session=seen.session,
            dn=seen.dn,
            group=group,
            records_of=session,
            action=action,
            handle=handle,
            reference=seen.reference,
            message_reference=seen.message_reference,
            sent_at=self._around.seen_at,
            due_at=now + group.policy.answer_timeout,
            deliveries=record.deliveries if record is not None else 0,
            by_phone=isinstance(seen, ActionRequested) and _is_by_phone(seen),
            callback=seen.due if isinstance(seen, ActionRequested) else None,
        )
        given_up = self.requests.add(request)
        if given_up is not None:
            self.forget(given_up)
            if given_up.action is not None:
                self._around.add("actions_unacknowledged")
                self.settle(given_up, now, acknowledged=False)
        return request

    def forget(self, request: DesktopRequest[Group]) -> None:
        request.group.awaiting.discard(request)
        self._agenda.add(request.group)

    def action_acknowledged(self, seen: ActionAcknowledged, now: float) -> None:
        request = self.requests.acknowledged(seen.session, seen.action, seen.handle, seen.reference)
        if request is None:
            self._around.add("acknowledgements_unmatched")
            return
        if request.handle is None and not request.by_phone:
            request.handle = seen.handle
        self.settle(request, now, acknowledged=True)

    def settle(self, request: DesktopRequest[Group], now: float, acknowledged: bool) -> None:
        """An action takes effect: it is acknowledged, or its acknowledgement is overdue (R7)."""
        group, action, handle = request.group, request.action, request.handle
        self._agenda.add(group)
        if action is None or handle is None or action not in SETTLES:
            return
        if acknowledged:
            sign(group, now)
        records = request.records_of.records
        record, state = records.get(handle), SETTLES[action]
        if action is Action.PROCESS and record is not None and record.state is State.SCHEDULED:
            return
        if (
            (record is None and records.had(handle))
            or _is_overtaken(request, record, state, acknowledged)
            or (record is not None and state is not State.FINALIZED and records.went_on(record, request.sent_at))
        ):
            self._around.add("actions_overtaken")
            return
        if action is Action.REJECT:
            record_shows(group, now, in_hand=True)
        records.settle(handle, state, request.callback, request.sent_at)

    def message_taken(self, seen: MessageTaken, now: float) -> None:
        self.requests.message_taken(seen.session, seen.message_reference)
        for _, asked in self._which.client_requests(seen.session):
            if asked.message_reference == seen.message_reference:
                asked.message_reference = None

    def message_refused(self, seen: MessageRefused, now: float) -> None:
        request = self.requests.message_refused(seen.session, seen.message_reference)
        if request is not None:
            self._around.add("actions_refused")
            self.forget(request)
        for group, asked in self._which.client_requests(seen.session):
            if asked.message_reference == seen.message_reference:
                request_refused(group, asked)
                self._agenda.add(group)
                return

    def desktop_error(self, seen: DesktopError, now: float) -> None:
        names = with_campaign(seen.names)
        group = self._which.find(names, seen.dn, seen.handle) if names != NOTHING or seen.handle is not None else None
        meant = None if names == NOTHING and group is None else _meant(group, names)
        request = self.requests.refused(seen.session, meant, seen.no_records, seen.handle, seen.reference)
        if request is None:
            self._around.add("errors_unmatched")
            return
        self.forget(request)
        if request.action is not None:
            self._around.add("actions_refused")
        elif seen.no_records:
            source = session_source(seen.session)
            says_no_more(request.group, source, now)
            self._which.note_evidence(request.group, source)

    def expire(self, now: float) -> None:
        """The actions whose acknowledgement is overdue take effect without it (R7)."""
        for request in self.requests.overdue(now):
            self._around.add("actions_unacknowledged")
            self.settle(request, now, acknowledged=False)

    def is_answer(self, dn: str, group: Group, now: float) -> bool:
        """Whether what a DN hears of the life of a group is an answer to its question, not news."""
        asked = self._around.status_asked.get(dn)
        return asked is not None and now - asked <= group.policy.answer_timeout


def _is_by_phone(seen: ActionRequested) -> bool:
    """Whether an action names its record by the phone alone (R7)."""
    return seen.handle is None and seen.phone is not None and seen.action in BY_PHONE


def _is_overtaken(request: DesktopRequest[Group], record: Record | None, state: State, acknowledged: bool) -> bool:
    """Whether a record was given to an agent after the action that was to move it to `state`.

    Connections are in no order with one another: the acknowledgement of a reject may be seen after the record is
    with another agent, or has another handle. Silence tells less still: whoever got the record since has it. What was
    acted on after a reject was given to somebody in between. An action that was seen long ago may be behind what was
    seen since by others: of two actions and deliveries what came later counts.
    """
    if record is None:
        return request.deliveries > 0
    if state is State.RETURNED and record.acted_at > request.sent_at:
        return True
    if record.deliveries == request.deliveries:
        return state is not State.FINALIZED and record.seen_at > request.sent_at
    return not acknowledged or (state is not State.FINALIZED and record.dn != request.dn)


def _meant(known: Group | None, names: GroupNames) -> Callable[[Group], bool]:
    """Whether a group is the one that is known to be meant, else whether it can be the one of these names."""
    return lambda group: group is known if known is not None else compatible(group.names, names)
