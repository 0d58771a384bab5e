"""A REST server like GWS, which is a client of OCS: what it is asked goes on to OCS as a direct message.

POST /ocs/v3/servers/4113/load-campaign
{"data": {"campaignId": 101, "groupId": 732, "requestProperties": [{"key": "GSW_AUTO_COMPLETION", "value": 1}]}}

The reply is {"status": {"code": 0}} when OCS has begun to do it. Other parts of GWS hang on the same site.
"""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from proxy.kvlist import Pair, pair
from proxy.simulator import vocabulary as word
from proxy.simulator.arrivals import Answering, NotingSite, answer_json
from proxy.simulator.asked import HttpClient
from proxy.simulator.ocs_http import Unreadable, as_pair, error_of, plain, sender_of
from proxy.simulator.vocabulary import DIAL_MODES, GWS_REQUESTS, HTTP_ERRORS, Control, Refusal

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from proxy.simulator.conf import GwsConf
    from proxy.simulator.directlog import DirectLog
    from proxy.simulator.ocs import Ocs

_MODES = {name.lower(): number for number, name in DIAL_MODES.items()}


class Folder(Resource):
    """A part of a path under which there are others (`putChild`); what is not there is said in JSON."""

    def __init__(self) -> None:
        Resource.__init__(self)

    def getChild(self, path: bytes, request: Request) -> Resource:
        """There is nothing by that name, nor under it."""
        nothing = Folder()
        nothing.isLeaf = True
        return nothing

    def render(self, request: Request) -> bytes:
        """Nor is there anything here."""
        return refuse(request, Refusal.NO_SUCH_RESOURCE, "There is no such resource")


class GwsSite(NotingSite):
    """The site to listen with for [gws]. `root` is there for other parts: `site.root.putChild(b"workspace", ...)`."""

    def __init__(self, ocs: Ocs, ocs_dbid: int, conf: GwsConf, reactor: IReactorTime, log: DirectLog | None) -> None:
        self.root = Folder()
        NotingSite.__init__(self, self.root, reactor, conf.keep_alive)
        ocs_folder, version = Folder(), Folder()
        self.root.putChild(b"ocs", ocs_folder)
        ocs_folder.putChild(b"v3", version)
        version.putChild(b"servers", Servers(ocs, ocs_dbid, log))


class Servers(Resource):
    """/ocs/v3/servers/DBID/REQUEST: requests to the OCS of this DBID."""

    isLeaf = True

    def __init__(self, ocs: Ocs, ocs_dbid: int, log: DirectLog | None) -> None:
        Resource.__init__(self)
        self._ocs = ocs
        self._dbid = str(ocs_dbid)
        self._log = log
        self._references = count(1)

    def render(self, request: Request) -> bytes | int:
        """Answers at once, or when OCS has looked at it."""
        path = b"/".join(request.postpath or ()).decode("latin-1")
        dbid, _, name = path.partition("/")
        asked = GWS_REQUESTS.get(name)
        if dbid != self._dbid or asked is None or request.method != b"POST":
            return refuse(request, Refusal.NO_SUCH_RESOURCE, "There is no such resource")
        try:
            pairs = self._direct(asked, plain(request))
        except Unreadable as problem:
            return refuse(request, Refusal.NOT_READABLE, str(problem))
        self._ask(request, pairs)
        return NOT_DONE_YET

    def _ask(self, request: Request, pairs: list[Pair]) -> None:
        client, answering = HttpClient(), Answering(request)

        def answer() -> None:
            if client.refusal is None:
                answering.json({"status": {"code": 0}})
            else:
                answering.json(*refusal(*error_of(client.refusal)))

        if self._log is not None:
            self._log.received(0, pairs)
        self._ocs.hear_direct(client, sender_of(request, "gws"), pairs, answer)

    def _direct(self, asked: Control, body: bytes) -> list[Pair]:
        """What GWS says to OCS. Raises Unreadable."""
        data = data_of(body)
        pairs = [pair(word.CM_TYPE, int(asked)), pair(word.CM_REFERENCE, next(self._references))]
        pairs += [
            as_pair(key, data[name])
            for key, name in ((word.CM_CAMPAIGN, word.GWS_CAMPAIGN), (word.CM_GROUP, word.GWS_GROUP))
            if name in data
        ]
        if word.GWS_DIAL_MODE in data:
            mode = data[word.GWS_DIAL_MODE]
            pairs.append(as_pair(word.CM_DIAL_MODE, _MODES.get(str(mode).lower(), mode)))
        if word.GWS_PROPERTIES in data:
            pairs.append(pair(word.CM_PROPERTIES, properties_of(data[word.GWS_PROPERTIES])))
        return pairs


def data_of(body: bytes) -> dict[str, Any]:
    """`data` of a request's body. Raises Unreadable where there is no such object."""
    try:
        content = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Unreadable("The body is not JSON") from None
    data = content.get("data") if isinstance(content, dict) else None
    if not isinstance(data, dict):
        raise Unreadable("The body has no data")
    return data


def properties_of(properties: object) -> list[Pair]:
    """`requestProperties` as pairs. Raises Unreadable where it is no list of keys and values."""
    if not isinstance(properties, list):
        raise Unreadable("requestProperties is no list")
    pairs = []
    for each in properties:
        if not isinstance(each, dict) or not isinstance(each.get("key"), str) or "value" not in each:
            raise Unreadable("requestProperties has something that is no key and value")
        pairs.append(as_pair(each["key"], each["value"]))
    return pairs


def refuse(request: Request, code: Refusal, text: str) -> bytes:
    """Make a refusal the reply of a request; for `render`, what to return."""
    return answer_json(request, *refusal(code, text))


def refusal(code: Refusal, text: str) -> tuple[dict[str, object], int]:
    """The body of a refusal, and its HTTP status."""
    return {"status": {"code": word.GWS_REFUSED, "message": text}}, HTTP_ERRORS[code]
