"""Packed lists for hypothesis: every kind of value, odd bytes, repeated keys, lists in lists."""

from __future__ import annotations

from hypothesis import strategies as st

from proxy.kvlist import BINARY, INTEGER, LIST, STRING, Pair

texts = st.binary(max_size=12).map(lambda data: data.decode("utf-8", "surrogateescape"))
keys = st.sampled_from(["GSW_RECORD_HANDLE", "GSW_AUTO_COMPLETION", "", "Größe"]) | texts
integers = st.integers(-0x80000000, 0x7FFFFFFF)
opaque_kinds = st.integers(0, 255).filter(lambda kind: kind not in (STRING, INTEGER, LIST))


def _longer(inner: st.SearchStrategy[list[Pair]]) -> st.SearchStrategy[list[Pair]]:
    return st.lists(st.builds(Pair, keys, inner, st.just(LIST)) | _flat, max_size=4)


_flat = (
    st.builds(Pair, keys, texts, st.just(STRING))
    | st.builds(Pair, keys, integers, st.just(INTEGER))
    | st.builds(Pair, keys, st.binary(max_size=12), st.just(BINARY) | opaque_kinds)
)

lists = st.recursive(st.lists(_flat, max_size=6), _longer, max_leaves=8)
