"""Dying ReLU: a biased layer under steps of SGD, with five activation functions."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from gradflow.charts.activations.dying import dying_figure
from gradflow.charts.activations.dying_units import units_figure
from gradflow.core.catalog import ACTIVATIONS
from gradflow.core.numbers import format_number
from gradflow.core.teaching.dying import UNITS, BiasedLayer, DyingTraining
from gradflow.core.text import _
from gradflow.ui import blocks, compute
from gradflow.ui.activations.state import DYING
from gradflow.ui.settings.fields import draw_marks, draw_slider
from gradflow.ui.stage import Stage

LEARNING_RATES = (0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)


def show(stage: Stage) -> None:
    """Show which units die under which activation function, and what the loss does."""
    spec = DYING.read()
    trainings = compute.train_dying(spec)
    named = [(_(ACTIVATIONS[training.activation].label), training) for training in trainings]
    st.markdown(_count_dead(trainings[0], spec.steps))
    blocks.show_figure(
        units_figure(named, mode=blocks.read_mode()),
        "dying_units",
        _("Range of the pre-activation of every unit, step by step"),
    )
    with stage.details:
        for training in trainings:
            if training.overflowed >= 0:
                st.warning(_explain_overflow(training, spec), icon=":material/warning:")
        blocks.show_figure(
            dying_figure(named, mode=blocks.read_mode()),
            "dying",
            _("Dead units and loss over the steps"),
        )
        blocks.show_table(tabulate_trainings(trainings), key="dying_table")
        blocks.explain("activations_dying")


def draw_controls() -> None:
    """Draw the controls in the current container."""
    draw_slider(DYING, "bias", step=0.5)
    draw_marks(DYING, "learning_rate", LEARNING_RATES)
    draw_slider(DYING, "steps")
    draw_slider(DYING, "negative_slope", step=0.01)
    draw_slider(DYING, "elu_alpha", step=0.1)
    draw_slider(DYING, "seed")


def _count_dead(relu: DyingTraining, steps: int) -> str:
    """Say how many ReLU units were dead at the start and are at the end, and why."""
    before, after = int(relu.dead[0].sum()), int(relu.dead[-1].sum())
    if not after:
        return _(
            "**No ReLU unit dies here.** Lower the bias below −3, or raise the learning rate to 3."
        )
    if after > before:
        text = _(
            "**{after} of {units} ReLU units are dead after {steps} steps, {before} were at the "
            "start.** Steps this large throw a unit so far below 0 that no sample reaches it; its "
            "slope is then 0 for all of them, and it gets no gradient ever again."
        )
    else:
        text = _(
            "**{after} of {units} ReLU units are dead from the start and stay so for all {steps} "
            "steps.** Their bias keeps z below 0 for every sample; the slope there is 0, so their "
            "weights get no gradient. The other functions have a slope below 0, so their units "
            "come back."
        )
    return text.format(after=after, before=before, units=UNITS, steps=steps)


def tabulate_trainings(trainings: Sequence[DyingTraining]) -> pd.DataFrame:
    """Make a table of dead units, loss and slopes at the start and the end of every training."""
    rows = []
    for training in trainings:
        end = training.overflowed if training.overflowed >= 0 else len(training.loss) - 1
        dead, off, slopes = training.dead, training.off, training.slopes
        first, last = float(training.loss[0]), float(training.loss[end])
        rows.append(
            {
                _("Function"): _(ACTIVATIONS[training.activation].label),
                _("dead: φ′ = 0 for every sample"): f"{dead[0].sum()} → {dead[end].sum()}",
                _("off: z ≤ 0 for every sample"): f"{off[0].sum()} → {off[end].sum()}",
                _("Loss"): f"{format_number(first)} → {format_number(last)}",
                _("Learned slopes"): (
                    f"{format_number(min(slopes))} … {format_number(max(slopes))}"
                    if slopes
                    else "–"
                ),
            }
        )
    return pd.DataFrame(rows)


def _explain_overflow(training: DyingTraining, spec: BiasedLayer) -> str:
    return _(
        "{name}: the loss exceeds 1.8·10³⁰⁸, the largest number of float64, at step {step}, and "
        "training stops there. With a learning rate of {rate} every step overshoots by more than "
        "it corrects; choose a smaller one."
    ).format(
        name=_(ACTIVATIONS[training.activation].label),
        step=training.overflowed,
        rate=format_number(spec.learning_rate),
    )
