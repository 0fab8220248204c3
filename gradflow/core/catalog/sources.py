"""Data sets: one enum member and one table row each. The data itself is drawn in ``core.data``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gradflow.core.catalog.architectures import Architecture
from gradflow.core.catalog.choice import Choice
from gradflow.core.text import N_


class Source(StrEnum):
    """Codes of the data sets."""

    DIGITS = "digits"
    GAUSSIAN = "gaussian"
    MOONS = "moons"
    SPIRALS = "spirals"


@dataclass(frozen=True, kw_only=True)
class SourceChoice(Choice):
    """A row of ``SOURCES``.

    Attributes:
        features: input dimension; ``None`` where the spec's ``dimension`` gives it.
        classes: number of classes, the width of the readout.
        samples: how many samples exist; ``None`` where they are generated.
    """

    features: int | None
    classes: int
    samples: int | None = None


SOURCES: dict[Source, SourceChoice] = {
    Source.DIGITS: SourceChoice(
        label=N_("Handwritten digits"),
        help=N_("Real 8×8 images (scikit-learn), standardized; 10 classes, 1797 samples."),
        features=64,
        classes=10,
        samples=1797,
    ),
    Source.GAUSSIAN: SourceChoice(
        label=N_("Gaussian noise"),
        only=(Architecture.MLP, Architecture.CONV),
        help=N_("Normal numbers (images of 3 channels for convolutions), with random labels."),
        parameters=("dimension", "scale", "correlation"),
        features=None,
        classes=10,
    ),
    Source.MOONS: SourceChoice(
        label=N_("Two moons"),
        help=N_("Two interleaved half circles in the plane, standardized; 2 classes."),
        parameters=("noise",),
        only=(Architecture.MLP,),
        features=2,
        classes=2,
    ),
    Source.SPIRALS: SourceChoice(
        label=N_("Two spirals"),
        help=N_("Two intertwined spirals in the plane, standardized; 2 classes."),
        parameters=("noise",),
        only=(Architecture.MLP,),
        features=2,
        classes=2,
    ),
}
