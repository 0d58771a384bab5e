"""GSW_AUTO_COMPLETION in what clients send: changed by policy, and nothing else with it (M4, R5, R29)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.campaign.attribute import Edit
from proxy.campaign.observation import ControlRequested, GroupNames
from proxy.campaign.policy import Attribute, By, ConfiguredGroup, Policy
from proxy.gsw.attribute import edited
from proxy.kvlist import BINARY, INTEGER, Pair, pack, pair, unpack
from proxy.tevents.message import COMMUNICATION_DN, REFERENCE_ID, THIS_DN, USER_DATA, Message
from proxy.tevents.message import Attribute as TEventAttribute
from proxy.tevents.openwire import open_wire
from tests.tevents.desk import Desk, event, frame, request
from tests.wire.lists import lists
from tests.wire.vector import VECTOR

KEY = "GSW_AUTO_COMPLETION"
ONE = Pair(KEY, 1, INTEGER)

LOAD = pair("GSW_CM_MessageType", 7)
OTHERS = [
    LOAD,
    pair("GSW_CM_AttrSessionID", 101),
    pair("Größe", "\udcff\udcfe not UTF-8"),
    Pair("opaque", b"\0\1\2", 9),
    Pair("binary", b"", BINARY),
    pair("inner", [pair(KEY, 1), pair("deeper", [pair("x", -1)])]),
    pair("GSW_CM_AttrSessionID", 101),
    Pair("", "empty key", 0),
]
"""What must stay as it is: repeated keys, odd strings, opaque kinds, nested lists, the attribute's name inside one."""

SENT = {
    "absent": [],
    "1": [pair(KEY, 1)],
    "0": [pair(KEY, 0)],
    "text 1": [pair(KEY, "1")],
    "text 0": [pair(KEY, "0")],
    "x": [pair(KEY, "x")],
    "empty": [pair(KEY, "")],
    "large": [pair(KEY, 2)],
    "binary": [Pair(KEY, b"\0\0\0\1", BINARY)],
    "opaque": [Pair(KEY, b"1", 4)],
    "list": [pair(KEY, [pair("a", 1)])],
    "twice": [pair(KEY, 0), pair(KEY, 1)],
    "three times": [pair(KEY, "1"), Pair(KEY, b"1", 4), pair(KEY, 1)],
}
"""Everything a client may have made of the attribute."""

LEFT_ALONE = {Attribute.KEEP: set(SENT), Attribute.ADD: set(SENT) - {"absent"}, Attribute.FORCE: {"1"}}
"""By policy, what is left as the client sent it (R5)."""


def mixed(attributes: list[Pair]) -> list[Pair]:
    """The attributes with other pairs before, between and after them."""
    out = list(OTHERS)
    for place, each in enumerate(attributes):
        out.insert(3 * place + 2, each)
    return out


def load(pairs: list[Pair], number: int = 48) -> bytes:
    """A client's user event, with attributes that nobody knows around the user data."""
    return open_wire.encode(
        Message(
            number,
            [
                TEventAttribute(700, 9, b"\0unknown"),
                TEventAttribute(COMMUNICATION_DN, 0, "\udcffCommDN"),
                TEventAttribute(REFERENCE_ID, 1, 5),
                TEventAttribute(USER_DATA, 3, pairs),
                TEventAttribute(USER_DATA, 3, [pair(KEY, "of a second user data")]),
                TEventAttribute(148, 6, 4899493),
            ],
        )
    )


def relayed(policy: Policy, sent: bytes) -> tuple[bytes, Desk]:
    """What goes upstream of a frame under a policy."""
    desk = Desk(policy)
    return desk.session().sends(sent), desk


@pytest.mark.parametrize("number", [48, 49])
@pytest.mark.parametrize("name", SENT)
@pytest.mark.parametrize("attribute", Attribute)
def test_each_policy_with_everything_a_client_may_send(attribute: Attribute, name: str, number: int) -> None:
    """R5, M4: keep, add, force, remove: only the attribute changes; order, kinds, encodings and unknown parts stay."""
    sent = mixed(SENT[name])
    out, desk = relayed(Policy(by=By.PROXY, attribute=attribute), load(sent, number))
    if attribute is Attribute.REMOVE:
        expected = OTHERS
    elif name in LEFT_ALONE[attribute]:
        expected = sent
    elif name == "absent":
        expected = [*OTHERS, ONE]
    else:
        first = sent.index(SENT[name][0])
        expected = [*OTHERS[:first], ONE, *OTHERS[first:]]
    assert out == load(expected, number)
    assert desk.counts.rewritten == (expected != sent)
    assert desk.counts.not_rewritten == 0


@pytest.mark.parametrize("policy", [Policy(by=By.NOBODY, attribute=each) for each in Attribute])
@pytest.mark.parametrize("name", SENT)
def test_by_nobody_not_a_byte_is_changed(name: str, policy: Policy) -> None:
    """R29: by = nobody changes nothing, whatever the attribute's policy, in whatever request."""
    for kind in (LOAD, pair("GSW_CM_MessageType", 10), pair("GSW_AGENT_REQ_TYPE", "RecordProcessed")):
        sent = load([kind, *mixed(SENT[name])])
        assert relayed(policy, sent)[0] == sent


@pytest.mark.parametrize("by", [By.PROXY, By.DIALER])
def test_the_attribute_is_for_the_dialer_too(by: By) -> None:
    """R29: by = dialer writes the attribute as by = proxy does: OCS does the rest."""
    out, _ = relayed(Policy(by=by, attribute=Attribute.ADD), load(OTHERS))
    assert out == load([*OTHERS, ONE])


@pytest.mark.parametrize("number", [7, 9, 11, "7", " 9", "+11"])
def test_the_requests_that_may_bear_it(number: object) -> None:
    """R5: LoadCampaign, StartDialing and SetDialingMode bear the attribute, also with the type sent as text."""
    policy = Policy(by=By.PROXY, attribute=Attribute.ADD)
    out, _ = relayed(policy, request(GSW_CM_MessageType=number, GSW_CM_AttrSessionID=101))
    assert out == request(GSW_CM_MessageType=number, GSW_CM_AttrSessionID=101, GSW_AUTO_COMPLETION=1)


OTHER_REQUESTS = [
    {"GSW_CM_MessageType": 8},
    {"GSW_CM_MessageType": 10},
    {"GSW_CM_MessageType": 12},
    {"GSW_CM_MessageType": 29},
    {"GSW_CM_MessageType": "10"},
    {"GSW_CM_MessageType": 99},
    {"GSW_AGENT_REQ_TYPE": "RecordProcessed"},
    {"GSW_AGENT_REQ_TYPE": "PreviewRecordRequest"},
    {"GSW_AGENT_REQ_TYPE": "something new"},
    {"nothing": "of OCS's"},
    {},
]


@pytest.mark.parametrize("attribute", Attribute)
@pytest.mark.parametrize("asked", OTHER_REQUESTS)
def test_every_other_request_loses_it(asked: dict[str, object], attribute: Attribute) -> None:
    """R5: Stop, Unload, status requests, desktops' requests, any user event: the attribute is taken out, all of it."""
    policy = Policy(by=By.PROXY, attribute=attribute)
    for to in ("OCS_CommDN", "3001"):
        for number in (48, 49):
            out, _ = relayed(policy, request(to, number=number, a=1, GSW_AUTO_COMPLETION="1", **asked, z=2))
            assert out == request(to, number=number, a=1, **asked, z=2)
            without = request(to, number=number, a=1, **asked)
            assert relayed(policy, without)[0] == without


def test_call_data_is_left_alone() -> None:
    """R5: what is attached to a call is the customer's business, whatever its keys are called."""
    desk = Desk(Policy(by=By.PROXY, attribute=Attribute.FORCE))
    session = desk.session()
    for number in (30, 31, 32, 14, 150):
        sent = event(number=number, GSW_CM_MessageType=7, GSW_AUTO_COMPLETION=1)
        assert session.sends(sent) == sent
    assert desk.seen == []


def test_server_events_are_left_alone() -> None:
    """R5: what T-Server sends keeps the attribute: echoes of requests, OCS's own words, events of calls."""
    desk = Desk(Policy(by=By.PROXY, attribute=Attribute.FORCE))
    session = desk.session()
    for number in (96, 64, 138, 52, 53):
        for kind in (7, 10, 19):
            sent = event(number=number, GSW_CM_MessageType=kind, GSW_AUTO_COMPLETION="0")
            assert session.gets(sent) == sent


def test_the_policy_of_the_group_that_is_meant() -> None:
    """R5: each group has a policy of its own; the session id of the request says which group is meant."""
    groups = [
        ConfiguredGroup(GroupNames(dbid=101, name="Sales@Agents"), Policy(by=By.PROXY, attribute=Attribute.ADD)),
        ConfiguredGroup(
            GroupNames(dbid=102, campaign_id=5, group_id=6, name="Winback@Dialers"),
            Policy(by=By.PROXY, attribute=Attribute.REMOVE),
        ),
    ]
    session = Desk(Policy(by=By.NOBODY, attribute=Attribute.FORCE), groups).session()

    def sent(attributes: dict[str, object], **names: object) -> bytes:
        return request(GSW_CM_MessageType=7, **names, **attributes)

    one: dict[str, object] = {KEY: 1}
    assert session.sends(sent({}, GSW_CM_AttrSessionID="101")) == sent(one, GSW_CM_AttrSessionID="101")
    assert session.sends(sent({}, GSW_CAMPAIGN_GROUP_NAME="Sales@Agents")) == sent(
        one, GSW_CAMPAIGN_GROUP_NAME="Sales@Agents"
    )
    ids = {"GSW_CM_AttrCampaignID": 5, "GSW_CM_AttrGroupID": 6}
    assert session.sends(sent(one, **ids)) == sent({}, **ids)
    assert session.sends(sent({}, GSW_CM_AttrSessionID=103)) == sent({}, GSW_CM_AttrSessionID=103)


def test_what_counts_is_what_the_client_sent() -> None:
    """R3: the groups are shown the client's own values, before the policy changed them."""
    out, desk = relayed(Policy(by=By.PROXY, attribute=Attribute.FORCE), load([LOAD, pair(KEY, "0"), pair(KEY, 5)]))
    (seen,) = desk.seen
    assert isinstance(seen, ControlRequested)
    assert seen.values == ("0", 5)
    assert out == load([LOAD, ONE])


def test_the_vector() -> None:
    """The request of the vendor's sample, which bears the attribute, stays as it is under keep, add and force."""
    for attribute in (Attribute.KEEP, Attribute.ADD, Attribute.FORCE):
        assert relayed(Policy(by=By.PROXY, attribute=attribute), VECTOR)[0] == VECTOR
    removed, _ = relayed(Policy(by=By.PROXY, attribute=Attribute.REMOVE), VECTOR)
    assert relayed(Policy(by=By.PROXY, attribute=Attribute.ADD), removed)[0] == VECTOR


def test_a_result_that_does_not_fit_goes_on_unchanged() -> None:
    """M4: where one pair more is too many for the format, the request goes on as it came; counted, and observed."""
    full = load([LOAD, *[pair("", 0)] * 0xFFFE])
    out, desk = relayed(Policy(by=By.PROXY, attribute=Attribute.ADD), full)
    assert out == full
    assert (desk.counts.rewritten, desk.counts.not_rewritten) == (0, 1)
    assert isinstance(desk.seen[0], ControlRequested)
    almost = load([LOAD, *[pair("", 0)] * 0xFFFD])
    assert relayed(Policy(by=By.PROXY, attribute=Attribute.ADD), almost)[0] == load(
        [LOAD, *[pair("", 0)] * 0xFFFD, ONE]
    )


def test_user_data_that_is_no_list() -> None:
    """A user event without user data, or with some of another kind, has no attribute, and goes on as it is."""
    session = Desk(Policy(by=By.PROXY, attribute=Attribute.FORCE)).session()
    packed = pack([LOAD])
    for sent in (
        frame(48, {COMMUNICATION_DN: "OCS_CommDN"}),
        frame(48, {COMMUNICATION_DN: "OCS_CommDN", USER_DATA: packed}),
        frame(48, {THIS_DN: "3001", USER_DATA: ""}),
        frame(48, {}),
    ):
        assert session.sends(sent) == sent


def test_in_pieces_and_among_others() -> None:
    """M1, M4: a request that comes byte by byte, between frames nobody wants, is rewritten in its place."""
    plain, sent = frame(14, {THIS_DN: "3001"}), load(OTHERS)
    stream = plain + sent + plain + sent + plain
    session = Desk(Policy(by=By.PROXY, attribute=Attribute.ADD)).session()
    out = session.sends(*(stream[at : at + 1] for at in range(len(stream))))
    changed = load([*OTHERS, ONE])
    assert out == plain + changed + plain + changed + plain


@given(lists, st.sampled_from(Edit), st.lists(st.sampled_from([ONE, pair(KEY, "x"), Pair(KEY, b"1", 7)]), max_size=4))
def test_any_user_data_keeps_all_but_the_attribute(others: list[Pair], edit: Edit, attributes: list[Pair]) -> None:
    """M4: whatever the user data, an edit leaves every other pair as it is and where it is."""
    kept = [each for each in others if each.key != KEY]
    pairs = list(kept)
    for place, each in enumerate(attributes):
        pairs.insert(min(len(pairs), 2 * place), each)
    out = edited(pairs, edit)
    assert [each for each in out if each.key != KEY] == kept
    ours = [each for each in out if each.key == KEY]
    if edit is Edit.LEAVE:
        assert out == pairs
    elif edit is Edit.REMOVE:
        assert ours == []
    elif edit is Edit.APPEND:
        assert out == [*pairs, ONE]
    else:
        assert ours == ([ONE] if attributes else [])
        if attributes:
            assert out.index(ONE) == next(place for place, each in enumerate(pairs) if each.key == KEY)
    assert unpack(pack(out)) == out
