"""A stage for whole plays: the simulated T-Server with OCS, the proxy and agents, over real sockets, in a time that
only passes when the play says so."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from proxy.config import parse
from proxy.kvlist import pair
from proxy.service import ProxyService
from proxy.simulator.client import TClient
from proxy.simulator.conf import read_conf
from proxy.simulator.service import Simulator
from proxy.tevents.message import EVENT_REGISTERED, EVENT_USER_EVENT
from tests.quiet import Quiet

PROXY = """
[tevents]
listen = tcp:0:interface=127.0.0.1
upstream = tcp:127.0.0.1:{port}
communication_dn = OCS_CommDN
application = tevent-proxy
application_dbid = 4114
{tevents}
[completion]
by = proxy
{completion}
[group Sales@Agents]
dbid = 101
{more}
"""

SIMULATOR = """
[tserver]
listen = tcp:0:interface=127.0.0.1
communication_dn = OCS_CommDN
{tserver}
[ocs]
dbid = 4113
applications = 4114 4115
{ocs}
[campaign group Sales@Agents]
dbid = 101
campaign_id = 101
group_id = 732
mode = Preview
agents = 3001-3010
lists = Customers
batch = {batch}
[calling list Customers]
dbid = 201
records = {records}
"""


class StageReactor:
    """The real reactor for sockets, a clock of the play's for time."""

    def __init__(self, clock: Clock) -> None:
        self.callLater = clock.callLater
        self.seconds = clock.seconds
        self.getDelayedCalls = clock.getDelayedCalls

    def __getattr__(self, name: str):
        return getattr(reactor, name)


class Client:
    """A client of the T-Server, through the proxy: a desktop on a DN, or a console."""

    def __init__(self, dn: str, application: str = "desktop") -> None:
        self.dn = dn
        self.messages = []
        self.gone = False
        self._application = application
        self._client = TClient(self.messages.append, self._lost)

    def _lost(self) -> None:
        self.gone = True

    async def connect(self, port: int, stage: Stage) -> Client:
        """Connect, open the session, register the DN."""
        await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", port), self._client)
        self._client.register_client(self._application)
        self._client.register_dn(self.dn)
        await stage.until(lambda: any(message.number == EVENT_REGISTERED for message in self.messages))
        return self

    @property
    def data(self) -> list[dict]:
        """The user data of all user events that came, in order."""
        events = [message.user_data for message in self.messages if message.number == EVENT_USER_EVENT]
        return [{each.key: each.value for each in pairs} for pairs in events if pairs is not None]

    def heard(self, key: str = "GSW_USER_EVENT") -> list:
        """The values of a key in all user events that came, in order."""
        return [data[key] for data in self.data if key in data]

    def say(self, dn: str | None = None, **values) -> None:
        """Send a user event, to the own DN where no other is named."""
        self._client.distribute(dn or self.dn, [pair(key, value) for key, value in values.items()])

    def ask(self, request: str, **values) -> None:
        """A desktop's request to OCS."""
        self.say(GSW_AGENT_REQ_TYPE=request, GSW_APPLICATION_ID=4113, GSW_CAMPAIGN_NAME="Sales", **values)

    def close(self) -> None:
        """Leave."""
        self._client.abort()


class Stage(TestCase):
    """A play: `await self.raise_curtain(...)`, then clients, then time.

    Time passes only by `passes` and `in_time`, and only while nothing is on its way between any two: what is said is
    heard before the next moment, however long the system takes to carry it.
    """

    timeout = 300

    async def raise_curtain(
        self,
        records: int | str,
        ocs: str = "",
        completion: str = "",
        more: str = "",
        batch: str = "20",
        tserver: str = "",
        tevents: str = "",
    ) -> None:
        """Simulator and proxy begin; the control session is registered.

        Further lines of the conf files: of [ocs], of [completion], of the proxy's [group ...] and after it, of the
        simulator's group from its batch on, of its list from `records` on, of [tserver], and of [tevents].
        `DIRECT_PORT`, `OCS_HTTP_PORT` and `GWS_PORT` in `more` stand for the ports of the simulator's doors.
        """
        self.clock = Clock()
        self.clients: list[Client] = []
        self._looks: dict[Deferred[None], IDelayedCall] = {}
        stage = StageReactor(self.clock)
        simulated = SIMULATOR.format(records=records, ocs=ocs, batch=batch, tserver=tserver)
        self.simulator = Simulator(read_conf(simulated), stage)
        port = await self.simulator.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.simulator.stop()))
        conf = self.proxy_conf(port=port, completion=completion, more=more, tevents=tevents)
        for name, number in self.simulator.ports.items():
            conf = conf.replace(f"{name.upper().replace('-', '_')}_PORT", str(number))
        self.proxy = ProxyService(parse(conf), stage, self.clock.seconds, self.clock.seconds, Random(1))
        await self.proxy.begin()
        self.proxy.running = True
        self.addCleanup(self._end)
        await self.until(lambda: self.proxy.channels[0].control.registered)

    def proxy_conf(self, **lines: object) -> str:
        """The proxy's conf file."""
        return PROXY.format(**lines)

    async def _leave(self) -> None:
        for look in self._looks.values():
            look.cancel()
        self._looks.clear()
        for client in self.clients:
            if not client.gone:
                client.close()
        await self.until(lambda: all(client.gone for client in self.clients))
        await self.until(lambda: not self.proxy.channels[0].connections.sessions)
        self.proxy.drain.hurry()
        await self.proxy.stopService()

    def _end(self) -> Deferred:
        return Deferred.fromCoroutine(self._leave())

    async def client(self, dn: str, application: str = "desktop") -> Client:
        """A client that has connected through the proxy."""
        port = self.proxy.channels[0].relay.ports[0].getHost().port
        client = Client(dn, application)
        self.clients.append(client)
        return await client.connect(port, self)

    def until(self, holds: Callable[[], object]) -> Deferred[None]:
        """Fires in the turn of the reactor in which the condition holds."""
        done: Deferred[None] = Deferred()

        def look() -> None:
            if holds():
                self._looks.pop(done, None)
                done.callback(None)
            else:
                self._looks[done] = reactor.callLater(0, look)

        look()
        return done

    def quiet(self) -> Deferred[None]:
        """Fires when nothing is on its way, and nobody is at work elsewhere."""
        quiet = Quiet()
        return self.until(lambda: self.is_idle() and quiet())

    def is_idle(self) -> bool:
        """Whether nobody is at work who is no part of the reactor, in a thread of its own."""
        return True

    async def passes(self, seconds: float, step: float | None = None) -> None:
        """Let time pass, at once or in steps; whatever comes of it has come."""
        step = step or seconds
        for _ in range(round(seconds / step)):
            await self.quiet()
            self.clock.advance(step)
        await self.quiet()

    async def in_time(self, holds: Callable[[], object]) -> None:
        """Let time pass, little by little, until something holds. It need not within an hour."""
        for _ in range(36000):
            await self.quiet()
            if holds():
                return
            self.clock.advance(0.1)
        self.fail(
            "\n".join(["it never came:", str(self.group()), str(self.ocs()), *map(str, self.proxy.board.timeline)])
        )

    def group(self) -> dict:
        """What the proxy says of the group."""
        return self.proxy.board.status()[0]

    def ocs(self) -> dict:
        """What really happened to the group."""
        return self.simulator.truth()["groups"][0]

    async def state(self, state: str) -> None:
        """Wait until the proxy knows the group to be in a state."""
        await self.until(lambda: self.group()["state"] == state)

    async def control(self, console: Client, kind: int, **values) -> None:
        """A console asks something of the group, and has an answer."""
        before = len(console.heard("GSW_CM_AttrGroupCampStatus"))
        console.say(
            "OCS_CommDN",
            GSW_CM_MessageType=kind,
            GSW_CM_AttrSessionID=101,
            GSW_APPLICATION_ID=4115,
            GSW_CM_AttrReferenceID=kind,
            **values,
        )
        await self.until(lambda: len(console.heard("GSW_CM_AttrGroupCampStatus")) > before)

    async def start_group(self, auto_completion: int = 1) -> Client:
        """A console loads and starts the group."""
        console = await self.client("OCS_CommDN", "console")
        await self.control(console, 7, GSW_AUTO_COMPLETION=auto_completion)
        await self.state("loaded")
        await self.control(console, 9, GSW_AUTO_COMPLETION=auto_completion)
        await self.state("running")
        return console

    async def finish_records(self, agent: Client, number: int) -> None:
        """An agent takes records, one by one, and finishes them."""
        for _ in range(number):
            got = agent.heard().count("PreviewRecord")
            agent.ask("PreviewRecordRequest")
            await self.until(lambda: agent.heard().count("PreviewRecord") > got)  # noqa: B023
            record = [data for data in agent.data if data.get("GSW_USER_EVENT") == "PreviewRecord"][-1]
            done = self.group()["finalized"]
            agent.ask(
                "RecordProcessed",
                GSW_RECORD_HANDLE=record["GSW_RECORD_HANDLE"],
                GSW_CALLING_LIST=record["GSW_CALLING_LIST"],
                GSW_REFERENCE_ID=got + 1,
            )
            await self.until(lambda: self.group()["finalized"] > done)  # noqa: B023
