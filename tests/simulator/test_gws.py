"""The simulated GWS, over real sockets: what it is asked reaches OCS as a direct message."""

from __future__ import annotations

import json

from tests.simulator.net import Desktop
from tests.simulator.web import WebCase, curl

SERVER = "/ocs/v3/servers/4113/"
KEY = "GSW_AUTO_COMPLETION"


def order(**more: object) -> dict[str, object]:
    """A request for the group Sales@Agents."""
    return {"data": {"campaignId": 101, "groupId": 732, **more}}


def properties(value: object) -> list[dict[str, object]]:
    """requestProperties with the attribute."""
    return [{"key": "x", "value": "y"}, {"key": KEY, "value": value}]


class GwsTests(WebCase):
    """GWS, a client of OCS."""

    door = "gws"

    async def test_the_life_of_a_group(self) -> None:
        """Load, start, mode, stop, unload, force unload: each answered with code 0, and done in OCS."""
        await self.begin()
        lives = [
            ("load-campaign", "active"),
            ("start-dialing", "running"),
            ("set-dialing-mode", "running"),
            ("stop-dialing", "active"),
            ("unload-campaign", "not_loaded"),
            ("load-campaign", "active"),
            ("force-unload-campaign", "not_loaded"),
        ]
        for request, state in lives:
            reply = await self.ask(SERVER + request, order())
            assert (reply.status, reply.content) == (200, {"status": {"code": 0}}), request
            await self.until(lambda: self.group["state"] == state)  # noqa: B023
        assert self.group["refused"] == {}
        assert {each["sender"] for each in self.simulator.truth()["requests"]} == {"gws"}

    async def test_the_attribute_is_a_property(self) -> None:
        """GSW_AUTO_COMPLETION counts in requestProperties, the last one; beside the ids it means nothing."""
        await self.begin()
        group = self.simulator.ocs.groups[0]
        await self.ask(SERVER + "load-campaign", order(requestProperties=properties(1)))
        assert group.armed
        cases = [
            (order(requestProperties=properties(0)), False),
            (order(requestProperties=properties("1")), True),
            (order(requestProperties=[]), False),
            (order(requestProperties=properties(0) + properties(1)), True),
            (order(**{KEY: 1}), False),
        ]
        for body, arms in cases:
            assert (await self.ask(SERVER + "set-dialing-mode", body)).status == 200
            assert group.armed is arms, body

    async def test_the_dial_mode(self) -> None:
        """dialMode is a number or a name."""
        await self.begin()
        await self.ask(SERVER + "load-campaign", order())
        await self.ask(SERVER + "start-dialing", order(dialMode=2))
        assert self.group["mode"] == "Progressive"
        await self.ask(SERVER + "set-dialing-mode", order(dialMode="predictive"))
        assert self.group["mode"] == "Predictive"
        assert (await self.ask(SERVER + "set-dialing-mode", order(dialMode="Loud"))).status == 409

    async def test_refusals(self) -> None:
        """What cannot be done is an HTTP error, with a code that is not 0 and a reason."""
        await self.begin()
        load, nothing = SERVER + "load-campaign", {"data": {"campaignId": 1, "groupId": 2}}
        refusals = [
            (await self.ask(SERVER + "start-dialing", order()), 409),
            (await self.ask(load, nothing), 404),
            (await self.ask(load, {"data": {}}), 404),
            (await self.ask("/ocs/v3/servers/7/load-campaign", order()), 404),
            (await self.ask(SERVER + "explode", order()), 404),
            (await self.ask(SERVER + "load-campaign/more", order()), 404),
            (await self.ask("/ocs/v3/servers", order()), 404),
            (await self.ask("/ocs/v2/ocs/v3/servers/4113/load-campaign", order()), 404),
            (await self.ask("/", order()), 404),
            (await self.ask(load, method="GET"), 404),
            (await self.ask(load), 400),
            (await self.ask(load, b"{"), 400),
            (await self.ask(load, b"\xff"), 400),
            (await self.ask(load, []), 400),
            (await self.ask(load, {"data": [1]}), 400),
            (await self.ask(load, order(requestProperties={"key": KEY, "value": 1})), 400),
            (await self.ask(load, order(requestProperties=[KEY])), 400),
            (await self.ask(load, order(requestProperties=[{"key": 1, "value": 1}])), 400),
            (await self.ask(load, order(requestProperties=[{"key": KEY}])), 400),
        ]
        for number, (reply, status) in enumerate(refusals):
            assert reply.status == status, number
            assert reply.content["status"]["code"] not in (0, 1), number
            assert reply.content["status"]["message"], number
        assert not self.group["life"]

    async def test_everybody_hears_of_it(self) -> None:
        """It is news on the Communication DN, without a reference of anybody's."""
        await self.begin()
        console = await Desktop().connect(self.simulator.ports["tserver"], "console", "OCS_CommDN")
        await self.ask(SERVER + "load-campaign", order())
        assert "GSW_CM_AttrReferenceID" not in await console.said(CM_MessageType=19)
        await console.close()

    async def test_the_log(self) -> None:
        """The log of OCS's direct door has what GWS asks, as the vendor's has it: properties masked."""
        file = self.mktemp()
        await self.begin(f"direct_log = {file}")
        await self.ask(SERVER + "load-campaign", order(requestProperties=[{"key": KEY, "value": 1}]))
        with open(file, encoding="utf-8") as log:
            lines = [" ".join(line.split()) for line in log]
        assert lines[0].endswith("OCMClient[0]::message received")
        assert lines[1:7] == [
            "GSW_CM_MessageType 7 [GSW_CM_ReqLoadCampaign]",
            "GSW_CM_AttrReferenceID 1",
            "GSW_CM_AttrCampaignID 101",
            "GSW_CM_AttrGroupID 732",
            "GSW_CM_AttrProperties",
            f"'{KEY}' '****'",
        ]

    async def test_curl(self) -> None:
        """curl, with the vendor's own sample."""
        await self.begin("dbid = 156")
        sample = (
            '{"data": {"campaignId": 101, "requestProperties": [{"key": "GSW_AUTO_COMPLETION", "value": 1}], '
            '"groupId": 732}}'
        )
        url = self.url("/ocs/v3/servers/156/load-campaign")
        assert json.loads(await curl("-d", sample, url)) == {"status": {"code": 0}}
        assert self.simulator.ocs.groups[0].armed
        assert self.simulator.gws.arrived[-1].body == sample.encode()
