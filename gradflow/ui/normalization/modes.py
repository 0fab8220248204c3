"""Training against evaluation mode: running statistics, and a test set that may have shifted."""

from __future__ import annotations

import streamlit as st

from gradflow.charts.normalization.running import outputs_figure, running_statistics_figure
from gradflow.charts.theme import number
from gradflow.core.spec import Spec
from gradflow.core.teaching.normalization.running import (
    MEAN,
    STD,
    Course,
    Outputs,
    RunningStatistics,
)
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.latex import factor, lines, tex
from gradflow.ui.normalization import compute, controls, state
from gradflow.ui.normalization.state import View
from gradflow.ui.normalization.words import tidy

MOMENTA = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)
SIZES = (2, 4, 8, 16, 32, 64, 128, 256, 512)


def show() -> Spec:
    """Both modes."""
    view = View.MODES
    columns = st.columns(3)
    with columns[0]:
        controls.slider(view, "batches")
        controls.slider(view, "shift", 0.1)
    with columns[1]:
        controls.marks(view, "momentum", MOMENTA)
        controls.slider(view, "scale", 0.1)
    with columns[2]:
        controls.marks(view, "batch_size", SIZES)
        controls.slider(view, "seed")
    spec = state.spec(view)
    assert isinstance(spec, RunningStatistics)
    course, outputs = compute.run_statistics(spec)
    figure = running_statistics_figure(course, MEAN, STD**2, mode=blocks.mode())
    blocks.show_figure(
        figure, "normalization_course", _("Running mean and variance over the training batches")
    )
    st.markdown(course_sentence(spec, course))
    st.latex(update(spec, course))
    st.subheader(_("The same test samples in both modes"))
    blocks.show_figure(
        outputs_figure(outputs, mode=blocks.mode()),
        "normalization_modes",
        _("Histograms of the test outputs in training mode and in evaluation mode"),
    )
    st.markdown(modes_table(outputs))
    st.markdown(modes_sentence(spec, outputs))
    blocks.explain("normalization_modes")
    return spec


def course_sentence(spec: RunningStatistics, course: Course) -> str:
    """How far the running statistics have come."""
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
        left=number(left),
        mean=number(float(course.running_mean[-1])),
        true_mean=number(MEAN),
        variance=number(float(course.running_variance[-1])),
        true=number(STD**2),
    )


def update(spec: RunningStatistics, course: Course) -> str:
    """The last update in numbers; before the first batch the rule alone."""
    mean_rule = r"(1-m)\,\mu_{k-1} + m\,\bar x_k"
    variance_rule = r"(1-m)\,v_{k-1} + m\,\tfrac{N}{N-1}\,s^2_k"
    k, m, n = spec.batches, spec.momentum, spec.batch_size
    if not k:
        return lines((r"\mu_{k}", mean_rule), ("v_{k}", variance_rule))
    old_mean, old_variance = course.running_mean[-2], course.running_variance[-2]
    new = rf"{tex(m)}\cdot "
    old = rf"{tex(1 - m)}\cdot "
    unbiased = rf"\tfrac{{{n}}}{{{n - 1}}}"
    return lines(
        (
            rf"\mu_{{{k}}}",
            mean_rule,
            f"{old}{factor(old_mean)} + {new}{factor(course.mean[-1])}",
            tex(course.running_mean[-1]),
        ),
        (
            rf"v_{{{k}}}",
            variance_rule,
            rf"{old}{tex(old_variance)} + {new}{unbiased}\cdot {tex(course.variance[-1])}",
            tex(course.running_variance[-1]),
        ),
    )


def modes_table(outputs: Outputs) -> str:
    """Mean, standard deviation and error of the outputs, as a Markdown table."""
    head = [_("Mode"), _("formula"), _("mean"), _("std"), _("error")]
    rows = (
        (_("Training"), r"(x-\bar x)/\sqrt{s^2+\varepsilon}", outputs.training),
        (_("Evaluation"), r"(x-\mu_k)/\sqrt{v_k+\varepsilon}", outputs.evaluation),
        (_("Ideal"), r"(x-\mu)/\sqrt{\sigma^2+\varepsilon}", outputs.ideal),
    )
    body = [
        [f"**{name}**", f"${formula}$", number(tidy(float(one.mean()))), number(float(one.std())),
         number(outputs.error(one))]
        for name, formula, one in rows
    ]  # fmt: skip
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *body])


def modes_sentence(spec: RunningStatistics, outputs: Outputs) -> str:
    """What the two modes make of the test samples, in plain words."""
    training, evaluation = outputs.error(outputs.training), outputs.error(outputs.evaluation)
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
                mean=number(float(outputs.evaluation.mean())),
                std=number(float(outputs.evaluation.std())),
            )
        )
    else:
        texts.append(
            _(
                "The test data is like the training data. Training mode errs by **{training}**, "
                "because each batch of {n} has its own mean and variance; a sample's output "
                "depends on its neighbours. Evaluation mode errs by **{evaluation}**."
            ).format(training=number(training), n=spec.batch_size, evaluation=number(evaluation))
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
