"""Products of an activation's slopes over many layers: a bound, and random chains."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from gradflow.core.teaching.activation_facts import OneActivation, find_facts
from gradflow.core.theory.moments import FloatArray, compute_values_and_slopes, get_activation_law

CHAINS = 1001
"""Number of random chains; odd, so that the median is the value of a chain."""
SHARES = (10.0, 50.0, 90.0)
"""Percentiles over the chains that are kept."""


class SlopeChains(OneActivation):
    """Random chains h_{i+1} = φ(w_i h_i), one unit per layer, w_i ~ N(0, σ²), h_1 ~ N(0, 1)."""

    layers: int = Field(10, ge=1, le=200, title="Layers n", description="Length of the chain.")
    weight_std: float = Field(
        1.0, ge=0.1, le=1000, title="Weight σ", description="Standard deviation of the weights."
    )
    seed: int = Field(0, ge=0, le=9999, title="Seed", description="Draws other chains.")


@dataclass(frozen=True, eq=False)
class SlopeProducts:
    """Products over the first n layers, for n = 1 … layers.

    Attributes:
        largest: M, the largest |φ'|; ``bound`` is Mⁿ.
        slopes: Π |φ'(z_i)|, with its percentiles ``SHARES`` over the chains, shape ``(3, layers)``.
        factors: Π |w_i φ'(z_i)|, which is |∂h_{n+1}/∂h_1|; its percentiles in the same shape.
        zero: share of the chains whose product of slopes is exactly 0 after n layers.
        overflowed: the first n at which a signal or a product of some chain is beyond float64's
            largest number, 1.8·10³⁰⁸; 0: none.
    """

    largest: float
    bound: FloatArray
    slopes: FloatArray
    factors: FloatArray
    zero: FloatArray
    overflowed: int


def measure_slope_products(spec: SlopeChains) -> SlopeProducts:
    """Measure products of slopes, and of weights times slopes, along random chains, in float64."""
    random = np.random.default_rng(spec.seed)
    module = get_activation_law(spec.mlp).module
    signal = random.standard_normal(CHAINS)
    slope, factor = np.ones(CHAINS), np.ones(CHAINS)
    slopes, factors, zero = [], [], []
    overflowed = 0
    with np.errstate(over="ignore", invalid="ignore"):
        for layer in range(1, spec.layers + 1):
            weight = spec.weight_std * random.standard_normal(CHAINS)
            signal, own = compute_values_and_slopes(module, weight * signal)
            slope = slope * np.abs(own)
            factor = factor * np.abs(weight * own)
            slopes.append(_find_percentiles(slope))
            factors.append(_find_percentiles(factor))
            zero.append(np.mean(slope == 0))
            if not overflowed and not np.isfinite([signal, slope, factor]).all():
                overflowed = layer
    largest = find_facts(spec.mlp).peak.slope
    return SlopeProducts(
        largest=largest,
        bound=largest ** np.arange(1.0, spec.layers + 1),
        slopes=np.array(slopes).T,
        factors=np.array(factors).T,
        zero=np.array(zero),
        overflowed=overflowed,
    )


def _find_percentiles(values: FloatArray) -> FloatArray:
    """Find the percentiles ``SHARES``, each a value itself, without interpolation.

    NaN, from ∞ − ∞ or ∞ · 0, counts as ∞.
    """
    ranked = np.sort(np.where(np.isnan(values), math.inf, values))
    ranks = np.round(np.array(SHARES) / 100 * (len(ranked) - 1)).astype(int)
    result: FloatArray = ranked[ranks]
    return result
