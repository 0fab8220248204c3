"""Each optimizer, clipping and penalty against torch.optim, torch.nn.utils and NumPy by hand."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import gradflow as gf
from tests.core.training.tasks import make_data, make_fixed_task, make_network

RATE, STEPS = 0.05, 4


def train_small(**plan):
    model = make_network()
    records = list(gf.train(make_fixed_task(model), gf.TrainingPlan(**{"steps": STEPS, **plan})))
    return model, records


def train_by_hand(optimizer, between=lambda model: None):
    """The bare loop; ``optimizer(parameters)`` and what happens between backward and step."""
    model = make_network()
    stepper = optimizer(model)
    inputs, targets = make_data()
    for _ in range(STEPS):
        stepper.zero_grad()
        F.cross_entropy(model(inputs), targets).backward()
        between(model)
        stepper.step()
    return model


def assert_same_parameters(one, other, **tolerance):
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b, **tolerance)


OPTIMIZERS = {
    "sgd": ({}, lambda p: torch.optim.SGD(p, RATE)),
    "momentum": ({"momentum": 0.7}, lambda p: torch.optim.SGD(p, RATE, momentum=0.7)),
    "nesterov": (
        {"momentum": 0.7},
        lambda p: torch.optim.SGD(p, RATE, momentum=0.7, nesterov=True),
    ),
    "adagrad": ({}, lambda p: torch.optim.Adagrad(p, RATE)),
    "rmsprop": ({"smoothing": 0.8}, lambda p: torch.optim.RMSprop(p, RATE, alpha=0.8)),
    "adam": ({"beta1": 0.8, "beta2": 0.9}, lambda p: torch.optim.Adam(p, RATE, (0.8, 0.9))),
    "adamw": (
        {"beta1": 0.8, "beta2": 0.9, "weight_decay": 0.0},
        lambda p: torch.optim.Adam(p, RATE, (0.8, 0.9)),
    ),
}


@pytest.mark.parametrize("code", OPTIMIZERS)
def test_optimizers_are_those_of_pytorch(code):
    settings, make = OPTIMIZERS[code]
    model, _ = train_small(optimizer=code, learning_rate=RATE, **settings)
    assert_same_parameters(model, train_by_hand(lambda m: make(m.parameters())), rtol=0, atol=0)


FIRST_STEPS = {  # Δ of the first step from the gradient g, by hand
    "sgd": lambda g: -RATE * g,
    "momentum": lambda g: -RATE * g,
    "nesterov": lambda g: -RATE * (g + 0.9 * g),
    "adagrad": lambda g: -RATE * g / (np.abs(g) + 1e-10),
    "rmsprop": lambda g: -RATE * g / (np.sqrt(0.01 * g**2) + 1e-8),
    "adam": lambda g: -RATE * g / (np.abs(g) + 1e-8),
    "adamw": lambda g: -RATE * g / (np.abs(g) + 1e-8),
}


@pytest.mark.parametrize("code", FIRST_STEPS)
def test_first_steps_by_hand(code):
    model, before = make_network(), make_network()
    inputs, targets = make_data()
    F.cross_entropy(before(inputs), targets).backward()
    plan = gf.TrainingPlan(optimizer=code, learning_rate=RATE, steps=1)
    list(gf.train(make_fixed_task(model), plan))
    for after, old in zip(model.parameters(), before.parameters(), strict=True):
        gradient, value = old.grad.numpy(), old.detach().numpy()
        decay = RATE * 0.01 * value if code == "adamw" and value.ndim > 1 else 0.0
        expected = value - decay + FIRST_STEPS[code](gradient)
        np.testing.assert_allclose(after.detach().numpy(), expected, rtol=1e-9, atol=1e-12)


def test_weight_decay_is_decoupled_and_spares_biases_and_norms():
    model, _ = train_small(optimizer="adamw", learning_rate=RATE, weight_decay=0.5)

    def grouped(m):
        weights = [p for p in m.parameters() if p.dim() > 1]
        others = [p for p in m.parameters() if p.dim() == 1]
        return torch.optim.AdamW(
            [{"params": weights, "weight_decay": 0.5}, {"params": others, "weight_decay": 0.0}],
            RATE,
        )

    assert_same_parameters(model, train_by_hand(grouped))


def test_l2_is_the_weight_decay_of_sgd():
    model, _ = train_small(learning_rate=RATE, l2=0.3)

    def grouped(m):
        weights = [p for p in m.parameters() if p.dim() > 1]
        others = [p for p in m.parameters() if p.dim() == 1]
        return torch.optim.SGD([{"params": weights, "weight_decay": 0.3}, {"params": others}], RATE)

    assert_same_parameters(model, train_by_hand(grouped))


def test_l1_is_the_gradient_of_the_sum_of_absolute_weights():
    model, _ = train_small(learning_rate=RATE, l1=0.2)

    def penalized(m):
        sum(0.2 * p.abs().sum() for p in m.parameters() if p.dim() > 1).backward()

    assert_same_parameters(
        model, train_by_hand(lambda m: torch.optim.SGD(m.parameters(), RATE), penalized)
    )


@pytest.mark.parametrize(
    ("how", "threshold"), [("norm", 0.1), ("norm", 1e3), ("value", 0.01), ("value", 1e3)]
)
def test_clipping_is_that_of_pytorch(how, threshold):
    model, records = train_small(learning_rate=RATE, clip=how, threshold=threshold)
    norms = []

    def clipped(m):
        function = {"norm": nn.utils.clip_grad_norm_, "value": nn.utils.clip_grad_value_}[how]
        before = np.sqrt(sum(float(p.grad.square().sum()) for p in m.parameters()))
        function(m.parameters(), threshold)
        after = np.sqrt(sum(float(p.grad.square().sum()) for p in m.parameters()))
        layers = [float(m[i].weight.grad.norm()) for i in (0, 3, 5)]
        norms.append((before, after, *layers))

    assert_same_parameters(
        model, train_by_hand(lambda m: torch.optim.SGD(m.parameters(), RATE), clipped)
    )
    for record, (before, after, *layers) in zip(records, norms, strict=True):
        assert record.grad_norm == pytest.approx(before)
        assert record.clipped_grad_norm == pytest.approx(after)
        np.testing.assert_allclose(record.layers["clipped_grad_norm"], layers, rtol=1e-9)
        assert (after < before) == (threshold < 1)
        if record.report is not None:
            assert record.report.clip_factor == pytest.approx(after / before)


def test_penalties_come_after_clipping():
    model, _ = train_small(learning_rate=RATE, clip="norm", threshold=0.01, l2=0.3)

    def between(m):
        nn.utils.clip_grad_norm_(m.parameters(), 0.01)
        for p in m.parameters():
            if p.dim() > 1:
                p.grad += 0.3 * p.detach()

    assert_same_parameters(
        model, train_by_hand(lambda m: torch.optim.SGD(m.parameters(), RATE), between)
    )


def test_frozen_parameters_stay():
    model = make_network()
    model[0].weight.requires_grad_(False)
    before = copy.deepcopy(model[0].weight)
    *_, last = gf.train(make_fixed_task(model), gf.TrainingPlan(steps=2, l2=0.1))
    assert torch.equal(before, model[0].weight)
    assert last.layers["update_ratio"][0] == 0
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    with pytest.raises(gf.InvalidExperiment, match="no parameter"):
        gf.train(make_fixed_task(model))
