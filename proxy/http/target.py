"""The target of a request, taken apart: the path's segments, and the parameters of the query.

Pure. Read leniently; nothing here raises, whatever the bytes.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote

from attrs import frozen

_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?]*")


@frozen
class Target:
    """`segments` of the path and `parameters` of the query in order, percent-decoded. Empty segments do not count."""

    segments: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...]


def target(sent: bytes) -> Target:
    """Take a target apart, in origin form (`/path?query`) or absolute form (`http://host/path?query`).

    As servers do, a fragment is left out, and the segments `.` and `..` are followed.
    """
    written = sent.decode("latin-1").partition("#")[0]
    absolute = _AUTHORITY.match(written)
    path, _, query = written[absolute.end() if absolute else 0 :].partition("?")
    return Target(tuple(_followed(path)), tuple(parse_qsl(query, keep_blank_values=True)))


def _followed(path: str) -> list[str]:
    segments: list[str] = []
    for segment in map(unquote, path.split("/")):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    return segments
