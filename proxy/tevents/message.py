"""A T-Event message: a number, and attributes in the order they came in.

Pure. What a wire format makes of bytes, and the rest of this channel reads and writes.
"""

from __future__ import annotations

from typing import NamedTuple, Union

from proxy.kvlist import Pair

# Message numbers (C). That 95 is the answer to a client's registration: I.
REGISTER_CLIENT = 0
REGISTER_ADDRESS = 3
UNREGISTER_ADDRESS = 4
DISTRIBUTE_USER_EVENT = 48
DISTRIBUTE_EVENT = 49
EVENT_ERROR = 52
EVENT_REGISTERED = 53
EVENT_UNREGISTERED = 54
EVENT_ABANDONED = 59
EVENT_RINGING = 60
EVENT_DIALING = 61
EVENT_ESTABLISHED = 64
EVENT_RELEASED = 65
EVENT_ATTACHED_DATA_CHANGED = 85
EVENT_LINK_DISCONNECTED = 94
EVENT_LINK_CONNECTED = 95
EVENT_USER_EVENT = 96
EVENT_ACK = 138

# Attribute numbers (C).
PROTOCOL_VERSION = 0
ERROR_MESSAGE = 1
REFERENCE_ID = 2
CONN_ID = 9
THIS_DN = 20
OTHER_DN = 24
ERROR_CODE = 46
USER_DATA = 51
EXTENSIONS = 53
COMMUNICATION_DN = 59
APPLICATION_NAME = 64
APPLICATION_PASSWORD = 65
DNIS = 18
ANI = 19
CALL_TYPE = 54
TIME_IN_SECS = 86
TIME_IN_USECS = 87
EVENT_SEQUENCE_NUMBER = 148

NO_ANSWER = 0xFFFFFFFF
"""The ReferenceID of a request that wants no answer (I)."""

AttributeValue = Union[str, int, bytes, "list[Pair]"]


class Attribute(NamedTuple):
    """One attribute; `value` is a str, a signed int, a list of pairs, or bytes, as its kind asks."""

    id: int
    kind: int
    value: AttributeValue


class Message:
    """A message number and its attributes, in order; ids may repeat, the first one counts."""

    __slots__ = ("attributes", "number")

    def __init__(self, number: int, attributes: list[Attribute]) -> None:
        self.number = number
        self.attributes = attributes

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Message):
            return NotImplemented
        return self.number == other.number and self.attributes == other.attributes

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Number and attribute ids only: values may be personal data."""
        return f"<Message {self.number} attributes={[a.id for a in self.attributes]}>"

    def get(self, id: int) -> AttributeValue | None:
        """The value of the first attribute `id`, None where there is none."""
        for attribute in self.attributes:
            if attribute[0] == id:
                return attribute[2]
        return None

    def text(self, id: int) -> str | None:
        """The value of attribute `id` where it is a string, else None."""
        value = self.get(id)
        return value if isinstance(value, str) else None

    def unsigned(self, id: int) -> int | None:
        """The value of attribute `id` where it is an integer, read as unsigned 32 bit, else None."""
        value = self.get(id)
        return value & 0xFFFFFFFF if isinstance(value, int) else None

    @property
    def reference(self) -> int | None:
        """ReferenceID: chosen by the client, unsigned 32 bit."""
        return self.unsigned(REFERENCE_ID)

    @property
    def user_data(self) -> list[Pair] | None:
        """The pairs of UserData, None where the message has none."""
        value = self.get(USER_DATA)
        return value if isinstance(value, list) else None

    def with_user_data(self, pairs: list[Pair]) -> Message:
        """The same message with other pairs in its (first) UserData."""
        attributes = list(self.attributes)
        for place, attribute in enumerate(attributes):
            if attribute.id == USER_DATA:
                attributes[place] = attribute._replace(value=pairs)
                break
        return Message(self.number, attributes)
