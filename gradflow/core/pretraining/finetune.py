"""The same network on the same digits from pretrained and from random weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gradflow.core.catalog import Activation
from gradflow.core.pretraining.digits import CLASSES, PIXELS, DigitSplit, split_digits
from gradflow.core.histogram import FloatArray
from gradflow.core.pretraining.greedy import PretrainedStack, Progress, pretrain
from gradflow.core.pretraining.networks import (
    Networks,
    train_networks,
    draw_normals,
    measure_accuracies,
    measure_losses,
    scale_he,
    scale_xavier,
)
from gradflow.core.pretraining.spec import STARTS, FineTuning, Start
from gradflow.core.probe import probe
from gradflow.core.report import Report
from gradflow.core.text import _

LOOK_COUNT = 25
"""Training is interrupted so many times to look at loss and accuracy."""
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
        accuracy: share of the labelled training images that are told right.
        held_out_accuracy: the same for the held-out images.
        report: the first seed's network before the first step.
    """

    start: Start
    steps: npt.NDArray[np.int64]
    loss: FloatArray
    accuracy: FloatArray
    held_out_accuracy: FloatArray
    report: Report


def fine_tune(spec: FineTuning, progress: Progress | None = None) -> tuple[TuningCourse, ...]:
    """Train from every chosen start, with ``spec.seeds`` seeds from ``spec.seed`` on.

    Args:
        spec: the stack and the training.
        progress: called between steps.
    """
    seeds = range(spec.seed, spec.seed + spec.seeds)
    splits = [split_digits(seed) for seed in seeds]
    pretrained = Start.PRETRAINED in spec.starts
    stacks = []
    for i, seed in enumerate(seeds if pretrained else ()):

        def tell(done: float, what: str, i: int = i) -> None:
            if progress:
                text = _("pretraining, seed {n} of {seeds}: {what}")
                progress(
                    _PRETRAINING_SHARE * (i + done) / spec.seeds,
                    text.format(n=i + 1, seeds=spec.seeds, what=what),
                )

        stacks.append(pretrain(spec.build_stack(seed), tell))
    share = (1 - _PRETRAINING_SHARE if pretrained else 1.0) / len(spec.starts)
    courses = []
    for i, code in enumerate(spec.starts):

        def advance(done: float, what: str, i: int = i) -> None:
            if progress:
                progress(1 - share * (len(spec.starts) - i - done), what)

        start = Start(code)
        networks = initialize_starts(spec, start, stacks)
        courses.append(_follow_training(spec, start, networks, splits, advance))
    return tuple(courses)


def initialize_starts(spec: FineTuning, start: Start, stacks: list[PretrainedStack]) -> Networks:
    """The networks of all seeds before training; ``stacks``: theirs, for the pretrained start."""
    sizes = [PIXELS, *[spec.width] * spec.layers, CLASSES]
    seeds = range(spec.seed, spec.seed + spec.seeds)
    drawn = [draw_normals(sizes, torch.Generator().manual_seed(seed)) for seed in seeds]
    scale = {Start.SMALL: lambda z: z * spec.small_std, Start.RELU: scale_he}.get(
        start, scale_xavier
    )
    activation = Activation.RELU if start is Start.RELU else spec.activation
    networks = Networks.from_weights([[scale(z) for z in one] for one in drawn], activation)
    if start is Start.PRETRAINED:
        for seed, stack in enumerate(stacks):
            for place, one in enumerate(stack.layers):
                networks.weights[place][seed] = one.layer.weight
                networks.biases[place][seed, 0] = one.layer.hidden
    return networks


def draw_batches(spec: FineTuning) -> Tensor:
    """Which of the labelled images each seed's networks see, ``(steps, seeds, batch)``."""
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
    label = _(STARTS[start].label)
    report = probe(
        networks.build_module(0),
        splits[0].images[: min(PROBED_IMAGES, spec.labelled)],
        splits[0].labels[: min(PROBED_IMAGES, spec.labelled)],
        title=label,
    )
    images, labels = (
        torch.stack([getattr(one, name)[: spec.labelled] for one in splits])
        for name in ("images", "labels")
    )
    held_out, held_out_labels = (
        torch.stack([getattr(one, f"held_out_{name}") for one in splits])
        for name in ("images", "labels")
    )
    offsets = (torch.arange(spec.seeds) * spec.labelled)[:, None]
    looks = sorted({round(i * spec.steps / LOOK_COUNT) for i in range(LOOK_COUNT + 1)})
    rows = []
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
            text = _("fine-tuning, {start}: step {step} of {steps}")
            advance(step / spec.steps, text.format(start=label, step=step, steps=spec.steps))
            with torch.no_grad():
                seen = networks.compute_logits(images)
                rows.append((
                    measure_losses(seen, labels).double().numpy(),
                    measure_accuracies(seen, labels).numpy(),
                    measure_accuracies(networks.compute_logits(held_out), held_out_labels).numpy(),
                ))  # fmt: skip
    loss, accuracy, held_out_accuracy = (np.stack(one, 1) for one in zip(*rows, strict=True))
    return TuningCourse(start, np.array(looks), loss, accuracy, held_out_accuracy, report)
