"""Covariate shift and the noise of batch statistics, against NumPy and PyTorch, over seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from gradflow.core.catalog import Activation
from gradflow.core.data import draw_batch
from gradflow.core.networks.build import build_network
from gradflow.core.teaching.normalization_effects import noise, shift

NONE, _BATCH = shift.COMPARED


def test_the_first_look_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shift, "STEPS", 2)
    course = shift.train_and_watch(Activation.TANH, 0.2, 3, NONE)
    experiment = shift.CovariateShift(seed=3).make_experiment(NONE)
    inputs, _targets = draw_batch(experiment.data, 3)
    model = build_network(experiment, inputs)
    signal, expected = inputs[:256].double().numpy(), []
    for name, weight in model.named_parameters():
        if name.endswith("weight"):
            expected.append(signal @ weight.detach().double().numpy().T)
            signal = np.tanh(expected[-1])
    for layer in range(shift.HIDDEN):
        units = np.percentile(expected[layer], [15, 50, 85], axis=0).T
        assert np.abs(units - course.percentiles[0, layer]).max(1).min() < 1e-4  # one of them
    assert course.steps.tolist() == [0, 2]
    mean = np.array([[[1.0, 5.0]], [[2.0, 1.0]]])
    moves = shift.measure_moves(mean, np.array([[[0.5, 4.0]], [[9.0, 9.0]]]))
    assert_allclose(moves[:, 0], [[0, 0], [2, 1]])


def test_the_unit_that_is_followed_moves_as_far_as_is_said() -> None:
    course = shift.train_and_watch(Activation.TANH, 0.2, 0, NONE)
    low, middle, high = course.percentiles[:, 3].T
    moved = abs(middle[-1] - middle[0]) / ((high[0] - low[0]) / 2)  # in about standard deviations
    assert 0.5 < moved / course.drift[-1, 3] < 2


@pytest.mark.parametrize("seed", range(3))
def test_batch_norm_holds_what_arrives_and_that_is_not_all(seed: int) -> None:
    plain, normed = (
        shift.train_and_watch(Activation.TANH, 0.2, seed, code) for code in shift.COMPARED
    )
    assert plain.drift[-1, 3] > 0.4
    assert normed.drift[-1, 3] < 0.1
    assert plain.losses[-10:].mean() < 0.2  # it learns all the same


def test_groups_are_normalized_as_pytorch_does_it() -> None:
    x = torch.randn(2, 12, 3, generator=torch.Generator().manual_seed(0))
    by_group = noise.normalize(x, 4)
    for seed in range(2):
        for start in range(0, 12, 4):
            part = x[seed, start : start + 4]
            expected = torch.nn.functional.batch_norm(part, None, None, training=True)
            assert_allclose(by_group[seed, start : start + 4], expected, atol=1e-5)
    given = (torch.full((2, 1, 3), 1.0), torch.full((2, 1, 3), 4.0))
    assert_allclose(noise.normalize(x, 4, given), (x - 1) / 2, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("seed", [0, 100])
def test_noise_regularizes_mildly(seed: int) -> None:
    spec = noise.BatchNoise(seed=seed)
    results = {group: noise.train_with_noise(spec, group) for group in (4, 8, 64)}
    for group in (4, 8):
        # A mean of g values misses by 1/√g, their standard deviation by 1/√(2g).
        expected = math.sqrt(1.5 / group)
        assert_allclose(results[group].noise.mean(), expected, rtol=0.15)
    losses = [float(np.median(results[group].training_loss)) for group in (4, 8, 64)]
    assert losses[0] > 3 * losses[1] > 9 * losses[2]
    gain = results[8].accuracy.mean() - results[64].accuracy.mean()
    assert -0.01 < gain < 0.03  # a point or so: mild
    assert results[4].accuracy.mean() < results[8].accuracy.mean()


def test_no_norm_has_no_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noise, "STEPS", 2)
    result = noise.train_with_noise(noise.BatchNoise(images=64), 0)
    assert not result.noise.any()
    assert ((result.accuracy > 0) & (result.accuracy < 1)).all()
