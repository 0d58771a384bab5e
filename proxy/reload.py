"""The conf file, read again while the proxy runs (SIGHUP): a bad one changes nothing, a good one costs no session.

Taken over at once are the groups, what is completed and how, the limits, and where is listened. Everything else is told
to take effect with the next start.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from attrs import evolve, fields
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.logger import Logger

from proxy.campaign.names import compatible
from proxy.campaign.observation import GroupNames
from proxy.channel import Channel
from proxy.config import Config, ConfigError, Limits, load
from proxy.drain import Drain
from proxy.relay.ports import Decide, Ports
from proxy.switchboard import Switchboard

CHANNELS = ("tevents", "direct", "ocs_http", "gws")
"""The channels' sections, as they are called in a Config."""

AT_ONCE = frozenset({"policy", "groups", "limits", "admin", *CHANNELS})
"""What of a Config is looked at here; of the channels only where they listen."""


class Reload:
    """Reads the conf file at `path` again, and applies it. `config` is what holds now."""

    log = Logger()

    def __init__(
        self, config: Config, board: Switchboard, channels: Sequence[Channel], admin: Ports, drain: Drain
    ) -> None:
        self.config = config
        self._board = board
        self._channels = channels
        self._admin = admin
        self._drain = drain
        self._is_busy = False
        self._again: str | None = None

    def read(self, path: str) -> Deferred[None]:
        """Read the conf file, and apply it where it is good. Fires when that is done; what is wrong is logged."""
        return Deferred.fromCoroutine(self._read(path))

    async def _read(self, path: str) -> None:
        if self._is_busy:
            self._again = path
            return
        self._is_busy = True
        try:
            await self._apply(path)
        finally:
            self._is_busy = False
        if self._again is not None:
            path, self._again = self._again, None
            await self._read(path)

    async def _apply(self, path: str) -> None:
        try:
            wanted = load(path)
        except ConfigError as error:
            self._refuse(error.lines(path))
            return
        decisions: list[Decide] = []
        try:
            for ports, descriptions in self._listeners(wanted):
                decisions.append(await ports.change(descriptions))
        except (CannotListenError, OSError) as problem:
            for decide in decisions:
                await decide(False)
            self._refuse([f"{path}: {problem}"])
            return
        for decide in decisions:
            await decide(True)
        for waits in _waits(self.config, wanted):
            self.log.warn("conf file: {what} takes effect with the next start", what=waits)
        self.config = _taken_over(self.config, wanted)
        self._limit(wanted.limits)
        self._board.reconfigure(self.config.policy, self.config.groups)
        self.log.info("conf file: read again, and applied")

    def _refuse(self, problems: Sequence[str]) -> None:
        for problem in problems:
            self.log.error("conf file: {problem}", problem=problem)
        self.log.error("conf file: refused; what held before holds on")

    def _listeners(self, wanted: Config) -> Iterator[tuple[Ports, Sequence[str]]]:
        """Whose endpoints may change, and to what."""
        yield self._admin, wanted.admin.listen if wanted.admin is not None else ()
        there = {channel.name: channel for channel in self._channels}
        for name in CHANNELS:
            channel, section = there.get(_title(name)), getattr(wanted, name)
            if channel is not None and section is not None:
                yield channel.connections.listening, section.listen

    def _limit(self, limits: Limits) -> None:
        self._drain.seconds = limits.drain
        for channel in self._channels:
            channel.limit(limits)


def _title(section: str) -> str:
    return section.replace("_", "-")


def _waits(now: Config, wanted: Config) -> Iterator[str]:
    """What is different, and cannot be taken over while the proxy runs."""
    for section in fields(Config):
        old, new = getattr(now, section.name), getattr(wanted, section.name)
        if section.name == "groups":
            for name, names in _other_ids(now, wanted).items():
                ids = ", ".join(f"{key} {value}" for key, value in names._asdict().items() if isinstance(value, int))
                yield f"[group {name}], which goes by {ids} now,"
        if section.name not in AT_ONCE:
            if old != new:
                yield f"[{_SECTIONS.get(section.name, section.name)}]"
        elif section.name in CHANNELS:
            yield from _waits_of_channel(_title(section.name), old, new)


def _waits_of_channel(title: str, old: Any, new: Any) -> Iterator[str]:
    if old is None or new is None:
        if old is not new:
            yield f"[{title}], which is {'new' if old is None else 'gone'},"
        return
    for option in fields(type(old)):
        if option.name != "listen" and getattr(old, option.name) != getattr(new, option.name):
            yield f"[{title}] {option.name}"


_SECTIONS = {"witnesses": "witness ..."}
"""Sections that are called otherwise in a Config."""


def _other_ids(now: Config, wanted: Config) -> dict[str | None, GroupNames]:
    """The names of groups that are to go by other ids than they do: what is known of them is known by those."""
    known = {group.names.name: group.names for group in now.groups}
    there = ((group.names, known.get(group.names.name)) for group in wanted.groups)
    return {new.name: old for new, old in there if old is not None and not compatible(old, new)}


def _taken_over(now: Config, wanted: Config) -> Config:
    """What holds now: what was wanted, but for what waits for the next start."""
    channels = {}
    for name in CHANNELS:
        old, new = getattr(now, name), getattr(wanted, name)
        channels[name] = evolve(old, listen=new.listen) if old is not None and new is not None else old
    known = _other_ids(now, wanted)
    groups = tuple(evolve(group, names=known.get(group.names.name, group.names)) for group in wanted.groups)
    return evolve(now, policy=wanted.policy, groups=groups, limits=wanted.limits, admin=wanted.admin, **channels)
