"""The biased layer: steps against NumPy written by hand, and what becomes of its units."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from gradflow.core.catalog import Activation
from gradflow.core.teaching.dying import (
    LEARNED_SLOPE_RATE,
    RIVALS,
    UNITS,
    BiasedLayer,
    draw_task,
    train_rivals,
    train_side_by_side,
)


def compute_by_hand(spec: BiasedLayer, activation: str):
    """Loss, low, high after every step; gradients by hand: ∂L/∂z = (φ(z) − y)·φ'(z)/batch."""
    given = draw_task(spec)
    x, y, w = (t.numpy().copy() for t in (given.inputs, given.targets, given.weight))
    b, a = np.full(UNITS, spec.bias), np.full(UNITS, 0.25)
    below = {"relu": 0.0, "leaky_relu": spec.negative_slope}

    def phi(z):
        if activation == "elu":
            e = spec.elu_alpha * np.exp(np.minimum(z, 0))
            return np.where(z > 0, z, e - spec.elu_alpha), np.where(z > 0, 1, e)
        slope = a if activation == "prelu" else below[activation]
        return np.where(z > 0, z, slope * z), np.where(z > 0, 1, slope)

    rows = []
    for step in range(spec.steps + 1):
        z = x @ w.T + b
        rows.append((((phi(z)[0] - y) ** 2).mean() / 2, z.min(0), z.max(0)))
        if step < spec.steps:
            chosen = given.batches[step].numpy()
            z = x[chosen] @ w.T + b
            value, slope = phi(z)
            error = (value - y[chosen]) / len(chosen)
            delta = error * slope
            change = (error * np.minimum(z, 0)).sum(0)
            w -= spec.learning_rate * delta.T @ x[chosen]
            b -= spec.learning_rate * delta.sum(0)
            a -= LEARNED_SLOPE_RATE * spec.learning_rate * change
    return rows, a


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "prelu", "elu"])
def test_steps_are_sgd(activation):
    spec = BiasedLayer(bias=-2.0, learning_rate=0.3, steps=20, elu_alpha=1.5, seed=3)
    (training,) = train_side_by_side(spec, [Activation(activation)])
    rows, slopes = compute_by_hand(spec, activation)
    assert_allclose(training.loss, [row[0] for row in rows], rtol=1e-10)
    assert_allclose(training.low, [row[1] for row in rows], rtol=1e-9, atol=1e-12)
    assert_allclose(training.high, [row[2] for row in rows], rtol=1e-9, atol=1e-12)
    if activation == "prelu":
        assert_allclose(training.slopes, slopes, rtol=1e-9)
    assert_array_equal(training.off, training.high <= 0)
    assert_array_equal(
        training.dead, training.off if activation == "relu" else np.zeros_like(training.off)
    )


def test_rrelu_draws_slopes_of_its_own():
    """E slope = 11/48; the first step's bias gradient is close to it, and repeats exactly."""
    spec = BiasedLayer(bias=-10.0, learning_rate=0.01, steps=10)
    (first,), (again,) = (train_side_by_side(spec, [Activation.RRELU]) for _ in range(2))
    assert_array_equal(first.high, again.high)
    given = draw_task(spec)
    x, y = (t.numpy()[given.batches[0].numpy()] for t in (given.inputs, given.targets))
    z = x @ given.weight.numpy().T - 10
    assert (z < 0).all()
    low, high = 1 / 8, 1 / 3
    mean, square = (low + high) / 2, (high**3 - low**3) / (3 * (high - low))
    expected = (square * z - mean * y).mean()  # E of (a·z − y)·a
    start = given.inputs.numpy() @ given.weight.numpy().T
    moved = (first.low[1] + first.high[1] - start.min(0) - start.max(0) + 20).mean() / 2
    assert_allclose(moved, -spec.learning_rate * expected, rtol=0.15)


def test_relu_stays_dead_and_the_others_come_back():
    trainings = {run.activation: run for run in train_rivals(BiasedLayer())}
    assert tuple(trainings) == RIVALS
    relu = trainings[Activation.RELU]
    assert relu.dead[0].sum() == relu.dead[-1].sum() == 31
    dead = relu.dead[0]
    assert_array_equal(relu.high[0][dead], relu.high[-1][dead])  # nothing of them ever changes
    for activation in RIVALS[1:]:
        run = trainings[activation]
        assert_array_equal(run.off[0], dead)  # the same start
        assert not run.dead.any()
        assert run.off[-1].sum() <= 2


def test_a_learning_rate_that_is_too_large_kills():
    trainings = train_rivals(BiasedLayer(bias=0.0, learning_rate=3.0, steps=200))
    assert trainings[0].dead[0].sum() == 0
    assert trainings[0].dead[-1].sum() > UNITS // 3
    assert all(not run.dead.any() for run in trainings[1:])


def test_an_overflow_ends_training():
    spec = BiasedLayer(bias=0.0, learning_rate=10.0, steps=50)
    training = dict(zip(RIVALS, train_rivals(spec), strict=True))[Activation.PRELU]
    assert 0 < training.overflowed < 50
    assert np.isfinite(training.loss[: training.overflowed]).all()
    assert training.loss[training.overflowed] == np.inf
    assert np.isnan(training.loss[training.overflowed + 1 :]).all()
    assert not training.dead[training.overflowed :].any()
