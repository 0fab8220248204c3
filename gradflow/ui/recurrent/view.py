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
from gradflow.ui.recurrent.state import PAGE, RecurrentView
from gradflow.ui.recurrent.through_time import show_pass
from gradflow.ui.recurrent.training import show_short_training

QUESTION = N_(
    "A recurrent network uses the same weights at every time step. On its way back the gradient "
    "meets them again and again: what does one step leave of it, and what after a hundred?"
)
TITLES: dict[str, str] = {
    RecurrentView.TIME: N_("Through time"),
    RecurrentView.GATES: N_("Gates"),
    RecurrentView.CELLS: N_("Cells side by side"),
    RecurrentView.FACTORS: N_("One idea: a factor of one"),
    RecurrentView.CLIPPING: N_("Clipping"),
    RecurrentView.TRAINING: N_("Training"),
}


def show_view() -> None:
    """Show the view that is chosen and its settings, and let the URL carry them."""
    if PAGE.view == RecurrentView.TRAINING:  # its settings can be used while it runs
        _show_settings()
    try:
        settings = PAGE.form.read()
        _VIEWS[PAGE.view](settings)
        PAGE.sync_url(settings)
    except GradflowError as error:
        blocks.show_error(error)
    if (
        PAGE.view != RecurrentView.TRAINING
    ):  # the figure first: a browser draws in the order of arrival
        _show_settings()


def _show_settings() -> None:
    with st.sidebar:
        draw_controls(PAGE.view)


_VIEWS: dict[str, Callable[[Any], None]] = {
    RecurrentView.TIME: show_pass,
    RecurrentView.GATES: show_gates,
    RecurrentView.CELLS: show_cells,
    RecurrentView.FACTORS: show_factors,
    RecurrentView.CLIPPING: show_clipping,
    RecurrentView.TRAINING: show_short_training,
}
