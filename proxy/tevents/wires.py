"""The wire formats of T-Events there are: the open one, and those of plug-ins."""

from __future__ import annotations

from proxy.interfaces import ITEventWire
from proxy.tevents.openwire import open_wire
from proxy.wires import wire_format


def tevent_wire(name: str) -> ITEventWire:
    """The wire format `wire = NAME` of [tevents] means. Raises OurError where there is none that can be used."""
    return wire_format(name, open_wire, ITEventWire)
