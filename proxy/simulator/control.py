"""Campaign control, on the Communication DN and at the direct door: what applications ask, and the answers to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from proxy.kvlist import Pair
from proxy.simulator import vocabulary as word
from proxy.simulator.asked import Asked, DirectClient
from proxy.simulator.group import Refused
from proxy.simulator.vocabulary import DIAL_MODES, Control, Refusal

if TYPE_CHECKING:
    from proxy.simulator.group import CampaignGroup
    from proxy.simulator.voice import Voice

REQUESTS = frozenset(
    {
        Control.LOAD,
        Control.UNLOAD,
        Control.START,
        Control.STOP,
        Control.SET_MODE,
        Control.STATUS,
        Control.FORCE_UNLOAD,
    }
)

_ARMING = frozenset({Control.LOAD, Control.START, Control.SET_MODE})
"""The requests that may have GSW_AUTO_COMPLETION (D); in others it means nothing."""


class CampaignControl:
    """Answers control requests of applications that are linked to OCS; of others it takes no notice (D)."""

    def __init__(
        self,
        groups: Sequence[CampaignGroup],
        applications: Sequence[int],
        voice: Voice,
        seconds: Callable[[], float],
    ) -> None:
        self._groups = groups
        self._applications = applications
        self._voice = voice
        self._seconds = seconds

    def answer(self, sender: str, pairs: Sequence[Pair]) -> bool:
        """Do what an application asks, and answer it; False where it is not linked, or asks nothing known."""
        linked = self.is_linked(word.number(pairs, word.APPLICATION))
        return linked and self._answer(sender, pairs, pairs, None)

    def answer_direct(self, client: DirectClient, sender: str, pairs: Sequence[Pair]) -> bool:
        """The same for a client that is registered at the direct door; the attribute is among its properties (D)."""
        properties = [
            each
            for value in pairs
            if value.key == word.CM_PROPERTIES and isinstance(value.value, list)
            for each in value.value
        ]
        return self._answer(sender, pairs, properties, client)

    def answer_http(self, client: DirectClient, sender: str, pairs: Sequence[Pair]) -> bool:
        """The same for who asks over HTTP; the attribute stands beside the other keys (D)."""
        return self._answer(sender, pairs, pairs, client)

    def is_linked(self, application: int | None) -> bool:
        """Whether an application is linked to OCS."""
        return application in self._applications

    def refuse(self, client: DirectClient, pairs: Sequence[Pair], code: Refusal, text: str) -> None:
        """Answer a client of the direct door with an error."""
        self._voice.refuse(None, Asked(_reference(pairs), client), code, text)

    def _answer(
        self, sender: str, pairs: Sequence[Pair], properties: Sequence[Pair], client: DirectClient | None
    ) -> bool:
        number = word.number(pairs, word.CM_TYPE)
        if number not in REQUESTS:
            return False
        request, asked = Control(number), Asked(_reference(pairs), client)
        group = self._group_of(pairs)
        refusal = None
        try:
            if group is None:
                raise Refused(Refusal.UNKNOWN_GROUP, "There is no such campaign group")
            self._do(request, group, pairs, asked)
            if request in _ARMING:
                group.armed = word.number(properties, word.AUTO_COMPLETION) == 1
        except Refused as problem:
            refusal = problem.text
            self._voice.refuse(group, asked, problem.code, problem.text)
        name = group.conf.name if group is not None else None
        self._voice.ledger.request(self._seconds(), sender, request.name.lower(), name, refusal)
        return True

    def _do(self, request: Control, group: CampaignGroup, pairs: Sequence[Pair], asked: Asked) -> None:
        """Raises Refused where it cannot be done."""
        mode = _mode_of(pairs)
        if request is Control.LOAD:
            group.load(asked)
        elif request is Control.START:
            group.start(mode, asked)
        elif request is Control.SET_MODE:
            group.set_mode(mode, asked)
        elif request is Control.STOP:
            group.stop(asked)
        elif request is Control.UNLOAD:
            group.unload(asked)
        elif request is Control.FORCE_UNLOAD:
            group.force_unload(asked)
        else:
            self._voice.control(Control.STATUS_IS, group, asked)

    def _group_of(self, pairs: Sequence[Pair]) -> CampaignGroup | None:
        """By GSW_CM_AttrSessionID, else by campaign and agent group together."""
        dbid = word.number(pairs, word.CM_SESSION)
        ids = (word.number(pairs, word.CM_CAMPAIGN), word.number(pairs, word.CM_GROUP))
        for group in self._groups:
            if group.conf.dbid == dbid or (dbid is None and (group.conf.campaign_id, group.conf.group_id) == ids):
                return group
        return None


def _reference(pairs: Sequence[Pair]) -> Pair | None:
    return next((each for each in reversed(pairs) if each.key == word.CM_REFERENCE), None)


def _mode_of(pairs: Sequence[Pair]) -> str | None:
    """GSW_CM_AttrDialMode by name, None where there is none. Raises Refused for a mode that OCS does not know."""
    if word.raw(pairs, word.CM_DIAL_MODE) is None:
        return None
    number = word.number(pairs, word.CM_DIAL_MODE)
    if number not in DIAL_MODES:
        raise Refused(Refusal.WRONG_MODE, "There is no such dialing mode")
    return DIAL_MODES[number]
