"""Why zeros and constants never break symmetry: the weights of twelve units as they train."""

from __future__ import annotations

import numpy as np
import streamlit as st

from gradflow.charts.pretraining.images import unit_rows_figure
from gradflow.core.numbers import format_number, format_share
from gradflow.core.teaching.initialization.copies import STEPS, Course, Start
from gradflow.core.text import N_, _
from gradflow.ui import blocks
from gradflow.ui.initialization import compute
from gradflow.ui.initialization.state import COPIES
from gradflow.ui.long_work import compute_parts
from gradflow.ui.settings.fields import draw_activation, draw_allowed, draw_slider, round_down
from gradflow.ui.stage import Stage

NAMES = {
    Start.ZEROS: N_("all 0"),
    Start.CONSTANT: N_("all equal"),
    Start.RANDOM: N_("random"),
}


def show(stage: Stage) -> None:
    """Show what the twelve units of the first layer see, for the three starts."""
    spec = COPIES.read()
    courses = compute_parts(
        list(Start),
        lambda start: compute.train_copies(spec.activation, spec.constant, spec.seed, start),
    )
    step = round_down(spec.step, STEPS)
    index = STEPS.index(step)
    st.markdown(
        _(
            "**Each tile is one unit: its weights, one for each of the 64 pixels.** Train the "
            "twelve for 300 steps: how many kinds of unit will there be in each row?"
        )
        if step == 0
        else describe_courses(courses, index)
    )
    rows = np.stack([courses[start].weights[index] for start in Start])
    blocks.show_figure(
        unit_rows_figure(
            rows.astype(np.float32),
            [write_row(start, courses[start], index) for start in Start],
            mode=blocks.read_mode(),
        ),
        "initialization_copies",
        _("Weights of the twelve units of the first layer from three starts"),
    )
    with stage.details:
        blocks.explain("initialization_copies")


def draw_controls() -> None:
    """Draw the controls in the current container."""
    draw_allowed(COPIES, "step", STEPS)
    draw_activation(COPIES)
    draw_slider(COPIES, "constant", step=0.05)
    draw_slider(COPIES, "seed")


def write_row(start: Start, course: Course, index: int) -> str:
    """Name a row: how its weights began, and how many kinds of unit there are."""
    count = course.different[index]
    kinds = _("1 kind") if count == 1 else _("{count} kinds").format(count=count)
    return f"<b>{_(NAMES[start])}</b><br>{kinds}"


def describe_courses(courses: dict[Start, Course], index: int) -> str:
    """Say how many different units there are, and what the networks have learned."""
    parts = [
        _("**{start}** {share} right (loss {loss})").format(
            start=_(NAMES[start]),
            share=format_share(float(course.accuracy[index])),
            loss=format_number(float(course.loss[index])),
        )
        for start, course in courses.items()
    ]
    return _(
        "After {step} steps: {parts}. Equal units get equal gradients, so no step can tell them "
        "apart; weights of 0 get none at all."
    ).format(step=STEPS[index], parts=" · ".join(parts))
