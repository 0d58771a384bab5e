"""All that there is of Groups as lines of text, and back: what a proxy that joins others begins with.

Nothing is left out but what is of one process only (what a store has yet to write down), and what follows from the
rest. One line is one thing, or a portion of things that may be very many: no line takes long to make or to read. The
same state has the same lines, in whatever process: so two Groups that have the same lines are the same.

A line is a JSON list in ASCII: the name of a class and the state of one object of it, or `Class.field` and a portion
of what is in it. The last one says how many lines there are, and has their checksum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from operator import attrgetter
from typing import Any, TypeVar, get_type_hints
from zlib import crc32

from attrs import define, fields

from proxy.campaign.agenda import Agenda
from proxy.campaign.around import Surroundings
from proxy.campaign.clients import ClientRequest
from proxy.campaign.completion import Completion
from proxy.campaign.confirmation import Confirmation
from proxy.campaign.consider import telling
from proxy.campaign.evidence import Tally
from proxy.campaign.group import Group
from proxy.campaign.group_session import GroupSession
from proxy.campaign.groups import Groups, Whole
from proxy.campaign.instances import Instances
from proxy.campaign.life import State
from proxy.campaign.names import Names
from proxy.campaign.notices import Notices
from proxy.campaign.observation import GroupNames, Word
from proxy.campaign.plain import Form, Forms, Unfit, decode, encode
from proxy.campaign.policy import Policy
from proxy.campaign.records import Record, Records
from proxy.campaign.records import State as RecordState
from proxy.campaign.registrations import Registrations
from proxy.campaign.requests import DesktopRequest, DesktopRequests, G

FORMAT = 1
"""Lines of another number are of another version: they are Garbled to this one."""

PORTION = 500
"""How many records, or other things that may be very many, stand on one line."""

IN_PORTIONS = (Surroundings, Registrations, Instances, GroupSession, Tally, Notices, Names)
"""The classes that have fields which are written in portions."""

T = TypeVar("T")


class Garbled(ValueError):
    """Lines that are not ours: of another version, damaged, or of something else."""


class Torn(RuntimeError):
    """Something was observed while the lines were taken: a mistake of whoever took them."""


def lines(groups: Groups) -> Iterator[str]:
    """All that there is of the groups; nothing may be observed until the last line is taken, else Torn is raised."""
    number, checksum, conclusions = 0, 0, groups.conclusions
    for thing in _Writing(groups.whole).things():
        if groups.conclusions != conclusions:
            raise Torn("the groups are others than they were when the first line was taken")
        line = encode(thing)
        number, checksum = number + 1, crc32(line.encode("ascii"), checksum)
        yield line
    yield encode(["end", number, checksum])


def of_lines(lines: Iterable[str]) -> Groups:
    """The groups of these lines. Raises Garbled."""
    reading = Reading()
    for line in lines:
        reading.take(line)
    return reading.groups()


# ------------------------------------------------------------------------------------------------------------ forms


@define
class GroupState:
    """A Group, but for what it has under way. Each field is the attribute of this name."""

    names: GroupNames
    policy: Policy
    is_configured: bool
    number: int
    state: State
    session: GroupSession
    former: GroupSession | None
    upcoming: GroupSession | None
    run: int
    in_run: bool
    in_trouble: bool
    uncounted: bool
    last_sign: float
    touched_at: float
    held_since: float | None
    would_complete: int | None
    confirmers: set[str]
    completions: int
    due: float | None
    unconfirmed: bool
    doubt_due_at: float | None
    told_elsewhere: Word


_GROUP_VALUES = attrgetter(*(each.name for each in fields(GroupState)))
_AT_FIRST = {"names", "policy", "is_configured", "state", "session", "former", "upcoming"}
_LATER = [each.name for each in fields(GroupState) if each.name not in _AT_FIRST]

_RECORD_FIELDS = tuple(each.name for each in fields(Record))
_RECORD_VALUES = attrgetter(*_RECORD_FIELDS)
_STATE_AT, _ACTED_AT = _RECORD_FIELDS.index("state"), _RECORD_FIELDS.index("acted_at")
_NEVER = float("-inf")
_RECORD_STATES = {state.value: state for state in RecordState}


def _row(record: Record) -> list[Any]:
    row = list(_RECORD_VALUES(record))
    row[_STATE_AT] = record.state.value
    if record.acted_at == _NEVER:
        row[_ACTED_AT] = None
    return row


class _Rows:
    """Rows of records, read. What a row is made of is looked at once for all that are made of the same."""

    def __init__(self) -> None:
        forms = Forms({})
        kinds = {**get_type_hints(Record), "state": str, "acted_at": float | None}
        self._forms = [forms.of(kinds[name]) for name in _RECORD_FIELDS]
        self._fit: set[tuple[type, ...]] = set()

    def record(self, row: Any) -> Record:
        """The record of a row. Raises Unfit."""
        kinds = tuple(map(type, row)) if type(row) is list else ()
        if kinds not in self._fit:
            if len(kinds) != len(self._forms):
                raise Unfit("no record")
            for form, value in zip(self._forms, row, strict=True):
                form.back(value)
            self._fit.add(kinds)
        state = _RECORD_STATES.get(row[_STATE_AT])
        if state is None:
            raise Unfit("no state of a record")
        row[_STATE_AT] = state
        if row[_ACTED_AT] is None:
            row[_ACTED_AT] = _NEVER
        return Record(*row)


def _portions(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while portion := list(islice(iterator, PORTION)):
        yield portion


# ---------------------------------------------------------------------------------------------------------- written


class _Writing:
    """Groups, sessions and whatever they hold, told by numbers where others speak of them."""

    def __init__(self, whole: Whole) -> None:
        self._whole = whole
        self._groups = {group: number for number, group in enumerate(whole.names.groups)}
        self._sessions: dict[GroupSession, int] = {}
        for session in _sessions(whole):
            self._sessions.setdefault(session, len(self._sessions))
        of_group = Form(self._groups.__getitem__, _never)
        self._forms = Forms({Group: of_group, G: of_group, GroupSession: Form(self._sessions.__getitem__, _never)})
        self._session_forms = Forms({})

    def things(self) -> Iterator[list[Any]]:
        whole = self._whole
        yield ["Groups", FORMAT, self._forms.plain(whole.default), self._forms.of(float | None).plain(whole.wake_at)]
        yield from self._object(whole.around)
        yield from self._object(whole.around.registrations)
        yield from self._object(whole.around.instances)
        for session in self._sessions:
            yield from self._session(session)
        for group in whole.names.groups:
            yield from self._group(group)
        yield from self._object(whole.names)
        yield from self._object(whole.requests)
        for asked in _portions(map(self._forms.plain, whole.requests)):
            yield ["DesktopRequests.asked", asked]
        yield from self._object(whole.agenda)

    def _object(self, thing: Any, *others: Any) -> Iterator[list[Any]]:
        name, forms = type(thing).__name__, self._forms
        yield [name, forms.plain(thing), *others]
        yield from self._many(thing)

    def _many(self, thing: Any) -> Iterator[list[Any]]:
        kind = type(thing)
        for alias, (attribute, form) in self._forms.of_many(kind).items():
            for portion in _portions(form.items(getattr(thing, attribute))):
                yield [f"{kind.__name__}.{alias}", portion]

    def _session(self, session: GroupSession) -> Iterator[list[Any]]:
        yield ["GroupSession", self._session_forms.plain(session)]
        yield from self._many(session)
        for witness, tally in sorted(session.tallies.items()):
            yield from self._object(tally, witness)
        records = session.records
        yield ["Records", self._forms.plain(records)]
        for portion in _portions(records.in_places()):
            yield ["Records.rows", [[*_row(record), records.has_handle(record)] for record in portion]]
        for latest in _portions(sorted(records.latest)):
            yield ["Records.latest", [[*chain, self._latest(records, records.latest[chain])] for chain in latest]]

    def _latest(self, records: Records, record: Record) -> Any:
        return record.number if records.is_of_these(record) else _row(record)

    def _group(self, group: Group) -> Iterator[list[Any]]:
        forms = self._forms
        state = GroupState(*_GROUP_VALUES(group))
        under_way = [None if each is None else forms.plain(each) for each in _under_way(group)]
        yield ["Group", forms.plain(state), [forms.plain(asked) for asked in group.requests], *under_way]
        if group.notices is not None:
            yield from self._many(group.notices)


def _under_way(group: Group) -> tuple[Any, ...]:
    return group.confirmation, group.completion, group.notices


def _sessions(whole: Whole) -> Iterator[GroupSession]:
    """All sessions of groups: also such as are over, and of which a desktop may still hear an answer."""
    for group in whole.names.groups:
        yield from (each for each in (group.session, group.former, group.upcoming) if each is not None)
    for request in whole.requests:
        yield request.records_of


def _never(plain: Any) -> Any:
    """The other way of a form that goes one way only: it is not there."""
    raise TypeError("lines are either written or read")


# ------------------------------------------------------------------------------------------------------------- read


class Reading:
    """Lines are read, one after the other, as they come; then the groups are there."""

    def __init__(self) -> None:
        self._forms = Forms(
            {
                Group: Form(_never, lambda plain: _numbered(self._groups, plain)),
                G: Form(_never, lambda plain: _numbered(self._groups, plain)),
                GroupSession: Form(_never, lambda plain: _numbered(self._sessions, plain)),
            }
        )
        self._session_forms = Forms({})
        self._rows = _Rows()
        self._sessions: list[GroupSession] = []
        self._groups: list[Group] = []
        self._last: dict[type, Any] = {}
        self._by_number: dict[int, Record] = {}
        self._number = self._checksum = 0
        self._whole: Whole | None = None
        self._finished = False
        self._readers: dict[str, Callable[..., None]] = {
            "Groups": self._begin,
            "Surroundings": self._surroundings,
            "Registrations": self._registrations,
            "Instances": self._instances,
            "GroupSession": self._session,
            "Tally": self._tally,
            "Records": self._records,
            "Records.rows": self._record_rows,
            "Records.latest": self._latest,
            "Group": self._group,
            "Names": self._names,
            "DesktopRequests": self._requests,
            "DesktopRequests.asked": self._asked,
            "Agenda": self._agenda,
            "end": self._end,
        }
        for kind in IN_PORTIONS:
            for alias, (name, form) in self._forms.of_many(kind).items():
                self._readers[f"{kind.__name__}.{alias}"] = self._filling(kind, name, form)

    def take(self, line: str) -> None:
        """The next line. Raises Garbled."""
        try:
            tag, *values = decode(line)
            if self._finished:
                raise Unfit("a line after the last one")
            self._readers[tag](*values)
            if not self._finished:
                self._number, self._checksum = self._number + 1, crc32(line.encode("ascii"), self._checksum)
        except Exception as problem:  # whatever can be wrong with lines that are not ours
            raise Garbled(f"line {self._number + 1} cannot be read: {problem}") from problem

    def groups(self) -> Groups:
        """The groups, when all lines were read. Raises Garbled."""
        if not self._finished or self._whole is None:
            raise Garbled(f"the end is missing after {self._number} lines")
        return Groups.of(self._whole)

    def _end(self, number: Any, checksum: Any) -> None:
        if (number, checksum) != (self._number, self._checksum):
            raise Unfit("some lines are missing, or are others than were written")
        if {Surroundings, Registrations, Instances, Names, DesktopRequests, Agenda} - self._last.keys():
            raise Unfit("some things are missing")
        self._finished = True

    def _filling(self, kind: type, name: str, form: Form) -> Callable[[Any], None]:
        def fill(portion: Any) -> None:
            getattr(self._last[kind], name).update(form.back(portion))

        return fill

    def _keep(self, thing: T) -> T:
        self._last[type(thing)] = thing
        return thing

    def _begin(self, number: Any, default: Any, wake_at: Any) -> None:
        if number != FORMAT or self._number:
            raise Unfit(f"lines of another version than {FORMAT}")
        self._default = self._forms.back(Policy, default)
        self._wake_at = self._forms.of(float | None).back(wake_at)

    @property
    def _around(self) -> Surroundings:
        around: Surroundings = self._last[Surroundings]
        return around

    def _surroundings(self, plain: Any) -> None:
        around = self._keep(self._forms.back(Surroundings, plain))
        self._whole = Whole(around, self._default, wake_at=self._wake_at)

    def _registrations(self, plain: Any) -> None:
        self._around.registrations = self._keep(self._forms.back(Registrations, plain))

    def _instances(self, plain: Any) -> None:
        self._around.instances = self._keep(self._forms.back(Instances, plain))

    # --------------------------------------------------------------------------------------------------- sessions

    def _session(self, plain: Any) -> None:
        self._sessions.append(self._keep(self._session_forms.back(GroupSession, plain)))

    def _tally(self, plain: Any, witness: Any) -> None:
        tallies = self._last[GroupSession].tallies
        tallies[self._forms.of(str).back(witness)] = self._keep(self._forms.back(Tally, plain))

    def _records(self, plain: Any) -> None:
        self._last[GroupSession].records = self._keep(self._forms.back(Records, plain))
        self._by_number = {}

    def _record_rows(self, rows: Any) -> None:
        records: Records = self._last[Records]
        for *row, has_handle in rows:
            record = self._rows.record(row)
            records.put_back(record, self._forms.of(bool).back(has_handle))
            self._by_number[record.number] = record

    def _latest(self, rows: Any) -> None:
        records: Records = self._last[Records]
        for calling_list, chain, record in rows:
            known = self._by_number[record] if type(record) is int else self._rows.record(record)
            records.put_latest(self._forms.of(tuple[str, str]).back([calling_list, chain]), known)

    # ----------------------------------------------------------------------------------------------------- groups

    def _group(self, plain: Any, requests: Any, confirmation: Any, completion: Any, notices: Any) -> None:
        forms, state = self._forms, self._forms.back(GroupState, plain)
        group = Group(state.names, state.policy, self._around, state.is_configured, state.number)
        group.take_up(state.state, state.session, state.former, state.upcoming)
        for name in _LATER:
            setattr(group, name, getattr(state, name))
        for asked in forms.of(list[ClientRequest]).back(requests):
            group.requests.add(asked)
        if confirmation is not None:
            group.confirmation = forms.back(Confirmation, confirmation, around=self._around)
        if completion is not None:
            group.completion = forms.back(Completion, completion, group=group)
        if notices is not None:
            others = {"registrations": self._around.registrations, "tell": telling(group)}
            group.notices = self._keep(forms.back(Notices, notices, **others))
        self._groups.append(group)

    def _names(self, plain: Any) -> None:
        assert self._whole is not None
        self._whole.names = self._keep(self._forms.back(Names, plain))
        for group in self._groups:
            self._whole.names.put_back(group)

    def _requests(self, plain: Any) -> None:
        assert self._whole is not None
        self._whole.requests = self._keep(self._forms.back(DesktopRequests, plain))

    def _asked(self, asked: Any) -> None:
        requests: DesktopRequests[Group] = self._last[DesktopRequests]
        for each in asked:
            request: DesktopRequest[Group] = self._forms.back(DesktopRequest, each)
            requests.put_back(request)
            if request.action is None:
                request.group.awaiting.add(request)

    def _agenda(self, plain: Any) -> None:
        assert self._whole is not None
        self._whole.agenda = self._keep(self._forms.back(Agenda, plain))


def _numbered(things: list[T], plain: Any) -> T:
    if type(plain) is not int or not 0 <= plain < len(things):
        raise Unfit("it refers to one that is not there")
    return things[plain]
