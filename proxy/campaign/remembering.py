"""What is to be written down of groups, and how they are taken up again (R2, R14, R18, R20 to R22).

A restart is the loss of everything that was connected: sessions are gone, evidence is gone, what witnesses counted is
not whole. What is known of a group stays, and is trusted again when OCS has said that it still is so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import astuple

from proxy.campaign.around import Surroundings
from proxy.campaign.attribution import Attribution
from proxy.campaign.clients import NOBODY, OURS, ClientRequest
from proxy.campaign.completion import Completion
from proxy.campaign.consider import notices_of
from proxy.campaign.group import Group
from proxy.campaign.group_session import GroupSession
from proxy.campaign.kept import (
    NEVER,
    Changes,
    KeptGroup,
    KeptNames,
    KeptRequest,
    KeptSession,
    Times,
)
from proxy.campaign.numbers import Numbers
from proxy.campaign.observation import GroupNames, News
from proxy.campaign.records import KeptRecord, Record, Records, State


class Remembering:
    """Which groups are others than they were when they were written down.

    `_touched` is None until somebody writes them down: what nobody asks for is not noted.
    """

    def __init__(self, around: Surroundings, which: Attribution) -> None:
        self._around = around
        self._which = which
        self._touched: dict[Group, None] | None = None
        self._sessions: dict[int, set[int]] = {}
        self._in_trouble = False
        self._times: Times | None = None

    def touch(self, groups: Iterable[Group]) -> None:
        """Something may have happened to these."""
        if self._touched is not None:
            self._touched.update(dict.fromkeys(groups))
            return
        self._around.forgotten_groups.clear()
        for session in (session for group in groups for session in _sessions_of(group)):
            session.records.take_changes()
            session.agents.take_changes()

    # ------------------------------------------------------------------------------------------------------- taken

    def take_changes(self, now: float, wall: float) -> Changes:
        """What changed since this was asked last, or since all was taken up as it was kept; at first all that is."""
        times = self._time(now, wall)
        changes = Changes()
        everything = self._touched is None
        for number in self._around.forgotten_groups:
            changes.groups[number] = None
            self._sessions.pop(number, None)
        self._around.forgotten_groups.clear()
        touched, self._touched = self._which.groups if self._touched is None else self._touched, {}
        for group in touched:
            if self._which.has(group):
                self._take(group, times, changes, everything)
        if self._around.in_trouble is not self._in_trouble:
            changes.in_trouble = self._in_trouble = self._around.in_trouble
        return changes

    def _time(self, now: float, wall: float) -> Times:
        if self._times is None:
            self._times = Times(now, wall)
        self._times.it_is(now, wall)
        return self._times

    def _take(self, group: Group, times: Times, changes: Changes, everything: bool) -> None:
        changes.groups[group.number] = _kept_group(group, times)
        sessions = _sessions_of(group)
        for session in sessions:
            if everything:
                session.note_all()
            for number, record in session.records.take_changes().items():
                kept = _kept_record(record, session.records, times) if record is not None else None
                changes.records[group.number, session.number, number] = kept
            for dn in session.agents.take_changes():
                changes.agents[group.number, session.number, dn] = session.agents[dn]
        numbers = {session.number for session in sessions}
        changes.over |= {(group.number, number) for number in self._sessions.get(group.number, set()) - numbers}
        self._sessions[group.number] = numbers

    # ---------------------------------------------------------------------------------------------------- taken up

    def take_up(self, kept: Changes, now: float, wall: float) -> Sequence[Group]:
        """The groups that are as they were kept. Of those that the conf file contradicts nothing is kept any more."""
        times = self._time(now, wall)
        if kept:
            self._touched = {}
        self._around.in_trouble = self._in_trouble = bool(kept.in_trouble)
        sessions = _sessions(kept, times)
        groups: dict[int, Group] = {}
        taken_up: set[Group] = set()
        for number, was in kept.groups.items():
            if was is None:
                continue
            group = self._which.remembered(GroupNames(*astuple(was.names)))
            if group is None or group in taken_up:
                self._around.forgotten_groups.add(number)
                continue
            groups[number] = group
            taken_up.add(group)
            self._take_up(group, number, was, sessions, now)
            _take_up_completion(group, was, now, times)
        self._number_others(kept, taken_up)
        return list(groups.values())

    def _take_up(
        self, group: Group, number: int, kept: KeptGroup, sessions: dict[tuple[int, int], GroupSession], now: float
    ) -> None:
        group.number = number

        def of(session: KeptSession) -> GroupSession:
            return _filled(session, sessions.get((number, session.number)))

        session = of(kept.session)
        former, upcoming = (of(each) if each is not None else None for each in (kept.former, kept.upcoming))
        self._sessions[number] = {each.number for each in (session, former, upcoming) if each is not None}
        group.take_up(kept.state, session, former, upcoming)
        self._which.note(group)
        group.run, group.in_run, group.in_trouble = kept.run, kept.in_run, kept.in_trouble
        group.completions, group.would_complete = kept.completions, kept.would_complete
        group.last_sign = now
        for record in (record for each in group.sessions for record in each.records.in_hand()):
            record.released_at = now  # the session in which its agent got it is gone (R11)
        for request in kept.requests:
            group.requests.add(_taken_up(request, now + group.policy.answer_timeout))
        if kept.session.evidence:
            group.announce(
                News.EVIDENCE_GONE, f"the proxy was started anew ({', '.join(kept.session.evidence)} gave it)"
            )

    def _number_others(self, kept: Changes, taken_up: set[Group]) -> None:
        """What is new gets numbers that nothing had: groups, and what is told apart by its order."""
        self._around.group_numbers = Numbers(max(kept.groups, default=0) + 1)
        for group in self._which.groups:
            if group not in taken_up:
                group.number = self._around.group_numbers.take()
        told = [asked.number for group in taken_up for asked in group.requests]
        told += [session.decided_by for group in taken_up for session in group.sessions]
        self._around.numbers = Numbers(max(told, default=0) + 1)


def _sessions_of(group: Group) -> list[GroupSession]:
    return [each for each in (group.session, group.former, group.upcoming) if each is not None]


# ---------------------------------------------------------------------------------------------------------- as kept


def _kept_group(group: Group, times: Times) -> KeptGroup:
    return KeptGroup(
        KeptNames(*group.names),
        group.state,
        group.run,
        group.in_run,
        group.in_trouble,
        group.completions,
        group.would_complete,
        _kept_session(group.session, times),
        _kept_session(group.former, times) if group.former is not None else None,
        _kept_session(group.upcoming, times) if group.upcoming is not None else None,
        [_kept_request(asked) for asked in group.requests],
        group.completion.kept() if group.completion is not None else None,
        group.notices.kept(times) if group.notices is not None else None,
    )


def _kept_session(session: GroupSession, times: Times) -> KeptSession:
    evidence = session.evidence
    given = {source: times.kept(when) for source, when in evidence.given.items()}
    return KeptSession(
        session.number,
        session.armed,
        session.decided_by,
        session.mode,
        session.records.delivered,
        evidence.touched,
        given,
    )


def _kept_record(record: Record, records: Records, times: Times) -> KeptRecord:
    """Its phone only while it may be needed (R7)."""
    return KeptRecord(
        record.handle,
        record.state,
        record.dn,
        record.calling_list,
        record.chain,
        record.phone if record.state is not State.FINALIZED else None,
        record.due,
        times.kept_if(record.delivered_at),
        times.kept_if(record.released_at),
        record.deliveries,
        times.kept_if(record.acted_at),
        record.stale,
        record.place,
        records.has_handle(record),
    )


def _kept_request(asked: ClientRequest) -> KeptRequest:
    return KeptRequest(
        asked.number,
        asked.session == OURS,
        asked.request,
        asked.armed,
        asked.mode,
        asked.reference,
        asked.doubted,
        asked.taken,
        asked.sessions,
        asked.runs,
    )


# -------------------------------------------------------------------------------------------------------- as it was


def _sessions(kept: Changes, times: Times) -> dict[tuple[int, int], GroupSession]:
    """The sessions with their records and agents, by the numbers of group and session."""
    records: dict[tuple[int, int], list[tuple[Record, bool]]] = {}
    for (group, session, number), record in kept.records.items():
        if record is not None:
            records.setdefault((group, session), []).append((_record(number, record, times), record.has_handle))
    sessions: dict[tuple[int, int], GroupSession] = {}
    for key, each in records.items():
        sessions[key] = GroupSession(key[1])
        sessions[key].records.take_up(each)
    for (group, session, dn), pairs in kept.agents.items():
        if pairs is not None:
            sessions.setdefault((group, session), GroupSession(session)).agents[dn] = pairs
    for each_session in sessions.values():
        each_session.agents.take_changes()
    return sessions


def _record(number: int, kept: KeptRecord, times: Times) -> Record:
    return Record(
        kept.handle,
        kept.state,
        kept.dn,
        kept.calling_list,
        kept.chain,
        kept.phone,
        kept.due,
        times.past_if(kept.delivered_at),
        times.past_if(kept.released_at),
        kept.deliveries,
        NEVER if kept.acted_at is None else times.past(kept.acted_at),
        kept.stale,
        number,
        kept.place,
        0.0 if kept.delivered_at is None else times.past(kept.delivered_at),
    )


def _filled(kept: KeptSession, session: GroupSession | None) -> GroupSession:
    """The session with what is kept of it but its records and agents; its evidence counts no more (R14)."""
    filled = session or GroupSession(kept.number)
    filled.armed, filled.decided_by, filled.mode = kept.armed, kept.decided_by, kept.mode
    filled.records.delivered = kept.delivered
    filled.evidence.touched = kept.touched
    return filled


def _taken_up(kept: KeptRequest, due_at: float) -> ClientRequest:
    return ClientRequest(
        kept.number,
        OURS if kept.is_ours else NOBODY,
        kept.request,
        kept.armed,
        kept.mode,
        kept.reference,
        None,
        due_at,
        doubted=kept.doubted,
        taken=kept.taken,
        sessions=kept.sessions,
        runs=kept.runs,
    )


def _take_up_completion(group: Group, kept: KeptGroup, now: float, times: Times) -> None:
    if kept.completion is not None:
        group.completion = Completion.taken_up(group, kept.completion, now)
    if kept.notices is not None:
        group.notices = notices_of(group)
        group.notices.take_up(kept.notices, now, times)
