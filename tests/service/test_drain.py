"""What the proxy does between the wish to stop and the stop: sessions go on, and what was begun is finished."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from proxy.drain import Drain
from tests.e2e.stage import Stage


class TestDrain(Stage):
    """The proxy is told to stop (SIGTERM) while agents work."""

    def told_to_stop(self) -> Deferred[None]:
        """The service stops; as many seconds of time as it wants pass."""
        return self.proxy.stopService()

    async def test_sessions_go_on_until_they_end(self) -> None:
        """A desktop works on, and the proxy stops when the last one leaves, long before the time is over."""
        await self.raise_curtain(6)
        console = await self.start_group()
        agent = await self.client("3001")
        stopped = self.told_to_stop()
        await self.finish_records(agent, 2)
        console.close()
        await self.passes(20, 1)
        self.assertFalse(stopped.called)
        self.assertFalse(agent.gone)
        agent.close()
        await self.until(lambda: not self.proxy.channels[0].connections.sessions)
        self.clock.advance(1)
        await stopped
        self.assertLess(self.clock.seconds(), 30)

    async def test_no_longer_than_drain(self) -> None:
        """A desktop that stays is let go when the time is over."""
        await self.raise_curtain(6)
        agent = await self.client("3001")
        stopped = self.told_to_stop()
        await self.passes(29, 1)
        self.assertFalse(agent.gone)
        self.clock.advance(2)
        await stopped
        await self.until(lambda: agent.gone)

    async def test_what_was_begun_is_finished(self) -> None:
        """Stop was sent when the proxy was told to stop: Unload follows, and all agents hear both."""
        await self.raise_curtain(1, "notify_agents = no", "settle = 5")
        console = await self.start_group()
        agent = await self.client("3001")
        await self.finish_records(agent, 1)
        agent.ask("PreviewRecordRequest")
        await self.until(lambda: agent.heard("GSW_ERROR"))
        await self.in_time(lambda: self.proxy.board.is_completing)
        stopped = self.told_to_stop()
        await self.in_time(lambda: "CampaignUnloaded" in agent.heard())
        words = [word for word in agent.heard() if word.startswith("Campaign")]
        self.assertEqual(words[-2:], ["CampaignStopped", "CampaignUnloaded"])
        self.assertEqual((self.ocs()["accepted"]["stop"], self.ocs()["accepted"]["unload"]), (1, 1))
        console.close()
        agent.close()
        await self.until(lambda: not self.proxy.channels[0].connections.sessions)
        self.clock.advance(1)
        await stopped

    async def test_what_was_begun_is_finished_though_all_have_left(self) -> None:
        """Nobody is connected any more, and OCS takes its time to unload what it has stopped: that is waited for."""
        await self.raise_curtain(1, "notify_agents = no\nunload_time = 6", "settle = 5\nnotify_wait = 8")
        console = await self.start_group()
        agent = await self.client("3001")
        await self.finish_records(agent, 1)
        agent.ask("PreviewRecordRequest")
        await self.until(lambda: agent.heard("GSW_ERROR"))
        await self.in_time(lambda: self.group()["state"] == "loaded")
        stopped = self.told_to_stop()
        console.close()
        await self.passes(3, 1)
        agent.close()
        await self.until(lambda: not self.proxy.channels[0].connections.sessions)
        await self.in_time(lambda: stopped.called)
        self.assertEqual(self.ocs()["accepted"].get("unload"), 1)
        self.assertEqual(self.group()["completions"], 1)

    async def test_nothing_is_begun(self) -> None:
        """A group that has no more records just then runs on, and says why: nobody would be there to finish it."""
        await self.raise_curtain(1, "", "settle = 5")
        await self.start_group()
        agent = await self.client("3001")
        await self.finish_records(agent, 1)
        agent.ask("PreviewRecordRequest")
        await self.until(lambda: agent.heard("GSW_ERROR"))
        stopped = self.told_to_stop()
        await self.passes(25, 1)
        self.assertEqual(self.group()["waiting_for"], "the proxy, which is about to stop")
        self.assertIn("told to stop: sessions that are there go on for a while", self.proxy.status.health())
        self.assertNotIn("stop", self.ocs()["accepted"])
        self.proxy.hurry()
        await stopped

    async def test_now(self) -> None:
        """Told so again, the proxy waits for nobody."""
        await self.raise_curtain(6)
        agent = await self.client("3001")
        stopped = self.told_to_stop()
        self.assertFalse(stopped.called)
        self.proxy.hurry()
        await stopped
        await self.until(lambda: agent.gone)
        self.assertEqual(self.clock.seconds(), 0)


def test_nobody_is_there() -> None:
    """Where nothing is left there is nothing to wait for; nor where no time is given."""
    assert Drain(Clock(), 30, lambda: True).wait().called
    assert Drain(Clock(), 0, lambda: False).wait().called


def test_until_it_is_over() -> None:
    """It is looked again and again whether anything is left, until the time is over."""
    clock = Clock()
    left = [1]
    drain = Drain(clock, 30, lambda: not left)
    done = drain.wait()
    clock.pump([0.25] * 40)
    assert not done.called
    left.clear()
    clock.pump([0.25])
    assert done.called
    assert not clock.getDelayedCalls()
