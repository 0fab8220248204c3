"""Normalization layers and where they stand: one enum member and one table row each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from torch import nn

from gradflow.core.catalog.choice import Choice
from gradflow.core.text import N_

if TYPE_CHECKING:
    from gradflow.core.experiment import MLP


class Normalization(StrEnum):
    """Codes of the normalizations."""

    NONE = "none"
    BATCH = "batch"
    LAYER = "layer"
    RMS = "rms"
    GROUP = "group"


class NormPosition(StrEnum):
    """Where the normalization stands."""

    BEFORE = "before"
    AFTER = "after"


class NormMode(StrEnum):
    """Which statistics batch normalization uses."""

    TRAINING = "training"
    EVALUATION = "evaluation"


@dataclass(frozen=True, kw_only=True)
class NormalizationChoice(Choice):
    """A row of ``NORMALIZATIONS``; ``module(spec, width)`` builds the layer.

    ``code`` is the same as an expression for the exported script.
    """

    module: Callable[[MLP, int], nn.Module] | None
    code: str


NORMALIZATIONS: dict[Normalization, NormalizationChoice] = {
    Normalization.NONE: NormalizationChoice(
        label=N_("None"), help=N_("The signal goes through as it is."), module=None, code="None"
    ),
    Normalization.BATCH: NormalizationChoice(
        label="BatchNorm",
        help=N_("Each unit gets mean 0 and variance 1 over the batch."),
        parameters=("norm_position", "norm_mode"),
        module=lambda spec, width: nn.BatchNorm1d(width),
        code="lambda width: nn.BatchNorm1d(width)",
    ),
    Normalization.LAYER: NormalizationChoice(
        label="LayerNorm",
        help=N_("Each sample gets mean 0 and variance 1 over the units of the layer."),
        parameters=("norm_position",),
        module=lambda spec, width: nn.LayerNorm(width),
        code="lambda width: nn.LayerNorm(width)",
    ),
    Normalization.RMS: NormalizationChoice(
        label="RMSNorm",
        help=N_("Each sample is divided by its root mean square over the units."),
        parameters=("norm_position",),
        module=lambda spec, width: nn.RMSNorm(width),
        code="lambda width: nn.RMSNorm(width)",
    ),
    Normalization.GROUP: NormalizationChoice(
        label="GroupNorm",
        help=N_("Like LayerNorm, within groups of units."),
        parameters=("norm_position", "groups"),
        module=lambda spec, width: nn.GroupNorm(spec.groups, width),
        code="lambda width: nn.GroupNorm({groups}, width)",
    ),
}

NORM_POSITIONS: dict[NormPosition, Choice] = {
    NormPosition.BEFORE: Choice(
        label=N_("Before the activation"), help=N_("Linear → norm → activation.")
    ),
    NormPosition.AFTER: Choice(
        label=N_("After the activation"), help=N_("Linear → activation → norm.")
    ),
}

NORM_MODES: dict[NormMode, Choice] = {
    NormMode.TRAINING: Choice(
        label=N_("Training"), help=N_("Statistics of this batch; gradients flow through them.")
    ),
    NormMode.EVALUATION: Choice(
        label=N_("Evaluation"),
        help=N_("Running statistics; at initialization (mean 0, variance 1) it changes nothing."),
    ),
}
