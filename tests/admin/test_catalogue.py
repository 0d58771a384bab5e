"""The metrics of the code are those of the docs."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.internet import reactor

from proxy.admin.watched import Kind, Metric
from proxy.config import parse
from proxy.service import ProxyService

OPERATORS = Path(__file__).parents[2] / "docs" / "operating.md"

EVERY_CHANNEL = """
[tevents]
listen = tcp:0
upstream = tcp:tserver1:7000
communication_dn = OCS_CommDN
application = tevent-proxy
application_dbid = 4114
[direct]
listen = tcp:0
upstream = tcp:ocs1:7004
[ocs-http]
listen = tcp:0
upstream = http://ocs1:8080
[gws]
listen = tcp:0
upstream = http://gws1:8098
"""


def metrics() -> list[Metric]:
    """All there are of a proxy with every channel, that shares its groups with nobody."""
    return list(ProxyService(parse(EVERY_CHANNEL), reactor).status.metrics())


def test_the_docs_name_every_metric() -> None:
    """docs/operating.md has every metric, as Prometheus shows it, once, and no other."""
    shown = [f"{each.name}_total" if each.kind is Kind.COUNTER else each.name for each in metrics()]
    rows = re.findall(r"^\| `(tevent_proxy_\w+)`", OPERATORS.read_text("utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(shown)


def test_the_docs_name_every_label() -> None:
    """A row tells by which labels a metric is taken apart; that it is by channel is said where nothing else is."""
    rows = dict(
        re.findall(r"^\| `(tevent_proxy_\w+?)(?:_total)?` \| (.*) \|$", OPERATORS.read_text("utf-8"), re.MULTILINE)
    )
    for each in metrics():
        for label in set(each.labels) - {"channel"}:
            assert f"`{label}`" in rows[each.name], (each.name, label)
