"""Where a run broke, in cases in which it is known, and that the cures cure."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import gradflow as gf
from gradflow.core.training.cures import list_cures
from gradflow.core.training.divergence import Divergence, Origin
from tests.core.training.tasks import make_data, make_fixed_task, make_network


def train_until_break(task, **plan):
    """The last record, of a run that is expected to break."""
    *_, last = gf.train(task, gf.TrainingPlan(**{"steps": 10, **plan}))
    return last


def test_an_output_that_overflows():
    model = make_network().float()
    with torch.no_grad():
        model[3].weight.fill_(3e38)
    inputs, targets = make_data()
    last = train_until_break(
        make_fixed_task(model, batches=itertools.repeat((inputs.float(), targets)))
    )
    assert last.divergence == Divergence(1, Origin.SIGNAL, 1, 2, "3")
    assert "step 1" in last.divergence.text
    assert "layer 2 (3)" in last.divergence.text
    assert last.report.signals["nonfinite"].sum() == last.nonfinite > 0


def test_a_loss_that_overflows_alone():
    def loss(outputs, targets):
        return F.cross_entropy(outputs, targets) * torch.tensor(torch.inf)

    last = train_until_break(make_fixed_task(loss=loss))
    assert last.divergence == Divergence(1, Origin.LOSS, 1)
    assert "loss itself" in last.divergence.text


def test_a_rate_too_large_for_the_targets_is_not_the_fault_of_the_loss():
    inputs, _ = make_data()
    task = make_fixed_task(
        make_network().float(),
        batches=itertools.repeat((inputs.float(), torch.full((len(inputs), 1), 1e8))),
        loss=lambda outputs, targets: (outputs - targets).square().mean(),
    )
    last = train_until_break(task, learning_rate=0.5)
    assert last.divergence == Divergence(2, Origin.OUTPUTS, 2)
    assert "learning rate is too large" in last.divergence.text


def fit_numbers(scale, learning_rate):
    """Losses of plain steps of gradient descent on numbers of that size, written once more."""
    torch.manual_seed(0)
    inputs, targets = torch.randn(64, 8), torch.randn(64, 1)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU())
    model.append(nn.Linear(16, 1))
    for _ in range(100):
        loss = F.mse_loss(model(inputs), scale * targets)
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        for parameter, gradient in zip(model.parameters(), gradients, strict=True):
            parameter.data.sub_(learning_rate * gradient)
    return loss.item()


@pytest.mark.parametrize(("scale", "blamed"), [(1000.0, True), (1.0, False)])
def test_targets_are_blamed_only_where_smaller_ones_train(scale, blamed):
    """At the same rate smaller targets train; a rate that is too large for any is not theirs."""
    rate = 0.05 if blamed else 100.0
    assert (fit_numbers(1.0, rate) < 10) == blamed
    assert not fit_numbers(scale, rate) < 10
    experiment = gf.Experiment(
        network=gf.MLP(depth=3, width=16, activation="relu"),
        data=gf.Data(targets="numbers", target_scale=scale, target_offset=2.0, batch_size=64),
        loss="mse",
    )
    run = gf.Run.collect(experiment, gf.TrainingPlan(learning_rate=rate))
    assert run.divergence is not None
    assert (run.divergence.targets > 0) == blamed
    assert ("Scale the targets" in run.divergence.text) == blamed
    assert gf.Run.from_json(run.to_json()).divergence == run.divergence


class Overflow(torch.autograd.Function):
    """The identity, with an infinite gradient from the third call on."""

    calls = 0

    @staticmethod
    def forward(_ctx, x):
        return x.clone()

    @staticmethod
    def backward(_ctx, gradient):
        Overflow.calls += 1
        return gradient * (torch.inf if Overflow.calls > 2 else 1.0)


class Overflowing(nn.Module):
    def forward(self, x):
        return Overflow.apply(x)


@pytest.mark.parametrize("record_every", [1, 10])
@pytest.mark.parametrize("clip", ["none", "norm"])
def test_a_gradient_that_overflows_is_found_at_its_own_step(record_every, clip):
    Overflow.calls = 0
    model = make_network()
    model.insert(4, Overflowing())  # behind the second weight module
    last = train_until_break(make_fixed_task(model), record_every=record_every, clip=clip)
    assert last.divergence == Divergence(4, Origin.WEIGHTS, 3, 2, "3")
    assert "step 3" in last.divergence.text


def test_a_run_ends_with_its_divergence():
    experiment = gf.Experiment(
        network=gf.MLP(depth=6, width=16, activation="relu", initialization="normal", init_std=0.6),
        data=gf.Data(batch_size=32),
    )
    run = gf.Run.collect(experiment, gf.TrainingPlan(learning_rate=1.0, record_every=50))
    assert run.divergence is not None
    assert run.divergence.step == run.records[-1].step < 50
    assert all(record.divergence is None for record in run.records[:-1])
    assert run.records[-1].report is not None


def test_each_cure_keeps_the_run_whole():
    experiment = gf.Experiment(
        network=gf.MLP(depth=6, width=16, activation="relu", initialization="normal", init_std=0.6),
        data=gf.Data(batch_size=32),
    )
    plan = gf.TrainingPlan(steps=30, learning_rate=0.2, record_every=30)
    assert gf.Run.collect(experiment, plan).divergence is not None
    cures = list_cures(experiment, plan)
    assert [cure.code for cure in cures] == ["clipping", "rate", "initialization"]
    for cure in cures:
        assert (cure.experiment, cure.plan) != (experiment, plan)
        assert gf.Run.collect(cure.experiment, cure.plan).divergence is None, cure.code


def test_cures_are_offered_where_they_apply():
    tanh = gf.Experiment(network=gf.MLP(depth=2, width=4))
    clipped = gf.TrainingPlan(clip="norm", threshold=0.5, precision="float16", initial_scale=2.0)
    cures = {cure.code: cure for cure in list_cures(tanh, clipped)}
    assert list(cures) == ["rate", "precision"]
    assert cures["precision"].plan == gf.TrainingPlan(
        clip="norm", threshold=0.5, precision="bfloat16"
    )
    sequences = gf.SequenceExperiment()
    assert [cure.code for cure in list_cures(sequences, gf.TrainingPlan())] == ["clipping", "rate"]
