"""The trace of [tevents]: what of the sessions is looked into, printed as T-Library logs print it.

    2026-11-22T09:30:42.123456Z received from 7(proxy session) message RequestDistributeUserEvent
    <TAB>AttributeCommunicationDN<TAB>'3001'
    <TAB>AttributeUserData<TAB>[39] 00 01 00 00..
    <TAB><TAB>'GSW_AGENT_REQ_TYPE'<TAB>'PreviewRecordRequest'
    2026-11-22T09:31:10.000001Z session 7 ended

Sessions go by their numbers; 0 is the control session. Times are UTC. Personal data is masked. `tevent-proxy replay`
reads it. While it is off nothing here is on the way of a message.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TextIO

from twisted.logger import Logger

from proxy.campaign.attribute import GSW_AUTO_COMPLETION
from proxy.errors import Malformed
from proxy.gsw import control, userdata
from proxy.interfaces import ITEventWire
from proxy.relay.frames import Looks
from proxy.tevents.message import Message
from proxy.tevents.printed import name_of, printed

LARGEST = 256 * 1024 * 1024
"""At how many bytes the file becomes FILE.1, in the place of an older one, and is begun anew."""

SHOWN = control.SHOWN | frozenset(
    {
        GSW_AUTO_COMPLETION,
        userdata.AGENT_REQUEST,
        userdata.USER_EVENT,
        userdata.ERROR,
        userdata.STATISTICS,
        userdata.CAMPAIGN_NAME,
        userdata.CAMPAIGN_MODE,
        userdata.GROUP_DBID,
        userdata.GROUP_NAME,
        userdata.RECORD_HANDLE,
        userdata.CALLING_LIST,
        userdata.CHAIN_ID,
        userdata.REFERENCE,
    }
)
"""The keys whose values the trace shows: nothing of a customer, and all that is counted by."""

CONTROL = 0
"""The number of the control session."""

SESSION, CONTROL_SESSION = "proxy session", "proxy control"
"""What sessions are called: by this a trace is known from a T-Server's log."""


def received_from(session: int) -> str:
    """How a line begins with a client's message."""
    return f"received from {session}({SESSION}) message"


def sent_to(session: int) -> str:
    """How a line begins with the T-Server's message to a client."""
    return f"sent to {session}({CONTROL_SESSION if session == CONTROL else SESSION}) message"


ENDED = "session {} ended"
UNREADABLE = "session {} cannot be read"
REGISTERED = "control session registered"
LOST = "control session lost"
"""The other lines."""


class Trace:
    """The file. `wall` is the time of day in seconds. It is `largest` bytes at most, and so is FILE.1 beside it.

    A file that cannot be written any more ends the trace, loudly, and nothing else.
    """

    log = Logger()

    def __init__(self, path: str, wall: Callable[[], float], largest: int = LARGEST) -> None:
        self._path = path
        self._wall = wall
        self._largest = largest
        self._file: TextIO | None = None
        self._size = 0

    def open(self) -> None:
        """Begin, or go on with the file that is there. Raises OSError."""
        # Whole messages are written at once, and are in the file then: line by line would be a call each.
        self._file = open(self._path, "a", buffering=1, encoding="utf-8", errors="surrogateescape", newline="\n")  # noqa: SIM115
        self._size = os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        """No more is written."""
        if self._file is not None:
            file, self._file = self._file, None
            file.close()

    def note(self, text: str) -> None:
        """Something that is no message."""
        self._write([text])

    def message(self, head: str, message: Message) -> None:
        """A message; `head` says whose."""
        self._write([f"{head} {name_of(message.number)}", *printed(message, SHOWN)])

    def _write(self, lines: list[str]) -> None:
        if self._file is None:
            return
        stamp = datetime.fromtimestamp(self._wall(), timezone.utc)
        text = f"{stamp:%Y-%m-%dT%H:%M:%S.%f}Z {chr(10).join(lines)}\n"
        try:
            if self._size > self._largest:
                self._turn()
            self._size += self._file.write(text)
        except OSError as problem:
            self.log.error("trace: {path} is given up: {why}", path=self._path, why=problem.strerror)
            self._file = None

    def _turn(self) -> None:
        self.close()
        os.replace(self._path, f"{self._path}.1")
        self.open()


class Traced:
    """Looks that trace a frame before they look at it. Its number is that of the session, `head` whose it is."""

    __slots__ = ("_head", "_looks", "_session", "_trace", "_wire")

    def __init__(self, looks: Looks, session: int, head: str, wire: ITEventWire, trace: Trace) -> None:
        self._looks = looks
        self._session = session
        self._head = head
        self._wire = wire
        self._trace = trace

    def _look(self, frame: bytes) -> None:
        try:
            message = self._wire.decode(frame)
        except Malformed:
            self._trace.note(UNREADABLE.format(self._session))
        else:
            self._trace.message(self._head, message)

    def held(self, number: int, frame: bytes) -> bytes | None:
        """See Looks."""
        self._look(frame)
        return self._looks.held(number, frame)

    def looked(self, number: int, frame: bytes) -> None:
        """See Looks."""
        self._look(frame)
        self._looks.looked(number, frame)

    def opaque(self, reason: str) -> None:
        """See Looks."""
        self._trace.note(UNREADABLE.format(self._session))
        self._looks.opaque(reason)
