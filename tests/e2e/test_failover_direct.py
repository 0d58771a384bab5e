"""A pair of OCS that is controlled over the direct protocol: the one in charge is killed, and the other goes on."""

from __future__ import annotations

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol

from proxy.kvlist import Pair
from proxy.relay.causes import Cause
from proxy.simulator import vocabulary as word
from proxy.simulator.direct import DirectSession
from proxy.simulator.directclient import DirectConnection
from proxy.simulator.vocabulary import Control
from tests.e2e.stage import Client
from tests.e2e.test_failover import PairStage

DOOR = "listen = tcp:0:interface=127.0.0.1\n"

DIRECT = """
campaign_id = 101
group_id = 732
[direct]
listen = tcp:0:interface=127.0.0.1
upstream = tcp:127.0.0.1:{primary}
           tcp:127.0.0.1:{backup}
"""


class Manager:
    """A campaign manager that stays."""

    def __init__(self) -> None:
        self.heard: list[int | None] = []
        self.gone = False
        self.connection = DirectConnection(self._hear, self._lost)

    def _hear(self, pairs: list[Pair]) -> None:
        self.heard.append(word.number(pairs, word.CM_TYPE))

    def _lost(self) -> None:
        self.gone = True


class DirectTests(PairStage):
    """`control = direct`: Stop and Unload go over the direct protocol, and so does OCS's word."""

    def more(self) -> str:
        """The pair's direct doors."""
        return DIRECT.format(primary=self.primary.direct_port, backup=self.backup.direct_port)

    async def raise_direct(self, ocs: str = "") -> None:
        """The pair, and the proxy, which completes over the direct protocol."""
        await self.raise_pair(ocs=DOOR + ocs, completion="control = direct")

    async def state(self, state: str) -> None:
        """Wait until the proxy knows the group to be in a state: it may have to ask."""
        await self.in_time(lambda: self.group()["state"] == state)

    async def manager(self) -> Manager:
        """A campaign manager that OCS has registered, through the proxy."""
        manager = Manager()
        port = self.proxy.channels[1].relay.ports[0].getHost().port
        await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", port), manager.connection)
        self.addCleanup(manager.connection.abort)
        manager.connection.register_client("console")
        await self.until(lambda: manager.heard)
        return manager

    def kill_at(self, request: Control, accepted: bool) -> None:
        """Kill the one in charge when it gets the proxy's request: once it is accepted, or before it is read."""
        door, asked = self.primary.door, self.primary.door.heard

        def take(session: DirectSession, pairs: list[Pair]) -> None:
            if session.name != "tevent-proxy" or word.number(pairs, word.CM_TYPE) != request:
                asked(session, pairs)
                return
            if accepted:
                asked(session, pairs)
                self.primary._hand_over()
            self.kill()

        door.heard = take

    async def begun(self, request: Control, accepted: bool, ocs: str = "") -> Client:
        await self.raise_direct(ocs)
        agent = await self.worked()
        self.kill_at(request, accepted)
        return agent

    async def test_stop_is_lost(self) -> None:
        """Stop never reached OCS: the backup is asked for the status first, which is Running, and then to stop."""
        await self.completes(await self.begun(Control.STOP, accepted=False))

    async def test_the_answer_to_stop_is_lost(self) -> None:
        """OCS accepted Stop, and nobody heard it: the backup says so, and is not asked to stop again."""
        await self.completes(await self.begun(Control.STOP, accepted=True))

    async def test_unload_is_lost(self) -> None:
        """Unload never reached OCS: it is asked for once, at the backup."""
        await self.completes(await self.begun(Control.UNLOAD, accepted=False))

    async def test_the_answer_to_unload_is_lost(self) -> None:
        """OCS accepted Unload, and nobody heard it, nor was any agent told: the proxy hears it, and tells them."""
        await self.completes(await self.begun(Control.UNLOAD, accepted=True, ocs="notify_agents = no"))

    async def test_an_ocs_that_answers_only(self) -> None:
        """OCS tells direct clients nothing unasked: what became of Stop is asked of the backup."""
        await self.completes(await self.begun(Control.STOP, accepted=True, ocs="direct_news = no"))

    async def test_campaign_managers_connect_anew(self) -> None:
        """A campaign manager loses its connection with the primary, and has the backup's when it comes again."""
        await self.raise_direct()
        manager = await self.manager()
        self.kill()
        await self.until(lambda: manager.gone)
        await self.taken_over()
        direct = self.proxy.channels[1]
        assert direct.relay.causes[Cause.UPSTREAM_LOST] == 1
        assert direct.upstreams.in_charge == f"tcp:127.0.0.1:{self.backup.direct_port}"
        assert await self.manager()
        assert {session.reached for session in direct.relay.sessions.values()} == {direct.upstreams.in_charge}

    async def test_status_requests_are_answered_by_the_backup(self) -> None:
        """R2: what the backup says of the group's status is what holds."""
        await self.raise_direct()
        await self.worked()
        asked = self.ocs()["accepted"].get("status", 0)
        self.kill()
        await self.taken_over()
        await self.until(lambda: self.ocs()["accepted"].get("status", 0) > asked)
        assert (self.group()["state"], self.group()["armed"]) == ("running", True)
