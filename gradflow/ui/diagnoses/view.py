"""The verdicts in words, each with a preset as its example."""

from __future__ import annotations

import streamlit as st

from gradflow.core.experiment import Experiment
from gradflow.core.presets import PRESETS
from gradflow.core.text import _
from gradflow.core.verdict import Verdict
from gradflow.ui import blocks, compute, paths
from gradflow.ui.diagnoses.state import PAGE
from gradflow.ui.explore import report as explore_report
from gradflow.ui.explore.look import choose_look, make_view
from gradflow.ui.explore.state import EXPLORE
from gradflow.ui.naming import VERDICT_TITLES
from gradflow.ui.settings.fields import draw_view_choice

EXAMPLES: dict[Verdict, str] = {
    Verdict.HEALTHY: "tanh_xavier",
    Verdict.VANISHING: "deep_sigmoid",
    Verdict.EXPLODING: "tanh_large",
    Verdict.SATURATED: "tanh_large",
    Verdict.DEAD: "deep_relu_he",
    Verdict.COLLAPSED: "deep_relu_he",
    Verdict.SYMMETRIC: "constant",
    Verdict.UNDERFLOW: "float16_underflow",
    Verdict.OVERFLOW: "float16_overflow",
}
"""Presets that show a verdict."""


def show_verdict() -> None:
    """Show the chosen verdict and its example."""
    verdict = choose_verdict()
    show_explanation(verdict)
    experiment = find_example(verdict)
    report = compute.run(experiment)
    explore_report.show_findings(experiment, lessons=False)
    view = make_view(choose_look(experiment, report))
    explore_report.explain_flow(experiment, explore_report.show_flow(experiment, view))
    if st.button(_("Open this network in Explore"), icon=":material/insights:", type="primary"):
        EXPLORE.replace(experiment)
        st.switch_page(paths.EXPLORE)


def choose_verdict() -> Verdict:
    """Draw the choice of a verdict; the URL carries it."""
    if PAGE.problem:
        blocks.show_error(PAGE.problem)
    draw_view_choice(PAGE, VERDICT_TITLES)
    PAGE.sync_url(PAGE.form.read())
    return Verdict(PAGE.view)


def show_explanation(verdict: Verdict) -> None:
    """Say what the verdict means, why it comes about and what helps."""
    blocks.write_text(blocks.read_text(f"verdict_{verdict}"))
    st.subheader(_("Example: {preset}").format(preset=_(PRESETS[EXAMPLES[verdict]].label)))


def find_example(verdict: Verdict) -> Experiment:
    """Find a network that shows the verdict."""
    return PRESETS[EXAMPLES[verdict]].experiment
