"""What follows a run: curves, layers, Flow figure. They rerun by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from gradflow.charts.flow.data import GRADIENTS
from gradflow.charts.flow.text import SYMBOLS
from gradflow.charts.training.data import QUANTITIES, Lane
from gradflow.charts.training.film import GRADIENT, SIGNAL
from gradflow.charts.training.history import history_figure
from gradflow.charts.training.layers import layers_figure, speeds_figure
from gradflow.charts.training.learning import Curve, learning_figure
from gradflow.charts.training.steps import steps_figure
from gradflow.core.text import N_, _
from gradflow.ui import blocks
from gradflow.ui.film.player import FilmRun, draw_player
from gradflow.ui.fragments import make_fragment
from gradflow.ui.settings.state import read_widget, show_in_widget
from gradflow.ui.training import film_route, flow, lanes, penalties, state, words
from gradflow.ui.training.sessions import SESSIONS

T = TypeVar("T")
_OVER_STEPS = ("training_learning", "training_layers", "training_history")
"""Names of the figures in which the film's step is marked."""
_HISTORIES = ("activation", *GRADIENTS)
"""Quantities whose histograms over the steps can take the place of the map of numbers."""
_SHORTEST_FILM, _LONGEST_FILM = 12.0, 60.0
"""Seconds that a film takes at speed 1; between them, as long as the steps took."""
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
    quickly, slowly = (slower * every if running else None for every in (CURVES_EVERY, FLOW_EVERY))
    make_fragment(_show_player, run_every=slowly)()
    curves, river = st.columns(_SHARES[count], gap="medium")
    with curves:
        make_fragment(_show_curves, run_every=quickly)(running)
    with river:
        make_fragment(flow.show_flow, run_every=slowly)()


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


def _show_player() -> None:
    """Show the player of the film of all runs."""
    session = state.open_session()
    shown = lanes.list_shown(session)
    group = session.group
    computed = 0.0 if group is None else group.seconds
    draw_player(
        [
            FilmRun(
                shown_run.letter,
                film_route.write_address(shown_run.source),
                len(shown_run.run.frames),
                shown_run.over,
                words.describe_end(shown_run.run),
            )
            for shown_run in shown
        ],
        key="training_player",
        flow=flow.KEY,
        steps=_OVER_STEPS,
        planned=max(
            (
                shown_run.run.records[-1].step
                if shown_run.over and shown_run.run.records
                else shown_run.run.plan.steps
            )
            for shown_run in shown
        ),
        seconds=min(_LONGEST_FILM, max(_SHORTEST_FILM, computed)),
    )


def _show_curves(running: bool) -> None:
    group = state.open_session().group
    drawn = [shown_run.make_lane() for shown_run in lanes.list_shown(state.open_session())]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        curve = _choose(_("Curve"), "training_curve", list_curves(drawn), 124)
        quantity = _choose_quantity()
        layer = _choose_layer() if quantity in _HISTORIES else 0
    mode = blocks.read_mode()
    figure = learning_figure(drawn, curve=curve, mode=mode)
    blocks.show_figure(figure, _OVER_STEPS[0], _("Loss or accuracy over the steps"))
    if quantity in _HISTORIES:
        figure = _draw_history(drawn, quantity, layer)
        alt = _("Distribution in layer {n} over the steps").format(n=layer)
        blocks.show_figure(figure, _OVER_STEPS[2], alt)
    else:
        figure = layers_figure(drawn, quantity=quantity, mode=mode)
        blocks.show_figure(figure, _OVER_STEPS[1], _("Map of layers over steps"))
    if group is not None:
        st.caption(words.describe_progress(group))
    if running and (group is None or not group.running):
        st.rerun()  # once more as a whole: what is said of a run that has ended


def _draw_history(drawn: list[Lane], what: str, layer: int) -> go.Figure:
    """Draw the distributions of a layer over the steps of all runs."""
    gradient = next((name for name in GRADIENTS if name == what), GRADIENTS[0])
    shown = lanes.list_shown(state.open_session())
    return history_figure(
        drawn,
        [shown_run.make_film(gradient) for shown_run in shown],
        layer=layer,
        band=SIGNAL if what == "activation" else GRADIENT,
        mode=blocks.read_mode(),
    )


def _choose_layer() -> int:
    runs = [shown_run.run for shown_run in lanes.list_shown(state.open_session())]
    deepest = max((len(run.records[0].modules) for run in runs if run.records), default=1)
    names = {n: _("layer {n}").format(n=n) for n in range(1, deepest + 1)}
    return _choose(_("Layer"), "training_layer", names, 110)


def list_curves(drawn: Sequence[Lane]) -> dict[Curve, str]:
    """List the curves that the runs have: in regression there is no accuracy."""
    recorded = [lane for lane in drawn if len(lane.steps)]
    has_accuracy = any(not np.isnan(lane.numbers["accuracy"]).all() for lane in recorded)
    left_out = "accuracy" if recorded and not has_accuracy else None
    return {curve: _(name) for curve, name in _CURVES.items() if curve != left_out}


def _choose_quantity() -> str:
    names = {
        code: f"{_(what.label)} {_find_symbol(code)}".strip() for code, what in QUANTITIES.items()
    }
    for code in _HISTORIES:
        names[code] = _("Histograms of {symbol}").format(symbol=SYMBOLS[code])
    return _choose(_("What the map shows"), "training_quantity", names, 224)


def _choose(label: str, key: str, names: Mapping[T, str], width: int) -> T:
    """Draw a list in a row of controls; ``width`` is in pixels."""
    if read_widget(key) not in names:  # what was chosen of other runs
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
    shown = lanes.list_shown(state.open_session())
    drawn = [shown_run.make_lane() for shown_run in shown]
    panels = {
        _("Speed of each layer"): lambda: _show_speeds(drawn),
        _("Clipping and rate"): lambda: _show_steps(drawn),
    }
    if penalized := penalties.list_penalized(shown):
        panels[_("L1 and L2")] = lambda: penalties.show_penalties(penalized)
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
