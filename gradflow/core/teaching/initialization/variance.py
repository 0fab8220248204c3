"""One layer with n_in inputs and n_out outputs: what its weights' variance keeps level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from gradflow.core.catalog import Activation
from gradflow.core.experiment import MLP
from gradflow.core.frozen import freeze_mappings
from gradflow.core.spec import Spec
from gradflow.core.theory.moments import (
    FloatArray,
    compute_values_and_slopes,
    get_activation_law,
)

SAMPLES = 64
STEPS = 6
"""Of the derivation."""


Law = Literal["lecun", "xavier", "he", "he_out", "small"]
"""Codes of the laws whose variance a layer's weights can have."""


class OneLayer(Spec):
    """A layer z = W·φ(x) with independent x ~ N(0, 1), and the law of its weights."""

    fan_in: int = Field(
        800, ge=10, le=1000, title="n_in", description="Units that the layer sums over."
    )
    fan_out: int = Field(
        300, ge=10, le=1000, title="n_out", description="Units that the layer feeds."
    )
    activation: Activation = Field(
        Activation.RELU, title="Activation φ", description="The function before the weights."
    )
    law: Law = Field("lecun", title="Law", description="Where the variance comes from.")
    step: int = Field(1, ge=1, le=STEPS, title="Step", description="Of the derivation.")
    seed: int = Field(0, ge=0, le=9999, title="Seed", description="Draws other weights.")


@dataclass(frozen=True, eq=False)
class LayerNumbers:
    """What a layer does to the mean square of a signal, and of a gradient.

    Attributes:
        variance: Var(W) of the chosen law.
        power: E φ(x)² for x ~ N(0, 1).
        slope: E φ'(x)².
        forward: n_in·Var(W)·E φ²: the mean square of z over that of x, which is 1.
        backward: n_out·Var(W)·E φ'²: the mean square of ∂L/∂x over that of ∂L/∂z.
        measured_forward, measured_backward: the same, measured on one draw of the weights.
        variances: Var(W) by law.
    """

    variance: float
    power: float
    slope: float
    forward: float
    backward: float
    measured_forward: float
    measured_backward: float
    variances: Mapping[Law, float]

    def __post_init__(self) -> None:
        freeze_mappings(self, "variances")


def list_variances(fan_in: int, fan_out: int) -> dict[Law, float]:
    """List Var(W) of every law for these sizes; σ = 0.01 whatever they are."""
    return {
        "lecun": 1 / fan_in,
        "xavier": 2 / (fan_in + fan_out),
        "he": 2 / fan_in,
        "he_out": 2 / fan_out,
        "small": 0.01**2,
    }


def measure_layer(spec: OneLayer) -> LayerNumbers:
    """Compute the factors of a layer, and measure them on drawn weights, in float64.

    x has ``SAMPLES`` samples; ∂L/∂z ~ N(0, 1) independent of all else, as the law assumes.
    """
    variances = list_variances(spec.fan_in, spec.fan_out)
    variance = variances[spec.law]
    law = get_activation_law(MLP(activation=spec.activation))
    moments = law.compute_moments(np.ones(1))
    power, slope = float(moments.power[0]), float(moments.slope[0])
    random = np.random.default_rng(spec.seed)
    weights = np.sqrt(variance) * random.standard_normal((spec.fan_out, spec.fan_in))
    x = random.standard_normal((SAMPLES, spec.fan_in))
    delta = random.standard_normal((SAMPLES, spec.fan_out))
    value, own_slope = compute_values_and_slopes(law.module, x)
    return LayerNumbers(
        variance=variance,
        power=power,
        slope=slope,
        forward=spec.fan_in * variance * power,
        backward=spec.fan_out * variance * slope,
        measured_forward=_find_mean_square(value @ weights.T) / _find_mean_square(x),
        measured_backward=_find_mean_square((delta @ weights) * own_slope)
        / _find_mean_square(delta),
        variances=variances,
    )


def _find_mean_square(values: FloatArray) -> float:
    return float(np.mean(values**2))
