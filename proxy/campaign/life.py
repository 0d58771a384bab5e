"""The life cycle of a group (R1): which states there are, and what moves it from one to another.

A group follows OCS's word, never a client's request. A word for a state already reached is a copy and changes
nothing; words that a client's unanswered request makes news come in as `loaded_anew` and `started_anew`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from typing import Protocol

from automat import TypeMachineBuilder


class State(Enum):
    """Where a group is. STOPPING, UNLOADING: ours is sent, not accepted yet."""

    NULL = None
    UNLOADED = "unloaded"
    LOADED = "loaded"
    RUNNING = "running"
    STOPPING = "stopping"
    UNLOADING = "unloading"
    FAILED = "failed"


class Life(Protocol):
    """What can happen to a group. `found_...` is the answer to a status request, the rest are events."""

    def loaded(self) -> None:
        """OCS loaded the group."""

    def loaded_anew(self) -> None:
        """OCS loaded the group, as a client asked."""

    def started(self) -> None:
        """OCS started dialing."""

    def started_anew(self) -> None:
        """OCS started dialing, as a client asked."""

    def stopped(self) -> None:
        """OCS stopped dialing."""

    def unloaded(self) -> None:
        """OCS unloaded the group, or does not have it loaded."""

    def found_loaded(self) -> None:
        """OCS has the group loaded, and does not dial."""

    def found_running(self) -> None:
        """OCS dials."""

    def stop_sent(self) -> None:
        """Our own Stop is on its way."""

    def unload_sent(self) -> None:
        """Our own Unload is on its way."""

    def let_go(self) -> None:
        """Our own request is no longer wanted."""

    def gave_up(self) -> None:
        """Our own request had no effect."""


class Lived(Protocol):
    """What has a life: told when its sessions and runs begin and end."""

    state: State

    def begin_session(self) -> None:
        """A session begins."""

    def end_session(self) -> None:
        """The session is over."""

    def begin_run(self) -> None:
        """A run begins."""

    def end_run(self) -> None:
        """The run is over."""


class Effect(Enum):
    """What a transition means for sessions and runs."""

    END_RUN = "end_run"
    END_SESSION = "end_session"
    BEGIN_SESSION = "begin_session"
    BEGIN_RUN = "begin_run"


_NEW_SESSION = (Effect.BEGIN_SESSION,)
_NEW_RUN = (Effect.BEGIN_RUN,)
_NEW_BOTH = (Effect.BEGIN_SESSION, Effect.BEGIN_RUN)
_RUN_OVER = (Effect.END_RUN,)
_RESTART = (Effect.END_RUN, Effect.BEGIN_RUN)
_RELOAD = (Effect.END_RUN, Effect.END_SESSION, Effect.BEGIN_SESSION)
_OVER = (Effect.END_RUN, Effect.END_SESSION)

_Row = dict[Callable[[Life], None], tuple[State, tuple[Effect, ...]]]

_TABLE: dict[State, _Row] = {
    State.NULL: {
        Life.loaded: (State.LOADED, _NEW_SESSION),
        Life.loaded_anew: (State.LOADED, _NEW_SESSION),
        Life.started: (State.RUNNING, _NEW_BOTH),
        Life.started_anew: (State.RUNNING, _NEW_BOTH),
        Life.stopped: (State.LOADED, _NEW_SESSION),
        Life.unloaded: (State.UNLOADED, _OVER),
        Life.found_loaded: (State.LOADED, _NEW_SESSION),
        Life.found_running: (State.RUNNING, _NEW_BOTH),
    },
    State.UNLOADED: {
        Life.loaded: (State.LOADED, _NEW_SESSION),
        Life.loaded_anew: (State.LOADED, _NEW_SESSION),
        Life.started: (State.RUNNING, _NEW_BOTH),
        Life.started_anew: (State.RUNNING, _NEW_BOTH),
        Life.found_loaded: (State.LOADED, _NEW_SESSION),
        Life.found_running: (State.RUNNING, _NEW_BOTH),
    },
    State.LOADED: {
        Life.loaded_anew: (State.LOADED, _RELOAD),
        Life.started: (State.RUNNING, _NEW_RUN),
        Life.started_anew: (State.RUNNING, _NEW_RUN),
        Life.unloaded: (State.UNLOADED, _OVER),
        Life.found_running: (State.RUNNING, _NEW_RUN),
        Life.unload_sent: (State.UNLOADING, ()),
        Life.gave_up: (State.FAILED, ()),
    },
    State.RUNNING: {
        Life.loaded_anew: (State.LOADED, _RELOAD),
        Life.started_anew: (State.RUNNING, _RESTART),
        Life.stopped: (State.LOADED, _RUN_OVER),
        Life.unloaded: (State.UNLOADED, _OVER),
        Life.found_loaded: (State.LOADED, _RUN_OVER),
        Life.stop_sent: (State.STOPPING, ()),
    },
    # OCS's loaded or started, seen while ours is on its way, is news: somebody wants the group (R22).
    State.STOPPING: {
        Life.loaded: (State.LOADED, _RELOAD),
        Life.loaded_anew: (State.LOADED, _RELOAD),
        Life.started: (State.RUNNING, _RESTART),
        Life.started_anew: (State.RUNNING, _RESTART),
        Life.stopped: (State.LOADED, _RUN_OVER),
        Life.unloaded: (State.UNLOADED, _OVER),
        Life.found_loaded: (State.LOADED, _RUN_OVER),
        Life.let_go: (State.RUNNING, ()),
        Life.gave_up: (State.FAILED, ()),
    },
    State.UNLOADING: {
        Life.loaded: (State.LOADED, _RELOAD),
        Life.loaded_anew: (State.LOADED, _RELOAD),
        Life.started: (State.RUNNING, _NEW_RUN),
        Life.started_anew: (State.RUNNING, _NEW_RUN),
        Life.unloaded: (State.UNLOADED, _OVER),
        Life.found_running: (State.RUNNING, _NEW_RUN),
        Life.let_go: (State.LOADED, ()),
        Life.gave_up: (State.FAILED, ()),
    },
    State.FAILED: {
        Life.loaded: (State.LOADED, _RELOAD),
        Life.loaded_anew: (State.LOADED, _RELOAD),
        Life.started: (State.RUNNING, _RESTART),
        Life.started_anew: (State.RUNNING, _RESTART),
        Life.stopped: (State.LOADED, _RUN_OVER),
        Life.unloaded: (State.UNLOADED, _OVER),
        Life.found_loaded: (State.LOADED, _RUN_OVER),
        Life.found_running: (State.RUNNING, _RESTART),
    },
}

_INPUTS: tuple[Callable[[Life], None], ...] = (
    Life.loaded,
    Life.loaded_anew,
    Life.started,
    Life.started_anew,
    Life.stopped,
    Life.unloaded,
    Life.found_loaded,
    Life.found_running,
    Life.stop_sent,
    Life.unload_sent,
    Life.let_go,
    Life.gave_up,
)


def _transition(target: State, effects: tuple[Effect, ...]) -> Callable[[Life, Lived], None]:
    def move(life: Life, lived: Lived) -> None:
        lived.state = target
        for effect in effects:
            getattr(lived, effect.value)()

    return move


@lru_cache
def _built(beginning: State) -> Callable[[Lived], Life]:
    builder = TypeMachineBuilder(Life, Lived)  # type: ignore[type-abstract]
    in_order = sorted(State, key=lambda state: state is not beginning)  # a machine begins in its first state
    places = {state: builder.state(state.name.lower()) for state in in_order}
    for state, row in _TABLE.items():
        for happens in _INPUTS:
            target, effects = row.get(happens, (state, ()))
            places[state].upon(happens).to(places[target])(_transition(target, effects))
    return builder.build()


def live(lived: Lived) -> Life:
    """The Life of something, from the state that it is in."""
    return _built(lived.state)(lived)
