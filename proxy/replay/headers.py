"""How a message begins in the logs of those who print it: one table for all of them (C, from logs of installations).

A header says which message, whose, and in which family of forms its lines are. Requests are of clients and events are
for them, whatever the log; what a header says besides is which client, and on which side of the T-Server the log was
written.
"""

from __future__ import annotations

import re

from attrs import frozen

from proxy.replay.entries import Teller
from proxy.tevents.printed import Family
from proxy.tevents.trace import CONTROL_SESSION, SESSION

OWNER = ""
"""The client of a log that a client wrote."""


@frozen
class Header:
    """The beginning of a message. `name` is None where the next line has it."""

    name: str | None
    teller: Teller
    clients: tuple[str, ...]
    family: Family = Family.TLIB


_NAME = r"(?P<name>(?:Request|Event)\w+|message_#\d+)"

_TLIB = re.compile(
    # The proxy's trace, a T-Server's log: `received from 3(agent 3001) message RequestX`, `sent to 3(a), 4(b) message
    # EventX`. A client's: `received from 65200(SIPTS750)host:7007(fd=12) message EventX`, `request to 65200(TServer)
    # message RequestX`.
    r"(?P<verb>received from|sent to|request to) (?P<peer>.*?) message " + _NAME + r"\b"
    # A SIP Server's: `@23:16:17.4586 [0] 8.1.101.33 send_to_client: message EventError`, `distribute_event: message`.
    r"|(?P<server>send_to_client|distribute[\w /]*): message " + _NAME.replace("name", "event")
)
_RECEIVED = re.compile(r"(?:Trc|Int|Std|Dbg) 04541 (?:Message )?(?P<name>Request\w+) received from \[(?P<client>\d+)\]")
"""A SIP Server's line before a request; the next line is `message RequestX` alone."""

_ALONE = re.compile(r"message " + _NAME + r"\s*$")
_SENT = re.compile(r"(?:Trc|Int|Std|Dbg) 0454[25] .*? sent to \[(?P<client>\d+)\]")
"""A SIP Server's line after an event, one for each client that gets it."""

_PSDK = re.compile(r"'" + _NAME + r"' \('?\d+'?\)")
_PSDK_FIRST = re.compile(r"Sending message to |Proxy got message |Handling update message:")
"""A desktop's, of the vendor's Platform SDK: the name may stand on the next line."""

_CLIENT = re.compile(r"\s*(\d+)(?:\(([^)]*)\))?")


def clients_of(peer: str) -> tuple[str, ...]:
    """The clients of `3(agent 3001), 4(console)`: their numbers, which are what a T-Server knows them by."""
    found = (_CLIENT.match(each) for each in re.split(r"(?<=\)),", peer))
    return tuple(each[1] for each in found if each is not None)


def tlib(line: str) -> Header | None:
    """The header that stands on one line of a T-Library log."""
    found = _TLIB.search(line)
    if found is None:
        return None
    if found["server"] is not None:
        return Header(found["event"], Teller.TSERVER, ())
    name, verb = found["name"], found["verb"]
    is_request = name.startswith("Request")
    if verb == "request to" or (verb == "received from" and not is_request):
        return Header(name, Teller.CLIENT, (OWNER,))
    peer = found["peer"]
    of_proxy = f"({SESSION})" in peer or f"({CONTROL_SESSION})" in peer
    return Header(name, Teller.PROXY if of_proxy else Teller.TSERVER, clients_of(peer))


def received(line: str) -> Header | None:
    """A line that says whose the request on the next one is."""
    found = _RECEIVED.search(line)
    return Header(None, Teller.TSERVER, (found["client"],)) if found is not None else None


def alone(line: str) -> str | None:
    """The name of a message whose client stood on the line before."""
    found = _ALONE.match(line)
    return found["name"] if found is not None else None


def sent(line: str) -> str | None:
    """The client to whom the event before was sent."""
    found = _SENT.search(line)
    return found["client"] if found is not None else None


def psdk(line: str) -> Header | None:
    """The header of a Platform SDK's log, or the first half of it."""
    found = _PSDK.search(line)
    if found is None and _PSDK_FIRST.search(line) is None:
        return None
    return Header(found["name"] if found is not None else None, Teller.CLIENT, (OWNER,), Family.PSDK)
