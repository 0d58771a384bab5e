"""What a channel does with its clients' requests, watched: its mistakes cost no client its reply."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted.logger import Logger

from proxy.http.relay.counts import HttpCounts
from proxy.http.turns import Replies, ReplyHead, RequestHead, Site, Turn

Said = TypeVar("Said")


class Watch:
    """Calls what may fail by a mistake of ours. Each mistake is counted, and logged the first time it is made."""

    def __init__(self, log: Logger, name: str, counts: HttpCounts) -> None:
        self._log = log
        self._name = name
        self._counts = counts
        self._made: set[tuple[str, str]] = set()

    def call(self, what: Callable[[], Said], instead: Said) -> Said:
        """What the call says, or that instead where it fails."""
        try:
            return what()
        except Exception as mistake:  # noqa: BLE001 (whatever it is, the relay goes on; it is logged and counted)
            self._counts.failed += 1
            made = (what.__qualname__, type(mistake).__name__)
            if made not in self._made:
                self._made.add(made)
                self._log.failure("{name}: looking failed; the message is relayed unseen", name=self._name)
            return instead


class WatchedSite:
    """A site whose mistakes are dealt with: what it fails to look at passes unread."""

    def __init__(self, site: Site, watch: Watch) -> None:
        self._site = site
        self._watch = watch

    def wants(self, head: RequestHead) -> bool:
        """See Site."""
        return self._watch.call(lambda: self._site.wants(head), False)

    def passing(self, turn: Turn, why: str | None) -> WatchedReplies | None:
        """See Site."""
        return self.replies(self._watch.call(lambda: self._site.passing(turn, why), None))

    def whole(self, turn: Turn, body: bytes) -> bool:
        """See Site. False: it failed."""

        def whole() -> bool:
            self._site.whole(turn, body)
            return True

        return self._watch.call(whole, False)

    def tunnelled(self, turn: Turn) -> None:
        """See Site."""
        self._watch.call(lambda: self._site.tunnelled(turn), None)

    def gone(self, connection: int) -> None:
        """See Site."""
        self._watch.call(lambda: self._site.gone(connection), None)

    def told(self, call: Callable[[], None]) -> None:
        """Call what a channel asked to be called."""
        self._watch.call(call, None)

    def replies(self, replies: Replies | None) -> WatchedReplies | None:
        """What is to be done with a reply, watched."""
        return None if replies is None else WatchedReplies(replies, self._watch)


class WatchedReplies:
    """What is to be done with one reply; whatever it is, it is told one end of it, once."""

    __slots__ = ("_replies", "_told", "_watch")

    def __init__(self, replies: Replies, watch: Watch) -> None:
        self._replies = replies
        self._watch = watch
        self._told = False

    def wants(self, head: ReplyHead) -> bool:
        """See Replies."""
        return self._watch.call(lambda: self._replies.wants(head), False)

    def whole(self, head: ReplyHead, body: bytes) -> bytes | None:
        """See Replies. None: it failed."""
        self._told = True
        said: bytes | None = self._watch.call(lambda: self._replies.whole(head, body), None)
        return said

    def unread(self, head: ReplyHead, why: str | None) -> None:
        """See Replies."""
        if not self._told:
            self._told = True
            self._watch.call(lambda: self._replies.unread(head, why), None)

    def failed(self, why: str) -> None:
        """See Replies; where another end was told already, nothing."""
        if not self._told:
            self._told = True
            self._watch.call(lambda: self._replies.failed(why), None)
