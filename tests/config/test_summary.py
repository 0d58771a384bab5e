"""What `check` says of a conf file that can be used."""

import pytest

from proxy.config import parse
from proxy.summary import summary, warnings
from tests.config.test_config import TEVENTS


def test_the_summary_says_what_would_be_done() -> None:
    """An operator reads in the summary who relays where, as whom, and who completes which group."""
    text = summary(parse(f"{TEVENTS}\n[completion]\nby = proxy\n[group A@B]\ndbid = 1\nattribute = add\n"))
    assert text.splitlines() == [
        "tevents     tcp:7001 to tcp:tserver1:7000; wire open",
        "control     as tevent-proxy (4114) on OCS_CommDN",
        "completion  by the proxy; attribute: keep",
        "group       A@B: by the proxy; attribute: add",
        "store       memory:",
        "limits      20000 sessions, frames of 1048576 bytes, 5 s to connect, relay what cannot be framed",
    ]


@pytest.mark.parametrize(
    ("listen", "warned"),
    [
        ("tcp:9101", True),
        ("tcp:9101:interface=0.0.0.0", True),
        ("tcp:9101:interface=10.0.0.1", True),
        ("tcp:9101:interface=127.0.0.1", False),
        ("tcp:9101:interface=localhost", False),
        (r"tcp6:9101:interface=\:\:1", False),
        ("unix:/run/admin", False),
    ],
)
def test_an_admin_port_open_to_others_is_warned_of(listen: str, warned: bool) -> None:
    """Status asks nobody who they are: where other hosts reach it, the summary says so."""
    config = parse(f"{TEVENTS}\n[admin]\nlisten = {listen}\n")
    assert [line.startswith("[admin] listen: ") for line in warnings(config)] == [True] * warned


def test_an_attribute_that_nobody_writes_is_warned_of() -> None:
    """R29: while `by = nobody` no attribute is written; who asked for one is told."""
    config = parse(f"{TEVENTS}\n[group A@B]\nattribute = force\n[group C@D]\nby = dialer\nattribute = force\n")
    assert warnings(config) == ["[group A@B] attribute: force is without effect while by = nobody"]
    assert summary(config).endswith("warning: [group A@B] attribute: force is without effect while by = nobody")


def test_what_all_groups_have_from_completion_is_warned_of_once() -> None:
    """One line in [completion] gives one warning, however many groups take it from there."""
    config = parse(f"{TEVENTS}\n[completion]\nattribute = add\n[group A@B]\nsettle = 1\n[group C@D]\n")
    assert warnings(config) == ["[completion] attribute: add is without effect while by = nobody"]
