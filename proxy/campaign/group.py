"""One campaign group: what OCS says of its life, what it was asked, and its records, session by session."""

from __future__ import annotations

from collections.abc import KeysView, Sequence, Set
from typing import Protocol

from proxy.campaign.around import Surroundings
from proxy.campaign.attribute import arms
from proxy.campaign.clients import DECIDES, OURS, ClientRequest, ClientRequests
from proxy.campaign.confirmation import Confirmation
from proxy.campaign.evidence import Tally
from proxy.campaign.group_session import GroupSession
from proxy.campaign.kept import KeptCompletion
from proxy.campaign.life import State, live
from proxy.campaign.notices import Notices
from proxy.campaign.observation import Announce, AskStatus, ControlRequested, GroupNames, News, Request, Status, Word
from proxy.campaign.policy import Attribute, By, Control, Policy
from proxy.campaign.requests import DesktopRequest
from proxy.campaign.sources import CONTRADICTED, LAST_WORD, REPORTS, TELL_STATES

NEEDS: dict[Control, tuple[str, ...]] = {
    Control.TEVENTS: ("dbid",),
    Control.DIRECT: ("campaign_id", "group_id"),
    Control.OCS_HTTP: ("dbid",),
}
"""Which ids of a group a control protocol needs (N3)."""


_FOR_ONE_SESSION = frozenset({Request.START, Request.SET_MODE})
"""The requests that can only be meant for a session that is there, or that another request begins before."""


_SESSION = "session "


def session_source(session: int) -> str:
    """As whom a session of a desktop gives evidence."""
    return f"{_SESSION}{session}"


class Course(Protocol):
    """A completion under way, as far as its group has to tell it what happens (R20 to R23)."""

    due_at: float | None

    def refused(self, reference: str, now: float) -> None:
        """OCS refuses a request with this reference."""

    def taken(self, reference: str, now: float) -> None:
        """OCS says that it takes a request with this reference."""

    def found(self, status: Status, now: float, reference: str | None) -> None:
        """OCS answers a status request."""

    def asked_again(self, reference: int, now: float) -> None:
        """The status is asked, as the control session is back."""

    def record_shows(self, in_hand: bool) -> None:
        """Something shows a record; `in_hand` where OCS has it in hand again."""

    def went_on(self, now: float) -> None:
        """OCS's word, or a status, may have moved the group."""

    def proceed(self, now: float) -> None:
        """Take the next step, if it is time."""

    def abandon(self, why: str) -> None:
        """The group is wanted again."""

    def disarmed(self) -> None:
        """The group is armed no more."""

    def count_lost(self) -> None:
        """Nobody knows any more what became of the group's records."""

    def waiting_for(self, now: float) -> str:
        """What it waits for, in an operator's words."""
        ...

    def kept(self) -> KeptCompletion:
        """How far it is, as it is kept."""
        ...

    def wants(self, reference: int, now: float) -> bool:
        """Whether a request that is written down now is still to be sent."""
        ...


class Group:
    """One campaign group. `policy` and `names` may become better known; everything else follows what is seen.

    `unconfirmed`: the proxy was started anew, and OCS has not said yet that the group still is as it was. `uncounted`:
    its records were lost track of, and it has not been loaded since.
    """

    def __init__(
        self,
        names: GroupNames,
        policy: Policy,
        around: Surroundings,
        is_configured: bool = False,
        number: int | None = None,
    ) -> None:
        self._names = names
        self.policy = policy
        self.is_configured = is_configured
        self.around = around
        self.number = around.group_numbers.take() if number is None else number
        self.state = State.NULL
        self.life = live(self)
        self.session = GroupSession(0)
        self.run = 0
        self.in_run = False
        self.in_trouble = around.in_trouble
        self.last_sign = 0.0
        self.touched_at = float("-inf")
        self.held_since: float | None = None
        self.would_complete: int | None = None
        self.requests = ClientRequests(around.waiting_clients)
        self.awaiting: set[DesktopRequest[Group]] = set()
        self.confirmers: set[str] = set()
        self.confirmation: Confirmation | None = None
        self.completion: Course | None = None
        self.notices: Notices | None = None
        self.completions = 0
        self.due: float | None = None
        self.former: GroupSession | None = None
        self._upcoming: GroupSession | None = None
        self.unconfirmed = False
        self.uncounted = False
        self.doubt_due_at: float | None = None
        self.told_elsewhere = Word.MODE_CHANGED

    # ------------------------------------------------------------------------------------------------ who it is

    @property
    def title(self) -> str:
        """The name operators know it by."""
        names = self.names
        if names.name is not None:
            return names.name
        if names.campaign is not None:
            return names.campaign
        if names.dbid is not None:
            return f"group {names.dbid}"
        return f"campaign {names.campaign_id}, group {names.group_id}"

    @property
    def names(self) -> GroupNames:
        """The names it goes by, as far as they are known."""
        return self._names

    @names.setter
    def names(self, names: GroupNames) -> None:
        self._names = names
        self._look_for_ids()

    @property
    def policy(self) -> Policy:
        """What is wanted done with it."""
        return self._policy

    @policy.setter
    def policy(self, policy: Policy) -> None:
        self._policy = policy
        self._look_for_ids()

    def look_at_policy(self) -> None:
        """The policy is another one: a completion that is not wanted any more ends."""
        if self.completion is not None and (self._policy.by is not By.PROXY or not self._policy.complete):
            self.completion.abandon("the conf file wants none any more")

    def _look_for_ids(self) -> None:
        """Which protocol speaks of it, and the ids that it needs and nobody has told (N3)."""
        self.control = self._policy.control.value
        needs = NEEDS[self._policy.control]
        self.missing_ids = tuple(need for need in needs if getattr(self._names, need) is None)
        asked = (self._policy.control,) if self.control in TELL_STATES else (Control.TEVENTS, Control.DIRECT)
        named = [each.value for each in asked if None not in {getattr(self._names, need) for need in NEEDS[each]}]
        self._could_be_asked = (*named, *(() if self.control in TELL_STATES else (REPORTS,)))

    @property
    def is_alive(self) -> bool:
        """Whether OCS has it loaded, as far as is known."""
        return self.state not in (State.NULL, State.UNLOADED)

    @property
    def is_completing(self) -> bool:
        """Whether a completion has begun, and is not over, or an agent who is there has yet to be told of one."""
        return self.completion is not None or (self.notices is not None and self.notices.waiting)

    @property
    def asked_over(self) -> str | None:
        """Where OCS would tell its status now, asked for it: over its control protocol.

        Where that tells no states (HTTP), over the surest source that can speak of it; reports need not be asked.
        """
        connected = self.around.connected
        return next((source for source in self._could_be_asked if source in connected), None)

    @property
    def can_ask(self) -> bool:
        """Whether OCS would tell its status now, asked for it."""
        return self.asked_over is not None

    @property
    def out_of_reach(self) -> str | None:
        """What is away, so that the group could not be controlled, or nobody would tell what became of it (R17)."""
        if self.control in TELL_STATES:
            return None if self.control in self.around.connected else "the control session"
        if self.control not in self.around.connected:
            return "OCS's HTTP interface"
        return None if self.around.hears_words else f"one of {', '.join(TELL_STATES)}, to tell what OCS does"

    @property
    def can_control(self) -> bool:
        """Whether a Stop or an Unload of this group can be sent now."""
        return self.out_of_reach is None and not self.missing_ids

    def follows(self, source: str) -> bool:
        """Whether words of this source move it: two sources are in no order with each other (R1).

        It follows the one it is asked over; where there is none, the surest that is connected, else whoever speaks.
        """
        connected = self.around.connected
        followed = self.asked_over or next((surest for surest in TELL_STATES if surest in connected), source)
        return source == followed

    @property
    def is_blind(self) -> bool:
        """Whether one of its agents is on a session that cannot be read (R16)."""
        registrations = self.around.registrations
        return registrations.has_blind and any(map(registrations.is_blind, self.session.agents))

    @property
    def current(self) -> GroupSession:
        """The session that what is seen now belongs to.

        A desktop's connection may be ahead of the one that brings OCS's word: what agents get while the group is
        not known to be loaded belongs to the session that is about to begin.
        """
        return self.session if self.is_alive else self._about_to_begin

    @property
    def _about_to_begin(self) -> GroupSession:
        if self._upcoming is None:
            self._upcoming = self._new_session()
        return self._upcoming

    @property
    def sessions(self) -> tuple[GroupSession, ...]:
        """The session that is or was, and the one that is about to begin if something of it was seen."""
        return (self.session,) if self._upcoming is None else (self.session, self._upcoming)

    def knows(self, handle: str, dn: str | None = None) -> bool:
        """Whether it has the record, with that agent where one is given."""
        for session in (self.session, self._upcoming):
            record = session.records.get(handle) if session is not None else None
            if record is not None and (dn is None or record.dn == dn):
                return True
        return False

    def has_agent(self, dn: str) -> bool:
        """Whether the agent on this DN is one of its agents: those of its current session (N2)."""
        session = self.session if self.is_alive else self._upcoming
        return session is not None and dn in session.agents

    def had_agent(self, dn: str) -> bool:
        """Whether the agent on this DN was one of its agents when it was last loaded."""
        return dn in self.session.agents

    @property
    def rank(self) -> tuple[bool, bool, bool]:
        """How much there is to lose of it, if it turns out to be another group."""
        return (self.completion is not None or self.notices is not None, self.is_alive, self.is_known)

    def take_in(self, other: Group) -> None:
        """A group turned out to be this one: its agents and records are ours, its evidence is not."""
        if other.completion is not None:
            other.completion.abandon("the group turned out to be another one")
        theirs, ours = other.current, self.current
        ours.records.take_in(theirs.records)
        for dn, pairs in theirs.agents.items():
            ours.agents.setdefault(dn, pairs)
        ours.mode = ours.mode or theirs.mode
        for tally in ours.tallies.values():
            tally.whole = False  # what was retrieved in the other's name is missing
        self.in_trouble = self.in_trouble or other.in_trouble
        self.uncounted = self.uncounted or other.uncounted
        self.confirmers |= other.confirmers
        for asked in other.requests:
            other.requests.forget(asked)
            asked.sessions, asked.runs = self.session.number, self.run
            self.requests.add(asked)
        latest = max(ours, theirs, key=lambda session: session.decided_by)
        self._arm(latest.armed if latest.decided_by else ours.armed or theirs.armed)
        ours.decided_by = latest.decided_by
        self.completions += other.completions
        self.last_sign = max(self.last_sign, other.last_sign)
        self.touched_at = max(self.touched_at, other.touched_at)

    @property
    def upcoming(self) -> GroupSession | None:
        """The session that is about to begin, if something of it was seen."""
        return self._upcoming

    def take_up(
        self, state: State, session: GroupSession, former: GroupSession | None, upcoming: GroupSession | None
    ) -> None:
        """It is as it was when the proxy ended, as far as is known: what was seen before this is not of it."""
        self.state, self.unconfirmed = state, True
        self.life = live(self)
        self.session, self.former, self._upcoming = session, former, upcoming

    def _confirm(self) -> None:
        """OCS has said how it is: what was remembered is so, or has been put right."""
        self.unconfirmed = False
        if self.notices is not None:
            self.notices.held = False

    def knowing(self, handle: str | None) -> GroupSession | None:
        """The session that knows the record, the latest if there are two; None where none does."""
        return next((session for session in reversed(self.sessions) if handle in session.records), None)

    def acted_on(self, handle: str | None) -> GroupSession:
        """The session whose record an agent acts on.

        He keeps an open one after the group is unloaded, and loaded anew.
        """
        known = self.knowing(handle)
        if known is None and self.former is not None and handle in self.former.records:
            known = self.former
        return known or (self.session if self.is_known else self.current)

    def _new_session(self) -> GroupSession:
        return GroupSession(self.session.number + 1)

    @property
    def is_known(self) -> bool:
        """Whether OCS's word on it was ever heard."""
        return self.state is not State.NULL

    def announce(self, news: News, text: str = "") -> None:
        """Report something about this group."""
        self.around.tell(Announce(news, self.title, text))

    # ------------------------------------------------------------------------------------------- sessions and runs

    def begin_session(self) -> None:
        """See Lived: counters, evidence and armed begin anew. What agents still hold is of the former session."""
        self.former, self.session = self.session, self._upcoming or self._new_session()
        self._upcoming = None
        self._want("OCS loaded the group")
        self.announce(News.LOADED, f"session {self.session.number}")

    def end_session(self) -> None:
        """See Lived. A Stop of ours that nobody wants any more has lost its object, as has what was for this session.

        What was seen before anything was known of the group is over as well.
        """
        for asked in self.requests:
            is_our_stop = (asked.session, asked.request) == (OURS, Request.STOP)
            if is_our_stop or (asked.taken and asked.request in _FOR_ONE_SESSION and not self._is_for_next(asked)):
                self.requests.forget(asked)
        if self._upcoming is not None and not self.session.number:
            self.session, self._upcoming = self._upcoming, None
        if self.session.number:
            self.announce(News.UNLOADED, f"session {self.session.number}")

    def begin_run(self) -> None:
        """See Lived: evidence belongs to one run."""
        self.run += 1
        self.in_run = True
        self.session.begin_anew()
        self._want("OCS started the group")
        self.announce(News.STARTED, f"run {self.run}")

    def end_run(self) -> None:
        """See Lived."""
        if self.in_run:
            self.in_run = False
            self.session.begin_anew()
            self.announce(News.STOPPED, f"run {self.run}")

    def _want(self, why: str) -> None:
        """Somebody wants the group: whatever we were about to do to it, and to say of it, is over (R22, R27).

        What agents hear from now on may be of another run: nothing is swallowed any more (R26).
        """
        if self.completion is not None:
            self.completion.abandon(why)
        self.notices = None

    # -------------------------------------------------------------------------------------------------- OCS's word

    def hear(self, word: Word, now: float, mode: str | None = None, reference: str | None = None) -> None:
        """OCS's word on the life of the group (R1, R4)."""
        answered = self.requests.answered_by(word, mode, reference)
        before, was_known = (self.session.number, self.run), self.is_known
        happens_now = self.unconfirmed and self.around.hears_words  # who connects later hears no copies
        if word is Word.LOADED:
            (self.life.loaded_anew if answered or happens_now else self.life.loaded)()
        elif word is Word.STARTED:
            (self.life.started_anew if answered or happens_now else self.life.started)()
        elif word is Word.STOPPED:
            self.life.stopped()
        elif word is Word.UNLOADED:
            self.life.unloaded()
        if word is Word.LOADED and self.session.number != before[0]:
            self.uncounted = self.uncounted and self.around.late
            self.session.seen_from_its_beginning(self.around.witnesses, was_known)
        self.learn_mode(mode or (answered.mode if answered else None))
        if answered is not None:
            self._accept(answered)
        elif (self.session.number, self.run) != before:
            self._arm_unasked(word)
        if happens_now and word is not Word.MODE_CHANGED:
            self._confirm()
        self._decide_by_taken()
        self._went_on(before, now)

    def _arm_unasked(self, word: Word) -> None:
        """Loaded or started without a request that passed the proxy: a schedule, another console (R4)."""
        if word in (Word.LOADED, Word.STARTED) and self.policy.attribute in (Attribute.ADD, Attribute.FORCE):
            self._arm(True)

    def found(
        self,
        status: Status,
        now: float,
        mode: str | None = None,
        reference: str | None = None,
        is_news: bool = False,
    ) -> None:
        """OCS's answer to a status request: what it says wins, and arms nothing (R2, R4).

        `is_news`: nobody asked. It is OCS's word on what happened since the last one.
        """
        if status is Status.INACTIVE:
            return
        before, state, is_news = (self.session.number, self.run), self.state, is_news and self.is_known
        self._follow(status, mode)
        moved = set(Request) if self.state is not state else set()
        if self.session.number == before[0]:
            moved.discard(Request.LOAD)  # it stops to dial; that is no answer to a Load
        shown = self.requests.answered_by_status(status, self.current.mode, reference, moved)
        for accepted in shown:
            self._accept(accepted)
        if is_news and not shown and (self.session.number, self.run) != before:
            self._arm_unasked(Word.LOADED)
        self._decide_by_taken()
        self._confirm()
        if self.completion is not None:
            self.completion.found(status, now, reference)
        self._went_on(before, now)

    def hear_elsewhere(self, word: Word, now: float, mode: str | None = None) -> None:
        """OCS's word from a source that this group does not follow: late, early, or the only one that tells (R1).

        It moves nothing. Evidence that it contradicts is gone (R14); where it still contradicts the state after
        `answer_timeout`, the status is asked.
        """
        self.learn_mode(mode)
        self.told_elsewhere = word
        if self.state in CONTRADICTED[word]:
            if self.doubt_due_at is None:
                self.doubt_due_at = now + self.policy.answer_timeout
            if self.session.evidence.take_back() and self.held_since is not None:
                self.announce(News.EVIDENCE_GONE, f"{word.value}, as is heard elsewhere")

    def found_elsewhere(self, status: Status, now: float, mode: str | None = None) -> None:
        """A status from a source that this group does not follow."""
        self.hear_elsewhere(LAST_WORD[status], now, mode)

    def ask_in_doubt(self, now: float) -> None:
        """Ask for the status where another source has said long ago what the state still contradicts."""
        if self.doubt_due_at is not None and self.doubt_due_at <= now:
            self.doubt_due_at = None
            if self.can_ask and self.state in CONTRADICTED[self.told_elsewhere]:
                self.ask_status()

    def found_by_agent(self, status: Status, now: float, mode: str | None = None) -> None:
        """OCS's answer to a desktop's question, where no other word of OCS can be heard (R1)."""
        before = (self.session.number, self.run)
        self._follow(status, mode)
        self._went_on(before, now)

    def _follow(self, status: Status, mode: str | None) -> None:
        if status is Status.NOT_LOADED:
            self.life.unloaded()
        elif status is Status.RUNNING:
            self.life.found_running()
        else:
            self.life.found_loaded()
        self.learn_mode(mode)

    def _went_on(self, before: tuple[int, int], now: float) -> None:
        if self.run != before[1] and now - self.touched_at < self.policy.answer_timeout:
            self.session.evidence.touched = True  # the agent's connection was ahead of OCS's word
        if self.completion is not None:
            self.completion.went_on(now)

    def learn_mode(self, mode: str | None) -> None:
        """OCS tells the dial mode, or (None) does not."""
        if mode is not None and self.state is not State.UNLOADED:
            self.current.mode = mode

    # --------------------------------------------------------------------------------------------- clients' requests

    def asked(self, seen: ControlRequested, now: float) -> None:
        """A client's request for this group passes."""
        self.requests.add(
            ClientRequest(
                self.around.numbers.take(),
                seen.session,
                seen.request,
                arms(self.policy.attribute, seen.values) and not self._was_disarmed_meanwhile,
                seen.mode,
                seen.reference,
                seen.message_reference,
                now + self.policy.answer_timeout,
                sessions=self.session.number,
                runs=self.run,
            )
        )

    @property
    def _was_disarmed_meanwhile(self) -> bool:
        """Whether what passes now passed long ago, perhaps before a client disarmed the group elsewhere (R3)."""
        session = self.session
        return self.around.late and self.is_alive and session.decided_by > 0 and not session.armed

    def withdraw(self, request: Request, reference: int | None, due_at: float, taken: bool) -> None:
        """Our own request is on its way and no longer wanted: until OCS answers, it is one like any other."""
        number = self.around.numbers.take()
        self.requests.add(ClientRequest(number, OURS, request, False, None, str(reference), None, due_at, taken=taken))

    def refused(self, refused: ClientRequest) -> None:
        """OCS, or the T-Server, refuses a client's request: all stays as it is."""
        self.requests.forget(refused)

    def taken(self, taken: ClientRequest, now: float) -> None:
        """OCS says that it takes a request, before it does what is asked, or after (R4).

        Until OCS's word shows that it is done, it is remembered: so that the word is not taken for news that nobody
        asked for, and nothing of ours is sent in between. A Load decides over the session that it begins only (R3).
        """
        taken.taken, taken.doubted = True, False
        taken.due_at = now + self.policy.answer_timeout
        if self._is_done(taken):
            self._accept(taken)
        else:
            self._give_way_to(taken)
            self._decide_by_taken()

    def _is_done(self, taken: ClientRequest) -> bool:
        """Whether OCS's word showed before its reply that it did what it was asked."""
        if taken.request is Request.LOAD:
            return self.is_alive and self.session.number > taken.sessions
        if taken.request is Request.START:
            return self.in_run and self.run > taken.runs
        if taken.request is Request.STOP:
            return self.state in (State.LOADED, State.UNLOADED)
        return taken.request is Request.UNLOAD and self.state is State.UNLOADED

    def _decide_by_taken(self) -> None:
        """What OCS took arms or disarms the session that it is for, once that has begun (R3)."""
        for asked in self.requests:
            if asked.taken and asked.request in _FOR_ONE_SESSION and self.is_alive and not self._is_for_next(asked):
                if asked.request is Request.SET_MODE:
                    self._accept(asked)
                else:
                    self._decide(asked)

    def _is_for_next(self, asked: ClientRequest) -> bool:
        """Whether a Load came before it, and OCS has not shown what became of that: it is for another session."""
        loads = [other for other in self.requests if other.request is Request.LOAD and not other.doubted]
        return any(load.number < asked.number for load in loads)

    def _accept(self, accepted: ClientRequest) -> None:
        self.requests.forget(accepted)
        if accepted.session == OURS:
            self.announce(News.STOPPED_WITH_RECORDS, f"our {accepted.request.value} was accepted when no longer wanted")
            return
        self._give_way_to(accepted)
        if accepted.taken and accepted.request is Request.SET_MODE:
            self.learn_mode(accepted.mode)
        self._decide(accepted)

    def _give_way_to(self, accepted: ClientRequest) -> None:
        """OCS accepts a client's Load or Start: the group is wanted (R22)."""
        if accepted.request in (Request.LOAD, Request.START) and self.completion is not None:
            self.completion.abandon(f"a client's {accepted.request.value} was accepted")

    def _decide(self, accepted: ClientRequest) -> None:
        """The latest accepted request arms or disarms (R3)."""
        decides = accepted.request in DECIDES and self.state is not State.UNLOADED
        if decides and accepted.number > self.current.decided_by:
            self.current.decided_by = accepted.number
            bears = "with" if accepted.armed else "without"
            self._arm(accepted.armed, f"a client's {accepted.request.value} {bears} it")

    def _arm(self, armed: bool, why: str = "") -> None:
        if armed != self.current.armed:
            self.current.armed = armed
            self.announce(News.ARMED if armed else News.DISARMED, why)
            if self.completion is not None and not armed:
                self.completion.disarmed()

    def ask_about_silence(self, now: float) -> None:
        """Ask for the status where a client's request has been met with silence (R4).

        While the control session is away they wait for it; where the group's ids do not suffice to ask, and where
        OCS leaves the questions unanswered, they are given up.
        """
        if not self.requests.has_any:
            return
        silent = [asked for asked in self.requests if asked.due_at <= now]
        for asked in silent:
            asked.due_at = now + self.policy.answer_timeout
            if asked.times_asked >= self.policy.attempts:
                self.requests.forget(asked)
                self.around.add("client_requests_never_answered")
            elif self.can_ask or self.missing_ids or self.out_of_reach is None:
                asked.times_asked += 1
        if self.can_ask:
            self._ask_about([asked for asked in silent if asked in self.requests])

    def _ask_about(self, requests: Sequence[ClientRequest]) -> None:
        if requests:
            reference = self.ask_status()
            for asked in requests:
                asked.asked = reference

    def ask_status(self) -> int:
        """Ask OCS for the status; where that cannot be done, the question will be met with silence.

        The reference of the request: an answer has the same, or none, as a report has, which comes by itself.
        """
        reference, source = self.around.references.take(), self.asked_over
        if source not in (None, REPORTS):
            self.around.tell(AskStatus(self.title, source, self.names, reference))
        return reference

    def connected(self, source: str, now: float) -> None:
        """A source of OCS's words is there: the status is asked, whatever was known (R2)."""
        if source != self.asked_over:
            return
        reference = self.ask_status()
        for asked in self.requests:
            asked.asked, asked.due_at = reference, now + self.policy.answer_timeout
        if self.completion is not None:
            self.completion.asked_again(reference, now)

    # -------------------------------------------------------------------------------------------- signs and evidence

    def sign(self, now: float) -> None:
        """A sign of a call or a record: the time to settle begins anew."""
        self.last_sign = now

    def record_shows(self, now: float, in_hand: bool = False) -> None:
        """Something shows a record: evidence is taken back (R13), a Stop not yet accepted is not meant (R23).

        `in_hand` where OCS has it in hand again: it was returned or retrieved.
        """
        self.sign(now)
        if self.current.evidence.take_back() and self.held_since is not None:
            self.announce(News.EVIDENCE_GONE, "a record shows")
        if self.completion is not None:
            self.completion.record_shows(in_hand)

    def trouble(self, over: bool) -> None:
        """SystemError starts or is over: until then nothing is evidence, and what was so far never will be (R14)."""
        self.in_trouble = not over
        if self.in_trouble:
            if self.current.evidence.take_back():
                self.announce(News.EVIDENCE_GONE, "SystemError")
            for tally in self.current.tallies.values():
                tally.begin_anew()

    def lose_count(self) -> None:
        """Nobody knows any more what became of its records, until OCS loads it anew.

        A session that is found by a status may have begun before, with records that nobody saw.
        """
        self.session.evidence.take_back()
        if self.is_alive and not self.uncounted:
            self.announce(News.COUNT_LOST, "it is not completed until it is loaded anew")
        self.uncounted = True
        if self.completion is not None:
            self.completion.count_lost()

    @property
    def evidence_of_sessions(self) -> list[int]:
        """The sessions of desktops that say that there are no more records."""
        told = (source.partition(_SESSION) for source in self.session.evidence.given)
        return [int(number) for before, _, number in told if not before and number.isdecimal()]

    def agents_among(self, dns: KeysView[str]) -> Set[str]:
        """Those of the DNs that are of its agents: who is known by now, or was in the session before, and may come."""
        former = self.former.agents if self.former is not None else {}
        return (dns & self.session.agents.keys()) | (dns & former.keys())

    def touch(self, now: float) -> None:
        """A record was delivered or retrieved: from now on this run's evidence counts (R15)."""
        if not self.in_run:
            self.touched_at = now
        self.current.evidence.touched = True

    def says_no_more(self, source: str, now: float, counts_records: bool = False) -> None:
        """A source says that there are no more records (R12, R15). Only a run can give evidence."""
        if self.state is State.RUNNING and not self.in_trouble and not self.unconfirmed and not self.around.late:
            evidence = self.session.evidence
            evidence.says(source, now, counts_records, self.policy.complete_untouched)

    def witness_tells(self, witness: str, began: bool) -> None:
        """A witness tells where a session begins, or ends, in what it tells.

        It may be ahead of OCS's word, or behind: what it told before the beginning is of another session, and what it
        tells after the end belongs to the session that is about to begin. An end whose beginning it did not tell is
        that of an earlier session.
        """
        told = self.current.tallies.get(witness)
        if told is not None and not self.is_alive:
            del self.current.tallies[witness]
        elif told is not None and told.begun:
            told.over, told.whole = True, False
        if began:
            self._told_of(witness).tallies[witness] = Tally(whole=True, begun=True)

    def tally(self, witness: str) -> Tally:
        """What a witness knows of the session that it is telling of now."""
        return self._told_of(witness).tallies.setdefault(witness, Tally())

    def _told_of(self, witness: str) -> GroupSession:
        told = self.current.tallies.get(witness)
        is_of_next = told is not None and told.over and self.is_alive and witness in self.around.witnesses
        return self._about_to_begin if is_of_next else self.current  # what it tells of the past ends with what is

    def compare_witnesses(self) -> None:
        """Report where one says that there are records to retrieve, and another that nothing is there, once."""
        tallies = sorted(self.session.tallies.items())
        more = [f"{name}: {tally.ready} ready" for name, tally in tallies if tally.ready]
        none = [f"{name}: none" for name, tally in tallies if tally.empty]
        differ = bool(more and none)
        if differ and not self.session.witnesses_differ:
            self.around.add("witnesses_differ")
            self.announce(News.WITNESSES_DIFFER, ", ".join(more + none))
        self.session.witnesses_differ = differ

    def lose_evidence(self, source: str) -> bool:
        """A source is lost, and what it said (R14). Whether it had said anything."""
        lost = self.session.evidence.lose(source)
        if lost:
            self.announce(News.EVIDENCE_GONE, "whoever gave it is gone")
        return lost
