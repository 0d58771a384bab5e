"""Packed lists: user data as it is on the wire and in logs."""

from __future__ import annotations

from struct import pack as struct_pack

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.errors import DoesNotFit, Malformed
from proxy.kvlist import (
    BINARY,
    INTEGER,
    LIST,
    MAX_DEPTH,
    STRING,
    Pair,
    Value,
    pack,
    pair,
    printed,
    size_and_start,
    unpack,
)
from tests.wire.lists import lists


def nested(depth: int) -> list[Pair]:
    """A list in a list in a list ..."""
    pairs: list[Pair] = []
    for _ in range(depth):
        pairs = [Pair("", pairs, LIST)]
    return pairs


def size(pairs: list[Pair]) -> int:
    """The size of a packed list by the formula of wire.md, not by the code."""
    return 2 + sum(5 + len(key.encode("utf-8", "surrogateescape")) + value_size(value) for key, value, _ in pairs)


def value_size(value: Value) -> int:
    if isinstance(value, int):
        return 4
    if isinstance(value, list):
        return 2 + size(value)
    return len(value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape"))


def test_sizes_of_real_logs() -> None:
    """The sizes and first bytes that logs of real installations show come out (table of wire.md)."""
    assert size_and_start(pack([pair("k" * 17, "v" * 10)])) == "[34] 00 01 00 00.."
    assert size_and_start(pack([pair("key", 115)])) == "[14] 00 01 01 00.."
    strings = [pair("k" * 16, "v" * 6) for _ in range(19)] + [pair("k" * 40, "v" * 4)]
    pairs = [*strings, pair("k" * 10, 1), pair("k" * 6, [])]
    assert sum(len(item.key) for item in pairs) == 360
    assert size_and_start(pack(pairs)) == "[598] 00 16 00 00.."


def test_bytes_of_every_kind() -> None:
    """Each kind of value has the bytes that wire.md gives it."""
    pairs = [pair("s", "ä"), pair("i", -2), pair("b", b"\0\xff"), pair("l", [pair("", "")]), Pair("u", b"\1", 4)]
    assert pack(pairs) == b"".join(
        [
            b"\0\5",
            b"\0\0\1s\0\2\xc3\xa4",
            b"\1\0\1i\0\4\xff\xff\xff\xfe",
            b"\2\0\1b\0\2\0\xff",
            b"\3\0\1l\0\x09\0\7\0\1\0\0\0\0\0",
            b"\4\0\1u\0\1\1",
        ]
    )


def test_kinds_go_with_types() -> None:
    """What the proxy writes has the kind of its value; a flag is an integer like any other."""
    assert [pair("k", value).kind for value in ("", 1, b"", [])] == [STRING, INTEGER, BINARY, LIST]
    assert pair("k", True) == Pair("k", 1, INTEGER)
    assert type(pair("k", True).value) is int


@given(lists)
def test_what_is_packed_is_unpacked(pairs: list[Pair]) -> None:
    """Keys that repeat, odd bytes, unknown kinds and lists in lists come back as they were, in their order."""
    packed = pack(pairs)
    assert unpack(packed) == pairs
    assert len(packed) == size(pairs)


@given(lists, st.binary(max_size=5), st.binary(max_size=5))
def test_a_list_in_the_middle_of_other_bytes(pairs: list[Pair], before: bytes, after: bytes) -> None:
    """A list is read where it stands, and nothing around it is."""
    packed = pack(pairs)
    assert unpack(before + packed + after, len(before), len(before) + len(packed)) == pairs


@given(st.binary(max_size=60))
@example(b"\0\1\1\0\0\0\3abc")
@example(b"\0\1\3\0\0\0\1\0")
@example(b"\0\1\3\0\0\0\4\0\3\0\0")
@example(b"\0\0\0")
def test_any_bytes_are_a_list_or_malformed(data: bytes) -> None:
    """Whatever the bytes, they are a list that packs to the same bytes, or Malformed, and nothing else."""
    try:
        pairs = unpack(data)
    except Malformed:
        return
    assert pack(pairs) == data


@given(lists, st.data())
def test_any_damage_is_a_list_or_malformed(pairs: list[Pair], data: st.DataObject) -> None:
    """A list with a byte changed anywhere is another list that packs to the same bytes, or Malformed."""
    damaged = bytearray(pack(pairs))
    damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        again = unpack(bytes(damaged))
    except Malformed:
        return
    assert pack(again) == damaged


@given(lists, st.data())
def test_a_list_cut_short_is_malformed(pairs: list[Pair], data: st.DataObject) -> None:
    """No part of a list is taken for a whole one, even where other bytes follow."""
    packed = pack(pairs)
    end = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(Malformed):
        unpack(packed[:end])
    with pytest.raises(Malformed):
        unpack(packed, 0, end)


@given(lists, st.binary(min_size=1, max_size=4))
def test_bytes_after_a_list_are_malformed(pairs: list[Pair], more: bytes) -> None:
    """A list that ends before its bytes do does not add up."""
    with pytest.raises(Malformed):
        unpack(pack(pairs) + more)


def test_integers_of_another_size_are_malformed() -> None:
    """An integer has 4 bytes."""
    for length in (0, 3, 5):
        with pytest.raises(Malformed, match=f"an integer of {length} bytes"):
            unpack(struct_pack(">HBH1sH", 1, INTEGER, 1, b"k", length) + bytes(length))


def test_lists_that_nest_too_deep_are_malformed() -> None:
    """Lists nest 16 deep; what nests deeper is garbage, however deep, and costs no more than that."""
    assert unpack(pack(nested(MAX_DEPTH))) == nested(MAX_DEPTH)
    with pytest.raises(Malformed, match="too deep"):
        unpack(pack(nested(MAX_DEPTH + 1)))
    abyss = b"\0\0"
    while len(abyss) < 65000:
        abyss = struct_pack(">HBHHH", 1, LIST, 0, 2 + len(abyss), len(abyss)) + abyss
    with pytest.raises(Malformed, match="too deep"):
        unpack(abyss)


@pytest.mark.parametrize(
    "pairs",
    [
        [pair("k", 0x80000000)],
        [pair("k", -0x80000001)],
        [pair("k" * 0x10000, "")],
        [pair("k", "v" * 0x10000)],
        [pair("k", b"v" * 0x10000)],
        [pair("ä" * 0x8000, 1)],
        [pair("l", [pair("k", "v" * 0xFFF8)])],
        [pair("", "")] * 0x10000,
    ],
    ids=["large", "small", "key", "string", "binary", "utf-8", "inner list", "pairs"],
)
def test_what_does_not_fit_is_refused(pairs: list[Pair]) -> None:
    """M4: what the format has no room for is refused; nothing is cut."""
    with pytest.raises(DoesNotFit):
        pack(pairs)


@pytest.mark.parametrize(
    "pairs",
    [
        [pair("k", 0x7FFFFFFF)],
        [pair("k", -0x80000000)],
        [pair("k" * 0xFFFF, "")],
        [pair("k", "v" * 0xFFFF)],
        [pair("l", [pair("k", "v" * 0xFFF5)])],
        [pair("", "")] * 0xFFFF,
    ],
    ids=["large", "small", "key", "string", "inner list", "pairs"],
)
def test_what_just_fits(pairs: list[Pair]) -> None:
    """What is as large as there is room for goes through."""
    assert unpack(pack(pairs)) == pairs


def test_the_printed_form() -> None:
    """Operators read user data as in T-Library's logs: strings quoted, integers bare and unsigned, lists indented."""
    pairs = [
        pair("GSW_CAMPAIGN_NAME", "Sales"),
        pair("GSW_RECORD_HANDLE", -1),
        pair("GSW_LIST", [pair("GSW_PHONE", 1), pair("GSW_PHONE", 2)]),
        pair("GSW_LIST", []),
        pair("GSW_BYTES", b"\0\1\2\3\4"),
    ]
    assert list(printed(pairs, {item.key for item in pairs} | {"GSW_PHONE"})) == [
        "\t\t'GSW_CAMPAIGN_NAME'\t'Sales'",
        "\t\t'GSW_RECORD_HANDLE'\t4294967295",
        "\t\t'GSW_LIST'(list) 'GSW_PHONE'\t1",
        "\t\t\t'GSW_PHONE'\t2",
        "\t\t'GSW_LIST'(list) ",
        "\t\t'GSW_BYTES'\t[5] 00 01 02 03..",
    ]


@given(lists)
def test_the_printed_form_shows_no_values_that_are_not_listed(pairs: list[Pair]) -> None:
    """User data is personal data: of keys that are not listed no value is printed, whatever its kind or depth."""
    assert all(line.endswith(("'****'", "(list) ")) for line in printed(pairs, ()))


def test_masked_values() -> None:
    """What is not listed is printed as '****', inside lists too."""
    pairs = [pair("ssn", "123"), pair("inner", [pair("pin", 4), pair("GSW_PHONE", "5")])]
    assert list(printed(pairs, {"GSW_PHONE"})) == [
        "\t\t'ssn'\t'****'",
        "\t\t'inner'(list) 'pin'\t'****'",
        "\t\t\t'GSW_PHONE'\t'5'",
    ]
