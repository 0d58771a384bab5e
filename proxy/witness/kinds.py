"""The kinds of witnesses there are: the built-in ones, and those of plug-ins."""

from __future__ import annotations

from twisted.plugin import getPlugins
from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyObject

from proxy.errors import OurError
from proxy.interfaces import IWitnessKind
from proxy.witness.calling_list import calling_list
from proxy.witness.ocs_log import ocs_log

BUILT_IN: dict[str, IWitnessKind] = {kind.name: kind for kind in (ocs_log, calling_list)}
"""The kinds that need no plug-in, by name."""


def witness_kind(name: str) -> IWitnessKind:
    """The kind that `[witness NAME]` means: a built-in one, else that of a plug-in.

    Raises OurError where no such kind is installed (it lists those that are), or where a plug-in by that name lacks
    something of IWitnessKind.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    found = {kind.name: kind for kind in getPlugins(IWitnessKind)}
    if name not in found:
        known = ", ".join(sorted({*BUILT_IN, *found}))
        raise OurError(f"no witness of that name is installed: {name!r} (there are: {known})")
    kind = found[name]
    try:
        verifyObject(IWitnessKind, kind)
    except Invalid as problem:
        reason = " ".join(str(problem).split())
        raise OurError(f"the witness {name!r} cannot be used: {reason}") from problem
    return kind
