"""One campaign group: what is known of it, and the sessions and runs that its life brings.

What happens to it is told in rooms of their own: OCS's `word`, and `doubt` where another source tells it otherwise;
clients' requests, and how they come to its `arming`; `asking` OCS; `signs` of records, and evidence that there are
none; `tallies` of witnesses; another group that turns out to be this one (`joining`).
"""

from __future__ import annotations

from proxy.campaign.around import Surroundings
from proxy.campaign.clients import ClientRequests
from proxy.campaign.confirmation import Confirmation
from proxy.campaign.course import Course
from proxy.campaign.group_session import GroupSession
from proxy.campaign.life import State, live
from proxy.campaign.notices import Notices
from proxy.campaign.observation import Announce, GroupNames, News, Word
from proxy.campaign.policy import By, Policy
from proxy.campaign.reach import Reach
from proxy.campaign.requests import DesktopRequest


class Group:
    """One campaign group. `policy` and `names` may become better known; everything else follows what is seen.

    `session` is the one that is, or was last, `former` the one before it. `reach`: over whom OCS hears of it.
    `requests` are clients' without an answer, `awaiting` those of desktops for a record.

    `unconfirmed`: the proxy was started anew, and OCS has not said yet that the group still is as it was. `uncounted`:
    its records were lost track of, and it has not been loaded since. `doubt_due_at`: when what another source told
    last (`told_elsewhere`) has been in contradiction to the state for too long.
    """

    reach: Reach

    def __init__(
        self,
        names: GroupNames,
        policy: Policy,
        around: Surroundings,
        is_configured: bool = False,
        number: int | None = None,
    ) -> None:
        self.around = around
        self._names, self._policy = names, policy
        self._see_reach()
        self.is_configured = is_configured
        self.number = around.group_numbers.take() if number is None else number
        self.state = State.NULL
        self.life = live(self)
        self.session = GroupSession(0)
        self.former: GroupSession | None = None
        self._upcoming: GroupSession | None = None
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
        self._see_reach()

    @property
    def policy(self) -> Policy:
        """What is wanted done with it."""
        return self._policy

    @policy.setter
    def policy(self, policy: Policy) -> None:
        self._policy = policy
        self._see_reach()

    def _see_reach(self) -> None:
        self.reach = Reach.of(self._names, self._policy.control, self.around)

    def look_at_policy(self) -> None:
        """The policy is another one: a completion that is not wanted any more ends."""
        if self.completion is not None and (self._policy.by is not By.PROXY or not self._policy.complete):
            self.completion.abandon("the conf file wants none any more")

    def announce(self, news: News, text: str = "") -> None:
        """Report something about this group."""
        self.around.tell(Announce(news, self.title, text))

    # ----------------------------------------------------------------------------------------------- how it is

    @property
    def is_known(self) -> bool:
        """Whether OCS's word on it was ever heard."""
        return self.state is not State.NULL

    @property
    def is_alive(self) -> bool:
        """Whether OCS has it loaded, as far as is known."""
        return self.state not in (State.NULL, State.UNLOADED)

    @property
    def is_completing(self) -> bool:
        """Whether a completion has begun, and is not over, or an agent who is there has yet to be told of one."""
        return self.completion is not None or (self.notices is not None and self.notices.waiting)

    @property
    def is_blind(self) -> bool:
        """Whether one of its agents is on a session that cannot be read (R16)."""
        registrations = self.around.registrations
        return registrations.has_blind and any(map(registrations.is_blind, self.session.agents))

    def learn_mode(self, mode: str | None) -> None:
        """OCS tells the dial mode, or (None) does not."""
        if mode is not None and self.state is not State.UNLOADED:
            self.current.mode = mode

    # ------------------------------------------------------------------------------------------------ its sessions

    @property
    def current(self) -> GroupSession:
        """The session that what is seen now belongs to.

        A desktop's connection may be ahead of the one that brings OCS's word: what agents get while the group is
        not known to be loaded belongs to the session that is about to begin.
        """
        return self.session if self.is_alive else self.about_to_begin

    @property
    def about_to_begin(self) -> GroupSession:
        """The session that will begin next."""
        if self._upcoming is None:
            self._upcoming = self._new_session()
        return self._upcoming

    @property
    def upcoming(self) -> GroupSession | None:
        """The session that is about to begin, if something of it was seen."""
        return self._upcoming

    @property
    def sessions(self) -> tuple[GroupSession, ...]:
        """The session that is or was, and the one that is about to begin if something of it was seen."""
        return (self.session,) if self._upcoming is None else (self.session, self._upcoming)

    def _new_session(self) -> GroupSession:
        return GroupSession(self.session.number + 1)

    def take_up(
        self, state: State, session: GroupSession, former: GroupSession | None, upcoming: GroupSession | None
    ) -> None:
        """It is as it was when the proxy ended, as far as is known: what was seen before this is not of it."""
        self.state, self.unconfirmed = state, True
        self.life = live(self)
        self.session, self.former, self._upcoming = session, former, upcoming

    # ------------------------------------------------------------------------------ sessions and runs begin and end

    def begin_session(self) -> None:
        """See Lived: counters, evidence and armed begin anew. What agents still hold is of the former session."""
        self.former, self.session = self.session, self._upcoming or self._new_session()
        self._upcoming = None
        self._want("OCS loaded the group")
        self.announce(News.LOADED, f"session {self.session.number}")

    def end_session(self) -> None:
        """See Lived. What was seen before anything was known of the group is over as well."""
        self.requests.session_over()
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
