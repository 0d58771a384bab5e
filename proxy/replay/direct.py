"""Who said what over the direct protocol: the messages of a log, taken as the direct channel takes them live.

What a message means is the affair of `proxy.direct.vocabulary`, here as in the proxy. Here is only whose words are
heard: the proxy's trace tells as much as the proxy had; in any other log OCS's words are heard from whomever they are
told to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from proxy.campaign.observation import (
    ControlRefused,
    Observation,
    SessionEnded,
    SourceConnected,
    SourceLost,
)
from proxy.direct import vocabulary
from proxy.direct.message import Message
from proxy.direct.trace import CONTROL
from proxy.gsw import control
from proxy.gsw.reading import gsw, number, text
from proxy.replay.entries import DirectControlIs, HeardDirectly, LeftDirect, Teller

_CONTROL = str(CONTROL)

Key = tuple[str, str]
"""The owner of a log, and a client in it."""


class DirectClients:
    """All clients of the direct protocol. `observe` is told what they see, in order.

    `numbers` gives their sessions numbers, `completes` and `other_control_is_up` are as in the channel.
    """

    def __init__(
        self,
        observe: Callable[[Observation], object],
        numbers: Iterator[int],
        completes: bool,
        other_control_is_up: Callable[[], bool],
    ) -> None:
        self.ocs_is_heard = False
        self._tell = observe
        self._numbers = numbers
        self._completes = completes
        self._other_control_is_up = other_control_is_up
        self._sessions: dict[Key, int] = {}
        self._references: set[str] = set()
        self._control_is_up: bool | None = None

    def tell(self, owner: str, teller: Teller, what: HeardDirectly | LeftDirect | DirectControlIs) -> None:
        """What a log tells."""
        if isinstance(what, DirectControlIs):
            self._control(what.registered)
        elif isinstance(what, LeftDirect):
            self._left((owner, what.client))
        elif teller is Teller.PROXY and what.client == _CONTROL:
            self._own(what)
        elif what.is_request:
            self._request((owner, what.client), what.message)
        else:
            is_copy = teller is Teller.PROXY and (self._control_is_up or self._words_are_left_to_others())
            self._heard((owner, what.client), what.message, is_copy)

    def _control(self, registered: bool) -> None:
        self._control_is_up = registered
        self._tell(SourceConnected(vocabulary.SOURCE) if registered else SourceLost(vocabulary.SOURCE))

    def _own(self, what: HeardDirectly) -> None:
        """What the proxy's own session asks, and what it is told."""
        data = gsw(what.message)
        if what.is_request:
            self._references.add(text(data, control.REFERENCE) or "")
            return
        if self._control_is_up is None and number(data, control.MESSAGE_TYPE) not in _REGISTERING:
            self._control(True)  # the log begins after its registration
        seen = vocabulary.from_ocs(what.message, CONTROL)
        if seen is None or not self._control_is_up:
            return
        if seen.reference in self._references or not self._words_are_left_to_others():
            self._observe(seen)

    def _request(self, key: Key, message: Message) -> None:
        if number(gsw(message), control.MESSAGE_TYPE) == control.REGISTER_CLIENT:
            self._left(key)
        seen = vocabulary.from_client(message, self._session(key))
        if seen is not None:
            self._tell(seen)

    def _heard(self, key: Key, message: Message, is_copy: bool | None) -> None:
        seen = vocabulary.from_ocs(message, self._session(key))
        if seen is not None and (isinstance(seen, ControlRefused) or not is_copy):
            self._observe(seen)

    def _observe(self, seen: Observation) -> None:
        self.ocs_is_heard = True
        self._tell(seen)

    def _words_are_left_to_others(self) -> bool:
        return not self._completes and self._other_control_is_up()

    def _session(self, key: Key) -> int:
        if key not in self._sessions:
            self._sessions[key] = next(self._numbers)
        return self._sessions[key]

    def _left(self, key: Key) -> None:
        session = self._sessions.pop(key, None)
        if session is not None:
            self._tell(SessionEnded(session))


_REGISTERING = (control.CLIENT_REGISTERED, control.EVENT_REFUSED)
"""The answers to a registration."""
