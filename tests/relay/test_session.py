"""Sessions over real sockets: M1, M2, M5, M6, M7."""

from __future__ import annotations

import random
import socket

from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.task import Clock, deferLater

from proxy.relay.causes import Cause
from tests.relay.net import Channel, RelayTestCase, Unchanged
from tests.relay.test_frames import HELD, LOOKED, PLAIN, WANTED, frame


def traffic(seed: int, size: int) -> bytes:
    """Frames of all kinds, at least `size` bytes."""
    rng = random.Random(seed)
    out = bytearray()
    while len(out) < size:
        out += frame(rng.choice([PLAIN, HELD, LOOKED]), rng.randbytes(rng.randrange(400)))
    return bytes(out)


class RelayingTests(RelayTestCase):
    """What comes in goes out."""

    async def test_fifty_sessions_at_once_bit_for_bit(self):
        """M1: fifty desktops at once; each gets what its own upstream connection sent, bit for bit, and so upstream."""
        self.upstreams, port = await self.listen()
        relay = await self.relay(f"tcp:127.0.0.1:{port}", wanted=WANTED)
        clients = [await self.connect(relay) for _ in range(50)]
        sent = {}
        for number, client in enumerate(clients):
            sent[number] = frame(PLAIN, b"%04d" % number) + traffic(number, 100_000)
            client.write(sent[number])
        await self.upstreams.when_connected(50)
        answers = {}
        for upstream in self.upstreams.ends:
            await upstream.when_received(12)
            number = int(upstream.received[8:12])
            answers[number] = traffic(1000 + number, 100_000)
            upstream.write(answers[number])
            await upstream.when_received(len(sent[number]))
            assert upstream.received == sent[number]
        for number, client in enumerate(clients):
            await client.when_received(len(answers[number]))
            assert client.received == answers[number]
        assert relay.client_bytes == sum(map(len, sent.values()))
        assert relay.upstream_bytes == sum(map(len, answers.values()))

    async def test_one_byte_at_a_time(self):
        """M1: bytes that come one by one, each in a packet of its own, come out as they went in."""
        relay, client, upstream = await self.through(wanted=WANTED)
        stream = traffic(7, 600)
        received = 0
        for at in range(len(stream)):
            client.write(stream[at : at + 1])
            received = at + 1
            if relay.client_bytes < received:
                await self.until(lambda: relay.client_bytes >= received)  # noqa: B023
        await upstream.when_received(len(stream))
        assert upstream.received == stream

    async def until(self, condition):
        while not condition():
            await deferLater(reactor, 0)

    async def test_what_the_client_sends_before_the_upstream_is_there_keeps_its_order(self):
        """M2: a desktop may send at once; nothing is lost or reordered when the upstream connection comes later."""
        ends, port = await self.listen()
        relay = await self.relay(f"tcp:127.0.0.1:{port}")
        stream = traffic(3, 3_000_000)
        client = await self.connect(relay)
        client.write(stream)
        upstream = await ends.when_connected()
        await upstream.when_received(len(stream))
        assert upstream.received == stream

    async def test_rewritten_swallowed_and_injected(self):
        """M2, M4: what a channel answers is what goes on; what it puts in comes at a frame boundary, both ways."""

        class Rewriting(Unchanged):
            def held(self, number, frame):
                return None if frame.endswith(b"swallow") else frame.replace(b"old", b"new")

        relay, client, upstream = await self.through(channel=Channel(Rewriting), wanted=WANTED)
        client.write(frame(HELD, b"old") + frame(HELD, b"swallow") + frame(PLAIN, b"old"))
        expected = frame(HELD, b"new") + frame(PLAIN, b"old")
        await upstream.when_received(len(expected))
        (session,) = self.channel.attached
        assert relay.sessions[session.number] is session
        assert session.inject_to_upstream(frame(PLAIN, b"up"))
        assert session.inject_to_client(frame(PLAIN, b"down"))
        await upstream.when_received(len(expected) + len(frame(PLAIN, b"up")))
        assert upstream.received == expected + frame(PLAIN, b"up")
        await client.when_received(len(frame(PLAIN, b"down")))
        assert client.received == frame(PLAIN, b"down")

    async def test_frames_are_shown_to_the_looks_of_their_direction(self):
        """What clients send and what upstreams send is looked at apart."""
        relay, client, upstream = await self.through(wanted=WANTED)
        client.write(frame(HELD, b"of the client"))
        await upstream.when_received(8 + 13)
        upstream.write(frame(LOOKED, b"of the upstream"))
        await client.when_received(8 + 15)
        ((of_client, of_upstream),) = self.channel.looks
        assert of_client.frames == [frame(HELD, b"of the client")]
        assert of_upstream.frames == [frame(LOOKED, b"of the upstream")]
        assert relay.to_upstream.frames == {HELD: 1}
        assert relay.to_client.frames == {LOOKED: 1}

    async def test_both_connections_are_kept_alive_and_not_delayed(self):
        """M5: TCP keep-alive finds dead desktops, and small messages are not held back by Nagle's algorithm."""
        _relay, _client, _upstream = await self.through()
        (session,) = self.channel.attached
        for side in session._sides():
            assert side.transport.getTcpKeepAlive()
            assert side.transport.getTcpNoDelay()

    async def test_a_mistake_in_looking_costs_no_connection(self):
        """A mistake of ours: the session goes on as it came, unseen; the channel is told, and it is logged."""

        class Failing(Unchanged):
            def held(self, number, frame):
                raise ZeroDivisionError

            looked = held

        for number in (HELD, LOOKED):
            relay, client, upstream = await self.through(channel=Channel(Failing), wanted=WANTED)
            stream = frame(PLAIN, b"1") + frame(number, b"2") + frame(number, b"3")
            client.write(stream)
            await upstream.when_received(len(stream))
            assert upstream.received == stream
            assert relay.to_upstream.failed == 1
            assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1
            assert len(self.channel.looks[0][0].reasons) == 1

    async def test_a_channel_that_cannot_be_attached_costs_no_connection(self):
        """A mistake of ours: the session is relayed unseen, and `ended` is not called for it."""

        class Failing(Channel):
            def attach(self, session):
                raise ZeroDivisionError

        upstreams, port = await self.listen()
        relay = await self.relay(f"tcp:127.0.0.1:{port}", channel=Failing(), wanted=WANTED)
        client = await self.connect(relay)
        client.write(frame(HELD, b"2"))
        upstream = await upstreams.when_connected()
        await upstream.when_received(9)
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1
        assert (relay.to_upstream.failed, relay.to_client.failed) == (1, 1)
        await relay.cut_off_all(Cause.SHUTDOWN)
        assert self.channel.ended == []


class OpaqueTests(RelayTestCase):
    """M3 over sockets."""

    garbage = b"\xff\xff\xff\xff no frame"

    async def test_relay(self):
        """M3, on_malformed = relay: the bytes go on; it is counted, and the channel is told."""
        relay, client, upstream = await self.through(wanted=WANTED)
        client.write(frame(HELD, b"1") + self.garbage)
        await upstream.when_received(9 + len(self.garbage))
        client.write(frame(HELD, b"2"))
        await upstream.when_received(18 + len(self.garbage))
        assert upstream.received == frame(HELD, b"1") + self.garbage + frame(HELD, b"2")
        upstream.write(frame(HELD, b"the other direction is still looked into"))
        await client.when_received(40)
        ((of_client, of_upstream),) = self.channel.looks
        assert (len(of_client.frames), len(of_client.reasons)) == (1, 1)
        assert (len(of_upstream.frames), len(of_upstream.reasons)) == (1, 0)
        assert (relay.to_upstream.opaque, relay.to_client.opaque) == (1, 0)

    async def test_close(self):
        """M3, on_malformed = close: what came before is delivered, then both sides are told the end."""
        relay, client, upstream = await self.through(wanted=WANTED, close_malformed=True)
        client.write(frame(PLAIN, b"1") + self.garbage)
        await gatherResults([client.when_told_end(), upstream.when_told_end()])
        assert upstream.received == frame(PLAIN, b"1")
        client.close()
        upstream.close()
        await relay._when_empty()
        assert self.channel.ended == [(1, Cause.MALFORMED)]


class EndingTests(RelayTestCase):
    """M6: how sessions end."""

    async def ended(self, relay, cause):
        """Wait until no session is left; the only one must have ended by this cause."""
        await relay._when_empty()
        assert self.channel.ended == [(1, cause)]
        assert {c: n for c, n in relay.causes.items() if n} == {cause: 1}
        assert relay.sessions == {}

    async def test_client_closes(self):
        """M6: the last bytes of a desktop that closes are delivered before upstream hears of the end."""
        relay, client, upstream = await self.through(wanted=WANTED)
        stream = traffic(1, 2_000_000)
        client.write(stream)
        client.close()
        await upstream.when_told_end()
        assert upstream.received == stream
        upstream.close()
        await self.ended(relay, Cause.CLIENT_CLOSED)

    async def test_upstream_closes(self):
        """M6, M7: the last bytes of an upstream that closes are delivered before the desktop hears of the end."""
        relay, client, upstream = await self.through(wanted=WANTED)
        stream = traffic(1, 2_000_000)
        upstream.write(stream)
        upstream.close()
        await client.when_told_end()
        assert client.received == stream
        client.close()
        await self.ended(relay, Cause.UPSTREAM_CLOSED)

    async def test_last_bytes_arrive_though_the_client_keeps_sending(self):
        """M6: what an upstream sent before it closed reaches a desktop that goes on sending to nobody.

        A connection that is closed with bytes unread is reset, and a reset can overtake what was sent before it.
        """
        relay, client, upstream = await self.through()
        client.transport.pauseProducing()
        stream = traffic(4, 100_000)
        upstream.write(stream)
        upstream.close()
        await upstream.when_lost()
        upstream_side = self.channel.attached[0]._upstream
        while not upstream_side.gone:
            client.write(b"x" * 1000)
            await deferLater(reactor, 0.001)
        client.write(b"x" * 1_000_000)
        await deferLater(reactor, 0.001)
        client.transport.resumeProducing()
        await client.when_told_end()
        assert client.received == stream
        assert client.lost is None
        client.close()
        await self.ended(relay, Cause.UPSTREAM_CLOSED)

    async def test_client_lost(self):
        """M6: a desktop that is lost ends its upstream connection."""
        relay, client, upstream = await self.through()
        client.reset()
        await upstream.when_told_end()
        upstream.close()
        await self.ended(relay, Cause.CLIENT_LOST)

    async def test_upstream_lost(self):
        """M7: when its upstream is lost, a desktop hears the end, so that its own reconnect works."""
        relay, client, upstream = await self.through()
        upstream.reset()
        await client.when_told_end()
        client.close()
        await self.ended(relay, Cause.UPSTREAM_LOST)

    async def test_half_close_passes_on(self):
        """M6: a client that only ends its sending still gets the whole answer."""
        relay, client, upstream = await self.through(wanted=WANTED)
        client.write(frame(HELD, b"question"))
        client.close_sending()
        await upstream.when_told_end()
        assert upstream.received == frame(HELD, b"question")
        answer = traffic(2, 1_000_000)
        upstream.write(answer)
        upstream.close()
        await client.when_told_end()
        assert client.received == answer
        client.close()
        await self.ended(relay, Cause.CLIENT_CLOSED)

    async def test_half_close_of_the_upstream_passes_on(self):
        """M6: an upstream that only ends its sending still gets what the client has to say."""
        relay, client, upstream = await self.through(wanted=WANTED)
        upstream.write(frame(HELD, b"last"))
        upstream.close_sending()
        await client.when_told_end()
        assert client.received == frame(HELD, b"last")
        rest = traffic(2, 1_000_000)
        client.write(rest)
        client.close()
        await upstream.when_told_end()
        assert upstream.received == rest
        await self.ended(relay, Cause.UPSTREAM_CLOSED)

    async def test_bytes_of_an_unfinished_frame_are_delivered_at_the_end(self):
        """M6: a held frame that never became whole is delivered as it came."""
        relay, client, upstream = await self.through(wanted=WANTED)
        begun = frame(HELD, b"x" * 100)[:50]
        client.write(begun)
        client.close()
        await upstream.when_told_end()
        assert upstream.received == begun
        upstream.close()
        await self.ended(relay, Cause.CLIENT_CLOSED)

    async def test_deadline_cuts_off_an_upstream_that_does_not_end(self):
        """M6: an upstream that ignores the end of its client is cut off at the deadline."""
        clock = ClockedReactor()
        relay, client, upstream = await self.through(clock=clock, deadline=10)
        client.close()
        await upstream.when_told_end()
        clock.advance(9.9)
        assert self.channel.ended == []
        clock.advance(0.2)
        await self.ended(relay, Cause.DEADLINE)

    async def test_deadline_cuts_off_a_client_that_does_not_read(self):
        """M6: a desktop that does not read what is on its way is cut off at the deadline."""
        clock = ClockedReactor()
        relay, client, upstream = await self.through(clock=clock, deadline=10)
        client.transport.pauseProducing()
        for side in self.channel.attached[0]._sides():
            side.transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 10_000)
        upstream.write(b"\0\x10\0\0" + b"x" * 20_000_000)
        (session,) = self.channel.attached
        while session._client.outlet is None or not session._client.outlet._behind:
            await deferLater(reactor, 0)
        relay.end_all(Cause.SHUTDOWN)
        clock.advance(10)
        await self.ended(relay, Cause.DEADLINE)

    async def test_what_has_left_at_the_deadline_still_arrives(self):
        """M6: at the deadline, a desktop that has only not read yet still gets all that was sent, and a clean end."""
        clock = ClockedReactor()
        relay, client, upstream = await self.through(clock=clock, deadline=10)
        client.transport.pauseProducing()
        client.transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        near = self.channel.attached[0]._client.transport.getHandle()
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 200_000)
        stream = traffic(6, 150_000)
        upstream.write(stream)
        upstream.close()
        while not self.channel.attached[0]._client.drained:
            await deferLater(reactor, 0)
        clock.advance(10)
        await self.ended(relay, Cause.DEADLINE)
        client.transport.resumeProducing()
        await client.when_told_end()
        assert client.received == stream
        assert client.lost is None

    async def test_a_channel_ends_a_session_while_it_is_attached(self):
        """M6: a channel that wants no such session ends it at once; nothing of it is relayed."""

        class Ending(Channel):
            def attach(self, session):
                session.end(Cause.SHUTDOWN)
                return super().attach(session)

        ends, port = await self.listen()
        relay = await self.relay(f"tcp:127.0.0.1:{port}", channel=Ending())
        client = await self.connect(relay)
        client.write(frame(PLAIN, b"unwanted"))
        upstream = await ends.when_connected()
        await gatherResults([client.when_told_end(), upstream.when_told_end()])
        assert upstream.received == b""
        client.close()
        upstream.close()
        await self.ended(relay, Cause.SHUTDOWN)

    async def test_end_all(self):
        """M6: a shutdown delivers what is on its way, tells both sides, and is over when they have gone."""
        relay, client, upstream = await self.through(wanted=WANTED)
        client.write(frame(HELD, b"x" * 100)[:50])
        while relay.client_bytes < 50:
            await deferLater(reactor, 0)
        over = relay.end_all(Cause.SHUTDOWN)
        await gatherResults([client.when_told_end(), upstream.when_told_end()])
        assert len(upstream.received) == 50
        assert not self.channel.attached[0].inject_to_client(frame(PLAIN, b""))
        assert not self.channel.attached[0].inject_to_upstream(frame(PLAIN, b""))
        client.close()
        upstream.close()
        await over
        await self.ended(relay, Cause.SHUTDOWN)

    async def test_cut_off_all(self):
        """M6: a second signal is now: nobody is waited for."""
        relay, client, upstream = await self.through()
        await relay.cut_off_all(Cause.SHUTDOWN)
        await gatherResults([client.when_lost(), upstream.when_lost()])
        await self.ended(relay, Cause.SHUTDOWN)

    async def test_causes_add_up(self):
        """M6: every connection that ended has one cause; with those that live they add up to those that came."""
        self.upstreams, port = await self.listen()
        relay = await self.relay(f"tcp:127.0.0.1:{port}", max_sessions=3)
        clients = [await self.connect(relay) for _ in range(4)]
        await self.upstreams.when_connected(3)
        while relay.begun < 4:
            await deferLater(reactor, 0)
        clients[0].reset()
        while len(relay.sessions) == 3 and not relay.sessions[1]._cause:
            await deferLater(reactor, 0)
        await relay.cut_off_all(Cause.SHUTDOWN)
        assert sum(relay.causes.values()) == relay.begun
        assert sorted(number for number, _ in self.channel.ended) == [1, 2, 3]


class LimitTests(RelayTestCase):
    """Limits on sessions."""

    async def test_over_max_sessions(self):
        """A connection over max_sessions is refused at once, counted, and no upstream connection is made for it."""
        relay, client, upstream = await self.through(max_sessions=1)
        refused = await self.connect(relay)
        await refused.when_told_end()
        assert refused.received == b""
        assert relay.refused == 1
        assert len(self.upstreams.ends) == 1
        client.write(b"\0\0\0\x04abcd")
        await upstream.when_received(8)
        client.close()
        upstream.close()
        await relay._when_empty()
        again = await self.connect(relay)
        again.write(b"\0\0\0\x04abcd")
        second = await self.upstreams.when_connected(2)
        await second.when_received(8)


class ClockedReactor(Clock):
    """The real reactor with a clock of the test's own."""

    def __getattr__(self, name):
        return getattr(reactor, name)
