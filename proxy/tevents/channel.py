"""The T-Events channel: desktops' sessions relayed, and the session of our own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred

from proxy.campaign.observation import SessionEnded
from proxy.config import Limits, OnMalformed, TEventsChannel
from proxy.relay.causes import Cause
from proxy.relay.frames import Looks
from proxy.relay.listener import Limits as RelayLimits
from proxy.relay.listener import Relay
from proxy.relay.session import Session
from proxy.relay.upstreams import Upstreams
from proxy.switchboard import Switchboard
from proxy.tevents.control import ControlSession
from proxy.tevents.session import (
    WANTED_OF_CLIENTS,
    WANTED_OF_SERVERS,
    Counts,
    DesktopSession,
    FromDesktop,
    FromServer,
)
from proxy.tevents.wires import tevent_wire


class TEvents:
    """Relay and control session of [tevents].

    `numbers` gives sessions their numbers, `jitter` returns random numbers from 0 to 1.
    """

    name = "tevents"

    def __init__(
        self,
        reactor: Any,
        options: TEventsChannel,
        limits: Limits,
        answer_timeout: float,
        board: Switchboard,
        numbers: Iterator[int],
        jitter: Callable[[], float],
    ) -> None:
        self.counts = Counts()
        self.upstreams = Upstreams(reactor, options.upstream, limits.connect_timeout)
        self._board = board
        self._wire = tevent_wire(options.wire)
        self._communication_dn = options.communication_dn
        self.relay = Relay(
            reactor,
            options.listen,
            self.upstreams,
            self._wire,
            WANTED_OF_CLIENTS,
            WANTED_OF_SERVERS,
            RelayLimits(limits.max_sessions, limits.max_frame, limits.on_malformed is OnMalformed.CLOSE),
            numbers,
            self._attach,
            self._ended,
        )
        self.control = ControlSession(
            reactor,
            self.upstreams,
            self._wire,
            board,
            options.communication_dn,
            options.application,
            options.application_dbid,
            limits.max_frame,
            answer_timeout,
            jitter,
        )
        board.controls[self.control.name] = self.control

    def start(self) -> Deferred[None]:
        """Listen, and connect the control session. Fails with CannotListenError."""
        listening = self.relay.start()
        listening.addCallback(lambda _: self.control.start())
        return listening

    def stop(self) -> Deferred[None]:
        """Take no more desktops, and end all sessions, what is on its way first."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        left = self.control.close()
        await self.relay.stop_listening()
        await self.relay.end_all(Cause.SHUTDOWN)
        await left

    def reasons(self) -> Iterator[str]:
        """Why the channel is not healthy."""
        if not self.relay.is_listening:
            yield f"{self.name}: not listening"
        for description, reached in self.upstreams.reached.items():
            if reached is False:
                yield f"{self.name}: {description} could not be reached"
        if not self.control.registered:
            yield f"{self.name}: the control session is not registered"
        for direction in (self.relay.to_upstream, self.relay.to_client):
            if direction.failed:
                yield f"{self.name}: {direction.failed} mistakes of ours about the {direction.name}, see the log"

    def _attach(self, session: Session) -> tuple[Looks, Looks]:
        desktop = DesktopSession(
            session.number, self._wire, self._board, self._communication_dn, self.counts, session.inject_to_client
        )
        self._board.sessions[session.number] = desktop
        return FromDesktop(desktop), FromServer(desktop, self._control_is_up)

    def _control_is_up(self) -> bool:
        return self.control.registered

    def _ended(self, session: Session, cause: Cause) -> None:
        self._board.sessions.pop(session.number, None)
        self._board.observe(SessionEnded(session.number))
