"""Batch norm as a mild regularizer: the noise of its statistics, and what it does."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from gradflow.core.data import DATA_SEED_OFFSET, load_digit_images
from gradflow.core.spec import Spec
from gradflow.core.theory.moments import FloatArray

GROUPS = (0, 4, 8, 16, 64)
"""Images that share their mean and variance; 0: no normalization."""
SEEDS = 8
BATCH, STEPS, MOMENTUM = 64, 250, 0.9
_SIZES = (64, 32, 32, 32, 10)
_EPSILON = 1e-5
Statistics = list[tuple[Tensor, Tensor]]


class BatchNoise(Spec):
    """Three hidden ReLU layers of 32 units, trained on a few digits by SGD with momentum 0.9.

    Every step takes 64 images, whatever the groups are: only the statistics' noise differs.
    """

    images: int = Field(
        128, ge=64, le=1024, title="Training images", description="The other digits are held out."
    )
    learning_rate: float = Field(
        0.1, ge=0.01, le=0.5, title="Learning rate η", description="Of every step."
    )
    seed: int = Field(
        0, ge=0, le=9000, title="Seed", description="Of the first of eight repetitions."
    )


@dataclass(frozen=True, eq=False)
class NoiseResult:
    """Eight networks with one size of groups; arrays ``(SEEDS,)``.

    Attributes:
        training_loss: on all training images, with batch statistics, as training sees them.
        accuracy: on the held-out images, with the statistics of all training images.
        noise: the root mean square by which the normalized z of the first layer differ between
            statistics of a group and of all training images; 0 without a norm.
    """

    training_loss: FloatArray
    accuracy: FloatArray
    noise: FloatArray


class _Networks:
    """One network for each seed, side by side: weights ``(seeds, out, in)``."""

    def __init__(self, first_seed: int) -> None:
        self.weights: list[Tensor] = []
        self.biases: list[Tensor] = []
        generators = [torch.Generator().manual_seed(first_seed + s) for s in range(SEEDS)]
        for fan_in, fan_out in pairwise(_SIZES):
            drawn = [torch.randn(fan_out, fan_in, generator=g) for g in generators]
            self.weights.append((math.sqrt(2 / fan_in) * torch.stack(drawn)).requires_grad_())
            self.biases.append(torch.zeros(SEEDS, 1, fan_out, requires_grad=True))

    def forward(self, x: Tensor, group: int, statistics: Statistics | None = None) -> Tensor:
        """Compute the logits, with each group's own statistics or with given ones."""
        last = len(self.weights) - 1
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias, x, weight.mT)
            if index < last:
                given = None if statistics is None else statistics[index]
                x = (normalize(x, group, given) if group else x).relu()
        return x

    def measure_statistics(self, x: Tensor) -> Statistics:
        """Measure mean and variance of every hidden layer over all of ``x``."""
        statistics: Statistics = []
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = torch.baddbmm(bias, x, weight.mT)
            statistics.append((x.mean(1, keepdim=True), x.var(1, keepdim=True, correction=0)))
            x = normalize(x, x.shape[1], statistics[-1]).relu()
        return statistics


def normalize(x: Tensor, group: int, given: tuple[Tensor, Tensor] | None = None) -> Tensor:
    """Normalize ``(seeds, batch, units)`` by the statistics of groups, or by given ones."""
    if given is not None:
        mean, variance = given
        return (x - mean) / (variance + _EPSILON).sqrt()
    groups = x.reshape(len(x), -1, group, x.shape[2])
    centred = groups - groups.mean(2, keepdim=True)
    variance = centred.square().mean(2, keepdim=True)  # ``var`` takes three times as long
    return (centred * (variance + _EPSILON).rsqrt()).reshape(x.shape)


def train_with_noise(
    spec: BatchNoise, group: int, advance: Callable[[], None] = lambda: None
) -> NoiseResult:
    """Train eight networks whose batch norm takes its statistics over groups of this size.

    ``advance`` is called between steps; what it raises ends the training.
    """
    images, labels = load_digit_images()
    pixels, classes = torch.tensor(images, dtype=torch.float32), torch.tensor(labels)
    seeds = [spec.seed + s for s in range(SEEDS)]
    order = torch.stack(
        [
            torch.randperm(len(classes), generator=torch.Generator().manual_seed(seed))
            for seed in seeds
        ]
    )
    chosen, held_out = order[:, : spec.images], order[:, spec.images :]
    networks = _Networks(spec.seed)
    parameters = networks.weights + networks.biases
    optimizer = torch.optim.SGD(parameters, lr=spec.learning_rate, momentum=MOMENTUM)
    random = torch.Generator().manual_seed(spec.seed + DATA_SEED_OFFSET)
    for _step in range(STEPS):
        advance()
        picked = [torch.randperm(spec.images, generator=random)[:BATCH] for _seed in seeds]
        batch = torch.gather(chosen, 1, torch.stack(picked))
        with torch.enable_grad():
            loss = _measure_losses(networks.forward(pixels[batch], group), classes[batch]).sum()
        gradients = torch.autograd.grad(loss, parameters)
        for own, gradient in zip(parameters, gradients, strict=True):
            own.grad = gradient
        optimizer.step()
    with torch.no_grad():
        known = pixels[chosen[:, : spec.images // BATCH * BATCH]]
        statistics = networks.measure_statistics(known) if group else None
        losses = _measure_losses(
            networks.forward(known, group), classes[chosen[:, : known.shape[1]]]
        )
        output = networks.forward(pixels[held_out], group, statistics)
        right = (output.argmax(2) == classes[held_out]).double().mean(1)
        return NoiseResult(
            losses.double().numpy(), right.numpy(), _measure_noise(networks, known, group)
        )


def _measure_losses(logits: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(logits.mT, labels, reduction="none").mean(1)


def _measure_noise(networks: _Networks, images: Tensor, group: int) -> FloatArray:
    if not group:
        return np.zeros(SEEDS)
    z = torch.baddbmm(networks.biases[0], images, networks.weights[0].mT)
    difference = normalize(z, group) - normalize(z, images.shape[1])
    result: FloatArray = difference.double().square().mean((1, 2)).sqrt().numpy()
    return result
