"""Sources of OCS's word: which tell states, and what a word says of the state, whoever tells it (R1).

Two sources are in no order with each other: a copy that is late in one is news only to who has not heard the other.
So a group follows one source, and lets the others raise a doubt at most.
"""

from __future__ import annotations

from proxy.campaign.life import State
from proxy.campaign.observation import Status, Word

REPORTS = "reports"
"""OCS's status reports: they answer by themselves, and cannot be asked."""

TELL_STATES = ("tevents", "direct", REPORTS)
"""The sources that tell the states of groups, the surest first (A); an HTTP success is acceptance only."""

CONTRADICTED: dict[Word, frozenset[State]] = {
    Word.LOADED: frozenset({State.NULL, State.UNLOADED, State.FAILED}),
    Word.STARTED: frozenset({State.NULL, State.UNLOADED, State.LOADED, State.FAILED}),
    Word.STOPPED: frozenset({State.NULL, State.RUNNING, State.FAILED}),
    Word.UNLOADED: frozenset(State) - {State.UNLOADED},
    Word.MODE_CHANGED: frozenset(),
}
"""The states that a group cannot be in when the word is true; loaded and stopped are true of one that went on."""

LAST_WORD: dict[Status, Word] = {
    Status.NOT_LOADED: Word.UNLOADED,
    Status.WAITING_UNLOAD: Word.STOPPED,
    Status.UNLOAD_IN_PROGRESS: Word.STOPPED,
    Status.INACTIVE: Word.MODE_CHANGED,
    Status.ACTIVE: Word.STOPPED,
    Status.RUNNING: Word.STARTED,
}
"""What OCS said last of a group that shows this status; of InActive, nothing of its life."""
