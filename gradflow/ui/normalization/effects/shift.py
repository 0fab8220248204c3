"""Internal covariate shift, measured while training with and without batch norm."""

from __future__ import annotations

import numpy as np
import streamlit as st

from gradflow.charts.normalization_effects.shift import shift_figure
from gradflow.core.catalog import Normalization
from gradflow.core.numbers import format_number
from gradflow.core.teaching.normalization_effects.shift import COMPARED, ShiftCourse
from gradflow.core.text import N_, _
from gradflow.ui import blocks
from gradflow.ui.long_work import compute_parts
from gradflow.ui.normalization.effects import compute
from gradflow.ui.normalization.state import SHIFT
from gradflow.ui.settings.fields import draw_activation, draw_marks, draw_slider
from gradflow.ui.stage import Stage

RATES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
NAMES = {Normalization.NONE: N_("no norm"), Normalization.BATCH: N_("batch norm")}
_RECENT = 10
"""Steps over which the last loss is averaged."""


def show(stage: Stage) -> None:
    """Show what one unit gets on the same digits, step by step, in both networks."""
    spec = SHIFT.read()
    courses = compute_parts(
        COMPARED,
        lambda code: compute.watch_shift(spec.activation, spec.learning_rate, spec.seed, code),
    )
    st.markdown(describe_shift(courses, spec.layer))
    blocks.show_figure(
        shift_figure(
            [(_(NAMES[code]), course) for code, course in courses.items()],
            spec.layer,
            mode=blocks.read_mode(),
        ),
        "normalization_shift",
        _("Input of a unit’s activation while the network learns, with and without batch norm"),
    )
    with stage.details:
        blocks.explain("normalization_effects_shift")


def draw_controls() -> None:
    """Draw the controls in the current container."""
    draw_slider(SHIFT, "layer")
    draw_activation(SHIFT)
    draw_marks(SHIFT, "learning_rate", RATES)
    draw_slider(SHIFT, "seed")


def describe_shift(courses: dict[Normalization, ShiftCourse], layer: int) -> str:
    """Say how far the inputs of a layer moved in both networks, and what they learned."""
    drifts = {code: float(course.drift[-1, layer - 1]) for code, course in courses.items()}
    losses = {code: float(np.mean(c.losses[-_RECENT:])) for code, c in courses.items()}
    return _(
        "**The same digits, and yet what arrives at layer {layer} moves** while the layers before "
        "it learn: the mean of a typical unit by **{plain}** of its standard deviations, with "
        "batch norm by **{batch}**. Loss at the end: {plain_loss} and {batch_loss}."
    ).format(
        layer=layer,
        plain=format_number(drifts[Normalization.NONE]),
        batch=format_number(drifts[Normalization.BATCH]),
        plain_loss=format_number(losses[Normalization.NONE]),
        batch_loss=format_number(losses[Normalization.BATCH]),
    )
