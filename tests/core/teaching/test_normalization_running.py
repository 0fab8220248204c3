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
    TEST_SAMPLES,
    RunningStatistics,
    push_test_samples,
    simulate_course,
)


def redraw(spec: RunningStatistics) -> np.ndarray:
    """The training batches, shape (k, N): the generator's normal numbers, one after the other."""
    normal = np.random.default_rng([spec.seed, 0]).standard_normal((spec.batches, spec.batch_size))
    return MEAN + STD * normal


@pytest.mark.parametrize(("batches", "momentum", "size"), [(7, 0.1, 16), (3, 1.0, 2), (0, 0.3, 4)])
def test_running_statistics_are_torchs(batches: int, momentum: float, size: int) -> None:
    spec = RunningStatistics(batches=batches, momentum=momentum, batch_size=size, seed=5)
    course = simulate_course(spec)
    module = nn.BatchNorm1d(1, momentum=momentum, eps=EPS).double()
    means, variances = [0.0], [1.0]
    for x in torch.from_numpy(redraw(spec)):
        module(x[:, None])
        means.append(float(module.running_mean))
        variances.append(float(module.running_var))
    assert_allclose(course.running_mean, means, rtol=1e-12)
    assert_allclose(course.running_variance, variances, rtol=1e-12)
    assert_allclose(course.mean, redraw(spec).mean(1), rtol=1e-12)
    assert_allclose(course.variance, redraw(spec).var(1), rtol=1e-12)


def test_both_modes_are_torchs() -> None:
    spec = RunningStatistics(batches=9, batch_size=32, shift=1.5, scale=0.5, seed=2)
    statistics = simulate_course(spec)
    outputs = push_test_samples(spec, statistics)
    normal = np.random.default_rng([2, 1]).standard_normal(TEST_SAMPLES)
    x = torch.from_numpy(MEAN + 1.5 * STD + 0.5 * STD * normal)[:, None]
    module = nn.BatchNorm1d(1, eps=EPS).double()
    training = torch.cat([module(part) for part in x.split(32)]).detach()
    assert_allclose(outputs.training, training[:, 0].numpy(), rtol=1e-9, atol=1e-12)
    module = nn.BatchNorm1d(1, eps=EPS).double()
    for batch in torch.from_numpy(redraw(spec)):
        module(batch[:, None])
    evaluation = module.eval()(x).detach()
    assert_allclose(outputs.evaluation, evaluation[:, 0].numpy(), rtol=1e-9, atol=1e-12)
    ideal = (x[:, 0].numpy() - MEAN) / math.sqrt(STD**2 + EPS)
    assert_allclose(outputs.ideal, ideal, rtol=1e-12, atol=1e-14)
    error = np.sqrt(np.mean((outputs.training - ideal) ** 2))
    assert outputs.measure_error(outputs.training) == pytest.approx(error, rel=1e-12)


def test_expectation_and_spread_over_many_draws() -> None:
    draws = 400
    spec = RunningStatistics(batches=12, momentum=0.3, batch_size=4)
    theory = simulate_course(spec)
    courses = [simulate_course(spec.model_copy(update={"seed": seed})) for seed in range(draws)]
    for values, mean, spread in (
        (np.array([c.running_mean for c in courses]), theory.expected_mean, theory.mean_spread),
        (
            np.array([c.running_variance for c in courses]),
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
    outputs = push_test_samples(spec, simulate_course(spec))
    x = MEAN + outputs.ideal * math.sqrt(STD**2 + EPS)
    assert_allclose(outputs.evaluation * math.sqrt(1 + EPS), x, rtol=1e-12, atol=1e-12)


def test_more_batches_continue_the_course() -> None:
    short, long = (simulate_course(RunningStatistics(batches=k)) for k in (5, 50))
    assert_allclose(long.running_mean[:6], short.running_mean)


def test_training_mode_turns_pairs_into_plus_and_minus_one() -> None:
    spec = RunningStatistics(batch_size=2, shift=3, scale=4)
    outputs = push_test_samples(spec, simulate_course(spec)).training
    assert np.median(np.abs(outputs)) == pytest.approx(1, abs=1e-5)
    assert_allclose(outputs[::2], -outputs[1::2], atol=1e-9)
