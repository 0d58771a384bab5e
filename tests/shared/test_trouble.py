"""A Redis that is not there, does not answer, ends, or refuses: what an operator reads; nothing waits for ever."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from proxy.shared import connection
from proxy.shared import stream as shared
from proxy.shared.connection import connect
from proxy.shared.stream import Epoch, Replaced, Stream, Unreachable
from proxy.shared.url import RedisUrl
from tests import ports
from tests.shared.at_redis import IMAGE, AtRedis, under_way, until
from tests.shared.redis import RedisServer

PASSWORD = "ge%heim"

NEEDED = ("+eval", "+hget", "+hmget", "+hset", "+hdel", "+del", "+get", "+set", "+incr", "+llen", "+lindex",
          "+rpush", "+persist", "+pexpire", "+xadd", "+xdel", "+xrange", "+xread", "+xtrim")  # fmt: skip
"""What a user must be permitted."""


class WaysIn(AtRedis):
    """How a Redis is reached, and what is said where it is not."""

    async def test_unix_socket(self) -> None:
        """By its Unix socket, in another of its databases."""
        self.url = f"{self.server.unix_url}?db=3"
        one, other = await self.founded()
        await one.append("first", "text")
        self.assertEqual(len(await other.read("first", "0-0")), 1)
        self.url = self.server.url
        self.assertIsNone(await (await self.in_touch()).epoch())

    async def test_password(self) -> None:
        """With a password, which nobody reads in an error."""
        self.server.ask("CONFIG", "SET", "requirepass", PASSWORD)
        self.url = self.as_user(":ge%25heim")
        await self.founded()
        self.assertIn("wants a password", await self.refused(self.server.url))
        self.assertIn("refuses the user or the password", await self.refused(self.as_user(":geheim")))

    async def test_a_password_that_nobody_wants(self) -> None:
        """A Redis without a password says so when it is given one."""
        self.assertIn("refuses the user or the password", await self.refused(self.as_user(":geheim")))

    async def test_user(self) -> None:
        """As a user who may do no more than is needed: with the keys under the prefix."""
        self.server.ask("ACL", "SETUSER", "proxy", "on", f">{PASSWORD}", "~test:*", *NEEDED)
        self.url = self.as_user("proxy:ge%25heim")
        one, other = await self.founded()
        id = await one.append("first", "text")
        self.assertEqual(await other.read("first", "0-0"), [(id, "text")])
        self.assertTrue(await one.keep("first", id, IMAGE))
        self.assertEqual(await one.image("first"), IMAGE)
        fence = await one.take_lead("first", await one.new_instance("first"), 60)
        assert fence
        self.assertTrue(await one.renew("first", 1, fence, 60))
        self.assertTrue(await one.intend("first", 1, fence, "group", "1-1", "stop"))
        await one.settled("first", 1, fence, "group")
        await one.give_up("first", 1, fence)
        self.assertTrue(await one.found("first", "second", 1, [], id))
        self.assertIn("does not permit", await self.refused(self.url, "others"))
        self.assertIn("refuses the user", await self.refused(self.as_user("nobody:geheim")))

    async def test_no_permission(self) -> None:
        """A user who may not run scripts, or not write, is told apart at once."""
        for number, forbidden in enumerate(("-eval", "-xadd")):
            self.server.ask("ACL", "SETUSER", f"user{number}", "on", ">geheim", "~*", "+@all", forbidden)
            said = await self.refused(self.as_user(f"user{number}:geheim"))
            self.assertIn("does not permit", said)

    async def test_no_such_database(self) -> None:
        """A database that this Redis does not have."""
        self.assertIn("no database of this number", await self.refused(f"redis://127.0.0.1:{self.server.port}/99"))

    async def test_nobody_there(self) -> None:
        """Nobody listens."""
        with ports.kept() as keeper:
            self.assertIn("refused", await self.refused(f"redis://127.0.0.1:{ports.number_of(keeper)}"))
        self.assertIn("No such file", await self.refused(f"redis+unix:{self.server.folder}/none"))

    async def test_no_answer(self) -> None:
        """A Redis that stands still is given up after a while, and no connection to it is left."""
        self.patch(shared, "CONNECT_TIMEOUT", 0.2)
        self.server.pause()
        self.assertIn("does not answer within 0.2 s", await self.refused(self.url))
        self.assertIn("does not answer within 0.2 s", await self.refused(self.server.unix_url))
        await self.gone()
        self.patch(shared, "CONNECT_TIMEOUT", 60.0)
        self.server.resume()
        await self.in_touch()

    async def test_no_connection(self) -> None:
        """A Redis whose machine does not even take connections is given up just so."""
        self.patch(shared, "CONNECT_TIMEOUT", 0.2)
        self.patch(connection, "_endpoint", lambda *_: Silent())
        self.assertIn("does not answer within 0.2 s", await self.refused(self.url))

    async def test_too_many(self) -> None:
        """A Redis that takes no more connections."""
        self.server.ask("CONFIG", "SET", "maxclients", 1)  # one for commands, and none to read with
        said = await self.refused(self.url)
        self.assertTrue("maxclients" in said or "lost" in said or "closed" in said, said)

    async def test_too_old(self) -> None:
        """A Redis that has no streams."""
        old = RedisServer("--rename-command", "XADD", "")
        self.addCleanup(old.remove)
        old.start()
        self.assertIn("version 5 or later", await self.refused(old.url))

    async def test_replica(self) -> None:
        """A Redis that only follows another one."""
        with ports.kept() as keeper:
            self.server.ask("REPLICAOF", "127.0.0.1", ports.number_of(keeper))
            self.assertIn("replica that takes no writes", await self.refused(self.url))

    async def test_full(self) -> None:
        """A Redis without memory."""
        self.server.ask("CONFIG", "SET", "maxmemory", 1)
        self.assertIn("out of memory", await self.refused(self.url))

    def as_user(self, who: str) -> str:
        """The server's URL with user and password."""
        return f"redis://{who}@127.0.0.1:{self.server.port}"

    async def refused(self, url: str, prefix: str = "test") -> str:
        """What is said when somebody tries to get into touch; it does not hold the password, and nobody is lost."""
        stream = Stream(reactor, RedisUrl.parse(url), prefix)
        said = await self.raises(Unreachable, stream.connect(self.lost.append))
        self.assertNotIn("heim", said)
        self.assertNotIn("\n", said)
        self.assertEqual(self.lost, [])
        await self.raises(Unreachable, stream.epoch())
        return said


class Silent:
    """Where nothing answers, and nothing refuses."""

    def connect(self, _factory: object) -> Deferred[object]:
        return Deferred()


class Lost(AtRedis):
    """The touch with Redis is lost."""

    async def test_killed(self) -> None:
        """When Redis is killed all that waits fails; who is in touch hears of it once, and is not connected again."""
        one, _ = await self.founded()
        self.lost.clear()
        self.server.pause()
        waiting = [under_way(one.read("first", "0-0")), *(under_way(one.append("first", str(n))) for n in range(20))]
        self.server.kill()
        said = [await self.raises(Unreachable, each) for each in waiting]
        await until(lambda: len(self.lost) == 2)
        self.assertIn(self.server.url, said[0])
        await self.raises(Unreachable, one.epoch())
        self.server.start()
        await self.raises(Unreachable, one.epoch())
        self.assertEqual(len(self.lost), 2)  # one for each of the two instances
        await one.connect(self.lost.append)
        self.assertIsNone(await one.epoch())

    async def test_one_of_the_two(self) -> None:
        """When either of its two connections is lost, so is the other."""
        for place in (0, 1):
            stream = await self.in_touch()
            waiting = under_way(stream.read("none", "0-0"))
            await self.raises(Replaced, waiting)
            listed = self.server.ask("CLIENT", "LIST", "TYPE", "NORMAL")
            assert isinstance(listed, str)
            there = [line.split()[0] for line in listed.splitlines() if "cmd=client" not in line]
            ids = sorted(int(each.removeprefix("id=")) for each in there)
            self.server.ask("CLIENT", "KILL", "ID", ids[place])
            await until(lambda: bool(self.lost))
            await self.raises(Unreachable, stream.epoch())
            await self.raises(Unreachable, stream.read("none", "0-0"))
            self.assertEqual(len(self.lost), 1)
            self.assertIn("has closed the connection", self.lost.pop())
            await self.gone()

    async def test_paused(self) -> None:
        """When Redis stands still, what is said waits until it goes on, and is there then, in order."""
        one, other = await self.founded()
        self.server.pause()
        waiting = [under_way(one.append("first", str(n))) for n in range(50)]
        self.server.resume()
        ids = await gatherResults(waiting)
        self.assertEqual(await other.tail("first", "0-0"), [(id, str(n)) for n, id in enumerate(ids)])
        self.assertEqual(self.lost, [])

    async def test_silent(self) -> None:
        """A Redis from which nothing has come for long is lost, even where no connection ended."""
        one, _ = await self.founded()
        self.patch(shared, "SILENCE", -0.9)
        self.server.pause()
        waiting = under_way(one.append("first", "text"))
        self.assertIn("has not answered for 0.1 s", await self.raises(Unreachable, one.read("first", "0-0")))
        await self.raises(Unreachable, waiting)
        self.assertEqual(len(self.lost), 1)

    async def test_closed(self) -> None:
        """Who closes is not told that it is lost; what waits fails."""
        one, other = await self.founded()
        waiting = [under_way(one.read("first", "0-0")), under_way(one.append("first", "text"))]
        one.close()
        one.close()
        for each in waiting:
            await self.raises(Unreachable, each)
        other.close()
        await self.gone()
        self.assertEqual(self.lost, [])

    async def test_a_connection_closed(self) -> None:
        """The end of a connection that was closed is nobody's loss, whenever it comes."""
        made = await connect(reactor, RedisUrl.parse(self.url))
        made.when_lost(self.lost.append)
        waiting = made.ask("XREAD", "BLOCK", 0, "STREAMS", "none", "0-0")
        made.close()
        await self.raises(Unreachable, waiting)
        await deferLater(reactor, 0)
        self.assertEqual(self.lost, [])
        with self.assertRaises(Unreachable):
            made.when_lost(self.lost.append)
        await self.raises(Unreachable, made.ask("PING"))

    async def test_in_touch_again(self) -> None:
        """With all that it kept, when it is there again; the old connections' end is nobody's loss."""
        one, other = await self.founded()
        id = await one.append("first", "text")
        await one.connect(self.lost.append)
        self.assertEqual(await one.epoch(), Epoch("first", 1))
        self.assertEqual(await one.tail("first", "0-0"), [(id, "text")])
        await one.append("first", "more")
        self.assertEqual(len(await other.tail("first", "0-0")), 2)
        self.assertEqual(self.lost, [])


class Refuses(AtRedis):
    """Redis is there, and does not do what it is asked."""

    async def test_out_of_memory(self) -> None:
        """A Redis whose memory is full is lost, with the reason; and is in touch again when it has memory."""
        one, other = await self.founded()
        id = await other.append("first", "text")
        self.server.ask("CONFIG", "SET", "maxmemory", 1)
        self.assertIn("out of memory", await self.raises(Unreachable, one.append("first", "text")))
        self.assertEqual([each for each in self.lost if "out of memory" in each], self.lost)
        self.assertEqual(len(self.lost), 1)
        self.assertEqual(await other.read("first", "0-0"), [(id, "text")])
        await self.raises(Unreachable, one.connect(self.lost.append))
        self.server.ask("CONFIG", "SET", "maxmemory", 0)
        await one.connect(self.lost.append)
        await one.append("first", "more")
        self.assertEqual(len(self.lost), 1)

    async def test_nothing_overtakes(self) -> None:
        """Of many that are on their way none is taken after one that was refused: that could not be said again."""
        one, other = await self.founded()
        assert one._commands is not None
        appended = [under_way(one.append("first", "before"))]
        one._commands.ask("CONFIG", "SET", "maxmemory", 1)
        appended.append(under_way(one.append("first", "refused")))
        one._commands.ask("CONFIG", "SET", "maxmemory", 0)
        appended += [under_way(one.append("first", "after")) for _ in range(2)]
        id = await appended[0]
        for each in appended[1:]:
            await self.raises(Unreachable, each)
        self.assertEqual(await other.tail("first", "0-0"), [(id, "before")])
        self.assertEqual(len(self.lost), 1)
        self.assertIn("out of memory", self.lost[0])
        await one.connect(self.lost.append)
        await one.append("first", "after")
        self.assertEqual([text for _, text in await other.tail("first", "0-0")], ["before", "after"])

    async def test_too_late(self) -> None:
        """Who has said nothing for so long that Redis has forgotten its order must get into touch anew."""
        one, _ = await self.founded()
        await one.append("first", "text")
        orders = self.server.ask("KEYS", "test:order:*")
        assert isinstance(orders, list)
        self.assertEqual([str(each) for each in orders if not 0 < self.lasts(str(each)) <= 600_000], [])
        for each in orders:
            self.server.ask("DEL", str(each))
        await self.raises(Unreachable, one.append("first", "text"))
        await one.connect(self.lost.append)
        await one.append("first", "text")

    def lasts(self, key: str) -> int:
        """Milliseconds until Redis forgets it."""
        milliseconds = self.server.ask("PTTL", key)
        assert isinstance(milliseconds, int)
        return milliseconds

    async def test_became_a_replica(self) -> None:
        """A Redis that was made a replica of another one while it was used."""
        one, _ = await self.founded()
        with ports.kept() as keeper:
            self.server.ask("REPLICAOF", "127.0.0.1", ports.number_of(keeper))
            self.assertIn("replica", await self.raises(Unreachable, one.append("first", "text")))
        self.assertEqual(len(self.lost), 1)

    async def test_forgot_its_scripts(self) -> None:
        """A Redis whose scripts were flushed goes on as if nothing had been."""
        one, _ = await self.founded()
        self.server.ask("SCRIPT", "FLUSH")
        await one.append("first", "text")
        self.assertEqual(self.lost, [])

    async def test_something_else_there(self) -> None:
        """Something else under the same prefix is not taken for groups, nor overwritten."""
        self.server.ask("SET", "test:epoch", "mine")
        stream = await self.in_touch()
        self.assertIn("something else under the same prefix", await self.raises(Unreachable, stream.epoch()))
        self.assertEqual(self.server.ask("GET", "test:epoch"), "mine")

    async def test_lines(self) -> None:
        """What is not one line is refused before it is sent."""
        one, other = await self.founded()
        await self.raises(ValueError, one.append("first", "two\nlines"))
        await self.raises(ValueError, one.keep("first", "1-1", ["two\nlines"]))
        id = await one.append("first", "text")
        self.assertEqual(await other.tail("first", "0-0"), [(id, "text")])
        self.assertEqual(await other.image("first"), IMAGE)


class Tls(AtRedis):
    """With a certificate that the system's authorities must have signed."""

    def setUp(self) -> None:
        super().setUp()
        self.key, self.certificate = certificate(Path(self.server.folder))
        self.port = ports.kept()
        self.addCleanup(self.port.close)
        self.secure = RedisServer(
            *("--tls-port", str(ports.number_of(self.port)), "--tls-auth-clients", "no"),
            *("--tls-cert-file", self.certificate, "--tls-key-file", self.key),
        )
        self.addCleanup(self.secure.remove)
        self.secure.start()
        self.url = f"rediss://localhost:{ports.number_of(self.port)}"

    async def test_trusted(self) -> None:
        """It is as without, where the certificate is trusted; large texts, too."""
        self.addCleanup(os.environ.__setitem__, "SSL_CERT_FILE", os.environ.get("SSL_CERT_FILE", ""))
        os.environ["SSL_CERT_FILE"] = self.certificate
        one, other = await self.founded()
        id = await one.append("first", "x" * 3_000_000)
        self.assertEqual(await other.read("first", "0-0"), [(id, "x" * 3_000_000)])
        self.secure.kill()
        await until(lambda: len(self.lost) == 2)

    async def test_not_trusted(self) -> None:
        """A certificate that nobody has signed is refused, and so is a Redis that speaks no TLS."""
        said = await self.raises(Unreachable, self.stream().connect(self.lost.append))
        self.assertIn("certificate verify failed", said)
        self.url = f"rediss://localhost:{self.server.port}"
        self.patch(shared, "CONNECT_TIMEOUT", 0.2)
        said = await self.raises(Unreachable, self.stream().connect(self.lost.append))
        self.assertIn("does not answer", said)


def certificate(folder: Path) -> tuple[str, str]:
    """The paths of a new key, and of a certificate for localhost that is signed with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    day = datetime.timedelta(days=1)
    now = datetime.datetime.now(datetime.timezone.utc)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "certificate").write_bytes(signed.public_bytes(Encoding.PEM))
    return str(folder / "key"), str(folder / "certificate")
