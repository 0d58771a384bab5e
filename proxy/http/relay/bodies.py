"""How a body stands on the wire. Pure."""

from __future__ import annotations

from enum import Enum

from proxy.http.turns import Headers

WITHOUT_BODY = frozenset({204, 304})
"""Replies with these statuses have no body, whatever their heads say."""


class Framing(Enum):
    """How the receiver knows where a body ends."""

    NONE = "there is no body"
    LENGTH = "its length is told before"
    CHUNKED = "it comes in chunks"
    CLOSE = "it ends with the connection"


def part(framing: Framing, data: bytes) -> bytes:
    """Some bytes of a body, not none, as they stand on the wire."""
    return b"%x\r\n%b\r\n" % (len(data), data) if framing is Framing.CHUNKED else data


def end(framing: Framing, trailers: Headers = ()) -> bytes:
    """What stands behind a body."""
    if framing is not Framing.CHUNKED:
        return b""
    return b"0\r\n%b\r\n" % b"".join([b"%b: %b\r\n" % field for field in trailers])


def whole(framing: Framing, body: bytes, trailers: Headers = ()) -> bytes:
    """A body as it stands on the wire."""
    if framing is Framing.NONE:
        return b""
    if framing is not Framing.CHUNKED:
        return body
    return (part(framing, body) if body else b"") + end(framing, trailers)
