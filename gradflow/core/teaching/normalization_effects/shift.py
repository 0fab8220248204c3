"""Internal covariate shift: what a layer gets while the layers before it learn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from gradflow.core.catalog import ACTIVATIONS, Activation, Initialization, Normalization
from gradflow.core.data import DATA_SEED_OFFSET, draw_batch
from gradflow.core.experiment import MLP, Data, Experiment
from gradflow.core.networks.build import build_network
from gradflow.core.spec import Spec
from gradflow.core.theory.moments import FloatArray

HIDDEN, WIDTH = 5, 32
SAMPLES, BATCH, PROBED = 1024, 64, 256
STEPS, EVERY = 150, 2
"""Steps of SGD, and from one look at the probe to the next."""
PERCENTILES = (15.0, 50.0, 85.0)
COMPARED = (Normalization.NONE, Normalization.BATCH)


class CovariateShift(Spec):
    """Five hidden layers of 32 units on 1024 digits, trained with and without batch norm."""

    layer: int = Field(
        4, ge=1, le=HIDDEN, title="Layer", description="Whose input of φ is followed."
    )
    activation: Activation = Field(
        Activation.TANH, title="Activation φ", description="The function of every hidden layer."
    )
    learning_rate: float = Field(
        0.2, ge=0.01, le=1, title="Learning rate η", description="Of plain SGD."
    )
    seed: int = Field(0, ge=0, le=9999, title="Seed", description="Draws other data and weights.")

    def make_experiment(self, normalization: Normalization) -> Experiment:
        """Make the network with or without batch norm; the norm stands before φ."""
        network = MLP(
            depth=HIDDEN + 1,
            width=WIDTH,
            activation=self.activation,
            initialization=Initialization(ACTIVATIONS[self.activation].initialization),
            normalization=normalization,
        )
        return Experiment(network=network, data=Data(batch_size=SAMPLES), seed=self.seed)


@dataclass(frozen=True, eq=False)
class ShiftCourse:
    """What the inputs of φ became on the same 256 digits, every second step.

    Attributes:
        steps: taken before each look, ``(looks,)``.
        percentiles: ``PERCENTILES`` of the input of φ of each layer's typical unit, the one whose
            mean has moved most nearly as far as ``drift`` says, ``(looks, layers, 3)``.
        drift: how far the units' means have moved from where they began, in standard deviations
            that they began with: the root mean square over the units, ``(looks, layers)``.
        losses: of the step's batch, ``(STEPS,)``.
    """

    steps: FloatArray
    percentiles: FloatArray
    drift: FloatArray
    losses: FloatArray


def train_and_watch(
    activation: Activation,
    learning_rate: float,
    seed: int,
    normalization: Normalization,
    advance: Callable[[], None] = lambda: None,
) -> ShiftCourse:
    """Train one of the networks, and look at the inputs of φ on the way.

    ``advance`` is called between steps; what it raises ends the training.
    """
    spec = CovariateShift(activation=activation, learning_rate=learning_rate, seed=seed)
    experiment = spec.make_experiment(normalization)
    inputs, targets = draw_batch(experiment.data, experiment.seed)
    model = build_network(experiment, inputs)
    parameters = [p for p in model.parameters() if p.requires_grad]
    random = torch.Generator().manual_seed(seed + DATA_SEED_OFFSET)
    looks, losses = [], []
    for step in range(STEPS + 1):
        advance()
        if step % EVERY == 0:
            looks.append(list_inputs(model, inputs[:PROBED]))
        batch = torch.randint(SAMPLES, (BATCH,), generator=random)
        with torch.enable_grad():
            loss = F.cross_entropy(model(inputs[batch]), targets[batch])
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for own, gradient in zip(parameters, gradients, strict=True):
                own.sub_(learning_rate * gradient)
        losses.append(loss.item())
    seen = np.array(looks)  # (looks, layers, samples, units)
    moves = measure_moves(seen.mean(2), seen.std(2))
    drift = np.sqrt(np.mean(moves**2, axis=2))
    typical = np.abs(moves[-1] - drift[-1][:, None]).argmin(1)
    followed = seen[:, np.arange(HIDDEN), :, typical]  # (layers, looks, samples)
    return ShiftCourse(
        steps=np.arange(0.0, STEPS + 1, EVERY),
        percentiles=np.percentile(followed, PERCENTILES, axis=2).transpose(2, 1, 0),
        drift=drift,
        losses=np.array(losses[:STEPS]),
    )


def measure_moves(mean: FloatArray, std: FloatArray) -> FloatArray:
    """Measure how far means ``(looks, layers, units)`` are from the first, in the first stds."""
    result: FloatArray = np.abs(mean - mean[:1]) / np.maximum(std[:1], 1e-12)
    return result


@torch.no_grad()
def list_inputs(model: nn.Module, inputs: Tensor) -> list[FloatArray]:
    """List what goes into each activation, ``(samples, units)``, with the batch's statistics."""
    seen: list[FloatArray] = []

    def look(_module: nn.Module, arguments: tuple[Any, ...]) -> None:
        seen.append(arguments[0].double().numpy().copy())

    named = model.named_modules()
    handles = [m.register_forward_pre_hook(look) for name, m in named if name.startswith("act")]
    try:
        model(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return seen
