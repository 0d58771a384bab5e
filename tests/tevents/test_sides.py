"""A primary and its backup over real sockets: all sessions of the channel are where the control session is (M7)."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet import reactor
from twisted.internet.interfaces import IListeningPort

from proxy.campaign.observation import SourceConnected, SourceLost
from proxy.config import Limits
from proxy.ownsession import RETURN_AFTER
from proxy.relay.causes import Cause
from proxy.switchboard import Switchboard
from proxy.tevents.channel import TEvents
from proxy.tevents.message import ERROR_CODE, EVENT_ERROR, REFERENCE_ID, THIS_DN
from tests.quiet import quiet
from tests.relay.net import End, Ends
from tests.tevents.desk import frame
from tests.tevents.net import ChannelTestCase

WORD = frame(8, {THIS_DN: "3001"})


class PairTestCase(ChannelTestCase):
    """A primary, a backup, and a channel before them. What either says a test has it say."""

    timeout = 300

    async def raise_pair(self, failback: bool = False) -> None:
        """Both are there, and the control session is registered with the primary."""
        self.primary, self.primary_port = await self.listen()
        self.backup, self.backup_port = await self.listen()
        self.addresses = [self.address(self.primary_port), self.address(self.backup_port)]
        self.server = self.primary
        self.failback = failback
        await self.channel(*self.addresses)
        self.control_end = await self.at_server(0)
        await self.register(self.control_end)
        await self.until(lambda: self.tevents.control.registered)

    async def channel(self, *upstream: str, limits: Limits | None = None, **options: object) -> TEvents:
        made = await super().channel(*upstream, limits=limits, control=False)
        made.upstreams.failback = self.failback
        made.control.start()
        return made

    async def in_time(self, holds: Callable[[], object]) -> None:
        """Let time pass, by half seconds and only while nothing is on its way, until something holds."""
        await quiet()
        while not holds():
            self.clock.advance(0.5)
            await quiet()

    def address(self, port: IListeningPort) -> str:
        return f"tcp:127.0.0.1:{port.getHost().port}"

    async def refuses(self, port: IListeningPort) -> None:
        """An upstream takes no more connections; those that are there are not touched."""
        await port.stopListening()

    async def primary_is_there_again(self) -> None:
        """It listens again where it did."""
        number = int(self.addresses[0].rpartition(":")[2])
        again = reactor.listenTCP(number, self.primary, interface="127.0.0.1")
        self.addCleanup(again.stopListening)

    async def desktop_at(self, ends: Ends) -> tuple[End, End]:
        """A client of the channel, and its connection at an upstream, where it heard something."""
        self.server = ends
        client, upstream = await self.desktop()
        upstream.write(WORD)
        await client.when_received(len(WORD))
        return client, upstream

    async def control_at(self, ends: Ends, number: int) -> End:
        """The control session comes to an upstream as its `number`-th connection, from 0 on, and is registered."""
        registrations = self.tevents.control.registrations
        await self.in_time(lambda: len(ends.ends) > number and ends.ends[number].received)
        await self.register(ends.ends[number])
        await self.until(lambda: self.tevents.control.registrations > registrations)
        return ends.ends[number]

    @property
    def sources(self) -> list[object]:
        return [seen for seen in self.groups.seen if isinstance(seen, (SourceConnected, SourceLost))]


class LostTests(PairTestCase):
    """The one in charge is lost."""

    async def test_sessions_of_a_lost_upstream_end(self) -> None:
        """The control session is lost, the primary takes no connection: sessions with it end when the backup is there.

        Their desktops are told the end, and each session's cause is upstream_lost.
        """
        await self.raise_pair()
        clients = [await self.desktop_at(self.primary) for _ in range(3)]
        await self.refuses(self.primary_port)
        self.control_end.reset()
        await self.control_at(self.backup, 0)
        for client, upstream in clients:
            await client.when_told_end()
            await upstream.when_lost()
            client.close()
        await self.until(lambda: not self.tevents.relay.sessions)
        assert self.tevents.relay.causes[Cause.UPSTREAM_LOST] == 3
        assert self.sources == [SourceConnected("tevents"), SourceLost("tevents"), SourceConnected("tevents")]

    async def test_the_backup_stays_in_charge(self) -> None:
        """failback = no: new sessions go to the backup, though the primary is there again, and nobody tries it."""
        await self.raise_pair()
        await self.refuses(self.primary_port)
        self.control_end.reset()
        await self.control_at(self.backup, 0)
        await self.primary_is_there_again()
        await self.desktop_at(self.backup)
        self.clock.advance(10 * RETURN_AFTER)
        await self.desktop_at(self.backup)
        assert len(self.primary.ends) == 1
        for seconds, ago in ((0, "5 min"), (3300, "1 h"), (3661, "2 h 1 min")):
            self.clock.advance(seconds)
            (reason,) = self.tevents.reasons()
            assert reason == f"tevents: {self.addresses[0]} could not be reached {ago} ago, and nobody has tried since"

    async def test_until_it_fails(self) -> None:
        """failback = no: when the backup is lost, too, everybody goes to the primary."""
        await self.raise_pair()
        await self.refuses(self.primary_port)
        self.control_end.reset()
        end = await self.control_at(self.backup, 0)
        client, _ = await self.desktop_at(self.backup)
        await self.primary_is_there_again()
        await self.refuses(self.backup_port)
        end.reset()
        await self.control_at(self.primary, 1)
        await client.when_told_end()
        await self.desktop_at(self.primary)

    async def test_without_a_control_session_it_is_where_somebody_was_reached_last(self) -> None:
        """A channel whose control session nobody takes: the backup that was reached is tried first from then on."""
        self.failback = False
        self.primary, self.primary_port = await self.listen()
        self.backup, self.backup_port = await self.listen()
        self.addresses = [self.address(self.primary_port), self.address(self.backup_port)]
        await self.refuses(self.primary_port)
        await ChannelTestCase.channel(self, *self.addresses, control=False)
        await self.desktop_at(self.backup)
        await self.primary_is_there_again()
        await self.desktop_at(self.backup)
        assert self.primary.ends == []


class ServingTests(PairTestCase):
    """A hiccup of one connection is no loss of a T-Server that serves the others."""

    async def test_the_control_session_waits_for_a_primary_that_serves_desktops(self) -> None:
        """Desktops still hear the primary: the control session tries it alone, and no desktop is sent away."""
        await self.raise_pair()
        client, upstream = await self.desktop_at(self.primary)
        await self.refuses(self.primary_port)
        self.control_end.reset()
        await self.until(lambda: not self.tevents.control.registered)
        upstream.write(WORD)
        await client.when_received(2 * len(WORD))
        await self.in_time(lambda: self.tevents.control._failures == 3)
        assert self.backup.ends == []
        await self.primary_is_there_again()
        await self.control_at(self.primary, 2)
        assert not client.told_end

    async def test_one_desktop_that_could_not_reach_the_primary(self) -> None:
        """It is at the backup alone; as soon as the primary is reached again it is sent there, too."""
        await self.raise_pair()
        staying, _ = await self.desktop_at(self.primary)
        await self.refuses(self.primary_port)
        stray, _ = await self.desktop_at(self.backup)
        await self.primary_is_there_again()
        assert self.tevents.upstreams.in_charge == self.addresses[0]
        await self.desktop_at(self.primary)
        await stray.when_told_end()
        stray.close()
        await self.until(lambda: self.tevents.relay.causes[Cause.UPSTREAM_LOST] == 1)
        assert not staying.told_end

    async def test_one_desktop_moves_nobody(self) -> None:
        """The control session is registered: a desktop that finds the backup does not take the others with it."""
        await self.raise_pair()
        await self.refuses(self.primary_port)
        await self.desktop_at(self.backup)
        assert self.tevents.upstreams.in_charge == self.addresses[0]
        await self.primary_is_there_again()
        await self.desktop_at(self.primary)

    async def test_a_t_server_that_takes_connections_and_does_not_serve(self) -> None:
        """One that closes at once, or says nothing, as a backup that is none yet: the next one is tried, and round."""
        await self.raise_pair()
        self.control_end.reset()
        await self.in_time(lambda: len(self.primary.ends) == 2 and self.primary.ends[1].received)
        self.primary.ends[1].close()
        await self.in_time(lambda: len(self.backup.ends) == 1 and self.backup.ends[0].received)
        self.clock.advance(10)
        await self.backup.ends[0].when_lost()
        await self.in_time(lambda: len(self.primary.ends) == 3 and self.primary.ends[2].received)
        assert self.tevents.upstreams.in_charge == self.addresses[0]
        self.primary.ends[2].close()
        await self.control_at(self.backup, 1)
        assert self.tevents.upstreams.in_charge == self.addresses[1]

    async def test_a_refusal_is_about_us_alone(self) -> None:
        """A T-Server that refuses our registration is alive: it is asked again, and its backup is left alone."""
        await self.raise_pair()
        self.control_end.reset()
        for number in (1, 2):
            await self.in_time(lambda: len(self.primary.ends) > number and self.primary.ends[number].received)  # noqa: B023
            self.primary.ends[number].write(frame(EVENT_ERROR, {ERROR_CODE: 50, REFERENCE_ID: 0}))
        await self.control_at(self.primary, 3)
        assert self.backup.ends == []


class FailbackTests(PairTestCase):
    """failback = yes: the primary takes over again."""

    async def away(self) -> End:
        """The backup is in charge, and the primary is there again."""
        await self.raise_pair(failback=True)
        await self.refuses(self.primary_port)
        self.control_end.reset()
        end = await self.control_at(self.backup, 0)
        await self.primary_is_there_again()
        return end

    async def test_it_comes_home(self) -> None:
        """After half a minute it registers with the primary, then leaves the backup, and the desktops follow."""
        left = await self.away()
        client, _ = await self.desktop_at(self.backup)
        self.clock.advance(RETURN_AFTER - 1)
        assert len(self.primary.ends) == 1
        self.clock.advance(1)
        await self.until(lambda: len(self.primary.ends) == 2 and self.primary.ends[1].received)
        assert self.tevents.control.registered
        assert left.lost is None
        assert not left.told_end
        await self.register(self.primary.ends[1])
        await left.when_told_end()
        await client.when_told_end()
        connected, lost = SourceConnected("tevents"), SourceLost("tevents")
        assert self.sources == [connected, lost, connected, lost, connected]
        await self.desktop_at(self.primary)
        assert self.tevents.control.registered
        assert list(self.tevents.reasons()) == []

    async def test_without_a_control_session_the_primary_is_tried_first(self) -> None:
        """A channel whose control session nobody takes: each session tries the primary, whoever was reached last."""
        self.primary, self.primary_port = await self.listen()
        self.backup, self.backup_port = await self.listen()
        self.addresses = [self.address(self.primary_port), self.address(self.backup_port)]
        await self.refuses(self.primary_port)
        channel = await ChannelTestCase.channel(self, *self.addresses, control=False)
        channel.upstreams.failback = True
        await self.desktop_at(self.backup)
        await self.primary_is_there_again()
        await self.desktop_at(self.primary)

    async def test_not_in_a_completion(self) -> None:
        """While a completion is under way it stays where it is; and one that begins on its way home keeps it."""
        left = await self.away()
        self.patch(Switchboard, "is_completing", True)
        for _ in range(2):
            self.clock.advance(RETURN_AFTER)
            (again,) = self.clock.getDelayedCalls()
            assert again.getTime() - self.clock.seconds() == RETURN_AFTER
        self.patch(Switchboard, "is_completing", False)
        self.clock.advance(RETURN_AFTER)
        await self.until(lambda: len(self.primary.ends) == 2 and self.primary.ends[1].received)
        self.patch(Switchboard, "is_completing", True)
        await self.register(self.primary.ends[1])
        await self.primary.ends[1].when_told_end()
        assert left.lost is None
        assert self.tevents.control.registrations == 2
        self.patch(Switchboard, "is_completing", False)
        self.primary.ends[1].close()
        await self.control_at(self.primary, 2)
        await left.when_told_end()

    async def test_a_primary_that_does_not_serve(self) -> None:
        """It says nothing, or is gone again: the session with the backup is not touched, and it is tried later."""
        left = await self.away()
        self.clock.advance(RETURN_AFTER)
        await self.until(lambda: len(self.primary.ends) == 2 and self.primary.ends[1].received)
        self.clock.advance(10)
        await self.primary.ends[1].when_lost()
        assert left.lost is None
        assert self.sources[-1] == SourceConnected("tevents")
        await self.control_at(self.primary, 2)
        await left.when_told_end()

    async def test_the_backup_is_lost_on_the_way_home(self) -> None:
        """The way home is given up, and it is looked for again from the beginning, the primary first."""
        left = await self.away()
        self.clock.advance(RETURN_AFTER)
        await self.until(lambda: len(self.primary.ends) == 2 and self.primary.ends[1].received)
        left.reset()
        await self.primary.ends[1].when_lost()
        await self.control_at(self.primary, 2)
        assert len(self.backup.ends) == 1

    async def test_nothing_is_left_of_the_way_home(self) -> None:
        """The proxy ends while it is on its way: no connection, no call stays."""
        await self.away()
        self.clock.advance(RETURN_AFTER)
        await self.until(lambda: len(self.primary.ends) == 2 and self.primary.ends[1].received)
        closing = self.tevents.control.close()
        await self.primary.ends[1].when_lost()
        await closing
        assert self.clock.getDelayedCalls() == []
