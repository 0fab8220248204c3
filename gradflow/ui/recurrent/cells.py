"""The view of all cells on the same data."""

from __future__ import annotations

import streamlit as st

from gradflow.charts.recurrent.remaining import remaining_figure
from gradflow.core.catalog import Cell, LossAt
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.long_work import compute_parts
from gradflow.ui.recurrent import cell_comparison as comparison
from gradflow.ui.recurrent import compute, words
from gradflow.ui.recurrent.state import PASS
from gradflow.ui.stage import Stage


def show_cells(stage: Stage) -> None:
    """Show one pass of every cell."""
    spec = PASS.read()
    layer = spec.shown_layer
    reports = compute_parts(
        tuple(Cell), lambda cell: compute.run_through_time(spec.build_comparison(cell))
    )
    states = comparison.list_states(reports)
    breaks = comparison.find_breaks(states, layer)
    at_every_step = spec.loss_at is LossAt.EVERY
    if at_every_step:
        st.info(
            _(
                "With a loss at every step, every step receives a gradient of its own, and "
                "the curves do not show what a cell keeps. Choose the loss at the last step."
            ),
            icon=":material/info:",
        )
    else:
        st.markdown(comparison.describe_survivors(states, layer))
    if breaks:
        st.markdown(comparison.describe_breaks(breaks))
    blocks.show_figure(
        remaining_figure(
            [(name, comparison.measure_remaining(report, s, layer)) for name, s, report in states],
            marked=None if at_every_step else words.choose_lag(states[0].report),
            broken=[
                (row.name, comparison.count_steps_back(row.report, end)) for row, end in breaks
            ],
            mode=blocks.read_mode(),
        ),
        "recurrent_cells",
        _("Gradient that is left against the steps back from the loss, for every cell"),
    )
    with stage.details:
        if not at_every_step:
            st.latex(
                rf"\text{{{_('left after')} }} k \text{{ {_('steps')}}} = "
                r"\frac{\|\partial L/\partial s_{T-k}\|}"
                r"{\|\partial L/\partial s_T\|},\qquad s = h "
                rf"\text{{ {_('or')} }} c"
            )
            blocks.show_table(comparison.tabulate_cells(states, layer), key="recurrent_cells_table")
        blocks.explain("recurrent_cells")
