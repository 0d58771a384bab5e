"""The policy for GSW_AUTO_COMPLETION (R3, R5): what becomes of it in a client's request, and whether it arms."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from proxy.campaign.policy import Attribute, By

GSW_AUTO_COMPLETION = "GSW_AUTO_COMPLETION"
"""The key (D): an integer, 1 asks OCS to stop and unload the group when it has no more records."""


class Edit(Enum):
    """What a channel does to the attribute in the message it relays."""

    LEAVE = "leave"
    APPEND = "append integer 1 at the end"
    SET = "integer 1 in the first place, no other"
    REMOVE = "remove every one"


def edit(policy: Attribute, by: By, asks: bool, values: Sequence[object]) -> Edit:
    """What becomes of a client's request whose attributes have `values`, in order.

    `asks` where it is a LoadCampaign, StartDialing or SetDialingMode: the only requests that may bear the
    attribute (D); it is taken out of every other. With `by = nobody` not a byte is changed (R29).
    """
    if by is By.NOBODY:
        return Edit.LEAVE
    if not asks or policy is Attribute.REMOVE:
        return Edit.REMOVE if values else Edit.LEAVE
    if policy is Attribute.KEEP or (policy is Attribute.ADD and values):
        return Edit.LEAVE
    if not values:
        return Edit.APPEND
    if len(values) == 1 and type(values[0]) is int and values[0] == 1:
        return Edit.LEAVE
    return Edit.SET


def arms(policy: Attribute, values: Sequence[object]) -> bool:
    """Whether a request with `values` arms its group once it is accepted (R3).

    The last value counts, and it is the client's after `add` or `force`: `remove` keeps it from an OCS that must
    not see it, and arms all the same.
    """
    if policy is Attribute.FORCE or (policy is Attribute.ADD and not values):
        return True
    return bool(values) and asks_for_completion(values[-1])


def asks_for_completion(value: object) -> bool:
    """Read leniently: 1 and "1" ask for it, anything else does not, JSON's `true` included (R5)."""
    if isinstance(value, str):
        return value.strip() == "1"
    return type(value) is int and value == 1
