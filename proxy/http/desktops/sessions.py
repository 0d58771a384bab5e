"""Web desktops' sessions: which requests and which CometD clients are one desktop, and what the groups see of it.

A web desktop has no connection of its own: its session is what its cookies say, joined to its CometD clients at the
handshake. It begins where something of it is seen on a DN, and ends by logout, with its last client, or by silence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from proxy.campaign.attribute import Edit
from proxy.campaign.observation import (
    AgentHeard,
    DnRegistered,
    DnUnregistered,
    GroupNames,
    NotifyAgent,
    Observation,
    Request,
    SessionBlind,
    SessionEnded,
)
from proxy.gsw import userdata
from proxy.gsw.reading import speaks
from proxy.http.desktops.agent_api import ERROR, SESSION_COOKIES, USER_EVENT, VOICE, Event, event, notification
from proxy.http.desktops.bayeux import Message
from proxy.http.desktops.copies import Copies
from proxy.http.desktops.polls import Client, Counts, Listener
from proxy.http.relay.heads import values
from proxy.http.turns import Exchanges, Headers
from proxy.switchboard import AgentSession

WEB_IDLE = 60.0
"""Seconds without a poll that waits and without a request after which a web desktop is gone."""

LOOKS = 20
"""How often, at most, it is looked in that time who is gone: so late a desktop that is gone may be noticed."""

MAX_ASLEEP = 10000
"""Of how many desktops that are gone the DN is remembered, for when they come back; the oldest are forgotten first."""

Cookies = Mapping[str, str]


class Board(Protocol):
    """Where observations go. See Switchboard."""

    @property
    def sessions(self) -> MutableMapping[int, AgentSession]:
        """Who can tell an agent something, by the number of his session."""
        ...

    def observe(self, observation: Observation) -> bool:
        """See Switchboard."""
        ...

    def edit(self, names: GroupNames, request: Request | None, values: Sequence[object]) -> Edit:
        """See Switchboard."""
        ...


class WebSession:
    """One web desktop. `dn` is None until it is known; `number` is None while the groups do not see the session.

    `touched` is called at each sign of life.
    """

    def __init__(
        self,
        board: Board,
        numbers: Iterator[int],
        counts: Counts,
        touched: Callable[[WebSession], None],
        left: Callable[[Client], None],
    ) -> None:
        self.number: int | None = None
        self.dn: str | None = None
        self.channel = VOICE
        self.clients: dict[str, Client] = {}
        self.cookies: dict[str, str] = {}
        self.tunnels: set[int] = set()
        self._board = board
        self._numbers = numbers
        self._counts = counts
        self._touched = touched
        self._left = left
        self._registered = ""
        self._blind = False
        self._listed = False
        self._copies = Copies()

    # --------------------------------------------------------------------------------------------------- its life

    @property
    def waits(self) -> bool:
        """Whether the desktop is there though it says nothing: a poll waits, or there is a tunnel."""
        return bool(self.tunnels) or any(client.is_there for client in self.clients.values())

    def begin(self) -> tuple[int, str]:
        """The groups see the session from now on: its number, and its DN.

        Where the DN is not known, a text of its own that is no DN.
        """
        if self.number is None:
            self.number = number = next(self._numbers)
            self._registered = self.dn or f"web session {number}"
            self._board.sessions[number] = self
            self._board.observe(DnRegistered(number, self._registered))
            if self._blind:
                self._board.observe(SessionBlind(number))
        return self.number, self._registered

    def touched(self) -> None:
        """See Listener. A desktop that came back, and whose DN is known, is seen again."""
        self._touched(self)
        if self.dn is not None and self.clients:
            self.begin()

    def learn(self, dn: str) -> None:
        """The DN of the agent is told."""
        if dn != self.dn:
            self.dn = dn
            if self.number is not None and self._registered != dn:
                earlier, self._registered = self._registered, dn
                self._board.observe(DnUnregistered(self.number, earlier))
                self._board.observe(DnRegistered(self.number, dn))
        self.begin()

    def end(self) -> None:
        """The desktop is gone."""
        number, self.number = self.number, None
        self._blind = False
        self._copies = Copies()
        if number is not None:
            self._board.sessions.pop(number, None)
            self._board.observe(SessionEnded(number))

    def log_out(self) -> None:
        """The agent is logged out: whoever comes next with these cookies has yet to say on which DN."""
        self.dn = None
        self.end()

    def go_blind(self) -> None:
        """See Listener."""
        if not self._blind:
            self._blind = True
            self._counts.blind += 1
            if self.number is not None:
                self._board.observe(SessionBlind(self.number))

    def left(self, client: Client) -> None:
        """See Listener: the session ends with its last client."""
        if self.clients.get(client.name) is client:
            del self.clients[client.name]
            self._copies.forget(client.name)
            self._left(client)
            client.part()
            if not self.clients:
                self.end()

    # ------------------------------------------------------------------------------------------------ what it is told

    def hears(self, client: Client, message: Message) -> bool:
        """See Listener: an event, which other clients of the session are brought, too, is observed once."""
        told = event(message.value.get("data"))
        if told is None:
            return False
        if told.dn is not None:
            self.learn(told.dn)
        if not speaks(told.pairs):
            return False
        others = [other.name for other in self.clients.values() if other is not client and other.listens]
        if not others and len(self.clients) <= 1:
            return self._observe(told, message.channel)
        key = json.dumps([message.channel, message.value.get("data")])
        swallowed = self._copies.decided(client.name, key)
        if swallowed is not None:
            self._counts.copies += 1
            self._counts.swallowed += swallowed
            return swallowed
        swallowed = self._observe(told, message.channel)
        self._copies.decide(key, swallowed, others)
        return swallowed

    def _observe(self, told: Event, channel: str) -> bool:
        number, dn = self.begin()
        seen: Observation | None
        if told.name in (USER_EVENT, ERROR):
            seen = userdata.to_desktop(list(told.pairs), number, dn)
        else:
            seen = userdata.of_call(told.name, list(told.pairs), number, dn)
        if seen is None:
            return False
        if isinstance(seen, AgentHeard):
            self._listed, self.channel = told.listed, channel
        swallowed = self._board.observe(seen)
        self._counts.swallowed += swallowed
        return swallowed

    def tell(self, command: NotifyAgent) -> bool:
        """See AgentSession: an EventUserEvent of our own, to each client, in the shape of OCS's (R28)."""
        pairs = userdata.campaign_event(command.word, command.like, command.names)
        message = notification(pairs, self.channel, self._listed)
        for client in list(self.clients.values()):
            client.notify(message)
        told = bool(self.clients)
        self._counts.notified += told
        return told


class WebSessions:
    """All web desktops, by their cookies and their clients. `idle` is in seconds of `clock`."""

    def __init__(
        self,
        board: Board,
        numbers: Iterator[int],
        clock: IReactorTime,
        exchanges: Exchanges,
        counts: Counts,
        idle: float = WEB_IDLE,
    ) -> None:
        self.clients: dict[str, Client] = {}
        self._board = board
        self._numbers = numbers
        self._clock = clock
        self._exchanges = exchanges
        self._counts = counts
        self._idle = idle
        self._by_cookie: dict[tuple[str, str], WebSession] = {}
        self._last: dict[WebSession, float] = {}
        self._asleep: dict[WebSession, None] = {}
        self._call: IDelayedCall | None = None
        self._closed = False

    def __iter__(self) -> Iterator[WebSession]:
        """Those that are there."""
        return iter(list(self._last))

    # ------------------------------------------------------------------------------------------------- whose it is

    def known(self, headers: Headers) -> WebSession | None:
        """The session of a request, by its cookies; None where none of them was seen before."""
        return self._find(cookies(headers))

    def of(self, headers: Headers) -> WebSession | None:
        """The session of a request, which may be a new one; None where the request bears no cookie of a session."""
        told = cookies(headers)
        return self._joined(self._find(told) or self._new(), told) if told else None

    def client(self, name: str, headers: Headers) -> Client:
        """The client of a request that bears its clientId, whatever its cookies. A stranger is taken in.

        He shook hands where the proxy did not see it, or was silent for so long that he was forgotten.
        """
        client = self.clients.get(name)
        if client is None:
            return self._take_in(name, self.of(headers) or self._new(), shaken=False)
        session = self._session_of(client)
        told = cookies(headers)
        owners = (self._by_cookie.get(cookie) for cookie in told.items())
        if not any(owner.clients for owner in owners if owner not in (None, session)):
            self._joined(session, told)
        return client

    def shook_hands(self, name: str, headers: Headers, set_cookies: Iterable[bytes]) -> Client:
        """A client was told its clientId, in a reply to a request with these headers."""
        session = self.of(headers) or self._new()
        self._joined(session, dict(_told(set_cookies)))
        earlier = self.clients.get(name)
        if earlier is not None:
            earlier.session.left(earlier)
        return self._take_in(name, session, shaken=True)

    def _take_in(self, name: str, session: WebSession, shaken: bool) -> Client:
        client = Client(name, session, self._exchanges, self._counts, self._clock.seconds, shaken)
        self.clients[name] = session.clients[name] = client
        session.touched()
        return client

    def _session_of(self, client: Client) -> WebSession:
        assert isinstance(client.session, WebSession)
        return client.session

    def _new(self) -> WebSession:
        session = WebSession(self._board, self._numbers, self._counts, self._touched, self._left)
        self._touched(session)
        return session

    def _find(self, told: Cookies) -> WebSession | None:
        """By the most trusted cookie that is known; not one that has another value of a cookie trusted more."""
        for place, name in enumerate(SESSION_COOKIES):
            session = self._by_cookie.get((name, told[name])) if name in told else None
            if session is not None and all(
                session.cookies.get(trusted) in (None, told.get(trusted))
                for trusted in SESSION_COOKIES[:place]
                if trusted in told
            ):
                return session
        return None

    def _joined(self, session: WebSession, told: Cookies) -> WebSession:
        for name, value in told.items():
            earlier = session.cookies.get(name)
            if earlier is not None and earlier != value and self._by_cookie.get((name, earlier)) is session:
                del self._by_cookie[name, earlier]
            session.cookies[name] = value
            self._by_cookie[name, value] = session
        return session

    # ------------------------------------------------------------------------------------------------------- silence

    def _touched(self, session: WebSession) -> None:
        self._last[session] = self._clock.seconds()
        self._asleep.pop(session, None)
        if self._call is None and not self._closed:
            self._call = self._clock.callLater(self._idle, self._look_around)

    def _look_around(self) -> None:
        """Sessions of which nothing was heard for long are over; the next look is when one more can be."""
        self._call = None
        now = self._clock.seconds()
        for session, last in list(self._last.items()):
            if session.waits:
                self._last[session] = now
            elif last + self._idle <= now:
                self._fall_asleep(session)
                continue
            self._drop_silent(session, now)
        if self._last:
            due = min(self._last.values()) + self._idle
            self._call = self._clock.callLater(max(due - now, self._idle / LOOKS), self._look_around)

    def _drop_silent(self, session: WebSession, now: float) -> None:
        """Clients of a session that are silent while others of it are not: a page was loaded anew."""
        silent = [
            client for client in session.clients.values() if not client.is_there and client.last + self._idle <= now
        ]
        if len(silent) < len(session.clients):
            for client in silent:
                session.left(client)

    def _fall_asleep(self, session: WebSession) -> None:
        """The session is over. Its DN is remembered where there is one, for a desktop that comes back."""
        del self._last[session]
        for client in list(session.clients.values()):
            session.left(client)
        session.end()
        self._asleep[session] = None
        if session.dn is None:
            self._forget(session)
        elif len(self._asleep) > MAX_ASLEEP:
            self._forget(next(iter(self._asleep)))

    def _forget(self, session: WebSession) -> None:
        del self._asleep[session]
        for cookie in session.cookies.items():
            if self._by_cookie.get(cookie) is session:
                del self._by_cookie[cookie]

    def cannot_be_read(self, session: Listener | None) -> None:
        """A reply that may bear notifications cannot be read (R16)."""
        self._counts.unreadable += 1
        if session is not None:
            session.go_blind()

    def _left(self, client: Client) -> None:
        if self.clients.get(client.name) is client:
            del self.clients[client.name]

    def close(self) -> None:
        """No session is there any more; polls that wait are answered with nothing, and none is upstream."""
        self._closed = True
        if self._call is not None:
            self._call.cancel()
            self._call = None
        for session in list(self._last):
            for client in list(session.clients.values()):
                client.turn_away()
                client.abandon()
            session.end()
        self._last.clear()
        self.clients.clear()


def cookies(headers: Headers) -> Cookies:
    """The cookies of a request that tell sessions apart."""
    return dict(_told(pair for line in values(headers, b"cookie") for pair in line.split(b";")))


def _told(pairs: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    """Names and values of cookies, without what else a Set-Cookie says."""
    for pair in pairs:
        name, equals, value = pair.partition(b";")[0].partition(b"=")
        told = name.strip().decode("latin-1")
        if equals and told in SESSION_COOKIES and value.strip():
            yield told, value.strip().decode("latin-1")
