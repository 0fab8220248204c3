"""The gradient noise scale of linear regression, whose true value is known."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from gradflow.core.training.noise_scale import NoiseScale, measure_noise


def compute_squared_error(outputs, targets):
    return 0.5 * (outputs[:, 0] - targets).square().mean()


def test_measurements_are_unbiased_and_give_the_true_scale():
    """x ~ N(0, I), y = w·x + ε: per sample g = (v·x)x − εx with v the error of the weights.

    G = v, and tr Σ = (n + 1)‖v‖² + n σ² from E (v·x)²‖x‖² = (n + 2)‖v‖², for noise of variance σ².
    """
    n, sigma, generator = 6, 0.7, torch.Generator().manual_seed(0)
    model = nn.Linear(n, 1, bias=False).double()
    v = model.weight.detach()[0]  # the true weights are 0
    estimates = []
    for _ in range(800):
        inputs = torch.randn(32, n, generator=generator, dtype=torch.float64)
        targets = sigma * torch.randn(32, generator=generator, dtype=torch.float64)
        estimates.append(measure_noise(model, model, compute_squared_error, inputs, targets))
    trace, square = np.mean(estimates, axis=0)
    spread = np.std(estimates, axis=0) / np.sqrt(len(estimates))
    expected_square = float(v.square().sum())
    expected_trace = (n + 1) * expected_square + n * sigma**2
    assert trace == pytest.approx(expected_trace, abs=4 * spread[0])
    assert square == pytest.approx(expected_square, abs=4 * spread[1])
    assert trace / square == pytest.approx(expected_trace / expected_square, rel=0.1)


def test_one_measurement_by_hand():
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(17, 3, generator=generator, dtype=torch.float64)
    targets = torch.randn(17, generator=generator, dtype=torch.float64)
    model = nn.Linear(3, 1).double()
    weight, bias = model.weight.detach().numpy()[0], model.bias.detach().numpy()[0]
    x, y = inputs.numpy(), targets.numpy()
    parts = []
    for k in range(8):  # eight parts of two samples; the seventeenth is left out
        chunk, answer = x[2 * k : 2 * k + 2], y[2 * k : 2 * k + 2]
        error = chunk @ weight + bias - answer
        parts.append(np.append(error @ chunk, error.sum()) / 2)
    mean = np.mean(parts, axis=0)
    spread = ((parts - mean) ** 2).sum() / 7
    trace, square = measure_noise(model, model, compute_squared_error, inputs, targets)
    assert trace == pytest.approx(2 * spread)
    assert square == pytest.approx((mean**2).sum() - spread / 8)


def test_numerator_and_denominator_are_smoothed_apart():
    scale = NoiseScale()
    assert scale.add(6.0, 2.0) == pytest.approx(3.0)
    assert scale.add(1.0, 4.0) == pytest.approx((0.9 * 6 + 1) / (0.9 * 2 + 4))
    assert np.isnan(NoiseScale().add(1.0, -1.0))


def test_the_samples_may_lie_along_another_axis():
    generator = torch.Generator().manual_seed(2)
    inputs = torch.randn(8, 3, generator=generator, dtype=torch.float64)
    targets = torch.randn(8, generator=generator, dtype=torch.float64)
    model = nn.Linear(3, 1).double()
    one = measure_noise(model, model, compute_squared_error, inputs, targets)
    other = measure_noise(
        model,
        lambda x: model(x.transpose(0, 1)),
        lambda outputs, y: compute_squared_error(outputs, y[0]),
        inputs.T.contiguous(),
        targets[None],
        1,
    )
    assert one == pytest.approx(other)


def test_nothing_changes():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.RReLU(), nn.Linear(4, 1))
    before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    measure_noise(model, model, compute_squared_error, torch.randn(16, 3), torch.randn(16))
    torch.set_rng_state(state)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
    assert all(parameter.grad is None for parameter in model.parameters())
