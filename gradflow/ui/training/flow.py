"""The Flow figure of the runs, on which their film is played."""

from __future__ import annotations

import streamlit as st

from gradflow.charts.flow.data import GRADIENTS, Gradient
from gradflow.charts.flow.text import SYMBOLS
from gradflow.charts.training.film import film_figure
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.training import lanes, state
from gradflow.ui.training.lanes import ShownRun

KEY = "training_flow"
"""The name of the figure."""
_ALL_RUNS = "all"
_MOST_SIDE_BY_SIDE = 2
"""So many runs are shown side by side at first; of more one is."""
_HEIGHT, _LOWER_HEIGHT = 370, 336
"""Of the figure in pixels, so that all of a run fits a projector; the controls of more runs than
that take a line more."""


def show_flow() -> None:
    """Show what to look at, and the figure."""
    runs = lanes.list_shown(state.open_session())
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        gradient = _choose_gradient()
        chosen = _choose_runs(runs)
    blocks.show_figure(
        film_figure(
            [shown_run.make_film(gradient) for shown_run in chosen],
            height=_HEIGHT if len(runs) <= _MOST_SIDE_BY_SIDE else _LOWER_HEIGHT,
            mode=blocks.read_mode(),
        ),
        KEY,
        _("Distribution of activations and gradients, layer by layer; said of the first step"),
    )


def _choose_gradient() -> Gradient:
    symbols = {code: SYMBOLS[code] for code in GRADIENTS}
    return blocks.choose_one(_("Gradient"), symbols, "training_flow_gradient", "delta")


def _choose_runs(runs: list[ShownRun]) -> list[ShownRun]:
    """Draw the choice of all runs, or one of them in full size."""
    if len(runs) == 1:
        return runs
    names = {_ALL_RUNS: _("Side by side")} | {run.letter: run.letter for run in runs}
    first = _ALL_RUNS if len(runs) <= _MOST_SIDE_BY_SIDE else runs[0].letter
    chosen = blocks.choose_one(_("Runs"), names, f"training_flow_of_{len(runs)}", first)
    return [run for run in runs if chosen in (_ALL_RUNS, run.letter)]
