"""Explore: set a network, run one backward pass, see the gradient flow."""

import streamlit as st

from gradflow.core.errors import GradflowError, InvalidExperiment
from gradflow.core.text import _
from gradflow.ui import blocks, compute, controls, paths, report_view, state
from gradflow.ui.training import state as training_state


def show_experiment() -> None:
    """The experiment that is set, or what is wrong with it."""
    try:
        experiment, problem = controls.experiment(), state.url_problem()
    except InvalidExperiment as error:
        experiment = state.last_valid()
        problem = "\n".join([str(error), _("Shown below is the last setting that was possible.")])
    if problem:
        blocks.show_error(problem)
    try:
        report = compute.run(experiment)
    except GradflowError as error:
        blocks.show_error(error)
        return
    state.settled(experiment)
    report_view.show_findings(report)
    over = report_view.show_flow(experiment, report)
    report_view.show_metrics(report)
    if st.button(_("Train this network"), icon=":material/fitness_center:"):
        training_state.replace(experiment)
        st.switch_page(paths.TRAINING)
    report_view.show_details(experiment, report, over)


state.load()
show_experiment()
with st.sidebar:
    controls.draw()  # last, because a browser draws in this order, and the figure shall not wait
