"""Running statistics against torch.nn.BatchNorm1d; their expectation against simulation."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from gradflow.core.teaching.normalization.running import (
    EPS,
    MEAN,
    STD,
    TESTED,
    RunningStatistics,
    push_test_samples,
    simulate_course,
)


def redrawn(spec: RunningStatistics) -> np.ndarray:
    """The training batches, shape (k, N): the generator's normal numbers, one after the other."""
    normal = np.random.default_rng([spec.seed, 0]).standard_normal((spec.batches, spec.batch_size))
    return MEAN + STD * normal


@pytest.mark.parametrize(("batches", "momentum", "size"), [(7, 0.1, 16), (3, 1.0, 2), (0, 0.3, 4)])
def test_running_statistics_are_torchs(batches: int, momentum: float, size: int) -> None:
    spec = RunningStatistics(batches=batches, momentum=momentum, batch_size=size, seed=5)
    found = simulate_course(spec)
    module = nn.BatchNorm1d(1, momentum=momentum, eps=EPS).double()
    means, variances = [0.0], [1.0]
    for x in torch.from_numpy(redrawn(spec)):
        module(x[:, None])
        means.append(float(module.running_mean))
        variances.append(float(module.running_var))
    assert_allclose(found.running_mean, means, rtol=1e-12)
    assert_allclose(found.running_variance, variances, rtol=1e-12)
    assert_allclose(found.mean, redrawn(spec).mean(1), rtol=1e-12)
    assert_allclose(found.variance, redrawn(spec).var(1), rtol=1e-12)


def test_both_modes_are_torchs() -> None:
    spec = RunningStatistics(batches=9, batch_size=32, shift=1.5, scale=0.5, seed=2)
    statistics = simulate_course(spec)
    found = push_test_samples(spec, statistics)
    normal = np.random.default_rng([2, 1]).standard_normal(TESTED)
    x = torch.from_numpy(MEAN + 1.5 * STD + 0.5 * STD * normal)[:, None]
    module = nn.BatchNorm1d(1, eps=EPS).double()
    training = torch.cat([module(part) for part in x.split(32)]).detach()
    assert_allclose(found.training, training[:, 0].numpy(), rtol=1e-9, atol=1e-12)
    module = nn.BatchNorm1d(1, eps=EPS).double()
    for batch in torch.from_numpy(redrawn(spec)):
        module(batch[:, None])
    evaluation = module.eval()(x).detach()
    assert_allclose(found.evaluation, evaluation[:, 0].numpy(), rtol=1e-9, atol=1e-12)
    ideal = (x[:, 0].numpy() - MEAN) / math.sqrt(STD**2 + EPS)
    assert_allclose(found.ideal, ideal, rtol=1e-12, atol=1e-14)
    error = np.sqrt(np.mean((found.training - ideal) ** 2))
    assert found.measure_error(found.training) == pytest.approx(error, rel=1e-12)


def test_expectation_and_spread_over_many_draws() -> None:
    draws = 400
    spec = RunningStatistics(batches=12, momentum=0.3, batch_size=4)
    theory = simulate_course(spec)
    found = [simulate_course(spec.model_copy(update={"seed": seed})) for seed in range(draws)]
    for values, mean, spread in (
        (np.array([c.running_mean for c in found]), theory.expected_mean, theory.mean_spread),
        (
            np.array([c.running_variance for c in found]),
            theory.expected_variance,
            theory.variance_spread,
        ),
    ):
        assert (np.abs(values.mean(0) - mean) <= 4.5 * spread / math.sqrt(draws)).all()
        # The standard error of a standard deviation, for the kurtosis of a skewed sum.
        assert_allclose(values.std(0)[1:], spread[1:], rtol=0.25)
        assert spread[0] == values.std(0)[0] == 0


def test_untrained_evaluation_mode_changes_nothing() -> None:
    spec = RunningStatistics(batches=0)
    found = push_test_samples(spec, simulate_course(spec))
    x = MEAN + found.ideal * math.sqrt(STD**2 + EPS)
    assert_allclose(found.evaluation * math.sqrt(1 + EPS), x, rtol=1e-12, atol=1e-12)


def test_more_batches_continue_the_course() -> None:
    short, long = (simulate_course(RunningStatistics(batches=k)) for k in (5, 50))
    assert_allclose(long.running_mean[:6], short.running_mean)


def test_training_mode_turns_pairs_into_plus_and_minus_one() -> None:
    spec = RunningStatistics(batch_size=2, shift=3, scale=4)
    found = push_test_samples(spec, simulate_course(spec)).training
    assert np.median(np.abs(found)) == pytest.approx(1, abs=1e-5)
    assert_allclose(found[::2], -found[1::2], atol=1e-9)
