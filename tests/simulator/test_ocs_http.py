"""The HTTP port of the simulated OCS, over real sockets: what it does, what it answers, what it notes."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest
from twisted.internet.task import Clock

from proxy.simulator.ocs_http import Target, Unreadable, pairs_of
from proxy.tevents.message import EVENT_USER_EVENT
from tests.simulator.net import Desktop, as_dict
from tests.simulator.web import WebCase, curl, reply_of

KEY = "GSW_AUTO_COMPLETION"


class OcsHttpTests(WebCase):
    """OCS, asked over HTTP."""

    async def test_the_life_of_a_group(self) -> None:
        """Load, Start, SetDialingMode, Stop, Unload by their names in any case: 200 with an object, and done."""
        await self.begin()
        lives = [
            ("Load", "active"),
            ("StartDialing", "running"),
            ("SETDIALINGMODE", "running"),
            ("stop", "active"),
            ("start", "running"),
            ("StopDialing", "active"),
            ("UnloadCampaign", "not_loaded"),
            ("LoadCampaign", "active"),
            ("ForceUnload", "not_loaded"),
            ("load", "active"),
            ("Unload", "not_loaded"),
        ]
        for request, state in lives:
            reply = await self.ask(f"/campaigngroups/101?req={request}", {})
            assert (reply.status, reply.content) == (200, {"GSW_CM_AttrSessionID": 101}), request
            await self.until(lambda: self.group["state"] == state)  # noqa: B023
        assert self.group["accepted"] == {
            "load": 3,
            "start": 2,
            "set_mode": 1,
            "stop": 2,
            "unload": 2,
            "force_unload": 1,
        }
        assert {each["sender"] for each in self.simulator.truth()["requests"]} == {"http"}

    async def test_the_attribute_stands_beside_the_other_keys(self) -> None:
        """GSW_AUTO_COMPLETION 1 at the top of the body arms, as a number or a string; 0, none and true do not."""
        await self.begin()
        group = self.simulator.ocs.groups[0]
        await self.ask("/campaigngroups/101?req=Load", {KEY: 1})
        assert group.armed
        for value, arms in (("0", False), ("1", True), (True, False), (1, True), (None, False), ({"a": [1]}, False)):
            await self.ask("/campaigngroups/101?req=SetDialingMode", {KEY: value})
            assert group.armed is arms, value
        await self.ask("/campaigngroups/101?req=SetDialingMode", b'{"%s": 0, "%s": 1}' % (KEY.encode(), KEY.encode()))
        assert group.armed
        await self.ask("/campaigngroups/101?req=SetDialingMode")
        assert not group.armed

    async def test_the_dial_mode(self) -> None:
        """GSW_CM_AttrDialMode is that of Start; one that OCS does not know is refused."""
        await self.begin()
        await self.ask("/campaigngroups/101?req=Load")
        assert (await self.ask("/campaigngroups/101?req=Start", {"GSW_CM_AttrDialMode": 6})).status == 409
        await self.ask("/campaigngroups/101?req=Start", {"GSW_CM_AttrDialMode": 1})
        assert (self.group["state"], self.group["mode"]) == ("running", "Predictive")

    async def test_everybody_hears_of_it(self) -> None:
        """What is done over HTTP is news on the Communication DN, and for the agents, as if done there."""
        await self.begin()
        port = self.simulator.ports["tserver"]
        console = await Desktop().connect(port, "console", "OCS_CommDN")
        agent = await Desktop().connect(port, "agent", "3001")
        await self.ask("/campaigngroups/101?req=Load", {"GSW_CM_AttrReferenceID": 5})
        loaded = await console.said(CM_MessageType=19)
        assert "GSW_CM_AttrReferenceID" not in loaded
        assert (await console.said(STAT_EVENT=1))["GSW_CAMPAIGN_GROUP_DBID"] == 101
        assert (await agent.said(USER_EVENT="CampaignLoaded"))["GSW_CAMPAIGN_NAME"] == "Sales"
        await console.close()
        await agent.close()

    async def test_refusals(self) -> None:
        """What cannot be done is an HTTP error with GSW_ERROR, and nobody else hears of it."""
        await self.begin()
        console = await Desktop().connect(self.simulator.ports["tserver"], "console", "OCS_CommDN")
        group = "/campaigngroups/101?req="
        refusals = [
            (await self.ask(group + "Start"), 409),
            (await self.ask("/campaigngroups/7?req=Load"), 404),
            (await self.ask("/campaigngroups/x?req=Load"), 404),
            (await self.ask("/campaigngroups/?req=Load"), 404),
            (await self.ask(group + "Explode"), 400),
            (await self.ask("/campaigngroups/101"), 400),
            (await self.ask(group + "Load", b"{"), 400),
            (await self.ask(group + "Load", b"[1]"), 400),
            (await self.ask(group + "Load", b'{"a": "\xe4"}'), 400),
            (await self.ask(group + "Load", b"[" * 100_000), 400),
            (await self.ask(group + "Load", b"{}", "Content-Encoding: br"), 400),
            (await self.ask(group + "Load", b"{}", "Content-Encoding: gzip"), 400),
            (await self.ask("/elsewhere"), 404),
        ]
        for number, (reply, status) in enumerate(refusals):
            assert (reply.status, type(reply.content["GSW_ERROR"])) == (status, str), number
        assert self.group["refused"] == {"start": 1}
        assert not self.group["life"]
        await self.ask(group + "Load")
        first = as_dict((await console.next(EVENT_USER_EVENT)).user_data)
        assert first["GSW_CM_MessageType"] == 19
        await console.close()

    async def test_an_ocs_that_refuses_in_the_body(self) -> None:
        """`http_errors = body`: refusals are 200, with GSW_ERROR."""
        await self.begin(ocs_http="http_errors = body")
        for target in ("/campaigngroups/101?req=Start", "/campaigngroups/7?req=Load", "/campaigngroups/101?req=Nap"):
            reply = await self.ask(target)
            assert reply.status == 200
            assert set(reply.content) == {"GSW_ERROR", "GSW_CM_AttrErrorCode"}

    async def test_other_resources(self) -> None:
        """Records, phones, customer ids, calling lists, and groups that are only looked at, are there."""
        await self.begin()
        for kind in ("records", "phones", "customerids", "callinglists"):
            reply = await self.ask(f"/{kind}/5?req=Cancel", {"a": 1})
            assert (reply.status, reply.content) == (200, {"resource": kind, "id": "5"})
        assert (await self.ask("/campaigngroups/101?req=Load", method="GET")).content["id"] == "101"
        assert self.group["state"] == "not_loaded"

    async def test_unload_is_answered_when_it_begins(self) -> None:
        """The reply to Unload does not wait for agents to give their records back."""
        await self.begin("unload_time = 3600")
        await self.ask("/campaigngroups/101?req=Load")
        assert (await self.ask("/campaigngroups/101?req=Unload")).status == 200
        assert self.group["state"] in ("waiting_unload", "unload_in_progress")

    async def test_a_slow_ocs(self) -> None:
        """`answer_delay` holds for HTTP, too; who leaves before the answer disturbs nothing."""
        clock = Clock()
        await self.begin("answer_delay = 3", clock=clock)
        head = b"POST /campaigngroups/101?req=%s HTTP/1.1\r\nHost: ocs\r\nConnection: close\r\n\r\n"
        leaver = await self.connect(head % b"Load")
        arrived, channels = self.simulator.ocs_http.arrived, self.simulator.ocs_http.channels
        await self.until(lambda: arrived)
        stayer = await self.connect(head % b"Start")
        await self.until(lambda: len(arrived) == 2)
        leaver.transport.abortConnection()
        await self.until(lambda: len(channels) == 1)
        clock.advance(2.9)
        assert (self.group["state"], stayer.received) == ("not_loaded", b"")
        clock.advance(0.1)
        assert self.group["state"] == "running"
        assert reply_of(await stayer.over).status == 200

    async def test_what_arrived_is_noted(self) -> None:
        """Method, target, headers in their order and case with repeats, and the body, byte for byte."""
        await self.begin()
        body = b'{ "a" : 1.50,\r\n"a":"\xc3\xa4" }'
        head = b"PoST /campaigngroups/101?req=Load&x=%20 HTTP/1.1\r\nhOsT: a\r\nX-B: 1\r\nx-b:2\r\nAccept:\r\n"
        first = head + b"content-LENGTH: %d\r\n\r\n" % len(body) + body
        second = b"GET /records/1 HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n"
        await self.send(first + second)
        noted = list(self.simulator.ocs_http.arrived)
        assert [(each.method, each.target, each.body) for each in noted] == [
            (b"PoST", b"/campaigngroups/101?req=Load&x=%20", body),
            (b"GET", b"/records/1", b""),
        ]
        assert noted[0].headers == (
            (b"hOsT", b"a"),
            (b"X-B", b"1"),
            (b"x-b", b"2"),
            (b"Accept", b""),
            (b"content-LENGTH", b"%d" % len(body)),
        )
        assert noted[1].headers == ((b"Host", b"b"), (b"Connection", b"close"))
        assert noted[0].values(b"X-b") == [b"1", b"2"]

    async def test_chunked_and_gzip_bodies(self) -> None:
        """Bodies in chunks and gzip bodies are read; the latter are noted as they came."""
        await self.begin()
        head = b"POST /campaigngroups/101?req=%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        body = b'{"%s": 1}' % KEY.encode()
        chunks = b"Transfer-Encoding: chunked\r\n\r\n5\r\n" + body[:5] + b"\r\n%x\r\n" % len(body[5:]) + body[5:]
        assert reply_of(await self.send(head % b"Load" + chunks + b"\r\n0\r\n\r\n")).status == 200
        assert self.simulator.ocs.groups[0].armed
        assert self.simulator.ocs_http.arrived[-1].body == body
        await self.ask("/campaigngroups/101?req=Start")
        packed = gzip.compress(body)
        assert (
            await self.ask("/campaigngroups/101?req=SetDialingMode", packed, "Content-Encoding: gzip")
        ).status == 200
        assert self.simulator.ocs.groups[0].armed
        assert self.simulator.ocs_http.arrived[-1].body == packed

    async def test_the_log(self) -> None:
        """OCS's log has the request and what it was understood as, as real ones have it."""
        await self.begin()
        await self.ask("/campaigngroups/101?req=Load", {KEY: 1})
        await self.ask("/campaigngroups/101?req=Nothing")
        first, *more = self.simulator.log_lines[:3]
        connection, _, rest = first.partition("::")
        assert connection == "CmHttpEvent[1-1]"
        assert rest.partition(" ")[2] == "Processing HTTP request; uri: /campaigngroups/101?req=Load"
        words = " ".join(more[0].split()[1:] + more[1].split() + self.simulator.log_lines[3].split())
        assert words == f"Parsed OCS request: '{KEY}' 1 'GSW_CM_AttrSessionID' 101 'GSW_CM_MessageType' 7"
        assert self.simulator.log_lines[-1].startswith("CmHttpEvent[2-1]::")

    async def test_idle_connections_are_closed(self) -> None:
        """A connection on which nothing comes for `keep_alive` is closed."""
        clock = Clock()
        await self.begin(ocs_http="keep_alive = 7", clock=clock)
        idle = await self.connect(b"GET /records/1 HTTP/1.1\r\nHost: a\r\n\r\n")
        await self.until(lambda: idle.received)
        clock.advance(6.9)
        assert not idle.over.called
        clock.advance(0.1)
        assert b"200 OK" in await idle.over

    async def test_the_end_of_ocs_is_the_end_of_its_connections(self) -> None:
        """Who is connected when the simulator ends is cut off."""
        await self.begin()
        idle = await self.connect(b"GET /records/1 HTTP/1.1\r\nHost: a\r\n\r\n")
        await self.until(lambda: idle.received)
        await self.simulator.stop()
        await idle.over

    async def test_curl(self) -> None:
        """curl, as people use it: a body that it calls a form, and one too large to be sent unasked."""
        await self.begin()
        load = self.url("/campaigngroups/101?req=Load")
        assert json.loads(await curl("-d", json.dumps({KEY: 1}), load)) == {"GSW_CM_AttrSessionID": 101}
        noted = self.simulator.ocs_http.arrived[-1]
        assert noted.values(b"content-type") == [b"application/x-www-form-urlencoded"]
        assert noted.body == b'{"%s": 1}' % KEY.encode()
        assert self.simulator.truth()["requests"][0]["sender"] == "curl"
        file = self.mktemp()
        with open(file, "w", encoding="ascii") as large:
            large.write(json.dumps({"x": "y" * 2_000_000, KEY: 1}))
        await curl("-H", "Expect: 100-continue", "--data-binary", f"@{file}", load.replace("Load", "Start"))
        assert self.group["state"] == "running"
        assert self.simulator.ocs.groups[0].armed


@pytest.mark.parametrize(
    ("target", "read"),
    [
        (b"/campaigngroups/101?req=Load", Target("campaigngroups", "101", "load")),
        (b"/CampaignGroups/101/?a=b&REQ=LOAD&x", Target("campaigngroups", "101", "load")),
        (b"/campaigngroups/101?req=Stop&req=Load", Target("campaigngroups", "101", "load")),
        (b"/campaigngroups", Target("campaigngroups", "", "")),
        (b"/", Target("", "", "")),
        (b"*", Target("*", "", "")),
        (b"/\xe4?req=%FF", Target("\xe4", "", "\ufffd")),
    ],
)
def test_targets(target: bytes, read: Target) -> None:
    """A target is read leniently."""
    assert Target.of(target) == read


def test_bodies() -> None:
    """Every member counts, repeats too; large numbers, fractions and the like stay what they are, as text."""
    pairs = pairs_of(b'{"a": 1, "a": "1", "b": 12345678901, "c": 1.5, "d": null, "e": [{"f": true}]}')
    assert [(each.key, each.value) for each in pairs] == [
        ("a", 1),
        ("a", "1"),
        ("b", 12345678901),
        ("c", "1.5"),
        ("d", "null"),
        ("e", '[{"f": true}]'),
    ]
    assert pairs_of(b" \r\n") == []
    for body in (b"nonsense", b"1", b'"a"', b"[]", zlib.compress(b"{}")):
        with pytest.raises(Unreadable):
            pairs_of(body)
