"""The Agent API of GWS: what web desktops ask, and what they are told, as user data.

Pure. The tables are the only place for these paths and names: a site corrects them here. Marks: D documented, C seen in
the vendor's public clients and in recorded exchanges, I inferred, A assumed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import Enum

from attrs import frozen

from proxy.http.attribute import DATA, KEY, TYPE, USER_DATA, VALUE
from proxy.http.attribute import INTEGER as INT
from proxy.http.json_text import JsonText, NotJson
from proxy.kvlist import BINARY, INTEGER, LIST, MAX_DEPTH, STRING, Pair, Value

# ------------------------------------------------------------------------------------------------------------ requests


class Ask(Enum):
    """What of a web desktop's requests is looked into."""

    NOTIFICATIONS = "CometD messages"
    USER_EVENT = "a user event"
    CALL_DATA = "user data of a call"
    ACTIVATE = "the voice channel, on a DN"
    LOGOUT = "the end of the session"


_PREFIX = rb"/workspace/v3"

_ASKS: Sequence[tuple[Collection[bytes], re.Pattern[bytes], Ask]] = (
    ((b"POST",), re.compile(_PREFIX + rb"/notifications(?:/[^?]*)?"), Ask.NOTIFICATIONS),
    ((b"POST",), re.compile(_PREFIX + rb"/voice/send-user-event"), Ask.USER_EVENT),
    ((b"POST",), re.compile(_PREFIX + rb"/voice/calls/[^/?]+/(?:attach|update)-user-data"), Ask.CALL_DATA),
    ((b"POST",), re.compile(_PREFIX + rb"/voice/calls/[^/?]+/delete-user-data-pair"), Ask.CALL_DATA),
    ((b"POST",), re.compile(_PREFIX + rb"/activate-channels"), Ask.ACTIVATE),
    ((b"POST", b"GET"), re.compile(_PREFIX + rb"/logout"), Ask.LOGOUT),
)
"""Methods, paths without their query, and what they ask (C)."""

_SUFFIX = re.compile(rb"/?(?:\?.*)?")
"""What may follow a path."""

_STREAMS = re.compile(_PREFIX + rb"/notifications(?:[/?].*)?")


def asked(method: bytes, target: bytes) -> Ask | None:
    """What a request asks, by its method and target; None where it is nothing that is looked into."""
    for methods, path, ask in _ASKS:
        if method in methods and (found := path.match(target)) and _SUFFIX.fullmatch(target, found.end()):
            return ask
    return None


def carries_notifications(target: bytes) -> bool:
    """Whether what comes back may be notifications, whatever the method: a callback's, or a WebSocket's."""
    return _STREAMS.fullmatch(target) is not None


SESSION_COOKIES = ("WORKSPACE_SESSIONID", "JSESSIONID", "WWE_CODE", "BAYEUX_BROWSER")
"""Cookies that tell sessions apart, the most trusted first (A; C: the names of all but the second). The last is
CometD's own, and is not on every request."""

ACCEPTED = frozenset({0, 1})
"""The codes in a reply's status that say that a request was taken: done, and under way (C)."""


def status_code(body: bytes) -> int | None:
    """The code in the status of a reply; None where it has none that can be read."""
    try:
        code = _at(JsonText(body).root.value, "status", "code")
    except NotJson:
        return None
    return code if isinstance(code, int) else None


def user_data_of(request: object) -> list[Pair]:
    """The user data in the JSON value of a request's body."""
    return pairs(_at(request, DATA, USER_DATA))


def dn_of(request: object) -> str | None:
    """The DN that an agent asks for; None where he names a place. His login id (agentId) need not be a DN (D)."""
    dn = _at(request, DATA, "dn")
    return dn if isinstance(dn, str) and dn else None


# ------------------------------------------------------------------------------------------------------- notifications

VOICE = "/workspace/v3/voice"
"""The channel on which the events of the agent's DN come (C)."""

USER_EVENT = "EventUserEvent"
ERROR = "EventError"
_DN_STATE, _CALL_STATE = "DnStateChanged", "CallStateChanged"

DATA_CHANGED = "EventAttachedDataChanged"

_CALL_STATES: Mapping[str, str] = {
    "Ringing": "EventRinging",
    "Dialing": "EventDialing",
    "Established": "EventEstablished",
    "Released": "EventReleased",
}
"""States of calls (C) and the T-Events they stand for (I); any other is a sign of the call."""

_OF_THE_STATE = frozenset({None, "StatusChange"})
"""The notificationType of a CallStateChanged that is about the state (I). Others, such as AttachedDataChanged, repeat
the state."""


@frozen
class Event:
    """What a notification says: the name of the T-Event, its user data, and the DN where it names one.

    `listed` where the user data is a list of keys and values, rather than a flat object.
    """

    name: str
    pairs: tuple[Pair, ...] = ()
    dn: str | None = None
    listed: bool = False


def event(data: object) -> Event | None:
    """The event in the data of a CometD message; None where it is none."""
    kind = _at(data, "messageType")
    if not isinstance(kind, str):
        return None
    if kind == _DN_STATE:
        dn = _at(data, "dn", "number")
        return Event(kind, dn=dn) if isinstance(dn, str) and dn else None
    if kind == _CALL_STATE:
        kind = _call_event(_at(data, "call", "state"), _at(data, "notificationType"))
    content = _at(data, USER_DATA)
    if content is None:
        content = _at(data, "call", USER_DATA)
    return Event(kind, tuple(pairs(content)), listed=isinstance(content, list))


def _call_event(state: object, why: object) -> str:
    if isinstance(state, str) and (why is None or isinstance(why, str)) and why in _OF_THE_STATE:
        return _CALL_STATES.get(state, DATA_CHANGED)
    return DATA_CHANGED


def notification(told: Iterable[Pair], channel: str, listed: bool) -> str:
    """An EventUserEvent with this user data as a CometD message, as JSON text (C)."""
    content: object = _as_list(told) if listed else _as_object(told)
    return json.dumps(
        {"channel": channel, DATA: {USER_DATA: content, "messageType": USER_EVENT}}, separators=(",", ":")
    )


# ----------------------------------------------------------------------------------------------------------- user data

_NESTED = "kvlist"
_TYPES: Mapping[int, str] = {STRING: "str", INTEGER: INT, LIST: _NESTED}
"""The types of a list's items, by kind (C)."""


def pairs(content: object) -> list[Pair]:
    """The pairs of user data: of a flat object, or of a list of key, type and value (C).

    Strings stay strings, integers integers, lists and objects within are lists; every other value of JSON is opaque:
    its text as bytes. What is neither, or nests too deep, is left out.
    """
    return list(_pairs(content, 0))


def _pairs(content: object, depth: int) -> Iterator[Pair]:
    if depth > MAX_DEPTH:
        return
    if isinstance(content, dict):
        for key, value in content.items():
            yield _pair(key, value, depth)
    elif isinstance(content, list):
        for item in content:
            key = _at(item, KEY)
            if isinstance(key, str) and isinstance(item, dict) and VALUE in item:
                yield _pair(key, item[VALUE], depth)


def _pair(key: str, value: object, depth: int) -> Pair:
    if isinstance(value, str) and _is_text(value):
        return Pair(key, value, STRING)
    if isinstance(value, int) and not isinstance(value, bool):
        return Pair(key, value, INTEGER)
    if isinstance(value, dict) or (isinstance(value, list) and all(isinstance(_at(each, KEY), str) for each in value)):
        return Pair(key, list(_pairs(value, depth + 1)), LIST)
    return Pair(key, json.dumps(value).encode(), BINARY)


def _is_text(value: str) -> bool:
    """JSON can hold halves of characters, which no other wire can."""
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)


def _as_object(told: Iterable[Pair]) -> dict[str, object]:
    return {pair.key: value for pair in told for value in _json(pair.value, listed=False)}


def _as_list(told: Iterable[Pair]) -> list[object]:
    return [
        {KEY: pair.key, TYPE: _TYPES.get(pair.kind, "str"), VALUE: value}
        for pair in told
        for value in _json(pair.value, listed=True)
    ]


def _json(value: Value, listed: bool) -> Iterator[object]:
    """The JSON value of a pair's; none of bytes of another wire."""
    if isinstance(value, list):
        yield _as_list(value) if listed else _as_object(value)
    elif isinstance(value, bytes):
        try:
            yield JsonText(value).root.value
        except NotJson:
            return
    else:
        yield value


def _at(value: object, *keys: str) -> object:
    """What stands under these keys, one within the other; None where there is nothing."""
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value
