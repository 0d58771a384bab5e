"""Instances that share groups: what counts of what stands in the stream, and that all hold the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import pytest

from proxy.campaign.groups import Groups
from proxy.campaign.instances import shared
from proxy.campaign.observation import (
    Action,
    ActionAcknowledged,
    ActionRequested,
    AskStatus,
    Command,
    ControlRequested,
    CountLost,
    DesktopError,
    DnRegistered,
    GroupNames,
    InstanceHeard,
    InstanceLeft,
    InstanceLost,
    Observation,
    RecordDelivered,
    RecordRequested,
    Request,
    SourceConnected,
    SourceLost,
    Status,
    StatusHeard,
    Stop,
    WitnessFound,
    Word,
    WordHeard,
)
from proxy.campaign.policy import By, ConfiguredGroup, Policy
from proxy.campaign.sources import REPORTS
from proxy.shared.entries import Batch, Configured, Entry, Garbled, Led, Seen, Woken, text_of
from proxy.shared.replica import GONE, Done, Replica

SALES = GroupNames(dbid=101, campaign_id=11, group_id=732, name="Sales@Agents")
COMPLETES = Policy(by=By.PROXY)
C = TypeVar("C", bound=Command)


class Stream:
    """A stream, and a replica that applies it. `at` is Redis's clock, in milliseconds."""

    def __init__(self) -> None:
        self.replica = Replica(Groups(Policy(), [ConfiguredGroup(SALES, COMPLETES)]))
        self.at = 1_700_000_000_000
        self.done: list[Done] = []

    def adds(self, batch: Batch) -> Sequence[Done]:
        """A batch more, and what came of it."""
        done = self.replica.apply(f"{self.at}-0", text_of(batch))
        self.done += done
        return done

    def passes(self, seconds: float) -> None:
        """Redis's clock goes on."""
        self.at += round(seconds * 1000)

    def given(self, kind: type[C]) -> list[C]:
        """All commands of a kind so far."""
        return [command for done in self.done for command in done.commands if isinstance(command, kind)]

    def group(self) -> dict[str, object]:
        """The status of the group."""
        [status] = self.replica.groups.status(self.replica.now)
        return status


class Instance:
    """One that says what it observes, in order."""

    def __init__(self, stream: Stream, number: int, joins: bool = True) -> None:
        self.stream = stream
        self.number = number
        self.sequence = 0
        self.fence = 0
        if joins:
            self.says(InstanceHeard(number, True))

    def says(self, *seen: Observation, late: bool = False) -> Sequence[Done]:
        """A batch of what it observes as any other."""
        return self.puts(*map(Seen, seen), late=late)

    def hears(self, *seen: Observation) -> Sequence[Done]:
        """A batch of what it observes as the leader."""
        return self.puts(*map(Seen, seen), fence=self.fence)

    def puts(
        self, *entries: Entry, fence: int = 0, late: bool = False, seen_at: tuple[int, ...] = ()
    ) -> Sequence[Done]:
        """A batch of any entries."""
        self.sequence += 1
        return self.stream.adds(Batch(self.number, self.sequence, fence, late, entries, seen_at))

    def leads(self, fence: int) -> Sequence[Done]:
        """Redis gives it the lead."""
        self.fence = fence
        return self.stream.adds(Batch(self.number, 0, fence, False, (Led(self.number, fence),)))

    def beats(self, *others: Instance, seconds: float) -> None:
        """Time goes by; it and others say that they are there; the leader wakes the groups when it is time."""
        for _ in range(round(seconds)):
            self.stream.passes(1)
            for each in (self, *others):
                each.says(InstanceHeard(each.number, True))
            wake_at = self.stream.replica.wake_at
            if wake_at is not None and wake_at <= self.stream.replica.now:
                self.puts(Woken(), fence=self.fence)


@pytest.fixture
def stream() -> Stream:
    """A stream that nobody has written to."""
    return Stream()


def session(instance: int, number: int = 1) -> int:
    """A session of an instance, as all know it."""
    return shared(number, instance)


def starts(leader: Instance) -> None:
    """The group is loaded and started, armed, as the leader hears it; a client of the leader asked for it."""
    client = session(leader.number, 9)
    leader.hears(SourceConnected("tevents"), StatusHeard(SALES, Status.NOT_LOADED, "tevents"))
    for request, word in ((Request.LOAD, Word.LOADED), (Request.START, Word.STARTED)):
        leader.says(ControlRequested(client, SALES, request, (1,), "Preview", word.value))
        leader.hears(WordHeard(SALES, word, "tevents", "Preview", word.value))


def finds_no_more(instance: Instance) -> None:
    """An agent of an instance has had a record, which is done, and hears that there are no more."""
    names, mine = GroupNames(campaign="Sales"), session(instance.number)
    instance.says(
        DnRegistered(mine, "3001"),
        RecordDelivered(mine, "3001", names, "PreviewRecord", "77"),
        *_processed(mine),
        RecordRequested(mine, "3001", names, "r2"),
        DesktopError(mine, "3001", names, no_records=True, reference="r2"),
    )


def _processed(mine: int) -> list[Observation]:
    names = GroupNames(campaign="Sales")
    return [
        ActionRequested(mine, "3001", names, Action.PROCESS, "77", reference="r1"),
        ActionAcknowledged(mine, "3001", names, Action.PROCESS, "77", "r1"),
    ]


# ------------------------------------------------------------------------------------------------------ what counts


def test_what_two_instances_see_counts_in_one_group(stream: Stream) -> None:
    """Records that agents get over different proxies are those of one group."""
    one, two = Instance(stream, 1), Instance(stream, 2)
    one.leads(1)
    starts(one)
    for instance, dn in ((one, "3001"), (two, "3002")):
        mine = session(instance.number)
        instance.says(
            DnRegistered(mine, dn), RecordDelivered(mine, dn, GroupNames(campaign="Sales"), "PreviewRecord", dn)
        )
    assert stream.group()["delivered"] == 2
    assert stream.group()["agents"] == ["3001", "3002"]


def test_a_batch_that_was_sent_again_counts_once(stream: Stream) -> None:
    """A connection broke, nobody knew whether it had arrived: it had, and is ignored the second time."""
    one = Instance(stream, 1)
    one.leads(1)
    starts(one)
    delivered = RecordDelivered(session(1), "3001", GroupNames(campaign="Sales"), "PreviewRecord", "77")
    one.says(delivered)
    [again] = stream.adds(Batch(1, one.sequence, 0, False, (Seen(delivered),)))
    assert again.ignored
    assert again.entry is None
    assert not again.commands
    assert (again.instance, again.sequence) == (1, one.sequence)
    [older] = stream.adds(Batch(1, one.sequence - 1, 0, False, (Seen(delivered),)))
    assert older.ignored
    assert stream.replica.sequences == {1: one.sequence}
    [next_one] = one.says(InstanceHeard(1, True))
    assert not next_one.ignored


def test_an_instance_that_nobody_knows_is_not_heard(stream: Stream) -> None:
    """It was declared lost, or never said that it is there: what it says counts when it has come anew."""
    stranger = Instance(stream, 7, joins=False)
    assert stranger.says(DnRegistered(session(7), "3001"))[0].ignored
    assert stranger.says(InstanceHeard(7, True))[0].ignored, "that should have been the first thing it said"
    assert stream.replica.sequences == {}
    assert not Instance(stream, 8, joins=False).says(InstanceHeard(8, True))[0].ignored


def test_an_instance_that_was_lost_takes_another_number(stream: Stream) -> None:
    """Whatever it says under the old one is ignored, its first words too, should they come twice."""
    one, two = Instance(stream, 1), Instance(stream, 2)
    one.leads(1)
    one.hears(InstanceLost(2))
    assert stream.replica.sequences.keys() == {1}
    assert two.says(DnRegistered(session(2), "3001"))[0].ignored
    assert stream.adds(Batch(2, 1, 0, False, (Seen(InstanceHeard(2, True)),)))[0].ignored
    assert not Instance(stream, 3, joins=False).says(InstanceHeard(3, True))[0].ignored
    assert stream.replica.highest == 3


def test_an_instance_that_left_is_gone(stream: Stream) -> None:
    """Its number is not known any more, its sessions are over, and nobody waits for it."""
    one, two = Instance(stream, 1), Instance(stream, 2)
    two.says(DnRegistered(session(2), "3001"), InstanceLeft(2))
    assert stream.replica.sequences == {1: one.sequence}
    assert stream.replica.groups.instances.heard.keys() == {1}
    assert two.says(InstanceHeard(2, True))[0].ignored


def test_of_instances_that_are_gone_so_many_are_remembered(stream: Stream) -> None:
    """An instance that comes and goes for years fills no memory; what was said lately is still known as said."""
    for number in range(1, GONE + 10):
        Instance(stream, number).says(InstanceLeft(number))
    assert len(stream.replica._gone) == GONE
    assert stream.adds(Batch(GONE, 1, 0, False, (Seen(InstanceHeard(GONE, True)),)))[0].ignored


def test_what_is_none_of_ours_is_said_to_be_that_and_skipped(stream: Stream) -> None:
    """All instances skip it at the same position, and go on behind it."""
    one = Instance(stream, 1)
    stream.passes(1)
    before = stream.replica.now
    with pytest.raises(Garbled):
        stream.replica.apply(f"{stream.at}-1", "something else")
    assert stream.replica.position == f"{stream.at}-1"
    assert stream.replica.now == before + 1
    assert not one.says(InstanceHeard(1, True))[0].ignored


# ----------------------------------------------------------------------------------------------------------- the time


def test_the_time_is_that_of_the_stream(stream: Stream) -> None:
    """No instance's own clock counts: what all hold after the same batches is the same to the millisecond."""
    one = Instance(stream, 1)
    before = stream.replica.now
    for _ in range(3):
        stream.passes(0.333)
        one.says(InstanceHeard(1, True))
    assert stream.replica.now == before + 0.999
    assert stream.replica.position == f"{stream.at}-0"


@pytest.mark.parametrize(("jump", "by"), [(3600.0, 2.0), (2.5, 2.0), (1.5, 1.5), (-3600.0, 0.0)])
def test_an_outage_ages_nothing(jump: float, by: float, stream: Stream) -> None:
    """Redis was away for an hour, or its clock jumps: nothing falls due that would not have been due without that."""
    one = Instance(stream, 1)
    stream.passes(60)
    one.says(InstanceHeard(1, True))
    before = stream.replica.now
    stream.passes(jump)
    one.says(InstanceHeard(1, True))
    assert stream.replica.now - before == by


# ----------------------------------------------------------------------------------------------------------- the lead


def test_all_know_who_leads(stream: Stream) -> None:
    """As Redis says it, in the stream."""
    one, two = Instance(stream, 1), Instance(stream, 2)
    assert (stream.replica.leader, stream.replica.fence) == (0, 0)
    one.leads(1)
    [done] = two.leads(5)
    assert (stream.replica.leader, stream.replica.fence) == (2, 5)
    assert (done.instance, done.sequence, done.fence, done.entry) == (2, 0, 5, Led(2, 5))


def test_what_was_said_under_an_old_lead_does_not_count(stream: Stream) -> None:
    """The old leader was paused: OCS's words that it heard then are not the order of things any more."""
    one, two = Instance(stream, 1), Instance(stream, 2)
    one.leads(1)
    two.leads(2)
    for entry in (Seen(SourceConnected("tevents")), Woken(), Seen(InstanceLost(2)), Configured(COMPLETES, ())):
        [done] = one.puts(entry, fence=1)
        assert done.ignored
    assert stream.replica.groups.sources == set()
    assert stream.replica.sequences.keys() == {1, 2}
    assert not one.says(InstanceHeard(1, True))[0].ignored, "its desktops' words count on"


def test_a_takeover_is_a_control_session_that_comes_back(stream: Stream) -> None:
    """OCS is asked for every status (R2), and what was in evidence by OCS's word or a witness is so no more (R14)."""
    one, two = Instance(stream, 1), Instance(stream, 2)
    one.leads(1)
    starts(one)
    one.hears(WitnessFound("log"))
    assert stream.replica.groups.sources == {"tevents"}
    asked = len(stream.given(AskStatus))
    two.leads(2)
    assert stream.replica.groups.sources == set()
    assert stream.replica.groups.present_witnesses == set()
    two.hears(SourceConnected("tevents"))
    assert len(stream.given(AskStatus)) == asked + 1
    assert stream.done[-1].fence == 2, "whoever has that lead is to ask"


def test_evidence_of_desktops_outlives_a_takeover(stream: Stream) -> None:
    """Nothing that agents were told is lost with the leader: the group is completed under the next."""
    one, two, three = (Instance(stream, number) for number in (1, 2, 3))
    one.leads(1)
    starts(one)
    finds_no_more(three)
    one.beats(two, three, seconds=40)
    two.leads(2)
    two.hears(SourceConnected("tevents"))
    [asked] = stream.given(AskStatus)[-1:]
    two.hears(StatusHeard(SALES, Status.RUNNING, "tevents", "Preview", str(asked.reference)))
    two.beats(three, one, seconds=70)
    [stop] = stream.given(Stop)
    [done] = [done for done in stream.done if stop in done.commands]
    assert done.fence == 2


def test_a_group_waits_for_an_instance_that_is_silent(stream: Stream) -> None:
    """It may have relayed a record to an agent; once it is lost, its agents are waited for."""
    one, two, three = (Instance(stream, number) for number in (1, 2, 3))
    one.leads(1)
    starts(one)
    finds_no_more(three)
    one.beats(three, seconds=200)
    assert not stream.given(Stop), "nobody has heard of the second one"
    one.hears(InstanceLost(two.number))
    one.beats(three, seconds=2)
    assert stream.given(Stop)


# -------------------------------------------------------------------------------------------------------- the reports


def test_reports_are_lost_with_the_instance_that_got_them(stream: Stream) -> None:
    """OCS posts them to one: where that one is lost, they cannot be heard any more; a take-over does not matter."""
    one, two, three = (Instance(stream, number) for number in (1, 2, 3))
    one.leads(1)
    two.says(SourceConnected(REPORTS))
    three.leads(2)
    assert stream.replica.groups.sources == {REPORTS}
    three.hears(InstanceLost(1))
    assert stream.replica.groups.sources == {REPORTS}
    three.hears(InstanceLost(2))
    assert stream.replica.groups.sources == set()


def test_reports_are_lost_when_their_instance_leaves_or_says_so(stream: Stream) -> None:
    """As before."""
    one, two = Instance(stream, 1), Instance(stream, 2)
    one.says(SourceConnected(REPORTS))
    one.says(InstanceLeft(1))
    assert stream.replica.groups.sources == set()
    two.says(SourceConnected(REPORTS))
    two.says(SourceLost(REPORTS))
    assert stream.replica.groups.sources == set()


def test_reports_that_come_to_two_are_lost_when_neither_gets_them(stream: Stream) -> None:
    """Somebody distributes them: one that has heard none for a while says nothing of the other."""
    one, two = Instance(stream, 1), Instance(stream, 2)
    one.says(SourceConnected(REPORTS))
    two.says(SourceConnected(REPORTS))
    one.says(SourceLost(REPORTS))
    assert stream.replica.groups.sources == {REPORTS}
    two.says(InstanceLeft(2))
    assert stream.replica.groups.sources == set()


# ------------------------------------------------------------------------------------------------- policies, lateness


def test_the_leaders_conf_file_holds_for_all(stream: Stream) -> None:
    """Whatever the others' say: every instance does the same."""
    one = Instance(stream, 1)
    one.leads(1)
    starts(one)
    one.puts(Configured(Policy(), (ConfiguredGroup(SALES, Policy(by=By.PROXY, complete=False)),)), fence=1)
    assert stream.group()["waiting_for"] == "nothing: complete = no"


def test_what_was_seen_while_out_of_touch_is_no_evidence(stream: Stream) -> None:
    """It is told late: it counts, but that there were no records may have been long ago (R14)."""
    one, two = Instance(stream, 1), Instance(stream, 2)
    one.leads(1)
    starts(one)
    mine, names = session(2), GroupNames(campaign="Sales")
    two.says(
        DnRegistered(mine, "3001"),
        RecordDelivered(mine, "3001", names, "PreviewRecord", "77"),
        RecordRequested(mine, "3001", names, "r2"),
        DesktopError(mine, "3001", names, no_records=True, reference="r2"),
        late=True,
    )
    assert stream.group()["delivered"] == 1
    assert stream.group()["exhausted"] is False


def test_what_was_seen_first_comes_first(stream: Stream) -> None:
    """A reject over one proxy is told after the record was given to another agent, who has it still."""
    one, two = Instance(stream, 1), Instance(stream, 2)
    one.leads(1)
    starts(one)
    names = GroupNames(campaign="Sales")
    before = stream.at
    stream.passes(3)
    two.puts(
        Seen(RecordDelivered(session(2), "3002", names, "PreviewRecord", "77")), late=True, seen_at=(before + 1000,)
    )
    one.puts(
        Seen(RecordDelivered(session(1), "3001", names, "PreviewRecord", "77")),
        Seen(ActionRequested(session(1), "3001", names, Action.REJECT, "77", reference="1")),
        Seen(ActionAcknowledged(session(1), "3001", names, Action.REJECT, "77", "1")),
        late=True,
        seen_at=(before, before + 500, before + 501),
    )
    shown = stream.group()
    assert (shown["delivered"], shown["outstanding"], shown["returned"]) == (1, 1, 0)


def test_a_delivery_that_is_told_late_brings_back_no_record(stream: Stream) -> None:
    """The agent had it on two desktops, over two proxies, and was done with it over the one that is in touch."""
    one, two = Instance(stream, 1), Instance(stream, 2)
    one.leads(1)
    starts(one)
    names = GroupNames(campaign="Sales")
    one.says(DnRegistered(session(1), "3001"), *_processed(session(1)))
    two.says(
        DnRegistered(session(2), "3001"), RecordDelivered(session(2), "3001", names, "PreviewRecord", "77"), late=True
    )
    assert stream.group()["outstanding"] == 0
    two.says(RecordDelivered(session(2), "3001", names, "PreviewRecord", "77"))
    assert stream.group()["outstanding"] == 1, "that was not late: OCS has given it out again"


# ------------------------------------------------------------------------------------------------------------ waking


def test_all_remember_when_the_groups_are_to_be_woken(stream: Stream) -> None:
    """Whoever leads then says that it is time; it is no command to anybody."""
    one = Instance(stream, 1)
    one.leads(1)
    starts(one)
    finds_no_more(one)
    one.puts(Woken(), fence=1)
    assert stream.replica.wake_at == stream.replica.now + 60
    one.puts(Woken(), fence=1)
    assert stream.replica.wake_at == stream.replica.now + 60, "it was too early, and still has to be done"
    one.beats(seconds=61)
    assert stream.given(Stop)
    assert stream.replica.wake_at is not None
    assert stream.replica.wake_at > stream.replica.now
    assert not any(type(command).__name__ == "WakeAt" for done in stream.done for command in done.commands)


def test_nobody_is_woken_for_nothing(stream: Stream) -> None:
    """What was due is done, and nothing else is: the leader has nothing to say."""
    one = Instance(stream, 1)
    one.leads(1)
    starts(one)
    assert stream.replica.wake_at is not None, "to look for answers, which have come"
    one.beats(seconds=60)
    assert stream.replica.wake_at is None


# ---------------------------------------------------------------------------------------------------------- an image


def test_who_begins_with_an_image_goes_on_like_all_others(stream: Stream) -> None:
    """Who is known, and who is gone; who leads; whose reports are heard; and what is due: nothing is left out."""
    one, two, three = (Instance(stream, number) for number in (1, 2, 3))
    one.leads(7)
    starts(one)
    finds_no_more(two)
    two.says(SourceConnected(REPORTS))
    three.says(InstanceLeft(3))
    known = stream.replica
    stream.replica = Replica.of_lines(list(known.lines()))
    assert list(stream.replica.lines()) == list(known.lines())
    for each in ("position", "now", "leader", "fence", "wake_at", "highest", "sequences"):
        assert getattr(stream.replica, each) == getattr(known, each)
    assert stream.adds(Batch(3, 1, 0, False, (Seen(InstanceHeard(3, True)),)))[0].ignored
    two.says(SourceLost(REPORTS))
    assert stream.replica.groups.sources == {"tevents"}
    one.beats(two, seconds=70)
    assert stream.given(Stop)


@pytest.mark.parametrize("lines", [[], ["{}"], ["no JSON"], ['{"position": "0-0"}', "[]"]])
def test_what_is_no_image_is_garbled(lines: list[str]) -> None:
    """One mistake is known, and nothing is guessed; an image that is cut short, too."""
    with pytest.raises(Garbled):
        Replica.of_lines(lines)
    whole = list(Replica(Groups(Policy())).lines())
    for broken in (whole[:-1], whole[1:], [*whole, whole[-1]]):
        with pytest.raises(Garbled):
            Replica.of_lines(broken)


# -------------------------------------------------------------------------------------------------- mistakes of ours


def test_a_mistake_of_ours_stops_no_replica(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    """All are as blind to that session as all others, know of the mistake, and go on."""
    one = Instance(stream, 1)
    one.leads(1)
    starts(one)
    one.says(DnRegistered(session(1), "3001"))
    seen, observe = RecordRequested(session(1), "3001", GroupNames(campaign="Sales")), stream.replica.groups.observe

    def fails(observation: Observation, *others: Any) -> Sequence[Command]:
        if observation == seen:
            raise RuntimeError("a mistake")
        return observe(observation, *others)

    monkeypatch.setattr(stream.replica.groups, "observe", fails)
    [done] = one.says(seen)
    assert done.problem is not None
    assert done.problem.check(RuntimeError)
    assert not done.ignored
    assert stream.replica.groups._around.registrations.is_blind("3001")
    assert stream.replica.wake_at == stream.replica.now + 1
    [done] = one.says(InstanceHeard(1, True))
    assert done.problem is None


def test_a_mistake_while_they_are_woken_is_tried_again(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is due must not wait for ever."""
    one = Instance(stream, 1)
    one.leads(1)

    def fails(now: float) -> Sequence[Command]:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(stream.replica.groups, "wake", fails)
    [done] = one.puts(Woken(), fence=1)
    assert done.problem is not None
    assert stream.replica.wake_at == stream.replica.now + 1


# -------------------------------------------------------------------------------------------------------- lost counts


def test_where_redis_forgot_the_records_are_unknown(stream: Stream) -> None:
    """Null, not a wrong number; nobody is known or leads, OCS is not heard; and the group goes by its old names."""
    one, two = Instance(stream, 1), Instance(stream, 2)
    one.leads(4)
    starts(one)
    finds_no_more(two)
    stream.replica.begin_anew()
    assert stream.group()["delivered"] is None
    assert stream.group()["name"] == "Sales@Agents"
    replica = stream.replica
    assert (replica.position, replica.leader, replica.fence, replica.sequences) == ("0-0", 0, 0, {})
    assert replica.groups.sources == set()
    assert replica.highest == 2, "numbers go on above it"
    three = Instance(stream, 3)
    assert stream.replica.sequences == {3: 1}
    three.leads(1)
    assert not three.hears(SourceConnected("tevents"))[0].ignored


def test_an_instance_that_lost_something_says_so_for_all(stream: Stream) -> None:
    """It could not keep all that it saw: what it saw of records is lost for good."""
    one = Instance(stream, 1)
    one.leads(1)
    starts(one)
    one.says(CountLost())
    assert stream.group()["outstanding"] is None
    assert one.says(SourceLost("tevents"))
