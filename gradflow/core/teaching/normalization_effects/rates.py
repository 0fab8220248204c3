"""The largest learning rate that still trains, with each normalization."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from gradflow.core.catalog import ACTIVATIONS, Activation, Initialization, Normalization
from gradflow.core.data import DATA_SEED_OFFSET
from gradflow.core.experiment import MLP, Data, Experiment
from gradflow.core.spec import Spec
from gradflow.core.teaching.normalization_effects.stack import Copies
from gradflow.core.theory.moments import FloatArray

SAMPLES, BATCH, GROUPS = 512, 64, 4
LOWEST, HIGHEST, PER_DECADE = -4, 2, 4
"""Learning rates go from 10^LOWEST to 10^HIGHEST, so many to a decade."""
GUESSING_LOSS = math.log(10)
"""The loss of a network that gives each of the ten classes the same probability."""
SEEDS = 5
"""Trainings at each learning rate, each with data, weights and batches of its own."""
LEARNED_SHARE = 0.9
"""A network has trained if its loss is below this share of its first loss and of guessing."""


class LearningRates(Spec):
    """A small deep network on digits, trained by plain SGD at many learning rates.

    512 digits, 64 in a step; the normalization stands before the activation, its scale and shift
    stay 1 and 0. Weights start at k times the initialization that goes with the activation, the
    readout's at 1 times.
    """

    depth: int = Field(
        10, ge=3, le=16, title="Depth", description="Weight layers, the readout included."
    )
    width: int = Field(32, ge=16, le=48, title="Width", description="Units in each hidden layer.")
    activation: Activation = Field(
        Activation.RELU, title="Activation", description="The function φ after each hidden layer."
    )
    weight_scale: float = Field(
        1.0,
        ge=0.1,
        le=10,
        title="Weight scale k",
        description="Hidden weights start at k times a good initialization.",
    )
    steps: int = Field(30, ge=5, le=40, title="Steps", description="Steps of SGD.")
    seed: int = Field(
        0, ge=0, le=9999, title="Seed", description="The first of five: other data and weights."
    )

    def list_seeds(self) -> list[LearningRates]:
        """List the settings of each of the ``SEEDS`` trainings: this one's seed and those after."""
        return [self.model_copy(update={"seed": self.seed + i}) for i in range(SEEDS)]

    def make_experiment(self, normalization: Normalization) -> Experiment:
        """Make the network with one normalization, at scale 1; its data are all samples."""
        groups = {"groups": GROUPS} if normalization is Normalization.GROUP else {}
        return Experiment(
            network=MLP(
                depth=self.depth,
                width=self.width,
                activation=self.activation,
                initialization=Initialization(ACTIVATIONS[self.activation].initialization),
                normalization=normalization,
                **groups,
            ),
            data=Data(source="digits", batch_size=SAMPLES),
            seed=self.seed,
        )


@dataclass(frozen=True, eq=False)
class RateSweep:
    """The losses with one normalization, after the steps at every learning rate.

    Attributes:
        initial: the loss over all samples before the first step, shape ``(seeds,)``.
        losses: the loss after the last step, shape ``(seeds, rates)``; infinite or NaN where it
            diverged.
    """

    initial: FloatArray
    losses: FloatArray

    @property
    def threshold(self) -> FloatArray:
        """The loss below which a network has trained, one per seed."""
        return LEARNED_SHARE * np.minimum(self.initial, GUESSING_LOSS)

    @property
    def largest(self) -> FloatArray:
        """The largest learning rate that still trains, one per seed; 0 if none does."""
        trained = self.losses < self.threshold[:, None]
        largest: FloatArray = np.where(trained, list_learning_rates(), 0.0).max(axis=1)
        return largest

    @property
    def median(self) -> FloatArray:
        """The median of the losses over the seeds at every learning rate; NaN counts as infinite.

        Of an odd number of seeds it is one of their losses.
        """
        losses = np.where(np.isnan(self.losses), np.inf, self.losses)
        median: FloatArray = np.median(losses, axis=0)
        return median


def list_learning_rates() -> FloatArray:
    """List the learning rates η from 10⁻⁴ to 100, four to a decade."""
    return np.logspace(LOWEST, HIGHEST, (HIGHEST - LOWEST) * PER_DECADE + 1)


def train_at_rates(
    spec: LearningRates, normalization: Normalization, advance: Callable[[], None] = lambda: None
) -> RateSweep:
    """Train with one normalization at every learning rate, with the spec's own seed alone.

    W ← W − η ∂L/∂W, and b ← b − η ∂L/∂b. All learning rates start from the same weights and see
    the same batches; they are one stacked network, in float32. ``advance`` is called between steps;
    what it raises ends it.
    """
    rates = list_learning_rates()
    copies = Copies(
        spec.make_experiment(normalization),
        np.full(len(rates), spec.weight_scale),
        dtype=torch.float32,
    )
    tensors = [p for layer in copies.layers for p in (layer.weight, layer.bias)]
    steps = torch.tensor(rates, dtype=torch.float32)[:, None, None]
    initial = _compute_loss(copies)[:1].double().numpy()
    random = torch.Generator().manual_seed(spec.seed + DATA_SEED_OFFSET)
    for _step in range(spec.steps):
        advance()
        _take_step(copies, torch.randint(SAMPLES, (BATCH,), generator=random), tensors, steps)
    return RateSweep(initial, _compute_loss(copies).double().numpy()[None])


def join_seeds(sweeps: Iterable[RateSweep]) -> RateSweep:
    """Join the losses of several seeds with the same normalization."""
    initial, losses = zip(*((sweep.initial, sweep.losses) for sweep in sweeps), strict=True)
    return RateSweep(np.concatenate(initial), np.concatenate(losses))


@torch.enable_grad()
def _take_step(copies: Copies, batch: Tensor, tensors: list[Tensor], steps: Tensor) -> None:
    outputs = copies.forward(copies.inputs[batch])[-1]
    losses = copies.compute_losses(outputs, copies.targets[batch])
    for tensor, gradient in zip(tensors, torch.autograd.grad(losses.sum(), tensors), strict=True):
        tensor.data -= steps * gradient


@torch.no_grad()
def _compute_loss(copies: Copies) -> Tensor:
    return copies.compute_losses(copies.forward(copies.inputs)[-1], copies.targets)
