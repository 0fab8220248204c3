"""A small perceptron whose backpropagation can be followed number by number."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import torch
from pydantic import Field, ValidationInfo, field_validator
from torch import Tensor, nn

from gradflow.core.catalog import Activation
from gradflow.core.errors import InvalidExperiment
from gradflow.core.spec import Spec
from gradflow.core.teaching.fields import parse_numbers
from gradflow.core.teaching.slope import evaluate_with_slope, make_module
from gradflow.core.text import Text

INPUTS = 3
MAX_HIDDEN, MAX_UNITS, MAX_OUTPUTS = 3, 5, 3
MAX_DATA = 100.0
"""Largest absolute value of an input or a target."""
MAX_PARAMETER = 1000.0
"""Largest absolute value of a weight or bias that is given."""
MAX_UPDATES = 200


class Perceptron(Spec):
    """Three inputs, up to three hidden layers, one sample, E = ½ Σ_i (a_i^{(L)} − t_i)².

    Every layer, the last one too, is a^{(l)} = f(W^{(l)} a^{(l−1)} + b^{(l)}). Weights are drawn
    from N(0, 1) and biases from N(0, ¼) by ``seed``, rounded to two decimals, so that a person
    can follow, unless ``parameters`` gives them. ``updates`` steps of gradient descent are taken
    before the numbers are shown. Raises ``InvalidExperiment`` on anything impossible.
    """

    inputs: tuple[float, ...] = Field((0.6, -0.4, 0.9), title="Inputs x")
    hidden: tuple[int, ...] = Field((4, 3), title="Units of the hidden layers")
    targets: tuple[float, ...] = Field((1.0, 0.0), title="Targets t")
    activation: Activation = Field(Activation.SIGMOID, title="Activation f")
    learning_rate: float = Field(0.5, gt=0, le=100, title="Learning rate α")
    seed: int = Field(0, ge=0, le=9999, title="Seed of the weights")
    parameters: tuple[float, ...] = Field(
        (),
        title="Weights and biases",
        description="All of them, layer by layer: W by rows, then b. None: drawn by the seed.",
    )
    updates: int = Field(0, ge=0, le=MAX_UPDATES, title="Updates taken")

    @field_validator("inputs", "targets", mode="before")
    @classmethod
    def _check_data(cls, values: Any, info: ValidationInfo) -> tuple[float, ...]:
        name = str(info.field_name)
        numbers = parse_numbers(name, values, MAX_DATA)
        if name == "inputs":
            fits, allowed = len(numbers) == INPUTS, Text("{n} numbers", n=INPUTS)
        else:
            fits = 1 <= len(numbers) <= MAX_OUTPUTS
            allowed = Text("1 to {most} numbers", most=MAX_OUTPUTS)
        _require(fits, name, Text("a list of {n}", n=len(numbers)), allowed)
        return numbers

    @field_validator("hidden", mode="before")
    @classmethod
    def _check_hidden(cls, values: Any) -> tuple[int, ...]:
        sizes = parse_numbers("hidden", values, MAX_UNITS, low=1)
        allowed = Text(
            "1 to {most} whole numbers from 1 to {units}", most=MAX_HIDDEN, units=MAX_UNITS
        )
        fits = 1 <= len(sizes) <= MAX_HIDDEN
        _require(fits, "hidden", Text("a list of {n}", n=len(sizes)), allowed)
        for size in sizes:
            _require(size.is_integer(), "hidden", Text("{n}", n=size), allowed)
        return tuple(map(int, sizes))

    @field_validator("parameters", mode="before")
    @classmethod
    def _check_parameters(cls, values: Any, info: ValidationInfo) -> tuple[float, ...]:
        if values in ((), ""):
            return ()
        numbers = parse_numbers("parameters", values, MAX_PARAMETER)
        if "hidden" in info.data and "targets" in info.data:
            sizes = (INPUTS, *info.data["hidden"], len(info.data["targets"]))
            count = sum(n * (m + 1) for m, n in pairwise(sizes))
            given, allowed = Text("a list of {n}", n=len(numbers)), Text("{n} numbers", n=count)
            _require(len(numbers) == count, "parameters", given, allowed)
        return numbers

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units per layer, from the inputs (layer 0) to the outputs (layer L)."""
        return (INPUTS, *self.hidden, len(self.targets))


def _require(condition: bool, name: str, given: Text | str, allowed: Text) -> None:
    """Refuse what was given for a field unless the condition holds."""
    if not condition:
        message = Text(
            "{name}: {given} is not allowed; give {allowed}",
            name=name,
            given=given,
            allowed=allowed,
        )
        raise InvalidExperiment(message, fields=(name,))


Parameters = tuple[tuple[Tensor, Tensor], ...]
"""W^{(l)} of shape (n_l, n_{l−1}) and b^{(l)} of shape (n_l,), l = 1 … L."""


@dataclass(frozen=True, eq=False)
class PerceptronPass:
    """One forward and one backward pass; position l − 1 holds layer l; all float64.

    Attributes:
        a: activations a^{(0)} = x … a^{(L)}, one more than there are layers.
        z: pre-activations.
        loss: E.
        delta: δ^{(l)} = ∂E/∂z^{(l)}.
        weight, bias: ∂E/∂W^{(l)} and ∂E/∂b^{(l)}.
        updated: W − α ∂E/∂W and b − α ∂E/∂b.
    """

    a: tuple[Tensor, ...]
    z: tuple[Tensor, ...]
    loss: float
    delta: tuple[Tensor, ...]
    weight: tuple[Tensor, ...]
    bias: tuple[Tensor, ...]
    updated: Parameters


@dataclass(frozen=True, eq=False)
class PerceptronRun:
    """The numbers of one pass, by the four equations and by PyTorch.

    Attributes:
        spec: the network.
        parameters: W and b of this pass, after ``spec.updates`` updates.
        by_hand: by the four equations of backpropagation.
        by_pytorch: the same by ``nn.Linear`` and ``torch.autograd.grad``.
        losses: E before the first update, after it, …, and after the update of this pass;
            ``spec.updates + 2`` numbers.
        new_loss_by_pytorch: the last of ``losses``, by PyTorch.
    """

    spec: Perceptron
    parameters: Parameters
    by_hand: PerceptronPass
    by_pytorch: PerceptronPass
    losses: tuple[float, ...]
    new_loss_by_pytorch: float

    @property
    def layers(self) -> int:
        """Number of layers, L."""
        return len(self.parameters)

    @cached_property
    def slope(self) -> tuple[Tensor, ...]:
        """f'(z^{(l)}); position l − 1 holds layer l."""
        return tuple(evaluate_with_slope(self.spec.activation, z)[1] for z in self.by_hand.z)


def draw_parameters(spec: Perceptron) -> Parameters:
    """Draw the weights and biases before the first update, or take those that are given."""
    if spec.parameters:
        return _split(torch.tensor(spec.parameters, dtype=torch.float64), spec.sizes)
    generator = torch.Generator().manual_seed(spec.seed)

    def draw(std: float, *shape: int) -> Tensor:
        values = torch.randn(shape, generator=generator, dtype=torch.float64)
        return (std * values).round(decimals=2)

    return tuple((draw(1.0, n, m), draw(0.5, n)) for m, n in pairwise(spec.sizes))


def _split(numbers: Tensor, sizes: tuple[int, ...]) -> Parameters:
    """Split a list of all weights and biases into W and b of each layer."""
    layers = []
    for m, n in pairwise(sizes):
        weight, bias, numbers = torch.split(numbers, [n * m, n, len(numbers) - n * (m + 1)])
        layers.append((weight.reshape(n, m), bias))
    return tuple(layers)


def run_perceptron(spec: Perceptron) -> PerceptronRun:
    """Compute all numbers of one step of gradient descent, after ``spec.updates`` earlier ones."""
    parameters, losses = draw_parameters(spec), []
    current = backpropagate(spec, parameters)
    for _ in range(spec.updates):
        losses.append(current.loss)
        parameters = current.updated
        current = backpropagate(spec, parameters)
    reference = _run_pytorch(spec, parameters)
    return PerceptronRun(
        spec=spec,
        parameters=parameters,
        by_hand=current,
        by_pytorch=reference,
        losses=(*losses, current.loss, backpropagate(spec, current.updated).loss),
        new_loss_by_pytorch=_run_pytorch(spec, reference.updated).loss,
    )


def backpropagate(spec: Perceptron, parameters: Parameters) -> PerceptronPass:
    """Run the four equations of backpropagation, layer by layer.

    δ^{(L)} = (a^{(L)} − t) f'(z^{(L)}); δ^{(l)} = (W^{(l+1)}ᵀ δ^{(l+1)}) f'(z^{(l)});
    ∂E/∂W^{(l)} = δ^{(l)} a^{(l−1)}ᵀ; ∂E/∂b^{(l)} = δ^{(l)}. Rumelhart, Hinton & Williams 1986.
    """
    a = [torch.tensor(spec.inputs, dtype=torch.float64)]
    z, slope = [], []
    for weight, bias in parameters:
        z.append(weight @ a[-1] + bias)
        value, derivative = evaluate_with_slope(spec.activation, z[-1])
        a.append(value)
        slope.append(derivative)
    error = a[-1] - torch.tensor(spec.targets, dtype=torch.float64)
    delta = [error * slope[-1]]
    for layer in range(len(parameters) - 1, 0, -1):
        weight = parameters[layer][0]
        delta.insert(0, (weight.T @ delta[0]) * slope[layer - 1])
    gradients = [(torch.outer(d, x), d) for d, x in zip(delta, a[:-1], strict=True)]
    return PerceptronPass(
        a=tuple(a),
        z=tuple(z),
        loss=(error @ error / 2).item(),
        delta=tuple(delta),
        weight=tuple(weight for weight, _bias in gradients),
        bias=tuple(bias for _weight, bias in gradients),
        updated=_update(spec, parameters, gradients),
    )


def _update(
    spec: Perceptron, parameters: Parameters, gradients: list[tuple[Tensor, Tensor]]
) -> Parameters:
    """Take one step of gradient descent."""
    rate = spec.learning_rate
    return tuple(
        (weight - rate * dw, bias - rate * db)
        for (weight, bias), (dw, db) in zip(parameters, gradients, strict=True)
    )


def _run_pytorch(spec: Perceptron, parameters: Parameters) -> PerceptronPass:
    """Compute one pass from ``nn.Linear`` and autograd alone."""
    f = make_module(spec.activation)
    a, z, leaves = [torch.tensor(spec.inputs, dtype=torch.float64)], [], []
    for weight, bias in parameters:
        linear = nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64)
        linear.weight, linear.bias = nn.Parameter(weight), nn.Parameter(bias)
        leaves += [linear.weight, linear.bias]
        z.append(linear(a[-1]))
        a.append(f(z[-1]))
    targets = torch.tensor(spec.targets, dtype=torch.float64)
    loss = nn.functional.mse_loss(a[-1], targets, reduction="sum") / 2
    derivatives = torch.autograd.grad(loss, [*z, *leaves])
    delta, rest = derivatives[: len(z)], derivatives[len(z) :]
    gradients = list(zip(rest[::2], rest[1::2], strict=True))
    return PerceptronPass(
        a=tuple(value.detach() for value in a),
        z=tuple(value.detach() for value in z),
        loss=loss.item(),
        delta=delta,
        weight=tuple(weight for weight, _bias in gradients),
        bias=tuple(bias for _weight, bias in gradients),
        updated=_update(spec, parameters, gradients),
    )
