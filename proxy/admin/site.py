"""The pages of [admin]: /groups, /timeline, /instances and /health as JSON, /metrics for Prometheus. To be read only.

They are made at the moment they are asked for, on the reactor's thread: nothing changes under them.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from attrs import frozen
from twisted.web.http import NOT_ALLOWED, NOT_FOUND, OK, SERVICE_UNAVAILABLE
from twisted.web.http import Request as HTTPRequest
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from proxy.admin.metrics import exposition, registry
from proxy.admin.watched import Watched


@frozen
class Answer:
    """What a page has to say: an HTTP status, and a body of a type."""

    code: int
    body: bytes
    content_type: str = "application/json"


def json_answer(content: object, code: int = OK) -> Answer:
    """`content` as JSON, indented: it is often read by eye."""
    return Answer(code, json.dumps(content, indent=1).encode("ascii") + b"\n")


class Page(Resource):
    """One page: a function from the Accept header of a request to an answer."""

    def __init__(self, answer: Callable[[str], Answer]) -> None:
        Resource.__init__(self)
        self._answer = answer

    def getChild(self, path: bytes, request: Request) -> Resource:
        """There is nothing under a page."""
        return Page(_nothing_there)

    def render(self, request: Request) -> bytes:
        """Answers GET and HEAD, and refuses everything else."""
        if request.method in (b"GET", b"HEAD"):
            answer = self._answer(request.getHeader("accept") or "")
        else:
            request.setHeader("allow", "GET, HEAD")
            answer = json_answer({"error": "these pages can only be read"}, NOT_ALLOWED)
        request.setResponseCode(answer.code)
        request.setHeader("content-type", answer.content_type)
        request.setHeader("content-length", str(len(answer.body)))
        request.setHeader("cache-control", "no-store")
        return b"" if request.method == b"HEAD" else answer.body


def _nothing_there(_: str) -> Answer:
    return json_answer({"error": "there are /groups, /timeline, /instances, /health and /metrics"}, NOT_FOUND)


class QuietSite(Site):
    """A site without an access log: health checks and scrapes come every few seconds."""

    noisy = False

    def __init__(self, root: Page) -> None:
        Site.__init__(self, root)

    def log(self, request: HTTPRequest) -> None:
        """Nothing is logged."""


def site(watched: Watched) -> Site:
    """The factory to listen with for [admin]."""
    collectors = registry(watched.metrics)

    def health(_: str) -> Answer:
        reasons = list(watched.health())
        return json_answer({"healthy": not reasons, "reasons": reasons}, SERVICE_UNAVAILABLE if reasons else OK)

    pages: dict[bytes, Callable[[str], Answer]] = {
        b"groups": lambda _: json_answer({"groups": list(watched.groups())}),
        b"timeline": lambda _: json_answer(list(watched.timeline())),
        b"instances": lambda _: json_answer(watched.instances()),
        b"health": health,
        b"metrics": lambda accept: Answer(OK, *exposition(collectors, accept)),
    }
    root = Page(_nothing_there)
    for path, answer in pages.items():
        root.putChild(path, Page(answer))
    return QuietSite(root)
