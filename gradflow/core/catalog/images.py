"""Padding of images and their downsampling: one enum member and one table row each."""

from __future__ import annotations

from enum import StrEnum

from gradflow.core.catalog.choice import Choice
from gradflow.core.text import N_


class Padding(StrEnum):
    """Codes of the values beyond the border of an image."""

    ZERO = "zero"
    CIRCULAR = "circular"


class Downsampling(StrEnum):
    """Codes of the ways to halve an image between two stages."""

    NONE = "none"
    STRIDE = "stride"
    MAX_POOL = "max_pool"
    AVERAGE_POOL = "average_pool"


PADDINGS: dict[Padding, Choice] = {
    Padding.ZERO: Choice(
        label=N_("Zero"), help=N_("Zeros around the image: the signal loses power at the border.")
    ),
    Padding.CIRCULAR: Choice(
        label=N_("Circular"), help=N_("The opposite border continues the image: nothing is lost.")
    ),
}

DOWNSAMPLINGS: dict[Downsampling, Choice] = {
    Downsampling.NONE: Choice(label=N_("None"), help=N_("All layers see the image in full size.")),
    Downsampling.STRIDE: Choice(
        label=N_("Stride 2"),
        help=N_("The first convolution of a stage visits every second pixel."),
        parameters=("stages",),
    ),
    Downsampling.MAX_POOL: Choice(
        label=N_("Max pooling"),
        help=N_("Between stages only the largest of 2×2 pixels is kept; it gets all the gradient."),
        parameters=("stages",),
    ),
    Downsampling.AVERAGE_POOL: Choice(
        label=N_("Average pooling"),
        help=N_("Between stages 2×2 pixels are averaged; each gets a quarter of the gradient."),
        parameters=("stages",),
    ),
}
