"""A Gaussian pushed through an activation function and through its derivative."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor, nn

from gradflow.core.catalog import ACTIVATIONS
from gradflow.core.teaching.activation_facts import OneActivation
from gradflow.core.theory.moments import (
    FloatArray,
    compute_values_and_slopes,
    find_kinks,
    get_activation_law,
)

SampleArray = npt.NDArray[np.float32]

SAMPLES = 20_000
BINS = 80
ATOM_SHARE = 0.05
"""A number that at least this share of the samples equals is kept apart from the bins."""
_SIGMAS, _PANELS, _NODES = 12.0, 48, 12
"""Quadrature covers so many standard deviations by panels with so many nodes."""
_EDGES_NEAR_ZERO = np.concatenate(
    [-(2.0 ** np.arange(18, -29, -1)), [0.0], 2.0 ** np.arange(-28, 19)]
)


class GaussianInput(OneActivation):
    """A Gaussian z ~ N(μ, σ²) and an activation function to push it through."""

    mean: float = Field(0.0, ge=-10, le=10, title="Mean μ", description="Mean of z.")
    width: float = Field(
        1.0, ge=0.01, le=1e40, title="Width σ", description="Standard deviation of z."
    )
    seed: int = Field(0, ge=0, le=9999, title="Seed", description="Draws other samples.")


@dataclass(frozen=True, eq=False)
class Distribution:
    """Float32 samples of one quantity, and its exact moments.

    Attributes:
        edges: edges of the bins, shape ``(BINS + 1,)``, or empty if all samples are in atoms.
        shares: share of the samples in each bin; with ``atoms`` and ``nonfinite`` they add up to 1.
        atoms: ``(number, share)`` of the numbers that many samples are exactly equal to.
        nonfinite: share of infinite samples and NaN.
        mean, std: mean and standard deviation of the samples, accumulated in float64; not finite
            if a sample is not.
        exact_mean, exact_std: the same of the exact distribution, by quadrature.
    """

    edges: FloatArray
    shares: FloatArray
    atoms: tuple[tuple[float, float], ...]
    nonfinite: float
    mean: float
    std: float
    exact_mean: float
    exact_std: float


@dataclass(frozen=True, eq=False)
class Passage:
    """The Gaussian before (z), behind φ (value) and behind φ' (slope)."""

    before: Distribution
    value: Distribution
    slope: Distribution


def push_gaussian(spec: GaussianInput) -> Passage:
    """Draw z in float32, as a network would hold it, and push it through φ and φ'.

    A random slope (RReLU) is its mean.
    """
    normal = np.random.default_rng(spec.seed).standard_normal(SAMPLES)
    module = get_activation_law(spec.mlp).module
    with np.errstate(over="ignore"):
        z = (spec.mean + spec.width * normal).astype(np.float32)
    value, slope = _apply_in_float32(spec, z)
    exact = integrate_moments(module, spec.mean, spec.width)
    return Passage(
        _describe_samples(z, (spec.mean, spec.width)),
        _describe_samples(value, exact[0]),
        _describe_samples(slope, exact[1]),
    )


def _apply_in_float32(spec: GaussianInput, z: SampleArray) -> tuple[SampleArray, SampleArray]:
    """Compute φ(z) and φ'(z) in float32."""
    module = ACTIVATIONS[spec.activation].module(spec.mlp).eval().requires_grad_(False)
    point = torch.from_numpy(z).requires_grad_()
    value: Tensor = module(point)
    (slope,) = torch.autograd.grad(value.sum(), point)
    return value.detach().numpy(), slope.numpy()


def integrate_moments(
    module: nn.Module, mean: float, width: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Integrate mean and standard deviation of φ(z) and of φ'(z) for z ~ N(mean, width²).

    Gauss–Legendre in panels that cover 12 standard deviations, halve towards 0 and end at the
    kinks of φ.
    """
    low, high = mean - _SIGMAS * width, mean + _SIGMAS * width
    edges = np.concatenate(
        [np.linspace(low, high, _PANELS + 1), _EDGES_NEAR_ZERO, find_kinks(module)]
    )
    edges = np.unique(edges[(edges >= low) & (edges <= high)])
    x, w = np.polynomial.legendre.leggauss(_NODES)
    length = np.diff(edges)[:, None]
    z = (edges[:-1, None] + length * (x + 1) / 2).ravel()
    weights = (length * w / 2).ravel() * np.exp(-(((z - mean) / width) ** 2) / 2)
    weights /= weights.sum()
    value, slope = compute_values_and_slopes(module, z)
    return _compute_moments(value, weights), _compute_moments(slope, weights)


def _compute_moments(values: FloatArray, weights: FloatArray) -> tuple[float, float]:
    mean = float(weights @ values)
    return mean, math.sqrt(float(weights @ (values - mean) ** 2))


def _describe_samples(samples: SampleArray, exact: tuple[float, float]) -> Distribution:
    finite = samples[np.isfinite(samples)].astype(np.float64)
    numbers, counts = np.unique(finite, return_counts=True)
    common = counts >= ATOM_SHARE * len(samples)
    atoms = tuple(
        (float(number), float(count) / len(samples))
        for number, count in zip(numbers[common], counts[common], strict=True)
    )
    spread = finite[~np.isin(finite, numbers[common])]
    if len(spread):
        counted, edges = np.histogram(spread, bins=BINS)
    else:
        counted, edges = np.zeros(0), np.zeros(0)
    with np.errstate(invalid="ignore"):
        mean, std = samples.mean(dtype=np.float64), samples.std(dtype=np.float64)
    return Distribution(
        edges,
        counted / len(samples),
        atoms,
        1 - len(finite) / len(samples),
        float(mean),
        float(std),
        *exact,
    )
