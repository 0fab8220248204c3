"""Corrections of order 1/units and 1/batch to the law of a normalization."""

from __future__ import annotations

import math
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np

from gradflow.core.theory.moments import (
    ActivationLaw,
    FloatArray,
    compute_hermite_functions,
    compute_values_and_slopes,
)


class MomentFactors(NamedTuple):
    """E φ² and E φ'² relative to their values under a Gaussian."""

    power: float
    slope: float


_DRAWN_VALUES = 100_000
"""Values drawn for the expectation over a batch."""
GAUSSIAN_FACTORS = MomentFactors(1.0, 1.0)


@lru_cache(maxsize=64)
def compute_sphere_factors(law: ActivationLaw, dimension: float) -> MomentFactors:
    """Compute the moments of φ on a sphere, relative to those under a Gaussian.

    A normalized vector lies on a sphere: its entries have density ∝ (1 − u²/d)^((d−3)/2).
    """
    z, hermite = compute_hermite_functions()
    gaussian = hermite[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = np.maximum(1 - z**2 / dimension, 0.0) ** max((dimension - 3) / 2, 0.0)
    sphere = np.where(z**2 < dimension, inside, 0.0)
    sphere /= max(sphere.sum(), 1e-300)
    phi, slope = compute_values_and_slopes(law.module, z)
    ratios = [float(sphere @ f**2 / (gaussian @ f**2)) for f in (phi, slope)]
    return MomentFactors(*ratios)


@lru_cache(maxsize=256)
def compute_gaussian_tails(law: ActivationLaw, q: float, centred: bool) -> float:
    """Compute the tails, as ``compute_tails`` does, of φ(u) with u ~ N(0, q).

    ``centred``: the mean of φ is subtracted.
    """
    z, hermite = compute_hermite_functions()
    phi, slope = compute_values_and_slopes(law.module, math.sqrt(q) * z)
    return compute_tails(phi - centred * (hermite[0] @ phi), slope, hermite[0])


def compute_tails(
    values: FloatArray, slopes: FloatArray, weights: FloatArray | None = None
) -> float:
    """Compute the kurtosis of φ, less the loss of slope where the entry itself is large.

    The statistic s² contains the entry whose slope it divides, so that E φ'²/s² is smaller where
    large outputs come with large slopes.
    """
    mean = np.mean if weights is None else partial(np.dot, weights)
    power, square = mean(values**2), mean(slopes**2)
    if not power * square > 1e-300:
        return 3.0
    together = mean((values * slopes) ** 2) / (power * square)
    return float(mean(values**4) / power**2 - together + 1)


@lru_cache(maxsize=64)
def compute_slope_kurtosis(law: ActivationLaw, q: float) -> float:
    """Compute E φ'⁴/(E φ'²)² under N(0, q)."""
    z, hermite = compute_hermite_functions()
    square = compute_values_and_slopes(law.module, math.sqrt(q) * z)[1] ** 2
    return float(hermite[0] @ square**2 / max((hermite[0] @ square) ** 2, 1e-300))


@lru_cache(maxsize=64)
def compute_projections(
    law: ActivationLaw,
) -> tuple[float, tuple[float, float], tuple[float, float]]:
    """Compute E φ'²z², and the squares of the first two Hermite coefficients of φ' and of φ'z.

    At q = 1, all relative to E φ'².
    """
    z, hermite = compute_hermite_functions()
    slope = compute_values_and_slopes(law.module, z)[1]
    square = float(hermite[0] @ slope**2)
    (mean, mean_z), (shared, shared_z) = (
        (hermite[:2] @ f) ** 2 / square for f in (slope, slope * z)
    )
    along_signal = float(hermite[0] @ (slope * z) ** 2) / square
    return along_signal, (float(mean), float(mean_z)), (float(shared), float(shared_z))


@lru_cache(maxsize=128)
def compute_batch_factor(law: ActivationLaw, batch: int, q: float, overlap: float) -> float:
    """Compute the squared gradient's factor through φ and a batch norm behind it.

    It is E‖δ‖²/E‖g‖² for g = ∂L/∂(the norm's output), relative to E φ'²/E v, v being the variance
    over the ``batch``: of finitely many samples v varies and contains the entry that it divides,
    and the norm projects. With â the normalized outputs of a unit and P removing the mean,
    ∂L/∂z_i = φ'(z_i) [P g − â (â·g)/B]_i / √v. So the gradients of two samples become correlated,
    and the norm of the layer before removes less of them, or more.

    The expectation is taken over drawn units with E z² = ``q``; ``overlap`` is the mean cosine of
    all pairs of samples, each with itself included.
    """
    units = max(_DRAWN_VALUES // batch, 64)
    noise = np.random.default_rng(0).standard_normal((units, batch))
    common = noise.mean(1, keepdims=True)
    noise -= common
    cosine = (batch * overlap - 1) / (batch - 1)
    z = math.sqrt(q) * (math.sqrt(1 - cosine) * noise + math.sqrt(batch * overlap) * common)
    phi, slope = (x.reshape(z.shape) for x in compute_values_and_slopes(law.module, z.ravel()))
    phi -= phi.mean(1, keepdims=True)
    v = (phi**2).mean(1)
    squares, along = slope**2, slope * phi
    kept = (squares * (1 - 1 / batch)).sum(1) - (along**2).sum(1) / (v * batch)
    pairs = slope.sum(1) ** 2 - squares.sum(1) + (along.sum(1) ** 2 - (along**2).sum(1)) / v
    values = (kept + pairs / (batch * (batch - 1))) / (v * batch)
    # What varies with it and has a known mean takes most of the chance out of the mean.
    radius = (noise**2).sum(1)
    moments = law.compute_moments(np.array([q]))
    power, square = float(moments.power[0]), float(moments.slope[0])
    alike = float(law.compute_cosine(q, np.array([cosine]))[0])
    statistic = power * (1 - alike) * (1 - 1 / batch)
    controls = np.stack(
        [
            radius / (batch - 1) - 1,
            (batch - 3) / radius - 1,
            squares.mean(1) / square - 1,
            v / statistic - 1,
            np.ones(units),
        ],
        axis=1,
    )
    known = v > 1e-9 * statistic
    mean = float(np.linalg.lstsq(controls[known], values[known], rcond=None)[0][-1])
    return mean * statistic / square
