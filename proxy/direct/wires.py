"""The wire formats of the direct protocol there are: the open one, and those of plug-ins."""

from __future__ import annotations

from proxy.direct.openwire import open_wire
from proxy.interfaces import IDirectWire
from proxy.wires import wire_format


def direct_wire(name: str) -> IDirectWire:
    """The wire format `wire = NAME` of [direct] means. Raises OurError where there is none that can be used."""
    return wire_format(name, open_wire, IDirectWire)
