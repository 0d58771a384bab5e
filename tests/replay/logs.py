"""Words for logs: lines in, entries and observations and reports out."""

from __future__ import annotations

import gzip
import re
from datetime import date
from pathlib import Path

from proxy.config import Config
from proxy.replay.command import replay
from proxy.replay.entries import Entry, Heard
from proxy.replay.reader import LogReader
from proxy.replay.report import Report
from proxy.replay.stamps import NO_DAY, LogClock


def read(text: str, day: date = NO_DAY) -> tuple[list[Entry], LogReader]:
    """The entries of a log, and who read them."""
    reader = LogReader("log", LogClock(day))
    return list(
        reader.read(iter(text.split("\n"))),
    ), reader


def heard(text: str) -> list[Heard]:
    """The messages of a log."""
    return [entry.what for entry in read(text)[0] if isinstance(entry.what, Heard)]


def write(folder: Path, name: str, text: str, packed: bool = False) -> str:
    """A log file; its path."""
    path = folder / name
    data = text.encode("utf-8", "surrogateescape")
    path.write_bytes(gzip.compress(data) if packed else data)
    return str(path)


def replayed(folder: Path, text: str, config: Config | None = None) -> Report:
    """The report on one log."""
    return replay([write(folder, "some.log", text)], config)


class TServerLog:
    """A T-Server's log, as its lines come. Times are seconds of the day."""

    def __init__(self, stamp: str = "{at}") -> None:
        self.lines: list[str] = []
        self.stamp = stamp

    @property
    def text(self) -> str:
        """The log."""
        return "\n".join(self.lines) + "\n"

    def line(self, at: float, text: str) -> None:
        """A line with a time."""
        minutes, seconds = divmod(at, 60)
        clock = f"{int(minutes) // 60:02d}:{int(minutes) % 60:02d}:{seconds:06.3f}"
        self.lines.append(f"{self.stamp.format(at=clock)} {text}")

    def _data(self, values: dict[str, object]) -> None:
        self.lines.append("\tAttributeUserData\t[0] 00 01 00 00..")
        self.lines += [
            f"\t\t'{key}'\t{value if isinstance(value, int) else repr(value)}" for key, value in values.items()
        ]

    def asks(self, at: float, client: str, dn: str, **values: object) -> None:
        """A client sends a user event."""
        self.line(at, f"received from {client}(app {client}) message RequestDistributeUserEvent")
        self.lines.append(f"\tAttributeCommunicationDN\t'{dn}'")
        self._data(values)

    def tells(self, at: float, clients: str, dn: str, **values: object) -> None:
        """Clients get a user event."""
        named = ", ".join(f"{client}(app {client})" for client in clients.split())
        self.line(at, f"sent to {named} message EventUserEvent")
        self._data(values)
        self.lines.append(f"\tAttributeThisDN\t'{dn}'")

    def loads(self, at: float, auto_completion: object = 1) -> None:
        """A console loads and starts the group, and OCS says so."""
        for kind, word in ((7, 19), (9, 21)):
            self.asks(
                at,
                "7",
                "OCS_CommDN",
                GSW_CM_MessageType=kind,
                GSW_CM_AttrSessionID=101,
                GSW_AUTO_COMPLETION=auto_completion,
            )
            self.tells(
                at,
                "7 8",
                "OCS_CommDN",
                GSW_CM_MessageType=word,
                GSW_CM_AttrSessionID=101,
                GSW_CM_AttrDialMode=3,
                GSW_CAMPAIGN_GROUP_NAME="Sales@Agents",
            )

    def says(self, at: float, kind: int) -> None:
        """OCS says something on its Communication DN."""
        self.tells(at, "7 8", "OCS_CommDN", GSW_CM_MessageType=kind, GSW_CM_AttrSessionID=101)

    def record(self, at: float, handle: int, client: str = "3", dn: str = "3001") -> None:
        """An agent asks for a record, gets it, and has it processed."""
        names = {"GSW_CAMPAIGN_NAME": "Sales", "GSW_RECORD_HANDLE": handle}
        self.asks(at, client, dn, GSW_AGENT_REQ_TYPE="PreviewRecordRequest", GSW_CAMPAIGN_NAME="Sales")
        self.tells(at + 1, client, dn, GSW_USER_EVENT="PreviewRecord", **names)
        self.asks(at + 20, client, dn, GSW_AGENT_REQ_TYPE="RecordProcessed", **names)
        self.tells(at + 21, client, dn, GSW_USER_EVENT="RecordProcessedAcknowledge", **names)

    def no_records(self, at: float, client: str = "3", dn: str = "3001") -> None:
        """An agent asks for a record and hears that there are none."""
        self.asks(at, client, dn, GSW_AGENT_REQ_TYPE="PreviewRecordRequest", GSW_CAMPAIGN_NAME="Sales")
        self.tells(at + 1, client, dn, GSW_ERROR="No Records Available", GSW_CAMPAIGN_NAME="Sales")


class ProxyTrace(TServerLog):
    """The proxy's own trace; session 0 is its control session, which hears OCS's word."""

    def __init__(self) -> None:
        super().__init__("2026-03-01T{at}Z")

    def note(self, at: float, text: str) -> None:
        """A line that is no message."""
        self.line(at, text)

    def asks(self, at: float, client: str, dn: str, **values: object) -> None:
        """A client sends a user event."""
        super().asks(at, client, dn, **values)
        self._own()

    def tells(self, at: float, clients: str, dn: str, **values: object) -> None:
        """Clients get a user event: each its own copy."""
        for client in clients.replace("8", "0").split():
            super().tells(at, client, dn, **values)
            self._own()

    def _own(self) -> None:
        place = max(n for n, line in enumerate(self.lines) if " message " in line)
        self.lines[place] = re.sub(
            r"(\d+)\(app \d+\)", lambda f: f"{f[1]}(proxy {'control' if f[1] == '0' else 'session'})", self.lines[place]
        )
