"""What a site wants done with a campaign group: the options of [completion] and [group]."""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from proxy.campaign.observation import GroupNames


class By(Enum):
    """Who completes a group that has no more records (R29)."""

    PROXY = "proxy"
    DIALER = "dialer"
    NOBODY = "nobody"


class Attribute(Enum):
    """What becomes of GSW_AUTO_COMPLETION in a client's Load, Start or SetDialingMode (R5)."""

    KEEP = "keep"
    ADD = "add"
    FORCE = "force"
    REMOVE = "remove"


class Notify(Enum):
    """Whether agents whom OCS leaves untold are told by the proxy (R25)."""

    MISSING = "missing"
    NEVER = "never"


class Control(Enum):
    """By which protocol the proxy speaks to the dialer in its own name."""

    TEVENTS = "tevents"
    DIRECT = "direct"
    OCS_HTTP = "ocs-http"


@frozen
class Policy:
    """The options of one group. Times are seconds."""

    by: By = By.NOBODY
    control: Control = Control.TEVENTS
    attribute: Attribute = Attribute.KEEP
    settle: float = 60.0
    settle_dialed: float = 300.0
    answer_timeout: float = 10.0
    attempts: int = 3
    hold_for_callbacks: bool = True
    complete_untouched: bool = False
    stale_after: float = 3600.0
    notify: Notify = Notify.MISSING
    notify_wait: float = 2.0
    complete: bool = True


@frozen
class ConfiguredGroup:
    """A [group ...] section: the names of a group, and its policy."""

    names: GroupNames
    policy: Policy
