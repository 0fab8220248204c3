"""Explore: set a network, run one backward pass, see the gradient flow."""

import streamlit as st

from gradflow.core.errors import GradflowError
from gradflow.core.text import _
from gradflow.ui import blocks, compute, paths
from gradflow.ui.explore import report as explore_report
from gradflow.ui.explore.controls import draw_controls
from gradflow.ui.explore.state import EXPLORE, PAGE
from gradflow.ui.training.state import prepare_run


def show_experiment() -> None:
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
    explore_report.show_findings(report)
    overlays = explore_report.show_flow(experiment, report)
    explore_report.show_metrics(report)
    if st.button(_("Train this network"), icon=":material/fitness_center:"):
        prepare_run(experiment)
        st.switch_page(paths.TRAINING)
    explore_report.show_details(experiment, report, overlays)


PAGE.load()
show_experiment()
with st.sidebar:
    draw_controls()  # last, because a browser draws in this order, and the figure shall not wait
