"""What follows the readout: one enum member and one table row each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from torch import nn

from gradflow.core.catalog.choice import Choice
from gradflow.core.text import N_


class Readout(StrEnum):
    """Codes of the activations behind the readout."""

    NONE = "none"
    SOFTMAX = "softmax"
    LOG_SOFTMAX = "log_softmax"
    SIGMOID = "sigmoid"
    TANH = "tanh"
    RELU = "relu"


@dataclass(frozen=True, kw_only=True)
class ReadoutChoice(Choice):
    """A row of ``READOUTS``.

    Attributes:
        module: makes the module behind the readout; ``None``: nothing is there.
        probabilities: whether all outputs lie between 0 and 1.
    """

    module: Callable[[], nn.Module] | None = None
    probabilities: bool = False


READOUTS: dict[Readout, ReadoutChoice] = {
    Readout.NONE: ReadoutChoice(
        label=N_("None"), help=N_("The outputs are the readout’s pre-activations, the logits.")
    ),
    Readout.SOFTMAX: ReadoutChoice(
        label="Softmax",
        help=N_(
            "Probabilities that sum to 1. Cross-entropy takes a softmax itself: before it, this "
            "one is the second. Of a single unit the softmax is always 1."
        ),
        module=lambda: nn.Softmax(dim=-1),
        probabilities=True,
    ),
    Readout.LOG_SOFTMAX: ReadoutChoice(
        label="LogSoftmax",
        help=N_("Logarithms of probabilities; cross-entropy leaves them as they are."),
        module=lambda: nn.LogSoftmax(dim=-1),
    ),
    Readout.SIGMOID: ReadoutChoice(
        label="Sigmoid",
        help=N_(
            "A number from 0 to 1 per unit. BCE with logits takes a sigmoid itself: before it, "
            "this one is the second."
        ),
        module=nn.Sigmoid,
        probabilities=True,
    ),
    Readout.TANH: ReadoutChoice(
        label="Tanh", help=N_("A number from −1 to 1 per unit."), module=nn.Tanh
    ),
    Readout.RELU: ReadoutChoice(
        label="ReLU",
        help=N_("No output below 0, and no gradient where it would be."),
        module=nn.ReLU,
    ),
}
