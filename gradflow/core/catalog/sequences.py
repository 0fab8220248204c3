"""Sequence data, and the steps that the loss counts: one enum member and one table row each.

The data itself is drawn in ``core.recurrent.data``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gradflow.core.catalog.choice import Choice
from gradflow.core.text import N_

SYMBOLS = 8
"""Symbols of the copy task; its inputs also have a blank and a delimiter."""


class SequenceSource(StrEnum):
    """Codes of the sequence data."""

    DIGIT_ROWS = "digit_rows"
    DIGIT_PIXELS = "digit_pixels"
    ADDING = "adding"
    COPY = "copy"
    NOISE = "noise"


class LossAt(StrEnum):
    """Codes of the steps at which the loss is computed."""

    LAST = "last"
    EVERY = "every"


@dataclass(frozen=True, kw_only=True)
class SequenceChoice(Choice):
    """A row of ``SEQUENCE_SOURCES``.

    Attributes:
        features: numbers per step; ``None`` where the spec's ``features`` gives it.
        outputs: units of the readout.
        steps: length of the sequences; ``None`` where the spec's ``length`` gives it.
        regression: mean squared error to a number; else cross-entropy over classes.
        samples: how many sequences exist; ``None`` where they are generated.
    """

    features: int | None
    outputs: int
    steps: int | None = None
    regression: bool = False
    samples: int | None = None


SEQUENCE_SOURCES: dict[SequenceSource, SequenceChoice] = {
    SequenceSource.DIGIT_ROWS: SequenceChoice(
        label=N_("Digits, row by row"),
        help=N_("Real 8×8 images (scikit-learn): 8 steps of 8 pixels; 10 classes."),
        features=8,
        outputs=10,
        steps=8,
        samples=1797,
    ),
    SequenceSource.DIGIT_PIXELS: SequenceChoice(
        label=N_("Digits, pixel by pixel"),
        help=N_("The same images as 64 steps of one pixel; 10 classes."),
        features=1,
        outputs=10,
        steps=64,
        samples=1797,
    ),
    SequenceSource.ADDING: SequenceChoice(
        label=N_("Adding problem"),
        help=N_("Random numbers, two of them marked: the answer is the sum of these two."),
        parameters=("length",),
        features=2,
        outputs=1,
        regression=True,
    ),
    SequenceSource.COPY: SequenceChoice(
        label=N_("Copy task"),
        help=N_("Symbols at the start have to be repeated at the end, after a long blank."),
        parameters=("length", "recall"),
        features=SYMBOLS + 2,
        outputs=SYMBOLS + 1,
    ),
    SequenceSource.NOISE: SequenceChoice(
        label=N_("Gaussian noise"),
        help=N_("Independent normal numbers at every step, with random labels in 10 classes."),
        parameters=("length", "features"),
        features=None,
        outputs=10,
    ),
}

LOSS_AT: dict[LossAt, Choice] = {
    LossAt.LAST: Choice(
        label=N_("Last step"),
        help=N_("Only where the answer is due: the last step, in the copy task the recall."),
    ),
    LossAt.EVERY: Choice(
        label=N_("Every step"),
        help=N_("The mean over all steps: each of them feeds gradient in."),
    ),
}
