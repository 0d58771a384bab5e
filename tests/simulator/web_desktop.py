"""A plain web desktop, over real sockets, for tests: cookies, REST requests, Bayeux by hand."""

from __future__ import annotations

import json
from io import BytesIO
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from attrs import frozen
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, FileBodyProducer, HTTPConnectionPool, ResponseDone
from twisted.web.http_headers import Headers

NOTIFICATIONS = "/workspace/v3/notifications"
VOICE = "/workspace/v3/voice"


@frozen
class Reply:
    """What came back; `body` is JSON where it is."""

    status: int
    headers: Headers
    body: Any

    def header(self, name: str) -> str | None:
        """The first value of a header."""
        return (self.headers.getRawHeaders(name) or [None])[0]


class _Body(Protocol):
    """The body of a reply."""

    def __init__(self) -> None:
        self.whole: Deferred[bytes] = Deferred()
        self._parts: list[bytes] = []

    def dataReceived(self, data: bytes) -> None:
        self._parts.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if reason.check(ResponseDone):
            self.whole.callback(b"".join(self._parts))
        else:
            self.whole.errback(reason)


class WebDesktop:
    """A browser at http://127.0.0.1:`port`, one page of it."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.cookies: dict[str, str] = {}
        self.client_id = ""
        self.events: list[dict[str, Any]] = []
        """What came on channels, in order."""
        self._pool = HTTPConnectionPool(reactor)
        self._agent = Agent(reactor, pool=self._pool)
        self._ids = count(1)

    async def close(self) -> None:
        """End its connections."""
        await self._pool.closeCachedConnections()

    # ------------------------------------------------------------------------------------------ HTTP

    def request(
        self, method: str, path: str, body: bytes = b"", type: str = "application/json", **headers: str
    ) -> Deferred[Reply]:
        """One request, with the cookies that were set; cancelling it ends its connection."""
        return Deferred.fromCoroutine(self._request(method, path, body, type, headers))

    async def _request(self, method: str, path: str, body: bytes, type: str, headers: dict[str, str]) -> Reply:
        sent = {"Accept": "application/json", "Content-Type": type, **headers}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        producer = FileBodyProducer(BytesIO(body)) if method == "POST" else None
        url = f"{self.base}{path}".encode("ascii")
        raw = Headers({name: [value] for name, value in sent.items()})
        response = await self._agent.request(method.encode("ascii"), url, raw, producer)
        body = _Body()
        response.deliverBody(body)
        content = await body.whole
        for cookie in response.headers.getRawHeaders("set-cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return Reply(response.code, response.headers, json.loads(content) if content.startswith((b"{", b"[")) else None)

    def post(self, path: str, content: Any = None) -> Deferred[Reply]:
        """POST some JSON."""
        return self.request("POST", path, b"" if content is None else json.dumps(content).encode("utf-8"))

    async def form(self, path: str, **fields: str) -> Reply:
        """POST a form."""
        body = urlencode(fields).encode("ascii")
        return await self.request("POST", path, body, "application/x-www-form-urlencoded")

    # ------------------------------------------------------------------------------------------ a session

    async def sign_in(self, user: str) -> str:
        """Sign in, and initialize; returns the code."""
        reply = await self.form("/auth/v3/sign-in", username=f"\\{user}", password=user, wweURI="http://desk/cb")
        code = parse_qs(urlsplit(reply.header("location")).query)["code"][0]
        await self.post(f"/workspace/v3/initialize-workspace?code={code}&redirect_uri=http://desk/cb")
        return code

    async def come(self, dn: str) -> WebDesktop:
        """Sign in as the agent at a DN, subscribe to its events, activate the channel."""
        await self.sign_in(dn)
        await self.handshake()
        await self.subscribe(VOICE)
        await self.post("/workspace/v3/activate-channels", {"data": {"agentId": dn, "dn": dn}})
        await self.connect(0)
        return self

    def say(self, request: str, **keys: str | int) -> Deferred[Reply]:
        """A request to OCS."""
        pairs = {"GSW_AGENT_REQ_TYPE": request, **{f"GSW_{key}": value for key, value in keys.items()}}
        data = [
            {"key": key, "type": "int" if isinstance(value, int) else "str", "value": value}
            for key, value in pairs.items()
        ]
        return self.post("/workspace/v3/voice/send-user-event", {"data": {"userData": data}})

    # ------------------------------------------------------------------------------------------ Bayeux

    def bayeux(self, *messages: dict[str, Any], to: str = "") -> Deferred[Reply]:
        """Messages with ids and the page's clientId; events are kept."""
        whole = [
            {"id": str(next(self._ids)), **({"clientId": self.client_id} if self.client_id else {}), **message}
            for message in messages
        ]

        def keep(reply: Reply) -> Reply:
            self.events += [message for message in reply.body if "data" in message]
            return reply

        return self.post(NOTIFICATIONS + to, whole).addCallback(keep)

    async def handshake(self) -> Reply:
        """Become a client of CometD."""
        self.client_id = ""
        reply = await self.bayeux(
            {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]},
            to="/handshake",
        )
        self.client_id = reply.body[-1]["clientId"]
        return reply

    def subscribe(self, channel: str) -> Deferred[Reply]:
        """Hear of a channel."""
        return self.bayeux({"channel": "/meta/subscribe", "subscription": channel})

    def connect(self, timeout: int | None = None) -> Deferred[Reply]:
        """Poll; `timeout` in milliseconds, without one as long as the server likes."""
        advice = {} if timeout is None else {"advice": {"timeout": timeout}}
        return self.bayeux({"channel": "/meta/connect", "connectionType": "long-polling", **advice}, to="/connect")

    async def next(self, **wanted: Any) -> dict[str, Any]:
        """Poll until a user event with these GSW_ keys has come; its user data. What came before is dropped."""
        keys = {f"GSW_{key}": value for key, value in wanted.items()}.items()
        while True:
            while self.events:
                data = self.events.pop(0)["data"]
                if data.get("messageType") == "EventUserEvent" and keys <= data["userData"].items():
                    said: dict[str, Any] = data["userData"]
                    return said
            await self.connect()
