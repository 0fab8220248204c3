"""Dying ReLU: one biased layer under steps of SGD, with five activations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor, nn

from gradflow.core.catalog import ACTIVATIONS, Activation
from gradflow.core.experiment import MLP
from gradflow.core.networks.noise import seed_noise
from gradflow.core.spec import Spec
from gradflow.core.teaching.activation_facts import Alpha, NegativeSlope, make_mlp
from gradflow.core.theory.moments import FloatArray

BoolArray = npt.NDArray[np.bool_]

RIVALS = (
    Activation.RELU,
    Activation.LEAKY_RELU,
    Activation.PRELU,
    Activation.RRELU,
    Activation.ELU,
)
INPUTS, UNITS, SAMPLES, BATCH = 8, 32, 256, 32
LEARNED_SLOPE_RATE = 0.02
"""PReLU's slopes move with this share of the learning rate: far below 0 their gradient, which is
multiplied by z, is so much larger than the bias' that they would diverge at the same rate."""


class BiasedLayer(Spec):
    """A layer a = φ(Wx + b) that learns a = max(0, W*x), starting from a chosen bias.

    x ~ N(0, I) in 8 dimensions, 256 samples; 32 units; entries of W and W* ~ N(0, 1/8). The loss
    is ½ Σ over units of the squared error, averaged over the 32 samples of a step.
    """

    bias: float = Field(
        -4.0, ge=-10, le=2, title="Bias b at the start", description="The same for every unit."
    )
    learning_rate: float = Field(
        0.3, ge=0.01, le=10, title="Learning rate", description="Of plain SGD; 3 is too large."
    )
    steps: int = Field(300, ge=10, le=500, title="Steps", description="Steps of SGD.")
    negative_slope: NegativeSlope = 0.05
    elu_alpha: Alpha = 1.0
    seed: int = Field(0, ge=0, le=9999, title="Seed", description="Draws other data and weights.")


@dataclass(frozen=True, eq=False)
class DyingTraining:
    """The training with one activation. Arrays have one row per step, from before step 1.

    After an overflow all rows are NaN (``dead`` and ``off``: false).

    Attributes:
        activation: the function φ.
        loss: over all samples, without randomness (RReLU with its mean slope), divided by units.
        low, high: the smallest and the largest pre-activation of each unit over all samples,
            shape ``(steps + 1, UNITS)``.
        dead: whether φ' = 0 for every sample, so that the unit gets no gradient, whatever the
            loss.
        off: whether z ≤ 0 for every sample; with ReLU the same as dead.
        slopes: the slopes of PReLU at the end; empty with other functions.
        overflowed: the first row whose loss is not finite; −1: none.
    """

    activation: Activation
    loss: FloatArray
    low: FloatArray
    high: FloatArray
    dead: BoolArray
    off: BoolArray
    slopes: tuple[float, ...]
    overflowed: int


def train_rivals(spec: BiasedLayer) -> list[DyingTraining]:
    """Train the layer once with each of ``RIVALS``: same data, weights, batches and seed."""
    return [train_activation(spec, activation) for activation in RIVALS]


@dataclass(frozen=True, eq=False)
class LayerTask:
    """The data and the start of all rivals.

    Attributes:
        inputs, targets: all samples, one per row.
        weight: W at the start.
        batches: the numbers of the samples of each step, shape ``(steps, BATCH)``.
    """

    inputs: Tensor
    targets: Tensor
    weight: Tensor
    batches: Tensor


def draw_task(spec: BiasedLayer) -> LayerTask:
    """Draw the data and the start of a seed, in float64."""
    random = torch.Generator().manual_seed(spec.seed)

    def draw_normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random, dtype=torch.float64)

    inputs = draw_normal(SAMPLES, INPUTS)
    targets = torch.relu(inputs @ draw_normal(INPUTS, UNITS) / math.sqrt(INPUTS))
    weight = draw_normal(UNITS, INPUTS) / math.sqrt(INPUTS)
    return LayerTask(
        inputs, targets, weight, torch.randint(SAMPLES, (spec.steps, BATCH), generator=random)
    )


def train_activation(spec: BiasedLayer, activation: Activation) -> DyingTraining:
    """Train the layer with one activation."""
    task = draw_task(spec)
    linear = nn.Linear(INPUTS, UNITS, dtype=torch.float64)
    with torch.no_grad():
        linear.weight.copy_(task.weight)
        linear.bias.fill_(spec.bias)
    phi = _make_module(make_mlp(activation, spec))
    learned = list(phi.parameters())
    groups: list[dict[str, Any]] = [{"params": list(linear.parameters())}]
    if learned:
        groups.append({"params": learned, "lr": LEARNED_SLOPE_RATE * spec.learning_rate})
    optimizer = torch.optim.SGD(groups, lr=spec.learning_rate)
    seed_noise(phi, spec.seed, torch.device("cpu"))
    rows: list[_Measurement] = []
    for batch in task.batches:
        rows.append(_measure(linear, phi, task))
        if not math.isfinite(rows[-1].loss):
            break
        optimizer.zero_grad()
        error = phi(linear(task.inputs[batch])) - task.targets[batch]
        (error.square().sum(1).mean() / 2).backward()
        optimizer.step()
    else:
        rows.append(_measure(linear, phi, task))
    slopes = tuple(learned[0].tolist()) if learned else ()
    return _collect_rows(activation, rows, spec.steps + 1, slopes)


def _make_module(spec: MLP) -> nn.Module:
    if spec.activation is Activation.PRELU:  # one slope for each unit, as in He et al. 2015
        return nn.PReLU(UNITS, dtype=torch.float64)
    return ACTIVATIONS[spec.activation].module(spec).double()


@dataclass(frozen=True, eq=False)
class _Measurement:
    loss: float
    low: FloatArray
    high: FloatArray
    dead: BoolArray


def _measure(linear: nn.Linear, phi: nn.Module, task: LayerTask) -> _Measurement:
    phi.eval()
    z = linear(task.inputs).detach().requires_grad_()
    a = phi(z)
    (slope,) = torch.autograd.grad(a.sum(), z)
    phi.train()
    loss = (a.detach() - task.targets).square().sum(1).mean() / (2 * UNITS)
    low, high = torch.aminmax(z.detach(), dim=0)
    return _Measurement(loss.item(), low.numpy(), high.numpy(), (slope == 0).all(0).numpy())


def _collect_rows(
    activation: Activation, rows: list[_Measurement], count: int, slopes: tuple[float, ...]
) -> DyingTraining:
    overflowed = -1 if math.isfinite(rows[-1].loss) else len(rows) - 1
    loss = np.full(count, math.nan)
    low, high = np.full((count, UNITS), math.nan), np.full((count, UNITS), math.nan)
    dead = np.zeros((count, UNITS), bool)
    for i, row in enumerate(rows):
        loss[i], low[i], high[i], dead[i] = row.loss, row.low, row.high, row.dead
    if overflowed >= 0:
        loss[overflowed] = math.inf
        dead[overflowed] = False
    return DyingTraining(activation, loss, low, high, dead, high <= 0, slopes, overflowed)
