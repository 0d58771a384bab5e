"""Records on their way to agents: deliveries, releases, cancellations, and signs of them (R6, R9, R11)."""

from __future__ import annotations

from proxy.campaign.around import Surroundings
from proxy.campaign.attribution import Attribution
from proxy.campaign.desktops import Desktops
from proxy.campaign.observation import (
    CallReleased,
    RecordAdded,
    RecordCancelled,
    RecordDelivered,
    Sign,
)
from proxy.campaign.records import State
from proxy.campaign.signs import record_shows, sign, touch
from proxy.campaign.which_session import acted_on, knowing

ANSWERS = "PreviewRecord"
"""The event that answers a PreviewRecordRequest; every other delivery comes unasked (C)."""


class Deliveries:
    """What is seen of records that OCS gives to agents, or takes from them."""

    def __init__(self, around: Surroundings, which: Attribution, desktops: Desktops) -> None:
        self._around = around
        self._which = which
        self._desktops = desktops

    def record_delivered(self, seen: RecordDelivered, now: float) -> None:
        group = self._which.meant(seen.names, seen.dn, seen.handle)
        if group is None:
            return
        self._desktops.register(seen.session, seen.dn, now)
        sign(group, now)
        if seen.event == ANSWERS:
            answered = self._desktops.requests.delivered(seen.session, group, seen.reference)
            if answered is not None:
                self._desktops.forget(answered)
        if self._is_copy(seen.session, seen.dn, seen.event, seen.handle):
            return
        is_old = seen.telephony or self._around.late
        session = (knowing(group, seen.handle) if is_old else None) or group.current
        session.agents.setdefault(seen.dn)
        self._which.note_agent(group, seen.dn)
        around = self._around
        delivered = session.records.deliver(
            seen.handle,
            now,
            seen.dn,
            seen.calling_list,
            seen.chain,
            seen.phone,
            seen.telephony,
            around.seen_at,
            around.late,
        )
        if delivered and session is group.current:
            touch(group, now)
            record_shows(group, now)

    def _is_copy(self, session: int, dn: str, event: str, handle: str) -> bool:
        is_copy = self._around.registrations.is_copy(session, dn, event, handle)
        if is_copy:
            self._around.add("copies")
        return is_copy

    def record_cancelled(self, seen: RecordCancelled, now: float) -> None:
        group = self._which.meant(seen.names, seen.dn, seen.handle)
        if group is None:
            return
        sign(group, now)
        if not self._is_copy(seen.session, seen.dn, "RecordCancel", seen.handle):
            acted_on(group, seen.handle).records.settle(seen.handle, State.FINALIZED, acted_at=self._around.seen_at)

    def call_released(self, seen: CallReleased, now: float) -> None:
        group = self._which.meant(seen.names, seen.dn, seen.handle)
        if group is None:
            return
        sign(group, now)
        session = knowing(group, seen.handle)
        if session is None or self._is_copy(seen.session, seen.dn, "EventReleased", seen.handle):
            return
        session.records.release(seen.handle, seen.dn, now)

    def record_added(self, seen: RecordAdded, now: float) -> None:
        group = self._which.meant(seen.names, seen.dn)
        if group is not None:
            record_shows(group, now)

    def sign(self, seen: Sign, now: float) -> None:
        group = self._which.meant(seen.names, seen.dn or None, seen.handle)
        if group is not None:
            sign(group, now)
