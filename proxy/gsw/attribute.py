"""The attribute in one list of pairs: an edit carried out, and nothing else changed (M4, R5)."""

from __future__ import annotations

from collections.abc import Iterable

from proxy.campaign.attribute import GSW_AUTO_COMPLETION, Edit
from proxy.kvlist import INTEGER, Pair, Value

ONE = Pair(GSW_AUTO_COMPLETION, 1, INTEGER)
"""The attribute as the proxy writes it: exactly (R5)."""


def attribute_values(pairs: Iterable[Pair]) -> list[Value]:
    """The values of GSW_AUTO_COMPLETION, in order."""
    return [pair[1] for pair in pairs if pair[0] == GSW_AUTO_COMPLETION]


def edited(pairs: list[Pair], edit: Edit) -> list[Pair]:
    """The pairs after an edit: order, other keys, kinds and values stay."""
    if edit is Edit.LEAVE:
        return pairs
    if edit is Edit.APPEND:
        return [*pairs, ONE]
    first = next((place for place, pair in enumerate(pairs) if pair.key == GSW_AUTO_COMPLETION), None)
    keep_first = edit is Edit.SET
    return [
        ONE if place == first else pair
        for place, pair in enumerate(pairs)
        if pair.key != GSW_AUTO_COMPLETION or (keep_first and place == first)
    ]
