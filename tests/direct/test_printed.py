"""Direct messages printed as campaign managers print them."""

from __future__ import annotations

from proxy.direct.printed import heading, printed
from proxy.kvlist import pair
from tests.direct.messages import SAMPLE, message


def test_the_vendors_sample() -> None:
    """The vendor's sample (domain.md, section 1), line by line; the attribute's value is masked as there."""
    lines = [heading("23:57:57.891", "OCMClient[9]", received=True), *printed(SAMPLE)]
    assert lines == [
        "23:57:57.891 OCMClient[9]::message received",
        "GSW_CM_MessageType              7 [GSW_CM_ReqLoadCampaign]",
        "GSW_CM_AttrReferenceID          10",
        "GSW_CM_AttrCampaignID           101",
        "GSW_CM_AttrGroupID              732",
        "GSW_CM_AttrProperties",
        "                'GSW_AUTO_COMPLETION'   '****'",
    ]


def test_the_other_way() -> None:
    """What goes to a client says so."""
    assert heading("00:00:00.000", "OCMClient[1]", received=False) == "00:00:00.000 OCMClient[1]::message sent"


def test_personal_data_is_masked() -> None:
    """Numbers of the field are shown, also where they came as text; everything else is masked."""
    said = [
        pair("GSW_CM_MessageType", "24"),
        pair("GSW_CM_AttrGroupCampStatus", 5),
        pair("GSW_CM_AttrCampaignID", "call 555-0100"),
        pair("GSW_CM_AttrErrorMessage", "Jane Doe"),
        pair("GSW_CM_AttrSomethingRatherLongAndUnknown", 5550100),
        pair("bytes", b"Jane"),
        pair("GSW_CM_AttrProperties", [pair("phone", "555-0100"), pair("inner", [pair("name", "Jane")])]),
    ]
    assert list(printed(said)) == [
        "GSW_CM_MessageType              24 [GSW_CM_EvCampaignStatus]",
        "GSW_CM_AttrGroupCampStatus      5",
        "GSW_CM_AttrCampaignID           '****'",
        "GSW_CM_AttrErrorMessage         '****'",
        "GSW_CM_AttrSomethingRatherLongAndUnknown '****'",
        "bytes                           '****'",
        "GSW_CM_AttrProperties",
        "                'phone'                 '****'",
        "                'inner'(list)",
        "                \t'name'                  '****'",
    ]


def test_a_number_without_a_name() -> None:
    """A message that nobody has a name for is printed by its number."""
    assert next(printed(message(77))) == "GSW_CM_MessageType              77"
