"""A message of the direct protocol: one list of pairs, its number among them.

Pure. What a wire format makes of bytes, and the rest of this channel reads and writes.
"""

from __future__ import annotations

from proxy.kvlist import Pair

Message = list[Pair]
"""The pairs in the order they came in; keys may repeat, the last one counts."""

ANY = 0
"""The number that a header tells of every message: the real one stands in the list."""
