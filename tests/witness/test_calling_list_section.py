"""`[witness calling-list LIST]` in a conf file."""

from __future__ import annotations

import pytest

from proxy.config import ConfigError, WitnessSection, parse
from proxy.summary import summary

CONF = """
[tevents]
listen = tcp:7001
upstream = tcp:tserver:7000
communication_dn = OCS
application = tevent-proxy
application_dbid = 4114
[group Sales@Agents]
dbid = 101
[witness calling-list Customers]
"""

RIGHT = "url = sqlite:////lists.db\ntable = customers\ngroup = Sales@Agents\n"


def section(text: str) -> WitnessSection:
    """The witness of a section with these lines."""
    (witness,) = parse(CONF + text).witnesses
    return witness


def problems(text: str) -> list[str]:
    """What is wrong with a section with these lines."""
    with pytest.raises(ConfigError) as refused:
        parse(CONF + text)
    return [f"{problem.key}: {problem.text}" for problem in refused.value.problems]


def test_what_must_be_given_is_enough() -> None:
    """Database, table and group; every 30 seconds, and before a Stop."""
    witness = section(RIGHT)
    assert (witness.kind, witness.name) == ("calling-list", "calling-list Customers")
    options = dict(witness.options)
    assert str(options.pop("url")) == "sqlite:////lists.db"
    assert options == {
        "table": "customers",
        "group": "Sales@Agents",
        "interval": 30.0,
        "confirm": True,
        "timeout": 5.0,
    }


def test_what_must_be_given() -> None:
    """Each of the three is missed."""
    assert problems("interval = 10") == ["url: missing", "table: missing", "group: missing"]


def test_a_group_that_has_no_section() -> None:
    """OCS says DBIDs: of a group without a section nobody would know that the witness speaks of it."""
    wrong = RIGHT.replace("Sales@", "Sale@")
    assert problems(wrong) == ["group: there is no [group Sale@Agents]; is Sales@Agents meant?"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("group = Sales", "group: not the name of a group, Campaign@Group: 'Sales'"),
        ("table = lists; drop", "table: not the name of a table, or of schema.table: 'lists; drop'"),
        ("table = a.b.c", "table: not the name of a table, or of schema.table: 'a.b.c'"),
        ("interval = 0", "interval: more than 0 seconds are wanted: nothing can be answered at once"),
        ("timeout = 0", "timeout: more than 0 seconds are wanted: nothing can be answered at once"),
        ("confirm = maybe", "confirm: neither yes nor no: 'maybe'"),
        ("url = sqlite://", "url: the name of the database, or its file, is missing"),
        ("url = postgresql://host", "url: the name of the database, or its file, is missing"),
        ("url = mysql://host/lists", "url: not a database that is known: 'mysql' (there are: postgresql, sqlite)"),
    ],
)
def test_every_mistake_is_told(line: str, problem: str) -> None:
    """In the words of the option."""
    key = line.partition(" ")[0]
    kept = "".join(each + "\n" for each in RIGHT.splitlines() if not each.startswith(key))
    assert problems(kept + line) == [problem]


@pytest.mark.parametrize("url", ["secret", "postgresql://me:secret@host:port/lists", "//me:secret@host"])
def test_no_password_in_a_problem(url: str) -> None:
    """What is wrong with a URL is said without it: it may have a password in it."""
    (problem,) = problems(RIGHT.replace("sqlite:////lists.db", url))
    assert problem.startswith("url: not the URL of a database, like")
    assert "secret" not in problem


def test_check_says_what_is_asked() -> None:
    """The database, the table and the group; no password."""
    url = "postgresql://me:secret@host/lists"
    said = summary(parse(CONF + RIGHT.replace("sqlite:////lists.db", url)))
    assert "calling-list Customers: customers in postgresql://me:***@host/lists, for Sales@Agents" in said
    assert "secret" not in said
