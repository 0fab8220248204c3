"""Batches of data, drawn from a seed on the CPU in float32; nothing is downloaded.

The drawing functions use only torch, and scikit-learn where it has the data, because ``to_code``
prints their source into the exported script.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradflow.core.catalog import Source
from gradflow.core.experiment import Data

DATA_SEED_OFFSET = 2**31
"""Added to the seed for the data; seeds are smaller, so data and weights never share a stream."""


@cache
def load_digit_images() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Load scikit-learn's 1797 images of 8×8 pixels, flat and standardized, and their labels."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 - slow, and only for this data

    images, labels = load_digits(return_X_y=True)
    return (images - images.mean()) / images.std(), labels


def draw_digits(batch_size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw some of scikit-learn's 8×8 digits; all pixels together have mean 0 and variance 1."""
    images, labels = load_digit_images()
    chosen = torch.randperm(len(labels), generator=generator)[:batch_size].numpy()
    return torch.tensor(images[chosen], dtype=torch.float32), torch.tensor(labels[chosen])


def draw_gaussian(
    batch_size: int, generator: torch.Generator, dimension: int, scale: float, correlation: float
) -> tuple[Tensor, Tensor]:
    """Draw x_i = scale·(√ρ·shared + √(1−ρ)·own_i), both N(0, 1), and labels of 10 classes."""
    own = torch.randn(batch_size, dimension, generator=generator)
    shared = torch.randn(dimension, generator=generator)
    inputs = scale * (math.sqrt(correlation) * shared + math.sqrt(1 - correlation) * own)
    return inputs, torch.randint(10, (batch_size,), generator=generator)


def draw_moons(batch_size: int, generator: torch.Generator, noise: float) -> tuple[Tensor, Tensor]:
    """Draw scikit-learn's two moons, each coordinate with mean 0 and variance 1."""
    from sklearn.datasets import make_moons  # noqa: PLC0415 - slow, and only for this data

    seed = int(torch.randint(2**31 - 1, (1,), generator=generator))
    points, labels = make_moons(batch_size, noise=noise, random_state=seed)
    return standardize(torch.tensor(points, dtype=torch.float32)), torch.tensor(labels)


def draw_spirals(
    batch_size: int, generator: torch.Generator, noise: float
) -> tuple[Tensor, Tensor]:
    """Draw two spirals r = t, angle 3πt + kπ, each coordinate with mean 0 and variance 1."""
    labels = torch.randint(2, (batch_size,), generator=generator)
    radius = torch.rand(batch_size, generator=generator).sqrt()
    angle = 3 * math.pi * radius + math.pi * labels
    points = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)
    points += noise * torch.randn(batch_size, 2, generator=generator)
    return standardize(points), labels


def standardize(points: Tensor) -> Tensor:
    """Give each column mean 0 and variance 1 (a constant column becomes 0)."""
    centred = points - points.mean(0)
    return centred / centred.square().mean(0).sqrt().clamp_min(1e-12)


DRAW: dict[Source, Callable[..., tuple[Tensor, Tensor]]] = {
    Source.DIGITS: draw_digits,
    Source.GAUSSIAN: draw_gaussian,
    Source.MOONS: draw_moons,
    Source.SPIRALS: draw_spirals,
}


def list_draw_arguments(spec: Data) -> dict[str, Any]:
    """List the keyword arguments of the drawing function of ``spec.source``."""
    names = ("dimension", "scale", "correlation", "noise")
    applicable = spec.list_applicable(dict(spec))
    return {name: getattr(spec, name) for name in names if name in applicable}


def draw_batch(spec: Data, seed: int) -> tuple[Tensor, Tensor]:
    """Draw inputs ``(batch, features)`` in float32 and class indices ``(batch,)``."""
    generator = torch.Generator().manual_seed(seed + DATA_SEED_OFFSET)
    return DRAW[spec.source](spec.batch_size, generator, **list_draw_arguments(spec))
