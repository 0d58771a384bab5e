"""A client's session: what of it is changed, what the groups are shown, and that the rest goes on as it came."""

from __future__ import annotations

import pytest

from proxy.campaign.observation import (
    ControlRefused,
    ControlRequested,
    GroupNames,
    Request,
    Status,
    StatusHeard,
    Word,
    WordHeard,
)
from proxy.campaign.policy import Attribute, By, ConfiguredGroup, Policy
from proxy.gsw.control import MESSAGES
from proxy.kvlist import Pair, pair
from tests.direct.desk import Desk
from tests.direct.messages import KEY, SAMPLE, frame, message

GROUP = GroupNames(campaign_id=101, group_id=732)
ZERO = message(7, properties=[pair(KEY, 0)])
OTHER = [pair("Größe", "\udcff"), Pair("opaque", b"\0", 9)]


def desk(attribute: Attribute, by: By = By.PROXY) -> Desk:
    """A desk whose groups all have this policy."""
    return Desk(Policy(by=by, attribute=attribute))


# --------------------------------------------------------------------------------------------------- the attribute


@pytest.mark.parametrize("by", [By.PROXY, By.DIALER])
@pytest.mark.parametrize(
    ("attribute", "sent", "relayed"),
    [
        (Attribute.KEEP, SAMPLE, SAMPLE),
        (Attribute.KEEP, ZERO, ZERO),
        (Attribute.KEEP, message(7), message(7)),
        (Attribute.ADD, SAMPLE, SAMPLE),
        (Attribute.ADD, ZERO, ZERO),
        (Attribute.ADD, message(7), SAMPLE),
        (Attribute.FORCE, SAMPLE, SAMPLE),
        (Attribute.FORCE, ZERO, SAMPLE),
        (Attribute.FORCE, message(7), SAMPLE),
        (Attribute.REMOVE, SAMPLE, message(7)),
        (Attribute.REMOVE, ZERO, message(7)),
        (Attribute.REMOVE, message(7), message(7)),
    ],
)
def test_the_sample_by_policy(attribute: Attribute, sent: list[Pair], relayed: list[Pair], by: By) -> None:
    """The vendor's Load through the proxy: kept, added to, forced or removed from, as the policy says."""
    at = desk(attribute, by)
    assert at.session().sends(frame(sent)) == frame(relayed)
    assert at.counts.rewritten == (sent != relayed)


@pytest.mark.parametrize("kind", [7, 9, 11])
def test_the_three_requests_that_may_bear_it(kind: int) -> None:
    """LoadCampaign, StartDialing and SetDialingMode get it, whatever else they carry."""
    sent = [*message(kind, DialMode=3, OptimizeBy=1, OptimizeGoal=80), *OTHER]
    relayed = desk(Attribute.ADD).session().sends(frame(sent))
    assert relayed == frame([*sent, pair("GSW_CM_AttrProperties", [pair(KEY, 1)])])


@pytest.mark.parametrize("kind", sorted({*MESSAGES, 0, 99} - {7, 9, 11}))
def test_it_is_in_no_other_request(kind: int) -> None:
    """It is taken out of every other message of a client, known or not; what else is in it stays."""
    sent = [*message(kind, properties=[pair("x", 1), pair(KEY, 1)]), pair(KEY, 1), *OTHER]
    for attribute in Attribute:
        relayed = desk(attribute).session().sends(frame(sent))
        assert relayed == frame([*message(kind, properties=[pair("x", 1)]), *OTHER])
        assert desk(attribute).session().sends(frame(message(kind))) == frame(message(kind))


def test_by_nobody_changes_nothing() -> None:
    """R29: not a byte is changed, and what is asked is seen all the same."""
    for attribute in Attribute:
        at = desk(attribute, By.NOBODY)
        for sent in (message(7), ZERO, SAMPLE, message(8, properties=[pair(KEY, 1)])):
            assert at.session().sends(frame(sent)) == frame(sent)
        assert len(at.seen) == 4


def test_the_policy_is_that_of_the_group() -> None:
    """A group is known by campaign and agent group, or by its DBID."""
    add = Policy(by=By.PROXY, attribute=Attribute.ADD)
    at = Desk(Policy(), [ConfiguredGroup(GroupNames(dbid=5, campaign_id=101, group_id=732), add)])
    assert at.session().sends(frame(message(7))) == frame(SAMPLE)
    assert at.session().sends(frame(message(7, group=733))) == frame(message(7, group=733))
    by_dbid = message(7, campaign=None, group=None, SessionID=5)
    assert len(at.session().sends(frame(by_dbid))) > len(frame(by_dbid))


def test_a_message_of_nothing_else() -> None:
    """M4: where the result is no message, the original goes on, counted."""
    at = desk(Attribute.KEEP)
    sent = frame([pair(KEY, 1)])
    assert at.session().sends(sent) == sent
    assert (at.counts.rewritten, at.counts.not_rewritten) == (0, 1)


def test_the_servers_events_are_left_alone() -> None:
    """What OCS sends goes on as it came, with whatever is in it."""
    at = desk(Attribute.REMOVE)
    for sent in (frame(SAMPLE), frame(message(19, properties=[pair(KEY, 1)]))):
        assert at.session().gets(sent) == sent


# --------------------------------------------------------------------------------------------------- what is shown


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        (7, Request.LOAD),
        (8, Request.UNLOAD),
        (9, Request.START),
        (10, Request.STOP),
        (11, Request.SET_MODE),
        (29, Request.UNLOAD),
    ],
)
def test_what_clients_ask(kind: int, asked: Request) -> None:
    """The groups see who asks what of which group, with its reference, its mode, and the attribute as it was sent."""
    at = desk(Attribute.FORCE)
    at.session(4).sends(frame(message(kind, 77, DialMode="8", properties=[pair(KEY, "1"), pair(KEY, 0)])))
    assert at.seen == [ControlRequested(4, GROUP, asked, ("1", 0), "PushPreview", "77")]


@pytest.mark.parametrize("kind", [6, 12, 13, 14, 28, 30, 32, 99])
def test_what_is_no_request_of_a_group(kind: int) -> None:
    """Registrations, status requests and what nobody knows show the groups nothing."""
    at = desk(Attribute.ADD)
    at.session().sends(frame(message(kind)))
    assert at.seen == []


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (19, Word.LOADED),
        (20, Word.UNLOADED),
        (21, Word.STARTED),
        (22, Word.STOPPED),
        (23, Word.MODE_CHANGED),
    ],
)
def test_ocs_words(kind: int, word: Word) -> None:
    """OCS's events are its word on the group, by whatever ids they carry."""
    at = desk(Attribute.KEEP)
    at.session().gets(frame(message(kind, DialMode=1, SessionID=5)))
    assert at.seen == [WordHeard(GROUP._replace(dbid=5), word, "direct", "Predictive", "10")]


def test_ocs_status() -> None:
    """A status is heard; one that nobody knows is not."""
    at = desk(Attribute.KEEP)
    at.session().gets(frame(message(24, None, GroupCampStatus=5)), frame(message(24, GroupCampStatus=9)))
    at.session().gets(frame(message(24)))
    assert at.seen == [StatusHeard(GROUP, Status.RUNNING, "direct")]


def test_a_refusal_belongs_to_who_asked() -> None:
    """EvError is of this session's request; so it is also where OCS's words are left to the proxy's own session."""
    at = desk(Attribute.KEEP)
    for at.words_are_heard in (False, True):
        at.session(4).gets(frame(message(27, 10, None, None, ErrorCode=2)))
    assert at.seen == [ControlRefused(4, GroupNames(), "10")] * 2


def test_words_are_left_to_a_session_of_our_own() -> None:
    """What the proxy's own session hears, too, is left to it: one source, one order."""
    at = desk(Attribute.KEEP)
    at.words_are_heard = True
    sent = frame(message(19)) + frame(message(24, GroupCampStatus=4))
    assert at.session().gets(sent) == sent
    assert at.seen == []


@pytest.mark.parametrize("kind", [6, 7, 8, 9, 10, 11, 12, 13, 14, 28, 29, 30, 32])
def test_echoes_are_no_news(kind: int) -> None:
    """M8: a request that comes from the server is an echo: relayed, never observed."""
    at = desk(Attribute.FORCE)
    sent = frame(message(kind, GroupCampStatus=5))
    assert at.session().gets(sent) == sent
    assert at.seen == []


# --------------------------------------------------------------------------------------------------- what is broken

BROKEN = (8).to_bytes(4, "big") + b"\0\7broken"
UNFRAMABLE = (3).to_bytes(4, "big") + b"abc"


def test_what_cannot_be_decoded_goes_on() -> None:
    """M3: relayed as it came, counted; what comes after it is looked into again, and no group is blind."""
    at = desk(Attribute.ADD)
    session = at.session()
    assert session.sends(BROKEN + frame(message(7))) == BROKEN + frame(SAMPLE)
    assert session.gets(BROKEN) == BROKEN
    assert at.counts.malformed == 2
    assert [type(each) for each in at.seen] == [ControlRequested]


@pytest.mark.parametrize("lost", [UNFRAMABLE, (5000).to_bytes(4, "big") + b"x" * 10])
def test_what_cannot_be_framed_goes_on_unseen(lost: bytes) -> None:
    """M3: from a length that no frame has on, that direction is relayed without looking; the other is looked into."""
    at = desk(Attribute.ADD)
    session = at.session()
    rest = lost + frame(message(7))
    assert session.sends(rest) == rest
    assert session.gets(frame(message(22, None))) == frame(message(22, None))
    assert at.seen == [WordHeard(GROUP, Word.STOPPED, "direct")]
    assert session.gets(rest) == rest
    assert len(at.seen) == 1


@pytest.mark.parametrize("step", [1, 2, 5, 13])
def test_in_pieces(step: int) -> None:
    """However the bytes are cut, the same goes on, and the same is seen."""
    at = desk(Attribute.ADD)
    session = at.session()
    stream = frame(message(6)) + frame(message(7)) + BROKEN + frame(message(12))
    pieces = [stream[place : place + step] for place in range(0, len(stream), step)]
    assert session.sends(*pieces) == frame(message(6)) + frame(SAMPLE) + BROKEN + frame(message(12))
    back = frame(message(18)) + frame(message(19))
    assert session.gets(*(back[place : place + step] for place in range(0, len(back), step))) == back
    assert [type(each) for each in at.seen] == [ControlRequested, WordHeard]


def test_ocs_bytes_are_not_waited_for() -> None:
    """M1: what OCS sends goes on as it arrives, before its message is whole."""
    session = desk(Attribute.ADD).session()
    whole = frame(message(19))
    assert session.gets(whole[:9]) == whole[:9]
    assert session.gets(whole[9:]) == whole[9:]


def test_messages_are_counted_by_number() -> None:
    """Of both sides, by number; those without a name together."""
    at = desk(Attribute.KEEP)
    session = at.session()
    session.sends(frame(message(7)), frame(message(7)), frame(message(99)), frame([pair("x", 1)]))
    session.gets(frame(message(19)))
    assert at.counts.of_clients == {7: 2, 0: 2}
    assert at.counts.of_ocs == {19: 1}
