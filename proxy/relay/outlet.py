"""The way out to one transport, and the hold it has on the source of what goes out (M5).

Twisted's `transport.write` waits for the next turn of the reactor: for every chunk it registers the socket for
writing, polls once more, and unregisters it again. Over a plain TCP connection `DirectOutlet` offers a chunk to
the socket at once, through the public `writeSomeData`, and only what the socket does not take goes through
`write`. It is used where all of this holds, and is safe because of it:

- *Order.* It writes itself only while the transport's own buffer is empty. It is registered as a pull producer:
  the transport asks for more (`resumeProducing`) exactly when its buffer has run empty. Between handing over a
  rest and being asked for more, everything goes through `write`.
- *Back-pressure.* When the socket does not take all, the source is paused at once, and resumed when the buffer
  has run empty. So what waits here is never more than what one chunk left over.
- *Errors.* A socket that is lost is not dealt with here: the chunk goes to `write`, and the reactor finds the
  loss as it always does and reports it to the protocol, never from inside `send`.
- *Ends.* `end` gives up the registration first; then the transport empties its buffer before it ends.

Every other transport (TLS, wrappers, other reactors' connections) gets a `BufferedOutlet`, which is Twisted's
own write and streaming producer.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.interfaces import IPullProducer, IPushProducer
from twisted.internet.tcp import Connection
from zope.interface import implementer


class Source(Protocol):
    """What produces the bytes that go out."""

    def pause(self) -> None:
        """Read no more."""
        ...

    def resume(self) -> None:
        """Read again."""
        ...


class Outlet(Protocol):
    """The way out to one transport."""

    def send(self, data: bytes) -> None:
        """Send bytes, in order; pauses the source where the transport does not keep up."""
        ...

    def end(self) -> None:
        """Send what was sent before, then end: only the sending where the transport can, else all of it."""
        ...


def is_plain(transport: object) -> bool:
    """Whether it is Twisted's own TCP connection, without TLS: its bytes on the wire are those it is given."""
    return isinstance(transport, Connection) and not transport.TLS


def outlet(transport: Any, source: Source) -> Outlet:
    """The way out to `transport` for what `source` produces. Resumes the source."""
    if is_plain(transport):
        return DirectOutlet(transport, source)
    return BufferedOutlet(transport, source)


@implementer(IPullProducer)
class DirectOutlet:
    """Sends at once what the socket of a plain TCP connection takes."""

    __slots__ = ("_behind", "_source", "_transport")

    def __init__(self, transport: Any, source: Source) -> None:
        self._transport = transport
        self._source = source
        self._behind = False
        self._transport.registerProducer(self, False)

    def send(self, data: bytes) -> None:
        """See Outlet."""
        transport = self._transport
        if not self._behind and transport.connected:
            taken = transport.writeSomeData(data)
            if taken == len(data):
                return
            if isinstance(taken, int):
                data = data[taken:]
            self._behind = True
            self._source.pause()
        transport.write(data)

    def end(self) -> None:
        """See Outlet: the other direction of the connection goes on."""
        self._transport.unregisterProducer()
        self._behind = True
        self._transport.loseWriteConnection()

    def resumeProducing(self) -> None:
        """The transport's buffer has run empty."""
        self._behind = False
        self._source.resume()

    def stopProducing(self) -> None:
        """The transport is lost: its protocol hears of it, too, and the session ends."""


@implementer(IPushProducer)
class BufferedOutlet:
    """Sends through the transport's own buffer."""

    __slots__ = ("_source", "_transport", "send")

    def __init__(self, transport: Any, source: Source) -> None:
        self._transport = transport
        self._source = source
        self.send = transport.write
        transport.registerProducer(self, True)
        source.resume()

    def end(self) -> None:
        """See Outlet: such transports cannot end in one direction only."""
        self._transport.unregisterProducer()
        self._transport.loseConnection()

    def pauseProducing(self) -> None:
        """The transport's buffer is full."""
        self._source.pause()

    def resumeProducing(self) -> None:
        """The transport's buffer has run empty."""
        self._source.resume()

    def stopProducing(self) -> None:
        """The transport is lost: its protocol hears of it, too, and the session ends."""
