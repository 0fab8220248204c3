"""Why a verdict came about: one sentence from measured numbers, tied to the setting if known."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
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
from gradflow.core.numbers import format_number
from gradflow.core.report import Report
from gradflow.core.text import EMPTY, Text, join_texts
from gradflow.core.verdict import Verdict

_NUMBER_FORMAT_ENDS = {"float16": "65,504", "float64": "1.8e308"}
"""The largest numbers; that of float32 and of bfloat16 is ``_FLOAT32_END``."""
_FLOAT32_END = "3.4e38"


def explain_verdict(verdict: Verdict, report: Report) -> Text:
    """Say why in one sentence; empty where no cause can be told from the report."""
    explain = _EXPLANATIONS.get(verdict)
    return explain(report, parse_experiment(report)) if explain else EMPTY


def parse_experiment(report: Report) -> Experiment | None:
    """Read the experiment that a report says it comes from; ``None`` if it has no possible one."""
    if not report.experiment:
        return None
    return _parse_settings(tuple((str(k), str(v)) for k, v in report.experiment.items()))


@lru_cache(maxsize=64)  # every check of a report asks
def _parse_settings(settings: tuple[tuple[str, str], ...]) -> Experiment | None:
    try:
        return from_query(dict(settings))
    except InvalidExperiment:
        return None


def _explain_vanishing(report: Report, experiment: Experiment | None) -> Text:
    gains = _measure_gains(report, experiment)
    tied = _blame_small_gains(experiment.network, gains) if experiment else EMPTY
    return join_texts(_describe_gains(report, gains), tied)


def _explain_exploding(report: Report, experiment: Experiment | None) -> Text:
    gains = _measure_gains(report, experiment)
    tied = _blame_large_gains(experiment.network, gains) if experiment else EMPTY
    return join_texts(_describe_gains(report, gains), tied)


class _LayerGains(NamedTuple):
    """What one layer multiplies ‖gradient‖ by on its way back, as medians over hidden layers."""

    weights: float
    slopes: float


def _measure_gains(report: Report, experiment: Experiment | None) -> _LayerGains | None:
    """Measure ‖∂L/∂a_l‖ / ‖δ_{l+1}‖ and ‖δ_l‖ / ‖∂L/∂a_l‖; ``None`` unless layers form a chain."""
    if experiment:
        spec = experiment.network
        chain = isinstance(spec, LayerSettings) and spec.connection is Connection.PLAIN
    else:  # modules side by side in one container, and no container that computes by itself
        parents = {str(name).rpartition(".")[0] for name in report.get_table("layers")["module"]}
        chain = len(parents) == 1 and "block" not in report.get_table("signals")["kind"]
    if not chain:
        return None
    layers = report.get_table("layers")
    delta, grad = layers.get_numbers("delta_norm"), layers.get_numbers("activation_grad_norm")
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = grad[:-1] / delta[1:], (delta / grad)[:-1]
    weights, slopes = (x[np.isfinite(x) & (x > 0)] for x in ratios)
    if not len(weights) or not len(slopes):
        return None
    return _LayerGains(*(float(np.exp(np.median(np.log(x)))) for x in (weights, slopes)))


def _describe_gains(report: Report, gains: _LayerGains | None) -> Text:
    if gains is None:
        return EMPTY
    values = {
        "weights": format_number(gains.weights),
        "slopes": format_number(gains.slopes),
    }
    if "norm" in report.get_table("signals")["kind"]:
        return Text(
            "Going back one layer, the weights multiply it by {weights}, the activation and its "
            "normalization by {slopes}.",
            **values,
        )
    return Text(
        "Going back one layer, the weights multiply it by {weights}, the slopes of the activation "
        "by {slopes}.",
        **values,
    )


def _blame_small_gains(spec: NetworkSpec, gains: _LayerGains | None) -> Text:
    if not isinstance(spec, LayerSettings):
        return EMPTY
    activation = Text(ACTIVATIONS[spec.activation].label)
    weights = Text(INITIALIZATIONS[spec.initialization].label)
    if spec.activation is Activation.SIGMOID:
        return Text(
            "The sigmoid's slope is at most 1/4, and {weights} weights do not make up for it.",
            weights=weights,
        )
    if gains is None:
        return EMPTY
    if gains.weights >= 0.9 > gains.slopes:
        return Text(
            "The slopes of {activation} are too small for {weights} weights to make up for.",
            activation=activation,
            weights=weights,
        )
    return Text(
        "The weights ({weights}) are too small for {activation}.",
        activation=activation,
        weights=weights,
    )


def _blame_large_gains(spec: NetworkSpec, gains: _LayerGains | None) -> Text:
    if not isinstance(spec, LayerSettings):
        return EMPTY
    if spec.connection in (Connection.RESIDUAL, Connection.PREACTIVATION):
        return Text(
            "Every block adds the variance of its branch to that of the shortcut; with a "
            "smaller branch scale α it grows more slowly."
        )
    if spec.normalization is Normalization.BATCH:
        return Text(
            "Batch normalization makes gradients grow in every layer of a plain network, whatever "
            "the activation."
        )
    if spec.normalization is not Normalization.NONE:
        return Text(
            "Each normalization divides the gradient by what it divides the signal by, and the "
            "slopes do not make up for it."
        )
    if gains and gains.weights > 2 and gains.slopes < 0.7:
        return Text(
            "The weights are so large that their growth outweighs the small slopes of saturated "
            "units."
        )
    activation = Text(ACTIVATIONS[spec.activation].label)
    return Text("The weights are too large for {activation}.", activation=activation)


def _explain_saturated(report: Report, _experiment: Experiment | None) -> Text:
    spread = float(np.nanmax(report.get_table("layers").get_numbers("preactivation_std")[:-1]))
    return Text(
        "The pre-activations spread to a standard deviation of {std}, beyond the part of the "
        "activation that has a slope; smaller weights or a normalization before it narrow them.",
        std=format_number(spread),
    )


def _explain_dead(report: Report, _experiment: Experiment | None) -> Text:
    alike = report.get_table("layers").get_numbers("similarity")
    if np.nanmax(alike, initial=-math.inf) > 0.9:
        return Text(
            "Where all inputs have become alike, a unit is on for all of them or off for all of "
            "them."
        )
    return Text("Their pre-activation is negative for every sample: a large negative bias or mean.")


def _explain_collapsed(report: Report, experiment: Experiment | None) -> Text:
    if experiment and experiment.data.correlation > 0.9:
        return Text("The inputs themselves are correlated.")
    if experiment and experiment.network.activation is Activation.LINEAR:
        return Text(
            "A product of many matrices turns all inputs towards its largest singular vector."
        )
    layers = report.get_table("layers")
    mean = layers.get_numbers("activation_mean")[:-1]
    rms = layers.get_numbers("activation_rms")[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        offset = float(np.nanmedian(np.abs(mean) / rms))
    if offset > 0.4:
        return Text(
            "Every layer adds the same positive mean to all samples ({offset} of the RMS), which "
            "outweighs what tells them apart.",
            offset=f"{offset:.0%}",
        )
    return Text("Every layer shrinks the differences between samples more than the signal itself.")


def _explain_symmetric(_report: Report, experiment: Experiment | None) -> Text:
    network = experiment and experiment.network
    if isinstance(network, LayerSettings) and network.initialization is Initialization.ZEROS:
        return Text(
            "Weights that start at zero pass nothing on, neither signal nor gradient; only "
            "randomness breaks the symmetry."
        )
    return Text(
        "Units with equal weights get equal gradients and stay equal; only randomness breaks the "
        "symmetry."
    )


def _explain_overflow(report: Report, _experiment: Experiment | None) -> Text:
    return Text(
        "The largest number in {dtype} is {largest}; anything larger becomes infinite.",
        dtype=report.dtype,
        largest=_NUMBER_FORMAT_ENDS.get(report.dtype, _FLOAT32_END),
    )


def _explain_underflow(report: Report, _experiment: Experiment | None) -> Text:
    if report.dtype == "float16":
        return Text(
            "The smallest number in float16 is 6·10⁻⁸; a loss scale brings gradients back "
            "into its range."
        )
    return Text("The gradient has shrunk below the range of {dtype}.", dtype=report.dtype)


_EXPLANATIONS: dict[Verdict, Callable[[Report, Experiment | None], Text]] = {
    Verdict.VANISHING: _explain_vanishing,
    Verdict.EXPLODING: _explain_exploding,
    Verdict.SATURATED: _explain_saturated,
    Verdict.DEAD: _explain_dead,
    Verdict.COLLAPSED: _explain_collapsed,
    Verdict.SYMMETRIC: _explain_symmetric,
    Verdict.UNDERFLOW: _explain_underflow,
    Verdict.OVERFLOW: _explain_overflow,
}
