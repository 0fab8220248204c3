"""Batch norm in training and in evaluation mode: running statistics, and a shifted test set."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field

from gradflow.core.histogram import FloatArray
from gradflow.core.spec import Spec

MEAN, STD = 3.0, 2.0
"""Mean and standard deviation of the unit's input while training."""
EPS = 1e-5
TEST_SAMPLES = 4096
"""Number of test samples, which are cut into batches."""
MAX_BATCH = 512


class RunningStatistics(Spec):
    """Batches of one unit, x ~ N(3, 2²), that update its running statistics, and test samples.

    Test samples come from N(3 + 2·shift, (2·scale)²).
    """

    batches: int = Field(
        20, ge=0, le=200, title="Training batches k", description="0: as after construction."
    )
    momentum: float = Field(
        0.1,
        ge=0.01,
        le=1,
        title="Momentum m",
        description="Share of the newest batch; usually 0.1.",
    )
    batch_size: int = Field(
        16, ge=2, le=MAX_BATCH, title="Batch size N", description="While training and testing."
    )
    shift: float = Field(
        0.0, ge=-5, le=5, title="Test data: shift", description="In standard deviations."
    )
    scale: float = Field(
        1.0, ge=0.1, le=5, title="Test data: scale", description="Of the standard deviation."
    )
    seed: int = Field(0, ge=0, le=9999, title="Seed", description="Draws other samples.")

    @classmethod
    def applies(cls, name: str, values: Any) -> bool:  # noqa: ARG003 - the base class's signature
        """Whether a field has an effect, which all of them have."""
        return True


@dataclass(frozen=True, eq=False)
class RunningCourse:
    """Statistics while training. Running ones have one entry more, that at the start.

    Attributes:
        mean: mean of every batch, shape ``(k,)``.
        variance: biased variance (÷N) of every batch, by which the batch is normalized.
        running_mean, running_variance: after 0 … k batches. They start at 0 and 1 as in PyTorch;
            running ← (1 − m)·running + m·batch, where the batch's variance is unbiased (÷(N−1)).
        expected_mean, expected_variance: the running statistics, averaged over all draws.
        mean_spread, variance_spread: standard deviations of the running statistics over all draws.
    """

    mean: FloatArray
    variance: FloatArray
    running_mean: FloatArray
    running_variance: FloatArray
    expected_mean: FloatArray
    expected_variance: FloatArray
    mean_spread: FloatArray
    variance_spread: FloatArray


@dataclass(frozen=True, eq=False)
class Outputs:
    """Test samples after the normalization, γ = 1 and β = 0, each of shape ``(TEST_SAMPLES,)``.

    Attributes:
        training: with the statistics of their own batch.
        evaluation: with the running statistics.
        ideal: with the mean and variance of the training distribution.
    """

    training: FloatArray
    evaluation: FloatArray
    ideal: FloatArray

    def measure_error(self, mode: FloatArray) -> float:
        """Measure the root mean square distance of a mode's outputs from the ideal ones."""
        return float(np.sqrt(np.mean((mode - self.ideal) ** 2)))


def simulate_course(spec: RunningStatistics) -> RunningCourse:
    """Draw the batches one by one; with more batches the first ones stay the same."""
    random = np.random.default_rng([spec.seed, 0])
    size, m = spec.batch_size, spec.momentum
    mean, variance = np.zeros(spec.batches), np.zeros(spec.batches)
    running_mean, running_variance = np.zeros(spec.batches + 1), np.ones(spec.batches + 1)
    for k in range(spec.batches):
        x = random.normal(MEAN, STD, size)
        mean[k], variance[k] = x.mean(), x.var()
        unbiased = variance[k] * size / (size - 1)
        running_mean[k + 1] = (1 - m) * running_mean[k] + m * mean[k]
        running_variance[k + 1] = (1 - m) * running_variance[k] + m * unbiased
    forgotten: FloatArray = np.power(1 - m, np.arange(spec.batches + 1), dtype=np.float64)
    # A sum of independent batches with weights m(1 − m)^i; with m = 1 only the last one counts.
    spread = np.sqrt(m / (2 - m) * (1 - forgotten**2))
    return RunningCourse(
        mean=mean,
        variance=variance,
        running_mean=running_mean,
        running_variance=running_variance,
        expected_mean=MEAN * (1 - forgotten),
        expected_variance=forgotten + STD**2 * (1 - forgotten),
        mean_spread=spread * STD / math.sqrt(size),
        variance_spread=spread * STD**2 * math.sqrt(2 / (size - 1)),
    )


def push_test_samples(spec: RunningStatistics, course: RunningCourse) -> Outputs:
    """Push test samples through both modes, after the training of ``course``."""
    random = np.random.default_rng([spec.seed, 1])
    x = random.normal(MEAN + spec.shift * STD, spec.scale * STD, TEST_SAMPLES)
    parts = np.array_split(x, TEST_SAMPLES // spec.batch_size)
    training = np.concatenate([(p - p.mean()) / np.sqrt(p.var() + EPS) for p in parts])
    evaluation = (x - course.running_mean[-1]) / np.sqrt(course.running_variance[-1] + EPS)
    return Outputs(training, evaluation, (x - MEAN) / math.sqrt(STD**2 + EPS))
