"""A campaign manager with a connection for each command, agents at desktops, and `control = direct`."""

from __future__ import annotations

from proxy.campaign.observation import WordHeard
from proxy.simulator.operator import DirectOperator, Order
from tests.e2e.stage import Stage, StageReactor

DIRECT = """
campaign_id = 101
group_id = 732
[direct]
listen = tcp:0:interface=127.0.0.1
upstream = tcp:127.0.0.1:DIRECT_PORT
"""

DOOR = "listen = tcp:0:interface=127.0.0.1\n"


class TestDirect(Stage):
    """Loaded and started over the direct protocol, worked on over T-Events, completed over the direct protocol."""

    async def order(self, request: str, through: int | None = None, **more: object) -> list:
        """One command, through the proxy, over a connection of its own."""
        port = through or self.proxy.channels[1].relay.ports[0].getHost().port
        order = Order(request, campaign_id=101, group_id=732, **more)  # type: ignore[arg-type]
        answer = await DirectOperator(order, StageReactor(self.clock)).connect(f"tcp:127.0.0.1:{port}")  # type: ignore[arg-type]
        return [(each.key, each.value) for each in answer]

    async def raise_direct(self, ocs: str = "", completion: str = "control = direct\nattribute = add") -> None:
        """The stage with a direct door, and the proxy's session at it registered."""
        await self.raise_curtain(6, DOOR + ocs, completion, DIRECT)
        await self.until(lambda: self.proxy.channels[1].control.registered)

    async def play(self, ocs: str) -> None:
        await self.raise_direct(ocs)
        agents = [await self.client(dn) for dn in ("3001", "3002")]
        answer = await self.order("load", reference=10)
        self.assertIn(("GSW_CM_MessageType", 19), answer)
        self.assertIn(("GSW_CM_AttrReferenceID", 10), answer)
        await self.in_time(lambda: self.group()["state"] == "loaded")
        await self.order("start", reference=11)
        await self.in_time(lambda: self.group()["state"] == "running")
        await self.until(lambda: all("CampaignStarted" in agent.heard() for agent in agents))
        await self.in_time(lambda: self.group()["armed"])
        self.assertEqual(self.proxy.channels[1].looked()["rewritten"], 2)

        await self.finish_records(agents[0], 4)
        await self.finish_records(agents[1], 2)
        agents[0].ask("PreviewRecordRequest")
        await self.until(lambda: agents[0].heard("GSW_ERROR"))
        await self.in_time(lambda: self.group()["completions"])

        accepted = self.ocs()["accepted"]
        self.assertEqual((accepted["stop"], accepted["unload"]), (1, 1))
        asked = [(each["sender"], each["request"]) for each in self.simulator.truth()["requests"]]
        own = [request for sender, request in asked if sender == "tevent-proxy"]
        self.assertEqual([request for request in own if request != "status"], ["stop", "unload"])
        for agent in agents:
            await self.in_time(lambda: "CampaignUnloaded" in agent.heard())  # noqa: B023
            words = [word for word in agent.heard() if word.startswith("Campaign")]
            self.assertEqual(words, ["CampaignLoaded", "CampaignStarted", "CampaignStopped", "CampaignUnloaded"])
        self.assertEqual(self.group()["state"], "unloaded")

    async def test_an_ocs_that_tells_all_who_registered(self) -> None:
        """OCS tells its direct clients what happens, and no agent that it is over: all are told, once."""
        await self.play("notify_agents = no\nacks = bare")

    async def test_an_ocs_that_answers_only(self) -> None:
        """OCS answers direct clients what they asked, and nothing else: the proxy asks what became of it."""
        await self.play("direct_news = no")

    async def test_an_older_ocs_does_not_see_it(self) -> None:
        """`attribute = remove`: the group is armed as its client asked, and OCS never hears of it."""
        await self.raise_direct("native = yes", "control = direct\nattribute = remove")
        await self.order("load", auto_completion=1)
        await self.in_time(lambda: self.group()["armed"])
        self.assertFalse(self.simulator.ocs.groups[0].armed)

    async def test_an_ocs_that_has_the_function(self) -> None:
        """`by = dialer`, `attribute = add`: OCS reads the attribute among the properties and completes by itself."""
        await self.raise_curtain(
            0, DOOR + "native = yes", "", DIRECT.replace("[direct]", "by = dialer\nattribute = add\n[direct]")
        )
        await self.until(lambda: self.proxy.channels[1].control.registered)
        await self.order("load")
        await self.order("start")
        await self.in_time(lambda: [each["what"] for each in self.ocs()["life"]][2:] == ["stopped", "unloaded"])
        self.assertEqual(self.proxy.board.sent["stop"], 0)

    async def test_a_refusal(self) -> None:
        """A Start that OCS refuses arms nothing, and nobody asks what became of it."""
        await self.raise_direct(completion="control = direct")
        self.assertIn(("GSW_CM_MessageType", 27), await self.order("start", auto_completion=1))
        await self.order("load")
        await self.in_time(lambda: self.group()["state"] == "loaded")
        asked = self.proxy.board.sent["ask_status"]
        await self.passes(60, 1)
        self.assertFalse(self.group()["armed"])
        self.assertEqual(self.proxy.board.sent["ask_status"], asked)

    async def sources(self, control: str) -> set[str]:
        """Where the groups hear OCS's words, from a Load to its Unload; `control` is the group's."""
        await self.raise_curtain(0, DOOR, "", DIRECT.replace("[direct]", f"control = {control}\n[direct]"))
        await self.until(lambda: self.proxy.channels[1].control.registered)
        words: list[WordHeard] = []
        observe = self.proxy.board.groups.observe

        def noted(observation, now):
            words.extend([observation] if isinstance(observation, WordHeard) else [])
            return observe(observation, now)

        self.proxy.board.groups.observe = noted  # type: ignore[method-assign]
        await self.order("load", reference=1)
        await self.order("load", reference=2)  # refused: whatever came before it has been heard
        await self.in_time(lambda: self.group()["state"] == "loaded" and "tevents" in {each.source for each in words})
        return {each.source for each in words}

    async def test_a_spare_leaves_ocs_words_to_the_t_server(self) -> None:
        """Where no group is completed over it, what both sessions of the proxy hear is heard once."""
        self.assertEqual(await self.sources("tevents"), {"tevents"})

    async def test_one_that_completes_is_heard(self) -> None:
        """One group with `control = direct` is enough: its words are heard over the direct protocol, too."""
        self.assertEqual(await self.sources("direct"), {"tevents", "direct"})

    async def test_the_metrics_of_two_channels(self) -> None:
        """Each metric stands once, with a value for each channel; both control sessions are in it."""
        await self.raise_direct()
        await self.order("status")
        metrics = list(self.proxy.status.metrics())
        self.assertEqual(len({metric.name for metric in metrics}), len(metrics))
        values = {metric.name: metric.values for metric in metrics}
        self.assertEqual(values["tevent_proxy_control_registered"], {("tevents",): 1, ("direct",): 1})
        frames = values["tevent_proxy_frames"]
        self.assertEqual(frames["direct", "client", "GSW_CM_ReqGetCampaignStatus"], 1)
        self.assertEqual(list(self.proxy.status.health()), [])
