"""An operator who asks over HTTP: at OCS's own port, and through GWS."""

from __future__ import annotations

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol

from proxy.errors import OurError
from proxy.simulator.httpclient import HttpUri, NoUri
from proxy.simulator.httpoperator import at_gws, at_ocs, give
from proxy.simulator.operator import NoAnswer, Order
from tests.simulator.web import WebCase

SALES = {"dbid": 101, "campaign_id": 101, "group_id": 732}


class Says(Protocol):
    """Answers whatever comes with bytes of the test's, and closes."""

    answer = b""
    closes = True

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(self.answer)
        if self.closes:
            self.transport.loseConnection()


class OperatorTests(WebCase):
    """An operator, and the doors."""

    async def give(self, order: Order, door: str = "ocs-http") -> dict:
        """What the operator is told."""
        posted = at_ocs(order) if door == "ocs-http" else at_gws(order, 4113)
        return await give(posted, f"http://127.0.0.1:{self.simulator.ports[door]}/", 10, reactor)

    async def test_each_order_at_each_door(self) -> None:
        """Load, start, mode, stop, unload and force unload are accepted and done at both doors."""
        await self.begin()
        orders = ["load", "start", "mode", "stop", "unload", "load", "force-unload"]
        for door in ("ocs-http", "gws"):
            for order in orders:
                answer = await self.give(Order(order, **SALES), door)
                assert (answer["answer"], answer["status"]) == ("accepted", 200), (door, order)
                if "unload" in order:
                    await self.until(lambda: self.group["state"] == "not_loaded")
        assert self.group["accepted"]["load"] == 4
        assert {each["sender"] for each in self.simulator.truth()["requests"]} == {"operator"}

    async def test_attribute_and_mode(self) -> None:
        """--auto-completion and --mode go where they belong."""
        await self.begin()
        for door in ("ocs-http", "gws"):
            await self.give(Order("load", auto_completion=1, **SALES), door)
            assert self.simulator.ocs.groups[0].armed
            await self.give(Order("start", mode="Predictive", **SALES), door)
            assert (self.group["mode"], self.simulator.ocs.groups[0].armed) == ("Predictive", False)
            await self.give(Order("force-unload", **SALES), door)

    async def test_refusals(self) -> None:
        """What OCS refuses, whether by HTTP status or in the body, is told."""
        await self.begin(ocs_http="http_errors = body")
        answer = await self.give(Order("stop", **SALES))
        assert (answer["answer"], answer["status"]) == ("refused", 200)
        answer = await self.give(Order("stop", **SALES), "gws")
        assert (answer["answer"], answer["status"]) == ("refused", 409)

    async def test_what_cannot_be_asked(self) -> None:
        """A status, or a group by the wrong name, is not asked over HTTP; nor anything of what is no URI."""
        for wrong in (Order("status", **SALES), Order("load", campaign_id=101, group_id=732)):
            with self.assertRaises(OurError):
                at_ocs(wrong)
        for wrong in (Order("status", **SALES), Order("load", dbid=101), Order("load", campaign_id=101)):
            with self.assertRaises(OurError):
                at_gws(wrong, 4113)
        for uri in ("tcp:127.0.0.1:8080", "http://", "http://a:b/", "ftp://a/", "http://a/ b", "http://ä/"):
            with self.assertRaises(NoUri):
                HttpUri.read(uri)

    async def test_uris(self) -> None:
        """http and https, with and without a port and a path."""
        assert HttpUri.read("http://a") == HttpUri("tcp:host=a:port=80", "a", "/")
        assert HttpUri.read("https://u:p@a:1/b?c=d") == HttpUri("tls:host=a:port=1", "a:1", "/b?c=d")
        assert HttpUri.read("http://[::1]:8/").endpoint == r"tcp:host=\:\:1:port=8"

    async def answer(self, said: bytes, closes: bool = True, timeout: float = 10) -> dict:
        """What an operator is told by a server that says this."""
        factory = Factory.forProtocol(type("S", (Says,), {"answer": said, "closes": closes}))
        factory.noisy = False
        port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
        self.addCleanup(port.stopListening)
        return await give(at_ocs(Order("load", **SALES)), f"http://127.0.0.1:{port.getHost().port}", timeout, reactor)

    async def test_strange_servers(self) -> None:
        """A reply in chunks, or until the end, is one; half a reply, none in time, no HTTP, no JSON is none."""
        chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
        for whole in (chunks, b"HTTP/1.1 100 Continue\r\n\r\n" + chunks, b"HTTP/1.0 200 OK\r\n\r\n{}"):
            assert await self.answer(whole) == {"answer": "accepted", "status": 200}
        assert (await self.answer(b"HTTP/1.1 502 X\r\nContent-Length: 2\r\n\r\n[]"))["answer"] == "refused"
        for broken in (chunks[:-9], b"nonsense\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{"):
            with self.assertRaises(NoAnswer):
                await self.answer(broken)
        with self.assertRaises(NoAnswer):
            await self.answer(chunks[:-3], closes=False, timeout=0.05)

    async def test_nobody_is_there(self) -> None:
        """No server is no answer."""
        with self.assertRaises(NoAnswer):
            await give(at_ocs(Order("load", **SALES)), "http://127.0.0.1:1", 10, reactor)
