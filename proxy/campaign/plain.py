"""The state of groups as plain data, such as JSON can hold, and back: by the types of the fields of attrs classes.

The same state gives the same data: sets, and dicts whose order has no meaning, are written in the order of what is in
them. Nothing is read leniently: what is not of the type that a field has, lacks a field, or has one more, is Unfit.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from functools import cache
from math import isfinite
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from attrs import Attribute, fields, frozen, has

from proxy.kvlist import Pair

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")

_IN_ORDER = "in order"

Ordered = Annotated[dict[K, V], _IN_ORDER]
"""A dict whose order has a meaning."""

ASIDE = {"aside": True}
"""The metadata of a field that is not of the state: it is of this process, or follows from the rest."""

MANY = {"many": True}
"""The metadata of a field that may hold very many things: they are written in portions, on lines of their own."""

APART = {"apart": True}
"""The metadata of a field whose objects are written on lines of their own."""

encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
"""Plain data as text, in ASCII."""


class Unfit(ValueError):
    """Plain data that is not what it should be."""


def decode(text: str) -> Any:
    """The plain data of a text. Raises Unfit."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as problem:
        raise Unfit("no JSON of ours") from problem


def _what(plain: object) -> str:
    """What something is, without what stands in it: that may be personal data."""
    return type(plain).__name__


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


@frozen
class Form:
    """How values of one type are written, and read. `back` raises Unfit. `items`: of a dict or a set, one by one."""

    plain: Callable[[Any], Any]
    back: Callable[[Any], Any]
    items: Callable[[Any], Iterator[Any]] = lambda values: iter(())


def many_fields(kind: type) -> list[Attribute[Any]]:
    """The fields of an attrs class that are written in portions."""
    return [each for each in fields(kind) if not MANY.keys().isdisjoint(each.metadata)]


def state_fields(kind: type) -> list[Attribute[Any]]:
    """The fields of an attrs class that are of its state, and are written with it."""
    elsewhere = {*ASIDE, *MANY, *APART}
    return [each for each in fields(kind) if elsewhere.isdisjoint(each.metadata)]


class Forms:
    """The forms of all types. `references`: the forms of what is not written where it stands, but told by a number."""

    def __init__(self, references: Mapping[Any, Form]) -> None:
        self._forms: dict[Any, Form] = {**_SIMPLE, **references}

    def of(self, kind: Any) -> Form:
        """The form of a type. Raises TypeError for a type that has none: a mistake of ours."""
        form = self._forms.get(kind)
        if form is None:
            form = self._forms[kind] = self._made(kind)
        return form

    def plain(self, value: Any) -> Any:
        """An attrs object as plain data: the fields that are of its state."""
        return self.of(type(value)).plain(value)

    def back(self, kind: type[T], plain: Any, **others: Any) -> T:
        """The object of plain data; `others` are the fields that are not in it. Raises Unfit."""
        values = self._values(kind)(plain)
        return kind(**values, **others)

    def _made(self, kind: Any) -> Form:
        origin, of = get_origin(kind), get_args(kind)
        if origin is Annotated:
            key, value = get_args(of[0])
            return self._dict(self.of(key), self.of(value), key=None)
        if origin in (Union, UnionType) and len(of) == 2 and NoneType in of:
            return _optional(self.of(next(each for each in of if each is not NoneType)))
        if origin is dict:
            return self._dict(self.of(of[0]), self.of(of[1]), key=_order(of[0]))
        if origin is Counter:
            counted = self._dict(self.of(of[0]), self.of(int), key=_order(of[0]))
            return Form(counted.plain, lambda plain: Counter(counted.back(plain)))
        if origin is set:
            return self._set(self.of(of[0]), _order(of[0]))
        if origin is list or (origin is tuple and of[-1] is Ellipsis):
            return _row(origin, self.of(of[0]))
        if origin is tuple:
            return _tuple(tuple, [self.of(each) for each in of])
        if isinstance(kind, type) and issubclass(kind, Enum):
            return _enum(kind)
        if isinstance(kind, type) and issubclass(kind, tuple):
            return _tuple(kind._make, [self.of(each) for each in get_type_hints(kind).values()])  # type: ignore[attr-defined]
        if isinstance(kind, type) and issubclass(kind, dict):  # a class of its own has an order of its own
            [(key, value)] = [get_args(base) for base in kind.__orig_bases__]  # type: ignore[attr-defined]
            return self._dict(self.of(key), self.of(value), key=None)
        if isinstance(kind, type) and has(kind):
            return self._object(kind)
        raise TypeError(f"nobody said how {kind} is written")

    def _object(self, kind: type) -> Form:
        forms = self._fields(kind)

        def plain(value: Any) -> Any:
            return {alias: form.plain(getattr(value, name)) for name, alias, form in forms}

        return Form(plain, lambda plain: self.back(kind, plain))

    def of_many(self, kind: type) -> dict[str, tuple[str, Form]]:
        """The fields of an attrs class that are written in portions, by alias: their names and forms."""
        hints = _hints(kind)
        return {each.alias or each.name: (each.name, self.of(hints[each.name])) for each in many_fields(kind)}

    def _fields(self, kind: type) -> list[tuple[str, str, Form]]:
        hints = _hints(kind)
        return [(each.name, each.alias or each.name, self.of(hints[each.name])) for each in state_fields(kind)]

    def _values(self, kind: type) -> Callable[[Any], dict[str, Any]]:
        forms = {alias: form.back for _, alias, form in self._fields(kind)}

        def values(plain: Any) -> dict[str, Any]:
            if type(plain) is not dict or plain.keys() != forms.keys():
                raise Unfit(f"no {kind.__name__}: {_what(plain)}")
            return {alias: back(plain[alias]) for alias, back in forms.items()}

        return values

    def _dict(self, key_form: Form, value_form: Form, key: Callable[[Any], Any] | None) -> Form:
        write_key, write, read_key, read = key_form.plain, value_form.plain, key_form.back, value_form.back

        def items(values: Any) -> Iterator[Any]:
            written: Any = ((write_key(each), value) for each, value in values.items())
            if key is not None:
                written = sorted(written, key=lambda pair: key(pair[0]))
            return ([each, write(value)] for each, value in written)

        def back(pairs: Any) -> Any:
            if type(pairs) is not list or not all(type(pair) is list and len(pair) == 2 for pair in pairs):
                raise Unfit(f"no pairs of keys and values: {_what(pairs)}")
            values = {read_key(each): read(value) for each, value in pairs}
            if len(values) != len(pairs):
                raise Unfit("a key that comes twice")
            return values

        return Form(lambda values: list(items(values)), back, items)

    def _set(self, form: Form, key: Callable[[Any], Any]) -> Form:
        def back(plain: Any) -> Any:
            if type(plain) is not list:
                raise Unfit(f"no list: {_what(plain)}")
            values = set(map(form.back, plain))
            if len(values) != len(plain):
                raise Unfit("a member that comes twice")
            return values

        def plain(values: Any) -> Any:
            return sorted(map(form.plain, values), key=key)

        return Form(plain, back, lambda values: iter(plain(values)))


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _itself(value: Any) -> Any:
    return value


def _order(kind: Any) -> Callable[[Any], Any]:
    """By what plain keys of a type are sorted: as text where they may hold None."""
    return _itself if kind in (str, int) else encode


def _exactly(kind: type) -> Form:
    def back(plain: Any) -> Any:
        if type(plain) is not kind:
            raise Unfit(f"no {kind.__name__}: {_what(plain)}")
        return plain

    return Form(_itself, back)


def _number(plain: Any) -> float:
    if plain in ("inf", "-inf"):
        return float(plain)
    if type(plain) not in (float, int):
        raise Unfit(f"no number: {_what(plain)}")
    return plain  # type: ignore[no-any-return]  # an int stays one: it is written as it was


def _optional(form: Form) -> Form:
    return Form(
        lambda value: None if value is None else form.plain(value),
        lambda plain: None if plain is None else form.back(plain),
    )


def _enum(kind: type[Enum]) -> Form:
    members = {member.value: member for member in kind}

    def back(plain: Any) -> Any:
        if not isinstance(plain, str | int | None) or isinstance(plain, bool) or plain not in members:
            raise Unfit(f"no {kind.__name__}: {_what(plain)}")
        return members[plain]

    return Form(lambda member: member.value, back)


def _row(kind: Callable[[Any], Any], form: Form) -> Form:
    def back(plain: Any) -> Any:
        if type(plain) is not list:
            raise Unfit(f"no list: {_what(plain)}")
        return kind(map(form.back, plain))

    return Form(lambda values: list(map(form.plain, values)), back)


def _tuple(make: Callable[[Any], Any], forms: list[Form]) -> Form:
    def back(plain: Any) -> Any:
        if type(plain) is not list or len(plain) != len(forms):
            raise Unfit(f"not {len(forms)} values: {_what(plain)}")
        return make(form.back(each) for form, each in zip(forms, plain, strict=True))

    return Form(lambda values: [form.plain(each) for form, each in zip(forms, values, strict=True)], back)


def _plain_pair(pair: Pair) -> Any:
    value: Any = pair.value
    if isinstance(value, bytes):
        value = {"bytes": value.hex()}
    elif isinstance(value, list):
        value = list(map(_plain_pair, value))
    return [pair.key, value, pair.kind]


def _pair(plain: Any) -> Pair:
    if type(plain) is not list or len(plain) != 3 or type(plain[0]) is not str or type(plain[2]) is not int:
        raise Unfit(f"no pair: {_what(plain)}")
    key, value, kind = plain
    if type(value) is dict and value.keys() == {"bytes"} and type(value["bytes"]) is str:
        return Pair(key, _bytes(value["bytes"]), kind)
    if type(value) is list:
        return Pair(key, list(map(_pair, value)), kind)
    if type(value) not in (str, int):
        raise Unfit(f"no value of a pair: {_what(value)}")
    return Pair(key, value, kind)


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as problem:
        raise Unfit("no bytes in hexadecimal") from problem


_SIMPLE: dict[Any, Form] = {
    str: _exactly(str),
    int: _exactly(int),
    bool: _exactly(bool),
    float: Form(lambda value: value if isfinite(value) else str(value), _number),
    Pair: Form(_plain_pair, _pair),
}
