"""Metrics for Prometheus: plain integers, read at scrape time, so that counting costs the message path nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry

from proxy.admin.watched import Kind, Metric

_FAMILIES = {Kind.COUNTER: CounterMetricFamily, Kind.GAUGE: GaugeMetricFamily}


class Scrape(Collector):
    """Asks for the numbers whenever Prometheus asks, and keeps none."""

    def __init__(self, metrics: Callable[[], Iterable[Metric]]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """The numbers of this moment."""
        for metric in self._metrics():
            family = _FAMILIES[metric.kind](metric.name, metric.help, labels=metric.labels)
            for labels, value in metric.values.items():
                family.add_metric([_printable(label) for label in labels], value)
            yield family


def registry(metrics: Callable[[], Iterable[Metric]]) -> CollectorRegistry:
    """A registry of its own with nothing but `metrics` in it."""
    collectors = CollectorRegistry(auto_describe=False)
    collectors.register(Scrape(metrics))
    return collectors


def exposition(collectors: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """The numbers of this moment in the form that an Accept header asks for, and the content type of it."""
    encode, content_type = choose_encoder(accept)
    return encode(collectors), content_type


def _printable(label: str) -> str:
    """Names that are not UTF-8 on the wire hold their odd bytes as surrogates, which no encoding takes."""
    return label.encode("utf-8", "backslashreplace").decode("utf-8")
