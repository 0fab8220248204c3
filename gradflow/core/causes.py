"""Why a verdict came about: one sentence from measured numbers, tied to the setting if known."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from gradflow.core.catalog import (
    ACTIVATIONS,
    INITIALIZATIONS,
    Activation,
    Connection,
    Initialization,
    Normalization,
)
from gradflow.core.codec import from_query
from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import Experiment, LayerSettings, NetworkSpec
from gradflow.core.report import Report
from gradflow.core.text import _
from gradflow.core.verdict import Verdict, digits


def cause(verdict: Verdict, report: Report) -> str:
    """One sentence, or nothing where no cause can be told from the report."""
    experiment = experiment_of(report)
    explain = _EXPLANATIONS.get(verdict)
    return explain(report, experiment) if explain else ""


def experiment_of(report: Report) -> Experiment | None:
    """The experiment that a report says it comes from, if that is a possible one."""
    if not report.experiment:
        return None
    try:
        return from_query({str(k): str(v) for k, v in report.experiment.items()})
    except InvalidExperiment:
        return None


class _Gains(NamedTuple):
    """What one layer multiplies ‖gradient‖ by on its way back, as medians over hidden layers."""

    weights: float
    slopes: float


def _gains(report: Report, experiment: Experiment | None) -> _Gains | None:
    """From ‖∂L/∂a_l‖ / ‖δ_{l+1}‖ and ‖δ_l‖ / ‖∂L/∂a_l‖; of a chain of layers only."""
    if experiment:
        spec = experiment.network
        chain = isinstance(spec, LayerSettings) and spec.connection is Connection.PLAIN
    else:  # modules side by side in one container, and no container that computes by itself
        parents = {str(name).rpartition(".")[0] for name in report.layers["module"]}
        chain = len(parents) == 1 and not (report.signals["kind"] == "block").any()
    if not chain:
        return None
    delta = report.layers["delta_norm"].to_numpy(float)
    grad = report.layers["activation_grad_norm"].to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        weights, slopes = grad[:-1] / delta[1:], (delta / grad)[:-1]
    found = [x[np.isfinite(x) & (x > 0)] for x in (weights, slopes)]
    if min(map(len, found)) == 0:
        return None
    return _Gains(*(float(np.exp(np.median(np.log(x)))) for x in found))


def _vanishing(report: Report, experiment: Experiment | None) -> str:
    gains = _gains(report, experiment)
    tied = _decay(experiment.network, gains) if experiment else ""
    return f"{_measured(report, gains)} {tied}".strip()


def _exploding(report: Report, experiment: Experiment | None) -> str:
    gains = _gains(report, experiment)
    tied = _growth(experiment.network, gains) if experiment else ""
    return f"{_measured(report, gains)} {tied}".strip()


def _measured(report: Report, gains: _Gains | None) -> str:
    if gains is None:
        return ""
    if (report.signals["kind"] == "norm").any():
        text = _("Going back one layer, the weights multiply it by {weights}, the activation and "
                 "its normalization by {slopes}.")  # fmt: skip
    else:
        text = _("Going back one layer, the weights multiply it by {weights}, the slopes of the "
                 "activation by {slopes}.")  # fmt: skip
    return text.format(weights=digits(gains.weights), slopes=digits(gains.slopes))


def _decay(spec: NetworkSpec, gains: _Gains | None) -> str:
    if not isinstance(spec, LayerSettings):
        return ""
    weak_slopes = gains is not None and gains.weights >= 0.9 > gains.slopes
    if spec.activation is Activation.SIGMOID:
        text = _("The sigmoid's slope is at most 1/4, and {weights} weights do not make up for it.")
    elif weak_slopes:
        text = _("The slopes of {activation} are too small for {weights} weights to make up for.")
    elif gains is not None:
        text = _("The weights ({weights}) are too small for {activation}.")
    else:
        text = ""
    return text.format(
        activation=_(ACTIVATIONS[spec.activation].label),
        weights=_(INITIALIZATIONS[spec.initialization].label),
    )


def _growth(spec: NetworkSpec, gains: _Gains | None) -> str:
    if not isinstance(spec, LayerSettings):
        return ""
    if spec.connection in (Connection.RESIDUAL, Connection.PREACTIVATION):
        return _("Every block adds the power of its branch to that of the shortcut; a smaller "
                 "branch scale α lets it grow more slowly.")  # fmt: skip
    if spec.normalization is Normalization.BATCH:
        return _("Batch normalization makes gradients grow in every layer of a plain network, "
                 "whatever the activation.")  # fmt: skip
    if spec.normalization is not Normalization.NONE:
        return _("Each normalization divides the gradient by what it divides the signal by, and "
                 "the slopes do not make up for it.")  # fmt: skip
    if gains and gains.weights > 2 and gains.slopes < 0.7:
        return _("The weights are so large that their growth outweighs the small slopes of "
                 "saturated units.")  # fmt: skip
    activation = _(ACTIVATIONS[spec.activation].label)
    return _("The weights are too large for {activation}.").format(activation=activation)


def _saturated(report: Report, _experiment: Experiment | None) -> str:
    spread = float(np.nanmax(report.layers["preactivation_std"].iloc[:-1].to_numpy(float)))
    return _(
        "The pre-activations spread to a standard deviation of {std}, beyond the part of the "
        "activation that has a slope; smaller weights or a normalization before it narrow them."
    ).format(std=digits(spread))


def _dead(report: Report, _experiment: Experiment | None) -> str:
    alike = report.layers["similarity"].to_numpy(float)
    if np.nanmax(alike, initial=-math.inf) > 0.9:
        return _(
            "Where all inputs have become alike, a unit is on for all of them or off for all of "
            "them."
        )
    return _("Their pre-activation is negative for every sample: a large negative bias or mean.")


def _collapsed(report: Report, experiment: Experiment | None) -> str:
    if experiment and experiment.data.correlation > 0.9:
        return _("The inputs themselves are correlated.")
    if experiment and experiment.network.activation is Activation.LINEAR:
        return _("A product of many matrices turns all inputs towards its largest singular vector.")
    mean = report.layers["activation_mean"].to_numpy(float)[:-1]
    rms = report.layers["activation_rms"].to_numpy(float)[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        offset = float(np.nanmedian(np.abs(mean) / rms))
    if offset > 0.4:
        return _(
            "Every layer adds the same positive mean to all samples ({offset} of the RMS), which "
            "outweighs what tells them apart."
        ).format(offset=f"{offset:.0%}")
    return _("Every layer contracts the differences between samples more than the signal itself.")


def _symmetric(_report: Report, experiment: Experiment | None) -> str:
    network = experiment and experiment.network
    if isinstance(network, LayerSettings) and network.initialization is Initialization.ZEROS:
        return _(
            "Weights that start at zero pass nothing on, neither signal nor gradient; only "
            "randomness breaks the symmetry."
        )
    return _(
        "Units with equal weights get equal gradients and stay equal; only randomness breaks the "
        "symmetry."
    )


def _overflow(report: Report, _experiment: Experiment | None) -> str:
    largest = {"float16": "65,504", "float64": "1.8e308"}.get(report.dtype, "3.4e38")
    return _("{dtype} ends at {largest}; what is larger becomes infinite.").format(
        dtype=report.dtype, largest=largest
    )


def _underflow(report: Report, _experiment: Experiment | None) -> str:
    if report.dtype == "float16":
        return _("float16 ends at 6e-8; a loss scale shifts gradients back into its range.")
    return _("The gradient has shrunk below the range of {dtype}.").format(dtype=report.dtype)


_EXPLANATIONS: dict[Verdict, Callable[[Report, Experiment | None], str]] = {
    Verdict.VANISHING: _vanishing,
    Verdict.EXPLODING: _exploding,
    Verdict.SATURATED: _saturated,
    Verdict.DEAD: _dead,
    Verdict.COLLAPSED: _collapsed,
    Verdict.SYMMETRIC: _symmetric,
    Verdict.UNDERFLOW: _underflow,
    Verdict.OVERFLOW: _overflow,
}
