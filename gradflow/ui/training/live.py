"""What follows a run: curves, layers, Flow figure. They rerun by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import streamlit as st

from gradflow.charts.training.data import QUANTITIES, Lane
from gradflow.charts.training.layers import layers_figure, speeds_figure
from gradflow.charts.training.learning import Curve, learning_figure
from gradflow.charts.training.steps import steps_figure
from gradflow.core.text import N_, _
from gradflow.ui import blocks
from gradflow.ui.fragments import make_fragment
from gradflow.ui.settings.state import read_widget, show_in_widget
from gradflow.ui.training import flow, lanes, state, words
from gradflow.ui.training.sessions import SESSIONS

T = TypeVar("T")
CURVES_EVERY = 0.4
"""Seconds between two drawings of the curves of a run."""
FLOW_EVERY = 1.0
"""Seconds between two drawings of what changes less and takes longer."""
FULL_PACE_SESSIONS = 4
"""Sessions that may follow a run at this pace; a class that trains at once looks less often."""
_SHARES = {1: (5, 6), 2: (5, 6), 3: (3, 2), 4: (3, 2)}
"""Widths of the curves and of the Flow figure, by the number of runs."""
_CURVES: dict[Curve, str] = {
    "log_loss": N_("Loss, log"),
    "loss": N_("Loss"),
    "accuracy": N_("Accuracy"),
}


def show_live(count: int, *, running: bool) -> None:
    """Show all that follows a run on one screen.

    Args:
        count: of the runs.
        running: whether a run advanced when the page began to be drawn; if not, nothing reruns.
    """
    slower = compute_slowdown(SESSIONS.count_running())
    curves, river = st.columns(_SHARES[count], gap="medium")
    with curves:
        every = slower * CURVES_EVERY if running else None
        make_fragment(_show_curves, run_every=every, key=flow.CURVES)(running)
    with river:
        every = slower * FLOW_EVERY if running else None
        make_fragment(flow.show_step_flow, run_every=every, key=flow.FLOW)()


def show_more(*, running: bool) -> None:
    """Show the figures that are looked at less often, in tabs."""
    every = compute_slowdown(SESSIONS.count_running()) * FLOW_EVERY if running else None
    make_fragment(_draw_panels, run_every=every)()


def compute_slowdown(sessions: int) -> float:
    """Compute the factor on the time between two drawings while so many sessions follow a run.

    A drawing takes the server about 40 ms: thirty laptops at full pace would want three
    processor cores for that alone.
    """
    return max(1.0, sessions / FULL_PACE_SESSIONS)


def _show_curves(running: bool) -> None:
    group = state.open_session().group
    drawn = [shown_run.make_lane() for shown_run in lanes.list_shown(state.open_session())]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        curve = _choose(_("Curve"), "training_curve", _list_curves(drawn), 124)
        quantity = _choose_quantity()
    step = None if running else state.STEP.get()
    mode = blocks.read_mode()
    figure = learning_figure(drawn, curve=curve, step=step, mode=mode)
    blocks.show_figure(figure, "training_learning", _("Loss or accuracy over the steps"))
    figure = layers_figure(drawn, quantity=quantity, step=step, mode=mode)
    blocks.show_figure(figure, "training_layers", _("Map of layers over steps"))
    if group is not None:
        st.caption(words.describe_progress(group))
    if running and (group is None or not group.running):
        st.rerun()  # once more as a whole: what is said of a run that has ended


def _list_curves(drawn: Sequence[Lane]) -> dict[Curve, str]:
    """List the curves that the runs have: in regression there is no accuracy."""
    recorded = [lane for lane in drawn if len(lane.steps)]
    has_accuracy = any(not np.isnan(lane.numbers["accuracy"]).all() for lane in recorded)
    left_out = "accuracy" if recorded and not has_accuracy else None
    return {curve: _(name) for curve, name in _CURVES.items() if curve != left_out}


def _choose_quantity() -> str:
    names = {
        code: f"{_(what.label)} {_find_symbol(code)}".strip() for code, what in QUANTITIES.items()
    }
    return _choose(_("What the map shows"), "training_quantity", names, 224)


def _choose(label: str, key: str, names: Mapping[T, str], width: int) -> T:
    """Draw a list in a row of controls; ``width`` is in pixels."""
    if read_widget(key) not in names:
        show_in_widget(key, next(iter(names)))
    chosen: T = st.selectbox(
        label,
        list(names),
        key=key,
        format_func=lambda code: names[code],
        label_visibility="collapsed",
        width=width,
    )
    return chosen


def _find_symbol(code: str) -> str:
    what = QUANTITIES[code]
    return what.symbol if "‖" in what.symbol else ""


def _draw_panels() -> None:
    drawn = [shown_run.make_lane() for shown_run in lanes.list_shown(state.open_session())]
    panels = {
        _("Speed of each layer"): lambda: _show_speeds(drawn),
        _("Clipping and rate"): lambda: _show_steps(drawn),
    }
    blocks.draw_tabs_in_place(panels, "training_panels")


def _show_speeds(drawn: list[Lane]) -> None:
    figure = speeds_figure(drawn, mode=blocks.read_mode())
    blocks.show_figure(figure, "training_speeds", _("How fast each layer moves"))
    blocks.explain("training_speeds")


def _show_steps(drawn: list[Lane]) -> None:
    figure = steps_figure(drawn, mode=blocks.read_mode())
    blocks.show_figure(
        figure, "training_steps", _("Gradient norm before and after clipping, learning rate")
    )
    blocks.explain("training_steps")
