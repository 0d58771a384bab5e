"""What a proxy with a conf file would do, in a few lines; and what deserves a second look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from proxy.campaign.policy import Attribute, By
from proxy.config import Config, Store, WebSocket
from proxy.endpoints import only_local
from proxy.http.relay.address import HttpUpstream
from proxy.store.urls import redis_url, shown_url, sqlite_path
from proxy.witness.calling_list import calling_list
from proxy.witness.ocs_log import ocs_log


def summary(config: Config) -> str:
    """What a proxy with this conf file would do, line by line; what deserves a second look last."""
    rows = [*_relayed(config), *_completed(config), *_witnessed(config), ("store", _stored(config.store))]
    if config.admin:
        rows.append(("admin", ", ".join(config.admin.listen)))
    limits = config.limits
    bodies = f"bodies of {limits.max_body} bytes, " if config.ocs_http or config.gws else ""
    rows.append(
        (
            "limits",
            f"{limits.max_sessions} sessions, frames of {limits.max_frame} bytes, {bodies}"
            f"{limits.connect_timeout:g} s to connect, {limits.on_malformed.value} what cannot be framed",
        )
    )
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {text}" for name, text in rows]
    return "\n".join([*lines, *(f"warning: {warning}" for warning in warnings(config))])


def _stored(store: Store) -> str:
    """Where groups survive, and what is there; who shares them."""
    path = sqlite_path(store.url)
    if path is not None:
        return f"{store.url} ({'what is kept there is taken up' if Path(path).exists() else 'new'})"
    shown = shown_url(store.url)
    if redis_url(store.url) is None:
        return shown
    return f"{shown}, shared with all proxies there that say {store.prefix}; lease {store.lease:g} s"


_COMPLETED_BY = {
    By.PROXY: "by the proxy",
    By.DIALER: "by the dialer: only the attribute is written",
    By.NOBODY: "by nobody: only watched, not a byte is changed",
}


def _relayed(config: Config) -> Iterator[tuple[str, str]]:
    if channel := config.tevents:
        yield "tevents", f"{', '.join(channel.listen)} to {', then '.join(channel.upstream)}; wire {channel.wire}"
        yield "control", f"as {channel.application} ({channel.application_dbid}) on {channel.communication_dn}"
    if direct := config.direct:
        yield "direct", f"{', '.join(direct.listen)} to {', then '.join(direct.upstream)}; wire {direct.wire}"
        dbid = "" if direct.application_dbid is None else f" ({direct.application_dbid})"
        yield "control", f"as {direct.application}{dbid}, registered with OCS"
    if ocs := config.ocs_http:
        yield "ocs-http", _over_http(ocs.listen, ocs.upstream)
        if ocs.reports:
            passed_on = f", passed on to {ocs.forward_reports}" if ocs.forward_reports else ""
            yield "reports", f"of OCS on {', '.join(ocs.reports)}{passed_on}"
    if gws := config.gws:
        choices = f"WebSocket: {gws.websocket.value}; compression: {gws.compression.value}"
        yield "gws", f"{_over_http(gws.listen, gws.upstream)}; {choices}"


def _over_http(listen: Iterable[str], upstreams: Iterable[HttpUpstream]) -> str:
    return f"{', '.join(listen)} to {', then '.join(f'{each.scheme}://{each.authority}' for each in upstreams)}"


def _completed(config: Config) -> Iterator[tuple[str, str]]:
    yield "completion", f"{_COMPLETED_BY[config.policy.by]}; attribute: {config.policy.attribute.value}"
    for group in config.groups:
        policy = group.policy
        completed = _COMPLETED_BY[policy.by] if policy.complete else "never completed"
        yield "group", f"{group.names.name}: {completed}; attribute: {policy.attribute.value}"


def _witnessed(config: Config) -> Iterator[tuple[str, str]]:
    for witness in config.witnesses:
        options = witness.options
        if witness.kind == calling_list.name:  # no password stands in the text of a URL
            told = f"{options['table']} in {options['url']}, for {options['group']}"
        else:
            told = str(options.get("file", "a plug-in"))
        yield "witness", f"{witness.name}: {told}"


def warnings(config: Config) -> list[str]:
    """What is allowed, and deserves a second look: `[section] key: what about it`."""
    return [
        *_open_to_others(config),
        *_unseen(config),
        *_passed_on_to_nobody(config),
        *_unheard_of(config),
        *_without_effect(config),
        *_not_in_the_log(config),
        *_in_plain(config.store),
    ]


def _open_to_others(config: Config) -> Iterator[str]:
    for endpoint in config.admin.listen if config.admin else ():
        if not only_local(endpoint):
            yield f"[admin] listen: {endpoint} can be reached from other hosts, and asks nobody who they are"


def _unseen(config: Config) -> Iterator[str]:
    """Web desktops that cannot be read (R16)."""
    if config.gws and config.gws.websocket is WebSocket.TUNNEL:
        yield "[gws] websocket: tunnel: the groups of agents whose desktops use it are not completed"


def _passed_on_to_nobody(config: Config) -> Iterator[str]:
    """Reports to pass on where none can come."""
    if config.ocs_http and config.ocs_http.forward_reports and not config.ocs_http.reports:
        yield "[ocs-http] forward_reports: is without effect without reports"


def _unheard_of(config: Config) -> Iterator[str]:
    """Groups whose name is not of the form in which OCS speaks of them (C): their options would be nobody's."""
    for group in config.groups:
        campaign, at, agents = (group.names.name or "").rpartition("@")
        if not at or campaign != campaign.strip() or agents != agents.strip() or not (campaign and agents):
            yield f"[group {group.names.name}]: OCS speaks of groups as Campaign@Group, without blanks around the @"


def _without_effect(config: Config) -> Iterator[str]:
    """Attributes to write where nothing is written (R29), each where it is first said."""
    said: dict[Attribute, str] = {}
    policies = [("completion", config.policy), *((f"group {g.names.name}", g.policy) for g in config.groups)]
    for title, policy in policies:
        if policy.by is By.NOBODY and policy.attribute is not Attribute.KEEP:
            said.setdefault(policy.attribute, title)
    for attribute, title in said.items():
        yield f"[{title}] attribute: {attribute.value} is without effect while by = nobody"


def _not_in_the_log(config: Config) -> Iterator[str]:
    """Groups of which OCS's log tells nothing that could be known to be theirs (R18)."""
    if any(witness.kind == ocs_log.name for witness in config.witnesses):
        for group in config.groups:
            if group.policy.complete and group.names.campaign_id is None:
                yield f"[group {group.names.name}] campaign_id, group_id: OCS's log names groups by these"


def _in_plain(store: Store) -> Iterator[str]:
    """A Redis on another host to whom nobody has to say who he is, or that is spoken to in plain text."""
    url = redis_url(store.url)
    if url is None or url.path or url.host in _HERE:
        return
    if url.password is None:
        yield f"[store] url: {url} is asked for no password, and keeps phones of records that agents have open"
    if not url.tls:
        yield f"[store] url: {url} is spoken to in plain text, of what agents have open, too: rediss:// is TLS"


_HERE = ("localhost", "127.0.0.1", "::1")
"""Hosts that nobody else can listen to."""
