"""The wire formats of T-Events there are: the open one, and those of plug-ins."""

from __future__ import annotations

from twisted.plugin import getPlugins
from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyObject

from proxy.errors import OurError
from proxy.interfaces import ITEventWire, IWireFormat
from proxy.tevents.openwire import open_wire


def tevent_wire(name: str) -> ITEventWire:
    """The wire format `wire = NAME` of [tevents] means: the built-in one, else that of a plug-in.

    Raises OurError where no such format is installed (it lists those that are), or where a plug-in by that name
    lacks something of ITEventWire.
    """
    if name == open_wire.name:
        return open_wire
    found = {wire.name: wire for wire in getPlugins(IWireFormat) if wire.channel == "tevents"}
    if name not in found:
        known = ", ".join(sorted({open_wire.name, *found}))
        raise OurError(f"no wire format of that name is installed: {name!r} (there are: {known})")
    wire = found[name]
    try:
        verifyObject(ITEventWire, wire)
    except Invalid as problem:
        reason = " ".join(str(problem).split())
        raise OurError(f"the wire format {name!r} cannot be used: {reason}") from problem
    return wire  # type: ignore[return-value]
