"""The simulator's conf file."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest

from proxy.simulator.conf import (
    Acks,
    Autostart,
    BadConf,
    GroupConf,
    GwsConf,
    ListConf,
    OcsConf,
    OcsHttpConf,
    PairConf,
    Tells,
    TServerConf,
    read_conf,
    read_dns,
)

GROUP = """
[campaign group Sales@Agents]
dbid = 101
campaign_id = 101
group_id = 732
agents = 3001-3003
lists = Customers
[calling list Customers]
dbid = 201
"""


def test_the_shipped_example_is_fine() -> None:
    """conf/simulator.conf can be used as it is: a preview group and a predictive one."""
    conf = read_conf((Path(__file__).parents[2] / "conf" / "simulator.conf").read_text(encoding="utf-8"))
    assert [(group.name, group.mode) for group in conf.groups] == [
        ("Sales@Agents", "Preview"),
        ("Winback@Dialers", "Predictive"),
    ]


def test_the_shipped_example_names_every_option() -> None:
    """Each option there is stands in conf/simulator.conf, set or commented out, and no other."""
    text = (Path(__file__).parents[2] / "conf" / "simulator.conf").read_text(encoding="utf-8")
    named = set(re.findall(r"^;?(\w+) =", text, re.M))
    sections = (TServerConf, OcsConf, OcsHttpConf, GwsConf, PairConf, GroupConf, ListConf)
    assert named == {field.name for each in sections for field in attrs.fields(each) if "read" in field.metadata}


def test_what_is_not_there_has_its_default() -> None:
    """A file with a group and a list is enough."""
    conf = read_conf(GROUP)
    assert conf.ocs.acks is Acks.FULL
    assert conf.ocs.notify_agents is Tells.YES
    assert conf.groups[0].autostart is Autostart.NO
    assert (conf.ocs_http, conf.gws) == (None, None)
    assert conf.groups[0].campaign == "Sales"
    assert conf.agent_dns == ("3001", "3002", "3003")


def test_every_problem_is_told_at_once() -> None:
    """Unknown sections and options, wrong values, missing ones, contradictions: all in one go, with their places."""
    with pytest.raises(BadConf) as caught:
        read_conf(
            """
[tserve]
[ocs]
acks = some
native = maybe
busy = 2
colour = red
[campaign group Sales]
dbid = x
campaign_id = 0
agents = 3009-3001
lists = Customers
mode = Loud
[campaign group Sales@Agents]
dbid = 7
campaign_id = 1
group_id = 2
agents = OCS_CommDN
lists = Nobody
[campaign group Other@Agents]
dbid = 7
campaign_id = 1
group_id = 2
agents = 3001
lists = Customers
[calling list Customers]
dbid = 1
"""
        )
    assert caught.value.problems == [
        "[tserve]: unknown section",
        "[ocs] acks: 'some' is not one of full, bare",
        "[ocs] native: 'maybe' is neither yes nor no",
        "[ocs] busy: 2 is not from 0 to 1",
        "[ocs] colour: unknown option",
        "[campaign group Sales] dbid: 'x' is not a whole number",
        "[campaign group Sales] campaign_id: 0 is less than 1",
        "[campaign group Sales] agents: 3009-3001 is not a range of DNs",
        "[campaign group Sales] mode: 'Loud' is not one of Predictive, Progressive, Preview, PushPreview",
        "[campaign group Sales] group_id: missing",
        "[campaign group Sales@Agents] lists: there is no [calling list Nobody]",
        "[campaign group Sales@Agents] agents: OCS_CommDN is no agent's DN",
        "[campaign group Other@Agents] dbid: 7 is that of Sales@Agents",
        "[campaign group Other@Agents] campaign_id, group_id: (1, 2) is that of Sales@Agents",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "there is no [campaign group ...]"),
        (GROUP.replace("Sales@Agents", "Sales"), "[campaign group Sales]: the name is not Campaign@Group"),
        (GROUP.replace("[campaign group Sales@Agents]", "[campaign group ]"), "[campaign group ]: has no name"),
        (GROUP + "[ocs]\nbusy = 0.6\nno_answer = 0.6\n", "[ocs] busy, no_answer: together more than 1"),
        (GROUP + "[ocs]\nlog =\n", "[ocs] log: is empty"),
        (GROUP + "[ocs-http]\nhttp_errors = x\n", "[ocs-http] http_errors: 'x' is not one of status, body"),
        (GROUP + "[gws]\nport = 1\n", "[gws] port: unknown option"),
        (
            GROUP + "[ocs]\ncampaigngroup_states_uri = ocs:80\n",
            "[ocs] campaigngroup_states_uri: 'ocs:80' is no URI: http://127.0.0.1:8080/ is one",
        ),
        (GROUP + "[ocs]\napplications = 1 two\n", "[ocs] applications: 'two' is not a whole number"),
    ],
)
def test_a_problem_is_told(text: str, problem: str) -> None:
    """Each of these is wrong by itself."""
    with pytest.raises(BadConf) as caught:
        read_conf(text)
    assert problem in caught.value.problems


@pytest.mark.parametrize("text", ["[ocs\n", "dbid = 1\n", GROUP + GROUP])
def test_what_is_no_ini_is_told(text: str) -> None:
    """A file that cannot be read as INI at all is one problem."""
    with pytest.raises(BadConf) as caught:
        read_conf(text)
    assert len(caught.value.problems) == 1


def test_dns_are_written_as_people_do() -> None:
    """Ranges and single DNs, with blanks or commas, each DN once, leading zeros kept."""
    assert read_dns("3001-3003, 3002 x-ray 008-010") == ("3001", "3002", "3003", "x-ray", "008", "009", "010")
