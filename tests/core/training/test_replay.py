"""A step computed once more is the step of the run, from wherever it is begun."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import torch

import gradflow as gf
from gradflow.core.errors import InvalidExperiment
from gradflow.core.training import BackgroundRun, checkpoint, replay
from tests.core.training.tasks import make_fixed_task, make_small_experiment

STEPS = 14
RUNS = {
    "adam, warm-up, clipped": (
        {},
        {
            "optimizer": "adam",
            "learning_rate": 0.01,
            "schedule": "warmup",
            "warmup_steps": 9,
            "clip": "norm",
            "threshold": 0.1,
        },
    ),
    "momentum, drops": (
        {},
        {"optimizer": "momentum", "schedule": "step", "decay_every": 4, "decay_factor": 0.5},
    ),
    "random slopes, running statistics": (
        {"activation": "rrelu", "normalization": "batch"},
        {"noise_every": 1},
    ),
    "loss scale that overflows and grows": (
        {},
        {"precision": "float16", "initial_scale": 2.0**40, "growth_interval": 2},
    ),
}


def play_to_the_end(experiment, plan):
    background = BackgroundRun(experiment, plan)
    background.play()
    background.wait()
    return background.run


@pytest.mark.parametrize("name", RUNS)
def test_every_step_is_that_of_the_run(name):
    network, settings = RUNS[name]
    experiment, plan = (
        make_small_experiment(**network),
        gf.TrainingPlan(steps=STEPS, reports=1, **settings),
    )
    everything = gf.Run.collect(experiment, plan.replace_settings(reports=STEPS)).records
    points = play_to_the_end(experiment, plan).checkpoints
    assert [point.step for point in points] == list(range(1, STEPS))
    sparse = [point for point in points if point.step in (3, 8)]
    for step in (9, 14, 1, 3, 8, 4, 9):  # from 8, from 8, from the start, …, and again from 8
        replayed, expected = replay(experiment, plan, step, sparse), everything[step - 1]
        assert (replayed.step, replayed.loss) == (step, expected.loss)
        assert replayed.loss_scale == expected.loss_scale
        assert replayed.learning_rate == expected.learning_rate
        for column, values in replayed.layers.items():
            np.testing.assert_array_equal(values, expected.layers[column], err_msg=column)
        assert list_everything(replayed.report) == list_everything(expected.report)


def list_everything(report):
    """Layers and histograms, but for the time that it took."""
    return {
        name: value for name, value in json.loads(report.to_json()).items() if name != "seconds"
    }


def test_checkpoints_are_even_and_take_what_they_may(monkeypatch):
    plan = gf.TrainingPlan(steps=40, reports=0, optimizer="adam")
    points = play_to_the_end(make_small_experiment(), plan).checkpoints
    assert [point.step for point in points] == list(range(2, 40, 2))
    # Weights in float32, and for each of them two moments, beside a step count per tensor.
    model = count_model_bytes(make_small_experiment())
    assert 3 * model <= points[0].bytes <= 3 * model + 4 * 100
    monkeypatch.setattr(checkpoint, "MAX_BYTES", 3 * points[0].bytes)
    assert [point.step for point in play_to_the_end(make_small_experiment(), plan).checkpoints] == [
        10,
        20,
        30,
    ]
    monkeypatch.setattr(checkpoint, "MAX_BYTES", 0)
    assert play_to_the_end(make_small_experiment(), plan).checkpoints == ()


def count_model_bytes(experiment):
    sizes = [64, *[16] * 3, 10]
    assert (experiment.network.depth, experiment.network.width) == (4, 16)
    return 4 * sum(a * b + b for a, b in itertools.pairwise(sizes))


def test_steps_before_the_break_of_a_run_and_the_break_itself():
    experiment = make_small_experiment(
        depth=12, initialization="normal", init_std=0.6, activation="relu"
    )
    plan = gf.TrainingPlan(steps=30, learning_rate=0.5)
    run = gf.Run.collect(experiment, plan)
    last = run.divergence.step
    assert 1 < last < 30
    assert replay(experiment, plan, last - 1).loss == run.records[-2].loss
    broken = replay(experiment, plan, last)
    assert broken.divergence == run.divergence
    assert replay(experiment, plan, 30).step == last


def test_progress_tells_what_is_left_and_may_stop_it():
    told = []
    point = play_to_the_end(
        make_small_experiment(), gf.TrainingPlan(steps=12, reports=0)
    ).checkpoints[4]
    replay(
        make_small_experiment(), gf.TrainingPlan(steps=12), 8, [point], lambda *at: told.append(at)
    )
    assert told == [(1, 3), (2, 3), (3, 3)]

    def stop(done, steps):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        replay(make_small_experiment(), gf.TrainingPlan(), 8, progress=stop)
    assert torch.is_grad_enabled()


def test_what_cannot_be_replayed():
    with pytest.raises(InvalidExperiment, match="experiment: a Task cannot give its batches twice"):
        replay(make_fixed_task(), gf.TrainingPlan(), 3)
    for step in (0, 201):
        with pytest.raises(InvalidExperiment, match=f"step: {step} .* from 1 to 200"):
            replay(make_small_experiment(), gf.TrainingPlan(), step)
