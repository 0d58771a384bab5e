"""The conf file: what it says, typed; and everything that is wrong with it, at once.

The defaults are those of the classes here and of `proxy.campaign.policy.Policy`. How the value of an option is read
stands in one table, `_READERS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from typing import Any

from attrs import NOTHING, evolve, field, fields, frozen

from proxy.campaign.observation import GroupNames
from proxy.campaign.policy import Attribute, By, ConfiguredGroup, Control, Notify, Policy
from proxy.campaign.reach import NEEDS
from proxy.direct.wires import direct_wire
from proxy.endpoints import connectable, http_upstream, http_uri, listenable, uri_endpoint
from proxy.errors import OurError
from proxy.http.relay.address import HttpUpstream
from proxy.ini import Problem, Section, cut
from proxy.places import clash, interfaces, leads_to
from proxy.store.urls import redis_url, shown_url, sqlite_path, store_url
from proxy.tevents.wires import tevent_wire
from proxy.values import each_line, file_or_none, lines, one_line, one_of, seconds, some_seconds, whole, yes_or_no
from proxy.witness.kinds import BUILT_IN, witness_kind


class ConfigError(OurError):
    """A conf file that cannot be used; `problems` are all there are, in the order of their lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        super().__init__("\n".join(map(str, self.problems)))

    def lines(self, path: str) -> list[str]:
        """The problems of the file at `path`, a line each: where, and what."""
        return [f"{path}:{each.line}: {each}" if each.line else f"{path}: {each}" for each in self.problems]


class OnMalformed(Enum):
    """What becomes of a session whose bytes cannot be cut into frames (M3)."""

    RELAY = "relay"
    CLOSE = "close"


@frozen
class TEventsChannel:
    """[tevents]: where desktops connect, where the T-Server is, and who the proxy is there.

    `listen` and `upstream` are endpoint strings; upstreams are tried in order (M7). `failback`: the primary takes over
    again from a backup when it is there again.
    """

    listen: tuple[str, ...]
    upstream: tuple[str, ...]
    communication_dn: str
    application: str
    application_dbid: int
    wire: str = "open"
    trace: str | None = None
    failback: bool = False


@frozen
class DirectChannel:
    """[direct]: where campaign managers connect, where OCS is, and who the proxy is there.

    `listen` and `upstream` are endpoint strings; upstreams are tried in order (M7). `failback`: see TEventsChannel.
    `application_dbid` is None where the proxy registers by its name alone.
    """

    listen: tuple[str, ...]
    upstream: tuple[str, ...]
    wire: str = "open"
    application: str = "tevent-proxy"
    application_dbid: int | None = None
    trace: str | None = None
    failback: bool = False


@frozen
class OcsHttpChannel:
    """[ocs-http]: where clients of OCS's HTTP interface connect, where OCS is, and where it posts its reports.

    `listen` and `reports` are endpoint strings; upstreams are tried in order. `forward_reports` is the URI to which
    reports go on; None: nowhere.
    """

    listen: tuple[str, ...]
    upstream: tuple[HttpUpstream, ...]
    reports: tuple[str, ...] = ()
    forward_reports: str | None = None


class WebSocket(Enum):
    """What becomes of a web desktop's request to speak WebSocket, which is not read (R16)."""

    REFUSE = "refuse"
    TUNNEL = "tunnel"


class Compression(Enum):
    """What becomes of a web desktop's offer to take compressed replies, which are not read (R16)."""

    KEEP = "keep"
    REFUSE = "refuse"


@frozen
class GwsChannel:
    """[gws]: where GWS's REST clients and web desktops connect, and where GWS is.

    `listen` is endpoint strings; upstreams are tried in order.
    """

    listen: tuple[str, ...]
    upstream: tuple[HttpUpstream, ...]
    websocket: WebSocket = WebSocket.REFUSE
    compression: Compression = Compression.KEEP


@frozen
class Store:
    """[store]: where groups survive, and whether other proxies share them.

    `lease`, in seconds, and `prefix` count with Redis only: after how long another proxy takes over, and by which keys
    several sets of groups in one Redis are told apart. The url is shown without its password.
    """

    url: str = field(default="memory:", repr=shown_url)
    lease: float = 10.0
    prefix: str = "tevent-proxy"


@frozen
class AdminOptions:
    """[admin]: where status, health and metrics are served, as endpoint strings."""

    listen: tuple[str, ...]


@frozen
class WitnessSection:
    """[witness NAME]: somebody who knows what was retrieved. `name` is all of NAME, `kind` its first word."""

    kind: str
    name: str
    options: Mapping[str, object]


@frozen
class Limits:
    """[limits]: `connect_timeout` and `drain` in seconds, `max_sessions` in connections of desktops.

    `max_frame` and `max_body` (of one message over HTTP) in bytes.
    """

    connect_timeout: float = 5.0
    max_sessions: int = 20000
    max_frame: int = 1048576
    on_malformed: OnMalformed = OnMalformed.RELAY
    max_body: int = 1048576
    drain: float = 30.0


@frozen
class Config:
    """A conf file. What is None is off."""

    tevents: TEventsChannel | None = None
    direct: DirectChannel | None = None
    ocs_http: OcsHttpChannel | None = None
    gws: GwsChannel | None = None
    policy: Policy = field(factory=Policy)
    groups: tuple[ConfiguredGroup, ...] = ()
    store: Store = field(factory=Store)
    admin: AdminOptions | None = None
    limits: Limits = field(factory=Limits)
    witnesses: tuple[WitnessSection, ...] = ()


SHORTEST_LEASE = 3.0
"""Seconds for which a proxy must at least have been silent before another takes over."""

CHANNELS = ("tevents", "direct", "ocs-http", "gws")
"""The sections of channels."""


def _wire(find: Callable[[str], object]) -> Callable[[str], str]:
    """A reader for the name of a wire format that `find` finds."""

    def read(text: str) -> str:
        try:
            find(text)
        except OurError as problem:
            raise ValueError(str(problem)) from None
        return text

    return read


def _lease(text: str) -> float:
    number = seconds(text)
    if number < SHORTEST_LEASE:
        raise ValueError(f"at least {SHORTEST_LEASE:g} s are wanted: proxies say once a second that they are there")
    return number


def _prefix(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.:-]+", text):
        raise ValueError(f"letters, digits and - _ . : are wanted: {text!r}")
    return text


_READERS: Mapping[str, Callable[[str], object]] = {
    "listen": lines(listenable),
    "upstream": lines(connectable),
    "failback": yes_or_no,
    "wire": _wire(tevent_wire),
    "communication_dn": one_line,
    "application": one_line,
    "application_dbid": whole,
    "trace": file_or_none,
    "by": one_of(By),
    "control": one_of(Control),
    "attribute": one_of(Attribute),
    "settle": seconds,
    "settle_dialed": seconds,
    "answer_timeout": some_seconds,
    "attempts": whole,
    "hold_for_callbacks": yes_or_no,
    "complete_untouched": yes_or_no,
    "stale_after": seconds,
    "notify": one_of(Notify),
    "notify_wait": seconds,
    "dbid": whole,
    "campaign_id": whole,
    "group_id": whole,
    "complete": yes_or_no,
    "url": store_url,
    "lease": _lease,
    "prefix": _prefix,
    "connect_timeout": some_seconds,
    "max_sessions": whole,
    "max_frame": whole,
    "on_malformed": one_of(OnMalformed),
    "drain": seconds,
    "max_body": whole,
    "reports": lines(listenable),
    "forward_reports": http_uri,
    "websocket": one_of(WebSocket),
    "compression": one_of(Compression),
}

_OVER_HTTP = {**_READERS, "upstream": each_line(http_upstream)}

_READERS_OF: Mapping[str, Mapping[str, Callable[[str], object]]] = {
    "direct": {**_READERS, "wire": _wire(direct_wire)},
    "ocs-http": _OVER_HTTP,
    "gws": _OVER_HTTP,
}
"""The sections where an option of some name is read in another way."""


def _defaults(options: type[Any], *but: str) -> dict[str, object]:
    """The options of a class and their defaults; those that must be given have NOTHING."""
    return {option.name: option.default for option in fields(options) if option.name not in but}


OPTIONS: Mapping[str, Mapping[str, object]] = {
    "tevents": _defaults(TEventsChannel),
    "direct": _defaults(DirectChannel),
    "ocs-http": _defaults(OcsHttpChannel),
    "gws": _defaults(GwsChannel),
    "completion": _defaults(Policy, "complete"),
    "group": {"dbid": None, "campaign_id": None, "group_id": None, **_defaults(Policy)},
    "store": _defaults(Store),
    "admin": _defaults(AdminOptions),
    "limits": _defaults(Limits),
    **{
        f"witness {name}": {option: default for option, (_, default) in kind.options.items()}
        for name, kind in BUILT_IN.items()
    },
}
"""Every option there is, by section, with its default: `attrs.NOTHING` where it must be given.

In a group the options of [completion] default to what [completion] says.
"""


# ------------------------------------------------------------------------------------------------------- reading


def load(path: str | Path) -> Config:
    """The conf file at `path`. Raises ConfigError, with every problem there is, where it cannot be used."""
    return parse(_text(path))


def check(path: str | Path) -> Config:
    """The conf file at `path`, for a proxy on this machine. Raises ConfigError, as load.

    What would keep a proxy from starting here is a problem, too: folders that are missing.
    """
    return parse(_text(path), on_this_machine=True)


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_text("utf-8-sig")
    except OSError as problem:
        raise ConfigError([Problem("", "", f"cannot be read: {problem.strerror}")]) from problem
    except UnicodeDecodeError as problem:
        raise ConfigError([Problem("", "", f"is not UTF-8: {problem.reason} at byte {problem.start}")]) from problem


def parse(text: str, on_this_machine: bool = False) -> Config:
    """The text of a conf file. Raises ConfigError, with every problem there is, where it cannot be used.

    `on_this_machine`: whether it is looked for the folders that it names.
    """
    sections, problems = cut(text)
    values: dict[str, dict[str, Any]] = {}
    groups: list[tuple[Section, dict[str, Any]]] = []
    witnesses: list[tuple[Section, WitnessSection]] = []
    for section in sections:
        kind, _, name = section.title.partition(" ")
        if kind == "witness":
            witnesses += [(section, witness) for witness in _witness(section, name.strip(), problems)]
            continue
        if kind not in OPTIONS or (kind == "group") != bool(name.strip()):
            problems.append(_unknown_section(section))
            continue
        read = _read(section, OPTIONS[kind], problems, _READERS_OF.get(kind, _READERS))
        if kind == "group":
            groups.append((section, read))
        else:
            values[kind] = read
    if not any(channel in values for channel in CHANNELS):
        problems.append(Problem("tevents", "", "missing, and there is no other channel: nothing would be relayed"))

    problems += _shared_ports(sections, values)
    problems += _own_upstreams(sections, values)
    problems += _shared_with_nobody(sections, values)
    if on_this_machine:
        problems += _missing_folders(sections, values)
    policy = Policy(**values.get("completion", {}))
    configured = [(section, _group(section, read, policy)) for section, read in groups]
    problems += _without_channel(sections, policy, configured, values)
    problems += _untold(sections, policy, configured, values)
    problems += _unnamed(configured, values)
    problems += _shared_names(configured)
    problems += _unknown_groups(witnesses, (group for _, group in configured))
    problems += _late_witnesses(witnesses, [policy, *(group.policy for _, group in configured)])
    if problems:
        raise ConfigError(problems)
    return Config(
        tevents=TEventsChannel(**values["tevents"]) if "tevents" in values else None,
        direct=DirectChannel(**values["direct"]) if "direct" in values else None,
        ocs_http=OcsHttpChannel(**values["ocs-http"]) if "ocs-http" in values else None,
        gws=GwsChannel(**values["gws"]) if "gws" in values else None,
        policy=policy,
        groups=tuple(group for _, group in configured),
        store=Store(**values.get("store", {})),
        admin=AdminOptions(**values["admin"]) if "admin" in values else None,
        limits=Limits(**values.get("limits", {})),
        witnesses=tuple(witness for _, witness in witnesses),
    )


def _read(
    section: Section,
    options: Mapping[str, object],
    problems: list[Problem],
    readers: Mapping[str, Callable[[str], object]] = _READERS,
) -> dict[str, Any]:
    """The values of a section that are right; what is not right, or missing, is added to `problems`."""
    values: dict[str, Any] = {}
    for key, entry in section.entries.items():
        if key not in options:
            problems.append(Problem(section.title, key, _unknown_key(key, options), entry.line))
            continue
        try:
            values[key] = readers[key](entry.text)
        except ValueError as problem:
            problems.append(Problem(section.title, key, str(problem), entry.line))
    for key, default in options.items():
        if default is NOTHING and key not in section.entries:
            problems.append(Problem(section.title, key, "missing", section.line))
    return values


def _witness(section: Section, name: str, problems: list[Problem]) -> Iterator[WitnessSection]:
    """The witness of a section, with all its options, where it is of a kind that is known."""
    try:
        kind = witness_kind(name.partition(" ")[0])
    except OurError as problem:
        problems.append(Problem(section.title, "", str(problem), section.line))
        return
    readers = {key: reader for key, (reader, _) in kind.options.items()}
    defaults = {key: default for key, (_, default) in kind.options.items()}
    read = _read(section, defaults, problems, readers)
    yield WitnessSection(kind.name, name, {**defaults, **read})


def _endpoints(
    sections: Iterable[Section], values: Mapping[str, Mapping[str, Any]], *keys: str
) -> Iterator[tuple[Section, str, str]]:
    """The endpoints that some options of channels and [admin] name: the section, the key, and each endpoint."""
    for section in {section.title: section for section in sections}.values():
        for key in keys:
            given = values.get(section.title, {}).get(key, ())
            for each in (uri_endpoint(given),) if isinstance(given, str) else given:
                yield section, key, each.endpoint if isinstance(each, HttpUpstream) else each


def _shared_ports(sections: Iterable[Section], values: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    """Ports at which is to be listened twice, each where it stands again."""
    seen: list[tuple[Section, str, str]] = []
    for section, key, endpoint in _endpoints(sections, values, "listen", "reports"):
        for earlier, its_key, its_endpoint in seen:
            if clash(endpoint, its_endpoint):
                there = "" if its_endpoint == endpoint else f", at {its_endpoint}"
                text = f"{endpoint}: listened at already by [{earlier.title}] {its_key}{there}"
                yield Problem(section.title, key, text, section.entries[key].line)
                break
        seen.append((section, key, endpoint))


def _own_upstreams(sections: Iterable[Section], values: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    """Upstreams that are the proxy itself: what it relays would go round until nothing is left to go round with."""
    sections = tuple(sections)
    listening = tuple(_endpoints(sections, values, "listen", "reports"))
    own = interfaces(endpoint for _, _, endpoint in listening)
    for section, key, upstream in _endpoints(sections, values, "upstream", "forward_reports"):
        for its_section, its_key, endpoint in listening:
            if leads_to(upstream, endpoint, own):
                text = f"{upstream}: the proxy itself, which listens there: [{its_section.title}] {its_key}"
                yield Problem(section.title, key, text, section.entries[key].line)
                break


def _missing_folders(sections: Iterable[Section], values: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    """Files that could not be begun on this machine, since their folder is not there."""
    for section in {section.title: section for section in sections}.values():
        read = values.get(section.title, {})
        paths = {"trace": read.get("trace"), "url": sqlite_path(read.get("url", ""))}
        for key, path in paths.items():
            folder = Path(path).resolve().parent if path is not None else None
            if folder is not None and not folder.is_dir():
                yield Problem(section.title, key, f"there is no folder {folder}", section.entries[key].line)


def _shared_with_nobody(sections: Iterable[Section], values: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    """Options of groups that several proxies share, where a store is one proxy's alone."""
    for section in sections:
        url = values.get(section.title, {}).get("url", "" if "url" in section.entries else "memory:")
        if section.title == "store" and url and redis_url(url) is None:
            for key in ("lease", "prefix"):
                if key in section.entries:
                    text = f"is for groups that several proxies share: {shown_url(url)} is one proxy's alone"
                    yield Problem(section.title, key, text, section.entries[key].line)


def _unknown_groups(
    witnesses: Iterable[tuple[Section, WitnessSection]], groups: Iterable[ConfiguredGroup]
) -> Iterator[Problem]:
    """Witnesses of a group that has no section: OCS names groups by numbers, nobody would know that it is theirs."""
    known = {group.names.name for group in groups}
    for section, witness in witnesses:
        group = witness.options.get("group")
        if isinstance(group, str) and group not in known:
            near = get_close_matches(group, filter(None, known), n=1)
            meant = f"; is {near[0]} meant?" if near else ""
            yield Problem(section.title, "group", f"there is no [group {group}]{meant}", section.entries["group"].line)


def _late_witnesses(
    witnesses: Iterable[tuple[Section, WitnessSection]], policies: Iterable[Policy]
) -> Iterator[Problem]:
    """Witnesses that may be behind for longer than a group settles: it would be completed on what they knew before."""
    shortest = min(min(policy.settle, policy.settle_dialed) for policy in policies)
    for section, witness in witnesses:
        late = witness.options.get("late")
        if isinstance(late, float) and late >= shortest:
            line = section.entries["late"].line if "late" in section.entries else section.line
            yield Problem(
                section.title, "late", f"{late:g} s: must be shorter than every settle ({shortest:g} s)", line
            )


def _unknown_section(section: Section) -> Problem:
    if section.title.partition(" ")[0] == "group":
        return Problem(section.title, "", "a group needs its name: [group Campaign@Group]", section.line)
    return Problem(section.title, "", f"unknown section{_nearest(section.title, OPTIONS)}", section.line)


def _unknown_key(key: str, options: Mapping[str, object]) -> str:
    elsewhere = [f"[{section} ...]" if section == "group" else f"[{section}]" for section in OPTIONS]
    elsewhere = [shown for shown, known in zip(elsewhere, OPTIONS.values(), strict=True) if key in known]
    if elsewhere:
        return f"unknown here; it is an option of {' and '.join(elsewhere)}"
    return f"unknown key{_nearest(key, options)}"


def _nearest(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word.lower(), known, n=1)
    return f"; is {near[0]} meant?" if near else ""


def _group(section: Section, values: Mapping[str, Any], policy: Policy) -> ConfiguredGroup:
    names = {key: values[key] for key in ("dbid", "campaign_id", "group_id") if key in values}
    options = {key: value for key, value in values.items() if key not in names}
    name = section.title.partition(" ")[2].strip()
    return ConfiguredGroup(GroupNames(**names, name=name), evolve(policy, **options))


def _controlled(
    sections: Iterable[Section], policy: Policy, groups: Iterable[tuple[Section, ConfiguredGroup]]
) -> Iterator[tuple[Section, Control, int]]:
    """Control protocols that are asked for, or needed to complete: the section, and the line that says so."""
    said = [(section, policy) for section in sections if section.title == "completion"]
    said += [(section, group.policy) for section, group in groups]
    for section, asked in said:
        written = section.entries
        needed = "by" in written and asked.by is By.PROXY and asked.complete
        if "control" in written or needed:
            yield section, asked.control, written["control"].line if "control" in written else section.line


def _without_channel(
    sections: Iterable[Section],
    policy: Policy,
    groups: Iterable[tuple[Section, ConfiguredGroup]],
    channels: Container[str],
) -> Iterator[Problem]:
    """Control protocols whose channel is off; each where it is said."""
    for section, control, line in _controlled(sections, policy, groups):
        if control.value not in channels:
            yield Problem(section.title, "control", f"{control.value} needs a section [{control.value}]", line)


def _untold(
    sections: Sequence[Section],
    policy: Policy,
    groups: Iterable[tuple[Section, ConfiguredGroup]],
    channels: Container[str],
) -> Iterator[Problem]:
    """Control over HTTP where nobody would tell what became of it: a success is acceptance, no more (A)."""
    reported = any(section.title == "ocs-http" and "reports" in section.entries for section in sections)
    if not reported and "tevents" not in channels and "direct" not in channels:
        for section, control, line in _controlled(sections, policy, groups):
            if control is Control.OCS_HTTP:
                told = "stopped and unloaded are said by [tevents], [direct], or reports of [ocs-http]: one is needed"
                yield Problem(section.title, "control", f"ocs-http alone does not suffice: {told}", line)


def _needs(control: Control, channels: Container[str]) -> tuple[str, ...]:
    """Which ids a group needs to be completed (N3): those by which it is controlled, and spoken of."""
    only_direct = control is Control.OCS_HTTP and "direct" in channels and "tevents" not in channels
    return NEEDS[control] + (NEEDS[Control.DIRECT] if only_direct else ())


def _unnamed(groups: Iterable[tuple[Section, ConfiguredGroup]], channels: Container[str]) -> Iterator[Problem]:
    """Groups whose ids do not suffice: for the control protocol (N3), or to name a group at all."""
    for section, group in groups:
        policy, written = group.policy, section.entries
        completes = policy.by is By.PROXY and policy.complete
        missing = [need for need in _needs(policy.control, channels) if completes and need not in written]
        for need in missing:
            text = f"missing: control = {policy.control.value} cannot complete the group without it (or: complete = no)"
            yield Problem(section.title, need, text, section.line)
        for one, other in (("campaign_id", "group_id"), ("group_id", "campaign_id")):
            if one in written and other not in written and other not in missing:
                yield Problem(section.title, other, f"missing: {one} alone names no group", written[one].line)


def _shared_names(groups: Iterable[tuple[Section, ConfiguredGroup]]) -> Iterator[Problem]:
    """Names that two groups have: what is heard of one would be taken for the other's."""
    seen: dict[tuple[str, object], str] = {}
    for section, group in groups:
        names = group.names
        pair = (names.campaign_id, names.group_id)
        for key, name in (("dbid", names.dbid), ("group_id", None if None in pair else pair), ("", names.name)):
            other = section.title if name is None else seen.setdefault((key, name), section.title)
            if other != section.title:
                shared = "campaign_id and group_id are those of" if key == "group_id" else "the same as in"
                line = section.entries[key].line if key else section.line
                yield Problem(section.title, key, f"{shared} [{other}]", line)
