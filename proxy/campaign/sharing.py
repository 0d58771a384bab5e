"""Other proxies that share the groups: they are heard, leave, or are lost; and counts that were lost with the store."""

from __future__ import annotations

from proxy.campaign.agenda import Agenda
from proxy.campaign.around import Surroundings
from proxy.campaign.attribution import Attribution
from proxy.campaign.desktops import Desktops
from proxy.campaign.evidence import session_of
from proxy.campaign.instances import instance_of
from proxy.campaign.observation import CountLost, InstanceHeard, InstanceLeft, InstanceLost
from proxy.campaign.signs import lose_count


class Sharing:
    """What is seen of the instances that share the groups."""

    def __init__(self, around: Surroundings, agenda: Agenda, which: Attribution, desktops: Desktops) -> None:
        self._around = around
        self._agenda = agenda
        self._which = which
        self._desktops = desktops

    def heard(self, seen: InstanceHeard, now: float) -> None:
        self._around.instances.hear(seen.instance, seen.controls, now, seen.applied)
        self._agenda.add(*(group for group in self._which.groups if group.held_since is not None))

    def left(self, seen: InstanceLeft, now: float) -> None:
        self._end_sessions(seen.instance, now)

    def lost(self, seen: InstanceLost, now: float) -> None:
        dns = {dn for session in self._sessions_of(seen.instance) for dn in self._around.registrations.dns(session)}
        self._end_sessions(seen.instance, now)
        self._around.instances.lose(sorted(dns), now)
        self._release_records_of(dns, now)
        self._around.add("instances_lost")

    def _release_records_of(self, dns: set[str], now: float) -> None:
        """What became of a record may be known to nobody but who was lost: as after a restart, it counts as released
        (R11), else it would hold its group for as long as its agent is there."""
        for group in self._which.groups:
            for session in group.sessions:
                for record in [each for each in session.records.in_hand() if each.dn in dns]:
                    session.records.release(record.handle, record.dn, now)

    def count_lost(self, seen: CountLost, now: float) -> None:
        for group in self._which.groups:
            lose_count(group)
        self._agenda.add(*self._which.groups)

    def _sessions_of(self, instance: int) -> list[int]:
        known = self._around.registrations.all_sessions | self._desktops.requests.sessions
        gave = (session_of(source) for group in self._which.groups for source in group.session.evidence.given)
        known |= {session for session in gave if session is not None}
        return sorted(session for session in known if instance_of(session) == instance)

    def _end_sessions(self, instance: int, now: float) -> None:
        self._around.instances.forget(instance)
        self._desktops.end(self._sessions_of(instance), now)
        self._agenda.add(*self._which.groups)
