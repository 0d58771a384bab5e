"""Where the proxy listens."""

from __future__ import annotations

import pytest
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor

from proxy.endpoints import BACKLOG, listening
from proxy.relay.ports import Ports


@pytest.mark.parametrize(
    ("description", "backlog"),
    [
        ("tcp:7001", BACKLOG),
        ("tcp:7001:interface=127.0.0.1", BACKLOG),
        (r"tcp6:7001:interface=\:\:1", BACKLOG),
        ("tcp:7001:backlog=7", 7),
        ("tcp:7001:127.0.0.1:7", 7),
        ("tcp6:7001:7", 7),
    ],
)
def test_thousands_may_connect_at_once(description: str, backlog: int) -> None:
    """After a restart all desktops connect at once: enough of them may wait, unless the endpoint says how many."""
    reactor = MemoryReactor()
    Ports(reactor, [description], Factory()).start()
    [(port, _, allowed, _)] = reactor.tcpServers
    assert (port, allowed) == (7001, backlog)


@pytest.mark.parametrize(
    ("description", "listens"),
    [
        ("unix:/run/proxy", f"unix:/run/proxy:backlog={BACKLOG}"),
        ("unix:/run/proxy:600:7", "unix:/run/proxy:600:7"),
        ("ssl:7001:privateKey=a:certKey=b", f"ssl:7001:privateKey=a:certKey=b:backlog={BACKLOG}"),
        ("systemd:domain=INET:index=0", "systemd:domain=INET:index=0"),
    ],
)
def test_other_endpoints(description: str, listens: str) -> None:
    """Of the others those that know a backlog get one; what the system listens at for the proxy is left alone."""
    assert listening(description) == listens
