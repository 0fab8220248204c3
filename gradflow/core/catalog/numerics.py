"""Losses, number formats and devices: one enum member and one table row each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor
from torch.nn import functional as F

from gradflow.core.catalog.choice import Choice
from gradflow.core.catalog.sources import Targets
from gradflow.core.text import N_


class Loss(StrEnum):
    """Codes of the loss functions."""

    CROSS_ENTROPY = "cross_entropy"
    MSE = "mse"
    L1 = "l1"
    BCE_WITH_LOGITS = "bce_with_logits"
    BCE = "bce"


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
    """Compute the mean of (output − target)² over batch and outputs; half formats in float32."""
    outputs = widen(outputs)
    return F.mse_loss(outputs, spread_targets(targets, outputs))


def l1(outputs: Tensor, targets: Tensor) -> Tensor:
    """Compute the mean of |output − target| over batch and outputs; half formats in float32."""
    outputs = widen(outputs)
    return F.l1_loss(outputs, spread_targets(targets, outputs))


def bce_with_logits(outputs: Tensor, targets: Tensor) -> Tensor:
    """Compute the mean of −log σ(output) for targets of 1, −log(1 − σ(output)) for those of 0."""
    outputs = widen(outputs)
    return F.binary_cross_entropy_with_logits(outputs, spread_targets(targets, outputs))


def bce(outputs: Tensor, targets: Tensor) -> Tensor:
    """Compute the mean of −log output for targets of 1, and of −log(1 − output) for those of 0.

    Logarithms end at −100, as in PyTorch. NaN, which PyTorch refuses, stays NaN.
    """
    outputs = widen(outputs)
    broken = outputs.isnan()
    known = outputs.masked_fill(broken, 0.5)
    losses = F.binary_cross_entropy(known, spread_targets(targets, outputs), reduction="none")
    return losses.masked_fill(broken, float("nan")).mean()


def spread_targets(targets: Tensor, outputs: Tensor) -> Tensor:
    """Give targets the shape of the outputs: numbers as they are, classes as 0 and 1.

    Of several outputs that of the class is 1; a single output is the class itself, 0 or 1.
    """
    if not targets.is_floating_point() and outputs.shape[1] > 1:
        targets = F.one_hot(targets, outputs.shape[1])
    return targets.view_as(outputs).to(outputs.dtype)


def widen(outputs: Tensor) -> Tensor:
    """Convert half formats to float32, in which every mixed-precision recipe computes the loss."""
    return outputs.float() if outputs.dtype in (torch.float16, torch.bfloat16) else outputs


@dataclass(frozen=True, kw_only=True)
class LossChoice(Choice):
    """A row of ``LOSSES``.

    Attributes:
        function: ``function(outputs, targets)``, the scalar loss. Targets are class indices, or
            numbers.
        parts: the functions that it calls.
        targets: what can be asked for with it.
        probabilities: whether outputs have to lie between 0 and 1.
        middle: the output of a single unit that is as near to yes as to no.
    """

    function: Callable[[Tensor, Tensor], Tensor]
    parts: tuple[Callable[..., Tensor], ...] = (widen, spread_targets)
    targets: tuple[Targets, ...] = tuple(Targets)
    probabilities: bool = False
    middle: float = 0.5


@dataclass(frozen=True, kw_only=True)
class DTypeChoice(Choice):
    """A row of ``DTYPES``."""

    dtype: torch.dtype


LOSSES: dict[Loss, LossChoice] = {
    Loss.CROSS_ENTROPY: LossChoice(
        label=N_("Cross-entropy"),
        help=N_("Classification: −log of the probability given to the true class."),
        function=cross_entropy,
        parts=(widen,),
        targets=(Targets.CLASSES,),
    ),
    Loss.MSE: LossChoice(
        label=N_("Mean squared error"),
        help=N_(
            "Squared distance to the target, averaged over batch and outputs; of classes the "
            "target is one-hot."
        ),
        function=mse,
    ),
    Loss.L1: LossChoice(
        label=N_("Mean absolute error (L1)"),
        help=N_("Distance to the target, averaged: the size of its gradient never changes."),
        function=l1,
    ),
    Loss.BCE_WITH_LOGITS: LossChoice(
        label=N_("BCE with logits"),
        help=N_(
            "Binary cross-entropy of σ(output): each unit says yes or no. It takes the sigmoid "
            "itself."
        ),
        function=bce_with_logits,
        targets=(Targets.CLASSES, Targets.BINARY),
        middle=0.0,
    ),
    Loss.BCE: LossChoice(
        label=N_("BCE of probabilities"),
        help=N_("Binary cross-entropy of outputs that are probabilities already."),
        function=bce,
        targets=(Targets.CLASSES, Targets.BINARY),
        probabilities=True,
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
