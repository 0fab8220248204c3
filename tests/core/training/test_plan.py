"""Plans: which settings apply, when records are made, and the rate of every step."""

from __future__ import annotations

import pytest
import torch
from torch.optim import lr_scheduler

import gradflow as gf
from gradflow.core.catalog import CLIPS, OPTIMIZERS, PRECISIONS, SCHEDULES
from gradflow.core.training.plan import MAX_RECORDS, find_least_record_every


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"momentum": 0.5}, "momentum"),
        ({"optimizer": "adam", "weight_decay": 0.1}, "weight_decay"),
        ({"optimizer": "sgd", "beta1": 0.5}, "beta1"),
        ({"optimizer": "adagrad", "smoothing": 0.5}, "smoothing"),
        ({"threshold": 2.0}, "threshold"),
        ({"warmup_steps": 5}, "warmup_steps"),
        ({"schedule": "warmup", "final_factor": 0.5}, "final_factor"),
        ({"schedule": "cosine", "decay_every": 7}, "decay_every"),
        ({"precision": "bfloat16", "initial_scale": 2.0}, "initial_scale"),
        ({"growth_interval": 5}, "growth_interval"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"optimizer": "nesterov", "momentum": 0.0}, "momentum"),
        ({"steps": 0}, "steps"),
        ({"l1": -1.0}, "l1"),
        ({"clip": "length"}, "clip"),
        ({"schedule": "cosine", "warmup_steps": 200, "steps": 200}, "warmup_steps"),
        ({"steps": MAX_RECORDS + 1, "record_every": 1}, "record_every"),
        ({"speed": 3}, "speed"),
    ],
)
def test_what_is_impossible_or_without_effect_is_refused(settings, named):
    with pytest.raises(gf.InvalidExperiment, match=named) as caught:
        gf.TrainingPlan(**settings)
    assert named in caught.value.fields


def test_every_dependent_setting_is_a_field_of_the_plan():
    for table in (OPTIMIZERS, CLIPS, PRECISIONS, SCHEDULES):
        for row in table.values():
            assert set(row.parameters) <= set(gf.TrainingPlan.model_fields)


def test_a_changed_plan_drops_what_no_longer_applies():
    plan = gf.TrainingPlan(optimizer="momentum", momentum=0.5, steps=7)
    assert plan.replace_settings(optimizer="adam") == gf.TrainingPlan(optimizer="adam", steps=7)
    assert plan.replace_settings(steps=9).momentum == 0.5


def test_recorded_and_reported_steps():
    plan = gf.TrainingPlan(steps=23, record_every=5, reports=3)
    assert plan.recorded_steps == (1, 6, 11, 16, 21, 23)
    assert plan.reported_steps == {1, 11, 23}
    assert gf.TrainingPlan(steps=3, reports=0).reported_steps == frozenset()
    assert gf.TrainingPlan(steps=3, reports=1).reported_steps == {1}
    assert gf.TrainingPlan(steps=3, reports=100).reported_steps == {1, 2, 3}


SCHEDULERS = {
    "constant": ({}, lambda o, n: lr_scheduler.ConstantLR(o, factor=1.0)),
    "warmup": (
        {"warmup_steps": 6},
        lambda o, n: lr_scheduler.LinearLR(o, start_factor=1 / 6, total_iters=5),
    ),
    "cosine": (
        {"warmup_steps": 0, "final_factor": 0.2},
        lambda o, n: lr_scheduler.CosineAnnealingLR(o, T_max=n, eta_min=0.2 * 0.3),
    ),
    "step": (
        {"decay_every": 4, "decay_factor": 0.5},
        lambda o, n: lr_scheduler.StepLR(o, step_size=4, gamma=0.5),
    ),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules_are_those_of_pytorch(schedule):
    settings, make = SCHEDULERS[schedule]
    plan = gf.TrainingPlan(steps=15, learning_rate=0.3, schedule=schedule, **settings)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    scheduler = make(optimizer, plan.steps)
    for step in range(1, plan.steps + 1):
        assert plan.compute_rate(step) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
        optimizer.step()
        scheduler.step()


def test_cosine_begins_after_its_warm_up():
    plan = gf.TrainingPlan(steps=20, learning_rate=1.0, schedule="cosine", warmup_steps=4)
    assert [plan.compute_rate(k) for k in (1, 2, 4, 5)] == pytest.approx([0.25, 0.5, 1.0, 1.0])
    assert plan.compute_rate(13) == pytest.approx(
        0.5
    )  # half of the 16 steps after the warm-up are done


@pytest.mark.parametrize("steps", [1, MAX_RECORDS, MAX_RECORDS + 1, 2 * MAX_RECORDS, 3999, 20_000])
def test_the_advice_on_too_many_records_can_be_followed(steps):
    # The last step is recorded besides the regular ones: 2 × 2000 steps take every third.
    least = find_least_record_every(steps)
    plan = gf.TrainingPlan(steps=steps, record_every=least)
    assert len(set(range(1, steps + 1, least)) | {steps}) <= MAX_RECORDS
    assert plan.recorded_steps[-1] == steps
    if least > 1:
        with pytest.raises(gf.InvalidExperiment, match=f"choose {least} or more"):
            gf.TrainingPlan(steps=steps, record_every=least - 1)
