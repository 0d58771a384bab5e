"""docs/http.md says what holds."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from proxy.campaign.attribute import edit
from proxy.campaign.observation import Request
from proxy.campaign.policy import Attribute, By
from proxy.http import gws, ocs
from proxy.http.attribute import at_top, in_properties
from proxy.http.json_text import MAX_DEPTH
from proxy.http.reporting import reports
from proxy.http.turns import RequestHead

PAGE = (Path(__file__).parent.parent.parent / "docs" / "http.md").read_text()
ASKING = (Request.LOAD, Request.START, Request.SET_MODE)
EXAMPLES = re.findall(r"^(curl -d '[^']*' \S+proxy:\S+)\s+# (.*)$", PAGE, re.MULTILINE)


def arrives(command: str) -> str:
    """The body of a curl command as it goes upstream, with `attribute = add`."""
    _, _, body, url = shlex.split(command)
    head = RequestHead(b"POST", url.partition("proxy:")[2].partition("/")[2].join(("/", "")).encode())
    asked = ocs.asked(head) or gws.asked(head)
    assert asked is not None
    bearer = (at_top if isinstance(asked, ocs.Asked) else in_properties)(body.encode())
    change = edit(Attribute.ADD, By.PROXY, asked.request in ASKING, bearer.values)
    return bearer.edited(change).decode()


def test_there_are_examples() -> None:
    """Three for OCS HTTP, one for GWS."""
    assert len(EXAMPLES) == 4


@pytest.mark.parametrize(("command", "body"), EXAMPLES)
def test_what_arrives(command: str, body: str) -> None:
    """Each example arrives as the page says."""
    assert arrives(command) == body.removesuffix(" arrives")


def test_the_actions() -> None:
    """The page names every action that is known, and no other."""
    named = PAGE[PAGE.index("Actions are read in any case.") : PAGE.index("Only Load and load-campaign are")]
    of_ocs, of_gws = (
        set(re.findall(r"[A-Za-z-]+[a-z]", part)) for part in named.split("`[ocs-http]`: ")[1].split("At `[gws]`:")
    )
    assert {name.lower() for name in of_ocs} == set(ocs.REQUESTS)
    assert of_gws == set(gws.REQUESTS)


def test_the_report() -> None:
    """The report of the page is understood."""
    body = re.search(r"curl -d '(\{[^']*\})' http://proxy:7081/", PAGE)
    assert body is not None
    (report,) = reports(body[1].encode())
    assert (report.names.name, report.mode, report.statistics) == (
        "Sales@Agents",
        "Preview",
        {"GSW_STAT_TIME_TO_COMPLETE": None},
    )
    assert report.status is not None
    assert report.status.name == "RUNNING"


def test_the_depth() -> None:
    """How deep JSON may nest."""
    assert f"deeper than {MAX_DEPTH} levels" in " ".join(PAGE.split())
