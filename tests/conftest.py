"""What holds for all tests."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
from twisted.trial.unittest import SynchronousTestCase


@pytest.fixture(autouse=True)
def temporary_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trial's mktemp names places in pytest's temporary folders: nothing is left behind in the checkout."""
    numbers = count(1)
    monkeypatch.setattr(SynchronousTestCase, "mktemp", lambda self: str(tmp_path / f"trial-{next(numbers)}"))
