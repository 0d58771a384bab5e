"""What a store is refused for at the start."""

from __future__ import annotations

from proxy.errors import OurError


class Unusable(OurError):
    """The store cannot be used; one line says why, and what an operator can do."""
