"""One CometD client: its long poll, the upstream poll in our custody, and what waits for the next reply.

A client's poll goes upstream once and is waited for apart from the client's connection. Where the client is to be told
something meanwhile, its poll is answered at once; the upstream poll stays open and answers the next one, whose id its
reply then bears. So no poll is doubled upstream, and no event of an earlier reply comes after one of a later.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from attrs import frozen

from proxy.errors import OurError
from proxy.http.desktops.bayeux import (
    CONNECT,
    DISCONNECT,
    SUBSCRIBE,
    Batch,
    Message,
    NoMessages,
    connect_reply,
    reply,
)
from proxy.http.json_text import NotJson
from proxy.http.relay.heads import end_to_end, without
from proxy.http.turns import Exchanges, Fetch, Headers, ReplyHead, Turn

MAX_NOTICES = 100
"""How many notifications wait for the next reply to a client; the oldest are dropped first."""

OK = 200

_OF_ONE_REPLY = (b"content-length", b"date", b"set-cookie", b"etag", b"last-modified", b"age")
"""Headers of an upstream's reply that a reply of our own does not repeat."""


class Counts:
    """What is counted of web desktops: plain integers, read when somebody asks."""

    def __init__(self) -> None:
        self.polls = 0
        self.handed_on = 0
        self.answered_early = 0
        self.turned_away = 0
        self.kept = 0
        self.injected = 0
        self.dropped = 0
        self.swallowed = 0
        self.notified = 0
        self.copies = 0
        self.rewritten = 0
        self.unreadable = 0
        self.blind = 0
        self.unattributed = 0


class Listener(Protocol):
    """The session of which a client is a part. See WebSession."""

    channel: str

    def hears(self, client: Client, message: Message) -> bool:
        """An event is about to reach a client; whether it is to be swallowed (R26)."""
        ...

    def left(self, client: Client) -> None:
        """The client is over."""
        ...

    def touched(self) -> None:
        """The desktop gives a sign of life."""
        ...

    def go_blind(self) -> None:
        """Something that is told to the desktop cannot be read (R16)."""
        ...


@frozen
class Poll:
    """A client's poll that waits: `id` is its message's id as it was written."""

    turn: Turn
    body: bytes
    id: str | None


@frozen
class _Kept:
    """A reply that was looked at already, and waits for the next poll."""

    head: ReplyHead
    body: bytes


class _Upstream:
    """The upstream poll in custody. `unread`: its reply is there, and waits to be passed on unread. See Replies."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.fetch: Fetch | None = None
        self.unread_reply = False

    def wants(self, head: ReplyHead) -> bool:
        return head.status == OK

    def whole(self, head: ReplyHead, body: bytes) -> bytes:
        self._client.came(head, body)
        return body

    def unread(self, head: ReplyHead, why: str | None) -> None:
        self._client.passes(self, head, why)

    def failed(self, why: str) -> None:
        self._client.failed()


class Client:
    """One clientId. `shaken`: its handshake was seen; of others it is taken that they have subscribed to everything.

    `now` is a clock in seconds; `last` is when the client last gave a sign of life.
    """

    def __init__(
        self,
        name: str,
        session: Listener,
        exchanges: Exchanges,
        counts: Counts,
        now: Callable[[], float],
        shaken: bool,
    ) -> None:
        self.name = name
        self.session = session
        self.listens = not shaken
        self.last = now()
        self._now = now
        self._exchanges = exchanges
        self._counts = counts
        self._like = ReplyHead(OK, b"OK", ((b"Content-Type", b"application/json"),))
        self._waiting: Poll | None = None
        self._upstream: _Upstream | None = None
        self._kept: _Kept | None = None
        self._notices: deque[str] = deque()
        self._inserted: list[str] | None = None
        self._outside = 0
        self._over = False

    @property
    def waits(self) -> bool:
        """Whether a poll of the client waits."""
        return self._waiting is not None and self._waiting.turn.waiting

    @property
    def is_there(self) -> bool:
        """Whether the client is there though it says nothing: a poll waits, alone or among other messages."""
        return self.waits or self._outside > 0

    @property
    def has_custody(self) -> bool:
        """Whether a poll is upstream, or a reply is there, so that none must be sent."""
        return self._upstream is not None or self._kept is not None or self._outside > 0

    def touched(self) -> None:
        """The client gives a sign of life, or was waiting until now."""
        self.last = self._now()
        self.session.touched()

    # ---------------------------------------------------------------------------------------------- the client's polls

    def poll(self, turn: Turn, body: bytes, id_: str | None, impatient: bool) -> None:
        """The client polls. `impatient`: it wants to be answered at once.

        An impatient poll goes upstream where none is there; else there is nothing to ask, and it gets what there is.
        """
        self._counts.polls += 1
        self.turn_away()
        custody = self._upstream
        self._waiting = poll = Poll(turn, body, id_)
        turn.when_gone(lambda: self._gone(poll))
        if self._kept is not None:
            self._hand_over()
        elif custody is None:
            self._open()
        elif custody.unread_reply:
            self._couple(custody)
        elif impatient:
            self._answer_now()
        if self._notices and self.listens:
            self._answer_now()

    def turn_away(self) -> None:
        """A poll that waits is answered with nothing, since another one comes: as servers do (D)."""
        earlier = self._take_waiting()
        if earlier is not None:
            self._counts.turned_away += 1
            self._answer(earlier, self._like, reply([connect_reply(earlier.id)]))

    def _open(self) -> None:
        """Send the poll that waits upstream, unless one is there, or goes with other messages."""
        poll = self._waiting
        if poll is None or not poll.turn.waiting or self.has_custody:
            return
        self._upstream = upstream = _Upstream(self)
        upstream.fetch = self._exchanges.fetch(poll.turn.head, poll.body, upstream, poll.turn)
        if upstream.unread_reply and self._upstream is upstream and self.waits:
            self._couple(upstream)

    def _gone(self, poll: Poll) -> None:
        """The client left while it waited: the upstream poll stays for the next one."""
        if self._waiting is poll:
            self._waiting = None
            self.touched()
            if self._over:
                self.abandon()

    # ------------------------------------------------------------------------------------------------ the upstream poll

    def came(self, head: ReplyHead, body: bytes) -> None:
        """Its reply is there, whole."""
        self._upstream = None
        self._kept = _Kept(head, body)
        if self._waiting is None:
            self._counts.kept += 1
        try:
            self._kept = _Kept(head, self._looked(head, body))
        finally:
            self._hand_over()
            self._part_if_over()

    def passes(self, upstream: _Upstream, head: ReplyHead, why: str | None) -> None:
        """Its reply cannot be read: it goes to the client as it comes. An error waits for nobody."""
        if why is not None and head.status == OK:
            self._counts.unreadable += 1
            self.session.go_blind()
        upstream.unread_reply = True
        if self.waits:
            self._couple(upstream)
        elif head.status != OK:
            self.abandon()

    def _couple(self, upstream: _Upstream) -> None:
        poll = self._take_waiting()
        if poll is None or upstream.fetch is None:
            return
        self._upstream = None
        self.touched()
        try:
            upstream.fetch.couple(poll.turn)
        except OurError:
            # It broke off while it waited: nobody has had anything of it, so the client asks anew.
            self._waiting = poll
            self._open()
        else:
            poll.turn.when_gone(None)

    def failed(self) -> None:
        """There is no reply, or it broke off: as if the client had asked the upstream itself."""
        self._upstream = None
        poll = self._take_waiting()
        if poll is not None:
            self._answer(poll, _BAD_GATEWAY, _NO_REPLY)

    def _hand_over(self) -> None:
        """The reply that is there goes to the poll that waits, if any, with what else the client is to be told."""
        if self._kept is None:
            return
        poll = self._take_waiting()
        if poll is None:
            return
        kept, self._kept = self._kept, None
        body = kept.body
        try:
            if self._notices and self.listens:
                batch = Batch(body)
                body = batch.changed(before={_end(batch): self._take_notices()})
            body = Batch(body).with_connect_id(poll.id)
        except (NotJson, NoMessages):
            pass  # It was counted when it came, and goes as it is.
        self._counts.handed_on += 1
        self._answer(poll, kept.head, body)

    # ----------------------------------------------------------------------------------------- what the client is told

    def notify(self, message: str) -> None:
        """Put a message of our own into the next reply; a poll that waits is answered at once.

        Where an event is being looked at just now, it goes in before that.
        """
        self._counts.injected += 1
        if self._inserted is not None:
            self._inserted.append(message)
            return
        self._notices.append(message)
        if len(self._notices) > MAX_NOTICES:
            self._notices.popleft()
            self._counts.dropped += 1
        if self.listens:
            self._answer_now()

    def _take_notices(self) -> list[str]:
        notices = list(self._notices)
        self._notices.clear()
        return notices

    def _answer_now(self) -> None:
        poll = self._take_waiting()
        if poll is not None:
            self._counts.answered_early += 1
            notices = self._take_notices() if self.listens else []
            self._answer(poll, self._like, reply([*notices, connect_reply(poll.id)]))

    def _take_waiting(self) -> Poll | None:
        poll, self._waiting = self._waiting, None
        return poll if poll is not None and poll.turn.waiting else None

    def _answer(self, poll: Poll, head: ReplyHead, body: bytes) -> None:
        poll.turn.when_gone(None)
        self.touched()
        poll.turn.answer(head, body)

    # ---------------------------------------------------------------------------------------------- what replies bring

    def _looked(self, head: ReplyHead, body: bytes) -> bytes:
        """The reply to a poll after a look: what was to be told before it comes first."""
        try:
            batch = Batch(body)
        except (NotJson, NoMessages):
            self._counts.unreadable += 1
            self.session.go_blind()
            return body
        self._like = _without(head, _OF_ONE_REPLY)
        earlier = self._take_notices() if self.listens else []
        gone, before = self._look(batch)
        return batch.changed(gone, _with(before, 0, earlier))

    def replied(self, head: ReplyHead, batch: Batch, connects: Sequence[str | None] = ()) -> bytes:
        """The reply to other messages of this client, after a look, with what waits for it in front.

        `connects` are the ids of polls that were taken out of the request: they are answered at once, since a poll is
        upstream already.
        """
        self._like = _without(head, _OF_ONE_REPLY)
        gone, before = self._look(batch)
        if self.listens and not self._over and batch.messages:
            before = _with(before, 0, [*self._take_kept_events(), *self._take_notices()])
        end = len(batch.messages)
        before = {**before, end: [*before.get(end, ()), *map(connect_reply, connects)]}
        self._part_if_over()
        return batch.changed(gone, before)

    def answer_connects(self, turn: Turn, connects: Sequence[str | None]) -> None:
        """Several polls in one request, and nothing else, where one is upstream already: they get what there is."""
        notices = [*self._take_kept_events(), *self._take_notices()] if self.listens else []
        turn.answer(self._like, reply([*notices, *map(connect_reply, connects)]))

    def _take_kept_events(self) -> list[str]:
        """The events in a reply that waits: they go out with what goes out first."""
        if self._kept is None:
            return []
        try:
            batch = Batch(self._kept.body)
        except (NotJson, NoMessages):
            return []
        events = [place for place, message in enumerate(batch.messages) if not message.is_meta]
        self._kept = _Kept(self._kept.head, batch.changed(events))
        return [batch.raw(place) for place in events]

    def _look(self, batch: Batch) -> tuple[Collection[int], Mapping[int, Sequence[str]]]:
        """What of a reply is swallowed, and what is put in before which message."""
        gone: set[int] = set()
        before: dict[int, list[str]] = {}
        for place, message in enumerate(batch.messages):
            if message.is_meta:
                self._told(message)
            elif message.is_event:
                self._inserted = before[place] = []
                try:
                    if self.session.hears(self, message):
                        gone.add(place)
                except Exception:
                    # By a mistake of ours: the reply goes on, and what was lost of it is not known (R16).
                    self.session.go_blind()
                    raise
                finally:
                    self._inserted = None
                self.listens = self.listens or message.channel == self.session.channel
        return gone, before

    def _told(self, message: Message) -> None:
        if message.channel == SUBSCRIBE and message.successful and message.subscribes(self.session.channel):
            self.listens = True
        if message.client_is_unknown or (message.channel == DISCONNECT and message.successful):
            self._over = True

    # ------------------------------------------------------------------------------------- polls with other messages

    def goes_outside(self) -> None:
        """A poll goes upstream among other messages, with the client's own connection."""
        self._outside += 1

    def came_back(self) -> None:
        """Its reply is there, or none comes: a poll that waited for that goes upstream now."""
        self._outside -= 1
        self._open()

    # ------------------------------------------------------------------------------------------------------- the end

    def _part_if_over(self) -> None:
        if self._over:
            self.session.left(self)

    def part(self) -> None:
        """The client is over. A poll that still waits is left to the server's answer."""
        self._over = True
        if not self.waits:
            self.abandon()

    def abandon(self) -> None:
        """Nobody comes for the reply any more."""
        upstream, self._upstream, self._kept = self._upstream, None, None
        if upstream is not None and upstream.fetch is not None:
            upstream.fetch.abandon()


_BAD_GATEWAY = ReplyHead(502, b"Bad Gateway", ((b"Content-Type", b"application/json"),))
_NO_REPLY = json.dumps({"error": "no reply from the upstream"}).encode()


def _end(batch: Batch) -> int:
    """Before which message late notifications go: the reply to the poll, else at the end."""
    return next(iter(batch.places(CONNECT)), len(batch.messages))


def _with(before: Mapping[int, Sequence[str]], place: int, messages: Sequence[str]) -> Mapping[int, Sequence[str]]:
    return {**before, place: [*messages, *before.get(place, ())]}


def _without(head: ReplyHead, names: Collection[bytes]) -> ReplyHead:
    headers: Headers = end_to_end(head.headers)
    for name in names:
        headers = without(headers, name)
    return ReplyHead(head.status, head.reason, headers)
