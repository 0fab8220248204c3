"""The verdicts in words, each with a preset as its example."""

from __future__ import annotations

import re

import streamlit as st

from gradflow.core.diagnosis.limits import LIMITS
from gradflow.core.experiment import Experiment
from gradflow.core.text import _
from gradflow.core.verdict import Verdict
from gradflow.ui import blocks, paths
from gradflow.ui.diagnoses.examples import EXAMPLES
from gradflow.ui.diagnoses.state import PAGE
from gradflow.ui.explore import report as explore_report
from gradflow.ui.explore.look import make_view
from gradflow.ui.explore.state import EXPLORE, ask_for_cures
from gradflow.ui.naming import VERDICT_TITLES
from gradflow.ui.settings.fields import draw_view_choice
from gradflow.ui.stage import Place, draw_head, make_stage


def show_verdict() -> None:
    """Show the chosen verdict: its example, what it means, why it comes about and what helps."""
    verdict = choose_verdict()
    in_short, _blank, at_length = read_lesson(verdict).partition("\n\n")
    example = EXAMPLES.get(verdict)
    if example is None:
        blocks.write_text(in_short)
        st.info(_("No network that can be set here shows it; `gf.probe` finds it in your own."))
        blocks.write_text(at_length)
        return
    stage = make_stage(Place.ABOVE)
    with stage.picture:
        blocks.write_text(in_short)
        look = make_view({"lead": str(verdict)})
        view = explore_report.show_flow(example.experiment, look, _show_cures)
    with stage.details:
        if st.button(_("Open this network in Explore"), icon=":material/insights:", type="primary"):
            EXPLORE.replace(example.experiment)
            st.switch_page(paths.EXPLORE)
        st.markdown(f"**{_(example.label)}.** {_(example.look_for)}")
        blocks.write_text(at_length)
        explore_report.explain_flow(example.experiment, view)


def read_lesson(verdict: Verdict) -> str:
    """Read what is said of a verdict, with the limits that the checks use."""
    text = blocks.read_text(f"verdict_{verdict}")
    # Formulas have braces as well.
    return re.sub(r"\{(\w+)\}", lambda match: LIMITS.get(match[1], match[0]), text)


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
