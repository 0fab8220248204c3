"""The correlation of the gradients at two inputs, against depth, with its law in wide networks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gradflow.core.catalog import Connection
from gradflow.core.data import DATA_SEED_OFFSET
from gradflow.core.teaching.degradation.shattering import MOST_LAYERS, Shattering
from gradflow.core.teaching.degradation.tangents import propagate_tangents
from gradflow.core.theory.moments import FloatArray

PAIRS = 128
"""Number of pairs of inputs, over which the correlation is averaged."""
_INPUT_POWER = 2.0
"""Mean square of the first pre-activation: He weights, inputs of mean square 1."""


@dataclass(frozen=True, eq=False)
class Correlation:
    """The correlation of the gradients at two inputs behind layer 1, 2, …, one entry per layer.

    Attributes:
        measured: the cosine of J_l(x)·v and J_l(x′)·v, averaged over ``PAIRS`` pairs: the
            correlation of the derivatives of a random readout along v.
        law: the correlation in infinitely wide networks; empty where there is no law.
        noise: standard deviation of ``measured`` where the gradients have nothing in common.
    """

    measured: FloatArray
    law: FloatArray
    noise: float


def measure_correlation(spec: Shattering, connection: Connection) -> Correlation:
    """Push pairs of inputs with cosine ``spec.cosine`` through ``MOST_LAYERS`` layers.

    Inputs are N(0, I) in as many dimensions as layers have units, pairs are independent of each
    other, and biases are 0. In float32.
    """
    inputs, direction = _draw_pairs(spec)
    experiment = spec.make_experiment(connection, features=spec.width, bias_std=0.0)
    measured = [
        _average_cosine(tangent) for tangent in propagate_tangents(experiment, inputs, direction)
    ]
    return Correlation(
        np.array(measured), predict_correlation(connection, spec), 1 / math.sqrt(PAIRS * spec.width)
    )


def _draw_pairs(spec: Shattering) -> tuple[Tensor, Tensor]:
    """Draw inputs, the second half partners of the first, and a direction for each pair."""
    random = torch.Generator().manual_seed(spec.seed + DATA_SEED_OFFSET)
    own = torch.randn(3, PAIRS, spec.width, generator=random)
    partner = spec.cosine * own[0] + math.sqrt(1 - spec.cosine**2) * own[1]
    return torch.cat([own[0], partner]), own[2].repeat(2, 1)


def _average_cosine(tangent: Tensor) -> float:
    """Average the cosine of the rows of the first half with those of the second."""
    first, second = tangent.double().chunk(2)
    return float(torch.cosine_similarity(first, second, dim=1, eps=1e-300).mean())


def predict_correlation(kind: Connection, spec: Shattering) -> FloatArray:
    """Predict the correlation behind each layer of infinitely wide ReLU networks with He weights.

    With κ₀(c) = 1 − arccos(c)/π and κ₁(c) = (√(1−c²) + (π − arccos c)·c)/π (Cho & Saul 2009), a
    plain layer multiplies the correlation of the gradients by κ₀(c), where c is the correlation
    of the signals, which becomes κ₁(c), or (κ₁(c) − 1/π)/(1 − 1/π) with batch normalization. For
    unrelated signals κ₀(0) = ½: 2⁻ᴸ. A block h + β·f(h) adds β²·κ₀(c) to the covariance of the
    gradients where it adds β² to their variance (over the variance of h with batch
    normalization): (¾)ᴸ for β = 1 without it. Balduzzi et al. 2017.
    """
    c, correlations = spec.cosine, []
    if kind is Connection.PLAIN:
        product = 1.0
        for _layer in range(MOST_LAYERS):
            product *= kappa_0(c)
            correlations.append(product)
            c = _kappa_1_centred(c) if spec.normalized else kappa_1(c)
        return np.array(correlations)
    if kind is Connection.RESIDUAL:
        return np.zeros(0)
    square, power, norm, overlap = spec.branch_scale**2, _INPUT_POWER, 1.0, 1.0
    shared = c * power
    for _layer in range(MOST_LAYERS):
        correlations.append(overlap / norm)
        c = min(shared / power, 1.0)
        size = power if spec.normalized else 1.0
        norm, overlap = (
            norm * (1 + square / size),
            overlap * (1 + square * kappa_0(c) / size),
        )
        # Without batch normalization the branch is as large as the stream.
        added = 1 - kappa_1(0) if spec.normalized else power
        shared += square * added * (_kappa_1_centred(c) if spec.normalized else kappa_1(c))
        power += square * added
        # Only ratios count, and 2¹⁰⁰ is large.
        norm, overlap = 1.0, overlap / norm
    return np.array(correlations)


def kappa_0(c: float) -> float:
    """2·E φ'(u₁)φ'(u₂) of ReLU for standard normal u₁, u₂ with correlation c."""
    return 1 - math.acos(c) / math.pi


def kappa_1(c: float) -> float:
    """2·E φ(u₁)φ(u₂) of ReLU for standard normal u₁, u₂ with correlation c."""
    return (math.sqrt(1 - c * c) + (math.pi - math.acos(c)) * c) / math.pi


def _kappa_1_centred(c: float) -> float:
    """The correlation behind ReLU once the mean over unrelated samples is subtracted."""
    return (kappa_1(c) - kappa_1(0)) / (1 - kappa_1(0))
