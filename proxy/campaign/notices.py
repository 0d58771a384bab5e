"""Who has heard what of one completion: every agent CampaignStopped, then CampaignUnloaded, once each (R25 to R28).

A Notices lives from the first Stop of a completion until the group is loaded or started anew. It says what to tell
whom; the words themselves go out as NotifyAgent commands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attrs import define, field

from proxy.campaign.observation import Word
from proxy.campaign.registrations import Registrations

SWALLOW_FOR = 60.0
"""For how many seconds OCS's own word is swallowed after the proxy's (R26)."""


@define
class _Told:
    """One agent: which words were heard, by which session, and when the proxy said them."""

    heard: set[tuple[int, Word]] = field(factory=set)
    by_proxy: dict[Word, float] = field(factory=dict)
    waiting: dict[tuple[int, Word], float] = field(factory=dict)
    owed: list[Word] = field(factory=list)

    def has_heard(self, word: Word) -> bool:
        return any(heard is word for _, heard in self.heard)

    def expects(self, word: Word) -> bool:
        return self.has_heard(word) or word in self.owed or any(waits is word for _, waits in self.waiting)


class Notices:
    """What the agents of a group were told, and have yet to be told, of one completion.

    `tell(session, dn, word)` sends a notification.
    """

    def __init__(self, registrations: Registrations, tell: Callable[[int, str, Word], None], wait: float) -> None:
        self._registrations = registrations
        self._tell = tell
        self._wait = wait
        self._agents: dict[str, _Told] = {}
        self._let_go: set[str] = set()

    def begin(self, word: Word, dns: Iterable[str], now: float) -> None:
        """OCS's word is `word`: every agent shall hear it, from OCS within the wait, else from us."""
        for dn in dns:
            if dn not in self._let_go:
                agent = self._agents.setdefault(dn, _Told())
                if word is Word.UNLOADED and not agent.expects(Word.STOPPED):
                    self._expect(agent, dn, Word.STOPPED, now)
                self._expect(agent, dn, word, now)

    def _expect(self, agent: _Told, dn: str, word: Word, now: float) -> None:
        sessions = self._registrations.sessions(dn)
        for session in sessions:
            if (session, word) not in agent.heard:
                agent.waiting[session, word] = now + self._wait
        if not sessions and not agent.has_heard(word):
            agent.owed.append(word)

    @property
    def waiting(self) -> bool:
        """Whether an agent who has a session has yet to be told."""
        return any(agent.waiting for agent in self._agents.values())

    @property
    def next_due(self) -> float | None:
        """When the next notification goes out."""
        return min((due for agent in self._agents.values() for due in agent.waiting.values()), default=None)

    def fall_due(self, now: float) -> None:
        """Tell those whom OCS has left untold for long enough: Stopped before Unloaded."""
        for dn, agent in self._agents.items():
            due = [key for key, when in agent.waiting.items() if when <= now]
            for session, word in sorted(due, key=lambda key: key[1] is Word.UNLOADED):
                self._say(agent, session, dn, word, now)

    def heard(self, session: int, dn: str, word: Word, now: float) -> bool:
        """OCS's own word is about to reach a session of an agent; whether it is to be swallowed (R26).

        If it is CampaignUnloaded and the agent has not heard CampaignStopped, that goes in first (R25).
        """
        if dn in self._let_go:
            return False
        agent = self._agents.setdefault(dn, _Told())
        told = agent.by_proxy.get(word)
        if told is not None and now - told < SWALLOW_FOR:
            return True
        if word is Word.UNLOADED and ((session, Word.STOPPED) in agent.waiting or not agent.has_heard(Word.STOPPED)):
            self._say(agent, session, dn, Word.STOPPED, now)
        self._mark(agent, session, word)
        return False

    def registered(self, session: int, dn: str, now: float) -> None:
        """An agent who had no session has one again: what is owed is told, in order."""
        agent = self._agents.get(dn)
        if agent is None:
            return
        for word in list(agent.owed):
            self._say(agent, session, dn, word, now)

    def unregistered(self, session: int, dn: str) -> None:
        """A session of an agent is gone: what it was to be told is owed to the agent, unless heard elsewhere."""
        agent = self._agents.get(dn)
        if agent is None:
            return
        for key in [key for key in agent.waiting if key[0] == session]:
            del agent.waiting[key]
            word = key[1]
            elsewhere = any(other is word for _, other in agent.waiting)
            if not elsewhere and not agent.has_heard(word) and word not in agent.owed:
                agent.owed.append(word)

    def news(self, dn: str) -> None:
        """An agent hears that a campaign of the group is loaded or started again: nothing waits for him (R27)."""
        self._agents.pop(dn, None)
        self._let_go.add(dn)

    def _say(self, agent: _Told, session: int, dn: str, word: Word, now: float) -> None:
        agent.by_proxy[word] = now
        self._mark(agent, session, word)
        self._tell(session, dn, word)

    def _mark(self, agent: _Told, session: int, word: Word) -> None:
        agent.heard.add((session, word))
        agent.waiting.pop((session, word), None)
        if word in agent.owed:
            agent.owed.remove(word)
