"""The attribute in the user data of a T-Event: an edit carried out, and nothing else changed (M4, R5)."""

from __future__ import annotations

from proxy.campaign.attribute import GSW_AUTO_COMPLETION, Edit
from proxy.kvlist import INTEGER, Pair

_ONE = Pair(GSW_AUTO_COMPLETION, 1, INTEGER)


def edited(pairs: list[Pair], edit: Edit) -> list[Pair]:
    """The pairs after an edit: order, other keys, kinds and values stay."""
    if edit is Edit.LEAVE:
        return pairs
    if edit is Edit.APPEND:
        return [*pairs, _ONE]
    first = next((place for place, pair in enumerate(pairs) if pair.key == GSW_AUTO_COMPLETION), None)
    keep_first = edit is Edit.SET
    return [
        _ONE if place == first else pair
        for place, pair in enumerate(pairs)
        if pair.key != GSW_AUTO_COMPLETION or (keep_first and place == first)
    ]
