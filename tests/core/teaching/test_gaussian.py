"""A Gaussian through φ and φ', against closed forms and plain sums."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from gradflow.core.catalog import Activation
from gradflow.core.teaching.gaussian import SAMPLES, GaussianInput, push_gaussian
from gradflow.core.theory.moments import get_activation_law


def phi(spec: GaussianInput, z: np.ndarray) -> np.ndarray:
    return get_activation_law(spec.mlp).module(torch.from_numpy(z)).numpy()


@pytest.mark.parametrize("activation", Activation)
@pytest.mark.parametrize(("mean", "width"), [(0.0, 1.0), (-2.5, 0.7), (1.0, 20.0)])
def test_exact_moments(activation, mean, width):
    """A midpoint sum over 400,000 points; slopes from central differences."""
    spec = GaussianInput(activation=activation, mean=mean, width=width)
    u = (np.arange(400_000) + 0.5) / 400_000 * 20 - 10
    weights = np.exp(-(u**2) / 2)
    weights /= weights.sum()
    z, h = mean + width * u, 1e-6
    value, slope = phi(spec, z), (phi(spec, z + h) - phi(spec, z - h)) / (2 * h)
    passage = push_gaussian(spec)
    for distribution, array in ((passage.value, value), (passage.slope, slope)):
        expected = weights @ array
        std = math.sqrt(weights @ (array - expected) ** 2)
        assert_allclose(
            [distribution.exact_mean, distribution.exact_std], [expected, std], rtol=2e-4, atol=2e-5
        )
        assert abs(distribution.mean - expected) < 5 * std / math.sqrt(SAMPLES) + 1e-6
    assert (passage.before.exact_mean, passage.before.exact_std) == (mean, width)


@pytest.mark.parametrize("width", [0.01, 3.0, 1e12, 1e37])
def test_relu_at_any_width(width):
    """E = σ/√2π, E φ² = σ²/2, the slope is 0 or 1 with probability ½."""
    passage = push_gaussian(GaussianInput(activation="relu", width=width))
    mean = width / math.sqrt(2 * math.pi)
    assert_allclose(passage.value.exact_mean, mean, rtol=1e-9)
    assert_allclose(passage.value.exact_std, math.sqrt(width**2 / 2 - mean**2), rtol=1e-9)
    assert_allclose([passage.slope.exact_mean, passage.slope.exact_std], 0.5, rtol=1e-9)
    ((zero, share),) = passage.value.atoms
    assert zero == 0
    assert abs(share - 0.5) < 5 * 0.5 / math.sqrt(SAMPLES)
    assert [value for value, _share in passage.slope.atoms] == [0, 1]


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "gelu"])
@pytest.mark.parametrize("width", [0.1, 1.0, 50.0, 1e39])
def test_every_sample_is_counted(activation, width):
    passage = push_gaussian(GaussianInput(activation=activation, width=width))
    for distribution in (passage.before, passage.value, passage.slope):
        total = (
            distribution.shares.sum()
            + sum(share for _value, share in distribution.atoms)
            + distribution.nonfinite
        )
        assert_allclose(total, 1, rtol=1e-12)


def test_samples_beyond_float32_are_infinite():
    """P(|z| > 3.4·10³⁸) for σ = 10³⁹ is erfc(.34/√2)."""
    passage = push_gaussian(GaussianInput(activation="sigmoid", width=1e39))
    largest = float(np.finfo(np.float32).max)
    expected = math.erfc(largest / 1e39 / math.sqrt(2))
    assert abs(passage.before.nonfinite - expected) < 5 * 0.5 / math.sqrt(SAMPLES)
    assert not math.isfinite(passage.before.mean)
    assert passage.value.nonfinite == 0  # the sigmoid maps ±∞ to 0 and 1
