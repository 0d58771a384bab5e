"""Where endpoints are, as far as their text tells: nothing is opened or resolved.

IPv4 and IPv6 are apart here: whether who listens at every address of IPv6 does so at those of IPv4, too, is up to the
system.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address

from proxy.endpoints import BEFORE_BACKLOG, arguments

_Host = IPv4Address | IPv6Address | str
_Place = tuple[_Host, int | None]
"""A host, by its address or, where the text tells no more, by name; and a port, None for a socket that has a path."""

_ANY_4, _ANY_6 = IPv4Address("0.0.0.0"), IPv6Address("::")
_LOCAL_4, _LOCAL_6 = IPv4Address("127.0.0.1"), IPv6Address("::1")

_ALIASES: Mapping[_Host, tuple[_Host, ...]] = {
    "localhost": (_LOCAL_4, _LOCAL_6),
    _ANY_4: (_LOCAL_4,),
    _ANY_6: (_LOCAL_6,),
}
"""What is reached by connecting to a host that is none."""


def clash(one: str, other: str) -> bool:
    """Whether nobody can listen at both of these endpoints."""
    a, b = _listens_at(one), _listens_at(other)
    return a is not None and b is not None and a[1] == b[1] and (_takes(a[0], b[0]) or _takes(b[0], a[0]))


def leads_to(upstream: str, listening: str, own: Collection[object] = ()) -> bool:
    """Whether who connects to one endpoint, on this machine, reaches who listens at the other.

    `own` are hosts that are known to be this machine: see `interfaces`.
    """
    place = _listens_at(listening)
    if place is None:
        return False
    host, port = place
    for reached, its_port in _connects_to(upstream):
        is_here = host not in (_ANY_4, _ANY_6) or reached in own or _is_loopback(reached)
        if its_port == port and is_here and _takes(host, reached):
            return True
    return False


def interfaces(listening: Iterable[str]) -> frozenset[object]:
    """The hosts that are said to be this machine, by those who listen there only."""
    places = (_listens_at(each) for each in listening)
    return frozenset(place[0] for place in places if place is not None and place[1] is not None) - {_ANY_4, _ANY_6}


def _listens_at(description: str) -> _Place | None:
    """None where the text does not tell: a free port, a descriptor that is inherited."""
    scheme = description.partition(":")[0]
    scheme, given = arguments(description, BEFORE_BACKLOG.get(scheme, ()))
    if scheme == "unix":
        return _plain(given["address"]), None
    if scheme not in BEFORE_BACKLOG or int(given["port"]) == 0:
        return None
    interface = _plain(given.get("interface", "")) or str(_ANY_6 if scheme == "tcp6" else _ANY_4)
    return (_LOCAL_4 if interface == "localhost" else _host(interface)), int(given["port"])


def _connects_to(description: str) -> list[_Place]:
    scheme = description.partition(":")[0]
    scheme, given = arguments(description, ("path",) if scheme == "unix" else ("host", "port"))
    if scheme == "unix":
        return [(_plain(given["path"]), None)]
    if scheme not in ("tcp", "tls") or "port" not in given:
        return []
    host = _host(_plain(given["host"]))
    return [(each, int(given["port"])) for each in _ALIASES.get(host, (host,))]


def _takes(listening: _Host, host: _Host) -> bool:
    """Whether who listens at one host does so at the other. Names to listen at are those of IPv4 addresses."""
    if listening == _ANY_4:
        return not isinstance(host, IPv6Address)
    return listening == host or (listening == _ANY_6 and isinstance(host, IPv6Address))


def _is_loopback(host: _Host) -> bool:
    return not isinstance(host, str) and host.is_loopback


def _host(text: str) -> _Host:
    try:
        address = ip_address(text)
    except ValueError:
        return text.lower()
    return getattr(address, "ipv4_mapped", None) or address


def _plain(argument: str) -> str:
    return argument.replace("\\", "")
