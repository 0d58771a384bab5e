"""When a connection to an upstream counts as made: over TLS, not before the other side is verified."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IHalfCloseableProtocol,
    IHandshakeListener,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from proxy.relay.outlet import is_plain


@implementer(IProtocolFactory)
class Greeting:
    """One attempt to connect a protocol of `factory` through an endpoint."""

    def __init__(self, factory: IProtocolFactory) -> None:
        self._factory = factory
        self._greeter: _Greeter | None = None
        self._attempt: Deferred[Any] | None = None
        self._greeted: Deferred[IProtocol] = Deferred(self._cancel)

    def through(self, endpoint: IStreamClientEndpoint) -> Deferred[IProtocol]:
        """Fires with the protocol once it is connected and, over TLS, the handshake is complete. Can be cancelled."""
        self._attempt = endpoint.connect(self)
        self._attempt.addErrback(self.failed)
        return self._greeted

    def buildProtocol(self, addr: IAddress) -> IProtocol | None:
        """See IProtocolFactory."""
        protocol = self._factory.buildProtocol(addr)
        if protocol is None:
            return None
        self._greeter = _Greeter(self, protocol)
        return self._greeter

    def doStart(self) -> None:
        """See IProtocolFactory."""
        self._factory.doStart()

    def doStop(self) -> None:
        """See IProtocolFactory."""
        self._factory.doStop()

    def greeted(self, protocol: IProtocol) -> None:
        """The protocol is connected."""
        if not self._greeted.called:
            self._greeted.callback(protocol)

    def failed(self, problem: Failure) -> None:
        """The attempt came to nothing."""
        if not self._greeted.called:
            self._greeted.errback(problem)

    def _cancel(self, _greeted: Deferred[IProtocol]) -> None:
        if self._attempt is not None:
            self._attempt.cancel()
        if self._greeter is not None:
            self._greeter.abort()


@implementer(IProtocol, IHandshakeListener, IHalfCloseableProtocol)
class _Greeter:
    """Stands before a protocol until its connection is made; on a plain connection it then steps aside."""

    def __init__(self, greeting: Greeting, protocol: IProtocol) -> None:
        self._greeting: Greeting | None = greeting
        self._protocol = protocol
        self._transport: Any = None
        self._made = False

    def makeConnection(self, transport: Any) -> None:
        """See IProtocol."""
        self._transport = transport
        if not isinstance(transport, TLSMemoryBIOProtocol):
            self._step_aside()

    def handshakeCompleted(self) -> None:
        """See IHandshakeListener."""
        self._step_aside()

    def _step_aside(self) -> None:
        greeting, self._greeting = self._greeting, None
        if greeting is None:
            return
        self._made = True
        if is_plain(self._transport):
            self._transport.protocol = self._protocol
        self._protocol.makeConnection(self._transport)
        greeting.greeted(self._protocol)

    def abort(self) -> None:
        """Leave no connection behind."""
        self._greeting = None
        if self._transport is not None:
            self._transport.abortConnection()

    def connectionMade(self) -> None:
        """See IProtocol; `makeConnection` has done it all."""

    def dataReceived(self, data: bytes) -> None:
        """See IProtocol."""
        self._protocol.dataReceived(data)

    def connectionLost(self, reason: Failure) -> None:
        """See IProtocol."""
        if self._made:
            self._protocol.connectionLost(reason)
        elif self._greeting is not None:
            self._greeting.failed(reason)

    def readConnectionLost(self) -> None:
        """See IHalfCloseableProtocol."""
        IHalfCloseableProtocol(self._protocol).readConnectionLost()

    def writeConnectionLost(self) -> None:
        """See IHalfCloseableProtocol."""
        IHalfCloseableProtocol(self._protocol).writeConnectionLost()
