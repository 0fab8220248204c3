"""The run as a whole: data, repeatability, evaluation, mixed precision, and how it ends."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import gradflow as gf
from gradflow.core.training import Trainer, make_task
from gradflow.core.training.task import TASKS, shuffle_batches
from tests.core.training.tasks import make_fixed_task, make_small_experiment


def train_weights(experiment, **plan):
    trainer = Trainer(make_task(experiment), gf.TrainingPlan(**{"steps": 6, **plan}))
    while not trainer.finished:
        trainer.advance()
    return torch.cat([p.detach().reshape(-1) for p in trainer.task.model.parameters()])


@pytest.mark.parametrize("settings", [{}, {"activation": "rrelu", "normalization": "batch"}])
def test_same_seed_same_run_whatever_is_recorded(settings):
    experiment = make_small_experiment(**settings)
    first = train_weights(experiment, reports=6, evaluate_every=1, noise_every=1)
    assert torch.equal(
        first, train_weights(experiment, record_every=6, reports=0, evaluate_every=0)
    )
    other = experiment.model_copy(update={"seed": 1})
    assert not torch.equal(first, train_weights(other))


CHANGES = {
    "learning_rate": {"learning_rate": 0.2},
    "schedule": {"schedule": "warmup"},
    "final_factor": {"schedule": "cosine", "warmup_steps": 2, "final_factor": 0.9},
    "decay": {"schedule": "step", "decay_every": 2, "decay_factor": 0.5},
    "optimizer": {"optimizer": "adam"},
    "momentum": {"optimizer": "momentum", "momentum": 0.5},
    "clip": {"clip": "norm", "threshold": 0.1},
    "l1": {"l1": 0.01},
    "l2": {"l2": 0.01},
    "precision": {"precision": "bfloat16"},
}


def test_every_setting_changes_the_run():
    results = [
        train_weights(make_small_experiment()),
        *(train_weights(make_small_experiment(), **change) for change in CHANGES.values()),
    ]
    for one, other in itertools.combinations(results, 2):
        assert not torch.equal(one, other)


def test_the_batch_size_and_the_loss_are_those_of_the_experiment():
    experiment = gf.Experiment(
        network=gf.MLP(depth=2, width=8), data=gf.Data(batch_size=10), loss="mse"
    )
    task = make_task(experiment)
    inputs, targets = next(task.batches)
    assert len(inputs) == 10
    outputs = task.model(inputs)
    expected = (outputs - F.one_hot(targets, 10)).square().mean()
    (record,) = gf.train(experiment, gf.TrainingPlan(steps=1))
    assert record.loss == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize("source", ["digits", "gaussian", "moons", "spirals"])
def test_held_out_samples_are_in_no_batch(source):
    experiment = gf.Experiment(
        network=gf.MLP(depth=2, width=4), data=gf.Data(source=source, batch_size=100)
    )
    task = make_task(experiment)
    batches = list(itertools.islice(task.batches, 30))
    seen = {tuple(row) for inputs, _ in batches for row in inputs.tolist()}
    held_out = {tuple(row) for row in task.held_out[0].tolist()}
    assert not seen & held_out
    size = {"digits": 1438}.get(source, 1024)
    assert len(task.held_out[0]) == (359 if source == "digits" else 256)
    assert len(seen) > 0.95 * size  # over epochs, what is left out of one comes in another
    assert len(next(task.batches)[0]) == 100


def test_an_epoch_has_every_sample_once_in_a_new_order():
    inputs, targets = torch.arange(12.0), torch.arange(12)
    batches = shuffle_batches(inputs, targets, 4, seed=0)
    epochs = [torch.cat([next(batches)[1] for _ in range(3)]) for _ in range(2)]
    for epoch in epochs:
        assert sorted(epoch.tolist()) == list(range(12))
    assert not torch.equal(*epochs)


def test_evaluation_is_in_evaluation_mode_and_leaves_the_mode():
    experiment = make_small_experiment(normalization="batch")
    trainer = Trainer(make_task(experiment), gf.TrainingPlan(steps=3, evaluate_every=2))
    measurements = []
    while not trainer.finished:
        model = trainer.task.model
        inputs, targets = trainer.task.held_out
        model.eval()
        with torch.no_grad():
            expected = F.cross_entropy(model(inputs), targets), model(inputs).argmax(1) == targets
        model.train()
        measurements.append((trainer.advance(), *expected))
        assert model.training
    for record, loss, right in (measurements[0], measurements[2]):
        assert record.held_out_loss == pytest.approx(float(loss), rel=1e-6)
        assert record.held_out_accuracy == pytest.approx(float(right.double().mean()))
    assert np.isnan(measurements[1][0].held_out_loss)
    frozen = make_small_experiment(normalization="batch", norm_mode="evaluation")
    trainer = Trainer(make_task(frozen), gf.TrainingPlan(steps=1))
    trainer.advance()
    assert not any(m.training for m in trainer.task.model.modules() if "norm" in type(m).__name__)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision_is_autocast_with_a_grad_scaler(precision):
    settings = {"initial_scale": 8.0, "growth_interval": 2} if precision == "float16" else {}
    plan = gf.TrainingPlan(
        steps=4, precision=precision, optimizer="adam", learning_rate=0.01, clip="norm", **settings
    )
    records = list(gf.train(make_small_experiment(), plan))
    task = make_task(make_small_experiment())
    optimizer = torch.optim.Adam(task.model.parameters(), 0.01)
    scaler = torch.amp.GradScaler(
        "cpu", init_scale=8.0, growth_interval=2, enabled=precision == "float16"
    )
    for record in records:
        inputs, targets = next(task.batches)
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=getattr(torch, precision)):
            outputs = task.model(inputs)
        loss = F.cross_entropy(outputs.float(), targets)
        assert record.loss == pytest.approx(float(loss.detach()))
        assert record.loss_scale == scaler.get_scale()
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        gradients = torch.cat([p.grad.reshape(-1) for p in task.model.parameters()]).double()
        assert record.grad_norm == pytest.approx(float(gradients.norm()), rel=1e-6)
        torch.nn.utils.clip_grad_norm_(task.model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        assert not record.skipped
        assert record.report.dtype == precision


def test_delta_norms_are_not_multiplied_by_the_loss_scale():
    plans = [
        gf.TrainingPlan(steps=1, precision="float16", initial_scale=scale, reports=reports)
        for scale in (1024.0, 4096.0)
        for reports in (0, 1)
    ]
    norms = [next(gf.train(make_small_experiment(), plan)).layers["delta_norm"] for plan in plans]
    for other in norms[1:]:
        np.testing.assert_allclose(norms[0], other, rtol=2e-3)


def test_an_overflowing_loss_scale_skips_the_update():
    plan = gf.TrainingPlan(steps=2, precision="float16", initial_scale=2.0**40)
    first, second = gf.train(make_small_experiment(), plan)
    assert first.skipped
    assert first.divergence is None
    assert first.grad_nonfinite > 0
    assert (first.layers["update_ratio"] == 0).all()
    assert second.loss_scale == 2.0**39


def test_what_cannot_be_trained_is_refused_at_once():
    double = make_small_experiment().model_copy(update={"dtype": "float64"})
    half = gf.Experiment(network=gf.MLP(depth=2, width=4), dtype="float16")
    large = gf.Experiment(network=gf.MLP(depth=2, width=4), data=gf.Data(batch_size=1500))
    noisy = gf.Experiment(network=gf.MLP(depth=2, width=4), data=gf.Data(batch_size=2))
    with pytest.raises(gf.InvalidExperiment, match="float32"):
        gf.train(double, gf.TrainingPlan(precision="bfloat16"))
    with pytest.raises(gf.InvalidExperiment, match="precision float16"):
        gf.train(half)
    with pytest.raises(gf.InvalidExperiment, match="1,438"):
        gf.train(large)
    with pytest.raises(gf.InvalidExperiment, match="noise_every"):
        next(gf.train(noisy, gf.TrainingPlan(noise_every=1)))
    with pytest.raises(gf.InvalidExperiment, match=r"Experiment.* and Task"):
        gf.train(object())
    assert gf.Experiment in TASKS
    rrelu = make_small_experiment(activation="rrelu")
    with pytest.raises(gf.InvalidExperiment, match="precision"):
        next(gf.train(rrelu, gf.TrainingPlan(precision="float16")))


def test_progress_is_told_of_every_step_and_may_stop_the_run():
    told = []
    records = list(
        gf.train(
            make_fixed_task(), gf.TrainingPlan(steps=5, record_every=3), lambda *n: told.append(n)
        )
    )
    assert [record.step for record in records] == [1, 4, 5]
    assert told == [(n, 5) for n in range(1, 6)]

    class Stopped(Exception):
        pass

    def stop(done, steps):
        if done == 2:
            raise Stopped

    run = gf.train(make_fixed_task(), gf.TrainingPlan(steps=5), stop)
    assert next(run).step == 1
    with pytest.raises(Stopped):
        next(run)
    assert not list(run)


def test_a_run_leaves_no_hook_and_no_grad_mode_behind():
    task = make_fixed_task()
    run = gf.train(task, gf.TrainingPlan(steps=3))
    with torch.no_grad():
        next(run)
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()
    run.close()
    assert not any(m._forward_hooks for m in task.model.modules())
