"""Witnesses: those who know what no protocol tells, how many records there were and are (R10, R12 to R14, R18)."""

from __future__ import annotations

from proxy.campaign.agenda import Agenda
from proxy.campaign.around import Surroundings
from proxy.campaign.attribution import Attribution
from proxy.campaign.evidence import Tally
from proxy.campaign.observation import (
    ListStatistics,
    Retrieved,
    SessionWitnessed,
    WitnessConfirms,
    WitnessFound,
    WitnessLost,
)
from proxy.campaign.signs import lose_evidence, record_shows, says_no_more, touch
from proxy.campaign.tallies import compare_witnesses, tally_of, witness_tells


class Witnesses:
    """What witnesses tell of groups, and which there are."""

    def __init__(self, around: Surroundings, agenda: Agenda, which: Attribution) -> None:
        self._around = around
        self._agenda = agenda
        self._which = which

    def found(self, seen: WitnessFound, now: float) -> None:
        self._around.witnesses.add(seen.witness)
        self._around.lost_witnesses.discard(seen.witness)

    def lost(self, seen: WitnessLost, now: float) -> None:
        self._around.witnesses.discard(seen.witness)
        self._around.lost_witnesses.add(seen.witness)
        for group in self._which.groups:
            for session in group.sessions:
                session.tallies.pop(seen.witness, None)
        for group in self._which.groups:
            if lose_evidence(group, seen.witness):
                self._agenda.add(group)
        self._agenda.add(*self._which.groups)

    def confirms(self, seen: WitnessConfirms, now: float) -> None:
        group = self._which.meant(seen.names)
        if group is not None:
            group.confirmers.add(seen.witness)

    def session_told(self, seen: SessionWitnessed, now: float) -> None:
        group = self._which.meant(seen.names)
        if group is not None:
            witness_tells(group, seen.witness, seen.began)

    def retrieved(self, seen: Retrieved, now: float) -> None:
        group = self._which.meant(seen.names)
        if group is None or (group.in_trouble and not seen.brought):
            return  # a database that is lost brings nothing, either (D)
        tally = tally_of(group, seen.witness)
        tally.retrieve(seen)
        is_news = self._is_news(seen.witness, tally)
        if seen.brought:
            if is_news:
                touch(group, now)
            record_shows(group, now, in_hand=True)
        elif is_news and tally.empty:
            says_no_more(group, seen.witness, now, counts_records=True)
        compare_witnesses(group)

    def counted(self, seen: ListStatistics, now: float) -> None:
        group = self._which.meant(seen.names)
        if group is None:
            return
        some = bool(seen.ready or seen.retrieved)
        if group.in_trouble and not some:
            return
        tally = tally_of(group, seen.witness)
        tally.count(seen)
        is_news = self._is_news(seen.witness, tally)
        if some:
            record_shows(group, now)
        elif is_news and tally.empty:
            says_no_more(group, seen.witness, now, counts_records=True)
        compare_witnesses(group)
        if is_news and seen.answers is not None and group.confirmation is not None:
            group.confirmation.answer(seen.witness, seen.answers)

    def _is_news(self, witness: str, tally: Tally) -> bool:
        """What a witness tells before it is found is of the past: it counts, and is no evidence (R14)."""
        if witness in self._around.witnesses:
            return True
        tally.begin_anew()
        return False
