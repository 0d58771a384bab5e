"""What status pages show, and the shape it comes in. Where it comes from is not their business."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Protocol

from attrs import field, frozen


class Kind(Enum):
    """Whether a number only ever grows, or is what it is now."""

    COUNTER = "counter"
    GAUGE = "gauge"


@frozen
class Metric:
    """A number, or one for each combination of label values, as it is at this moment.

    `name` is without the `_total` of a counter, which Prometheus adds. `values` has one tuple of label values for
    each number, in the order of `labels`; a metric without labels has the empty tuple only.
    """

    name: str
    help: str
    kind: Kind
    values: Mapping[tuple[str, ...], float]
    labels: tuple[str, ...] = field(default=())


class Watched(Protocol):
    """What is asked for each page, when it is asked for. Everything is plain data, and nothing of it secret."""

    def groups(self) -> Sequence[Mapping[str, object]]:
        """The status of every group, as in `/groups` (design: status): unknown numbers are None."""

    def health(self) -> Sequence[str]:
        """Why the proxy is not healthy, a sentence each; empty where it is."""

    def timeline(self) -> Sequence[Mapping[str, object]]:
        """The latest announcements, oldest first: `time` (seconds since 1970), `group`, `news`, `text`, `loud`."""

    def instances(self) -> Mapping[str, object]:
        """The proxies that share the groups, as in `/instances`; null where there is nobody to share them."""

    def metrics(self) -> Iterable[Metric]:
        """Every counter and gauge."""
