"""The steps by which a group is completed: Stop, telling its agents, Unload (R20 to R23)."""

from __future__ import annotations

from enum import Enum

from attrs import define, field

from proxy.campaign.arming import withdraw
from proxy.campaign.asking import ask_status
from proxy.campaign.conditions import NO_STORE, UNCONFIRMED, UNCOUNTED, holding, left_in_lists, rule
from proxy.campaign.group import Group
from proxy.campaign.kept import KeptCompletion
from proxy.campaign.life import State
from proxy.campaign.observation import News, Request, Settled, Status, Stop, Unload, Word
from proxy.campaign.plain import ASIDE


class Step(Enum):
    """How far a completion is."""

    STOP = "OCS: Stop is sent"
    TELL = "agents to be told CampaignStopped"
    UNLOAD = "OCS: Unload is sent"


WAITS_TO_UNLOAD = "OCS: it took the Unload, and shows no end of it; are records out that nobody gives back?"
"""What a completion waits for while OCS shows WaitingUnload or UnloadInProgress."""

_OLD = {Step.STOP: Status.RUNNING, Step.TELL: Status.ACTIVE, Step.UNLOAD: Status.ACTIVE}
"""The status that a step begins with: where it still shows, the step's request has had no effect."""

_UNLOADS = frozenset({Status.WAITING_UNLOAD, Status.UNLOAD_IN_PROGRESS})
"""OCS has accepted an Unload (R21)."""


@define(eq=False)
class Completion:
    """One completion of a group, from the first Stop to unloaded, or to its end before that.

    What is written down under its `title` is found again, whatever is learned of the group's names meanwhile.
    """

    _group: Group = field(metadata=ASIDE)
    _title: str
    _rule: str
    _step: Step = Step.STOP
    _attempts: int = 0
    _silences: int = 0
    _reference: int | None = None
    _references: set[str] = field(factory=set)
    _taken: bool = False
    _patience: int = 0
    _asked: int | None = None
    _unloads: bool = False
    _suspended: bool = False
    _came_back: bool = False
    due_at: float | None = None

    @classmethod
    def of(cls, group: Group) -> Completion:
        """A completion of a group that has no more records; it has yet to begin."""
        return cls(group, group.title, rule(group))

    def kept(self) -> KeptCompletion:
        """How far it is, as it is kept."""
        return KeptCompletion(
            self._title,
            self._rule,
            self._step.name,
            self._attempts,
            self._reference,
            sorted(self._references),
            self._taken,
            self._unloads,
            self._came_back,
        )

    @classmethod
    def taken_up(cls, group: Group, kept: KeptCompletion, now: float) -> Completion:
        """As it was. What became of its request nobody knows: OCS is asked before anything else (R21, R22)."""
        completion = cls(
            group,
            kept.title,
            kept.rule,
            Step[kept.step],
            kept.attempts,
            reference=kept.reference,
            references=set(kept.references),
            taken=kept.taken,
            unloads=kept.unloads,
            came_back=kept.came_back,
        )
        if completion._step is not Step.TELL:
            completion.due_at = now + group.policy.answer_timeout
        return completion

    def wants(self, reference: int, now: float) -> bool:
        """Whether a request that is written down now is still to be sent, for all that is known by now (R22, R23)."""
        is_ours = reference == self._reference and self._step is not Step.TELL and self._asked is None
        return is_ours and self._hindrance(now) is None and not self._has_records()

    def waiting_for(self, now: float) -> str:
        """What the completion waits for, in an operator's words."""
        waits = WAITS_TO_UNLOAD if self._unloads and self._step is Step.UNLOAD else self._step.value
        return self._hindrance(now) or waits

    def begin(self, now: float) -> None:
        """Everything has held for long enough: send Stop."""
        self._send(now)

    def _send(self, now: float) -> None:
        group = self._group
        self._attempts += 1
        self._reference = group.around.references.take()
        self._references.add(str(self._reference))
        self.due_at = now + group.policy.answer_timeout
        request: type[Stop] | type[Unload]
        if self._step is Step.STOP:
            request, news = Stop, News.STOP_SENT
            group.life.stop_sent()
        else:
            request, news = Unload, News.UNLOAD_SENT
            group.life.unload_sent()
        group.announce(news, f"rule {self._rule}" if self._attempts == 1 else f"attempt {self._attempts}")
        group.around.tell(request(self._title, group.reach.control, group.names, self._reference))

    # ------------------------------------------------------------------------------------------- what is seen

    def refused(self, reference: str, now: float) -> None:
        """OCS refuses a request with this reference: a silence that ends at once (R21)."""
        if reference == str(self._reference) and self._asked is None:
            self.due_at = now

    def taken(self, reference: str, now: float) -> None:
        """OCS says that it takes a request with this reference: it is not repeated, and its word is asked for (R21)."""
        if self._step is not Step.TELL and reference in self._references:
            self._taken = True
            if self._asked is None:
                self.due_at = now + self._group.policy.answer_timeout

    def found(self, status: Status, now: float, reference: str | None) -> None:
        """OCS's answer to a status request, as far as it does not change the state of the group (R21)."""
        if status in _UNLOADS:
            self._unloads = True
        elif not self._is_answer(reference) or status is not _OLD[self._step] or self._unloads:
            return
        self._asked, self._silences = None, 0
        if self._step is Step.TELL:
            self.due_at = None
        elif self._unloads:
            self.due_at = now + self._group.policy.answer_timeout
        elif self._taken:
            self._be_patient(now)
        else:
            self._repeat(now)

    def _be_patient(self, now: float) -> None:
        """OCS shows the old state, and said that it takes the request: to repeat it could be to do it twice (R21)."""
        self._patience += 1
        if self._patience >= self._group.policy.attempts:
            self._fail(f"OCS took the request, and has shown the old state {self._patience} times since")
        else:
            self.due_at = now + self._group.policy.answer_timeout

    def _is_answer(self, reference: str | None) -> bool:
        return self._asked is not None and reference in (None, str(self._asked))

    def _repeat(self, now: float) -> None:
        """OCS shows the old state: the request is repeated, or asked about anew once nothing is in between."""
        if self._attempts >= self._group.policy.attempts:
            self._fail(f"OCS still shows the old state after {self._attempts} requests")
        elif self._has_records():
            self._give_way()
        elif self._hindrance(now) is not None:
            self.due_at = now + self._group.policy.answer_timeout
        else:
            self._send(now)

    def asked_again(self, reference: int, now: float) -> None:
        """The control session is back and asks for the status: nothing is sent before that is answered (R22)."""
        self._asked = reference
        self.due_at = now + self._group.policy.answer_timeout

    def record_shows(self, in_hand: bool) -> None:
        """Something shows a record: before Stop is accepted that ends the completion (R23).

        `in_hand` where OCS has it in hand: it was returned or retrieved.
        """
        if self._step is Step.STOP and not self._taken:
            self.abandon("a record shows")
        else:
            self._came_back = self._came_back or in_hand

    def disarmed(self) -> None:
        """A client wants the group to run on without records: what is stopped already is not his to take back."""
        if self._step is Step.STOP and not self._taken:
            self.abandon("the group is no longer armed")

    def count_lost(self) -> None:
        """Records were lost track of: a Stop that OCS has not accepted is not meant, and no Unload is sent."""
        if self._step is Step.STOP and not self._taken:
            self.abandon(f"it waits for {UNCOUNTED}")

    def went_on(self, now: float) -> None:
        """OCS's word, or a status, may have moved the group: the goal of a step counts, whoever reached it (R20)."""
        group = self._group
        if self._step is Step.STOP and group.state in (State.LOADED, State.UNLOADED):
            self._step = Step.TELL
            self._asked, self.due_at, self._taken = None, None, False
            self._references.clear()
            self._attempts = self._silences = self._patience = 0
            if group.notices is not None:
                group.notices.begin(Word.STOPPED, group.session.agents, now)
        if group.state is State.UNLOADED:
            self._completed(now)

    def _completed(self, now: float) -> None:
        group = self._group
        if group.notices is not None:
            group.notices.begin(Word.UNLOADED, group.session.agents, now)
        group.completions += 1
        self._end(News.COMPLETED, f"{group.session.records.finalized} records finalized")

    # ------------------------------------------------------------------------------------------- what is to be done

    def proceed(self, now: float) -> None:
        """Take the next step, if it is time, and if nothing is in between (R22)."""
        group = self._group
        if not group.reach.can_control:
            return
        self._suspend(bool(group.requests))
        if self.due_at is not None:
            if now >= self.due_at and not self._suspended:
                self._ask(now)
        elif group.notices is None or not group.notices.waiting:
            self._proceed_to_unload(now)

    def _suspend(self, suspended: bool) -> None:
        if suspended and not self._suspended:
            self._group.announce(News.SUSPENDED, "a client's request is unanswered")
        self._suspended = suspended

    def _hindrance(self, now: float) -> str | None:
        """What is in between: nothing is sent or repeated while it lasts (R16, R22, R23)."""
        group = self._group
        if away := group.reach.away:
            return away
        if group.unconfirmed:
            return UNCONFIRMED
        if group.around.store_problem is not None:
            return NO_STORE
        if group.requests:
            return "the answer to a client's request"
        if group.is_blind:
            return "an agent's session that can be read"
        if group.uncounted:
            return UNCOUNTED
        return holding(group, now) if self._step is not Step.STOP else None

    def _ask(self, now: float) -> None:
        """Silence: ask for the status before anything is repeated (R21)."""
        group = self._group
        if self._asked is not None:
            self._silences += 1
            if self._silences >= group.policy.attempts:
                self._fail(f"OCS left {self._silences} status requests unanswered")
                return
        self._asked = ask_status(group)
        self.due_at = now + group.policy.answer_timeout

    def _proceed_to_unload(self, now: float) -> None:
        if self._has_records():
            self._give_way()
        elif self._hindrance(now) is None:
            self._step = Step.UNLOAD
            if self._unloads:
                self._group.life.unload_sent()
                self.due_at = now + self._group.policy.answer_timeout
            else:
                self._send(now)

    def _has_records(self) -> bool:
        """Whether a record was returned, retrieved or scheduled since Stop was sent (R23)."""
        records = self._group.session.records
        callbacks = self._group.policy.hold_for_callbacks and records.scheduled > 0
        left = left_in_lists(self._group) is not None
        return self._came_back or records.returned > 0 or callbacks or left

    # ------------------------------------------------------------------------------------------------- its end

    def abandon(self, why: str) -> None:
        """The group is wanted, or a record shows: what is on its way to OCS is waited for, and wanted no more."""
        self._withdraw()
        self._end(News.ABANDONED, why)

    def _give_way(self) -> None:
        """Records came back: a group that runs goes on, one that is stopped stays loaded (R23)."""
        if self._step is Step.STOP:
            self.abandon("a record shows")
        else:
            self._withdraw()
            self._end(News.STOPPED_WITH_RECORDS, "records came back after Stop: no Unload")

    def _withdraw(self) -> None:
        group = self._group
        if self._step is not Step.TELL and self.due_at is not None:
            request = Request.STOP if self._step is Step.STOP else Request.UNLOAD
            withdraw(group, request, self._reference, self.due_at, self._taken)
        if group.state in (State.STOPPING, State.UNLOADING):
            group.life.let_go()

    def _fail(self, why: str) -> None:
        self._group.life.gave_up()
        self._end(News.FAILED, why)

    def _end(self, news: News, text: str) -> None:
        group = self._group
        group.completion = None
        group.held_since = None
        if self._step is Step.STOP:
            group.notices = None
        group.announce(news, text)
        group.around.tell(Settled(self._title))
