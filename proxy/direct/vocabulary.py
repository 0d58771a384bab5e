"""What OCS and its clients say in messages of the direct protocol, turned into observations.

Pure. Keys and numbers are those of `proxy.gsw.control`; here stands what only the direct protocol has. Marks: D
documented, C seen in real installations, I inferred, A assumed.
"""

from __future__ import annotations

from proxy.campaign.observation import ControlRefused, ControlRequested, GroupNames, StatusHeard, WordHeard
from proxy.direct.message import Message
from proxy.direct.rewrite import attribute_values
from proxy.gsw import control
from proxy.gsw.reading import gsw, text
from proxy.kvlist import Pair, pair

SOURCE = "direct"
"""Where the groups are told that OCS's word was heard."""

CLIENT_NAME = "GSW_CM_AttrClientName"
"""The name under which a client registers (A), besides the DBID of its application in GSW_APPLICATION_ID (A)."""


def from_client(message: Message, session: int) -> ControlRequested | None:
    """What a client asks of a group; None where it is nothing of the kind, or a status."""
    data = gsw(message)
    asked = control.request(data)
    if asked is None:
        return None
    return ControlRequested(
        session,
        control.names(data),
        asked,
        tuple(attribute_values(message)),
        control.mode(data),
        text(data, control.REFERENCE),
    )


def from_ocs(message: Message, session: int) -> WordHeard | StatusHeard | ControlRefused | None:
    """What OCS says of a group's life; None where it is nothing of the kind, or an echo (M8).

    `session` is 0 for the proxy's own.
    """
    data = gsw(message)
    return control.heard(data, control.names(data), control.mode(data), session, SOURCE)


def registration(application: str, application_dbid: int | None, reference: int) -> Message:
    """What the proxy registers as a client with."""
    asked: Message = [
        pair(control.MESSAGE_TYPE, control.REGISTER_CLIENT),
        pair(control.REFERENCE, reference),
        pair(CLIENT_NAME, application),
    ]
    return asked if application_dbid is None else [*asked, pair(control.APPLICATION_ID, application_dbid)]


def request(kind: int, names: GroupNames, reference: int) -> Message:
    """A request of the proxy's own: the group goes by its campaign and its agent group (C; R24: the reference)."""
    asked = [
        (control.MESSAGE_TYPE, kind),
        (control.REFERENCE, reference),
        (control.CAMPAIGN_ID, names.campaign_id),
        (control.GROUP_ID, names.group_id),
    ]
    return [Pair(key, value, 1) for key, value in asked if value is not None]
