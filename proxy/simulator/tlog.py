"""The log of T-Server: every message, printed as T-Library logs print them.

    12:24:45.123 received from 3(agent 3001) message RequestDistributeUserEvent
    <TAB>AttributeCommunicationDN<TAB>'3001'
    <TAB>AttributeUserData<TAB>[39] 00 01 00 00..
    <TAB><TAB>'GSW_AGENT_REQ_TYPE'<TAB>'PreviewRecordRequest'

Values of a customer are masked, as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timezone

from proxy.kvlist import pack, printed, size_and_start
from proxy.simulator import vocabulary as word
from proxy.tevents.message import ANI, OTHER_DN, Attribute, Message
from proxy.tevents.names import ATTRIBUTES, MESSAGES

_MASKED = frozenset({OTHER_DN, ANI})


class _Shown:
    """The keys whose values are shown: OCS's own, but for the customer's number."""

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key.startswith("GSW_") and key != word.PHONE


class MessageLog:
    """Lines of the log, by message. `write` takes a whole line; `seconds` gives the time."""

    def __init__(self, write: Callable[[str], object], seconds: Callable[[], float]) -> None:
        self._write = write
        self._seconds = seconds

    def received(self, client: str, message: Message) -> None:
        """A client's request."""
        self._print(f"received from {client}", message)

    def sent(self, clients: str, message: Message) -> None:
        """An event for some clients."""
        self._print(f"sent to {clients}", message)

    def left(self, client: str) -> None:
        """A client is gone."""
        self._write(f"{self._stamp()} client {client} disconnected")

    def _stamp(self) -> str:
        stamp = datetime.fromtimestamp(self._seconds(), timezone.utc)
        return f"{stamp:%H:%M:%S}.{stamp.microsecond // 1000:03d}"

    def _print(self, whose: str, message: Message) -> None:
        name = MESSAGES.get(message.number, f"message_#{message.number}")
        self._write(f"{self._stamp()} {whose} message {name}")
        for attribute in message.attributes:
            for line in _lines(attribute):
                self._write(line)


def _lines(attribute: Attribute) -> Iterator[str]:
    name = ATTRIBUTES.get(attribute.id, f"attr_#{attribute.id}")
    value = attribute.value
    if isinstance(value, list):
        yield f"\t{name}\t{size_and_start(pack(value))}"
        yield from printed(value, _Shown())
    elif attribute.id in _MASKED:
        yield f"\t{name}\t'****'"
    elif isinstance(value, int):
        yield f"\t{name}\t{value & 0xFFFFFFFF}"
    elif isinstance(value, bytes):
        yield f"\t{name}\t{value.hex()}"
    else:
        yield f"\t{name}\t'{value}'"
