"""The proxy's own session with the T-Server, registered for the Communication DN.

It hears OCS's word there, sends Stop, Unload and status requests, and comes back with back-off when it is lost.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from proxy.campaign.observation import ControlRefused, GroupNames
from proxy.campaign.policy import Control
from proxy.errors import Malformed
from proxy.gsw import userdata
from proxy.gsw.reading import gsw
from proxy.interfaces import ITEventWire
from proxy.kvlist import Pair
from proxy.ownsession import OwnConnection, OwnSession
from proxy.relay.frames import Want
from proxy.relay.upstreams import Upstreams
from proxy.switchboard import Switchboard
from proxy.tevents.message import (
    APPLICATION_NAME,
    COMMUNICATION_DN,
    DISTRIBUTE_USER_EVENT,
    ERROR_CODE,
    EVENT_ERROR,
    EVENT_LINK_CONNECTED,
    EVENT_REGISTERED,
    EVENT_USER_EVENT,
    REFERENCE_ID,
    REGISTER_ADDRESS,
    REGISTER_CLIENT,
    THIS_DN,
    USER_DATA,
    AttributeValue,
    Message,
)
from proxy.tevents.trace import CONTROL, LOST, REGISTERED, lines, sent_to
from proxy.tracefile import TraceFile

_CLIENT, _ADDRESS = 0, 1
"""The references of the two registrations; they are below the range of requests (R24)."""

_WANTED = dict.fromkeys((EVENT_LINK_CONNECTED, EVENT_REGISTERED, EVENT_ERROR, EVENT_USER_EVENT), Want.HOLD)


class ControlSession(OwnSession):
    """See OwnSession. It registers as `application`, for the Communication DN."""

    name = Control.TEVENTS.value
    trace: TraceFile | None = None

    def __init__(
        self,
        clock: IReactorTime,
        upstreams: Upstreams,
        wire: ITEventWire,
        board: Switchboard,
        communication_dn: str,
        application: str,
        application_dbid: int,
        max_frame: int,
        answer_timeout: float,
        jitter: Callable[[], float],
    ) -> None:
        super().__init__(clock, upstreams, board, answer_timeout, jitter)
        self.wire = wire
        self.communication_dn = communication_dn
        self.application = application
        self.max_frame = max_frame
        self._application_dbid = application_dbid

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
        pairs = userdata.request(kind, names, self._application_dbid, reference)
        self.write(
            self.message(
                DISTRIBUTE_USER_EVENT,
                (COMMUNICATION_DN, self.communication_dn),
                (REFERENCE_ID, reference),
                (USER_DATA, pairs),
            )
        )

    def message(self, number: int, *attributes: tuple[int, AttributeValue]) -> bytes:
        """The frame of a message."""
        return self.wire.encode(Message(number, [self.wire.attribute(id, value) for id, value in attributes]))


class _Connection(OwnConnection):
    """One connection of the control session: registers the client, then the Communication DN, then listens."""

    def __init__(self, session: ControlSession) -> None:
        super().__init__(session, session.wire, _WANTED, session.max_frame)
        self._control = session

    def begin(self) -> None:
        """See OwnConnection."""
        session = self._control
        self.write(session.message(REGISTER_CLIENT, (APPLICATION_NAME, session.application), (REFERENCE_ID, _CLIENT)))

    # ------------------------------------------------------------------------------------------------------- Looks

    def held(self, number: int, frame: bytes) -> bytes | None:
        """See Looks: what the T-Server says."""
        try:
            message = self._control.wire.decode(frame)
        except Malformed:
            self._control.malformed += 1
            return None
        if self._control.trace is not None:
            self._control.trace.write(lines(sent_to(CONTROL), message))
        if number == EVENT_ERROR:
            self._error(message)
        elif self.registered:
            if number == EVENT_USER_EVENT:
                self._heard(message.user_data)
        elif number == EVENT_LINK_CONNECTED:
            dn = (THIS_DN, self._control.communication_dn)
            self.write(self._control.message(REGISTER_ADDRESS, dn, (REFERENCE_ID, _ADDRESS)))
        elif number == EVENT_REGISTERED and not self.refused:
            self._control.is_registered(self)
        return None

    def _error(self, message: Message) -> None:
        if self.registered:
            self._control.board.observe(ControlRefused(0, GroupNames(), str(message.reference)))
        else:
            self.refuse(f"EventError {message.unsigned(ERROR_CODE)}")

    def _heard(self, pairs: list[Pair] | None) -> None:
        if pairs is None or userdata.is_request(gsw(pairs)):
            return
        seen = userdata.from_ocs(pairs, 0, self._control.name)
        if seen is not None:
            self._control.board.observe(seen)
