"""Real exchanges of desktops with OCS, recorded at the vendor's simulator of the Agent API, read by the vocabulary.

The samples are not part of the project: see tests/wire/test_samples.py for where they are looked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from proxy.campaign.observation import (
    Action,
    ActionAcknowledged,
    ActionRequested,
    AgentHeard,
    GroupNames,
    RecordDelivered,
    RecordRequested,
    StatusAsked,
    Word,
)
from proxy.gsw.userdata import from_client, to_desktop
from proxy.kvlist import Pair, pair
from tests.wire.test_samples import SAMPLES

PULL, PUSH = GroupNames(campaign="Pull Preview Campaign"), GroupNames(campaign="Push Preview Campaign")


def user_data(content: Any) -> Iterator[list[Pair]]:
    """Every user data in a JSON body: a list of key, type and value, or a flat object."""
    if isinstance(content, list):
        for each in content:
            yield from user_data(each)
    elif isinstance(content, dict):
        for key, value in content.items():
            if key != "userData":
                yield from user_data(value)
            elif isinstance(value, list):
                yield [pair(each["key"], each["value"]) for each in value]
            else:
                yield [pair(name, each) for name, each in value.items()]


def exchanges(part: str) -> list[list[Pair]]:
    """The user data of all requests, or of all responses, in their order."""
    files = sorted((SAMPLES / "agent-api").glob("*.json"))
    if not files:
        pytest.skip(f"there are no samples in {SAMPLES}: TEVENT_PROXY_SAMPLES can say where they are")
    bodies = [json.loads(file.read_text("utf-8"))[part].get("body") for file in files]
    return [pairs for body in bodies for pairs in user_data(body)]


def test_what_real_desktops_ask() -> None:
    """Requests as real desktops send them, handles and references as integers, are understood."""
    asked = [from_client(pairs, 7, "3001", 9) for pairs in exchanges("request")]
    assert asked == [
        StatusAsked(7, "3001"),
        RecordRequested(7, "3001", PULL, None, 9),
        ActionRequested(7, "3001", GroupNames(), Action.REJECT, "1", None, "11", 9),
        ActionRequested(7, "3001", GroupNames(), Action.PROCESS, "1", None, "12", 9),
        ActionRequested(7, "3001", GroupNames(), Action.CANCEL, "1", None, "13", 9),
    ]


def test_what_real_desktops_are_told() -> None:
    """What OCS says in those exchanges: campaigns, a record, and acknowledgements that bear a reference only."""
    said = exchanges("response")
    told = [to_desktop(pairs, 7, "3001") for pairs in said]
    of_campaign = [pairs for pairs, seen in zip(said, told, strict=True) if isinstance(seen, AgentHeard)]
    started, pulled, stopped, unloaded, pushed = (tuple(pairs) for pairs in of_campaign)
    assert told == [
        AgentHeard(7, "3001", PUSH, Word.STARTED, "PushPreview", started),
        RecordDelivered(7, "3001", PULL, "PreviewRecord", "1", False, "Custom Calling List", "1", "+33647000"),
        ActionAcknowledged(7, "3001", GroupNames(), Action.REJECT, None, "11"),
        ActionAcknowledged(7, "3001", GroupNames(), Action.PROCESS, None, "12"),
        ActionAcknowledged(7, "3001", GroupNames(), Action.CANCEL, None, "13"),
        AgentHeard(7, "3001", PULL, Word.STARTED, "Preview", pulled),
        AgentHeard(7, "3001", PULL, Word.STOPPED, "Preview", stopped),
        AgentHeard(7, "3001", PULL, Word.UNLOADED, "Preview", unloaded),
        AgentHeard(7, "3001", PUSH, Word.LOADED, "PushPreview", pushed),
    ]
