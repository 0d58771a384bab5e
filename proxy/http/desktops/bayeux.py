"""CometD messages (Bayeux): read from the bodies of requests and replies, and put into them.

Pure. What is not changed stays byte for byte. The protocol is public (D).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence

from attrs import field, frozen

from proxy.errors import PeerError
from proxy.http.json_text import Change, JsonText, Part

HANDSHAKE, CONNECT, DISCONNECT = "/meta/handshake", "/meta/connect", "/meta/disconnect"
SUBSCRIBE, UNSUBSCRIBE = "/meta/subscribe", "/meta/unsubscribe"
_META, _SERVICE = "/meta/", "/service/"
_NEW = -1

UNKNOWN_CLIENT = "402"
"""How the error of a client begins that the server does not know."""


class NoMessages(PeerError):
    """A body that is JSON, and neither a message nor an array: it is relayed unread."""


@frozen
class Message:
    """One message: `id` is its id as it was written, None where it has none."""

    channel: str
    id: str | None
    value: Mapping[str, object] = field(repr=False)

    @property
    def is_meta(self) -> bool:
        return self.channel.startswith(_META)

    @property
    def is_event(self) -> bool:
        """Whether it is data for whoever has subscribed to the channel, rather than a reply to a publication."""
        return "data" in self.value and not self.channel.startswith((_META, _SERVICE)) and bool(self.channel)

    @property
    def client(self) -> str | None:
        """The clientId."""
        return _text(self.value.get("clientId"))

    @property
    def successful(self) -> bool:
        return self.value.get("successful") is True

    @property
    def client_is_unknown(self) -> bool:
        """Whether the server tells a client that it has to shake hands anew, or that it must not come again."""
        if self.successful or not self.is_meta or self.channel == HANDSHAKE:
            return False
        advice, error = self.value.get("advice"), self.value.get("error")
        reconnect = advice.get("reconnect") if isinstance(advice, dict) else None
        return reconnect in ("handshake", "none") or (isinstance(error, str) and error.startswith(UNKNOWN_CLIENT))

    @property
    def is_impatient(self) -> bool:
        """Whether a connect is to be answered at once."""
        advice = self.value.get("advice")
        timeout = advice.get("timeout") if isinstance(advice, dict) else None
        return isinstance(timeout, (int, float)) and timeout <= 0

    def subscribes(self, channel: str) -> bool:
        """Whether it is about a subscription that brings the messages of a channel."""
        asked = self.value.get("subscription")
        patterns = asked if isinstance(asked, list) else [asked]
        return any(isinstance(pattern, str) and _covers(pattern, channel) for pattern in patterns)


class Batch:
    """The messages of one body, in order. Raises NotJson or NoMessages where it has none to read.

    What is no message in an array keeps its place: an empty message without a channel.
    """

    def __init__(self, body: bytes) -> None:
        self.body = body
        self._text = JsonText(body)
        root = self._text.root
        if not isinstance(root.value, (list, dict)):
            raise NoMessages("neither a message nor an array")
        self._parts = self._text.items(root) if isinstance(root.value, list) else [root]
        self.messages: Sequence[Message] = [self._message(part) for part in self._parts]

    def _message(self, part: Part) -> Message:
        value = part.value if isinstance(part.value, dict) else {}
        return Message(_text(value.get("channel")) or "", self._id(part) if "id" in value else None, value)

    def _id(self, part: Part) -> str:
        found = [member.value for member in self._text.members(part) if member.key.value == "id"][-1]
        return self._text.text[found.start : found.end]

    def raw(self, place: int) -> str:
        """One message as it stands there."""
        part = self._parts[place]
        return self._text.text[part.start : part.end]

    def places(self, channel: str) -> list[int]:
        """Where the messages of a channel are."""
        return [place for place, message in enumerate(self.messages) if message.channel == channel]

    def changed(self, gone: Collection[int] = (), before: Mapping[int, Sequence[str]] | None = None) -> bytes:
        """The body without the messages at the places `gone`, and with new ones before those at their places.

        What comes before the place after the last goes to the end.
        """
        pieces = self._pieces(gone, before or {})
        if [place for place, _ in pieces] == list(range(len(self._parts))):
            return self.body
        text, root, parts = self._text.text, self._text.root, self._parts
        content, last = "", _NEW
        for place, piece in pieces:
            if content:
                both_old = _NEW not in (last, place)
                content += text[parts[place - 1].end : parts[place].start] if both_old else ","
            content, last = content + piece, place
        if not parts or parts[0] is root:
            return self._text.changed([Change(root.start, root.end, f"[{content}]")])
        return self._text.changed([Change(parts[0].start, parts[-1].end, content)])

    def _pieces(self, gone: Collection[int], before: Mapping[int, Sequence[str]]) -> Sequence[tuple[int, str]]:
        """The messages of the changed body: those that were there with their places, others with _NEW."""
        pieces: list[tuple[int, str]] = []
        for place in range(len(self._parts) + 1):
            pieces += [(_NEW, new) for new in before.get(place, ())]
            if place < len(self._parts) and place not in gone:
                pieces.append((place, self.raw(place)))
        return pieces

    def with_connect_id(self, id_: str | None) -> bytes:
        """The body of a reply to a poll, for a poll with this id; None where that has none: it stays as it is."""
        changes = []
        for place in self.places(CONNECT):
            if id_ is None or self.messages[place].id == id_:
                continue
            part = self._parts[place]
            members = self._text.members(part)
            ids = [member.value for member in members if member.key.value == "id"]
            changes += [Change(each.start, each.end, id_) for each in ids]
            if not ids:
                changes.append(Change(part.start + 1, part.start + 1, f'"id":{id_},'))
        return self._text.changed(changes) if changes else self.body


def connect_reply(id_: str | None) -> str:
    """The reply to a poll, as JSON text. `id_` is that of the poll as it was written, None where it has none."""
    identity = f'"id":{id_},' if id_ is not None else ""
    return f'{{{identity}"channel":{json.dumps(CONNECT)},"successful":true}}'


def reply(messages: Sequence[str]) -> bytes:
    """The body of a reply of these messages."""
    return f"[{','.join(messages)}]".encode("utf-8", "surrogatepass")


def _covers(pattern: str, channel: str) -> bool:
    """Whether a subscription to `pattern` brings what comes on `channel`: `/*` one level more, `/**` all of them."""
    if pattern.endswith("/**"):
        return channel.startswith(pattern[:-2])
    if pattern.endswith("/*"):
        return channel.rpartition("/")[0] == pattern[:-2]
    return pattern == channel


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
