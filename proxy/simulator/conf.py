"""The simulator's conf file: INI in, a typed Conf out, or every problem at once.

Sections: [tserver], [ocs], [ocs-http], [gws], [pair], [campaign group CAMPAIGN@GROUP] and [calling list NAME]. Times
are seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from configparser import ConfigParser
from configparser import Error as SyntaxProblem
from enum import Enum
from typing import Any, TypeVar

import attrs

from proxy.errors import OurError
from proxy.simulator.httpclient import HttpUri, NoUri
from proxy.simulator.vocabulary import DIAL_MODES


class BadConf(OurError):
    """The conf file cannot be used. `problems` has a line for each thing that is wrong."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


class Acks(Enum):
    """Whether acknowledgements carry all their keys, or their name and GSW_REFERENCE_ID only (C)."""

    FULL = "full"
    BARE = "bare"


class Tells(Enum):
    """Which of CampaignStopped and CampaignUnloaded OCS sends to agents: older ones leave agents untold."""

    YES = "yes"
    NO = "no"
    STOPPED = "stopped"
    UNLOADED = "unloaded"


class Autostart(Enum):
    """When OCS itself loads and starts a group, as a schedule would: never, at once, or when all agents are there."""

    NO = "no"
    NOW = "now"
    AGENTS = "agents"


class HttpErrors(Enum):
    """How OCS refuses over HTTP: with an HTTP status, or with 200 and GSW_ERROR in the body."""

    STATUS = "status"
    BODY = "body"


# ------------------------------------------------------------------------------------------------ kinds of values


def _text(value: str) -> str:
    if not value:
        raise ValueError("is empty")
    return value


def _whole(least: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        try:
            number = int(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a whole number") from None
        if number < least:
            raise ValueError(f"{number} is less than {least}")
        return number

    return read


def _between(least: float, most: float) -> Callable[[str], float]:
    def read(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a number") from None
        if not least <= number <= most:
            raise ValueError(f"{value} is not from {least:g} to {most:g}")
        return number

    return read


_seconds = _between(0, 10_000_000)
_share = _between(0, 1)


def _yes(value: str) -> bool:
    if value not in ("yes", "no"):
        raise ValueError(f"{value!r} is neither yes nor no")
    return value == "yes"


_E = TypeVar("_E", bound=Enum)


def _one_of(choices: type[_E]) -> Callable[[str], _E]:
    def read(value: str) -> _E:
        try:
            return choices(value)
        except ValueError:
            raise ValueError(f"{value!r} is not one of {', '.join(c.value for c in choices)}") from None

    return read


_acks = _one_of(Acks)
_tells = _one_of(Tells)
_autostart = _one_of(Autostart)
_http_errors = _one_of(HttpErrors)


def _mode(value: str) -> str:
    if value not in DIAL_MODES.values():
        raise ValueError(f"{value!r} is not one of {', '.join(DIAL_MODES.values())}")
    return value


def _http_uri(value: str) -> HttpUri:
    try:
        return HttpUri.read(value)
    except NoUri as problem:
        raise ValueError(str(problem)) from None


def _words(value: str) -> tuple[str, ...]:
    return tuple(value.replace(",", " ").split())


def _lines(value: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in value.splitlines() if line.strip())


def _dbids(value: str) -> tuple[int, ...]:
    return tuple(_whole(1)(word) for word in _words(value))


def read_dns(value: str) -> tuple[str, ...]:
    """DNs as people write them: `3001-3005 4001` is six of them. Raises ValueError for a range that is none."""
    dns: list[str] = []
    for word in _words(value):
        first, dash, last = word.partition("-")
        if not dash or not (first.isdigit() and last.isdigit()):
            dns.append(word)
        elif int(first) > int(last) or int(last) - int(first) > 100_000:
            raise ValueError(f"{word} is not a range of DNs")
        else:
            dns.extend(str(dn).zfill(len(first)) for dn in range(int(first), int(last) + 1))
    return tuple(dict.fromkeys(dns))


def _option(read: Callable[[str], Any], default: Any = attrs.NOTHING) -> Any:
    """A field that stands in the conf file; without a default it must."""
    return attrs.field(default=default, metadata={"read": read}, kw_only=True)


# ------------------------------------------------------------------------------------------------ sections


@attrs.frozen
class TServerConf:
    """[tserver]. `dns` are further DNs besides those of the agents; `log` has every message."""

    listen: str = _option(_text, "tcp:7000:interface=127.0.0.1")
    communication_dn: str = _option(_text, "OCS_CommDN")
    dns: tuple[str, ...] = _option(read_dns, ())
    log: str | None = _option(_text, None)
    max_unread: int = _option(_whole(0), 16 * 1024 * 1024)
    """Bytes that may wait for a client that does not read; then it is disconnected."""


@attrs.frozen
class OcsConf:
    """[ocs]."""

    listen: str | None = _option(_text, None)
    """The direct door, for campaign managers; without it there is none."""
    direct_news: bool = _option(_yes, True)
    """Whether clients of the direct door hear of all groups' lives, not only answers to what they asked."""
    dbid: int = _option(_whole(1), 4113)
    applications: tuple[int, ...] = _option(_dbids, ())
    """DBIDs of the applications linked to OCS: control requests of others are ignored without a word (D)."""
    acks: Acks = _option(_acks, Acks.FULL)  # noqa: RUF009
    group_keys: bool = _option(_yes, True)
    """Whether agents' events name the campaign group: older releases name the campaign only."""
    notify_agents: Tells = _option(_tells, Tells.YES)  # noqa: RUF009
    native: bool = _option(_yes, False)
    """Whether OCS has auto completion itself."""
    seed: int = _option(_whole(0), 1)
    log: str | None = _option(_text, None)
    direct_log: str | None = _option(_text, None)
    """Every message of the direct door."""
    answer_delay: float = _option(_seconds, 0.0)
    retrieval_interval: float = _option(_seconds, 5.0)
    """After a retrieval that brought nothing, OCS asks the database again this much later."""
    retrieval_time: float = _option(_seconds, 0.0)
    """How long the database takes. Between two batches agents can hear that there are no records."""
    statistics_interval: float = _option(_seconds, 10.0)
    """How often the log has the statistics of each list; 0: never."""
    unload_time: float = _option(_seconds, 0.1)
    dial_time: float = _option(_seconds, 5.0)
    ring_time: float = _option(_seconds, 0.5)
    call_time: float = _option(_seconds, 300.0)
    """The customer hangs up after this long, if the agent has not."""
    patience: float = _option(_seconds, 10.0)
    """An answered call waits this long for an agent, then it is abandoned."""
    overdial: float = _option(_between(0.1, 100), 1.5)
    """Calls in Predictive mode for each agent that is ready."""
    busy: float = _option(_share, 0.1)
    no_answer: float = _option(_share, 0.2)
    attempts: int = _option(_whole(1), 3)
    retry_delay: float = _option(_seconds, 60.0)
    callback_delay: float | None = _option(_seconds, None)
    """When set, a callback is due this long after it was asked for, whatever GSW_DATE_TIME says."""
    stale_clean_timeout: float = _option(_seconds, 1800.0)
    """A record out this long without a word of its agent becomes Stale."""
    take_back: float = _option(_seconds, 0.0)
    """A record whose agent has had no desktop this long goes back to the others; 0: never."""
    campaigngroup_states_uri: HttpUri | None = _option(_http_uri, None)  # noqa: RUF009
    """Where campaign group status reporting posts to; without it there is none."""
    campaigngroup_states_interval: float = _option(_seconds, 10.0)
    """How often statistics of loaded groups are reported; 0: state changes only."""
    autostart_delay: float = _option(_seconds, 0.2)
    """From the schedule's Load to its Start."""


@attrs.frozen
class OcsHttpConf:
    """[ocs-http]: the HTTP port of OCS; without the section there is none."""

    listen: str = _option(_text, "tcp:8080:interface=127.0.0.1")
    http_errors: HttpErrors = _option(_http_errors, HttpErrors.STATUS)  # noqa: RUF009
    keep_alive: float = _option(_seconds, 60.0)
    """A connection on which nothing comes for so long is closed; 0: none is."""


@attrs.frozen
class GwsConf:
    """[gws]: a REST server like GWS, a client of OCS; without the section there is none."""

    listen: str = _option(_text, "tcp:8098:interface=127.0.0.1")
    keep_alive: float = _option(_seconds, 60.0)
    """As in [ocs-http]."""
    poll_timeout: float = _option(_seconds, 30.0)
    """Agent API: how long a long poll waits."""
    max_interval: float = _option(_seconds, 10.0)
    """Agent API: a page that does not poll for so long is forgotten; an agent without a page for so long is gone."""
    reply_delay: float = _option(_seconds, 0.0)
    """Agent API: how long replies to requests take, while the events they cause are on their way."""


@attrs.frozen
class PairConf:
    """[pair]: two simulators, of which one is in charge; without the section there is one."""

    state: str = _option(_text)
    """The file with the state of the one in charge, a lock beside it. The calling lists' files are shared, too."""
    listen: str | None = _option(_text, None)
    """Where the backup listens; without it, as [tserver] says."""
    direct: str | None = _option(_text, None)
    """The backup's direct door; without it, as [ocs] says."""


@attrs.frozen
class GroupConf:
    """[campaign group CAMPAIGN@GROUP]."""

    name: str
    dbid: int = _option(_whole(1))
    campaign_id: int = _option(_whole(1))
    group_id: int = _option(_whole(1))
    mode: str = _option(_mode, "Preview")
    agents: tuple[str, ...] = _option(read_dns)
    lists: tuple[str, ...] = _option(_lines)
    batch: int = _option(_whole(1), 10)
    """How many records a retrieval asks for."""
    minimum: int = _option(_whole(1), 3)
    """OCS asks for more when fewer than this are at hand."""
    autostart: Autostart = _option(_autostart, Autostart.NO)  # noqa: RUF009

    @property
    def campaign(self) -> str:
        """The name of the campaign alone."""
        return self.name.partition("@")[0]


@attrs.frozen
class ListConf:
    """[calling list NAME]."""

    name: str
    dbid: int = _option(_whole(1))
    file: str = _option(_text, ":memory:")
    table: str | None = _option(_text, None)
    """The table in the file; without it, the list's name."""
    records: int = _option(_whole(0), 0)
    """Chains to make up when the table is empty."""
    phones: int = _option(_whole(1), 1)
    """Numbers in each chain that is made up."""


@attrs.frozen
class Conf:
    """The whole file."""

    tserver: TServerConf
    ocs: OcsConf
    groups: tuple[GroupConf, ...]
    lists: tuple[ListConf, ...]
    ocs_http: OcsHttpConf | None = None
    gws: GwsConf | None = None
    pair: PairConf | None = None

    @property
    def agent_dns(self) -> tuple[str, ...]:
        """The DNs of all agents of all groups, each once."""
        return tuple(dict.fromkeys(dn for group in self.groups for dn in group.agents))


def as_backup(conf: Conf) -> Conf:
    """The conf of the backup of a pair: it listens elsewhere."""
    assert conf.pair is not None
    tserver = attrs.evolve(conf.tserver, listen=conf.pair.listen or conf.tserver.listen)
    return attrs.evolve(conf, tserver=tserver, ocs=attrs.evolve(conf.ocs, listen=conf.pair.direct or conf.ocs.listen))


# ------------------------------------------------------------------------------------------------ reading

_GROUP = "campaign group "
_LIST = "calling list "
_T = TypeVar("_T")


def read_conf(text: str) -> Conf:
    """The Conf of a file's text. Raises BadConf with every problem in it."""
    parser = ConfigParser(interpolation=None, inline_comment_prefixes=(";",), default_section="\0")
    try:
        parser.read_string(text)
    except SyntaxProblem as problem:
        raise BadConf([str(problem).replace("\n", " ")]) from problem
    problems: list[str] = []
    tserver, ocs = TServerConf(), OcsConf()
    ocs_http, gws, pair = None, None, None
    groups: list[GroupConf] = []
    lists: list[ListConf] = []
    for section in parser.sections():
        options = dict(parser[section])
        if section == "tserver":
            tserver = _read_section(TServerConf, section, options, problems) or tserver
        elif section == "ocs":
            ocs = _read_section(OcsConf, section, options, problems) or ocs
        elif section == "ocs-http":
            ocs_http = _read_section(OcsHttpConf, section, options, problems)
        elif section == "gws":
            gws = _read_section(GwsConf, section, options, problems)
        elif section == "pair":
            pair = _read_section(PairConf, section, options, problems)
        elif section.startswith(_GROUP):
            groups += _some(_read_section(GroupConf, section, options, problems, section[len(_GROUP) :].strip()))
        elif section.startswith(_LIST):
            lists += _some(_read_section(ListConf, section, options, problems, section[len(_LIST) :].strip()))
        else:
            problems.append(f"[{section}]: unknown section")
    if not any(section.startswith(_GROUP) for section in parser.sections()):
        problems.append("there is no [campaign group ...]")
    known_lists = {section[len(_LIST) :].strip() for section in parser.sections() if section.startswith(_LIST)}
    conf = Conf(tserver, ocs, tuple(groups), tuple(lists), ocs_http, gws, pair)
    problems += _contradictions(conf, known_lists)
    if problems:
        raise BadConf(problems)
    return conf


def _some(section: _T | None) -> list[_T]:
    return [] if section is None else [section]


def _read_section(
    kind: type[_T], section: str, options: Mapping[str, str], problems: list[str], *name: str
) -> _T | None:
    """One section as `kind`, None where something in it is wrong; what, is added to `problems`."""
    before = len(problems)
    fields = {field.name: field for field in attrs.fields(kind) if "read" in field.metadata}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for key, value in options.items():
        if key not in fields:
            problems.append(f"[{section}] {key}: unknown option")
            continue
        try:
            values[key] = fields[key].metadata["read"](value)
        except ValueError as problem:
            problems.append(f"[{section}] {key}: {problem}")
    for key, field in fields.items():
        if field.default is attrs.NOTHING and key not in options:
            problems.append(f"[{section}] {key}: missing")
    if name and not name[0]:
        problems.append(f"[{section}]: has no name")
    return None if len(problems) > before else kind(*name, **values)


def _contradictions(conf: Conf, known_lists: set[str]) -> list[str]:
    """What each section has right, but not all of them together."""
    problems: list[str] = []
    for group in conf.groups:
        if "@" not in group.name:
            problems.append(f"[campaign group {group.name}]: the name is not Campaign@Group")
        problems += [
            f"[campaign group {group.name}] lists: there is no [calling list {name}]"
            for name in group.lists
            if name not in known_lists
        ]
        if conf.tserver.communication_dn in group.agents:
            problems.append(f"[campaign group {group.name}] agents: {conf.tserver.communication_dn} is no agent's DN")
    problems += _twice("campaign group", "dbid", [(group.name, group.dbid) for group in conf.groups])
    problems += _twice("calling list", "dbid", [(each.name, each.dbid) for each in conf.lists])
    pairs = [(group.name, (group.campaign_id, group.group_id)) for group in conf.groups]
    problems += _twice("campaign group", "campaign_id, group_id", pairs)
    if conf.pair is not None:
        if conf.ocs_http is not None or conf.gws is not None:
            problems.append("[pair]: a pair has no [ocs-http] and no [gws]")
        problems += [
            f"[calling list {each.name}] file: a pair shares its lists, so they need a file"
            for each in conf.lists
            if each.file == ":memory:"
        ]
    if conf.ocs.busy + conf.ocs.no_answer > 1:
        problems.append("[ocs] busy, no_answer: together more than 1")
    return problems


def _twice(kind: str, key: str, named: Sequence[tuple[str, object]]) -> list[str]:
    seen: dict[object, str] = {}
    problems = []
    for name, value in named:
        if value in seen:
            problems.append(f"[{kind} {name}] {key}: {value} is that of {seen[value]}")
        seen.setdefault(value, name)
    return problems
