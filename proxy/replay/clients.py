"""Who said what to whom: the messages of a log, given to the sessions of a T-Events channel, as they were live.

What a session makes of a message is the affair of `proxy.tevents.session`, here as in the proxy. Here is only what a
log leaves open: which session it is, which DN the session has, and which of many copies of OCS's word is heard.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import count

from proxy.campaign.attribute import Edit
from proxy.campaign.observation import (
    AgentHeard,
    ControlRefused,
    DnRegistered,
    DnUnregistered,
    GroupNames,
    Observation,
    Request,
    SessionBlind,
    SessionEnded,
    SessionWitnessed,
    SourceConnected,
    SourceLost,
    Status,
    StatusAsked,
    StatusHeard,
    Word,
    WordHeard,
)
from proxy.campaign.policy import Control
from proxy.gsw import control, userdata
from proxy.gsw.reading import gsw, number
from proxy.kvlist import Pair
from proxy.replay.direct import DirectClients, Key
from proxy.replay.entries import OF_DIRECT, ControlIs, Controlled, Entry, Heard, Left, Teller, Unreadable, Witnessed
from proxy.tevents.message import (
    COMMUNICATION_DN,
    EVENT_ERROR,
    EVENT_REGISTERED,
    EVENT_USER_EVENT,
    REGISTER_CLIENT,
    THIS_DN,
    USER_DATA,
    Attribute,
    Message,
)
from proxy.tevents.openwire import open_wire
from proxy.tevents.session import WANTED_OF_CLIENTS, WANTED_OF_SERVERS, Counts, DesktopSession
from proxy.tevents.trace import CONTROL

_CONTROL = str(CONTROL)

_ANSWERS = {Word.LOADED: Status.ACTIVE, Word.STARTED: Status.RUNNING}


class Clients:
    """All clients of all logs. `observe` is told what they see, in order.

    `communication_dn` is OCS's, None where nobody has said it: then it is the DN on which OCS's word is heard first.
    `answer_timeout` is for how many seconds what an agent hears after a status request are answers, not news.
    """

    def __init__(
        self,
        observe: Callable[[Observation], object],
        communication_dn: str | None,
        answer_timeout: float,
        controls: Iterable[str],
    ) -> None:
        self._tell = observe
        self._communication_dn = communication_dn
        self._answer_timeout = answer_timeout
        self._controls = frozenset(controls)
        self._numbers = count(1)
        self._counts = Counts()
        self._sessions: dict[Key, DesktopSession] = {}
        self._keys: dict[int, Key] = {}
        self._clients_of: dict[Key, dict[str, None]] = {}
        self._status_asked: dict[str, float] = {}
        self._traced: Collection[str] = ()
        completes = Control.DIRECT.value in self._controls
        self._direct = DirectClients(observe, self._numbers, completes, self._other_control_is_up)
        self._control_is_up: bool | None = None
        self._word_is_heard = self._is_heard_over_t_events = False
        self._now = 0.0
        self._teller = Teller.NOBODY_KNOWS

    def begin(self, traced: Collection[str]) -> None:
        """Before anything is told. Of the control sessions that are `traced` a trace says when they are there; for all
        others it is the log itself, all the time."""
        self._traced = traced
        for each in sorted(self._controls.difference(traced)):
            self._tell(SourceConnected(each))

    @property
    def _ocs_is_heard(self) -> bool:
        return self._word_is_heard or self._direct.ocs_is_heard

    def _other_control_is_up(self) -> bool:
        """Whether OCS's words are heard over T-Events."""
        return bool(self._control_is_up) if Control.TEVENTS.value in self._traced else self._is_heard_over_t_events

    def tell(self, entry: Entry, now: float) -> None:
        """What a log tells."""
        self._now, self._teller = now, entry.teller
        what = entry.what
        if isinstance(what, Heard):
            _BY[entry.teller](self, entry.owner, what)
        elif isinstance(what, OF_DIRECT):
            self._direct.tell(entry.owner, entry.teller, what)
        elif isinstance(what, Controlled):
            self._controlled(entry.owner, what)
        elif isinstance(what, Witnessed):
            for seen in what.observations:
                self._witnessed(seen)
        elif isinstance(what, Left):
            self._left((entry.owner, what.client))
        elif isinstance(what, Unreadable):
            self._tell(SessionBlind(self._session(entry.owner, what.client).number))
        else:
            self._control(what)

    def _control(self, what: ControlIs) -> None:
        self._control_is_up = what.registered
        source = Control.TEVENTS.value
        self._tell(SourceConnected(source) if what.registered else SourceLost(source))

    def _witnessed(self, seen: Observation) -> None:
        """OCS's log tells of which session its counts are; its words on life count where no protocol's are logged."""
        if not isinstance(seen, WordHeard):
            self._tell(seen)
            return
        if seen.word in (Word.LOADED, Word.UNLOADED):
            self._tell(SessionWitnessed(seen.source, seen.names, seen.word is Word.LOADED))
        if not self._ocs_is_heard:
            self._tell(seen)

    # ------------------------------------------------------------------------------------------------------ sessions

    def observe(self, seen: Observation) -> bool:
        """See Board: what a session sees."""
        if isinstance(seen, DnRegistered):
            owner, client = self._keys[seen.session]
            self._clients_of.setdefault((owner, seen.dn), {})[client] = None
        elif isinstance(seen, DnUnregistered):
            owner, client = self._keys[seen.session]
            self._clients_of.get((owner, seen.dn), {}).pop(client, None)
        elif isinstance(seen, StatusAsked):
            self._status_asked[seen.dn] = self._now
        self._tell(seen)
        if isinstance(seen, AgentHeard) and not self._ocs_is_heard and self._teller is not Teller.PROXY:
            self._tell(self._as_ocs_word(seen))
        return False

    def edit(self, names: GroupNames, request: Request | None, values: Sequence[object]) -> Edit:
        """See Board: nothing is edited."""
        return Edit.LEAVE

    def _as_ocs_word(self, seen: AgentHeard) -> Observation:
        """Where nobody logged OCS's word, what agents hear is all there is of it (R1)."""
        asked = self._status_asked.get(seen.dn)
        if seen.word in _ANSWERS and asked is not None and self._now - asked <= self._answer_timeout:
            return StatusHeard(seen.names, _ANSWERS[seen.word], "agents", seen.mode)
        return WordHeard(seen.names, seen.word, "agents", seen.mode)

    def _session(self, owner: str, client: str) -> DesktopSession:
        session = self._sessions.get((owner, client))
        if session is None:
            session = DesktopSession(
                next(self._numbers), open_wire, self, self._communication_dn or "", self._counts, lambda _: False
            )
            self._sessions[owner, client] = session
            self._keys[session.number] = (owner, client)
        return session

    def _left(self, key: Key) -> None:
        session = self._sessions.pop(key, None)
        if session is None:
            return
        del self._keys[session.number]
        for clients in self._clients_of.values():
            clients.pop(key[1], None)
        self._tell(SessionEnded(session.number))

    def _learn_communication_dn(self, dn: str | None) -> None:
        if dn is not None and self._communication_dn is None:
            self._communication_dn = dn
            for session in self._sessions.values():
                session.communication_dn = dn

    # -------------------------------------------------------------------------------------------------- T-Server's side

    def _by_proxy(self, owner: str, what: Heard) -> None:
        """The proxy's own trace: its sessions, and its control session, are those of the log."""
        message = what.message
        if what.clients != (_CONTROL,):
            self._by_tserver(owner, what)
        elif message.number == EVENT_REGISTERED:
            self._learn_communication_dn(message.text(THIS_DN))
        elif self._control_is_up is None and message.number == EVENT_USER_EVENT:
            self._control(ControlIs(True))  # the log begins after its registration
            self._ocs_word(message.user_data)
        elif self._control_is_up:
            if message.number == EVENT_ERROR:
                self._tell(ControlRefused(CONTROL, GroupNames(), str(message.reference)))
            elif message.number == EVENT_USER_EVENT:
                self._ocs_word(message.user_data)

    def _by_tserver(self, owner: str, what: Heard) -> None:
        message = what.message
        if what.is_request:
            for client in what.clients:
                self._request(owner, client, message)
            return
        if message.number not in WANTED_OF_SERVERS:
            return
        dn = message.text(THIS_DN)
        clients = what.clients or tuple(self._clients_of.get((owner, dn or ""), ())) or (f"dn {dn}",)
        if self._teller is not Teller.PROXY and _is_ocs_word(message):
            self._learn_communication_dn(dn)
            self._ocs_word(message.user_data)
        is_heard = self._teller is not Teller.PROXY or bool(self._control_is_up)
        for client in clients:
            self._session(owner, client).from_server(message, is_heard)

    def _request(self, owner: str, client: str, message: Message) -> None:
        if message.number == REGISTER_CLIENT:
            self._left((owner, client))
            return
        if message.number not in WANTED_OF_CLIENTS:
            return
        session = self._session(owner, client)
        if message.user_data is not None and session.own_dn(message) is None:
            # The log begins after its registration.
            dn = message.text(THIS_DN) or message.text(COMMUNICATION_DN)
            if dn is not None and dn != self._communication_dn and userdata.AGENT_REQUEST in gsw(message.user_data):
                session.from_server(Message(EVENT_REGISTERED, [Attribute(THIS_DN, 0, dn)]), True)
        session.from_client(message)

    def _ocs_word(self, pairs: list[Pair] | None) -> None:
        """OCS's word on the Communication DN, once, however many clients hear it."""
        if pairs is None or userdata.is_request(gsw(pairs)):
            return
        seen = userdata.from_ocs(pairs, CONTROL, Control.TEVENTS.value)
        if seen is not None:
            self._word_is_heard = self._is_heard_over_t_events = True
            self._tell(seen)

    # ------------------------------------------------------------------------------------------------------ OCS's side

    def _by_ocs(self, owner: str, what: Heard) -> None:
        """OCS is a client, too: what it has distributed is what desktops hear, and what it hears is what they ask."""
        message = what.message
        dn = (message.text(COMMUNICATION_DN) if what.is_request else None) or message.text(THIS_DN)
        pairs = message.user_data
        if dn is None or pairs is None:
            return
        data = gsw(pairs)
        session = self._session(owner, f"dn {dn}")
        if what.is_request:
            heard = Message(EVENT_USER_EVENT, [Attribute(THIS_DN, 0, dn), Attribute(USER_DATA, 3, pairs)])
            if _is_ocs_word(heard):
                self._learn_communication_dn(dn)
                self._ocs_word(pairs)
            session.from_server(heard, True)
        elif message.number != EVENT_USER_EVENT:
            session.from_server(message, True)
        elif userdata.is_request(data):
            own = None if dn == self._communication_dn else dn
            if own is not None and session.own_dn(message) is None:
                session.from_server(Message(EVENT_REGISTERED, [Attribute(THIS_DN, 0, own)]), True)
            seen = userdata.from_client(pairs, session.number, own, None)
            if seen is not None:
                self.observe(seen)

    def _controlled(self, owner: str, what: Controlled) -> None:
        kind = number(gsw(what.pairs), control.MESSAGE_TYPE)
        if kind in control.ALL_REQUESTS:
            seen = userdata.from_client(what.pairs, self._session(owner, what.client).number, None, None)
        else:
            seen = userdata.from_ocs(what.pairs, CONTROL, Control.DIRECT.value)
            self._word_is_heard = self._word_is_heard or seen is not None
        if seen is not None:
            self._tell(seen)


def _is_ocs_word(message: Message) -> bool:
    """Whether a user event is of those that OCS sends on its Communication DN, and nowhere else."""
    if message.number != EVENT_USER_EVENT or message.user_data is None:
        return False
    data = gsw(message.user_data)
    return (control.MESSAGE_TYPE in data or userdata.STATISTICS in data) and not userdata.is_request(data)


_BY: Mapping[Teller, Callable[[Clients, str, Heard], None]] = {
    Teller.PROXY: Clients._by_proxy,
    Teller.TSERVER: Clients._by_tserver,
    Teller.OCS: Clients._by_ocs,
    Teller.CLIENT: Clients._by_tserver,
}
