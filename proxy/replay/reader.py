"""One log, line by line, to entries: messages are cut out, everything else is passed over, or understood by others.

Pure: lines in, entries out. What may follow a message and belongs to it (a SIP Server's lines on whom it went to) is
waited for, so an entry comes out when the next line begins something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import evolve

from proxy.campaign.attribute import GSW_AUTO_COMPLETION
from proxy.direct import printed as direct
from proxy.direct import trace as direct_trace
from proxy.gsw import control
from proxy.gsw.reading import gsw, number
from proxy.kvlist import Pair, Value
from proxy.replay import headers
from proxy.replay.entries import (
    ControlIs,
    Controlled,
    DirectControlIs,
    Entry,
    Heard,
    HeardDirectly,
    Left,
    LeftDirect,
    Teller,
    Unreadable,
    What,
    Witnessed,
)
from proxy.replay.headers import Header
from proxy.replay.stamps import LogClock
from proxy.tevents.message import TIME_IN_SECS, Message
from proxy.tevents.printed import NUMBERS, UNKNOWN, Family, number_of, read
from proxy.tevents.session import WANTED_OF_CLIENTS, WANTED_OF_SERVERS
from proxy.tevents.trace import ENDED, LOST, REGISTERED, UNREADABLE
from proxy.witness.oclog_lines import OcsLogLines

WITNESS = "ocs-log"
"""The name under which what OCS's log says of records is kept."""

WANTED = frozenset(WANTED_OF_CLIENTS) | frozenset(WANTED_OF_SERVERS) | {0, 95}
"""The messages that are read: those that a proxy in line looks into, and the beginnings of sessions."""

LONGEST = 5000
"""At how many lines a message ends in any case."""

_CONTINUES = re.compile(r"Attribute\w|attr_#|GSW_|'|\.\.\.\s*$|message attributes:|Time\s*= Complex")
"""Lines that belong to a message though they are not indented: some logs have lost their indentation."""

_NOTES = re.compile(
    "(?<!direct )(?:" + "|".join((ENDED, UNREADABLE)).replace("{}", r"(\d+)") + f"|({REGISTERED})|({LOST}))$"
    # What the simulated T-Server says of a client that has gone.
    r"|client (\d+)\([^)]*\) disconnected$"
)

_DIRECT_NOTES = re.compile(
    direct_trace.ENDED.replace("{}", r"(\d+)") + f"$|({direct_trace.REGISTERED})$|({direct_trace.LOST})$"
)

_DIRECT = re.compile(
    r"(?:OCMClient)\[(\d+)\]::message (received|sent)"
    rf"(?: \(({direct_trace.SESSION}|{direct_trace.CONTROL_SESSION})\))?\s*$"
)
_OF_A_TRACE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z ")
"""How each message and each note of a trace begins, and nothing else in it."""

_LISTED = re.compile(r"(?:Parsed OCS request:|Desktop request received)\s*(?P<first>'.*)?$")
_LISTED_LINE = re.compile(r"\s*'(.*?)'\s+(\S.*?)\s*$")
"""Campaign control as OCS logs it (D): the direct protocol, and what came over HTTP or from a desktop."""

_BEGINS_STAMP = frozenset("@0123456789")

_NUMBER = re.compile(r"(\d+)(?: \[\w+\])?")
_MASKED = re.compile(r"\*+")


class LogReader:
    """The lines of one log. `owner` is the name by which files of one log are known to be one.

    `lines` were read, of which `messages` messages, `skipped` of them of no interest; `not_understood` lines stood in
    a message, or spoke of records, and meant nothing; `assumed` values of GSW_AUTO_COMPLETION were masked. `teller` is
    who wrote it, as far as it is of T-Events; `traces_direct`: it is the proxy's trace of the direct protocol.
    """

    def __init__(self, owner: str, clock: LogClock) -> None:
        self.owner = owner
        self.teller = Teller.NOBODY_KNOWS
        self.traces_direct = False
        self.lines = 0
        self.messages = 0
        self.skipped = 0
        self.assumed = 0
        self._unread = 0
        self._clock = clock
        self._hour = ""
        self._stamped = ""
        self._witness = OcsLogLines(WITNESS)
        self._header: Header | None = None
        self._direct: re.Match[str] | None = None
        self._body: list[str] = []
        self._waiting: Entry | None = None

    @property
    def not_understood(self) -> int:
        """See above."""
        return self._unread + self._witness.not_understood

    def read(self, lines: Iterator[str]) -> Iterator[Entry]:
        """The entries of these lines, in their order."""
        for line in lines:
            self.lines += 1
            if self._header is not None:
                if self._header.name is None and self._names(line):
                    continue
                first = line[:1]
                if (first == "\t" or first == " " or self._continues(line)) and len(self._body) < LONGEST:
                    self._body.append(line)
                    continue
                if self._header is not _CONTROL and self._is_open():
                    self._body.append(line)
                    continue
                yield from self._finished()
            yield from self._begin(line)
        yield from self._finished()
        yield from self._told()

    def _continues(self, line: str) -> bool:
        """Whether a line that is not indented belongs to the message all the same."""
        if self._direct is not None and self._direct[3] is not None:
            return _OF_A_TRACE.match(line) is None
        return _CONTINUES.match(line) is not None

    # ---------------------------------------------------------------------------------------------- between messages

    def _begin(self, line: str) -> Iterator[Entry]:
        """A line that belongs to no message so far."""
        hour = line[:3]
        if hour[:1] in _BEGINS_STAMP:
            self._stamped = line
            if hour != self._hour and (line[2:3] == ":" or hour[0] == "@") and self._clock.read(line):
                self._hour = hour  # that a day is over must be seen, also in hours without a message
        if "message" in line or "'" in line or "equest" in line:
            header = self._header_of(line)
            if header is not None:
                yield from self._told()
                self._read_time(line)
                self._header = header
                self._body = []
                return
            if self._begins_control(line):
                yield from self._told()
                self._read_time(line)
                return
        if self._waiting is not None:
            client = headers.sent(line) if " sent to [" in line else None
            if client is not None:
                self._add_client(client)
                return
            if "sent to" not in line:
                yield from self._told()
        yield from self._other(line)

    def _read_time(self, line: str) -> None:
        """The time of a line, else of the last line before it that has one."""
        if not self._clock.read(line):
            self._clock.read(self._stamped)

    def _header_of(self, line: str) -> Header | None:
        if " message " in line and (header := headers.tlib(line)) is not None:
            return header
        if " 04541 " in line and (header := headers.received(line)) is not None:
            return header
        return headers.psdk(line) if "essage" in line or "Event" in line else None

    def _begins_control(self, line: str) -> bool:
        self._direct = _DIRECT.search(line)
        found = _LISTED.search(line) if self._direct is None else None
        if self._direct is None and found is None:
            return False
        self._body = [found["first"]] if found is not None and found["first"] is not None else []
        self._header = _CONTROL
        return True

    def _other(self, line: str) -> Iterator[Entry]:
        if ("session" in line or "client " in line) and (note := _NOTES.search(line.rstrip())) is not None:
            self._clock.read(line)
            ended, unreadable, registered, _lost, gone = note.groups()
            what: What
            if ended or gone:
                what = Left(ended or gone)
            elif unreadable:
                what = Unreadable(unreadable)
            else:
                what = ControlIs(registered is not None)
            teller = Teller.TSERVER if gone else Teller.PROXY
            self.teller = min(self.teller, teller)
            yield self._entry(teller, what)
            return
        if "direct " in line and (note := _DIRECT_NOTES.search(line.rstrip())) is not None:
            self._clock.read(line)
            self.traces_direct = True
            yield self._entry(Teller.PROXY, LeftDirect(note[1]) if note[1] else DirectControlIs(note[2] is not None))
            return
        seen = self._witness.read(line)
        if seen:
            self._clock.read(line)
            yield self._entry(Teller.OCS, Witnessed(seen))

    def _entry(self, teller: Teller, what: What) -> Entry:
        return Entry(self._clock.now or 0.0, self.owner, teller, what)

    # ---------------------------------------------------------------------------------------------------- a message

    def _is_open(self) -> bool:
        """Whether a value of the last line has not come to its end: it may have line feeds in it."""
        if not self._body or len(self._body) >= LONGEST:
            return False
        last = self._body[-1].rstrip()
        quote = last.rfind("\t'")
        return quote > 0 and not last.endswith("'") and not last.startswith("(") and last.count("'") % 2 == 1

    def _names(self, line: str) -> bool:
        """Whether a line names the message whose header is the line before."""
        assert self._header is not None
        if self._header.name is not None or self._body:
            return False
        name = headers.alone(line)
        if name is None and self._header.family is Family.PSDK:
            second = headers.psdk(line)
            name = second.name if second is not None else None
        if name is None:
            return False
        self._header = evolve(self._header, name=name)
        return True

    def _finished(self) -> Iterator[Entry]:
        """A message is at its end."""
        header, self._header = self._header, None
        if header is None:
            return
        if header is _CONTROL:
            yield from self._control()
        elif header.name is not None:
            self._message(header, header.name)

    def _message(self, header: Header, name: str) -> None:
        self.messages += 1
        number = number_of(name)
        if number not in WANTED or not self._says_something(number):
            self.skipped += 1
            return
        form = read(name, [line for line in self._body if not line.startswith(_OF_NO_USE)], header.family)
        self._unread += form.unread
        message, assumed = _unmasked(form.message)
        self.assumed += assumed
        if self._clock.now is None:
            form = read(name, self._body, header.family)
            if (seconds := form.message.unsigned(TIME_IN_SECS)) is not None:
                self._clock.now = float(seconds)
        self.teller = min(self.teller, header.teller)
        heard = Heard(message, name.startswith("Request") or number < _FIRST_EVENT, header.clients, bool(assumed))
        self._waiting = self._entry(header.teller, heard)

    def _says_something(self, number: int) -> bool:
        """Whether a message can matter: user events and events of calls only with the keys of OCS."""
        return number not in _WITH_DATA or any("GSW_" in line for line in self._body)

    def _add_client(self, client: str) -> None:
        assert self._waiting is not None
        what = self._waiting.what
        if isinstance(what, Heard) and not what.is_request and client not in what.clients:
            what.clients = (*what.clients, client)

    def _told(self) -> Iterator[Entry]:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            yield waiting

    # ---------------------------------------------------------------------------------------------- campaign control

    def _control(self) -> Iterator[Entry]:
        heading, self._direct = self._direct, None
        pairs, unread = _listed(self._body) if heading is None else direct.read(self._body)
        self.messages += 1
        self._unread += unread
        pairs, assumed = _unmasked_pairs(pairs)
        self.assumed += assumed
        if not pairs:
            return
        if heading is None:
            self.teller = min(self.teller, Teller.OCS)
            yield self._entry(Teller.OCS, Controlled(pairs, "", bool(assumed)))
            return
        client, way, trace = heading.groups()
        if trace is not None:
            self.traces_direct = True
            yield self._entry(Teller.PROXY, HeardDirectly(pairs, way == "received", client, bool(assumed)))
        else:
            # OCS receives what its clients send; in a client's log it is the other way round: the message says it.
            self.teller = min(self.teller, Teller.OCS)
            is_request = number(gsw(pairs), control.MESSAGE_TYPE) in control.ALL_REQUESTS
            yield self._entry(Teller.OCS, HeardDirectly(pairs, is_request, client, bool(assumed)))


_OF_NO_USE = tuple(
    f"\tAttribute{name}\t"
    for name in (
        *("EventSequenceNumber", "TimeinuSecs", "TimeinSecs", "CallUUID", "ConnID", "CallID", "CallType", "CallState"),
        *(
            "PropagatedCallType",
            "NetworkNodeID",
            "NetworkCallID",
            "DNIS",
            "ANI",
            "OtherDN",
            "OtherDNRole",
            "ThisDNRole",
        ),
        *("ThisQueue", "OtherQueue", "AgentID", "CustomerID", "Timeout", "Server", "CtrlParty", "PartyUUID"),
    )
)
"""How lines begin that hold one value, which nobody here wants: they are the half of a T-Server's log."""

_CONTROL = Header("campaign control", Teller.OCS, ())
_FIRST_EVENT = NUMBERS["EventServerConnected"]
_WITH_DATA = frozenset(
    number for number in WANTED if number not in (0, 3, 4, 52, 53, 54, 95, 138) and number != UNKNOWN
)
"""Messages that matter by their user data alone."""


def _listed(lines: list[str]) -> tuple[list[Pair], int]:
    """The pairs of campaign control over HTTP, or of a desktop's, and how many lines meant nothing."""
    found = [_LISTED_LINE.match(line.rstrip()) for line in lines]
    pairs = [_pair(*each.groups()) for each in found if each is not None]
    return pairs, len(lines) - len(pairs)


def _pair(key: str, text: str) -> Pair:
    if text.startswith("'") and text.endswith("'") and len(text) > 1:
        return Pair(key, text[1:-1], 0)
    found = _NUMBER.fullmatch(text)
    return Pair(key, int(found[1]), 1) if found is not None else Pair(key, text, 0)


def _is_masked(value: Value) -> bool:
    return isinstance(value, str) and _MASKED.fullmatch(value) is not None


def _unmasked_pairs(pairs: list[Pair]) -> tuple[list[Pair], int]:
    """A masked GSW_AUTO_COMPLETION counts as 1, in lists in the list, too; and how many there were."""
    unmasked, number = [], 0
    for pair in pairs:
        if pair.key == GSW_AUTO_COMPLETION and _is_masked(pair.value):
            pair, number = Pair(pair.key, 1, 1), number + 1
        elif isinstance(pair.value, list):
            inner, inside = _unmasked_pairs(pair.value)
            pair, number = pair._replace(value=inner), number + inside
        unmasked.append(pair)
    return unmasked, number


def _unmasked(message: Message) -> tuple[Message, int]:
    pairs = message.user_data
    if pairs is None or not any(pair[0] == GSW_AUTO_COMPLETION or isinstance(pair[1], list) for pair in pairs):
        return message, 0
    unmasked, number = _unmasked_pairs(pairs)
    return (message.with_user_data(unmasked), number) if number else (message, 0)
