"""What Explore shows: the experiment that is set, or what is wrong with it."""

from __future__ import annotations

import contextlib

import streamlit as st

from gradflow.core.errors import GradflowError
from gradflow.core.experiment import Experiment
from gradflow.core.report import Report
from gradflow.core.text import _
from gradflow.ui import blocks, compute, paths
from gradflow.ui.explore import report as explore_report
from gradflow.ui.explore.flow import FlowView
from gradflow.ui.explore.look import choose_look, make_view
from gradflow.ui.explore.state import EXPLORE, LOOK, PAGE, find_layer, follow_view
from gradflow.ui.training.state import prepare_run
from gradflow.ui.turns import ADMISSION


def choose_view() -> None:
    """Draw the row of controls above the figure."""
    experiment, _problem = EXPLORE.read_possible()
    with contextlib.suppress(GradflowError):  # which the figure's place says
        LOOK.set(choose_look(experiment, compute.run(experiment), follow_view))


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
    view = explore_report.show_flow(experiment, _find_view(report))
    with st.container(key="follows"):  # dimmed while a slider moves: it follows the figure
        _show_more(experiment, report, view)


def _show_more(experiment: Experiment, report: Report, view: FlowView) -> None:
    explore_report.explain_flow(experiment, view)
    explore_report.show_findings(experiment)
    explore_report.show_numbers(report)
    if st.button(_("Train this network"), icon=":material/fitness_center:", key="train_network"):
        prepare_run(experiment)
        st.switch_page(paths.TRAINING)
    explore_report.show_details(experiment, report, view)


def _find_view(report: Report) -> FlowView:
    """Find how the reader looks at the figure."""
    look = LOOK.get()
    if report.stream is None and look.get("rows") == "block":  # too few layers for a block
        look = {}
    layer = 0 if look.get("rows") == "block" else find_layer(len(report.layers)) or 0
    return make_view(look, layer)
