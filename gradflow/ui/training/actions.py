"""What the buttons of the page do.

A press is carried out when the page is drawn, not in the button's callback: by then the settings
that were typed just before it have arrived, in whatever order the browser sent them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradflow.core.errors import GradflowError
from gradflow.core.training.cures import Cure
from gradflow.ui.settings.state import SessionValue, read_widget, show_in_widget
from gradflow.ui.training import lanes, state
from gradflow.ui.training.groups import RunGroup
from gradflow.ui.training.kept import EarlierRun
from gradflow.ui.training.sessions import SESSIONS, list_earlier

_PRESSED: SessionValue[tuple[Callable[..., None], tuple[Any, ...]] | None] = SessionValue(
    "training_pressed", lambda: None
)


def bind_press(action: Callable[..., None], *args: Any) -> dict[str, Any]:
    """Prepare a button for an action: the arguments that connect it."""
    return {"on_click": _PRESSED.set, "args": ((action, args),)}


def carry_out_press() -> None:
    """Do what was pressed since the page was drawn; say on the page what goes wrong."""
    pressed = _PRESSED.get()
    _PRESSED.set(None)
    if pressed is None:
        return
    action, args = pressed
    try:
        action(*args)
    except GradflowError as error:
        state.FORM.complain(error.message)


def bind_preset() -> dict[str, Any]:
    """Prepare the choice of a preset; without one, its settings are the user's own."""
    key = state.FORM.find_widget_key("preset")
    show_in_widget(key, state.find_preset())

    def press() -> None:
        if key != state.FORM.find_widget_key("preset"):
            return
        if code := read_widget(key):
            _PRESSED.set((train_preset, (code,)))
        else:
            state.leave_preset()

    return {"key": key, "on_change": press}


def play() -> None:
    """Go on, or train anew what the settings describe."""
    if (group := _find_group()) is not None:
        group.play()


def step() -> None:
    """Advance to the next record."""
    if (group := _find_group()) is not None:
        group.step()


def pause() -> None:
    """Let the runs pause."""
    if (group := state.open_session().group) is not None:
        group.pause()


def stop() -> None:
    """End the runs; their records stay on the page."""
    if (group := state.open_session().group) is not None:
        group.stop()


def reset() -> None:
    """End the runs and keep them as earlier ones, so that the page is free for the settings."""
    session = state.open_session()
    if (before := session.group) is not None:
        before.stop()
        session.group = None
        SESSIONS.keep(session, *list_earlier(before, lanes.name_runs(before)))


def train_preset(code: str) -> None:
    """Train the runs of a preset side by side."""
    state.load_preset(code)
    state.COMPARED.set([])
    _begin_group().play()


def try_cure(cure: Cure, lane: int) -> None:
    """Train the changed run; the one that broke stays beside it."""
    session = state.open_session()
    broken = lanes.list_shown(session)[lane]
    if session.group is None:
        SESSIONS.keep(session, EarlierRun(broken.name, broken.run))
    state.prepare_run(cure.experiment, cure.plan)
    group = _begin_group()
    earlier = session.earlier.items()
    state.COMPARED.set([key for key, kept in earlier if kept.run.records == broken.run.records])
    group.play()


def take_settings(key: str) -> None:
    """Make the controls show what an earlier run, or a file, was made with."""
    if (kept := state.open_session().earlier.get(key)) is not None:
        state.prepare_run(lanes.find_experiment(kept.run), kept.run.plan)


def _find_group() -> RunGroup | None:
    """Find the runs that can go on, else begin new ones; none if the page is to say why first."""
    session = state.open_session()
    group = session.group
    if group is not None and group.put_away and not group.is_told:
        return None
    SESSIONS.admit(session)
    return _begin_group() if group is None or group.over else group


def _begin_group() -> RunGroup:
    session, setup = state.open_session(), state.make_setup()
    SESSIONS.admit(session)
    before = session.group
    group = SESSIONS.start(session, setup)
    if before is not None:
        SESSIONS.keep(session, *list_earlier(before, lanes.name_runs(before)))
    state.begin_own_runs()
    return group
