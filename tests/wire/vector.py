"""The vector of wire.md: a LoadCampaign for the Communication DN."""

from __future__ import annotations

from proxy.kvlist import pair
from proxy.tevents.message import COMMUNICATION_DN, DISTRIBUTE_USER_EVENT, REFERENCE_ID, USER_DATA, Attribute, Message
from proxy.tevents.openwire import open_wire

VECTOR = bytes.fromhex(
    "0000009800300003003b000000000a4f43535f436f6d6d444e00020100000004000000070033030000007100040100124753575f434d5f4d657373616765547970"
    "650004000000070100144753575f434d5f4174747253657373696f6e49440004000000650100124753575f4150504c49434154494f4e5f49440004000010120100"
    "134753575f4155544f5f434f4d504c4554494f4e000400000001"
)

VECTOR_MESSAGE = Message(
    DISTRIBUTE_USER_EVENT,
    [
        Attribute(COMMUNICATION_DN, 0, "OCS_CommDN"),
        Attribute(REFERENCE_ID, 1, 7),
        Attribute(
            USER_DATA,
            3,
            [
                pair("GSW_CM_MessageType", 7),
                pair("GSW_CM_AttrSessionID", 101),
                pair("GSW_APPLICATION_ID", 4114),
                pair("GSW_AUTO_COMPLETION", 1),
            ],
        ),
    ],
)

FRAMES = [
    VECTOR,
    open_wire.encode(Message(53, [])),
    open_wire.encode(
        Message(
            96,
            [
                Attribute(20, 0, "3001"),
                Attribute(700, 9, b"\0unknown"),
                Attribute(51, 3, [pair("GSW_USER_EVENT", "PreviewRecord"), pair("inner", [pair("x", -1)])]),
                Attribute(148, 6, 4899493),
            ],
        )
    ),
]
"""Whole frames, with what a format may find hard: no attributes, unknown kinds, lists in lists, long integers."""
