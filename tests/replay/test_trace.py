"""The trace of [tevents]: written as T-Library logs are, bounded, without personal data."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.kvlist import pair
from proxy.replay.entries import Heard, Unreadable
from proxy.tevents.message import DISTRIBUTE_USER_EVENT, OTHER_DN, THIS_DN, USER_DATA, Message
from proxy.tevents.openwire import open_wire
from proxy.tevents.trace import received_from, sent_to, traced
from proxy.tracefile import TraceFile
from tests.replay.logs import read


class Seen:
    """Looks that remember."""

    def __init__(self) -> None:
        self.frames: list[tuple[str, int, bytes]] = []

    def held(self, number: int, frame: bytes) -> bytes | None:
        self.frames.append(("held", number, frame))
        return b"instead"

    def looked(self, number: int, frame: bytes) -> None:
        self.frames.append(("looked", number, frame))

    def opaque(self, reason: str) -> None:
        self.frames.append(("opaque", 0, reason.encode()))


def user_event(*pairs: tuple[str, object]) -> Message:
    attribute = open_wire.attribute
    values = [pair(key, value) for key, value in pairs]  # type: ignore[arg-type]
    return Message(
        DISTRIBUTE_USER_EVENT,
        [attribute(THIS_DN, "3001"), attribute(OTHER_DN, "5551234"), attribute(USER_DATA, values)],
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trace.log"


def opened(path: Path, largest: int = 1 << 20) -> TraceFile:
    trace = TraceFile(str(path), lambda: 1_700_000_000.25, largest)
    trace.open()
    return trace


def test_a_message_is_in_the_file_at_once(path: Path) -> None:
    """A message is printed with its time, its session and its way; and goes on to be looked at."""
    trace, seen = opened(path), Seen()
    looks = traced(seen, 7, received_from(7), open_wire, trace)
    frame = open_wire.encode(user_event(("GSW_AGENT_REQ_TYPE", "RecordProcessed"), ("GSW_RECORD_HANDLE", 5)))
    assert looks.held(48, frame) == b"instead"
    looks.looked(3, frame)
    assert seen.frames == [("held", 48, frame), ("looked", 3, frame)]
    first, *rest = path.read_text().splitlines()
    assert first == "2023-11-14T22:13:20.250000Z received from 7(proxy session) message RequestDistributeUserEvent"
    assert rest[:5] == [
        "\tAttributeThisDN\t'3001'",
        "\tAttributeOtherDN\t'****'",
        "\tAttributeUserData\t[66] 00 02 00 00..",
        "\t\t'GSW_AGENT_REQ_TYPE'\t'RecordProcessed'",
        "\t\t'GSW_RECORD_HANDLE'\t5",
    ]
    entries, reader = read(path.read_text())
    assert reader.not_understood == 0
    assert [isinstance(entry.what, Heard) and entry.what.clients for entry in entries] == [("7",), ("7",)]


def test_no_personal_data(path: Path) -> None:
    """Nothing that is a customer's is in the trace: no phone, no name, no key that nobody listed."""
    frame = open_wire.encode(
        user_event(
            ("GSW_PHONE", "5551234"), ("GSW_DATE_TIME", "11/22/2026 10:00"), ("Name", "Smith"), ("GSW_x", "Smith")
        )
    )
    traced(Seen(), 7, sent_to(7), open_wire, opened(path)).looked(96, frame)
    text = path.read_text()
    assert not any(personal in text for personal in ("5551234", "Smith", "11/22"))
    assert text.count("'****'") == 5


def test_what_cannot_be_decoded(path: Path) -> None:
    """A frame that cannot be decoded, and a direction that is opaque, are a note; and the session goes on."""
    seen = Seen()
    looks = traced(seen, 7, received_from(7), open_wire, opened(path))
    looks.held(48, b"\0\0\0\x04\0\x30\0\x09")
    looks.opaque("a length of 0")
    entries, _ = read(path.read_text())
    assert [entry.what for entry in entries] == [Unreadable("7")] * 2
    assert [what for what, _, _ in seen.frames] == ["held", "opaque"]


def test_it_is_bounded(path: Path) -> None:
    """At its largest the file becomes FILE.1, and the older FILE.1 is gone."""
    trace = opened(path, largest=200)
    for number in range(40):
        trace.note(f"session {number} ended")
    files = sorted(path.parent.iterdir())
    assert [file.name for file in files] == ["trace.log", "trace.log.1"]
    assert all(file.stat().st_size <= 300 for file in files)
    assert "session 39 ended" in path.read_text()
    assert "session 0 ended" not in "".join(file.read_text() for file in files)


def test_it_goes_on_with_the_file_that_is_there(path: Path) -> None:
    """A proxy that is started again adds to its trace, and the size of what was there counts."""
    first = opened(path)
    first.note("session 1 ended")
    first.close()
    first.note("session 2 ended")
    again = opened(path, largest=20)
    again.note("session 3 ended")
    assert "session 3 ended" in path.read_text()
    older = path.with_name("trace.log.1").read_text()
    assert "session 1 ended" in older
    assert "session 2 ended" not in older


def test_a_disk_that_is_full(path: Path) -> None:
    """When the file cannot be written any more, the trace ends, and nothing else."""
    trace = TraceFile("/dev/full", lambda: 0.0)
    trace.open()
    trace.note("session 1 ended")
    trace.note("session 2 ended")
    trace.close()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """A trace that cannot be begun is an error at the start."""
    with pytest.raises(OSError, match="No such file"):
        TraceFile(str(tmp_path / "none" / "trace.log"), lambda: 0.0).open()
