"""All campaign groups: observations in, commands out.

What a channel sees goes to `observe`, which finds the group that is meant and lets the group's rooms draw their
conclusions: a PreviewRecord becomes a count in `records`, "No Records Available" becomes `evidence`, OCS's word moves
the group's `life`; and then `completion` asks whether there is something to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from proxy.campaign.attribute import Edit, edit
from proxy.campaign.clients import ClientRequest
from proxy.campaign.evidence import Tally
from proxy.campaign.group import Group, GroupSession, References, Surroundings
from proxy.campaign.names import NOTHING, Names, compatible, joined, with_campaign
from proxy.campaign.observation import (
    Action,
    ActionAcknowledged,
    ActionRequested,
    AgentHeard,
    CallReleased,
    Command,
    ControlRefused,
    ControlRequested,
    DesktopError,
    DnRegistered,
    DnUnregistered,
    GroupNames,
    ListStatistics,
    MessageRefused,
    MessageTaken,
    News,
    Observation,
    RecordAdded,
    RecordCancelled,
    RecordDelivered,
    RecordRequested,
    Request,
    Retrieved,
    SessionBlind,
    SessionEnded,
    SessionWitnessed,
    Sign,
    SourceConnected,
    SourceLost,
    Status,
    StatusAsked,
    StatusHeard,
    Swallow,
    SystemTrouble,
    WaitingRecords,
    WakeAt,
    WitnessFound,
    WitnessLost,
    Word,
    WordHeard,
)
from proxy.campaign.policy import ConfiguredGroup, Policy
from proxy.campaign.records import Record, State
from proxy.campaign.registrations import Registrations
from proxy.campaign.requests import DesktopRequest, DesktopRequests

MAX_GROUPS = 10_000
"""How many groups there can be; names beyond that are counted as unattributed."""

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

ANSWERS = "PreviewRecord"
"""The event that answers a PreviewRecordRequest; every other delivery comes unasked (C)."""

_AGENT_ARE_TOLD = (Word.STOPPED, Word.UNLOADED)
_AGENT_NEWS = (Word.LOADED, Word.STARTED)
_ANSWERS = {Word.LOADED: Status.ACTIVE, Word.STARTED: Status.RUNNING}


class Groups:
    """All groups. Pure: `now` is the caller's clock, in seconds; commands are for the caller to carry out."""

    def __init__(self, default: Policy, configured: Iterable[ConfiguredGroup] = (), instance: int = 0) -> None:
        self._default = default
        self._names = Names()
        self._commands: list[Command] = []
        self._registrations = Registrations()
        self._requests = DesktopRequests()
        self._status_asked: dict[str, float] = {}
        self._wake_at: float | None = None
        self._touched: list[Group] = []
        self._around = Surroundings(self._registrations, References(instance), self._tell)
        for section in configured:
            self._names.add(Group(with_campaign(section.names), section.policy, self._around, is_configured=True))
        self._seen: dict[type, Callable[..., None]] = {
            DnRegistered: self._dn_registered,
            DnUnregistered: self._dn_unregistered,
            SessionEnded: self._session_ended,
            SessionBlind: self._session_blind,
            MessageTaken: self._message_taken,
            MessageRefused: self._message_refused,
            StatusAsked: self._status_was_asked,
            RecordRequested: self._record_requested,
            ActionRequested: self._action_requested,
            ActionAcknowledged: self._action_acknowledged,
            DesktopError: self._desktop_error,
            RecordDelivered: self._record_delivered,
            RecordCancelled: self._record_cancelled,
            CallReleased: self._call_released,
            RecordAdded: self._record_added,
            Sign: self._sign,
            AgentHeard: self._agent_heard,
            ControlRequested: self._control_requested,
            ControlRefused: self._control_refused,
            WordHeard: self._word_heard,
            StatusHeard: self._status_heard,
            SourceConnected: self._source_connected,
            SourceLost: self._source_lost,
            WaitingRecords: self._waiting_records,
            SystemTrouble: self._system_trouble,
            WitnessFound: self._witness_found,
            WitnessLost: self._witness_lost,
            SessionWitnessed: self._session_witnessed,
            Retrieved: self._retrieved,
            ListStatistics: self._list_statistics,
        }

    # ------------------------------------------------------------------------------------------------ for channels

    def observe(self, observation: Observation, now: float) -> Sequence[Command]:
        """Draw all conclusions from one observation; what is to be done, in order."""
        self._commands = []
        self._seen[type(observation)](observation, now)
        return self._conclude(now)

    def wake(self, now: float) -> Sequence[Command]:
        """Something fell due (WakeAt); what is to be done."""
        self._commands = []
        self._wake_at = None
        for request in self._requests.overdue(now):
            self._around.add("actions_unacknowledged")
            self._settle(request, now, acknowledged=False)
        self._consider(group for group in self._names.groups if group.due is not None and group.due <= now)
        return self._conclude(now)

    def edit(self, names: GroupNames, request: Request | None, values: Sequence[object]) -> Edit:
        """What becomes of GSW_AUTO_COMPLETION in a client's message, before it is relayed (R5).

        `request` is None for any message but a campaign control request; `values` are the attribute's, in order.
        """
        group = self._find(with_campaign(names))
        policy = group.policy if group is not None else self._default
        asks = request in (Request.LOAD, Request.START, Request.SET_MODE)
        return edit(policy.attribute, policy.by, asks, values)

    def status(self, now: float) -> list[dict[str, object]]:
        """All groups, as GET /groups shows them."""
        return [group.status(now) for group in self._names.groups]

    @property
    def counts(self) -> dict[str, int]:
        """What was counted, by name."""
        return self._around.counts

    # ------------------------------------------------------------------------------------------------- the way out

    def _tell(self, command: Command) -> None:
        self._commands.append(command)

    def _consider(self, groups: Iterable[Group]) -> None:
        for group in groups:
            if group not in self._touched:
                self._touched.append(group)

    def _conclude(self, now: float) -> Sequence[Command]:
        for group in self._touched:
            group.consider(now)
        considered = self._names.groups if self._wake_at is None else self._touched
        due = [group.due for group in considered if group.due is not None]
        if self._requests.next_due is not None:
            due.append(self._requests.next_due)
        self._touched = []
        if due and (self._wake_at is None or min(due) < self._wake_at):
            self._wake_at = min(due)
            self._commands.append(WakeAt(self._wake_at))
        return self._commands

    # --------------------------------------------------------------------------------------------- which group it is

    def _find(self, names: GroupNames, dn: str | None = None, handle: str | None = None) -> Group | None:
        """The group that is meant, None where that cannot be told (N1)."""
        group = self._names.certain(names)
        if group is not None:
            return group
        if names.campaign is not None:
            sharing = self._names.of_campaign(names.campaign)
            candidates = [group for group in sharing if compatible(group.names, names)]
            if len(candidates) == 1:
                return candidates[0]
        elif names == NOTHING:
            candidates = self._names.groups
        else:
            return None
        return _only(candidates, handle, dn)

    def _group(self, names: GroupNames, dn: str | None = None, handle: str | None = None) -> Group | None:
        """The group that is meant: known, new, or (counted) none. Names that came together are joined."""
        names = with_campaign(names)
        group = self._find(names, dn, handle)
        if group is None and self._names.can_be_new(names) and len(self._names.groups) < MAX_GROUPS:
            group = Group(names, self._default, self._around)
            self._names.add(group)
        if group is None:
            self._around.add("unattributed")
            self._report_conflict(next(self._names.owners(names), None), names)
            return None
        group = self._join(group, names)
        self._consider([group])
        return group

    def _report_conflict(self, group: Group | None, names: GroupNames) -> None:
        """A message contradicts what is known of a group: an operator has to look, once."""
        if group is not None:
            self._around.add("names_in_conflict")
            if self._names.is_new_conflict(names):
                known, told = (", ".join(f"{k} {v}" for k, v in n._asdict().items() if v) for n in (group.names, names))
                group.announce(News.NAMES_CONFLICT, f"known: {known}; told: {told}")

    def _join(self, group: Group, names: GroupNames) -> Group:
        for other in self._others(group, names):
            if compatible(other.names, group.names) and not (other.is_configured and group.is_configured):
                group = self._merge(group, other)
        if not self._names.learn(group, names):
            self._report_conflict(group, names)
        return group

    def _others(self, group: Group, names: GroupNames) -> list[Group]:
        """The groups that turn out to be this one: they go by one of its names, or by its campaign and nothing else."""
        others = list(self._names.owners(joined(group.names, names)))
        if names.campaign is not None:
            only_campaign = GroupNames(campaign=names.campaign)
            others += [other for other in self._names.of_campaign(names.campaign) if other.names == only_campaign]
        return [other for other in dict.fromkeys(others) if other is not group]

    def _merge(self, group: Group, other: Group) -> Group:
        """Two groups turn out to be one: the one of which more is known goes on."""
        if other.rank > group.rank:
            group, other = other, group
        if other.is_configured:
            group.policy, group.is_configured = other.policy, True
        names = other.names
        self._names.remove(other)
        self._names.learn(group, names)
        group.take_in(other)
        self._requests.move(other, group)
        return group

    # ------------------------------------------------------------------------------------------------- sessions, DNs

    def _dn_registered(self, seen: DnRegistered, now: float) -> None:
        self._register(seen.session, seen.dn, now)

    def _register(self, session: int, dn: str, now: float) -> None:
        if self._registrations.register(session, dn):
            for group in self._groups_of(dn):
                if group.notices is not None:
                    group.notices.registered(session, dn, now)
                self._consider([group])

    def _dn_unregistered(self, seen: DnUnregistered, now: float) -> None:
        self._registrations.unregister(seen.session, seen.dn, now)
        self._left(seen.session, seen.dn)

    def _left(self, session: int, dn: str) -> None:
        for group in self._groups_of(dn):
            if group.notices is not None:
                group.notices.unregistered(session, dn)
            self._consider([group])

    def _groups_of(self, dn: str) -> list[Group]:
        return [group for group in self._names.groups if dn in group.session.agents]

    def _session_ended(self, seen: SessionEnded, now: float) -> None:
        for dn in self._registrations.end(seen.session, now):
            self._left(seen.session, dn)
        for request in self._requests.end(seen.session):
            self._forget(request)
        self._lose_evidence(_session_source(seen.session))

    def _session_blind(self, seen: SessionBlind, now: float) -> None:
        self._registrations.blind(seen.session)
        for dn in self._registrations.dns(seen.session):
            self._consider(self._groups_of(dn))

    # ---------------------------------------------------------------------------------------------- desktops' requests

    def _status_was_asked(self, seen: StatusAsked, now: float) -> None:
        self._status_asked[seen.dn] = now

    def _record_requested(self, seen: RecordRequested, now: float) -> None:
        group = self._group(seen.names, seen.dn)
        if group is not None:
            group.awaiting.add(self._remember(group, seen, None, group.current, None, now))

    def _action_requested(self, seen: ActionRequested, now: float) -> None:
        group = self._group(seen.names, seen.dn, seen.handle)
        if group is None:
            return
        group.sign(now)
        handle = self._handle_of(group, seen)
        self._remember(group, seen, seen.action, _acted_on(group, handle), handle, now)
        if seen.action is Action.REJECT:
            group.record_shows(now)

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
    ) -> DesktopRequest:
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
            sent_at=now,
            due_at=now + group.policy.answer_timeout,
            deliveries=record.deliveries if record is not None else 0,
            by_phone=isinstance(seen, ActionRequested) and _is_by_phone(seen),
            callback=seen.due if isinstance(seen, ActionRequested) else None,
        )
        given_up = self._requests.add(request)
        if given_up is not None:
            self._forget(given_up)
            if given_up.action is not None:
                self._around.add("actions_unacknowledged")
                self._settle(given_up, now, acknowledged=False)
        return request

    def _forget(self, request: DesktopRequest) -> None:
        request.group.awaiting.discard(request)
        self._consider([request.group])

    def _action_acknowledged(self, seen: ActionAcknowledged, now: float) -> None:
        request = self._requests.acknowledged(seen.session, seen.action, seen.handle, seen.reference)
        if request is None:
            self._around.add("acknowledgements_unmatched")
            return
        if request.handle is None and not request.by_phone:
            request.handle = seen.handle
        self._settle(request, now, acknowledged=True)

    def _settle(self, request: DesktopRequest, now: float, acknowledged: bool) -> None:
        """An action takes effect: it is acknowledged, or its acknowledgement is overdue (R7)."""
        group, action, handle = request.group, request.action, request.handle
        self._consider([group])
        if action is None or handle is None or action not in SETTLES:
            return
        if acknowledged:
            group.sign(now)
        records = request.records_of.records
        record, state = records.get(handle), SETTLES[action]
        if action is Action.PROCESS and record is not None and record.state is State.SCHEDULED:
            return
        if _is_overtaken(request, record, state, acknowledged) or (
            record is not None and state is not State.FINALIZED and records.went_on(record, request.sent_at)
        ):
            self._around.add("actions_overtaken")
            return
        if action is Action.REJECT:
            group.record_shows(now, in_hand=True)
        records.settle(handle, state, request.callback, request.sent_at)

    def _message_taken(self, seen: MessageTaken, now: float) -> None:
        self._requests.message_taken(seen.session, seen.message_reference)
        for _, asked in self._client_requests():
            if asked.session == seen.session and asked.message_reference == seen.message_reference:
                asked.message_reference = None

    def _message_refused(self, seen: MessageRefused, now: float) -> None:
        request = self._requests.message_refused(seen.session, seen.message_reference)
        if request is not None:
            self._around.add("actions_refused")
            self._forget(request)
        for group, asked in self._client_requests():
            if asked.session == seen.session and asked.message_reference == seen.message_reference:
                group.refused(asked)
                self._consider([group])
                return

    def _desktop_error(self, seen: DesktopError, now: float) -> None:
        names = with_campaign(seen.names)
        group = self._find(names, seen.dn, seen.handle) if names != NOTHING or seen.handle is not None else None
        meant = None if names == NOTHING and group is None else _meant(group, names)
        request = self._requests.refused(seen.session, meant, seen.no_records, seen.handle, seen.reference)
        if request is None:
            self._around.add("errors_unmatched")
            return
        self._forget(request)
        if request.action is not None:
            self._around.add("actions_refused")
        elif seen.no_records:
            request.group.says_no_more(_session_source(seen.session), now)

    # ------------------------------------------------------------------------------------------------------- records

    def _record_delivered(self, seen: RecordDelivered, now: float) -> None:
        group = self._group(seen.names, seen.dn, seen.handle)
        if group is None:
            return
        self._register(seen.session, seen.dn, now)
        group.sign(now)
        if seen.event == ANSWERS:
            answered = self._requests.delivered(seen.session, group, seen.reference)
            if answered is not None:
                self._forget(answered)
        if self._is_copy(seen.session, seen.dn, seen.event, seen.handle):
            return
        session = (_knowing(group, seen.handle) if seen.telephony else None) or group.current
        session.agents.setdefault(seen.dn, ())
        delivered = session.records.deliver(
            seen.handle, now, seen.dn, seen.calling_list, seen.chain, seen.phone, seen.telephony
        )
        if delivered and session is group.current:
            group.touch(now)
            group.record_shows(now)

    def _is_copy(self, session: int, dn: str, event: str, handle: str) -> bool:
        is_copy = self._registrations.is_copy(session, dn, event, handle)
        if is_copy:
            self._around.add("copies")
        return is_copy

    def _record_cancelled(self, seen: RecordCancelled, now: float) -> None:
        group = self._group(seen.names, seen.dn, seen.handle)
        if group is None:
            return
        group.sign(now)
        if not self._is_copy(seen.session, seen.dn, "RecordCancel", seen.handle):
            _acted_on(group, seen.handle).records.settle(seen.handle, State.FINALIZED, acted_at=now)

    def _call_released(self, seen: CallReleased, now: float) -> None:
        group = self._group(seen.names, seen.dn, seen.handle)
        if group is None:
            return
        group.sign(now)
        session = _knowing(group, seen.handle)
        if session is None or self._is_copy(seen.session, seen.dn, "EventReleased", seen.handle):
            return
        session.records.release(seen.handle, seen.dn, now)

    def _record_added(self, seen: RecordAdded, now: float) -> None:
        group = self._group(seen.names, seen.dn)
        if group is not None:
            group.record_shows(now)

    def _sign(self, seen: Sign, now: float) -> None:
        group = self._group(seen.names, seen.dn or None, seen.handle)
        if group is not None:
            group.sign(now)

    # --------------------------------------------------------------------------------------------- life, and agents

    def _agent_heard(self, seen: AgentHeard, now: float) -> None:
        group = self._group(seen.names, seen.dn)
        if group is None:
            return
        self._register(seen.session, seen.dn, now)
        is_answer = seen.word in _AGENT_NEWS and self._is_answer(seen.dn, group, now)
        agents = group.session.agents if seen.word in _AGENT_ARE_TOLD else group.current.agents
        agents[seen.dn] = seen.pairs
        if group.notices is not None:
            if seen.word in _AGENT_ARE_TOLD and group.notices.heard(seen.session, seen.dn, seen.word, now):
                self._around.add("swallowed")
                self._tell(Swallow())
            elif seen.word in _AGENT_NEWS and not is_answer:
                group.notices.news(seen.dn)
        if self._around.connected:
            group.current.mode = seen.mode or group.current.mode
        elif is_answer:
            group.found_by_agent(_ANSWERS[seen.word], now, seen.mode)
        else:
            group.hear(seen.word, now, seen.mode)

    def _is_answer(self, dn: str, group: Group, now: float) -> bool:
        asked = self._status_asked.get(dn)
        return asked is not None and now - asked <= group.policy.answer_timeout

    def _control_requested(self, seen: ControlRequested, now: float) -> None:
        group = self._group(seen.names)
        if group is not None:
            group.asked(seen, now)

    def _client_requests(self) -> list[tuple[Group, ClientRequest]]:
        return [(group, asked) for group in self._names.groups for asked in group.requests]

    def _control_refused(self, seen: ControlRefused, now: float) -> None:
        """OCS's error reaches every client of the Communication DN: it is about the request of the session it came on;
        heard by our own session, about the only one with that reference."""
        if seen.reference is None:
            return
        refused = [
            (group, asked)
            for group, asked in self._client_requests()
            if asked.reference == seen.reference and seen.session in (0, asked.session)
        ]
        if len(refused) > 1 and seen.names != NOTHING:
            meant = self._find(with_campaign(seen.names))
            refused = [(group, asked) for group, asked in refused if group is meant]
        if len(refused) == 1:
            group, asked = refused[0]
            group.refused(asked)
            self._consider([group])
        for group in self._names.groups:
            if group.completion is not None:
                group.completion.refused(seen.reference, now)
                self._consider([group])

    def _word_heard(self, seen: WordHeard, now: float) -> None:
        group = self._group(seen.names)
        if group is not None:
            group.hear(seen.word, now, seen.mode, seen.reference)

    def _status_heard(self, seen: StatusHeard, now: float) -> None:
        group = self._group(seen.names)
        if group is not None:
            group.found(seen.status, now, seen.mode, seen.reference)

    def _source_connected(self, seen: SourceConnected, now: float) -> None:
        self._around.connected.add(seen.source)
        for group in self._names.groups:
            if group.policy.control.value == seen.source:
                group.connected(now)
        self._consider(self._names.groups)

    def _source_lost(self, seen: SourceLost, now: float) -> None:
        self._around.connected.discard(seen.source)
        self._lose_evidence(seen.source)
        self._consider(self._names.groups)

    # ------------------------------------------------------------------------------------------ statistics, witnesses

    def _lose_evidence(self, source: str) -> None:
        for group in self._names.groups:
            if group.session.evidence.lose(source):
                group.announce(News.EVIDENCE_GONE, "whoever gave it is gone")
                self._consider([group])

    def _waiting_records(self, seen: WaitingRecords, now: float) -> None:
        group = self._group(seen.names)
        if group is None:
            return
        if seen.over:
            group.record_shows(now)
        else:
            group.says_no_more(seen.source, now)

    def _system_trouble(self, seen: SystemTrouble, now: float) -> None:
        troubled = self._names.groups
        if seen.names == NOTHING:
            self._around.in_trouble = not seen.over
        else:
            group = self._group(seen.names)
            troubled = [group] if group is not None else []
        for group in troubled:
            group.trouble(seen.over)
        self._consider(troubled)

    def _witness_found(self, seen: WitnessFound, now: float) -> None:
        self._around.witnesses.add(seen.witness)

    def _witness_lost(self, seen: WitnessLost, now: float) -> None:
        self._around.witnesses.discard(seen.witness)
        for group in self._names.groups:
            for session in group.sessions:
                session.tallies.pop(seen.witness, None)
        self._lose_evidence(seen.witness)
        self._consider(self._names.groups)

    def _session_witnessed(self, seen: SessionWitnessed, now: float) -> None:
        group = self._group(seen.names)
        if group is not None:
            group.witness_tells(seen.witness, seen.began)

    def _retrieved(self, seen: Retrieved, now: float) -> None:
        group = self._group(seen.names)
        if group is None or (group.in_trouble and not seen.brought):
            return  # a database that is lost brings nothing, either (D)
        tally = group.tally(seen.witness)
        tally.retrieve(seen)
        is_news = self._is_news(seen.witness, tally)
        if seen.brought:
            if is_news:
                group.touch(now)
            group.record_shows(now, in_hand=True)
        elif is_news and tally.empty:
            group.says_no_more(seen.witness, now, counts_records=True)

    def _list_statistics(self, seen: ListStatistics, now: float) -> None:
        group = self._group(seen.names)
        if group is None:
            return
        some = bool(seen.ready or seen.retrieved)
        if group.in_trouble and not some:
            return
        tally = group.tally(seen.witness)
        tally.count(seen)
        is_news = self._is_news(seen.witness, tally)
        if some:
            group.record_shows(now)
        elif is_news and tally.empty:
            group.says_no_more(seen.witness, now, counts_records=True)

    def _is_news(self, witness: str, tally: Tally) -> bool:
        """What a witness tells before it is found is of the past: it counts, and is no evidence (R14)."""
        if witness in self._around.witnesses:
            return True
        tally.begin_anew()
        return False


def _session_source(session: int) -> str:
    return f"session {session}"


def _knowing(group: Group, handle: str | None) -> GroupSession | None:
    """The session of the group that knows the record, the latest if there are two; None where none does."""
    return next((session for session in reversed(group.sessions) if handle in session.records), None)


def _acted_on(group: Group, handle: str | None) -> GroupSession:
    """The session whose record an agent acts on: he keeps an open one after the group is unloaded, and loaded anew."""
    known = _knowing(group, handle)
    if known is None and group.former is not None and handle in group.former.records:
        known = group.former
    return known or (group.session if group.is_known else group.current)


def _is_by_phone(seen: ActionRequested) -> bool:
    """Whether an action names its record by the phone alone (R7)."""
    return seen.handle is None and seen.phone is not None and seen.action in BY_PHONE


def _is_overtaken(request: DesktopRequest, record: Record | None, state: State, acknowledged: bool) -> bool:
    """Whether a record was given to an agent after the action that was to move it to `state`.

    Connections are in no order with one another: the acknowledgement of a reject may be seen after the record is
    with another agent, or has another handle. Silence tells less still: whoever got the record since has it. What was
    acted on after a reject was given to somebody in between.
    """
    if record is None:
        return request.deliveries > 0
    if state is State.RETURNED and record.acted_at > request.sent_at:
        return True
    if record.deliveries == request.deliveries:
        return False
    return not acknowledged or (state is not State.FINALIZED and record.dn != request.dn)


def _meant(known: Group | None, names: GroupNames) -> Callable[[Group], bool]:
    """Whether a group is the one that is known to be meant, else whether it can be the one of these names."""
    return lambda group: group is known if known is not None else compatible(group.names, names)


def _only(candidates: Sequence[Group], handle: str | None, dn: str | None) -> Group | None:
    """The only candidate that knows the record, else the only one that has the agent (N1)."""
    if handle is not None:
        knowing = [group for group in candidates if group.knows(handle)]
        if len(knowing) > 1 and dn is not None:
            knowing = [group for group in knowing if group.knows(handle, dn)]
        if len(knowing) == 1:
            return knowing[0]
    if dn is not None:
        for has_agent in (Group.has_agent, Group.had_agent):
            having = [group for group in candidates if has_agent(group, dn)]
            if having:
                return having[0] if len(having) == 1 else None
    return None
