"""Why the gradient vanishes or explodes: from measured gains, tied to the setting if known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gradflow.core.catalog import (
    ACTIVATIONS,
    INITIALIZATIONS,
    Activation,
    Connection,
    Normalization,
)
from gradflow.core.diagnosis.case import Case
from gradflow.core.experiment import LayerSettings
from gradflow.core.numbers import format_number
from gradflow.core.text import EMPTY, Text, join_texts


def explain_vanishing(case: Case) -> Text:
    """Say why in one sentence or two; empty where no cause can be told from the report."""
    gains = _measure_gains(case)
    tied = _blame_small_gains(case.settings, gains) if case.settings else EMPTY
    return join_texts(_describe_gains(case, gains), tied)


def explain_exploding(case: Case) -> Text:
    """Say why in one sentence or two; empty where no cause can be told from the report."""
    gains = _measure_gains(case)
    tied = _blame_large_gains(case.settings, gains) if case.settings else EMPTY
    return join_texts(_describe_gains(case, gains), tied)


class _LayerGains(NamedTuple):
    """What one layer multiplies ‖gradient‖ by on its way back, as medians over hidden layers."""

    weights: float
    slopes: float


def _measure_gains(case: Case) -> _LayerGains | None:
    """Measure ‖∂L/∂a_l‖ / ‖δ_{l+1}‖ and ‖δ_l‖ / ‖∂L/∂a_l‖; ``None`` unless layers form a chain."""
    layers = case.layers
    if case.network:
        chain = case.settings is not None and case.settings.connection is Connection.PLAIN
    else:  # modules side by side in one container, and no container that computes by itself
        parents = {str(name).rpartition(".")[0] for name in layers["module"]}
        chain = len(parents) == 1 and "block" not in case.signals["kind"]
    if not chain:
        return None
    delta, grad = layers.get_numbers("delta_norm"), layers.get_numbers("activation_grad_norm")
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = grad[:-1] / delta[1:], (delta / grad)[:-1]
    weights, slopes = (x[np.isfinite(x) & (x > 0)] for x in ratios)
    if not len(weights) or not len(slopes):
        return None
    return _LayerGains(*(float(np.exp(np.median(np.log(x)))) for x in (weights, slopes)))


def _describe_gains(case: Case, gains: _LayerGains | None) -> Text:
    if gains is None:
        return EMPTY
    values = {
        "weights": format_number(gains.weights),
        "slopes": format_number(gains.slopes),
    }
    if "norm" in case.signals["kind"]:
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


def _blame_small_gains(spec: LayerSettings, gains: _LayerGains | None) -> Text:
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


def _blame_large_gains(spec: LayerSettings, gains: _LayerGains | None) -> Text:
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
