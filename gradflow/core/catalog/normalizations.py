"""Normalization layers, their positions and modes: one enum member and one table row each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import torch
from torch import Tensor, nn

from gradflow.core.catalog.architectures import Architecture
from gradflow.core.catalog.choice import Choice
from gradflow.core.text import N_


class Normalization(StrEnum):
    """Codes of the normalizations."""

    NONE = "none"
    BATCH = "batch"
    LAYER = "layer"
    RMS = "rms"
    INSTANCE = "instance"
    GROUP = "group"


class NormPosition(StrEnum):
    """Where the normalization stands."""

    BEFORE = "before"
    AFTER = "after"


class NormPlacement(StrEnum):
    """Where layer normalization stands in a transformer block."""

    PRE = "pre"
    POST = "post"
    NONE = "none"


class NormMode(StrEnum):
    """Which statistics batch normalization uses."""

    TRAINING = "training"
    EVALUATION = "evaluation"


class NormalizationParameters(Protocol):
    """What rows of ``NORMALIZATIONS`` read of a network's settings."""

    @property
    def groups(self) -> int:
        """Groups of units that group normalization makes."""


@dataclass(frozen=True, kw_only=True)
class NormalizationChoice(Choice):
    """A row of ``NORMALIZATIONS``.

    Attributes:
        module: makes the layer for ``(spec, width)``.
        code: source of a function from the width to the layer, for the exported script.
        image_module, image_code: ``module`` and ``code`` for images of ``width`` channels, with
            statistics over the pixels too.
    """

    module: Callable[[NormalizationParameters, int], nn.Module] | None = None
    code: str = "None"
    image_module: Callable[[NormalizationParameters, int], nn.Module] | None = None
    image_code: str = "None"


class ImageRMSNorm(nn.RMSNorm):
    """x / √(mean of x² + ε) over the channels and pixels of each sample, times γ per channel.

    ε is the number format's own, as in ``nn.RMSNorm``.
    """

    def __init__(self, channels: int) -> None:
        super().__init__((channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, channels, height, width)`` to the same shape."""
        power = x.square().mean((1, 2, 3), keepdim=True)
        return x * torch.rsqrt(power + torch.finfo(x.dtype).eps) * self.weight


NORMALIZATIONS: dict[Normalization, NormalizationChoice] = {
    Normalization.NONE: NormalizationChoice(
        label=N_("None"), help=N_("The signal goes through as it is.")
    ),
    Normalization.BATCH: NormalizationChoice(
        label="BatchNorm",
        help=N_("Each unit (each channel of images) gets mean 0 and variance 1 over the batch."),
        parameters=("norm_position", "norm_mode"),
        module=lambda spec, width: nn.BatchNorm1d(width),
        code="lambda width: nn.BatchNorm1d(width)",
        image_module=lambda spec, width: nn.BatchNorm2d(width),
        image_code="lambda width: nn.BatchNorm2d(width)",
    ),
    Normalization.LAYER: NormalizationChoice(
        label="LayerNorm",
        help=N_("Each sample gets mean 0 and variance 1 over the units of the layer."),
        parameters=("norm_position",),
        module=lambda spec, width: nn.LayerNorm(width),
        code="lambda width: nn.LayerNorm(width)",
        image_module=lambda spec, width: nn.GroupNorm(1, width),
        image_code="lambda width: nn.GroupNorm(1, width)",
    ),
    Normalization.RMS: NormalizationChoice(
        label="RMSNorm",
        help=N_("Each sample is divided by its root mean square over the units."),
        parameters=("norm_position",),
        module=lambda spec, width: nn.RMSNorm(width),
        code="lambda width: nn.RMSNorm(width)",
        image_module=lambda spec, width: ImageRMSNorm(width),
        image_code="lambda width: ImageRMSNorm(width)",
    ),
    Normalization.INSTANCE: NormalizationChoice(
        label="InstanceNorm",
        help=N_("Each channel of each sample gets mean 0 and variance 1 over its pixels."),
        parameters=("norm_position",),
        only=(Architecture.CONV,),
        image_module=lambda spec, width: nn.InstanceNorm2d(width, affine=True),
        image_code="lambda width: nn.InstanceNorm2d(width, affine=True)",
    ),
    Normalization.GROUP: NormalizationChoice(
        label="GroupNorm",
        help=N_("Like LayerNorm, within groups of units."),
        parameters=("norm_position", "groups"),
        module=lambda spec, width: nn.GroupNorm(spec.groups, width),
        code="lambda width: nn.GroupNorm({groups}, width)",
        image_module=lambda spec, width: nn.GroupNorm(spec.groups, width),
        image_code="lambda width: nn.GroupNorm({groups}, width)",
    ),
}

NORM_POSITIONS: dict[NormPosition, Choice] = {
    NormPosition.BEFORE: Choice(
        label=N_("Before the activation"), help=N_("Weights → norm → activation.")
    ),
    NormPosition.AFTER: Choice(
        label=N_("After the activation"), help=N_("Weights → activation → norm.")
    ),
}

NORM_PLACEMENTS: dict[NormPlacement, Choice] = {
    NormPlacement.PRE: Choice(
        label="Pre-LN",
        help=N_("Norm before attention and perceptron; nothing stands on the residual stream."),
    ),
    NormPlacement.POST: Choice(
        label="Post-LN",
        help=N_("Norm after each addition, as in the first transformer: it rescales the stream."),
    ),
    NormPlacement.NONE: Choice(label=N_("None"), help=N_("No normalization anywhere.")),
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
