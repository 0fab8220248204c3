"""Transfer: layers learned on some digits, reused and fine-tuned for another task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import torch
from torch import Tensor

from gradflow.core.catalog import Activation
from gradflow.core.catalog.choice import Choice
from gradflow.core.histogram import FloatArray
from gradflow.core.pretraining.digits import PIXELS, DigitSplit, split_digits
from gradflow.core.pretraining.greedy import Progress
from gradflow.core.pretraining.networks import (
    Networks,
    draw_normals,
    measure_accuracies,
    scale_he,
    scale_xavier,
    train_networks,
)
from gradflow.core.pretraining.spec import Transfer
from gradflow.core.text import N_, Text

PER_CLASS = (1, 2, 5, 10, 20, 50, 100)
"""Labelled images of each class of the new task."""
BATCH_SIZE = 32
NOISE = 0.3
"""Standard deviation of the noise on pixels from 0 to 1."""
_PROGRESS_INTERVAL = 25
"""Steps between two calls of ``progress``."""


class Way(StrEnum):
    """Ways to learn the new task, by the use of the lower layers."""

    RANDOM = "random"
    FROZEN = "frozen"
    TUNED = "tuned"


WAYS: dict[Way, Choice] = {
    Way.RANDOM: Choice(
        label=N_("Random"), help=N_("Nothing is reused: all layers start from random weights.")
    ),
    Way.FROZEN: Choice(
        label=N_("Reused, frozen"), help=N_("The lower layers are reused and never change.")
    ),
    Way.TUNED: Choice(
        label=N_("Reused, fine-tuned"), help=N_("The lower layers are reused and go on learning.")
    ),
}


@dataclass(frozen=True, eq=False)
class Reuse:
    """The accuracy on the new task, for each way to learn it.

    Attributes:
        per_class: labelled images of each class of the new task, ``(counts,)``.
        accuracy: accuracy on the held-out images of the new task, ``(ways, seeds, counts)``.
        first_accuracy: accuracy on the first task's held-out images, ``(seeds,)``.
        held_out: number of held-out images of the new task, ``(seeds,)``.
    """

    per_class: tuple[int, ...]
    accuracy: FloatArray
    first_accuracy: FloatArray
    held_out: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class DigitTask:
    """Images of some digits; label i stands for the i-th of them."""

    images: Tensor
    labels: Tensor
    held_out_images: Tensor
    held_out_labels: Tensor

    @classmethod
    def of(cls, data: DigitSplit, digits: str) -> DigitTask:
        """Take the images of ``digits``, in the order of ``data``."""
        wanted = torch.tensor([int(digit) for digit in digits])

        def select(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
            mask = torch.isin(labels, wanted)
            return images[mask], torch.searchsorted(wanted, labels[mask])

        return cls(
            *select(data.images, data.labels), *select(data.held_out_images, data.held_out_labels)
        )

    def add_noise(self, seed: int) -> DigitTask:
        """Add N(0, ``NOISE``²) to every pixel, and keep the pixels in [0, 1]."""
        generator = torch.Generator().manual_seed(seed)

        def spoil(images: Tensor) -> Tensor:
            noise = torch.randn(images.shape, generator=generator)
            return (images + NOISE * noise).clamp(0, 1)

        held_out = spoil(self.held_out_images)
        return DigitTask(spoil(self.images), self.labels, held_out, self.held_out_labels)

    def find_first_of_each(self, count: int) -> Tensor:
        """Find the indices of the first ``count`` images of each class, class by class."""
        classes = int(self.labels.max()) + 1
        indices = [torch.nonzero(self.labels == c).flatten()[:count] for c in range(classes)]
        return torch.cat(indices)


def transfer_layers(spec: Transfer, progress: Progress | None = None) -> Reuse:
    """Learn ``spec.first``, then the new task from few images in three ways.

    Args:
        spec: tasks and training.
        progress: called between steps.
    """
    seeds = range(spec.seed, spec.seed + spec.seeds)
    parts = 1 + len(Way)

    def tell(part: int, what: Text, step: int) -> None:
        if progress and step % _PROGRESS_INTERVAL == 0:
            progress(
                (part + step / spec.steps) / parts,
                Text("{what}: step {step} of {steps}", what=what, step=step, steps=spec.steps),
            )

    splits = [split_digits(seed) for seed in seeds]
    first = [DigitTask.of(split, spec.first) for split in splits]
    new = [DigitTask.of(split, spec.new) for split in splits]
    if spec.task == "noisy":
        new = [task.add_noise(seed) for task, seed in zip(new, seeds, strict=True)]
    source = _draw_networks(spec, len(spec.first), seeds)
    everything = [torch.arange(len(task.labels)) for task in first]
    for step in _train(spec, source, first, everything):
        tell(0, Text("first task"), step)
    first_accuracy = _measure_accuracy(source, first)
    accuracy = []
    for part, way in enumerate(Way, start=1):
        networks = initialize_new_task(spec, way, source)
        tasks = [task for task in new for _count in PER_CLASS]
        known = [task.find_first_of_each(count) for task in new for count in PER_CLASS]
        frozen = spec.reused if way is Way.FROZEN else 0
        for step in _train(spec, networks, tasks, known, frozen):
            tell(part, Text(WAYS[way].label), step)
        accuracy.append(_measure_accuracy(networks, tasks).reshape(len(seeds), len(PER_CLASS)))
    held_out = tuple(len(task.held_out_labels) for task in new)
    return Reuse(PER_CLASS, np.stack(accuracy), first_accuracy, held_out)


def initialize_new_task(spec: Transfer, way: Way, source: Networks) -> Networks:
    """Initialize the networks of the new task: for every seed one per count of images."""
    seeds = range(spec.seed, spec.seed + spec.seeds)
    drawn = _draw_networks(spec, len(spec.new), seeds, again=True)
    if way is not Way.RANDOM:
        for layer in range(spec.reused):
            drawn.weights[layer] = source.weights[layer].clone()
            drawn.biases[layer] = source.biases[layer].clone()

    def repeat(tensors: list[Tensor]) -> list[Tensor]:
        return [tensor.repeat_interleave(len(PER_CLASS), 0) for tensor in tensors]

    return Networks(repeat(drawn.weights), repeat(drawn.biases), spec.activation)


def _draw_networks(spec: Transfer, classes: int, seeds: range, *, again: bool = False) -> Networks:
    """Draw untrained networks; ``again``: with other numbers than the first time."""
    scale = scale_he if spec.activation == Activation.RELU else scale_xavier
    sizes = [PIXELS, *[spec.width] * spec.layers, classes]
    weights = []
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        if again:
            draw_normals(sizes, generator)
        weights.append([scale(z) for z in draw_normals(sizes, generator)])
    return Networks.from_weights(weights, spec.activation)


def _train(
    spec: Transfer, networks: Networks, tasks: list[DigitTask], known: list[Tensor], frozen: int = 0
) -> Iterator[int]:
    """Train each network on its task, in which only the ``known`` images have labels."""
    per_seed = len(tasks) // spec.seeds
    chosen, offset = [], 0
    for i, indices in enumerate(known):
        generator = torch.Generator().manual_seed(spec.seed + i // per_seed)
        drawn = torch.randint(len(indices), (spec.steps, BATCH_SIZE), generator=generator)
        chosen.append(indices[drawn] + offset)
        offset += len(tasks[i].labels)
    images = torch.cat([task.images for task in tasks])
    labels = torch.cat([task.labels for task in tasks])
    yield from train_networks(
        networks, torch.stack(chosen, 1), images, labels, spec.learning_rate, frozen=frozen
    )


def _measure_accuracy(networks: Networks, tasks: list[DigitTask]) -> FloatArray:
    """Measure each network on the held-out images of its task; their numbers differ."""
    shares = [
        measure_accuracies(
            networks.select(i).compute_logits(task.held_out_images), task.held_out_labels
        )
        for i, task in enumerate(tasks)
    ]
    return torch.cat(shares).numpy()
