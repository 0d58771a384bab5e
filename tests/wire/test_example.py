"""The example of docs/wire-format-plugins.md passes the checks it is shown with."""

from __future__ import annotations

import re
import unittest
from pathlib import Path
from typing import Any

from proxy.wirekit import TEventWireChecks
from tests.wire.vector import FRAMES

PAGE = Path(__file__).parents[2] / "docs" / "wire-format-plugins.md"


def example() -> Any:
    """The wire format of the page, as a site would have copied it."""
    code = next(code for code in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL))
    module: dict[str, Any] = {"__name__": "site_wire"}
    exec(compile(code, str(PAGE), "exec"), module)
    return module["marked_wire"]


class TestTheExample(TEventWireChecks, unittest.TestCase):
    """The worked example, checked as the page says."""

    wire = example()
    frames = [b"\xf0\x0d" + frame for frame in FRAMES]
