"""What the buttons of the page do: callbacks."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from gradflow.core.errors import GradflowError
from gradflow.core.training.cures import Cure
from gradflow.ui.training import lanes, runs, state

P = ParamSpec("P")


def _complaining(action: Callable[P, None]) -> Callable[P, None]:
    """What goes wrong is said on the page."""

    @wraps(action)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            action(*args, **kwargs)
        except GradflowError as error:
            state.complain(str(error))

    return wrapped


@_complaining
def play() -> None:
    """Go on, or train anew what the settings describe."""
    state.adopt()
    state.follow()
    _group().play()


@_complaining
def step() -> None:
    """Advance to the next record."""
    state.adopt()
    state.follow()
    _group().step()


def pause() -> None:
    """Let the runs pause."""
    if (group := state.session().group) is not None:
        group.pause()


def stop() -> None:
    """End the runs; their records stay on the page."""
    if (group := state.session().group) is not None:
        group.stop()


def reset() -> None:
    """End the runs and keep them as earlier ones, so that the page is free for the settings."""
    session = state.session()
    if session.group is not None:
        session.group.stop()
        session.keep(*runs.earlier(session.group, lanes.names(session.group)))
        session.group = None
    state.follow()


@_complaining
def preset_pressed() -> None:
    """Train the runs of a preset side by side."""
    if (code := state.preset_pressed()) is not None:
        state.load_preset(code)
        state.compare([])
        _begin().play()


@_complaining
def try_cure(cure: Cure, lane: int) -> None:
    """Train the changed run; the one that broke stays beside it."""
    session = state.session()
    assert session.group is not None
    broken = session.group.lanes[lane].run
    state.replace(cure.experiment, cure.plan)
    group = _begin()
    state.compare([key for key, kept in session.kept.items() if kept.run.records == broken.records])
    group.play()


@_complaining
def take_settings(key: str) -> None:
    """Make the controls show what an earlier run, or a file, was made with."""
    run = state.session().kept[key].run
    state.replace(lanes.experiment_of(run), run.plan)


def _group() -> runs.Group:
    """The runs that can go on, else new ones."""
    session = state.session()
    runs.SESSIONS.admit(session)
    group = session.group
    return _begin() if group is None or group.over else group


def _begin() -> runs.Group:
    session, setup = state.session(), state.setup()
    runs.SESSIONS.admit(session)
    before = session.group
    group = runs.SESSIONS.start(session, setup)
    if before is not None:
        session.keep(*runs.earlier(before, lanes.names(before)))
    state.began()
    return group
