"""The direct channel: sessions of campaign managers relayed, and the session of our own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from proxy.campaign.observation import SessionEnded
from proxy.campaign.policy import Control
from proxy.channel import FramedChannel, relay_limits
from proxy.config import DirectChannel, Limits
from proxy.direct.control import ControlSession
from proxy.direct.session import WANTED_OF_CLIENTS, WANTED_OF_OCS, ClientSession, Counts, FromClient, FromOcs
from proxy.direct.trace import ENDED, traced
from proxy.direct.wires import direct_wire
from proxy.gsw.control import MESSAGES
from proxy.relay.causes import Cause
from proxy.relay.frames import Looks
from proxy.relay.listener import Relay
from proxy.relay.session import Session
from proxy.relay.sides import Sides
from proxy.relay.upstreams import Upstreams
from proxy.switchboard import Switchboard
from proxy.tracefile import TraceFile


class Direct(FramedChannel):
    """Relay and control session of [direct].

    `numbers` gives sessions their numbers, `jitter` returns random numbers from 0 to 1. `completes` tells whether
    some group's `control` is direct. Else the control session is a spare: OCS's words on groups are heard in it only
    while no other control session is registered, for two sources are in no order with each other. `trace`, where there
    is one, is written to; it is opened and closed elsewhere.
    """

    name = "direct"

    def __init__(
        self,
        reactor: Any,
        options: DirectChannel,
        limits: Limits,
        answer_timeout: float,
        board: Switchboard,
        numbers: Iterator[int],
        jitter: Callable[[], float],
        completes: Callable[[], bool],
        trace: TraceFile | None = None,
    ) -> None:
        self.counts = Counts()
        self.upstreams = Upstreams(reactor, options.upstream, limits.connect_timeout, options.failback)
        self._board = board
        self._trace = trace
        self._wire = direct_wire(options.wire)
        self._completes = completes
        self.relay = Relay(
            reactor,
            options.listen,
            self.upstreams,
            self._wire,
            WANTED_OF_CLIENTS,
            WANTED_OF_OCS,
            relay_limits(limits),
            numbers,
            self._attach,
            self._ended,
        )
        self.control: ControlSession = ControlSession(
            reactor,
            self.upstreams,
            self._wire,
            board,
            options.application,
            options.application_dbid,
            limits.max_frame,
            answer_timeout,
            jitter,
            self._words_are_left_to_others,
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
        }

    def messages(self) -> Iterator[tuple[str, str, int]]:
        """See Channel."""
        for sender, counts in (("client", self.counts.of_clients), ("upstream", self.counts.of_ocs)):
            for number, count in counts.items():
                yield sender, MESSAGES.get(number, "unknown"), count

    def _attach(self, session: Session) -> tuple[Looks, Looks]:
        client = ClientSession(session.number, self._wire, self._board, self.counts)
        from_client, from_ocs = FromClient(client), FromOcs(client, self._words_are_heard)
        if (trace := self._trace) is None:
            return from_client, from_ocs
        return (
            traced(from_client, session.number, True, self._wire, trace),
            traced(from_ocs, session.number, False, self._wire, trace),
        )

    def _ended(self, session: Session, cause: Cause) -> None:
        if self._trace is not None:
            self._trace.note(ENDED.format(session.number))
        self._board.observe(SessionEnded(session.number))

    def _words_are_heard(self) -> bool:
        return self.control.registered or self._words_are_left_to_others()

    def _words_are_left_to_others(self) -> bool:
        tevents = self._board.controls.get(Control.TEVENTS.value)
        return not self._completes() and tevents is not None and tevents.registered
