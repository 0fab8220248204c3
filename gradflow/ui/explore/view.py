"""What Explore shows: the experiment that is set, or what is wrong with it."""

from __future__ import annotations

import streamlit as st

from gradflow.core.errors import GradflowError
from gradflow.core.experiment import Experiment
from gradflow.core.report import Report
from gradflow.core.text import _
from gradflow.ui import blocks, compute, paths
from gradflow.ui.explore import report as explore_report
from gradflow.ui.explore.cures import show_cures
from gradflow.ui.explore.flow import FlowView
from gradflow.ui.explore.look import find_rows, make_view
from gradflow.ui.explore.state import (
    EXPLORE,
    LOOK,
    PAGE,
    ask_for_cures,
    find_layer,
    is_asked_for_cures,
    unfold_block,
)
from gradflow.ui.training.state import prepare_run
from gradflow.ui.turns import ADMISSION


def show_result() -> None:
    """Show the figure and what follows it.

    A change of a number runs this again, and nothing else of the page; every element costs the
    server half a millisecond, so there are few. It runs in turn with all computations: thirty
    threads that draw at once would hold each other up at every step, and the one that computes.
    """
    with ADMISSION:
        _show_result()


def _show_result() -> None:
    experiment, problem = EXPLORE.read_possible()
    if problem:
        blocks.show_error(problem)
    try:
        report = compute.run(experiment)
    except GradflowError as error:
        blocks.show_error(error)
        return
    PAGE.sync_url(experiment)
    view = explore_report.show_flow(experiment, _find_view(experiment, report), ask_for_cures)
    with st.container(key="follows"):  # dimmed while a control moves: it follows the figure
        _show_more(experiment, report, view)


def _show_more(experiment: Experiment, report: Report, view: FlowView) -> None:
    is_curing = is_asked_for_cures(experiment)
    if is_curing:
        show_cures(experiment, report, view)
    with st.container(horizontal=True, vertical_alignment="center"):
        if view.rows == "fold" and view.opened:
            st.button(_("Fold all blocks"), key="fold_blocks", on_click=unfold_block, args=(0,))
        if st.button(
            _("Train this network"), icon=":material/fitness_center:", key="train_network"
        ):
            prepare_run(experiment)
            st.switch_page(paths.TRAINING)
        explore_report.show_numbers(report)
    explore_report.explain_flow(experiment, view, *(["cures"] if is_curing else []))
    explore_report.show_details(experiment, report, view)


def _find_view(experiment: Experiment, report: Report) -> FlowView:
    """Find how the reader looks at the figure."""
    look = LOOK.get()
    rows = find_rows(look, experiment, report)
    if rows == "block":
        return make_view({"rows": rows})  # which has one gradient
    return make_view(look | {"rows": rows}, find_layer(len(report.get_table("layers"))) or 0)
