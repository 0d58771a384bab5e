"""GSW_AUTO_COMPLETION in JSON bodies: found, and edited at its place, and nothing else changed (M4, R5).

Pure. Where it stands: at the top of an OCS HTTP body (D), in the list `data.requestProperties` of a GWS body (D), in
`data.userData` of a user event of the Agent API, a list (C) or a flat object (A).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from attrs import frozen

from proxy.campaign.attribute import GSW_AUTO_COMPLETION, Edit
from proxy.http.json_text import Change, Element, JsonText, Member, NotJson, Part

DATA = "data"
REQUEST_PROPERTIES = "requestProperties"
USER_DATA = "userData"
KEY, TYPE, VALUE = "key", "type", "value"
INTEGER = "int"
"""The words of GWS bodies: D for requestProperties with key and value, C for userData with key, type and value."""


@frozen
class _Form:
    """Where in a body the attribute stands, and how it is written there: exactly (R5)."""

    path: tuple[str, ...]
    kinds: tuple[type, ...]
    item: dict[str, object]

    def made(self, depth: int) -> object:
        """The value to be created where the path ends after `depth` keys: with the attribute in it."""
        made: object = [self.item] if self.path else {GSW_AUTO_COMPLETION: 1}
        for key in reversed(self.path[depth:]):
            made = {key: made}
        return made


_TOP = _Form((), (dict,), {})
_PROPERTIES = _Form((DATA, REQUEST_PROPERTIES), (list,), {KEY: GSW_AUTO_COMPLETION, VALUE: 1})
_USER_DATA = _Form((DATA, USER_DATA), (list, dict), {KEY: GSW_AUTO_COMPLETION, TYPE: INTEGER, VALUE: 1})


class Bearer:
    """A body that may bear the attribute, and the attributes in it.

    `value` is the body's JSON value, None where it has none. `values` are the attribute's, in order, as they stand
    there (`Groups.edit` reads them leniently, R5). `editable` is false where the body is no JSON, or the attribute's
    place is taken by something else: then it is left as it is, whatever the edit.
    """

    def __init__(self, body: bytes, form: _Form) -> None:
        self._body = body
        self._form = form
        self._empty = not body.strip(b" \t\n\r")
        self._text = None if self._empty else _read(body)
        self.value: object = self._text.root.value if self._text is not None else None
        self.editable = self._empty or (self._text is not None and _fits(self.value, form))
        self.values: tuple[object, ...] = tuple(self._values()) if self.editable else ()

    def edited(self, edit: Edit) -> bytes:
        """The body after an edit."""
        if edit is Edit.LEAVE or not self.editable:
            return self._body
        if self._text is None:
            return json.dumps(self._form.made(0)).encode() + self._body if edit is Edit.APPEND else self._body
        return self._text.changed(self._changes(self._text, edit))

    def _values(self) -> Iterator[object]:
        if self._text is not None:
            for place in self._places(self._text):
                for each in self._text.elements(place):
                    if _is_attribute(each):
                        yield _value(each)

    # ---------------------------------------------------------------------------------------------------- places

    def _places(self, text: JsonText) -> list[Part]:
        """The objects or lists that may hold the attribute: several where a key of the path is repeated."""
        places = [text.root]
        for key in self._form.path:
            places = [member.value for place in places for member in text.members(place) if member.key.value == key]
        return [place for place in places if isinstance(place.value, self._form.kinds)]

    def _counting(self, text: JsonText) -> tuple[Part, int]:
        """The value at the place that counts, or else the last object on the way to it, and how many keys led there."""
        place = text.root
        for depth, key in enumerate(self._form.path):
            last = _last(text.members(place), key)
            if last is None:
                return place, depth
            place = last
        return place, len(self._form.path)

    def _addition(self, text: JsonText) -> Change:
        """The attribute behind all that is at its place; the place is created where it is missing."""
        place, depth = self._counting(text)
        if depth < len(self._form.path):
            return text.appending(place, text.written_member(self._form.path[depth], self._form.made(depth + 1)))
        if isinstance(place.value, dict):
            return text.appending(place, text.written_member(GSW_AUTO_COMPLETION, 1))
        return text.appending(place, text.written(self._form.item))

    # ----------------------------------------------------------------------------------------------------- edits

    def _changes(self, text: JsonText, edit: Edit) -> list[Change]:
        if edit is Edit.APPEND:
            return [self._addition(text)]
        kept = self._kept(text) if edit is Edit.SET else None
        changes: list[Change] = []
        for place in self._places(text):
            doomed = {
                at
                for at, each in enumerate(text.elements(place))
                if _is_attribute(each) and (kept is None or each.start != kept.start)
            }
            changes += text.removing(place, doomed)
        if kept is not None:
            changes += self._set(text, kept)
        elif edit is Edit.SET and self.values:
            changes.append(self._addition(text))
        return changes

    def _kept(self, text: JsonText) -> Element | None:
        """The first attribute of the place that counts."""
        place, depth = self._counting(text)
        there = text.elements(place) if depth == len(self._form.path) else ()
        return next((each for each in there if _is_attribute(each)), None)

    def _set(self, text: JsonText, kept: Element) -> list[Change]:
        """Integer 1 is the attribute's value. The rest of an item stays, but a type that says otherwise."""
        if isinstance(kept, Member):
            return [_replaced(kept.value, "1")]
        members = text.members(kept)
        exact = {key: value for key, value in self._form.item.items() if key != KEY}
        places = {key: [at for at, member in enumerate(members) if member.key.value == key] for key in exact}
        changes = text.removing(kept, {at for there in places.values() for at in there[1:]})
        for key, there in places.items():
            if there:
                changes.append(_replaced(members[there[0]].value, text.written(exact[key])))
            elif key == VALUE:
                changes.append(text.appending(kept, text.written_member(key, exact[key])))
        return changes


def at_top(body: bytes) -> Bearer:
    """An OCS HTTP body: the attribute is a key of its object."""
    return Bearer(body, _TOP)


def in_properties(body: bytes) -> Bearer:
    """A GWS body: the attribute is an item of data.requestProperties."""
    return Bearer(body, _PROPERTIES)


def in_user_data(body: bytes) -> Bearer:
    """A body of the Agent API: the attribute is in data.userData."""
    return Bearer(body, _USER_DATA)


def _read(body: bytes) -> JsonText | None:
    try:
        return JsonText(body)
    except NotJson:
        return None


def _fits(value: object, form: _Form) -> bool:
    """Whether the place for the attribute is there, or can be created: of a repeated key the last one counts."""
    for key in form.path:
        if not isinstance(value, dict):
            return False
        if key not in value:
            return True
        value = value[key]
    return isinstance(value, form.kinds)


def _last(members: Iterable[Member], key: str) -> Part | None:
    found = None
    for member in members:
        if member.key.value == key:
            found = member.value
    return found


def _is_attribute(each: Element) -> bool:
    if isinstance(each, Member):
        return each.key.value == GSW_AUTO_COMPLETION
    return isinstance(each.value, dict) and each.value.get(KEY) == GSW_AUTO_COMPLETION


def _value(each: Element) -> object:
    if isinstance(each, Member):
        return each.value.value
    return each.value.get(VALUE) if isinstance(each.value, dict) else None


def _replaced(part: Part, text: str) -> Change:
    return Change(part.start, part.end, text)
