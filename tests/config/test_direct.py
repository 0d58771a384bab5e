"""The section [direct], and `control = direct`."""

from __future__ import annotations

from textwrap import dedent

import pytest

from proxy.campaign.observation import GroupNames
from proxy.campaign.policy import By, Control
from proxy.config import DirectChannel, parse
from proxy.summary import summary
from tests.config.test_config import TEVENTS, problems

DIRECT = """
[direct]
listen = tcp:7005
upstream = tcp:ocs1:7004
"""


def test_the_least_it_says() -> None:
    """Where to listen and where OCS is: the rest has defaults, and no other channel is needed."""
    config = parse(DIRECT)
    assert config.tevents is None
    assert config.direct == DirectChannel(("tcp:7005",), ("tcp:ocs1:7004",), "open", "tevent-proxy", None)


def test_everything_it_can_say() -> None:
    """Every option arrives, with its type, and [tevents] beside it."""
    config = parse(
        TEVENTS + DIRECT + "           tcp:ocs2:7004\nwire = open\napplication = ocm-proxy\napplication_dbid = 4115\n"
    )
    assert config.tevents is not None
    assert config.direct == DirectChannel(("tcp:7005",), ("tcp:ocs1:7004", "tcp:ocs2:7004"), "open", "ocm-proxy", 4115)


def test_what_is_wrong_in_it() -> None:
    """Its problems are told like all others; a wire format of the direct protocol is looked for."""
    assert problems("[direct]\nlisten = tcp:http\nwire = closed\napplication_dbid = 0\ncommunication_dn = x\n") == [
        "[direct] upstream: missing",
        "[direct] listen: no port from 0 to 65535: 'tcp:http'",
        "[direct] wire: no wire format of that name is installed: 'closed' (there are: open)",
        "[direct] application_dbid: not a whole number from 1 to 2147483647: '0'",
        "[direct] communication_dn: unknown here; it is an option of [tevents]",
    ]


def test_groups_are_completed_over_it() -> None:
    """`control = direct` completes a group whose campaign and agent group have their DBIDs; N3."""
    config = parse(
        DIRECT + "[completion]\nby = proxy\ncontrol = direct\n[group A@B]\ncampaign_id = 101\ngroup_id = 732\n"
    )
    assert (config.policy.by, config.policy.control) == (By.PROXY, Control.DIRECT)
    assert config.groups[0].names == GroupNames(campaign_id=101, group_id=732, name="A@B")


def test_ids_that_do_not_suffice() -> None:
    """N3: over the direct protocol a group goes by campaign and agent group; `check` asks for both, once."""
    group = DIRECT + "[completion]\nby = proxy\ncontrol = direct\n[group A@B]\n"
    text = "missing: control = direct cannot complete the group without it (or: complete = no)"
    both = [f"[group A@B] campaign_id: {text}", f"[group A@B] group_id: {text}"]
    assert problems(f"{group}dbid = 5\n") == both
    assert problems(f"{group}campaign_id = 5\n") == both[1:]
    assert parse(f"{group}complete = no\n").groups[0].policy.control is Control.DIRECT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TEVENTS + "[completion]\ncontrol = direct\n", ["[completion] control: direct needs a section [direct]"]),
        (DIRECT + "[completion]\nby = proxy\n", ["[completion] control: tevents needs a section [tevents]"]),
        (
            TEVENTS + "[group A@B]\ndbid = 1\ncontrol = direct\n",
            ["[group A@B] control: direct needs a section [direct]"],
        ),
        (
            DIRECT + "[group A@B]\ndbid = 1\nby = proxy\n",
            ["[group A@B] control: tevents needs a section [tevents]"],
        ),
        (DIRECT + "[group A@B]\nby = proxy\ncomplete = no\n", []),
        (DIRECT + "[completion]\nby = dialer\nattribute = add\n", []),
    ],
)
def test_a_control_without_its_channel(text: str, expected: list[str]) -> None:
    """Who asks for a protocol to complete over, and has no section of it, is told; who only relays need not."""
    assert (problems(text) if expected else []) == expected
    if not expected:
        parse(text)


def test_the_summary_names_it() -> None:
    """`check` says where campaign managers are relayed to, and as whom the proxy registers."""
    lines = summary(parse(DIRECT)).splitlines()
    assert lines[:2] == [
        "direct      tcp:7005 to tcp:ocs1:7004; wire open",
        "control     as tevent-proxy, registered with OCS",
    ]
    lines = summary(parse(TEVENTS + dedent(DIRECT) + "application_dbid = 7\n")).splitlines()
    assert lines[3] == "control     as tevent-proxy (7), registered with OCS"
