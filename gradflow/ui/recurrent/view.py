"""The views of the page on recurrent networks: which function draws which."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from gradflow.core.errors import GradflowError
from gradflow.core.spec import Spec
from gradflow.core.text import N_
from gradflow.ui import blocks
from gradflow.ui.recurrent import (
    cells,
    clipping,
    controls,
    factors,
    gates,
    state,
    through_time,
    training,
)
from gradflow.ui.recurrent.state import VIEWS, View

CLAIM = N_(
    "A recurrent network uses the same weights at every time step. On its way back the gradient "
    "meets them again and again: what does one step leave of it, and what after a hundred?"
)


def show(view: str) -> None:
    """Draw one view and its settings, and let the URL carry them."""
    state.adopt(view)
    try:
        if view == View.TRAINING:  # its settings can be used while it runs
            _settings(view)
        VIEWS.settled(view, _VIEWS[view]())
    except GradflowError as error:
        blocks.show_error(error)
    if view != View.TRAINING:  # the figure first: a browser draws in the order of arrival
        _settings(view)


def _settings(view: str) -> None:
    with st.sidebar:
        controls.draw(view)


_VIEWS: dict[str, Callable[[], Spec]] = {
    View.TIME: through_time.show,
    View.GATES: gates.show,
    View.CELLS: cells.show,
    View.FACTORS: factors.show,
    View.CLIPPING: clipping.show,
    View.TRAINING: training.show,
}
