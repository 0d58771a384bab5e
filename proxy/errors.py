"""The two families of errors: the other side's, and ours."""


class PeerError(Exception):
    """What the other side sent is wrong. It is relayed as it is, counted, and never our fault."""


class Malformed(PeerError):
    """A body whose lengths do not add up: it cannot be decoded (M3)."""


class Unframable(PeerError):
    """A length that no frame can have: from here on the bytes cannot be cut into frames (M3)."""


class OurError(Exception):
    """What we, or our conf file, want cannot be done."""


class DoesNotFit(OurError):
    """A value is too large for the place the wire format has for it (M4)."""
