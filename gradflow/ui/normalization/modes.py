"""Training against evaluation mode: running statistics, and a test set that may have shifted."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from gradflow.charts.normalization.running import outputs_figure, running_statistics_figure
from gradflow.core.numbers import format_number
from gradflow.core.teaching.normalization.running import (
    MEAN,
    STD,
    Outputs,
    RunningCourse,
    RunningStatistics,
)
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.latex import write_equations, write_factor, write_number
from gradflow.ui.normalization import compute
from gradflow.ui.normalization.state import MODES
from gradflow.ui.rounding import drop_rounding_error
from gradflow.ui.settings.fields import draw_marks, draw_slider
from gradflow.ui.stage import Stage

MOMENTA = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)
SIZES = (2, 4, 8, 16, 32, 64, 128, 256, 512)


def show(stage: Stage) -> None:
    """Show the running statistics, and what both modes make of a test set."""
    spec = MODES.read()
    course, outputs = compute.run_statistics(spec)
    st.markdown(write_course(spec, course))
    figure = running_statistics_figure(course, MEAN, STD**2, mode=blocks.read_mode())
    blocks.show_figure(
        figure, "normalization_course", _("Running mean and variance over the training batches")
    )
    with stage.details:
        st.latex(write_update(spec, course))
        _show_modes(spec, outputs)
        blocks.explain("normalization_modes")


def _show_modes(spec: RunningStatistics, outputs: Outputs) -> None:
    st.subheader(_("The same test samples in both modes"))
    blocks.show_figure(
        outputs_figure(outputs, mode=blocks.read_mode()),
        "normalization_modes",
        _("Histograms of the test outputs in training mode and in evaluation mode"),
    )
    st.markdown(tabulate_modes(outputs))
    st.markdown(compare_modes(spec, outputs))


def draw_controls() -> None:
    """Draw the controls in the current container."""
    draw_slider(MODES, "batches")
    draw_marks(MODES, "momentum", MOMENTA)
    draw_marks(MODES, "batch_size", SIZES)
    draw_slider(MODES, "shift", step=0.1)
    draw_slider(MODES, "scale", step=0.1)
    draw_slider(MODES, "seed")


def write_course(spec: RunningStatistics, course: RunningCourse) -> str:
    """Say how far the running statistics have come."""
    if not spec.batches:
        return _(
            "**No batch yet:** the running mean is 0 and the running variance 1, as PyTorch "
            "creates them; evaluation mode changes nothing."
        )
    left = (1 - spec.momentum) ** spec.batches
    return _(
        "After **k = {k}** batches the start still counts with (1 − m)ᵏ = **{left}**. Running "
        "mean **{mean}** (the data has {true_mean}), running variance **{variance}** "
        "(the data has {true})."
    ).format(
        k=spec.batches,
        left=format_number(left),
        mean=format_number(float(course.running_mean[-1])),
        true_mean=format_number(MEAN),
        variance=format_number(float(course.running_variance[-1])),
        true=format_number(STD**2),
    )


def write_update(spec: RunningStatistics, course: RunningCourse) -> str:
    """Write the last update in numbers; before the first batch the rule alone."""
    mean_rule = r"(1-m)\,\mu_{k-1} + m\,\bar x_k"
    variance_rule = r"(1-m)\,v_{k-1} + m\,\tfrac{N}{N-1}\,s^2_k"
    k, m, n = spec.batches, spec.momentum, spec.batch_size
    if not k:
        return write_equations((r"\mu_{k}", mean_rule), ("v_{k}", variance_rule))
    old_mean, old_variance = course.running_mean[-2], course.running_variance[-2]
    new = rf"{write_number(m)}\cdot "
    old = rf"{write_number(1 - m)}\cdot "
    unbiased = rf"\tfrac{{{n}}}{{{n - 1}}}"
    last_variance = write_number(course.variance[-1])
    return write_equations(
        (
            rf"\mu_{{{k}}}",
            mean_rule,
            f"{old}{write_factor(old_mean)} + {new}{write_factor(course.mean[-1])}",
            write_number(course.running_mean[-1]),
        ),
        (
            rf"v_{{{k}}}",
            variance_rule,
            rf"{old}{write_number(old_variance)} + {new}{unbiased}\cdot {last_variance}",
            write_number(course.running_variance[-1]),
        ),
    )


def tabulate_modes(outputs: Outputs) -> str:
    """Write mean, standard deviation and error of the outputs as a Markdown table."""
    modes = (
        (_("Training"), r"(x-\bar x)/\sqrt{s^2+\varepsilon}", outputs.training),
        (_("Evaluation"), r"(x-\mu_k)/\sqrt{v_k+\varepsilon}", outputs.evaluation),
        (_("Ideal"), r"(x-\mu)/\sqrt{\sigma^2+\varepsilon}", outputs.ideal),
    )
    rows = [
        {
            _("Mode"): f"**{name}**",
            _("formula"): f"${formula}$",
            _("mean"): format_number(drop_rounding_error(float(values.mean()))),
            _("std"): format_number(float(values.std())),
            _("error"): format_number(outputs.measure_error(values)),
        }
        for name, formula, values in modes
    ]
    return blocks.write_table(pd.DataFrame(rows))


def compare_modes(spec: RunningStatistics, outputs: Outputs) -> str:
    """Say what the two modes make of the test samples, in plain words."""
    training, evaluation = (
        outputs.measure_error(outputs.training),
        outputs.measure_error(outputs.evaluation),
    )
    moved = bool(spec.shift) or spec.scale != 1
    texts = []
    if moved:
        texts.append(
            _(
                "**The test data has moved, and training mode hides it:** every batch is forced "
                "to mean 0 and variance 1 again. Evaluation mode passes the change on: its outputs "
                "have mean {mean} and standard deviation {std}, where the next layer has learned "
                "from 0 and 1."
            ).format(
                mean=format_number(float(outputs.evaluation.mean())),
                std=format_number(float(outputs.evaluation.std())),
            )
        )
    else:
        texts.append(
            _(
                "The test data is like the training data. Training mode errs by **{training}**, "
                "because each batch of {n} has its own mean and variance; a sample's output "
                "depends on its neighbours. Evaluation mode errs by **{evaluation}**."
            ).format(
                training=format_number(training),
                n=spec.batch_size,
                evaluation=format_number(evaluation),
            )
        )
    unsettled = (1 - spec.momentum) ** spec.batches
    if unsettled > 0.05:
        texts.append(
            _(
                "The running statistics are not settled yet: train longer (k) or raise the "
                "momentum, and evaluation mode comes closer to the ideal."
            )
        )
    return " ".join(texts)
