"""The attribute in a direct message: an edit carried out, and nothing else changed (M4, R5).

Its place is in GSW_CM_AttrProperties, a list (D). A client that puts it beside that list, where the other protocols
have it, is read all the same where the list has none (A), and it is taken out there, too.
"""

from __future__ import annotations

from proxy.campaign.attribute import GSW_AUTO_COMPLETION, Edit
from proxy.direct.message import Message
from proxy.gsw import attribute
from proxy.gsw.control import PROPERTIES
from proxy.kvlist import LIST, Pair, Value


def attribute_values(message: Message) -> list[Value]:
    """The values of GSW_AUTO_COMPLETION, in order: those of the properties, else those beside them."""
    return _in_properties(message) or attribute.attribute_values(message)


def edited(message: Message, edit: Edit) -> Message:
    """The message after an edit: order, other keys, kinds and values stay.

    The list is created at the end where there is none. One that held nothing but the attribute goes with it, so that
    what is left is what a client without properties sends; one that the client sent empty stays.
    """
    if edit is Edit.LEAVE:
        return message
    if edit is Edit.APPEND:
        return _appended(message)
    if edit is Edit.SET and not _in_properties(message):
        return _appended(edited(message, Edit.REMOVE))
    changed: Message = []
    for each in message:
        if each.key == GSW_AUTO_COMPLETION:
            continue
        properties = _properties(each)
        if properties is not None and attribute.attribute_values(properties):
            properties = attribute.edited(properties, edit)
            edit = Edit.REMOVE  # the first place is found: no other keeps it
            if not properties:
                continue
            each = each._replace(value=properties)
        changed.append(each)
    return changed


def _appended(message: Message) -> Message:
    """With the attribute at the end of the last properties, or with properties of its own at the end."""
    for place in reversed(range(len(message))):
        properties = _properties(message[place])
        if properties is not None:
            longer = message[place]._replace(value=attribute.edited(properties, Edit.APPEND))
            return [*message[:place], longer, *message[place + 1 :]]
    return [*message, Pair(PROPERTIES, [attribute.ONE], LIST)]


def _in_properties(message: Message) -> list[Value]:
    lists = [properties for each in message if (properties := _properties(each)) is not None]
    return [value for properties in lists for value in attribute.attribute_values(properties)]


def _properties(each: Pair) -> list[Pair] | None:
    return each.value if each.key == PROPERTIES and isinstance(each.value, list) else None
