"""The wire formats there are: those the project ships, and those of plug-ins."""

from __future__ import annotations

from typing import TypeVar

from twisted.plugin import getPlugins
from zope.interface.exceptions import Invalid
from zope.interface.interface import InterfaceClass
from zope.interface.verify import verifyObject

from proxy.errors import OurError
from proxy.interfaces import IWireFormat

Wire = TypeVar("Wire", bound=IWireFormat)


def wire_format(name: str, built_in: Wire, wanted: InterfaceClass) -> Wire:
    """The wire format that `wire = NAME` means for the channel of `built_in`: that one, else a plug-in's.

    Raises OurError where no such format is installed (it lists those that are), or where a plug-in by that name
    lacks something of the interface `wanted`.
    """
    if name == built_in.name:
        return built_in
    found = {wire.name: wire for wire in getPlugins(IWireFormat) if wire.channel == built_in.channel}
    if name not in found:
        known = ", ".join(sorted({built_in.name, *found}))
        raise OurError(f"no wire format of that name is installed: {name!r} (there are: {known})")
    wire = found[name]
    try:
        verifyObject(wanted, wire)
    except Invalid as problem:
        reason = " ".join(str(problem).split())
        raise OurError(f"the wire format {name!r} cannot be used: {reason}") from problem
    return wire  # type: ignore[return-value]
