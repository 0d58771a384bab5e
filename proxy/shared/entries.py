"""What stands in the stream that instances share: batches of entries, and their text.

An entry is a JSON list: the name of what it is, then its values in the order of its fields, nothing left out:
`["DnRegistered", 4294967297, "3001"]`. An observation stands there under its own name. The text is ASCII; odd bytes
of strings are surrogate escapes there as well. It is made, and read by everybody, for each observation: so the
values go through tables that are built once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from json import JSONEncoder, loads
from operator import attrgetter
from typing import Any, get_args, get_type_hints

from attrs import frozen

from proxy.campaign.instances import shared
from proxy.campaign.observation import (
    Action,
    ControlAccepted,
    ControlRefused,
    GroupNames,
    InstanceLost,
    ListStatistics,
    Observation,
    Request,
    Retrieved,
    SessionWitnessed,
    Sign,
    SourceConnected,
    SourceLost,
    Status,
    StatusHeard,
    SystemTrouble,
    WaitingRecords,
    WitnessConfirms,
    WitnessFound,
    WitnessLost,
    Word,
    WordHeard,
)
from proxy.campaign.policy import Attribute, By, ConfiguredGroup, Control, Notify, Policy
from proxy.campaign.sources import REPORTS
from proxy.kvlist import Pair

FORMAT = 1
"""The number of this form of entries, and of the groups' image: instances of another one cannot take part."""


class Garbled(ValueError):
    """A text that is no batch of ours: of another version, or of something else."""


@frozen
class Seen:
    """An instance observed something."""

    observation: Observation


@frozen
class Led:
    """An instance leads from here on, under a number that nobody had before (its fence)."""

    instance: int
    fence: int


@frozen
class Woken:
    """It is time for what fell due."""


@frozen
class Configured:
    """The policies of all groups are these from here on: the leader's."""

    default: Policy
    groups: tuple[ConfiguredGroup, ...]


Entry = Seen | Led | Woken | Configured


@frozen
class Batch:
    """What an instance appends at once.

    `sequence` grows by one with each batch of an instance, from 1; 0 is that of a lead, which Redis writes itself.
    `fence` is that of the lead under which it was written, 0 where it holds under any. `late`: it was observed while
    the instance had no touch with the others.

    `seen_at`: when each of the entries was observed, in milliseconds of Redis's clock; empty where nobody knows.
    """

    instance: int
    sequence: int
    fence: int
    late: bool
    entries: tuple[Entry, ...]
    seen_at: tuple[int, ...] = ()


# ----------------------------------------------------------------------------------------------------- single values

_PLAIN = frozenset({str, int, float, bool, type(None)})
"""What JSON has, too."""

_BYTES, _PAIR, _OBJECT = "bytes", "pair", "object"
"""What JSON has not, or has for us: an object with one of these keys."""


def _written_value(value: object) -> object:
    """A value of user data, or of a JSON body."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, bytes):
        return {_BYTES: value.hex()}
    if isinstance(value, Pair):
        return {_PAIR: _written_pair(value)}
    if isinstance(value, list):
        return [_written_value(each) for each in value]
    if isinstance(value, dict):
        return {_OBJECT: {key: _written_value(each) for key, each in value.items()}}
    raise TypeError(f"a value of {type(value)} cannot be shared")


def _read_value(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    if type(value) is list:
        return [_read_value(each) for each in value]
    ((name, inner),) = value.items()
    if name == _BYTES:
        return bytes.fromhex(inner)
    if name == _PAIR:
        return _read_pair(inner)
    if name == _OBJECT:
        return {key: _read_value(each) for key, each in inner.items()}
    raise Garbled("a value of no kind that is known")


def _written_pair(pair: Pair) -> object:
    return pair if type(pair[1]) in _PLAIN else (pair[0], _written_value(pair[1]), pair[2])


def _written_pairs(pairs: Iterable[Pair]) -> list[object]:
    return [_written_pair(pair) for pair in pairs]


def _read_pair(written: Any) -> Pair:
    key, value, kind = written
    if type(key) is not str or type(kind) is not int:
        raise Garbled("a pair without a key, or of no kind")
    return Pair(key, _read_value(value), kind)


def _read_pairs(written: Any) -> tuple[Pair, ...]:
    return tuple([_read_pair(each) for each in written])


def _written_values(values: Iterable[object]) -> list[object]:
    return [_written_value(each) for each in values]


def _read_values(written: Any) -> tuple[object, ...]:
    return tuple([_read_value(each) for each in written])


def _written_records(records: frozenset[str] | None) -> list[str] | None:
    return None if records is None else sorted(records)


def _read_records(written: Any) -> frozenset[str] | None:
    if written is None:
        return None
    if any(type(each) is not str for each in written):
        raise Garbled("a record that is no text")
    return frozenset(written)


# ------------------------------------------------------------------------------------------------ values of classes


@frozen
class _Form:
    """How values of one type stand in the text: of which JSON types they are there, how they get there, and back."""

    kinds: frozenset[type]
    write: Callable[[Any], object] | None = None
    read: Callable[[Any], object] | None = None


class _Shape:
    """How objects of one class stand in the text: as a list of the values of their fields."""

    def __init__(self, of: type, forms: Mapping[object, _Form]) -> None:
        hints = get_type_hints(of)
        fields = [forms[hint] for hint in hints.values()]
        self._of = of
        self._values = _values_of(list(hints))
        self._kinds = [field.kinds for field in fields]
        self._writes = [(at, field.write) for at, field in enumerate(fields, 1) if field.write is not None]
        self._reads = [(at, field.read) for at, field in enumerate(fields) if field.read is not None]
        self._name = of.__name__
        self.is_of_session = next(iter(hints), None) == "session"

    def written(self, what: object) -> list[object]:
        """The name of the class, and the values."""
        written = [self._name, *self._values(what)]
        for at, write in self._writes:
            written[at] = write(written[at])
        return written

    def written_bare(self, what: object) -> list[object]:
        """The values, where it is known of what class they are."""
        return self.written(what)[1:]

    def read(self, values: list[Any]) -> Any:
        """The object of these values."""
        if len(values) != len(self._kinds):
            raise Garbled(f"{len(values)} values of {self._name}")
        for value, kinds in zip(values, self._kinds, strict=True):
            if type(value) not in kinds:
                raise Garbled(f"{type(value).__name__} as a value of {self._name}")
        for at, read in self._reads:
            values[at] = read(values[at])
        return self._of(*values)

    def shared_by(self, what: Any, instance: int) -> Any:
        """The same with the number by which all instances know its session."""
        session, *others = self._values(what)
        return self._of(shared(session, instance), *others)

    @property
    def form(self) -> _Form:
        """As a value of another one."""
        return _Form(_LIST, self.written_bare, self.read)


def _values_of(names: Sequence[str]) -> Callable[[Any], Sequence[Any]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda what: [getattr(what, name) for name in names]


def _of_types(*kinds: type) -> _Form:
    return _Form(frozenset(kinds))


def _of_enum(enum: type[Enum]) -> _Form:
    members = {member.value: member for member in enum}
    return _Form(frozenset(map(type, members)), attrgetter("value"), members.__getitem__)


_LIST = frozenset({list})

_FORMS: dict[object, _Form] = {
    int: _of_types(int),
    str: _of_types(str),
    bool: _of_types(bool),
    float: _of_types(float, int),
    int | None: _of_types(int, type(None)),
    str | None: _of_types(str, type(None)),
    **{enum: _of_enum(enum) for enum in (Word, Status, Request, Action, By, Attribute, Control, Notify)},
    tuple[Pair, ...]: _Form(_LIST, _written_pairs, _read_pairs),
    tuple[object, ...]: _Form(_LIST, _written_values, _read_values),
    frozenset[str] | None: _Form(frozenset({list, type(None)}), _written_records, _read_records),
}
_FORMS[GroupNames] = _Form(_LIST, None, _Shape(GroupNames, _FORMS).read)
_FORMS[Policy] = _Shape(Policy, _FORMS).form
_GROUP = _Shape(ConfiguredGroup, _FORMS)
_FORMS[tuple[ConfiguredGroup, ...]] = _Form(
    _LIST,
    lambda groups: [_GROUP.written_bare(group) for group in groups],
    lambda written: tuple(_GROUP.read(each) for each in written),
)

_OBSERVATIONS = {each: _Shape(each, _FORMS) for each in get_args(Observation)}
_OTHERS: dict[type, _Shape] = {each: _Shape(each, _FORMS) for each in (Led, Woken, Configured)}
_BY_NAME = {each.__name__: shape for each, shape in (_OBSERVATIONS | _OTHERS).items()}

# ---------------------------------------------------------------------------------------------------------- the text

_encode = JSONEncoder(check_circular=False, separators=(",", ":")).encode


def text_of(batch: Batch) -> str:
    """The text of a batch: ASCII, one line."""
    text: dict[str, object] = {
        "m": batch.instance,
        "s": batch.sequence,
        "f": batch.fence,
        "e": [_written_entry(entry) for entry in batch.entries],
    }
    if batch.late:
        text["l"] = 1
    if batch.seen_at:
        text["t"] = batch.seen_at
    return _encode(text)


def _written_entry(entry: Entry) -> list[object]:
    if isinstance(entry, Seen):
        observation = entry.observation
        return _OBSERVATIONS[type(observation)].written(observation)
    return _OTHERS[type(entry)].written(entry)


def batch_of(text: str) -> Batch:
    """The batch of a text; raises Garbled."""
    try:
        return _batch(**loads(text))
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as problem:
        raise problem if isinstance(problem, Garbled) else Garbled(f"no batch ({type(problem).__name__})") from problem


def _batch(  # the names stand so in the text
    m: int,
    s: int,
    f: int,
    e: list[list[Any]],
    l: int = 0,  # noqa: E741
    t: Sequence[int] = (),
) -> Batch:
    if not type(m) is type(s) is type(f) is type(l) is int or min(m, s, f) < 0 or l not in (0, 1):
        raise Garbled("a batch without numbers")
    if t and (len(t) != len(e) or any(type(each) is not int or each < 0 for each in t)):
        raise Garbled("times that are not those of the entries")
    entries = tuple([_read_entry(*each) for each in e])
    if any((type(entry) is Led) is not (s == 0) for entry in entries):
        raise Garbled("a lead is the only thing that has no sequence")
    return Batch(m, s, f, bool(l), entries, tuple(t))


def _read_entry(name: str, *values: Any) -> Entry:
    read: Any = _BY_NAME[name].read(list(values))
    return read if type(read) in _OTHERS else Seen(read)


# --------------------------------------------------------------------------------------------------- of one instance


def shared_by(observation: Observation, instance: int) -> Observation:
    """What a channel of an instance observed, with the number by which all know its session."""
    shape = _OBSERVATIONS[type(observation)]
    seen: Observation = shape.shared_by(observation, instance) if shape.is_of_session else observation
    return seen


def _always(_: Any) -> bool:
    return True


def _of_own_session(seen: Any) -> bool:
    return bool(seen.session == 0)


def _from_ocs(seen: Any) -> bool:
    return bool(seen.source != REPORTS)


EXCLUSIVE: Mapping[type, Callable[[Any], bool]] = {
    **dict.fromkeys((SourceConnected, SourceLost, StatusHeard, WordHeard, WaitingRecords), _from_ocs),
    **dict.fromkeys((ControlAccepted, ControlRefused, Sign), _of_own_session),
    **dict.fromkeys((WitnessFound, WitnessLost, WitnessConfirms, SessionWitnessed), _always),
    **dict.fromkeys((Retrieved, ListStatistics, SystemTrouble, InstanceLost), _always),
}
"""What only the leader says, for every instance has a session with the dialer, and witnesses, that observe the same.

OCS posts its reports to one instance: who gets them says so.
"""


def is_exclusive(observation: Observation) -> bool:
    """Whether only the leader says it."""
    exclusive = EXCLUSIVE.get(type(observation))
    return exclusive is not None and exclusive(observation)
