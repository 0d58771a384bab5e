"""Status, time line, health and metrics over HTTP, on a real port."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from twisted.internet import reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.threads import deferToThread
from twisted.logger import LogEvent, globalLogPublisher
from twisted.trial.unittest import TestCase

from proxy.admin.site import site
from proxy.admin.watched import Kind, Metric
from tests.quiet import quiet

SALES = {"name": "Sales@Agents", "dbid": 101, "state": "running", "retrieved": None, "agents": ["3001"]}


class Proxy:
    """What is watched: as much of a proxy as the pages can see."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.announced: list[dict[str, object]] = []
        self.names = ["Sales@Agents"]
        self.relayed = 0

    def groups(self) -> list[dict[str, object]]:
        return [SALES]

    def health(self) -> list[str]:
        return self.reasons

    def instances(self) -> dict[str, object]:
        return {"instance": 3, "leader": None, "instances": []}

    def timeline(self) -> list[dict[str, object]]:
        return self.announced

    def metrics(self) -> list[Metric]:
        return [
            Metric("tevent_proxy_frames", "Frames relayed.", Kind.COUNTER, {("up",): self.relayed}, ("direction",)),
            Metric("tevent_proxy_sessions", "Desktops connected.", Kind.GAUGE, {(): 2}),
            Metric("tevent_proxy_outstanding", "By group.", Kind.GAUGE, dict.fromkeys(zip(self.names), 1), ("group",)),
        ]


class Answered:
    """A whole HTTP answer."""

    def __init__(self, answer: HTTPResponse) -> None:
        self.code = answer.status
        self.headers = answer.headers
        self.body = answer.read()

    @property
    def json(self) -> Any:
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)

    @property
    def samples(self) -> dict[tuple[str, ...], float]:
        """Each number of /metrics, by its name and the values of its labels."""
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(self.body.decode())
            for sample in family.samples
        }


class AdminTests(TestCase):
    """The pages of [admin]."""

    def setUp(self) -> None:
        self.proxy = Proxy()
        port = reactor.listenTCP(0, site(self.proxy), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.addCleanup(lambda: Deferred.fromCoroutine(quiet()))
        self.port = port.getHost().port

    def ask(self, path: str, method: str = "GET", accept: str = "*/*") -> Deferred[Answered]:
        """One request on a connection of its own, from a thread: the client is none of Twisted's."""

        def answer() -> Answered:
            with closing(HTTPConnection("127.0.0.1", self.port, timeout=300)) as connection:
                connection.request(method, path, headers={"Accept": accept})
                return Answered(connection.getresponse())

        return deferToThread(answer)

    @inlineCallbacks
    def test_groups(self) -> Generator[Deferred[Any], Any, None]:
        """/groups shows every group as it is; unknown numbers are null."""
        answered = yield self.ask("/groups")
        assert answered.code == 200
        assert answered.json == {"groups": [SALES]}
        assert b'"retrieved": null' in answered.body

    @inlineCallbacks
    def test_health(self) -> Generator[Deferred[Any], Any, None]:
        """/health is 200 while nothing is wrong, else 503, and says what; it is never taken from a cache."""
        answered = yield self.ask("/health")
        assert (answered.code, answered.json) == (200, {"healthy": True, "reasons": []})
        self.proxy.reasons = ["[tevents] upstream tcp:tserver1:7000: the last attempt failed"]
        answered = yield self.ask("/health")
        assert (answered.code, answered.json) == (503, {"healthy": False, "reasons": self.proxy.reasons})
        assert answered.headers["cache-control"] == "no-store"

    @inlineCallbacks
    def test_timeline(self) -> Generator[Deferred[Any], Any, None]:
        """/timeline shows what was announced, in order; names that are not UTF-8 do not break it."""
        self.proxy.announced = [
            {"time": 1.5, "group": "Sales@Agents", "news": "Stop sent", "text": "", "loud": False},
            {
                "time": 2.5,
                "group": "Verk\udce4ufe@Agents",
                "news": "completion failed",
                "text": "3 times",
                "loud": True,
            },
        ]
        answered = yield self.ask("/timeline")
        assert (answered.code, answered.json) == (200, self.proxy.announced)

    @inlineCallbacks
    def test_instances(self) -> Generator[Deferred[Any], Any, None]:
        """/instances shows who shares the groups; what is not known is null."""
        answered = yield self.ask("/instances")
        assert (answered.code, answered.json) == (200, {"instance": 3, "leader": None, "instances": []})

    @inlineCallbacks
    def test_metrics(self) -> Generator[Deferred[Any], Any, None]:
        """/metrics shows the numbers of the moment it is asked, each with its labels, and no other program's."""
        self.proxy.relayed = 3
        yield self.ask("/metrics")
        self.proxy.relayed = 5
        answered = yield self.ask("/metrics")
        assert answered.code == 200
        assert answered.headers["content-type"].startswith("text/plain")
        assert answered.samples == {
            ("tevent_proxy_frames_total", "up"): 5,
            ("tevent_proxy_sessions",): 2,
            ("tevent_proxy_outstanding", "Sales@Agents"): 1,
        }
        assert b"# TYPE tevent_proxy_frames_total counter" in answered.body
        assert b"# HELP tevent_proxy_sessions Desktops connected." in answered.body

    @inlineCallbacks
    def test_metrics_of_any_name(self) -> Generator[Deferred[Any], Any, None]:
        """Group names with quotes, newlines, or bytes that are not UTF-8 do not take the metrics away."""
        self.proxy.names = ['a"b\\c\nd', "Verk\udce4ufe", "Größe"]
        answered = yield self.ask("/metrics")
        shown = {labels[0] for name, *labels in answered.samples if name == "tevent_proxy_outstanding"}
        assert shown == {'a"b\\c\nd', "Verk\\udce4ufe", "Größe"}

    @inlineCallbacks
    def test_open_metrics(self) -> Generator[Deferred[Any], Any, None]:
        """A Prometheus that asks for OpenMetrics gets it."""
        answered = yield self.ask("/metrics", accept="application/openmetrics-text; version=1.0.0")
        assert answered.headers["content-type"].startswith("application/openmetrics-text")
        assert answered.body.endswith(b"# EOF\n")

    @inlineCallbacks
    def test_head(self) -> Generator[Deferred[Any], Any, None]:
        """HEAD answers as GET does, without the body: enough for a health check."""
        for path in ("/groups", "/timeline", "/instances", "/health", "/metrics", "/nowhere"):
            got = yield self.ask(path)
            headed = yield self.ask(path, "HEAD")
            assert (headed.code, headed.body) == (got.code, b""), path
            assert headed.headers["content-length"] == str(len(got.body)), path
            assert headed.headers["content-type"] == got.headers["content-type"], path

    @inlineCallbacks
    def test_only_to_be_read(self) -> Generator[Deferred[Any], Any, None]:
        """Nothing can be changed over these pages: every method but GET and HEAD is refused, as JSON."""
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            answered = yield self.ask("/groups", method)
            assert (answered.code, answered.headers["allow"]) == (405, "GET, HEAD"), method
            assert "error" in answered.json

    @inlineCallbacks
    def test_unknown_paths(self) -> Generator[Deferred[Any], Any, None]:
        """Where there is no page there is a 404 that names those there are."""
        for path in ("/", "/nowhere", "/groups/", "/groups/Sales@Agents", "/metrics/../groups", "/%ff"):
            answered = yield self.ask(path)
            assert answered.code == 404, path
            assert "/health" in answered.json["error"], path

    @inlineCallbacks
    def test_nothing_is_logged(self) -> Generator[Deferred[Any], Any, None]:
        """Health checks every few seconds leave the log alone."""
        events: list[LogEvent] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        yield self.ask("/health")
        yield self.ask("/nowhere", "HEAD")
        assert events == []
