"""Endpoint strings, looked at before anything listens or connects.

Twisted parses them (files of certificates are read, nothing is opened or resolved); ports and hosts, which it
looks at only when it is too late, are looked at here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address

from OpenSSL import SSL, crypto
from twisted.internet.endpoints import clientFromString, serverFromString

_FIELDS = re.compile(r"(?<!\\):")
_ARGUMENT = re.compile(r"[a-zA-Z]\w*(?=(?<!\\)=)")


def listenable(description: str) -> None:
    """Raises ValueError, with a text for operators, where nothing could listen there."""
    scheme, arguments = _arguments(description, ("port",))
    if scheme in ("tcp", "tcp6", "ssl", "tls"):
        _check_port(description, arguments, lowest=0)
    _parse(serverFromString, description, "an endpoint to listen on")


def connectable(description: str) -> None:
    """Raises ValueError, with a text for operators, where nothing could connect there, or unverified only."""
    scheme, arguments = _arguments(description, ("host", "port"))
    if scheme == "ssl":
        raise ValueError(f"ssl: verifies nothing when it connects; use tls: {description!r}")
    if scheme in ("tcp", "tls"):
        _check_port(description, arguments, lowest=1)
        if not arguments.get("host"):
            raise ValueError(f"no host: {description!r}")
    _parse(clientFromString, description, "an endpoint to connect to")


def only_local(description: str) -> bool:
    """Whether only this host can reach a listening endpoint."""
    scheme, arguments = _arguments(description, ("port", "interface"))
    if scheme == "unix":
        return True
    interface = arguments.get("interface", "").replace("\\", "")
    try:
        return interface == "localhost" or ip_address(interface).is_loopback
    except ValueError:
        return False


def _arguments(description: str, names: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """The scheme, and the arguments by name; `names` are those of the first ones without a name."""
    scheme, *texts = _FIELDS.split(description)
    arguments: dict[str, str] = {}
    places = iter(names)
    for text in texts:
        if name := _ARGUMENT.match(text):
            arguments[name[0]] = text[name.end() + 1 :]
        elif (place := next(places, None)) is not None:
            arguments[place] = text
    return scheme, arguments


def _check_port(description: str, arguments: dict[str, str], lowest: int) -> None:
    port = arguments.get("port")
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
