"""Kinds of networks: one enum member and one table row each; their specs are in ``core.specs``."""

from __future__ import annotations

from enum import StrEnum

from gradflow.core.catalog.choice import Choice
from gradflow.core.text import N_


class Architecture(StrEnum):
    """Codes of the kinds of networks."""

    MLP = "mlp"
    CONV = "conv"
    TRANSFORMER = "transformer"


ARCHITECTURES: dict[Architecture, Choice] = {
    Architecture.MLP: Choice(
        label=N_("Fully connected"), help=N_("Every unit sees all units of the layer before.")
    ),
    Architecture.CONV: Choice(
        label=N_("Convolutional"),
        help=N_("Images: every output sees a small window, with the same weights everywhere."),
    ),
    Architecture.TRANSFORMER: Choice(
        label=N_("Transformer"),
        help=N_(
            "An image as a sequence of its rows: attention and two-layer perceptrons, added to a "
            "residual stream."
        ),
    ),
}
