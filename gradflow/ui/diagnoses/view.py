"""The verdicts in words, each with a preset as its example."""

from __future__ import annotations

import streamlit as st

from gradflow.core.experiment import Experiment
from gradflow.core.presets import PRESETS
from gradflow.core.text import _
from gradflow.core.verdict import Verdict
from gradflow.ui import blocks, paths
from gradflow.ui.diagnoses.state import PAGE
from gradflow.ui.explore import report as explore_report
from gradflow.ui.explore.look import make_view
from gradflow.ui.explore.state import EXPLORE, ask_for_cures
from gradflow.ui.naming import VERDICT_TITLES
from gradflow.ui.settings.fields import draw_view_choice
from gradflow.ui.stage import Place, draw_head, make_stage

EXAMPLES: dict[Verdict, str] = {
    Verdict.HEALTHY: "tanh_xavier",
    Verdict.VANISHING: "deep_sigmoid",
    Verdict.EXPLODING: "deep_relu_large",
    Verdict.SATURATED: "tanh_large",
    Verdict.DEAD: "narrow_relu",
    Verdict.COLLAPSED: "deep_relu_he",
    Verdict.SYMMETRIC: "constant",
    Verdict.UNDERFLOW: "float16_underflow",
    Verdict.OVERFLOW: "float16_overflow",
}
"""Presets that show a verdict, each its own."""


def show_verdict() -> None:
    """Show the chosen verdict: its example, what it means, why it comes about and what helps."""
    verdict = choose_verdict()
    experiment = find_example(verdict)
    in_short, _blank, at_length = blocks.read_text(f"verdict_{verdict}").partition("\n\n")
    stage = make_stage(Place.ABOVE)
    with stage.picture:
        blocks.write_text(in_short)
        view = explore_report.show_flow(experiment, make_view({"lead": str(verdict)}), _show_cures)
    with stage.details:
        if st.button(_("Open this network in Explore"), icon=":material/insights:", type="primary"):
            EXPLORE.replace(experiment)
            st.switch_page(paths.EXPLORE)
        preset = PRESETS[EXAMPLES[verdict]]
        st.markdown(f"**{_(preset.label)}.** {_(preset.look_for)}")
        blocks.write_text(at_length)
        explore_report.explain_flow(experiment, view)


def _show_cures(experiment: Experiment) -> None:
    EXPLORE.replace(experiment)
    ask_for_cures(experiment)
    st.switch_page(paths.EXPLORE)


def choose_verdict() -> Verdict:
    """Draw the page's heading and the choice of a verdict; the URL carries it."""
    with draw_head(_("Diagnoses")):
        draw_view_choice(PAGE, VERDICT_TITLES)
    if PAGE.problem:
        blocks.show_error(PAGE.problem)
    PAGE.sync_url(PAGE.form.read())
    return Verdict(PAGE.view)


def find_example(verdict: Verdict) -> Experiment:
    """Find a network that shows the verdict."""
    return PRESETS[EXAMPLES[verdict]].experiment
