"""Who has heard what of one completion: every agent CampaignStopped, then CampaignUnloaded, once each (R25 to R27).

A Notices lives from the first Stop of a completion until the group is loaded or started anew. It says what to tell
whom; the words themselves go out as NotifyAgent commands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from attrs import define, field

from proxy.campaign.kept import KeptHearing, KeptNotices, Times
from proxy.campaign.observation import Word
from proxy.campaign.plain import ASIDE, MANY, Ordered
from proxy.campaign.registrations import Registrations

SWALLOW_FOR = 60.0
"""For how many seconds OCS's own word is swallowed after the proxy's (R26)."""

IN_ORDER = (Word.STOPPED, Word.UNLOADED)
"""What agents are told, in this order always."""


@define
class _Hearing:
    """What was heard, when the proxy said it, and what shall be heard, by when."""

    heard: set[Word] = field(factory=set)
    told: dict[Word, float] = field(factory=dict)
    waiting: dict[Word, float] = field(factory=dict)

    def expect(self, word: Word, due: float) -> None:
        """The word, and whatever goes before it, shall be heard by then."""
        for expected in IN_ORDER[: IN_ORDER.index(word) + 1]:
            if expected not in self.heard:
                self.waiting.setdefault(expected, due)

    def hear(self, word: Word) -> None:
        self.heard.add(word)
        self.waiting.pop(word, None)


@define
class _Agent:
    """One agent: his sessions; and what he heard in those that are gone, and is owed while he has none."""

    sessions: Ordered[int, _Hearing] = field(factory=dict)
    absent: _Hearing = field(factory=_Hearing)
    absent_too: list[_Hearing] = field(factory=list)

    def comes(self, session: int) -> _Hearing:
        """A session more. One who comes back goes on where he left; another desktop of his begins anew.

        When the proxy was started anew, all his desktops come back.
        """
        hearing = self.next_one
        if not self.sessions:
            self.absent = _Hearing()
        elif self.absent_too:
            self.absent_too.pop()
        self.sessions[session] = hearing
        return hearing

    @property
    def next_one(self) -> _Hearing:
        """What a session more would have heard, and be owed."""
        if not self.sessions:
            return self.absent
        if self.absent_too:
            return self.absent_too[-1]
        waiting = [hearing.waiting for hearing in self.sessions.values()]
        return _Hearing(waiting={word: due for words in waiting for word, due in words.items()})

    @property
    def hearings(self) -> list[_Hearing]:
        """Of all his sessions; of those that he had, while he has none."""
        return [*(self.sessions.values() or (self.absent,)), *self.absent_too]

    def goes(self, session: int) -> None:
        """A session is gone: what it was to hear is owed to the agent, unless he hears it elsewhere."""
        gone = self.sessions.pop(session, None)
        if gone is None:
            return
        self.absent.heard |= gone.heard
        self.absent.told.update(gone.told)
        self.absent.waiting = {word: due for word, due in gone.waiting.items() if word not in self.absent.heard}


@define(eq=False)
class Notices:
    """What the agents of a group were told, and have yet to be told, of one completion.

    `tell(session, dn, word)` sends a notification. While it is `held`, nobody is told because he comes.
    """

    _registrations: Registrations = field(metadata=ASIDE)
    _tell: Callable[[int, str, Word], None] = field(metadata=ASIDE)
    _wait: float
    _agents: Ordered[str, _Agent] = field(factory=dict, metadata=MANY)
    _let_go: set[str] = field(factory=set, metadata=MANY)
    held: bool = False

    # ------------------------------------------------------------------------------------------- OCS and its words

    def begin(self, word: Word, dns: Iterable[str], now: float) -> None:
        """OCS's word is `word`: every agent shall hear it, from OCS within the wait, else from us."""
        for dn in dns:
            if dn not in self._let_go:
                agent = self._agent(dn)
                for hearing in agent.hearings:
                    hearing.expect(word, now + self._wait)

    def heard(self, session: int, dn: str, word: Word, now: float) -> bool:
        """OCS's own word is about to reach a session of an agent; whether it is to be swallowed (R26).

        If it is CampaignUnloaded and this session has not heard CampaignStopped, that goes in first (R25).
        """
        if dn in self._let_go:
            return False
        agent = self._agent(dn)
        hearing = agent.sessions.get(session) or agent.comes(session)
        told = hearing.told.get(word)
        if told is not None and now - told <= SWALLOW_FOR:
            return True
        if word is Word.UNLOADED and Word.STOPPED not in hearing.heard:
            self._say(hearing, session, dn, Word.STOPPED, now)
        hearing.hear(word)
        return False

    def would_hear(self, session: int, dn: str, word: Word, now: float) -> tuple[bool, bool]:
        """What `heard` would say, and whether CampaignStopped would go in first. Nothing is changed.

        A session that was not registered would be now, and an agent who has no other is told first what he is owed.
        """
        if dn in self._let_go:
            return False, False
        agent = self._agents.get(dn) or _Agent()
        hearing = agent.sessions.get(session) or agent.next_one
        owed = hearing.waiting.keys() if not (agent.sessions or self.held) else ()
        told = hearing.told.get(word)
        is_told = word in owed or (told is not None and now - told <= SWALLOW_FOR)
        stopped_first = not is_told and word is Word.UNLOADED and Word.STOPPED not in hearing.heard
        return is_told, stopped_first or Word.STOPPED in owed

    def news(self, dn: str) -> None:
        """An agent hears that the group is loaded or started again: nothing waits for him any more (R27)."""
        self._agents.pop(dn, None)
        self._let_go.add(dn)

    # ---------------------------------------------------------------------------------------------- who is there

    def registered(self, session: int, dn: str, now: float) -> None:
        """An agent has a session more; if he had none, what is owed to him is told, in order (R27)."""
        agent = self._agents.get(dn)
        if agent is None:
            return
        comes_back = not agent.sessions
        hearing = agent.comes(session)
        if comes_back and not self.held:
            self._say_all(hearing, session, dn, list(hearing.waiting), now)

    def unregistered(self, session: int, dn: str) -> None:
        """A session of an agent is gone."""
        if dn in self._agents:
            self._agents[dn].goes(session)

    def _agent(self, dn: str) -> _Agent:
        if dn not in self._agents:
            self._agents[dn] = _Agent({session: _Hearing() for session in sorted(self._registrations.sessions(dn))})
        return self._agents[dn]

    # ---------------------------------------------------------------------------------------------- who is told

    def _hearings(self) -> Iterator[tuple[int, str, _Hearing]]:
        for dn, agent in self._agents.items():
            for session, hearing in agent.sessions.items():
                yield session, dn, hearing

    @property
    def waiting(self) -> bool:
        """Whether an agent who has a session has yet to be told."""
        return any(hearing.waiting for _, _, hearing in self._hearings())

    @property
    def next_due(self) -> float | None:
        """When the next notification goes out."""
        return min((due for _, _, hearing in self._hearings() for due in hearing.waiting.values()), default=None)

    def fall_due(self, now: float) -> None:
        """Tell those whom OCS has left untold for long enough."""
        for session, dn, hearing in self._hearings():
            self._say_all(hearing, session, dn, [word for word, due in hearing.waiting.items() if due <= now], now)

    def _say_all(self, hearing: _Hearing, session: int, dn: str, words: list[Word], now: float) -> None:
        for word in sorted(words, key=IN_ORDER.index):
            self._say(hearing, session, dn, word, now)

    def _say(self, hearing: _Hearing, session: int, dn: str, word: Word, now: float) -> None:
        hearing.told[word] = now
        hearing.hear(word)
        self._tell(session, dn, word)

    def is_told(self, session: int, dn: str, word: Word) -> bool:
        """Whether a session of an agent counts as told by the proxy; not where he heard since that it was wanted."""
        agent = self._agents.get(dn)
        hearing = agent.sessions.get(session) if agent is not None else None
        return hearing is not None and word in hearing.told

    # ------------------------------------------------------------------------------------------------------ kept

    def kept(self, times: Times) -> KeptNotices:
        """As it is kept: of each agent, what was heard on each of his sessions."""
        return KeptNotices(
            {dn: [_kept(hearing, times) for hearing in agent.hearings] for dn, agent in self._agents.items()},
            sorted(self._let_go),
        )

    def take_up(self, kept: KeptNotices, now: float, times: Times) -> None:
        """All as it was, but that nobody has a session, and nobody is told anything while it is held."""
        self.held = True
        self._let_go = set(kept.let_go)
        for dn, hearings in kept.agents.items():
            first, *others = (_taken_up(hearing, now + self._wait, times) for hearing in hearings)
            self._agents[dn] = _Agent(absent=first, absent_too=others)


def _kept(hearing: _Hearing, times: Times) -> KeptHearing:
    told = {word: times.kept(when) for word, when in hearing.told.items()}
    return KeptHearing(
        [word for word in IN_ORDER if word in hearing.heard],
        told,
        [word for word in IN_ORDER if word in hearing.waiting],
    )


def _taken_up(kept: KeptHearing, due: float, times: Times) -> _Hearing:
    told = {word: times.past(when) for word, when in kept.told.items()}
    return _Hearing(set(kept.heard), told, dict.fromkeys(kept.waiting, due))
