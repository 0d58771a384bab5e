"""What the HTTP channels share: a relay of clients' requests, and its counts as status shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Sized

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort

from proxy.channel import Channel, Connections
from proxy.config import Limits
from proxy.http.relay.limits import HttpLimits
from proxy.http.relay.listener import HttpRelay
from proxy.relay.causes import Cause
from proxy.relay.ports import Ports


class HttpChannel(Channel):
    """A channel of clients' requests over HTTP."""

    relay: HttpRelay

    @property
    def connections(self) -> Connections:
        """See Channel."""
        return _Connections(self.relay)

    @property
    def unreached(self) -> Mapping[str, float]:
        """See Channel."""
        return self.relay.upstreams.unreached

    def limit(self, limits: Limits) -> None:
        """See Channel."""
        self.relay.limits = http_limits(limits)
        self.relay.upstreams.be_patient(limits.connect_timeout)

    def unseen(self) -> Mapping[str, int]:
        """See Channel."""
        return {"client": self.relay.counts.failed}

    def messages(self) -> Iterator[tuple[str, str, int]]:
        """See Channel: requests by method, replies by the class of their status."""
        requests: dict[str, int] = {}
        replies: dict[str, int] = {}
        for (method, status), number in self.relay.counts.requests.items():
            requests[method] = requests.get(method, 0) + number
            replies[status] = replies.get(status, 0) + number
        for sender, counts in (("client", requests), ("upstream", replies)):
            for name, number in counts.items():
                yield sender, name, number

    def passed(self) -> Mapping[str, int]:
        """What the relay did with requests besides relaying them, by name."""
        counts = self.relay.counts
        return {
            "unanswered": counts.unanswered,
            "tunnels": counts.tunnels,
            **{f"request {why}": number for why, number in counts.unread_requests.items()},
            **{f"reply {why}": number for why, number in counts.unread_replies.items()},
            **{f"upstream: {why}": number for why, number in counts.upstream_failures.items()},
        }


class _Connections:
    """The relay's connections and counts. See Connections."""

    def __init__(self, relay: HttpRelay) -> None:
        self._relay = relay

    @property
    def listening(self) -> Ports:
        return self._relay.listening

    @property
    def ports(self) -> Sequence[IListeningPort]:
        return self._relay.ports

    @property
    def is_listening(self) -> bool:
        return self._relay.is_listening

    @property
    def sessions(self) -> Sized:
        return self._relay.connections

    @property
    def begun(self) -> int:
        return self._relay.counts.begun

    @property
    def causes(self) -> Mapping[Cause, int]:
        return self._relay.counts.causes

    @property
    def client_bytes(self) -> int:
        return self._relay.counts.client_bytes

    @property
    def upstream_bytes(self) -> int:
        return self._relay.counts.upstream_bytes

    def start(self) -> Deferred[None]:
        return self._relay.start()

    def stop_listening(self) -> Deferred[None]:
        return self._relay.stop_listening()

    def end_all(self, cause: Cause) -> Deferred[None]:
        return self._relay.end_all(cause)

    def cut_off_all(self, cause: Cause) -> Deferred[None]:
        return self._relay.cut_off_all(cause)


def added(*counts: Mapping[str, int]) -> Mapping[str, int]:
    """Numbers by name, of all of these."""
    total: dict[str, int] = {}
    for each in counts:
        for name, number in each.items():
            total[name] = total.get(name, 0) + number
    return total


def http_limits(limits: Limits) -> HttpLimits:
    """The limits of an HTTP channel, of [limits]."""
    return HttpLimits(
        max_sessions=limits.max_sessions, max_body=limits.max_body, connect_timeout=limits.connect_timeout
    )
