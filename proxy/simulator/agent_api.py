"""The Agent API, as web desktops know it: REST requests, and T-Events over CometD.

POST /auth/v3/sign-in                              a form; 302, with a code in Location
POST /workspace/v3/initialize-workspace?code=...   the session's cookie
POST /workspace/v3/activate-channels               {"data": {"agentId": ..., "dn": ... or "placeName": ...}}
POST /workspace/v3/voice/send-user-event           {"data": {"userData": [{"key": ..., "type": ..., "value": ...}]}}
POST /workspace/v3/notifications[/...]             Bayeux

Each session has an agent, who is a client of T-Server at a DN.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from secrets import token_hex
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from attrs import define, field, frozen
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from proxy.errors import DoesNotFit
from proxy.simulator.arrivals import Answering, body_of
from proxy.simulator.cometd import Bayeux, Poll
from proxy.simulator.timers import Timers
from proxy.simulator.vocabulary import AGENT_LOGIN, AGENT_LOGOUT, AGENT_NOT_READY, AGENT_READY
from proxy.simulator.web_agent import RequestFailed, WebAgent
from proxy.simulator.web_data import BadUserData, read

if TYPE_CHECKING:
    from proxy.simulator.conf import GwsConf
    from proxy.simulator.tserver import TServer

SESSION_COOKIES = ("WORKSPACE_SESSIONID", "WWE_CODE")
"""The vendor's client knows its session by the first, the one of the samples by the second (C)."""

BROWSER_COOKIE = "BAYEUX_BROWSER"

INITIALIZATION, VOICE = "/workspace/v3/initialization", "/workspace/v3/voice"
"""Channels (C)."""

PLACE = "Place_"
"""A place is named by its DN, with or without this."""

CHANNELS = ("voice", "outboundpreview")


class Refused(Exception):
    """A request that cannot be done: an HTTP status, and the text of the reply's `status`."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@define(eq=False)
class WebSession:
    """A user who is signed in. The agent comes with activate-channels."""

    user: str
    agent: WebAgent | None = None
    absence: IDelayedCall | None = None
    """While no page of the browser is there."""

    def described(self) -> dict[str, Any]:
        """The user, as the Agent API shows one."""
        active = {} if self.agent is None else {"activeSession": {"dn": self.agent.dn}}
        return {
            "userName": self.user,
            "firstName": self.user,
            "lastName": "",
            "employeeId": self.user,
            "agentLogin": self.user,
            "defaultPlace": PLACE + self.user,
            **active,
        }


@frozen
class Asked:
    """A request of a session; `id` is the call it is about, `data` that of its body."""

    session: WebSession
    data: dict[str, Any]
    id: str

    @property
    def agent(self) -> WebAgent:
        """Raises Refused where there is none yet."""
        if self.session.agent is None:
            raise Refused(400, "The voice channel is not active")
        return self.session.agent

    @property
    def call(self) -> str:
        """The id of a call that is there. Raises Refused."""
        if self.id not in self.agent.calls:
            raise Refused(404, "There is no such call")
        return self.id


@frozen
class Answer:
    """The reply's body. Answers to operations, whose outcome is an event, are said to be HTML (C)."""

    content: dict[str, Any] = field(factory=lambda: {"status": {"code": 0}})
    content_type: str = "application/json; charset=utf-8"


def _begun() -> Answer:
    return Answer({"status": {"code": 1}, "operationId": token_hex(8)}, "text/html; charset=utf-8")


class AgentApi:
    """The sessions. `dns` are those that agents may use."""

    def __init__(self, server: TServer, dns: Collection[str], conf: GwsConf, timers: Timers) -> None:
        self.bayeux = Bayeux(timers, conf.poll_timeout, conf.max_interval, self._first_word, self._page_left)
        self._server = server
        self._dns = dns
        self._absence = conf.max_interval
        self._reply_delay = conf.reply_delay
        self._timers = timers
        self._sessions: dict[str, WebSession] = {}

    def hang_on(self, root: Resource) -> None:
        """Be there on a site: /auth and /workspace."""
        root.putChild(b"auth", SignIn(self))
        root.putChild(b"workspace", Workspace(self, self._reply_delay, self._timers))

    def end(self) -> None:
        """Every poll is answered, and nothing more happens."""
        self.bayeux.end()
        self._timers.cancel_all()

    # ------------------------------------------------------------------------------------------ sessions

    def admit(self, session: WebSession) -> str:
        """What a session is known by from now on: a code, a token, the value of a cookie."""
        key = token_hex(16)
        self._sessions[key] = session
        return key

    def session(self, *keys: str | None) -> WebSession:
        """The session known by one of these. Raises Refused."""
        for key in keys:
            if key is not None and key in self._sessions:
                return self._sessions[key]
        raise Refused(401, "Nobody is signed in")

    def log_out(self, session: WebSession) -> None:
        """The agent leaves, the pages are told not to poll again, the cookies are worth nothing."""
        if session.agent is not None:
            session.agent.change(AGENT_LOGOUT)
        self._leave(session)
        self._sessions = {key: each for key, each in self._sessions.items() if each is not session}
        self.bayeux.forget(session)

    def _leave(self, session: WebSession) -> None:
        agent, session.agent = session.agent, None
        if agent is not None:
            agent.leave()

    def _page_left(self, session: WebSession) -> None:
        """A page may be loaded anew; an agent without any is gone after a while."""
        if not self.bayeux.clients_of(session):
            self._timers.cancel(session.absence)
            session.absence = self._timers.later(self._absence, self._is_absent, session)

    def _is_absent(self, session: WebSession) -> None:
        if not self.bayeux.clients_of(session):
            self._leave(session)

    def _first_word(self, session: WebSession, channel: str) -> dict[str, Any] | None:
        """Who subscribes to the initialization hears how it ended: it takes no time here."""
        if channel != INITIALIZATION:
            return None
        data = {"user": session.described(), "configuration": {}}
        return {"messageType": "WorkspaceInitializationComplete", "state": "Complete", "data": data}

    # ------------------------------------------------------------------------------------------ requests

    def do(self, name: tuple[str, str], asked: Asked) -> Answer:
        """One request by its method and path. Raises Refused."""
        act = _REQUESTS.get(name)
        if act is None:
            raise Refused(404, "There is no such resource")
        try:
            return act(self, asked)
        except RequestFailed as problem:
            raise Refused(500, str(problem)) from problem
        except (BadUserData, DoesNotFit) as problem:
            raise Refused(400, str(problem)) from problem

    def _activate(self, asked: Asked) -> Answer:
        """The agent's DN: `dn`, else that of the place, else the agent's id."""
        data = asked.data
        place = str(data.get("placeName", "")).removeprefix(PLACE)
        wanted = [data["dn"]] if "dn" in data else [place, data.get("agentId")]
        dn = next((dn for dn in wanted if dn in self._dns), None)
        if dn is None:
            raise Refused(400, "There is no such DN or place")
        session = asked.session
        self._leave(session)
        agent_id = str(data.get("agentId", session.user))
        session.agent = WebAgent(
            self._server, session.user, dn, agent_id, lambda data: self.bayeux.publish(session, VOICE, data)
        )
        session.agent.come()
        return Answer({"status": {"code": 0}, "data": {"channels": list(CHANNELS)}})

    def _current_session(self, asked: Asked) -> Answer:
        return Answer({"status": {"code": 0}, "data": {"user": asked.session.described()}})

    def _configuration(self, asked: Asked) -> Answer:
        return Answer({"status": {"code": 0}, "data": {}})

    def _log_out(self, asked: Asked) -> Answer:
        self.log_out(asked.session)
        return Answer()

    def _calls(self, asked: Asked) -> Answer:
        return Answer({"status": {"code": 0}, "data": {"calls": list(asked.agent.calls.values())}})

    def _send_user_event(self, asked: Asked) -> Answer:
        asked.agent.say(read(asked.data.get("userData")))
        return _begun()

    def _release(self, asked: Asked) -> Answer:
        asked.agent.release(asked.call)
        return _begun()

    def _attach(self, asked: Asked) -> Answer:
        asked.agent.attach(asked.call, read(asked.data.get("userData")))
        return _begun()

    def _update(self, asked: Asked) -> Answer:
        asked.agent.update(asked.call, read(asked.data.get("userData")))
        return _begun()

    def _delete(self, asked: Asked) -> Answer:
        key = asked.data.get("key")
        if not isinstance(key, str):
            raise Refused(400, "There is no key")
        asked.agent.delete(asked.call, {key})
        return _begun()


def _change(request: int) -> Callable[[AgentApi, Asked], Answer]:
    """Log in or out on the voice channel, be ready or not."""

    def change(_: AgentApi, asked: Asked) -> Answer:
        asked.agent.change(request)
        return _begun()

    return change


_REQUESTS: dict[tuple[str, str], Callable[[AgentApi, Asked], Answer]] = {
    ("POST", "activate-channels"): AgentApi._activate,
    ("GET", "current-session"): AgentApi._current_session,
    ("GET", "configuration"): AgentApi._configuration,
    ("POST", "logout"): AgentApi._log_out,
    ("GET", "voice/calls"): AgentApi._calls,
    ("POST", "voice/send-user-event"): AgentApi._send_user_event,
    ("POST", "voice/login"): _change(AGENT_LOGIN),
    ("POST", "voice/logout"): _change(AGENT_LOGOUT),
    ("POST", "voice/ready"): _change(AGENT_READY),
    ("POST", "voice/not-ready"): _change(AGENT_NOT_READY),
    ("POST", "voice/calls/*/release"): AgentApi._release,
    ("POST", "voice/calls/*/attach-user-data"): AgentApi._attach,
    ("POST", "voice/calls/*/update-user-data"): AgentApi._update,
    ("POST", "voice/calls/*/delete-user-data-pair"): AgentApi._delete,
}
"""By method and path; `*` is the id of a call."""


# ------------------------------------------------------------------------------------------------ over HTTP


class _Door(Resource, ABC):
    """Answers whatever is under its name; refusals in JSON."""

    isLeaf = True

    def __init__(self, api: AgentApi) -> None:
        Resource.__init__(self)
        self._api = api

    def render(self, request: Request) -> bytes | int:
        """Answers at once, or when there is something to say."""
        parts: list[bytes] = request.postpath or []
        path = b"/".join(parts).decode("latin-1").rstrip("/")
        try:
            return self._answer(request, path)
        except Refused as problem:
            status = {"code": problem.code, "message": str(problem)}
            return _reply(request, Answer({"status": status}), problem.code)

    @abstractmethod
    def _answer(self, request: Request, path: str) -> bytes | int: ...


class SignIn(_Door):
    """/auth: users sign in with a form. Any name will do."""

    def _answer(self, request: Request, path: str) -> bytes:
        if (request.method, path) != (b"POST", "v3/sign-in"):
            raise Refused(404, "There is no such resource")
        user = (_argument(request, b"username") or "").rpartition("\\")[2]
        if not user:
            raise Refused(400, "There is no username")
        here = request.getHost()
        scheme = "https" if request.isSecure() else "http"
        code = self._api.admit(WebSession(user))
        query = urlencode({"code": code, "redirect_uri": _argument(request, b"wweURI") or ""}, safe=":/")
        return _redirect(request, f"{scheme}://{here.host}:{here.port}/workspace/v3/start?{query}")


class Workspace(_Door):
    """/workspace: everything a signed-in user may ask. Replies to requests take `delay` seconds."""

    def __init__(self, api: AgentApi, delay: float, timers: Timers) -> None:
        _Door.__init__(self, api)
        self._delay = delay
        self._timers = timers

    def _answer(self, request: Request, path: str) -> bytes | int:
        if request.getHeader("upgrade") is not None:
            raise Refused(400, "There are no WebSockets here")
        version, _, name = path.partition("/")
        if version != "v3":
            raise Refused(404, "There is no such resource")
        if name == "start":
            return self._start(request)
        if name == "initialize-workspace":
            return self._initialize(request)
        session = self._session(request)
        if request.method == b"POST" and name.partition("/")[0] == "notifications":
            return self._notifications(request, session)
        parts = name.split("/")
        id = parts[2] if parts[:2] == ["voice", "calls"] and len(parts) == 4 else ""
        if id:
            parts[2] = "*"
        asked = Asked(session, _data_of(request), id)
        return self._later(request, self._api.do((request.method.decode("latin-1"), "/".join(parts)), asked))

    def _later(self, request: Request, answer: Answer) -> bytes | int:
        if not self._delay:
            return _reply(request, answer)
        gone: list[Failure] = []
        request.notifyFinish().addErrback(gone.append)

        def reply() -> None:
            if not gone:
                request.write(_reply(request, answer))
                request.finish()

        self._timers.later(self._delay, reply)
        return NOT_DONE_YET

    def _session(self, request: Request) -> WebSession:
        cookies = [request.getCookie(name.encode("ascii")) for name in SESSION_COOKIES]
        return self._api.session(*(value.decode("latin-1") for value in cookies if value is not None))

    def _start(self, request: Request) -> bytes:
        """Back to where the user wanted to go, the code in a cookie."""
        code = _argument(request, b"code")
        self._api.session(code)
        request.responseHeaders.addRawHeader("set-cookie", f"WWE_CODE={code}; Path=/")
        return _redirect(request, _argument(request, b"redirect_uri") or "/")

    def _initialize(self, request: Request) -> bytes:
        """By the code of a sign-in, or by the same as a token."""
        token = (request.getHeader("authorization") or "").removeprefix("Bearer ")
        id = self._api.admit(self._api.session(_argument(request, b"code"), token))
        cookie = f"{SESSION_COOKIES[0]}={id}; Path=/workspace/v3; HttpOnly"
        request.responseHeaders.addRawHeader("set-cookie", cookie)
        return _reply(request, Answer({"status": {"code": 1}}))

    def _notifications(self, request: Request, session: WebSession) -> int:
        """Bayeux. The reply may wait."""
        content = _json_of(request)
        messages = content if isinstance(content, list) else [content]
        if not messages or not all(isinstance(message, dict) for message in messages):
            raise Refused(400, "These are no Bayeux messages")
        if request.getCookie(BROWSER_COOKIE.encode("ascii")) is None:
            request.responseHeaders.addRawHeader("set-cookie", f"{BROWSER_COOKIE}={token_hex(20)}; HttpOnly")
        poll = self._api.bayeux.hear(session, messages, Answering(request).json)
        if poll is not None:
            request.notifyFinish().addErrback(self._hung_up, poll)
        return NOT_DONE_YET

    def _hung_up(self, _: Failure, poll: Poll) -> None:
        self._api.bayeux.hung_up(poll)


def _argument(request: Request, name: bytes) -> str | None:
    """The last value of a form's or a query's field."""
    values = request.args.get(name)
    return values[-1].decode("utf-8", "replace") if values else None


def _json_of(request: Request) -> Any:
    try:
        return json.loads(body_of(request))
    except (ValueError, RecursionError):
        raise Refused(400, "The body is not JSON") from None


def _data_of(request: Request) -> dict[str, Any]:
    """`data` of the body; an empty one where there is no body, as with `ready`. Raises Refused."""
    if not body_of(request).strip():
        return {}
    content = _json_of(request)
    data = content.get("data", {}) if isinstance(content, dict) else None
    if not isinstance(data, dict):
        raise Refused(400, "The body has no data")
    return data


def _redirect(request: Request, where: str) -> bytes:
    request.setResponseCode(302)
    request.setHeader("location", where.encode("utf-8"))
    return b""


def _reply(request: Request, answer: Answer, code: int = 200) -> bytes:
    request.setResponseCode(code)
    request.setHeader("content-type", answer.content_type)
    return json.dumps(answer.content).encode("utf-8")
