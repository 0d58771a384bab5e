"""A proxy that is killed, again and again, over whole campaigns; with real processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.shift import Shift

SEEDS = (1, 2)
KILLS = 5
"""In each shift. bench/kills.py has as many shifts as it is told."""


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_any_moment(seed: int, tmp_path: Path) -> None:
    """Whenever the proxy dies, all groups are completed once in the end, nobody is told twice, nothing counts twice."""
    shift = Shift(tmp_path, seed, KILLS)
    try:
        shift.play()
        assert shift.faults() == []
    finally:
        shift.end()
    assert shift.kills
