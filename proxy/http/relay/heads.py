"""The heads of requests and replies as a proxy passes them on (RFC 9110, RFC 9112). Pure.

Names keep their case, fields their order and repeats; only what concerns one connection is taken out, and what a
proxy has to say is put in.
"""

from __future__ import annotations

from proxy.http.relay.address import HttpUpstream
from proxy.http.turns import Headers, ReplyHead, RequestHead

_ONE_CONNECTION = frozenset(
    {b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade"},
)
"""Fields that concern one connection only, with those that begin with `Proxy-` and those that Connection names."""

_FOR_ALL = frozenset({b"host", b"content-length", b"content-type", b"content-encoding"})
"""Without these a message has another meaning: Connection may name them, they stay."""

_NONE: frozenset[bytes] = frozenset()

_DEFAULT_PORTS = {b"http": b":80", b"https": b":443"}


def values(headers: Headers, name: bytes) -> list[bytes]:
    """Every value of a field; `name` in lower case."""
    size = len(name)
    return [value for found, value in headers if len(found) == size and found.lower() == name]


def value(headers: Headers, name: bytes) -> bytes | None:
    """The first value of a field; `name` in lower case."""
    found = values(headers, name)
    return found[0] if found else None


def listed(headers: Headers, name: bytes) -> frozenset[bytes]:
    """The members of a field that is a list of tokens, in lower case."""
    found = values(headers, name)
    if not found:
        return _NONE
    return frozenset(token for part in b",".join(found).lower().split(b",") if (token := part.strip()))


def is_encoded(headers: Headers) -> bool:
    """Whether the body is compressed, or encoded in another way."""
    return bool(listed(headers, b"content-encoding") - {b"identity"})


def end_to_end(headers: Headers) -> Headers:
    """The fields that are for the other end, and not for this connection only."""
    dropped = _ONE_CONNECTION
    named = listed(headers, b"connection")
    if named:
        dropped = dropped | (named - _FOR_ALL)
    return tuple(
        field for field in headers if (name := field[0].lower()) not in dropped and not name.startswith(b"proxy-")
    )


def trailing(fields: Headers) -> Headers:
    """The fields behind a body, but for those that would say how the message is to be read: they come too late."""
    return tuple(field for field in end_to_end(fields) if field[0].lower() not in _FOR_ALL)


def without(headers: Headers, name: bytes) -> Headers:
    """All fields but these; `name` in lower case."""
    return tuple(field for field in headers if field[0].lower() != name)


def with_length(headers: Headers, length: int) -> Headers:
    """The body has this length. It stands where a length stood, else at the end."""
    mended = []
    told = False
    for name, old in headers:
        if name.lower() != b"content-length":
            mended.append((name, old))
        elif not told:
            mended.append((name, b"%d" % length))
            told = True
    if not told:
        mended.append((b"Content-Length", b"%d" % length))
    return tuple(mended)


def chunked(headers: Headers) -> Headers:
    """The body comes in chunks."""
    return (*without(headers, b"content-length"), (b"Transfer-Encoding", b"chunked"))


def forwarded(headers: Headers, client: str, secure: bool) -> Headers:
    """Say for whom a request is sent on: X-Forwarded-For, -Proto and -Host, appended where they are there."""
    told = [(b"X-Forwarded-For", client.encode()), (b"X-Forwarded-Proto", b"https" if secure else b"http")]
    host = value(headers, b"host")
    if host is not None:
        told.append((b"X-Forwarded-Host", host))
    mended = list(headers)
    for name, said in told:
        key = name.lower()
        for place in reversed(range(len(mended))):
            if mended[place][0].lower() == key:
                mended[place] = (mended[place][0], b"%b, %b" % (mended[place][1], said))
                break
        else:
            mended.append((name, said))
    return tuple(mended)


def located(headers: Headers, upstream: HttpUpstream, secure: bool, host: bytes | None) -> Headers:
    """A Location at the upstream itself becomes one at the proxy, as the client addressed it: scheme and Host."""
    if host is None or value(headers, b"location") is None:
        return headers
    own = b"%b://%b" % (b"https" if secure else b"http", host)
    return tuple(
        (name, _moved(text, upstream, own)) if name.lower() == b"location" else (name, text) for name, text in headers
    )


def _moved(location: bytes, upstream: HttpUpstream, own: bytes) -> bytes:
    scheme, separator, rest = location.partition(b"://")
    end = next((at for at, byte in enumerate(rest) if byte in b"/?#"), len(rest))
    scheme, authority = scheme.lower(), rest[:end].lower()
    theirs = upstream.scheme.lower().encode(), upstream.authority.lower().encode()
    if separator and (scheme, _portless(scheme, authority)) == (theirs[0], _portless(*theirs)):
        return own + rest[end:]
    return location


def _portless(scheme: bytes, authority: bytes) -> bytes:
    return authority.removesuffix(_DEFAULT_PORTS.get(scheme, b":"))


def request_text(head: RequestHead) -> bytes:
    """A request's head as it stands on the wire."""
    return b"%b %b HTTP/1.1\r\n%b\r\n" % (head.method, head.target, _fields(head.headers))


def reply_text(head: ReplyHead) -> bytes:
    """A reply's head as it stands on the wire."""
    return b"HTTP/1.1 %d %b\r\n%b\r\n" % (head.status, head.reason, _fields(head.headers))


def _fields(headers: Headers) -> bytes:
    return b"".join([b"%b: %b\r\n" % field for field in headers])
