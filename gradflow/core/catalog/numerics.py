"""Losses, number formats and devices: one enum member and one table row each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor
from torch.nn import functional as F

from gradflow.core.catalog.choice import Choice
from gradflow.core.text import N_


class Loss(StrEnum):
    """Codes of the loss functions."""

    CROSS_ENTROPY = "cross_entropy"
    MSE = "mse"


class DType(StrEnum):
    """Codes of the number formats."""

    FLOAT64 = "float64"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


class Device(StrEnum):
    """Codes of the devices."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


def cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Compute the mean over the batch of −log softmax(outputs)[target]; half formats in float32."""
    return F.cross_entropy(widen(outputs), targets)


def mse(outputs: Tensor, targets: Tensor) -> Tensor:
    """Compute the mean of (output − one-hot target)² over batch and outputs; halves in float32."""
    outputs = widen(outputs)
    return F.mse_loss(outputs, F.one_hot(targets, outputs.shape[1]).to(outputs.dtype))


def widen(outputs: Tensor) -> Tensor:
    """Convert half formats to float32, in which every mixed-precision recipe computes the loss."""
    return outputs.float() if outputs.dtype in (torch.float16, torch.bfloat16) else outputs


@dataclass(frozen=True, kw_only=True)
class LossChoice(Choice):
    """A row of ``LOSSES``; ``function(outputs, class_indices)`` gives the scalar loss."""

    function: Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class DTypeChoice(Choice):
    """A row of ``DTYPES``."""

    dtype: torch.dtype


LOSSES: dict[Loss, LossChoice] = {
    Loss.CROSS_ENTROPY: LossChoice(
        label=N_("Cross-entropy"),
        help=N_("Classification: −log of the probability given to the true class."),
        function=cross_entropy,
    ),
    Loss.MSE: LossChoice(
        label=N_("Mean squared error"),
        help=N_("Squared distance to the one-hot target, averaged over batch and outputs."),
        function=mse,
    ),
}

DTYPES: dict[DType, DTypeChoice] = {
    DType.FLOAT64: DTypeChoice(
        label="float64", help=N_("Double precision, down to 5·10⁻³²⁴."), dtype=torch.float64
    ),
    DType.FLOAT32: DTypeChoice(
        label="float32", help=N_("Single precision, down to 1·10⁻⁴⁵."), dtype=torch.float32
    ),
    DType.BFLOAT16: DTypeChoice(
        label="bfloat16",
        help=N_("The range of float32 with only 8 bits of precision."),
        dtype=torch.bfloat16,
    ),
    DType.FLOAT16: DTypeChoice(
        label="float16",
        help=N_("Down to 6·10⁻⁸ and up to 65,504 only: small gradients become exactly zero."),
        parameters=("loss_scale",),
        dtype=torch.float16,
    ),
}

DEVICES: dict[Device, Choice] = {
    Device.AUTO: Choice(label=N_("Automatic"), help=N_("A GPU if there is one, else the CPU.")),
    Device.CPU: Choice(label="CPU", help=N_("The processor.")),
    Device.CUDA: Choice(label="GPU (CUDA)", help=N_("An NVIDIA GPU.")),
}
