"""One log to entries: headers of all families, whose a message is, what stands between messages."""

from __future__ import annotations

from datetime import date

import pytest

from proxy.campaign.observation import Retrieved
from proxy.replay.entries import ControlIs, Controlled, HeardDirectly, Left, Teller, Unreadable, Witnessed
from proxy.tevents.message import THIS_DN
from tests.replay.logs import heard, read

USER_DATA = "\tAttributeUserData\t[9] 00 01 00 00..\n\t\t'GSW_USER_EVENT'\t'CampaignStarted'\n"

HEADERS = {
    "received from 3(agent 3001) message RequestDistributeUserEvent": (Teller.TSERVER, True, ("3",)),
    "12:24:45.123 sent to 3(agent 3001), 4(x, y) message EventUserEvent": (Teller.TSERVER, False, ("3", "4")),
    "received from 65200(SIPTS750)host:7007(fd=12) message EventUserEvent": (Teller.CLIENT, False, ("",)),
    "request to 65200(TServer) message RequestDistributeUserEvent": (Teller.CLIENT, True, ("",)),
    "@23:16:17.4586 [0] 8.1.101.33 send_to_client: message EventUserEvent": (Teller.TSERVER, False, ()),
    "@16:45:24.5939 [0] 8.1.101.25 distribute_event: message EventUserEvent": (Teller.TSERVER, False, ()),
    "@16:45:24.5942 [0] 8.1.101.25 distribute call/party event: message EventUserEvent": (Teller.TSERVER, False, ()),
    "2015-05-29T12:21:16.438 Trc 04541 RequestDistributeUserEvent received from [66] (00000e85 X 10.5.7.61:4928)\n"
    "message RequestDistributeUserEvent": (Teller.TSERVER, True, ("66",)),
    "2026-11-22T09:30:42.123456Z received from 7(proxy session) message RequestDistributeUserEvent": (
        Teller.PROXY,
        True,
        ("7",),
    ),
    "2026-11-22T09:30:42.123456Z sent to 0(proxy control) message EventUserEvent": (Teller.PROXY, False, ("0",)),
}


@pytest.mark.parametrize("header", HEADERS)
def test_headers(header: str) -> None:
    """Every family of headers is known, with whose the message is, and on which side of the T-Server it was logged."""
    entries, reader = read(f"some line\n{header}\n{USER_DATA}\tAttributeThisDN\t'3001'\n\nanother line\n")
    (entry,) = entries
    what = heard(f"{header}\n{USER_DATA}\tAttributeThisDN\t'3001'\n")[0]
    assert (entry.teller, what.is_request, what.clients) == HEADERS[header]
    assert what.message.text(THIS_DN) == "3001"
    assert (reader.messages, reader.not_understood) == (1, 0)


@pytest.mark.parametrize(
    "header",
    [
        "2015-01-07 13:14:26,572 TEST DEBUG [THREAD : 25] - Sending message to TServer - tcp://h:1\n"
        "'RequestDistributeUserEvent' ('48')",
        "2015-01-07 13:20:31,665 TEST DEBUG [THREAD : S] - Proxy got message 'EventUserEvent' ('96')",
        "13:20:31.665 Handling update message:\n'EventUserEvent' (96) attributes:",
    ],
)
def test_headers_of_desktops(header: str) -> None:
    """Logs of desktops are read, the name of the message on the header's line or on the next."""
    text = f'{header}\nmessage attributes:\nAttributeThisDN [str] = "2214"\nAttributeUserData [bstr] = KVList: \n'
    (what,) = heard(text + "\t\t'GSW_USER_EVENT' [str] = \"CampaignStarted\"\n")
    assert what.message.text(THIS_DN) == "2214"
    assert what.is_request is ("Request" in header)


def test_whom_a_sip_server_sent_it_to() -> None:
    """The lines after an event say which clients got it; other lines may stand between them."""
    (what,) = heard(
        "@16:45:24.5939 [0] 8.1 distribute_event: message EventUserEvent\n"
        + USER_DATA
        + '2015-08-17T16:45:24.594 Int 04545 Interaction message "EventUserEvent" sent to 24 ("ICON")\n'
        + "2015-08-17T16:45:24.594 Trc 04542 EventUserEvent sent to [24] (00000479 ICON 10.51.60.68:59022)\n"
        + "2015-08-17T16:45:24.594 Trc 04542 EventUserEvent sent to [31] (00000480 desktop 10.51.60.69:59022)\n"
        + "2015-08-17T16:45:25.000 Trc 04542 EventUserEvent came\n"
        + "2015-08-17T16:45:25.000 Trc 04542 EventUserEvent sent to [99] (00000480 other 10.51.60.69:59022)\n"
    )
    assert what.clients == ("24", "31")


def test_what_is_sent_to_the_backup_is_no_request() -> None:
    """What a SIP Server tells its backup is nobody's request."""
    backup = "@12:21:16.4386 [BSYNC] Trace: Send to backup (S) [20]:\nmessage RequestDistributeUserEvent\n"
    assert heard(backup + USER_DATA) == []


def test_messages_that_do_not_matter_are_passed_over() -> None:
    """User events and events of calls without a key of OCS's, and all other messages, are counted, not read."""
    text = "sent to 3(a) message EventRinging\n\tAttributeUserData\t[9] 00 01 00 00..\n\t\t'a'\t'b'\n"
    entries, reader = read(text + "sent to 3(a) message EventAgentReady\n\tAttributeThisDN\t'1'\n")
    assert (entries, reader.messages, reader.skipped) == ([], 2, 2)


def test_lines_that_mean_nothing_are_counted() -> None:
    """An indented line in a message that is nothing known is counted as not understood; the rest is read."""
    (entry,), reader = read(f"sent to 3(a) message EventUserEvent\n\twhat is this?\n{USER_DATA}")
    assert reader.not_understood == 1
    assert entry.teller is Teller.TSERVER


def test_masked_auto_completion_is_assumed() -> None:
    """A masked GSW_AUTO_COMPLETION counts as 1, and is reported as assumed; other masked values stay masked."""
    text = "received from 7(c) message RequestDistributeUserEvent\n\tAttributeUserData\t[9] 00 02 00 00..\n"
    text += "\t\t'GSW_AUTO_COMPLETION'\t'****'\n\t\t'GSW_PHONE'\t'****'\n"
    (what,), (_, reader) = heard(text), read(text)
    assert [(pair.key, pair.value) for pair in what.message.user_data or []] == [
        ("GSW_AUTO_COMPLETION", 1),
        ("GSW_PHONE", "****"),
    ]
    assert what.assumed
    assert reader.assumed == 1


VENDOR = {
    "direct": """\
23:57:57.891 OCMClient[9]::message received
GSW_CM_MessageType              7 [GSW_CM_ReqLoadCampaign]
GSW_CM_AttrReferenceID          10
GSW_CM_AttrCampaignID           101
GSW_CM_AttrGroupID              732
GSW_CM_AttrProperties
                'GSW_AUTO_COMPLETION'   '****'
""",
    "http": """\
CmHttpEvent[1-1]::14:10:13.014 Processing HTTP request; uri: /campaigngroups/101?req=Load
14:10:13.014 Parsed OCS request:                           'GSW_AUTO_COMPLETION'        1
                                'GSW_CM_AttrSessionID'             101
                                'GSW_CM_MessageType'            7
""",
    "desktop": """\
HTTPProxyClient[]::Desktop request received
                                'GSW_AUTO_COMPLETION'        1
                                'GSW_CM_AttrSessionID'             101
                                'GSW_CM_MessageType'            7
                                'GSW_APPLICATION_ID' 4114
""",
}


@pytest.mark.parametrize("sample", VENDOR)
def test_campaign_control_in_ocs_log(sample: str) -> None:
    """The vendor's samples of a Load in OCS's log: over the direct protocol, HTTP, and from a desktop."""
    (entry,), reader = read(VENDOR[sample])
    if isinstance(entry.what, HeardDirectly):
        pairs = [*entry.what.message[:-1], *entry.what.message[-1].value]
    else:
        assert isinstance(entry.what, Controlled)
        pairs = entry.what.pairs
    said = {pair.key: pair.value for pair in pairs}
    assert (said["GSW_CM_MessageType"], said["GSW_AUTO_COMPLETION"]) == (7, 1)
    assert entry.what.assumed is (sample == "direct")
    assert reader.not_understood == 0


def test_what_ocs_log_says_of_records() -> None:
    """Lines on retrievals in OCS's log become what a witness tells."""
    entries, _ = read(
        "16:19:06.050 CM_DBCallList(236-136-336): DBServer 'x' SQL: sp236136336 @RecType = 2, @NumRec = 6 [ReqID=7]\n"
        "16:19:06.052 CM_DBCallList(236-136-336): SP return value (ReadyCount):0\n"
    )
    ((entry),) = entries
    assert isinstance(entry.what, Witnessed)
    (seen,) = entry.what.observations
    assert isinstance(seen, Retrieved)
    assert (seen.brought, seen.asked, entry.when) == (0, 6, 16 * 3600 + 19 * 60 + 6.052)


def test_notes_of_a_trace() -> None:
    """The proxy's trace says when sessions end, cannot be read, and whether the control session is there."""
    stamp = "2026-11-22T09:31:10.000001Z "
    notes = ["session 7 ended", "session 8 cannot be read", "control session registered", "control session lost"]
    entries, _ = read("".join(f"{stamp}{note}\n" for note in notes))
    assert [entry.what for entry in entries] == [Left("7"), Unreadable("8"), ControlIs(True), ControlIs(False)]
    assert {entry.teller for entry in entries} == {Teller.PROXY}


def test_times() -> None:
    """A message happens at the time of its header, else of the last line before it that has one."""
    entries, _ = read(
        f"@10:00:00.5000 [0] 8.1 send_to_client: message EventUserEvent\n{USER_DATA}"
        "10:00:01.250 Int 04543 something\n10:00:02.250 Int 04543 something\n"
        f"received from 65200(S)h:1(fd=) message EventUserEvent\n{USER_DATA}",
    )
    assert [entry.when for entry in entries] == [36000.5, 36002.25]


def test_no_time_but_the_event_has_one() -> None:
    """In a log without times an event's own time counts."""
    time = "\tAttributeTimeinSecs\t1439853377 (23:16:17)\n"
    (entry,), _ = read(f"sent to 3(a) message EventUserEvent\n{time}{USER_DATA}")
    assert entry.when == 1439853377.0


def test_midnight() -> None:
    """After midnight it is the next day, also where no message stands in the hours between."""
    quiet = "".join(f"{hour:02d}:00:00.000 Trc 04120 Check point\n" for hour in (*range(11, 24), *range(12)))
    say = "{}:00.000 sent to 3(a) message EventUserEvent\n" + USER_DATA
    entries, _ = read(say.format("10:00") + quiet + say.format("11:30"), date(2026, 3, 1))
    assert entries[1].when - entries[0].when == 25.5 * 3600


def test_a_value_over_several_lines() -> None:
    """A value with a line feed in it does not end its message, though its second line stands at the margin."""
    (what,) = heard(
        f"sent to 3(a) message EventUserEvent\n{USER_DATA}\t\t'xml'\t'<a>\n</a>'\n\tAttributeThisDN\t'3001'\n"
    )
    assert [pair.value for pair in what.message.user_data or []] == ["CampaignStarted", "<a>\n</a>"]
    assert what.message.text(THIS_DN) == "3001"
