"""The exchanges recorded at the vendor's simulator of the Agent API, played through the proxy before real groups.

The samples are not part of the project: see tests/wire/test_samples.py for where they are looked for. A long poll is
recorded where it began: its reply came after the request that stands behind it, if what it brings answers that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from twisted.internet.task import Clock

from proxy.campaign.groups import Groups
from proxy.campaign.policy import By, Policy
from proxy.http.turns import Headers
from proxy.store.memory import MemoryStore
from proxy.switchboard import Switchboard
from tests.http.web_desk import Desk, FakeTurn, Sent
from tests.wire.test_samples import SAMPLES

PREFIX = "/workspace/v3"


class Exchange(NamedTuple):
    """One recorded exchange: bodies as they were, compact, since the recording does not show their white space."""

    name: str
    method: str
    path: str
    cookie: str
    asked: bytes
    status: int
    headers: Headers
    replied: bytes

    @property
    def is_poll(self) -> bool:
        return self.path.endswith("/connect")


def body(content: Any) -> bytes:
    return content.encode() if isinstance(content, str) else json.dumps(content, separators=(",", ":")).encode()


def recorded() -> list[Exchange]:
    """All of them, in order."""
    files = sorted((SAMPLES / "agent-api").glob("*.json"))
    if not files:
        pytest.skip(f"there are no samples in {SAMPLES}: TEVENT_PROXY_SAMPLES can say where they are")
    found = []
    for file in files:
        asked, replied = (json.loads(file.read_text("utf-8"))[part] for part in ("request", "response"))
        headers = tuple((name.encode(), value.encode()) for name, value in replied["headers"])
        found.append(
            Exchange(
                file.stem,
                asked["method"],
                asked["path"],
                asked["headers"].get("Cookie", ""),
                body(asked["body"]),
                replied["status"],
                headers,
                body(replied["body"]),
            )
        )
    return found


def relayed(desk: Desk, exchange: Exchange) -> tuple[FakeTurn, Sent] | None:
    """The request on its way; None where nobody looks into it: it streams by."""
    desk.cookie = exchange.cookie
    if not exchange.path.startswith(PREFIX):
        return None
    turn = desk.asks(exchange.path[len(PREFIX) :], exchange.asked, exchange.method)
    assert desk.last.body == exchange.asked
    return turn, desk.last


def played(desk: Desk) -> Iterator[tuple[Exchange, FakeTurn]]:
    """Each exchange with the client's side of it, once its reply is there."""
    waiting: list[tuple[Exchange, FakeTurn, Sent]] = []

    def replied() -> Iterator[tuple[Exchange, FakeTurn]]:
        while waiting:
            exchange, turn, sent = waiting.pop()
            sent.answer(exchange.replied, exchange.status, exchange.headers)
            yield exchange, turn

    for exchange in recorded():
        if exchange.is_poll:
            yield from replied()
        on_its_way = relayed(desk, exchange)
        yield from replied()
        if on_its_way is not None:
            waiting.append((exchange, *on_its_way))
        if not exchange.is_poll:
            yield from replied()
    yield from replied()


@pytest.mark.parametrize("by", list(By))
def test_the_recorded_exchanges(by: By) -> None:
    """Every body is identical in both directions, whoever completes; the counters are what the exchanges say.

    One record is delivered, rejected, and then processed by the same agent; nothing else.
    """
    clock = Clock()
    groups = Groups(Policy(by=by))
    board = Switchboard(groups, MemoryStore(), clock, clock.seconds, clock.seconds)
    desk = Desk(board)
    seen = 0
    for exchange, turn in played(desk):
        assert (turn.status, turn.body) == (exchange.status, exchange.replied), exchange.name
        seen += 1
    assert seen == 19
    states = {group["name"]: group for group in groups.status(clock.seconds())}
    pull = states["Pull Preview Campaign"]
    counted = {key: pull[key] for key in ("state", "delivered", "outstanding", "finalized", "returned", "scheduled")}
    assert counted == {
        "state": "unloaded",
        "delivered": 1,
        "outstanding": 0,
        "finalized": 1,
        "returned": 0,
        "scheduled": 0,
    }
    assert pull["agents"] == ["+33298025003"]
    assert states["Push Preview Campaign"]["state"] == "loaded"
    assert list(board.sessions) == [17]
    assert groups.counts.get("acknowledgements_unmatched", 0) == 0
    assert board.failed == 0
    desk.desktops.close()
    board.close()
