"""The digits with pixels in [0, 1], split into training images and held-out ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from gradflow.core.data import DATA_SEED_OFFSET, load_digit_images

TRAINING, HELD_OUT = 1297, 500
PIXELS, CLASSES = 64, 10
_MAX_PIXEL = 16
"""scikit-learn's pixels are whole numbers from 0 to 16."""


@dataclass(frozen=True, eq=False)
class DigitSplit:
    """Images ``(n, 64)`` in float32 with pixels in [0, 1], and labels ``(n,)``, in random order."""

    images: Tensor
    labels: Tensor
    held_out_images: Tensor
    held_out_labels: Tensor


@cache
def _load_digits() -> tuple[Tensor, Tensor]:
    images, labels = load_digit_images(raw=True)
    return torch.tensor(images / _MAX_PIXEL, dtype=torch.float32), torch.tensor(labels)


def split_digits(seed: int) -> DigitSplit:
    """Split the digits by ``seed``: 1297 images to train on, and 500 held out."""
    images, labels = _load_digits()
    generator = torch.Generator().manual_seed(seed + DATA_SEED_OFFSET)
    order = torch.randperm(len(labels), generator=generator)
    training, held_out = order[:TRAINING], order[TRAINING:]
    return DigitSplit(images[training], labels[training], images[held_out], labels[held_out])
