"""Upstreams tried in order, time limits, and clients that leave: M2, M6, M7."""

from __future__ import annotations

import datetime
import socket
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.internet import reactor
from twisted.internet.defer import CancelledError
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from proxy.relay.causes import Cause
from proxy.relay.upstreams import Unreachable, Upstreams
from tests.relay.net import Channel, End, RelayTestCase
from tests.relay.test_frames import HELD, PLAIN, WANTED, frame
from tests.relay.test_session import ClockedReactor, traffic


class TryingTests(SynchronousTestCase):
    """M7 and the connect timeout, with a clock of the test's own."""

    def setUp(self):
        self.reactor = MemoryReactorClock()
        self.upstreams = Upstreams(self.reactor, ["tcp:10.0.0.1:1", "tcp:10.0.0.2:2"], 5)

    def test_first_that_can_be_reached(self):
        """M7: the primary is tried first; when it answers, the backup is left alone."""
        found = self.upstreams.connect(Factory.forProtocol(End))
        self.answer(0)
        assert isinstance(self.successResultOf(found), End)
        assert len(self.reactor.tcpClients) == 1
        assert self.upstreams.reached == {"tcp:10.0.0.1:1": True, "tcp:10.0.0.2:2": None}

    def test_next_after_the_timeout(self):
        """M2, M7: an upstream that does not answer within the connect timeout is given up for the next one."""
        found = self.upstreams.connect(Factory.forProtocol(End))
        self.reactor.advance(4.9)
        assert self.tried() == ["10.0.0.1"]
        self.reactor.advance(0.2)
        assert self.tried() == ["10.0.0.1", "10.0.0.2"]
        assert self.reactor.connectors[0].stoppedConnecting
        self.reactor.advance(4.9)
        self.assertNoResult(found)
        self.reactor.advance(0.2)
        problem = self.failureResultOf(found, Unreachable)
        assert problem.getErrorMessage() == (
            "tcp:10.0.0.1:1: no answer within 5 s; tcp:10.0.0.2:2: no answer within 5 s"
        )
        assert self.upstreams.reached == {"tcp:10.0.0.1:1": False, "tcp:10.0.0.2:2": False}
        assert self.reactor.getDelayedCalls() == []

    def test_how_long_ago_an_attempt_failed(self):
        """Who looks for a reason learns when the last attempt failed; one that succeeds ends that."""
        self.upstreams.connect(Factory.forProtocol(End))
        self.reactor.advance(5)
        self.answer(1)
        self.reactor.advance(60)
        assert self.upstreams.unreached == {"tcp:10.0.0.1:1": 60}
        again = self.upstreams.connect(Factory.forProtocol(End), order=["tcp:10.0.0.1:1"])
        self.reactor.advance(5)
        self.failureResultOf(again, Unreachable)
        assert self.upstreams.unreached == {"tcp:10.0.0.1:1": 0}
        self.upstreams.connect(Factory.forProtocol(End), order=["tcp:10.0.0.1:1"])
        self.answer(3)
        assert self.upstreams.unreached == {}

    def test_cancelled(self):
        """M6: whoever does not want the connection any more leaves none behind, and no next one is tried."""
        found = self.upstreams.connect(Factory.forProtocol(End))
        found.cancel()
        self.failureResultOf(found, CancelledError)
        assert self.tried() == ["10.0.0.1"]
        assert self.reactor.connectors[0].stoppedConnecting
        assert self.upstreams.reached == {"tcp:10.0.0.1:1": None, "tcp:10.0.0.2:2": None}
        assert self.reactor.getDelayedCalls() == []

    def tried(self) -> list[str]:
        return [host for host, *_ in self.reactor.tcpClients]

    def answer(self, attempt: int) -> None:
        """The upstream of this attempt accepts."""
        _host, _port, factory, _timeout, _bind = self.reactor.tcpClients[attempt]
        protocol = factory.buildProtocol(None)
        protocol.makeConnection(None)


class ConnectingTests(RelayTestCase):
    """Sessions that wait for their upstream, over real sockets."""

    def unused_port(self) -> int:
        """A port on which nobody listens, nor will by chance."""
        taken = socket.socket()
        self.addCleanup(taken.close)
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]

    async def test_backup(self):
        """M7: when the primary refuses, the session goes to the backup."""
        ends, port = await self.listen()
        primary, backup = f"tcp:127.0.0.1:{self.unused_port()}", f"tcp:127.0.0.1:{port}"
        relay = await self.relay(primary, backup)
        client = await self.connect(relay)
        client.write(frame(PLAIN, b"1"))
        upstream = await ends.when_connected()
        await upstream.when_received(9)
        assert relay.upstreams.reached == {primary: False, backup: True}

    async def test_unreachable(self):
        """M7: when no upstream can be reached, the desktop's connection is closed, and the cause says why."""
        relay = await self.relay(f"tcp:127.0.0.1:{self.unused_port()}")
        client = await self.connect(relay)
        client.write(frame(PLAIN, b"1"))
        await client.when_told_end()
        client.close()
        await relay._when_empty()
        assert relay.causes[Cause.UPSTREAM_UNREACHABLE] == 1
        assert sum(relay.causes.values()) == relay.begun == 1
        assert self.channel.attached == []
        assert self.channel.ended == []

    async def test_timeout_ends_the_session(self):
        """M2: an upstream that accepts but never completes the TLS handshake is given up after connect_timeout."""
        ends, port = await self.listen()
        clock = ClockedReactor()
        relay = await self.relay(f"tls:127.0.0.1:{port}", clock=clock, connect_timeout=5)
        client = await self.connect(relay)
        silent = await ends.when_connected()
        await silent.when_received(1)
        clock.advance(4.9)
        assert relay.causes[Cause.UPSTREAM_UNREACHABLE] == 0
        clock.advance(0.2)
        await silent.when_lost()
        await client.when_told_end()
        assert relay.causes[Cause.UPSTREAM_UNREACHABLE] == 1

    async def test_comes_and_goes_at_once(self):
        """M6: a health check that connects and leaves leaves nothing behind, upstream included."""
        ends, port = await self.listen()
        relay = await self.relay(f"tcp:127.0.0.1:{port}")
        for _ in range(20):
            (await self.connect(relay)).close()
        while relay.begun < 20 or relay.sessions:
            for end in ends.ends:
                if end.told_end:
                    end.close()
            await deferLater(reactor, 0)
        assert relay.causes[Cause.CLIENT_CLOSED] == 20
        assert len(self.channel.ended) == len(self.channel.attached)

    async def test_leaves_while_the_upstream_is_being_connected(self):
        """M6: a client that leaves while its upstream is being connected takes the attempt with it."""
        ends, port = await self.listen()
        for leave, cause in ((End.close, Cause.CLIENT_CLOSED), (End.reset, Cause.CLIENT_LOST)):
            relay = await self.relay(f"tls:127.0.0.1:{port}")
            connected = ends.when_connected(len(ends.ends) + 1)
            client = await self.connect(relay)
            silent = await connected
            await silent.when_received(1)
            leave(client)
            await silent.when_lost()
            await relay._when_empty()
            assert relay.causes[cause] == 1
            assert relay.upstreams.reached == {f"tls:127.0.0.1:{port}": None}

    async def test_only_the_first_read_is_kept_before_the_upstream_is_there(self):
        """M2: what a desktop sends before its upstream is there is kept, bounded: the rest is not read."""
        ends, port = await self.listen()
        relay = await self.relay(f"tls:127.0.0.1:{port}")
        connected = ends.when_connected()
        client = await self.connect(relay)
        client.write(b"x" * 10_000_000)
        await (await connected).when_received(1)
        while not relay.client_bytes:
            await deferLater(reactor, 0)
        for _ in range(300):
            await deferLater(reactor, 0)
        assert 0 < relay.client_bytes <= 65536

    async def test_shutdown_while_the_upstream_is_being_connected(self):
        """M6: a shutdown waits for no upstream that does not answer."""
        ends, port = await self.listen()
        for end in ("end_all", "cut_off_all"):
            relay = await self.relay(f"tls:127.0.0.1:{port}")
            connected = ends.when_connected(len(ends.ends) + 1)
            client = await self.connect(relay)
            client.write(frame(PLAIN, b"kept"))
            silent = await connected
            await silent.when_received(1)
            await getattr(relay, end)(Cause.SHUTDOWN)
            await silent.when_lost()
            await client.when_told_end()
            assert relay.causes[Cause.SHUTDOWN] == 1


class TlsTests(RelayTestCase):
    """The same over TLS, on both sides."""

    def certify(self) -> tuple[Path, Path]:
        """A certificate for `localhost` with its key, and a folder of trusted roots that holds it."""
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        folder = Path(temporary.name)
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
        now = datetime.datetime.now(datetime.timezone.utc)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .sign(key, hashes.SHA256())
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        roots = folder / "roots"
        roots.mkdir()
        (roots / "root.pem").write_bytes(pem)
        both = folder / "server.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        both.write_bytes(private + pem)
        return both, roots

    async def secure(self, early: bytes = b"", **options):
        """A relay that listens with TLS before one that connects with TLS: all that lies between is encrypted."""
        both, roots = self.certify()
        self.upstreams, port = await self.listen()
        options = {"wanted": WANTED, **options}
        inner = await self.relay(f"tcp:127.0.0.1:{port}", listen=f"ssl:0:privateKey={both}:interface=127.0.0.1")
        secure_port = inner.ports[0].getHost().port
        outer = await self.relay(f"tls:localhost:{secure_port}:trustRoots={roots}", **options)
        client = await self.connect(outer)
        client.write(early)
        upstream = await self.upstreams.when_connected()
        await self.channel.when_attached()
        return inner, outer, client, upstream

    async def test_bit_for_bit(self):
        """M1, M2, M5: over TLS, too, everything comes out as it went in, and what was sent at once comes first."""
        there, back = traffic(1, 2_000_000), traffic(2, 2_000_000)
        _inner, _outer, client, upstream = await self.secure(early=there)
        upstream.write(back)
        await upstream.when_received(len(there))
        await client.when_received(len(back))
        assert upstream.received == there
        assert client.received == back

    async def test_what_is_sent_early_is_kept_while_upstreams_are_tried(self):
        """M2, M7: one read over TLS brings several pieces; all are kept in order until the backup is there."""
        both, roots = self.certify()
        silent, silent_port = await self.listen()
        ends, port = await self.listen()
        clock = ClockedReactor()
        inner = await self.relay(
            f"tls:127.0.0.1:{silent_port}",
            f"tcp:127.0.0.1:{port}",
            listen=f"ssl:0:privateKey={both}:interface=127.0.0.1",
            clock=clock,
            connect_timeout=5,
        )
        outer = await self.relay(f"tls:localhost:{inner.ports[0].getHost().port}:trustRoots={roots}")
        client = await self.connect(outer)
        stream = traffic(8, 500_000)
        client.write(stream)
        await (await silent.when_connected()).when_received(1)
        while inner.client_bytes < 40_000:
            await deferLater(reactor, 0)
        clock.advance(5.1)
        upstream = await ends.when_connected()
        await upstream.when_received(len(stream))
        assert upstream.received == stream

    async def test_last_bytes(self):
        """M6: over TLS, too, the last bytes are delivered before the end, and all sessions end."""
        inner, outer, client, upstream = await self.secure()
        stream = traffic(1, 500_000)
        client.write(stream)
        client.close()
        await upstream.when_told_end()
        assert upstream.received == stream
        upstream.close()
        await inner._when_empty()
        await outer._when_empty()

    async def test_last_bytes_of_the_upstream(self):
        """M6: over TLS, too, an upstream that closes is heard to the end."""
        inner, outer, client, upstream = await self.secure()
        stream = traffic(1, 500_000)
        upstream.write(stream)
        upstream.close()
        await client.when_told_end()
        assert client.received == stream
        client.close()
        await inner._when_empty()
        await outer._when_empty()

    async def test_a_certificate_that_is_not_trusted(self):
        """M7: an upstream that cannot be verified is not reached: nothing is sent to it, the next one is tried."""
        both, _roots = self.certify()
        _other, strange_roots = self.certify()
        ends, port = await self.listen()
        backup, backup_port = await self.listen()
        inner = await self.relay(f"tcp:127.0.0.1:{port}", listen=f"ssl:0:privateKey={both}:interface=127.0.0.1")
        doubtful = f"tls:localhost:{inner.ports[0].getHost().port}:trustRoots={strange_roots}"
        outer = await self.relay(doubtful, f"tcp:127.0.0.1:{backup_port}")
        client = await self.connect(outer)
        client.write(frame(HELD, b"for the backup"))
        upstream = await backup.when_connected()
        await upstream.when_received(len(frame(HELD, b"for the backup")))
        assert upstream.received == frame(HELD, b"for the backup")
        assert outer.upstreams.reached[doubtful] is False
        assert all(not end.received for end in ends.ends)


class ProxyHeaderTests(RelayTestCase):
    """Behind a load balancer that says for whom it connects."""

    async def test_header_is_taken_off(self):
        """PROXY header in: `haproxy:` before the listen endpoint takes the header off; the rest is relayed."""
        ends, port = await self.listen()
        relay = await self.relay(f"tcp:127.0.0.1:{port}", listen="haproxy:tcp:0:interface=127.0.0.1")
        client = await self.connect(relay)
        stream = traffic(5, 300_000)
        client.write(b"PROXY TCP4 192.0.2.1 192.0.2.2 1234 7001\r\n" + stream)
        upstream = await ends.when_connected()
        await upstream.when_received(len(stream))
        assert upstream.received == stream
        client.close()
        await upstream.when_told_end()
        upstream.close()
        await relay._when_empty()
        assert relay.causes[Cause.CLIENT_CLOSED] == 1


class ListeningTests(RelayTestCase):
    """Listening."""

    async def test_port_in_use(self):
        """A port in use: the relay says so, and listens on no other of its endpoints."""
        from twisted.internet.error import CannotListenError

        _ends, port = await self.listen()
        with self.assertRaises(CannotListenError):
            await self.relay("tcp:127.0.0.1:1", listen=["tcp:0:interface=127.0.0.1", f"tcp:{port}:interface=127.0.0.1"])
        assert self.last_relay.ports == []
        assert not self.last_relay.is_listening

    async def test_several_endpoints(self):
        """A channel listens on every one of its endpoints, and stops on all; its sessions go on."""
        ends, port = await self.listen()
        two = ["tcp:0:interface=127.0.0.1", "tcp:0:interface=127.0.0.1"]
        relay = await self.relay(f"tcp:127.0.0.1:{port}", listen=two, channel=Channel())
        assert relay.is_listening
        relay.ports.reverse()
        client = await self.connect(relay)
        upstream = await ends.when_connected()
        await relay.stop_listening()
        assert not relay.is_listening
        client.write(frame(PLAIN, b"1"))
        await upstream.when_received(9)
        assert upstream.received == frame(PLAIN, b"1")
