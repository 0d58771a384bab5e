"""The walk over frames: M1, M2, M3."""

from __future__ import annotations

import random
from itertools import pairwise
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.relay.frames import FrameWalk, Want
from proxy.tevents.openwire import open_wire

PLAIN, HELD, LOOKED = 10, 48, 3
WANTED = {HELD: Want.HOLD, LOOKED: Want.LOOK}
MAX_FRAME = 300


def frame(number: int, payload: bytes) -> bytes:
    """A frame of the open format with any body."""
    return pack(">IHH", 4 + len(payload), number, 0) + payload


class Looker:
    """Looks that note what they are shown, and answer as they are told."""

    def __init__(self, instead=lambda frame: frame) -> None:
        self.instead = instead
        self.seen: list[tuple[int, bytes]] = []
        self.reasons: list[str] = []
        self.walk: FrameWalk | None = None
        self.before_held: list[bytes] = []
        self.after_looked: list[bytes] = []

    def held(self, number: int, frame: bytes) -> bytes | None:
        self.seen.append((number, frame))
        for injected in self.before_held:
            assert self.walk is not None
            assert self.walk.inject(injected)
        return self.instead(frame)

    def looked(self, number: int, frame: bytes) -> None:
        self.seen.append((number, frame))
        for injected in self.after_looked:
            assert self.walk is not None
            assert self.walk.inject(injected)

    def opaque(self, reason: str) -> None:
        self.reasons.append(reason)


def walk(looks: Looker, wanted=WANTED, max_frame: int = MAX_FRAME) -> tuple[FrameWalk, list[bytes]]:
    sent: list[bytes] = []
    looks.walk = FrameWalk(open_wire, wanted, max_frame, looks, sent.append)
    return looks.walk, sent


def feed(walking: FrameWalk, chunks: list[bytes]) -> None:
    for chunk in chunks:
        walking.receive(chunk)


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """The stream in chunks, cut at these places."""
    places = sorted({place % (len(stream) + 1) for place in places} | {0, len(stream)})
    return [stream[a:b] for a, b in pairwise(places)]


frames = st.lists(st.tuples(st.sampled_from([PLAIN, HELD, LOOKED, 60000]), st.binary(max_size=40)), max_size=12)
cuts = st.lists(st.integers(0, 2000), max_size=40)


@given(frames, cuts, st.binary(max_size=9))
def test_any_chunking_gives_the_same_bytes(messages, places, rest):
    """M1: however the network cuts the bytes, they come out as they went in, and the same frames are seen."""
    whole = b"".join(frame(*message) for message in messages)
    incomplete = frame(HELD, b"x" * 20)[: len(rest)]
    looks = Looker()
    walking, sent = walk(looks)
    feed(walking, cut(whole + incomplete, places))
    walking.finish()
    assert b"".join(sent) == whole + incomplete
    assert looks.seen == [(number, frame(number, body)) for number, body in messages if number in WANTED]
    assert not walking.is_opaque


@given(frames)
def test_one_byte_at_a_time(messages):
    """M1: bytes that come one by one come out as they went in."""
    whole = b"".join(frame(*message) for message in messages)
    walking, sent = walk(Looker())
    feed(walking, [whole[at : at + 1] for at in range(len(whole))])
    assert b"".join(sent) == whole


def test_bytes_of_a_frame_nobody_wants_go_on_at_once():
    """M1: nobody waits for the end of a large frame; only the bytes of a header wait until its type is known."""
    walking, sent = walk(Looker())
    whole = frame(PLAIN, b"p" * 100)
    feed(walking, [whole[:5]])
    assert sent == []
    feed(walking, [whole[5:6]])
    assert b"".join(sent) == whole[:6]
    feed(walking, [whole[6:50]])
    assert b"".join(sent) == whole[:50]


def test_bytes_of_a_frame_that_is_looked_into_go_on_at_once():
    """M1: a frame that is only looked into is not held up; the copy is looked into when it is whole."""
    looks = Looker()
    walking, sent = walk(looks)
    whole = frame(LOOKED, b"p" * 100)
    feed(walking, [whole[:50]])
    assert b"".join(sent) == whole[:50]
    assert looks.seen == []
    feed(walking, [whole[50:]])
    assert b"".join(sent) == whole
    assert looks.seen == [(LOOKED, whole)]


def test_held_frame_waits_until_it_is_whole():
    """M1: a frame that may be rewritten goes on only when it is whole."""
    walking, sent = walk(Looker())
    before, whole = frame(PLAIN, b"b"), frame(HELD, b"p" * 100)
    feed(walking, [before + whole[:50]])
    assert b"".join(sent) == before
    feed(walking, [whole[50:]])
    assert b"".join(sent) == before + whole


@pytest.mark.parametrize("number", [PLAIN, HELD, LOOKED])
def test_untouched_chunk_is_sent_as_the_object_that_came(number):
    """M1: a chunk in which nothing was changed is neither copied nor cut."""
    walking, sent = walk(Looker())
    chunk = frame(number, b"a") + frame(PLAIN, b"b") + frame(number, b"c")
    walking.receive(chunk)
    assert len(sent) == 1
    assert sent[0] is chunk


@given(frames, cuts)
def test_rewritten_and_swallowed_frames_in_any_chunking(messages, places):
    """M2, M4: a rewritten frame stands where the original stood, a swallowed one leaves no trace."""

    def instead(whole: bytes) -> bytes | None:
        return None if len(whole) % 3 == 0 else whole + b"!" if len(whole) % 3 == 1 else whole

    expected = b"".join(
        (instead(frame(*message)) or b"") if message[0] == HELD else frame(*message) for message in messages
    )
    walking, sent = walk(Looker(instead))
    feed(walking, cut(b"".join(frame(*message) for message in messages), places))
    assert b"".join(sent) == expected


@given(frames, cuts)
def test_injected_around_wanted_frames_in_any_chunking(messages, places):
    """M2: what is put in while a held frame is seen goes just before it; while looking into one, just after it."""
    looks = Looker()
    looks.before_held = [b"<1>", b"<2>"]
    looks.after_looked = [b"<3>"]
    expected = b"".join(
        b"<1><2>" + frame(*message)
        if message[0] == HELD
        else frame(*message) + (b"<3>" if message[0] == LOOKED else b"")
        for message in messages
    )
    walking, sent = walk(looks)
    feed(walking, cut(b"".join(frame(*message) for message in messages), places))
    assert b"".join(sent) == expected


@given(frames, cuts, st.integers(0, 2000))
def test_injected_at_any_moment_stands_at_a_frame_boundary(messages, places, moment):
    """M2: whenever something is put in, it stands between two frames, no later than the end of the frame under way."""
    whole = b"".join(frame(*message) for message in messages)
    moment %= len(whole) + 1
    walking, sent = walk(Looker())
    feed(walking, cut(whole[:moment], places))
    walking.inject(b"<injected>")
    feed(walking, cut(whole[moment:], places))
    boundaries = {0}
    for message in messages:
        boundaries.add(max(boundaries) + len(frame(*message)))
    out = b"".join(sent)
    at = out.index(b"<injected>")
    assert out.replace(b"<injected>", b"") == whole
    assert at in boundaries
    later = [boundary for boundary in boundaries if boundary >= moment]
    assert at <= min(later)


def test_injected_goes_at_once_where_the_stream_stands_at_a_boundary():
    """M2: between two frames, before a held frame that is not whole, and before half a header nothing waits."""
    for begun in (b"", frame(HELD, b"x" * 30)[:20], frame(PLAIN, b"")[:3]):
        walking, sent = walk(Looker())
        feed(walking, [begun] if begun else [])
        assert walking.inject(b"<injected>")
        assert sent == [b"<injected>"]


def test_injected_waits_for_the_end_of_a_frame_that_goes_on():
    """M2: nothing is put into the middle of a frame."""
    for number in (PLAIN, LOOKED):
        walking, sent = walk(Looker())
        whole = frame(number, b"x" * 30)
        feed(walking, [whole[:20]])
        assert walking.inject(b"<1>")
        assert walking.inject(b"<2>")
        assert b"".join(sent) == whole[:20]
        feed(walking, [whole[20:] + b"\0"])
        assert b"".join(sent) == whole + b"<1><2>"


def test_what_waited_goes_before_what_is_put_in_while_looking():
    """M2: what is put in keeps its order."""
    looks = Looker()
    looks.after_looked = [b"<2>"]
    walking, sent = walk(looks)
    whole = frame(LOOKED, b"x" * 30)
    feed(walking, [whole[:20]])
    walking.inject(b"<1>")
    feed(walking, [whole[20:]])
    assert b"".join(sent) == whole + b"<1><2>"


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_garbage_goes_through_as_it_came(chunks):
    """M3: whatever bytes come, nothing fails, and they go on as they came."""
    walking, sent = walk(Looker())
    feed(walking, chunks)
    walking.finish()
    assert b"".join(sent) == b"".join(chunks)


@given(frames, cuts, st.sampled_from([0, 3, MAX_FRAME + 1, 0xFFFFFFFF]), st.binary(max_size=60))
def test_opaque_from_a_length_no_frame_has(messages, places, length, rest):
    """M3: what cannot be framed is relayed from there on without looking; the channel hears of it once."""
    whole = b"".join(frame(*message) for message in messages)
    bad = pack(">IH", length, HELD) + rest
    looks = Looker()
    walking, sent = walk(looks)
    feed(walking, cut(whole + bad, places))
    feed(walking, [frame(HELD, b"later")])
    assert walking.is_opaque
    assert len(looks.reasons) == 1
    assert str(length) in looks.reasons[0]
    assert b"".join(sent) == whole + bad + frame(HELD, b"later")
    assert looks.seen == [(number, frame(number, body)) for number, body in messages if number in WANTED]
    assert not walking.inject(b"<injected>")
    assert b"<injected>" not in b"".join(sent)


def test_max_frame_counts_what_the_length_field_counts():
    """M3: a frame of exactly max_frame passes, one byte more does not."""
    for size, is_opaque in ((MAX_FRAME, False), (MAX_FRAME + 1, True)):
        walking, _ = walk(Looker())
        walking.receive(frame(PLAIN, b"x" * (size - 4)))
        assert walking.is_opaque is is_opaque


def test_nothing_goes_on_after_the_end_that_opaque_asked_for():
    """M3, on_malformed = close: what came before goes on, the bytes that are no frame do not."""

    class Closing(Looker):
        def opaque(self, reason: str) -> None:
            assert self.walk is not None
            self.walk.finish()

    looks = Closing()
    walking, sent = walk(looks)
    before = frame(PLAIN, b"before")
    walking.receive(before + b"\0\0\0\0garbage")
    assert b"".join(sent) == before


@pytest.mark.parametrize("size", [1, 3, 6, 20])
def test_held_bytes_go_on_at_the_end_of_the_stream(size):
    """M1: a stream that ends in the middle of a frame ends with the bytes that came of it."""
    walking, sent = walk(Looker())
    begun = frame(HELD, b"x" * 30)[:size]
    walking.receive(begun)
    assert sent == []
    walking.finish()
    walking.finish()
    assert sent == [begun]
    assert not walking.inject(b"<injected>")


def test_bytes_looked_into_are_not_repeated_at_the_end_of_the_stream():
    """M1: what went on already does not go on twice."""
    walking, sent = walk(Looker())
    begun = frame(LOOKED, b"x" * 30)[:20]
    walking.receive(begun)
    walking.inject(b"<never>")
    walking.finish()
    assert b"".join(sent) == begun


def test_rest_of_the_chunk_goes_on_when_a_channel_ends_the_session_while_it_looks():
    """M6: what came in the same chunk as the frame that ended the session is delivered, bit for bit."""

    class Ending(Looker):
        def held(self, number: int, frame: bytes) -> bytes | None:
            assert self.walk is not None
            self.walk.finish()
            return frame

    for rest in (frame(HELD, b"x" * 30)[:20], frame(PLAIN, b"")[:3], frame(LOOKED, b"x" * 30)[:20]):
        walking, sent = walk(Ending())
        chunk = frame(PLAIN, b"1") + frame(HELD, b"2") + rest
        walking.receive(chunk)
        assert b"".join(sent) == chunk


def test_what_is_kept_is_never_more_than_one_frame():
    """M5: a frame that is fed byte by byte, as large as frames may be, is kept once, and seen whole."""
    looks = Looker()
    walking, sent = walk(looks, max_frame=1 << 20)
    whole = frame(HELD, random.Random(1).randbytes((1 << 20) - 4))
    for at in range(0, len(whole), 7):
        walking.receive(whole[at : at + 7])
    assert looks.seen == [(HELD, whole)]
    assert b"".join(sent) == whole


def test_frames_are_counted_by_message_number():
    """Counters by message number: frames nobody wants, too, each once however it is cut."""
    counts: dict[int, int] = {}
    walking = FrameWalk(open_wire, WANTED, MAX_FRAME, Looker(), lambda data: None, counts)
    stream = frame(PLAIN, b"1") + frame(HELD, b"2" * 50) + frame(PLAIN, b"3")
    feed(walking, cut(stream, list(range(0, 100, 7))))
    assert counts == {PLAIN: 2, HELD: 1}
