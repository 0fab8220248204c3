"""A Gaussian through φ: histograms and moments before and behind φ and φ'."""

from __future__ import annotations

import math

import pandas as pd
import streamlit as st

from gradflow.charts.activations.gaussian import gaussian_figure
from gradflow.core.numbers import format_number, format_share
from gradflow.core.teaching.gaussian import Distribution, Passage, push_gaussian
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.activations.state import GAUSSIAN
from gradflow.ui.rounding import drop_rounding_error
from gradflow.ui.settings.fields import draw_activation, draw_marks, draw_slider
from gradflow.ui.stage import Stage

_COMMON_WIDTHS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0)
_HUGE_WIDTHS = (1e3, 1e6, 1e12, 1e20, 1e30, 1e37, 1e38, 1e39, 1e40)
"""Up to and beyond the largest number of float32, 3.4·10³⁸."""
WIDTHS = (*_COMMON_WIDTHS, *_HUGE_WIDTHS)


def show(stage: Stage) -> None:
    """Show what φ and φ' make of a Gaussian of the chosen mean and width."""
    distributions = push_gaussian(GAUSSIAN.read())
    st.markdown(
        _(
            "**A layer’s z goes through φ, its gradient through φ′:** what arrives on either side "
            "depends on where the Gaussian lies and how wide it is."
        )
    )
    blocks.show_figure(
        gaussian_figure(distributions, mode=blocks.read_mode()),
        "gaussian",
        _("Histograms of z, φ(z) and φ′(z)"),
    )
    with stage.details:
        if reason := _explain_infinities(distributions):
            st.warning(reason, icon=":material/warning:")
        blocks.show_table(tabulate_moments(distributions), key="gaussian_table")
        blocks.explain("activations_gaussian")


def draw_controls() -> None:
    """Draw the controls in the current container."""
    draw_activation(GAUSSIAN)
    draw_slider(GAUSSIAN, "mean", step=0.1)
    draw_marks(GAUSSIAN, "width", WIDTHS)
    draw_slider(GAUSSIAN, "seed")


def tabulate_moments(distributions: Passage) -> pd.DataFrame:
    """Make a table of the sampled and the exact moments of z, φ(z) and φ'(z)."""
    named = (
        ("z", distributions.before),
        ("φ(z)", distributions.value),
        ("φ′(z)", distributions.slope),
    )
    return pd.DataFrame([_make_row(name, distribution) for name, distribution in named])


def _make_row(name: str, distribution: Distribution) -> dict[str, str]:
    exact_mean = drop_rounding_error(distribution.exact_mean, distribution.exact_std)
    atoms = [f"{format_number(value)}: {format_share(part)}" for value, part in distribution.atoms]
    return {
        "": name,
        _("mean, sampled"): format_number(distribution.mean, 4),
        _("mean, exact"): format_number(exact_mean, 4),
        _("std, sampled"): format_number(distribution.std, 4),
        _("std, exact"): format_number(distribution.exact_std, 4),
        _("piled up exactly at"): ", ".join(atoms) or "–",
        _("not finite"): format_share(distribution.nonfinite),
    }


def _explain_infinities(distributions: Passage) -> str:
    """Say why samples are infinite; empty if all are finite."""
    if not distributions.before.nonfinite and not distributions.value.nonfinite:
        return ""
    reason = _(
        "{share} of the samples of z are infinite: they are beyond 3.4·10³⁸, the largest number "
        "of float32, in which networks compute. Their mean is ∞ − ∞, which is NaN. The exact "
        "numbers are those of real numbers, which have no such end."
    ).format(share=format_share(distributions.before.nonfinite))
    if distributions.value.nonfinite > distributions.before.nonfinite:
        reason += " " + _(
            "φ(z) has more of them: inside φ, numbers become larger than z itself, or ∞ meets 0."
        )
    elif not math.isfinite(distributions.value.mean):
        reason += " " + _("φ passes infinities on; a function with a bounded range does not.")
    return reason
