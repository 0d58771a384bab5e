"""Clients' requests for a group: what OCS accepts of them arms the group, or disarms it (R3, R4).

A request is remembered when it passes (`request_passes`), and until OCS has refused it, or its word has shown that it
is done (`accept`). OCS may say before that, over HTTP, that it takes it (`request_taken`).
"""

from __future__ import annotations

from proxy.campaign.attribute import arms
from proxy.campaign.clients import DECIDES, FOR_ONE_SESSION, OURS, ClientRequest
from proxy.campaign.group import Group
from proxy.campaign.life import State
from proxy.campaign.observation import ControlRequested, News, Request, Word
from proxy.campaign.policy import Attribute


def request_passes(group: Group, seen: ControlRequested, now: float) -> None:
    """A client's request for this group passes."""
    group.requests.add(
        ClientRequest(
            group.around.numbers.take(),
            seen.session,
            seen.request,
            arms(group.policy.attribute, seen.values) and not _was_disarmed_meanwhile(group),
            seen.mode,
            seen.reference,
            seen.message_reference,
            now + group.policy.answer_timeout,
            sessions=group.session.number,
            runs=group.run,
        )
    )


def _was_disarmed_meanwhile(group: Group) -> bool:
    """Whether what passes now passed long ago, perhaps before a client disarmed the group elsewhere (R3)."""
    session = group.session
    return group.around.late and group.is_alive and session.decided_by > 0 and not session.armed


def withdraw(group: Group, request: Request, reference: int | None, due_at: float, taken: bool) -> None:
    """Our own request is on its way and no longer wanted: until OCS answers, it is one like any other."""
    number = group.around.numbers.take()
    group.requests.add(ClientRequest(number, OURS, request, False, None, str(reference), None, due_at, taken=taken))


def request_refused(group: Group, refused: ClientRequest) -> None:
    """OCS, or the T-Server, refuses a client's request: all stays as it is."""
    group.requests.forget(refused)


def request_taken(group: Group, taken: ClientRequest, now: float) -> None:
    """OCS says that it takes a request, before it does what is asked, or after (R4).

    Until OCS's word shows that it is done, it is remembered: so that the word is not taken for news that nobody
    asked for, and nothing of ours is sent in between. A Load decides over the session that it begins only (R3).
    """
    taken.taken, taken.doubted = True, False
    taken.due_at = now + group.policy.answer_timeout
    if _is_done(group, taken):
        accept(group, taken)
    else:
        _give_way_to(group, taken)
        decide_by_taken(group)


def _is_done(group: Group, taken: ClientRequest) -> bool:
    """Whether OCS's word showed before its reply that it did what it was asked."""
    if taken.request is Request.LOAD:
        return group.is_alive and group.session.number > taken.sessions
    if taken.request is Request.START:
        return group.in_run and group.run > taken.runs
    if taken.request is Request.STOP:
        return group.state in (State.LOADED, State.UNLOADED)
    return taken.request is Request.UNLOAD and group.state is State.UNLOADED


def decide_by_taken(group: Group) -> None:
    """What OCS took arms or disarms the session that it is for, once that has begun (R3)."""
    requests = group.requests
    for asked in requests:
        if asked.taken and asked.request in FOR_ONE_SESSION and group.is_alive and not requests.is_for_next(asked):
            if asked.request is Request.SET_MODE:
                accept(group, asked)
            else:
                _decide(group, asked)


def accept(group: Group, accepted: ClientRequest) -> None:
    """OCS has done what was asked: the group is wanted, or not (R22), and armed, or not (R3)."""
    group.requests.forget(accepted)
    if accepted.session == OURS:
        group.announce(News.STOPPED_WITH_RECORDS, f"our {accepted.request.value} was accepted when no longer wanted")
        return
    _give_way_to(group, accepted)
    if accepted.taken and accepted.request is Request.SET_MODE:
        group.learn_mode(accepted.mode)
    _decide(group, accepted)


def _give_way_to(group: Group, accepted: ClientRequest) -> None:
    """OCS accepts a client's Load or Start: the group is wanted (R22)."""
    if accepted.request in (Request.LOAD, Request.START) and group.completion is not None:
        group.completion.abandon(f"a client's {accepted.request.value} was accepted")


def _decide(group: Group, accepted: ClientRequest) -> None:
    """The latest accepted request arms or disarms (R3)."""
    decides = accepted.request in DECIDES and group.state is not State.UNLOADED
    if decides and accepted.number > group.current.decided_by:
        group.current.decided_by = accepted.number
        bears = "with" if accepted.armed else "without"
        arm(group, accepted.armed, f"a client's {accepted.request.value} {bears} it")


def arm_unasked(group: Group, word: Word) -> None:
    """Loaded or started without a request that passed the proxy: a schedule, another console (R4)."""
    if word in (Word.LOADED, Word.STARTED) and group.policy.attribute in (Attribute.ADD, Attribute.FORCE):
        arm(group, True)


def arm(group: Group, armed: bool, why: str = "") -> None:
    """From now on the group is armed, or is not; nothing happens where it was so before."""
    if armed != group.current.armed:
        group.current.armed = armed
        group.announce(News.ARMED if armed else News.DISARMED, why)
        if group.completion is not None and not armed:
            group.completion.disarmed()
