"""One connection to Redis: words out, replies in, in order.

The one place that knows the client library (txredisapi), which has no types. Of it only the protocol is used: its pools
send a command over any of their connections, which keeps no order, and connect again by themselves, so that nobody
hears of what was lost in between.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint, wrapClientTLS
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.ssl import optionsForClientTLS
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure

from proxy.errors import OurError
from proxy.shared.url import RedisUrl

CONNECT_TIMEOUT = 5.0
"""Seconds until a Redis that does not answer is given up."""

Reply = str | int | None | list["Reply"]


class Unreachable(OurError):
    """Redis cannot be reached, or does not do what it is asked; one line says why, without the password."""


class Refused(Exception):
    """What Redis answered is an error: its own words."""


_NOT_PERMITTED = "does not permit this user what is needed (scripts, streams, and the keys under the prefix)"
_TOO_OLD = "lacks what is needed: version 5 or later, with streams and scripts"
_CLUSTER = "is part of a cluster, which is not supported"

_MEANINGS = {
    "OOM": "is out of memory (maxmemory)",
    "READONLY": "is a replica that takes no writes",
    "NOAUTH": "wants a password",
    "WRONGPASS": "refuses the user or the password",
    "NOPERM": _NOT_PERMITTED,
    "o permissions to": _NOT_PERMITTED,
    "user executing the script": _NOT_PERMITTED,
    "LOADING": "is still loading what it holds",
    "MISCONF": "cannot save what it holds, and takes no writes",
    "NOREPLICAS": "has too few replicas, and takes no writes",
    "MASTERDOWN": "is a replica that has lost its master",
    "BUSY": "is busy with a script of somebody else's",
    "WRONGTYPE": "holds something else under the same prefix",
    "CROSSSLOT": _CLUSTER,
    "MOVED": _CLUSTER,
    "CLUSTERDOWN": _CLUSTER,
    "EXPIRED": "let an image expire before it was there in full: it is too slow",
    "UNORDERED": "refused what was said before this",
    "max number of clients": "has no connection left (maxclients)",
    "DB index": "has no database of this number",
    "nknown command": _TOO_OLD,
    "nknown Redis command": _TOO_OLD,
}
"""What an error of Redis's that holds these words means to an operator. Versions differ in where the words stand."""


def meaning(refusal: Refused) -> str:
    """What Redis does, in an operator's words; its own are not shown where they may hold what was sent."""
    said = str(refusal)
    for words, means in _MEANINGS.items():
        if words in said:
            return means
    return f"refuses: {said[:200]}"


class _Watched(ProtocolWrapper):
    """The library's protocol, around which it is known why a connection ended."""

    def __init__(self, factory: Any, wrappedProtocol: Any) -> None:
        super().__init__(factory, wrappedProtocol)
        self.why: str | None = None
        self.ended: Callable[[], object] | None = None

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008 (as inherited)
        if self.why is None:
            self.why = _why(reason)
        super().connectionLost(reason)  # type: ignore[no-untyped-call]
        ended, self.ended = self.ended, None
        if ended is not None:
            ended()


class Connection:
    """What is asked is sent at once and answered in order; see `connect`."""

    def __init__(self, url: RedisUrl, watched: _Watched) -> None:
        self._url = url
        self._watched = watched
        self._protocol: Any = watched.wrappedProtocol

    @property
    def problem(self) -> str | None:
        """Why it is lost, in one line; None while it is not."""
        return None if self._watched.why is None else f"Redis at {self._url} {self._watched.why}"

    def ask(self, *words: str | int) -> Deferred[Reply]:
        """The reply to a command. Fails with Refused, and with Unreachable where it is lost before a reply has come.

        Text goes and comes as UTF-8.
        """
        if self._watched.why is not None:
            return _failed(Unreachable(self.problem))
        asked: Deferred[Any] = self._protocol.execute_command(*map(_bytes, words))
        return asked.addCallbacks(_reply, self._not_answered)

    def when_lost(self, lost: Callable[[str], object]) -> None:
        """Call `lost` once, with why, when it is lost otherwise than by `close`. Raises Unreachable if it is lost."""
        if self._watched.why is not None:
            raise Unreachable(self.problem)
        self._watched.ended = lambda: lost(str(self.problem))

    def close(self, why: str = "is not wanted any more") -> None:
        """Cut it; whatever waits for a reply fails."""
        self._watched.ended = None
        if self._watched.why is None:
            self._watched.why = why
            self._watched.abortConnection()

    def _not_answered(self, failure: Failure) -> Any:
        import txredisapi  # type: ignore[import-untyped]

        if failure.check(txredisapi.ResponseError):
            raise Refused(failure.getErrorMessage().strip())
        if failure.check(txredisapi.RedisError):
            raise Unreachable(self.problem or f"Redis at {self._url} answers what cannot be read")
        return failure


async def connect(reactor: Any, url: RedisUrl) -> Connection:
    """A connection that is authenticated and in its database. Raises Unreachable."""
    # Imported here: it imports the reactor, and a program chooses its reactor before the first import of it.
    from txredisapi import RedisProtocol

    def protocol() -> Any:
        return RedisProtocol(charset=None, convertNumbers=False)

    inner = Factory.forProtocol(protocol)
    factory = WrappingFactory(inner)
    factory.noisy = inner.noisy = False
    factory.protocol = _Watched
    try:
        watched = await _endpoint(reactor, url).connect(factory)
    except CancelledError:
        raise
    except Exception as problem:
        raise Unreachable(f"Redis at {url}: {_words(Failure(problem))}") from problem
    assert isinstance(watched, _Watched)
    connection = Connection(url, watched)
    try:
        _keep_alive(watched)
        await _begin(connection, url)
    except BaseException:
        connection.close()
        raise
    return connection


async def _begin(connection: Connection, url: RedisUrl) -> None:
    try:
        if url.password is not None:
            await connection.ask("AUTH", *([url.user] if url.user else []), url.password)
    except Refused as refusal:
        # Its words may hold what was sent.
        known = [means for words, means in _MEANINGS.items() if str(refusal).startswith(words)]
        raise Unreachable(f"Redis at {url} {(known or [_MEANINGS['WRONGPASS']])[0]}") from None
    try:
        if url.db:
            await connection.ask("SELECT", url.db)
    except Refused as refusal:
        raise Unreachable(f"Redis at {url} {meaning(refusal)}") from None


def _endpoint(reactor: Any, url: RedisUrl) -> IStreamClientEndpoint:
    if url.path:
        return UNIXClientEndpoint(reactor, url.path, timeout=CONNECT_TIMEOUT)
    endpoint: IStreamClientEndpoint = HostnameEndpoint(reactor, url.host, url.port, timeout=CONNECT_TIMEOUT)
    return wrapClientTLS(optionsForClientTLS(url.host), endpoint) if url.tls else endpoint


def _keep_alive(watched: _Watched) -> None:
    keep_alive = getattr(watched.transport, "setTcpKeepAlive", None)
    if keep_alive is not None:  # a Unix socket has none
        keep_alive(True)


def _why(reason: Failure) -> str:
    if reason.check(ConnectionDone):
        return "has closed the connection"
    return f"is lost: {_words(reason)}"


def _words(reason: Failure) -> str:
    """An error of the network's, in one line."""
    from OpenSSL import SSL

    problem = reason.value
    if isinstance(problem, SSL.Error) and problem.args and problem.args[0]:
        return f"TLS: {'; '.join(words[-1] for words in problem.args[0])}"
    return " ".join(reason.getErrorMessage().split()) or type(problem).__name__


def _bytes(word: str | int) -> bytes:
    return str(word).encode("utf-8", "surrogateescape")


def _reply(said: Any) -> Reply:
    if isinstance(said, bytes):
        return said.decode("utf-8", "surrogateescape")
    if isinstance(said, list):
        return [_reply(each) for each in said]
    assert said is None or isinstance(said, str | int)
    return said


def _failed(problem: Exception) -> Deferred[Reply]:
    failed: Deferred[Reply] = Deferred()
    failed.errback(problem)
    return failed
