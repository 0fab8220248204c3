"""Fine-tuning of the same network on the same digits, from pretrained and from random weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gradflow.core.catalog import Activation
from gradflow.core.histogram import FloatArray
from gradflow.core.pretraining.digits import CLASSES, PIXELS, DigitSplit, split_digits
from gradflow.core.pretraining.greedy import PretrainedStack, Progress, pretrain
from gradflow.core.pretraining.networks import (
    Networks,
    draw_normals,
    measure_accuracies,
    measure_losses,
    scale_he,
    scale_xavier,
    train_networks,
)
from gradflow.core.pretraining.spec import STARTS, FineTuning, Start
from gradflow.core.probe import probe
from gradflow.core.report import Report
from gradflow.core.text import Text

LOOK_COUNT = 25
"""Interruptions of a training to look at loss and accuracy."""
PROBED_IMAGES = 256
"""Labelled images of the batch on which the gradient at the start is recorded."""
_PRETRAINING_SHARE = 0.4
"""The share of the time that pretraining takes, for the progress bar."""


@dataclass(frozen=True, eq=False)
class TuningCourse:
    """Training from one start; arrays have one row per seed and one column per look.

    Attributes:
        start: where the weights came from.
        steps: steps taken at each look, from 0, shape ``(looks,)``.
        loss: mean cross-entropy over all labelled training images.
        accuracy: share of right answers on the labelled training images.
        held_out_accuracy: share of right answers on the held-out images.
        report: the first seed's network before the first step.
    """

    start: Start
    steps: npt.NDArray[np.int64]
    loss: FloatArray
    accuracy: FloatArray
    held_out_accuracy: FloatArray
    report: Report


def fine_tune(
    spec: FineTuning,
    progress: Progress | None = None,
    show: Callable[[tuple[TuningCourse, ...]], object] | None = None,
) -> tuple[TuningCourse, ...]:
    """Train from every chosen start, with ``spec.seeds`` seeds from ``spec.seed`` on.

    Args:
        spec: the stack and the training.
        progress: called between steps.
        show: called with the courses so far, whenever another one is done.
    """
    seeds = range(spec.seed, spec.seed + spec.seeds)
    splits = [split_digits(seed) for seed in seeds]
    pretrained = Start.PRETRAINED in spec.starts
    stacks = []
    for i, seed in enumerate(seeds if pretrained else ()):

        def tell(done: float, what: Text, i: int = i) -> None:
            if progress:
                progress(
                    _PRETRAINING_SHARE * (i + done) / spec.seeds,
                    Text(
                        "pretraining, seed {n} of {seeds}: {what}",
                        n=i + 1,
                        seeds=spec.seeds,
                        what=what,
                    ),
                )

        stacks.append(pretrain(spec.build_stack(seed), tell))
    share = (1 - _PRETRAINING_SHARE if pretrained else 1.0) / len(spec.starts)
    courses = []
    for i, code in enumerate(spec.starts):

        def advance(done: float, what: Text, i: int = i) -> None:
            if progress:
                progress(1 - share * (len(spec.starts) - i - done), what)

        start = Start(code)
        networks = initialize_starts(spec, start, stacks)
        courses.append(_follow_training(spec, start, networks, splits, advance))
        if show and len(courses) < len(spec.starts):
            show(tuple(courses))
    return tuple(courses)


def initialize_starts(spec: FineTuning, start: Start, stacks: list[PretrainedStack]) -> Networks:
    """Initialize the networks of all seeds.

    Args:
        spec: the training.
        start: where the weights come from.
        stacks: the trained stack of each seed, for the pretrained start.
    """
    sizes = [PIXELS, *[spec.width] * spec.layers, CLASSES]
    seeds = range(spec.seed, spec.seed + spec.seeds)
    drawn = [draw_normals(sizes, torch.Generator().manual_seed(seed)) for seed in seeds]
    scale = {Start.SMALL: lambda z: z * spec.small_std, Start.RELU: scale_he}.get(
        start, scale_xavier
    )
    activation = Activation.RELU if start is Start.RELU else spec.activation
    networks = Networks.from_weights([[scale(z) for z in normals] for normals in drawn], activation)
    if start is Start.PRETRAINED:
        for seed, stack in enumerate(stacks):
            for i, trained in enumerate(stack.layers):
                networks.weights[i][seed] = trained.layer.weight
                networks.biases[i][seed, 0] = trained.layer.hidden
    return networks


def draw_batches(spec: FineTuning) -> Tensor:
    """Draw the labelled images that each seed's networks see, ``(steps, seeds, batch)``."""
    drawn = [
        torch.randint(
            spec.labelled,
            (spec.steps, spec.batch_size),
            generator=torch.Generator().manual_seed(seed),
        )
        for seed in range(spec.seed, spec.seed + spec.seeds)
    ]
    return torch.stack(drawn, 1)


def _follow_training(
    spec: FineTuning, start: Start, networks: Networks, splits: list[DigitSplit], advance: Progress
) -> TuningCourse:
    report = probe(
        networks.build_module(0),
        splits[0].images[: min(PROBED_IMAGES, spec.labelled)],
        splits[0].labels[: min(PROBED_IMAGES, spec.labelled)],
        title=STARTS[start].label,
    )
    images = torch.stack([split.images[: spec.labelled] for split in splits])
    labels = torch.stack([split.labels[: spec.labelled] for split in splits])
    held_out = torch.stack([split.held_out_images for split in splits])
    held_out_labels = torch.stack([split.held_out_labels for split in splits])
    offsets = (torch.arange(spec.seeds) * spec.labelled)[:, None]
    looks = sorted({round(i * spec.steps / LOOK_COUNT) for i in range(LOOK_COUNT + 1)})
    losses, accuracies, held_out_accuracies = [], [], []
    descent = train_networks(
        networks,
        draw_batches(spec) + offsets,
        images.flatten(0, 1),
        labels.flatten(),
        spec.tuning_rate,
        frozen=0,
    )
    for step in descent:
        if step in looks:
            advance(
                step / spec.steps,
                Text(
                    "fine-tuning, {start}: step {step} of {steps}",
                    start=Text(STARTS[start].label),
                    step=step,
                    steps=spec.steps,
                ),
            )
            with torch.no_grad():
                logits = networks.compute_logits(images)
                held_out_logits = networks.compute_logits(held_out)
            losses.append(measure_losses(logits, labels).double().numpy())
            accuracies.append(measure_accuracies(logits, labels).numpy())
            held_out_accuracies.append(measure_accuracies(held_out_logits, held_out_labels).numpy())
    loss, accuracy, held_out_accuracy = (
        np.stack(columns, 1) for columns in (losses, accuracies, held_out_accuracies)
    )
    return TuningCourse(start, np.array(looks), loss, accuracy, held_out_accuracy, report)
