"""The groups, played against a small model of OCS with faults (see model_ocs).

What holds in every play, in the model's own truth: Stop goes only to an armed group without records, as far as any
message can tell; Stop before Unload, each accepted once; every desktop hears CampaignStopped and CampaignUnloaded once
each; nothing else is swallowed; and on a calm day every group is completed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from proxy.campaign.policy import By, Control
from proxy.campaign.sources import REPORTS
from tests.campaign.model_ocs import CALM, KILLED, WILD, Broken, Odds, Play

SEEDS = range(30)
"""Other seeds play as well: play(seed) of any number, for as many as there is time for."""


def play(seed: int, speaks: Control = Control.TEVENTS, told_by: str = "tevents", odds: Odds = WILD) -> Play:
    """A wild shift, and a calm one after it."""
    scene = Play(seed, odds=odds, speaks=speaks, told_by=told_by)
    scene.runs(1200)
    scene.ends_well()
    return scene


def test_whatever_happens_the_proxy_does_no_harm_and_completes_in_the_end() -> None:
    """Lost answers, copies, slow and broken connections, operators and schedules: see the module."""
    did: Counter[str] = Counter()
    for seed in SEEDS:
        did.update(play(seed).did)
    for what in ("stop accepted", "unload accepted", "NotifyAgent", "Swallow", "desktops that heard both"):
        assert did[what], f"no play had any {what}: they show nothing"


@pytest.mark.parametrize("told_by", ["tevents", REPORTS])
def test_whatever_happens_over_http_the_proxy_does_no_harm_either(told_by: str) -> None:
    """The same plays; Stop and Unload go over HTTP: a reply says that they are taken, before that shows or after."""
    did: Counter[str] = Counter()
    for seed in SEEDS:
        did.update(play(seed, Control.OCS_HTTP, told_by).did)
    for what in ("stop accepted", "unload accepted", "ControlAccepted over HTTP", "NotifyAgent", "Swallow"):
        assert did[what], f"no play had any {what}: they show nothing"


@pytest.mark.parametrize("speaks", [Control.TEVENTS, Control.OCS_HTTP])
def test_whatever_happens_when_the_proxy_is_killed_again_and_again(speaks: Control) -> None:
    """The same plays; every few minutes the proxy is killed, loses what it had not written, and takes up the rest."""
    did: Counter[str] = Counter()
    for seed in SEEDS:
        did.update(play(seed, speaks, odds=KILLED).did)
    for what in ("kills", "stop accepted", "unload accepted", "NotifyAgent", "Swallow", "desktops that heard both"):
        assert did[what], f"no play had any {what}: they show nothing"


@pytest.mark.parametrize("by", [By.DIALER, By.NOBODY])
def test_where_the_proxy_does_not_complete_it_does_nothing(by: By) -> None:
    """The same plays: no Stop, no Unload, nobody told, nothing swallowed (R29)."""
    for seed in SEEDS[:4]:
        scene = Play(seed, by)
        scene.runs(1200)
        assert not {"Stop", "Unload", "Settled", "NotifyAgent", "Swallow"} & set(scene.did)
        assert scene.did["Announce"]


def test_a_calm_day_from_the_beginning() -> None:
    """No faults at all: every group is completed with one Stop and one Unload."""
    for seed in SEEDS:
        scene = Play(seed, odds=CALM)
        scene.ends_well()
        assert scene.did["Stop"] == scene.did["Unload"] == len(scene.truths)


@pytest.mark.parametrize(
    ("broken", "instead", "found"),
    [
        ("proxy.campaign.consider.obstacle", lambda group, now: None, "Stop"),
        ("proxy.campaign.completion.Completion._hindrance", lambda completion, now: None, "Unload, and there are"),
        ("proxy.campaign.notices.Notices.heard", lambda notices, *heard: False, "heard"),
        ("proxy.campaign.notices.Notices.fall_due", lambda notices, now: None, "Stopped|never"),
        ("proxy.campaign.completion.Completion.proceed", lambda completion, now: None, "never completed"),
    ],
)
def test_a_proxy_that_breaks_a_rule_is_caught(
    broken: str, instead: Callable[..., object], found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plays can fail: each of these mistakes is found by one of them."""
    monkeypatch.setattr(broken, instead)

    def plays() -> None:
        for seed in range(200):
            play(seed)

    with pytest.raises(Broken, match=found):
        plays()
