"""SIGHUP: the conf file is read again while agents work; a bad one changes nothing, a good one costs no session."""

from __future__ import annotations

import socket
from pathlib import Path

from twisted.logger import globalLogPublisher

from proxy.campaign.attribute import Edit
from proxy.campaign.observation import GroupNames, Request
from tests.e2e.stage import PROXY, Stage
from tests.ports import kept, number_of


class TestReload(Stage):
    """A conf file that is written anew under a proxy that runs."""

    async def raise_reloadable(self, ocs: str = "", **lines: str) -> None:
        """Simulator and proxy begin, with a conf file; `ocs` are lines of the simulator's."""
        self.path = self.mktemp()
        self.logged: list[str] = []
        self.lines = {"completion": "", "more": "", "tevents": "", **lines}
        await self.raise_curtain(3, ocs, **self.lines)
        observer = self.noted
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def noted(self, event: dict) -> None:
        """A line of the log."""
        if str(event.get("log_format", "")).startswith("conf file: {"):
            self.logged.append(event.get("problem") or event["what"])

    async def reload(self, **lines: str) -> None:
        """The conf file is written with other lines, and read."""
        listen = self.proxy.reload.config.tevents.listen[0]
        text = PROXY.format(port=self.simulator.ports["tserver"], **{**self.lines, **lines})
        text = text.replace("listen = tcp:0:interface=127.0.0.1", f"listen = {lines.get('listen', listen)}", 1)
        Path(self.path).write_text(text)
        await self.proxy.reload.read(self.path)

    def free_port(self) -> int:
        """A port that nobody listens on, nor will by chance."""
        nobody = kept()
        self.addCleanup(nobody.close)
        return number_of(nobody)

    async def test_a_bad_one_changes_nothing(self) -> None:
        """Every problem is in the log; policy, sessions and listeners are as before, and the group is completed."""
        await self.raise_reloadable()
        await self.start_group()
        agent = await self.client("3001")
        before = self.proxy.reload.config
        await self.reload(completion="settle = 1\nsettel = 2\nattribute = maybe", tevents="what = ever")
        self.assertEqual(len(self.logged), 3)
        self.assertIs(self.proxy.reload.config, before)
        self.assertEqual(self.proxy.board.groups.edit(before.groups[0].names, None, ()).name, "LEAVE")
        self.assertFalse(agent.gone)
        await self.finish_records(agent, 3)
        agent.ask("PreviewRecordRequest")
        await self.until(lambda: agent.heard("GSW_ERROR"))
        await self.passes(59, 1)
        self.assertEqual(self.group()["completions"], 0)
        await self.in_time(lambda: self.group()["completions"])

    async def test_an_endpoint_that_cannot_listen(self) -> None:
        """A port that is taken refuses all of the file, though all else in it is good."""
        await self.raise_reloadable()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            pages = self.free_port()
            await self.reload(
                listen=f"tcp:{port}:interface=127.0.0.1",
                completion="settle = 1",
                more=f"[admin]\nlisten = tcp:{pages}:interface=127.0.0.1",
            )
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", pages)).close()
        self.assertEqual(self.proxy.reload.config.policy.settle, 60)
        self.assertEqual(len(self.proxy.channels[0].connections.ports), 1)
        self.assertTrue(self.proxy.channels[0].connections.is_listening)
        self.assertEqual(len(self.logged), 1)

    async def test_a_new_policy_holds(self) -> None:
        """The next Load bears what the new file wants, the group settles for as long as it says; no session is lost."""
        await self.raise_reloadable()
        agent = await self.client("3001")
        await self.reload(completion="attribute = add\nsettle = 5")
        console = await self.client("OCS_CommDN", "console")
        await self.control(console, 7)
        await self.control(console, 9)
        await self.state("running")
        self.assertTrue(self.group()["armed"])
        await self.finish_records(agent, 3)
        agent.ask("PreviewRecordRequest")
        await self.until(lambda: agent.heard("GSW_ERROR"))
        begun = self.clock.seconds()
        await self.in_time(lambda: self.group()["completions"])
        self.assertLess(self.clock.seconds() - begun, 20)
        self.assertEqual(self.proxy.channels[0].connections.begun, 2)
        self.assertFalse(agent.gone or console.gone)

    async def test_a_completion_that_is_not_wanted_any_more(self) -> None:
        """`complete = no` while a group settles, or its agents are told: nothing more is sent."""
        await self.raise_reloadable(completion="settle = 5")
        await self.start_group()
        agent = await self.client("3001")
        await self.finish_records(agent, 3)
        agent.ask("PreviewRecordRequest")
        await self.until(lambda: agent.heard("GSW_ERROR"))
        await self.reload(completion="settle = 5", more="complete = no")
        await self.passes(60, 1)
        self.assertNotIn("stop", self.ocs()["accepted"])
        self.assertEqual(self.group()["waiting_for"], "nothing: complete = no")

    async def test_by_nobody_in_the_middle_of_it(self) -> None:
        """`by = nobody` after Stop: no Unload follows."""
        await self.raise_reloadable("notify_agents = no", completion="settle = 5", more="notify_wait = 100")
        await self.start_group()
        agent = await self.client("3001")
        await self.finish_records(agent, 3)
        agent.ask("PreviewRecordRequest")
        await self.until(lambda: agent.heard("GSW_ERROR"))
        await self.in_time(lambda: self.ocs()["accepted"].get("stop"))
        await self.reload(completion="settle = 5", more="by = nobody")
        await self.passes(200, 1)
        self.assertEqual(self.ocs()["accepted"].get("unload", 0), 0)
        self.assertEqual(self.group()["completions"], 0)

    async def test_listeners_that_come_and_go(self) -> None:
        """Desktops connect where the new file says, and no longer where it does not; those that are there stay."""
        await self.raise_reloadable()
        agent = await self.client("3001")
        old = self.proxy.channels[0].connections.ports[0].getHost().port
        new = self.free_port()
        await self.reload(listen=f"tcp:{new}:interface=127.0.0.1")
        self.assertEqual([port.getHost().port for port in self.proxy.channels[0].connections.ports], [new])
        self.addCleanup(kept(old).close)  # or somebody may take it
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", old)).close()
        await self.client("3002")
        self.assertFalse(agent.gone)
        self.assertEqual(self.logged, [])

    async def test_limits(self) -> None:
        """A smaller max_sessions holds for who comes next, and nobody who is there is sent away."""
        await self.raise_reloadable()
        agent = await self.client("3001")
        await self.reload(more="[limits]\nmax_sessions = 1\nconnect_timeout = 2\ndrain = 7")
        with socket.create_connection(self.address()) as late:
            late.setblocking(False)
            await self.until(lambda: self.is_closed(late))
        self.assertEqual(self.proxy.channels[0].relay.refused, 1)
        self.assertFalse(agent.gone)
        self.assertEqual(self.proxy.channels[0].relay.upstreams.connect_timeout, 2)
        self.assertEqual(self.proxy.drain.seconds, 7)

    def is_closed(self, connection: socket.socket) -> bool:
        """Whether the other side has ended a connection without a word."""
        try:
            return connection.recv(1) == b""
        except BlockingIOError:
            return False

    def address(self) -> tuple[str, int]:
        """Where desktops connect."""
        return "127.0.0.1", self.proxy.channels[0].connections.ports[0].getHost().port

    async def test_what_waits_for_the_next_start(self) -> None:
        """What cannot be taken over is named, each; the rest of the file holds."""
        await self.raise_reloadable()
        await self.reload(
            completion="settle = 5",
            tevents="trace = /nowhere/at/all",
            more="[direct]\nlisten = tcp:0\nupstream = tcp:ocs:7004\n[group Other@Agents]\ndbid = 102",
        )
        self.assertEqual(self.logged, ["[tevents] trace", "[direct], which is new,"])
        self.assertEqual(self.proxy.reload.config.policy.settle, 5)
        self.assertEqual([each["name"] for each in self.proxy.board.status()], ["Sales@Agents", "Other@Agents"])
        self.logged.clear()
        await self.reload(completion="settle = 5", more="[group Other@Agents]\ndbid = 103")
        self.assertEqual(self.logged, ["[group Other@Agents], which goes by dbid 102 now,"])
        self.assertEqual([each["dbid"] for each in self.proxy.board.status()], [101, 102])

    async def test_a_section_that_is_gone(self) -> None:
        """A group without a section any more goes on as one that never had one, with all that is known of it."""
        more = "[group Other@Agents]\ndbid = 102\nattribute = force"
        await self.raise_reloadable(more=more)
        other = GroupNames(dbid=102)
        self.assertEqual(self.proxy.board.groups.edit(other, Request.LOAD, ()), Edit.APPEND)
        await self.reload(more="")
        self.assertEqual(self.proxy.board.groups.edit(other, Request.LOAD, ()), Edit.LEAVE)
        self.assertEqual([each["name"] for each in self.proxy.board.status()], ["Sales@Agents", "Other@Agents"])
