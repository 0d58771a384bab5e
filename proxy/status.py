"""What the pages of [admin] show, read from the running proxy at the moment somebody asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from proxy.admin.watched import Kind, Metric
from proxy.relay.listener import Direction
from proxy.switchboard import Switchboard
from proxy.tevents.channel import TEvents
from proxy.tevents.names import MESSAGES


class Status:
    """See `proxy.admin.watched.Watched`."""

    def __init__(self, board: Switchboard, channels: Sequence[TEvents]) -> None:
        self._board = board
        self._channels = channels

    def groups(self) -> Sequence[dict[str, object]]:
        """Every group (design: status)."""
        return self._board.status()

    def timeline(self) -> Sequence[dict[str, object]]:
        """The latest announcements, oldest first."""
        return list(self._board.timeline)

    def health(self) -> Sequence[str]:
        """Why the proxy is not healthy; empty where it is."""
        return list(self._reasons())

    def _reasons(self) -> Iterator[str]:
        for channel in self._channels:
            yield from channel.reasons()
        if self._board.store_problem is not None:
            yield f"store: {self._board.store_problem}"
        if self._board.failed:
            yield f"groups: {self._board.failed} mistakes of ours about them, see the log"

    def metrics(self) -> Iterator[Metric]:
        """Every counter and gauge."""
        yield from self._of_groups()
        for channel in self._channels:
            yield from _of_channel(channel)

    def _of_groups(self) -> Iterator[Metric]:
        board = self._board
        states: dict[tuple[str, ...], float] = {}
        records: dict[tuple[str, ...], float] = {}
        completions: dict[tuple[str, ...], float] = {}
        for group in board.status():
            name, state = str(group["name"]), str(group["state"])
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


def _number(value: object) -> float:
    assert isinstance(value, int)
    return float(value)


def _of_channel(channel: TEvents) -> Iterator[Metric]:
    relay, counts, name = channel.relay, channel.counts, channel.name
    by_channel = ("channel",)
    yield Metric("tevent_proxy_sessions", "Sessions now.", Kind.GAUGE, {(name,): len(relay.sessions)}, by_channel)
    yield Metric("tevent_proxy_sessions_begun", "Connections taken.", Kind.COUNTER, {(name,): relay.begun}, by_channel)
    ended: dict[tuple[str, ...], float] = {(name, cause.value): number for cause, number in relay.causes.items()}
    yield Metric("tevent_proxy_sessions_ended", "Ends of sessions.", Kind.COUNTER, ended, (*by_channel, "cause"))
    traffic: dict[tuple[str, ...], float] = {
        (name, "client"): relay.client_bytes,
        (name, "upstream"): relay.upstream_bytes,
    }
    yield Metric("tevent_proxy_bytes", "Bytes by sender.", Kind.COUNTER, traffic, (*by_channel, "sender"))
    directions = (relay.to_upstream, relay.to_client)
    yield Metric(
        "tevent_proxy_frames",
        "Frames by sender and message.",
        Kind.COUNTER,
        {key: number for direction in directions for key, number in _frames(name, direction)},
        (*by_channel, "sender", "message"),
    )
    opaque: dict[tuple[str, ...], float] = {(name, direction.name): direction.opaque for direction in directions}
    yield Metric("tevent_proxy_opaque", "Directions gone opaque.", Kind.COUNTER, opaque, (*by_channel, "sender"))
    failed: dict[tuple[str, ...], float] = {(name, direction.name): direction.failed for direction in directions}
    yield Metric(
        "tevent_proxy_unseen", "Directions unseen by our mistake.", Kind.COUNTER, failed, (*by_channel, "sender")
    )
    looked: dict[tuple[str, ...], float] = {
        (name, "malformed"): counts.malformed + channel.control.malformed,
        (name, "rewritten"): counts.rewritten,
        (name, "not_rewritten"): counts.not_rewritten,
        (name, "swallowed"): counts.swallowed,
        (name, "notified"): counts.notified,
    }
    yield Metric("tevent_proxy_looked", "What became of wanted frames.", Kind.COUNTER, looked, (*by_channel, "what"))
    registered = float(channel.control.registered)
    yield Metric("tevent_proxy_control_registered", "Whether the control session is.", Kind.GAUGE, {(): registered})


def _frames(channel: str, direction: Direction) -> Iterator[tuple[tuple[str, ...], float]]:
    """Frames by the names of their messages; numbers without a name together, lest a client invents labels."""
    unknown = 0
    for number, frames in direction.frames.items():
        if number in MESSAGES:
            yield (channel, direction.name, MESSAGES[number]), frames
        else:
            unknown += frames
    if unknown:
        yield (channel, direction.name, "unknown"), unknown
