"""Where an HTTP upstream is, and as whom it speaks."""

from __future__ import annotations

from attrs import frozen


@frozen
class HttpUpstream:
    """An upstream of an HTTP channel.

    `endpoint` is how it is reached (`tcp:host:port`, `tls:host:port`). `scheme` (`http`, `https`) and
    `authority` (host, and port where it is not the scheme's own) are how it begins the URLs that it names itself by.
    """

    endpoint: str
    scheme: str
    authority: str
