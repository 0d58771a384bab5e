"""Web desktops on their way through the proxy: the Agent API of GWS, and CometD."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from twisted.internet.interfaces import IReactorTime

from proxy.campaign.observation import ControlRequested, MessageRefused, MessageTaken, Observation
from proxy.gsw import control, userdata
from proxy.gsw.reading import gsw, speaks
from proxy.http.attribute import in_user_data
from proxy.http.desktops.agent_api import (
    ACCEPTED,
    Ask,
    asked,
    carries_notifications,
    dn_of,
    status_code,
    user_data_of,
)
from proxy.http.desktops.bayeux import CONNECT, HANDSHAKE, Batch, NoMessages
from proxy.http.desktops.polls import OK, Client, Counts
from proxy.http.desktops.sessions import WEB_IDLE, Board, WebSession, WebSessions
from proxy.http.json_text import JsonText, NotJson
from proxy.http.relay.heads import values
from proxy.http.turns import Exchanges, Replies, ReplyHead, RequestHead, Turn

_REDIRECTS, _ERRORS = 300, 400
"""From the first status on a request was not carried out where it was sent; a logout may redirect."""


class WebDesktops:
    """What [gws] does for web desktops. `numbers` gives sessions their numbers, `idle` is in seconds of `clock`."""

    def __init__(
        self,
        board: Board,
        numbers: Iterator[int],
        clock: IReactorTime,
        exchanges: Exchanges,
        counts: Counts,
        idle: float = WEB_IDLE,
    ) -> None:
        self.counts = counts
        self.sessions = WebSessions(board, numbers, clock, exchanges, counts, idle)
        self._board = board
        self._exchanges = exchanges
        self._tunnels: dict[int, WebSession] = {}
        self._ways = {
            Ask.NOTIFICATIONS: self._messages,
            Ask.USER_EVENT: self._user_event,
            Ask.CALL_DATA: self._call_data,
            Ask.ACTIVATE: self._activate,
            Ask.LOGOUT: self._log_out,
        }

    def looked(self) -> Mapping[str, int]:
        """What was counted, by name."""
        return vars(self.counts)

    def present(self) -> Mapping[str, int]:
        """What is there now, by name: `sessions` that the groups know of, and `polls_waiting`."""
        waiting = sum(client.waits for client in self.sessions.clients.values())
        seen = sum(session.number is not None for session in self.sessions)
        return {"sessions": seen, "polls_waiting": waiting}

    def close(self) -> None:
        """All sessions are over."""
        self.sessions.close()

    # ------------------------------------------------------------------------------------------------------ see Site

    def wants(self, head: RequestHead) -> bool:
        """See Site."""
        return asked(head.method, head.target) is not None

    def whole(self, turn: Turn, body: bytes) -> None:
        """See Site: for a request that is wanted."""
        ask = asked(turn.head.method, turn.head.target)
        if ask is None:
            self._exchanges.forward(turn, body)
        else:
            self._ways[ask](turn, body)

    def passing(self, turn: Turn, why: str | None) -> Replies | None:
        """See Site. What ought to be read and cannot be makes the session blind (R16)."""
        head = turn.head
        ask = asked(head.method, head.target)
        session = self.sessions.known(head.headers)
        if session is not None:
            session.touched()
        if ask is Ask.LOGOUT:
            return _logging_out(session) if session is not None else None
        if ask is not None or _polls_by_callback(head):
            self.counts.unreadable += 1
            session = session or self.sessions.of(head.headers)
            if session is not None:
                session.go_blind()
        return None

    def tunnelled(self, turn: Turn) -> None:
        """The request is the beginning of a tunnel: what goes through it cannot be read (R16)."""
        session = self.sessions.of(turn.head.headers)
        if session is not None:
            session.tunnels.add(turn.connection)
            self._tunnels[turn.connection] = session
            session.touched()
            session.go_blind()

    def gone(self, connection: int) -> None:
        """See Site."""
        session = self._tunnels.pop(connection, None)
        if session is not None:
            session.tunnels.discard(connection)
            session.touched()

    # ---------------------------------------------------------------------------------------------------- CometD

    def _messages(self, turn: Turn, body: bytes) -> None:
        try:
            batch = Batch(body)
        except (NotJson, NoMessages):
            self.counts.unreadable += 1
            self._exchanges.forward(turn, body, _Messages(self.sessions, turn, None))
            return
        client = self._client(turn, batch)
        connects = batch.places(CONNECT) if client is not None else []
        if client is None or not connects:
            self._exchanges.forward(turn, body, _Messages(self.sessions, turn, client))
        elif len(batch.messages) == 1:
            poll = batch.messages[0]
            client.poll(turn, body, poll.id, poll.is_impatient)
        else:
            self._poll_among_others(turn, batch, client, connects)

    def _client(self, turn: Turn, batch: Batch) -> Client | None:
        """Who speaks: the first clientId there is. A handshake has none yet."""
        name = next((message.client for message in batch.messages if message.client is not None), None)
        if name is None:
            return None
        client = self.sessions.client(name, turn.head.headers)
        client.touched()
        return client

    def _poll_among_others(self, turn: Turn, batch: Batch, client: Client, connects: Sequence[int]) -> None:
        """A poll comes with other messages: it goes with them, unless a poll of this client is upstream already.

        Then it is taken out, and answered at once, when the others are: so no poll is doubled, and none waits.
        """
        if not client.has_custody:
            client.goes_outside()
            self._exchanges.forward(turn, batch.body, _Messages(self.sessions, turn, client, outside=True))
            return
        client.turn_away()
        ids = [batch.messages[place].id for place in connects]
        if len(connects) == len(batch.messages):
            client.answer_connects(turn, ids)
        else:
            rest = batch.changed(connects)
            self._exchanges.forward(turn, rest, _Messages(self.sessions, turn, client, ids))

    # ---------------------------------------------------------------------------------------------------------- REST

    def _user_event(self, turn: Turn, body: bytes) -> None:
        """A desktop speaks to OCS, or a client asks for campaign control: the attribute is edited by policy (R5)."""
        bearer = in_user_data(body)
        said = user_data_of(bearer.value)
        session = self._session(turn)
        if not speaks(said):
            unreadable = bearer.value is None
            self._exchanges.forward(turn, body, _Asked(self._board, turn, session, None, unreadable))
            return
        data = gsw(said)
        edit = self._board.edit(userdata.control_names(data), control.request(data), bearer.values)
        relayed = bearer.edited(edit)
        self.counts.rewritten += relayed != body
        number, dn = self._speaker(turn, session)
        seen = userdata.from_client(said, number, dn, turn.number)
        if isinstance(seen, ControlRequested):
            seen = _with_values(seen, bearer.values)
        self._asks(turn, relayed, session, seen)

    def _call_data(self, turn: Turn, body: bytes) -> None:
        """User data of a call is changed: it may say what a user event would; it is left alone."""
        session = self._session(turn)
        try:
            said = user_data_of(JsonText(body).root.value)
        except NotJson:
            said = []
        seen = None
        if speaks(said):
            number, dn = self._speaker(turn, session)
            seen = userdata.from_desktop(gsw(said), number, dn, turn.number) if dn is not None else None
        self._asks(turn, body, session, seen)

    def _asks(self, turn: Turn, body: bytes, session: WebSession | None, seen: Observation | None) -> None:
        if seen is not None:
            self._board.observe(seen)
        self._exchanges.forward(turn, body, _Asked(self._board, turn, session, seen))

    def _session(self, turn: Turn) -> WebSession | None:
        session = self.sessions.of(turn.head.headers)
        if session is not None:
            session.touched()
        return session

    def _speaker(self, turn: Turn, session: WebSession | None) -> tuple[int, str | None]:
        """The number and the DN for which a request speaks. One without any cookie speaks for its connection."""
        if session is not None:
            return session.begin()
        self.counts.unattributed += 1
        return turn.connection, None

    def _activate(self, turn: Turn, body: bytes) -> None:
        session = self._session(turn)
        try:
            dn = dn_of(JsonText(body).root.value)
        except NotJson:
            dn = None
        self._exchanges.forward(turn, body, _learning(session, dn) if session is not None and dn is not None else None)

    def _log_out(self, turn: Turn, body: bytes) -> None:
        session = self.sessions.known(turn.head.headers)
        self._exchanges.forward(turn, body, _logging_out(session) if session is not None else None)


def _polls_by_callback(head: RequestHead) -> bool:
    """Whether notifications come in a script (D: callback-polling). A WebSocket is refused, or becomes a tunnel."""
    upgrades = any(True for _ in values(head.headers, b"upgrade"))
    return head.method == b"GET" and carries_notifications(head.target) and not upgrades


def _with_values(seen: ControlRequested, values: Sequence[object]) -> ControlRequested:
    """Of an attribute that is repeated in an object all values are known."""
    return ControlRequested(
        seen.session, seen.names, seen.request, tuple(values), seen.mode, seen.reference, seen.message_reference
    )


# ----------------------------------------------------------------------------------------------------------- replies


class _Messages:
    """The reply to CometD messages other than a single poll. See Replies.

    `connects` are the ids of polls that were taken out of the request; `outside` where one is in it.
    """

    def __init__(
        self,
        sessions: WebSessions,
        turn: Turn,
        client: Client | None,
        connects: Sequence[str | None] = (),
        outside: bool = False,
    ) -> None:
        self._sessions = sessions
        self._turn = turn
        self._client = client
        self._connects = connects
        self._outside = outside

    def wants(self, head: ReplyHead) -> bool:
        return head.status == OK

    def whole(self, head: ReplyHead, body: bytes) -> bytes:
        try:
            return self._looked(head, body)
        finally:
            self._comes_back()

    def _looked(self, head: ReplyHead, body: bytes) -> bytes:
        try:
            batch = Batch(body)
        except (NotJson, NoMessages):
            self._cannot_be_read()
            return body
        client = self._client
        for message in batch.messages:
            if message.channel == HANDSHAKE and message.successful and message.client is not None:
                set_cookies = values(head.headers, b"set-cookie")
                client = self._sessions.shook_hands(message.client, self._turn.head.headers, set_cookies)
        return client.replied(head, batch, self._connects) if client is not None else body

    def unread(self, head: ReplyHead, why: str | None) -> None:
        if why is not None and head.status == OK:
            self._cannot_be_read()
        self._comes_back()

    def failed(self, why: str) -> None:
        self._comes_back()

    def _cannot_be_read(self) -> None:
        session = self._client.session if self._client is not None else self._sessions.of(self._turn.head.headers)
        self._sessions.cannot_be_read(session)

    def _comes_back(self) -> None:
        if self._outside and self._client is not None:
            self._outside = False
            self._client.came_back()


class _Asked:
    """The reply to a request that carries user data: a refusal takes back what was observed. See Replies."""

    def __init__(
        self, board: Board, turn: Turn, session: WebSession | None, seen: Observation | None, unreadable: bool = False
    ) -> None:
        self._board = board
        self._turn = turn
        self._session = session
        self._seen = seen
        self._unreadable = unreadable

    def wants(self, head: ReplyHead) -> bool:
        return head.status < _REDIRECTS

    def whole(self, head: ReplyHead, body: bytes) -> bytes:
        code = status_code(body)
        self._answered(code is None or code in ACCEPTED)
        return body

    def unread(self, head: ReplyHead, why: str | None) -> None:
        self._answered(head.status < _REDIRECTS)

    def failed(self, why: str) -> None:
        # Of campaign control the groups ask what became of it. An agent does it again: till then it was not done.
        if not isinstance(self._seen, ControlRequested):
            self._answered(taken=False)

    def _answered(self, taken: bool) -> None:
        if self._seen is not None:
            answer = MessageTaken if taken else MessageRefused
            self._board.observe(answer(self._seen_by, self._turn.number))
        elif taken and self._unreadable and self._session is not None:
            self._session.go_blind()

    @property
    def _seen_by(self) -> int:
        number = getattr(self._seen, "session", None)
        assert isinstance(number, int)
        return number


class _Accepted:
    """The reply to a request of which only counts whether it was accepted: then `then` is called. See Replies.

    `below`: replies with this status, or one above, accept nothing.
    """

    def __init__(self, then: Callable[[], None], below: int) -> None:
        self._then = then
        self._below = below

    def wants(self, head: ReplyHead) -> bool:
        return head.status < self._below

    def whole(self, head: ReplyHead, body: bytes) -> bytes:
        code = status_code(body)
        if code is None or code in ACCEPTED:
            self._then()
        return body

    def unread(self, head: ReplyHead, why: str | None) -> None:
        if head.status < self._below:
            self._then()

    def failed(self, why: str) -> None:
        """Nobody knows: if it was accepted, the desktop's silence, or its next event, tells."""


def _learning(session: WebSession, dn: str) -> Replies:
    return _Accepted(lambda: session.learn(dn), _REDIRECTS)


def _logging_out(session: WebSession) -> Replies:
    return _Accepted(session.log_out, _ERRORS)
