"""Endpoint strings, looked at before anything listens or connects.

Twisted parses them (files of certificates are read, nothing is opened or resolved); ports and hosts, which it
looks at only when it is too late, are looked at here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from OpenSSL import SSL, crypto
from twisted.internet.endpoints import clientFromString, quoteStringArgument, serverFromString

from proxy.http.relay.address import HttpUpstream

_FIELDS = re.compile(r"(?<!\\):")
_ARGUMENT = re.compile(r"[a-zA-Z]\w*(?=(?<!\\)=)")

BACKLOG = 1024
"""So many connections may wait to be taken. With Twisted's own default, 50, it takes half a minute until 2,000 desktops
that connect anew at once are there: the system drops what is too many, and they try again after a second or more."""

BEFORE_BACKLOG = {
    "tcp": ("port", "interface", "backlog"),
    "tcp6": ("port", "backlog"),
    "ssl": ("port", "privateKey", "certKey", "sslmethod", "interface", "backlog"),
    "unix": ("address", "mode", "backlog"),
}
"""The arguments of Twisted's endpoints up to the backlog, where they stand without a name."""


def listenable(description: str) -> None:
    """Raises ValueError, with a text for operators, where nothing could listen there."""
    scheme, given = arguments(description, ("port",))
    if scheme in ("tcp", "tcp6", "ssl", "tls"):
        _check_port(description, given, lowest=0)
    _parse(serverFromString, description, "an endpoint to listen on")


def listening(description: str) -> str:
    """The same endpoint; where it does not say how many connections may wait to be taken, with BACKLOG."""
    scheme, given = arguments(description, BEFORE_BACKLOG.get(_FIELDS.split(description)[0], ()))
    if scheme not in BEFORE_BACKLOG or "backlog" in given:
        return description
    return f"{description}:backlog={BACKLOG}"


def connectable(description: str) -> None:
    """Raises ValueError, with a text for operators, where nothing could connect there, or unverified only."""
    scheme, given = arguments(description, ("host", "port"))
    if scheme == "ssl":
        raise ValueError(f"ssl: verifies nothing when it connects; use tls: {description!r}")
    if scheme in ("tcp", "tls"):
        _check_port(description, given, lowest=1)
        if not given.get("host"):
            raise ValueError(f"no host: {description!r}")
    _parse(clientFromString, description, "an endpoint to connect to")


def http_upstream(text: str) -> HttpUpstream:
    """An upstream of an HTTP channel: `http://host:port`, `https://host:port`, or an endpoint to connect to.

    An endpoint is one of `tcp:` and `tls:`, for what a URL cannot say (`trustRoots`). Raises ValueError, with a text
    for operators, where nothing could connect there, or it says more than where that is.
    """
    upstream = _of_url(text) if "://" in text else _of_endpoint(text)
    connectable(upstream.endpoint)
    return upstream


def http_uri(text: str) -> str:
    """The URI of something that takes requests, as it stands. Raises ValueError, with a text for operators."""
    url = _url(text)
    if url.fragment:
        raise ValueError(f"a URI without # is wanted: {text!r}")
    return text


def uri_endpoint(uri: str) -> str:
    """The endpoint to which requests with a URI go, one that http_uri has let pass."""
    url = _url(uri)
    return f"{_ENDPOINTS[url.scheme]}:{quoteStringArgument(url.hostname or '')}:{_port(url)}"


_PORTS = {"http": 80, "https": 443}
_ENDPOINTS = {"http": "tcp", "https": "tls"}


def _of_url(text: str) -> HttpUpstream:
    url = _url(text)
    if url.path not in ("", "/") or url.query or url.fragment:
        raise ValueError(f"host and port only, no path is wanted: requests keep their own: {text!r}")
    assert url.hostname is not None
    if url.scheme == "https" and ":" in url.hostname:
        raise ValueError(f"the host's name is wanted for https, not an IPv6 address: {text!r}")
    return HttpUpstream(uri_endpoint(text), url.scheme, _authority(url.scheme, url.hostname, _port(url)))


def _port(url: SplitResult) -> int:
    return _PORTS[url.scheme] if url.port is None else url.port


def _url(text: str) -> SplitResult:
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as problem:
        raise ValueError(f"{str(problem)[:1].lower()}{str(problem)[1:]}: {text!r}") from None
    if url.scheme not in _PORTS or not url.hostname or not text.isprintable() or " " in text:
        raise ValueError(f"neither http://host:port nor https://host:port: {text!r}")
    if port == 0:
        raise ValueError(f"no port from 1 to 65535: {text!r}")
    if "@" in url.netloc:
        raise ValueError("a URL without user and password is wanted")
    return url


def _of_endpoint(text: str) -> HttpUpstream:
    kind, given = arguments(text, ("host", "port"))
    scheme = {endpoint: scheme for scheme, endpoint in _ENDPOINTS.items()}.get(kind)
    if scheme is None:
        raise ValueError(f"none of http://host:port, https://host:port, tcp:host:port, tls:host:port: {text!r}")
    connectable(text)
    port = int(given.get("port", _PORTS[scheme]))
    return HttpUpstream(text, scheme, _authority(scheme, given["host"].replace("\\", ""), port))


def _authority(scheme: str, host: str, port: int) -> str:
    shown = f"[{host}]" if ":" in host else host
    return shown if port == _PORTS[scheme] else f"{shown}:{port}"


def only_local(description: str) -> bool:
    """Whether only this host can reach a listening endpoint."""
    scheme, given = arguments(description, ("port", "interface"))
    if scheme == "unix":
        return True
    interface = given.get("interface", "").replace("\\", "")
    try:
        return interface == "localhost" or ip_address(interface).is_loopback
    except ValueError:
        return False


def arguments(description: str, names: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """The scheme, and the arguments by name; `names` are those of the first ones without a name."""
    scheme, *texts = _FIELDS.split(description)
    given: dict[str, str] = {}
    places = iter(names)
    for text in texts:
        if name := _ARGUMENT.match(text):
            given[name[0]] = text[name.end() + 1 :]
        elif (place := next(places, None)) is not None:
            given[place] = text
    return scheme, given


def _check_port(description: str, given: dict[str, str], lowest: int) -> None:
    port = given.get("port")
    if port is not None and not (port.isdecimal() and lowest <= int(port) <= 65535):
        raise ValueError(f"no port from {lowest} to 65535: {description!r}")


def _parse(parse: Callable[[object, str], object], description: str, wanted: str) -> None:
    # Imported here: a program chooses its reactor before the first import of it.
    from twisted.internet import reactor

    try:
        parse(reactor, description)
    except OSError as problem:
        raise ValueError(f"{description!r}: {problem.strerror or problem}: {problem.filename}") from problem
    except (ValueError, TypeError, SSL.Error, crypto.Error) as problem:
        # Of a wrong argument Python names the function, too; that is Twisted's own affair.
        reason = str(problem).rpartition("() ")[2]
        raise ValueError(f"not {wanted}: {description!r} ({reason})") from problem
