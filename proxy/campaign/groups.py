"""All campaign groups: observations in, commands out.

An observation goes to the room it belongs to: `desktops`, `deliveries`, `dialer`, `witnesses` or `sharing`. That finds
the group that is meant (`attribution`) and has the conclusions drawn from it; then `consider` asks what is to be done.

- A PreviewRecord: `deliveries` finds the session that it is of (`which_session`), `records` counts it, and `signs`
  takes back what was said before: that there are no more.
- "No Records Available": `desktops` finds the request that it answers; where it counts (`signs`) it becomes `evidence`.
- A client's StartDialing: `dialer` has `arming` remember it, until OCS refuses it or its word accepts it.
- OCS's Loaded: `dialer` hands it to `word`. The group's `life` says whether that moves it; then `group` begins a
  session, and the request that is accepted by it arms that (`arming`).
- Stop: `consider` finds that none of the `conditions` is in the way, long enough; `completion` sends it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from math import inf

from attrs import define, field

from proxy.campaign.agenda import Agenda
from proxy.campaign.around import References, Surroundings
from proxy.campaign.attribute import Edit, edit
from proxy.campaign.attribution import Attribution
from proxy.campaign.consider import consider, notification
from proxy.campaign.deliveries import Deliveries
from proxy.campaign.desktops import Desktops
from proxy.campaign.dialer import Dialer
from proxy.campaign.group import Group
from proxy.campaign.instances import Instances
from proxy.campaign.kept import Changes
from proxy.campaign.names import Names, with_campaign
from proxy.campaign.observation import (
    ActionAcknowledged,
    ActionRequested,
    AgentHeard,
    CallReleased,
    Command,
    ControlAccepted,
    ControlRefused,
    ControlRequested,
    CountLost,
    DesktopError,
    DnRegistered,
    DnUnregistered,
    GroupNames,
    GroupReported,
    InstanceHeard,
    InstanceLeft,
    InstanceLost,
    ListStatistics,
    MessageRefused,
    MessageTaken,
    NotifyAgent,
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
    StatusAsked,
    StatusHeard,
    Stop,
    SystemTrouble,
    Unload,
    WaitingRecords,
    WakeAt,
    WitnessConfirms,
    WitnessFound,
    WitnessLost,
    Word,
    WordHeard,
)
from proxy.campaign.policy import ConfiguredGroup, Policy
from proxy.campaign.remembering import Remembering
from proxy.campaign.report import status
from proxy.campaign.requests import DesktopRequests
from proxy.campaign.sharing import Sharing
from proxy.campaign.witnesses import Witnesses


@define(eq=False)
class Whole:
    """All that groups are made of. `agenda`: who is to be looked at.

    `wake_at`: when they want to be woken, inf where nothing is due; None where that is not known, and all of them have
    to be looked at: they were woken, or a mistake of ours came in between.
    """

    around: Surroundings
    default: Policy
    names: Names = field(factory=Names)
    requests: DesktopRequests[Group] = field(factory=DesktopRequests)
    agenda: Agenda = field(factory=Agenda)
    wake_at: float | None = None


class Groups:
    """All groups. Pure: `now` is the caller's clock, in seconds; commands are for the caller to carry out."""

    def __init__(self, default: Policy, configured: Iterable[ConfiguredGroup] = (), instance: int = 0) -> None:
        self._arrange(Whole(Surroundings(References(instance)), default))
        self._which.configure(configured)

    @classmethod
    def of(cls, whole: Whole) -> Groups:
        """The groups that are made of this."""
        groups = cls.__new__(cls)
        groups._arrange(whole)
        return groups

    def _arrange(self, whole: Whole) -> None:
        self._whole = whole
        self._commands: list[Command] = []
        self._conclusions = 0
        self._agenda = agenda = whole.agenda
        self._around = around = whole.around
        around.tell = self._tell
        self._which = which = Attribution(around, agenda, whole.requests, whole.names, whole.default)
        self._desktops = desktops = Desktops(around, agenda, which, whole.requests)
        deliveries = Deliveries(around, which, desktops)
        dialer = Dialer(around, agenda, which, desktops)
        witnesses = Witnesses(around, agenda, which)
        sharing = Sharing(around, agenda, which, desktops)
        self._remembering = Remembering(around, which)
        self._seen: dict[type, Callable[..., None]] = {
            DnRegistered: desktops.dn_registered,
            DnUnregistered: desktops.dn_unregistered,
            SessionEnded: desktops.session_ended,
            SessionBlind: desktops.session_blind,
            MessageTaken: desktops.message_taken,
            MessageRefused: desktops.message_refused,
            StatusAsked: desktops.status_was_asked,
            RecordRequested: desktops.record_requested,
            ActionRequested: desktops.action_requested,
            ActionAcknowledged: desktops.action_acknowledged,
            DesktopError: desktops.desktop_error,
            RecordDelivered: deliveries.record_delivered,
            RecordCancelled: deliveries.record_cancelled,
            CallReleased: deliveries.call_released,
            RecordAdded: deliveries.record_added,
            Sign: deliveries.sign,
            AgentHeard: dialer.agent_heard,
            ControlRequested: dialer.control_requested,
            ControlRefused: dialer.control_refused,
            ControlAccepted: dialer.control_accepted,
            WordHeard: dialer.word_heard,
            StatusHeard: dialer.status_heard,
            GroupReported: dialer.group_reported,
            SourceConnected: dialer.source_connected,
            SourceLost: dialer.source_lost,
            WaitingRecords: dialer.waiting_records,
            SystemTrouble: dialer.system_trouble,
            WitnessFound: witnesses.found,
            WitnessLost: witnesses.lost,
            WitnessConfirms: witnesses.confirms,
            SessionWitnessed: witnesses.session_told,
            Retrieved: witnesses.retrieved,
            ListStatistics: witnesses.counted,
            InstanceHeard: sharing.heard,
            InstanceLeft: sharing.left,
            InstanceLost: sharing.lost,
            CountLost: sharing.count_lost,
        }

    def observe(
        self, observation: Observation, now: float, late: bool = False, seen_at: float | None = None
    ) -> Sequence[Command]:
        """Draw all conclusions from one observation; what is to be done, in order.

        `late`: it was seen long ago; it counts, and is no evidence (R14). `seen_at`: when it was seen, which says
        what of a record came first; in seconds of any one clock, `now` unless given.
        """
        self._commands = []
        self._around.late = late
        self._around.seen_at = now if seen_at is None else seen_at
        self._seen[type(observation)](observation, now)
        return self._conclude(now)

    def wake(self, now: float) -> Sequence[Command]:
        """Something fell due (WakeAt); what is to be done."""
        self._commands = []
        self._whole.wake_at = None
        self._desktops.expire(now)
        self._agenda.add(*(group for group in self._which.groups if group.due is not None and group.due <= now))
        return self._conclude(now)

    def retire(self, now: float) -> Sequence[Command]:
        """The proxy is about to stop: no completion begins any more; those that have begun are finished."""
        self._commands = []
        self._around.retiring = True
        self._agenda.add(*self._which.groups)
        return self._conclude(now)

    def reconfigure(self, default: Policy, configured: Iterable[ConfiguredGroup], now: float) -> Sequence[Command]:
        """What is wanted done is another matter from now on; what is known of the groups stays."""
        self._commands = []
        self._which.reconfigure(default, configured)
        for group in self._which.groups:
            group.look_at_policy()
        self._agenda.add(*self._which.groups)
        return self._conclude(now)

    @property
    def is_retiring(self) -> bool:
        """Whether no completion begins any more."""
        return self._around.retiring

    @property
    def is_completing(self) -> bool:
        """Whether a completion has begun, and is not over, or agents have yet to be told of one."""
        return any(group.is_completing for group in self._which.groups)

    @property
    def conclusions(self) -> int:
        """How often anything was concluded: while it stays the same, so does everything."""
        return self._conclusions

    @property
    def whole(self) -> Whole:
        """All that the groups are made of; not a copy."""
        self._whole.default = self._which.default
        return self._whole

    def edit(self, names: GroupNames, request: Request | None, values: Sequence[object]) -> Edit:
        """What becomes of GSW_AUTO_COMPLETION in a client's message, before it is relayed (R5).

        `request` is None for any message but a campaign control request; `values` are the attribute's, in order.
        """
        policy = self._which.policy(names)
        asks = request in (Request.LOAD, Request.START, Request.SET_MODE)
        return edit(policy.attribute, policy.by, asks, values)

    # ------------------------------------------------------------------------------------------------------- kept

    def take_changes(self, now: float, wall: float) -> Changes:
        """What is to be written down: all that changed since this was asked last. `wall` is the time of day.

        Until it is asked for the first time nothing is noted: then it is all that there is.
        """
        return self._remembering.take_changes(now, wall)

    def take_up(self, kept: Changes, now: float, wall: float) -> Sequence[Command]:
        """Before anything was observed: all is as it was kept, and OCS has to confirm it (R2, R22)."""
        self._commands = []
        self._agenda.add(*self._remembering.take_up(kept, now, wall))
        return self._conclude(now)

    def stored(self, problem: str | None, now: float) -> Sequence[Command]:
        """Nothing can be written down any more, and why; None: it can again."""
        self._commands = []
        self._around.store_problem = problem
        self._agenda.add(*self._which.groups)
        return self._conclude(now)

    def still_wants(self, request: Stop | Unload, now: float) -> bool:
        """Whether a request that is written down now is still to be sent (R22)."""
        completions = (group.completion for group in self._which.groups)
        return any(each is not None and each.wants(request.reference, now) for each in completions)

    def passing(self, heard: AgentHeard, now: float) -> tuple[bool, NotifyAgent | None]:
        """What observing it would say: whether it is swallowed, and what goes to this agent before it (R25, R26).

        Nothing is changed. For a proxy that shares the groups, which observes it later.
        """
        group = self._which.find(with_campaign(heard.names), heard.dn)
        if group is None or group.notices is None or heard.word not in (Word.STOPPED, Word.UNLOADED):
            return False, None
        swallowed, stopped_first = group.notices.would_hear(heard.session, heard.dn, heard.word, now)
        if not stopped_first:
            return swallowed, None
        agents = {**group.session.agents, heard.dn: heard.pairs}
        return swallowed, notification(group, agents, heard.session, heard.dn, Word.STOPPED)

    def has_told(self, told: NotifyAgent) -> bool:
        """Whether a notification is still to be said, as far as is known by now (R27)."""
        every = (group.notices for group in self._which.groups)
        return any(each is not None and each.is_told(told.session, told.dn, told.word) for each in every)

    # ------------------------------------------------------------------------------------------------------- shown

    def status(self, now: float) -> list[dict[str, object]]:
        """All groups, as GET /groups shows them."""
        return [status(group, now) for group in self._which.groups]

    @property
    def instances(self) -> Instances:
        """The proxies that share the groups."""
        return self._around.instances

    @property
    def sources(self) -> Set[str]:
        """Where OCS's word can be heard now."""
        return self._around.connected

    @property
    def present_witnesses(self) -> Set[str]:
        """The witnesses that count now."""
        return self._around.witnesses

    @property
    def counts(self) -> dict[str, int]:
        """What was counted, by name."""
        return self._around.counts

    def _tell(self, command: Command) -> None:
        self._commands.append(command)

    def _conclude(self, now: float) -> Sequence[Command]:
        self._conclusions += 1
        touched = self._agenda.take()
        self._remembering.touch(touched)
        wake_at, self._whole.wake_at = self._whole.wake_at, None
        for group in touched:
            consider(group, now)
        self._wake_when_due(*((self._which.groups, inf) if wake_at is None else (touched, wake_at)))
        return self._commands

    def _wake_when_due(self, considered: Iterable[Group], before: float) -> None:
        due = [group.due for group in considered if group.due is not None]
        if self._desktops.requests.next_due is not None:
            due.append(self._desktops.requests.next_due)
        self._whole.wake_at = min(before, *due) if due else before
        if self._whole.wake_at < before:
            self._commands.append(WakeAt(self._whole.wake_at))
