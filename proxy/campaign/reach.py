"""Over whom a group can be asked and controlled, and whose word it follows (N3, R1, R17)."""

from __future__ import annotations

from attrs import frozen

from proxy.campaign.around import Surroundings
from proxy.campaign.observation import GroupNames
from proxy.campaign.policy import Control
from proxy.campaign.sources import REPORTS, TELL_STATES

NEEDS: dict[Control, tuple[str, ...]] = {
    Control.TEVENTS: ("dbid",),
    Control.DIRECT: ("campaign_id", "group_id"),
    Control.OCS_HTTP: ("dbid",),
}
"""Which ids of a group a control protocol needs (N3)."""


@frozen(eq=False)
class Reach:
    """What the names of a group, and the protocol it is controlled over, leave to be reached of OCS.

    `control`: that protocol, as sources are named. `missing_ids`: the ids it needs that nobody has told.
    """

    _around: Surroundings
    control: str
    missing_ids: tuple[str, ...]
    _could_be_asked: tuple[str, ...]

    @classmethod
    def of(cls, names: GroupNames, control: Control, around: Surroundings) -> Reach:
        """That of a group of these names."""
        tells = control.value in TELL_STATES
        asked = (control,) if tells else (Control.TEVENTS, Control.DIRECT)
        named = [each.value for each in asked if not _missing(names, each)]
        return cls(around, control.value, _missing(names, control), (*named, *(() if tells else (REPORTS,))))

    @property
    def asked_over(self) -> str | None:
        """Where OCS would tell its status now, asked for it: over its control protocol.

        Where that tells no states (HTTP), over the surest source that can speak of it; reports need not be asked.
        """
        connected = self._around.connected
        return next((source for source in self._could_be_asked if source in connected), None)

    @property
    def can_ask(self) -> bool:
        """Whether OCS would tell its status now, asked for it."""
        return self.asked_over is not None

    @property
    def away(self) -> str | None:
        """What is away, so that the group could not be controlled, or nobody would tell what became of it (R17)."""
        if self.control in TELL_STATES:
            return None if self.control in self._around.connected else "the control session"
        if self.control not in self._around.connected:
            return "OCS's HTTP interface"
        return None if self._around.hears_words else f"one of {', '.join(TELL_STATES)}, to tell what OCS does"

    @property
    def can_control(self) -> bool:
        """Whether a Stop or an Unload of this group can be sent now."""
        return self.away is None and not self.missing_ids

    def follows(self, source: str) -> bool:
        """Whether words of this source move it: two sources are in no order with each other (R1).

        It follows the one it is asked over; where there is none, the surest that is connected, else whoever speaks.
        """
        connected = self._around.connected
        followed = self.asked_over or next((surest for surest in TELL_STATES if surest in connected), source)
        return source == followed


def _missing(names: GroupNames, control: Control) -> tuple[str, ...]:
    return tuple(need for need in NEEDS[control] if getattr(names, need) is None)
