"""The views of the page on recurrent networks: which function draws which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from gradflow.core.errors import GradflowError
from gradflow.core.text import N_
from gradflow.ui import blocks
from gradflow.ui.recurrent.cells import show_cells
from gradflow.ui.recurrent.clipping import show_clipping
from gradflow.ui.recurrent.controls import draw_controls
from gradflow.ui.recurrent.factors import show_factors
from gradflow.ui.recurrent.gates import show_gates
from gradflow.ui.recurrent.state import PAGE, View
from gradflow.ui.recurrent.through_time import show_pass
from gradflow.ui.recurrent.training import show_training

QUESTION = N_(
    "A recurrent network uses the same weights at every time step. On its way back the gradient "
    "meets them again and again: what does one step leave of it, and what after a hundred?"
)
TITLES: dict[str, str] = {
    View.TIME: N_("Through time"),
    View.GATES: N_("Gates"),
    View.CELLS: N_("Cells side by side"),
    View.FACTORS: N_("One idea: a factor of one"),
    View.CLIPPING: N_("Clipping"),
    View.TRAINING: N_("Training"),
}


def show_view() -> None:
    """Show the view that is chosen and its settings, and let the URL carry them."""
    if PAGE.view == View.TRAINING:  # its settings can be used while it runs
        _show_settings()
    try:
        settings = PAGE.form.read()
        _VIEWS[PAGE.view](settings)
        PAGE.sync_url(settings)
    except GradflowError as error:
        blocks.show_error(error)
    if PAGE.view != View.TRAINING:  # the figure first: a browser draws in the order of arrival
        _show_settings()


def _show_settings() -> None:
    with st.sidebar:
        draw_controls(PAGE.view)


_VIEWS: dict[str, Callable[[Any], None]] = {
    View.TIME: show_pass,
    View.GATES: show_gates,
    View.CELLS: show_cells,
    View.FACTORS: show_factors,
    View.CLIPPING: show_clipping,
    View.TRAINING: show_training,
}
