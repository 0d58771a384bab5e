"""Campaign control on the Communication DN: what third-party applications ask, and the answers to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from proxy.kvlist import Pair
from proxy.simulator import vocabulary as word
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
        number = word.number(pairs, word.CM_TYPE)
        if number not in REQUESTS or word.number(pairs, word.APPLICATION) not in self._applications:
            return False
        request = Control(number)
        reference = next((each for each in reversed(pairs) if each.key == word.CM_REFERENCE), None)
        group = self._group_of(pairs)
        refusal = None
        try:
            if group is None:
                raise Refused(Refusal.UNKNOWN_GROUP, "There is no such campaign group")
            self._do(request, group, pairs, reference)
        except Refused as problem:
            refusal = problem.text
            self._voice.refuse(group, reference, problem.code, problem.text)
        name = group.conf.name if group is not None else None
        self._voice.ledger.request(self._seconds(), sender, request.name.lower(), name, refusal)
        return True

    def _do(self, request: Control, group: CampaignGroup, pairs: Sequence[Pair], reference: Pair | None) -> None:
        """Raises Refused where it cannot be done."""
        mode = _mode_of(pairs)
        if request is Control.LOAD:
            group.load(reference)
        elif request is Control.START:
            group.start(mode, reference)
        elif request is Control.SET_MODE:
            group.set_mode(mode, reference)
        elif request is Control.STOP:
            group.stop(reference)
        elif request is Control.UNLOAD:
            group.unload(reference)
        elif request is Control.FORCE_UNLOAD:
            group.force_unload(reference)
        else:
            self._voice.control(Control.STATUS_IS, group, reference)
        if request in _ARMING:
            group.armed = word.number(pairs, word.AUTO_COMPLETION) == 1

    def _group_of(self, pairs: Sequence[Pair]) -> CampaignGroup | None:
        """By GSW_CM_AttrSessionID, else by campaign and agent group together."""
        dbid = word.number(pairs, word.CM_SESSION)
        ids = (word.number(pairs, word.CM_CAMPAIGN), word.number(pairs, word.CM_GROUP))
        for group in self._groups:
            if group.conf.dbid == dbid or (dbid is None and (group.conf.campaign_id, group.conf.group_id) == ids):
                return group
        return None


def _mode_of(pairs: Sequence[Pair]) -> str | None:
    """GSW_CM_AttrDialMode by name, None where there is none. Raises Refused for a mode that OCS does not know."""
    if word.raw(pairs, word.CM_DIAL_MODE) is None:
        return None
    number = word.number(pairs, word.CM_DIAL_MODE)
    if number not in DIAL_MODES:
        raise Refused(Refusal.WRONG_MODE, "There is no such dialing mode")
    return DIAL_MODES[number]
