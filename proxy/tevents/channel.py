"""The T-Events channel: desktops' sessions relayed, and the session of our own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from proxy.campaign.observation import SessionEnded
from proxy.channel import FramedChannel, relay_limits
from proxy.config import Limits, TEventsChannel
from proxy.relay.causes import Cause
from proxy.relay.frames import Looks
from proxy.relay.listener import Relay
from proxy.relay.session import Session
from proxy.relay.sides import Sides
from proxy.relay.upstreams import Upstreams
from proxy.switchboard import Switchboard
from proxy.tevents.control import ControlSession
from proxy.tevents.names import MESSAGES
from proxy.tevents.session import (
    WANTED_OF_CLIENTS,
    WANTED_OF_SERVERS,
    Counts,
    DesktopSession,
    FromDesktop,
    FromServer,
)
from proxy.tevents.trace import ENDED, received_from, sent_to, traced
from proxy.tevents.wires import tevent_wire
from proxy.tracefile import TraceFile


class TEvents(FramedChannel):
    """Relay and control session of [tevents].

    `numbers` gives sessions their numbers, `jitter` returns random numbers from 0 to 1. `trace`, where there is one,
    is written to; it is opened and closed elsewhere.
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
        trace: TraceFile | None = None,
    ) -> None:
        self.counts = Counts()
        self.upstreams = Upstreams(reactor, options.upstream, limits.connect_timeout, options.failback)
        self._board = board
        self._trace = trace
        self._wire = tevent_wire(options.wire)
        self._communication_dn = options.communication_dn
        self.relay = Relay(
            reactor,
            options.listen,
            self.upstreams,
            self._wire,
            WANTED_OF_CLIENTS,
            WANTED_OF_SERVERS,
            relay_limits(limits),
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
        self.control.sides = Sides(self.name, self.upstreams, self.relay.sessions)
        self.control.trace = trace
        board.controls[self.control.name] = self.control

    def looked(self) -> Mapping[str, int]:
        """See Channel."""
        return {
            "malformed": self.counts.malformed + self.control.malformed,
            "rewritten": self.counts.rewritten,
            "not_rewritten": self.counts.not_rewritten,
            "swallowed": self.counts.swallowed,
            "notified": self.counts.notified,
        }

    def messages(self) -> Iterator[tuple[str, str, int]]:
        """See Channel: numbers without a name together, lest a client invents labels."""
        for direction in (self.relay.to_upstream, self.relay.to_client):
            unknown = 0
            for number, count in direction.frames.items():
                if number in MESSAGES:
                    yield direction.name, MESSAGES[number], count
                else:
                    unknown += count
            if unknown:
                yield direction.name, "unknown", unknown

    def _attach(self, session: Session) -> tuple[Looks, Looks]:
        desktop = DesktopSession(
            session.number, self._wire, self._board, self._communication_dn, self.counts, session.inject_to_client
        )
        self._board.sessions[session.number] = desktop
        from_desktop, from_server = FromDesktop(desktop), FromServer(desktop, self._control_is_up)
        if (trace := self._trace) is None:
            return from_desktop, from_server
        number = session.number
        return (
            traced(from_desktop, number, received_from(number), self._wire, trace),
            traced(from_server, number, sent_to(number), self._wire, trace),
        )

    def _control_is_up(self) -> bool:
        return self.control.registered

    def _ended(self, session: Session, cause: Cause) -> None:
        if self._trace is not None:
            self._trace.note(ENDED.format(session.number))
        self._board.sessions.pop(session.number, None)
        self._board.observe(SessionEnded(session.number))
