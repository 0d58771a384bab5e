"""Replay of the direct protocol: the proxy's trace of it, and OCS's log."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from proxy.campaign.observation import (
    ControlRefused,
    GroupNames,
    Observation,
    SourceConnected,
    Status,
    StatusHeard,
)
from proxy.config import Config, parse
from proxy.direct.trace import lines
from proxy.kvlist import Pair, pair
from proxy.replay.command import replay
from proxy.replay.direct import DirectClients
from proxy.replay.entries import DirectControlIs, HeardDirectly, LeftDirect, Teller
from proxy.replay.files import look_at
from tests.direct.messages import KEY, PROPERTIES, message
from tests.replay.logs import ProxyTrace, TServerLog, read, write

BOTH = """
[tevents]
listen = tcp:0
upstream = tcp:127.0.0.1:1
communication_dn = OCS_CommDN
application = tevent-proxy
application_dbid = 4114
[direct]
listen = tcp:0
upstream = tcp:127.0.0.1:1
[ocs-http]
listen = tcp:0
upstream = http://127.0.0.1:1
[completion]
by = proxy
control = {control}
[group Sales@Agents]
dbid = 101
campaign_id = 101
group_id = 732
"""


def conf(control: str = "direct") -> Config:
    """A proxy with both channels, and OCS's HTTP."""
    return parse(BOTH.format(control=control))


class DirectTrace:
    """The proxy's trace of the direct protocol, as its lines come. Times are seconds of the day."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    def note(self, at: float, *text: str) -> None:
        """Something that happens."""
        minutes, seconds = divmod(at, 60)
        stamp = f"2026-03-01T{int(minutes) // 60:02d}:{int(minutes) % 60:02d}:{seconds:09.6f}Z"
        self.lines += [f"{stamp} {text[0]}", *text[1:]]

    def asks(self, at: float, client: int, said: list[Pair]) -> None:
        """A client sends a message; client 0 is the proxy."""
        self.note(at, *lines(client, True, said))

    def tells(self, at: float, client: int, said: list[Pair]) -> None:
        """OCS says something to a client."""
        self.note(at, *lines(client, False, said))

    def registered(self, at: float) -> None:
        """The control session is there."""
        self.asks(at, 0, [pair("GSW_CM_MessageType", 6)])
        self.tells(at, 0, [pair("GSW_CM_MessageType", 18)])
        self.note(at, "direct control session registered")

    def loads(self, at: float, value: object = 1, client: int = 1) -> None:
        """A client loads and starts the group; it and the control session hear OCS say so."""
        asked = {} if value is None else {"properties": [pair(KEY, value)]}  # type: ignore[arg-type]
        for reference, kind, word in ((10, 7, 19), (11, 9, 21)):
            self.asks(at, client, message(kind, reference, **asked))
            self.says(at, word, reference=reference, clients=(client, 0))

    def says(self, at: float, word: int, reference: int | None = None, clients: tuple[int, ...] = (1, 0)) -> None:
        """OCS says something of the group's life."""
        for client in clients:
            self.tells(at, client, message(word, reference, DialMode=3))


def trace() -> DirectTrace:
    """A control session and a group that runs, armed."""
    log = DirectTrace()
    log.registered(35000)
    log.loads(36000)
    return log


def work(*words: tuple[float, int]) -> ProxyTrace:
    """What agents do meanwhile: two records, then they hear there are no more. `words` are OCS's over T-Events."""
    log = ProxyTrace()
    log.note(35000, "control session registered")
    for at, kind in words:
        log.tells(at, "0", "OCS_CommDN", GSW_CM_MessageType=kind, GSW_CM_AttrSessionID=101, GSW_CM_AttrDialMode=3)
    log.record(36010, 1)
    log.record(36100, 2)
    log.no_records(36200)
    return log


def replayed(folder: Path, config: Config | None, **logs: str) -> dict[str, Any]:
    """The report on the one group of these logs."""
    report = replay([write(folder, f"{name}.log", text) for name, text in logs.items()], config)
    assert report.totals.not_understood == 0
    (group,) = report.json()["groups"]
    return group | {"left_out": report.left_out, "assumed": report.totals.assumed}


def news(group: dict[str, Any]) -> list[str]:
    """What was announced, in order."""
    return [each["news"] for each in group["timeline"]]


# ---------------------------------------------------------------------------------------------------------- its lines


def test_what_a_trace_tells() -> None:
    """Which way, whose, and what: requests of clients, OCS's words, requests of the proxy's own; and notes."""
    log = DirectTrace()
    log.registered(1)
    log.asks(2, 7, message(7, properties=[pair(KEY, 1), pair("phone", "5")]))
    log.tells(3, 7, message(19))
    log.note(4, "direct session 8 cannot be read")
    log.note(5, "direct session 7 ended")
    log.note(6, "direct control session lost")
    entries, reader = read(log.text)
    assert (reader.not_understood, reader.messages, reader.assumed) == (0, 4, 1)
    assert {entry.teller for entry in entries} == {Teller.PROXY}
    told = [entry.what for entry in entries]
    assert told[2:] == [
        DirectControlIs(True),
        HeardDirectly(message(7, properties=[pair(KEY, 1), pair("phone", "****")]), True, "7", True),
        HeardDirectly(message(19), False, "7"),
        LeftDirect("7"),
        DirectControlIs(False),
    ]
    assert [(what.client, what.is_request) for what in told[:2] if isinstance(what, HeardDirectly)] == [
        ("0", True),
        ("0", False),
    ]


@pytest.mark.parametrize(
    "pairs",
    [
        [pair("x", "y"), pair("GSW_AUTO_COMPLETION", 1)],
        [pair("", 1), pair("session 7 ended", 2), pair("a 'b", 3)],
        [pair("12:00:00 OCMClient[9]::message sent", 1)],
        [pair("a", [pair("i'n", [pair("GSW_CM_MessageType", 8)])]), pair(PROPERTIES, [])],
    ],
)
def test_a_client_that_invents_keys(pairs: list[Pair]) -> None:
    """Whatever keys a client makes up, its message is one, and the next one is read as it was."""
    log = DirectTrace()
    log.asks(2, 7, [*message(7), *pairs])
    log.tells(3, 7, message(19))
    entries, reader = read(log.text)
    assert (len(entries), reader.not_understood) == (2, 0)
    assert [what.message[:4] for entry in entries if isinstance(what := entry.what, HeardDirectly)] == [
        message(7),
        message(19),
    ]


def test_a_file_of_both_channels(tmp_path: Path) -> None:
    """One trace for both: what is of which is told apart, line by line."""
    both = trace()
    both.note(36001, "session 7 ended")
    both.lines += work().lines
    file = look_at(write(tmp_path, "trace.log", both.text))
    assert (file.teller, file.traces_direct) == (Teller.PROXY, True)
    alone = look_at(write(tmp_path, "direct.log", trace().text))
    assert (alone.teller, alone.traces_direct) == (Teller.NOBODY_KNOWS, True)
    assert look_at(write(tmp_path, "t.log", work().text)).traces_direct is False


# --------------------------------------------------------------------------------------------------------- its report


@pytest.mark.parametrize("control", ["direct", "tevents"])
def test_a_day_in_two_traces(tmp_path: Path, control: str) -> None:
    """Loaded over one protocol, worked on over the other: completed when both have been quiet for a minute."""
    words = work((36000.1, 19), (36000.2, 21)) if control == "tevents" else work()
    words.says(37000, 22)
    log = trace()
    log.says(37000, 22)
    found = replayed(tmp_path, conf(control), direct=log.text, tevents=words.text)
    (session,) = found["sessions"]
    assert (session["delivered"], session["finalized"]) == (2, 2)
    (would,) = session["would_complete"]
    assert (would["rule"], would["ran_on_for"], would["ended_by"]) == ("B", 739.0, "stopped")


def test_one_file_for_both(tmp_path: Path) -> None:
    """The same in one file, in which the order of lines is the truth."""
    both = trace()
    both.lines += work().lines[1:]
    both.note(36000, "control session registered")
    both.says(37000, 22)
    found = replayed(tmp_path, conf(), trace=both.text)
    assert [each["ran_on_for"] for each in found["sessions"][0]["would_complete"]] == [739.0]


def test_without_a_control_session(tmp_path: Path) -> None:
    """While it is lost nothing would be completed, as nothing was live; what clients hear is OCS's word then."""
    log = trace()
    log.note(36150, "direct control session lost")
    log.says(37000, 22, clients=(1,))
    words = work()
    words.lines = words.lines[1:]
    found = replayed(tmp_path, conf(), direct=log.text, tevents=words.text)
    assert found["sessions"][0]["would_complete"] == []
    assert (found["status"]["state"], news(found)[-1]) == ("loaded", "stopped")


def test_who_disarms(tmp_path: Path) -> None:
    """A SetDialingMode with GSW_AUTO_COMPLETION 0 disarms in a replay as it did live, though values are masked."""
    log = trace()
    log.asks(36100, 1, message(11, 12, properties=[pair(KEY, 0)]))
    log.says(36100.1, 23, 12)
    found = replayed(tmp_path, conf(), direct=log.text)
    assert (found["status"]["armed"], found["assumed"]) == (False, 2)


def test_a_request_that_is_refused(tmp_path: Path) -> None:
    """OCS refuses a client's Start: it arms nothing, though the group is started by another one."""
    log = DirectTrace()
    log.registered(35000)
    log.loads(36000, 0)
    log.asks(36100, 2, message(11, 77, properties=[pair(KEY, 1)]))
    log.tells(36100.1, 2, message(27, 77))
    log.says(36101, 23)
    assert replayed(tmp_path, conf(), direct=log.text)["status"]["armed"] is False


def test_requests_of_one_who_left(tmp_path: Path) -> None:
    """A connection for each command: each is a session, and its number may come again when the proxy was restarted."""
    log = DirectTrace()
    log.registered(35000)
    log.loads(36000, client=1)
    log.note(36001, "direct session 1 ended")
    log.asks(36002, 1, [pair("GSW_CM_MessageType", 6)])
    log.asks(36003, 1, message(10, 10))
    log.says(36004, 22, 10)
    assert news(replayed(tmp_path, conf(), direct=log.text)) == ["loaded", "armed", "started", "stopped"]


def test_words_are_left_to_the_other_control(tmp_path: Path) -> None:
    """With `control = tevents` the direct session is a spare: its words count while the other one is lost."""
    log = trace()
    up = ProxyTrace()
    up.note(35000, "control session registered")
    found = replayed(tmp_path, conf("tevents"), direct=log.text, tevents=up.text)
    assert (found["status"]["state"], news(found)) == (None, [])
    up.note(35500, "control session lost")
    found = replayed(tmp_path, conf("tevents"), direct=log.text, tevents=up.text)
    assert found["status"]["state"] == "running"


def told(log: DirectTrace, completes: bool, other_is_up: bool) -> list[Observation]:
    """What the groups are told of a trace."""
    seen: list[Observation] = []
    clients = DirectClients(seen.append, count(1), completes, lambda: other_is_up)
    for entry in read(log.text)[0]:
        clients.tell(entry.owner, entry.teller, entry.what)  # type: ignore[arg-type]
    return seen


def test_answers_to_a_spare_are_its_own() -> None:
    """What the proxy's own request brings is heard, whoever else is there; what it hears besides is left to others."""
    log = DirectTrace()
    log.registered(1)
    log.asks(2, 0, message(12, 99))
    log.tells(3, 0, message(24, 98, GroupCampStatus=4))
    log.tells(3, 0, message(24, 99, GroupCampStatus=5))
    log.says(4, 19)
    log.tells(5, 1, message(27, 7))
    sales = GroupNames(campaign_id=101, group_id=732)
    answer = StatusHeard(sales, Status.RUNNING, "direct", None, "99")
    refusal = ControlRefused(1, sales, "7")
    assert told(log, False, True) == [SourceConnected("direct"), answer, refusal]
    assert len(told(log, False, False)) == len(told(log, True, True)) == 5


@pytest.mark.parametrize("control", ["direct", "tevents"])
def test_a_trace_that_begins_in_the_middle(tmp_path: Path, control: str) -> None:
    """The file has been turned, and the registrations are gone with the old one: who hears is registered."""
    log, words = trace(), work((36000.1, 19), (36000.2, 21))
    log.lines, words.lines = log.lines[5:], words.lines[1:]
    found = replayed(tmp_path, conf(control), direct=log.text, tevents=words.text)
    assert news(found)[:3] == ["loaded", "armed", "started"]
    words.line(37000, "something else happens")
    words.says(37001, 21)
    found = replayed(tmp_path, conf(control), direct=log.text, tevents=words.text)
    assert [each["rule"] for each in found["sessions"][-1]["would_complete"]] == ["B"]


def test_a_registration_is_no_word(tmp_path: Path) -> None:
    """A control session that is refused is not there; nor is one of which only the registration is told."""
    log = DirectTrace()
    log.asks(1, 0, [pair("GSW_CM_MessageType", 6)])
    log.tells(2, 0, [pair("GSW_CM_MessageType", 27)])
    log.tells(2, 0, [pair("GSW_CM_MessageType", 18)])
    assert told(log, True, False) == []


OCS_LOG = """\
23:57:57.891 OCMClient[9]::message received
GSW_CM_MessageType              7 [GSW_CM_ReqLoadCampaign]
GSW_CM_AttrReferenceID          10
GSW_CM_AttrCampaignID           101
GSW_CM_AttrGroupID              732
GSW_APPLICATION_ID              4115
GSW_CM_AttrProperties
                'GSW_AUTO_COMPLETION'   '****'
                'GSW_CM_MessageType'    '****'
23:57:57.892 Trc 04120 something else
23:57:58.000 OCMClient[9]::message sent
GSW_CM_MessageType              19 [GSW_CM_EvCampaignLoaded]
GSW_CM_AttrReferenceID          10
GSW_CM_AttrCampaignID           101
GSW_CM_AttrGroupID              732
"""


def test_ocs_log_beside_a_trace(tmp_path: Path) -> None:
    """Where the proxy traced the direct protocol, what OCS logged of it is left out."""
    found = replayed(tmp_path, None, ocs=OCS_LOG)
    assert (news(found), found["left_out"], found["assumed"]) == (["loaded", "armed"], 0, 1)
    found = replayed(tmp_path, conf(), ocs=OCS_LOG, direct=trace().text)
    assert (news(found), found["left_out"]) == (["loaded", "armed", "started"], 2)


def test_t_servers_log_beside_a_trace(tmp_path: Path) -> None:
    """A trace of the direct protocol is none of T-Events: T-Server's log is read."""
    log = TServerLog("2026-03-01T{at}Z")
    log.record(36010, 1)
    found = replayed(tmp_path, conf(), tserver=log.text, direct=trace().text)
    assert (found["status"]["finalized"], found["left_out"], found["status"]["state"]) == (1, 0, "running")


@pytest.mark.parametrize("teller", [ProxyTrace, TServerLog])
def test_a_control_that_tells_no_states(tmp_path: Path, teller: type[TServerLog]) -> None:
    """With `control = ocs-http` a group follows what the logs have of OCS's words, and would be completed."""
    log = teller()
    log.line(35000, "control session registered" if teller is ProxyTrace else "something happens")
    log.loads(36000)
    log.record(36010, 1)
    log.no_records(36200)
    log.line(36700, "something else happens")
    log.says(36701, 22)
    found = replayed(tmp_path, conf("ocs-http"), some=log.text)
    assert [each["rule"] for each in found["sessions"][0]["would_complete"]] == ["B"]
    assert news(found)[-1] == "stopped"
    direct = trace()
    direct.says(36700, 22)
    found = replayed(tmp_path, conf("ocs-http"), direct=direct.text)
    assert news(found) == ["loaded", "armed", "started", "stopped"]


@pytest.mark.parametrize("control", ["direct", "tevents"])
def test_the_other_protocol_than_the_one_that_is_traced(tmp_path: Path, control: str) -> None:
    """A group follows its control; where that was not traced, and the other was, that one tells of the group."""
    words = ProxyTrace()
    words.note(35000, "control session registered")
    words.loads(36000)
    logs = {"tevents": words.text} if control == "direct" else {"direct": trace().text}
    assert news(replayed(tmp_path, conf(control), **logs)) == ["loaded", "armed", "started"]
