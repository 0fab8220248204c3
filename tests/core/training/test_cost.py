"""What a run takes: arithmetic counted by hand, limits, and a rough time."""

from __future__ import annotations

import pytest

from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import MLP, ConvNet, Data, Experiment
from gradflow.core.training import TrainingPlan, cost

DIGITS, CLASSES, SAMPLES = 64, 10, 1797
HELD_OUT = 359
"""A fifth of them."""


def test_arithmetic_is_that_of_steps_looks_and_measurements_of_noise():
    experiment = Experiment(network=MLP(depth=3, width=32), data=Data(batch_size=16))
    weights = DIGITS * 32 + 32 * 32 + 32 * CLASSES
    steps = 6 * 16 * weights * 100
    bare = TrainingPlan(steps=100, evaluate_every=0)
    assert cost.estimate_tflop(experiment, bare) == pytest.approx(steps / 1e12)
    noisy = bare.replace_settings(noise_every=4)
    assert cost.estimate_tflop(experiment, noisy) == pytest.approx(1.25 * steps / 1e12)
    # Records 1, 11, …, 91 and the last one.
    seen = bare.replace_settings(evaluate_every=10)
    looks = 2 * HELD_OUT * weights * 11
    assert cost.estimate_tflop(experiment, seen) == pytest.approx((steps + looks) / 1e12)


def test_a_convolution_counts_at_every_pixel():
    network = ConvNet(depth=3, channels=4, kernel=3, image_size=8, downsampling="none")
    experiment = Experiment(network=network, data=Data(batch_size=8))
    first, second, readout = 9 * 1 * 4 * 64, 9 * 4 * 4 * 64, 4 * CLASSES
    expected = 6 * 8 * (first + second + readout) * 10
    plan = TrainingPlan(steps=10, evaluate_every=0)
    assert cost.estimate_tflop(experiment, plan) == pytest.approx(expected / 1e12)


def test_too_much_arithmetic_is_refused_with_the_steps_that_are_possible(monkeypatch):
    experiment = Experiment(network=MLP(depth=3, width=32), data=Data(batch_size=16))
    plan = TrainingPlan(steps=1000, evaluate_every=0)
    needed = cost.estimate_tflop(experiment, plan)
    monkeypatch.setenv("GRADFLOW_MAX_TRAINING_TFLOP", str(needed))
    cost.check_training_cost(experiment, plan)
    monkeypatch.setenv("GRADFLOW_MAX_TRAINING_TFLOP", str(needed * 0.2501))
    with pytest.raises(
        InvalidExperiment, match="choose at most 250 steps, or lower depth"
    ) as refusal:
        cost.check_training_cost(experiment, plan)
    assert {"steps", "depth", "width", "batch_size"} <= set(refusal.value.fields)
    cost.check_training_cost(experiment, plan.replace_settings(steps=250))


def test_a_day_of_a_core_is_refused_and_the_longest_run_of_a_usual_network_is_not():
    usual = TrainingPlan(steps=20_000, record_every=20)
    cost.check_training_cost(Experiment(), usual)
    wide = Experiment(network=MLP(depth=100, width=1024), data=Data(batch_size=256))
    with pytest.raises(InvalidExperiment, match=r"^steps: 20,000 steps"):
        cost.check_training_cost(wide, usual)


def test_histograms_of_deep_networks_are_kept_of_fewer_steps():
    deep = Experiment(network=MLP(depth=200, width=8), data=Data(batch_size=8))
    cost.check_training_cost(deep, TrainingPlan(steps=100, reports=10))
    with pytest.raises(InvalidExperiment, match="a whole number from 0 to 10"):
        cost.check_training_cost(deep, TrainingPlan(steps=100, reports=11))


def test_time_grows_with_steps_width_and_format():
    small = Experiment(network=MLP(depth=4, width=64), device="cpu")
    plan = TrainingPlan(steps=100, evaluate_every=0)
    seconds = cost.estimate_seconds(small, plan)
    assert seconds is not None
    assert cost.estimate_seconds(small, plan.replace_settings(steps=300)) == pytest.approx(
        3 * seconds
    )
    wide = Experiment(network=MLP(depth=4, width=640), device="cpu")
    double = Experiment(network=MLP(depth=4, width=640), device="cpu", dtype="float64")
    assert seconds < cost.estimate_seconds(wide, plan) < cost.estimate_seconds(double, plan)
