"""What pages and metrics show of a proxy that shares its groups with others, or does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sized
from typing import Protocol

from proxy.admin.watched import Kind, Metric
from proxy.campaign.instances import Instances


class SharedGroups(Protocol):
    """Groups that hold what all instances hold: `instances` as they were heard."""

    @property
    def instances(self) -> Instances: ...


class Applied(Protocol):
    """This proxy's replica: the last batch it applied, and who led then (0: nobody)."""

    @property
    def groups(self) -> SharedGroups: ...

    @property
    def position(self) -> str: ...

    @property
    def leader(self) -> int: ...

    @property
    def fence(self) -> int: ...


class Sharing(Protocol):
    """This proxy as one of several, to be read only: see `proxy.shared.member.Member`.

    `number`: of this instance, 0 while it has none. `problem`: why it does not take part, None while it does. `now`: on
    the replica's clock. `outbox`: what was observed here and is not in the stream yet. `applied`: so many batches.
    """

    @property
    def number(self) -> int: ...

    @property
    def problem(self) -> str | None: ...

    @property
    def is_leading(self) -> bool: ...

    @property
    def replica(self) -> Applied | None: ...

    @property
    def now(self) -> float: ...

    @property
    def outbox(self) -> Sized: ...

    @property
    def applied(self) -> int: ...


def page(sharing: Sharing | None) -> Mapping[str, object]:
    """`/instances`. What is not known, and what a proxy that shares its groups with nobody has not, is null."""
    replica = sharing.replica if sharing is not None else None
    return {
        "instance": sharing.number or None if sharing is not None else None,
        "leader": _leader(replica),
        "fence": replica.fence if replica is not None else None,
        "instances": list(_instances(sharing)),
        "applied": replica.position if replica is not None else None,
        "waiting": len(sharing.outbox) if sharing is not None else None,
        "problem": sharing.problem if sharing is not None else None,
    }


def metrics(sharing: Sharing | None) -> Iterator[Metric]:
    """Those of shared groups; none where groups are shared with nobody."""
    if sharing is None:
        return
    known = len(list(_instances(sharing)))
    yield Metric("tevent_proxy_leads", "Whether this proxy leads.", Kind.GAUGE, {(): sharing.is_leading})
    yield Metric("tevent_proxy_instances", "Proxies that share the groups.", Kind.GAUGE, {(): known})
    yield Metric(
        "tevent_proxy_shared_waiting", "Observed, and not in the stream yet.", Kind.GAUGE, {(): len(sharing.outbox)}
    )
    yield Metric("tevent_proxy_shared_applied", "Batches applied.", Kind.COUNTER, {(): sharing.applied})


def _leader(replica: Applied | None) -> int | None:
    """Who leads: nobody where the last one has left, or was lost, and no other has taken over yet."""
    if replica is None or replica.leader not in replica.groups.instances.heard:
        return None
    return replica.leader


def _instances(sharing: Sharing | None) -> Iterator[Mapping[str, object]]:
    """All that share the groups, this one too, and how many seconds ago each was heard."""
    if sharing is None or sharing.replica is None:
        return
    known, now = sharing.replica.groups.instances, sharing.now
    for instance, heard in sorted(known.heard.items()):
        ago = round(max(0.0, now - heard), 1)
        yield {"instance": instance, "heard": ago, "controls": known.controls[instance]}
