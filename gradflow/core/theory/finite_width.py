"""The median of finite networks beside the mean of wide ones.

The laws give E‖δ‖². Of networks drawn alike, ‖δ_l‖² is a product of random factors, nearly
lognormal: its median is the mean times exp(−V/2), where V = Var ln ‖δ_l‖² grows by a term of order
1/n in each layer. For one sample that is (3κ − 1)/n, κ = E φ'⁴/(E φ'²)², which is 5/n for ReLU
(Hanin 2018). Over a batch it is less, as far as the samples differ: in the units that pass them on,
and in the direction of their gradients.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from gradflow.core.catalog import Connection, Normalization
from gradflow.core.theory.flow import PredictedFlow
from gradflow.core.theory.laws import NetworkLaws
from gradflow.core.theory.moments import (
    ActivationLaw,
    FloatArray,
    compute_hermite_functions,
    compute_values_and_slopes,
)
from gradflow.core.theory.readout import predict_readout_gradient
from gradflow.core.theory.signals import average


class PairMoments(NamedTuple):
    """Moments of φ at two inputs with one variance and a cosine, relative to independent ones.

    Attributes:
        slopes: E φ'(u)²φ'(v)² / (E φ'²)².
        alike: E φ'(u)φ'(v) / E φ'².
        powers: E φ(u)²φ(v)² / (E φ²)².
        mixed: E φ'(u)²φ(v)² / (E φ'² E φ²).
    """

    slopes: float
    alike: float
    powers: float
    mixed: float


def compute_pair_moments(law: ActivationLaw, q: float, cosine: float) -> PairMoments:
    """Compute the moments of a pair; the arguments are rounded, as a correction may."""
    log_q = math.log(min(max(q, 1e-12), 1e12))
    return _compute_pair_moments(law, round(5 * log_q) / 5, round(50 * cosine) / 50)


@lru_cache(maxsize=2048)
def _compute_pair_moments(law: ActivationLaw, log_q: float, cosine: float) -> PairMoments:
    rows = _expand(law, log_q)
    orders = min(max(cosine, -1.0), 1.0) ** np.arange(rows.coefficients.shape[1])
    slope, slope_square, power = (rows.coefficients * orders) @ rows.coefficients.T
    kept = [max(rows.totals[i] - float((rows.coefficients[i] ** 2).sum()), 0.0) for i in range(3)]
    tail = max(cosine, 0.0) ** rows.coefficients.shape[1]
    mean_slope, mean_power = rows.coefficients[1, 0], rows.coefficients[2, 0]
    return PairMoments(
        slopes=(slope_square[1] + tail * kept[1]) / max(mean_slope**2, 1e-300),
        alike=(slope[0] + tail * kept[0]) / max(rows.totals[0], 1e-300),
        powers=(power[2] + tail * kept[2]) / max(mean_power**2, 1e-300),
        mixed=slope_square[2] / max(mean_slope * mean_power, 1e-300),
    )


class _Expansion(NamedTuple):
    """Hermite coefficients of φ', φ'² and φ², and their mean squares."""

    coefficients: FloatArray
    totals: FloatArray


@lru_cache(maxsize=256)
def _expand(law: ActivationLaw, log_q: float) -> _Expansion:
    z, hermite = compute_hermite_functions()
    phi, slope = compute_values_and_slopes(law.module, math.exp(log_q / 2) * z)
    rows = np.stack([slope, slope**2, phi**2])
    return _Expansion(rows @ hermite.T, rows**2 @ hermite[0])


class MedianFactors(NamedTuple):
    """What the medians of networks are of their means, per layer: squares of norms and of rms."""

    delta: FloatArray
    activation_grad: FloatArray
    preactivation: FloatArray
    activation: FloatArray


def find_median_factors(network: NetworkLaws, flow: PredictedFlow) -> MedianFactors:
    """Find the factors of a plain network; 1 where none is known."""
    if network.spec.connection is not Connection.PLAIN:
        return MedianFactors(*np.ones((4, network.depth)))
    layers = [_describe(network, flow, layer) for layer in range(network.depth - 1)]
    variance = [*_follow_gradient(network, flow, layers), *_follow_signal(network, layers)]
    factors = -np.array(variance) / 2
    factors[:2] += _follow_alignment(network, flow, layers)
    return MedianFactors(*np.exp(factors))


class _Layer(NamedTuple):
    """A hidden layer, as its activation sees it.

    Attributes:
        units: how many.
        cosine: mean cosine between two samples, of what enters.
        same, pair: moments of φ for equal samples, and for different ones.
        steepness: d ln E φ²/d ln q.
        from_weights: share of the next layer's pre-activation that is no bias.
        passed: q E φ'² / (E φ² + σ_b²/σ_w²), which is 1 for a linear layer.
    """

    units: int
    cosine: float
    same: PairMoments
    pair: PairMoments
    steepness: float
    from_weights: float
    passed: float


def _describe(network: NetworkLaws, flow: PredictedFlow, layer: int) -> _Layer:
    units, z = network.fans[layer][1], flow.preactivation[layer]
    if network.norm is not Normalization.NONE and network.norm_first:
        z = network.normalize(z, units)[0]
    q, cosine = max(z.mean_power, 1e-300), average(z.cosine)
    low, at, high = network.law.compute_moments(np.array([0.999, 1.0, 1.001]) * q).power
    slope = network.law.compute_moments(np.array([q])).slope[0]
    after = max(flow.preactivation[layer + 1].mean_power, 1e-300)
    from_weights = max(1 - network.bias[layer + 1] / after, 0.0)
    return _Layer(
        units=units,
        cosine=cosine,
        same=compute_pair_moments(network.law, q, 1.0),
        pair=compute_pair_moments(network.law, q, cosine),
        steepness=math.log(high / low) / math.log(1.001 / 0.999),
        from_weights=from_weights,
        passed=q * slope * max(from_weights, 1e-3) / at,
    )


def _follow_gradient(
    network: NetworkLaws, flow: PredictedFlow, layers: list[_Layer]
) -> tuple[list[float], list[float]]:
    """Compute Var ln ‖∂L/∂z‖² and Var ln ‖∂L/∂a‖², from the readout back."""
    readout = predict_readout_gradient(network.experiment, flow.preactivation[-1])
    alone, together = readout.alone, readout.together
    delta, grad = [0.0], [0.0]
    for layer in reversed(layers):
        same, pair = layer.same, layer.pair
        grad.insert(0, delta[0] + 2 * (alone + together) / layer.units)
        added = alone * (3 * same.slopes - 1) + (1 - alone) * (pair.slopes - 1)
        added += 2 * together * pair.slopes + _find_norm_variance(network, layer, alone)
        delta.insert(0, delta[0] + added / layer.units)
        together *= pair.alike**2
    return delta, grad


def _find_norm_variance(network: NetworkLaws, layer: _Layer, alone: float) -> float:
    """Find what a norm's statistic adds to n·Var ln ‖δ‖²; of a batch norm nothing."""
    if network.norm in (Normalization.NONE, Normalization.BATCH):
        return 0.0
    if network.norm_first:
        return 2 * (alone + (1 - alone) * layer.cosine**2)
    alone_part, pair_part = (m.powers - 1 - 2 * (m.mixed - 1) for m in (layer.same, layer.pair))
    return alone * alone_part + (1 - alone) * pair_part


def _follow_signal(network: NetworkLaws, layers: list[_Layer]) -> tuple[list[float], list[float]]:
    """Compute the variances of ln E z² and ln E a²; norms keep both."""
    z, a = [0.0], []
    if network.norm is not Normalization.NONE:
        return [0.0] * network.depth, [0.0] * network.depth
    for layer in layers:
        added = (layer.same.powers - 1) / network.batch_size
        added += (1 - 1 / network.batch_size) * (layer.pair.powers - 1)
        a.append(layer.steepness**2 * z[-1] + added / layer.units)
        z.append(0.0 if network.adapts else layer.from_weights**2 * a[-1])
    return z, [*a, z[-1]]


def _follow_alignment(
    network: NetworkLaws, flow: PredictedFlow, layers: list[_Layer]
) -> tuple[list[float], list[float]]:
    """Compute ln of what the gradient gains since it follows the outputs.

    It comes back through the weights that made them, W = (z − b) aᵀ/‖a‖² + an independent rest: of
    Wᵀδ the part along a is cos²(z, δ)·m of that of a random direction, instead of 1. What z·δ is
    in one layer, it is in the layer before, times d ln E φ²/d ln q. Norms remove that part.
    """
    delta, grad = [0.0], [0.0]
    if network.norm is not Normalization.NONE:
        return [0.0] * network.depth, [0.0] * network.depth
    readout = predict_readout_gradient(network.experiment, flow.preactivation[-1])
    along = readout.along * network.fans[-1][1]
    for layer in reversed(layers):
        along *= layer.from_weights
        grad.insert(0, delta[0] + math.log1p((along - 1) / layer.units))
        gained = (along - 1) * layer.same.mixed / layer.units
        delta.insert(0, delta[0] + math.log1p(max(gained, -0.9)))
        along *= layer.steepness**2 * layer.from_weights / layer.passed / (1 + gained)
    return delta, grad
