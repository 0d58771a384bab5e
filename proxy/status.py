"""What the pages of [admin] show, read from the running proxy at the moment somebody asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from proxy.admin.watched import Kind, Metric
from proxy.channel import Channel
from proxy.interfaces import IRecordWitness
from proxy.shared import shown
from proxy.shared.shown import Sharing
from proxy.switchboard import Switchboard

_Values = dict[tuple[str, ...], float]
"""Numbers by the values of their labels."""


class Status:
    """See `proxy.admin.watched.Watched`."""

    def __init__(
        self,
        board: Switchboard,
        channels: Sequence[Channel],
        witnesses: Sequence[IRecordWitness] = (),
        sharing: Sharing | None = None,
    ) -> None:
        self._board = board
        self._channels = channels
        self._witnesses = witnesses
        self._sharing = sharing

    def groups(self) -> Sequence[dict[str, object]]:
        """Every group (design: status)."""
        return self._board.status()

    def timeline(self) -> Sequence[dict[str, object]]:
        """The latest announcements, oldest first."""
        return list(self._board.timeline)

    def instances(self) -> Mapping[str, object]:
        """The proxies that share the groups."""
        return shown.page(self._sharing)

    def health(self) -> Sequence[str]:
        """Why the proxy is not healthy; empty where it is."""
        return list(self._reasons())

    def _reasons(self) -> Iterator[str]:
        if self._board.is_retiring:
            yield "told to stop: sessions that are there go on for a while"
        for channel in self._channels:
            yield from channel.reasons()
        for witness in self._witnesses:
            if witness.problem is not None and self._is_watched:
                yield f"witness {witness.name}: does not count: {witness.problem}"
        if self._store_problem is not None:
            yield f"store: {self._store_problem}"
        if self._board.failed:
            yield f"groups: {self._board.failed} mistakes of ours about them, see the log"

    @property
    def _store_problem(self) -> str | None:
        if self._sharing is None:
            return self._board.store_problem
        problem = self._sharing.problem
        return None if problem is None else f"{problem.rstrip('.')}: nothing is completed"

    @property
    def _is_watched(self) -> bool:
        """Whether witnesses are to watch here: where groups are shared, they do so at the leader only."""
        return self._sharing is None or self._sharing.is_leading

    def metrics(self) -> Iterator[Metric]:
        """Every counter and gauge."""
        yield from self._of_groups()
        yield from _of_channels(self._channels)
        yield from _of_witnesses(self._witnesses)
        yield from shown.metrics(self._sharing)

    def _of_groups(self) -> Iterator[Metric]:
        board = self._board
        states: dict[tuple[str, ...], float] = {}
        records: dict[tuple[str, ...], float] = {}
        completions: dict[tuple[str, ...], float] = {}
        for group in board.status():
            name, state = str(group["name"]), str(group["state"] or "unknown")
            states[name, state] = 1
            completions[name,] = _number(group["completions"])
            for kind in ("delivered", "outstanding", "finalized", "returned", "scheduled", "retrieved"):
                if group[kind] is not None:
                    records[name, kind] = _number(group[kind])
        yield Metric("tevent_proxy_group_state", "The state of a group.", Kind.GAUGE, states, ("group", "state"))
        yield Metric(
            "tevent_proxy_group_records", "Records of a group's session.", Kind.GAUGE, records, ("group", "records")
        )
        yield Metric("tevent_proxy_completions", "Groups completed.", Kind.COUNTER, completions, ("group",))
        sent: dict[tuple[str, ...], float] = {(step,): number for step, number in board.sent.items()}
        yield Metric("tevent_proxy_requests_sent", "Requests of the proxy's own.", Kind.COUNTER, sent, ("request",))
        counted: dict[tuple[str, ...], float] = {(name,): number for name, number in board.groups.counts.items()}
        yield Metric("tevent_proxy_observed", "What the groups counted.", Kind.COUNTER, counted, ("what",))
        yield Metric(
            "tevent_proxy_undeliverable", "Notifications nobody took.", Kind.COUNTER, {(): board.undeliverable}
        )
        yield Metric("tevent_proxy_mistakes", "Mistakes of ours about groups.", Kind.COUNTER, {(): board.failed})


def _of_witnesses(witnesses: Sequence[IRecordWitness]) -> Iterator[Metric]:
    counting: dict[tuple[str, ...], float] = {(each.name,): each.problem is None for each in witnesses}
    yield Metric(
        "tevent_proxy_witness_counts", "Whether a witness counts now.", Kind.GAUGE, counting, labels=("witness",)
    )
    counted: dict[tuple[str, ...], float] = {
        (each.name, what): number for each in witnesses for what, number in each.counts.items()
    }
    yield Metric("tevent_proxy_witnessed", "What witnesses counted.", Kind.COUNTER, counted, labels=("witness", "what"))


def _number(value: object) -> float:
    assert isinstance(value, int)
    return float(value)


def _of_channels(channels: Sequence[Channel]) -> Iterator[Metric]:
    """One metric for all channels: each name stands once in what Prometheus reads."""
    sessions: _Values = {(each.name,): len(each.connections.sessions) for each in channels}
    yield Metric("tevent_proxy_sessions", "Sessions now.", Kind.GAUGE, sessions, ("channel",))
    begun: _Values = {(each.name,): each.connections.begun for each in channels}
    yield Metric("tevent_proxy_sessions_begun", "Connections taken.", Kind.COUNTER, begun, ("channel",))
    ended: _Values = {
        (each.name, cause.value): number for each in channels for cause, number in each.connections.causes.items()
    }
    yield Metric("tevent_proxy_sessions_ended", "Ends of sessions.", Kind.COUNTER, ended, ("channel", "cause"))
    traffic: _Values = {(each.name, "client"): each.connections.client_bytes for each in channels}
    traffic.update({(each.name, "upstream"): each.connections.upstream_bytes for each in channels})
    yield Metric("tevent_proxy_bytes", "Bytes by sender.", Kind.COUNTER, traffic, ("channel", "sender"))
    messages: _Values = {
        (each.name, sender, message): number for each in channels for sender, message, number in each.messages()
    }
    yield Metric(
        "tevent_proxy_frames",
        "Frames by sender and message.",
        Kind.COUNTER,
        messages,
        ("channel", "sender", "message"),
    )
    opaque: _Values = {(each.name, sender): number for each in channels for sender, number in each.opaque().items()}
    yield Metric("tevent_proxy_opaque", "Directions gone opaque.", Kind.COUNTER, opaque, ("channel", "sender"))
    failed: _Values = {(each.name, sender): number for each in channels for sender, number in each.unseen().items()}
    yield Metric(
        "tevent_proxy_unseen", "Directions unseen by our mistake.", Kind.COUNTER, failed, ("channel", "sender")
    )
    looked: _Values = {(each.name, what): number for each in channels for what, number in each.looked().items()}
    yield Metric("tevent_proxy_looked", "What became of wanted frames.", Kind.COUNTER, looked, ("channel", "what"))
    present: _Values = {(each.name, what): number for each in channels for what, number in each.web_desktops().items()}
    yield Metric("tevent_proxy_web_desktops", "Web desktops now.", Kind.GAUGE, present, ("channel", "what"))
    reported: _Values = {
        (group, name): number
        for each in channels
        for group, statistics in each.reported().items()
        for name, number in statistics.items()
        if number is not None
    }
    yield Metric(
        "tevent_proxy_group_reported", "OCS's statistics of groups.", Kind.GAUGE, reported, ("group", "statistic")
    )
    registered: _Values = {(each.name,): each.registered for each in channels if each.registered is not None}
    yield Metric(
        "tevent_proxy_control_registered", "Whether the control session is.", Kind.GAUGE, registered, ("channel",)
    )
