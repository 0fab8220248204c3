"""Seeded batches of sequences. Everything is drawn on the CPU in float32.

Time comes first: inputs have the shape ``(T, B, features)`` and targets, an answer at every step,
``(T, B)``. The drawing functions use torch and the digits only: the exported script prints them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from gradflow.core.catalog import SequenceSource
from gradflow.core.catalog.sequences import SYMBOLS
from gradflow.core.data import DATA_SEED_OFFSET, draw_digits
from gradflow.core.recurrent.spec import Sequences


def draw_digit_rows(batch_size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw digits as 8 steps of the 8 pixels of a row; the label is due at every step."""
    images, labels = draw_digits(batch_size, generator)
    return images.reshape(batch_size, 8, 8).transpose(0, 1).contiguous(), labels.repeat(8, 1)


def draw_digit_pixels(batch_size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw digits as 64 steps of one pixel; the label is due at every step."""
    images, labels = draw_digits(batch_size, generator)
    return images.T.reshape(64, batch_size, 1).contiguous(), labels.repeat(64, 1)


def draw_adding(batch_size: int, generator: torch.Generator, length: int) -> tuple[Tensor, Tensor]:
    """Draw the adding problem (Hochreiter & Schmidhuber 1997, in the form of Le et al. 2015).

    Inputs are a value from U(0, 1) and a mark, 1 at one random step of each half of the sequence
    and else 0. The answer at step t is the sum of the marked values up to t; at the last step,
    of both. Always answering 1 has the mean squared error 1/6 there.
    """
    values = torch.rand(length, batch_size, generator=generator)
    first = torch.randint(length // 2, (batch_size,), generator=generator)
    second = torch.randint(length // 2, length, (batch_size,), generator=generator)
    steps = torch.arange(length)[:, None]
    marks = ((steps == first) | (steps == second)).float()
    return torch.stack([values, marks], dim=2), (values * marks).cumsum(0)


def draw_copy(
    batch_size: int, generator: torch.Generator, length: int, recall: int
) -> tuple[Tensor, Tensor]:
    """Draw the copy task (Hochreiter & Schmidhuber 1997; Arjovsky et al. 2016), one-hot.

    ``recall`` random symbols of 8, blanks (8), one delimiter (9) that starts the recall, blanks.
    The answer is blank until then and repeats the symbols at the last ``recall`` steps.
    """
    symbols = torch.randint(SYMBOLS, (recall, batch_size), generator=generator)
    inputs = torch.full((length, batch_size), SYMBOLS)
    inputs[:recall] = symbols
    inputs[length - recall - 1] = SYMBOLS + 1
    answers = torch.full((length, batch_size), SYMBOLS)
    answers[length - recall :] = symbols
    return F.one_hot(inputs, SYMBOLS + 2).float(), answers


def draw_noise(
    batch_size: int, generator: torch.Generator, length: int, features: int
) -> tuple[Tensor, Tensor]:
    """Draw independent x_t ~ N(0, 1), and labels of 10 classes, the same at every step."""
    inputs = torch.randn(length, batch_size, features, generator=generator)
    return inputs, torch.randint(10, (batch_size,), generator=generator).repeat(length, 1)


DRAW: dict[SequenceSource, Callable[..., tuple[Tensor, Tensor]]] = {
    SequenceSource.DIGIT_ROWS: draw_digit_rows,
    SequenceSource.DIGIT_PIXELS: draw_digit_pixels,
    SequenceSource.ADDING: draw_adding,
    SequenceSource.COPY: draw_copy,
    SequenceSource.NOISE: draw_noise,
}


def select_arguments(spec: Sequences) -> dict[str, Any]:
    """Select the keyword arguments of the drawing function of ``spec.source``."""
    return {name: getattr(spec, name) for name in spec.row.parameters}


def draw_sequences(spec: Sequences, seed: int) -> tuple[Tensor, Tensor]:
    """Draw inputs ``(T, B, features)`` in float32 and targets ``(T, B)``, numbers or classes."""
    generator = torch.Generator().manual_seed(seed + DATA_SEED_OFFSET)
    return DRAW[spec.source](spec.batch_size, generator, **select_arguments(spec))
