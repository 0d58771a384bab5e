"""Direct messages for tests, in short words."""

from __future__ import annotations

from proxy.direct.openwire import open_wire
from proxy.kvlist import Pair, pair

KEY = "GSW_AUTO_COMPLETION"
TYPE = "GSW_CM_MessageType"
REFERENCE = "GSW_CM_AttrReferenceID"
CAMPAIGN = "GSW_CM_AttrCampaignID"
GROUP = "GSW_CM_AttrGroupID"
PROPERTIES = "GSW_CM_AttrProperties"
STATUS = "GSW_CM_AttrGroupCampStatus"


def message(
    kind: int, reference: int | None = 10, campaign: int | None = 101, group: int | None = 732, **more
) -> list[Pair]:
    """A message about Sales@Agents; `properties` is a list of pairs, further keys are GSW_CM_Attr..."""
    properties = more.pop("properties", None)
    known = {TYPE: kind, REFERENCE: reference, CAMPAIGN: campaign, GROUP: group}
    known |= {f"GSW_CM_Attr{key}": value for key, value in more.items()}
    pairs = [pair(key, value) for key, value in known.items() if value is not None]
    return pairs if properties is None else [*pairs, pair(PROPERTIES, properties)]


def frame(pairs: list[Pair]) -> bytes:
    """The frame of a message in the open format."""
    return open_wire.encode(pairs)


SAMPLE = message(7, properties=[pair(KEY, 1)])
"""The vendor's sample of a direct LoadCampaign (D)."""
