"""How `[witness NAME]` finds a witness; the example of docs/witness-plug-ins.md is one."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import twisted.plugins
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from proxy.campaign.observation import GroupNames, ListStatistics, Observation, WitnessFound, WitnessLost
from proxy.config import Config, ConfigError, parse
from proxy.errors import OurError
from proxy.interfaces import IRecordWitness
from proxy.summary import summary, warnings
from proxy.witness.kinds import BUILT_IN, witness_kind
from proxy.witness.ocs_log import ocs_log

DOCUMENT = Path(__file__).parents[2] / "docs" / "witness-plug-ins.md"

HALF = """
from twisted.plugin import IPlugin
from zope.interface import implementer

from proxy.interfaces import IWitnessKind


@implementer(IPlugin, IWitnessKind)
class HalfAKind:
    name = "half"


half = HalfAKind()
"""

TEVENTS = """
[tevents]
listen = tcp:7001
upstream = tcp:tserver1:7000
communication_dn = OCS_CommDN
application = tevent-proxy
application_dbid = 4114
"""


@pytest.fixture
def plugged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The example of the documentation, and half a kind, where Twisted looks for plug-ins."""
    found = re.search(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    assert found is not None
    (tmp_path / "site_witness_of_the_tests.py").write_text(found[1])
    (tmp_path / "half_a_witness_of_the_tests.py").write_text(HALF)
    monkeypatch.setattr(twisted.plugins, "__path__", [*twisted.plugins.__path__, str(tmp_path)])
    yield
    for name in ("site_witness_of_the_tests", "half_a_witness_of_the_tests"):
        sys.modules.pop(f"twisted.plugins.{name}", None)


def config(text: str) -> Config:
    """The Config of a file with T-Events and more."""
    return parse(TEVENTS + text)


def problems(text: str) -> list[str]:
    """What is wrong with it."""
    with pytest.raises(ConfigError) as refused:
        config(text)
    return [str(problem) for problem in refused.value.problems]


def test_the_log_is_built_in() -> None:
    """It works without plug-in discovery: in containers, in editable installs."""
    assert witness_kind("ocs-log") is ocs_log


def test_a_section_for_each_log() -> None:
    """The first word is the kind, all of it the name; what is not written has its default."""
    (first, second) = config("[witness ocs-log]\nfile = /a\n[witness ocs-log second]\nfile = /b\nstale = 60").witnesses
    assert (first.kind, first.name, first.options["file"], first.options["late"]) == ("ocs-log", "ocs-log", "/a", 10.0)
    assert (second.kind, second.name) == ("ocs-log", "ocs-log second")
    assert (second.options["file"], second.options["stale"]) == ("/b", 60.0)
    assert config("").witnesses == ()


def test_every_mistake_is_told() -> None:
    """With section and key, all at once, like those of other sections."""
    text = "[witness ocs-log]\nencoding = klingon\ninterval = 0\nlook_back = -1\nstale = never\nsettle = 1\n[witness]\n"
    assert problems(text) == [
        "[witness ocs-log] file: missing",
        "[witness ocs-log] encoding: not an encoding that is known: 'klingon'",
        "[witness ocs-log] interval: more than 0 seconds are wanted: nothing can be answered at once",
        "[witness ocs-log] look_back: not a whole number from 0 to 1000: '-1'",
        "[witness ocs-log] stale: not a number of seconds: 'never'",
        "[witness ocs-log] settle: unknown here; it is an option of [completion] and [group ...]",
        f"[witness]: no witness of that name is installed: '' (there are: {', '.join(sorted(BUILT_IN))})",
    ]


@pytest.mark.parametrize("encoding", ["rot13", "base64", "hex", "undefined"])
def test_what_is_no_encoding_of_text(encoding: str) -> None:
    """Python's other codecs read no text."""
    assert problems(f"[witness ocs-log]\nfile = /a\nencoding = {encoding}") == [
        f"[witness ocs-log] encoding: not an encoding that is known: '{encoding}'"
    ]


@pytest.mark.parametrize(
    "settle", ["[completion]\nsettle = 10", "[completion]\nsettle_dialed = 9", "[group A@B]\ndbid = 1\nsettle = 8"]
)
def test_r18_what_a_witness_knew_must_not_outlive_the_settle_time(settle: str) -> None:
    """A group would be completed on a reading that is too old: that is refused."""
    (problem,) = problems(f"{settle}\n[witness ocs-log]\nfile = /a\n")
    assert problem.startswith("[witness ocs-log] late: 10 s: must be shorter than every settle (")
    assert config(f"{settle}\n[witness ocs-log]\nfile = /a\nlate = 5\n").witnesses


def test_looking_back_has_a_bound() -> None:
    """More files than anybody keeps are a slip of the pen."""
    assert problems("[witness ocs-log]\nfile = /a\nlook_back = 1001") == [
        "[witness ocs-log] look_back: not a whole number from 0 to 1000: '1001'"
    ]


def test_check_says_who_is_a_witness() -> None:
    """And which groups it can tell nothing of: the log names groups by two ids."""
    said = summary(config("[witness ocs-log]\nfile = /a\n[group A@B]\ndbid = 1\n"))
    assert re.search(r"^witness +ocs-log: /a$", said, re.MULTILINE)
    assert "warning: [group A@B] campaign_id, group_id: OCS's log names groups by these" in said
    named = config("[witness ocs-log]\nfile = /a\n[group A@B]\ndbid = 1\ncampaign_id = 2\ngroup_id = 3\n")
    assert warnings(named) == []
    assert warnings(config("[group A@B]\ndbid = 1\n")) == []


@pytest.mark.usefixtures("plugged_in")
def test_a_kind_that_is_not_there() -> None:
    """It is told which there are."""
    known = ", ".join(sorted([*BUILT_IN, "half", "list-report"]))
    with pytest.raises(OurError, match=rf"'nope' \(there are: {known}\)"):
        witness_kind("nope")


@pytest.mark.usefixtures("plugged_in")
def test_half_a_kind_is_refused() -> None:
    """What lacks a part of the interface is told before it runs."""
    (problem,) = problems("[witness half]\n")
    assert problem.startswith("[witness half]: the witness 'half' cannot be used: ")


@pytest.mark.usefixtures("plugged_in")
def test_the_example_of_the_documentation(tmp_path: Path) -> None:
    """It is found by its name, reads its options, and is a witness: found, lost, and found again."""
    assert problems("[witness list-report]\nlate = soon") == [
        "[witness list-report] file: missing",
        "[witness list-report] late: not a number of seconds: 'soon'",
    ]
    report, clock, said = tmp_path / "lists.csv", Clock(), list[Observation]()
    (section,) = config(f"[witness list-report]\nfile = {report}").witnesses
    witness = witness_kind(section.kind).witness(section.name, section.options, clock)
    assert verifyObject(IRecordWitness, witness)
    witness.watch(said.append)
    assert said == []
    report.write_text("Sales@Agents,Customers,3,1\n")
    clock.advance(1)
    found, lost = WitnessFound("list-report"), WitnessLost("list-report")
    statistics = ListStatistics("list-report", GroupNames(name="Sales@Agents"), "Customers", 3, 1)
    assert (said, witness.problem) == ([found, statistics], None)
    clock.pump([1] * 32)
    assert (said[2:], witness.problem) == ([lost], "no new report for 30 s")
    os.utime(report, (1, 1))
    clock.advance(1)
    assert said[3:] == [found, statistics]
    report.write_text("nonsense")
    clock.advance(1)
    assert said[5:] == [lost]
    assert witness.counts == {"reports": 2}
    witness.stop()
    assert clock.getDelayedCalls() == []
