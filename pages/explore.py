"""Explore: set a network, run one backward pass, see the gradient flow."""

import streamlit as st

from gradflow.core.errors import GradflowError
from gradflow.core.text import _
from gradflow.ui import blocks, compute, paths
from gradflow.ui.explore import report as explore_report
from gradflow.ui.explore.controls import draw_controls
from gradflow.ui.explore.state import CONTROLS, EXPLORE, PAGE, RESULT
from gradflow.ui.fragments import make_fragment
from gradflow.ui.training.state import prepare_run


def show_result() -> None:
    """Show the experiment that is set, or what is wrong with it."""
    experiment, problem = EXPLORE.read_possible()
    if problem:
        blocks.show_error(problem)
    try:
        report = compute.run(experiment)
    except GradflowError as error:
        blocks.show_error(error)
        return
    PAGE.sync_url(experiment)
    view = explore_report.show_flow(experiment, report)
    with st.container(key="follows"):  # dimmed while a slider moves: it follows the figure
        explore_report.show_findings(experiment)
        explore_report.show_metrics(report)
        if st.button(_("Train this network"), icon=":material/fitness_center:"):
            prepare_run(experiment)
            st.switch_page(paths.TRAINING)
        explore_report.show_details(experiment, report, view)


PAGE.load()
make_fragment(show_result, key=RESULT)()
with st.sidebar:
    # Last, because a browser draws in this order, and the figure shall not wait.
    make_fragment(draw_controls, key=CONTROLS)()
