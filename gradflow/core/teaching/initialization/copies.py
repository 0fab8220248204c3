"""Units that begin as copies of one another, and stay so however long they are trained."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from gradflow.core.catalog import ACTIVATIONS, Activation
from gradflow.core.data import load_digit_images
from gradflow.core.experiment import MLP
from gradflow.core.spec import Spec
from gradflow.core.theory.moments import FloatArray

UNITS = 12
"""In each of two hidden layers."""
STEPS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 300)
"""Steps of training after which the weights are kept."""
_SAMPLES = 512
_RATE = 0.2
_ALIKE = 1e-9
"""Units whose weights differ by less, relative to the largest weight, count as one."""


class Start(StrEnum):
    """Codes of the ways in which the weights begin."""

    ZEROS = "zeros"
    CONSTANT = "constant"
    RANDOM = "random"


class Copies(Spec):
    """A network 64 → 12 → 12 → 10 on digits, trained from three starts by full-batch descent."""

    activation: Activation = Field(
        Activation.TANH, title="Activation φ", description="The function of both hidden layers."
    )
    constant: float = Field(
        0.1, ge=-1, le=1, title="The constant", description="The value of every weight."
    )
    step: int = Field(
        0, ge=0, le=STEPS[-1], title="Step of training", description="Whose weights are shown."
    )
    seed: int = Field(0, ge=0, le=9999, title="Seed", description="Draws other random weights.")


@dataclass(frozen=True, eq=False)
class Course:
    """The training from one start; first index: the entry of ``STEPS``.

    Attributes:
        weights: of the first layer, ``(steps, units, 64)``.
        different: how many of the first layer's units are different from one another.
        accuracy: share of the digits that are told apart.
        loss: the cross-entropy.
    """

    weights: FloatArray
    different: tuple[int, ...]
    accuracy: FloatArray
    loss: FloatArray


def train_copies(
    activation: Activation,
    constant: float,
    seed: int,
    start: Start,
    advance: Callable[[], None] = lambda: None,
) -> Course:
    """Train the network from one start, in float64, with biases that begin at 0.

    ``advance`` is called between steps; what it raises ends the training.
    """
    images, labels = load_digit_images()
    inputs = torch.from_numpy(images[:_SAMPLES])
    targets = torch.from_numpy(labels[:_SAMPLES])
    network = _build(activation, _choose_fill(start, constant, seed))
    first: Tensor = next(network.parameters())
    kept: list[tuple[FloatArray, int, float, float]] = []
    for step in range(STEPS[-1] + 1):
        advance()
        output = network(inputs)
        loss = nn.functional.cross_entropy(output, targets)
        if step in STEPS:
            weight = first.detach().numpy().copy()
            accuracy = float((output.argmax(1) == targets).double().mean())
            kept.append((weight, count_different(weight), accuracy, loss.item()))
        gradients = torch.autograd.grad(loss, list(network.parameters()))
        with torch.no_grad():
            for own, gradient in zip(network.parameters(), gradients, strict=True):
                own.sub_(_RATE * gradient)
    weights, different, accuracies, losses = zip(*kept, strict=True)
    return Course(np.stack(weights), tuple(different), np.array(accuracies), np.array(losses))


def _build(activation: Activation, fill: Callable[[Tensor], object]) -> nn.Sequential:
    make = ACTIVATIONS[activation].module
    spec = MLP(activation=activation)
    sizes = (64, UNITS, UNITS, 10)
    modules: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        layer = nn.Linear(fan_in, fan_out, dtype=torch.float64)
        fill(layer.weight)
        nn.init.zeros_(layer.bias)
        modules += [layer, make(spec).double()]
    return nn.Sequential(*modules[:-1])


def _choose_fill(start: Start, constant: float, seed: int) -> Callable[[Tensor], object]:
    generator = torch.Generator().manual_seed(seed)

    def draw(weight: Tensor) -> Tensor:
        std = math.sqrt(2 / sum(weight.shape))
        return nn.init.normal_(weight, 0.0, std, generator=generator)

    return {
        Start.ZEROS: nn.init.zeros_,
        Start.CONSTANT: lambda weight: nn.init.constant_(weight, constant),
        Start.RANDOM: draw,
    }[start]


def count_different(weights: FloatArray) -> int:
    """Count the units, rows of ``weights``, that are no copy of an earlier one."""
    scale = np.abs(weights).max() or 1.0
    distance = np.abs(weights[:, None] - weights[None]).max(2) / scale
    earlier = np.tril(distance < _ALIKE, -1).any(1)
    return int((~earlier).sum())
