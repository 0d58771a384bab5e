"""A desk to try the groups at: a clock, an OCS, clients and agents, all played by the test, in short words.

    desk = Desk()                                   # one group, Sales@Agents, completed by the proxy
    anna = desk.agent("3001")                       # a desktop, registered for its DN
    desk.ocs.connected()                            # the control session is registered
    desk.client().loads(1)                          # a client's LoadCampaign with GSW_AUTO_COMPLETION 1 passes
    desk.ocs.loaded()                               # OCS's word
    desk.client().starts(1)
    desk.ocs.started("Preview")
    anna.asks(); anna.gets("77"); anna.processes("77"); anna.acknowledged()
    anna.asks(); anna.hears_no_records()
    desk.passes(60)                                 # the clock goes on; what falls due is done on its way
    assert desk.sent(Stop)

Every word returns the commands that it called forth; the desk keeps all of them, with the time of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any, TypeVar

from proxy.campaign.groups import Groups
from proxy.campaign.observation import (
    Action,
    ActionAcknowledged,
    ActionRequested,
    AgentHeard,
    Announce,
    CallReleased,
    Command,
    ControlAccepted,
    ControlRefused,
    ControlRequested,
    DesktopError,
    DnRegistered,
    DnUnregistered,
    GroupNames,
    GroupReported,
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
    Sign,
    SourceConnected,
    SourceLost,
    Status,
    StatusAsked,
    StatusHeard,
    SystemTrouble,
    WaitingRecords,
    WakeAt,
    WitnessConfirms,
    WitnessFound,
    WitnessLost,
    Word,
    WordHeard,
)
from proxy.campaign.policy import By, ConfiguredGroup, Policy
from proxy.kvlist import Pair

BEGINNING = 1000.0
"""What the clock shows at first."""

SALES = GroupNames(dbid=101, campaign_id=11, group_id=732, name="Sales@Agents")
"""The group of a desk that was given none."""

COMPLETES = Policy(by=By.PROXY)
"""The policy of a group that was given none: the defaults, completed by the proxy."""

C = TypeVar("C", bound=Command)


def group(names: GroupNames = SALES, policy: Policy = COMPLETES) -> ConfiguredGroup:
    """A [group ...] section."""
    return ConfiguredGroup(names, policy)


class Desk:
    """A Groups, a clock that follows WakeAt, and everybody who speaks to it.

    `default` is the policy of groups that are not configured. `names` are those of the first configured group: whom
    a word means that names nobody. `late`: whatever is seen now was seen long ago, by a proxy that shares the groups.
    """

    def __init__(self, *configured: ConfiguredGroup, default: Policy = COMPLETES, instance: int = 0) -> None:
        sections = configured or (group(),)
        self.names = sections[0].names
        self.now = BEGINNING
        self.groups = Groups(default, sections, instance)
        self.said: list[tuple[float, Command]] = []
        self.late = False
        self.ocs = Ocs(self)
        self._due: float | None = None
        self._sessions = count(1)
        self._references = count(1)

    # ------------------------------------------------------------------------------------------------------- time

    def sees(self, observation: Observation) -> list[Command]:
        """A channel saw something; the commands."""
        return self._keep(self.groups.observe(observation, self.now, self.late))

    def passes(self, seconds: float) -> list[Command]:
        """Time goes by; the commands of everything that fell due on its way."""
        until, commands = self.now + seconds, list[Command]()
        while self._due is not None and self._due <= until:
            self.now, self._due = max(self.now, self._due), None
            commands += self._keep(self.groups.wake(self.now))
        self.now = until
        return commands

    def _keep(self, commands: Sequence[Command]) -> list[Command]:
        for command in commands:
            self.said.append((self.now, command))
            if isinstance(command, WakeAt):
                assert command.when > self.now, "a wake in the past would never end"
                self._due = command.when if self._due is None else min(self._due, command.when)
        return list(commands)

    # ------------------------------------------------------------------------------------------- what came of it

    def sent(self, kind: type[C]) -> list[C]:
        """All commands of a kind so far: desk.sent(Stop)."""
        return [command for _, command in self.said if isinstance(command, kind)]

    def times(self, kind: type[C]) -> list[float]:
        """When the commands of a kind were given, in seconds from the beginning."""
        return [when - BEGINNING for when, command in self.said if isinstance(command, kind)]

    def news(self, group: str | None = None) -> list[News]:
        """What was announced so far, of one group or of all."""
        return [said.news for said in self.announced(group)]

    def announced(self, group: str | None = None) -> list[Announce]:
        """What was announced so far, with its text."""
        return [said for said in self.sent(Announce) if group in (None, said.group)]

    def forgets(self) -> None:
        """From here on only what comes now is of interest."""
        self.said.clear()

    def group(self, name: str | None = None) -> dict[str, Any]:
        """The status of a group, by its name as operators see it; the only one, or the first configured, if none."""
        name = name or self.names.name
        found = [status for status in self.groups.status(self.now) if status["name"] == name]
        assert len(found) == 1, f"{len(found)} groups are called {name!r}"
        return found[0]

    def __getitem__(self, key: str) -> Any:
        """A value of the status of the first configured group: desk["state"], desk["outstanding"]."""
        return self.group()[key]

    def counted(self, name: str) -> int:
        """How many of `name` were counted."""
        return self.groups.counts.get(name, 0)

    # ------------------------------------------------------------------------------------------------- who is there

    def agent(self, dn: str = "3001", campaign: str | None = "Sales", registered: bool = True) -> Agent:
        """A new session of an agent's desktop, registered for its DN; its events name the campaign only."""
        agent = Agent(self, next(self._sessions), dn, GroupNames(campaign=campaign))
        if registered:
            agent.registers()
        return agent

    def client(self, names: GroupNames | None = None) -> Client:
        """A new session of a client that controls a group, by the group's DBID if nothing else is said."""
        return Client(self, next(self._sessions), names or GroupNames(dbid=self.names.dbid))

    def witness(self, name: str = "log", found: bool = True) -> Witness:
        """A witness of record counts; it counts from now on, unless `found` is false."""
        witness = Witness(self, name)
        if found:
            witness.found()
        return witness

    def reference(self) -> int:
        """A number that nobody used before."""
        return next(self._references)

    # ----------------------------------------------------------------------------------------------- common scenes

    def runs(self, value: object = 1, mode: str = "Preview") -> Client:
        """The control session is there; a client loads and starts the group, with this GSW_AUTO_COMPLETION."""
        client = self.client()
        self.ocs.connected()
        self.ocs.answers(Status.NOT_LOADED)
        self.ocs.loaded(reference=client.loads(value))
        self.ocs.started(mode, reference=client.starts(value))
        return client


class Ocs:
    """The dialer, as it is heard on the Communication DN by the control session, unless a source is given."""

    def __init__(self, desk: Desk, source: str = "tevents") -> None:
        self._desk = desk
        self._source = source

    def at(self, source: str) -> Ocs:
        """The same dialer, heard elsewhere."""
        return Ocs(self._desk, source)

    def connected(self) -> list[Command]:
        """The control session is registered (or another source of OCS's word is there)."""
        return self._desk.sees(SourceConnected(self._source))

    def lost(self) -> list[Command]:
        """The control session is gone."""
        return self._desk.sees(SourceLost(self._source))

    def says(
        self, word: Word, mode: str | None = None, names: GroupNames | None = None, reference: object = None
    ) -> list[Command]:
        """OCS's word."""
        return self._desk.sees(WordHeard(names or self._desk.names, word, self._source, mode, _text(reference)))

    def loaded(self, names: GroupNames | None = None, reference: object = None) -> list[Command]:
        """The campaign group is loaded."""
        return self.says(Word.LOADED, None, names, reference)

    def started(
        self, mode: str | None = "Preview", names: GroupNames | None = None, reference: object = None
    ) -> list[Command]:
        """Dialing is started."""
        return self.says(Word.STARTED, mode, names, reference)

    def stopped(self, names: GroupNames | None = None, reference: object = None) -> list[Command]:
        """Dialing is stopped."""
        return self.says(Word.STOPPED, None, names, reference)

    def unloaded(self, names: GroupNames | None = None, reference: object = None) -> list[Command]:
        """The campaign group is unloaded."""
        return self.says(Word.UNLOADED, None, names, reference)

    def changes_mode(self, mode: str, names: GroupNames | None = None, reference: object = None) -> list[Command]:
        """The dial mode is changed."""
        return self.says(Word.MODE_CHANGED, mode, names, reference)

    def answers(
        self,
        status: Status,
        mode: str | None = None,
        names: GroupNames | None = None,
        reference: object = None,
    ) -> list[Command]:
        """The answer to a status request, or a status report."""
        return self._desk.sees(StatusHeard(names or self._desk.names, status, self._source, mode, _text(reference)))

    def refuses(self, reference: object, names: GroupNames | None = None, session: int = 0) -> list[Command]:
        """EvError to the request with this reference."""
        return self._desk.sees(ControlRefused(session, names or GroupNames(), _text(reference)))

    def takes(self, reference: object, names: GroupNames | None = None, session: int = 0) -> list[Command]:
        """A success over HTTP: OCS takes the request with this reference."""
        return self._desk.sees(ControlAccepted(session, names or GroupNames(), str(reference)))

    def reports(self, mode: str | None = None, names: GroupNames | None = None) -> list[Command]:
        """A status report that does not tell the group's state."""
        return self._desk.sees(GroupReported(names or self._desk.names, mode))

    def waits_for_records(self, names: GroupNames | None = None) -> list[Command]:
        """Statistics: WaitingRecords starts."""
        return self._desk.sees(WaitingRecords(names or self._desk.names, self._source, over=False))

    def has_records_again(self, names: GroupNames | None = None) -> list[Command]:
        """Statistics: WaitingRecords is over."""
        return self._desk.sees(WaitingRecords(names or self._desk.names, self._source, over=True))

    def has_trouble(self, names: GroupNames | None = None) -> list[Command]:
        """Statistics: SystemError starts."""
        return self._desk.sees(SystemTrouble(names or self._desk.names, over=False))

    def has_trouble_no_more(self, names: GroupNames | None = None) -> list[Command]:
        """Statistics: SystemError is over."""
        return self._desk.sees(SystemTrouble(names or self._desk.names, over=True))


class Agent:
    """One session of an agent's desktop, on one DN. What it asks, and what OCS says to it there."""

    def __init__(self, desk: Desk, session: int, dn: str, names: GroupNames) -> None:
        self._desk = desk
        self.session = session
        self.dn = dn
        self.names = names
        self._last: tuple[Action, str | None] = (Action.PROCESS, None)

    # --------------------------------------------------------------------------------------------------- sessions

    def registers(self, dn: str | None = None) -> list[Command]:
        """The session gets the events of its DN (or of another) from now on."""
        return self._desk.sees(DnRegistered(self.session, dn or self.dn))

    def unregisters(self, dn: str | None = None) -> list[Command]:
        """The session gets them no more."""
        return self._desk.sees(DnUnregistered(self.session, dn or self.dn))

    def leaves(self) -> list[Command]:
        """The desktop's connection is over."""
        return self._desk.sees(SessionEnded(self.session))

    def comes_back(self) -> Agent:
        """The same agent with a new connection."""
        agent = self._desk.agent(self.dn, registered=False)
        agent.names = self.names
        agent.registers()
        return agent

    def turns_blind(self) -> list[Command]:
        """The session can no longer be read."""
        return self._desk.sees(SessionBlind(self.session))

    def taken(self, message_reference: int) -> list[Command]:
        """EventACK of the T-Server."""
        return self._desk.sees(MessageTaken(self.session, message_reference))

    def refused(self, message_reference: int) -> list[Command]:
        """EventError of the T-Server."""
        return self._desk.sees(MessageRefused(self.session, message_reference))

    # ------------------------------------------------------------------------------------------------ the desktop asks

    def asks_status(self) -> list[Command]:
        """CampaignStatusRequest."""
        return self._desk.sees(StatusAsked(self.session, self.dn))

    def asks(
        self, reference: object = None, names: GroupNames | None = None, message_reference: int | None = None
    ) -> list[Command]:
        """PreviewRecordRequest."""
        return self._desk.sees(
            RecordRequested(self.session, self.dn, names or self.names, _text(reference), message_reference)
        )

    def does(
        self,
        action: Action,
        handle: str | None = None,
        reference: object = None,
        phone: str | None = None,
        due: str | None = None,
        names: GroupNames | None = None,
        message_reference: int | None = None,
    ) -> list[Command]:
        """The agent does something with a record."""
        self._last = (action, handle)
        return self._desk.sees(
            ActionRequested(
                self.session,
                self.dn,
                names or self.names,
                action,
                handle,
                phone,
                _text(reference),
                message_reference,
                due,
            )
        )

    def processes(self, handle: str | None = None, reference: object = None, **more: Any) -> list[Command]:
        """RecordProcessed."""
        return self.does(Action.PROCESS, handle, reference, **more)

    def rejects(self, handle: str | None = None, reference: object = None, **more: Any) -> list[Command]:
        """RecordReject."""
        return self.does(Action.REJECT, handle, reference, **more)

    def cancels(self, handle: str | None = None, reference: object = None, **more: Any) -> list[Command]:
        """RequestRecordCancel."""
        return self.does(Action.CANCEL, handle, reference, **more)

    def reschedules(self, handle: str | None = None, reference: object = None, **more: Any) -> list[Command]:
        """RecordReschedule; `due` as the agent writes it."""
        return self.does(Action.RESCHEDULE, handle, reference, **more)

    def wants_no_call(self, handle: str | None = None, reference: object = None, **more: Any) -> list[Command]:
        """DoNotCall."""
        return self.does(Action.DO_NOT_CALL, handle, reference, **more)

    def adds_a_record(self, names: GroupNames | None = None) -> list[Command]:
        """AddRecord, or its acknowledgement."""
        return self._desk.sees(RecordAdded(self.session, self.dn, names or self.names))

    # --------------------------------------------------------------------------------------------- the desktop is told

    def acknowledged(
        self,
        action: Action | None = None,
        handle: str | None = None,
        reference: object = None,
        names: GroupNames | None = None,
    ) -> list[Command]:
        """OCS's acknowledgement: of the action the agent did last, by its handle, if nothing else is said."""
        if action is None:
            action, last = self._last
            handle = handle or (last if reference is None else None)
        return self._desk.sees(
            ActionAcknowledged(self.session, self.dn, names or self.names, action, handle, _text(reference))
        )

    def acknowledged_barely(self, reference: object = None, action: Action | None = None) -> list[Command]:
        """An acknowledgement that carries nothing but its name, and a reference if it has one."""
        return self._desk.sees(
            ActionAcknowledged(self.session, self.dn, GroupNames(), action or self._last[0], None, _text(reference))
        )

    def gets(
        self, handle: str, event: str = "PreviewRecord", names: GroupNames | None = None, **more: Any
    ) -> list[Command]:
        """PreviewRecord, or another event that brings a record: calling_list, chain, phone, reference, telephony."""
        return self._desk.sees(RecordDelivered(self.session, self.dn, names or self.names, event, handle, **more))

    def rings(
        self, handle: str, event: str = "EventRinging", names: GroupNames | None = None, **more: Any
    ) -> list[Command]:
        """A telephony event that carries a record's handle."""
        return self.gets(handle, event, names, telephony=True, **more)

    def loses(self, handle: str, names: GroupNames | None = None) -> list[Command]:
        """RecordCancel, unasked."""
        return self._desk.sees(RecordCancelled(self.session, self.dn, names or self.names, handle))

    def hangs_up(self, handle: str, names: GroupNames | None = None) -> list[Command]:
        """The call of the record is released."""
        return self._desk.sees(CallReleased(self.session, self.dn, names or self.names, handle))

    def shows_a_sign(self, handle: str | None = None, names: GroupNames | None = None) -> list[Command]:
        """Any other sign of a call or a record."""
        return self._desk.sees(Sign(self.session, self.dn, names or self.names, handle))

    def hears_no_records(self, names: GroupNames | None = None, reference: object = None) -> list[Command]:
        """GSW_ERROR: No Records Available."""
        return self.hears_error(names, reference, no_records=True)

    def hears_error(
        self,
        names: GroupNames | None = None,
        reference: object = None,
        handle: str | None = None,
        no_records: bool = False,
    ) -> list[Command]:
        """GSW_ERROR."""
        return self._desk.sees(
            DesktopError(self.session, self.dn, names or self.names, no_records, handle, _text(reference))
        )

    def hears(
        self,
        word: Word,
        mode: str | None = None,
        names: GroupNames | None = None,
        pairs: Sequence[Pair] = (),
    ) -> list[Command]:
        """OCS's campaign event is about to reach this session."""
        return self._desk.sees(AgentHeard(self.session, self.dn, names or self.names, word, mode, tuple(pairs)))


class Client:
    """One session of a client that controls a group. Every request returns its reference."""

    def __init__(self, desk: Desk, session: int, names: GroupNames) -> None:
        self._desk = desk
        self.session = session
        self.names = names

    def requests(
        self,
        request: Request,
        *values: object,
        mode: str | None = None,
        names: GroupNames | None = None,
        reference: object = None,
        message_reference: int | None = None,
    ) -> str:
        """A request passes, with these values of GSW_AUTO_COMPLETION."""
        reference = self._desk.reference() if reference is None else reference
        self._desk.sees(
            ControlRequested(
                self.session, names or self.names, request, values, mode, str(reference), message_reference
            )
        )
        return str(reference)

    def loads(self, *values: object, **more: Any) -> str:
        """LoadCampaign."""
        return self.requests(Request.LOAD, *values, **more)

    def starts(self, *values: object, **more: Any) -> str:
        """StartDialing."""
        return self.requests(Request.START, *values, **more)

    def sets_mode(self, mode: str, *values: object, **more: Any) -> str:
        """SetDialingMode."""
        return self.requests(Request.SET_MODE, *values, mode=mode, **more)

    def stops(self, **more: Any) -> str:
        """StopDialing."""
        return self.requests(Request.STOP, **more)

    def unloads(self, **more: Any) -> str:
        """UnloadCampaign."""
        return self.requests(Request.UNLOAD, **more)

    def hears_refusal(self, reference: object, names: GroupNames | None = None) -> list[Command]:
        """EvError on the client's own session."""
        return self._desk.ocs.refuses(reference, names, self.session)

    def hears_success(self, reference: object, names: GroupNames | None = None) -> list[Command]:
        """The reply over HTTP: OCS takes the request."""
        return self._desk.ocs.takes(reference, names, self.session)

    def taken(self, message_reference: int) -> list[Command]:
        """EventACK of the T-Server."""
        return self._desk.sees(MessageTaken(self.session, message_reference))

    def refused(self, message_reference: int) -> list[Command]:
        """EventError of the T-Server."""
        return self._desk.sees(MessageRefused(self.session, message_reference))

    def leaves(self) -> list[Command]:
        """The client's connection is over."""
        return self._desk.sees(SessionEnded(self.session))


class Witness:
    """One who knows what was retrieved from the calling lists."""

    def __init__(self, desk: Desk, name: str) -> None:
        self._desk = desk
        self.name = name

    def found(self) -> list[Command]:
        """It counts from here on."""
        return self._desk.sees(WitnessFound(self.name))

    def lost(self) -> list[Command]:
        """It is lost, or stale."""
        return self._desk.sees(WitnessLost(self.name))

    def retrieved(
        self,
        brought: int,
        asked: int | None = None,
        calling_list: str = "List",
        record_type: str = "General",
        records: frozenset[str] | None = None,
        names: GroupNames | None = None,
    ) -> list[Command]:
        """A request to the database brought records, or none."""
        return self._desk.sees(
            Retrieved(self.name, names or self._desk.names, calling_list, record_type, brought, asked, records)
        )

    def counts(
        self,
        calling_list: str = "List",
        ready: int | None = None,
        retrieved: int | None = None,
        final: int | None = None,
        total: int | None = None,
        names: GroupNames | None = None,
        scheduled: int | None = None,
        answers: int | None = None,
    ) -> list[Command]:
        """Statistics of a calling list; `answers` where it was asked for them."""
        numbers = (ready, retrieved, final, total, scheduled, answers)
        return self._desk.sees(ListStatistics(self.name, names or self._desk.names, calling_list, *numbers))

    def confirms(self, names: GroupNames | None = None) -> list[Command]:
        """It is to be asked before a Stop."""
        return self._desk.sees(WitnessConfirms(self.name, names or self._desk.names))


def _text(reference: object) -> str | None:
    return None if reference is None else str(reference)
