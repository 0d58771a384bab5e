"""The tables of campaign control."""

from __future__ import annotations

import pytest

from proxy.campaign.observation import ControlRefused, GroupNames, Request, Status, StatusHeard, Word, WordHeard
from proxy.gsw import control

GROUP = GroupNames(dbid=5)


def test_every_number_has_its_name() -> None:
    """Messages 5 to 33 are known by the names that logs have for them; requests are told from events by them."""
    assert sorted(control.MESSAGES) == list(range(5, 34))
    assert {6, 7, 8, 9, 10, 11, 12, 13, 14, 28, 29, 30, 32} == control.ALL_REQUESTS
    assert control.MESSAGES[18] == "GSW_CM_EvClientReqistred"
    assert {number: control.MESSAGES[number] for number in control.WORDS} == {
        19: "GSW_CM_EvCampaignLoaded",
        20: "GSW_CM_EvCampaignUnloaded",
        21: "GSW_CM_EvDialingStarted",
        22: "GSW_CM_EvDialingStopped",
        23: "GSW_CM_EvDialingModeChanged",
    }


@pytest.mark.parametrize(
    ("kind", "asked"),
    [("7", Request.LOAD), (29, Request.UNLOAD), (12, None), (6, None), (99, None), ("x", None), (None, None)],
)
def test_what_is_asked_of_a_group(kind: object, asked: Request | None) -> None:
    """Also where the number came as a string; a status asks nothing of a group."""
    assert control.request({control.MESSAGE_TYPE: kind} if kind is not None else {}) is asked  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ({control.MESSAGE_TYPE: 20}, WordHeard(GROUP, Word.UNLOADED, "here", "Preview")),
        ({control.MESSAGE_TYPE: "24", control.STATUS: "0"}, StatusHeard(GROUP, Status.NOT_LOADED, "here", "Preview")),
        ({control.MESSAGE_TYPE: 24, control.STATUS: 6}, None),
        ({control.MESSAGE_TYPE: 27, control.REFERENCE: 4}, ControlRefused(3, GROUP, "4")),
        ({control.MESSAGE_TYPE: 7, control.STATUS: 5}, None),
        ({control.STATUS: 5}, None),
    ],
)
def test_what_ocs_says(said: dict[str, int | str], heard: object) -> None:
    """Words, status and refusals; nothing else is heard."""
    assert control.heard(said, GROUP, "Preview", 3, "here") == heard  # type: ignore[arg-type]


def test_ids_and_modes() -> None:
    """A group is named by whichever ids are there, a mode by its number; what is unknown is not guessed."""
    assert control.names({control.SESSION_ID: "5", control.CAMPAIGN_ID: 1, control.GROUP_ID: 2}) == GroupNames(5, 1, 2)
    assert control.names({}) == GroupNames()
    assert control.mode({control.DIAL_MODE: 3}) == "Preview"
    assert control.mode({control.DIAL_MODE: 77}) is None
    assert control.mode({}) is None
