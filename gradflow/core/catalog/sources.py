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
    TEACHER = "teacher"
    MOONS = "moons"
    SPIRALS = "spirals"


class Inputs(StrEnum):
    """Codes of the units that inputs come in."""

    STANDARDIZED = "standardized"
    RAW = "raw"


class Targets(StrEnum):
    """Codes of what a network is asked for."""

    CLASSES = "classes"
    BINARY = "binary"
    NUMBERS = "numbers"


@dataclass(frozen=True, kw_only=True)
class SourceChoice(Choice):
    """A row of ``SOURCES``.

    Attributes:
        features: input dimension; ``None`` where the spec's ``dimension`` gives it.
        classes: number of classes.
        samples: how many samples exist; ``None`` where they are generated.
        learnable: whether its labels depend on the inputs.
    """

    features: int | None
    classes: int
    samples: int | None = None
    learnable: bool = True


@dataclass(frozen=True, kw_only=True)
class TargetsChoice(Choice):
    """A row of ``TARGETS``.

    Attributes:
        outputs: the width of the readout; ``None``: one unit per class.
    """

    outputs: int | None = None


SOURCES: dict[Source, SourceChoice] = {
    Source.DIGITS: SourceChoice(
        label=N_("Handwritten digits"),
        help=N_("Real 8×8 images (scikit-learn); 10 classes, 1797 samples."),
        parameters=("inputs",),
        features=64,
        classes=10,
        samples=1797,
    ),
    Source.GAUSSIAN: SourceChoice(
        label=N_("Gaussian noise"),
        only=(Architecture.MLP, Architecture.CONV),
        help=N_(
            "Normal numbers (images of 3 channels for convolutions), with random answers: they can "
            "only be learned by heart."
        ),
        parameters=("dimension", "correlation"),
        features=None,
        classes=10,
        learnable=False,
    ),
    Source.TEACHER: SourceChoice(
        label=N_("Gaussian, learnable"),
        only=(Architecture.MLP, Architecture.CONV),
        help=N_(
            "The same numbers, with the answers of a random network, the teacher: they depend on "
            "the inputs, so that they can be learned."
        ),
        parameters=("dimension", "correlation"),
        features=None,
        classes=10,
    ),
    Source.MOONS: SourceChoice(
        label=N_("Two moons"),
        help=N_("Two interleaved half circles in the plane; 2 classes."),
        parameters=("noise", "inputs"),
        only=(Architecture.MLP,),
        features=2,
        classes=2,
    ),
    Source.SPIRALS: SourceChoice(
        label=N_("Two spirals"),
        help=N_("Two intertwined spirals in the plane; 2 classes."),
        parameters=("noise", "inputs"),
        only=(Architecture.MLP,),
        features=2,
        classes=2,
    ),
}

INPUTS: dict[Inputs, Choice] = {
    Inputs.STANDARDIZED: Choice(
        label=N_("Standardized"), help=N_("Mean 0 and variance 1, as every recipe begins.")
    ),
    Inputs.RAW: Choice(
        label=N_("Raw"), help=N_("As they are stored: pixels from 0 to 16, points in the plane.")
    ),
}

TARGETS: dict[Targets, TargetsChoice] = {
    Targets.CLASSES: TargetsChoice(
        label=N_("Classes"), help=N_("Which class it is: the readout has a unit for each.")
    ),
    Targets.BINARY: TargetsChoice(
        label=N_("Yes or no"),
        help=N_(
            "Whether it is one of the second half of the classes (digits from 5, the second moon): "
            "0 or 1, for a readout of one unit."
        ),
        outputs=1,
    ),
    Targets.NUMBERS: TargetsChoice(
        label=N_("Real numbers"),
        help=N_(
            "Regression with one output: a smooth function of the inputs, that of a random network."
        ),
        parameters=("target_scale", "target_offset"),
        outputs=1,
    ),
}
