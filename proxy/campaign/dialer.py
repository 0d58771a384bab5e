"""OCS's word: on the life of groups, on clients' requests, in its statistics, and to agents (R1 to R4, R14)."""

from __future__ import annotations

from proxy.campaign.agenda import Agenda
from proxy.campaign.arming import request_passes, request_refused, request_taken
from proxy.campaign.around import Surroundings
from proxy.campaign.asking import ask_as_connected
from proxy.campaign.attribution import Attribution
from proxy.campaign.clients import ASKED_FOR, OURS
from proxy.campaign.desktops import Desktops
from proxy.campaign.doubt import hear_elsewhere, hear_status_elsewhere
from proxy.campaign.names import NOTHING, with_campaign
from proxy.campaign.observation import (
    AgentHeard,
    ControlAccepted,
    ControlRefused,
    ControlRequested,
    GroupReported,
    SourceConnected,
    SourceLost,
    Status,
    StatusHeard,
    Swallow,
    SystemTrouble,
    WaitingRecords,
    Word,
    WordHeard,
)
from proxy.campaign.signs import lose_evidence, record_shows, says_no_more, trouble
from proxy.campaign.sources import REPORTS
from proxy.campaign.word import hear, hear_status, hear_through_agent

_AGENT_ARE_TOLD = (Word.STOPPED, Word.UNLOADED)
_AGENT_NEWS = (Word.LOADED, Word.STARTED)
_SHOWN_BY = {request: word for word, request in ASKED_FOR.items()}
_ANSWERS = {Word.LOADED: Status.ACTIVE, Word.STARTED: Status.RUNNING}


class Dialer:
    """What is seen of OCS, but for the records it gives to agents; and what clients ask of groups."""

    def __init__(self, around: Surroundings, agenda: Agenda, which: Attribution, desktops: Desktops) -> None:
        self._around = around
        self._agenda = agenda
        self._which = which
        self._desktops = desktops

    def agent_heard(self, seen: AgentHeard, now: float) -> None:
        group = self._which.meant(seen.names, seen.dn)
        if group is None:
            return
        is_answer = seen.word in _AGENT_NEWS and self._desktops.is_answer(seen.dn, group, now)
        agents = group.session.agents if seen.word in _AGENT_ARE_TOLD else group.current.agents
        agents[seen.dn] = seen.pairs
        self._which.note_agent(group, seen.dn)
        self._desktops.register(seen.session, seen.dn, now)
        if group.notices is not None:
            if seen.word in _AGENT_ARE_TOLD and group.notices.heard(seen.session, seen.dn, seen.word, now):
                self._around.add("swallowed")
                self._around.tell(Swallow())
            elif seen.word in _AGENT_NEWS and not is_answer:
                group.notices.news(seen.dn)
        if self._around.hears_words:
            group.current.mode = seen.mode or group.current.mode
        elif is_answer:
            hear_through_agent(group, _ANSWERS[seen.word], now, seen.mode)
        else:
            hear(group, seen.word, now, seen.mode)

    def control_requested(self, seen: ControlRequested, now: float) -> None:
        group = self._which.meant(seen.names)
        if group is not None:
            request_passes(group, seen, now)

    def control_refused(self, seen: ControlRefused, now: float) -> None:
        """OCS's error reaches every client of the Communication DN: it is about the request of the session it came on;
        heard by our own session, about the only one with that reference."""
        if seen.reference is None:
            return
        refused = [
            (group, asked)
            for group, asked in self._which.client_requests()
            if asked.reference == seen.reference and seen.session in (0, asked.session)
        ]
        if len(refused) > 1 and seen.names != NOTHING:
            meant = self._which.find(with_campaign(seen.names))
            refused = [(group, asked) for group, asked in refused if group is meant]
        if len(refused) == 1:
            group, asked = refused[0]
            request_refused(group, asked)
            self._agenda.add(group)
        for group in self._which.groups:
            if group.completion is not None:
                group.completion.refused(seen.reference, now)
                self._agenda.add(group)

    def control_accepted(self, seen: ControlAccepted, now: float) -> None:
        """OCS takes a request over HTTP. Where no word of OCS can be heard, that is its word on a client's request."""
        for group, asked in self._which.client_requests(seen.session):
            if asked.reference == seen.reference:
                if self._around.hears_words or asked.session == OURS:
                    request_taken(group, asked, now)
                else:
                    hear(group, _SHOWN_BY[asked.request], now, asked.mode, asked.reference)
                self._agenda.add(group)
        if seen.session == OURS:
            for group in self._which.groups:
                if group.completion is not None:
                    group.completion.taken(seen.reference, now)
                    self._agenda.add(group)

    def group_reported(self, seen: GroupReported, now: float) -> None:
        """A report that tells no state teaches names and mode."""
        group = self._which.meant(seen.names)
        if group is not None:
            group.learn_mode(seen.mode)

    def word_heard(self, seen: WordHeard, now: float) -> None:
        group = self._which.meant(seen.names)
        if group is None:
            return
        if group.reach.follows(seen.source):
            hear(group, seen.word, now, seen.mode, seen.reference)
        else:
            hear_elsewhere(group, seen.word, now, seen.mode)

    def status_heard(self, seen: StatusHeard, now: float) -> None:
        group = self._which.meant(seen.names)
        if group is None:
            return
        if group.reach.follows(seen.source):
            hear_status(group, seen.status, now, seen.mode, seen.reference, is_news=seen.source == REPORTS)
        else:
            hear_status_elsewhere(group, seen.status, now, seen.mode)

    def source_connected(self, seen: SourceConnected, now: float) -> None:
        self._around.connected.add(seen.source)
        for group in self._which.groups:
            ask_as_connected(group, seen.source, now)
        self._agenda.add(*self._which.groups)

    def source_lost(self, seen: SourceLost, now: float) -> None:
        self._around.connected.discard(seen.source)
        for group in self._which.groups:
            if lose_evidence(group, seen.source):
                self._agenda.add(group)
        self._agenda.add(*self._which.groups)

    def waiting_records(self, seen: WaitingRecords, now: float) -> None:
        group = self._which.meant(seen.names)
        if group is None:
            return
        if seen.over:
            record_shows(group, now)
        else:
            says_no_more(group, seen.source, now)

    def system_trouble(self, seen: SystemTrouble, now: float) -> None:
        troubled = self._which.groups
        if seen.names == NOTHING:
            self._around.in_trouble = not seen.over
        else:
            group = self._which.meant(seen.names)
            troubled = [group] if group is not None else []
        for group in troubled:
            trouble(group, seen.over)
        self._agenda.add(*troubled)
