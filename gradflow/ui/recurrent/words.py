"""What the numbers of one pass through time say, in plain words; names of cells and norms."""

from __future__ import annotations

import math

import numpy as np

from gradflow.charts.recurrent.gate_histograms import format_opening
from gradflow.core.catalog import Cell, LossAt
from gradflow.core.numbers import format_number
from gradflow.core.recurrent.findings import Break, GradientCourse, TimeFate, find_break
from gradflow.core.recurrent.report import STATE_SYMBOLS, State, TimeReport
from gradflow.core.text import N_, _

FAR = 100
"""Steps back that sentences and tables speak of, if the sequence is that long."""
_STEADY = 0.9
"""A factor per step below, or above the inverse, reaches the start of short sequences only."""
CELL_NAMES: dict[Cell, str] = {
    Cell.RNN_TANH: N_("tanh RNN"),
    Cell.RNN_RELU: N_("ReLU RNN"),
    Cell.LSTM: N_("LSTM"),
    Cell.GRU: N_("GRU"),
}
"""Short names."""
_FATES: dict[TimeFate, str] = {
    TimeFate.VANISHES: N_("The gradient vanishes on its way back."),
    TimeFate.KEPT: N_("The gradient arrives."),
    TimeFate.EXPLODES: N_("The gradient explodes on its way back."),
    TimeFate.BROKEN: N_("The gradient breaks on its way back."),
}


def format_norm(state: State, step: str = "t") -> str:
    """Write ‖∂L/∂h_t‖ for a sentence, as Markdown."""
    return rf"$\|\partial L/\partial {STATE_SYMBOLS[state]}_{{{step}}}\|$"


def format_gradient(state: State, step: str = "t") -> str:
    """Write ∂L/∂h_t for plain text and figures."""
    return f"∂L/∂{STATE_SYMBOLS[state]}<sub>{step}</sub>"


def describe_course(report: TimeReport, course: GradientCourse, state: State, layer: int) -> str:
    """Describe the gradient's way back from the last step to the first.

    Args:
        report: the pass.
        course: the gradient's, in numbers.
        state: whose gradient it is.
        layer: of which layer.
    """
    sentences = _describe_end(report, course, state, layer)
    if report.experiment.loss_at is LossAt.LAST and not math.isnan(course.factor):
        sentences.append(_describe_step_back(report, course, state, layer))
    if course.first > 1:
        text = _(
            "Before step {step} it is exactly 0: too small for {dtype}, or nothing leads back."
        )
        sentences.append(text.format(step=course.first, dtype=report.dtype))
    if layer < report.experiment.network.layers:
        sentences.append(
            _("These numbers include the gradient that the layers above pass down at every step.")
        )
    return " ".join(sentences)


def _describe_end(
    report: TimeReport, course: GradientCourse, state: State, layer: int
) -> list[str]:
    """Say whether the gradient arrives, or where the numbers break."""
    end = find_break(report, state, layer)
    if end and end.forward:
        return [_describe_forward_break(report, end, state)]
    if end and end.step == report.length:
        return [_("**There is no gradient:** even at the last step it is not a finite number.")]
    if end:
        text = _("Up to step {step} it is not a finite number: too large for {dtype}.")
        return [f"**{describe_fate(course)}**", text.format(step=end.step, dtype=report.dtype)]
    if course.fate is TimeFate.BROKEN:
        return [_("**The gradient is exactly 0,** even at the last step.")]
    if report.experiment.loss_at is LossAt.EVERY:
        return [_describe_loss_at_every_step(course, state)]
    return [f"**{describe_fate(course)}**"]


def write_numbers(course: GradientCourse, length: int) -> str:
    """Write the way back in numbers alone, for the line above the figure."""
    if not math.isfinite(course.factor):
        return _("no gradient to follow")
    return _("× {factor} per step back; step 1 gets {left} of what step {last} gets").format(
        factor=format_number(course.factor, 3), left=format_number(course.remaining), last=length
    )


def describe_fate(course: GradientCourse) -> str:
    """Say in a sentence whether a gradient arrives."""
    if not arrives_only_if_short(course):
        return _(_FATES[course.fate])
    if course.factor < 1:
        return _(
            "The gradient fades on its way back, but the sequence is short enough for it to arrive."
        )
    return _("The gradient grows on its way back, but the sequence is too short for it to explode.")


def arrives_only_if_short(course: GradientCourse) -> bool:
    """Whether a gradient arrives only because the sequence is short."""
    return course.fate is TimeFate.KEPT and not _STEADY <= course.factor <= 1 / _STEADY


def _describe_forward_break(report: TimeReport, end: Break, state: State) -> str:
    return _(
        "**There is no gradient:** from step {step} on ${symbol}_t$ is not a finite number, "
        "too large for {dtype}, and the loss is {loss}."
    ).format(
        step=end.step,
        symbol=STATE_SYMBOLS[state],
        dtype=report.dtype,
        loss=format_number(report.loss),
    )


def _describe_loss_at_every_step(course: GradientCourse, state: State) -> str:
    return _(
        "**A loss at every step** gives every step a gradient of its own, so {norm} cannot "
        "show what is lost on the way: at the first step it is {ratio} times that at the "
        "last. Choose the loss at the last step to see what comes from far away."
    ).format(norm=format_norm(state), ratio=format_number(course.remaining, 2))


def _describe_step_back(
    report: TimeReport, course: GradientCourse, state: State, layer: int
) -> str:
    text = _("One step back multiplies {norm} by **{factor}** on average")
    if course.tenfold < report.length:
        text = (
            _("After {steps} steps back a tenth of {norm} is left")
            if course.factor < 1
            else _("After {steps} steps back {norm} is ten times as large")
        )
    text = text.format(
        norm=format_norm(state),
        factor=format_number(course.factor, 4),
        steps=format_number(course.tenfold, 2),
    )
    lag = choose_lag(report)
    remaining = report.remaining(lag, state, layer)
    if lag < 2 or not math.isfinite(remaining):
        return text + "."
    back = (
        _(", after {lag} **{left}** of it.")
        if course.factor < 1
        else _(", after {lag} **{left}** times as large.")
    )
    return text + back.format(left=format_number(remaining, 2), lag=lag)


def choose_lag(report: TimeReport) -> int:
    """Choose how many steps back sentences and tables speak of."""
    return min(FAR, report.length - 1)


def describe_highway(report: TimeReport, layer: int) -> str:
    """Say how far the direct path through the gates reaches, and how far the whole gradient."""
    row = report.experiment.network.row
    assert row.highway is not None
    state: State = "cell" if row.has_cell else "hidden"
    lag = choose_lag(report)
    norms = report.column("direct_grad_norm", layer)
    with np.errstate(divide="ignore", invalid="ignore"):
        direct = float(norms[-1 - lag] / norms[-1])
    name = next(gate.label for gate in row.gates if gate.code == row.highway)
    level = float(report.gate(row.highway, layer).mean())
    text = _("The mean value of the {gate} is **{mean}** (0 is closed, 1 is open)").format(
        gate=_(name), mean=format_opening(level)
    )
    if 0 < level < 1:
        text += _(
            ": on the direct path a tenth of the gradient is left after {steps} steps"
        ).format(steps=format_number(math.log(0.1) / math.log(level), 2))
    text += "."
    text += " " + _("After {lag} steps back the direct path leaves **{direct}** of it").format(
        lag=lag, direct=format_opening(direct)
    )
    if report.experiment.loss_at is LossAt.LAST:
        whole = report.remaining(lag, state, layer)
        text += _(", all paths together **{whole}**").format(whole=format_number(whole, 2))
        if whole == 0 < direct:
            text += _(" (too small for {dtype})").format(dtype=report.dtype)
    return text + "."
