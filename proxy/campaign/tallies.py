"""What witnesses count of a group: of which of its sessions, and whether they agree (R10, R14)."""

from __future__ import annotations

from proxy.campaign.evidence import Tally
from proxy.campaign.group import Group
from proxy.campaign.group_session import GroupSession
from proxy.campaign.observation import News


def witness_tells(group: Group, witness: str, began: bool) -> None:
    """A witness tells where a session begins, or ends, in what it tells.

    It may be ahead of OCS's word, or behind: what it told before the beginning is of another session, and what it
    tells after the end belongs to the session that is about to begin. An end whose beginning it did not tell is
    that of an earlier session.
    """
    told = group.current.tallies.get(witness)
    if told is not None and not group.is_alive:
        del group.current.tallies[witness]
    elif told is not None and told.begun:
        told.over, told.whole = True, False
    if began:
        _told_of(group, witness).tallies[witness] = Tally(whole=True, begun=True)


def tally_of(group: Group, witness: str) -> Tally:
    """What a witness knows of the session that it is telling of now."""
    return _told_of(group, witness).tallies.setdefault(witness, Tally())


def _told_of(group: Group, witness: str) -> GroupSession:
    told = group.current.tallies.get(witness)
    is_of_next = told is not None and told.over and group.is_alive and witness in group.around.witnesses
    return group.about_to_begin if is_of_next else group.current  # what it tells of the past ends with what is


def compare_witnesses(group: Group) -> None:
    """Report where one says that there are records to retrieve, and another that nothing is there, once."""
    tallies = sorted(group.session.tallies.items())
    more = [f"{name}: {tally.ready} ready" for name, tally in tallies if tally.ready]
    none = [f"{name}: none" for name, tally in tallies if tally.empty]
    differ = bool(more and none)
    if differ and not group.session.witnesses_differ:
        group.around.add("witnesses_differ")
        group.announce(News.WITNESSES_DIFFER, ", ".join(more + none))
    group.session.witnesses_differ = differ
