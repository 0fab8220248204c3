"""What is recorded of a step, against a second backward pass and NumPy by hand."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import gradflow as gf
from gradflow.core.training import Trainer, make_task
from gradflow.core.training.light import LightDeviceStatistics, LightRecorder
from tests.core.training.tasks import (
    make_data,
    make_fixed_task,
    make_network,
    make_small_experiment,
)


def follow_training(experiment_or_task, plan):
    """Records, each with a copy of the model before the step, one after it, and the batch."""
    made = make_task(experiment_or_task)
    batches = made.batches
    seen = []

    def remembered():
        for batch in batches:
            seen.append(batch)
            yield batch

    object.__setattr__(made, "batches", remembered())
    trainer = Trainer(made, plan)
    while not trainer.finished:
        before = copy.deepcopy(made.model)
        record = trainer.advance()
        if record is not None:
            yield record, before, made.model, seen[-1]


@pytest.mark.parametrize("reports", [0, 100])
def test_gradients_and_updates_are_those_of_a_second_pass(reports):
    plan = gf.TrainingPlan(
        steps=5, optimizer="adam", learning_rate=0.01, record_every=2, reports=reports
    )
    experiment = make_small_experiment().model_copy(update={"dtype": "float64"})
    for record, before, after, (inputs, targets) in follow_training(experiment, plan):
        loss = F.cross_entropy(before(inputs), targets)
        gradients = torch.autograd.grad(loss, list(before.parameters()))
        assert record.loss == pytest.approx(loss.item())
        total = np.sqrt(sum(float(g.square().sum()) for g in gradients))
        assert record.grad_norm == pytest.approx(total, rel=1e-12)
        assert record.accuracy == pytest.approx(
            float((before(inputs).argmax(1) == targets).double().mean())
        )
        old = [m.weight for m in before.modules() if isinstance(m, nn.Linear)]
        new = [m.weight for m in after.modules() if isinstance(m, nn.Linear)]
        for layer, (a, b) in enumerate(zip(old, new, strict=True)):
            expected = gradients[2 * layer]
            assert record.layers["weight_grad_norm"][layer] == pytest.approx(
                float(expected.norm()), rel=1e-12
            )
            assert record.layers["weight_norm"][layer] == pytest.approx(a.norm().item())
            ratio = float((b - a).detach().norm() / a.detach().norm())
            assert record.layers["update_ratio"][layer] == pytest.approx(ratio, rel=1e-9)
            if reports:
                assert record.report.layers["update_ratio"][layer] == pytest.approx(ratio)


@pytest.mark.parametrize("reports", [0, 100])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_signals_by_hand(reports, activation):
    experiment = make_small_experiment(activation=activation, initialization="normal", init_std=0.5)
    experiment = experiment.model_copy(update={"dtype": "float64"})
    plan = gf.TrainingPlan(steps=2, reports=reports)
    for record, before, _after, (inputs, targets) in follow_training(experiment, plan):
        z, a, h = [], [], inputs
        for layer in (m for m in before.modules() if isinstance(m, nn.Linear)):
            z.append(layer(h))
            hidden = len(z) < 4
            h = (torch.tanh(z[-1]) if activation == "tanh" else z[-1].relu()) if hidden else z[-1]
            a.append(h)
        deltas = torch.autograd.grad(F.cross_entropy(h, targets), z)
        for i in range(4):
            values, out = z[i].detach().numpy(), a[i].detach().numpy()
            expected = {
                "preactivation_std": values.std(),
                "activation_mean": out.mean(),
                "activation_std": out.std(),
                "activation_rms": np.sqrt((out**2).mean()),
                "delta_norm": np.linalg.norm(deltas[i].numpy()),
                "nonfinite": 0,
            }
            if i < 3:
                relu = activation == "relu"
                flat = out <= 0 if relu else abs(out) >= 1
                expected["dead"] = flat.all(0).mean()
                expected["saturated"] = np.nan if relu else (abs(out) > 0.97).mean()
            for name, value in expected.items():
                recorded = record.layers[name][i]
                np.testing.assert_allclose(recorded, value, rtol=1e-9, atol=1e-12, err_msg=name)


NETWORKS = {
    "batch": gf.MLP(depth=4, width=8, activation="relu", normalization="batch"),
    "norm_after": gf.MLP(depth=4, width=8, normalization="layer", norm_position="after"),
    "residual": gf.MLP(depth=6, width=8, connection="residual"),
    "preactivation": gf.MLP(depth=6, width=8, connection="preactivation", activation="relu"),
    "dense": gf.MLP(depth=4, width=8, connection="dense"),
    "conv": gf.ConvNet(depth=4, channels=4, activation="relu"),
    "transformer": gf.Transformer(depth=1, width=8, heads=2),
}
SHARED = {  # column of a record → column of ``report.layers``
    "preactivation_std": "preactivation_std",
    "activation_mean": "activation_mean",
    "activation_std": "activation_std",
    "activation_rms": "activation_rms",
    "saturated": "saturated",
    "delta_norm": "delta_norm",
    "weight_norm": "weight_norm",
    "weight_grad_norm": "weight_grad_norm",
}


@pytest.mark.parametrize("code", NETWORKS)
def test_light_and_full_recording_agree_with_a_probe(code):
    experiment = gf.Experiment(network=NETWORKS[code], data=gf.Data(batch_size=16))
    plans = [gf.TrainingPlan(steps=2, reports=n, learning_rate=0.01) for n in (0, 2)]
    light, full = (list(gf.train(experiment, plan)) for plan in plans)
    for one, other in zip(light, full, strict=True):
        assert one.loss == other.loss
        assert one.modules == other.modules == tuple(other.report.layers["module"])
        for name in one.layers:
            np.testing.assert_allclose(
                one.layers[name], other.layers[name], rtol=1e-6, atol=1e-12, err_msg=name
            )
        for name, column in SHARED.items():
            np.testing.assert_allclose(
                one.layers[name], other.report.layers[column], rtol=1e-6, err_msg=name
            )
    made = make_task(experiment)
    probed = gf.probe(made.model, *next(made.batches))
    assert full[0].report.loss == pytest.approx(probed.loss)
    for what, layer in probed.histograms:
        mine, theirs = full[0].report.histogram(what, layer), probed.histogram(what, layer)
        np.testing.assert_array_equal(mine.counts, theirs.counts)
    for name in ("delta_norm", "activation_std", "weight_grad_norm", "similarity"):
        np.testing.assert_allclose(full[0].report.layers[name], probed.layers[name], rtol=1e-6)


def test_tiny_gradients_are_not_lost():
    model = make_network().float()
    inputs, targets = make_data()
    tiny = make_fixed_task(
        model,
        batches=iter([(inputs.float(), targets)]),
        loss=lambda o, t: F.cross_entropy(o, t) * 1e-30,
    )
    (record,) = gf.train(tiny, gf.TrainingPlan(steps=1, reports=0))
    same = make_network()
    F.cross_entropy(same(inputs), targets).backward()
    expected = np.sqrt(sum(float(p.grad.square().sum()) for p in same.parameters())) * 1e-30
    assert record.grad_norm == pytest.approx(expected, rel=1e-4)
    assert (record.layers["delta_norm"] > 0).all()


def test_the_device_statistics_agree_with_the_host(monkeypatch):
    experiment = gf.Experiment(network=NETWORKS["conv"], data=gf.Data(batch_size=16))
    plan = gf.TrainingPlan(steps=1, reports=0)
    (host,) = gf.train(experiment, plan)
    original = LightRecorder.__init__

    def on_device(self, *args):
        original(self, *args)
        self._statistics = LightDeviceStatistics()

    monkeypatch.setattr(LightRecorder, "__init__", on_device)
    (device,) = gf.train(experiment, plan)
    for name in host.layers:
        np.testing.assert_allclose(host.layers[name], device.layers[name], rtol=1e-6, err_msg=name)


def test_a_module_called_twice_is_one_layer_and_a_recurrent_one_is_a_layer():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.out = nn.Linear(5, 5), nn.Linear(5, 3)

        def forward(self, x):
            return self.out(torch.tanh(self.cell(torch.tanh(self.cell(x)))))

    model = Twice().double()
    (record,) = gf.train(make_fixed_task(model), gf.TrainingPlan(steps=1, reports=0))
    assert record.modules == ("cell", "out")
    sequences = gf.SequenceExperiment(
        network=gf.Recurrent(cell="lstm", hidden_size=8),
        data=gf.Sequences(source="digit_rows", batch_size=16),
    )
    for reports in (0, 1):
        (record,) = gf.train(sequences, gf.TrainingPlan(steps=1, reports=reports))
        assert record.modules == ("recurrent", "readout")
        assert 0 < record.layers["delta_norm"][0] < np.inf
        assert 0 < record.layers["update_ratio"][0] < np.inf


def test_what_stays_at_zero_does_not_move_and_what_leaves_it_has_no_ratio():
    network = gf.MLP(depth=3, width=4, activation="sigmoid", initialization="zeros")
    experiment = gf.Experiment(network=network, data=gf.Data(batch_size=8))
    plan = gf.TrainingPlan(steps=2, learning_rate=0.5, reports=1)
    first, second = gf.train(experiment, plan)
    # σ(0) = ½, so the readout has a gradient; through its zeros none goes back in step 1.
    np.testing.assert_array_equal(first.layers["update_ratio"], [0, 0, np.nan])
    assert second.layers["update_ratio"][0] == 0
    assert second.layers["update_ratio"][2] > 0
    np.testing.assert_array_equal(first.report.layers["update_ratio"], [0, 0, np.nan])


class InPlace(nn.Linear):
    """Returns a view that it has changed through another view of the same."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = super().forward(x).clone().view(-1, self.out_features)
        h[:, :1].add_(1)
        return h


@pytest.mark.parametrize("reports", [0, 100])
def test_views_that_were_changed_in_place_are_recorded(reports):
    """A hook on such a tensor ends Python."""
    torch.manual_seed(0)
    model = nn.Sequential(InPlace(5, 4), nn.ReLU(inplace=True), nn.Linear(4, 3)).double()
    plan = gf.TrainingPlan(steps=1, record_every=1, reports=reports)
    ((record, before, _after, (inputs, targets)),) = follow_training(make_fixed_task(model), plan)
    first, _relu, last = before
    z = first(inputs)
    logits = last(z.relu()).detach().requires_grad_()
    (known,) = torch.autograd.grad(F.cross_entropy(logits, targets), logits)
    assert record.layers["delta_norm"][1] == pytest.approx(known.norm().item(), rel=1e-9)
    delta = (known @ last.weight) * (z > 0)
    assert record.layers["delta_norm"][0] == pytest.approx(delta.norm().item(), rel=1e-9)
