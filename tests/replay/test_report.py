"""Logs in, a report out: what operators read before they put the proxy in line."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from proxy.campaign.observation import Announce, News
from proxy.cli import main
from proxy.config import Config, parse
from proxy.replay.command import replay
from proxy.replay.entries import Teller
from proxy.replay.files import look_at_all
from proxy.replay.report import Report
from tests.replay.logs import ProxyTrace, TServerLog, replayed, write

CONF = """
[tevents]
listen = tcp:0
upstream = tcp:127.0.0.1:1
communication_dn = OCS_CommDN
application = tevent-proxy
application_dbid = 4114
[completion]
by = proxy
{completion}
[group Sales@Agents]
dbid = 101
"""


def conf(completion: str = "") -> Config:
    """What the proxy would be told."""
    return parse(CONF.format(completion=completion))


def day(auto_completion: object = 1, stamp: str = "{at}") -> TServerLog:
    """Two records, then an agent hears there are no more; ten minutes later an operator stops the group."""
    log = TServerLog(stamp)
    log.loads(36000, auto_completion)
    log.record(36010, 1)
    log.record(36100, 2)
    log.no_records(36200)
    log.says(36800, 22)
    log.says(36900, 20)
    return log


def group(report: Report) -> dict:
    (only,) = report.json()["groups"]
    return only


def test_when_it_would_have_been_completed(tmp_path: Path) -> None:
    """A group is completed a settle time after the last sign, by rule B; it ran on until it was stopped."""
    found = group(replayed(tmp_path, day().text))
    (session,) = found["sessions"]
    assert (session["delivered"], session["finalized"], session["armed"]) == (2, 2, True)
    (would,) = session["would_complete"]
    assert (would["time"], would["rule"], would["ran_on_for"], would["ended_by"], would["too_early"]) == (
        36261.0,
        "B",
        539.0,
        "stopped",
        False,
    )
    assert [each["news"] for each in found["timeline"]] == [
        "loaded",
        "armed",
        "started",
        "no more records",
        "would have been completed",
        "stopped",
        "unloaded",
    ]


def test_the_report_for_operators(tmp_path: Path) -> None:
    """It reads like a time line, says what would have been done, and how much of the log was understood."""
    text = "\n".join(replayed(tmp_path, day().text + "12:00:00.000 something else\n").text())
    assert "Sales@Agents\n  10:00:00.000  loaded (session 1)\n" in text
    assert "session 1: 2 delivered, 0 outstanding, 2 finalized, 0 returned, 0 scheduled" in text
    assert "would have been completed at 10:04:21.000 by rule B; it ran on for 8 min 59 s, until stopped" in text
    messages, lines = sum(" message " in line for line in day().lines), len(day().lines) + 1
    assert text.endswith(f"{messages} messages read (0 of no interest) in {lines} lines, 0 lines not understood")


def test_policies_come_from_the_conf_file(tmp_path: Path) -> None:
    """settle, attribute and complete of a conf file hold; by = proxy does not make a replay wait for its own Stop."""
    longer = group(replayed(tmp_path, day().text, conf("settle = 300")))
    assert longer["sessions"][0]["would_complete"][0]["time"] == 36501.0
    never = group(replayed(tmp_path, day().text, conf("settle = 900")))
    assert never["sessions"][0]["would_complete"] == []
    assert never["status"]["completions"] == 0


def test_nothing_is_completed_in_a_replay(tmp_path: Path) -> None:
    """by = proxy, for a group of the conf file and for any other: a replay only says what would have been done."""
    configured = conf()
    other = parse(CONF.format(completion="").replace("Sales@Agents", "Other@Agents").replace("dbid = 101", "dbid = 99"))
    for config in (configured, other):
        report = replayed(tmp_path, day().text, config)
        found = next(each for each in report.json()["groups"] if each["name"] == "Sales@Agents")
        assert "would have been completed" in [each["news"] for each in found["timeline"]]
        assert "Stop sent" not in [each["news"] for each in found["timeline"]]


def test_a_group_that_nobody_armed(tmp_path: Path) -> None:
    """Without the attribute nothing would be completed, and the report says what would help; with `add` it would."""
    report = replayed(tmp_path, day(auto_completion=0).text)
    assert group(report)["sessions"][0]["would_complete"] == []
    assert any("attribute = add" in line for line in report.text())
    log = TServerLog()
    log.lines = [line for line in day().lines if "AUTO_COMPLETION" not in line]
    assert group(replayed(tmp_path, log.text))["sessions"][0]["would_complete"] == []
    added = group(replayed(tmp_path, log.text, conf("attribute = add")))
    assert added["sessions"][0]["would_complete"][0]["time"] == 36261.0


def test_too_early(tmp_path: Path) -> None:
    """Where a record shows after the time at which it would have been completed, the report is loud about it."""
    log = day()
    late = TServerLog()
    late.record(36500, 3)
    log.lines[-22:-22] = []
    stop = next(n for n, line in enumerate(log.lines) if line.startswith("10:13:20"))
    log.lines[stop:stop] = late.lines
    report = replayed(tmp_path, log.text)
    (would,) = group(report)["sessions"][0]["would_complete"]
    assert (would["too_early"], would["ran_on_for"]) == (True, 240.0)
    assert any("TOO EARLY" in line for line in report.text())


@pytest.mark.parametrize("trouble", ["control", "SystemError"])
def test_not_too_early(tmp_path: Path, trouble: str) -> None:
    """Where nobody knew for a while whether there are records, and then there were none again, it was not too early."""
    log = traced()
    if trouble == "control":
        log.note(36500, "control session lost")
        log.note(36501, "control session registered")
    else:
        for at, event in ((36500, 12), (36501, 13)):
            log.tells(at, "0", "OCS_CommDN", GSW_STAT_EVENT=event, GSW_CAMPAIGN_GROUP_DBID=101)
    log.no_records(36600)
    log.line(37000, "something else happens")
    log.says(37001, 22)
    report = replayed(tmp_path, log.text, conf())
    first = group(report)["sessions"][0]["would_complete"][0]
    assert (first["too_early"], first["ended_by"]) == (False, "stopped")
    assert not any("TOO EARLY" in line for line in report.text())


def test_an_agent_who_leaves(tmp_path: Path) -> None:
    """When the client that heard there are no more records is gone, that no longer counts, nor when it comes anew."""
    for said in ("client 3(app 3) disconnected", "received from 3(app 3) message RequestRegisterClient"):
        log = day()
        stop = next(n for n, line in enumerate(log.lines) if line.startswith("10:13:20"))
        left = TServerLog()
        left.line(36230, said)
        log.lines[stop:stop] = left.lines
        assert group(replayed(tmp_path, log.text))["sessions"][0]["would_complete"] == []


def test_masked_values_are_reported(tmp_path: Path) -> None:
    """A log that masks GSW_AUTO_COMPLETION is read as if it were 1, and the report says so."""
    report = replayed(tmp_path, day(auto_completion="****").text)
    assert group(report)["sessions"][0]["would_complete"][0]["time"] == 36261.0
    assert report.totals.assumed == 2
    assert any("2 masked GSW_AUTO_COMPLETION were taken for 1." in line for line in report.text())


def test_copies_count_once(tmp_path: Path) -> None:
    """An event that T-Server gave to two clients of a DN is one record, and OCS's word is one word."""
    log = TServerLog()
    log.loads(36000)
    for client in "34":
        log.line(36001, f"received from {client}(a) message RequestRegisterAddress")
        log.lines += ["\tAttributeThisDN\t'3001'", f"\tAttributeReferenceID\t{client}"]
        log.line(36001, f"sent to {client}(a) message EventRegistered")
        log.lines += [f"\tAttributeReferenceID\t{client}", "\tAttributeThisDN\t'3001'"]
    log.tells(36002, "3 4", "3001", GSW_USER_EVENT="PreviewRecord", GSW_CAMPAIGN_NAME="Sales", GSW_RECORD_HANDLE=1)
    found = group(replayed(tmp_path, log.text))
    assert found["status"]["delivered"] == 1
    assert [each["news"] for each in found["timeline"]] == ["loaded", "armed", "started"]


@pytest.mark.parametrize("packed", [False, True])
def test_rotated_files_in_any_order(tmp_path: Path, packed: bool) -> None:
    """Files of one log, in any order, plain or compressed, are one log: sessions go on from one to the next."""
    lines = day(stamp="2026-03-01T{at}").lines
    cut = next(n for n, line in enumerate(lines) if "10:02:01" in line)  # between a request and its answer
    first = write(tmp_path, "ts.20260301_100000_001.log" + ".gz" * packed, "\n".join(lines[:cut]) + "\n", packed)
    second = write(tmp_path, "ts.20260301_100201_001.log", "\n".join(lines[cut:]) + "\n")
    whole = replayed(tmp_path, "\n".join(lines) + "\n")
    report = replay([second, first, second], None)
    assert group(report) == group(whole)
    assert (report.counts, report.totals.messages) == (whole.counts, whole.totals.messages)
    assert len(group(whole)["sessions"][0]["would_complete"]) == 1


def test_several_logs_are_merged_by_time(tmp_path: Path) -> None:
    """Two T-Servers, each with agents of the group: their logs are one story."""
    one, other = TServerLog(), TServerLog()
    one.loads(36000)
    one.record(36010, 1)
    other.record(36100, 2, "5", "3002")
    other.no_records(36200, "5", "3002")
    one.says(36800, 22)
    found = group(replay([write(tmp_path, "b.log", other.text), write(tmp_path, "a.log", one.text)], None))
    assert found["status"]["finalized"] == 2
    assert found["sessions"][0]["would_complete"][0]["time"] == 36261.0


def client_log(log: TServerLog, of: str) -> str:
    """The same as one client logs it."""
    text, keep = [], False
    for line in log.lines:
        if not line.startswith("\t"):
            keep = f" {of}(" in line
            line = line.replace(f"received from {of}(app {of})", "request to 65200(TServer)")
            line = line.replace(f"sent to {of}(app {of})", "received from 65200(TServer)host:7007(fd=12)")
        if keep:
            text.append(line)
    return "\n".join(text) + "\n"


def test_a_desktop_s_log_beside_t_server_s(tmp_path: Path) -> None:
    """What a T-Server logged is not counted again from the log of its client; it is said how much was left out."""
    both = [write(tmp_path, "ts.log", day().text), write(tmp_path, "desk.log", client_log(day(), "3"))]
    report = replay(both, None)
    alone = group(replay(both[:1], None))
    assert group(report) == alone
    assert report.left_out == 10
    assert any("10 left out" in line for line in report.text())


def test_a_desktop_s_log_alone(tmp_path: Path) -> None:
    """Where nobody logged OCS's word, what the agent heard of the campaign is OCS's word."""
    log = TServerLog()
    names = {"GSW_CAMPAIGN_NAME": "Sales", "GSW_CAMPAIGN_GROUP_DBID": 101, "GSW_CAMPAIGN_MODE": "Preview"}
    log.tells(36000, "3", "3001", GSW_USER_EVENT="CampaignLoaded", **names)
    log.tells(36001, "3", "3001", GSW_USER_EVENT="CampaignStarted", **names)
    log.record(36010, 1)
    log.no_records(36200)
    log.tells(36800, "3", "3001", GSW_USER_EVENT="CampaignStopped", **names)
    found = group(replayed(tmp_path, client_log(log, "3"), conf("attribute = add")))
    assert found["status"]["finalized"] == 1
    assert found["sessions"][0]["would_complete"][0]["time"] == 36261.0
    assert found["timeline"][-1]["news"] == "stopped"


def test_ocs_s_own_log(tmp_path: Path) -> None:
    """OCS is a client of T-Server, too: what it has distributed is what desktops hear, and the other way round."""
    text = []
    for line in day().lines:
        line = line.replace("received from 3(app 3) message RequestDistributeUserEvent", "H message EventUserEvent")
        line = line.replace("received from 7(app 7) message RequestDistributeUserEvent", "H message EventUserEvent")
        line = line.replace("sent to 3(app 3) message EventUserEvent", "R message RequestDistributeUserEvent")
        line = line.replace("sent to 7(app 7), 8(app 8) message EventUserEvent", "R message RequestDistributeUserEvent")
        line = line.replace("H message", "received from 65200(TS)host:7007(fd=12) message")
        line = line.replace("R message", "request to 65200(TS) message")
        text.append(line.replace("AttributeCommunicationDN", "AttributeThisDN"))
    found = group(replayed(tmp_path, "\n".join(text) + "\n"))
    (session,) = found["sessions"]
    assert (session["finalized"], session["would_complete"][0]["time"]) == (2, 36261.0)


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`tevent-proxy replay --json` prints the report for machines, and ends with 0."""
    path = write(tmp_path, "ts.log", day().text)
    assert main(["replay", path, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["groups"][0]["sessions"][0]["would_complete"][0]["rule"] == "B"
    assert report["summary"]["messages"] == len([line for line in day().lines if " message " in line])


def test_text_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`tevent-proxy replay FILE --config FILE` prints the report for operators."""
    path, config = write(tmp_path, "ts.log", day().text), write(tmp_path, "proxy.conf", CONF.format(completion=""))
    assert main(["replay", path, "--config", config]) == 0
    assert "would have been completed at 10:04:21.000" in capsys.readouterr().out


def test_files_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there, or is a broken archive, is one line and exit status 1; so is a bad conf file."""
    assert main(["replay", str(tmp_path / "none.log")]) == 1
    broken = tmp_path / "broken.log.gz"
    broken.write_bytes(b"\x1f\x8b\x08\x00garbage")
    assert main(["replay", str(broken)]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert "none.log: No such file or directory" in said[0]
    assert main(["replay", str(tmp_path / "none.log"), "--config", str(tmp_path / "none.conf")]) == 1


def test_no_logs_of_anything(tmp_path: Path) -> None:
    """A file without a message is read, and says so."""
    report = replayed(tmp_path, "\x00\x01\n\n" * 10)
    assert report.groups == {}
    assert list(report.text()) == ["0 messages read (0 of no interest) in 20 lines, 0 lines not understood"]


def test_the_progress_bar(tmp_path: Path) -> None:
    """On a terminal there is a progress bar; elsewhere there is nothing."""
    path = write(tmp_path, "ts.log", day().text)
    for is_terminal in (True, False):
        shown = io.StringIO()
        replay([path], None, Console(file=shown, force_terminal=is_terminal, width=80))
        assert ("reading" in shown.getvalue()) is is_terminal


def test_all_files_of_a_log_are_of_whom_one_is(tmp_path: Path) -> None:
    """A file of OCS's log in which nothing shows that it is OCS's is known by the others of the same log."""
    event = "10:00:00.000 received from 65200(S)h:1(fd=) message EventUserEvent\n\tAttributeThisDN\t'3001'\n"
    event += "\tAttributeUserData\t[0] 00 01 00 00..\n\t\t'GSW_AGENT_REQ_TYPE'\t'PreviewRecordRequest'\n"
    lists = "CM_DBCallList(2-1-3): SQL: sp213 @RecType = 2, @NumRec = 6\n"
    lists += "CM_DBCallList(2-1-3): SP return value (ReadyCount):0\n"
    names = ("ocs.20260301_000000_001.log", "ocs.20260302_000000_001.log", "desk.20260302_000000_001.log")
    texts = (event + lists, event, event)
    paths = [write(tmp_path, name, text) for name, text in zip(names, texts, strict=True)]
    for order in (paths, paths[::-1]):
        tellers = {file.path.name: file.teller for file in look_at_all(order)}
        assert [tellers[name] for name in names] == [Teller.OCS, Teller.OCS, Teller.CLIENT]


def traced() -> ProxyTrace:
    """A proxy's day: two records, then an agent hears there are no more."""
    trace = ProxyTrace()
    trace.note(35000, "control session registered")
    trace.loads(36000)
    trace.record(36010, 1)
    trace.record(36100, 2)
    trace.no_records(36200)
    return trace


def would(trace: TServerLog, folder: Path) -> list[float]:
    """When the group would have been completed, in seconds since the group was loaded."""
    trace.line(40000, "something else happens")
    trace.says(40001, 22)
    (session,) = group(replayed(folder, trace.text, conf()))["sessions"]
    loaded = min(each["time"] for each in group(replayed(folder, trace.text, conf()))["timeline"])
    return [each["time"] - loaded for each in session["would_complete"]]


def test_a_trace(tmp_path: Path) -> None:
    """In the proxy's own trace OCS's word is what its control session heard."""
    assert would(traced(), tmp_path) == [261]


def test_a_trace_without_a_control_session(tmp_path: Path) -> None:
    """While the control session is lost nothing is completed, as it was live; and what it said holds no longer."""
    lost = traced()
    lost.note(36230, "control session lost")
    assert would(lost, tmp_path) == []
    again = traced()
    again.note(36230, "control session lost")
    again.note(36240, "control session registered")
    assert would(again, tmp_path) == [300]


def test_a_session_that_cannot_be_read(tmp_path: Path) -> None:
    """A group with an agent whose session cannot be read would not have been completed."""
    blind = traced()
    blind.note(36230, "session 3 cannot be read")
    assert would(blind, tmp_path) == []


def test_what_agents_hear_moves_nothing_in_a_trace(tmp_path: Path) -> None:
    """The proxy had its control session: what an agent heard of the campaign was not OCS's word then, nor is it now."""
    trace = ProxyTrace()
    trace.note(35000, "control session registered")
    trace.tells(36000, "3", "3001", GSW_USER_EVENT="CampaignStarted", GSW_CAMPAIGN_NAME="Sales")
    assert group(replayed(tmp_path, trace.text))["status"]["state"] is None


def test_a_load_that_is_refused(tmp_path: Path) -> None:
    """A request to start that OCS refuses arms nothing: the refusal is heard by its reference."""
    trace = ProxyTrace()
    trace.note(35000, "control session registered")
    trace.loads(36000, 0)
    ask = {"GSW_CM_AttrSessionID": 101, "GSW_CM_AttrReferenceID": 77}
    trace.asks(36100, "7", "OCS_CommDN", GSW_CM_MessageType=11, GSW_CM_AttrDialMode=3, GSW_AUTO_COMPLETION=1, **ask)
    trace.tells(36101, "0", "OCS_CommDN", GSW_CM_MessageType=27, GSW_CM_AttrReferenceID=77)
    trace.tells(36103, "0", "OCS_CommDN", GSW_CM_MessageType=23, GSW_CM_AttrSessionID=101, GSW_CM_AttrDialMode=3)
    assert group(replayed(tmp_path, trace.text, conf()))["status"]["armed"] is False


def test_t_server_refuses_the_proxy(tmp_path: Path) -> None:
    """An EventError to the control session refuses a client's request of the same reference, as it did live."""
    trace = ProxyTrace()
    trace.note(35000, "control session registered")
    trace.loads(36000, 0)
    ask = {"GSW_CM_AttrSessionID": 101, "GSW_CM_AttrReferenceID": 77}
    trace.asks(36100, "7", "OCS_CommDN", GSW_CM_MessageType=11, GSW_CM_AttrDialMode=3, GSW_AUTO_COMPLETION=1, **ask)
    trace.line(36101, "sent to 0(proxy control) message EventError")
    trace.lines += ["\tAttributeReferenceID\t77", "\tAttributeErrorCode\t50"]
    trace.tells(36103, "0", "OCS_CommDN", GSW_CM_MessageType=23, GSW_CM_AttrSessionID=101, GSW_CM_AttrDialMode=3)
    assert group(replayed(tmp_path, trace.text, conf()))["status"]["armed"] is False


def test_answers_to_a_desktop_are_no_news(tmp_path: Path) -> None:
    """A desktop that asks for the status hears CampaignStarted: that the group runs is known then, and arms nothing."""
    config = conf("attribute = add")
    for asks, armed in ((True, False), (False, True)):
        log = TServerLog()
        if asks:
            log.asks(36000, "3", "3001", GSW_AGENT_REQ_TYPE="CampaignStatusRequest")
        log.tells(36001, "3", "3001", GSW_USER_EVENT="CampaignStarted", GSW_CAMPAIGN_GROUP_NAME="Sales@Agents")
        status = group(replayed(tmp_path, client_log(log, "3"), config))["status"]
        assert (status["state"], status["armed"]) == ("running", armed)


def test_events_whose_clients_nobody_logged(tmp_path: Path) -> None:
    """Where a SIP Server does not log whom an event went to, it went to the clients of its DN."""
    log = TServerLog()
    for line in day().lines:
        log.lines.append(line.replace("sent to 3(app 3) message", "[0] 8.1 distribute_event: message"))
    report = replayed(tmp_path, log.text)
    assert group(report) == group(replayed(tmp_path, day().text))
    assert report.counts.get("acknowledgements_unmatched", 0) == 0
    assert report.counts.get("actions_unacknowledged", 0) == 0


def test_a_client_that_is_gone_gets_no_events(tmp_path: Path) -> None:
    """An event whose clients nobody logged is given to those that are still there."""
    log = day()
    stop = next(n for n, line in enumerate(log.lines) if line.startswith("10:00:10"))
    early = TServerLog()
    early.asks(36005, "9", "3001", GSW_AGENT_REQ_TYPE="CampaignStatusRequest")
    early.line(36006, "client 9(app 9) disconnected")
    log.lines[stop:stop] = early.lines
    text = log.text.replace("sent to 3(app 3) message", "[0] 8.1 distribute_event: message")
    assert replayed(tmp_path, text).counts.get("copies", 0) == 0


def test_campaign_control_in_ocs_log(tmp_path: Path) -> None:
    """A Load over the direct protocol arms the group, once OCS's log says that it is loaded."""
    text = """\
23:57:57.891 OCMClient[9]::message received
GSW_CM_MessageType              7 [GSW_CM_ReqLoadCampaign]
GSW_CM_AttrReferenceID          10
GSW_CM_AttrCampaignID           101
GSW_CM_AttrGroupID              732
GSW_CM_AttrProperties
                'GSW_AUTO_COMPLETION'   '****'
23:57:58.000 OCMClient[9]::message sent
GSW_CM_MessageType              19 [GSW_CM_EvCampaignLoaded]
GSW_CM_AttrReferenceID          10
GSW_CM_AttrCampaignID           101
GSW_CM_AttrGroupID              732
GSW_CM_AttrGroupCampStatus      4
"""
    found = group(replayed(tmp_path, text))
    assert [each["news"] for each in found["timeline"]] == ["loaded", "armed"]
    assert found["name"] == "campaign 101, group 732"


def test_rule_a(tmp_path: Path) -> None:
    """With OCS's log beside T-Server's, what was retrieved is known, and all of it finalized completes the group."""
    log = TServerLog()
    log.loads(36000)
    log.line(36000, "Trc 52000 Campaign Group Sales@Agents has been loaded")
    list_of_group = "CM_DBCallList(201-11-12):"
    log.line(36001, f"{list_of_group} SQL: sp2011112 @RecType = 2, @NumRec = 6 [ReqID=1]")
    log.line(36001, f"{list_of_group} SP return value (ReadyCount):2")
    log.record(36010, 1)
    log.record(36100, 2)
    log.says(36800, 22)
    config = parse(CONF.format(completion="") + "campaign_id = 11\ngroup_id = 12\n")
    (session,) = group(replayed(tmp_path, log.text, config))["sessions"]
    (found,) = session["would_complete"]
    assert (session["retrieved"], found["time"], found["rule"]) == (2, 36181.0, "A")


def test_nothing_retrieved(tmp_path: Path) -> None:
    """OCS's log that a request to the database brought nothing is rule B, though no record was ever delivered."""
    log = TServerLog()
    log.loads(36000)
    log.line(36000, "Trc 52000 Campaign Group Sales@Agents has been loaded")
    log.line(36010, "CM_DBCallList(201-11-12): SQL: sp2011112 @RecType = 2, @NumRec = 6 [ReqID=1]")
    log.line(36010, "CM_DBCallList(201-11-12): SP return value (ReadyCount):0")
    log.says(36800, 22)
    config = parse(CONF.format(completion="") + "campaign_id = 11\ngroup_id = 12\n")
    (session,) = group(replayed(tmp_path, log.text, config))["sessions"]
    assert [(each["time"], each["rule"]) for each in session["would_complete"]] == [(36070.0, "B")]


def test_sessions_of_a_group(tmp_path: Path) -> None:
    """A group that is loaded twice has two sessions, each with its own counters."""
    log = day()
    again = TServerLog()
    again.loads(40000)
    again.record(40010, 3)
    log.lines += again.lines
    first, second = group(replayed(tmp_path, log.text))["sessions"]
    assert (first["finalized"], len(first["would_complete"])) == (2, 1)
    assert (second["finalized"], second["would_complete"]) == (1, [])


def test_a_group_whose_name_is_learned_late(tmp_path: Path) -> None:
    """What was told of a group while only its DBID was known is told of the group, not of another one."""
    log = TServerLog()
    log.asks(36000, "7", "OCS_CommDN", GSW_CM_MessageType=7, GSW_CM_AttrSessionID=101, GSW_AUTO_COMPLETION=1)
    log.says(36000, 19)
    log.says(36001, 21)
    log.tells(36002, "3", "3001", GSW_USER_EVENT="CampaignStarted", GSW_CAMPAIGN_GROUP_DBID=101)
    log.tells(
        36003,
        "3",
        "3001",
        GSW_USER_EVENT="CampaignStarted",
        GSW_CAMPAIGN_GROUP_DBID=101,
        GSW_CAMPAIGN_GROUP_NAME="Sales@Agents",
    )
    report = replayed(tmp_path, log.text)
    assert list(report.groups) == ["Sales@Agents"]
    assert [each["news"] for each in group(report)["timeline"]] == ["loaded", "armed", "started"]


def test_a_time_line_is_bounded() -> None:
    """Of a group that says the same again and again, the first thousand are kept, and the others counted."""
    report = Report()
    for number in range(1003):
        report.announced(float(number), Announce(News.EVIDENCE_GONE, "Sales@Agents", "a record shows"), list)
    (only,) = report.groups.values()
    assert (len(only.timeline), only.not_kept) == (1000, 3)
    assert any("3 announcements more" in line for line in report.text())
