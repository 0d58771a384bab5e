"""What a channel can see of campaign groups, and what the groups want of a channel.

The one vocabulary between channels and groups: observations go down, commands come up, nothing else crosses.
A session is a number that one channel gives to one connection of a client; no two channels share one. Handles,
references, DNs and DBIDs are compared as they stand here: a handle is text (R6), a reference is text, too.
Times are seconds of one clock, chosen by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from math import inf
from typing import NamedTuple

from proxy.kvlist import Pair


class GroupNames(NamedTuple):
    """The names by which a message, or the conf file, speaks of a campaign group; each may be missing."""

    dbid: int | None = None
    campaign_id: int | None = None
    group_id: int | None = None
    name: str | None = None
    campaign: str | None = None


class Word(Enum):
    """What OCS says of a group's life."""

    LOADED = "loaded"
    STARTED = "started"
    STOPPED = "stopped"
    UNLOADED = "unloaded"
    MODE_CHANGED = "mode changed"


class Status(IntEnum):
    """Group status in an answer to a status request (C)."""

    NOT_LOADED = 0
    WAITING_UNLOAD = 1
    UNLOAD_IN_PROGRESS = 2
    INACTIVE = 3
    ACTIVE = 4
    RUNNING = 5


class Request(Enum):
    """What a client asks of a group."""

    LOAD = "load"
    START = "start"
    SET_MODE = "set mode"
    STOP = "stop"
    UNLOAD = "unload"


class Action(Enum):
    """What an agent does with a record."""

    PROCESS = "process"
    REJECT = "reject"
    CANCEL = "cancel"
    RESCHEDULE = "reschedule"
    RESCHEDULE_CALLBACK = "reschedule callback"
    DO_NOT_CALL = "do not call"
    UPDATE = "update"


# ----------------------------------------------------------------------------------------- observations: sessions


@dataclass(frozen=True, slots=True)
class DnRegistered:
    """A session gets the events of a DN from now on."""

    session: int
    dn: str


@dataclass(frozen=True, slots=True)
class DnUnregistered:
    """A session gets the events of a DN no more."""

    session: int
    dn: str


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """A session is over; its DNs with it."""

    session: int


@dataclass(frozen=True, slots=True)
class SessionBlind:
    """A session can no longer be read: it is opaque, or one of its bodies could not be decoded (R16)."""

    session: int


@dataclass(frozen=True, slots=True)
class MessageTaken:
    """The T-Server took a request of this session (EventACK)."""

    session: int
    message_reference: int


@dataclass(frozen=True, slots=True)
class MessageRefused:
    """The T-Server refused a request of this session (EventError)."""

    session: int
    message_reference: int


# ----------------------------------------------------------------------------------------- observations: desktops


@dataclass(frozen=True, slots=True)
class StatusAsked:
    """A desktop asks which campaigns there are; what it hears for a while are answers, not news."""

    session: int
    dn: str


@dataclass(frozen=True, slots=True)
class RecordRequested:
    """A desktop asks for a record (PreviewRecordRequest)."""

    session: int
    dn: str
    names: GroupNames
    reference: str | None = None
    message_reference: int | None = None


@dataclass(frozen=True, slots=True)
class ActionRequested:
    """A desktop does something with a record. `due` is the time a callback is for, as the agent wrote it."""

    session: int
    dn: str
    names: GroupNames
    action: Action
    handle: str | None = None
    phone: str | None = None
    reference: str | None = None
    message_reference: int | None = None
    due: str | None = None


@dataclass(frozen=True, slots=True)
class ActionAcknowledged:
    """OCS acknowledges an action to a desktop. May carry nothing but a reference, or not even that (R8)."""

    session: int
    dn: str
    names: GroupNames
    action: Action
    handle: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class DesktopError:
    """OCS says GSW_ERROR to a desktop; `no_records` where it says there are none."""

    session: int
    dn: str
    names: GroupNames
    no_records: bool
    handle: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class RecordDelivered:
    """An event that brings a record to an agent (R6).

    `event` is its name; copies are counted by it. `telephony` where it is an event of a call. `reference` is
    that of the PreviewRecordRequest it answers.
    """

    session: int
    dn: str
    names: GroupNames
    event: str
    handle: str
    telephony: bool = False
    calling_list: str | None = None
    chain: str | None = None
    phone: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class RecordCancelled:
    """OCS takes a record from an agent, unasked (RecordCancel)."""

    session: int
    dn: str
    names: GroupNames
    handle: str


@dataclass(frozen=True, slots=True)
class CallReleased:
    """The call of a record is over at an agent."""

    session: int
    dn: str
    names: GroupNames
    handle: str


@dataclass(frozen=True, slots=True)
class RecordAdded:
    """A record is added to a calling list (AddRecord, or its acknowledgement)."""

    session: int
    dn: str
    names: GroupNames


@dataclass(frozen=True, slots=True)
class Sign:
    """Any other sign of a call or a record of a group. From statistics: session 0, no DN."""

    session: int
    dn: str
    names: GroupNames
    handle: str | None = None


@dataclass(frozen=True, slots=True)
class AgentHeard:
    """OCS's campaign event reaches a session of an agent. `pairs` is its user data (R28)."""

    session: int
    dn: str
    names: GroupNames
    word: Word
    mode: str | None = None
    pairs: tuple[Pair, ...] = ()


# -------------------------------------------------------------------------------- observations: control and OCS's word


@dataclass(frozen=True, slots=True)
class ControlRequested:
    """A client's campaign control request passes.

    `values` are those of GSW_AUTO_COMPLETION as the client sent them, in order; `mode` the dial mode asked for.
    """

    session: int
    names: GroupNames
    request: Request
    values: tuple[object, ...] = ()
    mode: str | None = None
    reference: str | None = None
    message_reference: int | None = None


@dataclass(frozen=True, slots=True)
class ControlRefused:
    """OCS refuses a control request, by its reference. Session 0: heard by the proxy's own session."""

    session: int
    names: GroupNames
    reference: str | None


@dataclass(frozen=True, slots=True)
class ControlAccepted:
    """OCS takes a control request, by its reference: an HTTP success. It may not have done yet what is asked (A).

    Session 0: the proxy's own request.
    """

    session: int
    names: GroupNames
    reference: str


@dataclass(frozen=True, slots=True)
class WordHeard:
    """OCS's word on a group's life (R1). `reference` where it answers a request that had one.

    `source` is where it was heard: a control protocol's name.
    """

    names: GroupNames
    word: Word
    source: str
    mode: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class StatusHeard:
    """OCS's answer to a status request, or a status report."""

    names: GroupNames
    status: Status
    source: str
    mode: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class GroupReported:
    """A status report that does not tell the group's state: it has these names and this dial mode."""

    names: GroupNames
    mode: str | None = None


@dataclass(frozen=True, slots=True)
class SourceConnected:
    """OCS's word can be heard from here on; for a control protocol: our own session is registered.

    Over HTTP no word is heard: OCS's HTTP interface can be reached.
    """

    source: str


@dataclass(frozen=True, slots=True)
class SourceLost:
    """OCS's word can no longer be heard from there."""

    source: str


@dataclass(frozen=True, slots=True)
class WaitingRecords:
    """OCS's statistics: the group waits for records, or does so no more. A lost database shows the same (D)."""

    names: GroupNames
    source: str
    over: bool


@dataclass(frozen=True, slots=True)
class SystemTrouble:
    """OCS's statistics: SystemError begins, or is over. Without names it is every group's."""

    names: GroupNames
    over: bool


# ---------------------------------------------------------------------------------------- observations: witnesses


@dataclass(frozen=True, slots=True)
class WitnessFound:
    """A witness counts from here on. What it tells before is of the past: counted, and no evidence (R14)."""

    witness: str


@dataclass(frozen=True, slots=True)
class WitnessLost:
    """A witness is lost or stale: what it said no longer holds."""

    witness: str


@dataclass(frozen=True, slots=True)
class WitnessConfirms:
    """A witness is asked before a Stop of this group, whether it counts now or not; without its answer none is sent."""

    witness: str
    names: GroupNames


@dataclass(frozen=True, slots=True)
class SessionWitnessed:
    """A witness tells that a session of a group began, or is over: what it tells next of the group comes after that.

    It says to which session its counts belong, and nothing of the group's life: a witness may lag behind (R1).
    """

    witness: str
    names: GroupNames
    began: bool


@dataclass(frozen=True, slots=True)
class Retrieved:
    """A request to the database brought `brought` records of one list and record type.

    `asked` is how many it asked for, None where that is unknown; `records` their identities where the witness
    knows them, so that a record retrieved again counts once (R18).
    """

    witness: str
    names: GroupNames
    calling_list: str
    record_type: str
    brought: int
    asked: int | None = None
    records: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class ListStatistics:
    """What a calling list holds for a group: numbers of records, None where unknown.

    `scheduled`: for a later time, and not counted in `ready`. `answers` is the number of the question (AskWitness) that
    this answers, None where it was not asked for, or the last question came while it was being counted.
    """

    witness: str
    names: GroupNames
    calling_list: str
    ready: int | None = None
    retrieved: int | None = None
    final: int | None = None
    total: int | None = None
    scheduled: int | None = None
    answers: int | None = None


# ---------------------------------------------------------------------------------- observations: several proxies


@dataclass(frozen=True, slots=True)
class InstanceHeard:
    """A proxy that shares the groups is there; `controls`: it has a session with the dialer.

    `applied`: up to which moment it knew what all have said, when it said so. What it says may be on its way for long.
    """

    instance: int
    controls: bool
    applied: float = inf


@dataclass(frozen=True, slots=True)
class InstanceLeft:
    """A proxy that shared the groups ended in order; so did its sessions."""

    instance: int


@dataclass(frozen=True, slots=True)
class InstanceLost:
    """A proxy that shares the groups has been silent for too long: it is dead, or cut off and relays on."""

    instance: int


@dataclass(frozen=True, slots=True)
class CountLost:
    """Something that was seen is lost for good: the records of all groups are unknown until they are loaded anew."""


Observation = (
    DnRegistered
    | DnUnregistered
    | SessionEnded
    | SessionBlind
    | MessageTaken
    | MessageRefused
    | StatusAsked
    | RecordRequested
    | ActionRequested
    | ActionAcknowledged
    | DesktopError
    | RecordDelivered
    | RecordCancelled
    | CallReleased
    | RecordAdded
    | Sign
    | AgentHeard
    | ControlRequested
    | ControlRefused
    | ControlAccepted
    | WordHeard
    | StatusHeard
    | GroupReported
    | SourceConnected
    | SourceLost
    | WaitingRecords
    | SystemTrouble
    | WitnessFound
    | WitnessLost
    | WitnessConfirms
    | SessionWitnessed
    | Retrieved
    | ListStatistics
    | InstanceHeard
    | InstanceLeft
    | InstanceLost
    | CountLost
)

# ------------------------------------------------------------------------------------------------------- commands


@dataclass(frozen=True, slots=True)
class Stop:
    """Write the intention down, then send StopDialing for the group (R20)."""

    group: str
    control: str
    names: GroupNames
    reference: int


@dataclass(frozen=True, slots=True)
class Unload:
    """Write the intention down, then send UnloadCampaign for the group."""

    group: str
    control: str
    names: GroupNames
    reference: int


@dataclass(frozen=True, slots=True)
class AskStatus:
    """Send GetCampaignStatus for the group."""

    group: str
    control: str
    names: GroupNames
    reference: int


@dataclass(frozen=True, slots=True)
class AskWitness:
    """Ask a witness what the group has left, now; ListStatistics with this number of the question answers (R17)."""

    group: str
    witness: str
    names: GroupNames
    question: int


@dataclass(frozen=True, slots=True)
class Settled:
    """The group's completion is over: nothing is intended any more."""

    group: str


@dataclass(frozen=True, slots=True)
class NotifyAgent:
    """Tell an agent's session CampaignStopped or CampaignUnloaded (R28).

    `like` is the user data of the campaign event to take keys and values from; empty: only `names` are known.
    Where the session's own event is being relayed right now, this goes in just before it.
    """

    session: int
    dn: str
    word: Word
    names: GroupNames
    like: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Swallow:
    """Do not relay the event that was just observed (R26)."""


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Call `wake` at this time: something falls due."""

    when: float


class News(Enum):
    """Everything the groups have to report: one line each in the log and the time line."""

    LOADED = "loaded"
    STARTED = "started"
    STOPPED = "stopped"
    UNLOADED = "unloaded"
    ARMED = "armed"
    DISARMED = "disarmed"
    NO_MORE_RECORDS = "no more records"
    EVIDENCE_GONE = "evidence taken back"
    WITNESSES_DIFFER = "witnesses differ"
    STOP_SENT = "Stop sent"
    UNLOAD_SENT = "Unload sent"
    COMPLETED = "completed"
    WOULD_COMPLETE = "would have been completed"
    SUSPENDED = "completion suspended"
    ABANDONED = "completion abandoned"
    FAILED = "completion failed"
    STOPPED_WITH_RECORDS = "stopped with records"
    RECORD_STALE = "record no longer holds"
    NAMES_CONFLICT = "names conflict"
    COUNT_LOST = "records lost track of"

    @property
    def loud(self) -> bool:
        """Whether an operator has to look at it."""
        return self in (News.FAILED, News.STOPPED_WITH_RECORDS, News.NAMES_CONFLICT, News.COUNT_LOST)


@dataclass(frozen=True, slots=True)
class Announce:
    """Something happened that operators want to read. No user data in `text`."""

    news: News
    group: str
    text: str = ""


Command = Stop | Unload | AskStatus | AskWitness | Settled | NotifyAgent | Swallow | WakeAt | Announce
