"""The small network against an nn.Sequential of its own, NumPy and finite differences."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from gradflow.core.errors import InvalidExperiment
from gradflow.core.teaching.fields import to_query
from gradflow.core.teaching.perceptron import Perceptron, draw_parameters, run_perceptron
from gradflow.core.teaching.perceptron_steps import (
    PerceptronStep,
    StepEntry,
    StepKind,
    find_first_nonfinite,
    list_entries,
    list_steps,
)

K = StepKind
FUNCTIONS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU, "gelu": nn.GELU}
SHAPES = [(1,), (4, 3), (5, 2, 4)]
SPEC = Perceptron(hidden=(4, 3), seed=3)


def make_sequential(spec: Perceptron) -> nn.Sequential:
    sizes = (3, *spec.hidden, len(spec.targets))
    layers: list[nn.Module] = []
    for (weight, bias), m, n in zip(draw_parameters(spec), sizes, sizes[1:], strict=False):
        linear = nn.Linear(m, n, dtype=torch.float64)
        linear.load_state_dict({"weight": weight, "bias": bias})
        layers += [linear, FUNCTIONS[spec.activation]()]
    return nn.Sequential(*layers)


def compute_loss(model: nn.Sequential, spec: Perceptron) -> torch.Tensor:
    targets = torch.tensor(spec.targets, dtype=torch.float64)
    return ((model(torch.tensor(spec.inputs, dtype=torch.float64)) - targets) ** 2).sum() / 2


@pytest.mark.parametrize("hidden", SHAPES)
@pytest.mark.parametrize("activation", FUNCTIONS)
def test_gradients_and_updates_are_pytorchs(activation, hidden) -> None:
    spec = Perceptron(
        hidden=hidden,
        activation=activation,
        targets=(0.3, -0.6, 0.9),
        learning_rate=0.1,
        updates=2,
        seed=5,
    )
    model = make_sequential(spec)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for _ in range(3):
        before = [p.detach().clone() for p in model.parameters()]
        loss = compute_loss(model, spec)
        losses.append(loss.item())
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        for parameter, gradient in zip(model.parameters(), gradients, strict=True):
            parameter.grad = gradient
        optimizer.step()
    run = run_perceptron(spec)
    close = {"rtol": 1e-11, "atol": 1e-15}
    flat = [p for pair in run.parameters for p in pair]
    torch.testing.assert_close(flat, before, **close)
    for numbers in (run.by_hand, run.by_pytorch):
        own = [g for pair in zip(numbers.weight, numbers.bias, strict=True) for g in pair]
        torch.testing.assert_close(own, list(gradients), **close)
        after = [p for pair in numbers.updated for p in pair]
        torch.testing.assert_close(after, [p.detach() for p in model.parameters()], **close)
    assert run.losses == pytest.approx([*losses, compute_loss(model, spec).item()], rel=1e-11)
    assert run.new_loss_by_pytorch == pytest.approx(run.losses[-1], rel=1e-11)


def test_the_four_equations_in_numpy() -> None:
    run = run_perceptron(SPEC)
    (w1, b1), (w2, b2), (w3, b3) = ((w.numpy(), b.numpy()) for w, b in draw_parameters(SPEC))
    a0, t = np.array(SPEC.inputs), np.array(SPEC.targets)
    a1 = 1 / (1 + np.exp(-(w1 @ a0 + b1)))
    a2 = 1 / (1 + np.exp(-(w2 @ a1 + b2)))
    a3 = 1 / (1 + np.exp(-(w3 @ a2 + b3)))
    d3 = (a3 - t) * a3 * (1 - a3)
    d2 = (w3.T @ d3) * a2 * (1 - a2)
    d1 = (w2.T @ d2) * a1 * (1 - a1)
    for expected, value in zip((a0, a1, a2, a3), run.by_hand.a, strict=True):
        np.testing.assert_allclose(value.numpy(), expected, rtol=1e-13)
    for expected, delta, bias in zip(
        (d1, d2, d3), run.by_hand.delta, run.by_pytorch.delta, strict=True
    ):
        np.testing.assert_allclose(delta.numpy(), expected, rtol=1e-12)
        np.testing.assert_allclose(bias.numpy(), expected, rtol=1e-12)
    for delta, a, weight in zip((d1, d2, d3), (a0, a1, a2), run.by_hand.weight, strict=True):
        np.testing.assert_allclose(weight.numpy(), np.outer(delta, a), rtol=1e-12)


def test_a_finite_difference() -> None:
    run = run_perceptron(SPEC)
    model = make_sequential(SPEC)
    step = 1e-6
    with torch.no_grad():
        weight = model[0].weight
        weight[2, 1] += step
        up = compute_loss(model, SPEC).item()
        weight[2, 1] -= 2 * step
        down = compute_loss(model, SPEC).item()
    difference = (up - down) / (2 * step)
    assert run.by_hand.weight[0][2, 1].item() == pytest.approx(difference, rel=1e-6)


def test_weights_come_from_the_seed_and_have_two_decimals() -> None:
    first, again = draw_parameters(SPEC), draw_parameters(SPEC)
    other = draw_parameters(Perceptron(hidden=(4, 3), seed=4))
    assert torch.equal(first[0][0], again[0][0])
    assert not torch.equal(first[0][0], other[0][0])
    for weight, bias in first:
        for values in (weight, bias):
            assert torch.equal(values, torch.round(100 * values) / 100)


def test_the_steps_of_two_layers_in_order() -> None:
    assert list_steps(2) == (
        PerceptronStep(K.PREACTIVATION, 1),
        PerceptronStep(K.ACTIVATION, 1),
        PerceptronStep(K.PREACTIVATION, 2),
        PerceptronStep(K.ACTIVATION, 2),
        PerceptronStep(K.LOSS, 2),
        PerceptronStep(K.OUTPUT_DELTA, 2),
        PerceptronStep(K.HIDDEN_DELTA, 1),
        PerceptronStep(K.WEIGHT_GRADIENT, 2),
        PerceptronStep(K.WEIGHT_GRADIENT, 1),
        PerceptronStep(K.BIAS_GRADIENT, 2),
        PerceptronStep(K.BIAS_GRADIENT, 1),
        PerceptronStep(K.UPDATE, 2),
        PerceptronStep(K.UPDATE, 1),
        PerceptronStep(K.NEW_LOSS, 2),
    )


@pytest.mark.parametrize("hidden", SHAPES)
def test_the_steps_hold_every_number_once_and_reference_pytorch(hidden) -> None:
    run = run_perceptron(Perceptron(hidden=hidden))
    sizes = (3, *hidden, 2)
    weights = sum(m * n for m, n in pairwise(sizes))
    units = sum(sizes[1:])
    counted = dict.fromkeys(K, 0)
    for step in list_steps(run.layers):
        entries = list_entries(run, step)
        counted[step.kind] += len(entries)
        assert len({(e.unit, e.source) for e in entries}) == len(entries)
        assert all(abs(e.difference) <= 1e-14 for e in entries)
    assert counted == {
        K.PREACTIVATION: units,
        K.ACTIVATION: units,
        K.LOSS: 1,
        K.OUTPUT_DELTA: 2,
        K.HIDDEN_DELTA: units - 2,
        K.WEIGHT_GRADIENT: weights,
        K.BIAS_GRADIENT: units,
        K.UPDATE: weights + units,
        K.NEW_LOSS: 1,
    }


def find_entry(run, step: PerceptronStep, unit: int, source: int = 0) -> StepEntry:
    (entry,) = (e for e in list_entries(run, step) if (e.unit, e.source) == (unit, source))
    return entry


def test_entries_name_the_right_unit_and_weight() -> None:
    run = run_perceptron(SPEC)
    gradients = torch.autograd.grad(
        compute_loss(model := make_sequential(SPEC), SPEC), list(model.parameters())
    )
    entry = find_entry(run, PerceptronStep(K.WEIGHT_GRADIENT, 2), 3, 4)
    assert entry.value == pytest.approx(gradients[2][2, 3].item(), rel=1e-12)
    entry = find_entry(run, PerceptronStep(K.BIAS_GRADIENT, 1), 4)
    assert entry.value == pytest.approx(gradients[1][3].item(), rel=1e-12)
    entry = find_entry(run, PerceptronStep(K.UPDATE, 3), 2, 1)
    new = draw_parameters(SPEC)[2][0][1, 0] - 0.5 * gradients[4][1, 0]
    assert entry.value == pytest.approx(new.item(), rel=1e-12)


def test_given_parameters_take_the_place_of_drawn_ones() -> None:
    drawn = draw_parameters(SPEC)
    flat = [x for w, b in drawn for x in (*w.flatten().tolist(), *b.tolist())]
    given = Perceptron(**dict(SPEC) | {"parameters": tuple(flat), "seed": 7})
    for (weight, bias), (w, b) in zip(draw_parameters(given), drawn, strict=True):
        assert torch.equal(weight, w)
        assert torch.equal(bias, b)
    assert Perceptron(**to_query(given)) == given
    assert "parameters" not in to_query(SPEC)
    with pytest.raises(InvalidExperiment, match=r"parameters: a list of 2.*give 39 numbers"):
        Perceptron(parameters=(1.0, 2.0))


def test_a_learning_rate_that_is_too_large_overflows_and_is_found() -> None:
    spec = Perceptron(activation="linear", learning_rate=100, updates=12, inputs=(100, 100, 100))
    nonfinite = find_first_nonfinite(run_perceptron(spec))
    assert nonfinite is not None
    assert not math.isfinite(nonfinite[1].value)
    assert find_first_nonfinite(run_perceptron(SPEC)) is None
    assert StepEntry(1, 0, math.inf, math.inf).difference == 0
    assert StepEntry(1, 0, math.nan, math.nan).difference == 0
    assert StepEntry(1, 0, 1.5, 1.0).difference == 0.5


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"inputs": (1, 2)}, ("inputs", "list of 2", "3 numbers")),
        ({"inputs": (1, 2, 1e9)}, ("inputs", "from −100 to 100")),
        ({"targets": "1_2_3_4"}, ("targets", "list of 4", "1 to 3")),
        ({"targets": ()}, ("targets", "list of 0")),
        ({"hidden": (1, 2, 3, 4)}, ("hidden", "list of 4")),
        ({"hidden": (6,)}, ("hidden", "6")),
        ({"hidden": (0,)}, ("hidden", "0", "from 1 to 5")),
        ({"hidden": (2.5,)}, ("hidden", "2.5", "whole")),
        ({"learning_rate": 0}, ("learning_rate", "0", "above 0 up to 100")),
        ({"updates": 201}, ("updates", "201", "from 0 to 200")),
        ({"seed": -1}, ("seed", "-1")),
    ],
)
def test_impossible_networks_are_refused(fields, words) -> None:
    with pytest.raises(InvalidExperiment) as raised:
        Perceptron(**fields)
    assert all(word in str(raised.value) for word in words)


def test_a_network_survives_its_address() -> None:
    spec = Perceptron(inputs=(0.1, -2, 3), hidden=(5, 1, 2), targets=(0.5,), updates=7)
    assert Perceptron(**to_query(spec)) == spec
