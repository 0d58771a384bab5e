"""A desk to try OCS at, without sockets: its clock, a switch that remembers, orders and requests in short words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.task import Clock

from proxy.kvlist import Pair, pair
from proxy.simulator.calling_list import CallingList, open_database
from proxy.simulator.conf import Conf, read_conf
from proxy.simulator.ledger import Ledger
from proxy.simulator.oclog import OcsLog
from proxy.simulator.ocs import Ocs
from proxy.simulator.operator import REQUESTS
from proxy.simulator.switch import UserEvent
from proxy.simulator.vocabulary import Control, Stat

Said = dict[str, Any]
"""The user data of an event, by key."""

QUICK = {
    "applications": "4114",
    "statistics_interval": "0",
    "retrieval_interval": "5",
    "dial_time": "2",
    "ring_time": "1",
    "busy": "0",
    "no_answer": "0",
}
"""[ocs], unless a test says otherwise: nothing happens by chance."""

START = 1_700_000_000.0
"""When the clock begins."""


def conf(
    *,
    records: int = 20,
    mode: str = "Preview",
    agents: str = "3001 3002 3003",
    batch: int = 5,
    minimum: int = 2,
    ocs: str = "",
    group: str = "",
    calling_list: str = "",
) -> Conf:
    """A conf with one group, Sales@Agents (101, 732), and one list, Customers; `ocs` are lines of [ocs]."""
    own = {line.partition("=")[0].strip() for line in ocs.splitlines()}
    ocs += "".join(f"\n{key} = {value}" for key, value in QUICK.items() if key not in own)
    return read_conf(
        f"""
[tserver]
listen = tcp:0:interface=127.0.0.1
[ocs]
{ocs}
[campaign group Sales@Agents]
dbid = 101
campaign_id = 101
group_id = 732
mode = {mode}
agents = {agents}
lists = Customers
batch = {batch}
minimum = {minimum}
{group}
[calling list Customers]
dbid = 201
records = {records}
{calling_list}
"""
    )


class Switchboard:
    """A Switch that remembers what went where. `here` are the DNs with a client, `free` those ready for calls."""

    def __init__(self, here: set[str]) -> None:
        self.here = here
        self.free: set[str] = set()
        self.said: list[tuple[str, Said]] = []
        self.calls: list[tuple[int, str, int, Said]] = []

    def user_event(self, dn: str, pairs: list[Pair]) -> int:
        self.said.append((dn, {each.key: each.value for each in pairs}))
        return int(dn in self.here)

    def call_event(self, number: int, dn: str, connection: int, customer: str, pairs: list[Pair]) -> None:
        self.calls.append((number, dn, connection, {each.key: each.value for each in pairs}))

    def attended(self, dn: str) -> bool:
        return dn in self.here

    def ready(self, dn: str) -> bool:
        return dn in self.free


class Desk:
    """OCS on a clock. `ask` is a desktop's request, `order` a control request; both return what OCS said to it."""

    def __init__(self, conf: Conf) -> None:
        self.conf = conf
        self.clock = Clock()
        self.clock.advance(START)
        self.switch = Switchboard(set(conf.agent_dns))
        self.log: list[str] = []
        database = open_database(":memory:")
        self.lists = [
            CallingList(each.name, each.dbid, database, each.name, each.records, each.phones) for each in conf.lists
        ]
        log = OcsLog(self.log.append, self.clock.seconds)
        ledger = Ledger([group.name for group in conf.groups], lambda: None)
        self.ocs = Ocs(conf, self.lists, self.switch, self.clock, log, ledger)
        self.group = self.ocs.groups[0]
        self.ocs.start()

    def wait(self, seconds: float = 0.0) -> None:
        """Time passes, in steps small enough for everything to happen in its order."""
        self.clock.pump([0.0] * 3 + [0.125] * round(seconds * 8) + [0.0] * 3)

    def ask(self, dn: str, request: str, to: str | None = None, **keys: Any) -> list[Said]:
        """A desktop's request; returns what its DN heard, at once."""
        before = len(self.switch.said)
        pairs = [pair("GSW_AGENT_REQ_TYPE", request), *(pair(f"GSW_{key}", value) for key, value in keys.items())]
        self.ocs.hear(UserEvent(to or dn, pairs, f"agent {dn}", dn))
        return [said for where, said in self.switch.said[before:] if where == dn]

    def preview(self, dn: str, **keys: Any) -> Said:
        """A record for an agent who asks for one; the first thing that is said."""
        return self.ask(dn, "PreviewRecordRequest", CAMPAIGN_NAME="Sales", **keys)[0]

    def done(self, dn: str, record: Said, **keys: Any) -> Said:
        """The agent has processed a record; OCS's answer."""
        return self.ask(dn, "RecordProcessed", RECORD_HANDLE=record["GSW_RECORD_HANDLE"], **keys)[0]

    def order(self, request: str, **more: Any) -> Said:
        """A control request of a linked application for the group; OCS's answer on the Communication DN."""
        before = len(self.switch.said)
        keys: dict[str, Any] = {
            "GSW_CM_MessageType": int(REQUESTS[request]),
            "GSW_CM_AttrSessionID": 101,
            "GSW_CM_AttrReferenceID": 77,
            "GSW_APPLICATION_ID": 4114,
            **more,
        }
        pairs = [pair(key, value) for key, value in keys.items() if value is not None]
        self.ocs.hear(UserEvent("OCS_CommDN", pairs, "console", None))
        answers = [said for _dn, said in self.switch.said[before:] if said.get("GSW_CM_AttrReferenceID") == 77]
        return answers[0] if answers else {}

    def run(self, **more: Any) -> None:
        """Load and start the group."""
        self.order("load")
        self.order("start", **more)
        self.wait()

    def statistics(self) -> list[Stat]:
        """The statistics events so far, in order."""
        return [Stat(said["GSW_STAT_EVENT"]) for _dn, said in self.switch.said if "GSW_STAT_EVENT" in said]

    def control(self) -> list[Control]:
        """The control events so far, in order."""
        return [Control(said["GSW_CM_MessageType"]) for _dn, said in self.switch.said if "GSW_CM_MessageType" in said]

    def events(self, dn: str) -> list[str]:
        """The GSW_USER_EVENTs at a DN so far, in order."""
        return [said["GSW_USER_EVENT"] for where, said in self.switch.said if where == dn and "GSW_USER_EVENT" in said]

    def last(self, dn: str, event: str) -> Said:
        """The last GSW_USER_EVENT of this name at a DN."""
        return [s for where, s in self.switch.said if where == dn and s.get("GSW_USER_EVENT") == event][-1]

    def truth(self) -> Said:
        """What really is, of the group."""
        truth: Said = self.ocs.truth()["groups"][0]
        return truth

    def until(self, holds: Callable[[], bool], seconds: float = 600.0) -> None:
        """Time passes until something holds; AssertionError where it never does."""
        for _ in range(round(seconds * 8)):
            if holds():
                return
            self.wait(0.125)
        raise AssertionError(f"not in {seconds} s")
