"""The HTTP port of OCS.

POST /campaigngroups/101?req=Load     {"GSW_AUTO_COMPLETION": 1}

The resource's id is the campaign group's DBID, `req` what is asked of it, the body's keys are those of campaign
control. The reply comes when OCS has begun to do it: that it is done, its events say.
"""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from attrs import frozen
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from proxy.kvlist import Pair, pair
from proxy.simulator import vocabulary as word
from proxy.simulator.arrivals import Answering, NotingSite, answer_json, body_of, channel_of
from proxy.simulator.asked import HttpClient
from proxy.simulator.conf import HttpErrors
from proxy.simulator.vocabulary import HTTP_ERRORS, HTTP_GROUPS, HTTP_REQUESTS, HTTP_RESOURCES, Refusal

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from proxy.simulator.conf import OcsHttpConf
    from proxy.simulator.ocs import Ocs


class Unreadable(ValueError):
    """A body that OCS cannot read."""


@frozen
class Target:
    """What a request is for: `/campaigngroups/101?req=Load`. What is not there is empty."""

    kind: str
    id: str
    request: str

    @classmethod
    def of(cls, target: bytes) -> Target:
        """Read it, in any case; further parts of the path, and of the query, do not matter."""
        path, _, query = target.decode("latin-1").partition("?")
        parts = [*path.strip("/").split("/"), ""]
        asked = {key.lower(): values[-1] for key, values in parse_qs(query).items()}
        return cls(parts[0].lower(), parts[1], asked.get("req", "").lower())


def ocs_http_site(ocs: Ocs, conf: OcsHttpConf, reactor: IReactorTime) -> NotingSite:
    """The site to listen with for [ocs-http]."""
    return NotingSite(OcsHttp(ocs, conf.http_errors), reactor, conf.keep_alive)


class OcsHttp(Resource):
    """Everything there is at OCS's HTTP port. Resources but campaign groups only say that they are there."""

    isLeaf = True

    def __init__(self, ocs: Ocs, errors: HttpErrors) -> None:
        Resource.__init__(self)
        self._ocs = ocs
        self._errors = errors

    def render(self, request: Request) -> bytes | int:
        """Answers at once, or when OCS has looked at it."""
        channel = channel_of(request)
        self._ocs.voice.log.http_request(channel.number, channel.begun, request.uri.decode("latin-1"))
        target = Target.of(request.uri)
        if target.kind not in HTTP_RESOURCES:
            return self._refuse(request, Refusal.NO_SUCH_RESOURCE, "There is no such resource")
        if target.kind != HTTP_GROUPS or request.method != b"POST":
            return answer_json(request, {"resource": target.kind, "id": target.id})
        if target.request not in HTTP_REQUESTS:
            return self._refuse(request, Refusal.NOT_READABLE, "There is no such request")
        try:
            keys = pairs_of(plain(request))
        except Unreadable as problem:
            return self._refuse(request, Refusal.NOT_READABLE, str(problem))
        self._ask(request, target, keys)
        return NOT_DONE_YET

    def _ask(self, request: Request, target: Target, keys: list[Pair]) -> None:
        pairs = [
            *keys,
            pair(word.CM_SESSION, int(target.id) if target.id.isdecimal() else target.id),
            pair(word.CM_TYPE, int(HTTP_REQUESTS[target.request])),
        ]
        self._ocs.voice.log.parsed_request(pairs)
        client, answering = HttpClient(), Answering(request)

        def answer() -> None:
            if client.refusal is None:
                answering.json({word.CM_SESSION: int(target.id)})
            else:
                answering.json(*self._refusal(*error_of(client.refusal)))

        self._ocs.hear_http(client, sender_of(request, "http"), pairs, answer)

    def _refuse(self, request: Request, code: Refusal, text: str) -> bytes:
        return answer_json(request, *self._refusal(code, text))

    def _refusal(self, code: Refusal, text: str) -> tuple[dict[str, object], int]:
        """The body of a refusal, and its HTTP status."""
        status = HTTP_ERRORS[code] if self._errors is HttpErrors.STATUS else 200
        return {word.ERROR: text, word.CM_ERROR_CODE: int(code)}, status


def error_of(refusal: list[Pair]) -> tuple[Refusal, str]:
    """Code and text of an EvError."""
    code = word.number(refusal, word.CM_ERROR_CODE)
    return Refusal(code or Refusal.WRONG_STATE), word.text(refusal, word.CM_ERROR_MESSAGE) or ""


def sender_of(request: Request, name: str) -> str:
    """By which name a client is known: that of its User-Agent, without its version; `name` where it has none."""
    return (request.getHeader("user-agent") or name).partition("/")[0]


# ------------------------------------------------------------------------------------------------ bodies


def plain(request: Request) -> bytes:
    """The body of a request, gzip undone. Raises Unreadable."""
    coding = request.getHeader("content-encoding") or "identity"
    body = body_of(request)
    if coding == "identity":
        return body
    if coding != "gzip":
        raise Unreadable("Unknown content encoding")
    try:
        return zlib.decompress(body, zlib.MAX_WBITS | 16)
    except zlib.error:
        raise Unreadable("The body is not gzip") from None


class _Object(dict[str, object]):
    """A JSON object. `members` are in order, repeats kept."""

    def __init__(self, members: list[tuple[str, object]]) -> None:
        super().__init__(members)
        self.members = members


def pairs_of(body: bytes) -> list[Pair]:
    """The members of the JSON object that is a body; none for an empty one. Raises Unreadable."""
    try:
        text = body.decode("utf-8")
        content = json.loads(text, object_pairs_hook=_Object) if text.strip() else _Object([])
    except (ValueError, RecursionError):
        raise Unreadable("The body is not JSON") from None
    if not isinstance(content, _Object):
        raise Unreadable("The body is no JSON object")
    return [as_pair(key, value) for key, value in content.members]


def as_pair(key: str, value: object) -> Pair:
    """A string or integer as it is; all else as its JSON text."""
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return pair(key, value)
    return pair(key, json.dumps(value))
