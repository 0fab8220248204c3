"""Batches of data, drawn from a seed on the CPU in float32; nothing is downloaded.

The drawing functions use only torch, and scikit-learn where it has the data, because ``to_code``
prints their source into the exported script.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradflow.core.catalog import SOURCES, Inputs, Source, Targets
from gradflow.core.experiment import Data

DATA_SEED_OFFSET = 2**31
"""Added to the seed for the data; seeds are smaller, so data and weights never share a stream."""
ANSWER_SEED_OFFSET = 2**34
"""Added to the seed for a teacher: the same for every size of the batch."""


@cache
def load_digit_images(raw: bool = False) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Load scikit-learn's 1797 images of 8×8 pixels, flat, and their labels.

    Pixels are standardized, all together, or raw: whole numbers from 0 to 16. Only the file is
    read: to import scikit-learn takes a second and 65 MB.
    """
    library = find_spec("sklearn")
    assert library is not None
    assert library.origin is not None
    path = Path(library.origin).parent / "datasets/data/digits.csv.gz"
    table = np.loadtxt(path, delimiter=",")
    images, labels = table[:, :-1], table[:, -1].astype(np.int64)
    return images if raw else (images - images.mean()) / images.std(), labels


def draw_digits(
    batch_size: int, generator: torch.Generator, raw: bool = False
) -> tuple[Tensor, Tensor]:
    """Draw some of scikit-learn's 8×8 digits; all pixels together have mean 0 and variance 1."""
    images, labels = load_digit_images(raw)
    chosen = torch.randperm(len(labels), generator=generator)[:batch_size].numpy()
    return torch.tensor(images[chosen], dtype=torch.float32), torch.tensor(labels[chosen])


def draw_gaussian(
    batch_size: int, generator: torch.Generator, dimension: int, correlation: float
) -> tuple[Tensor, Tensor]:
    """Draw x_i = √ρ·shared + √(1−ρ)·own_i, both N(0, 1), and random labels of 10 classes."""
    own = torch.randn(batch_size, dimension, generator=generator)
    shared = torch.randn(dimension, generator=generator)
    inputs = math.sqrt(correlation) * shared + math.sqrt(1 - correlation) * own
    return inputs, torch.randint(10, (batch_size,), generator=generator)


def draw_moons(
    batch_size: int, generator: torch.Generator, noise: float, raw: bool = False
) -> tuple[Tensor, Tensor]:
    """Draw scikit-learn's two moons, each coordinate with mean 0 and variance 1 unless raw."""
    from sklearn.datasets import make_moons  # noqa: PLC0415 - slow, and only for this data

    seed = int(torch.randint(2**31 - 1, (1,), generator=generator))
    points, labels = make_moons(batch_size, noise=noise, random_state=seed)
    inputs = torch.tensor(points, dtype=torch.float32)
    return inputs if raw else standardize(inputs), torch.tensor(labels)


def draw_spirals(
    batch_size: int, generator: torch.Generator, noise: float, raw: bool = False
) -> tuple[Tensor, Tensor]:
    """Draw two spirals r = t, angle 3πt + kπ; standardized as the moons are, unless raw."""
    labels = torch.randint(2, (batch_size,), generator=generator)
    radius = torch.rand(batch_size, generator=generator).sqrt()
    angle = 3 * math.pi * radius + math.pi * labels
    points = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)
    points += noise * torch.randn(batch_size, 2, generator=generator)
    return points if raw else standardize(points), labels


def standardize(points: Tensor) -> Tensor:
    """Give each column mean 0 and variance 1 (a constant column becomes 0)."""
    centred = points - points.mean(0)
    return centred / centred.square().mean(0).sqrt().clamp_min(1e-12)


def ask_teacher(inputs: Tensor, outputs: int, generator: torch.Generator) -> Tensor:
    """Ask a random network with 32 tanh units, the teacher, about every sample.

    It sees standardized inputs, so that the answers do not depend on their units. Each of its
    outputs has mean 0 and variance 1 over the samples, unless there is only one sample.
    """
    features, units = inputs.shape[1], 32
    first = torch.randn(features, units, generator=generator) / math.sqrt(features)
    bias = torch.randn(units, generator=generator)
    last = torch.randn(units, outputs, generator=generator) / math.sqrt(units)
    answers = torch.tanh(standardize(inputs) @ first + bias) @ last
    return standardize(answers) if len(answers) > 1 else answers


def draw_numbers(inputs: Tensor, outputs: int, generator: torch.Generator) -> Tensor:
    """Draw answers from N(0, 1), whatever the inputs."""
    return torch.randn(len(inputs), outputs, generator=generator)


DRAW: dict[Source, Callable[..., tuple[Tensor, Tensor]]] = {
    Source.DIGITS: draw_digits,
    Source.GAUSSIAN: draw_gaussian,
    Source.TEACHER: draw_gaussian,
    Source.MOONS: draw_moons,
    Source.SPIRALS: draw_spirals,
}


def list_draw_arguments(spec: Data) -> dict[str, Any]:
    """List the keyword arguments of the drawing function of ``spec.source``."""
    names = ("dimension", "correlation", "noise")
    applicable = spec.list_applicable(dict(spec))
    arguments = {name: getattr(spec, name) for name in names if name in applicable}
    return arguments | ({"raw": True} if spec.inputs is Inputs.RAW else {})


def find_answers(spec: Data) -> Callable[[Tensor, int, torch.Generator], Tensor] | None:
    """Find what makes the targets in place of the labels that are drawn with the inputs."""
    if spec.targets is Targets.NUMBERS:
        return ask_teacher if SOURCES[spec.source].learnable else draw_numbers
    return ask_teacher if spec.source is Source.TEACHER else None


def draw_batch(spec: Data, seed: int) -> tuple[Tensor, Tensor]:
    """Draw inputs ``(batch, features)`` in float32 and targets.

    Targets are class indices or 0 and 1 ``(batch,)``, or numbers ``(batch, 1)`` in float32.
    """
    generator = torch.Generator().manual_seed(seed + DATA_SEED_OFFSET)
    inputs, targets = DRAW[spec.source](spec.batch_size, generator, **list_draw_arguments(spec))
    numbers, answer = spec.targets is Targets.NUMBERS, find_answers(spec)
    if answer is not None:
        generator = torch.Generator().manual_seed(seed + ANSWER_SEED_OFFSET)
        targets = answer(inputs, 1 if numbers else spec.classes, generator)
    if numbers:
        targets = spec.target_scale * targets + spec.target_offset
    elif answer is not None:
        targets = targets.argmax(1)
    if spec.targets is Targets.BINARY:
        targets = (targets >= spec.classes // 2).long()
    return spec.scale * inputs + spec.offset, targets
