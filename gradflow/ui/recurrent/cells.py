"""The view of all cells on the same data."""

from __future__ import annotations

import streamlit as st

from gradflow.charts.recurrent.remaining import remaining_figure
from gradflow.core.catalog import Cell, LossAt
from gradflow.core.spec import Spec
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.long_work import compute_parts
from gradflow.ui.recurrent import compute, controls, state, words
from gradflow.ui.recurrent.state import VIEWS, View
from gradflow.ui.views.controls import Controls


def show() -> Spec:
    """One pass of every cell."""
    left, right = st.columns(2)
    with left:
        Controls(VIEWS, View.CELLS).slider("compared_bias", 0.5)
    spec = state.passed(View.CELLS)
    with right:
        controls.up_to(View.CELLS, "layer", spec.layers)
    spec = state.passed(View.CELLS)
    layer = spec.shown_layer
    reports = compute_parts(
        tuple(Cell), lambda cell: compute.through_time(spec.build_comparison(cell))
    )
    rows = words.compared(reports)
    broken, how = words.breaks(rows, layer)
    if spec.loss_at is LossAt.EVERY:
        st.info(
            _("With a loss at every step gradient enters everywhere, and the curves do not show "
              "what a cell keeps. Ask for the loss at the last step."),
            icon=":material/info:",
        )  # fmt: skip
    else:
        st.markdown(words.verdict(rows, layer))
    if how:
        st.markdown(how)
    marked = None if spec.loss_at is LossAt.EVERY else words.lag_of(rows[0][2])
    named = [(name, words.left(report, one, layer)) for name, one, report in rows]
    blocks.show_figure(
        remaining_figure(named, marked=marked, broken=broken, mode=blocks.mode()),
        "recurrent_cells",
        _("Gradient that is left against the steps back from the loss, for every cell"),
    )
    if spec.loss_at is not LossAt.EVERY:
        st.latex(
            r"\text{left after } k \text{ steps} = \frac{\|\partial L/\partial s_{T-k}\|}"
            r"{\|\partial L/\partial s_T\|},\qquad s = h \text{ or } c"
        )
        blocks.show_table(words.cells_table(rows, layer), key="recurrent_cells_table")
    blocks.explain("recurrent_cells")
    return spec
