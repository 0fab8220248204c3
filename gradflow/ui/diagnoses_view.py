"""The verdicts in words, each with a preset as its example."""

from __future__ import annotations

import streamlit as st

from gradflow.core.experiment import Experiment
from gradflow.core.presets import PRESETS
from gradflow.core.text import N_, _
from gradflow.core.verdict import Verdict
from gradflow.ui import blocks, state

TITLES: dict[Verdict, str] = {
    Verdict.HEALTHY: N_("Healthy"),
    Verdict.VANISHING: N_("Vanishing"),
    Verdict.EXPLODING: N_("Exploding"),
    Verdict.SATURATED: N_("Saturated"),
    Verdict.DEAD: N_("Dead units"),
    Verdict.COLLAPSED: N_("Collapsed"),
    Verdict.SYMMETRIC: N_("Symmetric"),
    Verdict.UNDERFLOW: N_("Underflow"),
    Verdict.OVERFLOW: N_("Overflow"),
}
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


def choose_verdict() -> Verdict:
    """Let the reader choose a verdict; the URL carries it."""
    if state.about() not in ("", *Verdict):
        text = _("about: {text!r} is not a verdict; choose one of {codes}")
        blocks.show_error(text.format(text=state.about()[:40], codes=", ".join(Verdict)))
    verdict = st.segmented_control(
        _("Verdict"),
        list(Verdict),
        required=True,
        key=state.verdict_key(),
        on_change=state.verdict_chosen,
        format_func=lambda verdict: _(TITLES[verdict]),
        label_visibility="collapsed",
    )
    assert verdict is not None  # it is required
    return verdict


def show_explanation(verdict: Verdict) -> None:
    """Show what the verdict means, why it comes about and what helps."""
    st.markdown(blocks.text(f"verdict_{verdict}"))
    st.subheader(_("Example: {preset}").format(preset=_(PRESETS[EXAMPLES[verdict]].label)))


def get_example(verdict: Verdict) -> Experiment:
    """Return an experiment that shows the verdict."""
    return PRESETS[EXAMPLES[verdict]].experiment
