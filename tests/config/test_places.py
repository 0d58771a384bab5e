"""Where endpoints are, from their text alone."""

from itertools import combinations_with_replacement

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory
from twisted.trial.unittest import TestCase

from proxy.places import clash, interfaces, leads_to
from tests.ports import kept, number_of

OF_IPV4 = (
    "tcp:{}",
    "tcp:port={}:interface=0.0.0.0",
    "tcp:{}:interface=127.0.0.1",
    "tcp:{}:interface=localhost",
    "tcp:{}:interface=127.0.0.2",
)


class AsTheSystemSaysTests(TestCase):
    """Two endpoints clash where the system lets nobody listen at both."""

    async def listen_at_both(self, one: str, other: str) -> bool:
        """Whether that can be done."""
        first = await serverFromString(reactor, one).listen(Factory())
        try:
            second = await serverFromString(reactor, other).listen(Factory())
        except CannotListenError:
            return False
        else:
            await maybeDeferred(second.stopListening)
            return True
        finally:
            await maybeDeferred(first.stopListening)

    async def compare(self) -> None:
        """Every pair of them, at a port that nobody else has."""
        with kept() as port:
            number = number_of(port)
            for pair in combinations_with_replacement(OF_IPV4, 2):
                one, other = (each.format(number) for each in pair)
                assert clash(one, other) is clash(other, one) is not await self.listen_at_both(one, other), pair

    def test_pairs(self) -> Deferred[None]:
        """Addresses, names of this machine, every address, and the same in another spelling."""
        return Deferred.fromCoroutine(self.compare())


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("tcp:7001", "tcp:7002", False),
        ("tcp:0", "tcp:0", False),
        ("tcp6:7001", "tcp6:7001", True),
        ("tcp6:7001", r"tcp:7001:interface=\:\:1", True),
        ("tcp:7001", "tcp6:7001", False),  # up to the system
        ("tcp:7001:interface=proxy1", "tcp:7001:interface=Proxy1", True),
        ("tcp:7001:interface=proxy1", "tcp:7001:interface=proxy2", False),
        ("tcp:7001:interface=proxy1", "tcp:7001", True),
        ("tcp:7001", "ssl:7001:privateKey=key.pem:certKey=cert.pem", True),
        ("unix:/run/one", "unix:/run/one:mode=600", True),
        ("unix:/run/one", "unix:/run/other", False),
        ("systemd:domain=INET:index=0", "systemd:domain=INET:index=0", False),
    ],
)
def test_two_that_cannot_both_be_listened_at(one: str, other: str, same: bool) -> None:
    """A port, or a socket's path, is listened at once, with TLS or without; free ports are as many as one likes."""
    assert clash(one, other) is clash(other, one) is same


@pytest.mark.parametrize(
    ("upstream", "listening", "itself"),
    [
        ("tcp:127.0.0.1:7001", "tcp:7001", True),
        ("tcp:127.0.0.9:7001", "tcp:7001", True),
        ("tcp:localhost:7001", "tcp:7001", True),
        ("tcp:LOCALHOST:7001", "tcp:7001:interface=127.0.0.1", True),
        ("tcp:localhost:7001", r"tcp:7001:interface=\:\:1", True),
        ("tcp:host=localhost:port=7001", "tcp6:7001", True),
        (r"tcp:\:\:1:7001", "tcp6:7001", True),
        ("tcp:0.0.0.0:7001", "tcp:7001:interface=127.0.0.1", True),
        ("tls:10.1.1.5:7001", "tcp:7001:interface=10.1.1.5", True),
        ("tcp:proxy1:7001", "tcp:7001:interface=proxy1", True),
        ("tcp:10.1.1.5:7001", "tcp:7001", True),  # of those who are known to be this machine
        ("unix:/run/one", "unix:/run/one", True),
        ("tcp:127.0.0.1:7000", "tcp:7001", False),
        ("tcp:127.0.0.1:7001", "tcp:7001:interface=10.1.1.5", False),
        ("tcp:127.0.0.2:7001", "tcp:7001:interface=127.0.0.1", False),
        ("tcp:10.1.1.6:7001", "tcp:7001", False),
        ("tcp:tserver1:7001", "tcp:7001", False),
        (r"tcp:\:\:1:7001", "tcp:7001", False),
        ("tcp:127.0.0.1:7001", "tcp:0", False),
        ("unix:/run/one", "tcp:7001", False),
    ],
)
def test_an_upstream_that_is_the_proxy_itself(upstream: str, listening: str, itself: bool) -> None:
    """By an address of its own, as far as the text tells; a name that somebody would have to be asked about is not."""
    assert leads_to(upstream, listening, interfaces(["tcp:9101:interface=10.1.1.5", "tcp:9102"])) is itself
