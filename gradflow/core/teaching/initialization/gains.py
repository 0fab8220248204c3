"""Gains: those of a widespread table, those of PyTorch, and what they do to the gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from gradflow.core.catalog import ACTIVATIONS, Activation
from gradflow.core.ensemble import run_seeds
from gradflow.core.experiment import MLP, Data, Experiment
from gradflow.core.spec import Spec
from gradflow.core.theory.moments import FloatArray, get_activation_law

TABLE_GAINS = {Activation.SIGMOID: 1.0, Activation.TANH: 4.0, Activation.RELU: math.sqrt(2)}
"""Gains on Xavier's σ as notes on deep learning print them. The 4 belongs to the sigmoid."""
GAINS = tuple(2.0 ** (i / 4) for i in range(-4, 17))
"""The gains at which the factor is measured, from ½ to 16."""
DEPTH, WIDTH, BATCH, SEEDS = 11, 128, 64, 5
_FIRST, _LAST = 1, DEPTH - 2
"""The hidden layers between which the factor is taken; behind the last come the few outputs."""


class ChosenGain(Spec):
    """One activation function with one gain, whose gradient is shown layer by layer."""

    activation: Activation = Field(
        Activation.TANH, title="Activation φ", description="Of the network on the right."
    )
    gain: float = Field(
        4.0, ge=0.1, le=20, title="Gain", description="Factor on Xavier’s standard deviation."
    )


@dataclass(frozen=True, eq=False)
class GainCurve:
    """The factor of the RMS of ∂L/∂z per layer against the gain.

    Attributes:
        measured: the median over ``SEEDS`` seeds at each of ``GAINS``; (low, high) are extremes.
        low, high: see there.
        law: the factor by mean-field theory, √(σ²·E φ'²) from layer to layer on average.
    """

    measured: FloatArray
    low: FloatArray
    high: FloatArray
    law: FloatArray


def make_experiment(activation: Activation, gain: float) -> Experiment:
    """Make ten equal layers with Xavier's normal weights times a gain."""
    network = MLP(
        depth=DEPTH,
        width=WIDTH,
        activation=activation,
        initialization="xavier_normal",
        gain="custom",
        gain_value=gain,
    )
    data = Data(source="gaussian", dimension=WIDTH, batch_size=BATCH)
    return Experiment(network=network, data=data)


def find_pytorch_gain(activation: Activation) -> float:
    """Find what ``torch.nn.init.calculate_gain`` recommends."""
    return ACTIVATIONS[activation].gain(MLP(activation=activation))


def find_critical_gain(activation: Activation) -> float:
    """Find the gain at which the gradient keeps its size; 4 for sigmoid, where it still shrinks.

    1 over the slope at 0 for the smooth functions of ``TABLE_GAINS``, √2 for ReLU (THEORY: q → 0
    at the critical point of tanh; the sigmoid's z is never near 0, so that it has no such gain).
    """
    return {Activation.SIGMOID: 4.0, Activation.TANH: 1.0, Activation.RELU: math.sqrt(2)}[
        activation
    ]


def measure_gains(activation: Activation, advance: Callable[[], None] = lambda: None) -> GainCurve:
    """Measure the factor per layer at every gain, over seeds.

    ``advance`` is called between gains; what it raises ends the work.
    """
    rows = []
    for gain in GAINS:
        advance()
        rows.append(_measure(activation, gain))
    return GainCurve(*np.array(rows).T)


def measure_factor(norms: FloatArray) -> FloatArray:
    """Take the factor per layer from norms ``(…, layers)``, on average over the hidden layers."""
    ratio = norms[..., _FIRST] / norms[..., _LAST]
    result: FloatArray = ratio ** (1 / (_LAST - _FIRST))
    return result


def predict_factor(activation: Activation, gain: float) -> float:
    """Predict the factor: q_1 = g², q_{l+1} = g²·E φ², and per layer √(g²·E φ'²)."""
    law = get_activation_law(MLP(activation=activation))
    q, factors = gain**2, []
    for _layer in range(_LAST):
        moments = law.compute_moments(np.array([q]))
        factors.append(gain * math.sqrt(float(moments.slope[0])))
        q = gain**2 * float(moments.power[0])
    return float(np.exp(np.mean(np.log(factors[_FIRST:]))))


def _measure(activation: Activation, gain: float) -> tuple[float, float, float, float]:
    experiment = make_experiment(activation, gain)
    factors = measure_factor(run_seeds(experiment, SEEDS).values["delta_norm"])
    low, median, high = np.quantile(factors, (0, 0.5, 1)).tolist()
    return median, low, high, predict_factor(activation, gain)
