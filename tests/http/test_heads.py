"""The heads of messages as a proxy passes them on."""

from __future__ import annotations

import pytest

from proxy.http.relay.address import HttpUpstream
from proxy.http.relay.heads import (
    chunked,
    end_to_end,
    forwarded,
    is_encoded,
    located,
    reply_text,
    request_text,
    with_length,
)
from proxy.http.turns import ReplyHead, RequestHead

OCS = HttpUpstream("tcp:ocs1:8080", "http", "ocs1:8080")


def test_hop_by_hop():
    """What concerns one connection only stays on it, with what Connection names; all else is kept as it stands."""
    headers = (
        (b"HOST", b"a"),
        (b"Connection", b"keep-alive, X-Mine"),
        (b"Keep-Alive", b"timeout=5"),
        (b"x-mine", b"1"),
        (b"X-Other", b"2"),
        (b"Proxy-Authorization", b"Basic x"),
        (b"proxy-connection", b"keep-alive"),
        (b"TE", b"trailers"),
        (b"Trailer", b"X-Sum"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Upgrade", b"h2c"),
        (b"x-other", b"3"),
    )
    assert end_to_end(headers) == ((b"HOST", b"a"), (b"X-Other", b"2"), (b"x-other", b"3"))


def test_connection_that_names_too_much():
    """Nobody takes the meaning out of a message by naming Host or the length in Connection."""
    headers = ((b"Connection", b"Host, Content-Length, Content-Type"), (b"Host", b"a"), (b"Content-Length", b"3"))
    assert end_to_end(headers) == headers[1:]


def test_forwarded():
    """The server is told who asks, in a field of its own or behind those that are there."""
    assert forwarded(((b"Host", b"p"),), "10.1.1.1", True) == (
        (b"Host", b"p"),
        (b"X-Forwarded-For", b"10.1.1.1"),
        (b"X-Forwarded-Proto", b"https"),
        (b"X-Forwarded-Host", b"p"),
    )
    there = (
        (b"x-forwarded-for", b"1.1.1.1"),
        (b"X-FORWARDED-PROTO", b"https"),
        (b"x-forwarded-for", b"2.2.2.2"),
        (b"X-Forwarded-Host", b"outer"),
        (b"Host", b"p"),
    )
    assert forwarded(there, "3.3.3.3", False) == (
        (b"x-forwarded-for", b"1.1.1.1"),
        (b"X-FORWARDED-PROTO", b"https, http"),
        (b"x-forwarded-for", b"2.2.2.2, 3.3.3.3"),
        (b"X-Forwarded-Host", b"outer, p"),
        (b"Host", b"p"),
    )


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        (b"http://ocs1:8080/a?b#c", b"https://proxy:88/a?b#c"),
        (b"HTTP://OCS1:8080", b"https://proxy:88"),
        (b"http://ocs1:8080?x", b"https://proxy:88?x"),
        (b"http://ocs1:80801/a", b"http://ocs1:80801/a"),
        (b"http://ocs1:8080.evil/a", b"http://ocs1:8080.evil/a"),
        (b"https://ocs1:8080/a", b"https://ocs1:8080/a"),
        (b"http://elsewhere/http://ocs1:8080/", b"http://elsewhere/http://ocs1:8080/"),
        (b"/relative", b"/relative"),
        (b"//ocs1:8080/a", b"//ocs1:8080/a"),
        (b"", b""),
    ],
)
def test_location(location, expected):
    """A Location at the server itself leads to the proxy, as the browser knows it; every other one stays."""
    headers = ((b"a", b"b"), (b"location", location))
    assert located(headers, OCS, True, b"proxy:88") == ((b"a", b"b"), (b"location", expected))


def test_location_at_the_default_port():
    """The scheme's own port may be said or not."""
    gws = HttpUpstream("tls:gws:443", "https", "gws")
    assert located(((b"Location", b"https://gws:443/x"),), gws, False, b"p") == ((b"Location", b"http://p/x"),)
    assert located(((b"Location", b"https://gws/x"),), gws, False, None) == ((b"Location", b"https://gws/x"),)


def test_length():
    """A length is told once, where it was told before, else at the end."""
    assert with_length(((b"content-length", b"3"), (b"A", b"b")), 12) == ((b"content-length", b"12"), (b"A", b"b"))
    assert with_length(((b"A", b"b"),), 0) == ((b"A", b"b"), (b"Content-Length", b"0"))
    both = ((b"Content-Length", b"3"), (b"A", b"b"))
    assert chunked(both) == ((b"A", b"b"), (b"Transfer-Encoding", b"chunked"))


@pytest.mark.parametrize(
    ("encoding", "expected"), [(b"gzip", True), (b"Identity", False), (b"identity, br", True), (b"", False)]
)
def test_encoded(encoding, expected):
    """A body that is compressed is not looked into."""
    assert is_encoded(((b"content-encoding", encoding),)) is expected
    assert not is_encoded(())


def test_text():
    """Heads on the wire."""
    headers = ((b"a", b"\xe4"), (b"B", b""))
    assert request_text(RequestHead(b"GET", b"/x?y", headers)) == b"GET /x?y HTTP/1.1\r\na: \xe4\r\nB: \r\n\r\n"
    assert reply_text(ReplyHead(404, b"G\xe4", headers)) == b"HTTP/1.1 404 G\xe4\r\na: \xe4\r\nB: \r\n\r\n"
