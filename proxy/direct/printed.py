"""Direct messages as OCS's clients print them in their logs (D), values of properties masked.

    23:57:57.891 OCMClient[9]::message received
    GSW_CM_MessageType              7 [GSW_CM_ReqLoadCampaign]
    GSW_CM_AttrReferenceID          10
    GSW_CM_AttrProperties
                    'GSW_AUTO_COMPLETION'   '****'

Pure. Values of keys that are not listed here are masked, too: they may be personal data.
"""

from __future__ import annotations

from collections.abc import Iterator

from proxy.direct.message import Message
from proxy.gsw import control
from proxy.gsw.reading import number
from proxy.kvlist import MASK, Pair

_INDENT = " " * 16
_KEY_WIDTH = 31
_PROPERTY_WIDTH = 23


def heading(time: str, who: str, received: bool) -> str:
    """The first line: when (as `23:57:57.891`), whose connection (as `OCMClient[9]`), which way."""
    return f"{time} {who}::message {'received' if received else 'sent'}"


def printed(message: Message) -> Iterator[str]:
    """The lines of the pairs, in order."""
    for each in message:
        if isinstance(each.value, list):
            yield each.key
            yield from _properties(each.value, _INDENT)
        else:
            yield f"{each.key:<{_KEY_WIDTH}} {_value(each)}"


def _properties(pairs: list[Pair], indent: str) -> Iterator[str]:
    for key, value, _kind in pairs:
        if isinstance(value, list):
            yield f"{indent}'{key}'(list)"
            yield from _properties(value, indent + "\t")
        else:
            quoted = f"'{key}'"
            yield f"{indent}{quoted:<{_PROPERTY_WIDTH}} {MASK}"


def _value(each: Pair) -> str:
    shown = number({each.key: each.value}, each.key) if each.key in control.SHOWN else None
    if shown is None:
        return MASK
    name = control.MESSAGES.get(shown) if each.key == control.MESSAGE_TYPE else None
    return f"{shown}" if name is None else f"{shown} [{name}]"
