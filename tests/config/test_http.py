"""The sections [ocs-http] and [gws], and `control = ocs-http`."""

from __future__ import annotations

import pytest

from proxy.campaign.policy import By, Control
from proxy.config import Compression, GwsChannel, OcsHttpChannel, WebSocket, parse
from proxy.endpoints import http_upstream, http_uri
from proxy.http.relay.address import HttpUpstream
from proxy.summary import summary, warnings
from tests.config.test_config import TEVENTS, problems
from tests.config.test_direct import DIRECT

OCS_HTTP = """
[ocs-http]
listen = tcp:7080
upstream = http://ocs1:8080
"""

GWS = """
[gws]
listen = tcp:7098
upstream = http://gws1:8098
"""

REPORTS = "reports = tcp:7081:interface=127.0.0.1\n"


def test_the_least_they_say() -> None:
    """Where to listen and where the other side is: the rest has defaults, and each of them can be the only channel."""
    config = parse(OCS_HTTP)
    assert config.ocs_http == OcsHttpChannel(("tcp:7080",), (HttpUpstream("tcp:ocs1:8080", "http", "ocs1:8080"),))
    assert (config.tevents, config.direct, config.gws, config.limits.max_body) == (None, None, None, 1048576)
    config = parse(GWS)
    assert config.gws == GwsChannel(
        ("tcp:7098",), (HttpUpstream("tcp:gws1:8098", "http", "gws1:8098"),), WebSocket.REFUSE, Compression.KEEP
    )
    assert config.ocs_http is None


def test_everything_they_can_say() -> None:
    """Every option arrives, with its type; upstreams in order."""
    config = parse(
        f"{OCS_HTTP}           https://ocs2\n{REPORTS}forward_reports = https://else/reports?from=1\n"
        f"{GWS}websocket = tunnel\ncompression = refuse\n[limits]\nmax_body = 4096\n"
    )
    assert config.ocs_http == OcsHttpChannel(
        ("tcp:7080",),
        (HttpUpstream("tcp:ocs1:8080", "http", "ocs1:8080"), HttpUpstream("tls:ocs2:443", "https", "ocs2")),
        ("tcp:7081:interface=127.0.0.1",),
        "https://else/reports?from=1",
    )
    assert config.gws is not None
    assert (config.gws.websocket, config.gws.compression) == (WebSocket.TUNNEL, Compression.REFUSE)
    assert config.limits.max_body == 4096


@pytest.mark.parametrize(
    ("text", "upstream"),
    [
        ("http://ocs1", HttpUpstream("tcp:ocs1:80", "http", "ocs1")),
        ("http://ocs1:80/", HttpUpstream("tcp:ocs1:80", "http", "ocs1")),
        ("https://ocs1:8443", HttpUpstream("tls:ocs1:8443", "https", "ocs1:8443")),
        ("http://10.1.1.5:8080", HttpUpstream("tcp:10.1.1.5:8080", "http", "10.1.1.5:8080")),
        ("http://[2001:db8::1]:8080", HttpUpstream(r"tcp:2001\:db8\:\:1:8080", "http", "[2001:db8::1]:8080")),
        ("tcp:ocs1:8080", HttpUpstream("tcp:ocs1:8080", "http", "ocs1:8080")),
        (r"tcp:\:\:1:80", HttpUpstream(r"tcp:\:\:1:80", "http", "[::1]")),
        ("tls:ocs1:443", HttpUpstream("tls:ocs1:443", "https", "ocs1")),
        (
            "tls:host=ocs1:port=8443:trustRoots=/",
            HttpUpstream("tls:host=ocs1:port=8443:trustRoots=/", "https", "ocs1:8443"),
        ),
    ],
)
def test_upstreams(text: str, upstream: HttpUpstream) -> None:
    """An upstream is a URL without a path, or an endpoint for what a URL cannot say."""
    assert http_upstream(text) == upstream


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("http://ocs1:8080/campaigngroups", "host and port only, no path is wanted"),
        ("http://ocs1?a=b", "host and port only, no path is wanted"),
        ("http://ocs1:0", "no port from 1 to 65535"),
        ("http://ocs1:99999", "port out of range"),
        ("http://ocs1:http", "port could not be cast"),
        ("http://:8080", "neither http://host:port nor https://host:port"),
        ("http://[::1", "invalid IPv6 URL"),
        ("https://[::1]", "the host's name is wanted for https"),
        ("ftp://ocs1", "neither http://host:port nor https://host:port"),
        ("ocs1:8080", "none of http://host:port, https://host:port, tcp:host:port, tls:host:port"),
        ("ssl:ocs1:8080", "none of http://host:port"),
        ("unix:/run/ocs", "none of http://host:port"),
        ("tcp:ocs1", "missing 1 required positional argument: 'port'"),
        ("tls:ocs1:http", "no port from 1 to 65535"),
        ("", "none of http://host:port"),
    ],
)
def test_upstreams_that_are_wrong(text: str, problem: str) -> None:
    """What cannot be an upstream is told with what was wanted."""
    with pytest.raises(ValueError, match=problem):
        http_upstream(text)


def test_no_password_is_shown() -> None:
    """A URL with a password is refused, and not shown: the output of `check` is passed around."""
    for read in (http_upstream, http_uri):
        with pytest.raises(ValueError, match="without user and password") as told:
            read("http://anna:secret@ocs1:8080")
        assert "secret" not in str(told.value)


def test_what_is_wrong_in_them() -> None:
    """Their problems are told like all others, all at once."""
    assert problems(
        "[ocs-http]\nlisten = tcp:http\nreports = tcp\nforward_reports = else:80\nwire = open\n"
        "[gws]\nlisten = tcp:7098\nupstream = ocs:80\n   http://gws/a\nwebsocket = maybe\n"
        "compression = remove\nreports = tcp:1\n"
        "[limits]\nmax_body = 0\n"
    ) == [
        "[ocs-http] upstream: missing",
        "[ocs-http] listen: no port from 0 to 65535: 'tcp:http'",
        "[ocs-http] reports: not an endpoint to listen on: 'tcp' (missing 1 required positional argument: 'port')",
        "[ocs-http] forward_reports: neither http://host:port nor https://host:port: 'else:80'",
        "[ocs-http] wire: unknown here; it is an option of [tevents] and [direct]",
        "[gws] upstream: none of http://host:port, https://host:port, tcp:host:port, tls:host:port: 'ocs:80'; "
        "host and port only, no path is wanted: requests keep their own: 'http://gws/a'",
        "[gws] websocket: not one of refuse, tunnel: 'maybe'",
        "[gws] compression: not one of keep, refuse: 'remove'",
        "[gws] reports: unknown here; it is an option of [ocs-http]",
        "[limits] max_body: not a whole number from 1 to 2147483647: '0'",
    ]


COMPLETES = "[completion]\nby = proxy\ncontrol = ocs-http\n"
NAMED = "[group A@B]\ndbid = 101\n"
ALONE = (
    "[completion] control: ocs-http alone does not suffice: "
    "stopped and unloaded are said by [tevents], [direct], or reports of [ocs-http]: one is needed"
)


@pytest.mark.parametrize("beside", [TEVENTS, OCS_HTTP + REPORTS])
def test_groups_are_completed_over_it(beside: str) -> None:
    """`control = ocs-http` completes a group whose DBID is known, where somebody says what became of it; N3."""
    config = parse((beside if "ocs-http" in beside else beside + OCS_HTTP) + COMPLETES + NAMED)
    assert (config.policy.by, config.policy.control) == (By.PROXY, Control.OCS_HTTP)


def test_ids_that_do_not_suffice() -> None:
    """N3: a group goes by its DBID over HTTP, and by campaign and agent group where only [direct] tells of it."""
    text = "missing: control = ocs-http cannot complete the group without it (or: complete = no)"
    assert problems(f"{TEVENTS}{OCS_HTTP}{COMPLETES}[group A@B]\n") == [f"[group A@B] dbid: {text}"]
    both = [f"[group A@B] campaign_id: {text}", f"[group A@B] group_id: {text}"]
    assert problems(f"{DIRECT}{OCS_HTTP}{COMPLETES}{NAMED}") == both
    parse(f"{DIRECT}{OCS_HTTP}{COMPLETES}{NAMED}campaign_id = 11\ngroup_id = 732\n")
    parse(f"{DIRECT}{OCS_HTTP}{COMPLETES}[group A@B]\ncomplete = no\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (OCS_HTTP + COMPLETES, [ALONE]),
        (OCS_HTTP + GWS + "[completion]\ncontrol = ocs-http\n", [ALONE]),
        (
            OCS_HTTP + "[group A@B]\ndbid = 1\nby = proxy\ncontrol = ocs-http\n",
            [ALONE.replace("completion", "group A@B")],
        ),
        (TEVENTS + COMPLETES, ["[completion] control: ocs-http needs a section [ocs-http]"]),
        (GWS + COMPLETES, ["[completion] control: ocs-http needs a section [ocs-http]", ALONE]),
        (OCS_HTTP + "[completion]\nby = proxy\n", ["[completion] control: tevents needs a section [tevents]"]),
        (OCS_HTTP + "[completion]\nby = dialer\nattribute = add\n", []),
    ],
)
def test_a_control_that_could_not_complete(text: str, expected: list[str]) -> None:
    """An HTTP success is acceptance only: without anybody who says stopped and unloaded it is a conf error."""
    if expected:
        assert problems(text) == expected
    else:
        parse(text)


def test_the_summary_names_them() -> None:
    """`check` says where they are relayed to, where reports are taken, and what is large."""
    lines = summary(
        parse(f"{OCS_HTTP}      https://ocs2\n{REPORTS}forward_reports = http://else/r\n{GWS}")
    ).splitlines()
    assert lines[:3] == [
        "ocs-http    tcp:7080 to http://ocs1:8080, then https://ocs2",
        "reports     of OCS on tcp:7081:interface=127.0.0.1, passed on to http://else/r",
        "gws         tcp:7098 to http://gws1:8098; WebSocket: refuse; compression: keep",
    ]
    assert "bodies of 1048576 bytes" in lines[-1]


def test_what_deserves_a_second_look() -> None:
    """Desktops that cannot be read, and reports that go nowhere, are told; so is who may say how groups are."""
    assert warnings(parse(f"{GWS}websocket = tunnel\n")) == [
        "[gws] websocket: tunnel: the groups of agents whose desktops use it are not completed"
    ]
    assert warnings(parse(f"{OCS_HTTP}forward_reports = http://else/r\n")) == [
        "[ocs-http] forward_reports: is without effect without reports"
    ]
    assert warnings(parse(OCS_HTTP + REPORTS + GWS)) == []
