"""The proxy's own session with OCS over the direct protocol: registered as a client, like any campaign manager.

It hears what OCS sends to registered clients, and sends Stop, Unload and status requests. What those bring goes to
whom OCS sends it: the proxy passes nothing of it on to other clients.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from proxy.campaign.observation import GroupNames
from proxy.direct import vocabulary
from proxy.direct.message import ANY, Message
from proxy.direct.trace import CONTROL, LOST, REGISTERED, lines
from proxy.errors import Malformed
from proxy.gsw import control
from proxy.gsw.reading import Data, gsw, number
from proxy.interfaces import IDirectWire
from proxy.ownsession import OwnConnection, OwnSession
from proxy.relay.frames import Want
from proxy.relay.upstreams import Upstreams
from proxy.switchboard import Switchboard
from proxy.tracefile import TraceFile

_REGISTRATION = 0
"""The reference of the registration; it is below the range of requests (R24)."""


class ControlSession(OwnSession):
    """See OwnSession. `application` and `application_dbid` are what it registers as.

    `words_are_heard_elsewhere`: whether OCS's words on groups are left to another control session now; they would
    come twice, in no order. Answers to requests of this session are its own.
    """

    name = vocabulary.SOURCE
    trace: TraceFile | None = None

    def __init__(
        self,
        clock: IReactorTime,
        upstreams: Upstreams,
        wire: IDirectWire,
        board: Switchboard,
        application: str,
        application_dbid: int | None,
        max_frame: int,
        answer_timeout: float,
        jitter: Callable[[], float],
        words_are_heard_elsewhere: Callable[[], bool],
    ) -> None:
        super().__init__(clock, upstreams, board, answer_timeout, jitter)
        self.wire = wire
        self.application = application
        self.application_dbid = application_dbid
        self.max_frame = max_frame
        self._words_are_heard_elsewhere = words_are_heard_elsewhere
        self._references: set[str] = set()

    def is_heard(self) -> None:
        """See OwnSession."""
        if self.trace is not None:
            self.trace.note(REGISTERED)
        super().is_heard()

    def is_not_heard(self) -> None:
        """See OwnSession."""
        if self.trace is not None:
            self.trace.note(LOST)
        super().is_not_heard()

    def build(self) -> OwnConnection:
        """See OwnSession."""
        return _Connection(self)

    def request(self, kind: int, names: GroupNames, reference: int) -> None:
        """See OwnSession."""
        self._references.add(str(reference))
        self.write(self.asked(vocabulary.request(kind, names, reference)))

    def asked(self, message: Message) -> bytes:
        """The frame of a request of ours."""
        self.traced(message, received=True)
        return self.wire.encode(message)

    def traced(self, message: Message, received: bool) -> None:
        """A message of this session, where there is a trace."""
        if self.trace is not None:
            self.trace.write(lines(CONTROL, received, message))

    def hear(self, message: Message) -> None:
        """What OCS says to this session."""
        seen = vocabulary.from_ocs(message, 0)
        if seen is not None and (seen.reference in self._references or not self._words_are_heard_elsewhere()):
            self.board.observe(seen)


class _Connection(OwnConnection):
    """One connection of the control session: registers the client, then listens."""

    def __init__(self, session: ControlSession) -> None:
        super().__init__(session, session.wire, {ANY: Want.HOLD}, session.max_frame)
        self._control = session

    def begin(self) -> None:
        """See OwnConnection."""
        session = self._control
        asked = vocabulary.registration(session.application, session.application_dbid, _REGISTRATION)
        self.write(session.asked(asked))

    def held(self, number: int, frame: bytes) -> bytes | None:
        """See Looks: what OCS says."""
        try:
            message = self._control.wire.decode(frame)
        except Malformed:
            self._control.malformed += 1
            return None
        self._control.traced(message, received=False)
        if self.registered:
            self._control.hear(message)
        elif not self.refused:
            self._registering(gsw(message))
        return None

    def _registering(self, data: Data) -> None:
        kind = number(data, control.MESSAGE_TYPE)
        if kind == control.CLIENT_REGISTERED:
            self._control.is_registered(self)
        elif kind == control.EVENT_REFUSED:
            self.refuse(f"EvError {number(data, control.ERROR_CODE)}")
