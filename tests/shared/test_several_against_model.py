"""Several proxies that share groups, played against the model of OCS: see several, model_redis and model_ocs.

What holds in every play, in the model's own truth, is what holds with one proxy: Stop goes only to an armed group
without records, as far as any message can tell; Stop before Unload, each accepted once; every desktop hears
CampaignStopped and CampaignUnloaded once each; nothing else is swallowed; and on a calm day every group is completed.
And all proxies hold the same at the same position of the stream.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from twisted.internet.defer import maybeDeferred

from proxy.shared.replica import Replica
from tests.campaign.model_ocs import CALM, Broken
from tests.shared.several import NO_FAULTS, Several

SEEDS = (*range(9), 68)
"""Other seeds play as well: play(seed) of any number, for as many as there is time for."""


@pytest.fixture(autouse=True)
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """An image is read at once: in a play there is no time but its own."""
    monkeypatch.setattr("proxy.shared.finding.deferToThread", maybeDeferred)


def play(seed: int) -> Several:
    """A wild shift, and a calm one after it."""
    scene = Several(seed)
    try:
        scene.runs(1200)
        scene.ends_well()
    finally:
        scene.is_over()
    return scene


def test_whatever_happens_several_proxies_do_no_harm_and_complete_in_the_end() -> None:
    """OCS's faults, and the proxies': they die, end, come, are cut off from Redis, or slow; the lead goes round."""
    did: Counter[str] = Counter()
    for seed in SEEDS:
        did.update(play(seed).did)
    for what in ("kills", "ends", "cuts", "stalls", "leads", "comparisons", "desktops that heard both"):
        assert did[what], f"no play had any {what}: they show nothing"
    for what in ("stop accepted", "unload accepted", "NotifyAgent", "Swallow"):
        assert did[what], f"no play had any {what}: they show nothing"


def test_a_calm_day_from_the_beginning() -> None:
    """No faults at all: every group is completed with one Stop and one Unload, under one lead, by three proxies."""
    for seed in SEEDS[:4]:
        scene = Several(seed, odds=CALM, faults=NO_FAULTS)
        try:
            scene.ends_well()
        finally:
            scene.is_over()
        assert scene.did["Stop"] == scene.did["Unload"] == len(scene.truths)
        assert scene.did["leads"] == 1


_APPLIES = """
import json, sys
from proxy.shared.replica import Replica
told = json.load(sys.stdin)
replica = Replica.of_lines(told["image"])
for id, text in told["stream"]:
    replica.apply(id, text)
print(json.dumps(list(replica.lines())))
"""


def test_a_stream_means_the_same_in_every_process(tmp_path: Path) -> None:
    """Whoever begins with whatever image, in whatever process, holds the same at the end of the stream."""
    scene = Several(5)
    scene.runs(600)
    scene.is_over()
    replica = Replica(scene.fresh())
    images = [list(replica.lines())]
    half = len(scene.written) // 2
    for id, text in scene.written[:half]:
        replica.apply(id, text)
    images.append(list(replica.lines()))
    expected = list(scene.auditor.lines())
    for seed, image, stream in (("1", images[0], scene.written), ("2", images[1], scene.written[half:])):
        there = subprocess.run(
            [sys.executable, "-c", _APPLIES],
            input=json.dumps({"image": image, "stream": stream}),
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert json.loads(there.stdout) == expected


@pytest.mark.parametrize(
    ("first", "broken", "instead"),
    [
        (3, "proxy.campaign.records.Record.went_on_since", lambda record, moment: False),
        (5, "proxy.shared.board.is_exclusive", lambda observation: False),
    ],
)
def test_proxies_that_break_a_rule_are_caught(
    first: int, broken: str, instead: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plays can fail: each of these mistakes is found by one of them; by the first, when this was written."""
    monkeypatch.setattr(broken, instead)

    def plays() -> None:
        for seed in range(first, first + 60):
            play(seed)

    with pytest.raises(Broken):
        plays()
